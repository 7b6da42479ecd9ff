"""The register of commitments (tilsagn): its row in the table."""

from collections.abc import Iterable
from typing import Final

from domain import commitments
from domain.due_days import day_after
from domain.records import Reference
from domain.registers.table import EXAMPLE_CONTACT, Register, Rule, named


def _evidence(given: commitments.FulfilCommitment) -> list[Reference]:
    return [(given.evidence_kind, given.evidence)]


def _made_in(given: commitments.MakeCommitment) -> list[Reference]:
    named = {"contact": given.contact, "meeting": given.meeting}
    return [(noun, found) for noun, found in named.items() if found]


def _commitment_terms(record: commitments.Commitment) -> Iterable[tuple[str, str]]:
    yield "status", record.status
    if record.status == commitments.OPEN and record.due:
        yield "reminded", "yes" if record.reminded else "no"
    yield "by", record.by.id
    for party in record.to:
        yield "to", party.id
    for topic in record.topics:
        yield "topic", topic
    if record.contact:
        yield "contact", record.contact
    if record.meeting:
        yield "meeting", record.meeting


def _effect(_: commitments.Commitment | None, event: commitments.CommitmentEvent) -> str | None:
    """Return the day after the last one, from which a commitment is broken."""
    if isinstance(event, commitments.CommitmentBroken):
        return day_after(event.due)
    return None


_PROMISE: Final = {
    "by": "TMF",
    "to": ["KAB"],
    "promised": "Svar på ansøgningen om renovering",
    "due": "2030-06",
}
COMMITMENTS: Final = Register(
    name="commitments",
    noun="commitment",
    danish="Tilsagn",
    record=commitments.Commitment,
    open=Rule(
        "make_commitment",
        "Write down that somebody promised something",
        commitments.MakeCommitment,
        commitments.make,
        named("by", "to"),
        _made_in,
        _PROMISE,
    ),
    steps={
        "reschedulings": Rule(
            "reschedule_commitment",
            "Agree on another day, with both sides' consent",
            commitments.RescheduleCommitment,
            commitments.reschedule,
            named("agreed_by"),
            example={"due": "2030-09", "agreed_by": ["TMF", "KAB"], "reason": "Sommerferie"},
        ),
        "fulfilment": Rule(
            "fulfil_commitment",
            "Say that it was kept, with evidence",
            commitments.FulfilCommitment,
            commitments.fulfil,
            records=_evidence,
            example={"evidence_kind": "contact", "evidence": EXAMPLE_CONTACT},
        ),
        "release": Rule(
            "release_commitment",
            "Let somebody off",
            commitments.ReleaseCommitment,
            commitments.release,
            named("released_by"),
            example={"released_by": ["KAB"], "reason": "Ikke længere nødvendigt"},
        ),
    },
    evolve=commitments.evolve,
    parties=lambda record: (record.by, *record.to),
    terms=_commitment_terms,
    day=lambda record: str((record.due or record.occurred).last_day),
    filters=("status", "topic", "contact", "meeting", "reminded"),
    party_filters=("by", "to"),
    outside=frozenset(
        {"by", "to", "promised", "due", "first_due", "counting_due", "rescheduled", "occurred"}
        | {"fulfilled", "late", "broken", "topics", "meeting"}
    ),
    effect=_effect,
    due=commitments.due_after,
    watch=commitments.watch,
)
