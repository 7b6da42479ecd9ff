"""The yearly governance dialogue (styringsdialog): one record for each organisation and year.

A second one is refused, whoever opens it and under whichever id; organisations that were merged are
one. Several administrations share the record: each meeting names those that took part.

The municipality supervises and meets every organisation at least once a year; an account is then
published (almenboligloven § 164; KLE 03.10.24). Source: domain.md 1.8 J and K18.
"""

from typing import Annotated, Any, Final

from pydantic import Field

from domain import contacts
from domain.contacts import LogContact
from domain.errors import Broken, Refused
from domain.persons import ParticipantGiven
from domain.records import NOBODY, Check, Known, Record, StepGiven, StepTaken, standing
from domain.values import (
    PARTICIPANTS_MAX,
    PARTIES_MAX,
    YEAR_MAX,
    YEAR_MIN,
    Channel,
    Code,
    Confidentiality,
    ContactId,
    Direction,
    Name,
    Occurred,
    OccurredGiven,
    PartyRef,
    Source,
    Text,
    UuidText,
    Value,
    instant_text,
)

OPENED: Final = "opened"
MET: Final = "met"
AGREED: Final = "agreed"
PUBLISHED: Final = "published"
KLE: Final = "03.10.24"
"""KLE topic of the governance dialogue."""
_ID: Final = "dialogue_id"

Year = Annotated[int, Field(ge=YEAR_MIN, le=YEAR_MAX)]


class OpenDialogue(Value):
    """Receive an organisation's documentation of a year (modtag dokumentationspakke).

    `received` is null when the dialogue is opened before anything came in.
    """

    id: UuidText | None = None
    organisation: Name = Field(examples=["KAB"])
    year: Year
    administration: Name = Field(examples=["TMF"])
    package: Text | None = None
    received: bool = True
    occurred: OccurredGiven | None = None
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    source: Source | None = None


class ReceivePackage(StepGiven):
    """Receive the documentation after the dialogue was opened (modtag dokumentation)."""

    package: Text | None = None


class HoldDialogue(StepGiven):
    """Say that a dialogue meeting was held (afhold dialogmøde); it is recorded as a contact too."""

    administrations: Annotated[tuple[Name, ...], Field(max_length=PARTIES_MAX)] = ()
    participants: Annotated[tuple[ParticipantGiven, ...], Field(max_length=PARTICIPANTS_MAX)] = ()
    medium: Code = "meeting_physical"
    facts: Text | None = None


class AgreeInDialogue(StepGiven):
    """Write down what was agreed (indgå styringsaftale)."""

    agreed: Text


class PublishAccount(StepGiven):
    """Say that the account was published (offentliggør redegørelse), and where."""

    where: Name = Field(examples=["kommunens hjemmeside"])


class DialogueWords(Value):
    """The words of a dialogue; sealed under its own key."""

    package: Text | None = None
    facts: Text | None = None
    agreed: Text | None = None


class DialogueOpened(Value):
    """A year's dialogue was opened (styringsdialog påbegyndt)."""

    dialogue_id: str
    organisation: PartyRef
    administration: PartyRef
    year: int
    received: bool
    text: DialogueWords | None
    occurred: Occurred
    confidentiality: Confidentiality
    source: Source | None = None


class _Step(StepTaken):
    dialogue_id: str
    text: DialogueWords | None = None


class DocumentationPackageReceived(_Step):
    """The documentation came in (dokumentationspakke modtaget)."""


class DialogueMeetingHeld(_Step):
    """A dialogue meeting was held (dialogmøde afholdt), which is the contact `contact_id` too."""

    contact_id: str
    administrations: tuple[PartyRef, ...]


class DialogueAgreementMade(_Step):
    """Something was agreed in the dialogue (styringsaftale indgået)."""


class DialogueAccountPublished(_Step):
    """The account was published (redegørelse offentliggjort)."""

    where: str


DialogueEvent = (
    DialogueOpened
    | DocumentationPackageReceived
    | DialogueMeetingHeld
    | DialogueAgreementMade
    | DialogueAccountPublished
)


class DialogueMeeting(Value):
    """One meeting of the year."""

    on: Occurred
    contact: str
    administrations: tuple[PartyRef, ...]


class Dialogue(Record):
    """A year's dialogue with one organisation by now."""

    organisation: PartyRef
    administration: PartyRef
    year: int
    received: Occurred | None
    package: str | None
    meetings: tuple[DialogueMeeting, ...] = ()
    agreed: tuple[str | None, ...] = ()
    published: Occurred | None = None
    where: str | None = None
    opened: Occurred
    source: Source | None = None


def open_(command: OpenDialogue, dialogue_id: str, known: Known) -> DialogueOpened:
    """Decide that a year's dialogue is opened; the organisation has none of that year yet."""
    check = Check(known)
    organisation = check.party(command.organisation, "/organisation")
    administration = check.party(command.administration, "/administration")
    if command.package is not None and not command.received:
        check.fault("/package", "invalid_input")
    occurred = check.happened(command.occurred)
    _check_only(organisation, command.year, dialogue_id, check)
    check.done()
    return DialogueOpened(
        dialogue_id=dialogue_id,
        organisation=organisation,
        administration=administration,
        year=command.year,
        received=command.received,
        text=DialogueWords(package=command.package) if command.package else None,
        occurred=occurred,
        confidentiality=command.confidentiality,
        source=command.source,
    )


def _check_only(organisation: PartyRef, year: int, dialogue_id: str, check: Check) -> None:
    """Refuse a second dialogue, naming the first to those who may know of it."""
    family = check.known.family(organisation.id)
    for reference, other in check.known.sought.items():
        same = isinstance(other, Dialogue) and (other.organisation.id in family, other.year)
        if same == (True, year) and other.id != dialogue_id:
            told = {} if reference in check.known.hidden else {"dialogue": other.id}
            check.fault("/year", "record_exists", **told)


def receive(
    dialogue: Dialogue | None, command: ReceivePackage, known: Known
) -> DocumentationPackageReceived:
    """Decide that the documentation came in, once."""
    now, check = standing(dialogue), Check(known)
    if now.received is not None:
        check.fault("", "nothing_changed")
    base = check.step(now, _ID, command)
    check.done()
    text = DialogueWords(package=command.package) if command.package else None
    return DocumentationPackageReceived(**base, text=text)


def hold(dialogue: Dialogue | None, command: HoldDialogue, known: Known) -> list[Value]:
    """Decide a dialogue meeting, and the contact that it is."""
    now, check = standing(dialogue), Check(known)
    others = check.parties(command.administrations, "/administrations", [now.administration])
    base = check.step(now, _ID, command)
    there = {party.id: party for party in (now.administration, *others) if party is not NOBODY}
    contact = _contact(now, command, tuple(there.values()), check)
    check.done()
    held = DialogueMeetingHeld(
        **base,
        contact_id=contact.contact_id,
        administrations=tuple(there.values()),
        text=DialogueWords(facts=command.facts) if command.facts else None,
    )
    return [held, contact]


def _contact(
    now: Dialogue, command: HoldDialogue, administrations: tuple[PartyRef, ...], check: Check
) -> contacts.ContactLogged:
    """Return the contact that the meeting is; what is wrong with it is told with all the rest."""
    known = check.known
    parties = {**known.parties, now.organisation.id: now.organisation}
    parties |= {party.id: party for party in administrations}
    asked = LogContact(
        channel=Channel.DIRECT,
        direction=Direction.MUTUAL,
        medium=command.medium,
        occurred=command.occurred or OccurredGiven.model_validate(instant_text(known.now)),
        administrations=tuple(party.id for party in administrations),
        organisations=(now.organisation.id,),
        participants=command.participants,
        subject=f"Styringsdialog {now.year}",
        facts=command.facts,
        kle=(KLE,),
        confidentiality=now.confidentiality,
    )
    told = contacts.Known(
        now=known.now,
        zone=known.zone,
        parties=parties,
        media=known.media,
        pseudonym=known.pseudonym,
        lenient=known.lenient,
    )
    try:
        return contacts.log(asked, ContactId(known.new_id()), told)
    except Refused as refused:
        check.faults += [each for each in refused.faults if each.pointer != "/occurred"]
        raise Refused(check.faults[0].code, check.faults) from refused


def agree(
    dialogue: Dialogue | None, command: AgreeInDialogue, known: Known
) -> DialogueAgreementMade:
    """Decide what was agreed; it takes a meeting."""
    now, check = standing(dialogue, MET, AGREED, PUBLISHED), Check(known)
    base = check.step(now, _ID, command)
    check.done()
    return DialogueAgreementMade(**base, text=DialogueWords(agreed=command.agreed))


def publish(
    dialogue: Dialogue | None, command: PublishAccount, known: Known
) -> DialogueAccountPublished:
    """Decide that the account was published; it takes a meeting."""
    now, check = standing(dialogue, MET, AGREED), Check(known)
    base = check.step(now, _ID, command)
    check.done()
    return DialogueAccountPublished(**base, where=command.where)


def evolve(dialogue: Dialogue | None, event: DialogueEvent) -> Dialogue:
    """Fold one event into the dialogue; total, never refuses."""
    if isinstance(event, DialogueOpened):
        return Dialogue(
            id=event.dialogue_id,
            version=1,
            status=OPENED,
            confidentiality=event.confidentiality,
            organisation=event.organisation,
            administration=event.administration,
            year=event.year,
            received=event.occurred if event.received else None,
            package=event.text.package if event.text else None,
            opened=event.occurred,
            source=event.source,
        )
    if dialogue is None:
        raise Broken("log_broken", reason="step before opening")
    change = _change(dialogue, event)
    return dialogue.model_copy(update={**change, "version": dialogue.version + 1})


def _change(dialogue: Dialogue, event: DialogueEvent) -> dict[str, Any]:
    match event:
        case DocumentationPackageReceived():
            package = event.text.package if event.text else None
            return {"received": event.occurred, "package": package}
        case DialogueMeetingHeld():
            meeting = DialogueMeeting(
                on=event.occurred, contact=event.contact_id, administrations=event.administrations
            )
            status = MET if dialogue.status == OPENED else dialogue.status
            return {"meetings": (*dialogue.meetings, meeting), "status": status}
        case DialogueAgreementMade():
            words = event.text.agreed if event.text else None
            status = AGREED if dialogue.status == MET else dialogue.status
            return {"agreed": (*dialogue.agreed, words), "status": status}
        case DialogueAccountPublished():
            return {"status": PUBLISHED, "published": event.occurred, "where": event.where}
        case _:  # the contact that a meeting is: another concept's
            return {}


def tags_of(event: DialogueEvent) -> list[str]:
    """Return the tags: the dialogue, whose it is, its parties, and the contact a meeting is."""
    tags = [f"dialogue:{event.dialogue_id}"]
    match event:
        case DialogueOpened():
            parties = [event.organisation, event.administration]
            tags.append(f"dialogue_of:{event.organisation.id}")
        case DialogueMeetingHeld():
            parties = list(event.administrations)
            tags.append(f"held_as:{event.contact_id}")
        case _:
            parties = []
    tags += [f"party:{party.id}" for party in parties]
    return list(dict.fromkeys(tags))
