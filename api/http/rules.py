"""Routes that write rules: service targets, calendars of working days, routing rules."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from api import commands
from api.commands import RuleDone
from api.http.answers import Answer, Headers, at_position, document, etag
from api.http.operations import Ask, Endpoint
from api.http.vantage import read
from domain.errors import Unknown
from domain.storage import clock
from projections import rules
from projections.storage import Reader

_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

Json = dict[str, Any]
Find = Callable[[Reader, str, int, str, str], Mapping[str, Any] | None]


def target_at(reader: Reader, v: str, at: int, day: str, rule_id: str) -> Mapping[str, Any] | None:
    """Return a service target as the list of them shows it."""
    return rules.found(rules.target_list(reader, v, at, day), rule_id)


def calendar_at(reader: Reader, v: str, at: int, _: str, rule_id: str) -> Mapping[str, Any] | None:
    """Return a calendar as the list of them shows it."""
    return rules.found(rules.profile_list(reader, v, at), rule_id)


def routing_at(reader: Reader, v: str, at: int, day: str, rule_id: str) -> Mapping[str, Any] | None:
    """Return a routing rule as the list of them shows it."""
    return rules.found(rules.rule_list(reader, v, at, day), rule_id)


def making(model: type[BaseModel], path: str, find: Find) -> Endpoint:
    """Return the endpoint that sets up one kind of rule."""

    async def make(ask: Ask) -> Answer:
        command: Any = await ask.command(model)
        done = await commands.change_rules(
            ask.services, ask.principal, command, via="api", key=ask.idempotency_key
        )
        headers = [(b"location", f"{path}/{done.rule_id}".encode())]
        return await _written(ask, done, 201, headers, find)

    return make


def ending(model: type[BaseModel], unknown: str, find: Find) -> Endpoint:
    """Return the endpoint that ends one kind of rule; `unknown` is the code for one not there."""

    async def end(ask: Ask) -> Answer:
        rule_id = ask.path("rule_id")
        if not _ID.fullmatch(rule_id):
            raise Unknown(unknown)
        command: Any = await ask.command(model)
        done = await commands.change_rules(
            ask.services, ask.principal, command, rule_id, via="api", key=ask.idempotency_key
        )
        return await _written(ask, done, 200, [], find)

    return end


async def _written(ask: Ask, done: RuleDone, status: int, headers: Headers, find: Find) -> Answer:
    """Answer with the rule as of the position recorded, which its view is waited for.

    When the view does not come in time, the rule is recorded all the same: the answer is then the
    short one, as if `Prefer: return=minimal` had been given.
    """
    headers = [*headers, *at_position(done.position)]
    shown = None if ask.prefers_minimal else await _shown(ask, done, find)
    if shown is None:
        return Answer(204, b"", [*headers, (b"preference-applied", b"return=minimal")], None)
    headers = [(b"etag", etag(shown["version"])), *headers]
    return document(shown, status=status, headers=headers)


async def _shown(ask: Ask, done: RuleDone, find: Find) -> Mapping[str, Any] | None:
    views, followers = ask.services.views, ask.door.followers
    seconds = ask.services.settings.wait_seconds
    if not await followers.wait(lambda: views.position("rules") >= done.position, seconds):
        return None
    v = views.suffix("rules")
    recorded = clock.moment(done.facts[-1].recorded_at)
    day = recorded.astimezone(ask.services.zone).date().isoformat()
    return await read(ask, lambda reader: find(reader, v, done.position, day, done.rule_id))
