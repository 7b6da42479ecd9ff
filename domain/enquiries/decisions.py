"""Decisions about enquiries: pure functions from state and command to events, or a refusal.

`lenient` is for registers that are imported: what they hold is kept as they hold it, in any order
(an answer without a routing, a step after the closing), and nothing is invented to make it fit.
"""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final, assert_never

from domain.calendar import WorkingCalendar
from domain.enquiries.clocks import standing, times_of
from domain.enquiries.commands import (
    AcknowledgeEnquiry,
    AnswerEnquiry,
    AssignEnquiry,
    CloseEnquiry,
    EnquiryStep,
    MergeEnquiry,
    ReceiveEnquiry,
    ReopenEnquiry,
    RequestInformation,
    RerouteEnquiry,
    ReturnEnquiry,
    RouteEnquiry,
    SendInterimReply,
    SplitEnquiry,
    SupplyInformation,
    TriageEnquiry,
    WaiveAnswer,
)
from domain.enquiries.events import (
    EnquiryAcknowledged,
    EnquiryAnswered,
    EnquiryAnswerWaived,
    EnquiryAssigned,
    EnquiryAtRisk,
    EnquiryClosed,
    EnquiryMerged,
    EnquiryOverdue,
    EnquiryReceived,
    EnquiryReopened,
    EnquiryRerouted,
    EnquiryReturned,
    EnquiryRouted,
    InformationRequested,
    InformationSupplied,
    InterimReplySent,
)
from domain.enquiries.known import NOBODY, Asked, Known, step_text
from domain.enquiries.owing import chain, held_by, is_routed, owed_by, routed_to
from domain.enquiries.receiving import receive, split, triaged
from domain.enquiries.state import EnquiryState, Owed, Phase, evolve
from domain.errors import Fault, Refused, Unknown
from domain.values import PartyRef, Value, refuse_if

__all__ = [
    "EnquiryState",
    "Known",
    "evolve",
    "keys_named",
    "receive",
    "step",
    "watch",
]


def keys_named(command: ReceiveEnquiry | EnquiryStep) -> list[str]:
    """Return every party key the command names, each once, for the look-up before deciding."""
    match command:
        case ReceiveEnquiry():
            keys = [command.sender, *command.spoke_for, *command.administrations]
            keys += [command.received_by] if command.received_by else []
            for person in command.participants:
                keys += [person.party] if person.party else []
                keys += person.spoke_for
        case RouteEnquiry():
            keys = [command.to, *([command.for_] if command.for_ else [])]
        case RerouteEnquiry():
            keys = [command.from_, command.to]
        case ReturnEnquiry():
            keys = [command.from_]
        case AssignEnquiry():
            person = command.assignee
            keys = [command.unit] if command.unit else []
            keys += [person.party] if person.party else []
            keys += person.spoke_for
        case AnswerEnquiry() | WaiveAnswer():
            keys = [command.by] if command.by else []
        case SplitEnquiry():
            keys = [key for part in command.parts for key in part.administrations]
        case _:
            keys = []
    return list(dict.fromkeys(keys))


def step(
    state: EnquiryState, command: EnquiryStep, known: Known, other: EnquiryState | None = None
) -> list[Value]:
    """Decide a step; `other` is the enquiry that this one is merged into.

    A split also gives the receipt of each part; a closing that waives gives each waiver before it.
    Raises Unknown for an enquiry that was never received, and Refused with every fault at once.
    """
    received = _standing(state, command, known)
    asked = Asked.of(state, command, known, received)
    match command:
        case AcknowledgeEnquiry():
            return _acknowledge(asked, command)
        case TriageEnquiry():
            return triaged(asked, command)
        case RouteEnquiry():
            return _route(asked, command)
        case RerouteEnquiry():
            return _reroute(asked, command)
        case ReturnEnquiry():
            return _return(asked, command)
        case AssignEnquiry():
            return _assign(asked, command)
        case RequestInformation():
            asked.check_day("due", command.due)
            refuse_if(asked.faults)
            text = step_text(told=command.question)
            return [InformationRequested(**asked.head(), text=text, due=command.due)]
        case SupplyInformation():
            refuse_if(asked.faults)
            return [InformationSupplied(**asked.head(), text=step_text(told=command.information))]
        case SendInterimReply():
            asked.check_day("new_expected_by", command.new_expected_by)
            refuse_if(asked.faults)
            text = step_text(told=command.reason)
            until = command.new_expected_by
            return [InterimReplySent(**asked.head(), text=text, new_expected_by=until)]
        case AnswerEnquiry():
            return _answer(asked, command)
        case WaiveAnswer():
            return _waive(asked, command)
        case CloseEnquiry():
            return _close(asked, command)
        case ReopenEnquiry():
            refuse_if(asked.faults)
            return [EnquiryReopened(**asked.head(), text=step_text(internal=command.reason))]
        case SplitEnquiry():
            return split(asked, command)
        case MergeEnquiry():
            return _merge(asked, command, other)
    assert_never(command)


def _standing(state: EnquiryState, command: EnquiryStep, known: Known) -> EnquiryReceived:
    """Return how the enquiry was received; refused when it takes no such step any more."""
    if state.received is None:
        raise Unknown("enquiry_unknown")
    if state.ended is Phase.SPLIT:
        raise Refused("enquiry_split")
    if state.ended is Phase.MERGED:
        raise Refused("enquiry_merged", into=state.merged_into)
    if isinstance(command, ReopenEnquiry):
        if state.ended is not Phase.CLOSED and not known.lenient:
            raise Refused("enquiry_not_closed")
    elif state.ended is Phase.CLOSED and not known.lenient:
        raise Refused("enquiry_closed")
    return state.received


def _acknowledge(asked: Asked, command: AcknowledgeEnquiry) -> list[Value]:
    asked.check_day("expected_by", command.expected_by)
    refuse_if(asked.faults)
    event = EnquiryAcknowledged(
        **asked.head(),
        text=step_text(handler=command.handler),
        team=command.team,
        expected_by=command.expected_by,
    )
    before = asked.state.acknowledgement
    if before is not None and not asked.known.lenient:
        said = (before.text, before.team, before.expected_by)
        if said == (event.text, event.team, event.expected_by):
            raise Refused("nothing_changed")
    return [event]


# ── who has it ───────────────────────────────────────────────────────────────────────────────────


def _route(asked: Asked, command: RouteEnquiry) -> list[Value]:
    """Decide a routing; a second desk finds it routed, unless it says that one more shall answer.

    What was answered or waived is owed again when it is routed on purpose. A unit that has the
    enquiry answers once, unless it is named for what somebody else owes.
    """
    state = asked.state
    to = asked.party(command.to, "to")
    owed = routed_to(to, state, asked.known.ancestors)
    if command.for_ is not None:
        owed = asked.party(command.for_, "for")
        unowed = owed is not NOBODY and owed.id not in state.obligations
        if unowed and not asked.known.lenient:
            asked.faults.append(Fault("/for", "nothing_owed"))
    rule = next((one for one in asked.known.rules if one.rule_id == command.rule_id), None)
    if command.rule_id is not None and (rule is None or rule.to.id != to.id):
        asked.faults.append(Fault("/rule_id", "rule_not_followed"))
    there = state.obligations.get(owed.id)
    taken = there is not None and there.state is Owed.OPEN and there.holder is not None
    taken = taken or (is_routed(state) and not command.additional)
    taken = taken or (there is None and command.for_ is None and bool(held_by(to, state)))
    if taken and not asked.known.lenient:
        asked.faults.append(Fault("/to", "already_routed"))
    refuse_if(asked.faults)
    return [
        EnquiryRouted(
            **asked.head(),
            text=step_text(internal=command.reason),
            obligation=there.party if there else owed,
            to=to,
            rule_id=command.rule_id,
            rule_name=rule.name if rule else None,
        )
    ]


def _reroute(asked: Asked, command: RerouteEnquiry) -> list[Value]:
    unit, owed = _held(asked, command.from_)
    to = asked.party(command.to, "to")
    if unit is not NOBODY and unit.id == to.id and not asked.known.lenient:
        asked.faults.append(Fault("/to", "nothing_changed"))
    refuse_if(asked.faults)
    text = step_text(internal=command.reason)
    return [
        EnquiryRerouted(**asked.head(index), text=text, obligation=party, from_unit=unit, to=to)
        for index, party in enumerate(owed)
    ]


def _return(asked: Asked, command: ReturnEnquiry) -> list[Value]:
    unit, owed = _held(asked, command.from_)
    refuse_if(asked.faults)
    text = step_text(internal=command.reason)
    return [
        EnquiryReturned(**asked.head(index), text=text, obligation=party, from_unit=unit)
        for index, party in enumerate(owed)
    ]


def _held(asked: Asked, key: str) -> tuple[PartyRef, list[PartyRef]]:
    """Return a unit and what lies with it; a register may hand on what it never says was given."""
    unit = asked.party(key, "from")
    owed = [one.party for one in held_by(unit, asked.state)]
    if not owed and asked.known.lenient:
        return unit, [routed_to(unit, asked.state, asked.known.ancestors)]
    if not owed and unit is not NOBODY:
        asked.faults.append(Fault("/from", "not_routed_there"))
    return unit, owed


def _assign(asked: Asked, command: AssignEnquiry) -> list[Value]:
    unit = asked.party(command.unit, "unit") if command.unit is not None else None
    person = asked.known.person(command.assignee, "/assignee", asked.faults)
    held = unit is None or unit is NOBODY or asked.known.lenient or _has_it(asked, unit)
    if not held:
        asked.faults.append(Fault("/unit", "not_routed_there"))
    refuse_if(asked.faults)
    before = asked.state.assignment
    same = before is not None and (before.unit, before.assignees) == (unit, (person,))
    if same and not asked.known.lenient:
        raise Refused("nothing_changed")
    return [EnquiryAssigned(**asked.head(), text=None, unit=unit, assignees=(person,))]


def _has_it(asked: Asked, unit: PartyRef) -> bool:
    """Whether the unit, or what it is part of, has the enquiry; the desk always does."""
    desk = asked.received.received_by
    holders: set[str] = {one.holder.id for one in asked.state.open_obligations if one.holder}
    holders |= {desk.id} if desk else set()
    return not holders.isdisjoint(chain(unit, asked.known.ancestors))


# ── answers ──────────────────────────────────────────────────────────────────────────────────────


def _answer(asked: Asked, command: AnswerEnquiry) -> list[Value]:
    if command.by is None:
        by, owed = _only_one_owing(asked)
    else:
        by = asked.party(command.by, "by")
        owed = by if by is NOBODY else _answered_by(asked, by, command)
    refuse_if(asked.faults)
    return [
        EnquiryAnswered(
            **asked.head(),
            text=step_text(told=command.answer),
            obligation=owed,
            by=by,
            answer_kind=command.answer_kind,
            document=command.document,
        )
    ]


def _only_one_owing(asked: Asked) -> tuple[PartyRef, PartyRef]:
    """Return who answers when nobody is named, and for whom: the only one owing, else the desk."""
    received, owing = asked.received, asked.state.open_obligations
    if len(owing) > 1:
        asked.faults.append(Fault("/by", "answerer_unclear"))
        return NOBODY, NOBODY
    if owing:
        (one,) = owing
        return one.holder or received.received_by or one.party, one.party
    desk = received.received_by or received.addressed[0]
    return desk, desk


def _answered_by(asked: Asked, by: PartyRef, command: AnswerEnquiry) -> PartyRef:
    """Return what an answer settles; the same kind of answer twice is refused."""
    state, desk = asked.state, asked.received.received_by
    one = owed_by(by, state, asked.known.ancestors)
    if one is not None:
        again = one.state is Owed.ANSWERED and one.answer_kind is command.answer_kind
        if again and not asked.known.lenient:
            asked.faults.append(Fault("/by", "nothing_owed"))
        return one.party
    owing = state.open_obligations
    from_desk = desk is not None and desk.id == by.id
    if len(owing) == 1 and (asked.known.lenient or (from_desk and owing[0].holder is None)):
        return owing[0].party
    if from_desk and owing:
        asked.faults.append(Fault("/by", "answerer_unclear"))
    elif not from_desk and not asked.known.lenient:
        asked.faults.append(Fault("/by", "nothing_owed"))
    return by


def _waive(asked: Asked, command: WaiveAnswer) -> list[Value]:
    by = asked.party(command.by, "by")
    one = owed_by(by, asked.state, asked.known.ancestors)
    owing = one is not None and one.state is Owed.OPEN
    if by is not NOBODY and not owing and not asked.known.lenient:
        asked.faults.append(Fault("/by", "nothing_owed"))
    refuse_if(asked.faults)
    return [_waived(asked, one.party if one else by, command.reason, 0)]


def _waived(asked: Asked, party: PartyRef, reason: str, after: int) -> EnquiryAnswerWaived:
    text = step_text(internal=reason)
    return EnquiryAnswerWaived(**asked.head(after), text=text, obligation=party)


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────


def _close(asked: Asked, command: CloseEnquiry) -> list[Value]:
    """Decide a closing; all that is owed must be answered or waived, except in a register."""
    owing = asked.state.open_obligations
    if owing and command.waive is None and not asked.known.lenient:
        asked.faults += [Fault("/waive", "answer_owed", {"by": one.party.name}) for one in owing]
    refuse_if(asked.faults)
    waived = [
        _waived(asked, one.party, command.waive, index)
        for index, one in enumerate(owing)
        if command.waive is not None
    ]
    closed = EnquiryClosed(
        **asked.head(len(waived)),
        text=step_text(internal=command.reason),
        closing=command.closing,
        satisfaction=command.satisfaction,
    )
    return [*waived, closed]


_ENDED: Final = {
    Phase.CLOSED: "enquiry_closed",
    Phase.SPLIT: "enquiry_split",
    Phase.MERGED: "enquiry_merged",
}


def _merge(asked: Asked, command: MergeEnquiry, other: EnquiryState | None) -> list[Value]:
    into = other.received if other is not None else None
    if command.into == asked.received.enquiry_id:
        asked.faults.append(Fault("/into", "merge_with_itself"))
    elif other is None or into is None or into.enquiry_id != command.into:
        asked.faults.append(Fault("/into", "merge_target_unknown"))
    elif other.ended in _ENDED and not (other.ended is Phase.CLOSED and asked.known.lenient):
        asked.faults.append(Fault("/into", _ENDED[other.ended]))
    refuse_if(asked.faults)
    text = step_text(internal=command.reason)
    return [EnquiryMerged(**asked.head(), text=text, into=command.into)]


# ── the policy ───────────────────────────────────────────────────────────────────────────────────


_WARNINGS: Final[Mapping[str, type[EnquiryAtRisk] | type[EnquiryOverdue]]] = {
    "at_risk": EnquiryAtRisk,
    "overdue": EnquiryOverdue,
}


def watch(
    state: EnquiryState,
    now: datetime,
    zone: tzinfo,
    calendars: Mapping[str, WorkingCalendar],
) -> list[EnquiryAtRisk | EnquiryOverdue]:
    """Return the warnings that are due and were not given, at most one per deadline.

    Each deadline is warned of once as near and once as passed; where pauses count, a due date that
    they moved is another. An enquiry that has ended is not watched.
    """
    if state.received is None or state.ended is not None:
        return []
    found: list[EnquiryAtRisk | EnquiryOverdue] = []
    for each in standing(state.deadlines, times_of(state), now, zone, calendars):
        warning = _WARNINGS.get(each.state)
        if warning is None or (warning.__name__, each.code, each.counts) in state.told:
            continue
        found.append(
            warning(
                enquiry_id=state.received.enquiry_id,
                version=state.version + 1 + len(found),
                code=each.code,
                clock=each.clock,
                due=each.counts,
            )
        )
    return found
