"""What happened to parties (hændelser), the keys each event claims, and its tags."""

import hashlib
from typing import Final

from domain.parties.commands import Aliases, ExternalId, Relation
from domain.values import Code, Day, Name, PartyId, Reason, Source, Value

KEY_TAG_BYTES: Final = 16


class PartyRegistered(Value):
    """A party was entered in the register (part registreret)."""

    party_id: PartyId
    kind: Code
    name: Name
    abbreviation: Name | None = None
    aliases: Aliases = ()
    external_ids: tuple[ExternalId, ...] = ()
    valid_from: Day | None = None
    warnings: tuple[str, ...] = ()
    source: Source | None = None


class PartyRenamed(Value):
    """From a day on the party bears another name or abbreviation (part omdøbt)."""

    party_id: PartyId
    name: Name
    abbreviation: Name | None = None
    valid_from: Day
    reason: Reason | None = None


class PartyAliasAdded(Value):
    """The party is also known by this name (alias tilføjet)."""

    party_id: PartyId
    alias: Name


class PartyExternalIdAdded(Value):
    """An outside number was attached to the party (ekstern nøgle tilføjet)."""

    party_id: PartyId
    external_id: ExternalId
    warnings: tuple[str, ...] = ()


class PartyRelated(Value):
    """Two parties stand in a relation from a day on (relation oprettet): `party` … `to`."""

    relation_id: str
    party_id: PartyId
    relation: Relation
    to_party_id: PartyId
    valid_from: Day | None = None
    valid_to: Day | None = None


class PartyRelationEnded(Value):
    """A relation ended on a day, its last (relation ophørt)."""

    relation_id: str
    party_id: PartyId
    to_party_id: PartyId
    valid_to: Day
    reason: Reason | None = None


class PartyMerged(Value):
    """The party is the same as another (sammenlagt): its contacts show under `into` too."""

    party_id: PartyId
    into_party_id: PartyId
    reason: Reason


class PartyUnmerged(Value):
    """A merge was a mistake (sammenlægning ophævet)."""

    party_id: PartyId
    from_party_id: PartyId
    reason: Reason


class PartyClosed(Value):
    """The party ceased to exist on a day, its last (part ophørt)."""

    party_id: PartyId
    valid_to: Day
    reason: Reason


PartyEvent = (
    PartyRegistered
    | PartyRenamed
    | PartyAliasAdded
    | PartyExternalIdAdded
    | PartyRelated
    | PartyRelationEnded
    | PartyMerged
    | PartyUnmerged
    | PartyClosed
)


def key_tag(scheme: str, value: str) -> str:
    """Return the tag that guards one key of a party; hashed, as a name may be a person's."""
    digest = hashlib.sha256(f"{scheme}\n{value}".encode()).hexdigest()
    return f"key:{digest[: KEY_TAG_BYTES * 2]}"


def keys_of(event: PartyEvent) -> list[tuple[str, str]]:
    """Return the unique keys an event claims: names, abbreviation, outside numbers.

    Aliases are not unique: two parties may share a nickname, and then it finds neither of them.
    """
    match event:
        case PartyRegistered():
            named = [("name", event.name)]
            short = [("name", event.abbreviation)] if event.abbreviation else []
            outside = [(e.scheme, e.value) for e in event.external_ids]
            return list(dict.fromkeys(named + short + outside))
        case PartyRenamed():
            short = [("name", event.abbreviation)] if event.abbreviation else []
            return list(dict.fromkeys([("name", event.name), *short]))
        case PartyExternalIdAdded():
            return [(event.external_id.scheme, event.external_id.value)]
        case _:
            return []


def tags_of(event: PartyEvent) -> list[str]:
    """Return the tags of a party event: every party it concerns and every key it claims."""
    tags = [f"party:{event.party_id}"]
    match event:
        case PartyRelated() | PartyRelationEnded():
            tags.append(f"party:{event.to_party_id}")
        case PartyMerged():
            tags.append(f"party:{event.into_party_id}")
        case PartyUnmerged():
            tags.append(f"party:{event.from_party_id}")
        case _:
            pass
    return tags + [key_tag(scheme, value) for scheme, value in keys_of(event)]
