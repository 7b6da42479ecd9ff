"""What stands hidden within lists of a record is seen inside, and in no answer outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from dataclasses import replace as other
from typing import Any

import pytest

from api.http.register_routes import shape_of
from domain.access import Role
from domain.registers import REGISTERS
from projections.record_bodies import shown
from tests.api.builders import Api, Json
from tests.api.entry_point import organisation, party_id

MARK = "kunforos"
"""Stands in every text and name that only those inside may see, and nowhere else."""


@dataclass
class Told:
    """Records that KAB and councillors may see, by register; and what of them stays inside."""

    api: Api
    made: dict[str, Json] = field(default_factory=dict)
    inside: dict[str, list[str]] = field(default_factory=dict)

    def open(self, register: str, **body: Any) -> None:
        given = {"confidentiality": "open"} | body
        answer = self.api.post(f"/v1/{register}", given)
        assert answer.status_code == 201, answer.text
        self.made[register] = answer.json()

    def step(self, register: str, name: str, **body: Any) -> Json:
        path = f"/v1/{register}/{self.made[register]['id']}/{name}"
        answer = self.api.post(path, body, headers={"If-Match": "*"})
        assert answer.status_code == 200, (path, answer.text)
        self.made[register] = answer.json()
        return self.made[register]

    def keeps(self, register: str, *texts: str) -> None:
        self.inside[register] = list(texts)

    @property
    def position(self) -> int:
        return max(int(record["position"]) for record in self.made.values())

    @property
    def hidden(self) -> set[str]:
        return {MARK, *(text for texts in self.inside.values() for text in texts)}


def unseen(api: Api, name: str, **body: Any) -> str:
    """A record that is none of KAB's: its id must not come out."""
    answer = api.post(f"/v1/{name}", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def agreement(told: Told, document: str) -> None:
    told.open("agreements", title="Hovedaftale", parties=["TMF", "KAB"])
    told.step("agreements", "drafts", document=document)
    told.step("agreements", "approvals", party="TMF", body=f"{MARK} udvalg", agreement_version=1)
    told.step("agreements", "approvals", party="KAB", body=f"{MARK} udvalg", agreement_version=1)
    told.step("agreements", "conclusion", agreement_version=1, valid_from="2010-01-01")
    told.step("agreements", "implementations", organisation="AAB", document=document)
    told.step("agreements", "reports", report=f"{MARK} status")
    milestones = [{"name": "Udkast", "planned": "2010-Q3"}]
    told.step("agreements", "milestone-plan", milestones=milestones)
    told.step("agreements", "amendments", changes=f"{MARK} stk. 3", document=document)
    told.step("agreements", "abandonment", reason=f"{MARK} uenige")
    told.keeps("agreements", f"{MARK} udvalg", f"{MARK} status", document)


def papers(told: Told, meeting: str) -> None:
    told.open("documents", kind="briefing_note", title="Notat", authors=["TMF", "KAB"])
    told.step("documents", "approvals", body="TMF", document_version=1, meeting=meeting)
    vote = {"body": "ØKF", "document_version": 1, "outcome": "recommended"}
    told.step("documents", "recommendations", submitting=["TMF"], to=["ØKF"], document_version=1)
    told.step("documents", "deliberations", **vote, vote=f"{MARK} 7-4", dissent=f"{MARK} mindretal")
    path = [{"body": "ØKF", "step": "treat", "planned": "2010-Q2"}]
    told.step("documents", "path", path=path)
    told.keeps("documents", f"{MARK} 7-4", meeting)


def forum(told: Told, meeting: str) -> None:
    chairs = [{"holder": "TMF", "option": True}, {"holder": "ØKF"}]
    told.open("forums", forum="BL", chairs=chairs)
    members = [{"party": "KAB", "role": "medlem"}]
    told.step("forums", "establishment", members=members)
    seat = told.made["forums"]["chairs"][0]["seat_id"]
    leaving = {"seat": seat, "scope": "meeting", "meeting": meeting}
    told.step("forums", "chair-leavings", **leaving, reason=f"{MARK} inhabil")
    told.keeps("forums", meeting)


def others(told: Told, document: str) -> None:
    terms = [{"words": "Den direkte kontakt må ikke hindres"}, {"words": "Indgangen bemandes"}]
    told.open(
        "positions", holder="KAB", stance="concern", about="Ny organisering", conditions=terms
    )
    condition = told.made["positions"]["conditions"][0]["condition_id"]
    evidence = {"evidence_kind": "document", "evidence": document}
    by = {"by": f"{MARK} enhed", "how": f"{MARK} skrevet ind"}
    told.step("positions", "addressings", condition=condition, **by, **evidence)
    told.keeps("positions", f"{MARK} enhed", f"{MARK} skrevet ind", document)
    told.open("meetings", title="Møde", forums=["BL"], planned="2099-02-22", invited=["KAB"])
    told.step("meetings", "agenda", items=[{"title": "Ny organisering", "document": document}])
    told.keeps("meetings", document)
    told.open("dialogues", organisation="KAB", administration="TMF", year=2010)
    told.step("dialogues", "meetings", occurred="2010-09-14", medium="meeting_physical")
    audiences = [{"party": "KAB", "kind": "organisation"}, {"name": MARK, "kind": "other"}]
    told.open("efforts", topic="Ny organisering", audiences=audiences, deadline="2010-03-01")
    told.step("efforts", "questions", audience="KAB", question=f"{MARK} hvem?")
    told.keeps("efforts", f"{MARK} hvem?")
    told.open("commitments", by="TMF", to=["KAB"], promised="Svar", due="2099-06")
    told.open("followups", owner="TMF", concerns=["KAB"], what="Ring", due="2099-06")
    told.open("criteria", name="Direkte kontakt falder ikke")
    told.step(
        "criteria",
        "definition",
        terms=dict(REGISTERS["criteria"].steps["definition"].example["terms"]) | {"owner": "KAB"},
    )


@pytest.fixture(scope="module")
def told(shared_api: Api) -> Told:
    api = shared_api
    api.party(f"{MARK} udvalg", "committee")
    api.party(f"{MARK} enhed", "administration")
    made = Told(api)
    document = unseen(api, "documents", kind="briefing_note", title=MARK, authors=["ØKF"])
    meeting = unseen(api, "meetings", title=MARK, forums=["ØKF"], planned="2099-02-22")
    agreement(made, document)
    papers(made, meeting)
    forum(made, meeting)
    others(made, document)
    return made


def answers(told: Told, who: Api) -> dict[str, str]:
    """Every answer in which a record, or a part of one, is told."""
    at, kab = told.position, party_id(told.api, "KAB")
    asked: dict[str, Any] = {
        "timeline": (f"/v1/parties/{kab}/timeline", {"limit": 100}),
        "briefing": (f"/v1/parties/{kab}/briefing", {}),
        "conditions": ("/v1/positions/conditions", {}),
        "coverage": ("/v1/dialogues/coverage", {"year": 2010}),
        "feed": ("/v1/meetings.ics", {}),
    }
    for name, record in told.made.items():
        path = f"/v1/{name}/{record['id']}"
        asked |= {
            f"{name} item": (path, {}),
            f"{name} item on a day": (path, {"as_of_effective": "2099-01-01"}),
            f"{name} item at a position": (path, {"as_of_recorded": at}),
            f"{name} history": (f"{path}/history", {}),
            f"{name} history by a day": (f"{path}/history", {"as_of_effective": "2099-01-01"}),
            f"{name} list": (f"/v1/{name}", {"limit": 100}),
            f"{name} list on a day": (f"/v1/{name}", {"as_of_effective": "2099-01-01"}),
        }
    found = {}
    for way, (path, params) in asked.items():
        answer = who.seen(path, at, **params)
        assert answer.status_code == 200, (way, answer.text)
        found[way] = answer.text
    return found


def leaks(told: Told, who: Api) -> list[tuple[str, str]]:
    return [
        (way, text)
        for way, answer in answers(told, who).items()
        for text in sorted(told.hidden)
        if text in answer
    ]


@pytest.mark.parametrize("role", ["organisation", "councillor"])
def test_nothing_that_stays_inside_is_told_outside(told: Told, role: str) -> None:
    who = organisation(told.api) if role == "organisation" else told.api.as_role(Role.COUNCILLOR)
    assert leaks(told, who) == []
    for name, record in told.made.items():
        assert record["id"] in answers(told, who)[f"{name} list"], "it is one's own"


@pytest.mark.parametrize("role", ["organisation", "insider"])
def test_what_is_told_is_what_the_document_promises(told: Told, role: str) -> None:
    who = organisation(told.api) if role == "organisation" else told.api
    for name, answer in answers(told, who).items():
        if name.endswith(" item"):
            shape_of(REGISTERS[name.removesuffix(" item")]).model_validate_json(answer)


def test_those_inside_see_all_of_it(told: Told) -> None:
    found = answers(told, told.api)
    for name, texts in told.inside.items():
        for text in texts:
            assert text in found[f"{name} item"], (name, text)
            assert text in found[f"{name} list"], (name, text)
    assert {name for name, register in REGISTERS.items() if register.name in told.made} == set(
        REGISTERS
    )


def test_what_is_judged_by_the_day_is_judged_outside_too(told: Told) -> None:
    who, at = organisation(told.api), told.position

    def own(name: str) -> Json:
        record: Json = who.seen(f"/v1/{name}/{told.made[name]['id']}", at).json()
        return record

    deal = own("agreements")
    assert (deal["status"], deal["version_in_force"]) == ("concluded", 1)
    assert [each["state"] for each in deal["milestones"]] == ["late"]
    assert [step["state"] for step in own("documents")["path"]] == ["done_late"]
    assert "coverage" not in own("efforts")
    (condition,) = who.seen("/v1/positions/conditions", at).json()["items"]
    assert condition["words"] == "Indgangen bemandes"
    met, still = own("positions")["conditions"]
    assert (met["open"], still["open"], met["addressed"] is None) == (False, True, False)


@pytest.mark.parametrize("name", ["agreements", "documents", "forums", "meetings", "positions"])
def test_a_register_that_names_no_parts_is_found_out(told: Told, name: str) -> None:
    """The teeth: shown whole, the lists of this register give away what stays inside."""
    record = told.made[name]
    register = other(REGISTERS[name], outside_parts={})
    whole = told.api.seen(f"/v1/{name}/{record['id']}", told.position).json()
    careless = str(shown(register, whole))
    assert any(text in careless for text in told.inside[name])
    careful = str(shown(REGISTERS[name], whole))
    assert not any(text in careful for text in told.hidden)
