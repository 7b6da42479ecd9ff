"""Sessions of people at a browser: made anew, outlive a restart, end at once everywhere (S10)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.sessions import OF_ONE_MAX, SEEN_SECONDS, Sessions, open_sessions
from domain.access import Role
from domain.errors import Unavailable
from domain.storage.clock import MICROSECONDS, now_microseconds
from tests.api.builders import Api
from tests.api.provider import Provider, provider_running
from tests.api.signing_in import COOKIE, PUBLIC, Browser, grant, pseudonym, query_of, signing_in

ATTEMPT = f"{COOKIE}-sign-in"
LEADER: dict[str, Any] = {"roles": ["KL-leder"]}


@pytest.fixture(scope="module")
def shared() -> Iterator[Provider]:
    with provider_running() as made:
        yield made


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, shared: Provider) -> Iterator[Api]:
    """One application for all; each test has browsers and a person of its own."""
    with signing_in(tmp_path_factory.mktemp("sessions"), shared.issuer) as made:
        yield made


@pytest.fixture
def provider(shared: Provider, request: pytest.FixtureRequest) -> Provider:
    shared.claims, shared.is_down = LEADER, False
    shared.subject = f"sub-of-{request.node.name}"[:200]
    return shared


@pytest.fixture(autouse=True)
def calm(provider: Provider) -> None: ...


# ── signing in ───────────────────────────────────────────────────────────────────────────────────


def test_somebody_signs_in_asks_and_signs_out(api: Api) -> None:
    browser = Browser(api)
    assert "Du er ikke logget ind" in browser.get("/account").text
    came = browser.sign_in()
    assert came.status_code == 303 and came.headers["location"] == "/account"
    assert browser.get("/v1/me").json()["role"] == "manager"
    assert "Du er logget ind" in browser.get("/account").text
    kept = dict(browser.cookies)
    out = browser.post("/sign-out")
    assert out.status_code == 303 and browser.cookies == {}
    browser.cookies = kept
    assert browser.get("/v1/me").status_code == 401


def test_what_is_asked_of_the_provider_is_what_the_standard_asks(api: Api) -> None:
    first, second = (query_of(Browser(api).begin()) for _ in range(2))
    assert first["response_type"] == "code" and first["code_challenge_method"] == "S256"
    assert first["redirect_uri"] == f"{PUBLIC}/sign-in/callback" and first["scope"] == "openid"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43 and first[name] != second[name]
    assert len({first["state"], first["nonce"], first["code_challenge"]}) == 3


def test_no_cookie_can_be_read_by_a_page_or_sent_by_another_site(api: Api) -> None:
    browser = Browser(api)
    asked = browser.begin()
    told = list(browser.set)
    browser.get(browser.back(asked))
    for each in told + browser.set:
        attributes = {part.strip().lower() for part in each.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= attributes
        assert not any(part.startswith("domain") for part in attributes)
    session = next(each for each in browser.set if each.startswith(f"{COOKIE}="))
    assert len(session.partition(";")[0].partition("=")[2]) == 43  # 256 bits
    assert "expires" not in session.lower() and "max-age" not in session.lower()


def test_over_tls_the_cookies_are_bound_to_the_host(tmp_path: Path, provider: Provider) -> None:
    with signing_in(tmp_path, provider.issuer, public_url="https://kontakt.example") as api:
        answer = api.client.get("/sign-in", follow_redirects=False)
        told = answer.headers["set-cookie"]
        assert told.startswith("__Host-kontaktlog-sign-in=") and "; Secure" in told
        assert query_of(answer.headers["location"])["redirect_uri"] == (
            "https://kontakt.example/sign-in/callback"
        )


def test_private_pages_are_kept_by_nobody_and_framed_by_nobody(api: Api) -> None:
    browser = Browser(api)
    answers = [browser.get("/sign-in"), browser.sign_in(), browser.get("/account")]
    answers += [browser.get("/v1/me"), browser.get("/v1/sessions"), browser.post("/sign-out")]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store", answer.url
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "where",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/ /evil.example",
        "/a\r\nSet-Cookie: x=1",
        "/" + "a" * 600,
        "/æ",
        "",
    ],
)
def test_after_signing_in_one_is_sent_to_no_other_site(api: Api, where: str) -> None:
    assert Browser(api).sign_in(where).headers["location"] == "/account"


def test_after_signing_in_one_comes_to_the_page_one_wanted(api: Api) -> None:
    came = Browser(api).sign_in("/v1/contacts?limit=5&q=a%20b")
    assert came.headers["location"] == "/v1/contacts?limit=5&q=a%20b"


# ── ways to come back that are none ──────────────────────────────────────────────────────────────


def failed(browser: Browser, answer: Any, status: int = 400) -> None:
    assert answer.status_code == status, answer.text
    assert "Log ind igen" in answer.text and COOKIE not in browser.cookies
    assert ATTEMPT not in browser.cookies
    assert browser.get("/v1/me").status_code == 401


def test_whoever_did_not_begin_here_cannot_come_back_here(api: Api) -> None:
    """Signing somebody in under the attacker's name (login CSRF)."""
    attacker, victim = Browser(api), Browser(api)
    back = attacker.back(attacker.begin())
    failed(victim, victim.get(back))
    victim.begin()
    failed(victim, victim.get(back))


def test_a_state_that_was_changed_or_left_out_is_refused(api: Api) -> None:
    for change in (lambda s: s[:-1] + ("A" if s[-1] != "A" else "B"), lambda _: ""):
        browser = Browser(api)
        back = browser.back(browser.begin())
        state = query_of(back)["state"]
        failed(browser, browser.get(back.replace(state, change(state))))


def test_nobody_comes_back_twice(api: Api) -> None:
    browser = Browser(api)
    back = browser.back(browser.begin())
    kept = dict(browser.cookies)
    assert browser.get(back).status_code == 303
    browser.cookies = kept
    failed(browser, browser.get(back))


def test_another_nonce_signs_nobody_in(api: Api, provider: Provider) -> None:
    for nonce in ("another", ..., ["n"], 7):
        provider.claims = LEADER | {"nonce": nonce}
        browser = Browser(api)
        failed(browser, browser.get(browser.back(browser.begin())))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"azp": "another"},
        {"iss": "https://login.example"},
        {"exp": 1},
        {"sub": ...},
    ],
)
def test_an_id_token_for_others_signs_nobody_in(
    api: Api, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = LEADER | claims
    browser = Browser(api)
    failed(browser, browser.get(browser.back(browser.begin())))


def test_a_code_of_another_sign_in_is_not_taken(api: Api) -> None:
    """PKCE: the code was issued for another verifier."""
    one, other = Browser(api), Browser(api)
    code = query_of(one.back(one.begin()))["code"]
    back = other.back(other.begin())
    failed(other, other.get(back.replace(query_of(back)["code"], code)))


def test_a_refusal_or_another_issuer_signs_nobody_in(api: Api) -> None:
    for change in ("&error=access_denied", "&iss=https://login.example"):
        browser = Browser(api)
        back = browser.back(browser.begin())
        back = re.sub("&iss=[^&]*", "", back) + change
        failed(browser, browser.get(back))


def test_a_provider_that_is_down_signs_nobody_in(api: Api, provider: Provider) -> None:
    browser = Browser(api)
    back = browser.back(browser.begin())
    provider.is_down = True
    failed(browser, browser.get(back), 503)


def test_a_begun_sign_in_ends_after_ten_minutes(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(api)
    back = browser.back(browser.begin())
    late = now_microseconds() + 601 * MICROSECONDS
    monkeypatch.setattr("api.http.signin.now_microseconds", lambda: late)
    failed(browser, browser.get(back))


def test_a_cookie_of_ones_own_making_is_no_beginning(api: Api) -> None:
    for value in ("", "x", "AAAA", "ø", "A" * 5_000):
        browser = Browser(api)
        back = browser.back(browser.begin())
        browser.cookies[ATTEMPT] = value
        failed(browser, browser.get(back))


def test_no_line_of_the_log_holds_code_state_or_session(
    api: Api, provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = Browser(api)
    asked = browser.begin()
    back = browser.back(asked)
    browser.get(back)
    browser.get(back)
    browser.get("/account")
    secrets = {*query_of(asked).values(), *query_of(back).values(), browser.cookies.get(COOKIE, "")}
    secrets = {each for each in secrets if len(each) > 20 and not each.startswith("http")}
    told = capsys.readouterr()
    assert secrets and not [each for each in secrets if each in told.err + told.out]
    assert provider.subject not in told.err


# ── what a session is ────────────────────────────────────────────────────────────────────────────


def test_a_session_that_was_put_into_the_browser_is_not_taken_over(api: Api) -> None:
    """Session fixation: signing in always makes another secret, and ends the one shown."""
    attacker, victim = Browser(api), Browser(api)
    attacker.sign_in()
    planted = attacker.cookies[COOKIE]
    victim.cookies[COOKIE] = planted
    victim.sign_in()
    assert victim.cookies[COOKIE] != planted
    assert victim.get("/v1/me").status_code == 200
    assert attacker.get("/v1/me").status_code == 401


def test_a_session_outlives_a_restart_and_a_table_tells_nobody_its_secret(
    tmp_path: Path, provider: Provider
) -> None:
    with signing_in(tmp_path, provider.issuer) as api:
        browser = Browser(api)
        browser.sign_in()
        secret = browser.cookies[COOKIE]
    for file in tmp_path.glob("*.db*"):
        assert secret.encode() not in file.read_bytes()
        assert provider.subject.encode() not in file.read_bytes()
    provider.is_down = True
    with signing_in(tmp_path, provider.issuer) as api:
        again = Browser(api)
        again.cookies[COOKIE] = secret
        assert again.get("/v1/me").json()["role"] == "manager"


def test_signing_out_everywhere_ends_all_of_ones_own_and_nobody_elses(
    api: Api, provider: Provider
) -> None:
    here, there, other = Browser(api), Browser(api), Browser(api)
    here.sign_in()
    there.sign_in()
    provider.subject = "somebody else"
    other.sign_in()
    assert here.post("/sign-out/everywhere").status_code == 303
    assert [each.get("/v1/me").status_code for each in (here, there, other)] == [401, 401, 200]


def test_an_administrator_ends_somebodys_sessions(api: Api, provider: Provider) -> None:
    browser = Browser(api)
    browser.sign_in()
    holder = pseudonym(api, provider)
    path, body = "/v1/sessions/revocation", {"holder": holder}
    assert api.post(path, body).status_code == 403
    administrator = api.as_role(Role.ADMINISTRATOR)
    assert administrator.post(path, body).json() == {"ended": 1}
    assert browser.get("/v1/me").status_code == 401
    assert administrator.post(path, body).json() == {"ended": 0}
    assert administrator.post(path, {"holder": "kim@example.dk"}).status_code == 400


def test_one_sees_ones_own_sessions_and_which_one_asks(api: Api, provider: Provider) -> None:
    first, second = Browser(api), Browser(api)
    first.sign_in()
    second.sign_in()
    provider.subject = "somebody else"
    Browser(api).sign_in()
    items = first.get("/v1/sessions").json()["items"]
    assert [each["current"] for each in items] == [False, True]
    assert api.get("/v1/sessions").json() == {"items": []}


def test_one_acts_under_one_grant_at_a_time(api: Api, provider: Provider) -> None:
    grant_id = grant(api, pseudonym(api, provider), Role.AUDITOR)
    browser = Browser(api)
    browser.sign_in()
    assert browser.get("/v1/me").json()["role"] is None
    chosen = browser.get("/v1/me", headers={"Kontaktlog-Grant": grant_id})
    assert chosen.json()["role"] == "auditor"
    page = browser.get("/account").text
    assert grant_id in page and "claim-manager" in page


def test_a_header_wins_over_a_cookie(api: Api) -> None:
    browser = Browser(api)
    browser.sign_in()
    with_key = browser.get("/v1/me", headers={"Authorization": f"Bearer {api.token}"})
    assert with_key.json()["kind"] == "key"
    for wrong in ("Bearer kl_a_b", "Bearer a.b.c", "Basic x"):
        assert browser.get("/v1/me", headers={"Authorization": wrong}).status_code == 401


# ── the table ────────────────────────────────────────────────────────────────────────────────────


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000_000

    def __call__(self) -> int:
        return self.seconds * MICROSECONDS


def table(url: str, clock: Clock) -> Sessions:
    made = open_sessions(url, hours=2, idle_minutes=30)
    made._clock = clock
    return made


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sessions.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


def test_a_session_ends_after_its_hours_and_after_idle_minutes(url: str) -> None:
    clock = Clock()
    sessions = table(url, clock)
    idle, busy = sessions.start("u-1", "[]"), sessions.start("u-1", "[]")
    for _ in range(4):
        clock.seconds += 29 * 60
        assert sessions.find(busy) is not None
    assert sessions.find(idle) is None
    clock.seconds += 4 * 60
    assert sessions.find(busy) is None
    assert sessions.of_holder("u-1") == []
    sessions.close()


def test_what_has_ended_is_purged_when_somebody_signs_in(url: str) -> None:
    clock = Clock()
    sessions = table(url, clock)
    for number in range(5):
        sessions.start(f"u-{number}", "[]")
        sessions.use_state(str(number))
    clock.seconds += 3 * 3_600
    sessions.start("u-new", "[]")
    count = "SELECT (SELECT count(*) FROM {0}sessions), (SELECT count(*) FROM {0}used_states)"
    assert sessions._tables.run(count) == [(1, 0)]
    sessions.close()


def test_two_processes_see_the_same_end_at_once(url: str) -> None:
    clock = Clock()
    one, other = table(url, clock), table(url, clock)
    secret = one.start("u-1", '[["manager", []]]')
    found = other.find(secret)
    assert found is not None and (found.holder, found.rights) == ("u-1", '[["manager", []]]')
    assert one.end_all("u-1") == 1
    assert other.find(secret) is None and other.end_all("u-1") == 0
    assert one.use_state("s") and not other.use_state("s")
    one.close()
    other.close()


def test_the_last_request_is_noted_to_a_minute(url: str) -> None:
    clock = Clock()
    sessions = table(url, clock)
    secret = sessions.start("u-1", "[]")
    begun = clock()
    clock.seconds += SEEN_SECONDS
    sessions.find(secret)
    assert sessions.of_holder("u-1")[0].seen_at == begun
    clock.seconds += 1
    sessions.find(secret)
    assert sessions.of_holder("u-1")[0].seen_at == clock()
    sessions.close()


def test_nobody_has_more_sessions_than_the_limit(url: str) -> None:
    clock = Clock()
    sessions = table(url, clock)
    secrets = []
    for _ in range(OF_ONE_MAX + 2):
        clock.seconds += 1
        secrets.append(sessions.start("u-1", "[]"))
    assert len(sessions.of_holder("u-1")) == OF_ONE_MAX
    assert [sessions.find(each) is None for each in secrets] == [True] * 2 + [False] * OF_ONE_MAX
    sessions.close()


def test_a_secret_of_any_other_form_is_nobodys(tmp_path: Path) -> None:
    sessions = table(f"sqlite:///{tmp_path}/sessions.db", Clock())
    for secret in ("", "x", "x" * 101, "'; DROP TABLE sessions --"):
        assert sessions.find(secret) is None
    sessions.close()


def test_a_table_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    sessions = table(f"sqlite:///{tmp_path}/sessions.db", Clock())
    secret = sessions.start("u-1", "[]")
    with sqlite3.connect(tmp_path / "sessions.db") as db:
        db.execute("DROP TABLE sessions")
    with pytest.raises(Unavailable):
        sessions.find(secret)
    sessions.close()
