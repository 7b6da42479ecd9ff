"""The whole life of an enquiry through the one entry point, over the running service.

Two administrations are addressed and each answers; the sender follows its own matter with a key of
its own; and what stood before each step is still there to be asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.conftest import Start
from tests.acceptance.service import Desk, Json, Service, desk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ENQUIRY = {
    "sender": "KAB",
    "spoke_for": ["AAB"],
    "administrations": ["TMF", "ØKF"],
    "medium": "email",
    "received": "2010-02-22",
    "subject": "Anvisning og garanti i Sydhavnen",
    "facts": "KAB spørger til anvisning og til garantien.",
    "assessment": "De er utålmodige",
    "topics": ["anvisning"],
}
PARTIES = (
    ("administration", "Teknik- og Miljøforvaltningen", "TMF", None),
    ("administration", "Økonomiforvaltningen", "ØKF", None),
    ("unit", "Center for Bydesign", "CBD", "TMF"),
    ("housing_organisation", "Københavns almennyttige Boligselskab", "KAB", None),
    ("housing_organisation", "Arbejdernes Andels Boligforening", "AAB", None),
    ("housing_organisation", "Lejerbo", "LB", None),
)
LIFE: tuple[tuple[str, Json, str], ...] = (
    ("acknowledgements", {"handler": "Mette Prøve", "team": "Indgangen"}, "acknowledged"),
    ("triage", {"category": "letting", "priority": "high", "note": "Haster"}, "triaged"),
    ("routes", {"to": "CBD", "reason": "Anvisning"}, "routed"),
    ("routes", {"to": "ØKF", "additional": True, "reason": "Garanti"}, "routed"),
    ("reroutes", {"from": "CBD", "to": "TMF", "reason": "Skal ledelsen se"}, "routed"),
    ("returns", {"from": "TMF", "reason": "Alligevel ikke"}, "routed"),
    ("routes", {"to": "CBD", "additional": True, "reason": "Igen"}, "routed"),
    ("assignments", {"unit": "CBD", "assignee": {"role": "arkitekt"}}, "in_progress"),
    ("information-requests", {"question": "Hvilke afdelinger?"}, "awaiting_sender"),
    ("information", {"information": "Begge"}, "in_progress"),
    ("interim-replies", {"new_expected_by": "2099-01-04", "reason": "Ferie"}, "in_progress"),
    ("answers", {"answer_kind": "substantive", "by": "CBD", "answer": "Ja"}, "in_progress"),
)


@pytest.fixture(scope="module")
def service(start: Start) -> Service:
    """A service that knows the parties."""
    service = start()
    for kind, name, abbreviation, part_of in PARTIES:
        body = {"kind": kind, "name": name, "abbreviation": abbreviation}
        body |= {"part_of": part_of} if part_of else {}
        service.officer.made("/v1/parties", body)
    return service


@contextmanager
def scoped(service: Service, role: str, scope: str) -> Iterator[Desk]:
    """A desk with a scoped key."""
    done = service.run("token", "new", "--role", role, "--scope", scope, "--json")
    assert done.code == 0, done.err
    address = str(service.officer.http.base_url)
    with desk(address, done.json["token"]) as made:
        made.head = service.officer.head
        yield made


def step(officer: Desk, enquiry: Json, name: str, **body: object) -> Json:
    path = f"/v1/enquiries/{enquiry['id']}/{name}"
    return officer.made(path, {key.rstrip("_"): body[key] for key in body}, If_Match="*")


def refused(officer: Desk, enquiry: Json, name: str, **body: object) -> str:
    path = f"/v1/enquiries/{enquiry['id']}/{name}"
    answer = officer.post(path, body, If_Match="*")
    assert answer.status_code == 422, answer.text
    return str(answer.json()["code"])


def test_an_enquiry_to_two_administrations_lives_its_whole_life(service: Service) -> None:
    officer = service.officer
    stood = [officer.made("/v1/enquiries", dict(ENQUIRY))]
    enquiry = stood[0]
    for name, body, phase in LIFE:
        stood.append(step(officer, enquiry, name, **body))
        assert stood[-1]["phase"] == phase, name
        if name == "routes":
            again = refused(officer, enquiry, "routes", to=body["to"])
            assert again == "already_routed", "two desks never send it twice"
    assert refused(officer, enquiry, "closures") == "answer_owed", "ØKF has not answered"
    stood.append(step(officer, enquiry, "answers", answer_kind="referral", by="ØKF"))
    assert [owed["state"] for owed in stood[-1]["obligations"]] == ["answered", "answered"]
    stood.append(step(officer, enquiry, "closures", closing="answered", satisfaction=4))
    assert refused(officer, enquiry, "triage", priority="low") == "enquiry_closed"
    stood.append(step(officer, enquiry, "reopenings", reason="KAB spørger igen"))
    assert stood[-1]["phase"] != "closed"
    stood.append(step(officer, enquiry, "closures", closing="answered", waive="Svaret gjaldt"))
    path = f"/v1/enquiries/{enquiry['id']}"
    for then in stood:
        assert officer.get(path, as_of_recorded=then["position"]) == then
    before = officer.ask(path, as_of_recorded=stood[0]["position"]).json()
    assert (before["phase"], before["version"]) == ("received", 1)
    assert officer.http.get(path, params={"as_of_recorded": 1}).status_code == 404
    names = [each["type"] for each in officer.get(f"{path}/steps")["items"]]
    by_policy, waived = {"enquiry.at_risk/1", "enquiry.overdue/1"}, "enquiry.answer_waived/1"
    assert names.count(waived) == 2, "reopened, both owed again, and the closing waives each"
    assert len([name for name in names if name not in by_policy | {waived}]) == len(stood)


def test_the_sender_sees_its_own_chain_and_nothing_that_is_internal(service: Service) -> None:
    officer = service.officer
    enquiry = officer.made("/v1/enquiries", dict(ENQUIRY))
    path = f"/v1/enquiries/{enquiry['id']}"
    step(officer, enquiry, "triage", priority="urgent", note="De er utålmodige")
    step(officer, enquiry, "routes", to="CBD", for_="TMF", reason="Det er deres bord")
    step(officer, enquiry, "information-requests", question="Hvilke afdelinger?")
    with (
        scoped(service, "organisation", "party:KAB") as kab,
        scoped(service, "organisation", "party:LB") as other,
    ):
        shown = kab.ask(path, min_position=officer.head)
        steps = kab.ask(f"{path}/steps", min_position=officer.head)
        assert [each["summary_da"] for each in steps.json()["items"]][1:] == [
            "Fordelt til Center for Bydesign",
            "Oplysninger udbedt",
        ]
        for answer in (shown, steps):
            assert [word for word in ("utålmodige", "urgent", "bord") if word in answer.text] == []
        informed = step(kab, enquiry, "information", information="Begge afdelinger")
        assert "priority" not in informed
        for name in ("triage", "answers", "closures"):
            answer = kab.post(f"{path}/{name}", {}, If_Match="*")
            assert answer.status_code == 403
        for hidden in (path, f"{path}/steps", f"{path}/contacts"):
            assert other.http.get(hidden).status_code == 404
        told = other.post(f"{path}/information", {"information": "x"}, If_Match='"99"')
        assert told.status_code == 404
        assert enquiry["id"] not in str(other.get("/v1/enquiries"))


def test_an_enquiry_is_split_and_others_are_merged(service: Service) -> None:
    officer = service.officer
    enquiry = officer.made("/v1/enquiries", dict(ENQUIRY))
    parts = [
        {"subject": "Anvisning", "administrations": ["TMF"]},
        {"subject": "Garanti", "administrations": ["ØKF"]},
    ]
    whole = step(officer, enquiry, "splits", parts=parts, reason="To spørgsmål")
    assert (whole["phase"], len(whole["parts"])) == ("split", 2)
    made = [officer.get(f"/v1/enquiries/{part}") for part in whole["parts"]]
    assert [part["subject"] for part in made] == ["Anvisning", "Garanti"]
    assert {part["split_from"] for part in made} == {enquiry["id"]}
    due = {(each["code"], each["due"]) for each in enquiry["deadlines"]}
    for part in made:
        assert part["received_day"] == enquiry["received_day"]
        assert {(each["code"], each["due"]) for each in part["deadlines"]} == due
    assert refused(officer, enquiry, "routes", to="TMF") == "enquiry_split"
    again = officer.made("/v1/enquiries", {**ENQUIRY, "medium": "letter"})
    merged = step(officer, again, "merges", into=made[0]["id"], reason="Sendt to gange")
    assert (merged["phase"], merged["merged_into"]) == ("merged", made[0]["id"])
    assert refused(officer, again, "routes", to="TMF") == "enquiry_merged"
    for part in made:
        step(officer, part, "closures", waive="Aftalt i telefonen")


@pytest.mark.parametrize("end", ["closed", "merged"])
def test_a_direct_contact_is_filed_on_it_whatever_became_of_it(service: Service, end: str) -> None:
    officer = service.officer
    enquiry = officer.made("/v1/enquiries", dict(ENQUIRY))
    if end == "closed":
        step(officer, enquiry, "closures", waive="Aftalt")
    else:
        into = officer.made("/v1/enquiries", dict(ENQUIRY))
        step(officer, enquiry, "merges", into=into["id"], reason="Samme")
    contact = officer.made(
        "/v1/contacts",
        {
            "channel": "direct",
            "direction": "inbound",
            "medium": "phone",
            "occurred": "2010-03-01",
            "administrations": ["TMF"],
            "organisations": ["KAB"],
            "subject": "Ringede direkte",
        },
    )
    path = f"/v1/contacts/{contact['id']}/filings"
    filings = [
        {"kind": "enquiry", "target": enquiry["id"]},
        {"kind": "case", "target": "2009-116302"},
    ]
    officer.made(path, {"filings": filings, "reason": "Hører til"}, If_Match='"1"')
    trail = officer.get(path)["items"]
    assert [(each["kind"], each["filed"]["reason"]) for each in trail] == [
        ("enquiry", "Hører til"),
        ("case", "Hører til"),
    ]
    filed = officer.get(f"/v1/enquiries/{enquiry['id']}/contacts")["items"]
    assert contact["id"] in {each["contact"]["id"] for each in filed}


def test_a_unit_sees_and_handles_its_own_enquiries_only(service: Service) -> None:
    officer = service.officer
    mine = officer.made("/v1/enquiries", {**ENQUIRY, "administrations": ["ØKF"]})
    theirs = officer.made("/v1/enquiries", {**ENQUIRY, "administrations": ["TMF"]})
    with scoped(service, "case_officer", "unit:ØKF") as okf:
        taken = step(okf, mine, "answers", answer_kind="substantive", answer="Garantien gælder")
        assert taken["phase"] == "answered"
        answer = okf.post(f"/v1/enquiries/{theirs['id']}/triage", {"priority": "low"}, If_Match="*")
        assert (answer.status_code, answer.json()["code"]) == (404, "enquiry_unknown")
