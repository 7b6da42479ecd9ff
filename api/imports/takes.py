"""The `Source` tables of a mapping as functions from a row to text; made once for a whole file."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from api.imports.mapping import ListTake, PartyTake, Source

Cells = Sequence[str]
"""One row: the cells of the mapping's columns, trimmed, by their order in `[columns]`."""
Flags = set[str]
Reader = Callable[[Cells, Flags], str]
ListReader = Callable[[Cells, Flags], list[str]]
PARTS_MAX: Final = 500
"""Parts one cell may be split into; more is a wrong splitter."""
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
    steps: list[Callable[[str, Flags], str]] = []
    if source.pattern is not None:
        steps.append(_searched(re.compile(source.pattern)))
    if source.map is not None:
        steps.append(_mapped(source, field))
    empty = source.empty or ""

    def read(cells: Cells, flags: Flags) -> str:
        text = raw(cells)
        for step in steps:
            if text:
                text = step(text, flags)
        return text or empty

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


def _searched(pattern: re.Pattern[str]) -> Callable[[str, Flags], str]:
    def search(text: str, _: Flags) -> str:
        found = pattern.search(text)
        return "" if found is None else (found[1] or "" if pattern.groups else found[0]).strip()

    return search


def _mapped(source: Source, field: str) -> Callable[[str, Flags], str]:
    key = folded if source.fold else str
    table = {key(word): to for word, to in (source.map or {}).items()}
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
    """Compile a source of several texts; each is trimmed, blanks and repeats are left out."""
    read = reader_of(take, order, field)
    split = _splitter(take, field)
    aliases: dict[str, str] = {}
    if isinstance(take, PartyTake):
        aliases = {folded(word): to for word, to in (take.aliases or {}).items()}

    def read_list(cells: Cells, flags: Flags) -> list[str]:
        text = read(cells, flags)
        if not text:
            return []
        parts = [stripped for part in split(text) if (stripped := part.strip())]
        if aliases:
            parts = [aliases.get(folded(part), part) for part in parts]
        if len(parts) > PARTS_MAX:
            raise RowRefused("too_many_parts", field)
        return list(dict.fromkeys(_fitting(p, chars_max, take.long, field, flags) for p in parts))

    return read_list


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
        return lambda text: [part or "" for part in pattern.split(text)]
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
