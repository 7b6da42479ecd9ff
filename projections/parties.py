"""The register of parties as rows (partsregister): what each is called, belongs to and became.

A party's own state is one JSON document per version; relations and merges are rows of their own,
because a federation may have thousands and none of them may make its document longer. Keys by
which a party is found are never given up, so that an old paper's name still finds it.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import orjson

from domain.log.codec import Fact
from domain.storage.clock import moment
from domain.values import instant_text
from projections.naming import (
    NAMING_TABLES,
    NAMING_TYPES,
    apply_naming,
    names,
    placeholders,
    portions,
)
from projections.storage import OPEN, Reader, Tx

RELATIONS_SHOWN_MAX: Final = 1_000
"""Relations shown with one party; more are counted in `relations_left_out`."""
LISTED_RELATIONS_MAX: Final = 50
"""The same for each party of a list."""

Json = dict[str, Any]


class Parties(NamedTuple):
    """A page of parties as ready JSON, by name; `next` continues after it."""

    items: list[bytes]
    next: tuple[str, str] | None


def fold(text: str) -> str:
    """Return a key as it is compared when case and blanks do not matter."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def in_order(name: str) -> str:
    """Return the text by which a name sorts bytewise in Danish order: … z æ ø å."""
    return fold(name).translate(_DANISH)


_DANISH: Final = str.maketrans({"æ": "~a", "ä": "~a", "ø": "~b", "ö": "~b", "å": "~c"})


class PartiesView:
    """Parties, the keys that find them, their relations, names and merges."""

    name = "parties"
    version = 1
    types = NAMING_TYPES | {
        "party.alias_added/1",
        "party.external_id_added/1",
        "party.related/1",
        "party.relation_ended/1",
        "party.closed/1",
    }

    def tables(self) -> tuple[str, ...]:
        """Return the DDL. Empty text stands for `no day` so that days compare."""
        return (
            (
                "CREATE TABLE party_{v} (party_id {text} NOT NULL, from_position {bigint} NOT NULL,"
                " to_position {bigint} NOT NULL, kind {text} NOT NULL, sort_name {text} NOT NULL,"
                " valid_from {text} NOT NULL, valid_to {text} NOT NULL, searched {text} NOT NULL,"
                " doc {blob} NOT NULL, PRIMARY KEY (party_id, from_position))"
            ),
            "CREATE INDEX party_sorted_{v} ON party_{v} (sort_name, party_id)",
            (
                "CREATE TABLE party_keys_{v} (folded {text} NOT NULL, scheme {text} NOT NULL,"
                " exact {text} NOT NULL, party_id {text} NOT NULL, from_position {bigint} NOT NULL,"
                " PRIMARY KEY (folded, scheme, exact, party_id))"
            ),
            (
                "CREATE TABLE party_relations_{v} (party_id {text} NOT NULL,"
                " relation_id {text} NOT NULL, direction {text} NOT NULL,"
                " from_position {bigint} NOT NULL, to_position {bigint} NOT NULL,"
                " relation {text} NOT NULL, other_id {text} NOT NULL, valid_from {text} NOT NULL,"
                " valid_to {text} NOT NULL,"
                " PRIMARY KEY (party_id, relation_id, direction, from_position))"
            ),
            *NAMING_TABLES,
            "CREATE INDEX party_merged_here_{v} ON party_merges_{v} (into_id)",
        )

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Apply a page: documents are read once, folded in memory and written once."""
        docs = _open_docs(tx, v, (party for fact in facts for party in _concerned(fact)))
        pending = _Pending(docs)
        for fact in facts:
            for party in _concerned(fact):
                pending.change(party, fact)
            _keep_keys(tx, v, fact)
            _keep_relation(tx, v, fact)
            apply_naming(tx, v, fact)
        pending.write(tx, v)


VIEW: Final = PartiesView()


def _concerned(fact: Fact) -> tuple[str, ...]:
    """Return the parties whose JSON a fact changes: its own, and the one at the other end."""
    data = fact.data
    other = data.get("to_party_id") or data.get("into_party_id") or data.get("from_party_id")
    own: str = data["party_id"]
    return (own,) if other is None or other == own else (own, other)


def _open_docs(tx: Tx, v: str, parties: Iterable[str]) -> dict[str, Json]:
    docs: dict[str, Json] = {}
    for some in portions(parties):
        rows = tx.all(
            f"SELECT party_id, doc FROM party_{v}"
            f" WHERE to_position=? AND party_id IN ({placeholders(len(some))})",
            (OPEN, *some),
        )
        docs |= {party: orjson.loads(doc) for party, doc in rows}
    return docs


class _Pending:
    """Documents of one page on their way to rows: ends first, then one insert per version."""

    def __init__(self, docs: dict[str, Json]) -> None:
        self._docs = docs
        self._unsaved: dict[str, int] = {}
        self._ends: list[tuple[int, str, int]] = []
        self._rows: list[tuple[object, ...]] = []

    def change(self, party: str, fact: Fact) -> None:
        """Replace the party's document by what it is after the fact."""
        before = self._docs.get(party)
        if before is not None:
            if party in self._unsaved:
                self._rows.append(_row(before, self._unsaved[party], fact.position))
            else:
                self._ends.append((fact.position, party, OPEN))
        self._docs[party] = evolve(before, party, fact)
        self._unsaved[party] = fact.position

    def write(self, tx: Tx, v: str) -> None:
        """Write the page."""
        tx.many(
            f"UPDATE party_{v} SET to_position=? WHERE party_id=? AND to_position=?", self._ends
        )
        last = (_row(self._docs[party], since, OPEN) for party, since in self._unsaved.items())
        tx.many(f"INSERT INTO party_{v} VALUES (?,?,?,?,?,?,?,?,?)", [*self._rows, *last])


def evolve(before: Json | None, party: str, fact: Fact) -> Json:
    """Return a party's document after a fact; total: a fact about an unknown party begins one."""
    doc: Json = dict(before) if before else _empty(party, fact)
    doc["version"] += 1
    doc["position"] = fact.position
    data = fact.data
    if data["party_id"] != party:
        return doc
    match fact.type:
        case "party.registered/1":
            named = {key: data[key] for key in ("name", "abbreviation", "valid_from")}
            doc |= {key: data[key] for key in _REGISTERED}
            doc["names"] = [*doc["names"], {**named, "position": fact.position}]
        case "party.renamed/1":
            named = {key: data[key] for key in ("name", "abbreviation", "valid_from")}
            doc["names"] = [*doc["names"], {**named, "position": fact.position}]
        case "party.alias_added/1":
            doc["aliases"] = [*doc["aliases"], data["alias"]]
        case "party.external_id_added/1":
            doc["external_ids"] = [*doc["external_ids"], data["external_id"]]
            doc["warnings"] = [*doc["warnings"], *data["warnings"]]
        case "party.closed/1":
            doc["valid_to"] = data["valid_to"]
        case _:
            pass
    return doc


_REGISTERED: Final = ("kind", "aliases", "external_ids", "valid_from", "warnings", "source")


def _empty(party: str, fact: Fact) -> Json:
    return {
        "id": party,
        "version": 0,
        "kind": "other",
        "names": [],
        "aliases": [],
        "external_ids": [],
        "valid_from": None,
        "valid_to": None,
        "warnings": [],
        "source": None,
        "recorded_at": instant_text(moment(fact.recorded_at)),
    }


def _row(doc: Json, since: int, until: int) -> tuple[object, ...]:
    newest = max(
        doc["names"], key=lambda n: (n["valid_from"] or "", n["position"]), default={"name": ""}
    )
    called = [name[key] for name in doc["names"] for key in ("name", "abbreviation") if name[key]]
    searched = "\n".join(fold(word) for word in dict.fromkeys([*called, *doc["aliases"]]))
    return (
        doc["id"],
        since,
        until,
        doc["kind"],
        in_order(newest["name"]),
        doc["valid_from"] or "",
        doc["valid_to"] or "",
        searched,
        orjson.dumps(doc),
    )


def _keep_keys(tx: Tx, v: str, fact: Fact) -> None:
    data = fact.data
    keys: list[tuple[str, str]] = []
    match fact.type:
        case "party.registered/1":
            keys = [("id", data["party_id"]), ("name", data["name"])]
            keys += [("alias", alias) for alias in data["aliases"]]
            keys += [(outside["scheme"], outside["value"]) for outside in data["external_ids"]]
        case "party.renamed/1":
            keys = [("name", data["name"])]
        case "party.alias_added/1":
            keys = [("alias", data["alias"])]
        case "party.external_id_added/1":
            keys = [(data["external_id"]["scheme"], data["external_id"]["value"])]
        case _:
            return
    if data.get("abbreviation"):
        keys.append(("name", data["abbreviation"]))
    tx.many(
        f"INSERT INTO party_keys_{v} VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
        [(fold(value), s, value, data["party_id"], fact.position) for s, value in keys],
    )


def _keep_relation(tx: Tx, v: str, fact: Fact) -> None:
    data = fact.data
    if fact.type == "party.related/1":
        until = data["valid_to"] or ""
        row = (data["relation"], data["valid_from"] or "", until)
        ends = (
            ("from", data["party_id"], data["to_party_id"]),
            ("to", data["to_party_id"], data["party_id"]),
        )
        tx.many(
            f"INSERT INTO party_relations_{v} VALUES (?,?,?,?,?,?,?,?,?)",
            [
                (own, data["relation_id"], way, fact.position, OPEN, row[0], other, row[1], row[2])
                for way, own, other in ends
            ],
        )
    elif fact.type == "party.relation_ended/1":
        for party in (data["party_id"], data["to_party_id"]):
            _end_relation(tx, v, fact, party)


def _end_relation(tx: Tx, v: str, fact: Fact, party: str) -> None:
    where = "party_id=? AND relation_id=? AND to_position=?"
    key = (party, fact.data["relation_id"], OPEN)
    tx.run(
        f"INSERT INTO party_relations_{v} SELECT party_id, relation_id, direction, ?, to_position,"
        f" relation, other_id, valid_from, ? FROM party_relations_{v} WHERE {where}",
        (fact.position, fact.data["valid_to"], *key),
    )
    tx.run(
        f"UPDATE party_relations_{v} SET to_position=? WHERE {where} AND from_position<?",
        (fact.position, *key, fact.position),
    )


def one(reader: Reader, v: str, at: int, day: str | None, party_id: str) -> bytes | None:
    """Return a party as JSON as known at `at`, named and related as on `day`, or None."""
    row = reader.one(
        f"SELECT doc FROM party_{v} WHERE party_id=? AND from_position<=? AND to_position>?",
        (party_id, at, at),
    )
    if row is None:
        return None
    return orjson.dumps(_composed(reader, v, at, day, [row[0]], RELATIONS_SHOWN_MAX)[0])


def version_of(reader: Reader, v: str, at: int, party_id: str) -> int | None:
    """Return how many facts concern the party as known at `at`, or None when there is no such."""
    row = reader.one(
        f"SELECT doc FROM party_{v} WHERE party_id=? AND from_position<=? AND to_position>?",
        (party_id, at, at),
    )
    return None if row is None else int(orjson.loads(row[0])["version"])


def listing(
    reader: Reader,
    v: str,
    at: int,
    day: str | None,
    *,
    kind: str | None = None,
    q: str | None = None,
    key: str | None = None,
    limit: int = 50,
    after: tuple[str, str] | None = None,
    valid_only: bool = False,
) -> Parties:
    """Return parties by name in Danish order, at most `limit`.

    `q` is looked for inside names, abbreviations and aliases; `key` must be one of the party's keys
    but for case. `valid_only` leaves out parties not yet begun or already closed on `day`; without
    it a closed party stays findable.
    """
    where, params = ["from_position<=? AND to_position>?"], [at, at]
    terms: list[tuple[str, list[Any]]] = []
    if kind is not None:
        terms.append(("kind=?", [kind]))
    if q is not None:
        pattern = fold(q).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        terms.append(("searched LIKE ? ESCAPE ?", [f"%{pattern}%", "\\"]))
    if key is not None:
        keyed = f"SELECT party_id FROM party_keys_{v} WHERE folded=? AND from_position<=?"
        terms.append((f"party_id IN ({keyed})", [fold(key), at]))
    if valid_only and day is not None:
        terms.append(("valid_from<=? AND (valid_to='' OR valid_to>=?)", [day, day]))
    if after is not None:
        terms.append(("(sort_name, party_id) > (?,?)", [*after]))
    for term, values in terms:
        where.append(term)
        params += values
    rows = reader.all(
        f"SELECT doc, sort_name, party_id FROM party_{v} WHERE {' AND '.join(where)}"
        " ORDER BY sort_name, party_id LIMIT ?",
        (*params, limit + 1),
    )
    page = rows[:limit]
    docs = _composed(reader, v, at, day, [row[0] for row in page], LISTED_RELATIONS_MAX)
    more = (page[-1][1], page[-1][2]) if len(rows) > limit else None
    return Parties([orjson.dumps(doc) for doc in docs], more)


def _composed(
    reader: Reader, v: str, at: int, day: str | None, raw: Sequence[bytes], shown_max: int
) -> list[Json]:
    """Return party JSON of stored documents, with relations, merges and the names of others."""
    docs = [orjson.loads(doc) for doc in raw]
    ids = [doc["id"] for doc in docs]
    relations = _relations(reader, v, at, day, ids)
    into, here = _merges_of(reader, v, at, ids)
    shown = {party: rows[:shown_max] for party, rows in relations.items()}
    others = [row[3] for rows in shown.values() for row in rows]
    others += [*into.values(), *(party for parties in here.values() for party in parties)]
    called = names(reader, v, at, day, others)

    def ref(party: str) -> Json:
        return {"id": party, "name": called.get(party, "")}

    for doc in docs:
        party = doc["id"]
        mine = shown.get(party, ())
        doc["relations"] = [_relation(row, ref(row[3])) for row in mine]
        if (left_out := len(relations.get(party, ())) - len(mine)) > 0:
            doc["relations_left_out"] = left_out
        doc["merged_into"] = ref(into[party]) if party in into else None
        doc["merged_here"] = [ref(other) for other in here.get(party, ())]
    return [_in_shape(doc, day) for doc in docs]


def _relation(row: tuple[Any, ...], other: Json) -> Json:
    return {
        "relation_id": row[0],
        "relation": row[1],
        "direction": row[2],
        "party": other,
        "valid_from": row[4] or None,
        "valid_to": row[5] or None,
    }


def _relations(
    reader: Reader, v: str, at: int, day: str | None, ids: Sequence[str]
) -> dict[str, list[tuple[Any, ...]]]:
    """Return (relation_id, relation, direction, other, valid_from, valid_to) of each party."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    valid = "" if day is None else " AND valid_from<=? AND (valid_to='' OR valid_to>=?)"
    for some in portions(ids):
        rows = reader.all(
            "SELECT party_id, relation_id, relation, direction, other_id, valid_from, valid_to"
            f" FROM party_relations_{v} WHERE party_id IN ({placeholders(len(some))})"
            f" AND from_position<=? AND to_position>?{valid}"
            " ORDER BY party_id, relation, direction, valid_from, relation_id",
            (*some, at, at, *(() if day is None else (day, day))),
        )
        for party, *row in rows:
            found.setdefault(party, []).append(tuple(row))
    return found


def _merges_of(
    reader: Reader, v: str, at: int, ids: Sequence[str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    into: dict[str, str] = {}
    here: dict[str, list[str]] = {}
    for some in portions(ids):
        within = placeholders(len(some))
        rows = reader.all(
            f"SELECT party_id, into_id FROM party_merges_{v} WHERE from_position<=?"
            f" AND to_position>? AND (party_id IN ({within}) OR into_id IN ({within}))"
            " ORDER BY from_position",
            (at, at, *some, *some),
        )
        asked = set(some)
        for party, target in rows:
            if party in asked:
                into[party] = target
            if target in asked:
                here.setdefault(target, []).append(party)
    return into, here


def _in_shape(doc: Json, day: str | None) -> Json:
    """Return the party with its members in the promised order, names dated from one to the next."""
    dated = sorted(doc["names"], key=lambda n: (n["valid_from"] or "", n["position"]))
    ends = [name["valid_from"] for name in dated[1:]] + [None]
    shown = [
        {
            "name": name["name"],
            "abbreviation": name["abbreviation"],
            "valid_from": name["valid_from"],
            "valid_to": _day_before(end) if end else doc["valid_to"],
        }
        for name, end in zip(dated, ends, strict=True)
    ]
    valid = [name for name in dated if day is None or (name["valid_from"] or "") <= day]
    now: Json = valid[-1] if valid else (dated[0] if dated else {"name": "", "abbreviation": None})
    left_out = (
        {"relations_left_out": doc["relations_left_out"]} if "relations_left_out" in doc else {}
    )
    return {
        "id": doc["id"],
        "version": doc["version"],
        "kind": doc["kind"],
        "name": now["name"],
        "abbreviation": now["abbreviation"],
        "names": shown,
        **{key: doc[key] for key in ("aliases", "external_ids", "relations")},
        **left_out,
        **{key: doc[key] for key in _TAIL},
    }


_TAIL: Final = (
    "merged_into",
    "merged_here",
    "valid_from",
    "valid_to",
    "warnings",
    "source",
    "position",
    "recorded_at",
)


def _day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()
