"""Governance dialogues and open conditions over the API: who had none this year, who holds what."""

from typing import Any

from domain.access import Role
from tests.api.builders import Api

Json = dict[str, Any]


def step(api: Api, path: str, **body: Any) -> Any:
    return api.ask("POST", path, json=body, headers={"If-Match": "*"})


def test_the_coverage_names_who_had_no_dialogue_in_the_year(api: Api) -> None:
    body = {"organisation": "KAB", "administration": "TMF", "year": 2010}
    made = api.post("/v1/dialogues", body | {"occurred": "2010-04-01"})
    assert made.status_code == 201, made.text
    path = f"/v1/dialogues/{made.json()['id']}"
    met = step(api, f"{path}/meetings", occurred="2010-09-14", facts="Vedligehold")
    assert met.json()["status"] == "met"
    at = met.json()["position"] + 1
    covered = api.seen("/v1/dialogues/coverage", at, year=2010).json()
    assert (covered["of"], covered["met"]) == (2, 1)
    assert [each["organisation"]["name"] for each in covered["without"]] != ["KAB"]
    contact = api.seen(f"/v1/contacts/{met.json()['meetings'][0]['contact']}", at).json()
    assert contact["kle"] == ["03.10.24"]
    assert step(api, f"{path}/account", where="hjemmesiden").json()["status"] == "published"


def test_an_organisation_sees_itself_only_in_the_coverage(api: Api) -> None:
    kab = api.items("/v1/parties", 1, key="KAB")[0]
    own = api.as_role(Role.ORGANISATION, f"party:{kab['id']}")
    covered = own.seen("/v1/dialogues/coverage", 1, year=2010).json()
    assert [each["organisation"]["name"] for each in covered["without"]] == ["KAB"]


def test_a_condition_is_open_until_somebody_addressed_it(api: Api) -> None:
    words = {"words": "Den direkte kontakt må ikke hindres"}
    body = {"holder": "KAB", "stance": "support_with_condition", "about": "Ny organisering"}
    position = api.post("/v1/positions", body | {"conditions": [words]}).json()
    (condition,) = api.items("/v1/positions/conditions", position["position"])
    assert [holder["name"] for holder in condition["holders"]] == ["KAB"]
    met = {"condition": condition["condition_id"], "by": "TMF", "how": "Skrevet ind i modellen"}
    done = step(api, f"/v1/positions/{position['id']}/addressings", **met)
    assert done.status_code == 200, done.text
    assert api.items("/v1/positions/conditions", done.json()["position"]) == []
    again = step(api, f"/v1/positions/{position['id']}/addressings", **met)
    assert again.json()["code"] == "condition_addressed"


def test_support_with_a_condition_needs_the_condition(api: Api) -> None:
    body = {"holder": "KAB", "stance": "support_with_condition", "about": "Ny organisering"}
    assert api.post("/v1/positions", body).json()["code"] == "condition_missing"


def test_r2_an_evaluation_starts_only_with_terms_and_a_frozen_baseline(api: Api) -> None:
    made = api.post("/v1/criteria", {"name": "Direkte kontakt falder ikke"}).json()
    path = f"/v1/criteria/{made['id']}"
    assert step(api, f"{path}/evaluations").json()["code"] == "criterion_not_defined"
    terms = {"formula_id": "K5", "formula_version": 1, "target": "ingen alarm", "owner": "TMF"}
    terms |= {"baseline_from": "2009-01-01", "baseline_to": "2009-12-31"}
    assert step(api, f"{path}/definition", terms=terms).status_code == 200
    assert step(api, f"{path}/evaluations").json()["code"] == "baseline_not_frozen"
    assert step(api, f"{path}/baseline", at_position=10**9).json()["code"] == "position_unknown"
    assert step(api, f"{path}/baseline", at_position=1).status_code == 200
    assert step(api, f"{path}/evaluations").json()["status"] == "evaluating"


def test_an_agreement_needs_every_party_again_after_it_was_amended(api: Api) -> None:
    body = {"title": "Hovedaftale", "parties": ["TMF", "BL"], "occurred": "2010-02-25"}
    made = api.post("/v1/agreements", body).json()
    path = f"/v1/agreements/{made['id']}"
    assert step(api, f"{path}/drafts").json()["agreement_version"] == 1
    for party in ("BL", "TMF"):
        done = step(api, f"{path}/approvals", party=party, agreement_version=1)
        assert done.status_code == 200
    assert step(api, f"{path}/amendments", changes="Stk. 3").json()["agreement_version"] == 2
    conclude = {"agreement_version": 2, "valid_from": "2011-01-01", "valid_to": "2014-12-31"}
    refused = step(api, f"{path}/conclusion", **conclude)
    assert [e["code"] for e in refused.json()["errors"]] == ["approval_missing"] * 2
    for party in ("TMF", "BL"):
        step(api, f"{path}/approvals", party=party, agreement_version=2)
    done = step(api, f"{path}/conclusion", **conclude)
    at = done.json()["position"]
    force = [
        api.seen(path, at, as_of_effective=day).json()["in_force"]
        for day in ("2010-12-31", "2011-01-01", "2014-12-31", "2015-01-01")
    ]
    assert force == [False, True, True, False]


def test_councillors_see_nothing_of_a_negotiation_and_go_on_seeing_what_was_final(
    api: Api,
) -> None:
    body = {"title": "Hovedaftale", "parties": ["TMF", "BL"], "confidentiality": "open"}
    made = api.post("/v1/agreements", body).json()
    path = f"/v1/agreements/{made['id']}"
    councillor = api.as_role(Role.COUNCILLOR)
    before = councillor.seen(path, made["position"])
    assert before.status_code == 200
    at = step(api, f"{path}/negotiation").json()["position"]
    at = step(api, f"{path}/drafts").json()["position"]
    assert councillor.seen(path, at).content == before.content
    assert len(councillor.items("/v1/agreements", at)) == 1
    assert councillor.items("/v1/agreements", at, status="drafted") == []
    assert len(councillor.items(f"{path}/history", at)) == 1
    party = made["parties"][0]["id"]
    entries = councillor.items(f"/v1/parties/{party}/timeline", at)
    types = [each["step"]["type"] for each in entries if "record" in each]
    assert types == ["agreement.explored/1"]
    assert api.seen(path, at).json()["status"] == "drafted"


def test_an_agreement_in_force_stays_seen_while_it_is_amended(api: Api) -> None:
    body = {"title": "Hovedaftale", "parties": ["TMF", "BL"], "confidentiality": "open"}
    path = f"/v1/agreements/{api.post('/v1/agreements', body).json()['id']}"
    step(api, f"{path}/drafts")
    for party in ("TMF", "BL"):
        step(api, f"{path}/approvals", party=party, agreement_version=1)
    step(api, f"{path}/conclusion", agreement_version=1, valid_from="2011-01-01")
    at = step(api, f"{path}/amendments", changes="Stk. 3").json()["position"]
    shown = api.as_role(Role.COUNCILLOR).seen(path, at).json()
    assert (shown["status"], shown["agreement_version"]) == ("concluded", 1)
    assert shown["in_force"]
