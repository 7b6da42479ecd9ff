"""A mapping file read and checked: every fault at once, each with its place.

The models see to the shape; here the cross-references are checked, so that a column name misspelt
in one corner is found before the first row is read.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from api.imports import mapping as language
from api.imports.mapping import CODED, Json
from domain.errors import Fault, Refused
from domain.imports import MAPPING_CHARS_MAX
from domain.values import Channel, Code, Confidentiality, Direction, Occasion, Outcome, PersonalData

CODES_OF: Final = {
    "channel": frozenset(Channel),
    "direction": frozenset(Direction),
    "confidentiality": frozenset(Confidentiality),
    "personal_data": frozenset(PersonalData),
    "occasion": frozenset(Occasion),
    "outcome": frozenset(Outcome),
}
"""Words a coded field may take; media are known by the installation, not by us."""
_CODE: Final = TypeAdapter(Code)
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_WITH_COLUMNS: Final = language.Mapping.model_fields.keys() - {"columns", "file", "audience"}
_SHORT: Final = frozenset({*CODED, *language.TEXTS, "name", "role", "email", "phone"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """A mapping ready for use, with the text it was written in and its hash, for the log."""

    mapping: language.Mapping
    text: str
    sha256: str


def load_file(path: Path) -> Loaded:
    """Read a mapping file; raises Refused("mapping_invalid") with every fault."""
    try:
        raw = path.read_bytes()
    except OSError:
        raise _invalid([Fault("", "mapping_invalid", {"why": "cannot be read"})]) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _invalid([Fault("", "mapping_invalid", {"why": "is not UTF-8"})]) from None
    return load(text)


def load(text: str) -> Loaded:
    """Check a mapping; raises Refused("mapping_invalid") whose faults point into the mapping."""
    if len(text) > MAPPING_CHARS_MAX:
        why = f"is longer than {MAPPING_CHARS_MAX} characters"
        raise _invalid([Fault("", "mapping_invalid", {"why": why})])
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid([Fault("", "mapping_invalid", {"why": f"is not TOML: {error}"})]) from None
    faults = list(_reference_faults(given))
    try:
        mapping = language.Mapping.model_validate_json(json.dumps(given, default=str))
    except ValidationError as error:
        faults = [_fault(found) for found in error.errors(include_url=False)] + faults
        raise _invalid(faults) from None
    faults += _code_faults(mapping)
    if faults:
        raise _invalid(faults)
    return Loaded(mapping, text, hashlib.sha256(text.encode()).hexdigest())


def _invalid(faults: list[Fault]) -> Refused:
    return Refused("mapping_invalid", faults)


def _fault(found: Mapping[str, Any]) -> Fault:
    message = str(found["msg"]).removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        message = "is not a key of this table"
    return Fault(_pointer(found["loc"]), "mapping_invalid", {"why": message})


def _pointer(place: tuple[int | str, ...]) -> str:
    return "".join(f"/{part}" for part in place if part != "[key]")


def _reference_faults(given: Json) -> Iterator[Fault]:
    """Yield a fault for every column that is used but not named in `[columns]`."""
    columns = given.get("columns")
    named = columns.keys() if isinstance(columns, dict) else ()
    for place, column in _used(given):
        if column not in named:
            why = f"column {column!r} is not in [columns]"
            yield Fault(_pointer(place), "mapping_invalid", {"why": why})


def _used(
    node: object, place: tuple[int | str, ...] = ()
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Yield every use of a column in the raw mapping, with its place."""
    match node:
        case dict():
            for key, value in node.items():
                if place == () and key not in _WITH_COLUMNS:
                    continue
                here = (*place, key)
                yield from _named_by(here, key, value)
                yield from _used(value, here)
        case list():
            for index, value in enumerate(node):
                here = (*place, index)
                if isinstance(value, str) and place and place[-1] in language.LISTS:
                    yield here, value
                yield from _used(value, here)


def _named_by(
    place: tuple[int | str, ...], key: str, value: object
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    if place[-2:-1] in (("map",), ("aliases",), ("months",), ("words",)):
        return
    many = key in ("columns", "hash_of", "blank") or place[:-1] == ("time",)
    match value:
        case str() if key == "template":
            for column in _PLACEHOLDER.findall(value):
                yield place, column
        case str() if key == "column" or (key in _SHORT and place[0] != "skip"):
            yield place, value
        case str() if place[:-1] == ("time",) and key in ("start", "end", "year"):
            yield place, value
        case list() if many and key not in ("patterns", "languages"):
            for index, column in enumerate(value):
                if isinstance(column, str):
                    yield (*place, index), column


def _code_faults(mapping: language.Mapping) -> list[Fault]:
    """Return a fault for every word a coded field could become that is not in its list."""
    faults: list[Fault] = []
    found: list[tuple[tuple[str, ...], str | None]]
    for name in CODED:
        take = getattr(mapping, name)
        if take is None:
            continue
        found = [((key,), getattr(take, key)) for key in ("constant", "default", "empty")]
        found += [(("map", key), word) for key, word in (take.map or {}).items()]
        for place, word in found:
            if word and not _is_code(name, word):
                why = f"{word!r} is not a word of {name}"
                faults.append(Fault(_pointer((name, *place)), "mapping_invalid", {"why": why}))
    return faults


def _is_code(field: str, word: str) -> bool:
    if field in CODES_OF:
        return word in CODES_OF[field]
    try:
        _CODE.validate_python(word)
    except ValidationError:
        return False
    return True
