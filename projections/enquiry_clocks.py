"""The deadlines of an enquiry as they stand at the moment asked (frister).

Stored is only what was promised and when each clock was stopped; the domain judges the rest, so
that inbox, item, counts and the policy that warns agree.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, tzinfo
from typing import Final

from pydantic import TypeAdapter

from domain.calendar import WorkingCalendar
from domain.enquiries.clocks import ClockStanding, Times, standing, times_of
from domain.enquiries.state import EnquiryState
from domain.registry import Json
from domain.service_targets import STANDARD_CALENDARS, Clock, Deadline
from domain.values import Occurred


@dataclass(frozen=True, slots=True)
class Judged:
    """By which moment, in which zone and by which calendars deadlines are judged."""

    now: datetime
    zone: tzinfo
    calendars: Mapping[str, WorkingCalendar] = field(default_factory=lambda: STANDARD_CALENDARS)


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the deadlines of an enquiry are judged by, and when each clock was stopped."""

    deadlines: tuple[Deadline, ...]
    times: Times
    first_response: Occurred | None
    answer: Occurred | None

    def running(self) -> tuple[Deadline, ...]:
        """Return the deadlines whose clock nothing has stopped."""
        stopped = {Clock.FIRST_RESPONSE: self.first_response, Clock.ANSWER: self.answer}
        return tuple(each for each in self.deadlines if stopped[each.clock] is None)


RUNNING: Final = frozenset({"running", "at_risk", "overdue"})
"""States that change as days go by."""
_CLOCKS: Final = TypeAdapter(Clocks)
_INSIDE: Final = ("due_if_paused", "at_risk_from", "state", "working_days", "pauses")
"""How near or late it is; the sender is told what is due when, and what was done."""


def clocks_of(state: EnquiryState) -> Clocks:
    """Return what the deadlines of an enquiry are judged by."""
    times = times_of(state)
    answered = times.answered or times.closed
    return Clocks(state.deadlines, times, times.first_response, answered)


def written(clocks: Clocks) -> bytes:
    """Return clocks as bytes."""
    return _CLOCKS.dump_json(clocks, by_alias=True)


def states_of(raw: bytes, judged: Judged) -> list[tuple[str, str]]:
    """Return clock and state of each deadline of an enquiry's clocks."""
    return [(each.clock, each.state) for each in _standing(_CLOCKS.validate_json(raw), judged)]


def clocks_shown(raw: bytes, judged: Judged, *, marks: bool) -> list[Json]:
    """Return the deadlines as they are shown, with `marks` of how near or late they are."""
    clocks = _CLOCKS.validate_json(raw)
    return [
        _shown(deadline, stands, marks=marks)
        for deadline, stands in zip(clocks.deadlines, _standing(clocks, judged), strict=True)
    ]


def _standing(clocks: Clocks, judged: Judged) -> list[ClockStanding]:
    return standing(clocks.deadlines, clocks.times, judged.now, judged.zone, judged.calendars)


def _shown(deadline: Deadline, stands: ClockStanding, *, marks: bool) -> Json:
    shown: Json = {
        "code": deadline.code,
        "clock": deadline.clock,
        "due": deadline.due,
        "days": deadline.days,
        "profile": deadline.profile,
        "basis": deadline.basis,
        "done": stands.done,
    }
    if marks:
        told = asdict(stands)
        shown |= {name: told[name] for name in _INSIDE}
    return shown
