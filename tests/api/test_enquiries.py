"""Enquiries over HTTP: received as a contact, every step, and who may take it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.commands import STEPS
from domain.access import Role
from domain.storage.sealer import Sealer
from tests.api.builders import Api, Json, contact, running, settings_in, with_parties
from tests.api.entry_point import enquiry, example, organisation, party_id, receive, step, take
from tests.api.register_play import following

KEY = {"Idempotency-Key": "henvendelse-1"}
UNKNOWN = "0192f3a0-7c00-7abc-8def-001122334455"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """An application that does nothing by itself: no policy warns because midnight came."""
    with following(settings_in(tmp_path, followers="off")) as made:
        yield with_parties(made)


# ── received ─────────────────────────────────────────────────────────────────────────────────────


def test_an_enquiry_is_received_and_is_a_contact(api: Api) -> None:
    answer = api.post("/v1/enquiries", enquiry(facts="Hvornår?"))
    assert answer.status_code == 201, answer.text
    received = answer.json()
    assert answer.headers["location"] == f"/v1/enquiries/{received['id']}"
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["kontaktlog-position"] == str(received["position"])
    assert received["contact_id"] in answer.headers["link"]
    assert received["sender"]["name"] == "KAB"
    assert [one["state"] for one in received["obligations"]] == ["open"]
    come_with = api.seen(f"/v1/contacts/{received['contact_id']}", received["position"]).json()
    assert (come_with["channel"], come_with["direction"]) == ("entry_point", "inbound")
    assert come_with["enquiry"] == received["id"]
    assert come_with["position"] == received["position"] - 1, "both are one fact of the log"
    settings = api.services.settings
    Sealer(api.services.log, settings.checkpoint_key(), settings.origin).step()
    assert api.get(f"/v1/contacts/{received['contact_id']}/receipt").status_code == 200


def test_the_same_request_again_gives_the_same_bytes_again(tmp_path: Path) -> None:
    with running(settings_in(tmp_path)) as api:
        with_parties(api)
        first = api.post("/v1/enquiries", enquiry(), headers=KEY)
        take(api, first.json()["id"], "acknowledgements", team="Én indgang")
        second = api.post("/v1/enquiries", enquiry(), headers=KEY)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.content == second.content
        token = api.token
    with running(settings_in(tmp_path)) as again:
        again.token = token
        third = again.post("/v1/enquiries", enquiry(), headers=KEY)
    assert (third.status_code, third.content) == (201, first.content)
    assert third.headers["etag"] == '"1"'


def test_an_enquiry_with_an_id_of_the_clients_own_is_one_enquiry(api: Api) -> None:
    body = enquiry(id=UNKNOWN)
    first, second = (api.post("/v1/enquiries", body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.content == second.content
    other = api.post("/v1/enquiries", enquiry(id=UNKNOWN, subject="Noget andet"))
    assert (other.status_code, other.json()["code"]) == (409, "event_id_reused")


def test_the_same_source_record_is_one_enquiry(api: Api) -> None:
    body = enquiry(source={"system": "postliste", "id": "2010/17"})
    first, second = (api.post("/v1/enquiries", body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]


def test_an_id_used_for_a_part_is_no_enquiry_of_its_own(api: Api) -> None:
    whole = receive(api)
    parts = [{"id": UNKNOWN, "subject": "Et"}, {"subject": "To"}]
    take(api, whole["id"], "splits", parts=parts, reason="to emner")
    answer = api.post("/v1/enquiries", enquiry(id=UNKNOWN))
    assert (answer.status_code, answer.json()["code"]) == (409, "event_id_reused")
    other = receive(api)
    again = step(api, other["id"], "splits", {"parts": parts, "reason": "to emner"})
    assert (again.status_code, again.json()["code"]) == (409, "event_id_reused")


def test_all_that_is_wrong_is_told_at_once(api: Api) -> None:
    answer = api.post("/v1/enquiries", enquiry(sender="Ingen", administrations=["XYZ"], medium="x"))
    assert answer.status_code == 422
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {
        "/sender",
        "/administrations/0",
        "/medium",
    }
    malformed = api.post("/v1/enquiries", {"received": "i går", "sender": "", "mere": 1})
    assert malformed.status_code == 400
    pointers = {fault["pointer"] for fault in malformed.json()["errors"]}
    assert {"/sender", "/subject", "/medium", "/mere"} <= pointers


def test_a_short_answer_has_the_headers_and_no_body(api: Api) -> None:
    answer = api.post("/v1/enquiries", enquiry(), headers={"Prefer": "return=minimal"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["location"].startswith("/v1/enquiries/")


# ── steps ────────────────────────────────────────────────────────────────────────────────────────

BEFORE: dict[str, list[tuple[str, Json]]] = {
    "reroutes": [("routes", {"to": "TMF"})],
    "returns": [("routes", {"to": "TMF"})],
    "information": [("information-requests", {"question": "Hvor?"})],
    "reopenings": [("closures", {"waive": "aftalt"})],
}


def prepared(api: Api, name: str) -> tuple[str, Json]:
    """An enquiry that the example of a step fits, and the example."""
    received = receive(api, administrations=["TMF", "ØKF"])
    for before, body in BEFORE.get(name, []):
        take(api, received["id"], before, **body)
    body = example(name)
    if name == "merges":
        body = {**body, "into": receive(api, subject="Den anden")["id"]}
    return received["id"], body


@pytest.mark.parametrize("name", list(STEPS))
def test_a_step_needs_the_version_it_is_taken_from(api: Api, name: str) -> None:
    enquiry_id, body = prepared(api, name)
    path = f"/v1/enquiries/{enquiry_id}/{name}"
    assert api.post(path, body).status_code == 428
    stale = step(api, enquiry_id, name, body, If_Match='"99"')
    assert (stale.status_code, stale.json()["code"]) == (412, "version_mismatch")
    version = stale.json()["current"]
    taken = step(api, enquiry_id, name, body, If_Match=f'"{version}"')
    assert taken.status_code == 200, taken.text
    assert taken.json()["version"] > version
    assert taken.headers["etag"] == f'"{taken.json()["version"]}"'
    assert int(taken.headers["kontaktlog-position"]) == taken.json()["position"]


@pytest.mark.parametrize("name", list(STEPS))
def test_a_step_sent_again_is_answered_as_the_first_time(api: Api, name: str) -> None:
    enquiry_id, body = prepared(api, name)
    headers = {"Idempotency_Key": f"trin-{name}"}
    first = step(api, enquiry_id, name, body, **headers)
    assert first.status_code == 200, first.text
    step(api, enquiry_id, "acknowledgements", {"team": "En anden"})
    second = step(api, enquiry_id, name, body, **headers)
    assert (second.status_code, second.content) == (200, first.content)
    assert second.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("name", list(STEPS))
def test_an_unseen_enquiry_is_like_an_unknown_one_in_every_step(api: Api, name: str) -> None:
    received = receive(api, sender="AAB")
    other = api.as_role(Role.CASE_OFFICER, f"unit:{party_id(api, 'ØKF')}")
    body = example(name)
    for match in ("*", '"1"', '"99"'):
        hidden = step(other, received["id"], name, body, If_Match=match)
        unknown = step(other, UNKNOWN, name, body, If_Match=match)
        assert hidden.status_code == unknown.status_code == 404, hidden.text
        told = (hidden.json(), unknown.json())
        assert told[0] | {"request_id": ""} == told[1] | {"request_id": ""}


@pytest.mark.parametrize("name", list(STEPS))
def test_a_malformed_step_is_told_what_is_wrong(api: Api, name: str) -> None:
    answer = step(api, UNKNOWN, name, {"unfit": True})
    assert answer.status_code == 400
    assert "/unfit" in {fault["pointer"] for fault in answer.json()["errors"]}


def test_what_no_id_is_names_no_enquiry(api: Api) -> None:
    answer = step(api, "ikke-et-id", "answers", example("answers"))
    assert (answer.status_code, answer.json()["code"]) == (404, "enquiry_unknown")


def test_nothing_is_closed_while_somebody_owes_an_answer(api: Api) -> None:
    received = receive(api, administrations=["TMF", "ØKF"])
    take(api, received["id"], "answers", answer_kind="substantive", by="TMF", answer="Ja")
    refused = step(api, received["id"], "closures", {})
    assert (refused.status_code, refused.json()["code"]) == (422, "answer_owed")
    take(api, received["id"], "waivers", by="ØKF", reason="TMF svarer for begge")
    closed = take(api, received["id"], "closures")
    assert closed["phase"] == "closed"


def test_one_cannot_merge_into_what_one_may_not_see(api: Api) -> None:
    mine, hidden = receive(api), receive(api, sender="AAB", administrations=["ØKF"])
    tmf = api.as_role(Role.CASE_OFFICER, f"unit:{party_id(api, 'TMF')}")
    answers = [
        step(tmf, mine["id"], "merges", {"into": into, "reason": "samme"})
        for into in (hidden["id"], UNKNOWN)
    ]
    assert answers[0].status_code == answers[1].status_code != 200
    assert answers[0].json()["code"] == answers[1].json()["code"]


# ── organisations ────────────────────────────────────────────────────────────────────────────────


def test_an_organisation_sends_in_its_own_enquiries_only(api: Api) -> None:
    kab = organisation(api)
    assert kab.post("/v1/enquiries", enquiry()).status_code == 201
    assert kab.post("/v1/enquiries", enquiry(sender="BL", spoke_for=["KAB"])).status_code == 201
    refused = kab.post("/v1/enquiries", enquiry(sender="AAB"))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


def test_an_organisation_gets_the_answer_as_it_may_see_it(api: Api) -> None:
    kab = organisation(api)
    answer = kab.post("/v1/enquiries", enquiry(), headers=KEY)
    assert "priority" not in answer.json()
    staff = receive(api)
    assert "priority" in staff
    informed = step(kab, staff["id"], "information", {"information": "Begge afdelinger"})
    assert informed.status_code == 200, informed.text
    assert "priority" not in informed.json()


@pytest.mark.parametrize("name", [name for name in STEPS if name != "information"])
def test_an_organisation_handles_no_enquiry(api: Api, name: str) -> None:
    received = receive(api)
    answer = step(organisation(api), received["id"], name, example(name))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_an_organisation_informs_about_its_own_enquiry_only(api: Api) -> None:
    received = receive(api, sender="AAB")
    body = {"information": "Vi ved det"}
    answer = step(organisation(api), received["id"], "information", body)
    assert (answer.status_code, answer.json()["code"]) == (404, "enquiry_unknown")
    assert step(organisation(api, "AAB"), received["id"], "information", body).status_code == 200


def test_a_unit_that_had_an_enquiry_may_still_handle_it(api: Api) -> None:
    received = receive(api)
    okf = api.as_role(Role.CASE_OFFICER, f"unit:{party_id(api, 'ØKF')}")
    body = {"priority": "high"}
    assert step(okf, received["id"], "triage", body).status_code == 404
    take(api, received["id"], "routes", to="ØKF", for_="TMF")
    assert step(okf, received["id"], "triage", body).status_code == 200


# ── the direct door beside it ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", ["open", "closed", "merged", "unknown"])
def test_a_direct_contact_is_logged_whatever_became_of_the_enquiry(api: Api, state: str) -> None:
    enquiry_id = "2010-aldrig-modtaget"
    if state != "unknown":
        enquiry_id = receive(api)["id"]
    if state == "closed":
        take(api, enquiry_id, "closures", waive="aftalt")
    if state == "merged":
        take(api, enquiry_id, "merges", into=receive(api)["id"], reason="samme")
    logged: Any = api.log(enquiry=enquiry_id)
    assert logged["enquiry"] == enquiry_id


def test_a_contact_filed_on_an_enquiry_is_no_step_of_it(api: Api) -> None:
    received = receive(api)
    logged = api.log()
    filed = api.post(
        f"/v1/contacts/{logged['id']}/filings",
        {"filings": [{"kind": "enquiry", "target": received["id"]}]},
        headers={"If-Match": '"1"'},
    )
    assert filed.status_code == 200, filed.text
    taken = step(api, received["id"], "triage", {"priority": "high"}, If_Match='"1"')
    assert taken.status_code == 200, "the enquiry is still at its first version"
    assert api.post("/v1/contacts", contact(enquiry=received["id"])).status_code == 201
