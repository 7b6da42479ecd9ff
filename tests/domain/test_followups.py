"""Follow-ups: agreed, moved, handed on, done or dropped; reminded of, and overdue by policy."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain import followups
from domain.errors import Unknown
from domain.followups import (
    DONE,
    DROPPED,
    OPEN,
    OVERDUE,
    AgreeFollowUp,
    CompleteFollowUp,
    DropFollowUp,
    FollowUp,
    FollowUpAgreed,
    FollowUpDone,
    FollowUpDropped,
    FollowUpDueSoon,
    FollowUpHanded,
    FollowUpOverdue,
    FollowUpRescheduled,
    FollowUpText,
    FollowUpWords,
    HandFollowUp,
    RescheduleFollowUp,
    evolve,
    tags_of,
)
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

ORIGIN = an_id(900)
KINDS_THERE = ("contact", "document", "meeting", "commitment")
THERE: dict[Any, Any] = {(noun, ORIGIN): object() for noun in KINDS_THERE}
REGISTER = REGISTERS["followups"]
LATER = datetime(2010, 3, 15, tzinfo=UTC)


def on(text: str) -> Occurred:
    return OccurredGiven.model_validate(text).resolve(COPENHAGEN)


def agreeing(**more: Any) -> Any:
    body = {"owner": TMF.name, "concerns": [KAB.name], "what": "Ring", "due": "2010-02"}
    return asking(AgreeFollowUp, **body | more)


def agreed(**more: Any) -> Any:
    return opening(followups.agree, agreeing(**more), told_to(THERE))


def moving(due: str, **more: Any) -> Any:
    command = asking(RescheduleFollowUp, **{"due": due, "reason": "ferie"} | more)
    return step(followups.reschedule, command, told_to(now=LATER))


def handing(owner: str, **more: Any) -> Any:
    command = asking(HandFollowUp, **{"owner": owner, "reason": "deres sag"} | more)
    return step(followups.hand, command)


def doing(**more: Any) -> Any:
    return step(followups.complete, asking(CompleteFollowUp, **more), told_to(THERE))


def dropping(**more: Any) -> Any:
    command = asking(DropFollowUp, **{"reason": "sagen er trukket"} | more)
    return step(followups.drop, command)


def policy(today: str) -> Any:
    return lambda record: followups.watch(record, today)


def a_followup(*steps: Any, **more: Any) -> Any:
    return after(evolve, agreed(**more), *steps)


STEPPING = {
    "do": doing(),
    "drop": dropping(),
    "move": moving("2010-04"),
    "hand": handing(SOF.name),
}
steps_of_all = pytest.mark.parametrize("then", STEPPING.values(), ids=list(STEPPING))


# ── agreeing ─────────────────────────────────────────────────────────────────────────────────────


def test_a_follow_up_is_written_down_with_owner_and_day_as_it_was_said() -> None:
    told = agreeing(internal="kun for os", topics=["tag", "tag"], contact=ORIGIN)
    about(None).when(opening(followups.agree, told, told_to(THERE))).then(
        FollowUpAgreed(
            followup_id=RECORD,
            owner=TMF,
            concerns=(KAB,),
            text=FollowUpText(what="Ring", internal="kun for os"),
            due=on("2010-02"),
            occurred=TODAY,
            contact=ORIGIN,
            topics=("tag",),
            confidentiality=Confidentiality.INTERNAL,
            remind_days=7,
        )
    )


def test_it_needs_neither_a_day_nor_anybody_it_concerns() -> None:
    record = a_followup(due=None, concerns=[])
    assert (record.due, record.concerns) == (None, ())
    assert followups.watch(record, "2199-01-01") == []
    assert REGISTER.due(record) is None
    assert not a_followup(doing(), due=None).late


def test_its_owner_may_be_one_it_concerns() -> None:
    record = a_followup(concerns=[TMF.name, KAB.name, KAB.name])
    assert record.concerns == (TMF, KAB)


def test_a_day_may_be_as_fuzzy_as_it_was_said() -> None:
    due = {"from": "2010-04-01", "to": "2010-06-30", "text": "inden sommerferien"}
    record = a_followup(due=due)
    assert record.due.text == record.first_due.text == "inden sommerferien"
    assert REGISTER.day(record) == "2010-06-30"


def test_every_fault_of_a_follow_up_is_told_at_once() -> None:
    told = agreeing(
        owner="Ingen",
        concerns=[KAB.name, "several"],
        contact=MISSING,
        meeting=MISSING,
        commitment=MISSING,
        occurred=FUTURE,
    )
    about(None).when(opening(followups.agree, told)).refused(
        faults(
            ("/owner", "unknown_party"),
            ("/concerns/1", "ambiguous_party"),
            ("/occurred", "occurred_in_future"),
            ("/contact", "record_unknown"),
            ("/meeting", "record_unknown"),
            ("/commitment", "record_unknown"),
        )
    )


def test_what_it_comes_from_is_looked_up() -> None:
    told = agreeing(contact=ORIGIN, commitment=MISSING)
    assert list(REGISTER.open.records(told)) == [("contact", ORIGIN), ("commitment", MISSING)]
    assert list(REGISTER.open.records(agreeing())) == []


@pytest.mark.parametrize("noun", followups.ORIGINS)
def test_it_comes_from_a_contact_a_meeting_or_a_commitment(noun: str) -> None:
    assert getattr(a_followup(**{noun: ORIGIN}), noun) == ORIGIN


# ── another day, another owner ───────────────────────────────────────────────────────────────────


def test_another_day_needs_a_reason_and_nobodys_consent() -> None:
    about(a_followup()).when(moving("2010-03")).then(
        FollowUpRescheduled(
            followup_id=RECORD,
            version=2,
            occurred=TODAY,
            due=on("2010-03"),
            text=FollowUpWords(reason="ferie"),
        )
    )
    with pytest.raises(ValidationError):
        asking(RescheduleFollowUp, due="2010-03")


def test_one_without_a_day_may_be_given_one() -> None:
    record = a_followup(moving("2010-03"), due=None)
    assert (record.due, record.first_due, record.counting_due) == (on("2010-03"), None, record.due)


def test_the_same_day_is_no_other_day() -> None:
    about(a_followup()).when(moving("2010-02-28")).refused(refused("nothing_changed"))


def test_a_day_set_when_the_one_before_was_over_does_not_make_it_in_time() -> None:
    moved = moving("2010-03-31", occurred="2010-02-21")
    record = a_followup(moved, due="2010-02-20")
    assert (record.due, record.counting_due) == (on("2010-03-31"), on("2010-02-20"))
    assert a_followup(moved, doing(), due="2010-02-20").late
    assert not a_followup(moving("2010-03", occurred=DAY), doing(), due=DAY).late


def test_another_owner_has_it_and_the_one_before_goes_on_seeing_it() -> None:
    about(a_followup()).when(handing(SOF.name)).then(
        FollowUpHanded(
            followup_id=RECORD,
            version=2,
            occurred=TODAY,
            owner=SOF,
            text=FollowUpWords(reason="deres sag"),
        )
    )
    record = a_followup(handing(SOF.name), handing(AAB.name))
    assert (record.owner, record.earlier_owners) == (AAB, (TMF, SOF))
    assert list(REGISTER.parties(record)) == [AAB, TMF, SOF, KAB]
    assert record.due == record.counting_due == on("2010-02")


def test_who_gets_it_back_is_no_earlier_owner() -> None:
    record = a_followup(handing(SOF.name), handing(TMF.name))
    assert (record.owner, record.earlier_owners) == (TMF, (SOF,))


def test_its_owner_cannot_be_handed_it() -> None:
    about(a_followup()).when(handing(TMF.name)).refused(refused("nothing_changed"))
    about(a_followup()).when(handing("several")).refused(refused("ambiguous_party", "/owner"))


# ── done, dropped ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["contact", "document", "meeting"])
def test_it_is_done_and_one_may_say_by_what_one_can_see_it(kind: str) -> None:
    about(a_followup()).when(doing(evidence_kind=kind, evidence=ORIGIN, note="ringet")).then(
        FollowUpDone.model_validate(
            {
                "followup_id": RECORD,
                "version": 2,
                "occurred": TODAY,
                "evidence_kind": kind,
                "evidence": ORIGIN,
                "late": False,
                "text": FollowUpWords(reason="ringet"),
            }
        )
    )


def test_it_is_done_also_without_evidence_or_a_word() -> None:
    record = a_followup(doing())
    assert (record.status, record.done, record.evidence, record.late) == (DONE, TODAY, None, False)


@pytest.mark.parametrize("half", [{"evidence": ORIGIN}, {"evidence_kind": "contact"}])
def test_evidence_has_a_kind_and_a_kind_has_evidence(half: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="or neither"):
        asking(CompleteFollowUp, **half)


def test_evidence_must_be_there_and_the_time_past() -> None:
    told = doing(evidence_kind="document", evidence=MISSING, occurred=FUTURE)
    about(a_followup()).when(told).refused(
        faults(("/occurred", "occurred_in_future"), ("/evidence", "record_unknown"))
    )
    rule = REGISTER.steps["completion"]
    named = asking(CompleteFollowUp, evidence_kind="document", evidence=ORIGIN)
    assert list(rule.records(named)) == [("document", ORIGIN)]
    assert list(rule.records(asking(CompleteFollowUp))) == []


def test_what_is_done_after_its_day_is_late() -> None:
    assert a_followup(doing(), due="2010-02-22").late
    assert not a_followup(doing(), due=DAY).late


def test_done_in_time_but_written_down_after_the_policy_is_not_overdue() -> None:
    in_time = a_followup(policy("2010-02-22"), doing(occurred="2010-02-20"), due="2010-02-21")
    assert (in_time.status, in_time.late, in_time.overdue) == (DONE, False, False)
    late = a_followup(policy("2010-02-22"), doing(), due="2010-02-21")
    assert (late.late, late.overdue) == (True, True)


def test_it_is_dropped_for_a_reason() -> None:
    about(a_followup()).when(dropping()).then(
        FollowUpDropped(
            followup_id=RECORD,
            version=2,
            occurred=TODAY,
            text=FollowUpWords(reason="sagen er trukket"),
        )
    )
    record = a_followup(dropping())
    assert (record.status, record.dropped) == (DROPPED, TODAY)
    with pytest.raises(ValidationError):
        asking(DropFollowUp)


@pytest.mark.parametrize(
    "told",
    [dropping(occurred=FUTURE), handing(SOF.name, occurred=FUTURE)],
    ids=["dropped", "handed"],
)
def test_what_is_yet_to_come_did_not_happen(told: Any) -> None:
    about(a_followup()).when(told).refused(refused("occurred_in_future", "/occurred"))


@pytest.mark.parametrize("end", [doing(), dropping()], ids=["done", "dropped"])
@steps_of_all
def test_what_has_ended_goes_no_further(end: Any, then: Any) -> None:
    about(a_followup(end)).when(then).refused(refused("wrong_status"))


@steps_of_all
def test_what_is_overdue_goes_on(then: Any) -> None:
    record = a_followup(policy("2010-02-22"), due="2010-02-21")
    assert record.status == OVERDUE
    assert len(about(record).when(then).events) == 1


@steps_of_all
def test_without_a_follow_up_there_is_no_step(then: Any) -> None:
    about(None).when(then).refused(Refusal(Unknown, "record_not_found"))


# ── what the policy says ─────────────────────────────────────────────────────────────────────────


def test_one_is_reminded_once_and_told_once_when_it_is_overdue() -> None:
    record = a_followup(due="2010-03-12")
    assert REGISTER.due(record) == "2010-03-04"
    about(record).when(policy("2010-03-05")).then(
        FollowUpDueSoon(followup_id=RECORD, version=2, due="2010-03-12")
    )
    reminded = a_followup(policy("2010-03-05"), due="2010-03-12")
    assert (reminded.status, reminded.reminded, reminded.overdue) == (OPEN, "2010-03-12", False)
    assert followups.watch(reminded, "2010-03-12") == []
    about(reminded).when(policy("2010-03-13")).then(
        FollowUpOverdue(followup_id=RECORD, version=3, due="2010-03-12")
    )
    overdue = a_followup(policy("2010-03-05"), policy("2010-03-13"), due="2010-03-12")
    assert (overdue.status, overdue.overdue, REGISTER.due(overdue)) == (OVERDUE, True, None)
    assert followups.watch(overdue, "2010-03-14") == []


def test_what_is_past_already_is_overdue_and_no_more() -> None:
    (only,) = followups.watch(a_followup(due="2010-02-20"), DAY)
    assert isinstance(only, FollowUpOverdue)


def test_handing_it_on_reminds_nobody_again() -> None:
    record = a_followup(policy("2010-02-27"), handing(SOF.name), due="2010-02-28")
    assert record.reminded == "2010-02-28"
    assert followups.watch(record, "2010-02-28") == []


def test_what_was_overdue_gets_another_day_and_is_reminded_of_anew() -> None:
    record = a_followup(policy("2010-02-22"), moving("2010-03-31"), due="2010-02-21")
    assert (record.status, record.overdue, record.reminded) == (OPEN, True, None)
    assert isinstance(followups.watch(record, "2010-03-24")[0], FollowUpDueSoon)


def test_from_the_day_after_its_last_one_it_is_overdue() -> None:
    (event,) = followups.watch(a_followup(due="2010-02-20"), DAY)
    assert REGISTER.effect(None, event) == "2010-02-21"
    (reminder,) = followups.watch(a_followup(due="2010-02-24"), DAY)
    assert REGISTER.effect(None, reminder) is None


# ── how it is found ──────────────────────────────────────────────────────────────────────────────


def test_it_is_found_by_its_parties_and_by_what_it_comes_from() -> None:
    everything: Any = dict.fromkeys(followups.ORIGINS, ORIGIN)
    (event,) = agreed(topics=["tag"], concerns=[KAB.name, TMF.name], **everything)(None)
    assert tags_of(event) == [
        f"followup:{RECORD}",
        f"party:{TMF.id}",
        f"party:{KAB.id}",
        f"agreed_in_contact:{ORIGIN}",
        f"agreed_in_meeting:{ORIGIN}",
        f"agreed_in_commitment:{ORIGIN}",
    ]
    (handed,) = handing(SOF.name)(a_followup())
    assert tags_of(handed)[1:] == [f"party:{SOF.id}"]
    (done,) = doing(evidence_kind="document", evidence=ORIGIN)(a_followup())
    assert tags_of(done)[1:] == [f"evidence_document:{ORIGIN}"]
    assert tags_of(*doing()(a_followup())) == [f"followup:{RECORD}"]
    record = a_followup(topics=["tag"], **everything)
    assert dict(REGISTER.terms(record)) == {
        "status": "open",
        "reminded": "no",
        "owner": TMF.id,
        "concerns": KAB.id,
        "topic": "tag",
        **everything,
    }


def test_what_was_reminded_of_and_still_stands_open_is_found() -> None:
    def found(*steps: Any, **more: Any) -> str | None:
        return dict(REGISTER.terms(a_followup(*steps, **more))).get("reminded")

    soon, passed = policy("2010-02-28"), policy("2010-03-01")
    assert found(soon) == found(soon, handing(SOF.name)) == "yes"
    assert found() == found(soon, moving("2010-04")) == "no"
    assert found(soon, passed) is found(soon, doing()) is found(due=None) is None


def test_words_that_were_erased_leave_the_follow_up_standing() -> None:
    (event,) = agreed()(None)
    record = evolve(None, event.model_copy(update={"text": None}))
    assert (record.what, record.internal, record.status) == (None, None, OPEN)


def test_people_outside_see_nothing_that_is_for_us_alone() -> None:
    ours = {"internal", "contact", "commitment", "evidence", "evidence_kind", "source"}
    ours |= {"earlier_owners", "remind_days", "reminded"}
    always = {"id", "version", "status", "confidentiality"}
    assert set(FollowUp.model_fields) - ours - always == REGISTER.outside


# ── against a model ──────────────────────────────────────────────────────────────────────────────


@dataclass
class Errand:
    """What is true of a follow-up, told from nothing but the steps that were taken."""

    due: int | None
    ahead: int
    steps: list[tuple[str, int, int]] = field(default_factory=list)

    def last(self, *kinds: str) -> tuple[str, int, int] | None:
        return next((each for each in self.steps[::-1] if each[0] in kinds), None)

    def days(self) -> list[tuple[int, int]]:
        return [(at, due) for kind, at, due in self.steps if kind == "move"]

    def current(self) -> int | None:
        return self.days()[-1][1] if self.days() else self.due

    def counting(self) -> int | None:
        due = self.due
        for at, new in self.days():
            due = new if due is None or at <= due else due
        return due

    def status(self) -> str:
        if ended := self.last("do", "drop"):
            return {"do": DONE, "drop": DROPPED}[ended[0]]
        decisive = self.last("overdue", "move")
        return OVERDUE if decisive and decisive[0] == "overdue" else OPEN

    def owner(self) -> int:
        """The number of the owner, in the order of `OWNERS`; the first agreed to it."""
        handed = self.last("hand")
        return handed[2] % len(OWNERS) if handed else 0

    def reminded(self) -> bool:
        told = self.last("soon", "move")
        return told is not None and told[0] == "soon"

    def late(self) -> bool:
        done, counting = self.last("do"), self.counting()
        return done is not None and counting is not None and done[1] > counting

    def said(self, at: int) -> str:
        """What the policy says on a day, "" when nothing."""
        current = self.current()
        if self.status() != OPEN or current is None:
            return ""
        if at > current:
            return "overdue"
        near = self.ahead > 0 and at >= current - self.ahead
        return "soon" if near and not self.reminded() else ""

    def take(self, kind: str, at: int, number: int) -> str | None:
        """The code of the refusal, None when it is taken; "" when nothing comes of it."""
        if kind == "policy":
            kind = self.said(at)
            if not kind:
                return ""
        elif self.status() in {DONE, DROPPED}:
            return "wrong_status"
        elif (kind == "move" and number == self.current()) or (
            kind == "hand" and number % len(OWNERS) == self.owner()
        ):
            return "nothing_changed"
        self.steps.append((kind, at, number))
        return None


OWNERS = (TMF, SOF, AAB)
SAID = {"soon": FollowUpDueSoon, "overdue": FollowUpOverdue}


def day(number: int) -> str:
    return f"2010-01-{number:02d}"


def do(kind: str, at: int, number: int) -> Any:
    match kind:
        case "policy":
            return policy(day(at))
        case "do":
            return doing(occurred=day(at))
        case "drop":
            return dropping(occurred=day(at))
        case "hand":
            return handing(OWNERS[number % len(OWNERS)].name, occurred=day(at))
        case _:
            return moving(day(number), occurred=day(at))


GOING = st.sampled_from(["policy", "policy", "policy", "move", "move", "hand"])
STEPS = st.tuples(GOING | st.sampled_from(["do", "drop"]), *[st.integers(1, 6)] * 2)


@settings(max_examples=150, deadline=None)
@for_all(
    first=st.none() | st.integers(1, 6),
    ahead=st.integers(0, 3),
    steps=st.lists(STEPS, min_size=4, max_size=12),
)
def test_the_machine_does_what_the_model_says(
    first: int | None, ahead: int, steps: list[tuple[str, int, int]]
) -> None:
    model = Errand(first, ahead)
    due = day(first) if first else None
    record: FollowUp = a_followup(due=due, occurred=day(1), remind_days=ahead)
    for each in steps:
        code, decided = model.take(*each), about(record).when(do(*each))
        found = decided.error.code if decided.error else None
        assert found == (code or None)
        assert len(decided.events) == (1 if code is None else 0)
        for event in decided.events:
            record = evolve(record, event)  # type: ignore[arg-type]
        agrees(record, model)


def agrees(record: FollowUp, model: Errand) -> None:
    assert record.version == 1 + len(model.steps)
    assert (record.status, record.rescheduled) == (model.status(), len(model.days()))
    assert (record.owner, record.late) == (OWNERS[model.owner()], model.late())
    days = (record.first_due, record.due, record.counting_due)
    told = [each and each.last_day for each in days]
    assert told == [n and day(n) for n in (model.due, model.current(), model.counting())]
    assert record.reminded == (told[1] if model.reminded() else None)
    assert record.overdue or record.status != OVERDUE
    for number in range(1, 10):
        events = followups.watch(record, day(number))
        assert [type(e) for e in events] == [SAID[word] for word in [model.said(number)] if word]
        quiet = REGISTER.due(record)
        assert bool(events) == (quiet is not None and quiet < day(number))
