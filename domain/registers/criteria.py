"""The register of success criteria (succeskriterier): its row in the table."""

from collections.abc import Iterable
from typing import Final

from domain import criteria
from domain.registers.table import Register, Rule, rule
from domain.values import PartyRef


def _owner(given: criteria.DefineCriterion | criteria.ReviseCriterion) -> Iterable[str]:
    return [given.terms.owner]


def _parties(criterion: criteria.Criterion) -> Iterable[PartyRef]:
    return [criterion.terms.owner] if criterion.terms else []


def _terms(criterion: criteria.Criterion) -> Iterable[tuple[str, str]]:
    yield "status", criterion.status
    if criterion.terms:
        yield "owner", criterion.terms.owner.id
        yield "formula", criterion.terms.formula_id


_TERMS: Final = {
    "formula_id": "K5",
    "formula_version": 1,
    "target": "ingen alarm",
    "baseline_from": "2009-01-01",
    "baseline_to": "2009-12-31",
    "owner": "TMF",
}
CRITERIA: Final = Register(
    name="criteria",
    noun="criterion",
    danish="Succeskriterier",
    record=criteria.Criterion,
    open=rule(
        "propose_criterion",
        "Propose a success criterion, in words",
        criteria.ProposeCriterion,
        criteria.propose,
        name="Direkte kontakt falder ikke",
    ),
    steps={
        "definition": Rule(
            "define_criterion",
            "Define formula, target, baseline window and owner",
            criteria.DefineCriterion,
            criteria.define,
            _owner,
            example={"terms": _TERMS},
        ),
        "revisions": Rule(
            "revise_criterion",
            "Define it otherwise; the baseline must be frozen anew",
            criteria.ReviseCriterion,
            criteria.revise,
            _owner,
            example={"terms": _TERMS | {"formula_version": 2}, "reason": "Ny formel"},
        ),
        "retirement": rule(
            "retire_criterion",
            "Retire it",
            criteria.RetireCriterion,
            criteria.retire,
            reason="Reformen er evalueret",
        ),
        "baseline": rule(
            "freeze_baseline",
            "Freeze its baseline at a position of the log",
            criteria.FreezeBaseline,
            criteria.freeze,
            at_position=1,
        ),
        "evaluations": rule(
            "start_evaluation",
            "Start an evaluation",
            criteria.StartEvaluation,
            criteria.start,
            note="Midtvejs",
        ),
    },
    evolve=criteria.evolve,
    parties=_parties,
    terms=_terms,
    day=lambda criterion: str((criterion.defined or criterion.proposed).last_day),
    filters=("status", "formula"),
    party_filters=("owner",),
    outside=frozenset(
        {"name", "words", "terms", "revisions", "baseline_position", "baseline_frozen"}
        | {"evaluations", "proposed", "defined"}
    ),
    outside_parts={
        "terms": frozenset(
            {"formula_id", "formula_version", "target", "baseline_from", "baseline_to", "owner"}
        )
    },
)
