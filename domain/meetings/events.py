"""What happened to a meeting (hændelser), and the meeting as its events tell it."""

from typing import Any, Final

from domain.errors import Broken
from domain.persons import Participant
from domain.records import Record, StepTaken
from domain.values import (
    Confidentiality,
    Name,
    Occurred,
    PartyRef,
    Reason,
    Source,
    Subject,
    Text,
    Value,
)

CALLED: Final = "called"
HELD: Final = "held"
CANCELLED: Final = "cancelled"


class MeetingText(Value):
    """What the meeting is called and where it is; sealed under its own key."""

    title: Subject
    place: Name | None = None


class MeetingWords(Value):
    """The words of a step; sealed under the meeting's key. `titles` are by agenda item."""

    reason: Reason | None = None
    facts: Text | None = None
    place: Name | None = None
    titles: dict[str, str] | None = None
    minutes: Text | None = None
    objection: Reason | None = None


class AgendaItem(Value):
    """One item of the agenda; its title stands in the sealed words of the event."""

    item_id: str
    number: int
    document: str | None = None
    version: int | None = None


class Attendance(Value):
    """Who was there for one item."""

    item: str
    parties: tuple[PartyRef, ...]


class MeetingCalled(Value):
    """A meeting was called (møde indkaldt)."""

    meeting_id: str
    text: MeetingText | None
    forums: tuple[PartyRef, ...]
    forum_records: tuple[str, ...] = ()
    planned: Occurred
    invited: tuple[PartyRef, ...] = ()
    occurred: Occurred
    confidentiality: Confidentiality
    source: Source | None = None


class _Step(StepTaken):
    meeting_id: str
    text: MeetingWords | None = None


class MeetingRescheduled(_Step):
    """A meeting was moved (møde flyttet)."""

    planned: Occurred


class MeetingCancelled(_Step):
    """A meeting was called off (møde aflyst)."""


class AgendaSet(_Step):
    """The agenda was set, whole (dagsorden fastsat)."""

    items: tuple[AgendaItem, ...]


class MeetingHeld(_Step):
    """A meeting was held (møde afholdt); with organisations it is the contact `contact_id` too."""

    chaired_by: tuple[PartyRef, ...]
    administrations: tuple[PartyRef, ...] = ()
    organisations: tuple[PartyRef, ...] = ()
    others: tuple[PartyRef, ...] = ()
    participants: tuple[Participant, ...] = ()
    apologies: tuple[PartyRef, ...] = ()
    attendance: tuple[Attendance, ...] = ()
    contact_id: str | None = None


class ProposalPresented(_Step):
    """A proposal was laid before the meeting (forslag forelagt)."""

    document: str
    document_version: int | None
    presenters: tuple[PartyRef, ...] = ()
    to: tuple[PartyRef, ...] = ()
    item: str | None = None


class MinutesDrafted(_Step):
    """Minutes were written (referat udarbejdet)."""

    minutes_version: int


class MinutesObjected(_Step):
    """Somebody objected to the minutes (indsigelse mod referat)."""

    minutes_version: int
    by: PartyRef


class MinutesApproved(_Step):
    """A version of the minutes was approved (referat godkendt)."""

    minutes_version: int
    by: PartyRef
    meeting: str | None = None


MeetingEvent = (
    MeetingCalled
    | MeetingRescheduled
    | MeetingCancelled
    | AgendaSet
    | MeetingHeld
    | ProposalPresented
    | MinutesDrafted
    | MinutesObjected
    | MinutesApproved
)


class ItemNow(AgendaItem):
    """One item of the agenda with its title, null once erased."""

    title: str | None


class Presented(Value):
    """A proposal that was laid before the meeting."""

    document: str
    version: int | None
    presenters: tuple[PartyRef, ...]
    to: tuple[PartyRef, ...]
    item: str | None


class Objection(Value):
    """An objection to minutes."""

    by: PartyRef
    objection: str | None


class Minutes(Value):
    """One version of the minutes."""

    number: int
    minutes: str | None
    objections: tuple[Objection, ...] = ()
    approved_by: PartyRef | None = None
    approved: Occurred | None = None
    approved_at: str | None = None


class Meeting(Record):
    """A meeting by now."""

    title: str | None
    place: str | None = None
    forums: tuple[PartyRef, ...]
    forum_records: tuple[str, ...] = ()
    planned: Occurred
    first_planned: Occurred
    moved: int = 0
    invited: tuple[PartyRef, ...] = ()
    called: Occurred
    agenda: tuple[ItemNow, ...] = ()
    held: Occurred | None = None
    chaired_by: tuple[PartyRef, ...] = ()
    present: tuple[PartyRef, ...] = ()
    participants: tuple[Participant, ...] = ()
    apologies: tuple[PartyRef, ...] = ()
    attendance: tuple[Attendance, ...] = ()
    presented: tuple[Presented, ...] = ()
    minutes: tuple[Minutes, ...] = ()
    contact: str | None = None
    source: Source | None = None


def evolve(meeting: Meeting | None, event: MeetingEvent) -> Meeting:
    """Fold one event into the meeting; total, never refuses."""
    if isinstance(event, MeetingCalled):
        return _called(event)
    if meeting is None:
        raise Broken("log_broken", reason="step before opening")
    change = _planning(meeting, event) or _holding(meeting, event) or _minuting(meeting, event)
    return meeting.model_copy(update={**change, "version": meeting.version + 1})


def _called(event: MeetingCalled) -> Meeting:
    return Meeting(
        id=event.meeting_id,
        version=1,
        status=CALLED,
        confidentiality=event.confidentiality,
        title=event.text.title if event.text else None,
        place=event.text.place if event.text else None,
        forums=event.forums,
        forum_records=event.forum_records,
        planned=event.planned,
        first_planned=event.planned,
        invited=event.invited,
        called=event.occurred,
        source=event.source,
    )


def _planning(meeting: Meeting, event: MeetingEvent) -> dict[str, Any]:
    match event:
        case MeetingRescheduled():
            place = event.text.place if event.text else None
            return {
                "planned": event.planned,
                "moved": meeting.moved + 1,
                "place": place or meeting.place,
                "status": CALLED,
            }
        case MeetingCancelled():
            return {"status": CANCELLED}
        case AgendaSet():
            titles = (event.text.titles if event.text else None) or {}
            items = tuple(
                ItemNow(**item.__dict__, title=titles.get(item.item_id)) for item in event.items
            )
            return {"agenda": items}
        case _:
            return {}


def _holding(meeting: Meeting, event: MeetingEvent) -> dict[str, Any]:
    match event:
        case MeetingHeld():
            present = (*event.administrations, *event.organisations, *event.others)
            return {
                "status": HELD,
                "held": event.occurred,
                "chaired_by": event.chaired_by,
                "present": tuple({party.id: party for party in present}.values()),
                "participants": event.participants,
                "apologies": event.apologies,
                "attendance": event.attendance,
                "contact": event.contact_id,
            }
        case ProposalPresented():
            shown = Presented(
                document=event.document,
                version=event.document_version,
                presenters=event.presenters,
                to=event.to,
                item=event.item,
            )
            return {"presented": (*meeting.presented, shown)}
        case _:
            return {}


def _minuting(meeting: Meeting, event: MeetingEvent) -> dict[str, Any]:
    match event:
        case MinutesDrafted():
            words = event.text.minutes if event.text else None
            made = Minutes(number=event.minutes_version, minutes=words)
            return {"minutes": (*meeting.minutes, made)}
        case MinutesObjected():
            words = event.text.objection if event.text else None
            objection = Objection(by=event.by, objection=words)
            return _minuted(
                meeting, event.minutes_version, lambda m: {"objections": (*m.objections, objection)}
            )
        case MinutesApproved():
            change = {
                "approved_by": event.by,
                "approved": event.occurred,
                "approved_at": event.meeting,
            }
            return _minuted(meeting, event.minutes_version, lambda _: change)
        case _:
            return {}


def _minuted(meeting: Meeting, number: int, change: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "minutes": tuple(
            each.model_copy(update=change(each)) if each.number == number else each
            for each in meeting.minutes
        )
    }


def tags_of(event: MeetingEvent) -> list[str]:
    """Return the tags: the meeting, parties, people, documents, and the contact it also is."""
    tags = [f"meeting:{event.meeting_id}"]
    match event:
        case MeetingCalled():
            parties = [*event.forums, *event.invited]
            tags += [f"meeting_of:{record}" for record in event.forum_records]
        case MeetingHeld():
            parties = [*event.chaired_by, *event.administrations, *event.organisations]
            parties += [*event.others, *event.apologies]
            tags += [f"person:{one.person}" for one in event.participants if one.person]
            tags += [f"held_as:{event.contact_id}"] if event.contact_id else []
        case ProposalPresented():
            parties = [*event.presenters, *event.to]
            tags.append(f"presented:{event.document}")
        case MinutesObjected() | MinutesApproved():
            parties = [event.by]
        case _:
            parties = []
    tags += [f"party:{party.id}" for party in parties]
    return list(dict.fromkeys(tags))
