"""S12: whatever is sent, the operator's log has one line for each event, and no secret in any.

Nor has anything else that somebody may see: traces, answers, figures, `config show`, `doctor`.
"""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from api import operator_log
from api.http.routes import operations
from domain.access import Role
from tests.api.builders import Api, contact
from tests.conftest import ROOT
from tests.proof.service import KONTAKTLOG, Installation, Service, running, until

CANARY = "Kanarie"
"""Part of every secret and every name that must not be seen."""
NASTY = (
    "a\r\nb",
    'x\n{"event":"request","status":200,"forged":true}',
    "\x1b[2J\x1b[31mrød\x1b[0m\x07",
    '"},{"forged":"yes',
    "\u2028\u2029\x85\x9b31m",
    "\x00\x7f\b",
    "%0d%0aforged",
    "${jndi:ldap://x}",
    "',1/0,'%s%n{0}",
)
SECRET_KEY = base64.b64encode(f"{CANARY}-master-key-of-32-bytes".encode().ljust(32, b"!")).decode()
PRINTABLE = set(map(chr, range(0x20, 0x7F)))


# ── the form of a line ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", [*NASTY, "\ud800", "æøå", "\U0001f600"])
def test_whatever_a_line_is_told_it_stays_one_line_of_printable_ascii(text: str) -> None:
    line = operator_log.text_of({"event": text, "more": [text], "error": ValueError(text)})
    assert set(line) <= PRINTABLE
    assert json.loads(line)["event"] == text


def test_of_an_error_kind_and_place_are_told_and_not_what_it_says() -> None:
    def inner() -> None:
        raise KeyError(f"{CANARY} Hansen")

    def outer() -> None:
        try:
            inner()
        except KeyError as cause:
            raise ValueError(f"{CANARY} again") from cause

    with pytest.raises(ValueError, match=CANARY) as raised:
        outer()
    told = operator_log.places_of(raised.value)
    assert CANARY not in str(told)
    assert told[0].startswith("builtins.ValueError: tests/api/test_log_lines.py:")
    assert told[1].startswith("builtins.KeyError: ") and told[1].endswith(" inner")


def test_an_endless_chain_of_causes_has_an_end() -> None:
    error = ValueError()
    error.__cause__ = error
    assert len(operator_log.places_of(error)) == operator_log.CHAIN_MAX


# ── what comes from outside ──────────────────────────────────────────────────────────────────────


def lines_of(home: Installation) -> list[dict[str, Any]]:
    """The lines of the operator's log; each is JSON of its own, and printable."""
    text = home.operator_log.read_bytes().decode()
    rows = text.split("\n")
    assert rows.pop() == ""
    for row in rows:
        assert set(row) <= PRINTABLE, row
    return [json.loads(row) for row in rows if not row.startswith("Loggen er tom")]


def raw(service: Service, *lines: str, body: bytes = b"") -> bytes:
    """Send one request as it stands, and return all that comes."""
    place = urlsplit(service.address)
    head = "\r\n".join([*lines, "Host: x", "Connection: close", f"Content-Length: {len(body)}"])
    told = b""
    with socket.create_connection((place.hostname, place.port or 0), 30) as line:
        line.sendall(head.encode("latin-1", "replace") + b"\r\n\r\n" + body)
        while more := line.recv(65_536):
            told += more
    return told


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    made = Installation(tmp_path_factory.mktemp("lines") / "home")
    made.more = {
        "KONTAKTLOG_MASTER_KEY": SECRET_KEY,
        "KONTAKTLOG_SIGN_IN_FAILURES_PER_MINUTE": "0",
        "KONTAKTLOG_RATE_PER_SECOND": "0",
    }
    made.token = made.new_token("--label", f"{CANARY} Hansens nøgle")
    return made


@pytest.fixture
def service(home: Installation) -> Iterator[Service]:
    home.operator_log.write_bytes(b"")
    with running(home) as made:
        made.wait_ready()
        yield made


def id_in(told: bytes) -> str:
    """The id by which an answer names its request; empty in one that never reached the gate."""
    named = re.search(rb"(?i)\r\nx-request-id: ([^\r]+)\r\n", told)
    return named[1].decode() if named else ""


@pytest.mark.timeout(300)
def test_one_line_for_each_request_whatever_it_holds(home: Installation, service: Service) -> None:
    until(lambda: service.get("/v1/parties").status == 200, "the key")
    sent: list[str] = []
    bearer = f"Authorization: Bearer {home.token}"
    for text in NASTY:
        in_path = quote(text, safe="")
        as_header = text.replace("\r", "").replace("\n", "").replace("\x00", "")
        as_header = "".join(c for c in as_header if c == "\t" or c >= " ") or "x"
        body = json.dumps(contact(subject=text, facts=text, medium=text)).encode()
        for lines, content in (
            ((f"GET /{in_path} HTTP/1.1", bearer), b""),
            ((f"GET /v1/contacts/{in_path} HTTP/1.1", bearer), b""),
            ((f"GET /v1/contacts?text={in_path}{CANARY} HTTP/1.1", bearer), b""),
            ((f"GET /v1/parties?q={in_path}{CANARY}&{in_path}=1 HTTP/1.1", bearer), b""),
            (("GET /v1/parties HTTP/1.1", f"User-Agent: {as_header}{CANARY}", bearer), b""),
            (("GET /v1/parties HTTP/1.1", f"X-Request-Id: {as_header} {CANARY}", bearer), b""),
            (("GET /v1/parties HTTP/1.1", f"Authorization: Bearer {as_header}{CANARY}"), b""),
            (("GET /v1/parties HTTP/1.1", f"Authorization: Bearer kl_{CANARY}_{CANARY}"), b""),
            (("GET /v1/parties HTTP/1.1", f"Cookie: session={CANARY}{as_header}"), b""),
            (
                (
                    "POST /v1/contacts HTTP/1.1",
                    "Content-Type: application/json",
                    f"Idempotency-Key: {as_header}{CANARY}",
                    bearer,
                ),
                body,
            ),
        ):
            told = raw(service, *lines, body=content)
            assert told.startswith(b"HTTP/1.1 ")
            assert not told.startswith(b"HTTP/1.1 5"), (lines, told)
            sent.append(id_in(told))
    sent = [one for one in sent if one]
    assert len(set(sent)) == len(sent) > 8 * len(NASTY)
    assert service.end(signal.SIGTERM) == 0  # a line is written after its answer
    found = lines_of(home)
    told_of = Counter(line["request_id"] for line in found if line["event"] == "request")
    assert {one: told_of[one] for one in sent} == dict.fromkeys(sent, 1)
    assert {line["event"] for line in found} <= {"request", "library", "connections_late"}
    assert not any("forged" in line for line in found)
    assert CANARY not in home.operator_log.read_text(encoding="utf-8")


def test_what_is_no_http_is_one_line_too(home: Installation, service: Service) -> None:
    assert raw(service, f"NONSENSE {CANARY}\x1b[31m").startswith(b"HTTP/1.1 400")
    assert service.end(signal.SIGTERM) == 0
    found = lines_of(home)
    assert [line["event"] for line in found if line.get("operation") != "readyz"] == ["library"]
    assert CANARY not in str(found)


@pytest.mark.timeout(300)
def test_secrets_appear_nowhere(home: Installation, service: Service) -> None:
    until(lambda: service.get("/v1/parties").status == 200, "the key")
    token_secret = home.token.split("_", 2)[2]
    name = f"{CANARY} Hansen"
    person = contact(
        participants=[{"name": name, "party": "KAB"}], facts=name, subject=f"om {name}"
    )
    answers = [
        service.ask("POST", "/v1/contacts", {**person, "medium": "none"}),
        service.ask("POST", "/v1/contacts", {**person, "occurred": "2999-01-01"}),
        service.ask("POST", "/v1/contacts", {**person, "subject": ""}),
        service.get(f"/v1/contacts?text={quote(name)}&unknown=1"),
        service.ask("GET", "/v1/parties", token=f"kl_x_{CANARY}"),
        service.get("/metrics"),
        service.get("/readyz"),
        service.get(f"/v1/contacts/{quote(name)}"),
    ]
    for answer in answers:
        seen = answer.body.decode() + str(answer.headers)
        assert CANARY not in seen and token_secret not in seen, seen
    shown = [
        command_output(home, *command)
        for command in (["config", "show"], ["config", "show", "--json"], ["doctor"], ["views"])
    ]
    assert service.end(signal.SIGTERM) == 0
    for text in (*shown, home.operator_log.read_text(encoding="utf-8")):
        assert CANARY not in text and token_secret not in text, text
        assert SECRET_KEY not in text and SECRET_KEY[:20] not in text, text


def command_output(home: Installation, *arguments: str) -> str:
    """All that a command prints."""
    done = subprocess.run(
        [sys.executable, "-c", KONTAKTLOG, *arguments],
        env=home.environment,
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    return done.stdout + done.stderr


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "arguments",
    [["config", "show"], ["doctor"], ["serve"], ["audit"], ["views"], ["token", "list"]],
)
def test_a_password_in_an_address_is_not_shown(tmp_path: Path, arguments: list[str]) -> None:
    """The database is not there, so every command that needs it says why it fails."""
    password = f"{CANARY}p4ss"
    home = Installation(tmp_path / "home", f"postgresql://kontaktlog:{password}@127.0.0.1:1/db")
    home.more = {"KONTAKTLOG_KEYS": f"postgresql://x:{password}@127.0.0.1:1/keys"}
    shown = command_output(home, *arguments)
    assert shown
    assert CANARY not in shown, shown


@pytest.mark.parametrize("setting", ["MASTER_KEY", "SIGNING_KEY", "STORE", "PORT", "RATE_BURST"])
def test_a_setting_that_cannot_be_used_is_named_and_not_repeated(
    tmp_path: Path, setting: str
) -> None:
    home = Installation(tmp_path / "home")
    home.more = {f"KONTAKTLOG_{setting}": f"{CANARY}\x1b[31m\nforged"}
    shown = command_output(home, "config", "show")
    assert f"KONTAKTLOG_{setting}" in shown
    assert CANARY not in shown and "\x1b" not in shown


# ── personal values in what is refused ───────────────────────────────────────────────────────────


def variants(value: Any) -> Iterator[Any]:
    """The value with a name in place of each of its parts, one at a time."""
    name = f"{CANARY} Østergård"
    yield name
    yield [name]
    yield {"name": name}
    if isinstance(value, dict):
        for key, part in value.items():
            for other in variants(part):
                yield {**value, key: other}
    if isinstance(value, list):
        for at, part in enumerate(value):
            for other in variants(part):
                yield [*value[:at], other, *value[at + 1 :]]
        yield [name] * 2_000
    if isinstance(value, str):
        yield name * 2_000
        yield f"\x00{name}"


POSTS = {operation.name: operation for operation in operations() if operation.body is not None}


@pytest.mark.parametrize("name", sorted(POSTS))
def test_no_refusal_of_a_body_repeats_what_it_says(
    shared_api: Api, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    operation = POSTS[name]
    path = operation.path
    for part in path.split("/"):
        if part.startswith("{"):
            path = path.replace(part, "0192f3a0-7c00-7abc-8def-001122334455")
    api = shared_api.as_role(Role.ADMINISTRATOR) if name.startswith("key") else shared_api
    tried = refused = 0
    for body in variants(operation.example):
        if not isinstance(body, dict):
            continue
        answer = api.post(path, body, headers={"If-Match": '"1"'})
        tried += 1
        if answer.status_code >= 400:
            refused += 1
            assert answer.status_code < 500, answer.text
            assert CANARY not in answer.text, (body, answer.text)
            assert CANARY not in str(answer.headers)
    assert tried and refused
    shown = capfd.readouterr()
    assert CANARY not in shown.err + shown.out


def test_an_error_nobody_thought_of_tells_the_log_its_place_and_the_caller_nothing(
    shared_api: Api, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.http import bodies

    def fail(*_: Any) -> Any:
        raise RuntimeError(f"{CANARY} Hansen kan ikke læses")

    monkeypatch.setattr(bodies, "parsed", fail)
    answer = shared_api.post("/v1/parties", {"kind": "federation", "name": f"{CANARY}"})
    assert answer.status_code == 500
    assert CANARY not in answer.text
    told = [json.loads(row) for row in capfd.readouterr().err.splitlines()]
    (failed,) = [line for line in told if line["event"] == "request_failed"]
    assert failed["exception"][0].startswith("builtins.RuntimeError: ")
    assert CANARY not in str(told)


def test_the_environment_of_the_test_holds_no_canary() -> None:
    """Teeth of a kind: what is looked for stands only where a test put it."""
    assert not any(CANARY in text for text in os.environ.values())
