"""Full-text search of contacts (fritekstsøgning): which contacts hold these words, as of any position.

Each version of a contact is a document of five parts. Its distinct stems lie in one index, each
marked with who may find by it: a role that does not see persons cannot find by their names, nor one
that does not see assessments by theirs, so nothing hidden shows by a hit. That words stand side by
side is checked on the parts themselves, which keeps the index small and both databases alike. There
is no index of word middles: a trigram index was measured to cost more than the rest of the view;
`bolig*` finds `boligorganisation`.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from domain.access import Sight
from domain.log.codec import Fact
from projections.naming import placeholders, portions
from projections.stems import GAP, Term, stems_of_fields, terms_of
from projections.storage import OPEN, Params, Reader, Tx

LOGGED: Final = "contact.logged/1"
CORRECTED: Final = "contact.corrected/1"
_TEXT_FIELDS: Final = frozenset(
    {"subject", "facts", "assessment", "place", "commitments", "follow_ups"}
)
NAMES_REMEMBERED_MAX: Final = 4_096
"""Stems of party and topic names kept in memory: few, and in every contact."""
EVERYONE, PERSONS, ASSESSMENT = "a", "b", "c"
"""First letter of an indexed stem: who may find by it."""


class Document(NamedTuple):
    """The stems of one version of a contact, each part in order, blanks around every stem."""

    about: str
    """Topics, administrations, organisations, audience."""
    said: str
    """Subject, facts, place."""
    roles: str
    """Participants' roles and parties."""
    people: str
    """Participants' names."""
    inner: str
    """The assessment."""

    def indexed(self) -> str:
        """Return the distinct stems, marked, as the index keeps them."""
        open_stems = {*self.about.split(), *self.said.split(), *self.roles.split()}
        marked = [EVERYONE + stem for stem in open_stems - _GAPS]
        marked += [PERSONS + stem for stem in {*self.people.split()} - _GAPS]
        marked += [ASSESSMENT + stem for stem in {*self.inner.split()} - _GAPS]
        return " ".join(sorted(marked))


_GAPS: Final = frozenset({GAP})
_OPEN_PARTS: Final = ("about", "said", "roles")


class SearchView:
    """Documents of contacts and the index of their stems."""

    name = "search"
    version = 1
    types = frozenset({LOGGED, CORRECTED})

    def tables(self) -> tuple[str, ...]:
        """Return the DDL of the documents; the index is made by `apply`, as it differs by database.

        A document's key is the position of the event it comes from.
        """
        return (
            "CREATE TABLE search_docs_{v} (from_position {bigint} NOT NULL PRIMARY KEY,"
            " to_position {bigint} NOT NULL, number {bigint} NOT NULL, contact_id {text} NOT NULL,"
            " about {text} NOT NULL, said {text} NOT NULL, roles {text} NOT NULL,"
            " people {text} NOT NULL, inner_part {text} NOT NULL)",
            "CREATE INDEX search_contact_{v} ON search_docs_{v} (contact_id)",
            "CREATE TABLE search_made_{v} (one {bigint} NOT NULL PRIMARY KEY)",
        )

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Index a page: one document per logged or corrected contact, the one before it closed."""
        on_sqlite = speaks_sqlite(tx)
        if tx.one(f"SELECT one FROM search_made_{v}") is None:
            _make_index(tx, v, on_sqlite=on_sqlite)
        page = _Page(tx, v, facts)
        for fact in facts:
            page.take(fact)
        page.write(on_sqlite=on_sqlite)


def speaks_sqlite(reader: Reader) -> bool:
    """Return whether the database is SQLite, whose LIKE does not tell `a` from `A`."""
    row = reader.one("SELECT CASE WHEN 'a' LIKE 'A' THEN 1 ELSE 0 END")
    return row is not None and row[0] == 1


def _make_index(tx: Tx, v: str, *, on_sqlite: bool) -> None:
    if on_sqlite:
        # The ascii tokenizer leaves every letter beyond ASCII alone: stems come out as they went in.
        tx.run(
            f"CREATE VIRTUAL TABLE search_index_{v} USING fts5"
            "(position UNINDEXED, stems, tokenize='ascii', detail=none)"
        )
    else:
        tx.run(
            f"CREATE TABLE search_index_{v} (position bigint NOT NULL PRIMARY KEY,"
            ' stems text COLLATE "C" NOT NULL)'
        )
        tx.run(
            f"CREATE INDEX search_stems_{v} ON search_index_{v} USING gin"
            " (array_to_tsvector(string_to_array(stems, ' ')))"
        )
    tx.run(f"INSERT INTO search_made_{v} VALUES (1)")


class _Page:
    """Documents of one page: read once, made in memory, written once."""

    def __init__(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        self._tx, self._v = tx, v
        self._known: dict[str, tuple[int, int, Document]] = {}
        self._rows: dict[int, list[object]] = {}
        self._ends: list[tuple[int, int]] = []
        for some in portions(f.data["contact_id"] for f in facts if f.type != LOGGED):
            for contact_id, since, number, *parts in tx.all(
                "SELECT contact_id, from_position, number, about, said, roles, people, inner_part"
                f" FROM search_docs_{v} WHERE to_position=?"
                f" AND contact_id IN ({placeholders(len(some))})",
                (OPEN, *some),
            ):
                self._known[contact_id] = (since, number, Document(*parts))

    def take(self, fact: Fact) -> None:
        """Make the document of a fact."""
        contact_id = fact.data["contact_id"]
        if fact.type == LOGGED:
            self._open(contact_id, fact.position, fact.position, document(fact.data))
            return
        since, number, before = self._known[contact_id]
        after = corrected(before, fact.data)
        if after == before:
            return
        if since in self._rows:
            self._rows[since][1] = fact.position
        else:
            self._ends.append((fact.position, since))
        self._open(contact_id, fact.position, number, after)

    def _open(self, contact_id: str, position: int, number: int, doc: Document) -> None:
        self._known[contact_id] = (position, number, doc)
        self._rows[position] = [position, OPEN, number, contact_id, *doc, doc.indexed()]

    def write(self, *, on_sqlite: bool) -> None:
        """Write the page."""
        tx, v = self._tx, self._v
        rows = list(self._rows.values())
        tx.many(f"UPDATE search_docs_{v} SET to_position=? WHERE from_position=?", self._ends)
        tx.many(
            f"INSERT INTO search_docs_{v} VALUES (?,?,?,?,?,?,?,?,?)", [row[:9] for row in rows]
        )
        if on_sqlite:
            tx.many(
                f"INSERT INTO search_index_{v} (rowid, position, stems) VALUES (?,?,?)",
                [(row[0], row[0], row[9]) for row in rows],
            )
        else:
            tx.many(
                f"INSERT INTO search_index_{v} VALUES (?,?)", [(row[0], row[9]) for row in rows]
            )


def document(data: Mapping[str, Any]) -> Document:
    """Return the document of a logged contact; text whose key was destroyed gives nothing."""
    said, inner = _spoken(data["text"])
    roles, people = _present(data["participants"])
    return Document(_about(data["content"]), said, roles, people, inner)


def corrected(before: Document, data: Mapping[str, Any]) -> Document:
    """Return the document after a correction; parts that it left alone stay."""
    after = before._replace(about=_about(data["content"]))
    if data["text"] is not None or not _TEXT_FIELDS.isdisjoint(data["fields"]):
        said, inner = _spoken(data["text"])
        after = after._replace(said=said, inner=inner)
    if data["participants"] is not None:
        roles, people = _present(data["participants"])
        after = after._replace(roles=roles, people=people)
    return after


def _about(content: Mapping[str, Any]) -> str:
    audience = content["audience"]
    return _stems_of_names(
        (
            *content["topics"],
            *(party["name"] for party in content["administrations"]),
            *(party["name"] for party in content["organisations"]),
            *((audience["text"],) if audience else ()),
        )
    )


@lru_cache(maxsize=NAMES_REMEMBERED_MAX)
def _stems_of_names(names: tuple[str, ...]) -> str:
    return stems_of_fields([*names])


def _spoken(text: Mapping[str, Any] | None) -> tuple[str, str]:
    if text is None:
        return "", ""
    said = [field for field in (text["subject"], text["facts"], text["place"]) if field]
    return stems_of_fields(said), stems_of_fields([text["assessment"] or ""])


def _present(participants: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    roles: list[str] = []
    people: list[str] = []
    for person in participants:
        roles += [person["role"]] if person["role"] else []
        roles += [person["party"]["name"]] if person["party"] else []
        people += [person["details"]["name"]] if person["details"] else []
    return _stems_of_names(tuple(roles)), stems_of_fields(people)


def search_sql(reader: Reader, v: str, at: int, text: str, sight: Sight) -> tuple[str, Params]:
    """Return SQL that selects the numbers of contacts holding the words, and its parameters.

    Only parts the sight may see are searched. A text without any word finds nothing. Raises Refused
    for more than `stems.WORDS_MAX` words.
    """
    terms = terms_of(text)
    if not terms:
        return f"SELECT number FROM search_docs_{v} WHERE 1=0", ()
    marks = [EVERYONE]
    marks += [PERSONS] if sight.persons else []
    marks += [ASSESSMENT] if sight.assessment else []
    question = _sqlite_match if speaks_sqlite(reader) else _postgres_match
    where, params = ["from_position<=?", "to_position>?"], [at, at]
    wanted = [term for term in terms if not term.excluded]
    if wanted:
        where.append(f"from_position IN ({question(v, wanted, marks, params)})")
    for term in terms:
        if len(term.stems) > 1:
            _side_by_side(where, params, term, sight)
        elif term.excluded:
            alone = Term(term.stems, prefix=term.prefix)
            where.append(f"from_position NOT IN ({question(v, [alone], marks, params)})")
    return f"SELECT number FROM search_docs_{v} WHERE {' AND '.join(where)}", params


def _side_by_side(where: list[str], params: list[Any], term: Term, sight: Sight) -> None:
    """Demand (or exclude) stems side by side in a part that may be seen."""
    parts = [*_OPEN_PARTS]
    parts += ["people"] if sight.persons else []
    parts += ["inner_part"] if sight.assessment else []
    pattern = f"% {' '.join(term.stems)}{'' if term.prefix else ' '}%"
    found = " OR ".join(f"{part} LIKE ?" for part in parts)
    where.append(f"NOT ({found})" if term.excluded else f"({found})")
    params += [pattern] * len(parts)


def _each(terms: Iterable[Term]) -> dict[tuple[str, bool], None]:
    """Return every stem asked for and whether it is only a beginning, each once."""
    return {
        (stem, term.prefix and place == len(term.stems)): None
        for term in terms
        for place, stem in enumerate(term.stems, 1)
    }


def _sqlite_match(v: str, terms: Sequence[Term], marks: Sequence[str], params: list[Any]) -> str:
    groups = [
        " OR ".join(f'"{mark}{stem}"{"*" if prefix else ""}' for mark in marks)
        for stem, prefix in _each(terms)
    ]
    params.append(" AND ".join(f"({group})" for group in groups))
    return f"SELECT rowid FROM search_index_{v} WHERE search_index_{v} MATCH ?"


def _postgres_match(v: str, terms: Sequence[Term], marks: Sequence[str], params: list[Any]) -> str:
    groups = [
        " | ".join(f"'{mark}{stem}'{':*' if prefix else ''}" for mark in marks)
        for stem, prefix in _each(terms)
    ]
    params.append(" & ".join(f"({group})" for group in groups))
    return (
        f"SELECT position FROM search_index_{v}"
        " WHERE array_to_tsvector(string_to_array(stems, ' ')) @@ CAST(? AS tsquery)"
    )
