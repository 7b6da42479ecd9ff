"""Information efforts over the API: who knows what on which day, and what people outside see."""

from typing import Any

import pytest

from domain.access import Role
from tests.api.builders import Api

Json = dict[str, Any]
AUDIENCES: list[Json] = [
    {"party": "TMF", "kind": "directors"},
    {"party": "ØKF", "kind": "committee", "after": ["TMF"]},
    {"party": "KAB", "kind": "organisation", "external": True},
]


def started(api: Api, **more: Any) -> Json:
    body: Json = {"topic": "Ny organisering", "current_version": 1, "audiences": AUDIENCES}
    answer = api.post("/v1/efforts", body | {"occurred": "2010-01-21"} | more)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def step(api: Api, effort: Json, name: str, **body: Any) -> Any:
    path = f"/v1/efforts/{effort['id']}/{name}"
    return api.ask("POST", path, json=body, headers={"If-Match": "*"})


def taken(api: Api, effort: Json, name: str, **body: Any) -> Json:
    answer = step(api, effort, name, **body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def states(effort: Json) -> list[str]:
    return [each["state"] for each in effort["audiences"]]


def test_r4_each_step_of_a_briefing_is_a_fact_of_the_day_it_happened(api: Api) -> None:
    effort = started(api)
    taken(api, effort, "offers", audience="ØKF", occurred="2010-02-01")
    taken(api, effort, "acceptances", audience="ØKF", occurred="2010-02-03")
    plan = {"audience": "ØKF", "planned": "2010-03-25", "occurred": "2010-02-05"}
    taken(api, effort, "schedulings", **plan)
    held = {"audience": "ØKF", "informed_version": 1, "occurred": "2010-03-25"}
    last = taken(api, effort, "briefings", speakers=["TMF"], absent=["TMF"], **held)
    path = f"/v1/efforts/{effort['id']}"
    seen = [
        states(api.seen(path, last["position"], as_of_effective=day).json())[1]
        for day in ("2010-01-31", "2010-02-02", "2010-02-04", "2010-03-24", "2010-03-25")
    ]
    assert seen == ["none", "offered", "accepted", "scheduled", "informed"]
    then = api.seen(path, last["position"], as_of_recorded=effort["position"]).json()
    assert states(then) == ["none", "none", "none"]


def test_r1_an_inversion_is_reported_and_never_blocks(api: Api) -> None:
    effort = started(api)
    body = {"audience": "ØKF", "via": "note", "informed_version": 1, "occurred": "2010-02-01"}
    taken(api, effort, "informings", **body)
    outside = {"audience": "KAB", "via": "meeting", "occurred": "2010-01-25"}
    last = taken(api, effort, "informings", **outside)
    shown = api.seen(f"/v1/efforts/{effort['id']}", last["position"]).json()
    ids = [each["audience_id"] for each in shown["audiences"]]
    assert shown["order"] == {
        "inversions": [{"audience": ids[1], "before": ids[0], "informed_version": 1}],
        "external_first": [ids[2]],
    }
    assert shown["coverage"]["organisation"] == {"of": 1, "informed": 0, "version_unknown": 1}


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("acceptances", {}, "not_offered"),
        ("acknowledgements", {}, "not_informed"),
        (
            "informings",
            {"via": "meeting", "meeting": "0192f3a0-7c00-7abc-8def-00ffffffffff"},
            "record_unknown",
        ),
    ],
)
def test_a_refusal_names_its_rule_in_a_stable_code(
    api: Api, name: str, body: Json, code: str
) -> None:
    answer = step(api, started(api), name, audience="KAB", **body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_an_organisation_sees_that_it_is_told_but_not_whom_else(api: Api) -> None:
    effort = started(api)
    party = effort["audiences"][2]["party"]["id"]
    own = api.as_role(Role.ORGANISATION, f"party:{party}")
    path = f"/v1/efforts/{effort['id']}"
    shown = own.seen(path, effort["position"])
    assert (shown.status_code, shown.json()["topic"]) == (200, "Ny organisering")
    assert not {"audiences", "coverage", "order"} & shown.json().keys()
    removed = taken(api, effort, "audience-removals", audience="KAB", reason="sammenlagt")
    assert own.seen(path, removed["position"]).status_code == 404
    assert states(api.seen(path, removed["position"]).json())[2] == "removed"


def test_a_question_of_an_audience_is_answered_once(api: Api) -> None:
    effort = started(api)
    asked = taken(api, effort, "questions", audience="KAB", question="Hvem bemander indgangen?")
    body = {"question": asked["questions"][0]["question_id"], "answer": "Center for Bydesign"}
    answered = taken(api, effort, "question-answers", **body)
    assert answered["questions"][0]["answer"] == "Center for Bydesign"
    again = step(api, effort, "question-answers", **body)
    assert again.json()["code"] == "question_answered"


def test_r9_a_condition_of_two_holders_stays_open_for_the_other(api: Api) -> None:
    words = {"id": "0192f3a0-7c00-7abc-8def-0000000000c1", "words": "Kontakten må ikke hindres"}
    body: Json = {"stance": "support_with_condition", "about": "Ny organisering"}
    body |= {"conditions": [words]}
    first = api.post("/v1/positions", body | {"holder": "KAB"}).json()
    second = api.post("/v1/positions", body | {"holder": "AAB"}).json()
    at = second["position"]
    (condition,) = api.items("/v1/positions/conditions", at)
    assert sorted(each["position_id"] for each in condition["holders"]) == sorted(
        [first["id"], second["id"]]
    )
    met = {"condition": words["id"], "by": "TMF", "how": "Skrevet ind i modellen"}
    path = f"/v1/positions/{first['id']}/addressings"
    done = api.ask("POST", path, json=met, headers={"If-Match": "*"}).json()
    (condition,) = api.items("/v1/positions/conditions", done["position"])
    assert [each["position_id"] for each in condition["holders"]] == [second["id"]]
