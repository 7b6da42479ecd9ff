"""Every setting of an installation, read here and nowhere else, and the key files they point at.

Each setting is an environment variable `KONTAKTLOG_<NAME>` or a file `kontaktlog_<name>` in the
folder KONTAKTLOG_SECRETS_DIR; the environment wins. What cannot be meant is refused at the start:
a misspelt name that is silently passed over is a setting somebody believes in. docs/settings.md
lists them all and is compared with this module by a test.
"""

import base64
import binascii
import difflib
import os
import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.errors import Broken, Unavailable
from domain.storage.clock import entropy

if TYPE_CHECKING:
    from domain.log.checkpoint import SigningKey

Key = TypeVar("Key")

PREFIX: Final = "KONTAKTLOG_"
KEY_BYTES: Final = 32
KEY_FILE_MODE: Final = 0o600
DATA_FOLDER_MODE: Final = 0o700
MEDIA_MAX: Final = 200
CONNECT_SECONDS: Final = 5
_FOR_TESTS: Final = ("TEST_", "REQUIRE_", "HYPOTHESIS_")
"""Names after the prefix that belong to the test-suite, and to nobody else."""
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ORIGIN: Final = re.compile(r"[^\s+\x00-\x1f\x7f]{1,200}")
_SQLITE: Final = "sqlite:///"
_POSTGRES: Final = "postgresql://"


class SettingsError(Exception):
    """A setting that cannot be used (ugyldig indstilling): its name and the reason, no value."""

    def __init__(self, setting: str, reason: str) -> None:
        """`setting` is the full name as the operator writes it."""
        super().__init__(f"{setting}: {reason}")
        self.setting = setting
        self.reason = reason


class Settings(BaseSettings):
    """One installation's settings (indstillinger); made by `load_settings`, which explains faults.

    The fields are as given; the properties below say what they come to.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, validate_default=True
    )

    store: str = Field(
        default="sqlite:///kontaktlog-data/log.db",
        max_length=2_000,
        repr=False,
        description="Where the log is: sqlite:///path/to/log.db or postgresql://user@host/database",
    )
    views: str | None = Field(
        default=None,
        max_length=2_000,
        repr=False,
        description="Where the views are. Default: views.db beside an SQLite log; with PostgreSQL "
        "the log's database, schema kontaktlog_views",
    )
    keys: str | None = Field(
        default=None,
        max_length=2_000,
        repr=False,
        description="Where the keys of sealed values are. Default: keys.db beside an SQLite log; "
        "with PostgreSQL the log's database, schema kontaktlog_keys",
    )
    data_dir: Path | None = Field(
        default=None,
        description="Folder of the key files. Default: the folder of an SQLite log, else "
        "kontaktlog-data",
    )
    secrets_dir: Path | None = Field(
        default=None,
        description="Folder of files kontaktlog_<name>, one setting each (systemd credentials, "
        "container secrets)",
    )
    master_key: SecretStr | None = Field(
        default=None,
        description="Key that wraps every subject's key: 32 bytes in base64. Default: the file "
        "master.key in DATA_DIR, made on first use",
    )
    signing_key: SecretStr | None = Field(
        default=None,
        description="Key that signs checkpoints: a PRIVATE+KEY line, or 32 bytes in base64. "
        "Default: the file signing.key in DATA_DIR, made on first use",
    )
    origin: str = Field(
        default="kontaktlog.example/log",
        max_length=200,
        description="First line of every checkpoint: the log's own name, an address without "
        "scheme. Choose it once, before the first checkpoint",
    )
    time_zone: str = Field(
        default="Europe/Copenhagen",
        max_length=64,
        description="Time zone that decides the calendar day of an instant",
    )
    media: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        max_length=MEDIA_MAX,
        description="Further media beside the standard ones: codes with commas between them",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        max_length=253,
        description="Address to listen on; leave it on loopback behind a reverse proxy",
    )
    port: int = Field(
        default=8010, ge=0, le=65_535, description="Port to listen on; 0 takes any free one"
    )
    followers: Literal["process", "inline", "off"] = Field(
        default="process",
        description="Who keeps views and checkpoints up to date: a process beside the server, "
        "threads inside it (tests), or nobody (kontaktlog follow runs elsewhere)",
    )
    max_body_bytes: int = Field(
        default=1_048_576,
        ge=16_384,
        le=104_857_600,
        description="Largest request body, in bytes",
    )
    max_batch_bytes: int = Field(
        default=16_777_216,
        ge=16_384,
        le=268_435_456,
        description="Largest request body of a batch, in bytes",
    )
    receive_seconds: float = Field(
        default=15.0,
        gt=0,
        le=600,
        description="Seconds a client may take to send a whole request",
    )
    wait_seconds: float = Field(
        default=5.0,
        ge=0,
        le=60,
        description="Seconds a query waits for a view to reach min_position",
    )
    queue_max: int = Field(
        default=4_096,
        ge=1,
        le=1_000_000,
        description="Appends that may wait for the writer; beyond them the answer is 503",
    )
    shutdown_seconds: int = Field(
        default=10,
        ge=1,
        le=600,
        description="Seconds that running requests get to finish when the server stops",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe line of the operator's log"
    )

    @field_validator("media", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        return tuple(code.strip() for code in given.split(",") if code.strip())

    @field_validator("media")
    @classmethod
    def _codes(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if odd := [code for code in given if not _CODE.fullmatch(code)]:
            raise ValueError(f"not a code (a-z, 0-9 and _, at most 64 characters): {odd[0][:80]}")
        return tuple(dict.fromkeys(given))

    @field_validator("store", "views", "keys")
    @classmethod
    def _address(cls, given: str | None) -> str | None:
        if given is None or (given.startswith(_POSTGRES) and urlsplit(given).path.strip("/")):
            return given
        if not given.startswith(_SQLITE) or given.endswith(("/", ":memory:")):
            raise ValueError("must be sqlite:///path/to/file or postgresql://user@host/database")
        if Path(given.removeprefix(_SQLITE)).is_dir():
            raise ValueError("names a folder; it must name a file in it")
        return given

    @field_validator("origin")
    @classmethod
    def _one_word(cls, given: str) -> str:
        if not _ORIGIN.fullmatch(given):
            raise ValueError("must be one word without spaces or plus, like kontakt.example.dk/log")
        return given

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("no such time zone on this machine") from error
        return given

    @field_validator("master_key")
    @classmethod
    def _master(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            _key_of(given.get_secret_value())
        return given

    @field_validator("signing_key")
    @classmethod
    def _signing(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            _signing_key_of(given.get_secret_value(), "any")
        return given

    @model_validator(mode="after")
    def _apart(self) -> Self:
        files = [url for url in (self.store, self.views_url, self.keys_url) if is_sqlite(url)]
        paths = [sqlite_path(url).absolute() for url in files]
        if len(set(paths)) < len(paths):
            raise ValueError("STORE, VIEWS and KEYS must be three different files")
        return self

    @property
    def views_url(self) -> str:
        """Where the views are, default applied."""
        return self.views or self._beside("views.db")

    @property
    def keys_url(self) -> str:
        """Where the keys of sealed values are, default applied."""
        return self.keys or self._beside("keys.db")

    @property
    def data_path(self) -> Path:
        """Folder of the key files, default applied."""
        if self.data_dir is not None:
            return self.data_dir
        return sqlite_path(self.store).parent if is_sqlite(self.store) else Path("kontaktlog-data")

    @property
    def master_key_file(self) -> Path:
        """Where the master key is kept when MASTER_KEY does not give it."""
        return self.data_path / "master.key"

    @property
    def signing_key_file(self) -> Path:
        """Where the signing key is kept when SIGNING_KEY does not give it."""
        return self.data_path / "signing.key"

    @property
    def zone(self) -> ZoneInfo:
        """The municipality's time zone."""
        return ZoneInfo(self.time_zone)

    def master_key_bytes(self) -> bytes:
        """Return the 32 bytes of the master key; raises SettingsError when there is none."""
        if self.master_key is not None:
            return _key_of(self.master_key.get_secret_value())
        return _from_file("MASTER_KEY", self.master_key_file, _key_of)

    def checkpoint_key(self) -> "SigningKey":
        """Return the key that signs checkpoints; raises SettingsError when there is none."""
        if self.signing_key is not None:
            return _signing_key_of(self.signing_key.get_secret_value(), self.origin)
        file = self.signing_key_file
        return _from_file("SIGNING_KEY", file, lambda text: _signing_key_of(text, self.origin))

    def _beside(self, name: str) -> str:
        if not is_sqlite(self.store):
            return self.store
        return f"{_SQLITE}{sqlite_path(self.store).parent / name}"


def load_settings(**given: Any) -> Settings:
    """Read the settings, `given` ones first; raises SettingsError that names the first fault."""
    folder = os.environ.get(f"{PREFIX}SECRETS_DIR") or given.get("secrets_dir")
    if folder is not None and not Path(folder).is_dir():
        raise SettingsError(f"{PREFIX}SECRETS_DIR", "no such folder")
    named = [path.name for path in Path(folder).iterdir()] if folder else []
    _refuse_unknown([*os.environ, *named])
    try:
        return Settings(_secrets_dir=folder, **given)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in fault["loc"][:1]).upper()
        reason = str(fault["msg"]).removeprefix("Value error, ")
        raise SettingsError(f"{PREFIX}{name}" if name else "settings", reason) from None
    except ValueError as error:
        raise SettingsError("settings", str(error)) from None


def is_sqlite(url: str) -> bool:
    """Whether the address is that of an SQLite file."""
    return url.startswith(_SQLITE)


def sqlite_path(url: str) -> Path:
    """Return the file of an SQLite address; `sqlite:////var/…` is absolute."""
    return Path(url.removeprefix(_SQLITE))


def masked_url(url: str) -> str:
    """Return the address with its password, if any, replaced: for people's eyes and logs."""
    parts = urlsplit(url)
    if is_sqlite(url) or not parts.password:
        return url
    user = f"{quote(parts.username or '', safe='%')}:********@"
    return urlunsplit(parts._replace(netloc=user + parts.netloc.rpartition("@")[2]))


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


def child_environment(**added: str) -> dict[str, str]:
    """Return this process's environment with `added`, for a program that we start."""
    return {**os.environ, **added}


def new_master_key() -> str:
    """Return a fresh master key as its file holds it."""
    return base64.b64encode(entropy(KEY_BYTES)).decode()


def new_signing_key(origin: str) -> str:
    """Return a fresh signing key under the log's name, as its file holds it."""
    from domain.log.checkpoint import SigningKey  # noqa: PLC0415  cryptography is slow to import

    return SigningKey(origin, entropy(KEY_BYTES)).secret_text()


def _refuse_unknown(names: Iterable[str]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    ours = sorted({name.upper() for name in names if name.upper().startswith(PREFIX)} - known)
    unknown = [name for name in ours if not name.removeprefix(PREFIX).startswith(_FOR_TESTS)]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise SettingsError(", ".join(unknown), f"no such setting{hint}")


def _key_of(text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("must be 32 bytes in base64")
    return key


def _signing_key_of(text: str, origin: str) -> "SigningKey":
    from domain.log.checkpoint import SigningKey  # noqa: PLC0415  cryptography is slow to import

    text = text.strip()
    try:
        if text.startswith("PRIVATE+KEY+"):
            return SigningKey.parse(text)
        return SigningKey(origin, _key_of(text))
    except (Broken, ValueError) as error:
        raise ValueError("must be a PRIVATE+KEY line or 32 bytes in base64") from error


def _from_file(name: str, file: Path, read: Callable[[str], Key]) -> Key:
    try:
        return read(file.read_text(encoding="ascii"))
    except FileNotFoundError:
        raise SettingsError(PREFIX + name, f"not set, and {file} does not exist") from None
    except (OSError, UnicodeError):
        raise SettingsError(PREFIX + name, f"{file} cannot be read") from None
    except ValueError as error:
        raise SettingsError(PREFIX + name, f"{file} {error}") from None


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
