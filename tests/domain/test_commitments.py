"""Commitments: who may promise, move, keep and let go, and what counts as kept in time (K11)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain import commitments
from domain.commitments import (
    BROKEN,
    FULFILLED,
    OPEN,
    RELEASED,
    Commitment,
    CommitmentBroken,
    CommitmentDueSoon,
    CommitmentFulfilled,
    CommitmentMade,
    CommitmentReleased,
    CommitmentRescheduled,
    CommitmentText,
    CommitmentWords,
    FulfilCommitment,
    MakeCommitment,
    ReleaseCommitment,
    RescheduleCommitment,
    evolve,
    tags_of,
)
from domain.errors import Unknown
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

EVIDENCE = an_id(900)
THERE: dict[Any, Any] = {(noun, EVIDENCE): object() for noun in ("contact", "document", "meeting")}
BOTH = [TMF.name, KAB.name]
REGISTER = REGISTERS["commitments"]


def on(text: str) -> Occurred:
    return OccurredGiven.model_validate(text).resolve(COPENHAGEN)


def promising(**more: Any) -> Any:
    body = {"by": TMF.name, "to": [KAB.name], "promised": "Svar", "due": "2010-02"}
    return asking(MakeCommitment, **body | more)


def moving(due: str, **more: Any) -> Any:
    body: dict[str, Any] = {"due": due, "agreed_by": BOTH, "reason": "ferie"}
    return step(commitments.reschedule, asking(RescheduleCommitment, **body | more))


def keeping(**more: Any) -> Any:
    body = {"evidence_kind": "contact", "evidence": EVIDENCE}
    return step(commitments.fulfil, asking(FulfilCommitment, **body | more), told_to(THERE))


def letting_go(*who: str, **more: Any) -> Any:
    command = asking(ReleaseCommitment, released_by=list(who), reason="ikke nødvendigt", **more)
    return step(commitments.release, command)


def made(**more: Any) -> Any:
    return opening(commitments.make, promising(**more), told_to(THERE))


def policy(today: str) -> Any:
    return lambda record: commitments.watch(record, today)


def a_commitment(*steps: Any, **more: Any) -> Any:
    return after(evolve, made(**more), *steps)


STEPPING = [keeping(), letting_go(KAB.name), moving("2010-04")]


# ── making ───────────────────────────────────────────────────────────────────────────────────────


def test_a_promise_is_written_down_with_its_day_as_it_was_said() -> None:
    told = promising(internal="kun for os", topics=["tag", "tag"], contact=EVIDENCE)
    about(None).when(opening(commitments.make, told, told_to(THERE))).then(
        CommitmentMade(
            commitment_id=RECORD,
            by=TMF,
            to=(KAB,),
            text=CommitmentText(promised="Svar", internal="kun for os"),
            due=on("2010-02"),
            occurred=TODAY,
            contact=EVIDENCE,
            topics=("tag",),
            confidentiality=Confidentiality.INTERNAL,
        )
    )


def test_r11_words_of_an_expectation_stand_as_they_were_said() -> None:
    due = {"from": "2010-04-01", "to": "2010-06-30", "text": "inden sommerferien"}
    record = a_commitment(due=due)
    assert record.due.text == record.first_due.text == "inden sommerferien"
    assert record.due.last_day == "2010-06-30"


def test_a_promise_needs_no_day_and_is_then_never_late_nor_broken() -> None:
    record = a_commitment(due=None)
    assert commitments.watch(record, "2030-01-01") == []
    assert a_commitment(keeping(), due=None).late is False
    assert REGISTER.due(record) is None


def test_every_fault_of_a_promise_is_told_at_once() -> None:
    told = promising(
        by="Ingen", to=[KAB.name, "several"], contact=MISSING, meeting=MISSING, occurred=FUTURE
    )
    about(None).when(opening(commitments.make, told)).refused(
        faults(
            ("/by", "unknown_party"),
            ("/to/1", "ambiguous_party"),
            ("/occurred", "occurred_in_future"),
            ("/contact", "record_unknown"),
            ("/meeting", "record_unknown"),
        )
    )


def test_nobody_promises_to_itself() -> None:
    about(None).when(made(to=[KAB.name, TMF.name])).refused(refused("promise_to_itself", "/to"))


def test_what_a_promise_was_made_in_is_looked_up() -> None:
    told = promising(contact=EVIDENCE, meeting=MISSING)
    named = list(REGISTER.open.records(told))
    assert named == [("contact", EVIDENCE), ("meeting", MISSING)]
    assert list(REGISTER.open.records(promising())) == []


# ── another day ──────────────────────────────────────────────────────────────────────────────────


def test_another_day_is_agreed_by_both_sides() -> None:
    about(a_commitment()).when(moving("2010-03")).then(
        CommitmentRescheduled(
            commitment_id=RECORD,
            version=2,
            occurred=TODAY,
            due=on("2010-03"),
            agreed_by=(TMF, KAB),
            text=CommitmentWords(reason="ferie"),
        )
    )


def test_each_whose_consent_is_missing_is_named() -> None:
    record = a_commitment(to=[KAB.name, AAB.name])
    about(record).when(moving("2010-03", agreed_by=[SOF.name], occurred=FUTURE)).refused(
        faults(
            ("/agreed_by", "consent_missing"),
            ("/agreed_by", "consent_missing"),
            ("/agreed_by", "consent_missing"),
            ("/occurred", "occurred_in_future"),
        )
    )
    about(record).when(moving("2010-03", agreed_by=BOTH)).refused(
        refused("consent_missing", "/agreed_by")
    )


def test_an_agreement_yet_to_come_is_none() -> None:
    about(a_commitment()).when(moving("2010-03", occurred=FUTURE)).refused(
        refused("occurred_in_future", "/occurred")
    )


def test_the_same_day_is_no_other_day() -> None:
    about(a_commitment()).when(moving("2010-02-28")).refused(refused("nothing_changed"))


def test_k11_a_day_agreed_in_time_counts() -> None:
    record = a_commitment(moving("2010-03", occurred="2010-02-23"), due="2010-02-23")
    assert record.counting_due == record.due == on("2010-03")
    assert record.first_due == on("2010-02-23")
    assert record.rescheduled == 1


@pytest.mark.parametrize("agreed", ["2010-02-21", "2010-02"])
def test_k11_a_day_agreed_too_late_or_perhaps_too_late_does_not_count(agreed: str) -> None:
    """The record stays late: the day that counts is the last one agreed in time."""
    due = "2010-02-20"
    told = told_to(now=datetime(2010, 3, 15, tzinfo=UTC))
    command = asking(
        RescheduleCommitment, due="2010-03-31", agreed_by=BOTH, reason="f", occurred=agreed
    )
    record = a_commitment(step(commitments.reschedule, command, told), due=due)
    assert (record.due, record.counting_due) == (on("2010-03-31"), on(due))
    assert a_commitment(step(commitments.reschedule, command, told), keeping(), due=due).late


def test_k11_a_second_day_does_not_mend_what_was_late() -> None:
    record = a_commitment(moving("2010-02-22", occurred="2010-02-21"), moving("2010-03"), due=None)
    assert record.counting_due == on("2010-02-22")
    assert record.rescheduled == 2


def test_a_broken_promise_gets_another_day_and_stays_broken() -> None:
    record = a_commitment(policy("2010-02-22"), moving("2010-03"), due="2010-02-21")
    assert (record.status, record.broken, record.counting_due) == (OPEN, True, on("2010-02-21"))


def test_a_day_agreed_in_time_but_written_down_late_unmakes_the_break() -> None:
    agreed = moving("2010-03", occurred="2010-02-20")
    record = a_commitment(policy("2010-02-22"), agreed, due="2010-02-21")
    assert (record.status, record.broken, record.counting_due) == (OPEN, False, on("2010-03"))
    assert commitments.watch(record, "2010-04-01")[0].due == "2010-03-31"


# ── kept, let go, broken ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["contact", "document", "meeting"])
def test_a_promise_is_kept_by_what_one_can_see(kind: str) -> None:
    about(a_commitment()).when(keeping(evidence_kind=kind, note="sendt")).then(
        CommitmentFulfilled.model_validate(
            {
                "commitment_id": RECORD,
                "version": 2,
                "occurred": TODAY,
                "evidence_kind": kind,
                "evidence": EVIDENCE,
                "late": False,
                "text": CommitmentWords(reason="sendt"),
            }
        )
    )


def test_evidence_of_a_kind_that_cannot_be_looked_up_is_not_asked_for() -> None:
    with pytest.raises(ValidationError):
        asking(FulfilCommitment, evidence_kind="event", evidence=EVIDENCE)


def test_evidence_must_be_there_and_the_time_past() -> None:
    about(a_commitment()).when(keeping(evidence=MISSING, occurred=FUTURE)).refused(
        faults(("/occurred", "occurred_in_future"), ("/evidence", "record_unknown"))
    )
    assert list(
        REGISTER.steps["fulfilment"].records(
            asking(FulfilCommitment, evidence_kind="document", evidence=EVIDENCE)
        )
    ) == [("document", EVIDENCE)]


def test_what_is_kept_after_its_day_is_late() -> None:
    record = a_commitment(keeping(), due="2010-02-22")
    assert (record.status, record.late, record.fulfilled) == (FULFILLED, True, TODAY)
    assert not a_commitment(keeping(), due=DAY).late


def test_kept_in_time_but_written_down_after_the_policy_is_not_broken() -> None:
    record = a_commitment(policy("2010-02-22"), keeping(occurred="2010-02-20"), due="2010-02-21")
    assert (record.late, record.broken) == (False, False)
    late = a_commitment(policy("2010-02-22"), keeping(), due="2010-02-21")
    assert (late.late, late.broken) == (True, True)


def test_all_whom_it_was_made_to_let_go() -> None:
    about(a_commitment()).when(letting_go(KAB.name)).then(
        CommitmentReleased(
            commitment_id=RECORD,
            version=2,
            occurred=TODAY,
            released_by=(KAB,),
            text=CommitmentWords(reason="ikke nødvendigt"),
        )
    )


def test_some_of_them_cannot_let_go_for_all() -> None:
    record = a_commitment(to=[KAB.name, AAB.name])
    about(record).when(letting_go(KAB.name, TMF.name)).refused(
        refused("consent_missing", "/released_by")
    )
    about(record).when(letting_go("Ingen", occurred=FUTURE)).refused(
        faults(
            ("/released_by/0", "unknown_party"),
            ("/released_by", "consent_missing"),
            ("/released_by", "consent_missing"),
            ("/occurred", "occurred_in_future"),
        )
    )


def test_a_promise_is_broken_when_its_last_day_has_passed() -> None:
    record = a_commitment(due="2010-02", remind_days=0)
    assert commitments.watch(record, "2010-02-28") == []
    about(record).when(policy("2010-03-01")).then(
        CommitmentBroken(commitment_id=RECORD, version=2, due="2010-02-28")
    )
    broken = a_commitment(policy("2010-03-01"))
    assert (broken.status, broken.broken) == (BROKEN, True)
    assert commitments.watch(broken, "2010-03-02") == []
    assert (REGISTER.due(record), REGISTER.due(broken)) == ("2010-02-28", None)


# ── reminders ────────────────────────────────────────────────────────────────────────────────────


def test_one_is_reminded_a_week_ahead_once_and_told_when_the_day_has_passed() -> None:
    record = a_commitment(due="2010-03")
    assert (record.remind_days, REGISTER.due(record)) == (7, "2010-03-23")
    assert commitments.watch(record, "2010-03-23") == []
    about(record).when(policy("2010-03-24")).then(
        CommitmentDueSoon(commitment_id=RECORD, version=2, due="2010-03-31")
    )
    reminded = a_commitment(policy("2010-03-24"), due="2010-03")
    assert (reminded.status, reminded.reminded) == (OPEN, "2010-03-31")
    assert REGISTER.due(reminded) == "2010-03-31"
    assert commitments.watch(reminded, "2010-03-31") == []
    about(reminded).when(policy("2010-04-01")).then(
        CommitmentBroken(commitment_id=RECORD, version=3, due="2010-03-31")
    )


def test_one_is_reminded_as_early_as_one_asked() -> None:
    early, never = (a_commitment(due="2010-12-31", remind_days=days) for days in (300, 0))
    assert (REGISTER.due(early), REGISTER.due(never)) == ("2010-03-05", "2010-12-31")
    assert commitments.watch(early, "2010-03-06")[0].due == "2010-12-31"
    assert commitments.watch(never, "2010-12-31") == []


def test_a_promise_of_an_old_log_is_reminded_of_as_one_that_says_nothing() -> None:
    (event,) = made()(None)
    told = event.model_dump(mode="json", by_alias=True)
    del told["remind_days"]
    assert evolve(None, CommitmentMade.model_validate(told, strict=False)).remind_days == 7


def test_a_promise_made_close_to_its_day_is_reminded_of_at_once() -> None:
    record = a_commitment(due="2010-02-24")
    assert isinstance(commitments.watch(record, DAY)[0], CommitmentDueSoon)


def test_what_is_past_already_is_broken_and_no_more() -> None:
    record = a_commitment(due="2010-02-20")
    (only,) = commitments.watch(record, DAY)
    assert isinstance(only, CommitmentBroken)


def test_from_the_day_after_its_last_one_it_is_broken() -> None:
    (broken,) = commitments.watch(a_commitment(due="2010-02-20"), DAY)
    assert REGISTER.effect(None, broken) == "2010-02-21"
    (reminder,) = commitments.watch(a_commitment(due="2010-02-24"), DAY)
    assert REGISTER.effect(None, reminder) is None


def test_a_new_day_is_reminded_of_anew_also_when_it_is_one_of_before() -> None:
    told = (policy("2010-02-27"), moving("2010-04"), moving("2010-02-28"))
    record = a_commitment(*told, due="2010-02-28")
    assert record.reminded is None
    assert isinstance(commitments.watch(record, "2010-02-27")[0], CommitmentDueSoon)


def test_nobody_is_reminded_of_what_has_ended() -> None:
    for end in (keeping(), letting_go(KAB.name)):
        record = a_commitment(policy("2010-02-24"), end, due="2010-02-28")
        assert (REGISTER.due(record), record.reminded) == (None, "2010-02-28")
        assert commitments.watch(record, "2010-03-01") == []


def test_what_was_reminded_of_and_still_stands_open_is_found() -> None:
    def found(*steps: Any, **more: Any) -> str | None:
        return dict(REGISTER.terms(a_commitment(*steps, **more))).get("reminded")

    soon, passed = policy("2010-02-28"), policy("2010-03-01")
    assert found(soon) == "yes"
    assert found() == found(soon, moving("2010-04")) == "no"
    assert found(soon, passed) is found(soon, keeping()) is found(due=None) is None


@pytest.mark.parametrize("end", [keeping(), letting_go(KAB.name)], ids=["kept", "released"])
@pytest.mark.parametrize("then", STEPPING, ids=["keep", "release", "move"])
def test_what_has_ended_goes_no_further(end: Any, then: Any) -> None:
    about(a_commitment(end)).when(then).refused(refused("wrong_status"))


@pytest.mark.parametrize("then", STEPPING, ids=["keep", "release", "move"])
def test_without_a_promise_there_is_no_step(then: Any) -> None:
    about(None).when(then).refused(Refusal(Unknown, "record_not_found"))


def test_it_is_found_by_its_parties_and_by_what_it_was_made_in() -> None:
    (event,) = made(contact=EVIDENCE, meeting=EVIDENCE, topics=["tag"])(None)
    assert tags_of(event) == [
        f"commitment:{RECORD}",
        f"party:{TMF.id}",
        f"party:{KAB.id}",
        f"made_in_contact:{EVIDENCE}",
        f"made_in_meeting:{EVIDENCE}",
    ]
    (bare,) = made()(None)
    assert tags_of(bare) == [f"commitment:{RECORD}", f"party:{TMF.id}", f"party:{KAB.id}"]
    (kept,) = keeping()(a_commitment())
    assert tags_of(kept)[1:] == [f"evidence_contact:{EVIDENCE}"]
    (moved,) = moving("2010-04")(a_commitment())
    assert tags_of(moved) == [f"commitment:{RECORD}"]
    record = a_commitment(contact=EVIDENCE, meeting=EVIDENCE, topics=["tag"])
    assert dict(REGISTER.terms(record)) == {
        "status": "open",
        "reminded": "no",
        "by": TMF.id,
        "to": KAB.id,
        "topic": "tag",
        "contact": EVIDENCE,
        "meeting": EVIDENCE,
    }
    bare_record = a_commitment(due=None)
    assert dict(REGISTER.terms(bare_record)).keys() == {"status", "by", "to"}


def test_words_that_were_erased_leave_the_promise_standing() -> None:
    (event,) = made()(None)
    record = evolve(None, event.model_copy(update={"text": None}))
    assert (record.promised, record.internal, record.status) == (None, None, OPEN)


# ── against a model ──────────────────────────────────────────────────────────────────────────────


@dataclass
class Promise:
    """What is true of a promise, told from nothing but the steps that were taken."""

    due: int | None
    ahead: int
    steps: list[tuple[str, int, int]] = field(default_factory=list)

    def ended(self) -> str | None:
        ends = [kind for kind, _, _ in self.steps if kind in {"fulfil", "release"}]
        return ends[0] if ends else None

    def days(self) -> list[tuple[int, int]]:
        return [(at, due) for kind, at, due in self.steps if kind == "reschedule"]

    def current(self) -> int | None:
        return self.days()[-1][1] if self.days() else self.due

    def counting(self) -> int | None:
        due = self.due
        for at, new in self.days():
            due = new if due is None or at <= due else due
        return due

    def status(self) -> str:
        ended = self.ended()
        if ended is not None:
            return {"fulfil": FULFILLED, "release": RELEASED}[ended]
        return BROKEN if self.steps and self.steps[-1][0] == "broken" else OPEN

    def reminded(self) -> bool:
        kinds = [kind for kind, _, _ in self.steps]
        since = len(kinds) - kinds[::-1].index("reschedule") if "reschedule" in kinds else 0
        return "soon" in kinds[since:]

    def said(self, at: int) -> str:
        """What the policy says on a day, "" when nothing."""
        current = self.current()
        if self.status() != OPEN or current is None:
            return ""
        if at > current:
            return "broken"
        near = self.ahead > 0 and at >= current - self.ahead
        return "soon" if near and not self.reminded() else ""

    def late(self) -> bool:
        kept = [at for kind, at, _ in self.steps if kind == "fulfil"]
        counting = self.counting()
        return bool(kept) and counting is not None and kept[0] > counting

    def take(self, kind: str, at: int, due: int) -> str | None:
        """The code of the refusal, None when it is taken; "" when nothing comes of it."""
        if kind == "policy":
            kind = self.said(at)
            if not kind:
                return ""
        elif self.ended() is not None:
            return "wrong_status"
        elif kind == "reschedule" and due == self.current():
            return "nothing_changed"
        elif kind in {"alone", "some"}:
            return "consent_missing"
        self.steps.append((kind, at, due))
        return None


def day(number: int) -> str:
    return f"2010-01-{number:02d}"


def do(kind: str, at: int, due: int) -> Any:
    who = {"alone": [TMF.name], "some": [KAB.name]}.get(kind, [TMF.name, KAB.name, AAB.name])
    match kind:
        case "policy":
            return policy(day(at))
        case "fulfil":
            return keeping(occurred=day(at))
        case "release" | "some":
            return letting_go(*who, occurred=day(at))
        case _:
            return moving(day(due), agreed_by=who, occurred=day(at))


SAID = {"soon": CommitmentDueSoon, "broken": CommitmentBroken}
KINDS = st.sampled_from(["policy", "policy", "reschedule", "reschedule", "alone", "some"])
STEPS = st.tuples(KINDS | st.sampled_from(["fulfil", "release"]), *[st.integers(1, 6)] * 2)


@settings(max_examples=150, deadline=None)
@for_all(
    first=st.none() | st.integers(1, 6),
    ahead=st.integers(0, 3),
    steps=st.lists(STEPS, min_size=4, max_size=12),
)
def test_the_machine_does_what_the_model_says(
    first: int | None, ahead: int, steps: list[tuple[str, int, int]]
) -> None:
    model = Promise(first, ahead)
    record: Commitment = a_commitment(
        to=[KAB.name, AAB.name],
        due=day(first) if first else None,
        occurred=day(1),
        remind_days=ahead,
    )
    for each in steps:
        code, decided = model.take(*each), about(record).when(do(*each))
        found = decided.error.code if decided.error else None
        assert found == (code or None)
        assert len(decided.events) == (1 if code is None else 0)
        for event in decided.events:
            record = evolve(record, event)  # type: ignore[arg-type]
        assert record.version == 1 + len(model.steps)
        assert record.status == model.status()
        assert record.rescheduled == len(model.days())
        days = (record.first_due, record.due, record.counting_due)
        told = [each and each.last_day for each in days]
        assert told == [n and day(n) for n in (first, model.current(), model.counting())]
        assert record.late == model.late()
        assert record.reminded == (record.due and record.due.last_day if model.reminded() else None)
        for number in range(1, 10):
            events = commitments.watch(record, day(number))
            assert [type(e) for e in events] == [SAID[w] for w in [model.said(number)] if w]
            quiet = REGISTER.due(record)
            assert bool(events) == (quiet is not None and quiet < day(number))
        assert record.broken or record.status != BROKEN
