"""How the PostgreSQL log reaches its database: sessions, a few readers, a listener, packed arrays.

Kept apart from `postgres.py` so that what is asked and how the line is held can be read one by one.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from struct import Struct
from typing import Any, Final

import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Format

from domain.errors import Unavailable

STATEMENT_MILLISECONDS_MAX: Final = 30_000
"""A statement that takes longer is cut: a batch takes milliseconds, a page of rows as well."""
LOCK_MILLISECONDS_MAX: Final = 10_000
"""How long a batch queues behind other writers; longer means one of them hangs."""
CONNECT_SECONDS_MAX: Final = 5
SILENCE_MILLISECONDS_MAX: Final = 20_000
"""Unanswered bytes on the line for this long mean the line is dead."""
READERS_MAX: Final = 4
"""Reading connections of one process; a further reader waits for one to come back."""
LISTEN_SECONDS_MAX: Final = 1.0
"""A notice may be lost with its connection, so the head is looked up at least this often."""
POLL_SECONDS: Final = 0.1
"""How often to look while the listening connection is down."""

Connection = psycopg.Connection[Any]
LOST: Final = (psycopg.OperationalError, psycopg.InterfaceError)
_READ_ONLY: Final = "25006"
_DISK_FULL: Final = "53100"
_GONE: Final = "57P"
"""Class of "the administrator ended this session" and "the server is starting"."""


def connect(conninfo: str, *, writing: bool = False) -> Connection:
    """Open a session of ours: UTF-8, time limits, read committed, autocommit.

    A writing session refuses a server that only reads (a standby, a demoted primary).
    """
    given = conninfo_to_dict(conninfo)
    defaults: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS_MAX,
        "tcp_user_timeout": SILENCE_MILLISECONDS_MAX,
        "keepalives_idle": SILENCE_MILLISECONDS_MAX // 1_000,
        "application_name": "kontaktlog",
        "client_encoding": "utf8",
    }
    if writing:
        defaults["target_session_attrs"] = "read-write"
    extra = {name: value for name, value in defaults.items() if name not in given}
    connection: Connection = psycopg.connect(conninfo, autocommit=True, **extra)
    connection.execute(
        f"SET statement_timeout = {STATEMENT_MILLISECONDS_MAX};"
        f"SET lock_timeout = {LOCK_MILLISECONDS_MAX};"
        "SET default_transaction_isolation = 'read committed';"
        # Everything here is read in order of an index, a page at a time. A plan made for the
        # average tag would collect all of a common tag first.
        "SET enable_bitmapscan = off"
    )
    return connection


def is_lost(connection: Connection | None, error: psycopg.Error) -> bool:
    """Whether a new connection is needed: the old one is gone, or its server only reads now."""
    return connection is None or connection.closed or error.sqlstate == _READ_ONLY


def unavailable(error: psycopg.Error) -> Unavailable:
    """Return what the domain calls this; the text of the server stays with the cause."""
    if error.sqlstate == _DISK_FULL:
        return Unavailable("store_full")
    return Unavailable("store_unavailable", reason=error.sqlstate or "connection")


class Readers:
    """A few connections for reading, handed out one at a time; a broken one is replaced."""

    def __init__(self, conninfo: str) -> None:
        """Connect only when asked, so that opening a log needs no server yet."""
        self._conninfo = conninfo
        self._idle: list[Connection] = []
        self._free = threading.BoundedSemaphore(READERS_MAX)
        self._closed = False

    @contextmanager
    def borrow(self, *, fresh: bool = False) -> Iterator[Connection]:
        """Lend a connection: one that was kept, unless a `fresh` one is asked for."""
        with self._free:
            kept = bool(self._idle) and not fresh
            connection = self._idle.pop() if kept else connect(self._conninfo)
            try:
                yield connection
            finally:
                if connection.closed or self._closed:
                    connection.close()
                else:
                    self._idle.append(connection)

    def fetch(self, query: str, parameters: Sequence[object], row_factory: Any) -> list[Any]:  # noqa: ANN401
        """Return all rows, read in binary; asked again when a kept connection turns out dead."""
        try:
            return self._fetch(query, parameters, row_factory, fresh=False)
        except LOST as error:
            if error.sqlstate is not None and not error.sqlstate.startswith(_GONE):
                raise unavailable(error) from error
        except psycopg.Error as error:
            raise unavailable(error) from error
        try:
            return self._fetch(query, parameters, row_factory, fresh=True)
        except psycopg.Error as error:
            raise unavailable(error) from error

    def _fetch(
        self,
        query: str,
        parameters: Sequence[object],
        row_factory: Any,  # noqa: ANN401
        *,
        fresh: bool,
    ) -> list[Any]:
        with self.borrow(fresh=fresh) as connection:
            cursor = connection.cursor(binary=True, row_factory=row_factory)
            return cursor.execute(query.encode(), parameters).fetchall()

    def close(self) -> None:
        """Close what is idle now, and what is lent when it comes back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()


class Listener:
    """One connection that hears of every batch, shared by the threads of a process."""

    def __init__(self, conninfo: str, channel: str) -> None:
        """Connect and LISTEN when somebody first waits."""
        self._conninfo = conninfo
        self._channel = channel
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        self._heard = 0
        self._closed = threading.Event()

    def ready(self) -> int:
        """Listen from now on and return a mark for `pause`; to be called before asking the head."""
        with self._lock:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = connect(self._conninfo)
                    self._connection.execute(f"LISTEN {self._channel}".encode())
            except psycopg.Error:
                self._drop()
            return self._heard

    def pause(self, mark: int, seconds: float) -> None:
        """Return when something was announced since `mark`, or after at most a second."""
        limit = min(seconds, LISTEN_SECONDS_MAX)
        if not self._lock.acquire(timeout=limit):
            return
        try:
            # Another thread may have taken the notice this one is waiting for.
            if self._heard == mark:
                self._hear(limit)
        finally:
            self._lock.release()

    def _hear(self, seconds: float) -> None:
        if self._connection is None:
            self._closed.wait(min(seconds, POLL_SECONDS))
            return
        try:
            for _ in self._connection.notifies(timeout=seconds, stop_after=1):
                self._heard += 1
        except psycopg.Error:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def close(self) -> None:
        """Close the connection; a thread that waits returns within a second."""
        self._closed.set()
        with self._lock:
            self._drop()


# --- arrays in PostgreSQL's binary form ---------------------------------------------------------
# psycopg packs a list value by value in Python; a batch has ten arrays of up to a thousand values,
# and packing them here takes a third of that time while the line waits.

_array_head = Struct(">iiIii").pack
_no_values = Struct(">iiI").pack
_size = Struct(">i").pack
_bigint = Struct(">iq").pack
_int = Struct(">ii").pack
_NULL: Final = _size(-1)
_BYTEA, _BIGINT, _INT, _TEXT = 17, 20, 23, 25  # object ids in PostgreSQL's own catalogue


class _Packed(bytes):
    __slots__ = ()


class ByteaArray(_Packed):
    """A bytea[] in binary form."""


class TextArray(_Packed):
    """A text[] in binary form."""


class BigintArray(_Packed):
    """A bigint[] in binary form."""


class IntArray(_Packed):
    """An int[] in binary form."""


def byteas(values: Sequence[bytes | None]) -> ByteaArray:
    """Pack bytes; all None packs as an empty array, which `append_batch` reads as NULLs."""
    return ByteaArray(_packed(_BYTEA, values))


def texts(values: Sequence[str | None]) -> TextArray:
    """Pack text as UTF-8; all None packs as an empty array. Raises UnicodeEncodeError."""
    return TextArray(_packed(_TEXT, [None if v is None else v.encode() for v in values]))


def bigints(values: Sequence[int | None]) -> BigintArray:
    """Pack 64-bit numbers; all None packs as an empty array."""
    if all(value is None for value in values):
        return BigintArray(_no_values(0, 0, _BIGINT))
    body = b"".join(_NULL if value is None else _bigint(8, value) for value in values)
    return BigintArray(_array_head(1, 1, _BIGINT, len(values), 1) + body)


def ints(values: Sequence[int]) -> IntArray:
    """Pack 32-bit numbers."""
    if not values:
        return IntArray(_no_values(0, 0, _INT))
    body = b"".join(_int(4, value) for value in values)
    return IntArray(_array_head(1, 0, _INT, len(values), 1) + body)


def _packed(element: int, values: Sequence[bytes | None]) -> bytes:
    parts: list[bytes] = []
    add = parts.append
    some = False
    for value in values:
        if value is None:
            add(_NULL)
        else:
            some = True
            add(_size(len(value)))
            add(value)
    if not some:
        return _no_values(0, 0, element)
    return _array_head(1, 1, element, len(values), 1) + b"".join(parts)


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Buffer) -> Buffer:
        return obj


class _ByteaArrayDumper(_PackedDumper):
    oid = 1001


class _IntArrayDumper(_PackedDumper):
    oid = 1007


class _TextArrayDumper(_PackedDumper):
    oid = 1009


class _BigintArrayDumper(_PackedDumper):
    oid = 1016


def know_packed_arrays(connection: Connection) -> None:
    """Let a connection send packed arrays as they are."""
    connection.adapters.register_dumper(ByteaArray, _ByteaArrayDumper)
    connection.adapters.register_dumper(IntArray, _IntArrayDumper)
    connection.adapters.register_dumper(TextArray, _TextArrayDumper)
    connection.adapters.register_dumper(BigintArray, _BigintArrayDumper)


def seconds_left(deadline: float) -> float:
    """Return how long until a monotonic deadline, never below 0."""
    return max(0.0, deadline - time.monotonic())
