"""S6: clients that send or read slowly lose their connections; honest ones do not notice.

A real server process and raw sockets: what is proved is uvicorn with our protocol, not a test
client. Readers who do not read cannot see that they were cut off, so the server's own open sockets
are counted.
"""

import asyncio
import json
import random
import signal
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import ROOT
from tests.proof.desk import contact
from tests.proof.service import (
    PATIENCE_SECONDS,
    PAUSE_SECONDS,
    Installation,
    Service,
    running,
    settled,
    until,
)

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

SECONDS = 2.0
"""Every deadline of the server under attack."""
SLACK_SECONDS = 30.0
"""Grace, the time between two looks, and a machine that others use too; far from `NEVER`."""
WATCHED_SECONDS = 8.0
"""How long it is looked whether a server without deadlines ends anything."""
DRIP_SECONDS = 0.4
HONEST_P99_SECONDS = 1.0
HONEST_ANSWERS = 100
"""So many are waited for beside an attack."""
EACH = 300
BIG_READERS = 8
BETWEEN_READERS_SECONDS = 0.005
"""Else what is measured is three hundred requests at once, which wait for each other."""
NEVER = 600
PATIENT = {
    "KONTAKTLOG_HEADER_SECONDS": str(NEVER),
    "KONTAKTLOG_RECEIVE_SECONDS": str(NEVER),
    "KONTAKTLOG_IDLE_SECONDS": str(NEVER),
}
STRICT = dict.fromkeys(PATIENT, str(SECONDS))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation with a list so long that no buffer of the system takes it whole."""
    made = settled(Installation(tmp_path_factory.mktemp("slow") / "home"))
    chance = random.Random(2010)
    with running(made) as service:
        until(lambda: knows(service, "TMF", "KAB"), "the key and the parties")
        items = [contact(None, chance, facts="kø " * 4_000) for _ in range(500)]
        batch = service.ask("POST", "/v1/contacts/batch", {"items": items}).json
        assert batch["recorded"] == len(items)
        newest = f"/v1/contacts?limit=1&min_position={batch['position']}"
        until(lambda: service.get(newest).status == 200, "the list")
        assert service.end(signal.SIGTERM) == 0
    return made


def knows(service: Service, *names: str) -> bool:
    """Whether the service takes our key, and contacts may name these parties."""
    answer = service.get("/v1/parties")
    return answer.status == 200 and {*names} <= {each["name"] for each in answer.json["items"]}


@pytest.fixture
def strict(home: Installation) -> Iterator[Service]:
    home.more = {**STRICT, "KONTAKTLOG_RATE_PER_SECOND": "0"}
    with running(home) as service:
        service.wait_ready()
        yield service


@pytest.fixture
def patient(home: Installation) -> Iterator[Service]:
    home.more = {**PATIENT, "KONTAKTLOG_RATE_PER_SECOND": "0"}
    with running(home) as service:
        service.wait_ready()
        yield service


# ── those who are slow ───────────────────────────────────────────────────────────────────────────


def sockets_of(service: Service) -> int:
    """The sockets that the server has open."""
    count = 0
    for link in Path(f"/proc/{service.process.pid}/fd").iterdir():
        with suppress(OSError):
            count += str(link.readlink()).startswith("socket:")
    return count


async def ended(writer: asyncio.StreamWriter) -> None:
    """Drop a connection whatever state it is in."""
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


@dataclass
class Attack:
    """Slow connections of three kinds against one server, and what became of them."""

    service: Service
    lives: dict[str, list[float]] = field(
        default_factory=lambda: {"head": [], "body": [], "read": []}
    )
    """Seconds each connection lived, as its client saw it."""
    begun: int = 0
    """Connections that drip, or did."""

    @property
    def place(self) -> tuple[str, int]:
        parts = urlsplit(self.service.address)
        assert parts.hostname is not None and parts.port is not None
        return parts.hostname, parts.port

    def head(self, method: str, path: str, *more: str) -> bytes:
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: kontaktlog",
            f"Authorization: Bearer {self.service.home.token}",
            *more,
        ]
        return ("\r\n".join(lines) + "\r\n").encode()

    async def drip(self, kind: str, first: bytes, drop: bytes) -> None:
        """Send `first`, then a drop now and then, until the server ends it."""
        reader, writer = await asyncio.open_connection(*self.place)
        begun = time.monotonic()
        self.begun += 1
        try:
            writer.write(first)
            with suppress(OSError):
                while await self.in_silence(reader):
                    writer.write(drop)
            self.lives[kind].append(time.monotonic() - begun)
        finally:
            await ended(writer)

    @staticmethod
    async def in_silence(reader: asyncio.StreamReader) -> bool:
        """Wait a little; whether the server has not ended the connection meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRIP_SECONDS):
                return await reader.read(65_536) != b""
        return True

    async def slow_head(self) -> None:
        await self.drip("head", self.head("GET", "/v1/parties"), b"X-A: b\r\n")

    async def slow_body(self) -> None:
        first = self.head("POST", "/v1/contacts", *JSON, "Content-Length: 9000") + b"\r\n{"
        await self.drip("body", first, b" ")

    @asynccontextmanager
    async def slow_reader(self, path: str) -> AsyncIterator[None]:
        """Ask for much and read nothing of it."""
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        line.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(line, self.place)
        await loop.sock_sendall(line, self.head("GET", path) + b"\r\n")
        try:
            yield
        finally:
            line.close()


JSON = ("Content-Type: application/json",)


@dataclass
class Outcome:
    """What an attack came to."""

    lives: dict[str, list[float]]
    readers_ended: float | None
    """Seconds after which the server held no more sockets than before; None: it still does."""
    honest: list[float]
    """Seconds of each honest request."""

    def faults(self, each: int) -> set[str]:
        found = {
            kind
            for kind in ("head", "body")
            if len(self.lives[kind]) < each
            or max(self.lives[kind], default=0.0) > SECONDS + SLACK_SECONDS
        }
        if self.readers_ended is None:
            found.add("read")
        if p99(self.honest) >= HONEST_P99_SECONDS:
            found.add("honest clients wait")
        return found


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


@asynccontextmanager
async def honest(attack: Attack, seconds: list[float]) -> AsyncIterator[None]:
    """An honest client beside us that has begun; `seconds` are what each answer takes from now."""
    host, port = attack.place
    asked = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.api.honest", host, str(port), attack.service.home.token),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )

    async def hear() -> None:
        assert asked.stdout is not None
        while line := await asked.stdout.readline():
            seconds.append(float(line))

    hearing = asyncio.create_task(hear())
    try:
        await reached(lambda: len(seconds) > 0, "an honest answer")
        seconds.clear()
        yield
    finally:
        assert asked.stdin is not None
        asked.stdin.close()
        await asyncio.gather(hearing, asked.wait())
    assert asked.returncode == 0


async def reached(is_so: Callable[[], bool], what: str) -> None:
    """Look again and again until it is so; what never comes is a failure."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"never came: {what}"
        await asyncio.sleep(PAUSE_SECONDS)


async def attacked(service: Service, each: int, big_readers: int, seconds: float) -> Outcome:
    """Let `each` slow clients of each kind loose; wait for their end, at most `seconds`."""
    attack = Attack(service)
    before = most = sockets_of(service)
    waited: list[float] = []
    empty_after: float | None = None
    async with (
        AsyncExitStack() as readers,
        asyncio.TaskGroup() as group,
        honest(attack, waited),
    ):
        slow = [group.create_task(attack.slow_head()) for _ in range(each)]
        slow += [group.create_task(attack.slow_body()) for _ in range(each)]
        for number in range(each):
            limit = 500 if number < big_readers else 2
            await readers.enter_async_context(attack.slow_reader(f"/v1/contacts?limit={limit}"))
            await asyncio.sleep(BETWEEN_READERS_SECONDS)
            if number % 10 == 0:
                most = max(most, sockets_of(service))
        begun = time.monotonic()
        await reached(lambda: max(most, sockets_of(service)) > before, "the attack")
        while time.monotonic() < begun + seconds:
            if all(task.done() for task in slow) and sockets_of(service) <= before + 1:
                empty_after = time.monotonic() - begun
                break
            await asyncio.sleep(0.1)
        await reached(lambda: len(waited) >= HONEST_ANSWERS, "honest answers")
        for task in slow:
            task.cancel()
    return Outcome(attack.lives, empty_after, waited)


def test_slow_clients_lose_their_connections_and_honest_ones_do_not_notice(
    strict: Service,
) -> None:
    files = len(list(Path(f"/proc/{strict.process.pid}/fd").iterdir()))
    outcome = asyncio.run(attacked(strict, EACH, BIG_READERS, 2 * SECONDS + SLACK_SECONDS))
    told = {
        "longest head": max(outcome.lives["head"], default=None),
        "longest body": max(outcome.lives["body"], default=None),
        "readers": outcome.readers_ended,
        "honest p99": p99(outcome.honest),
        "honest": sorted(outcome.honest)[-9:],
    }
    assert outcome.faults(EACH) == set(), told
    until(lambda: len(list(Path(f"/proc/{strict.process.pid}/fd").iterdir())) <= files, "its files")
    assert strict.get("/livez").status == 200


def test_the_check_catches_a_server_without_deadlines(patient: Service) -> None:
    """Teeth."""
    outcome = asyncio.run(attacked(patient, 10, 2, WATCHED_SECONDS))
    assert outcome.faults(10) == {"head", "body", "read"}


def test_a_full_house_of_slow_clients_lets_honest_ones_in(home: Installation) -> None:
    home.more = {**PATIENT, "KONTAKTLOG_CONNECTIONS_MAX": "50"}
    with running(home) as service:
        service.wait_ready()
        before = sockets_of(service)

        async def story() -> list[float]:
            attack, waited = Attack(service), list[float]()
            async with asyncio.TaskGroup() as group, honest(attack, waited):
                slow = [group.create_task(attack.slow_head()) for _ in range(EACH)]

                def is_full_and_open() -> bool:
                    assert sockets_of(service) <= before + 50 + 2
                    if attack.begun < EACH:
                        waited.clear()
                    return len(waited) >= HONEST_ANSWERS

                await reached(is_full_and_open, "honest answers")
                for task in slow:
                    task.cancel()
            return waited

        waited = asyncio.run(story())
        assert p99(waited) < HONEST_P99_SECONDS


# ── bad things at once ───────────────────────────────────────────────────────────────────────────


async def said(attack: Attack, *parts: bytes, in_turn: bool) -> bytes:
    """Send the parts and return all that comes until the server ends the connection.

    With `in_turn` each part waits until as many answers have come as parts went before it.
    """
    reader, writer = await asyncio.open_connection(*attack.place)
    told, more = b"", b"."
    async with asyncio.timeout(PATIENCE_SECONDS):
        with suppress(OSError):
            for number, part in enumerate(parts):
                while in_turn and more and len(statuses(told)) < number:
                    told += (more := await reader.read(65_536))
                writer.write(part)
                await writer.drain()
        with suppress(OSError):
            while more := await reader.read(65_536):
                told += more
    await ended(writer)
    return told


def exchange(service: Service, *parts: bytes, in_turn: bool = False) -> bytes:
    return asyncio.run(said(Attack(service), *parts, in_turn=in_turn))


def statuses(told: bytes) -> list[int]:
    return [int(part[:3]) for part in told.split(b"HTTP/1.1 ")[1:]]


GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_a_body_that_never_comes_is_told_as_too_slow(strict: Service) -> None:
    attack = Attack(strict)
    told = exchange(
        strict, attack.head("POST", "/v1/contacts", *JSON, "Content-Length: 9") + b"\r\n"
    )
    assert statuses(told) == [408]
    assert b"request_timeout" in told


def test_an_unread_body_is_thrown_away_and_the_connection_goes_on(patient: Service) -> None:
    body = b"x" * 200_000
    first = b"POST /v1/contacts HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert statuses(exchange(patient, first, body, LAST)) == [401, 200]


def test_an_unread_body_without_end_is_cut_off(strict: Service) -> None:
    first = b"POST /v1/contacts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def story() -> int:
        _, writer = await asyncio.open_connection(*Attack(strict).place)
        writer.write(first)
        sent, chunk = 0, b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        with suppress(OSError):
            while sent < 1_000_000_000:
                writer.write(chunk)
                await writer.drain()
                sent += len(chunk)
        await ended(writer)
        return sent

    assert asyncio.run(story()) < 1_000_000_000
    assert strict.get("/livez").status == 200


def test_who_expects_to_be_told_to_continue_is_or_is_answered_for_good(patient: Service) -> None:
    attack = Attack(patient)
    expect = ("Expect: 100-continue", "Content-Length: 2")
    asked = attack.head("POST", "/v1/contacts", *JSON, *expect) + b"\r\n"
    told = exchange(patient, asked, b"{}", in_turn=True)
    assert statuses(told) == [100, 400]
    refused = b"POST /v1/contacts HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    told = exchange(patient, refused + b"Content-Length: 2\r\n\r\n", GET, in_turn=True)
    assert statuses(told) == [401], "what follows could be the body, so nothing of it is answered"
    assert b"connection: close" in told.lower()


def test_requests_in_one_piece_are_answered_in_order(patient: Service) -> None:
    missing = b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n"
    assert statuses(exchange(patient, GET + missing + GET + LAST)) == [200, 404, 200, 200]


def test_too_many_requests_in_one_piece_end_the_connection(patient: Service) -> None:
    assert len(statuses(exchange(patient, GET * 2_000))) < 20
    assert patient.get("/livez").status == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nx",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n",
    ],
)
def test_what_is_no_http_gets_one_400_and_its_end(patient: Service, garbage: bytes) -> None:
    assert statuses(exchange(patient, garbage)) == [400]


def test_a_chunk_that_is_none_ends_its_request_only(patient: Service) -> None:
    attack = Attack(patient)
    first = attack.head("POST", "/v1/contacts", *JSON, "Transfer-Encoding: chunked") + b"\r\n"
    assert statuses(exchange(patient, first, b"2\r\n{}\r\nzz\r\n")) == [400]
    assert statuses(exchange(patient, first + b"zz\r\n")) == [400]
    assert patient.get("/livez").status == 200


def test_garbage_behind_a_request_never_stands_in_for_its_answer(patient: Service) -> None:
    """Else a caller would take the 400 for the answer to a contact that was logged."""
    attack = Attack(patient)
    body = json.dumps(contact(None, random.Random(1))).encode()
    asked = attack.head("POST", "/v1/contacts", *JSON, f"Content-Length: {len(body)}")
    assert statuses(exchange(patient, asked + b"\r\n" + body + b"\0\0 garbage\r\n")) == [201]


def test_an_endless_head_is_refused_at_a_size(patient: Service) -> None:
    async def story() -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection(*Attack(patient).place)
        writer.write(b"GET / HTTP/1.1\r\n")
        sent, told = 0, b""
        with suppress(OSError):
            while sent < 100_000_000:
                writer.write(b"X: " + b"y" * 8_000 + b"\r\n")
                await writer.drain()
                sent += 8_005
        with suppress(OSError):
            told = await reader.read()
        await ended(writer)
        return sent, told

    sent, told = asyncio.run(story())
    assert sent < 50_000_000
    assert told == b"" or statuses(told) == [400]


def test_headers_behind_a_body_are_no_headers(patient: Service) -> None:
    attack = Attack(patient)
    first = attack.head("POST", "/v1/contacts", *JSON, "Transfer-Encoding: chunked") + b"\r\n"
    trailer = b"2\r\n{}\r\n0\r\n" + b"X-Request-Id: from-the-trailer\r\n" * 1_000 + b"\r\n"
    told = exchange(patient, first, trailer + LAST)
    assert statuses(told) == [400, 200]
    assert b"from-the-trailer" not in told


def test_http_1_0_gets_one_answer_and_its_end(patient: Service) -> None:
    told = exchange(patient, b"GET /livez HTTP/1.0\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 200") and told.endswith(b'{"status":"alive"}')


def test_head_answers_the_headers_alone_and_goes_on(patient: Service) -> None:
    head = b"HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    told = exchange(patient, head + LAST)
    assert statuses(told) == [200, 200]
    assert told.count(b'{"status":"alive"}') == 1


def test_somebody_limited_while_sending_is_told_and_may_go_on(home: Installation) -> None:
    home.more = {**PATIENT, "KONTAKTLOG_RATE_PER_SECOND": "0.001", "KONTAKTLOG_RATE_BURST": "1"}
    with running(home) as service:
        attack = Attack(service)
        body = b"x" * 300_000
        head = attack.head("POST", "/v1/contacts", *JSON, f"Content-Length: {len(body)}") + b"\r\n"
        told = exchange(service, head + body, head + body, LAST, in_turn=True)
        assert statuses(told)[-2:] == [429, 200]
        assert b"retry-after: " in told.lower()


def test_an_idle_connection_is_closed_without_a_word(strict: Service) -> None:
    begun = time.monotonic()
    assert statuses(exchange(strict, GET)) == [200]
    assert SECONDS * 0.9 <= time.monotonic() - begun <= SECONDS + SLACK_SECONDS
