"""Parties a register names (parter): found, registered when the mapping lets it, or refused.

A name is taken as the register writes it: two spellings are two parties until somebody merges them
or the mapping's alias table says otherwise. A merge is a person's decision, not an import's.
"""

import hashlib
from collections.abc import Mapping as Mapping_
from collections.abc import Sequence
from dataclasses import dataclass, field

from api.imports.contacts import SIDES, Draft, PartyNeeded
from api.imports.door import Door
from api.imports.mapping import Mapping, PartyTake
from api.imports.takes import folded
from domain.contacts import LogContact
from domain.parties import RegisterParty
from domain.values import PartyRef, Source


@dataclass(slots=True)
class PartyPlan:
    """What to register first, what each name becomes in a command, and which names are refused."""

    create: list[RegisterParty] = field(default_factory=list)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)

    def fault_of(self, draft: Draft) -> tuple[str, str] | None:
        """Return why a contact cannot be logged for its parties' sake: code and field."""
        for party in draft.parties:
            if code := self.refused.get((party.side, party.name)):
                return code, party.side
        return None

    def needed_by(self, drafts: Sequence[Draft]) -> list[RegisterParty]:
        """Return the registrations these contacts need: a refused contact creates no party."""
        used = {self.keys[party.side, party.name] for draft in drafts for party in draft.parties}
        return [command for command in self.create if command.name in used]


def plan_parties(drafts: Sequence[Draft], mapping: Mapping, door: Door) -> PartyPlan:
    """Look every party up once and decide what is to be registered."""
    needed = {(p.side, p.name): p for draft in drafts for p in draft.parties}
    outside = [p.external.value for p in needed.values() if p.external is not None]
    known = door.resolve(list(dict.fromkeys([*outside, *(p.name for p in needed.values())])))
    plan, fresh = PartyPlan(), dict[str, str]()
    for place, party in needed.items():
        take: PartyTake = getattr(mapping, party.side)
        key, code = _found(party, take, known)
        if code:
            plan.refused[place] = code
        elif key:
            plan.keys[place] = key
        else:
            same = folded(party.name) if take.match == "casefold" else party.name
            if same not in fresh:
                fresh[same] = party.name
                plan.create.append(_registration(party, take, mapping.source))
            plan.keys[place] = fresh[same]
    return plan


def _found(
    party: PartyNeeded, take: PartyTake, known: Mapping_[str, PartyRef | None]
) -> tuple[str, str]:
    """Return (key, "") when the party is there, ("", code) when refused, two blanks when new."""
    if party.external is not None and known.get(party.external.value) is not None:
        return party.external.value, ""
    ref = known.get(party.name)
    if ref is not None and (take.match == "casefold" or not _only_folded(ref.name, party.name)):
        return party.name, ""
    if ref is None and party.name in known:
        return "", "ambiguous_party"
    return "", "" if take.create else "unknown_party"


def _only_folded(found: str, asked: str) -> bool:
    """Whether a party was found by letter case or blanks alone, which `exact` does not accept."""
    return found != asked and folded(found) == folded(asked)


def _registration(party: PartyNeeded, take: PartyTake, system: str) -> RegisterParty:
    """Return the party's registration; its source id makes a second run find the first's."""
    digest = hashlib.sha256(party.name.encode()).hexdigest()[:32]
    return RegisterParty(
        kind=take.kind,
        name=party.name,
        external_ids=(party.external,) if party.external is not None else (),
        source=Source(system=system, id=f"party:{digest}"),
    )


def with_keys(draft: Draft, plan: PartyPlan) -> LogContact:
    """Return the contact's command with every party under the key that finds it."""
    command = draft.command
    if all(plan.keys[p.side, p.name] == p.name for p in draft.parties):
        return command
    keys = {(p.side, p.name): plan.keys[p.side, p.name] for p in draft.parties}
    update: dict[str, object] = {}
    for side in SIDES:
        names = getattr(command, side)
        update |= {side: tuple(dict.fromkeys(keys[side, n] for n in names))} if names else {}
    by_name = {name: key for (_, name), key in keys.items()}
    people = [
        person.model_copy(
            update={
                **({"party": by_name.get(person.party, person.party)} if person.party else {}),
                **(
                    {"spoke_for": tuple(by_name.get(n, n) for n in person.spoke_for)}
                    if person.spoke_for
                    else {}
                ),
            }
        )
        for person in command.participants
    ]
    update |= {"participants": tuple(people)} if people else {}
    return command.model_copy(update=update)
