"""Which enquiries have a deadline that is near or past: what the policy of reminders looks at.

The inbox is asked by people and shows what they may see; this is asked by the policy, which decides
from the log. One range of one index finds what is open and due first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, NamedTuple

import orjson

from projections.enquiries_rows import ENDED
from projections.storage import OPEN, Reader

_DAY_CHARS: Final = 10
_COLUMNS: Final = "enquiry_id, from_position, due_key, number, clocks"

Place = tuple[str, int]
"""Where an enquiry stands in the order of what is due first."""


@dataclass(frozen=True, slots=True)
class Due:
    """An open enquiry one of whose clocks runs; `position` is that of its newest event."""

    enquiry_id: str
    position: int
    place: Place
    clocks: bytes

    def moments(self, zone: tzinfo) -> list[datetime]:
        """Return when its running deadlines come near and when they pass, in no order.

        A day comes near at its beginning and is over at its end, in the municipality's time.
        """
        clocks = orjson.loads(self.clocks)
        running = [each for each in clocks["deadlines"] if clocks[each["clock"]] is None]
        return [moment for each in running for moment in _moments(each, zone)]


class Portion(NamedTuple):
    """Enquiries in the order of what is due first; `more` says that others follow."""

    items: list[Due]
    more: bool


def due_soon(
    reader: Reader, v: str, until: datetime, limit: int, after: Place | None, since: int = 0
) -> Portion:
    """Return open enquiries that are due by `until`, beyond a place, changed after `since`."""
    key = min(f"{until.astimezone(UTC).isoformat()}~", ENDED)
    key_after, number_after = after or ("", 0)
    rows = reader.all(
        f"SELECT {_COLUMNS} FROM enquiry_{v} WHERE to_position = {OPEN} AND due_key <= ?"
        " AND (due_key, number) > (?, ?) AND from_position > ?"
        " ORDER BY due_key, number LIMIT ?",
        (key, key_after, number_after, since, limit + 1),
    )
    items = [
        Due(enquiry_id, position, (due_key, number), bytes(clocks))
        for enquiry_id, position, due_key, number, clocks in rows[:limit]
    ]
    return Portion(items, len(rows) > limit)


def _moments(deadline: dict[str, str], zone: tzinfo) -> Iterator[datetime]:
    near, due = deadline["at_risk_from"], deadline["due"]
    yield _begins(near, zone) if len(near) == _DAY_CHARS else datetime.fromisoformat(near)
    if len(due) == _DAY_CHARS:
        yield _begins((date.fromisoformat(due) + timedelta(days=1)).isoformat(), zone)
    else:
        yield datetime.fromisoformat(due)


def _begins(day: str, zone: tzinfo) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), zone).astimezone(UTC)
