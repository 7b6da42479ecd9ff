"""Commitments (tilsagn): who promised what to whom by when, and what became of it.

A commitment is rescheduled only with the consent of both sides, fulfilled only with evidence, and
broken by nobody's hand: the policy says so when its day has passed, and before that it reminds of
the day. A day agreed on after the day before it was over is the new due day, but does not make it
in time. domain.md 1.8 G, 4.2, 5.2 K11.
"""

from typing import Annotated, Any, Final, Literal, assert_never

from pydantic import Field

from domain.due_days import REMIND_DAYS, RemindDays, counts, finding, late, silent_until
from domain.errors import Broken, Refused
from domain.records import NOBODY, Check, Known, Record, StepGiven, StepTaken, standing
from domain.values import (
    LIST_ITEMS_MAX,
    PARTIES_MAX,
    Confidentiality,
    Name,
    Number,
    Occurred,
    OccurredGiven,
    PartyRef,
    Reason,
    Source,
    Text,
    UuidText,
    Value,
)

EvidenceKind = Literal["contact", "document", "meeting"]
OPEN: Final = "open"
FULFILLED: Final = "fulfilled"
BROKEN: Final = "broken"
RELEASED: Final = "released"


class MakeCommitment(Value):
    """Write down that somebody promised something (registrér tilsagn).

    `due` may be as fuzzy as it was said ("inden sommerferien"): its last day counts. One is
    reminded of it `remind_days` before, 0 for not at all.
    """

    id: UuidText | None = None
    by: Name = Field(examples=["TMF"])
    to: Annotated[tuple[Name, ...], Field(min_length=1, max_length=PARTIES_MAX)] = Field(
        examples=[["KAB"]]
    )
    promised: Text = Field(examples=["Svar på ansøgningen om renovering"])
    internal: Reason | None = None
    due: OccurredGiven | None = Field(default=None, examples=["2010-06"])
    occurred: OccurredGiven | None = None
    contact: UuidText | None = None
    meeting: UuidText | None = None
    topics: Annotated[tuple[Number, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    remind_days: RemindDays = REMIND_DAYS
    source: Source | None = None


class RescheduleCommitment(StepGiven):
    """Agree on another day (aftal ny frist); `agreed_by` must name both sides."""

    due: OccurredGiven
    agreed_by: Annotated[tuple[Name, ...], Field(min_length=1, max_length=PARTIES_MAX)]
    reason: Reason


class FulfilCommitment(StepGiven):
    """Say that a commitment was kept (opfyld tilsagn), and by what one can see it."""

    evidence_kind: EvidenceKind
    evidence: Number
    note: Reason | None = None


class ReleaseCommitment(StepGiven):
    """Let somebody off (frigiv tilsagn): only those it was made to can."""

    released_by: Annotated[tuple[Name, ...], Field(min_length=1, max_length=PARTIES_MAX)]
    reason: Reason


class CommitmentText(Value):
    """The words of a commitment; sealed under its own key."""

    promised: Text
    internal: Reason | None = None


class CommitmentWords(Value):
    """The words of a step; sealed under the commitment's key."""

    reason: Reason


class CommitmentMade(Value):
    """Somebody promised something (tilsagn givet)."""

    commitment_id: str
    by: PartyRef
    to: tuple[PartyRef, ...]
    text: CommitmentText | None
    due: Occurred | None = None
    occurred: Occurred
    contact: str | None = None
    meeting: str | None = None
    topics: tuple[str, ...] = ()
    confidentiality: Confidentiality
    source: Source | None = None
    remind_days: int = REMIND_DAYS


class CommitmentRescheduled(StepTaken):
    """Both sides agreed on another day (ny frist aftalt)."""

    commitment_id: str
    due: Occurred
    agreed_by: tuple[PartyRef, ...]
    text: CommitmentWords | None


class CommitmentFulfilled(StepTaken):
    """A commitment was kept (tilsagn opfyldt); late when its day had passed."""

    commitment_id: str
    evidence_kind: EvidenceKind
    evidence: str
    late: bool
    text: CommitmentWords | None = None


class CommitmentReleased(StepTaken):
    """Those it was made to let somebody off (tilsagn frigivet)."""

    commitment_id: str
    released_by: tuple[PartyRef, ...]
    text: CommitmentWords | None


class CommitmentDueSoon(Value):
    """The day comes near and nothing is done (påmindelse om tilsagn); once for each due day."""

    commitment_id: str
    version: int
    due: str


class CommitmentBroken(Value):
    """The day passed and nothing was done (tilsagn brudt); recorded once, by policy."""

    commitment_id: str
    version: int
    due: str


CommitmentEvent = (
    CommitmentMade
    | CommitmentRescheduled
    | CommitmentFulfilled
    | CommitmentReleased
    | CommitmentDueSoon
    | CommitmentBroken
)


class Commitment(Record):
    """A commitment by now; `first_due` is the day that was promised first.

    `counting_due` is the day that "kept in time" is judged by (K11): the last one that was agreed
    before the day before it was over. `broken` is what stands by now; history keeps what was said.
    `reminded` is the due day that one was reminded of; a new day is not yet reminded of.
    """

    by: PartyRef
    to: tuple[PartyRef, ...]
    promised: str | None
    internal: str | None = None
    due: Occurred | None
    first_due: Occurred | None
    counting_due: Occurred | None = None
    rescheduled: int = 0
    occurred: Occurred
    contact: str | None = None
    meeting: str | None = None
    topics: tuple[str, ...] = ()
    evidence_kind: EvidenceKind | None = None
    evidence: str | None = None
    fulfilled: Occurred | None = None
    late: bool = False
    broken: bool = False
    remind_days: int = REMIND_DAYS
    reminded: str | None = None
    source: Source | None = None


def make(command: MakeCommitment, commitment_id: str, known: Known) -> CommitmentMade:
    """Decide a new commitment."""
    check = Check(known)
    by = check.party(command.by, "/by")
    to = check.parties(command.to, "/to")
    occurred = check.happened(command.occurred)
    if by is not NOBODY and by.id in {party.id for party in to}:
        check.fault("/to", "promise_to_itself")
    if command.contact is not None:
        check.record("contact", command.contact, "/contact")
    if command.meeting is not None:
        check.record("meeting", command.meeting, "/meeting")
    check.done()
    return CommitmentMade(
        commitment_id=commitment_id,
        by=by,
        to=to,
        text=CommitmentText(promised=command.promised, internal=command.internal),
        due=check.planned(command.due) if command.due else None,
        occurred=occurred,
        contact=command.contact,
        meeting=command.meeting,
        topics=tuple(dict.fromkeys(command.topics)),
        confidentiality=command.confidentiality,
        source=command.source,
        remind_days=command.remind_days,
    )


def reschedule(
    record: Commitment | None, command: RescheduleCommitment, known: Known
) -> CommitmentRescheduled:
    """Decide another day; refused unless both sides agreed to it (domain.md 4.2).

    Also one that was broken: they may have agreed before, and somebody writes it down only now.
    """
    now = standing(record, OPEN, BROKEN)
    check = Check(known)
    agreed = check.parties(command.agreed_by, "/agreed_by", (now.by, *now.to))
    consenting = {party.id for party in agreed}
    for party in (now.by, *now.to):
        if party.id not in consenting:
            check.fault("/agreed_by", "consent_missing", party=party.id)
    due = check.planned(command.due)
    occurred = check.happened(command.occurred)
    check.done()
    if now.due is not None and due.last_day == now.due.last_day:
        raise Refused("nothing_changed")
    return CommitmentRescheduled(
        commitment_id=now.id,
        version=now.version + 1,
        occurred=occurred,
        due=due,
        agreed_by=agreed,
        text=CommitmentWords(reason=command.reason),
    )


def fulfil(
    record: Commitment | None, command: FulfilCommitment, known: Known
) -> CommitmentFulfilled:
    """Decide that it was kept, also one that was broken before: then it is late."""
    now = standing(record, OPEN, BROKEN)
    check = Check(known)
    occurred = check.happened(command.occurred)
    check.record(command.evidence_kind, command.evidence, "/evidence")
    check.done()
    return CommitmentFulfilled(
        commitment_id=now.id,
        version=now.version + 1,
        occurred=occurred,
        evidence_kind=command.evidence_kind,
        evidence=command.evidence,
        late=late(now.counting_due, occurred),
        text=CommitmentWords(reason=command.note) if command.note else None,
    )


def release(
    record: Commitment | None, command: ReleaseCommitment, known: Known
) -> CommitmentReleased:
    """Decide that somebody is let off; refused unless all it was made to say so."""
    now = standing(record, OPEN, BROKEN)
    check = Check(known)
    released = check.parties(command.released_by, "/released_by", now.to)
    letting = {party.id for party in released}
    for party in now.to:
        if party.id not in letting:
            check.fault("/released_by", "consent_missing", party=party.id)
    occurred = check.happened(command.occurred)
    check.done()
    return CommitmentReleased(
        commitment_id=now.id,
        version=now.version + 1,
        occurred=occurred,
        released_by=released,
        text=CommitmentWords(reason=command.reason),
    )


def due_after(record: Commitment) -> str | None:
    """Return the day after which `watch` has something to say of it, None when it never has."""
    return silent_until(record) if record.status == OPEN else None


def watch(record: Commitment, today: str) -> list[CommitmentDueSoon | CommitmentBroken]:
    """Return that its day comes near, or that it is broken: its last day passed, nothing done."""
    found = finding(record, today) if record.status == OPEN else None
    if found is None or record.due is None:
        return []
    kind = CommitmentDueSoon if found == "soon" else CommitmentBroken
    due = record.due.last_day
    return [kind(commitment_id=record.id, version=record.version + 1, due=due)]


def evolve(record: Commitment | None, event: CommitmentEvent) -> Commitment:
    """Fold one event into the record; total, never refuses."""
    if isinstance(event, CommitmentMade):
        return _opened(event)
    if record is None:
        raise Broken("log_broken", reason="step before opening")
    change: dict[str, Any]
    match event:
        case CommitmentRescheduled():
            change = _rescheduled(record, event)
        case CommitmentFulfilled():
            change = {
                "status": FULFILLED,
                "evidence_kind": event.evidence_kind,
                "evidence": event.evidence,
                "fulfilled": event.occurred,
                "late": event.late,
                "broken": record.broken and event.late,
            }
        case CommitmentReleased():
            change = {"status": RELEASED}
        case CommitmentDueSoon():
            change = {"reminded": event.due}
        case CommitmentBroken():
            change = {"status": BROKEN, "broken": True}
        case _:
            assert_never(event)
    return record.model_copy(update={**change, "version": record.version + 1})


def _rescheduled(record: Commitment, event: CommitmentRescheduled) -> dict[str, Any]:
    """Return the new day; it counts when surely agreed before the one that counted was over."""
    before = record.counting_due
    in_time = counts(before, event.occurred)
    return {
        "status": OPEN,
        "due": event.due,
        "rescheduled": record.rescheduled + 1,
        "counting_due": event.due if in_time else before,
        "broken": record.broken and not in_time,
        "reminded": None,
    }


def _opened(event: CommitmentMade) -> Commitment:
    return Commitment(
        id=event.commitment_id,
        version=1,
        status=OPEN,
        confidentiality=event.confidentiality,
        by=event.by,
        to=event.to,
        promised=event.text.promised if event.text else None,
        internal=event.text.internal if event.text else None,
        due=event.due,
        first_due=event.due,
        counting_due=event.due,
        occurred=event.occurred,
        contact=event.contact,
        meeting=event.meeting,
        topics=event.topics,
        remind_days=event.remind_days,
        source=event.source,
    )


def tags_of(event: CommitmentEvent) -> list[str]:
    """Return the tags: the commitment, its parties, and what it was made in."""
    tags = [f"commitment:{event.commitment_id}"]
    match event:
        case CommitmentMade():
            tags += [f"party:{party.id}" for party in (event.by, *event.to)]
            tags += [f"made_in_contact:{event.contact}"] if event.contact else []
            tags += [f"made_in_meeting:{event.meeting}"] if event.meeting else []
        case CommitmentFulfilled():
            tags.append(f"evidence_{event.evidence_kind}:{event.evidence}")
        case _:
            pass
    return tags
