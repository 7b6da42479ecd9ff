"""The steps a mapping finds in an enquiry's rows (skridt): read by row, gathered, made commands.

A step has a key of its own within the enquiry, made of what the mapping says its identity is, so
that the same file again is the same steps, and a file with more rows is more steps.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

import orjson

from api.imports.contacts import PartyNeeded, made, within
from api.imports.enquiry_tables import STEP_DAYS, STEP_PARTIES, StepTake, When
from api.imports.loading import CODES_OF
from api.imports.mapping import Mapping as Language
from api.imports.moments import Moments
from api.imports.rows import Row
from api.imports.tables import PartyTake, Source, Take
from api.imports.takes import (
    SEARCHED_CHARS_MAX,
    Cells,
    Flags,
    ListReader,
    Reader,
    RowRefused,
    RowSkipped,
    fit,
    folded,
    list_reader_of,
    reader_of,
)
from api.imports.times import EXACT, Read, occurred
from domain import enquiries
from domain.enquiries import EnquiryStep
from domain.persons import ParticipantGiven
from domain.service_targets import EnquiryKind
from domain.values import (
    CODE_CHARS_MAX,
    NAME_CHARS_MAX,
    NUMBER_CHARS_MAX,
    REASON_CHARS_MAX,
    TEXT_CHARS_MAX,
    OccurredGiven,
    Precision,
    Value,
)

COMMANDS: Final[Mapping[str, type[Value]]] = MappingProxyType(
    {
        "acknowledgements": enquiries.AcknowledgeEnquiry,
        "triage": enquiries.TriageEnquiry,
        "routes": enquiries.RouteEnquiry,
        "reroutes": enquiries.RerouteEnquiry,
        "returns": enquiries.ReturnEnquiry,
        "assignments": enquiries.AssignEnquiry,
        "information-requests": enquiries.RequestInformation,
        "information": enquiries.SupplyInformation,
        "interim-replies": enquiries.SendInterimReply,
        "answers": enquiries.AnswerEnquiry,
        "waivers": enquiries.WaiveAnswer,
        "closures": enquiries.CloseEnquiry,
        "reopenings": enquiries.ReopenEnquiry,
    }
)
"""The command of each step a mapping can speak of."""
_CHARS: Final = {
    "category": CODE_CHARS_MAX,
    "document": NUMBER_CHARS_MAX,
    "note": REASON_CHARS_MAX,
    "reason": REASON_CHARS_MAX,
    "waive": REASON_CHARS_MAX,
    "question": TEXT_CHARS_MAX,
    "information": TEXT_CHARS_MAX,
    "answer": TEXT_CHARS_MAX,
}
"""Characters of a text; all others are names."""
_COLLECTED: Final = frozenset({"question", "information", "answer"})
_CODED: Final = frozenset({"priority", "kind", "answer_kind", "closing"})
_NEEDED: Final = ("reason", "question", "information", "new_expected_by", "answer_kind")


@dataclass(slots=True)
class StepDraft:
    """A step ready to be taken: its key within the enquiry, its command, its rows, its parties."""

    name: str
    step: str
    key: str
    command: EnquiryStep
    sort: tuple[object, ...]
    parties: list[PartyNeeded]
    rows: list[int]
    flags: Flags


@dataclass(slots=True)
class StepRead:
    """What one row says of a step."""

    row: Row
    time: Read
    words: str
    values: dict[str, str]
    days: dict[str, str]
    parties: dict[str, str]
    flags: Flags = field(default_factory=set)

    @property
    def content(self) -> bytes:
        """Everything it says, to tell one step from another where the register has no ids."""
        said = [self.time.start, self.time.end, self.values, self.days, self.parties]
        return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


class StepRule:
    """One `[[enquiry.steps]]` rule, compiled."""

    def __init__(self, index: int, rule: StepTake, mapping: Language, today: date) -> None:
        """`index` is the rule's place, by which steps of the same time are ordered."""
        order = {name: place for place, name in enumerate(mapping.columns)}
        self.rule, self._index, self._place = rule, index, f"steps/{index}"
        self._several = mapping.time.several
        self.fits = fitting(rule.when, order)
        self._identity = [order[name] for name in rule.identity or ()]
        self._moments = Moments(
            mapping.time.model_copy(update=rule.time.as_time()), order, today, f"{self._place}/time"
        )
        self._days: dict[str, Moments] = {}
        self._values: dict[str, Reader] = {}
        self._parties: dict[str, tuple[PartyTake, ListReader]] = {}
        for name in rule.given:
            place, take = f"{self._place}/{name}", rule.take(name)
            if name in STEP_DAYS:
                moment = mapping.time.model_copy(
                    update=take.as_time() | {"future": "flag"}  # type: ignore[attr-defined]
                )
                self._days[name] = Moments(moment, order, today, place)
            elif isinstance(take, PartyTake):
                read = list_reader_of(take, order, place, NAME_CHARS_MAX)
                self._parties[name] = (take, read)
            elif isinstance(take, Source):
                self._values[name] = self._text(name, take, order, place)

    def _text(self, name: str, take: Source, order: Mapping[str, int], place: str) -> Reader:
        read = reader_of(take, order, place)
        if name in _CODED:
            return within(read, place, CODES_OF[name])
        long = take.long if isinstance(take, Take) else "refuse"
        return fit(read, _CHARS.get(name, NAME_CHARS_MAX), long, place)

    def read(self, row: Row) -> StepRead | None:
        """Return what a row says; None when it gives no such step (another kind, or no time)."""
        cells = row.cells
        if not self.fits(cells) or self._moments.blank(cells):
            return None
        flags: Flags = set()
        time, words = self._moments.read(cells, flags)
        values = {n: text for n, read in self._values.items() if (text := read(cells, flags))}
        days = {
            name: exact_day(moments.read(cells, set())[0], f"{self._place}/{name}")
            for name, moments in self._days.items()
            if not moments.blank(cells)
        }
        try:
            parties = {n: name for n in self._parties if (name := self._party(n, cells, flags))}
        except RowSkipped:
            return None
        return StepRead(row, time, words, values, days, parties, flags)

    def _party(self, name: str, cells: Cells, flags: Flags) -> str:
        take, read = self._parties[name]
        found = read(cells, flags)
        if len(found) > 1:
            raise RowRefused("too_many", f"{self._place}/{name}")
        if found:
            return found[0]
        if take.when_empty == "skip":
            raise RowSkipped(self.rule.name)
        if take.when_empty == "refuse":
            raise RowRefused("missing", f"{self._place}/{name}")
        return ""

    def drafts(
        self, reads: Sequence[StepRead], numbers: Callable[[Row], list[int]]
    ) -> list[StepDraft]:
        """Return the steps that what the rows say comes to; rows of the same step are one."""
        gathered: dict[str, list[StepRead]] = {}
        for read in reads:
            gathered.setdefault(self._key(read), []).append(read)
        return [self._draft(key, some, numbers) for key, some in gathered.items()]

    def _key(self, read: StepRead) -> str:
        if self.rule.once:
            return self.rule.name
        if not self._identity:
            return f"{self.rule.name}\n{_digest(read.content)}"
        cells = [read.row.cells[place] for place in self._identity]
        if not all(cells):
            raise RowRefused("identity_missing", self._place)
        return f"{self.rule.name}\n{_digest(orjson.dumps(cells))}"

    def _draft(
        self, key: str, reads: Sequence[StepRead], numbers: Callable[[Row], list[int]]
    ) -> StepDraft:
        flags: Flags = {flag for read in reads for flag in read.flags}
        first = self._time(reads, flags)
        parts: dict[str, Any] = {"occurred": occurred(first.time, first.words)}
        for name in self._values:
            if text := self._value(name, [r.values.get(name, "") for r in reads], flags):
                parts[name] = text
        for name in (*self._days, *self._parties):
            parts |= self._only(name, reads)
        parties = [
            PartyNeeded(f"{self._place}/{name}", parts[name])
            for name in STEP_PARTIES
            if name in parts
        ]
        return StepDraft(
            self.rule.name,
            self.rule.step,
            key,
            self._command(parts),
            (first.time.day or first.time.start, self._index, first.time.start),
            parties,
            [number for read in reads for number in numbers(read.row)],
            flags,
        )

    def _time(self, reads: Sequence[StepRead], flags: Flags) -> StepRead:
        if len({(read.time.start, read.time.end) for read in reads}) > 1:
            if self._several == "refuse":
                raise RowRefused("rows_differ", f"{self._place}/time")
            if self._several == "flag":
                flags.add("rows_differ_time")
        return reads[-1] if self._several == "last" else reads[0]

    def _value(self, name: str, texts: Sequence[str], flags: Flags) -> str:
        different = list(dict.fromkeys(text for text in texts if text))
        if len(different) <= 1:
            return different[0] if different else ""
        several = getattr(self.rule.take(name), "several", None)
        match several or ("collect" if name in _COLLECTED else "flag"):
            case "refuse":
                raise RowRefused("rows_differ", f"{self._place}/{name}")
            case "last":
                return different[-1]
            case "collect":
                whole = "\n".join(different)
                if len(whole) > _CHARS.get(name, NAME_CHARS_MAX):
                    raise RowRefused("too_long", f"{self._place}/{name}")
                return whole
            case "flag":
                flags.add(f"rows_differ_{name}")
        return different[0]

    def _only(self, name: str, reads: Sequence[StepRead]) -> dict[str, str]:
        """Return a day or a party all rows of the step agree on; there is no half of either."""
        found = {text for r in reads if (text := (r.days | r.parties).get(name))}
        if len(found) > 1:
            raise RowRefused("rows_differ", f"{self._place}/{name}")
        return dict.fromkeys([name] if found else [], "".join(found))

    def _command(self, parts: dict[str, Any]) -> EnquiryStep:
        for name in _NEEDED:
            if name in self.rule.given and name not in parts and self._must(name):
                raise RowRefused("missing", f"{self._place}/{name}")
        if self.rule.step == "acknowledgements" and not {"handler", "team"} & parts.keys():
            raise RowRefused("missing", f"{self._place}/handler")
        if self.rule.step == "assignments":
            person = {"name": parts.pop("assignee", None), "role": parts.pop("assignee_role", None)}
            known = {key: text for key, text in person.items() if text}
            if not known:
                raise RowRefused("missing", f"{self._place}/assignee")
            parts["assignee"] = made(ParticipantGiven, known, "assignee")
        if "satisfaction" in parts:
            text = parts["satisfaction"]
            parts["satisfaction"] = int(text) if text.isascii() and text.isdigit() else text
        for name in _CODED & parts.keys():
            parts[name] = _ENUMS[name](parts[name])
        command: EnquiryStep = made(COMMANDS[self.rule.step], parts, self._place)  # type: ignore[assignment]
        return command

    def _must(self, name: str) -> bool:
        model = COMMANDS[self.rule.step].model_fields
        return name in model and model[name].is_required()


_ENUMS: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "priority": enquiries.Priority,
        "kind": EnquiryKind,
        "answer_kind": enquiries.AnswerKind,
        "closing": enquiries.Closing,
    }
)


def exact_day(read: Read, about: str) -> str:
    """Return the day a time falls on, as the register writes it; refused when it says no day."""
    if read.precision not in EXACT:
        raise RowRefused("not_a_day", about)
    return read.day


def fitting(when: When | None, order: Mapping[str, int]) -> Callable[[Cells], bool]:
    """Compile a condition; without one every row fits."""
    if when is None:
        return lambda _: True
    place = order[when.column] if when.column is not None else -1
    words = None if when.equals is None else {folded(word) for word in when.equals}
    pattern = None if when.matches is None else re.compile(when.matches)
    filled = [order[name] for name in when.filled or ()]

    def fits(cells: Cells) -> bool:
        if words is not None and folded(cells[place]) not in words:
            return False
        if pattern is not None and not pattern.search(cells[place][:SEARCHED_CHARS_MAX]):
            return False
        return all(cells[column] for column in filled)

    return fits


def in_order(steps: Sequence[StepDraft]) -> list[StepDraft]:
    """Return the steps as they took place; of one day in the order of the rules where times lack.

    A closure comes last when nothing in the enquiry reopens it: registers go on writing after it.
    """
    exact = all(step.command.occurred and is_instant(step.command.occurred) for step in steps)
    again = any(step.step == "reopenings" for step in steps)

    def place(step: StepDraft) -> tuple[object, ...]:
        day, rule, start = step.sort
        last = step.step == "closures" and not again
        return (last, day, start, rule) if exact else (last, day, rule, start)

    return sorted(steps, key=place)


def is_instant(given: OccurredGiven) -> bool:
    """Whether a time is exact to the clock."""
    return given.precision is Precision.INSTANT or "T" in given.from_.upper()


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:32]
