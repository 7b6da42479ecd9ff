"""Finds the party that a key means (opslag): what a command needs before it can be decided."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, Protocol

from domain.errors import Unavailable
from domain.log.port import Log
from domain.values import PartyId, PartyRef
from projections.naming import (
    families,
    merges,
    names,
    placeholders,
    portions,
    survivor,
)
from projections.parties import fold
from projections.storage import OPEN, Reader, ViewStore

HIT_SECONDS_MAX: Final = 2.0
"""How long a found party is believed; never a missing one, which may be registered any moment."""
HITS_MAX: Final = 50_000
"""Keys remembered at once; past it all are forgotten, which costs one look-up each."""
WAIT_SECONDS: Final = 2.0
"""How long a miss waits for the view to reach the log's head before it is believed."""
_EXACT: Final = 0
_ALIAS: Final = 1
_FOLDED: Final = 2


class Asked(Protocol):
    """What the directory needs of `projections.views.Views`."""

    @property
    def store(self) -> ViewStore:
        """The views' database."""
        ...

    def suffix(self, name: str) -> str:
        """Return the table suffix of a view's active generation."""
        ...

    def wait_for(self, position: int, seconds: float, *names: str) -> bool:
        """Wait until the named views have reached a position, at most `seconds`."""
        ...


class Directory:
    """Parties by key, remembered for a moment; safe to share between threads."""

    def __init__(
        self,
        views: Asked,
        log: Log,
        *,
        today: Callable[[], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        """`today` tells which of a party's names is meant now; without it the newest one."""
        self._views = views
        self._log = log
        self._today = today
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._hits: dict[str, tuple[float, PartyRef]] = {}

    def remembered(self, keys: Iterable[str]) -> dict[str, PartyRef]:
        """Return those keys that need no look-up; touches no database, so any loop may ask."""
        now = self._clock()
        hits = self._hits
        return {key: hit[1] for key in keys if (hit := hits.get(key)) is not None and hit[0] > now}

    def resolve(self, keys: Sequence[str]) -> dict[str, PartyRef | None]:
        """Return the party each key means: absent when unknown, None when it means several.

        An id, a name, abbreviation or outside number counts first, then an alias, then any of them
        but for case and blanks. A merged party's keys mean its survivor. When a key is not found,
        the view is first brought to the log's head and asked again: a party registered a moment
        ago must be found. Raises Unavailable when a view so far behind cannot tell.
        """
        found: dict[str, PartyRef | None] = {**self.remembered(keys)}
        if len(found) == len(keys):
            return found
        missing = [key for key in keys if key not in found]
        found |= self._look_up(missing)
        if still := [key for key in missing if key not in found]:
            told = self._views.wait_for(self._log.head(), self._wait_seconds, "parties")
            found |= self._look_up(still)
            if not told and any(key not in found for key in still):
                raise Unavailable("view_behind", view="parties")
        return found

    def family(self, party_id: str) -> frozenset[str]:
        """Return the party and all merged into it, as known now."""
        with self._views.store.reading() as reader:
            return family(reader, self._views.suffix("parties"), OPEN - 1, party_id)

    def whole(self, ids: Iterable[str]) -> dict[str, frozenset[str]]:
        """Return for each party the whole family it belongs to by now, whoever survived in it."""
        with self._views.store.reading() as reader:
            steps = merges(reader, self._views.suffix("parties"), OPEN - 1)
        return {party: families(steps, [survivor(steps, party)]) for party in ids}

    def forget(self) -> None:
        """Forget every hit (after this process itself changed a party)."""
        self._hits.clear()

    def _look_up(self, keys: Sequence[str]) -> dict[str, PartyRef | None]:
        day = self._today() if self._today is not None else None
        with self._views.store.reading() as reader:
            found = resolve(reader, self._views.suffix("parties"), OPEN - 1, day, keys)
        if len(self._hits) + len(found) > HITS_MAX:
            self._hits.clear()
        until = self._clock() + HIT_SECONDS_MAX
        self._hits.update({key: (until, ref) for key, ref in found.items() if ref is not None})
        return found


def closed(reader: Reader, v: str, at: int, day: str, ids: Collection[str]) -> frozenset[str]:
    """Return those of `ids` that are closed on `day`; a merged party lives on in its survivor."""
    steps = merges(reader, v, at) if ids else {}
    lives = {party: survivor(steps, party) for party in ids}
    ended: set[str] = set()
    for some in portions(lives.values()):
        rows = reader.all(
            f"SELECT party_id FROM party_{v} WHERE party_id IN ({placeholders(len(some))})"
            " AND from_position<=? AND to_position>? AND valid_to<>'' AND valid_to<?",
            (*some, at, at, day),
        )
        ended |= {str(row[0]) for row in rows}
    return frozenset(party for party, into in lives.items() if into in ended)


def resolve(
    reader: Reader, v: str, at: int, day: str | None, keys: Sequence[str]
) -> dict[str, PartyRef | None]:
    """Return what each key means as known at `at`; see `Directory.resolve`."""
    holders = _holders(reader, v, at, keys)
    steps = merges(reader, v, at) if holders else {}
    meant = {key: _meant(key, holders.get(fold(key), ()), steps) for key in keys}
    called = names(reader, v, at, day, (party for party in meant.values() if party))
    found: dict[str, PartyRef | None] = {}
    for key, party in meant.items():
        if party is not None:
            found[key] = PartyRef(id=PartyId(party), name=called[party]) if party else None
    return found


def family(reader: Reader, v: str, at: int, party_id: str) -> frozenset[str]:
    """Return the party and all merged into it, as known at `at`."""
    return families(merges(reader, v, at), [party_id])


def _holders(
    reader: Reader, v: str, at: int, keys: Sequence[str]
) -> dict[str, list[tuple[str, str, str]]]:
    """Return (scheme, exact key, party) by folded key."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for some in portions(fold(key) for key in keys):
        rows = reader.all(
            f"SELECT folded, scheme, exact, party_id FROM party_keys_{v}"
            f" WHERE folded IN ({placeholders(len(some))}) AND from_position<=?",
            (*some, at),
        )
        for folded, scheme, exact, party in rows:
            found.setdefault(folded, []).append((scheme, exact, party))
    return found


def _meant(key: str, holders: Sequence[tuple[str, str, str]], steps: dict[str, str]) -> str | None:
    """Return the one party a key means, empty text when it means several, None when none."""
    key = key.strip()
    ranked: dict[int, set[str]] = {}
    for scheme, exact, party in holders:
        rank = _FOLDED if exact != key else _ALIAS if scheme == "alias" else _EXACT
        ranked.setdefault(rank, set()).add(survivor(steps, party))
    if not ranked:
        return None
    best = ranked[min(ranked)]
    return next(iter(best)) if len(best) == 1 else ""
