"""Decisions about documents: pure functions from a document and a command to events."""

from domain.documents.commands import (
    AdoptRecommendation,
    ApproveDocument,
    CreateVersion,
    DeliberateRecommendation,
    DispatchDocument,
    DraftDocument,
    HoldConsultation,
    PathKind,
    PlanPath,
    PostponeDecision,
    RejectDocument,
    RequestApproval,
    SendBackRecommendation,
    SubmitRecommendation,
    WaiveDeliberation,
    WithdrawRecommendation,
)
from domain.documents.events import (
    ADOPTED,
    LIVING,
    ApprovalInvalidated,
    ApprovalRequested,
    DecisionPostponed,
    DeliberationWaived,
    Document,
    DocumentApproved,
    DocumentDispatched,
    DocumentDrafted,
    DocumentEvent,
    DocumentRejected,
    DocumentVersionCreated,
    DocumentWords,
    InternalConsultationHeld,
    PathPlanned,
    PathStep,
    RecommendationAdopted,
    RecommendationDeliberated,
    RecommendationSentBack,
    RecommendationSubmitted,
    RecommendationWithdrawn,
    TitleText,
)
from domain.errors import Refused
from domain.records import NOBODY, Check, Known, one_each, standing
from domain.values import PartyRef

_ID = "document_id"


def draft(command: DraftDocument, document_id: str, known: Known) -> DocumentDrafted:
    """Decide a new document with its first version."""
    check = Check(known)
    authors = check.parties(command.authors, "/authors")
    required = check.parties(command.required, "/required")
    adopting = check.party(command.adopting, "/adopting") if command.adopting else None
    occurred = check.happened(command.occurred)
    check.done()
    return DocumentDrafted(
        document_id=document_id,
        kind=command.kind,
        text=TitleText(title=command.title),
        authors=authors,
        required=required,
        adopting=adopting,
        content_hash=command.content_hash,
        case_numbers=tuple(dict.fromkeys(command.case_numbers)),
        document_numbers=tuple(dict.fromkeys(command.document_numbers)),
        kle=tuple(dict.fromkeys(command.kle)),
        occurred=occurred,
        confidentiality=command.confidentiality,
        source=command.source,
    )


def create_version(
    document: Document | None, command: CreateVersion, known: Known
) -> list[DocumentEvent]:
    """Decide a new version; every approval of an older one that still stands lapses with it."""
    now = standing(document, *LIVING)
    check = Check(known)
    _known_version(now, command.based_on_version, check, "/based_on_version")
    for index, contact in enumerate(command.based_on_contacts):
        check.record("contact", contact, f"/based_on_contacts/{index}")
    held = {each.consultation_id for each in now.consultations}
    for index, consultation in enumerate(command.based_on_consultations):
        if consultation not in held:
            check.fault(f"/based_on_consultations/{index}", "consultation_unknown")
    base = check.step(now, _ID, command)
    check.done()
    number = now.newest + 1
    events: list[DocumentEvent] = [
        DocumentVersionCreated(
            **base,
            document_version=number,
            based_on_version=command.based_on_version,
            based_on_contacts=tuple(dict.fromkeys(command.based_on_contacts)),
            based_on_consultations=tuple(dict.fromkeys(command.based_on_consultations)),
            content_hash=command.content_hash,
            text=DocumentWords(changes=command.changes) if command.changes else None,
        )
    ]
    for decision in now.decisions:
        if decision.step is PathKind.APPROVE and decision.standing and decision.settles:
            lapsed = {**base, "version": now.version + 1 + len(events)}
            events.append(
                ApprovalInvalidated(
                    **lapsed,
                    body=decision.body,
                    document_version=decision.document_version,
                    by_version=number,
                )
            )
    return events


def hold_consultation(
    document: Document | None, command: HoldConsultation, known: Known
) -> InternalConsultationHeld:
    """Decide an internal discussion; it gives no contact (domain.md 1.8 A)."""
    now = standing(document, *LIVING)
    check = Check(known)
    units = check.parties(command.units, "/units")
    if command.document_version is not None:
        _known_version(now, command.document_version, check)
    base = check.step(now, _ID, command)
    check.done()
    return InternalConsultationHeld(
        **base,
        consultation_id=known.new_id(),
        units=units,
        document_version=command.document_version,
        text=_reason(command.note),
    )


def request_approval(
    document: Document | None, command: RequestApproval, known: Known
) -> ApprovalRequested:
    """Decide that the newest version is submitted; an older one is not."""
    now = standing(document, *LIVING)
    check = Check(known)
    body = check.party(command.body, "/body", _waiting(now), *_bodies(now))
    _newest_version(now, command.document_version, check)
    asked = (body.id, command.document_version)
    waiting = (each for each in now.pending if not each.postponed)
    if asked in {(each.body.id, each.document_version) for each in waiting}:
        check.fault("/body", "already_requested")
    _not_approved(now, body, command.document_version, check)
    _meeting(command.meeting, check)
    base = check.step(now, _ID, command)
    planned = check.planned(command.planned) if command.planned else None
    check.done()
    return ApprovalRequested(
        **base,
        body=body,
        document_version=command.document_version,
        meeting=command.meeting,
        planned=planned,
    )


def approve(document: Document | None, command: ApproveDocument, known: Known) -> DocumentApproved:
    """Decide an approval; it need not have been asked for, and is of one version only."""
    now = standing(document, *LIVING)
    check = Check(known)
    body = check.party(command.body, "/body", _waiting(now), *_bodies(now))
    _newest_version(now, command.document_version, check)
    _not_approved(now, body, command.document_version, check)
    _meeting(command.meeting, check)
    base = check.step(now, _ID, command)
    check.done()
    words = DocumentWords(conditions=command.conditions, dissent=command.dissent)
    return DocumentApproved(
        **base,
        body=body,
        document_version=command.document_version,
        with_changes=command.with_changes,
        meeting=command.meeting,
        text=words if command.conditions or command.dissent else None,
    )


def reject(document: Document | None, command: RejectDocument, known: Known) -> DocumentRejected:
    """Decide a rejection."""
    now = standing(document, *LIVING)
    check = Check(known)
    body = check.party(command.body, "/body", _waiting(now), *_bodies(now))
    _newest_version(now, command.document_version, check)
    base = check.step(now, _ID, command)
    check.done()
    version = command.document_version
    if now.decided(body.id, version) == "rejected":
        raise Refused("nothing_changed")
    return DocumentRejected(
        **base, body=body, document_version=version, text=_reason(command.reason)
    )


def postpone(
    document: Document | None, command: PostponeDecision, known: Known
) -> DecisionPostponed:
    """Decide that a decision was put off."""
    now = standing(document, *LIVING)
    check = Check(known)
    body = check.party(command.body, "/body", _waiting(now), *_bodies(now))
    _newest_version(now, command.document_version, check)
    base = check.step(now, _ID, command)
    until = check.planned(command.until) if command.until else None
    check.done()
    return DecisionPostponed(
        **base,
        body=body,
        document_version=command.document_version,
        until=until,
        text=_reason(command.reason),
    )


def dispatch(
    document: Document | None, command: DispatchDocument, known: Known
) -> DocumentDispatched:
    """Decide that a version is sent; refused unless that very version is approved (R3)."""
    now = standing(document, *LIVING, ADOPTED)
    check = Check(known)
    recipients = check.parties(command.recipients, "/recipients")
    _known_version(now, command.document_version, check)
    if not now.approved(command.document_version):
        check.fault("/document_version", "version_not_approved", version=command.document_version)
    if known.media and command.medium not in known.media:
        check.fault("/medium", "unknown_medium", medium=command.medium)
    base = check.step(now, _ID, command)
    check.done()
    return DocumentDispatched(
        **base,
        recipients=recipients,
        document_version=command.document_version,
        medium=command.medium,
    )


def submit(
    document: Document | None, command: SubmitRecommendation, known: Known
) -> RecommendationSubmitted:
    """Decide that it is submitted as a recommendation."""
    now = standing(document, *LIVING)
    check = Check(known)
    submitting = check.parties(command.submitting, "/submitting", now.authors)
    to = check.parties(command.to, "/to", now.required)
    _newest_version(now, command.document_version, check)
    base = check.step(now, _ID, command)
    deadline = check.planned(command.deadline) if command.deadline else None
    check.done()
    return RecommendationSubmitted(
        **base,
        submitting=submitting,
        to=to,
        document_version=command.document_version,
        deadline=deadline,
    )


def deliberate(
    document: Document | None, command: DeliberateRecommendation, known: Known
) -> list[RecommendationDeliberated]:
    """Decide that a body treated it; bodies beside the required ones may, too.

    Required bodies that were merged are treated for by their survivor, each by its own event.
    """
    now = standing(document, *LIVING)
    check = Check(known)
    body = check.party(command.body, "/body", now.required, *_bodies(now))
    bodies = known.own(command.body, now.untreated(command.document_version)) or (body,)
    _known_version(now, command.document_version, check)
    base = check.step(now, _ID, command)
    check.done()
    return [
        RecommendationDeliberated(
            **own,
            body=body,
            document_version=command.document_version,
            outcome=command.outcome,
            reading=command.reading,
            vote=command.vote,
            text=DocumentWords(dissent=command.dissent) if command.dissent else None,
        )
        for body, own in one_each(base, bodies)
    ]


def waive(
    document: Document | None, command: WaiveDeliberation, known: Known
) -> list[DeliberationWaived]:
    """Decide that a required body need not treat it; merged ones are each waived."""
    now = standing(document, *LIVING)
    check = Check(known)
    bodies = check.each(command.body, "/body", now.required)
    if bodies[0] is not NOBODY and bodies[0].id not in {party.id for party in now.required}:
        check.fault("/body", "not_required")
    base = check.step(now, _ID, command)
    check.done()
    wanted = [body for body in bodies if body.id not in {party.id for party in now.waived}]
    if not wanted:
        raise Refused("nothing_changed")
    return [
        DeliberationWaived(**own, body=body, text=_reason(command.reason))
        for body, own in one_each(base, wanted)
    ]


def adopt(
    document: Document | None, command: AdoptRecommendation, known: Known
) -> RecommendationAdopted:
    """Decide the adoption; every required body must have treated this version, or be waived."""
    now = standing(document, *LIVING)
    check = Check(known)
    adopting = [now.adopting] if now.adopting else []
    body = check.party(command.body, "/body", adopting, *_bodies(now))
    _newest_version(now, command.document_version, check)
    if now.adopting is not None and body.id and body.id != now.adopting.id:
        check.fault("/body", "not_the_adopting_body")
    for party in now.untreated(command.document_version):
        check.fault("/document_version", "not_treated", party=party.id)
    base = check.step(now, _ID, command)
    check.done()
    return RecommendationAdopted(
        **base,
        body=body,
        document_version=command.document_version,
        text=DocumentWords(decision=command.decision) if command.decision else None,
    )


def send_back(
    document: Document | None, command: SendBackRecommendation, known: Known
) -> RecommendationSentBack:
    """Decide that it was sent back."""
    now = standing(document, *LIVING)
    check = Check(known)
    body = check.party(command.body, "/body", _waiting(now), *_bodies(now))
    _newest_version(now, command.document_version, check)
    base = check.step(now, _ID, command)
    check.done()
    version = command.document_version
    return RecommendationSentBack(
        **base, body=body, document_version=version, text=_reason(command.reason)
    )


def withdraw(
    document: Document | None, command: WithdrawRecommendation, known: Known
) -> RecommendationWithdrawn:
    """Decide that it is withdrawn."""
    now = standing(document, *LIVING)
    check = Check(known)
    base = check.step(now, _ID, command)
    check.done()
    return RecommendationWithdrawn(**base, text=_reason(command.reason))


def plan_path(document: Document | None, command: PlanPath, known: Known) -> PathPlanned:
    """Decide the plan of its path; plans are expectations, never facts (R11)."""
    now = standing(document, *LIVING)
    check = Check(known)
    path = tuple(
        PathStep(
            body=check.party(given.body, f"/path/{index}/body", *_bodies(now)),
            step=given.step,
            planned=check.planned(given.planned),
        )
        for index, given in enumerate(command.path)
    )
    base = check.step(now, _ID, command)
    check.done()
    if path == now.path:
        raise Refused("nothing_changed")
    return PathPlanned(**base, path=path)


def _waiting(now: Document) -> list[PartyRef]:
    return [asked.body for asked in now.pending]


def _bodies(now: Document) -> tuple[list[PartyRef], ...]:
    """Return the bodies a document knows, by what they are to it.

    First those whose decision on the newest version stands: what a body decides anew replaces it.
    Then all others, so that a planned step is seen to be done by the body it names.
    """
    newest = (each for each in reversed(now.decisions) if each.document_version == now.newest)
    approving = [each.body for each in newest if each.step is PathKind.APPROVE and each.standing]
    required = [*now.required, *([now.adopting] if now.adopting else [])]
    planned = [step.body for step in now.path]
    return approving, required, planned, [each.body for each in reversed(now.decisions)]


def _known_version(
    now: Document, version: int, check: Check, pointer: str = "/document_version"
) -> None:
    if version > now.newest:
        check.fault(pointer, "version_unknown", newest=now.newest)


def _newest_version(now: Document, version: int, check: Check) -> None:
    """A decision about an older version is a mistake: the newest one is what lies before a body."""
    if version != now.newest:
        check.fault("/document_version", "version_not_newest", newest=now.newest)


def _not_approved(now: Document, body: PartyRef, version: int, check: Check) -> None:
    """A body approves a version once: again only after it has rejected it."""
    if (now.decided(body.id, version) or "").startswith("approved"):
        check.fault("/body", "already_approved")


def _meeting(meeting: str | None, check: Check) -> None:
    if meeting is not None:
        check.record("meeting", meeting, "/meeting")


def _reason(text: str | None) -> DocumentWords | None:
    return DocumentWords(reason=text) if text else None
