"""Sealed values open in their own place with their own key, and nowhere else."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Broken
from domain.log.vault import NONCE_BYTES, Vault
from tests.domain.log.keyring import Keyring, counted_entropy

PLACE = "018f0000-0000-7000-8000-000000000001/text"
CLEAR = b'{"subject":"Udlejning"}'


def vault() -> Vault:
    return Vault(Keyring(), counted_entropy())


@given(st.binary(), st.text(st.characters(codec="utf-8"), max_size=20))
def test_what_is_sealed_opens_in_its_place(clear: bytes, place: str) -> None:
    safe = vault()
    sealed = safe.seal("contact:1", clear, place)
    assert safe.open(sealed, place, safe.keys.find([sealed["key"]])) == clear


def test_the_seal_holds_a_key_s_number_and_nothing_of_the_value() -> None:
    sealed = vault().seal("contact:1", CLEAR, PLACE)
    assert sealed.keys() == {"key", "sealed"}
    assert CLEAR not in base64.b64decode(sealed["sealed"])


def test_the_same_value_sealed_twice_looks_different() -> None:
    safe = vault()
    one, two = (safe.seal("person:p-1", CLEAR, PLACE) for _ in range(2))
    assert one["key"] == two["key"]
    assert one["sealed"] != two["sealed"]
    assert one["sealed"][:16] != two["sealed"][:16], "a nonce is never used twice"


def test_a_destroyed_key_leaves_nothing() -> None:
    safe = vault()
    sealed = safe.seal("contact:1", CLEAR, PLACE)
    assert safe.open(sealed, PLACE, {}) is None


@pytest.mark.parametrize("place", [PLACE + "/0", "", PLACE.replace("text", "why")])
def test_a_sealed_value_moved_elsewhere_fails_to_open(place: str) -> None:
    safe = vault()
    sealed = safe.seal("contact:1", CLEAR, PLACE)
    with pytest.raises(Broken) as broken:
        safe.open(sealed, place, safe.keys.find([sealed["key"]]))
    assert broken.value.code == "sealed_value_invalid"
    assert broken.value.params == {"place": place}


@given(st.data())
def test_one_flipped_bit_fails_to_open(data: st.DataObject) -> None:
    safe = vault()
    sealed = safe.seal("contact:1", CLEAR, PLACE)
    box = bytearray(base64.b64decode(sealed["sealed"]))
    bit = data.draw(st.integers(0, len(box) * 8 - 1))
    box[bit // 8] ^= 1 << bit % 8
    changed = sealed | {"sealed": base64.b64encode(box).decode()}
    with pytest.raises(Broken):
        safe.open(changed, PLACE, safe.keys.find([sealed["key"]]))


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "A" * 16, "ø"])
def test_what_was_never_a_seal_fails_to_open(text: str) -> None:
    safe = vault()
    number, _ = safe.keys.for_subject("contact:1")
    with pytest.raises(Broken):
        safe.open({"key": number, "sealed": text}, PLACE, safe.keys.find([number]))


def test_another_key_does_not_open_it() -> None:
    safe = vault()
    sealed = safe.seal("contact:1", CLEAR, PLACE)
    other, _ = safe.keys.for_subject("contact:2")
    with pytest.raises(Broken):
        safe.open(sealed | {"key": other}, PLACE, safe.keys.find([other]))


def test_a_nonce_is_twelve_bytes_of_what_stands_for_randomness() -> None:
    asked: list[int] = []

    def entropy(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    sealed = Vault(Keyring(), entropy).seal("contact:1", CLEAR, PLACE)
    assert asked == [NONCE_BYTES]
    assert base64.b64decode(sealed["sealed"])[:NONCE_BYTES] == bytes(NONCE_BYTES)


def test_a_pseudonym_is_the_same_for_the_same_person_under_one_pepper() -> None:
    safe = vault()
    assert safe.pseudonym("party\nkim") == safe.pseudonym("party\nkim")
    assert safe.pseudonym("party\nkim") != safe.pseudonym("party\nbo")
    assert re.fullmatch(r"p-[0-9a-f]{32}", safe.pseudonym("party\nkim"))
    other = Keyring()
    other.pepper = bytes(32)
    assert Vault(other, counted_entropy()).pseudonym("party\nkim") != safe.pseudonym("party\nkim")


def test_a_mark_is_no_pseudonym_even_of_the_same_words() -> None:
    safe = vault()
    mark = safe.mark(b"party\nkim")
    assert mark == safe.mark(b"party\nkim")
    assert mark != safe.mark(b"party\nbo")
    assert mark not in safe.pseudonym("party\nkim")
