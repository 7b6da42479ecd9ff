"""PostgreSQL as the views' database: connections, the schema, the follower's lock.

Apart from SQLite's (connections.py), so that an installation without PostgreSQL loads no driver.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

import psycopg

from projections.connections import Dialect, FollowerLock, Params, Row, savepoint

SCHEMA: Final = "kontaktlog_views"
FOLLOWER_LOCK: Final = 7_203_114_206
"""Number of the PostgreSQL advisory lock that the one follower holds; any number of our own."""
SCHEMA_LOCK: Final = 7_203_114_207
"""Number of the lock under which the schema is made: two processes may start together."""
_PLAIN_INSERT: Final = re.compile(
    r"INSERT INTO (?P<table>[a-z0-9_]+) VALUES \((?P<marks>\?(, ?\?)*)\)"
)
_PG_IDLE: Final = psycopg.pq.TransactionStatus.IDLE


class PostgresConnection:
    """One PostgreSQL connection with our schema in front; rows come in binary."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: str, *, writes: bool) -> None:
        """A reading connection reads one snapshot a transaction and refuses to write."""
        self._raw = psycopg.connect(
            url, autocommit=True, options=f"-c search_path={SCHEMA} -c timezone=UTC"
        )
        mode = "" if writes else " ISOLATION LEVEL REPEATABLE READ READ ONLY"
        self._begin = f"BEGIN{mode}"
        self._cursor = self._raw.cursor(binary=True)
        self._types: dict[str, list[int]] = {}

    def begin(self) -> None:
        """Start a transaction; a reader's snapshot is taken by its first statement."""
        self._cursor.execute(self._begin)

    def commit(self) -> None:
        """End the transaction."""
        self._cursor.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, if one is open and the connection still stands."""
        if not self._raw.closed and self._raw.info.transaction_status != _PG_IDLE:
            self._cursor.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._raw.close()

    def all(self, sql: str, params: Params = ()) -> list[Row]:
        """Return every row."""
        return self._cursor.execute(_for_postgres(sql), params).fetchall()

    def one(self, sql: str, params: Params = ()) -> Row | None:
        """Return the first row, None when there is none."""
        return self._cursor.execute(_for_postgres(sql), params).fetchone()

    def each(self, sql: str) -> Iterator[Row]:
        """Return row after row, without holding them all."""
        with self._raw.cursor("each", binary=True) as cursor:
            yield from cursor.execute(_for_postgres(sql))

    def run(self, sql: str, params: Params = ()) -> int:
        """Run one statement and return how many rows it touched."""
        return self._cursor.execute(_for_postgres(sql), params).rowcount

    def many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run one statement for each of `rows`, in one round trip.

        A plain insert of whole rows is copied: measured, a quarter of the time.
        """
        plain = _PLAIN_INSERT.fullmatch(sql)
        if plain is None:
            self._cursor.executemany(_for_postgres(sql), rows)
        else:
            self._copy(plain["table"], plain["marks"].count("?"), rows)

    def _copy(self, table: str, width: int, rows: Iterable[Params]) -> None:
        types = self._types.get(table) or self._types.setdefault(table, self._types_of(table))
        if len(types) != width:
            message = f"{table} has {len(types)} columns, not {width}"
            raise ValueError(message)
        with self._cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)

    def _types_of(self, table: str) -> list[int]:
        columns = self._cursor.execute(
            "SELECT atttypid::bigint FROM pg_attribute WHERE attrelid = %s::regclass"
            " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (table,),
        )
        return [int(row[0]) for row in columns.fetchall()]

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside when it raises, and nothing else."""
        with savepoint(self.run):
            yield


class PostgresDatabase:
    """A schema of its own in a PostgreSQL database."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: str) -> None:
        """Make the schema when it is missing."""
        self._url = url
        with psycopg.connect(url) as raw:
            raw.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
            found = raw.execute("SELECT to_regnamespace(%s) IS NOT NULL", (SCHEMA,)).fetchone()
            if found != (True,):
                raw.execute(f"CREATE SCHEMA {SCHEMA}")

    def reader(self) -> PostgresConnection:
        """Open a connection that reads."""
        return PostgresConnection(self._url, writes=False)

    def writer(self) -> PostgresConnection:
        """Open the connection that writes."""
        return PostgresConnection(self._url, writes=True)

    def try_lock(self) -> FollowerLock | None:
        """Take the advisory lock on a connection of its own; it goes with the connection."""
        raw = psycopg.connect(self._url, autocommit=True)
        if raw.execute("SELECT pg_try_advisory_lock(%s)", (FOLLOWER_LOCK,)).fetchone() != (True,):
            raw.close()
            return None
        return FollowerLock(raw.close)

    def is_down(self, error: Exception) -> bool:
        """Return whether the server is away or cannot go on."""
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)

    def mark(self) -> None:
        """Return None: asking costs as much as looking."""

    def close(self) -> None:
        """Hold nothing beside the connections."""


@lru_cache(maxsize=4096)
def _for_postgres(sql: str) -> str:
    """Write `?` as psycopg's placeholder; our SQL holds no question mark in a text."""
    return sql.replace("%", "%%").replace("?", "%s")
