"""Records made ready for any step of their register, for tests that ask every operation."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from domain.access import Role
from domain.registers import REGISTERS, Register

if TYPE_CHECKING:
    from tests.api.builders import Api, Json

ANY: Final = {"If-Match": "*"}
_TREAT: Final = {"body": "ØKF", "document_version": 1, "outcome": "recommended"}
_BOTH: Final = [
    ("drafts", {}),
    ("approvals", {"party": "TMF", "agreement_version": 1}),
    ("approvals", {"party": "BL", "agreement_version": 1}),
]
_CONCLUDED: Final = [
    *_BOTH,
    ("conclusion", {"agreement_version": 1, "valid_from": "2011-01-01", "valid_to": "2014-12-31"}),
]
YEARS: Final = itertools.cycle(range(1960, 2190))
"""A year has one dialogue, and some tests share a log."""
BEFORE: Final[dict[str, list[tuple[str, dict[str, Any]]]]] = {
    "leave_chair": [("establishment", {}), ("chairs", {"holder": "ØKF"})],
    "resume_chair": [
        ("establishment", {}),
        ("chairs", {"holder": "ØKF"}),
        ("chair-leavings", {"scope": "standing", "seat": "SEAT"}),
    ],
    "retire_member": [("members", {"party": "KAB"})],
    "draft_minutes": [("holding", {"chair_unknown": True})],
    "object_to_minutes": [("holding", {"chair_unknown": True}), ("minutes", {"minutes": "Udkast"})],
    "approve_minutes": [("holding", {"chair_unknown": True}), ("minutes", {"minutes": "Udkast"})],
    "dispatch_document": [("approvals", {"body": "TMF", "document_version": 1})],
    "adopt_recommendation": [("deliberations", _TREAT)],
    "accept_briefing": [("offers", {"audience": "KAB"})],
    "decline_briefing": [("offers", {"audience": "KAB"})],
    "answer_question": [("questions", {"audience": "KAB", "question": "Hvem?"})],
    "acknowledge_information": [("informings", {"audience": "KAB", "via": "note"})],
    "amend_agreement": [("drafts", {})],
    "approve_agreement": [("drafts", {})],
    "renegotiate_agreement": [("drafts", {})],
    "abandon_negotiation": [("negotiation", {})],
    "conclude_agreement": _BOTH,
    "implement_agreement": _CONCLUDED,
    "report_agreement_status": _CONCLUDED,
    "extend_agreement": _CONCLUDED,
    "terminate_agreement": _CONCLUDED,
    "reach_milestone": [
        ("milestone-plan", {"milestones": [{"name": "Udkast", "planned": "2030"}]})
    ],
    "agree_in_dialogue": [("meetings", {"occurred": "2010-09-14"})],
    "publish_account": [("meetings", {"occurred": "2010-09-14"})],
    "revise_criterion": [("definition", {})],
    "freeze_baseline": [("definition", {})],
    "start_evaluation": [("definition", {}), ("baseline", {"at_position": 1})],
}
"""What must have happened to a record before the example of a step fits."""


def register_of(path: str) -> Register | None:
    """The register that a path of the API is about."""
    parts = path.split("/")
    return REGISTERS.get(parts[2]) if len(parts) > 2 else None


def a_record(api: Api, register: Register, operation: str = "", **more: Any) -> Json:
    """A record of a register, ready for the step of this operation."""
    desk = api.as_role(Role.CASE_OFFICER)
    fresh = {"year": next(YEARS)} if register.name == "dialogues" else {}
    made = desk.post(f"/v1/{register.name}", {**register.open.example, **fresh, **more})
    assert made.status_code == 201, made.text
    record: Json = made.json()
    for step, body in BEFORE.get(operation, ()):
        record = stepped(desk, register, record, step, body)
    return record


def stepped(api: Api, register: Register, record: Json, step: str, body: dict[str, Any]) -> Json:
    """The record after one step; the example's body where none is given."""
    given = {k: seat(record) if v == "SEAT" else v for k, v in body.items()}
    whole = given or dict(register.steps[step].example)
    path = f"/v1/{register.name}/{record['id']}/{step}"
    answer = api.post(path, whole, headers=ANY)
    assert answer.status_code == 200, answer.text
    after: Json = answer.json()
    return after


def seat(record: Json) -> str:
    """The first chair seat of a forum."""
    return str(record["chairs"][0]["seat_id"])


def fitting(api: Api, record: Json, operation: str, example: dict[str, Any]) -> dict[str, Any]:
    """The example of a step with ids that are really there."""
    body = dict(example)
    if "seat" in body:
        body["seat"] = seat(record)
    if "condition" in body:
        body["condition"] = record["conditions"][0]["condition_id"]
    if operation == "fulfil_commitment":
        body["evidence"] = api.log()["id"]
    if operation == "present_proposal":
        body["document"] = a_record(api, REGISTERS["documents"])["id"]
    if operation == "answer_question":
        body["question"] = record["questions"][0]["question_id"]
    return body
