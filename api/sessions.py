"""Sessions of people signed in by browser (sessioner): a table of their own, read at every request.

The browser holds 256 random bits, the table their hash: who reads the table can sign in as nobody.
A session that is ended is ended at once, in every process, because none remembers it. Sessions are
no evidence and never in the log; a backup does not keep them.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any, Final, Protocol, cast

from api.settings import is_sqlite, sqlite_path
from domain.errors import Unavailable
from domain.storage.clock import MICROSECONDS, now_microseconds, secret_text

SECRET_BYTES: Final = 32
SECRET_CHARS_MAX: Final = 100
SEEN_SECONDS: Final = 60
"""How exactly the last request is noted: more often would write to the disk at every one."""
OF_ONE_MAX: Final = 50
"""Sessions one person may have; a further one ends the oldest."""
STATE_SECONDS: Final = 900
"""How long a used sign-in is remembered; longer than one can take."""
BUSY_MILLISECONDS: Final = 5_000
_LOCK: Final = 710_541_903
"""Advisory lock that orders the making of the tables."""
_TABLES: Final = (
    (
        "CREATE TABLE IF NOT EXISTS {0}sessions (id_sha256 text PRIMARY KEY, holder text NOT NULL,"
        " rights text NOT NULL, made_at bigint NOT NULL, seen_at bigint NOT NULL,"
        " ends_at bigint NOT NULL)"
    ),
    "CREATE INDEX IF NOT EXISTS sessions_holder ON {0}sessions (holder)",
    "CREATE TABLE IF NOT EXISTS {0}used_states (state text PRIMARY KEY, ends_at bigint NOT NULL)",
)
_COLUMNS: Final = "id_sha256, holder, rights, made_at, seen_at, ends_at"

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in at one browser; times are microseconds since 1970."""

    id_sha256: str
    holder: str
    rights: str
    """What the ID token said of roles and scopes, as `rights.written` wrote it."""
    made_at: int
    seen_at: int
    ends_at: int


class Tables(Protocol):
    """A database that runs one statement after another; `{0}` stands before a table's name."""

    def run(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        """Run one statement durably and return its rows; raises Unavailable."""
        ...

    def close(self) -> None:
        """Release the database."""
        ...


class Sessions:
    """Starts, finds and ends sessions; safe to share between threads."""

    def __init__(
        self,
        tables: Tables,
        *,
        hours: float,
        idle_minutes: float,
        clock: Callable[[], int] = now_microseconds,
    ) -> None:
        """A session ends after `hours`, or after `idle_minutes` without a request."""
        self._tables = tables
        self._life = round(hours * 3_600 * MICROSECONDS)
        self._idle = round(idle_minutes * 60 * MICROSECONDS)
        self._clock = clock
        self._purge()

    def start(self, holder: str, rights: str) -> str:
        """Start a session and return what its browser must show; ends those of everybody past."""
        secret, now = secret_text(SECRET_BYTES), self._clock()
        self._purge()
        self._tables.run(
            "DELETE FROM {0}sessions WHERE id_sha256 IN (SELECT id_sha256 FROM {0}sessions"
            " WHERE holder=? ORDER BY made_at DESC LIMIT 1000 OFFSET ?)",
            (holder, OF_ONE_MAX - 1),
        )
        self._tables.run(
            f"INSERT INTO {{0}}sessions ({_COLUMNS}) VALUES (?,?,?,?,?,?)",  # noqa: S608
            (_hash(secret), holder, rights, now, now, now + self._life),
        )
        return secret

    def find(self, secret: str) -> Session | None:
        """Return the session of this secret, if it is alive, and note that it was used."""
        if not 0 < len(secret) <= SECRET_CHARS_MAX:
            return None
        now = self._clock()
        rows = self._tables.run(
            f"SELECT {_COLUMNS} FROM {{0}}sessions"  # noqa: S608
            " WHERE id_sha256=? AND ends_at>? AND seen_at>?",
            (_hash(secret), now, now - self._idle),
        )
        if not rows:
            return None
        found = Session(*rows[0])
        if now - found.seen_at > SEEN_SECONDS * MICROSECONDS:
            self._tables.run(
                "UPDATE {0}sessions SET seen_at=? WHERE id_sha256=?", (now, found.id_sha256)
            )
        return found

    def of_holder(self, holder: str) -> list[Session]:
        """Return a person's living sessions, newest first."""
        now = self._clock()
        rows = self._tables.run(
            f"SELECT {_COLUMNS} FROM {{0}}sessions"  # noqa: S608
            " WHERE holder=? AND ends_at>? AND seen_at>? ORDER BY made_at DESC",
            (holder, now, now - self._idle),
        )
        return [Session(*row) for row in rows]

    def end(self, secret: str) -> None:
        """End the session of this secret, if there is one."""
        self._tables.run("DELETE FROM {0}sessions WHERE id_sha256=?", (_hash(secret),))

    def end_all(self, holder: str) -> int:
        """End every session of a person; return how many there were."""
        return len(
            self._tables.run("DELETE FROM {0}sessions WHERE holder=? RETURNING 1", (holder,))
        )

    def use_state(self, state: str) -> bool:
        """Note that a sign-in came back; False when it had come back before."""
        ends_at = self._clock() + STATE_SECONDS * MICROSECONDS
        return bool(
            self._tables.run(
                "INSERT INTO {0}used_states (state, ends_at) VALUES (?,?)"
                " ON CONFLICT DO NOTHING RETURNING 1",
                (_hash(state), ends_at),
            )
        )

    def close(self) -> None:
        """Release the database."""
        self._tables.close()

    def _purge(self) -> None:
        """Delete what has ended."""
        now = self._clock()
        self._tables.run(
            "DELETE FROM {0}sessions WHERE ends_at<=? OR seen_at<=?", (now, now - self._idle)
        )
        self._tables.run("DELETE FROM {0}used_states WHERE ends_at<=?", (now,))


def open_sessions(url: str, *, hours: float, idle_minutes: float) -> Sessions:
    """Open the table at `sqlite:///path` or `postgresql://…`, creating it; raises Unavailable."""
    tables: Tables = _Sqlite(url) if is_sqlite(url) else _Postgres(url)
    return Sessions(tables, hours=hours, idle_minutes=idle_minutes)


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


class _Sqlite:
    def __init__(self, url: str) -> None:
        path = sqlite_path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = Lock()
        with _told(sqlite3.Error):
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                self._db.execute(f"PRAGMA {pragma}")
        for sql in _TABLES:
            self.run(sql)

    def run(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        with self._lock, _told(sqlite3.Error):
            return self._db.execute(sql.format(""), cast("Sequence[Any]", params)).fetchall()

    def close(self) -> None:
        with self._lock:
            self._db.close()


class _Postgres:
    def __init__(self, url: str) -> None:
        import psycopg  # noqa: PLC0415  only an installation with PostgreSQL pays for it

        self._psycopg = psycopg
        self._url = url
        self._lock = Lock()
        self._db: psycopg.Connection[Any] | None = None
        if self.run("SELECT to_regclass('kontaktlog_sessions.used_states') IS NULL") == [(True,)]:
            made = "; ".join(("CREATE SCHEMA IF NOT EXISTS kontaktlog_sessions", *_TABLES))
            self.run(f"DO $$ BEGIN PERFORM pg_advisory_xact_lock({_LOCK}); {made}; END $$")

    def run(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        sql = sql.format("kontaktlog_sessions.").replace("?", "%s")
        with self._lock, _told(self._psycopg.Error):
            if self._db is None or self._db.closed or self._db.broken:
                self._db = self._psycopg.connect(self._url, autocommit=True)
            cursor = self._db.execute(cast("Any", sql), params or None)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        with self._lock:
            if self._db is not None:
                self._db.close()


@contextmanager
def _told(kind: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kind as error:
        raise Unavailable("store_unavailable", reason=type(error).__name__) from error
