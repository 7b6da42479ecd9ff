"""Decisions about contacts: pure functions from state and command to events, or a refusal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any, Final, assert_never

from domain.contacts.commands import (
    CorrectContact,
    LinkContact,
    LogContact,
    RetractContact,
    UnlinkContact,
)
from domain.contacts.events import (
    ContactContent,
    ContactCorrected,
    ContactEvent,
    ContactLinked,
    ContactLogged,
    ContactRetracted,
    ContactText,
    ContactUnlinked,
    ReasonText,
)
from domain.errors import Fault, Refused, Unknown
from domain.persons import Participant, ParticipantGiven, recognised_by
from domain.values import (
    CLOCK_TOLERANCE,
    ContactId,
    Occurred,
    PartyRef,
    Precision,
    Value,
    refuse_if,
)


@dataclass(frozen=True, slots=True)
class ContactState:
    """A contact as its own events tell it; `version` counts them."""

    contact_id: ContactId | None = None
    version: int = 0
    content: ContactContent | None = None
    text: ContactText | None = None
    participants: tuple[Participant, ...] = ()
    retracted: bool = False
    links: Mapping[str, ContactLinked] = field(default_factory=dict)


def evolve(state: ContactState, event: ContactEvent) -> ContactState:
    """Fold one event into the state; total, never refuses."""
    state = replace(state, version=state.version + 1)
    match event:
        case ContactLogged():
            return replace(
                state,
                contact_id=event.contact_id,
                content=event.content,
                text=event.text,
                participants=event.participants,
            )
        case ContactCorrected():
            people = event.participants
            return replace(
                state,
                content=event.content,
                text=event.text if event.text is not None else state.text,
                participants=people if people is not None else state.participants,
            )
        case ContactRetracted():
            return replace(state, retracted=True)
        case ContactLinked():
            return replace(state, links={**state.links, event.link_id: event})
        case ContactUnlinked():
            links = {key: link for key, link in state.links.items() if key != event.link_id}
            return replace(state, links=links)
    assert_never(event)


_AS_GIVEN: Final = (
    "channel",
    "direction",
    "medium",
    "audience",
    "confidentiality",
    "negotiation",
    "personal_data",
    "occasion",
    "outcome",
)
_EACH_ONCE: Final = ("topics", "kle", "case_numbers", "document_numbers")
_TEXTS: Final = ("subject", "facts", "assessment", "place", "commitments", "follow_ups")


@dataclass(frozen=True, slots=True)
class Known:
    """What a decision about a contact is told: the clock, the zone, parties, media, pseudonyms.

    `parties` maps every key the command names to the party it means; a key that means none is
    missing, one that means several maps to None. `pseudonym` turns what recognises a person
    (`persons.recognised_by`) into a PersonId. `lenient` keeps and flags a time in the future
    instead of refusing it: registers hold such errors, and a correction shall be an event.
    """

    now: datetime
    zone: tzinfo
    parties: Mapping[str, PartyRef | None]
    media: frozenset[str]
    pseudonym: Callable[[str], str]
    lenient: bool = False


def log(command: LogContact, contact_id: ContactId, known: Known) -> ContactLogged:
    """Decide a new contact; refused only for what is wrong in the command itself."""
    faults: list[Fault] = []
    occurred = command.occurred.resolve(known.zone)
    late = _in_future(occurred, known)
    if late and not known.lenient:
        faults.append(Fault("/occurred", "occurred_in_future"))
    flags = [*command.flags, *(["occurred_in_future"] if late else [])]
    _check_medium(command.medium, known, faults)
    given = command.__dict__
    content = {name: given[name] for name in _AS_GIVEN}
    content |= {name: tuple(dict.fromkeys(given[name])) for name in _EACH_ONCE}
    content["occurred"] = occurred
    content["administrations"] = _refs(command.administrations, known, faults, "administrations")
    content["organisations"] = _refs(command.organisations, known, faults, "organisations")
    people = _people(command.participants, known, faults)
    refuse_if(faults)
    # One validation of the whole: building the parts one by one costs several times as much.
    return ContactLogged.model_validate(
        {
            "contact_id": contact_id,
            "content": content,
            "text": {name: given[name] for name in _TEXTS},
            "participants": people,
            "enquiry": command.enquiry,
            "meeting": command.meeting,
            "documented_at": command.documented_at,
            "source": command.source,
            "flags": tuple(dict.fromkeys(flags)),
        }
    )


def correct(state: ContactState, command: CorrectContact, known: Known) -> list[ContactEvent]:
    """Decide a correction; refused when nothing would change or the contact is retracted."""
    contact_id, before = _standing(state)
    faults: list[Fault] = []
    content = _corrected_content(before, command, known, faults)
    text = _corrected_text(state.text, command, faults)
    people = state.participants
    if command.participants is not None:
        given = _people(command.participants, known, faults)
        people = tuple(Participant.model_validate(person) for person in given)
    refuse_if(faults)
    changed = _changed(before, content) + _changed(state.text, text)
    if people != state.participants:
        changed.append("participants")
    if not changed:
        raise Refused("nothing_changed")
    return [
        ContactCorrected(
            contact_id=contact_id,
            version=state.version + 1,
            fields=tuple(changed),
            content=content,
            text=text if text != state.text else None,
            participants=people if people != state.participants else None,
            why=ReasonText(reason=command.reason),
        )
    ]


def retract(state: ContactState, command: RetractContact) -> list[ContactEvent]:
    """Decide a withdrawal; a contact is withdrawn once."""
    contact_id, _ = _standing(state)
    why = ReasonText(reason=command.reason)
    return [ContactRetracted(contact_id=contact_id, version=state.version + 1, why=why)]


def link(state: ContactState, command: LinkContact, link_id: str) -> list[ContactEvent]:
    """Decide a filing; refused when the contact is filed there already."""
    contact_id, _ = _standing(state)
    if any((x.kind, x.target) == (command.kind, command.target) for x in state.links.values()):
        raise Refused("link_exists", [Fault("/target", "link_exists")])
    return [
        ContactLinked(
            contact_id=contact_id,
            version=state.version + 1,
            link_id=link_id,
            kind=command.kind,
            target=command.target,
            why=ReasonText(reason=command.reason) if command.reason else None,
        )
    ]


def unlink(state: ContactState, command: UnlinkContact) -> list[ContactEvent]:
    """Decide the end of a filing; the filing itself stays in the history."""
    contact_id, _ = _standing(state)
    known = state.links.get(command.link_id)
    if known is None:
        raise Refused("link_unknown", [Fault("/link_id", "link_unknown")])
    return [
        ContactUnlinked(
            contact_id=contact_id,
            version=state.version + 1,
            link_id=known.link_id,
            kind=known.kind,
            target=known.target,
            why=ReasonText(reason=command.reason),
        )
    ]


def _standing(state: ContactState) -> tuple[ContactId, ContactContent]:
    if state.contact_id is None or state.content is None:
        raise Unknown("contact_unknown")
    if state.retracted:
        raise Refused("contact_retracted")
    return state.contact_id, state.content


def _in_future(occurred: Occurred, known: Known) -> bool:
    limit = known.now + CLOCK_TOLERANCE
    if occurred.precision is Precision.INSTANT:
        return datetime.fromisoformat(occurred.from_) > limit
    return occurred.first_day > limit.astimezone(known.zone).date().isoformat()


def _check_medium(medium: str, known: Known, faults: list[Fault]) -> None:
    if medium not in known.media:
        faults.append(Fault("/medium", "unknown_medium", {"medium": medium}))


def _ref(key: str, known: Known, faults: list[Fault], *pointer: str | int) -> PartyRef | None:
    found = known.parties.get(key)
    if found is None:
        code = "ambiguous_party" if key in known.parties else "unknown_party"
        faults.append(Fault("".join(f"/{part}" for part in pointer), code))
    return found


def _refs(
    keys: Sequence[str], known: Known, faults: list[Fault], *pointer: str | int
) -> tuple[PartyRef, ...]:
    """Look every key up; the same party named by two keys counts once."""
    found = {}
    for index, key in enumerate(keys):
        if party := _ref(key, known, faults, *pointer, index):
            found[party.id] = party
    return tuple(found.values())


def _people(
    given: Sequence[ParticipantGiven], known: Known, faults: list[Fault]
) -> tuple[dict[str, Any], ...]:
    """Return the participants as an event's fields, each recognised by a pseudonym."""
    people = []
    for index, person in enumerate(given):
        at = ("participants", index)
        party = _ref(person.party, known, faults, *at, "party") if person.party else None
        pseudonym, details = person.person, None
        if person.name is not None:
            details = {"name": person.name, "email": person.email, "phone": person.phone}
            recognised = recognised_by(person.name, party.id if party else None)
            pseudonym = pseudonym or known.pseudonym(recognised)
        spoke_for = _refs(person.spoke_for, known, faults, *at, "spoke_for")
        people.append(
            {
                "person": pseudonym,
                "details": details,
                "role": person.role,
                "party": party,
                "spoke_for": spoke_for,
            }
        )
    return tuple(people)


def _corrected_content(
    before: ContactContent, command: CorrectContact, known: Known, faults: list[Fault]
) -> ContactContent:
    given = command.model_fields_set & set(ContactContent.model_fields)
    new: dict[str, Any] = {name: getattr(command, name) for name in given}
    if command.occurred is not None:
        new["occurred"] = command.occurred.resolve(known.zone)
        if _in_future(new["occurred"], known) and not known.lenient:
            faults.append(Fault("/occurred", "occurred_in_future"))
    if command.medium is not None:
        _check_medium(command.medium, known, faults)
    for side in ("administrations", "organisations"):
        if side in new:
            new[side] = _refs(new[side], known, faults, side)
    new |= {name: tuple(dict.fromkeys(new[name])) for name in _EACH_ONCE if name in new}
    content = before.model_copy(update=new)
    if not content.organisations and content.audience is None:
        faults.append(Fault("/organisations", "invalid_input"))
    return content


def _corrected_text(
    before: ContactText | None, command: CorrectContact, faults: list[Fault]
) -> ContactText | None:
    """Return the text after the correction; an erased text (None) returns with a new subject."""
    given = command.model_fields_set & set(ContactText.model_fields)
    new = {name: getattr(command, name) for name in given}
    if before is not None:
        return before.model_copy(update=new)
    if "subject" in new:
        return ContactText(**new)
    if any(new.values()):
        faults.append(Fault("/subject", "invalid_input"))
    return None


def _changed(before: Value | None, after: Value | None) -> list[str]:
    there = before or after
    names = type(there).model_fields if there else ()
    return [n for n in names if getattr(before, n, None) != getattr(after, n, None)]


def participants(
    given: Sequence[ParticipantGiven], known: Known, faults: list[Fault]
) -> tuple[Participant, ...]:
    """Return those who took part as events keep them; used where people meet without a contact."""
    return tuple(Participant.model_validate(person) for person in _people(given, known, faults))
