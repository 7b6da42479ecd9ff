"""Reports of how many contacts there were (antal kontakter), by any dimensions, as of any position.

A count is of distinct contacts: one with three organisations counts once for each of them and once
in the total. A contact known only to its quarter has no month, and is not lost but shown under
null. Two ways give the same answer: tallies (now, few dimensions) and facts (anything).
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from threading import Lock
from typing import Any, Final, NamedTuple

from domain.access import Sight
from domain.errors import Fault, Refused
from domain.values import Channel, Outcome
from projections.count_body import LAST, PARTY_DIMENSIONS, Counted, Shown
from projections.count_rows import (
    ADMINISTRATION,
    COUNTERS,
    MEDIUM,
    ORGANISATION,
    VIEW,
    merged_terms,
)
from projections.count_shapes import KLE_TERM, MEDIUM_TERM, quarter_of
from projections.finality import AWAITED, confidentiality_of, levels_seen
from projections.naming import placeholders, portions, survivor, survivors
from projections.storage import OPEN, Reader

__all__ = ["DIMENSIONS", "VIEW", "RecentReports", "Report", "ReportQuery", "report"]

TIMES: Final = ("day", "weekday", "month", "quarter", "year")
SINGLE_DIMENSIONS: Final = ("channel", "medium", "direction", "precision", "confidentiality")
DIMENSIONS: Final = (*TIMES, *PARTY_DIMENSIONS, *SINGLE_DIMENSIONS)
ROWS_MAX: Final = 100_000
"""Rows of one report: a year of days for 270 organisations."""
KEPT_REPORTS_MAX: Final = 16
KEPT_ROWS_MAX: Final = 5_000
"""Rows of a report that is kept; together with the number of reports some 15 MiB at most."""
_BITS: Final = {
    "administration": ADMINISTRATION,
    "organisation": ORGANISATION,
    "medium": MEDIUM,
}
_NO_TERM: Final = -1
"""Stands for what no contact has ever named."""
_NO_TALLY: Final = frozenset({"day", "weekday", "direction", "precision"})


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
    shown = Shown(reader, v, at, day, query.by, rows)
    return Report(shown.page(query.sort, query.limit), total, len(rows))


class RecentReports:
    """The latest reports, kept because a position pins its answer: most are asked again and again.

    The key holds all that an answer follows from, sight too, so nobody is given another's; where a
    sight is limited also how far the view is, as what it may see of the past changes with that.
    One for each store; safe with several threads.
    """

    def __init__(self, rows_max: int = KEPT_ROWS_MAX) -> None:
        """A report of more than `rows_max` rows is not kept."""
        self._rows_max = rows_max
        self._kept: dict[Hashable, Report] = {}
        self._lock = Lock()

    def report(
        self, reader: Reader, v: str, at: int, day: str | None, sight: Sight, query: ReportQuery
    ) -> Report:
        """Return what `report` returns. `at` must not be further than the view has come."""
        now = reader.one(f"SELECT position FROM count_head_{v}") if sight.limited else None
        key = (v, at, day, sight, query, now)
        with self._lock:
            found = self._kept.pop(key, None)
            if found is not None:
                self._kept[key] = found
                return found
        made = report(reader, v, at, day, sight, query)
        if len(made.rows) <= self._rows_max:
            with self._lock:
                self._kept[key] = made
                if len(self._kept) > KEPT_REPORTS_MAX:
                    del self._kept[next(iter(self._kept))]
        return made


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
        self._steps = merged_terms(reader, v, at)
        head = reader.one(f"SELECT position, latest_day FROM count_head_{v}")
        self._head, latest = head or (0, "")
        self._begun = day if day is not None and day < latest else None
        self._query = query
        self._ours = self._survivors_of(query.administrations)
        self._theirs = self._survivors_of(query.organisations)
        self._media = None if query.medium is None else self._terms([MEDIUM_TERM + query.medium])

    def _survivors_of(self, parties: Iterable[str] | None) -> list[int] | None:
        if parties is None:
            return None
        return sorted({survivor(self._steps, party) for party in self._terms(parties)})

    def _terms(self, words: Iterable[str]) -> list[int]:
        """Return the terms of words; one that does not exist for those nobody has named."""
        found: list[int] = []
        for some in portions(words):
            sql = (
                f"SELECT term FROM count_terms_{self._v} WHERE word IN ({placeholders(len(some))})"
            )
            found += [row[0] for row in self._reader.all(sql, some)]
        return found or [_NO_TERM]

    def rows(self, by: Sequence[str]) -> list[Counted]:
        """Return counts per values of `by`, party values being survivors and time its label."""
        rows = self._rows(by)
        if "confidentiality" not in by:
            return rows
        place = by.index("confidentiality")
        return _summed([(*r[:place], confidentiality_of(r[place]), *r[place + 1 :]) for r in rows])

    def _rows(self, by: Sequence[str]) -> list[Counted]:
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
        return needed | (MEDIUM if self._media is not None else 0)

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
        columns = [name for name in split if name not in ("channel", "confidentiality")]
        columns += ["period"] if time else []
        channels = [self._query.channel] if self._query.channel else [*Channel]
        levels = [level for level in levels_seen(self._sight) if level != AWAITED]  # one column
        found: list[tuple[Any, ...]] = []
        for channel, level in product(
            [[one] for one in channels] if "channel" in split else [channels],
            [[one] for one in levels] if "confidentiality" in split else [levels],
        ):
            rows = self._summed(kind, columns, list(product(level, channel)), where, params)
            found += _placed(rows, split, {"channel": channel, "confidentiality": level})
        return found

    def _summed(
        self,
        kind: int,
        columns: Sequence[str],
        counters: Iterable[tuple[str, str]],
        where: Sequence[str],
        params: Sequence[Any],
    ) -> list[tuple[Any, ...]]:
        """Return sums of the counters of levels and channels; a whole key is its own sum."""
        outcomes = [self._query.outcome] if self._query.outcome else list(Outcome)
        wanted = [(outcome, *counter) for counter in counters for outcome in outcomes]
        columns_wanted = dict.fromkeys(COUNTERS[each] for each in wanted if each in COUNTERS)
        counted = "+".join(columns_wanted) or "0"
        keyed = {name for name, bit in _BITS.items() if kind & bit} | {"period"}
        table = f"FROM count_tallies_{self._v}"
        if keyed == set(columns):
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
            ("channel=?", query.channel),
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
            return f"count_facts_{self._v} AS counted"
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
        for column, wanted in (
            ("administration", self._ours),
            ("organisation", self._theirs),
            ("medium", self._media),
        ):
            if wanted is not None:
                where.append(f"{column} IN ({placeholders(len(wanted))})")
                params += wanted

    def _limit_to_sight(self, where: list[str], params: list[Any]) -> None:
        """Add the levels, parties and KLE numbers beyond which the asker sees nothing."""
        v, at, sight = self._v, self._at, self._sight
        self._limit_to_now(where, params)
        levels = levels_seen(sight)
        where.append(f"confidentiality IN ({placeholders(len(levels))})")
        params += levels
        valid = "from_position<=? AND to_position>?"
        if sight.parties is not None:
            parties = self._terms(sorted(sight.parties))
            within = placeholders(len(parties))
            where.append(
                f"number IN (SELECT number FROM count_facts_{v} WHERE {valid}"
                f" AND (organisation IN ({within}) OR administration IN ({within})) UNION"
                f" SELECT number FROM count_marks_{v} WHERE {valid} AND mark IN ({within}))"
            )
            params += [at, at, *parties, *parties, at, at, *parties]
        if sight.kle is not None:
            under, words = self._under(sight.kle)
            where.append(
                f"number IN (SELECT number FROM count_marks_{v}"
                f" WHERE {valid} AND mark IN ({under}))"
            )
            params += [at, at, *words]

    def _under(self, prefixes: Iterable[str]) -> tuple[str, list[Any]]:
        """Return SQL of the terms of KLE numbers at or under the prefixes, and its parameters."""
        ways: list[str] = []
        params: list[Any] = []
        for prefix in prefixes:
            first = f"{KLE_TERM}{prefix}"
            ways.append("(word>=? AND word<? AND NOT substr(word,?,1) BETWEEN '0' AND '9')")
            params += [first, f"{first}{LAST}", len(first) + 1]
        return f"SELECT term FROM count_terms_{self._v} WHERE {' OR '.join(ways)}", params

    def _limit_to_now(self, where: list[str], params: list[Any]) -> None:
        """Demand of contacts of the past that the asker may see them as they stand by now.

        The rule of `contacts.still_seen`; a withdrawn contact stands as it stood to the last.
        """
        sight, v = self._sight, self._v
        if self._at >= self._head or not sight.limited:
            return
        levels = levels_seen(sight)
        now = [f"n.confidentiality IN ({placeholders(len(levels))})"]
        told: list[Any] = [*levels]
        marked = f"EXISTS (SELECT 1 FROM count_marks_{v} k WHERE k.number=n.number"
        marked += " AND k.to_position=n.to_position AND k.mark IN"
        if sight.parties is not None:
            parties = self._terms(sorted(sight.parties))
            within = f"({placeholders(len(parties))})"
            now.append(
                f"(n.organisation IN {within} OR n.administration IN {within}"
                f" OR {marked} {within}))"
            )
            told += [*parties, *parties, *parties]
        if sight.kle is not None:
            under, words = self._under(sight.kle)
            now.append(f"{marked} ({under}))")
            told += words
        last = f"(SELECT MAX(m.to_position) FROM count_facts_{v} m WHERE m.number=n.number)"
        now.append(f"n.to_position={last if sight.unfinished else OPEN}")
        where.append(
            f"(counted.to_position={OPEN} OR EXISTS (SELECT 1 FROM count_facts_{v} n"
            f" WHERE n.number=counted.number AND {' AND '.join(now)}))"
        )
        params += told

    def _grouped(
        self, columns: Sequence[str], counted: str, where: Sequence[str], params: Sequence[Any]
    ) -> list[tuple[Any, ...]]:
        listed = "".join(f"{column}, " for column in columns)
        grouping = f" GROUP BY {', '.join(columns)}" if columns else ""
        return self._reader.all(
            f"SELECT {listed}{counted} WHERE {' AND '.join(where)}{grouping}", params
        )


def _placed(
    rows: list[tuple[Any, ...]], split: Sequence[str], known: Mapping[str, Sequence[str]]
) -> list[tuple[Any, ...]]:
    """Put what all rows have in common where `split` has it."""
    for place, name in enumerate(split):
        if name in known:
            value = str(known[name][0])
            rows = [(*row[:place], value, *row[place:]) for row in rows]
    return rows


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
    if place == len(by) - 1 and all(when == label for when, label in labels.items()):
        placed = [row for row in rows if row[-1]]
    elif place == len(by) - 1:
        placed = [(*row[:-2], labels[row[-2]], row[-1]) for row in rows if row[-1]]
    else:
        placed = [
            (*row[:place], labels[row[-2]], *row[place:-2], row[-1]) for row in rows if row[-1]
        ]
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
