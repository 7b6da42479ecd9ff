"""Questions to the registers: one record, its history, and lists of records (protokoller).

Every answer is true for one position, and holds only what the asker's sight allows. People outside
(organisations, councillors) are given what the register's allow-list names, in every answer.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domain.access import Sight
from projections.contact_rows import LEVELS
from projections.finality import NEGOTIATED, levels_seen
from projections.naming import placeholders
from projections.register_days import EVERYTHING, FINAL, LAST_DAY, VALID, valid_at
from projections.register_rows import PARTY
from projections.storage import OPEN, Reader

Key = tuple[str, int]
"""Day and number: where a page ends."""


class Item(NamedTuple):
    """One record as ready JSON, with its version and position."""

    body: bytes
    version: int
    position: int


class Page(NamedTuple):
    """Some records as ready JSON; `next` continues after them."""

    items: list[bytes]
    next: Key | None


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """What is asked of a list: values by kind of term (any of them), days, order, and the page."""

    terms: Mapping[str, Collection[str]] = field(default_factory=dict)
    day_from: str | None = None
    day_to: str | None = None
    oldest_first: bool = False
    limit: int = 50
    after: Key | None = None


def _without_digit(group: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the two ranges of texts that begin with `group` and go on with no digit."""
    return (group, f"{group}0"), (f"{group}:", f"{group}\U0010ffff")


class _Where:
    """Conditions on a row of records `r` in its span `s`, and their parameters."""

    def __init__(self, v: str, at: int, day: str | None, sight: Sight) -> None:
        self._v = v
        self.tables = f"record_{v} r JOIN record_span_{v} s ON {VALID}"
        self._valid = valid_at(chain_of(sight), at, day)
        self.sql: list[str] = []
        self._params: list[Any] = []
        levels = sorted({LEVELS[level] for level in levels_seen(sight)})
        self.add(f"r.level IN ({placeholders(len(levels))})", *levels)
        if sight.parties is not None:
            self.term(PARTY, sight.parties)
        if sight.kle is not None:
            self.under("kle", sight.kle)

    @property
    def params(self) -> tuple[Any, ...]:
        """Those of the span, then those of the conditions."""
        return (*self._valid, *self._params)

    def add(self, sql: str, *params: object) -> None:
        self.sql.append(sql)
        self._params += params

    def term(self, kind: str, values: Collection[str]) -> None:
        wanted = sorted(values)
        marks = placeholders(len(wanted)) if wanted else "NULL"
        self.add(
            "(r.from_position, r.part) IN"
            f" (SELECT t.from_position, t.part FROM record_term_{self._v} t"
            f" WHERE t.kind = ? AND t.value IN ({marks}))",
            kind,
            *wanted,
        )

    def under(self, kind: str, groups: Collection[str]) -> None:
        """Demand a number at or under one of the groups: no digit follows (`domain.access`)."""
        spans = [span for group in groups for span in _without_digit(group)]
        parts = " OR ".join("t.value >= ? AND t.value < ?" for _ in spans) or "1=0"
        self.add(
            "(r.from_position, r.part) IN"
            f" (SELECT t.from_position, t.part FROM record_term_{self._v} t"
            f" WHERE t.kind = ? AND ({parts}))",
            kind,
            *(bound for span in spans for bound in span),
        )

    def text(self) -> str:
        return " AND ".join(self.sql)


def listing(
    reader: Reader, v: str, at: int, day: str | None, sight: Sight, query: RecordQuery
) -> Page:
    """Return one page of records, by their day, latest first unless asked otherwise."""
    where = _Where(v, at, day, sight)
    for kind, values in query.terms.items():
        where.term(kind, values)
    if query.day_from is not None:
        where.add("r.day >= ?", query.day_from)
    if query.day_to is not None:
        where.add("r.day <= ?", query.day_to)
    way, order = (">", "ASC") if query.oldest_first else ("<", "DESC")
    if query.after is not None:
        last, number = query.after
        where.add(f"(r.day {way} ? OR (r.day = ? AND r.number {way} ?))", last, last, number)
    rows = reader.all(
        f"SELECT r.day, r.number, r.{_body(sight)} FROM {where.tables} WHERE {where.text()}"
        f" ORDER BY r.day {order}, r.number {order} LIMIT ?",
        (*where.params, query.limit + 1),
    )
    shown = rows[: query.limit]
    more = (str(shown[-1][0]), int(shown[-1][1])) if len(rows) > query.limit else None
    return Page([row[2] for row in shown], more)


def one(
    reader: Reader, v: str, at: int, day: str | None, sight: Sight, record_id: str
) -> Item | None:
    """Return one record, None when there is none that the asker may know of."""
    where = _Where(v, at, day, sight)
    where.add("r.record_id = ?", record_id)
    row = reader.one(
        f"SELECT r.{_body(sight)}, r.version, r.from_position FROM {where.tables}"
        f" WHERE {where.text()}",
        where.params,
    )
    return None if row is None else Item(*row)


def history(
    reader: Reader, v: str, at: int, day: str | None, sight: Sight, record_id: str
) -> list[bytes] | None:
    """Return every step of a record the asker may know of, each as it was then, oldest first.

    As of a day, those that had happened by then.
    Steps from a time when the record was more confidential than the asker may see are left out.
    """
    if one(reader, v, at, day, sight, record_id) is None:
        return None
    levels = sorted(LEVELS[level] for level in levels_seen(sight))
    seen = f"r.level IN ({placeholders(len(levels))})"
    rows = reader.all(
        f"SELECT r.{'step' if sight.assessment else 'step_outside'} FROM record_{v} r"
        " WHERE r.record_id = ? AND r.part = 0 AND r.from_position <= ? AND r.happened <= ?"
        f" AND {seen} ORDER BY r.from_position",
        (record_id, at, day or LAST_DAY, *levels),
    )
    return [row[0] for row in rows]


def chain_of(sight: Sight) -> int:
    """Return the chain of spans an asker sees: everything, or the last final state of each."""
    return EVERYTHING if NEGOTIATED in levels_seen(sight) else FINAL


def _body(sight: Sight) -> str:
    return "body" if sight.assessment else "body_outside"


def fallen_due(reader: Reader, v: str, today: str, limit: int) -> list[str]:
    """Return ids of records whose due day has passed by `today`, the longest overdue first.

    For policies, which see everything: no sight is asked.
    """
    rows = reader.all(
        f"SELECT record_id FROM record_{v} WHERE to_position = ? AND due < ?"
        " ORDER BY due, number LIMIT ?",
        (OPEN, today, limit),
    )
    return [str(row[0]) for row in rows]
