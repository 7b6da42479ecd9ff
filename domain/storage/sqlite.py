"""The log in one SQLite file: WAL, every commit on disk, guards against any change.

One connection writes, one reads per thread. A batch is staged on the caller's thread (inserts take
microseconds) and committed wherever the caller likes to wait for the disk.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from domain.errors import Broken, Conflict, DomainError, Unavailable
from domain.log.leaf import leaf_hash
from domain.log.port import (
    PAGE_ROWS_MAX,
    Append,
    Appended,
    CheckpointRow,
    Condition,
    NewEvent,
    Outcome,
    QueryItem,
    StoredRow,
)
from domain.storage.clock import now_microseconds
from domain.storage.positions import position_at
from domain.storage.sqlite_schema import (
    BUSY_MILLISECONDS,
    CHECKPOINT_PAGES,
    CLOCK_TAG,
    CLOCK_TOLERANCE_MICROSECONDS,
    INSERT_EVENT,
    INSERT_TAG,
    POLL_SECONDS_MAX,
    POLL_SECONDS_MIN,
    SCHEMA,
    SELECT_ROWS,
    matching_sql,
)

Connection = sqlite3.Connection
WRITER_CACHE_KIB: Final = 16 * 1024
"""Page cache of the writer, filled as it is used: tags go all over their index, and with SQLite's
own 2 MiB each batch reads it from the file again."""
_FULL: Final = frozenset({sqlite3.SQLITE_FULL})


class SqliteLog:
    """One log in one file; implements `domain.log.port.Log`."""

    def __init__(
        self,
        path: Path | str,
        *,
        create: bool = True,
        clock: Callable[[], int] = now_microseconds,
        clock_step: Callable[[int, int], NewEvent] | None = None,
    ) -> None:
        """Open the file, creating it and its tables when `create`.

        `clock_step(previous, observed)` makes the event that records a clock gone back.
        Raises Unavailable when the file cannot be opened.
        """
        self.path = Path(path)
        self.clock = clock
        self.clock_step = clock_step
        self._local = threading.local()
        self._readers: list[_Reader] = []
        self._lock = threading.Lock()
        self._written = threading.Condition()
        self._suspect = False
        if not create and not self.path.exists():
            raise Unavailable("store_unavailable", reason="no such file")
        with _translated():
            self._writer = self._open_writer()
            if create:
                self._create_tables()
            self._flush_inherited()

    # --- writing ------------------------------------------------------------------------------

    def stage(self, batch: Sequence[Append]) -> "StagedBatch":
        """Insert now if the write lock is free, else leave all of it to `commit`."""
        if self._suspect or not self._lock.acquire(blocking=False):
            return StagedBatch(self, batch, None)
        try:
            self._begin(wait=False)
        except sqlite3.OperationalError:
            self._lock.release()
            return StagedBatch(self, batch, None)
        try:
            with _translated():
                outcomes = self._store(batch)
        except BaseException:
            self._abandon()
            self._lock.release()
            raise
        return StagedBatch(self, batch, outcomes)

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """Store a batch and wait until it is on disk."""
        return StagedBatch(self, batch, None).commit()

    def commit_staged(self) -> None:
        """Make a staged batch durable (called by StagedBatch)."""
        try:
            with _translated():
                self._writer.execute("COMMIT")
        except BaseException:
            self._suspect = True
            self._abandon()
            raise
        finally:
            self._lock.release()
        with self._written:
            self._written.notify_all()

    def store_waiting(self, batch: Sequence[Append]) -> list[Outcome]:
        """Take the lock, waiting for other threads and processes, and insert; not yet committed."""
        self._lock.acquire()
        try:
            with _translated():
                self._recover()
                self._begin(wait=True)
                return self._store(batch)
        except BaseException:
            self._abandon()
            self._lock.release()
            raise

    def _begin(self, *, wait: bool) -> None:
        if wait:
            self._writer.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        finally:
            if wait:
                self._writer.execute("PRAGMA busy_timeout=0")

    def _recover(self) -> None:
        """After a failed commit: reopen and force everything to disk before trusting it again.

        The kernel may have dropped the pages of a failed fsync, so a later fsync proves nothing
        about them; copying the WAL into the file and syncing that does.
        """
        if not self._suspect:
            return
        self._writer.close()
        self._writer = self._open_writer()
        busy, _, _ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise Unavailable("store_unavailable", reason="recovering")
        self._suspect = False

    def _abandon(self) -> None:
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        except sqlite3.Error:
            self._suspect = True

    def _store(self, batch: Sequence[Append]) -> list[Outcome]:
        head, previous = self._head_row()
        now = self.clock()
        if self.clock_step is not None and now < previous - CLOCK_TOLERANCE_MICROSECONDS:
            step = Append((self.clock_step(previous, now),))
            self._insert([step], head, now)
            head += 1
        else:
            now = max(now, previous)
        if all(request.condition is None for request in batch):
            self._writer.execute("SAVEPOINT batch")
            try:
                outcomes = self._insert(batch, head, now)
            except sqlite3.IntegrityError:
                self._writer.execute("ROLLBACK TO batch")
            else:
                return outcomes
        return self._store_one_by_one(batch, head, now)

    def _store_one_by_one(self, batch: Sequence[Append], head: int, now: int) -> list[Outcome]:
        """Judge each request by itself, in order: some are conditional or known already."""
        outcomes: list[Outcome] = []
        for request in batch:
            outcome: Outcome | None = self._already(request)
            outcome = outcome or self._hindrance(request)
            if outcome is None:
                (outcome,) = self._insert([request], head, now)
                head += len(request.events)
            outcomes.append(outcome)
        return outcomes

    def _already(self, request: Append) -> Appended | None:
        first = request.events[0]
        sql = "SELECT position, recorded_at FROM events WHERE event_id=? OR key_hash=?"
        found = self._writer.execute(sql, (first.event_id, first.key_hash)).fetchone()
        return Appended(found[0], len(request.events), found[1], duplicate=True) if found else None

    def _hindrance(self, request: Append) -> DomainError | None:
        condition = request.condition
        if condition is not None and self._matches(condition):
            return Conflict("condition_failed")
        used: set[object] = set()
        for event in request.events:
            version = (event.stream_id, event.stream_version)
            sql = "SELECT 1 FROM events WHERE stream_id=? AND stream_version=?"
            if version in used or self._writer.execute(sql, version).fetchone():
                return Conflict("stream_version_taken")
            names = (event.event_id, event.key_hash)
            sql = "SELECT 1 FROM events WHERE event_id=? OR key_hash=?"
            if not used.isdisjoint(names) or self._writer.execute(sql, names).fetchone():
                return Conflict("event_id_reused")
            used |= {*names, version} - {None, (None, None)}
        return None

    def _matches(self, condition: Condition) -> bool:
        if not condition.items:
            return self._head_row()[0] > condition.after
        sql, parameters = matching_sql("e.position", condition.items, condition.after, 1)
        return self._writer.execute(sql, parameters).fetchone() is not None

    def _insert(self, batch: Sequence[Append], head: int, now: int) -> list[Outcome]:
        rows, tags, outcomes = [], [], []
        position = head
        for request in batch:
            outcomes.append(Appended(position + 1, len(request.events), now))
            for event in request.events:
                position += 1
                rows.append(_row(event, position, now))
                tags += [(tag, position) for tag in event.tags]
        self._writer.executemany(INSERT_EVENT, rows)
        self._writer.executemany(INSERT_TAG, tags)
        return list(outcomes)

    def _head_row(self) -> tuple[int, int]:
        sql = "SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1"
        return self._writer.execute(sql).fetchone() or (0, 0)

    # --- reading ------------------------------------------------------------------------------

    def head(self) -> int:
        """Return the last position, 0 when the log is empty."""
        return self._one("SELECT coalesce(max(position), 0) FROM events")[0]

    def rows(self, after: int, limit: int = PAGE_ROWS_MAX) -> list[StoredRow]:
        """Return rows with position > after, in order, at most `limit`."""
        sql = f"{SELECT_ROWS} WHERE e.position > ? ORDER BY e.position LIMIT ?"
        return self._rows(sql, (after, limit))

    def row_of(self, event_id: bytes) -> StoredRow | None:
        """Return the row of an event id."""
        return next(iter(self._rows(f"{SELECT_ROWS} WHERE e.event_id = ?", (event_id,))), None)

    def row_of_key(self, key_hash: bytes) -> StoredRow | None:
        """Return the row stored under an idempotency key."""
        return next(iter(self._rows(f"{SELECT_ROWS} WHERE e.key_hash = ?", (key_hash,))), None)

    def matching(
        self, items: Sequence[QueryItem], after: int = 0, limit: int | None = None
    ) -> list[StoredRow]:
        """Return rows that match any item, in order of position; no items match every event."""
        items = items or [QueryItem()]
        sql, parameters = matching_sql("e.*", items, after, limit)
        return self._rows(sql, parameters)

    def stream(
        self, stream_id: str, first: int, last: int, limit: int, *, newest_first: bool
    ) -> list[StoredRow]:
        """Return rows of one stream with version in first … last (for the library's recorder)."""
        order = "DESC" if newest_first else "ASC"
        sql = (
            f"{SELECT_ROWS} WHERE e.stream_id = ? AND e.stream_version BETWEEN ? AND ?"
            f" ORDER BY e.stream_version {order} LIMIT ?"
        )
        return self._rows(sql, (stream_id, first, last, limit))

    def leaves(self, first: int, count: int) -> list[bytes]:
        """Return leaf hashes of positions first … first + count - 1 (fewer at the end)."""
        sql = "SELECT leaf FROM events WHERE position BETWEEN ? AND ? ORDER BY position"
        with self._reading() as connection:
            return [row[0] for row in connection.execute(sql, (first, first + count - 1))]

    def position_at(self, moment: int) -> int:
        """Return the last position known at a moment (microseconds since 1970), 0 if none."""
        steps = "SELECT position FROM event_tags WHERE tag = ? ORDER BY position"
        with self._reading() as connection:
            positions = [row[0] for row in connection.execute(steps, (CLOCK_TAG,))]
        sql = "SELECT recorded_at FROM events WHERE position = ?"
        return position_at(moment, self.head(), lambda p: int(self._one(sql, (p,))[0]), positions)

    # --- checkpoints --------------------------------------------------------------------------

    def add_checkpoint(self, row: CheckpointRow) -> None:
        """Keep a published checkpoint; the same size and root again is no error.

        Raises Broken when another root was published for the same size.
        """
        with self._lock, _translated():
            self._recover()
            self._begin(wait=True)
            try:
                self._keep(row)
                self._writer.execute("COMMIT")
            except BaseException:
                self._abandon()
                raise

    def _keep(self, row: CheckpointRow) -> None:
        sql = "SELECT root FROM checkpoints WHERE size = ?"
        known = self._writer.execute(sql, (row.size,)).fetchone()
        if known is not None and known[0] != row.root:
            raise Broken("log_broken", reason="checkpoint_forked", size=row.size)
        if known is None:
            self._writer.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?)", row)

    def checkpoint(self, at_least: int = 0) -> CheckpointRow | None:
        """Return the newest checkpoint, or the smallest that covers `at_least` when that is > 0."""
        order = "size ASC" if at_least else "size DESC"
        sql = (
            "SELECT size, root, note, recorded_at FROM checkpoints"
            f" WHERE size >= ? ORDER BY {order} LIMIT 1"
        )
        with self._reading() as connection:
            found = connection.execute(sql, (at_least,)).fetchone()
        return CheckpointRow(*found) if found else None

    # --- following and keeping ----------------------------------------------------------------

    def wait(self, after: int, seconds: float) -> bool:
        """Wait until the head is past `after`; wakes at once for writers of this process."""
        deadline, pause = time.monotonic() + seconds, POLL_SECONDS_MIN
        while self.head() <= after:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with self._written:
                self._written.wait(min(pause, left))
            pause = min(pause * 2, POLL_SECONDS_MAX)
        return True

    def probe(self) -> None:
        """Raise Unavailable unless a write transaction can be opened and the disk takes bytes."""
        with self._lock, _translated():
            self._recover()
            self._begin(wait=True)
            try:
                self._writer.execute(
                    "INSERT INTO probe VALUES (1, ?)"
                    " ON CONFLICT DO UPDATE SET tried = excluded.tried",
                    (self.clock(),),
                )
                self._writer.execute("COMMIT")
            except BaseException:
                self._suspect = True
                self._abandon()
                raise

    def unsafe_settings(self) -> list[str]:
        """Name every setting of this file that could lose acknowledged writes."""
        found = []
        if str(self._writer.execute("PRAGMA journal_mode").fetchone()[0]) != "wal":
            found.append("journal_mode")
        if int(self._writer.execute("PRAGMA synchronous").fetchone()[0]) < 2:  # noqa: PLR2004 FULL
            found.append("synchronous")
        return found

    def close(self) -> None:
        """Release every connection."""
        with self._lock:
            for reader in self._readers:
                with reader.busy:
                    reader.connection.close()
            self._readers.clear()
            self._local = threading.local()
            self._writer.close()

    def _create_tables(self) -> None:
        """Create what is missing; leaves a store that is complete alone, as others may write."""
        made = "SELECT 1 FROM sqlite_master WHERE name = 'checkpoints_no_delete'"
        if self._writer.execute(made).fetchone() is None:
            self._writer.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
            self._writer.executescript(SCHEMA)
            self._writer.execute("PRAGMA busy_timeout=0")

    def _flush_inherited(self) -> None:
        """Force to disk what another process wrote, and was killed before it could flush.

        Such events read like any other. Without this a request sent again after the restart would
        be acknowledged from them, and a power cut could still take them away.
        """
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # as far as readers let it
        try:
            number = os.open(f"{self.path}-wal", os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            os.fdatasync(number)
        except OSError as error:
            raise Unavailable("store_unavailable", reason="cannot flush") from error
        finally:
            os.close(number)

    def _open_writer(self) -> Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size=-{WRITER_CACHE_KIB}")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA busy_timeout=0")
        return connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _translated():
            reader: _Reader | None = getattr(self._local, "reader", None)
            if reader is None:
                uri = f"{self.path.absolute().as_uri()}?mode=ro"
                connection = sqlite3.connect(
                    uri, uri=True, isolation_level=None, check_same_thread=False
                )
                connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
                reader = self._local.reader = _Reader(connection)
                self._readers.append(reader)
            with reader.busy:
                yield reader.connection

    def _rows(self, sql: str, parameters: Sequence[object]) -> list[StoredRow]:
        with self._reading() as connection:
            return list(map(StoredRow._make, connection.execute(sql, parameters)))

    def _one(self, sql: str, parameters: Sequence[object] = ()) -> tuple[int]:
        with self._reading() as connection:
            found: tuple[int] = connection.execute(sql, parameters).fetchone()
            return found


class _Reader:
    """One thread's connection for reading; `busy` is held while it reads, so closing waits."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.busy = threading.RLock()


class StagedBatch:
    """A batch on its way into a SqliteLog; `commit` is called exactly once."""

    def __init__(
        self, log: SqliteLog, batch: Sequence[Append], outcomes: list[Outcome] | None
    ) -> None:
        """`outcomes` is None when the write lock was busy and nothing is inserted yet."""
        self._log = log
        self._batch = batch
        self._outcomes = outcomes

    def commit(self) -> list[Outcome]:
        """Wait for the disk; return one outcome per request, in order."""
        outcomes = self._outcomes
        if outcomes is None:
            outcomes = self._log.store_waiting(self._batch)
        self._log.commit_staged()
        return outcomes


def _row(event: NewEvent, position: int, now: int) -> tuple[object, ...]:
    return (
        position,
        now,
        event.event_id,
        event.type,
        event.tags_text,
        event.metadata,
        event.data,
        event.stream_id,
        event.stream_version,
        event.key_hash,
        leaf_hash(position, now, event.body),
    )


@contextmanager
def _translated() -> Iterator[None]:
    """Turn SQLite's own errors into the domain's: full disk, and anything else unavailable."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _FULL:
            raise Unavailable("store_full") from error
        reason = getattr(error, "sqlite_errorname", type(error).__name__)
        raise Unavailable("store_unavailable", reason=str(reason)) from error
