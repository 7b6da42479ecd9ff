"""Enquiries of a file received through the door, with every row accounted for in the report."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from api.imports.door import Door, EnquiryGiven, EnquiryOutcome, Outcome, StepGiven
from api.imports.enquiries import EnquiryDraft
from api.imports.parties import PartyPlan
from api.imports.report import Report

ENQUIRIES_A_BATCH: Final = 100
"""Enquiries of one transaction; each brings its steps along."""
Item = TypeVar("Item")


def receive(
    drafts: Sequence[EnquiryDraft],
    plan: PartyPlan,
    door: Door,
    report: Report,
    progress: Callable[[int, int], None],
) -> list[EnquiryDraft]:
    """Receive enquiries; return those that are in the log now, new or not."""
    standing: list[EnquiryDraft] = []
    done = 0
    progress(0, len(drafts))
    for some in portions(drafts, ENQUIRIES_A_BATCH):
        outcomes = door.receive_enquiries([_given(draft, plan) for draft in some])
        for draft, outcome in zip(some, outcomes, strict=True):
            if settled(draft, outcome, report):
                standing.append(draft)
        done += len(some)
        progress(done, len(drafts))
    return standing


def rehearse(drafts: Sequence[EnquiryDraft], door: Door, report: Report) -> None:
    """Account for a dry run: what is there is told, what its steps would come to is not."""
    there = door.present(draft.command for draft in drafts)
    for draft, present in zip(drafts, there, strict=True):
        outcome = Outcome("present" if present else "made")
        settled(draft, EnquiryOutcome(outcome, [outcome for _ in draft.steps]), report)


def settled(draft: EnquiryDraft, outcome: EnquiryOutcome, report: Report) -> bool:
    """Account for one enquiry; whether it is in the log."""
    received = outcome.received
    if received.status == "refused":
        _refused(draft, outcome, report)
        return False
    report.enquiries_made += received.status == "made"
    report.enquiries_present += received.status == "present"
    report.enquiries_changed += received.status == "changed"
    report.flagged.update(draft.flags)
    report.contacts_by_precision[draft.precision] += 1
    faults: dict[int, tuple[str, str]] = {}
    for step, one in zip(draft.steps, outcome.steps, strict=True):
        report.steps_made += one.status == "made"
        report.steps_present += one.status in ("present", "changed")
        if one.status == "refused":
            faults |= dict.fromkeys(step.rows, (one.code, step.name))
        else:
            report.steps_by_rule[step.name] += 1
    used = [number for number in draft.used if number not in faults]
    for number in draft.used:
        if number in faults:
            report.refuse(number, *faults[number])
    repeats = min(draft.repeats, len(used))
    report.rows_merged += repeats
    report.rows_of_enquiries += len(used) - repeats
    if used:
        report.rows_by_precision[draft.precision] += len(used)
    return True


def refuse(draft: EnquiryDraft, fault: tuple[str, str], report: Report, at: int = 0) -> None:
    """Refuse every row of an enquiry: the row `at` for the fault, the others for its sake."""
    at = at or draft.rows[0]
    for number in draft.rows:
        told = fault if number == at else ("contact_refused", "identity")
        report.refuse(number, *told)


def _refused(draft: EnquiryDraft, outcome: EnquiryOutcome, report: Report) -> None:
    for step, one in zip(draft.steps, outcome.steps, strict=False):
        if one.status == "refused":
            refuse(draft, (one.code, step.name), report, step.rows[0])
            return
    refuse(draft, (outcome.received.code, outcome.received.field), report)


def _given(draft: EnquiryDraft, plan: PartyPlan) -> EnquiryGiven:
    steps = [StepGiven(step.key, step.command) for step in draft.steps]
    return EnquiryGiven(draft.command, steps, plan.keys_of(draft))


def portions(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield items in batches of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
