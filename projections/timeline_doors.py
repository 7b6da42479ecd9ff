"""What the timeline takes from the two doors beside contacts: steps of enquiries, and accounts.

Steps of enquiries stand under every party the enquiry concerned, in the order of their days; the
accounts of being turned away are few and read from their own view. Both within the asker's sight.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import orjson

from domain.access import Sight
from domain.registry import Json
from projections.enquiries_steps import Step, joined
from projections.enquiries_where import seen
from projections.naming import placeholders, portions
from projections.storage import Reader

Lens = Literal["direct", "entry_point"]
LENSES: Final[tuple[Lens, ...]] = ("direct", "entry_point")
Key = tuple[str, int]
_ENQUIRY: Final = ("id", "subject", "phase")
_LAST_DAY: Final = "9999-12-31"


class Entry(NamedTuple):
    """One entry: where it stands, the parties it stands under, its members as JSON."""

    key: Key
    parties: tuple[str, ...]
    body: bytes


def steps_of(
    reader: Reader,
    v: str,
    at: int,
    day: str | None,
    sight: Sight,
    party: str,
    days: tuple[str, str],
    limit: int,
    after: Key | None,
) -> list[Entry]:
    """Return the newest steps of enquiries that concerned a party, on days between two."""
    where = seen(reader, v, sight)
    where.add("c.enquiry_id = e.enquiry_id AND c.from_position <= ? AND c.to_position > ?", at, at)
    if not sight.assessment:
        where.add("e.hidden = 0")
    if day is not None:
        where.add("c.received_day <= ?", day)
    if after is not None:
        where.add("(x.day, x.from_position) < (?, ?)", *after)
    last = days[1] if day is None else min(day, days[1])
    rows = reader.all(
        "SELECT x.day, x.from_position, c.body, e.step_head, e.step_handler, e.step_inside,"
        f" e.step_inside_blind FROM enquiry_entry_{v} x"
        f" CROSS JOIN enquiry_{v} e CROSS JOIN enquiry_{v} c"
        " WHERE x.party_id = ? AND x.from_position <= ? AND x.day >= ? AND x.day <= ?"
        f" AND e.from_position = x.from_position AND {' AND '.join(where.parts)}"
        " ORDER BY x.day DESC, x.from_position DESC LIMIT ?",
        (party, at, days[0], last, *where.params, limit),
    )
    return [Entry((row[0], row[1]), (party,), _step(row[2], Step(*row[3:]), sight)) for row in rows]


def _step(body: bytes, step: Step, sight: Sight) -> bytes:
    enquiry: Json = orjson.loads(body + b"}")
    about = {name: enquiry[name] for name in _ENQUIRY}
    return b'"enquiry":%b,"step":%b' % (orjson.dumps(about), joined(step, sight))


def accounts_of(
    reader: Reader,
    v: str,
    at: int,
    day: str | None,
    sight: Sight,
    parties: Sequence[str],
    after: Key | None,
) -> list[Entry]:
    """Return the accounts of being turned away that name one of the parties, newest first.

    `v` is the suffix of the view `direct`. A withdrawn account stays, and says that it was
    withdrawn. An account bears no KLE number, so whoever is limited to some sees none.
    """
    if sight.kle is not None:
        return []
    levels = sorted(sight.confidentialities)
    found: dict[Key, Entry] = {}
    for some in portions(parties):
        marks = placeholders(len(some))
        rows = reader.all(
            "SELECT first_day, number, administration, organisation, by_unit, body"
            f" FROM direct_account_{v} WHERE from_position <= ? AND to_position > ?"
            f" AND confidentiality IN ({placeholders(len(levels))}) AND first_day <= ?"
            f" AND (administration IN ({marks}) OR organisation IN ({marks})"
            f" OR by_unit IN ({marks}))",
            (at, at, *levels, day or _LAST_DAY, *some, *some, *some),
        )
        for first_day, number, *named, body in rows:
            key = (first_day, number)
            own = sight.parties is None or not sight.parties.isdisjoint(named)
            if own and (after is None or key < after):
                found[key] = Entry(key, tuple(dict.fromkeys(named)), b'"account":' + bytes(body))
    return sorted(found.values(), reverse=True)
