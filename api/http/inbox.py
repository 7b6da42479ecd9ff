"""Routes that read enquiries: inbox, counts, one of them, its steps, contacts, suggestions."""

import re
from dataclasses import replace
from datetime import datetime, time
from typing import Any, Final

import orjson

from api.http.answers import Answer, at_position, etag, listing
from api.http.operations import Ask
from api.http.preconditions import is_unchanged
from api.http.vantage import Vantage, family_of, next_cursor, read, vantage, widened
from domain import routing
from domain.access import Sight
from domain.errors import Unknown
from domain.registry import Json
from domain.storage import clock
from projections import enquiries, rules, search
from projections.belonging import ancestors
from projections.contact_rows import LEVELS
from projections.directory import closed
from projections.enquiries import EnquiryQuery, Found, Keep
from projections.enquiries_counted import counted
from projections.enquiries_filed import Filed, filed_on
from projections.enquiries_suggested import duplicates, past_routing, talking
from projections.enquiry_clocks import Judged
from projections.finality import levels_seen
from projections.naming import families, merges, survivor
from projections.storage import Params, Reader

_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_DAY_CHARS: Final = 10
_PLAIN_FILTERS: Final = (
    "assigned",
    "kind",
    "medium",
    "priority",
    "topic",
    "kle",
    "case_number",
    "deadline",
    "clock",
    "received_from",
    "received_to",
    "closed_from",
    "closed_to",
)
_FAMILIES: Final = ("unit", "administration", "sender")
_VIEWS: Final = ("enquiries", "parties", "rules")
_SEARCHED: Final = ("contacts", "search")


def enquiry_id_of(ask: Ask) -> str:
    """Return the enquiry's id of the path; 404 for what no id is."""
    enquiry_id = ask.path("enquiry_id")
    if not _ID.fullmatch(enquiry_id):
        raise Unknown("enquiry_unknown")
    return enquiry_id


# ── by which moment ──────────────────────────────────────────────────────────────────────────────


def moment_asked(ask: Ask, seen: Vantage) -> datetime:
    """Return the moment deadlines are judged by.

    The end of the day of `as_of_effective`; else the time of `as_of_recorded`; else now. The pages
    of one list are all judged by the moment of the first.
    """
    if seen.after:
        return datetime.fromisoformat(seen.after[0])
    effective, recorded = ask.query.get("as_of_effective"), ask.query.get("as_of_recorded")
    if effective is not None:
        if len(effective) > _DAY_CHARS:
            return datetime.fromisoformat(effective.upper())
        end = time(23, 59, 59, 999_999, ask.services.zone)
        return datetime.combine(datetime.fromisoformat(effective).date(), end)
    if recorded is None:
        return clock.now()
    if not recorded.isdigit():
        return datetime.fromisoformat(recorded.upper())
    rows = ask.services.log.rows(int(recorded) - 1, 1) if int(recorded) > 0 else []
    return clock.moment(rows[0].recorded_at) if rows else clock.now()


def judged_by(ask: Ask, reader: Reader, seen: Vantage, now: datetime) -> Judged:
    """Return by which moment and which calendars deadlines are judged."""
    calendars = rules.calendars(reader, seen.suffixes["rules"], seen.at)
    return Judged(now, ask.services.zone, calendars)


def _sight(ask: Ask, reader: Reader, seen: Vantage) -> Sight:
    return widened(reader, seen.suffixes["parties"], seen.at, ask.sight)


# ── many ─────────────────────────────────────────────────────────────────────────────────────────


async def list_enquiries(ask: Ask) -> Answer:
    """List enquiries: the inbox of the one entry point."""
    seen = await vantage(ask, *_VIEWS, *(_SEARCHED if "text" in ask.query else ()))
    now = moment_asked(ask, seen)

    def question(reader: Reader) -> enquiries.Page:
        sight = _sight(ask, reader, seen)
        return enquiries.inbox(
            reader,
            seen.suffixes["enquiries"],
            seen.at,
            seen.day,
            sight,
            judged_by(ask, reader, seen, now),
            _query(ask, reader, seen),
            matches=_matches(ask, reader, seen, sight),
            keep=_looks_double(reader, seen, sight) if ask.query.get("duplicates") else None,
        )

    page = await read(ask, question, long=_takes_long(ask))
    after = None if page.next is None else [now.isoformat(), *page.next]
    return listing(page.items, next_cursor(ask, seen, after), seen.at)


async def count_enquiries(ask: Ask) -> Answer:
    """Count enquiries, split by the dimensions asked for."""
    seen = await vantage(ask, *_VIEWS, *(_SEARCHED if "text" in ask.query else ()))
    now, by = moment_asked(ask, seen), ask.query.get("by", ())

    def question(reader: Reader) -> Json:
        sight = _sight(ask, reader, seen)
        judged = judged_by(ask, reader, seen, now)
        found = enquiries.matching(
            reader,
            seen.suffixes["enquiries"],
            seen.at,
            seen.day,
            sight,
            judged,
            _query(ask, reader, seen),
            matches=_matches(ask, reader, seen, sight),
        )
        counts = counted(found, by, judged, marks=sight.assessment)
        return {"rows": counts.rows, "total": counts.total, "by": by, "position": seen.at}

    body = await read(ask, question, long=True)
    return Answer(200, orjson.dumps(body), at_position(seen.at))


def _takes_long(ask: Ask) -> bool:
    return any(name in ask.query for name in ("text", "deadline", "clock", "duplicates"))


def _query(ask: Ask, reader: Reader, seen: Vantage) -> EnquiryQuery:
    given = ask.query
    is_open = _truth(given.get("open"))
    plain: dict[str, Any] = {name: given.get(name) for name in _PLAIN_FILTERS}
    for name in _FAMILIES:
        plain[name] = family_of(reader, seen.suffixes["parties"], seen, name, given.get(name))
    return EnquiryQuery(
        **plain,
        phases=tuple(given.get("phase", ())),
        open=is_open,
        written=_truth(given.get("written")),
        sort=given.get("sort", "deadline" if is_open else "received"),
        limit=seen.limit,
        after=(str(seen.after[1]), int(seen.after[2])) if seen.after else None,
    )


def _truth(text: str | None) -> bool | None:
    return None if text is None else text == "true"


def _matches(ask: Ask, reader: Reader, seen: Vantage, sight: Sight) -> tuple[str, Params] | None:
    """Return the condition of a text search: contacts that hold the words and may be seen.

    An enquiry came with a contact, and that is what search knows. Its first version stands at its
    number; as it is now it must be of a level the sight sees.
    """
    text = ask.query.get("text")
    if text is None:
        return None
    v = seen.suffixes["contacts"]
    sql, params = search.search_sql(reader, seen.suffixes["search"], seen.at, text, sight)
    levels = ", ".join(sorted({str(LEVELS[level]) for level in levels_seen(sight)})) or "-1"
    found = (
        f"SELECT f.contact_id FROM contact_{v} f WHERE f.from_position IN ({sql})"  # noqa: S608
        f" AND EXISTS (SELECT 1 FROM contact_{v} k WHERE k.contact_id = f.contact_id"
        f" AND k.from_position <= ? AND k.to_position > ? AND k.level IN ({levels}))"
    )
    return found, (*params, seen.at, seen.at)


def _looks_double(reader: Reader, seen: Vantage, sight: Sight) -> Keep:
    """Return the condition that something else looks like the enquiry; nobody else may ask it."""
    steps = merges(reader, seen.suffixes["parties"], seen.at)

    def keep(found: Found) -> bool:
        if not sight.assessment:
            return False
        body = orjson.loads(found.parts.body + b"}")
        family = families(steps, [survivor(steps, body["sender"]["id"])])
        v = seen.suffixes["enquiries"]
        return bool(duplicates(reader, v, seen.at, seen.day, sight, family, body))

    return keep


# ── one ──────────────────────────────────────────────────────────────────────────────────────────


async def get_enquiry(ask: Ask) -> Answer:
    """Return one enquiry; 304 only while nothing in it depends on the day."""
    enquiry_id = enquiry_id_of(ask)
    seen = await vantage(ask, *_VIEWS)
    now = moment_asked(ask, seen)

    def question(reader: Reader) -> enquiries.Item | None:
        return _one(ask, reader, seen, now, enquiry_id)

    item = await read(ask, question)
    if item is None:
        raise Unknown("enquiry_unknown")
    headers = [(b"etag", etag(item.version)), *at_position(seen.at)]
    if item.settled and is_unchanged(ask.request, item.version):
        return Answer(304, b"", headers, None)
    return Answer(200, item.body, headers)


def _one(
    ask: Ask, reader: Reader, seen: Vantage, now: datetime, enquiry_id: str
) -> enquiries.Item | None:
    sight, v = _sight(ask, reader, seen), seen.suffixes["enquiries"]
    judged = judged_by(ask, reader, seen, now)
    return enquiries.one(reader, v, seen.at, seen.day, sight, judged, enquiry_id)


async def get_steps(ask: Ask) -> Answer:
    """Return what happened to one enquiry, oldest first."""
    enquiry_id = enquiry_id_of(ask)
    seen = await vantage(ask, "enquiries", "parties")
    chain = ask.query.get("chain", False)

    def question(reader: Reader) -> list[bytes] | None:
        sight, v = _sight(ask, reader, seen), seen.suffixes["enquiries"]
        return enquiries.steps(reader, v, seen.at, seen.day, sight, enquiry_id, chain=chain)

    steps = await read(ask, question)
    if steps is None:
        raise Unknown("enquiry_unknown")
    return listing(steps, None, seen.at)


async def get_contacts(ask: Ask) -> Answer:
    """Return the contacts filed on one enquiry, each with the trail of its filing."""
    enquiry_id = enquiry_id_of(ask)
    seen = await vantage(ask, *_VIEWS, "contacts")
    now = moment_asked(ask, replace(seen, after=None))

    def question(reader: Reader) -> Filed | None:
        item = _one(ask, reader, seen, now, enquiry_id)
        if item is None:
            return None
        came_with = orjson.loads(item.body)["contact_id"]
        v, sight = seen.suffixes["contacts"], _sight(ask, reader, seen)
        return filed_on(
            reader, v, seen.at, seen.day, sight, enquiry_id, came_with, seen.limit, seen.after
        )

    page = await read(ask, question, long=True)
    if page is None:
        raise Unknown("enquiry_unknown")
    return listing(page.items, next_cursor(ask, seen, page.next), seen.at)


async def get_suggestions(ask: Ask) -> Answer:
    """Return what looks like an enquiry, where such ones went, and who talks with its sender.

    Only the municipality's own people are told; for others there is nothing here.
    """
    enquiry_id = enquiry_id_of(ask)
    seen = await vantage(ask, *_VIEWS, "contacts")
    now = moment_asked(ask, seen)

    def question(reader: Reader) -> Json | None:
        item = _one(ask, reader, seen, now, enquiry_id) if ask.sight.assessment else None
        return None if item is None else _suggested(ask, reader, seen, now, item)

    found = await read(ask, question, long=True)
    if found is None:
        raise Unknown("enquiry_unknown")
    return Answer(200, orjson.dumps(found), at_position(seen.at))


def _senders(reader: Reader, seen: Vantage, parties: frozenset[str]) -> set[str]:
    """Return the parties and all they belong to: a rule may name a federation."""
    above = ancestors(reader, seen.suffixes["parties"], seen.at, seen.day, sorted(parties))
    return {*parties, *(parent for chain in above.values() for parent in chain)}


def _suggested(
    ask: Ask, reader: Reader, seen: Vantage, now: datetime, item: enquiries.Item
) -> Json:
    enquiry: Json = orjson.loads(item.body)
    sight, at, day = _sight(ask, reader, seen), seen.at, seen.day
    v, today = seen.suffixes["enquiries"], now.astimezone(ask.services.zone).date().isoformat()
    steps = merges(reader, seen.suffixes["parties"], at)
    family = families(steps, [survivor(steps, enquiry["sender"]["id"])])
    senders = _senders(reader, seen, family | {party["id"] for party in enquiry["spoke_for"]})
    past = past_routing(reader, v, at, day, sight, family, enquiry["topics"], enquiry["id"])
    found = rules.rules(reader, seen.suffixes["rules"], at)
    ended = closed(reader, seen.suffixes["parties"], at, today, {rule.to.id for rule in found})
    suggested = routing.suggest(
        [rule for rule in found if rule.to.id not in ended],
        day=today,
        topics=enquiry["topics"],
        kle=enquiry["kle"],
        senders=senders,
        past=past,
    )
    return {
        "duplicates": duplicates(reader, v, at, day, sight, family, enquiry),
        "routes": [
            {
                "unit": each.unit.model_dump(),
                "rule_id": each.rule_id,
                "rule_name": each.rule_name,
                "automatic": each.automatic,
                "reason": each.reason,
            }
            for each in suggested
        ],
        "talking": talking(reader, seen.suffixes["contacts"], at, today, sight, family),
        "position": at,
    }
