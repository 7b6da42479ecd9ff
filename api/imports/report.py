"""What came of one file: figures that add up, and why each refused row was refused."""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

REFUSALS_LISTED_MAX: Final = 1_000
"""Refused rows named one by one; all are counted."""
REFUSAL_CHARS_MAX: Final = 8_000
"""Row numbers as the log's event keeps them."""


class Refusal(NamedTuple):
    """A refused row; never what stood in it."""

    row: int
    code: str
    field: str


@dataclass(slots=True)
class Report:
    """The figures of one file.

    rows_read = rows_blank + skipped + refused rows + rows_merged + rows_held_back + contacts (made,
    present, changed) + rows_of_enquiries. `exact_repeats` are among rows_merged.
    `rows_by_precision` counts the rows that became part of a contact. `steps_by_rule` counts the
    steps of the file, new or not.
    """

    file_name: str
    file_sha256: str
    file_bytes: int
    source: str
    dry_run: bool
    encoding: str = ""
    delimiter: str = ""
    rows_read: int = 0
    rows_blank: int = 0
    rows_merged: int = 0
    exact_repeats: int = 0
    rows_refused: int = 0
    rows_held_back: int = 0
    rows_of_enquiries: int = 0
    enquiries_made: int = 0
    enquiries_present: int = 0
    enquiries_changed: int = 0
    steps_made: int = 0
    steps_present: int = 0
    contacts_made: int = 0
    contacts_present: int = 0
    contacts_changed: int = 0
    parties_created: int = 0
    aborted: bool = False
    skipped: Counter[str] = field(default_factory=Counter)
    steps_by_rule: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    rows_by_precision: Counter[str] = field(default_factory=Counter)
    contacts_by_precision: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)

    def refuse(self, row: int, code: str, about: str) -> None:
        """Count a refused row and name it while there is room."""
        self.rows_refused += 1
        self.refused[f"{code}:{about}"] += 1
        if len(self.refusals) < REFUSALS_LISTED_MAX:
            self.refusals.append(Refusal(row, code, about))

    @property
    def anything_new(self) -> bool:
        """Whether the run put anything into the log."""
        return bool(
            self.contacts_made or self.parties_created or self.enquiries_made or self.steps_made
        )

    @property
    def balanced(self) -> bool:
        """Whether every row read is accounted for."""
        contacts = self.contacts_made + self.contacts_present + self.contacts_changed
        left = self.rows_blank + self.skipped.total() + self.rows_refused + self.rows_held_back
        return self.rows_read == left + self.rows_merged + contacts + self.rows_of_enquiries

    def as_json(self) -> dict[str, Any]:
        """Return the whole report for `--json`; `refused_rows` as the log's own report has it."""
        named = [refusal._asdict() for refusal in sorted(self.refusals)]
        return self._whole() | {"refusals": named, "refused_rows": self._refused_rows()}

    def as_event(self) -> dict[str, int | str | dict[str, int]]:
        """Return the report as the log keeps it: figures, and the numbers of refused rows."""
        left_out = ("refusals", "file_name", "file_sha256", "dry_run", "aborted")
        figures: dict[str, int | str | dict[str, int]] = {
            name: value for name, value in self._whole().items() if name not in left_out
        }
        return figures | {"refused_rows": self._refused_rows(), "aborted": int(self.aborted)}

    def _refused_rows(self) -> str:
        """Return the numbers of the refused rows, as many as there is room for, none cut."""
        rows = " ".join(str(refusal.row) for refusal in sorted(self.refusals))
        return (
            rows if len(rows) <= REFUSAL_CHARS_MAX else rows[:REFUSAL_CHARS_MAX].rpartition(" ")[0]
        )

    def _whole(self) -> dict[str, Any]:
        whole = {part.name: getattr(self, part.name) for part in fields(self)}
        return {n: dict(v) if isinstance(v, Counter) else v for n, v in whole.items()}
