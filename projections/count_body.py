"""Rows of a report as JSON bytes (optællingens rækker), with the names that their terms stand for.

Beside projections/counts.py, which counts; here nothing is known of how.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, reduce
from operator import add
from typing import Any, Final

import orjson

from projections.count_shapes import BROADCAST, MEDIUM_TERM
from projections.naming import names, placeholders, portions
from projections.parties import in_order
from projections.storage import Reader

PARTY_DIMENSIONS: Final = ("administration", "organisation")
TERM_DIMENSIONS: Final = frozenset({*PARTY_DIMENSIONS, "medium"})
"""Dimensions whose values rows hold as terms."""
PARTIES_REMEMBERED_MAX: Final = 4_096
"""Parties kept as they are written in rows."""
LAST: Final = "\U0010ffff"
"""Sorts after every other text."""

Counted = tuple[Any, ...]
"""A row before it is written: the values of `by`, then the count."""


class Shown:
    """Writes rows as JSON and puts them in order: parties by name, null last.

    Works column by column, mapping each of the few values once: a report has thousands of rows.
    """

    def __init__(
        self,
        reader: Reader,
        v: str,
        at: int,
        day: str | None,
        by: Sequence[str],
        rows: Sequence[Counted],
    ) -> None:
        """`rows` have terms where `TERM_DIMENSIONS` are asked for."""
        self._rows = rows
        self._columns = list(zip(*rows, strict=True)) if rows else [()] * (len(by) + 1)
        values = [set(column) for column in self._columns[:-1]]
        words = _words(
            reader,
            v,
            [x for n, some in zip(by, values, strict=True) if n in TERM_DIMENSIONS for x in some],
        )
        called = names(reader, v, at, day, words.values())
        self._members = [
            {value: _member(name, meant.get(value, value), called) for value in some}
            for name, some in zip(by, values, strict=True)
            for meant in (words if name in TERM_DIMENSIONS else {},)
        ]

    def page(self, sort: str, limit: int) -> list[bytes]:
        """Return the first `limit` rows as JSON objects: their values, then `contacts`."""
        ranks, counts = self._ranks(), self._columns[-1]
        order: Sequence[int]
        if sort == "-count":
            order = sorted(range(len(ranks)), key=lambda place: (-counts[place], ranks[place]))
        else:
            order = sorted(range(len(ranks)), key=ranks.__getitem__)
        written = [
            map({value: member[1] for value, member in members.items()}.__getitem__, column)
            for members, column in zip(self._members, self._columns[:-1], strict=True)
        ]
        ends = {count: b'"contacts":%d}' % count for count in set(counts)}
        lines = list(map(b"".join, zip(*written, map(ends.__getitem__, counts), strict=True)))
        return [b"{" + lines[place] for place in order[:limit]]

    def _ranks(self) -> list[int]:
        """Return where each row stands when sorted by its values, as one number each."""
        weight, ranked = 1, []
        for members, column in reversed([*zip(self._members, self._columns[:-1], strict=True)]):
            ordered = sorted(members, key=lambda value, of=members: of[value][0])  # type: ignore[misc]
            rank = {value: place * weight for place, value in enumerate(ordered)}
            weight *= len(rank)
            ranked.append(map(rank.__getitem__, column))
        return (
            list(reduce(lambda a, b: map(add, a, b), ranked)) if ranked else [0] * len(self._rows)
        )


def _words(reader: Reader, v: str, terms: Iterable[Any]) -> dict[int, str]:
    """Return what terms stand for: ids of parties, media; broadcast stands for nothing."""
    found: dict[int, str] = {}
    for some in portions(terms):
        sql = f"SELECT term, word FROM count_terms_{v} WHERE term IN ({placeholders(len(some))})"
        found.update(reader.all(sql, some))
    return found


def _member(name: str, value: Any, called: Mapping[str, str]) -> tuple[str, bytes]:  # noqa: ANN401
    """Return how a value sorts, and its member of a row; `value` is no term any more."""
    if name in PARTY_DIMENSIONS:
        return _party(name, value, called.get(value, "")) if value != BROADCAST else _nothing(name)
    if value is None:
        return _nothing(name)
    plain = value.removeprefix(MEDIUM_TERM) if name == "medium" else value
    return str(plain), b'"%b":%b,' % (name.encode(), orjson.dumps(plain))


def _nothing(name: str) -> tuple[str, bytes]:
    return LAST, b'"%b":null,' % name.encode()


@lru_cache(maxsize=PARTIES_REMEMBERED_MAX)
def _party(name: str, party: str, called: str) -> tuple[str, bytes]:
    shown = orjson.dumps({"id": party, "name": called})
    return f"{in_order(called)}\n{party}", b'"%b":%b,' % (name.encode(), shown)
