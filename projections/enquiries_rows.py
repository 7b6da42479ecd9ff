"""The view `enquiries`: how enquiries lie in tables (projections/enquiries.py asks them).

One row per event of an enquiry: the enquiry after it, ready as bytes, and the step it was. Links
are the ways an enquiry is found; they lead with `to_position`, so that what is waiting now is one
range of one index, however many enquiries were ever closed. Entries put steps into timelines.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Final

from domain.enquiries.state import EnquiryState
from domain.log.codec import Fact
from projections.enquiries_steps import HANDOVERS, HIDDEN, name_of, occurred_of, step
from projections.enquiry_body import RECEIVED, TYPES, Enquiry, fold, fragments, kept, restored
from projections.enquiry_clocks import clocks_of
from projections.parties import fold as folded
from projections.storage import OPEN, Tx

CONCERNED, SENDER, HOLDER, OWING, TOPIC, KLE, CASE, ASSIGNED = range(1, 9)
"""Kinds of link: what a value says of an enquiry."""
LEVELS: Final = {"open": 0, "internal": 1, "restricted": 2}
"""Confidentiality as the number that rows keep."""
UNDATED: Final = "~"
"""`due_key` of an enquiry of which nothing dated is owed; sorts behind every day."""
ENDED: Final = "~~"
"""`due_key` of an enquiry that has ended; sorts last of all."""
_DAY_CHARS: Final = 10

_ENQUIRY: Final = """CREATE TABLE enquiry_{v} (
    from_position {bigint} NOT NULL PRIMARY KEY,
    to_position {bigint} NOT NULL,
    number {bigint} NOT NULL,
    version {bigint} NOT NULL,
    level {bigint} NOT NULL,
    recorded_at {bigint} NOT NULL,
    hidden {bigint} NOT NULL,
    handover {bigint} NOT NULL,
    enquiry_id {text} NOT NULL,
    contact_id {text} NOT NULL,
    phase {text} NOT NULL,
    kind {text} NOT NULL,
    medium {text} NOT NULL,
    written {bigint} NOT NULL,
    priority {text},
    received_day {text} NOT NULL,
    received_number {bigint} NOT NULL,
    closed_day {text} NOT NULL,
    due_key {text} NOT NULL,
    body {blob} NOT NULL,
    handler {blob} NOT NULL,
    inside {blob} NOT NULL,
    inside_blind {blob} NOT NULL,
    clocks {blob} NOT NULL,
    kept {blob} NOT NULL,
    step_head {blob} NOT NULL,
    step_handler {blob} NOT NULL,
    step_inside {blob} NOT NULL,
    step_inside_blind {blob} NOT NULL
)"""
_LINK: Final = """CREATE TABLE enquiry_link_{v} (
    kind {bigint} NOT NULL,
    value {text} NOT NULL,
    to_position {bigint} NOT NULL,
    due_key {text} NOT NULL,
    number {bigint} NOT NULL,
    from_position {bigint} NOT NULL,
    received_day {text} NOT NULL,
    PRIMARY KEY (kind, value, to_position, due_key, number)
) {clustered}"""
_ENTRY: Final = """CREATE TABLE enquiry_entry_{v} (
    party_id {text} NOT NULL,
    day {text} NOT NULL,
    from_position {bigint} NOT NULL,
    PRIMARY KEY (party_id, day, from_position)
) {clustered}"""
_GROUP: Final = "CREATE TABLE enquiry_kle_{v} (value {text} NOT NULL PRIMARY KEY)"
_BY_ID: Final = "CREATE INDEX enquiry_id_{v} ON enquiry_{v} (enquiry_id, from_position)"
_BY_DUE: Final = "CREATE INDEX enquiry_due_{v} ON enquiry_{v} (to_position, due_key, number)"
_BY_RECEIVED: Final = (
    "CREATE INDEX enquiry_received_{v} ON enquiry_{v}"
    " (received_day, number, to_position, from_position)"
)
_LINK_RECEIVED: Final = (
    "CREATE INDEX enquiry_link_received_{v} ON enquiry_link_{v}"
    " (kind, value, received_day, number, to_position)"
)
_ENQUIRY_COLUMNS: Final = 29

Link = tuple[int, str]
"""Kind and value."""


class EnquiriesView:
    """The view `enquiries`."""

    name: Final = "enquiries"
    version: Final = 1
    types: Final = TYPES

    def tables(self) -> tuple[str, ...]:
        """Return enquiries, links, timeline entries, KLE numbers, and the index `apply` needs."""
        return (_ENQUIRY, _LINK, _ENTRY, _GROUP, _BY_ID)

    def indexes(self) -> tuple[str, ...]:
        """Return the indexes of what is due next and of what came last."""
        return (_BY_DUE, _BY_RECEIVED, _LINK_RECEIVED)

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Write each fact as the enquiry's next version and close the one before."""
        page = _Page(tx, v)
        for fact in facts:
            page.add(fact)
        page.write()


VIEW: Final = EnquiriesView()


class _Page:
    """What one page of facts changes, gathered so that each table is written once."""

    def __init__(self, tx: Tx, v: str) -> None:
        self._tx = tx
        self._v = v
        self._current: dict[str, tuple[Enquiry, int]] = {}
        self._made: dict[int, list[object]] = {}
        self._links: dict[int, Enquiry] = {}
        self._ended: list[tuple[int, Enquiry, int]] = []
        self._entries: list[tuple[str, str, int]] = []

    def add(self, fact: Fact) -> None:
        enquiry_id: str = fact.data["enquiry_id"]
        before = None if fact.type == RECEIVED else self._close(enquiry_id, fact.position)
        after = fold(before, fact)
        self._made[fact.position] = _row(after, fact)
        self._links[fact.position] = after
        self._current[enquiry_id] = (after, fact.position)
        occurred = occurred_of(fact)
        if occurred is not None:
            self._entries += [
                (party, occurred["first_day"], fact.position) for party in after.concerned
            ]

    def write(self) -> None:
        v, tx = self._v, self._tx
        tx.many(
            f"UPDATE enquiry_{v} SET to_position = ? WHERE from_position = ?",
            [(end, since) for end, _, since in self._ended],
        )
        marks = ", ".join("?" * _ENQUIRY_COLUMNS)
        tx.many(f"INSERT INTO enquiry_{v} VALUES ({marks})", list(self._made.values()))
        tx.many(
            f"UPDATE enquiry_link_{v} SET to_position = ? WHERE kind = ? AND value = ?"
            f" AND to_position = {OPEN} AND due_key = ? AND number = ?",
            [
                (end, *link, due, enquiry.number)
                for end, enquiry, _ in self._ended
                for due in (due_key(enquiry),)
                for link in links_of(enquiry)
            ],
        )
        tx.many(f"INSERT INTO enquiry_link_{v} VALUES (?, ?, ?, ?, ?, ?, ?)", self._link_rows())
        tx.many(
            f"INSERT INTO enquiry_entry_{v} VALUES (?, ?, ?)",
            sorted(self._entries),
        )
        kle = {number for enquiry in self._links.values() for number in enquiry.state.kle}
        tx.many(
            f"INSERT INTO enquiry_kle_{v} VALUES (?) ON CONFLICT DO NOTHING",
            [(number,) for number in sorted(kle)],
        )

    def _link_rows(self) -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = []
        for since, enquiry in self._links.items():
            until, due = self._made[since][1], due_key(enquiry)
            rest = (until, due, enquiry.number, since, enquiry.received.received_day)
            rows += [(*link, *rest) for link in links_of(enquiry)]
        return sorted(rows)

    def _close(self, enquiry_id: str, position: int) -> Enquiry | None:
        """End the version that holds until now and return the enquiry; None when it is unknown."""
        found = self._current.get(enquiry_id) or self._find(enquiry_id)
        if found is None:
            return None
        enquiry, since = found
        if since in self._made:
            self._made[since][1] = position
        else:
            self._ended.append((position, enquiry, since))
        return enquiry

    def _find(self, enquiry_id: str) -> tuple[Enquiry, int] | None:
        row = self._tx.one(
            f"SELECT from_position, kept FROM enquiry_{self._v} WHERE enquiry_id = ?"
            " ORDER BY from_position DESC LIMIT 1",
            (enquiry_id,),
        )
        return None if row is None else (restored(row[1]), row[0])


def _row(enquiry: Enquiry, fact: Fact) -> list[object]:
    state, received, name = enquiry.state, enquiry.received, name_of(fact)
    ended = state.ended_at.last_day if state.ended_at is not None else ""
    return [
        fact.position,
        OPEN,
        enquiry.number,
        state.version,
        LEVELS[received.confidentiality],
        enquiry.recorded_at,
        int(name in HIDDEN),
        int(name in HANDOVERS),
        received.enquiry_id,
        received.contact_id,
        str(state.phase),
        str(state.kind),
        received.medium,
        int(received.written),
        None if state.priority is None else str(state.priority),
        received.received_day,
        day_number(received.received_day),
        ended,
        due_key(enquiry),
        *fragments(enquiry),
        kept(enquiry),
        *step(fact, state.version),
    ]


def day_number(day: str) -> int:
    """Return a day as the number of days since the year 1, so that days can be subtracted."""
    return date.fromisoformat(day).toordinal()


def due_key(enquiry: Enquiry) -> str:
    """Return what enquiries are sorted by: the earliest deadline whose clock still runs.

    A day is over at its end, so it sorts behind the moments within it.
    """
    if enquiry.state.ended is not None:
        return ENDED
    running = clocks_of(enquiry.state).running()
    return min((_key(each.due) for each in running), default=UNDATED)


def _key(due: str) -> str:
    if len(due) == _DAY_CHARS:
        return f"{due}T24"
    return datetime.fromisoformat(due).astimezone(UTC).isoformat()


def links_of(enquiry: Enquiry) -> list[Link]:
    """Return the ways an enquiry is found."""
    state, received = enquiry.state, enquiry.received
    owed = state.obligations.values()
    links: list[Link] = [(CONCERNED, party) for party in enquiry.concerned]
    links.append((SENDER, received.sender.id))
    links += [(HOLDER, each.holder.id) for each in owed if each.holder is not None]
    links += [(OWING, party.id) for party in received.addressed]
    links += [(OWING, each.party.id) for each in owed]
    links += [(TOPIC, topic) for topic in state.topics]
    links += [(KLE, number) for number in state.kle]
    links += [(CASE, number) for number in received.case_numbers]
    links += [(ASSIGNED, value) for value in _assigned(state)]
    return list(dict.fromkeys(links))


def _assigned(state: EnquiryState) -> Iterable[str]:
    """Return pseudonyms and roles of who has it, and the team; names stay sealed."""
    if state.acknowledgement is not None and state.acknowledgement.team:
        yield folded(state.acknowledgement.team)
    for person in state.assignment.assignees if state.assignment is not None else ():
        if person.person:
            yield person.person
        if person.role:
            yield folded(person.role)
