"""Reads stored JSON as strictly as an auditor must: UTF-8, one value, no key twice.

The quick reader of the product keeps the last of two equal keys and says nothing; an attacker could
hide a second text behind the first.
"""

import json
from typing import Any, Final, NoReturn

SPACE: Final = " \t\r\n"


class _RepeatedKeyError(ValueError):
    """An object names the same key twice."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedKeyError
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)
_LOOSE: Final = json.JSONDecoder(parse_constant=_constant)


def json_fault(raw: object) -> str | None:
    """Return the kind of fault in a stored JSON text, None when there is none."""
    if not isinstance(raw, bytes):
        return "json_invalid"
    try:
        text = raw.decode()
        value_end = _STRICT.raw_decode(text, _start(text))[1]
    except _RepeatedKeyError:
        return "json_duplicate_key"
    except (ValueError, RecursionError):
        return "json_invalid"
    return "json_trailing" if text[value_end:].strip(SPACE) else None


def end_of_json(raw: object) -> int | None:
    """Return where the first JSON value ends, in bytes; None when none begins."""
    if not isinstance(raw, bytes):
        return None
    # Only the bytes behind the value may be broken: they are not read.
    text = raw.decode("utf-8", "surrogateescape")
    try:
        end = _LOOSE.raw_decode(text, _start(text))[1]
    except (ValueError, RecursionError):
        return None
    return len(text[:end].encode("utf-8", "surrogateescape"))


def _start(text: str) -> int:
    return len(text) - len(text.lstrip(SPACE))
