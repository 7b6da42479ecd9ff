"""The running service as its users have it: a process of its own, a command line, and HTTP.

Commands are processes and every answer comes over the wire. Only what an outsider computes alone,
the leaf of a row, is taken from the product.
"""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx2

from domain.log.leaf import body_hash, leaf_hash

MAPPINGS = Path(__file__).parents[2] / "docs" / "mappings"
NEVER_SECONDS = 300
"""How long anything is waited for: a bound that says "never", also on a machine under load."""
PAUSE_SECONDS = 0.01
PAGE_ROWS = 500
PROGRAM = [sys.executable, "-c", "from api.cli.main import main; main()"]
LISTENING = re.compile(r"Kontaktlog: (http://127\.0\.0\.1:\d+)\n")

Json = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Desk:
    """Whoever asks the service with one key; `head` is what every answer must have seen."""

    http: httpx2.Client
    head: int = 0

    def ask(self, path: str, **params: Any) -> httpx2.Response:
        answer = self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer

    def get(self, path: str, **params: Any) -> Any:
        return self.ask(path, **{"min_position": self.head} | params).json()

    def every(self, path: str, **params: Any) -> list[Json]:
        """All items of a list, by its cursor; no item may come twice."""
        page = self.get(path, limit=PAGE_ROWS, **params)
        found, seen = list(page["items"]), page["position"]
        while page["next"] is not None:
            page = self.get(path, limit=PAGE_ROWS, cursor=page["next"], **params)
            assert page["position"] == seen, "a cursor stays at the position of its first page"
            found += page["items"]
        assert len({json.dumps(item) for item in found}) == len(found)
        return found

    def contacts(self, **params: Any) -> list[Json]:
        return self.every("/v1/contacts", **params)

    def total(self, **params: Any) -> int:
        return int(self.get("/v1/reports/contacts", **params)["total"])

    def counts(self, *by: str, **params: Any) -> dict[Any, int]:
        """Counts by value in the report's own order; a party is its name, one value is bare."""
        report = self.get("/v1/reports/contacts", by=",".join(by), **params)
        assert len(report["rows"]) == min(report["groups"], params.get("limit", report["groups"]))
        return {value_of(row, by): row["contacts"] for row in report["rows"]}

    def entry_of(self, contact: Json) -> Json:
        """The row of the log behind a contact's newest version, as it is stored."""
        page = self.ask("/v1/log/entries", after=contact["position"] - 1, limit=1).json()
        (entry,) = page["items"]
        assert contact["id"] in entry["tags"]
        return dict(entry)

    def post(self, path: str, body: Json, **headers: str) -> httpx2.Response:
        """Send a body; header names are written with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.http.post(path, json=body, headers=named)
        self.head = max(self.head, int(answer.headers.get("Kontaktlog-Position", 0)))
        return answer

    def made(self, path: str, body: Json, **headers: str) -> Json:
        answer = self.post(path, body, **headers)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    def log_head(self) -> int:
        """The position of the log's last event, once the views are there."""
        return self._head_reached("views")

    def sealed_head(self) -> int:
        """The position of the log's last event, once a checkpoint covers it."""
        return self._head_reached("sealed")

    def _head_reached(self, by: str) -> int:
        """Ask again and again; who lags behind is not ready, and says so with another status."""
        head = 0

        def reached() -> bool:
            nonlocal head
            answer = self.http.get("/readyz")
            if answer.status_code != 200:
                assert answer.status_code == 503, answer.text
                return False
            found = answer.json()
            head = int(found["head"])
            return int(found[by]) >= head

        until(reached, f"{by} at the head of the log")
        return head

    def catch_up(self) -> None:
        """From now on ask for answers that know everything in the log."""
        self.head = self.log_head()


def until(reached: Callable[[], bool], what: str) -> None:
    """Look again and again until it is so; what never comes is a failure."""
    deadline = time.monotonic() + NEVER_SECONDS
    while not reached():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(PAUSE_SECONDS)


def leaf_of(entry: Json) -> bytes:
    """What an outsider computes of a row as it is stored."""
    body = body_hash(
        bytes.fromhex(entry["event_id"].replace("-", "")),
        entry["type"],
        entry["tags"],
        entry["metadata"].encode(),
        entry["data"].encode(),
        entry["stream_id"],
        entry["stream_version"],
        bytes.fromhex(entry["key_hash"]) if entry["key_hash"] else None,
    )
    return leaf_hash(entry["position"], entry["recorded_at"], body)


def value_of(row: Mapping[str, Any], by: tuple[str, ...]) -> Any:
    values = tuple(v["name"] if isinstance(v := row[name], dict) else v for name in by)
    return values[0] if len(values) == 1 else values


@dataclass
class Service:
    """One installation with its server running: its command line, and a desk for each role."""

    folder: Path
    environment: dict[str, str]
    auditor: Desk
    officer: Desk

    def run(self, *arguments: str | Path) -> Done:
        return run(self.environment, self.folder, *arguments)

    def load(
        self, mapping: Path, *files: Path, more: tuple[str, ...] = ()
    ) -> tuple[Done, list[Json]]:
        """Import files while the server runs; desks then ask for answers that know them."""
        done = self.run("import", "csv", *files, "--mapping", mapping, "--json", *more)
        assert "Traceback" not in done.err, done.err
        self.auditor.catch_up()
        self.officer.catch_up()
        if not done.out:
            return done, []
        return done, [done.json] if len(files) == 1 else done.json["files"]


def run(environment: dict[str, str], folder: Path, *arguments: str | Path) -> Done:
    done = subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=NEVER_SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def serving(folder: Path, store: str | None = None) -> Iterator[Service]:
    """Run an installation in an empty folder until the block ends; it must stop as a success."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KONTAKTLOG_")}
    environment |= {
        "KONTAKTLOG_STORE": store or f"sqlite:///{folder}/log.db",
        "KONTAKTLOG_DATA_DIR": str(folder),
        "KONTAKTLOG_WAIT_SECONDS": "60",
        # A desk knocks until its key is known, and is then not to wait for having knocked.
        "KONTAKTLOG_SIGN_IN_FAILURES_PER_MINUTE": "0",
        "PYTHONPATH": str(MAPPINGS.parents[1]),
    }
    tokens = [new_token(environment, folder, role) for role in ("auditor", "case_officer")]
    with ExitStack() as stack:
        errors = stack.enter_context((folder / "server.log").open("wb"))
        address = stack.enter_context(server(environment, folder, errors))
        desks = [stack.enter_context(desk(address, token)) for token in tokens]
        yield Service(folder, environment, *desks)


def new_token(environment: dict[str, str], folder: Path, role: str) -> str:
    done = run(environment, folder, "token", "new", "--role", role, "--json")
    assert done.code == 0, done.err
    return str(done.json["token"])


@contextmanager
def server(environment: dict[str, str], folder: Path, errors: IO[bytes]) -> Iterator[str]:
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], NEVER_SECONDS)
        found = LISTENING.fullmatch(process.stdout.readline()) if ready else None
        assert found is not None, (folder / "server.log").read_text(encoding="utf-8")
        yield found[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(NEVER_SECONDS) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@contextmanager
def desk(address: str, token: str) -> Iterator[Desk]:
    """A client whose key the server knows already."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=address, headers=headers, timeout=NEVER_SECONDS) as http:
        until(lambda: http.get("/v1/contacts").status_code == 200, "the key opens the door")
        yield Desk(http)
