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
from api.imports.enquiry_tables import STEP_DAYS, STEP_FIELDS, STEP_PARTIES
from api.imports.mapping import CODED, Json
from api.imports.tables import CodedTake
from domain.enquiries import AnswerKind, Closing, Priority
from domain.errors import Fault, Refused
from domain.imports import MAPPING_CHARS_MAX
from domain.service_targets import EnquiryKind
from domain.values import Channel, Code, Confidentiality, Direction, Occasion, Outcome, PersonalData

CODES_OF: Final = {
    "channel": frozenset(Channel),
    "direction": frozenset(Direction),
    "confidentiality": frozenset(Confidentiality),
    "personal_data": frozenset(PersonalData),
    "occasion": frozenset(Occasion),
    "outcome": frozenset(Outcome),
    "written": frozenset({"yes", "no"}),
    "kind": frozenset(EnquiryKind),
    "priority": frozenset(Priority),
    "answer_kind": frozenset(AnswerKind),
    "closing": frozenset(Closing),
}
"""Words a coded field may take; media are known by the installation, not by us."""
_CODE: Final = TypeAdapter(Code)
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_WITH_COLUMNS: Final = language.Mapping.model_fields.keys() - {"columns", "file", "audience"}
_SHORT: Final = frozenset({*CODED, *language.TEXTS, "name", "role", "email", "phone"})
_MOMENTS: Final = frozenset({"time", *STEP_DAYS})
_STEP_TEXTS: Final = frozenset(field for fields in STEP_FIELDS.values() for field in fields) - {
    *STEP_PARTIES,
    *STEP_DAYS,
}
_STEP_CODES: Final = ("priority", "kind", "answer_kind", "closing")
_COLUMN_LISTS: Final = frozenset({"columns", "hash_of", "blank", "filled", "identity"})
Place = tuple[int | str, ...]


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


def _pointer(place: Place) -> str:
    return "".join(f"/{part}" for part in place if part != "[key]")


def _reference_faults(given: Json) -> Iterator[Fault]:
    """Yield a fault for every column that is used but not named in `[columns]`."""
    columns = given.get("columns")
    named = columns.keys() if isinstance(columns, dict) else ()
    for place, column in _used(given):
        if column not in named:
            why = f"column {column!r} is not in [columns]"
            yield Fault(_pointer(place), "mapping_invalid", {"why": why})


def _used(node: object, place: Place = ()) -> Iterator[tuple[Place, str]]:
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


def _named_by(place: Place, key: str, value: object) -> Iterator[tuple[Place, str]]:
    if place[-2:-1] in (("map",), ("aliases",), ("months",), ("words",)):
        return
    match value:
        case str() if key == "template":
            for column in _PLACEHOLDER.findall(value):
                yield place, column
        case str() if key == "column" or _is_text(place, key) or _is_moment(place, key):
            yield place, value
        case list() if key in _COLUMN_LISTS or _is_moment(place, key):
            for index, column in enumerate(value):
                if isinstance(column, str):
                    yield (*place, index), column


def _is_text(place: Place, key: str) -> bool:
    """Whether a plain string here is the name of a column: the short form of a text."""
    match place[:-1]:
        case ("enquiry",):
            return key in ("kind", "written")
        case ("enquiry", "deadline"):
            return key == "basis"
        case ("enquiry", "steps", _):
            return key in _STEP_TEXTS
        case ("enquiry", "contacts", _):
            return key in _SHORT and key != "name"
    return key in _SHORT and place[0] != "skip"


def _is_moment(place: Place, key: str) -> bool:
    """Whether this names the columns of a time: `[time]` says so by key, others by themselves."""
    if place[0] == "time":
        return place[:-1] == ("time",) and key in ("start", "end", "year")
    if place[0] != "enquiry":
        return False
    return key in _MOMENTS or (key == "start" and place[-2] in _MOMENTS)


def _code_faults(mapping: language.Mapping) -> list[Fault]:
    """Return a fault for every word a coded field could become that is not in its list."""
    faults: list[Fault] = []
    found: list[tuple[Place, str | None]]
    for place, take in _coded(mapping):
        name = str(place[-1])
        found = [((key,), getattr(take, key)) for key in ("constant", "default", "empty")]
        found += [(("map", key), word) for key, word in (take.map or {}).items()]
        for where, word in found:
            if word and not _is_code(name, word):
                why = f"{word!r} is not a word of {name}"
                faults.append(Fault(_pointer((*place, *where)), "mapping_invalid", {"why": why}))
    return faults


def _coded(mapping: language.Mapping) -> Iterator[tuple[Place, CodedTake]]:
    """Yield every field that takes words of a closed list, with its place."""
    tables: list[tuple[Place, object, tuple[str, ...]]] = [((), mapping, CODED)]
    if mapping.enquiry is not None:
        about = mapping.enquiry
        tables.append((("enquiry",), about, ("kind", "written")))
        tables += [(("enquiry", "steps", i), s, _STEP_CODES) for i, s in enumerate(about.steps)]
        tables += [(("enquiry", "contacts", i), c, CODED) for i, c in enumerate(about.contacts)]
    for place, table, names in tables:
        for name in names:
            if (take := getattr(table, name)) is not None:
                yield (*place, name), take


def _is_code(field: str, word: str) -> bool:
    if field in CODES_OF:
        return word in CODES_OF[field]
    try:
        _CODE.validate_python(word)
    except ValidationError:
        return False
    return True
