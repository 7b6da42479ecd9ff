"""The real door of an import: commands go through `api.commands`, the run itself to the journal."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

import orjson

from api.commands import Caller
from api.commands.contacts import entry_of
from api.commands.recording import envelope_of, mark_of
from api.imports.door import EnquiryGiven, EnquiryOutcome, Named, Outcome
from api.imports.enquiry_door import EnquiryDoor, enquiry_id, keys_of
from api.main import Services
from domain import parties
from domain.access import Role, principal_of
from domain.contacts import LogContact, keys_named
from domain.enquiries import ReceiveEnquiry
from domain.errors import Conflict, DomainError, Refused, Unavailable
from domain.imports import ImportFinished, ImportStarted
from domain.log.port import Condition, QueryItem
from domain.parties import ExternalId, PartyState, RegisterParty
from domain.storage import clock
from domain.storage.journal import Entry, Recorded
from domain.values import PartyId, PartyRef, Value

ACTOR: Final = "import"
"""Who stands in the envelope: the import itself; which one, its started event tells."""


class LogDoor:
    """An import's way to one installation; sync, for the command line."""

    def __init__(self, services: Services, catch_up: Callable[[int], None]) -> None:
        """`catch_up` waits until the views, in which parties are found, know of a position."""
        self._services = services
        self._catch_up = catch_up
        principal = principal_of(ACTOR, Role.INTEGRATION, ())
        self._caller = Caller(principal, "import", lenient=True)
        self.media = services.media

    def resolve(self, keys: Sequence[str]) -> dict[str, PartyRef | None]:
        """Return what each key means in the log as it is now."""
        self._catch_up(self._services.log.head())
        return self._services.directory.resolve(keys)

    def register_parties(self, commands: Sequence[RegisterParty]) -> list[Outcome]:
        """Register in one transaction, each on its own, and wait until they can be found."""
        recorded = self._services.journal.record_batch_sync([self._entry(c) for c in commands])
        self._services.directory.forget()
        self._catch_up(self._services.log.head())
        return [_recorded(each) for each in recorded]

    def numbers(self, party_id: str) -> frozenset[ExternalId]:
        """Return a party's outside numbers, read from its own history."""
        _, events, _ = self._services.journal.history([f"party:{party_id}"])
        found: set[ExternalId] = set()
        for event in events:
            match event:
                case parties.PartyRegistered() if event.party_id == party_id:
                    found.update(event.external_ids)
                case parties.PartyExternalIdAdded():
                    found.add(event.external_id)
        return frozenset(found)

    def log_contacts(self, given: Sequence[Named]) -> list[Outcome]:
        """Log in one transaction, each on its own."""
        asked = {key for one in given for key in (*one.keys.values(), *_own_keys(one))}
        known = self._services.directory.resolve(sorted(asked))
        outcomes: list[Outcome | None] = []
        entries: list[Entry] = []
        for one in given:
            try:
                entries.append(
                    entry_of(self._services, self._caller, one.command, _meant(one, known))
                )
                outcomes.append(None)
            except DomainError as error:
                outcomes.append(_outcome(error))
        recorded = iter(self._services.journal.record_batch_sync(entries))
        return [outcome or _recorded(next(recorded)) for outcome in outcomes]

    def receive_enquiries(self, given: Sequence[EnquiryGiven]) -> list[EnquiryOutcome]:
        """Receive enquiries with their steps; new ones in one transaction, each on its own."""
        asked = {key for one in given for key in keys_of(one).values()}
        found = self._services.directory.resolve(sorted(asked))
        return EnquiryDoor(self._services, self._caller, found).receive(given)

    def present(self, commands: Iterable[LogContact | ReceiveEnquiry]) -> list[bool]:
        """Return whether each command's source id is in the log."""
        ids = [_id_of(command) for command in commands if command.source]
        return [self._services.log.row_of(UUID(i).bytes) is not None for i in ids]

    def started(self, event: ImportStarted) -> bool:
        """Record the beginning once; True when a run of it has reached its end before."""
        before, _, _ = self._services.journal.history(
            [f"import:{event.import_id}"], ["import.finished/1"]
        )
        self._record(event, clock.id_of("import.started", event.import_id))
        return bool(before)

    def finished(self, event: ImportFinished) -> None:
        """Record the end; the same report again is the same event."""
        report = orjson.dumps(event.report, option=orjson.OPT_SORT_KEYS).decode()
        self._record(event, clock.id_of("import.finished", event.import_id, report))

    def _record(self, event: Value, event_id: str) -> None:
        mark = mark_of(self._services, "import", event)
        envelope = envelope_of(self._caller, mark)
        self._services.journal.record_sync(Entry([event], envelope, [event_id]))

    def _entry(self, command: RegisterParty) -> Entry:
        """Return what `api.commands.register_party` would record, for a batch of them."""
        if command.source is None:
            raise Refused("invalid_input")
        party_id = PartyId(clock.id_of("party_source", command.source.system, command.source.id))
        events = parties.register(command, party_id, {}, clock.new_id)
        items = (QueryItem((), (tag,)) for tag in parties.free_keys(events, PartyState()))
        mark = mark_of(self._services, "register_party", command)
        return Entry(events, envelope_of(self._caller, mark), [party_id], Condition(tuple(items)))


def _id_of(command: LogContact | ReceiveEnquiry) -> str:
    """Return the id of the contact that the source's record is, or that it came with."""
    if isinstance(command, ReceiveEnquiry):
        return clock.id_of("enquiry_contact", enquiry_id(command))
    if command.source is None:
        raise Refused("invalid_input")
    return clock.id_of("source", command.source.system, command.source.id)


def _own_keys(given: Named) -> list[str]:
    """Return the names that are their own key."""
    behalf = [given.command.on_behalf_of] if given.command.on_behalf_of else []
    return [name for name in (*keys_named(given.command), *behalf) if name not in given.keys]


def _meant(given: Named, known: Mapping[str, PartyRef | None]) -> dict[str, PartyRef | None]:
    """Return the party of each name of a contact; a name that is not known is left out."""
    keys = {name: name for name in _own_keys(given)} | {**given.keys}
    return {name: known[key] for name, key in keys.items() if key in known}


def _recorded(found: Recorded | DomainError) -> Outcome:
    if isinstance(found, DomainError):
        return _outcome(found)
    return Outcome("present" if found.duplicate else "made")


def _outcome(error: DomainError) -> Outcome:
    """Return what a refusal means for the report; raises what stops the whole import."""
    match error:
        case Unavailable():
            raise error
        case Conflict() if error.code in ("condition_failed", "party_key_taken"):
            return Outcome("present", error.code)
        case Conflict():
            return Outcome("changed", error.code)
        case Refused() if error.faults:
            first = error.faults[0]
            return Outcome("refused", first.code, first.pointer.strip("/").split("/")[0])
        case Refused():
            return Outcome("refused", error.code)
    raise error
