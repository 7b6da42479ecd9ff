"""The mapping (afbildning): what a person writes in TOML to say how a register becomes contacts.

A mapping with a table `[enquiry]` says that each record is an enquiry instead: received through
the one entry point, with steps and contacts filed on it. docs/importing.md describes the language.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from api.imports.enquiry_tables import EnquiryTable, RowContact
from api.imports.tables import (
    COLUMNS_MAX,
    CodedTable,
    CodedTake,
    ColumnName,
    ColumnTable,
    Dialect,
    Identity,
    ListTable,
    Part,
    ParticipantTake,
    PartyTake,
    Skip,
    TakeTable,
    Time,
)
from domain.contacts.commands import AudienceGiven
from domain.values import Name, SourceId


class Mapping(Part):
    """A whole mapping file, version 1 of the language."""

    mapping: Literal[1]
    format: Literal["csv"]
    source: SourceId
    on_error: Literal["continue", "abort"] = "continue"
    file: Dialect = Dialect()
    columns: Annotated[dict[ColumnName, ColumnTable], Field(min_length=1, max_length=COLUMNS_MAX)]
    identity: Identity
    time: Time
    enquiry: EnquiryTable | None = None
    channel: CodedTable | None = None
    direction: CodedTable | None = None
    medium: CodedTable
    subject: TakeTable
    administrations: PartyTake
    organisations: PartyTake | None = None
    audience: AudienceGiven | None = None
    participants: Annotated[tuple[ParticipantTake, ...], Field(max_length=20)] = ()
    facts: TakeTable | None = None
    assessment: TakeTable | None = None
    place: TakeTable | None = None
    topics: tuple[ListTable, ...] = ()
    kle: tuple[ListTable, ...] = ()
    case_numbers: tuple[ListTable, ...] = ()
    document_numbers: tuple[ListTable, ...] = ()
    confidentiality: CodedTable = CodedTake(constant="internal")
    personal_data: CodedTable = CodedTake(constant="ordinary")
    occasion: CodedTable | None = None
    outcome: CodedTable = CodedTake(constant="held")
    skip: Annotated[tuple[Skip, ...], Field(max_length=100)] = ()
    sender: Name | None = None
    note: Annotated[str, Field(max_length=5_000)] | None = None

    @model_validator(mode="after")
    def _channel_and_direction(self) -> Self:
        given = (self.channel is not None, self.direction is not None)
        if self.enquiry is None and given != (True, True):
            msg = "needs channel and direction"
            raise ValueError(msg)
        if self.enquiry is not None and any(given):
            msg = "an enquiry comes in through the entry point: leave channel and direction out"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _sender_of_an_enquiry(self) -> Self:
        if self.enquiry is None:
            return self
        if self.organisations is None:
            msg = "an enquiry needs organisations: its sender"
            raise ValueError(msg)
        foreign = ("audience", "place", "occasion", "outcome")
        if found := sorted(self.model_fields_set.intersection(foreign)):
            msg = f"{found[0]} is no field of an enquiry"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _somebody_on_the_other_side(self) -> Self:
        if self.organisations is None and self.audience is None:
            msg = "needs organisations, or an audience, or both"
            raise ValueError(msg)
        return self

    def party_take(self, side: str) -> PartyTake:
        """Return the rule of one side: `organisations`, or one of a step such as `steps/0/to`."""
        match side.split("/"):
            case ["steps", index, field] if self.enquiry is not None:
                take = self.enquiry.steps[int(index)].take(field)
            case ["contacts", index, field] if self.enquiry is not None:
                take = getattr(self.enquiry.contacts[int(index)], field)
            case ["received_by"] if self.enquiry is not None:
                take = self.enquiry.received_by
            case _:
                take = getattr(self, side)
        if not isinstance(take, PartyTake):
            raise LookupError(side)  # noqa: TRY004 a wrong name, not a wrong type
        return take

    @property
    def received(self) -> "Mapping":
        """Return the mapping of the contact an enquiry is: inbound, through the entry point."""
        entry = {
            "channel": CodedTake(constant="entry_point"),
            "direction": CodedTake(constant="inbound"),
            "enquiry": None,
        }
        return self.model_copy(update=entry)

    def filed(self, rule: RowContact) -> "Mapping":
        """Return the mapping of the contacts that rows of an enquiry are; the rule comes first."""
        said = {name: getattr(rule, name) for name in rule.model_fields_set & _OF_A_CONTACT}
        plain: Json = {"participants": (), "facts": None, "assessment": None}
        time = self.time.model_copy(update=rule.time.as_time())
        return self.model_copy(update=plain | said | {"time": time, "enquiry": None})


CODED: Final = (
    "channel",
    "direction",
    "medium",
    "confidentiality",
    "personal_data",
    "occasion",
    "outcome",
)
TEXTS: Final = ("subject", "facts", "assessment", "place")
LISTS: Final = ("topics", "kle", "case_numbers", "document_numbers")
_OF_A_CONTACT: Final = RowContact.model_fields.keys() & Mapping.model_fields.keys() - {"time"}
Json = dict[str, Any]
