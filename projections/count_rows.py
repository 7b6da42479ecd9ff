"""The rows behind counts of contacts: versioned facts for any question, tallies for today's.

A fact row stands for one contact × administration × organisation and has its two positions, so any
count as of any position is a COUNT(DISTINCT number). A tally is how many contacts there are now in
one cell of at most two dimensions (or all four); it is kept as events arrive, so that the report of
every day touches no facts. Cells are counted by survivors of merges; a merge moves its contacts'
tallies.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from domain.log.codec import Fact
from projections.naming import (
    MERGED,
    NAMING_TABLES,
    NAMING_TYPES,
    UNMERGED,
    apply_naming,
    merges,
    placeholders,
    portions,
    survivor,
)
from projections.storage import OPEN, Tx

LOGGED: Final = "contact.logged/1"
CORRECTED: Final = "contact.corrected/1"
RETRACTED: Final = "contact.retracted/1"
BROADCAST: Final = ""
"""Stands for `no organisation` where a key cannot be null."""

ADMINISTRATION: Final = 1
ORGANISATION: Final = 2
CHANNEL: Final = 4
MEDIUM: Final = 8
ALL_FOUR: Final = 15
"""A tally's kind is the sum of the dimensions it is split by; the others are empty text."""

Cell = tuple[int, str, str, str, str, str, str, str]
"""kind, administration, organisation, channel, medium, period, confidentiality, outcome."""


class Shape(NamedTuple):
    """What counts need to know of a contact as it stands."""

    administrations: tuple[str, ...]
    organisations: tuple[str, ...]
    channel: str
    medium: str
    direction: str
    confidentiality: str
    outcome: str
    precision: str
    first_day: str
    last_day: str
    period: str
    marks: frozenset[str]
    """`party:ID` of parties that take part in another way, `kle:NUMBER`: what sight asks for."""


class CountsView:
    """Facts and tallies of contacts, with the names and merges that reports show."""

    name = "counts"
    version = 1
    types = NAMING_TYPES | {LOGGED, CORRECTED, RETRACTED}

    def tables(self) -> tuple[str, ...]:
        """Return the DDL."""
        return (
            "CREATE TABLE count_facts_{v} (number {bigint} NOT NULL,"
            " administration {text} NOT NULL, organisation {text} NOT NULL,"
            " from_position {bigint} NOT NULL, to_position {bigint} NOT NULL,"
            " channel {text} NOT NULL, medium {text} NOT NULL, direction {text} NOT NULL,"
            " confidentiality {text} NOT NULL, outcome {text} NOT NULL, precision {text} NOT NULL,"
            " first_day {text} NOT NULL, last_day {text} NOT NULL, period {text} NOT NULL,"
            " PRIMARY KEY (number, administration, organisation, from_position)) {clustered}",
            "CREATE TABLE count_marks_{v} (number {bigint} NOT NULL, mark {text} NOT NULL,"
            " from_position {bigint} NOT NULL, to_position {bigint} NOT NULL,"
            " PRIMARY KEY (number, mark, from_position)) {clustered}",
            "CREATE TABLE count_contacts_{v} (contact_id {text} NOT NULL PRIMARY KEY,"
            " number {bigint} NOT NULL) {clustered}",
            "CREATE TABLE count_tallies_{v} (kind {bigint} NOT NULL,"
            " administration {text} NOT NULL, organisation {text} NOT NULL,"
            " channel {text} NOT NULL, medium {text} NOT NULL, period {text} NOT NULL,"
            " confidentiality {text} NOT NULL, outcome {text} NOT NULL,"
            " contacts {bigint} NOT NULL, PRIMARY KEY (kind, administration, organisation,"
            " channel, medium, period, confidentiality, outcome)) {clustered}",
            "CREATE TABLE count_head_{v} (one {bigint} NOT NULL PRIMARY KEY,"
            " position {bigint} NOT NULL, latest_day {text} NOT NULL)",
            *NAMING_TABLES,
        )

    def indexes(self) -> tuple[str, ...]:
        """Return the indexes: one organisation's contacts, the border months of a date range."""
        return (
            "CREATE INDEX count_organisation_{v} ON count_facts_{v} (organisation)",
            "CREATE INDEX count_period_{v} ON count_facts_{v} (period)",
            "CREATE INDEX count_mark_{v} ON count_marks_{v} (mark)",
        )

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Apply a page; a merge ends the stretch before it, as it changes what cells mean."""
        stretch: list[Fact] = []
        for fact in facts:
            if fact.type not in NAMING_TYPES:
                stretch.append(fact)
            elif fact.type in (MERGED, UNMERGED):
                _apply_stretch(tx, v, stretch)
                stretch = []
                _apply_merge(tx, v, fact)
            else:
                apply_naming(tx, v, fact)
        _apply_stretch(tx, v, stretch)
        if facts:
            _keep_head(tx, v, facts)


def period_of(first: str, last: str) -> str:
    """Return the month, else the quarter, else the year that holds both days, else empty text."""
    if first[:7] == last[:7]:
        return first[:7]
    if first[:4] != last[:4]:
        return ""
    quarter = quarter_of(first)
    return quarter if quarter == quarter_of(last) else first[:4]


def quarter_of(day: str) -> str:
    """Return `YYYY-Qn` of a day or month."""
    return f"{day[:4]}-Q{(int(day[5:7]) + 2) // 3}"


def shape_of(data: Mapping[str, Any], people: Sequence[Mapping[str, Any]]) -> Shape:
    """Return the shape of a content with its participants."""
    occurred = data["occurred"]
    first, last = occurred["first_day"], occurred["last_day"]
    administrations = tuple(dict.fromkeys([p["id"] for p in data["administrations"]]))
    organisations = tuple(dict.fromkeys([p["id"] for p in data["organisations"]]))
    others = {p["id"] for person in people for p in person["spoke_for"]}
    others |= {person["party"]["id"] for person in people if person["party"]}
    others -= {*administrations, *organisations}
    return Shape(
        administrations=administrations,
        organisations=organisations or (BROADCAST,),
        channel=data["channel"],
        medium=data["medium"],
        direction=data["direction"],
        confidentiality=data["confidentiality"],
        outcome=data["outcome"],
        precision=occurred["precision"],
        first_day=first,
        last_day=last,
        period=period_of(first, last),
        marks=frozenset({f"kle:{number}" for number in data["kle"]} | _party_marks(others)),
    )


def _party_marks(parties: Iterable[str]) -> set[str]:
    return {f"party:{party}" for party in parties}


def _apply_stretch(tx: Tx, v: str, facts: Sequence[Fact]) -> None:
    if facts:
        page = _Page(tx, v, facts)
        for fact in facts:
            page.take(fact)
        page.write()


class _Page:
    """Contacts of one stretch: read once, folded in memory, written once."""

    def __init__(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        self._tx, self._v = tx, v
        changed = [fact.data["contact_id"] for fact in facts if fact.type != LOGGED]
        self._numbers = _numbers(tx, v, changed)
        self._shapes = open_shapes(tx, v, self._numbers.values())
        self._steps = merges(tx, v, OPEN - 1)
        self._unsaved: dict[int, int] = {}
        self._logged: list[tuple[str, int]] = []
        self._ends: list[tuple[int, int, int]] = []
        self._rows: list[tuple[object, ...]] = []
        self._marks: list[tuple[object, ...]] = []
        self._tallies: Counter[tuple[object, ...]] = Counter()

    def take(self, fact: Fact) -> None:
        """Fold one fact about a contact."""
        data = fact.data
        if fact.type == LOGGED:
            self._numbers[data["contact_id"]] = fact.position
            self._logged.append((data["contact_id"], fact.position))
            self._open(fact.position, fact.position, shape_of(data["content"], data["participants"]))
            return
        number = self._numbers[data["contact_id"]]
        before = self._shapes.get(number)
        if before is None:  # retracted: nothing after that counts
            return
        if fact.type == RETRACTED:
            self._close(number, fact.position, before)
            return
        after = shape_of(data["content"], data["participants"] or ())
        if data["participants"] is None:
            kept = {mark for mark in before.marks if mark.startswith("party:")}
            kept |= _party_marks({*before.administrations, *before.organisations} - {BROADCAST})
            kept -= _party_marks({*after.administrations, *after.organisations})
            kept &= self._people_marks(number, kept)
            after = after._replace(marks=after.marks | kept)
        if after != before:
            self._close(number, fact.position, before)
            self._open(number, fact.position, after)

    def _people_marks(self, number: int, marks: set[str]) -> set[str]:
        return marks & self._people.get(number, set())

    def _open(self, number: int, position: int, shape: Shape) -> None:
        self._shapes[number] = shape
        self._unsaved[number] = position
        self._tallies[_signature(shape, self._steps)] += 1

    def _close(self, number: int, position: int, shape: Shape) -> None:
        since = self._unsaved.pop(number, None)
        if since is None:
            self._ends.append((position, number, OPEN))
        else:
            self._add_rows(number, since, position, shape)
        del self._shapes[number]
        self._tallies[_signature(shape, self._steps)] -= 1
