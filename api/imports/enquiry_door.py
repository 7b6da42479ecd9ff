"""Enquiries of a register into the log: each with its steps as one fact, or what is new of it.

An enquiry is decided as if it were received and worked on at its own times, and appended whole, so
that nobody (least of all the policy of reminders) ever sees it half told. What is there already is
left alone; steps the register has gained since are added.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast
from uuid import UUID

from api.commands.enquiries import ENQUIRY_TYPES, history_of, known_of
from api.commands.recording import ATTEMPTS_MAX, Caller, envelope_of, mark_of
from api.imports.door import EnquiryGiven, EnquiryOutcome, Outcome, StepGiven
from api.main import Services
from domain.enquiries import EnquiryEvent, ReceiveEnquiry
from domain.enquiries.decisions import EnquiryState, Known, evolve, keys_named, receive, step
from domain.errors import Conflict, DomainError, Refused, Unavailable, Unknown
from domain.log.envelope import Envelope
from domain.log.port import Condition, QueryItem
from domain.storage import clock
from domain.storage.journal import Entry
from domain.values import ContactId, PartyRef, Value

STEPS_AT_ONCE: Final = 200
"""Steps of one append; an enquiry with more is told in several."""
_PRESENT: Final = Outcome("present")
_MADE: Final = Outcome("made")

Parties = Mapping[str, PartyRef | None]


def keys_of(given: EnquiryGiven) -> dict[str, str]:
    """Return under which key each party that an enquiry and its steps name is found."""
    command = given.command
    names = [key for one in (command, *(s.command for s in given.steps)) for key in keys_named(one)]
    names += [command.on_behalf_of] if command.on_behalf_of else []
    return {name: given.keys.get(name, name) for name in names}


@dataclass(slots=True)
class EnquiryDoor:
    """Receives a batch of enquiries; what decisions are told is fetched once for all of them."""

    services: Services
    caller: Caller
    found: Parties
    """The party each key means, of every key in the batch."""

    def receive(self, given: Sequence[EnquiryGiven]) -> list[EnquiryOutcome]:
        """Receive each enquiry on its own, new ones in one transaction; one outcome for each."""
        known = known_of(self.services, self.found, lenient=True)
        readings = [
            _Reading(self.services, self.caller, one, self._meant(one, known)) for one in given
        ]
        outcomes: list[EnquiryOutcome | None] = []
        entries: list[Entry] = []
        for reading in readings:
            entry = None if reading.is_there() else reading.whole()
            outcomes.append(entry if isinstance(entry, EnquiryOutcome) else None)
            if isinstance(entry, Entry):
                entries.append(entry)
        recorded = {
            entry.event_ids[0]: one
            for entry, one in zip(
                entries, self.services.journal.record_batch_sync(entries), strict=True
            )
        }
        return [
            outcome or reading.settled(recorded.get(reading.contact_id))
            for reading, outcome in zip(readings, outcomes, strict=True)
        ]

    def _meant(self, given: EnquiryGiven, known: Known) -> Known:
        """Return what decisions about this enquiry are told: its names with its own parties."""
        keys = keys_of(given)
        meant = {name: self.found[key] for name, key in keys.items() if key in self.found}
        return replace(known, parties=meant)


class _Reading:
    """One enquiry of a register, on its way into the log."""

    def __init__(
        self, services: Services, caller: Caller, given: EnquiryGiven, known: Known
    ) -> None:
        self._services, self._caller, self._given, self._known = services, caller, given, known
        self._id = enquiry_id(given.command)
        self.contact_id = clock.id_of("enquiry_contact", self._id)
        self._mark = mark_of(services, "receive_enquiry", given.command)
        self._told = 0

    def is_there(self) -> bool:
        """Whether the enquiry was received before."""
        return self._services.log.row_of(UUID(self.contact_id).bytes) is not None

    def whole(self) -> Entry | EnquiryOutcome:
        """Return the enquiry with its first steps as one append; or why it is refused."""
        command = self._given.command
        try:
            events = receive(command, self._id, ContactId(self.contact_id), self._known)
            behalf = self._behalf(command)
        except DomainError as error:
            return EnquiryOutcome(outcome_of(error))
        ids = [self.contact_id]
        ids += [clock.id_of("received", self._id, str(n)) for n in range(1, len(events))]
        state = EnquiryState()
        for event in events[1:]:
            state = evolve(state, cast("EnquiryEvent", event))
        outcomes: list[Outcome] = []
        for given in self._given.steps[:STEPS_AT_ONCE]:
            try:
                state = self._step(state, given, events, ids)
            except DomainError as error:
                refused = outcome_of(error)
                return EnquiryOutcome(refused, [*outcomes, refused])
            outcomes.append(_MADE)
        self._told = len(outcomes)
        envelope = replace(self._envelope(behalf), correlation=self.contact_id)
        return Entry(events, envelope, ids, Condition((self._item,)))

    def settled(self, recorded: object) -> EnquiryOutcome:
        """Return what the append came to, after adding the steps that are not in the log yet."""
        received = _MADE
        if isinstance(recorded, DomainError):
            received = outcome_of(recorded)
            if received.status == "refused" or not self.is_there():
                return EnquiryOutcome(received, [received for _ in self._given.steps])
        elif recorded is None or getattr(recorded, "duplicate", False):
            received = self._standing()
            self._told = 0
        first = [_MADE] * self._told
        rest = self._given.steps[self._told :]
        return EnquiryOutcome(received, [*first, *self._add(rest)])

    def _standing(self) -> Outcome:
        """Tell an enquiry that is there as the register has it from one that is there otherwise."""
        row = self._services.log.row_of(UUID(self.contact_id).bytes)
        (fact,) = self._services.codec.facts([row] if row else [])
        same = fact.meta.get("mark") == self._mark
        return _PRESENT if same else Outcome("changed", "event_id_reused")

    def _add(self, steps: Sequence[StepGiven]) -> list[Outcome]:
        """Take the steps that are not in the log; what one is refused for stops no other."""
        outcomes: list[Outcome] = []
        for start in range(0, len(steps), STEPS_AT_ONCE):
            some = steps[start : start + STEPS_AT_ONCE]
            for left in reversed(range(ATTEMPTS_MAX)):
                try:
                    outcomes += self._append(some)
                    break
                except Conflict as conflict:
                    if conflict.code != "condition_failed" or left == 0:
                        raise
        return outcomes

    def _append(self, steps: Sequence[StepGiven]) -> list[Outcome]:
        head = self._services.log.head()
        facts, state = history_of(self._services, self._id)
        there = {fact.event_id for fact in facts}
        outcomes: list[Outcome] = []
        events: list[Value] = []
        ids: list[str] = []
        for given in steps:
            if self._step_id(given, 0) in there:
                outcomes.append(_PRESENT)
                continue
            try:
                state = self._step(state, given, events, ids)
                outcomes.append(_MADE)
            except (Refused, Unknown) as error:
                outcomes.append(outcome_of(error))
        if events:
            envelope = replace(self._envelope(None), correlation=ids[0])
            condition = Condition((self._item,), head)
            self._services.journal.record_sync(Entry(events, envelope, ids, condition))
        return outcomes

    def _step(
        self, state: EnquiryState, given: StepGiven, events: list[Value], ids: list[str]
    ) -> EnquiryState:
        """Decide one step, add its events and their ids, and return the enquiry after it."""
        decided = step(state, given.command, self._known)
        for number, event in enumerate(decided):
            state = evolve(state, cast("EnquiryEvent", event))
            ids.append(self._step_id(given, number))
        events += decided
        return state

    def _step_id(self, given: StepGiven, number: int) -> str:
        return clock.id_of("step_source", self._id, given.key, str(number))

    @property
    def _item(self) -> QueryItem:
        return QueryItem(ENQUIRY_TYPES, (f"enquiry:{self._id}",))

    def _behalf(self, command: ReceiveEnquiry) -> str | None:
        if command.on_behalf_of is None:
            return None
        party = self._known.parties.get(command.on_behalf_of)
        if party is None:
            raise Refused("unknown_party")
        return party.id

    def _envelope(self, on_behalf_of: str | None) -> Envelope:
        return envelope_of(self._caller, self._mark, on_behalf_of)


def enquiry_id(command: ReceiveEnquiry) -> str:
    """Return the id that the source record always gives; raises Refused without one."""
    if command.source is None:
        raise Refused("invalid_input")
    return clock.id_of("enquiry_source", command.source.system, command.source.id)


def outcome_of(error: DomainError) -> Outcome:
    """Return what a refusal means for the report; raises what stops the whole import."""
    match error:
        case Unavailable():
            raise error
        case Conflict() if error.code == "party_key_taken":
            return Outcome("present", error.code)
        case Conflict():
            return Outcome("changed", error.code)
        case Refused() if error.faults:
            first = error.faults[0]
            return Outcome("refused", first.code, first.pointer.strip("/").split("/")[0])
        case Refused() | Unknown():
            return Outcome("refused", error.code)
    raise error
