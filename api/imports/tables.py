"""The tables a mapping is built of: where a text comes from, how a time looks, what is skipped.

Strict models, so that a misspelt key is an error and not a silently different import. The language
is described for its writers in docs/importing.md; a test holds the two together.
"""

import re
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from api.imports.languages import Language, months_of, weekdays_of
from api.imports.times import compiled_pattern, read_iso
from domain.values import YEAR_MAX, YEAR_MIN, Code

PATTERN_CHARS_MAX: Final = 1_000
COLUMNS_MAX: Final = 1_000
"""Columns of a file, and columns a mapping may name: more is a broken delimiter."""
MAP_ENTRIES_MAX: Final = 20_000
PERSON_GROUPS: Final = ("name", "role", "email", "phone")
"""Named groups that a pattern of a participant's name may have."""

Encoding = Literal[
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows-1252", "iso-8859-1"
]
ColumnName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Cell = Annotated[str, Field(max_length=2_000)]
RuleName = Annotated[
    str, Field(pattern=r"^[^\s\x00-\x1f](?:[^\x00-\x1f]*[^\s\x00-\x1f])?$", max_length=64)
]
Table = Annotated[dict[str, Cell], Field(max_length=MAP_ENTRIES_MAX)]
Side = Literal["administrations", "organisations"]


def _regular_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        msg = f"is not a regular expression: {error.msg}"
        raise ValueError(msg) from None
    return text


def _time_pattern(text: str) -> str:
    compiled_pattern(text, months_of(("en",), {}), weekdays_of(("en",)))
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        msg = "is not a time zone such as Europe/Copenhagen"
        raise ValueError(msg) from None
    return text


def _iso_words(words: dict[str, str]) -> dict[str, str]:
    for iso in words.values():
        read_iso(iso)
    return words


Regex = Annotated[
    str, Field(min_length=1, max_length=PATTERN_CHARS_MAX), AfterValidator(_regular_expression)
]
TimePattern = Annotated[str, Field(min_length=2, max_length=100), AfterValidator(_time_pattern)]


class Part(BaseModel):
    """Base of every table of a mapping: strict, frozen, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def _column_short(given: object) -> object:
    match given:
        case str():
            return {"header": [given]}
        case list():
            return {"header": given}
        case int() if not isinstance(given, bool):
            return {"position": given}
        case {"header": str(single), **rest}:
            return {"header": [single], **rest}
    return given


class Column(Part):
    """Where the cells of one column come from: the header, a position, or the file's own name."""

    header: Annotated[list[Cell], Field(min_length=1)] | None = None
    position: Annotated[int, Field(ge=1, le=COLUMNS_MAX)] | None = None
    file_name: Regex | None = None
    files: Table | None = None
    optional: bool = False
    fill_down: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        of_file = self.file_name is not None or self.files is not None
        if (self.header is not None) + (self.position is not None) + of_file != 1:
            msg = "needs one of header, position, or file_name and/or files"
            raise ValueError(msg)
        return self

    @property
    def of_file(self) -> bool:
        """Whether the value is the same for every row: taken from the file's name."""
        return self.header is None and self.position is None


ColumnTable = Annotated[Column, BeforeValidator(_column_short)]


class Dialect(Part):
    """How the file is written: encodings, delimiter, header, what to do with odd rows."""

    encodings: Annotated[list[Encoding], Field(min_length=1)] = ["utf-8-sig"]
    delimiters: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=1)]], Field(min_length=1)
    ] = [","]
    quote: Annotated[str, Field(max_length=1)] = '"'
    quotes: Literal["strict", "lax"] = "strict"
    skip_lines: Annotated[int, Field(ge=0, le=10_000)] = 0
    header: Annotated[int, Field(ge=0, le=1_000)] = 1
    names: Annotated[list[Cell], Field(max_length=COLUMNS_MAX)] = []
    match: Literal["exact", "casefold"] = "casefold"
    unnamed_columns: Literal["ignore", "refuse"] = "ignore"
    extra_cells: Literal["ignore", "flag", "refuse"] = "ignore"
    short_rows: Literal["pad", "refuse"] = "pad"
    na: list[Cell] = []

    @model_validator(mode="after")
    def _header_or_names(self) -> Self:
        if self.names and self.header:
            msg = "names are for a file without a header: set header = 0"
            raise ValueError(msg)
        if self.quote and self.quote in self.delimiters:
            msg = "quote and delimiter must differ"
            raise ValueError(msg)
        return self


class Identity(Part):
    """What tells one contact from another, and whether several rows are one."""

    columns: Annotated[list[ColumnName], Field(min_length=1)] | None = None
    hash_of: Annotated[list[ColumnName], Field(min_length=1)] | None = None
    hash_row: Literal[True] | None = None
    group: bool = True

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.columns, self.hash_of, self.hash_row)) != 1:
            msg = "needs exactly one of columns, hash_of and hash_row"
            raise ValueError(msg)
        return self


def _take_short(given: object) -> object:
    return {"column": given} if isinstance(given, str) else given


class Source(Part):
    """Where a text comes from: one column, several joined, a template, or the same for all rows."""

    column: ColumnName | None = None
    columns: Annotated[list[ColumnName], Field(min_length=1)] | None = None
    join: Annotated[str, Field(max_length=20)] = " "
    template: Annotated[str, Field(min_length=1, max_length=PATTERN_CHARS_MAX)] | None = None
    constant: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    pattern: Regex | None = None
    map: Table | None = None
    fold: bool = True
    unmapped: Literal["refuse", "flag", "use", "keep"] = "refuse"
    default: Cell | None = None
    empty: Cell | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        ways = (self.column, self.columns, self.template, self.constant)
        if sum(way is not None for way in ways) != 1:
            msg = "needs exactly one of column, columns, template and constant"
            raise ValueError(msg)
        if self.unmapped != "refuse" and self.map is None:
            msg = "unmapped is only for a map"
            raise ValueError(msg)
        if (self.unmapped in ("flag", "use")) != (self.default is not None):
            msg = 'default belongs to unmapped = "flag" or "use", and they need it'
            raise ValueError(msg)
        return self


Several = Literal["first", "last", "refuse", "flag", "collect"]


class Take(Source):
    """One text of a contact; `several` says what happens when rows of a contact differ."""

    several: Several | None = None
    long: Literal["refuse", "cut"] = "refuse"


class CodedTake(Source):
    """One word out of a closed list, such as the medium."""

    several: Literal["first", "last", "refuse", "flag"] = "flag"


class ListTake(Source):
    """Several texts out of a cell; a cell is not split unless the mapping says so."""

    split: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    split_pattern: Regex | None = None
    split_json: Literal[True] | None = None
    all: bool = False
    long: Literal["refuse", "cut"] = "refuse"

    @model_validator(mode="after")
    def _one_splitter(self) -> Self:
        ways = (self.split, self.split_pattern, self.split_json)
        if sum(way is not None for way in ways) > 1:
            msg = "takes one of split, split_pattern and split_json"
            raise ValueError(msg)
        if self.all and self.pattern is None:
            msg = "all is only for a pattern"
            raise ValueError(msg)
        return self


class External(Part):
    """An outside number of the party, in a column of its own (ekstern nøgle)."""

    scheme: Code
    column: ColumnName


class PartyTake(ListTake):
    """The parties of one side of a contact, and what to do with those nobody knows yet."""

    kind: Code
    create: bool = True
    match: Literal["exact", "casefold"] = "exact"
    aliases: Table | None = None
    when_empty: Literal["refuse", "skip", "ignore"] = "refuse"
    external: External | None = None


TakeTable = Annotated[Take, BeforeValidator(_take_short)]
CodedTable = Annotated[CodedTake, BeforeValidator(_take_short)]
ListTable = Annotated[ListTake, BeforeValidator(_take_short)]


class ParticipantTake(Part):
    """Someone a row names (deltager); a row without name and role names nobody."""

    name: ListTable | None = None
    role: TakeTable | None = None
    email: TakeTable | None = None
    phone: TakeTable | None = None
    party: Side | None = None
    spoke_for: Side | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.name is None and self.role is None:
            msg = "needs a name or a role"
            raise ValueError(msg)
        return self


def _one_or_more(given: object) -> object:
    return [given] if isinstance(given, str) else given


ColumnList = Annotated[
    list[ColumnName], Field(min_length=1, max_length=10), BeforeValidator(_one_or_more)
]


class Time(Part):
    """When it took place: columns, patterns tried in order, and what counts as impossible."""

    start: ColumnList
    end: ColumnList | None = None
    pattern: Regex | None = None
    patterns: Annotated[list[TimePattern], Field(min_length=1, max_length=50)]
    year: ColumnName | None = None
    languages: list[Language] = ["en"]
    months: dict[str, Annotated[int, Field(ge=1, le=12)]] = {}
    words: Annotated[dict[str, str], AfterValidator(_iso_words)] = {}
    zone: Annotated[str, AfterValidator(_zone)] | None = None
    not_before: Annotated[int, Field(ge=YEAR_MIN, le=YEAR_MAX)] = 1900
    out_of_bounds: Literal["refuse", "flag"] = "refuse"
    future: Literal["refuse", "flag"] = "refuse"
    when_empty: Literal["refuse", "skip"] = "refuse"
    several: Literal["first", "last", "refuse", "flag", "span"] = "flag"

    @model_validator(mode="after")
    def _clock_needs_a_zone(self) -> Self:
        clock = any("%H" in p and "%z" not in p for p in self.patterns)
        if clock and self.zone is None:
            msg = "a pattern has a time of day without an offset: set zone"
            raise ValueError(msg)
        return self


class Skip(Part):
    """Rows that are no contact, by name; all conditions given must hold."""

    name: RuleName
    column: ColumnName | None = None
    matches: Regex | None = None
    blank: Annotated[list[ColumnName], Field(min_length=1)] | None = None
    repeated_header: Literal[True] | None = None

    @model_validator(mode="after")
    def _a_condition(self) -> Self:
        if self.matches is None and self.blank is None and self.repeated_header is None:
            msg = "needs matches, blank or repeated_header"
            raise ValueError(msg)
        if self.column is not None and self.matches is None:
            msg = "column is for matches"
            raise ValueError(msg)
        return self
