"""What happened to a contact (hændelser): logged, corrected, retracted, linked, unlinked."""

from typing import Annotated, assert_never

from pydantic import Field

from domain.contacts.commands import AudienceGiven, CommitmentNote, FollowUpNote, LinkKind
from domain.persons import Participant
from domain.values import (
    LIST_ITEMS_MAX,
    Channel,
    Confidentiality,
    ContactId,
    Direction,
    Name,
    Occasion,
    Occurred,
    Outcome,
    PartyRef,
    PersonalData,
    Reason,
    Source,
    Subject,
    Text,
    Value,
)


class ContactText(Value):
    """The free text of a contact, sealed under the contact's own key in the log.

    `facts` (what was said and agreed) stand apart from `assessment` (internal), because access law
    asks for the facts even of internal documents (offentlighedsloven § 28).
    """

    subject: Subject
    facts: Text | None = None
    assessment: Text | None = None
    place: Name | None = None
    commitments: Annotated[tuple[CommitmentNote, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    follow_ups: Annotated[tuple[FollowUpNote, ...], Field(max_length=LIST_ITEMS_MAX)] = ()


class ReasonText(Value):
    """Why something was corrected, retracted or linked; sealed under the contact's key."""

    reason: Reason


class ContactContent(Value):
    """What a contact is, apart from its texts and people, which are sealed."""

    channel: Channel
    direction: Direction
    medium: str
    occurred: Occurred
    administrations: tuple[PartyRef, ...]
    organisations: tuple[PartyRef, ...] = ()
    audience: AudienceGiven | None = None
    topics: tuple[str, ...] = ()
    kle: tuple[str, ...] = ()
    case_numbers: tuple[str, ...] = ()
    document_numbers: tuple[str, ...] = ()
    confidentiality: Confidentiality
    personal_data: PersonalData
    occasion: Occasion | None = None
    outcome: Outcome
    negotiation: bool = False
    """Negotiations are under way (forhandling i gang); absent in events of before, then False."""


class ContactLogged(Value):
    """A contact took place and was written down (kontakt registreret)."""

    contact_id: ContactId
    content: ContactContent
    text: ContactText | None
    participants: tuple[Participant, ...] = ()
    enquiry: str | None = None
    meeting: str | None = None
    documented_at: str | None = None
    source: Source | None = None
    flags: tuple[str, ...] = ()


class ContactCorrected(Value):
    """A logged contact was corrected, with a reason (kontakt berigtiget).

    `fields` names what changed. `content` is the whole content after the correction; `text` and
    `participants` are whole after it too, and null when the correction left them alone.
    """

    contact_id: ContactId
    version: int
    fields: tuple[str, ...]
    content: ContactContent
    text: ContactText | None = None
    participants: tuple[Participant, ...] | None = None
    why: ReasonText | None


class ContactRetracted(Value):
    """A contact was withdrawn, with a reason (kontakt trukket tilbage); its history stays."""

    contact_id: ContactId
    version: int
    why: ReasonText | None


class ContactLinked(Value):
    """A contact was filed on something (kontakt tilknyttet)."""

    contact_id: ContactId
    version: int
    link_id: str
    kind: LinkKind
    target: str
    why: ReasonText | None = None


class ContactUnlinked(Value):
    """A contact was taken off what it was filed on (tilknytning fjernet)."""

    contact_id: ContactId
    version: int
    link_id: str
    kind: LinkKind
    target: str
    why: ReasonText | None


ContactEvent = ContactLogged | ContactCorrected | ContactRetracted | ContactLinked | ContactUnlinked


def tags_of(event: ContactEvent) -> list[str]:
    """Return the tags of a contact event: the contact, its parties, people, cases and links."""
    tags = [f"contact:{event.contact_id}"]
    match event:
        case ContactLogged() | ContactCorrected():
            people = event.participants or ()
            parties = {p.id: None for p in event.content.administrations}
            parties |= {p.id: None for p in event.content.organisations}
            for person in people:
                parties |= {person.party.id: None} if person.party else {}
                parties |= {p.id: None for p in person.spoke_for}
            tags += [f"party:{party}" for party in parties]
            tags += [f"person:{p.person}" for p in people if p.person]
            tags += [f"case:{number}" for number in event.content.case_numbers]
        case ContactLinked() | ContactUnlinked():
            # Not `contact:`, or the target's own history would count this link as its own.
            kind = "linked_contact" if event.kind == "contact" else event.kind
            tags.append(f"{kind}:{event.target}")
        case ContactRetracted():
            pass
        case _:
            assert_never(event)
    return list(dict.fromkeys(tags))
