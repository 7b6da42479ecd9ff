"""A desk that logs contacts over HTTP and never gives one up before its outcome is known."""

import hashlib
import http.client
import json
import random
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.proof.ledger import Ack, Ledger, faults, stored
from tests.proof.service import PATIENCE_SECONDS, Installation, Service

WAIT_A_LITTLE = frozenset({503, 507})


class Sending(NamedTuple):
    """One contact on its way: the same key and bytes each time it is sent."""

    key: str
    contact_id: str
    body: bytes


class Desk:
    """One caller; `ledger` gets what it was promised, `unknown` holds what it was not told."""

    def __init__(self, name: str, token: str, ledger: Ledger, seed: int) -> None:
        self.name = name
        self.token = token
        self.ledger = ledger
        self.sent: list[str] = []
        self.unknown: deque[Sending] = deque()
        self.refusals: list[tuple[int, str]] = []
        """Answers that asked to come back: status and code."""
        self._chance = random.Random(f"{seed} {name}")

    def send(self, address: str, stop: threading.Event) -> None:
        """Send until told to stop or the line breaks; what is unknown goes first, and again."""
        line = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_SECONDS)
        try:
            while not stop.is_set():
                if not self.unknown:
                    self.unknown.append(self._new())
                self.ask(line, self.unknown[0])
        except (OSError, http.client.HTTPException):
            return
        finally:
            line.close()

    def send_one(self, line: http.client.HTTPConnection) -> int:
        """Send one new contact over an open line."""
        self.unknown.append(self._new())
        return self.ask(line, self.unknown[-1])

    def finish(self, address: str) -> None:
        """Learn the outcome of all that was sent."""
        line = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_SECONDS)
        while self.unknown:
            self.ask(line, self.unknown[0])
        line.close()

    def ask(self, line: http.client.HTTPConnection, sending: Sending) -> int:
        """Send one contact; note the promise, or keep it for later."""
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": sending.key,
        }
        line.request("POST", "/v1/contacts", sending.body, headers)
        answer = line.getresponse()
        told = json.loads(answer.read())
        if answer.status == 201:
            assert told["id"] == sending.contact_id, told
            hashed = key_hash(self.token, sending.key)
            self.ledger.note(Ack(sending.contact_id, hashed, told["position"]))
            self.unknown.remove(sending)
        else:
            assert answer.status in WAIT_A_LITTLE, (answer.status, told)
            assert answer.headers["Content-Type"] == "application/problem+json"
            self.refusals.append((answer.status, told["code"]))
        return answer.status

    def _new(self) -> Sending:
        contact_id = version_7(self._chance.getrandbits(128))
        self.sent.append(contact_id)
        key = f"{self.name}-{len(self.sent)}"
        body = contact(contact_id, self._chance)
        return Sending(key, contact_id, json.dumps(body).encode())


@contextmanager
def at_work(desk: Desk, service: Service) -> Iterator[None]:
    """Let a desk send contacts meanwhile; nothing but our word may stop it."""
    stop = threading.Event()
    thread = threading.Thread(target=desk.send, args=(service.address, stop))
    thread.start()
    try:
        yield
        assert thread.is_alive(), "the line to the service broke"
    finally:
        stop.set()
        thread.join()


def growing(what: Desk | Sized, by: int = 1) -> Callable[[], bool]:
    """Whether there is more since now: promises of a desk, or anything that has a length."""
    things: Callable[[], Sized] = what.ledger.read if isinstance(what, Desk) else lambda: what
    before = len(things())
    return lambda: len(things()) >= before + by


def kept_all(home: Installation, desk: Desk) -> set[str]:
    """What of all that the desk sent is not there, or not whole."""
    promised = desk.ledger.read()
    found = faults(promised, stored(home.store), desk.sent)
    if {ack.contact_id for ack in promised} != set(desk.sent):
        found.add("not all were promised")
    return found | set(home.audit("--views")["faults_by_kind"])


def contact(contact_id: str | None, chance: random.Random, **more: Any) -> dict[str, Any]:
    """A contact of some size, now and then with a person in it."""
    words = ["boligerne", "aftalt", "helhedsplan", "beboerne", "udlejning", "møde", "frist"]
    body: dict[str, Any] = {
        "channel": "direct",
        "direction": "inbound",
        "medium": "phone",
        "occurred": "2010-02-22",
        "administrations": ["TMF"],
        "organisations": ["KAB"],
        "subject": " ".join(chance.choices(words, k=4)),
        "facts": " ".join(chance.choices(words, k=chance.randint(1, 120))),
    }
    if contact_id is not None:
        body["id"] = contact_id
    if chance.random() < 0.3:
        body["participants"] = [{"name": f"Person {chance.randrange(50)}", "party": "KAB"}]
    return body | more


def version_7(number: int) -> str:
    """The UUIDv7 that a client makes of a number of 128 bits."""
    fixed = (number & ~(0xF << 76) & ~(0x3 << 62)) | (7 << 76) | (2 << 62)
    return str(uuid.UUID(int=fixed))


def key_hash(token: str, key: str) -> str:
    """How an idempotency key stands in the log: docs/log-format.md says so, not our code."""
    key_id = token.split("_")[1]
    return hashlib.sha256(f"{key_id}\n{key}".encode()).hexdigest()
