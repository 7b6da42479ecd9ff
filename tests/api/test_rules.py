"""Service targets, calendars of working days and routing rules: set up, ended, and what they do."""

import pytest

from api.http import examples
from domain.access import Role
from tests.api.builders import Api, Json
from tests.api.entry_point import receive

KEY = {"Idempotency-Key": "regel-1"}
UNKNOWN = "0192f3a0-7c00-7abc-8def-001122334455"
MAKING = [
    ("/v1/service-targets", examples.SET_SERVICE_TARGET),
    ("/v1/working-days", examples.DEFINE_WORKING_DAYS),
    ("/v1/routing-rules", examples.ADOPT_ROUTING_RULE),
]
ENDING = [
    ("/v1/service-targets", examples.SET_SERVICE_TARGET, "end", "target_unknown"),
    ("/v1/routing-rules", examples.ADOPT_ROUTING_RULE, "withdrawal", "rule_unknown"),
]


@pytest.fixture
def desk(api: Api) -> Api:
    """The entry point's desk, which sets up rules."""
    return api.as_role(Role.ENTRY_DESK)


def made(api: Api, path: str, **body: object) -> Json:
    """Set up a rule that must be taken; return it."""
    answer = api.post(path, body)
    assert answer.status_code == 201, answer.text
    rule: Json = answer.json()
    return rule


def answer_due(enquiry: Json, code: str) -> str:
    (due,) = [one["due"] for one in enquiry["deadlines"] if one["code"] == code]
    return str(due)


@pytest.mark.parametrize(("path", "body"), MAKING)
def test_a_rule_is_set_up_once_under_one_key(desk: Api, path: str, body: Json) -> None:
    first, second = (desk.post(path, body, headers=KEY) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201), first.text
    assert first.content == second.content
    assert first.headers["location"] == f"{path}/{first.json()['id']}"
    assert first.headers["kontaktlog-position"] == second.headers["kontaktlog-position"]
    assert first.headers["etag"] == '"1"'


@pytest.mark.parametrize(("path", "body", "way", "unknown"), ENDING)
def test_a_rule_ends_on_a_day_and_its_history_stays(
    desk: Api, path: str, body: Json, way: str, unknown: str
) -> None:
    rule = made(desk, path, **body)
    ended = {"valid_to": "2030-01-01", "reason": "Nyt besluttet"}
    answer = desk.post(f"{path}/{rule['id']}/{way}", ended, headers=KEY)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["valid_to"], answer.json()["version"]) == ("2030-01-01", 2)
    again = desk.post(f"{path}/{rule['id']}/{way}", ended, headers=KEY)
    assert again.content == answer.content
    twice = desk.post(f"{path}/{rule['id']}/{way}", ended)
    assert (twice.status_code, twice.json()["code"]) == (422, "nothing_changed")
    for nothing in (UNKNOWN, "ikke-et-id"):
        missing = desk.post(f"{path}/{nothing}/{way}", ended)
        assert (missing.status_code, missing.json()["code"]) == (404, unknown)


@pytest.mark.parametrize(("path", "body"), MAKING)
@pytest.mark.parametrize("role", [Role.CASE_OFFICER, Role.INTEGRATION, Role.AUDITOR])
def test_rules_are_changed_by_desk_manager_and_administrator_only(
    api: Api, path: str, body: Json, role: Role
) -> None:
    assert api.as_role(role).post(path, body).status_code == 403


def test_all_that_is_wrong_with_a_rule_is_told_at_once(desk: Api) -> None:
    body = examples.SET_SERVICE_TARGET | {"administrations": ["?"], "valid_to": "2009-01-01"}
    answer = desk.post("/v1/service-targets", body)
    assert answer.status_code in {400, 422}
    pointers = {fault["pointer"] for fault in answer.json()["errors"]}
    assert pointers == {"/administrations/0", "/valid_to"}
    malformed = desk.post("/v1/routing-rules", {"unfit": 1, "valid_from": "i går"})
    assert {fault["pointer"] for fault in malformed.json()["errors"]} == {
        "/unfit",
        "/valid_from",
        "/name",
        "/to",
    }


def test_the_programs_own_calendars_stay_as_they_are(desk: Api) -> None:
    body = examples.DEFINE_WORKING_DAYS | {"code": "DK_PUBLIC"}
    answer = desk.post("/v1/working-days", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "calendar_taken")


# ── what rules do ────────────────────────────────────────────────────────────────────────────────


def test_a_rule_adopted_a_moment_ago_routes_the_next_enquiry_and_is_named(desk: Api) -> None:
    rule = made(desk, "/v1/routing-rules", **examples.ADOPT_ROUTING_RULE | {"automatic": True})
    received = receive(desk, topics=["anvisning"], administrations=["TMF"])
    assert (received["version"], received["phase"]) == (2, "routed")
    assert received["obligations"][0]["holder"]["name"] == "Teknik- og Miljøforvaltningen"
    page = desk.as_role(Role.AUDITOR).get(
        "/v1/log/entries", params={"after": received["position"] - 1, "limit": 1}
    )
    assert rule["id"] in page.text
    other = receive(desk, topics=["tilsyn"])
    assert (other["version"], other["phase"]) == (1, "received")


def test_a_withdrawn_rule_routes_nothing_received_after_it(desk: Api) -> None:
    rule = made(desk, "/v1/routing-rules", **examples.ADOPT_ROUTING_RULE | {"automatic": True})
    path = f"/v1/routing-rules/{rule['id']}/withdrawal"
    assert desk.post(path, {"valid_to": "2010-02-01", "reason": "Ny"}).status_code == 200
    assert receive(desk, topics=["anvisning"])["phase"] == "received"


def test_a_target_changed_later_does_not_change_what_was_promised(desk: Api) -> None:
    before = receive(desk, received="2010-02-22")
    assert answer_due(before, "written_answer") == "2010-03-08"
    terms = {"clock": "answer", "days": 5, "written_only": True}
    body = examples.SET_SERVICE_TARGET | {"terms": terms}
    made(desk, "/v1/service-targets", **body)
    assert answer_due(receive(desk, received="2010-02-22"), "written_answer") == "2010-03-01"
    path = f"/v1/enquiries/{before['id']}/acknowledgements"
    kept = desk.post(path, {"team": "Indgangen"}, headers={"If-Match": "*"}).json()
    assert answer_due(kept, "written_answer") == "2010-03-08"


def test_a_calendar_of_ones_own_counts_the_days_of_a_target(desk: Api) -> None:
    closed = [{"day": f"2010-02-{n}", "name": "Lukket"} for n in (23, 24)]
    made(desk, "/v1/working-days", code="KOMMUNEN", closed_dates=closed)
    terms = {"clock": "answer", "days": 5, "profile": "KOMMUNEN"}
    made(desk, "/v1/service-targets", **examples.SET_SERVICE_TARGET | {"terms": terms})
    assert answer_due(receive(desk, received="2010-02-22"), "written_answer") == "2010-03-03"


def test_a_target_needs_a_calendar_there_is(desk: Api) -> None:
    terms = {"clock": "answer", "days": 5, "profile": "INGEN"}
    answer = desk.post("/v1/service-targets", examples.SET_SERVICE_TARGET | {"terms": terms})
    assert (answer.status_code, answer.json()["code"]) == (422, "calendar_unknown")
