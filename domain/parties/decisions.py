"""Decisions about parties: pure functions from state and command to events, or a refusal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from domain.errors import Conflict, Fault, Refused
from domain.parties.commands import (
    AddAlias,
    AddExternalId,
    CloseParty,
    EndRelation,
    MergeParty,
    RegisterParty,
    RelateParty,
    Relation,
    RenameParty,
    UnmergeParty,
)
from domain.parties.events import (
    PartyAliasAdded,
    PartyClosed,
    PartyEvent,
    PartyExternalIdAdded,
    PartyMerged,
    PartyRegistered,
    PartyRelated,
    PartyRelationEnded,
    PartyRenamed,
    PartyUnmerged,
    key_tag,
    keys_of,
)
from domain.parties.identifiers import check_external_ids
from domain.values import PartyId, PartyRef, refuse_if


@dataclass(frozen=True, slots=True)
class PartyState:
    """What a decision about one party needs to know."""

    party_id: PartyId | None = None
    merged_into: PartyId | None = None
    closed: bool = False
    keys: frozenset[tuple[str, str]] = frozenset()
    aliases: frozenset[str] = frozenset()
    relations: dict[str, PartyRelated] = field(default_factory=dict)
    ended: frozenset[str] = frozenset()


def evolve(state: PartyState, event: PartyEvent) -> PartyState:
    """Fold one event of the party into its state; total, never refuses."""
    claimed = state.keys | set(keys_of(event))
    match event:
        case PartyRegistered():
            aliases = state.aliases | set(event.aliases)
            return replace(state, party_id=event.party_id, keys=claimed, aliases=aliases)
        case PartyRenamed() | PartyExternalIdAdded():
            return replace(state, keys=claimed)
        case PartyAliasAdded():
            return replace(state, aliases=state.aliases | {event.alias})
        case PartyRelated():
            return replace(state, relations={**state.relations, event.relation_id: event})
        case PartyRelationEnded():
            return replace(state, ended=state.ended | {event.relation_id})
        case PartyMerged() if event.party_id == state.party_id:
            return replace(state, merged_into=event.into_party_id)
        case PartyUnmerged() if event.party_id == state.party_id:
            return replace(state, merged_into=None)
        case PartyClosed():
            return replace(state, closed=True)
        case PartyMerged() | PartyUnmerged():
            return state
    assert_never(event)


def register(
    command: RegisterParty,
    party_id: PartyId,
    related: dict[str, PartyRef],
    new_id: Callable[[], str],
) -> list[PartyEvent]:
    """Decide the entry of a party, with its first relations.

    `related` holds the parties that `part_of` and `administered_by` were found to mean. That the
    keys are free is the append's condition (see `free_keys`), not a look-up here.
    """
    faults, warnings = check_external_ids(command.external_ids, "/external_ids")
    refuse_if(faults)
    events: list[PartyEvent] = [
        PartyRegistered(
            party_id=party_id,
            kind=command.kind,
            name=command.name,
            abbreviation=command.abbreviation,
            aliases=tuple(dict.fromkeys(command.aliases)),
            external_ids=command.external_ids,
            valid_from=command.valid_from,
            warnings=warnings,
            source=command.source,
        )
    ]
    if parent := related.get("part_of"):
        events.append(_related(new_id(), party_id, "part_of", parent.id, command.valid_from))
    if keeper := related.get("administered_by"):
        events.append(_related(new_id(), keeper.id, "administers", party_id, command.valid_from))
    return events


def _related(
    relation_id: str, party: PartyId, relation: Relation, to: PartyId, since: str | None
) -> PartyRelated:
    return PartyRelated(
        relation_id=relation_id,
        party_id=party,
        relation=relation,
        to_party_id=to,
        valid_from=since,
    )


def free_keys(events: Sequence[PartyEvent], state: PartyState) -> list[str]:
    """Return the tags of keys that nobody may hold yet for `events` to be appended.

    Keys of the party's own past are left out, so that it can take an old name up again.
    """
    claimed = [key for event in events for key in keys_of(event)]
    return [key_tag(*key) for key in dict.fromkeys(claimed) if key not in state.keys]


def rename(state: PartyState, party_id: PartyId, command: RenameParty) -> list[PartyEvent]:
    """Decide a new name from a day on."""
    _alive(state)
    return [
        PartyRenamed(
            party_id=party_id,
            name=command.name,
            abbreviation=command.abbreviation,
            valid_from=command.valid_from,
            reason=command.reason,
        )
    ]


def add_alias(state: PartyState, party_id: PartyId, command: AddAlias) -> list[PartyEvent]:
    """Decide a further name; nothing when it is there already."""
    if command.alias in state.aliases:
        return []
    return [PartyAliasAdded(party_id=party_id, alias=command.alias)]


def add_external_id(
    state: PartyState, party_id: PartyId, command: AddExternalId
) -> list[PartyEvent]:
    """Decide a further outside number; nothing when it is there already."""
    if (command.external_id.scheme, command.external_id.value) in state.keys:
        return []
    faults, warnings = check_external_ids([command.external_id], "")
    refuse_if([Fault("/external_id/value", f.code, f.params) for f in faults])
    return [
        PartyExternalIdAdded(party_id=party_id, external_id=command.external_id, warnings=warnings)
    ]


def relate(
    state: PartyState, party_id: PartyId, to: PartyRef, command: RelateParty, relation_id: str
) -> list[PartyEvent]:
    """Decide a relation; refused to itself or when the same one is open already."""
    if to.id == party_id:
        raise Refused("relation_to_itself", [Fault("/to", "relation_to_itself")])
    _in_order(command.valid_from, command.valid_to)
    for known in state.relations.values():
        same = (known.party_id, known.relation, known.to_party_id)
        still = known.valid_to is None and known.relation_id not in state.ended
        if still and same == (party_id, command.relation, to.id):
            raise Refused("relation_exists", [Fault("/to", "relation_exists")])
    return [
        PartyRelated(
            relation_id=relation_id,
            party_id=party_id,
            relation=command.relation,
            to_party_id=to.id,
            valid_from=command.valid_from,
            valid_to=command.valid_to,
        )
    ]


def end_relation(state: PartyState, command: EndRelation) -> list[PartyEvent]:
    """Decide the last day of a relation."""
    known = state.relations.get(command.relation_id)
    if known is None:
        raise Refused("relation_unknown", [Fault("/relation_id", "relation_unknown")])
    if command.relation_id in state.ended:
        raise Refused("relation_ended", [Fault("/relation_id", "relation_ended")])
    _in_order(known.valid_from, command.valid_to)
    return [
        PartyRelationEnded(
            relation_id=command.relation_id,
            party_id=known.party_id,
            to_party_id=known.to_party_id,
            valid_to=command.valid_to,
            reason=command.reason,
        )
    ]


def merge(
    state: PartyState, party_id: PartyId, into: PartyRef, command: MergeParty
) -> list[PartyEvent]:
    """Decide that the party is the same as `into`, which must itself not be merged away."""
    _alive(state)
    if into.id == party_id:
        raise Refused("relation_to_itself", [Fault("/into", "relation_to_itself")])
    return [PartyMerged(party_id=party_id, into_party_id=into.id, reason=command.reason)]


def unmerge(state: PartyState, party_id: PartyId, command: UnmergeParty) -> list[PartyEvent]:
    """Decide that the merge was a mistake."""
    if state.merged_into is None:
        raise Refused("party_not_merged")
    return [
        PartyUnmerged(party_id=party_id, from_party_id=state.merged_into, reason=command.reason)
    ]


def close(state: PartyState, party_id: PartyId, command: CloseParty) -> list[PartyEvent]:
    """Decide the party's last day."""
    _alive(state)
    return [PartyClosed(party_id=party_id, valid_to=command.valid_to, reason=command.reason)]


def _in_order(first: str | None, last: str | None) -> None:
    if first is not None and last is not None and last < first:
        raise Refused("invalid_input", [Fault("/valid_to", "invalid_input")])


def _alive(state: PartyState) -> None:
    if state.merged_into is not None:
        raise Conflict("party_merged", into=state.merged_into)
    if state.closed:
        raise Refused("party_closed")
