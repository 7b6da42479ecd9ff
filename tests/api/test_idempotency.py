"""The same request again gives the same bytes again, also after a restart; another is refused."""

from pathlib import Path
from typing import Any

import pytest

from domain.access import Role
from tests.api.builders import Api, contact, running, settings_in, with_parties

KEY = {"Idempotency-Key": "forsoeg-1"}


def test_a_contact_posted_twice_under_one_key_is_one_contact(api: Api) -> None:
    first, second = (api.post("/v1/contacts", contact(), headers=KEY) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first.headers["location"] == second.headers["location"]
    assert first.headers["kontaktlog-position"] == second.headers["kontaktlog-position"]
    at = first.json()["position"]
    assert len(api.items("/v1/contacts", at)) == 1


def test_the_same_answer_comes_after_a_restart(tmp_path: Path) -> None:
    with running(settings_in(tmp_path)) as api:
        with_parties(api)
        first = api.post("/v1/contacts", contact(), headers=KEY)
        token = api.token
    with running(settings_in(tmp_path)) as again:
        again.token = token
        second = again.post("/v1/contacts", contact(), headers=KEY)
    assert (second.status_code, second.content) == (201, first.content)


def test_a_key_used_for_another_request_is_refused(api: Api) -> None:
    logged = api.post("/v1/contacts", contact(), headers=KEY).json()
    other = api.post("/v1/contacts", contact(subject="Noget andet"), headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    match = KEY | {"If-Match": '"1"'}
    path = f"/v1/contacts/{logged['id']}/retraction"
    assert api.post(path, {"reason": "x"}, headers=match).json()["code"] == "idempotency_key_reused"


def test_two_callers_may_use_the_same_key(api: Api) -> None:
    desk = api.as_role(Role.ENTRY_DESK)
    one = api.post("/v1/contacts", contact(), headers=KEY).json()
    other = desk.post("/v1/contacts", contact(subject="Andet"), headers=KEY)
    assert other.status_code == 201 and other.json()["id"] != one["id"]


def test_a_change_sent_again_is_answered_as_the_first_time(api: Api) -> None:
    logged = api.log()
    path = f"/v1/contacts/{logged['id']}"
    headers = {"If-Match": '"1"', "Idempotency-Key": "ret-1"}
    body = {"reason": "Stavefejl", "subject": "Rettet"}
    first = api.post(f"{path}/corrections", body, headers=headers)
    api.post(f"{path}/retraction", {"reason": "x"}, headers={"If-Match": '"2"'})
    second = api.post(f"{path}/corrections", body, headers=headers)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"] == '"2"'


@pytest.mark.parametrize("atomic", ["false", "true"])
def test_a_batch_may_be_sent_again(api: Api, atomic: str) -> None:
    body = {"items": [contact(), contact(subject="To"), contact()]}
    path = f"/v1/contacts/batch?atomic={atomic}"
    first, second = (api.post(path, body, headers=KEY) for _ in range(2))
    assert first.content == second.content
    assert first.status_code == second.status_code
    assert len(api.items("/v1/contacts", first.json()["position"])) == 3


def test_a_batch_that_was_cut_short_is_completed(api: Api) -> None:
    items = [contact(), contact(subject="To")]
    first = api.post("/v1/contacts/batch", {"items": items[:1]}, headers=KEY).json()
    whole = api.post("/v1/contacts/batch", {"items": items}, headers=KEY).json()
    assert whole["items"][0] == first["items"][0]
    assert len(api.items("/v1/contacts", whole["position"])) == 2


def test_a_party_posted_twice_is_one_party(api: Api) -> None:
    body = {"kind": "housing_organisation", "name": "Lejerbo", "part_of": "BL"}
    first, second = (api.post("/v1/parties", body, headers=KEY) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content


def test_a_change_of_a_party_sent_again_is_answered_as_the_first_time(api: Api) -> None:
    (kab,) = api.get("/v1/parties", params={"key": "KAB"}).json()["items"]
    path, body = f"/v1/parties/{kab['id']}/names", {"name": "KAB2", "valid_from": "2015-01-01"}
    first = api.post(path, body, headers=KEY)
    api.post(f"/v1/parties/{kab['id']}/aliases", {"alias": "imens"})
    second = api.post(path, body, headers=KEY)
    assert first.content == second.content


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "tab\there"])
def test_a_key_is_one_to_255_printable_characters(shared_api: Api, key: str) -> None:
    answer = shared_api.post("/v1/contacts", contact(), headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/header/Idempotency-Key"


def test_a_key_of_255_characters_is_taken(shared_api: Api) -> None:
    answer = shared_api.post("/v1/contacts", contact(), headers={"Idempotency-Key": "x" * 255})
    assert answer.status_code == 201


def test_a_refused_request_may_be_mended_under_the_same_key(api: Api) -> None:
    bad: dict[str, Any] = contact(organisations=["Senere"])
    assert api.post("/v1/contacts", bad, headers=KEY).status_code == 422
    api.party("Senere")
    assert api.post("/v1/contacts", bad, headers=KEY).status_code == 201
