"""API keys as rows (API-nøgler): which key has which role and scope, and which are withdrawn.

The door asks this view who is speaking; the secret itself is nowhere, only its hash.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from domain.log.codec import Fact
from projections.storage import OPEN, Reader, Tx

ISSUED: Final = "access.key_issued/1"
REVOKED: Final = "access.key_revoked/1"
EXPIRY_SET: Final = "access.key_expiry_set/1"


class KeyRow(NamedTuple):
    """One API key as known at a position."""

    secret_sha256: str
    role: str
    scopes: tuple[str, ...]
    expires_at: str | None
    revoked: bool
    label: str | None


class KeysView:
    """Keys as issued: one row per key, and a further one from each change of it on."""

    name = "keys"
    version = 2
    types = frozenset({ISSUED, REVOKED, EXPIRY_SET})

    def tables(self) -> tuple[str, ...]:
        """Return the DDL; `revoked` is 0 or 1."""
        return (
            (
                "CREATE TABLE api_key_{v} (key_id {text} NOT NULL, from_position {bigint} NOT NULL,"
                " to_position {bigint} NOT NULL, secret_sha256 {text} NOT NULL,"
                " role {text} NOT NULL, scopes {text} NOT NULL, expires_at {text},"
                " revoked {bigint} NOT NULL, label {text},"
                " PRIMARY KEY (key_id, from_position))"
            ),
        )

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Open a row for an issued key; on withdrawal or a new end close it and open another."""
        for fact in facts:
            key_id = fact.data["key_id"]
            if fact.type == ISSUED:
                self._open(tx, v, fact)
                continue
            changed = "expires_at, 1" if fact.type == REVOKED else "CAST(? AS TEXT), revoked"
            told = [] if fact.type == REVOKED else [fact.data["expires_at"]]
            tx.run(
                f"INSERT INTO api_key_{v} SELECT key_id, ?, to_position, secret_sha256, role,"
                f" scopes, {changed}, label FROM api_key_{v} WHERE key_id=? AND to_position=?",
                (fact.position, *told, key_id, OPEN),
            )
            tx.run(
                f"UPDATE api_key_{v} SET to_position=?"
                " WHERE key_id=? AND to_position=? AND from_position<?",
                (fact.position, key_id, OPEN, fact.position),
            )

    def _open(self, tx: Tx, v: str, fact: Fact) -> None:
        data = fact.data
        tx.run(
            f"INSERT INTO api_key_{v} VALUES (?,?,?,?,?,?,?,?,?)",
            (
                data["key_id"],
                fact.position,
                OPEN,
                data["secret_sha256"],
                data["role"],
                orjson.dumps(data["scopes"]).decode(),
                data["expires_at"],
                0,
                data["label"],
            ),
        )


VIEW: Final = KeysView()


def find(reader: Reader, v: str, key_id: str, at: int = OPEN - 1) -> KeyRow | None:
    """Return the key as known at `at` (the newest when left out), or None when never issued."""
    row = reader.one(
        f"SELECT secret_sha256, role, scopes, expires_at, revoked, label FROM api_key_{v}"
        " WHERE key_id=? AND from_position<=? AND to_position>?",
        (key_id, at, at),
    )
    if row is None:
        return None
    return KeyRow(row[0], row[1], tuple(orjson.loads(row[2])), row[3], bool(row[4]), row[5])


class Keys(NamedTuple):
    """One page of keys as ready JSON, newest change first; `next` continues after it."""

    items: list[bytes]
    next: int | None


def listing(reader: Reader, v: str, at: int, limit: int, after: int | None = None) -> Keys:
    """Return keys without secrets or their hashes; `after` is the `next` of the page before."""
    rows = reader.all(
        f"SELECT from_position, key_id, role, scopes, expires_at, revoked, label FROM api_key_{v}"
        " WHERE from_position<=? AND to_position>? AND from_position<?"
        " ORDER BY from_position DESC, key_id LIMIT ?",
        (at, at, OPEN if after is None else after, limit + 1),
    )
    items = [
        orjson.dumps(
            {
                "key_id": row[1],
                "role": row[2],
                "scopes": orjson.loads(row[3]),
                "label": row[6],
                "expires_at": row[4],
                "revoked": bool(row[5]),
                "position": row[0],
            }
        )
        for row in rows[:limit]
    ]
    return Keys(items, rows[limit - 1][0] if len(rows) > limit else None)
