"""The register of documents (dokumenter): its row in the table, and how its path is judged."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from domain.documents import commands, decisions
from domain.documents.events import Document
from domain.documents.evolution import evolve
from domain.records import Reference
from domain.registers.table import Register, Rule, named, rule, shows
from domain.registry import Json
from domain.values import PartyRef


def _based_on(given: commands.CreateVersion) -> list[Reference]:
    return [("contact", contact) for contact in given.based_on_contacts]


def _decided_at(given: commands.RequestApproval | commands.ApproveDocument) -> list[Reference]:
    return [("meeting", given.meeting)] if given.meeting else []


def _on_path(given: commands.PlanPath) -> Iterable[str]:
    return [step.body for step in given.path]


def _parties(document: Document) -> Iterable[PartyRef]:
    yield from (*document.authors, *document.required, *document.submitting)
    yield from ([document.adopting] if document.adopting else [])
    yield from (decision.body for decision in document.decisions)
    yield from (asked.body for asked in document.pending)
    yield from (step.body for step in document.path)
    for consultation in document.consultations:
        yield from consultation.units


def _terms(document: Document) -> Iterable[tuple[str, str]]:
    yield "status", document.status
    yield "kind", document.kind
    yield from (("author", party.id) for party in document.authors)
    yield from (("pending", asked.body.id) for asked in document.pending)
    yield from (("case_number", number) for number in document.case_numbers)
    yield from (("kle", number) for number in document.kle)


def judge(document: Json, day: str) -> Json:
    """Add to each planned step what became of it by `day`: done, done_late, late, due or planned.

    A step is done by the newest decision of that body and kind that stands: an approval that lapsed
    and a treatment of an older version leave it open, as do putting off and sending back. `days`
    counts the calendar days by which it came, or still is, later than the last day planned.
    """
    told = ("body", "step", "outcome", "on", "standing")
    if not shows(document, "path", "body", "step", "planned") or not shows(
        document, "decisions", *told
    ):
        return document
    path = [_judged(step, document["decisions"], day) for step in document["path"]]
    return {**document, "path": path}


def _judged(step: Json, made: Iterable[Json], day: str) -> Json:
    kinds = {"inform": {"dispatch", "inform"}}.get(step["step"], {step["step"]})
    done = [
        decision
        for decision in made
        if decision["body"]["id"] == step["body"]["id"]
        and decision["step"] in kinds
        and decision["standing"]
        and decision["outcome"] != "sent_back"
        and decision["on"]["first_day"] <= day
    ]
    planned = step["planned"]
    came = done[-1]["on"] if done else None
    days = max(0, _days(planned["last_day"], came["first_day"] if came else day))
    if came:
        state = "done_late" if days else "done"
    elif days:
        state = "late"
    else:
        state = "due" if planned["first_day"] <= day else "planned"
    outcome = done[-1]["outcome"] if done else None
    return {**step, "actual": came, "outcome": outcome, "state": state, "days": days}


def _days(start: str, end: str) -> int:
    return (date.fromisoformat(end) - date.fromisoformat(start)).days


_TMF: Final = {"body": "TMF", "document_version": 1}


DOCUMENTS: Final = Register(
    name="documents",
    noun="document",
    danish="Dokumenter",
    record=Document,
    open=rule(
        "draft_document",
        "Register a draft",
        commands.DraftDocument,
        decisions.draft,
        "authors",
        "required",
        "adopting",
        kind="briefing_note",
        title="Fælles orienteringsnotat",
        authors=["TMF"],
        required=["ØKF"],
    ),
    steps={
        "versions": Rule(
            "create_document_version",
            "Make a new version, and say what it is based on",
            commands.CreateVersion,
            decisions.create_version,
            records=_based_on,
            example={"based_on_version": 1, "changes": "Formandskabet er tilføjet"},
        ),
        "consultations": rule(
            "hold_consultation",
            "Write down a discussion between administrations",
            commands.HoldConsultation,
            decisions.hold_consultation,
            "units",
            units=["TMF", "ØKF"],
        ),
        "approval-requests": Rule(
            "request_approval",
            "Submit a version to a body",
            commands.RequestApproval,
            decisions.request_approval,
            named("body"),
            _decided_at,
            _TMF,
        ),
        "approvals": Rule(
            "approve_document",
            "Say that a body approved a version",
            commands.ApproveDocument,
            decisions.approve,
            named("body"),
            _decided_at,
            _TMF,
        ),
        "rejections": rule(
            "reject_document",
            "Say that a body rejected a version",
            commands.RejectDocument,
            decisions.reject,
            "body",
            **_TMF,
        ),
        "postponements": rule(
            "postpone_decision",
            "Say that a body put off its decision",
            commands.PostponeDecision,
            decisions.postpone,
            "body",
            **_TMF,
        ),
        "dispatches": rule(
            "dispatch_document",
            "Send an approved version out",
            commands.DispatchDocument,
            decisions.dispatch,
            "recipients",
            recipients=["KAB"],
            document_version=1,
        ),
        "recommendations": rule(
            "submit_recommendation",
            "Submit it as a recommendation, jointly when several do",
            commands.SubmitRecommendation,
            decisions.submit,
            "submitting",
            "to",
            submitting=["TMF"],
            to=["ØKF"],
            document_version=1,
        ),
        "deliberations": rule(
            "deliberate_recommendation",
            "Say that a body treated it",
            commands.DeliberateRecommendation,
            decisions.deliberate,
            "body",
            **_TMF,
            outcome="recommended",
        ),
        "deliberation-waivers": rule(
            "waive_deliberation",
            "Record that a required body need not treat it",
            commands.WaiveDeliberation,
            decisions.waive,
            "body",
            body="ØKF",
            reason="Uden økonomi",
        ),
        "adoption": rule(
            "adopt_recommendation",
            "Say that it was adopted",
            commands.AdoptRecommendation,
            decisions.adopt,
            "body",
            **_TMF,
        ),
        "returns": rule(
            "send_back_recommendation",
            "Say that it was sent back",
            commands.SendBackRecommendation,
            decisions.send_back,
            "body",
            **_TMF,
        ),
        "withdrawal": rule(
            "withdraw_recommendation",
            "Withdraw it",
            commands.WithdrawRecommendation,
            decisions.withdraw,
            reason="Erstattet af et andet forslag",
        ),
        "path": Rule(
            "plan_path",
            "Plan its path, in the words it was said",
            commands.PlanPath,
            decisions.plan_path,
            _on_path,
            example={"path": [{"body": "TMF", "step": "treat", "planned": "2010-Q2"}]},
        ),
    },
    evolve=evolve,
    parties=_parties,
    terms=_terms,
    day=lambda document: str(document.versions[-1].made.last_day),
    filters=("status", "kind", "case_number"),
    party_filters=("author", "pending"),
    outside=frozenset(
        {"kind", "title", "authors", "joint", "required", "waived", "adopting", "case_numbers"}
        | {"document_numbers", "kle", "drafted", "decisions", "submitting", "deadline", "path"}
    ),
    outside_parts={
        "decisions": frozenset(
            {"body", "step", "outcome", "document_version", "on", "standing", "reading"}
        ),
        "path": frozenset({"body", "step", "planned"}),
    },
    judge=judge,
    judged=frozenset({"path"}),
)
