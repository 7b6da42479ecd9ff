"""docs/enquiries.md does what it says: its commands are run, in their order, as a reader would."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.commands import STEPS
from tests.acceptance.conftest import Start

PAGE = (Path(__file__).parents[2] / "docs" / "enquiries.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"\n\n((?:    .*\n)+)")
PROGRAM = "from api.cli.main import main; main()"


def objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object in a shell's output."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        found, end = decoder.raw_decode(text, at)
        yield found
        at = text.find("{", end)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_command_of_the_page_works(start: Start, tmp_path: Path) -> None:
    service = start()
    for kind, name, abbreviation in (
        ("administration", "Teknik- og Miljøforvaltningen", "TMF"),
        ("housing_organisation", "KAB", "KAB"),
    ):
        body = {"kind": kind, "name": name, "abbreviation": abbreviation}
        service.officer.made("/v1/parties", body)
    command = tmp_path / "kontaktlog"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{PROGRAM}" "$@"\n', encoding="ascii")
    command.chmod(0o755)
    script = re.sub("^    ", "", "\n".join(BLOCK.findall(PAGE)), flags=re.MULTILINE)
    script = script.replace("http://127.0.0.1:8010", str(service.officer.http.base_url).rstrip("/"))
    script = script.replace(".venv/bin/kontaktlog", str(command))
    # The key is made a moment before it is used; the page's reader types slower than views follow.
    known = 'until say parties/x $DESK < /dev/null 2>&1 | grep -q "40[045]"; do :; done'
    script = re.sub(r"(?m)^(say routing-rules)", lambda found: f"{known}\n{found[1]}", script)
    # The same holds for the trail of a contact that was filed a moment ago.
    script = re.sub(r"(?m)^(curl .*/filings.*)$", r"until \1; do :; done", script)
    done = subprocess.run(
        ["bash", "-euc", script],
        env={**os.environ, **service.environment, "LC_ALL": "C.UTF-8"},
        cwd=service.folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = list(objects(done.stdout))
    phases = [answer["phase"] for answer in answers if "phase" in answer]
    assert phases[0] == "received" and phases[-1] == "closed"
    assert [len(answer["links"]) for answer in answers if "links" in answer] == [0, 2]
    assert [answer["side"] for answer in answers if "side" in answer] == ["administration"]


def test_the_page_tells_every_step() -> None:
    assert [step for step in STEPS if f"`{step}`" not in PAGE] == []
