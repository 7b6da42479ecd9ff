"""The arithmetic of the direct-door indicator (K5, K5b, K6, K7), apart from any table.

Pure, and exact where it decides: counts and working days are whole numbers, the binomial tail is
summed in whole numbers, and only what is shown is rounded. Source of every formula: domain.md 5.2
and its guards; changing one means a new version of its id (`K5/1`), never a silent change.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from math import gcd, sqrt
from typing import Any, Final, Literal, NamedTuple

FORMULAS: Final = {"K5": "K5/1", "K5b": "K5b/1", "K6": "K6/1", "K7": "K7/1"}
"""Id and version of each formula; an answer names the one it was counted by."""
ALARM_RHO_PERCENT: Final = 90
"""Below this share of the baseline's rate direct contact counts as fallen."""
ALARM_P: Final = 0.05
"""Below this probability under equal rates a fall is no accident."""
SHARE_N_MIN: Final = 10
"""Below this n only counts are shown: a share of five says nothing and names somebody."""
LIVING_DAYS: Final = 90
"""A pair lives when it had a direct contact within so many days."""
MONTHS: Final = 3
"""Whole months of the default windows."""
TAILS_REMEMBERED_MAX: Final = 4_096
"""Tails kept: one figure is asked for its verdict, its p and the adjusted one."""
_Z: Final = 1.959963984540054
"""97.5 % quantile of the normal distribution: a 95 % interval."""

Dimension = Literal["administration", "organisation"]
Verdict = Literal["alarm", "weak_evidence", "ok", "no_baseline", "too_few"]
Json = dict[str, Any]


class Row(NamedTuple):
    """One held contact as one pair has it; days are ISO dates, the organisation may be empty."""

    contact: str
    administration: str
    organisation: str
    first_day: str
    last_day: str
    channel: str
    direction: str
    roles: int = 1
    """Bit 1: named as the contact's organisation; bit 2: somebody spoke for it by name."""
    number: int = 0


class Window(NamedTuple):
    """Calendar days as ISO dates, both included."""

    first: str
    last: str

    def holds(self, first: str, last: str) -> bool:
        """Return whether a span of days lies wholly inside."""
        return self.first <= first and last <= self.last

    def meets(self, first: str, last: str) -> bool:
        """Return whether a span of days has any day in common with the window."""
        return first <= self.last and self.first <= last


class Windows(NamedTuple):
    """What is compared: the baseline and the follow-up."""

    baseline: Window
    follow_up: Window


def default_windows(today: date) -> Windows:
    """Return the last three whole months before `today`'s month, and the same a year before."""
    last = today.replace(day=1) - timedelta(days=1)
    month = last.year * 12 + last.month - MONTHS
    first = date(month // 12, month % 12 + 1, 1)
    follow_up = Window(first.isoformat(), last.isoformat())
    return Windows(year_before(follow_up), follow_up)


def year_before(window: Window) -> Window:
    """Return the same calendar days a year before; a month's end stays a month's end."""
    following = date.fromisoformat(window.last) + timedelta(days=1)
    last = _year_earlier(following) - timedelta(days=1)
    return Window(_year_earlier(date.fromisoformat(window.first)).isoformat(), last.isoformat())


def _year_earlier(day: date) -> date:
    if (day.month, day.day) == (2, 29):
        return date(day.year - 1, 3, 1)
    return day.replace(year=day.year - 1)


def living_window(day: str) -> Window:
    """Return the 90 days up to and with `day`."""
    first = date.fromisoformat(day) - timedelta(days=LIVING_DAYS - 1)
    return Window(first.isoformat(), day)


# ── K5 ───────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=TAILS_REMEMBERED_MAX)
def binomial_tail(hits: int, trials: int, weight: int, other: int) -> float:
    """Return P(X <= hits) of X ~ Bin(trials, weight / (weight + other)), rounded only at the end.

    Every term is a whole number of ways, so nothing is lost however small the tail is.
    """
    common = gcd(weight, other)
    weight, other = weight // common, other // common
    if hits >= trials:
        return 1.0
    term = other**trials
    ways = term
    for k in range(hits):
        term = term * (trials - k) * weight // ((k + 1) * other)
        ways += term
    return float(ways / (weight + other) ** trials)


def holm(probabilities: Mapping[str, float]) -> dict[str, float]:
    """Return Holm's adjusted probability for each of several tests at once."""
    adjusted: dict[str, float] = {}
    least = 0.0
    ordered = sorted(probabilities.items(), key=lambda item: (item[1], item[0]))
    for place, (key, p) in enumerate(ordered):
        least = max(least, min(1.0, p * (len(ordered) - place)))
        adjusted[key] = least
    return adjusted


@dataclass(frozen=True, slots=True)
class Drop:
    """How often there was direct contact in both windows, and what that says (K5)."""

    baseline: int
    follow_up: int
    working_days_baseline: int
    working_days_follow_up: int

    @property
    def tested(self) -> bool:
        """Whether there is a baseline, and enough to say more than the counts."""
        return self.baseline > 0 and self.baseline + self.follow_up >= SHARE_N_MIN

    @property
    def rho(self) -> float | None:
        """Follow-up's rate per working day as a share of the baseline's."""
        if not self.tested:
            return None
        follow_up = self.follow_up * self.working_days_baseline
        return follow_up / (self.baseline * self.working_days_follow_up)

    @property
    def p(self) -> float | None:
        """Probability of so few in the follow-up if the rates were equal."""
        if not self.tested:
            return None
        return binomial_tail(
            self.follow_up,
            self.baseline + self.follow_up,
            self.working_days_follow_up,
            self.working_days_baseline,
        )

    @property
    def fallen(self) -> bool:
        """Whether rho is below 0.90, decided in whole numbers."""
        follow_up = 100 * self.follow_up * self.working_days_baseline
        return follow_up < ALARM_RHO_PERCENT * self.baseline * self.working_days_follow_up

    @property
    def verdict(self) -> Verdict:
        """What it comes to; without a baseline never `ok`."""
        if self.baseline == 0:
            return "no_baseline"
        if not self.tested:
            return "too_few"
        if not self.fallen:
            return "ok"
        return "alarm" if (self.p or 0.0) < ALARM_P else "weak_evidence"


# ── shares ───────────────────────────────────────────────────────────────────────────────────────


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Return the Wilson 95 % interval of a share; `whole` must not be 0."""
    share, square = part / whole, _Z * _Z
    centre = share + square / (2 * whole)
    spread = _Z * sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    low, high = (centre - spread) / (1 + square / whole), (centre + spread) / (1 + square / whole)
    return (low if part else 0.0), (high if part < whole else 1.0)


def share(part: int, whole: int) -> Json:
    """Return a share with its n and interval; below n = 10 the counts only."""
    shown: Json = {"count": part, "n": whole, "share": None, "low": None, "high": None}
    if whole >= SHARE_N_MIN:
        low, high = wilson(part, whole)
        shown |= {"share": shown_number(part / whole)}
        shown |= {"low": shown_number(low), "high": shown_number(high)}
    return shown


def shown_number(value: float) -> float:
    """Return a figure as it is shown: six significant digits, the same on every machine."""
    return float(f"{value:.6g}")


# ── from rows to counts ──────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Period:
    """What one administration (or organisation) had in one window."""

    pair_days: set[tuple[str, str, str]] = field(default_factory=set)
    """Other side, first day, last day: a contact known to its month is one pair-day of it."""
    spoken_only: set[tuple[str, str, str]] = field(default_factory=set)
    straddling: set[str] = field(default_factory=set)
    """Direct contacts whose span crosses the window's edge: they may lie outside."""
    unnamed: set[str] = field(default_factory=set)
    """Direct contacts that name no organisation (to an audience): no pair can be counted."""
    inbound_direct: set[str] = field(default_factory=set)
    inbound_entry: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Pair:
    """Both windows of one administration (or organisation)."""

    baseline: Period = field(default_factory=Period)
    follow_up: Period = field(default_factory=Period)


def gather(rows: Iterable[Row], windows: Windows, by: Dimension) -> dict[str, Pair]:
    """Return what each administration (or organisation) had in both windows."""
    found: dict[str, Pair] = {}
    for row in rows:
        key, other = (
            (row.administration, row.organisation)
            if by == "administration"
            else (row.organisation, row.administration)
        )
        if not key:
            continue
        for window, name in zip(windows, ("baseline", "follow_up"), strict=True):
            if window.meets(row.first_day, row.last_day):
                pair = found.setdefault(key, Pair())
                _count(pair.baseline if name == "baseline" else pair.follow_up, row, other, window)
    for pair in found.values():
        for period in (pair.baseline, pair.follow_up):
            period.spoken_only -= period.pair_days
            period.pair_days |= period.spoken_only
    return found


def _count(period: Period, row: Row, other: str, window: Window) -> None:
    direct = row.channel == "direct"
    if not window.holds(row.first_day, row.last_day):
        if direct:
            period.straddling.add(row.contact)
        return
    if row.direction == "inbound":
        (period.inbound_direct if direct else period.inbound_entry).add(row.contact)
    if not direct:
        return
    if not row.organisation:
        period.unnamed.add(row.contact)
    elif row.roles & 1:
        period.pair_days.add((other, row.first_day, row.last_day))
    else:
        period.spoken_only.add((other, row.first_day, row.last_day))


def living_pairs(rows: Iterable[Row], day: str) -> set[tuple[str, str]]:
    """Return the pairs (administration, organisation) with a direct contact in the last 90 days."""
    window = living_window(day)
    return {
        (row.administration, row.organisation)
        for row in rows
        if row.organisation
        and row.channel == "direct"
        and window.holds(row.first_day, row.last_day)
    }


class Account(NamedTuple):
    """An account of being turned away, as counting needs it."""

    account_id: str
    about: str | None
    position: int


def attempts(accounts: Sequence[Account]) -> dict[str, str]:
    """Return for each account the first recorded one that tells of the same attempt.

    Accounts are of one attempt when one is about the other, or both are about the same one, which
    may since have been withdrawn.
    """
    roots: dict[str, str] = {}

    def root(key: str) -> str:
        while roots.get(key, key) != key:
            key = roots[key]
        return key

    for account in accounts:
        if account.about is not None:
            roots[root(account.account_id)] = root(account.about)
    first: dict[str, str] = {}
    for account in sorted(accounts, key=lambda each: each.position):
        first.setdefault(root(account.account_id), account.account_id)
    return {each.account_id: first[root(each.account_id)] for each in accounts}
