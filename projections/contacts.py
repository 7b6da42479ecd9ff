"""Questions about contacts (kontakter): the newest that fit, one of them, its history.

Every answer is true for one position `at`, and holds only what the asker's sight allows: what one
may not see does not show in lists, items, histories or their number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Final, NamedTuple

from domain.access import Sight
from projections import contact_body, contact_history
from projections.contact_rows import (
    AS_ADMINISTRATION,
    AS_ORGANISATION,
    CASE,
    FLAG,
    KLE,
    LEVELS,
    PARTY,
    TARGET,
    TOPIC,
    VIEW,
    day_number,
)
from projections.finality import confidentiality_of as _shown_as
from projections.finality import levels_seen
from projections.storage import OPEN, Params, Reader, Row

__all__ = ["VIEW", "ContactQuery", "Item", "Page", "history", "newest", "one", "still_seen"]

LIMIT_MAX: Final = 500
"""Contacts of one page; a caller pages on."""
LEAD_VALUES_MAX: Final = 16
"""A way with more values does not lead: each value is a search of its own."""
ANY_ROLE: Final = 0
_LAST_CHARACTER: Final = "\uffff"
_DAY: Final = "CAST(REPLACE({c}.first_day, '-', '') AS BIGINT)"
"""A contact's day as links have it (`day_number`)."""
_STEP_PARTS: Final = len(contact_history.Step._fields)


@dataclass(frozen=True, slots=True)
class ContactQuery:
    """What a list of contacts is narrowed to; None leaves a thing open, several things all hold.

    Parties are families of ids (a party and those merged into it): one of them must take part, in
    any role, as administration, or as organisation. `kle` is a KLE number or a group above it.
    Days are of the municipality's calendar: contacts whose time overlaps `occurred_from` …
    `occurred_to`. `recorded_*` are microseconds, both included. `link_target` is `kind:target`.
    `after` is the `next` of the page before.
    """

    parties: frozenset[str] | None = None
    administrations: frozenset[str] | None = None
    organisations: frozenset[str] | None = None
    channel: str | None = None
    medium: str | None = None
    direction: str | None = None
    topic: str | None = None
    kle: str | None = None
    case_number: str | None = None
    text: str | None = None
    occurred_from: str | None = None
    occurred_to: str | None = None
    recorded_from: int | None = None
    recorded_to: int | None = None
    confidentiality: str | None = None
    outcome: str | None = None
    flag: str | None = None
    source_system: str | None = None
    link_target: str | None = None
    include_retracted: bool = False
    limit: int = 50
    after: tuple[str, int] | None = None


class Page(NamedTuple):
    """One page of ready JSON objects, and the key to ask for the next with (None at the end)."""

    items: list[bytes]
    next: tuple[str, int] | None


class Item(NamedTuple):
    """One contact as ready JSON, its version, and the position of its newest event."""

    body: bytes
    version: int
    position: int


class _Way(NamedTuple):
    """A way to find contacts: links of one kind, with one of these values, in one of `roles`."""

    kind: int
    values: tuple[str, ...]
    roles: int = ANY_ROLE


@dataclass(slots=True)
class _Where:
    """Conditions that all hold, and their parameters in the same order."""

    parts: list[str]
    params: list[object]

    def add(self, part: str, *params: object) -> None:
        self.parts.append(part)
        self.params += params


def newest(
    reader: Reader,
    v: str,
    at: int,
    day: str | None,
    sight: Sight,
    query: ContactQuery,
    matches: tuple[str, Params] | None = None,
) -> Page:
    """Return one page of contacts, newest day first, those logged last first within a day.

    `day` leaves out what took place later (as_of_effective). `matches` is the condition of a text
    search: SQL that selects numbers of contacts, and its parameters.
    """
    ways = _ways(reader, v, query, sight)
    if any(not way.values for way in ways):
        return Page([], None)
    limit = min(query.limit, LIMIT_MAX)
    lead = next((way for way in ways if len(way.values) <= LEAD_VALUES_MAX), None)
    where = _where(at, day, sight, query, "c" if lead is None else "x")
    for way in ways:
        if way is not lead:
            _linked(where, v, way)
    if matches is not None:
        where.add(f"c.number IN ({matches[0]})", *matches[1])
    _still_seen(where, reader, v, sight)
    rows = _rows(reader, v, lead, where, _columns(sight), limit + 1)
    more = rows[limit - 1] if len(rows) > limit else None
    items = [_shown(row[2:], sight) for row in rows[:limit]]
    return Page(items, (str(more[0]), int(more[1])) if more else None)


def one(
    reader: Reader, v: str, at: int, day: str | None, sight: Sight, contact_id: str
) -> Item | None:
    """Return a contact, also a retracted one; None when there is none that the asker may see."""
    where = _seen(reader, v, sight)
    where.add("c.contact_id = ? AND c.from_position <= ? AND c.to_position > ?", contact_id, at, at)
    if day is not None:
        where.add("c.first_day <= ?", day)
    row = reader.one(
        f"SELECT c.version, c.from_position, {_columns(sight)} FROM contact_{v} c"
        f" WHERE {' AND '.join(where.parts)}",
        where.params,
    )
    return None if row is None else Item(_shown(row[2:], sight), row[0], row[1])


def history(reader: Reader, v: str, at: int, sight: Sight, contact_id: str) -> list[bytes] | None:
    """Return every step of a contact, oldest first; None when there is no contact one may see.

    A version the asker may not see is left out, and with it what the next step changed from it,
    and why. A version that was seen only later, when it had become final, is one step all the same.
    """
    where = _seen(reader, v, sight)
    where.add("c.contact_id = ? AND c.from_position <= ?", contact_id, at)
    rows = reader.all(
        "SELECT c.version, c.to_position, c.step_head, c.step_changes, c.step_people,"
        " c.step_people_blind, c.step_internal, c.summary, c.summary_internal, c.body, c.people,"
        f" c.people_blind, c.internal FROM contact_{v} c WHERE {' AND '.join(where.parts)}"
        " ORDER BY c.from_position",
        where.params,
    )
    if not rows or rows[-1][1] <= at:
        return None
    seen = {row[0]: row for row in reversed(rows)}
    return [
        _step(row[2:], sight, changes=version == 1 or version - 1 in seen)
        for version, row in sorted(seen.items())
    ]


def _step(parts: Sequence[bytes], sight: Sight, *, changes: bool) -> bytes:
    step = contact_history.Step(*parts[:_STEP_PARTS])
    contact = contact_body.Fragments(*parts[_STEP_PARTS:])
    if not step.head:
        step = step._replace(head=contact_history.head_of_logging(contact.body))
    return contact_history.joined(
        step,
        contact_body.compose(contact, sight),
        persons=sight.persons,
        assessment=sight.assessment,
        changes=changes,
    )


def _columns(sight: Sight) -> str:
    """Return the fragments this sight needs; the database is not asked for the others."""
    people = "people" if sight.persons else "people_blind"
    return f"c.body, c.{people}" + (", c.internal" if sight.assessment else "")


def _shown(parts: Sequence[bytes], sight: Sight) -> bytes:
    """Join the fragments `_columns` asked for."""
    if sight.assessment:
        return b'%b,"participants":%b,"assessment":%b}' % tuple(parts)
    return b'%b,"participants":%b}' % tuple(parts)


def _ways(reader: Reader, v: str, query: ContactQuery, sight: Sight) -> list[_Way]:
    """Return what must be linked, the likely rarest first: that one leads the search."""
    kle = None if query.kle is None else (query.kle,)
    ways = [
        _way(CASE, query.case_number),
        _way(TARGET, query.link_target),
        _way(PARTY, query.organisations, AS_ORGANISATION),
        _way(PARTY, query.parties),
        _way(TOPIC, query.topic),
        _kle_way(reader, v, kle),
        _way(PARTY, sight.parties),
        _way(PARTY, query.administrations, AS_ADMINISTRATION),
        _kle_way(reader, v, sight.kle),
        _way(FLAG, query.flag),
    ]
    return [way for way in ways if way is not None]


def _way(kind: int, values: str | Iterable[str] | None, roles: int = ANY_ROLE) -> _Way | None:
    if values is None:
        return None
    return _Way(kind, (values,) if isinstance(values, str) else tuple(sorted(values)), roles)


def _kle_way(reader: Reader, v: str, prefixes: Sequence[str] | None) -> _Way | None:
    """Return the way by all KLE numbers that stand at or under one of `prefixes`.

    `03.1` is no group of the KLE: nothing stands under it, `03.10` is beside it.
    """
    if prefixes is None:
        return None
    found: set[str] = set()
    for prefix in prefixes:
        rows = reader.all(
            f"SELECT value FROM term_{v} WHERE value >= ? AND value < ? AND kind = {KLE}",
            (prefix, prefix + _LAST_CHARACTER),
        )
        found |= {value for (value,) in rows if not value[len(prefix) :][:1].isdigit()}
    return _Way(KLE, tuple(sorted(found)))


def _seen(reader: Reader, v: str, sight: Sight) -> _Where:
    """Return what the sight demands of a row of contacts `c`."""
    where = _Where([_level_in("c", sight)], [])
    _linked_to_sight(where, reader, v, sight)
    _still_seen(where, reader, v, sight)
    return where


def _linked_to_sight(where: _Where, reader: Reader, v: str, sight: Sight, c: str = "c") -> None:
    for way in (_way(PARTY, sight.parties), _kle_way(reader, v, sight.kle)):
        if way is not None:
            _linked(where, v, way, c)


def still_seen(reader: Reader, v: str, sight: Sight) -> tuple[str, Sequence[object]] | None:
    """Return the demand on a version `c` of the past that one may see the contact as it is now.

    Or whoever may not see it any more, because it was restricted or was never theirs, would ask
    how it was before. The newest version of a contact passes without a look. None where nothing is
    hidden. Where a contact is shown, this holds beside the sight's own demands on the version.
    """
    if not sight.limited:
        return None
    now = _Where([f"n.to_position = {OPEN}", _level_in("n", sight)], [])
    _linked_to_sight(now, reader, v, sight, "n")
    condition = (
        f"(c.to_position = {OPEN} OR EXISTS (SELECT 1 FROM contact_{v} n"
        f" WHERE n.contact_id = c.contact_id AND {' AND '.join(now.parts)}))"
    )
    return condition, now.params


def _still_seen(where: _Where, reader: Reader, v: str, sight: Sight) -> None:
    if (demand := still_seen(reader, v, sight)) is not None:
        where.add(demand[0], *demand[1])


def _level_in(table: str, sight: Sight) -> str:
    levels = sorted({LEVELS[level] for level in levels_seen(sight)})
    return f"{table}.level IN ({', '.join(map(str, levels))})" if levels else "1 = 0"


def _linked(where: _Where, v: str, way: _Way, c: str = "c") -> None:
    """Demand that the version `c` has such a link: a look-up by the links' own key."""
    if not way.values:
        where.add("1 = 0")
        return
    roles = f" AND (s.roles & {way.roles}) > 0" if way.roles else ""
    where.add(
        f"EXISTS (SELECT 1 FROM link_{v} s WHERE s.term IN (SELECT t.term FROM term_{v} t"
        f" WHERE t.value IN ({', '.join('?' * len(way.values))}) AND t.kind = {way.kind})"
        f" AND s.day = {_DAY.format(c=c)} AND s.number = {c}.number"
        f" AND s.from_position = {c}.from_position{roles})",
        *way.values,
    )


def _where(at: int, day: str | None, sight: Sight, query: ContactQuery, x: str) -> _Where:
    """Return the conditions that are no links.

    `x` is the table that leads: links can tell level, day and position themselves, before a
    contact (`c`) is looked at.
    """
    where = _Where([f"{x}.from_position <= ? AND {x}.to_position > ?"], [at, at])
    where.add(_level_in(x, sight))
    if not query.include_retracted:
        where.add(f"{x}.retracted = 0")
    latest = min((d for d in (day, query.occurred_to) if d is not None), default=None)
    if latest is not None:
        where.add(f"{x}.{_day_column(x)} <= ?", _day_value(x, latest))
    if query.after is not None:
        after = (_day_value(x, query.after[0]), query.after[1])
        where.add(f"({x}.{_day_column(x)}, {x}.number) < (?, ?)", *after)
    if query.occurred_from is not None:
        where.add("c.last_day >= ?", query.occurred_from)
    if query.recorded_from is not None:
        where.add("c.recorded_at >= ?", query.recorded_from)
    if query.recorded_to is not None:
        where.add("c.recorded_at <= ?", query.recorded_to)
    if query.confidentiality is not None:
        shown = {n for name, n in LEVELS.items() if _shown_as(name) == query.confidentiality}
        where.add(f"{x}.level IN ({', '.join(map(str, sorted(shown)))})")
    for column in ("channel", "medium", "direction", "outcome", "source_system"):
        value = getattr(query, column)
        if value is not None:
            where.add(f"c.{column} = ?", value)
    return where


def _day_column(table: str) -> str:
    return "day" if table == "x" else "first_day"


def _day_value(table: str, day: str) -> str | int:
    return day_number(day) if table == "x" else day


def _rows(
    reader: Reader, v: str, lead: _Way | None, where: _Where, columns: str, limit: int
) -> list[Row]:
    """Return the first rows in order; several values of the leading way are merged."""
    conditions = " AND ".join(where.parts)
    if lead is None:
        sql = (
            f"SELECT c.first_day, c.number, {columns} FROM contact_{v} c WHERE {conditions}"
            " ORDER BY c.first_day DESC, c.number DESC LIMIT ?"
        )
        return reader.all(sql, [*where.params, limit])
    roles = f" AND (x.roles & {lead.roles}) > 0" if lead.roles else ""
    # CROSS JOIN keeps SQLite from leading with anything but the links.
    sql = (
        f"SELECT c.first_day, x.number, {columns} FROM link_{v} x CROSS JOIN contact_{v} c"
        f" WHERE x.term = (SELECT t.term FROM term_{v} t WHERE t.value = ?"
        f" AND t.kind = {lead.kind}){roles} AND c.from_position = x.from_position"
        f" AND {conditions} ORDER BY x.day DESC, x.number DESC LIMIT ?"
    )
    found = [reader.all(sql, [value, *where.params, limit]) for value in lead.values]
    if len(found) == 1:
        return found[0]
    merged = merge(*found, key=lambda row: (row[0], row[1]), reverse=True)
    return list(islice(_once(merged), limit))


def _once(rows: Iterable[Row]) -> Iterable[Row]:
    """Leave out a contact found by a second value; its rows stand side by side."""
    last = None
    for row in rows:
        if row[:2] != last:
            yield row
        last = row[:2]
