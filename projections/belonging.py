"""What a party belongs to (del af): the chain of parties above a unit, for routing and scopes."""

from collections.abc import Iterable, Mapping
from typing import Final

from projections.naming import merges, placeholders, portions, survivor
from projections.storage import Reader

LEVELS_MAX: Final = 20
"""Steps upwards that are looked at; a ring, which nobody may make, ends there."""


def ancestors(
    reader: Reader, v: str, at: int, day: str | None, parties: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Return for each party those it is part of as known at `at`, the nearest first.

    With a day only what held on that day counts. A merged party stands with its survivor.
    """
    wanted = list(dict.fromkeys(parties))
    above = _above(reader, v, at, day, wanted)
    steps = merges(reader, v, at) if above else {}
    return {party: tuple(_chain(party, above, steps)) for party in wanted}


def _chain(party: str, above: Mapping[str, list[str]], steps: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    level = [party]
    while level:
        level = [parent for each in level for parent in above.get(each, ())]
        level = [parent for parent in dict.fromkeys(level) if parent not in found]
        found += level
    held = [each for parent in found for each in (parent, survivor(steps, parent))]
    return [each for each in dict.fromkeys(held) if each != party]


def _above(
    reader: Reader, v: str, at: int, day: str | None, parties: Iterable[str]
) -> dict[str, list[str]]:
    """Return the direct parents of every party that can be reached upwards."""
    found: dict[str, list[str]] = {}
    level = list(parties)
    for _ in range(LEVELS_MAX):
        level = [party for party in dict.fromkeys(level) if party not in found]
        if not level:
            break
        found |= {party: [] for party in level}
        valid = "" if day is None else " AND valid_from<=? AND (valid_to='' OR valid_to>=?)"
        days = () if day is None else (day, day)
        rows: list[tuple[str, str]] = []
        for some in portions(level):
            rows += reader.all(
                f"SELECT party_id, other_id FROM party_relations_{v}"
                f" WHERE party_id IN ({placeholders(len(some))}) AND relation='part_of'"
                f" AND direction='from' AND from_position<=? AND to_position>?{valid}"
                " ORDER BY party_id, relation_id",
                (*some, at, at, *days),
            )
        for party, parent in rows:
            found[party].append(parent)
        level = [parent for _, parent in rows]
    return found
