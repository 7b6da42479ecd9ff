"""What happened to a forum (hændelser), and the forum as its events tell it; domain.md 1.8 C."""

from datetime import date
from typing import Any, Final

from domain.errors import Broken
from domain.forums.commands import Scope
from domain.records import Record, StepTaken
from domain.values import Confidentiality, Occurred, PartyRef, Reason, Source, Text, Value

PROPOSED: Final = "proposed"
ESTABLISHED: Final = "established"
REPLACED: Final = "replaced"
DISCONTINUED: Final = "discontinued"


class Words(Value):
    """The words of a step; sealed under the forum's key."""

    reason: Reason


class MandateText(Value):
    """What a forum is for; sealed under its own key."""

    purpose: Text | None = None
    mandate: Text | None = None


class Seat(Value):
    """A chair seat (formandspost): a role holds it; `proposed` until the forum is established."""

    seat_id: str
    holder: PartyRef
    option: bool
    valid_from: str | None = None
    proposed: bool = False


class FormerSeat(Seat):
    """A chair seat that ended; it chairs meetings up to `valid_to`, also those told of later."""

    valid_to: str


class Member(Value):
    """A member and as what it takes part."""

    party: PartyRef
    role: str | None = None


class Leaving(Value):
    """A seat that is left to the co-chair: for one meeting, or up to the day `valid_to`."""

    seat_id: str
    scope: Scope
    meeting: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None


class ForumProposed(Value):
    """A forum was proposed (forum foreslået), with the chair seats proposed for it."""

    forum_id: str
    forum: PartyRef
    text: MandateText | None
    occurred: Occurred
    confidentiality: Confidentiality
    source: Source | None = None


class ForumEstablished(StepTaken):
    """A forum was established (forum oprettet); what was proposed for it holds now."""

    forum_id: str
    text: MandateText | None
    cadence: str | None
    members: tuple[Member, ...]


class ChairAssigned(StepTaken):
    """A role was given a chair seat (formandspost tildelt), or it was proposed."""

    forum_id: str
    seat: Seat


class ChairVacated(StepTaken):
    """A chair seat ended (formandspost nedlagt)."""

    forum_id: str
    seat_id: str
    text: Words | None


class ChairLeftToCoChair(StepTaken):
    """The holder left the chair to the other (formandskabet overladt)."""

    forum_id: str
    leaving: Leaving
    text: Words | None


class ChairParticipationElected(StepTaken):
    """The holder chose to take part (deltagelse valgt)."""

    forum_id: str
    seat_id: str
    scope: Scope
    meeting: str | None


class ChairParticipationResumed(StepTaken):
    """The holder took the chair up again (formandskabet genoptaget)."""

    forum_id: str
    seat_id: str


class MemberAppointed(StepTaken):
    """A member was appointed (medlem udpeget)."""

    forum_id: str
    member: Member


class MemberRetired(StepTaken):
    """A member retired (medlem udtrådt)."""

    forum_id: str
    party: PartyRef
    text: Words | None


class ForumReplaced(StepTaken):
    """Something else came in the forum's place (forum erstattet)."""

    forum_id: str
    by: PartyRef | None
    by_text: str | None
    text: Words | None


class ForumDiscontinued(StepTaken):
    """A forum ended (forum nedlagt)."""

    forum_id: str
    text: Words | None


ForumEvent = (
    ForumProposed
    | ForumEstablished
    | ChairAssigned
    | ChairVacated
    | ChairLeftToCoChair
    | ChairParticipationElected
    | ChairParticipationResumed
    | MemberAppointed
    | MemberRetired
    | ForumReplaced
    | ForumDiscontinued
)


class Forum(Record):
    """A forum by now: its seats, who has left which of them, its members."""

    forum: PartyRef
    purpose: str | None = None
    mandate: str | None = None
    cadence: str | None = None
    chairs: tuple[Seat, ...] = ()
    former_chairs: tuple[FormerSeat, ...] = ()
    left: tuple[Leaving, ...] = ()
    elected: tuple[Leaving, ...] = ()
    members: tuple[Member, ...] = ()
    replaced_by: PartyRef | None = None
    replaced_by_text: str | None = None
    proposed: Occurred
    established: Occurred | None = None
    ended: Occurred | None = None
    source: Source | None = None


def evolve(forum: Forum | None, event: ForumEvent) -> Forum:
    """Fold one event into the forum; total, never refuses."""
    if isinstance(event, ForumProposed):
        return _proposed(event)
    if forum is None:
        raise Broken("log_broken", reason="step before opening")
    change = _chair_change(forum, event) or _life_change(forum, event)
    return forum.model_copy(update={**change, "version": forum.version + 1})


def _proposed(event: ForumProposed) -> Forum:
    return Forum(
        id=event.forum_id,
        version=1,
        status=PROPOSED,
        confidentiality=event.confidentiality,
        forum=event.forum,
        purpose=event.text.purpose if event.text else None,
        proposed=event.occurred,
        source=event.source,
    )


def _chair_change(forum: Forum, event: ForumEvent) -> dict[str, Any]:
    match event:
        case ChairAssigned():
            return {"chairs": (*forum.chairs, event.seat)}
        case ChairVacated():
            return _vacated(forum, event)
        case ChairLeftToCoChair():
            return {
                "left": (*forum.left, event.leaving),
                "elected": tuple(x for x in forum.elected if not _same(x, event.leaving)),
            }
        case ChairParticipationElected():
            chosen = Leaving(seat_id=event.seat_id, scope=event.scope, meeting=event.meeting)
            return {
                "elected": (*(x for x in forum.elected if not _same(x, chosen)), chosen),
                "left": _taken_up(forum.left, chosen, event.occurred.first_day),
            }
        case ChairParticipationResumed():
            chosen = Leaving(seat_id=event.seat_id, scope="standing")
            return {"left": _taken_up(forum.left, chosen, event.occurred.first_day)}
        case _:
            return {}


def _vacated(forum: Forum, event: ChairVacated) -> dict[str, Any]:
    """The seat chairs no longer from that day on; what it chaired before stays known."""
    ended = _day_before(event.occurred.first_day)
    former = [
        FormerSeat(**seat.__dict__, valid_to=ended)
        for seat in forum.chairs
        if seat.seat_id == event.seat_id
    ]
    return {
        "chairs": tuple(s for s in forum.chairs if s.seat_id != event.seat_id),
        "former_chairs": (*forum.former_chairs, *former),
    }


def _taken_up(left: tuple[Leaving, ...], chosen: Leaving, day: str) -> tuple[Leaving, ...]:
    """End what was left: for a meeting it is undone, for a time it ends before the day."""
    kept = []
    for each in left:
        if not _same(each, chosen):
            kept.append(each)
        elif each.scope == "standing" and (each.valid_from or "") < day:
            before = _day_before(day)
            ended = min(each.valid_to or before, before)
            kept.append(each.model_copy(update={"valid_to": ended}))
    return tuple(kept)


def _day_before(day: str) -> str:
    """Return the last day of what ends before a day; the calendar's first has none but itself."""
    return date.fromordinal(max(date.fromisoformat(day).toordinal() - 1, 1)).isoformat()


def _same(left: Leaving, chosen: Leaving) -> bool:
    return (left.seat_id, left.scope, left.meeting) == (
        chosen.seat_id,
        chosen.scope,
        chosen.meeting,
    )


def _life_change(forum: Forum, event: ForumEvent) -> dict[str, Any]:
    match event:
        case ForumEstablished():
            return {
                "status": ESTABLISHED,
                "established": event.occurred,
                "mandate": event.text.mandate if event.text else None,
                "cadence": event.cadence,
                "members": tuple(
                    {m.party.id: m for m in (*forum.members, *event.members)}.values()
                ),
                "chairs": tuple(s.model_copy(update={"proposed": False}) for s in forum.chairs),
            }
        case MemberAppointed():
            others = [m for m in forum.members if m.party.id != event.member.party.id]
            return {"members": (*others, event.member)}
        case MemberRetired():
            return {"members": tuple(m for m in forum.members if m.party.id != event.party.id)}
        case ForumReplaced():
            return {
                "status": REPLACED,
                "replaced_by": event.by,
                "replaced_by_text": event.by_text,
                "ended": event.occurred,
            }
        case ForumDiscontinued():
            return {"status": DISCONTINUED, "ended": event.occurred}
        case _:
            return {}


def tags_of(event: ForumEvent) -> list[str]:
    """Return the tags: the forum's record, whose it is, and every party the event names."""
    tags = [f"forum:{event.forum_id}"]
    match event:
        case ForumProposed():
            parties = [event.forum]
            tags.append(f"forum_of:{event.forum.id}")
        case ChairAssigned():
            parties = [event.seat.holder]
        case ForumEstablished():
            parties = [member.party for member in event.members]
        case MemberAppointed():
            parties = [event.member.party]
        case MemberRetired():
            parties = [event.party]
        case ForumReplaced():
            parties = [event.by] if event.by else []
        case _:
            parties = []
    tags += [f"party:{party.id}" for party in parties]
    return list(dict.fromkeys(tags))
