"""What the audit needs of a database: bytes as they are stored, and what it says of itself.

Implemented by sqlite.py and postgres.py with connections and SQL of their own; nothing here goes
through the product's own reading.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from api.audit.faults import Fault

PAGE_ROWS: Final = 512
"""Rows of a page: small enough for the processor's cache, large enough to be quick."""


class StoredCheckpoint(NamedTuple):
    """A row of `checkpoints` as it was found; nothing in it is believed."""

    size: Any
    root: Any
    note: Any
    recorded_at: Any


@dataclass(frozen=True, slots=True)
class Aside:
    """What a database finds about itself."""

    faults: list[Fault]
    tags_matched: int | None = None
    """Tags of `events.tags` that stand in `event_tags` too, up to the head; None: cannot say."""
    tags_listed: int | None = None
    """Rows of `event_tags`, up to the head."""


class Source(Protocol):
    """One consistent picture of one log, read only."""

    def head(self) -> int:
        """Return the highest position, 0 when there is none."""
        ...

    def pages(self) -> Iterator[list[tuple[Any, ...]]]:
        """Yield all rows in order of position, with values of the classes they are stored in."""
        ...

    def rows(self, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Return rows with position > after, in order, at most `limit`."""
        ...

    def checkpoints(self) -> Iterator[StoredCheckpoint]:
        """Yield the published checkpoints in order of size."""
        ...

    def tags_in_order(self) -> Iterator[tuple[int, Any]]:
        """Yield position and tag of every row of `event_tags`, by position."""
        ...

    def tag_columns(self) -> Iterator[tuple[int, Any]]:
        """Yield position and column `tags` of every event, by position."""
        ...

    def aside(self) -> "Aside":
        """Return what the database itself finds: schema, indexes, values that repeat.

        May run in another thread, beside the other questions, and see a slightly newer log.
        """
        ...

    def close(self) -> None:
        """Let the picture go."""
        ...


def schema_faults(found: Iterable[str], released: Iterable[str]) -> Iterator[Fault]:
    """Yield what is missing, changed or extra; each line is `kind name: definition`."""
    have = dict(line.split(": ", 1) for line in found)
    want = dict(line.split(": ", 1) for line in released)
    for name in sorted(want.keys() - have.keys()):
        yield Fault("schema_missing", detail=name)
    for name in sorted(have.keys() - want.keys()):
        yield Fault("schema_extra", detail=name)
    for name in sorted(have.keys() & want.keys()):
        if have[name] != want[name]:
            yield Fault("schema_changed", detail=name)
