"""Opens the log and its keys from the addresses an installation is given."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from domain.errors import Refused
from domain.storage.keys import KeyTable, SqliteKeyTable, StoredKeys
from domain.storage.sqlite import SqliteLog

if TYPE_CHECKING:
    from domain.storage.postgres import PostgresLog

SQLITE: Final = "sqlite:///"
POSTGRESQL: Final = ("postgresql://", "postgres://")

AnyLog: TypeAlias = "SqliteLog | PostgresLog"


def sqlite_path(url: str) -> Path:
    """Return the file of a `sqlite:///path` address (`sqlite:////abs/path` is absolute)."""
    return Path(url.removeprefix(SQLITE))


def open_log(url: str, *, create: bool = True) -> AnyLog:
    """Open the log at `sqlite:///path` or `postgresql://…`, creating its tables when `create`.

    Raises Refused(`setting_unsafe`) for another kind of address, Unavailable when it is not there.
    """
    if url.startswith(SQLITE):
        path = sqlite_path(url)
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        return SqliteLog(path, create=create)
    if url.startswith(POSTGRESQL):
        # Only an installation with PostgreSQL pays for its driver.
        from domain.storage.postgres import PostgresLog, create_schema  # noqa: PLC0415

        if create:
            create_schema(url)
        return PostgresLog(url)
    raise Refused("setting_unsafe", reason="store must be sqlite:///path or postgresql://…")


def open_keys(url: str, master: bytes) -> StoredKeys:
    """Open the keys database; raises Broken when `master` is not the key it was made with."""
    if url.startswith(SQLITE):
        path = sqlite_path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        return _unwrapping(SqliteKeyTable(path), master)
    if url.startswith(POSTGRESQL):
        from domain.storage.postgres_keys import PostgresKeyTable  # noqa: PLC0415  as above

        return _unwrapping(PostgresKeyTable(url), master)
    raise Refused("setting_unsafe", reason="keys must be sqlite:///path or postgresql://…")


def _unwrapping(table: KeyTable, master: bytes) -> StoredKeys:
    try:
        return StoredKeys(table, master)
    except BaseException:
        table.close()
        raise
