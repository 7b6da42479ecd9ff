"""How a document's events fold into the document; one story for decisions and views."""

from typing import Any

from domain.documents.commands import PathKind
from domain.documents.events import (
    ADOPTED,
    APPROVED,
    DISPATCHED,
    DRAFTED,
    POSTPONED,
    RECOMMENDED,
    REJECTED,
    SENT_BACK,
    SUBMITTED,
    WITHDRAWN,
    ApprovalInvalidated,
    ApprovalRequested,
    Consultation,
    Decision,
    DecisionPostponed,
    DeliberationWaived,
    Document,
    DocumentApproved,
    DocumentDispatched,
    DocumentDrafted,
    DocumentEvent,
    DocumentRejected,
    DocumentVersionCreated,
    InternalConsultationHeld,
    PathPlanned,
    Pending,
    RecommendationAdopted,
    RecommendationDeliberated,
    RecommendationSentBack,
    RecommendationSubmitted,
    RecommendationWithdrawn,
    Version,
)
from domain.errors import Broken
from domain.values import Occurred, PartyRef


def evolve(document: Document | None, event: DocumentEvent) -> Document:
    """Fold one event into the document; total, never refuses."""
    if isinstance(event, DocumentDrafted):
        return _drafted(event)
    if document is None:
        raise Broken("log_broken", reason="step before opening")
    change = _making(document, event) or _deciding(document, event) or _treating(document, event)
    return document.model_copy(update={**change, "version": document.version + 1})


def _drafted(event: DocumentDrafted) -> Document:
    return Document(
        id=event.document_id,
        version=1,
        status=DRAFTED,
        confidentiality=event.confidentiality,
        kind=event.kind,
        title=event.text.title if event.text else None,
        authors=event.authors,
        joint=len(event.authors) > 1,
        required=event.required,
        adopting=event.adopting,
        case_numbers=event.case_numbers,
        document_numbers=event.document_numbers,
        kle=event.kle,
        drafted=event.occurred,
        versions=(Version(number=1, made=event.occurred, content_hash=event.content_hash),),
        source=event.source,
    )


def _making(document: Document, event: DocumentEvent) -> dict[str, Any]:
    match event:
        case DocumentVersionCreated():
            version = Version(
                number=event.document_version,
                made=event.occurred,
                based_on_version=event.based_on_version,
                based_on_contacts=event.based_on_contacts,
                based_on_consultations=event.based_on_consultations,
                content_hash=event.content_hash,
            )
            return {
                "versions": (*document.versions, version),
                "status": DRAFTED,
                "pending": (),
                "decisions": _fallen(document.decisions, PathKind.TREAT),
            }
        case InternalConsultationHeld():
            held = Consultation(
                consultation_id=event.consultation_id,
                units=event.units,
                document_version=event.document_version,
                on=event.occurred,
            )
            return {"consultations": (*document.consultations, held)}
        case PathPlanned():
            return {"path": event.path}
        case _:
            return {}


def _deciding(document: Document, event: DocumentEvent) -> dict[str, Any]:
    match event:
        case ApprovalRequested():
            asked = Pending(
                body=event.body,
                document_version=event.document_version,
                meeting=event.meeting,
                planned=event.planned,
            )
            others = _pending_without(document, event.body, event.document_version)
            request = _decision(event.body, PathKind.REQUEST, "requested", event)
            return {
                "status": SUBMITTED,
                "pending": (*others, asked),
                "decisions": (*document.decisions, request),
            }
        case DocumentApproved():
            outcome = "approved_with_changes" if event.with_changes else "approved"
            return _decided(document, event, PathKind.APPROVE, outcome, APPROVED)
        case DocumentRejected():
            return _decided(document, event, PathKind.APPROVE, "rejected", REJECTED)
        case DecisionPostponed():
            asked = Pending(
                body=event.body,
                document_version=event.document_version,
                planned=event.until,
                postponed=True,
            )
            others = _pending_without(document, event.body, event.document_version)
            put_off = _decision(event.body, PathKind.APPROVE, "postponed", event)
            put_off = put_off.model_copy(update={"standing": False})
            return {
                "status": POSTPONED,
                "pending": (*others, asked),
                "decisions": (*document.decisions, put_off),
            }
        case ApprovalInvalidated():
            return {"decisions": tuple(_lapsed(each, event) for each in document.decisions)}
        case _:
            return {}


def _lapsed(decision: Decision, event: ApprovalInvalidated) -> Decision:
    same = (decision.body.id, decision.document_version) == (
        event.body.id,
        event.document_version,
    )
    if same and decision.step is PathKind.APPROVE and decision.settles:
        return decision.model_copy(update={"standing": False})
    return decision


def _treating(document: Document, event: DocumentEvent) -> dict[str, Any]:
    match event:
        case DocumentDispatched():
            sent = tuple(
                _decision(party, PathKind.DISPATCH, "dispatched", event)
                for party in event.recipients
            )
            status = ADOPTED if document.status == ADOPTED else DISPATCHED
            return {"status": status, "decisions": (*document.decisions, *sent)}
        case RecommendationSubmitted():
            asked = tuple(
                _decision(party, PathKind.REQUEST, "submitted", event) for party in event.to
            )
            return {
                "decisions": (*document.decisions, *asked),
                "status": RECOMMENDED,
                "submitting": event.submitting,
                "joint": document.joint or len(event.submitting) > 1,
                "required": _united(document.required, event.to),
                "deadline": event.deadline,
            }
        case RecommendationDeliberated():
            outcome = event.outcome
            return _decided(document, event, PathKind.TREAT, outcome, document.status)
        case DeliberationWaived():
            return {"waived": _united(document.waived, (event.body,))}
        case RecommendationAdopted():
            change = _decided(document, event, PathKind.ADOPT, "adopted", ADOPTED)
            return {**change, "pending": ()}
        case RecommendationSentBack():
            fallen = _fallen(document.decisions, PathKind.TREAT)
            document = document.model_copy(update={"decisions": fallen})
            return _decided(document, event, PathKind.ADOPT, "sent_back", SENT_BACK)
        case RecommendationWithdrawn():
            return {"status": WITHDRAWN, "pending": ()}
        case _:
            return {}


_Decided = (
    DocumentApproved
    | DocumentRejected
    | RecommendationDeliberated
    | RecommendationAdopted
    | RecommendationSentBack
)
_Asked = ApprovalRequested | DecisionPostponed | RecommendationSubmitted


def _decided(
    document: Document, event: _Decided, step: PathKind, outcome: str, status: str
) -> dict[str, Any]:
    earlier = document.decisions
    if step is PathKind.APPROVE:
        earlier = tuple(_replaced(each, event) for each in earlier)
    return {
        "status": status,
        "pending": _pending_without(document, event.body, event.document_version),
        "decisions": (*earlier, _decision(event.body, step, outcome, event)),
    }


def _replaced(decision: Decision, event: _Decided) -> Decision:
    """A body that decides anew about a version takes its earlier decision back."""
    key = (decision.step, decision.body.id, decision.document_version)
    if key == (PathKind.APPROVE, event.body.id, event.document_version):
        return decision.model_copy(update={"standing": False})
    return decision


def _fallen(decisions: tuple[Decision, ...], step: PathKind) -> tuple[Decision, ...]:
    """What was treated counts no longer: another version, or sent back to be treated anew."""
    return tuple(
        each.model_copy(update={"standing": False}) if each.step is step else each
        for each in decisions
    )


def _decision(
    body: PartyRef,
    step: PathKind,
    outcome: str,
    event: _Decided | _Asked | DocumentDispatched,
) -> Decision:
    on: Occurred = event.occurred
    return Decision(
        body=body,
        step=step,
        outcome=outcome,
        document_version=event.document_version,
        on=on,
        reading=getattr(event, "reading", None),
        vote=getattr(event, "vote", None),
        meeting=getattr(event, "meeting", None),
        medium=getattr(event, "medium", None),
    )


def _pending_without(document: Document, body: PartyRef, version: int) -> tuple[Pending, ...]:
    return tuple(
        each
        for each in document.pending
        if (each.body.id, each.document_version) != (body.id, version)
    )


def _united(some: tuple[PartyRef, ...], more: tuple[PartyRef, ...]) -> tuple[PartyRef, ...]:
    return tuple({party.id: party for party in (*some, *more)}.values())
