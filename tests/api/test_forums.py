"""Forums, chair seats and meetings over the API: the Lord Mayor's option, and who chaired what."""

from typing import Any

import pytest

from tests.api.builders import Api

Json = dict[str, Any]
MAYOR, OTHER = "Overborgmesteren", "Teknik- og Miljøborgmesteren"


@pytest.fixture
def forum(api: Api) -> Json:
    """A forum with two chair seats, the first with the option; established."""
    api.party(MAYOR, "person_role")
    api.party(OTHER, "person_role")
    api.party("Partnerskabsforum", "forum")
    chairs = [{"holder": MAYOR, "option": True}, {"holder": OTHER}]
    answer = api.post("/v1/forums", {"forum": "Partnerskabsforum", "chairs": chairs})
    assert answer.status_code == 201, answer.text
    made: Json = step(api, "forums", answer.json(), "establishment", cadence="årligt").json()
    assert made["status"] == "established"
    return made


def step(api: Api, register: str, record: Json, name: str, **body: Any) -> Any:
    path = f"/v1/{register}/{record['id']}/{name}"
    return api.ask("POST", path, json=body, headers={"If-Match": "*"})


def seat_of(forum: Json, holder: str) -> str:
    return str(next(s["seat_id"] for s in forum["chairs"] if s["holder"]["name"] == holder))


def called(api: Api, forum: Json) -> Json:
    body = {
        "title": "Fælles møde",
        "forums": ["Partnerskabsforum"],
        "forum_records": [forum["id"]],
        "planned": "2010-02-22",
    }
    answer = api.post("/v1/meetings", body)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def held(api: Api, meeting: Json, *chairs: str) -> Any:
    body = {"occurred": "2010-02-22", "administrations": ["TMF"], "organisations": ["KAB"]}
    return step(api, "meetings", meeting, "holding", chaired_by=list(chairs), **body)


def codes(answer: Any) -> list[str]:
    return [error["code"] for error in answer.json()["errors"]]


def test_r5_both_seats_are_held_by_roles(forum: Json) -> None:
    assert [(s["holder"]["name"], s["option"]) for s in forum["chairs"]] == [
        (MAYOR, True),
        (OTHER, False),
    ]


def test_r6_only_the_seat_with_the_option_may_be_left(api: Api, forum: Json) -> None:
    left = {"scope": "standing", "seat": seat_of(forum, OTHER)}
    assert codes(step(api, "forums", forum, "chair-leavings", **left)) == ["no_option"]
    left["seat"] = seat_of(forum, MAYOR)
    assert step(api, "forums", forum, "chair-leavings", **left).status_code == 200


def test_r6_somebody_always_chairs(api: Api, forum: Json) -> None:
    ended = {"seat": seat_of(forum, OTHER)}
    assert step(api, "forums", forum, "chair-vacancies", **ended).status_code == 200
    left = {"scope": "standing", "seat": seat_of(forum, MAYOR)}
    assert codes(step(api, "forums", forum, "chair-leavings", **left)) == ["no_chair_left"]


def test_r6_whoever_left_the_chair_of_a_meeting_does_not_chair_it(api: Api, forum: Json) -> None:
    meeting = called(api, forum)
    left = {"scope": "meeting", "meeting": meeting["id"], "seat": seat_of(forum, MAYOR)}
    assert step(api, "forums", forum, "chair-leavings", **left).status_code == 200
    assert codes(held(api, meeting, MAYOR)) == ["not_chairing"]
    assert codes(held(api, meeting)) == ["no_chair"]
    assert held(api, meeting, OTHER).status_code == 200
    other = called(api, forum)
    assert held(api, other, MAYOR).status_code == 200


def test_a_meeting_held_is_a_contact_of_every_party_there(api: Api, forum: Json) -> None:
    meeting = held(api, called(api, forum), MAYOR).json()
    contact = api.seen(f"/v1/contacts/{meeting['contact']}", meeting["position"] + 1).json()
    assert contact["meeting"] == meeting["id"]
    assert contact["direction"] == "mutual"
    assert [party["name"] for party in contact["organisations"]] == ["KAB"]


def test_roles_outlive_what_replaces_the_forum(api: Api, forum: Json) -> None:
    ended = step(api, "forums", forum, "replacement", by_text="årlig redegørelse").json()
    assert ended["status"] == "replaced"
    assert len(ended["chairs"]) == 2
    again = step(api, "forums", forum, "chairs", holder="TMF")
    assert again.json()["code"] == "wrong_status"


def test_minutes_are_approved_as_versions(api: Api, forum: Json) -> None:
    meeting = held(api, called(api, forum), MAYOR).json()
    step(api, "meetings", meeting, "minutes", minutes="Første udkast")
    objected = {"minutes_version": 1, "by": "KAB", "objection": "Punkt 2 mangler"}
    assert step(api, "meetings", meeting, "objections", **objected).status_code == 200
    step(api, "meetings", meeting, "minutes", minutes="Andet udkast")
    done = step(api, "meetings", meeting, "minutes-approvals", minutes_version=2, by="KAB").json()
    assert [m["approved_by"] is not None for m in done["minutes"]] == [False, True]
    late = step(api, "meetings", meeting, "objections", **(objected | {"minutes_version": 2}))
    assert codes(late) == ["minutes_approved"]
