"""Success criteria (succeskriterier) as records: what shall be measured, how, and against what.

The memo asks for clear success criteria so that the effort can be evaluated (rule R2): a criterion
is defined before an evaluation starts, and its baseline stands at a position of the log, where
nobody can move it. How it is computed is a formula with an id and a version. domain.md 1.8 H, 5.2.
"""

from typing import Annotated, Any, Final, assert_never

from pydantic import Field

from domain.errors import Broken, Refused
from domain.records import Check, Known, Record, StepGiven, StepTaken, standing
from domain.values import (
    Confidentiality,
    Day,
    Name,
    Occurred,
    OccurredGiven,
    PartyRef,
    Reason,
    Source,
    Subject,
    Text,
    UuidText,
    Value,
)

PROPOSED: Final = "proposed"
DEFINED: Final = "defined"
EVALUATING: Final = "evaluating"
RETIRED: Final = "retired"
_ID: Final = "criterion_id"

FormulaId = Annotated[str, Field(pattern=r"^K[0-9]{1,2}[a-z]?$")]
"""A formula of domain.md 5.2, e.g. `K5` or `K5b`."""
FormulaVersion = Annotated[int, Field(ge=1, le=1_000)]


class ProposeCriterion(Value):
    """Propose a success criterion (foreslå succeskriterium), in words."""

    id: UuidText | None = None
    name: Subject = Field(examples=["Direkte kontakt falder ikke"])
    words: Text | None = None
    occurred: OccurredGiven | None = None
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    source: Source | None = None


class Terms(Value):
    """What is measured: formula, target in words or figures, baseline window, and whose it is."""

    formula_id: FormulaId
    formula_version: FormulaVersion
    target: Name = Field(examples=["ingen alarm i nogen af de syv forvaltninger"])
    baseline_from: Day
    baseline_to: Day
    owner: Name = Field(examples=["TMF"])


class DefineCriterion(StepGiven):
    """Define a criterion (definér succeskriterium)."""

    terms: Terms


class ReviseCriterion(StepGiven):
    """Revise a defined criterion (revidér succeskriterium): a baseline must be frozen anew."""

    terms: Terms
    reason: Reason


class RetireCriterion(StepGiven):
    """Retire a criterion (udfas succeskriterium)."""

    reason: Reason


class FreezeBaseline(StepGiven):
    """Freeze the baseline (fastlås basislinje) at a position that the log has reached."""

    at_position: Annotated[int, Field(ge=1, le=2**62)]


class StartEvaluation(StepGiven):
    """Start an evaluation (påbegynd evaluering); refused before definition and baseline (R2)."""

    note: Reason | None = None


class CriterionWords(Value):
    """The words of a criterion; sealed under its own key."""

    name: Subject | None = None
    words: Text | None = None
    reason: Reason | None = None


class TermsTaken(Value):
    """What is measured, as an event keeps it."""

    formula_id: str
    formula_version: int
    target: str
    baseline_from: str
    baseline_to: str
    owner: PartyRef


class SuccessCriterionProposed(Value):
    """A criterion was proposed (succeskriterium foreslået)."""

    criterion_id: str
    text: CriterionWords | None
    occurred: Occurred
    confidentiality: Confidentiality
    source: Source | None = None


class _Step(StepTaken):
    criterion_id: str
    text: CriterionWords | None = None


class SuccessCriterionDefined(_Step):
    """A criterion was defined (succeskriterium defineret)."""

    terms: TermsTaken


class SuccessCriterionRevised(_Step):
    """A criterion was revised (succeskriterium revideret); its baseline no longer holds."""

    terms: TermsTaken


class SuccessCriterionRetired(_Step):
    """A criterion was retired (succeskriterium udfaset)."""


class BaselineFrozen(_Step):
    """The baseline was frozen at a position of the log (basislinje fastlåst)."""

    at_position: int


class EvaluationStarted(_Step):
    """An evaluation started (evaluering påbegyndt)."""


_CriterionStep = (
    SuccessCriterionDefined
    | SuccessCriterionRevised
    | SuccessCriterionRetired
    | BaselineFrozen
    | EvaluationStarted
)
CriterionEvent = SuccessCriterionProposed | _CriterionStep


class Criterion(Record):
    """A success criterion by now."""

    name: str | None
    words: str | None
    terms: TermsTaken | None = None
    revisions: int = 0
    baseline_position: int | None = None
    baseline_frozen: Occurred | None = None
    evaluations: int = 0
    proposed: Occurred
    defined: Occurred | None = None
    source: Source | None = None


def propose(command: ProposeCriterion, criterion_id: str, known: Known) -> SuccessCriterionProposed:
    """Decide a proposal."""
    check = Check(known)
    occurred = check.happened(command.occurred)
    check.done()
    return SuccessCriterionProposed(
        criterion_id=criterion_id,
        text=CriterionWords(name=command.name, words=command.words),
        occurred=occurred,
        confidentiality=command.confidentiality,
        source=command.source,
    )


def define(
    criterion: Criterion | None, command: DefineCriterion, known: Known
) -> SuccessCriterionDefined:
    """Decide what is measured."""
    now = standing(criterion, PROPOSED)
    check = Check(known)
    terms = _terms(command.terms, check)
    base = check.step(now, _ID, command)
    check.done()
    return SuccessCriterionDefined(**base, terms=terms)


def revise(
    criterion: Criterion | None, command: ReviseCriterion, known: Known
) -> SuccessCriterionRevised:
    """Decide other terms."""
    now = standing(criterion, DEFINED, EVALUATING)
    check = Check(known)
    terms = _terms(command.terms, check)
    base = check.step(now, _ID, command)
    check.done()
    if terms == now.terms:
        raise Refused("nothing_changed")
    return SuccessCriterionRevised(**base, terms=terms, text=CriterionWords(reason=command.reason))


def _terms(given: Terms, check: Check) -> TermsTaken:
    if given.baseline_to < given.baseline_from:
        check.fault("/terms/baseline_to", "invalid_input")
    return TermsTaken(
        formula_id=given.formula_id,
        formula_version=given.formula_version,
        target=given.target,
        baseline_from=given.baseline_from,
        baseline_to=given.baseline_to,
        owner=check.party(given.owner, "/terms/owner"),
    )


def retire(
    criterion: Criterion | None, command: RetireCriterion, known: Known
) -> SuccessCriterionRetired:
    """Decide that it is no longer measured."""
    now = standing(criterion, PROPOSED, DEFINED, EVALUATING)
    check = Check(known)
    base = check.step(now, _ID, command)
    check.done()
    return SuccessCriterionRetired(**base, text=CriterionWords(reason=command.reason))


def freeze(criterion: Criterion | None, command: FreezeBaseline, known: Known) -> BaselineFrozen:
    """Decide the position of the baseline; the log must have reached it."""
    now = standing(criterion, DEFINED)
    check = Check(known)
    if command.at_position > known.head:
        check.fault("/at_position", "position_unknown", head=known.head)
    if now.baseline_position is not None:
        check.fault("/at_position", "baseline_frozen")
    base = check.step(now, _ID, command)
    check.done()
    return BaselineFrozen(**base, at_position=command.at_position)


def start(criterion: Criterion | None, command: StartEvaluation, known: Known) -> EvaluationStarted:
    """Decide that an evaluation starts; only with terms and a frozen baseline (R2)."""
    now = standing(criterion, PROPOSED, DEFINED, EVALUATING)
    check = Check(known)
    if now.terms is None:
        check.fault("", "criterion_not_defined")
    elif now.baseline_position is None:
        check.fault("", "baseline_not_frozen")
    base = check.step(now, _ID, command)
    check.done()
    return EvaluationStarted(
        **base, text=CriterionWords(reason=command.note) if command.note else None
    )


def evolve(criterion: Criterion | None, event: CriterionEvent) -> Criterion:
    """Fold one event into the criterion; total, never refuses."""
    if isinstance(event, SuccessCriterionProposed):
        text = event.text or CriterionWords()
        return Criterion(
            id=event.criterion_id,
            version=1,
            status=PROPOSED,
            confidentiality=event.confidentiality,
            name=text.name,
            words=text.words,
            proposed=event.occurred,
            source=event.source,
        )
    if criterion is None:
        raise Broken("log_broken", reason="step before opening")
    return criterion.model_copy(
        update={**_change(criterion, event), "version": criterion.version + 1}
    )


def _change(criterion: Criterion, event: _CriterionStep) -> dict[str, Any]:
    match event:
        case SuccessCriterionDefined():
            return {"status": DEFINED, "terms": event.terms, "defined": event.occurred}
        case SuccessCriterionRevised():
            return {
                "status": DEFINED,
                "terms": event.terms,
                "revisions": criterion.revisions + 1,
                "baseline_position": None,
                "baseline_frozen": None,
            }
        case SuccessCriterionRetired():
            return {"status": RETIRED}
        case BaselineFrozen():
            return {"baseline_position": event.at_position, "baseline_frozen": event.occurred}
        case EvaluationStarted():
            return {"status": EVALUATING, "evaluations": criterion.evaluations + 1}
        case _:
            assert_never(event)


def tags_of(event: CriterionEvent) -> list[str]:
    """Return the tags: the criterion, and whose it is."""
    tags = [f"criterion:{event.criterion_id}"]
    if isinstance(event, SuccessCriterionDefined | SuccessCriterionRevised):
        tags.append(f"party:{event.terms.owner.id}")
    return tags
