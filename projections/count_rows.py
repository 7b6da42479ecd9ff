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
from domain.values import Confidentiality, Outcome
from projections.naming import (
    IDS_A_QUESTION,
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

COUNTERS: Final = tuple(f"{outcome}_{level}" for outcome in Outcome for level in Confidentiality)
"""Columns of a tally row, e.g. `held_open`: what sight and the usual question split is one row."""

Cell = tuple[int, str, str, str, str, str]
"""kind, administration, organisation, channel, medium, period: the key of a tally row."""


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
    kle: frozenset[str]
    people: frozenset[str]
    """Parties of participants and those they spoke for: sight asks for any role."""

    def marks(self) -> list[str]:
        """Return what sight can ask for beyond the two sides of the contact."""
        others = self.people.difference(self.administrations, self.organisations)
        return sorted([f"kle:{n}" for n in self.kle] + [f"party:{party}" for party in others])


class CountsView:
    """Facts and tallies of contacts, with the names and merges that reports show."""

    name = "counts"
    version = 1
    types = NAMING_TYPES | {LOGGED, CORRECTED, RETRACTED}

    def tables(self) -> tuple[str, ...]:
        """Return the DDL."""
        return (
            (
                "CREATE TABLE count_facts_{v} (number {bigint} NOT NULL,"
                " administration {text} NOT NULL, organisation {text} NOT NULL,"
                " from_position {bigint} NOT NULL, to_position {bigint} NOT NULL,"
                " channel {text} NOT NULL, medium {text} NOT NULL, direction {text} NOT NULL,"
                " confidentiality {text} NOT NULL, outcome {text} NOT NULL,"
                " precision {text} NOT NULL,"
                " first_day {text} NOT NULL, last_day {text} NOT NULL, period {text} NOT NULL,"
                " PRIMARY KEY (number, administration, organisation, from_position)) {clustered}"
            ),
            (
                "CREATE TABLE count_marks_{v} (number {bigint} NOT NULL, mark {text} NOT NULL,"
                " from_position {bigint} NOT NULL, to_position {bigint} NOT NULL,"
                " PRIMARY KEY (number, mark, from_position)) {clustered}"
            ),
            (
                "CREATE TABLE count_contacts_{v} (contact_id {text} NOT NULL PRIMARY KEY,"
                " number {bigint} NOT NULL, people {text} NOT NULL) {clustered}"
            ),
            (
                "CREATE TABLE count_tallies_{v} (kind {bigint} NOT NULL,"
                " administration {text} NOT NULL, organisation {text} NOT NULL,"
                " channel {text} NOT NULL, medium {text} NOT NULL, period {text} NOT NULL,"
                f" {', '.join(f'{counter} {{bigint}} NOT NULL' for counter in COUNTERS)},"
                " PRIMARY KEY (kind, administration, organisation, channel, medium, period))"
                " {clustered}"
            ),
            (
                "CREATE TABLE count_head_{v} (one {bigint} NOT NULL PRIMARY KEY,"
                " position {bigint} NOT NULL, latest_day {text} NOT NULL)"
            ),
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


VIEW: Final = CountsView()


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


def shape_of(data: Mapping[str, Any], people: frozenset[str]) -> Shape:
    """Return the shape of a content whose participants have or spoke for the parties `people`."""
    occurred = data["occurred"]
    first, last = occurred["first_day"], occurred["last_day"]
    return Shape(
        administrations=tuple(sorted({party["id"] for party in data["administrations"]})),
        organisations=tuple(sorted({party["id"] for party in data["organisations"]}))
        or (BROADCAST,),
        channel=data["channel"],
        medium=data["medium"],
        direction=data["direction"],
        confidentiality=data["confidentiality"],
        outcome=data["outcome"],
        precision=occurred["precision"],
        first_day=first,
        last_day=last,
        period=period_of(first, last),
        kle=frozenset(data["kle"]),
        people=people,
    )


def parties_of(participants: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the parties that participants belong to or spoke for."""
    found = {party["id"] for person in participants for party in person["spoke_for"]}
    found |= {person["party"]["id"] for person in participants if person["party"]}
    return frozenset(found)


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
        self._numbers: dict[str, int] = {}
        self._people: dict[int, frozenset[str]] = {}
        for some in portions(f.data["contact_id"] for f in facts if f.type != LOGGED):
            self._read(some)
        self._shapes = open_shapes(tx, v, self._people, self._people)
        self._steps = merges(tx, v, OPEN - 1)
        self._unsaved: dict[int, int] = {}
        self._contacts: dict[str, tuple[int, str]] = {}
        self._ends: list[tuple[int, int, int]] = []
        self._rows: list[tuple[object, ...]] = []
        self._marks: list[tuple[object, ...]] = []
        self._tallies: Counter[Signature] = Counter()

    def _read(self, contact_ids: Sequence[str]) -> None:
        rows = self._tx.all(
            f"SELECT contact_id, number, people FROM count_contacts_{self._v}"
            f" WHERE contact_id IN ({placeholders(len(contact_ids))})",
            contact_ids,
        )
        self._numbers |= {contact_id: number for contact_id, number, _ in rows}
        self._people |= {number: frozenset(people.split()) for _, number, people in rows}

    def take(self, fact: Fact) -> None:
        """Fold one fact about a contact; after a retraction nothing counts any more."""
        contact_id = fact.data["contact_id"]
        if fact.type == LOGGED:
            self._numbers[contact_id] = fact.position
            self._keep_people(contact_id, fact)
            after = shape_of(fact.data["content"], self._people[fact.position])
            self._open(fact.position, fact.position, after)
            return
        number = self._numbers[contact_id]
        before = self._shapes.get(number)
        if before is None:
            return
        if fact.type == CORRECTED:
            if fact.data["participants"] is not None:
                self._keep_people(contact_id, fact)
            after = shape_of(fact.data["content"], self._people[number])
            if after == before:
                return
            self._close(number, fact.position, before)
            self._open(number, fact.position, after)
        else:
            self._close(number, fact.position, before)

    def _keep_people(self, contact_id: str, fact: Fact) -> None:
        number, people = self._numbers[contact_id], parties_of(fact.data["participants"])
        self._people[number] = people
        self._contacts[contact_id] = (number, " ".join(sorted(people)))

    def _open(self, number: int, position: int, shape: Shape) -> None:
        self._shapes[number] = shape
        self._unsaved[number] = position
        self._tallies[signature(shape, self._steps)] += 1

    def _close(self, number: int, position: int, shape: Shape) -> None:
        since = self._unsaved.pop(number, None)
        if since is None:
            self._ends.append((position, number, OPEN))
        else:
            self._add_rows(number, since, position, shape)
        del self._shapes[number]
        self._tallies[signature(shape, self._steps)] -= 1

    def _add_rows(self, number: int, since: int, until: int, shape: Shape) -> None:
        single = shape[2:11]
        self._rows += [
            (number, administration, organisation, since, until, *single)
            for administration in shape.administrations
            for organisation in shape.organisations
        ]
        if shape.kle or shape.people:
            self._marks += [(number, mark, since, until) for mark in shape.marks()]

    def write(self) -> None:
        """Write the stretch: ends, then rows, then tallies."""
        tx, v = self._tx, self._v
        for number, since in self._unsaved.items():
            self._add_rows(number, since, OPEN, self._shapes[number])
        for table in ("facts", "marks") if self._ends else ():
            tx.many(
                f"UPDATE count_{table}_{v} SET to_position=? WHERE number=? AND to_position=?",
                self._ends,
            )
        tx.many(
            f"INSERT INTO count_contacts_{v} VALUES (?,?,?)"
            " ON CONFLICT (contact_id) DO UPDATE SET people = excluded.people",
            [(contact_id, *row) for contact_id, row in self._contacts.items()],
        )
        tx.many(f"INSERT INTO count_facts_{v} VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", self._rows)
        if self._marks:
            tx.many(f"INSERT INTO count_marks_{v} VALUES (?,?,?,?)", self._marks)
        add_tallies(tx, v, self._tallies)


def open_shapes(
    tx: Tx, v: str, numbers: Iterable[int], people: Mapping[int, frozenset[str]]
) -> dict[int, Shape]:
    """Return the shapes of contacts as they stand; retracted ones are left out."""
    rows: dict[int, list[tuple[Any, ...]]] = {}
    marks: dict[int, set[str]] = {}
    for some in portions_of(numbers):
        where = f"to_position=? AND number IN ({placeholders(len(some))})"
        for row in tx.all(
            "SELECT number, administration, organisation, channel, medium, direction,"
            " confidentiality, outcome, precision, first_day, last_day, period"
            f" FROM count_facts_{v} WHERE {where} ORDER BY number, administration, organisation",
            (OPEN, *some),
        ):
            rows.setdefault(row[0], []).append(row)
        for number, mark in tx.all(
            f"SELECT number, mark FROM count_marks_{v} WHERE {where}", (OPEN, *some)
        ):
            marks.setdefault(number, set()).add(mark)
    return {
        number: Shape._make(
            [
                tuple(sorted({row[1] for row in held})),
                tuple(sorted({row[2] for row in held})),
                *held[0][3:],
                frozenset(m[4:] for m in marks.get(number, ()) if m.startswith("kle:")),
                people.get(number, frozenset()),
            ]
        )
        for number, held in rows.items()
    }


def portions_of(numbers: Iterable[int]) -> Iterator[list[int]]:
    """Return numbers in lists short enough for one statement."""
    listed = list(numbers)
    for start in range(0, len(listed), IDS_A_QUESTION):
        yield listed[start : start + IDS_A_QUESTION]


Signature = tuple[tuple[str, ...], tuple[str, ...], str, str, str, str, str]
"""Survivors of both sides, channel, medium, period, confidentiality, outcome: equal ones fold."""


def signature(shape: Shape, steps: Mapping[str, str]) -> Signature:
    """Return what decides the cells of a contact, its parties being their survivors."""
    ours, theirs = shape.administrations, shape.organisations
    if steps:
        ours = tuple(sorted({survivor(steps, party) for party in ours}))
        theirs = tuple(sorted({survivor(steps, party) for party in theirs}))
    return (
        ours,
        theirs,
        shape.channel,
        shape.medium,
        shape.period,
        shape.confidentiality,
        shape.outcome,
    )


def cells(of: Signature) -> list[Cell]:
    """Return every cell a contact is counted in, each once."""
    ours, theirs, channel, medium, period, *_ = of
    found: list[Cell] = [
        (0, "", "", "", "", period),
        (CHANNEL, "", "", channel, "", period),
        (MEDIUM, "", "", "", medium, period),
        (CHANNEL + MEDIUM, "", "", channel, medium, period),
    ]
    for a in ours:
        found += [
            (ADMINISTRATION, a, "", "", "", period),
            (ADMINISTRATION + CHANNEL, a, "", channel, "", period),
            (ADMINISTRATION + MEDIUM, a, "", "", medium, period),
        ]
    for o in theirs:
        found += [
            (ORGANISATION, "", o, "", "", period),
            (ORGANISATION + CHANNEL, "", o, channel, "", period),
            (ORGANISATION + MEDIUM, "", o, "", medium, period),
        ]
        for a in ours:
            found.append((ADMINISTRATION + ORGANISATION, a, o, "", "", period))
            found.append((ALL_FOUR, a, o, channel, medium, period))
    return found


def add_tallies(tx: Tx, v: str, signatures: Mapping[Signature, int]) -> None:
    """Add contacts to (or, negative, take them from) their cells; empty cells are not kept."""
    rows: dict[Cell, list[int]] = {}
    shrunk = False
    for of, count in signatures.items():
        if not count:
            continue
        shrunk |= count < 0
        place = COUNTERS.index(f"{of[6]}_{of[5]}")
        for cell in cells(of):
            row = rows.get(cell)
            if row is None:
                row = rows[cell] = [0] * len(COUNTERS)
            row[place] += count
    tx.many(_upsert(v), [(*cell, *rows[cell]) for cell in sorted(rows)])
    if shrunk:
        tx.many(
            f"DELETE FROM count_tallies_{v} WHERE kind=? AND administration=? AND organisation=?"
            f" AND channel=? AND medium=? AND period=? AND {'+'.join(COUNTERS)}=0",
            [cell for cell, row in rows.items() if min(row) < 0],
        )


def _upsert(v: str) -> str:
    added = ", ".join(f"{counter} = t.{counter} + excluded.{counter}" for counter in COUNTERS)
    return (
        f"INSERT INTO count_tallies_{v} AS t VALUES ({placeholders(6 + len(COUNTERS))})"
        " ON CONFLICT (kind, administration, organisation, channel, medium, period)"
        f" DO UPDATE SET {added}"
    )


def _apply_merge(tx: Tx, v: str, fact: Fact) -> None:
    """Keep the merge, and move tallies of the contacts whose parties now stand for another."""
    before = merges(tx, v, OPEN - 1)
    apply_naming(tx, v, fact)
    after = merges(tx, v, OPEN - 1)
    moved = [
        party for party in {*before, *after} if survivor(before, party) != survivor(after, party)
    ]
    numbers: set[int] = set()
    for some in portions(moved):
        within = placeholders(len(some))
        rows = tx.all(
            f"SELECT number FROM count_facts_{v} WHERE to_position=?"
            f" AND (organisation IN ({within}) OR administration IN ({within}))",
            (OPEN, *some, *some),
        )
        numbers.update(row[0] for row in rows)
    signatures: Counter[Signature] = Counter()
    for shape in open_shapes(tx, v, numbers, {}).values():
        signatures[signature(shape, before)] -= 1
        signatures[signature(shape, after)] += 1
    add_tallies(tx, v, signatures)


def _keep_head(tx: Tx, v: str, facts: Sequence[Fact]) -> None:
    """Note up to which position the tallies count, and the latest day any contact began."""
    days = [f.data["content"]["occurred"]["first_day"] for f in facts if "content" in f.data]
    tx.run(
        f"INSERT INTO count_head_{v} AS h VALUES (1,?,?) ON CONFLICT (one) DO UPDATE SET"
        " position = excluded.position, latest_day = CASE WHEN excluded.latest_day > h.latest_day"
        " THEN excluded.latest_day ELSE h.latest_day END",
        (facts[-1].position, max(days, default="")),
    )
