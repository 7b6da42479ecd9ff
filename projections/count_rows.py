"""The rows behind counts of contacts: versioned facts for any question, tallies for today's.

A fact row stands for one contact × administration × organisation and has its two positions, so any
count as of any position is a COUNT(DISTINCT number). A tally is how many contacts there are now in
one cell of administration, organisation, medium and month, or fewer of them; it is kept as events
arrive, so that the report of every day touches no facts. Cells are counted by survivors of merges;
a merge moves its contacts' tallies. Parties, media and KLE numbers stand as small numbers (terms):
keys are short, so the tallies of all cells fit into few pages.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from domain.log.codec import Fact
from domain.values import Channel, Confidentiality, Outcome
from projections import finality
from projections.count_shapes import (
    KLE_TERM,
    MEDIUM_TERM,
    Shape,
    parties_of,
    shape_of,
)
from projections.finality import UNFINISHED
from projections.naming import (
    MERGED,
    NAMING_TABLES,
    NAMING_TYPES,
    UNMERGED,
    apply_naming,
    placeholders,
    portions,
    survivors,
)
from projections.storage import OPEN, Reader, Tx

LOGGED: Final = "contact.logged/1"
CORRECTED: Final = "contact.corrected/1"
RETRACTED: Final = "contact.retracted/1"
_BY_ENQUIRY: Final = frozenset({Confidentiality.OPEN, finality.AWAITED})
"""Levels that change when an enquiry is closed or opened again; negotiations outlast both."""

ADMINISTRATION: Final = 1
ORGANISATION: Final = 2
MEDIUM: Final = 4
"""A tally's kind is the sum of the dimensions it is split by; the others are 0."""
_KEY: Final = "kind, administration, organisation, medium, period"

COUNTERS: Final[Mapping[tuple[str, str, str], str]] = {
    (
        outcome,
        level,
        channel,
    ): f"{outcome}_{'unfinished' if level in UNFINISHED else level}_{channel}"
    for outcome in Outcome
    for level in (*Confidentiality, *UNFINISHED)
    for channel in Channel
}
"""Columns of a tally row, e.g. `held_open_direct`: what has few values splits columns, not rows."""
COLUMNS: Final = tuple(dict.fromkeys(COUNTERS.values()))
"""Each column once: what is open and not final for whichever reason is counted in one."""

Counter = tuple[str, str, str]
Cell = tuple[int, int, int, int, str]
"""kind, administration, organisation, medium, period: the key of a tally row."""
Tallies = dict[Counter, dict[Cell, int]]
"""What to add to each counter of each cell."""


class CountsView:
    """Facts and tallies of contacts, with the names and merges that reports show."""

    name = "counts"
    version = 2
    types = NAMING_TYPES | {LOGGED, CORRECTED, RETRACTED} | finality.TYPES

    def tables(self) -> tuple[str, ...]:
        """Return the DDL."""
        return (
            (
                "CREATE TABLE count_facts_{v} (number {bigint} NOT NULL,"
                " administration {bigint} NOT NULL, organisation {bigint} NOT NULL,"
                " from_position {bigint} NOT NULL, to_position {bigint} NOT NULL,"
                " channel {text} NOT NULL, medium {bigint} NOT NULL, direction {text} NOT NULL,"
                " confidentiality {text} NOT NULL, outcome {text} NOT NULL,"
                " precision {text} NOT NULL,"
                " first_day {text} NOT NULL, last_day {text} NOT NULL, period {text} NOT NULL,"
                " PRIMARY KEY (number, administration, organisation, from_position)) {clustered}"
            ),
            (
                "CREATE TABLE count_marks_{v} (number {bigint} NOT NULL, mark {bigint} NOT NULL,"
                " from_position {bigint} NOT NULL, to_position {bigint} NOT NULL,"
                " PRIMARY KEY (number, mark, from_position)) {clustered}"
            ),
            (
                "CREATE TABLE count_contacts_{v} (contact_id {text} NOT NULL PRIMARY KEY,"
                " number {bigint} NOT NULL, people {text} NOT NULL) {clustered}"
            ),
            (
                "CREATE TABLE count_tallies_{v} (kind {bigint} NOT NULL,"
                " administration {bigint} NOT NULL, organisation {bigint} NOT NULL,"
                " medium {bigint} NOT NULL, period {text} NOT NULL,"
                f" {', '.join(f'{c} {{bigint}} NOT NULL DEFAULT 0' for c in COLUMNS)},"
                f" PRIMARY KEY ({_KEY}))"
                " {clustered}"
            ),
            (
                "CREATE TABLE count_head_{v} (one {bigint} NOT NULL PRIMARY KEY,"
                " position {bigint} NOT NULL, latest_day {text} NOT NULL)"
            ),
            (
                "CREATE TABLE count_terms_{v} (term {bigint} NOT NULL PRIMARY KEY,"
                " word {text} NOT NULL)"
            ),
            "CREATE UNIQUE INDEX count_word_{v} ON count_terms_{v} (word)",
            *finality.TABLES,
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
        terms = _terms(tx, v, facts)
        stretch: list[Fact] = []
        for fact in facts:
            if fact.type not in NAMING_TYPES:
                stretch.append(fact)
            elif fact.type in (MERGED, UNMERGED):
                _apply_stretch(tx, v, terms, stretch)
                stretch = []
                _apply_merge(tx, v, fact)
            else:
                apply_naming(tx, v, fact)
        _apply_stretch(tx, v, terms, stretch)
        if facts:
            _keep_head(tx, v, facts)


VIEW: Final = CountsView()


def _terms(tx: Tx, v: str, facts: Sequence[Fact]) -> dict[str, int]:
    """Return the number of every word of a page; new ones count on in the order of the log."""
    words: dict[str, None] = {}
    for fact in facts:
        words.update(dict.fromkeys(_words_of(fact)))
    known: dict[str, int] = {}
    for some in portions(words):
        known |= tx.all(
            f"SELECT word, term FROM count_terms_{v} WHERE word IN ({placeholders(len(some))})",
            some,
        )
    last = tx.one(f"SELECT COALESCE(MAX(term), 0) FROM count_terms_{v}")
    new = [word for word in words if word not in known]
    numbered = {word: n for n, word in enumerate(new, last[0] + 1 if last else 1)}
    if new:
        rows = [(term, word) for word, term in numbered.items()]
        tx.many(f"INSERT INTO count_terms_{v} VALUES (?,?)", rows)
    return known | numbered


def _words_of(fact: Fact) -> list[str]:
    """Return what a fact names: always the same in the same order, so that terms are too."""
    data = fact.data
    if fact.type == RETRACTED or fact.type in finality.TYPES:
        return []
    if fact.type in NAMING_TYPES:
        return [data["party_id"], *([data["into_party_id"]] if fact.type == MERGED else [])]
    content = data["content"]
    words = [MEDIUM_TERM + content["medium"]]
    words += [party["id"] for party in content["administrations"]]
    words += [party["id"] for party in content["organisations"]]
    words += [KLE_TERM + number for number in content["kle"]]
    for person in data["participants"] or ():
        words += [person["party"]["id"]] if person["party"] else []
        words += [party["id"] for party in person["spoke_for"]]
    return words


def _apply_stretch(tx: Tx, v: str, terms: Mapping[str, int], facts: Sequence[Fact]) -> None:
    if facts:
        page = _Page(tx, v, terms, facts)
        for fact in facts:
            page.take(fact)
        page.write()


class _Page:
    """Contacts of one stretch: read once, folded in memory, written once."""

    def __init__(self, tx: Tx, v: str, terms: Mapping[str, int], facts: Sequence[Fact]) -> None:
        self._tx, self._v, self._terms = tx, v, terms
        self._numbers: dict[str, int] = {}
        self._people: dict[int, tuple[int, ...]] = {}
        for some in portions(
            [f.data["contact_id"] for f in facts if f.type in {CORRECTED, RETRACTED}]
            + finality.contacts_named(tx, v, facts)
        ):
            self._read(some)
        self._shapes = open_shapes(tx, v, self._people, self._people)
        self._stands = survivors(merged_terms(tx, v, OPEN - 1))
        self._unsaved: dict[int, int] = {}
        self._contacts: dict[str, tuple[int, str]] = {}
        self._ends: list[tuple[int, int, int]] = []
        self._rows: list[tuple[object, ...]] = []
        self._marks: list[tuple[object, ...]] = []
        self._tallies: Tallies = {}

    def _read(self, contact_ids: Sequence[str]) -> None:
        rows = self._tx.all(
            f"SELECT contact_id, number, people FROM count_contacts_{self._v}"
            f" WHERE contact_id IN ({placeholders(len(contact_ids))})",
            contact_ids,
        )
        self._numbers |= {contact_id: number for contact_id, number, _ in rows}
        self._people |= {number: tuple(map(int, people.split())) for _, number, people in rows}

    def take(self, fact: Fact) -> None:
        """Fold one fact about a contact; after a retraction nothing counts any more."""
        if fact.type in finality.TYPES:
            self._finish(fact)
            return
        contact_id = fact.data["contact_id"]
        if fact.type == LOGGED:
            self._numbers[contact_id] = fact.position
            self._keep_people(contact_id, fact)
            after = shape_of(fact.data["content"], self._people[fact.position], self._terms)
            self._open(fact.position, fact.position, after)
            return
        number = self._numbers[contact_id]
        before = self._shapes.get(number)
        if before is None:
            return
        if fact.type == CORRECTED:
            if fact.data["participants"] is not None:
                self._keep_people(contact_id, fact)
            awaited = finality.is_awaited(self._tx, self._v, contact_id)
            content, people = fact.data["content"], self._people[number]
            self._become(number, fact, shape_of(content, people, self._terms, awaited=awaited))
        else:
            self._close(number, fact.position, before)

    def _finish(self, fact: Fact) -> None:
        """Count a contact anew where its enquiry decides whether it is final."""
        contact_id = finality.note(self._tx, self._v, fact)
        number = self._numbers.get(contact_id or "")
        before = None if number is None else self._shapes.get(number)
        if contact_id and number and before and before.confidentiality in _BY_ENQUIRY:
            awaited = finality.is_awaited(self._tx, self._v, contact_id)
            level = finality.AWAITED if awaited else Confidentiality.OPEN
            self._become(number, fact, before._replace(confidentiality=level))

    def _become(self, number: int, fact: Fact, after: Shape) -> None:
        before = self._shapes[number]
        if after != before:
            self._close(number, fact.position, before)
            self._open(number, fact.position, after)

    def _keep_people(self, contact_id: str, fact: Fact) -> None:
        number = self._numbers[contact_id]
        people = self._people[number] = parties_of(fact.data["participants"], self._terms)
        self._contacts[contact_id] = (number, " ".join(map(str, people)))

    def _open(self, number: int, position: int, shape: Shape) -> None:
        self._shapes[number] = shape
        self._unsaved[number] = position
        tally(self._tallies, shape, self._stands, 1)

    def _close(self, number: int, position: int, shape: Shape) -> None:
        since = self._unsaved.pop(number, None)
        if since is None:
            self._ends.append((position, number, OPEN))
        else:
            self._add_rows(number, since, position, shape)
        del self._shapes[number]
        tally(self._tallies, shape, self._stands, -1)

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
    tx: Tx, v: str, numbers: Iterable[int], people: Mapping[int, tuple[int, ...]]
) -> dict[int, Shape]:
    """Return the shapes of contacts as they stand; retracted ones are left out."""
    rows: dict[int, list[tuple[Any, ...]]] = {}
    marks: dict[int, set[int]] = {}
    for some in portions(numbers):
        where = f"to_position=? AND number IN ({placeholders(len(some))})"
        for row in tx.all(
            "SELECT number, administration, organisation, channel, medium, direction,"
            " confidentiality, outcome, precision, first_day, last_day, period"
            f" FROM count_facts_{v} WHERE {where}",
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
                tuple(sorted(marks.get(number, set()).difference(people.get(number, ())))),
                people.get(number, ()),
            ]
        )
        for number, held in rows.items()
    }


def merged_terms(reader: Reader, v: str, at: int) -> dict[int, int]:
    """Return which party is merged into which, one step, as terms, as known at `at`."""
    return dict(
        reader.all(
            f"SELECT a.term, b.term FROM party_merges_{v} AS m"
            f" JOIN count_terms_{v} AS a ON a.word=m.party_id"
            f" JOIN count_terms_{v} AS b ON b.word=m.into_id"
            " WHERE m.from_position<=? AND m.to_position>?",
            (at, at),
        )
    )


def tally(tallies: Tallies, shape: Shape, stands: Mapping[int, int], step: int) -> None:
    """Add a contact to (or, with -1, take it from) every cell it is counted in, each once.

    `stands` tells the survivor of each merged party.
    """
    ours: Iterable[int] = shape.administrations
    theirs: Iterable[int] = shape.organisations
    if stands:
        ours = {stands.get(party, party) for party in ours}
        theirs = {stands.get(party, party) for party in theirs}
    changes = tallies.setdefault((shape.outcome, shape.confidentiality, shape.channel), {})
    for cell in _cells(ours, theirs, shape.medium, shape.period):
        changes[cell] = changes.get(cell, 0) + step


def _cells(ours: Iterable[int], theirs: Iterable[int], medium: int, period: str) -> list[Cell]:
    found = [(0, 0, 0, 0, period), (MEDIUM, 0, 0, medium, period)]
    for a in ours:
        found.append((ADMINISTRATION, a, 0, 0, period))
        found.append((ADMINISTRATION + MEDIUM, a, 0, medium, period))
    for o in theirs:
        found.append((ORGANISATION, 0, o, 0, period))
        found.append((ORGANISATION + MEDIUM, 0, o, medium, period))
        for a in ours:
            found.append((ADMINISTRATION + ORGANISATION, a, o, 0, period))
            found.append((ADMINISTRATION + ORGANISATION + MEDIUM, a, o, medium, period))
    return found


def add_tallies(tx: Tx, v: str, tallies: Tallies) -> None:
    """Add to the tallies; what changes nothing is not written, and empty cells are not kept."""
    shrunk: set[Cell] = set()
    for counter, changes in tallies.items():
        column = COUNTERS[counter]
        tx.many(
            f"INSERT INTO count_tallies_{v} AS t ({_KEY}, {column}) VALUES (?,?,?,?,?,?)"
            f" ON CONFLICT ({_KEY}) DO UPDATE SET {column} = t.{column} + excluded.{column}",
            [(*cell, changes[cell]) for cell in sorted(changes) if changes[cell]],
        )
        shrunk.update([cell for cell, change in changes.items() if change < 0])
    if shrunk:
        tx.many(
            f"DELETE FROM count_tallies_{v} WHERE kind=? AND administration=? AND organisation=?"
            f" AND medium=? AND period=? AND {'+'.join(COLUMNS)}=0",
            sorted(shrunk),
        )


def _apply_merge(tx: Tx, v: str, fact: Fact) -> None:
    """Keep the merge, and move tallies of the contacts whose parties now stand for another."""
    before = survivors(merged_terms(tx, v, OPEN - 1))
    apply_naming(tx, v, fact)
    after = survivors(merged_terms(tx, v, OPEN - 1))
    parties = {*before, *after}
    moved = [party for party in parties if before.get(party, party) != after.get(party, party)]
    numbers: set[int] = set()
    for some in portions(moved):
        within = placeholders(len(some))
        rows = tx.all(
            f"SELECT number FROM count_facts_{v} WHERE to_position=?"
            f" AND (organisation IN ({within}) OR administration IN ({within}))",
            (OPEN, *some, *some),
        )
        numbers.update(row[0] for row in rows)
    tallies: Tallies = {}
    for shape in open_shapes(tx, v, numbers, {}).values():
        tally(tallies, shape, before, -1)
        tally(tallies, shape, after, 1)
    add_tallies(tx, v, tallies)


def _keep_head(tx: Tx, v: str, facts: Sequence[Fact]) -> None:
    """Note up to which position the tallies count, and the latest day any contact began."""
    days = [f.data["content"]["occurred"]["first_day"] for f in facts if "content" in f.data]
    tx.run(
        f"INSERT INTO count_head_{v} AS h VALUES (1,?,?) ON CONFLICT (one) DO UPDATE SET"
        " position = excluded.position, latest_day = CASE WHEN excluded.latest_day > h.latest_day"
        " THEN excluded.latest_day ELSE h.latest_day END",
        (facts[-1].position, max(days, default="")),
    )
