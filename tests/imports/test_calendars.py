"""Calendars in: what each message makes of a meeting, and what is refused before it can do harm."""

import json
import os
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from dateutil.rrule import rrulestr  # type: ignore[import-untyped] # ships no types
from hypothesis import given
from hypothesis import strategies as st

from api.cli.main import run
from api.imports.calendar_reading import CALENDAR_BYTES_MAX, DEPTH_MAX
from api.imports.recurrence import OCCURRENCES_MAX, RuleRefused, expanded, rule_of
from domain.errors import Refused
from tests.api.builders import MASTER
from tests.imports.calendars import CalendarDesk, calendar, calendar_desk, event

WALL = datetime(2026, 1, 1, 9)  # noqa: DTZ001 the wall clock
QUICK_SECONDS = 3.0  # of the processor: a refusal takes milliseconds, a bomb for ever


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CalendarDesk]:
    with calendar_desk(tmp_path) as made:
        yield made


def types_of(desk: CalendarDesk) -> list[str]:
    rows = desk.services.log.rows(0)
    return [fact.type for fact in desk.services.codec.facts(rows)]


# ── one meeting and its news ─────────────────────────────────────────────────────────────────────


def test_a_request_is_a_planned_meeting_and_a_second_time_nothing_new(desk: CalendarDesk) -> None:
    text = calendar(
        event("DTEND:20260310T110000Z", "LOCATION:Rådhuset", "SEQUENCE:0"), method="REQUEST"
    )
    assert desk.take(text).meetings_made == 1
    (meeting,) = desk.meetings()
    assert meeting["status"] == "called" and meeting["title"] == "Fælles møde"
    assert meeting["place"] == "Rådhuset" and meeting["source"]["id"] == "a@x"
    assert (meeting["planned"]["from"], meeting["planned"]["to"]) == (
        "2026-03-10T09:00:00Z",
        "2026-03-10T11:00:00Z",
    )
    head = desk.services.log.head()
    again = desk.take(text)
    assert (again.meetings_made, again.meetings_present, again.anything_new) == (0, 1, False)
    assert desk.services.log.head() == head


def test_a_higher_sequence_moves_the_meeting_and_never_makes_a_second(desk: CalendarDesk) -> None:
    first = calendar(event("SEQUENCE:0"), method="REQUEST")
    moved = calendar(event("SEQUENCE:1", start="DTSTART:20260312T090000Z"), method="REQUEST")
    desk.take(first)
    assert desk.take(moved).meetings_moved == 1
    assert desk.take(moved).meetings_present == 1
    assert desk.days() == ["2026-03-12"]
    assert desk.meetings()[0]["moved"] == 1


def test_older_news_changes_nothing(desk: CalendarDesk) -> None:
    desk.take(calendar(event("SEQUENCE:2", start="DTSTART:20260312T090000Z")))
    assert desk.take(calendar(event("SEQUENCE:1"))).skipped == {"older": 1}
    assert desk.days() == ["2026-03-12"]


def test_a_changed_time_under_the_same_sequence_moves_it_too(desk: CalendarDesk) -> None:
    desk.take(calendar(event("DTSTAMP:20260201T100000Z")))
    later = event("DTSTAMP:20260202T100000Z", start="DTSTART;VALUE=DATE:20260313")
    assert desk.take(calendar(later)).meetings_moved == 1
    assert desk.days() == ["2026-03-13"]


def test_what_a_person_moved_since_stays_until_the_calendar_has_news(desk: CalendarDesk) -> None:
    text = calendar(event("SEQUENCE:0"))
    desk.take(text)
    from api.commands.registers import act_sync
    from domain.meetings.commands import RescheduleMeeting
    from domain.registers.meetings import MEETINGS
    from domain.values import OccurredGiven
    from tests.imports.calendars import OFFICER

    command = RescheduleMeeting(planned=OccurredGiven.model_validate("2026-04-01"))
    meeting_id = desk.meetings()[0]["id"]
    act_sync(
        desk.services,
        OFFICER,
        MEETINGS,
        command,
        via="cli",
        step="reschedulings",
        record_id=meeting_id,
    )
    assert desk.take(text).meetings_present == 1
    assert desk.days() == ["2026-04-01"]


@pytest.mark.parametrize(
    "text",
    [
        calendar(event("SEQUENCE:1"), method="CANCEL"),
        calendar(event("SEQUENCE:1", "STATUS:CANCELLED")),
    ],
    ids=["method", "status"],
)
def test_a_cancellation_calls_the_meeting_off_once(desk: CalendarDesk, text: str) -> None:
    desk.take(calendar(event("SEQUENCE:0"), method="REQUEST"))
    assert desk.take(text).meetings_cancelled == 1
    assert desk.take(text).meetings_present == 1
    assert desk.days("cancelled") == ["2026-03-10"]
    assert desk.take(calendar(event("SEQUENCE:2"), method="REQUEST")).meetings_moved == 1
    assert desk.days() == ["2026-03-10"]


def test_a_cancellation_of_what_nobody_knows_is_counted(desk: CalendarDesk) -> None:
    report = desk.take(calendar(event(), method="CANCEL"))
    assert report.skipped == {"cancels_unknown": 1} and desk.meetings() == []


@pytest.mark.parametrize("method", ["REPLY", "COUNTER"])
def test_an_answer_is_counted_and_makes_no_meeting(desk: CalendarDesk, method: str) -> None:
    assert desk.take(calendar(event(), method=method)).skipped == {f"method_{method.lower()}": 1}
    assert desk.meetings() == []


# ── series ───────────────────────────────────────────────────────────────────────────────────────

WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=4"


def test_a_series_is_its_times_without_exdates_with_rdates_and_overrides(
    desk: CalendarDesk,
) -> None:
    master = event(WEEKLY, "EXDATE:20260317T090000Z", "RDATE:20260501T090000Z")
    instead = event("RECURRENCE-ID:20260324T090000Z", start="DTSTART:20260325T130000Z")
    assert desk.take(calendar(master, instead)).meetings_made == 4
    assert desk.days() == ["2026-03-10", "2026-03-25", "2026-03-31", "2026-05-01"]
    assert desk.take(calendar(master, instead)).meetings_present == 4


def test_a_series_moved_to_another_day_moves_its_meetings(desk: CalendarDesk) -> None:
    desk.take(calendar(event(WEEKLY, "SEQUENCE:0")))
    moved = calendar(event(WEEKLY, "SEQUENCE:1", start="DTSTART:20260311T100000Z"))
    report = desk.take(moved)
    assert (report.meetings_moved, report.meetings_made) == (4, 0)
    assert desk.days() == ["2026-03-11", "2026-03-18", "2026-03-25", "2026-04-01"]
    assert desk.take(moved).meetings_present == 4


def test_a_time_that_leaves_its_series_is_called_off(desk: CalendarDesk) -> None:
    desk.take(calendar(event(WEEKLY, "SEQUENCE:0")))
    assert (
        desk.take(calendar(event(WEEKLY, "SEQUENCE:1", "EXDATE:20260317T090000Z")))
    ).meetings_cancelled == 1
    assert desk.days("cancelled") == ["2026-03-17"]


def test_one_time_of_a_series_or_all_of_it_can_be_cancelled(desk: CalendarDesk) -> None:
    desk.take(calendar(event(WEEKLY, "SEQUENCE:0")))
    one = event("SEQUENCE:1", "RECURRENCE-ID:20260317T090000Z", start="DTSTART:20260317T090000Z")
    assert desk.take(calendar(one, method="CANCEL")).meetings_cancelled == 1
    assert desk.days("cancelled") == ["2026-03-17"]
    assert desk.take(calendar(event("SEQUENCE:2"), method="CANCEL")).meetings_cancelled == 3
    assert desk.days() == []


def test_a_series_without_end_goes_a_year_ahead_and_says_so(desk: CalendarDesk) -> None:
    report = desk.take(calendar(event("RRULE:FREQ=WEEKLY")))
    assert (report.meetings_made, report.series_cut) == (53, 1)


def test_a_series_never_has_more_times_than_the_limit(desk: CalendarDesk) -> None:
    daily = event("RRULE:FREQ=DAILY", start="DTSTART:20100101T090000Z")
    report = desk.take(calendar(daily), dry_run=True)
    assert (report.meetings_made, report.series_cut) == (OCCURRENCES_MAX, 1)
    assert desk.meetings() == []


# ── time zones and broken values ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("start", "begins", "flags"),
    [
        ("DTSTART;TZID=Romance Standard Time:20260710T090000", "2026-07-10T07:00:00Z", {}),
        ("DTSTART;TZID=Europe/London:20260710T090000", "2026-07-10T08:00:00Z", {}),
        ("DTSTART:20260710T090000", "2026-07-10T07:00:00Z", {"time_floating": 1}),
        ("DTSTART;TZID=Ingensteds:20260710T090000", "2026-07-10", {"time_zone_unknown": 1}),
        ("DTSTART;VALUE=DATE:20260710", "2026-07-10", {}),
    ],
)
def test_times_are_read_in_their_zone_and_none_is_made_up(
    desk: CalendarDesk, start: str, begins: str, flags: dict[str, int]
) -> None:
    report = desk.take(calendar(event(start=start)))
    assert report.flagged == flags
    (meeting,) = desk.meetings()
    assert meeting["planned"]["from"] == begins


def test_without_a_uid_the_content_is_the_identity(desk: CalendarDesk) -> None:
    desk.take(calendar(event(uid=None)))
    assert desk.take(calendar(event(uid=None))).meetings_present == 1
    assert len(desk.meetings()) == 1


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (event(start=""), "start_missing"),
        (event(start="DTSTART:i morgen"), "start_unreadable"),
        (event(start="DTSTART:02260310T090000Z"), "start_unreadable"),
        (event("RRULE:FREQ=TIT"), "recurrence_unreadable"),
        (event("RRULE:FREQ=SECONDLY;UNTIL=99991231T235959Z"), "recurrence_too_frequent"),
        (event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260310T090000Z"), "range_not_supported"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason_and_the_rest_taken(
    desk: CalendarDesk, bad: str, code: str
) -> None:
    report = desk.take(calendar(bad, event(uid="god@x")))
    assert report.refused == {code: 1} and report.refusals == [{"component": 1, "code": code}]
    assert report.meetings_made == 1


def test_a_forum_is_named_or_found_among_the_calendars_own_words(desk: CalendarDesk) -> None:
    assert desk.take(calendar(event()), forums=()).refused == {"forum_unknown": 1}
    own = event("CATEGORIES:Ukendt,Forum")
    assert desk.take(calendar(own), forums=()).meetings_made == 1
    assert desk.meetings()[0]["forums"][0]["name"] == "Forum"
    unknown = desk.take(calendar(event(uid="b@x")), forums=("Findes ikke",))
    assert unknown.refused == {"unknown_party": 1}


# ── bombs ────────────────────────────────────────────────────────────────────────────────────────


def refused(desk: CalendarDesk, content: str | bytes) -> str:
    started = time.process_time()
    with pytest.raises(Refused) as refusal:
        desk.take(content)
    assert time.process_time() - started < QUICK_SECONDS
    return str(refusal.value.params["why"])


def test_a_file_too_large_too_deep_or_too_many_is_refused_before_it_is_parsed(
    desk: CalendarDesk,
) -> None:
    assert refused(desk, b"X" * (2 * CALENDAR_BYTES_MAX)) == "file_too_large"
    deep = "BEGIN:VEVENT\r\n" * (DEPTH_MAX + 1)
    assert refused(desk, calendar(deep)) == "too_deep"
    assert refused(desk, "BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 20_000) == "too_many_components"
    assert refused(desk, calendar("X-A:" + "a" * 300_000)) == "line_too_long"
    assert refused(desk, b"\x00\x01") == "nul_character"
    assert refused(desk, "") == "file_empty"
    assert refused(desk, "Kære alle") == "no_calendar"


ZONE = """BEGIN:VTIMEZONE
TZID:Bombe
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0100
TZOFFSETTO:+0100
RRULE:{rule}
END:STANDARD
END:VTIMEZONE"""


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYHOUR=0,1,2"]
)
def test_a_time_zone_that_would_be_walked_for_ever_is_not_read(
    desk: CalendarDesk, rule: str
) -> None:
    started = time.process_time()
    inside = event(start="DTSTART;TZID=Bombe:20260310T090000")
    report = desk.take(calendar(ZONE.format(rule=rule), inside))
    assert time.process_time() - started < QUICK_SECONDS
    assert report.flagged == {"calendar_broken": 1, "time_zone_unknown": 1}


def test_a_files_own_zone_holds_wherever_it_stands_and_in_no_other_file(
    desk: CalendarDesk,
) -> None:
    zone = ZONE.format(rule="FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU").replace("Bombe", "Egen")
    inside = event(start="DTSTART;TZID=Egen:20260310T090000")
    assert desk.take(calendar(inside, zone)).flagged == {}
    assert desk.meetings()[0]["planned"]["from"] == "2026-03-10T08:00:00Z"
    other = event(start="DTSTART;TZID=Egen:20260310T090000", uid="b@x")
    assert desk.take(calendar(other)).flagged == {"time_zone_unknown": 1}


def test_a_rule_that_never_falls_on_a_day_costs_no_more_than_its_days(desk: CalendarDesk) -> None:
    never = "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;UNTIL=99991231T000000Z"
    started = time.process_time()
    report = desk.take(calendar(event(never, start="DTSTART:19700101T090000Z")))
    assert time.process_time() - started < QUICK_SECONDS
    assert report.meetings_made == 1


def test_many_long_series_share_one_budget(desk: CalendarDesk) -> None:
    rule = "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"
    start = "DTSTART:19260310T090000Z"
    many = [event(rule, uid=f"{n}@x", start=start) for n in range(200)]
    report = desk.take(calendar(*many), dry_run=True)
    assert report.refused["recurrence_too_much"] > 150


@given(
    rule=st.builds(
        ";".join,
        st.tuples(
            st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY"]),
            st.sampled_from(["INTERVAL=1", "INTERVAL=2", "INTERVAL=3;WKST=SU"]),
            st.sampled_from(["BYMONTH=1,6,12", "BYDAY=MO,WE", "WKST=MO"]),
            st.sampled_from(["BYMONTHDAY=1,-1", "BYMONTHDAY=31", "WKST=MO", "BYHOUR=9,15"]),
        ),
    ),
    start=st.datetimes(datetime(2015, 1, 1), datetime(2024, 1, 1)),  # noqa: DTZ001 wall clock
)
def test_a_rule_has_the_times_that_dateutil_finds(rule: str, start: datetime) -> None:
    if "WEEKLY" in rule:  # BYMONTHDAY is not for weekly rules (RFC 5545)
        rule = rule.replace("BYMONTHDAY=1,-1", "WKST=MO").replace("BYMONTHDAY=31", "WKST=MO")
    rule = ";".join(_once(rule))
    start, last = start.replace(microsecond=0), date(2027, 1, 1)
    theirs: list[datetime] = []
    for when in rrulestr(rule, dtstart=start):
        if when.date() > last or len(theirs) > 200:
            break
        theirs.append(when)
    theirs = theirs if theirs[:1] == [start] else [start, *theirs]
    assert expanded(rule_of(rule), start, None, last).times[:200] == theirs[:200]


def _once(rule: str) -> list[str]:
    """The parts of a rule, each name once."""
    return list({part.split("=")[0]: part for part in rule.split(";")}.values())


@given(text=st.text(alphabet="FREQ=WKLYBYDAMO;,-0123456789 ", max_size=60))
def test_no_text_makes_a_rule_crash(text: str) -> None:
    try:
        found = expanded(rule_of(text), WALL, None, date(2026, 12, 31))
    except RuleRefused:
        return
    assert len(found.times) <= OCCURRENCES_MAX


def test_the_same_content_under_another_name_makes_no_second_meeting(desk: CalendarDesk) -> None:
    text = calendar(event())
    desk.take(desk.file(text, "første.ics"))
    assert desk.take(desk.file(text, "anden.ics")).meetings_present == 1
    assert len(desk.meetings()) == 1


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def test_the_command_reports_and_records_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("KONTAKTLOG_")]:
        monkeypatch.delenv(name)
    with calendar_desk(tmp_path) as desk:
        desk.file(calendar(event(), event(start="", uid="b@x")))
        monkeypatch.setenv("KONTAKTLOG_STORE", f"sqlite:///{tmp_path}/log.db")
        monkeypatch.setenv("KONTAKTLOG_MASTER_KEY", MASTER)
        desk.services.close()
    arguments = ["import", "ics", f"{tmp_path}/kalender.ics", "--forum", "Forum"]
    assert run([*arguments, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["meetings_made"], report["refused"]) == (1, {"start_missing": 1})
    assert run(arguments) == 1
    told = capsys.readouterr().out
    assert "møder fandtes i forvejen: 1" in told and "komponent 2: start_missing" in told
    assert run(["import", "ics", f"{tmp_path}/findes-ikke.ics"]) == 2


def test_the_file_and_the_report_stand_in_the_log(desk: CalendarDesk) -> None:
    report = desk.take(calendar(event()))
    types = types_of(desk)
    assert types[-3:] == ["import.started/1", "meeting.called/1", "import.finished/1"]
    facts = list(desk.services.codec.facts(desk.services.log.rows(0)))
    assert facts[-1].data["file_sha256"] == report.file_sha256
    assert facts[-1].data["report"]["meetings_made"] == 1
