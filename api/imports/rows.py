"""Rows as the mapping sees them: counted, skipped, filled down, and gathered into contacts.

Rows that bear the same identity are one contact wherever in the file they stand. A row that repeats
another exactly says nothing new and is counted, not logged.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import orjson

from api.imports.mapping import Mapping
from api.imports.reading import CELL_CHARS_MAX, Sheet, unreadable
from api.imports.report import Report
from api.imports.tables import Column, Dialect, Skip
from api.imports.takes import SEARCHED_CHARS_MAX
from domain.values import SOURCE_ID_CHARS_MAX

GROUP_ROWS_MAX: Final = 10_000
"""Rows of one contact; more is a wrong identity."""
_JOIN: Final = "|"


class Row(NamedTuple):
    """A row: its number as a spreadsheet shows it, its cells by the mapping's columns, flags."""

    number: int
    cells: list[str]
    flags: tuple[str, ...] = ()


@dataclass(slots=True)
class Group:
    """The rows of one contact; `repeats` has the numbers of a row's exact repeats, by its own."""

    identity: str
    rows: list[Row] = field(default_factory=list)
    repeats: dict[int, list[int]] = field(default_factory=dict)
    seen: dict[bytes, int] = field(default_factory=dict)

    def numbers(self, row: Row) -> list[int]:
        """Return the number of a row and of every exact repeat of it."""
        return [row.number, *self.repeats.get(row.number, ())]

    def marks(self) -> dict[int, str]:
        """Return by its number what tells each row from the group's others: a hash of all cells."""
        return {number: mark.hex() for mark, number in self.seen.items()}


def gather(sheet: Sheet, mapping: Mapping, file_name: str, report: Report) -> list[Group]:
    """Return the contacts' rows in order of their first; what is left out stands in the report."""
    groups: dict[str, Group] = {}
    order = {name: place for place, name in enumerate(mapping.columns)}
    identify = _identifier(mapping, order)
    for row, raw in _usable(sheet, mapping, file_name, report):
        identity = identify(row, raw)
        if not identity:
            report.refuse(row.number, "identity_missing", "identity")
            continue
        _add(groups.setdefault(identity, Group(identity)), row, raw, mapping, report)
    return list(groups.values())


def _add(group: Group, row: Row, raw: Sequence[str], mapping: Mapping, report: Report) -> None:
    mark = hashlib.sha256(orjson.dumps(raw)).digest()[:16]
    if mark in group.seen:
        report.exact_repeats += 1
        group.repeats.setdefault(group.seen[mark], []).append(row.number)
        return
    if group.rows and not mapping.identity.group:
        report.refuse(row.number, "identity_repeated", "identity")
        return
    if len(group.rows) >= GROUP_ROWS_MAX:
        report.refuse(row.number, "too_many_rows_in_one_contact", "identity")
        return
    group.seen[mark] = row.number
    group.rows.append(row)


def _usable(
    sheet: Sheet, mapping: Mapping, file_name: str, report: Report
) -> Iterator[tuple[Row, list[str]]]:
    """Yield rows that are meant to be contacts, with their raw cells."""
    clean = _Cleaner(sheet, mapping, file_name)
    skips = [_Skipper(skip, mapping, sheet) for skip in mapping.skip]
    for number, raw in enumerate(sheet.rows, sheet.first_row):
        report.rows_read += 1
        if not any(map(str.strip, raw)):
            report.rows_blank += 1
            continue
        cells = clean.cells(raw)
        if skip := next((s.name for s in skips if s.fits(cells, raw)), None):
            report.skipped[skip] += 1
            continue
        if why := clean.fault(raw):
            report.refuse(number, why, "row")
            continue
        clean.fill_down(cells)
        yield Row(number, cells, clean.flags(raw)), raw


class _Cleaner:
    """Turns raw cells into the mapping's columns: trimmed, `na` blank, filled down."""

    def __init__(self, sheet: Sheet, mapping: Mapping, file_name: str) -> None:
        self._dialect: Dialect = mapping.file
        self._na = frozenset(mapping.file.na)
        self._width = len(sheet.header) or max(map(len, sheet.rows), default=0)
        self._needed = max(sheet.places.values(), default=-1) + 1
        constants = {
            name: value_of_file(name, column, file_name)
            for name, column in mapping.columns.items()
            if column.of_file
        }
        self._plan = [(sheet.places.get(name), constants.get(name, "")) for name in mapping.columns]
        self._down = [i for i, c in enumerate(mapping.columns.values()) if c.fill_down]
        self._above = dict.fromkeys(self._down, "")

    def cells(self, raw: Sequence[str]) -> list[str]:
        size, na = len(raw), self._na
        out = []
        for place, constant in self._plan:
            if place is None:
                out.append(constant)
            else:
                text = raw[place].strip() if place < size else ""
                out.append("" if text in na else text)
        return out

    def fill_down(self, cells: list[str]) -> None:
        for place in self._down:
            if cells[place]:
                self._above[place] = cells[place]
            else:
                cells[place] = self._above[place]

    def fault(self, raw: Sequence[str]) -> str | None:
        if any(len(cell) > CELL_CHARS_MAX for cell in raw):
            return "cell_too_long"
        if self._dialect.short_rows == "refuse" and len(raw) < self._needed:
            return "row_short"
        if self._dialect.extra_cells == "refuse" and self._extra(raw):
            return "row_long"
        return None

    def flags(self, raw: Sequence[str]) -> tuple[str, ...]:
        return ("extra_cells",) if self._dialect.extra_cells == "flag" and self._extra(raw) else ()

    def _extra(self, raw: Sequence[str]) -> bool:
        return any(cell.strip() for cell in raw[self._width :])


def value_of_file(name: str, column: Column, file_name: str) -> str:
    """Return what the file's name says for a column; raises Refused when it says nothing."""
    if column.files and file_name in column.files:
        return column.files[file_name]
    if column.file_name is not None and (found := re.search(column.file_name, file_name)):
        text = found[1] if found.re.groups else found[0]
        if text:
            return text.strip()
    if column.optional:
        return ""
    raise unreadable("file_name_unmatched", column=name)


class _Skipper:
    """One `[[skip]]` rule; looks at cells as they stand, before anything is filled down."""

    def __init__(self, skip: Skip, mapping: Mapping, sheet: Sheet) -> None:
        order = {name: place for place, name in enumerate(mapping.columns)}
        self.name = skip.name
        self._pattern = re.compile(skip.matches) if skip.matches is not None else None
        self._column = order[skip.column] if skip.column is not None else None
        self._blank = [order[name] for name in skip.blank or ()]
        self._header = [c.strip() for c in sheet.header] if skip.repeated_header else None

    def fits(self, cells: Sequence[str], raw: Sequence[str]) -> bool:
        if any(cells[place] for place in self._blank):
            return False
        if self._header is not None and [c.strip() for c in raw] != self._header:
            return False
        if self._pattern is None:
            return True
        where = [cells[self._column]] if self._column is not None else [c.strip() for c in raw]
        return any(self._pattern.search(text[:SEARCHED_CHARS_MAX]) for text in where if text)


def _identifier(mapping: Mapping, order: dict[str, int]) -> Callable[[Row, Sequence[str]], str]:
    rule = mapping.identity
    if rule.hash_row:
        return lambda _, raw: _digest([cell.strip() for cell in raw])
    places = [order[name] for name in (rule.columns or rule.hash_of or ())]
    if rule.hash_of is not None:
        return lambda row, _: _digest(parts) if any(parts := [row.cells[p] for p in places]) else ""

    def named(row: Row, _: Sequence[str]) -> str:
        parts = [row.cells[place] for place in places]
        if not all(parts):
            return ""
        text = _JOIN.join(parts)
        clear = len(parts) == 1 or not any(_JOIN in part for part in parts)
        return text if clear and len(text) <= SOURCE_ID_CHARS_MAX else _digest(parts)

    return named


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:40]
