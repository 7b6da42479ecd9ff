"""Parties a register names (parter): found, registered when the mapping lets it, or refused.

A name is taken as the register writes it: two spellings are two parties until somebody merges them,
the mapping's alias table says otherwise, or both bear the same outside number. A merge is a
person's decision, not an import's.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from api.imports.contacts import Draft, PartyNeeded
from api.imports.door import Door, Named
from api.imports.enquiries import EnquiryDraft
from api.imports.mapping import Mapping
from api.imports.tables import PartyTake
from api.imports.takes import folded
from domain.parties import ExternalId, RegisterParty
from domain.parties.commands import ALIASES_MAX
from domain.values import PartyRef, Source


@dataclass(slots=True)
class PartyPlan:
    """Under which key each party will be found, which are new, and which are refused."""

    system: str
    keys: dict[PartyNeeded, str] = field(default_factory=dict)
    refused: dict[PartyNeeded, str] = field(default_factory=dict)
    fresh: dict[str, tuple[PartyNeeded, PartyTake]] = field(default_factory=dict)

    def fault_of(self, draft: Draft | EnquiryDraft) -> tuple[str, str] | None:
        """Return why a contact cannot be logged for its parties' sake: code and field."""
        for party in draft.parties:
            if code := self.refused.get(party):
                return code, party.side
        return None

    def needed_by(self, drafts: Sequence[Draft | EnquiryDraft]) -> list[RegisterParty]:
        """Return the registrations these contacts need: a refused contact creates no party."""
        spellings: dict[str, dict[str, None]] = {}
        for draft in drafts:
            for party in draft.parties:
                spellings.setdefault(self.keys[party], {})[party.name] = None
        return [
            _registration(party, take, spellings[key], self.system)
            for key, (party, take) in self.fresh.items()
            if key in spellings
        ]

    def named(self, draft: Draft) -> Named:
        """Return the contact with the key under which each of its parties is found."""
        return Named(draft.command, self.keys_of(draft))

    def keys_of(self, draft: Draft | EnquiryDraft) -> dict[str, str]:
        """Return the key under which each party that a draft names is found."""
        return {party.name: self.keys[party] for party in draft.parties}


def plan_parties(drafts: Sequence[Draft | EnquiryDraft], mapping: Mapping, door: Door) -> PartyPlan:
    """Look every party up once and decide what is to be registered."""
    needed = dict.fromkeys(party for draft in drafts for party in draft.parties)
    planner = _Planner(needed, mapping, door)
    # Those with a number come first: a row that lacks the number then finds what another row gave.
    for party in sorted(needed, key=lambda party: party.external is None):
        planner.place(party)
    return planner.plan


class _Planner:
    """Places the parties of one file one by one; what is known is asked for once."""

    def __init__(self, needed: Iterable[PartyNeeded], mapping: Mapping, door: Door) -> None:
        self._mapping, self._door = mapping, door
        self._of_number: dict[ExternalId, list[PartyNeeded]] = {}
        names: dict[str, None] = {}
        for party in needed:
            names[party.name] = None
            if party.external is not None:
                self._of_number.setdefault(party.external, []).append(party)
        outside = {number.value: None for number in self._of_number}
        self._known = door.resolve(list(outside | names))
        # By spelling: each number the file gives it, with the key of its party, blank if refused.
        self._bearers: dict[str, dict[ExternalId, str]] = {}
        self._by_number: dict[ExternalId, str] = {}
        self._by_spelling: dict[str, str] = {}
        self.plan = PartyPlan(mapping.source)

    def place(self, party: PartyNeeded) -> None:
        """Decide one party: found, new, or refused with a code."""
        if party.external is None:
            key, code = self._by_name(party)
        else:
            key, code = self._numbered(party, party.external)
        if code:
            self.plan.refused[party] = code
        else:
            self.plan.keys[party] = key

    def _numbered(self, party: PartyNeeded, number: ExternalId) -> tuple[str, str]:
        """Place a party by its number first; its name comes second and must not contradict."""
        bearers = self._bearers.setdefault(self._spelling(party), {})
        if number.value in self._known:
            found = self._known[number.value] is not None
            key, code = (number.value, "") if found else ("", "ambiguous_party")
        elif number in self._by_number:
            key, code = self._by_number[number], ""
        elif (named := self._named_in_register(number)) is not None:
            key, code = named
        elif self._taken(party, number):
            key, code = "", "party_number_differs"
        elif self._take(party).create:
            self.plan.fresh[number.value] = (party, self._take(party))
            key, code = number.value, ""
        else:
            key, code = "", "unknown_party"
        if not code:
            self._by_number[number] = key
        if code != "unknown_party":
            bearers[number] = key
        return key, code

    def _named_in_register(self, number: ExternalId) -> tuple[str, str] | None:
        """Return the key of a known party to which the file gives an unknown number, or a code.

        A party that has another number of the same kind is another party of the same name.
        """
        for party in self._of_number[number]:
            if party.name not in self._known:
                continue
            ref = self._known[party.name]
            if ref is None:
                return "", "ambiguous_party"
            if self._fits(party, ref):
                theirs = {n for n in self._door.numbers(ref.id) if n.scheme == number.scheme}
                if theirs and number not in theirs:
                    return "", "party_number_differs"
                return party.name, ""
        return None

    def _taken(self, party: PartyNeeded, number: ExternalId) -> bool:
        """Whether a new party of this name bears another number: names are unique."""
        bearers = self._bearers[self._spelling(party)]
        return any(other != number for other in bearers)

    def _by_name(self, party: PartyNeeded) -> tuple[str, str]:
        bearers = self._bearers.get(self._spelling(party), {})
        if len(set(bearers.values())) > 1 or "" in bearers.values():
            return "", "ambiguous_party"  # the file itself knows two of this name
        ref = self._known.get(party.name)
        if ref is not None and self._fits(party, ref):
            return party.name, ""
        if ref is None and party.name in self._known:
            return "", "ambiguous_party"
        if bearers:
            return next(iter(bearers.values())), ""
        take = self._take(party)
        if not take.create:
            return "", "unknown_party"
        key = self._by_spelling.setdefault(self._spelling(party), party.name)
        self.plan.fresh.setdefault(key, (party, take))
        return key, ""

    def _take(self, party: PartyNeeded) -> PartyTake:
        return self._mapping.party_take(party.side)

    def _spelling(self, party: PartyNeeded) -> str:
        return _compared(party.name, self._take(party))

    def _fits(self, party: PartyNeeded, ref: PartyRef) -> bool:
        """Whether a party found by name counts: `exact` takes no other letter case or blanks."""
        if self._take(party).match == "casefold" or ref.name == party.name:
            return True
        return folded(ref.name) != folded(party.name)


def _compared(name: str, take: PartyTake) -> str:
    return folded(name) if take.match == "casefold" else name


def _registration(
    party: PartyNeeded, take: PartyTake, spellings: Iterable[str], system: str
) -> RegisterParty:
    """Return the party's registration; its source id makes a second run find the first's."""
    outside = party.external
    about = party.name if outside is None else f"{outside.scheme}\n{outside.value}"
    digest = hashlib.sha256(about.encode()).hexdigest()[:32]
    own = _compared(party.name, take)
    others = [name for name in spellings if _compared(name, take) != own]
    return RegisterParty(
        kind=take.kind,
        name=party.name,
        aliases=tuple(others[:ALIASES_MAX]),
        external_ids=(outside,) if outside is not None else (),
        source=Source(system=system, id=f"party:{digest}"),
    )
