"""Whose contacts a question about the direct door is about: sight, successors, names, kinds.

Everything that answers from the view `direct` reads its rows through here, so that what one may not
see is in no figure, and a party that was merged, or has one successor, is counted as that one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from domain.access import Sight, under
from domain.parties import ADMINISTRATION_KINDS
from projections.contact_rows import KLE, LEVELS
from projections.contacts import still_seen
from projections.direct_rows import NAMED
from projections.direct_statistics import Row, Window
from projections.finality import levels_seen
from projections.naming import families, merges, names, placeholders, survivor, survivors
from projections.storage import Reader

ORGANISATION_KINDS: Final = frozenset({"housing_organisation", "federation", "organisation"})
"""Kinds of party that an administration can be in contact with, and may never have been."""
CONTACTS_PATH: Final = "/v1/direct-contact/contacts"
_COLUMNS: Final = (
    "d.contact_id, d.administration, d.organisation, d.first_day, d.last_day, d.channel,"
    " d.direction, d.roles, d.number"
)

Condition = tuple[str, Sequence[object]]
"""A part of a WHERE and its parameters; `d` is the row of a pair."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """From where is asked: tables of the views, position, day (as_of_effective), and sight."""

    direct: str
    contacts: str
    parties: str
    at: int
    day: str | None
    sight: Sight


@dataclass(frozen=True, slots=True)
class Standing:
    """Who stands for whom, and which parties are the municipality's own."""

    steps: Mapping[str, str]
    """One step from a merged or succeeded party towards who stands for it."""
    stands: Mapping[str, str]
    municipal: frozenset[str]

    def of(self, party: str) -> str:
        """Return who stands for a party."""
        return self.stands.get(party, party)

    def family(self, parties: Iterable[str]) -> frozenset[str]:
        """Return the parties, whoever stands for them, and all those these stand for."""
        return families(self.steps, [self.of(party) for party in parties])


def standing(reader: Reader, seen: Seen, day: str) -> Standing:
    """Return who stands for whom as known at the position, on `day`.

    A merged party stands in its survivor. A succeeded one (efterfulgt) stands in its successor when
    there is exactly one: of a party that was split nobody can say whose its contacts are.
    """
    v, at = seen.parties, seen.at
    steps = merges(reader, v, at)
    heirs: dict[str, set[str]] = {}
    for heir, before in reader.all(
        f"SELECT party_id, other_id FROM party_relations_{v} WHERE relation='successor_of'"
        " AND direction='from' AND from_position<=? AND to_position>? AND valid_from<=?",
        (at, at, day),
    ):
        heirs.setdefault(before, set()).add(survivor(steps, heir))
    for before, found in heirs.items():
        if len(found) == 1 and before not in steps:
            steps[before] = next(iter(found))
    kinds = sorted(ADMINISTRATION_KINDS)
    own = reader.all(
        f"SELECT party_id FROM party_{v} WHERE from_position<=? AND to_position>?"
        f" AND kind IN ({placeholders(len(kinds))})",
        (at, at, *kinds),
    )
    return Standing(steps, survivors(steps), frozenset(row[0] for row in own))


def rows(reader: Reader, seen: Seen, held: Standing, conditions: Iterable[Condition]) -> list[Row]:
    """Return the pair rows of held contacts that fit, each party as who stands for it."""
    source, params = selection(reader, seen, held, conditions)
    stands = held.stands
    return [
        Row(contact, stands.get(ours, ours), stands.get(theirs, theirs), *rest)
        for contact, ours, theirs, *rest in reader.all(f"SELECT {_COLUMNS} {source}", params)
    ]


def selection(
    reader: Reader, seen: Seen, held: Standing, conditions: Iterable[Condition]
) -> tuple[str, list[object]]:
    """Return FROM and WHERE of the pair rows of held contacts that fit and may be seen.

    A party spoken for counts because it was named; one of the municipality's own is no organisation
    because somebody spoke for it.
    """
    join, demands = _visible(reader, seen)
    terms = [
        (f"d.from_position<=? AND d.to_position>? AND d.held=1{join}", [seen.at, seen.at]),
        *demands,
        *conditions,
    ]
    if held.municipal:
        own = sorted(held.municipal)
        spoken = f"((d.roles & {NAMED})={NAMED} OR d.organisation NOT IN"
        terms.append((f"{spoken} ({placeholders(len(own))}))", own))
    if seen.day is not None:
        terms.append(("d.first_day<=?", [seen.day]))
    tables = f"direct_pair_{seen.direct} d"
    if join:
        tables += f" CROSS JOIN contact_{seen.contacts} c"
    where = " AND ".join(term for term, _ in terms)
    return f"FROM {tables} WHERE {where}", [value for _, values in terms for value in values]


def _visible(reader: Reader, seen: Seen) -> tuple[str, list[Condition]]:
    """Return how contacts are joined, and what the sight demands; nothing where all is seen.

    The view of contacts decides, as it does for `/v1/contacts`: level, finality, KLE, and that what
    was seen once is still seen. Of the parties of a scope, the row's own two sides count: whoever
    is an organisation sees its own row only, also of a meeting with others.
    """
    sight, at = seen.sight, seen.at
    if not sight.limited:
        return "", []
    levels = sorted({LEVELS[level] for level in levels_seen(sight)})
    demands: list[Condition] = [
        ("c.from_position<=? AND c.to_position>? AND c.retracted=0", [at, at]),
        (f"c.level IN ({placeholders(len(levels))})", levels),
    ]
    if sight.parties is not None:
        own = sorted(sight.parties)
        within = placeholders(len(own))
        demands.append(
            (f"(d.administration IN ({within}) OR d.organisation IN ({within}))", [*own, *own])
        )
    if sight.kle is not None:
        demands.append(_under_kle(reader, seen.contacts, sight.kle))
    now = still_seen(reader, seen.contacts, sight)
    demands += [now] if now else []
    return " AND c.contact_id=d.contact_id", demands


def _under_kle(reader: Reader, v: str, prefixes: Sequence[str]) -> Condition:
    terms = [
        term
        for term, value in reader.all(f"SELECT term, value FROM term_{v} WHERE kind={KLE}")
        if under(value, prefixes)
    ]
    filed = (
        f"EXISTS (SELECT 1 FROM link_{v} l WHERE l.term IN ({placeholders(len(terms))})"
        " AND l.day=CAST(REPLACE(c.first_day, '-', '') AS BIGINT) AND l.number=c.number"
        " AND l.from_position=c.from_position)"
    )
    return filed, terms


def within(column: str, parties: frozenset[str] | None) -> list[Condition]:
    """Return the condition that a side of the pair is one of these parties; none for None."""
    if parties is None:
        return []
    return [(f"d.{column} IN ({placeholders(len(parties))})", sorted(parties))]


def meeting(windows: Iterable[Window]) -> Condition:
    """Return the condition that a contact's span has a day in one of the windows."""
    found = list(windows)
    terms = " OR ".join("(d.first_day<=? AND d.last_day>=?)" for _ in found)
    return f"({terms})", [day for window in found for day in (window.last, window.first)]


class Refs:
    """Parties as answers show them: id, and the name on a day."""

    def __init__(self, reader: Reader, seen: Seen, day: str, parties: Iterable[str]) -> None:
        """Names are read once for all parties."""
        self._names = names(reader, seen.parties, seen.at, day, parties)

    def __call__(self, party: str) -> Json:
        """Return one party by id and name."""
        return {"id": party, "name": self.name(party)}

    def name(self, party: str) -> str:
        """Return the party's name, empty for one that is not in the register."""
        return self._names.get(party, "")


def contacts_url(
    seen: Seen, window: Window | None, sides: Mapping[str, str | list[str]], **more: str
) -> str:
    """Return the query that opens exactly the contacts behind a figure, at the same position.

    `sides` names parties under `administration` and `organisation`.
    """
    days = {} if window is None else {"from": window.first, "to": window.last}
    return url(seen, CONTACTS_PATH, {**sides, **days, **more})


def url(seen: Seen, path: str, asked: Mapping[str, str | list[str]]) -> str:
    """Return a query of this API that is true for the same position and day."""
    pinned = {"as_of_recorded": str(seen.at)}
    if seen.day is not None:
        pinned["as_of_effective"] = seen.day
    return f"{path}?{urlencode({**asked, **pinned}, doseq=True)}"
