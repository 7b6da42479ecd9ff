"""What happened to an enquiry (hændelser), from its receipt to its end; domain.md 1.8 D.

An obligation (svarpligt) is what one addressed administration, or a unit somebody routed to, owes:
`obligation` names it and stays the same while the enquiry wanders between units.
"""

from typing import Annotated

from pydantic import Field

from domain.enquiries.commands import PARTS_MAX, AnswerKind, Closing, Priority
from domain.persons import Participant
from domain.service_targets import TARGETS_MAX, Clock, Deadline, EnquiryKind
from domain.values import (
    Confidentiality,
    ContactId,
    Name,
    Occurred,
    PartyRef,
    Reason,
    Source,
    Subject,
    Text,
    Value,
)


class EnquiryText(Value):
    """What the enquiry is about; sealed under the key of the contact it came with."""

    subject: Subject
    facts: Text | None = None


class StepText(Value):
    """The words of a step; sealed under the enquiry's own key.

    `told` is meant for the sender (an answer, a question, an interim reason), `internal` is not;
    `handler` is the name the sender may turn to.
    """

    told: Text | None = None
    internal: Reason | None = None
    handler: Name | None = None


class EnquiryReceived(Value):
    """An enquiry came in through the one entry point (henvendelse modtaget).

    It came with the contact `contact_id`, recorded with it. A part that another enquiry was split
    into has `split_from`, and shares that enquiry's contact, day of receipt and deadlines.
    """

    enquiry_id: str
    contact_id: ContactId
    sender: PartyRef
    spoke_for: tuple[PartyRef, ...] = ()
    addressed: tuple[PartyRef, ...] = ()
    received_by: PartyRef | None = None
    medium: str
    written: bool
    kind: EnquiryKind
    received: Occurred
    received_day: str
    """The calendar day from which working days are counted."""
    text: EnquiryText | None
    topics: tuple[str, ...] = ()
    kle: tuple[str, ...] = ()
    case_numbers: tuple[str, ...] = ()
    confidentiality: Confidentiality
    deadlines: Annotated[tuple[Deadline, ...], Field(max_length=TARGETS_MAX)] = ()
    split_from: str | None = None
    source: Source | None = None


class _Step(Value):
    enquiry_id: str
    version: int
    occurred: Occurred
    text: StepText | None = None


class EnquiryAcknowledged(_Step):
    """Receipt was acknowledged with a name to turn to (kvittering givet)."""

    team: str | None = None
    expected_by: str | None = None


class EnquiryTriaged(_Step):
    """An enquiry was sorted (visiteret); what is null was left as it was."""

    category: str | None = None
    priority: Priority | None = None
    kind: EnquiryKind | None = None
    topics: tuple[str, ...] | None = None
    kle: tuple[str, ...] | None = None
    duplicate_of: str | None = None
    deadlines: tuple[Deadline, ...] | None = None
    """The deadlines anew, when the kind changed what is owed."""


class EnquiryRouted(_Step):
    """An enquiry was sent to who shall answer it (fordelt), by a person or by a named rule."""

    obligation: PartyRef
    to: PartyRef
    rule_id: str | None = None
    rule_name: str | None = None
    automatic: bool = False


class EnquiryRerouted(_Step):
    """An enquiry was sent on from one unit to another (omfordelt)."""

    obligation: PartyRef
    from_unit: PartyRef
    to: PartyRef


class EnquiryReturned(_Step):
    """An enquiry was sent back to the desk (returneret)."""

    obligation: PartyRef
    from_unit: PartyRef


class EnquiryAssigned(_Step):
    """A person or role was given the enquiry (sagsbehandler tildelt)."""

    unit: PartyRef | None = None
    assignees: tuple[Participant, ...]


class InformationRequested(_Step):
    """The sender was asked for information (oplysninger udbedt)."""

    due: str | None = None


class InformationSupplied(_Step):
    """The sender gave information (oplysninger modtaget)."""


class InterimReplySent(_Step):
    """The sender was told that it takes longer (foreløbigt svar, fristbrev)."""

    new_expected_by: str


class EnquiryAnswered(_Step):
    """One who owed an answer gave it (besvaret)."""

    obligation: PartyRef
    by: PartyRef
    answer_kind: AnswerKind
    document: str | None = None


class EnquiryAnswerWaived(_Step):
    """It was recorded that an answer is not owed after all (svar frafaldet)."""

    obligation: PartyRef


class EnquiryClosed(_Step):
    """An enquiry was closed (afsluttet)."""

    closing: Closing
    satisfaction: int | None = None


class EnquiryReopened(_Step):
    """A closed enquiry was opened again (genåbnet)."""


class EnquirySplit(_Step):
    """An enquiry was split into others, which live on in its place (opdelt)."""

    parts: Annotated[tuple[str, ...], Field(max_length=PARTS_MAX)]


class EnquiryMerged(_Step):
    """An enquiry was merged into another, which lives on in its place (sammenlagt)."""

    into: str


class EnquiryAtRisk(Value):
    """A deadline came near with nothing done (frist nærmer sig); recorded once, by policy."""

    enquiry_id: str
    version: int
    code: str
    clock: Clock
    due: str


class EnquiryOverdue(Value):
    """A deadline passed with nothing done (frist overskredet); recorded once, by policy."""

    enquiry_id: str
    version: int
    code: str
    clock: Clock
    due: str


EnquiryEvent = (
    EnquiryReceived
    | EnquiryAcknowledged
    | EnquiryTriaged
    | EnquiryRouted
    | EnquiryRerouted
    | EnquiryReturned
    | EnquiryAssigned
    | InformationRequested
    | InformationSupplied
    | InterimReplySent
    | EnquiryAnswered
    | EnquiryAnswerWaived
    | EnquiryClosed
    | EnquiryReopened
    | EnquirySplit
    | EnquiryMerged
    | EnquiryAtRisk
    | EnquiryOverdue
)


def tags_of(event: EnquiryEvent) -> list[str]:
    """Return the tags: the enquiry, the parties, people, cases, and enquiries it leads to.

    The contact an enquiry came with is `came_with:`, not `contact:`, or the contact's own history
    would count the enquiry as its own.
    """
    tags = [f"enquiry:{event.enquiry_id}"]
    tags += [f"party:{party.id}" for party in _parties_of(event)]
    match event:
        case EnquiryReceived():
            tags += [f"came_with:{event.contact_id}"]
            tags += [f"case:{number}" for number in event.case_numbers]
        case EnquiryAssigned():
            tags += [f"person:{one.person}" for one in event.assignees if one.person]
        case EnquiryMerged():
            tags.append(f"merged_into:{event.into}")
        case EnquirySplit():
            tags += [f"split_into:{part}" for part in event.parts]
        case _:
            pass
    return list(dict.fromkeys(tags))


def _parties_of(event: EnquiryEvent) -> list[PartyRef]:
    match event:
        case EnquiryReceived():
            here = (event.received_by,) if event.received_by else ()
            return [event.sender, *event.spoke_for, *event.addressed, *here]
        case EnquiryRouted():
            return [event.obligation, event.to]
        case EnquiryRerouted():
            return [event.obligation, event.from_unit, event.to]
        case EnquiryReturned():
            return [event.obligation, event.from_unit]
        case EnquiryAssigned():
            return [event.unit] if event.unit else []
        case EnquiryAnswered():
            return [event.obligation, event.by]
        case EnquiryAnswerWaived():
            return [event.obligation]
        case _:
            return []
