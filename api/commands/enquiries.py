"""Commands about enquiries: receive one through the one entry point, and every step of its life.

Receiving writes the contact, the enquiry and, when a rule decides it, the routing as one fact. A
step is decided from the enquiry's own history and recorded on condition that nobody took another
step meanwhile; what is filed on the enquiry is no step, so direct contact never waits for one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, cast

from api.commands.contacts import parties_of
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
from api.commands.rules import rules_known
from api.main import Services
from domain import enquiries
from domain.access import Principal, Sight, demand_receiving, sees, sight
from domain.contacts import ContactLogged
from domain.enquiries import (
    AcknowledgeEnquiry,
    AnswerEnquiry,
    AssignEnquiry,
    CloseEnquiry,
    EnquiryEvent,
    EnquiryReceived,
    EnquiryStep,
    MergeEnquiry,
    ReceiveEnquiry,
    ReopenEnquiry,
    RequestInformation,
    RerouteEnquiry,
    ReturnEnquiry,
    RouteEnquiry,
    SendInterimReply,
    SplitEnquiry,
    StepName,
    SupplyInformation,
    TriageEnquiry,
    WaiveAnswer,
)
from domain.enquiries.decisions import EnquiryState, Known, evolve, keys_named, receive, step
from domain.errors import Conflict, Fault, Refused, Unknown
from domain.log.codec import Fact
from domain.log.envelope import Via
from domain.log.port import Condition, QueryItem
from domain.registry import EVENTS
from domain.routing import RoutingRuleAdopted
from domain.storage import clock
from domain.storage.journal import Entry
from domain.values import Confidentiality, ContactId, PartyRef, Value
from projections import enquiry_body
from projections.belonging import ancestors
from projections.directory import closed
from projections.storage import OPEN

ENQUIRY_TYPES: Final = tuple(
    name for name, kind in EVENTS.items() if kind.tags_of is enquiries.tags_of
)
"""What makes an enquiry's version: its own events, and not the contacts filed on it."""

STEPS: Final = MappingProxyType[StepName, type[Value]](
    {
        "acknowledgements": AcknowledgeEnquiry,
        "triage": TriageEnquiry,
        "routes": RouteEnquiry,
        "reroutes": RerouteEnquiry,
        "returns": ReturnEnquiry,
        "assignments": AssignEnquiry,
        "information-requests": RequestInformation,
        "information": SupplyInformation,
        "interim-replies": SendInterimReply,
        "answers": AnswerEnquiry,
        "waivers": WaiveAnswer,
        "closures": CloseEnquiry,
        "reopenings": ReopenEnquiry,
        "splits": SplitEnquiry,
        "merges": MergeEnquiry,
    }
)
"""Each step by its name in the path."""

Parties = Mapping[str, PartyRef | None]


@dataclass(frozen=True, slots=True)
class EnquiryDone(ByFacts):
    """An enquiry after a command: its facts up to and with those recorded by the command.

    `repeated` says that the same request had been recorded before, and this is that answer.
    """

    enquiry_id: str
    facts: Sequence[Fact]
    repeated: bool

    @property
    def contact_id(self) -> str:
        """The contact the enquiry came with."""
        return str(self.facts[0].data["contact_id"])


# ── receive ──────────────────────────────────────────────────────────────────────────────────────


async def receive_enquiry(
    services: Services,
    principal: Principal,
    command: ReceiveEnquiry,
    *,
    via: Via,
    key: str | None = None,
    lenient: bool = False,
) -> EnquiryDone:
    """Receive an enquiry; the same request again answers what is recorded."""
    caller = Caller(await whole_scope(services, principal), via, key, lenient)
    found = await parties_named(services, _keys(command))
    attempt = _Reception(services, caller, command, found).attempt
    try:
        return _received(services, await settle(services, attempt))
    except Conflict as conflict:
        raise _id_taken(conflict) from None


def receive_enquiry_sync(
    services: Services,
    principal: Principal,
    command: ReceiveEnquiry,
    *,
    via: Via,
    key: str | None = None,
    lenient: bool = False,
) -> EnquiryDone:
    """Receive an enquiry (CLI, imports)."""
    caller = Caller(whole_scope_sync(services, principal), via, key, lenient)
    found = parties_named_sync(services, _keys(command))
    attempt = _Reception(services, caller, command, found).attempt
    try:
        return _received(services, settle_sync(services, attempt))
    except Conflict as conflict:
        raise _id_taken(conflict) from None


@dataclass(frozen=True, slots=True)
class _Reception:
    """One enquiry on its way in."""

    services: Services
    caller: Caller
    command: ReceiveEnquiry
    parties: Parties

    def attempt(self) -> Prepared | Settled:
        """Decide the enquiry; or find the answer given before."""
        services, command = self.services, self.command
        mark = mark_of(services, "receive_enquiry", command)
        before = replayed(services, self.caller, mark)
        if before is not None:
            return Settled(facts_of(services, before.data["enquiry"], before), None)
        enquiry_id = _enquiry_id(command)
        contact_id = clock.id_of("enquiry_contact", enquiry_id)
        known = known_of(services, self.parties, lenient=self.caller.lenient)
        events = receive(command, enquiry_id, ContactId(contact_id), known)
        self._demand(events)
        behalf = self.parties.get(command.on_behalf_of or "")
        if command.on_behalf_of is not None and behalf is None:
            raise Refused("unknown_party", [Fault("/on_behalf_of", "unknown_party")])
        later = [clock.id_of("received", enquiry_id, str(n)) for n in range(1, len(events))]
        envelope = envelope_of(self.caller, mark, behalf.id if behalf else None)
        entry = Entry(
            events,
            replace(envelope, correlation=contact_id),
            [contact_id, *later],
            Condition((_item(enquiry_id),)),
            self.caller.key_hash,
        )
        return Prepared(entry)

    def _demand(self, events: Sequence[Value]) -> None:
        """Refuse to send in an enquiry for somebody else."""
        senders: list[str] = []
        everyone: list[str] = []
        for event in events:
            if isinstance(event, EnquiryReceived):
                senders += [party.id for party in (event.sender, *event.spoke_for)]
            elif isinstance(event, ContactLogged):
                everyone += parties_of(event)
        demand_receiving(self.caller.principal, senders, everyone)


def _enquiry_id(command: ReceiveEnquiry) -> str:
    """The caller's id; else one the source record always gives; else a fresh one."""
    if command.id is not None:
        return command.id
    if command.source is not None:
        return clock.id_of("enquiry_source", command.source.system, command.source.id)
    return clock.new_id()


def _received(services: Services, settled: Settled) -> EnquiryDone:
    recorded = settled.recorded
    if recorded is None:
        facts = settled.history
        return EnquiryDone(facts[0].data["enquiry_id"], facts, repeated=True)
    first = recorded.facts[0]
    enquiry_id = first.data["enquiry"]
    if recorded.duplicate:
        return EnquiryDone(enquiry_id, facts_of(services, enquiry_id, first), repeated=True)
    return EnquiryDone(enquiry_id, recorded.facts[1:], repeated=False)


def _id_taken(conflict: Conflict) -> Conflict:
    """An enquiry that is there already, as a part of another, is what the condition refuses."""
    return Conflict("event_id_reused") if conflict.code == "condition_failed" else conflict


def _keys(command: ReceiveEnquiry | EnquiryStep) -> list[str]:
    named = list(keys_named(command))
    behalf = command.on_behalf_of if isinstance(command, ReceiveEnquiry) else None
    return list(dict.fromkeys([*named, behalf] if behalf else named))


# ── steps ────────────────────────────────────────────────────────────────────────────────────────


async def take_step(
    services: Services,
    principal: Principal,
    enquiry_id: str,
    command: EnquiryStep,
    *,
    via: Via,
    key: str | None = None,
    if_version: int | None = None,
    lenient: bool = False,
) -> EnquiryDone:
    """Take a step; Unknown, Conflict (version_mismatch) or Refused when that cannot be."""
    caller = Caller(await whole_scope(services, principal), via, key, lenient)
    found = await parties_named(services, _keys(command))
    taken = _Step(services, caller, enquiry_id, command, found, if_version)
    return taken.done(await settle(services, taken.attempt))


def take_step_sync(
    services: Services,
    principal: Principal,
    enquiry_id: str,
    command: EnquiryStep,
    *,
    via: Via,
    key: str | None = None,
    if_version: int | None = None,
    lenient: bool = False,
) -> EnquiryDone:
    """Take a step (CLI, imports)."""
    caller = Caller(whole_scope_sync(services, principal), via, key, lenient)
    found = parties_named_sync(services, _keys(command))
    taken = _Step(services, caller, enquiry_id, command, found, if_version)
    return taken.done(settle_sync(services, taken.attempt))


@dataclass(frozen=True, slots=True)
class _Step:
    """One step: who, on which enquiry, what, and from which version."""

    services: Services
    caller: Caller
    enquiry_id: str
    command: EnquiryStep
    parties: Parties
    if_version: int | None

    def attempt(self) -> Prepared | Settled:
        """Read the enquiry's history and decide; or find the answer given before.

        The head is read first: whatever is written after it, to this enquiry or to another the
        step touches, fails the append and has this done again.
        """
        head = self.services.log.head()
        facts, state = self._seen(self.enquiry_id)
        if state is None:
            raise Unknown("enquiry_unknown")
        mark = mark_of(self.services, type(self.command).__name__, self.command, self.enquiry_id)
        before = replayed(self.services, self.caller, mark)
        if before is not None:
            return Settled(until(facts, before), None)
        if self.if_version is not None and self.if_version != state.version:
            raise Conflict("version_mismatch", current=state.version)
        lenient = self.caller.lenient
        known = known_of(self.services, self.parties, concerned(facts), lenient=lenient)
        events = step(state, self.command, known, self._other())
        ids = [clock.new_id() for _ in events]
        envelope = envelope_of(self.caller, mark)
        entry = Entry(
            events,
            replace(envelope, correlation=ids[0]) if len(ids) > 1 else envelope,
            ids,
            Condition(self._items(events), head),
            self.caller.key_hash,
        )
        return Prepared(entry, facts)

    def done(self, settled: Settled) -> EnquiryDone:
        """Return what the step came to."""
        recorded = settled.recorded
        if recorded is None:
            return EnquiryDone(self.enquiry_id, settled.history, repeated=True)
        if recorded.duplicate:
            facts = facts_of(self.services, self.enquiry_id, recorded.facts[0])
            return EnquiryDone(self.enquiry_id, facts, repeated=True)
        facts = [fact for fact in settled.history if fact.position < recorded.position_first]
        own = [fact for fact in recorded.facts if fact.data["enquiry_id"] == self.enquiry_id]
        return EnquiryDone(self.enquiry_id, [*facts, *own], repeated=False)

    def _seen(self, enquiry_id: str) -> tuple[list[Fact], EnquiryState | None]:
        """Return an enquiry that the caller may know of; no state when there is none."""
        facts, state = history_of(self.services, enquiry_id, sight(self.caller.principal))
        return facts, state if facts else None

    def _other(self) -> EnquiryState | None:
        """Return the enquiry merged into."""
        if not isinstance(self.command, MergeEnquiry):
            return None
        return self._seen(self.command.into)[1]

    def _items(self, events: Sequence[Value]) -> tuple[QueryItem, ...]:
        """Return what must not have been written meanwhile; Conflict when a part's id is taken."""
        items = [_item(self.enquiry_id)]
        if isinstance(self.command, MergeEnquiry):
            items.append(_item(self.command.into))
        if isinstance(self.command, SplitEnquiry):
            made = (e.enquiry_id for e in events if isinstance(e, EnquiryReceived))
            parts = [_item(part) for part in made]
            if self.services.log.matching(parts, limit=1):
                raise Conflict("event_id_reused")
            items += parts
        return tuple(items)


# ── shared ───────────────────────────────────────────────────────────────────────────────────────


def history_of(
    services: Services, enquiry_id: str, limits: Sight | None = None
) -> tuple[list[Fact], EnquiryState]:
    """Return an enquiry's own facts, oldest first, and what they make it.

    With `limits` an enquiry that may not be seen is as one that does not exist.
    """

    def visible(facts: Sequence[Fact]) -> bool:
        return bool(facts) and (limits is None or seen(limits, facts))

    facts, events, _ = services.journal.history([f"enquiry:{enquiry_id}"], ENQUIRY_TYPES, visible)
    state = EnquiryState()
    for event in events:
        state = evolve(state, cast("EnquiryEvent", event))
    return facts, state


def facts_of(services: Services, enquiry_id: str, first: Fact) -> list[Fact]:
    """Return an enquiry's facts up to and with those recorded together with `first`."""
    return until(history_of(services, enquiry_id)[0], first)


def until(facts: Sequence[Fact], first: Fact) -> list[Fact]:
    """Return the facts up to and with those that were recorded as one with `first`."""
    together = first.meta.get("correlation")
    same = [f.position for f in facts if together and f.meta.get("correlation") == together]
    last = max([first.position, *same])
    return [fact for fact in facts if fact.position <= last]


def seen(limits: Sight, facts: Sequence[Fact]) -> bool:
    """Return whether someone with this sight may know of the enquiry (the view's rule, by hand).

    Concerned are who sent it, for whom, whom it was addressed to, and every unit that had it.
    """
    level = Confidentiality(facts[0].data["confidentiality"])
    kle = [fact.data["kle"] for fact in facts if fact.data.get("kle") is not None]
    return sees(limits, level, concerned(facts), kle[-1], final=True)


def concerned(facts: Sequence[Fact]) -> set[str]:
    """Return the parties an enquiry concerns or concerned."""
    found: set[str] = set()
    for fact in facts:
        data = fact.data
        for name in ("sender", "received_by", "obligation", "to", "from_unit", "unit", "by"):
            if isinstance(party := data.get(name), dict):
                found.add(party["id"])
        for name in ("spoke_for", "addressed"):
            found |= {party["id"] for party in data.get(name) or ()}
    return found


def known_of(
    services: Services, parties: Parties, others: Collection[str] = (), *, lenient: bool = False
) -> Known:
    """Return what a decision about an enquiry is told; `others` are ids of parties it concerns.

    A routing rule whose unit is closed is not among its rules: what comes stays with the desk (R7).
    """
    rules = rules_known(services)
    named = [*others, *(party.id for party in parties.values() if party is not None)]
    named += [rule.to.id for rule in rules.rules]
    return Known(
        now=clock.now(),
        zone=services.zone,
        parties=parties,
        ancestors=_ancestors(services, named),
        media=services.media,
        targets=rules.targets,
        calendars=rules.calendars,
        rules=_open(services, rules.rules),
        past=(),
        pseudonym=services.codec.vault.pseudonym,
        new_id=clock.new_id,
        lenient=lenient,
    )


def shown_as_recorded(services: Services, facts: Sequence[Fact], limits: Sight) -> bytes:
    """Return an enquiry as JSON, its deadlines judged by when its last fact was recorded.

    With that moment and the calendars of then an answer given again is the same to the byte.
    """
    calendars = rules_known(services, facts[-1].position).calendars
    now = clock.moment(facts[-1].recorded_at)
    return enquiry_body.shown(facts, limits, now, services.zone, calendars)


def _open(
    services: Services, rules: Sequence[RoutingRuleAdopted]
) -> tuple[RoutingRuleAdopted, ...]:
    with services.store.reading() as reader:
        v = services.views.suffix("parties")
        units = closed(reader, v, OPEN - 1, services.today(), {rule.to.id for rule in rules})
    return tuple(rule for rule in rules if rule.to.id not in units)


def _ancestors(services: Services, parties: Sequence[str]) -> dict[str, tuple[str, ...]]:
    with services.store.reading() as reader:
        v = services.views.suffix("parties")
        return ancestors(reader, v, OPEN - 1, services.today(), parties)


def _item(enquiry_id: str) -> QueryItem:
    return QueryItem(ENQUIRY_TYPES, (f"enquiry:{enquiry_id}",))
