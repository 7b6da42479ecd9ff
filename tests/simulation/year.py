"""A year of contacts that never was: seeded, so that whoever names the seed gets the same year.

Seven administrations, sixty organisations, about 30,000 contacts in 2025, and the autumn of 2024
to compare with. Contacts come in clusters (a matter is called about until it is settled), more on
Tuesdays than Fridays and few in July; some are known to their month only, written down late,
corrected, withdrawn; organisations merge. On 1 July 2025 a rule changes for one administration:
`Change.FALL` loses a fifth of its direct pair-days, `Change.MOVED` has them come in through the
entry point instead, `Change.NONE` is the year without it.

`story` is what is recorded, in order; `truth` is what must be counted of it, told by the generator
itself and by no code of the product.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import Enum
from math import exp
from random import Random
from typing import Any
from uuid import UUID

Json = dict[str, Any]
ADMINISTRATIONS = ("BIF", "BUF", "KFF", "SOF", "SUF", "TMF", "ØKF")
HIT = "SOF"
"""The administration whose rule changes."""
CHANGED = date(2025, 7, 1)
BASELINE = (date(2024, 9, 1), date(2024, 11, 30))
FOLLOW_UP = (date(2025, 9, 1), date(2025, 11, 30))
YEAR = (date(2025, 1, 1), date(2025, 12, 31))
ASKED_ON = "2025-12-15"
"""A day on which the default windows are those of the follow-up and its baseline."""
ORGANISATIONS = 60
CONTACTS = 30_000
WORKING_DAYS = 252
WEEKDAYS = (0.9, 1.1, 1.15, 1.1, 0.75, 0.03, 0.02)
MONTHS = (0.95, 1.0, 1.1, 1.05, 1.0, 0.9, 0.45, 0.95, 1.1, 1.1, 1.15, 0.8)
CLUSTER = 1.6
"""Contacts of one matter, on average."""
FALL = 0.185
"""Of its pair-days; with the silenced organisations a fifth in all."""
MOVED = 0.20
SILENCED = 2
"""Organisations that the administration no longer meets at all after the change."""


class Change(Enum):
    NONE = "none"
    FALL = "fall"
    MOVED = "moved"


@dataclass
class Contact:
    """A contact as it took place; `as_logged` is how it was first written down."""

    id: str
    administrations: list[str]
    organisations: list[str]
    spoken_for: list[str]
    first: date
    last: date
    channel: str
    direction: str
    held: bool
    recorded: date
    retracted: bool = False
    as_logged: dict[str, Any] = field(default_factory=dict)
    """What the first writing had otherwise, corrected later."""


@dataclass(frozen=True)
class Account:
    id: str
    side: str
    kind: str
    administration: str
    organisation: str
    day: date
    about: str | None
    withdrawn: bool


@dataclass(frozen=True)
class Fact:
    """One pair of one contact, as the truth has it."""

    contact: str
    administration: str
    organisation: str
    first: str
    last: str
    channel: str
    direction: str
    roles: int


@dataclass
class Year:
    seed: int
    change: Change
    contacts: list[Contact]
    accounts: list[Account]
    merges: dict[str, tuple[str, date]]
    organisations: list[str]
    silenced: list[str]


def make(
    seed: int,
    change: Change = Change.FALL,
    *,
    contacts: int = CONTACTS,
    organisations: int = ORGANISATIONS,
    whole_year: bool = True,
) -> Year:
    """Return the year of a seed; without `whole_year` only the months that are compared."""
    chance = Random(f"year {seed}")
    names = [f"Boligforening {number:02}" for number in range(1, organisations + 1)]
    weights = {
        (ours, theirs): chance.lognormvariate(0, 1) * size
        for ours, size in zip(ADMINISTRATIONS, (0.7, 0.9, 0.6, 1.2, 0.8, 1.8, 1.0), strict=True)
        for theirs in names
    }
    merges = {
        names[-1]: (names[0], date(2025, 3, 1)),
        names[-2]: (names[1], date(2025, 10, 1)),
        names[-3]: (names[0], date(2025, 12, 1)),
    }
    silenced = names[2 : 2 + min(SILENCED, organisations // 10)]
    year = Year(seed, change, [], [], merges, names, silenced)
    draws: dict[tuple[str, str, date], float] = {}
    for day in _days(whole_year=whole_year):
        _fill(year, chance, day, weights, contacts, draws)
    _accounts(year, chance)
    return year


def _days(*, whole_year: bool) -> Iterator[date]:
    spans = (BASELINE, YEAR) if whole_year else (BASELINE, FOLLOW_UP)
    for first, last in spans:
        # Matters of the weeks before reach into the window.
        day = first - timedelta(days=0 if (first, last) == YEAR else 14)
        while day <= last:
            yield day
            day += timedelta(days=1)


def _fill(
    year: Year,
    chance: Random,
    day: date,
    weights: dict[tuple[str, str], float],
    contacts: int,
    draws: dict[tuple[str, str, date], float],
) -> None:
    mean = contacts / CLUSTER / WORKING_DAYS * WEEKDAYS[day.weekday()] * MONTHS[day.month - 1]
    pairs = chance.choices([*weights], [*weights.values()], k=_poisson(chance, mean))
    for ours, theirs in pairs:
        direct = chance.random() < 0.72
        when = day
        while True:
            theirs_now = theirs
            if theirs in year.merges and when >= year.merges[theirs][1]:
                theirs_now = year.merges[theirs][0]
            # One draw for all contacts of a pair on a day: what falls are pair-days.
            lost = draws.setdefault((ours, theirs_now, when), chance.random())
            _add(year, chance, when, (ours, theirs_now), direct=direct, lost=lost)
            if chance.random() < 1 / CLUSTER:
                break
            gap = chance.choice((0, 0, 1, 2, 3, 5, 7))
            if gap:
                when += timedelta(days=gap)


def _add(
    year: Year, chance: Random, day: date, pair: tuple[str, str], *, direct: bool, lost: float
) -> None:
    ours, theirs = pair
    # Every draw is made in every year of the seed, so that years differ by the change alone.
    contact_id = str(UUID(int=(chance.getrandbits(128) & ~(0xF << 76)) | (4 << 76)))
    contact_id = contact_id[:19] + "89ab"[chance.randrange(4)] + contact_id[20:]
    first, last = _span(chance, day)
    direction = chance.choices(("inbound", "outbound", "mutual"), (0.5, 0.35, 0.15))[0]
    held = chance.random() > 0.05
    recorded = day + timedelta(days=chance.choices((0, 1, 3, 12, 40), (70, 15, 8, 5, 2))[0])
    contact = Contact(
        contact_id,
        [ours],
        [theirs],
        [],
        first,
        last,
        "direct" if direct else "entry_point",
        direction,
        held,
        recorded,
    )
    _vary(year, chance, contact)
    if ours == HIT and direct and day >= CHANGED and year.change is not Change.NONE:
        if year.change is Change.MOVED and lost < MOVED:
            contact.channel = "entry_point"
        elif year.change is Change.FALL and (lost < FALL or theirs in year.silenced):
            return
    year.contacts.append(contact)


def _vary(year: Year, chance: Random, contact: Contact) -> None:
    """Make what makes counting hard: several sides, spoken for, corrected, withdrawn."""
    draws = [chance.random() for _ in range(7)]
    other = chance.choice(year.organisations[:-3])
    ours = chance.choice(ADMINISTRATIONS)
    if draws[0] < 0.03 and ours not in contact.administrations:
        contact.administrations.append(ours)
    if draws[1] < 0.02 and other not in contact.organisations:
        contact.organisations.append(other)
    elif draws[2] < 0.03 and other not in contact.organisations:
        contact.spoken_for.append(other)
    elif draws[3] < 0.005:
        contact.organisations.clear()
    contact.retracted = draws[4] < 0.015
    if contact.retracted or not contact.organisations:
        return
    if draws[5] < 0.01:
        wrong = contact.first - timedelta(days=35)
        contact.as_logged = {"first": wrong, "last": wrong}
    elif draws[6] < 0.01:
        contact.as_logged = {"channel": "entry_point", "organisations": [other]}


def _span(chance: Random, day: date) -> tuple[date, date]:
    """Return the days a contact is known to lie between: nearly always one."""
    draw = chance.random()
    if draw < 0.02:
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=6)
    if draw < 0.035:
        first = day.replace(day=1)
        return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    if draw < 0.04:
        first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        return first, (first + timedelta(days=95)).replace(day=1) - timedelta(days=1)
    return day, day


def _accounts(year: Year, chance: Random) -> None:
    """Write down who was turned away: told by one side or the other, or by both."""
    for number, contact in enumerate(year.contacts):
        draw, told, kind, back = (chance.random() for _ in range(4))
        hit = contact.administrations[0] == HIT and contact.first >= CHANGED
        rate = 0.06 if hit and year.change is not Change.NONE else 0.004
        one_day = contact.first == contact.last
        if contact.direction != "inbound" or draw >= rate or not one_day:
            continue
        if not contact.organisations:
            continue
        account = Account(
            f"{0x018F0000 + number:08x}-0000-7000-8000-000000000000",
            "organisation" if told < 0.6 else "administration",
            "redirected" if kind < 0.8 else "refused",
            contact.administrations[0],
            contact.organisations[0],
            contact.first,
            None,
            back < 0.05,
        )
        year.accounts.append(account)
        if 0.4 < told < 0.6:
            other = f"{0x018F0000 + number:08x}-0000-7000-8000-000000000001"
            day = account.day + timedelta(days=int(kind < 0.2))
            year.accounts.append(
                replace(
                    account,
                    id=other,
                    side="administration",
                    day=day,
                    about=account.id,
                    withdrawn=False,
                )
            )


def _poisson(chance: Random, mean: float) -> int:
    """Return a Poisson number (Knuth); the mean is some dozens."""
    limit, product, count = exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


# ── the truth ────────────────────────────────────────────────────────────────────────────────────


def truth(
    year: Year, *, merged: bool = True, retractions: bool = True, corrections: bool = True
) -> list[Fact]:
    """Return what must be counted; each flag off is a counting that forgets one thing."""
    facts = []
    for contact in year.contacts:
        if (contact.retracted and retractions) or not contact.held:
            continue
        said = contact.__dict__ | ({} if corrections else contact.as_logged)
        theirs = dict.fromkeys(said["organisations"], 1)
        for party in said["spoken_for"]:
            theirs[party] = theirs.get(party, 0) | 2
        for ours in said["administrations"]:
            for party, roles in (theirs or {"": 1}).items():
                into = year.merges[party][0] if merged and party in year.merges else party
                days = (said["first"].isoformat(), said["last"].isoformat())
                facts.append(
                    Fact(contact.id, ours, into, *days, said["channel"], said["direction"], roles)
                )
    return facts


def inside(facts: Iterable[Fact], window: tuple[date, date]) -> list[Fact]:
    """Return what lies wholly inside a window."""
    first, last = (day.isoformat() for day in window)
    return [fact for fact in facts if first <= fact.first and fact.last <= last]


def pair_days(facts: Iterable[Fact], administration: str, window: tuple[date, date]) -> int:
    """Return distinct (organisation, day) of an administration's direct contacts."""
    return len(
        {
            (fact.organisation, fact.first, fact.last)
            for fact in inside(facts, window)
            if fact.administration == administration
            and fact.channel == "direct"
            and fact.organisation
        }
    )


def turned_away(year: Year, administration: str, *, once: bool = True) -> int:
    """Return attempts turned away in the follow-up; without `once`, every account counts."""
    first, last = FOLLOW_UP
    told = [a for a in year.accounts if a.administration == administration and not a.withdrawn]
    found: dict[str, Account] = {}
    for account in told:
        found.setdefault(account.about or account.id if once else account.id, account)
    return sum(first <= account.day <= last for account in found.values())
