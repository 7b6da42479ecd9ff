"""A day that passed is said once: broken commitments, expired agreements."""

from datetime import UTC, datetime
from typing import Any

from api import record_policies
from tests.api.builders import Api

Json = dict[str, Any]
LATER = datetime(2031, 1, 2, 12, tzinfo=UTC)


def commitment(api: Api, due: str) -> Json:
    body = {"by": "TMF", "to": ["KAB"], "promised": "Svar", "due": due}
    made: Json = api.post("/v1/commitments", body).json()
    assert api.services.views.wait_for(made["position"], 10, "commitments")
    return made


def steps(api: Api, record: Json) -> list[str]:
    at = api.services.log.head()
    return [s["type"] for s in api.items(f"/v1/commitments/{record['id']}/history", at)]


def test_a_commitment_is_broken_once_when_its_last_day_has_passed(api: Api) -> None:
    broken, running = commitment(api, "2030-12"), commitment(api, "2031-01")
    assert record_policies.step(api.services, LATER) == 1
    assert record_policies.step(api.services, LATER) == 0
    assert steps(api, broken) == ["commitment.made/1", "commitment.broken/1"]
    assert steps(api, running) == ["commitment.made/1"]


def test_a_commitment_kept_in_time_is_not_broken(api: Api) -> None:
    record = commitment(api, "2030-12")
    contact = api.log()
    body = {"evidence_kind": "contact", "evidence": contact["id"]}
    path = f"/v1/commitments/{record['id']}/fulfilment"
    assert api.ask("POST", path, json=body, headers={"If-Match": "*"}).status_code == 200
    assert record_policies.step(api.services, LATER) == 0


def test_an_agreement_expires_when_its_time_is_up(api: Api) -> None:
    body = {"title": "Hovedaftale", "parties": ["TMF", "BL"], "occurred": "2010-02-25"}
    made = api.post("/v1/agreements", body).json()
    path = f"/v1/agreements/{made['id']}"
    done: Any = None
    for step, given in (
        ("drafts", {}),
        ("approvals", {"party": "TMF", "agreement_version": 1}),
        ("approvals", {"party": "BL", "agreement_version": 1}),
        (
            "conclusion",
            {"agreement_version": 1, "valid_from": "2011-01-01", "valid_to": "2014-12-31"},
        ),
    ):
        done = api.ask("POST", f"{path}/{step}", json=given, headers={"If-Match": "*"})
        assert done.status_code == 200, done.text
    assert api.services.views.wait_for(done.json()["position"], 10, "agreements")
    assert record_policies.step(api.services, datetime(2014, 12, 31, 12, tzinfo=UTC)) == 0
    assert record_policies.step(api.services, datetime(2015, 1, 1, 12, tzinfo=UTC)) == 1
    at = api.services.log.head()
    assert api.seen(path, at).json()["status"] == "expired"
