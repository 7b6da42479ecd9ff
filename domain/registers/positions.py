"""The register of positions (tilkendegivelser): its row in the table."""

from collections.abc import Iterable
from typing import Final

from domain import positions
from domain.records import Reference
from domain.registers.table import Register, Rule, rule
from domain.values import PartyRef


def _about(given: positions.ExpressPosition) -> list[Reference]:
    named = {noun: getattr(given, noun) for noun in ("document", "meeting", "contact")}
    return [(noun, found) for noun, found in named.items() if found]


def _evidence(given: positions.AddressConcern) -> list[Reference]:
    if given.evidence_kind is None or given.evidence is None:
        return []
    return [(given.evidence_kind, given.evidence)]


def _parties(position: positions.Position) -> Iterable[PartyRef]:
    yield position.holder
    yield from (c.addressed_by for c in position.conditions if c.addressed_by)


def _terms(position: positions.Position) -> Iterable[tuple[str, str]]:
    yield "holder", position.holder.id
    yield "stance", position.stance
    yield "open", "yes" if any(c.open for c in position.conditions) else "no"
    for noun in ("document", "meeting", "contact"):
        if found := getattr(position, noun):
            yield noun, found


_EXAMPLE_CONDITION: Final = "0192f3a0-7c00-7abc-8def-00112233445c"
POSITIONS: Final = Register(
    name="positions",
    noun="position",
    danish="Tilkendegivelser",
    record=positions.Position,
    open=Rule(
        "express_position",
        "Write down what somebody said it thinks",
        positions.ExpressPosition,
        positions.express,
        lambda given: [given.holder],
        _about,
        {
            "holder": "KAB",
            "stance": "support_with_condition",
            "about": "Ny organisering",
            "conditions": [{"words": "Den direkte og løbende kontakt må ikke hindres"}],
        },
    ),
    steps={
        "revisions": rule(
            "revise_position",
            "Write down that the holder thinks otherwise now",
            positions.RevisePosition,
            positions.revise,
            stance="support",
        ),
        "addressings": Rule(
            "address_concern",
            "Say that a condition was met, and how",
            positions.AddressConcern,
            positions.address,
            lambda given: [given.by],
            _evidence,
            {"condition": _EXAMPLE_CONDITION, "by": "TMF", "how": "Skrevet ind i modellen"},
        ),
    },
    evolve=positions.evolve,
    parties=_parties,
    terms=_terms,
    day=lambda position: str((position.revised or position.occurred).last_day),
    filters=("stance", "open", "document", "meeting", "contact"),
    party_filters=("holder",),
    outside=frozenset(
        {"holder", "stance", "statement", "about", "quoted", "conditions", "document"}
        | {"document_version", "meeting", "occurred", "revised"}
    ),
    outside_parts={
        "conditions": frozenset({"condition_id", "words", "open", "addressed", "dropped"})
    },
)
