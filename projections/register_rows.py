"""How records lie in tables: one view for each register, all of the same shape.

One row per event of a record: the record after it as ready bytes, whole and as people outside may
see it, and the step of its history in the same two forms. Beside it stand terms, by which records
are found, and spans, which say when a row is what is true (register_days.py). Whatever a concept
adds, this file stays as it is (domain/registers.py is the table).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import orjson

from domain.log.codec import Fact
from domain.records import Record
from domain.registers import REGISTERS, Register
from domain.registry import EVENTS, Json
from domain.values import Value
from projections import register_days
from projections.contact_rows import LEVELS
from projections.finality import NEGOTIATED
from projections.record_bodies import HEAD, Newest, bodies, day_of, level_of, steps, told
from projections.register_days import EVERYTHING, FINAL, Row, Spans, State
from projections.storage import OPEN, Tx

PARTY: Final = "party"
"""The kind of term that every register has: a party the record concerns."""

_RECORD: Final = """CREATE TABLE record_{v} (
    from_position {bigint} NOT NULL,
    part {bigint} NOT NULL,
    to_position {bigint} NOT NULL,
    number {bigint} NOT NULL,
    version {bigint} NOT NULL,
    level {bigint} NOT NULL,
    recorded_at {bigint} NOT NULL,
    record_id {text} NOT NULL,
    day {text} NOT NULL,
    happened {text} NOT NULL,
    due {text},
    body {blob} NOT NULL,
    body_outside {blob} NOT NULL,
    step {blob} NOT NULL,
    step_outside {blob} NOT NULL,
    event {blob} NOT NULL,
    PRIMARY KEY (from_position, part)
)"""
_TERM: Final = """CREATE TABLE record_term_{v} (
    kind {text} NOT NULL,
    value {text} NOT NULL,
    happened {text} NOT NULL,
    from_position {bigint} NOT NULL,
    part {bigint} NOT NULL,
    PRIMARY KEY (kind, value, happened, from_position, part)
) {clustered}"""
_BY_ID: Final = "CREATE INDEX record_id_{v} ON record_{v} (record_id, from_position)"
_BY_DAY: Final = "CREATE INDEX record_day_{v} ON record_{v} (day, number)"
_BY_DUE: Final = "CREATE INDEX record_due_{v} ON record_{v} (to_position, due)"
_COLUMNS: Final = 16


class _Now(NamedTuple):
    """A record by now: since which position, and when it was opened."""

    record: Record
    since: int
    number: int
    recorded_at: int


class _Step(NamedTuple):
    """One event of a record as its view keeps it: from which day it counts, and what it says."""

    day: str
    newest: Newest
    event: Value


class RegisterView:
    """The view of one register."""

    version: Final = 2

    def __init__(self, register: Register) -> None:
        """Follow the events of one register."""
        self.register = register
        self.name = register.name
        self.types = register.events

    def tables(self) -> tuple[str, ...]:
        """Return records, terms, spans, and the indexes by which `apply` finds a record."""
        spans = (register_days.SPANS, register_days.SPANS_BY_RECORD)
        return (_RECORD, _TERM, *spans, _BY_ID)

    def indexes(self) -> tuple[str, ...]:
        """Return the indexes of the order that lists have, and of what falls due."""
        return (_BY_DAY, _BY_DUE)

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Write each fact as its record's next version and close the one before."""
        page = _Page(self.register, tx, v)
        for fact in facts:
            page.add(fact)
        page.write()


class _Page:
    """What one page of facts changes, gathered so that each table is written once."""

    def __init__(self, register: Register, tx: Tx, v: str) -> None:
        self._register = register
        self._tx = tx
        self._v = v
        self._current: dict[str, _Now] = {}
        self._rows: dict[Row, list[object]] = {}
        self._terms: list[tuple[str, str, str, int, int]] = []
        self._ends: list[tuple[int, int]] = []
        self._steps: dict[str, list[_Step]] = {}
        self._spans = Spans(tx, v)

    def add(self, fact: Fact) -> None:
        record_id = str(fact.data[self._register.id_field])
        before = self._current.get(record_id) or self._find(record_id)
        if before is not None:
            self._end(before.since, fact.position)
        old = before.record if before else None
        step = self._step(old, fact)
        record = self._register.evolve(old, step.event)
        number = before.number if before else fact.position
        recorded_at = before.recorded_at if before else fact.recorded_at
        now = _Now(record, fact.position, number, recorded_at)
        self._current[record_id] = now
        self._steps.setdefault(record_id, []).append(step)
        history = steps(self._register, told(old), told(record), fact)
        row = Row(fact.position, 0)
        self._write_row(row, now, step.newest, day_of(fact), (*history, _stored(fact, step.day)))
        self._place(now, step)

    def write(self) -> None:
        v, tx = self._v, self._tx
        tx.many(
            f"UPDATE record_{v} SET to_position = ? WHERE from_position = ? AND part = 0",
            self._ends,
        )
        marks = ", ".join("?" * _COLUMNS)
        tx.many(f"INSERT INTO record_{v} VALUES ({marks})", list(self._rows.values()))
        tx.many(f"INSERT INTO record_term_{v} VALUES (?, ?, ?, ?, ?)", sorted(set(self._terms)))
        self._spans.write()

    def _step(self, before: Record | None, fact: Fact) -> _Step:
        event = _event(fact.type, fact.data)
        happened = day_of(fact)
        day = min(happened, self._register.effect(before, event) or happened)
        return _Step(day, Newest(fact.position, fact.recorded_at), event)

    def _write_row(
        self, row: Row, now: _Now, newest: Newest, happened: str, history: tuple[bytes, ...]
    ) -> None:
        """Keep one state of a record; a part made beside is no step and ends at once."""
        register, record = self._register, now.record
        self._rows[row] = [
            *row,
            OPEN if row.part == 0 else row.position,
            now.number,
            record.version,
            level_of(register, record),
            now.recorded_at,
            record.id,
            register.day(record),
            happened,
            register.due(record),
            *bodies(register, record, now.recorded_at, newest),
            *history,
        ]
        self._terms += [(*t, happened, *row) for t in _terms(register, record)]

    def _place(self, now: _Now, step: _Step) -> None:
        """Say from which day on the new state is true; told late, what came after is made anew."""
        record_id, position = now.record.id, now.since
        last = self._spans.last_day(record_id)
        if last is not None and step.day < last:
            chains = self._remade(now, step.day)
        else:
            state = [State(step.day, Row(position, 0))]
            chains = {EVERYTHING: state, FINAL: [] if self._negotiated(now.record) else state}
        for chain, states in chains.items():
            if states:
                self._spans.replace(record_id, chain, position, states)

    def _remade(self, now: _Now, first: str) -> dict[int, list[State]]:
        """Return what is true from `first` on, day by day: the steps that had happened by then.

        Steps are taken in the order they were told, by which their decisions were made; the opening
        is always one of them, for what something happened to was there.
        """
        told_of = self._steps_of(now.record.id)
        made = [(now.record, Row(now.since, 0))]
        everything, final = [], []
        for day in sorted({step.day for step in told_of if step.day >= first}):
            taken = [step for step in told_of if step.day <= day or step is told_of[0]]
            states = list(self._states(taken))
            finals = [state for state in states if not self._negotiated(state[0])]
            everything.append(State(day, self._row_of(now, states[-1], made)))
            final.append(State(day, self._row_of(now, finals[-1], made) if finals else None))
        return {EVERYTHING: everything, FINAL: final}

    def _states(self, taken: Iterable[_Step]) -> Iterator[tuple[Record, _Step]]:
        record: Record | None = None
        for step in taken:
            record = self._register.evolve(record, step.event)
            yield record, step

    def _row_of(
        self, now: _Now, state: tuple[Record, _Step], made: list[tuple[Record, Row]]
    ) -> Row:
        """Return the row of a state, made beside the event's own row when it is not there."""
        record, step = state
        row = next((row for known, row in made if known == record), None)
        if row is None:
            row = Row(now.since, len(made))
            made.append((record, row))
            state_then = now._replace(record=record)
            self._write_row(row, state_then, step.newest, step.day, (b"", b"", b""))
        return row

    def _negotiated(self, record: Record) -> bool:
        return level_of(self._register, record) == LEVELS[NEGOTIATED]

    def _steps_of(self, record_id: str) -> list[_Step]:
        rows = self._tx.all(
            f"SELECT from_position, event FROM record_{self._v}"
            " WHERE record_id = ? AND part = 0 ORDER BY from_position",
            (record_id,),
        )
        stored = []
        for position, blob in rows:
            kept = orjson.loads(blob)
            event = _event(kept["type"], kept["data"])
            stored.append(_Step(kept["day"], Newest(position, kept["recorded_at"]), event))
        return stored + self._steps.get(record_id, [])

    def _end(self, since: int, position: int) -> None:
        own = self._rows.get(Row(since, 0))
        if own is not None:
            own[2] = position
        else:
            self._ends.append((position, since))

    def _find(self, record_id: str) -> _Now | None:
        row = self._tx.one(
            f"SELECT from_position, number, recorded_at, body FROM record_{self._v}"
            " WHERE record_id = ? AND part = 0 ORDER BY from_position DESC LIMIT 1",
            (record_id,),
        )
        if row is None:
            return None
        body = {k: v for k, v in orjson.loads(row[3]).items() if k not in HEAD}
        record = self._register.record.model_validate(body, strict=False)
        return _Now(record, row[0], row[1], row[2])


def _event(name: str, data: Json) -> Value:
    return EVENTS[name].model.model_validate(data, strict=False)


def _stored(fact: Fact, day: str) -> bytes:
    """Return an event as the row keeps it, for days on which not everything had happened."""
    head = {"type": fact.type, "recorded_at": fact.recorded_at, "day": day}
    return orjson.dumps({**head, "data": fact.data})


def _terms(register: Register, record: Record) -> Iterator[tuple[str, str]]:
    yield from register.terms(record)
    for party in register.parties(record):
        yield PARTY, party.id


VIEWS: Final = tuple(RegisterView(register) for register in REGISTERS.values())
