"""Routes of parties: register, read, list, change, and the timeline of one party's relationship."""

import re
from typing import Any, Final

import orjson
from pydantic import BaseModel

from api import commands
from api.commands.parties import PartyChange, PartyDone
from api.http.answers import Answer, Headers, at_position, etag, listing
from api.http.operations import Ask, Endpoint
from api.http.preconditions import is_unchanged
from api.http.vantage import next_cursor, read, vantage, widened
from domain.errors import Unknown
from domain.parties import RegisterParty
from domain.values import UuidText
from projections import parties, timeline
from projections.storage import Reader

_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

__all__ = [
    "UuidText",
    "changing",
    "get_party",
    "get_timeline",
    "list_parties",
    "register_party",
]


def party_id_of(ask: Ask) -> str:
    """Return the party's id of the path; 404 for what no id is."""
    party_id = ask.path("party_id")
    if not _ID.fullmatch(party_id):
        raise Unknown("party_not_found")
    return party_id


async def register_party(ask: Ask) -> Answer:
    """Enter a party."""
    command = await ask.command(RegisterParty)
    key = ask.idempotency_key
    done = await commands.register_party(ask.services, ask.principal, command, via="api", key=key)
    status = 200 if done.repeated and key is None else 201
    headers = [(b"location", f"/v1/parties/{done.party_id}".encode())]
    return await _written(ask, done, status, headers)


def changing(model: type[BaseModel]) -> Endpoint:
    """Return the endpoint of one kind of change; its command is the body."""

    async def change(ask: Ask) -> Answer:
        party_id = party_id_of(ask)
        command: Any = await ask.command(model)
        given: PartyChange = command
        done = await commands.change_party(
            ask.services, ask.principal, party_id, given, via="api", key=ask.idempotency_key
        )
        return await _written(ask, done, 200, [])

    return change


async def _written(ask: Ask, done: PartyDone, status: int, headers: Headers) -> Answer:
    """Answer with the party as of the position recorded, which its view is waited for.

    When the view does not come in time, the party is recorded all the same: the answer is then the
    short one, as if `Prefer: return=minimal` had been given.
    """
    headers = [*headers, *at_position(done.position)]
    shown = None if ask.prefers_minimal else await _shown(ask, done)
    if shown is None:
        return Answer(204, b"", [*headers, (b"preference-applied", b"return=minimal")], None)
    version = orjson.loads(shown)["version"]
    return Answer(status, shown, [(b"etag", etag(version)), *headers])


async def _shown(ask: Ask, done: PartyDone) -> bytes | None:
    views, followers = ask.services.views, ask.door.followers
    seconds = ask.services.settings.wait_seconds
    if not await followers.wait(lambda: views.position("parties") >= done.position, seconds):
        return None
    v = views.suffix("parties")

    def question(reader: Reader) -> bytes | None:
        return parties.one(reader, v, done.position, None, done.party_id)

    return await read(ask, question)


async def get_party(ask: Ask) -> Answer:
    """Return one party."""
    party_id = party_id_of(ask)
    seen = await vantage(ask, "parties")
    v = seen.suffixes["parties"]

    def question(reader: Reader) -> bytes | None:
        return parties.one(reader, v, seen.at, seen.day, party_id)

    body = await read(ask, question)
    if body is None:
        raise Unknown("party_not_found")
    version = orjson.loads(body)["version"]
    headers = [(b"etag", etag(version)), *at_position(seen.at)]
    if is_unchanged(ask.request, version):
        return Answer(304, b"", headers, None)
    return Answer(200, body, headers)


async def list_parties(ask: Ask) -> Answer:
    """List parties by name."""
    seen = await vantage(ask, "parties")
    v = seen.suffixes["parties"]

    def question(reader: Reader) -> parties.Parties:
        return parties.listing(
            reader,
            v,
            seen.at,
            seen.day,
            kind=ask.query.get("kind"),
            q=ask.query.get("q"),
            key=ask.query.get("key"),
            limit=seen.limit,
            after=(seen.after[0], seen.after[1]) if seen.after else None,
        )

    page = await read(ask, question, long=ask.query.get("q") is not None)
    return listing(page.items, next_cursor(ask, seen, page.next), seen.at)


async def get_timeline(ask: Ask) -> Answer:
    """Return what concerns one party, newest first, each entry with why it is shown."""
    party_id = party_id_of(ask)
    seen = await vantage(ask, *timeline.VIEWS_ASKED)
    suffixes = seen.suffixes
    after = tuple(seen.after) if seen.after else None

    def question(reader: Reader) -> timeline.Timeline | None:
        if parties.version_of(reader, suffixes["parties"], seen.at, party_id) is None:
            return None
        sight = widened(reader, suffixes["parties"], seen.at, ask.sight)
        return timeline.timeline(
            reader,
            suffixes,
            seen.at,
            seen.day,
            sight,
            party_id,
            seen.limit,
            after,
            ask.query.get("lens"),
        )

    page = await read(ask, question)
    if page is None:
        raise Unknown("party_not_found")
    return listing(page.items, next_cursor(ask, seen, page.next), seen.at)
