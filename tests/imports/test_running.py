"""A file imported twice makes nothing new; a run cut short is finished by the next."""

from collections.abc import Sequence

import pytest

from api.imports import running
from api.imports.door import Named, Outcome
from domain.imports import ImportFinished, ImportStarted
from tests.imports.door import MemoryDoor
from tests.imports.registers import HEADER, TOP, Desk, mapping

ROWS = "".join(f"{n},2010-02-03,TMF,Org {n % 7},Udlejning\n" for n in range(1, 31))


def test_importing_twice_makes_nothing_new(desk: Desk) -> None:
    first = desk.run(HEADER + ROWS)
    before = (dict(desk.door.contacts), dict(desk.door.parties), list(desk.door.imports))
    second = desk.run(HEADER + ROWS)
    assert (first.contacts_made, first.parties_created) == (30, 8)
    assert (second.contacts_made, second.contacts_present, second.parties_created) == (0, 30, 0)
    assert (desk.door.contacts, desk.door.parties, desk.door.imports) == before


def test_the_same_id_in_two_sources_is_two_contacts(desk: Desk) -> None:
    desk.run(HEADER + ROWS)
    other = mapping(top=TOP.replace("sheet", "other"))
    assert desk.run(HEADER + ROWS, other).contacts_made == 30


def test_the_file_the_mapping_and_the_report_stand_in_the_log(desk: Desk) -> None:
    report = desk.run(HEADER + ROWS)
    started, finished = desk.door.imports
    assert isinstance(started, ImportStarted)
    assert isinstance(finished, ImportFinished)
    assert (started.file_sha256, started.mapping) == (report.file_sha256, mapping())
    assert finished.import_id == started.import_id
    assert finished.report["contacts_made"] == 30
    assert finished.report["rows_by_precision"] == {"day": 30}


def test_a_record_that_changed_in_the_source_is_counted_and_left_alone(desk: Desk) -> None:
    desk.run(HEADER + ROWS)
    report = desk.run(HEADER + ROWS.replace("30,2010-02-03", "30,2010-02-04"))
    assert (report.contacts_present, report.contacts_changed) == (29, 1)
    assert desk.contacts[-1].occurred.from_ == "2010-02-03"


def test_a_dry_run_writes_nothing_and_tells_what_would_happen(desk: Desk) -> None:
    rehearsed = desk.run(HEADER + ROWS, dry_run=True)
    assert (desk.door.contacts, desk.door.parties, desk.door.imports) == ({}, {}, [])
    assert (rehearsed.contacts_made, rehearsed.parties_created) == (30, 8)
    desk.run(HEADER + ROWS)
    again = desk.run(HEADER + ROWS + "31,2010-02-03,TMF,New,Tag\n", dry_run=True)
    assert (again.contacts_made, again.contacts_present, again.parties_created) == (1, 30, 1)


def test_on_abort_one_refused_row_holds_back_the_whole_file(desk: Desk) -> None:
    abort = mapping(top=TOP + 'on_error = "abort"')
    report = desk.run(HEADER + ROWS + "31,spring,TMF,KAB,Tag\n", abort)
    assert report.aborted
    assert (report.rows_refused, report.rows_held_back, report.contacts_made) == (1, 30, 0)
    assert (desk.door.contacts, desk.door.parties, desk.door.imports) == ({}, {}, [])
    assert desk.run(HEADER + ROWS, abort).contacts_made == 30
    unknown = desk.run(
        HEADER + ROWS.replace("Org 1", "Nobody").replace("\n", "x\n"),
        abort.replace('kind = "organisation"', 'kind = "organisation"\ncreate = false'),
    )
    assert unknown.aborted


class Dying(MemoryDoor):
    """A door whose process is killed after so many batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.batches = batches

    def log_contacts(self, given: Sequence[Named]) -> list[Outcome]:
        if self.batches == 0:
            raise KeyboardInterrupt
        self.batches -= 1
        return super().log_contacts(given)


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_run_cut_short_is_finished_by_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    monkeypatch.setattr(running, "CONTACTS_A_BATCH", 10)
    whole = Desk(desk.folder)
    whole.run(HEADER + ROWS)
    desk.door = Dying(batches)
    with pytest.raises(KeyboardInterrupt):
        desk.run(HEADER + ROWS)
    desk.door.batches = 99
    report = desk.run(HEADER + ROWS)
    assert (report.contacts_present, report.contacts_made) == (batches * 10, 30 - batches * 10)
    assert desk.door.contacts == whole.door.contacts
    assert [type(event) for event in desk.door.imports] == [ImportStarted, ImportFinished]


class Refusing(MemoryDoor):
    """A door that refuses one contact for a reason of its own."""

    def log_contacts(self, given: Sequence[Named]) -> list[Outcome]:
        first, *rest = given
        del first
        return [Outcome("refused", "not_allowed", "administrations"), *super().log_contacts(rest)]


def test_what_the_door_refuses_is_a_refused_row(desk: Desk) -> None:
    desk.door = Refusing()
    report = desk.run(HEADER + ROWS)
    assert report.refused == {"not_allowed:administrations": 1}
    assert (report.contacts_made, report.refusals[0].row) == (29, 2)


class Forgetful(MemoryDoor):
    """A door that gives every contact a number of its own: what the source ids protect us from."""

    def log_contacts(self, given: Sequence[Named]) -> list[Outcome]:
        for one in given:
            self.contacts["run", str(len(self.contacts))] = one.command
        return [Outcome("made") for _ in given]


def test_without_source_ids_the_second_import_would_be_seen_to_double(desk: Desk) -> None:
    desk.door = Forgetful()
    desk.run(HEADER + ROWS)
    desk.run(HEADER + ROWS)
    assert len(desk.door.contacts) == 60
