"""Every route by every role, and what is somebody else's: absent, in every door (S2)."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.routing import Route

from api.http.operations import Operation, Resource
from api.http.routes import operations
from domain import access
from domain.access import Role
from tests.api.access_table import OPEN_TO_ALL, PAGES, ROLES, TABLE
from tests.api.builders import WAIT_SECONDS, Api, caught_up, contact, new_key, revoke
from tests.api.crossing import HIDDEN_FROM, UNKNOWN, Stage, Stages, looking, told

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
        caught_up(shared_api.services)  # who lags is not ready
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
            caught_up(shared_api.services)  # who lags is not ready
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


# ── hidden, and not there ────────────────────────────────────────────────────────────────────────

SEEN_BY_ALL = {
    "party_id": "the register of parties is open to everybody with a key",
    "administration": "a party",
    "organisation": "a party",
    "target_id": "rules are open to everybody with a key",
    "rule_id": "rules are open to everybody with a key",
    "code": "rules are open to everybody with a key",
    "grant_id": "only for those who may see every grant",
}
"""Parts of paths that name what is hidden from nobody who may ask at all, and why."""
VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "If-Match: the version": {"headers": {"If-Match": '"1"'}},
    "If-Match: another version": {"headers": {"If-Match": '"7"'}},
    "If-Match: any": {"headers": {"If-Match": "*"}},
    "If-None-Match": {"headers": {"If-None-Match": '"3"'}},
    "If-None-Match: any": {"headers": {"If-None-Match": "*"}},
    "the owner's key": {"headers": {"Idempotency-Key": "of-the-owner", "If-Match": "*"}},
    "no body": {"headers": {"If-Match": "*", "Prefer": "return=minimal"}},
    "as it was recorded": {"params": {"as_of_recorded": "AT"}},
    "as it was then": {"params": {"as_of_effective": "2999-01-01"}},
    "before it took place": {"params": {"as_of_effective": "1999-01-01"}},
    "at least at its position": {"params": {"min_position": "AT"}},
    "its first version": {"params": {"version": "1"}},
    "a version it has not": {"params": {"version": "99"}},
}


def parts_of(operation: Operation) -> list[str]:
    return re.findall(r"\{(\w+)\}", operation.path)


def unexplained(names: Any, hidden: dict[str, str]) -> set[str]:
    return {name for name in names if name not in hidden and name not in SEEN_BY_ALL}


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    with ExitStack() as doors:
        yield Stages(tmp_path_factory.mktemp("crossed"), doors)


@pytest.fixture
def stage(stages: Stages, request: pytest.FixtureRequest) -> Stage:
    """What is hidden, at the level a test names, else restricted; the views know of it."""
    there = stages.of(getattr(request, "param", "restricted"))
    assert there.api.services.views.wait_for(there.position, WAIT_SECONDS)
    return there


def test_every_part_of_a_path_is_hidden_or_said_to_be_seen_by_all(stage: Stage) -> None:
    names = {name for operation in OPERATIONS.values() for name in parts_of(operation)}
    assert unexplained(names, stage.hidden) == set()
    assert unexplained({"brand_new_id"}, stage.hidden) == {"brand_new_id"}


def asked(api: Api, operation: Operation, ids: dict[str, str], variant: Any, at: int) -> Any:
    path = re.sub(r"\{(\w+)\}", lambda part: ids[part[1]], operation.path)
    known = operation.parameters.by_name
    params = {k: str(at) if v == "AT" else v for k, v in variant.get("params", {}).items()}
    if not params.keys() <= known.keys():
        return None
    more = {"params": params, "headers": variant.get("headers", {})}
    if operation.body is not None:
        more["json"] = operation.example
    return api.ask(operation.method, path, **more)


def crossed(stage: Stage) -> list[Operation]:
    """The operations about something that is hidden here."""
    return [
        operation
        for operation in OPERATIONS.values()
        if (parts := parts_of(operation)) and set(parts) <= set(stage.hidden)
    ]


def assert_told_alike(stage: Stage, api: Api, operation: Operation) -> None:
    parts = parts_of(operation)
    theirs = {part: stage.hidden[part] for part in parts}
    nothing = dict.fromkeys(parts, UNKNOWN)
    for name, variant in VARIANTS.items():
        about = [asked(api, operation, ids, variant, stage.position) for ids in (theirs, nothing)]
        if about[0] is None:
            continue
        assert told(about[0]) == told(about[1]), (operation.name, name)
        assert about[0].status_code in {400, 403, 404, 412, 428}, (operation.name, name)


@pytest.mark.parametrize(("stage", "who"), HIDDEN_FROM, indirect=["stage"])
def test_somebody_else_s_is_answered_like_what_does_not_exist(stage: Stage, who: str) -> None:
    api = stage.viewers()[who]
    for operation in crossed(stage):
        assert_told_alike(stage, api, operation)


def test_whoever_may_see_it_is_answered_otherwise(stage: Stage) -> None:
    for operation in crossed(stage):
        if operation.method == "GET":
            with pytest.raises(AssertionError):
                assert_told_alike(stage, stage.api, operation)


@pytest.mark.parametrize(("stage", "who"), HIDDEN_FROM[::3], indirect=["stage"])
def test_as_much_is_looked_at_for_what_is_hidden_as_for_what_does_not_exist(
    stage: Stage, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = stage.viewers()[who]
    for operation in crossed(stage):
        parts = parts_of(operation)
        counted = []
        for ids in ({part: stage.hidden[part] for part in parts}, dict.fromkeys(parts, UNKNOWN)):
            runs = []
            for _ in range(3):  # what keys mean is remembered for a moment: the least counts
                stage.api.services.keys._known.clear()
                with looking(api.services, monkeypatch) as looks:
                    asked(api, operation, ids, VARIANTS["If-Match: any"], stage.position)
                    runs.append([*looks])
            counted.append(min(runs, key=len))
        assert counted[0] == counted[1], operation.name


def test_without_the_filter_of_sight_these_tests_fail(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The teeth: whoever drops the filter anywhere on the way is told by the test above."""
    everything = access.sight(access.principal_of("k", Role.RECORDS_OFFICER, ()))
    monkeypatch.setattr("api.http.operations.sight_of", lambda _: everything)
    monkeypatch.setattr("api.commands.contacts.sight", lambda _: everything)
    api = stage.viewers()["organisation"]
    for name in ("get_contact", "get_contact_history"):
        with pytest.raises(AssertionError):
            assert_told_alike(stage, api, OPERATIONS[name])
    officer = stage.viewers()["officer of an organisation"]
    with pytest.raises(AssertionError):
        assert_told_alike(stage, officer, OPERATIONS["link_contact"])
