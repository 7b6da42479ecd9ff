"""R8, the new structure must not hinder direct, ongoing contact: it needs nobody's leave.

Whatever stands at the entry point or in a register, a direct contact is taken as what it is. Being
turned away is told by the organisation itself, and K5 to K7 see when the direct door closes.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.commands import STEPS
from api.http import examples
from api.settings import Settings
from domain.access import Role
from domain.registers import REGISTERS
from domain.routing import AdoptRoutingRule
from tests.api.builders import Api, Json, contact
from tests.api.entry_point import example, organisation, receive, step, take
from tests.api.record_stage import ANY, a_record, fitting

LOGGING = [
    Role.CASE_OFFICER,
    Role.ENTRY_DESK,
    Role.MANAGER,
    Role.RECORDS_OFFICER,
    Role.INTEGRATION,
    Role.ORGANISATION,
]
ADMINISTRATIONS, ORGANISATIONS = ("TMF", "ØKF"), ("KAB", "AAB", "BL")
TO_NOTHING: Json = {"enquiry": None, "meeting": None, "case_numbers": [], "links": []}
SUBJECT = "Anvisning i Sydhavnen"


def asking(api: Api, role: Role, key: str = "KAB") -> Api:
    return organisation(api, key) if role is Role.ORGANISATION else api.as_role(role)


def lens(api: Api, made: Json, administration: str = "TMF", other: str = "KAB") -> str | None:
    """As what a contact stands between a pair; None when it does not."""
    path = f"/v1/direct-contact/pairs/{administration}/{other}"
    found = api.items(path, made["position"], limit=500)
    lenses = [each["lens"] for each in found if each["contact"]["id"] == made["id"]]
    return lenses[0] if lenses else None


def hindered(
    api: Api, answer: Any, administration: str = "TMF", other: str = "KAB"
) -> Iterator[str]:
    """Tell what became of a direct contact other than being taken as what it is."""
    if answer.status_code != 201:
        yield f"refused: {answer.text}"
        return
    made = answer.json()
    shown = api.seen(f"/v1/contacts/{made['id']}", made["position"]).json()
    for told in (made, shown):
        yield from (f"channel is {told['channel']}" for _ in "x" if told["channel"] != "direct")
        bound = {name: told.get(name) for name in TO_NOTHING}
        yield from (f"bound to {bound}" for _ in "x" if bound != TO_NOTHING)
    if (seen := lens(api, made, administration, other)) != "direct":
        yield f"stands as {seen}"


# ── it needs nothing before it ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("direction", ["inbound", "outbound", "mutual"])
@pytest.mark.parametrize("role", LOGGING)
def test_r8_whoever_logs_contacts_logs_a_direct_one_with_nothing_before_it(
    shared_api: Api, role: Role, direction: str
) -> None:
    who = asking(shared_api, role)
    answer = who.post("/v1/contacts", contact(direction=direction))
    assert list(hindered(who, answer)) == []


def test_r8_a_contact_that_was_not_taken_as_direct_is_found_out(shared_api: Api) -> None:
    for odd in (
        contact(channel="entry_point"),
        contact(enquiry="E-1"),
        contact(case_numbers=["2009-116302"]),
        contact(administrations=["ØKF"]),
        contact(channel="efter tilladelse"),
    ):
        assert list(hindered(shared_api, shared_api.post("/v1/contacts", odd))) != []


# ── whatever stands beside it ────────────────────────────────────────────────────────────────────


def to_another(api: Api) -> None:
    take(api, receive(api, subject=SUBJECT)["id"], "routes", to="ØKF")


def rule_for_all(api: Api) -> None:
    rule = {"name": "Alt til ØKF", "to": "ØKF", "automatic": True, "valid_from": "2010-01-01"}
    for more in ({}, {"organisations": ["KAB"], "match": {"topics": ["anvisning"]}}):
        body = {**rule, "priority": 1000, **more}
        answer = api.as_role(Role.ENTRY_DESK).post("/v1/routing-rules", body)
        assert answer.status_code == 201, answer.text
    assert receive(api, subject=SUBJECT, topics=["anvisning"])["phase"] == "routed"


def negotiating(api: Api) -> None:
    made = api.post("/v1/agreements", {"title": SUBJECT, "parties": ["TMF", "KAB"]}).json()
    path = f"/v1/agreements/{made['id']}/negotiation"
    assert api.post(path, {}, headers=ANY).status_code == 200


def concluded(api: Api) -> None:
    a_record(api, REGISTERS["agreements"], "report_agreement_status")


def a_forum_for_it(api: Api) -> None:
    forum = {"forum": "KAB", "purpose": "Al kontakt går gennem forummet", "chairs": []}
    made = api.post("/v1/forums", forum).json()
    path = f"/v1/forums/{made['id']}/establishment"
    members = {"members": [{"party": "KAB"}, {"party": "TMF"}]}
    assert api.post(path, members, headers=ANY).status_code == 200


def turned_away(api: Api) -> None:
    for way in ("redirections", "refusals"):
        for side in ("organisation", "administration"):
            body = {**examples.REPORT_REDIRECTED, "side": side}
            assert api.post(f"/v1/direct-contact/{way}", body).status_code == 201


def overdue(api: Api) -> None:
    receive(api, subject=SUBJECT, received="2010-02-22")


def pending_everywhere(api: Api) -> None:
    for register in REGISTERS.values():
        a_record(api, register)


BESIDE = {
    "an open enquiry": lambda api: receive(api, subject=SUBJECT),
    "an overdue enquiry": overdue,
    "an enquiry that is another's": to_another,
    "a rule for everything": rule_for_all,
    "negotiations": negotiating,
    "an agreement": concluded,
    "a forum": a_forum_for_it,
    "having been turned away": turned_away,
    "a record in every register": pending_everywhere,
}


@pytest.mark.parametrize("beside", BESIDE)
def test_r8_whatever_stands_beside_it_a_direct_contact_is_taken(api: Api, beside: str) -> None:
    BESIDE[beside](api)
    body = contact(subject=SUBJECT, topics=["anvisning"], kle=["27.03.04"])
    for role in LOGGING:
        who = asking(api, role)
        assert list(hindered(who, who.post("/v1/contacts", body))) == [], role


def test_r8_it_stays_direct_whatever_becomes_of_the_enquiry_it_is_filed_on(api: Api) -> None:
    received, other = receive(api, subject=SUBJECT), receive(api)
    made = api.log(subject=SUBJECT)
    path = f"/v1/contacts/{made['id']}"
    filing = {"filings": [{"kind": "enquiry", "target": received["id"]}]}
    filed = api.post(f"{path}/filings", filing, headers={"If-Match": "*"})
    assert filed.status_code == 200, filed.text
    for name, body in (
        ("routes", {"to": "ØKF"}),
        ("answers", {"answer_kind": "refusal", "by": "ØKF"}),
        ("closures", {"waive": "Kun gennem indgangen"}),
        ("reopenings", {"reason": "igen"}),
        ("merges", {"into": other["id"], "reason": "samme"}),
    ):
        at = take(api, received["id"], name, **body)["position"]
        shown = api.seen(path, at).json()
        assert (shown["channel"], shown["version"]) == ("direct", filed.json()["version"]), name
        assert lens(api, {**shown, "position": at}) == "direct"


# ── nothing can be made to ask for more ──────────────────────────────────────────────────────────

DOORS = {
    "/v1/contacts": {
        "channel",
        "direction",
        "medium",
        "occurred",
        "administrations",
        "subject",
    },
    "/v1/direct-contact/redirections": {"administration", "organisation", "medium", "occurred"},
    "/v1/direct-contact/refusals": {"administration", "organisation", "medium", "occurred"},
}
LEAVE = re.compile(
    r"enquir|entry|case|permi|allow|approv|grant|meeting|route|routing|rule|forum|agreement|desk"
)
"""What a direct contact must never need: something of the entry point's, or somebody's leave."""


def demands(document: Json, schema: Json, at: str = "", seen: tuple[str, ...] = ()) -> set[str]:
    """Every member that a body, or anything within it, must have: `/participants/name`."""
    if (reference := schema.get("$ref")) is not None:
        if reference in seen:
            return set()
        model = document["components"]["schemas"][reference.rpartition("/")[2]]
        return demands(document, model, at, (*seen, reference))
    found = {f"{at}/{name}" for name in schema.get("required", [])}
    for name, inner in schema.get("properties", {}).items():
        found |= demands(document, inner, f"{at}/{name}", seen)
    parts = [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]
    parts += [schema["items"]] if isinstance(schema.get("items"), dict) else []
    for part in parts:
        found |= demands(document, part, at, seen)
    return found


def own(members: set[str]) -> set[str]:
    """Those of the body itself."""
    return {member[1:] for member in members if member.count("/") == 1}


def asked_for(document: Json, path: str) -> set[str]:
    """What a door demands, in its body, its query and its headers."""
    operation = document["paths"][path]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    headers = {f"/{p['name']}" for p in operation.get("parameters", []) if p.get("required")}
    return demands(document, schema) | headers


@pytest.mark.parametrize("path", DOORS)
def test_r8_no_command_of_direct_contact_must_name_an_enquiry_a_case_or_a_permission(
    shared_api: Api, path: str
) -> None:
    found = asked_for(shared_api.get("/v1/openapi.json").json(), path)
    assert own(found) == DOORS[path]
    assert [member for member in found if LEAVE.search(member.rpartition("/")[2])] == []


@pytest.mark.parametrize(
    "change",
    [
        {"required": ["enquiry"]},
        {"properties": {"participants": {"items": {"required": ["permission"]}}}},
        {"anyOf": [{"required": ["case_number"]}, {"required": ["enquiry"]}]},
        {"allOf": [{"$ref": "#/components/schemas/Leave"}]},
    ],
)
def test_r8_a_command_that_demands_somebodys_leave_is_found_out(change: Json) -> None:
    document = {"components": {"schemas": {"Leave": {"required": ["approved_by"]}}}}
    assert any(LEAVE.search(member) for member in demands(document, change))


def test_r8_no_setting_and_no_routing_rule_is_about_direct_contact() -> None:
    """A new setting or member that is about it is a decision: it must not hinder it."""
    words = re.compile(r"direct_?contact|channel|enquir|entry_?point|permission|only_through")
    settings_named = set(Settings.model_fields)
    assert [name for name in settings_named if words.search(name)] == []
    described = {name: info.description or "" for name, info in Settings.model_fields.items()}
    assert [n for n, text in described.items() if words.search(text.replace(" ", "_"))] == []
    rule = set(AdoptRoutingRule.model_fields)
    assert rule == {
        "name",
        "match",
        "organisations",
        "to",
        "automatic",
        "priority",
        "valid_from",
        "valid_to",
    }


def test_r8_no_rule_can_be_adopted_that_is_about_direct_contact(shared_api: Api) -> None:
    desk = shared_api.as_role(Role.ENTRY_DESK)
    for more in ({"channel": "direct"}, {"exclusive": True}, {"requires": "enquiry"}):
        answer = desk.post("/v1/routing-rules", examples.ADOPT_ROUTING_RULE | more)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")


# ── turned away ──────────────────────────────────────────────────────────────────────────────────


def told(api: Api, way: str, **more: Any) -> Json:
    answer = api.post(f"/v1/direct-contact/{way}", examples.REPORT_REFUSED | more)
    assert answer.status_code == 201, answer.text
    account: Json = answer.json()
    return account


def test_r8_who_was_turned_away_says_so_and_nobody_on_the_other_side_takes_it_off(
    api: Api,
) -> None:
    kab = organisation(api)
    theirs = told(kab, "refusals", told="Vi fik nej")
    ours = told(api, "redirections", about=theirs["id"], told="Vi henviste kun")
    path = f"/v1/direct-contact/accounts/{theirs['id']}/withdrawal"
    for role in Role:
        if role is not Role.ORGANISATION:
            answer = api.as_role(role).post(path, {"reason": "x"}, headers={"If-Match": "*"})
            assert answer.status_code in {403, 422}, role
    (attempt,) = api.items("/v1/direct-contact/turned-away", ours["position"])
    for side, account in (("organisation", theirs), ("administration", ours)):
        (shown,) = attempt["accounts"][side]
        assert (shown["id"], shown["told"]) == (account["id"], account["told"])
    gone = api.post(
        f"/v1/direct-contact/accounts/{ours['id']}/withdrawal",
        {"reason": "Vores egen"},
        headers={"If-Match": "*"},
    )
    (attempt,) = api.items("/v1/direct-contact/turned-away", gone.json()["position"])
    assert [shown["id"] for shown in attempt["accounts"]["organisation"]] == [theirs["id"]]


# ── K5 to K7 see it when the direct door closes ──────────────────────────────────────────────────

WINDOWS = {
    "baseline_from": "2009-01-01",
    "baseline_to": "2009-03-31",
    "from": "2010-01-01",
    "to": "2010-03-31",
}


def days(api: Api, year: int, number: int, **more: Any) -> int:
    """Log a contact on each of so many days of a window; return the last position."""
    at = 0
    for n in range(number):
        at = api.log(occurred=f"{year}-{n // 28 + 1:02}-{n % 28 + 1:02}", **more)["position"]
    return at


def measured(api: Api, at: int) -> Json:
    answer = api.seen("/v1/direct-contact/indicator", at, **WINDOWS)
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()["rows"]
    found: Json = row
    return found


def test_r8_k5_what_moves_to_the_entry_point_is_a_fall_of_direct_contact(api: Api) -> None:
    days(api, 2009, 30)
    days(api, 2010, 10)
    at = days(api, 2010, 20, channel="entry_point")
    row = measured(api, at)["K5"]
    assert [row[window]["pair_days"] for window in ("baseline", "follow_up")] == [30, 10]
    assert row["verdict"] == "alarm"
    at = days(api, 2010, 30)
    assert measured(api, at)["K5"]["verdict"] == "ok", "the entry point beside it is no fall"


def test_r8_k6_being_turned_away_counts_against_the_open_door(api: Api) -> None:
    days(api, 2009, 12)
    before = measured(api, days(api, 2010, 12))["K6"]
    at = told(organisation(api), "refusals", occurred="2010-03-04")["position"]
    after = measured(api, at)["K6"]
    assert (before["turned_away"], after["turned_away"]) == (0, 1)


def test_r8_k7_a_pair_that_lives_only_through_the_entry_point_is_lost(api: Api) -> None:
    days(api, 2009, 1)
    lost = measured(api, days(api, 2010, 5, channel="entry_point"))["K7"]["kept"]
    kept = measured(api, days(api, 2010, 1))["K7"]["kept"]
    assert [(each["count"], each["n"]) for each in (lost, kept)] == [(0, 1), (1, 1)]


# ── whatever was done before ─────────────────────────────────────────────────────────────────────

Deed = tuple[str, ...]
_ORGANISATION, _UNIT = st.sampled_from(ORGANISATIONS), st.sampled_from(ADMINISTRATIONS)
_OPENED = [("record", name, "") for name in REGISTERS]
_STEPPED = [("record", name, part) for name, each in REGISTERS.items() for part in each.steps]
DEEDS = st.one_of(
    st.tuples(st.just("enquiry"), _ORGANISATION, _UNIT),
    st.tuples(st.just("step"), st.sampled_from(list(STEPS))),
    st.tuples(st.just("rule"), _ORGANISATION, _UNIT),
    st.tuples(st.sampled_from(["redirections", "refusals"]), _ORGANISATION, _UNIT),
    st.sampled_from(_OPENED + _STEPPED),
)


def do(api: Api, deed: Deed, enquiries: list[str]) -> None:
    """Do something at the entry point or in a register; a step may be refused, as out of turn."""
    match deed:
        case ("enquiry", sender, unit):
            enquiries.append(receive(api, sender=sender, administrations=[unit])["id"])
        case ("step", name) if enquiries:
            body = example(name) | ({"into": enquiries[0]} if name == "merges" else {})
            assert step(api, enquiries[-1], name, body).status_code < 500
        case ("rule", sender, unit):
            rule = {"name": "Alt", "automatic": True, "priority": 1000, "valid_from": "2010-01-01"}
            body = {**rule, "organisations": [sender], "to": unit}
            answer = api.as_role(Role.ENTRY_DESK).post("/v1/routing-rules", body)
            assert answer.status_code == 201, answer.text
        case (("redirections" | "refusals") as way, other, unit):
            told(api, way, organisation=other, administration=unit)
        case ("record", name, ""):
            a_record(api, REGISTERS[name])
        case ("record", name, part):
            rule_of = REGISTERS[name].steps[part]
            made = a_record(api, REGISTERS[name], rule_of.operation)
            body = fitting(api, made, rule_of.operation, dict(rule_of.example))
            answer = api.post(f"/v1/{name}/{made['id']}/{part}", body, headers=ANY)
            assert answer.status_code < 500, answer.text


@pytest.mark.timeout(600)  # hundreds of deeds, each of several requests
@settings(max_examples=40)
@given(
    deeds=st.lists(DEEDS, max_size=8),
    pair=st.tuples(_UNIT, _ORGANISATION),
    direction=st.sampled_from(["inbound", "outbound", "mutual"]),
    by_itself=st.booleans(),
)
def test_r8_after_anything_at_all_a_direct_contact_of_any_pair_is_taken_and_shown(
    shared_api: Api,
    deeds: list[Deed],
    pair: tuple[str, str],
    direction: str,
    by_itself: bool,
) -> None:
    """What earlier examples did stands too: one log, as it would be."""
    enquiries: list[str] = []
    for deed in deeds:
        do(shared_api, deed, enquiries)
    unit, other = pair
    who = organisation(shared_api, other) if by_itself else shared_api
    body = contact(administrations=[unit], organisations=[other], direction=direction)
    assert list(hindered(who, who.post("/v1/contacts", body), unit, other)) == []
