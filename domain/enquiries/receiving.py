"""How an enquiry comes to be (modtagelse): received with its contact, or split off another.

Here the deadlines are counted, and counted anew when the sorting changes what is owed.
"""

from typing import Any, Final

from domain import contacts
from domain.calendar import CalendarRangeError
from domain.contacts import LogContact
from domain.enquiries.clocks import given_deadline, times_of
from domain.enquiries.commands import EnquiryPart, ReceiveEnquiry, SplitEnquiry, TriageEnquiry
from domain.enquiries.events import (
    EnquiryReceived,
    EnquiryRouted,
    EnquirySplit,
    EnquiryText,
    EnquiryTriaged,
)
from domain.enquiries.known import Asked, Known, step_text
from domain.enquiries.owing import chain, routed_to
from domain.enquiries.state import EnquiryState, evolve
from domain.errors import Fault, Refused
from domain.routing import automatic
from domain.service_targets import Clock, Deadline, EnquiryKind, deadlines
from domain.values import Channel, ContactId, Direction, Occurred, PartyRef, Value, refuse_if

WRITTEN_MEDIA: Final = frozenset(
    {
        "email",
        "letter",
        "digital_post",
        "sms_chat",
        "hearing_response",
        "portal_form",
        "hand_over_document",
    }
)
"""Media whose enquiries are written unless the command says otherwise."""
_TO_CONTACT: Final = (
    "medium",
    "subject",
    "facts",
    "assessment",
    "participants",
    "topics",
    "kle",
    "case_numbers",
    "document_numbers",
    "confidentiality",
    "personal_data",
    "documented_at",
    "on_behalf_of",
    "source",
)


# ── receive ──────────────────────────────────────────────────────────────────────────────────────


def receive(
    command: ReceiveEnquiry, enquiry_id: str, contact_id: ContactId, known: Known
) -> list[Value]:
    """Decide a receipt: the contact, the enquiry, and its routing when an automatic rule matches.

    Working days count from the day of receipt; of a receipt known only to a week, month or period,
    from its last day, because nothing shows that it was here before. Registers are not routed by
    today's rules.
    """
    faults: list[Fault] = []
    occurred = command.received.resolve(known.zone)
    spoke_for = known.each(command.spoke_for, "/spoke_for", faults)
    owed, flags = _owed_at_receipt(command, occurred, known, faults)
    logged = _logged(command, flags, enquiry_id, contact_id, known, faults)
    if logged is None:
        raise Refused(faults[0].code, faults)
    refuse_if(faults)
    here = {key: known.parties[key] for key in command.administrations}
    received = EnquiryReceived(
        enquiry_id=enquiry_id,
        contact_id=contact_id,
        sender=logged.content.organisations[0],
        spoke_for=spoke_for,
        addressed=tuple({one.id: one for one in here.values() if one}.values()),
        received_by=known.parties[command.received_by] if command.received_by else None,
        medium=command.medium,
        written=_written(command),
        kind=command.kind,
        received=occurred,
        received_day=occurred.last_day,
        text=EnquiryText(subject=command.subject, facts=command.facts),
        topics=logged.content.topics,
        kle=logged.content.kle,
        case_numbers=logged.content.case_numbers,
        confidentiality=command.confidentiality,
        deadlines=owed,
        source=command.source,
    )
    return [logged, received, *_routed_by_rule(received, known)]


def _written(command: ReceiveEnquiry) -> bool:
    return command.medium in WRITTEN_MEDIA if command.written is None else command.written


def _logged(
    command: ReceiveEnquiry,
    flags: tuple[str, ...],
    enquiry_id: str,
    contact_id: ContactId,
    known: Known,
    faults: list[Fault],
) -> contacts.ContactLogged | None:
    """Return the contact the enquiry comes with; None, and its faults, when it is refused."""
    units = [command.received_by] if command.received_by else []
    # Every value was validated as a part of the enquiry; limits of lists differ by one unit.
    asked = LogContact.model_construct(
        **{name: getattr(command, name) for name in _TO_CONTACT},
        channel=Channel.ENTRY_POINT,
        direction=Direction.INBOUND,
        occurred=command.received,
        administrations=(*command.administrations, *units),
        organisations=(command.sender,),
        enquiry=enquiry_id,
        flags=(*command.flags, *flags),
    )
    try:
        return contacts.log(asked, contact_id, known.of_contact)
    except Refused as refused:
        own_unit = f"/administrations/{len(command.administrations)}"
        renamed = {
            "/occurred": "/received",
            "/organisations/0": "/sender",
            own_unit: "/received_by",
        }
        found = [Fault(renamed.get(f.pointer, f.pointer), f.code, f.params) for f in refused.faults]
        faults[:0] = found
        return None


def _owed_at_receipt(
    command: ReceiveEnquiry, occurred: Occurred, known: Known, faults: list[Fault]
) -> tuple[tuple[Deadline, ...], tuple[str, ...]]:
    """Return the deadlines, and the flag of a register's day that no calendar reaches."""
    addressed = [known.parties.get(key) for key in command.administrations]
    flags: tuple[str, ...] = ()
    try:
        owed = _counted(
            known,
            command.kind,
            (command.topics, command.kle),
            [party for party in addressed if party is not None],
            _written(command),
            occurred.last_day,
        )
    except CalendarRangeError:
        owed = ()
        flags = ("occurred_out_of_bounds",)
        if not known.lenient:
            faults.append(Fault("/received", "occurred_out_of_bounds"))
    if command.deadline is None:
        return owed, flags
    try:
        given = given_deadline(command.deadline, occurred.last_day, known.zone, known.calendars)
    except ValueError:
        faults.append(Fault("/deadline/due", "invalid_input"))
        return owed, flags
    return (*owed, given), flags


def _counted(
    known: Known,
    kind: EnquiryKind,
    sorting: tuple[tuple[str, ...], tuple[str, ...]],
    addressed: list[PartyRef],
    written: bool,  # noqa: FBT001 a fact about the enquiry, not a switch
    received_day: str,
) -> tuple[Deadline, ...]:
    topics, kle = sorting
    return deadlines(
        known.targets,
        kind=kind,
        written=written,
        topics=topics,
        kle=kle,
        addressed={each for party in addressed for each in chain(party, known.ancestors)},
        received_day=received_day,
        calendars=known.calendars,
    )


def _routed_by_rule(received: EnquiryReceived, known: Known) -> list[EnquiryRouted]:
    senders = (received.sender, *received.spoke_for)
    found = automatic(
        known.rules,
        day=known.at_once().first_day,
        topics=received.topics,
        kle=received.kle,
        senders={each for party in senders for each in chain(party, known.ancestors)},
    )
    if found is None or known.lenient:
        return []
    state = evolve(EnquiryState(), received)
    return [
        EnquiryRouted(
            enquiry_id=received.enquiry_id,
            version=state.version + 1,
            occurred=known.at_once(),
            text=None,
            obligation=routed_to(found.unit, state, known.ancestors),
            to=found.unit,
            rule_id=found.rule_id,
            rule_name=found.rule_name,
            automatic=True,
        )
    ]


# ── sort ─────────────────────────────────────────────────────────────────────────────────────────


def triaged(asked: Asked, command: TriageEnquiry) -> list[Value]:
    """Decide a sorting; refused when it says nothing new, except in a register."""
    state = asked.state
    if command.duplicate_of == asked.received.enquiry_id:
        asked.faults.append(Fault("/duplicate_of", "invalid_input"))
    refuse_if(asked.faults)
    names = ("category", "priority", "kind", "topics", "kle", "duplicate_of")
    given: dict[str, Any] = {
        name: value for name in names if (value := getattr(command, name)) is not None
    }
    for name in {"topics", "kle"} & given.keys():
        given[name] = tuple(dict.fromkeys(given[name]))
    changed = {name: value for name, value in given.items() if value != getattr(state, name)}
    if not changed and command.note is None and not asked.known.lenient:
        raise Refused("nothing_changed")
    event = EnquiryTriaged(**asked.head(), text=step_text(internal=command.note), **given)
    anew = recounted(state, event, asked.known)
    return [event if anew == state.deadlines else event.model_copy(update={"deadlines": anew})]


def recounted(state: EnquiryState, event: EnquiryTriaged, known: Known) -> tuple[Deadline, ...]:
    """Return the deadlines after a sorting, counted from the same day of receipt.

    Only what the sorting itself changes is counted anew: a target that was changed since the
    receipt does not change what was promised then.
    """
    received = state.received
    after = evolve(state, event)
    if received is None or (after.kind, after.topics, after.kle) == (
        state.kind,
        state.topics,
        state.kle,
    ):
        return state.deadlines
    place = (list(received.addressed), received.written, received.received_day)
    try:
        before = _counted(known, state.kind, (state.topics, state.kle), *place)
        now = _counted(known, after.kind, (after.topics, after.kle), *place)
    except CalendarRangeError:
        return state.deadlines
    promised = {one.code: one for one in state.deadlines}
    dropped = {one.code for one in before} - {one.code for one in now}
    kept = {code: one for code, one in promised.items() if code not in dropped}
    kept |= {one.code: one for one in now if one not in before or one.code not in promised}
    return tuple(sorted(kept.values(), key=lambda one: (one.target_id is None, one.due, one.code)))


# ── split ────────────────────────────────────────────────────────────────────────────────────────


def split(asked: Asked, command: SplitEnquiry) -> list[Value]:
    """Decide a split: the enquiry ends, and each part begins where it was received.

    A part has the day of receipt, the deadlines and the contact of the whole; a clock that the
    whole has stopped already, such as the first response, does not start again in its parts.
    """
    known, whole = asked.known, asked.received
    ids = [part.id or known.new_id() for part in command.parts]
    for index, one in enumerate(ids):
        if one == whole.enquiry_id or one in ids[:index]:
            asked.faults.append(Fault(f"/parts/{index}/id", "duplicate_entry"))
    addressed = [
        known.each(part.administrations, f"/parts/{index}/administrations", asked.faults)
        for index, part in enumerate(command.parts)
    ]
    refuse_if(asked.faults)
    ended = EnquirySplit(**asked.head(), text=step_text(internal=command.reason), parts=tuple(ids))
    parts = zip(ids, command.parts, addressed, strict=True)
    return [ended, *(_part(asked, *part) for part in parts)]


def _part(
    asked: Asked, part_id: str, part: EnquiryPart, addressed: tuple[PartyRef, ...]
) -> EnquiryReceived:
    state = asked.state
    responded = times_of(state).first_response is not None
    running = [one for one in state.deadlines if one.clock is Clock.ANSWER or not responded]
    return asked.received.model_copy(
        update={
            "enquiry_id": part_id,
            "addressed": addressed or asked.received.addressed,
            "kind": state.kind,
            "text": EnquiryText(subject=part.subject, facts=part.facts),
            "topics": tuple(dict.fromkeys(part.topics)) or state.topics,
            "kle": tuple(dict.fromkeys(part.kle)) or state.kle,
            "deadlines": tuple(running),
            "split_from": asked.received.enquiry_id,
            "source": None,
        }
    )
