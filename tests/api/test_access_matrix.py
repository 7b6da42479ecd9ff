"""Every route by every role, and what is somebody else's: absent, in every door (S2)."""

import re
from typing import Any

import pytest
from starlette.routing import Route

from api.http.operations import Operation, Resource
from api.http.routes import operations
from domain.access import Role
from tests.api.access_table import OPEN_TO_ALL, PAGES, ROLES, TABLE
from tests.api.builders import Api, contact, new_key, revoke

SOMETHING = "0192f3a0-7c00-7abc-8def-001122334455"
OPERATIONS = {operation.name: operation for operation in operations()}


def routes_without_a_row(routes: list[Any]) -> list[str]:
    missing = []
    for route in routes:
        if isinstance(route, Route) and isinstance(route.endpoint, Resource):
            declared = route.endpoint.operations.values()
            missing += [each.name for each in declared if each.name not in TABLE]
        elif getattr(route, "path", None) not in PAGES:
            missing.append(str(getattr(route, "path", route)))
    return missing


def test_every_route_has_a_row_in_the_table_of_rights(shared_api: Api) -> None:
    assert routes_without_a_row(shared_api.client.app.routes) == []  # type: ignore[attr-defined]


def test_a_new_route_without_a_row_is_found() -> None:
    async def page(_: object) -> None: ...

    assert routes_without_a_row([Route("/v1/new", page)]) == ["/v1/new"]


def test_every_row_has_a_route() -> None:
    assert set(TABLE) == set(OPERATIONS)
    assert {len(row) for row in TABLE.values()} == {len(ROLES)} == {len(Role)}


def ask(api: Api, operation: Operation) -> Any:
    """Ask in the form the document shows, about something that is not there."""
    path = re.sub(r"\{\w+\}", SOMETHING, operation.path)
    params = {p.name: p.example for p in operation.parameters.declared if p.example is not None}
    params = {k: v for k, v in params.items() if k in {"position", "from"}}
    headers = {"If-Match": '"1"'} if "If-Match" in operation.headers else {}
    more: dict[str, Any] = {"params": params, "headers": headers}
    if operation.body is not None:
        more["json"] = {"unfit": True}  # whoever may gets 400 or 404, whoever may not 403
    return api.ask(operation.method, path, **more)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_what_the_table_says_and_nothing_more(shared_api: Api, role: Role) -> None:
    scope = ("party:nobody",) if role is Role.ORGANISATION else ()
    api = shared_api.as_role(role, *scope)
    column = ROLES.index(role)
    for name, operation in OPERATIONS.items():
        answer = ask(api, operation)
        if TABLE[name][column] == "y":
            assert answer.status_code in {200, 400, 404}, (name, answer.text)
        else:
            assert answer.status_code == 403, (name, answer.text)
            assert answer.json()["code"] == "not_allowed"


def token_of(api: Api, who: str) -> str:
    match who:
        case "expired":
            return new_key(api.services, Role.MANAGER, expires_at="2020-01-01T00:00:00Z")
        case "revoked":
            token = new_key(api.services, Role.MANAGER)
            revoke(api.services, token)
            return token
        case "wrong secret":
            return api.token[:-1] + ("a" if api.token[-1] != "a" else "b")
        case "other key":
            return "kl_0123456789abcdef_" + api.token.split("_", 2)[2]
        case _:
            return ""


@pytest.mark.parametrize("who", ["anonymous", "expired", "revoked", "wrong secret", "other key"])
def test_whoever_has_no_living_key_may_nothing(shared_api: Api, who: str) -> None:
    token = token_of(shared_api, who)
    api = Api(shared_api.client, shared_api.services, token)
    bodies = set()
    for name, operation in OPERATIONS.items():
        if name in OPEN_TO_ALL:
            assert (api if who == "anonymous" else api.as_nobody()).get(operation.path).is_success
            continue
        answer = ask(api, operation)
        assert answer.status_code == 401, (name, answer.text)
        bodies.add(re.sub(r'"request_id":"[^"]*"', "", answer.text))
    assert len(bodies) == 1


# ── somebody else's ──────────────────────────────────────────────────────────────────────────────


def party_id(api: Api, key: str) -> str:
    (party,) = api.get("/v1/parties", params={"key": key}).json()["items"]
    return str(party["id"])


@pytest.mark.parametrize(
    ("role", "scope"),
    [
        (Role.ORGANISATION, "party:KAB"),
        (Role.CASE_OFFICER, "party:KAB"),
        (Role.CASE_OFFICER, "kle:03.10"),
        (Role.COUNCILLOR, None),
        (Role.INTEGRATION, None),
    ],
)
def test_what_one_may_not_see_is_absent_everywhere(api: Api, role: Role, scope: str | None) -> None:
    hidden = api.log(
        organisations=["AAB"],
        subject="Skjult",
        kle=["85.02"],
        confidentiality="restricted",
        case_numbers=["2009-9"],
    )
    mine = api.log(subject="Åben", kle=["03.10.24"], confidentiality="open")
    at = mine["position"]
    scopes = () if scope is None else (scope.replace("KAB", party_id(api, "KAB")),)
    other = api.as_role(role, *scopes)
    path = f"/v1/contacts/{hidden['id']}"
    assert other.seen(path, at).status_code == 404
    assert other.seen(f"{path}/history", at).status_code == 404
    assert other.get(f"{path}/receipt").status_code == 404
    unknown = other.get(f"/v1/contacts/{SOMETHING}").json()
    told = other.get(path).json()
    assert {k: v for k, v in told.items() if k != "request_id"} == {
        k: v for k, v in unknown.items() if k != "request_id"
    }
    for filters in ({}, {"organisation": "AAB"}, {"text": "skjult"}, {"case_number": "2009-9"}):
        items = other.items("/v1/contacts", at, **filters)
        assert "Skjult" not in [item["subject"] for item in items]
    report = other.seen("/v1/reports/contacts", at, by="organisation").json()
    assert (report["total"], report["groups"]) == (1, 1)
    timeline = other.items(f"/v1/parties/{party_id(api, 'AAB')}/timeline", at)
    assert hidden["id"] not in str(timeline)
    assert other.items("/v1/contacts", at)[0]["subject"] == "Åben"


@pytest.mark.parametrize("way", ["corrections", "retraction", "links"])
def test_what_one_may_not_see_one_cannot_change(api: Api, way: str) -> None:
    hidden = api.log(organisations=["AAB"])
    other = api.as_role(Role.CASE_OFFICER, f"party:{party_id(api, 'KAB')}")
    body = {"links": {"kind": "case", "target": "1"}, "corrections": {"reason": "x", "place": "y"}}
    path = f"/v1/contacts/{hidden['id']}/{way}"
    answer = other.post(path, body.get(way, {"reason": "x"}), headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["code"]) == (404, "contact_unknown")


def test_an_organisation_logs_only_what_it_took_part_in(api: Api) -> None:
    kab = api.as_role(Role.ORGANISATION, f"party:{party_id(api, 'KAB')}")
    refused = kab.post("/v1/contacts", contact(organisations=["AAB"]))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    own = kab.post("/v1/contacts", contact(assessment="Kun til kommunen"))
    assert own.status_code == 201 and "assessment" not in own.json()


def test_a_cursor_of_one_key_shows_another_nothing_more(api: Api) -> None:
    at = [api.log(organisations=["AAB"]) for _ in range(3)][-1]["position"]
    cursor = api.seen("/v1/contacts", at, limit=1).json()["next"]
    kab = api.as_role(Role.ORGANISATION, f"party:{party_id(api, 'KAB')}")
    answer = kab.get("/v1/contacts", params={"limit": 1, "cursor": cursor})
    assert answer.json()["items"] == []


def test_a_merged_organisation_still_sees_its_own(api: Api) -> None:
    aab = party_id(api, "AAB")
    key = api.as_role(Role.ORGANISATION, f"party:{aab}")
    api.log(organisations=["AAB"])
    done = api.post(f"/v1/parties/{aab}/merge", {"into": "KAB", "reason": "Fusion"})
    at = api.log(organisations=["AAB"])["position"]
    assert done.is_success and len(key.items("/v1/contacts", at)) == 2
    own = key.post("/v1/contacts", contact(organisations=["AAB"]))
    assert own.status_code == 201
    assert key.get(f"/v1/contacts/{own.json()['id']}/receipt").status_code == 200
