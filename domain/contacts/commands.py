"""What one can ask for about a contact (kommandoer); each is also the request body of its route."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from domain.persons import ParticipantGiven
from domain.values import (
    LIST_ITEMS_MAX,
    PARTICIPANTS_MAX,
    PARTIES_MAX,
    Channel,
    Code,
    Confidentiality,
    Day,
    Direction,
    Kle,
    Name,
    Number,
    Occasion,
    OccurredGiven,
    Outcome,
    PersonalData,
    Reason,
    Source,
    Subject,
    Text,
    UuidText,
    Value,
)

PartyKeys = Annotated[tuple[Name, ...], Field(max_length=PARTIES_MAX)]
Topics = Annotated[tuple[Number, ...], Field(max_length=LIST_ITEMS_MAX)]
Numbers = Annotated[tuple[Number, ...], Field(max_length=LIST_ITEMS_MAX)]
LinkKind = Literal["enquiry", "case", "commitment", "meeting", "contact", "document"]


class AudienceGiven(Value):
    """Who a broadcast reached (målgruppe) when they are not named one by one."""

    text: Name = Field(examples=["alle almene boligorganisationer i kommunen"])
    kinds: Annotated[tuple[Code, ...], Field(max_length=20)] = ()
    size: Annotated[int, Field(ge=1, le=10_000_000)] | None = None


class CommitmentNote(Value):
    """A commitment made in the contact (tilsagn): what, by whom, to whom, by when."""

    text: Text
    by: Name | None = None
    to: Name | None = None
    due: Day | None = None


class FollowUpNote(Value):
    """Something to be followed up (opfølgning), by whom and when."""

    text: Text
    owner: Name | None = None
    due: Day | None = None


class LogContact(Value):
    """Write down that a contact took place (registrér kontakt).

    Parties are named by id or by any registered key: abbreviation, name, alias, CVR, GLN/EAN, LBF
    number. At least one administration, and an organisation or an audience, must be named.
    """

    id: UuidText | None = Field(default=None, description="UUIDv7 made by the client, optional")
    channel: Channel
    direction: Direction
    medium: Code = Field(examples=["phone"])
    occurred: OccurredGiven
    administrations: Annotated[PartyKeys, Field(min_length=1)] = Field(examples=[["TMF"]])
    organisations: PartyKeys = Field(default=(), examples=[["KAB"]])
    audience: AudienceGiven | None = None
    participants: Annotated[tuple[ParticipantGiven, ...], Field(max_length=PARTICIPANTS_MAX)] = ()
    subject: Subject = Field(examples=["Udlejning i almene boliger"])
    facts: Text | None = None
    assessment: Text | None = None
    place: Name | None = None
    topics: Topics = ()
    kle: Annotated[tuple[Kle, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    case_numbers: Numbers = ()
    document_numbers: Numbers = ()
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    negotiation: bool = Field(
        default=False, description="Negotiations are under way: not final, not for councillors"
    )
    personal_data: PersonalData = PersonalData.ORDINARY
    occasion: Occasion | None = None
    outcome: Outcome = Outcome.HELD
    enquiry: Number | None = None
    meeting: Number | None = None
    commitments: Annotated[tuple[CommitmentNote, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    follow_ups: Annotated[tuple[FollowUpNote, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    documented_at: Day | None = None
    on_behalf_of: Name | None = None
    source: Source | None = None
    flags: Annotated[tuple[Code, ...], Field(max_length=LIST_ITEMS_MAX)] = ()

    @model_validator(mode="after")
    def _somebody_on_the_other_side(self) -> Self:
        if not self.organisations and self.audience is None:
            msg = "name at least one organisation, or an audience for a broadcast"
            raise ValueError(msg)
        return self


class CorrectContact(Value):
    """Correct a logged contact (berigtig kontakt); fields left out stay as they are.

    A field given as null is emptied. The reason is required and stays with the correction.
    """

    reason: Reason
    channel: Channel | None = None
    direction: Direction | None = None
    medium: Code | None = None
    occurred: OccurredGiven | None = None
    administrations: Annotated[PartyKeys, Field(min_length=1)] | None = None
    organisations: PartyKeys | None = None
    audience: AudienceGiven | None = None
    participants: (
        Annotated[tuple[ParticipantGiven, ...], Field(max_length=PARTICIPANTS_MAX)] | None
    ) = None
    subject: Subject | None = None
    facts: Text | None = None
    assessment: Text | None = None
    place: Name | None = None
    topics: Topics | None = None
    kle: Annotated[tuple[Kle, ...], Field(max_length=LIST_ITEMS_MAX)] | None = None
    case_numbers: Numbers | None = None
    document_numbers: Numbers | None = None
    confidentiality: Confidentiality | None = None
    negotiation: bool | None = None
    personal_data: PersonalData | None = None
    occasion: Occasion | None = None
    outcome: Outcome | None = None

    @model_validator(mode="after")
    def _may_be_empty(self) -> Self:
        required = _REQUIRED & self.model_fields_set
        if empty := sorted(name for name in required if getattr(self, name) is None):
            msg = f"must not be emptied: {', '.join(empty)}"
            raise ValueError(msg)
        if self.model_fields_set == {"reason"}:
            msg = "name at least one field to correct"
            raise ValueError(msg)
        return self


_REQUIRED: Final = frozenset(
    {
        "channel",
        "direction",
        "medium",
        "occurred",
        "administrations",
        "organisations",
        "subject",
        "participants",
        "topics",
        "kle",
        "case_numbers",
        "document_numbers",
        "confidentiality",
        "negotiation",
        "personal_data",
        "outcome",
    }
)


class RetractContact(Value):
    """Withdraw a contact that should not have been logged (træk kontakt tilbage)."""

    reason: Reason


class LinkContact(Value):
    """File the contact on an enquiry, case, commitment, meeting … (tilknyt kontakt)."""

    kind: LinkKind
    target: Number = Field(examples=["2009-116302"])
    reason: Reason | None = None


class UnlinkContact(Value):
    """Take a contact off what it was filed on (fjern tilknytning)."""

    link_id: str
    reason: Reason


def keys_named(command: LogContact | CorrectContact) -> list[str]:
    """Return every party key the command names, each once, for the look-up before deciding."""
    keys = [*(command.administrations or ()), *(command.organisations or ())]
    for person in command.participants or ():
        keys += [person.party] if person.party else []
        keys += person.spoke_for
    return list(dict.fromkeys(keys))
