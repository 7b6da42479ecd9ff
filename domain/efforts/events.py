"""What happened in an information effort (hændelser), and the effort as its events tell it."""

from typing import Any, Final, Literal, assert_never

from domain.efforts.commands import Via
from domain.errors import Broken
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

STARTED: Final = "started"


class EffortWords(Value):
    """The words of an effort; sealed under its own key."""

    topic: Subject | None = None
    reason: Reason | None = None
    question: Text | None = None
    answer: Text | None = None


class Audience(Value):
    """An audience as events keep it; `after` are ids of audiences that come before it (R1)."""

    audience_id: str
    party: PartyRef | None = None
    name: Name
    kind: str
    after: tuple[str, ...] = ()
    external: bool = False


class InformationEffortStarted(Value):
    """An information effort began (oplysningsindsats påbegyndt)."""

    effort_id: str
    text: EffortWords | None
    document: str | None = None
    current_version: int | None = None
    audiences: tuple[Audience, ...] = ()
    deadline: str | None = None
    occurred: Occurred
    confidentiality: Confidentiality
    source: Source | None = None


class _Step(StepTaken):
    effort_id: str
    text: EffortWords | None = None


class AudienceAdded(_Step):
    """An audience was added (målgruppe tilføjet)."""

    audience: Audience


class _OfAudience(_Step):
    audience_id: str


class AudienceRemoved(_OfAudience):
    """An audience was removed (målgruppe fjernet)."""


class BriefingOffered(_OfAudience):
    """A briefing was offered (tilbudt orientering)."""


class BriefingAccepted(_OfAudience):
    """The offer was accepted (orientering accepteret)."""


class BriefingDeclined(_OfAudience):
    """The offer was declined (orientering afslået)."""


class BriefingScheduled(_OfAudience):
    """A briefing was planned (orientering planlagt)."""

    planned: Occurred
    meeting: str | None = None


class BriefingHeld(_OfAudience):
    """A briefing was held (orientering afholdt)."""

    speakers: tuple[PartyRef, ...] = ()
    attendees: tuple[PartyRef, ...] = ()
    absent: tuple[PartyRef, ...] = ()
    minutes: int | None = None
    informed_version: int | None = None
    meeting: str | None = None


class AudienceInformed(_OfAudience):
    """An audience was informed of a version (orienteret)."""

    via: Via
    informed_version: int | None = None
    meeting: str | None = None


class VersionIssued(_Step):
    """A newer version became current (ny version udsendt)."""

    current_version: int


class QuestionRaised(_OfAudience):
    """An audience asked (spørgsmål stillet)."""

    question_id: str


class QuestionAnswered(_Step):
    """A question was answered (spørgsmål besvaret)."""

    question_id: str


class InformationAcknowledged(_OfAudience):
    """An audience acknowledged (orientering bekræftet)."""


_AudienceStep = (
    AudienceRemoved
    | BriefingOffered
    | BriefingAccepted
    | BriefingDeclined
    | BriefingScheduled
    | BriefingHeld
    | AudienceInformed
    | InformationAcknowledged
)
_EffortStep = _AudienceStep | AudienceAdded | VersionIssued | QuestionRaised | QuestionAnswered
EffortEvent = InformationEffortStarted | _EffortStep


class Informing(Value):
    """One time an audience was informed: of which version, when, by what."""

    informed_version: int | None
    on: Occurred
    via: str
    speakers: tuple[PartyRef, ...] = ()
    attendees: tuple[PartyRef, ...] = ()
    absent: tuple[PartyRef, ...] = ()
    minutes: int | None = None
    meeting: str | None = None


class Said(Value):
    """One thing that was said of a briefing before it was held, in the order it was recorded."""

    kind: Literal["offered", "accepted", "declined", "scheduled"]
    on: Occurred
    planned: Occurred | None = None
    meeting: str | None = None


class AudienceNow(Audience):
    """An audience by now: each of offered, accepted, declined, scheduled is a fact of its own.

    Those four hold the latest of their kind, `said` all of them. One that was removed stays, so
    that what was offered to it, and asked by it, is not lost; it counts no longer.
    """

    offered: Occurred | None = None
    accepted: Occurred | None = None
    declined: Occurred | None = None
    scheduled: Occurred | None = None
    said: tuple[Said, ...] = ()
    informed: tuple[Informing, ...] = ()
    acknowledged: Occurred | None = None
    added: Occurred
    removed: Occurred | None = None


class Issued(Value):
    """A version, and since when it is the current one."""

    current_version: int
    on: Occurred


class Question(Value):
    """A question an audience asked."""

    question_id: str
    audience_id: str
    question: str | None
    answer: str | None = None
    asked: Occurred
    answered: Occurred | None = None


class Effort(Record):
    """An information effort by now."""

    topic: str | None
    document: str | None = None
    current_version: int | None = None
    versions: tuple[Issued, ...] = ()
    audiences: tuple[AudienceNow, ...] = ()
    questions: tuple[Question, ...] = ()
    deadline: str | None = None
    started: Occurred
    source: Source | None = None


def evolve(effort: Effort | None, event: EffortEvent) -> Effort:
    """Fold one event into the effort; total, never refuses."""
    if isinstance(event, InformationEffortStarted):
        return _started(event)
    if effort is None:
        raise Broken("log_broken", reason="step before opening")
    return effort.model_copy(update={**_change(effort, event), "version": effort.version + 1})


def _started(event: InformationEffortStarted) -> Effort:
    current = event.current_version
    return Effort(
        id=event.effort_id,
        version=1,
        status=STARTED,
        confidentiality=event.confidentiality,
        topic=event.text.topic if event.text else None,
        document=event.document,
        current_version=current,
        versions=(Issued(current_version=current, on=event.occurred),) if current else (),
        audiences=tuple(_added(each, event.occurred) for each in event.audiences),
        deadline=event.deadline,
        started=event.occurred,
        source=event.source,
    )


def _added(audience: Audience, on: Occurred) -> AudienceNow:
    return AudienceNow(**audience.__dict__, added=on)


def _change(effort: Effort, event: _EffortStep) -> dict[str, Any]:
    match event:
        case AudienceAdded():
            added = _added(event.audience, event.occurred)
            return {"audiences": (*effort.audiences, added)}
        case VersionIssued():
            issued = Issued(current_version=event.current_version, on=event.occurred)
            return {
                "current_version": event.current_version,
                "versions": (*effort.versions, issued),
            }
        case QuestionRaised():
            asked = Question(
                question_id=event.question_id,
                audience_id=event.audience_id,
                question=event.text.question if event.text else None,
                asked=event.occurred,
            )
            return {"questions": (*effort.questions, asked)}
        case QuestionAnswered():
            answer = event.text.answer if event.text else None
            change = {"answer": answer, "answered": event.occurred}
            return {
                "questions": tuple(
                    q.model_copy(update=change) if q.question_id == event.question_id else q
                    for q in effort.questions
                )
            }
        case _:
            return {
                "audiences": tuple(
                    a.model_copy(update=_told(a, event))
                    if a.audience_id == event.audience_id
                    else a
                    for a in effort.audiences
                )
            }


def _told(audience: AudienceNow, event: _AudienceStep) -> dict[str, Any]:
    on = event.occurred
    match event:
        case AudienceRemoved():
            return {"removed": on}
        case BriefingOffered():
            return {"offered": on, "said": (*audience.said, Said(kind="offered", on=on))}
        case BriefingAccepted():
            return {"accepted": on, "said": (*audience.said, Said(kind="accepted", on=on))}
        case BriefingDeclined():
            return {"declined": on, "said": (*audience.said, Said(kind="declined", on=on))}
        case BriefingScheduled():
            said = Said(kind="scheduled", on=on, planned=event.planned, meeting=event.meeting)
            return {"scheduled": event.planned, "said": (*audience.said, said)}
        case BriefingHeld() | AudienceInformed():
            return {"informed": (*audience.informed, _informing(event))}
        case InformationAcknowledged():
            return {"acknowledged": on}
        case _:
            assert_never(event)


def _informing(event: BriefingHeld | AudienceInformed) -> Informing:
    told = Informing(
        informed_version=event.informed_version,
        on=event.occurred,
        via="briefing" if isinstance(event, BriefingHeld) else event.via,
        meeting=event.meeting,
    )
    if isinstance(event, AudienceInformed):
        return told
    who = ("speakers", "attendees", "absent", "minutes")
    return told.model_copy(update={name: getattr(event, name) for name in who})


def tags_of(event: EffortEvent) -> list[str]:
    """Return the tags: the effort, the parties it tells, and what it is about."""
    tags = [f"effort:{event.effort_id}"]
    parties: list[PartyRef] = []
    match event:
        case InformationEffortStarted():
            parties = [each.party for each in event.audiences if each.party]
            tags += [f"effort_about:{event.document}"] if event.document else []
        case AudienceAdded():
            parties = [event.audience.party] if event.audience.party else []
        case BriefingHeld():
            parties = [*event.speakers, *event.attendees, *event.absent]
        case _:
            pass
    tags += [f"party:{party.id}" for party in parties]
    return list(dict.fromkeys(tags))
