"""Grants through the door: given, listed, withdrawn; who one is; keys without their secrets."""

import re
from datetime import timedelta
from typing import Any

import pytest

from api.commands.access import holder_of, principals_for, rotate_key_sync
from domain.access import Role, RotateKey, principal_of
from tests.api.builders import WAIT_SECONDS, Api, Json, new_key, revoke

ISSUER, SUBJECT = "https://login.kommune.example", "7f3c-kim"
HOLDER = "u-" + "ab" * 16


def gift(**more: Any) -> Json:
    body: Json = {
        "holder": HOLDER,
        "role": "case_officer",
        "valid_from": "2010-01-01",
        "reason": "Ansat",
    }
    return {name: value for name, value in (body | more).items() if value is not ...}


@pytest.fixture
def admin(api: Api) -> Api:
    return api.as_role(Role.ADMINISTRATOR)


def given(admin: Api, **more: Any) -> Json:
    answer = admin.post("/v1/grants", gift(**more))
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def party_id(api: Api, key: str) -> str:
    (party,) = api.get("/v1/parties", params={"key": key}).json()["items"]
    return str(party["id"])


def test_a_grant_is_shown_as_it_was_given_and_in_the_list(admin: Api) -> None:
    made = given(admin, scopes=["party:TMF", "kle:03.10"], valid_to="2999-12-31")
    assert made["scopes"] == [f"party:{party_id(admin, 'TMF')}", "kle:03.10"]
    assert (made["holder"], made["role"], made["in_force"]) == (HOLDER, "case_officer", True)
    assert made["given_by"]["role"] == "administrator"
    (listed,) = admin.items("/v1/grants", made["position"], holder=HOLDER)
    assert listed == made


def test_the_log_never_holds_the_holder_in_clear(admin: Api) -> None:
    made = given(admin, holder=..., issuer=ISSUER, subject=SUBJECT)
    assert made["holder"] == holder_of(admin.services, ISSUER, SUBJECT)
    assert re.fullmatch(r"u-[0-9a-f]{32}", made["holder"])
    assert holder_of(admin.services, ISSUER + SUBJECT[:1], SUBJECT[1:]) != made["holder"]
    for row in admin.services.log.rows(0, 500):
        raw = row.data + row.metadata + row.tags.encode()
        assert SUBJECT.encode() not in raw and b"login.kommune" not in raw
    again = given(admin, holder=..., issuer=ISSUER, subject=SUBJECT)
    assert again["holder"] == made["holder"], "the same person, the same pseudonym"


def test_a_withdrawn_grant_stays_in_the_list_with_the_reason(admin: Api) -> None:
    made = given(admin)
    path = f"/v1/grants/{made['id']}/withdrawal"
    gone = admin.post(path, {"reason": "Fratrådt"})
    assert gone.status_code == 200, gone.text
    assert gone.json()["withdrawn"]["reason"] == "Fratrådt"
    assert gone.json()["in_force"] is False
    (listed,) = admin.items("/v1/grants", gone.json()["position"])
    assert listed == gone.json()
    before = admin.get("/v1/grants", params={"as_of_recorded": made["position"]}).json()["items"]
    assert before == [made]
    again = admin.post(path, {"reason": "Igen"})
    assert (again.status_code, again.json()["code"]) == (422, "grant_withdrawn")


@pytest.mark.parametrize("grant_id", ["0192f3a0-7c00-7abc-8def-001122334455", "nonsense", "u-1"])
def test_an_unknown_grant_cannot_be_withdrawn(admin: Api, grant_id: str) -> None:
    answer = admin.post(f"/v1/grants/{grant_id}/withdrawal", {"reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "grant_unknown")


def test_the_same_request_again_gives_and_takes_once(admin: Api) -> None:
    key = {"Idempotency-Key": "grant-1"}
    first, again = (admin.post("/v1/grants", gift(), headers=key) for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    other = admin.post("/v1/grants", gift(role="manager"), headers=key)
    assert other.json()["code"] == "idempotency_key_reused"
    path, taking = f"/v1/grants/{first.json()['id']}/withdrawal", {"Idempotency-Key": "taking-1"}
    gone, twice = (admin.post(path, {"reason": "x"}, headers=taking) for _ in range(2))
    assert (gone.status_code, twice.content) == (200, gone.content)
    assert len(admin.items("/v1/grants", gone.json()["position"])) == 1


@pytest.mark.parametrize(
    ("more", "status", "pointer"),
    [
        ({"scopes": ["party:Ukendt", "kle:03"]}, 422, "/scopes/0"),
        ({"role": "organisation"}, 422, "/scopes"),
        ({"role": "mayor"}, 400, "/role"),
        ({"holder": ...}, 400, ""),
        ({"holder": "Kim Eksempel"}, 400, "/holder"),
        ({"valid_to": "2009-12-31"}, 400, ""),
        ({"reason": ...}, 400, "/reason"),
    ],
)
def test_a_grant_that_cannot_be_meant_is_refused_by_name(
    admin: Api, more: Json, status: int, pointer: str
) -> None:
    answer = admin.post("/v1/grants", gift(**more))
    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert "Kim Eksempel" not in answer.text


def test_grants_are_paged_newest_first(admin: Api) -> None:
    made = [given(admin, reason=str(n)) for n in range(5)]
    at, seen, cursor = made[-1]["position"], [], None
    while True:
        more = {"cursor": cursor} if cursor else {"min_position": at}
        page = admin.get("/v1/grants", params={"limit": 2, **more}).json()
        seen += [item["reason"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]


def test_a_person_may_act_under_what_is_in_force_today(admin: Api) -> None:
    today = admin.services.today()
    first = given(admin, valid_from=today, valid_to=today)
    given(admin, valid_from="2999-01-01")
    given(admin, valid_to="2010-12-31")
    gone = given(admin)
    admin.post(f"/v1/grants/{gone['id']}/withdrawal", {"reason": "x"})
    last = given(admin, role="councillor")
    assert admin.services.views.wait_for(last["position"], WAIT_SECONDS, "grants")
    found = [row.grant_id for row in principals_for(admin.services, HOLDER)]
    over = admin.services.today() != today  # midnight came, and what was given for a day may be
    assert found == [last["id"], first["id"]] or (over and found == [last["id"]])
    assert principals_for(admin.services, "u-" + "00" * 16) == []


# ── who am I ─────────────────────────────────────────────────────────────────────────────────────


def test_everybody_with_a_key_is_told_who_he_or_she_is(api: Api) -> None:
    kab = party_id(api, "KAB")
    me = api.as_role(Role.ORGANISATION, f"party:{kab}").get("/v1/me").json()
    assert (me["kind"], me["role"], me["parties"], me["grants"]) == (
        "key",
        "organisation",
        [kab],
        [],
    )
    assert "log_contact" in me["actions"] and "read_log" not in me["actions"]
    assert me["confidentialities"] == ["internal", "open"]
    assert api.as_nobody().get("/v1/me").status_code == 401


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_keys_are_listed_without_secrets_for_those_who_watch(api: Api) -> None:
    token = new_key(api.services, Role.MANAGER, label="Kontoret")
    revoke(api.services, token)
    at = api.services.log.head()
    for role in (Role.AUDITOR, Role.ADMINISTRATOR):
        watcher = api.as_role(role)
        answer = watcher.seen("/v1/keys", at)
        key = next(k for k in answer.json()["items"] if k["key_id"] == token.split("_")[1])
        assert (key["label"], key["role"], key["revoked"]) == ("Kontoret", "manager", True)
        assert token.split("_", 2)[2] not in answer.text and "sha256" not in answer.text


def test_a_rotated_key_works_on_until_its_grace_is_over(api: Api) -> None:
    services = api.services
    cli = principal_of("cli", Role.ADMINISTRATOR, ())
    for grace, alive in ((timedelta(hours=1), 200), (timedelta(), 401)):
        old = new_key(services, Role.MANAGER)
        command = RotateKey(key_id=old.split("_")[1], grace=grace)
        done = rotate_key_sync(services, cli, command, via="cli")
        assert services.views.wait_for(done.facts[-1].position, WAIT_SECONDS, "keys")
        new = Api(api.client, services, done.made.token)
        assert new.get("/v1/me").json()["role"] == "manager"
        assert Api(api.client, services, old).get("/v1/me").status_code == alive
