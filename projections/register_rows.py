"""How records lie in tables: one view for each register, all of the same shape.

One row per event of a record: the record after it as ready bytes, whole and as people outside may
see it, and the step of its history in the same two forms. Beside it stand terms, by which records
are found. Whatever a concept adds, this file stays as it is (domain/registers.py is the table).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import orjson

from domain.log.codec import Fact
from domain.records import Record
from domain.registers import REGISTERS, Register
from domain.registry import EVENTS, Json
from domain.storage.clock import moment
from domain.values import Confidentiality, instant_text
from projections.contact_rows import LEVELS
from projections.finality import NEGOTIATED
from projections.storage import OPEN, Tx

PARTY: Final = "party"
"""The kind of term that every register has: a party the record concerns."""
ALWAYS_SHOWN: Final = ("id", "version", "status", "confidentiality")
"""Fields that whoever may know of the record may see."""

_RECORD: Final = """CREATE TABLE record_{v} (
    from_position {bigint} NOT NULL PRIMARY KEY,
    to_position {bigint} NOT NULL,
    number {bigint} NOT NULL,
    version {bigint} NOT NULL,
    level {bigint} NOT NULL,
    recorded_at {bigint} NOT NULL,
    record_id {text} NOT NULL,
    began {text} NOT NULL,
    day {text} NOT NULL,
    happened {text} NOT NULL,
    due {text},
    body {blob} NOT NULL,
    body_outside {blob} NOT NULL,
    step {blob} NOT NULL,
    step_outside {blob} NOT NULL
)"""
_TERM: Final = """CREATE TABLE record_term_{v} (
    kind {text} NOT NULL,
    value {text} NOT NULL,
    happened {text} NOT NULL,
    from_position {bigint} NOT NULL,
    PRIMARY KEY (kind, value, happened, from_position)
) {clustered}"""
_BY_ID: Final = "CREATE INDEX record_id_{v} ON record_{v} (record_id, from_position)"
_BY_DAY: Final = "CREATE INDEX record_day_{v} ON record_{v} (day, number)"
_BY_DUE: Final = "CREATE INDEX record_due_{v} ON record_{v} (to_position, due)"
_COLUMNS: Final = 15


class _Now(NamedTuple):
    """A record by now: since which position, and when it was opened."""

    record: Record
    since: int
    number: int
    recorded_at: int


class RegisterView:
    """The view of one register."""

    version: Final = 1

    def __init__(self, register: Register) -> None:
        """Follow the events of one register."""
        self.register = register
        self.name = register.name
        self.types = register.events

    def tables(self) -> tuple[str, ...]:
        """Return records, terms, and the index by which `apply` finds a record."""
        return (_RECORD, _TERM, _BY_ID)

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
        self._rows: dict[int, list[object]] = {}
        self._terms: list[tuple[str, str, str, int]] = []
        self._ends: list[tuple[int, int]] = []

    def add(self, fact: Fact) -> None:
        record_id = str(fact.data[self._register.id_field])
        before = self._current.get(record_id) or self._find(record_id)
        if before is not None:
            self._end(before.since, fact.position)
        event = EVENTS[fact.type].model.model_validate(fact.data, strict=False)
        record = self._register.evolve(before.record if before else None, event)
        number = before.number if before else fact.position
        recorded_at = before.recorded_at if before else fact.recorded_at
        now = _Now(record, fact.position, number, recorded_at)
        self._current[record_id] = now
        self._rows[fact.position] = _row(self._register, before, now, fact)
        happened = day_of(fact)
        self._terms += [(*t, happened, fact.position) for t in _terms(self._register, record)]

    def write(self) -> None:
        v, tx = self._v, self._tx
        tx.many(f"UPDATE record_{v} SET to_position = ? WHERE from_position = ?", self._ends)
        marks = ", ".join("?" * _COLUMNS)
        tx.many(f"INSERT INTO record_{v} VALUES ({marks})", list(self._rows.values()))
        tx.many(f"INSERT INTO record_term_{v} VALUES (?, ?, ?, ?)", sorted(set(self._terms)))

    def _end(self, since: int, position: int) -> None:
        if since in self._rows:
            self._rows[since][1] = position
        else:
            self._ends.append((position, since))

    def _find(self, record_id: str) -> _Now | None:
        row = self._tx.one(
            f"SELECT from_position, number, recorded_at, body FROM record_{self._v}"
            " WHERE record_id = ? ORDER BY from_position DESC LIMIT 1",
            (record_id,),
        )
        if row is None:
            return None
        body = {k: v for k, v in orjson.loads(row[3]).items() if k not in _HEAD}
        record = self._register.record.model_validate(body, strict=False)
        return _Now(record, row[0], row[1], row[2])


_HEAD: Final = ("position", "recorded_at", "changed_at")


def _row(register: Register, before: _Now | None, now: _Now, fact: Fact) -> list[object]:
    record = now.record
    whole, outside = bodies(register, record, now.recorded_at, fact)
    old = before.record.model_dump(mode="json", by_alias=True) if before else {}
    step, step_outside = _steps(register, old, record.model_dump(mode="json", by_alias=True), fact)
    return [
        fact.position,
        OPEN,
        now.number,
        record.version,
        level_of(register, record),
        now.recorded_at,
        record.id,
        register.began(record),
        register.day(record),
        day_of(fact),
        register.due(record),
        whole,
        outside,
        step,
        step_outside,
    ]


def level_of(register: Register, record: Record) -> int:
    """Return how confidential the record counts as; open but not final is a level of its own."""
    is_open = record.confidentiality is Confidentiality.OPEN
    return LEVELS[NEGOTIATED if is_open and not register.final(record) else record.confidentiality]


def day_of(fact: Fact) -> str:
    """Return the day on which it happened; the day it was recorded when the event does not say."""
    occurred = fact.data.get("occurred")
    return str(occurred["first_day"]) if occurred else instant_text(moment(fact.recorded_at))[:10]


def bodies(
    register: Register, record: Record, recorded_at: int, newest: Fact
) -> tuple[bytes, bytes]:
    """Return the record as JSON, whole and as people outside may see it."""
    head = {
        "position": newest.position,
        "recorded_at": instant_text(moment(recorded_at)),
        "changed_at": instant_text(moment(newest.recorded_at)),
    }
    told = record.model_dump(mode="json", by_alias=True)
    shown = {name: value for name, value in told.items() if _is_outside(register, name)}
    return orjson.dumps({**head, **told}), orjson.dumps({**head, **shown})


def _is_outside(register: Register, name: str) -> bool:
    return name in register.outside or name in ALWAYS_SHOWN


def _steps(register: Register, old: Json, new: Json, fact: Fact) -> tuple[bytes, bytes]:
    """Return what one event changed, for those inside and those outside."""
    changes = [
        {"field": name, "before": old.get(name), "after": value}
        for name, value in new.items()
        if old.get(name) != value and name != "version"
    ]
    head = {
        "version": new["version"],
        "position": fact.position,
        "recorded_at": instant_text(moment(fact.recorded_at)),
        "type": fact.type,
        "occurred": fact.data.get("occurred"),
        "role": fact.meta["role"],
        "via": fact.meta["via"],
    }
    words = fact.data.get("text")
    inside: Json = {**head, "actor": fact.meta["actor"], "words": words, "changes": changes}
    seen = [change for change in changes if _is_outside(register, str(change["field"]))]
    return orjson.dumps(inside), orjson.dumps({**head, "changes": seen})


def _terms(register: Register, record: Record) -> Iterator[tuple[str, str]]:
    yield from register.terms(record)
    for party in register.parties(record):
        yield PARTY, party.id


def folded(register: Register, events: Iterable[Any]) -> Record | None:
    """Return the record that its events make, None without any."""
    record: Record | None = None
    for event in events:
        record = register.evolve(record, event)
    return record


VIEWS: Final = tuple(RegisterView(register) for register in REGISTERS.values())
