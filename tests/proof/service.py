"""The running product under proof: started as a user starts it, ended as nobody should."""

import base64
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

KONTAKTLOG = "from api.cli.main import main; main()"
PATIENCE_SECONDS = 60.0
"""How long anything is waited for: a bound that says "never", on a machine that others use too."""
PAUSE_SECONDS = 0.01


class Answer:
    """What the service said to one request."""

    def __init__(self, status: int, headers: Message, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Installation:
    """One installation in a folder of its own, on either database."""

    folder: Path
    store: str = ""
    more: dict[str, str] = field(default_factory=dict)
    token: str = ""
    operator_log: Path = Path()
    """Where standard error goes; beside the folder, so that a full disk does not hide it."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store = self.store or f"sqlite:///{self.folder}/log.db"
        if not self.operator_log.name:
            self.operator_log = self.folder.parent / f"{self.folder.name}.stderr"

    @property
    def environment(self) -> dict[str, str]:
        ours = {name: text for name, text in os.environ.items() if "KONTAKTLOG_" not in name}
        return {
            **ours,
            "KONTAKTLOG_STORE": self.store,
            "KONTAKTLOG_DATA_DIR": str(self.folder),
            "KONTAKTLOG_MASTER_KEY": base64.b64encode(bytes(range(32))).decode(),
            "KONTAKTLOG_PORT": "0",
            "KONTAKTLOG_RATE_PER_SECOND": "1000000",
            "KONTAKTLOG_RATE_BURST": "1000000",
            # Who is slow here is the machine: only a proof of these limits sets them lower.
            "KONTAKTLOG_WAIT_SECONDS": "60",
            "KONTAKTLOG_HEADER_SECONDS": "600",
            "KONTAKTLOG_RECEIVE_SECONDS": "600",
            "KONTAKTLOG_IDLE_SECONDS": "600",
            **self.more,
        }

    def run(self, *arguments: str, accepted: tuple[int, ...] = (0,)) -> Any:
        """Run `kontaktlog … --json`; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", KONTAKTLOG, *arguments, "--json"],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert done.returncode in accepted and done.stdout, done.stderr.decode()
        return json.loads(done.stdout)

    def new_token(self, *options: str) -> str:
        token: str = self.run("token", "new", "--role", "case_officer", *options)["token"]
        return token

    def audit(self, *options: str) -> dict[str, Any]:
        """Run the audit program over the store as it is."""
        found: dict[str, Any] = self.run("audit", *options, accepted=(0, 1))
        return found

    def demand_clean(self, *, views: bool = True) -> dict[str, Any]:
        found = self.audit(*(["--views"] if views else []))
        assert found["result"] == "clean", found
        return found


class Service:
    """One life of the server, with its follower."""

    def __init__(self, home: Installation, code: str = KONTAKTLOG) -> None:
        self.home = home
        self._errors = home.operator_log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "serve"],
            env=home.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self.address = self._address()

    def _address(self) -> str:
        """Wait for the line that says where it listens."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_SECONDS)
        line = self.process.stdout.readline().decode() if ready else ""
        if not line.startswith("Kontaktlog: "):
            self.end(signal.SIGKILL)
            told = self.home.operator_log.read_text(encoding="utf-8")[-3_000:]
            raise AssertionError(f"the service did not start: {told}")
        return line.removeprefix("Kontaktlog: ").strip()

    def children(self) -> list[int]:
        """The processes it started, which have sessions of their own."""
        pid = self.process.pid
        with suppress(OSError):
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
            return [int(child) for child in text.split()]
        return []

    def end(self, number: int) -> int:
        """Send a signal to the whole process group and wait for the server's end."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        code = self.process.wait(PATIENCE_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()
        return code

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        token: str | None = None,
        **headers: str,
    ) -> Answer:
        """Ask once; an answer of any status is an answer, no answer raises OSError."""
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        sent["Authorization"] = f"Bearer {self.home.token if token is None else token}"
        data = None
        if body is not None:
            data, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        url = f"{self.address}{path}"
        request = urllib.request.Request(url, data=data, headers=sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def wait_ready(self) -> None:
        """Wait until contacts can be logged and seen."""
        until(lambda: self.get("/readyz").status == 200, "ready")


@contextmanager
def running(home: Installation, code: str = KONTAKTLOG) -> Iterator[Service]:
    """A service for a while; killed if the proof left it alive."""
    service = Service(home, code)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.end(signal.SIGKILL)


def settled(home: Installation) -> Installation:
    """Give a new installation a key and the parties of our contacts."""
    home.token = home.new_token()
    with running(home) as service:
        until(lambda: service.get("/v1/parties").status == 200, "the key")
        for kind, name in (("administration", "TMF"), ("housing_organisation", "KAB")):
            answer = service.ask("POST", "/v1/parties", {"kind": kind, "name": name})
            assert answer.status == 201, answer.body
            # A contact may name a party only once the view has it; the next life may be short.
            seen = service.get(f"/v1/parties?min_position={answer.json['position']}")
            assert seen.status == 200, seen.body
        service.wait_ready()
        assert service.end(signal.SIGTERM) == 0
    return home


def until(reached: Callable[[], bool], what: str) -> None:
    """Look again and again until it is so; what never comes is a failure."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(PAUSE_SECONDS)


def is_alive(pid: int) -> bool:
    """Whether a process still works; one that only waits to be buried does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in {"Z", "X"}
