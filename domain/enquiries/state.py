"""An enquiry as its own events tell it (tilstand): who owes what, and how far it has come.

The order of facts is their order in the log. Their times may disagree with it: registers hold a
receipt that was confirmed after a later step, and nothing here minds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from domain.enquiries.commands import AnswerKind, Closing, Priority
from domain.enquiries.events import (
    EnquiryAcknowledged,
    EnquiryAnswered,
    EnquiryAnswerWaived,
    EnquiryAssigned,
    EnquiryAtRisk,
    EnquiryClosed,
    EnquiryEvent,
    EnquiryMerged,
    EnquiryOverdue,
    EnquiryReceived,
    EnquiryReopened,
    EnquiryRerouted,
    EnquiryReturned,
    EnquiryRouted,
    EnquirySplit,
    EnquiryTriaged,
    InformationRequested,
    InformationSupplied,
    InterimReplySent,
)
from domain.service_targets import Deadline, EnquiryKind
from domain.values import Occurred, PartyRef


class Phase(StrEnum):
    """How far an enquiry has come (fase)."""

    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    TRIAGED = "triaged"
    ROUTED = "routed"
    IN_PROGRESS = "in_progress"
    AWAITING_SENDER = "awaiting_sender"
    ANSWERED = "answered"
    CLOSED = "closed"
    SPLIT = "split"
    MERGED = "merged"


class Owed(StrEnum):
    """How an obligation stands (svarpligtens tilstand)."""

    OPEN = "open"
    ANSWERED = "answered"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class Obligation:
    """What one party owes in an enquiry, and the unit that has it; nobody: the desk."""

    party: PartyRef
    holder: PartyRef | None = None
    state: Owed = Owed.OPEN
    answer_kind: AnswerKind | None = None
    settled: Occurred | None = None
    """When it was answered or waived."""


@dataclass(frozen=True, slots=True)
class EnquiryState:
    """An enquiry as its own events tell it; `version` counts them.

    `obligations` stand by party id, in the order they arose. `pauses` are the times between a
    question to the sender and what the sender gave; the last one's end is None while it is awaited.
    `at_work` holds the obligations somebody has begun with; `told` the warnings recorded, as
    (stored kind, code, due).
    """

    received: EnquiryReceived | None = None
    version: int = 0
    obligations: Mapping[str, Obligation] = field(default_factory=dict)
    deadlines: tuple[Deadline, ...] = ()
    kind: EnquiryKind = EnquiryKind.GENERAL
    topics: tuple[str, ...] = ()
    kle: tuple[str, ...] = ()
    category: str | None = None
    priority: Priority | None = None
    duplicate_of: str | None = None
    acknowledgement: EnquiryAcknowledged | None = None
    triaged: bool = False
    expected_by: str | None = None
    assignment: EnquiryAssigned | None = None
    at_work: frozenset[str] = frozenset()
    pauses: tuple[tuple[Occurred, Occurred | None], ...] = ()
    first_response: Occurred | None = None
    first_substantive: Occurred | None = None
    closing: Closing | None = None
    reopened: bool = False
    ended: Phase | None = None
    """Closed, split or merged, when it is one of them."""
    ended_at: Occurred | None = None
    parts: tuple[str, ...] = ()
    merged_into: str | None = None
    told: frozenset[tuple[str, str, str]] = frozenset()

    @property
    def open_obligations(self) -> tuple[Obligation, ...]:
        """What is still owed."""
        return tuple(one for one in self.obligations.values() if one.state is Owed.OPEN)

    @property
    def awaiting(self) -> bool:
        """Whether the sender was asked for something and has not given it."""
        return any(end is None for _, end in self.pauses)

    @property
    def phase(self) -> Phase:
        """How far the enquiry has come; a hand-over sets the unit's own beginning back."""
        if self.ended is not None:
            return self.ended
        owed = {one.state for one in self.obligations.values()}
        if Owed.ANSWERED in owed and Owed.OPEN not in owed:
            return Phase.ANSWERED
        if self.awaiting:
            return Phase.AWAITING_SENDER
        if self.at_work:
            return Phase.IN_PROGRESS
        if any(one.holder for one in self.obligations.values()):
            return Phase.ROUTED
        if self.triaged:
            return Phase.TRIAGED
        return Phase.ACKNOWLEDGED if self.acknowledgement else Phase.RECEIVED


DESK = ""
"""Stands among the obligations at work for an enquiry in which nobody else owes anything."""


def evolve(state: EnquiryState, event: EnquiryEvent) -> EnquiryState:
    """Fold one event into the state; total, never refuses."""
    state = replace(state, version=state.version + 1)
    match event:
        case EnquiryReceived():
            return replace(
                state,
                received=event,
                obligations={party.id: Obligation(party) for party in event.addressed},
                deadlines=event.deadlines,
                kind=event.kind,
                topics=event.topics,
                kle=event.kle,
            )
        case EnquiryAcknowledged():
            state = _responded(state, event.occurred)
            expected = event.expected_by or state.expected_by
            return replace(state, acknowledgement=event, expected_by=expected)
        case EnquiryTriaged():
            return _triaged(state, event)
        case EnquiryRouted() | EnquiryRerouted():
            return _held(state, event.obligation, event.to)
        case EnquiryReturned():
            return _held(state, event.obligation, None)
        case EnquiryAssigned():
            unit = event.unit.id if event.unit else None
            return replace(_begun(state, unit), assignment=event)
        case InformationRequested():
            state = _begun(_responded(state, event.occurred))
            return replace(state, pauses=(*state.pauses, (event.occurred, None)))
        case InformationSupplied():
            return _resumed(state, event.occurred)
        case InterimReplySent():
            state = _begun(_responded(state, event.occurred))
            return replace(state, expected_by=event.new_expected_by)
        case EnquiryAnswered():
            return _answered(state, event)
        case EnquiryAnswerWaived():
            return _settled(state, event.obligation, Owed.WAIVED, event.occurred)
        case EnquiryClosed():
            state = _ended(_resumed(state, event.occurred), Phase.CLOSED, event.occurred)
            return replace(state, closing=event.closing)
        case EnquiryReopened():
            return _reopened(state)
        case EnquirySplit():
            return replace(_ended(state, Phase.SPLIT, event.occurred), parts=event.parts)
        case EnquiryMerged():
            return replace(_ended(state, Phase.MERGED, event.occurred), merged_into=event.into)
        case EnquiryAtRisk() | EnquiryOverdue():
            warned = (type(event).__name__, event.code, event.due)
            return replace(state, told=state.told | {warned})
    assert_never(event)


def time_key(occurred: Occurred) -> tuple[str, str]:
    """Return what steps are put in order of time by: the day they ended on, then the moment."""
    return occurred.last_day, occurred.to


def _earlier(known: Occurred | None, new: Occurred) -> Occurred:
    return new if known is None or time_key(new) < time_key(known) else known


def _responded(state: EnquiryState, occurred: Occurred) -> EnquiryState:
    return replace(state, first_response=_earlier(state.first_response, occurred))


def _begun(state: EnquiryState, unit: str | None = None) -> EnquiryState:
    """Note that somebody has begun: with what the unit has, or with all that is owed."""
    owed = [one for one in state.open_obligations if one.holder or unit is None]
    ours = {one.party.id for one in owed if unit is None or (one.holder and one.holder.id == unit)}
    return replace(state, at_work=state.at_work.union(ours or {DESK}))


def _triaged(state: EnquiryState, event: EnquiryTriaged) -> EnquiryState:
    return replace(
        state,
        triaged=True,
        category=event.category or state.category,
        priority=event.priority or state.priority,
        kind=event.kind or state.kind,
        topics=state.topics if event.topics is None else event.topics,
        kle=state.kle if event.kle is None else event.kle,
        duplicate_of=event.duplicate_of or state.duplicate_of,
        deadlines=state.deadlines if event.deadlines is None else event.deadlines,
    )


def _held(state: EnquiryState, obligation: PartyRef, holder: PartyRef | None) -> EnquiryState:
    """Let somebody have what is owed; one that was settled is owed again when it is sent out."""
    known = state.obligations.get(obligation.id) or Obligation(obligation)
    if holder is not None and known.state is not Owed.OPEN:
        known = Obligation(known.party)
    changed = {**state.obligations, obligation.id: replace(known, holder=holder)}
    at_work = state.at_work - {obligation.id, DESK}
    return replace(state, obligations=changed, at_work=at_work, assignment=None)


def _resumed(state: EnquiryState, occurred: Occurred) -> EnquiryState:
    return replace(state, pauses=tuple((start, end or occurred) for start, end in state.pauses))


def _answered(state: EnquiryState, event: EnquiryAnswered) -> EnquiryState:
    state = _responded(state, event.occurred)
    if event.answer_kind is AnswerKind.SUBSTANTIVE:
        first = _earlier(state.first_substantive, event.occurred)
        state = replace(state, first_substantive=first)
    state = _settled(state, event.obligation, Owed.ANSWERED, event.occurred, event.answer_kind)
    return replace(state, at_work=state.at_work | {event.obligation.id})


def _settled(
    state: EnquiryState,
    obligation: PartyRef,
    how: Owed,
    occurred: Occurred,
    answer_kind: AnswerKind | None = None,
) -> EnquiryState:
    known = state.obligations.get(obligation.id) or Obligation(obligation)
    settled = replace(known, state=how, settled=occurred, answer_kind=answer_kind)
    return replace(state, obligations={**state.obligations, obligation.id: settled})


def _ended(state: EnquiryState, how: Phase, occurred: Occurred) -> EnquiryState:
    """End the enquiry; one that lives on in others cannot end once more."""
    if state.ended in (Phase.SPLIT, Phase.MERGED):
        return state
    return replace(state, ended=how, ended_at=occurred)


def _reopened(state: EnquiryState) -> EnquiryState:
    """Make every answer owed again; what was waived stays waived."""
    owed = {
        key: Obligation(one.party, one.holder) if one.state is Owed.ANSWERED else one
        for key, one in state.obligations.items()
    }
    if state.ended is not Phase.CLOSED:
        return replace(state, obligations=owed, reopened=True)
    return replace(state, obligations=owed, reopened=True, ended=None, ended_at=None, closing=None)
