"""What was promised and what is stored: acknowledgements on a file of their own, and their check.

The store is read with SQL of our own, not through the product's code.
"""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import psycopg

COLUMNS = "position, recorded_at, type, tags, key_hash"


class Ack(NamedTuple):
    """One promise: the contact, sent under this key, stands at this position."""

    contact_id: str
    key_hash: str
    position: int


class Stored(NamedTuple):
    """One row of the log as it was found."""

    position: int
    recorded_at: int
    type: str
    tags: tuple[str, ...]
    key_hash: str | None


class Ledger:
    """A file that gets one unbuffered line for each acknowledgement, at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, ack: Ack) -> None:
        os.write(self.number, f"{json.dumps(ack)}\n".encode())

    def close(self) -> None:
        os.close(self.number)

    def read(self) -> list[Ack]:
        return read(self.path)


def read(path: Path) -> list[Ack]:
    """The whole lines of a ledger; a last line that was cut off promised nothing."""
    *lines, _rest = path.read_bytes().split(b"\n")
    return [Ack(*json.loads(line)) for line in lines]


def stored(url: str) -> list[Stored]:
    """Every row of a log, in order of position."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            rows = file.execute(f"SELECT {COLUMNS} FROM events ORDER BY position").fetchall()
    else:
        with psycopg.connect(url) as server:
            sql = f"SELECT {COLUMNS} FROM kontaktlog.events ORDER BY position"
            rows = server.execute(sql.encode()).fetchall()
    return [
        Stored(position, at, kind, tuple(json.loads(tags)), key.hex() if key else None)
        for position, at, kind, tags, key in rows
    ]


def faults(
    acks: Iterable[Ack], rows: Sequence[Stored], sent: Iterable[str] | None = None
) -> set[str]:
    """What the store does not keep of what was promised; empty when all is kept.

    `sent` are all contacts ever sent, acknowledged or not: nothing else may be stored.
    """
    found: set[str] = set()
    if [row.position for row in rows] != list(range(1, len(rows) + 1)):
        found.add("gap")
    by_contact: Counter[str] = Counter()
    at: dict[int, Stored] = {row.position: row for row in rows}
    for row in rows:
        by_contact.update(contact_of(row))
    if any(count > 1 for count in by_contact.values()):
        found.add("doubled")
    for ack in acks:
        there = at.get(ack.position)
        if by_contact[ack.contact_id] == 0:
            found.add("lost")
        elif there is None or not holds(there, ack):
            found.add("elsewhere")
    if sent is not None and by_contact.keys() - set(sent):
        found.add("never sent")
    return found


def holds(row: Stored, ack: Ack) -> bool:
    return ack.contact_id in contact_of(row) and row.key_hash == ack.key_hash


def contact_of(row: Stored) -> list[str]:
    """The contact that a row logs; none when it tells of something else."""
    if not row.type.startswith("contact.logged/"):
        return []
    return [tag.removeprefix("contact:") for tag in row.tags if tag.startswith("contact:")]
