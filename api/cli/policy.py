"""`kontaktlog policy run`: looks once for deadlines that came near or passed, and records it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.terminal import Json, caught_up, opened, show

if TYPE_CHECKING:
    from datetime import datetime

    from api.main import Services

app = typer.Typer(help="Påmind om frister, der nærmer sig eller er overskredet.")


@app.callback()
def _policy() -> None:
    """Påmind om frister, der nærmer sig eller er overskredet."""


@app.command("run")
def run(
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DAG", help="Som ved udgangen af denne dag (ÅÅÅÅ-MM-DD)"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Registrér hver påmindelse, der mangler, én gang; følgeren gør det ellers af sig selv.

    Kan køres igen, og flere steder på én gang, uden at noget kommer to gange. Eksempel: kontaktlog
    policy run --as-of 2026-11-30
    """
    from api.policies import Reminders
    from api.record_policies import RECORDS_AT_ONCE, Watch

    with opened() as services:
        now = _moment(services, as_of)
        caught_up(services, services.log.head())
        found = Reminders(services).whole(now)
        said = Watch(services).step(now, RECORDS_AT_ONCE)
    answer = {
        "looked_at": found.looked_at,
        "at_risk": found.at_risk,
        "overdue": found.overdue,
        "records_reminded": said.reminded,
        "records_passed": said.passed,
    }
    text = (
        f"Henvendelser set på: {found.looked_at}\n"
        f"Påmindelser om frist, der nærmer sig: {found.at_risk}\n"
        f"Påmindelser om overskredet frist: {found.overdue}\n"
        f"Påmindelser om tilsagn og opfølgninger: {said.reminded}\n"
        f"Tilsagn brudt, opfølgninger overskredet og aftaler udløbet: {said.passed}"
    )
    show(answer, as_json, text)


def _moment(services: Services, as_of: str | None) -> datetime:
    """Return now, or the last moment of a day in the municipality; wrong use when it is no day."""
    from datetime import date, datetime, time

    from domain.storage import clock

    if as_of is None:
        return clock.now()
    try:
        day = date.fromisoformat(as_of)
    except ValueError:
        raise typer.BadParameter("skal være en dag, ÅÅÅÅ-MM-DD", param_hint="--as-of") from None
    return datetime.combine(day, time.max, services.zone)
