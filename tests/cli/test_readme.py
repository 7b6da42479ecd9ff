"""The README's commands, run as it says them: a newcomer's first minute must work."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import free_port

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"\n\n((?:    .*\n)+)")
SERVE = "from api.cli.main import main; main()"

pytestmark = pytest.mark.slow


@pytest.fixture
def surroundings(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A running service in a folder of its own, and what a shell needs to talk to it."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    command = binaries / "kontaktlog"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{SERVE}" "$@"\n', encoding="ascii")
    command.chmod(0o755)
    environment = {
        **os.environ,
        "KONTAKTLOG_STORE": f"sqlite:///{tmp_path}/log.db",
        "KONTAKTLOG_PORT": str(free_port()),
        "BIN": str(binaries),
        "PYTHONPATH": str(ROOT),
    }
    # What `make run` does.
    subprocess.run([str(command), "sample", "--if-empty"], env=environment, check=True)
    with subprocess.Popen(
        [str(command), "serve"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        assert server.stdout is not None
        while b"http://" not in server.stdout.readline():
            assert server.poll() is None
        yield environment
        server.terminate()


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


def test_a_newcomers_first_minute_works_as_the_readme_says(surroundings: dict[str, str]) -> None:
    port = surroundings["KONTAKTLOG_PORT"]
    script = "\n".join((shown(1), "echo", shown(2)))
    script = script.replace(":8010", f":{port}").replace(".venv/bin/kontaktlog", "$BIN/kontaktlog")
    # The second curl asks at once; the README's reader needs longer than the views do.
    script = script.replace("text=udlejninger", "text=udlejninger&min_position=81")
    done = subprocess.run(
        ["bash", "-euc", script], env=surroundings, capture_output=True, text=True, check=True
    )
    answers = list(objects(done.stdout))
    logged = next(a for a in answers if a.get("subject") == "Udlejning")
    assert [organisation["name"] for organisation in logged["organisations"]] == ["KAB"]
    (condition,) = answers[0]["items"]
    assert len(condition["holders"]) == 2
    assert any(a.get("items", [{}])[0].get("id") == logged["id"] for a in answers if "items" in a)


def test_every_page_the_readme_points_to_is_there() -> None:
    pages = re.findall(r"\]\((docs/[^)]+)\)", README)
    assert pages
    assert [page for page in pages if not (ROOT / page).exists()] == []
