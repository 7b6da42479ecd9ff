"""`kontaktlog token`: API keys (API-nøgler) are issued, listed, rotated and withdrawn.

Whoever can run this can read the store's files, so no key is asked for: this is how the first one
is made. The secret is shown once; the log keeps only its hash, and who withdrew what and why.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, cast

import typer

from api.cli.terminal import FOLLOWER_SECONDS, Json, caught_up, opened, say, show, table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from api.main import Services
    from domain.access import KeyIssued

ISSUED: Final = "access.key_issued/1"
REVOKED: Final = "access.key_revoked/1"
EXPIRY_SET: Final = "access.key_expiry_set/1"

app = typer.Typer(help="Udsted, vis, skift og spær API-nøgler.", no_args_is_help=True)


class Known(NamedTuple):
    """A key as the log tells of it."""

    issued: KeyIssued
    recorded_at: int
    expires_at: str | None
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
    from api.commands.access import new_key
    from domain.access import IssueKey, Role, issue
    from domain.storage.journal import Entry

    if role not in set(Role):
        raise typer.BadParameter(f"ukendt rolle; vælg en af: {', '.join(Role)}")
    with opened() as services:
        command = IssueKey(
            role=Role(role),
            scopes=resolved_scopes(services, scope or []),
            label=label,
            expires_at=_moment(expires, services.settings.zone),
        )
        made = new_key()
        event = issue(command, made.key_id, made.secret_sha256)
        recorded = services.journal.record_sync(Entry([event], _envelope()))
        _told_to_the_door(services, recorded.position_last)
    show(_issued(made.token, event), as_json, made.token)
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


@app.command("rotate")
def rotate(
    key_id: Annotated[str, typer.Argument(help="Nøglens id, det midterste led i kl_<id>_…")],
    grace: Annotated[
        str, typer.Option(help="Hvor længe den gamle nøgle virker endnu: 30m, 24h eller 7d")
    ] = "24h",
    expires: Annotated[
        str | None, typer.Option(help="Den nye nøgles sidste dag eller tidspunkt med tidszone")
    ] = None,
    as_json: Json = False,
) -> None:
    """Udsted en ny nøgle i stedet for en anden, med samme rolle og afgrænsning.

    Eksempel: kontaktlog token rotate 3f2a… --grace 24h
    """
    from api.commands.access import rotate_key_sync
    from domain.access import KeyExpirySet, KeyIssued, Role, RotateKey, principal_of

    with opened() as services:
        expires_at = _moment(expires, services.settings.zone)
        command = RotateKey(key_id=key_id, grace=_duration(grace), expires_at=expires_at)
        cli = principal_of("cli", Role.ADMINISTRATOR, ())
        done = rotate_key_sync(services, cli, command, via="cli")
        _told_to_the_door(services, done.facts[-1].position)
    new, old = (fact.data for fact in done.facts)
    issued = KeyIssued.model_validate(new, strict=False)
    ended = KeyExpirySet.model_validate(old)
    answer = _issued(done.made.token, issued)
    answer |= {"replaces": ended.key_id, "old_expires_at": ended.expires_at}
    show(answer, as_json, done.made.token)
    if not as_json:
        say(f"Gem nøglen nu: den kan ikke vises igen. Den gamle virker til {ended.expires_at}.")


def _told_to_the_door(services: Services, position: int) -> None:
    """Wait until a serving door knows of the key; without one there is nobody to wait for."""
    from domain.errors import Unavailable

    lock = services.store.follower_lock()
    if lock is not None:
        lock.release()
        return
    with suppress(Unavailable):  # the key is made all the same
        services.views.wait_for(position, FOLLOWER_SECONDS, "keys")


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


def resolved_scopes(services: Services, scopes: list[str]) -> tuple[str, ...]:
    """Return the scopes with every party named by its id."""
    from api.commands.access import keys_of_scopes, resolved

    scopes = [_in_full(scope) for scope in scopes]
    wanted = keys_of_scopes(scopes)
    if wanted:
        caught_up(services, services.log.head())
    return resolved(scopes, services.directory.resolve(wanted))


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


_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_DURATION: Final = re.compile(r"(0|[1-9][0-9]{0,3})([mhd])", re.ASCII)


def _duration(text: str) -> timedelta:
    """Return how long a key works on; longer than the limit is wrong use, not cut."""
    from domain.access import GRACE_MAX

    found = _DURATION.fullmatch(text)
    if found is None:
        raise typer.BadParameter("--grace: skriv 30m, 24h eller 7d")
    length = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if length > GRACE_MAX:
        raise typer.BadParameter(f"--grace: højst {GRACE_MAX.days}d")
    return length


def _known(services: Services, key_id: str | None = None) -> dict[str, Known]:
    """Read keys from the log itself, oldest first: views may not exist yet."""
    tags = [f"access:{key_id}"] if key_id else []
    facts, events, _ = services.journal.history(tags, [ISSUED, REVOKED, EXPIRY_SET])
    keys: dict[str, Known] = {}
    for fact, event in zip(facts, events, strict=True):
        if fact.type == ISSUED:
            issued = cast("KeyIssued", event)
            keys[issued.key_id] = Known(issued, fact.recorded_at, issued.expires_at, None)
        elif known := keys.get(fact.data["key_id"]):
            field = "reason" if fact.type == REVOKED else "expires_at"
            keys[fact.data["key_id"]] = known._replace(**{field: fact.data[field]})
    return keys


def _issued(token: str, issued: KeyIssued) -> dict[str, Any]:
    return {
        "token": token,
        "key_id": issued.key_id,
        "role": issued.role.value,
        "scopes": list(issued.scopes),
        "label": issued.label,
        "expires_at": issued.expires_at,
    }


def _listed(known: Known) -> dict[str, Any]:
    from domain.storage.clock import moment, now
    from domain.values import instant_text

    issued, end = known.issued, known.expires_at
    expired = end is not None and datetime.fromisoformat(end) <= now()
    return {
        "key_id": issued.key_id,
        "role": issued.role.value,
        "scopes": list(issued.scopes),
        "label": issued.label,
        "status": "revoked" if known.reason is not None else "expired" if expired else "active",
        "issued_at": instant_text(moment(known.recorded_at)),
        "expires_at": end,
        "reason": known.reason,
    }


def _cell(value: object) -> object:
    return " ".join(value) if isinstance(value, list) else value
