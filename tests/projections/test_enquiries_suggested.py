"""Beside an enquiry: what looks like it, where such ones went, who talks, what is filed on it."""

from collections.abc import Callable
from typing import Any

import orjson

from domain.access import Role, Sight
from domain.values import Confidentiality
from projections import contact_rows, enquiries
from projections.enquiries_filed import filed_on
from projections.enquiries_suggested import duplicates, past_routing, talking
from projections.registry import View
from projections.runner import Runner, positions
from projections.storage import ViewStore
from tests.projections.desk import Desk, V, item
from tests.projections.memory import EVERYTHING, seeing

VIEWS: list[View] = [enquiries.VIEW, contact_rows.VIEW]
Follow = Callable[..., Runner]
KAB = frozenset({"id-KAB"})


def alike(store: ViewStore, desk: Desk, enquiry: str, sight: Sight = EVERYTHING) -> dict[str, Any]:
    body = item(store, enquiry)
    with store.reading() as reader:
        found = duplicates(reader, V, desk.story.log.head(), None, sight, KAB, body)
    return {each["enquiry"]["id"]: [r["reason"] for r in each["reasons"]] for each in found}


def test_reasons_are_named_and_what_cannot_be_seen_is_no_reason(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    source = {"system": "post", "id": "7"}
    first = desk.receive(subject="Støj i gården", case_numbers=["1"], source=source)
    same = desk.receive(subject="Andet", case_numbers=["1"], source=source)
    words = desk.receive(subject="Støj i gården hver nat", received="2010-03-01")
    desk.receive(subject="Støj i gården", received="2010-03-02")
    desk.receive(subject="Støj i gården", confidentiality=Confidentiality.RESTRICTED)
    split = desk.receive(subject="Støj i gården")
    parts = [{"subject": "Støj"}, {"subject": "Gård"}]
    desk.take(split, "SplitEnquiry", parts=parts, reason="To ting")
    follow(store, VIEWS)
    integration = seeing(Role.INTEGRATION)
    seen = alike(store, desk, first, integration)
    assert seen[same] == ["same_case_number", "same_source"]
    assert seen[words] == ["similar_subject"]
    made_of_it = set(desk.states[split].parts)
    assert set(seen) == {same, words} | made_of_it
    assert next(iter(seen)) == same, "the likeliest first"
    assert len(alike(store, desk, first)) == len(seen) + 1
    part = next(iter(made_of_it))
    assert made_of_it.isdisjoint(alike(store, desk, part)), "parts of one are no duplicates"


def test_an_erased_subject_looks_like_nothing(desk: Desk, store: ViewStore, follow: Follow) -> None:
    first, second = desk.receive(), desk.receive()
    received = desk.states[first].received
    assert received is not None
    desk.story.keys.destroy(f"contact:{received.contact_id}")
    follow(store, VIEWS)
    assert alike(store, desk, first) == alike(store, desk, second) == {}


def test_the_past_counts_each_enquiry_once_for_each_unit(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    asked = desk.receive(topics=["støj"])
    for unit, fields in (
        ("CBD", {"topics": ["støj"]}),
        ("CBD", {"sender": "AAB", "topics": ["støj"]}),
        ("SOF", {"administrations": ["SOF"]}),
        ("SOF", {"sender": "AAB", "administrations": ["SOF"]}),
    ):
        desk.take(desk.receive(**fields), "RouteEnquiry", to=unit)
    desk.take(asked, "RouteEnquiry", to="TMF")
    follow(store, VIEWS)
    at = desk.story.log.head()
    with store.reading() as reader:
        past = past_routing(reader, V, at, None, EVERYTHING, KAB, ["støj"], asked)
        assert [(unit.name, count) for unit, count in past] == [("CBD", 2), ("SOF", 1)]
        sof = seeing(Role.CASE_OFFICER, "unit:id-SOF")
        seen = past_routing(reader, V, at, None, sof, KAB, ["støj"], asked)
        assert [(unit.name, count) for unit, count in seen] == [("SOF", 1)]


def test_who_talks_is_told_of_the_last_ninety_days_of_direct_contact(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    story = desk.story
    for day, more in (
        ("2010-03-01", {"administrations": ["TMF", "SOF"]}),
        ("2010-02-25", {}),
        ("2010-03-02", {"channel": "entry_point"}),
        ("2010-03-03", {"outcome": "not_reached"}),
        ("2010-03-04", {"organisations": ["AKB"]}),
        ("2009-11-01", {"administrations": ["SOF"]}),
    ):
        story.log_contact(occurred=day, **more)
    follow(store, VIEWS)
    v = positions(store)["contacts"].suffix

    def told(sight: Sight = EVERYTHING) -> list[tuple[str, int, str]]:
        with store.reading() as reader:
            found = talking(reader, v, story.log.head(), "2010-03-05", sight, KAB)
        return [(each["party"]["name"], each["contacts"], each["last"]) for each in found]

    assert told() == [("TMF", 2, "2010-03-01"), ("SOF", 1, "2010-03-01")]
    assert told(seeing(Role.CASE_OFFICER, "party:id-AKB")) == []


def test_what_was_filed_is_told_page_by_page_with_its_trail(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    enquiry = desk.receive()
    came_with = item_contact(desk, enquiry)
    story = desk.story
    first = story.log_contact(enquiry=enquiry)
    link = story.link(first, enquiry, "enquiry")
    story.unlink(first, link)
    secret = story.log_contact(enquiry=enquiry, confidentiality="restricted")
    follow(store, VIEWS)
    v = positions(store)["contacts"].suffix

    def page(limit: int, after: int | None = None, sight: Sight = EVERYTHING) -> Any:
        with store.reading() as reader:
            return filed_on(
                reader, v, story.log.head(), None, sight, enquiry, came_with, limit, after
            )

    items, after = page(1)
    whole = [orjson.loads(each) for each in items]
    while after is not None:
        items, after = page(1, after)
        whole += [orjson.loads(each) for each in items]
    assert [each["contact"]["id"] for each in whole] == [secret, first, came_with]
    assert [[f["way"] for f in each["filings"]] for each in whole] == [
        ["logged"],
        ["logged", "linked"],
        ["came_with"],
    ]
    linked = whole[1]["filings"][1]
    assert linked["unfiled"]["reason"] == "forkert sag" and linked["link_id"] == link
    assert all(each["filed"] for each in whole)
    seen = page(10, None, seeing(Role.INTEGRATION)).items
    assert [orjson.loads(each)["contact"]["id"] for each in seen] == [first, came_with]


def item_contact(desk: Desk, enquiry: str) -> str:
    received = desk.states[enquiry].received
    assert received is not None
    return received.contact_id
