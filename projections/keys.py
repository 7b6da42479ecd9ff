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


class KeyRow(NamedTuple):
    """One API key as known at a position."""

    secret_sha256: str
    role: str
    scopes: tuple[str, ...]
    expires_at: str | None
    revoked: bool
    label: str | None


class KeysView:
    """Issued and revoked keys: one row per key, and a second one from its withdrawal on."""

    name = "keys"
    version = 1
    types = frozenset({ISSUED, REVOKED})

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
        """Open a row for an issued key; on withdrawal close it and open a revoked one."""
        for fact in facts:
            key_id = fact.data["key_id"]
            if fact.type == ISSUED:
                self._open(tx, v, fact)
                continue
            tx.run(
                f"INSERT INTO api_key_{v} SELECT key_id, ?, to_position, secret_sha256, role,"
                f" scopes, expires_at, 1, label FROM api_key_{v} WHERE key_id=? AND to_position=?",
                (fact.position, key_id, OPEN),
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


def listing(reader: Reader, v: str, at: int) -> list[tuple[str, KeyRow]]:
    """Return every key with its id, newest first."""
    rows = reader.all(
        f"SELECT key_id, secret_sha256, role, scopes, expires_at, revoked, label FROM api_key_{v}"
        " WHERE from_position<=? AND to_position>? ORDER BY from_position DESC",
        (at, at),
    )
    return [
        (r[0], KeyRow(r[1], r[2], tuple(orjson.loads(r[3])), r[4], bool(r[5]), r[6])) for r in rows
    ]
