"""The closed registry: names that never change, and personal parts that are always sealed."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from domain import (
    access,
    commitments,
    contacts,
    criteria,
    custody,
    dialogues,
    direct_contact,
    enquiries,
    followups,
    imports,
    parties,
    positions,
    routing,
    samples,
    service_targets,
    values,
)
from domain.agreements import events as agreement_events
from domain.documents import events as document_events
from domain.efforts import events as effort_events
from domain.forums import events as forum_events
from domain.log.envelope import Via
from domain.meetings import events as meeting_events
from domain.persons import PersonDetails
from domain.registry import EVENTS, NAMES, UPCASTERS, EventType
from domain.values import Value
from tests.domain.record_samples import OF_TYPE, SEALED

ROOT = Path(__file__).resolve().parents[2]
CONCEPTS: list[UnionType | type[Value]] = [
    contacts.ContactEvent,
    parties.PartyEvent,
    enquiries.EnquiryEvent,
    direct_contact.DirectContactEvent,
    service_targets.ServiceTargetEvent,
    routing.RoutingEvent,
    access.AccessEvent,
    imports.ImportEvent,
    custody.CustodyEvent,
    samples.SampleDeclared,
    commitments.CommitmentEvent,
    followups.FollowUpEvent,
    forum_events.ForumEvent,
    meeting_events.MeetingEvent,
    positions.PositionEvent,
    document_events.DocumentEvent,
    effort_events.EffortEvent,
    agreement_events.AgreementEvent,
    dialogues.DialogueEvent,
    criteria.CriterionEvent,
]
SEALED_MODELS = {
    contacts.ContactText,
    contacts.ReasonText,
    enquiries.EnquiryText,
    enquiries.StepText,
    direct_contact.AccountText,
    direct_contact.WithdrawalText,
    PersonDetails,
    *SEALED,
}


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
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+/[1-9][0-9]*", name)
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


# ── docs/events.md ───────────────────────────────────────────────────────────────────────────────


def documented(text: str) -> dict[str, tuple[list[str], set[str], set[str]]]:
    """Fields, sealed places and tags of each stored name, as the page's table tells them."""
    rows = {}
    for line in text.splitlines():
        cells = [re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:-1]]
        if len(cells) == 4 and len(cells[0]) == 1 and "/" in cells[0][0]:
            rows[cells[0][0]] = (cells[1], set(cells[2]), set(cells[3]))
    return rows


PAGE = documented((ROOT / "docs" / "events.md").read_text(encoding="utf-8"))


def test_the_page_of_events_names_each_one_and_no_other() -> None:
    assert list(PAGE) == list(EVENTS)


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.name)
def test_the_page_of_events_tells_fields_and_seals(kind: EventType) -> None:
    fields, sealed, _ = PAGE[kind.name]
    assert fields == list(kind.model.model_fields)
    assert sealed == {place.replace(".", "[].") for place in sealed_places(kind)}


@given(st.one_of(*OF_TYPE.values()))
def test_the_page_of_events_tells_every_tag(event: Value) -> None:
    kind = EVENTS[NAMES[type(event)]]
    told = PAGE[kind.name][2]
    linked = getattr(event, "kind", "") if "link_id" in kind.model.model_fields else ""
    linked = "linked_contact" if linked == "contact" else linked
    for tag in kind.tags_of(event):
        name = tag if tag in told else tag.partition(":")[0] + ":"
        assert name in told or (name == f"{linked}:" and "KIND:" in told)


# ── docs/glossary.md ─────────────────────────────────────────────────────────────────────────────

LISTS: dict[str, Iterable[str]] = {
    "roles": access.Role,
    "actions": access.Action,
    "channels": values.Channel,
    "directions": values.Direction,
    "precisions": values.Precision,
    "confidentialities": values.Confidentiality,
    "personal data": values.PersonalData,
    "occasions": values.Occasion,
    "outcomes": values.Outcome,
    "media": values.STANDARD_MEDIA,
    "kinds of parties": parties.KINDS,
    "relations": get_args(parties.Relation),
    "kinds of links": get_args(contacts.LinkKind),
    "doors": get_args(Via),
    "fields of a contact": contacts.ContactContent.model_fields,
    "texts of a contact": contacts.ContactText.model_fields,
    "kinds of enquiries": service_targets.EnquiryKind,
    "clocks": service_targets.Clock,
    "states of a clock": get_args(enquiries.ClockState),
    "phases": enquiries.Phase,
    "states of an obligation": enquiries.Owed,
    "priorities": enquiries.Priority,
    "kinds of answers": enquiries.AnswerKind,
    "closings": enquiries.Closing,
    "sides": direct_contact.Side,
}


@pytest.mark.parametrize("name", list(LISTS))
def test_every_word_of_a_closed_list_stands_in_the_glossary(name: str) -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert {str(word) for word in LISTS[name]} - set(re.findall(r"`([^`\n]+)`", text)) == set()
