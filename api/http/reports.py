"""Routes of reports and imports: figures that name the position they were counted at."""

from typing import Any

import orjson

from api.http.answers import Answer, at_position, listing
from api.http.operations import Ask
from api.http.vantage import (
    Vantage,
    family_of,
    kept_as,
    next_cursor,
    read,
    vantage,
    widened,
)
from projections import counts, imports
from projections.counts import ReportQuery
from projections.storage import Reader

OUTCOMES = ("held", "not_reached", "any")


async def count_contacts(ask: Ask) -> Answer:
    """Count contacts, split by the dimensions asked for."""
    seen = await vantage(ask, "counts", "parties")
    key = kept_as(ask, seen)
    if key is not None and (kept := ask.door.recent.get(key)) is not None:
        return Answer(200, kept, at_position(seen.at))
    v, v_parties = seen.suffixes["counts"], seen.suffixes["parties"]

    def question(reader: Reader) -> counts.Report:
        sight = widened(reader, v_parties, seen.at, ask.sight)
        query = _query(reader, v_parties, seen, ask.query)
        return ask.door.reports.report(reader, v, seen.at, seen.day, sight, query)

    past = "as_of_recorded" in ask.query or ask.sight.parties is not None
    found = await read(ask, question, long=past)
    body = b'{"rows":[%s],"total":%d,"groups":%d,"by":%s,"position":%d}' % (
        b",".join(found.rows),
        found.total,
        found.groups,
        orjson.dumps(ask.query.get("by", ())),
        seen.at,
    )
    if key is not None:
        ask.door.recent.put(key, body)
    return Answer(200, body, at_position(seen.at))


def _query(reader: Reader, v_parties: str, seen: Vantage, given: dict[str, Any]) -> ReportQuery:
    outcome = given.get("outcome", "held")
    return ReportQuery(
        by=tuple(given.get("by", ())),
        date_from=given.get("from"),
        date_to=given.get("to"),
        administrations=family_of(
            reader, v_parties, seen, "administration", given.get("administration")
        ),
        organisations=family_of(reader, v_parties, seen, "organisation", given.get("organisation")),
        channel=given.get("channel"),
        medium=given.get("medium"),
        direction=given.get("direction"),
        outcome=None if outcome == "any" else outcome,
        sort=given.get("sort", "key"),
        limit=given.get("limit", counts.ROWS_MAX),
    )


async def list_imports(ask: Ask) -> Answer:
    """List imports, newest first."""
    seen = await vantage(ask, "imports")
    v = seen.suffixes["imports"]

    def question(reader: Reader) -> imports.Imports:
        return imports.listing(reader, v, seen.at, seen.limit, seen.after)

    page = await read(ask, question)
    return listing(page.items, next_cursor(ask, seen, page.next), seen.at)
