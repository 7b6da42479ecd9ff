"""The register of the Slovene parliament through the running service: every answer it allows.

2,729 contacts in 10,915 rows, on SQLite and on PostgreSQL. All that is asked, is asked over HTTP.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from domain.errors import Broken
from domain.log.checkpoint import VerifierKey, verify_tlog_proof
from tests.acceptance.conftest import Start
from tests.acceptance.service import MAPPINGS, Desk, Json, Service, leaf_of

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(900)]

FILE: Final = "si_parliament_contacts.csv.gz"
MAPPING: Final = MAPPINGS / "slovene_parliament.toml"
MEDIA: Final = {
    "po e-pošti": "email",
    "osebno": "meeting_physical",
    "po pošti": "letter",
    "po telefonu": "phone",
    "drugo": "other",
}
NOT_HELD: Final = {
    "columns": "the log holds contacts, not the file; its mapping names the columns used",
    "rows_without_organisation": "0, and so the import refused and skipped nothing",
    "participant_roles_rows": "rows of a contact that repeat a participant are one participant",
    "rows_with_newline_in_details": "details of a contact's rows are one text",
}
"""Answers about rows of the file, which are not facts about contacts."""


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def service(request: pytest.FixtureRequest, start: Start, shared_data: Path) -> Service:
    """The register imported while the server runs."""
    if request.param == "sqlite":
        found = start()
    else:
        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier("acceptance_si")))
        found = start(server.url("acceptance_si"))
    done, (report,) = found.load(MAPPING, shared_data / "contacts" / FILE)
    assert (done.code, report["rows_refused"], report["skipped"]) == (0, 0, {})
    return found


@pytest.fixture
def desk(service: Service) -> Desk:
    return service.auditor


@pytest.fixture(scope="module")
def contacts(service: Service) -> list[Json]:
    """Every contact, by cursor pages."""
    return service.auditor.contacts()


@pytest.fixture
def truth(oracles: dict[str, Any]) -> Any:
    return oracles[FILE]


def names(contact: Json, side: str = "organisations") -> list[str]:
    return [party["name"] for party in contact[side]]


def test_every_answer_of_the_register_is_asked_or_explained(truth: Json) -> None:
    asked = re.findall(r'truth\["(\w+)"\]', Path(__file__).read_text(encoding="utf-8"))
    assert set(asked) | set(NOT_HELD) == set(truth)


def test_how_much_there_is(desk: Desk, contacts: list[Json], truth: Json) -> None:
    assert desk.total() == len(contacts) == truth["contacts_distinct_id"]
    assert len({contact["source"]["id"] for contact in contacts}) == len(contacts)
    per_organisation = desk.counts("organisation")
    assert len(per_organisation) == truth["distinct_organisations_trimmed"]
    assert sum(per_organisation.values()) == truth["distinct_contact_organisation_pairs"]
    assert per_organisation == Counter(name for each in contacts for name in names(each))


def test_the_import_tells_of_its_rows(desk: Desk, truth: Json) -> None:
    (item,) = desk.get("/v1/imports")["items"]
    report = item["report"]
    assert (item["status"], item["file_name"], item["file_bytes"]) == ("finished", FILE, 261155)
    assert item["file_sha256"].startswith("28d5e19c75a6d7b4"), "as the manifest has it"
    assert report["rows_read"] == truth["rows"]
    assert report["exact_repeats"] == truth["exact_duplicate_rows_beyond_first"]
    assert report["flagged"] == {}, "no field but the collected ones differs within a contact"
    assert truth["ids_with_more_than_one_date"] == 0


def test_counts_by_medium_institution_month_and_year(desk: Desk, truth: Json) -> None:
    by_medium = {word: desk.counts("medium")[medium] for word, medium in MEDIA.items()}
    assert by_medium == truth["contacts_by_channel"]
    assert desk.counts("administration") == truth["contacts_by_institution"]
    assert desk.counts("year") == truth["contacts_by_year"]
    assert desk.counts("month") == truth["contacts_by_month"]
    assert list(desk.counts("month")) == sorted(truth["contacts_by_month"])


def test_counts_by_quarter_and_medium(desk: Desk, truth: Json) -> None:
    counted = desk.counts("quarter", "medium")
    words = {medium: word for word, medium in MEDIA.items()}
    as_told = {f"{q.replace('-', '')}|{words[m]}": n for (q, m), n in counted.items()}
    assert as_told == truth["contacts_by_quarter_and_channel"]


def test_the_ten_organisations_with_most_contacts(desk: Desk, truth: Json) -> None:
    top = desk.counts("organisation", sort="-count", limit=10)
    assert [list(row) for row in top.items()] == truth["top10_organisations_by_contacts"]


def test_from_when_to_when(desk: Desk, contacts: list[Json], truth: Json) -> None:
    days = [contact["occurred"]["from"] for contact in contacts]
    assert (days[-1], days[0]) == (truth["first_date"], truth["last_date"])
    assert days == sorted(days, reverse=True), "newest first"
    per_day = desk.counts("day")
    assert per_day == Counter(days)
    assert desk.counts("precision") == {"day": len(contacts)}


def test_contacts_on_saturdays_and_sundays(desk: Desk, contacts: list[Json], truth: Json) -> None:
    weekdays = desk.counts("weekday")
    assert weekdays[6] + weekdays[7] == truth["contacts_dated_on_saturday_or_sunday"]
    assert weekdays == Counter(
        date.fromisoformat(contact["occurred"]["from"]).isoweekday() for contact in contacts
    )


def test_the_longest_silence_of_the_top_organisation(desk: Desk, truth: Json) -> None:
    told = truth["longest_silence_of_the_top_organisation"]
    theirs = desk.contacts(organisation=told["organisation"])
    days = sorted({date.fromisoformat(each["occurred"]["from"]) for each in theirs})
    assert len(days) == told["distinct_contact_dates"]
    assert len(desk.counts("day", organisation=told["organisation"])) == len(days)
    silence, begun, ended = max((b - a, a, b) for a, b in pairwise(days))
    assert (silence.days, str(begun), str(ended)) == (told["days"], told["from"], told["to"])


def test_the_largest_contact(contacts: list[Json], truth: Json) -> None:
    largest = max(contacts, key=lambda contact: len(contact["organisations"]))
    record, rows, organisations = truth["largest_contact"]
    assert largest["source"]["id"] == record
    assert len(names(largest)) == len(set(names(largest))) == organisations
    # Two of its rows say the same: 25 rows are 24 lobbyists' roles, and the officials they met.
    lobbyists = [p for p in largest["participants"] if p["party"]["name"] in names(largest)]
    assert len(lobbyists) == rows - 1


def test_contacts_with_three_or_more_organisations(contacts: list[Json], truth: Json) -> None:
    several = sum(len(contact["organisations"]) >= 3 for contact in contacts)
    assert several == truth["contacts_with_3_or_more_organisations"]


def test_contacts_up_to_and_including_a_day(desk: Desk, truth: Json) -> None:
    for day, told in truth["contacts_up_to_and_including"].items():
        assert len(desk.contacts(occurred_to=day)) == told
        assert desk.total(to=day) == told
        assert desk.total(as_of_effective=day) == told


def test_organisations_in_contact_with_both_institutions(
    desk: Desk, contacts: list[Json], truth: Json
) -> None:
    met = Counter(name for name, _ in desk.counts("organisation", "administration"))
    both = sorted(name for name, institutions in met.items() if institutions >= 2)
    assert len(both) == truth["organisations_in_contact_with_2_or_more_institutions"]
    told = truth["top10_organisations_by_distinct_institutions"]
    assert all([name, met[name]] in told or name == both_left(both, told) for name in both)
    of_two = sum(len(contact["administrations"]) == 2 for contact in contacts)
    assert of_two == truth["ids_with_more_than_one_institution"]


def both_left(both: list[str], told: list[list[Any]]) -> str:
    """The one of the eleven that a list of ten leaves out."""
    (left,) = set(both) - {name for name, _ in told}
    return left


def test_the_longest_details_are_kept_whole(contacts: list[Json], truth: Json) -> None:
    lengths = [len(contact["facts"] or "") for contact in contacts]
    assert truth["longest_details_chars"] in lengths


@pytest.fixture
def kept(service: Service) -> Iterator[None]:
    """What is asked in between leaves the log as it was, to the event."""
    before = service.auditor.log_head()
    yield
    assert service.auditor.log_head() == before


@pytest.mark.usefixtures("kept")
def test_the_same_file_again_makes_nothing_new(
    service: Service, contacts: list[Json], shared_data: Path
) -> None:
    done, (again,) = service.load(MAPPING, shared_data / "contacts" / FILE)
    assert done.code == 0
    assert (again["contacts_present"], again["contacts_made"]) == (len(contacts), 0)
    assert (again["contacts_changed"], again["parties_created"]) == (0, 0)
    assert service.auditor.contacts() == contacts
    assert len(service.auditor.get("/v1/imports")["items"]) == 1


@pytest.mark.usefixtures("kept")
def test_a_dry_run_writes_nothing(service: Service, shared_data: Path) -> None:
    done, (tried,) = service.load(MAPPING, shared_data / "contacts" / FILE, more=("--dry-run",))
    assert (done.code, tried["dry_run"], tried["contacts_present"]) == (0, True, 2729)


def test_before_the_import_there_was_nothing(service: Service) -> None:
    desk, keys_issued = service.auditor, 2
    for before in (keys_issued, 0):
        assert desk.contacts(as_of_recorded=before) == []
        assert desk.every("/v1/parties", as_of_recorded=before) == []
        assert desk.total(as_of_recorded=before) == 0
        assert desk.counts("medium", as_of_recorded=before) == {}
    assert desk.total(as_of_recorded=desk.head) == 2729
    (item,) = desk.get("/v1/imports")["items"]
    assert desk.total(as_of_recorded=item["started_at"]) == 0
    assert desk.total(as_of_recorded=item["finished_at"]) == 2729


def test_imported_contacts_have_a_history_and_a_receipt_that_verifies_offline(
    desk: Desk, contacts: list[Json]
) -> None:
    key = VerifierKey.parse(desk.ask("/v1/log/key").text.strip())
    for contact in (contacts[0], contacts[1_000], contacts[-1]):
        path = f"/v1/contacts/{contact['id']}"
        receipt = desk.ask(f"{path}/receipt").text
        leaf = leaf_of(desk.entry_of(contact))
        checkpoint = verify_tlog_proof(receipt, contact["position"], leaf, [key])
        assert checkpoint.size >= contact["position"]
        with pytest.raises(Broken):
            verify_tlog_proof(receipt, contact["position"] + 1, leaf, [key])
        (step,) = desk.get(f"{path}/history")["items"]
        assert (step["type"], step["via"]) == ("contact.logged/1", "import")
        assert step["contact"]["subject"] == contact["subject"]


def test_the_whole_log_is_audited_and_clean(service: Service) -> None:
    head = service.auditor.sealed_head()
    done = service.run("audit", "--json", "--views")
    assert (done.code, done.json["result"], done.json["faults"]) == (0, "clean", [])
    assert done.json["types"]["contact.logged/1"] == 2729
    assert done.json["sealed_to"] == done.json["events"] == head == service.auditor.log_head()
