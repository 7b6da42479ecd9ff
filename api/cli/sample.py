"""`kontaktlog sample`: plays a sample stream into an empty store; the memo of 2010 is one."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.terminal import Exit, Json, caught_up, opened, say, show


def sample(
    name: Annotated[str, typer.Argument(help="Eksemplets navn")] = "memo_2010",
    file: Annotated[Path | None, typer.Option(help="Et eksempel i en fil (TOML)")] = None,
    if_empty: Annotated[
        bool, typer.Option("--if-empty", help="Gør intet, hvor et eksempel ikke kan spilles")
    ] = False,
    as_json: Json = False,
) -> None:
    """Spil et eksempel i et tomt lager. Lageret er derefter for altid mærket som eksempel.

    Eksempel: KONTAKTLOG_STORE=sqlite:///prøve/log.db kontaktlog sample
    """
    from api.samples import player
    from api.settings import is_sqlite
    from domain.errors import Refused

    if file is not None:
        stream = player.read_file(file)
    else:
        known = player.shipped()
        if name not in known:
            say(f"kontaktlog: ukendt eksempel; vælg af: {', '.join(sorted(known))}")
            raise typer.Exit(Exit.USAGE)
        stream = player.read(known[name])
    with opened() as services:
        if if_empty and (services.log.head() > 0 or not is_sqlite(services.settings.store)):
            return
        try:
            done = player.play(services, stream, lambda position: caught_up(services, position))
        except Refused as error:
            if error.code == "store_not_empty":
                say("kontaktlog: et eksempel spilles kun i et tomt lager; intet er skrevet")
            raise
        answer = {
            "sample": stream.sample,
            "title": stream.title,
            "steps": done.steps,
            "position": services.log.head(),
        }
    told = f"Eksemplet er spillet: {stream.title} ({done.steps} trin). Lageret er mærket eksempel."
    show(answer, as_json, told)
