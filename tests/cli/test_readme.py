"""The README's commands, run as it says them: a newcomer's first minute must work."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.proof.service import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"\n\n((?:    .*\n)+)")
BEARER = '-H "Authorization: Bearer $KEY"'
STRICT = 'curl() { command curl --fail-with-body --show-error "$@"; }'
SERVE = "from api.cli.main import main; main()"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running service in a folder of its own, and what a shell needs to talk to it."""
    folder = tmp_path_factory.mktemp("readme")
    binaries = folder / "bin"
    binaries.mkdir()
    command = binaries / "kontaktlog"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{SERVE}" "$@"\n', encoding="ascii")
    command.chmod(0o755)
    environment = {
        **os.environ,
        "KONTAKTLOG_STORE": f"sqlite:///{folder}/log.db",
        "KONTAKTLOG_PORT": "0",
        "KONTAKTLOG_WAIT_SECONDS": "60",
        # Who knocks until a key is known has no attempt left for one that nobody knows.
        "KONTAKTLOG_SIGN_IN_FAILURES_PER_MINUTE": "0",
        "BIN": str(binaries),
        "PYTHONPATH": str(ROOT),
    }
    # What `make run` does.
    subprocess.run([str(command), "sample", "--if-empty"], env=environment, check=True)
    with subprocess.Popen(
        [str(command), "serve"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        try:
            yield environment | {"ADDRESS": ready(server)}
        finally:
            server.terminate()


def ready(server: subprocess.Popen[bytes]) -> str:
    """Wait until the service listens and its follower follows; return its address.

    Somebody who types needs longer than that. Before it, nobody would tell the door of a new key.
    """
    assert server.stdout is not None
    line = server.stdout.readline().decode()
    while "http://" not in line:
        assert server.poll() is None
        line = server.stdout.readline().decode()
    address = line.removeprefix("Kontaktlog: ").strip()

    def is_ready() -> bool:
        return httpx2.get(f"{address}/readyz", timeout=PATIENCE_SECONDS).status_code == 200

    until(is_ready, "ready")
    return address


def shown(number: int) -> str:
    """Return the README's code block of this number, as shell text."""
    return re.sub("^    ", "", BLOCK.findall(README)[number], flags=re.MULTILINE)


def objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object in a shell's output: curl adds no line feeds of its own."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        found, end = decoder.raw_decode(text, at)
        yield found
        at = text.find("{", end)


def typed(surroundings: dict[str, str], *lines: str) -> str:
    """Run what a reader types; a refused request ends it and is told."""
    script = "\n".join((STRICT, *lines))
    script = script.replace("http://127.0.0.1:8010", surroundings["ADDRESS"])
    script = script.replace(".venv/bin/kontaktlog", "$BIN/kontaktlog")
    done = subprocess.run(
        ["bash", "-euc", script], env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_a_newcomers_first_minute_works_as_the_readme_says(surroundings: dict[str, str]) -> None:
    key, rest = shown(1).split("\n", 1)
    # The key opens the door a moment after it was made.
    opens = "until curl -s http://127.0.0.1:8010/v1/contacts -o /dev/null " + BEARER
    # A party is found a moment after it was entered; whoever types a call needs longer than that.
    known = f"curl -s 'http://127.0.0.1:8010/v1/parties?key=KAB' {BEARER} | grep -q '\"id\"'"
    entered = re.sub(
        r"(?m)^(\S*kontaktlog party new .*)$",
        lambda line: f"{line[1]}\nuntil {known}; do :; done",
        rest,
    )
    assert entered != rest
    told = typed(surroundings, key, f"{opens}; do :; done", "echo $KEY", entered)
    conditions, *_, logged = objects(told)
    (condition,) = conditions["items"]
    assert len(condition["holders"]) == 2
    assert logged["subject"] == "Udlejning"
    assert [organisation["name"] for organisation in logged["organisations"]] == ["KAB"]
    # The reader needs longer than the views do.
    seen = re.sub(r"(/v1/[a-z/]+\?)", rf"\g<1>min_position={logged['position']}&", shown(2))
    assert seen.count("min_position") == 2
    listed, report = objects(typed(surroundings | {"KEY": told.split("\n", 1)[0]}, seen))
    assert [contact["id"] for contact in listed["items"]] == [logged["id"]]
    assert report["total"] == 2, "the memo's meeting and the call"


def test_a_request_of_the_readme_that_is_refused_is_found_out(
    surroundings: dict[str, str],
) -> None:
    with pytest.raises(AssertionError, match='"status":401'):
        typed(surroundings | {"KEY": "kl_nobody_knows"}, shown(2))


def test_every_page_the_readme_points_to_is_there() -> None:
    pages = re.findall(r"\]\((docs/[^)]+)\)", README)
    assert pages
    assert [page for page in pages if not (ROOT / page).exists()] == []
