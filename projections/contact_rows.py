"""The view `contacts`: how contacts lie in tables (projections/contacts.py asks them).

One row per event of a contact: the contact after it, ready as bytes, and the step of its history.
Beside it stand links, the ways a contact is found: one row for each party, topic, KLE number, case
… ordered by day, so that the newest contacts of a party are one range of one index.
"""

from collections.abc import Sequence
from typing import Final

from domain.log.codec import Fact
from domain.registry import Json
from projections.contact_body import LOGGED, TYPES, Contact, Fragments, fold, fragments, restore
from projections.contact_history import Step, step
from projections.storage import OPEN, Tx

PARTY, TOPIC, KLE, CASE, FLAG, SOURCE, TARGET = range(1, 8)
"""Kinds of link: what the value of a link row means."""
AS_ADMINISTRATION, AS_ORGANISATION, AS_PARTICIPANT, AS_SPOKEN_FOR = 1, 2, 4, 8
"""Bits of `roles`: in which capacities a party stands in a contact."""
LEVELS: Final = {"open": 0, "internal": 1, "restricted": 2}
"""Confidentiality as the number that rows keep."""

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
_LINK: Final = """CREATE TABLE link_{v} (
    kind {bigint} NOT NULL,
    value {text} NOT NULL,
    first_day {text} NOT NULL,
    number {bigint} NOT NULL,
    from_position {bigint} NOT NULL,
    to_position {bigint} NOT NULL,
    roles {bigint} NOT NULL,
    level {bigint} NOT NULL,
    retracted {bigint} NOT NULL,
    PRIMARY KEY (kind, value, first_day, number, from_position)
) {clustered}"""
_BY_ID: Final = "CREATE INDEX contact_id_{v} ON contact_{v} (contact_id, from_position)"
_NEWEST: Final = (
    "CREATE INDEX contact_newest_{v} ON contact_{v}"
    " (first_day, number, from_position, to_position, level, retracted)"
)
_CONTACT_COLUMNS: Final = 25
_LINK_COLUMNS: Final = 9

Links = dict[tuple[int, str], int]


class Contacts:
    """The view `contacts`."""

    name: Final = "contacts"
    version: Final = 1
    types: Final = TYPES

    def tables(self) -> tuple[str, ...]:
        """Return contacts, their links, and the index by which `apply` finds a contact."""
        return (_CONTACT, _LINK, _BY_ID)

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


class _Page:
    """What one page of facts changes, gathered so that each table is written once."""

    def __init__(self, tx: Tx, v: str) -> None:
        self._tx = tx
        self._v = v
        self._current: dict[str, tuple[Contact, int]] = {}
        self._contacts: dict[int, list[object]] = {}
        self._links: dict[int, list[tuple[object, ...]]] = {}
        self._closed: list[tuple[int, int]] = []
        self._closed_links: list[tuple[object, ...]] = []

    def add(self, fact: Fact) -> None:
        contact_id: str = fact.data["contact_id"]
        before: Contact | None = None
        if fact.type != LOGGED:
            before = self._close(contact_id, fact.position)
        after = fold(before, fact)
        self._put(after, fact.position, fragments(after), step(before, after, fact))
        self._current[contact_id] = (after, fact.position)

    def write(self) -> None:
        v, tx = self._v, self._tx
        tx.many(f"UPDATE contact_{v} SET to_position = ? WHERE from_position = ?", self._closed)
        tx.many(
            f"UPDATE link_{v} SET to_position = ? WHERE kind = ? AND value = ?"
            " AND first_day = ? AND number = ? AND from_position = ?",
            self._closed_links,
        )
        marks = ", ".join("?" * _CONTACT_COLUMNS)
        tx.many(f"INSERT INTO contact_{v} VALUES ({marks})", list(self._contacts.values()))
        marks = ", ".join("?" * _LINK_COLUMNS)
        rows = sorted(row for links in self._links.values() for row in links)
        tx.many(f"INSERT INTO link_{v} VALUES ({marks})", rows)

    def _close(self, contact_id: str, position: int) -> Contact | None:
        """End the version that holds until now and return the contact; None when it is unknown."""
        if contact_id not in self._current:
            found = self._find(contact_id)
            if found is None:
                return None
            self._current[contact_id] = found
        contact, since = self._current[contact_id]
        if since in self._contacts:
            self._contacts[since][1] = position
            self._links[since] = [(*r[:5], position, *r[6:]) for r in self._links[since]]
        else:
            self._closed.append((position, since))
            self._closed_links += [
                (position, kind, value, contact.first_day, contact.number, since)
                for kind, value in links_of(contact)
            ]
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

    def _put(self, contact: Contact, position: int, parts: Fragments, history: Step) -> None:
        body, number, first_day = contact.body, contact.number, contact.first_day
        level, retracted = LEVELS[body["confidentiality"]], int(contact.retracted)
        self._contacts[position] = [
            position,
            OPEN,
            number,
            contact.version,
            level,
            retracted,
            contact.recorded_at,
            body["id"],
            first_day,
            contact.last_day,
            body["channel"],
            body["medium"],
            body["direction"],
            body["outcome"],
            *parts,
            *history,
        ]
        self._links[position] = [
            (kind, value, first_day, number, position, OPEN, roles, level, retracted)
            for (kind, value), roles in links_of(contact).items()
        ]


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
        for prefix in kle_prefixes(number):
            links[KLE, prefix] = 0
    for number in body["case_numbers"]:
        links[CASE, number] = 0
    for flag in body["flags"]:
        links[FLAG, flag] = 0
    if body["source"] is not None:
        links[SOURCE, body["source"]["system"]] = 0
    for kind in ("enquiry", "meeting"):
        if body[kind] is not None:
            links[TARGET, f"{kind}:{body[kind]}"] = 0
    for link in body["links"]:
        links[TARGET, f"{link['kind']}:{link['target']}"] = 0
        if link["kind"] == "case":
            links[CASE, link["target"]] = 0
    return links


def kle_prefixes(number: str) -> list[str]:
    """Return a KLE number and the groups it stands under: `03.10.24` also `03.10` and `03`."""
    parts = number[:8].split(".")
    groups = [".".join(parts[: n + 1])[: 2 + 3 * n] for n in range(len(parts))]
    return list(dict.fromkeys([*groups, number]))


def _as(links: Links, party: Json, role: int) -> None:
    key = (PARTY, party["id"])
    links[key] = links.get(key, 0) | role
