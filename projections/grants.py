"""Grants as rows (rettigheder): who holds which role within which scope, from which day to which.

The door asks this view under which grants a person who signed in may act. Holders stand here as
pseudonyms; who they are, nothing in the log or its views tells.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from domain.access import GrantRow, Role, grants_in_force
from domain.log.codec import Fact
from domain.registry import Json
from domain.storage.clock import moment
from domain.values import instant_text
from projections.storage import OPEN, Reader, Tx

GIVEN: Final = "access.grant_given/1"
WITHDRAWN: Final = "access.grant_withdrawn/1"
OF_ONE_MAX: Final = 100
"""Grants looked at for one person; whoever has more acts under the newest ones."""


class Grants(NamedTuple):
    """One page of grants as ready JSON, newest first; `next` continues after it."""

    items: list[bytes]
    next: int | None


class GrantsView:
    """Given grants: one row each, and a second one from its withdrawal on."""

    name = "grants"
    version = 1
    types = frozenset({GIVEN, WITHDRAWN})

    def tables(self) -> tuple[str, ...]:
        """Return the DDL; `given` is the position of the gift, `body` the rest as JSON."""
        return (
            (
                "CREATE TABLE access_grant_{v} (grant_id {text} NOT NULL,"
                " from_position {bigint} NOT NULL, to_position {bigint} NOT NULL,"
                " given {bigint} NOT NULL, holder {text} NOT NULL, body {blob} NOT NULL,"
                " PRIMARY KEY (grant_id, from_position))"
            ),
            "CREATE INDEX access_grant_holder_{v} ON access_grant_{v} (holder, given)",
            "CREATE INDEX access_grant_given_{v} ON access_grant_{v} (given)",
        )

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Open a row for a grant; on withdrawal close it and open one that says so."""
        for fact in facts:
            if fact.type == GIVEN:
                self._open(tx, v, fact, fact.position, body_of(fact))
            else:
                self._withdraw(tx, v, fact)

    def _withdraw(self, tx: Tx, v: str, fact: Fact) -> None:
        key = (fact.data["grant_id"], OPEN)
        row = tx.one(
            f"SELECT given, body FROM access_grant_{v} WHERE grant_id=? AND to_position=?", key
        )
        if row is None:
            return
        tx.run(
            f"UPDATE access_grant_{v} SET to_position=? WHERE grant_id=? AND to_position=?",
            (fact.position, *key),
        )
        self._open(tx, v, fact, row[0], withdrawn(orjson.loads(row[1]), fact))

    def _open(self, tx: Tx, v: str, fact: Fact, given: int, body: Json) -> None:
        row = (body["id"], fact.position, OPEN, given, body["holder"], orjson.dumps(body))
        tx.run(f"INSERT INTO access_grant_{v} VALUES (?,?,?,?,?,?)", row)


VIEW: Final = GrantsView()


def body_of(fact: Fact) -> Json:
    """Return a grant as it is shown, from the event that gave it."""
    data = fact.data
    return {
        "id": data["grant_id"],
        "holder": data["holder"],
        "role": data["role"],
        "scopes": data["scopes"],
        "valid_from": data["valid_from"],
        "valid_to": data["valid_to"],
        "reason": data["reason"],
        "given_by": {name: fact.meta.get(name) for name in ("actor", "role", "via")},
        "recorded_at": instant_text(moment(fact.recorded_at)),
        "withdrawn": None,
        "position": fact.position,
    }


def withdrawn(body: Json, fact: Fact) -> Json:
    """Return a grant as it is shown after the event that took it back."""
    told = {
        "reason": fact.data["reason"],
        "recorded_at": instant_text(moment(fact.recorded_at)),
        **{name: fact.meta.get(name) for name in ("actor", "role", "via")},
    }
    return {**body, "withdrawn": told, "position": fact.position}


def shown(body: Json, day: str) -> bytes:
    """Return a grant as JSON, telling also whether it is in force on a day."""
    return orjson.dumps({**body, "in_force": bool(grants_in_force([row_of(body)], day))})


def row_of(body: Json) -> GrantRow:
    """Return the grant as the rules of access take it."""
    return GrantRow(
        grant_id=body["id"],
        holder=body["holder"],
        role=Role(body["role"]),
        scopes=tuple(body["scopes"]),
        valid_from=body["valid_from"],
        valid_to=body["valid_to"],
        withdrawn=body["withdrawn"] is not None,
    )


def of_holder(reader: Reader, v: str, at: int, holder: str) -> list[GrantRow]:
    """Return a person's grants, newest first, also those not in force (`grants_in_force`)."""
    rows = reader.all(
        f"SELECT body FROM access_grant_{v} WHERE holder=? AND from_position<=? AND to_position>?"
        " ORDER BY given DESC LIMIT ?",
        (holder, at, at, OF_ONE_MAX),
    )
    return [row_of(orjson.loads(row[0])) for row in rows]


def bodies_of(reader: Reader, v: str, at: int, holder: str, day: str) -> list[bytes]:
    """Return a person's grants as JSON, newest first."""
    return listing(reader, v, at, day, OF_ONE_MAX, holder=holder).items


def one(reader: Reader, v: str, at: int, day: str, grant_id: str) -> bytes | None:
    """Return one grant as JSON, or None."""
    row = reader.one(
        f"SELECT body FROM access_grant_{v}"
        " WHERE grant_id=? AND from_position<=? AND to_position>?",
        (grant_id, at, at),
    )
    return None if row is None else shown(orjson.loads(row[0]), day)


def listing(
    reader: Reader,
    v: str,
    at: int,
    day: str,
    limit: int,
    *,
    holder: str | None = None,
    after: int | None = None,
) -> Grants:
    """Return grants newest first, of everybody or of one; `after` is the `next` of a page."""
    where, params = ["from_position<=?", "to_position>?", "given<?"], [at, at]
    told: list[Any] = [*params, OPEN if after is None else after]
    if holder is not None:
        where.append("holder=?")
        told.append(holder)
    rows = reader.all(
        f"SELECT given, body FROM access_grant_{v} WHERE {' AND '.join(where)}"
        " ORDER BY given DESC LIMIT ?",
        (*told, limit + 1),
    )
    items = [shown(orjson.loads(row[1]), day) for row in rows[:limit]]
    return Grants(items, rows[limit - 1][0] if len(rows) > limit else None)
