"""Calendar files in: invitations become meetings, news of them reschedulings and cancellations.

Whatever a calendar says again makes nothing new: a meeting's id is made of UID and RECURRENCE-ID,
and each step keeps the SEQUENCE and DTSTAMP it came with, so that older news is told from newer.
People (ATTENDEE) and texts (DESCRIPTION) are not taken: a meeting is between parties.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from api.imports.calendar_door import Known, MeetingDoor
from api.imports.calendar_events import (
    Budget,
    Event,
    EventRefused,
    Family,
    Invitation,
    Revision,
    event_of,
    family_of,
    newest,
    revision_of,
    uid_of,
)
from api.imports.calendar_reading import (
    CALENDAR_BYTES_MAX,
    METHOD_OF_CANCELLING,
    METHODS_OF_MEETINGS,
    Found,
    components_of,
)
from api.imports.reading import File, open_file, unreadable
from domain.errors import DomainError, Unavailable
from domain.imports import ImportFinished, ImportStarted
from domain.meetings.commands import CallMeeting, CancelMeeting, RescheduleMeeting
from domain.meetings.events import CALLED, HELD
from domain.storage.clock import id_of, now
from domain.values import NAME_CHARS_MAX, OccurredGiven, Source, instant_text

SYSTEM: Final = "ics"
REFUSALS_LISTED_MAX: Final = 1_000
PAIR_DAYS: Final = 15
"""A time of a series that is gone and a new one so near are the same meeting, moved."""
NO_LONGER_IN_SERIES: Final = "Ikke længere i kalenderens række"
CALLED_OFF: Final = "Aflyst i kalenderen"
MOVED: Final = "Flyttet i kalenderen"
_STAMP: Final = re.compile(r"\d{8}T\d{6}Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Options:
    """What the person who imports says: who meets, who is invited, and on which day it is."""

    today: date
    forums: tuple[str, ...] = ()
    invited: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(slots=True)
class CalendarReport:
    """What came of one calendar file; refusals name the component by its number, never its words.

    Every time of a meeting is made, moved, cancelled, present, skipped or refused.
    """

    file_name: str
    file_sha256: str
    file_bytes: int
    dry_run: bool
    components_read: int = 0
    events_read: int = 0
    meetings_made: int = 0
    meetings_moved: int = 0
    meetings_cancelled: int = 0
    meetings_present: int = 0
    series_cut: int = 0
    events_refused: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    refusals: list[dict[str, int | str]] = field(default_factory=list)

    def refuse(self, number: int, code: str) -> None:
        """Count a refusal, and name it while there is room."""
        self.events_refused += 1
        self.refused[code] += 1
        if len(self.refusals) < REFUSALS_LISTED_MAX:
            self.refusals.append({"component": number, "code": code})

    @property
    def anything_new(self) -> bool:
        """Whether the log has something it had not."""
        return bool(self.meetings_made or self.meetings_moved or self.meetings_cancelled)

    def as_json(self) -> dict[str, Any]:
        """Return the report for `--json`."""
        whole = {part.name: getattr(self, part.name) for part in fields(self)}
        return {n: dict(v) if isinstance(v, Counter) else v for n, v in whole.items()}

    def as_event(self) -> dict[str, int | str | dict[str, int]]:
        """Return the report as the log keeps it."""
        left_out = ("refusals", "file_name", "file_sha256", "dry_run")
        return {n: v for n, v in self.as_json().items() if n not in left_out}


def import_calendar(path: Path, options: Options, door: MeetingDoor) -> CalendarReport:
    """Import one file; raises Refused when it cannot be used at all."""
    if path.is_file() and path.stat().st_size > CALENDAR_BYTES_MAX:
        raise unreadable("file_too_large", file=path.name, bytes_max=CALENDAR_BYTES_MAX)
    file = open_file(path)
    report = CalendarReport(file.name, file.sha256, file.size, options.dry_run)
    families = families_of(file.content, options, door, report)
    if options.dry_run:
        for family in families:
            _Taker(family, options, door, report).take()
        return report
    begun = _started(file, options)
    before = door.started(begun)
    for family in families:
        _Taker(family, options, door, report).take()
    if report.anything_new or not before:
        door.finished(
            ImportFinished(
                import_id=begun.import_id, file_sha256=file.sha256, report=report.as_event()
            )
        )
    return report


def _started(file: File, options: Options) -> ImportStarted:
    told = orjson.dumps({"forums": options.forums, "invited": options.invited}).decode()
    mark = id_of("calendar.options", told)
    return ImportStarted(
        import_id=id_of("import", SYSTEM, file.name, file.sha256, mark),
        source=SYSTEM,
        file_name=file.name[:NAME_CHARS_MAX],
        file_sha256=file.sha256,
        file_bytes=file.size,
        mapping_sha256=mark,
        mapping=told,
    )


def families_of(
    content: bytes, options: Options, door: MeetingDoor, report: CalendarReport
) -> list[Family]:
    """Return what a file says of meetings, by UID; the rest stands in the report."""
    found, whole = components_of(content)
    report.components_read = len(found)
    if not whole:
        report.flagged["calendar_broken"] += 1
    events: list[Event] = []
    cancels: list[Family] = []
    for number, each in enumerate(found, 1):
        if each.name != "VEVENT":
            report.skipped[f"component_{each.name.lower()[:40]}"] += 1
            continue
        report.events_read += 1
        try:
            _sort(each, number, events, cancels, report)
        except EventRefused as refusal:
            report.refuse(number, refusal.code)
    return [*_families(events, options, door, report), *cancels]


def _sort(
    found: Found,
    number: int,
    events: list[Event],
    cancels: list[Family],
    report: CalendarReport,
) -> None:
    if found.component is None:
        raise EventRefused("component_unreadable")
    if found.method == METHOD_OF_CANCELLING:
        cancels.append(_cancelling(found, number))
    elif found.method in METHODS_OF_MEETINGS:
        events.append(event_of(found.component, number))
    else:
        report.skipped[f"method_{found.method.lower()[:40]}"] += 1


def _cancelling(found: Found, number: int) -> Family:
    """Return what a CANCEL says: one time of a meeting, or all that stands under the UID."""
    component = found.component
    if component is None:
        raise EventRefused("component_unreadable")
    uid, revision = uid_of(component), revision_of(component)
    if component.get("RECURRENCE-ID") is None:
        return Family(uid, number, revision, complete=True, cancels=True)
    event = event_of(component, number)
    family = family_of([event], UTC, event_day(event), Budget())
    return Family(uid, number, revision, family.invitations, cancels=True)


def event_day(event: Event) -> date:
    """Return the day an event starts on."""
    return event.start.date() if isinstance(event.start, datetime) else event.start


def _families(
    events: Sequence[Event], options: Options, door: MeetingDoor, report: CalendarReport
) -> list[Family]:
    by_uid: dict[str, list[Event]] = {}
    best = newest(events)
    report.skipped.update({"repeated_in_file": len(events) - len(best)})
    report.skipped += Counter()  # without zeros
    for event in best:
        by_uid.setdefault(event.uid, []).append(event)
        if event.zone_unknown:
            report.flagged["time_zone_unknown"] += 1
        elif isinstance(event.start, datetime) and event.start.tzinfo is None:
            report.flagged["time_floating"] += 1
    families, budget = [], Budget()
    for same in by_uid.values():
        try:
            family = family_of(same, door.zone, options.today, budget)
        except EventRefused as refusal:
            report.refuse(same[0].number, refusal.code)
            continue
        report.series_cut += family.known_until is not None
        families.append(family)
    return families


class _Taker:
    """Brings what a file says under one UID into the log."""

    def __init__(
        self, family: Family, options: Options, door: MeetingDoor, report: CalendarReport
    ) -> None:
        self._family = family
        self._options = options
        self._door = door
        self._report = report

    def take(self) -> None:
        family, there = self._family, self._door.known(self._family.uid)
        if family.cancels:
            self._cancel(there)
            return
        missing = [i for i in family.invitations if i.source_id not in there]
        wanted = {invitation.source_id for invitation in family.invitations}
        gone = [known for name, known in there.items() if name not in wanted and self._meant(known)]
        moved = _pairs(gone, missing) if family.complete else {}
        for invitation in family.invitations:
            known = there.get(invitation.source_id) or moved.get(invitation.source_id)
            self._settled(invitation, known)
        if family.complete:
            paired = {known.source_id for known in moved.values()}
            for known in gone:
                if known.source_id not in paired:
                    self._call_off(known, family.revision, family.number, NO_LONGER_IN_SERIES)

    def _meant(self, known: Known) -> bool:
        """Whether the file would name this time if it still held."""
        until = self._family.known_until
        return until is None or known.day <= until

    def _cancel(self, there: dict[str, Known]) -> None:
        family = self._family
        named = {invitation.source_id for invitation in family.invitations}
        chosen = [known for name, known in there.items() if family.complete or name in named]
        if not chosen:
            self._report.skipped["cancels_unknown"] += 1
        for known in chosen:
            self._call_off(known, family.revision, family.number, CALLED_OFF)

    def _settled(self, invitation: Invitation, known: Known | None) -> None:
        try:
            if known is None:
                self._call(invitation)
            else:
                self._news(invitation, known)
        except Unavailable:
            raise
        except DomainError as error:
            self._report.refuse(invitation.number, error.code)

    def _call(self, invitation: Invitation) -> None:
        forums = self._options.forums or self._door.forums_among(invitation.names)
        if not forums:
            self._report.refuse(invitation.number, "forum_unknown")
            return
        command = CallMeeting(
            title=invitation.title,
            forums=forums,
            planned=invitation.planned,
            place=invitation.place or None,
            invited=self._options.invited,
            occurred=_told(invitation.revision),
            source=Source(system=SYSTEM, id=invitation.source_id),
        )
        record_id = None if self._options.dry_run else self._door.call(command)
        self._report.meetings_made += 1
        if invitation.cancelled:
            self._do(record_id, "cancellation", self._off(invitation.revision, CALLED_OFF))
            self._report.meetings_cancelled += 1

    def _news(self, invitation: Invitation, known: Known) -> None:
        newer = invitation.revision > known.revision
        if invitation.revision < known.revision:
            self._report.skipped["older"] += 1
        elif invitation.cancelled:
            self._call_off(known, invitation.revision, invitation.number, CALLED_OFF)
        elif known.status == HELD:
            changed = self._door.differs(invitation.planned, known)
            self._count("held_already" if changed else None)
        elif (
            self._door.differs(invitation.planned, known)
            or (newer and known.status != CALLED)
            or (newer and invitation.place not in ("", known.place))
        ):
            command = RescheduleMeeting(
                planned=invitation.planned,
                place=invitation.place or None,
                reason=MOVED,
                occurred=_told(invitation.revision),
            )
            self._do(known.record_id, "reschedulings", command)
            self._report.meetings_moved += 1
        else:
            self._count(None)

    def _count(self, skipped: str | None) -> None:
        if skipped is None:
            self._report.meetings_present += 1
        else:
            self._report.skipped[skipped] += 1

    def _call_off(self, known: Known, revision: Revision, number: int, reason: str) -> None:
        if revision < known.revision:
            self._count("older")
        elif known.status == HELD:
            self._count("held_already")
        elif known.status != CALLED:
            self._count(None)
        else:
            try:
                self._do(known.record_id, "cancellation", self._off(revision, reason))
                self._report.meetings_cancelled += 1
            except Unavailable:
                raise
            except DomainError as error:
                self._report.refuse(number, error.code)

    def _off(self, revision: Revision, reason: str) -> CancelMeeting:
        return CancelMeeting(reason=reason, occurred=_told(revision))

    def _do(
        self, record_id: str | None, step: str, command: RescheduleMeeting | CancelMeeting
    ) -> None:
        if record_id is not None and not self._options.dry_run:
            self._door.step(record_id, step, command)


def _told(revision: Revision) -> OccurredGiven:
    """Return when news was sent, with the words by which it is told from older news."""
    return OccurredGiven.model_validate(told_as(revision))


def told_as(revision: Revision) -> dict[str, str]:
    """Return the time of a step as a command has it: DTSTAMP, or now, and SEQUENCE in words."""
    number, stamp = revision
    words = f"SEQUENCE:{number}"
    if not _STAMP.fullmatch(stamp):
        return {"from": instant_text(now()), "text": words}
    moment = datetime.strptime(stamp, "%Y%m%dT%H%M%S%z")
    return {"from": instant_text(moment), "text": f"{words} DTSTAMP:{stamp}"}


def _pairs(gone: Sequence[Known], missing: Sequence[Invitation]) -> dict[str, Known]:
    """Return which time that is gone is the same meeting as a new one near it."""
    pairs: dict[str, Known] = {}
    left = sorted(missing, key=lambda invitation: invitation.day)
    for known in sorted(gone, key=lambda each: (each.day, each.source_id)):
        near = [i for i in left if abs((i.day - known.day).days) <= PAIR_DAYS]
        if near:
            chosen = min(near, key=lambda i: (abs((i.day - known.day).days), i.day))
            left.remove(chosen)
            pairs[chosen.source_id] = known
    return pairs
