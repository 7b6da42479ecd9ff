"""`kontaktlog token`: API keys (API-nøgler) are issued, listed and withdrawn at the terminal.

Whoever can run this can read the store's files, so no key is asked for: this is how the first one
is made. The secret is shown once; the log keeps only its hash, and who withdrew what and why.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, cast

import typer

from api.cli.terminal import Json, caught_up, opened, say, show, table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from api.main import Services
    from domain.access import IssueKey, KeyIssued

ISSUED: Final = "access.key_issued/1"
REVOKED: Final = "access.key_revoked/1"
KEY_ID_BYTES: Final = 8

app = typer.Typer(help="Udsted, vis og spær API-nøgler.", no_args_is_help=True)


class Known(NamedTuple):
    """A key as the log tells of it."""

    issued: KeyIssued
    recorded_at: int
    reason: str | None


@app.command("new")
def new(
    role: Annotated[
        str, typer.Option(help="Rolle: case_officer, entry_desk, manager, auditor, organisation …")
    ],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="Afgrænsning: party:KAB (eller blot KAB), unit:TMF eller kle:03.10; kan gentages"
        ),
    ] = None,
    label: Annotated[str | None, typer.Option(help="Hvad nøglen bruges til")] = None,
    expires: Annotated[
        str | None, typer.Option(help="Sidste dag (2027-12-31) eller tidspunkt med tidszone")
    ] = None,
    as_json: Json = False,
) -> None:
    """Udsted en API-nøgle; hemmeligheden vises kun denne ene gang.

    Eksempel: kontaktlog token new --role case_officer --label "Sagsbehandler, TMF"

    Eksempel: kontaktlog token new --role organisation --scope party:KAB --expires 2027-12-31
    """
    from domain.access import IssueKey, Role, issue
    from domain.storage.clock import entropy, secret_text
    from domain.storage.journal import Entry

    if role not in set(Role):
        raise typer.BadParameter(f"ukendt rolle; vælg en af: {', '.join(Role)}")
    with opened() as services:
        command = IssueKey(
            role=Role(role),
            scopes=_resolved(services, scope or []),
            label=label,
            expires_at=_moment(expires, services.settings.zone),
        )
        key_id, secret = entropy(KEY_ID_BYTES).hex(), secret_text()
        event = issue(command, key_id, sha256(secret.encode()).hexdigest())
        services.journal.record_sync(Entry([event], _envelope()))
    token = f"kl_{key_id}_{secret}"
    show(_issued(token, key_id, command), as_json, token)
    if not as_json:
        say("Gem nøglen nu: den kan ikke vises igen. Brug: Authorization: Bearer <nøglen>")


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """Vis alle nøgler, de nyeste først; hemmelighederne kendes ikke.

    Eksempel: kontaktlog token list --json
    """
    with opened() as services:
        items = [_listed(known) for known in reversed(_known(services).values())]
    heads = ("key_id", "role", "status", "expires_at", "scopes", "label")
    rows = [[_cell(item[head]) for head in heads] for item in items]
    show({"items": items}, as_json, table(heads, rows))


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="Nøglens id, det midterste led i kl_<id>_…")],
    reason: Annotated[str, typer.Option(help="Hvorfor nøglen spærres")],
    as_json: Json = False,
) -> None:
    """Spær en nøgle; den virker ikke mere, så snart visningerne har set det.

    Eksempel: kontaktlog token revoke 3f2a… --reason "Medarbejderen er fratrådt"
    """
    from domain.access import KeyRevoked
    from domain.errors import Refused, Unknown
    from domain.log.port import Condition, QueryItem
    from domain.storage.journal import Entry

    with opened() as services:
        found = _known(services, key_id).get(key_id)
        if found is None:
            raise Unknown("key_unknown")
        if found.reason is not None:
            raise Refused("key_revoked")
        # Two at once: one wins, the other is told that somebody wrote first.
        condition = Condition((QueryItem((REVOKED,), (f"access:{key_id}",)),))
        event = KeyRevoked(key_id=key_id, reason=reason)
        entry = Entry([event], _envelope(), condition=condition)
        recorded = services.journal.record_sync(entry)
    answer = {"key_id": key_id, "status": "revoked", "position": recorded.position_last}
    show(answer, as_json, f"Nøglen {key_id} er spærret (position {recorded.position_last}).")


def _envelope() -> Any:
    from domain.access import Role
    from domain.log.envelope import Envelope

    return Envelope(actor="cli", role=Role.ADMINISTRATOR, via="cli")


def _in_full(scope: str) -> str:
    """Return a scope with its kind: a party may be named without, or by what it is."""
    kind, _, key = scope.partition(":")
    if key and kind in {"organisation", "administration"}:
        return f"party:{key}"
    return scope if key and kind in {"party", "unit", "kle"} else f"party:{scope}"


def _resolved(services: Services, scopes: list[str]) -> tuple[str, ...]:
    """Return the scopes with every party named by its id."""
    from domain.errors import Fault, Refused

    scopes = [_in_full(scope) for scope in scopes]
    wanted = {s.partition(":")[2] for s in scopes if s.startswith(("party:", "unit:"))}
    if not wanted:
        return tuple(scopes)
    caught_up(services, services.log.head())
    found = services.directory.resolve(sorted(wanted))
    faults = [
        Fault(f"/scopes/{n}", "unknown_party" if key not in found else "ambiguous_party")
        for n, (kind, _, key) in enumerate(s.partition(":") for s in scopes)
        if kind in {"party", "unit"} and found.get(key) is None
    ]
    if faults:
        raise Refused("scope_unknown", faults)
    parts = (scope.partition(":") for scope in scopes)
    return tuple(
        f"{kind}:{party.id}" if (party := found.get(key)) and kind != "kle" else f"{kind}:{key}"
        for kind, _, key in parts
    )


def _moment(text: str | None, zone: ZoneInfo) -> str | None:
    """Return when a key stops working: a day counts to its end in the municipality's zone."""
    from domain.storage.clock import now
    from domain.values import instant_text

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if "T" not in text and " " not in text:
            day = date.fromisoformat(text) + timedelta(days=1)
            moment = datetime(day.year, day.month, day.day, tzinfo=zone)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "--expires: skriv 2027-12-31 eller 2027-12-31T12:00+01:00"
        ) from None
    if moment.tzinfo is None:
        raise typer.BadParameter("--expires: et klokkeslæt skal have en tidszone, fx +01:00")
    if moment <= now():
        raise typer.BadParameter("--expires: ligger ikke i fremtiden")
    return instant_text(moment)


def _known(services: Services, key_id: str | None = None) -> dict[str, Known]:
    """Read keys from the log itself, oldest first: views may not exist yet."""
    tags = [f"access:{key_id}"] if key_id else []
    facts, events, _ = services.journal.history(tags, [ISSUED, REVOKED])
    keys: dict[str, Known] = {}
    for fact, event in zip(facts, events, strict=True):
        if fact.type == ISSUED:
            issued = cast("KeyIssued", event)
            keys[issued.key_id] = Known(issued, fact.recorded_at, None)
        elif known := keys.get(fact.data["key_id"]):
            keys[fact.data["key_id"]] = known._replace(reason=fact.data["reason"])
    return keys


def _issued(token: str, key_id: str, command: IssueKey) -> dict[str, Any]:
    return {
        "token": token,
        "key_id": key_id,
        "role": command.role.value,
        "scopes": list(command.scopes),
        "label": command.label,
        "expires_at": command.expires_at,
    }


def _listed(known: Known) -> dict[str, Any]:
    from domain.storage.clock import moment, now
    from domain.values import instant_text

    issued = known.issued
    expired = issued.expires_at is not None and datetime.fromisoformat(issued.expires_at) <= now()
    return {
        "key_id": issued.key_id,
        "role": issued.role.value,
        "scopes": list(issued.scopes),
        "label": issued.label,
        "status": "revoked" if known.reason is not None else "expired" if expired else "active",
        "issued_at": instant_text(moment(known.recorded_at)),
        "expires_at": issued.expires_at,
        "reason": known.reason,
    }


def _cell(value: object) -> object:
    return " ".join(value) if isinstance(value, list) else value
