"""The port between the log as an idea and the databases that keep it: rows, appends, conditions.

`domain/storage/sqlite.py` and `domain/storage/postgres.py` implement `Log`; everything else speaks
only these types. Positions are dense from 1; tree index is position - 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from domain.errors import DomainError

BATCH_REQUESTS_MAX: Final = 1_024
"""Appends in one transaction: bounds how long the write lock is held."""
PAGE_ROWS_MAX: Final = 1_000
"""Rows of one read; a caller pages on."""


class StoredRow(NamedTuple):
    """One row of table `events`, columns in the table's order."""

    position: int
    recorded_at: int
    """Microseconds since 1970-01-01 UTC, the server's clock inside the write lock."""
    event_id: bytes
    type: str
    tags: str
    """JSON array of strings, sorted, compact."""
    metadata: bytes
    data: bytes
    stream_id: str | None
    stream_version: int | None
    key_hash: bytes | None
    leaf: bytes


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event ready to be stored; `body` is `leaf.body_hash` of its columns."""

    event_id: bytes
    type: str
    tags: tuple[str, ...]
    tags_text: str
    metadata: bytes
    data: bytes
    body: bytes
    stream_id: str | None = None
    stream_version: int | None = None
    key_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class QueryItem:
    """Events of one of `types` (any when empty) that bear all of `tags`."""

    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """Append only if no event after position `after` matches any of `items`."""

    items: tuple[QueryItem, ...]
    after: int = 0


@dataclass(frozen=True, slots=True)
class Append:
    """One request: its events are stored together, in order, or not at all.

    A request whose first event's id is in the log already is not stored again, nor is one whose
    first event's key_hash is: the answer then names the position of the stored one.
    """

    events: tuple[NewEvent, ...]
    condition: Condition | None = None


class Appended(NamedTuple):
    """Where a request's events stand: positions `first` … `first + count - 1`."""

    first: int
    size: int
    recorded_at: int
    duplicate: bool = False


class CheckpointRow(NamedTuple):
    """One published checkpoint: tree size, root, signed note, when."""

    size: int
    root: bytes
    note: str
    recorded_at: int


Outcome = Appended | DomainError


class Staged(Protocol):
    """A batch on its way: `commit` makes it durable and may block on the disk."""

    def commit(self) -> list[Outcome]:
        """Return one outcome per request, in order; raises Unavailable if nothing was stored."""
        ...


class Log(Protocol):
    """One ordered, sealed log in one database. Sync; safe to call from several threads."""

    def stage(self, batch: Sequence[Append]) -> Staged:
        """Do what needs no disk wait now; the caller then calls `commit` off the event loop."""
        ...

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """Stage and commit in one call (CLI, imports)."""
        ...

    def head(self) -> int:
        """Return the last position, 0 when the log is empty."""
        ...

    def rows(self, after: int, limit: int = PAGE_ROWS_MAX) -> list[StoredRow]:
        """Return rows with position > after, in order, at most `limit`."""
        ...

    def row_of(self, event_id: bytes) -> StoredRow | None:
        """Return the row of an event id."""
        ...

    def row_of_key(self, key_hash: bytes) -> StoredRow | None:
        """Return the row stored under an idempotency key."""
        ...

    def matching(
        self, items: Sequence[QueryItem], after: int = 0, limit: int | None = None
    ) -> list[StoredRow]:
        """Return rows that match any item, in order of position."""
        ...

    def leaves(self, first: int, count: int) -> list[bytes]:
        """Return leaf hashes of positions first … first + count - 1 (fewer at the end)."""
        ...

    def position_at(self, moment: int) -> int:
        """Return the last position known at a moment (microseconds since 1970), 0 if none."""
        ...

    def add_checkpoint(self, row: CheckpointRow) -> None:
        """Keep a published checkpoint; the same size and root again is no error."""
        ...

    def checkpoint(self, at_least: int = 0) -> CheckpointRow | None:
        """Return the newest checkpoint, or the smallest that covers `at_least` when that is > 0."""
        ...

    def wait(self, after: int, seconds: float) -> bool:
        """Wait until the head is past `after`, at most `seconds`; return whether it is."""
        ...

    def probe(self) -> None:
        """Raise Unavailable unless the store can take a write now (used by readiness)."""
        ...

    def close(self) -> None:
        """Release every connection."""
        ...
