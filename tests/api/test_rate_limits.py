"""Rates (hastighedsgrænser): who asks too much waits, is told how long, and hinders nobody else."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.http.limits import BYTES_PER_UNIT, Allowance, Limits, address_of
from api.http.problems import HttpProblem
from api.settings import Settings
from domain.access import Role
from tests.api.builders import (
    Api,
    caught_up,
    contact,
    new_key,
    revoke,
    running,
    settings_in,
    with_parties,
)

RATE = {"rate_per_second": 0.001, "rate_burst": 30}
"""Nothing comes back while a test runs."""


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


# ── one allowance ────────────────────────────────────────────────────────────────────────────────


def test_a_full_bucket_gives_its_burst_and_then_as_it_fills() -> None:
    bucket = Allowance(per_second=10, burst=5)
    assert [bucket.spend("a", 0.0) for _ in range(5)] == [0.0] * 5
    assert bucket.spend("a", 0.0) == pytest.approx(0.1)
    assert bucket.spend("a", 0.099) > 0
    assert bucket.spend("a", 0.1) == 0.0
    assert bucket.spend("a", 0.1) > 0
    assert [bucket.spend("a", 10.0) for _ in range(5)] == [0.0] * 5, "never more than the burst"
    assert bucket.spend("a", 10.0) > 0


def test_over_any_time_nobody_gets_more_than_burst_and_rate_allow() -> None:
    bucket = Allowance(per_second=100, burst=7)
    given = sum(bucket.spend("a", tick / 1_000) == 0.0 for tick in range(10_000))
    assert 1_000 <= given <= 1_000 + 7


def test_one_caller_uses_up_nothing_of_anothers() -> None:
    bucket = Allowance(per_second=1, burst=1)
    assert bucket.spend("a", 0.0) == 0.0
    assert bucket.spend("a", 0.0) > 0
    assert bucket.spend("b", 0.0) == 0.0


def test_who_took_more_than_there_was_waits_and_not_for_ever() -> None:
    bucket = Allowance(per_second=10, burst=10)
    bucket.charge("a", 0.0, 1_000_000)
    assert bucket.left("a", 0.0) == (0, 2)
    assert bucket.spend("a", 1.0) > 0
    assert bucket.spend("a", 2.0) == 0.0


def test_the_memory_of_callers_is_bounded_and_strangers_then_share() -> None:
    bucket = Allowance(per_second=1, burst=2, callers_max=100)
    for number in range(100):
        assert bucket.spend(f"a{number}", 0.0) == 0.0
    assert [bucket.spend(f"b{number}", 0.0) > 0 for number in range(5)] == [False] * 2 + [True] * 3
    assert len(bucket) <= 101
    assert bucket.spend("a7", 0.0) == 0.0, "who is known keeps an allowance"
    assert bucket.spend("c", 10.0) == 0.0
    assert len(bucket) == 1, "who is full again is forgotten"


def test_a_hundred_thousand_callers_fit_into_sixteen_mebibytes() -> None:
    bucket = Allowance(per_second=1, burst=100)
    names = [f"{number:016x}" for number in range(100_000)]
    tracemalloc.start()
    for name in names:
        bucket.spend(name, 0.0)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 16 * 1_048_576


# ── who pays ─────────────────────────────────────────────────────────────────────────────────────


def scope(address: str = "192.0.2.1", path: str = "/v1/contacts", method: str = "GET") -> Any:
    return {"client": (address, 1), "path": path, "method": method, "state": {}}


def settle(limits: Limits, asked: Any, credential: bytes | None, status: int) -> None:
    limits.leave(limits.enter(asked, credential), asked, credential, status)


def refused(limits: Limits, asked: Any, credential: bytes | None) -> bool:
    try:
        limits.enter(asked, credential)
    except HttpProblem as problem:
        return problem.code == "rate_limited"
    return False


def test_after_some_failed_sign_ins_an_address_tries_no_more_keys() -> None:
    clock = Hands()
    limits = Limits(0, 1, failures_per_minute=3, clock=clock)
    for number in range(3):
        settle(limits, scope(), b"guess %d" % number, 401)
    assert refused(limits, scope(), b"guess 4")
    assert not refused(limits, scope("192.0.2.2"), b"guess 4")
    assert not refused(limits, scope(), None), "who tries nothing has not failed"
    clock.now += 20.0
    assert not refused(limits, scope(), b"guess 4")


def test_keys_that_work_go_on_beside_somebody_who_guesses_at_the_same_address() -> None:
    limits = Limits(0, 1, failures_per_minute=3, clock=Hands())
    asked = scope()
    asked["state"]["key_id"] = "k1"
    settle(limits, asked, b"a good key", 200)
    for number in range(5):
        settle(limits, scope(), b"guess %d" % number, 401) if number < 3 else None
    assert refused(limits, scope(), b"guess 9")
    assert not refused(limits, scope(), b"a good key")


def test_a_key_that_stops_working_is_a_stranger_again() -> None:
    limits = Limits(0, 1, failures_per_minute=1, clock=Hands())
    asked = scope()
    asked["state"]["key_id"] = "k1"
    settle(limits, asked, b"key", 200)
    settle(limits, scope(), b"key", 401)
    assert refused(limits, scope(), b"key")


def test_guesses_by_post_without_a_key_count_as_failed_sign_ins() -> None:
    limits = Limits(0, 1, failures_per_minute=2, clock=Hands())
    for _ in range(2):
        settle(limits, scope(method="POST"), None, 401)
    assert refused(limits, scope(method="POST"), None)


def test_two_spellings_of_one_key_share_its_allowance() -> None:
    limits = Limits(0.001, 10, 0, clock=Hands())
    for spelling in (b"Bearer kl_k1_x", b"bearer  kl_k1_x"):
        asked = scope()
        asked["state"]["key_id"] = "k1"
        settle(limits, asked, spelling, 200)
    taken = 0
    while not refused(limits, scope(), b"Bearer kl_k1_x"):
        taken += 1
    assert refused(limits, scope(), b"bearer  kl_k1_x")
    assert taken == 10


def test_an_address_is_the_sockets_and_of_ipv6_its_network() -> None:
    assert address_of({"client": ("192.0.2.7", 1)}) == "192.0.2.7"
    assert address_of({"client": ("::ffff:192.0.2.7", 1)}) == "192.0.2.7"
    assert address_of({"client": ("2001:db8:1:2::1", 1)}) == address_of(
        {"client": ("2001:db8:1:2:ffff::9", 1)}
    )
    assert address_of({"client": ("2001:db8:1:2::1", 1)}) != address_of(
        {"client": ("2001:db8:1:3::1", 1)}
    )
    assert address_of({"client": ("fe80::1%eth0", 1)}) == address_of({"client": ("fe80::2", 1)})
    assert address_of({"client": ("no address: at all", 1)}) == "no address: at all"
    assert address_of({"client": None}) == ""


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Api]:
    """Thirty requests for each caller, and none come back."""
    with running(settings_in(tmp_path, **RATE)) as api:
        yield with_parties(api)


def stopped(api: Api) -> None:
    """Let no time pass for the limits, so that nothing comes back."""
    api.client.app.gate._limits._clock = Hands()  # type: ignore[attr-defined]


def drained(api: Api) -> Any:
    """Ask until it is too much; return the refusal."""
    for _ in range(40):
        answer = api.get("/v1/parties")
        if answer.status_code == 429:
            return answer
        assert answer.status_code == 200
    pytest.fail("never limited")


def test_who_asks_too_much_is_told_when_to_come_back(narrow: Api) -> None:
    answer = drained(narrow)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "rate_limited"
    assert 1 <= int(answer.headers["retry-after"]) <= 1_000
    assert answer.headers["ratelimit-policy"] == '"request";q=30;w=30000'
    assert answer.headers["ratelimit"].startswith('"request";r=0;t=')
    assert answer.headers["x-request-id"]
    told = narrow.as_role(Role.AUDITOR).get("/metrics").text
    assert 'kontaktlog_requests_total{operation="rate_limited",status="429"} 1.0' in told


def test_answers_tell_how_much_is_left(narrow: Api) -> None:
    left = [
        int(narrow.get("/v1/parties").headers["ratelimit"].split(";r=")[1].split(";")[0])
        for _ in range(3)
    ]
    assert left[0] - left[1] == left[1] - left[2] == 1


def test_each_key_has_an_allowance_of_its_own_and_so_has_who_has_none(narrow: Api) -> None:
    drained(narrow)
    assert narrow.as_role(Role.MANAGER).get("/v1/parties").status_code == 200
    assert narrow.as_nobody().get("/v1/openapi.json").status_code == 200


def test_probes_are_always_answered(narrow: Api) -> None:
    nobody = narrow.as_nobody()
    while nobody.get("/docs").status_code == 200:
        pass
    assert nobody.get("/docs").status_code == 429
    caught_up(narrow.services)
    for probe in ("/livez", "/readyz"):
        assert {nobody.get(probe).status_code for _ in range(40)} == {200}


def test_a_batch_costs_by_its_size(narrow: Api) -> None:
    before = int(narrow.get("/v1/parties").headers["ratelimit"].split(";r=")[1].split(";")[0])
    items = [contact(facts="x" * BYTES_PER_UNIT)] * 4
    answer = narrow.post("/v1/contacts/batch", {"items": items})
    assert answer.status_code == 200
    after = int(answer.headers["ratelimit"].split(";r=")[1].split(";")[0])
    assert before - after == 1 + 4


def test_a_batch_that_costs_more_than_there_is_is_taken_and_paid_for_later(narrow: Api) -> None:
    items = [contact(facts="x" * 10_000)] * 30
    assert narrow.post("/v1/contacts/batch", {"items": items}).status_code == 200
    assert narrow.get("/v1/parties").status_code == 429


def test_a_refused_request_records_nothing_and_its_body_is_not_looked_at(narrow: Api) -> None:
    drained(narrow)
    head = narrow.services.log.head()
    answer = narrow.ask("POST", "/v1/contacts", content=b"\xff not json", headers={})
    assert answer.status_code == 429
    assert narrow.services.log.head() == head


def test_head_is_limited_and_has_no_body(narrow: Api) -> None:
    drained(narrow)
    answer = narrow.ask("HEAD", "/v1/parties")
    assert (answer.status_code, answer.content) == (429, b"")
    assert answer.headers["retry-after"]


def test_failed_sign_ins_are_limited_and_good_keys_go_on(tmp_path: Path) -> None:
    with running(settings_in(tmp_path, sign_in_failures_per_minute=5)) as api:
        with_parties(api)
        stopped(api)
        strangers = [
            api.ask("GET", "/v1/parties", headers={"Authorization": f"Bearer kl_x_{n}"})
            for n in range(9)
        ]
        assert [answer.status_code for answer in strangers] == [401] * 5 + [429] * 4
        assert api.get("/v1/parties").status_code == 200
        assert int(strangers[-1].headers["retry-after"]) == 12


def test_a_revoked_key_gets_its_401_and_then_waits(tmp_path: Path) -> None:
    with running(settings_in(tmp_path, sign_in_failures_per_minute=5)) as api:
        token = new_key(api.services, Role.MANAGER)
        other = Api(api.client, api.services, token)
        assert other.get("/v1/parties").status_code == 200
        revoke(api.services, token)
        stopped(api)
        seen = [other.get("/v1/parties").status_code]
        while seen[-1] != 429:
            seen.append(other.get("/v1/parties").status_code)
        believed = seen.index(401)  # a key that was found is believed for a moment
        assert seen == [200] * believed + [401] * 5 + [429]


def test_zero_switches_every_limit_off(tmp_path: Path) -> None:
    none = {"rate_per_second": 0, "rate_burst": 1, "sign_in_failures_per_minute": 0}
    with running(settings_in(tmp_path, **none)) as api:
        answers = [api.get("/v1/parties") for _ in range(20)]
        assert {answer.status_code for answer in answers} == {200}
        assert "ratelimit" not in answers[0].headers


def test_the_rates_that_nobody_set_hinder_no_honest_heavy_use(tmp_path: Path) -> None:
    """A thousand contacts in one batch, then a thousand questions as fast as they go."""
    named = ("rate_per_second", "rate_burst", "sign_in_failures_per_minute")
    unset = {name: Settings.model_fields[name].default for name in named}
    with running(settings_in(tmp_path, **unset)) as api:
        with_parties(api)
        items = [contact(facts="x" * 500)] * 1_000
        assert api.post("/v1/contacts/batch", {"items": items}).status_code == 200
        assert {api.get("/v1/parties").status_code for _ in range(1_000)} == {200}
