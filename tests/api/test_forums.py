"""Forums, chair seats and meetings over the API: the Lord Mayor's option, and who chaired what."""

from typing import Any

import pytest

from api.commands.registers import act_sync
from domain.access import Principal, Role
from domain.errors import Refused
from domain.meetings.commands import HoldMeeting
from domain.registers import REGISTERS
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


def unnamed(api: Api, **more: Any) -> Json:
    """A meeting of the forum whose caller left the forum's record out."""
    body = {"title": "Møde", "forums": ["Partnerskabsforum"], "planned": "2010-02-22", **more}
    answer = api.post("/v1/meetings", body)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def seated_since(api: Api, day: str, **more: Any) -> Json:
    """The record of the forum, whose seat is held from a day on."""
    for name, kind in ((MAYOR, "person_role"), ("Partnerskabsforum", "forum")):
        if not api.items("/v1/parties", 1, key=name):
            api.party(name, kind)
    body = {"forum": "Partnerskabsforum", "chairs": [{"holder": MAYOR}], "occurred": day, **more}
    made: Json = api.post("/v1/forums", body).json()
    assert step(api, "forums", made, "establishment", occurred=day).status_code == 200
    return made


def test_leaving_the_forum_s_record_out_is_no_way_past_its_seats(api: Api) -> None:
    api.party("Partnerskabsforum", "forum")
    before = unnamed(api)
    assert before["forum_records"] == []
    forum = seated_since(api, "2010-02-01")
    after = unnamed(api)
    assert after["forum_records"] == [forum["id"]]
    for meeting in (before, after):
        assert codes(held(api, meeting, "TMF")) == ["not_chairing"]
        assert held(api, meeting, MAYOR).status_code == 200


def test_a_stranger_chairs_where_no_seat_is_told_of_that_day(api: Api) -> None:
    seated_since(api, "2010-02-23")
    meeting = unnamed(api)
    assert meeting["forum_records"] == []
    assert held(api, meeting, "TMF").status_code == 200


def test_who_may_not_know_of_a_forum_is_told_nothing_of_its_seats(api: Api) -> None:
    forum = seated_since(api, "2010-02-01", confidentiality="restricted")
    outsider = api.as_role(Role.INTEGRATION)
    meeting = unnamed(outsider)
    assert meeting["forum_records"] == []
    answers = [held(outsider, meeting, chair) for chair in (MAYOR, "TMF")]
    assert [codes(answer) for answer in answers] == [["not_chairing"], ["not_chairing"]]
    told = [{**answer.json(), "request_id": ""} for answer in answers]
    assert told[0] == told[1]
    assert forum["id"] not in answers[0].text
    unknown = {"occurred": "2010-02-22", "chair_unknown": True}
    assert step(outsider, "meetings", meeting, "holding", **unknown).status_code == 200
    assert held(api, unnamed(outsider), MAYOR).status_code == 200


def test_a_forum_proposed_with_seats_is_told_in_the_same_bytes_again(api: Api) -> None:
    body = {"forum": "BL", "chairs": [{"holder": "TMF"}, {"holder": "ØKF"}]}
    key = {"Idempotency-Key": "to poster"}
    first, again = (api.post("/v1/forums", body, headers=key) for _ in range(2))
    assert (first.status_code, first.json()["version"]) == (201, 3)
    assert again.content == first.content


def test_the_command_line_and_imports_meet_the_same_seats(api: Api) -> None:
    seated_since(api, "2010-02-01")
    meeting = unnamed(api)
    principal = Principal("cli", Role.CASE_OFFICER)

    def hold(**fields: Any) -> Any:
        command = HoldMeeting.model_validate({"occurred": "2010-02-22", **fields}, strict=False)
        return act_sync(
            api.services,
            principal,
            REGISTERS["meetings"],
            command,
            via="cli",
            step="holding",
            record_id=meeting["id"],
        )

    with pytest.raises(Refused, match="not_chairing"):
        hold(chaired_by=["TMF"])
    assert hold(chair_unknown=True).version == 2
