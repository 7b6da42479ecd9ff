"""Every error has one shape (RFC 9457), a status of the one table, and a page that explains it."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from api.http.operations import Resource
from api.http.problems import KINDS, Problem, of_error, render, status_of
from domain.errors import CODES, Broken, Conflict, DomainError, Refused, Unavailable, Unknown
from tests.api.access_table import ROLES, TABLE
from tests.api.builders import Api, contact

CLASSES: list[type[DomainError]] = [Refused, Unknown, Conflict, Broken, Unavailable]


def is_problem(answer: Any) -> Problem:
    """The answer's problem, after the shape is checked."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == answer.status_code
    assert problem.type == f"/problems/{problem.code}" and problem.code in KINDS
    assert problem.request_id == answer.headers["x-request-id"]
    return problem


@pytest.mark.parametrize("code", sorted(CODES))
@pytest.mark.parametrize("error", CLASSES)
def test_every_error_of_the_domain_becomes_one_problem(error: type[DomainError], code: str) -> None:
    status, body = render(of_error(error(code)), "an-id")
    problem = Problem.model_validate_json(body)
    assert 400 <= status <= 599 and problem.status == status
    assert status == status_of(error(code))
    assert problem.title and problem.detail


def test_broken_evidence_is_never_blamed_on_the_caller_nor_told_in_detail() -> None:
    error = Broken("proof_invalid", reason="secret")
    assert status_of(error) == 500
    assert b"secret" not in render(of_error(error))[1]


def test_what_may_be_tried_again_says_when() -> None:
    for code in ("queue_full", "store_unavailable", "view_behind"):
        assert of_error(Unavailable(code)).headers["Retry-After"] == "1"


@pytest.mark.parametrize("code", sorted(KINDS))
def test_every_problem_has_a_page(shared_api: Api, code: str) -> None:
    page = shared_api.as_nobody().get(f"/problems/{code}")
    assert page.status_code == 200 and code in page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def test_every_route_answers_every_method_it_lacks_with_a_problem(shared_api: Api) -> None:
    for route in shared_api.client.app.routes:  # type: ignore[attr-defined]
        assert isinstance(route, Route)
        path = re.sub(r"\{\w+\}", "0192f3a0-7c00-7abc-8def-001122334455", route.path)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            has = isinstance(route.endpoint, Resource) and method in route.endpoint.operations
            if has or method in (route.methods or set()):
                continue
            answer = shared_api.ask(method, path)
            assert is_problem(answer).code == "method_not_allowed", (method, path)
            assert "GET" in answer.headers["allow"] or "POST" in answer.headers["allow"]


def test_every_route_refuses_a_body_that_is_no_json_with_a_problem(shared_api: Api) -> None:
    for route in shared_api.client.app.routes:  # type: ignore[attr-defined]
        if not isinstance(route.endpoint, Resource) or "POST" not in route.endpoint.operations:
            continue
        path = re.sub(r"\{\w+\}", "0192f3a0-7c00-7abc-8def-001122334455", route.path)
        headers = {"If-Match": '"1"', "Content-Type": "application/json"}
        column = TABLE[route.endpoint.operations["POST"].name]
        api = shared_api.as_role(ROLES[column.index("y")])
        answer = api.ask("POST", path, content=b"{", headers=headers)
        assert is_problem(answer).code == "malformed_json", path


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/contacts/", "/v2/contacts", "/problems/none"])
def test_where_nothing_is_a_problem_says_so(shared_api: Api, path: str) -> None:
    assert is_problem(shared_api.get(path)).code == "not_found"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("", 401),
        ("Basic a2w6bm9nZXQ=", 401),
        ("Bearer", 401),
        ("Bearer kl_", 401),
        ("Bearer kl_ukendt_hemmelig", 401),
        ("Bearer xx_a_b", 401),
        ("Bearer kl_a_" + "x" * 500, 401),
    ],
)
def test_whoever_has_no_key_gets_the_same_answer(
    shared_api: Api, header: str | None, status: int
) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = shared_api.as_nobody().get("/v1/contacts", headers=headers)
    assert answer.status_code == status and is_problem(answer).code == "unauthenticated"
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "query",
    [
        "ukendt=1",
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=1e3",
        "limit=1&limit=2",
        "limit=",
        "occurred_from=2010-02-30",
        "occurred_from=i+dag",
        "recorded_from=2010-02-22",
        "channel=brevdue",
        "as_of_recorded=1999",
        "as_of_recorded=i+fjor",
        "as_of_effective=2010",
        "min_position=-1",
        "min_position=999999",
        "text=%00",
        "text=%FF",
        "text=",
        "include_retracted=ja",
        "=x",
    ],
)
def test_a_parameter_that_cannot_be_meant_is_named(shared_api: Api, query: str) -> None:
    answer = shared_api.get(f"/v1/contacts?{query}")
    assert answer.status_code == 400, answer.text
    is_problem(answer)


def test_all_wrong_parameters_are_told_at_once(shared_api: Api) -> None:
    answer = shared_api.get("/v1/contacts?limit=0&ukendt=1&channel=x")
    pointers = {fault.pointer for fault in is_problem(answer).errors}
    assert pointers == {"/query/limit", "/query/ukendt", "/query/channel"}


def test_a_fault_of_our_own_tells_nothing_but_its_number(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("hemmelig sti /etc/passwd")

    api.client.app.router.routes.append(Route("/broken", broken))  # type: ignore[attr-defined]
    answer = api.get("/broken")
    assert is_problem(answer).code == "internal_error"
    assert "passwd" not in answer.text and answer.status_code == 500
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    told = capsys.readouterr().err
    assert "RuntimeError" in told and "passwd" not in told


def test_every_answer_carries_the_headers_of_safety(shared_api: Api) -> None:
    for path in ("/livez", "/v1/contacts", "/findes-ikke", "/v1/contacts?limit=0"):
        headers = shared_api.get(path).headers
        assert headers["api-version"].count(".") == 2
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["strict-transport-security"].startswith("max-age=")
        assert re.fullmatch(r"[0-9a-f-]{36}", headers["x-request-id"])


def test_a_callers_own_request_id_is_kept_when_harmless(shared_api: Api) -> None:
    kept = shared_api.get("/livez", headers={"X-Request-ID": "sag-4711-b"}).headers
    assert kept["x-request-id"] == "sag-4711-b"
    for odd in ("kort", "x" * 65, "a b c d e f g h", "<script>alert()</script>"):
        made = shared_api.get("/livez", headers={"X-Request-ID": odd})
        assert made.headers["x-request-id"] != odd


def test_a_log_line_holds_no_value_of_the_request(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    canary = "kanariefugl"
    api.post("/v1/contacts", contact(subject=canary, participants=[{"name": canary}]))
    api.get("/v1/contacts", params={"text": canary})
    api.get(f"/v1/contacts/{canary}")
    api.get(f"/{canary}?{canary}={canary}")
    told = capsys.readouterr().err
    assert canary not in told and api.token not in told
    assert told.count('"event":"request"') >= 4


def test_the_domain_and_the_table_have_the_same_codes() -> None:
    assert set(CODES) <= set(KINDS)
    for kind in KINDS.values():
        assert kind.title[0].isupper() or kind.title.startswith("`")
        assert kind.help.endswith((".", "?")) or kind.help


def test_the_page_of_the_documentation_lists_every_code() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    missing = [code for code in KINDS if f"`{code}`" not in text]
    assert missing == []
