"""The envelope: what surrounds an event, with absent parts left out."""

import json
from dataclasses import fields

from domain.log.envelope import SYSTEM_ACTOR, Envelope


def test_parts_that_are_absent_are_left_out() -> None:
    assert Envelope(actor="k1", role="manager", via="api").as_json() == {
        "actor": "k1",
        "role": "manager",
        "via": "api",
    }


def test_every_part_is_stored_under_its_own_name() -> None:
    names = [field.name for field in fields(Envelope)]
    full = Envelope(**{name: f"the {name}" for name in names})  # type: ignore[arg-type]
    stored = full.as_json()
    assert stored == {name: f"the {name}" for name in names}
    assert json.loads(json.dumps(stored)) == stored


def test_the_system_s_own_name_is_no_key_s() -> None:
    assert SYSTEM_ACTOR == "system"
