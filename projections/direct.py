"""Questions about the direct door (direkte kontakt): living pairs, their contacts, who is silent.

Every figure comes with the query that opens exactly the contacts behind it. A contact known to its
month counts in a window only when the whole month lies inside; how many were left out for that is
told beside the figure, never guessed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from domain.calendar import YEAR_FIRST, YEAR_LAST, WorkingCalendar
from projections import contact_body
from projections.contact_body import Fragments
from projections.direct_rows import VIEW
from projections.direct_standing import (
    ORGANISATION_KINDS,
    Condition,
    Json,
    Refs,
    Seen,
    Standing,
    contacts_url,
    meeting,
    rows,
    selection,
    standing,
    url,
    within,
)
from projections.direct_statistics import Row, Window
from projections.naming import placeholders, portions
from projections.parties import in_order
from projections.storage import Reader

__all__ = [
    "VIEW",
    "Contacts",
    "ContactsQuery",
    "Matrix",
    "MatrixQuery",
    "contacts",
    "matrix",
]

Select = Literal["pairs", "all", "straddling", "unnamed"]
SELECTS: Final = ("pairs", "all", "straddling", "unnamed")
_DIRECTIONS: Final = ("inbound", "outbound", "mutual")
PAIRS_PATH: Final = "/v1/direct-contact/pairs"
_NOWHERE: Final = "\uffff"
"""Sorts a row without an administration behind the others."""
_FIRST_DAY: Final = f"{YEAR_FIRST}-01-01"
_LAST_DAY: Final = f"{YEAR_LAST}-12-31"


# ── the contacts behind a figure ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ContactsQuery:
    """Which contacts to open: families of parties, days, channel, direction.

    `select`: `pairs` have an organisation and lie wholly between the days; `all` also those without
    one; `straddling` cross an edge; `unnamed` lie inside and name no organisation. `offset` is the
    `next` of the page before.
    """

    administrations: frozenset[str] | None = None
    organisations: frozenset[str] | None = None
    first: str | None = None
    last: str | None = None
    channel: str | None = None
    direction: str | None = None
    select: Select = "pairs"
    limit: int = 50
    offset: int = 0


class Contacts(NamedTuple):
    """A page of contacts as ready JSON, newest first, and what the whole selection counts."""

    items: list[bytes]
    next: int | None
    contacts: int
    pair_days: int


def contacts(reader: Reader, seen: Seen, day: str, query: ContactsQuery) -> Contacts:
    """Return the contacts of a selection, and how many there are and on how many pair-days."""
    held = standing(reader, seen, day)
    found = _selected(reader, seen, held, query)
    order = sorted({(row.first_day, row.number, row.contact) for row in found}, reverse=True)
    page = order[query.offset : query.offset + query.limit]
    more = query.offset + query.limit
    return Contacts(
        _bodies(reader, seen, [contact for _, _, contact in page]),
        more if more < len(order) else None,
        len(order),
        len({row[1:5] for row in found if row.organisation}),
    )


def _selected(reader: Reader, seen: Seen, held: Standing, query: ContactsQuery) -> list[Row]:
    window = Window(query.first or "0000", query.last or "9999-12-31")
    conditions: list[Condition] = [
        *_sides(held, query.administrations, query.organisations),
        meeting([window]),
    ]
    for column, value in (("channel", query.channel), ("direction", query.direction)):
        if value is not None:
            conditions.append((f"d.{column}=?", [value]))
    found = rows(reader, seen, held, conditions)
    if query.select == "straddling":
        return [row for row in found if not window.holds(row.first_day, row.last_day)]
    inside = [row for row in found if window.holds(row.first_day, row.last_day)]
    if query.select == "all":
        return inside
    return [row for row in inside if bool(row.organisation) is (query.select == "pairs")]


def _sides(
    held: Standing, administrations: frozenset[str] | None, organisations: frozenset[str] | None
) -> list[Condition]:
    ours = None if administrations is None else held.family(administrations)
    theirs = None if organisations is None else held.family(organisations)
    return [*within("administration", ours), *within("organisation", theirs)]


def _bodies(reader: Reader, seen: Seen, contact_ids: Sequence[str]) -> list[bytes]:
    found: dict[str, bytes] = {}
    for some in portions(contact_ids):
        for contact, *parts in reader.all(
            "SELECT c.contact_id, c.body, c.people, c.people_blind, c.internal"
            f" FROM contact_{seen.contacts} c WHERE c.contact_id IN ({placeholders(len(some))})"
            " AND c.from_position<=? AND c.to_position>?",
            [*some, seen.at, seen.at],
        ):
            found[contact] = contact_body.compose(Fragments(*parts), seen.sight)
    return [found[contact] for contact in contact_ids]


# ── the matrix ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class MatrixQuery:
    """Which pairs: families of parties, length of the window in days, silence, life, never met."""

    window_days: int = 90
    administrations: frozenset[str] | None = None
    organisations: frozenset[str] | None = None
    silent_for: int | None = None
    living: bool | None = None
    include_never: bool = False


class Matrix(NamedTuple):
    """Pairs by the names of administration and organisation, and totals per side."""

    rows: list[Json]
    window: Window
    totals: Json


@dataclass(slots=True)
class _Cell:
    """What is known of one pair."""

    last: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Last day and first day of the newest contact in each direction."""
    inside: set[int] = field(default_factory=set)
    straddling: set[int] = field(default_factory=set)

    @property
    def newest(self) -> tuple[str, str] | None:
        """Last day and first day of the newest contact in any direction."""
        return max(self.last.values(), default=None)


_Cells = dict[tuple[str, str], _Cell]


def matrix(
    reader: Reader, seen: Seen, day: str, query: MatrixQuery, calendar: WorkingCalendar
) -> Matrix:
    """Return the pairs as they stand on `day`."""
    held = standing(reader, seen, day)
    first = date.fromisoformat(day) - timedelta(days=query.window_days - 1)
    window = Window(first.isoformat(), day)
    cells = _cells(reader, seen, held, query, window)
    never = _never(reader, seen, held, query, cells, day) if query.include_never else []
    parties = {party for pair in [*cells, *never] for party in pair if party}
    refs = Refs(reader, seen, day, parties)
    shown = [
        _row(seen, refs, pair, cells.get(pair, _Cell()), window, calendar)
        for pair in sorted([*cells, *never], key=lambda pair: _order(refs, pair))
    ]
    return Matrix([row for row in shown if _fits(row, query)], window, _totals(cells, never, refs))


def _cells(
    reader: Reader, seen: Seen, held: Standing, query: MatrixQuery, window: Window
) -> _Cells:
    sides = _sides(held, query.administrations, query.organisations)
    direct: Condition = ("d.channel=? AND d.organisation<>?", ["direct", ""])
    source, params = selection(
        reader, seen, held, [direct, *sides, ("d.first_day<=?", [window.last])]
    )
    cells: _Cells = {}
    for ours, theirs, direction, newest in reader.all(
        "SELECT d.administration, d.organisation, d.direction, MAX(CASE WHEN d.last_day<=?"
        f" THEN d.last_day || d.first_day END) {source} GROUP BY d.administration, d.organisation,"
        " d.direction",
        [window.last, *params],
    ):
        cell = cells.setdefault((held.of(ours), held.of(theirs)), _Cell())
        if newest is not None:
            span = (newest[:10], newest[10:])
            cell.last[direction] = max(span, cell.last.get(direction, span))
    for row in rows(reader, seen, held, [direct, *sides, meeting([window])]):
        cell = cells[row.administration, row.organisation]
        inside = window.holds(row.first_day, row.last_day)
        (cell.inside if inside else cell.straddling).add(row.number)
    return cells


def _never(
    reader: Reader, seen: Seen, held: Standing, query: MatrixQuery, cells: _Cells, day: str
) -> list[tuple[str, str]]:
    """Return the pairs of registered organisations without any contact.

    Without a filter by administration that is one row without an administration for each
    organisation that nobody was ever in contact with.
    """
    kinds = sorted(ORGANISATION_KINDS)
    found = reader.all(
        f"SELECT party_id FROM party_{seen.parties} WHERE from_position<=? AND to_position>?"
        f" AND kind IN ({placeholders(len(kinds))}) AND valid_from<=?"
        " AND (valid_to='' OR valid_to>=?)",
        (seen.at, seen.at, *kinds, day, day),
    )
    known = {held.of(row[0]) for row in found}
    if query.organisations is not None:
        known &= {held.of(party) for party in query.organisations}
    if seen.sight.parties is not None:
        own = {held.of(party) for party in seen.sight.parties}
        known = known & own if own & known else (known if own & held.municipal else set())
    if query.administrations is None:
        met = {theirs for _, theirs in cells}
        return [("", party) for party in known - met]
    ours = {held.of(party) for party in query.administrations}
    return [(a, o) for a in ours for o in known if (a, o) not in cells]


def _order(refs: Refs, pair: tuple[str, str]) -> tuple[str, ...]:
    ours, theirs = pair
    first = (in_order(refs.name(ours)), ours) if ours else (_NOWHERE, "")
    return (*first, in_order(refs.name(theirs)), theirs)


def _row(
    seen: Seen,
    refs: Refs,
    pair: tuple[str, str],
    cell: _Cell,
    window: Window,
    calendar: WorkingCalendar,
) -> Json:
    ours, theirs = pair
    sides: dict[str, str | list[str]] = {"administration": ours} if ours else {}
    sides["organisation"] = theirs
    newest = cell.newest
    silence = None if newest is None else _days(newest[0], window.last)
    return {
        "administration": refs(ours) if ours else None,
        "organisation": refs(theirs),
        "last": {name: _span(cell.last.get(name)) for name in _DIRECTIONS} | {"any": _span(newest)},
        "contacts": len(cell.inside),
        "straddling": len(cell.straddling),
        "living": bool(cell.inside),
        "silence_days": silence,
        "silence_working_days": None if newest is None else _working(calendar, newest[0], window),
        "contacts_url": contacts_url(seen, window, sides, channel="direct"),
        "straddling_url": contacts_url(seen, window, sides, channel="direct", select="straddling"),
        "pair_url": url(seen, f"{PAIRS_PATH}/{ours}/{theirs}", {}) if ours else None,
    }


def _span(found: tuple[str, str] | None) -> Json | None:
    return None if found is None else {"from": found[1], "to": found[0]}


def _days(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def _working(calendar: WorkingCalendar, first: str, window: Window) -> int | None:
    """Return working days since, None for what lies before or after the calendar's years."""
    if first < _FIRST_DAY or window.last > _LAST_DAY:
        return None
    return calendar.working_days_between(date.fromisoformat(first), date.fromisoformat(window.last))


def _fits(row: Json, query: MatrixQuery) -> bool:
    if query.living is not None and row["living"] is not query.living:
        return False
    silence = row["silence_days"]
    return query.silent_for is None or silence is None or silence >= query.silent_for


def _totals(cells: _Cells, never: Iterable[tuple[str, str]], refs: Refs) -> Json:
    """Return pairs, living pairs and distinct contacts, in all and per side."""
    sides: list[dict[str, list[_Cell]]] = [{}, {}]
    for pair, cell in cells.items():
        for side, party in zip(sides, pair, strict=True):
            side.setdefault(party, []).append(cell)
    for pair in never:
        for side, party in zip(sides, pair, strict=True):
            side.setdefault(party, []) if party else None
    named = ("administration", "organisation")
    return _total(list(cells.values())) | {
        f"{name}s": [
            {name: refs(party), **_total(of)}
            for party, of in sorted(
                side.items(), key=lambda item: (in_order(refs.name(item[0])), item[0])
            )
        ]
        for name, side in zip(named, sides, strict=True)
    }


def _total(cells: Sequence[_Cell]) -> Json:
    contacts_inside: set[int] = set()
    contacts_inside.update(*(cell.inside for cell in cells))
    return {
        "pairs": len(cells),
        "living": sum(bool(cell.inside) for cell in cells),
        "contacts": len(contacts_inside),
    }


# ── one pair ─────────────────────────────────────────────────────────────────────────────────────


def refs(reader: Reader, seen: Seen, day: str, parties: Iterable[str]) -> Refs:
    """Return how answers show these parties."""
    return Refs(reader, seen, day, parties)


class PairContacts(NamedTuple):
    """A page of one pair's contacts of both channels, and how each channel stands."""

    items: list[bytes]
    next: int | None
    channels: Json


def pair(
    reader: Reader, seen: Seen, day: str, sides: tuple[str, str], limit: int, offset: int
) -> PairContacts:
    """Return a pair's contacts, newest first, each with the lens it is seen through.

    A contact's lens is its channel: the direct door or the one entry point. Filing it on an enquiry
    afterwards does not move it.
    """
    held = standing(reader, seen, day)
    ours, theirs = (frozenset({party}) for party in sides)
    found = rows(reader, seen, held, _sides(held, ours, theirs))
    order = sorted(
        {(row.first_day, row.number, row.contact, row.channel) for row in found}, reverse=True
    )
    page = order[offset : offset + limit]
    bodies = _bodies(reader, seen, [contact for _, _, contact, _ in page])
    lenses = [channel.encode() for *_, channel in page]
    items = [b'{"lens":"%b","contact":%b}' % item for item in zip(lenses, bodies, strict=True)]
    more = offset + limit
    channels = {
        channel: _channel(seen, sides, [row for row in found if row.channel == channel], channel)
        for channel in ("direct", "entry_point")
    }
    return PairContacts(items, more if more < len(order) else None, channels)


def _channel(seen: Seen, sides: tuple[str, str], found: Sequence[Row], channel: str) -> Json:
    newest = max(((row.last_day, row.first_day) for row in found), default=None)
    parties: dict[str, str | list[str]] = {"administration": sides[0], "organisation": sides[1]}
    return {
        "contacts": len({row.contact for row in found}),
        "last": _span(newest),
        "contacts_url": contacts_url(seen, None, parties, channel=channel),
    }
