"""What a calendar's events say of meetings: one invitation for each time a meeting is called for.

A series (UID with RRULE or RDATE) becomes its times, without EXDATE, with each RECURRENCE-ID in the
place of the time it stands for. Nothing is made up: a time whose zone nobody knows keeps its day.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from icalendar import Component
from icalendar.prop import vBroken
from pydantic import ValidationError

from api.imports.calendar_reading import PARSER_ERRORS, text_of, values_of
from api.imports.recurrence import (
    DAYS_WALKED_MAX,
    OCCURRENCES_MAX,
    RuleRefused,
    expanded,
    rule_of,
)
from domain.values import NAME_CHARS_MAX, SUBJECT_CHARS_MAX, OccurredGiven, instant_text

DAYS_AHEAD: Final = 366
"""A series without an end is taken up to so many days from today."""
DAYS_OF_FILE_MAX: Final = 1_000_000
"""Days walked for all series of a file."""
OCCURRENCES_OF_FILE_MAX: Final = 20_000
UID_CHARS_MAX: Final = 150
UNTITLED: Final = "(uden titel)"
_YEARS: Final = (1800, 2199)
_DAY_TEXT_CHARS: Final = 8
Revision = tuple[int, str]
"""SEQUENCE and DTSTAMP: what makes one message about a meeting newer than another."""


class EventRefused(Exception):
    """An event that cannot be taken; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Event:
    """One VEVENT, read."""

    number: int
    uid: str
    revision: Revision
    start: date
    length: timedelta
    zone_unknown: str
    replaces: date | None
    cancelled: bool
    title: str
    place: str
    names: tuple[str, ...]
    component: Component


@dataclass(frozen=True, slots=True)
class Invitation:
    """One time of a meeting as the calendar has it."""

    source_id: str
    number: int
    revision: Revision
    planned: OccurredGiven
    day: date
    cancelled: bool
    title: str
    place: str
    names: tuple[str, ...]


@dataclass(slots=True)
class Family:
    """All that a file says under one UID.

    `complete`: what is not among the invitations is no longer meant, up to the day `known_until`
    when there is one.
    """

    uid: str
    number: int
    revision: Revision
    invitations: list[Invitation] = field(default_factory=list)
    complete: bool = False
    known_until: date | None = None
    cancels: bool = False


@dataclass(slots=True)
class Budget:
    """What the series of a file may still cost."""

    days: int = DAYS_OF_FILE_MAX
    occurrences: int = OCCURRENCES_OF_FILE_MAX


# ── one event ────────────────────────────────────────────────────────────────────────────────────


def event_of(component: Component, number: int) -> Event:
    """Read one VEVENT; raises EventRefused."""
    start, zone_unknown = _moment(component, "DTSTART")
    if start is None:
        raise EventRefused("start_missing")
    replaces, _ = _moment(component, "RECURRENCE-ID")
    if replaces is not None and _parameter(component, "RECURRENCE-ID", "RANGE"):
        raise EventRefused("range_not_supported")
    organiser = _parameter(component, "ORGANIZER", "CN")
    return Event(
        number,
        uid_of(component),
        revision_of(component),
        start,
        _length(component, start),
        zone_unknown,
        replaces,
        text_of(component, "STATUS").upper() == "CANCELLED",
        text_of(component, "SUMMARY")[:SUBJECT_CHARS_MAX].strip() or UNTITLED,
        text_of(component, "LOCATION")[:NAME_CHARS_MAX].strip(),
        (*_categories(component), *([organiser] if organiser else [])),
        component,
    )


def uid_of(component: Component) -> str:
    """Return the UID; for an event without one, or with a very long one, a hash."""
    uid = text_of(component, "UID")
    if uid and len(uid) <= UID_CHARS_MAX and uid.isprintable():
        return uid
    try:
        content = uid.encode() if uid else component.to_ical()
    except PARSER_ERRORS:
        content = repr(sorted(component.items())).encode()
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def revision_of(component: Component) -> Revision:
    """Return SEQUENCE and DTSTAMP, as far as they can be read."""
    sequence = text_of(component, "SEQUENCE")
    number = int(sequence) if sequence.isdecimal() and len(sequence) < SEQUENCE_CHARS_MAX else 0
    try:
        stamp, _ = _moment(component, "DTSTAMP")
    except EventRefused:
        stamp = None
    if not isinstance(stamp, datetime):
        return number, ""
    return number, _stamp(stamp.replace(tzinfo=stamp.tzinfo or UTC))


SEQUENCE_CHARS_MAX: Final = 10
"""Digits of a SEQUENCE; RFC 5545 has 32 bits."""


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _moment(component: Component, name: str) -> tuple[date | None, str]:
    """Return a date or time, and the name of its time zone when nobody knows that zone."""
    found = values_of(component, name)
    if not found:
        return None, ""
    value = None if isinstance(found[0], vBroken) else getattr(found[0], "dt", None)
    if not isinstance(value, date) or not _YEARS[0] < value.year < _YEARS[1]:
        raise EventRefused(_UNREADABLE.get(name, "time_unreadable"))
    zone = str(found[0].params.get("TZID", ""))
    naive = isinstance(value, datetime) and value.tzinfo is None
    return value, zone if naive else ""


_UNREADABLE: Final = {
    "DTSTART": "start_unreadable",
    "DTEND": "end_unreadable",
    "RECURRENCE-ID": "recurrence_id_unreadable",
}


def _length(component: Component, start: date) -> timedelta:
    """Return how long it lasts; zero where the end cannot be used, as many calendars have it."""
    try:
        end, _ = _moment(component, "DTEND")
    except EventRefused:
        return timedelta()
    if end is not None and isinstance(end, datetime) == isinstance(start, datetime):
        if isinstance(end, datetime) and isinstance(start, datetime):
            same = (end.tzinfo is None) == (start.tzinfo is None)
            return max(end - start, timedelta()) if same else timedelta()
        return max(end - start, timedelta())
    found = values_of(component, "DURATION")
    value = getattr(found[0], "dt", None) if found and not isinstance(found[0], vBroken) else None
    if not isinstance(value, timedelta) or not timedelta() <= value < timedelta(days=366):
        return timedelta()
    return value


def _parameter(component: Component, name: str, parameter: str) -> str:
    found = values_of(component, name)
    params: Any = getattr(found[0], "params", {}) if found else {}
    return " ".join(str(params.get(parameter, "")).split())


def _categories(component: Component) -> list[str]:
    names = []
    for value in values_of(component, "CATEGORIES"):
        cats = [] if isinstance(value, vBroken) else getattr(value, "cats", [value])
        names += [" ".join(str(each).split()) for each in cats]
    return [name for name in names if name]


# ── from events to families ──────────────────────────────────────────────────────────────────────


def newest(events: Iterable[Event]) -> list[Event]:
    """Return of each UID and RECURRENCE-ID the newest event only, in the file's order."""
    best: dict[tuple[str, str], Event] = {}
    for event in events:
        key = event.uid, mark_of(event.replaces) if event.replaces else ""
        if key not in best or best[key].revision <= event.revision:
            best[key] = event
    return list(best.values())


def family_of(events: Sequence[Event], zone: tzinfo, today: date, budget: Budget) -> Family:
    """Return what the events of one UID say; raises EventRefused for a series as a whole."""
    masters = [event for event in events if event.replaces is None]
    single = masters[0] if masters else None
    first = single or events[0]
    family = Family(first.uid, first.number, first.revision, complete=single is not None)
    instead = [event for event in events if event.replaces is not None]
    if single is not None and not _recurs(single.component):
        family.invitations.append(_invitation(single, single.uid, single.start, zone))
    elif single is not None:
        taken = {_wall(event.replaces, single.start, zone) for event in instead if event.replaces}
        last = max(today, _day(single.start)) + timedelta(days=DAYS_AHEAD)
        times, family.known_until = times_of(single, zone, last, budget)
        for when in times:
            if when not in taken:
                start = _placed(when, single.start)
                source_id = f"{single.uid}/{mark_of(start)}"
                family.invitations.append(_invitation(single, source_id, start, zone))
    for event in instead:
        mark = event.replaces if event.replaces is not None else event.start
        if single is not None:
            mark = _placed(_wall(mark, single.start, zone), single.start)
        source_id = f"{event.uid}/{mark_of(mark)}"
        family.invitations.append(_invitation(event, source_id, event.start, zone))
    return family


def _recurs(component: Component) -> bool:
    return bool(values_of(component, "RRULE") or values_of(component, "RDATE"))


def times_of(
    event: Event, zone: tzinfo, last: date, budget: Budget
) -> tuple[list[datetime], date | None]:
    """Return the times of a series by its own wall clock, and up to which day they are all.

    No day means to the end of time. Raises EventRefused.
    """
    start = _wall(event.start, event.start, zone)
    times: set[datetime] = set()
    known_until: date | None = None
    for value in values_of(event.component, "RRULE"):
        try:
            rule = rule_of(_text(value))
            until = _until(rule.until, event.start, zone)
            walked = min(max((last - start.date()).days, 0), DAYS_WALKED_MAX)
            if until is not None:
                walked = min(walked, max((until - start).days, 0))
            budget.days -= walked
            if budget.days < 0:
                raise EventRefused("recurrence_too_much")
            series = expanded(rule, start, until, last)
        except RuleRefused as refusal:
            raise EventRefused(refusal.code) from None
        times.update(series.times)
        if series.cut and series.times:
            full = len(series.times) >= OCCURRENCES_MAX
            known_until = series.times[-1].date() if full else last
    if not values_of(event.component, "RRULE"):
        times.add(start)
    times.update(_listed(event, "RDATE", zone))
    gone = set(_listed(event, "EXDATE", zone))
    left = sorted(when for when in times if when not in gone)[:OCCURRENCES_MAX]
    budget.occurrences -= len(left)
    if budget.occurrences < 0:
        raise EventRefused("recurrence_too_much")
    return left, known_until


def _text(value: Any) -> str:
    if isinstance(value, vBroken):
        return str(value)
    try:
        return str(value.to_ical().decode())
    except PARSER_ERRORS:
        raise RuleRefused("recurrence_unreadable") from None


def _until(text: str | None, start: date, zone: tzinfo) -> datetime | None:
    """Return a rule's end by the series' wall clock; a day means all of it."""
    if text is None:
        return None
    try:
        if len(text) == _DAY_TEXT_CHARS:
            return datetime.combine(datetime.strptime(text, "%Y%m%d").date(), time.max)  # noqa: DTZ007 wall clock
        moment = datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 as above
        if not text.endswith("Z"):
            return moment
        if not isinstance(start, datetime):
            return datetime.combine(moment.date(), time.max)
        return _wall(moment.replace(tzinfo=UTC), start, zone)
    except (ValueError, OverflowError):
        raise RuleRefused("recurrence_unreadable") from None


def _listed(event: Event, name: str, zone: tzinfo) -> list[datetime]:
    """Return the times of RDATE or EXDATE; those that cannot be read are left out."""
    found = []
    for value in values_of(event.component, name):
        for each in [] if isinstance(value, vBroken) else getattr(value, "dts", []):
            moment = each.dt[0] if isinstance(each.dt, tuple) else each.dt
            if not isinstance(moment, date) or not _YEARS[0] < moment.year < _YEARS[1]:
                continue
            floats = isinstance(event.start, datetime) and event.start.tzinfo is None
            fixed = isinstance(moment, datetime) and moment.tzinfo is not None
            if name == "RDATE" or not (floats and fixed):  # these two never name the same time
                found.append(_wall(moment, event.start, zone))
    return found


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _wall(moment: date, like: date, zone: tzinfo) -> datetime:
    """Return a date or time by the wall clock of a series that starts like `like`."""
    if not isinstance(like, datetime):
        return datetime.combine(_day(moment), time.min)
    if not isinstance(moment, datetime):
        return datetime.combine(moment, like.time())
    if moment.tzinfo is None:
        return moment
    return moment.astimezone(like.tzinfo or zone).replace(tzinfo=None)


def _placed(when: datetime, like: date) -> date:
    """Return a wall-clock time as a date or time of the kind the series has."""
    return when.replace(tzinfo=like.tzinfo) if isinstance(like, datetime) else when.date()


def mark_of(moment: date) -> str:
    """Return a RECURRENCE-ID's text: UTC where the zone is known."""
    if not isinstance(moment, datetime):
        return moment.strftime("%Y%m%d")
    return _stamp(moment) if moment.tzinfo else moment.strftime("%Y%m%dT%H%M%S")


def _invitation(event: Event, source_id: str, start: date, zone: tzinfo) -> Invitation:
    try:
        planned = planned_of(start, event.length, zone, event.zone_unknown)
    except (ValidationError, ValueError, OverflowError):
        raise EventRefused("start_unreadable") from None
    return Invitation(
        source_id,
        event.number,
        event.revision,
        planned,
        _day(start),
        event.cancelled,
        event.title,
        event.place,
        event.names,
    )


def planned_of(start: date, length: timedelta, zone: tzinfo, zone_unknown: str) -> OccurredGiven:
    """Return a calendar's time as the log has it: a day, or moments from start to end.

    A floating time is by the clock on the municipality's wall. A time in a zone that nobody knows
    keeps its day and its own words.
    """
    if not isinstance(start, datetime):
        last = start + max(length - timedelta(days=1), timedelta())
        return OccurredGiven.model_validate({"from": start.isoformat(), "to": last.isoformat()})
    if zone_unknown:
        words = f"{start:%H:%M} {zone_unknown}"[: NAME_CHARS_MAX // 2]
        return OccurredGiven.model_validate({"from": start.date().isoformat(), "text": words})
    begins = start if start.tzinfo else start.replace(tzinfo=zone)
    given = {"from": instant_text(begins)}
    if length:
        given["to"] = instant_text(begins + length)  # by the wall clock, as RFC 5545 counts days
    return OccurredGiven.model_validate(given)
