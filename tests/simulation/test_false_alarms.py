"""How often the indicator cries wolf, and how often it sees the wolf: pure statistics, no store."""

from datetime import date, timedelta

import pytest

from domain.calendar import WorkingCalendar
from projections.direct_statistics import (
    Drop,
    Row,
    Window,
    Windows,
    default_windows,
    gather,
)
from tests.simulation.year import (
    ADMINISTRATIONS,
    ASKED_ON,
    BASELINE,
    FOLLOW_UP,
    HIT,
    Change,
    make,
    pair_days,
    truth,
)

SEEDS = range(100, 120)


def drops(seed: int, change: Change) -> dict[str, Drop]:
    """K5 of each administration in one year, by the product's statistics over the year's truth."""
    facts = truth(make(seed, change, whole_year=False))
    windows = Windows(*(Window(*map(date.isoformat, span)) for span in (BASELINE, FOLLOW_UP)))
    found = gather(
        [
            Row(
                f.contact,
                f.administration,
                f.organisation,
                f.first,
                f.last,
                f.channel,
                f.direction,
                f.roles,
            )
            for f in facts
        ],
        windows,
        "administration",
    )
    calendar = WorkingCalendar()
    days = [
        calendar.working_days_within(first, last + timedelta(days=1))
        for first, last in (BASELINE, FOLLOW_UP)
    ]
    for name in ADMINISTRATIONS:
        counted = (len(found[name].baseline.pair_days), len(found[name].follow_up.pair_days))
        assert counted == (pair_days(facts, name, BASELINE), pair_days(facts, name, FOLLOW_UP))
    return {
        name: Drop(len(found[name].baseline.pair_days), len(found[name].follow_up.pair_days), *days)
        for name in ADMINISTRATIONS
    }


def test_the_windows_of_the_year_are_the_default_ones() -> None:
    windows = default_windows(date.fromisoformat(ASKED_ON))
    assert windows == tuple(tuple(map(date.isoformat, span)) for span in (BASELINE, FOLLOW_UP))


def test_a_fall_of_a_fifth_is_seen() -> None:
    found = drops(SEEDS[0], Change.FALL)
    assert [name for name in ADMINISTRATIONS if found[name].verdict == "alarm"] == [HIT]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_false_alarms_stay_near_the_nominal_five_per_cent() -> None:
    quiet = [drop for seed in SEEDS for drop in drops(seed, Change.NONE).values()]
    changed = [drops(seed, Change.FALL) for seed in SEEDS]
    beside = [found[name] for found in changed for name in ADMINISTRATIONS if name != HIT]
    for which in (quiet, beside):
        alarms = sum(drop.verdict == "alarm" for drop in which)
        print(f"{alarms} false alarms of {len(which)}")  # noqa: T201 - docs/direct-contact.md
        assert alarms / len(which) <= 0.10
    seen = sum(found[HIT].verdict == "alarm" for found in changed)
    print(f"{seen} of {len(SEEDS)} falls seen")  # noqa: T201 - as above
    assert seen >= len(SEEDS) - 2
