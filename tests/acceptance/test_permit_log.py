"""A Dutch permit log through the running service: cases as enquiries, answered from the inbox.

525 cases of 3,099 events, on SQLite and on PostgreSQL, by the shipped mapping. What was counted
elsewhere is asked over HTTP; the overdue cases of a past day are counted again here from the file.
"""

import csv
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql

from tests.acceptance.conftest import Start
from tests.acceptance.service import MAPPINGS, Desk, Json, Service, desk, new_token

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(900)]

FILE: Final = "receipt_part1.csv.gz"
MAPPING: Final = MAPPINGS / "nl_permit_receipt.toml"
CONFIRMATION: Final = "Confirmation of receipt"
MEDIA: Final = {
    "Internet": "portal_form",
    "Desk": "meeting_physical",
    "Post": "letter",
    "e-mail": "email",
}
ZONE: Final = ZoneInfo("Europe/Copenhagen")
NOT_HELD: Final = {
    "columns": "the log holds enquiries, not the file; its mapping names the columns used",
    "distinct_resources": "a resource is a role here; its ten busiest are asked",
    "cases_with_deadline": "the planned end is the deadline; `case:deadline` says the same or less",
}
PAST_DAYS: Final = ("2010-12-31", "2011-03-01", "2011-06-30", "2011-11-15", "2012-01-23")


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
)
def service(request: pytest.FixtureRequest, start: Start, shared_data: Path) -> Service:
    """The log imported while the server runs; what Danish municipalities promise does not count."""
    if request.param == "sqlite":
        found = start()
    else:
        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier("acceptance_nl")))
        found = start(server.url("acceptance_nl"))
    with entry_desk(found) as people:
        for code, clock in (("written_answer", "answer"), ("first_response", "first_response")):
            target = {"code": code, "name": code, "valid_from": "2000-01-01"}
            terms = {"clock": clock, "days": 7, "kinds": ["access_request"]}
            people.made("/v1/service-targets", target | {"terms": terms})
    done, (report,) = found.load(MAPPING, shared_data / "processes" / FILE)
    assert (done.code, report["rows_refused"], report["skipped"]) == (0, 0, {})
    return found


@contextmanager
def entry_desk(service: Service) -> Iterator[Desk]:
    token = new_token(service.environment, service.folder, "entry_desk")
    with desk(str(service.auditor.http.base_url), token) as people:
        yield people


@pytest.fixture
def officer(service: Service) -> Desk:
    return service.officer


@pytest.fixture(scope="module")
def truth(shared_data: Path) -> Any:
    found = json.loads((shared_data / "oracles.json").read_text(encoding="utf-8"))
    return found["processes"][f"processes/{FILE}"]


@pytest.fixture(scope="module")
def enquiries(service: Service) -> list[Json]:
    """Every enquiry, by cursor pages."""
    return service.officer.every("/v1/enquiries")


@pytest.fixture(scope="module")
def filed(service: Service) -> list[Json]:
    """Every contact that is no receipt: the activities filed on the enquiries."""
    return service.officer.contacts(direction="outbound")


def test_every_answer_of_the_log_is_asked_or_explained(truth: Json) -> None:
    asked = re.findall(r'truth\["(\w+)"\]', Path(__file__).read_text(encoding="utf-8"))
    assert set(asked) | set(NOT_HELD) == set(truth)


def counts(officer: Desk, by: str, **params: Any) -> dict[Any, int]:
    found = officer.get("/v1/enquiries/counts", by=by, **params)
    return {row[by]: row["count"] for row in found["rows"]}


def given(enquiry: Json) -> Json:
    """The deadline that came with a case."""
    (deadline,) = [each for each in enquiry["deadlines"] if each["code"] == "given"]
    return dict(deadline)


# ── how much there is ────────────────────────────────────────────────────────────────────────────


def test_how_much_there_is(officer: Desk, enquiries: list[Json], truth: Json) -> None:
    assert len(enquiries) == truth["cases"]
    assert officer.get("/v1/enquiries/counts")["total"] == truth["cases"]
    steps = truth["events_by_activity"][CONFIRMATION]
    assert officer.total() == truth["cases"] + truth["events"] - steps


def test_cases_by_channel_and_department(officer: Desk, truth: Json) -> None:
    by_channel = {word: counts(officer, "medium")[medium] for word, medium in MEDIA.items()}
    assert by_channel == truth["cases_by_channel"]
    received = {"channel": "entry_point", "direction": "inbound"}
    assert officer.counts("administration", **received) == truth["cases_by_department"]
    for name, cases in truth["cases_by_department"].items():
        found = officer.get("/v1/enquiries/counts", administration=name)
        assert found["total"] == cases


def test_importing_again_makes_nothing_new(
    service: Service, officer: Desk, shared_data: Path
) -> None:
    head = officer.log_head()
    done, (report,) = service.load(MAPPING, shared_data / "processes" / FILE)
    assert done.code == 0
    assert (report["enquiries_present"], report["contacts_present"]) == (525, 2574)
    assert (report["enquiries_made"], report["steps_made"], report["contacts_made"]) == (0, 0, 0)
    reminders = [e for e in entries_after(service.auditor, head) if "overdue" not in e["type"]]
    assert reminders == [], "only the policy of reminders may have written meanwhile"


def entries_after(auditor: Desk, position: int) -> list[Json]:
    """Every row of the log after a position, however many there are by now."""
    found: list[Json] = []
    while page := auditor.ask("/v1/log/entries", after=position, limit=200).json()["items"]:
        found += page
        position = page[-1]["position"]
    return found


# ── what was late, and what is open ──────────────────────────────────────────────────────────────


def test_cases_that_ended_late_and_cases_that_are_open(
    officer: Desk, enquiries: list[Json], truth: Json
) -> None:
    late, still = truth["cases_ended_after_planned_end"], truth["cases_without_enddate"]
    in_time = truth["cases"] - late - still
    states = counts(officer, "deadline")
    assert states == {"missed": late, "overdue": still, "met": in_time}
    assert states == Counter(given(each)["state"] for each in enquiries)
    assert len(officer.every("/v1/enquiries", deadline="missed")) == late
    assert len(officer.every("/v1/enquiries", deadline="overdue", open="true")) == still
    assert officer.get("/v1/enquiries/counts", open="true")["total"] == still
    assert truth["cases_without_planned_enddate"] == 0
    assert all(given(each)["due"].endswith("Z") for each in enquiries), "to the second"


@dataclass(frozen=True)
class Case:
    """A case as the file has it, read without the product."""

    started: datetime
    planned: datetime
    ended: datetime | None


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[Case]:
    found: dict[str, Case] = {}
    with gzip.open(shared_data / "processes" / FILE, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            end = row["case:enddate"]
            found[row["case:concept:name"]] = Case(
                datetime.fromisoformat(row["case:startdate"]),
                datetime.fromisoformat(row["case:enddate_planned"]),
                datetime.fromisoformat(end) if end else None,
            )
    return list(found.values())


def states_on(day: str, cases: list[Case]) -> Counter[str]:
    """How many were late on a day: ended late by then, or neither ended nor any more in time."""
    last = datetime.combine(date.fromisoformat(day), time.max, ZONE)
    there = [case for case in cases if case.started.astimezone(ZONE).date() <= last.date()]
    states: Counter[str] = Counter()
    for case in there:
        if case.ended is not None and case.ended.astimezone(ZONE).date() <= last.date():
            states["missed" if case.ended > case.planned else "met"] += 1
        else:
            states["overdue" if last > case.planned else "not yet"] += 1
    return states


@pytest.mark.parametrize("day", PAST_DAYS)
def test_what_was_overdue_on_a_past_day(officer: Desk, cases: list[Case], day: str) -> None:
    found = Counter(counts(officer, "deadline", as_of_effective=day))
    found["not yet"] = found.pop("running", 0) + found.pop("at_risk", 0)
    assert found == states_on(day, cases) | Counter({"not yet": 0})
    overdue = officer.every("/v1/enquiries", deadline="overdue", as_of_effective=day)
    assert len(overdue) == found["overdue"]
    assert all(given(each)["state"] == "overdue" for each in overdue)


def test_the_days_tell_something(cases: list[Case], truth: Json) -> None:
    overdue = [states_on(day, cases)["overdue"] for day in PAST_DAYS]
    assert len(set(overdue)) >= 3 and max(overdue) > truth["cases_without_enddate"] // 2


def test_each_open_case_is_reminded_of_once(officer: Desk, service: Service, truth: Json) -> None:
    done = service.run("policy", "run", "--json")
    assert done.code == 0, done.err
    officer.catch_up()
    still = officer.every("/v1/enquiries", open="true")
    told = [step["type"] for each in still for step in steps_of(officer, each)]
    assert told.count("enquiry.overdue/1") == len(still) == truth["cases_without_enddate"]
    again = service.run("policy", "run", "--json")
    assert (again.json["overdue"], again.json["at_risk"]) == (0, 0)


# ── what happened ────────────────────────────────────────────────────────────────────────────────


def steps_of(officer: Desk, enquiry: Json) -> list[Json]:
    found: list[Json] = officer.get(f"/v1/enquiries/{enquiry['id']}/steps")["items"]
    return found


@pytest.fixture(scope="module")
def confirmations(service: Service, enquiries: list[Json]) -> list[Json]:
    """The acknowledgement of every enquiry."""
    steps = [step for each in enquiries for step in steps_of(service.officer, each)]
    return [step for step in steps if step["type"] == "enquiry.acknowledged/1"]


def test_events_by_activity(filed: list[Json], confirmations: list[Json], truth: Json) -> None:
    activities = Counter(contact["subject"] for contact in filed)
    activities[CONFIRMATION] = len(confirmations)
    assert activities == truth["events_by_activity"]


def test_events_by_group_and_resource(
    filed: list[Json], confirmations: list[Json], truth: Json
) -> None:
    groups = Counter(contact["facts"] or "EMPTY" for contact in filed)
    groups.update(step["team"] or "EMPTY" for step in confirmations)
    assert groups == truth["events_by_group"]
    resources = Counter(contact["participants"][0]["role"] for contact in filed)
    resources.update(step["handler"] for step in confirmations)
    assert [[name, resources[name]] for name, _ in truth["top10_resources"]] == (
        truth["top10_resources"]
    )


def test_events_by_month_and_from_when_to_when(
    filed: list[Json], confirmations: list[Json], truth: Json
) -> None:
    moments = [
        datetime.fromisoformat(each["occurred"]["from"]) for each in (*filed, *confirmations)
    ]
    first = datetime.fromisoformat(truth["first_event_utc"])
    last = datetime.fromisoformat(truth["last_event_utc"])
    assert (min(moments), max(moments)) == (first, last)
    by_month = Counter(moment.astimezone(UTC).strftime("%Y-%m") for moment in moments)
    assert by_month == truth["events_by_month_utc"]
    here = Counter(moment.astimezone(ZONE).strftime("%Y-%m") for moment in moments)
    assert here == truth["events_by_month_Europe_Copenhagen"]


def test_an_enquiry_shows_the_activities_filed_on_it(officer: Desk, enquiries: list[Json]) -> None:
    (case,) = [each for each in enquiries if each["source"]["id"] == "case-10024"]
    items = officer.every(f"/v1/enquiries/{case['id']}/contacts")
    subjects = [item["contact"]["subject"] for item in items]
    assert "T05 Print and send confirmation of receipt" in subjects
    assert all(item["filed"] for item in items)
    assert case["sender"]["name"] == "Ansøgere (anonymiseret)"
    assert case["phase"] == "closed"
