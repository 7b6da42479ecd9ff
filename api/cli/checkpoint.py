"""`kontaktlog checkpoint`: the newest signed checkpoint (kontrolpunkt) and the key to check it by.

A checkpoint that somebody else keeps is what makes a later change of the log visible: print it,
send it to the auditor, put it in the minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.terminal import Exit, Json, opened, say, settings_with, show

if TYPE_CHECKING:
    from api.main import Services
    from domain.log.port import CheckpointRow

app = typer.Typer()


@app.callback(invoke_without_command=True)
def newest(context: typer.Context, as_json: Json = False) -> None:
    """Vis det nyeste kontrolpunkt; er loggen vokset, laves og gemmes et nyt først.

    Eksempel: kontaktlog checkpoint > kontrolpunkt-2026-11-30.txt
    """
    if context.invoked_subcommand is not None:
        return
    with opened() as services:
        row = sealed(services)
    if row is None:
        say("Loggen er tom: der er endnu intet kontrolpunkt.")
        raise typer.Exit(Exit.REFUSED)
    show(_answer(row), as_json, row.note.removesuffix("\n"))


@app.command("key")
def key(as_json: Json = False) -> None:
    """Vis nøglen, som andre efterprøver kontrolpunkter med; den er offentlig.

    Eksempel: kontaktlog checkpoint key
    """
    from api.key_files import ensure_key_files

    settings = settings_with()
    ensure_key_files(settings)
    verifier = settings.checkpoint_key().verifier
    answer = {"name": verifier.name, "key": str(verifier), "origin": settings.origin}
    show(answer, as_json, str(verifier))


@app.command("new-key")
def new_key(
    confirm: Annotated[
        bool, typer.Option("--yes", help="Ja: lav en ny nøgle til at underskrive med")
    ] = False,
    as_json: Json = False,
) -> None:
    """Lav en ny underskriftsnøgle; den gamle gemmes ved siden af under sit id.

    Kontrolpunkter med den gamle nøgle gælder stadig: behold begge offentlige nøgler. Genstart
    tjenesten bagefter. Eksempel: kontaktlog checkpoint new-key --yes
    """
    from api.key_files import replace_signing_key

    settings = settings_with()
    if not confirm:
        say("Intet er ændret. Alle, der efterprøver loggen, skal have den nye nøgle: tilføj --yes.")
        raise typer.Exit(Exit.USAGE)
    kept = replace_signing_key(settings)
    verifier = settings.checkpoint_key().verifier
    answer = {"key": str(verifier), "previous": str(kept) if kept else None}
    show(answer, as_json, str(verifier))


def sealed(services: Services) -> CheckpointRow | None:
    """Return a checkpoint that covers the whole log, made now if the sealer has not made it yet.

    Two may seal at once: the tree of a log has one root at each size, so they write the same.
    """
    from domain.storage.sealer import Sealer

    newest, head = services.log.checkpoint(), services.log.head()
    if head and (newest is None or newest.size < head):
        settings = services.settings
        Sealer(services.log, settings.checkpoint_key(), settings.origin).step()
        newest = services.log.checkpoint()
    return newest


def _answer(row: CheckpointRow) -> dict[str, object]:
    from domain.storage.clock import moment
    from domain.values import instant_text

    return {
        "size": row.size,
        "root": row.root.hex(),
        "note": row.note,
        "recorded_at": instant_text(moment(row.recorded_at)),
    }
