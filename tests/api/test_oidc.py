"""OpenID Connect against real providers: tokens open, people sign in, and stand as pseudonyms."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from domain.access import Role
from tests.api.builders import WAIT_SECONDS, Api, caught_up, contact, with_parties
from tests.api.provider import Provider, provider_running
from tests.api.signing_in import (
    COOKIE,
    Browser,
    bearer,
    grant,
    own,
    pseudonym,
    sign_in_settings,
    signing_in,
)
from tests.conftest import free_port
from tests.proof.service import until

STARTS_MAX = 3
"""A free port may be taken between asking and binding."""
SUBJECT = "kim.eksempel@kommune.example"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with provider_running() as made:
        yield made


@pytest.fixture
def api(tmp_path: Path, provider: Provider) -> Iterator[Api]:
    with signing_in(tmp_path, provider.issuer) as made:
        yield made


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────


def test_a_token_opens_in_the_role_its_claim_is_mapped_to(api: Api, provider: Provider) -> None:
    answer = bearer(api, provider.token(roles=["KL-leder", "something else"]))
    assert answer.status_code == 200, answer.text
    assert answer.json()["role"] == "manager" and answer.json()["kind"] == "person"
    assert answer.json()["actor"] == pseudonym(api, provider)


def test_the_log_names_a_pseudonym_and_nothing_of_the_token(
    api: Api, provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    with_parties(api)
    provider.subject = SUBJECT
    token = provider.token(roles=["KL-sagsbehandler"], name="Kim Eksempel", email=SUBJECT)
    headers = {"Authorization": f"Bearer {token}"}
    answer = api.client.post("/v1/contacts", json=contact(), headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["recorded_by"]["actor"] == pseudonym(api, provider)
    assert re.fullmatch("u-[0-9a-f]{32}", pseudonym(api, provider))
    told = capsys.readouterr()
    for secret in (SUBJECT, "Kim Eksempel", token):
        assert secret not in told.err + told.out + answer.text
    caught_up(api.services)
    for file in Path(api.services.settings.data_path).glob("*.db*"):
        assert SUBJECT.encode() not in file.read_bytes() and b"7f3c" not in file.read_bytes()


def test_a_token_without_a_known_role_may_only_ask_who_it_is(api: Api, provider: Provider) -> None:
    token = provider.token(roles=["nobody knows this"])
    me = bearer(api, token)
    assert me.status_code == 200 and me.json()["role"] is None
    answer = api.client.get("/v1/contacts", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403 and answer.json()["code"] == "not_allowed"


def test_one_of_several_roles_is_chosen_and_only_an_own_one(api: Api, provider: Provider) -> None:
    token = provider.token(roles=["KL-leder", "KL-sagsbehandler"])
    headers = {"Authorization": f"Bearer {token}"}
    me = bearer(api, token).json()
    assert me["role"] is None and me["acts_under"] is None
    assert [each["id"] for each in me["choices"]] == ["claim-manager", "claim-case_officer"]
    answer = api.client.get("/v1/contacts", headers=headers)
    assert answer.status_code == 403 and answer.json()["code"] == "choose_grant"
    chosen = bearer(api, token, **{"Kontaktlog-Grant": "claim-manager"})
    assert chosen.json()["role"] == "manager"
    assert chosen.json()["acts_under"] == "claim-manager"
    other = bearer(api, token, **{"Kontaktlog-Grant": "claim-administrator"})
    assert other.status_code == 403 and other.json()["code"] == "choose_grant"


def test_grants_of_the_log_stand_beside_those_of_the_token(api: Api, provider: Provider) -> None:
    grant_id = grant(api, pseudonym(api, provider), Role.AUDITOR)
    alone = bearer(api, provider.token())
    assert alone.json()["role"] == "auditor"
    both = bearer(api, token := provider.token(roles=["KL-leder"]))
    assert both.json()["role"] is None
    picked = bearer(api, token, **{"Kontaktlog-Grant": grant_id})
    assert picked.json()["role"] == "auditor"


def test_a_scope_claim_limits_and_its_absence_closes(tmp_path: Path, provider: Provider) -> None:
    with signing_in(tmp_path, provider.issuer, oidc_scopes_claim="kontaktlog.scopes") as api:
        with_parties(api)
        (kab,) = api.get("/v1/parties", params={"key": "KAB"}).json()["items"]
        scoped = provider.token(roles=["KL-org"], kontaktlog={"scopes": ["party:KAB", "kle:03.10"]})
        me = bearer(api, scoped).json()
        assert me["parties"] == [kab["id"]] and me["kle"] == ["03.10"]
        for scopes in (..., [], ["everything"], "party:nobody", {"a": 1}, ["party:x"] * 51):
            claims: dict[str, Any] = {} if scopes is ... else {"kontaktlog": {"scopes": scopes}}
            told = bearer(api, provider.token(roles=["KL-leder"], **claims)).json()
            assert told["parties"] and kab["id"] not in told["parties"], (scopes, told)


def test_an_api_key_works_beside_and_with_the_provider_down(api: Api, provider: Provider) -> None:
    provider.is_down = True
    assert api.get("/v1/me").json()["kind"] == "key"
    assert provider.asked.total() == 0


def test_without_any_key_of_the_provider_the_answer_is_to_wait(
    api: Api, provider: Provider
) -> None:
    provider.is_down = True
    answer = bearer(api, provider.token(roles=["KL-leder"]))
    assert answer.status_code == 503 and answer.json()["code"] == "sign_in_unavailable"
    assert answer.headers["retry-after"]


def test_known_keys_go_on_opening_while_the_provider_is_down(api: Api, provider: Provider) -> None:
    assert bearer(api, provider.token(roles=["KL-leder"])).status_code == 200
    provider.is_down = True
    assert bearer(api, provider.token(roles=["KL-leder"], jti="2")).status_code == 200


def test_a_checked_token_is_checked_once(api: Api, provider: Provider) -> None:
    token = provider.token(roles=["KL-leder"])
    for _ in range(5):
        assert bearer(api, token).status_code == 200
    assert provider.asked["/jwks"] == provider.asked["/.well-known/openid-configuration"] == 1


def test_where_no_provider_is_set_a_token_is_no_key(tmp_path: Path, provider: Provider) -> None:
    from tests.api.builders import running, settings_in

    with running(settings_in(tmp_path)) as api:
        answer = bearer(api, provider.token(roles=["KL-leder"]))
        assert answer.status_code == 401
        assert api.client.get("/sign-in").status_code == 404
    assert not list(tmp_path.glob("sessions.db*"))


def test_without_an_audience_no_token_opens_and_people_sign_in_all_the_same(
    tmp_path: Path, provider: Provider
) -> None:
    with signing_in(tmp_path, provider.issuer, oidc_audience="") as api:
        assert bearer(api, provider.token(roles=["KL-leder"])).status_code == 401
        browser = Browser(api)
        browser.sign_in()
        assert browser.get("/v1/me").status_code == 200


def test_without_a_client_tokens_open_and_nobody_signs_in_by_browser(
    tmp_path: Path, provider: Provider
) -> None:
    with signing_in(tmp_path, provider.issuer, oidc_client_id="") as api:
        assert bearer(api, provider.token(roles=["KL-leder"])).status_code == 200
        assert api.client.get("/sign-in").status_code == 404
        assert Browser(api).get("/v1/sessions").status_code == 401
    assert not list(tmp_path.glob("sessions.db*"))


@pytest.mark.postgres
def test_people_sign_in_where_everything_is_in_postgresql(
    tmp_path: Path, postgres_url: str, provider: Provider
) -> None:
    provider.claims = {"roles": ["KL-leder"]}
    with signing_in(tmp_path, provider.issuer, store=postgres_url, data_dir=tmp_path) as api:
        browser = Browser(api)
        assert browser.sign_in().status_code == 303
        assert browser.get("/v1/me").json()["role"] == "manager"
        assert len(browser.get("/v1/sessions").json()["items"]) == 1
        browser.post("/sign-out")
        assert browser.get("/v1/me").status_code == 401


# ── a provider that others wrote ─────────────────────────────────────────────────────────────────


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[str]:
    """The address of oidc-provider-mock, running in a process of its own."""
    with ExitStack() as started:
        for _ in range(STARTS_MAX):
            port = free_port()
            running = started.enter_context(mock_provider(port, tmp_path / "provider.log"))
            if is_listening(running, port):
                yield f"http://localhost:{port}"
                return
    pytest.fail((tmp_path / "provider.log").read_text(encoding="utf-8"))


@contextmanager
def mock_provider(port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    claims = json.dumps({"sub": SUBJECT, "roles": ["KL-leder"], "email": SUBJECT})
    program = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    with log.open("ab") as out:
        running = subprocess.Popen([*program, "--user-claims", claims], stdout=out, stderr=out)
        try:
            yield running
        finally:
            running.kill()
            running.wait()


def is_listening(running: subprocess.Popen[bytes], port: int) -> bool:
    """Whether this very process listens in the end, and not whoever else took the port."""
    until(lambda: running.poll() is not None or listens(running.pid, port), "the provider")
    return running.poll() is None


def listens(pid: int, port: int) -> bool:
    """Whether a process has a socket that listens on this port, as the system tells."""
    tables = [path for path in map(Path, ("/proc/net/tcp", "/proc/net/tcp6")) if path.exists()]
    rows = [row.split() for path in tables for row in path.read_text("ascii").splitlines()[1:]]
    found = {row[9] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}
    with suppress(OSError):
        held = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
        return any(f"socket:[{inode}]" in held for inode in found)
    return False


def at_the_provider(asked: str | httpx2.URL) -> httpx2.Response:
    form = {"sub": SUBJECT}
    return httpx2.post(asked, data=form, follow_redirects=False, timeout=WAIT_SECONDS)


def at_the_form(asked: str) -> str:
    """Fill the provider's form in as its user; return where it sends the browser."""
    answer = at_the_provider(asked)
    assert answer.status_code == 302, answer.text
    return own(answer.headers["location"])


def test_people_sign_in_at_a_provider_that_others_wrote(tmp_path: Path, foreign: str) -> None:
    folder = tmp_path / "installation"
    folder.mkdir()
    with signing_in(folder, foreign, oidc_client_secret="hemmelig") as api:
        browser = Browser(api)
        came = browser.get(at_the_form(browser.begin()))
        assert came.status_code == 303, came.text
        me = browser.get("/v1/me").json()
        assert me["role"] == "manager" and me["actor"].startswith("u-")
        assert SUBJECT not in json.dumps(me)
        assert "Leder" in browser.get("/account").text
        assert COOKIE in browser.cookies
        caught_up(api.services)
        for file in folder.glob("*.db*"):
            assert SUBJECT.encode() not in file.read_bytes()


def test_an_id_token_of_that_provider_opens_nothing_as_a_bearer_token(
    tmp_path: Path, foreign: str
) -> None:
    settings = sign_in_settings(tmp_path, foreign)
    form: dict[str, Any] = {"grant_type": "authorization_code", "redirect_uri": "http://x/y"}
    asked = httpx2.URL(
        f"{foreign}/oauth2/authorize",
        params={
            "response_type": "code",
            "client_id": settings.oidc_audience,
            "redirect_uri": "http://x/y",
            "scope": "openid",
            "nonce": "n",
        },
    )
    sent = at_the_provider(asked).headers["location"]
    form["code"] = httpx2.URL(sent).params["code"]
    form |= {"client_id": settings.oidc_audience, "client_secret": "x"}
    told = httpx2.post(f"{foreign}/oauth2/token", data=form, timeout=WAIT_SECONDS).json()
    with signing_in(tmp_path, foreign) as api:
        assert bearer(api, told["id_token"]).status_code == 401
