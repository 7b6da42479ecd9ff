"""What stops which clock of an enquiry, and what the policy warns of, once."""

from datetime import datetime
from typing import Any

import pytest

from domain import enquiries
from domain.calendar import DK_PUBLIC, WorkingCalendar, custom_profile
from domain.enquiries import (
    AnswerKind,
    EnquiryAcknowledged,
    EnquiryAnswered,
    EnquiryAssigned,
    EnquiryAtRisk,
    EnquiryEvent,
    EnquiryMerged,
    EnquiryOverdue,
    EnquiryReopened,
    EnquiryRerouted,
    EnquiryReturned,
    EnquirySplit,
    EnquiryState,
    EnquiryTriaged,
    InformationRequested,
    InformationSupplied,
    InterimReplySent,
    evolve,
    times_of,
)
from domain.service_targets import Clock
from tests.domain.enquiring import (
    ENQUIRY,
    OTHER,
    TWO,
    answered,
    closed,
    given,
    head,
    received,
    routed,
    waived,
)
from tests.domain.samples import COPENHAGEN, SOF, TMF
from tests.domain.scenario import Story
from tests.domain.test_service_targets import table

# ── clocks and warnings ──────────────────────────────────────────────────────────────────────────

STOPS: dict[str, list[list[EnquiryEvent]]] = {
    "acknowledged, with a handler or a team to turn to": [
        [EnquiryAcknowledged(**head(), team="Almene")],
        [EnquiryAcknowledged(**head(handler="Prøve"))],
    ],
    "information requested": [[InformationRequested(**head())]],
    "interim reply": [[InterimReplySent(**head(), new_expected_by="2010-03-20")]],
    "answer, while somebody else still owes one": [[routed(SOF, SOF), answered(version=3)]],
    "the last answer that was owed, of any kind": [[answered(kind=kind)] for kind in AnswerKind],
    "the last answer that was owed is waived": [[waived()]],
    "closed": [[closed()]],
    "triaged, routed, rerouted, returned, assigned, information supplied": [
        [EnquiryTriaged(**head(), category="x")],
        [routed()],
        [routed(), EnquiryRerouted(**head(3), obligation=TMF, from_unit=TMF, to=SOF)],
        [routed(), EnquiryReturned(**head(3), obligation=TMF, from_unit=TMF)],
        [EnquiryAssigned(**head(), assignees=())],
        [InformationSupplied(**head())],
    ],
}


def test_the_page_says_what_stops_which_clock() -> None:
    rows = table("What stops a clock")
    assert [row[0] for row in rows] == list(STOPS)
    for name, first, answer in rows:
        for events in STOPS[name]:
            times = times_of(given(*events).state)
            assert (times.first_response is not None) is (first == "yes"), events
            stopped = times.answered or times.closed
            assert (stopped is not None) is (answer == "yes"), events


def test_the_answer_came_when_the_last_one_did_whatever_their_order_in_the_log() -> None:
    early = EnquiryAnswered(
        **head(3, "2010-02-22"), obligation=SOF, by=SOF, answer_kind=AnswerKind.REFUSAL
    )
    times = times_of(given(answered(), early, **TWO).state)
    assert times.answered == answered().occurred


def test_what_was_closed_with_a_question_open_waits_no_more() -> None:
    state = given(InformationRequested(**head()), closed(3)).state
    assert not state.awaiting
    assert times_of(state).closed == closed(3).occurred
    assert times_of(given(EnquirySplit(**head(), parts=(OTHER,))).state).moved


def watched(story: Story[EnquiryState], day: str) -> list[Any]:
    now = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=COPENHAGEN)
    return list(enquiries.watch(story.state, now, COPENHAGEN, {}))


def warning(
    model: type[EnquiryAtRisk] | type[EnquiryOverdue], code: str, due: str, version: int
) -> EnquiryAtRisk | EnquiryOverdue:
    clock = Clock.FIRST_RESPONSE if code == "first_response" else Clock.ANSWER
    return model(enquiry_id=ENQUIRY, version=version, code=code, clock=clock, due=due)


FIRST_NEAR = warning(EnquiryAtRisk, "first_response", "2010-02-24", 2)
FIRST_PASSED = warning(EnquiryOverdue, "first_response", "2010-02-24", 3)


def test_each_deadline_is_warned_of_once_as_near_and_once_as_passed() -> None:
    assert watched(given(), "2010-02-22") == []
    assert watched(given(), "2010-02-23") == [FIRST_NEAR]
    assert watched(given(FIRST_NEAR), "2010-02-24") == []
    assert watched(given(FIRST_NEAR), "2010-02-25") == [FIRST_PASSED]
    told = given(FIRST_NEAR, FIRST_PASSED)
    assert watched(told, "2010-02-26") == []
    assert watched(told, "2010-03-04") == [
        warning(EnquiryAtRisk, "written_answer", "2010-03-08", 4)
    ]


def test_a_policy_that_slept_warns_of_what_passed_and_not_of_what_was_near() -> None:
    assert watched(given(), "2010-03-09") == [
        warning(EnquiryOverdue, "first_response", "2010-02-24", 2),
        warning(EnquiryOverdue, "written_answer", "2010-03-08", 3),
    ]


@pytest.mark.parametrize(
    "events",
    [
        [closed()],
        [EnquiryMerged(**head(), into=OTHER)],
        [EnquirySplit(**head(), parts=(OTHER,))],
        [answered()],
    ],
)
def test_nobody_is_warned_of_what_has_ended_or_was_answered(events: list[EnquiryEvent]) -> None:
    assert watched(given(*events), "2011-01-01") == []
    assert watched(Story(EnquiryState()), "2011-01-01") == []


def test_a_reopened_enquiry_is_warned_of_again_only_for_what_was_not_told() -> None:
    before: list[EnquiryEvent] = [answered(), closed(3), EnquiryReopened(**head(4))]
    passed = warning(EnquiryOverdue, "written_answer", "2010-03-08", 5)
    assert watched(given(*before), "2011-01-01") == [passed]
    assert watched(given(*before, passed), "2011-01-01") == []


def test_a_due_date_that_a_pause_moved_is_another_one() -> None:
    event = received()
    pausing = tuple(d.model_copy(update={"pauses": True}) for d in event.deadlines[1:])
    state = evolve(EnquiryState(), event.model_copy(update={"deadlines": pausing}))
    near = warning(EnquiryAtRisk, "written_answer", "2010-03-08", 2)
    assert watched(Story(state), "2010-03-05") == [near]
    asked = InformationRequested(**head(3, "2010-03-05"))
    gave = InformationSupplied(**head(4, "2010-03-10"))
    for each in (near, asked, gave):
        state = evolve(state, each)
    assert watched(Story(state), "2010-03-11") == [
        warning(EnquiryAtRisk, "written_answer", "2010-03-11", 5)
    ]


def test_a_calendar_of_ones_own_counts_for_pauses_too() -> None:
    own = custom_profile(DK_PUBLIC, code="KOMMUNEN")
    calendars = {"KOMMUNEN": WorkingCalendar(own)}
    now = datetime.fromisoformat("2010-02-23T12:00:00").replace(tzinfo=COPENHAGEN)
    assert enquiries.watch(given().state, now, COPENHAGEN, calendars) == [FIRST_NEAR]
