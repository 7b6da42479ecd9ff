"""Dutch agendas, Slovene gifts and Danish dialogue meetings together in one running service.

Three registers in one log: each is told apart by its administrations or by what was imported when.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.acceptance.conftest import Start
from tests.acceptance.service import MAPPINGS, Desk, Json, Service

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(900)]

DUTCH: Final = "nl_ministers_agenda_2022.csv"
GIFTS: Final = "si_gifts_to_officials.csv.gz"
DANISH: Final = "dk_real_contacts_facts.csv"
NOT_HELD: Final = {
    "columns": "the log holds contacts, not the file; its mapping names the columns used",
    "by_date_precision": "counts rows, of which some are no contacts that took place",
    "rescheduled": "the postponed meeting did not take place; the one that replaced it is asked",
}


def test_every_answer_of_the_registers_is_asked_or_explained(oracles: dict[str, Any]) -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    asked = set(re.findall(r'truth\["(\w+)"\]', source))
    of_all = set(oracles[DUTCH]) | set(oracles[GIFTS]) | set(oracles[DANISH])
    assert asked | set(NOT_HELD) == of_all


@dataclass(frozen=True)
class Registers:
    """The installation, and the position behind each register in the order they were imported."""

    service: Service
    after: dict[str, int]


@pytest.fixture(scope="module")
def registers(start: Start, shared_data: Path) -> Registers:
    service, after = start(), {}
    for name, mapping, code in (
        (DUTCH, "nl_ministers_agenda.toml", 0),
        (GIFTS, "si_gifts.toml", 0),
        (DANISH, "dk_dialogue_meetings.toml", 0),
    ):
        done, _ = service.load(MAPPINGS / mapping, shared_data / "contacts" / name)
        assert done.code == code, done.err
        after[name] = service.auditor.head
    return Registers(service, after)


@pytest.fixture
def desk(registers: Registers) -> Desk:
    return registers.service.auditor


def report_of(desk: Desk, name: str) -> Json:
    items = desk.get("/v1/imports")["items"]
    (report,) = [item["report"] for item in items if item["file_name"] == name]
    return dict(report)


# ── agendas of Dutch ministers ───────────────────────────────────────────────────────────────────


def test_the_agendas_of_dutch_ministers(
    desk: Desk, registers: Registers, oracles: dict[str, Any]
) -> None:
    truth, then = oracles[DUTCH], {"as_of_recorded": registers.after[DUTCH]}
    report = report_of(desk, DUTCH)
    contacts = desk.contacts(**then)
    assert report["rows_read"] == desk.total(**then) == len(contacts) == truth["rows"]
    assert report["rows_refused"] == truth["rows_with_bad_date"]
    assert report["exact_repeats"] == truth["exact_duplicate_rows"]
    assert desk.counts("month", **then) == truth["rows_by_month"]
    days = [contact["occurred"]["from"] for contact in contacts]
    assert (min(days), max(days)) == (truth["first_date"], truth["last_date"])
    ministers = [[person["name"] for person in contact["participants"]] for contact in contacts]
    assert sum(not each for each in ministers) == truth["rows_without_minister"]
    assert sum(len(each) >= 2 for each in ministers) == truth["rows_with_2_or_more_ministers"]
    each_one = Counter(name for names in ministers for name in names)
    told = truth["rows_by_minister_split_on_comma_top10"]
    assert [[name, each_one[name]] for name, _ in told] == told


def test_the_types_of_dutch_meetings_are_media(
    desk: Desk, registers: Registers, oracles: dict[str, Any]
) -> None:
    truth = oracles[DUTCH]
    types = truth["rows_by_type_trimmed"]
    media = desk.counts("medium", as_of_recorded=registers.after[DUTCH])
    assert media == {
        "event": types["Ontvangst"] + types["Evenement"] + types["Internationale bijeenkomst"],
        "site_visit": types["Werkbezoek"] + types["Handelsmissie"],
        "meeting_physical": types["Gesprek"]
        + types["Kamervergadering"]
        + types["Bestuurlijk overleg"]
        + types["Ministerraad, onderraad, ministerieel overleg"],
    }


# ── gifts to Slovene officials ───────────────────────────────────────────────────────────────────


@pytest.fixture
def gifts(registers: Registers) -> dict[str, int | str]:
    """What limits a question to the gifts as they were imported."""
    return {"as_of_recorded": registers.after[GIFTS], "medium": "hand_over_document"}


def test_the_register_of_gifts(
    desk: Desk, gifts: dict[str, int | str], oracles: dict[str, Any]
) -> None:
    truth, report = oracles[GIFTS], report_of(desk, GIFTS)
    contacts = desk.contacts(**gifts)
    assert report["rows_read"] == len(contacts) + report["exact_repeats"] == truth["rows"]
    assert report["rows_refused"] == truth["bad_dates"]
    days = [contact["occurred"]["from"] for contact in contacts]
    assert (days[-1], days[0]) == (truth["first_date"], truth["last_date"])
    institutions = desk.counts("administration", **gifts)
    assert len(institutions) == truth["distinct_institutions"]
    of_towns = sum(n for name, n in institutions.items() if is_a_town(name))
    told = truth["rows_institution_starts_with_OBČINA_or_MESTNA_OBČINA"]
    assert told - report["exact_repeats"] <= of_towns <= told
    by_year, rows_by_year = desk.counts("year", **gifts), truth["rows_by_year"]
    assert list(by_year) == list(rows_by_year)
    missing = {year: rows_by_year[year] - by_year[year] for year in by_year}
    assert min(missing.values()) >= 0
    assert sum(missing.values()) == report["exact_repeats"]


def is_a_town(institution: str) -> bool:
    return institution.startswith(("OBČINA", "MESTNA OBČINA"))


def test_the_gift_of_2107_is_flagged_corrected_and_still_known_as_it_was(
    registers: Registers, gifts: dict[str, int | str]
) -> None:
    officer, auditor = registers.service.officer, registers.service.auditor
    (gift,) = officer.contacts(flag="occurred_in_future", as_of_recorded=registers.after[DANISH])
    assert gift["occurred"]["from"] == "2107-04-21"
    path = f"/v1/contacts/{gift['id']}"
    body = {"reason": "Skrivefejl i registret: 2017", "occurred": "2017-04-21"}
    stale = officer.post(f"{path}/corrections", body, If_Match='"9"')
    assert stale.status_code == 412
    answer = officer.made(f"{path}/corrections", body, If_Match=f'"{gift["version"]}"')
    assert (answer["status"], answer["occurred"]["from"]) == ("corrected", "2017-04-21")
    auditor.catch_up()
    assert auditor.get(path)["occurred"]["from"] == "2017-04-21"
    before = answer["position"] - 1
    assert auditor.get(path, as_of_recorded=before)["occurred"]["from"] == "2107-04-21"
    assert auditor.counts("year", **gifts)["2107"] == 1
    assert "2107" not in auditor.counts("year", medium="hand_over_document")
    first, second = auditor.get(f"{path}/history")["items"]
    assert (first["type"], second["type"]) == ("contact.logged/1", "contact.corrected/1")
    assert second["reason"] == body["reason"]
    (change,) = [each for each in second["changes"] if each["field"] == "occurred"]
    assert (change["before"]["from"], change["after"]["from"]) == ("2107-04-21", "2017-04-21")


# ── Danish dialogue meetings ─────────────────────────────────────────────────────────────────────


def test_danish_dialogue_meetings(
    desk: Desk, registers: Registers, oracles: dict[str, Any]
) -> None:
    truth, then = oracles[DANISH], {"as_of_recorded": registers.after[DANISH]}
    report = report_of(desk, DANISH)
    assert report["rows_read"] == truth["rows"]
    contacts = [c for c in desk.contacts(**then) if c["source"]["system"].startswith("dk-")]
    skipped = {"postponed": 1, "empty_administrations": 2, "empty_organisations": 3}
    assert report["skipped"] == skipped
    assert len(contacts) == truth["rows"] - sum(skipped.values())
    held = [c for c in contacts if re.search("Status: (afholdt|referat)", c["facts"])]
    # Three of the held name nobody on one of the two sides, and so are no contact between two.
    assert len(held) == truth["rows_held_or_minuted"] - 3
    by_id = {contact["source"]["id"]: contact for contact in contacts}
    assert "K2" not in by_id, "a postponed meeting did not take place"
    assert by_id["K3"]["occurred"]["from"] == "2011-10-20T13:00:00Z"
    assert by_id["S1"]["occurred"] == {
        "from": "2011-03-01",
        "to": "2011-05-31",
        "precision": "range",
        "text": "2011 foråret",
    }
    assert len(desk.contacts(occurred_from="2011-04-01", occurred_to="2011-04-30", **then)) == 1
