"""A change that only a cookie pays for must come from our own pages, on every route (S10)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.http.routes import operations
from domain.access import Role
from tests.api.builders import Api, contact, with_parties
from tests.api.provider import Provider, provider_running
from tests.api.signing_in import COOKIE, PUBLIC, Browser, grant, pseudonym, signing_in

UNSAFE = [each for each in operations() if each.method not in {"GET", "HEAD"} and each.action]
SOMETHING = "0192f3a0-7c00-7abc-8def-001122334455"
JSON = {"Content-Type": "application/json"}
FOREIGN: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": PUBLIC},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": PUBLIC + ".evil.example"},
    {"Origin": PUBLIC.replace("http:", "https:")},
    {"Origin": PUBLIC.replace("8010", "8011")},
    {"Referer": PUBLIC + "/account"},
    {"Host": "evil.example", "Origin": "http://evil.example"},
]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with provider_running() as made:
        made.claims = {"roles": ["KL-leder"]}
        yield made


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Api]:
    with signing_in(tmp_path_factory.mktemp("csrf"), provider.issuer) as made:
        yield with_parties(made)


@pytest.fixture(scope="module")
def browser(api: Api) -> Browser:
    made = Browser(api)
    assert made.sign_in().status_code == 303
    return made


def send(browser: Browser, path: str, headers: dict[str, str], body: str = "{}") -> Any:
    return browser.ask("POST", path, own=False, headers=JSON | headers, content=body)


@pytest.mark.parametrize("operation", UNSAFE, ids=lambda each: str(each.name))
def test_no_other_site_can_change_anything(browser: Browser, operation: Any) -> None:
    path = re.sub(r"\{\w+\}", SOMETHING, operation.path)
    for headers in FOREIGN:
        answer = send(browser, path, headers)
        assert answer.status_code == 403, (headers, answer.text)
        assert answer.json()["code"] == "cross_site"
    own = send(browser, path, {"Sec-Fetch-Site": "same-origin"})
    assert own.status_code != 401 and own.json()["code"] != "cross_site"


def test_our_own_pages_change_what_their_reader_may(browser: Browser, api: Api) -> None:
    for headers in (
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": PUBLIC},
        {"Sec-Fetch-Site": "same-origin", "Origin": PUBLIC},
    ):
        answer = browser.ask("POST", "/v1/contacts", own=False, headers=headers, json=contact())
        assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_what_a_form_could_send_is_not_taken(browser: Browser, kind: str) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": kind}
    answer = browser.ask("POST", "/v1/contacts", own=False, headers=headers, content="{}")
    assert answer.status_code == 415


def test_a_header_needs_no_origin_also_where_there_is_a_cookie(api: Api, browser: Browser) -> None:
    headers = {"Authorization": f"Bearer {api.token}", "Sec-Fetch-Site": "cross-site"}
    answer = browser.ask("POST", "/v1/contacts", own=False, headers=headers, json=contact())
    assert answer.status_code == 201


@pytest.mark.parametrize("path", ["/sign-out", "/sign-out/everywhere"])
def test_no_other_site_signs_anybody_out(api: Api, path: str) -> None:
    browser = Browser(api)
    browser.sign_in()
    kept = dict(browser.cookies)
    for headers in FOREIGN:
        assert send(browser, path, headers).status_code == 403, headers
        browser.cookies = dict(kept)
    assert browser.get("/v1/me").status_code == 200
    assert browser.get(path).status_code == 405


def test_no_page_of_another_site_may_read_an_answer(browser: Browser) -> None:
    answer = browser.get("/v1/me", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    asked = browser.ask("OPTIONS", "/v1/contacts", headers={"Origin": "https://evil.example"})
    assert asked.status_code == 405


def test_a_dead_cookie_is_no_key(api: Api) -> None:
    browser = Browser(api)
    browser.cookies[COOKIE] = "A" * 43
    assert browser.get("/v1/me").status_code == 401
    assert browser.post("/v1/contacts", contact()).status_code == 401
    assert "Du er ikke logget ind" in browser.get("/account").text


def test_an_administrator_by_session_is_asked_for_proof_too(
    tmp_path: Path, provider: Provider
) -> None:
    with signing_in(tmp_path, provider.issuer, oidc_roles="") as api:
        holder = pseudonym(api, provider)
        grant(api, holder, Role.ADMINISTRATOR)
        browser = Browser(api)
        browser.sign_in()
        refused = send(browser, "/v1/sessions/revocation", {}, f'{{"holder":"{holder}"}}')
        assert refused.status_code == 403
        assert browser.post("/v1/sessions/revocation", {"holder": holder}).json() == {"ended": 1}
        assert browser.get("/v1/me").status_code == 401


def test_without_the_check_the_table_would_fail(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Teeth: the refusals above come from the check, not from something else."""
    monkeypatch.setattr("api.http.auth.people.demand_own_site", lambda *_: None)
    for headers in FOREIGN:
        answer = send(browser, "/v1/contacts", headers)
        assert answer.status_code == 400, (headers, answer.text)
