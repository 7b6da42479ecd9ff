"""What all records with a life of their own share (forløb): forums, papers, commitments, deals.

A record (post) is opened by one command and lives on by steps. Its concept gives commands, events
and one `evolve`; that same `evolve` serves decisions and views, so they cannot tell two stories.

A record names parties as they were then. Parties merge afterwards, and then a key means the
survivor, whom the record may not hold. So decisions take what a key means as the party that the
record knows (`Check.party`): the id and the name stay those of the record, and `evolve` finds them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Final, TypeVar

from domain.errors import Fault, Refused, Unknown
from domain.values import (
    CLOCK_TOLERANCE,
    Confidentiality,
    Occurred,
    OccurredGiven,
    PartyId,
    PartyRef,
    Precision,
    Value,
    instant_text,
)

REFERENCES_MAX: Final = 50
"""Other records one command may name."""

Reference = tuple[str, str]
"""Another record as a command names it: noun (`document`) and id."""


class Record(Value):
    """A record as its events tell it; `version` counts them.

    Every concept adds its own fields. What people outside may see is named by the register.
    """

    id: str
    version: int
    status: str
    confidentiality: Confidentiality = Confidentiality.INTERNAL


class StepGiven(Value):
    """Base of every step: when it took place, which is now when left out."""

    occurred: OccurredGiven | None = None


class StepTaken(Value):
    """Base of every event of a step: which version of the record it made, and when."""

    version: int
    occurred: Occurred


@dataclass(frozen=True, slots=True)
class Known:
    """What a decision about a record is told; nothing is fetched.

    `parties` maps every key the command names to the party it means (missing: none, None: several).
    `families` says which ids each party has by now: its own and those of all merged with it.
    `records` holds every record the command refers to, None when there is none that the asker may
    know of. `sought` holds the records that the rule asks for by their parties, without their
    words; those in `hidden` the asker may not know of, so no refusal may tell of them.
    `lenient` keeps a time in the future instead of refusing it (imports).
    """

    now: datetime
    zone: tzinfo
    parties: Mapping[str, PartyRef | None] = field(default_factory=dict)
    families: Mapping[str, frozenset[str]] = field(default_factory=dict)
    records: Mapping[Reference, Record | None] = field(default_factory=dict)
    sought: Mapping[Reference, Record] = field(default_factory=dict)
    hidden: frozenset[Reference] = frozenset()
    pseudonym: Callable[[str], str] = str
    new_id: Callable[[], str] = str
    media: frozenset[str] = frozenset()
    head: int = 0
    """How far the log has come."""
    lenient: bool = False

    @property
    def today(self) -> str:
        """The calendar day in the municipality."""
        return self.now.astimezone(self.zone).date().isoformat()

    def family(self, party: str) -> frozenset[str]:
        """Return all ids that a party has by now, its own among them."""
        return self.families.get(party, frozenset({party}))

    def own(self, key: str, held: Iterable[PartyRef]) -> tuple[PartyRef, ...]:
        """Return those of `held` that a key stands for, none when it stands for none of them.

        The survivor of a merge stands for all that were merged with it; the very id of one of
        `held` means that one alone. The survivor itself comes first.
        """
        means = self.parties.get(key)
        if means is None:
            return ()
        family = self.family(means.id)
        own: dict[str, PartyRef] = {party.id: party for party in held if party.id in family}
        if key in own:
            return (own[key],)
        return tuple(sorted(own.values(), key=lambda party: party.id != means.id))


class Check:
    """Turns what a command names into what an event holds, and gathers every fault."""

    def __init__(self, known: Known) -> None:
        """No fault yet."""
        self.known = known
        self.faults: list[Fault] = []

    def fault(self, pointer: str, code: str, **params: str | int) -> None:
        """Note one fault."""
        self.faults.append(Fault(pointer, code, params))

    def party(self, key: str, pointer: str, *held: Iterable[PartyRef]) -> PartyRef:
        """Return the party a key means; a fault and an empty party otherwise.

        `held` are the record's own parties that the decision compares it with, the most fitting
        first: the first of them that holds it, or one merged with it, says how the record knows it.
        """
        return self.each(key, pointer, *held)[0]

    def each(self, key: str, pointer: str, *held: Iterable[PartyRef]) -> tuple[PartyRef, ...]:
        """Return every party of the record that a key stands for, else the one that it means.

        Asked where a rule wants something of all the record names: what the survivor of a merge
        says is said for each that it stands for, and each is written down by itself, so that the
        record is complete also when the merge is undone later.
        """
        found = self.known.parties.get(key)
        if found is None:
            self.fault(pointer, "ambiguous_party" if key in self.known.parties else "unknown_party")
            return (NOBODY,)
        own = (self.known.own(key, some) for some in held)
        return next((parties for parties in own if parties), (found,))

    def parties(
        self, keys: Sequence[str], pointer: str, *held: Iterable[PartyRef]
    ) -> tuple[PartyRef, ...]:
        """Return the parties keys mean, or stand for in the record (`each`), each once."""
        found = [
            party
            for index, key in enumerate(keys)
            for party in self.each(key, f"{pointer}/{index}", *held)
        ]
        return tuple({party.id: party for party in found}.values())

    def record(self, noun: str, record_id: str, pointer: str) -> Record | None:
        """Return another record; a fault when there is none."""
        found = self.known.records.get((noun, record_id))
        if found is None:
            self.fault(pointer, "record_unknown", noun=noun)
        return found

    def happened(self, given: OccurredGiven | None, pointer: str = "/occurred") -> Occurred:
        """Return when something took place, now when not said; a fault when it is yet to come."""
        if given is None:
            now = OccurredGiven.model_validate(instant_text(self.known.now))
            return now.resolve(self.known.zone)
        occurred = given.resolve(self.known.zone)
        if self._to_come(occurred) and not self.known.lenient:
            self.fault(pointer, "occurred_in_future")
        return occurred

    def planned(self, given: OccurredGiven) -> Occurred:
        """Return when something is expected (R11): any time, as exactly as it was said."""
        return given.resolve(self.known.zone)

    def step(self, record: Record, id_field: str, given: StepGiven) -> dict[str, Any]:
        """Return what every event of a step holds: whose it is, its version, when it happened."""
        return {
            id_field: record.id,
            "version": record.version + 1,
            "occurred": self.happened(given.occurred),
        }

    def done(self) -> None:
        """Refuse with every fault there is."""
        if self.faults:
            raise Refused(self.faults[0].code, self.faults)

    def _to_come(self, occurred: Occurred) -> bool:
        limit = self.known.now + CLOCK_TOLERANCE
        if occurred.precision is Precision.INSTANT:
            return datetime.fromisoformat(occurred.from_) > limit
        return occurred.first_day > limit.astimezone(self.known.zone).date().isoformat()


NOBODY: Final = PartyRef(id=PartyId(""), name="")
"""Stands where a key means no party, until the faults are told."""


_Kind = TypeVar("_Kind", bound=Record)


def one_each(
    base: Mapping[str, Any], parties: Iterable[PartyRef]
) -> Iterator[tuple[PartyRef, dict[str, Any]]]:
    """Yield each party with what its own event of the same step holds: the next version."""
    for number, party in enumerate(parties, base["version"]):
        yield party, {**base, "version": number}


def standing(record: _Kind | None, *allowed: str) -> _Kind:
    """Return the record when its status allows the step; refused else, Unknown without a record."""
    if record is None:
        raise Unknown("record_not_found")
    if allowed and record.status not in allowed:
        raise Refused("wrong_status", status=record.status)
    return record
