"""Which state of a record is true when (dobbelthistorik): spans of the log and of days.

A record's state at a position of the log and on a day is one row. A step told in the order it
happened ends one span and begins the next; a step told late is put where it belongs, and what
counts from its day on is made anew. So any two times are a condition on rows, never a replay.

There are two chains of spans: everything, and what was final (endelig). In the second a state under
negotiation changes nothing: who may see final records only goes on seeing the last one.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from projections.storage import OPEN, Params, Tx

EVERYTHING: Final = 0
FINAL: Final = 1
LAST_DAY: Final = "9999-12-31"
"""The day that is asked about when none is: every step has happened."""
_NO_END: Final = "~"
"""`to_day` of a span without end; sorts after every day."""

SPANS: Final = """CREATE TABLE record_span_{v} (
    row_position {bigint} NOT NULL,
    row_part {bigint} NOT NULL,
    chain {bigint} NOT NULL,
    from_position {bigint} NOT NULL,
    from_day {text} NOT NULL,
    to_day {text} NOT NULL,
    to_position {bigint} NOT NULL,
    record_id {text} NOT NULL,
    PRIMARY KEY (row_position, row_part, chain, from_position, from_day)
) {clustered}"""
SPANS_BY_RECORD: Final = (
    "CREATE INDEX record_span_of_{v} ON record_span_{v} (record_id, to_position)"
)
VALID: Final = (
    "s.row_position = r.from_position AND s.row_part = r.part AND s.chain = ?"
    " AND s.from_position <= ? AND s.to_position > ? AND s.from_day <= ? AND s.to_day > ?"
)
"""Joins a record's row `r` to the span `s` in which it is true; parameters by `valid_at`."""


class Row(NamedTuple):
    """Names one row of a record: the position of its event, and 0; else which part made beside."""

    position: int
    part: int


class State(NamedTuple):
    """From a day on the record is as this row says; None when there is nothing to say."""

    day: str
    row: Row | None


class _Span(NamedTuple):
    chain: int
    since: int
    from_day: str
    to_day: str
    row: Row


def valid_at(chain: int, at: int, day: str | None) -> tuple[object, ...]:
    """Return the parameters of `VALID`."""
    return (chain, at, at, day or LAST_DAY, day or LAST_DAY)


class Spans:
    """The open spans of the records that one page of facts touches, written once at its end."""

    def __init__(self, tx: Tx, v: str) -> None:
        """Nothing is touched yet."""
        self._tx = tx
        self._v = v
        self._open: dict[str, list[_Span]] = {}
        self._made: list[tuple[str, _Span]] = []
        self._ended: dict[_Span, int] = {}

    def last_day(self, record_id: str) -> str | None:
        """Return the day of the newest thing that happened to a record, None before any."""
        return max(
            (s.from_day for s in self._spans(record_id) if s.chain == EVERYTHING), default=None
        )

    def replace(self, record_id: str, chain: int, position: int, states: Sequence[State]) -> None:
        """From `position` on, and from the first state's day on, the states are these."""
        first = states[0].day
        kept = []
        for span in self._spans(record_id):
            if span.chain != chain or span.to_day <= first:
                kept.append(span)
                continue
            self._ended[span] = position
            if span.from_day < first:
                kept.append(span._replace(since=position, to_day=first))
        ends = [state.day for state in states[1:]] + [_NO_END]
        for (day, row), end in zip(states, ends, strict=True):
            if row is not None:
                kept.append(_Span(chain, position, day, end, row))
        self._made += [(record_id, span) for span in kept if span.since == position]
        self._open[record_id] = kept

    def write(self) -> None:
        """Write what changed."""
        made = dict.fromkeys(self._made)
        new = {span for _, span in made}
        self._tx.many(
            f"UPDATE record_span_{self._v} SET to_position = ? WHERE row_position = ?"
            " AND row_part = ? AND chain = ? AND from_position = ? AND from_day = ?",
            [
                (end, *span.row, span.chain, span.since, span.from_day)
                for span, end in self._ended.items()
                if span not in new
            ],
        )
        self._tx.many(
            f"INSERT INTO record_span_{self._v} VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            list(self._rows(made)),
        )

    def _rows(self, made: Iterable[tuple[str, _Span]]) -> Iterable[Params]:
        for record_id, span in made:
            until = self._ended.get(span, OPEN)
            if until > span.since:
                days = (span.from_day, span.to_day)
                yield (*span.row, span.chain, span.since, *days, until, record_id)

    def _spans(self, record_id: str) -> list[_Span]:
        if record_id not in self._open:
            rows = self._tx.all(
                "SELECT chain, from_position, from_day, to_day, row_position, row_part"
                f" FROM record_span_{self._v} WHERE record_id = ? AND to_position = ?",
                (record_id, OPEN),
            )
            self._open[record_id] = [
                _Span(chain, since, begins, ends, Row(position, part))
                for chain, since, begins, ends, position, part in rows
            ]
        return self._open[record_id]
