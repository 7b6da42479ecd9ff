"""Due days: when one is reminded, when a day has passed, and which day "in time" is judged by."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.due_days import (
    REMIND_DAYS,
    REMIND_DAYS_MAX,
    Finding,
    RemindDays,
    counts,
    day_after,
    finding,
    late,
    silent_until,
)
from domain.values import Occurred, OccurredGiven
from tests.domain.samples import COPENHAGEN


@dataclass
class Errand:
    """Something to be done by a day."""

    due: Occurred | None
    remind_days: int = REMIND_DAYS
    reminded: str | None = None


def on(text: str) -> Occurred:
    return OccurredGiven.model_validate(text).resolve(COPENHAGEN)


@pytest.mark.parametrize(
    ("due", "ahead", "today", "expected"),
    [
        ("2010-03-08", 7, "2010-02-28", None),
        ("2010-03-08", 7, "2010-03-01", "soon"),
        ("2010-03-08", 7, "2010-03-08", "soon"),
        ("2010-03-08", 7, "2010-03-09", "passed"),
        ("2010-03-08", 0, "2010-03-08", None),
        ("2010-03-08", 0, "2010-03-09", "passed"),
        ("2010-03-08", 1, "2010-03-06", None),
        ("2010-03-08", 1, "2010-03-07", "soon"),
        ("2010-03-08", 365, "2009-03-07", None),
        ("2010-03-08", 365, "2009-03-08", "soon"),
        ("2012-03-07", 7, "2012-02-28", None),
        ("2012-03-07", 7, "2012-02-29", "soon"),
        ("2010-03", 7, "2010-03-23", None),
        ("2010-03", 7, "2010-03-24", "soon"),
        ("2010", 7, "2010-12-31", "soon"),
        ("2010", 7, "2011-01-01", "passed"),
    ],
)
def test_one_is_reminded_so_many_calendar_days_before_the_last_day(
    due: str, ahead: int, today: str, expected: Finding | None
) -> None:
    assert finding(Errand(on(due), ahead), today) == expected


def test_once_reminded_there_is_nothing_to_say_until_the_day_has_passed() -> None:
    errand = Errand(on("2010-03-08"), reminded="2010-03-08")
    assert silent_until(errand) == "2010-03-08"
    assert [finding(errand, day) for day in ("2010-03-08", "2010-03-09")] == [None, "passed"]


def test_a_reminder_of_another_day_is_none_of_this() -> None:
    assert finding(Errand(on("2010-03-08"), reminded="2010-03-02"), "2010-03-02") == "soon"


def test_without_a_day_there_is_never_anything_to_say() -> None:
    assert silent_until(Errand(None)) is None
    assert finding(Errand(None), "2199-12-31") is None


FIRST = date(2010, 1, 1)
whole = st.integers(0, 800)


@for_all(due=whole, ahead=st.integers(0, REMIND_DAYS_MAX), told=st.booleans(), today=whole)
def test_policies_look_exactly_when_there_is_something_to_say(
    due: int, ahead: int, told: bool, today: int
) -> None:
    """Else a view would offer them the same record again and again, or never."""
    last, now = ((FIRST + timedelta(days=n)).isoformat() for n in (due, today))
    errand = Errand(on(last), ahead, last if told else None)
    quiet, found = silent_until(errand), finding(errand, now)
    assert quiet is not None
    assert (now > quiet) == (found is not None)
    assert (found == "passed") == (today > due)
    assert (found == "soon") == (not told and due - ahead <= today <= due and ahead > 0)


@pytest.mark.parametrize("ahead", [0, 1, REMIND_DAYS_MAX])
def test_ahead_is_up_to_a_year(ahead: int) -> None:
    assert TypeAdapter(RemindDays).validate_python(ahead) == ahead


@pytest.mark.parametrize("ahead", [-1, REMIND_DAYS_MAX + 1])
def test_neither_less_than_not_at_all_nor_more_than_a_year(ahead: int) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RemindDays).validate_python(ahead)


def test_what_old_facts_mean_is_what_it_was_when_they_were_read_first() -> None:
    """A fact without the field was recorded when nobody could say otherwise."""
    assert REMIND_DAYS == 7


@pytest.mark.parametrize(
    ("agreed", "in_time"),
    [("2010-03-08", True), ("2010-03-09", False), ("2010-03", False), ("2010-02", True)],
)
def test_a_day_counts_when_it_was_surely_agreed_before_the_last_one_was_over(
    agreed: str, in_time: bool
) -> None:
    assert counts(on("2010-03-08"), on(agreed)) is in_time
    assert counts(None, on(agreed))


def test_what_was_perhaps_done_in_time_is_not_late() -> None:
    assert [late(on("2010-03-08"), on(day)) for day in ("2010-03-08", "2010-03-09", "2010-03")] == [
        False,
        True,
        False,
    ]
    assert not late(None, on("2010-03-09"))


@pytest.mark.parametrize(
    ("due", "after"), [("2010-02-28", "2010-03-01"), ("2012-02-28", "2012-02-29")]
)
def test_a_day_has_passed_from_the_next_one_on(due: str, after: str) -> None:
    assert day_after(due) == after


def test_at_the_ends_of_the_calendar_a_day_stays_what_it_is() -> None:
    assert day_after("9999-12-31") == "9999-12-31"
    first = on("2010-03-08").model_copy(update={"last_day": "0001-01-03"})
    assert silent_until(Errand(first)) == "0001-01-03"
