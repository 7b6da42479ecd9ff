"""Commands about parties: register, rename, alias, outside number, relate, merge, close."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from api.commands.recording import (
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
)
from api.main import Services
from domain import parties
from domain.access import Principal
from domain.errors import Conflict, Fault, Refused, Unknown
from domain.log.envelope import Via
from domain.log.port import Condition, QueryItem
from domain.parties import (
    AddAlias,
    AddExternalId,
    CloseParty,
    EndRelation,
    MergeParty,
    PartyEvent,
    PartyState,
    RegisterParty,
    RelateParty,
    RenameParty,
    UnmergeParty,
)
from domain.storage import clock
from domain.storage.journal import Entry, Recorded
from domain.values import PartyId, PartyRef

PARTY_TYPES: Final = (
    "party.registered/1",
    "party.renamed/1",
    "party.alias_added/1",
    "party.external_id_added/1",
    "party.related/1",
    "party.relation_ended/1",
    "party.merged/1",
    "party.unmerged/1",
    "party.closed/1",
)

PartyChange = (
    RenameParty
    | AddAlias
    | AddExternalId
    | RelateParty
    | EndRelation
    | MergeParty
    | UnmergeParty
    | CloseParty
)
Found = Mapping[str, PartyRef | None]


@dataclass(frozen=True, slots=True)
class PartyDone:
    """A party after a command: the position from which a view shows what was done.

    `repeated` says that nothing new was recorded: it was there already.
    """

    party_id: str
    position: int
    repeated: bool


# ── register ─────────────────────────────────────────────────────────────────────────────────────


async def register_party(
    services: Services,
    principal: Principal,
    command: RegisterParty,
    *,
    via: Via,
    key: str | None = None,
) -> PartyDone:
    """Enter a party; Conflict (party_key_taken) when one of its keys belongs to another."""
    caller = Caller(principal, via, key)
    found = await parties_named(services, _named(command))
    entry = _registration(services, caller, command, found)
    try:
        recorded = await services.journal.record(entry)
    except Conflict as conflict:
        raise _taken(conflict) from None
    return _registered(services, recorded)


def register_party_sync(
    services: Services,
    principal: Principal,
    command: RegisterParty,
    *,
    via: Via,
    key: str | None = None,
) -> PartyDone:
    """Enter a party (CLI, imports)."""
    caller = Caller(principal, via, key)
    found = parties_named_sync(services, _named(command))
    try:
        recorded = services.journal.record_sync(_registration(services, caller, command, found))
    except Conflict as conflict:
        raise _taken(conflict) from None
    return _registered(services, recorded)


def _registered(services: Services, recorded: Recorded) -> PartyDone:
    services.directory.forget()
    party_id = recorded.facts[0].data["party_id"]
    return PartyDone(party_id, recorded.position_last, recorded.duplicate)


def _registration(
    services: Services, caller: Caller, command: RegisterParty, found: Found
) -> Entry:
    related = {
        name: _ref(found, key, f"/{name}")
        for name in ("part_of", "administered_by")
        if (key := getattr(command, name)) is not None
    }
    party_id = PartyId(_party_id(command))
    events = parties.register(command, party_id, related, clock.new_id)
    tags = parties.free_keys(events, PartyState())
    mark = mark_of(services, "register_party", command)
    return Entry(
        events,
        envelope_of(caller, mark),
        [party_id, *(clock.new_id() for _ in events[1:])],
        Condition(tuple(QueryItem((), (tag,)) for tag in tags)),
        caller.key_hash,
    )


def _party_id(command: RegisterParty) -> str:
    if command.source is not None:
        return clock.id_of("party_source", command.source.system, command.source.id)
    return clock.new_id()


def _named(command: RegisterParty) -> list[str]:
    return list(dict.fromkeys(k for k in (command.part_of, command.administered_by) if k))


def _taken(conflict: Conflict) -> Conflict:
    """A key that is not free is what the failed condition means here."""
    return Conflict("party_key_taken") if conflict.code == "condition_failed" else conflict


def _ref(found: Found, key: str, pointer: str) -> PartyRef:
    party = found.get(key)
    if party is None:
        code = "ambiguous_party" if key in found else "unknown_party"
        raise Refused(code, [Fault(pointer, code)])
    return party


# ── change ───────────────────────────────────────────────────────────────────────────────────────


async def change_party(
    services: Services,
    principal: Principal,
    party_id: str,
    command: PartyChange,
    *,
    via: Via,
    key: str | None = None,
) -> PartyDone:
    """Change a party; Unknown, Conflict or Refused when that cannot be."""
    caller = Caller(principal, via, key)
    found = await parties_named(services, _named_by(command))
    attempt = partial(_attempt, services, caller, party_id, command, found)
    return _changed(services, party_id, await settle(services, attempt))


def change_party_sync(
    services: Services,
    principal: Principal,
    party_id: str,
    command: PartyChange,
    *,
    via: Via,
    key: str | None = None,
) -> PartyDone:
    """Change a party (CLI, imports)."""
    caller = Caller(principal, via, key)
    found = parties_named_sync(services, _named_by(command))
    attempt = partial(_attempt, services, caller, party_id, command, found)
    return _changed(services, party_id, settle_sync(services, attempt))


def _changed(services: Services, party_id: str, settled: Settled) -> PartyDone:
    services.directory.forget()
    if settled.recorded is None:
        return PartyDone(party_id, settled.history[-1].position, repeated=True)
    return PartyDone(party_id, settled.recorded.position_last, settled.recorded.duplicate)


def _named_by(command: PartyChange) -> list[str]:
    match command:
        case RelateParty():
            return [command.to]
        case MergeParty():
            return [command.into]
        case _:
            return []


def _attempt(
    services: Services, caller: Caller, party_id: str, command: PartyChange, found: Found
) -> Prepared | Settled:
    """Read the party's history and decide; or find the answer given before.

    The head is read first: whatever is written after it, about the party or a key it is to get,
    fails the append and has this done again.
    """
    head = services.log.head()
    mark = mark_of(services, type(command).__name__, command, party_id)
    facts, events, _ = services.journal.history([f"party:{party_id}"], PARTY_TYPES)
    state = PartyState()
    own = [cast("PartyEvent", event) for event in events]
    for event in own if own and own[0].party_id == party_id else ():
        state = parties.evolve(state, event)
    if state.party_id is None:
        raise Unknown("party_not_found")
    before = replayed(services, caller, mark)
    if before is not None:
        return Settled([fact for fact in facts if fact.position <= before.position], None)
    decided = decide(state, PartyId(party_id), command, found)
    if not decided:
        return Settled(facts, None)
    keys = tuple(QueryItem((), (tag,)) for tag in parties.free_keys(decided, state))
    if keys and services.log.matching(keys, limit=1):
        raise Conflict("party_key_taken")
    items = (QueryItem(PARTY_TYPES, (f"party:{party_id}",)), *keys)
    entry = Entry(
        decided,
        envelope_of(caller, mark),
        condition=Condition(items, head),
        key_hash=caller.key_hash,
    )
    return Prepared(entry, facts)


def decide(
    state: PartyState, party_id: PartyId, command: PartyChange, found: Found
) -> Sequence[PartyEvent]:
    """Return what a change comes to; [] when nothing is new."""
    match command:
        case RenameParty():
            return parties.rename(state, party_id, command)
        case AddAlias():
            return parties.add_alias(state, party_id, command)
        case AddExternalId():
            return parties.add_external_id(state, party_id, command)
        case RelateParty():
            to = _ref(found, command.to, "/to")
            return parties.relate(state, party_id, to, command, clock.new_id())
        case EndRelation():
            return parties.end_relation(state, command)
        case MergeParty():
            return parties.merge(state, party_id, _ref(found, command.into, "/into"), command)
        case UnmergeParty():
            return parties.unmerge(state, party_id, command)
        case CloseParty():
            return parties.close(state, party_id, command)
