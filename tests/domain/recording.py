"""Builders for tests of records: what a decision is told, commands as asked, refusals."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

from domain.errors import Refused
from domain.records import Known
from domain.values import OccurredGiven, PartyId, PartyRef, Value
from tests.domain.samples import AAB, COPENHAGEN, KAB, NOW, SOF, TMF, pseudonym
from tests.domain.scenario import Decided, Refusal, Story

MAYOR: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000c1"), name="Overborgmester")
OTHER: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000c2"), name="Borgmester")
THIRD: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000c3"), name="Direktør")
FORUM: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000d1"), name="Forum")
BODY: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000d2"), name="Udvalg")
PARTIES: Final = {p.name: p for p in (TMF, SOF, KAB, AAB, MAYOR, OTHER, THIRD, FORUM, BODY)}
RECORD: Final = "0192f3a0-7c00-7abc-8def-00112233445f"
DAY: Final = "2010-02-23"
TODAY: Final = OccurredGiven.model_validate(DAY).resolve(COPENHAGEN)
FUTURE: Final = "2010-03-01"
NOTHING: Final[Any] = object()
"""No event that anybody knows."""
MISSING: Final = "0192f3a0-7c00-7abc-8def-0011223344ff"
"""The id of no record."""


def an_id(number: int) -> str:
    """The id number so-and-so."""
    return f"0192f3a0-7c00-7abc-8def-{number:012d}"


def told_to(records: Mapping[Any, Any] | None = None, **changed: Any) -> Known:
    """What a decision is told: every party of these tests by its name, `several` is ambiguous."""
    numbers = count(1)
    facts: dict[str, Any] = {
        "now": NOW,
        "zone": COPENHAGEN,
        "parties": {**PARTIES, "several": None},
        "records": records or {},
        "pseudonym": pseudonym,
        "new_id": lambda: an_id(next(numbers)),
        "media": frozenset({"letter", "meeting_physical"}),
    }
    return Known(**(facts | changed))


def asking(kind: type[Value], /, **fields: Any) -> Any:
    """A command as it is asked for from outside; it takes place on DAY unless it says when."""
    when = {"occurred": DAY} if "occurred" in kind.model_fields else {}
    return kind.model_validate(when | fields, strict=False)


def step(
    decide: Callable[..., Any], command: Value, known: Known | None = None
) -> Callable[[Any], Any]:
    """A step's decision as a function of the record; always a list."""

    def decided(record: Any) -> Any:
        made = decide(record, command, known or told_to())
        return made if isinstance(made, list) else [made]

    return decided


def opening(
    decide: Callable[..., Any], command: Value, known: Known | None = None
) -> Callable[[Any], Any]:
    """An opening's decision, in the shape of a step's."""

    def decided(_: Any) -> Any:
        made = decide(command, RECORD, known or told_to())
        return made if isinstance(made, list) else [made]

    return decided


def after(evolve: Callable[[Any, Any], Any], *decisions: Callable[[Any], Any]) -> Any:
    """The record after these decisions, each made about the record as it then is."""
    record: Any = None
    for decide in decisions:
        for event in decide(record):
            record = evolve(record, event)
    return record


def refused(code: str, pointer: str | None = None) -> Refusal:
    """The refusal with one fault at a pointer, or with none."""
    return Refusal(Refused, code, () if pointer is None else ((pointer, code),))


def faults(*expected: tuple[str, str]) -> Refusal:
    """The refusal that tells these faults at once."""
    return Refusal(Refused, expected[0][1], expected)


def events_of(decided: Decided) -> list[Any]:
    """What came of a command, none when it was refused."""
    return list(decided.events)


def about(record: Any) -> Story[Any]:
    """A story that goes on from a record."""
    return Story(record)
