"""The view `direct`: who was in contact with whom, and who says to have been turned away, as rows.

One row per contact, administration and organisation, of both channels, valid between positions.
What a reader may see of a contact is asked of the view `contacts`, at the same position; who stands
for whom is asked of `parties`: so this view takes little of every contact that is logged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from domain.log.codec import Fact
from domain.registry import Json
from projections.contact_body import time_text
from projections.naming import placeholders, portions
from projections.storage import OPEN, Tx

LOGGED: Final = "contact.logged/1"
CORRECTED: Final = "contact.corrected/1"
RETRACTED: Final = "contact.retracted/1"
KINDS: Final = {
    "direct_contact.redirected/1": "redirected",
    "direct_contact.refused/1": "refused",
}
WITHDRAWN: Final = "direct_contact.account_withdrawn/1"
NAMED, SPOKEN_FOR = 1, 2
"""Bits of `roles`: named as the contact's organisation; spoken for, by name, by a participant."""
NOBODY: Final = ""
"""Stands for no organisation: a contact with an audience (udsendelse)."""

_PAIR: Final = """CREATE TABLE direct_pair_{v} (
    contact_id {text} NOT NULL,
    administration {text} NOT NULL,
    organisation {text} NOT NULL,
    from_position {bigint} NOT NULL,
    to_position {bigint} NOT NULL,
    number {bigint} NOT NULL,
    first_day {text} NOT NULL,
    last_day {text} NOT NULL,
    channel {text} NOT NULL,
    direction {text} NOT NULL,
    held {bigint} NOT NULL,
    roles {bigint} NOT NULL
)"""
_BY_CONTACT: Final = "CREATE INDEX direct_contact_{v} ON direct_pair_{v} (contact_id)"
_BY_DAY: Final = "CREATE INDEX direct_day_{v} ON direct_pair_{v} (first_day)"
_ACCOUNT: Final = """CREATE TABLE direct_account_{v} (
    account_id {text} NOT NULL,
    from_position {bigint} NOT NULL,
    to_position {bigint} NOT NULL,
    number {bigint} NOT NULL,
    kind {text} NOT NULL,
    side {text} NOT NULL,
    administration {text} NOT NULL,
    organisation {text} NOT NULL,
    by_unit {text} NOT NULL,
    first_day {text} NOT NULL,
    last_day {text} NOT NULL,
    confidentiality {text} NOT NULL,
    about {text},
    withdrawn {bigint} NOT NULL,
    body {blob} NOT NULL,
    PRIMARY KEY (account_id, from_position)
)"""
_ACCOUNT_COLUMNS: Final = 15


class DirectView:
    """Pairs of every contact, and accounts of being turned away."""

    name = "direct"
    version = 1
    types = frozenset({LOGGED, CORRECTED, RETRACTED, *KINDS, WITHDRAWN})

    def tables(self) -> tuple[str, ...]:
        """Return the DDL, with the index by which a correction finds its contact."""
        return (_PAIR, _BY_CONTACT, _ACCOUNT)

    def indexes(self) -> tuple[str, ...]:
        """Return the index of days, for windows."""
        return (_BY_DAY,)

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Write a page: contacts are folded in memory and written once."""
        page = _Page(tx, v, facts)
        for fact in facts:
            if fact.type in KINDS:
                _tell(tx, v, fact)
            elif fact.type == WITHDRAWN:
                _withdraw(tx, v, fact)
            else:
                page.take(fact)
        page.write()


VIEW: Final = DirectView()


@dataclass(frozen=True, slots=True)
class _Shape:
    """What counts need of a contact as it stands."""

    number: int
    administrations: tuple[str, ...]
    organisations: tuple[tuple[str, int], ...]
    """Each with its roles."""
    rest: tuple[str, str, str, str, int]
    """First day, last day, channel, direction, held."""


def _shape(number: int, content: Json, spoken: Iterable[str]) -> _Shape:
    occurred = content["occurred"]
    administrations = tuple(dict.fromkeys([party["id"] for party in content["administrations"]]))
    roles = {party["id"]: NAMED for party in content["organisations"]}
    for party in spoken:
        roles[party] = roles.get(party, 0) | SPOKEN_FOR
    return _Shape(
        number,
        administrations,
        tuple(roles.items()) or ((NOBODY, NAMED),),
        (
            occurred["first_day"],
            occurred["last_day"],
            content["channel"],
            content["direction"],
            int(content["outcome"] == "held"),
        ),
    )


def _spoken_for(participants: Iterable[Json]) -> list[str]:
    return [party["id"] for person in participants for party in person["spoke_for"]]


class _Page:
    """Contacts of one page: read once, folded, written once."""

    def __init__(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        self._tx, self._v = tx, v
        changed = [f.data["contact_id"] for f in facts if f.type in (CORRECTED, RETRACTED)]
        self._standing: dict[str, _Shape] = {}
        for some in portions(changed):
            self._read(some)
        self._unsaved: dict[str, int] = {}
        self._ends: list[tuple[int, str, int]] = []
        self._rows: list[tuple[object, ...]] = []

    def _read(self, contact_ids: Sequence[str]) -> None:
        rows = self._tx.all(
            "SELECT contact_id, number, administration, organisation, roles, first_day, last_day,"
            f" channel, direction, held FROM direct_pair_{self._v}"
            f" WHERE contact_id IN ({placeholders(len(contact_ids))}) AND to_position=?"
            " ORDER BY contact_id, administration, organisation",
            [*contact_ids, OPEN],
        )
        found: dict[str, list[tuple[object, ...]]] = {}
        for contact_id, *row in rows:
            found.setdefault(contact_id, []).append(tuple(row))
        for contact_id, held in found.items():
            ours = dict.fromkeys(str(row[1]) for row in held)
            theirs = {str(row[2]): int(str(row[3])) for row in held}
            number, *_, first, last, channel, direction, happened = held[0]
            rest = (str(first), str(last), str(channel), str(direction), int(str(happened)))
            self._standing[contact_id] = _Shape(
                int(str(number)), tuple(ours), tuple(theirs.items()), rest
            )

    def take(self, fact: Fact) -> None:
        """Fold one fact about a contact; after its retraction nothing counts any more."""
        contact_id: str = fact.data["contact_id"]
        if fact.type == LOGGED:
            spoken = _spoken_for(fact.data["participants"])
            self._open(contact_id, fact, _shape(fact.position, fact.data["content"], spoken))
            return
        before = self._standing.get(contact_id)
        if before is None:
            return
        if fact.type == CORRECTED:
            told = fact.data["participants"]
            kept = [party for party, roles in before.organisations if roles & SPOKEN_FOR]
            spoken = kept if told is None else _spoken_for(told)
            after = _shape(before.number, fact.data["content"], spoken)
            if _same(before, after):
                return
            self._close(contact_id, fact.position)
            self._open(contact_id, fact, after)
        else:
            self._close(contact_id, fact.position)

    def _open(self, contact_id: str, fact: Fact, shape: _Shape) -> None:
        self._standing[contact_id] = shape
        self._unsaved[contact_id] = fact.position

    def _close(self, contact_id: str, position: int) -> None:
        shape = self._standing.pop(contact_id)
        since = self._unsaved.pop(contact_id, None)
        if since is None:
            self._ends.append((position, contact_id, OPEN))
        else:
            self._add(contact_id, since, position, shape)

    def _add(self, contact_id: str, since: int, until: int, shape: _Shape) -> None:
        self._rows += [
            (contact_id, ours, theirs, since, until, shape.number, *shape.rest, roles)
            for ours in shape.administrations
            for theirs, roles in shape.organisations
        ]

    def write(self) -> None:
        """Write ends, then rows."""
        for contact_id, since in self._unsaved.items():
            self._add(contact_id, since, OPEN, self._standing[contact_id])
        if self._ends:
            self._tx.many(
                f"UPDATE direct_pair_{self._v} SET to_position=? WHERE contact_id=?"
                " AND to_position=?",
                self._ends,
            )
        if self._rows:
            self._tx.many(
                f"INSERT INTO direct_pair_{self._v} VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", self._rows
            )


def _same(before: _Shape, after: _Shape) -> bool:
    sides = (set(before.administrations), set(before.organisations), before.rest)
    return sides == (set(after.administrations), set(after.organisations), after.rest)


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────


def account_body(facts: Sequence[Fact]) -> Json:
    """Return an account of being turned away as JSON, from all its facts, oldest first."""
    body = _told(facts[0])
    for fact in facts[1:]:
        body = _after(body, fact)
    return body


def _told(fact: Fact) -> Json:
    data, when = fact.data, time_text(fact.recorded_at)
    text = data["text"] or {}
    occurred = data["occurred"]
    return {
        "id": data["account_id"],
        "version": 1,
        "status": "told",
        "position": fact.position,
        "recorded_at": when,
        "changed_at": when,
        "kind": KINDS[fact.type],
        **{key: data[key] for key in ("side", "administration", "organisation", "by_unit")},
        "medium": data["medium"],
        "occurred": {key: occurred[key] for key in ("from", "to", "precision", "text")},
        "told": text.get("told"),
        "reason": text.get("reason"),
        **{key: data[key] for key in ("still_helped", "topics", "about", "confidentiality")},
        "source": data["source"],
        "withdrawal": None,
        "recorded_by": {key: fact.meta.get(key) for key in ("actor", "role", "via")},
    }


def _after(body: Json, fact: Fact) -> Json:
    """Return the account after its withdrawal."""
    when = time_text(fact.recorded_at)
    why = fact.data["why"] or {}
    return {
        **body,
        "version": body["version"] + 1,
        "status": "withdrawn",
        "position": fact.position,
        "changed_at": when,
        "withdrawal": {"reason": why.get("reason"), "recorded_at": when},
    }


def _tell(tx: Tx, v: str, fact: Fact) -> None:
    data = fact.data
    unit = data["by_unit"]
    row = (
        data["account_id"],
        fact.position,
        OPEN,
        fact.position,
        KINDS[fact.type],
        data["side"],
        data["administration"]["id"],
        data["organisation"]["id"],
        unit["id"] if unit else "",
        data["occurred"]["first_day"],
        data["occurred"]["last_day"],
        data["confidentiality"],
        data["about"],
        0,
        orjson.dumps(_told(fact)),
    )
    marks = ",".join("?" * _ACCOUNT_COLUMNS)
    tx.run(f"INSERT INTO direct_account_{v} VALUES ({marks})", row)


def _withdraw(tx: Tx, v: str, fact: Fact) -> None:
    """End the account's row and begin the one that says it was withdrawn."""
    key = (fact.data["account_id"], OPEN)
    where = "account_id=? AND to_position=?"
    found = tx.one(f"SELECT * FROM direct_account_{v} WHERE {where}", key)
    if found is None:
        return
    tx.run(f"UPDATE direct_account_{v} SET to_position=? WHERE {where}", (fact.position, *key))
    body = orjson.dumps(_after(orjson.loads(found[14]), fact))
    row = (found[0], fact.position, OPEN, *found[3:13], 1, body)
    marks = ",".join("?" * _ACCOUNT_COLUMNS)
    tx.run(f"INSERT INTO direct_account_{v} VALUES ({marks})", row)
