"""One file imported: read, drafted, its parties registered, its contacts logged, the report kept.

Every id is made of the mapping's source and the record's own identity, so that the same file again
makes nothing new, and a run that was cut short is finished by running it again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from api.imports.contacts import Draft, Drafter
from api.imports.door import Door, Outcome
from api.imports.enquiries import EnquiryDraft, EnquiryDrafter
from api.imports.loading import Loaded
from api.imports.parties import PartyPlan, plan_parties
from api.imports.reading import File, open_file, sheet_of
from api.imports.receiving import portions, receive, refuse, rehearse
from api.imports.report import Report
from api.imports.rows import gather
from domain.imports import ImportFinished, ImportStarted
from domain.parties import RegisterParty
from domain.storage.clock import id_of
from domain.values import NAME_CHARS_MAX

CONTACTS_A_BATCH: Final = 500
"""Contacts of one transaction: enough to spare the disk, few enough to lose little."""
PARTIES_A_BATCH: Final = 500
Progress = Callable[[int, int], None]
AnyDraft = Draft | EnquiryDraft


@dataclass(frozen=True, slots=True)
class Run:
    """What an import is given besides the file: mapping, door, the day, and how it is watched."""

    loaded: Loaded
    door: Door
    today: date
    dry_run: bool = False
    progress: Progress = lambda _done, _all: None


def import_file(path: Path, run: Run) -> Report:
    """Import one file and return its report; raises Refused when the file cannot be used at all."""
    file = open_file(path)
    drafts, report = drafted(file, run)
    plan = plan_parties(drafts, run.loaded.mapping, run.door)
    ready = [draft for draft in drafts if not _unplanned(draft, plan.fault_of(draft), report)]
    if run.loaded.mapping.on_error == "abort" and report.rows_refused:
        report.aborted = True
        report.rows_held_back = sum(len(draft.rows) for draft in ready)
        return report
    if run.dry_run:
        _rehearse(ready, plan, run, report)
        return report
    begun = _started(file, run)
    before = run.door.started(begun)
    _register(plan.needed_by(ready), run, report)
    enquiries, contacts = _sorted(ready)
    if enquiries:
        standing = receive(enquiries, plan, run.door, report, run.progress)
        contacts = [contact for enquiry in standing for contact in enquiry.contacts]
    _log(contacts, plan, run, report)
    if report.anything_new or not before:
        run.door.finished(
            ImportFinished(
                import_id=begun.import_id, file_sha256=file.sha256, report=report.as_event()
            )
        )
    return report


def drafted(file: File, run: Run) -> tuple[list[AnyDraft], Report]:
    """Return the records of a file as drafts, with the report begun; asks the door for nothing."""
    mapping = run.loaded.mapping
    report = Report(file.name, file.sha256, file.size, mapping.source, run.dry_run)
    sheet = sheet_of(file, mapping.file, mapping.columns)
    report.encoding, report.delimiter = sheet.encoding, sheet.delimiter
    groups = gather(sheet, mapping, file.name, report)
    if mapping.enquiry is not None:
        enquiries = EnquiryDrafter(mapping, run.today, run.door.media)
        return [*enquiries.drafts(groups, report)], report
    return [*Drafter(mapping, run.today, run.door.media).drafts(groups, report)], report


def _sorted(drafts: Sequence[AnyDraft]) -> tuple[list[EnquiryDraft], list[Draft]]:
    enquiries = [draft for draft in drafts if isinstance(draft, EnquiryDraft)]
    return enquiries, [draft for draft in drafts if isinstance(draft, Draft)]


def _started(file: File, run: Run) -> ImportStarted:
    loaded = run.loaded
    return ImportStarted(
        import_id=id_of("import", loaded.mapping.source, file.sha256, loaded.sha256),
        source=loaded.mapping.source,
        file_name=file.name[:NAME_CHARS_MAX],
        file_sha256=file.sha256,
        file_bytes=file.size,
        mapping_sha256=loaded.sha256,
        mapping=loaded.text,
    )


def _register(commands: Sequence[RegisterParty], run: Run, report: Report) -> None:
    for some in portions(commands, PARTIES_A_BATCH):
        outcomes = run.door.register_parties(some)
        report.parties_created += sum(outcome.status == "made" for outcome in outcomes)


def _log(ready: Sequence[Draft], plan: PartyPlan, run: Run, report: Report) -> None:
    done = 0
    if ready:
        run.progress(0, len(ready))
    for some in portions(ready, CONTACTS_A_BATCH):
        outcomes = run.door.log_contacts([plan.named(draft) for draft in some])
        for draft, outcome in zip(some, outcomes, strict=True):
            _settle(draft, outcome, report)
        done += len(some)
        run.progress(done, len(ready))


def _rehearse(ready: Sequence[AnyDraft], plan: PartyPlan, run: Run, report: Report) -> None:
    report.parties_created = len(plan.needed_by(ready))
    enquiries, contacts = _sorted(ready)
    rehearse(enquiries, run.door, report)
    contacts += [contact for enquiry in enquiries for contact in enquiry.contacts]
    there = run.door.present(draft.command for draft in contacts)
    for draft, present in zip(contacts, there, strict=True):
        _settle(draft, Outcome("present" if present else "made"), report)


def _settle(draft: Draft, outcome: Outcome, report: Report) -> None:
    match outcome.status:
        case "refused":
            _refused(draft, (outcome.code, outcome.field), report)
            return
        case "made":
            report.contacts_made += 1
        case "present":
            report.contacts_present += 1
        case "changed":
            report.contacts_changed += 1
    report.rows_merged += len(draft.rows) - 1
    report.flagged.update(draft.flags)
    report.rows_by_precision.update(draft.precisions)
    report.contacts_by_precision[draft.precisions[0]] += 1


def _refused(draft: Draft, fault: tuple[str, str] | None, report: Report) -> bool:
    """Account for every row of a refused contact; whether it was refused."""
    if fault is None:
        return False
    report.refuse(draft.rows[0], *fault)
    for number in draft.rows[1:]:
        report.refuse(number, "contact_refused", "identity")
    return True


def _unplanned(draft: AnyDraft, fault: tuple[str, str] | None, report: Report) -> bool:
    """Account for a record one of whose parties is refused; whether it was."""
    if isinstance(draft, Draft):
        return _refused(draft, fault, report)
    if fault is not None:
        refuse(draft, fault, report)
    return fault is not None
