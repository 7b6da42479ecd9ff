"""Real registers under their documented mappings, against what was counted independently."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from api.imports.loading import load_file
from api.imports.report import Report
from api.imports.running import Run, import_file
from domain.contacts import LogContact
from tests.imports.door import MemoryDoor
from tests.imports.registers import TODAY

MAPPINGS = Path(__file__).parents[2] / "docs" / "mappings"
pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def oracles(shared_data: Path) -> dict[str, Any]:
    found = json.loads((shared_data / "oracles.json").read_text(encoding="utf-8"))["contacts"]
    return {key.removeprefix("contacts/"): value for key, value in found.items()}


def imported(mapping: str, *paths: Path) -> tuple[list[Report], MemoryDoor]:
    door = MemoryDoor()
    loaded = load_file(MAPPINGS / mapping)
    reports = [import_file(path, Run(loaded, door, TODAY)) for path in paths]
    assert all(report.balanced for report in reports)
    return reports, door


def days(contacts: list[LogContact]) -> list[str]:
    return [contact.occurred.from_ for contact in contacts]


def organisations(contacts: list[LogContact]) -> Counter[str]:
    return Counter(name for contact in contacts for name in contact.organisations)


def test_the_slovene_parliament_register(shared_data: Path, oracles: dict[str, Any]) -> None:
    name = "si_parliament_contacts.csv.gz"
    (report,), door = imported("slovene_parliament.toml", shared_data / "contacts" / name)
    truth = oracles[name]
    contacts = list(door.contacts.values())
    assert report.rows_read == truth["rows"]
    assert report.contacts_made == len(contacts) == truth["contacts_distinct_id"]
    assert report.exact_repeats == truth["exact_duplicate_rows_beyond_first"]
    assert report.rows_merged == truth["rows"] - truth["contacts_distinct_id"]
    assert (report.refused, report.skipped, report.rows_blank) == ({}, {}, 0)
    named = organisations(contacts)
    assert len(named) == truth["distinct_organisations_trimmed"]
    assert named.total() == truth["distinct_contact_organisation_pairs"]
    top = truth["top10_organisations_by_contacts"]
    assert [[name, named[name]] for name, _ in top] == top
    assert max(named.values()) == top[0][1]
    assert (
        sum(len(c.organisations) >= 3 for c in contacts)
        == truth["contacts_with_3_or_more_organisations"]
    )
    by_medium = Counter(c.medium for c in contacts)
    words = {
        "po e-pošti": "email",
        "osebno": "meeting_physical",
        "po pošti": "letter",
        "po telefonu": "phone",
        "drugo": "other",
    }
    assert {word: by_medium[medium] for word, medium in words.items()} == truth[
        "contacts_by_channel"
    ]
    assert (
        Counter(a for c in contacts for a in c.administrations) == truth["contacts_by_institution"]
    )
    assert (
        sum(len(c.administrations) == 2 for c in contacts)
        == truth["ids_with_more_than_one_institution"]
    )
    when = days(contacts)
    assert (min(when), max(when)) == (truth["first_date"], truth["last_date"])
    assert Counter(day[:4] for day in when) == truth["contacts_by_year"]
    assert Counter(day[:7] for day in when) == truth["contacts_by_month"]


def test_the_register_of_three_british_departments(
    shared_data: Path, oracles: dict[str, Any]
) -> None:
    name = "uk_ministers_meetings_3_departments.csv.gz"
    (report,), door = imported("uk_three_departments.toml", shared_data / "contacts" / name)
    truth = oracles[name]
    contacts = list(door.contacts.values())
    assert report.rows_read == truth["rows"]
    assert report.contacts_made == len(contacts) == truth["meetings_distinct_id"]
    assert report.rows_by_precision == {
        "month": truth["rows_month_precision"],
        "day": truth["rows_day_precision"],
    }
    assert (
        Counter(a for c in contacts for a in c.administrations) == truth["meetings_by_department"]
    )
    assert Counter(day[:4] for day in days(contacts)) == truth["meetings_by_year"]
    named = organisations(contacts)
    assert len(named) == truth["distinct_organisations_trimmed"]
    top = truth["top10_organisations_by_meetings"]
    assert [[name, named[name]] for name, _ in top] == top
    assert max(named.values()) == top[0][1]
    # The count of meetings with three or more took a blank cell for an organisation once.
    assert sum(len(c.organisations) >= 3 for c in contacts) == 303 - 1
    assert truth["meetings_with_3_or_more_organisations"] == 303
    assert all(c.participants[0].party == c.administrations[0] for c in contacts)
    assert all(len(c.occurred.from_) in (7, 10) for c in contacts), "no day is invented"


def test_the_raw_files_of_the_cabinet_office(shared_data: Path, oracles: dict[str, Any]) -> None:
    paths = sorted((shared_data / "contacts" / "uk_cabinet_office").glob("*.csv"))
    reports, door = imported("uk_cabinet_office.toml", *paths)
    truth = oracles["uk_cabinet_office/"]
    assert len(reports) == len(truth) == 34
    for report in reports:
        told = truth[report.file_name]
        assert report.rows_blank == told["blank_rows"], report.file_name
        nonblank = report.rows_read - report.rows_blank
        assert nonblank == told["nonblank_rows_including_header"] - 1, report.file_name
        old = "windows-1252" in told["encoding"]
        assert report.encoding == ("windows-1252" if old else "utf-8-sig"), report.file_name
    assert sum(report.encoding == "windows-1252" for report in reports) == 19
    assert sum(report.rows_blank for report in reports) == 2806
    refused = Counter[str]()
    skipped = Counter[str]()
    for report in reports:
        refused.update(report.refused)
        skipped.update(report.skipped)
    assert refused == {"missing:time": 3}
    assert skipped == {"note": 48}
    contacts = list(door.contacts.values())
    assert len(contacts) == sum(report.contacts_made for report in reports)
    assert all(c.participants and c.participants[0].name for c in contacts), "filled down"
    assert not any("Note" in (c.participants[0].name or "") for c in contacts)
    assert {c.occurred.from_[:4] for c in contacts} == {"2011", "2012", "2013", "2014"}
    assert {c.occurred.text for c in contacts if c.occurred.to} == {"Apr/Jun", "Jan/Feb/Mar"}
    assert not any("�" in (c.facts or "") for c in contacts)


def test_the_agenda_of_dutch_ministers(shared_data: Path, oracles: dict[str, Any]) -> None:
    name = "nl_ministers_agenda_2022.csv"
    (report,), door = imported("nl_ministers_agenda.toml", shared_data / "contacts" / name)
    truth = oracles[name]
    contacts = list(door.contacts.values())
    assert report.rows_read == report.contacts_made == truth["rows"]
    assert report.flagged == {}
    assert Counter(day[:7] for day in days(contacts)) == truth["rows_by_month"]
    by_minister = Counter(p.name for c in contacts for p in c.participants)
    top = truth["rows_by_minister_split_on_comma_top10"]
    assert [[name, by_minister[name]] for name, _ in top] == top
    several = sum(len(c.participants) >= 2 for c in contacts)
    assert several == truth["rows_with_2_or_more_ministers"]
    by_type = truth["rows_by_type_trimmed"]
    by_medium = Counter(c.medium for c in contacts)
    assert by_medium["event"] == sum(
        by_type[t] for t in ("Ontvangst", "Evenement", "Internationale bijeenkomst")
    )
    assert by_medium["site_visit"] == by_type["Werkbezoek"] + by_type["Handelsmissie"]
    assert by_medium["other"] == 0


def test_a_gift_of_the_year_2107_is_flagged_and_kept(
    shared_data: Path, oracles: dict[str, Any]
) -> None:
    name = "si_gifts_to_officials.csv.gz"
    (report,), door = imported("si_gifts.toml", shared_data / "contacts" / name)
    truth = oracles[name]
    assert report.rows_read == report.contacts_made + report.exact_repeats == truth["rows"]
    assert report.flagged["occurred_in_future"] == 1
    when = days(list(door.contacts.values()))
    assert (min(when), max(when)) == (truth["first_date"], truth["last_date"])
    institutions = {a for c in door.contacts.values() for a in c.administrations}
    assert len(institutions) == truth["distinct_institutions"]


def test_danish_dialogue_meetings_are_as_exact_as_they_were_noted(
    shared_data: Path, oracles: dict[str, Any]
) -> None:
    name = "dk_real_contacts_facts.csv"
    (report,), door = imported("dk_dialogue_meetings.toml", shared_data / "contacts" / name)
    assert report.rows_read == oracles[name]["rows"]
    assert report.refused == {}
    assert report.skipped == {"postponed": 1, "empty_administrations": 2, "empty_organisations": 3}
    assert report.contacts_by_precision == {"day": 8, "range": 2, "month": 2, "instant": 1}
    by_id = {key[1]: contact for key, contact in door.contacts.items()}
    assert by_id["S1"].occurred.text == "2011 foråret"
    assert (by_id["K3"].occurred.from_, by_id["K3"].occurred.to) == (
        "2011-10-20T13:00:00Z",
        "2011-10-20T15:00:00Z",
    )
    assert by_id["K3"].place == "Kerteminde Rådhus, Byrådssalen"
    assert by_id["C7"].occurred.from_ == "2023-11-15T07:00:00Z"
    assert len(by_id["S2"].organisations) == 2
    assert {by_id["B1"].direction, by_id["B2"].direction} == {"outbound"}
