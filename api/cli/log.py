"""`kontaktlog log` and `kontaktlog party new`: a contact or a party written down from the shell.

The same commands, rules and answers as the HTTP door, for scripts and for the day it is down.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final

import typer

from api.cli.terminal import Json, caught_up, opened, show

INPUT_BYTES_MAX: Final = 1_048_576
"""The largest command on standard input: the HTTP door's limit for one contact."""

Many = list[str] | None


def log(
    source: Annotated[
        str | None, typer.Argument(help="- læser kontakten som JSON fra standard input")
    ] = None,
    administration: Annotated[Many, typer.Option(help="Forvaltning; kan gentages")] = None,
    organisation: Annotated[Many, typer.Option(help="Boligorganisation; kan gentages")] = None,
    medium: Annotated[str | None, typer.Option(help="phone, email, meeting_physical …")] = None,
    direction: Annotated[str | None, typer.Option(help="inbound, outbound, mutual")] = None,
    channel: Annotated[str | None, typer.Option(help="direct (forvalgt) eller entry_point")] = None,
    occurred: Annotated[str | None, typer.Option(help="2010-02-22, 2010-02, 2010 …")] = None,
    subject: Annotated[str | None, typer.Option(help="Kort emne")] = None,
    facts: Annotated[str | None, typer.Option(help="Hvad der blev sagt og aftalt")] = None,
    topic: Annotated[Many, typer.Option(help="Tema; kan gentages")] = None,
    kle: Annotated[Many, typer.Option(help="KLE-nummer; kan gentages")] = None,
    case: Annotated[Many, typer.Option(help="Sagsnummer; kan gentages")] = None,
    as_json: Json = False,
) -> None:
    """Registrér en kontakt mellem en forvaltning og en boligorganisation.

    Eksempel: kontaktlog log --administration TMF --organisation KAB --medium phone
    --direction inbound --occurred 2010-02-22 --subject "Udlejning"

    Eksempel: kontaktlog log - < kontakt.json
    """
    from domain.contacts import LogContact

    options = {
        "administrations": administration,
        "organisations": organisation,
        "medium": medium,
        "direction": direction,
        "channel": channel,
        "occurred": occurred,
        "subject": subject,
        "facts": facts,
        "topics": topic,
        "kle": kle,
        "case_numbers": case,
    }
    given = given_by(source, options)
    command = validated(LogContact, {"channel": "direct", **given} if source is None else given)
    with opened() as services:
        from api import commands

        caught_up(services, services.log.head())
        done = commands.log_contact_sync(services, principal_here(), command, via="cli")
    answer = {
        "id": done.contact_id,
        "version": done.version,
        "position": done.position,
        "recorded_at": _instant(done.facts[-1].recorded_at),
        "repeated": done.repeated,
    }
    show(answer, as_json, told("Kontakten", done.contact_id, done.position, done.repeated))


party = typer.Typer(help="Registrér parter.", no_args_is_help=True)


@party.callback()
def _party() -> None:
    """Registrér parter: forvaltninger, boligorganisationer, udvalg med flere."""


@party.command("new")
def party_new(
    source: Annotated[
        str | None, typer.Argument(help="- læser parten som JSON fra standard input")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="administration, housing_organisation, committee …")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Partens navn")] = None,
    abbreviation: Annotated[str | None, typer.Option(help="Forkortelse, fx TMF")] = None,
    alias: Annotated[Many, typer.Option(help="Andet navn; kan gentages")] = None,
    cvr: Annotated[str | None, typer.Option(help="CVR-nummer")] = None,
    valid_from: Annotated[str | None, typer.Option(help="Første dag, fx 2010-01-01")] = None,
    part_of: Annotated[str | None, typer.Option(help="Den part, denne er en del af")] = None,
    administered_by: Annotated[
        str | None, typer.Option(help="Den part, der administrerer denne")
    ] = None,
    as_json: Json = False,
) -> None:
    """Registrér en part, så kontakter kan nævne den.

    Eksempel: kontaktlog party new --kind administration --name "Teknik- og Miljøforvaltningen"
    --abbreviation TMF
    """
    from domain.parties import RegisterParty

    options = {
        "kind": kind,
        "name": name,
        "abbreviation": abbreviation,
        "aliases": alias,
        "external_ids": [{"scheme": "cvr", "value": cvr}] if cvr else None,
        "valid_from": valid_from,
        "part_of": part_of,
        "administered_by": administered_by,
    }
    command = validated(RegisterParty, given_by(source, options))
    with opened() as services:
        from api import commands

        caught_up(services, services.log.head())
        done = commands.register_party_sync(services, principal_here(), command, via="cli")
    answer = {"id": done.party_id, "position": done.position, "repeated": done.repeated}
    show(answer, as_json, told("Parten", done.party_id, done.position, done.repeated))


def given_by(source: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return the command's fields: from the options, or from standard input when asked by `-`."""
    import orjson

    named = {name: value for name, value in options.items() if value is not None}
    if source is None:
        return named
    if source != "-" or named:
        raise typer.BadParameter("brug enten options eller -, ikke begge dele")
    raw = sys.stdin.buffer.read(INPUT_BYTES_MAX + 1)
    if len(raw) > INPUT_BYTES_MAX:
        raise typer.BadParameter(f"mere end {INPUT_BYTES_MAX} bytes på standard input")
    try:
        given = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        where = f"linje {error.lineno}, tegn {error.colno}"
        raise typer.BadParameter(f"standard input er ikke JSON ({where})") from None
    if not isinstance(given, dict):
        raise typer.BadParameter("standard input skal være ét JSON-objekt")
    return given


def validated(model: type[Any], given: dict[str, Any]) -> Any:
    """Validate as the HTTP door does: from JSON, strictly, all faults at once."""
    import orjson

    return model.model_validate_json(orjson.dumps(given))


def principal_here() -> Any:
    """Return whoever stands at this terminal: a case officer without limits."""
    from domain.access import Role, principal_of

    return principal_of("cli", Role.CASE_OFFICER, ())


def told(what: str, identity: str, position: int, repeated: bool) -> str:
    """Return the line that says what became of a command."""
    how = "var allerede registreret" if repeated else "er registreret"
    return f"{what} {how}: {identity} (position {position})"


def _instant(microseconds: int) -> str:
    from domain.storage.clock import moment
    from domain.values import instant_text

    return instant_text(moment(microseconds))
