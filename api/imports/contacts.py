"""The rows of one contact become one command; or every row of it is refused, with the reason.

Nothing is made up: where rows of a contact say different things, the mapping says what happens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from api.imports.loading import CODES_OF
from api.imports.mapping import CODED, LISTS, TEXTS
from api.imports.mapping import Mapping as Language
from api.imports.moments import Moments
from api.imports.report import Report
from api.imports.rows import Group, Row
from api.imports.tables import CodedTake, ParticipantTake, PartyTake, Take
from api.imports.takes import (
    Cells,
    Flags,
    ListReader,
    Reader,
    RowRefused,
    RowSkipped,
    fit,
    list_reader_of,
    people_reader_of,
    reader_of,
)
from api.imports.times import Read, Unreadable, joined, occurred
from domain.contacts import LogContact
from domain.parties import ExternalId
from domain.parties.identifiers import check_external_ids
from domain.persons import EMAIL_CHARS_MAX, PHONE_CHARS_MAX, ParticipantGiven
from domain.values import (
    LIST_ITEMS_MAX,
    NAME_CHARS_MAX,
    NUMBER_CHARS_MAX,
    PARTICIPANTS_MAX,
    PARTIES_MAX,
    SUBJECT_CHARS_MAX,
    TEXT_CHARS_MAX,
    Channel,
    Confidentiality,
    Direction,
    Occasion,
    OccurredGiven,
    Outcome,
    PersonalData,
    Source,
    Value,
)

REASONS: Final = (
    "cell_too_long",
    "check_digit",
    "contact_refused",
    "identity_missing",
    "identity_repeated",
    "invalid",
    "missing",
    "not_a_code",
    "not_a_day",
    "not_a_list",
    "not_in_map",
    "occurred_in_future",
    "occurred_out_of_bounds",
    "party_number_differs",
    "row_long",
    "row_of_no_step",
    "row_short",
    "rows_differ",
    "several_senders",
    "time_unreadable",
    "too_long",
    "too_long_to_search",
    "too_many",
    "too_many_parts",
    "too_many_rows_in_one_contact",
    "unknown_medium",
    "unknown_party",
)
"""Why a row is refused by the import itself; the log adds its own codes (domain/errors.py)."""
_ENUMS: Final = {
    "channel": Channel,
    "direction": Direction,
    "confidentiality": Confidentiality,
    "personal_data": PersonalData,
    "occasion": Occasion,
    "outcome": Outcome,
}
_CHARS: Final = {
    "subject": SUBJECT_CHARS_MAX,
    "facts": TEXT_CHARS_MAX,
    "assessment": TEXT_CHARS_MAX,
    "place": NAME_CHARS_MAX,
}
_COLLECT_BY: Final = {"subject": "; ", "place": "; "}
_SEVERAL: Final = {"facts": "collect", "assessment": "collect"}
SIDES: Final = ("administrations", "organisations")
_MOST: Final = dict.fromkeys(SIDES, PARTIES_MAX) | dict.fromkeys(LISTS, LIST_ITEMS_MAX)
Model = TypeVar("Model", bound=Value)


@dataclass(frozen=True, slots=True)
class PartyNeeded:
    """A party as the register names it, and under which outside number if it gives one."""

    side: str
    name: str
    external: ExternalId | None = None


@dataclass(slots=True)
class Draft:
    """A contact ready to be logged: its command, its rows, and the parties it names."""

    command: LogContact
    parties: list[PartyNeeded]
    flags: list[str]
    rows: list[int] = field(default_factory=list)
    precisions: list[str] = field(default_factory=list)


@dataclass(slots=True)
class RowRead:
    """What one row says."""

    time: Read
    words: str
    values: dict[str, str]
    lists: dict[str, list[str]]
    people: list[ParticipantGiven]
    externals: dict[tuple[str, str], ExternalId]
    flags: Flags = field(default_factory=set)


@dataclass(slots=True)
class Attempt:
    """What became of the rows of a record: a draft, or faults; by the row's number."""

    draft: Draft | None = None
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)

    def account(self, group: Group, report: Report) -> None:
        """Count the rows that are skipped, and all others when there is no draft."""
        for row in group.rows:
            numbers = group.numbers(row)
            if row.number in self.skipped:
                report.skipped[self.skipped[row.number]] += len(numbers)
            elif self.draft is None:
                _refuse_all(numbers, self.faults.get(row.number), report)


class Drafter:
    """Makes drafts out of groups by one mapping; compiled once for a file."""

    def __init__(self, mapping: Language, today: date, media: frozenset[str]) -> None:
        """`today` bounds the future; `media` are those the installation knows."""
        self._mapping = mapping
        self._media = media
        self._order = {name: place for place, name in enumerate(mapping.columns)}
        self._values = self._value_readers()
        self._lists = self._list_readers()
        self._people = [_Person(take, self._order) for take in mapping.participants]
        self._moments = Moments(mapping.time, self._order, today, "time")

    def drafts(self, groups: Sequence[Group], report: Report) -> list[Draft]:
        """Return the contacts that can be made, in order; the others stand in the report."""
        made = (self._draft(group, report) for group in groups)
        return [draft for draft in made if draft is not None]

    def _draft(self, group: Group, report: Report) -> Draft | None:
        attempt = self.attempt(group)
        attempt.account(group, report)
        return attempt.draft

    def attempt(self, group: Group) -> Attempt:
        """Return the contact of a group, or why each row of it is none; nothing is counted yet."""
        read: dict[int, RowRead] = {}
        found = Attempt()
        for row in group.rows:
            try:
                read[row.number] = self._row(row)
            except RowRefused as refusal:
                found.faults[row.number] = (refusal.code, refusal.field)
            except RowSkipped as skip:
                found.skipped[row.number] = skip.name
        if not read or found.faults:
            return found
        try:
            draft = self._joined(group, list(read.values()))
        except RowRefused as refusal:
            found.faults[group.rows[0].number] = (refusal.code, refusal.field)
            return found
        for row in group.rows:
            if row.number in read:
                numbers = group.numbers(row)
                draft.rows += numbers
                draft.precisions += [read[row.number].time.precision.value] * len(numbers)
        found.draft = draft
        return found

    def _row(self, row: Row) -> RowRead:
        flags: Flags = set(row.flags)
        cells = row.cells
        time, words = self._moments.read(cells, flags)
        values = {name: read(cells, flags) for name, read in self._values.items()}
        lists = {name: self._texts(name, cells, flags) for name in self._lists}
        for side in SIDES:
            self._check_side(side, lists)
        people = [p for person in self._people for p in person.read(cells, lists, flags)]
        return RowRead(time, words, values, lists, people, self._externals(cells, lists), flags)

    def _texts(self, name: str, cells: Cells, flags: Flags) -> list[str]:
        found = [text for read in self._lists[name] for text in read(cells, flags)]
        return list(dict.fromkeys(found))

    def _check_side(self, side: str, lists: Mapping[str, list[str]]) -> None:
        take = getattr(self._mapping, side)
        if take is None or lists[side]:
            return
        if take.when_empty == "refuse":
            raise RowRefused("missing", side)
        if take.when_empty == "skip":
            raise RowSkipped(f"empty_{side}")

    def _externals(
        self, cells: Cells, lists: Mapping[str, list[str]]
    ) -> dict[tuple[str, str], ExternalId]:
        found = {}
        for side in SIDES:
            take: PartyTake | None = getattr(self._mapping, side)
            if take is None or take.external is None or len(lists[side]) != 1:
                continue
            value = cells[self._order[take.external.column]]
            if value:
                found[side, lists[side][0]] = made(
                    ExternalId, {"scheme": take.external.scheme, "value": value}, side
                )
                if check_external_ids([found[side, lists[side][0]]], "")[0]:
                    raise RowRefused("check_digit", side)
        return found

    # ── from rows to one command ─────────────────────────────────────────────────────────────────

    def _joined(self, group: Group, read: Sequence[RowRead]) -> Draft:
        flags: dict[str, None] = {flag: None for row in read for flag in sorted(row.flags)}
        parts: dict[str, Any] = {"source": Source(system=self._mapping.source, id=group.identity)}
        parts["occurred"] = self._one_time(read, flags)
        for name in self._values:
            if text := self._one_value(name, [row.values[name] for row in read], flags):
                parts[name] = _ENUMS[name](text) if name in _ENUMS else text
        for name in self._lists:
            texts = tuple(dict.fromkeys(text for row in read for text in row.lists[name]))
            if texts:
                parts[name] = texts
        self._check_lists(parts)
        people = tuple(dict.fromkeys(person for row in read for person in row.people))
        if len(people) > PARTICIPANTS_MAX:
            raise RowRefused("too_many", "participants")
        parts |= {"participants": people} if people else {}
        # The decision flags the future itself; a command that knew the day would differ tomorrow.
        told = tuple(flag for flag in flags if flag != "occurred_in_future")
        parts |= {"flags": told} if told else {}
        parts |= {"on_behalf_of": self._mapping.sender} if self._mapping.sender else {}
        command = made(LogContact, parts, "contact")
        needed = self._needed(read, command)
        return Draft(command, needed, list(flags))

    def _check_lists(self, parts: dict[str, Any]) -> None:
        for name, most in _MOST.items():
            if len(parts.get(name, ())) > most:
                raise RowRefused("too_many", name)
        if "administrations" not in parts:
            raise RowRefused("missing", "administrations")
        if "organisations" not in parts:
            if self._mapping.audience is None:
                raise RowRefused("missing", "organisations")
            parts["audience"] = self._mapping.audience

    def _needed(self, read: Sequence[RowRead], command: LogContact) -> list[PartyNeeded]:
        externals: dict[tuple[str, str], ExternalId] = {}
        for row in read:
            for place, found in row.externals.items():
                if externals.setdefault(place, found) != found:
                    raise RowRefused("party_number_differs", place[0])
        return [
            PartyNeeded(side, name, externals.get((side, name)))
            for side in SIDES
            for name in getattr(command, side)
        ]

    def _one_time(self, read: Sequence[RowRead], flags: dict[str, None]) -> OccurredGiven:
        times = {(row.time.start, row.time.end): row for row in read}
        rule = self._mapping.time.several
        chosen = read[-1] if rule == "last" else read[0]
        if len(times) > 1:
            if rule == "refuse":
                raise RowRefused("rows_differ", "time")
            if rule == "flag":
                flags["rows_differ_time"] = None
            if rule == "span":
                return self._span(read)
        return occurred(chosen.time, chosen.words)

    def _span(self, read: Sequence[RowRead]) -> OccurredGiven:
        first = min(read, key=lambda row: row.time.start)
        last = max(read, key=lambda row: row.time.end)
        try:
            whole = joined(first.time, last.time)
        except Unreadable:
            raise RowRefused("rows_differ", "time") from None
        return occurred(whole, f"{first.words} – {last.words}")

    def _one_value(self, name: str, texts: Sequence[str], flags: dict[str, None]) -> str:
        different = list(dict.fromkeys(text for text in texts if text))
        if not different:
            if name in ("channel", "direction", "medium", "subject"):
                raise RowRefused("missing", name)
            return ""
        if len(different) == 1:
            return different[0]
        take: Take | CodedTake = getattr(self._mapping, name)
        match take.several or _SEVERAL.get(name, "flag"):
            case "refuse":
                raise RowRefused("rows_differ", name)
            case "last":
                return different[-1]
            case "collect":
                return self._collected(name, different, flags)
            case "flag":
                flags[f"rows_differ_{name}"] = None
        return different[0]

    def _collected(self, name: str, texts: Sequence[str], flags: dict[str, None]) -> str:
        take: Take = getattr(self._mapping, name)
        whole, met = _COLLECT_BY.get(name, "\n").join(texts), set[str]()
        text = fit(lambda _c, _f: whole, _CHARS[name], take.long, name)((), met)
        flags.update(dict.fromkeys(met))
        return text

    # ── compiled once ────────────────────────────────────────────────────────────────────────────

    def _value_readers(self) -> dict[str, Reader]:
        readers: dict[str, Reader] = {}
        for name in CODED:
            if (coded := getattr(self._mapping, name)) is not None:
                read = reader_of(coded, self._order, name)
                readers[name] = within(read, name, CODES_OF.get(name, self._media))
        for name in TEXTS:
            if (take := getattr(self._mapping, name)) is not None:
                read = reader_of(take, self._order, name)
                readers[name] = fit(read, _CHARS[name], take.long, name)
        return readers

    def _list_readers(self) -> dict[str, list[ListReader]]:
        readers: dict[str, list[ListReader]] = {}
        for side in SIDES:
            take = getattr(self._mapping, side)
            some = [list_reader_of(take, self._order, side, NAME_CHARS_MAX)] if take else []
            readers[side] = some
        for name in LISTS:
            takes = getattr(self._mapping, name)
            readers[name] = [
                list_reader_of(take, self._order, name, NUMBER_CHARS_MAX) for take in takes
            ]
        return readers


class _Person:
    """One `[[participants]]` rule, compiled."""

    def __init__(self, take: ParticipantTake, order: Mapping[str, int]) -> None:
        place = "participants"
        chars = {"role": NAME_CHARS_MAX, "email": EMAIL_CHARS_MAX, "phone": PHONE_CHARS_MAX}
        most = chars | {"name": NAME_CHARS_MAX}
        self._names = people_reader_of(take.name, order, place, most) if take.name else None
        self._rest = {
            name: fit(reader_of(source, order, place), chars[name], source.long, place)
            for name in chars
            if (source := getattr(take, name)) is not None
        }
        self._party, self._spoke_for = take.party, take.spoke_for

    def read(
        self, cells: Cells, lists: Mapping[str, list[str]], flags: Flags
    ) -> list[ParticipantGiven]:
        """Return whom the row names; what a name's own part says comes before the rule's fields."""
        rest: dict[str, Any] = {k: v for k, read in self._rest.items() if (v := read(cells, flags))}
        named = self._names(cells, flags) if self._names else []
        if self._party and len(lists[self._party]) == 1:
            rest["party"] = lists[self._party][0]
        if self._spoke_for and lists[self._spoke_for]:
            rest["spoke_for"] = tuple(lists[self._spoke_for])
        if named:
            return [made(ParticipantGiven, rest | person, "participants") for person in named]
        if "role" not in rest:
            return []
        nameless = {key: text for key, text in rest.items() if key not in ("email", "phone")}
        return [made(ParticipantGiven, nameless, "participants")]


def within(read: Reader, name: str, words: frozenset[str]) -> Reader:
    """Return a reader that only answers with words of the list, or nothing."""
    code = "unknown_medium" if name == "medium" else "not_a_code"

    def checked(cells: Cells, flags: Flags) -> str:
        text = read(cells, flags)
        if text and text not in words:
            raise RowRefused(code, name)
        return text

    return checked


def made(model: type[Model], parts: dict[str, Any], about: str) -> Model:
    """Make a value; what the domain refuses is told by the field alone, never by its text."""
    try:
        return model(**parts)
    except ValidationError as error:
        place = error.errors(include_input=False, include_context=False)[0]["loc"]
        raise RowRefused("invalid", str(place[0]) if place else about) from None


def _refuse_all(numbers: Sequence[int], fault: tuple[str, str] | None, report: Report) -> None:
    """Refuse a row and its repeats: for its own fault, or for another row's of the contact."""
    for index, number in enumerate(numbers):
        own = fault if fault is not None and index == 0 else ("contact_refused", "identity")
        report.refuse(number, *own)
