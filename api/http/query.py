"""Reads query parameters: each declared with its form, unknown and repeated ones refused by name.

A filter that is silently passed over answers another question than the one asked, so nothing is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from api.http.problems import HttpProblem

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 500
"""Rows of one page; more is a longer wait for everybody else on the loop."""
VALUE_CHARS_MAX: Final = 1_000
PARAMETERS_MAX: Final = 100
REPEATS_MAX: Final = 50
POSITION_MAX: Final = 2**63 - 2

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_NUMBER: Final = re.compile(r"0|[1-9]\d{0,18}", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter: how it is read (ValueError tells why not) and how it is described."""

    name: str
    read: Callable[[str], Any]
    schema: Mapping[str, Any]
    description: str
    example: Any = None
    repeated: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one operation."""

    declared: Sequence[Parameter] = ()
    by_name: dict[str, Parameter] = field(init=False)

    def __post_init__(self) -> None:
        """Index the parameters by name."""
        object.__setattr__(self, "by_name", {each.name: each for each in self.declared})

    def read(self, query_string: bytes) -> tuple[Values, dict[str, str | list[str]]]:
        """Return values by name, and the texts as given; 400 with every fault otherwise."""
        values: Values = {}
        given: dict[str, str | list[str]] = {}
        faults: list[tuple[str, str, str]] = []
        for name, text in _pairs(query_string):
            parameter = self.by_name.get(name)
            if parameter is None:
                faults.append(_fault(name, "ukendt parameter"))
            elif name in given and not parameter.repeated:
                faults.append(_fault(name, "givet mere end én gang"))
            else:
                self._take(parameter, text, values, given, faults)
        if faults:
            raise HttpProblem("invalid_input", list(dict.fromkeys(faults)))
        return values, given

    def _take(
        self,
        parameter: Parameter,
        text: str,
        values: Values,
        given: dict[str, Any],
        faults: list[tuple[str, str, str]],
    ) -> None:
        name = parameter.name
        try:
            value = parameter.read(_short(text))
        except (ValueError, OverflowError) as error:
            faults.append(_fault(name, str(error)))
            return
        if parameter.repeated:
            given.setdefault(name, []).append(text)
            values.setdefault(name, []).append(value)
            if len(values[name]) > REPEATS_MAX:
                faults.append(_fault(name, f"højst {REPEATS_MAX} gange"))
        else:
            given[name], values[name] = text, value


def _pairs(query_string: bytes) -> list[tuple[str, str]]:
    if not query_string:
        return []
    try:
        return parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=PARAMETERS_MAX,
        )
    except ValueError:
        raise HttpProblem("invalid_input", [("/query", "invalid_input", "ulæselig")]) from None


def _short(text: str) -> str:
    if len(text) > VALUE_CHARS_MAX:
        raise ValueError("for lang")
    return text


def _fault(name: str, detail: str) -> tuple[str, str, str]:
    return f"/query/{name[:100]}", "invalid_input", detail


# ── how single values are read ───────────────────────────────────────────────────────────────────


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("må ikke være tom")
    if "\x00" in text:
        raise ValueError("må ikke indeholde NUL")
    return text


def _number(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(f"skal være et heltal fra {low} til {high}")
        return int(text)

    return read


def _one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"skal være en af: {', '.join(choices)}")
        return text

    return read


def _day(text: str) -> str:
    if not _DAY.fullmatch(text):
        raise ValueError("skal være en dato, ÅÅÅÅ-MM-DD")
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("skal være en dato, der findes") from None


def moment_microseconds(text: str) -> int:
    """Return an RFC 3339 time with an offset as microseconds since 1970 UTC."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("skal være et tidspunkt med Z eller forskydning (RFC 3339)")
    try:
        since = datetime.fromisoformat(text.upper()) - _EPOCH
    except (ValueError, OverflowError):
        raise ValueError("skal være et tidspunkt, der findes") from None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _day_or_moment(text: str) -> str:
    if _DAY.fullmatch(text):
        return _day(text)
    moment_microseconds(text)
    return text


def _position_or_moment(text: str) -> str:
    if _NUMBER.fullmatch(text):
        _number(0, POSITION_MAX)(text)
        return text
    moment_microseconds(text)
    return text


def _truth(text: str) -> bool:
    return _one_of(("true", "false"))(text) == "true"


_MOMENT_FORM: Final = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$"


def text(name: str, description: str, example: str | None = None, **more: Any) -> Parameter:
    """A free text, not empty."""
    schema = {"type": "string", "minLength": 1, "maxLength": VALUE_CHARS_MAX}
    return Parameter(name, _text, schema, description, example, **more)


def number(
    name: str, description: str, low: int = 0, high: int = POSITION_MAX, **more: Any
) -> Parameter:
    """A whole number within limits."""
    schema = {"type": "integer", "minimum": low, "maximum": high}
    if more.get("default") is not None:
        schema["default"] = more["default"]
    return Parameter(name, _number(low, high), schema, description, **more)


def choice(name: str, description: str, choices: Sequence[str], **more: Any) -> Parameter:
    """One of a closed list."""
    schema = {"type": "string", "enum": list(choices)}
    return Parameter(name, _one_of(choices), schema, description, **more)


def day(name: str, description: str, example: str = "2010-02-22") -> Parameter:
    """A calendar date."""
    return Parameter(name, _day, {"type": "string", "format": "date"}, description, example)


def truth(name: str, description: str) -> Parameter:
    """`true` or `false`."""
    return Parameter(name, _truth, {"type": "boolean", "default": False}, description, None)


def moment(name: str, description: str) -> Parameter:
    """A time with an offset, read as microseconds."""
    schema = {"type": "string", "format": "date-time"}
    return Parameter(name, moment_microseconds, schema, description, "2026-01-01T00:00:00Z")


LIMIT: Final = number(
    "limit", "Rows of one page", 1, LIMIT_MAX, example=LIMIT_DEFAULT, default=LIMIT_DEFAULT
)
CURSOR: Final = text("cursor", "`next` of the page before, unchanged, with the same filters")
AS_OF_RECORDED: Final = Parameter(
    "as_of_recorded",
    _position_or_moment,
    {"type": "string", "pattern": rf"^(0|[1-9]\d{{0,17}})$|{_MOMENT_FORM}"},
    "What the log knew then: a position, or a time with an offset",
    "2026-01-01T00:00:00Z",
)
AS_OF_EFFECTIVE: Final = Parameter(
    "as_of_effective",
    _day_or_moment,
    {"type": "string", "pattern": rf"^\d{{4}}-\d{{2}}-\d{{2}}$|{_MOMENT_FORM}"},
    "What was true on that day: a date, or a time whose day in the municipality is meant",
    "2010-02-22",
)
MIN_POSITION: Final = number(
    "min_position", "Wait until the view has read this far (the position a write answered)"
)
MOMENTS: Final = (AS_OF_RECORDED, AS_OF_EFFECTIVE, MIN_POSITION)
PAGING: Final = (LIMIT, CURSOR)
