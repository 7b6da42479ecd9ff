"""Who says to have been turned away from the direct door (afvist eller henvist), side by side.

An attempt told by both sides is one attempt with two accounts; neither account is more true than
the other, and where they differ both stand.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from domain.access import Sight
from projections.direct_standing import Json, Refs, Seen, Standing, standing
from projections.direct_statistics import Account, Window, attempts
from projections.naming import placeholders
from projections.storage import Reader

SIDES: Final = ("organisation", "administration")
_COLUMNS: Final = (
    "account_id, about, number, kind, side, administration, organisation, first_day, last_day,"
    " withdrawn, body"
)


@dataclass(frozen=True, slots=True)
class Told:
    """One account as a row, its parties as who stands for them."""

    account: Account
    kind: str
    side: str
    administration: str
    organisation: str
    first_day: str
    last_day: str
    withdrawn: bool
    body: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at direct contact that somebody was turned away from, with all its accounts."""

    accounts: tuple[Told, ...]
    """The first recorded one first; withdrawn ones stand among them."""

    @property
    def key(self) -> str:
        """Id of the first account."""
        return self.accounts[0].account.account_id

    @property
    def standing(self) -> tuple[Told, ...]:
        """The accounts that were not withdrawn."""
        return tuple(told for told in self.accounts if not told.withdrawn)

    def counted(self, window: Window) -> bool:
        """Return whether it counts in a window: by the days its first standing account tells."""
        first = self.standing[:1]
        return any(window.holds(told.first_day, told.last_day) for told in first)

    def straddles(self, window: Window) -> bool:
        """Return whether it may lie in a window or outside."""
        return not self.counted(window) and any(
            window.meets(told.first_day, told.last_day) for told in self.standing[:1]
        )

    def of(self, name: str) -> set[str]:
        """Return the administrations (or organisations) that its standing accounts name."""
        return {getattr(told, name) for told in self.standing}


@dataclass(frozen=True, slots=True)
class AccountsQuery:
    """Which attempts: families of parties, days, kind, whose account; withdrawn ones if asked."""

    administrations: frozenset[str] | None = None
    organisations: frozenset[str] | None = None
    first: str | None = None
    last: str | None = None
    kind: str | None = None
    side: str | None = None
    include_withdrawn: bool = False
    limit: int = 50
    offset: int = 0


class TurnedAway(NamedTuple):
    """A page of attempts, newest first, and how many there are in all."""

    items: list[Json]
    next: int | None
    attempts: int
    accounts: int


def turned_away(reader: Reader, seen: Seen, day: str, query: AccountsQuery) -> TurnedAway:
    """Return the attempts that fit, both sides' accounts beside each other."""
    held = standing(reader, seen, day)
    fitting = [each for each in told_attempts(reader, seen, held) if _fits(each, held, query)]
    fitting.sort(key=lambda each: (each.accounts[0].first_day, each.accounts[0].account.position))
    fitting.reverse()
    more = query.offset + query.limit
    page = fitting[query.offset : more]
    refs = Refs(reader, seen, day, {party for each in page for party in _parties(each)})
    return TurnedAway(
        [shown(each, refs, withdrawn=query.include_withdrawn) for each in page],
        more if more < len(fitting) else None,
        len([each for each in fitting if each.standing]),
        sum(len(each.standing) for each in fitting),
    )


def account(reader: Reader, seen: Seen, account_id: str) -> bytes | None:
    """Return one account as JSON, also a withdrawn one; None when there is none one may see."""
    where, params = _visible(seen)
    row = reader.one(
        f"SELECT body FROM direct_account_{seen.direct} WHERE account_id=? AND {where}",
        [account_id, *params],
    )
    return None if row is None else bytes(row[0])


def told_attempts(reader: Reader, seen: Seen, held: Standing) -> list[Attempt]:
    """Return every attempt one may know of; an account that is not seen is not counted either."""
    where, params = _visible(seen)
    found = [
        _told(row, held)
        for row in reader.all(
            f"SELECT {_COLUMNS} FROM direct_account_{seen.direct} WHERE {where} ORDER BY number",
            params,
        )
    ]
    first = attempts([told.account for told in found])
    grouped: dict[str, list[Told]] = {}
    for told in found:
        grouped.setdefault(first[told.account.account_id], []).append(told)
    return [Attempt(tuple(accounts)) for accounts in grouped.values()]


def _told(row: tuple[Any, ...], held: Standing) -> Told:
    account_id, about, number, kind, side, ours, theirs, first, last, withdrawn, body = row
    account = Account(account_id, about, number)
    parties = (held.of(ours), held.of(theirs))
    return Told(account, kind, side, *parties, first, last, bool(withdrawn), body)


def _visible(seen: Seen) -> tuple[str, list[object]]:
    """Return what the sight demands of an account: level, and that it is about one's own parties.

    An account bears no KLE number, so whoever is limited to some sees none. What is seen at an
    earlier position must be seen still, as for contacts; an account's level never changes.
    """
    sight: Sight = seen.sight
    where = ["from_position<=? AND to_position>?"]
    params: list[object] = [seen.at, seen.at]
    levels = sorted(sight.confidentialities)
    where.append(f"confidentiality IN ({placeholders(len(levels))})")
    params += levels
    if sight.kle is not None:
        where.append("1=0")
    if sight.parties is not None:
        own = sorted(sight.parties)
        marks = placeholders(len(own))
        columns = ("administration", "organisation", "by_unit")
        where.append("(" + " OR ".join(f"{name} IN ({marks})" for name in columns) + ")")
        params += own * len(columns)
    if seen.day is not None:
        where.append("first_day<=?")
        params.append(seen.day)
    return " AND ".join(where), params


def _fits(attempt: Attempt, held: Standing, query: AccountsQuery) -> bool:
    accounts = attempt.accounts if query.include_withdrawn else attempt.standing
    if not accounts:
        return False
    for name, wanted in (
        ("administration", query.administrations),
        ("organisation", query.organisations),
    ):
        if wanted is not None and {getattr(t, name) for t in accounts}.isdisjoint(
            held.of(party) for party in wanted
        ):
            return False
    if query.first is not None or query.last is not None:
        window = Window(query.first or "0000", query.last or "9999-12-31")
        if not window.holds(accounts[0].first_day, accounts[0].last_day):
            return False
    if query.kind is not None and query.kind not in {told.kind for told in accounts}:
        return False
    return query.side is None or query.side in {told.side for told in accounts}


def _parties(attempt: Attempt) -> Iterable[str]:
    for told in attempt.accounts:
        yield told.administration
        yield told.organisation


def shown(attempt: Attempt, refs: Refs, *, withdrawn: bool) -> Json:
    """Return an attempt as JSON: each side's accounts under its own name."""
    accounts = attempt.accounts if withdrawn else attempt.standing
    first = accounts[0]
    told = {side: [orjson.loads(t.body) for t in accounts if t.side == side] for side in SIDES}
    return {
        "attempt": attempt.key,
        "administration": refs(first.administration),
        "organisation": refs(first.organisation),
        "occurred": {"from": first.first_day, "to": first.last_day},
        "kinds": sorted({each.kind for each in attempt.standing}),
        "told_by": [side for side in SIDES if told[side]],
        "accounts": told,
    }
