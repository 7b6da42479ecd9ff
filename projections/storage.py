"""Connections of the views' database, the one place in the views that knows which database it is.

SQL is written once: `?` for a parameter, and in DDL the words `{bigint} {blob} {text} {clustered}`
and `{v}` (the table-name suffix). Rows of views are versioned: valid when
`from_position <= at < to_position`; `OPEN` stands for an open end. Everything here can be built
again from the log, so a commit need not wait for the disk; rows and position stay one transaction.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Lock, RLock
from typing import Final, Protocol, TypeVar

from eventsourcing.persistence import IntegrityError, Tracking, TrackingRecorder

from domain.errors import Unavailable
from projections.connections import (
    Dialect,
    FollowerLock,
    Params,
    Row,
    SqliteDatabase,
)

__all__ = [
    "OPEN",
    "Dialect",
    "FollowerLock",
    "Params",
    "Positions",
    "Reader",
    "Row",
    "Tx",
    "ViewStore",
    "advance",
    "columns_of",
    "open_views",
    "tables_of",
]

OPEN: Final = 2**63 - 1
"""`to_position` of a row that is still valid."""
IDLE_CONNECTIONS_MAX: Final = 8
"""Read connections kept open for the next reader; more are opened when needed, then closed."""

_SQLITE: Final = "sqlite:///"
_WORDS: Final[dict[str, dict[str, str]]] = {
    "sqlite": {
        "{bigint}": "INTEGER",
        "{blob}": "BLOB",
        "{text}": "TEXT",
        "{clustered}": "WITHOUT ROWID",
    },
    # Bytewise order, as in SQLite: the same question gives the same bytes on both databases.
    "postgresql": {
        "{bigint}": "bigint",
        "{blob}": "bytea",
        "{text}": 'text COLLATE "C"',
        "{clustered}": "",
    },
}
_TRACKING: Final = """CREATE TABLE IF NOT EXISTS tracking (
    suffix {text} NOT NULL PRIMARY KEY,
    position {bigint} NOT NULL,
    name {text},
    version {bigint},
    generation {bigint},
    state {text},
    failed_at {bigint},
    error {text}
)"""


class Reader(Protocol):
    """One consistent snapshot of the views."""

    @property
    def dialect(self) -> Dialect:
        """Which database answers, for the few things that differ (text search)."""
        ...

    def all(self, sql: str, params: Params = ()) -> list[Row]:
        """Return every row."""
        ...

    def one(self, sql: str, params: Params = ()) -> Row | None:
        """Return the first row, None when there is none."""
        ...

    def each(self, sql: str) -> Iterator[Row]:
        """Return row after row, without holding them all."""
        ...


class Tx(Reader, Protocol):
    """The writer's side of one transaction; it reads what it has written."""

    def run(self, sql: str, params: Params = ()) -> int:
        """Run one statement and return how many rows it touched."""
        ...

    def many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run one statement for each of `rows`."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what happens inside when it raises, and nothing else."""
        ...


class Database(Protocol):
    """What differs between the databases."""

    dialect: Dialect

    def reader(self) -> "Connection":
        """Open a connection that reads."""
        ...

    def writer(self) -> "Connection":
        """Open the connection that writes."""
        ...

    def try_lock(self) -> FollowerLock | None:
        """Become the only follower, or return None because another one is."""
        ...

    def is_down(self, error: Exception) -> bool:
        """Return whether the error is the database's state rather than a mistake of ours."""
        ...

    def mark(self) -> int | None:
        """Return a number that changes with every commit, None if that cannot be had cheaply."""
        ...

    def close(self) -> None:
        """Release what is held beside reader and writer connections."""
        ...


class Connection(Tx, Protocol):
    """A transaction's beginning and end, and its statements between."""

    def begin(self) -> None:
        """Start a transaction."""
        ...

    def commit(self) -> None:
        """Keep what was done."""
        ...

    def rollback(self) -> None:
        """Undo what was done; no error when nothing was begun."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


_T = TypeVar("_T")


class ViewStore:
    """The views' database: many readers, one writing transaction at a time."""

    def __init__(self, database: Database) -> None:
        """Create the tracking table when it is missing."""
        self.dialect = database.dialect
        self._database = database
        self._idle: deque[Connection] = deque()
        self._writer: Connection | None = None
        self._write_lock = RLock()
        self._mark_lock = Lock()
        with self.writing() as tx:
            tx.run(self.ddl(_TRACKING))

    def ddl(self, sql: str, v: str = "") -> str:
        """Return DDL in this database's words, `{v}` being the suffix."""
        for word, meaning in _WORDS[self.dialect].items():
            sql = sql.replace(word, meaning)
        return sql.replace("{v}", v)

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Read one consistent snapshot; raises Unavailable when the database is away."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._guarded(self._database.reader)
        try:
            connection.begin()
            yield connection
            connection.commit()
        except BaseException as error:
            self._give_up(connection, error)
            raise
        # Counted after it was put back: of readers that end together none then finds room twice.
        self._idle.append(connection)
        if len(self._idle) > IDLE_CONNECTIONS_MAX:
            with suppress(IndexError):
                self._idle.popleft().close()

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        """Write one transaction; kept when the block ends well, undone when it raises."""
        with self._write_lock:
            if self._writer is None:
                self._writer = self._guarded(self._database.writer)
            writer = self._writer
            try:
                writer.begin()
                yield writer
                writer.commit()
            except BaseException as error:
                if isinstance(error, Exception) and self._database.is_down(error):
                    self._writer = None
                    self._give_up(writer, error)
                writer.rollback()
                raise

    def follower_lock(self) -> FollowerLock | None:
        """Become the only follower of this store, or return None because another one is."""
        return self._guarded(self._database.try_lock)

    def mark(self) -> int | None:
        """Return a number that changes with every commit (SQLite), None if unknown."""
        with self._mark_lock:
            return self._guarded(self._database.mark)

    def is_down(self, error: Exception) -> bool:
        """Return whether an error tells of the database's state, not of a view's mistake."""
        return isinstance(error, Unavailable) or self._database.is_down(error)

    def close(self) -> None:
        """Close every connection."""
        with self._write_lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        self._drain()
        self._database.close()

    def _give_up(self, connection: Connection, error: BaseException) -> None:
        """End a failed transaction; raise Unavailable when the database is what failed."""
        if isinstance(error, Exception) and self._database.is_down(error):
            connection.close()
            self._drain()  # what was opened before the database went is no better
            raise Unavailable("store_unavailable") from error
        connection.rollback()
        connection.close()

    def _drain(self) -> None:
        # Not by looking first: of two who drain at once both would see the last one.
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _guarded(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except Exception as error:
            if self._database.is_down(error):
                raise Unavailable("store_unavailable") from error
            raise


def open_views(url: str) -> ViewStore:
    """Open the views at `sqlite:///path` or `postgresql://…`, creating what is missing.

    An absolute path gives `sqlite:////path`, as for the log.

    Raises Unavailable when the database cannot be reached.
    """
    if url.startswith(_SQLITE):
        return ViewStore(SqliteDatabase(Path(url.removeprefix(_SQLITE))))
    import psycopg  # noqa: PLC0415  only an installation with PostgreSQL pays for it

    from projections.postgres import PostgresDatabase  # noqa: PLC0415

    try:
        return ViewStore(PostgresDatabase(url))
    except psycopg.OperationalError as error:
        raise Unavailable("store_unavailable") from error


def tables_of(store: ViewStore, reader: Reader, v: str) -> list[str]:
    """Return the tables of one generation, by name; all end in `_` and the suffix."""
    catalogue = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
    }
    names = (str(row[0]) for row in reader.all(catalogue[store.dialect]))
    return sorted(name for name in names if name.endswith(f"_{v}"))


def columns_of(store: ViewStore, reader: Reader, table: str) -> list[str]:
    """Return a table's columns in order."""
    catalogue = {
        "sqlite": "SELECT name FROM pragma_table_info(?) ORDER BY cid",
        "postgresql": "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position",
    }
    return [str(row[0]) for row in reader.all(catalogue[store.dialect], (table,))]


class Positions(TrackingRecorder):
    """The library's tracking recorder over our tracking table.

    Its conformance suite runs over this; the runner uses the same `advance`.
    """

    def __init__(self, store: ViewStore) -> None:
        """`store` stays the caller's to close."""
        super().__init__()
        self._store = store

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move a position on; raises IntegrityError unless it goes forward."""
        with self._store.writing() as tx:
            found = tx.one(
                "SELECT position FROM tracking WHERE suffix = ?", (tracking.application_name,)
            )
            if found is None:
                tx.run(
                    "INSERT INTO tracking (suffix, position) VALUES (?, ?)",
                    (tracking.application_name, tracking.notification_id),
                )
            elif found[0] >= tracking.notification_id or not advance(
                tx, tracking.application_name, found[0], tracking.notification_id
            ):
                raise IntegrityError

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return the position reached, None when there is none."""
        with self._store.reading() as reader:
            found = reader.one(
                "SELECT position FROM tracking WHERE suffix = ?", (application_name,)
            )
        return None if found is None else int(found[0])


def advance(tx: Tx, suffix: str, before: int, after: int) -> bool:
    """Move a position from `before` to `after`; False when it does not stand at `before`."""
    sql = "UPDATE tracking SET position = ? WHERE suffix = ? AND position = ?"
    return tx.run(sql, (after, suffix, before)) == 1
