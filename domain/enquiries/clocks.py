"""The clocks of an enquiry (ure): which deadlines run, came near, passed, were met or missed.

Deadlines were counted when the enquiry was received and are never moved: an interim reply tells a
new expectation, not a new deadline. Nothing pauses unless the target says so, and what the due date
would be with pauses is told beside it in any case. All times of steps are taken at their end: of a
step known only to a month, the month's last day.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, Literal

from domain.calendar import CalendarRangeError, WorkingCalendar
from domain.enquiries.commands import GivenDeadline
from domain.enquiries.state import EnquiryState, Owed, Phase, time_key
from domain.service_targets import STANDARD_CALENDARS, Clock, Deadline
from domain.values import Occurred, instant_text

GIVEN: Final = "given"
"""Code of a deadline that came with the enquiry."""
GIVEN_WARN_DAYS: Final = 2
"""Working days before a given deadline from which it is at risk."""
GIVEN_PROFILE: Final = "DK_PUBLIC"
"""Calendar in which working days around a given deadline are counted; it names none itself."""

ClockState = Literal["running", "at_risk", "overdue", "met", "missed", "ended"]


@dataclass(frozen=True, slots=True)
class Times:
    """When an enquiry's clocks were stopped, as far as they were.

    `answered` is when the last answer that was owed came, or was waived. `ended` is when the
    enquiry was closed, split or merged. A pause runs from a question to the sender until what the
    sender gave, or None while it is awaited.
    """

    first_response: Occurred | None = None
    answered: Occurred | None = None
    first_substantive: Occurred | None = None
    closed: Occurred | None = None
    moved: bool = False
    """Whether it was split or merged, so that its answer is owed elsewhere."""
    pauses: tuple[tuple[Occurred, Occurred | None], ...] = ()
    reopened: bool = False


@dataclass(frozen=True, slots=True)
class ClockStanding:
    """How one deadline stands at a moment.

    `due` is the deadline as counted, `due_if_paused` with the working days added that the sender
    was waited for; `counts` is the one of the two that decides. All are a day, or an instant for a
    deadline given as one; so is `done`. `state` is `ended` when the enquiry ended with the clock
    neither met nor missed. `working_days` are left until `counts`, and negative when it is
    over; of a clock that was stopped they are counted from the day it stopped.
    """

    code: str
    clock: Clock
    due: str
    due_if_paused: str
    at_risk_from: str
    done: str | None
    state: ClockState
    working_days: int
    first_substantive: str | None = None
    reopened: bool = False
    pauses: bool = False

    @property
    def counts(self) -> str:
        """The due date that decides: with pauses only where the target says that it pauses."""
        return self.due_if_paused if self.pauses else self.due


def times_of(state: EnquiryState) -> Times:
    """Return when the clocks of an enquiry were stopped."""
    settled = [one.settled for one in state.obligations.values() if one.settled is not None]
    still = any(one.state is Owed.OPEN for one in state.obligations.values())
    return Times(
        first_response=state.first_response,
        answered=max(settled, key=time_key) if settled and not still else None,
        first_substantive=state.first_substantive,
        closed=state.ended_at if state.ended is Phase.CLOSED else None,
        moved=state.ended in (Phase.SPLIT, Phase.MERGED),
        pauses=state.pauses,
        reopened=state.reopened,
    )


def standing(
    deadlines: Sequence[Deadline],
    times: Times,
    now: datetime,
    zone: tzinfo,
    calendars: Mapping[str, WorkingCalendar] = STANDARD_CALENDARS,
) -> list[ClockStanding]:
    """Return how each deadline stands at `now`, in the order given; total, for old facts too.

    What happened on a day after that of `now` has not happened yet. Something is in time when it
    was done on the due day or before; against an instant, at it or before.
    """
    return [_standing(each, times, now, zone, calendars) for each in deadlines]


def _standing(
    deadline: Deadline,
    times: Times,
    now: datetime,
    zone: tzinfo,
    calendars: Mapping[str, WorkingCalendar],
) -> ClockStanding:
    today = now.astimezone(zone).date().isoformat()
    calendar = _calendar(deadline, calendars)
    stopped = times.first_response if deadline.clock is Clock.FIRST_RESPONSE else times.answered
    if deadline.clock is Clock.ANSWER:
        stopped = stopped or times.closed
    done = stopped if stopped is not None and stopped.last_day <= today else None
    closed = times.closed is not None and times.closed.last_day <= today
    paused = _paused(deadline, times, done.last_day if done else today, zone, calendar)
    due = _moved(deadline.due, paused, zone, calendar)
    at_risk = deadline.at_risk_from
    if deadline.pauses:
        at_risk = _moved(at_risk, paused, zone, calendar)
    counts = due if deadline.pauses else deadline.due
    seen = _Seen(today, instant_text(now))
    by = _Seen(done.last_day, done.to) if done else seen
    if closed and done is None and times.closed is not None:
        by = _Seen(times.closed.last_day, times.closed.to)
    state: ClockState
    if done is not None:
        state = "missed" if _is_late(counts, by, zone) else "met"
    elif closed or times.moved:
        state = "missed" if closed and _is_late(counts, by, zone) else "ended"
    elif _is_late(counts, seen, zone):
        state = "overdue"
    else:
        state = "at_risk" if _has_come(at_risk, seen, zone) else "running"
    first = times.first_substantive if deadline.clock is Clock.ANSWER else None
    return ClockStanding(
        code=deadline.code,
        clock=deadline.clock,
        due=deadline.due,
        due_if_paused=due,
        at_risk_from=at_risk,
        done=done.to if done else None,
        state=state,
        working_days=_between(by.day, _day_of(counts, zone), calendar),
        first_substantive=first.to if first and first.last_day <= today else None,
        reopened=times.reopened,
        pauses=deadline.pauses,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """A moment as deadlines are held against it: its day here, and itself if it is known."""

    day: str
    to: str


def _is_late(due: str, at: _Seen, zone: tzinfo) -> bool:
    if _is_instant(due) and _is_instant(at.to):
        return datetime.fromisoformat(at.to) > datetime.fromisoformat(due)
    return at.day > _day_of(due, zone)


def _has_come(since: str, at: _Seen, zone: tzinfo) -> bool:
    if _is_instant(since):
        return datetime.fromisoformat(at.to) >= datetime.fromisoformat(since)
    return at.day >= _day_of(since, zone)


def _is_instant(text: str) -> bool:
    return "T" in text


def _day_of(due: str, zone: tzinfo) -> str:
    if not _is_instant(due):
        return due
    return datetime.fromisoformat(due).astimezone(zone).date().isoformat()


def _calendar(deadline: Deadline, calendars: Mapping[str, WorkingCalendar]) -> WorkingCalendar:
    """Return the deadline's calendar; one that is not known any more counts like the standard."""
    found = calendars.get(deadline.profile or GIVEN_PROFILE)
    return found or STANDARD_CALENDARS[GIVEN_PROFILE]


def _paused(
    deadline: Deadline, times: Times, until: str, zone: tzinfo, calendar: WorkingCalendar
) -> int:
    """Return the working days the sender was waited for while the deadline had not passed.

    The day of the question is day 0, as the day of receipt is. Days are counted once even when two
    questions were open; a question put after the deadline cannot save it.
    """
    days, last = 0, ""
    for start, end in sorted(times.pauses, key=lambda pause: time_key(pause[0])):
        first = max(start.last_day, last)
        until_here = min(end.last_day if end else until, until)
        due = _moved(deadline.due, days, zone, calendar)
        if first < until_here and first <= _day_of(due, zone):
            days += _between(first, until_here, calendar)
            last = until_here
    return days


def _moved(due: str, days: int, zone: tzinfo, calendar: WorkingCalendar) -> str:
    """Return a day or instant so many working days later, at the same local time."""
    if days == 0:
        return due
    moved = _counted(_day_of(due, zone), lambda day: calendar.add_working_days(day, days))
    return _at_the_time_of(due, moved, zone)


def _at_the_time_of(due: str, day: date, zone: tzinfo) -> str:
    if not _is_instant(due):
        return day.isoformat()
    clock = datetime.fromisoformat(due).astimezone(zone).time()
    return instant_text(datetime.combine(day, clock, zone))


def _counted(day: str, count: Callable[[date], date]) -> date:
    """Count from a day; where no calendar reaches, the day itself: old facts are never refused."""
    start = date.fromisoformat(day)
    try:
        return count(start)
    except CalendarRangeError:
        return start


def _between(start: str, end: str, calendar: WorkingCalendar) -> int:
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    try:
        if last < first:
            return -calendar.working_days_between(last, first)
        return calendar.working_days_between(first, last)
    except CalendarRangeError:
        return 0


def given_deadline(
    given: GivenDeadline, received_day: str, zone: tzinfo, calendars: Mapping[str, WorkingCalendar]
) -> Deadline:
    """Return a deadline that came with the enquiry; raises ValueError for a time that is none.

    At risk two working days before, but never before the receipt nor after the deadline itself.
    """
    due = given.due
    if _is_instant(due):
        due = instant_text(datetime.fromisoformat(due).astimezone(UTC))
    deadline = Deadline(
        code=GIVEN, clock=Clock.ANSWER, due=due, at_risk_from=due, basis=given.basis
    )
    calendar = _calendar(deadline, calendars)
    last = _day_of(due, zone)
    warned = _counted(last, lambda day: _before(day, GIVEN_WARN_DAYS, calendar))
    if warned.isoformat() <= received_day:
        at_risk = min(received_day, last)
        return deadline.model_copy(update={"at_risk_from": at_risk})
    return deadline.model_copy(update={"at_risk_from": _at_the_time_of(due, warned, zone)})


def _before(day: date, days: int, calendar: WorkingCalendar) -> date:
    """Return the day from which `days` working days are left until `day`."""
    while days > 0:
        days -= calendar.is_working_day(day)
        day -= timedelta(days=1)
    return day
