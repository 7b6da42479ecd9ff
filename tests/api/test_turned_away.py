"""Being turned away from the direct door: each side's own account, and who may withdraw it."""

from typing import Any

import pytest

from domain.access import Role
from tests.api.builders import Api, Json
from tests.api.entry_point import organisation, party_id

ACCOUNTS = "/v1/direct-contact/accounts"
WAYS = ["redirections", "refusals"]


def told(**more: Any) -> Json:
    """An account as a caller writes it."""
    body: Json = {
        "administration": "TMF",
        "organisation": "KAB",
        "medium": "phone",
        "occurred": "2010-03-04",
        "told": "KAB blev bedt om at skrive til den ene indgang.",
    }
    return body | more


def report(api: Api, way: str = "redirections", **more: Any) -> Json:
    """Report what must be taken; return the account."""
    answer = api.post(f"/v1/direct-contact/{way}", told(**more))
    assert answer.status_code == 201, answer.text
    account: Json = answer.json()
    return account


def withdraw(api: Api, account: Json, match: str = "*", **more: Any) -> Any:
    path = f"{ACCOUNTS}/{account['id']}/withdrawal"
    return api.post(path, {"reason": "Misforståelse", **more}, headers={"If-Match": match})


@pytest.mark.parametrize("way", WAYS)
def test_each_side_tells_its_own_account_beside_the_others(api: Api, way: str) -> None:
    theirs = report(organisation(api), way)
    ours = report(api, way, about=theirs["id"])
    assert (theirs["side"], ours["side"]) == ("organisation", "administration")
    assert ours["about"] == theirs["id"]
    assert theirs["kind"] == ours["kind"] == {"redirections": "redirected"}.get(way, "refused")


def test_an_organisation_tells_no_account_but_its_own(api: Api) -> None:
    kab = organisation(api)
    for body in (told(organisation="AAB"), told(side="administration")):
        answer = kab.post("/v1/direct-contact/refusals", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_a_merged_organisation_is_the_same_organisation(api: Api) -> None:
    kab = organisation(api)
    old = api.party("Boligforeningen Gammel")
    merge = {"into": "KAB", "reason": "fusion"}
    merged = api.post(f"/v1/parties/{old['id']}/merge", merge)
    assert merged.status_code == 200, merged.text
    assert report(kab, organisation="Boligforeningen Gammel")["organisation"]["name"] == "KAB"


def test_staff_may_take_down_what_an_organisation_told_and_it_shows(api: Api) -> None:
    account = report(api, side="organisation")
    assert account["side"] == "organisation"
    entries = api.as_role(Role.AUDITOR).get(
        "/v1/log/entries", params={"after": account["position"] - 1, "limit": 1}
    )
    (entry,) = entries.json()["items"]
    assert party_id(api, "KAB") in entry["metadata"]
    assert '"role":"case_officer"' in entry["metadata"]


# ── withdrawal ───────────────────────────────────────────────────────────────────────────────────


def test_each_side_withdraws_its_own(api: Api) -> None:
    kab = organisation(api)
    theirs, ours = report(kab), report(api)
    for who, account in ((kab, theirs), (api, ours)):
        answer = withdraw(who, account, '"1"')
        assert answer.status_code == 200, answer.text
        withdrawn = answer.json()
        assert (withdrawn["version"], withdrawn["status"]) == (2, "withdrawn")
        assert withdrawn["withdrawal"]["reason"] == "Misforståelse"
        assert withdrawn["told"] == account["told"], "what was told stays"


@pytest.mark.parametrize("role", [Role.CASE_OFFICER, Role.ENTRY_DESK, Role.MANAGER])
@pytest.mark.parametrize("by_staff", [False, True])
def test_no_officer_withdraws_an_organisations_account(
    api: Api, role: Role, by_staff: bool
) -> None:
    account = report(api, side="organisation") if by_staff else report(organisation(api))
    officer = api.as_role(role)
    answer = withdraw(officer, account)
    assert (answer.status_code, answer.json()["code"]) == (422, "account_of_other_side")
    assert withdraw(officer, account, side="organisation").status_code == 400
    assert withdraw(officer, account, '"7"').status_code == 412
    assert withdraw(organisation(api), account).status_code == 200, "it stood until its own side"


def test_an_organisation_withdraws_no_account_but_its_own(api: Api) -> None:
    kab = organisation(api)
    ours = report(api)
    answer = withdraw(kab, ours)
    assert (answer.status_code, answer.json()["code"]) == (422, "account_of_other_side")
    of_another = report(organisation(api, "AAB"), organisation="AAB")
    for match in ("*", '"1"', '"7"'):
        hidden = withdraw(kab, of_another, match)
        unknown = withdraw(kab, {"id": ours["id"][:-12] + "000000000000"}, match)
        assert hidden.status_code == unknown.status_code == 404
        assert hidden.json()["code"] == unknown.json()["code"] == "account_unknown"


def test_an_organisation_key_for_the_administration_is_no_administration(api: Api) -> None:
    ours = report(api)
    odd = api.as_role(Role.ORGANISATION, f"party:{party_id(api, 'TMF')}")
    assert withdraw(odd, ours).status_code == 403


def test_an_account_is_withdrawn_once_and_from_a_version(api: Api) -> None:
    account = report(api)
    path = f"{ACCOUNTS}/{account['id']}/withdrawal"
    assert api.post(path, {"reason": "x"}).status_code == 428
    assert withdraw(api, account, '"2"').status_code == 412
    assert withdraw(api, account).status_code == 200
    assert withdraw(api, account).status_code == 422


# ── the same again ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", WAYS)
def test_the_same_report_again_gives_the_same_bytes_again(api: Api, way: str) -> None:
    headers = {"Idempotency-Key": "afvist-1"}
    first = api.post(f"/v1/direct-contact/{way}", told(), headers=headers)
    withdraw(api, first.json())
    second = api.post(f"/v1/direct-contact/{way}", told(), headers=headers)
    assert (second.status_code, second.content) == (201, first.content)
    other = api.post(f"/v1/direct-contact/{way}", told(medium="email"), headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"


def test_a_withdrawal_sent_again_is_answered_as_the_first_time(api: Api) -> None:
    account = report(api)
    path, body = f"{ACCOUNTS}/{account['id']}/withdrawal", {"reason": "Misforståelse"}
    headers = {"Idempotency-Key": "fortrudt-1", "If-Match": '"1"'}
    first, second = (api.post(path, body, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content


def test_being_turned_away_needs_no_enquiry_and_waits_for_nothing(api: Api) -> None:
    account = report(organisation(api))
    assert "enquiry" not in account


def test_all_that_is_wrong_with_a_report_is_told_at_once(api: Api) -> None:
    answer = api.post("/v1/direct-contact/refusals", told(organisation="?", administration="??"))
    assert answer.status_code == 422
    pointers = {fault["pointer"] for fault in answer.json()["errors"]}
    assert pointers == {"/organisation", "/administration"}
    malformed = api.post("/v1/direct-contact/refusals", {"medium": "X Y", "unfit": 1})
    assert malformed.status_code == 400
    assert len(malformed.json()["errors"]) >= 4
