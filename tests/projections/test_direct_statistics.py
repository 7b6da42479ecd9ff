"""The arithmetic of the indicator, against independent computations and the domain's examples."""

from datetime import date
from fractions import Fraction
from math import comb, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.direct_statistics import (
    Account,
    Drop,
    Row,
    Window,
    Windows,
    attempts,
    binomial_tail,
    default_windows,
    gather,
    holm,
    living_pairs,
    living_window,
    share,
    wilson,
    year_before,
)

WINDOWS = Windows(Window("2009-01-01", "2009-03-31"), Window("2010-01-01", "2010-03-31"))


@pytest.mark.parametrize(
    ("baseline", "follow_up", "p", "verdict"),
    [
        (240, 192, 0.012, "alarm"),
        (120, 96, 0.059, "weak_evidence"),
        (20, 16, 0.31, "weak_evidence"),
        (20, 18, 0.436, "ok"),
        (0, 50, None, "no_baseline"),
        (0, 0, None, "no_baseline"),
        (5, 4, None, "too_few"),
        (5, 5, 0.623, "ok"),
        (10, 0, 0.00098, "alarm"),
    ],
)
def test_the_examples_of_the_domain_hold(
    baseline: int, follow_up: int, p: float | None, verdict: str
) -> None:
    drop = Drop(baseline, follow_up, 62, 62)
    assert drop.verdict == verdict
    if p is None:
        assert (drop.p, drop.rho) == (None, None)
    else:
        assert drop.p is not None and isclose(drop.p, p, rel_tol=0.05)
        assert drop.rho == follow_up / baseline


@pytest.mark.parametrize(("follow_up", "fallen"), [(180, False), (179, True), (181, False)])
def test_exactly_nine_tenths_has_not_fallen(follow_up: int, fallen: bool) -> None:
    assert Drop(200, follow_up, 60, 60).fallen is fallen
    assert Drop(200, 2 * follow_up, 30, 60).fallen is fallen


def test_rates_are_per_working_day() -> None:
    drop = Drop(120, 110, 60, 66)
    assert drop.rho is not None and isclose(drop.rho, (110 / 66) / (120 / 60))
    assert drop.verdict == "weak_evidence"


def by_fractions(hits: int, trials: int, weight: int, other: int) -> Fraction:
    """The same tail from its definition, in fractions."""
    chance = Fraction(weight, weight + other)
    return sum(
        (comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(hits + 1)),
        Fraction(),
    )


@given(st.integers(0, 120), st.integers(0, 120), st.integers(1, 300), st.integers(1, 300))
def test_the_tail_is_the_binomial_one(a: int, b: int, weight: int, other: int) -> None:
    exact = by_fractions(b, a + b, weight, other)
    assert binomial_tail(b, a + b, weight, other) == float(exact)


def test_a_tail_far_out_is_not_rounded_away() -> None:
    assert binomial_tail(0, 1_000, 1, 1) == 2.0**-1000
    assert isclose(binomial_tail(4_999, 10_000, 1, 1), 0.496010672, rel_tol=1e-6)


def test_holm_adjusts_step_by_step() -> None:
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert {k: round(p, 10) for k, p in adjusted.items()} == {
        "d": 0.02,
        "a": 0.03,
        "c": 0.06,
        "b": 0.06,
    }
    assert holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}
    assert holm({}) == {}


def test_wilson_is_the_textbook_interval() -> None:
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)  # Newcombe 1998, table I
    low, high = wilson(0, 20)
    assert (low, round(high, 4)) == (0.0, 0.1611)
    assert wilson(10, 10)[1] == 1.0


@pytest.mark.parametrize(("whole", "told"), [(9, False), (10, True)])
def test_below_ten_only_counts_are_shown(whole: int, told: bool) -> None:
    shown = share(4, whole)
    assert (shown["count"], shown["n"]) == (4, whole)
    assert all((shown[name] is not None) is told for name in ("share", "low", "high"))


@pytest.mark.parametrize(
    ("today", "baseline", "follow_up"),
    [
        ("2010-06-15", ("2009-03-01", "2009-05-31"), ("2010-03-01", "2010-05-31")),
        ("2010-01-01", ("2008-10-01", "2008-12-31"), ("2009-10-01", "2009-12-31")),
        ("2012-03-31", ("2010-12-01", "2011-02-28"), ("2011-12-01", "2012-02-29")),
        ("2013-03-01", ("2011-12-01", "2012-02-29"), ("2012-12-01", "2013-02-28")),
    ],
)
def test_default_windows_are_three_whole_months_and_the_same_a_year_before(
    today: str, baseline: tuple[str, str], follow_up: tuple[str, str]
) -> None:
    assert default_windows(date.fromisoformat(today)) == (baseline, follow_up)


def test_a_year_before_keeps_days_that_exist() -> None:
    assert year_before(Window("2012-02-29", "2012-03-15")) == ("2011-03-01", "2011-03-15")


def test_ninety_days_end_on_the_day() -> None:
    assert living_window("2010-03-31") == ("2010-01-01", "2010-03-31")


def row(contact: str, organisation: str, first: str, last: str | None = None, **more: str) -> Row:
    given = {"channel": "direct", "direction": "inbound", "roles": "1"} | more
    days = (first, last or first)
    roles = int(given["roles"])
    return Row(contact, "TMF", organisation, *days, given["channel"], given["direction"], roles)


def test_a_pair_has_a_day_once_however_often_it_was_called() -> None:
    rows = [
        row("1", "KAB", "2010-02-01"),
        row("2", "KAB", "2010-02-01", direction="outbound"),
        row("3", "AAB", "2010-02-01"),
        row("4", "KAB", "2010-02-01", channel="entry_point"),
        row("5", "KAB", "2010-02-02", roles="2"),
        row("6", "KAB", "2010-02-01", roles="2"),
    ]
    period = gather(rows, WINDOWS, "administration")["TMF"].follow_up
    assert len(period.pair_days) == 3
    assert period.spoken_only == {("KAB", "2010-02-02", "2010-02-02")}
    assert (period.inbound_direct, period.inbound_entry) == ({"1", "3", "5", "6"}, {"4"})
    mine = gather(rows, WINDOWS, "organisation")
    assert len(mine["KAB"].follow_up.pair_days) == 2


def test_a_coarse_time_counts_only_when_it_lies_wholly_inside() -> None:
    rows = [
        row("1", "KAB", "2010-02-01", "2010-02-28"),
        row("2", "KAB", "2010-02-01", "2010-02-28"),
        row("3", "KAB", "2010-03-29", "2010-04-04"),
        row("4", "", "2010-02-03"),
    ]
    period = gather(rows, WINDOWS, "administration")["TMF"].follow_up
    assert period.pair_days == {("KAB", "2010-02-01", "2010-02-28")}
    assert (period.straddling, period.unnamed) == ({"3"}, {"4"})
    assert "" not in gather(rows, WINDOWS, "organisation")
    assert living_pairs(rows, "2010-03-31") == {("TMF", "KAB")}
    assert living_pairs(rows[2:], "2010-03-31") == set()


def test_an_attempt_told_by_both_sides_is_one_attempt() -> None:
    told = [
        Account("a", None, 1),
        Account("b", "a", 2),
        Account("c", None, 3),
        Account("d", "gone", 4),
        Account("e", "gone", 5),
    ]
    assert attempts(told) == {"a": "a", "b": "a", "c": "c", "d": "d", "e": "d"}
    assert attempts([Account("x", "y", 1), Account("y", "x", 2)]) == {"x": "x", "y": "x"}
