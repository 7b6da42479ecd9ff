"""The register of follow-ups (opfølgninger): its row in the table."""

from collections.abc import Iterable
from typing import Final

from domain import followups
from domain.due_days import day_after
from domain.records import Reference
from domain.registers.table import Register, Rule, named, rule


def _origins(given: followups.AgreeFollowUp) -> list[Reference]:
    found = {noun: getattr(given, noun) for noun in followups.ORIGINS}
    return [(noun, origin) for noun, origin in found.items() if origin]


def _evidence(given: followups.CompleteFollowUp) -> list[Reference]:
    if given.evidence_kind is None or given.evidence is None:
        return []
    return [(given.evidence_kind, given.evidence)]


def _terms(record: followups.FollowUp) -> Iterable[tuple[str, str]]:
    yield "status", record.status
    if record.status == followups.OPEN and record.due:
        yield "reminded", "yes" if record.reminded else "no"
    yield "owner", record.owner.id
    yield from (("concerns", party.id) for party in record.concerns)
    yield from (("topic", topic) for topic in record.topics)
    for noun in followups.ORIGINS:
        origin = getattr(record, noun)
        if origin:
            yield noun, origin


def _effect(_: followups.FollowUp | None, event: followups.FollowUpEvent) -> str | None:
    """Return the day after the last one, from which a follow-up is overdue."""
    return day_after(event.due) if isinstance(event, followups.FollowUpOverdue) else None


FOLLOWUPS: Final = Register(
    name="followups",
    noun="followup",
    danish="Opfølgninger",
    record=followups.FollowUp,
    open=Rule(
        "agree_followup",
        "Write down that somebody is to do something after a contact",
        followups.AgreeFollowUp,
        followups.agree,
        named("owner", "concerns"),
        _origins,
        {
            "owner": "TMF",
            "concerns": ["KAB"],
            "what": "Ring tilbage om renoveringen",
            "due": "2030-06-14",
        },
    ),
    steps={
        "reschedulings": rule(
            "reschedule_followup",
            "Set another day, with a reason",
            followups.RescheduleFollowUp,
            followups.reschedule,
            due="2030-06-21",
            reason="Afventer tegninger",
        ),
        "handings": rule(
            "hand_followup",
            "Hand it to another owner",
            followups.HandFollowUp,
            followups.hand,
            "owner",
            owner="ØKF",
            reason="Det er en økonomisag",
        ),
        "completion": Rule(
            "complete_followup",
            "Say that it was done, with evidence when there is such",
            followups.CompleteFollowUp,
            followups.complete,
            records=_evidence,
            example={"note": "Ringet op, tegningerne kommer fredag"},
        ),
        "dropping": rule(
            "drop_followup",
            "Give it up, with a reason",
            followups.DropFollowUp,
            followups.drop,
            reason="Sagen er trukket",
        ),
    },
    evolve=followups.evolve,
    parties=lambda record: (record.owner, *record.earlier_owners, *record.concerns),
    terms=_terms,
    day=lambda record: str((record.due or record.occurred).last_day),
    filters=("status", "topic", *followups.ORIGINS, "reminded"),
    party_filters=("owner", "concerns"),
    outside=frozenset(
        {"owner", "concerns", "what", "due", "first_due", "counting_due", "rescheduled"}
        | {"occurred", "meeting", "topics", "done", "dropped", "late", "overdue"}
    ),
    effect=_effect,
    due=followups.due_after,
    watch=followups.watch,
)
