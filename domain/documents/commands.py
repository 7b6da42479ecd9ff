"""What one can ask for about a document (kommandoer); each is also the request body of its step."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from domain.records import StepGiven
from domain.values import (
    LIST_ITEMS_MAX,
    PARTIES_MAX,
    Code,
    Confidentiality,
    Name,
    Number,
    OccurredGiven,
    Reason,
    Source,
    Subject,
    Text,
    UuidText,
    Value,
)

PATH_STEPS_MAX: Final = 100
"""Steps of one planned path: every committee and body several times over."""

Parties = Annotated[tuple[Name, ...], Field(max_length=PARTIES_MAX)]
SomeParties = Annotated[tuple[Name, ...], Field(min_length=1, max_length=PARTIES_MAX)]
Numbers = Annotated[tuple[Number, ...], Field(max_length=LIST_ITEMS_MAX)]
Version = Annotated[int, Field(ge=1, le=10_000)]
Ids = Annotated[tuple[UuidText, ...], Field(max_length=LIST_ITEMS_MAX)]
Outcome = Literal["recommended", "amended", "no_recommendation"]


class PathKind(StrEnum):
    """What a body does with a paper on its way (led i sagens gang)."""

    REQUEST = "request"
    APPROVE = "approve"
    DISPATCH = "dispatch"
    INFORM = "inform"
    TREAT = "treat"
    ADOPT = "adopt"


class DraftDocument(Value):
    """Register a draft (registrér udkast): its first version, by one unit or several jointly.

    `required` are the bodies that must treat it before it can be adopted: a set, in no order.
    """

    id: UuidText | None = None
    kind: Code = Field(examples=["briefing_note"])
    title: Subject = Field(examples=["Fælles orienteringsnotat"])
    authors: SomeParties = Field(examples=[["TMF"]])
    required: Parties = ()
    adopting: Name | None = None
    content_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    case_numbers: Numbers = ()
    document_numbers: Numbers = ()
    kle: Numbers = ()
    occurred: OccurredGiven | None = None
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    source: Source | None = None


class CreateVersion(StepGiven):
    """Make a new version (opret version), and say what it is based on (R10)."""

    based_on_version: Version
    based_on_contacts: Ids = ()
    based_on_consultations: Ids = ()
    changes: Text | None = None
    content_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class HoldConsultation(StepGiven):
    """Write down a discussion between administrations (intern drøftelse); never a contact."""

    units: SomeParties
    document_version: Version | None = None
    note: Reason | None = None


class RequestApproval(StepGiven):
    """Submit a version to a body for approval (forelæg til godkendelse)."""

    body: Name
    document_version: Version
    meeting: UuidText | None = None
    planned: OccurredGiven | None = None


class ApproveDocument(StepGiven):
    """Say that a body approved a version (godkend), with or without changes and conditions."""

    body: Name
    document_version: Version
    with_changes: bool = False
    conditions: Reason | None = None
    dissent: Reason | None = None
    meeting: UuidText | None = None


class RejectDocument(StepGiven):
    """Say that a body rejected a version (afvis)."""

    body: Name
    document_version: Version
    reason: Reason | None = None


class PostponeDecision(StepGiven):
    """Say that a body put off its decision (udsæt)."""

    body: Name
    document_version: Version
    until: OccurredGiven | None = None
    reason: Reason | None = None


class DispatchDocument(StepGiven):
    """Send an approved version out (send): refused for a version nobody approved (R3)."""

    recipients: SomeParties
    document_version: Version
    medium: Code = "letter"


class SubmitRecommendation(StepGiven):
    """Submit it as a recommendation (fremsend indstilling), jointly when several units do."""

    submitting: SomeParties
    to: SomeParties
    document_version: Version
    deadline: OccurredGiven | None = None


class DeliberateRecommendation(StepGiven):
    """Say that a body treated it (behandl i udvalg), in which reading, with which outcome."""

    body: Name
    document_version: Version
    outcome: Outcome
    reading: Annotated[int, Field(ge=1, le=9)] = 1
    vote: Name | None = None
    dissent: Reason | None = None


class WaiveDeliberation(StepGiven):
    """Record that a required body need not treat it (frafald behandling)."""

    body: Name
    reason: Reason


class AdoptRecommendation(StepGiven):
    """Say that it was adopted (vedtag): refused while a required body has not treated it."""

    body: Name
    document_version: Version
    decision: Text | None = None


class SendBackRecommendation(StepGiven):
    """Say that it was sent back (hjemvis)."""

    body: Name
    document_version: Version
    reason: Reason | None = None


class WithdrawRecommendation(StepGiven):
    """Withdraw it (træk tilbage)."""

    reason: Reason


class PathStepGiven(Value):
    """One step of the planned path, as fuzzy as it was said ("april - juni")."""

    body: Name
    step: PathKind
    planned: OccurredGiven


class PlanPath(StepGiven):
    """Plan the path (planlæg sagens gang), whole; an earlier plan stays in the history."""

    path: Annotated[tuple[PathStepGiven, ...], Field(min_length=1, max_length=PATH_STEPS_MAX)]
