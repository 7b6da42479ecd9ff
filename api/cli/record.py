"""`kontaktlog record`: open, step, list and show records of any register from the shell.

Forums, meetings, positions, documents, information efforts, commitments, follow-ups, agreements,
dialogues and criteria: the table domain/registers is the list, and the bodies are those of the HTTP
door.
"""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.cli.log import given_by, principal_here, told, validated
from api.cli.terminal import Exit, Json, caught_up, opened, say, show, table

if TYPE_CHECKING:
    from api.main import Services
    from domain.registers import Register
    from domain.registry import Json as Object

LISTED_MAX: Final = 200
app = typer.Typer(help="Fora, møder, dokumenter, tilsagn, opfølgninger …", no_args_is_help=True)
Recorded = Annotated[
    str | None,
    typer.Option("--as-of-recorded", metavar="POSITION|TID", help="Som loggen kendte det da"),
]
Effective = Annotated[
    str | None,
    typer.Option("--as-of-effective", metavar="DAG", help="Som det var den dag (ÅÅÅÅ-MM-DD)"),
]
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
    recorded: Recorded = None,
    effective: Effective = None,
    as_json: Json = False,
) -> None:
    """Vis poster, nyeste først.

    Eksempel: kontaktlog record list commitments --status open
    """
    from domain.access import sight
    from projections.registers import RecordQuery, listing

    found, day = _register(register), _day(effective)
    query = RecordQuery({"status": {status}} if status else {}, limit=LISTED_MAX)
    with opened() as services:
        at, v = _standing(services, found, recorded)
        with services.store.reading() as reader:
            page = listing(reader, v, at, day, sight(principal_here()), query)
        items = [_judged(services, found, item, day) for item in page.items]
    rows = [(item["id"], item["status"], item["changed_at"][:10]) for item in items]
    show(items, as_json, table(("id", "status", "ændret"), rows))


@app.command("show")
def show_record(
    register: Name,
    record_id: Annotated[str, typer.Argument(help="Postens id")],
    recorded: Recorded = None,
    effective: Effective = None,
    as_json: Json = False,
) -> None:
    """Vis en post.

    Eksempel: kontaktlog record show forums ID --as-of-effective 2012-01-01 --json
    """
    from domain.access import sight
    from domain.errors import Unknown
    from projections.registers import one

    found, day = _register(register), _day(effective)
    with opened() as services:
        at, v = _standing(services, found, recorded)
        with services.store.reading() as reader:
            item = one(reader, v, at, day, sight(principal_here()), record_id)
        if item is None:
            raise Unknown("record_not_found")
        answer = _judged(services, found, item.body, day)
    show(answer, as_json)


def _day(given: str | None) -> str | None:
    """Return the day asked about; wrong use when it is no day."""
    from datetime import date

    try:
        return None if given is None else date.fromisoformat(given).isoformat()
    except ValueError:
        raise typer.BadParameter(
            "skal være en dag, ÅÅÅÅ-MM-DD", param_hint="--as-of-effective"
        ) from None


def _standing(services: "Services", register: "Register", recorded: str | None) -> tuple[int, str]:
    """Return the position that is asked about and the view's suffix, once the view is there."""
    caught_up(services, services.log.head())
    at = services.views.at(recorded, None, [register.name])
    return at, services.views.standing(register.name)[1][register.name]


def _judged(services: "Services", register: "Register", body: bytes, day: str | None) -> "Object":
    """Return a record with what depends on the day, as the HTTP door tells it."""
    import orjson

    told_as: Object = orjson.loads(body)
    return register.judge(told_as, day or services.today()) if register.judge else told_as
