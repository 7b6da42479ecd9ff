"""The indicator that direct contact is not hindered (K5, K5b, K6, K7 of domain.md 5.2).

The memo of 2010 asks that the one entry point must not hinder direct contact (Dokumentnr.
2010-140582). Here that becomes figures per administration or organisation: two windows compared, an
alarm when direct contact fell by more than chance, and with every figure the query that opens
exactly the contacts behind it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from domain.calendar import WorkingCalendar
from domain.errors import Fault, Refused
from projections.direct_accounts import Attempt, told_attempts
from projections.direct_standing import (
    Json,
    Refs,
    Seen,
    Standing,
    contacts_url,
    meeting,
    rows,
    standing,
    url,
    within,
)
from projections.direct_statistics import (
    ALARM_P,
    ALARM_RHO_PERCENT,
    FORMULAS,
    LIVING_DAYS,
    SHARE_N_MIN,
    Dimension,
    Drop,
    Pair,
    Period,
    Row,
    Window,
    Windows,
    gather,
    holm,
    living_pairs,
    living_window,
    share,
    shown_number,
)
from projections.parties import in_order
from projections.storage import Reader

ATTEMPTS_LISTED_MAX: Final = 100
"""Attempts listed with one figure; the link opens all."""
ALARMING: Final = frozenset({"alarm", "weak_evidence"})
TURNED_AWAY_PATH: Final = "/v1/direct-contact/turned-away"


@dataclass(frozen=True, slots=True)
class IndicatorQuery:
    """What is compared, split by which side, among which parties, on which calendar."""

    windows: Windows
    by: Dimension
    calendar: WorkingCalendar
    administrations: frozenset[str] | None = None
    organisations: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """Everything the figures of one party are made from."""

    seen: Seen
    query: IndicatorQuery
    refs: Refs
    days: tuple[int, int]
    """Working days of baseline and follow-up."""
    filters: Mapping[str, list[str]]
    """Parties the question is limited to, for the links."""
    direct_all: int
    living: tuple[set[tuple[str, str]], set[tuple[str, str]]]
    attempts: Sequence[Attempt]


def indicator(reader: Reader, seen: Seen, query: IndicatorQuery) -> Json:
    """Return the figures of every administration (or organisation) within the asker's sight.

    Raises Refused for windows that overlap, or without a working day.
    """
    days = _working_days(query)
    windows = query.windows
    held = standing(reader, seen, windows.follow_up.last)
    found = _rows(reader, seen, held, query)
    counted = gather(found, windows, query.by)
    attempts = [a for a in told_attempts(reader, seen, held) if _within(a, held, query)]
    living = (
        living_pairs(found, windows.baseline.last),
        living_pairs(found, windows.follow_up.last),
    )
    keys = _keys(counted, attempts, living, query)
    named = keys | {party for pairs in living for pair in pairs for party in pair}
    named |= {party for a in attempts for side in _SIDES for party in a.of(side)}
    named |= _mapped(held, named)
    refs = Refs(reader, seen, windows.follow_up.last, named)
    direct_all = sum(len(pair.follow_up.pair_days) for pair in counted.values())
    filters = _filters(held, query)
    asked = _Asked(seen, query, refs, days, filters, direct_all, living, attempts)
    return _answer(asked, held, keys, counted)


_SIDES: Final = ("administration", "organisation")


def _working_days(query: IndicatorQuery) -> tuple[int, int]:
    baseline, follow_up = query.windows
    if baseline.meets(*follow_up):
        raise Refused("invalid_input", [Fault("/baseline_to", "invalid_input")])
    counts = [
        query.calendar.working_days_within(
            date.fromisoformat(window.first),
            date.fromisoformat(window.last) + timedelta(days=1),
        )
        for window in query.windows
    ]
    for days, name in zip(counts, ("/baseline_from", "/from"), strict=True):
        if days == 0:
            raise Refused("invalid_input", [Fault(name, "invalid_input")])
    return counts[0], counts[1]


def _rows(reader: Reader, seen: Seen, held: Standing, query: IndicatorQuery) -> list[Row]:
    ends = [living_window(window.last) for window in query.windows]
    ours, theirs = query.administrations, query.organisations
    conditions = [
        *within("administration", None if ours is None else held.family(ours)),
        *within("organisation", None if theirs is None else held.family(theirs)),
        meeting([*query.windows, *ends]),
    ]
    return rows(reader, seen, held, conditions)


def _within(attempt: Attempt, held: Standing, query: IndicatorQuery) -> bool:
    return all(
        wanted is None or not attempt.of(name).isdisjoint(held.of(party) for party in wanted)
        for name, wanted in zip(_SIDES, (query.administrations, query.organisations), strict=True)
    )


def _keys(
    counted: Mapping[str, Pair],
    attempts: Iterable[Attempt],
    living: tuple[set[tuple[str, str]], set[tuple[str, str]]],
    query: IndicatorQuery,
) -> set[str]:
    place = _SIDES.index(query.by)
    keys = {*counted} | {pair[place] for pairs in living for pair in pairs}
    windows = query.windows
    for attempt in attempts:
        if attempt.counted(windows.baseline) or attempt.counted(windows.follow_up):
            keys |= attempt.of(query.by)
    return keys


def _mapped(held: Standing, parties: set[str]) -> set[str]:
    return {before for before, heir in held.stands.items() if heir in parties}


def _filters(held: Standing, query: IndicatorQuery) -> dict[str, list[str]]:
    """Return the limits of the question as links repeat them."""
    limits = zip(_SIDES, (query.administrations, query.organisations), strict=True)
    return {
        name: sorted({held.of(party) for party in wanted})
        for name, wanted in limits
        if wanted is not None
    }


def _answer(asked: _Asked, held: Standing, keys: set[str], counted: Mapping[str, Pair]) -> Json:
    query, refs = asked.query, asked.refs
    drops = {key: _drop(counted.get(key, Pair()), asked.days) for key in keys}
    adjusted = holm({key: drop.p or 0.0 for key, drop in drops.items() if drop.tested})
    ordered = sorted(keys, key=lambda key: (in_order(refs.name(key)), key))
    mapped = sorted(_mapped(held, keys), key=lambda party: (in_order(refs.name(party)), party))
    return {
        "by": query.by,
        "formulas": FORMULAS,
        "profile": query.calendar.profile.code,
        "baseline": _window(query.windows.baseline, asked.days[0]),
        "follow_up": _window(query.windows.follow_up, asked.days[1]),
        "rules": {
            "alarm_rho_below": ALARM_RHO_PERCENT / 100,
            "alarm_p_below": ALARM_P,
            "shares_from_n": SHARE_N_MIN,
            "living_days": LIVING_DAYS,
        },
        "tested": len(adjusted),
        "alarms": sum(drop.verdict == "alarm" for drop in drops.values()),
        "rows": [
            {
                query.by: refs(key),
                "K5": _k5(asked, key, counted.get(key, Pair()), drops[key], adjusted.get(key)),
                "K5b": _k5b(asked, key, counted.get(key, Pair())),
                "K6": _k6(asked, key, counted.get(key, Pair())),
                "K7": _k7(asked, key),
            }
            for key in ordered
        ],
        "breaks": [{"party": refs(party), "counted_as": refs(held.of(party))} for party in mapped],
    }


def _window(window: Window, days: int) -> Json:
    return {"from": window.first, "to": window.last, "working_days": days}


def _drop(pair: Pair, days: tuple[int, int]) -> Drop:
    return Drop(len(pair.baseline.pair_days), len(pair.follow_up.pair_days), *days)


def _link(asked: _Asked, key: str, window: Window, **more: str) -> str:
    return contacts_url(asked.seen, window, _sides_of(asked, key), **more)


def _sides_of(asked: _Asked, key: str) -> dict[str, str | list[str]]:
    return {**asked.filters, asked.query.by: key}


def _k5(asked: _Asked, key: str, pair: Pair, drop: Drop, adjusted: float | None) -> Json:
    """Return direct contact not falling, with both windows' counts and their links."""
    windows = asked.query.windows
    return {
        "formula": FORMULAS["K5"],
        "baseline": _counts(asked, key, pair.baseline, windows.baseline),
        "follow_up": _counts(asked, key, pair.follow_up, windows.follow_up),
        "rho": _shown(drop.rho),
        "p": _shown(drop.p),
        "p_holm": _shown(adjusted),
        "verdict": drop.verdict,
    }


def _counts(asked: _Asked, key: str, period: Period, window: Window) -> Json:
    """Return pair-days, and what was left out of them and why."""
    return {
        "pair_days": len(period.pair_days),
        "spoken_for_only": len(period.spoken_only),
        "contacts_url": _link(asked, key, window, channel="direct"),
        "left_out": {
            "straddling": len(period.straddling),
            "straddling_url": _link(asked, key, window, channel="direct", select="straddling"),
            "without_organisation": len(period.unnamed),
            "without_organisation_url": _link(
                asked, key, window, channel="direct", select="unnamed"
            ),
        },
    }


def _k5b(asked: _Asked, key: str, pair: Pair) -> Json:
    """Return the share of all direct contact, and of what came in which part came directly."""
    window, period = asked.query.windows.follow_up, pair.follow_up
    direct, entry = len(period.inbound_direct), len(period.inbound_entry)
    more = {"direction": "inbound", "select": "all"}
    return {
        "formula": FORMULAS["K5b"],
        "of_direct": share(len(period.pair_days), asked.direct_all),
        "inbound": share(direct, direct + entry),
        "inbound_direct": direct,
        "inbound_direct_url": _link(asked, key, window, channel="direct", **more),
        "inbound_entry_point": entry,
        "inbound_entry_point_url": _link(asked, key, window, channel="entry_point", **more),
    }


def _k6(asked: _Asked, key: str, pair: Pair) -> Json:
    """Return how open the direct door was: each attempt once, however many sides told of it."""
    window = asked.query.windows.follow_up
    own = [a for a in asked.attempts if key in a.of(asked.query.by)]
    counted = [attempt for attempt in own if attempt.counted(window)]
    kinds = [{told.kind for told in attempt.standing} for attempt in counted]
    inbound = len(pair.follow_up.inbound_direct)
    asked_for = {**_sides_of(asked, key), "from": window.first, "to": window.last}
    return {
        "formula": FORMULAS["K6"],
        "turned_away": len(counted),
        "redirected": sum(found == {"redirected"} for found in kinds),
        "refused": sum("refused" in found for found in kinds),
        "accounts": sum(len(attempt.standing) for attempt in counted),
        "straddling": sum(attempt.straddles(window) for attempt in own),
        "inbound_direct": inbound,
        "attempts": inbound + len(counted),
        "open": share(inbound, inbound + len(counted)),
        "inbound_direct_url": _link(
            asked, key, window, channel="direct", direction="inbound", select="all"
        ),
        "turned_away_url": url(asked.seen, TURNED_AWAY_PATH, asked_for),
        "listed": [_brief(attempt) for attempt in counted[:ATTEMPTS_LISTED_MAX]],
    }


def _brief(attempt: Attempt) -> Json:
    return {
        "attempt": attempt.key,
        "occurred": {"from": attempt.standing[0].first_day, "to": attempt.standing[0].last_day},
        "kinds": sorted({told.kind for told in attempt.standing}),
        "accounts": [told.account.account_id for told in attempt.standing],
    }


def _k7(asked: _Asked, key: str) -> Json:
    """Return which living pairs were kept, and name those that were lost."""
    place = _SIDES.index(asked.query.by)
    before, after = ({pair for pair in pairs if pair[place] == key} for pairs in asked.living)
    windows = [living_window(window.last) for window in asked.query.windows]
    other = _SIDES[1 - place]
    lost = sorted(
        (pair[1 - place] for pair in before - after),
        key=lambda party: (in_order(asked.refs.name(party)), party),
    )
    return {
        "formula": FORMULAS["K7"],
        "kept": share(len(before & after), len(before)),
        "baseline": {"from": windows[0].first, "to": windows[0].last, "pairs": len(before)},
        "follow_up": {"from": windows[1].first, "to": windows[1].last, "pairs": len(after)},
        "baseline_url": _link(asked, key, windows[0], channel="direct"),
        "follow_up_url": _link(asked, key, windows[1], channel="direct"),
        "lost": [
            {
                other: asked.refs(party),
                "contacts_url": contacts_url(
                    asked.seen, windows[0], {asked.query.by: key, other: party}, channel="direct"
                ),
            }
            for party in lost
        ],
    }


def _shown(value: float | None) -> float | None:
    return None if value is None else shown_number(value)


def alarming(answer: Json) -> list[Json]:
    """Return the rows of an indicator that are an alarm or weak evidence, the surest first."""
    found = [row for row in answer["rows"] if row["K5"]["verdict"] in ALARMING]
    return sorted(found, key=lambda row: (row["K5"]["verdict"], row["K5"]["p"]))
