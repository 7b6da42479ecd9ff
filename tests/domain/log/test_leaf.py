import hashlib
import itertools
import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import Broken
from domain.log.leaf import BODY_DOMAIN, ENTRY_BYTES, body_hash, encode_value, entry, leaf_hash

I64 = st.integers(-(2**63), 2**63 - 1)
STORED = st.none() | I64 | st.floats(allow_nan=False) | st.text() | st.binary()
ROW: tuple[Any, ...] = (
    bytes(range(16)),
    "contact.logged/1",
    '["contact:1","organisation:2"]',
    b'{"a":1}',
    b'{"b":"\xc3\xa6"}',
    "contact-1",
    7,
    bytes(32),
)
ROWS = st.tuples(
    st.binary(min_size=16, max_size=16),
    st.text(),
    st.text(),
    st.binary(),
    st.binary(),
    st.none() | st.text(),
    st.none() | I64,
    st.none() | st.binary(min_size=32, max_size=32),
)


def slow_body_hash(columns: tuple[Any, ...]) -> bytes:
    return hashlib.sha256(BODY_DOMAIN + b"".join(map(encode_value, columns))).digest()


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (None, b"N"),
        (0, b"I" + bytes(8)),
        (-1, b"I" + b"\xff" * 8),
        (2**63 - 1, b"I\x7f" + b"\xff" * 7),
        (True, b"I" + bytes(7) + b"\x01"),
        ("", b"T" + bytes(4)),
        ("æ", b"T\x00\x00\x00\x02\xc3\xa6"),
        (b"", b"B" + bytes(4)),
        (b"\x00\x01", b"B\x00\x00\x00\x02\x00\x01"),
        (1.5, b"R\x3f\xf8" + bytes(6)),
    ],
    ids=repr,
)
def test_each_storage_class_has_its_own_bytes(value: Any, encoded: bytes) -> None:
    assert encode_value(value) == encoded


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "\ud800", [], bytearray(b"x")], ids=repr)
def test_a_value_no_database_stores_is_refused_by_name(value: Any) -> None:
    with pytest.raises(Broken, match="column_not_encodable"):
        encode_value(value)


@given(st.binary())
def test_text_that_is_not_utf_8_is_hashed_as_the_bytes_that_are_stored(raw: bytes) -> None:
    text = raw.decode("utf-8", "surrogateescape")
    assert encode_value(text) == b"T" + len(raw).to_bytes(4, "big") + raw


@given(st.lists(STORED, max_size=4), st.lists(STORED, max_size=4))
@example([b"ab", b"c"], [b"a", b"bc"])
@example(["a"], [b"a"])
@example([None, None], [None])
def test_no_two_rows_share_an_encoding(left: list[Any], right: list[Any]) -> None:
    same = [(type(v), repr(v)) for v in left] == [(type(v), repr(v)) for v in right]
    assert (b"".join(map(encode_value, left)) == b"".join(map(encode_value, right))) == same


@given(ROWS)
def test_the_quick_way_hashes_what_the_plain_encoding_says(row: tuple[Any, ...]) -> None:
    assert body_hash(*row) == slow_body_hash(row)


@given(st.tuples(*[STORED] * 8))
@example((*ROW[:7], b""))
@example((b"short", *ROW[1:]))
@example((*ROW[:6], 7.0, None))
@example(("0123456789abcdef", *ROW[1:]))
@example((*ROW[:1], b"type", *ROW[2:]))
@example((*ROW[:5], "\udc80", *ROW[6:]))
def test_any_storage_class_in_any_column_still_has_a_hash(row: tuple[Any, ...]) -> None:
    assert body_hash(*row) == slow_body_hash(row)


def test_a_blob_rewritten_as_text_with_the_same_bytes_is_another_body() -> None:
    hashes = {body_hash(*ROW)}
    for column, value in enumerate(ROW):
        changed = list(ROW)
        match value:
            case bytes():
                changed[column] = value.decode("utf-8")
            case str():
                changed[column] = value.encode()
            case _:
                changed[column] = str(value)
        hashes.add(body_hash(*changed))
    assert len(hashes) == 1 + len(ROW)


def test_every_bit_of_every_column_counts() -> None:
    hashes = {body_hash(*ROW)}
    flips = 0
    for column, value in enumerate(ROW):
        raw = struct.pack(">q", value) if isinstance(value, int) else value
        raw = raw.encode() if isinstance(raw, str) else raw
        for byte, bit in itertools.product(range(len(raw)), range(8)):
            flipped: Any = raw[:byte] + bytes([raw[byte] ^ 1 << bit]) + raw[byte + 1 :]
            if isinstance(value, str):
                flipped = flipped.decode("utf-8", "surrogateescape")
            elif isinstance(value, int):
                flipped = struct.unpack(">q", flipped)[0]
            changed = [*ROW]
            changed[column] = flipped
            hashes.add(body_hash(*changed))
            flips += 1
    assert len(hashes) == 1 + flips


def test_swapped_neighbours_and_moved_bytes_are_another_body() -> None:
    moved = (*ROW[:3], ROW[3][:-1], ROW[3][-1:] + ROW[4], *ROW[5:])
    swapped = (*ROW[:3], ROW[4], ROW[3], *ROW[5:])
    assert len({body_hash(*ROW), body_hash(*moved), body_hash(*swapped)}) == 3


@given(st.integers(1, 2**63 - 1), I64, st.binary(min_size=32, max_size=32))
def test_a_leaf_is_the_rfc_6962_leaf_of_its_entry(at: int, recorded_at: int, body: bytes) -> None:
    expected = struct.pack(">q", at) + struct.pack(">q", recorded_at) + body
    assert entry(at, recorded_at, body) == expected
    assert len(expected) == ENTRY_BYTES
    assert leaf_hash(at, recorded_at, body) == hashlib.sha256(b"\x00" + expected).digest()


def test_a_leaf_binds_its_place_and_its_time() -> None:
    body = body_hash(*ROW)
    leaves = {leaf_hash(1, 2, body), leaf_hash(2, 1, body), leaf_hash(1, 3, body)}
    assert len(leaves) == 3


@pytest.mark.parametrize(
    ("position", "recorded_at", "body"),
    [
        (0, 1, bytes(32)),
        (-1, 1, bytes(32)),
        (2**63, 1, bytes(32)),
        (1, 2**63, bytes(32)),
        (1, "1", bytes(32)),
        (1, 1.0, bytes(32)),
        (1, None, bytes(32)),
        (1, 1, bytes(31)),
        (1, 1, bytes(33)),
    ],
)
def test_a_place_that_cannot_be_is_refused(position: int, recorded_at: Any, body: bytes) -> None:
    with pytest.raises(Broken, match="leaf_placement"):
        entry(position, recorded_at, body)
    with pytest.raises(Broken, match="leaf_placement"):
        leaf_hash(position, recorded_at, body)
