"""Success criteria: proposed in words, defined in figures, frozen before an evaluation (R2)."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain import criteria
from domain.criteria import (
    BaselineFrozen,
    Criterion,
    CriterionWords,
    DefineCriterion,
    EvaluationStarted,
    FreezeBaseline,
    ProposeCriterion,
    RetireCriterion,
    ReviseCriterion,
    StartEvaluation,
    SuccessCriterionDefined,
    SuccessCriterionProposed,
    SuccessCriterionRetired,
    SuccessCriterionRevised,
    TermsTaken,
    evolve,
    tags_of,
)
from domain.errors import Unknown
from domain.registers import REGISTERS
from domain.values import Confidentiality
from tests.domain.recording import (
    FUTURE,
    RECORD,
    TODAY,
    about,
    after,
    asking,
    faults,
    opening,
    refused,
    step,
    told_to,
)
from tests.domain.samples import SOF, TMF
from tests.domain.scenario import Refusal

Decided = Callable[[Any], Any]
REGISTER = REGISTERS["criteria"]
LATE = ("/occurred", "occurred_in_future")
HEAD = 7
TERMS = {
    "formula_id": "K5",
    "formula_version": 1,
    "target": "ingen alarm",
    "baseline_from": "2009-01-01",
    "baseline_to": "2009-12-31",
    "owner": TMF.name,
}
OTHER = TERMS | {"formula_version": 2, "owner": SOF.name}
TAKEN = TermsTaken.model_validate(TERMS | {"owner": TMF})


def proposed(**more: Any) -> Decided:
    return opening(criteria.propose, asking(ProposeCriterion, name="Direkte kontakt", **more))


def defining(**more: Any) -> Decided:
    return step(criteria.define, asking(DefineCriterion, **{"terms": TERMS} | more))


def revising(**more: Any) -> Decided:
    body = {"terms": OTHER, "reason": "ny formel"}
    return step(criteria.revise, asking(ReviseCriterion, **body | more))


def retiring(**more: Any) -> Decided:
    return step(criteria.retire, asking(RetireCriterion, reason="evalueret", **more))


def freezing(at: int = 5, **more: Any) -> Decided:
    command = asking(FreezeBaseline, at_position=at, **more)
    return step(criteria.freeze, command, told_to(head=HEAD))


def evaluating(**more: Any) -> Decided:
    return step(criteria.start, asking(StartEvaluation, **more))


def a_criterion(*steps: Decided, **more: Any) -> Criterion:
    criterion: Criterion = after(evolve, proposed(**more), *steps)
    return criterion


def test_a_criterion_is_proposed_in_words() -> None:
    about(None).when(proposed(words="Må ikke falde")).then(
        SuccessCriterionProposed(
            criterion_id=RECORD,
            text=CriterionWords(name="Direkte kontakt", words="Må ikke falde"),
            occurred=TODAY,
            confidentiality=Confidentiality.INTERNAL,
        )
    )
    about(None).when(proposed(occurred=FUTURE)).refused(faults(LATE))


def test_it_is_defined_by_formula_target_baseline_window_and_owner() -> None:
    about(a_criterion()).when(defining()).then(
        SuccessCriterionDefined(criterion_id=RECORD, version=2, occurred=TODAY, terms=TAKEN)
    )
    about(a_criterion(defining())).when(defining()).refused(refused("wrong_status"))


@pytest.mark.parametrize("what", [defining, revising])
def test_every_fault_of_terms_is_told_at_once(what: Callable[..., Decided]) -> None:
    wrong = TERMS | {"baseline_to": "2008-12-31", "owner": "Ingen"}
    criterion = a_criterion() if what is defining else a_criterion(defining())
    about(criterion).when(what(terms=wrong, occurred=FUTURE)).refused(
        faults(("/terms/baseline_to", "invalid_input"), ("/terms/owner", "unknown_party"), LATE)
    )


@pytest.mark.parametrize("formula", ["", "K", "5", "K123", "k5", "K5B"])
def test_a_formula_is_one_of_those_that_have_an_id(formula: str) -> None:
    with pytest.raises(ValidationError):
        asking(DefineCriterion, terms=TERMS | {"formula_id": formula})


def test_a_revision_unfreezes_the_baseline_also_while_evaluating() -> None:
    frozen = a_criterion(defining(), freezing())
    about(frozen).when(revising()).then(
        SuccessCriterionRevised(
            criterion_id=RECORD,
            version=4,
            occurred=TODAY,
            terms=TermsTaken.model_validate(OTHER | {"owner": SOF}),
            text=CriterionWords(reason="ny formel"),
        )
    )
    running = a_criterion(defining(), freezing(), evaluating(), revising())
    assert (running.status, running.baseline_position, running.baseline_frozen) == (
        "defined",
        None,
        None,
    )
    assert (running.revisions, running.evaluations) == (1, 1)
    about(running).when(evaluating()).refused(refused("baseline_not_frozen", ""))


def test_the_same_terms_are_no_revision() -> None:
    about(a_criterion(defining())).when(revising(terms=TERMS)).refused(refused("nothing_changed"))


def test_a_baseline_is_frozen_once_at_a_position_that_the_log_has_reached() -> None:
    defined = a_criterion(defining())
    about(defined).when(freezing(HEAD)).then(
        BaselineFrozen(criterion_id=RECORD, version=3, occurred=TODAY, at_position=HEAD)
    )
    about(defined).when(freezing(HEAD + 1)).refused(refused("position_unknown", "/at_position"))
    about(a_criterion(defining(), freezing())).when(freezing(HEAD + 1, occurred=FUTURE)).refused(
        faults(("/at_position", "position_unknown"), ("/at_position", "baseline_frozen"), LATE)
    )
    about(a_criterion(defining(), freezing())).when(freezing()).refused(
        refused("baseline_frozen", "/at_position")
    )


def test_r2_no_evaluation_without_a_defined_criterion() -> None:
    about(a_criterion()).when(evaluating(occurred=FUTURE)).refused(
        faults(("", "criterion_not_defined"), LATE)
    )


def test_r2_no_evaluation_without_a_frozen_baseline() -> None:
    about(a_criterion(defining())).when(evaluating()).refused(refused("baseline_not_frozen", ""))


def test_r2_an_evaluation_starts_when_terms_and_baseline_stand() -> None:
    about(a_criterion(defining(), freezing())).when(evaluating(note="midtvejs")).then(
        EvaluationStarted(
            criterion_id=RECORD,
            version=4,
            occurred=TODAY,
            text=CriterionWords(reason="midtvejs"),
        )
    )
    again = a_criterion(defining(), freezing(), evaluating(), evaluating())
    assert (again.status, again.evaluations, again.baseline_position) == ("evaluating", 2, 5)
    about(again).when(freezing()).refused(refused("wrong_status"))


@pytest.mark.parametrize(
    "before", [[], [defining()], [defining(), freezing(), evaluating()]], ids=["p", "d", "e"]
)
def test_it_is_retired_from_any_state_and_then_rests(before: list[Decided]) -> None:
    criterion = a_criterion(*before)
    about(criterion).when(retiring()).then(
        SuccessCriterionRetired(
            criterion_id=RECORD,
            version=len(before) + 2,
            occurred=TODAY,
            text=CriterionWords(reason="evalueret"),
        )
    )
    about(criterion).when(retiring(occurred=FUTURE)).refused(faults(LATE))
    retired = a_criterion(*before, retiring())
    for then in ALL.values():
        about(retired).when(then).refused(refused("wrong_status"))


ALL = {
    "define": defining(),
    "revise": revising(),
    "same": revising(terms=TERMS),
    "retire": retiring(),
    "freeze": freezing(),
    "evaluate": evaluating(),
}


@pytest.mark.parametrize("name", sorted(ALL))
def test_without_a_criterion_there_is_no_step(name: str) -> None:
    about(None).when(ALL[name]).refused(Refusal(Unknown, "record_not_found"))


@pytest.mark.parametrize("then", [revising(), freezing()], ids=["revise", "freeze"])
def test_what_is_only_proposed_is_neither_revised_nor_frozen(then: Decided) -> None:
    about(a_criterion()).when(then).refused(refused("wrong_status"))


def test_it_is_found_by_status_formula_and_owner() -> None:
    assert dict(REGISTER.terms(a_criterion())) == {"status": "proposed"}
    defined = a_criterion(defining())
    assert dict(REGISTER.terms(defined)) == {
        "status": "defined",
        "owner": TMF.id,
        "formula": "K5",
    }
    assert (list(REGISTER.parties(a_criterion())), list(REGISTER.parties(defined))) == ([], [TMF])
    named = asking(DefineCriterion, terms=TERMS)
    assert list(REGISTER.steps["definition"].parties(named)) == [TMF.name]
    assert REGISTER.day(defined) == TODAY.first_day


def test_the_events_bear_tags_of_whose_it_is() -> None:
    assert tags_of(proposed()(None)[0]) == [f"criterion:{RECORD}"]
    assert tags_of(defining()(a_criterion())[0]) == [f"criterion:{RECORD}", f"party:{TMF.id}"]
    revised = revising()(a_criterion(defining()))[0]
    assert tags_of(revised) == [f"criterion:{RECORD}", f"party:{SOF.id}"]


def test_words_that_were_erased_leave_the_criterion_standing() -> None:
    (event,) = proposed()(None)
    criterion = evolve(None, event.model_copy(update={"text": None}))
    assert (criterion.name, criterion.words, criterion.status) == (None, None, "proposed")


class Told:
    """What is true of a criterion, told from nothing but the names of the steps taken."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def since_terms(self) -> list[str]:
        turns = [i for i, name in enumerate(self.names) if name in {"define", "revise", "same"}]
        return self.names[turns[-1] :] if turns else []

    def status(self) -> str:
        if "retire" in self.names:
            return "retired"
        if not self.since_terms():
            return "proposed"
        return "evaluating" if "evaluate" in self.since_terms() else "defined"

    def frozen(self) -> bool:
        return "freeze" in self.since_terms()

    def take(self, what: str) -> str | None:
        code = self._code(what)
        self.names += [] if code else [what]
        return code

    def _code(self, what: str) -> str | None:
        status = self.status()
        allowed = {
            "define": {"proposed"},
            "revise": {"defined", "evaluating"},
            "same": {"defined", "evaluating"},
            "freeze": {"defined"},
        }
        if status not in allowed.get(what, {"proposed", "defined", "evaluating"}):
            return "wrong_status"
        if what == "evaluate" and status == "proposed":
            return "criterion_not_defined"
        if what == "evaluate" and not self.frozen():
            return "baseline_not_frozen"
        if what == "freeze" and self.frozen():
            return "baseline_frozen"
        now = "same" if self.since_terms()[:1] in (["define"], ["same"]) else "revise"
        return "nothing_changed" if what == now else None


@settings(max_examples=150, deadline=None)
@for_all(
    steps=st.lists(st.sampled_from([*ALL, "define", "freeze", "evaluate"]), min_size=6, max_size=14)
)
def test_the_machine_does_what_the_model_says(steps: list[str]) -> None:
    model, criterion = Told(), a_criterion()
    for what in steps:
        code, decided = model.take(what), about(criterion).when(ALL[what])
        assert (decided.error.code if decided.error else None) == code
        for event in decided.events:
            criterion = evolve(criterion, event)  # type: ignore[arg-type]
        assert criterion.version == 1 + len(model.names)
        assert criterion.status == model.status()
        kept = model.frozen()
        assert (criterion.baseline_position, criterion.baseline_frozen is not None) == (
            5 if kept else None,
            kept,
        )
        assert criterion.evaluations == model.names.count("evaluate")
        assert criterion.revisions == sum(name in {"revise", "same"} for name in model.names)
        assert (criterion.terms is not None) == bool(model.since_terms())
