"""Where a log under test lives, so that each contract test runs over both databases."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg

from domain.log.port import NewEvent
from domain.storage.postgres import PostgresLog
from domain.storage.postgres_schema import create_schema
from domain.storage.sqlite import SqliteLog
from tests.storage.builders import clock_step

AnyLog = SqliteLog | PostgresLog
REFUSALS = (sqlite3.IntegrityError, psycopg.errors.InsufficientPrivilege)
INSERT_ROW = "INSERT INTO {s}events VALUES (?,?,?,?,?,?,?,?,?,?,?)"


@dataclass(frozen=True)
class Place:
    """One database, by its address; crosses to other processes."""

    kind: str
    address: str

    def create(self) -> None:
        if self.kind == "postgres":
            create_schema(self.address)
        else:
            SqliteLog(self.address, create=True).close()

    def open(self) -> AnyLog:
        if self.kind == "postgres":
            return PostgresLog(self.address, clock_step=clock_step)
        return SqliteLog(self.address, create=False, clock_step=clock_step)

    def run(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run SQL past the log, as the owner of the database; `{s}` stands before table names."""
        if self.kind == "postgres":
            text = sql.replace("{s}", "kontaktlog.").replace("?", "%s")
            with psycopg.connect(self.address) as connection:
                cursor = connection.execute(text.encode(), parameters)
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self.address)) as file, file:
            return file.execute(sql.replace("{s}", ""), parameters).fetchall()

    def insert(self, position: int, recorded_at: int, event: NewEvent) -> None:
        """Insert a row past the log, as an owner (or a clock far ahead) might have."""
        self.run(
            INSERT_ROW,
            position,
            recorded_at,
            event.event_id,
            event.type,
            event.tags_text,
            event.metadata,
            event.data,
            event.stream_id,
            event.stream_version,
            event.key_hash,
            bytes(32),
        )
