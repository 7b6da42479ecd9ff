"""Decisions about meetings: pure functions from a meeting and a command to events."""

from collections.abc import Iterable, Iterator

from domain import contacts
from domain.contacts import LogContact
from domain.contacts.decisions import participants
from domain.documents.events import Document
from domain.errors import Refused
from domain.forums.decisions import chairing, in_force, seats
from domain.forums.events import Forum
from domain.meetings.commands import (
    ApproveMinutes,
    CallMeeting,
    CancelMeeting,
    DraftMinutes,
    HoldMeeting,
    ObjectToMinutes,
    PresentProposal,
    RescheduleMeeting,
    SetAgenda,
)
from domain.meetings.events import (
    CALLED,
    CANCELLED,
    HELD,
    AgendaItem,
    AgendaSet,
    Attendance,
    Meeting,
    MeetingCalled,
    MeetingCancelled,
    MeetingHeld,
    MeetingRescheduled,
    MeetingText,
    MeetingWords,
    Minutes,
    MinutesApproved,
    MinutesDrafted,
    MinutesObjected,
    ProposalPresented,
)
from domain.records import Check, Known, Record, standing
from domain.values import (
    Confidentiality,
    ContactId,
    Direction,
    Occurred,
    OccurredGiven,
    PartyRef,
    Value,
)

_ID = "meeting_id"


def call(command: CallMeeting, meeting_id: str, known: Known) -> MeetingCalled:
    """Decide that a meeting is called.

    Without forum records those of its forums are meant that are in force on the planned day, as
    far as the caller, and whoever will see the meeting, may know of them.
    """
    check = Check(known)
    forums = check.parties(command.forums, "/forums")
    for index, record in enumerate(command.forum_records):
        check.record("forum", record, f"/forum_records/{index}")
    invited = check.parties(command.invited, "/invited")
    occurred = check.happened(command.occurred)
    planned = check.planned(command.planned)
    found = _in_force(forums, planned.first_day, known)
    found = [forum for forum in found if ("forum", forum.id) not in known.hidden]
    if command.confidentiality is not Confidentiality.RESTRICTED:
        found = [each for each in found if each.confidentiality is not Confidentiality.RESTRICTED]
    check.done()
    return MeetingCalled(
        meeting_id=meeting_id,
        text=MeetingText(title=command.title, place=command.place),
        forums=forums,
        forum_records=tuple(dict.fromkeys(command.forum_records or (each.id for each in found))),
        planned=planned,
        invited=invited,
        occurred=occurred,
        confidentiality=command.confidentiality,
        source=command.source,
    )


def reschedule(
    meeting: Meeting | None, command: RescheduleMeeting, known: Known
) -> MeetingRescheduled:
    """Decide another time; a meeting called off may be called anew by it."""
    now = standing(meeting, CALLED, CANCELLED)
    check = Check(known)
    base = check.step(now, _ID, command)
    planned = check.planned(command.planned)
    check.done()
    if planned == now.planned and command.place in (None, now.place) and now.status == CALLED:
        raise Refused("nothing_changed")
    words = MeetingWords(reason=command.reason, place=command.place)
    return MeetingRescheduled(
        **base, planned=planned, text=words if command.reason or command.place else None
    )


def cancel(meeting: Meeting | None, command: CancelMeeting, known: Known) -> MeetingCancelled:
    """Decide that it is called off."""
    now = standing(meeting, CALLED)
    check = Check(known)
    base = check.step(now, _ID, command)
    check.done()
    text = MeetingWords(reason=command.reason) if command.reason else None
    return MeetingCancelled(**base, text=text)


def set_agenda(meeting: Meeting | None, command: SetAgenda, known: Known) -> AgendaSet:
    """Decide the agenda, whole; documents it names must be there."""
    now = standing(meeting, CALLED, HELD)
    check = Check(known)
    items, titles = [], {}
    for number, given in enumerate(command.items, 1):
        if given.document is not None:
            found = check.record("document", given.document, f"/items/{number - 1}/document")
            _version_there(found, given.version, check, f"/items/{number - 1}/version")
        item_id = given.id or known.new_id()
        if item_id in titles:
            check.fault(f"/items/{number - 1}/id", "duplicate_entry")
        titles[item_id] = given.title
        items.append(
            AgendaItem(
                item_id=item_id, number=number, document=given.document, version=given.version
            )
        )
    used = {each.item for each in now.attendance} | {each.item for each in now.presented}
    if used - {None} - titles.keys():
        check.fault("/items", "agenda_item_unknown")
    base = check.step(now, _ID, command)
    check.done()
    return AgendaSet(**base, items=tuple(items), text=MeetingWords(titles=titles))


def hold(meeting: Meeting | None, command: HoldMeeting, known: Known) -> list[Value]:
    """Decide that it was held: the meeting's own event, and with organisations a contact."""
    now = standing(meeting, CALLED)
    check = Check(known)
    base = check.step(now, _ID, command)
    occurred: Occurred = base["occurred"]
    chaired = check.parties(command.chaired_by, "/chaired_by")
    if not chaired and not command.chair_unknown:
        check.fault("/chaired_by", "no_chair")
    if chaired and command.chair_unknown:
        check.fault("/chair_unknown", "invalid_input")
    _check_chairs(now, chaired, occurred.first_day, check)
    administrations = check.parties(command.administrations, "/administrations")
    organisations = check.parties(command.organisations, "/organisations")
    others = check.parties(command.others, "/others")
    apologies = check.parties(command.apologies, "/apologies")
    for index, party in enumerate(apologies):
        if party.id and party.id in {chair.id for chair in chaired}:
            check.fault(f"/apologies/{index}", "duplicate_entry")
    attendance = _attendance(now, command, check)
    if organisations and not administrations:
        check.fault("/administrations", "invalid_input")
    people = participants(command.participants, _told(known), check.faults)
    contact_id = known.new_id() if organisations and administrations else None
    made = [*_contact(now, command, contact_id, check)] if contact_id else []
    check.done()
    held = MeetingHeld(
        **base,
        chaired_by=chaired,
        administrations=administrations,
        organisations=organisations,
        others=others,
        participants=people,
        apologies=apologies,
        attendance=attendance,
        contact_id=contact_id,
        text=MeetingWords(facts=command.facts) if command.facts else None,
    )
    return [held, *made]


def _check_chairs(now: Meeting, chaired: tuple[PartyRef, ...], day: str, check: Check) -> None:
    """R5 and R6: every forum is chaired by holders of its seats who have not left them.

    Whoever holds a seat that does not chair that day is refused; a stranger too, once all forums
    of the meeting have seats: somebody else may chair a forum whose seats are not told. Who may
    not know of a forum's seats cannot say who chaired it: any answer would tell who holds them.
    """
    forums = _seated(now, day, check.known)
    if chaired and any(("forum", forum.id) in check.known.hidden for forum in forums):
        check.fault("/chaired_by", "not_chairing")
        return
    may = {forum.id: {s.holder.id for s in chairing(forum, now.id, day)} for forum in forums}
    held = {s.holder.id for forum in forums for s in (*forum.chairs, *forum.former_chairs)}
    rightful = set().union(*may.values())
    names = [check.known.family(party.id) for party in chaired]
    covered = {forum.forum.id for forum in forums}
    whole = all(check.known.family(party.id) & covered for party in now.forums)
    wrong = [
        index
        for index, ids in enumerate(names)
        if may and chaired[index].id and not ids & rightful and (whole or ids & held)
    ]
    for index in wrong:
        check.fault(f"/chaired_by/{index}", "not_chairing")
    told = chaired and not wrong and all(party.id for party in chaired)
    for record_id, holders in may.items():
        if told and holders.isdisjoint(frozenset().union(*names)):
            check.fault("/chaired_by", "not_chairing", forum=record_id)


def _seated(now: Meeting, day: str, known: Known) -> list[Forum]:
    """Return the forums whose seats decide who chairs: those named, and those in force that day."""
    named = [("forum", record) for record in now.forum_records]
    there = [known.records.get(each) or known.sought.get(each) for each in named]
    found = [forum for forum in there if isinstance(forum, Forum)]
    found = [forum for forum in found if forum.chairs or forum.former_chairs]
    sought = [forum for forum in _in_force(now.forums, day, known) if seats(forum, day)]
    return list({forum.id: forum for forum in (*sought, *found)}.values())


def _in_force(forums: Iterable[PartyRef], day: str, known: Known) -> list[Forum]:
    """Return the records of these forums that are in force on a day, of those that were sought."""
    ids = frozenset().union(*(known.family(party.id) for party in forums))
    sought = (record for record in known.sought.values() if isinstance(record, Forum))
    return [forum for forum in sought if forum.forum.id in ids and in_force(forum, day)]


def _version_there(
    document: Record | None, version: int | None, check: Check, pointer: str
) -> None:
    if isinstance(document, Document) and version is not None and version > document.newest:
        check.fault(pointer, "version_unknown", newest=document.newest)


def _attendance(now: Meeting, command: HoldMeeting, check: Check) -> tuple[Attendance, ...]:
    items = {item.item_id for item in now.agenda}
    found = []
    for index, given in enumerate(command.attendance):
        if given.item not in items:
            check.fault(f"/attendance/{index}/item", "agenda_item_unknown")
        there = check.parties(given.parties, f"/attendance/{index}/parties")
        found.append(Attendance(item=given.item, parties=there))
    return tuple(found)


def _contact(
    now: Meeting, command: HoldMeeting, contact_id: str, check: Check
) -> Iterator[contacts.ContactLogged]:
    """Return the contact that the meeting is; what a contact checks is added to the faults."""
    known = check.known
    given = command.occurred or OccurredGiven.model_validate(known.now.isoformat())
    asked = LogContact(
        channel=command.channel,
        direction=Direction.MUTUAL,
        medium=command.medium,
        occurred=given,
        administrations=command.administrations,
        organisations=command.organisations,
        participants=command.participants,
        subject=now.title or "Møde",
        facts=command.facts,
        confidentiality=now.confidentiality,
        meeting=now.id,
    )
    try:
        yield contacts.log(asked, ContactId(contact_id), _told(known))
    except Refused as refused:
        told = {(fault.pointer, fault.code) for fault in check.faults}
        new = [fault for fault in refused.faults if (fault.pointer, fault.code) not in told]
        check.faults.extend(new)


def _told(known: Known) -> contacts.Known:
    return contacts.Known(
        now=known.now,
        zone=known.zone,
        parties=known.parties,
        media=known.media,
        pseudonym=known.pseudonym,
        lenient=known.lenient,
    )


def present(meeting: Meeting | None, command: PresentProposal, known: Known) -> ProposalPresented:
    """Decide that a proposal was laid before it."""
    now = standing(meeting, CALLED, HELD)
    check = Check(known)
    found = check.record("document", command.document, "/document")
    _version_there(found, command.version, check, "/version")
    presenters = check.parties(command.presenters, "/presenters")
    to = check.parties(command.to, "/to")
    if command.item is not None and command.item not in {item.item_id for item in now.agenda}:
        check.fault("/item", "agenda_item_unknown")
    base = check.step(now, _ID, command)
    if command.occurred is None and now.held is not None:
        base["occurred"] = now.held
    if base["occurred"].last_day < (now.held or now.planned).first_day:
        check.fault("/occurred", "invalid_input")
    check.done()
    return ProposalPresented(
        **base,
        document=command.document,
        document_version=command.version,
        presenters=presenters,
        to=to,
        item=command.item,
    )


def draft_minutes(meeting: Meeting | None, command: DraftMinutes, known: Known) -> MinutesDrafted:
    """Decide a version of the minutes; not once a version is approved."""
    now = standing(meeting, HELD)
    check = Check(known)
    if any(each.approved_by for each in now.minutes):
        check.fault("/minutes", "minutes_approved")
    base = check.step(now, _ID, command)
    check.done()
    number = len(now.minutes) + 1
    return MinutesDrafted(
        **base, minutes_version=number, text=MeetingWords(minutes=command.minutes)
    )


def object_to_minutes(
    meeting: Meeting | None, command: ObjectToMinutes, known: Known
) -> MinutesObjected:
    """Decide an objection; only minutes that are not approved can be objected to."""
    now = standing(meeting, HELD)
    check = Check(known)
    minutes = _minutes(now, command.minutes_version, check)
    if minutes is not None and minutes.approved_by is not None:
        check.fault("/minutes_version", "minutes_approved")
    by = check.party(command.by, "/by")
    base = check.step(now, _ID, command)
    check.done()
    return MinutesObjected(
        **base,
        minutes_version=command.minutes_version,
        by=by,
        text=MeetingWords(objection=command.objection),
    )


def approve_minutes(
    meeting: Meeting | None, command: ApproveMinutes, known: Known
) -> MinutesApproved:
    """Decide an approval of one version; one version is approved, once."""
    now = standing(meeting, HELD)
    check = Check(known)
    _minutes(now, command.minutes_version, check)
    if any(each.approved_by for each in now.minutes):
        check.fault("/minutes_version", "minutes_approved")
    by = check.party(command.by, "/by")
    if command.meeting is not None:
        check.record("meeting", command.meeting, "/meeting")
    base = check.step(now, _ID, command)
    check.done()
    return MinutesApproved(
        **base, minutes_version=command.minutes_version, by=by, meeting=command.meeting
    )


def _minutes(now: Meeting, number: int, check: Check) -> Minutes | None:
    found = next((each for each in now.minutes if each.number == number), None)
    if found is None:
        check.fault("/minutes_version", "version_unknown", newest=len(now.minutes))
    return found
