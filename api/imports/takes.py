"""The `Source` tables of a mapping as functions from a row to text; made once for a whole file."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from api.imports.tables import PERSON_GROUPS, ListTake, PartyTake, Source

Cells = Sequence[str]
"""One row: the cells of the mapping's columns, trimmed, by their order in `[columns]`."""
Flags = set[str]
Reader = Callable[[Cells, Flags], str]
ListReader = Callable[[Cells, Flags], list[str]]
PARTS_MAX: Final = 500
"""Parts one cell may be split into; more is a wrong splitter."""
SEARCHED_CHARS_MAX: Final = 20_000
"""Characters a regular expression is tried on: as many as the longest text of a contact has."""
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


class RowRefused(Exception):
    """This row cannot be used: a code of `REASONS` and the field or column it is about."""

    def __init__(self, code: str, field: str) -> None:
        """Neither holds anything out of the row itself."""
        super().__init__(code)
        self.code = code
        self.field = field


class RowSkipped(Exception):
    """This row is no contact; counted under `name`."""

    def __init__(self, name: str) -> None:
        """`name` stands in the report."""
        super().__init__(name)
        self.name = name


def folded(text: str) -> str:
    """Return a text as maps compare it, and the register of parties: case and blanks aside."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def reader_of(source: Source, order: Mapping[str, int], field: str) -> Reader:
    """Compile a source; `order` gives each column's place in `Cells`."""
    raw = _raw(source, order)
    search = searched(source.pattern, field) if source.pattern is not None else str
    look_up = _mapped(source, field)
    empty = source.empty or ""

    def read(cells: Cells, flags: Flags) -> str:
        text = search(raw(cells))
        return (look_up(text, flags) if text else "") or empty

    return read


def _raw(source: Source, order: Mapping[str, int]) -> Callable[[Cells], str]:
    if source.constant is not None:
        constant = source.constant
        return lambda _: constant
    if source.column is not None:
        place = order[source.column]
        return lambda cells: cells[place]
    if source.columns is not None:
        places, join = [order[name] for name in source.columns], source.join
        return lambda cells: join.join(text for p in places if (text := cells[p]))
    template = source.template or ""
    used = [(name, order[name]) for name in _PLACEHOLDER.findall(template)]

    def filled(cells: Cells) -> str:
        values = {name: cells[place] for name, place in used}
        if used and not any(values.values()):
            return ""
        return _PLACEHOLDER.sub(lambda hole: values[hole[1]], template).strip()

    return filled


def searched(pattern: str, field: str) -> Callable[[str], str]:
    """Return a function that cuts out what a pattern finds first; blank when it finds nothing."""
    compiled = re.compile(pattern)

    def search(text: str) -> str:
        found = compiled.search(searchable(text, field))
        return "" if found is None else _value(found)

    return search


def searchable(text: str, field: str) -> str:
    """Return a text that a pattern may be tried on; a row with a longer one is refused.

    A pattern has no time limit, and what some cost grows with the square of the length, or worse.
    """
    if len(text) > SEARCHED_CHARS_MAX:
        raise RowRefused("too_long_to_search", field)
    return text


def _value(found: re.Match[str]) -> str:
    """Return the group `name` of a match, or the first group, or the whole."""
    if "name" in found.re.groupindex:
        return (found["name"] or "").strip()
    return (found[1] or "" if found.re.groups else found[0]).strip()


def _mapped(source: Source, field: str) -> Callable[[str, Flags], str]:
    if source.map is None:
        return lambda text, _: text
    key = folded if source.fold else str
    table = {key(word): to for word, to in source.map.items()}
    default, unmapped = source.default or "", source.unmapped

    def look_up(text: str, flags: Flags) -> str:
        found = table.get(key(text))
        if found is not None:
            return found
        match unmapped:
            case "refuse":
                raise RowRefused("not_in_map", field)
            case "flag":
                flags.add(f"unmapped_{field}")
                return default
            case "use":
                return default
            case "keep":
                return text

    return look_up


def list_reader_of(
    take: ListTake, order: Mapping[str, int], field: str, chars_max: int
) -> ListReader:
    """Compile a source of several texts; blanks and repeats are left out.

    One order everywhere: the cell is split; of each part, trimmed, the pattern's matches are taken;
    each is looked up in the map, then in the aliases. `empty` stands in when nothing is left.
    """
    values = _matches_of(take, order, field)
    look_up = _mapped(take, field)
    aliases: dict[str, str] = {}
    if isinstance(take, PartyTake):
        aliases = {folded(word): to for word, to in (take.aliases or {}).items()}

    def read_list(cells: Cells, flags: Flags) -> list[str]:
        found = [
            aliases.get(folded(text), text).strip() if aliases else text
            for value, _ in values(cells)
            if value and (text := look_up(value, flags).strip())
        ]
        texts = [text for text in found if text] or ([take.empty] if take.empty else [])
        return list(dict.fromkeys(_fitting(t, chars_max, take.long, field, flags) for t in texts))

    return read_list


def people_reader_of(
    take: ListTake, order: Mapping[str, int], field: str, chars_max: Mapping[str, int]
) -> Callable[[Cells, Flags], list[dict[str, str]]]:
    """Compile a source of persons: like a list of names, but groups of the pattern tell more."""
    values = _matches_of(take, order, field)
    look_up = _mapped(take, field)

    def read_people(cells: Cells, flags: Flags) -> list[dict[str, str]]:
        people = []
        for value, groups in values(cells):
            if name := look_up(value, flags).strip() if value else "":
                people.append({**groups, "name": name})
            elif "role" in groups:
                people.append({"role": groups["role"]})
        if not people and take.empty:
            people = [{"name": take.empty}]
        return [
            {key: _fitting(t, chars_max[key], take.long, field, flags) for key, t in one.items()}
            for one in people
        ]

    return read_people


Matches = Callable[[Cells], list[tuple[str, dict[str, str]]]]
"""Texts of a row, none blank, each with the named groups that are filled."""


def _matches_of(take: ListTake, order: Mapping[str, int], field: str) -> Matches:
    """Compile the splitting and the pattern of a list."""
    raw, split = _raw(take, order), _splitter(take, field)
    compiled = re.compile(take.pattern) if take.pattern is not None else None
    every = take.all

    def matches(cells: Cells) -> list[tuple[str, dict[str, str]]]:
        text = raw(cells)
        parts = [trimmed for part in split(text) if (trimmed := part.strip())] if text else []
        found: list[tuple[str, dict[str, str]]] = []
        for part in parts:
            if compiled is None:
                found.append((part, {}))
                continue
            for match in compiled.finditer(searchable(part, field)):
                found.append((_value(match), _groups(match)))
                if not every:
                    break
        if len(found) > PARTS_MAX:
            raise RowRefused("too_many_parts", field)
        return [(value, groups) for value, groups in found if value or groups]

    return matches


def _groups(found: re.Match[str]) -> dict[str, str]:
    told = ((name, (text or "").strip()) for name, text in found.groupdict().items())
    return {name: text for name, text in told if name in PERSON_GROUPS and text}


def fit(read: Reader, chars_max: int, long: str, field: str) -> Reader:
    """Return a reader whose texts fit the field: longer ones are refused, or cut and flagged."""

    def fitting(cells: Cells, flags: Flags) -> str:
        return _fitting(read(cells, flags), chars_max, long, field, flags)

    return fitting


def _fitting(text: str, chars_max: int, long: str, field: str, flags: Flags) -> str:
    if len(text) <= chars_max:
        return text
    if long == "refuse":
        raise RowRefused("too_long", field)
    flags.add(f"cut_{field}")
    return text[: chars_max - 1].rstrip() + "…"


def _splitter(take: ListTake, field: str) -> Callable[[str], list[str]]:
    if take.split is not None:
        mark = take.split
        return lambda text: text.split(mark)
    if take.split_pattern is not None:
        pattern = re.compile(take.split_pattern)
        return lambda text: [part or "" for part in pattern.split(searchable(text, field))]
    if take.split_json:
        return lambda text: _json_list(text, field)
    return lambda text: [text]


def _json_list(text: str, field: str) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise RowRefused("not_a_list", field) from None
    if not isinstance(found, list) or not all(isinstance(part, str) for part in found):
        raise RowRefused("not_a_list", field)
    return found
