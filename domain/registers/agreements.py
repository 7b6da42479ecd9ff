"""The register of agreements (aftaler): its row in the table, and how milestones are judged."""

from collections.abc import Iterable, Sequence
from typing import Final

from domain.agreements import commands, decisions
from domain.agreements.events import (
    Agreement,
    AgreementConcluded,
    AgreementEvent,
    AgreementExpired,
    AgreementExtended,
    AgreementTerminated,
    evolve,
)
from domain.due_days import day_after
from domain.records import Reference
from domain.registers.table import Register, Rule, named, rule, shows
from domain.registry import Json
from domain.values import PartyRef


def judge(agreement: Json, day: str) -> Json:
    """Add which version is in force on `day`, if any, and what became of each milestone by then.

    A draft that amends an agreement in force takes nothing from the version concluded before it.
    """
    judged = dict(agreement)
    if shows(agreement, "conclusions", "agreement_version", "valid_from", "valid_to"):
        version = _in_force(agreement["conclusions"], day)
        judged |= {"in_force": version is not None, "version_in_force": version}
    if shows(agreement, "milestones", "planned", "reached"):
        judged["milestones"] = [_judged(each, day) for each in agreement["milestones"]]
    return judged


def _in_force(conclusions: Sequence[Json], day: str) -> int | None:
    for concluded in reversed(conclusions):
        begun, ended = concluded["valid_from"], concluded["valid_to"]
        if begun <= day and (ended is None or day <= ended):
            return int(concluded["agreement_version"])
    return None


def _judged(milestone: Json, day: str) -> Json:
    planned, reached = milestone["planned"], milestone["reached"]
    if reached is not None and reached["first_day"] <= day:
        late = reached["first_day"] > planned["last_day"]
        return {**milestone, "state": "reached_late" if late else "reached"}
    return {**milestone, "state": "late" if planned["last_day"] < day else "planned"}


def _effect(agreement: Agreement | None, event: AgreementEvent) -> str | None:
    """Return the day an agreement begins, goes on or ends by its dates, whenever it was told."""
    match event:
        case AgreementConcluded():
            return event.valid_from
        case AgreementExtended():
            return agreement.valid_to if agreement else None
        case AgreementTerminated() | AgreementExpired():
            return day_after(event.valid_to)
        case _:
            return None


def _text(
    given: commands.DraftAgreement | commands.AmendAgreement | commands.ImplementAgreement,
) -> list[Reference]:
    return [("document", given.document)] if given.document else []


def _parties(agreement: Agreement) -> Iterable[PartyRef]:
    yield from agreement.parties
    yield from (each.organisation for each in agreement.implementations)
    yield from (each.body for each in agreement.approvals if each.body)


def _terms(agreement: Agreement) -> Iterable[tuple[str, str]]:
    yield "status", agreement.status
    yield "kind", agreement.kind
    yield from (("with", party.id) for party in agreement.parties)
    yield from (("implemented", each.organisation.id) for each in agreement.implementations)


AGREEMENTS: Final = Register(
    name="agreements",
    noun="agreement",
    danish="Aftaler",
    record=Agreement,
    open=rule(
        "explore_agreement",
        "Explore the possibility of an agreement",
        commands.ExploreAgreement,
        decisions.explore,
        "parties",
        title="Hovedaftale",
        parties=["TMF", "BL"],
    ),
    steps={
        "negotiation": rule(
            "open_negotiation", "Open negotiations", commands.OpenNegotiation, decisions.negotiate
        ),
        "drafts": Rule(
            "draft_agreement",
            "Write a draft",
            commands.DraftAgreement,
            decisions.draft,
            records=_text,
        ),
        "amendments": Rule(
            "amend_agreement",
            "Amend it; every party approves anew",
            commands.AmendAgreement,
            decisions.amend,
            records=_text,
            example={"changes": "Stk. 3 er ændret"},
        ),
        "approvals": rule(
            "approve_agreement",
            "Say that a party approved a version",
            commands.ApproveAgreement,
            decisions.approve,
            "party",
            "body",
            party="BL",
            agreement_version=1,
        ),
        "conclusion": rule(
            "conclude_agreement",
            "Conclude it",
            commands.ConcludeAgreement,
            decisions.conclude,
            agreement_version=1,
            valid_from="2011-01-01",
            valid_to="2014-12-31",
        ),
        "implementations": Rule(
            "implement_agreement",
            "Say that an organisation made its own agreement under it",
            commands.ImplementAgreement,
            decisions.implement,
            named("organisation"),
            _text,
            {"organisation": "KAB"},
        ),
        "reports": rule(
            "report_agreement_status",
            "Report how it goes",
            commands.ReportStatus,
            decisions.report,
            report="Målene er på vej",
        ),
        "extensions": rule(
            "extend_agreement",
            "Let it hold longer",
            commands.ExtendAgreement,
            decisions.extend,
            valid_to="2015-12-31",
        ),
        "termination": rule(
            "terminate_agreement",
            "End it before its time",
            commands.TerminateAgreement,
            decisions.terminate,
            "by",
            by="BL",
            valid_to="2013-12-31",
            reason="Nye rammer",
        ),
        "renegotiation": rule(
            "renegotiate_agreement",
            "Negotiate it anew",
            commands.RenegotiateAgreement,
            decisions.renegotiate,
            reason="Perioden udløber",
        ),
        "abandonment": rule(
            "abandon_negotiation",
            "Give the negotiation up; what was concluded before it stands",
            commands.AbandonNegotiation,
            decisions.abandon,
            reason="Parterne kunne ikke enes",
        ),
        "milestone-plan": rule(
            "plan_milestones",
            "Plan the milestones, whole",
            commands.PlanMilestones,
            decisions.plan,
            milestones=[{"name": "Udkast", "planned": "2010-Q3"}],
        ),
        "milestones": rule(
            "reach_milestone",
            "Say that a milestone was reached",
            commands.ReachMilestone,
            decisions.reach,
            name="Udkast",
        ),
    },
    evolve=evolve,
    parties=_parties,
    terms=_terms,
    day=lambda agreement: str(agreement.valid_from or agreement.explored.first_day),
    filters=("status", "kind"),
    party_filters=("with", "implemented"),
    outside=frozenset(
        {"title", "kind", "parties", "agreement_version", "approvals", "explored", "concluded"}
        | {
            "conclusions",
            "valid_from",
            "valid_to",
            "implementations",
            "reports",
            "milestones",
            "negotiation",
        }
    ),
    outside_parts={
        "approvals": frozenset({"party", "agreement_version", "on", "standing"}),
        "conclusions": frozenset({"agreement_version", "on", "valid_from", "valid_to"}),
        "implementations": frozenset({"organisation", "on", "agreement_version"}),
        "reports": frozenset({"on"}),
        "milestones": frozenset({"name", "planned", "reached"}),
    },
    judge=judge,
    judged=frozenset({"milestones"}),
    due=decisions.due,
    watch=decisions.watch,
    final=lambda agreement: not agreement.negotiation,
    effect=_effect,
)
