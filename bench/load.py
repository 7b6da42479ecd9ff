"""A load client in a process of its own: keep-alive connections, requests rendered beforehand.

Reads a job as JSON on standard input and prints what it measured as JSON:
`{"port", "clients", "seconds", "requests": [base64, …]}` gives
`{"answers", "errors", "seconds", "p50_ms", "p99_ms"}`.
"""

import asyncio
import base64
import sys
import time
from typing import Any

import orjson
import uvloop


class _Client(asyncio.Protocol):
    """One connection that sends the next request as soon as the last is answered."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._buffer = b""
        self._sent = 0.0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self.transport.write(self._run.next_request())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        header = self._buffer[:head].lower()
        at = header.find(b"content-length:")
        length = int(header[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < head + 4 + length:
            return
        self._run.answered(time.perf_counter() - self._sent, ok=self._buffer[9:10] == b"2")
        self._buffer = b""
        if self._run.open():
            self._send()
        else:
            self.transport.close()
            self._run.ended()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost(exc)


class _Run:
    """What all connections of one job share."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._requests = [base64.b64decode(text) for text in job["requests"]]
        self._next = 0
        self._until: float = time.perf_counter() + job["seconds"]
        self._clients = job["clients"]
        self._port = job["port"]
        self._left = job["clients"]
        self._done = asyncio.Event()
        self._latencies: list[float] = []
        self._errors = 0

    async def measure(self) -> dict[str, float]:
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        for _ in range(self._clients):
            await loop.create_connection(lambda: _Client(self), "127.0.0.1", self._port)
        await self._done.wait()
        took = time.perf_counter() - started
        ordered = sorted(self._latencies)
        return {
            "answers": len(ordered),
            "errors": self._errors,
            "seconds": took,
            "p50_ms": ordered[len(ordered) // 2] * 1e3,
            "p99_ms": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e3,
        }

    def next_request(self) -> bytes:
        self._next += 1
        return self._requests[self._next % len(self._requests)]

    def answered(self, seconds: float, *, ok: bool) -> None:
        self._latencies.append(seconds)
        self._errors += not ok

    def open(self) -> bool:
        return time.perf_counter() < self._until

    def ended(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._done.set()

    def lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._errors += 1
            self.ended()


async def _main() -> None:
    job = orjson.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(orjson.dumps(await _Run(job).measure()))


if __name__ == "__main__":
    uvloop.run(_main())
