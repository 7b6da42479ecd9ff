"""What narrows a question about enquiries: the filters asked for and the asker's sight, as SQL.

Both are conditions on a version `c` of an enquiry and on its links, so that every question, be it
for a list, an item, a count or a timeline, is narrowed by the same words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from domain.access import Sight
from projections.enquiries_rows import (
    ASSIGNED,
    CASE,
    CONCERNED,
    ENDED,
    HOLDER,
    KLE,
    LEVELS,
    OWING,
    SENDER,
    TOPIC,
)
from projections.naming import placeholders
from projections.parties import fold
from projections.storage import OPEN, Reader

_LAST_CHARACTER: Final = "\uffff"

After = tuple[str, int]
"""Where a page ended: what it is sorted by, and the enquiry's number."""


@dataclass(frozen=True, slots=True)
class EnquiryQuery:
    """What the inbox is narrowed to; None leaves a thing open, several things all hold.

    Parties are families of ids. `deadline` is a state of a clock on the day judged by, `clock`
    says of which one. `assigned` is a person's pseudonym, a role or a team. `closed_*` and
    `received_*` are days, both included. `sort` is `deadline` (what is due first comes first, what
    has no date last) or `received` (newest first). `after` is the `next` of the page before.
    """

    unit: frozenset[str] | None = None
    administration: frozenset[str] | None = None
    sender: frozenset[str] | None = None
    assigned: str | None = None
    phases: tuple[str, ...] = ()
    open: bool | None = None
    kind: str | None = None
    medium: str | None = None
    written: bool | None = None
    priority: str | None = None
    topic: str | None = None
    kle: str | None = None
    case_number: str | None = None
    deadline: str | None = None
    clock: str | None = None
    received_from: str | None = None
    received_to: str | None = None
    closed_from: str | None = None
    closed_to: str | None = None
    sort: str = "received"
    limit: int = 50
    after: After | None = None


@dataclass(slots=True)
class Where:
    """Conditions that all hold, and their parameters in the same order."""

    parts: list[str] = field(default_factory=list)
    params: list[object] = field(default_factory=list)

    def add(self, part: str, *params: object) -> None:
        """Demand one thing more."""
        self.parts.append(part)
        self.params += params


class Way(NamedTuple):
    """A way to find enquiries: links of one kind with one of these values."""

    kind: int
    values: tuple[str, ...]


def narrowed(day: str | None, sight: Sight, query: EnquiryQuery, x: str) -> Where:
    """Return the conditions that are no links; `x` is the table that leads."""
    where = Where()
    _readable(where, sight)
    for column in ("kind", "medium"):
        if (value := getattr(query, column)) is not None:
            where.add(f"c.{column} = ?", value)
    if query.written is not None:
        where.add("c.written = ?", int(query.written))
    if query.open is not None:
        where.add(f"{x}.due_key {'<' if query.open else '='} '{ENDED}'")
    if query.phases:
        where.add(f"c.phase IN ({placeholders(len(query.phases))})", *query.phases)
    if query.priority is not None:
        where.add("c.priority = ?", query.priority)
    latest = min((d for d in (day, query.received_to) if d is not None), default=None)
    if latest is not None:
        where.add(f"{x}.received_day <= ?", latest)
    if query.received_from is not None:
        where.add(f"{x}.received_day >= ?", query.received_from)
    if query.closed_from is not None:
        where.add("c.closed_day >= ?", query.closed_from)
    if query.closed_to is not None:
        where.add("c.closed_day <= ? AND c.closed_day <> ''", query.closed_to)
    inside = (query.priority, query.assigned, query.deadline, query.clock)
    if not sight.assessment and any(asked is not None for asked in inside):
        where.add("1 = 0")  # what one is not told one cannot ask for either
    return where


def _readable(where: Where, sight: Sight, c: str = "c") -> None:
    """Demand a level the sight allows, and where only final records are seen, that it is closed."""
    levels = sorted(LEVELS[level] for level in sight.confidentialities)
    where.add(f"{c}.level IN ({', '.join(map(str, levels))})" if levels else "1 = 0")
    if not sight.unfinished:
        where.add(f"{c}.phase = 'closed'")


def seen(reader: Reader, v: str, sight: Sight) -> Where:
    """Return what the sight demands of a row of enquiries `c`, now and at the position asked."""
    where = Where()
    _readable(where, sight)
    for way in _sight_ways(reader, v, sight):
        linked(where, v, way)
    still_seen(where, reader, v, sight)
    return where


def still_seen(where: Where, reader: Reader, v: str, sight: Sight) -> None:
    """Demand of a version of the past that the enquiry may be seen as it stands by now."""
    if not sight.limited:
        return
    now = Where()
    _readable(now, sight, "n")
    for way in _sight_ways(reader, v, sight):
        linked(now, v, way, "n")
    where.add(
        f"(c.to_position = {OPEN} OR EXISTS (SELECT 1 FROM enquiry_{v} n"
        f" WHERE n.enquiry_id = c.enquiry_id AND n.to_position = {OPEN}"
        f" AND {' AND '.join(now.parts)}))",
        *now.params,
    )


def ways_of(reader: Reader, v: str, query: EnquiryQuery, sight: Sight) -> list[Way]:
    """Return what must be linked, the likely rarest first: that one leads the search."""
    assigned = None if query.assigned is None else fold(query.assigned)
    ways = [
        _way(CASE, query.case_number),
        _way(ASSIGNED, assigned),
        _way(HOLDER, query.unit),
        _way(SENDER, query.sender),
        _way(TOPIC, query.topic),
        _kle_way(reader, v, None if query.kle is None else (query.kle,)),
        _way(OWING, query.administration),
        *_sight_ways(reader, v, sight),
    ]
    return [way for way in ways if way is not None]


def _sight_ways(reader: Reader, v: str, sight: Sight) -> list[Way]:
    ways = (_way(CONCERNED, sight.parties), _kle_way(reader, v, sight.kle))
    return [way for way in ways if way is not None]


def _way(kind: int, values: str | Iterable[str] | None) -> Way | None:
    if values is None:
        return None
    return Way(kind, (values,) if isinstance(values, str) else tuple(sorted(values)))


def _kle_way(reader: Reader, v: str, prefixes: Sequence[str] | None) -> Way | None:
    """Return the way by all KLE numbers that stand at or under one of `prefixes`."""
    if prefixes is None:
        return None
    found: set[str] = set()
    for prefix in prefixes:
        rows = reader.all(
            f"SELECT value FROM enquiry_kle_{v} WHERE value >= ? AND value < ?",
            (prefix, prefix + _LAST_CHARACTER),
        )
        found |= {value for (value,) in rows if not value[len(prefix) :][:1].isdigit()}
    return Way(KLE, tuple(sorted(found)))


def linked(where: Where, v: str, way: Way, c: str = "c") -> None:
    """Demand that the version `c` has such a link: a look-up by the links' own key."""
    if not way.values:
        where.add("1 = 0")
        return
    where.add(
        f"EXISTS (SELECT 1 FROM enquiry_link_{v} s WHERE s.kind = {way.kind}"
        f" AND s.value IN ({placeholders(len(way.values))}) AND s.to_position = {c}.to_position"
        f" AND s.due_key = {c}.due_key AND s.number = {c}.number)",
        *way.values,
    )
