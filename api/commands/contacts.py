"""Commands about contacts: log, correct, retract, link, unlink, one at a time or many at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from api.commands.recording import (
    BATCH_ITEMS_MAX,
    ByFacts,
    Caller,
    Prepared,
    Settled,
    envelope_of,
    key_hash_of,
    mark_of,
    parties_named,
    parties_named_sync,
    replayed,
    settle,
    settle_sync,
    whole_scope,
    whole_scope_sync,
)
from api.commands.sealed import seen_sealed
from api.main import Services
from domain import contacts
from domain.access import Principal, Sight, demand_logging, sees, sight
from domain.contacts import (
    ContactEvent,
    ContactLogged,
    ContactState,
    CorrectContact,
    Known,
    LinkContact,
    LogContact,
    RetractContact,
    UnlinkContact,
    keys_named,
)
from domain.errors import Conflict, DomainError, Fault, Refused, Unknown
from domain.log.codec import Fact
from domain.log.envelope import Via
from domain.log.port import Condition, QueryItem
from domain.storage import clock
from domain.storage.journal import Entry, Recorded
from domain.values import ContactId, PartyRef, Value

CONTACT_TYPES: Final = (
    "contact.logged/1",
    "contact.corrected/1",
    "contact.retracted/1",
    "contact.linked/1",
    "contact.unlinked/1",
)

Parties = Mapping[str, PartyRef | None]
Decide = Callable[[ContactState], list[ContactEvent]]


@dataclass(frozen=True, slots=True)
class ContactDone(ByFacts):
    """A contact after a command: its facts up to and with the command's own.

    `repeated` says that the same request had been recorded before, and this is that answer.
    """

    contact_id: str
    facts: Sequence[Fact]
    repeated: bool


# ── log ──────────────────────────────────────────────────────────────────────────────────────────


async def log_contact(
    services: Services,
    principal: Principal,
    command: LogContact,
    *,
    via: Via,
    key: str | None = None,
    lenient: bool = False,
) -> ContactDone:
    """Record that a contact took place; the same request again answers what is recorded."""
    whole = await whole_scope(services, principal)
    caller = Caller(whole, via, key, lenient)
    found = await parties_named(services, _keys(command))
    try:
        recorded = await services.journal.record_decided(
            lambda: entry_of(services, caller, command, found)
        )
    except Refused:
        if repeat := _repeat(services, caller, mark_of(services, "log_contact", command)):
            return repeat
        raise
    return _logged(recorded)


def log_contact_sync(
    services: Services,
    principal: Principal,
    command: LogContact,
    *,
    via: Via,
    key: str | None = None,
    lenient: bool = False,
) -> ContactDone:
    """Record that a contact took place (CLI, imports)."""
    whole = whole_scope_sync(services, principal)
    caller = Caller(whole, via, key, lenient)
    found = parties_named_sync(services, _keys(command))
    return _logged(services.journal.record_sync(entry_of(services, caller, command, found)))


def log_contacts_sync(
    services: Services,
    principal: Principal,
    commands: Sequence[LogContact],
    *,
    via: Via,
    key: str | None = None,
    numbers: Sequence[int] | None = None,
    lenient: bool = False,
) -> list[ContactDone | DomainError]:
    """Record many contacts in one transaction, each on its own; one outcome per command.

    With a key each item gets a key of its own, made of it and the item's number (its place in
    `commands` when `numbers` is left out), so the whole batch may be sent again.
    """
    whole = whole_scope_sync(services, principal)
    caller = Caller(whole, via, key, lenient)
    found = _resolve_all(services, commands)
    outcomes: list[ContactDone | DomainError | None] = [None] * len(commands)
    entries: list[tuple[int, Entry]] = []
    for index, command in enumerate(commands):
        number = numbers[index] if numbers is not None else index
        try:
            entries.append((index, entry_of(services, caller, command, found, number=number)))
        except DomainError as error:
            outcomes[index] = error
    recorded = services.journal.record_batch_sync([entry for _, entry in entries])
    for (index, _), outcome in zip(entries, recorded, strict=True):
        outcomes[index] = outcome if isinstance(outcome, DomainError) else _logged(outcome)
    return [outcome for outcome in outcomes if outcome is not None]


def log_contacts_whole_sync(
    services: Services,
    principal: Principal,
    commands: Sequence[LogContact],
    *,
    via: Via,
    key: str | None = None,
    lenient: bool = False,
) -> list[ContactDone]:
    """Record many contacts as one fact: all of them or none. Refused with every item's faults."""
    whole = whole_scope_sync(services, principal)
    caller = Caller(whole, via, key, lenient)
    found = _resolve_all(services, commands)
    entries: list[Entry] = []
    faults: list[Fault] = []
    for index, command in enumerate(commands):
        try:
            entries.append(entry_of(services, caller, command, found, number=index))
        except Refused as error:
            told = error.faults or (Fault("", error.code),)
            faults += [Fault(f"/items/{index}{f.pointer}", f.code, f.params) for f in told]
    if faults:
        raise Refused(faults[0].code, faults)
    marks = "\n".join(str(entry.envelope.mark) for entry in entries)
    mark = services.codec.vault.mark(f"log_contacts\n{marks}".encode())
    recorded = services.journal.record_sync(
        Entry(
            [event for entry in entries for event in entry.events],
            envelope_of(caller, mark),
            [event_id for entry in entries for event_id in entry.event_ids],
            key_hash=caller.key_hash,
        )
    )
    return [
        ContactDone(fact.data["contact_id"], [fact], recorded.duplicate) for fact in recorded.facts
    ]


def entry_of(
    services: Services,
    caller: Caller,
    command: LogContact,
    parties: Parties,
    *,
    number: int | None = None,
) -> Entry:
    """Decide a new contact and return what to record; refused for what is wrong in the command."""
    known = known_of(services, parties, lenient=caller.lenient)
    contact_id = ContactId(_contact_id(command))
    event = contacts.log(command, contact_id, known)
    demand_logging(caller.principal, parties_of(event))
    behalf = parties.get(command.on_behalf_of or "")
    if command.on_behalf_of is not None and behalf is None:
        raise Refused("unknown_party", [Fault("/on_behalf_of", "unknown_party")])
    mark = mark_of(services, "log_contact", command)
    return Entry(
        [event],
        envelope_of(caller, mark, behalf.id if behalf else None),
        [contact_id],
        key_hash=_item_key(caller, number),
    )


def known_of(services: Services, parties: Parties, *, lenient: bool = False) -> Known:
    """Return what a decision about a contact is told."""
    return Known(
        now=clock.now(),
        zone=services.zone,
        parties=parties,
        media=services.media,
        pseudonym=services.codec.vault.pseudonym,
        lenient=lenient,
    )


def parties_of(event: ContactLogged) -> Iterator[str]:
    """Yield ids of every party a contact concerns, in any role; few callers need to know."""
    for party in (*event.content.administrations, *event.content.organisations):
        yield party.id
    for person in event.participants:
        if person.party:
            yield person.party.id
        for party in person.spoke_for:
            yield party.id


def _contact_id(command: LogContact) -> str:
    """The caller's id; else one the source record always gives; else a fresh one."""
    if command.id is not None:
        return command.id
    if command.source is not None:
        return clock.id_of("source", command.source.system, command.source.id)
    return clock.new_id()


def _keys(command: LogContact) -> list[str]:
    named = keys_named(command)
    return [*named, command.on_behalf_of] if command.on_behalf_of else named


def _resolve_all(services: Services, commands: Sequence[LogContact]) -> Parties:
    if len(commands) > BATCH_ITEMS_MAX:
        raise Refused("too_large", [Fault("/items", "too_large", {"max": BATCH_ITEMS_MAX})])
    keys = dict.fromkeys(key for command in commands for key in _keys(command))
    return parties_named_sync(services, list(keys))


def _item_key(caller: Caller, number: int | None) -> bytes | None:
    if caller.key is None or number is None:
        return caller.key_hash
    return key_hash_of(caller.principal.key_id, caller.key, number)


def _logged(recorded: Recorded) -> ContactDone:
    (fact,) = recorded.facts
    return ContactDone(fact.data["contact_id"], [fact], recorded.duplicate)


def _repeat(services: Services, caller: Caller, mark: str) -> ContactDone | None:
    """Return the recorded answer to a request whose decision has become impossible since."""
    fact = replayed(services, caller, mark)
    return None if fact is None else ContactDone(fact.data["contact_id"], [fact], repeated=True)


# ── change ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of one contact: who, what, from which version, and the rule that decides it."""

    services: Services
    caller: Caller
    contact_id: str
    name: str
    command: Value
    if_version: int | None
    decide: Decide

    def attempt(self) -> Prepared | Settled:
        """Read the contact's history and decide; or find the answer given before."""
        mark = mark_of(self.services, self.name, self.command, self.contact_id)
        limits = sight(self.caller.principal)
        facts, events, last = history_of(self.services, self.contact_id, limits)
        if not facts:
            raise Unknown("contact_unknown")
        state = ContactState()
        for event in events:
            state = contacts.evolve(state, event)
        before = replayed(self.services, self.caller, mark)
        if before is not None:
            return Settled([fact for fact in facts if fact.position <= before.position], None)
        if self.if_version is not None and self.if_version != state.version:
            raise Conflict("version_mismatch", current=state.version)
        entry = Entry(
            self.decide(state),
            envelope_of(self.caller, mark),
            condition=Condition(_items(self.contact_id), last),
            key_hash=self.caller.key_hash,
        )
        return Prepared(entry, facts)

    async def run(self) -> ContactDone:
        """Decide and record."""
        return self._done(await settle(self.services, self.attempt))

    def run_sync(self) -> ContactDone:
        """Decide and record (CLI, imports)."""
        return self._done(settle_sync(self.services, self.attempt))

    def _done(self, settled: Settled) -> ContactDone:
        recorded = settled.recorded
        if recorded is None:
            return ContactDone(self.contact_id, settled.history, repeated=True)
        until = recorded.position_first
        facts = [fact for fact in settled.history if fact.position < until]
        return ContactDone(self.contact_id, [*facts, *recorded.facts], recorded.duplicate)


def history_of(
    services: Services, contact_id: str, limits: Sight | None = None
) -> tuple[list[Fact], list[ContactEvent], int]:
    """Return a contact's own facts and events, and the last position that bears its tag.

    A link from another contact bears the tag too; it is not this contact's history. With `limits`
    a contact that may not be seen is as one that does not exist.
    """
    facts, events, last = services.journal.history(
        [f"contact:{contact_id}"],
        CONTACT_TYPES,
        None if limits is None else partial(seen_sealed, limits, contact_id),
    )
    own = [i for i, fact in enumerate(facts) if fact.data["contact_id"] == contact_id]
    return [facts[i] for i in own], [cast("ContactEvent", events[i]) for i in own], last


def seen(limits: Sight, state: ContactState) -> bool:
    """Return whether someone with this sight may know of the contact (the views' rule, by hand)."""
    content = state.content
    if content is None:
        return False
    concerned = {party.id for party in (*content.administrations, *content.organisations)}
    for person in state.participants:
        concerned |= {person.party.id} if person.party else set()
        concerned |= {party.id for party in person.spoke_for}
    final = not (content.negotiation or state.retracted)
    return sees(limits, content.confidentiality, concerned, content.kle, final=final)


def _items(contact_id: str) -> tuple[QueryItem, ...]:
    return (QueryItem(CONTACT_TYPES, (f"contact:{contact_id}",)),)


def _correction(
    services: Services,
    caller: Caller,
    contact_id: str,
    command: CorrectContact,
    parties: Parties,
    if_version: int | None,
) -> _Change:
    known = known_of(services, parties, lenient=caller.lenient)

    def decide(state: ContactState) -> list[ContactEvent]:
        return contacts.correct(state, command, known)

    return _Change(services, caller, contact_id, "correct_contact", command, if_version, decide)


async def correct_contact(
    services: Services,
    principal: Principal,
    contact_id: str,
    command: CorrectContact,
    *,
    via: Via,
    key: str | None = None,
    if_version: int | None = None,
    lenient: bool = False,
) -> ContactDone:
    """Correct a contact; Unknown, Conflict (version_mismatch) or Refused otherwise."""
    whole = await whole_scope(services, principal)
    caller = Caller(whole, via, key, lenient)
    found = await parties_named(services, keys_named(command))
    return await _correction(services, caller, contact_id, command, found, if_version).run()


def correct_contact_sync(
    services: Services,
    principal: Principal,
    contact_id: str,
    command: CorrectContact,
    *,
    via: Via,
    key: str | None = None,
    if_version: int | None = None,
    lenient: bool = False,
) -> ContactDone:
    """Correct a contact (CLI, imports)."""
    whole = whole_scope_sync(services, principal)
    caller = Caller(whole, via, key, lenient)
    found = parties_named_sync(services, keys_named(command))
    return _correction(services, caller, contact_id, command, found, if_version).run_sync()


Plain = RetractContact | LinkContact | UnlinkContact


def _plain(
    services: Services,
    caller: Caller,
    contact_id: str,
    command: Plain,
    if_version: int | None,
) -> _Change:
    """A change that names no parties."""

    def decide(state: ContactState) -> list[ContactEvent]:
        match command:
            case RetractContact():
                return contacts.retract(state, command)
            case LinkContact():
                return contacts.link(state, command, link_id)
            case UnlinkContact():
                return contacts.unlink(state, command)

    link_id = clock.new_id()
    name = _NAMES[type(command)]
    return _Change(services, caller, contact_id, name, command, if_version, decide)


_NAMES: Final[dict[type[Value], str]] = {
    RetractContact: "retract_contact",
    LinkContact: "link_contact",
    UnlinkContact: "unlink_contact",
}


async def change_contact(
    services: Services,
    principal: Principal,
    contact_id: str,
    command: Plain,
    *,
    via: Via,
    key: str | None = None,
    if_version: int | None = None,
) -> ContactDone:
    """Retract, link or unlink a contact."""
    whole = await whole_scope(services, principal)
    caller = Caller(whole, via, key)
    return await _plain(services, caller, contact_id, command, if_version).run()


def change_contact_sync(
    services: Services,
    principal: Principal,
    contact_id: str,
    command: Plain,
    *,
    via: Via,
    key: str | None = None,
    if_version: int | None = None,
) -> ContactDone:
    """Retract, link or unlink a contact (CLI, imports)."""
    whole = whole_scope_sync(services, principal)
    caller = Caller(whole, via, key)
    return _plain(services, caller, contact_id, command, if_version).run_sync()
