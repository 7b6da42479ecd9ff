"""A store of a test's own into which calendars are imported, and the calendars it writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from api.cli.terminal import caught_up
from api.commands import register_party_sync
from api.imports.calendar_door import MeetingDoor
from api.imports.calendars import CalendarReport, Options, import_calendar
from api.main import Services, open_services
from domain.access import Role, principal_of, sight
from domain.parties import RegisterParty
from projections.registers import RecordQuery, listing
from tests.api.builders import settings_in

TODAY = date(2026, 3, 1)
OFFICER = principal_of("prøve", Role.CASE_OFFICER, ())
Json = dict[str, Any]


@dataclass
class CalendarDesk:
    """Imports calendars and reads the meetings they became."""

    folder: Path
    services: Services

    def party(self, name: str, kind: str = "forum") -> None:
        command = RegisterParty(kind=kind, name=name)
        register_party_sync(self.services, OFFICER, command, via="cli")
        self.services.directory.forget()
        caught_up(self.services, self.services.log.head())

    def door(self) -> MeetingDoor:
        return MeetingDoor(self.services, lambda position: caught_up(self.services, position))

    def file(self, content: str | bytes, name: str = "kalender.ics") -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def take(self, content: str | bytes | Path, **options: Any) -> CalendarReport:
        path = content if isinstance(content, Path) else self.file(content)
        given = replace(Options(TODAY, ("Forum",)), **options)
        report = import_calendar(path, given, self.door())
        caught_up(self.services, self.services.log.head())
        return report

    def meetings(self) -> list[Json]:
        """Every meeting, by its planned time."""
        at = self.services.log.head()
        caught_up(self.services, at)
        _, suffixes = self.services.views.standing("meetings")
        found: list[bytes] = []
        after = None
        with self.services.store.reading() as reader:
            while True:
                query = RecordQuery(limit=500, after=after)
                page = listing(reader, suffixes["meetings"], at, None, sight(OFFICER), query)
                found += page.items
                if (after := page.next) is None:
                    break
        read = [orjson.loads(item) for item in found]
        return sorted(read, key=lambda meeting: (meeting["planned"]["from"], meeting["id"]))

    def days(self, status: str = "called") -> list[str]:
        return [m["planned"]["first_day"] for m in self.meetings() if m["status"] == status]


@contextmanager
def calendar_desk(folder: Path) -> Iterator[CalendarDesk]:
    """An empty store that knows one forum."""
    folder.mkdir(exist_ok=True)
    services = open_services(settings_in(folder), writer=False)
    try:
        desk = CalendarDesk(folder, services)
        desk.party("Forum")
        yield desk
    finally:
        services.close()


def event(*lines: str, uid: str | None = "a@x", start: str = "DTSTART:20260310T090000Z") -> str:
    """One VEVENT; `start` empty for none."""
    own = [f"UID:{uid}"] if uid else []
    own += [start] if start else []
    return "\r\n".join(["BEGIN:VEVENT", *own, "SUMMARY:Fælles møde", *lines, "END:VEVENT"])


def calendar(*parts: str, method: str = "") -> str:
    """A calendar of components."""
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//prøve//"]
    head += [f"METHOD:{method}"] if method else []
    return "\r\n".join([*head, *parts, "END:VCALENDAR", ""])
