"""The whole relationship with a party in one list (relationsforløb), each entry saying why.

Both doors stand in it in one order: direct contacts and accounts of being turned away, contacts
through the one entry point and the steps of its enquiries.

Contacts of the party, of those merged into it, of its predecessors, of those it administers or
represents, of the groups it is a member of; and what happened to the party itself. A relation
counts on the contact's own day, as the roles were then, and as known at the asked position. Every
party is one range of one index, already in order; the ranges are merged, so a page costs a page.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice
from typing import Any, Final, NamedTuple

import orjson

from domain.access import Sight
from domain.log.codec import Fact
from domain.storage.clock import moment
from domain.values import instant_text
from projections.contact_body import Fragments, compose
from projections.contact_rows import KLE, LEVELS, PARTY, day_number
from projections.contacts import still_seen
from projections.finality import levels_seen
from projections.naming import families, merges, names, placeholders, portions
from projections.storage import Reader, Tx
from projections.timeline_doors import Lens, accounts_of, steps_of
from projections.timeline_records import NAMES as REGISTER_NAMES
from projections.timeline_records import records_of

VIEWS_ASKED: Final = (
    "contacts",
    "parties",
    "timeline",
    "enquiries",
    "direct",
    *REGISTER_NAMES,
)
"""Views that a timeline is read from."""
SOURCES_MAX: Final = 1_000
"""Parties merged into one timeline; a federation's members beyond that are left out."""
_SHOWN_RELATIONS: Final = ("administers", "represents", "member_of")
_ALWAYS: Final = ("", "9999-12-31")
_WITH_EVENTS: Final = frozenset({"own", "merged", "predecessor"})
"""Reasons by which also what happened to the party itself is shown."""
_CHAIN_MAX: Final = 100
"""Predecessors of predecessors followed; a longer chain is a ring."""

Key = tuple[str, int]
"""Day and position: newest first by day, then by position."""


class Timeline(NamedTuple):
    """One page of ready JSON entries, newest first; `next` continues after it."""

    items: list[bytes]
    next: Key | None


@dataclass(frozen=True, slots=True)
class Source:
    """Parties whose contacts are shown for one reason, on days from `first` to `last`."""

    reason: str
    party: str
    ids: frozenset[str]
    first: str = ""
    last: str = "9999-12-31"


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question, as every part of the answer needs it."""

    reader: Reader
    vs: Mapping[str, str]
    at: int
    day: str | None
    sight: Sight
    limit: int
    after: Key | None
    lens: Lens | None


class _Found(NamedTuple):
    """An entry by one reason: a contact's row, or what else happened and who took part in it."""

    key: Key
    source: Source
    row: int | None
    other: str = ""
    body: bytes = b""
    kind: str = "contact"
    lens: str | None = None


class TimelineView:
    """What happened to parties, once for each it concerns; contacts are in view `contacts`."""

    name = "timeline"
    version = 1
    types = frozenset(
        {
            "party.registered/1",
            "party.renamed/1",
            "party.alias_added/1",
            "party.external_id_added/1",
            "party.related/1",
            "party.relation_ended/1",
            "party.merged/1",
            "party.unmerged/1",
            "party.closed/1",
        }
    )

    def tables(self) -> tuple[str, ...]:
        """Return the DDL; facts about parties are never taken back, so rows have no end."""
        return (
            (
                "CREATE TABLE timeline_{v} (party_id {text} NOT NULL, day {text} NOT NULL,"
                " from_position {bigint} NOT NULL, other_id {text} NOT NULL, body {blob} NOT NULL,"
                " PRIMARY KEY (party_id, day, from_position)) {clustered}"
            ),
        )

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Write each fact under both parties it concerns."""
        tx.many(
            f"INSERT INTO timeline_{v} VALUES (?,?,?,?,?)",
            [row for fact in facts for row in _rows_of(fact)],
        )


VIEW: Final = TimelineView()


def _rows_of(fact: Fact) -> Iterator[tuple[object, ...]]:
    data = fact.data
    own = data["party_id"]
    other = data.get("to_party_id") or data.get("into_party_id") or data.get("from_party_id") or ""
    recorded_at = instant_text(moment(fact.recorded_at))
    started = data.get("valid_to") if fact.type in _ENDINGS else data.get("valid_from")
    day = started or recorded_at[:10]
    body = orjson.dumps(
        {
            "type": fact.type,
            "recorded_at": recorded_at,
            **{key: fact.meta.get(key) for key in ("actor", "role", "via")},
            **{key: value for key, value in data.items() if not key.endswith("party_id")},
            "party_id": own,
        }
    )
    yield (own, day, fact.position, other, body)
    if other and other != own:
        yield (other, day, fact.position, other, body)


_ENDINGS: Final = frozenset({"party.relation_ended/1", "party.closed/1"})


def timeline(
    reader: Reader,
    vs: Mapping[str, str],
    at: int,
    day: str | None,
    sight: Sight,
    party_id: str,
    limit: int,
    after: Key | None = None,
    lens: Lens | None = None,
) -> Timeline:
    """Return one page of a party's timeline, newest day first, within `sight`.

    `vs` are the table suffixes of the views `VIEWS_ASKED`. A contact that is there for several
    reasons is one entry that names them all. `lens` leaves only what came through one of the doors,
    and then not what happened to the party itself.
    """
    asked = _Asked(reader, vs, at, day, sight, limit, after, lens)
    sources = _sources(reader, vs["parties"], at, party_id)
    ranges: list[list[_Found]] = [] if lens == "entry_point" else _accounts(asked, sources)
    for source in sources:
        for party in sorted(source.ids):
            ranges.append(_contacts(asked, source, party))
            if lens != "direct":
                ranges.append(_steps(asked, source, party))
            if lens is None:
                ranges += _records(asked, source, party)
            if lens is None and source.reason in _WITH_EVENTS:
                ranges.append(_events(asked, source, party))
    merged = merge(*ranges, key=lambda found: found.key, reverse=True)
    groups = ((key, [*same]) for key, same in groupby(merged, key=lambda found: found.key))
    found = list(islice(groups, limit + 1))
    page = found[:limit]
    return Timeline(_written(asked, page), page[-1][0] if len(found) > limit else None)


def _sources(reader: Reader, v: str, at: int, party_id: str) -> list[Source]:
    """Return whose contacts belong to the party's timeline, nearest first."""
    steps = merges(reader, v, at)
    whole = families(steps, [party_id])
    sources = [Source("own", party_id, frozenset({party_id}))]
    sources += [Source("merged", p, frozenset({p})) for p in sorted(whole - {party_id})]
    taken = set(whole)
    heirs = whole
    for _ in range(_CHAIN_MAX):
        found = _related(reader, v, at, heirs, ("successor_of",))
        before = sorted({row[1] for row in found} - taken)
        if not before:
            break
        for party in before:
            family = families(steps, [party])
            sources.append(Source("predecessor", party, family - taken))
            taken |= family
        heirs = frozenset(before)
    for relation, other, first, last in _related(reader, v, at, whole, _SHOWN_RELATIONS):
        reason = "group" if relation == "member_of" else relation
        ids = families(steps, [other]) - taken
        sources.append(Source(reason, other, ids, first or _ALWAYS[0], last or _ALWAYS[1]))
    return sources[:SOURCES_MAX]


def _related(
    reader: Reader, v: str, at: int, parties: Iterable[str], relations: Sequence[str]
) -> list[tuple[str, str, str, str]]:
    """Return (relation, other, valid_from, valid_to) of relations that go out from the parties."""
    found: list[tuple[str, str, str, str]] = []
    for some in portions(sorted(parties)):
        rows = reader.all(
            f"SELECT relation, other_id, valid_from, valid_to FROM party_relations_{v}"
            f" WHERE party_id IN ({placeholders(len(some))}) AND direction='from'"
            f" AND relation IN ({placeholders(len(relations))})"
            " AND from_position<=? AND to_position>? ORDER BY relation, other_id, valid_from",
            (*some, *relations, at, at),
        )
        found += [(row[0], row[1], row[2], row[3]) for row in rows]
    return found


def _contacts(asked: _Asked, source: Source, party: str) -> list[_Found]:
    """Return one party's newest contacts, by the links that view `contacts` keeps."""
    v, day = asked.vs["contacts"], asked.day
    last = source.last if day is None else min(day, source.last)
    where = ["x.day<=?", "x.from_position<=?", "x.to_position>?", "c.last_day>=?"]
    params: list[Any] = [day_number(last), asked.at, asked.at, source.first]
    for terms, values in _terms_seen(asked.sight):
        where.append(
            f"EXISTS (SELECT 1 FROM link_{v} s WHERE s.term IN"
            f" (SELECT t.term FROM term_{v} t WHERE {terms}) AND s.day=x.day"
            " AND s.number=x.number AND s.from_position=x.from_position)"
        )
        params += values
    if (still := still_seen(asked.reader, v, asked.sight)) is not None:
        where.append(still[0])
        params += still[1]
    if asked.after is not None:
        where.append("(x.day, x.number) < (?, ?)")
        params += [day_number(asked.after[0]), asked.after[1]]
    if asked.lens is not None:
        where.append("c.channel=?")
        params.append(asked.lens)
    levels = ",".join(str(LEVELS[level]) for level in levels_seen(asked.sight))
    rows = asked.reader.all(
        "SELECT c.first_day, x.number, x.from_position, c.channel"
        f" FROM link_{v} x CROSS JOIN contact_{v} c"
        f" WHERE x.term=(SELECT t.term FROM term_{v} t WHERE t.value=? AND t.kind={PARTY})"
        f" AND x.retracted=0 AND x.level IN ({levels or '-1'})"
        f" AND c.from_position=x.from_position AND {' AND '.join(where)}"
        " ORDER BY x.day DESC, x.number DESC LIMIT ?",
        (party, *params, asked.limit + 1),
    )
    return [_Found((row[0], row[1]), source, row[2], lens=str(row[3])) for row in rows]


def _steps(asked: _Asked, source: Source, party: str) -> list[_Found]:
    """Return the newest steps of enquiries that concerned one party."""
    entries = steps_of(
        asked.reader,
        asked.vs["enquiries"],
        asked.at,
        asked.day,
        asked.sight,
        party,
        (source.first, source.last),
        asked.limit + 1,
        asked.after,
    )
    return [
        _Found(each.key, source, None, body=each.body, kind="enquiry", lens="entry_point")
        for each in entries
    ]


def _records(asked: _Asked, source: Source, party: str) -> list[list[_Found]]:
    """Return, for each register, the newest steps of records that concerned one party."""
    found = records_of(
        asked.reader,
        asked.vs,
        asked.at,
        asked.day,
        asked.sight,
        party,
        (source.first, source.last),
        asked.limit + 1,
        asked.after,
    )
    return [
        [_Found(each.key, source, None, body=each.body, kind="record") for each in entries]
        for entries in found
    ]


def _accounts(asked: _Asked, sources: Sequence[Source]) -> list[list[_Found]]:
    """Return the accounts of being turned away that concern each source, newest first."""
    parties = sorted({party for source in sources for party in source.ids})
    entries = accounts_of(
        asked.reader,
        asked.vs["direct"],
        asked.at,
        asked.day,
        asked.sight,
        parties,
        asked.after,
    )
    return [
        [
            _Found(each.key, source, None, body=each.body, kind="account", lens="direct")
            for each in entries
            if not source.ids.isdisjoint(each.parties)
            and source.first <= each.key[0] <= source.last
        ]
        for source in sources
    ]


def _terms_seen(sight: Sight) -> Iterator[tuple[str, list[Any]]]:
    """Return conditions on terms of which a contact must bear one, to be seen."""
    if sight.parties is not None:
        parties = sorted(sight.parties)
        yield f"t.kind={PARTY} AND t.value IN ({placeholders(len(parties))})", [*parties]
    if sight.kle is not None:
        one = "(t.value>=? AND t.value<? AND NOT substr(t.value,?,1) BETWEEN '0' AND '9')"
        values: list[Any] = []
        for prefix in sight.kle:
            values += [prefix, f"{prefix}\U0010ffff", len(prefix) + 1]
        yield f"t.kind={KLE} AND ({' OR '.join(one for _ in sight.kle) or '1=0'})", values


def _events(asked: _Asked, source: Source, party: str) -> list[_Found]:
    """Return what happened to one party, newest first."""
    where = ["party_id=?", "from_position<=?", "day<=?"]
    params: list[Any] = [party, asked.at, asked.day or _ALWAYS[1]]
    if asked.after is not None:
        where.append("(day, from_position) < (?, ?)")
        params += asked.after
    rows = asked.reader.all(
        f"SELECT day, from_position, other_id, body FROM timeline_{asked.vs['timeline']}"
        f" WHERE {' AND '.join(where)} ORDER BY day DESC, from_position DESC LIMIT ?",
        (*params, asked.limit + 1),
    )
    return [_Found((row[0], row[1]), source, None, row[2], row[3], "party") for row in rows]


def _written(asked: _Asked, page: Sequence[tuple[Key, list[_Found]]]) -> list[bytes]:
    """Return the entries as JSON: contacts as everywhere, events with both parties' names."""
    contacts = _bodies(asked, [rows[0].row for _, rows in page if rows[0].row is not None])
    events = {key: orjson.loads(r[0].body) for key, r in page if r[0].kind == "party"}
    parties = [found.source.party for _, rows in page for found in rows]
    parties += [event["party_id"] for event in events.values()]
    parties += [rows[0].other for _, rows in page if rows[0].other]
    called = names(asked.reader, asked.vs["parties"], asked.at, asked.day, parties)

    def ref(party: str) -> dict[str, str]:
        return {"id": party, "name": called.get(party, "")}

    items = []
    for key, rows in page:
        reasons = dict.fromkeys((found.source.reason, found.source.party) for found in rows)
        head = {
            "position": key[1],
            "day": key[0],
            "kind": rows[0].kind,
            "lens": rows[0].lens,
            "why": [{"reason": reason, "party": ref(party)} for reason, party in reasons],
        }
        if key in events:
            happened = events[key]
            happened["party"] = ref(happened.pop("party_id"))
            happened["other"] = ref(rows[0].other) if rows[0].other else None
            last = b'"event":' + orjson.dumps(happened)
        elif rows[0].row is None:
            last = rows[0].body
        else:
            last = b'"contact":' + contacts[rows[0].row or 0]
        items.append(b"%b,%b}" % (orjson.dumps(head)[:-1], last))
    return items


def _bodies(asked: _Asked, wanted: Sequence[int]) -> dict[int, bytes]:
    """Return the JSON of the page's contacts by the position of their row."""
    rows = asked.reader.all(
        "SELECT from_position, body, people, people_blind, internal"
        f" FROM contact_{asked.vs['contacts']}"
        f" WHERE from_position IN ({placeholders(len(wanted))})",
        wanted,
    )
    return {row[0]: compose(Fragments(*row[1:]), asked.sight) for row in rows}
