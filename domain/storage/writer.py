"""The one batching writer of a process: group commit behind an async face.

Requests that arrive while a commit waits for the disk form the next batch, so the more there are,
the fewer commits each costs. What is still to be made of them is made for all that arrived in one
turn of the loop, one right after the other: the same work, done in a row, finds its code and data
in the processor's cache and takes a third less time. A conflict in a batch harms no neighbour; the
queue is bounded.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from domain.errors import DomainError, Unavailable
from domain.log.port import BATCH_REQUESTS_MAX, Append, Appended, Log, Outcome

QUEUE_MAX: Final = 10_000
"""Requests waiting at most; the next one is told to come back (503)."""

_Waiting = tuple[Append, "asyncio.Future[Appended]"]
_Unmade = tuple[Callable[[], Append], "asyncio.Future[Appended]"]


class Writer:
    """Batches appends of one event loop; `start` and `stop` frame its life."""

    def __init__(self, log: Log, queue_max: int = QUEUE_MAX) -> None:
        """Nothing runs before `start`."""
        self._log = log
        self._queue_max = queue_max
        self._waiting: deque[_Waiting] = deque()
        self._unmade: list[_Unmade] = []
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="log-commit")
        self._stopping = False

    async def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="log-writer")

    async def stop(self) -> None:
        """Write what is waiting, then end."""
        self._stopping = True
        self._arrived.set()
        if self._task is not None:
            await self._task
        self._disk.shutdown()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._waiting) + len(self._unmade)

    async def append(self, request: Append) -> Appended:
        """Return where the request's events stand, once they are on disk.

        Raises Conflict when its condition fails, Unavailable when nothing could be stored.
        """
        return await self._put(request)

    async def append_made(self, make: Callable[[], Append]) -> Appended:
        """Append what `make` returns; it is called soon, together with those of other requests.

        Raises what `make` raises, and what `append` does.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Appended] = loop.create_future()
        if self._stopping or self.waiting >= self._queue_max:
            raise Unavailable("queue_full")
        if not self._unmade:
            loop.call_soon(self._make)
        self._unmade.append((make, future))
        return await future

    async def append_many(self, requests: Sequence[Append]) -> list[Outcome]:
        """Append each on its own; return one outcome per request, in order."""
        futures = [self._put(request) for request in requests]
        return [_outcome(x) for x in await asyncio.gather(*futures, return_exceptions=True)]

    def _put(self, request: Append) -> "asyncio.Future[Appended]":
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        if self._stopping or self.waiting >= self._queue_max:
            future.set_exception(Unavailable("queue_full"))
            return future
        self._waiting.append((request, future))
        self._arrived.set()
        return future

    def _make(self) -> None:
        """Make the requests of all that arrived in this turn of the loop."""
        unmade, self._unmade = self._unmade, []
        for make, future in unmade:
            if future.done():
                continue  # its caller went away
            try:
                self._waiting.append((make(), future))
            except Exception as error:  # noqa: BLE001 each error is its own caller's
                future.set_exception(error)
        if self._waiting:
            self._arrived.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            while self._waiting:
                count = min(len(self._waiting), BATCH_REQUESTS_MAX)
                batch = [self._waiting.popleft() for _ in range(count)]
                await self._write(loop, batch)
            if self._unmade:
                self._make()
                continue
            if self._stopping:
                return
            self._arrived.clear()

    async def _write(self, loop: asyncio.AbstractEventLoop, batch: list[_Waiting]) -> None:
        try:
            staged = self._log.stage([request for request, _ in batch])
            outcomes = await loop.run_in_executor(self._disk, staged.commit)
        except DomainError as error:
            outcomes = [error] * len(batch)
        except Exception as error:  # noqa: BLE001 a waiting caller must never hang
            unavailable = Unavailable("store_unavailable", reason=type(error).__name__)
            unavailable.__cause__ = error
            outcomes = [unavailable] * len(batch)
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, DomainError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)


def _outcome(result: Appended | BaseException) -> Outcome:
    if isinstance(result, Appended | DomainError):
        return result
    raise result
