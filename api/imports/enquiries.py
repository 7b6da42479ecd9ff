"""The rows of one enquiry become one draft: how it was received, its steps, the contacts filed.

An enquiry is a contact through the entry point, so what it says of itself is read by the same rules
as any contact's. Nothing of an enquiry is logged when one of its rows cannot be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from api.imports.contacts import Attempt, Draft, Drafter, PartyNeeded, made, within
from api.imports.enquiry_tables import DeadlineTake, EnquiryTable, RowContact
from api.imports.loading import CODES_OF
from api.imports.mapping import Mapping as Language
from api.imports.moments import Moments
from api.imports.report import Report
from api.imports.rows import Group, Row
from api.imports.steps import StepDraft, StepRule, exact_day, fitting, in_order
from api.imports.tables import PartyTake
from api.imports.takes import Flags, ListReader, Reader, RowRefused, fit, list_reader_of, reader_of
from domain.contacts import LogContact
from domain.enquiries import GivenDeadline, ReceiveEnquiry
from domain.service_targets import EnquiryKind
from domain.storage.clock import id_of
from domain.values import NAME_CHARS_MAX, SOURCE_ID_CHARS_MAX, Precision

NO_STEP: Final = "no_step"
"""Under this name rows are skipped that are neither step nor contact, if the mapping says so."""
_SHARED: Final = (
    "administrations",
    "medium",
    "subject",
    "facts",
    "assessment",
    "participants",
    "topics",
    "kle",
    "case_numbers",
    "document_numbers",
    "confidentiality",
    "personal_data",
    "on_behalf_of",
    "source",
    "flags",
)
"""What an enquiry says as its contact does."""


@dataclass(slots=True)
class EnquiryDraft:
    """An enquiry ready to be received, with its steps in order and the contacts filed on it.

    `used` are those of `rows` that are no contact of their own; `repeats` counts exact repeats
    among them, `skipped` rows that are in neither list.
    """

    enquiry_id: str
    command: ReceiveEnquiry
    parties: list[PartyNeeded]
    flags: list[str]
    steps: list[StepDraft]
    contacts: list[Draft]
    precision: str
    rows: list[int]
    used: list[int]
    repeats: int
    skipped: int


def enquiry_id_of(system: str, identity: str) -> str:
    """Return the id of the enquiry that a source's record is: the same record, the same id."""
    return id_of("enquiry_source", system, identity)


class EnquiryDrafter:
    """Makes drafts of enquiries out of groups by one mapping; compiled once for a file."""

    def __init__(self, mapping: Language, today: date, media: frozenset[str]) -> None:
        """`today` bounds the future; `media` are those the installation knows."""
        about = mapping.enquiry or EnquiryTable()
        self._system, self._other_rows = mapping.source, about.other_rows
        self._received = Drafter(mapping.received, today, media)
        self._own = _OwnFields(mapping, about, today)
        self._steps = [StepRule(i, rule, mapping, today) for i, rule in enumerate(about.steps)]
        self._contacts = [
            _Filed(i, rule, mapping, today, media) for i, rule in enumerate(about.contacts)
        ]

    def drafts(self, groups: Sequence[Group], report: Report) -> list[EnquiryDraft]:
        """Return the enquiries that can be received, in order; the others stand in the report."""
        drafts = []
        for group in groups:
            received = self._received.attempt(group)
            draft = self._draft(group, received) if received.draft is not None else None
            if draft is None:
                received.draft = None
            received.account(group, report)
            if draft is not None:
                report.skipped.update({NO_STEP: draft.skipped} if draft.skipped else {})
                drafts.append(draft)
        return drafts

    def _draft(self, group: Group, received: Attempt) -> EnquiryDraft | None:
        """Return the whole enquiry; None when a row is at fault, which `received` then tells."""
        rows = [row for row in group.rows if row.number not in received.skipped]
        steps, told, taken = self._steps_of(group, rows, received)
        contacts, filed = self._contacts_of(group, rows, taken, received)
        skipped = self._others(rows, told | filed, received)
        if received.draft is None or received.faults:
            return None
        try:
            command, needed, flags = self._own.command(received.draft, rows)
        except RowRefused as refusal:
            received.faults[rows[0].number] = (refusal.code, refusal.field)
            return None
        parts: list[StepDraft | Draft] = [*steps, *contacts]
        kept = [row for row in rows if row.number not in skipped]
        used = [row for row in kept if row.number not in filed]
        numbers = [n for row in used for n in group.numbers(row)]
        whole = [n for row in kept for n in group.numbers(row)]
        return EnquiryDraft(
            enquiry_id_of(self._system, group.identity),
            command,
            [*received.draft.parties, *needed, *(p for part in parts for p in part.parties)],
            list(dict.fromkeys((*received.draft.flags, *flags, *_flags_of(parts)))),
            in_order(steps),
            contacts,
            received.draft.precisions[0],
            whole,
            numbers,
            len(numbers) - len(used),
            len(received.draft.rows) - len(whole),
        )

    def _steps_of(
        self, group: Group, rows: Sequence[Row], found: Attempt
    ) -> tuple[list[StepDraft], set[int], set[int]]:
        """Return the steps, the rows that tell of one, and those that a rule with `when` took."""
        steps: list[StepDraft] = []
        told: set[int] = set()
        taken: set[int] = set()
        for rule in self._steps:
            reads = []
            for row in rows:
                try:
                    read = rule.read(row)
                except RowRefused as refusal:
                    found.faults[row.number] = (refusal.code, refusal.field)
                    continue
                if read is not None:
                    reads.append(read)
                    told |= {row.number} if not rule.rule.once else set()
                    taken |= {row.number} if rule.rule.when is not None else set()
            try:
                steps += rule.drafts(reads, group.numbers)
            except RowRefused as refusal:
                found.faults[reads[0].row.number] = (refusal.code, refusal.field)
        return steps, told | taken, taken

    def _contacts_of(
        self, group: Group, rows: Sequence[Row], taken: set[int], found: Attempt
    ) -> tuple[list[Draft], set[int]]:
        """Return the contacts, and the numbers of their rows; the first rule that fits counts."""
        drafts: list[Draft] = []
        filed: set[int] = set()
        marks = group.marks() if self._contacts else {}
        for row in rows:
            rule = next((rule for rule in self._contacts if rule.fits(row.cells)), None)
            if rule is None or row.number in taken:
                continue
            attempt = rule.attempt(group, row, marks[row.number])
            found.faults |= attempt.faults
            if attempt.draft is not None:
                drafts.append(attempt.draft)
                filed.add(row.number)
        return drafts, filed

    def _others(self, rows: Sequence[Row], told: set[int], found: Attempt) -> set[int]:
        """Return the numbers of rows to skip; a row that must be told and is not is refused."""
        others = {row.number for row in rows if row.number not in told}
        if self._other_rows == "refuse":
            found.faults |= dict.fromkeys(others, ("row_of_no_step", "enquiry"))
        return others if self._other_rows == "skip" else set()


class _Filed:
    """One `[[enquiry.contacts]]` rule, compiled: rows that are contacts of their own."""

    def __init__(
        self, index: int, rule: RowContact, mapping: Language, today: date, media: frozenset[str]
    ) -> None:
        order = {name: place for place, name in enumerate(mapping.columns)}
        self._system = mapping.source
        self._drafter = Drafter(mapping.filed(rule), today, media)
        self._identity = [order[name] for name in rule.identity or ()]
        self._sides = {
            side: f"contacts/{index}/{side}"
            for side in ("administrations", "organisations")
            if getattr(rule, side) is not None
        }
        self.fits = fitting(rule.when, order)

    def attempt(self, group: Group, row: Row, mark: str) -> Attempt:
        """Return the contact a row is, filed on the enquiry, or why it is none."""
        cells = [row.cells[place] for place in self._identity]
        if not all(cells):
            return Attempt(faults={row.number: ("identity_missing", "identity")})
        key = id_of(group.identity, "contact", *(cells or [mark]))
        name = f"{group.identity}|{key}"
        alone = Group(name if len(name) <= SOURCE_ID_CHARS_MAX else key, [row])
        found = self._drafter.attempt(alone)
        if found.draft is not None:
            filed = {"enquiry": enquiry_id_of(self._system, group.identity)}
            found.draft.command = found.draft.command.model_copy(update=filed)
            found.draft.rows = group.numbers(row)
            found.draft.precisions *= len(found.draft.rows)
            found.draft.parties = [
                PartyNeeded(self._sides.get(p.side, p.side), p.name, p.external)
                for p in found.draft.parties
            ]
        found.faults |= {number: (name, "enquiry") for number, name in found.skipped.items()}
        return found


class _OwnFields:
    """What only an enquiry says: kind, whether it was written, who received it, its deadline."""

    def __init__(self, mapping: Language, about: EnquiryTable, today: date) -> None:
        order = {name: place for place, name in enumerate(mapping.columns)}
        self._coded: dict[str, Reader] = {
            name: within(reader_of(take, order, name), name, CODES_OF[name])
            for name in ("kind", "written")
            if (take := getattr(about, name)) is not None
        }
        self._received_by = _one_party(about.received_by, order)
        self._deadline: Moments | None = None
        self._basis: Reader | None = None
        if about.deadline is not None:
            self._prepare_deadline(about.deadline, mapping, order, today)

    def _prepare_deadline(
        self, rule: DeadlineTake, mapping: Language, order: dict[str, int], today: date
    ) -> None:
        ahead = rule.time.as_time() | {"future": "flag"}
        self._deadline = Moments(mapping.time.model_copy(update=ahead), order, today, "deadline")
        if rule.basis is not None:
            read = reader_of(rule.basis, order, "basis")
            self._basis = fit(read, NAME_CHARS_MAX, rule.basis.long, "basis")

    def command(
        self, draft: Draft, rows: Sequence[Row]
    ) -> tuple[ReceiveEnquiry, list[PartyNeeded], list[str]]:
        """Return the command that receives the enquiry its contact is, with what else it needs."""
        flags: dict[str, None] = {}
        parts: dict[str, Any] = {}
        for name, read in self._coded.items():
            if text := _agreed(name, [read(row.cells, set()) for row in rows], flags):
                parts[name] = text == "yes" if name == "written" else EnquiryKind(text)
        if here := _agreed("received_by", [self._here(row) for row in rows], flags):
            parts["received_by"] = here
        if due := _agreed("deadline", [self._due(row) for row in rows], flags):
            basis = self._basis(rows[0].cells, set()) if self._basis is not None else ""
            given = {"due": due} | ({"basis": basis} if basis else {})
            parts["deadline"] = made(GivenDeadline, given, "deadline")
        contact = draft.command
        if len(contact.organisations) != 1:
            raise RowRefused("several_senders", "organisations")
        parts |= {name: getattr(contact, name) for name in _SHARED if _said(contact, name)}
        told = tuple(dict.fromkeys((*contact.flags, *flags)))
        parts |= {"flags": told} if told else {}
        parts |= {"sender": contact.organisations[0], "received": contact.occurred}
        needed = [PartyNeeded("received_by", here)] if here else []
        return made(ReceiveEnquiry, parts, "enquiry"), needed, list(flags)

    def _here(self, row: Row) -> str:
        found = self._received_by(row.cells, set()) if self._received_by is not None else []
        if len(found) > 1:
            raise RowRefused("too_many", "received_by")
        return found[0] if found else ""

    def _due(self, row: Row) -> str:
        if self._deadline is None or self._deadline.blank(row.cells):
            return ""
        met: Flags = set()
        read, _ = self._deadline.read(row.cells, met)
        return read.start if read.precision is Precision.INSTANT else exact_day(read, "deadline")


def _flags_of(parts: Sequence[StepDraft | Draft]) -> list[str]:
    return [flag for part in parts for flag in sorted(part.flags)]


def _said(contact: LogContact, name: str) -> bool:
    return name in contact.model_fields_set


def _one_party(take: PartyTake | None, order: dict[str, int]) -> ListReader | None:
    return None if take is None else list_reader_of(take, order, "received_by", NAME_CHARS_MAX)


def _agreed(name: str, texts: Sequence[str], flags: dict[str, None]) -> str:
    """Return what the rows say; where they differ the first counts, and the enquiry is flagged."""
    different = list(dict.fromkeys(text for text in texts if text))
    if len(different) > 1:
        flags[f"rows_differ_{name}"] = None
    return different[0] if different else ""
