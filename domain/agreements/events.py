"""What happened to an agreement (hændelser), and the agreement as its events tell it."""

from datetime import date
from typing import Any, Final

from domain.errors import Broken
from domain.records import Record, StepTaken
from domain.values import (
    Confidentiality,
    Name,
    Occurred,
    PartyRef,
    Reason,
    Source,
    Subject,
    Text,
    Value,
)

EXPLORED: Final = "explored"
NEGOTIATING: Final = "negotiating"
DRAFTED: Final = "drafted"
CONCLUDED: Final = "concluded"
EXPIRED: Final = "expired"
TERMINATED: Final = "terminated"
ABANDONED: Final = "abandoned"


class AgreementWords(Value):
    """The words of an agreement; sealed under its own key."""

    title: Subject | None = None
    changes: Text | None = None
    report: Text | None = None
    reason: Reason | None = None


class AgreementExplored(Value):
    """The possibility of an agreement was explored (mulighed for aftale undersøgt)."""

    agreement_id: str
    text: AgreementWords | None
    kind: str
    parties: tuple[PartyRef, ...]
    occurred: Occurred
    confidentiality: Confidentiality
    source: Source | None = None


class _Step(StepTaken):
    agreement_id: str
    text: AgreementWords | None = None


class NegotiationOpened(_Step):
    """Negotiations were opened (forhandling indledt)."""


class AgreementDrafted(_Step):
    """A draft was written (aftaleudkast udarbejdet)."""

    agreement_version: int
    document: str | None = None


class AgreementAmended(_Step):
    """It was amended (aftale ændret): approvals of older versions no longer count."""

    agreement_version: int
    document: str | None = None


class AgreementApprovedByParty(_Step):
    """A party approved a version (aftale godkendt af part)."""

    party: PartyRef
    body: PartyRef | None
    agreement_version: int


class AgreementConcluded(_Step):
    """It was concluded (aftale indgået)."""

    agreement_version: int
    valid_from: str
    valid_to: str | None


class AgreementImplementedWith(_Step):
    """An organisation made its own agreement under it (aftale udmøntet med)."""

    organisation: PartyRef
    document: str | None = None


class AgreementStatusReported(_Step):
    """Its status was reported (status afgivet)."""


class AgreementExtended(_Step):
    """It holds longer (aftale forlænget)."""

    valid_to: str


class AgreementTerminated(_Step):
    """It was ended before its time (aftale opsagt); a version that is negotiated goes on."""

    by: PartyRef
    valid_to: str


class AgreementRenegotiated(_Step):
    """It is negotiated anew (aftale genforhandles)."""


class NegotiationAbandoned(_Step):
    """The negotiation was given up (forhandling opgivet); what was concluded before it stands."""


class AgreementExpired(Value):
    """Its time was up (aftale udløbet); recorded once, by policy; a negotiation goes on."""

    agreement_id: str
    version: int
    valid_to: str


class Milestone(Value):
    """A milestone of the plan."""

    name: str
    planned: Occurred


class MilestonesPlanned(_Step):
    """The milestones were planned, whole (milepæle planlagt)."""

    milestones: tuple[Milestone, ...]


class MilestoneReached(_Step):
    """A milestone was reached (milepæl nået)."""

    name: str


AgreementEvent = (
    AgreementExplored
    | NegotiationOpened
    | AgreementDrafted
    | AgreementAmended
    | AgreementApprovedByParty
    | AgreementConcluded
    | AgreementImplementedWith
    | AgreementStatusReported
    | AgreementExtended
    | AgreementTerminated
    | AgreementRenegotiated
    | NegotiationAbandoned
    | AgreementExpired
    | MilestonesPlanned
    | MilestoneReached
)


class Approval(Value):
    """A party's approval of one version.

    `standing` until a newer version takes its place, and again when that one is given up.
    """

    party: PartyRef
    body: PartyRef | None
    agreement_version: int
    on: Occurred
    standing: bool = True


class Conclusion(Value):
    """A version that was concluded, and the days it holds; a later one does not undo them."""

    agreement_version: int
    on: Occurred
    valid_from: str
    valid_to: str | None


class Implementation(Value):
    """An organisation's own agreement under the frame, and under which version of it."""

    organisation: PartyRef
    document: str | None
    on: Occurred
    agreement_version: int = 0


class MilestoneNow(Milestone):
    """A milestone by now."""

    reached: Occurred | None = None


class StatusReport(Value):
    """A report on how it goes."""

    on: Occurred
    report: str | None


class Agreement(Record):
    """An agreement by now; `negotiation` says that it is not final.

    `concluded_status` is what the version last concluded is, whatever is negotiated meanwhile:
    concluded, expired or terminated; None before any.
    """

    title: str | None
    kind: Name
    parties: tuple[PartyRef, ...]
    negotiation: bool = False
    concluded_status: str | None = None
    agreement_version: int = 0
    documents: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()
    explored: Occurred
    concluded: Occurred | None = None
    conclusions: tuple[Conclusion, ...] = ()
    valid_from: str | None = None
    valid_to: str | None = None
    implementations: tuple[Implementation, ...] = ()
    reports: tuple[StatusReport, ...] = ()
    milestones: tuple[MilestoneNow, ...] = ()
    terminated_by: PartyRef | None = None
    source: Source | None = None

    @property
    def concluded_version(self) -> int:
        """The version last concluded, 0 before any."""
        return self.conclusions[-1].agreement_version if self.conclusions else 0

    def lacking(self) -> tuple[PartyRef, ...]:
        """Return the parties that have not approved the newest version."""
        newest = self.agreement_version
        given = {a.party.id for a in self.approvals if a.standing and a.agreement_version == newest}
        return tuple(party for party in self.parties if party.id not in given)


def evolve(agreement: Agreement | None, event: AgreementEvent) -> Agreement:
    """Fold one event into the agreement; total, never refuses."""
    if isinstance(event, AgreementExplored):
        return Agreement(
            id=event.agreement_id,
            version=1,
            status=EXPLORED,
            confidentiality=event.confidentiality,
            title=event.text.title if event.text else None,
            kind=event.kind,
            parties=event.parties,
            explored=event.occurred,
            source=event.source,
        )
    if agreement is None:
        raise Broken("log_broken", reason="step before opening")
    change = _making(agreement, event) or _holding(agreement, event) or _planning(agreement, event)
    return agreement.model_copy(update={**change, "version": agreement.version + 1})


def _making(agreement: Agreement, event: AgreementEvent) -> dict[str, Any]:
    match event:
        case NegotiationOpened() | AgreementRenegotiated():
            return {"status": NEGOTIATING, "negotiation": True}
        case AgreementDrafted() | AgreementAmended():
            new = (event.document,) if event.document else ()
            lapsed = (a.model_copy(update={"standing": False}) for a in agreement.approvals)
            return {
                "status": DRAFTED,
                "negotiation": True,
                "agreement_version": event.agreement_version,
                "documents": (*agreement.documents, *new),
                "approvals": tuple(lapsed),
            }
        case AgreementApprovedByParty():
            approval = Approval(
                party=event.party,
                body=event.body,
                agreement_version=event.agreement_version,
                on=event.occurred,
            )
            return {"approvals": (*agreement.approvals, approval)}
        case AgreementConcluded():
            return {
                "status": CONCLUDED,
                "concluded_status": CONCLUDED,
                "negotiation": False,
                "terminated_by": None,
                "concluded": event.occurred,
                "conclusions": _concluded(agreement.conclusions, event),
                "valid_from": event.valid_from,
                "valid_to": event.valid_to,
            }
        case NegotiationAbandoned():
            return {
                "status": agreement.concluded_status or ABANDONED,
                "negotiation": False,
                "approvals": _standing_for(agreement.approvals, agreement.concluded_version),
            }
        case _:
            return {}


def _standing_for(approvals: tuple[Approval, ...], version: int) -> tuple[Approval, ...]:
    """Only approvals of one version stand, which is not given up."""
    return tuple(
        a.model_copy(update={"standing": a.agreement_version == version}) for a in approvals
    )


def _holding(agreement: Agreement, event: AgreementEvent) -> dict[str, Any]:
    match event:
        case AgreementImplementedWith():
            made = Implementation(
                organisation=event.organisation,
                document=event.document,
                on=event.occurred,
                agreement_version=agreement.concluded_version,
            )
            return {"implementations": (*agreement.implementations, made)}
        case AgreementStatusReported():
            words = event.text.report if event.text else None
            report = StatusReport(on=event.occurred, report=words)
            return {"reports": (*agreement.reports, report)}
        case AgreementExtended():
            return {
                **_now_is(agreement, CONCLUDED),
                "valid_to": event.valid_to,
                "conclusions": _until(agreement.conclusions, event.valid_to),
            }
        case AgreementTerminated():
            return {
                **_now_is(agreement, TERMINATED),
                "terminated_by": event.by,
                "valid_to": event.valid_to,
                "conclusions": _until(agreement.conclusions, event.valid_to),
            }
        case AgreementExpired():
            return _now_is(agreement, EXPIRED)
        case _:
            return {}


def _now_is(agreement: Agreement, status: str) -> dict[str, Any]:
    """What was concluded is this from now on; a negotiation about it goes on as it was."""
    changing = agreement.status in (NEGOTIATING, DRAFTED)
    return {"status": agreement.status if changing else status, "concluded_status": status}


def _planning(agreement: Agreement, event: AgreementEvent) -> dict[str, Any]:
    match event:
        case MilestonesPlanned():
            reached = {m.name: m.reached for m in agreement.milestones}
            planned = tuple(
                MilestoneNow(name=m.name, planned=m.planned, reached=reached.get(m.name))
                for m in event.milestones
            )
            names = {m.name for m in planned}
            kept = (m for m in agreement.milestones if m.reached and m.name not in names)
            return {"milestones": (*kept, *planned)}
        case MilestoneReached():
            done = {"reached": event.occurred}
            return {
                "milestones": tuple(
                    m.model_copy(update=done) if m.name == event.name else m
                    for m in agreement.milestones
                )
            }
        case _:
            return {}


def _concluded(before: tuple[Conclusion, ...], event: AgreementConcluded) -> tuple[Conclusion, ...]:
    """The version before holds until the day before the new one takes over."""
    new = Conclusion(
        agreement_version=event.agreement_version,
        on=event.occurred,
        valid_from=event.valid_from,
        valid_to=event.valid_to,
    )
    last = _day_before(event.valid_from)
    kept = (
        each.model_copy(update={"valid_to": min(each.valid_to or last, last)}) for each in before
    )
    return (*kept, new)


def _day_before(day: str) -> str:
    """The day before; the calendar's first day has none but itself."""
    return date.fromordinal(max(date.fromisoformat(day).toordinal() - 1, 1)).isoformat()


def _until(conclusions: tuple[Conclusion, ...], day: str) -> tuple[Conclusion, ...]:
    """The version last concluded holds until another day."""
    newest = (each.model_copy(update={"valid_to": day}) for each in conclusions[-1:])
    return (*conclusions[:-1], *newest)


def tags_of(event: AgreementEvent) -> list[str]:
    """Return the tags: the agreement, its parties, and documents."""
    tags = [f"agreement:{event.agreement_id}"]
    parties: list[PartyRef] = []
    match event:
        case AgreementExplored():
            parties = list(event.parties)
        case AgreementApprovedByParty():
            parties = [event.party, *([event.body] if event.body else [])]
        case AgreementImplementedWith():
            parties = [event.organisation]
        case AgreementTerminated():
            parties = [event.by]
        case AgreementDrafted() | AgreementAmended():
            tags += [f"agreement_text:{event.document}"] if event.document else []
        case _:
            pass
    tags += [f"party:{party.id}" for party in parties]
    return list(dict.fromkeys(tags))
