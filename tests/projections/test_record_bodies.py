"""What a record is told as outside: of each entry what the register names, and nothing new."""

from dataclasses import replace

import orjson
import pytest

from domain.registers import REGISTERS, Register
from projections.record_bodies import shown

ALL = list(REGISTERS.values())
SECRET = "kun for os"


@pytest.mark.parametrize("register", ALL, ids=[register.name for register in ALL])
def test_a_new_part_of_an_entry_is_inside_until_somebody_says_otherwise(
    register: Register,
) -> None:
    entry = {"new": SECRET}
    whole = {name: [entry] for name in register.outside_parts} | {"new": SECRET, "id": "7"}
    told = shown(register, whole)
    assert told == {name: [{}] for name in register.outside_parts} | {"id": "7"}
    single = dict.fromkeys(register.outside_parts, entry)
    assert SECRET.encode() not in orjson.dumps(shown(register, single))


def test_of_an_entry_is_shown_what_the_register_names() -> None:
    whole = {"conditions": [{"words": "åben", "how": SECRET}], "statement": None}
    positions = REGISTERS["positions"]
    assert shown(positions, whole) == {"conditions": [{"words": "åben"}], "statement": None}
    careless = replace(positions, outside_parts={})
    assert shown(careless, whole) == whole
