"""The shared calendars: none of them crashes the import, and recurrence is as two others found it.

The answers were computed outside the product by two parsers; only those they agree on count.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from api.imports.calendar_reading import components_of
from api.imports.calendars import CalendarReport, Options, families_of
from api.imports.recurrence import OCCURRENCES_MAX
from domain.errors import Refused
from tests.imports.calendars import CalendarDesk, calendar_desk

pytestmark = [pytest.mark.data, pytest.mark.timeout(900)]
FOLDERS = {"ics/icalendar/": 163, "ics/khal/": 56}
FILE_SECONDS = 10.0  # of the processor: the slowest takes a tenth of a second, a bomb for ever
UNREADABLE = {"calendars__fuzz_testcase_0_char_in_component_name.ics": "nul_character"}
"""Files refused as a whole."""
Json = dict[str, Any]


@pytest.fixture(scope="module")
def answers(shared_data: Path) -> Json:
    found: Json = json.loads((shared_data / "oracles.json").read_text(encoding="utf-8"))["ics"]
    return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CalendarDesk]:
    with calendar_desk(tmp_path) as made:
        yield made


def files(shared_data: Path, answers: Json) -> Iterator[tuple[Path, Json]]:
    for folder in FOLDERS:
        for name, answer in answers[folder]["per_file"].items():
            yield shared_data / folder / name, answer


def report_of(path: Path) -> CalendarReport:
    return CalendarReport(path.name, "", 0, dry_run=True)


def occurrences(path: Path, desk: CalendarDesk, window: list[str]) -> int:
    """Times of meetings within the window of the answer."""
    first, last = (date.fromisoformat(text[:10]) for text in window)
    options = Options(first, ("Forum",))
    found = families_of(path.read_bytes(), options, desk.door(), report_of(path))
    return sum(first <= i.day < last for family in found for i in family.invitations)


def test_every_agreed_number_of_occurrences_is_found(
    shared_data: Path, answers: Json, desk: CalendarDesk
) -> None:
    agreed = [(path, a) for path, a in files(shared_data, answers) if "occurrences" in a]
    assert len(agreed) == sum(answers[f]["files_with_agreed_occurrences"] for f in FOLDERS) == 76
    ours = {path.name: occurrences(path, desk, a["window"]) for path, a in agreed}
    assert ours == {path.name: a["occurrences"] for path, a in agreed}


def test_every_event_recurrence_id_and_method_is_counted(shared_data: Path, answers: Json) -> None:
    differs = {}
    totals: Counter[str] = Counter()
    for path, answer in files(shared_data, answers):
        if path.name in UNREADABLE:
            with pytest.raises(Refused):
                components_of(path.read_bytes())
            continue
        found, _ = components_of(path.read_bytes())
        events = [each for each in found if each.name == "VEVENT"]
        totals["vevent"] += len(events)
        parts = [each.component for each in events if each.component is not None]
        totals["recurrence_id"] += sum("RECURRENCE-ID" in part for part in parts)
        totals["cancelled"] += sum(str(part.get("STATUS")) == "CANCELLED" for part in parts)
        if len(events) != answer.get("vevent", 0):
            differs[path.name] = len(events)
        methods = {each.method for each in events if each.method}
        assert methods <= set(answer.get("method", [])), path.name
    assert differs == {}
    wanted = ("vevent", "recurrence_id", "cancelled")
    assert totals == {n: sum(answers[f]["totals"][n] for f in FOLDERS) for n in wanted}


def test_no_file_crashes_the_import_and_twice_is_once(
    shared_data: Path, answers: Json, desk: CalendarDesk
) -> None:
    whole: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    seen, last = 0, date(2026, 3, 1)
    for path, _ in files(shared_data, answers):
        started = time.process_time()
        try:
            report = desk.take(path, today=last)
            assert not desk.take(path, today=last).anything_new, path.name
        except Refused as refusal:
            refused[str(refusal.params["why"])] += 1
            assert path.name in UNREADABLE
            continue
        finally:
            seen += 1
            assert time.process_time() - started < FILE_SECONDS, path.name
        assert report.meetings_made <= OCCURRENCES_MAX * max(report.events_read, 1)
        whole.update(report.refused)
    assert seen == sum(FOLDERS.values())
    assert refused == Counter(UNREADABLE.values())
    assert set(whole) <= {
        "component_unreadable",
        "range_not_supported",
        "recurrence_calendar_unknown",
        "recurrence_unreadable",
        "start_missing",
        "start_unreadable",
    }


@pytest.mark.parametrize(
    ("name", "days", "called_off"),
    [
        ("event_rrule_recuid.ics", 6, 0),
        ("event_rrule_recuid_cancelled.ics", 6, 1),
        ("event_rrule_recuid_invalid_tzid.ics", 6, 0),
        ("mult_uids_and_recuid_no_order.ics", 12, 0),  # six of them after the answer's window
        ("event_dtr_exdatez.ics", 3, 0),
        ("event_d_rdate.ics", 4, 0),
        ("event_rrule_no_occurence.ics", None, 0),
    ],
)
def test_moved_and_cancelled_times_become_meetings_once(
    shared_data: Path, desk: CalendarDesk, name: str, days: int | None, called_off: int
) -> None:
    path = shared_data / "ics" / "khal" / name
    first = desk.take(path, today=date(2014, 1, 1))
    assert days is None or first.meetings_made == days
    assert first.meetings_cancelled == called_off == len(desk.days("cancelled"))
    head = desk.services.log.head()
    again = desk.take(path, today=date(2014, 1, 1))
    assert not again.anything_new and desk.services.log.head() == head


def test_an_updated_series_moves_and_calls_off_but_never_doubles(
    shared_data: Path, desk: CalendarDesk
) -> None:
    folder = shared_data / "ics" / "khal"
    desk.take(folder / "event_rrule_recuid.ics", today=date(2014, 7, 1))
    before = len(desk.meetings())
    report = desk.take(folder / "event_rrule_recuid_update.ics", today=date(2014, 7, 1))
    assert report.meetings_made == 0 and len(desk.meetings()) == before == 6
    assert len(desk.days()) == 5 and report.meetings_cancelled == 1


def test_the_check_of_occurrences_would_see_one_too_many(
    shared_data: Path, answers: Json, desk: CalendarDesk
) -> None:
    answer = answers["ics/khal/"]["per_file"]["event_rrule_recuid.ics"]
    path = shared_data / "ics" / "khal" / "event_rrule_recuid.ics"
    longer = path.read_bytes().replace(b"UNTIL=20140806", b"UNTIL=20140813")
    assert longer != path.read_bytes()
    assert occurrences(desk.file(longer), desk, answer["window"]) == answer["occurrences"] + 1
