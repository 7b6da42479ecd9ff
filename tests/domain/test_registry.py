"""The closed registry: names that never change, and personal parts that never stand outside a seal."""

import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from domain import access, contacts, custody, imports, parties
from domain.persons import PersonDetails
from domain.registry import EVENTS, NAMES, UPCASTERS, EventType
from domain.values import Value
from tests.domain.samples import OF_TYPE

CONCEPTS: list[UnionType | type[Value]] = [
    contacts.ContactEvent,
    parties.PartyEvent,
    access.AccessEvent,
    imports.ImportEvent,
    custody.CustodyEvent,
]
SEALED_MODELS = {contacts.ContactText, contacts.ReasonText, PersonDetails}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def personal_places(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every place in a model where a model that must be sealed stands."""
    for name, field in model.model_fields.items():
        for inner in models_in(field.annotation):
            if inner in SEALED_MODELS:
                yield f"{path}{name}"
            else:
                yield from personal_places(inner, f"{path}{name}.")


def sealed_places(kind: EventType) -> set[str]:
    people = {f"{kind.sealed_people}.details"} if kind.sealed_people else set()
    return set(kind.sealed) | people


def test_every_event_of_every_concept_is_registered_once() -> None:
    known = [model for union in CONCEPTS for model in get_args(union) or (union,)]
    assert set(NAMES) == set(known) == {kind.model for kind in EVENTS.values()}
    assert len(NAMES) == len(EVENTS)


@pytest.mark.parametrize("name", list(EVENTS))
def test_a_stored_name_says_concept_fact_and_version(name: str) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z_]+/[1-9][0-9]*", name)
    assert EVENTS[name].name == name
    assert NAMES[EVENTS[name].model] == name


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.name)
def test_whatever_is_personal_is_sealed(kind: EventType) -> None:
    assert set(personal_places(kind.model)) == sealed_places(kind)


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.name)
def test_a_sealed_field_may_be_empty_and_its_subject_never_is(kind: EventType) -> None:
    fields = kind.model.model_fields
    for name in kind.sealed:
        assert type(None) in get_args(fields[name].annotation), "an erased field is null"
    if kind.sealed:
        assert fields[kind.subject].is_required()


def test_a_personal_model_outside_the_seal_is_found() -> None:
    class Leak(Value):
        who: tuple[PersonDetails, ...] | None

    assert set(personal_places(Leak)) == {"who"}
    assert sealed_places(EventType("leak/1", Leak, lambda _: [])) == set()


def test_an_upcaster_leads_from_an_old_name_to_a_newer_one() -> None:
    for old, (new, _) in UPCASTERS.items():
        assert old not in EVENTS
        assert new in EVENTS or new in UPCASTERS


def test_nobody_can_register_more_while_running() -> None:
    for table in (EVENTS, NAMES, UPCASTERS):
        with pytest.raises(TypeError):
            table["x"] = None  # type: ignore[index]


def test_the_samples_cover_every_registered_type() -> None:
    assert OF_TYPE.keys() == NAMES.keys()
