"""From where a question is asked: the log position and the day its answer is true for.

Every query takes `as_of_recorded`, `as_of_effective` and `min_position`; a cursor brings the
position of its first page along.
"""

import asyncio
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from api.http.cursors import question_of
from api.http.operations import Ask
from api.http.problems import HttpProblem
from api.http.query import LIMIT_DEFAULT
from domain.access import Sight
from projections.directory import HIT_SECONDS_MAX, resolve
from projections.naming import families, merges, survivor
from projections.storage import Reader

DAY_CHARS: Final = 10
FAMILIES_MAX: Final = 10_000

Result = TypeVar("Result")
Question = Callable[[Reader], Result]


@dataclass(frozen=True, slots=True)
class Vantage:
    """Position and day of an answer, the place to go on from, and the question a cursor is for."""

    at: int
    day: str | None
    limit: int
    after: Any
    suffixes: Mapping[str, str]
    """Of the tables of each view that is asked."""
    families: "Families | None" = None
    """What keys meant a moment ago; None when the question is about an exact position."""


async def vantage(ask: Ask, *views: str) -> Vantage:
    """Return where the question is asked from, once the views have come that far."""
    query = ask.query
    after, recorded = None, query.get("as_of_recorded")
    if (cursor := query.get("cursor")) is not None:
        at, after = ask.door.cursors.open(_question(ask), cursor)
        recorded = str(at)
    at, suffixes = await _standing(ask, recorded, query.get("min_position"), views)
    day = _day(ask, query.get("as_of_effective"))
    exact = recorded is not None or day is not None or "min_position" in query
    families_now = None if exact else ask.door.families
    limit = query.get("limit", LIMIT_DEFAULT)
    return Vantage(at, day, limit, after, suffixes, families_now)


def _question(ask: Ask) -> str:
    """Return what a cursor is pinned to."""
    path = question_of(ask.operation.path, ask.given)
    return path + repr(sorted(ask.request.path_params.items()))


async def _standing(
    ask: Ask, recorded: str | None, least: int | None, views: Sequence[str]
) -> tuple[int, dict[str, str]]:
    """Return the position an answer is true for, and the views' suffixes; waits for the views."""
    source = ask.services.views
    if ask.door.on_loop and recorded is None:
        reached, suffixes = source.standing(*views)
        if reached >= (least or 0):
            return reached, suffixes

    def wait() -> tuple[int, dict[str, str]]:
        at = source.at(recorded, least, views)
        return at, source.standing(*views)[1]

    return await asyncio.to_thread(wait)


def _day(ask: Ask, given: str | None) -> str | None:
    """Return the calendar day in the municipality of a day or a time."""
    if given is None or len(given) == DAY_CHARS:
        return given
    return datetime.fromisoformat(given.upper()).astimezone(ask.services.zone).date().isoformat()


def next_cursor(ask: Ask, seen: Vantage, after: Any) -> str | None:
    """Return the sealed cursor that goes on behind `after`, None at the end."""
    return None if after is None else ask.door.cursors.seal(_question(ask), seen.at, after)


def kept_as(ask: Ask, seen: Vantage) -> Hashable:
    """Return all that the answer to a list or report follows from, None when it is not kept.

    The query stands in it as it was sent: two ways to write one question are two questions.
    """
    if seen.families is None:
        return None
    query = ask.request.scope["query_string"]
    return ask.operation.name, query, seen.at, ask.sight, *seen.suffixes.values()


async def read(ask: Ask, question: Question[Result], *, long: bool = False) -> Result:
    """Ask the views one question in one snapshot."""

    def within() -> Result:
        with ask.services.store.reading() as reader:
            return question(reader)

    return await ask.door.read(within, long=long)


def widened(reader: Reader, parties_suffix: str, at: int, sight: Sight) -> Sight:
    """Return the sight with each party of its scope as the whole family it belongs to by now."""
    if not sight.parties:
        return sight
    steps = merges(reader, parties_suffix, at)
    roots = [survivor(steps, party) for party in sight.parties]
    return replace(sight, parties=families(steps, roots))


class Families:
    """Families of keys, remembered for a moment: most lists ask about the same few parties now.

    Only for questions about now that name no position: the others must be exact at theirs.
    """

    def __init__(self) -> None:
        """Nothing is remembered yet."""
        self._known: dict[tuple[str, ...], tuple[float, frozenset[str]]] = {}

    def get(self, keys: tuple[str, ...]) -> frozenset[str] | None:
        """Return what the keys meant a moment ago."""
        hit = self._known.get(keys)
        return hit[1] if hit is not None and hit[0] > time.monotonic() else None

    def put(self, keys: tuple[str, ...], family: frozenset[str]) -> None:
        """Remember what the keys mean."""
        if len(self._known) >= FAMILIES_MAX:
            self._known.clear()
        self._known[keys] = (time.monotonic() + HIT_SECONDS_MAX, family)


def family_of(
    reader: Reader, parties_suffix: str, seen: Vantage, name: str, keys: Iterable[str] | None
) -> frozenset[str] | None:
    """Return the parties that `keys` mean and all merged into them; 400 for unknown keys."""
    if keys is None:
        return None
    wanted = list(dict.fromkeys(keys))
    if seen.families is not None and (hit := seen.families.get(tuple(wanted))) is not None:
        return hit
    found = resolve(reader, parties_suffix, seen.at, seen.day, wanted)
    faults = [
        (f"/query/{name}", "ambiguous_party" if key in found else "unknown_party", "ukendt part")
        for key in wanted
        if found.get(key) is None
    ]
    if faults:
        raise HttpProblem("invalid_input", faults)
    steps = merges(reader, parties_suffix, seen.at)
    family = families(steps, [party.id for party in found.values() if party is not None])
    if seen.families is not None:
        seen.families.put(tuple(wanted), family)
    return family
