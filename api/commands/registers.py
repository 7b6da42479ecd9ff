"""Commands about records of any register: open one, step one; the one way for every concept.

The table domain/registers.py says what each command names and which decision it meets.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from api.commands.contacts import history_of, seen
from api.commands.enquiries import until
from api.commands.recording import (
    ByFacts,
    Caller,
    Prepared,
    Settled,
    envelope_of,
    mark_of,
    parties_named,
    parties_named_sync,
    replayed,
    settle,
    settle_sync,
    whole_scope,
    whole_scope_sync,
)
from api.main import Services
from domain import contacts
from domain.access import Principal, Sight, demand_logging, sight, under
from domain.contacts import ContactState
from domain.errors import Conflict, Unknown
from domain.log.codec import Fact
from domain.log.envelope import Via
from domain.log.port import Condition, QueryItem
from domain.records import Known, Record, Reference
from domain.registers import BY_NOUN, Register, Rule
from domain.registry import EVENTS, NAMES
from domain.storage import clock
from domain.storage.journal import Entry
from domain.values import PartyRef, Value
from projections.contact_rows import LEVELS
from projections.finality import levels_seen
from projections.record_bodies import folded, level_of


@dataclass(frozen=True, slots=True)
class RecordDone(ByFacts):
    """A record after a command: its facts up to and with the command's own."""

    register: Register
    record_id: str
    facts: Sequence[Fact]
    repeated: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """One command about one record; `record_id` is new when it opens one."""

    services: Services
    caller: Caller
    register: Register
    rule: Rule
    command: Value
    record_id: str
    parties: dict[str, PartyRef | None]
    if_version: int | None = None

    @property
    def opens(self) -> bool:
        return self.rule is self.register.open

    def attempt(self) -> Prepared | Settled:
        """Read the record's history and decide; or find the answer given before."""
        services, register = self.services, self.register
        head = services.log.head()
        target = "" if self.opens else self.record_id
        mark = mark_of(services, self.rule.operation, self.command, target)
        limits = None if self.opens else sight(self.caller.principal)
        facts, record, last = record_of(services, register, self.record_id, limits)
        if not self.opens and record is None:
            raise Unknown("record_not_found")
        before = replayed(services, self.caller, mark)
        if before is not None:
            return Settled(self._told(before), None)
        if record is not None and self.if_version not in (None, record.version):
            raise Conflict("version_mismatch", current=record.version)
        families = self._families(record)
        sought = _Sought(services, self._sought(record, families))
        events = self._decided(record, families, sought)
        self._demand(record, events)
        first = self.record_id if self.opens else clock.new_id()
        envelope = envelope_of(self.caller, mark)
        entry = Entry(
            events,
            replace(envelope, correlation=first) if len(events) > 1 else envelope,
            [first, *(clock.new_id() for _ in events[1:])],
            condition=self._condition(last, head, sought),
            key_hash=self.caller.key_hash,
        )
        return Prepared(entry, facts)

    def _condition(self, last: int, head: int, sought: "_Sought") -> Condition | None:
        """Nobody stepped the record meanwhile, nor recorded another one that was asked for."""
        own = () if self.opens else _items(self.register, self.record_id)
        others = sought.items(stepped=not self.opens)
        if others:
            return Condition((*own, *others), head)
        return Condition(own, last) if own else None

    def _told(self, first: Fact) -> list[Fact]:
        """Return the record's facts up to and with all that were recorded as one with `first`."""
        record_id = str(first.data[self.register.id_field])
        return until(record_of(self.services, self.register, record_id)[0], first)

    def _families(self, record: Record | None) -> dict[str, frozenset[str]]:
        """Return all ids by now of every party that is named, or whose records are asked for."""
        named = {party.id for party in self.parties.values() if party is not None}
        asked = {key for _, key in self.rule.sought(self.command, record)}
        ids = named | (asked - self.parties.keys() if record is not None else set())
        return self.services.directory.whole(ids) if ids else {}

    def _sought(
        self, record: Record | None, families: Mapping[str, frozenset[str]]
    ) -> list[Reference]:
        """Return the registers and parties whose records the rule asks for, each once."""
        found = []
        for noun, key in self.rule.sought(self.command, record):
            named = self.parties.get(key)
            ids = families.get(named.id if named else key, ())
            found += [(noun, party) for party in sorted(ids)]
        return list(dict.fromkeys(found))

    def _decided(
        self, record: Record | None, families: Mapping[str, frozenset[str]], sought: "_Sought"
    ) -> list[Value]:
        limits = sight(self.caller.principal)
        references = self._references(record)
        there = sought.records(references)
        known = Known(
            now=clock.now(),
            zone=self.services.zone,
            parties=self.parties,
            families=families,
            records={each: self._other(each) for each in references},
            sought=there,
            hidden=frozenset(r for r in there if not _seen(limits, BY_NOUN[r[0]], there[r])),
            pseudonym=self.services.codec.vault.pseudonym,
            new_id=clock.new_id,
            media=self.services.media,
            head=self.services.log.head(),
            lenient=self.caller.lenient,
        )
        if self.opens:
            made = self.rule.decide(self.command, self.record_id, known)
        else:
            made = self.rule.decide(record, self.command, known)
        return made if isinstance(made, list) else [made]

    def _references(self, record: Record | None) -> list[Reference]:
        named = [*self.rule.records(self.command)]
        named += [] if record is None else self.rule.of_record(record)
        return list(dict.fromkeys(named))

    def _demand(self, record: Record | None, events: Sequence[Value]) -> None:
        """Refuse to act for others: the record, as it will be, must be the caller's to see."""
        after = record
        own = [event for event in events if NAMES[type(event)] in self.register.events]
        for event in own:
            after = self.register.evolve(after, event)
        if after is not None:
            demand_logging(self.caller.principal, [p.id for p in self.register.parties(after)])

    def _other(self, reference: Reference) -> Any:
        """Return another record that a command names, None when the caller may not know of it."""
        noun, record_id = reference
        limits = sight(self.caller.principal)
        if noun == "contact":
            return _contact(self.services, limits, record_id)
        register = BY_NOUN.get(noun)
        if register is None:
            return None
        return record_of(self.services, register, record_id, limits)[1]

    def done(self, settled: Settled) -> RecordDone:
        """Return what the command came to."""
        recorded = settled.recorded
        if recorded is None:
            facts = list(settled.history)
            record_id = str(facts[0].data[self.register.id_field])
            return RecordDone(self.register, record_id, facts, repeated=True)
        own = [f for f in recorded.facts if f.type in self.register.events]
        record_id = str(own[0].data[self.register.id_field])
        if recorded.duplicate:
            return RecordDone(self.register, record_id, self._told(own[-1]), repeated=True)
        before = [f for f in settled.history if f.position < recorded.position_first]
        return RecordDone(self.register, record_id, [*before, *own], repeated=False)


class _Sought:
    """The records that a rule asks for by their parties, as the log has them; words stay sealed."""

    def __init__(self, services: Services, asked: Sequence[Reference]) -> None:
        """`asked` are nouns of registers, each with the id of the party whose records it means."""
        self._services = services
        self._nouns = {noun for noun, _ in asked}
        self._naming = tuple(
            QueryItem(tuple(sorted(BY_NOUN[noun].events)), (f"{noun}_of:{party}",))
            for noun, party in asked
        )
        self._found: dict[Reference, None] = {}
        for row in services.log.matching(self._naming) if self._naming else ():
            register = BY_NOUN[row.type.partition(".")[0]]
            fact = services.codec.sealed_fact(row)
            self._found[register.noun, str(fact.data[register.id_field])] = None

    def records(self, named: Iterable[Reference]) -> dict[Reference, Record]:
        """Return them, and those of `named` in the same registers, without their words."""
        more = (each for each in named if each[0] in self._nouns)
        found = dict.fromkeys((*self._found, *more))
        there = {}
        for noun, record_id in found:
            register = BY_NOUN[noun]
            rows = self._services.log.matching(_items(register, record_id))
            facts = [self._services.codec.sealed_fact(row) for row in rows]
            record = _sealed(register, record_id, facts)
            if record is not None:
                there[noun, record_id] = record
        return there

    def items(self, *, stepped: bool) -> tuple[QueryItem, ...]:
        """Return what must not be recorded meanwhile: another of them, or steps of those found."""
        own = (_items(BY_NOUN[noun], record_id) for noun, record_id in self._found)
        return (*self._naming, *(chain.from_iterable(own) if stepped else ()))


def record_of(
    services: Services, register: Register, record_id: str, limits: Sight | None = None
) -> tuple[list[Fact], Record | None, int]:
    """Return a record's facts, the record they make, and the last position of them.

    With `limits` a record that such a sight may not know of is not there, and is not opened.
    """
    types = tuple(sorted(register.events))

    def seen(facts: Sequence[Fact]) -> bool:
        return limits is None or _seen(limits, register, _sealed(register, record_id, facts))

    facts, events, last = services.journal.history([register.tag(record_id)], types, seen)
    own = [i for i, fact in enumerate(facts) if fact.data[register.id_field] == record_id]
    return [facts[i] for i in own], folded(register, [events[i] for i in own]), last


def _sealed(register: Register, record_id: str, facts: Sequence[Fact]) -> Record | None:
    """Return the record as it is without its words and names, which stay sealed."""
    events = []
    for fact in facts:
        if fact.data[register.id_field] != record_id:
            continue
        kind = EVENTS[fact.type]
        data = {**fact.data, **dict.fromkeys(kind.sealed)}
        if kind.sealed_people and data[kind.sealed_people]:
            people = data[kind.sealed_people]
            data[kind.sealed_people] = [{**person, "details": None} for person in people]
        events.append(kind.model.model_validate(data, strict=False))
    return folded(register, events)


def _seen(limits: Sight, register: Register, record: Record | None) -> bool:
    """Return whether someone with this sight may know of the record (the views' rule, by hand)."""
    if record is None:
        return False
    if level_of(register, record) not in {LEVELS[level] for level in levels_seen(limits)}:
        return False
    concerned = {party.id for party in register.parties(record)}
    if limits.parties is not None and limits.parties.isdisjoint(concerned):
        return False
    numbers = [value for kind, value in register.terms(record) if kind == "kle"]
    return limits.kle is None or any(under(number, limits.kle) for number in numbers)


def _contact(services: Services, limits: Sight, contact_id: str) -> ContactState | None:
    _, events, _ = history_of(services, contact_id, limits)
    state = ContactState()
    for event in events:
        state = contacts.evolve(state, event)
    return state if state.version and seen(limits, state) and not state.retracted else None


def _items(register: Register, record_id: str) -> tuple[QueryItem, ...]:
    return (QueryItem(tuple(sorted(register.events)), (register.tag(record_id),)),)


def _new_id(register: Register, command: Value) -> str:
    """The caller's id; else one the source always gives; else a fresh one."""
    given = getattr(command, "id", None)
    if given is not None:
        return str(given)
    source = getattr(command, "source", None)
    if source is not None:
        return clock.id_of(register.noun, source.system, source.id)
    return clock.new_id()


def rule_of(register: Register, step: str | None) -> Rule:
    """Return the rule of a step, of opening when None; Unknown otherwise."""
    rule = register.open if step is None else register.steps.get(step)
    if rule is None:
        raise Unknown("not_found")
    return rule


async def act(
    services: Services,
    principal: Principal,
    register: Register,
    command: Value,
    *,
    via: Via,
    step: str | None = None,
    record_id: str | None = None,
    key: str | None = None,
    if_version: int | None = None,
) -> RecordDone:
    """Open a record (`step` None) or step one; Unknown, Conflict or Refused otherwise."""
    rule = rule_of(register, step)
    caller = Caller(await whole_scope(services, principal), via, key)
    found = await parties_named(services, list(rule.parties(command)))
    own_id = record_id or _new_id(register, command)
    asked = _Asked(services, caller, register, rule, command, own_id, dict(found), if_version)
    return asked.done(await settle(services, asked.attempt))


def act_sync(
    services: Services,
    principal: Principal,
    register: Register,
    command: Value,
    *,
    via: Via,
    step: str | None = None,
    record_id: str | None = None,
    key: str | None = None,
    lenient: bool = False,
) -> RecordDone:
    """Open or step a record (CLI, imports, samples)."""
    rule = rule_of(register, step)
    caller = Caller(whole_scope_sync(services, principal), via, key, lenient)
    found = parties_named_sync(services, list(rule.parties(command)))
    own_id = record_id or _new_id(register, command)
    asked = _Asked(services, caller, register, rule, command, own_id, dict(found))
    return asked.done(settle_sync(services, asked.attempt))
