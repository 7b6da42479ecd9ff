"""The inbox over HTTP: filters, figures, pages, time travel, and what is not one's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.access import Role
from domain.storage import clock
from tests.api.builders import Api, Json, running, settings_in, with_parties
from tests.api.entry_point import organisation, party_id, receive, take
from tests.api.register_play import following

SOMETHING = "0192f3a0-7c00-7abc-8def-001122334499"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """An application that does nothing by itself: no policy warns because midnight came."""
    with following(settings_in(tmp_path, followers="off")) as made:
        yield with_parties(made)


def unit(api: Api, key: str) -> Api:
    """The application with the key of a case officer of one administration."""
    return api.as_role(Role.CASE_OFFICER, f"unit:{party_id(api, key)}")


@pytest.fixture
def crossed(api: Api) -> tuple[Api, Json, Json]:
    """Two organisations and two administrations, each pair with an enquiry and a contact."""
    kab = receive(api, sender="KAB", administrations=["TMF"], subject="Kælderrum", facts="kab-ord")
    aab = receive(api, sender="AAB", administrations=["ØKF"], subject="Garanti", facts="aab-ord")
    for made, to in ((kab, "TMF"), (aab, "ØKF")):
        take(api, made["id"], "acknowledgements", handler=f"Behandler {to}")
        take(api, made["id"], "routes", to=to)
        answer = "Svar til " + made["sender"]["name"]
        take(api, made["id"], "answers", answer_kind="substantive", answer=answer)
    api.log(organisations=["KAB"], administrations=["TMF"], subject="Direkte med KAB")
    return api, kab, aab


def everything_about(api: Api, made: Json, at: int) -> dict[str, Any]:
    """Each door's answer when asked about one enquiry: status and text."""
    path = f"/v1/enquiries/{made['id']}"
    doors = [path, *(f"{path}/{part}" for part in ("steps", "contacts", "suggestions"))]
    return {door: api.seen(door, at) for door in doors}


def test_an_enquiry_and_all_that_stands_beside_it_is_read(crossed: tuple[Api, Json, Json]) -> None:
    api, kab, _ = crossed
    at = api.services.log.head()
    item, steps, contacts, suggestions = everything_about(api, kab, at).values()
    assert (item.json()["phase"], item.json()["handler"]) == ("answered", "Behandler TMF")
    assert item.headers["etag"] == '"4"'
    assert [step["type"].split("/")[0] for step in steps.json()["items"]] == [
        "enquiry.received",
        "enquiry.acknowledged",
        "enquiry.routed",
        "enquiry.answered",
    ]
    (filed,) = contacts.json()["items"]
    assert filed["contact"]["id"] == kab["contact_id"]
    assert [each["way"] for each in filed["filings"]] == ["came_with"]
    assert suggestions.json()["duplicates"] == []
    chain = api.seen(f"/v1/enquiries/{kab['id']}/steps", at, chain="true").json()["items"]
    assert [step["to"] for step in chain] == [kab["addressed"][0]]


def test_what_is_settled_is_unchanged_and_what_runs_is_told_anew(api: Api) -> None:
    made = receive(api)
    path = f"/v1/enquiries/{made['id']}"
    at = {"min_position": made["position"]}
    running = api.get(path, params=at, headers={"If-None-Match": '"1"'})
    assert running.status_code == 200
    take(api, made["id"], "acknowledgements", team="Én indgang")
    done = take(api, made["id"], "answers", answer_kind="substantive", by="TMF")
    tag = f'"{done["version"]}"'
    answer = api.get(
        path, params={"min_position": done["position"]}, headers={"If-None-Match": tag}
    )
    assert (answer.status_code, answer.headers["etag"]) == (304, tag)


def test_two_organisations_and_two_administrations_see_nothing_of_each_other(
    crossed: tuple[Api, Json, Json],
) -> None:
    api, kab, aab = crossed
    at = api.services.log.head()
    for who, mine, theirs, word in (
        (organisation(api, "KAB"), kab, aab, "aab-ord"),
        (organisation(api, "AAB"), aab, kab, "kab-ord"),
        (unit(api, "TMF"), kab, aab, "aab-ord"),
        (unit(api, "ØKF"), aab, kab, "kab-ord"),
    ):
        unknown = who.seen(f"/v1/enquiries/{SOMETHING}", at).json()
        for answer in everything_about(who, theirs, at).values():
            assert answer.status_code == 404
            assert {**answer.json(), "request_id": ""} == {**unknown, "request_id": ""}
        listed = who.seen("/v1/enquiries", at).json()["items"]
        assert [each["id"] for each in listed] == [mine["id"]]
        for filters in (
            {"sender": theirs["sender"]["name"]},
            {"text": word},
            {"unit": theirs["addressed"][0]["name"]},
        ):
            found = who.seen("/v1/enquiries", at, **filters).json()
            assert (found["items"], found["next"]) == ([], None)
        assert who.seen("/v1/enquiries/counts", at, by="unit").json()["total"] == 1
        party = theirs["sender"]["id"]
        timeline = who.items(f"/v1/parties/{party}/timeline", at)
        assert theirs["id"] not in str(timeline) and theirs["contact_id"] not in str(timeline)
        own = who.items(f"/v1/parties/{mine['sender']['id']}/timeline", at, lens="entry_point")
        assert {each["kind"] for each in own} == {"contact", "enquiry"}


def test_the_sender_is_told_the_way_and_never_what_is_internal(api: Api) -> None:
    made = receive(api, assessment="kun-os")
    take(api, made["id"], "triage", priority="urgent", note="kun-os")
    take(api, made["id"], "routes", to="TMF", reason="kun-os")
    take(api, made["id"], "assignments", assignee={"name": "Hemmelig Person", "party": "TMF"})
    asked = take(api, made["id"], "information-requests", question="Hvilken afdeling?")
    at, kab = asked["position"], organisation(api)
    told = everything_about(kab, made, at)
    for answer in (*told.values(), kab.seen("/v1/enquiries", at)):
        for word in ("kun-os", "urgent", "Hemmelig", "working_days", "at_risk"):
            assert word not in answer.text
    steps = told[f"/v1/enquiries/{made['id']}/steps"].json()["items"]
    assert [step["told"] for step in steps][-1] == "Hvilken afdeling?"
    assert told[f"/v1/enquiries/{made['id']}/suggestions"].status_code == 404
    for filters in ({"priority": "urgent"}, {"deadline": "overdue"}, {"duplicates": "true"}):
        assert kab.seen("/v1/enquiries", at, **filters).json()["items"] == []
    by_deadline = kab.seen("/v1/enquiries/counts", at, by="deadline").json()
    assert by_deadline["rows"] == [{"deadline": None, "count": 1}]


def test_deadlines_are_judged_by_the_day_asked_for(api: Api) -> None:
    made = receive(api, received="2010-02-22")
    at, path = made["position"], f"/v1/enquiries/{made['id']}"

    def state(**params: str) -> str:
        shown = api.seen(path, at, **params).json()["deadlines"]
        return str({each["code"]: each["state"] for each in shown}["written_answer"])

    assert state(as_of_effective="2010-03-08") == "at_risk"
    assert state(as_of_effective="2010-03-09") == "overdue"
    assert state(as_of_effective="2010-03-08T22:59:00Z") == "at_risk"
    assert state(as_of_effective="2010-03-08T23:00:00Z") == "overdue"
    assert state() == "overdue"
    assert state(as_of_recorded=str(at)) == "overdue"
    for day, states in (("2010-03-08", "at_risk"), ("2010-03-09", "overdue")):
        found = api.items("/v1/enquiries", at, as_of_effective=day, deadline=states, clock="answer")
        assert [each["id"] for each in found] == [made["id"]]
        counts = api.seen("/v1/enquiries/counts", at, by="deadline", as_of_effective=day).json()
        assert counts["rows"][0]["count"] == 1
    assert api.seen(path, at, as_of_effective="2010-02-21").status_code == 404


def test_as_of_before_the_routing_it_is_not_routed_and_the_bytes_stay(api: Api) -> None:
    made = receive(api)
    routed = take(api, made["id"], "routes", to="TMF")
    path = f"/v1/enquiries/{made['id']}"
    api.seen(path, routed["position"])
    then = {"as_of_recorded": str(made["position"])}
    first, second = (api.get(path, params=then) for _ in range(2))
    assert first.json()["phase"] == "received" and first.content == second.content
    assert api.get("/v1/enquiries", params={**then, "unit": "TMF"}).json()["items"] == []
    assert len(api.get("/v1/enquiries", params={"unit": "TMF"}).json()["items"]) == 1
    when = {"as_of_recorded": made["recorded_at"]}
    assert api.get(path, params=when).json()["phase"] == "received"


def test_pages_of_the_inbox_join_to_the_whole_while_others_write(api: Api) -> None:
    made = [receive(api, received=f"2010-02-{day:02}")["id"] for day in (9, 8, 12, 11, 10)]
    at = api.services.log.head()
    seen: list[str] = []
    page = api.seen("/v1/enquiries", at, open="true", limit=2).json()
    while True:
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        take(api, made[0], "acknowledgements", team=f"Hold {len(seen)}")
        params = {"open": "true", "limit": 2, "cursor": page["next"]}
        page = api.get("/v1/enquiries", params=params).json()
    assert seen == [made[1], made[0], made[4], made[3], made[2]]
    newest = api.seen("/v1/enquiries", at, sort="received").json()["items"]
    assert [each["id"] for each in newest] == [made[2], made[3], made[4], made[0], made[1]]


def test_words_are_found_where_they_may_be_seen(api: Api) -> None:
    for level in ("open", "internal", "restricted"):
        receive(api, confidentiality=level, facts=f"kælderrum {level}", assessment="vurdering")
    at = api.services.log.head()

    def found(who: Api, text: str) -> set[str]:
        return {each["confidentiality"] for each in who.items("/v1/enquiries", at, text=text)}

    assert found(api, "kælderrum") == {"open", "internal", "restricted"}
    assert found(api, "vurdering") == {"open", "internal", "restricted"}
    assert found(api.as_role(Role.INTEGRATION), "kælderrum") == {"open", "internal"}
    assert found(organisation(api), "kælderrum") == {"open", "internal"}
    assert found(organisation(api), "vurdering") == set()
    assert found(api.as_role(Role.COUNCILLOR), "kælderrum") == set()


def test_a_merged_organisation_finds_its_own(api: Api) -> None:
    made = receive(api, sender="AAB")
    kab = party_id(api, "KAB")
    done = api.post(
        f"/v1/parties/{party_id(api, 'AAB')}/merge", {"into": "KAB", "reason": "Fusion"}
    )
    at = done.json()["position"]
    assert [each["id"] for each in api.items("/v1/enquiries", at, sender="KAB")] == [made["id"]]
    who = api.as_role(Role.ORGANISATION, f"party:{kab}")
    assert who.seen(f"/v1/enquiries/{made['id']}", at).status_code == 200


def test_what_looks_alike_is_suggested_with_reasons_and_nothing_is_merged(api: Api) -> None:
    day = {"received": "2010-02-22"}
    first = receive(api, subject="Anvisning af boliger i Sydhavnen", case_numbers=["2010-7"], **day)
    again = receive(api, subject="anvisningen af boligerne, Sydhavnen", received="2010-02-26")
    case = receive(api, subject="Noget helt andet", case_numbers=["2010-7"], **day)
    far = receive(api, subject="Anvisning af boliger i Sydhavnen", received="2010-03-30")
    other = receive(api, sender="AAB", subject="Anvisning af boliger i Sydhavnen", **day)
    path = f"/v1/enquiries/{first['id']}/suggestions"
    found = api.seen(path, other["position"]).json()["duplicates"]
    assert {each["enquiry"]["id"]: [r["reason"] for r in each["reasons"]] for each in found} == {
        again["id"]: ["similar_subject"],
        case["id"]: ["same_case_number"],
    }
    doubled = api.items("/v1/enquiries", other["position"], duplicates="true")
    assert {each["id"] for each in doubled} == {first["id"], again["id"], case["id"]}
    assert far["id"] not in str(found)
    limited = api.as_role(Role.CASE_OFFICER, f"party:{party_id(api, 'AAB')}")
    assert limited.items("/v1/enquiries", other["position"], duplicates="true") == []


def test_routes_are_suggested_by_rules_and_by_the_past_and_who_talks_is_told(api: Api) -> None:
    desk = api.as_role(Role.ENTRY_DESK)
    rule = {"name": "Støj til ØKF", "match": {"topics": ["støj"]}, "to": "ØKF"}
    adopted = desk.post("/v1/routing-rules", {**rule, "valid_from": "2010-01-01"})
    assert adopted.status_code == 201, adopted.text
    before = receive(api, topics=["støj"])
    take(api, before["id"], "routes", to="TMF")
    today = clock.now().date().isoformat()
    api.log(occurred=today, administrations=["ØKF"])
    api.log(occurred=today, administrations=["ØKF"], channel="entry_point")
    api.log(occurred="2010-02-22", administrations=["TMF"])
    made = receive(api, topics=["støj"])
    found = api.seen(f"/v1/enquiries/{made['id']}/suggestions", made["position"]).json()
    tmf, finance = party_id(api, "TMF"), party_id(api, "ØKF")
    assert [(each["unit"]["id"], each["rule_name"]) for each in found["routes"]] == [
        (finance, "Støj til ØKF"),
        (tmf, None),
    ]
    assert [(each["party"]["id"], each["contacts"]) for each in found["talking"]] == [(finance, 1)]
    assert found["talking"][0]["last"] == today


def test_a_contact_filed_and_taken_off_again_keeps_its_trail(api: Api) -> None:
    made = receive(api)
    contact = api.log(subject="Ringede om sagen")
    path = f"/v1/contacts/{contact['id']}"
    body = {"kind": "enquiry", "target": made["id"], "reason": "Samme sag"}
    linked = api.post(f"{path}/links", body, headers={"If-Match": "*"}).json()
    filed = api.items(f"/v1/enquiries/{made['id']}/contacts", linked["position"])
    assert [each["contact"]["id"] for each in filed] == [contact["id"], made["contact_id"]]
    assert filed[0]["filed"] and filed[0]["filings"][0]["filed"]["reason"] == "Samme sag"
    on_it = api.items("/v1/contacts", linked["position"], enquiry=made["id"])
    assert {each["id"] for each in on_it} == {contact["id"], made["contact_id"]}
    removal = f"{path}/links/{linked['links'][0]['link_id']}/removal"
    gone = api.post(removal, {"reason": "Forkert sag"}, headers={"If-Match": "*"}).json()
    filed = api.items(f"/v1/enquiries/{made['id']}/contacts", gone["position"])
    assert not filed[0]["filed"]
    assert filed[0]["filings"][0]["unfiled"]["reason"] == "Forkert sag"
    assert len(api.items("/v1/contacts", gone["position"], enquiry=made["id"])) == 1
    hidden = api.log(subject="Fortroligt", confidentiality="restricted", enquiry=made["id"])
    kab = organisation(api)
    seen = kab.items(f"/v1/enquiries/{made['id']}/contacts", hidden["position"])
    assert hidden["id"] not in str(seen)


def test_a_councillor_reads_final_and_open_enquiries_only(api: Api) -> None:
    made = receive(api, confidentiality="open")
    councillor = api.as_role(Role.COUNCILLOR)
    path = f"/v1/enquiries/{made['id']}"
    assert councillor.seen(path, made["position"]).status_code == 404
    closed = take(api, made["id"], "closures", closing="withdrawn", waive="Trukket tilbage")
    shown = councillor.seen(path, closed["position"])
    assert shown.status_code == 200 and "assignees" not in shown.json()
    secret = receive(api, confidentiality="internal")
    ended = take(api, secret["id"], "closures", closing="withdrawn", waive="Trukket tilbage")
    assert councillor.seen(f"/v1/enquiries/{secret['id']}", ended["position"]).status_code == 404
    assert len(councillor.items("/v1/enquiries", ended["position"])) == 1


def test_both_doors_stand_in_one_timeline(api: Api) -> None:
    made = receive(api, received="2010-02-22")
    take(api, made["id"], "routes", to="TMF", occurred="2010-02-24")
    direct = api.log(occurred="2010-02-23")
    report = {
        "administration": "TMF",
        "organisation": "KAB",
        "medium": "phone",
        "occurred": "2010-02-25",
        "told": "Blev henvist til indgangen",
    }
    account = api.post("/v1/direct-contact/redirections", report)
    assert account.status_code == 201, account.text
    at = int(account.headers["kontaktlog-position"])
    path = f"/v1/parties/{party_id(api, 'KAB')}/timeline"
    entries = api.items(path, at)
    days = [
        (each["day"], each["kind"], each["lens"]) for each in entries if each["kind"] != "party"
    ]
    assert days == [
        ("2010-02-25", "account", "direct"),
        ("2010-02-24", "enquiry", "entry_point"),
        ("2010-02-23", "contact", "direct"),
        ("2010-02-22", "enquiry", "entry_point"),
        ("2010-02-22", "contact", "entry_point"),
    ]
    assert all(each["why"][0]["reason"] == "own" for each in entries)
    lens = {name: api.items(path, at, lens=name) for name in ("direct", "entry_point")}
    assert [each["kind"] for each in lens["direct"]] == ["account", "contact"]
    assert [each["kind"] for each in lens["entry_point"]] == ["enquiry", "enquiry", "contact"]
    assert lens["direct"][1]["contact"]["id"] == direct["id"]
    aab = organisation(api, "AAB")
    assert [each for each in aab.items(path, at) if each["kind"] != "party"] == []


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"by": "phase,unit,medium"}, "by"),
        ({"by": "hemmelighed"}, "by"),
        ({"deadline": "forsinket"}, "deadline"),
        ({"phase": "ukendt"}, "phase"),
        ({"unit": "Ingen"}, "unit"),
    ],
)
def test_a_filter_that_cannot_be_read_is_named(
    shared_api: Api, params: dict[str, str], name: str
) -> None:
    answer = shared_api.get("/v1/enquiries/counts", params=params)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == f"/query/{name}"


def test_closed_days_and_standards_are_read_by_anybody(shared_api: Api) -> None:
    who = shared_api.as_role(Role.ADMINISTRATOR)
    found = who.get("/v1/working-days/DK_PUBLIC", params={"from": "2010-04-01", "to": "2010-04-05"})
    assert [day["name"] for day in found.json()["closed"]] == [
        "Skærtorsdag",
        "Langfredag",
        "Påskedag",
        "Anden påskedag",
    ]
    assert found.json()["working_days"] == 0
    assert who.get("/v1/working-days/INGEN").status_code == 404
    backwards = {"from": "2010-02-02", "to": "2010-02-01"}
    assert who.get("/v1/working-days/DK_PUBLIC", params=backwards).status_code == 400
    targets = who.get("/v1/service-targets").json()["items"]
    assert {each["code"] for each in targets if each["standard"]} == {
        "written_answer",
        "access_request",
        "first_response",
    }
    one = who.get("/v1/service-targets/standard:written_answer")
    assert one.json()["terms"]["days"] == 10 and one.json()["in_force"]
    first = who.get("/v1/service-targets", params={"limit": 1}).json()
    second = who.get("/v1/service-targets", params={"limit": 2, "cursor": first["next"]}).json()
    assert [each["id"] for each in first["items"] + second["items"]] == [t["id"] for t in targets]
    assert who.get(f"/v1/routing-rules/{SOMETHING}").status_code == 404


@pytest.mark.postgres
def test_the_inbox_is_read_over_postgresql_too(tmp_path: Path, postgres_url: str) -> None:
    with running(settings_in(tmp_path, store=postgres_url, data_dir=tmp_path)) as api:
        with_parties(api)
        made = receive(api, subject="Anvisning i Sydhavnen", facts="kælderrum", kle=["03.10.24"])
        receive(api, sender="AAB", subject="Anvisning")
        routed = take(api, made["id"], "routes", to="TMF")
        at, path = routed["position"], f"/v1/enquiries/{made['id']}"
        for filters in ({"text": "kælderrum"}, {"unit": "TMF"}, {"kle": "03"}, {"sender": "KAB"}):
            for sort in ("deadline", "received"):
                found = api.items("/v1/enquiries", at, sort=sort, **filters)
                assert [each["id"] for each in found] == [made["id"]]
        assert api.seen("/v1/enquiries/counts", at, by="unit,month").json()["total"] == 2
        for answer in everything_about(organisation(api), made, at).values():
            assert answer.status_code in {200, 404}
        for answer in everything_about(api, made, at).values():
            assert answer.status_code == 200
        assert api.seen(path, at).json()["phase"] == "routed"
        entries = api.items(f"/v1/parties/{made['sender']['id']}/timeline", at, lens="entry_point")
        assert [each["kind"] for each in entries] == ["enquiry", "enquiry", "contact"]
        assert api.seen("/v1/service-targets", at, in_force="true").status_code == 200
