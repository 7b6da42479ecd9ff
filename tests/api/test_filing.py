"""Filing a contact on several things at once, and the trail of it."""

import pytest

from domain.access import Role
from tests.api.builders import Api, Json
from tests.api.entry_point import party_id, receive, take

UNKNOWN = "0192f3a0-7c00-7abc-8def-001122334455"
MANY = [
    {"kind": "case", "target": "2009-116302"},
    {"kind": "meeting", "target": "M-1"},
    {"kind": "commitment", "target": "T-1"},
    {"kind": "document", "target": "2010-140582"},
]


def file(api: Api, contact: Json, filings: list[Json], **more: str) -> Json:
    path = f"/v1/contacts/{contact['id']}/filings"
    answer = api.post(path, {"filings": filings, **more}, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text
    filed: Json = answer.json()
    return filed


def test_a_contact_is_filed_on_several_things_as_one(api: Api) -> None:
    received, logged = receive(api), api.log()
    filings = [*MANY, {"kind": "enquiry", "target": received["id"]}]
    filed = file(api, logged, filings, reason="Hører sammen")
    assert [{"kind": x["kind"], "target": x["target"]} for x in filed["links"]] == filings
    assert filed["version"] == 1 + len(filings)
    assert filed["position"] == logged["position"] + len(filings), "one fact of the log"
    shown = api.seen(f"/v1/contacts/{logged['id']}", filed["position"]).json()
    assert shown == filed
    assert api.items("/v1/contacts", filed["position"], case_number="2009-116302")


def test_the_trail_tells_by_whom_when_and_why_and_until_when(api: Api) -> None:
    logged = api.log(enquiry="E-1", meeting="M-0")
    filed = file(api, logged, MANY[:2], reason="Hører sammen")
    path = f"/v1/contacts/{logged['id']}"
    link = filed["links"][0]["link_id"]
    desk = api.as_role(Role.ENTRY_DESK)
    headers = {"If-Match": "*"}
    removed = desk.post(f"{path}/links/{link}/removal", {"reason": "Fejl"}, headers=headers).json()
    trail = api.items(f"{path}/filings", removed["position"])
    assert [(x["kind"], x["target"], x["link_id"] is None) for x in trail] == [
        ("enquiry", "E-1", True),
        ("meeting", "M-0", True),
        ("case", "2009-116302", False),
        ("meeting", "M-1", False),
    ]
    case = trail[2]
    assert (case["filed"]["role"], case["filed"]["reason"]) == ("case_officer", "Hører sammen")
    assert (case["unfiled"]["role"], case["unfiled"]["reason"]) == ("entry_desk", "Fejl")
    assert case["filed"]["recorded_at"] < case["unfiled"]["recorded_at"]
    assert [x["unfiled"] for x in trail if x is not case] == [None, None, None]
    before = api.get(f"{path}/filings", params={"as_of_recorded": filed["position"]}).json()
    assert [x["unfiled"] for x in before["items"]] == [None] * 4


def test_a_filing_sent_again_is_answered_as_the_first_time(api: Api) -> None:
    logged = api.log()
    path, headers = f"/v1/contacts/{logged['id']}/filings", {"Idempotency-Key": "arkiv-1"}
    body = {"filings": MANY}
    first = api.post(path, body, headers=headers | {"If-Match": '"1"'})
    file(api, logged, [{"kind": "case", "target": "en anden"}])
    second = api.post(path, body, headers=headers | {"If-Match": '"1"'})
    assert (second.status_code, second.content) == (200, first.content)


def test_all_is_filed_or_nothing_and_every_fault_is_told(api: Api) -> None:
    logged = api.log()
    file(api, logged, MANY[:1])
    wrong = [
        MANY[0],
        MANY[1],
        MANY[1],
        {"kind": "enquiry", "target": UNKNOWN},
        {"kind": "enquiry", "target": "skrivefejl"},
    ]
    path = f"/v1/contacts/{logged['id']}"
    answer = api.post(f"{path}/filings", {"filings": wrong}, headers={"If-Match": "*"})
    assert answer.status_code == 422
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [
        ("/filings/0", "link_exists"),
        ("/filings/2", "link_exists"),
        ("/filings/3/target", "unknown_enquiry"),
        ("/filings/4/target", "unknown_enquiry"),
    ]
    assert len(api.items(f"{path}/filings", logged["position"] + 1)) == 1


@pytest.mark.parametrize("state", ["closed", "merged"])
def test_filing_asks_nothing_of_the_enquiry(api: Api, state: str) -> None:
    received, logged = receive(api), api.log()
    if state == "closed":
        take(api, received["id"], "closures", waive="aftalt")
    else:
        take(api, received["id"], "merges", into=receive(api)["id"], reason="samme")
    filed = file(api, logged, [{"kind": "enquiry", "target": received["id"]}])
    assert filed["links"][0]["target"] == received["id"]


def test_an_enquiry_one_may_not_see_is_unknown_when_filing(api: Api) -> None:
    hidden = receive(api, sender="AAB", administrations=["ØKF"])
    tmf = api.as_role(Role.CASE_OFFICER, f"unit:{party_id(api, 'TMF')}")
    logged = tmf.log()
    answers = [
        tmf.post(
            f"/v1/contacts/{logged['id']}/filings",
            {"filings": [{"kind": "enquiry", "target": target}]},
            headers={"If-Match": "*"},
        ).json()
        for target in (hidden["id"], UNKNOWN)
    ]
    assert answers[0]["errors"] == answers[1]["errors"]


@pytest.mark.parametrize("count", [0, 51])
def test_one_to_fifty_things_are_filed_at_once(api: Api, count: int) -> None:
    logged = api.log()
    filings = [{"kind": "case", "target": str(n)} for n in range(count)]
    path = f"/v1/contacts/{logged['id']}/filings"
    assert api.post(path, {"filings": filings}, headers={"If-Match": "*"}).status_code == 400


def test_a_filing_needs_the_version_and_a_contact_one_may_see(api: Api) -> None:
    logged = api.log(organisations=["AAB"])
    path = f"/v1/contacts/{logged['id']}/filings"
    assert api.post(path, {"filings": MANY}).status_code == 428
    stale = api.post(path, {"filings": MANY}, headers={"If-Match": '"7"'})
    assert (stale.status_code, stale.json()["current"]) == (412, 1)
    other = api.as_role(Role.CASE_OFFICER, f"party:{party_id(api, 'KAB')}")
    for match in ("*", '"7"'):
        assert other.post(path, {"filings": MANY}, headers={"If-Match": match}).status_code == 404
    assert other.seen(path, logged["position"]).status_code == 404
