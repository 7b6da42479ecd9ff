"""API keys at the door: reads the bearer key, finds it in the view of keys, checks its secret.

Unknown, wrong, expired and revoked keys all get the same answer, so nobody learns which it was.
"""

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from api.http.problems import HttpProblem
from api.http.query import moment_microseconds
from domain.access import Principal, Role, principal_of
from domain.storage.clock import now_microseconds
from projections.keys import KeyRow

CACHE_SECONDS: Final = 2.0
"""How long a key that was found is believed, and so how long a revocation may take to bite."""
CACHE_KEYS_MAX: Final = 10_000
TOKEN_CHARS_MAX: Final = 400
PREFIX: Final = "kl"
_NOBODY: Final = "0" * 64

Find = Callable[[str], KeyRow | None]


@dataclass(slots=True)
class _Known:
    row: KeyRow
    principal: Principal
    expires_at: int | None
    until: float


class Keys:
    """Turns a key into a principal, with a short memory of keys that exist."""

    def __init__(self, find: Find, *, on_loop: bool) -> None:
        """`find` looks a key id up; `on_loop` says that it is quick enough for the event loop."""
        self._find = find
        self._on_loop = on_loop
        self._known: dict[str, _Known] = {}

    async def principal(self, authorization: str | None) -> Principal:
        """Return who asks; 401 unless the key exists, is alive and its secret fits."""
        key_id, secret = _parts(authorization)
        known = self._known.get(key_id)
        if known is None or known.until < time.monotonic():
            row = (
                self._find(key_id) if self._on_loop else await asyncio.to_thread(self._find, key_id)
            )
            known = self._remember(key_id, row)
        expected = known.row.secret_sha256 if known else _NOBODY
        fits = hmac.compare_digest(sha256(secret.encode()).hexdigest(), expected)
        if known is None or not fits or not _alive(known):
            raise refusal()
        return known.principal

    def _remember(self, key_id: str, row: KeyRow | None) -> _Known | None:
        if row is None:
            self._known.pop(key_id, None)
            return None
        if len(self._known) >= CACHE_KEYS_MAX:
            self._known.clear()
        expires = None if row.expires_at is None else moment_microseconds(row.expires_at)
        principal = principal_of(key_id, Role(row.role), row.scopes)
        known = _Known(row, principal, expires, time.monotonic() + CACHE_SECONDS)
        self._known[key_id] = known
        return known


def refusal() -> HttpProblem:
    """Return the one answer to every key that does not open."""
    return HttpProblem("unauthenticated", headers={"WWW-Authenticate": 'Bearer realm="kontaktlog"'})


def _parts(authorization: str | None) -> tuple[str, str]:
    """Take `Bearer kl_<id>_<secret>` apart."""
    scheme, _, token = (authorization or "").partition(" ")
    parts = token.strip().split("_", 2)
    if scheme.lower() != "bearer" or len(token) > TOKEN_CHARS_MAX or len(parts) != 3:  # noqa: PLR2004
        raise refusal()
    if parts[0] != PREFIX or not all(parts) or not token.isascii():
        raise refusal()
    return parts[1], parts[2]


def _alive(known: _Known) -> bool:
    if known.row.revoked:
        return False
    return known.expires_at is None or now_microseconds() < known.expires_at
