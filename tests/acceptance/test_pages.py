"""The pages' examples do what they say: each is run as a reader would, and every answer is judged.

A page is found by having a block of `sh`; nobody lists it here. Its blocks run in their order, in
one shell, against one service that stands where the README's first minute ends. `curl` is the real
one behind a wrapper that keeps what it sent and got, so a page cannot hide a refusal.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from api.http.openapi import shape_models
from api.http.operations import Operation
from api.http.routes import operations
from domain.registers import REGISTERS
from domain.storage import clock
from tests.acceptance.service import PROGRAM, Service, run, serving

DOCS = Path(__file__).parents[2] / "docs"
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(page.name for page in DOCS.glob("*.md") if SHELL.search(page.read_text("utf-8")))
RUN_ELSEWHERE = {"enquiries.md"}
"""tests/acceptance/test_enquiries_page.py runs it."""
SHAPES = {model.__name__: model for model in shape_models()}
CURL = """#!/bin/bash
set -o pipefail
at="$TRANSCRIPT/$(ls "$TRANSCRIPT" | wc -l)"
mkdir "$at"
{curl} --silent --show-error --fail-with-body --write-out '%{{stderr}}\\n%{{json}}' "$@" \\
  2> "$at/told" | tee "$at/body"
status=$?
cat "$at/told" >&2
exit $status
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Exchange:
    """One request of a page, and its answer."""

    method: str
    path: str
    status: int
    media_type: str
    body: bytes

    @property
    def operation(self) -> Operation | None:
        """What was asked for; an exact path comes before a shaped one."""
        fitting = (
            found
            for found in operations()
            if found.method == self.method
            and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", found.path), self.path)
        )
        return min(fitting, key=lambda found: found.path.count("{"), default=None)


@dataclass(frozen=True)
class Done:
    """What became of a page's commands."""

    code: int
    errors: str
    exchanges: tuple[Exchange, ...]


Reader = Callable[[str, str], Done]


def executable(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def exchanged(folder: Path) -> Exchange:
    told = json.loads((folder / "told").read_text("utf-8").splitlines()[-1])
    return Exchange(
        told["method"],
        urlsplit(told["url_effective"]).path,
        told["response_code"],
        (told["content_type"] or "").partition(";")[0],
        (folder / "body").read_bytes(),
    )


def a_reader(service: Service, binaries: Path) -> Reader:
    """Somebody who types a page's commands, in a folder of their own."""

    def read(name: str, script: str) -> Done:
        folder, transcript = service.folder / name, service.folder / f"{name}.transcript"
        folder.mkdir()
        transcript.mkdir()
        http = service.officer.http
        environment = {
            **{k: v for k, v in service.environment.items() if k != "KONTAKTLOG_DATA_DIR"},
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "TRANSCRIPT": str(transcript),
            "KONTAKTLOG": str(http.base_url).rstrip("/"),
            "KEY": http.headers["Authorization"].removeprefix("Bearer "),
        }
        done = subprocess.run(
            ["bash", "-euc", script],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        kept = sorted(transcript.iterdir(), key=lambda each: int(each.name))
        return Done(done.returncode, done.stderr, tuple(map(exchanged, kept)))

    return read


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Read pages where the README's first minute ends: the sample, KAB, an officer's key."""
    curl = shutil.which("curl")
    assert curl is not None, "the pages' examples need curl"
    binaries, folder = tmp_path_factory.mktemp("bin"), tmp_path_factory.mktemp("pages")
    executable(binaries / "curl", CURL.format(curl=curl))
    executable(
        binaries / "kontaktlog", f"#!/bin/sh\nexec {sys.executable} -c '{PROGRAM[-1]}' \"$@\"\n"
    )
    store = f"sqlite:///{folder}/log.db"
    played = run({**os.environ, "KONTAKTLOG_STORE": store}, folder, "sample")
    assert played.code == 0, played.err
    with serving(folder, store) as service:
        made = service.run("party", "new", "--kind", "housing_organisation", "--name", "KAB")
        assert made.code == 0, made.err
        service.officer.catch_up()
        yield a_reader(service, binaries)


def faults(done: Done, script: str) -> Iterator[str]:
    """Tell what is wrong: a command that failed, a request not sent or refused, an odd answer."""
    if done.code != 0:
        yield f"exit {done.code}: {done.errors}"
    if len(done.exchanges) < len(re.findall(r"\bcurl\b", script)):
        yield "not every request was sent"
    for exchange in done.exchanges:
        asked, operation = f"{exchange.method} {exchange.path}", exchange.operation
        if operation is None:
            yield f"{asked}: no operation"
        elif exchange.status not in operation.answers:
            yield f"{asked}: answered {exchange.status} {exchange.body.decode()}"
        elif exchange.media_type != operation.media_type:
            yield f"{asked}: is {exchange.media_type}"
        elif "$ref" in operation.schema:
            yield from misshapen(asked, operation.schema["$ref"].rpartition("/")[2], exchange.body)


def misshapen(asked: str, shape: str, body: bytes) -> Iterator[str]:
    try:
        SHAPES[shape].model_validate_json(body)
    except ValidationError as error:
        yield f"{asked}: no {shape}: {error}"


def shell_of(page: str) -> str:
    """All that a page tells to type, in its order."""
    return "\n".join(SHELL.findall((DOCS / page).read_text("utf-8")))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_works(reader: Reader, page: str) -> None:
    script = shell_of(page)
    assert list(faults(reader(page, script), script)) == []


POST = 'curl -X POST "$KONTAKTLOG/v1/commitments" -H "Authorization: Bearer $KEY"'
JSON = f"{POST} -H 'Content-Type: application/json' -d"
PROMISE = '{"by": "TMF", "to": ["KAB"], "promised": "Svar"}'


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (f"{JSON} '{PROMISE.replace('KAB', 'ABK')}'", "commitments: answered 422"),
        (f"{JSON} '{{}}' | cat", "commitments: answered 400"),
        (f"{POST} -d x || true", "commitments: answered 415"),
        ('curl "$KONTAKTLOG/v1/commitments" > taken', "commitments: answered 401"),
        ('curl "${KONTAKTLOG}0/v1/commitments" || true', "commitments: answered 0"),
        ('curl "$KONTAKTLOG/v1/tilsagn" || true', "tilsagn: no operation"),
        ('if false; then curl "$KONTAKTLOG/livez"; fi', "not every request was sent"),
        ("echo $ID", "ID: unbound variable"),
        ("kontaktlog commitments", "exit 2"),
    ],
)
def test_a_page_that_does_not_work_is_found_out(reader: Reader, script: str, told: str) -> None:
    assert told in "\n".join(faults(reader(clock.new_id(), script), script))


def test_an_answer_of_another_kind_is_found_out(reader: Reader) -> None:
    script = 'curl "$KONTAKTLOG/v1/commitments" -H "Authorization: Bearer $KEY"'
    done = reader(clock.new_id(), script)
    assert list(faults(done, script)) == []
    (exchange,) = done.exchanges
    odd = {
        "another register's": replace(exchange, path="/v1/contacts", body=b'{"items": [{}]}'),
        "a page": replace(exchange, media_type="text/html"),
        "another success": replace(exchange, status=204),
    }
    for what, answer in odd.items():
        assert list(faults(replace(done, exchanges=(answer,)), script)) != [], what


def test_no_page_shows_a_request_that_is_never_run() -> None:
    unseen = {
        page.name
        for page in DOCS.glob("*.md")
        if re.search(r"^\s*(\w+=\$\()?curl\b", SHELL.sub("", page.read_text("utf-8")), re.MULTILINE)
    }
    assert unseen == RUN_ELSEWHERE


def test_every_register_is_asked_by_a_page_that_is_run() -> None:
    shown = "\n".join(map(shell_of, PAGES))
    assert [name for name in REGISTERS if f"/v1/{name}" not in shown] == []
