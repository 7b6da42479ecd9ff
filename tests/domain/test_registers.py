"""What holds for every register: one table, and no concept that breaks its promises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import Broken
from domain.records import Record
from domain.registers import REGISTERS, Register
from domain.registry import EVENTS, NAMES
from tests.domain.record_samples import OF_RECORD

ALL = list(REGISTERS.values())
ids = pytest.mark.parametrize("register", ALL, ids=[register.name for register in ALL])


def opening_of(register: Register) -> str:
    """The stored name of the event that opens a record: the one without a version of its own."""
    (name,) = [n for n in register.events if "version" not in EVENTS[n].model.model_fields]
    return name


@ids
def test_what_people_outside_see_are_fields_of_the_record(register: Register) -> None:
    assert register.outside <= set(register.record.model_fields)


@ids
def test_every_event_names_its_record(register: Register) -> None:
    for name in register.events:
        assert register.id_field in EVENTS[name].model.model_fields


@ids
def test_every_example_is_a_valid_command(register: Register) -> None:
    for rule in (register.open, *register.steps.values()):
        rule.command.model_validate(dict(rule.example), strict=False)


@ids
def test_every_command_refuses_fields_it_does_not_know(register: Register) -> None:
    for rule in (register.open, *register.steps.values()):
        with pytest.raises(ValidationError):
            rule.command.model_validate({**rule.example, "unknown": 1}, strict=False)


@ids
def test_operations_have_names_of_their_own(register: Register) -> None:
    others = [r for each in ALL for r in (each.open, *each.steps.values())]
    for rule in (register.open, *register.steps.values()):
        assert sum(other.operation == rule.operation for other in others) == 1


@ids
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_evolve_is_total_and_counts_every_event(register: Register, data: st.DataObject) -> None:
    """Old facts are not judged by new rules: any sequence of events makes a record."""
    opening = data.draw(OF_RECORD[EVENTS[opening_of(register)].model])
    steps = st.sampled_from(sorted(register.events - {opening_of(register)}))
    record: Record = register.evolve(None, opening)
    assert record.version == 1
    for count, name in enumerate(data.draw(st.lists(steps, max_size=8)), 2):
        event = data.draw(OF_RECORD[EVENTS[name].model])
        record = register.evolve(record, event)
        assert record.version == count
    whole = record.model_dump(mode="json", by_alias=True)
    assert register.record.model_validate(whole, strict=False) == record
    assert register.day(record)
    if register.judge is not None:
        register.judge(whole, "2010-02-25")
        register.judge({key: whole[key] for key in ("id", "version", "status")}, "2010-02-25")


@ids
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_a_step_without_a_record_is_a_broken_log(register: Register, data: st.DataObject) -> None:
    for name in sorted(register.events - {opening_of(register)}):
        event = data.draw(OF_RECORD[EVENTS[name].model])
        with pytest.raises(Broken):
            register.evolve(None, event)


@ids
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_every_event_bears_the_tag_of_its_record(register: Register, data: st.DataObject) -> None:
    for name in sorted(register.events):
        event = data.draw(OF_RECORD[EVENTS[name].model])
        tags = EVENTS[name].tags_of(event)
        assert tags[0] == register.tag(getattr(event, register.id_field))
        assert len(set(tags)) == len(tags)
        assert NAMES[type(event)] == name
