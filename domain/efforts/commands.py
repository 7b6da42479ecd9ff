"""What one can ask for about an information effort (kommandoer)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from domain.records import StepGiven
from domain.values import (
    PARTIES_MAX,
    Code,
    Confidentiality,
    Day,
    Name,
    OccurredGiven,
    Reason,
    Source,
    Subject,
    Text,
    UuidText,
    Value,
)

AUDIENCES_MAX: Final = 500
"""Audiences of one effort: every organisation, committee and local committee of a large city."""

Via = Literal["meeting", "note", "mail", "portal"]
Version = Annotated[int, Field(ge=1, le=10_000)]
Parties = Annotated[tuple[Name, ...], Field(max_length=PARTIES_MAX)]


class AudienceGiven(Value):
    """An audience (målgruppe) as a caller writes it: a party, or a group in words.

    `kind` groups audiences in the coverage: directors, committee, local_committee, organisation,
    federation … `after` names audiences of this effort that shall be informed before it.
    """

    id: UuidText | None = None
    party: Name | None = None
    name: Name | None = None
    kind: Code = Field(examples=["committee"])
    after: Annotated[tuple[Name, ...], Field(max_length=50)] = ()
    external: bool = Field(default=False, description="Outside the municipality")


class StartEffort(Value):
    """Start an information effort (påbegynd oplysningsindsats).

    In `after` an audience is named by its party's key, or by its name.
    """

    id: UuidText | None = None
    topic: Subject = Field(examples=["Ny organisering af samarbejdet"])
    document: UuidText | None = None
    current_version: Version | None = None
    audiences: Annotated[tuple[AudienceGiven, ...], Field(max_length=AUDIENCES_MAX)] = ()
    deadline: Day | None = None
    occurred: OccurredGiven | None = None
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    source: Source | None = None


class AddAudience(StepGiven):
    """Add an audience (tilføj målgruppe)."""

    audience: AudienceGiven


class AudienceStep(StepGiven):
    """Base of steps about one audience: its id, its party's key, or its name."""

    audience: Name


class RemoveAudience(AudienceStep):
    """Remove an audience (fjern målgruppe)."""

    reason: Reason


class OfferBriefing(AudienceStep):
    """Say that a briefing was offered (tilbyd orientering)."""


class AcceptBriefing(AudienceStep):
    """Say that the offer was accepted (takket ja)."""


class DeclineBriefing(AudienceStep):
    """Say that the offer was declined (takket nej)."""

    reason: Reason | None = None


class ScheduleBriefing(AudienceStep):
    """Plan a briefing (planlæg orientering); a plan is no outcome (R11)."""

    planned: OccurredGiven
    meeting: UuidText | None = None


class HoldBriefing(AudienceStep):
    """Say that a briefing was held (afhold orientering); it informs the audience."""

    speakers: Parties = ()
    attendees: Parties = ()
    absent: Parties = ()
    minutes: Annotated[int, Field(ge=1, le=1_440)] | None = None
    informed_version: Version | None = None
    meeting: UuidText | None = None


class InformAudience(AudienceStep):
    """Say that an audience was informed (orientér), by what; null when the version is unknown."""

    via: Via
    informed_version: Version | None = None
    meeting: UuidText | None = None


class IssueVersion(StepGiven):
    """Say that a newer version is current (udsend ny version): who had an older one is behind."""

    current_version: Version


class RaiseQuestion(AudienceStep):
    """Write down a question (stil spørgsmål)."""

    question: Text


class AnswerQuestion(StepGiven):
    """Answer a question (besvar spørgsmål)."""

    question: UuidText
    answer: Text


class AcknowledgeInformation(AudienceStep):
    """Say that the audience acknowledged (bekræft orientering)."""
