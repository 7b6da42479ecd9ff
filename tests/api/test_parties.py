"""Parties through the HTTP door: registered, found, renamed, related, merged, closed."""

from typing import Any

import pytest

from tests.api.builders import Api


def test_a_party_is_answered_as_it_is_read(api: Api) -> None:
    body = {
        "kind": "housing_organisation",
        "name": "Lejerbo",
        "aliases": ["Lejerboligen"],
        "external_ids": [{"scheme": "cvr", "value": "13585628"}],
        "administered_by": "KAB",
    }
    answer = api.post("/v1/parties", body)
    assert answer.status_code == 201
    party, at = answer.json(), int(answer.headers["kontaktlog-position"])
    assert answer.headers["location"] == f"/v1/parties/{party['id']}"
    assert answer.headers["etag"] == f'"{party["version"]}"'
    assert party["relations"][0]["party"]["name"] == "KAB"
    assert api.seen(answer.headers["location"], at).content == answer.content


def test_two_parties_cannot_share_a_key(api: Api) -> None:
    answer = api.post("/v1/parties", {"kind": "other", "name": "Noget", "abbreviation": "KAB"})
    assert (answer.status_code, answer.json()["code"]) == (409, "party_key_taken")


def test_a_wrong_check_digit_is_refused_where_it_is_certain(api: Api) -> None:
    outside = [{"scheme": "gln", "value": "5790000000001"}]
    answer = api.post("/v1/parties", {"kind": "other", "name": "X", "external_ids": outside})
    assert (answer.status_code, answer.json()["code"]) == (422, "check_digit")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"kind": "administration"}, ["Teknik- og Miljøforvaltningen", "Økonomiforvaltningen"]),
        ({"q": "bolig"}, ["Arbejdernes Andels Boligforening", "Boligselskabernes Landsforening"]),
        ({"key": "aab"}, ["Arbejdernes Andels Boligforening"]),
        ({"key": "findes ikke"}, []),
    ],
)
def test_parties_are_found(shared_api: Api, filters: dict[str, Any], expected: list[str]) -> None:
    found = shared_api.items("/v1/parties", 6, **filters)
    assert [party["name"] for party in found] == expected


def test_parties_are_paged_by_name(shared_api: Api) -> None:
    names: list[str] = []
    params: dict[str, Any] = {"limit": 2, "min_position": 6}
    while True:
        page = shared_api.get("/v1/parties", params=params).json()
        names += [party["name"] for party in page["items"]]
        if page["next"] is None:
            break
        params["cursor"] = page["next"]
    assert names == [*sorted(names[:4]), "Økonomiforvaltningen"]


def party_id(api: Api, key: str) -> str:
    (party,) = api.get("/v1/parties", params={"key": key}).json()["items"]
    return str(party["id"])


def test_a_party_is_renamed_and_still_found_by_its_old_name(api: Api) -> None:
    kab = party_id(api, "KAB")
    body = {"name": "KAB Fællesskabet", "valid_from": "2015-01-01"}
    answer = api.post(f"/v1/parties/{kab}/names", body)
    assert (answer.status_code, answer.json()["name"]) == (200, "KAB Fællesskabet")
    assert party_id(api, "KAB") == kab
    at = int(answer.headers["kontaktlog-position"])
    then = api.seen(f"/v1/parties/{kab}", at, as_of_effective="2014-06-01").json()
    assert then["name"] == "KAB"


def test_a_new_name_may_not_be_somebody_elses(api: Api) -> None:
    body = {"name": "AAB", "valid_from": "2015-01-01"}
    answer = api.post(f"/v1/parties/{party_id(api, 'KAB')}/names", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "party_key_taken")


def test_aliases_and_outside_numbers_are_added_once(api: Api) -> None:
    path = f"/v1/parties/{party_id(api, 'KAB')}"
    for way, body in (
        ("aliases", {"alias": "Københavns Almindelige"}),
        ("external-ids", {"external_id": {"scheme": "lbf", "value": "0421"}}),
    ):
        first, second = (api.post(f"{path}/{way}", body) for _ in range(2))
        assert (first.status_code, second.status_code) == (200, 200)
        assert first.json()["version"] == second.json()["version"]
    assert party_id(api, "0421") == path.rpartition("/")[2]


def test_a_relation_begins_and_ends(api: Api) -> None:
    path = f"/v1/parties/{party_id(api, 'KAB')}"
    body = {"relation": "member_of", "to": "BL", "valid_from": "2010-01-01"}
    related = api.post(f"{path}/relations", body).json()
    relation = related["relations"][0]
    assert (relation["relation"], relation["direction"]) == ("member_of", "from")
    assert api.post(f"{path}/relations", body).json()["code"] == "relation_exists"
    end = {"relation_id": relation["relation_id"], "valid_to": "2015-12-31"}
    ended = api.post(f"{path}/relation-ends", end)
    assert ended.json()["relations"][0]["valid_to"] == "2015-12-31"
    assert api.post(f"{path}/relation-ends", end).json()["code"] == "relation_ended"


def test_a_merge_shows_the_contacts_of_both_and_can_be_taken_back(api: Api) -> None:
    api.log(organisations=["AAB"])
    path = f"/v1/parties/{party_id(api, 'AAB')}"
    merged = api.post(f"{path}/merge", {"into": "KAB", "reason": "Samme forening"})
    assert merged.json()["merged_into"]["name"] == "KAB"
    at = int(merged.headers["kontaktlog-position"])
    assert len(api.items("/v1/contacts", at, organisation="KAB")) == 1
    refused = api.post(f"{path}/names", {"name": "AAB igen", "valid_from": "2020-01-01"})
    assert (refused.status_code, refused.json()["code"]) == (409, "party_merged")
    back = api.post(f"{path}/unmerge", {"reason": "To foreninger"})
    at = int(back.headers["kontaktlog-position"])
    assert api.items("/v1/contacts", at, organisation="KAB") == []


def test_a_closed_party_is_changed_no_more(api: Api) -> None:
    path = f"/v1/parties/{party_id(api, 'KAB')}"
    closed = api.post(f"{path}/closure", {"valid_to": "2018-12-31", "reason": "Fusioneret"})
    assert closed.json()["valid_to"] == "2018-12-31"
    refused = api.post(f"{path}/closure", {"valid_to": "2019-12-31", "reason": "Igen"})
    assert (refused.status_code, refused.json()["code"]) == (422, "party_closed")


@pytest.mark.parametrize("missing", ["0192f3a0-7c00-7abc-8def-001122334455", "KAB"])
def test_what_is_not_there_is_not_found(shared_api: Api, missing: str) -> None:
    assert shared_api.get(f"/v1/parties/{missing}").status_code == 404
    assert shared_api.get(f"/v1/parties/{missing}/timeline").status_code == 404
    answer = shared_api.post(f"/v1/parties/{missing}/aliases", {"alias": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "party_not_found")


def test_a_timeline_tells_why_each_entry_is_shown(api: Api) -> None:
    kab = party_id(api, "KAB")
    at = api.log()["position"]
    entries = api.items(f"/v1/parties/{kab}/timeline", at)
    contacts = [entry for entry in entries if entry["kind"] == "contact"]
    assert len(contacts) == 1 and contacts[0]["why"]
    paged = api.seen(f"/v1/parties/{kab}/timeline", at, limit=1).json()
    rest = api.get(f"/v1/parties/{kab}/timeline", params={"limit": 1, "cursor": paged["next"]})
    assert [*paged["items"], *rest.json()["items"]] == entries[:2]


def test_an_unchanged_party_is_not_sent_again(api: Api) -> None:
    path = f"/v1/parties/{party_id(api, 'KAB')}"
    tag = api.get(path).headers["etag"]
    assert api.get(path, headers={"If-None-Match": tag}).status_code == 304
