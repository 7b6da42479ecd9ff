"""Somebody who may write everything: changes stored rows and puts the guards back afterwards."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from domain.log.leaf import body_hash, leaf_hash
from domain.storage.sqlite_schema import SCHEMA
from tests.audit.stores import Store

COLUMNS = (
    "position", "recorded_at", "event_id", "type", "tags", "metadata", "data",
    "stream_id", "stream_version", "key_hash", "leaf",
)  # fmt: skip
TABLES = ("events", "event_tags", "checkpoints")


class Hand:
    """A connection that no guard hinders; SQL is written for SQLite with `?`."""

    def __init__(self, connection: Any, is_sqlite: bool) -> None:
        self._connection = connection
        self.is_sqlite = is_sqlite

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        if not self.is_sqlite:
            for table in TABLES:
                sql = sql.replace(f" {table}", f" kontaktlog.{table}")
            sql = sql.replace("%", "%%").replace("?", "%s")
        cursor = self._connection.execute(sql, values)
        return list(cursor.fetchall()) if cursor.description else []

    def row(self, position: int) -> dict[str, Any]:
        sql = f"SELECT {', '.join(COLUMNS)} FROM events WHERE position = ?"
        return dict(zip(COLUMNS, self.run(sql, position)[0], strict=True))

    def put(self, row: dict[str, Any]) -> None:
        marks = ", ".join("?" * len(COLUMNS))
        values = [row[column] for column in COLUMNS]
        self.run(f"INSERT INTO events ({', '.join(COLUMNS)}) VALUES ({marks})", *values)

    def change(self, position: int, column: str, value: object) -> None:
        self.run(f"UPDATE events SET {column} = ? WHERE position = ?", value, position)

    def head(self) -> int:
        return int(self.run("SELECT max(position) FROM events")[0][0])


def with_leaf(row: dict[str, Any]) -> dict[str, Any]:
    """The row with the leaf its content has, as an attacker would compute it."""
    body = body_hash(*(row[column] for column in COLUMNS[2:10]))
    return row | {"leaf": leaf_hash(row["position"], row["recorded_at"], body)}


@contextmanager
def unguarded(store: Store) -> Iterator[Hand]:
    """Lift the guards, let the caller change what they like, and put the guards back."""
    with _sqlite(store) if store.is_sqlite else _postgres(store) as hand:
        yield hand


@contextmanager
def _sqlite(store: Store) -> Iterator[Hand]:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield Hand(connection, is_sqlite=True)
        for _, sql in triggers:
            connection.execute(sql)
        connection.execute("COMMIT")


@contextmanager
def _postgres(store: Store) -> Iterator[Hand]:
    with psycopg.connect(store.url, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"ALTER TABLE kontaktlog.{table} DISABLE TRIGGER USER".encode())
        yield Hand(connection, is_sqlite=False)
        for table in TABLES:
            query = (
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal"
            )
            for (name,) in connection.execute(query, (f"kontaktlog.{table}",)).fetchall():
                sql = f"ALTER TABLE kontaktlog.{table} ENABLE ALWAYS TRIGGER {name}"
                connection.execute(sql.encode())


@contextmanager
def without_strict(store: Store) -> Iterator[sqlite3.Connection]:
    """Rewrite the schema so that any column takes any class, then write the old schema back."""
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        kept = connection.execute("SELECT rowid, sql FROM sqlite_master").fetchall()
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("DELETE FROM sqlite_master WHERE type = 'trigger'")
        loose = (
            "CREATE TABLE events (position INTEGER PRIMARY KEY, recorded_at, event_id, type, tags,"
            " metadata, data, stream_id, stream_version, key_hash, leaf)"
        )
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'events'", (loose,))
    del kept
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        yield connection
        connection.execute("PRAGMA writable_schema=ON")
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as released:
            released.executescript(SCHEMA)
            (strict,) = released.execute(
                "SELECT sql FROM sqlite_master WHERE name = 'events'"
            ).fetchone()
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'events'", (strict,))
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.executescript(SCHEMA)


def flipped(value: Any, offset: int, mask: int = 1) -> Any:
    """The value with one byte changed, in its own class."""
    match value:
        case bytes():
            raw = bytearray(value)
            raw[offset % len(raw)] ^= mask
            return bytes(raw)
        case str():
            at = offset % len(value)
            return value[:at] + chr(ord(value[at]) ^ mask) + value[at + 1 :]
        case int():
            return value ^ (mask << (8 * (offset % 7)))
        case _:
            raise TypeError(type(value))


def offsets(value: Any, most: int) -> Sequence[int]:
    """Where to change a value: at both ends and between, at most so many."""
    length = 7 if isinstance(value, int) else len(value)
    if length <= most:
        return range(length)
    return [index * (length - 1) // (most - 1) for index in range(most)]
