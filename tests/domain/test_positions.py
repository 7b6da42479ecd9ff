"""Positions: attributable, kept as they were said, open until somebody addressed them (R9)."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from domain import positions
from domain.errors import Unknown
from domain.positions import (
    AddressConcern,
    ConcernAddressed,
    Condition,
    ExpressPosition,
    Position,
    PositionExpressed,
    PositionRevised,
    PositionWords,
    RevisePosition,
    Stance,
    evolve,
    tags_of,
)
from domain.registers import REGISTERS
from domain.values import Confidentiality
from tests.domain.recording import (
    FUTURE,
    MISSING,
    RECORD,
    TODAY,
    about,
    after,
    an_id,
    asking,
    faults,
    opening,
    refused,
    step,
    told_to,
)
from tests.domain.samples import AAB, KAB, TMF
from tests.domain.scenario import Refusal

Decided = Callable[[Any], Any]
REGISTER = REGISTERS["positions"]
FIRST, SECOND, THIRD, FOURTH = (an_id(number) for number in (101, 102, 103, 104))
PAPER = an_id(900)
KINDS = ("contact", "document", "meeting", "commitment", "forum", "agreement")
THERE: dict[Any, Any] = {(noun, PAPER): object() for noun in KINDS}
KEPT = {"id": FIRST, "words": "Den direkte kontakt må ikke hindres"}
LATE = ("/occurred", "occurred_in_future")


def saying(**more: Any) -> Any:
    body = {
        "holder": KAB.name,
        "stance": "support_with_condition",
        "about": "Ny organisering",
        "conditions": [KEPT],
    }
    return asking(ExpressPosition, **body | more)


def said(**more: Any) -> Decided:
    return opening(positions.express, saying(**more), told_to(THERE))


def revising(stance: str = "support", **more: Any) -> Decided:
    command = asking(RevisePosition, stance=stance, **more)
    return step(positions.revise, command, told_to(THERE))


def addressing(condition: str = FIRST, **more: Any) -> Decided:
    body = {"condition": condition, "by": TMF.name, "how": "Skrevet ind i modellen"}
    return step(positions.address, asking(AddressConcern, **body | more), told_to(THERE))


def a_position(*steps: Decided, **more: Any) -> Position:
    position: Position = after(evolve, said(**more), *steps)
    return position


def open_in(position: Position) -> list[str]:
    return [each.condition_id for each in position.conditions if each.open]


# ── expressing ───────────────────────────────────────────────────────────────────────────────────


def test_r9_a_position_is_of_a_named_party_about_a_version_at_a_meeting() -> None:
    given = saying(document=PAPER, version=2, meeting=PAPER, statement="Vi er glade", quoted=True)
    about(None).when(opening(positions.express, given, told_to(THERE))).then(
        PositionExpressed(
            position_id=RECORD,
            holder=KAB,
            stance=Stance.SUPPORT_WITH_CONDITION,
            conditions=(FIRST,),
            document=PAPER,
            document_version=2,
            meeting=PAPER,
            quoted=True,
            text=PositionWords(
                statement="Vi er glade",
                about="Ny organisering",
                conditions={FIRST: KEPT["words"]},
            ),
            occurred=TODAY,
            confidentiality=Confidentiality.INTERNAL,
        )
    )


def test_r9_a_version_that_the_source_does_not_name_stays_unknown() -> None:
    assert a_position(document=PAPER).document_version is None


@pytest.mark.parametrize("stance", ["support_with_condition", "concern"])
def test_r9_a_condition_or_concern_is_told_in_words(stance: str) -> None:
    about(None).when(said(stance=stance, conditions=[])).refused(
        refused("condition_missing", "/conditions")
    )
    assert open_in(a_position(stance=stance)) == [FIRST]


@pytest.mark.parametrize("stance", ["support", "neutral", "oppose"])
def test_other_stances_need_no_condition(stance: str) -> None:
    assert a_position(stance=stance, conditions=[]).stance == stance


def test_every_fault_of_a_position_is_told_at_once() -> None:
    given = asking(
        ExpressPosition,
        holder="several",
        stance="concern",
        conditions=[KEPT, KEPT | {"words": "andet"}, {"words": "uden id"}],
        meeting=MISSING,
        contact=MISSING,
        occurred=FUTURE,
    )
    about(None).when(opening(positions.express, given)).refused(
        faults(
            ("/holder", "ambiguous_party"),
            ("/meeting", "record_unknown"),
            ("/contact", "record_unknown"),
            ("/conditions/1/id", "duplicate_entry"),
            ("/about", "invalid_input"),
            LATE,
        )
    )
    about(None).when(said(document=MISSING)).refused(refused("record_unknown", "/document"))


def test_r9_one_condition_of_two_holders_is_addressed_for_each() -> None:
    one, other = a_position(addressing()), a_position(holder=AAB.name)
    assert (open_in(one), open_in(other)) == ([], [FIRST])


# ── revising ─────────────────────────────────────────────────────────────────────────────────────


def test_a_holder_thinks_otherwise_and_what_was_said_stays() -> None:
    position = a_position(document=PAPER, version=1, statement="Ja, men", quoted=True)
    about(position).when(revising("oppose", statement="Nej", version=2)).then(
        PositionRevised(
            position_id=RECORD,
            version=2,
            occurred=TODAY,
            stance=Stance.OPPOSE,
            conditions=None,
            document_version=2,
            quoted=False,
            text=PositionWords(statement="Nej"),
        )
    )
    (told,) = revising("oppose", statement="Nej", version=2)(position)
    assert evolve(position, told).document_version == 2
    assert evolve(position, told).quoted is False
    now = after(lambda _, event: evolve(position, event), lambda _: revising("oppose")(position))
    assert (now.statement, now.quoted, now.document_version) == ("Ja, men", True, 1)
    assert (now.status, now.revised, open_in(now)) == ("revised", TODAY, [FIRST])


def test_r9_support_does_not_close_a_condition_that_nobody_addressed() -> None:
    assert open_in(a_position(revising("support"))) == [FIRST]


def test_the_holder_drops_a_condition_by_naming_the_others() -> None:
    both = [KEPT, {"id": SECOND, "words": "to"}]
    position = a_position(revising(conditions=[both[1]]), conditions=both)
    assert open_in(position) == [SECOND]
    assert position.conditions[0].dropped == TODAY
    assert position.conditions[0].words == KEPT["words"]
    about(position).when(addressing()).refused(refused("condition_unknown", "/condition"))
    again = a_position(revising(conditions=[both[1]]), revising(conditions=both), conditions=both)
    assert open_in(again) == [FIRST, SECOND]


def test_what_was_addressed_stays_addressed_whatever_is_revised() -> None:
    other = KEPT | {"words": "i andre ord"}
    for conditions, words in ([], KEPT), ([KEPT], KEPT), ([other], other):
        position = a_position(addressing(), revising("neutral", conditions=conditions))
        (condition,) = position.conditions
        assert (condition.open, condition.addressed, condition.dropped) == (False, TODAY, None)
        assert condition.words == words["words"]


def test_new_conditions_get_ids_of_their_own() -> None:
    position = a_position(revising(conditions=[{"words": "nyt"}]))
    assert open_in(position) == [an_id(1)]


@pytest.mark.parametrize("stance", ["support_with_condition", "concern"])
def test_r9_support_on_terms_needs_terms_also_later(stance: str) -> None:
    plain = a_position(stance="support", conditions=[])
    missing = refused("condition_missing", "/conditions")
    about(plain).when(revising(stance)).refused(missing)
    about(a_position()).when(revising(stance, conditions=[])).refused(missing)
    about(a_position(revising(conditions=[]))).when(revising(stance)).refused(missing)


SAME = [
    {},
    {"statement": "Ja"},
    {"statement": "Ja", "quoted": True},
    {"version": 1},
    {"conditions": [KEPT]},
]


@pytest.mark.parametrize("more", SAME, ids=["bare", "words", "quoted", "version", "conditions"])
def test_the_same_again_is_nothing_new(more: dict[str, Any]) -> None:
    quoted = "quoted" in more
    position = a_position(document=PAPER, version=1, statement="Ja", quoted=quoted)
    about(position).when(revising("support_with_condition", **more)).refused(
        refused("nothing_changed")
    )


def test_every_fault_of_a_revision_is_told_at_once() -> None:
    about(a_position()).when(revising("concern", conditions=[], occurred=FUTURE)).refused(
        faults(LATE, ("/conditions", "condition_missing"))
    )
    about(a_position()).when(revising(conditions=[KEPT, KEPT])).refused(
        refused("duplicate_entry", "/conditions/1/id")
    )


# ── addressing ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_r9_a_condition_is_met_by_somebody_with_what_one_can_see(kind: str) -> None:
    about(a_position()).when(addressing(evidence_kind=kind, evidence=PAPER)).then(
        ConcernAddressed.model_validate(
            {
                "position_id": RECORD,
                "version": 2,
                "occurred": TODAY,
                "condition": FIRST,
                "by": TMF,
                "evidence_kind": kind,
                "evidence": PAPER,
                "text": PositionWords(how="Skrevet ind i modellen"),
            }
        )
    )


def test_a_condition_is_met_once_and_the_others_stay_open() -> None:
    position = a_position(addressing(), conditions=[KEPT, {"id": SECOND, "words": "to"}])
    assert open_in(position) == [SECOND]
    assert position.conditions[0] == Condition(
        condition_id=FIRST,
        words=KEPT["words"],
        open=False,
        addressed_by=TMF,
        addressed=TODAY,
        how="Skrevet ind i modellen",
    )
    about(position).when(addressing()).refused(refused("condition_addressed", "/condition"))


def test_every_fault_of_an_addressing_is_told_at_once() -> None:
    wrong = addressing(MISSING, by="Ingen", evidence="noget", occurred=FUTURE)
    about(a_position()).when(wrong).refused(
        faults(
            ("/condition", "condition_unknown"),
            ("/by", "unknown_party"),
            ("/evidence", "invalid_input"),
            LATE,
        )
    )
    kind = addressing(evidence_kind="document")
    about(a_position()).when(kind).refused(refused("invalid_input", "/evidence"))
    gone = addressing(evidence_kind="document", evidence=MISSING)
    about(a_position()).when(gone).refused(refused("record_unknown", "/evidence"))


@pytest.mark.parametrize("then", [revising(), addressing()], ids=["revise", "address"])
def test_without_a_position_there_is_no_step(then: Decided) -> None:
    about(None).when(then).refused(Refusal(Unknown, "record_not_found"))


# ── the register's row, words ────────────────────────────────────────────────────────────────────


def test_it_is_found_by_holder_stance_and_whether_a_condition_is_open() -> None:
    position = a_position(document=PAPER, meeting=PAPER, contact=PAPER)
    assert dict(REGISTER.terms(position)) == {
        "holder": KAB.id,
        "stance": "support_with_condition",
        "open": "yes",
        "document": PAPER,
        "meeting": PAPER,
        "contact": PAPER,
    }
    addressed = a_position(addressing())
    assert dict(REGISTER.terms(addressed))["open"] == "no"
    assert "document" not in dict(REGISTER.terms(addressed))
    assert list(REGISTER.parties(addressed)) == [KAB, TMF]
    assert REGISTER.day(addressed) == TODAY.first_day


def test_what_a_command_names_is_looked_up() -> None:
    given = saying(document=PAPER, contact=MISSING)
    assert list(REGISTER.open.records(given)) == [("document", PAPER), ("contact", MISSING)]
    evidence = REGISTER.steps["addressings"].records
    body = {"condition": FIRST, "by": TMF.name, "how": "x"}
    assert list(evidence(asking(AddressConcern, **body))) == []
    seen = asking(AddressConcern, **body, evidence_kind="forum", evidence=PAPER)
    assert list(evidence(seen)) == [("forum", PAPER)]
    assert list(REGISTER.open.parties(given)) == [KAB.name]
    assert list(REGISTER.steps["addressings"].parties(seen)) == [TMF.name]


def test_the_events_bear_tags_of_what_they_are_about() -> None:
    (event,) = said(document=PAPER, meeting=PAPER, contact=PAPER)(None)
    assert tags_of(event) == [
        f"position:{RECORD}",
        f"party:{KAB.id}",
        f"position_on:{PAPER}",
        f"said_in_meeting:{PAPER}",
        f"said_in_contact:{PAPER}",
    ]
    assert tags_of(said()(None)[0]) == [f"position:{RECORD}", f"party:{KAB.id}"]
    position = a_position()
    assert tags_of(addressing()(position)[0]) == [f"position:{RECORD}", f"party:{TMF.id}"]
    assert tags_of(revising()(position)[0]) == [f"position:{RECORD}"]


def test_words_that_were_erased_leave_the_position_standing() -> None:
    position: Any = None
    for decide in (said(), addressing(), revising(conditions=[KEPT])):
        (event,) = decide(position)
        position = evolve(position, event.model_copy(update={"text": None}))
    assert (position.statement, position.about, position.stance) == (None, None, "support")
    (condition,) = position.conditions
    assert (condition.words, condition.how, condition.open) == (None, None, False)


# ── against a model ──────────────────────────────────────────────────────────────────────────────

IDS = [FIRST, SECOND, THIRD, FOURTH]
REVISING = st.tuples(
    st.sampled_from([each.value for each in Stance]),
    st.none() | st.lists(st.sampled_from(IDS), unique=True),
)
STEPS = st.lists(REVISING | st.sampled_from(IDS), max_size=12)
TERMS = {"support_with_condition", "concern"}


def given_as(ids: list[str]) -> list[dict[str, str]]:
    return [{"id": each, "words": f"ord {each}"} for each in ids]


class Told:
    """What is true of a position: sets of ids, in plain words."""

    def __init__(self, held: list[str]) -> None:
        self.stance, self.steps = "concern", 0
        self.ever, self.held, self.met = list(held), list(held), set[str]()

    def take(self, what: Any) -> str | None:
        code = self._address(what) if isinstance(what, str) else self._revise(*what)
        self.steps += code is None
        return code

    def _address(self, condition: str) -> str | None:
        if condition not in self.held:
            return "condition_unknown"
        if condition in self.met:
            return "condition_addressed"
        self.met.add(condition)
        return None

    def _revise(self, stance: str, named: list[str] | None) -> str | None:
        if stance in TERMS and not (self.held if named is None else named):
            return "condition_missing"
        if stance == self.stance and named in (None, self.held):
            return "nothing_changed"
        self.stance = stance
        if named is not None:
            self.ever += [each for each in named if each not in self.ever]
            kept = {each for each in self.held if each in self.met} | set(named)
            self.held = [each for each in self.ever if each in kept]
        return None


@settings(max_examples=150, deadline=None)
@for_all(first=st.lists(st.sampled_from(IDS), min_size=1, unique=True), steps=STEPS)
def test_the_machine_does_what_the_model_says(first: list[str], steps: list[Any]) -> None:
    model, position = Told(first), a_position(stance="concern", conditions=given_as(first))
    for what in steps:
        decide = addressing(what) if isinstance(what, str) else None
        if decide is None:
            stance, named = what
            decide = revising(stance, conditions=None if named is None else given_as(named))
        code, decided = model.take(what), about(position).when(decide)
        assert (decided.error.code if decided.error else None) == code
        for event in decided.events:
            position = evolve(position, event)  # type: ignore[arg-type]
        assert position.version == 1 + model.steps
        assert position.stance == model.stance
        assert [each.condition_id for each in position.conditions] == model.ever
        assert [c.words for c in position.conditions] == [f"ord {each}" for each in model.ever]
        met = {each.condition_id for each in position.conditions if each.addressed}
        assert met == model.met
        assert open_in(position) == [e for e in model.held if e not in model.met]
        found = dict(REGISTER.terms(position))["open"]
        assert found == ("yes" if set(model.held) - model.met else "no")
