"""What a register is: one concept's commands, decisions, events, and what may be asked and seen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from domain.records import Record, Reference
from domain.registry import EVENTS, Json
from domain.values import PartyRef, Value

Decide = Callable[..., Any]
"""Opening: `(command, new id, known)`; a step: `(record, command, known)`. One event or several."""
EXAMPLE_CONTACT: Final = "0192f3a0-7c00-7abc-8def-001122334455"
"""The contact that examples of commands refer to."""


@lru_cache
def _events_of(noun: str) -> frozenset[str]:
    """Asked several times a command; the registry is closed, so the answer stays."""
    return frozenset(name for name in EVENTS if name.startswith(f"{noun}."))


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be asked for: its command, the decision, and what the command names.

    `operation` is its name in the API's document, `summary` tells it there. `records` are other
    records that the command names, `of_record` those that the record itself already names.
    `sought` are records that nobody names but the rule depends on: those of a register that are a
    party's own (tag `<noun>_of:`), as (noun, key or id of the party), asked with the command and
    the record (None when one is opened). They are read from the log, not from a view, and the
    append fails when another one is recorded meanwhile.
    """

    operation: str
    summary: str
    command: type[Value]
    decide: Decide
    parties: Callable[[Any], Iterable[str]] = lambda _: ()
    records: Callable[[Any], Iterable[Reference]] = lambda _: ()
    example: Mapping[str, Any] = field(default_factory=dict)
    of_record: Callable[[Any], Iterable[Reference]] = lambda _: ()
    sought: Callable[[Any, Any], Iterable[Reference]] = lambda _command, _record: ()


@dataclass(frozen=True, slots=True)
class Register:
    """One concept: how its records are opened, stepped, found and shown.

    `day` is the one it is sorted by. `terms` are the words by which a record is found; the kinds in
    `filters` may be asked for, those in `party_filters` by any key of a party.
    `outside` names the fields that organisations and councillors see: an allow-list, so a new field
    is internal until somebody says otherwise; `outside_parts` names, for a field that holds
    entries, what is seen of each. `judge` adds what depends on the day of the question (late steps,
    coverage) to a record's JSON, `judged` names the fields that it adds to.
    What is not `final` is hidden from councillors, also when it is open; they go on seeing the last
    version that was final. `effect` gives the day from which an event counts when that may lie
    before the day it happened: `(record before, event)`.
    `due` is the day after which `watch` has something to say, both for policies.
    """

    name: str
    noun: str
    danish: str
    record: type[Record]
    open: Rule
    steps: Mapping[str, Rule]
    evolve: Callable[[Any, Any], Any]
    parties: Callable[[Any], Iterable[PartyRef]]
    terms: Callable[[Any], Iterable[tuple[str, str]]]
    day: Callable[[Any], str]
    filters: tuple[str, ...]
    party_filters: tuple[str, ...]
    outside: frozenset[str]
    outside_parts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    judge: Callable[[Json, str], Json] | None = None
    judged: frozenset[str] = frozenset()
    final: Callable[[Any], bool] = lambda _: True
    effect: Callable[[Any, Any], str | None] = lambda _record, _event: None
    due: Callable[[Any], str | None] = lambda _: None
    watch: Callable[[Any, str], Sequence[Value]] = lambda _record, _today: ()

    @property
    def events(self) -> frozenset[str]:
        """The stored names of its events: they begin with its noun."""
        return _events_of(self.noun)

    @property
    def id_field(self) -> str:
        """The field of every event that holds the record's id."""
        return f"{self.noun}_id"

    def tag(self, record_id: str) -> str:
        """Return the tag that all events of one record bear."""
        return f"{self.noun}:{record_id}"


def shows(record: Json, field: str, *names: str) -> bool:
    """Return whether a record's JSON has these names in every entry of a field.

    People outside are shown parts only; what is judged from a part would be a guess, or a leak.
    """
    return field in record and all(set(names) <= entry.keys() for entry in record[field])


def named(*fields: str) -> Callable[[Any], Iterable[str]]:
    """Return what reads party keys from a command's fields, single or lists."""

    def read(given: Value) -> Iterable[str]:
        for name in fields:
            value = getattr(given, name)
            if isinstance(value, str):
                yield value
            elif value is not None:
                yield from value

    return read


def rule(
    operation: str,
    summary: str,
    model: type[Value],
    decide: Decide,
    *parties: str,
    **example: object,
) -> Rule:
    """Return a rule whose parties stand in the command's fields named by `parties`."""
    return Rule(operation, summary, model, decide, named(*parties), example=example)
