"""Persons: recognised within a party, with contact details that fit their forms."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.persons import (
    EMAIL_CHARS_MAX,
    PHONE_CHARS_MAX,
    Email,
    Participant,
    ParticipantGiven,
    PersonDetails,
    PersonId,
    Phone,
    recognised_by,
)
from tests.domain.samples import words


def fits(kind: Any, text: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("a@b", True),
        ("søren@københavn.dk", True),
        ("a" * (EMAIL_CHARS_MAX - 2) + "@b", True),
        ("a" * (EMAIL_CHARS_MAX - 1) + "@b", False),
        ("", False),
        ("a", False),
        ("@b", False),
        ("a@", False),
        ("a@b@c", False),
        ("a b@c", False),
        ("a@b\n", False),
        ("a\x00@b", False),
        ("a@b\ud800", False),
    ],
    ids=ascii,
)
def test_an_email_address_has_one_at_and_no_space(address: str, good: bool) -> None:
    assert fits(Email, address) == good


@pytest.mark.parametrize(
    ("number", "good"),
    [
        ("+45 33 66 33 66", True),
        ("(33) 66.33/66-1", True),
        ("1" * PHONE_CHARS_MAX, True),
        ("1" * (PHONE_CHARS_MAX + 1), False),
        ("", False),
        ("+", False),
        ("33 66 lokal 12", False),
        ("33\n66", False),
        ("٣٣", False),
        ("33\x00", False),
    ],
    ids=ascii,
)
def test_a_telephone_number_is_digits_and_what_stands_between_them(number: str, good: bool) -> None:
    assert fits(Phone, number) == good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("p-" + "0f" * 16, True),
        ("p-" + "0F" * 16, False),
        ("p-" + "0f" * 15, False),
        ("p-" + "0f" * 17, False),
        ("0f" * 16, False),
        ("Jens Hansen", False),
    ],
)
def test_a_pseudonym_cannot_be_a_name(text: str, good: bool) -> None:
    assert fits(PersonId, text) == good


def test_a_participant_is_somebody() -> None:
    for one in ({"name": "Kim"}, {"role": "direktør"}, {"person": "p-" + "0" * 32}):
        ParticipantGiven.model_validate(one)
    for nobody in ({}, {"party": "KAB"}, {"spoke_for": ("KAB",)}):
        with pytest.raises(ValidationError, match="needs a name, a person or a role"):
            ParticipantGiven.model_validate(nobody)


@pytest.mark.parametrize("detail", [{"email": "kim@kab.dk"}, {"phone": "33"}])
def test_contact_details_belong_to_a_name(detail: dict[str, str]) -> None:
    ParticipantGiven.model_validate({"name": "Kim"} | detail)
    with pytest.raises(ValidationError, match="contact details need a name"):
        ParticipantGiven.model_validate({"role": "direktør"} | detail)


def test_one_speaks_for_at_most_a_hundred_parties() -> None:
    assert len(ParticipantGiven(role="x", spoke_for=("KAB",) * 100).spoke_for) == 100
    with pytest.raises(ValidationError, match="too_long"):
        ParticipantGiven(role="x", spoke_for=("KAB",) * 101)


def test_what_is_kept_needs_no_name() -> None:
    assert Participant().details is None
    with pytest.raises(ValidationError, match="name"):
        PersonDetails.model_validate({"email": "kim@kab.dk"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kim Larsen", "kim  LARSEN"),
        ("Åse", unicodedata.normalize("NFD", "Åse")),
        (" Kim\tLarsen ", "Kim Larsen"),
        ("Straße", "STRASSE"),
        ("ＫＩＭ", "kim"),
    ],
)
def test_spelling_and_spacing_do_not_make_another_person(one: str, other: str) -> None:
    assert recognised_by(one, "party") == recognised_by(other, "party")


def test_a_name_is_recognised_within_one_party_only() -> None:
    texts = {recognised_by("Kim", party) for party in ("a", "b", None)}
    assert len(texts) == 3


@given(words, words, st.sampled_from(["a", "b", None]))
def test_a_person_and_a_party_are_never_mixed_up(one: str, other: str, party: str | None) -> None:
    """The party stands on the first line, and a folded name has no line break."""
    first, _, rest = recognised_by(one, party).partition("\n")
    assert first == (party or "")
    assert "\n" not in rest
    same = recognised_by(one, party) == recognised_by(other, party)
    assert same == (rest == recognised_by(other, party).partition("\n")[2])
