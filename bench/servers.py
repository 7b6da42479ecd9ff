"""Starts the product and its limits as a user would: processes of their own, on loopback."""

import base64
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from tests.conftest import free_port

START_SECONDS_MAX = 60.0
KIBIBYTES_PER_MIB = 1024
UNHINDERED = {"KONTAKTLOG_RATE_PER_SECOND": "1000000", "KONTAKTLOG_RATE_BURST": "1000000"}
"""Rates are counted as ever, and never reached."""


class Server:
    """A running process that answers HTTP on a port."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, token: str = "") -> None:
        self.process = process
        self.port = port
        self.token = token
        self.start_seconds = 0.0
        """From the start of the process to its first good answer."""

    def request(self, method: str, path: str, body: bytes = b"", if_match: str = "") -> bytes:
        """Return the bytes of one keep-alive request, ready to be sent again and again."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        if self.token:
            head += f"Authorization: Bearer {self.token}\r\n"
        if if_match:
            head += f"If-Match: {if_match}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body

    def answer(
        self, method: str, path: str, body: bytes | None = None, if_match: str = ""
    ) -> tuple[bytes, Any]:
        """Return body and headers of one request; raises when the answer is an error."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if if_match:
            headers["If-Match"] = if_match
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=body, headers=headers, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read(), answer.headers

    def load(self, requests: Sequence[bytes], clients: int, seconds: float) -> dict[str, float]:
        """Send `requests` in turn from `clients` connections; return what was measured."""
        texts = [base64.b64encode(r).decode() for r in requests]
        job = {"port": self.port, "clients": clients, "seconds": seconds, "requests": texts}
        done = subprocess.run(
            [sys.executable, "-m", "bench.load"],
            input=orjson.dumps(job),
            capture_output=True,
            check=True,
        )
        measured: dict[str, float] = orjson.loads(done.stdout)
        return measured

    def memory_mib(self) -> float:
        """Return the proportional memory (PSS) of the process and its children in MiB."""
        family = [self.process.pid, *children_of(self.process.pid)]
        return sum(_pss_kib(pid) for pid in family) / KIBIBYTES_PER_MIB


def children_of(pid: int) -> list[int]:
    """Return the children of a process, and theirs."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    own = [int(child) for child in text.split()]
    return own + [grandchild for child in own for grandchild in children_of(child)]


def _pss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


@contextmanager
def product(environment: dict[str, str]) -> Iterator[Server]:
    """Run `kontaktlog serve` with its follower; yields when it answers an authorised query."""
    port = free_port()
    surroundings = {**os.environ, **UNHINDERED, **environment, "KONTAKTLOG_PORT": str(port)}
    token = environment.get("KONTAKTLOG_TEST_TOKEN") or token_of(environment)
    command = [sys.executable, "-c", "from api.cli.main import main; main()", "serve"]
    yield from _running(command, surroundings, port, "/v1/parties?limit=1", token)


@contextmanager
def empty(answer: Path) -> Iterator[Server]:
    """Run the empty FastAPI server, whose GET returns the bytes of `answer`."""
    port = free_port()
    command = [sys.executable, "-m", "bench.limits", str(port), str(answer)]
    yield from _running(command, dict(os.environ), port, "/answer", "")


def token_of(environment: dict[str, str]) -> str:
    """Issue a key for a case officer."""
    code = "from api.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "token", "new", "--role", "case_officer", "--json"],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
    )
    text: str = orjson.loads(done.stdout)["token"]
    return text


def _running(
    command: Sequence[str], surroundings: dict[str, str], port: int, path: str, token: str
) -> Iterator[Server]:
    started = time.perf_counter()
    with subprocess.Popen(
        command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        server = Server(process, port, token)
        try:
            _await(server, path)
            server.start_seconds = time.perf_counter() - started
            yield server
        finally:
            process.terminate()


def _await(server: Server, path: str) -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            server.answer("GET", path)
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > until or server.process.poll() is not None:
                raise
            time.sleep(0.005)
        else:
            return
