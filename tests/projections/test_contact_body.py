"""A contact's JSON: the same bytes wherever it is made, and only the parts one may see."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import Role
from domain.custody import ClockSteppedBack
from domain.errors import Broken
from domain.storage.clock import moment
from domain.values import instant_text
from projections import contact_body
from projections.contact_body import compose, fold, fragments, render, restore, time_text
from tests.projections.memory import EVERYTHING, Story, blind_to_assessment, seeing

KIM = {"name": "Kim Larsen", "email": "kim@example.dk", "role": "direktør", "party": "KAB"}


def shown(story: Story, contact_id: str, sight: Any = EVERYTHING) -> dict[str, Any]:
    facts = story.facts(contact_id)
    body = compose(render(facts), sight)
    assert contact_body.shown(facts, sight) == body  # the answer to a write: made at once, the same
    parsed: dict[str, Any] = orjson.loads(body)
    return parsed


def test_a_logged_contact_shows_what_was_logged() -> None:
    story = Story()
    contact = story.log_contact(
        participants=[KIM | {"spoke_for": ["AKB"]}],
        facts="aftalt",
        assessment="skeptisk",
        occurred="2010-02-22T10:00:00+01:00",
        kle=["03.10.24"],
        source={"system": "esdh", "id": "7"},
        commitments=[{"text": "svar", "due": "2010-03-01"}],
    )
    (person,) = story.states[contact].participants
    assert shown(story, contact) == {
        "id": contact,
        "version": 1,
        "status": "logged",
        "position": 1,
        "recorded_at": "2010-02-22T09:00:00Z",
        "changed_at": "2010-02-22T09:00:00Z",
        "channel": "direct",
        "direction": "inbound",
        "medium": "phone",
        "occurred": {
            "from": "2010-02-22T09:00:00Z",
            "to": "2010-02-22T09:00:00Z",
            "precision": "instant",
            "text": None,
        },
        "documented_at": None,
        "administrations": [{"id": "id-TMF", "name": "TMF"}],
        "organisations": [{"id": "id-KAB", "name": "KAB"}],
        "audience": None,
        "subject": "Udlejning",
        "facts": "aftalt",
        "place": None,
        "topics": [],
        "kle": ["03.10.24"],
        "case_numbers": [],
        "document_numbers": [],
        "confidentiality": "internal",
        "negotiation": False,
        "personal_data": "ordinary",
        "occasion": None,
        "outcome": "held",
        "enquiry": None,
        "meeting": None,
        "commitments": [{"text": "svar", "by": None, "to": None, "due": "2010-03-01"}],
        "follow_ups": [],
        "links": [],
        "source": {"system": "esdh", "id": "7"},
        "flags": [],
        "recorded_by": {"actor": "key-1", "role": "case_officer", "via": "api"},
        "participants": [
            {
                "person": person.person,
                "name": "Kim Larsen",
                "email": "kim@example.dk",
                "phone": None,
                "role": "direktør",
                "party": {"id": "id-KAB", "name": "KAB"},
                "spoke_for": [{"id": "id-AKB", "name": "AKB"}],
            }
        ],
        "assessment": "skeptisk",
    }


def test_each_later_event_makes_a_new_version_of_the_same_contact() -> None:
    story = Story()
    contact = story.log_contact()
    link = story.link(contact, "2009-116302")
    assert shown(story, contact)["links"] == [
        {"link_id": link, "kind": "case", "target": "2009-116302"}
    ]
    story.unlink(contact, link)
    story.correct(contact, subject="Genhusning", medium="mail")
    corrected = shown(story, contact)
    assert (corrected["version"], corrected["status"], corrected["links"]) == (4, "corrected", [])
    assert (corrected["subject"], corrected["medium"], corrected["position"]) == (
        "Genhusning",
        "mail",
        4,
    )
    assert corrected["recorded_at"] < corrected["changed_at"]
    story.retract(contact)
    assert shown(story, contact)["status"] == "retracted"


def test_a_correction_leaves_alone_what_it_does_not_name() -> None:
    story = Story()
    contact = story.log_contact(participants=[KIM], assessment="skeptisk")
    before = shown(story, contact)
    story.correct(contact, channel="entry_point")
    after = shown(story, contact)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"version", "status", "position", "changed_at", "channel"}


def test_who_took_part_is_hidden_from_those_who_may_not_know() -> None:
    story = Story()
    contact = story.log_contact(participants=[KIM], assessment="skeptisk", confidentiality="open")
    seen = shown(story, contact, seeing(Role.COUNCILLOR))
    party = {"id": "id-KAB", "name": "KAB"}
    assert seen["participants"] == [{"role": "direktør", "party": party, "spoke_for": []}]
    assert "assessment" not in seen
    assert "assessment" not in shown(story, contact, blind_to_assessment())


def test_an_erased_contact_says_so_and_a_correction_of_it_does_not_fail() -> None:
    story = Story()
    contact = story.log_contact(participants=[KIM], facts="aftalt")
    story.correct(contact, medium="mail", facts="aftalt på mail")
    story.keys.destroy(f"contact:{contact}")
    seen = shown(story, contact)
    assert seen["erased"] is True
    assert (seen["subject"], seen["facts"], seen["medium"]) == (None, None, "mail")
    assert seen["participants"][0]["name"] == "Kim Larsen"


def test_a_text_written_after_the_erasure_is_shown() -> None:
    story = Story()
    contact = story.log_contact()
    story.keys.destroy(f"contact:{contact}")
    story.correct(contact, subject="nyt emne")
    seen = shown(story, contact)
    assert "erased" not in seen
    assert seen["subject"] == "nyt emne"


def test_an_erased_person_is_nameless_and_keeps_role_and_party() -> None:
    story = Story()
    contact = story.log_contact(participants=[KIM])
    (person,) = story.states[contact].participants
    story.keys.destroy(f"person:{person.person}")
    (seen,) = shown(story, contact)["participants"]
    assert (seen["name"], seen["email"], seen["role"]) == (None, None, "direktør")


def test_facts_of_other_things_say_nothing_of_a_contact() -> None:
    story = Story()
    contact = story.log_contact()
    before = shown(story, contact)
    story.tell(ClockSteppedBack(previous="a", observed="b", seconds=1))
    assert orjson.loads(compose(render(story.facts()), EVERYTHING)) == before


@given(st.integers(0, 4_000_000_000_000_000))
def test_times_are_written_as_everywhere_else(microseconds: int) -> None:
    assert time_text(microseconds) == instant_text(moment(microseconds))


def test_a_contact_read_back_from_its_bytes_is_the_same_contact() -> None:
    story = Story()
    contact = story.log_contact(participants=[KIM], assessment="skeptisk")
    (fact,) = story.facts(contact)
    once = fold(None, fact)
    parts = fragments(once)
    assert restore(once.number, once.recorded_at, once.first_day, once.last_day, parts) == once


def test_a_contact_without_its_first_event_is_broken_evidence() -> None:
    story = Story()
    contact = story.log_contact()
    story.retract(contact)
    with pytest.raises(Broken):
        render(story.facts(contact)[1:])
    with pytest.raises(Broken):
        render([])
