"""The doors of every register: open a record, step it, read it, its history, and lists.

One set of endpoints serves all concepts; the operation says which register and which step.
"""

from collections.abc import Awaitable, Callable

import orjson

from api.commands.registers import RecordDone, act, rule_of
from api.http.answers import Answer, Headers, at_position, etag, listing
from api.http.operations import Ask
from api.http.preconditions import is_unchanged, version_expected
from api.http.vantage import Vantage, family_of, next_cursor, read, vantage, widened
from domain.access import Sight
from domain.errors import Unknown
from domain.registers import Register
from domain.storage import clock
from projections import registers as records
from projections.record_bodies import Newest, bodies, folded
from projections.registers import RecordQuery
from projections.storage import Reader

Endpoint = Callable[[Ask], Awaitable[Answer]]
PARTY_TERMS = frozenset(
    {"party", "by", "to", "holder", "forum", "body", "audience", "organisation"}
)
"""Kinds of term whose values are parties: asked for by any of the party's keys."""


def opening(register: Register) -> Endpoint:
    """Return the endpoint that opens a record."""

    async def endpoint(ask: Ask) -> Answer:
        command = await ask.command(register.open.command)
        done = await act(
            ask.services,
            ask.principal,
            register,
            command,
            via="api",
            key=ask.idempotency_key,
        )
        status = 200 if done.repeated and ask.idempotency_key is None else 201
        place = f"/v1/{register.name}/{done.record_id}".encode()
        return _written(ask, done, status, [(b"location", place)])

    return endpoint


def stepping(register: Register, step: str) -> Endpoint:
    """Return the endpoint of one step."""

    async def endpoint(ask: Ask) -> Answer:
        expected = version_expected(ask.request)
        command = await ask.command(rule_of(register, step).command)
        done = await act(
            ask.services,
            ask.principal,
            register,
            command,
            via="api",
            step=step,
            record_id=ask.path(register.id_field),
            key=ask.idempotency_key,
            if_version=expected,
        )
        return _written(ask, done, 200, [])

    return endpoint


def reading(register: Register) -> Endpoint:
    """Return the endpoint that reads one record."""

    async def endpoint(ask: Ask) -> Answer:
        seen = await vantage(ask, register.name, "parties")
        v, v_parties = seen.suffixes[register.name], seen.suffixes["parties"]

        def question(reader: Reader) -> records.Item | None:
            sight = widened(reader, v_parties, seen.at, ask.sight)
            return records.one(reader, v, seen.at, seen.day, sight, ask.path(register.id_field))

        item = await read(ask, question)
        if item is None:
            raise Unknown("record_not_found")
        headers = [(b"etag", etag(item.version)), *at_position(seen.at)]
        if is_unchanged(ask.request, item.version):
            return Answer(304, b"", headers, None)
        return Answer(200, judged(ask, register, seen, item.body), headers)

    return endpoint


def history(register: Register) -> Endpoint:
    """Return the endpoint that reads every step of a record."""

    async def endpoint(ask: Ask) -> Answer:
        seen = await vantage(ask, register.name, "parties")
        v, v_parties = seen.suffixes[register.name], seen.suffixes["parties"]

        def question(reader: Reader) -> list[bytes] | None:
            sight = widened(reader, v_parties, seen.at, ask.sight)
            return records.history(reader, v, seen.at, seen.day, sight, ask.path(register.id_field))

        steps = await read(ask, question)
        if steps is None:
            raise Unknown("record_not_found")
        return listing(steps, None, seen.at)

    return endpoint


def lists(register: Register) -> Endpoint:
    """Return the endpoint that lists records."""

    async def endpoint(ask: Ask) -> Answer:
        seen = await vantage(ask, register.name, "parties")
        v, v_parties = seen.suffixes[register.name], seen.suffixes["parties"]

        def question(reader: Reader) -> records.Page:
            sight = widened(reader, v_parties, seen.at, ask.sight)
            terms = {}
            for kind in ("party", *register.party_filters, *register.filters):
                given = ask.query.get(kind)
                if given is None:
                    continue
                keys = given if isinstance(given, list) else [given]
                if kind not in register.filters:
                    named = family_of(reader, v_parties, seen, kind, keys)
                    keys = [] if named is None else list(named)
                terms[kind] = frozenset(keys)
            query = RecordQuery(
                terms,
                ask.query.get("day_from"),
                ask.query.get("day_to"),
                oldest_first=ask.query.get("sort") == "day",
                limit=seen.limit,
                after=(str(seen.after[0]), int(seen.after[1])) if seen.after else None,
            )
            return records.listing(reader, v, seen.at, seen.day, sight, query)

        page = await read(ask, question)
        items = [judged(ask, register, seen, item) for item in page.items]
        return listing(items, next_cursor(ask, seen, page.next), seen.at)

    return endpoint


def judged(ask: Ask, register: Register, seen: Vantage, body: bytes) -> bytes:
    """Return a record with what depends on the day: the effective day asked for, else today."""
    if register.judge is None:
        return body
    today = clock.now().astimezone(ask.services.zone).date().isoformat()
    return orjson.dumps(register.judge(orjson.loads(body), seen.day or today))


def _written(ask: Ask, done: RecordDone, status: int, headers: Headers) -> Answer:
    """Answer a command with the record as it was recorded; the same bytes when asked again."""
    headers += [(b"etag", etag(done.version)), *at_position(done.position)]
    if ask.prefers_minimal:
        return Answer(204, b"", [*headers, (b"preference-applied", b"return=minimal")], None)
    return Answer(status, shown(ask, done, ask.sight), headers)


def shown(ask: Ask, done: RecordDone, sight: Sight) -> bytes:
    """Return a record's JSON from its own facts, as the asker may see it."""
    events = [ask.services.codec.event(fact) for fact in done.facts]
    record = folded(done.register, events)
    if record is None:
        raise Unknown("record_not_found")
    last = done.facts[-1]
    newest = Newest(last.position, last.recorded_at)
    inside, outside = bodies(done.register, record, done.facts[0].recorded_at, newest)
    return inside if sight.assessment else outside
