"""Follow-ups (opfølgninger): what somebody agreed to do after a contact, with owner and time.

A follow-up is somebody's own errand, not a promise to the other side: it is moved and handed on
with a reason and nobody's consent, done with or without evidence, or dropped. The policy reminds
of its day and says when that has passed; which day counts is judged as for commitments, so moving
it afterwards does not make it in time. domain.md 1.8 E, 4.1, 4.2.
"""

from typing import Annotated, Any, Final, Self, assert_never

from pydantic import Field, model_validator

from domain.commitments import EvidenceKind
from domain.due_days import REMIND_DAYS, RemindDays, counts, finding, late, silent_until
from domain.errors import Broken, Refused
from domain.records import Check, Known, Record, StepGiven, StepTaken, standing
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

OPEN: Final = "open"
OVERDUE: Final = "overdue"
DONE: Final = "done"
DROPPED: Final = "dropped"
ORIGINS: Final = ("contact", "meeting", "commitment")
"""Kinds of records a follow-up may come from; each is a field of its own."""


class AgreeFollowUp(Value):
    """Write down that somebody is to do something after a contact (aftal opfølgning).

    `owner` is who does it, an administration or a unit, never a person; `concerns` whom it is
    about. `due` may be as fuzzy as it was said: its last day counts. One is reminded of it
    `remind_days` before, 0 for not at all.
    """

    id: UuidText | None = None
    owner: Name = Field(examples=["TMF"])
    concerns: Annotated[tuple[Name, ...], Field(max_length=PARTIES_MAX)] = Field(
        default=(), examples=[["KAB"]]
    )
    what: Text = Field(examples=["Ring tilbage om renoveringen"])
    internal: Reason | None = None
    due: OccurredGiven | None = Field(default=None, examples=["2010-03-05"])
    occurred: OccurredGiven | None = None
    contact: UuidText | None = None
    meeting: UuidText | None = None
    commitment: UuidText | None = None
    topics: Annotated[tuple[Number, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    remind_days: RemindDays = REMIND_DAYS
    source: Source | None = None


class RescheduleFollowUp(StepGiven):
    """Set another day (udskyd opfølgning); nobody's consent is needed, a reason is."""

    due: OccurredGiven
    reason: Reason


class HandFollowUp(StepGiven):
    """Hand it to another owner (overdrag opfølgning), who has it from then on."""

    owner: Name
    reason: Reason


class CompleteFollowUp(StepGiven):
    """Say that it was done (udfør opfølgning), and by what one can see it when there is such."""

    evidence_kind: EvidenceKind | None = None
    evidence: Number | None = None
    note: Reason | None = None

    @model_validator(mode="after")
    def _evidence_is_of_a_kind(self) -> Self:
        if (self.evidence is None) != (self.evidence_kind is None):
            msg = "name evidence and its kind, or neither"
            raise ValueError(msg)
        return self


class DropFollowUp(StepGiven):
    """Give it up (opgiv opfølgning), saying why."""

    reason: Reason


class FollowUpText(Value):
    """The words of a follow-up; sealed under its own key."""

    what: Text
    internal: Reason | None = None


class FollowUpWords(Value):
    """The words of a step; sealed under the follow-up's key."""

    reason: Reason


class FollowUpAgreed(Value):
    """Somebody is to do something after a contact (opfølgning aftalt)."""

    followup_id: str
    owner: PartyRef
    concerns: tuple[PartyRef, ...] = ()
    text: FollowUpText | None
    due: Occurred | None = None
    occurred: Occurred
    contact: str | None = None
    meeting: str | None = None
    commitment: str | None = None
    topics: tuple[str, ...] = ()
    confidentiality: Confidentiality
    remind_days: int = REMIND_DAYS
    source: Source | None = None


class FollowUpRescheduled(StepTaken):
    """It was put to another day (opfølgning udskudt)."""

    followup_id: str
    due: Occurred
    text: FollowUpWords | None


class FollowUpHanded(StepTaken):
    """Another owner has it (opfølgning overdraget)."""

    followup_id: str
    owner: PartyRef
    text: FollowUpWords | None


class FollowUpDone(StepTaken):
    """It was done (opfølgning udført); late when its day had passed."""

    followup_id: str
    evidence_kind: EvidenceKind | None = None
    evidence: str | None = None
    late: bool
    text: FollowUpWords | None = None


class FollowUpDropped(StepTaken):
    """It was given up (opfølgning opgivet)."""

    followup_id: str
    text: FollowUpWords | None


class FollowUpDueSoon(Value):
    """Its day comes near and it is not done (påmindelse om opfølgning); once for each due day."""

    followup_id: str
    version: int
    due: str


class FollowUpOverdue(Value):
    """Its day passed and it is not done (opfølgning overskredet); recorded once, by policy."""

    followup_id: str
    version: int
    due: str


FollowUpEvent = (
    FollowUpAgreed
    | FollowUpRescheduled
    | FollowUpHanded
    | FollowUpDone
    | FollowUpDropped
    | FollowUpDueSoon
    | FollowUpOverdue
)


class FollowUp(Record):
    """A follow-up by now; `earlier_owners` had it before, and go on seeing what comes of it.

    `counting_due` is the day that "in time" is judged by: the last one that was set before the day
    before it was over. `overdue` is what stands by now; history keeps what was said. `reminded` is
    the due day that one was reminded of; a new day is not yet reminded of.
    """

    owner: PartyRef
    earlier_owners: tuple[PartyRef, ...] = ()
    concerns: tuple[PartyRef, ...] = ()
    what: str | None
    internal: str | None = None
    due: Occurred | None
    first_due: Occurred | None
    counting_due: Occurred | None = None
    rescheduled: int = 0
    occurred: Occurred
    contact: str | None = None
    meeting: str | None = None
    commitment: str | None = None
    topics: tuple[str, ...] = ()
    evidence_kind: EvidenceKind | None = None
    evidence: str | None = None
    done: Occurred | None = None
    dropped: Occurred | None = None
    late: bool = False
    overdue: bool = False
    remind_days: int = REMIND_DAYS
    reminded: str | None = None
    source: Source | None = None


def agree(command: AgreeFollowUp, followup_id: str, known: Known) -> FollowUpAgreed:
    """Decide a new follow-up."""
    check = Check(known)
    owner = check.party(command.owner, "/owner")
    concerns = check.parties(command.concerns, "/concerns")
    occurred = check.happened(command.occurred)
    for noun in ORIGINS:
        origin = getattr(command, noun)
        if origin is not None:
            check.record(noun, origin, f"/{noun}")
    check.done()
    return FollowUpAgreed(
        followup_id=followup_id,
        owner=owner,
        concerns=concerns,
        text=FollowUpText(what=command.what, internal=command.internal),
        due=check.planned(command.due) if command.due else None,
        occurred=occurred,
        contact=command.contact,
        meeting=command.meeting,
        commitment=command.commitment,
        topics=tuple(dict.fromkeys(command.topics)),
        confidentiality=command.confidentiality,
        remind_days=command.remind_days,
        source=command.source,
    )


def reschedule(
    record: FollowUp | None, command: RescheduleFollowUp, known: Known
) -> FollowUpRescheduled:
    """Decide another day, also for one that is overdue or had none."""
    now = standing(record, OPEN, OVERDUE)
    check = Check(known)
    due = check.planned(command.due)
    common = check.step(now, "followup_id", command)
    check.done()
    if now.due is not None and due.last_day == now.due.last_day:
        raise Refused("nothing_changed")
    return FollowUpRescheduled(**common, due=due, text=FollowUpWords(reason=command.reason))


def hand(record: FollowUp | None, command: HandFollowUp, known: Known) -> FollowUpHanded:
    """Decide that another party has it from now on."""
    now = standing(record, OPEN, OVERDUE)
    check = Check(known)
    owner = check.party(command.owner, "/owner", (now.owner,), now.earlier_owners)
    common = check.step(now, "followup_id", command)
    check.done()
    if owner.id == now.owner.id:
        raise Refused("nothing_changed")
    return FollowUpHanded(**common, owner=owner, text=FollowUpWords(reason=command.reason))


def complete(record: FollowUp | None, command: CompleteFollowUp, known: Known) -> FollowUpDone:
    """Decide that it was done, also one that is overdue."""
    now = standing(record, OPEN, OVERDUE)
    check = Check(known)
    common = check.step(now, "followup_id", command)
    if command.evidence_kind is not None and command.evidence is not None:
        check.record(command.evidence_kind, command.evidence, "/evidence")
    check.done()
    return FollowUpDone(
        **common,
        evidence_kind=command.evidence_kind,
        evidence=command.evidence,
        late=late(now.counting_due, common["occurred"]),
        text=FollowUpWords(reason=command.note) if command.note else None,
    )


def drop(record: FollowUp | None, command: DropFollowUp, known: Known) -> FollowUpDropped:
    """Decide that it is given up."""
    now = standing(record, OPEN, OVERDUE)
    check = Check(known)
    common = check.step(now, "followup_id", command)
    check.done()
    return FollowUpDropped(**common, text=FollowUpWords(reason=command.reason))


def due_after(record: FollowUp) -> str | None:
    """Return the day after which `watch` has something to say of it, None when it never has."""
    return silent_until(record) if record.status == OPEN else None


def watch(record: FollowUp, today: str) -> list[FollowUpDueSoon | FollowUpOverdue]:
    """Return that its day comes near, or that it has passed with nothing done."""
    found = finding(record, today) if record.status == OPEN else None
    if found is None or record.due is None:
        return []
    kind = FollowUpDueSoon if found == "soon" else FollowUpOverdue
    due = record.due.last_day
    return [kind(followup_id=record.id, version=record.version + 1, due=due)]


def evolve(record: FollowUp | None, event: FollowUpEvent) -> FollowUp:
    """Fold one event into the record; total, never refuses."""
    if isinstance(event, FollowUpAgreed):
        return _opened(event)
    if record is None:
        raise Broken("log_broken", reason="step before opening")
    change: dict[str, Any]
    match event:
        case FollowUpRescheduled():
            change = _rescheduled(record, event)
        case FollowUpHanded():
            change = {"owner": event.owner, "earlier_owners": _earlier(record, event.owner)}
        case FollowUpDone():
            change = {
                "status": DONE,
                "evidence_kind": event.evidence_kind,
                "evidence": event.evidence,
                "done": event.occurred,
                "late": event.late,
                "overdue": record.overdue and event.late,
            }
        case FollowUpDropped():
            change = {"status": DROPPED, "dropped": event.occurred}
        case FollowUpDueSoon():
            change = {"reminded": event.due}
        case FollowUpOverdue():
            change = {"status": OVERDUE, "overdue": True}
        case _:
            assert_never(event)
    return record.model_copy(update={**change, "version": record.version + 1})


def _rescheduled(record: FollowUp, event: FollowUpRescheduled) -> dict[str, Any]:
    """Return the new day; it counts when surely set before the one that counted was over."""
    in_time = counts(record.counting_due, event.occurred)
    return {
        "status": OPEN,
        "due": event.due,
        "rescheduled": record.rescheduled + 1,
        "counting_due": event.due if in_time else record.counting_due,
        "overdue": record.overdue and not in_time,
        "reminded": None,
    }


def _earlier(record: FollowUp, owner: PartyRef) -> tuple[PartyRef, ...]:
    """Return all who had it before this owner, each once, in the order they first had it."""
    had = {party.id: party for party in (*record.earlier_owners, record.owner)}
    return tuple(party for party_id, party in had.items() if party_id != owner.id)


def _opened(event: FollowUpAgreed) -> FollowUp:
    return FollowUp(
        id=event.followup_id,
        version=1,
        status=OPEN,
        confidentiality=event.confidentiality,
        owner=event.owner,
        concerns=event.concerns,
        what=event.text.what if event.text else None,
        internal=event.text.internal if event.text else None,
        due=event.due,
        first_due=event.due,
        counting_due=event.due,
        occurred=event.occurred,
        contact=event.contact,
        meeting=event.meeting,
        commitment=event.commitment,
        topics=event.topics,
        remind_days=event.remind_days,
        source=event.source,
    )


def tags_of(event: FollowUpEvent) -> list[str]:
    """Return the tags: the follow-up, its parties, and what it comes from or is seen by."""
    tags = [f"followup:{event.followup_id}"]
    match event:
        case FollowUpAgreed():
            parties = dict.fromkeys(party.id for party in (event.owner, *event.concerns))
            tags += [f"party:{party_id}" for party_id in parties]
            origins = {noun: getattr(event, noun) for noun in ORIGINS}
            tags += [f"agreed_in_{noun}:{origin}" for noun, origin in origins.items() if origin]
        case FollowUpHanded():
            tags.append(f"party:{event.owner.id}")
        case FollowUpDone() if event.evidence and event.evidence_kind:
            tags.append(f"evidence_{event.evidence_kind}:{event.evidence}")
        case _:
            pass
    return tags
