"""Decisions about agreements: pure functions from an agreement and a command to events."""

from domain.agreements.commands import (
    AbandonNegotiation,
    AmendAgreement,
    ApproveAgreement,
    ConcludeAgreement,
    DraftAgreement,
    ExploreAgreement,
    ExtendAgreement,
    ImplementAgreement,
    OpenNegotiation,
    PlanMilestones,
    ReachMilestone,
    RenegotiateAgreement,
    ReportStatus,
    TerminateAgreement,
)
from domain.agreements.events import (
    CONCLUDED,
    DRAFTED,
    EXPIRED,
    EXPLORED,
    NEGOTIATING,
    Agreement,
    AgreementAmended,
    AgreementApprovedByParty,
    AgreementConcluded,
    AgreementDrafted,
    AgreementExpired,
    AgreementExplored,
    AgreementExtended,
    AgreementImplementedWith,
    AgreementRenegotiated,
    AgreementStatusReported,
    AgreementTerminated,
    AgreementWords,
    Milestone,
    MilestoneReached,
    MilestonesPlanned,
    NegotiationAbandoned,
    NegotiationOpened,
)
from domain.errors import Refused
from domain.records import NOBODY, Check, Known, one_each, standing

_ID = "agreement_id"


def explore(command: ExploreAgreement, agreement_id: str, known: Known) -> AgreementExplored:
    """Decide that an agreement is explored; it takes two parties at least."""
    check = Check(known)
    parties = check.parties(command.parties, "/parties")
    if len(parties) < len(command.parties) and not check.faults:
        check.fault("/parties", "duplicate_entry")
    occurred = check.happened(command.occurred)
    check.done()
    return AgreementExplored(
        agreement_id=agreement_id,
        text=AgreementWords(title=command.title),
        kind=command.kind,
        parties=parties,
        occurred=occurred,
        confidentiality=command.confidentiality,
        source=command.source,
    )


def negotiate(
    agreement: Agreement | None, command: OpenNegotiation, known: Known
) -> NegotiationOpened:
    """Decide that negotiations open."""
    now, check = standing(agreement, EXPLORED), Check(known)
    base = check.step(now, _ID, command)
    check.done()
    return NegotiationOpened(**base, text=_reason(command.note))


def draft(agreement: Agreement | None, command: DraftAgreement, known: Known) -> AgreementDrafted:
    """Decide a draft, the first or the next of a renegotiation."""
    now, check = standing(agreement, EXPLORED, NEGOTIATING), Check(known)
    if command.document is not None:
        check.record("document", command.document, "/document")
    base = check.step(now, _ID, command)
    check.done()
    number = now.agreement_version + 1
    return AgreementDrafted(**base, agreement_version=number, document=command.document)


def amend(agreement: Agreement | None, command: AmendAgreement, known: Known) -> AgreementAmended:
    """Decide an amendment, also of one that is in force; every party approves anew."""
    now, check = standing(agreement, DRAFTED, CONCLUDED), Check(known)
    if command.document is not None:
        check.record("document", command.document, "/document")
    base = check.step(now, _ID, command)
    check.done()
    return AgreementAmended(
        **base,
        agreement_version=now.agreement_version + 1,
        document=command.document,
        text=AgreementWords(changes=command.changes),
    )


def approve(
    agreement: Agreement | None, command: ApproveAgreement, known: Known
) -> list[AgreementApprovedByParty]:
    """Decide that a party approved the newest version, in any order; each of its bodies once.

    Parties that were merged are approved for by their survivor, each by an event of its own. What
    one of them approved before the merge is not the approval of the others.
    """
    now, check = standing(agreement, DRAFTED), Check(known)
    parties = check.each(command.party, "/party", now.parties)
    bodies = [a.body for a in now.approvals if a.body]
    body = check.party(command.body, "/body", bodies) if command.body else None
    given = {(a.party.id, a.body and a.body.id) for a in now.approvals if a.standing}
    wanting = [each for each in parties if (each.id, body and body.id) not in given]
    if parties[0] is not NOBODY and parties[0].id not in {each.id for each in now.parties}:
        check.fault("/party", "not_a_party")
    elif not wanting:
        check.fault("/party", "already_approved")
    _newest(now, command.agreement_version, check)
    base = check.step(now, _ID, command)
    check.done()
    version = command.agreement_version
    return [
        AgreementApprovedByParty(**own, party=party, body=body, agreement_version=version)
        for party, own in one_each(base, wanting)
    ]


def conclude(
    agreement: Agreement | None, command: ConcludeAgreement, known: Known
) -> AgreementConcluded:
    """Decide that it is concluded; every party must have approved this version."""
    now, check = standing(agreement, DRAFTED), Check(known)
    _newest(now, command.agreement_version, check)
    for party in now.lacking():
        check.fault("/agreement_version", "approval_missing", party=party.id)
    if command.valid_to is not None and command.valid_to < command.valid_from:
        check.fault("/valid_to", "invalid_input")
    base = check.step(now, _ID, command)
    check.done()
    return AgreementConcluded(
        **base,
        agreement_version=command.agreement_version,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
    )


def implement(
    agreement: Agreement | None, command: ImplementAgreement, known: Known
) -> AgreementImplementedWith:
    """Decide that an organisation made its own agreement under it, once for each version."""
    now, check = _holding(agreement), Check(known)
    before = [each.organisation for each in now.implementations]
    organisation, *others = check.each(command.organisation, "/organisation", before)
    made = {(each.organisation.id, each.agreement_version) for each in now.implementations}
    if any((each.id, now.concluded_version) in made for each in (organisation, *others)):
        check.fault("/organisation", "already_implemented")
    if command.document is not None:
        check.record("document", command.document, "/document")
    base = check.step(now, _ID, command)
    check.done()
    return AgreementImplementedWith(**base, organisation=organisation, document=command.document)


def report(
    agreement: Agreement | None, command: ReportStatus, known: Known
) -> AgreementStatusReported:
    """Decide a status report."""
    now, check = _holding(agreement, EXPIRED), Check(known)
    base = check.step(now, _ID, command)
    check.done()
    return AgreementStatusReported(**base, text=AgreementWords(report=command.report))


def extend(
    agreement: Agreement | None, command: ExtendAgreement, known: Known
) -> AgreementExtended:
    """Decide that it holds longer; one that has no last day cannot hold longer than it does."""
    now, check = _holding(agreement, EXPIRED), Check(known)
    if now.valid_to is None:
        check.fault("/valid_to", "not_longer")
    elif command.valid_to <= now.valid_to:
        check.fault("/valid_to", "not_longer", valid_to=now.valid_to)
    base = check.step(now, _ID, command)
    check.done()
    return AgreementExtended(**base, valid_to=command.valid_to, text=_reason(command.reason))


def terminate(
    agreement: Agreement | None, command: TerminateAgreement, known: Known
) -> AgreementTerminated:
    """Decide that a party ends it before its time: on a day on which it would hold."""
    now, check = _holding(agreement), Check(known)
    by = check.party(command.by, "/by", now.parties)
    if by.id and by.id not in {each.id for each in now.parties}:
        check.fault("/by", "not_a_party")
    ended = (now.valid_from or "") <= command.valid_to <= (now.valid_to or command.valid_to)
    if not ended:
        check.fault("/valid_to", "invalid_input")
    base = check.step(now, _ID, command)
    check.done()
    return AgreementTerminated(
        **base, by=by, valid_to=command.valid_to, text=_reason(command.reason)
    )


def renegotiate(
    agreement: Agreement | None, command: RenegotiateAgreement, known: Known
) -> AgreementRenegotiated:
    """Decide that it is negotiated anew."""
    now, check = standing(agreement, CONCLUDED, DRAFTED, EXPIRED), Check(known)
    base = check.step(now, _ID, command)
    check.done()
    return AgreementRenegotiated(**base, text=_reason(command.reason))


def abandon(
    agreement: Agreement | None, command: AbandonNegotiation, known: Known
) -> NegotiationAbandoned:
    """Decide that the parties gave up: what was concluded stands, what never was has ended."""
    now, check = standing(agreement, EXPLORED, NEGOTIATING, DRAFTED), Check(known)
    base = check.step(now, _ID, command)
    check.done()
    return NegotiationAbandoned(**base, text=_reason(command.reason))


def plan(agreement: Agreement | None, command: PlanMilestones, known: Known) -> MilestonesPlanned:
    """Decide the plan; names are unique, and plans are expectations (R11)."""
    now, check = standing(agreement), Check(known)
    names = [given.name for given in command.milestones]
    for index, name in enumerate(names):
        if name in names[:index]:
            check.fault(f"/milestones/{index}/name", "duplicate_entry")
    base = check.step(now, _ID, command)
    milestones = tuple(
        Milestone(name=given.name, planned=check.planned(given.planned))
        for given in command.milestones
    )
    check.done()
    return MilestonesPlanned(**base, milestones=milestones)


def reach(agreement: Agreement | None, command: ReachMilestone, known: Known) -> MilestoneReached:
    """Decide that a milestone was reached, once."""
    now, check = standing(agreement), Check(known)
    found = next((m for m in now.milestones if m.name == command.name), None)
    if found is None:
        check.fault("/name", "milestone_unknown")
    base = check.step(now, _ID, command)
    check.done()
    if found is not None and found.reached is not None:
        raise Refused("nothing_changed")
    return MilestoneReached(**base, name=command.name)


def watch(agreement: Agreement, today: str) -> list[AgreementExpired]:
    """Return that its time is up, once its last day has passed."""
    last = due(agreement)
    if last is None or last >= today:
        return []
    number = agreement.version + 1
    return [AgreementExpired(agreement_id=agreement.id, version=number, valid_to=last)]


def due(agreement: Agreement) -> str | None:
    """Return the last day of what is in force, also while a new version of it is negotiated."""
    return agreement.valid_to if agreement.concluded_status == CONCLUDED else None


def _holding(agreement: Agreement | None, *also: str) -> Agreement:
    """What was concluded is lived with, also while a new version is negotiated or drafted."""
    now = standing(agreement)
    if now.concluded_status not in (CONCLUDED, *also):
        raise Refused("wrong_status", status=now.concluded_status or now.status)
    return now


def _newest(now: Agreement, version: int, check: Check) -> None:
    if version != now.agreement_version:
        check.fault("/agreement_version", "version_not_newest", newest=now.agreement_version)


def _reason(text: str | None) -> AgreementWords | None:
    return AgreementWords(reason=text) if text else None
