"""Information efforts: five separate facts, an order that is only reported, and who knows what."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from domain.efforts import commands, decisions, events
from domain.efforts.events import Effort, EffortWords, Issued, evolve, tags_of
from domain.errors import Unknown
from domain.records import Known
from domain.registers import REGISTERS
from domain.values import Confidentiality, Occurred, OccurredGiven
from tests.domain.recording import (
    DAY,
    FUTURE,
    MISSING,
    RECORD,
    TODAY,
    about,
    after,
    an_id,
    asking,
    faults,
    opening,
    refused,
    step,
    told_to,
)
from tests.domain.samples import AAB, COPENHAGEN, KAB, SOF, TMF
from tests.domain.scenario import Refusal

Json = dict[str, Any]
Decided = Callable[[Any], Any]
REGISTER = REGISTERS["efforts"]
MEETING = an_id(901)
DOCUMENT = an_id(902)
THERE: dict[Any, Any] = {("meeting", MEETING): object(), ("document", DOCUMENT): object()}
_FRESH = count(500)
DIRECTORS = {"party": TMF.name, "name": "Direktørkredsen", "kind": "directors", "id": an_id(1)}
COMMITTEE = {
    "name": "Udvalget",
    "kind": "committee",
    "after": ["Direktørkredsen"],
    "id": an_id(2),
}
OUTSIDE = {"party": KAB.name, "kind": "organisation", "external": True, "id": an_id(3)}
UNKNOWN = ("/audience", "audience_unknown")
LATE = ("/occurred", "occurred_in_future")


def on(text: str) -> Occurred:
    return OccurredGiven.model_validate(text).resolve(COPENHAGEN)


def known() -> Known:
    return told_to(THERE, new_id=lambda: an_id(next(_FRESH)))


def starting(**more: Any) -> Any:
    body: Json = {"topic": "Ny organisering", "audiences": [DIRECTORS, COMMITTEE, OUTSIDE]}
    return asking(commands.StartEffort, **body | {"current_version": 1} | more)


def started(**more: Any) -> Decided:
    return opening(decisions.start, starting(**more), known())


def an_effort(*steps: Decided, **more: Any) -> Effort:
    effort: Effort = after(evolve, started(**{"occurred": "2010-01-01"} | more), *steps)
    return effort


STEPS: dict[str, tuple[Any, Any]] = {
    "add": (decisions.add, commands.AddAudience),
    "remove": (decisions.remove, commands.RemoveAudience),
    "offer": (decisions.offer, commands.OfferBriefing),
    "accept": (decisions.accept, commands.AcceptBriefing),
    "decline": (decisions.decline, commands.DeclineBriefing),
    "schedule": (decisions.schedule, commands.ScheduleBriefing),
    "hold": (decisions.hold, commands.HoldBriefing),
    "inform": (decisions.inform, commands.InformAudience),
    "issue": (decisions.issue, commands.IssueVersion),
    "ask": (decisions.ask, commands.RaiseQuestion),
    "answer": (decisions.answer, commands.AnswerQuestion),
    "acknowledge": (decisions.acknowledge, commands.AcknowledgeInformation),
}
NEEDED: dict[str, Json] = {
    "add": {"audience": {"party": AAB.name, "kind": "organisation"}},
    "remove": {"reason": "sammenlagt"},
    "schedule": {"planned": "2010-03-25"},
    "inform": {"via": "note"},
    "issue": {"current_version": 2},
    "ask": {"question": "Hvem?"},
    "answer": {"question": MISSING, "answer": "Vi"},
}


def do(what: str, audience: str | Json | None = None, **more: Any) -> Decided:
    decide, command = STEPS[what]
    body = NEEDED.get(what, {}) | ({"audience": audience} if audience else {}) | more
    return step(decide, asking(command, **body), known())


def judged(effort: Effort, day: str = DAY) -> Json:
    assert REGISTER.judge is not None
    return REGISTER.judge(effort.model_dump(mode="json", by_alias=True), day)


def audience(effort: Effort, name: str, day: str = DAY) -> Json:
    (found,) = [a for a in judged(effort, day)["audiences"] if a["name"] == name]
    return dict(found)


def state(effort: Effort, name: str = "Udvalget", day: str = DAY) -> str:
    return str(audience(effort, name, day)["state"])


# ── starting, audiences ──────────────────────────────────────────────────────────────────────────


def test_an_effort_starts_with_audiences_in_their_order() -> None:
    given = starting(document=DOCUMENT, audiences=[DIRECTORS, COMMITTEE], deadline="2010-03-31")
    about(None).when(opening(decisions.start, given, told_to(THERE))).then(
        events.InformationEffortStarted(
            effort_id=RECORD,
            text=EffortWords(topic="Ny organisering"),
            document=DOCUMENT,
            current_version=1,
            audiences=(
                events.Audience(
                    audience_id=an_id(1), party=TMF, name="Direktørkredsen", kind="directors"
                ),
                events.Audience(
                    audience_id=an_id(2), name="Udvalget", kind="committee", after=(an_id(1),)
                ),
            ),
            deadline="2010-03-31",
            occurred=TODAY,
            confidentiality=Confidentiality.INTERNAL,
        )
    )


def test_every_fault_of_a_start_is_told_at_once() -> None:
    given = starting(
        document=MISSING,
        audiences=[
            {"party": "Ingen", "kind": "committee"},
            {"party": "several", "kind": "committee"},
            {"kind": "committee"},
            DIRECTORS,
            DIRECTORS | {"name": "Kredsen", "id": an_id(7)},
            {"name": "Direktørkredsen", "kind": "directors"},
            {"name": "Et udvalg", "kind": "committee", "id": an_id(1)},
            {"name": "Et andet", "kind": "committee", "after": ["Et tredje"]},
            {"name": "Et tredje", "kind": "committee"},
        ],
        occurred=FUTURE,
    )
    about(None).when(opening(decisions.start, given, known())).refused(
        faults(
            ("/document", "record_unknown"),
            ("/audiences/0/party", "unknown_party"),
            ("/audiences/1/party", "ambiguous_party"),
            ("/audiences/2/name", "invalid_input"),
            ("/audiences/4/party", "audience_exists"),
            ("/audiences/5/name", "audience_exists"),
            ("/audiences/6/id", "audience_exists"),
            ("/audiences/7/after/0", "audience_unknown"),
            LATE,
        )
    )


def test_an_audience_comes_after_others_named_by_party_name_or_id_each_once() -> None:
    later = {"name": "Sidst", "kind": "committee", "after": [TMF.name, "Direktørkredsen", an_id(1)]}
    effort = an_effort(audiences=[DIRECTORS, later])
    assert effort.audiences[1].after == (an_id(1),)


def test_an_id_goes_before_a_name_and_a_name_before_a_party() -> None:
    group = {"name": KAB.name, "kind": "organisation", "id": an_id(8)}
    known = OUTSIDE | {"name": "Foreningen"}
    effort = an_effort(do("offer", KAB.name), audiences=[known, group])
    assert [a.offered is not None for a in effort.audiences] == [False, True]


def test_an_audience_is_added_and_removed_and_nothing_of_it_is_lost() -> None:
    effort = an_effort(
        do("add"), do("offer", AAB.name), do("ask", AAB.name), do("remove", AAB.name)
    )
    gone = effort.audiences[-1]
    assert (gone.party, gone.offered, gone.added, gone.removed) == (AAB, TODAY, TODAY, TODAY)
    assert [q.audience_id for q in effort.questions] == [gone.audience_id]
    assert state(effort, AAB.name) == "removed"
    assert "none" in judged(effort)["coverage"]["organisation"]
    assert judged(effort)["coverage"]["organisation"]["of"] == 1
    assert AAB not in list(REGISTER.parties(effort))
    about(effort).when(do("offer", AAB.name)).refused(refused("audience_unknown", "/audience"))
    again = after(lambda _, event: evolve(effort, event), lambda _: do("add")(effort))
    assert [a.removed for a in again.audiences if a.party == AAB] == [TODAY, None]
    taken: Json = {"name": "Ny", "kind": "x", "id": gone.audience_id}
    about(effort).when(do("add", taken)).refused(refused("audience_exists", "/audience/id"))


def test_every_fault_of_an_added_audience_is_told_at_once() -> None:
    given = {"party": KAB.name, "kind": "organisation", "after": ["Ingen"]}
    about(an_effort()).when(do("add", audience=given, occurred=FUTURE)).refused(
        faults(
            ("/audience/after/0", "audience_unknown"), ("/audience/party", "audience_exists"), LATE
        )
    )


def test_who_was_informed_cannot_be_left_out() -> None:
    effort = an_effort(do("inform", "Udvalget"))
    about(effort).when(do("remove", "Udvalget")).refused(refused("audience_informed", "/audience"))


def test_a_removed_predecessor_makes_no_inversion() -> None:
    effort = an_effort(do("remove", "Direktørkredsen"), do("inform", "Udvalget"))
    assert judged(effort)["order"]["inversions"] == []


OF_AUDIENCE = ["remove", "offer", "accept", "decline", "schedule", "hold", "inform", "ask"]


@pytest.mark.parametrize("what", [*OF_AUDIENCE, "acknowledge"])
def test_a_step_of_nobody_in_the_effort_is_refused_with_all_that_is_wrong(what: str) -> None:
    about(an_effort()).when(do(what, "Ingen", occurred=FUTURE)).refused(faults(UNKNOWN, LATE))


@pytest.mark.parametrize("what", sorted(STEPS))
def test_without_an_effort_there_is_no_step(what: str) -> None:
    named = {} if what in {"add", "issue", "answer"} else {"audience": "Udvalget"}
    about(None).when(do(what, **named)).refused(Refusal(Unknown, "record_not_found"))


# ── briefings ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("what", ["accept", "decline"])
def test_r4_only_an_offer_can_be_answered(what: str) -> None:
    about(an_effort()).when(do(what, "Udvalget")).refused(refused("not_offered", "/audience"))


def test_r4_offered_accepted_scheduled_and_held_are_separate_facts() -> None:
    steps = [
        ("none", []),
        ("offered", [do("offer", "Udvalget", occurred="2010-02-01")]),
        ("accepted", [do("accept", "Udvalget", occurred="2010-02-02")]),
        ("scheduled", [do("schedule", "Udvalget", occurred="2010-02-03")]),
        ("informed", [do("hold", "Udvalget", informed_version=1, occurred="2010-02-04")]),
    ]
    taken: list[Decided] = []
    for expected, more in steps:
        taken += more
        assert state(an_effort(*taken)) == expected
    effort = an_effort(*taken)
    for number, (expected, _) in enumerate(steps[1:], 1):
        assert state(effort, day=f"2010-02-0{number}") == expected
    one = effort.audiences[1]
    facts = (one.offered, one.accepted, one.scheduled, one.informed[0].on)
    days = ("2010-02-01", "2010-02-02", "2010-03-25", "2010-02-04")
    assert facts == tuple(on(each) for each in days)


def test_r4_who_declined_is_not_informed_and_may_be_offered_again() -> None:
    declined = [do("offer", "Udvalget"), do("accept", "Udvalget"), do("decline", "Udvalget")]
    effort = an_effort(*declined)
    assert state(effort) == "declined"
    assert effort.audiences[1].accepted == TODAY
    assert state(an_effort(*declined, do("offer", "Udvalget"))) == "offered"
    assert state(an_effort(*declined, do("schedule", "Udvalget"))) == "scheduled"
    (event,) = do("decline", "Udvalget", reason="ikke tid")(effort)
    assert event.text == EffortWords(reason="ikke tid")


def test_r11_a_plan_is_an_expectation_and_overdue_when_its_last_day_has_passed() -> None:
    fuzzy = {"from": "2010-03-21", "to": "2010-03-31", "text": "ultimo marts"}
    effort = an_effort(do("schedule", "Udvalget", planned=fuzzy, meeting=MEETING))
    assert audience(effort, "Udvalget")["scheduled"]["text"] == "ultimo marts"
    assert effort.audiences[1].said[0].meeting == MEETING
    assert (state(effort, day="2010-03-31"), state(effort, day="2010-04-01")) == (
        "scheduled",
        "overdue",
    )
    assert state(effort, day="2010-02-22") == "none"


def test_the_same_plan_again_is_nothing_new_but_another_meeting_or_a_new_try_is() -> None:
    planned = do("schedule", "Udvalget")
    about(an_effort(planned)).when(planned).refused(refused("nothing_changed"))
    about(an_effort(planned)).when(do("schedule", "Udvalget", meeting=MISSING)).refused(
        refused("record_unknown", "/meeting")
    )
    other = an_effort(planned, do("schedule", "Udvalget", meeting=MEETING))
    assert [each.meeting for each in other.audiences[1].said] == [None, MEETING]
    tried = [planned, do("offer", "Udvalget"), do("decline", "Udvalget"), planned]
    assert state(an_effort(*tried)) == "scheduled"


def test_a_briefing_tells_who_spoke_who_came_and_who_was_absent() -> None:
    who = {"speakers": [TMF.name], "attendees": [KAB.name], "absent": [SOF.name]}
    effort = an_effort(do("hold", "Udvalget", **who, minutes=20, meeting=MEETING))
    told = effort.audiences[1].informed[0]
    assert (told.speakers, told.attendees, told.absent) == ((TMF,), (KAB,), (SOF,))
    assert (told.minutes, told.meeting, told.via) == (20, MEETING, "briefing")


def test_every_fault_of_a_briefing_is_told_at_once() -> None:
    who = {"speakers": ["Ingen"], "attendees": ["Ingen"], "absent": ["several"]}
    about(an_effort()).when(do("hold", "Ingen", **who, meeting=MISSING, occurred=FUTURE)).refused(
        faults(
            UNKNOWN,
            ("/speakers/0", "unknown_party"),
            ("/attendees/0", "unknown_party"),
            ("/absent/0", "ambiguous_party"),
            ("/meeting", "record_unknown"),
            LATE,
        )
    )


def test_a_meeting_that_somebody_was_informed_at_must_be_there() -> None:
    about(an_effort()).when(do("inform", "Udvalget", meeting=MISSING)).refused(
        refused("record_unknown", "/meeting")
    )
    for what, name in (
        ("schedule", "schedulings"),
        ("hold", "briefings"),
        ("inform", "informings"),
    ):
        body = NEEDED.get(what, {}) | {"audience": "Udvalget", "meeting": MEETING}
        given = asking(STEPS[what][1], **body)
        assert list(REGISTER.steps[name].records(given)) == [("meeting", MEETING)]
        bare = asking(STEPS[what][1], **NEEDED.get(what, {}) | {"audience": "Udvalget"})
        assert list(REGISTER.steps[name].records(bare)) == []


# ── versions, questions, acknowledgement ─────────────────────────────────────────────────────────


def test_a_version_goes_forward_and_leaves_those_behind_who_have_an_older_one() -> None:
    told = [do("inform", "Udvalget", informed_version=1), do("issue", current_version=2)]
    effort = an_effort(*told)
    assert effort.versions == (
        Issued(current_version=1, on=on("2010-01-01")),
        Issued(current_version=2, on=TODAY),
    )
    assert state(effort) == "stale"
    assert state(an_effort(*told, do("inform", "Udvalget", informed_version=2))) == "informed"
    about(effort).when(do("issue", current_version=2, occurred=FUTURE)).refused(
        faults(("/current_version", "version_not_newer"), LATE)
    )


def test_a_version_that_nobody_knows_is_not_taken_for_the_current_one() -> None:
    told = do("inform", "Udvalget")
    assert state(an_effort(told)) == "version_unknown"
    assert judged(an_effort(told))["coverage"]["committee"] == {
        "of": 1,
        "informed": 0,
        "version_unknown": 1,
    }
    assert state(an_effort(told, current_version=None)) == "informed"
    older = do("inform", "Udvalget", informed_version=1)
    assert state(an_effort(older, told, do("issue"))) == "version_unknown"


def test_who_was_informed_before_a_version_came_was_informed_that_day() -> None:
    effort = an_effort(
        do("inform", "Udvalget", informed_version=1, occurred="2010-01-10"),
        do("issue", current_version=2, occurred="2010-01-20"),
    )
    assert state(effort, day="2010-01-19") == "informed"
    assert judged(effort, "2010-01-19")["current_version"] == 1
    assert state(effort, day="2010-01-20") == "stale"
    assert judged(effort, "2009-12-31")["coverage"] == {}


def test_a_question_is_answered_once() -> None:
    asked = do("ask", "Udvalget")
    effort = an_effort(asked)
    (question,) = effort.questions
    assert (question.question, question.asked, question.answered) == ("Hvem?", TODAY, None)
    answer = do("answer", question=question.question_id)
    done = evolve(evolve(effort, do("ask", KAB.name)(effort)[0]), answer(effort)[0])
    assert [q.answer for q in done.questions if q.audience_id == an_id(2)] == ["Vi"]
    about(done).when(answer).refused(refused("question_answered", "/question"))
    about(done).when(do("answer", occurred=FUTURE)).refused(
        faults(("/question", "question_unknown"), LATE)
    )


def test_only_who_was_informed_acknowledges() -> None:
    about(an_effort()).when(do("acknowledge", "Udvalget")).refused(
        refused("not_informed", "/audience")
    )
    effort = an_effort(do("inform", "Udvalget"), do("acknowledge", "Udvalget"))
    assert effort.audiences[1].acknowledged == TODAY


# ── order and coverage ───────────────────────────────────────────────────────────────────────────


def order(*steps: Decided, day: str = DAY) -> Json:
    return dict(judged(an_effort(*steps), day)["order"])


def told(who: str, day: str, version: int | None = 1) -> Decided:
    return do("inform", who, informed_version=version, occurred=day)


def test_r1_an_inversion_is_reported_and_never_refused() -> None:
    early = told("Udvalget", "2010-01-05")
    inversion = {"audience": an_id(2), "before": an_id(1), "informed_version": 1}
    assert order(early)["inversions"] == [inversion]
    assert order(early, told("Direktørkredsen", "2010-01-06"))["inversions"] == [inversion]
    for day in ("2010-01-04", "2010-01-05"):
        assert order(early, told("Direktørkredsen", day))["inversions"] == []
    assert order(early, day="2010-01-04")["inversions"] == []


def test_r1_the_order_is_kept_for_each_version() -> None:
    first = [told("Direktørkredsen", "2010-01-05"), told("Udvalget", "2010-01-06")]
    second = told("Udvalget", "2010-01-08", 2)
    late = order(*first, do("issue"), second)["inversions"]
    assert [(each["audience"], each["informed_version"]) for each in late] == [(an_id(2), 2)]
    assert order(*first, told("Direktørkredsen", "2010-01-07", 2), second)["inversions"] == []


def test_r1_an_unknown_version_is_no_proof_of_an_inversion() -> None:
    unknown = [told("Direktørkredsen", "2010-01-05", None), told("Udvalget", "2010-01-06", 2)]
    assert order(*unknown)["inversions"] == []
    assert order(unknown[1])["inversions"] != []
    assert order(told("Udvalget", "2010-01-06", None))["inversions"] == [
        {"audience": an_id(2), "before": an_id(1), "informed_version": None}
    ]


def test_r1_times_that_overlap_are_no_proof_of_an_inversion() -> None:
    fuzzy = do("inform", "Udvalget", informed_version=1, occurred="2010-01")
    assert order(fuzzy, told("Direktørkredsen", "2010-01-20"))["inversions"] == []
    assert order(fuzzy, told("Direktørkredsen", "2010-02-01"))["inversions"] != []


def test_r1_who_is_told_outside_before_the_committees_is_shown_beside_and_is_no_breach() -> None:
    outside = told(KAB.name, "2010-01-05", None)
    assert order(outside) == {"inversions": [], "external_first": [an_id(3)]}
    informed = [told("Direktørkredsen", "2010-01-02"), told("Udvalget", "2010-01-04")]
    assert order(*informed, outside)["external_first"] == []
    alone = an_effort(outside, audiences=[OUTSIDE])
    assert judged(alone)["order"]["external_first"] == []


def test_k9_who_was_informed_after_the_deadline_is_covered_but_not_in_time() -> None:
    steps = [told("Udvalget", "2010-01-05"), told(KAB.name, "2010-01-06")]
    effort = an_effort(*steps, deadline="2010-01-05")
    assert judged(effort)["coverage"] == {
        "directors": {"of": 1, "informed": 0, "in_time": 0, "none": 1},
        "committee": {"of": 1, "informed": 1, "in_time": 1},
        "organisation": {"of": 1, "informed": 1, "in_time": 0},
    }
    assert "in_time" not in judged(an_effort(*steps))["coverage"]["committee"]
    assert audience(effort, KAB.name)["in_time"] is False
    assert audience(an_effort(), KAB.name)["in_time"] is None


# ── the register's row ───────────────────────────────────────────────────────────────────────────


def test_it_is_found_by_document_and_audiences() -> None:
    effort = an_effort(document=DOCUMENT)
    assert sorted(REGISTER.terms(effort)) == sorted(
        [
            ("status", "started"),
            ("audience", TMF.id),
            ("audience", KAB.id),
            ("document", DOCUMENT),
        ]
    )
    assert "document" not in dict(REGISTER.terms(an_effort()))
    given = starting(document=DOCUMENT)
    assert list(REGISTER.open.records(given)) == [("document", DOCUMENT)]
    assert list(REGISTER.open.records(starting())) == []
    assert list(REGISTER.open.parties(given)) == [TMF.name, "Direktørkredsen", KAB.name]
    adding = REGISTER.steps["audiences"].parties
    named = asking(commands.AddAudience, audience=OUTSIDE | {"after": ["Udvalget"]})
    assert list(adding(named)) == [KAB.name, "Udvalget"]
    assert list(adding(asking(commands.AddAudience, audience={"name": "x", "kind": "y"}))) == []


def test_the_events_bear_tags_of_what_they_are_about() -> None:
    (event,) = started(document=DOCUMENT)(None)
    assert tags_of(event) == [
        f"effort:{RECORD}",
        f"effort_about:{DOCUMENT}",
        f"party:{TMF.id}",
        f"party:{KAB.id}",
    ]
    effort = an_effort()
    assert tags_of(do("add")(effort)[0]) == [f"effort:{RECORD}", f"party:{AAB.id}"]
    group = do("add", audience={"name": "x", "kind": "y"})
    assert tags_of(group(effort)[0]) == [f"effort:{RECORD}"]
    held = do("hold", "Udvalget", speakers=[TMF.name], attendees=[TMF.name], absent=[SOF.name])
    assert tags_of(held(effort)[0]) == [
        f"effort:{RECORD}",
        f"party:{TMF.id}",
        f"party:{SOF.id}",
    ]
    assert tags_of(do("offer", "Udvalget")(effort)[0]) == [f"effort:{RECORD}"]


def test_words_that_were_erased_leave_the_effort_standing() -> None:
    (event,) = started()(None)
    effort = evolve(None, event.model_copy(update={"text": None}))
    assert (effort.topic, len(effort.audiences)) == (None, 3)
    (asked,) = do("ask", "Udvalget")(effort)
    effort = evolve(effort, asked.model_copy(update={"text": None}))
    (answered,) = do("answer", question=asked.question_id)(effort)
    effort = evolve(effort, answered.model_copy(update={"text": None}))
    (question,) = effort.questions
    assert (question.question, question.answer, question.answered) == (None, None, TODAY)


# ── against a model ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Fact:
    """One step that was taken: what, to whom, when, and its number (version, or day planned)."""

    what: str
    who: int
    at: int
    number: int | None


@dataclass
class Told:
    """What is true of an effort, told from nothing but the steps that were taken."""

    facts: list[Fact] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)

    def of(self, who: int, *what: str, day: int = 99) -> list[Fact]:
        return [f for f in self.facts if f.who == who and f.what in what and f.at <= day]

    def take(self, fact: Fact) -> str | None:
        who, what = fact.who, fact.what
        if what == "issue":
            if fact.number is None or fact.number <= self.current(99):
                return "version_not_newer"
        elif who in self.gone:
            return "audience_unknown"
        elif what in {"accept", "decline"} and not self.of(who, "offer"):
            return "not_offered"
        elif what == "remove" and self.of(who, "inform", "hold"):
            return "audience_informed"
        elif what == "acknowledge" and not self.of(who, "inform", "hold"):
            return "not_informed"
        elif what == "schedule":
            before = self.of(who, "offer", "accept", "decline", "schedule")[-1:]
            if before and (before[0].what, before[0].number) == ("schedule", fact.number):
                return "nothing_changed"
        if what == "remove":
            self.gone.add(who)
        self.facts.append(fact)
        return None

    def current(self, day: int) -> int:
        return max([1, *(f.number or 0 for f in self.facts if f.what == "issue" and f.at <= day)])

    def state(self, who: int, day: int) -> str:
        if self.of(who, "remove", day=day):
            return "removed"
        versions = [f.number for f in self.of(who, "inform", "hold", day=day)]
        if versions:
            if any(v is not None and v >= self.current(day) for v in versions):
                return "informed"
            return "version_unknown" if None in versions else "stale"
        said = self.of(who, "offer", "accept", "decline", "schedule", day=day)
        since = [i for i, f in enumerate(said) if f.what == "decline"]
        plans = [f for f in said[(since[-1] + 1) if since else 0 :] if f.what == "schedule"]
        if plans:
            return "overdue" if (plans[-1].number or 0) < day else "scheduled"
        names = {"offer": "offered", "accept": "accepted", "decline": "declined"}
        return names[said[-1].what] if said else "none"

    def inversions(self, day: int) -> set[tuple[int, int, int | None]]:
        standing = {w for w in range(4) if not self.of(w, "remove", day=day)}
        if 0 not in standing:
            return set()
        first = self.of(0, "inform", "hold", day=day)
        return {
            (who, 0, f.number)
            for who in (1, 2)
            if who in standing
            for f in self.of(who, "inform", "hold", day=day)
            if not any(
                p.at <= f.at and (None in (p.number, f.number) or p.number >= f.number)  # type: ignore[operator]
                for p in first
            )
        }


NAMES = ["A", "B", "C", "D"]
AUDIENCES: list[Json] = [
    {"id": an_id(n), "name": name, "kind": kind, "after": behind}
    for n, (name, kind, behind) in enumerate(
        [
            ("A", "directors", []),
            ("B", "committee", ["A"]),
            ("C", "committee", ["A"]),
            ("D", "organisation", []),
        ]
    )
]
FACTS = st.builds(
    Fact,
    st.sampled_from(
        [
            *("offer", "accept", "decline", "schedule", "hold", "inform", "issue") * 2,
            *("remove", "ask", "acknowledge"),
        ]
    ),
    st.integers(0, 3),
    st.integers(1, 9),
    st.none() | st.integers(1, 3),
)


def day_of(number: int | None) -> str:
    return f"2010-01-{number or 1:02d}"


def command_of(fact: Fact) -> Decided:
    more: Json = {}
    if fact.what == "schedule":
        more = {"planned": day_of(fact.number)}
    elif fact.what in {"inform", "hold"}:
        more = {"informed_version": fact.number}
    elif fact.what == "issue":
        return do("issue", current_version=fact.number or 1, occurred=day_of(fact.at))
    return do(fact.what, NAMES[fact.who], **more, occurred=day_of(fact.at))


@settings(max_examples=150, deadline=None)
@for_all(facts=st.lists(FACTS, min_size=8, max_size=24), day=st.integers(1, 9))
def test_the_machine_does_what_the_model_says(facts: list[Fact], day: int) -> None:
    model = Told()
    effort = an_effort(audiences=AUDIENCES)
    for each in facts:
        fact = Fact(
            each.what, each.who, each.at, each.number or (1 if each.what in PLAIN else None)
        )
        code, decided = model.take(fact), about(effort).when(command_of(fact))
        assert (decided.error.code if decided.error else None) == code
        for event in decided.events:
            effort = evolve(effort, event)  # type: ignore[arg-type]
        assert effort.version == 1 + len(model.facts)
    seen = judged(effort, day_of(day))
    states = [model.state(who, day) for who in range(4)]
    assert [each["state"] for each in seen["audiences"]] == states
    counts: Json = {}
    for given, found in zip(AUDIENCES, states, strict=True):
        if found != "removed":
            kind = counts.setdefault(given["kind"], {"of": 0, "informed": 0})
            kind["of"] += 1
            kind[found] = kind.get(found, 0) + 1
    assert seen["coverage"] == counts
    found_ids = {
        (i["audience"], i["before"], i["informed_version"]) for i in seen["order"]["inversions"]
    }
    assert found_ids == {(an_id(a), an_id(b), v) for a, b, v in model.inversions(day)}
    for who, one in enumerate(effort.audiences):
        assert len(one.informed) == len(model.of(who, "inform", "hold"))
        assert len(one.said) == len(model.of(who, "offer", "accept", "decline", "schedule"))
    assert len(effort.questions) == sum(fact.what == "ask" for fact in model.facts)


PLAIN = {"issue", "schedule"}
"""Steps whose number is never left out."""
