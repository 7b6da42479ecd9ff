"""Answers given a moment ago, kept as ready bytes: a position pins what a list or report says.

Kept for two seconds and only for questions about now, so that what is remembered of keys and
families ages no further here, and no erased text outlives its erasure.
"""

import time
from collections.abc import Callable, Hashable
from typing import Final

KEPT_SECONDS: Final = 2.0
KEPT_BYTES_MAX: Final = 8 * 1024 * 1024
ANSWER_BYTES_MAX: Final = 1024 * 1024
"""A larger answer is not kept: it would push out all others."""


class Recent:
    """The latest answers by all they follow from; used by one event loop, so it takes no lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is kept yet."""
        self._clock = clock
        self._kept: dict[Hashable, tuple[float, bytes]] = {}
        self._size = 0

    def get(self, key: Hashable) -> bytes | None:
        """Return the answer to the same question, None when it is not kept or too old."""
        found = self._kept.get(key)
        if found is None or found[0] <= self._clock():
            return None
        return found[1]

    def put(self, key: Hashable, body: bytes) -> bytes:
        """Keep an answer, the oldest ones giving way; return it."""
        if len(body) <= ANSWER_BYTES_MAX:
            self._drop(key)
            self._kept[key] = (self._clock() + KEPT_SECONDS, body)
            self._size += len(body)
            while self._size > KEPT_BYTES_MAX:
                self._drop(next(iter(self._kept)))
        return body

    def _drop(self, key: Hashable) -> None:
        known = self._kept.pop(key, None)
        if known is not None:
            self._size -= len(known[1])
