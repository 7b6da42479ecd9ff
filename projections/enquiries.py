"""Questions about enquiries (henvendelser): the inbox of the entry point, one of them, its steps.

Every answer is true for one position `at` and judged by one moment, and holds only what the asker's
sight allows: what one may not see does not show in lists, items, steps or their number.
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import merge
from itertools import islice
from typing import Final, NamedTuple

from domain.access import Sight
from projections.enquiries_rows import VIEW
from projections.enquiries_steps import Step, joined
from projections.enquiries_where import (
    After,
    EnquiryQuery,
    Where,
    linked,
    narrowed,
    seen,
    still_seen,
    ways_of,
)
from projections.enquiry_body import Fragments, compose
from projections.enquiry_clocks import RUNNING, Judged, states_of
from projections.storage import OPEN, Params, Reader, Row

__all__ = [
    "VIEW",
    "EnquiryQuery",
    "Found",
    "Item",
    "Page",
    "inbox",
    "matching",
    "one",
    "seen_rows",
    "steps",
]

LIMIT_MAX: Final = 500
"""Enquiries of one page; a caller pages on."""
LEAD_VALUES_MAX: Final = 16
"""A way with more values does not lead: each value is a search of its own."""
LOOKED_AT_MAX: Final = 5_000
"""Enquiries looked at for one page where deadlines decide; then the page ends, and goes on."""
ASKED_OF_MAX: Final = 500
"""The same where each must be held against others."""
_COLUMNS: Final = (
    "c.from_position, c.version, c.body, c.handler, c.inside, c.inside_blind, c.clocks"
)
_ORDERS: Final = {
    "deadline": ("due_key", "ASC", ">"),
    "received": ("received_day", "DESC", "<"),
}

Keep = Callable[["Found"], bool]


class Page(NamedTuple):
    """One page of ready JSON objects, and the key to ask for the next with (None at the end)."""

    items: list[bytes]
    next: After | None


class Item(NamedTuple):
    """One enquiry as ready JSON, its version, the position of its newest event.

    `settled` says that nothing in it depends on the day it is asked.
    """

    body: bytes
    version: int
    position: int
    settled: bool


class Found(NamedTuple):
    """A row that fits: where it stands in the order, and its parts."""

    key: After
    position: int
    version: int
    parts: Fragments


# ── one ──────────────────────────────────────────────────────────────────────────────────────────


def one(
    reader: Reader, v: str, at: int, day: str | None, sight: Sight, judged: Judged, enquiry_id: str
) -> Item | None:
    """Return an enquiry; None when there is none that the asker may see."""
    row = _current(reader, v, at, day, sight, enquiry_id, _COLUMNS)
    if row is None:
        return None
    since, version, *parts = row
    fragments = Fragments(*parts)
    states = states_of(fragments.clocks, judged)
    settled = not sight.assessment or not any(state in RUNNING for _, state in states)
    return Item(compose(fragments, sight, judged), version, since, settled)


def steps(
    reader: Reader,
    v: str,
    at: int,
    day: str | None,
    sight: Sight,
    enquiry_id: str,
    *,
    chain: bool = False,
) -> list[bytes] | None:
    """Return what happened to an enquiry, oldest first; None when it may not be seen.

    `chain` leaves only its way from hand to hand. What only the municipality's own people see is
    left out for others.
    """
    if _current(reader, v, at, day, sight, enquiry_id, "c.number") is None:
        return None
    where = Where(["enquiry_id = ? AND from_position <= ?"], [enquiry_id, at])
    if not sight.assessment:
        where.add("hidden = 0")
    if chain:
        where.add("handover = 1")
    rows = reader.all(
        f"SELECT step_head, step_handler, step_inside, step_inside_blind FROM enquiry_{v}"
        f" WHERE {' AND '.join(where.parts)} ORDER BY from_position",
        where.params,
    )
    return [joined(Step(*row), sight) for row in rows]


def _current(
    reader: Reader, v: str, at: int, day: str | None, sight: Sight, enquiry_id: str, columns: str
) -> Row | None:
    where = seen(reader, v, sight)
    where.add("c.enquiry_id = ? AND c.from_position <= ? AND c.to_position > ?", enquiry_id, at, at)
    if day is not None:
        where.add("c.received_day <= ?", day)
    return reader.one(
        f"SELECT {columns} FROM enquiry_{v} c WHERE {' AND '.join(where.parts)}", where.params
    )


# ── many ─────────────────────────────────────────────────────────────────────────────────────────


def inbox(
    reader: Reader,
    v: str,
    at: int,
    day: str | None,
    sight: Sight,
    judged: Judged,
    query: EnquiryQuery,
    *,
    matches: tuple[str, Params] | None = None,
    keep: Keep | None = None,
) -> Page:
    """Return one page of enquiries in the order asked for.

    `day` leaves out what was received later. `matches` is SQL that selects the contacts a text was
    found in, with its parameters. `keep` is a further condition on each enquiry.
    """
    search = _Search(reader, v, at, day, sight, query, matches)
    decide = _all_of(_deadline_fits(judged, query), keep)
    limit = min(query.limit, LIMIT_MAX)
    looked_at_max = LOOKED_AT_MAX if keep is None else ASKED_OF_MAX
    found, more = _portions(search, decide, query.after, limit, looked_at_max)
    return Page([compose(each.parts, sight, judged) for each in found], more)


def _portions(
    search: "_Search", decide: Keep | None, after: After | None, limit: int, looked_at_max: int
) -> tuple[list[Found], After | None]:
    """Return one page of what fits, and where to go on; looks at so many and no more."""
    size = limit + 1 if decide is None else LIMIT_MAX
    found: list[Found] = []
    for _ in range(looked_at_max // LIMIT_MAX):
        portion = search.rows(after, size)
        found += portion if decide is None else filter(decide, portion)
        if len(found) > limit:
            return found[:limit], found[limit - 1].key
        if len(portion) < size:
            return found, None
        after = portion[-1].key
    return found, after


def matching(
    reader: Reader,
    v: str,
    at: int,
    day: str | None,
    sight: Sight,
    judged: Judged,
    query: EnquiryQuery,
    *,
    matches: tuple[str, Params] | None = None,
    keep: Keep | None = None,
) -> Iterable[Found]:
    """Return every enquiry that fits, in the order asked for, whatever the limit says."""
    decide = _all_of(_deadline_fits(judged, query), keep)
    rows = _Search(reader, v, at, day, sight, query, matches).rows(None, None)
    return rows if decide is None else filter(decide, rows)


def _all_of(first: Keep | None, second: Keep | None) -> Keep | None:
    if first is None or second is None:
        return first or second

    def both(found: Found) -> bool:
        return first(found) and second(found)

    return both


def _deadline_fits(judged: Judged, query: EnquiryQuery) -> Keep | None:
    if query.deadline is None and query.clock is None:
        return None

    def fits(found: Found) -> bool:
        states = states_of(found.parts.clocks, judged)
        return any(
            query.clock in (None, clock) and query.deadline in (None, state)
            for clock, state in states
        )

    return fits


class _Search:
    """One question on its way to rows: by which links, in which order, under which conditions."""

    def __init__(
        self,
        reader: Reader,
        v: str,
        at: int,
        day: str | None,
        sight: Sight,
        query: EnquiryQuery,
        matches: tuple[str, Params] | None,
    ) -> None:
        self._reader, self._v, self._at, self._query = reader, v, at, query
        ways = ways_of(reader, v, query, sight)
        self._nothing = any(not way.values for way in ways)
        self._lead = next((way for way in ways if len(way.values) <= LEAD_VALUES_MAX), None)
        self._where = narrowed(day, sight, query, "c" if self._lead is None else "x")
        for way in ways:
            if way is not self._lead:
                linked(self._where, v, way)
        still_seen(self._where, reader, v, sight)
        if matches is not None:
            self._where.add(f"c.contact_id IN ({matches[0]})", *matches[1])

    def rows(self, after: After | None, limit: int | None) -> list[Found]:
        """Return the first rows after a key; what is waiting now and what was then are merged."""
        if self._nothing:
            return []
        column, direction, beyond = _ORDERS[self._query.sort]
        x = "c" if self._lead is None else "x"
        parts, params = [*self._where.parts], [*self._where.params]
        if after is not None:
            parts.append(f"({x}.{column}, {x}.number) {beyond} (?, ?)")
            params += after
        order = f" ORDER BY {x}.{column} {direction}, {x}.number {direction}"
        order += "" if limit is None else f" LIMIT {limit}"
        found = [
            self._reader.all(f"{select} AND {' AND '.join(parts)}{order}", [*first, *params])
            for select, first in self._selects(x, f"{x}.{column}, {x}.number, {_COLUMNS}")
        ]
        backwards = direction == "DESC"
        merged = merge(*found, key=lambda row: (row[0], row[1]), reverse=backwards)
        return [_found(row) for row in islice(_once(merged), limit)]

    def _selects(self, x: str, columns: str) -> Iterable[tuple[str, list[object]]]:
        """Return the beginnings of the statements: one for each value that leads and each time."""
        for time, bounds in self._times(x):
            if self._lead is None:
                yield f"SELECT {columns} FROM enquiry_{self._v} c WHERE {time}", bounds
                continue
            for value in self._lead.values:
                # CROSS JOIN keeps SQLite from leading with anything but the links.
                select = (
                    f"SELECT {columns} FROM enquiry_link_{self._v} x"
                    f" CROSS JOIN enquiry_{self._v} c WHERE x.kind = {self._lead.kind}"
                    f" AND x.value = ? AND {time} AND c.from_position = x.from_position"
                )
                yield select, [value, *bounds]

    def _times(self, x: str) -> Iterable[tuple[str, list[object]]]:
        """Return conditions on when a version holds, each of which one index can lead with.

        By deadline there are two: versions that still hold, in order; and those that held at the
        position but do no more, of which there are few unless the position is long past.
        """
        if self._query.sort == "received":
            # The plus keeps the databases from leading with positions instead of days.
            yield f"{x}.from_position <= ? AND +{x}.to_position > ?", [self._at, self._at]
            return
        yield f"{x}.to_position = {OPEN} AND {x}.from_position <= ?", [self._at]
        ended = f"{x}.to_position > ? AND {x}.to_position < {OPEN} AND {x}.from_position <= ?"
        yield ended, [self._at, self._at]


def _found(row: Row) -> Found:
    key, number, since, version, *parts = row
    return Found((key, number), since, version, Fragments(*parts))


def _once(rows: Iterable[Row]) -> Iterable[Row]:
    """Leave out an enquiry found by a second value; its rows stand side by side."""
    last = None
    for row in rows:
        if row[:2] != last:
            yield row
        last = row[:2]


def seen_rows(
    reader: Reader,
    v: str,
    at: int,
    day: str | None,
    sight: Sight,
    kind: int,
    values: Sequence[str],
    between: tuple[str, str] | None = None,
) -> list[Found]:
    """Return the newest enquiries that bear a link, within sight; at most `LIMIT_MAX`.

    `between` are the first and last day of receipt.
    """
    where = seen(reader, v, sight)
    if day is not None:
        where.add("x.received_day <= ?", day)
    if between is not None:
        where.add("x.received_day >= ? AND x.received_day <= ?", *between)
    found: list[list[Row]] = [
        reader.all(
            f"SELECT x.received_day, x.number, {_COLUMNS} FROM enquiry_link_{v} x"
            f" CROSS JOIN enquiry_{v} c WHERE x.kind = ? AND x.value = ?"
            " AND x.from_position <= ? AND +x.to_position > ?"
            f" AND c.from_position = x.from_position AND {' AND '.join(where.parts)}"
            f" ORDER BY x.received_day DESC, x.number DESC LIMIT {LIMIT_MAX}",
            [kind, value, at, at, *where.params],
        )
        for value in values
    ]
    merged = merge(*found, key=lambda row: (row[0], row[1]), reverse=True)
    return [_found(row) for row in islice(_once(merged), LIMIT_MAX)]
