"""Contacts through the HTTP door: logged, read, listed, corrected, retracted, linked."""

from typing import Any

import pytest

from domain.access import Role
from tests.api.builders import Api, contact

WITH_PEOPLE: dict[str, Any] = {
    "participants": [{"name": "Kim Eksempel", "role": "driftschef", "party": "KAB"}],
    "assessment": "Vi er uenige internt",
    "facts": "Aftalt at vende tilbage",
}


def test_a_contact_is_answered_with_its_place_its_version_and_its_receipt(api: Api) -> None:
    answer = api.post("/v1/contacts", contact(**WITH_PEOPLE))
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"/v1/contacts/{body['id']}"
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["kontaktlog-position"] == str(body["position"])
    assert f'/v1/contacts/{body["id"]}/receipt?version=1>; rel="receipt"' in answer.headers["link"]
    assert body["administrations"][0]["name"] == "Teknik- og Miljøforvaltningen"
    assert body["participants"][0]["name"] == "Kim Eksempel"
    assert body["recorded_at"].endswith("Z")


def test_what_was_answered_is_what_is_read_and_listed(api: Api) -> None:
    answer = api.post("/v1/contacts", contact(**WITH_PEOPLE))
    logged, at = answer.json(), answer.json()["position"]
    assert api.seen(answer.headers["location"], at).content == answer.content
    assert api.items("/v1/contacts", at) == [logged]


def test_a_caller_may_want_nothing_back(api: Api) -> None:
    answer = api.post("/v1/contacts", contact(), headers={"Prefer": "return=minimal"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["preference-applied"] == "return=minimal"
    assert answer.headers["etag"] == '"1"' and "location" in answer.headers


def test_a_contact_may_be_given_its_id_by_the_caller(api: Api) -> None:
    given = "0192f3a0-7c00-7abc-8def-001122334455"
    assert api.log(id=given)["id"] == given


def test_the_same_record_of_a_source_is_one_contact(api: Api) -> None:
    body = contact(source={"system": "esdh", "id": "4711"})
    first, second = api.post("/v1/contacts", body), api.post("/v1/contacts", body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.content == second.content


def test_a_known_source_record_with_other_content_is_a_conflict(api: Api) -> None:
    source = {"system": "esdh", "id": "4711"}
    api.log(source=source)
    answer = api.post("/v1/contacts", contact(source=source, subject="Noget andet"))
    assert (answer.status_code, answer.json()["code"]) == (409, "event_id_reused")


def test_all_faults_are_told_at_once_with_their_places(api: Api) -> None:
    answer = api.post("/v1/contacts", contact(medium="røgsignal", subject="", extra=1, kle=["x"]))
    assert answer.status_code == 400
    pointers = [fault["pointer"] for fault in answer.json()["errors"]]
    assert sorted(pointers) == ["/extra", "/kle/0", "/medium", "/subject"]


def test_unknown_parties_and_media_are_refused_together(api: Api) -> None:
    answer = api.post("/v1/contacts", contact(medium="drum", organisations=["KAB", "Ukendt"]))
    assert answer.status_code == 422
    assert [(f["pointer"], f["code"]) for f in answer.json()["errors"]] == [
        ("/medium", "unknown_medium"),
        ("/organisations/1", "unknown_party"),
    ]


def test_a_contact_in_the_future_is_refused(api: Api) -> None:
    answer = api.post("/v1/contacts", contact(occurred="2190-01-01"))
    assert answer.json()["errors"][0]["code"] == "occurred_in_future"


def test_a_party_registered_a_moment_ago_is_known(api: Api) -> None:
    for number in range(5):
        api.post("/v1/parties", {"kind": "housing_organisation", "name": f"Ny {number}"})
        assert api.log(organisations=[f"Ny {number}"])["organisations"][0]["name"] == f"Ny {number}"


def test_on_behalf_of_names_a_party_and_no_person(api: Api) -> None:
    answer = api.post("/v1/contacts", contact(on_behalf_of="Kim Eksempel"))
    assert answer.json()["errors"][0]["pointer"] == "/on_behalf_of"
    assert api.post("/v1/contacts", contact(on_behalf_of="ØKF")).status_code == 201


# ── changes ──────────────────────────────────────────────────────────────────────────────────────


def change(api: Api, logged: dict[str, Any], way: str, body: dict[str, Any], version: int) -> Any:
    path = f"/v1/contacts/{logged['id']}/{way}"
    return api.post(path, body, headers={"If-Match": f'"{version}"'})


def test_a_correction_keeps_the_original_and_the_reason(api: Api) -> None:
    logged = api.log(subject="Udljening")
    answer = change(
        api, logged, "corrections", {"reason": "Stavefejl", "subject": "Udlejning"}, version=1
    )
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    corrected = answer.json()
    assert (corrected["status"], corrected["subject"]) == ("corrected", "Udlejning")
    steps = api.items(f"/v1/contacts/{logged['id']}/history", corrected["position"])
    assert [step["summary_da"] for step in steps] == ["Kontakt registreret", "Emne berigtiget"]
    assert steps[1]["reason"] == "Stavefejl"
    assert steps[1]["changes"] == [
        {"field": "subject", "before": "Udljening", "after": "Udlejning"}
    ]
    assert steps[0]["contact"] == logged and steps[1]["contact"] == corrected


def test_a_change_without_if_match_is_refused_and_a_stale_one_too(api: Api) -> None:
    logged = api.log()
    path = f"/v1/contacts/{logged['id']}/corrections"
    body = {"reason": "Stavefejl", "subject": "Andet"}
    assert api.post(path, body).status_code == 428
    assert change(api, logged, "corrections", body, version=1).status_code == 200
    stale = change(api, logged, "corrections", body | {"subject": "Tredje"}, version=1)
    assert (stale.status_code, stale.json()["current"]) == (412, 2)
    assert api.post(path, body, headers={"If-Match": '"nej"'}).status_code == 412
    assert api.post(path, body, headers={"If-Match": "1"}).status_code == 400
    assert api.post(path, body, headers={"If-Match": 'W/"2"'}).status_code == 412


def test_any_version_may_be_meant(api: Api) -> None:
    logged = api.log()
    path = f"/v1/contacts/{logged['id']}/retraction"
    assert api.post(path, {"reason": "Fejl"}, headers={"If-Match": "*"}).status_code == 200


def test_a_correction_that_changes_nothing_is_refused(api: Api) -> None:
    logged = api.log(subject="Udlejning")
    answer = change(api, logged, "corrections", {"reason": "x", "subject": "Udlejning"}, version=1)
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_changed")


def test_a_retracted_contact_leaves_the_lists_and_keeps_its_history(api: Api) -> None:
    logged = api.log()
    retracted = change(api, logged, "retraction", {"reason": "To gange"}, version=1).json()
    at = retracted["position"]
    assert api.items("/v1/contacts", at) == []
    assert api.items("/v1/contacts", at, include_retracted="true") == [retracted]
    assert len(api.items(f"/v1/contacts/{logged['id']}/history", at)) == 2
    again = change(api, logged, "corrections", {"reason": "x", "subject": "Y"}, version=2)
    assert again.json()["code"] == "contact_retracted"


def test_a_contact_is_filed_and_taken_off_again(api: Api) -> None:
    logged = api.log()
    body = {"kind": "case", "target": "2009-116302"}
    linked = change(api, logged, "links", body, version=1).json()
    link_id = linked["links"][0]["link_id"]
    assert change(api, logged, "links", body, version=2).json()["code"] == "link_exists"
    found = api.items("/v1/contacts", linked["position"], case_number="2009-116302")
    removed = change(api, logged, f"links/{link_id}/removal", {"reason": "Forkert"}, version=2)
    assert removed.json()["links"] == [] and removed.headers["etag"] == '"3"'
    assert found in ([], [linked])  # case numbers and links are two lists of their own


def test_a_link_from_another_contact_does_not_count_as_a_version(api: Api) -> None:
    one, other = api.log(), api.log(subject="Den anden")
    change(api, one, "links", {"kind": "contact", "target": other["id"]}, version=1)
    answer = change(api, other, "corrections", {"reason": "x", "subject": "Ny"}, version=1)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')


@pytest.mark.parametrize("way", ["corrections", "retraction", "links", "links/x/removal"])
def test_what_is_not_there_cannot_be_changed(api: Api, way: str) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "corrections": {"reason": "x", "subject": "y"},
        "links": {"kind": "case", "target": "1"},
    }
    body = bodies.get(way, {"reason": "x"})
    for missing in ("0192f3a0-7c00-7abc-8def-001122334455", "ikke-et-id"):
        assert change(api, {"id": missing}, way, body, version=1).status_code == 404


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def test_an_unchanged_contact_is_not_sent_again(api: Api) -> None:
    logged = api.log()
    path = f"/v1/contacts/{logged['id']}"
    answer = api.seen(path, logged["position"])
    again = api.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert api.get(path, headers={"If-None-Match": '"7", W/"1"'}).status_code == 304
    assert api.get(path, headers={"If-None-Match": '"7"'}).status_code == 200


def test_head_answers_as_get_without_a_body(api: Api) -> None:
    logged = api.log()
    answer = api.ask("HEAD", f"/v1/contacts/{logged['id']}?min_position={logged['position']}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == '"1"'


def test_pages_neither_skip_nor_repeat_while_others_write(api: Api) -> None:
    days = [api.log(occurred=f"2010-02-0{day}") for day in range(1, 8)]
    at = days[-1]["position"]
    found: list[str] = []
    params: dict[str, Any] = {"limit": 3, "organisation": "KAB"}
    answer = api.seen("/v1/contacts", at, **params).json()
    while True:
        found += [item["occurred"]["from"] for item in answer["items"]]
        api.log(occurred="2010-02-05", subject="Kommer imens")
        if answer["next"] is None:
            break
        answer = api.get("/v1/contacts", params=params | {"cursor": answer["next"]}).json()
        assert answer["position"] == at
    assert found == [f"2010-02-0{day}" for day in range(7, 0, -1)]


def test_a_cursor_opens_only_its_own_question_and_only_unchanged(api: Api) -> None:
    at = [api.log() for _ in range(3)][-1]["position"]
    cursor = api.seen("/v1/contacts", at, limit=1, organisation="KAB").json()["next"]
    for params in (
        {"cursor": cursor, "organisation": "AAB"},
        {"cursor": cursor},
        {"cursor": cursor[:-2] + "AA", "organisation": "KAB"},
        {"cursor": cursor + "=", "organisation": "KAB"},
        {"cursor": "ø", "organisation": "KAB"},
    ):
        answer = api.get("/v1/contacts", params=params)
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")
    assert api.get("/v1/parties", params={"cursor": cursor}).status_code == 400


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"organisation": "AAB"}, ["a"]),
        ({"organisation": ["AAB", "KAB"]}, ["b", "a"]),
        ({"administration": "ØKF"}, ["b"]),
        ({"party": "AAB"}, ["a"]),
        ({"channel": "entry_point"}, ["b"]),
        ({"medium": "email"}, ["b"]),
        ({"direction": "outbound"}, ["a"]),
        ({"topic": "klima"}, ["a"]),
        ({"kle": "03.10"}, ["a"]),
        ({"case_number": "2009-1"}, ["b"]),
        ({"text": "varmepumper"}, ["a"]),
        ({"occurred_from": "2011-01-01"}, ["b"]),
        ({"occurred_to": "2010-12-31"}, ["a"]),
        ({"confidentiality": "open"}, ["a"]),
        ({"outcome": "not_reached"}, ["b"]),
        ({"recorded_from": "2000-01-01T00:00:00Z"}, ["b", "a"]),
        ({"recorded_to": "2000-01-01T00:00:00Z"}, []),
    ],
)
def test_a_list_is_narrowed_by(
    shared_api: Api, filters: dict[str, Any], expected: list[str]
) -> None:
    def named(subject: str, **more: Any) -> dict[str, Any]:
        return contact(id=f"0192f3a0-7c00-7abc-8def-00112233445{subject}", subject=subject, **more)

    one = named(
        "a",
        organisations=["AAB"],
        direction="outbound",
        topics=["klima"],
        kle=["03.10.24"],
        facts="Nye varmepumper",
        confidentiality="open",
    )
    two = named(
        "b",
        administrations=["ØKF"],
        channel="entry_point",
        medium="email",
        case_numbers=["2009-1"],
        occurred="2011-05",
        outcome="not_reached",
    )
    at = max(shared_api.post("/v1/contacts", body).json()["position"] for body in (one, two))
    found = shared_api.items("/v1/contacts", at, **filters)
    assert [item["subject"] for item in found] == expected


def test_a_filter_by_an_unknown_party_is_told(api: Api) -> None:
    answer = api.get("/v1/contacts", params={"organisation": "Ukendt"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/query/organisation"


# ── many at once ─────────────────────────────────────────────────────────────────────────────────


def test_each_item_of_a_batch_has_its_own_result(api: Api) -> None:
    items = [contact(), contact(medium="drum"), {"channel": "direct"}, contact(subject="To")]
    answer = api.post("/v1/contacts/batch", {"items": items})
    body = answer.json()
    assert answer.status_code == 200 and (body["recorded"], body["failed"]) == (2, 2)
    assert [item["status"] for item in body["items"]] == [201, 422, 400, 201]
    assert body["items"][1]["problem"]["errors"][0]["pointer"] == "/medium"
    assert len(api.items("/v1/contacts", body["position"])) == 2


def test_an_atomic_batch_is_all_or_nothing(api: Api) -> None:
    items = [contact(), contact(organisations=["Ukendt"])]
    answer = api.post("/v1/contacts/batch?atomic=true", {"items": items})
    assert (answer.status_code, answer.json()["code"]) == (422, "batch_aborted")
    assert answer.json()["errors"][0]["pointer"] == "/items/1/organisations/0"
    answer = api.post("/v1/contacts/batch?atomic=true", {"items": [contact(), contact()]})
    assert answer.status_code == 201
    assert len(api.items("/v1/contacts", answer.json()["position"])) == 2


def test_no_call_shortens_a_history(api: Api) -> None:
    logged = api.log(**WITH_PEOPLE)
    path = f"/v1/contacts/{logged['id']}"
    changes: list[tuple[str, dict[str, Any]]] = [
        ("corrections", {"reason": "x", "participants": []}),
        ("links", {"kind": "case", "target": "1"}),
        ("retraction", {"reason": "x"}),
    ]
    history: list[dict[str, Any]] = []
    for number, (way, body) in enumerate(changes, start=1):
        at = change(api, logged, way, body, version=number).json()["position"]
        history = api.items(f"{path}/history", at)
        assert len(history) == number + 1
    kab = logged["organisations"][0]["id"]
    api.post(f"/v1/parties/{kab}/closure", {"valid_to": "2018-12-31", "reason": "Nedlagt"})
    for method in ("DELETE", "PUT", "PATCH"):
        assert api.ask(method, path).status_code == 405
    assert history[0]["contact"]["participants"][0]["name"] == "Kim Eksempel"


def test_a_councillor_sees_open_contacts_and_no_persons(api: Api) -> None:
    api.log(subject="Fortrolig", **WITH_PEOPLE)
    at = api.log(subject="Åben", confidentiality="open", **WITH_PEOPLE)["position"]
    (item,) = api.as_role(Role.COUNCILLOR).items("/v1/contacts", at)
    assert item["subject"] == "Åben" and "assessment" not in item
    assert item["participants"] == [
        {
            "role": "driftschef",
            "party": {"id": item["organisations"][0]["id"], "name": "KAB"},
            "spoke_for": [],
        }
    ]
