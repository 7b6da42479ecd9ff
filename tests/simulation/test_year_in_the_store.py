"""The simulated year through the real service: every figure is what the year's maker says it is."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.main import open_services
from domain.access import Role
from tests.api.builders import Api, running, settings_in
from tests.simulation.asked import (
    WINDOWS,
    differing,
    followed,
    forgetful,
    inbound,
    indicator,
    open_door,
    pairs_shown,
    rows,
)
from tests.simulation.loading import load
from tests.simulation.year import ADMINISTRATIONS, ASKED_ON, HIT, Change, Year, make, truth

Json = dict[str, Any]
SEED = 1
"""The first year without a false alarm; how often there is one: test_false_alarms.py."""


SMALL = make(7, Change.FALL, contacts=3_000, organisations=20, whole_year=False)


class Loaded:
    """A year in a store, and a service that answers about it."""

    def __init__(self, api: Api, year: Year, ids: dict[str, str]) -> None:
        self.api, self.year, self.ids = api, year, ids
        self.stands = {ids[name]: ids[into] for name, (into, _) in year.merges.items()}


def loaded(folder: Path, year: Year) -> Iterator[Loaded]:
    settings = settings_in(folder)
    services = open_services(settings, writer=False)
    try:
        started = time.perf_counter()
        ids = load(services, year)
        seconds = time.perf_counter() - started
        line = f"{len(year.contacts)} contacts, {services.log.head()} events in {seconds:.1f} s"
        print(line)  # noqa: T201 - `pytest -s` shows what docs/direct-contact.md tells
    finally:
        services.close()
    with running(settings) as api:
        yield Loaded(api, year, ids)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """A tenth of a year with the rule change: the months that are compared."""
    yield from loaded(tmp_path_factory.mktemp("year"), SMALL)


def test_pair_days_are_those_that_the_year_was_made_with(small: Loaded) -> None:
    assert differing(indicator(small.api), truth(small.year)) == []


@pytest.mark.parametrize(
    "forgotten",
    [
        "retractions",
        "merges",
        "corrections",
        "distinct days",
        "spoken for",
        "known to the month",
        "the other channel",
    ],
)
def test_an_indicator_that_forgets_one_thing_is_found_out(small: Loaded, forgotten: str) -> None:
    assert differing(indicator(small.api), forgetful(small.year)[forgotten]) != []


def test_the_door_counts_each_attempt_once(small: Loaded) -> None:
    for name, row in rows(indicator(small.api)).items():
        away, attempts = open_door(small.year, name)
        assert (row["K6"]["turned_away"], row["K6"]["attempts"]) == (away, attempts)
        assert (row["K6"]["open"]["count"], row["K6"]["open"]["n"]) == (attempts - away, attempts)
    assert open_door(small.year, HIT, once=False) != open_door(small.year, HIT)


def test_shares_are_of_contacts_that_came_in(small: Loaded) -> None:
    for name, row in rows(indicator(small.api)).items():
        assert row["K5b"]["inbound_direct"] == inbound(small.year, name, "direct")
        assert row["K5b"]["inbound_entry_point"] == inbound(small.year, name, "entry_point")


@pytest.mark.parametrize("by", ["administration", "organisation"])
def test_every_link_opens_exactly_what_was_counted(small: Loaded, by: str) -> None:
    answer = indicator(small.api, by=by)
    for row in answer["rows"][:8]:
        party = row[by]["id"]
        place = 0 if by == "administration" else 1
        for window in ("baseline", "follow_up"):
            told = row["K5"][window]
            shown = pairs_shown(followed(small.api, told["contacts_url"]), small.stands)
            assert len({p for p in shown if p[place] == party}) == told["pair_days"]
            left = told["left_out"]
            assert len(followed(small.api, left["straddling_url"])) == left["straddling"]
            unnamed = followed(small.api, left["without_organisation_url"])
            assert len(unnamed) == left["without_organisation"] or by == "organisation"
        _check_doors(small, row)
        _check_pairs(small, row, place, party)


def _check_doors(small: Loaded, row: Json) -> None:
    shares, door = row["K5b"], row["K6"]
    assert len(followed(small.api, shares["inbound_direct_url"])) == shares["inbound_direct"]
    entry = followed(small.api, shares["inbound_entry_point_url"])
    assert len(entry) == shares["inbound_entry_point"]
    assert len(followed(small.api, door["inbound_direct_url"])) == door["inbound_direct"]
    attempts = followed(small.api, door["turned_away_url"])
    assert {each["attempt"] for each in attempts} == {each["attempt"] for each in door["listed"]}
    assert len(attempts) == door["turned_away"]


def _check_pairs(small: Loaded, row: Json, place: int, party: str) -> None:
    kept = row["K7"]
    living = []
    for window in ("baseline", "follow_up"):
        shown = pairs_shown(followed(small.api, kept[f"{window}_url"]), small.stands)
        living.append({pair[:2] for pair in shown if pair[place] == party})
        assert len(living[-1]) == kept[window]["pairs"]
    assert len(living[0] & living[1]) == kept["kept"]["count"]
    other = "organisation" if place == 0 else "administration"
    assert {each[other]["id"] for each in kept["lost"]} == {
        pair[1 - place] for pair in living[0] - living[1]
    }
    for each in kept["lost"]:
        assert followed(small.api, each["contacts_url"])


def test_a_small_year_is_no_more_than_weak_evidence_or_an_alarm(small: Loaded) -> None:
    answer = indicator(small.api)
    assert rows(answer)[HIT]["K5"]["verdict"] in {"weak_evidence", "alarm"}
    default = small.api.get("/v1/direct-contact/alarms", params={"as_of_effective": ASKED_ON})
    assert HIT in {item["administration"]["name"] for item in default.json()["items"]}


def test_whoever_sees_less_is_told_less(small: Loaded) -> None:
    name = small.year.organisations[0]
    own = small.api.as_role(Role.ORGANISATION, f"party:{small.ids[name]}")
    answer = indicator(own, by="organisation")
    assert (answer["scope"], [row["organisation"]["name"] for row in answer["rows"]]) == (
        "own",
        [name],
    )
    mine = rows(indicator(small.api, by="organisation"))[name]
    shown = answer["rows"][0]
    assert shown["K5"]["follow_up"]["pair_days"] == mine["K5"]["follow_up"]["pair_days"]
    split = rows(indicator(own))
    assert (
        sum(row["K5"]["follow_up"]["pair_days"] for row in split.values())
        == (mine["K5"]["follow_up"]["pair_days"])
    )
    councillor = indicator(small.api.as_role(Role.COUNCILLOR))
    assert (councillor["rows"], councillor["scope"]) == ([], "limited")


# ── the whole year ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture(
    scope="module",
    params=[
        Change.FALL,  # six administrations in which nothing changes are in it, too
        pytest.param(Change.NONE, marks=pytest.mark.proof_nightly),
        pytest.param(Change.MOVED, marks=pytest.mark.proof_nightly),
    ],
)
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Loaded]:
    """About 30,000 contacts in 2025, and the autumn of 2024; of the other years both autumns."""
    year = make(SEED, request.param, whole_year=request.param is Change.FALL)
    yield from loaded(tmp_path_factory.mktemp("whole"), year)


def line_of(row: Json, name: str) -> list[Any]:
    """One line of the table in docs/direct-contact.md."""
    drop, door = row["K5"], row["K6"]
    counts = [drop[window]["pair_days"] for window in ("baseline", "follow_up")]
    judged = [drop[figure] for figure in ("rho", "p", "p_holm", "verdict")]
    shares = [row["K5b"]["inbound"]["share"], door["open"]["share"], row["K7"]["kept"]["share"]]
    return [name, *counts, *judged, door["turned_away"], *shares]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_year_alarms_where_the_rule_changed_and_nowhere_else(whole: Loaded) -> None:
    answer = indicator(whole.api)
    assert differing(answer, truth(whole.year)) == []
    expected = set() if whole.year.change is Change.NONE else {HIT}
    found = rows(answer)
    alarms = {name for name, row in found.items() if row["K5"]["verdict"] == "alarm"}
    for name in ADMINISTRATIONS:
        door = found[name]["K6"]
        print(whole.year.change.value, *line_of(found[name], name))  # noqa: T201 - as above
        away, attempts = open_door(whole.year, name)
        assert (door["turned_away"], door["attempts"]) == (away, attempts)
    assert alarms == expected
    assert set(found) == set(ADMINISTRATIONS)
    if whole.year.change is Change.FALL:
        lost = {pair["organisation"]["name"] for pair in found[HIT]["K7"]["lost"]}
        assert lost & set(whole.year.silenced)
    default = whole.api.get("/v1/direct-contact/alarms", params={"as_of_effective": ASKED_ON})
    named = {i["administration"]["name"] for i in default.json()["items"]}
    assert expected <= named
    assert default.json()["follow_up"]["from"] == WINDOWS["from"]
