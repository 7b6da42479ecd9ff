"""`kontaktlog views`: how far each view is, and building one anew from the log."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.terminal import Json, opened, show, table

app = typer.Typer()


@app.callback(invoke_without_command=True)
def listing(context: typer.Context, as_json: Json = False) -> None:
    """Vis, hvor langt hver visning er nået, og om den er gået i stå.

    Eksempel: kontaktlog views --json
    """
    if context.invoked_subcommand is not None:
        return
    from projections.runner import positions

    with opened() as services:
        head = services.log.head()
        items = [
            {
                "name": state.name,
                "version": state.version,
                "generation": state.generation,
                "position": state.position,
                "lag_events": max(head - state.position, 0),
                "status": state.status,
                "failed_at": state.failed_at,
                "error": state.error,
            }
            for state in positions(services.store).values()
        ]
    heads = ("name", "version", "generation", "position", "lag_events", "status", "error")
    text = table(heads, [[item[head] for head in heads] for item in items])
    show({"position": head, "items": items}, as_json, text)


@app.command("rebuild")
def rebuild(
    name: Annotated[str, typer.Argument(help="Visningens navn, se: kontaktlog views")],
    as_json: Json = False,
) -> None:
    """Byg en visning op igen fra loggen; den gamle svarer, til den nye er færdig.

    Kører tjenesten, gør den arbejdet; ellers gøres det her. Eksempel: kontaktlog views rebuild
    contacts
    """
    from projections.registry import VIEWS
    from projections.runner import Runner

    with opened() as services:
        runner = Runner(services.log, services.codec, services.store, VIEWS)
        runner.rebuild(name)
        lock = services.store.follower_lock()
        if lock is not None:
            with lock:
                runner.catch_up()
    status = "building" if lock is None else "active"
    text = "Tjenesten bygger den nu op." if lock is None else "Visningen er bygget op."
    show({"name": name, "status": status}, as_json, text)
