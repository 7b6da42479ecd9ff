"""Tells what happened to a row whose leaf does not fit: which column, which byte, which position.

A hash cannot be met by accident, so a change that gives back the stored leaf is proof of what was
changed, also where no checkpoint covers the row yet. Found here: a value in another storage class,
bytes added behind JSON, another known type, a row that stood elsewhere, a single changed byte.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

from api.audit.faults import Fault
from api.audit.jsontext import end_of_json
from domain.errors import Broken
from domain.log.leaf import BODY_DOMAIN, body_hash, encode_value, leaf_hash

COLUMNS: Final = (
    "position",
    "recorded_at",
    "event_id",
    "type",
    "tags",
    "metadata",
    "data",
    "stream_id",
    "stream_version",
    "key_hash",
    "leaf",
)
"""The columns of `events` in the order of docs/log-format.md section 10."""
CLASSES: Final[tuple[tuple[type, ...], ...]] = (
    (int,),
    (int,),
    (bytes,),
    (str,),
    (str,),
    (bytes,),
    (bytes,),
    (str, type(None)),
    (int, type(None)),
    (bytes, type(None)),
    (bytes,),
)
"""What each column's values are when read: the storage classes of docs/log-format.md section 1."""
NAMES: Final = {bytes: "blob", str: "text", int: "integer", float: "real", type(None): "null"}
LEAF: Final = 10
NEAR_POSITIONS: Final = 8
"""Every differing row is tried this far to both sides: one row less moves all after it by one."""
FAR_POSITIONS: Final = 20_000
"""The first differing rows are tried this far: two rows may have been swapped."""
ONE_BYTE_MAX: Final = 16_384
"""Longest row tried byte by byte: 255 hashes a byte, about half a second for 1 kB."""
LEAF_BYTES_ALIKE: Final = 24
"""Two hashes alike in this many of their 32 bytes are one hash with a few bytes changed."""

Row = tuple[Any, ...]
_place = Struct(">qq").pack
_sha256 = hashlib.sha256


@dataclass(frozen=True, slots=True)
class Explained:
    """A fault that the hash itself proves; `leaf` is what the tree holds, if that is known."""

    fault: Fault
    leaf: bytes | None


def leaf_of(row: Row, position: int | None = None) -> bytes | None:
    """Return the leaf a row has (had it stood at `position`), None when it can have none."""
    try:
        return leaf_hash(row[0] if position is None else position, row[1], body_hash(*row[2:LEAF]))
    except (Broken, TypeError):
        return None


def class_faults(row: Row) -> Iterator[Fault]:
    """Yield a fault for each column that holds another storage class than it should."""
    for column, allowed, value in zip(COLUMNS, CLASSES, row, strict=True):
        if type(value) not in allowed:
            found, wanted = NAMES.get(type(value), "?"), NAMES[allowed[0]]
            yield Fault("storage_class", row[0], column, f"{found} instead of {wanted}")


def with_classes(row: Row) -> Row:
    """Return the row with each value back in the class it should have, where its bytes allow."""
    return tuple(
        value if type(value) in allowed else _converted(value, allowed[0])
        for allowed, value in zip(CLASSES, row, strict=True)
    )


def is_leaf_itself(stored: object, computed: bytes) -> bool:
    """Tell whether the stored leaf was changed: it is none at all, or nearly the right one."""
    if not isinstance(stored, bytes) or len(stored) != len(computed):
        return True
    alike = sum(a == b for a, b in zip(stored, computed, strict=True))
    return alike >= LEAF_BYTES_ALIKE


class Explainer:
    """Looks for the change that explains a leaf; costly searches are made for few rows only."""

    def __init__(self, types: Iterable[str], costly_max: int) -> None:
        """`types` are the known names; `costly_max` rows are searched far and byte by byte."""
        self._types = sorted(types)
        self._costly_left = costly_max
        self._offset = 0

    def explain(self, row: Row) -> Explained | None:
        """Return what was changed in a row (of the right classes) whose stored leaf is kept."""
        costly = self._costly_left > 0
        found = self._cheap(row) or self._moved(row, NEAR_POSITIONS)
        if found is None and costly:
            self._costly_left -= 1
            found = self._moved(row, FAR_POSITIONS) or _one_byte(row)
        return found

    def _cheap(self, row: Row) -> Explained | None:
        for name, other in self._variants(row):
            if leaf_of(other) == row[LEAF]:
                return Explained(Fault("row_changed", row[0], name), row[LEAF])
        return None

    def _variants(self, row: Row) -> Iterator[tuple[str, Row]]:
        for name in self._types:
            yield "type", (*row[:3], name, *row[4:])
        for index in (5, 6):
            end = end_of_json(row[index])
            if end is not None and end < len(row[index]):
                yield COLUMNS[index], (*row[:index], row[index][:end], *row[index + 1 :])
        if row[9] is not None:
            yield "key_hash", (*row[:9], None, *row[10:])
        if row[7] is not None or row[8] is not None:
            yield "stream_id", (*row[:7], None, None, *row[9:])

    def _moved(self, row: Row, reach: int) -> Explained | None:
        body = body_hash(*row[2:LEAF])
        near = range(max(1, row[0] - reach), row[0] + reach + 1)
        for position in (row[0] + self._offset, *near):
            if position > 0 and leaf_hash(position, row[1], body) == row[LEAF]:
                self._offset = position - row[0]
                return Explained(Fault("row_moved", row[0], None, f"stood at {position}"), None)
        return None


def _one_byte(row: Row) -> Explained | None:
    """Try every other value of every byte: 255 hashes each."""
    for column, buffer, spans, head in _layouts(row):
        for name, start, end in spans:
            at = _search(buffer, start, end, head, row[LEAF])
            if at is not None:
                detail = f"byte {at[0] - start} was {at[1]:#04x}"
                return Explained(Fault("row_changed", row[0], column or name, detail), row[LEAF])
    return None


def _layouts(
    row: Row,
) -> Iterator[tuple[str | None, bytearray, list[tuple[str, int, int]], bytes | None]]:
    """Yield the bytes to vary: those of recorded_at in the entry, then those of the body.

    `head` is what stands before the hash of a body; None where the buffer is the entry itself.
    """
    try:
        place = _place(row[0], row[1])
        parts = [encode_value(value) for value in row[2:LEAF]]
    except (Broken, TypeError, ValueError):
        return
    entry = bytearray(b"\x00" + place + body_hash(*row[2:LEAF]))
    yield "recorded_at", entry, [("recorded_at", 9, 17)], None
    spans, at = [], len(BODY_DOMAIN)
    for name, part in zip(COLUMNS[2:LEAF], parts, strict=True):
        header = 5 if part[:1] in b"TB" else 1
        spans.append((name, at + header, at + len(part)))
        at += len(part)
    if at <= ONE_BYTE_MAX:
        yield None, bytearray(BODY_DOMAIN + b"".join(parts)), spans, b"\x00" + place


def _search(
    buffer: bytearray, start: int, end: int, head: bytes | None, leaf: bytes
) -> tuple[int, int] | None:
    for index in range(start, end):
        found = buffer[index]
        for value in range(256):
            buffer[index] = value
            inner = _sha256(buffer).digest()
            if (inner if head is None else _sha256(head + inner).digest()) == leaf:
                return index, value
        buffer[index] = found
    return None


def _converted(value: Any, wanted: type) -> Any:
    if wanted is bytes and isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if wanted is str and isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if wanted is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if wanted is int and isinstance(value, str | bytes):
        digits = value.decode("ascii", "replace") if isinstance(value, bytes) else value
        return int(digits) if digits.isascii() and digits.lstrip("-").isdigit() else value
    return value
