"""`kontaktlog grant`: rights of persons (rettigheder) are given, listed and withdrawn.

The holder is named as the sign-in service does, or by the pseudonym that `list` shows. What stands
in the log is the pseudonym alone, so no name comes back from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.terminal import Json, caught_up, opened, show, table
from api.cli.token import resolved_scopes

if TYPE_CHECKING:
    from domain.access import Principal

app = typer.Typer(help="Tildel, vis og fratag rettigheder.", no_args_is_help=True)
_REASON = "Hvorfor; uden personoplysninger"


@app.command("give")
def give(
    role: Annotated[str, typer.Option(help="Rolle: case_officer, manager, councillor …")],
    reason: Annotated[str, typer.Option(help=_REASON)],
    holder: Annotated[str | None, typer.Option(help="Indehaverens pseudonym, u-…")] = None,
    issuer: Annotated[str | None, typer.Option(help="Logintjenestens adresse (iss)")] = None,
    subject: Annotated[str | None, typer.Option(help="Personens id dér (sub)")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="Afgrænsning: party:KAB, unit:TMF eller kle:03.10; kan gentages"),
    ] = None,
    valid_from: Annotated[
        str | None, typer.Option("--from", help="Første dag; i dag, når den udelades")
    ] = None,
    valid_to: Annotated[str | None, typer.Option("--to", help="Sidste dag")] = None,
    as_json: Json = False,
) -> None:
    """Tildel en person en rettighed.

    Eksempel: kontaktlog grant give --holder u-… --role case_officer --reason "Ansat i Teamet"

    Eksempel: kontaktlog grant give --issuer https://login.example --subject 7f3c
    --role councillor --reason "Valgt" --to 2029-12-31
    """
    from api.commands.access import give_grant_sync
    from domain.access import GiveGrant, Role

    if role not in set(Role):
        raise typer.BadParameter(f"ukendt rolle; vælg en af: {', '.join(Role)}")
    with opened() as services:
        command = GiveGrant(
            holder=holder,
            issuer=issuer,
            subject=subject,
            role=Role(role),
            scopes=resolved_scopes(services, scope or []),
            valid_from=valid_from or services.today(),
            valid_to=valid_to,
            reason=reason,
        )
        done = give_grant_sync(services, _cli(), command, via="cli")
        answer = _parsed(done.body(services.today()))
    text = f"Rettigheden {done.grant_id} er tildelt {answer['holder']} (position {done.position})."
    show(answer, as_json, text)


@app.command("list")
def list_all(
    holder: Annotated[str | None, typer.Option(help="Kun denne indehavers, u-…")] = None,
    as_json: Json = False,
) -> None:
    """Vis rettigheder, de nyeste først, også dem, der er ophørt.

    Eksempel: kontaktlog grant list --json
    """
    from projections import grants

    items: list[dict[str, Any]] = []
    with opened() as services:
        caught_up(services, services.log.head())
        at, suffixes = services.views.standing("grants")
        day, after, more = services.today(), None, True
        with services.store.reading() as reader:
            while more:
                page = grants.listing(
                    reader, suffixes["grants"], at, day, 500, holder=holder, after=after
                )
                items += [_parsed(item) for item in page.items]
                after, more = page.next, page.next is not None
    heads = ("id", "holder", "role", "in_force", "valid_from", "valid_to", "scopes", "reason")
    rows = [[_cell(item[head]) for head in heads] for item in items]
    show({"items": items}, as_json, table(heads, rows))


@app.command("withdraw")
def withdraw(
    grant_id: Annotated[str, typer.Argument(help="Rettighedens id")],
    reason: Annotated[str, typer.Option(help=_REASON)],
    as_json: Json = False,
) -> None:
    """Fratag en rettighed; den gælder ikke mere, så snart visningerne har set det.

    Eksempel: kontaktlog grant withdraw 018f… --reason "Fratrådt"
    """
    from api.commands.access import withdraw_grant_sync
    from domain.access import WithdrawGrant

    with opened() as services:
        command = WithdrawGrant(reason=reason)
        done = withdraw_grant_sync(services, _cli(), grant_id, command, via="cli")
        answer = _parsed(done.body(services.today()))
    show(answer, as_json, f"Rettigheden {grant_id} er frataget (position {done.position}).")


def _cli() -> Principal:
    from domain.access import Role, principal_of

    return principal_of("cli", Role.ADMINISTRATOR, ())


def _parsed(body: bytes) -> dict[str, Any]:
    import orjson

    parsed: dict[str, Any] = orjson.loads(body)
    return parsed


def _cell(value: object) -> object:
    return " ".join(value) if isinstance(value, list) else value
