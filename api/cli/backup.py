"""`kontaktlog backup`: a copy of the log that holds everything acknowledged before it began.

A plain copy of a live SQLite file misses what still stands in its write-ahead log and looks whole
(proof.md B1), so the database itself makes the copy. The manifest says how many events it has, the
root over them, and the newest checkpoint, so that a restore can prove itself complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.terminal import Json, say, settings_with, show

if TYPE_CHECKING:
    from api.settings import Settings
    from domain.log.port import Log

FORMAT: Final = "kontaktlog-backup/1"
MANIFEST: Final = "manifest.json"
KEYS_MANIFEST: Final = "keys-manifest.json"
CHUNK_BYTES: Final = 1_048_576
LOG_SCHEMA: Final = "kontaktlog"
KEYS_SCHEMA: Final = "kontaktlog_keys"
FOLDER_MODE: Final = 0o700


@dataclass(frozen=True, slots=True)
class Measured:
    """What a log held: its last position, the root over all of it, and its newest checkpoint."""

    position: int
    root: str
    checkpoint_size: int
    checkpoint: str | None


def backup(
    target: Annotated[Path, typer.Argument(help="Mappe til kopien; må ikke findes i forvejen")],
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Tag også nøglerne, i en fil for sig")
    ] = False,
    as_json: Json = False,
) -> None:
    """Tag en sikkerhedskopi af loggen; tjenesten kan køre imens.

    Nøglerne har deres egen, kortere opbevaring (docs/operations.md): uden dem kan personlige
    oplysninger ikke læses. master.key og signing.key kopieres aldrig. Eksempel:
    kontaktlog backup /var/backups/kontaktlog/2026-11-30
    """
    from api.settings import is_sqlite
    from domain.storage.clock import now
    from domain.values import instant_text

    settings, started = settings_with(), instant_text(now())
    _make_folder(target)
    copy_log = _sqlite_log if is_sqlite(settings.store) else _postgres_log
    file, measured = copy_log(settings.store, target)
    # The keys after the log: each key that the copied log names is then in the copy of the keys.
    keys = _copy_keys(settings, target, started) if with_keys else None
    manifest = {
        "format": FORMAT,
        "started_at": started,
        "finished_at": instant_text(now()),
        "store": "sqlite" if is_sqlite(settings.store) else "postgresql",
        "origin": settings.origin,
        **asdict(measured),
        "files": [described(file)],
    }
    _write(target / MANIFEST, manifest)
    answer = {**manifest, "folder": str(target), "keys": keys}
    show(answer, as_json, f"Kopieret: {measured.position} hændelser til {target}")
    if not with_keys and not as_json:
        say("Nøglerne er ikke med; tag dem for sig med --with-keys.")


def measure(log: Log) -> Measured:
    """Count, hash and compare a whole log: every row against its leaf, every leaf in the tree.

    Raises Broken when a position is missing, a row is not what its leaf says, or the tree is not
    the one the newest checkpoint signed.
    """
    from domain.errors import Broken
    from domain.log.leaf import body_hash, leaf_hash
    from domain.log.merkle import Frontier

    newest, frontier = log.checkpoint(), Frontier()
    size = 0 if newest is None else newest.size
    signed = frontier.root() if size == 0 else None
    while rows := log.rows(frontier.size):
        for row in rows:
            leaf = leaf_hash(row.position, row.recorded_at, body_hash(*row[2:10]))
            if row.position != frontier.size + 1 or leaf != row.leaf:
                raise Broken("log_broken", reason="row", position=frontier.size + 1)
            frontier.append(leaf)
            if frontier.size == size:
                signed = frontier.root()
    if newest is not None and signed != newest.root:
        raise Broken("log_broken", reason="differs from checkpoint", size=size)
    return Measured(frontier.size, frontier.root().hex(), size, newest.note if newest else None)


def described(file: Path) -> dict[str, Any]:
    """Return a file's name, length and SHA-256."""
    hasher = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            hasher.update(chunk)
    return {"name": file.name, "bytes": file.stat().st_size, "sha256": hasher.hexdigest()}


def synced(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def settled(file: Path) -> None:
    """Leave an SQLite file alone and whole: nothing in a write-ahead log beside it, all on disk."""
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    synced(file)


def run_program(program: str, arguments: Sequence[str], url: str) -> None:
    """Run one of PostgreSQL's programs; its password goes by environment, never by argument.

    Raises Refused when it is not installed, Unavailable with its exit code when it fails.
    """
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from api.settings import child_environment
    from domain.errors import Refused, Unavailable

    found = shutil.which(program)
    if found is None:
        raise Refused("setting_unsafe", reason=f"{program} is not installed")
    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    added = {} if password is None else {"PGPASSWORD": str(password)}
    command = [found, f"--dbname={make_conninfo('', **parts)}", *arguments]
    done = subprocess.run(  # noqa: S603 a fixed program, and no shell
        command, env=child_environment(**added), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        say(done.stderr.strip())
        raise Unavailable("store_unavailable", reason=f"{program} answered {done.returncode}")


def _sqlite_log(url: str, target: Path) -> tuple[Path, Measured]:
    from api.settings import sqlite_path
    from domain.storage.stores import open_log

    file = target / "log.db"
    _copy_sqlite(sqlite_path(url), file)
    log = open_log(f"sqlite:///{file}", create=False)
    try:
        measured = measure(log)
    finally:
        log.close()
    settled(file)
    return file, measured


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy a live database in one read transaction, so that writers never wait for it."""
    from domain.errors import Unavailable

    if not source.exists():
        raise Unavailable("store_unavailable", reason="no such file")
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        origin = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        with closing(origin), closing(sqlite3.connect(target)) as copy:
            origin.backup(copy, pages=-1)
    except sqlite3.Error as error:
        raise Unavailable("store_unavailable", reason=type(error).__name__) from error
    synced(target)


def _postgres_log(url: str, target: Path) -> tuple[Path, Measured]:
    file = target / "log.dump"
    with _snapshot(url) as (snapshot, measured):
        _dump(url, LOG_SCHEMA, file, f"--snapshot={snapshot}")
        return file, measured()


@contextmanager
def _snapshot(url: str) -> Iterator[tuple[str, Callable[[], Measured]]]:
    """Hold one view of the database open, which pg_dump then copies and we measure."""
    import psycopg

    from domain.errors import Unavailable
    from domain.log.merkle import Frontier

    try:
        with psycopg.connect(url) as db:
            db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            exported = db.execute("SELECT pg_export_snapshot()").fetchone()

            def measured() -> Measured:
                frontier = Frontier()
                with db.cursor(name="leaves", binary=True) as leaves:
                    leaves.execute("SELECT leaf FROM kontaktlog.events ORDER BY position")
                    for (leaf,) in leaves:
                        frontier.append(bytes(leaf))
                newest = db.execute(
                    "SELECT size, note FROM kontaktlog.checkpoints ORDER BY size DESC LIMIT 1"
                ).fetchone() or (0, None)
                return Measured(frontier.size, frontier.root().hex(), newest[0], newest[1])

            yield str(exported[0] if exported else ""), measured
    except psycopg.Error as error:
        raise Unavailable("store_unavailable", reason=type(error).__name__) from error


def _dump(url: str, schema: str, file: Path, *arguments: str) -> None:
    wanted = ["--format=custom", f"--schema={schema}", "--no-owner", "--no-privileges"]
    run_program("pg_dump", [*wanted, f"--file={file}", *arguments], url)
    file.chmod(0o600)
    synced(file)


def _copy_keys(settings: Settings, target: Path, started: str) -> dict[str, Any]:
    from api.settings import is_sqlite, sqlite_path

    if is_sqlite(settings.keys_url):
        file = target / "keys.db"
        _copy_sqlite(sqlite_path(settings.keys_url), file)
    else:
        file = target / "keys.dump"
        _dump(settings.keys_url, KEYS_SCHEMA, file)
    found = described(file)
    _write(target / KEYS_MANIFEST, {"format": FORMAT, "started_at": started, "files": [found]})
    return found


def _make_folder(target: Path) -> None:
    from domain.errors import Refused

    try:
        target.mkdir(mode=FOLDER_MODE, parents=True)
    except FileExistsError:
        if not target.is_dir() or any(target.iterdir()):
            raise Refused("invalid_input", reason="target exists and is not empty") from None


def _write(file: Path, data: dict[str, Any]) -> None:
    file.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    synced(file)
    synced(file.parent)
