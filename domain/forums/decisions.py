"""Decisions about forums: pure functions from a forum and a command to events, or a refusal."""

from domain.errors import Refused
from domain.forums.commands import (
    SEATS_MAX,
    AppointMember,
    AssignChair,
    DiscontinueForum,
    ElectParticipation,
    EstablishForum,
    LeaveChair,
    MemberGiven,
    ProposeForum,
    ReplaceForum,
    ResumeChair,
    RetireMember,
    VacateChair,
)
from domain.forums.events import (
    ESTABLISHED,
    PROPOSED,
    ChairAssigned,
    ChairLeftToCoChair,
    ChairParticipationElected,
    ChairParticipationResumed,
    ChairVacated,
    Forum,
    ForumDiscontinued,
    ForumEstablished,
    ForumEvent,
    ForumProposed,
    ForumReplaced,
    Leaving,
    MandateText,
    Member,
    MemberAppointed,
    MemberRetired,
    Seat,
    Words,
)
from domain.meetings.events import Meeting
from domain.records import NOBODY, Check, Known, one_each, standing
from domain.values import PartyRef


def chairing(forum: Forum, meeting: str | None, day: str) -> tuple[Seat, ...]:
    """Return the seats whose holders chair a meeting (None: any) on a day (R5, R6).

    A seat that is only proposed chairs nothing, nor does any after the forum's end.
    """
    there = seats(forum, day)
    return tuple(seat for seat in there if not _has_left(forum, seat.seat_id, meeting, day))


def seats(forum: Forum, day: str) -> tuple[Seat, ...]:
    """Return the chair seats there are on a day, also those that are left to others."""
    if forum.ended is not None and forum.ended.last_day < day:
        return ()
    former = (seat for seat in forum.former_chairs if day <= seat.valid_to)
    return tuple(
        seat
        for seat in (*forum.chairs, *former)
        if not seat.proposed and (seat.valid_from or "") <= day
    )


def in_force(forum: Forum, day: str) -> bool:
    """Return whether a forum is established on a day, and has not ended before it."""
    begun = forum.established is not None and forum.established.first_day <= day
    return begun and (forum.ended is None or day <= forum.ended.last_day)


def _has_left(forum: Forum, seat_id: str, meeting: str | None, day: str) -> bool:
    elected = any(e.seat_id == seat_id and e.meeting == meeting for e in forum.elected if meeting)
    for leaving in forum.left:
        if leaving.seat_id != seat_id:
            continue
        if leaving.scope == "meeting" and meeting is not None and leaving.meeting == meeting:
            return True
        begun = (leaving.valid_from or "") <= day
        ended = leaving.valid_to is not None and leaving.valid_to < day
        if leaving.scope == "standing" and begun and not ended and not elected:
            return True
    return False


def propose(command: ProposeForum, forum_id: str, known: Known) -> list[ForumEvent]:
    """Decide a proposal; each chair seat is an event of its own."""
    check = Check(known)
    forum = check.party(command.forum, "/forum")
    occurred = check.happened(command.occurred)
    holders = [check.party(s.holder, f"/chairs/{i}/holder") for i, s in enumerate(command.chairs)]
    check.done()
    events: list[ForumEvent] = [
        ForumProposed(
            forum_id=forum_id,
            forum=forum,
            text=MandateText(purpose=command.purpose) if command.purpose else None,
            occurred=occurred,
            confidentiality=command.confidentiality,
            source=command.source,
        )
    ]
    for number, (given, holder) in enumerate(zip(command.chairs, holders, strict=True), 2):
        seat = Seat(
            seat_id=known.new_id(),
            holder=holder,
            option=given.option,
            valid_from=given.valid_from,
            proposed=True,
        )
        events.append(
            ChairAssigned(forum_id=forum_id, version=number, occurred=occurred, seat=seat)
        )
    return events


def establish(forum: Forum | None, command: EstablishForum, known: Known) -> ForumEstablished:
    """Decide that a proposed forum is established."""
    now = standing(forum, PROPOSED)
    check = Check(known)
    members = _members(check, command.members, now)
    base = check.step(now, "forum_id", command)
    check.done()
    text = MandateText(purpose=now.purpose, mandate=command.mandate)
    return ForumEstablished(
        **base,
        text=text if text.purpose or text.mandate else None,
        cadence=command.cadence,
        members=members,
    )


def _members(check: Check, given: tuple[MemberGiven, ...], now: Forum) -> tuple[Member, ...]:
    held = _who(now)
    found = [
        Member(party=check.party(each.party, f"/members/{index}/party", held), role=each.role)
        for index, each in enumerate(given)
    ]
    return tuple({member.party.id: member for member in found}.values())


def assign_chair(forum: Forum | None, command: AssignChair, known: Known) -> ChairAssigned:
    """Decide a further seat; a role holds one seat of a forum at a time."""
    now = standing(forum, PROPOSED, ESTABLISHED)
    check = Check(known)
    holder = check.party(command.holder, "/holder", [seat.holder for seat in now.chairs])
    if any(seat.holder.id == holder.id for seat in now.chairs):
        check.fault("/holder", "seat_held")
    if len(now.chairs) >= SEATS_MAX:
        check.fault("/holder", "too_large", max=SEATS_MAX)
    base = check.step(now, "forum_id", command)
    check.done()
    seat = Seat(
        seat_id=known.new_id(),
        holder=holder,
        option=command.option,
        valid_from=command.valid_from,
        proposed=now.status == PROPOSED,
    )
    return ChairAssigned(**base, seat=seat)


def _seat(now: Forum, seat_id: str, check: Check) -> Seat | None:
    found = next((seat for seat in now.chairs if seat.seat_id == seat_id), None)
    if found is None:
        check.fault("/seat", "seat_unknown")
    return found


def vacate_chair(forum: Forum | None, command: VacateChair, known: Known) -> ChairVacated:
    """Decide the end of a seat."""
    now = standing(forum, PROPOSED, ESTABLISHED)
    check = Check(known)
    _seat(now, command.seat, check)
    base = check.step(now, "forum_id", command)
    check.done()
    return ChairVacated(
        **base,
        seat_id=command.seat,
        text=_words(command.reason),
    )


def leave_chair(forum: Forum | None, command: LeaveChair, known: Known) -> ChairLeftToCoChair:
    """Decide that the holder leaves the chair to the other (R6)."""
    now = standing(forum, ESTABLISHED)
    check = Check(known)
    seat = _seat(now, command.seat, check)
    if seat is not None and not seat.option:
        check.fault("/seat", "no_option")
    if (command.scope == "meeting") != (command.meeting is not None):
        check.fault("/meeting", "invalid_input")
    meeting = None
    if command.meeting is not None:
        meeting = check.record("meeting", command.meeting, "/meeting")
    base = check.step(now, "forum_id", command)
    begins = command.valid_from or base["occurred"].first_day
    if command.valid_to is not None and command.valid_to < begins:
        check.fault("/valid_to", "invalid_input")
    leaving = Leaving(
        seat_id=command.seat,
        scope=command.scope,
        meeting=command.meeting,
        valid_from=begins if command.scope == "standing" else command.valid_from,
        valid_to=command.valid_to,
    )
    day = meeting.planned.first_day if isinstance(meeting, Meeting) else begins
    if any(_alone(now, leaving, each) for each in _turning_days(now, leaving, day)):
        check.fault("/seat", "no_chair_left")
    check.done()
    if leaving in now.left:
        raise Refused("nothing_changed")
    return ChairLeftToCoChair(
        **base,
        leaving=leaving,
        text=_words(command.reason),
    )


def _alone(now: Forum, leaving: Leaving, day: str) -> bool:
    """Return whether nobody else chairs on a day."""
    return all(seat.seat_id == leaving.seat_id for seat in chairing(now, leaving.meeting, day))


def _turning_days(now: Forum, leaving: Leaving, day: str) -> list[str]:
    """Return the days of a leaving on which somebody else may stop chairing: its first, and on."""
    if leaving.scope == "meeting":
        return [day]
    begun = [other.valid_from for other in now.left if other.scope == "standing"]
    return [day, *(d for d in begun if d and day < d <= (leaving.valid_to or d))]


def elect(
    forum: Forum | None, command: ElectParticipation, known: Known
) -> ChairParticipationElected:
    """Decide that the holder takes part, in one meeting also while the chair is left standing."""
    now = standing(forum, PROPOSED, ESTABLISHED)
    check = Check(known)
    seat = _seat(now, command.seat, check)
    if seat is not None and not seat.option:
        check.fault("/seat", "no_option")
    if (command.scope == "meeting") != (command.meeting is not None):
        check.fault("/meeting", "invalid_input")
    if command.meeting is not None:
        check.record("meeting", command.meeting, "/meeting")
    base = check.step(now, "forum_id", command)
    check.done()
    chosen = Leaving(seat_id=command.seat, scope=command.scope, meeting=command.meeting)
    if chosen in now.elected and not _left_open(now, chosen, base["occurred"].first_day):
        raise Refused("nothing_changed")
    return ChairParticipationElected(
        **base,
        seat_id=command.seat,
        scope=command.scope,
        meeting=command.meeting,
    )


def resume_chair(
    forum: Forum | None, command: ResumeChair, known: Known
) -> ChairParticipationResumed:
    """Decide that the holder takes the chair up again."""
    now = standing(forum, ESTABLISHED)
    check = Check(known)
    seat = _seat(now, command.seat, check)
    base = check.step(now, "forum_id", command)
    standing_left = Leaving(seat_id=command.seat, scope="standing")
    if seat and not _left_open(now, standing_left, base["occurred"].first_day):
        check.fault("/seat", "chair_not_left")
    check.done()
    return ChairParticipationResumed(**base, seat_id=command.seat)


def _left_open(now: Forum, chosen: Leaving, day: str) -> bool:
    """Return whether the seat is left in that scope on a day or later."""
    return any(
        (left.seat_id, left.scope, left.meeting) == (chosen.seat_id, chosen.scope, chosen.meeting)
        and day <= (left.valid_to or day)
        for left in now.left
    )


def appoint(forum: Forum | None, command: AppointMember, known: Known) -> MemberAppointed:
    """Decide a further member."""
    now = standing(forum, PROPOSED, ESTABLISHED)
    check = Check(known)
    party = check.party(command.party, "/party", _who(now))
    member = Member(party=party, role=command.role)
    base = check.step(now, "forum_id", command)
    check.done()
    if member in now.members:
        raise Refused("nothing_changed")
    return MemberAppointed(**base, member=member)


def retire(forum: Forum | None, command: RetireMember, known: Known) -> list[MemberRetired]:
    """Decide that a member retires; members that were merged retire together."""
    now = standing(forum, PROPOSED, ESTABLISHED)
    check = Check(known)
    parties = check.each(command.party, "/party", _who(now))
    if parties[0] is not NOBODY and parties[0] not in _who(now):
        check.fault("/party", "not_a_member")
    base = check.step(now, "forum_id", command)
    check.done()
    return [
        MemberRetired(**own, party=party, text=_words(command.reason))
        for party, own in one_each(base, parties)
    ]


def _who(now: Forum) -> list[PartyRef]:
    return [member.party for member in now.members]


def replace(forum: Forum | None, command: ReplaceForum, known: Known) -> ForumReplaced:
    """Decide that something else comes in its place."""
    now = standing(forum, PROPOSED, ESTABLISHED)
    check = Check(known)
    by = check.party(command.by, "/by", [now.forum]) if command.by else None
    if command.by is None and command.by_text is None:
        check.fault("/by", "invalid_input")
    if by is not None and by.id == now.forum.id:
        check.fault("/by", "replaced_by_itself")
    base = check.step(now, "forum_id", command)
    check.done()
    return ForumReplaced(
        **base,
        by=by,
        by_text=command.by_text,
        text=_words(command.reason),
    )


def discontinue(forum: Forum | None, command: DiscontinueForum, known: Known) -> ForumDiscontinued:
    """Decide its end."""
    now = standing(forum, PROPOSED, ESTABLISHED)
    check = Check(known)
    base = check.step(now, "forum_id", command)
    check.done()
    return ForumDiscontinued(
        **base,
        text=_words(command.reason),
    )


def _words(reason: str | None) -> Words | None:
    return Words(reason=reason) if reason else None
