"""What a record is told as: ready JSON of it and of its steps, whole and as people outside see it.

The register says what outside is (domain/registers/table.py); here nothing is decided.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import orjson

from domain.log.codec import Fact
from domain.records import Record
from domain.registers import Register
from domain.registry import Json
from domain.storage.clock import moment
from domain.values import Confidentiality, instant_text
from projections.contact_rows import LEVELS
from projections.finality import NEGOTIATED

ALWAYS_SHOWN: Final = ("id", "version", "status", "confidentiality")
"""Fields that whoever may know of the record may see."""
HEAD: Final = ("position", "recorded_at", "changed_at")
"""What the JSON of a record begins with, before its own fields."""


class Newest(NamedTuple):
    """The newest fact that a record is told with: its position and when it was recorded."""

    position: int
    recorded_at: int


def folded(register: Register, events: Iterable[Any]) -> Record | None:
    """Return the record that its events make, None without any."""
    record: Record | None = None
    for event in events:
        record = register.evolve(record, event)
    return record


def level_of(register: Register, record: Record) -> int:
    """Return how confidential the record counts as; open but not final is a level of its own."""
    is_open = record.confidentiality is Confidentiality.OPEN
    return LEVELS[NEGOTIATED if is_open and not register.final(record) else record.confidentiality]


def day_of(fact: Fact) -> str:
    """Return the day on which it happened; the day it was recorded when the event does not say."""
    occurred = fact.data.get("occurred")
    return str(occurred["first_day"]) if occurred else instant_text(moment(fact.recorded_at))[:10]


def bodies(
    register: Register, record: Record, recorded_at: int, newest: Newest
) -> tuple[bytes, bytes]:
    """Return the record as JSON, whole and as people outside may see it."""
    head = {
        "position": newest.position,
        "recorded_at": instant_text(moment(recorded_at)),
        "changed_at": instant_text(moment(newest.recorded_at)),
    }
    whole = told(record)
    return orjson.dumps({**head, **whole}), orjson.dumps({**head, **shown(register, whole)})


def told(record: Record | None) -> Json:
    """Return a record's fields as JSON values; nothing before it was there."""
    return record.model_dump(mode="json", by_alias=True) if record else {}


def shown(register: Register, whole: Json) -> Json:
    """Return what people outside may see of a record's fields, and within them (allow-lists)."""
    return {
        name: _within(register.outside_parts.get(name), value)
        for name, value in whole.items()
        if name in register.outside or name in ALWAYS_SHOWN
    }


def _within(allowed: frozenset[str] | None, value: object) -> object:
    if allowed is None:
        return value
    if isinstance(value, list):
        return [_within(allowed, each) for each in value]
    if isinstance(value, dict):
        return {name: each for name, each in value.items() if name in allowed}
    return value


def steps(register: Register, old: Json, new: Json, fact: Fact) -> tuple[bytes, bytes]:
    """Return what one event changed, for those inside and those outside."""
    head = {
        "version": new["version"],
        "position": fact.position,
        "recorded_at": instant_text(moment(fact.recorded_at)),
        "type": fact.type,
        "occurred": fact.data.get("occurred"),
        "role": fact.meta["role"],
        "via": fact.meta["via"],
    }
    inside = {"actor": fact.meta["actor"], "words": fact.data.get("text")}
    seen = _changes(shown(register, old), shown(register, new))
    return (
        orjson.dumps({**head, **inside, "changes": _changes(old, new)}),
        orjson.dumps({**head, "changes": seen}),
    )


def _changes(old: Json, new: Json) -> list[Json]:
    return [
        {"field": name, "before": old.get(name), "after": value}
        for name, value in new.items()
        if old.get(name) != value and name != "version"
    ]
