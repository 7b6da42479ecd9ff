"""The door of a calendar import: meetings are called and stepped through `api.commands`.

It knows which meetings came from calendars before, and what the calendar last said of each.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any, Final

import orjson

from api.commands.registers import act_sync, record_of
from api.imports.calendar_events import Revision
from api.imports.log_door import LogDoor
from api.main import Services
from domain.access import Role, principal_of, sight
from domain.imports import ImportFinished, ImportStarted
from domain.log.codec import Fact
from domain.meetings.commands import CallMeeting, CancelMeeting, RescheduleMeeting
from domain.registers.meetings import MEETINGS
from domain.values import OccurredGiven
from projections.registers import RecordQuery, listing

ACTOR: Final = "import"
SYSTEM: Final = "ics"
PAGE: Final = 500
_TOLD: Final = re.compile(r"SEQUENCE:(\d{1,10})(?: DTSTAMP:(\d{8}T\d{6}Z))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Known:
    """A meeting that came from a calendar: what it is by now, and what the calendar last said."""

    record_id: str
    source_id: str
    status: str
    place: str | None
    revision: Revision
    planned: tuple[str, str]
    """From and to, as the calendar last had them; a person may have moved it since."""
    day: date


class MeetingDoor:
    """A calendar import's way to one installation; sync, for the command line."""

    def __init__(self, services: Services, catch_up: Callable[[int], None]) -> None:
        """`catch_up` waits until the views, in which meetings are found, know of a position."""
        self._services = services
        self._catch_up = catch_up
        self._log = LogDoor(services, catch_up)
        self._principal = principal_of(ACTOR, Role.INTEGRATION, ())
        self._ids: dict[str, dict[str, str]] | None = None
        self.zone: tzinfo = services.zone

    def started(self, event: ImportStarted) -> bool:
        """Record the beginning once; True when a run of it has reached its end before."""
        return self._log.started(event)

    def finished(self, event: ImportFinished) -> None:
        """Record the end."""
        self._log.finished(event)

    def forums_among(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return those names a calendar gives (CATEGORIES, ORGANIZER) that are parties here."""
        keys = list(dict.fromkeys(names))[:PAGE]
        found = self._log.resolve(keys) if keys else {}
        return tuple({p.id: p.id for key in keys if (p := found.get(key)) is not None})

    def known(self, uid: str) -> dict[str, Known]:
        """Return the meetings that came under a UID, by source id."""
        if self._ids is None:
            self._ids = self._all()
        ids = self._ids.get(uid, {})
        found = {source_id: self._known(source_id, record) for source_id, record in ids.items()}
        return {source_id: known for source_id, known in found.items() if known is not None}

    def differs(self, planned: OccurredGiven, known: Known) -> bool:
        """Return whether a calendar now says another time than it last did."""
        now = planned.resolve(self.zone)
        return (now.from_, now.to) != known.planned

    def call(self, command: CallMeeting) -> str:
        """Call a meeting; return its id."""
        services = self._services
        done = act_sync(services, self._principal, MEETINGS, command, via="import", lenient=True)
        if self._ids is not None and command.source is not None:
            _enter(command.source.id, done.record_id, self._ids)
        return done.record_id

    def step(self, record_id: str, step: str, command: RescheduleMeeting | CancelMeeting) -> None:
        """Move a meeting or call it off."""
        act_sync(
            self._services,
            self._principal,
            MEETINGS,
            command,
            via="import",
            step=step,
            record_id=record_id,
            lenient=True,
        )

    def _all(self) -> dict[str, dict[str, str]]:
        services, after = self._services, None
        at = services.log.head()
        self._catch_up(at)
        _, suffixes = services.views.standing(MEETINGS.name)
        seen = sight(self._principal)
        found: dict[str, dict[str, str]] = {}
        with services.store.reading() as reader:
            while True:
                query = RecordQuery(limit=PAGE, after=after)
                page = listing(reader, suffixes[MEETINGS.name], at, None, seen, query)
                for item in page.items:
                    _note(orjson.loads(item), found)
                after = page.next
                if after is None:
                    return found

    def _known(self, source_id: str, record_id: str) -> Known | None:
        facts, meeting, _ = record_of(self._services, MEETINGS, record_id)
        if meeting is None:
            return None
        told = [(revision, fact.data) for fact in facts if (revision := _revision(fact))]
        times = [data["planned"] for _, data in told if "planned" in data]
        last = times[-1] if times else facts[0].data["planned"]
        return Known(
            record_id,
            source_id,
            meeting.status,
            getattr(meeting, "place", None),
            told[-1][0] if told else (0, ""),
            (str(last["from"]), str(last["to"])),
            date.fromisoformat(str(last["first_day"])),
        )


def _note(meeting: dict[str, Any], found: dict[str, dict[str, str]]) -> None:
    source = meeting.get("source") or {}
    if source.get("system") == SYSTEM:
        _enter(source["id"], meeting["id"], found)


def _enter(source_id: str, record_id: str, found: dict[str, dict[str, str]]) -> None:
    for uid in {_uid(source_id), source_id}:  # a UID may itself look like a time of another
        found.setdefault(uid, {})[source_id] = record_id


def _uid(source_id: str) -> str:
    """Return the UID of a source id: what stands before the RECURRENCE-ID."""
    uid, slash, mark = source_id.rpartition("/")
    return uid if slash and _MARK.fullmatch(mark) else source_id


_MARK: Final = re.compile(r"\d{8}(T\d{6}Z?)?", re.ASCII)


def _revision(fact: Fact) -> Revision | None:
    found = _TOLD.fullmatch(str((fact.data.get("occurred") or {}).get("text") or ""))
    return (int(found[1]), found[2] or "") if found else None
