"""Documents over the API: approvals of versions, dispatch, adoption, and the path as planned."""

from typing import Any

import pytest

from domain.access import Role
from tests.api.builders import Api

Json = dict[str, Any]


def draft(api: Api, **more: Any) -> Json:
    body = {"kind": "briefing_note", "title": "Orienteringsnotat", "authors": ["TMF"]} | more
    answer = api.post("/v1/documents", body)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def step(api: Api, record: Json, name: str, **body: Any) -> Any:
    path = f"/v1/documents/{record['id']}/{name}"
    return api.ask("POST", path, json=body, headers={"If-Match": "*"})


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_r3_a_version_is_sent_only_when_that_version_is_approved(api: Api) -> None:
    note = draft(api)
    sent = {"recipients": ["ØKF"], "document_version": 1}
    assert code_of(step(api, note, "dispatches", **sent)) == (422, "version_not_approved")
    assert step(api, note, "approvals", body="TMF", document_version=1).status_code == 200
    assert step(api, note, "dispatches", **sent).status_code == 200
    newer = step(api, note, "versions", based_on_version=1, changes="formandskab")
    assert [d["standing"] for d in newer.json()["decisions"] if d["step"] == "approve"] == [False]
    again = step(api, note, "dispatches", recipients=["ØKF"], document_version=2)
    assert code_of(again) == (422, "version_not_approved")


def test_it_is_adopted_when_all_required_have_treated_that_version_in_any_order(api: Api) -> None:
    paper = draft(api, required=["ØKF", "TMF"], adopting="BL")
    adopt = {"body": "BL", "document_version": 1}
    refused = step(api, paper, "adoption", **adopt)
    assert [error["code"] for error in refused.json()["errors"]] == ["not_treated"] * 2
    treated = {"body": "TMF", "document_version": 1, "outcome": "recommended"}
    assert step(api, paper, "deliberations", **treated).status_code == 200
    assert (
        step(api, paper, "deliberation-waivers", body="ØKF", reason="hastesag").status_code == 200
    )
    assert step(api, paper, "adoption", **adopt).json()["status"] == "adopted"


def test_r10_a_version_names_the_consultations_it_is_based_on(api: Api) -> None:
    model = draft(api)
    held = step(api, model, "consultations", units=["TMF", "ØKF"], document_version=1).json()
    talk = held["consultations"][0]["consultation_id"]
    newer = step(api, model, "versions", based_on_version=1, based_on_consultations=[talk]).json()
    assert newer["versions"][1]["based_on_consultations"] == [talk]
    assert api.items("/v1/contacts", newer["position"]) == []


def test_r11_the_path_shows_plan_and_outcome_apart(api: Api) -> None:
    paper = draft(api, occurred="2010-02-25")
    planned = {"from": "2010-04-01", "to": "2010-06-30", "text": "april - juni"}
    path = [{"body": "TMF", "step": "treat", "planned": planned}]
    at = step(api, paper, "path", path=path, occurred="2010-02-25").json()["position"]
    place = f"/v1/documents/{paper['id']}"
    states = {
        day: api.seen(place, at, as_of_effective=day).json()["path"][0]["state"]
        for day in ("2010-03-01", "2010-05-01", "2010-07-01")
    }
    assert states == {"2010-03-01": "planned", "2010-05-01": "due", "2010-07-01": "late"}
    shown = api.seen(place, at).json()["path"][0]
    assert shown["planned"]["text"] == "april - juni"


def test_people_outside_see_neither_versions_nor_consultations(api: Api) -> None:
    paper = draft(api, confidentiality="open")
    step(api, paper, "consultations", units=["TMF", "ØKF"], note="kun for os")
    councillor = api.as_role(Role.COUNCILLOR)
    shown = councillor.seen(f"/v1/documents/{paper['id']}", paper["position"])
    assert shown.status_code == 200
    assert "consultations" not in shown.json()
    history = councillor.get(f"/v1/documents/{paper['id']}/history")
    assert "kun for os" not in history.text


@pytest.mark.parametrize(
    ("scope", "seen"),
    [("03", True), ("03.10", True), ("03.10.24", True), ("03.1", False), ("03.10.2", False)],
)
def test_a_key_for_a_group_sees_and_steps_what_stands_at_or_under_it(
    api: Api, scope: str, seen: bool
) -> None:
    """`03.1` is no group: `03.10` is beside it, for the view as for the command."""
    paper = draft(api, kle=["03.10.24"])
    keeper = api.as_role(Role.CASE_OFFICER, f"kle:{scope}")
    found = keeper.items("/v1/documents", paper["position"])
    assert [one["id"] for one in found] == ([paper["id"]] if seen else [])
    item = keeper.get(f"/v1/documents/{paper['id']}", params={"min_position": paper["position"]})
    assert item.status_code == (200 if seen else 404)
    taken = step(keeper, paper, "approvals", body="TMF", document_version=1)
    assert taken.status_code == (200 if seen else 404)
