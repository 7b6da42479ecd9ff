"""Meetings as a calendar others subscribe to (kalenderfeed): `GET /v1/meetings.ics`.

A calendar can say a day or a time and nothing less exact, so a meeting planned for a month or a
span of days is left out and counted: a day is never made up for it.
"""

import asyncio
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from api.http.answers import Answer, at_position
from api.http.operations import Ask
from api.http.vantage import family_of, read, vantage, widened
from domain.meetings.events import CANCELLED, HELD
from domain.registers import REGISTERS
from domain.values import Precision
from projections import registers as records
from projections.registers import RecordQuery
from projections.storage import Reader

if TYPE_CHECKING:
    from icalendar import Event

MEETINGS_MAX: Final = 5_000
"""Of one calendar, the latest first; `day_from` and `day_to` ask for others."""
PAGE: Final = 500
MEDIA_TYPE: Final = b"text/calendar; charset=utf-8"
PRODUCT: Final = "-//Kontaktlog//Kontaktlog//DA"
Json = dict[str, Any]


async def get_calendar(ask: Ask) -> Answer:
    """Answer with the meetings the asker may know of."""
    register = REGISTERS["meetings"]
    seen = await vantage(ask, register.name, "parties")
    v, v_parties = seen.suffixes[register.name], seen.suffixes["parties"]

    def question(reader: Reader) -> tuple[list[bytes], bool]:
        sight = widened(reader, v_parties, seen.at, ask.sight)
        terms = {
            kind: named
            for kind in ("party", "forum")
            if (named := family_of(reader, v_parties, seen, kind, ask.query.get(kind))) is not None
        }
        found: list[bytes] = []
        after: records.Key | None = None
        while True:
            days = ask.query.get("day_from"), ask.query.get("day_to")
            asked = RecordQuery(terms, *days, limit=PAGE, after=after)
            page = records.listing(reader, v, seen.at, seen.day, sight, asked)
            found += page.items
            after = page.next
            if after is None or len(found) >= MEETINGS_MAX:
                return found, after is not None

    items, more = await read(ask, question, long=True)
    meetings = [orjson.loads(item) for item in items]
    origin = ask.services.settings.origin
    body = await asyncio.to_thread(calendar_of, meetings, origin, more=more)
    return Answer(200, body, at_position(seen.at), MEDIA_TYPE)


def calendar_of(meetings: list[Json], origin: str, *, more: bool = False) -> bytes:
    """Return meetings as a calendar's bytes; `more` tells that there are earlier ones."""
    from icalendar import Calendar  # noqa: PLC0415  only who subscribes pays for it

    calendar = Calendar()
    calendar.add("PRODID", PRODUCT)
    calendar.add("VERSION", "2.0")
    calendar.add("METHOD", "PUBLISH")
    shown = [event for meeting in meetings if (event := event_of(meeting, origin)) is not None]
    calendar.add("X-KONTAKTLOG-LEFT-OUT", str(len(meetings) - len(shown)))
    if more:
        calendar.add("X-KONTAKTLOG-CUT", "TRUE")
    for event in shown:
        calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written


def event_of(meeting: Json, origin: str) -> "Event | None":
    """Return a meeting as an event; None when its day is not known."""
    held = meeting["status"] == HELD and meeting.get("held")
    times = _times(meeting["held"]) if held else None
    times = times or _times(meeting["planned"])
    if times is None:
        return None
    from icalendar import Event  # noqa: PLC0415  as above

    event = Event()
    event.add("UID", f"{meeting['id']}@{origin}")
    event.add("DTSTAMP", _instant(meeting["recorded_at"]))
    event.add("LAST-MODIFIED", _instant(meeting["changed_at"]))
    event.add("SEQUENCE", meeting["version"] - 1)
    event.add("STATUS", _status(meeting, times[0]))
    event.add("DTSTART", times[0])
    if times[1] is not None:
        event.add("DTEND", times[1])
    if meeting.get("title"):
        event.add("SUMMARY", meeting["title"])
    if meeting.get("place"):
        event.add("LOCATION", meeting["place"])
    if meeting.get("forums"):
        event.add("CATEGORIES", [forum["name"] for forum in meeting["forums"]])
    return event


def _status(meeting: Json, start: date) -> str:
    """Return what a calendar calls it: tentative while only the day of a planned one is known."""
    if meeting["status"] == CANCELLED:
        return "CANCELLED"
    tentative = meeting["status"] != HELD and not isinstance(start, datetime)
    return "TENTATIVE" if tentative else "CONFIRMED"


def _times(occurred: Json) -> tuple[date, date | None] | None:
    """Return start and end; None for what is less exact than a day."""
    start, end = str(occurred["from"]), str(occurred["to"])
    if "T" in start and "T" in end:
        told = (Precision.INSTANT, Precision.RANGE)
        if occurred["precision"] not in told:
            return None
        return _instant(start), _instant(end) if end != start else None
    if occurred["precision"] != Precision.DAY:
        return None
    return date.fromisoformat(start), None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
