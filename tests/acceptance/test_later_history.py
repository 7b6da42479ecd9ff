"""What came after the memo, as a stream of data: no line of code knows of these institutions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.main import open_services
from api.samples import player
from projections.registry import VIEWS
from projections.runner import Runner
from tests.api.builders import Api, running, settings_in

Json = dict[str, Any]
STREAM = Path(__file__).parent / "streams" / "later_history.toml"


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("later")
    services = open_services(settings_in(folder, followers="off"), writer=False)
    runner = Runner(services.log, services.codec, services.store, VIEWS)

    def catch_up(_: int) -> None:
        runner.catch_up()

    try:
        player.play(services, player.read_file(STREAM), catch_up)
    finally:
        services.close()
    with running(settings_in(folder)) as api:
        yield api


def agreements(api: Api, **params: Any) -> dict[str, Json]:
    answer = api.get("/v1/agreements", params=params)
    assert answer.status_code == 200, answer.text
    return {item["title"][-9:]: item for item in answer.json()["items"]}


def order(agreement: Json) -> list[str]:
    return [each["party"]["name"] for each in agreement["approvals"] if each["standing"]]


def test_each_agreement_has_its_own_order_of_approvals(later: Api) -> None:
    found = agreements(later)
    assert order(found["2011-2014"]) == [
        "BL's 1. kreds",
        "Samarbejdsforum",
        "Partnerskabsforum",
        "Borgerrepræsentationen",
    ]
    assert order(found["2015-2018"]) == [
        "Samarbejdsforum",
        "Partnerskabsforum",
        "BL's 1. kreds",
        "Borgerrepræsentationen",
    ]


def test_an_amended_agreement_waits_for_every_approval_anew(later: Api) -> None:
    agreement = agreements(later)["2024-2027"]
    assert agreement["status"] == "drafted"
    assert agreement["agreement_version"] == 2
    assert order(agreement) == []
    assert len(agreement["approvals"]) == 1


def test_what_is_in_force_follows_the_day(later: Api) -> None:
    def in_force(day: str) -> list[str]:
        found = agreements(later, as_of_effective=day)
        return [name for name, agreement in found.items() if agreement["in_force"]]

    assert in_force("2012-06-01") == ["2011-2014"]
    assert in_force("2016-06-01") == ["2015-2018"]
    assert in_force("2020-06-01") == []


def test_it_was_not_known_in_august_what_september_brought(later: Api) -> None:
    then = agreements(later, as_of_recorded="2010-08-31T12:00:00+02:00")["2011-2014"]
    assert order(then) == ["BL's 1. kreds", "Samarbejdsforum"]


def test_the_mayors_forum_was_replaced_in_2015(later: Api) -> None:
    (forum,) = later.get("/v1/forums").json()["items"]
    assert forum["status"] == "replaced"
    assert forum["replaced_by_text"].startswith("årlig redegørelse")
    (before,) = later.get(
        "/v1/forums", params={"as_of_recorded": "2014-12-31T12:00:00+01:00"}
    ).json()["items"]
    assert before["status"] == "established"


def test_a_name_changes_by_its_date(later: Api) -> None:
    def name(day: str) -> str:
        answer = later.get("/v1/parties", params={"key": "FA", "as_of_effective": day})
        (party,) = answer.json()["items"]
        return str(party["name"])

    assert name("2025-12-31") == "Forvaltning A"
    assert name("2026-01-01") == "Forvaltning B"
