"""What one can ask for about an enquiry (kommandoer); each is also the request body of its step.

Every step takes `occurred`: when it took place, which is now when left out. So a register can be
imported with its own times, and late writing-down shows.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from domain.persons import ParticipantGiven
from domain.service_targets import EnquiryKind, Instant
from domain.values import (
    LIST_ITEMS_MAX,
    PARTICIPANTS_MAX,
    PARTIES_MAX,
    Code,
    Confidentiality,
    Day,
    Kle,
    Name,
    Number,
    OccurredGiven,
    PersonalData,
    Reason,
    Source,
    Subject,
    Text,
    UuidText,
    Value,
)

PARTS_MAX: Final = 20
"""Enquiries that one can be split into."""

Topics = Annotated[tuple[Number, ...], Field(max_length=LIST_ITEMS_MAX)]
KleList = Annotated[tuple[Kle, ...], Field(max_length=LIST_ITEMS_MAX)]
Parties = Annotated[tuple[Name, ...], Field(max_length=PARTIES_MAX)]


class Priority(StrEnum):
    """How urgent the desk finds it (prioritet)."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class AnswerKind(StrEnum):
    """What an answer is (svartype): only a substantive one answers the question itself."""

    SUBSTANTIVE = "substantive"
    REFERRAL = "referral"
    REFUSAL = "refusal"


class Closing(StrEnum):
    """Why an enquiry was closed (afslutning)."""

    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    NOTHING_OWED = "nothing_owed"


class GivenDeadline(Value):
    """A deadline that came with the enquiry (given frist): a day, or a moment with an offset."""

    due: Day | Instant
    basis: Name | None = None


class ReceiveEnquiry(Value):
    """Receive an enquiry through the one entry point (modtag henvendelse).

    It is also a contact: inbound, through the entry point. At least one of `administrations` (whom
    the sender addressed) and `received_by` (the desk's own unit) must be named. `written` follows
    from the medium when left out; the ten-day promise covers written enquiries only.
    """

    id: UuidText | None = None
    sender: Name = Field(examples=["KAB"])
    spoke_for: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    administrations: Parties = Field(default=(), examples=[["TMF"]])
    received_by: Name | None = None
    medium: Code = Field(examples=["email"])
    received: OccurredGiven
    written: bool | None = None
    kind: EnquiryKind = EnquiryKind.GENERAL
    subject: Subject = Field(examples=["Anvisning af boliger i Sydhavnen"])
    facts: Text | None = None
    assessment: Text | None = None
    participants: Annotated[tuple[ParticipantGiven, ...], Field(max_length=PARTICIPANTS_MAX)] = ()
    topics: Topics = ()
    kle: KleList = ()
    case_numbers: Topics = ()
    document_numbers: Topics = ()
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    personal_data: PersonalData = PersonalData.ORDINARY
    deadline: GivenDeadline | None = None
    documented_at: Day | None = None
    on_behalf_of: Name | None = None
    source: Source | None = None
    flags: Annotated[tuple[Code, ...], Field(max_length=LIST_ITEMS_MAX)] = ()

    @model_validator(mode="after")
    def _somebody_here(self) -> Self:
        if not self.administrations and self.received_by is None:
            msg = "name the administrations addressed, or the unit that received it"
            raise ValueError(msg)
        return self


class _Step(Value):
    occurred: OccurredGiven | None = None


class AcknowledgeEnquiry(_Step):
    """Acknowledge receipt with a name to turn to (kvittér): a handler or a team."""

    handler: Name | None = None
    team: Name | None = None
    expected_by: Day | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.handler is None and self.team is None:
            msg = "name the handler or the team"
            raise ValueError(msg)
        return self


class TriageEnquiry(_Step):
    """Sort an enquiry (visitér); fields left out stay as they are."""

    category: Code | None = None
    priority: Priority | None = None
    kind: EnquiryKind | None = None
    topics: Topics | None = None
    kle: KleList | None = None
    duplicate_of: UuidText | None = None
    note: Reason | None = None


class RouteEnquiry(_Step):
    """Send an enquiry to who shall answer it (fordel).

    Refused when it is routed already, so that two desks do not both send it: `additional` says that
    one more shall answer. `for` is the addressed administration this answers for; when left out
    it is the one `to` belongs to, or `to` itself. `rule_id` names the rule that was followed.
    """

    to: Name = Field(examples=["TMF"])
    for_: Name | None = Field(default=None, alias="for")
    additional: bool = False
    rule_id: UuidText | None = None
    reason: Reason | None = None


class RerouteEnquiry(_Step):
    """Send an enquiry on from one unit to another (omfordel)."""

    from_: Name = Field(alias="from")
    to: Name
    reason: Reason


class ReturnEnquiry(_Step):
    """Send an enquiry back to the desk (returnér)."""

    from_: Name = Field(alias="from")
    reason: Reason


class AssignEnquiry(_Step):
    """Give an enquiry to a person or a role in the unit that has it (tildel sagsbehandler)."""

    unit: Name | None = None
    assignee: ParticipantGiven


class RequestInformation(_Step):
    """Ask the sender for information (udbed oplysninger)."""

    question: Text
    due: Day | None = None


class SupplyInformation(_Step):
    """Take down information the sender gave (modtag oplysninger)."""

    information: Text


class SendInterimReply(_Step):
    """Tell the sender that it takes longer, why, and until when (send foreløbigt svar)."""

    new_expected_by: Day
    reason: Reason


class AnswerEnquiry(_Step):
    """Answer an enquiry (besvar); `by` may be left out when only one owes an answer."""

    answer_kind: AnswerKind
    by: Name | None = None
    answer: Text | None = None
    document: Number | None = None


class WaiveAnswer(_Step):
    """Record that no answer is owed by somebody after all (frafald svar)."""

    by: Name
    reason: Reason


class CloseEnquiry(_Step):
    """Close an enquiry (afslut); refused while somebody owes an answer.

    `waive` gives the reason why all that is still owed is waived, and records each waiver.
    """

    closing: Closing = Closing.ANSWERED
    reason: Reason | None = None
    waive: Reason | None = None
    satisfaction: Annotated[int, Field(ge=1, le=5)] | None = None


class ReopenEnquiry(_Step):
    """Open a closed enquiry again (genåbn)."""

    reason: Reason


class EnquiryPart(Value):
    """One part that an enquiry is split into (del)."""

    id: UuidText | None = None
    subject: Subject
    facts: Text | None = None
    administrations: Parties = ()
    topics: Topics = ()
    kle: KleList = ()


class SplitEnquiry(_Step):
    """Split an enquiry into several (opdel); each keeps the day of receipt and its deadlines."""

    parts: Annotated[tuple[EnquiryPart, ...], Field(min_length=2, max_length=PARTS_MAX)]
    reason: Reason


class MergeEnquiry(_Step):
    """Merge an enquiry into another of the same matter (sammenlæg)."""

    into: UuidText
    reason: Reason


EnquiryStep = (
    AcknowledgeEnquiry
    | TriageEnquiry
    | RouteEnquiry
    | RerouteEnquiry
    | ReturnEnquiry
    | AssignEnquiry
    | RequestInformation
    | SupplyInformation
    | SendInterimReply
    | AnswerEnquiry
    | WaiveAnswer
    | CloseEnquiry
    | ReopenEnquiry
    | SplitEnquiry
    | MergeEnquiry
)
StepName = Literal[
    "acknowledgements",
    "triage",
    "routes",
    "reroutes",
    "returns",
    "assignments",
    "information-requests",
    "information",
    "interim-replies",
    "answers",
    "waivers",
    "closures",
    "reopenings",
    "splits",
    "merges",
]
