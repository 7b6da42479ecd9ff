"""A door without a log behind it: remembers what it was given, as the real one would."""

from collections.abc import Iterable, Sequence

from api.imports.door import Outcome
from domain.contacts import LogContact
from domain.imports import ImportFinished, ImportStarted
from domain.parties import RegisterParty
from domain.values import STANDARD_MEDIA, PartyId, PartyRef


class MemoryDoor:
    """Parties by exact name, contacts by source id."""

    def __init__(self) -> None:
        self.parties: dict[str, RegisterParty] = {}
        self.contacts: dict[tuple[str, str], LogContact] = {}
        self.imports: list[ImportStarted | ImportFinished] = []
        self.media = frozenset(STANDARD_MEDIA)

    def resolve(self, keys: Sequence[str]) -> dict[str, PartyRef | None]:
        outside = {e.value: p.name for p in self.parties.values() for e in p.external_ids}
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

    def log_contacts(self, commands: Sequence[LogContact]) -> list[Outcome]:
        return [self._log(command) for command in commands]

    def _log(self, command: LogContact) -> Outcome:
        for key in (*command.administrations, *command.organisations):
            assert key in self.parties or key in self.resolve([key]), "unknown party"
        assert command.source is not None
        place = (command.source.system, command.source.id)
        before = self.contacts.setdefault(place, command)
        if before is command:
            return Outcome("made")
        return Outcome("present" if before == command else "changed", "event_id_reused")

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
