"""What people outside see within lists: named part by part, and nothing is guessed from a part."""

import types
import typing
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, create_model

from domain.records import Record
from domain.registers import REGISTERS, Register
from domain.registry import EVENTS
from domain.values import Occurred, PartyRef, Value
from tests.domain.record_samples import OF_RECORD

ALL = list(REGISTERS.values())
ids = pytest.mark.parametrize("register", ALL, ids=[register.name for register in ALL])
SHOWN_WHOLE: Final = frozenset({PartyRef, Occurred})
"""A party's id and name, and a time in its words: wherever they may be seen, all of them may."""
KEPT_INSIDE: Final[dict[tuple[str, str], frozenset[str]]] = {
    # which of its bodies a party sent is its own affair
    ("agreements", "approvals"): frozenset({"body"}),
    # a paper is seen in its own register, by whoever may see it
    ("agreements", "implementations"): frozenset({"document"}),
    ("meetings", "agenda"): frozenset({"document", "version"}),
    # words written by staff for staff
    ("agreements", "reports"): frozenset({"report"}),
    # how members voted, at which meeting it was treated, and how it was sent
    ("documents", "decisions"): frozenset({"vote", "meeting", "medium"}),
    # for which meeting a role stood back
    ("forums", "left"): frozenset({"meeting"}),
    ("forums", "elected"): frozenset({"meeting"}),
    # who met a condition, in which words, and by what one sees it
    ("positions", "conditions"): frozenset({"addressed_by", "how", "evidence_kind", "evidence"}),
}
"""By register and field: what of each entry is knowingly kept inside, and why."""


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field holds, itself or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from models_in(inner)


def entries_of(register: Register) -> dict[str, type[BaseModel]]:
    """The fields people outside see that hold entries of several parts, with the entry's model."""
    return {
        name: model
        for name in sorted(register.outside)
        for model in models_in(register.record.model_fields[name].annotation)
        if model not in SHOWN_WHOLE
    }


def undecided(register: Register) -> list[str]:
    """What nobody has said of whether it is seen outside, or said twice."""
    entries = entries_of(register)
    found = [name for name in register.outside_parts if name not in entries]
    for name, model in entries.items():
        seen = register.outside_parts.get(name, frozenset())
        inside = KEPT_INSIDE.get((register.name, name), frozenset())
        found += [f"{name}.{part}" for part in sorted(seen & inside)]
        found += [f"{name}.{part}" for part in sorted((seen | inside) ^ set(model.model_fields))]
        for part in sorted(seen & set(model.model_fields)):
            deeper = set(models_in(model.model_fields[part].annotation)) - SHOWN_WHOLE
            found += [f"{name}.{part}: {each.__name__}" for each in deeper]
    return found


@ids
def test_every_part_of_an_entry_is_shown_outside_or_knowingly_kept_inside(
    register: Register,
) -> None:
    assert undecided(register) == []


def test_everything_that_is_kept_inside_is_still_there() -> None:
    entries = {(r.name, name) for r in ALL for name in entries_of(r)}
    assert set(KEPT_INSIDE) <= entries


class _Note(Value):
    words: str


@pytest.mark.parametrize(
    ("kind", "parts", "told"),
    [
        (str, frozenset[str](), ["notes.words"]),
        (_Note, frozenset({"words"}), ["notes.words: _Note"]),
        (str, frozenset({"words", "gone"}), ["notes.gone"]),
        (str, frozenset({"words"}), []),
        (PartyRef, frozenset({"words"}), []),
    ],
    ids=["nobody said", "deeper than one level", "not there", "said", "shown whole"],
)
def test_a_new_entry_that_nobody_spoke_of_is_found(
    kind: type, parts: frozenset[str], told: list[str]
) -> None:
    """The teeth of the two tests above."""
    entry = create_model("Entry", __base__=Value, words=(kind, ...))
    entries: Any = types.GenericAlias(tuple, (entry, ...))
    wider = create_model("Wider", __base__=Record, notes=(entries, ()))
    register = replace(
        REGISTERS["commitments"],
        record=wider,
        outside=frozenset({"notes"}),
        outside_parts={"notes": parts},
    )
    assert undecided(register) == told
    assert undecided(replace(register, outside_parts={"gone": parts}))[0] == "gone"


# ── what is judged of a part ─────────────────────────────────────────────────────────────────────

_DAY: Final = "2010-06-01"
_NOTHING: Final = object()


def a_record(register: Register, data: st.DataObject) -> dict[str, Any]:
    """A record to which each of its events happened, so that its fields hold something."""
    names = sorted(register.events, key=lambda n: "version" in EVENTS[n].model.model_fields)
    record = None
    for name in names:
        record = register.evolve(record, data.draw(OF_RECORD[EVENTS[name].model]))
    assert record is not None
    whole: dict[str, Any] = record.model_dump(mode="json", by_alias=True)
    return whole


def without(value: Any, part: str) -> Any:
    if not isinstance(value, list):
        return value
    return [{k: v for k, v in each.items() if k != part} for each in value]


def parts_of(whole: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Each field, and each part of the entries of a field."""
    found: list[tuple[str, str | None]] = [(name, None) for name in whole]
    for name, value in whole.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            found += [(name, part) for part in value[0]]
    return found


def assert_not_guessed(
    register: Register, whole: dict[str, Any], name: str, part: str | None
) -> None:
    """Judged of the rest is what the whole would be judged as, or nothing."""
    assert register.judge is not None
    judged = register.judge(whole, _DAY)
    if part is None:
        rest = {k: v for k, v in whole.items() if k != name}
    else:
        rest = {**whole, name: without(whole[name], part)}
    for key, value in register.judge(rest, _DAY).items():
        known = judged[key]
        if key == name and part is not None:
            known = without(known, part)
        assert value in (rest.get(key, _NOTHING), known), (name, part, key)


@pytest.mark.parametrize("name", [each.name for each in ALL if each.judge])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_nothing_is_guessed_from_what_is_shown_in_part(name: str, data: st.DataObject) -> None:
    register = REGISTERS[name]
    whole = a_record(register, data)
    for field, part in parts_of(whole):
        assert_not_guessed(register, whole, field, part)


def test_nothing_is_guessed_of_a_step_that_was_taken() -> None:
    """Chance seldom makes the body that decides the one that was planned."""
    day = {"first_day": "2010-03-01", "last_day": "2010-03-31"}
    body = {"id": "7", "name": "Udvalget"}
    made = {"body": body, "step": "treat", "outcome": "recommended", "on": day, "standing": True}
    step = {"body": body, "step": "treat", "planned": day}
    whole = {"path": [step], "decisions": [{**made, "vote": "7-4"}]}
    for field, part in parts_of(whole):
        assert_not_guessed(REGISTERS["documents"], whole, field, part)


def test_a_judge_that_takes_what_is_hidden_for_none_is_found() -> None:
    """The teeth: coverage of hidden audiences is a guess."""
    careless = replace(
        REGISTERS["efforts"], judge=lambda effort, _: {**effort, "of": len(effort.get("who", []))}
    )
    with pytest.raises(AssertionError):
        assert_not_guessed(careless, {"topic": "x", "who": [{"kind": "directors"}]}, "who", None)
