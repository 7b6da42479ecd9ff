"""Turns one stored row into one leaf of the log's hash tree, so that no two rows share a leaf.

The encoding covers every column with its storage class: a BLOB rewritten as TEXT keeps its bytes
in SQLite, and only the tag byte shows the change. docs/log-format.md describes it for strangers.
"""

import hashlib
from struct import Struct
from struct import error as struct_error

from domain.errors import Broken

__all__ = ["BODY_DOMAIN", "ENTRY_BYTES", "body_hash", "encode_value", "entry", "leaf_hash"]

BODY_DOMAIN = b"kontaktlog/body/1\n"
"""Prefix of every body, so that its hash can never be a hash of something else (version 1)."""

ENTRY_BYTES = 48
"""Length of a leaf input: position (8), recorded_at (8), body hash (32)."""

_HASH_BYTES = 32
_NULL = b"N"
_sha256 = hashlib.sha256
_sized = Struct(">cI").pack
_integer = Struct(">cq").pack
_real = Struct(">cd").pack
_place = Struct(">qq").pack
# A row's first column is always 16 bytes and its last 32 or NULL: these headers never vary.
_EVENT_ID_BYTES = 16
_BODY_AND_EVENT_ID = BODY_DOMAIN + _sized(b"B", _EVENT_ID_BYTES)
_KEY_HASH = _sized(b"B", _HASH_BYTES)


def encode_value(value: float | str | bytes | None) -> bytes:
    """Encode one column: a tag byte for its storage class, then its value.

    N NULL; I 8 bytes signed; R 8 bytes IEEE 754; T and B a 4-byte length and the bytes. All
    numbers are big-endian. Text holding the lone surrogates that Python's `surrogateescape` makes
    gives back the original bytes, so an auditor can hash text that is not valid UTF-8.
    Raises Broken(`log_broken`, reason column_not_encodable) when the value fits none of these.
    """
    try:
        match value:
            case None:
                return _NULL
            case str():
                raw = value.encode("utf-8", "surrogateescape")
                return _sized(b"T", len(raw)) + raw
            case bytes():
                return _sized(b"B", len(value)) + value
            case int():
                return _integer(b"I", value)
            case float():
                return _real(b"R", value)
    except (UnicodeEncodeError, struct_error) as error:
        raise Broken(
            "log_broken", reason="column_not_encodable", kind=type(value).__name__
        ) from error
    raise Broken("log_broken", reason="column_not_encodable", kind=type(value).__name__)


def body_hash(
    event_id: bytes,
    type: str,  # noqa: A002  the name of the column
    tags: str,
    metadata: bytes,
    data: bytes,
    stream_id: str | None,
    stream_version: int | None,
    key_hash: bytes | None,
) -> bytes:
    """Hash what an event says, before it has a place in the log (32 bytes).

    This runs for every append and every audited row, so a row of the expected storage classes
    takes one join and one hash. Any other row takes the slow way and gets another hash: an
    auditor passes each column as it was found and need not check its class first.
    """
    try:
        if len(event_id) != _EVENT_ID_BYTES or (
            key_hash is not None and len(key_hash) != _HASH_BYTES
        ):
            return _body_hash_of_any(
                event_id, type, tags, metadata, data, stream_id, stream_version, key_hash
            )
        type_bytes = type.encode()
        tags_bytes = tags.encode()
        stream_bytes = _NULL if stream_id is None else stream_id.encode()
        return _sha256(
            b"".join(
                (
                    _BODY_AND_EVENT_ID,
                    event_id,
                    _sized(b"T", len(type_bytes)),
                    type_bytes,
                    _sized(b"T", len(tags_bytes)),
                    tags_bytes,
                    _sized(b"B", len(metadata)),
                    metadata,
                    _sized(b"B", len(data)),
                    data,
                    b"" if stream_id is None else _sized(b"T", len(stream_bytes)),
                    stream_bytes,
                    _NULL if stream_version is None else _integer(b"I", stream_version),
                    _NULL if key_hash is None else _KEY_HASH,
                    key_hash or b"",
                )
            )
        ).digest()
    except (AttributeError, TypeError, UnicodeEncodeError, struct_error):
        return _body_hash_of_any(
            event_id, type, tags, metadata, data, stream_id, stream_version, key_hash
        )


def _body_hash_of_any(*columns: float | str | bytes | None) -> bytes:
    return _sha256(BODY_DOMAIN + b"".join(map(encode_value, columns))).digest()


def entry(position: int, recorded_at: int, body: bytes) -> bytes:
    """Return the 48-byte leaf input: what RFC 6962 calls the data entry of this leaf.

    `recorded_at` is microseconds since 1970 UTC. Position p is tree index p - 1.
    Raises Broken(`log_broken`, reason leaf_placement) for a position below 1, a number over
    63 bits or a body hash that is not 32 bytes long.
    """
    if position < 1 or len(body) != _HASH_BYTES:
        raise Broken("log_broken", reason="leaf_placement", position=position)
    try:
        return _place(position, recorded_at) + body
    except struct_error as error:
        raise Broken("log_broken", reason="leaf_placement", position=position) from error


def leaf_hash(position: int, recorded_at: int, body: bytes) -> bytes:
    r"""Hash a body at its place in the log: the RFC 6962 leaf hash of `entry(...)` (32 bytes).

    PostgreSQL computes the same as
    sha256('\x00'::bytea || int8send(position) || int8send(recorded_at) || body).
    Raises Broken(`log_broken`, reason leaf_placement) as `entry` does.
    """
    return _sha256(b"\x00" + entry(position, recorded_at, body)).digest()
