"""Working days are counted right: against the law's table, three outside sources, and laws."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendar import (
    CLOSED_DATES_MAX,
    DK_OFFICE,
    DK_PUBLIC,
    PROFILES,
    RULES_MAX,
    YEAR_FIRST,
    YEAR_LAST,
    CalendarRangeError,
    ClosedDate,
    EasterDay,
    Profile,
    WorkingCalendar,
    YearlyDay,
    custom_profile,
    easter_sunday,
)

PUBLIC = WorkingCalendar(DK_PUBLIC)
OFFICE = WorkingCalendar(DK_OFFICE)
CALENDARS = pytest.mark.parametrize("calendar", [PUBLIC, OFFICE], ids=["public", "office"])

FIRST_DAY = date(YEAR_FIRST, 1, 1)
LAST_DAY = date(YEAR_LAST, 12, 31)
ORACLE_YEARS = range(1950, 2100)  # the years the `holidays` package was compared for

# Received, working days, due under DK_PUBLIC, due under DK_OFFICE.
VECTORS = [
    pytest.param("2010-02-22", 10, "2010-03-08", "2010-03-08", id="the memo's meeting"),
    pytest.param("2010-03-31", 7, "2010-04-14", "2010-04-14", id="Easter 2010"),
    pytest.param("2010-03-31", 10, "2010-04-19", "2010-04-19", id="Easter 2010, ten days"),
    pytest.param("2023-05-03", 7, "2023-05-15", "2023-05-15", id="the last Store bededag"),
    pytest.param("2024-04-24", 7, "2024-05-03", "2024-05-03", id="Store bededag abolished"),
    pytest.param("2024-06-03", 7, "2024-06-12", "2024-06-13", id="Grundlovsdag"),
    pytest.param("2024-12-19", 7, "2025-01-02", "2025-01-06", id="Christmas"),
    pytest.param("2025-12-19", 10, "2026-01-07", "2026-01-09", id="change of year"),
    pytest.param("2026-05-13", 7, "2026-05-26", "2026-05-26", id="Ascension and Whit Monday"),
]

all_days = st.dates(FIRST_DAY, LAST_DAY)
early_days = st.dates(FIRST_DAY, date(2150, 12, 31))
counts = st.integers(0, 5_000)  # about twenty years, so early_days never runs out of calendar
calendars = st.sampled_from([PUBLIC, OFFICE])


def iso(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(("received", "days", "public", "office"), VECTORS)
def test_a_due_date_is_as_the_reference_says(
    received: str, days: int, public: str, office: str
) -> None:
    assert PUBLIC.add_working_days(iso(received), days) == iso(public)
    assert OFFICE.add_working_days(iso(received), days) == iso(office)
    assert PUBLIC.working_days_between(iso(received), iso(public)) == days
    assert OFFICE.working_days_between(iso(received), iso(office)) == days


@CALENDARS
def test_the_memo_went_22_working_days_from_letter_to_meeting(calendar: WorkingCalendar) -> None:
    assert calendar.working_days_between(date(2010, 1, 21), date(2010, 2, 22)) == 22


@CALENDARS
def test_the_memo_took_15_working_days_in_march(calendar: WorkingCalendar) -> None:
    assert calendar.working_days_between(date(2010, 3, 4), date(2010, 3, 25)) == 15


@pytest.mark.parametrize(("year", "days"), [(2010, 254), (2023, 252), (2024, 254), (2026, 254)])
def test_a_year_has_its_known_number_of_working_days(year: int, days: int) -> None:
    assert PUBLIC.working_days_within(date(year, 1, 1), date(year + 1, 1, 1)) == days
    assert PUBLIC.working_days_between(date(year - 1, 12, 31), date(year, 12, 31)) == days


@pytest.mark.data
def test_every_year_of_the_shared_oracle_has_its_working_days(shared_data: Path) -> None:
    oracle = json.loads((shared_data / "oracles.json").read_text("utf-8"))["calendar"]
    working = {
        year: PUBLIC.working_days_within(date(int(year), 1, 1), date(int(year) + 1, 1, 1))
        for year in oracle["working_days_per_year"]
    }
    named = {year: len(PUBLIC.public_holidays(int(year))) for year in oracle["holidays_per_year"]}
    assert working == oracle["working_days_per_year"]
    assert named == oracle["holidays_per_year"]
    assert len(working) > 20


@pytest.mark.data
def test_public_holidays_are_those_of_the_shared_table(shared_data: Path) -> None:
    path = shared_data / "calendar" / "dk_public_holidays_2005_2025.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["category"] == "public"]
    expected = {iso(row["date"]): row["name_da"] for row in rows}
    ours: dict[date, str] = {}
    for year in range(2005, 2026):
        ours |= PUBLIC.public_holidays(year)
    assert ours == expected
    assert all(
        day.isoweekday() == int(row["weekday_iso"]) for day, row in zip(ours, rows, strict=True)
    )


@pytest.mark.data
def test_the_shared_working_day_cases_hold(shared_data: Path) -> None:
    path = shared_data / "calendar" / "dk_working_day_cases_20.json"
    cases: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cases"]
    assert len(cases) == 20
    for case in cases:
        start, until = iso(case["start"]), iso(case["until"])
        assert PUBLIC.add_working_days(start, case["add_working_days"]) == iso(case["result"]), case
        counted = PUBLIC.working_days_between(start, until)
        assert counted == case["working_days_after_start_up_to_and_including_until"], case


def test_public_holidays_equal_an_independent_library_for_150_years() -> None:
    oracle = holidays.country_holidays("DK", years=ORACLE_YEARS, language="da")
    ours: dict[date, str] = {}
    for year in ORACLE_YEARS:
        ours |= PUBLIC.public_holidays(year)
    assert ours == dict(oracle)


def test_a_calendar_that_forgets_the_end_of_store_bededag_disagrees_with_the_library() -> None:
    # The teeth of the test above: one wrong cell in the table is noticed.
    rules = tuple(
        rule.model_copy(update={"year_last": YEAR_LAST}) for rule in DK_PUBLIC.public_holidays
    )
    wrong = WorkingCalendar(Profile(code="WRONG", public_holidays=rules))
    oracle = holidays.country_holidays("DK", years=[2023, 2024], language="da")
    assert wrong.public_holidays(2023) == PUBLIC.public_holidays(2023)
    extra = wrong.public_holidays(2024).items() - oracle.items()
    assert extra == {(date(2024, 4, 26), "Store bededag")}


def test_every_day_of_150_years_is_a_working_day_or_not_as_the_library_says() -> None:
    oracle = holidays.country_holidays("DK", years=ORACLE_YEARS, language="da")
    day, last = date(ORACLE_YEARS[0], 1, 1), date(ORACLE_YEARS[-1], 12, 31)
    while day <= last:
        assert PUBLIC.is_working_day(day) == (day.weekday() < 5 and day not in oracle), day
        day += timedelta(days=1)


@CALENDARS
def test_store_bededag_was_closed_in_2023_and_is_a_working_day_from_2024(
    calendar: WorkingCalendar,
) -> None:
    assert calendar.public_holidays(2023)[date(2023, 5, 5)] == "Store bededag"
    assert not calendar.is_working_day(date(2023, 5, 5))
    assert calendar.is_working_day(date(2024, 4, 26))
    assert "Store bededag" not in calendar.public_holidays(2024).values()
    assert (len(calendar.public_holidays(2023)), len(calendar.public_holidays(2024))) == (11, 10)


def test_public_holidays_come_in_date_order_and_cannot_be_changed() -> None:
    named = OFFICE.public_holidays(2010)
    assert list(named) == sorted(named)
    assert "Grundlovsdag" not in named.values()
    with pytest.raises(TypeError):
        named[date(2010, 5, 1)] = "Fri"  # type: ignore[index]


def test_the_office_is_also_closed_on_three_days_that_are_not_public_holidays() -> None:
    extra = OFFICE.closed_days(2024).items() - PUBLIC.closed_days(2024).items()
    assert extra == {
        (date(2024, 6, 5), "Grundlovsdag"),
        (date(2024, 12, 24), "Juleaftensdag"),
        (date(2024, 12, 31), "Nytårsaftensdag"),
    }
    for day, _name in extra:
        assert PUBLIC.is_working_day(day)
        assert not OFFICE.is_working_day(day)


@CALENDARS
def test_the_first_of_may_is_a_working_day(calendar: WorkingCalendar) -> None:
    assert calendar.is_working_day(date(2024, 5, 1))


def test_a_public_holiday_names_the_date_it_shares_with_another_closed_day() -> None:
    assert OFFICE.closed_days(2017)[date(2017, 6, 5)] == "Anden pinsedag"
    assert list(OFFICE.closed_days(2017)) == sorted(OFFICE.closed_days(2017))


def test_an_answer_on_the_day_of_receipt_took_no_working_days() -> None:
    assert PUBLIC.working_days_between(date(2010, 2, 22), date(2010, 2, 22)) == 0
    assert PUBLIC.add_working_days(date(2010, 2, 22), 0) == date(2010, 2, 22)


def test_a_receipt_on_a_closed_day_counts_from_the_next_working_day() -> None:
    saturday, monday = date(2010, 2, 20), date(2010, 2, 22)
    assert PUBLIC.add_working_days(saturday, 0) == saturday
    assert PUBLIC.add_working_days(saturday, 1) == monday
    assert PUBLIC.working_days_between(saturday, monday) == 1
    assert PUBLIC.working_days_between(saturday, saturday + timedelta(days=1)) == 0


def test_a_period_owns_its_first_day_and_not_its_last() -> None:
    friday, monday = date(2010, 2, 19), date(2010, 2, 22)
    assert PUBLIC.working_days_within(friday, monday) == 1
    assert PUBLIC.working_days_within(monday, monday) == 0


def test_counting_backwards_is_refused() -> None:
    later, earlier = date(2010, 2, 22), date(2010, 2, 21)
    with pytest.raises(ValueError, match="must not be before"):
        PUBLIC.working_days_between(later, earlier)
    with pytest.raises(ValueError, match="must not be before"):
        PUBLIC.working_days_within(later, earlier)
    with pytest.raises(ValueError, match="must not be negative"):
        PUBLIC.add_working_days(later, -1)


def test_the_calendar_reaches_from_its_first_to_its_last_day() -> None:
    assert not PUBLIC.is_working_day(FIRST_DAY)
    assert PUBLIC.is_working_day(LAST_DAY)
    assert not OFFICE.is_working_day(LAST_DAY)
    assert PUBLIC.public_holidays(YEAR_FIRST)[FIRST_DAY] == "Nytårsdag"
    assert PUBLIC.add_working_days(LAST_DAY - timedelta(days=1), 1) == LAST_DAY
    total = PUBLIC.working_days_between(FIRST_DAY, LAST_DAY)
    assert PUBLIC.add_working_days(FIRST_DAY, total) == LAST_DAY
    with pytest.raises(CalendarRangeError, match="due date is after 2199"):
        PUBLIC.add_working_days(FIRST_DAY, total + 1)


@pytest.mark.parametrize("outside", [date(1949, 12, 31), date(2200, 1, 1), date.min, date.max])
def test_a_date_outside_the_calendar_is_refused_everywhere(outside: date) -> None:
    inside = date(2010, 1, 1)
    questions: list[Callable[[], object]] = [
        lambda: PUBLIC.is_working_day(outside),
        lambda: PUBLIC.public_holidays(outside.year),
        lambda: PUBLIC.closed_days(outside.year),
        lambda: PUBLIC.add_working_days(outside, 1),
        lambda: PUBLIC.working_days_between(outside, inside),
        lambda: PUBLIC.working_days_between(inside, outside),
        lambda: PUBLIC.working_days_within(outside, inside),
        lambda: PUBLIC.working_days_within(inside, outside),
        lambda: easter_sunday(outside.year),
    ]
    for question in questions:
        with pytest.raises(CalendarRangeError, match="covers the years 1950 to 2199"):
            question()


def test_a_moment_is_not_taken_for_a_date() -> None:
    moment = datetime(2010, 2, 22, 23, 30, tzinfo=UTC)  # already the 23rd in Copenhagen
    with pytest.raises(TypeError, match="not a datetime"):
        PUBLIC.is_working_day(moment)
    with pytest.raises(TypeError, match="not a datetime"):
        PUBLIC.add_working_days(moment, 1)
    with pytest.raises(ValidationError):
        ClosedDate(day=moment, name="Flytning")


def test_a_custom_profile_closes_further_days_and_keeps_those_of_its_base() -> None:
    profile = custom_profile(
        DK_OFFICE,
        closed_yearly=(
            YearlyDay(month=5, day=1, name="Arbejdernes kampdag", year_first=2011),
            EasterDay(days_after_easter=40, name="Dagen efter Kristi himmelfartsdag"),
        ),
        closed_dates=(ClosedDate(day=date(2010, 3, 10), name="Flytning"),),
    )
    calendar = WorkingCalendar(profile)
    assert profile.code == "CUSTOM"
    assert not calendar.is_working_day(date(2010, 3, 10))
    assert calendar.is_working_day(date(2011, 3, 10))
    assert calendar.closed_days(2010)[date(2010, 3, 10)] == "Flytning"
    assert "Flytning" not in calendar.closed_days(2011).values()
    assert date(2010, 5, 1) not in calendar.closed_days(2010)
    assert not calendar.is_working_day(date(2012, 5, 1))
    assert not calendar.is_working_day(date(2010, 5, 14))
    assert not calendar.is_working_day(date(2024, 6, 5))
    assert calendar.public_holidays(2010) == PUBLIC.public_holidays(2010)
    assert calendar.add_working_days(date(2010, 3, 9), 1) == date(2010, 3, 11)
    assert OFFICE.is_working_day(date(2010, 3, 10))


def test_a_custom_profile_may_build_on_a_custom_profile() -> None:
    first = custom_profile(DK_PUBLIC, closed_dates=(ClosedDate(day=date(2010, 3, 10), name="A"),))
    second = custom_profile(
        first, closed_dates=(ClosedDate(day=date(2010, 3, 11), name="B"),), code="DISTRICT_2"
    )
    assert WorkingCalendar(second).add_working_days(date(2010, 3, 9), 1) == date(2010, 3, 12)


def test_another_countrys_calendar_is_only_another_table() -> None:
    norway = Profile(
        code="NO_PUBLIC",
        public_holidays=(
            YearlyDay(month=5, day=17, name="Grunnlovsdag"),
            EasterDay(days_after_easter=-3, name="Skjærtorsdag"),
        ),
    )
    calendar = WorkingCalendar(norway)
    assert not calendar.is_working_day(date(2010, 5, 17))
    assert calendar.is_working_day(date(2010, 4, 30))


def test_a_closed_29_february_closes_leap_years_only() -> None:
    profile = custom_profile(DK_PUBLIC, closed_yearly=(YearlyDay(month=2, day=29, name="Skuddag"),))
    calendar = WorkingCalendar(profile)
    assert not calendar.is_working_day(date(2024, 2, 29))
    assert date(2024, 2, 29) in calendar.closed_days(2024)
    assert set(calendar.closed_days(2100)) == set(PUBLIC.closed_days(2100))


def test_a_calendar_without_working_days_says_that_no_due_date_exists() -> None:
    every_day = tuple(
        YearlyDay(month=day.month, day=day.day, name="Lukket")
        for day in (date(2024, 1, 1) + timedelta(days=n) for n in range(RULES_MAX))
    )
    calendar = WorkingCalendar(Profile(code="NEVER_OPEN", public_holidays=every_day))
    assert not calendar.is_working_day(date(2010, 2, 22))
    assert calendar.working_days_between(FIRST_DAY, LAST_DAY) == 0
    with pytest.raises(CalendarRangeError):
        calendar.add_working_days(FIRST_DAY, 1)
    with pytest.raises(ValidationError):
        Profile(code="TOO_MANY", public_holidays=(*every_day, every_day[0]))


def test_a_profile_has_at_most_the_stated_number_of_closed_dates() -> None:
    row = ClosedDate(day=date(2010, 3, 10), name="Flytning")
    full = custom_profile(DK_PUBLIC, closed_dates=(row,) * CLOSED_DATES_MAX)
    with pytest.raises(ValidationError):
        custom_profile(full, closed_dates=(row,))


def test_a_custom_profile_cannot_take_the_name_of_a_built_in_one() -> None:
    assert set(PROFILES) == {"DK_PUBLIC", "DK_OFFICE"}
    for code in PROFILES:
        with pytest.raises(ValueError, match="comes with the program"):
            custom_profile(DK_PUBLIC, code=code)


@pytest.mark.parametrize(
    "row",
    [
        {"month": 2, "day": 30, "name": "Findes ikke"},
        {"month": 13, "day": 1, "name": "Findes ikke"},
        {"month": 5, "day": 1, "name": ""},
        {"month": 5, "day": 1, "name": "Omvendt", "year_first": 2011, "year_last": 2010},
        {"month": 5, "day": 1, "name": "For tidligt", "year_first": YEAR_FIRST - 1},
        {"month": 5, "day": 1, "name": "Ukendt felt", "city": "X"},
        {"month": "5", "day": 1, "name": "Tekst for tal"},
    ],
)
def test_a_row_that_makes_no_sense_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        YearlyDay.model_validate(row)


def test_a_closed_date_outside_the_calendar_is_refused() -> None:
    with pytest.raises(ValidationError, match="covers the years"):
        ClosedDate(day=date(2200, 1, 1), name="For sent")


@pytest.mark.parametrize("days", [-81, 251])
def test_an_easter_day_that_could_leave_its_year_is_refused(days: int) -> None:
    with pytest.raises(ValidationError):
        EasterDay(days_after_easter=days, name="For langt")


@pytest.mark.parametrize("days", [-80, 250])
def test_an_easter_day_at_the_limit_stays_in_its_year(days: int) -> None:
    rule = EasterDay(days_after_easter=days, name="Grænse")
    for year in range(YEAR_FIRST, YEAR_LAST + 1):
        assert [day.year for day in rule.dates_in(year)] == [year]


def test_a_profile_survives_the_way_through_json() -> None:
    profile = custom_profile(
        DK_OFFICE, closed_dates=(ClosedDate(day=date(2010, 3, 10), name="Flytning"),)
    )
    for original in (profile, *PROFILES.values()):
        assert Profile.model_validate_json(original.model_dump_json()) == original


def test_neither_a_profile_nor_a_calendar_can_be_changed() -> None:
    with pytest.raises(ValidationError):
        DK_PUBLIC.code = "OTHER"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        PUBLIC.profile = DK_OFFICE  # type: ignore[misc]


def test_a_calendar_uses_the_statutory_profile_unless_told_otherwise() -> None:
    assert WorkingCalendar().profile is DK_PUBLIC


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [(1954, 4, 18), (1981, 4, 19), (2008, 3, 23), (2010, 4, 4), (2038, 4, 25), (2160, 3, 23)],
)
def test_easter_falls_on_its_known_date(year: int, month: int, day: int) -> None:
    # 1954 and 1981 are the years in which the two exceptions of the Easter rule apply.
    assert easter_sunday(year) == date(year, month, day)


def test_easter_is_always_a_sunday_between_22_march_and_25_april() -> None:
    for year in range(YEAR_FIRST, YEAR_LAST + 1):
        easter = easter_sunday(year)
        assert easter.isoweekday() == 7
        assert date(year, 3, 22) <= easter <= date(year, 4, 25)


@given(calendar=calendars, received=early_days, days=counts)
def test_counting_to_a_due_date_gives_the_days_that_were_added(
    calendar: WorkingCalendar, received: date, days: int
) -> None:
    due = calendar.add_working_days(received, days)
    assert calendar.working_days_between(received, due) == days
    assert calendar.is_working_day(due) or days == 0


@given(calendar=calendars, received=early_days, first=counts, second=counts)
def test_adding_in_two_steps_is_adding_once(
    calendar: WorkingCalendar, received: date, first: int, second: int
) -> None:
    stepwise = calendar.add_working_days(calendar.add_working_days(received, first), second)
    assert stepwise == calendar.add_working_days(received, first + second)


@given(calendar=calendars, one=early_days, other=early_days, days=counts)
def test_a_later_receipt_is_never_due_earlier(
    calendar: WorkingCalendar, one: date, other: date, days: int
) -> None:
    early, late = sorted((one, other))
    due = calendar.add_working_days(early, days)
    assert due <= calendar.add_working_days(late, days)
    assert due < calendar.add_working_days(early, days + 1)


@given(calendar=calendars, days=st.lists(all_days, min_size=3, max_size=3))
def test_counts_of_two_neighbouring_spans_add_up(
    calendar: WorkingCalendar, days: list[date]
) -> None:
    start, middle, end = sorted(days)
    for count in (calendar.working_days_between, calendar.working_days_within):
        assert count(start, middle) + count(middle, end) == count(start, end)


@given(calendar=calendars, start=early_days, length=st.integers(0, 400))
def test_a_count_is_the_number_of_working_days_met_on_the_way(
    calendar: WorkingCalendar, start: date, length: int
) -> None:
    met = [calendar.is_working_day(start + timedelta(days=n)) for n in range(length + 1)]
    end = start + timedelta(days=length)
    assert calendar.working_days_between(start, end) == sum(met[1:])
    assert calendar.working_days_within(start, end) == sum(met[:-1])


@given(start=all_days, end=all_days)
def test_the_office_never_has_more_working_days_than_the_public_calendar(
    start: date, end: date
) -> None:
    start, end = sorted((start, end))
    office, public = (c.working_days_between(start, end) for c in (OFFICE, PUBLIC))
    assert office <= public
