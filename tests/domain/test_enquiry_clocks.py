"""The clocks of an enquiry: what runs, came near, passed, was met or missed, on any day asked."""

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import WorkingCalendar, custom_profile
from domain.enquiries import ClockStanding, ClockState, GivenDeadline, Times, standing
from domain.enquiries.clocks import given_deadline
from domain.service_targets import STANDARD_CALENDARS, Clock, Deadline
from domain.values import Occurred, OccurredGiven
from tests.domain.samples import COPENHAGEN, deadlines, occurred
from tests.domain.test_service_targets import counted, table

(FIRST, WRITTEN) = counted()
NOON = datetime(2010, 2, 22, 11, 0, tzinfo=UTC)


def at(text: str) -> Occurred:
    return OccurredGiven.model_validate(text).resolve(COPENHAGEN)


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=COPENHAGEN)


def stands(deadline: Deadline, day: str | datetime, **times: Any) -> ClockStanding:
    now = day if isinstance(day, datetime) else noon(day)
    (found,) = standing([deadline], Times(**times), now, COPENHAGEN)
    return found


def given_at(due: str, received_day: str = "2010-02-22") -> Deadline:
    given_ = GivenDeadline(due=due, basis="brevet")
    return given_deadline(given_, received_day, COPENHAGEN, STANDARD_CALENDARS)


# ── how a deadline stands: the page's tables ─────────────────────────────────────────────────────


def test_the_page_tells_every_state() -> None:
    shown = itertools.takewhile(lambda row: row[0] != "As of", table("How a deadline stands"))
    assert [row[0] for row in shown] == list(get_args(ClockState))


def second_table(heading: str) -> list[list[str]]:
    rows = table(heading)
    start = next(index for index, row in enumerate(rows) if row[0].startswith("As of"))
    return rows[start + 2 :]


def test_a_deadline_stands_as_the_page_says() -> None:
    rows = second_table("How a deadline stands")
    assert len(rows) == 9
    for asked, answered, state, left in rows:
        done = None if answered == "–" else at(answered)
        found = stands(WRITTEN, asked, answered=done)
        assert (found.state, found.working_days) == (state, int(left)), (asked, answered)


def test_pauses_move_what_the_page_says() -> None:
    rows = table("Pauses")
    assert len(rows) == 4
    for asked, supplied, as_of, due, state, if_pausing in rows:
        pause = (at(asked), None if supplied == "–" else at(supplied))
        found = stands(WRITTEN, as_of, pauses=(pause,))
        assert (found.due, found.due_if_paused, found.state) == (WRITTEN.due, due, state)
        assert found.counts == WRITTEN.due
        pausing = WRITTEN.model_copy(update={"pauses": True})
        moved = stands(pausing, as_of, pauses=(pause,))
        assert (moved.due_if_paused, moved.counts, moved.state) == (due, due, if_pausing)


# ── what stops a clock ───────────────────────────────────────────────────────────────────────────


def test_a_first_response_stops_its_own_clock_only() -> None:
    response = at("2010-02-23")
    assert stands(FIRST, "2010-03-01", first_response=response).state == "met"
    assert stands(WRITTEN, "2010-03-01", first_response=response).state == "running"


def test_a_closing_stops_the_clock_of_the_answer() -> None:
    assert stands(WRITTEN, "2010-03-20", closed=at("2010-03-08")).state == "met"
    late = stands(WRITTEN, "2010-03-20", closed=at("2010-03-09"))
    assert (late.state, late.done, late.working_days) == ("missed", "2010-03-09", -1)


def test_a_closing_is_no_first_response() -> None:
    soon = stands(FIRST, "2010-03-20", closed=at("2010-02-24"))
    assert (soon.state, soon.done) == ("ended", None)
    assert stands(FIRST, "2010-03-20", closed=at("2010-02-25")).state == "missed"
    assert stands(FIRST, "2010-02-23", closed=at("2010-02-25")).state == "at_risk"


def test_what_lives_on_elsewhere_is_neither_met_nor_missed_here() -> None:
    assert stands(WRITTEN, "2010-04-01", moved=True).state == "ended"
    assert stands(FIRST, "2010-04-01", moved=True, first_response=at("2010-02-22")).state == "met"


def test_the_first_substantive_answer_is_told_beside_the_answer_clock() -> None:
    times: dict[str, Any] = {
        "answered": at("2010-03-05"),
        "first_substantive": at("2010-03-02"),
        "first_response": at("2010-03-02"),
    }
    assert stands(WRITTEN, "2010-04-01", **times).first_substantive == "2010-03-02"
    assert stands(WRITTEN, "2010-03-01", **times).first_substantive is None
    assert stands(FIRST, "2010-04-01", **times).first_substantive is None


def test_a_reopened_enquiry_keeps_its_deadline_and_shows_it() -> None:
    found = stands(WRITTEN, "2010-04-01", reopened=True)
    assert (found.reopened, found.due, found.state) == (True, WRITTEN.due, "overdue")


def test_an_answer_known_only_to_a_month_counts_as_its_last_day() -> None:
    found = stands(WRITTEN, "2010-04-01", answered=at("2010-03"))
    assert (found.done, found.state) == ("2010-03-31", "missed")
    assert stands(WRITTEN, "2010-03-05", answered=at("2010-03")).state == "at_risk"


def test_a_day_is_the_municipalitys_day() -> None:
    just_after_midnight = datetime(2010, 3, 8, 23, 30, tzinfo=UTC)
    assert stands(WRITTEN, just_after_midnight).state == "overdue"
    assert stands(WRITTEN, just_after_midnight - timedelta(hours=1)).state == "at_risk"
    answered = at("2010-03-08T23:30:00Z")
    assert stands(WRITTEN, "2010-04-01", answered=answered).state == "missed"


# ── moments ──────────────────────────────────────────────────────────────────────────────────────


def test_a_given_moment_is_held_against_the_moment_of_the_answer() -> None:
    deadline = given_at("2010-03-01T12:00:00+01:00")
    assert (deadline.code, deadline.due) == ("given", "2010-03-01T11:00:00Z")
    assert (deadline.at_risk_from, deadline.basis) == ("2010-02-25T11:00:00Z", "brevet")
    assert deadline.profile is None
    for moment, state in (("11:00:00Z", "met"), ("11:00:01Z", "missed")):
        assert stands(deadline, "2010-03-05", answered=at(f"2010-03-01T{moment}")).state == state
    for day, state in (("2010-03-01", "met"), ("2010-03-02", "missed")):
        assert stands(deadline, "2010-03-05", answered=at(day)).state == state


def test_a_given_moment_comes_near_and_passes_to_the_second() -> None:
    deadline = given_at("2010-03-01T12:00:00+01:00")
    near, passed = (datetime.fromisoformat(t) for t in (deadline.at_risk_from, deadline.due))
    second = timedelta(seconds=1)
    assert stands(deadline, near - second).state == "running"
    assert [stands(deadline, moment).state for moment in (near, passed)] == ["at_risk"] * 2
    assert stands(deadline, passed + second).state == "overdue"


def test_pauses_move_a_moment_to_the_same_time_of_day_over_a_change_of_the_clock() -> None:
    deadline = given_at("2010-03-26T12:00:00+01:00").model_copy(update={"pauses": True})
    pause = (at("2010-03-24"), at("2010-03-26"))
    found = stands(deadline, "2010-03-27", pauses=(pause,))
    assert found.counts == "2010-03-30T10:00:00Z"
    assert found.at_risk_from == "2010-03-26T11:00:00Z"


def test_a_given_day_is_at_risk_two_working_days_before_but_not_before_the_receipt() -> None:
    assert given_at("2010-04-06").at_risk_from == "2010-03-30"
    assert given_at("2010-02-23").at_risk_from == "2010-02-22"
    assert given_at("2010-02-19").at_risk_from == "2010-02-19"
    assert given_at("2010-02-23T12:00:00Z").at_risk_from == "2010-02-22"
    assert stands(given_at("2010-02-23T12:00:00Z"), "2010-02-22").state == "at_risk"


def test_a_given_day_no_calendar_reaches_is_kept() -> None:
    deadline = given_at("1849-06-05", received_day="1849-05-01")
    assert deadline.at_risk_from == "1849-06-05"
    assert stands(deadline, "1849-06-06").state == "overdue"
    assert stands(deadline, "1849-06-06").working_days == 0


# ── pauses ───────────────────────────────────────────────────────────────────────────────────────


def paused(*pauses: tuple[str, str | None], day: str = "2010-03-20", **times: Any) -> str:
    made = tuple((at(start), at(end) if end else None) for start, end in pauses)
    return stands(WRITTEN, day, pauses=made, **times).due_if_paused


def test_days_waited_for_count_once() -> None:
    assert paused(("2010-03-01", "2010-03-03")) == "2010-03-10"
    assert paused(("2010-03-01", "2010-03-03"), ("2010-03-02", "2010-03-03")) == "2010-03-10"
    assert paused(("2010-03-02", "2010-03-03"), ("2010-03-01", "2010-03-02")) == "2010-03-10"
    assert paused(("2010-03-01", "2010-03-02"), ("2010-03-04", "2010-03-05")) == "2010-03-10"


def test_a_question_answered_the_same_day_or_before_it_was_asked_pauses_nothing() -> None:
    assert paused(("2010-03-01", "2010-03-01")) == WRITTEN.due
    assert paused(("2010-03-03", "2010-03-01")) == WRITTEN.due


def test_a_pause_lasts_until_the_answer_at_most() -> None:
    assert paused(("2010-03-01", None), answered=at("2010-03-03")) == "2010-03-10"
    assert paused(("2010-03-01", "2010-03-19"), answered=at("2010-03-03")) == "2010-03-10"


def test_a_question_after_the_deadline_saves_nothing() -> None:
    friday = WRITTEN.model_copy(update={"due": "2010-03-05", "pauses": True})
    weekend = ((at("2010-03-06"), at("2010-03-09")),)
    assert stands(friday, "2010-03-09", pauses=weekend).state == "overdue"


def test_pauses_are_counted_in_the_deadlines_own_calendar() -> None:
    closed = custom_profile(
        STANDARD_CALENDARS["DK_OFFICE"].profile,
        code="KOMMUNEN",
        closed_dates=(),
    )
    deadline = WRITTEN.model_copy(update={"profile": "DK_OFFICE", "due": "2010-06-04"})
    pause = ((at("2010-06-03"), at("2010-06-07")),)
    assert stands(deadline, "2010-06-08", pauses=pause).due_if_paused == "2010-06-08"
    unknown = deadline.model_copy(update={"profile": "KOMMUNEN"})
    (found,) = standing(
        [unknown],
        Times(pauses=pause),
        noon("2010-06-08"),
        COPENHAGEN,
        {"KOMMUNEN": WorkingCalendar(closed)},
    )
    assert found == replace(stands(unknown, "2010-06-08", pauses=pause))


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────

_maybe = st.none() | occurred
_times = st.builds(
    Times,
    first_response=_maybe,
    answered=_maybe,
    first_substantive=_maybe,
    closed=_maybe,
    moved=st.booleans(),
    pauses=st.lists(st.tuples(occurred, _maybe), max_size=3).map(tuple),
    reopened=st.booleans(),
)
_moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC))  # noqa: DTZ001 hypothesis adds the zone


@given(st.lists(deadlines, max_size=3), _times, _moments)
def test_standing_is_told_of_any_facts_on_any_day(
    owed: list[Deadline], times: Times, now: datetime
) -> None:
    found = standing(owed, times, now, COPENHAGEN)
    assert [one.code for one in found] == [one.code for one in owed]
    for one in found:
        assert one.done is None or one.state in {"met", "missed"}


@given(
    st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    st.integers(0, 60),
    st.integers(-40, 90),
    st.integers(0, 60),
)
def test_a_deadline_is_passed_exactly_after_its_day_and_near_from_its_warning_day(
    start: date, count: int, offset: int, warn: int
) -> None:
    calendar = STANDARD_CALENDARS["DK_PUBLIC"]
    deadline = Deadline(
        code="x",
        clock=Clock.ANSWER,
        due=calendar.add_working_days(start, count).isoformat(),
        at_risk_from=calendar.add_working_days(start, max(count - warn, 0)).isoformat(),
        profile="DK_PUBLIC",
    )
    today = (start + timedelta(days=offset)).isoformat()
    found = stands(deadline, today)
    near = "at_risk" if today >= deadline.at_risk_from else "running"
    assert found.state == ("overdue" if today > deadline.due else near)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=4), st.integers(0, 60))
def test_pauses_never_make_a_deadline_earlier_nor_turn_late_into_in_time_by_asking_late(
    spans: list[tuple[int, int]], answered: int
) -> None:
    first = date(2010, 2, 22)
    pauses = tuple(
        (
            at((first + timedelta(days=start)).isoformat()),
            at((first + timedelta(days=start + length)).isoformat()),
        )
        for start, length in spans
    )
    done = at((first + timedelta(days=answered)).isoformat())
    pausing = WRITTEN.model_copy(update={"pauses": True})
    found = stands(pausing, "2011-01-01", pauses=pauses, answered=done)
    assert found.due_if_paused >= found.due
    asked_in_time = any(pause[0].last_day <= WRITTEN.due for pause in pauses)
    if not asked_in_time:
        assert found.counts == found.due
