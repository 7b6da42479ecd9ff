"""`kontaktlog import csv` and `ics`: files of registers and calendars become contacts and meetings.

Exit codes: 0 every row has its place; 1 rows were refused, or the file was held back because of
them; 2 the mapping or a file cannot be used; 3 the store cannot be reached now, run it again.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.terminal import Exit, Json, caught_up, explained, opened, say

if TYPE_CHECKING:
    from api.imports.calendar_door import MeetingDoor
    from api.imports.calendars import CalendarReport, Options
    from api.imports.report import Report
    from api.imports.running import Progress, Run

ROWS_SHOWN_MAX: Final = 20
"""Refused rows named on the terminal; --json names up to 1,000."""

app = typer.Typer(help="Indlæs kontakter, henvendelser og møder fra filer.", no_args_is_help=True)


@app.callback()
def _imports() -> None:
    """Indlæs kontakter og henvendelser; afbildningen (TOML) siger, hvordan filer skal forstås."""


@app.command("csv")
def import_csv(
    files: Annotated[list[Path], typer.Argument(help="CSV-filer, også .gz")],
    mapping: Annotated[Path, typer.Option(help="Afbildning i TOML; se docs/importing.md")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Prøv uden at registrere noget")
    ] = False,
    as_json: Json = False,
) -> None:
    """Indlæs et register. Samme fil to gange giver intet nyt; en afbrudt kørsel køres blot igen.

    Eksempel: kontaktlog import csv register.csv.gz --mapping register.toml --dry-run

    Svarkoder: 0 alle rækker er på plads · 1 rækker er afvist · 2 afbildning eller fil kan ikke
    bruges · 3 lageret kan ikke nås
    """
    from api.imports.loading import load_file
    from api.imports.running import Run
    from domain.errors import Refused

    try:
        loaded = load_file(mapping)
    except Refused as error:
        say(f"kontaktlog: ugyldig afbildning: {mapping.name}")
        for fault in error.faults:
            say(f"  {fault.pointer or '/'}: {fault.params['why']}")
        raise typer.Exit(Exit.USAGE) from None
    with opened() as services:
        from api.imports.log_door import LogDoor
        from api.main import calm_collector

        calm_collector()
        door = LogDoor(services, lambda position: caught_up(services, position))
        today = date.fromisoformat(services.today())
        results = [
            _one(path, Run(loaded, door, today, dry_run=dry_run), quiet=as_json) for path in files
        ]
    _answered(results, as_json)


def _answered(results: list[tuple[dict[str, Any], int]], as_json: bool) -> None:
    """Print the files' reports as one answer, and leave with the highest code."""
    if as_json:
        bodies = [body for body, _ in results]
        answer = bodies[0] if len(bodies) == 1 else {"files": bodies}
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    raise typer.Exit(max(code for _, code in results))


@app.command("ics")
def import_ics(
    files: Annotated[list[Path], typer.Argument(help="Kalenderfiler (.ics)")],
    forum: Annotated[
        list[str] | None, typer.Option(help="Forum, der mødes: id eller nøgle; kan gentages")
    ] = None,
    invited: Annotated[
        list[str] | None, typer.Option(help="Inviteret part: id eller nøgle; kan gentages")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Prøv uden at registrere noget")
    ] = False,
    as_json: Json = False,
) -> None:
    """Indlæs møder fra kalendere. Samme fil to gange giver intet nyt; ændringer flytter mødet.

    Eksempel: kontaktlog import ics indkaldelse.ics --forum Partnerskabsforum --invited KAB

    Svarkoder: 0 alle begivenheder er på plads · 1 nogle er afvist · 2 en fil kan ikke bruges ·
    3 lageret kan ikke nås
    """
    with opened() as services:
        from api.imports.calendar_door import MeetingDoor
        from api.imports.calendars import Options
        from api.main import calm_collector

        calm_collector()
        today = date.fromisoformat(services.today())
        options = Options(today, tuple(forum or ()), tuple(invited or ()), dry_run)
        door = MeetingDoor(services, lambda position: caught_up(services, position))
        results = [_calendar(path, options, door, quiet=as_json) for path in files]
    _answered(results, as_json)


def _calendar(
    path: Path, options: "Options", door: "MeetingDoor", *, quiet: bool
) -> tuple[dict[str, Any], int]:
    """Import one calendar; return its report as JSON and its exit code."""
    from api.imports.calendars import import_calendar
    from domain.errors import Refused

    try:
        report = import_calendar(path, options, door)
    except Refused as error:
        _complain(error)
        return {"file_name": path.name, "error": error.code, **error.params}, Exit.USAGE
    if not quiet:
        print(_calendar_described(report))
    return report.as_json(), Exit.REFUSED if report.events_refused else Exit.OK


def _calendar_described(report: "CalendarReport") -> str:
    dry = " - prøvekørsel, intet er registreret" if report.dry_run else ""
    lines = [f"{report.file_name}{dry}"]
    lines += [f"  {label}: {n}" for name, label in _CALENDAR if (n := getattr(report, name))]
    for name, label in _TABLES[1:4]:
        lines += [f"  {label} {key}: {n}" for key, n in sorted(getattr(report, name).items())]
    lines += [
        f"  komponent {refusal['component']}: {refusal['code']}"
        for refusal in report.refusals[:ROWS_SHOWN_MAX]
    ]
    return "\n".join(lines)


_CALENDAR: Final = (
    ("components_read", "komponenter læst"),
    ("events_read", "heraf begivenheder"),
    ("meetings_made", "møder indkaldt"),
    ("meetings_moved", "møder flyttet"),
    ("meetings_cancelled", "møder aflyst"),
    ("meetings_present", "møder fandtes i forvejen"),
    ("series_cut", "rækker, der fortsætter ud over det indlæste"),
    ("events_refused", "begivenheder afvist"),
)


def _one(path: Path, run: "Run", *, quiet: bool) -> tuple[dict[str, Any], int]:
    """Import one file; return its report as JSON and its exit code."""
    from api.imports.running import import_file
    from domain.errors import Refused

    try:
        with _watched(path.name, quiet=quiet) as progress:
            report = import_file(path, replace(run, progress=progress))
    except Refused as error:
        _complain(error)
        return {"file_name": path.name, "error": error.code, **error.params}, Exit.USAGE
    if not quiet:
        print(described(report))
    return report.as_json(), Exit.REFUSED if report.rows_refused else Exit.OK


@contextmanager
def _watched(name: str, *, quiet: bool) -> "Iterator[Progress]":
    """Show how far the import is: a bar on a terminal, nothing with --json, else plain lines."""
    if quiet:
        yield lambda _done, _all: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress as Bars

        with Bars(console=Console(stderr=True), transient=True) as bars:
            bar = bars.add_task(name, total=None)
            yield lambda done, whole: bars.update(bar, completed=done, total=whole)
    else:
        yield lambda done, whole: say(f"{name}: {done} af {whole} poster")


def described(report: "Report") -> str:
    """Return the report for people, in Danish; only figures that are not zero."""
    lines = [
        f"{report.file_name} ({report.encoding})"
        + (" - prøvekørsel, intet er registreret" if report.dry_run else "")
        + (" - holdt tilbage, intet er registreret" if report.aborted else "")
    ]
    lines += [f"  {label}: {n}" for name, label in _LABELS if (n := getattr(report, name))]
    for name, label in _TABLES:
        lines += [f"  {label} {key}: {n}" for key, n in sorted(getattr(report, name).items())]
    for refusal in report.refusals[:ROWS_SHOWN_MAX]:
        lines.append(f"  række {refusal.row}: {refusal.code} ({refusal.field})")
    if (left := report.rows_refused - ROWS_SHOWN_MAX) > 0:
        lines.append(f"  … og {left} rækker mere (se --json)")
    return "\n".join(lines)


_LABELS: Final = (
    ("rows_read", "rækker læst"),
    ("rows_blank", "tomme rækker"),
    ("rows_merged", "rækker samlet med andre"),
    ("exact_repeats", "heraf nøjagtige gentagelser"),
    ("rows_held_back", "rækker holdt tilbage"),
    ("rows_refused", "rækker afvist"),
    ("rows_of_enquiries", "rækker om henvendelser"),
    ("enquiries_made", "henvendelser modtaget"),
    ("enquiries_present", "henvendelser fandtes i forvejen"),
    ("enquiries_changed", "henvendelser er ændret i kilden og står uændret i loggen"),
    ("steps_made", "skridt registreret"),
    ("steps_present", "skridt fandtes i forvejen"),
    ("contacts_made", "kontakter registreret"),
    ("contacts_present", "kontakter fandtes i forvejen"),
    ("contacts_changed", "kontakter er ændret i kilden og står uændret i loggen"),
    ("parties_created", "parter oprettet"),
)
_TABLES: Final = (
    ("steps_by_rule", "skridt:"),
    ("skipped", "sprunget over:"),
    ("flagged", "mærket:"),
    ("refused", "afvist:"),
    ("rows_by_precision", "rækker med præcision"),
)


def _complain(error: Exception) -> None:
    _, lines = explained(error)
    for line in lines:
        say(line)
