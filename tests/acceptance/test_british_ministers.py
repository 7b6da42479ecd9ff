"""Two British registers through the running service: three departments, and 34 raw files."""

import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from tests.acceptance.conftest import Start
from tests.acceptance.service import MAPPINGS, Desk, Json, Service

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(900)]

FILE: Final = "uk_ministers_meetings_3_departments.csv.gz"
NOT_HELD: Final = {
    "columns": "the log holds contacts, not the file; its mapping names the columns used",
    "rows_by_month_month_precision_only_top5": "counts rows; the log holds meetings",
    "encoding": "asked as `report.encoding`: ASCII is read as the UTF-8 it is",
    "line_end": "of no consequence for a contact",
    "first_row": "the header; its columns stand in the mapping kept with the import",
    "rows_first_cell_blank": "filled down: no meeting is without its minister",
    "max_columns": "spare columns hold nothing",
}
"""Answers about rows and bytes of the files, which are not facts about meetings."""


def test_every_answer_of_the_registers_is_asked_or_explained(oracles: dict[str, Any]) -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    asked = set(re.findall(r'(?:truth|file)\["(\w+)"\]', source))
    of_one_file = next(iter(oracles["uk_cabinet_office/"].values()))
    assert asked | set(NOT_HELD) == set(oracles[FILE]) | set(of_one_file)


# ── three departments ────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def departments(start: Start, shared_data: Path) -> Service:
    service = start()
    mapping = MAPPINGS / "uk_three_departments.toml"
    done, (report,) = service.load(mapping, shared_data / "contacts" / FILE)
    assert (done.code, report["rows_refused"], report["skipped"]) == (0, 0, {})
    return service


@pytest.fixture
def desk(departments: Service) -> Desk:
    return departments.auditor


@pytest.fixture(scope="module")
def meetings(departments: Service) -> list[Json]:
    return departments.auditor.contacts()


@pytest.fixture
def truth(oracles: dict[str, Any]) -> Any:
    return oracles[FILE]


def names(contact: Json) -> list[str]:
    return [party["name"] for party in contact["organisations"]]


def test_meetings_by_department_and_year(desk: Desk, meetings: list[Json], truth: Json) -> None:
    assert desk.total() == len(meetings) == truth["meetings_distinct_id"]
    assert desk.counts("administration") == truth["meetings_by_department"]
    assert desk.counts("year") == truth["meetings_by_year"]


def test_a_month_stays_a_month(desk: Desk, meetings: list[Json], truth: Json) -> None:
    (item,) = desk.get("/v1/imports")["items"]
    rows = item["report"]["rows_by_precision"]
    assert item["report"]["rows_read"] == truth["rows"]
    assert rows["month"] == truth["rows_month_precision"]
    assert rows["day"] == truth["rows_day_precision"]
    by_precision = desk.counts("precision")
    assert by_precision == Counter(each["occurred"]["precision"] for each in meetings)
    assert by_precision == item["report"]["contacts_by_precision"]
    assert set(by_precision) == {"month", "day"}, "no end that differs from its start"
    assert truth["rows_where_end_differs_from_start"] == 0
    # No day is made up: in a report by day the months stand under none.
    days = desk.counts("day")
    assert days[None] == by_precision["month"]
    assert sum(days.values()) == len(meetings)
    assert None not in desk.counts("month")


def test_organisations_met(desk: Desk, meetings: list[Json], truth: Json) -> None:
    met = desk.counts("organisation", sort="-count")
    assert len(met) == truth["distinct_organisations_trimmed"]
    told = truth["top10_organisations_by_meetings"]
    assert [[name, met[name]] for name, _ in told] == told
    assert list(met.values())[:10] == [count for _, count in told]
    assert met == Counter(name for meeting in meetings for name in names(meeting))


def test_the_largest_meeting(meetings: list[Json], truth: Json) -> None:
    largest = max(meetings, key=lambda meeting: len(meeting["organisations"]))
    assert [largest["source"]["id"], len(set(names(largest)))] == truth["largest_meeting"]


def test_meetings_with_three_or_more_organisations(meetings: list[Json], truth: Json) -> None:
    """The answer told takes a blank cell for an organisation, once; the log names nobody there."""
    several = sum(len(meeting["organisations"]) >= 3 for meeting in meetings)
    assert several == truth["meetings_with_3_or_more_organisations"] - 1


def test_meetings_with_organisations_of_housing(desk: Desk, truth: Json) -> None:
    parties = desk.every("/v1/parties", q="housing", kind="organisation")
    assert all("housing" in party["name"].casefold() for party in parties)
    ids = [party["id"] for party in parties]
    told = truth["meetings_organisation_casefold_contains_housing"]
    assert len(desk.contacts(organisation=ids)) == told
    assert desk.total(organisation=ids) == told


def test_every_published_file_is_named(meetings: list[Json], truth: Json) -> None:
    files = {line for meeting in meetings for line in meeting["facts"].split("\n")}
    assert len(files) == truth["distinct_source_files"]


# ── the 34 raw files ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def cabinet_office(start: Start, shared_data: Path) -> Service:
    service = start()
    files = sorted((shared_data / "contacts" / "uk_cabinet_office").glob("*.csv"))
    done, reports = service.load(MAPPINGS / "uk_cabinet_office.toml", *files)
    assert done.code == 1, "three rows have no date"
    assert sum(report["rows_refused"] for report in reports) == 3
    return service


@pytest.fixture(scope="module")
def imports(cabinet_office: Service) -> dict[str, Json]:
    """Each file's import as the service tells it."""
    items = cabinet_office.auditor.every("/v1/imports")
    return {item["file_name"]: item for item in items}


def test_every_file_is_told_with_its_rows(
    imports: dict[str, Json], oracles: dict[str, Any]
) -> None:
    files = oracles["uk_cabinet_office/"]
    assert set(imports) == set(files)
    for name, file in files.items():
        item, report = imports[name], imports[name]["report"]
        assert item["file_bytes"] == file["bytes"]
        assert report["rows_blank"] == file["blank_rows"], name
        header = 1
        nonblank = report["rows_read"] - report["rows_blank"] + header
        assert nonblank == file["nonblank_rows_including_header"], name
        assert report["skipped"].get("nil return", 0) == file["rows_with_nil_return"]
        is_old = "windows-1252" in file["encoding"]
        assert report["encoding"] == ("windows-1252" if is_old else "utf-8-sig"), name


def test_every_row_has_its_place(imports: dict[str, Json], cabinet_office: Service) -> None:
    reports = [item["report"] for item in imports.values()]
    for told in reports:
        in_contacts = told["contacts_made"] + told["contacts_present"] + told["contacts_changed"]
        left_out = told["rows_blank"] + told["rows_refused"] + sum(told["skipped"].values())
        assert told["rows_read"] == in_contacts + told["rows_merged"] + left_out
    made = sum(told["contacts_made"] for told in reports)
    assert cabinet_office.auditor.total() == made
    refused = sum((Counter(told["refused"]) for told in reports), Counter[str]())
    assert refused == {"missing:time": 3}


def test_no_minister_is_lost_and_no_letter_broken(cabinet_office: Service) -> None:
    meetings = cabinet_office.auditor.contacts()
    assert all(meeting["participants"][0]["name"] for meeting in meetings)
    assert not any("\ufffd" in str(meeting) for meeting in meetings)
    assert set(cabinet_office.auditor.counts("year")) == {"2011", "2012", "2013", "2014"}
    (quarter,) = [m for m in meetings if m["occurred"]["text"] == "Apr/Jun"]
    assert quarter["occurred"]["precision"] in {"quarter", "range"}


def test_the_files_again_make_nothing_new(cabinet_office: Service, shared_data: Path) -> None:
    desk = cabinet_office.auditor
    head, meetings = desk.log_head(), desk.contacts()
    files = sorted((shared_data / "contacts" / "uk_cabinet_office").glob("*.csv"), reverse=True)
    done, reports = cabinet_office.load(MAPPINGS / "uk_cabinet_office.toml", *files)
    assert (done.code, {report["contacts_made"] for report in reports}) == (1, {0})
    assert (desk.log_head(), desk.contacts()) == (head, meetings)
