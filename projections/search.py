"""Full-text search of contacts (fritekstsøgning): which ones hold these words, at any position.

Each version of a contact is a document of seven parts. Its distinct stems lie in one index, each
marked with who may find by it: a role that does not see persons cannot find by their names, nor one
that does not see assessments by theirs, so nothing hidden shows by a hit. That words stand side by
side is checked on the parts themselves, which keeps the index small and both databases alike.
Danish puts words together, so a word is also found inside a longer one (`bolig` inside
`boligorganisation`) in subject, topics and the names of parties, by threes of letters.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from domain.access import Sight
from domain.log.codec import Fact
from projections.naming import placeholders, portions
from projections.stems import (
    GAP,
    Remembered,
    Term,
    stems_of_fields,
    terms_of,
    words_of_fields,
)
from projections.storage import OPEN, Reader, Tx

LOGGED: Final = "contact.logged/1"
CORRECTED: Final = "contact.corrected/1"
_TEXT_FIELDS: Final = frozenset(
    {"subject", "facts", "assessment", "place", "commitments", "follow_ups"}
)
NAMES_REMEMBERED_MAX: Final = 4_096
"""Stems of party and topic names kept in memory: few, and in every contact."""
EVERYONE, PERSONS, ASSESSMENT, INSIDE = "a", "b", "c", "t"
"""First letter of an indexed stem: who may find by it; or that it is three letters of one."""
INSIDE_CHARS_MIN: Final = 4
"""Shorter words are not looked for inside others: they would be found everywhere."""


class Document(NamedTuple):
    """The stems of one version of a contact, each part in order, blanks around every stem."""

    title: str
    """The subject's words, not stems: a compound loses its last word's ending to stemming."""
    names: str
    """The words of `about`, likewise."""
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
        """Return the distinct stems, marked, as the index keeps them, in order of appearance."""
        marked = [
            *_marked(EVERYONE, f"{self.said}{self.about}{self.roles}"),
            *_marked(PERSONS, self.people),
            *_marked(ASSESSMENT, self.inner),
        ]
        # Equal threes of two words are harmless: the index has each once.
        marked += filter(None, map(_THREES.__getitem__, f"{self.title}{self.names}".split()))
        return " ".join(marked)


_OPEN_PARTS: Final = ("about", "said", "roles")
_PARTS: Final = "title, names, about, said, roles, people, inner_part"


def _marked(mark: str, part: str) -> Iterator[str]:
    """Return the distinct stems of a part as one marked text, if there are any."""
    stems = dict.fromkeys(part.split())
    stems.pop(GAP, None)
    if stems:
        yield mark + f" {mark}".join(stems)


def threes(word: str) -> list[str]:
    """Return every three letters of a word long enough to hold or be looked for, marked."""
    if len(word) < INSIDE_CHARS_MIN:
        return []
    return [INSIDE + word[start : start + 3] for start in range(len(word) - 2)]


_THREES: Final = Remembered(lambda word: " ".join(threes(word)))


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
            (
                "CREATE TABLE search_docs_{v} (from_position {bigint} NOT NULL PRIMARY KEY,"
                " to_position {bigint} NOT NULL, number {bigint} NOT NULL,"
                " contact_id {text} NOT NULL,"
                " title {text} NOT NULL, names {text} NOT NULL, about {text} NOT NULL,"
                " said {text} NOT NULL,"
                " roles {text} NOT NULL,"
                " people {text} NOT NULL, inner_part {text} NOT NULL)"
            ),
            "CREATE INDEX search_contact_{v} ON search_docs_{v} (contact_id)",
            "CREATE TABLE search_made_{v} (one {bigint} NOT NULL PRIMARY KEY)",
        )

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Index a page: one document per logged or corrected contact, the one before it closed."""
        on_sqlite = tx.dialect == "sqlite"
        if tx.one(f"SELECT one FROM search_made_{v}") is None:
            _make_index(tx, v, on_sqlite=on_sqlite)
        page = _Page(tx, v, facts)
        for fact in facts:
            page.take(fact)
        page.write(on_sqlite=on_sqlite)


VIEW: Final = SearchView()


def _make_index(tx: Tx, v: str, *, on_sqlite: bool) -> None:
    if on_sqlite:
        # The ascii tokenizer leaves letters beyond ASCII alone: stems come out as they went in.
        # Neither the stems themselves nor their number are kept beside the index: nobody asks.
        tx.run(
            f"CREATE VIRTUAL TABLE search_index_{v} USING fts5"
            "(stems, tokenize='ascii', detail=none, content='')"
        )
    else:
        tx.run(
            f"CREATE TABLE search_index_{v} (position bigint NOT NULL PRIMARY KEY,"
            " stems tsvector NOT NULL)"
        )
        tx.run(f"CREATE INDEX search_stems_{v} ON search_index_{v} USING gin (stems)")
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
                f"SELECT contact_id, from_position, number, {_PARTS}"
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
            f"INSERT INTO search_docs_{v} VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            [row[:11] for row in rows],
        )
        if on_sqlite:
            tx.many(
                f"INSERT INTO search_index_{v} (rowid, stems) VALUES (?,?)",
                [(row[0], row[11]) for row in rows],
            )
        else:
            tx.many(
                f"INSERT INTO search_index_{v}"
                " VALUES (?, array_to_tsvector(string_to_array(?, ' ')))",
                [(row[0], row[11]) for row in rows],
            )


def document(data: Mapping[str, Any]) -> Document:
    """Return the document of a logged contact; text whose key was destroyed gives nothing."""
    title, said, inner = _spoken(data["text"])
    roles, people = _present(data["participants"])
    return Document(title, *_about(data["content"]), said, roles, people, inner)


def corrected(before: Document, data: Mapping[str, Any]) -> Document:
    """Return the document after a correction; parts that it left alone stay."""
    names, about = _about(data["content"])
    after = before._replace(names=names, about=about)
    if data["text"] is not None or not _TEXT_FIELDS.isdisjoint(data["fields"]):
        title, said, inner = _spoken(data["text"])
        after = after._replace(title=title, said=said, inner=inner)
    if data["participants"] is not None:
        roles, people = _present(data["participants"])
        after = after._replace(roles=roles, people=people)
    return after


def _about(content: Mapping[str, Any]) -> tuple[str, str]:
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
def _stems_of_names(names: tuple[str, ...]) -> tuple[str, str]:
    return words_of_fields([*names]), stems_of_fields([*names])


def _spoken(text: Mapping[str, Any] | None) -> tuple[str, str, str]:
    if text is None:
        return "", "", ""
    said = [field for field in (text["subject"], text["facts"], text["place"]) if field]
    return (
        words_of_fields([text["subject"]]),
        stems_of_fields(said),
        stems_of_fields([text["assessment"] or ""]),
    )


def _present(participants: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    roles: list[str] = []
    people: list[str] = []
    for person in participants:
        roles += [person["role"]] if person["role"] else []
        roles += [person["party"]["name"]] if person["party"] else []
        people += [person["details"]["name"]] if person["details"] else []
    return _stems_of_names(tuple(roles))[1], stems_of_fields(people)


def search_sql(
    reader: Reader, v: str, at: int, text: str, sight: Sight
) -> tuple[str, Sequence[Any]]:
    """Return SQL that selects the numbers of contacts holding the words, and its parameters.

    Only parts the sight may see are searched. A text without any word finds nothing. Raises Refused
    for more than `stems.WORDS_MAX` words.
    """
    terms = terms_of(text)
    if not terms or reader.one(f"SELECT one FROM search_made_{v}") is None:
        return f"SELECT number FROM search_docs_{v} WHERE 1=0", ()
    marks = [EVERYONE]
    marks += [PERSONS] if sight.persons else []
    marks += [ASSESSMENT] if sight.assessment else []
    question = _sqlite_match if reader.dialect == "sqlite" else _postgres_match
    where, params = ["from_position<=?", "to_position>?"], [at, at]
    wanted = [term for term in terms if not term.excluded]
    unwanted = [term for term in terms if term.excluded and len(term.stems) == 1]
    if wanted:
        where.append(f"from_position IN ({question(v, wanted, unwanted, marks, params)})")
    elif unwanted:
        found = question(v, [], unwanted, marks, params)
        where.append(f"from_position NOT IN ({found})")
    for term in terms:
        if len(term.stems) > 1 or _inside(term):
            _side_by_side(where, params, term, sight)
    return f"SELECT number FROM search_docs_{v} WHERE {' AND '.join(where)}", params


def _side_by_side(where: list[str], params: list[Any], term: Term, sight: Sight) -> None:
    """Demand (or exclude) stems side by side in a part that may be seen, or inside a compound."""
    parts = [*_OPEN_PARTS]
    parts += ["people"] if sight.persons else []
    parts += ["inner_part"] if sight.assessment else []
    pattern = f"% {' '.join(term.stems)}{'' if term.prefix else ' '}%"
    found = [f"{part} LIKE ?" for part in parts]
    patterns = [pattern] * len(parts)
    for word in _inside(term):
        found += ["title LIKE ?", "names LIKE ?"]
        patterns += [f"%{word}%"] * 2
    where.append(f"{'NOT ' if term.excluded else ''}({' OR '.join(found)})")
    params += patterns


def _inside(term: Term) -> list[str]:
    """Return what of a term is looked for inside compounds: one whole word, and its stem."""
    ways = dict.fromkeys((term.word, term.stems[0])) if term.word else ()
    return [word for word in ways if len(word) >= INSIDE_CHARS_MIN]


def _ways(term: Term, place: int, marks: Sequence[str]) -> Iterator[tuple[list[str], bool]]:
    """Return ways in which the term's stem at `place` may be indexed: all of these stems are there.

    Said of each way is whether its stem is only a beginning.
    """
    prefix = term.prefix and place == len(term.stems) - 1
    for mark in marks:
        yield [mark + term.stems[place]], prefix
    for word in _inside(term):
        yield threes(word), False


def _sqlite_match(
    v: str,
    wanted: Sequence[Term],
    unwanted: Sequence[Term],
    marks: Sequence[str],
    params: list[Any],
) -> str:
    """Return SQL of documents with all wanted and no unwanted stems.

    With nothing wanted it selects those with any of the unwanted ones.
    """

    def asked(term: Term, place: int) -> str:
        return " OR ".join(
            "(" + " AND ".join(f'"{stem}"{"*" if prefix else ""}' for stem in stems) + ")"
            for stems, prefix in _ways(term, place, marks)
        )

    every = [f"({asked(term, place)})" for term in wanted for place in range(len(term.stems))]
    none = " OR ".join(f"({asked(term, 0)})" for term in unwanted)
    question = " AND ".join(every) or none
    params.append(f"({question}) NOT ({none})" if every and none else question)
    return f"SELECT rowid FROM search_index_{v} WHERE search_index_{v} MATCH ?"


def _postgres_match(
    v: str,
    wanted: Sequence[Term],
    unwanted: Sequence[Term],
    marks: Sequence[str],
    params: list[Any],
) -> str:
    """Return the same for PostgreSQL."""

    def asked(term: Term, place: int) -> str:
        return " | ".join(
            "(" + " & ".join(f"'{stem}'{':*' if prefix else ''}" for stem in stems) + ")"
            for stems, prefix in _ways(term, place, marks)
        )

    every = [f"({asked(term, place)})" for term in wanted for place in range(len(term.stems))]
    none = " | ".join(f"({asked(term, 0)})" for term in unwanted)
    question = " & ".join(every) or none
    params.append(f"({question}) & !({none})" if every and none else question)
    return f"SELECT position FROM search_index_{v} WHERE stems @@ CAST(? AS tsquery)"
