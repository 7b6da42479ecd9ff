"""Reads request bodies: bytes once, strictly, straight into the command's model.

JSON has corners where two readers differ (repeated names, NaN, lone surrogates, a BOM). A log of
evidence takes none of them: what one reader would take for another fact is refused with 400.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from api.http.problems import HttpProblem

DEPTH_MAX: Final = 32
"""Nesting of a body; a contact needs four."""
JSON_TYPES: Final = frozenset({b"application/json"})
_DETAILS: Final = {
    "missing": "mangler",
    "extra_forbidden": "ukendt felt",
    "string_type": "skal være tekst",
    "string_too_short": "for kort",
    "string_too_long": "for lang",
    "string_pattern_mismatch": "har ikke den rette form",
    "too_short": "for få",
    "too_long": "for mange",
    "enum": "er ikke en af de tilladte værdier",
    "literal_error": "er ikke en af de tilladte værdier",
    "int_type": "skal være et heltal",
    "bool_type": "skal være true eller false",
    "model_type": "skal være et objekt",
    "model_attributes_type": "skal være et objekt",
    "tuple_type": "skal være en liste",
    "list_type": "skal være en liste",
    "greater_than_equal": "for lille",
    "less_than_equal": "for stort",
}
"""Danish for the commonest faults; the rest keep the validator's own English words."""

Model = TypeVar("Model", bound=BaseModel)


class _Repeated(ValueError):
    """A JSON object names the same member twice."""


async def read(
    request: Request, headers: Mapping[bytes, bytes], limit: int, seconds: float
) -> bytes:
    """Return the body, at most `limit` bytes, within `seconds`; 413, 415 or 408 otherwise."""
    _require_json(headers)
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise HttpProblem("body_too_large", limit=limit)
    try:
        async with asyncio.timeout(seconds):
            body = await _whole(request, limit)
    except TimeoutError:
        raise HttpProblem("request_timeout") from None
    request.scope["state"]["body_bytes"] = len(body)
    return body


async def _whole(request: Request, limit: int) -> bytes:
    """Return all that comes; the deadline above counts from the first byte we wait for."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise HttpProblem("request_timeout")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > limit:
            raise HttpProblem("body_too_large", limit=limit)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _require_json(headers: Mapping[bytes, bytes]) -> None:
    kind, _, parameters = headers.get(b"content-type", b"").partition(b";")
    charset = parameters.strip().lower().replace(b'"', b"")
    if (
        kind.strip().lower() not in JSON_TYPES
        or charset not in {b"", b"charset=utf-8"}
        or headers.get(b"content-encoding", b"identity") != b"identity"
    ):
        raise HttpProblem("unsupported_media_type")


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _Repeated("a member is named twice")
    return members


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def parsed(raw: bytes) -> Any:
    """Return the JSON value of `raw`; 400 for anything two readers could take differently."""
    try:
        value = _DECODER.decode(raw.decode())
    except _Repeated:
        raise _malformed("et navn står to gange i samme objekt") from None
    except RecursionError:
        raise _malformed("for mange niveauer") from None
    except ValueError:
        raise _malformed("ikke gyldig JSON i UTF-8") from None
    if raw.count(b"[") + raw.count(b"{") > DEPTH_MAX and _deeper_than(value, DEPTH_MAX):
        raise _malformed("for mange niveauer")
    return value


def _deeper_than(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        return levels == 0 or any(_deeper_than(v, levels - 1) for v in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_deeper_than(v, levels - 1) for v in value)
    return False


def _malformed(detail: str) -> HttpProblem:
    return HttpProblem("malformed_json", [("", "malformed_json", detail)])


def command(model: type[Model], raw: bytes) -> Model:
    """Return the body as its model; 400 with every fault otherwise."""
    if not isinstance(parsed(raw), dict):
        raise HttpProblem("invalid_input", [("", "invalid_input", "skal være et objekt")])
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise HttpProblem("invalid_input", faults_of(error)) from None


def faults_of(error: ValidationError, at: str = "") -> list[tuple[str, str, str]]:
    """Return every fault of a validation as (pointer, code, detail); never what was sent."""
    faults = []
    for each in error.errors(include_url=False, include_input=False, include_context=True):
        if each["type"] == "json_invalid":
            return [(at, "malformed_json", "ikke gyldig JSON i UTF-8")]
        code = "too_large" if each["type"] in {"string_too_long", "too_long"} else "invalid_input"
        faults.append((at + _pointer(each["loc"]), code, _detail(each["type"], each)))
    return faults


def _pointer(loc: Iterable[int | str]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in loc)


def _detail(kind: str, each: Any) -> str:
    limits = {
        name: each["ctx"][name]
        for name in ("min_length", "max_length", "ge", "le", "expected")
        if name in each.get("ctx", {})
    }
    words = _DETAILS.get(kind)
    if words is None:
        return str(each["msg"]).removeprefix("Value error, ")
    return words + "".join(f" ({name}: {value})" for name, value in limits.items())
