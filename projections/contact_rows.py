"""The view `contacts`: how contacts lie in tables (projections/contacts.py asks them).

One row per event of a contact: the contact after it, ready as bytes, and the step of its history.
Beside it stand links, the ways a contact is found: one row for each party, topic, KLE number, case
… ordered by day, so that the newest contacts of a party are one range of one index. What a link
means (its term) is a small number, so that the links of many contacts fit into few pages.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, cast

from domain.log.codec import Fact
from domain.registry import Json
from domain.values import Confidentiality
from projections import finality
from projections.contact_body import LOGGED, TYPES, Contact, Fragments, fold, fragments, restore
from projections.contact_history import LOGGING, Step, step
from projections.finality import AWAITED, NEGOTIATED
from projections.storage import OPEN, Tx

PARTY, TOPIC, KLE, CASE, FLAG, TARGET = range(1, 7)
"""Kinds of term: what a link says of a contact."""
PORTION: Final = 500
"""Terms looked up by one statement."""
AS_ADMINISTRATION, AS_ORGANISATION, AS_PARTICIPANT, AS_SPOKEN_FOR = 1, 2, 4, 8
"""Bits of `roles`: in which capacities a party stands in a contact."""
LEVELS: Final = {"open": 0, "internal": 1, "restricted": 2, NEGOTIATED: 3, AWAITED: 3}
"""Levels (`finality.level`) as the numbers that rows keep; 3 is open and not final."""

_CONTACT: Final = """CREATE TABLE contact_{v} (
    from_position {bigint} NOT NULL PRIMARY KEY,
    to_position {bigint} NOT NULL,
    number {bigint} NOT NULL,
    version {bigint} NOT NULL,
    level {bigint} NOT NULL,
    retracted {bigint} NOT NULL,
    recorded_at {bigint} NOT NULL,
    contact_id {text} NOT NULL,
    first_day {text} NOT NULL,
    last_day {text} NOT NULL,
    channel {text} NOT NULL,
    medium {text} NOT NULL,
    direction {text} NOT NULL,
    outcome {text} NOT NULL,
    source_system {text},
    body {blob} NOT NULL,
    people {blob} NOT NULL,
    people_blind {blob} NOT NULL,
    internal {blob} NOT NULL,
    step_head {blob} NOT NULL,
    step_changes {blob} NOT NULL,
    step_people {blob} NOT NULL,
    step_people_blind {blob} NOT NULL,
    step_internal {blob} NOT NULL,
    summary {blob} NOT NULL,
    summary_internal {blob} NOT NULL
)"""
_TERM: Final = """CREATE TABLE term_{v} (
    term {bigint} NOT NULL PRIMARY KEY,
    kind {bigint} NOT NULL,
    value {text} NOT NULL
)"""
_BY_VALUE: Final = "CREATE UNIQUE INDEX term_value_{v} ON term_{v} (value, kind)"
_LINK: Final = """CREATE TABLE link_{v} (
    term {bigint} NOT NULL,
    day {bigint} NOT NULL,
    number {bigint} NOT NULL,
    from_position {bigint} NOT NULL,
    to_position {bigint} NOT NULL,
    roles {bigint} NOT NULL,
    level {bigint} NOT NULL,
    retracted {bigint} NOT NULL,
    PRIMARY KEY (term, day, number, from_position)
) {clustered}"""
_BY_ID: Final = "CREATE INDEX contact_id_{v} ON contact_{v} (contact_id, from_position)"
_NEWEST: Final = (
    "CREATE INDEX contact_newest_{v} ON contact_{v}"
    " (first_day, number, from_position, to_position, level, retracted)"
)
_CONTACT_COLUMNS: Final = 26
_STEP: Final = (
    "step_head",
    "step_changes",
    "step_people",
    "step_people_blind",
    "step_internal",
    "summary",
    "summary_internal",
)
_LINK_COLUMNS: Final = 8

Term = tuple[int, str]
"""Kind and value."""
Links = dict[Term, int]
"""The terms of a contact, and for a party in which roles it stands there."""


class Contacts:
    """The view `contacts`."""

    name: Final = "contacts"
    version: Final = 2
    types: Final = TYPES | finality.TYPES

    def tables(self) -> tuple[str, ...]:
        """Return contacts, terms, links, and the indexes by which `apply` finds them."""
        return (_CONTACT, _TERM, _LINK, _BY_ID, _BY_VALUE, *finality.TABLES)

    def indexes(self) -> tuple[str, ...]:
        """Return the index of the newest contacts of all."""
        return (_NEWEST,)

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Write each fact as the contact's next version and close the one before."""
        page = _Page(tx, v)
        for fact in facts:
            page.add(fact)
        page.write()


VIEW: Final = Contacts()


class _Version(NamedTuple):
    """A version written by this page: its row, and its links until it is known where they go."""

    row: list[object]
    links: Links
    day: int
    step: Step


class _Page:
    """What one page of facts changes, gathered so that each table is written once."""

    def __init__(self, tx: Tx, v: str) -> None:
        self._tx = tx
        self._v = v
        self._current: dict[str, tuple[Contact, int]] = {}
        self._made: dict[int, _Version] = {}
        self._closed: list[tuple[int, Contact, int]] = []

    def add(self, fact: Fact) -> None:
        if fact.type in finality.TYPES:
            self._finish(fact)
            return
        contact_id: str = fact.data["contact_id"]
        before = None if fact.type == LOGGED else self._close(contact_id, fact.position)
        after = fold(before, fact)
        self._put(after, fact.position, step(before, after, fact), self._level(after))
        self._current[contact_id] = (after, fact.position)

    def _level(self, contact: Contact) -> int:
        """Return the level as rows keep it; only an open contact's enquiry is asked for."""
        body, retracted = contact.body, contact.retracted
        level = finality.level(body, retracted=retracted)
        if level == Confidentiality.OPEN and contact.version > 1:
            awaited = finality.is_awaited(self._tx, self._v, body["id"])
            level = finality.level(body, retracted=retracted, awaited=awaited)
        return LEVELS[level]

    def _finish(self, fact: Fact) -> None:
        """Write the contact anew where its enquiry decides whether it is final: the same version.

        The row repeats the step that made the version, for those who did not see it before.
        """
        contact_id = finality.note(self._tx, self._v, fact)
        found = contact_id and (self._current.get(contact_id) or self._find(contact_id))
        if not contact_id or not found:
            return
        contact, since = found
        awaited = finality.is_awaited(self._tx, self._v, contact_id)
        level = LEVELS[finality.level(contact.body, retracted=contact.retracted, awaited=awaited)]
        before, history = self._told(since)
        if level == before:
            return
        self._current[contact_id] = found
        self._close(contact_id, fact.position)
        self._put(contact, fact.position, history, level)
        self._current[contact_id] = (contact, fact.position)

    def _told(self, since: int) -> tuple[int, Step]:
        """Return level and step of a version by the position it holds from."""
        made = self._made.get(since)
        if made is not None:
            return cast("int", made.row[4]), made.step
        row = self._tx.one(
            f"SELECT level, {', '.join(_STEP)} FROM contact_{self._v} WHERE from_position = ?",
            (since,),
        )
        return (-1, LOGGING) if row is None else (row[0], Step(*row[1:]))

    def write(self) -> None:
        v, tx = self._v, self._tx
        ended = [(end, since) for end, _, since in self._closed]
        tx.many(f"UPDATE contact_{v} SET to_position = ? WHERE from_position = ?", ended)
        marks = ", ".join("?" * _CONTACT_COLUMNS)
        tx.many(f"INSERT INTO contact_{v} VALUES ({marks})", [m.row for m in self._made.values()])
        terms = self._terms()
        tx.many(
            f"UPDATE link_{v} SET to_position = ? WHERE term = ? AND day = ? AND number = ?"
            " AND from_position = ?",
            [
                (end, terms[term], day_number(contact.first_day), contact.number, since)
                for end, contact, since in self._closed
                for term in links_of(contact)
            ],
        )
        marks = ", ".join("?" * _LINK_COLUMNS)
        tx.many(f"INSERT INTO link_{v} VALUES ({marks})", sorted(self._link_rows(terms)))

    def _link_rows(self, terms: Mapping[Term, int]) -> Iterator[tuple[object, ...]]:
        for (since, until, number, _, level, retracted, *_), links, day, _ in self._made.values():
            for term, roles in links.items():
                yield (terms[term], day, number, since, until, roles, level, retracted)

    def _terms(self) -> dict[Term, int]:
        """Return the number of every term of this page; new ones count on as they appear."""
        wanted = dict.fromkeys(
            [t for _, contact, _ in self._closed for t in links_of(contact)]
            + [t for made in self._made.values() for t in made.links]
        )
        values = sorted({value for _, value in wanted})
        known: dict[Term, int] = {}
        for start in range(0, len(values), PORTION):
            some = values[start : start + PORTION]
            rows = self._tx.all(
                f"SELECT kind, value, term FROM term_{self._v}"
                f" WHERE value IN ({', '.join('?' * len(some))})",
                some,
            )
            known |= {(kind, value): term for kind, value, term in rows}
        last = self._tx.one(f"SELECT COALESCE(MAX(term), 0) FROM term_{self._v}")
        new = [term for term in wanted if term not in known]
        numbered = {term: n for n, term in enumerate(new, last[0] + 1 if last else 1)}
        rows = [(number, *term) for term, number in numbered.items()]
        self._tx.many(f"INSERT INTO term_{self._v} VALUES (?, ?, ?)", rows)
        return known | numbered

    def _close(self, contact_id: str, position: int) -> Contact | None:
        """End the version that holds until now and return the contact; None when it is unknown."""
        found = self._current.get(contact_id) or self._find(contact_id)
        if found is None:
            return None
        contact, since = found
        if since in self._made:
            self._made[since].row[1] = position
        else:
            self._closed.append((position, contact, since))
        return contact

    def _find(self, contact_id: str) -> tuple[Contact, int] | None:
        row = self._tx.one(
            "SELECT from_position, number, recorded_at, first_day, last_day, body, people,"
            f" people_blind, internal FROM contact_{self._v} WHERE contact_id = ?"
            " ORDER BY from_position DESC LIMIT 1",
            (contact_id,),
        )
        if row is None:
            return None
        since, number, recorded_at, first_day, last_day, *parts = row
        return restore(number, recorded_at, first_day, last_day, Fragments(*parts)), since

    def _put(self, contact: Contact, position: int, history: Step, level: int) -> None:
        body, source = contact.body, contact.body["source"]
        row = [
            position,
            OPEN,
            contact.number,
            contact.version,
            level,
            int(contact.retracted),
            contact.recorded_at,
            body["id"],
            contact.first_day,
            contact.last_day,
            body["channel"],
            body["medium"],
            body["direction"],
            body["outcome"],
            None if source is None else source["system"],
            *fragments(contact),
            *history,
        ]
        day = day_number(contact.first_day)
        self._made[position] = _Version(row, links_of(contact), day, history)


def day_number(day: str) -> int:
    """Return `2010-02-22` as 20100222: sorts the same and takes a third of the room."""
    return int(day[:4] + day[5:7] + day[8:])


def links_of(contact: Contact) -> Links:
    """Return how a contact is found: kind and value of each link, and a party's roles."""
    body = contact.body
    links: Links = {}
    for party in body["administrations"]:
        _as(links, party, AS_ADMINISTRATION)
    for party in body["organisations"]:
        _as(links, party, AS_ORGANISATION)
    for person in contact.people:
        if person["party"] is not None:
            _as(links, person["party"], AS_PARTICIPANT)
        for party in person["spoke_for"]:
            _as(links, party, AS_SPOKEN_FOR)
    for topic in body["topics"]:
        links[TOPIC, topic] = 0
    for number in body["kle"]:
        links[KLE, number] = 0
    for number in body["case_numbers"]:
        links[CASE, number] = 0
    for flag in body["flags"]:
        links[FLAG, flag] = 0
    for kind in ("enquiry", "meeting"):
        if body[kind] is not None:
            links[TARGET, f"{kind}:{body[kind]}"] = 0
    for link in body["links"]:
        links[TARGET, f"{link['kind']}:{link['target']}"] = 0
        if link["kind"] == "case":
            links[CASE, link["target"]] = 0
    return links


def _as(links: Links, party: Json, role: int) -> None:
    key = (PARTY, party["id"])
    links[key] = links.get(key, 0) | role
