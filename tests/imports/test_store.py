"""The command `kontaktlog import csv` against a real store: once, twice, killed, and refused."""

import json
import os
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from api.cli.main import run
from api.main import open_services
from api.settings import load_settings
from domain.storage import clock
from tests.imports.killed import killed_after
from tests.imports.registers import HEADER, TIME, TOP, mapping

CONTACTS = 2_000
REGISTER = HEADER + "".join(
    f"{n},2010-02-{n % 28 + 1:02},TMF,Org {n % 40},Udlejning\n" for n in range(CONTACTS)
)
SMALL = HEADER + "1,2010-02-03,TMF,KAB,Udlejning\n2,2010-02,TMF,AKB,Tag\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("KONTAKTLOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "register.csv").write_text(REGISTER, encoding="utf-8")
    (tmp_path / "small.csv").write_text(SMALL, encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(mapping(), encoding="utf-8")
    return tmp_path


def arguments(*files: str, mapping_file: str = "mapping.toml") -> list[str]:
    return ["import", "csv", *files, "--mapping", mapping_file]


def stored() -> tuple[int, Counter[str], list[str]]:
    """The head of the log, its events by type, and the source ids of its contacts."""
    services = open_services(load_settings(), writer=False)
    try:
        types: Counter[str] = Counter()
        sources: list[str] = []
        after = 0
        while rows := services.log.rows(after):
            after = rows[-1].position
            for fact in services.codec.facts(rows):
                types[fact.type] += 1
                if fact.type == "contact.logged/1":
                    sources.append(fact.data["source"]["id"])
        return services.log.head(), types, sources
    finally:
        services.close()


def test_a_register_is_imported_and_a_second_time_makes_nothing_new(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(arguments("small.csv")) == 0
    told = capsys.readouterr().out
    assert "kontakter registreret: 2" in told
    first = stored()
    assert first[1] == {
        "import.started/1": 1,
        "party.registered/1": 3,
        "contact.logged/1": 2,
        "import.finished/1": 1,
    }
    assert run([*arguments("small.csv"), "--json"]) == 0
    answer = capsys.readouterr()
    report = json.loads(answer.out)
    assert (report["contacts_made"], report["contacts_present"]) == (0, 2)
    assert answer.err == ""
    assert stored() == first


def test_a_dry_run_tells_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*arguments("small.csv"), "--dry-run", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["contacts_made"], report["parties_created"], report["dry_run"]) == (2, 3, True)
    assert stored()[0] == 0
    run(arguments("small.csv"))
    capsys.readouterr()
    assert run([*arguments("small.csv"), "--dry-run", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["contacts_made"], report["contacts_present"]) == (0, 2)


def test_a_record_that_changed_in_the_register_is_told_and_left_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(arguments("small.csv"))
    (folder / "small.csv").write_text(SMALL.replace("Tag", "Facade"), encoding="utf-8")
    capsys.readouterr()
    assert run([*arguments("small.csv"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["contacts_present"], report["contacts_changed"]) == (1, 1)


def test_two_spellings_of_a_party_are_two_parties(folder: Path) -> None:
    text = HEADER + "1,2010,TMF,Shell,a\n2,2010,TMF,SHELL,b\n3,2010,TMF,ﬁx,c\n4,2010,TMF,fix,d\n"
    (folder / "small.csv").write_text(text, encoding="utf-8")
    years = mapping(time=TIME.replace('"%Y-%m"', '"%Y"'))
    (folder / "mapping.toml").write_text(years, encoding="utf-8")
    assert run(arguments("small.csv")) == 0
    assert stored()[1]["party.registered/1"] == 5
    before = stored()
    assert run(arguments("small.csv")) == 0
    assert stored() == before


def test_a_name_that_is_another_partys_abbreviation_finds_that_party() -> None:
    party = ("party", "new", "--kind", "organisation", "--name", "Kab", "--abbreviation", "KAB")
    assert run(party) == 0
    assert run(arguments("small.csv")) == 0
    assert stored()[1]["party.registered/1"] == 3
    assert stored()[1]["contact.logged/1"] == 2


def flags_of_contacts_at(folder: Path, day: str) -> list[list[str]]:
    """The flags of an imported contact of this day, and of one long past."""
    text = SMALL.replace("2010-02-03", day)
    (folder / "small.csv").write_text(text, encoding="utf-8")
    flagging = mapping(time=TIME + 'future = "flag"')
    (folder / "mapping.toml").write_text(flagging, encoding="utf-8")
    assert run(arguments("small.csv")) == 0
    services = open_services(load_settings(), writer=False)
    try:
        facts = services.codec.facts(services.log.rows(0))
    finally:
        services.close()
    return [fact.data["flags"] for fact in facts if fact.type == "contact.logged/1"]


def test_a_time_in_the_future_is_kept_with_one_flag(folder: Path) -> None:
    assert flags_of_contacts_at(folder, "2107-04-21") == [["occurred_in_future"], []]


@pytest.mark.parametrize(("hour", "flags"), [(23, []), (12, ["occurred_in_future"])])
def test_today_begins_at_midnight_in_the_municipality(
    folder: Path, monkeypatch: pytest.MonkeyPatch, hour: int, flags: list[str]
) -> None:
    """At 23 UTC it is the next day in Copenhagen."""
    moment = clock.now().replace(hour=hour)
    monkeypatch.setattr(clock, "now", lambda: moment)
    tomorrow = (moment + timedelta(days=1)).date().isoformat()
    assert flags_of_contacts_at(folder, tomorrow) == [flags, []]


@pytest.mark.fault
@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_killed_import_is_finished_by_running_it_again(
    capsys: pytest.CaptureFixture[str], batches: int
) -> None:
    killed_after(f": {batches * 500} af {CONTACTS} ", arguments("register.csv"))
    _, types, sources = stored()
    assert batches * 500 <= types["contact.logged/1"] < CONTACTS
    assert types["import.finished/1"] == 0
    assert run([*arguments("register.csv"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["contacts_present"] == len(sources)
    assert report["contacts_made"] == CONTACTS - len(sources)
    _, types, sources = stored()
    assert (types["contact.logged/1"], types["party.registered/1"]) == (CONTACTS, 41)
    assert sorted(map(int, sources)) == list(range(CONTACTS))
    assert (types["import.started/1"], types["import.finished/1"]) == (1, 1)


def test_exit_codes_tell_refused_rows_from_an_unusable_mapping_or_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.csv").write_text(SMALL.replace("2010-02,", "spring,"), encoding="utf-8")
    assert run(arguments("bad.csv")) == 1
    assert "række 3: time_unreadable (time)" in capsys.readouterr().out
    assert run(arguments("bad.csv", "none.csv")) == 2
    assert "file_missing" in capsys.readouterr().err
    (folder / "wrong.toml").write_text(mapping(top=TOP + "colour = 1"), encoding="utf-8")
    assert run(arguments("small.csv", mapping_file="wrong.toml")) == 2
    assert "/colour: is not a key of this table" in capsys.readouterr().err
    assert stored()[1]["contact.logged/1"] == 1


def test_on_abort_nothing_of_a_file_with_a_refused_row_is_logged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.csv").write_text(SMALL.replace("2010-02,", "spring,"), encoding="utf-8")
    abort = mapping(top=TOP + 'on_error = "abort"')
    (folder / "mapping.toml").write_text(abort, encoding="utf-8")
    assert run(arguments("bad.csv")) == 1
    assert "holdt tilbage" in capsys.readouterr().out
    assert stored()[0] == 0


def test_several_files_are_reported_one_by_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "more.csv").write_text(SMALL.replace("\n1,", "\n3,"), encoding="utf-8")
    assert run([*arguments("small.csv", "more.csv"), "--json"]) == 0
    reports = json.loads(capsys.readouterr().out)["files"]
    assert [(r["file_name"], r["contacts_made"]) for r in reports] == [
        ("small.csv", 2),
        ("more.csv", 1),
    ]


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_real_register_is_stored_whole(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register = shared_data / "contacts" / "uk_ministers_meetings_3_departments.csv.gz"
    documented = Path(__file__).parents[2] / "docs" / "mappings" / "uk_three_departments.toml"
    command = arguments(str(register), mapping_file=str(documented))
    assert run([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["contacts_made"], report["parties_created"]) == (2574, 3004 + 3)
    first = stored()
    assert first[1]["contact.logged/1"] == 2574
    assert first[1]["party.registered/1"] == 3004 + 3
    assert run([*command, "--json"]) == 0
    assert stored() == first


@pytest.mark.postgres
def test_a_register_is_imported_into_postgresql_too(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KONTAKTLOG_STORE", postgres_url)
    assert run(arguments("small.csv")) == 0, capsys.readouterr().err
    first = stored()
    assert (first[1]["contact.logged/1"], first[1]["party.registered/1"]) == (2, 3)
    assert run(arguments("small.csv")) == 0
    assert stored() == first
