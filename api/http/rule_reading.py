"""Routes that read service targets, calendars of working days and routing rules."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

import orjson

from api.http.answers import Answer, at_position, etag, listing
from api.http.operations import Ask
from api.http.problems import HttpProblem
from api.http.vantage import Vantage, next_cursor, read, vantage
from domain.calendar import YEAR_FIRST, YEAR_LAST, WorkingCalendar
from domain.errors import Unknown
from domain.registry import Json
from projections import rules
from projections.storage import Reader

SPAN_DAYS_MAX: Final = 3_700
"""Ten years of closed days in one answer."""

Documents = Callable[[Reader, str, int, str], list[Json]]


def _day_asked(ask: Ask, seen: Vantage) -> str:
    return seen.day or ask.services.today()


async def _listed(ask: Ask, documents: Documents) -> Answer:
    """Return one page of documents; `after` is the id of the last one shown."""
    seen = await vantage(ask, "rules")
    day = _day_asked(ask, seen)

    def question(reader: Reader) -> list[Json]:
        return documents(reader, seen.suffixes["rules"], seen.at, day)

    found: Sequence[Json] = await read(ask, question)
    if "in_force" in ask.query:
        wanted = ask.query["in_force"] == "true"
        found = [each for each in found if each["in_force"] is wanted]
    start = 0
    if seen.after is not None:
        start = next((n for n, each in enumerate(found, 1) if each["id"] == seen.after), len(found))
    page = found[start : start + seen.limit]
    more = page[-1]["id"] if start + seen.limit < len(found) else None
    return listing([orjson.dumps(each) for each in page], next_cursor(ask, seen, more), seen.at)


async def _single(ask: Ask, documents: Documents, parameter: str) -> Answer:
    seen = await vantage(ask, "rules")
    wanted, day = ask.path(parameter), _day_asked(ask, seen)

    def question(reader: Reader) -> Any:
        return rules.found(documents(reader, seen.suffixes["rules"], seen.at, day), wanted)

    found = await read(ask, question)
    if found is None:
        raise Unknown("not_found")
    headers = [(b"etag", etag(found["version"])), *at_position(seen.at)]
    return Answer(200, orjson.dumps(found), headers)


async def list_targets(ask: Ask) -> Answer:
    """List service targets."""
    return await _listed(ask, rules.target_list)


async def get_target(ask: Ask) -> Answer:
    """Return one service target."""
    return await _single(ask, rules.target_list, "target_id")


async def list_rules(ask: Ask) -> Answer:
    """List routing rules."""
    return await _listed(ask, rules.rule_list)


async def get_rule(ask: Ask) -> Answer:
    """Return one routing rule."""
    return await _single(ask, rules.rule_list, "rule_id")


async def list_working_days(ask: Ask) -> Answer:
    """List calendars of working days."""

    def documents(reader: Reader, v: str, at: int, _: str) -> list[Json]:
        return rules.profile_list(reader, v, at)

    return await _listed(ask, documents)


async def get_closed_days(ask: Ask) -> Answer:
    """Return the closed days of a calendar in a period, by default the year asked about."""
    seen = await vantage(ask, "rules")
    code = ask.path("code")
    year = _day_asked(ask, seen)[:4]
    first = date.fromisoformat(ask.query.get("from", f"{year}-01-01"))
    last = date.fromisoformat(ask.query.get("to", f"{max(year, str(first.year))}-12-31"))
    _demand_span(first, last)

    def question(reader: Reader) -> WorkingCalendar | None:
        return rules.calendars(reader, seen.suffixes["rules"], seen.at).get(code)

    calendar = await read(ask, question, long=True)
    if calendar is None:
        raise Unknown("not_found")
    closed = [
        {"day": day.isoformat(), "name": name}
        for each in range(first.year, last.year + 1)
        for day, name in calendar.closed_days(each).items()
        if first <= day <= last
    ]
    working = calendar.working_days_between(first, last) + calendar.is_working_day(first)
    body = {
        "code": code,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "closed": closed,
        "working_days": working,
        "position": seen.at,
    }
    return Answer(200, orjson.dumps(body), at_position(seen.at))


def _demand_span(first: date, last: date) -> None:
    covered = first.year >= YEAR_FIRST and last.year <= YEAR_LAST
    if not covered or not 0 <= (last - first).days <= SPAN_DAYS_MAX:
        detail = f"højst {SPAN_DAYS_MAX} dage mellem {YEAR_FIRST} og {YEAR_LAST}, i rækkefølge"
        raise HttpProblem("invalid_input", [("/query/to", "invalid_input", detail)])
