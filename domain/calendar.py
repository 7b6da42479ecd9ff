"""Working days and due dates: every deadline and response time in the log is counted here.

Danish words used by the rest of the system:

- working day (arbejdsdag): Monday to Friday, unless the profile closes the day;
- public holiday (helligdag): a closed day that the law on the calendar gives everybody;
- other closed day (lukkedag): a day the profile treats like a holiday, such as Grundlovsdag;
- deadline, due date (frist, forfaldsdag): the last day on which an answer is in time.

The holidays of a country are rows in a table, not code, and a caller can add its own rows
(`custom_profile`). Dates are calendar dates at the place where the deadline runs: a door converts
a moment to such a date before it asks, because this module knows no time zone.
"""

from bisect import bisect_left, bisect_right
from calendar import isleap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

YEAR_FIRST: Final = 1950
"""First supported year: the oldest year for which the table was held against another source."""

YEAR_LAST: Final = 2199
"""Last supported year; it bounds the size of a calendar (about 63 000 working days)."""

CLOSED_DATES_MAX: Final = 5_000
"""Most single closed dates in one profile: twenty a year for all supported years."""

RULES_MAX: Final = 366
"""Most yearly rules in one table of a profile: one for each day of a leap year."""

STORE_BEDEDAG_YEAR_LAST: Final = 2023
"""Store bededag was a public holiday for the last time on 5 May 2023."""

_SATURDAY: Final = 5
_LEAP_YEAR: Final = 2000
_LEAP_DAY: Final = (2, 29)
_CALENDARS_KEPT_MAX: Final = 16  # tables kept in memory, about 2.5 MB each

_Name = Annotated[str, Field(min_length=1, max_length=100)]
_Year = Annotated[int, Field(ge=YEAR_FIRST, le=YEAR_LAST)]


class CalendarRangeError(ValueError):
    """A date or a deadline falls outside the years the calendar covers (uden for kalenderen)."""


class _Row(BaseModel):
    """What all rows of a profile share: they are frozen, strict data with no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class _Rule(_Row):
    """A row that holds for a span of years, both ends included."""

    name: _Name
    year_first: _Year = YEAR_FIRST
    year_last: _Year = YEAR_LAST

    @model_validator(mode="after")
    def _years_in_order(self) -> Self:
        if self.year_first > self.year_last:
            message = "year_first must not be later than year_last"
            raise ValueError(message)
        return self

    def holds_in(self, year: int) -> bool:
        """Return whether the rule is in force in this year."""
        return self.year_first <= year <= self.year_last


class YearlyDay(_Rule):
    """A closed day with the same day and month every year (fast dato), such as 25 December.

    29 February is allowed and closes a day in leap years only.
    """

    kind: Literal["yearly"] = "yearly"
    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=31)]

    @model_validator(mode="after")
    def _day_exists(self) -> Self:
        date(_LEAP_YEAR, self.month, self.day)
        return self

    def dates_in(self, year: int) -> Iterator[date]:
        """Yield the closed date of this year, or nothing when there is none."""
        exists = (self.month, self.day) != _LEAP_DAY or isleap(year)
        if exists and self.holds_in(year):
            yield date(year, self.month, self.day)


class EasterDay(_Rule):
    """A closed day that moves with Easter Sunday (skæv helligdag), such as Skærtorsdag."""

    kind: Literal["easter"] = "easter"
    days_after_easter: Annotated[int, Field(ge=-80, le=250)]
    """Days from Easter Sunday, negative before it; the limits keep the day inside its year."""

    def dates_in(self, year: int) -> Iterator[date]:
        """Yield the closed date of this year, or nothing when the rule is not in force."""
        if self.holds_in(year):
            yield easter_sunday(year) + timedelta(days=self.days_after_easter)


class ClosedDate(_Row):
    """One single date on which the office is closed (lukkedag), for instance for moving house."""

    day: date
    name: _Name

    @model_validator(mode="after")
    def _day_is_supported(self) -> Self:
        _check(self.day)
        return self


DayRule = Annotated[YearlyDay | EasterDay, Field(discriminator="kind")]
"""One row of a holiday table."""


class Profile(_Row):
    """Which weekdays are not working days, as data (kalenderprofil).

    The code names the profile in reports, so that a figure says which calendar counted it.
    A profile can be written to and read from JSON.
    """

    code: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Z][A-Z0-9_]*$")]
    public_holidays: Annotated[tuple[DayRule, ...], Field(max_length=RULES_MAX)]
    closed_yearly: Annotated[tuple[DayRule, ...], Field(max_length=RULES_MAX)] = ()
    closed_dates: Annotated[tuple[ClosedDate, ...], Field(max_length=CLOSED_DATES_MAX)] = ()


_DANISH_PUBLIC_HOLIDAYS: Final[tuple[DayRule, ...]] = (
    YearlyDay(month=1, day=1, name="Nytårsdag"),
    EasterDay(days_after_easter=-3, name="Skærtorsdag"),
    EasterDay(days_after_easter=-2, name="Langfredag"),
    EasterDay(days_after_easter=0, name="Påskedag"),
    EasterDay(days_after_easter=1, name="Anden påskedag"),
    EasterDay(days_after_easter=26, name="Store bededag", year_last=STORE_BEDEDAG_YEAR_LAST),
    EasterDay(days_after_easter=39, name="Kristi himmelfartsdag"),
    EasterDay(days_after_easter=49, name="Pinsedag"),
    EasterDay(days_after_easter=50, name="Anden pinsedag"),
    YearlyDay(month=12, day=25, name="Juledag"),
    YearlyDay(month=12, day=26, name="Anden juledag"),
)

_DANISH_OFFICE_CLOSED: Final[tuple[DayRule, ...]] = (
    YearlyDay(month=6, day=5, name="Grundlovsdag"),
    YearlyDay(month=12, day=24, name="Juleaftensdag"),
    YearlyDay(month=12, day=31, name="Nytårsaftensdag"),
)

DK_PUBLIC: Final = Profile(code="DK_PUBLIC", public_holidays=_DANISH_PUBLIC_HOLIDAYS)
"""Denmark, public holidays only (helligdage): the default for deadlines set by law.

1 May is a working day unless a public holiday falls on it.
"""

DK_OFFICE: Final = Profile(
    code="DK_OFFICE",
    public_holidays=_DANISH_PUBLIC_HOLIDAYS,
    closed_yearly=_DANISH_OFFICE_CLOSED,
)
"""Denmark, also closed on 5 June, 24 and 31 December.

Those are the days that the Limitation Act (forældelsesloven) § 27 treats like public holidays.
"""

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {profile.code: profile for profile in (DK_PUBLIC, DK_OFFICE)}
)
"""The profiles that come with the program, by code."""


def custom_profile(
    base: Profile,
    *,
    closed_yearly: tuple[DayRule, ...] = (),
    closed_dates: tuple[ClosedDate, ...] = (),
    code: str = "CUSTOM",
) -> Profile:
    """Return `base` with further closed days, under a code of its own (egen kalender).

    Raises ValueError if the code is one of `PROFILES`: a report that says DK_PUBLIC must mean it.
    """
    if code in PROFILES:
        message = f"the code {code} belongs to a profile that comes with the program"
        raise ValueError(message)
    return Profile(
        code=code,
        public_holidays=base.public_holidays,
        closed_yearly=base.closed_yearly + closed_yearly,
        closed_dates=base.closed_dates + closed_dates,
    )


@dataclass(frozen=True)
class WorkingCalendar:
    """Counts working days under one profile (arbejdsdagskalender).

    It covers 1 January of `YEAR_FIRST` to 31 December of `YEAR_LAST`. Every method raises
    CalendarRangeError for dates outside and TypeError for a `datetime`, whose date depends on a
    time zone. Cheap to create: the table of days is made at the first question and then shared by
    all calendars with an equal profile.
    """

    profile: Profile = DK_PUBLIC

    def public_holidays(self, year: int) -> Mapping[date, str]:
        """Return the public holidays (helligdage) of a year by date, in order, with their names.

        Holidays on a Saturday or Sunday are included; the profile's other closed days are not.
        """
        _check_year(year)
        return MappingProxyType(_named_days(self.profile.public_holidays, (), year))

    def closed_days(self, year: int) -> Mapping[date, str]:
        """Return public holidays and the profile's other closed days (lukkedage), in date order.

        Where two rows give the same date the public holiday names it, then the earlier row.
        """
        _check_year(year)
        rules = self.profile.public_holidays + self.profile.closed_yearly
        return MappingProxyType(_named_days(rules, self.profile.closed_dates, year))

    def is_working_day(self, day: date) -> bool:
        """Return whether the day is a working day (arbejdsdag)."""
        _check(day)
        index = bisect_left(self._working_days, day)
        return index < len(self._working_days) and self._working_days[index] == day

    def working_days_between(self, start: date, end: date) -> int:
        """Return the number of working days `d` with start < d <= end (antal arbejdsdage).

        The first date is day 0, so an answer on the day of receipt took 0 working days.
        Raises ValueError if `end` is before `start`: a negative response time is a mistake in
        the dates, and must not disappear in an average.
        """
        _check(start)
        _check(end)
        if end < start:
            message = "the end must not be before the start"
            raise ValueError(message)
        return bisect_right(self._working_days, end) - bisect_right(self._working_days, start)

    def working_days_within(self, start: date, end: date) -> int:
        """Return the number of working days `d` with start <= d < end (arbejdsdage i perioden).

        For periods, which own their first day and not their last. Raises ValueError if `end`
        is before `start`.
        """
        _check(start)
        _check(end)
        if end < start:
            message = "the end must not be before the start"
            raise ValueError(message)
        return bisect_left(self._working_days, end) - bisect_left(self._working_days, start)

    def add_working_days(self, received: date, days: int) -> date:
        """Return the due date (frist) `days` working days after the day of receipt.

        The day of receipt is day 0, also when it is closed; the next working day is day 1. So the
        due date is a working day, except that 0 days gives the day of receipt itself.
        Raises ValueError if `days` is negative, CalendarRangeError if the due date is not covered.
        """
        _check(received)
        if days < 0:
            message = "a number of working days to add must not be negative"
            raise ValueError(message)
        if days == 0:
            return received
        index = bisect_right(self._working_days, received) + days - 1
        if index >= len(self._working_days):
            message = f"the due date is after {YEAR_LAST}, where the calendar ends"
            raise CalendarRangeError(message)
        return self._working_days[index]

    @cached_property
    def _working_days(self) -> tuple[date, ...]:
        # Kept on the calendar: hashing a profile for each question would cost more than the answer.
        return _working_days_of(self.profile)


def easter_sunday(year: int) -> date:
    """Return the date of Easter Sunday (påskedag) in the Gregorian calendar.

    The anonymous Gregorian computation, first printed in Nature, 20 April 1876.
    """
    _check_year(year)
    golden = year % 19
    century, year_of_century = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon_shift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - moon_shift + 15) % 30
    leap_years, year_rest = divmod(year_of_century, 4)
    to_sunday = (32 + 2 * century_rest + 2 * leap_years - epact - year_rest) % 7
    late = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day_before = divmod(epact + to_sunday - 7 * late + 114, 31)
    return date(year, month, day_before + 1)


@lru_cache(maxsize=_CALENDARS_KEPT_MAX)
def _working_days_of(profile: Profile) -> tuple[date, ...]:
    """Return all working days of the supported years, in order."""
    rules = profile.public_holidays + profile.closed_yearly
    years = range(YEAR_FIRST, YEAR_LAST + 1)
    closed = {day for rule in rules for year in years for day in rule.dates_in(year)}
    closed.update(row.day for row in profile.closed_dates)
    first, last = date(YEAR_FIRST, 1, 1), date(YEAR_LAST, 12, 31)
    days = map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))
    return tuple(day for day in days if day.weekday() < _SATURDAY and day not in closed)


def _named_days(
    rules: tuple[DayRule, ...], dates: tuple[ClosedDate, ...], year: int
) -> dict[date, str]:
    """Return date to name, in date order, of the rows that fall in the year; earlier rows win."""
    names: dict[date, str] = {}
    for rule in rules:
        for day in rule.dates_in(year):
            names.setdefault(day, rule.name)
    for closed in dates:
        if closed.day.year == year:
            names.setdefault(closed.day, closed.name)
    return dict(sorted(names.items()))


def _check(day: date) -> None:
    if isinstance(day, datetime):
        message = "a calendar date is needed, not a datetime: convert it to the local date first"
        raise TypeError(message)
    _check_year(day.year)


def _check_year(year: int) -> None:
    if not YEAR_FIRST <= year <= YEAR_LAST:
        message = f"the calendar covers the years {YEAR_FIRST} to {YEAR_LAST}"
        raise CalendarRangeError(message)
