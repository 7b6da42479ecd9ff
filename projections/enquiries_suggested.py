"""What the desk is told beside an enquiry (forslag): what looks like it, where such ones went, who
already talks with its sender. Suggestions only: nothing here merges or routes anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import orjson

from domain.access import Sight
from domain.registry import Json
from domain.values import PartyId, PartyRef
from projections.contacts import ContactQuery, newest
from projections.enquiries import Found, seen_rows
from projections.enquiries_rows import SENDER, TOPIC
from projections.stems import stems_of
from projections.storage import Reader

DUPLICATE_DAYS: Final = 7
"""Two enquiries further apart than this are not taken for one."""
DUPLICATES_MAX: Final = 20
ALIKE_SHARE: Final = 0.6
"""Share of the shorter subject's words that must stand in the other, too."""
STEM_CHARS_MIN: Final = 3
"""Shorter words (om, af, til …) make no two subjects alike."""
TALKING_DAYS: Final = 90
TALKS_LOOKED_AT_MAX: Final = 2_000
"""Newest direct contacts that are looked at for who talks with an organisation."""
_TALKS_PAGE: Final = 500
_GONE: Final = ("split", "merged")


def days_around(day: str, days: int) -> tuple[str, str]:
    """Return the first and last day within `days` of a day."""
    middle, span = date.fromisoformat(day), timedelta(days=days)
    return (middle - span).isoformat(), (middle + span).isoformat()


def duplicates(
    reader: Reader,
    v: str,
    at: int,
    day: str | None,
    sight: Sight,
    family: Iterable[str],
    enquiry: Json,
) -> list[Json]:
    """Return enquiries that may be the same one, each with the reasons why, the likeliest first.

    `family` are the sender and those merged with it; `enquiry` is the body as it is shown.
    """
    around = days_around(enquiry["received_day"], DUPLICATE_DAYS)
    found: list[Json] = []
    for row in seen_rows(reader, v, at, day, sight, SENDER, sorted(family), between=around):
        other: Json = orjson.loads(row.parts.body + b"}")
        if other["contact_id"] == enquiry["contact_id"] or other["phase"] in _GONE:
            continue
        if reasons := _reasons(enquiry, other):
            shown = {name: other[name] for name in ("id", "subject", "phase", "received_day")}
            found.append({"enquiry": shown, "reasons": reasons})
    return sorted(found, key=lambda each: -len(each["reasons"]))[:DUPLICATES_MAX]


def _reasons(enquiry: Json, other: Json) -> list[Json]:
    reasons: list[Json] = [
        {"reason": "same_case_number", "value": number}
        for number in enquiry["case_numbers"]
        if number in other["case_numbers"]
    ]
    source = enquiry["source"]
    if source is not None and source == other["source"]:
        reasons.append({"reason": "same_source", "value": source["id"]})
    mine, theirs = _words(enquiry["subject"]), _words(other["subject"])
    shared = len(mine & theirs)
    if shared and shared >= ALIKE_SHARE * min(len(mine), len(theirs)):
        reasons.append({"reason": "similar_subject", "value": f"{shared}/{len(mine | theirs)}"})
    return reasons


def _words(subject: str | None) -> set[str]:
    return {stem for stem in stems_of(subject or "") if len(stem) >= STEM_CHARS_MIN}


def past_routing(
    reader: Reader,
    v: str,
    at: int,
    day: str | None,
    sight: Sight,
    family: Iterable[str],
    topics: Sequence[str],
    besides: str | None = None,
) -> list[tuple[PartyRef, int]]:
    """Return which units had enquiries of the same sender or topic, and how many, most first.

    `besides` is the enquiry the question is about.
    """
    rows: dict[int, Found] = {}
    for kind, values in ((SENDER, sorted(family)), (TOPIC, list(topics))):
        found = seen_rows(reader, v, at, day, sight, kind, values)
        rows |= {row.position: row for row in found}
    units: dict[str, tuple[str, int]] = {}
    for row in rows.values():
        body = orjson.loads(row.parts.body + b"}")
        if body["id"] == besides:
            continue
        holders = [each["holder"] for each in body["obligations"] if each["holder"]]
        for unit, name in {each["id"]: each["name"] for each in holders}.items():
            units[unit] = (name, units.get(unit, ("", 0))[1] + 1)
    ordered = sorted(units.items(), key=lambda item: (-item[1][1], item[1][0], item[0]))
    return [(PartyRef(id=PartyId(unit), name=name), n) for unit, (name, n) in ordered]


def talking(
    reader: Reader, v: str, at: int, today: str, sight: Sight, family: frozenset[str]
) -> list[Json]:
    """Return who of the municipality had direct contact with the sender in the last 90 days.

    `v` is the suffix of the view `contacts`. Each with the number of contacts and the last day,
    the latest first; only contacts within sight count.
    """
    first = (date.fromisoformat(today) - timedelta(days=TALKING_DAYS)).isoformat()
    query = ContactQuery(
        organisations=family, channel="direct", occurred_from=first, outcome="held",
        limit=_TALKS_PAGE,
    )  # fmt: skip
    found: dict[str, Json] = {}
    after = None
    for _ in range(TALKS_LOOKED_AT_MAX // _TALKS_PAGE):
        page = newest(reader, v, at, today, sight, replace(query, after=after))
        for item in page.items:
            contact = orjson.loads(item)
            for party in contact["administrations"]:
                begun = {"party": party, "contacts": 0, "last": contact["occurred"]["from"][:10]}
                known = found.setdefault(party["id"], begun)
                known["contacts"] += 1
        after = page.next
        if after is None:
            break
    return sorted(found.values(), key=lambda each: (each["last"], each["contacts"]), reverse=True)
