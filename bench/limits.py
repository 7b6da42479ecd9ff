"""The limits each job stands beside: an empty FastAPI server, and the databases without us.

Run as a module it serves the empty endpoints: `python -m bench.limits PORT ANSWER_FILE`.
"""

import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import psycopg
import uvicorn
from fastapi import FastAPI
from fastapi.responses import Response
from pydantic import ConfigDict

from domain.commitments import MakeCommitment, RescheduleCommitment
from domain.contacts import LogContact

Row = tuple[Any, ...]
RAW_COLUMNS = 6


class LaxLogContact(LogContact):
    """The same body model as POST /v1/contacts, as FastAPI parses it."""

    model_config = ConfigDict(strict=False)


class LaxMakeCommitment(MakeCommitment):
    """The same body model as POST /v1/commitments."""

    model_config = ConfigDict(strict=False)


class LaxRescheduleCommitment(RescheduleCommitment):
    """The same body model as the step that agrees on another day."""

    model_config = ConfigDict(strict=False)


def empty_app(answer: bytes) -> FastAPI:
    """Return an application that does nothing: parses the body, or returns ready bytes."""
    app = FastAPI()

    @app.post("/v1/contacts")
    async def post(body: LaxLogContact) -> None:
        pass

    @app.post("/v1/commitments")
    async def make(body: LaxMakeCommitment) -> None:
        pass

    @app.post("/v1/commitments/{record_id}/reschedulings")
    async def reschedule(record_id: str, body: LaxRescheduleCommitment) -> None:
        pass

    @app.get("/answer")
    async def get() -> Response:
        return Response(answer, media_type="application/json")

    return app


class RawStore:
    """One table without indexes, tags, seals or tree, in the same kind of database."""

    def __init__(self, url: str) -> None:
        """`url` is a fresh SQLite file or PostgreSQL database; durability as the product's."""
        self.sqlite = url.startswith("sqlite:///")
        self._connection: Any
        if self.sqlite:
            self._connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            columns, mark = "t TEXT, g TEXT, m BLOB, d BLOB", "?"
        else:
            self._connection = psycopg.connect(url, autocommit=True)
            columns, mark = "t text, g text, m bytea, d bytea", "%s"
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS raw (p BIGINT, r BIGINT, {columns})")
        self._insert = f"INSERT INTO raw VALUES ({','.join([mark] * RAW_COLUMNS)})"

    def insert(self, rows: Sequence[Row], at_once: int) -> float:
        """Insert all rows, `at_once` a commit; return the seconds it took."""
        started = time.perf_counter()
        for start in range(0, len(rows), at_once):
            part = rows[start : start + at_once]
            self._connection.execute("BEGIN")
            if len(part) == 1:
                self._connection.execute(self._insert, part[0])
            else:
                self._connection.cursor().executemany(self._insert, part)
            self._connection.execute("COMMIT")
        return time.perf_counter() - started

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def raw_replay(url: str) -> Callable[[], int]:
    """Return a job that selects every event and parses its JSON, nothing more."""

    def run_sqlite() -> int:
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        rows = connection.execute("SELECT position, metadata, data FROM events ORDER BY position")
        count = 0
        for _, meta, data in rows:
            orjson.loads(meta)
            orjson.loads(data)
            count += 1
        connection.close()
        return count

    def run_postgresql() -> int:
        with psycopg.connect(url) as connection:
            cursor = connection.cursor("raw", binary=True)
            cursor.itersize = 1_000
            cursor.execute(
                "SELECT position, metadata, data FROM kontaktlog.events ORDER BY position"
            )
            count = 0
            for _, meta, data in cursor:
                orjson.loads(meta)
                orjson.loads(data)
                count += 1
            return count

    return run_sqlite if url.startswith("sqlite:///") else run_postgresql


if __name__ == "__main__":
    uvicorn.run(
        empty_app(Path(sys.argv[2]).read_bytes()),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
    )
