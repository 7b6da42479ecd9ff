"""A door without a log behind it: remembers what it was given, as the real one would."""

from collections.abc import Iterable, Sequence

from api.imports.door import EnquiryGiven, EnquiryOutcome, Named, Outcome, StepGiven
from domain.contacts import LogContact
from domain.enquiries import EnquiryStep, ReceiveEnquiry
from domain.imports import ImportFinished, ImportStarted
from domain.parties import ExternalId, RegisterParty
from domain.values import STANDARD_MEDIA, PartyId, PartyRef


class MemoryDoor:
    """Parties by exact name, contacts and enquiries by source id."""

    def __init__(self) -> None:
        self.parties: dict[str, RegisterParty] = {}
        self.contacts: dict[tuple[str, str], LogContact] = {}
        self.enquiries: dict[tuple[str, str], ReceiveEnquiry] = {}
        self.steps: dict[tuple[str, str], dict[str, EnquiryStep]] = {}
        self.found: dict[tuple[str, str], dict[str, str | None]] = {}
        self._known_of = -1
        self._names: dict[str, str] = {}
        self._folded: dict[str, str] = {}
        self.imports: list[ImportStarted | ImportFinished] = []
        self.media = frozenset(STANDARD_MEDIA)

    def resolve(self, keys: Sequence[str]) -> dict[str, PartyRef | None]:
        if self._known_of != len(self.parties):
            self._learn()
        found: dict[str, PartyRef | None] = {}
        for key in keys:
            name = (
                key
                if key in self.parties
                else self._names.get(key, self._folded.get(key.casefold()))
            )
            if name is not None:
                found[key] = PartyRef(id=PartyId(name), name=name)
        return found

    def _learn(self) -> None:
        """Put down every key once, instead of for each look-up."""
        parties = self.parties.values()
        self._names = {alias: p.name for p in parties for alias in p.aliases}
        self._names |= {e.value: p.name for p in parties for e in p.external_ids}
        self._folded = {name.casefold(): name for name in self.parties}
        self._known_of = len(self.parties)

    def register_parties(self, commands: Sequence[RegisterParty]) -> list[Outcome]:
        outcomes = []
        for command in commands:
            outcomes.append(Outcome("present" if command.name in self.parties else "made"))
            self.parties.setdefault(command.name, command)
        return outcomes

    def numbers(self, party_id: str) -> frozenset[ExternalId]:
        return frozenset(self.parties[party_id].external_ids)

    def log_contacts(self, given: Sequence[Named]) -> list[Outcome]:
        return [self._log(one) for one in given]

    def _log(self, given: Named) -> Outcome:
        command = given.command
        for name in (*command.administrations, *command.organisations):
            assert self.party(given, name), "unknown party"
        assert command.source is not None
        place = (command.source.system, command.source.id)
        before = self.contacts.setdefault(place, command)
        self.found[place] = {name: self.party(given, name) for name in given.keys}
        if before is command:
            return Outcome("made")
        return Outcome("present" if before == command else "changed", "event_id_reused")

    def party(self, given: Named, name: str) -> str | None:
        """The party a contact's name means, as the door finds it."""
        key = given.keys.get(name, name)
        ref = self.resolve([key]).get(key)
        return None if ref is None else ref.name

    def receive_enquiries(self, given: Sequence[EnquiryGiven]) -> list[EnquiryOutcome]:
        return [self._receive(one) for one in given]

    def _receive(self, given: EnquiryGiven) -> EnquiryOutcome:
        source = given.command.source
        assert source is not None
        place = (source.system, source.id)
        before = self.enquiries.setdefault(place, given.command)
        made = before is given.command
        received = Outcome("made" if made else "present" if before == given.command else "changed")
        taken = self.steps.setdefault(place, {})
        return EnquiryOutcome(received, [self._step(taken, step) for step in given.steps])

    def _step(self, taken: dict[str, EnquiryStep], step: StepGiven) -> Outcome:
        before = taken.setdefault(step.key, step.command)
        return Outcome("made" if before is step.command else "present")

    def present(self, commands: Iterable[LogContact | ReceiveEnquiry]) -> list[bool]:
        there = self.contacts.keys() | self.enquiries.keys()
        return [c.source is not None and (c.source.system, c.source.id) in there for c in commands]

    def started(self, event: ImportStarted) -> bool:
        before = any(
            isinstance(e, ImportFinished) and e.import_id == event.import_id for e in self.imports
        )
        if event not in self.imports:
            self.imports.append(event)
        return before

    def finished(self, event: ImportFinished) -> None:
        self.imports.append(event)
