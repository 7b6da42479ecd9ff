"""`kontaktlog enquiry …`: enquiries through the one entry point, handled from the shell.

The same commands, rules and answers as the HTTP door. A step is taken on the enquiry as it stands:
who must not overwrite another's step takes it over HTTP, with `If-Match`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.log import given_by, principal_here, validated
from api.cli.terminal import Json, caught_up, opened, say, show, table

if TYPE_CHECKING:
    from api.commands import EnquiryDone
    from api.main import Services

FILE_BYTES_MAX: Final = 1_048_576
"""The largest step in a file: the HTTP door's limit for one body."""
LIST_MAX: Final = 500

Many = list[str] | None
Id = Annotated[str, typer.Argument(help="Henvendelsens id")]
Occurred = Annotated[
    str | None, typer.Option(help="Hvornår skridtet blev taget; nu, når det udelades")
]

app = typer.Typer(help="Modtag og behandl henvendelser.", no_args_is_help=True)


@app.callback()
def _enquiry() -> None:
    """Modtag, fordel, besvar og afslut henvendelser via den ene indgang."""


@app.command()
def receive(
    source: Annotated[
        str | None, typer.Argument(help="- læser henvendelsen som JSON fra standard input")
    ] = None,
    sender: Annotated[str | None, typer.Option(help="Afsenderen, fx KAB")] = None,
    spoke_for: Annotated[Many, typer.Option(help="På vegne af; kan gentages")] = None,
    administration: Annotated[Many, typer.Option(help="Adressat; kan gentages")] = None,
    received_by: Annotated[str | None, typer.Option(help="Enheden, der modtog den")] = None,
    medium: Annotated[str | None, typer.Option(help="email, letter, phone …")] = None,
    received: Annotated[str | None, typer.Option(help="2010-02-22 …")] = None,
    subject: Annotated[str | None, typer.Option(help="Kort emne")] = None,
    facts: Annotated[str | None, typer.Option(help="Hvad der spørges om")] = None,
    topic: Annotated[Many, typer.Option(help="Tema; kan gentages")] = None,
    kle: Annotated[Many, typer.Option(help="KLE-nummer; kan gentages")] = None,
    as_json: Json = False,
) -> None:
    """Modtag en henvendelse; den er samtidig en kontakt.

    Eksempel: kontaktlog enquiry receive --sender KAB --administration TMF --medium email
    --received 2010-02-22 --subject "Anvisning"
    """
    from domain.enquiries import ReceiveEnquiry

    options = {
        "sender": sender,
        "spoke_for": spoke_for,
        "administrations": administration,
        "received_by": received_by,
        "medium": medium,
        "received": received,
        "subject": subject,
        "facts": facts,
        "topics": topic,
        "kle": kle,
    }
    command = validated(ReceiveEnquiry, given_by(source, options))
    with opened() as services:
        from api import commands

        caught_up(services, services.log.head())
        done = commands.receive_enquiry_sync(services, principal_here(), command, via="cli")
        _tell(services, done, as_json)


@app.command("list")
def list_open(
    every: Annotated[bool, typer.Option("--all", help="Også afsluttede")] = False,
    as_json: Json = False,
) -> None:
    """Vis henvendelser, den med den nærmeste frist først.

    Eksempel: kontaktlog enquiry list --all
    """
    from domain.access import sight
    from domain.storage import clock
    from projections import enquiries, rules
    from projections.enquiries import EnquiryQuery
    from projections.enquiry_clocks import Judged

    with opened() as services:
        caught_up(services, services.log.head())
        query = EnquiryQuery(open=None if every else True, sort="deadline", limit=LIST_MAX)
        v, at = services.views.suffix("enquiries"), services.views.position("enquiries", "rules")
        with services.store.reading() as reader:
            calendars = rules.calendars(reader, services.views.suffix("rules"), at)
            judged = Judged(clock.now(), services.zone, calendars)
            page = enquiries.inbox(reader, v, at, None, sight(principal_here()), judged, query)
    found = _parsed(page.items)
    if page.next is not None:
        say(f"Kun de første {LIST_MAX} er vist.")
    show(found, as_json, table(("id", "modtaget", "afsender", "tilstand", "frist"), _rows(found)))


@app.command("show")
def show_one(enquiry_id: Id, as_json: Json = False) -> None:
    """Vis en henvendelse, som den står nu.

    Eksempel: kontaktlog enquiry show 0192f3a0-7c00-7abc-8def-001122334459
    """
    from domain.errors import Unknown

    with opened() as services:
        from api.commands import EnquiryDone
        from api.commands.enquiries import history_of

        facts, _ = history_of(services, enquiry_id)
        if not facts:
            raise Unknown("enquiry_unknown")
        _tell(services, EnquiryDone(enquiry_id, facts, repeated=True), as_json, changed=False)


@app.command()
def step(
    enquiry_id: Id,
    name: Annotated[str, typer.Argument(help="Som i API'et: routes, answers, splits …")],
    json_file: Annotated[Path, typer.Option(help="Fil med skridtet som ét JSON-objekt")],
    as_json: Json = False,
) -> None:
    """Tag et skridt, der står i en fil.

    Eksempel: kontaktlog enquiry step 0192f3a0-7c00-7abc-8def-001122334459 splits
    --json-file opdeling.json
    """
    with json_file.open("rb") as file:
        raw = file.read(FILE_BYTES_MAX + 1)
    if len(raw) > FILE_BYTES_MAX:
        raise typer.BadParameter(f"mere end {FILE_BYTES_MAX} bytes i filen")
    _take(enquiry_id, name, raw, as_json)


@app.command()
def acknowledge(
    enquiry_id: Id,
    handler: Annotated[str | None, typer.Option(help="Sagsbehandlerens navn")] = None,
    team: Annotated[str | None, typer.Option(help="Holdets navn")] = None,
    expected_by: Annotated[str | None, typer.Option(help="Svar ventes senest")] = None,
    occurred: Occurred = None,
    as_json: Json = False,
) -> None:
    """Kvittér med et navn at henvende sig til.

    Eksempel: kontaktlog enquiry acknowledge 0192f3a0-7c00-7abc-8def-001122334459
    --team "Én indgang"
    """
    body = {"handler": handler, "team": team, "expected_by": expected_by, "occurred": occurred}
    _take(enquiry_id, "acknowledgements", body, as_json)


@app.command()
def route(
    enquiry_id: Id,
    to: Annotated[str, typer.Option(help="Hvem der skal svare, fx TMF")],
    for_: Annotated[str | None, typer.Option("--for", help="Adressaten, der svares for")] = None,
    additional: Annotated[bool, typer.Option(help="Endnu en skal svare")] = False,
    reason: Annotated[str | None, typer.Option(help="Hvorfor")] = None,
    occurred: Occurred = None,
    as_json: Json = False,
) -> None:
    """Fordel en henvendelse.

    Eksempel: kontaktlog enquiry route 0192f3a0-7c00-7abc-8def-001122334459 --to TMF
    """
    body = {"to": to, "for": for_, "additional": additional, "reason": reason}
    _take(enquiry_id, "routes", {**body, "occurred": occurred}, as_json)


@app.command()
def answer(
    enquiry_id: Id,
    kind: Annotated[str, typer.Option(help="substantive, referral, refusal")] = "substantive",
    by: Annotated[str | None, typer.Option(help="Hvem der svarer, når flere skylder svar")] = None,
    text: Annotated[str | None, typer.Option(help="Svaret")] = None,
    document: Annotated[str | None, typer.Option(help="Dokumentnummer")] = None,
    occurred: Occurred = None,
    as_json: Json = False,
) -> None:
    """Besvar en henvendelse.

    Eksempel: kontaktlog enquiry answer 0192f3a0-7c00-7abc-8def-001122334459 --by TMF
    --text "Aftalen fornyes i maj"
    """
    body = {"answer_kind": kind, "by": by, "answer": text, "document": document}
    _take(enquiry_id, "answers", {**body, "occurred": occurred}, as_json)


@app.command()
def close(
    enquiry_id: Id,
    closing: Annotated[str, typer.Option(help="answered, withdrawn, nothing_owed")] = "answered",
    reason: Annotated[str | None, typer.Option(help="Hvorfor")] = None,
    waive: Annotated[str | None, typer.Option(help="Hvorfor skyldige svar frafaldes")] = None,
    occurred: Occurred = None,
    as_json: Json = False,
) -> None:
    """Afslut en henvendelse; afvises, mens nogen skylder et svar.

    Eksempel: kontaktlog enquiry close 0192f3a0-7c00-7abc-8def-001122334459
    """
    body = {"closing": closing, "reason": reason, "waive": waive, "occurred": occurred}
    _take(enquiry_id, "closures", body, as_json)


def _take(enquiry_id: str, name: str, given: dict[str, Any] | bytes, as_json: bool) -> None:
    """Take a step: every subcommand's way, from its name and its body."""
    import orjson

    from api.commands import STEPS

    model: Any = {str(step): model for step, model in STEPS.items()}.get(name)
    if model is None:
        raise typer.BadParameter(f"ukendt skridt; vælg af: {', '.join(STEPS)}")
    if isinstance(given, dict):
        given = orjson.dumps({key: value for key, value in given.items() if value is not None})
    command = model.model_validate_json(given)
    with opened() as services:
        from api import commands

        caught_up(services, services.log.head())
        done = commands.take_step_sync(services, principal_here(), enquiry_id, command, via="cli")
        _tell(services, done, as_json)


def _tell(services: Services, done: EnquiryDone, as_json: bool, *, changed: bool = True) -> None:
    """Show an enquiry: whole as JSON, or in a line of its state and who owes an answer."""
    from api.commands import shown_as_recorded
    from domain.access import sight

    (found,) = _parsed([shown_as_recorded(services, done.facts, sight(principal_here()))])
    how = "var allerede registreret" if changed and done.repeated else "er registreret"
    lines = [f"Henvendelsen {how}: {found['id']} (position {done.position})"] if changed else []
    lines += [f"{found['subject']}: {found['phase']}, version {found['version']}"]
    for owed in found["obligations"]:
        holder = f", hos {owed['holder']['name']}" if owed["holder"] else ""
        lines.append(f"  {owed['party']['name']}: {owed['state']}{holder}")
    show(found, as_json, "\n".join(lines))


def _parsed(items: list[bytes]) -> list[dict[str, Any]]:
    import orjson

    return [orjson.loads(item) for item in items]


def _rows(found: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [
        (
            one["id"],
            one["received_day"],
            one["sender"]["name"],
            one["phase"],
            min((due["due"] for due in one["deadlines"] if not due["done"]), default=None),
        )
        for one in found
    ]
