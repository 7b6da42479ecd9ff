"""The only owner of time, ids and randomness; everything else is handed them."""

import hashlib
import os
import secrets
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

MICROSECONDS = 1_000_000
PORTION_BYTES = 4_096
"""Random bytes fetched at once."""


def now() -> datetime:
    """Return the server's clock, aware UTC."""
    return datetime.now(UTC)


def now_microseconds() -> int:
    """Return the server's clock in microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000


def moment(microseconds: int) -> datetime:
    """Return microseconds since 1970 as an aware UTC datetime."""
    return datetime.fromtimestamp(microseconds // MICROSECONDS, UTC).replace(
        microsecond=microseconds % MICROSECONDS
    )


class _Entropy:
    """Random bytes of the operating system, fetched in larger portions.

    Each call to the system gives the interpreter away to other threads; sealing one contact would
    do so a dozen times, and wait as often for the thread that commits. No byte is given twice:
    taking is locked, and a forked child forgets its parent's portion.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._portion = b""
        self._used = 0
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Drop what is left of the portion."""
        self._lock = threading.Lock()
        self._portion, self._used = b"", 0

    def take(self, count: int) -> bytes:
        """Return `count` bytes that were never given before."""
        with self._lock:
            end = self._used + count
            if end > len(self._portion):
                self._portion, self._used, end = os.urandom(max(PORTION_BYTES, count)), 0, count
            taken = self._portion[self._used : end]
            self._used = end
        return taken


entropy = _Entropy().take
"""Return random bytes from the operating system (`entropy(count)`)."""


def secret_text(count: int = 32) -> str:
    """Return a URL-safe random secret of `count` bytes."""
    return secrets.token_urlsafe(count)


def new_id() -> str:
    """Return a fresh UUIDv7 (RFC 9562): milliseconds, then random bits; sorts by time."""
    value = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + entropy(10))
    value[6] = (value[6] & 0x0F) | 0x70
    value[8] = (value[8] & 0x3F) | 0x80
    return str(UUID(bytes=bytes(value)))


def id_of(*parts: str) -> str:
    """Return the UUIDv8 that stands for these parts: the same parts, the same id.

    Used for records that bring an identity of their own (source system and id; idempotency key
    and item), so that writing them twice is writing them once.
    """
    value = bytearray(hashlib.sha256("\n".join(parts).encode()).digest()[:16])
    value[6] = (value[6] & 0x0F) | 0x80
    value[8] = (value[8] & 0x3F) | 0x80
    return str(UUID(bytes=bytes(value)))
