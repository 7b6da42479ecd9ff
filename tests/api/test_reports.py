"""Reports through the HTTP door: what is counted, split, limited, and known then."""

from typing import Any

import pytest

from domain.access import Role
from domain.imports import ImportFinished, ImportStarted
from tests.api.builders import Api, record


@pytest.fixture(scope="module")
def counted(shared_api: Api) -> tuple[Api, int]:
    """Four contacts: one of two organisations, one known to its year, one not reached."""
    shared_api.log(organisations=["KAB", "AAB"], occurred="2010-02-22")
    shared_api.log(occurred="2010-03", channel="entry_point", medium="email")
    shared_api.log(occurred="2010", administrations=["ØKF"])
    return shared_api, shared_api.log(occurred="2010-02-01", outcome="not_reached")["position"]


@pytest.mark.parametrize(
    ("params", "total", "rows"),
    [
        ({}, 3, [{"contacts": 3}]),
        ({"outcome": "any"}, 4, [{"contacts": 4}]),
        ({"outcome": "not_reached"}, 1, [{"contacts": 1}]),
        ({"by": "channel"}, 3, [("direct", 2), ("entry_point", 1)]),
        ({"by": "month"}, 3, [("2010-02", 1), ("2010-03", 1), (None, 1)]),
        ({"by": "organisation"}, 3, [("Arbejdernes Andels Boligforening", 1), ("KAB", 3)]),
        ({"by": "organisation", "sort": "-count", "limit": 1}, 3, [("KAB", 3)]),
        ({"organisation": "AAB"}, 1, [{"contacts": 1}]),
        ({"administration": "ØKF"}, 1, [{"contacts": 1}]),
        ({"from": "2010-03-01", "to": "2010-03-31", "medium": "email"}, 1, [{"contacts": 1}]),
        ({"channel": "entry_point"}, 1, [{"contacts": 1}]),
        ({"as_of_effective": "2010-02-28"}, 2, [{"contacts": 2}]),
    ],
)
def test_a_report_counts_distinct_contacts(
    counted: tuple[Api, int], params: dict[str, Any], total: int, rows: list[Any]
) -> None:
    api, at = counted
    report = api.seen("/v1/reports/contacts", at, **params).json()
    assert (report["total"], report["position"]) == (total, at)
    found = [
        row if "by" not in params else (_name(row[params["by"]]), row["contacts"])
        for row in report["rows"]
    ]
    assert found == rows


def _name(value: Any) -> Any:
    return value["name"] if isinstance(value, dict) else value


@pytest.mark.parametrize("by", ["", "ukendt", "month,year", "month,month", "month,"])
def test_a_report_that_cannot_be_meant_is_refused(shared_api: Api, by: str) -> None:
    answer = shared_api.get("/v1/reports/contacts", params={"by": by})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/query/by"


def test_a_report_is_the_same_as_it_was_known_then(api: Api) -> None:
    at = api.log()["position"]
    params = {"by": "month,organisation", "as_of_recorded": str(at)}
    before = api.get("/v1/reports/contacts", params=params)
    assert before.json()["total"] == 1
    api.log(occurred="2010-02-22")
    assert api.get("/v1/reports/contacts", params=params).content == before.content


def test_imports_are_listed_newest_first(api: Api) -> None:
    for number in (1, 2):
        record(
            api.services,
            ImportStarted(
                import_id=f"i{number}",
                source="møder.csv",
                file_name="møder.csv",
                file_sha256="a" * 64,
                file_bytes=10,
                mapping_sha256="b" * 64,
                mapping="{}",
            ),
        )
    at = record(
        api.services, ImportFinished(import_id="i1", file_sha256="a" * 64, report={"rows": 3})
    )
    items = api.as_role(Role.AUDITOR).items("/v1/imports", at)
    assert [(i["id"], i["status"]) for i in items] == [("i2", "started"), ("i1", "finished")]
    page = api.seen("/v1/imports", at, limit=1).json()
    rest = api.get("/v1/imports", params={"limit": 1, "cursor": page["next"]}).json()
    assert [*page["items"], *rest["items"]] == items
