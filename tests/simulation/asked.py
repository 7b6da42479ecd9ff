"""Asks the service about a simulated year, and says where the answer is not the truth."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.api.builders import Api
from tests.simulation.year import (
    ADMINISTRATIONS,
    BASELINE,
    FOLLOW_UP,
    Fact,
    Year,
    inside,
    pair_days,
    truth,
    turned_away,
)

Json = dict[str, Any]
WINDOWS = {
    "baseline_from": BASELINE[0].isoformat(),
    "baseline_to": BASELINE[1].isoformat(),
    "from": FOLLOW_UP[0].isoformat(),
    "to": FOLLOW_UP[1].isoformat(),
}


def indicator(api: Api, **more: Any) -> Json:
    answer = api.get("/v1/direct-contact/indicator", params={**WINDOWS, **more})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def rows(answer: Json) -> dict[str, Json]:
    """Figures by the name of the administration (or organisation)."""
    return {row[answer["by"]]["name"]: row for row in answer["rows"]}


def differing(answer: Json, facts: list[Fact]) -> list[str]:
    """Administrations whose pair-days are not those of these facts."""
    found = rows(answer)
    return [
        name
        for name in ADMINISTRATIONS
        if (
            found[name]["K5"]["baseline"]["pair_days"],
            found[name]["K5"]["follow_up"]["pair_days"],
        )
        != (pair_days(facts, name, BASELINE), pair_days(facts, name, FOLLOW_UP))
    ]


def forgetful(year: Year) -> dict[str, list[Fact]]:
    """The facts as they would be counted by an indicator that forgets one thing."""
    whole = truth(year)
    return {
        "retractions": truth(year, retractions=False),
        "merges": truth(year, merged=False),
        "corrections": truth(year, corrections=False),
        "distinct days": [
            # Each contact on an organisation of its own: counts contacts, not pair-days.
            Fact(f.contact, f.administration, f.contact + f.organisation, *_rest(f))
            for f in whole
            if f.organisation
        ],
        "spoken for": [f for f in whole if f.roles & 1],
        "known to the month": [f for f in whole if f.first == f.last],
        "the other channel": [
            Fact(f.contact, f.administration, f.organisation, f.first, f.last, "direct", *_end(f))
            for f in whole
        ],
    }


def _rest(fact: Fact) -> tuple[str, str, str, str, int]:
    return fact.first, fact.last, fact.channel, fact.direction, fact.roles


def _end(fact: Fact) -> tuple[str, int]:
    return fact.direction, fact.roles


def inbound(year: Year, name: str, channel: str) -> int:
    """Distinct inbound contacts of an administration in the follow-up."""
    return len(
        {
            fact.contact
            for fact in inside(truth(year), FOLLOW_UP)
            if (fact.administration, fact.channel, fact.direction) == (name, channel, "inbound")
        }
    )


def open_door(year: Year, name: str, *, once: bool = True) -> tuple[int, int]:
    """K6 as it must be: attempts turned away, and all attempts."""
    away = turned_away(year, name, once=once)
    return away, away + inbound(year, name, "direct")


def followed(api: Api, url: str) -> list[Json]:
    """All items behind a link, page after page."""
    path, query = urlsplit(url).path, parse_qs(urlsplit(url).query)
    found: list[Json] = []
    cursor: dict[str, Any] = {"limit": 500}
    while True:
        answer = api.get(path, params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"limit": 500, "cursor": page["next"]}


def pairs_shown(items: list[Json], stands: dict[str, str]) -> set[tuple[str, str, str, str]]:
    """Pair-days of contacts as they are shown: administration, organisation, first and last day."""
    return {
        (stands.get(ours["id"], ours["id"]), stands.get(theirs, theirs), *_days(item))
        for item in items
        for ours in item["administrations"]
        for theirs in _organisations(item)
    }


def _organisations(item: Json) -> set[str]:
    spoken = [party["id"] for who in item["participants"] for party in who["spoke_for"]]
    return {party["id"] for party in item["organisations"]} | {*spoken}


def _days(item: Json) -> tuple[str, str]:
    return item["occurred"]["from"][:10], item["occurred"]["to"][:10]
