"""What one can ask for about a meeting (kommandoer); each is also the request body of its step."""

from typing import Annotated, Final

from pydantic import Field

from domain.persons import ParticipantGiven
from domain.records import StepGiven
from domain.values import (
    PARTICIPANTS_MAX,
    PARTIES_MAX,
    Channel,
    Code,
    Confidentiality,
    Name,
    OccurredGiven,
    Reason,
    Source,
    Subject,
    Text,
    UuidText,
    Value,
)

FORUMS_MAX: Final = 20
"""Forums of one joint meeting: two in the memo."""
AGENDA_ITEMS_MAX: Final = 200

Parties = Annotated[tuple[Name, ...], Field(max_length=PARTIES_MAX)]
ForumIds = Annotated[tuple[UuidText, ...], Field(max_length=FORUMS_MAX)]
Version = Annotated[int, Field(ge=1, le=10_000)]


class CallMeeting(Value):
    """Call a meeting (indkald møde) of one forum or body, or of several jointly.

    `forums` are the parties that meet; `forum_records` the records of their life: when left out,
    those in force on the planned day. Who chaired is judged by the seats of every forum that meets,
    named here or not.
    """

    id: UuidText | None = None
    title: Subject = Field(examples=["Fælles møde om ny organisering"])
    forums: Annotated[tuple[Name, ...], Field(min_length=1, max_length=FORUMS_MAX)]
    forum_records: ForumIds = ()
    planned: OccurredGiven = Field(examples=["2010-02-22"])
    place: Name | None = None
    invited: Parties = ()
    occurred: OccurredGiven | None = Field(default=None, description="When it was called")
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    source: Source | None = None


class RescheduleMeeting(StepGiven):
    """Move a meeting (flyt møde)."""

    planned: OccurredGiven
    place: Name | None = None
    reason: Reason | None = None


class CancelMeeting(StepGiven):
    """Call a meeting off (aflys møde)."""

    reason: Reason | None = None


class AgendaItemGiven(Value):
    """One item of an agenda (dagsordenspunkt); `version` null when it is not known which."""

    id: UuidText | None = None
    title: Subject
    document: UuidText | None = None
    version: Version | None = None


class SetAgenda(StepGiven):
    """Set the agenda (fastsæt dagsorden), whole."""

    items: Annotated[tuple[AgendaItemGiven, ...], Field(max_length=AGENDA_ITEMS_MAX)]


class AttendanceGiven(Value):
    """Who was there for one item (fremmøde pr. punkt)."""

    item: UuidText
    parties: Parties


class HoldMeeting(StepGiven):
    """Say that a meeting was held (registrér afholdt møde): who chaired, who was there.

    `chaired_by` names roles, not persons. With organisations present it is recorded as a contact
    too, under `channel` and `medium`; without, it is internal and no contact.
    """

    chaired_by: Annotated[tuple[Name, ...], Field(max_length=FORUMS_MAX)] = ()
    chair_unknown: bool = Field(default=False, description="The source does not say who chaired")
    administrations: Parties = ()
    organisations: Parties = ()
    others: Parties = ()
    participants: Annotated[tuple[ParticipantGiven, ...], Field(max_length=PARTICIPANTS_MAX)] = ()
    apologies: Parties = ()
    attendance: Annotated[tuple[AttendanceGiven, ...], Field(max_length=AGENDA_ITEMS_MAX)] = ()
    facts: Text | None = None
    channel: Channel = Channel.DIRECT
    medium: Code = "meeting_physical"


class PresentProposal(StepGiven):
    """Say that a proposal was laid before the meeting (forelæg forslag).

    `version` stays null when the source does not say which: it is never guessed.
    """

    document: UuidText
    version: Version | None = None
    presenters: Parties = ()
    to: Parties = ()
    item: UuidText | None = None


class DraftMinutes(StepGiven):
    """Write minutes (udarbejd referat): a version of its own each time."""

    minutes: Text


class ObjectToMinutes(StepGiven):
    """Object to minutes that are not approved (gør indsigelse mod referat)."""

    minutes_version: Version
    by: Name
    objection: Reason


class ApproveMinutes(StepGiven):
    """Approve a version of the minutes (godkend referat)."""

    minutes_version: Version
    by: Name
    meeting: UuidText | None = Field(default=None, description="The meeting that approved them")
