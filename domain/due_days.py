"""Due days (frister for tilsagn og opfølgninger): which day counts, and when one is reminded of it.

What somebody is to do by a day, a commitment or a follow-up, follows the same rules, so they stand
once. A reminder (påmindelse) comes once for a due day, some calendar days ahead of it; when the day
has passed before anybody could be reminded, only that it passed is said.
"""

from datetime import date, timedelta
from typing import Annotated, Final, Literal, Protocol

from pydantic import Field

from domain.values import Occurred

REMIND_DAYS: Final = 7
"""Calendar days ahead of the due day when nobody says otherwise.

Never changes: it is also what a fact means that was recorded before there were reminders.
"""
REMIND_DAYS_MAX: Final = 365
"""A year: further ahead nobody can act on it, and a yearly duty is reminded of once a year."""
RemindDays = Annotated[int, Field(ge=0, le=REMIND_DAYS_MAX)]
"""How many days ahead somebody asks to be reminded; 0 is not at all."""

Finding = Literal["soon", "passed"]
"""What there is to say of a due day: it comes near, or it has passed."""


class Awaited(Protocol):
    """What is to be done by a day, if a day was said."""

    @property
    def due(self) -> Occurred | None:
        """By when; its last day counts."""

    @property
    def remind_days(self) -> int:
        """How many days ahead one is reminded, 0 for not at all."""

    @property
    def reminded(self) -> str | None:
        """The due day that one was reminded of already."""


def silent_until(awaited: Awaited) -> str | None:
    """Return the last day on which nothing is to be said, None when there never will be.

    That is the day before the reminder's, or the due day itself when there is none to come.
    """
    if awaited.due is None:
        return None
    last = awaited.due.last_day
    if awaited.remind_days == 0 or awaited.reminded == last:
        return last
    return _shifted(last, -awaited.remind_days - 1)


def finding(awaited: Awaited, today: str) -> Finding | None:
    """Return what is to be said of the due day today, always one thing: passed goes before soon."""
    quiet = silent_until(awaited)
    if awaited.due is None or quiet is None or today <= quiet:
        return None
    return "passed" if today > awaited.due.last_day else "soon"


def counts(counting: Occurred | None, agreed: Occurred) -> bool:
    """Return whether a day agreed on then is the one that counts from now on (K11).

    It is when the day that counted was not over; of a fuzzy time the whole must lie before.
    """
    return counting is None or agreed.last_day <= counting.last_day


def late(counting: Occurred | None, happened: Occurred) -> bool:
    """Return whether something done then was done after the day that counts."""
    return counting is not None and happened.first_day > counting.last_day


def day_after(due: str) -> str:
    """Return the first day on which a due day has passed."""
    return _shifted(due, 1)


def _shifted(day: str, days: int) -> str:
    """Return the day so many days on; at the ends of the calendar it stays, no view may stumble."""
    try:
        return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
    except OverflowError:
        return day
