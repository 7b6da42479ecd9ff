"""Counts sealed values whose key is gone: destroyed on purpose, or never there.

The keys themselves are not opened; only their numbers are looked at.
"""

import sqlite3
from pathlib import Path
from typing import Final

import psycopg

from domain.errors import Unavailable

NUMBERS_AT_ONCE: Final = 500
_SQLITE: Final = "sqlite:///"


class KeyCount:
    """Told the key numbers of sealed values as they are read; looks each up."""

    def __init__(self, url: str) -> None:
        """Raises Unavailable when the keys' database cannot be reached."""
        self.values = 0
        self.destroyed = 0
        """Values whose key was issued and is no more: what erasure leaves behind."""
        self.unknown = 0
        """Values whose key was never issued: another keys database, or a forged number."""
        self._sqlite: sqlite3.Connection | None = None
        self._postgres: psycopg.Connection[tuple[int, ...]] | None = None
        try:
            if url.startswith(_SQLITE):
                path = Path(url.removeprefix(_SQLITE))
                uri = f"{path.absolute().as_uri()}?mode=ro"
                self._sqlite = sqlite3.connect(uri, uri=True)
            else:
                self._postgres = psycopg.connect(url, autocommit=True)
            self._next = self._asked("SELECT next FROM {}numbers WHERE id = 1", [])[0]
        except (sqlite3.Error, psycopg.Error, IndexError) as error:
            raise Unavailable("store_unavailable", reason=type(error).__name__) from error

    def add(self, numbers: list[int]) -> None:
        """Look up the keys of some values."""
        self.values += len(numbers)
        for start in range(0, len(numbers), NUMBERS_AT_ONCE):
            part = numbers[start : start + NUMBERS_AT_ONCE]
            found = set(self._existing(part))
            gone = [number for number in part if number not in found]
            self.unknown += sum(number >= self._next for number in gone)
            self.destroyed += sum(number < self._next for number in gone)

    def close(self) -> None:
        """Close the connection."""
        for connection in (self._sqlite, self._postgres):
            if connection is not None:
                connection.close()

    def _existing(self, numbers: list[int]) -> list[int]:
        if self._sqlite is not None:
            marks = ",".join("?" * len(numbers))
            sql = "SELECT number FROM {}keys WHERE number IN (" + marks + ")"  # noqa: S608  marks only
            return self._asked(sql, numbers)
        return self._asked("SELECT number FROM {}keys WHERE number = ANY(%s)", [numbers])

    def _asked(self, sql: str, parameters: list[int] | list[list[int]]) -> list[int]:
        if self._sqlite is not None:
            rows = self._sqlite.execute(sql.format(""), parameters).fetchall()
        elif self._postgres is not None:
            query = sql.format("kontaktlog_keys.").encode()
            rows = self._postgres.execute(query, parameters or None).fetchall()
        else:
            raise Unavailable("store_unavailable", reason="closed")
        return [int(number) for (number,) in rows]
