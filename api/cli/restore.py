"""`kontaktlog restore`: a log brought back from a backup, and shown to be the one that was copied.

It never writes over anything, puts the log in its place only after its events were counted and
hashed against the manifest, and leaves the views to be built anew: they are answers, not facts.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.backup import (
    FORMAT,
    KEYS_MANIFEST,
    KEYS_SCHEMA,
    LOG_SCHEMA,
    MANIFEST,
    Measured,
    described,
    measure,
    run_program,
    settled,
    synced,
)
from api.cli.terminal import Json, say, show

if TYPE_CHECKING:
    from domain.log.port import Log

SIDE_FILES: Final = ("-wal", "-shm")
MANIFEST_BYTES_MAX: Final = 1_048_576


def restore(
    source: Annotated[Path, typer.Argument(help="Mappen, som backup skrev")],
    to: Annotated[
        str, typer.Option("--to", help="Mappe, sqlite:///sti/log.db eller postgresql://…")
    ],
    as_json: Json = False,
) -> None:
    """Genskab loggen (og nøglerne, når de er med) et sted, hvor der ingen log er.

    Visningerne bygges op igen ved næste start. Læg master.key og signing.key på plads bagefter.
    Eksempel: kontaktlog restore /var/backups/kontaktlog/2026-11-30 --to /srv/kontaktlog
    """
    from domain.errors import Refused

    manifest = _manifest(source / MANIFEST)
    keys = _manifest(source / KEYS_MANIFEST) if (source / KEYS_MANIFEST).exists() else None
    file = _checked(source, manifest)
    keys_file = _checked(source, keys) if keys else None
    is_dump = to.startswith(("postgresql://", "postgres://"))
    if is_dump != (manifest["store"] == "postgresql"):
        raise Refused("invalid_input", reason="the backup is of the other kind of store")
    measured = (_to_postgres if is_dump else _to_sqlite)(file, keys_file, to, manifest)
    answer = {
        "to": str(to) if not is_dump else "postgresql",
        "position": measured.position,
        "root": measured.root,
        "checkpoint_size": measured.checkpoint_size,
        "keys": keys_file is not None,
    }
    show(answer, as_json, f"Genskabt: {measured.position} hændelser, alle efterprøvet.")
    if not as_json:
        say("Læg master.key og signing.key på plads; visningerne bygges op ved næste start.")


def _manifest(file: Path) -> dict[str, Any]:
    """Read a manifest, which nothing else vouches for: its form is checked before it is used."""
    from domain.errors import Refused, Unknown

    if not file.is_file():
        raise Unknown("not_found", reason=f"no {file.name} in the folder")
    try:
        with file.open("rb") as stream:
            found = json.loads(stream.read(MANIFEST_BYTES_MAX))
        (listed,) = found["files"]
        fine = found["format"] == FORMAT and {type(listed["name"]), type(listed["sha256"])} == {str}
    except (ValueError, KeyError, TypeError):
        fine, found, listed = False, {}, {}
    if not fine or Path(listed["name"]).name != listed["name"]:
        raise Refused("import_file_unreadable", reason=file.name)
    return dict(found)


def _checked(source: Path, manifest: dict[str, Any]) -> Path:
    from domain.errors import Broken, Unknown

    listed = manifest["files"][0]
    file = source / str(listed["name"])
    if not file.is_file():
        raise Unknown("not_found", reason=f"no {listed['name']} in the folder")
    if described(file)["sha256"] != listed["sha256"]:
        raise Broken("log_broken", reason=f"{listed['name']} is not the file that was written")
    return file


def _to_sqlite(file: Path, keys: Path | None, to: str, manifest: dict[str, Any]) -> Measured:
    from domain.errors import Refused
    from domain.storage.stores import open_log

    place = Path(to.removeprefix("sqlite:///"))
    target = place if to.startswith("sqlite:///") else place / "log.db"
    keys_target = target.with_name("keys.db")
    taken = [each for each in (target, keys_target if keys else None) if each and each.exists()]
    if taken:
        raise Refused("invalid_input", reason=f"{taken[0].name} exists there already")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _clear_leftovers(target, keys_target)
    draft = target.with_name(f"{target.name}.restoring")
    _clear(draft)
    _copy(file, draft)
    log = open_log(f"sqlite:///{draft}", create=False)
    try:
        measured = _compared(log, manifest)
    except BaseException:
        log.close()
        _clear(draft)
        raise
    log.close()
    settled(draft)
    if keys is not None:
        _copy(keys, keys_target)
    draft.rename(target)
    synced(target.parent)
    return measured


def _clear_leftovers(target: Path, keys_target: Path) -> None:
    """Remove what a former log of that name left: a stale -wal would be played into the new file.

    Views of another log would be believed up to a position they never saw.
    """
    for each in (target, keys_target):
        if not each.exists():
            _clear(each)
    _clear(target.with_name("views.db"))


def _clear(file: Path) -> None:
    for each in (file, *(Path(f"{file}{ending}") for ending in SIDE_FILES)):
        each.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o600)
    synced(target)


def _to_postgres(file: Path, keys: Path | None, to: str, manifest: dict[str, Any]) -> Measured:
    from domain.errors import Refused
    from domain.storage.stores import open_log

    for schema in (LOG_SCHEMA, *([KEYS_SCHEMA] if keys else [])):
        if _schema_exists(to, schema):
            raise Refused("invalid_input", reason=f"schema {schema} exists there already")
    for dump in filter(None, (file, keys)):
        arguments = ["--no-owner", "--exit-on-error", "--single-transaction", str(dump)]
        run_program("pg_restore", arguments, to)
    log = open_log(to, create=False)
    try:
        return _compared(log, manifest)
    finally:
        log.close()


def _schema_exists(url: str, schema: str) -> bool:
    import psycopg

    from domain.errors import Unavailable

    try:
        with psycopg.connect(url) as db:
            found = db.execute("SELECT to_regnamespace(%s) IS NOT NULL", (schema,)).fetchone()
    except psycopg.Error as error:
        raise Unavailable("store_unavailable", reason=type(error).__name__) from error
    return found == (True,)


def _compared(log: Log, manifest: dict[str, Any]) -> Measured:
    from domain.errors import Broken

    measured = measure(log)
    for name in ("position", "root", "checkpoint_size", "checkpoint"):
        if getattr(measured, name) != manifest.get(name):
            raise Broken("log_broken", reason=f"{name} differs from the manifest")
    return measured
