"""Routes of rights: who am I, grants given and withdrawn, the API keys there are."""

import re
from typing import Any, Final

import orjson

from api.commands.access import GrantDone, give_grant, withdraw_grant
from api.http.answers import Answer, Headers, at_position, listing
from api.http.operations import Ask
from api.http.vantage import next_cursor, read, vantage
from domain.access import Action, GiveGrant, WithdrawGrant, may
from domain.errors import Unknown
from projections import grants, keys
from projections.keys import KeyRow
from projections.storage import Reader

_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
PERSON: Final = "u-"
"""What the actor begins with when a person acts, not a key."""


async def get_me(ask: Ask) -> Answer:
    """Return who asks: actor, role, scope, what that allows, and the grants to choose from.

    Whoever has several grants and chose none has no role yet, and learns here which there are.
    """
    seen = await vantage(ask, "keys", "grants")
    who, day = ask.principal, seen.day or ask.services.today()
    is_person = who.key_id.startswith(PERSON)

    def question(reader: Reader) -> tuple[KeyRow | None, list[bytes]]:
        if is_person:
            v = seen.suffixes["grants"]
            return None, grants.bodies_of(reader, v, seen.at, who.key_id, day)
        return keys.find(reader, seen.suffixes["keys"], who.key_id, seen.at), []

    key, held = await read(ask, question)
    told: dict[str, Any] = {
        "actor": who.key_id,
        "kind": "person" if is_person else "key",
        "role": who.role,
        "label": key.label if key else None,
        "expires_at": key.expires_at if key else None,
        "parties": sorted(who.parties),
        "kle": list(who.kle),
        "actions": [action for action in Action if may(who, action)],
        "confidentialities": sorted(ask.sight.confidentialities) if who.role else [],
        "grants": [grant for each in held if (grant := orjson.loads(each))["in_force"]],
        "choices": _choices(ask),
        "acts_under": ask.person.acts.grant_id if ask.person and ask.person.acts else None,
        "position": seen.at,
    }
    return Answer(200, orjson.dumps(told), at_position(seen.at))


def _choices(ask: Ask) -> list[dict[str, Any]]:
    """Return every grant a person may choose: those of the log, and those of the sign-in."""
    held = ask.person.grants if ask.person else ()
    return [{"id": row.grant_id, "role": row.role, "scopes": row.scopes} for row in held]


async def list_grants(ask: Ask) -> Answer:
    """List grants, newest first, also those that ended or were withdrawn."""
    seen = await vantage(ask, "grants")
    v, day = seen.suffixes["grants"], seen.day or ask.services.today()
    holder = ask.query.get("holder")

    def question(reader: Reader) -> grants.Grants:
        return grants.listing(reader, v, seen.at, day, seen.limit, holder=holder, after=seen.after)

    page = await read(ask, question)
    return listing(page.items, next_cursor(ask, seen, page.next), seen.at)


async def post_grant(ask: Ask) -> Answer:
    """Give somebody a right; answered from what was recorded."""
    command = await ask.command(GiveGrant)
    key = ask.idempotency_key
    done = await give_grant(ask.services, ask.principal, command, via="api", key=key)
    location = (b"location", f"/v1/grants?holder={done.facts[0].data['holder']}".encode())
    return _written(ask, done, 201, [location])


async def post_withdrawal(ask: Ask) -> Answer:
    """Take a right back."""
    grant_id = ask.path("grant_id")
    command = await ask.command(WithdrawGrant)
    if not _ID.fullmatch(grant_id):
        raise Unknown("grant_unknown")
    key = ask.idempotency_key
    done = await withdraw_grant(ask.services, ask.principal, grant_id, command, via="api", key=key)
    return _written(ask, done, 200, [])


def _written(ask: Ask, done: GrantDone, status: int, headers: Headers) -> Answer:
    headers = [*headers, *at_position(done.position)]
    if ask.prefers_minimal:
        return Answer(204, b"", [*headers, (b"preference-applied", b"return=minimal")], None)
    return Answer(status, done.body(ask.services.today()), headers)


async def list_keys(ask: Ask) -> Answer:
    """List API keys, those changed last first; no secrets and no hashes of them."""
    seen = await vantage(ask, "keys")
    v = seen.suffixes["keys"]

    def question(reader: Reader) -> keys.Keys:
        return keys.listing(reader, v, seen.at, seen.limit, seen.after)

    page = await read(ask, question)
    return listing(page.items, next_cursor(ask, seen, page.next), seen.at)
