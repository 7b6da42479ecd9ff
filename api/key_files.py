"""The key files (nøglefiler) that settings point at: made on first use, replaced, never guessed.

They are secrets of the installation, so each is written whole or not at all, for its owner alone.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from api.key_text import new_master_key, new_signing_key
from api.settings import PREFIX, Settings, SettingsError, is_sqlite, sqlite_path
from domain.errors import Unavailable
from domain.storage.clock import entropy

KEY_FILE_MODE: Final = 0o600
DATA_FOLDER_MODE: Final = 0o700
CONNECT_SECONDS: Final = 5


def ensure_key_files(settings: Settings) -> None:
    """Make the key files that are missing, readable by their owner only; safe to call every time.

    A new master key beside existing keys would make every sealed value unreadable, and a new
    signing key beside existing checkpoints would look like a forgery: both are refused.
    Raises SettingsError.
    """
    if settings.master_key is None and not settings.master_key_file.exists():
        if _has_rows(settings.keys_url, "kontaktlog_keys", "keys"):
            raise SettingsError(
                f"{PREFIX}MASTER_KEY",
                f"{settings.master_key_file} is missing, but keys wrapped by it exist; "
                "bring the file back from its backup",
            )
        _write_once(settings.master_key_file, new_master_key())
    if settings.signing_key is None and not settings.signing_key_file.exists():
        if _has_rows(settings.store, "kontaktlog", "checkpoints"):
            raise SettingsError(
                f"{PREFIX}SIGNING_KEY",
                f"{settings.signing_key_file} is missing, but checkpoints signed by it exist; "
                "bring the file back, or make a new one with: kontaktlog checkpoint new-key",
            )
        _write_once(settings.signing_key_file, new_signing_key(settings.origin))


def replace_signing_key(settings: Settings) -> Path | None:
    """Make a new signing key; return the file that now keeps the former one, if there was one.

    The former key's id becomes part of its file's name. Raises SettingsError when SIGNING_KEY
    itself gives the key: then whoever sets it replaces it.
    """
    if settings.signing_key is not None:
        raise SettingsError(f"{PREFIX}SIGNING_KEY", "is set, so replace the key where it is set")
    file, kept = settings.signing_key_file, None
    if file.exists():
        key_id = settings.checkpoint_key().verifier.key_id.hex()
        kept = file.rename(file.with_name(f"{file.name}.{key_id}"))
    _write_once(file, new_signing_key(settings.origin))
    return kept


def _write_once(file: Path, text: str) -> None:
    """Write a secret that only its owner can read, whole or not at all; whoever is first wins."""
    draft = file.with_name(f"{file.name}.{entropy(8).hex()}.new")
    try:
        file.parent.mkdir(mode=DATA_FOLDER_MODE, parents=True, exist_ok=True)
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, KEY_FILE_MODE)
        with os.fdopen(number, "w", encoding="ascii") as out:
            out.write(text + "\n")
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            file.hardlink_to(draft)
        draft.unlink()
        _sync_folder(file.parent)
    except OSError as error:
        reason = f"{file} cannot be written ({error.strerror})"
        raise SettingsError(f"{PREFIX}DATA_DIR", reason) from None


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _has_rows(url: str, schema: str, table: str) -> bool:
    """Whether a table of a store holds rows; a new store has neither rows nor table."""
    if not is_sqlite(url):
        return _postgres_has_rows(url, schema, table)
    file = sqlite_path(url)
    if not file.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as db:
            known = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
            rows = 'SELECT 1 FROM "{}" LIMIT 1'
            made = db.execute(known, (table,)).fetchone() is not None
            return made and db.execute(rows.format(table)).fetchone() is not None
    except sqlite3.Error as error:
        raise Unavailable("store_unavailable", reason=type(error).__name__) from error


def _postgres_has_rows(url: str, schema: str, table: str) -> bool:
    import psycopg  # noqa: PLC0415  only an installation with PostgreSQL pays for it
    from psycopg import sql  # noqa: PLC0415

    name = sql.Identifier(schema, table)
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS) as db:
            made = db.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{schema}.{table}",))
            if made.fetchone() != (True,):
                return False
            return (
                db.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(name)).fetchone() is not None
            )
    except psycopg.Error as error:
        raise Unavailable("store_unavailable", reason=type(error).__name__) from error
