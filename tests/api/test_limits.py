"""Every limit of the HTTP door, at its edge; and what it says when the store is in trouble."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from api.http.bodies import DEPTH_MAX
from domain.access import Role
from tests.api.builders import Api, caught_up, contact, running, settings_in, with_parties
from tests.proof.service import until

JSON = {"Content-Type": "application/json"}


def nested(levels: int) -> bytes:
    return b'{"x":' * levels + b"1" + b"}" * levels


@pytest.fixture
def small(tmp_path: Path) -> Any:
    with running(settings_in(tmp_path, max_body_bytes=16_384, max_batch_bytes=20_000)) as api:
        yield with_parties(api)


@pytest.mark.parametrize(("spare", "status"), [(0, 400), (1, 413)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_may_have_so_many_bytes_and_not_one_more(
    small: Api, spare: int, status: int, chunked: bool
) -> None:
    body = b'{"x":"' + b"a" * (16_384 - 8 + spare) + b'"}'
    assert len(body) == 16_384 + spare

    def parts() -> Any:
        for start in range(0, len(body), 1_000):
            yield body[start : start + 1_000]

    content = parts() if chunked else body
    answer = small.ask("POST", "/v1/contacts", content=content, headers=JSON)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_batch_has_a_limit_of_its_own(small: Api) -> None:
    items = [contact(facts="x" * 17_000)]
    assert small.post("/v1/contacts/batch", {"items": items}).status_code == 200
    items = [contact(facts="x" * 20_000)]
    assert small.post("/v1/contacts/batch", {"items": items}).status_code == 413


@pytest.mark.parametrize(("count", "status"), [(0, 400), (1, 200), (1_000, 200), (1_001, 400)])
def test_a_batch_has_one_to_a_thousand_items(shared_api: Api, count: int, status: int) -> None:
    answer = shared_api.post("/v1/contacts/batch", {"items": [contact()] * count})
    assert answer.status_code == status
    assert status != 200 or answer.json()["recorded"] == count


@pytest.mark.parametrize("body", [[], {}, {"items": {}}, {"items": [1], "more": 1}, {"items": "x"}])
def test_a_batch_is_a_list_of_items_and_nothing_else(shared_api: Api, body: Any) -> None:
    assert shared_api.post("/v1/contacts/batch", body).status_code == 400


@pytest.mark.parametrize(("limit", "status"), [(1, 200), (500, 200), (501, 400), (0, 400)])
def test_a_page_has_one_to_five_hundred_rows(shared_api: Api, limit: int, status: int) -> None:
    for path in ("/v1/contacts", "/v1/parties", "/v1/imports"):
        assert shared_api.get(path, params={"limit": limit}).status_code == status


def test_a_page_has_fifty_rows_when_nothing_is_said(shared_api: Api) -> None:
    answer = shared_api.post("/v1/contacts/batch", {"items": [contact()] * 60}).json()
    assert len(shared_api.items("/v1/contacts", answer["position"])) == 50


def test_json_may_be_so_deep_and_no_deeper(shared_api: Api) -> None:
    codes = []
    for levels in (DEPTH_MAX, DEPTH_MAX + 1, 100_000):
        answer = shared_api.ask("POST", "/v1/contacts", content=nested(levels), headers=JSON)
        assert answer.status_code == 400
        codes.append(answer.json()["code"])
    assert codes == ["invalid_input", "malformed_json", "malformed_json"]


def test_a_query_has_so_many_parameters_and_characters(shared_api: Api) -> None:
    many = "&".join(["organisation=KAB"] * 51)
    assert shared_api.get(f"/v1/contacts?{many}").status_code == 400
    assert shared_api.get("/v1/contacts?" + "a=1&" * 150).status_code == 400
    assert shared_api.get("/v1/contacts", params={"topic": "x" * 1_000}).status_code == 200
    assert shared_api.get("/v1/contacts", params={"topic": "x" * 1_001}).status_code == 400


# ── trouble ──────────────────────────────────────────────────────────────────────────────────────


def test_ready_says_so_and_tells_more_to_whoever_has_a_key(api: Api) -> None:
    caught_up(api.services)
    assert api.as_nobody().get("/readyz").json() == {"status": "ready"}
    told = api.get("/readyz").json()
    assert told["status"] == "ready" and told["head"] >= 6
    assert api.ask("GET", "/readyz", headers={"Authorization": "Bearer x"}).status_code == 401


def test_with_a_full_store_the_service_says_507_and_recovers_without_a_restart(
    tmp_path: Path,
) -> None:
    with running(settings_in(tmp_path)) as api:
        with_parties(api)
        caught_up(api.services)
        writer: Any = api.services.log._writer
        (full,) = writer.execute("PRAGMA max_page_count").fetchone()
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count={pages}")  # as a full disk: not one page more
        answers = [api.post("/v1/contacts", contact(facts="x" * 15_000)) for _ in range(5)]
        assert answers[-1].status_code == 507
        assert answers[-1].json()["code"] == "store_full"
        assert api.get("/livez").status_code == 200
        writer.execute(f"PRAGMA max_page_count={full}")
        at = api.log()["position"]
        assert api.items("/v1/contacts", at, limit=1)
        until(lambda: api.as_nobody().get("/readyz").status_code == 200, "ready again")


def test_a_parked_view_makes_the_service_not_ready_and_hinders_no_logging(api: Api) -> None:
    caught_up(api.services)  # else the views are written meanwhile
    with api.services.store.writing() as tx:
        tx.run("UPDATE tracking SET failed_at = 1, error = 'KeyError' WHERE name = 'counts'")
    answer = api.as_nobody().get("/readyz")
    assert answer.status_code == 503 and "view_failed" in answer.json()["reasons"]
    assert answer.headers["retry-after"] == "1"
    at = api.log()["position"]
    assert len(api.items("/v1/contacts", at)) == 1


def test_a_view_that_is_still_being_made_makes_the_service_not_ready(tmp_path: Path) -> None:
    with running(settings_in(tmp_path)) as api:
        token = with_parties(api).token
        caught_up(api.services)
    with running_without_follower(tmp_path) as api:
        api.token = token
        assert "view_behind" not in api.get("/readyz").json().get("reasons", [])
        with api.services.store.writing() as tx:
            tx.run("UPDATE tracking SET state = 'building' WHERE name = 'counts'")
        assert "view_behind" in api.get("/readyz").json()["reasons"]


def test_without_a_follower_the_service_logs_and_tells_that_views_are_behind(
    tmp_path: Path,
) -> None:
    with running(settings_in(tmp_path)) as api:
        token = with_parties(api).token
    with running_without_follower(tmp_path) as api:
        api.token = token
        logged = api.log()
        answer = api.seen("/v1/contacts", logged["position"])
        assert (answer.status_code, answer.json()["code"]) == (503, "view_behind")
        assert answer.headers["retry-after"] == "1"
        assert api.get(f"/v1/contacts/{logged['id']}/receipt").status_code == 503


def running_without_follower(folder: Path) -> Any:
    from contextlib import contextmanager

    from starlette.testclient import TestClient

    from api.http.app import create_app
    from api.main import open_services

    @contextmanager
    def run() -> Any:
        services = open_services(
            settings_in(folder, followers="off", wait_seconds=0.1), writer=True
        )
        with TestClient(create_app(services)) as client:
            yield Api(client, services)
        services.close()

    return run()


def test_figures_are_for_this_machine_or_for_a_key(api: Api) -> None:
    assert api.as_nobody().get("/metrics").status_code == 401  # the test client is not loopback
    told = api.as_role(Role.AUDITOR).get("/metrics")
    assert told.status_code == 200
    assert 'kontaktlog_requests_total{operation="register_party",status="201"} 5.0' in told.text
    assert 'kontaktlog_position{part="head"}' in told.text


def test_the_database_may_be_gone_and_come_back(tmp_path: Path) -> None:
    """A view database that is removed is built again by the next start; the log loses nothing."""
    with running(settings_in(tmp_path)) as api:
        with_parties(api)
        logged = api.log()
    for file in tmp_path.glob("views.db*"):
        file.unlink()
    shutil.copytree(tmp_path, tmp_path.parent / "copied")
    with running(settings_in(tmp_path.parent / "copied")) as again:
        assert again.items("/v1/contacts", logged["position"]) == [logged]
