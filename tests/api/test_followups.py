"""Follow-ups over the API: agreed, moved, handed on, done; who sees what, and where they stand."""

from typing import Any

import pytest

from domain.access import Role
from tests.api.builders import Api

Json = dict[str, Any]
NOBODY = "0192f3a0-7c00-7abc-8def-00ffffffffff"
"""The id of no record."""


def followup(**more: Any) -> Json:
    body: Json = {"owner": "TMF", "concerns": ["KAB"], "what": "Ring tilbage", "due": "2099-06-14"}
    return body | more


def agreed(api: Api, **more: Any) -> Json:
    answer = api.post("/v1/followups", followup(**more))
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def step(api: Api, record: Json, name: str, body: Json, version: str = "*") -> Any:
    path = f"/v1/followups/{record['id']}/{name}"
    return api.post(path, body, headers={"If-Match": version})


def stepped(api: Api, record: Json, name: str, **body: Any) -> Json:
    answer = step(api, record, name, body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def party(api: Api, key: str) -> str:
    return str(api.items("/v1/parties", api.services.log.head(), key=key)[0]["id"])


def test_it_is_agreed_and_read_with_the_same_bytes(api: Api) -> None:
    answer = api.post("/v1/followups", followup(internal="kun for os"))
    body = answer.json()
    assert answer.headers["location"] == f"/v1/followups/{body['id']}"
    again = api.seen(f"/v1/followups/{body['id']}", body["position"])
    assert again.content == answer.content
    assert (body["status"], body["remind_days"], body["reminded"]) == ("open", 7, None)
    assert (body["owner"]["name"], body["confidentiality"]) == (
        "Teknik- og Miljøforvaltningen",
        "internal",
    )


def test_its_whole_life_stands_in_its_history(api: Api) -> None:
    record = agreed(api, contact=api.log()["id"])
    moved = stepped(api, record, "reschedulings", due="2099-06-21", reason="Afventer tegninger")
    assert (moved["rescheduled"], moved["first_due"]["last_day"]) == (1, "2099-06-14")
    handed = stepped(api, record, "handings", owner="ØKF", reason="Det er en økonomisag")
    assert [owner["id"] for owner in handed["earlier_owners"]] == [record["owner"]["id"]]
    evidence = {"evidence_kind": "contact", "evidence": api.log()["id"]}
    done = stepped(api, record, "completion", note="Ringet op", **evidence)
    assert (done["status"], done["late"], done["overdue"]) == ("done", False, False)
    history = api.items(f"/v1/followups/{record['id']}/history", done["position"])
    assert [each["type"] for each in history] == [
        "followup.agreed/1",
        "followup.rescheduled/1",
        "followup.handed/1",
        "followup.done/1",
    ]
    assert [each["words"] and each["words"]["reason"] for each in history[1:]] == [
        "Afventer tegninger",
        "Det er en økonomisag",
        "Ringet op",
    ]


def test_it_comes_from_a_contact_a_meeting_or_a_commitment(api: Api) -> None:
    promise = {"by": "TMF", "to": ["KAB"], "promised": "Svar"}
    meeting = {"title": "Møde", "forums": ["BL"], "planned": "2099-01-10"}
    origins = {
        "contact": api.log()["id"],
        "meeting": api.post("/v1/meetings", meeting).json()["id"],
        "commitment": api.post("/v1/commitments", promise).json()["id"],
    }
    record = agreed(api, **origins)
    for noun, origin in origins.items():
        assert record[noun] == origin
        found = api.items("/v1/followups", record["position"], **{noun: origin})
        assert [each["id"] for each in found] == [record["id"]]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"contact": NOBODY}, "record_unknown"),
        ({"meeting": NOBODY}, "record_unknown"),
        ({"commitment": NOBODY}, "record_unknown"),
        ({"owner": "Ingen"}, "unknown_party"),
        ({"occurred": "2099-01-01"}, "occurred_in_future"),
    ],
)
def test_what_is_wrong_with_a_follow_up_is_told_by_code(
    shared_api: Api, body: Json, code: str
) -> None:
    answer = shared_api.post("/v1/followups", followup(**body))
    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == [code]


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("reschedulings", {"due": "2099-06-14", "reason": "ferie"}, "nothing_changed"),
        ("handings", {"owner": "TMF", "reason": "ferie"}, "nothing_changed"),
        ("handings", {"owner": "Ingen", "reason": "ferie"}, "unknown_party"),
        ("completion", {"evidence_kind": "document", "evidence": NOBODY}, "record_unknown"),
        ("completion", {"occurred": "2099-01-01"}, "occurred_in_future"),
    ],
)
def test_what_is_wrong_with_a_step_is_told_by_code(
    shared_api: Api, name: str, body: Json, code: str
) -> None:
    answer = step(shared_api, agreed(shared_api), name, body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_what_was_dropped_goes_no_further(shared_api: Api) -> None:
    record = agreed(shared_api)
    assert stepped(shared_api, record, "dropping", reason="trukket")["status"] == "dropped"
    again = step(shared_api, record, "completion", {})
    assert (again.status_code, again.json()["code"]) == (422, "wrong_status")


def test_half_an_evidence_is_none(shared_api: Api) -> None:
    answer = step(shared_api, agreed(shared_api), "completion", {"evidence": NOBODY})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")


@pytest.mark.parametrize(("days", "status"), [(-1, 400), (0, 201), (365, 201), (366, 400)])
def test_one_is_reminded_at_most_a_year_ahead(shared_api: Api, days: int, status: int) -> None:
    answer = shared_api.post("/v1/followups", followup(remind_days=days))
    assert answer.status_code == status
    if status == 400:
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/remind_days"]


def test_who_steps_it_says_which_version(shared_api: Api) -> None:
    record = agreed(shared_api)
    stale = step(shared_api, record, "dropping", {"reason": "trukket"}, '"7"')
    assert stale.status_code == 412


def test_the_list_is_asked_by_owner_whom_it_concerns_and_in_the_order_of_days(api: Api) -> None:
    agreed(api, due="2099-03", concerns=["KAB", "AAB"])
    agreed(api, due="2099-01", concerns=["KAB", "AAB"])
    record = agreed(api, owner="ØKF", due="2099-02", concerns=["KAB", "AAB"])
    head = agreed(api, concerns=[], topics=["tag"])["position"]

    def listed(**params: str) -> list[str]:
        found = api.items("/v1/followups", head, sort="day", **params)
        return [each["due"]["last_day"] for each in found]

    first = ["2099-01-31", "2099-03-31"]
    assert listed(owner="TMF", concerns="AAB") == first
    assert listed(concerns="KAB", day_to="2099-02-28") == ["2099-01-31", "2099-02-28"]
    assert listed(party="ØKF") == ["2099-02-28"]
    assert listed(topic="tag") == ["2099-06-14"]
    handed = stepped(api, record, "handings", owner="TMF", reason="deres sag")
    head = handed["position"]
    assert listed(owner="ØKF") == []
    assert listed(party="ØKF") == ["2099-02-28"], "who had it goes on seeing it"


def test_an_organisation_sees_its_own_without_what_is_internal(api: Api) -> None:
    contact = api.log()
    record = agreed(api, internal="kun for os", contact=contact["id"])
    stepped(api, record, "handings", owner="ØKF", reason="hemmelig grund")
    last = stepped(api, record, "completion", note="hemmeligt notat")
    own = api.as_role(Role.ORGANISATION, f"party:{party(api, 'KAB')}")
    shown = own.seen(f"/v1/followups/{record['id']}", last["position"])
    assert set(shown.json()) == {
        *("id", "version", "status", "confidentiality", "position", "recorded_at", "changed_at"),
        *("owner", "concerns", "what", "due", "first_due", "counting_due", "rescheduled"),
        *("occurred", "meeting", "topics", "done", "dropped", "late", "overdue"),
    }
    history = own.get(f"/v1/followups/{record['id']}/history")
    assert len(history.json()["items"]) == 3
    timeline = own.get(f"/v1/parties/{party(api, 'KAB')}/timeline")
    for text in (shown.text, history.text, timeline.text):
        assert "kun for os" not in text and "hemmelig" not in text
    assert contact["id"] not in shown.text + history.text
    other = api.as_role(Role.ORGANISATION, f"party:{party(api, 'AAB')}")
    assert other.get(f"/v1/followups/{record['id']}").status_code == 404


def test_internal_ones_are_not_for_councillors_and_open_ones_are(api: Api) -> None:
    closed = agreed(api)
    shown = agreed(api, confidentiality="open")
    councillor = api.as_role(Role.COUNCILLOR)
    found = councillor.items("/v1/followups", shown["position"])
    assert [each["id"] for each in found] == [shown["id"]]
    assert councillor.get(f"/v1/followups/{closed['id']}").status_code == 404


def test_a_unit_hands_on_what_it_had_and_goes_on_seeing_it(api: Api) -> None:
    unit = api.as_role(Role.CASE_OFFICER, f"unit:{party(api, 'TMF')}")
    record = agreed(unit, concerns=[])
    handed = stepped(unit, record, "handings", owner="ØKF", reason="deres sag")
    assert unit.seen(f"/v1/followups/{record['id']}", handed["position"]).status_code == 200
    refused = unit.post("/v1/followups", followup(owner="ØKF", concerns=[]))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


def test_it_stands_in_the_timeline_of_all_whom_it_concerns(api: Api) -> None:
    record = agreed(api, occurred="2010-02-22")
    last = stepped(api, record, "completion", occurred="2010-02-24")
    for key in ("TMF", "KAB"):
        entries = api.items(f"/v1/parties/{party(api, key)}/timeline", last["position"])
        found = [entry for entry in entries if entry.get("record")]
        assert [e["step"]["type"] for e in found] == ["followup.done/1", "followup.agreed/1"]
        assert found[0]["record"] == {"register": "followups", "id": record["id"]}


def test_what_is_not_done_belongs_to_the_preparation_of_a_meeting(api: Api) -> None:
    standing, done = agreed(api), agreed(api)
    head = stepped(api, done, "completion")["position"]
    pack = api.seen(f"/v1/parties/{party(api, 'KAB')}/briefing", head).json()
    assert [each["id"] for each in pack["followups"]] == [standing["id"]]


def test_as_of_before_a_step_it_had_not_happened(api: Api) -> None:
    record = agreed(api, occurred="2010-02-22")
    last = stepped(api, record, "completion", occurred="2010-02-24")
    path = f"/v1/followups/{record['id']}"
    assert api.seen(path, last["position"]).json()["status"] == "done"
    assert api.get(path, params={"as_of_recorded": record["position"]}).json()["status"] == "open"
    for day, status in (("2010-02-23", "open"), ("2010-02-24", "done")):
        assert api.get(path, params={"as_of_effective": day}).json()["status"] == status
    assert api.get(path, params={"as_of_effective": "2010-02-21"}).status_code == 404


def test_the_same_source_is_the_same_follow_up(api: Api) -> None:
    source = {"system": "esdh", "id": "17"}
    first = api.post("/v1/followups", followup(source=source))
    again = api.post("/v1/followups", followup(source=source))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
