"""Questions that look across records: open conditions with their holders, and who had no dialogue.

Each is asked of the lists of projections/registers.py, so sight and time travel are theirs.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

import orjson

from domain.access import Sight
from domain.registry import Json
from projections import parties, registers
from projections.naming import families, merges, survivor
from projections.registers import RecordQuery
from projections.storage import Reader

PAGE: Final = 500
"""Records fetched at once."""
ORGANISATION_KIND: Final = "housing_organisation"


def every(
    reader: Reader,
    v: str,
    at: int,
    day: str | None,
    sight: Sight,
    *,
    page_rows: int = PAGE,
    **terms: set[str],
) -> Iterator[Json]:
    """Yield every record with these terms that the sight allows, page after page."""
    after = None
    while True:
        query = RecordQuery({k: w for k, w in terms.items() if w}, limit=page_rows, after=after)
        page = registers.listing(reader, v, at, day, sight, query)
        yield from (orjson.loads(item) for item in page.items)
        after = page.next
        if after is None:
            return


def open_conditions(
    reader: Reader, v: str, at: int, day: str | None, sight: Sight, holders: set[str]
) -> list[Json]:
    """Return the open conditions, each once with all who hold it, the oldest first.

    The same condition of several holders has one id; `holders` limits to positions of parties.
    """
    found: dict[str, Json] = {}
    for position in every(reader, v, at, day, sight, open={"yes"}, holder=holders):
        for condition in position["conditions"]:
            if condition["open"]:
                key = condition["condition_id"]
                entry = found.setdefault(key, _condition(condition, position))
                entry["holders"].append(_holder(position))
                entry["since"] = min(entry["since"], position["occurred"]["first_day"])
    return sorted(found.values(), key=lambda each: (each["since"], each["condition_id"]))


def _condition(condition: Json, position: Json) -> Json:
    return {
        "condition_id": condition["condition_id"],
        "words": condition["words"],
        "about": position["about"],
        "document": position["document"],
        "since": position["occurred"]["first_day"],
        "holders": [],
    }


def _holder(position: Json) -> Json:
    return {**position["holder"], "position_id": position["id"], "stance": position["stance"]}


def dialogue_coverage(
    reader: Reader, v: str, v_parties: str, at: int, sight: Sight, year: int
) -> Json:
    """Return who had a dialogue meeting in the year and who had none (K18).

    Counted are the housing organisations that existed on the last day of the year and that the
    sight allows; one that was merged counts as its survivor.
    """
    last = date(year, 12, 31).isoformat()
    steps = merges(reader, v_parties, at)
    had: dict[str, Json] = {}
    for dialogue in every(reader, v, at, None, sight, year={str(year)}):
        key = survivor(steps, dialogue["organisation"]["id"])
        seen = had.setdefault(key, {"meetings": 0, "published": False, "received": False})
        seen["meetings"] += len(dialogue["meetings"])
        seen["published"] |= dialogue["published"] is not None
        seen["received"] |= dialogue["received"] is not None
    allowed = None if sight.parties is None else families(steps, sight.parties)
    with_: list[Json] = []
    without: list[Json] = []
    for party in _organisations(reader, v_parties, at, last):
        if party["merged_into"] is not None or (allowed is not None and party["id"] not in allowed):
            continue
        entry = {"organisation": {"id": party["id"], "name": party["name"]}}
        entry |= had.get(party["id"], {"meetings": 0, "published": False, "received": False})
        (with_ if entry["meetings"] else without).append(entry)
    return {
        "year": year,
        "of": len(with_) + len(without),
        "met": len(with_),
        "published": sum(bool(each["published"]) for each in with_),
        "with": with_,
        "without": without,
    }


def _organisations(reader: Reader, v: str, at: int, day: str) -> Iterator[Json]:
    after = None
    while True:
        page = parties.listing(
            reader, v, at, day, kind=ORGANISATION_KIND, limit=PAGE, after=after, valid_only=True
        )
        yield from (orjson.loads(item) for item in page.items)
        after = page.next
        if after is None:
            return
