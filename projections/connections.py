"""SQLite as the views' database: connections, their settings, the follower's lock.

Only `projections/storage.py` and `projections/postgres.py` import this; views speak the portable
SQL that `storage.py` describes.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, Self

BUSY_SECONDS: Final = 10
"""How long a SQLite statement waits for another process that writes."""
PAGE_BYTES: Final = 8_192
"""A contact with its texts takes two to three KiB: a page holds several, little is left over."""
MMAP_BYTES: Final = 256 * 1024 * 1024
READER_CACHE_KIB: Final = 8 * 1024
WRITER_CACHE_KIB: Final = 64 * 1024
"""Page cache of the writer: index pages of one page of events stay in memory."""
CHECKPOINT_PAGES: Final = 8_000
"""Pages in SQLite's write-ahead log before they are moved: fewer, larger moves in a rebuild."""

Row = tuple[Any, ...]
Params = Sequence[Any]
Dialect = Literal["sqlite", "postgresql"]

_SQLITE_DOWN: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    }
)
_PRIMARY_CODE: Final = 0xFF
"""SQLite's extended result codes keep the primary one in the low byte."""


class FollowerLock:
    """Held by the one follower of a store; let go by `release`, or when its process ends."""

    def __init__(self, release: Callable[[], None]) -> None:
        """`release` is called once."""
        self._release: Callable[[], None] | None = release

    def release(self) -> None:
        """Let the next follower in."""
        if self._release is not None:
            self._release()
            self._release = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class SqliteConnection:
    """One SQLite connection, used by one thread at a time."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path, *, writes: bool) -> None:
        """A reading connection refuses to write."""
        self._raw = sqlite3.connect(
            path,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_SECONDS,
            cached_statements=256,
        )
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        self._raw.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        self._raw.execute("PRAGMA journal_mode = WAL")
        self._raw.execute("PRAGMA synchronous = NORMAL")
        self._raw.execute("PRAGMA temp_store = MEMORY")
        self._raw.execute(f"PRAGMA mmap_size = {MMAP_BYTES}")
        cache = WRITER_CACHE_KIB if writes else READER_CACHE_KIB
        self._raw.execute(f"PRAGMA cache_size = -{cache}")
        self._raw.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        if not writes:
            self._raw.execute("PRAGMA query_only = ON")

    def begin(self) -> None:
        """Start a transaction; a reader's snapshot is taken by its first statement."""
        self._raw.execute(self._begin)

    def commit(self) -> None:
        """End the transaction."""
        self._raw.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, if one is open."""
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def all(self, sql: str, params: Params = ()) -> list[Row]:
        """Return every row."""
        return self._raw.execute(sql, params).fetchall()

    def one(self, sql: str, params: Params = ()) -> Row | None:
        """Return the first row, None when there is none."""
        row: Row | None = self._raw.execute(sql, params).fetchone()
        return row

    def each(self, sql: str) -> Iterator[Row]:
        """Return row after row, without holding them all."""
        yield from self._raw.execute(sql)

    def run(self, sql: str, params: Params = ()) -> int:
        """Run one statement and return how many rows it touched."""
        return self._raw.execute(sql, params).rowcount

    def many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run one statement for each of `rows`."""
        self._raw.executemany(sql, rows)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside when it raises, and nothing else."""
        with savepoint(self.run):
            yield


class SqliteDatabase:
    """A file of its own, beside which lies the follower's lock file."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        """The folder is made when it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._watch: SqliteConnection | None = None

    def reader(self) -> SqliteConnection:
        """Open a connection that reads."""
        return SqliteConnection(self._path, writes=False)

    def writer(self) -> SqliteConnection:
        """Open the connection that writes."""
        return SqliteConnection(self._path, writes=True)

    def try_lock(self) -> FollowerLock | None:
        """Take the lock file; the system lets go of it when the process ends, however it ends."""
        handle = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return FollowerLock(lambda: os.close(handle))

    def is_down(self, error: Exception) -> bool:
        """Return whether the file is locked, full, broken or out of reach."""
        code = getattr(error, "sqlite_errorcode", None)
        return isinstance(error, sqlite3.OperationalError) and (
            code is not None and code & _PRIMARY_CODE in _SQLITE_DOWN
        )

    def mark(self) -> int:
        """Return a number that changes with every other connection's commit."""
        if self._watch is None:
            self._watch = self.reader()
        found = self._watch.one("PRAGMA data_version")
        return 0 if found is None else int(found[0])

    def close(self) -> None:
        """Close the watching connection."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None


@contextmanager
def savepoint(run: Callable[[str], int]) -> Iterator[None]:
    """Undo what happens inside when it raises; `run` runs a statement on the connection."""
    run("SAVEPOINT view")
    try:
        yield
    except BaseException:
        run("ROLLBACK TO SAVEPOINT view")
        run("RELEASE SAVEPOINT view")
        raise
    run("RELEASE SAVEPOINT view")
