"""What one can ask for about a forum (kommandoer); each is also the request body of its step."""

from typing import Annotated, Final, Literal

from pydantic import Field

from domain.records import StepGiven
from domain.values import (
    PARTIES_MAX,
    Confidentiality,
    Day,
    Name,
    OccurredGiven,
    Reason,
    Source,
    Text,
    UuidText,
    Value,
)

Scope = Literal["meeting", "standing"]
SEATS_MAX: Final = 10
"""Chair seats of one forum: two in the memo; a seat per administration is thinkable."""


class SeatGiven(Value):
    """A chair seat as a caller writes it: which role holds it, and whether it has the option."""

    holder: Name = Field(examples=["Overborgmesteren"])
    option: bool = Field(default=False, description="May leave the chair to the other (R6)")
    valid_from: Day | None = None


class MemberGiven(Value):
    """A member as a caller writes it: a party, and as what it takes part."""

    party: Name
    role: Name | None = None


class ProposeForum(Value):
    """Propose a forum (foreslå forum), with the chairmanship that is proposed for it."""

    id: UuidText | None = None
    forum: Name = Field(examples=["Partnerskabsforum"])
    purpose: Text | None = None
    chairs: Annotated[tuple[SeatGiven, ...], Field(max_length=SEATS_MAX)] = ()
    occurred: OccurredGiven | None = None
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    source: Source | None = None


class EstablishForum(StepGiven):
    """Establish a forum (opret forum): its mandate, how often it meets, who is a member."""

    mandate: Text | None = None
    cadence: Name | None = Field(default=None, examples=["fire gange om året"])
    members: Annotated[tuple[MemberGiven, ...], Field(max_length=PARTIES_MAX)] = ()


class AssignChair(StepGiven):
    """Give a role a chair seat from a day on (tildel formandspost)."""

    holder: Name
    option: bool = False
    valid_from: Day | None = None


class VacateChair(StepGiven):
    """End a chair seat (nedlæg formandspost)."""

    seat: UuidText
    reason: Reason | None = None


class LeaveChair(StepGiven):
    """Leave the chair to the other (overlad formandskabet), for a meeting or until further notice.

    Refused for a seat without the option, and when nobody would be left to chair.
    """

    seat: UuidText
    scope: Scope
    meeting: UuidText | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None
    reason: Reason | None = None


class ElectParticipation(StepGiven):
    """Choose to take part in the chairmanship (vælg at deltage)."""

    seat: UuidText
    scope: Scope
    meeting: UuidText | None = None


class ResumeChair(StepGiven):
    """Take the chair up again after leaving it until further notice (genoptag formandskabet)."""

    seat: UuidText


class AppointMember(StepGiven):
    """Appoint a member (udpeg medlem)."""

    party: Name
    role: Name | None = None


class RetireMember(StepGiven):
    """Retire a member (medlem udtræder)."""

    party: Name
    reason: Reason | None = None


class ReplaceForum(StepGiven):
    """Say what comes in the forum's place (erstat forum): another forum, or something else."""

    by: Name | None = Field(default=None, examples=["Samarbejdsforum"])
    by_text: Name | None = Field(default=None, examples=["årlig redegørelse til TMU og ØU"])
    reason: Reason | None = None


class DiscontinueForum(StepGiven):
    """End a forum with nothing in its place (nedlæg forum)."""

    reason: Reason
