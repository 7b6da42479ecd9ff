"""What one can ask for about an agreement (kommandoer); each is the request body of its step."""

from typing import Annotated, Final

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

MILESTONES_MAX: Final = 100

Version = Annotated[int, Field(ge=1, le=10_000)]
SomeParties = Annotated[tuple[Name, ...], Field(min_length=2, max_length=PARTIES_MAX)]


class ExploreAgreement(Value):
    """Explore the possibility of an agreement (undersøg mulighed for aftale) between parties."""

    id: UuidText | None = None
    title: Subject = Field(examples=["Hovedaftale om almene boliger"])
    kind: Code = "main_agreement"
    parties: SomeParties
    occurred: OccurredGiven | None = None
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    source: Source | None = None


class OpenNegotiation(StepGiven):
    """Open negotiations (indled forhandling)."""

    note: Reason | None = None


class DraftAgreement(StepGiven):
    """Write a draft (udarbejd aftaleudkast): version 1."""

    document: UuidText | None = None


class AmendAgreement(StepGiven):
    """Amend it (ændr aftale): a new version, which every party must approve anew."""

    changes: Text
    document: UuidText | None = None


class ApproveAgreement(StepGiven):
    """Say that a party approved a version (godkend aftale), by which of its bodies."""

    party: Name
    body: Name | None = None
    agreement_version: Version


class ConcludeAgreement(StepGiven):
    """Conclude it (indgå aftale): refused while a party has not approved this version."""

    agreement_version: Version
    valid_from: Day
    valid_to: Day | None = None


class ImplementAgreement(StepGiven):
    """Say that an organisation made its own agreement under it (udmønt aftale)."""

    organisation: Name
    document: UuidText | None = None


class ReportStatus(StepGiven):
    """Report how it goes (afgiv status)."""

    report: Text


class ExtendAgreement(StepGiven):
    """Let it hold longer (forlæng aftale)."""

    valid_to: Day
    reason: Reason | None = None


class TerminateAgreement(StepGiven):
    """End it before its time (opsig aftale)."""

    by: Name
    valid_to: Day
    reason: Reason


class RenegotiateAgreement(StepGiven):
    """Negotiate it anew (genforhandl aftale)."""

    reason: Reason


class AbandonNegotiation(StepGiven):
    """Give the negotiation up (opgiv forhandlingen); what was concluded before it stands."""

    reason: Reason


class MilestoneGiven(Value):
    """A milestone of the plan (milepæl), as fuzzy as it was said."""

    name: Name
    planned: OccurredGiven


class PlanMilestones(StepGiven):
    """Plan the milestones (planlæg milepæle), whole."""

    milestones: Annotated[
        tuple[MilestoneGiven, ...], Field(min_length=1, max_length=MILESTONES_MAX)
    ]


class ReachMilestone(StepGiven):
    """Say that a milestone was reached (nå milepæl)."""

    name: Name
