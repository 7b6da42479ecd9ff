"""The keys database in PostgreSQL: a schema of its own, meant for a database of its own.

Same rows and promises as the SQLite file in keys.py; any number of processes may use it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

import psycopg

from domain.errors import Unavailable
from domain.storage.keys import Wrapped

NOTICE_SECONDS: Final = 0.5
"""How long a server may go on with a person's key that another process destroyed."""
_LOCK: Final = 710_541_902
"""Advisory lock that orders the making of keys."""
_SCHEMA: Final = """
CREATE SCHEMA IF NOT EXISTS kontaktlog_keys;
CREATE TABLE IF NOT EXISTS kontaktlog_keys.keys (number bigint PRIMARY KEY, wrapped bytea NOT NULL);
CREATE TABLE IF NOT EXISTS kontaktlog_keys.numbers (
  id integer PRIMARY KEY, next bigint NOT NULL);
CREATE TABLE IF NOT EXISTS kontaktlog_keys.persons (
  subject text PRIMARY KEY, number bigint NOT NULL);
INSERT INTO kontaktlog_keys.numbers VALUES (1, 1), (2, 0) ON CONFLICT DO NOTHING;
"""


class PostgresKeyTable:
    """The keys of one log; see `keys.KeyTable`."""

    def __init__(self, conninfo: str) -> None:
        """Connect, and create the tables when they are missing and the role may."""
        self._conninfo = conninfo
        self._lock = Lock()
        self._connection: psycopg.Connection[Any] | None = None
        with self._transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            found = connection.execute("SELECT to_regclass('kontaktlog_keys.persons')").fetchone()
            if found is None or found[0] is None:
                connection.execute(_SCHEMA)

    def add(self, count: int, wrap: Callable[[int], list[Wrapped]]) -> None:
        """Reserve numbers and store the wrapped keys in one durable transaction."""
        with self._transaction() as connection:
            row = connection.execute(
                "UPDATE kontaktlog_keys.numbers SET next = next + %s"
                " WHERE id = 1 RETURNING next - %s",
                (count, count),
            ).fetchone()
            if row is None:
                raise Unavailable("store_unavailable", reason="keys schema damaged")
            sql = "COPY kontaktlog_keys.keys FROM STDIN"
            with connection.cursor().copy(sql) as copy:
                for wrapped in wrap(row[0]):
                    copy.write_row(wrapped)

    def add_pepper(self, row: Wrapped) -> None:
        """Store the pepper unless there is one."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO kontaktlog_keys.keys VALUES (%s, %s) ON CONFLICT DO NOTHING", row
            )

    def find(self, numbers: Sequence[int]) -> list[Wrapped]:
        """Return the rows that still exist."""
        sql = "SELECT number, wrapped FROM kontaktlog_keys.keys WHERE number = ANY(%s)"
        with self._transaction() as connection:
            return [(r[0], bytes(r[1])) for r in connection.execute(sql, (list(numbers),))]

    def person(self, subject: str) -> Wrapped | None:
        """Return the key a person was given, if it still exists."""
        sql = (
            "SELECT k.number, k.wrapped FROM kontaktlog_keys.persons p"
            " JOIN kontaktlog_keys.keys k USING (number) WHERE p.subject = %s"
        )
        with self._transaction() as connection:
            row = connection.execute(sql, (subject,)).fetchone()
        return (row[0], bytes(row[1])) if row else None

    def name_persons(self, named: Sequence[tuple[str, int]]) -> None:
        """Note which keys persons were given; the commit does not wait for the disk."""
        with self._transaction() as connection:
            connection.execute("SET LOCAL synchronous_commit = off")
            connection.cursor().executemany(
                "INSERT INTO kontaktlog_keys.persons VALUES (%s, %s)"
                " ON CONFLICT (subject) DO UPDATE SET number = excluded.number",
                named,
            )

    def delete(self, numbers: Sequence[int]) -> int:
        """Delete rows, then rewrite the table so that no page keeps them."""
        with self._transaction() as connection:
            gone = connection.execute(
                "DELETE FROM kontaktlog_keys.keys WHERE number = ANY(%s)", (list(numbers),)
            ).rowcount
            connection.execute("UPDATE kontaktlog_keys.numbers SET next = next + 1 WHERE id = 2")
        with self._lock, _translated():
            self._connected().execute("VACUUM FULL kontaktlog_keys.keys")
        return gone

    @property
    def notice_seconds(self) -> float:
        """Ask twice a second at most: every question is a round trip."""
        return NOTICE_SECONDS

    def destroyed(self) -> int:
        """Return how often keys were destroyed, ever."""
        with self._transaction() as connection:
            found = connection.execute(
                "SELECT next FROM kontaktlog_keys.numbers WHERE id = 2"
            ).fetchone()
        return int(found[0]) if found else 0

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = psycopg.connect(self._conninfo, autocommit=True)
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[Any]]:
        with self._lock, _translated():
            connection = self._connected()
            with connection.transaction():
                yield connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise Unavailable("store_full") from error
    except psycopg.Error as error:
        raise Unavailable("store_unavailable", reason=type(error).__name__) from error
