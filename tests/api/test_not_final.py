"""What is not final, what is no longer one's own, and the assessment apart from the facts."""

from typing import Any

import pytest

from domain.access import Role
from tests.api.builders import Api, Json
from tests.api.crossing import CANARY, numbered
from tests.api.entry_point import enquiry, organisation

EVERY_WAY = {"item", "history", "receipt", "list", "search", "timeline", "report"}


def visible_to(api: Api, made: Json, at: int, **params: str) -> set[str]:
    """By which ways a contact is found; its topic and medium are nobody else's."""
    path, ways = f"/v1/contacts/{made['id']}", set()
    if api.seen(path, at, **params).status_code == 200:
        ways.add("item")
    if api.seen(f"{path}/history", at, **params).status_code == 200:
        ways.add("history")
    if not params and api.get(f"{path}/receipt").status_code == 200:
        ways.add("receipt")
    tag = made["topics"][0]
    for way, more in (("list", {}), ("search", {"text": tag})):
        found = api.items("/v1/contacts", at, topic=tag, include_retracted="true", **more, **params)
        ways |= {way} if found else set()
    party = made["organisations"][0]["id"]
    timeline = api.items(f"/v1/parties/{party}/timeline", at, **params)
    ways |= {"timeline"} if made["id"] in str(timeline) else set()
    report = api.seen("/v1/reports/contacts", at, medium=made["medium"], **params).json()
    return ways | ({"report"} if report["total"] else set())


def change(api: Api, made: Json, way: str, **body: Any) -> int:
    path = f"/v1/contacts/{made['id']}/{way}"
    answer = api.post(path, {"reason": "Rettet", **body}, headers={"If-Match": "*"})
    assert answer.is_success, answer.text
    return int(answer.json()["position"])


def one_of(api: Api, tag: str, **more: Any) -> Json:
    body: Json = {"topics": [tag], "medium": "workshop", "confidentiality": "open", "subject": tag}
    return api.log(**(body | more))


def test_a_councillor_sees_what_is_open_and_final(api: Api) -> None:
    councillor, kab = api.as_role(Role.COUNCILLOR), organisation(api)
    made = one_of(api, "forhandlet", negotiation=True)
    assert made["negotiation"] is True
    assert visible_to(councillor, made, made["position"]) == set()
    assert visible_to(kab, made, made["position"]) == EVERY_WAY, "it takes part"
    assert visible_to(organisation(api, "AAB"), made, made["position"]) == set()
    assert visible_to(api, made, made["position"]) == EVERY_WAY
    at = change(api, made, "corrections", negotiation=False)
    assert visible_to(councillor, made, at) == EVERY_WAY
    (step,) = councillor.items(f"/v1/contacts/{made['id']}/history", at)
    assert (step["version"], step["changes"], step["reason"]) == (2, [], None)
    assert step["summary_da"] == "Kontakt berigtiget"
    receipt = f"/v1/contacts/{made['id']}/receipt"
    assert councillor.get(receipt, params={"version": 1}).status_code == 404
    assert councillor.get(receipt, params={"version": 2}).status_code == 200
    at = change(api, made, "retraction")
    assert visible_to(councillor, made, at) == set(), "withdrawn is not final"
    assert visible_to(kab, made, at) == EVERY_WAY - {"timeline", "report"}


def test_staff_find_the_negotiated_among_the_open(api: Api) -> None:
    one_of(api, "a", negotiation=True)
    at = one_of(api, "b")["position"]
    assert len(api.items("/v1/contacts", at, confidentiality="open")) == 2
    for who, contacts in ((api, 2), (api.as_role(Role.COUNCILLOR), 1)):
        report = who.seen("/v1/reports/contacts", at, by="confidentiality").json()
        assert report["rows"] == [{"confidentiality": "open", "contacts": contacts}]


@pytest.mark.parametrize(
    ("role", "hiding"),
    [
        (Role.COUNCILLOR, {"confidentiality": "internal"}),
        (Role.COUNCILLOR, {"negotiation": True}),
        (Role.INTEGRATION, {"confidentiality": "restricted"}),
        (Role.ORGANISATION, {"confidentiality": "restricted"}),
        (Role.ORGANISATION, {"organisations": ["AAB"]}),
        (Role.MANAGER, {"kle": ["85.02"]}),
    ],
)
def test_what_was_made_hidden_is_hidden_in_its_past_too(api: Api, role: Role, hiding: Json) -> None:
    kab = organisation(api)
    viewer = {
        Role.ORGANISATION: kab,
        Role.MANAGER: api.as_role(Role.MANAGER, "kle:03.10"),
    }.get(role) or api.as_role(role)
    made = one_of(api, "blotlagt", kle=["03.10.24"], assessment=CANARY)
    then = str(made["position"])
    assert visible_to(viewer, made, made["position"]) == EVERY_WAY
    both = one_of(api, "blotlagt", kle=["03.10.24"], subject="bagved")["position"]
    page = viewer.seen("/v1/contacts", both, topic="blotlagt", limit=1).json()
    at = change(api, made, "corrections", **hiding)
    assert visible_to(viewer, made, at) == {"list", "search", "report", "timeline"} - {
        "timeline"
    }, "of the other one"
    for params in (
        {"as_of_recorded": then},
        {"as_of_recorded": then, "as_of_effective": "2999-01-01"},
    ):
        assert visible_to(viewer, made, at, **params) == set()
    assert visible_to(api, made, at, as_of_recorded=then) == EVERY_WAY - {"receipt"}
    further = {"topic": "blotlagt", "limit": "1", "cursor": page["next"]}
    answer = viewer.get("/v1/contacts", params=further)
    assert answer.status_code == 200 and made["id"] not in answer.text


def test_an_open_enquiry_s_contact_is_not_final_until_it_is_closed(api: Api) -> None:
    councillor = api.as_role(Role.COUNCILLOR)
    body = enquiry(topics=["afventer"], confidentiality="open", medium="workshop")
    received = api.post("/v1/enquiries", body).json()
    at, path = received["position"], f"/v1/enquiries/{received['id']}"
    made = api.seen(f"/v1/contacts/{received['contact_id']}", at).json()
    assert visible_to(councillor, made, at) == set()
    assert visible_to(api, made, at) == EVERY_WAY
    assert visible_to(organisation(api), made, at) == EVERY_WAY
    closing = {"closing": "withdrawn", "waive": "KAB trak den tilbage"}
    closed = api.post(f"{path}/closures", closing, headers={"If-Match": "*"})
    assert closed.is_success, closed.text
    at = closed.json()["position"]
    assert visible_to(councillor, made, at) == EVERY_WAY
    (step,) = councillor.items(f"/v1/contacts/{made['id']}/history", at)
    assert step["version"] == 1
    again = api.post(f"{path}/reopenings", {"reason": "x"}, headers={"If-Match": "*"})
    at = again.json()["position"]
    assert visible_to(councillor, made, at) == set()
    assert visible_to(api, made, at) == EVERY_WAY
    assert len(api.items(f"/v1/contacts/{made['id']}/history", at)) == 1


# ── the assessment apart from the facts ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", [Role.ORGANISATION, Role.COUNCILLOR])
def test_of_an_assessment_nothing_shows_but_that_something_was_corrected(
    api: Api, role: Role
) -> None:
    viewer = organisation(api) if role is Role.ORGANISATION else api.as_role(role)
    with_one = one_of(api, "vurderet", assessment=f"{CANARY} svag sag")
    without = one_of(api, "vurderet")
    at = without["position"]
    for words in (CANARY, "svag", f'"{CANARY} svag"'):
        assert viewer.items("/v1/contacts", at, text=words) == []
    assert len(viewer.items("/v1/contacts", at, text="-svag vurderet")) == 2
    for part in ("", "/history"):
        paths = [f"/v1/contacts/{made['id']}{part}" for made in (with_one, without)]
        answers = [viewer.seen(path, at) for path in paths]
        assert numbered(answers[0]) == numbered(answers[1])
        sizes = {len(answer.content) - len(str(at)) for answer in answers}
        assert max(sizes) - min(sizes) <= 4, "positions alone differ in length"
        assert answers[0].headers.get("etag") == answers[1].headers.get("etag")
    at = change(api, with_one, "corrections", assessment=f"{CANARY} stærk sag")
    steps = viewer.items(f"/v1/contacts/{with_one['id']}/history", at)
    assert CANARY not in str(steps) and "assessment" not in str(steps)
    assert (steps[1]["changes"], steps[1]["reason"]) == ([], None)
    assert steps[1]["summary_da"] == "Kontakt berigtiget"
    whole = api.items(f"/v1/contacts/{with_one['id']}/history", at)
    assert whole[1]["reason"] == "Rettet"


def test_a_reason_that_explains_a_participant_is_not_told_to_who_sees_no_persons(api: Api) -> None:
    made = one_of(api, "deltager", participants=[{"name": "Kim Eksempel", "role": "formand"}])
    at = change(api, made, "corrections", participants=[])
    steps = api.as_role(Role.COUNCILLOR).items(f"/v1/contacts/{made['id']}/history", at)
    assert [step["reason"] for step in steps] == [None, None]
    assert "Kim" not in str(steps)
    assert organisation(api).items(f"/v1/contacts/{made['id']}/history", at)[1]["reason"]
