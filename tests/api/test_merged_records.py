"""Records over the API after a merge: the survivor steps on where the old party was."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from domain.access import Role
from tests.api.builders import WAIT_SECONDS, Api, Json, running, settings_in, with_parties
from tests.api.record_stage import ANY

OLD, NEW, MAYOR, LORD = "Gamle Bo", "Nye Bo", "Borgmesteren", "Overborgmesteren"
KEYS = ("survivor", "old name", "old id")
FORUM = {"forum": "Rådet", "chairs": [{"holder": MAYOR}]}
TREAT = {"document_version": 1, "outcome": "recommended"}


@dataclass
class Stage:
    """Records of every kind, one for each key, opened before the merge."""

    api: Api
    keys: dict[str, str]
    records: dict[tuple[str, str], Json] = field(default_factory=dict)

    def opened(self, name: str, register: str, body: Json, *steps: tuple[str, Json]) -> None:
        for key in KEYS:
            record = self.api.post(f"/v1/{register}", body)
            assert record.status_code == 201, record.text
            self.records[name, key] = record.json()
            for step, given in steps:
                answer = self.step(register, name, key, step, given)
                assert answer.status_code == 200, answer.text

    def step(self, register: str, name: str, key: str, step: str, body: Json) -> Any:
        path = f"/v1/{register}/{self.records[name, key]['id']}/{step}"
        return self.api.post(path, body, headers=ANY)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running(settings_in(tmp_path_factory.mktemp("merged"))) as api:
        with_parties(api)
        old, new = api.party(OLD)["id"], api.party(NEW)["id"]
        api.party(MAYOR, "person_role")
        lord = api.party(LORD, "person_role")["id"]
        mayor = api.items("/v1/parties", 1, key=MAYOR)[0]["id"]
        api.party("Rådet", "forum")
        there = Stage(api, {"survivor": NEW, "old name": OLD, "old id": old})
        _open_all(there)
        for one, into in ((old, NEW), (mayor, LORD)):
            merge = {"into": into, "reason": "Fusion"}
            done = api.post(f"/v1/parties/{one}/merge", merge)
            assert done.status_code == 200, done.text
            assert api.services.views.wait_for(done.json()["position"], WAIT_SECONDS)
        there.keys |= {"new id": new, "lord": lord, "mayor": mayor}
        yield there


def _open_all(there: Stage) -> None:
    deal = {"title": "Aftale", "parties": [OLD, "TMF"]}
    there.opened("deal", "agreements", deal, ("drafts", {}))
    paper = {"kind": "note", "title": "Notat", "authors": ["TMF"], "required": [OLD]}
    asked = ("approval-requests", {"body": OLD, "document_version": 1})
    there.opened("paper", "documents", paper, asked)
    there.opened("promise", "commitments", {"by": OLD, "to": ["KAB"], "promised": "Svar"})
    forum = {**FORUM, "occurred": "2010-01-01"}
    members = {"members": [{"party": OLD}], "occurred": "2010-01-02"}
    there.opened("forum", "forums", forum, ("establishment", members))
    audiences = [{"party": OLD, "kind": "organisation"}]
    there.opened("effort", "efforts", {"topic": "Model", "audiences": audiences})
    there.opened("errand", "followups", {"owner": OLD, "what": "Ring"})
    meeting = {"title": "Møde", "forums": ["Rådet"], "planned": "2010-02-22"}
    there.opened("meeting", "meetings", meeting)


@pytest.mark.parametrize("key", KEYS)
def test_the_survivor_approves_and_the_agreement_is_concluded(stage: Stage, key: str) -> None:
    for party in (stage.keys[key], "TMF"):
        given = {"party": party, "agreement_version": 1}
        done = stage.step("agreements", "deal", key, "approvals", given)
        assert done.status_code == 200, done.text
    again = stage.step(
        "agreements", "deal", key, "approvals", {"party": NEW, "agreement_version": 1}
    )
    assert again.json()["code"] == "already_approved"
    given = {"agreement_version": 1, "valid_from": "2011-01-01"}
    concluded = stage.step("agreements", "deal", key, "conclusion", given)
    assert concluded.status_code == 200, concluded.text
    assert concluded.json()["approvals"][0]["party"]["name"] == OLD


@pytest.mark.parametrize("key", KEYS)
def test_the_survivor_decides_on_what_lies_before_the_old_body(stage: Stage, key: str) -> None:
    body = stage.keys[key]
    done = stage.step("documents", "paper", key, "approvals", {"body": body, "document_version": 1})
    assert (done.status_code, done.json()["pending"]) == (200, [])
    treated = stage.step("documents", "paper", key, "deliberations", {"body": body, **TREAT})
    assert treated.status_code == 200, treated.text
    given = {"body": "TMF", "document_version": 1}
    assert stage.step("documents", "paper", key, "adoption", given).status_code == 200


@pytest.mark.parametrize("key", KEYS)
def test_the_survivor_agrees_to_another_day_and_only_for_its_own_side(
    stage: Stage, key: str
) -> None:
    given = {"due": "2011-01-01", "reason": "ferie", "agreed_by": [stage.keys[key]]}
    refused = stage.step("commitments", "promise", key, "reschedulings", given)
    assert [each["code"] for each in refused.json()["errors"]] == ["consent_missing"]
    both = {**given, "agreed_by": [stage.keys[key], "KAB"]}
    assert stage.step("commitments", "promise", key, "reschedulings", both).status_code == 200


@pytest.mark.parametrize("key", KEYS)
def test_the_survivor_is_the_member_the_audience_and_the_owner(stage: Stage, key: str) -> None:
    named = stage.keys[key]
    retired = stage.step("forums", "forum", key, "retirements", {"party": named})
    assert (retired.status_code, retired.json()["members"]) == (200, [])
    told = {"audience": named, "via": "note"}
    assert stage.step("efforts", "effort", key, "informings", told).status_code == 200
    handed = {"owner": named, "reason": "ferie"}
    same = stage.step("followups", "errand", key, "handings", handed)
    assert same.json()["code"] == "nothing_changed"


@pytest.mark.parametrize(("key", "chair"), [*zip(KEYS, (LORD, MAYOR, "mayor"), strict=True)])
def test_who_became_the_holder_of_the_seat_chairs(stage: Stage, key: str, chair: str) -> None:
    given = {"occurred": "2010-02-22", "chaired_by": ["TMF"]}
    refused = stage.step("meetings", "meeting", key, "holding", given)
    assert {each["code"] for each in refused.json()["errors"]} == {"not_chairing"}
    given["chaired_by"] = [stage.keys.get(chair, chair)]
    held = stage.step("meetings", "meeting", key, "holding", given)
    assert held.status_code == 200, held.text


@pytest.mark.parametrize("scope", ["new id", "old id"])
def test_who_sees_only_a_merged_party_sees_and_steps_records_of_all_of_it(
    stage: Stage, scope: str
) -> None:
    own = stage.api.as_role(Role.ORGANISATION, f"party:{stage.keys[scope]}")
    record = stage.records["deal", "survivor"]
    assert own.seen(f"/v1/agreements/{record['id']}", record["position"]).status_code == 200
    officer = stage.api.as_role(Role.CASE_OFFICER, f"party:{stage.keys[scope]}")
    path = f"/v1/agreements/{record['id']}/milestone-plan"
    plan = {"milestones": [{"name": scope, "planned": "2030"}]}
    assert officer.post(path, plan, headers=ANY).status_code == 200
    other = stage.api.as_role(Role.CASE_OFFICER, "party:018f0000-0000-7000-8000-000000000001")
    assert other.post(path, plan, headers=ANY).json()["code"] == "record_not_found"


def test_after_an_unmerge_the_old_party_steps_on_and_the_survivor_no_more(tmp_path: Path) -> None:
    with running(settings_in(tmp_path)) as api:
        with_parties(api)
        old = api.party(OLD)["id"]
        made = api.post("/v1/agreements", {"title": "Aftale", "parties": [OLD, "TMF"]}).json()
        path = f"/v1/agreements/{made['id']}"
        api.post(f"{path}/drafts", {}, headers=ANY)
        for what, body in (
            ("merge", {"into": "KAB", "reason": "Fusion"}),
            ("unmerge", {"reason": "Fejl"}),
        ):
            done = api.post(f"/v1/parties/{old}/{what}", body)
            assert done.status_code == 200, done.text
            assert api.services.views.wait_for(done.json()["position"], WAIT_SECONDS)
        given = {"party": "KAB", "agreement_version": 1}
        refused = api.post(f"{path}/approvals", given, headers=ANY)
        assert refused.json()["code"] == "not_a_party"
        given["party"] = OLD
        assert api.post(f"{path}/approvals", given, headers=ANY).status_code == 200
