"""Cursors of lists (markører): where to go on, sealed so that nobody can change or read them.

A cursor is pinned to the position its list was read at and to the query it came from, so pages
neither skip nor repeat while others write. Sealing is deterministic (AES-SIV): the same question
gives the same bytes.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from api.http.problems import HttpProblem

CURSOR_CHARS_MAX: Final = 1_000
_NO_FILTERS: Final = frozenset({"cursor", "limit", "min_position"})


class Cursors:
    """Seals and opens cursors with a key of their own, derived from the master key."""

    def __init__(self, master_key: bytes) -> None:
        """The same master key reads the cursors of before a restart."""
        halves = [
            hmac.new(master_key, b"cursor\n" + part, sha256).digest() for part in (b"1", b"2")
        ]
        self._box = AESSIV(b"".join(halves))

    def seal(self, question: str, at: int, after: Any) -> str:
        """Return the cursor that goes on behind `after` in the answer to `question` at `at`."""
        clear = orjson.dumps([at, after])
        sealed = self._box.encrypt(clear, [question.encode()])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, question: str, cursor: str) -> tuple[int, Any]:
        """Return position and place; 400 unless it is a cursor of ours for this question."""
        try:
            raw = _sealed(cursor)
            at, after = orjson.loads(self._box.decrypt(raw, [question.encode()]))
        except (InvalidTag, binascii.Error, ValueError):
            fault = ("/query/cursor", "cursor_invalid", "ugyldig markør")
            raise HttpProblem("cursor_invalid", [fault]) from None
        return at, after


def _sealed(cursor: str) -> bytes:
    if len(cursor) > CURSOR_CHARS_MAX:
        raise ValueError("too long")
    raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != cursor:
        raise ValueError("not canonical")
    return raw


def question_of(path: str, given: Mapping[str, str | list[str]]) -> str:
    """Return what a cursor is pinned to: the path and every filter, in one order."""
    filters = {name: given[name] for name in sorted(given) if name not in _NO_FILTERS}
    return path + "\n" + orjson.dumps(filters).decode()
