"""Doors that look across records: open conditions, and the coverage of governance dialogues."""

import orjson

from api.http.answers import Answer, at_position, listing
from api.http.operations import Ask
from api.http.vantage import family_of, read, vantage, widened
from domain.registry import Json
from projections import record_questions
from projections.storage import Reader


async def list_conditions(ask: Ask) -> Answer:
    """List open conditions, each with all who hold it."""
    seen = await vantage(ask, "positions", "parties")
    v, v_parties = seen.suffixes["positions"], seen.suffixes["parties"]

    def question(reader: Reader) -> list[Json]:
        sight = widened(reader, v_parties, seen.at, ask.sight)
        holders = family_of(reader, v_parties, seen, "holder", ask.query.get("holder"))
        return record_questions.open_conditions(
            reader, v, seen.at, seen.day, sight, set(holders or ())
        )

    found = await read(ask, question, long=True)
    return listing([orjson.dumps(each) for each in found], None, seen.at)


async def cover_dialogues(ask: Ask) -> Answer:
    """Tell which organisations had a dialogue meeting in a year, and which had none."""
    seen = await vantage(ask, "dialogues", "parties")
    v, v_parties = seen.suffixes["dialogues"], seen.suffixes["parties"]
    year = int(ask.query.get("year") or ask.services.today()[:4])

    def question(reader: Reader) -> Json:
        sight = widened(reader, v_parties, seen.at, ask.sight)
        return record_questions.dialogue_coverage(reader, v, v_parties, seen.at, sight, year)

    found = await read(ask, question, long=True)
    body = orjson.dumps({**found, "position": seen.at})
    return Answer(200, body, list(at_position(seen.at)))
