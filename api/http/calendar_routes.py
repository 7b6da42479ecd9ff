"""The calendar's row in the table of operations."""

from typing import Final

from api.http import calendar, query
from api.http.operations import Operation
from api.http.query import MOMENTS, Parameters
from domain.access import Action
from domain.registers import REGISTERS

CALENDAR_OPERATIONS: Final = (
    Operation(
        "get_meeting_calendar",
        "GET",
        "/v1/meetings.ics",
        calendar.get_calendar,
        "Read meetings as a calendar (iCalendar, RFC 5545)",
        Action.READ_RECORDS,
        REGISTERS["meetings"].danish,
        "Meetings whose day or time is known; how many are left out, because only a month or a"
        " span of days is known, stands in `X-KONTAKTLOG-LEFT-OUT`.",
        parameters=Parameters(
            (
                query.text("party", "A party it concerns: id or key", "KAB", repeated=True),
                query.text("forum", "Who meets: id or key", "BL", repeated=True),
                query.day("day_from", "From this day"),
                query.day("day_to", "To this day"),
                *MOMENTS,
            )
        ),
        schema={"type": "string"},
        media_type="text/calendar",
        problems=(400, 503),
    ),
)
