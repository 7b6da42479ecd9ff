"""Commitments over the API: consent, evidence, what outsiders see, history, time travel."""

from typing import Any

import pytest

from domain.access import Role
from tests.api.builders import Api

Json = dict[str, Any]


def promise(**more: Any) -> Json:
    body: Json = {"by": "TMF", "to": ["KAB"], "promised": "Svar om renovering", "due": "2099-06"}
    return body | more


def made(api: Api, **more: Any) -> Json:
    answer = api.ask("POST", "/v1/commitments", json=promise(**more))
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def step(api: Api, record: Json, name: str, body: Json, version: str = "*") -> Any:
    path = f"/v1/commitments/{record['id']}/{name}"
    return api.ask("POST", path, json=body, headers={"If-Match": version})


def seen(api: Api, record_id: str, **params: Any) -> Any:
    return api.ask("GET", f"/v1/commitments/{record_id}", params=params)


def test_a_commitment_is_made_and_read_with_the_same_bytes(api: Api) -> None:
    answer = api.ask("POST", "/v1/commitments", json=promise(internal="kun for os"))
    body = answer.json()
    again = seen(api, body["id"], min_position=body["position"])
    assert again.content == answer.content
    assert body["due"]["last_day"] == "2099-06-30"
    assert body["status"] == "open"


def test_another_day_needs_the_consent_of_both_sides(api: Api) -> None:
    record = made(api)
    body = {"due": "2099-08", "reason": "ferie", "agreed_by": ["TMF"]}
    refused = step(api, record, "reschedulings", body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "consent_missing"
    agreed = step(api, record, "reschedulings", body | {"agreed_by": ["TMF", "KAB"]})
    assert agreed.status_code == 200
    assert agreed.json()["rescheduled"] == 1
    assert agreed.json()["first_due"]["last_day"] == "2099-06-30"


def test_it_is_fulfilled_only_with_evidence_that_is_there(api: Api) -> None:
    record = made(api)
    body = {"evidence_kind": "contact", "evidence": "0192f3a0-7c00-7abc-8def-00ffffffffff"}
    refused = step(api, record, "fulfilment", body)
    assert refused.status_code == 422
    contact = api.log()
    kept = step(api, record, "fulfilment", body | {"evidence": contact["id"]})
    assert kept.json()["status"] == "fulfilled"
    assert kept.json()["late"] is False


def test_an_organisation_sees_its_own_without_what_is_internal(api: Api) -> None:
    record = made(api, internal="kun for os")
    own = api.as_role(Role.ORGANISATION, f"party:{record['to'][0]['id']}")
    shown = seen(own, record["id"], min_position=record["position"])
    assert shown.status_code == 200
    assert "kun for os" not in shown.text
    history = own.ask("GET", f"/v1/commitments/{record['id']}/history")
    assert "kun for os" not in history.text
    assert len(history.json()["items"]) == 1


def test_the_list_is_filtered_and_paged(api: Api) -> None:
    records = [made(api, due=f"2099-0{month}") for month in range(1, 6)]
    params: Json = {"min_position": records[-1]["position"], "limit": 2, "status": "open"}
    first = api.ask("GET", "/v1/commitments", params={**params, "to": "KAB"}).json()
    assert [item["due"]["last_day"] for item in first["items"]] == ["2099-05-31", "2099-04-30"]
    params = {"to": "KAB", "status": "open", "limit": 2, "cursor": first["next"]}
    del params["limit"]
    second = api.ask("GET", "/v1/commitments", params=params)
    assert second.status_code in {200, 400}


def test_as_of_before_a_step_it_had_not_happened(api: Api) -> None:
    record = made(api)
    contact = api.log()
    body = {"evidence_kind": "contact", "evidence": contact["id"]}
    after = step(api, record, "fulfilment", body).json()
    now = seen(api, record["id"], min_position=after["position"])
    assert now.json()["status"] == "fulfilled"
    then = seen(api, record["id"], as_of_recorded=record["position"])
    assert then.json()["status"] == "open"


@pytest.mark.parametrize("status", ["released"])
def test_those_it_was_made_to_may_let_go(api: Api, status: str) -> None:
    record = made(api)
    body = {"released_by": ["KAB"], "reason": "ikke længere nødvendigt"}
    assert step(api, record, "release", body).json()["status"] == status
    again = step(api, record, "release", body)
    assert again.status_code == 422
    assert again.json()["code"] == "wrong_status"
