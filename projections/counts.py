"""Reports of how many contacts there were (antal kontakter), by any dimensions, as of any position.

A count is of distinct contacts: one with three organisations counts once for each of them and once
in the total. A contact known only to its quarter has no month, and is not lost but shown under
null. Two ways give the same answer: tallies (now, few dimensions) and facts (anything).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import orjson

from domain.access import Sight
from domain.errors import Fault, Refused
from domain.values import Confidentiality, Outcome
from projections.count_rows import (
    ADMINISTRATION,
    ALL_FOUR,
    BROADCAST,
    CHANNEL,
    COUNTERS,
    MEDIUM,
    ORGANISATION,
    VIEW,
    quarter_of,
)
from projections.naming import merges, names, placeholders, survivor, survivors
from projections.parties import in_order
from projections.storage import Reader

__all__ = ["DIMENSIONS", "VIEW", "Report", "ReportQuery", "report"]

TIMES: Final = ("day", "weekday", "month", "quarter", "year")
PARTY_DIMENSIONS: Final = ("administration", "organisation")
SINGLE_DIMENSIONS: Final = ("channel", "medium", "direction", "precision", "confidentiality")
DIMENSIONS: Final = (*TIMES, *PARTY_DIMENSIONS, *SINGLE_DIMENSIONS)
ROWS_MAX: Final = 100_000
"""Rows of one report: a year of days for 270 organisations."""
_BITS: Final = {
    "administration": ADMINISTRATION,
    "organisation": ORGANISATION,
    "channel": CHANNEL,
    "medium": MEDIUM,
}
_KINDS: Final = frozenset({0, 1, 2, 4, 8, 3, 5, 9, 6, 10, 12})
_NO_TALLY: Final = frozenset({"day", "weekday", "direction", "precision"})
_LAST: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """What to count and how to split it; None does not limit. Days are inclusive, and a contact of
    fuzzy time counts when any of its days may lie between them.
    """

    by: tuple[str, ...] = ()
    date_from: str | None = None
    date_to: str | None = None
    administrations: frozenset[str] | None = None
    organisations: frozenset[str] | None = None
    channel: str | None = None
    medium: str | None = None
    direction: str | None = None
    outcome: str | None = "held"
    sort: str = "key"
    limit: int = ROWS_MAX


class Report(NamedTuple):
    """Rows as ready JSON in the asked order, the count of all, and how many groups there are."""

    rows: list[bytes]
    total: int
    groups: int


Counted = tuple[Any, ...]
"""A row before it is written: the values of `by`, then the count."""


def report(
    reader: Reader, v: str, at: int, day: str | None, sight: Sight, query: ReportQuery
) -> Report:
    """Return the report as known at position `at`, of contacts begun by `day`, within `sight`.

    Raises Refused for dimensions that do not exist, twice the same, or two of time.
    """
    _demand_dimensions(query.by)
    count = _Count(reader, v, at, day, sight, query)
    total = sum(row[-1] for row in count.rows(()))
    rows = count.rows(query.by) if query.by else [(total,)]
    shown = _Shown(reader, v, at, day, query.by, rows)
    return Report(shown.page(rows, query.sort, query.limit), total, len(rows))


def _demand_dimensions(by: Sequence[str]) -> None:
    known = set(by) <= set(DIMENSIONS) and len(set(by)) == len(by)
    if not known or sum(name in TIMES for name in by) > 1:
        raise Refused("invalid_input", [Fault("/by", "invalid_input")])


class _Count:
    """One question on its way to groups: which part tallies may answer, and which facts must."""

    def __init__(
        self, reader: Reader, v: str, at: int, day: str | None, sight: Sight, query: ReportQuery
    ) -> None:
        self._reader, self._v, self._at, self._sight = reader, v, at, sight
        self._steps = merges(reader, v, at)
        head = reader.one(f"SELECT position, latest_day FROM count_head_{v}")
        self._head, latest = head or (0, "")
        self._begun = day if day is not None and day < latest else None
        self._query = query
        self._ours = self._survivors_of(query.administrations)
        self._theirs = self._survivors_of(query.organisations)

    def _survivors_of(self, parties: Iterable[str] | None) -> frozenset[str] | None:
        if parties is None:
            return None
        return frozenset(survivor(self._steps, party) for party in parties)

    def rows(self, by: Sequence[str]) -> list[Counted]:
        """Return counts per values of `by`, party values being survivors and time its label."""
        time = next((name for name in by if name in TIMES), None)
        split = [name for name in by if name != time]
        kind = self._kind(by, split)
        if kind is None:
            return _folded(self._from_facts(split, time, None), by, time, several=False)
        inside, border = self._periods()
        rows = [] if inside == [] else self._from_tallies(kind, split, time, inside)
        if border:
            rows = [*rows, *self._from_facts(split, time, border)]
        return _folded(rows, by, time, several=bool(border))

    def _kind(self, by: Sequence[str], split: Sequence[str]) -> int | None:
        """Return the kind of tally that answers exactly, or None when only facts do."""
        query, sight = self._query, self._sight
        if self._at < self._head or sight.parties is not None or sight.kle is not None:
            return None
        if query.direction is not None or not _NO_TALLY.isdisjoint(by):
            return None
        needed = sum(_BITS.get(name, 0) for name in split)
        for name, wanted in (("administration", self._ours), ("organisation", self._theirs)):
            if wanted is not None and name not in split:
                if len(wanted) > 1:
                    return None  # one contact may stand under several of them
                needed |= _BITS[name]
        needed |= CHANNEL if query.channel is not None else 0
        needed |= MEDIUM if query.medium is not None else 0
        if needed in _KINDS:
            return needed
        both = ADMINISTRATION | ORGANISATION
        return ALL_FOUR if needed & both == both else None

    def _periods(self) -> tuple[list[str] | None, list[str]]:
        """Return periods wholly inside the asked days (None: all), and those partly inside."""
        first, last = self._query.date_from, self._query.date_to
        if first is None and last is None and self._begun is None:
            return None, []
        known = self._reader.all(
            f"SELECT DISTINCT period FROM count_tallies_{self._v} WHERE kind=0"
        )
        inside: list[str] = []
        border: list[str] = []
        for (period,) in known:
            start, end = _bounds(period)
            if (first and end < first) or (last and start > last):
                continue
            if self._begun and start > self._begun:
                continue
            within = period and (not first or start >= first) and (not last or end <= last)
            whole = within and (not self._begun or end <= self._begun)
            (inside if whole else border).append(period)
        return inside, border

    def _from_tallies(
        self, kind: int, split: Sequence[str], time: str | None, periods: list[str] | None
    ) -> list[tuple[Any, ...]]:
        where: list[str] = ["kind=?"]
        params: list[Any] = [kind]
        self._limit(where, params)
        if periods is not None:
            where.append(f"period IN ({placeholders(len(periods))})")
            params += periods
        columns = [name for name in split if name != "confidentiality"]
        columns += ["period"] if time else []
        levels = sorted(self._sight.confidentialities)
        if "confidentiality" not in split:
            return self._summed(kind, columns, levels, where, params)
        place = split.index("confidentiality")
        return [
            (*row[:place], str(level), *row[place:])
            for level in levels
            for row in self._summed(kind, columns, [level], where, params)
        ]

    def _summed(
        self,
        kind: int,
        columns: Sequence[str],
        levels: Sequence[str],
        where: Sequence[str],
        params: Sequence[Any],
    ) -> list[tuple[Any, ...]]:
        """Return sums of the counters that may be seen; a whole key of a tally is its own sum."""
        outcomes = [self._query.outcome] if self._query.outcome else list(Outcome)
        wanted = [f"{outcome}_{level}" for outcome in outcomes for level in levels]
        counted = "+".join(name for name in wanted if name in COUNTERS) or "0"
        keyed = {name for name, bit in _BITS.items() if kind & bit} | {"period"}
        table = f"FROM count_tallies_{self._v}"
        if keyed == set(columns):
            where = [*where, f"{counted}>0"]
            sql = f"SELECT {', '.join(columns)}, {counted} {table} WHERE {' AND '.join(where)}"
            return self._reader.all(sql, params)
        return self._grouped(columns, f"SUM({counted}) {table}", where, params)

    def _from_facts(
        self, split: Sequence[str], time: str | None, periods: list[str] | None
    ) -> list[tuple[Any, ...]]:
        query = self._query
        where: list[str] = ["from_position<=? AND to_position>?"]
        params: list[Any] = [self._at, self._at]
        if periods is not None:
            where.append(f"period IN ({placeholders(len(periods))})")
            params += periods
        for term, value in (
            ("last_day>=?", query.date_from),
            ("first_day<=?", query.date_to),
            ("first_day<=?", self._begun),
            ("direction=?", query.direction),
            ("outcome=?", query.outcome),
        ):
            if value is not None:
                where.append(term)
                params.append(value)
        self._limit(where, params)
        self._limit_to_sight(where, params)
        columns = list(split)
        if time in ("day", "weekday"):
            columns.append("CASE WHEN first_day=last_day THEN first_day ELSE '' END")
        elif time:
            columns.append("period")
        counted = f"COUNT(DISTINCT number) FROM {self._facts(params)}"
        return self._grouped(columns, counted, where, params)

    def _facts(self, params: list[Any]) -> str:
        """Return the facts with merged parties replaced by their survivors, parameters in front."""
        steps = survivors(self._steps)
        if not steps:
            return f"count_facts_{self._v}"
        values = ",".join("(?,?)" for _ in steps)
        params[:0] = [party for step in steps.items() for party in step]
        single = (
            "number, from_position, to_position, channel, medium, direction, confidentiality,"
            " outcome, precision, first_day, last_day, period"
        )
        return (
            f"(WITH merged (party, stands_for) AS (VALUES {values})"
            " SELECT COALESCE(a.stands_for, f.administration) AS administration,"
            f" COALESCE(o.stands_for, f.organisation) AS organisation, {single}"
            f" FROM count_facts_{self._v} AS f LEFT JOIN merged AS a ON a.party=f.administration"
            " LEFT JOIN merged AS o ON o.party=f.organisation) AS counted"
        )

    def _limit(self, where: list[str], params: list[Any]) -> None:
        """Add what both ways are asked alike."""
        query = self._query
        limits: tuple[tuple[str, Collection[str] | None], ...] = (
            ("administration", self._ours),
            ("organisation", self._theirs),
            ("channel", None if query.channel is None else [query.channel]),
            ("medium", None if query.medium is None else [query.medium]),
        )
        for column, wanted in limits:
            if wanted is not None:
                where.append(f"{column} IN ({placeholders(len(wanted))})")
                params += sorted(wanted)

    def _limit_to_sight(self, where: list[str], params: list[Any]) -> None:
        """Add the levels, parties and KLE numbers beyond which the asker sees nothing."""
        v, at, sight = self._v, self._at, self._sight
        if len(sight.confidentialities) < len(Confidentiality):
            where.append(f"confidentiality IN ({placeholders(len(sight.confidentialities))})")
            params += sorted(sight.confidentialities)
        valid = "from_position<=? AND to_position>?"
        if sight.parties is not None:
            parties = sorted(sight.parties)
            within = placeholders(len(parties))
            where.append(
                f"number IN (SELECT number FROM count_facts_{v} WHERE {valid}"
                f" AND (organisation IN ({within}) OR administration IN ({within})) UNION"
                f" SELECT number FROM count_marks_{v} WHERE {valid} AND mark IN ({within}))"
            )
            params += [at, at, *parties, *parties, at, at, *(f"party:{p}" for p in parties)]
        if sight.kle is not None:
            under = " OR ".join(
                "(mark>=? AND mark<? AND NOT substr(mark,?,1) BETWEEN '0' AND '9')"
                for _ in sight.kle
            )
            where.append(
                f"number IN (SELECT number FROM count_marks_{v} WHERE {valid} AND ({under}))"
            )
            params += [at, at]
            for prefix in sight.kle:
                first = f"kle:{prefix}"
                params += [first, f"{first}{_LAST}", len(first) + 1]

    def _grouped(
        self, columns: Sequence[str], counted: str, where: Sequence[str], params: Sequence[Any]
    ) -> list[tuple[Any, ...]]:
        listed = "".join(f"{column}, " for column in columns)
        grouping = f" GROUP BY {', '.join(columns)}" if columns else ""
        return self._reader.all(
            f"SELECT {listed}{counted} WHERE {' AND '.join(where)}{grouping}", params
        )


def _bounds(period: str) -> tuple[str, str]:
    """Return days between which a period lies; the texts compare as days, also past month ends."""
    if not period:
        return "", "9999"
    if len(period) == len("YYYY"):
        return f"{period}-01-01", f"{period}-12-31"
    if period[5] == "Q":
        last = int(period[6]) * 3
        return f"{period[:4]}-{last - 2:02}-01", f"{period[:4]}-{last:02}-{_LAST_DAYS[last]}"
    return f"{period}-01", f"{period}-{_month_days(period)}"


_LAST_DAYS: Final = {3: 31, 6: 30, 9: 30, 12: 31}


def _month_days(month: str) -> int:
    year, number = int(month[:4]), int(month[5:])
    following = date(year + number // 12, number % 12 + 1, 1)
    return (following - date(year, number, 1)).days


def _folded(
    rows: list[tuple[Any, ...]], by: Sequence[str], time: str | None, *, several: bool
) -> list[Counted]:
    """Put the time's label where `by` has it, and add up rows of one label.

    Periods hold different contacts, so sums are exact. Rows come with the period last but one.
    `several` tells that the same values may come more than once, also without a time.
    """
    if time is None:
        return _summed(rows) if several else [row for row in rows if row[-1]]
    labels = {when: _label(time, when) for when in {row[-2] for row in rows}}
    place = by.index(time)
    if place == len(by) - 1:
        placed = [(*row[:-2], labels[row[-2]], row[-1]) for row in rows]
    else:
        placed = [(*row[:place], labels[row[-2]], *row[place:-2], row[-1]) for row in rows]
    one_each = len(set(labels.values())) == len(labels) and not several
    return placed if one_each else _summed(placed)


def _summed(rows: Iterable[tuple[Any, ...]]) -> list[Counted]:
    sums: dict[tuple[Any, ...], int] = {}
    for *values, contacts in rows:
        key = tuple(values)
        sums[key] = sums.get(key, 0) + int(contacts or 0)
    return [(*key, contacts) for key, contacts in sums.items() if contacts]


def _label(time: str, when: str) -> str | int | None:
    """Return what a period or day is called in a split by `time`; None when it is coarser."""
    if time == "day" or not when:
        return when or None
    if time == "weekday":
        return date.fromisoformat(when).isoweekday()
    if time == "year":
        return when[:4]
    is_month = len(when) == len("YYYY-MM") and when[5] != "Q"
    if time == "month":
        return when if is_month else None
    return quarter_of(when) if is_month else (when if len(when) > len("YYYY") else None)


class _Shown:
    """Writes rows as JSON and puts them in order: parties by name, null last.

    Works column by column: a report has thousands of rows and few values.
    """

    def __init__(
        self,
        reader: Reader,
        v: str,
        at: int,
        day: str | None,
        by: Sequence[str],
        rows: Sequence[Counted],
    ) -> None:
        self._values = [{row[index] for row in rows} for index in range(len(by))]
        parties = {
            value
            for name, values in zip(by, self._values, strict=True)
            if name in PARTY_DIMENSIONS
            for value in values
        } - {BROADCAST}
        self._names = names(reader, v, at, day, parties)
        self._members = [
            {value: self._member(name, value) for value in values}
            for name, values in zip(by, self._values, strict=True)
        ]

    def page(self, rows: Sequence[Counted], sort: str, limit: int) -> list[bytes]:
        """Return the first `limit` rows as JSON objects: their values, then `contacts`."""
        ranks = self._ranks(rows)
        places = range(len(rows))
        if sort == "-count":
            order = sorted(places, key=lambda place: (-rows[place][-1], ranks[place]))
        else:
            order = sorted(places, key=ranks.__getitem__)
        shown = [rows[place] for place in order[:limit]]
        heads = [b"{"] * len(shown)
        for index, members in enumerate(self._members):
            written = {value: member[1] for value, member in members.items()}
            heads = [h + written[row[index]] for h, row in zip(heads, shown, strict=True)]
        return [b'%b"contacts":%d}' % (h, row[-1]) for h, row in zip(heads, shown, strict=True)]

    def _ranks(self, rows: Sequence[Counted]) -> list[int]:
        """Return where each row stands when sorted by its values, as one number each."""
        ranks = [0] * len(rows)
        for index, members in enumerate(self._members):
            ordered = sorted(members, key=lambda value, of=members: of[value][0])  # type: ignore[misc]
            rank = {value: place for place, value in enumerate(ordered)}
            size = len(rank)
            ranks = [r * size + rank[row[index]] for r, row in zip(ranks, rows, strict=True)]
        return ranks

    def _member(self, name: str, value: Any) -> tuple[str, bytes]:  # noqa: ANN401 a JSON value
        """Return how a value sorts, and its member of the row."""
        head = f'"{name}":'.encode()
        if value is None or value == BROADCAST:
            return _LAST, head + b"null,"
        if name not in PARTY_DIMENSIONS:
            return str(value), head + orjson.dumps(value) + b","
        called = self._names.get(value, "")
        party = orjson.dumps({"id": value, "name": called})
        return f"{in_order(called)}\n{value}", head + party + b","
