"""A door without a log behind it: remembers what it was given, as the real one would."""

from collections.abc import Iterable, Sequence

from api.imports.door import Named, Outcome
from domain.contacts import LogContact
from domain.imports import ImportFinished, ImportStarted
from domain.parties import ExternalId, RegisterParty
from domain.values import STANDARD_MEDIA, PartyId, PartyRef


class MemoryDoor:
    """Parties by exact name, contacts by source id."""

    def __init__(self) -> None:
        self.parties: dict[str, RegisterParty] = {}
        self.contacts: dict[tuple[str, str], LogContact] = {}
        self.found: dict[tuple[str, str], dict[str, str | None]] = {}
        self.imports: list[ImportStarted | ImportFinished] = []
        self.media = frozenset(STANDARD_MEDIA)

    def resolve(self, keys: Sequence[str]) -> dict[str, PartyRef | None]:
        outside = {alias: p.name for p in self.parties.values() for alias in p.aliases}
        outside |= {e.value: p.name for p in self.parties.values() for e in p.external_ids}
        folded = {name.casefold(): name for name in self.parties}
        found: dict[str, PartyRef | None] = {}
        for key in keys:
            name = key if key in self.parties else outside.get(key, folded.get(key.casefold()))
            if name is not None:
                found[key] = PartyRef(id=PartyId(name), name=name)
        return found

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

    def present(self, commands: Iterable[LogContact]) -> list[bool]:
        return [
            c.source is not None and (c.source.system, c.source.id) in self.contacts
            for c in commands
        ]

    def started(self, event: ImportStarted) -> bool:
        before = any(
            isinstance(e, ImportFinished) and e.import_id == event.import_id for e in self.imports
        )
        if event not in self.imports:
            self.imports.append(event)
        return before

    def finished(self, event: ImportFinished) -> None:
        self.imports.append(event)
