"""Small registers and mappings for the tests of imports."""

from datetime import date
from pathlib import Path

from api.imports.loading import load
from api.imports.report import Report
from api.imports.running import Run, import_file
from domain.contacts import LogContact
from tests.imports.door import MemoryDoor

TODAY = date(2026, 11, 23)

TOP = """
mapping = 1
format = "csv"
source = "sheet"
"""
COLUMNS = """
[columns]
id = "id"
date = "date"
who = "who"
with = "with"
about = "about"
"""
IDENTITY = """
[identity]
columns = ["id"]
"""
TIME = """
[time]
start = "date"
patterns = ["%Y-%m-%d", "%Y-%m"]
"""
FIELDS = """
[channel]
constant = "direct"

[direction]
constant = "mutual"

[medium]
constant = "phone"

[subject]
column = "about"
"""
SIDES = """
[administrations]
column = "who"
kind = "administration"

[organisations]
column = "with"
kind = "organisation"
"""
HEADER = "id,date,who,with,about\n"


def mapping(
    *more: str,
    top: str = TOP,
    columns: str = COLUMNS,
    identity: str = IDENTITY,
    time: str = TIME,
    fields: str = FIELDS,
    sides: str = SIDES,
) -> str:
    """A mapping for `HEADER`, with some of its tables replaced or added."""
    return "\n".join((top, columns, identity, time, fields, sides, *more))


class Desk:
    """Imports texts through one memory door."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.door = MemoryDoor()

    def run(
        self,
        content: str | bytes,
        text: str | None = None,
        *,
        name: str = "sheet.csv",
        dry_run: bool = False,
    ) -> Report:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        loaded = load(mapping() if text is None else text)
        report = import_file(path, Run(loaded, self.door, TODAY, dry_run=dry_run))
        assert report.balanced, report
        return report

    @property
    def contacts(self) -> list[LogContact]:
        return list(self.door.contacts.values())
