"""Names and merges of parties as rows, kept by every view that shows or groups by parties.

Each such view holds its own copy, so that it answers from one place and at one position. Names are
only ever added (an old name stays true of its time); merges can be taken back, so they have an end.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from domain.log.codec import Fact
from projections.storage import OPEN, Reader, Tx

REGISTERED: Final = "party.registered/1"
RENAMED: Final = "party.renamed/1"
MERGED: Final = "party.merged/1"
UNMERGED: Final = "party.unmerged/1"
NAMING_TYPES: Final = frozenset({REGISTERED, RENAMED, MERGED, UNMERGED})
NAMING_TABLES: Final = (
    (
        "CREATE TABLE party_names_{v} (party_id {text} NOT NULL, position {bigint} NOT NULL,"
        " valid_from {text} NOT NULL, name {text} NOT NULL, abbreviation {text},"
        " PRIMARY KEY (party_id, position))"
    ),
    (
        "CREATE TABLE party_merges_{v} (party_id {text} NOT NULL, into_id {text} NOT NULL,"
        " from_position {bigint} NOT NULL, to_position {bigint} NOT NULL,"
        " PRIMARY KEY (party_id, from_position))"
    ),
)
Key = TypeVar("Key", str, int)
"""A party as a view names it: its id, or the view's own number for it."""
IDS_A_QUESTION: Final = 500
"""Ids named in one SQL statement; both databases take more, but plans and buffers stay small."""


def placeholders(count: int) -> str:
    """Return `?,?,…` for an IN list; of nothing, a list that nothing is in."""
    return ",".join("?" * count) or "NULL"


def portions(ids: Iterable[Key]) -> Iterator[list[Key]]:
    """Return distinct ids in lists of at most `IDS_A_QUESTION`."""
    distinct = list(dict.fromkeys(ids))
    for start in range(0, len(distinct), IDS_A_QUESTION):
        yield distinct[start : start + IDS_A_QUESTION]


def apply_naming(tx: Tx, v: str, fact: Fact) -> None:
    """Keep the rows of one fact of `NAMING_TYPES`."""
    data = fact.data
    match fact.type:
        case "party.registered/1" | "party.renamed/1":
            tx.run(
                f"INSERT INTO party_names_{v} VALUES (?,?,?,?,?)",
                (
                    data["party_id"],
                    fact.position,
                    data["valid_from"] or "",
                    data["name"],
                    data["abbreviation"],
                ),
            )
        case "party.merged/1":
            _end_merge(tx, v, fact)
            tx.run(
                f"INSERT INTO party_merges_{v} VALUES (?,?,?,?)",
                (data["party_id"], data["into_party_id"], fact.position, OPEN),
            )
        case "party.unmerged/1":
            _end_merge(tx, v, fact)
        case _:
            pass


def _end_merge(tx: Tx, v: str, fact: Fact) -> None:
    tx.run(
        f"UPDATE party_merges_{v} SET to_position=? WHERE party_id=? AND to_position=?",
        (fact.position, fact.data["party_id"], OPEN),
    )


def name_on(rows: Sequence[tuple[int, str, str]], day: str | None) -> str:
    """Return the name valid on `day` (the newest when None) of (position, valid_from, name) rows.

    Before the first name was valid, the first one is still what the party is called.
    """
    valid = [row for row in rows if day is None or row[1] <= day]
    if valid:
        return max(valid, key=lambda row: (row[1], row[0]))[2]
    return min(rows, key=lambda row: (row[1], row[0]))[2]


def names(
    reader: Reader, v: str, at: int, day: str | None, ids: Iterable[str] | None
) -> dict[str, str]:
    """Return the names on `day` of `ids` (all parties when None); unknown ids are left out."""
    found: dict[str, list[tuple[int, str, str]]] = {}
    select = f"SELECT party_id, position, valid_from, name FROM party_names_{v} WHERE position<=?"
    if ids is None:
        rows = reader.all(select, (at,))
    else:
        rows = []
        for some in portions(ids):
            limited = f"{select} AND party_id IN ({placeholders(len(some))})"
            rows += reader.all(limited, (at, *some))
    for party, position, valid_from, name in rows:
        found.setdefault(party, []).append((position, valid_from, name))
    return {
        party: held[0][2] if len(held) == 1 else name_on(held, day) for party, held in found.items()
    }


def merges(reader: Reader, v: str, at: int) -> dict[str, str]:
    """Return which party is merged into which, one step, as known at `at`."""
    return dict(
        reader.all(
            f"SELECT party_id, into_id FROM party_merges_{v}"
            " WHERE from_position<=? AND to_position>?",
            (at, at),
        )
    )


def survivors(steps: Mapping[Key, Key]) -> dict[Key, Key]:
    """Return each merged party's survivor; a ring, which nobody may make, ends in itself."""
    return {party: survivor(steps, party) for party in steps}


def survivor(steps: Mapping[Key, Key], party: Key) -> Key:
    """Return who stands for `party` after all merges."""
    seen = {party}
    while (into := steps.get(party)) is not None and into not in seen:
        seen.add(into)
        party = into
    return party


def families(steps: Mapping[str, str], parties: Iterable[str]) -> frozenset[str]:
    """Return the parties and everything merged into them, however many steps away."""
    wanted = set(parties)
    below: dict[str, list[str]] = {}
    for party, into in steps.items():
        below.setdefault(into, []).append(party)
    open_ends = list(wanted)
    while open_ends:
        for party in below.get(open_ends.pop(), ()):
            if party not in wanted:
                wanted.add(party)
                open_ends.append(party)
    return frozenset(wanted)
