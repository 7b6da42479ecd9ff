"""The part of the table of operations that is about records: made from the table of registers."""

from functools import cache
from types import MappingProxyType
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, create_model

from api.http import briefing, examples, query, register_reads, registers
from api.http.calendar_routes import CALENDAR_OPERATIONS
from api.http.operations import Operation
from api.http.query import MOMENTS, PAGING, Parameters
from api.http.shapes import Shape
from domain.access import Action
from domain.registers import REGISTERS, Register, Rule

RECORD_ID: Final = "0192f3a0-7c00-7abc-8def-00aabbccdd01"
"""The record that examples ask about, whatever it is."""
_KEY: Final = ("Idempotency-Key",)
_CHANGE: Final = ("If-Match", "Idempotency-Key", "Prefer")
_WRITTEN: Final = (400, 408, 409, 413, 415, 422, 503, 507)
_CHANGED: Final = (*_WRITTEN, 404, 412, 428)
_READ: Final = (400, 404, 503)
_PATHS: Final = MappingProxyType(
    {name: {register.id_field: RECORD_ID} for name, register in REGISTERS.items()}
)


def shape_of(register: Register) -> type[Shape]:
    """Return what a record looks like in answers; outside, fields may be absent."""
    fields: dict[str, Any] = {
        name: (_told(register, name, info.annotation), None)
        for name, info in register.record.model_fields.items()
        if name not in ("id", "version", "status")
    }
    for name in ("id", "status", "recorded_at", "changed_at"):
        fields[name] = (str, ...)
    for name in ("version", "position"):
        fields[name] = (int, ...)
    name = f"{register.record.__name__}Shown"
    told = f"A record of the register {register.name}."
    made: type[Shape] = create_model(name, __base__=Shape, __doc__=told, **fields)
    return made


def _told(register: Register, name: str, annotation: Any) -> Any:
    """Return what a field is in answers; of an entry's parts, those kept inside may be absent."""
    if name in register.judged:
        return list[dict[str, Any]]
    seen = register.outside_parts.get(name)
    if seen is None:
        return annotation
    (entry,) = (each for each in get_args(annotation) if hasattr(each, "model_fields"))
    if seen >= entry.model_fields.keys():
        return annotation
    part = _in_part(entry, seen)
    return list[part] if get_origin(annotation) is tuple else part | None  # type: ignore[valid-type]


@cache
def _in_part(entry: type[BaseModel], seen: frozenset[str]) -> type[BaseModel]:
    """Return the entry with what is kept inside left out or not; one for all that are alike."""
    kept: dict[str, Any] = {
        name: (info.annotation, None)
        for name, info in entry.model_fields.items()
        if name not in seen
    }
    name = f"{entry.__name__}Shown"
    return create_model(name, __base__=entry, __doc__=entry.__doc__, **kept)


def register_operations() -> tuple[Operation, ...]:
    """Return the operations of every register."""
    made = (o for register in REGISTERS.values() for o in _operations(register))
    return (*_across(), *CALENDAR_OPERATIONS, *made)


def _across() -> list[Operation]:
    """Return what looks across the records of a register; exact paths come before shaped ones."""
    return [
        Operation(
            "list_open_conditions",
            "GET",
            "/v1/positions/conditions",
            register_reads.list_conditions,
            "List open conditions, each with all who hold it",
            Action.READ_RECORDS,
            REGISTERS["positions"].danish,
            parameters=Parameters(
                (query.text("holder", "Who holds it: id or key", "KAB", repeated=True), *MOMENTS)
            ),
            schema={"$ref": "#/components/schemas/ConditionList"},
            problems=(400, 503),
        ),
        Operation(
            "get_party_briefing",
            "GET",
            "/v1/parties/{party_id}/briefing",
            briefing.brief,
            "What to know before meeting a party: contacts, conditions, commitments, enquiries …",
            Action.READ_RECORDS,
            "Mødeforberedelse",
            parameters=Parameters(MOMENTS),
            path_examples={"party_id": examples.PARTY_ID},
            schema={"$ref": "#/components/schemas/Briefing"},
            problems=_READ,
        ),
        Operation(
            "cover_dialogues",
            "GET",
            "/v1/dialogues/coverage",
            register_reads.cover_dialogues,
            "Tell who had a governance dialogue in a year, and who had none",
            Action.READ_RECORDS,
            REGISTERS["dialogues"].danish,
            parameters=Parameters(
                (query.number("year", "The year; this one when left out", 1800, 2199), *MOMENTS)
            ),
            schema={"$ref": "#/components/schemas/DialogueCoverage"},
            problems=(400, 503),
        ),
    ]


def _operations(register: Register) -> list[Operation]:
    item = f"/v1/{register.name}/{{{register.id_field}}}"
    schema = {"$ref": f"#/components/schemas/{register.record.__name__}Shown"}
    return [
        _listing(register),
        _opening(register, register.open, f"/v1/{register.name}", schema),
        *_reading(register, item, schema),
        *(_step(register, name, rule, item, schema) for name, rule in register.steps.items()),
    ]


def _listing(register: Register) -> Operation:
    filters = [
        query.text(name, f"By {name.replace('_', ' ')}", None, repeated=True)
        for name in (*register.party_filters, *register.filters)
    ]
    return Operation(
        f"list_{register.name}",
        "GET",
        f"/v1/{register.name}",
        registers.lists(register),
        f"List {register.name}",
        Action.READ_RECORDS,
        register.danish,
        parameters=Parameters(
            (
                query.text("party", "A party it concerns: id or key", "KAB", repeated=True),
                *filters,
                query.day("day_from", "From this day"),
                query.day("day_to", "To this day"),
                query.choice("sort", "Latest first, or by day", ("-day", "day")),
                *MOMENTS,
                *PAGING,
            )
        ),
        schema={"$ref": "#/components/schemas/RecordList"},
        problems=(400, 503),
    )


def _reading(register: Register, item: str, schema: dict[str, str]) -> list[Operation]:
    return [
        Operation(
            f"get_{register.noun}",
            "GET",
            item,
            registers.reading(register),
            f"Read one of {register.name}",
            Action.READ_RECORDS,
            register.danish,
            parameters=Parameters(MOMENTS),
            headers=("If-None-Match",),
            path_examples=_PATHS[register.name],
            answers={200: "The record", 304: "Unchanged"},
            schema=schema,
            problems=_READ,
        ),
        Operation(
            f"get_{register.noun}_history",
            "GET",
            f"{item}/history",
            registers.history(register),
            "Read every step",
            Action.READ_RECORDS,
            register.danish,
            parameters=Parameters(MOMENTS),
            path_examples=_PATHS[register.name],
            schema={"$ref": "#/components/schemas/RecordHistory"},
            problems=_READ,
        ),
    ]


def _opening(register: Register, rule: Rule, path: str, schema: dict[str, str]) -> Operation:
    return Operation(
        rule.operation,
        "POST",
        path,
        registers.opening(register),
        rule.summary,
        Action.CHANGE_RECORDS,
        register.danish,
        headers=(*_KEY, "Prefer"),
        body=rule.command,
        example=rule.example,
        answers={201: "Recorded", 200: "It was recorded before", 204: "Recorded, nothing shown"},
        schema=schema,
        problems=_WRITTEN,
    )


def _step(
    register: Register, name: str, rule: Rule, item: str, schema: dict[str, str]
) -> Operation:
    return Operation(
        rule.operation,
        "POST",
        f"{item}/{name}",
        registers.stepping(register, name),
        rule.summary,
        Action.CHANGE_RECORDS,
        register.danish,
        headers=_CHANGE,
        body=rule.command,
        example=rule.example,
        path_examples=_PATHS[register.name],
        answers={200: "Recorded", 204: "Recorded, nothing shown"},
        schema=schema,
        problems=_CHANGED,
    )
