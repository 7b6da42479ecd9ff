"""`kontaktlog record`: open, step, list and show records of any register from the shell.

Forums, meetings, positions, documents, information efforts, commitments, follow-ups, agreements,
dialogues and criteria: the table domain/registers is the list, and the bodies are those of the HTTP
door.
"""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.log import given_by, principal_here, told, validated
from api.cli.terminal import Exit, Json, caught_up, opened, say, show, table

if TYPE_CHECKING:
    from domain.registers import Register

LISTED_MAX: Final = 200
app = typer.Typer(help="Fora, møder, dokumenter, tilsagn, opfølgninger …", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="forums, meetings, documents, commitments, followups …")]


@app.callback()
def _records() -> None:
    """Åbn, før og vis poster: fora, møder, tilkendegivelser, dokumenter, tilsagn, opfølgninger."""


def _register(name: str) -> "Register":
    from domain.registers import REGISTERS

    found = REGISTERS.get(name)
    if found is None:
        say(f"kontaktlog: ukendt protokol; vælg af: {', '.join(REGISTERS)}")
        raise typer.Exit(Exit.USAGE)
    return found


@app.command("open")
def open_record(
    register: Name,
    source: Annotated[str, typer.Argument(help="- læser JSON fra standard input")],
    as_json: Json = False,
) -> None:
    """Åbn en post.

    Eksempel: kontaktlog record open commitments - < tilsagn.json
    """
    _act(register, None, None, source, as_json)


@app.command("step")
def step_record(
    register: Name,
    record_id: Annotated[str, typer.Argument(help="Postens id")],
    step: Annotated[str, typer.Argument(help="Trinnet, fx approvals; se docs/records.md")],
    source: Annotated[str, typer.Argument(help="- læser JSON fra standard input")],
    as_json: Json = False,
) -> None:
    """Før en post videre.

    Eksempel: kontaktlog record step forums ID chairs - < formand.json
    """
    _act(register, record_id, step, source, as_json)


def _act(name: str, record_id: str | None, step: str | None, source: str, as_json: bool) -> None:
    from api.commands.registers import act_sync, rule_of

    register = _register(name)
    command = validated(rule_of(register, step).command, given_by(source, {}))
    with opened() as services:
        caught_up(services, services.log.head())
        done = act_sync(
            services,
            principal_here(),
            register,
            command,
            via="cli",
            step=step,
            record_id=record_id,
        )
    answer = {
        "id": done.record_id,
        "version": done.version,
        "position": done.position,
        "repeated": done.repeated,
    }
    show(answer, as_json, told("Posten", done.record_id, done.position, done.repeated))


@app.command("list")
def list_records(
    register: Name,
    status: Annotated[str | None, typer.Option(help="Kun poster med denne status")] = None,
    as_json: Json = False,
) -> None:
    """Vis poster, nyeste først.

    Eksempel: kontaktlog record list commitments --status open
    """
    import orjson

    from domain.access import sight
    from projections.registers import RecordQuery, listing

    found = _register(register)
    query = RecordQuery({"status": {status}} if status else {}, limit=LISTED_MAX)
    with opened() as services:
        caught_up(services, services.log.head())
        at, suffixes = services.views.standing(found.name)
        with services.store.reading() as reader:
            page = listing(reader, suffixes[found.name], at, None, sight(principal_here()), query)
    items: list[dict[str, Any]] = [orjson.loads(item) for item in page.items]
    rows = [(item["id"], item["status"], item["changed_at"][:10]) for item in items]
    show(items, as_json, table(("id", "status", "ændret"), rows))


@app.command("show")
def show_record(
    register: Name,
    record_id: Annotated[str, typer.Argument(help="Postens id")],
    as_json: Json = False,
) -> None:
    """Vis en post.

    Eksempel: kontaktlog record show forums ID --json
    """
    import orjson

    from domain.access import sight
    from domain.errors import Unknown
    from projections.registers import one

    found = _register(register)
    with opened() as services:
        caught_up(services, services.log.head())
        at, suffixes = services.views.standing(found.name)
        with services.store.reading() as reader:
            item = one(reader, suffixes[found.name], at, None, sight(principal_here()), record_id)
    if item is None:
        raise Unknown("record_not_found")
    show(orjson.loads(item.body), as_json)
