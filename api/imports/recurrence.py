"""Recurrence rules (gentagelser): the times a calendar's series stands for, within bounds.

A rule is somebody else's text and may ask for every second until the year 9999. Here every rule is
walked day by day up to a last day, so that no rule costs more than its days do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import product
from typing import Final

OCCURRENCES_MAX: Final = 1_000
"""Times of one series; a weekly meeting has them for nineteen years."""
DAYS_WALKED_MAX: Final = 36_600
"""From the start of a series: a hundred years."""
RULE_CHARS_MAX: Final = 2_000
PARTS_MAX: Final = 400
"""Values of one BY list; a year has 366 days."""
TIMES_A_DAY_MAX: Final = 24
"""BYHOUR x BYMINUTE x BYSECOND: a meeting does not begin more often than every hour."""
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_TOO_OFTEN: Final = ("SECONDLY", "MINUTELY", "HOURLY")
_LISTS: Final = {
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYSETPOS": (-366, 366),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYSECOND": (0, 60),
}
_KNOWN: Final = ("FREQ", "COUNT", "INTERVAL", "UNTIL", "WKST", "BYDAY", "SKIP", "RSCALE")
_INTERVAL_MAX: Final = 10_000
_COUNT_MAX: Final = 10**9


class RuleRefused(Exception):
    """A rule that is not expanded; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, read; `until` is its own text, whose meaning depends on the series' time zone."""

    frequency: str
    interval: int
    count: int | None
    until: str | None
    week_start: int
    days: tuple[tuple[int, int], ...]
    """BYDAY as (which of them, weekday); 0 for each of them."""
    lists: dict[str, tuple[int, ...]]

    def of(self, name: str) -> tuple[int, ...]:
        """Return the values of a BY list."""
        return self.lists.get(name, ())


def rule_of(text: str) -> Rule:
    """Read a rule; raises RuleRefused."""
    if len(text) > RULE_CHARS_MAX:
        raise RuleRefused("recurrence_too_long")
    parts: dict[str, str] = {}
    for part in text.upper().replace(" ", "").split(";"):
        name, _, value = part.partition("=")
        if part:
            parts[name] = value
    frequency = parts.get("FREQ", "")
    if frequency in _TOO_OFTEN:
        raise RuleRefused("recurrence_too_frequent")
    if frequency not in _FREQUENCIES or not set(parts) <= {*_KNOWN, *_LISTS}:
        raise RuleRefused("recurrence_unreadable")
    if parts.get("RSCALE", "GREGORIAN") != "GREGORIAN" or parts.get("SKIP", "OMIT") != "OMIT":
        raise RuleRefused("recurrence_calendar_unknown")
    try:
        return _read(frequency, parts)
    except (ValueError, IndexError):
        raise RuleRefused("recurrence_unreadable") from None


def _read(frequency: str, parts: dict[str, str]) -> Rule:
    lists = {
        name: tuple(_number(each, *bounds) for each in _values(parts[name]))
        for name, bounds in _LISTS.items()
        if name in parts
    }
    times = 1
    for name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        times *= len(set(lists.get(name, (0,))))
    if times > TIMES_A_DAY_MAX:
        raise RuleRefused("recurrence_too_frequent")
    days = tuple(_weekday(each) for each in _values(parts["BYDAY"])) if "BYDAY" in parts else ()
    return Rule(
        frequency,
        _number(parts.get("INTERVAL", "1"), 1, _INTERVAL_MAX),
        _number(parts["COUNT"], 1, _COUNT_MAX) if "COUNT" in parts else None,
        parts.get("UNTIL"),
        _WEEKDAYS.index(parts.get("WKST", "MO")),
        days,
        lists,
    )


def _values(text: str) -> list[str]:
    values = text.split(",")
    if len(values) > PARTS_MAX:
        raise RuleRefused("recurrence_too_long")
    return values


def _number(text: str, low: int, high: int) -> int:
    number = int(text)
    if not low <= number <= high or (number == 0 and low < 0):
        raise ValueError
    return number


def _weekday(text: str) -> tuple[int, int]:
    which = text[:-2]
    return (_number(which, -53, 53) if which else 0), _WEEKDAYS.index(text[-2:])


# ── from a rule to days ──────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Series:
    """The times of one rule; `cut` tells that there would be more."""

    times: list[datetime]
    cut: bool = False


def expanded(rule: Rule, start: datetime, until: datetime | None, last: date) -> Series:
    """Return the times of a rule by the wall clock, the start first, up to the day `last`.

    The start counts as a time of the series also where the rule does not fall on it (RFC 5545).
    `until` is the rule's own end, by the same clock.
    """
    end = min(last, start.date() + timedelta(days=DAYS_WALKED_MAX))
    found = Series([])
    for when in _times(rule, start, end):
        if when <= start:
            continue
        if until is not None and when > until:
            return _with_start(found, start, until)
        whole = len(found.times) + 1
        if rule.count is not None and whole >= rule.count:
            return _with_start(found, start, until)
        if whole >= OCCURRENCES_MAX:
            found.cut = True
            return _with_start(found, start, until)
        found.times.append(when)
    more_to_come = rule.count is not None or until is None or until.date() > end
    found.cut = more_to_come
    return _with_start(found, start, until)


def _with_start(found: Series, start: datetime, until: datetime | None) -> Series:
    """Put the start first; a series that ends before it begins is empty."""
    if until is None or start <= until:
        found.times.insert(0, start)
    return found


def _times(rule: Rule, start: datetime, end: date) -> Iterator[datetime]:
    clock = _clock(rule, start)
    wanted = _wanted(rule, start.date())
    positions = rule.of("BYSETPOS")
    for period in _periods(rule, start.date(), end):
        times = (datetime.combine(day, at) for day in period if wanted(day) for at in clock)
        if not positions:
            yield from times
            continue
        every = list(times)
        chosen = {p - 1 if p > 0 else len(every) + p for p in positions}
        yield from (every[i] for i in sorted(chosen) if 0 <= i < len(every))


def _clock(rule: Rule, start: datetime) -> list[time]:
    hours = rule.of("BYHOUR") or (start.hour,)
    minutes = rule.of("BYMINUTE") or (start.minute,)
    seconds = rule.of("BYSECOND") or (start.second,)
    return sorted({time(h, m, min(s, 59)) for h, m, s in product(hours, minutes, seconds)})


def _periods(rule: Rule, start: date, end: date) -> Iterator[Iterator[date]]:
    """Return the periods of a rule, each as its days, up to the last day."""
    number = 0
    while (bounds := _period(rule, start, number)) is not None and bounds[0] <= end:
        yield _days(bounds[0], min(bounds[1], end))
        number += rule.interval


def _period(rule: Rule, start: date, number: int) -> tuple[date, date] | None:
    """Return first and last day of the period so many after the start's; None after all years."""
    try:
        match rule.frequency:
            case "DAILY":
                first = start + timedelta(days=number)
                return first, first
            case "WEEKLY":
                back = (start.weekday() - rule.week_start) % 7
                first = start + timedelta(days=7 * number - back)
                return first, first + timedelta(days=6)
            case "MONTHLY":
                years, month = divmod(start.month - 1 + number, 12)
                first = date(start.year + years, month + 1, 1)
                return first, _month_end(first)
        if rule.of("BYWEEKNO"):
            return _week_year(start.year + number, rule.week_start)
        return date(start.year + number, 1, 1), date(start.year + number, 12, 31)
    except (ValueError, OverflowError):
        return None


def _month_end(first: date) -> date:
    following = first.replace(day=28) + timedelta(days=4)
    return following - timedelta(days=following.day)


def _week_year(year: int, week_start: int) -> tuple[date, date]:
    """Return the days of a year counted in weeks: week 1 has at least four days of it."""
    return _first_week(year, week_start), _first_week(year + 1, week_start) - timedelta(days=1)


def _first_week(year: int, week_start: int) -> date:
    fourth = date(year, 1, 4)
    return fourth - timedelta(days=(fourth.weekday() - week_start) % 7)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _wanted(rule: Rule, start: date) -> Callable[[date], bool]:
    """Return which days of a period count; without BY lists, those like the start."""
    months = frozenset(rule.of("BYMONTH"))
    month_days, year_days = frozenset(rule.of("BYMONTHDAY")), frozenset(rule.of("BYYEARDAY"))
    weeks, days = frozenset(rule.of("BYWEEKNO")), rule.days
    if not (weeks or year_days or month_days or days):
        match rule.frequency:
            case "YEARLY":
                months, month_days = months or frozenset({start.month}), frozenset({start.day})
            case "MONTHLY":
                month_days = frozenset({start.day})
            case "WEEKLY":
                days = ((0, start.weekday()),)
    elif weeks and not days:
        days = ((0, start.weekday()),)
    within_month = rule.frequency == "MONTHLY" or bool(months)

    def wanted(day: date) -> bool:
        return (
            (not months or day.month in months)
            and (not month_days or not month_days.isdisjoint(_in_month(day)))
            and (not year_days or not year_days.isdisjoint(_in_year(day)))
            and (not weeks or not weeks.isdisjoint(_weeks(day, rule.week_start)))
            and (not days or any(_is_day(day, which, w, within_month) for which, w in days))
        )

    return wanted


def _in_month(day: date) -> tuple[int, int]:
    return day.day, day.day - _month_end(day.replace(day=1)).day - 1


def _in_year(day: date) -> tuple[int, int]:
    number = day.timetuple().tm_yday
    return number, number - date(day.year, 12, 31).timetuple().tm_yday - 1


def _weeks(day: date, week_start: int) -> tuple[int, int]:
    year = day.year
    if day >= _first_week(year + 1, week_start):
        year += 1
    elif day < _first_week(year, week_start):
        year -= 1
    first, last = _week_year(year, week_start)
    return (day - first).days // 7 + 1, -((last - day).days // 7 + 1)


def _is_day(day: date, which: int, weekday: int, within_month: bool) -> bool:  # noqa: FBT001 read
    """Whether a day is the so-manieth such weekday of its month or year."""
    if day.weekday() != weekday:
        return False
    if which == 0:
        return True
    number, back = _in_month(day) if within_month else _in_year(day)
    return which in ((number - 1) // 7 + 1, -((-back - 1) // 7 + 1))
