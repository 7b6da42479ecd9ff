"""The calendar of meetings: RFC 5545 as a strict reader sees it, within the asker's sight."""

from pathlib import Path
from typing import Any

from icalendar import Calendar

from api.http.calendar import calendar_of
from domain.access import Role
from tests.api.builders import Api
from tests.imports.calendars import CalendarDesk, calendar_desk

LINE_BYTES_MAX = 75
Json = dict[str, Any]


def called(api: Api, **more: Any) -> Json:
    body = {"title": "Fælles møde", "forums": ["BL"], "planned": "2010-02-22", "place": "Rådhuset"}
    answer = api.post("/v1/meetings", {**body, **more})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def step(api: Api, meeting: Json, name: str, **body: Any) -> Json:
    path = f"/v1/meetings/{meeting['id']}/{name}"
    answer = api.ask("POST", path, json=body, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text
    made: Json = answer.json()
    return made


def feed(api: Api, position: int, **params: Any) -> tuple[bytes, Any]:
    answer = api.seen("/v1/meetings.ics", position, **params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    return answer.content, Calendar.from_ical(answer.content)


def events(calendar: Any) -> list[Any]:
    return list(calendar.walk("VEVENT"))


def test_a_meeting_is_an_event_with_all_that_a_subscriber_needs(api: Api) -> None:
    meeting = called(api, planned="2010-02-22T10:00:00+01:00")
    moved = step(api, meeting, "reschedulings", planned="2010-02-24T10:00:00+01:00")
    _, calendar = feed(api, moved["position"])
    (event,) = events(calendar)
    assert event["UID"].startswith(f"{meeting['id']}@")
    assert event["SEQUENCE"] == 1
    assert event["DTSTART"].to_ical() == b"20100224T090000Z"
    assert (event["STATUS"], event["SUMMARY"], event["LOCATION"]) == (
        "CONFIRMED",
        "Fælles møde",
        "Rådhuset",
    )
    assert event["DTSTAMP"].dt <= event["LAST-MODIFIED"].dt


def test_a_day_is_a_date_and_a_cancelled_meeting_says_so(api: Api) -> None:
    called(api)
    cancelled = step(api, called(api, planned="2010-03-01"), "cancellation")
    _, calendar = feed(api, cancelled["position"])
    by_day = {event["DTSTART"].to_ical(): event["STATUS"] for event in events(calendar)}
    assert by_day == {b"20100222": "TENTATIVE", b"20100301": "CANCELLED"}


def test_what_is_less_exact_than_a_day_is_left_out_and_counted(api: Api) -> None:
    called(api, planned="2010-04")
    last = called(api, planned={"from": "2010-04", "to": "2010-06", "text": "april - juni"})
    body, calendar = feed(api, last["position"])
    assert events(calendar) == [] and b"X-KONTAKTLOG-LEFT-OUT:2\r\n" in body


def test_lines_are_folded_escaped_and_end_as_the_standard_says(api: Api) -> None:
    title = "Ny organisering; æøå, \\ og " + "langt " * 30
    body, calendar = feed(api, called(api, title=title)["position"])
    assert events(calendar)[0]["SUMMARY"] == title.strip()
    lines = body.split(b"\r\n")
    assert lines[-1] == b"" and not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) <= LINE_BYTES_MAX
    for line in lines:
        line.decode()  # no letter is cut in two


def test_filters_and_time_travel_are_those_of_the_list(api: Api) -> None:
    first = called(api)
    last = called(api, forums=["KAB"], planned="2010-05-01")
    at = last["position"]
    assert len(events(feed(api, at)[1])) == 2
    assert len(events(feed(api, at, forum="KAB")[1])) == 1
    assert len(events(feed(api, at, party="BL")[1])) == 1
    assert len(events(feed(api, at, day_from="2010-03-01")[1])) == 1
    assert len(events(feed(api, at, as_of_recorded=str(first["position"]))[1])) == 1
    assert api.seen("/v1/meetings.ics", at, forum="Ukendt").status_code == 400


def test_outside_nobody_sees_meetings_that_are_not_theirs(api: Api) -> None:
    own = called(api, confidentiality="open")
    called(api, forums=["KAB"], confidentiality="open")
    last = called(api, confidentiality="internal")
    party = own["forums"][0]["id"]
    mine = api.as_role(Role.ORGANISATION, f"party:{party}")
    listed = mine.items("/v1/meetings", last["position"])
    shown = events(feed(mine, last["position"])[1])
    assert [str(event["UID"]).split("@")[0] for event in shown] == [m["id"] for m in listed]


def test_who_may_not_read_records_gets_no_calendar(api: Api) -> None:
    assert api.as_role(Role.ADMINISTRATOR).get("/v1/meetings.ics").status_code == 403
    assert api.as_nobody().get("/v1/meetings.ics").status_code == 401


def told(desk: CalendarDesk) -> list[tuple[Any, ...]]:
    return [_told(meeting) for meeting in desk.meetings()]


def _told(meeting: Json) -> tuple[Any, ...]:
    planned = (meeting["planned"]["from"], meeting["planned"]["to"])
    forums = [forum["name"] for forum in meeting["forums"]]
    return planned, meeting["title"], meeting["place"], meeting["status"], forums


def test_a_feed_imported_into_an_empty_store_gives_the_same_meetings(
    api: Api, tmp_path: Path
) -> None:
    api.party("Forum", "forum")
    called(api, forums=["Forum"], planned="2010-02-22T10:00:00+01:00")
    called(api, forums=["Forum"], planned="2010-03-02", title="Tegn: ; , \\ ”", place=None)
    spans = {"from": "2010-03-03T10:00:00Z", "to": "2010-03-03T12:00:00Z"}
    last = step(api, called(api, forums=["Forum"], planned=spans), "cancellation")
    body, _ = feed(api, last["position"])
    ours = api.items("/v1/meetings", last["position"], sort="day")
    with calendar_desk(tmp_path / "anden") as desk:
        report = desk.take(body, forums=())
        assert (report.meetings_made, report.meetings_cancelled) == (3, 1)
        assert told(desk) == sorted(_told(meeting) for meeting in ours)
        assert desk.take(body, forums=()).anything_new is False


def test_an_erased_title_leaves_an_event_without_words() -> None:
    meeting = {
        "id": "m",
        "version": 1,
        "status": "called",
        "title": None,
        "recorded_at": "2010-02-01T09:00:00Z",
        "changed_at": "2010-02-01T09:00:00Z",
        "planned": {"from": "2010-02-22", "to": "2010-02-22", "precision": "day"},
    }
    body = calendar_of([meeting], "log.example", more=True)
    assert b"UID:m@log.example" in body and b"SUMMARY" not in body and b"LOCATION" not in body
    assert b"X-KONTAKTLOG-CUT:TRUE" in body
