"""The timeline: whose contacts are there, why, and that relations count on the contact's day."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.access import Role, Sight
from domain.parties import PartyMerged, PartyRelated, PartyRelationEnded, PartyRenamed, Relation
from domain.values import PartyId, PartyRef
from projections import (
    contact_rows,
    direct_rows,
    enquiries,
    parties,
    register_rows,
    timeline,
)
from projections.registry import View
from projections.runner import Runner, digest
from projections.storage import ViewStore, open_views
from projections.timeline import VIEW
from tests.projections.memory import EVERYTHING, NAMES, Story, seeing
from tests.projections.test_parties import register

VIEWS: list[View] = [
    contact_rows.VIEW,
    parties.VIEW,
    enquiries.VIEW,
    direct_rows.VIEW,
    VIEW,
    *register_rows.VIEWS,
]
VS = {view.name: f"{view.name}_{view.version}_1" for view in VIEWS}
MORE = ("OLD", "GRP", "NEW")
Follow = Callable[..., Runner]


def relate(story: Story, name: Relation, party: str, to: str, **given: Any) -> None:
    story.tell(
        PartyRelated(
            relation_id=f"r{story.log.head()}", party_id=PartyId(f"id-{party}"), relation=name,
            to_party_id=PartyId(f"id-{to}"), **given,
        )
    )  # fmt: skip


def contact(story: Story, day: str, organisation: str, **given: Any) -> int:
    story.log_contact(occurred=day, organisations=[organisation], **given)
    return story.log.head()


@pytest.fixture
def told(story: Story) -> Story:
    parties_known = dict(story.known.parties)
    for name in (*NAMES, *MORE):
        register(story, f"id-{name}", name)
        parties_known[name] = PartyRef(id=PartyId(f"id-{name}"), name=name)
    object.__setattr__(story.known, "parties", parties_known)
    relate(story, "administers", "KAB", "AKB", valid_from="2010-03-01")
    relate(story, "member_of", "KAB", "GRP", valid_from="2010-01-01", valid_to="2010-06-30")
    relate(story, "successor_of", "KAB", "OLD", valid_from="2009-01-01")
    story.tell(
        PartyMerged(party_id=PartyId("id-NEW"), into_party_id=PartyId("id-KAB"), reason="samme")
    )
    return story


def page(
    store: ViewStore,
    at: int,
    sight: Sight = EVERYTHING,
    *,
    day: str | None = None,
    limit: int = 100,
    after: tuple[str, int] | None = None,
    party: str = "id-KAB",
) -> tuple[list[dict[str, Any]], tuple[str, int] | None]:
    with store.reading() as reader:
        found = timeline.timeline(reader, VS, at, day, sight, party, limit, after)
    return [orjson.loads(item) for item in found.items], found.next


def contacts(entries: list[dict[str, Any]]) -> dict[int, list[tuple[str, str]]]:
    return {
        entry["position"]: [(why["reason"], why["party"]["name"]) for why in entry["why"]]
        for entry in entries
        if entry["kind"] == "contact"
    }


def test_each_contact_says_why_it_is_there(told: Story, store: ViewStore, follow: Follow) -> None:
    own = contact(told, "2010-02-01", "KAB")
    early = contact(told, "2010-02-28", "AKB")
    kept = contact(told, "2010-03-01", "AKB")
    fuzzy = contact(told, "2010-02", "AKB")
    quarter = contact(told, "2010-Q1", "AKB")
    group = contact(told, "2010-06-30", "GRP")
    late = contact(told, "2010-07-01", "GRP")
    before = contact(told, "2008-01-01", "OLD")
    merged = contact(told, "2010-05-05", "NEW")
    told.log_contact(occurred="2010-04-01", organisations=["KAB", "AKB", "GRP"])
    several = told.log.head()
    follow(store, VIEWS)
    entries, more = page(store, told.log.head())
    assert more is None
    found = contacts(entries)
    assert found == {
        own: [("own", "KAB")],
        kept: [("administers", "AKB")],
        quarter: [("administers", "AKB")],
        group: [("group", "GRP")],
        before: [("predecessor", "OLD")],
        merged: [("merged", "NEW")],
        several: [("own", "KAB"), ("administers", "AKB"), ("group", "GRP")],
    }
    assert {early, fuzzy, late}.isdisjoint(found)
    assert [entry["day"] for entry in entries] == sorted(
        (entry["day"] for entry in entries), reverse=True
    )
    shown = next(entry for entry in entries if entry["position"] == merged)["contact"]
    assert shown["organisations"] == [{"id": "id-NEW", "name": "NEW"}]


def test_what_happened_to_the_party_stands_between_the_contacts(
    told: Story, store: ViewStore, follow: Follow
) -> None:
    told.tell(PartyRenamed(party_id=PartyId("id-KAB"), name="KAB Ny", valid_from="2010-04-01"))
    told.tell(
        PartyRelationEnded(
            relation_id="r7", party_id=PartyId("id-KAB"), to_party_id=PartyId("id-AKB"),
            valid_to="2010-08-31",
        )
    )  # fmt: skip
    follow(store, VIEWS)
    entries, _ = page(store, told.log.head(), day="2010-03-31")
    kinds = [(e["event"]["type"], e["day"]) for e in entries if e["kind"] == "party"]
    assert ("party.renamed/1", "2010-04-01") not in kinds
    entries, _ = page(store, told.log.head())
    kinds = [(e["event"]["type"], e["day"]) for e in entries]
    assert kinds[:2] == [
        ("party.relation_ended/1", "2010-08-31"),
        ("party.renamed/1", "2010-04-01"),
    ]
    merged = next(e for e in entries if e["event"]["type"] == "party.merged/1")
    assert merged["event"]["party"] == {"id": "id-NEW", "name": "NEW"}
    assert merged["event"]["other"] == {"id": "id-KAB", "name": "KAB Ny"}
    assert merged["event"]["reason"] == "samme"
    assert [why["reason"] for why in merged["why"]] == ["own", "merged"]


def test_pages_join_to_the_whole(told: Story, store: ViewStore, follow: Follow) -> None:
    for n in range(12):
        contact(told, f"2010-04-{n // 2 + 1:02}", ("KAB", "AKB", "NEW", "GRP")[n % 4])
    follow(store, VIEWS)
    whole, _ = page(store, told.log.head())
    joined: list[dict[str, Any]] = []
    after = None
    while True:
        some, after = page(store, told.log.head(), limit=3, after=after)
        assert len(some) <= 3
        joined += some
        if after is None:
            break
    assert joined == whole


def test_what_one_may_not_see_does_not_show_by_number(
    told: Story, store: ViewStore, follow: Follow
) -> None:
    secret = contact(told, "2010-04-01", "KAB", confidentiality="restricted")
    kle = contact(told, "2010-04-02", "KAB", kle=["03.10.24"], confidentiality="open")
    other = contact(told, "2010-04-03", "AKB", confidentiality="open")
    gone = contact(told, "2010-04-04", "KAB")
    told.retract(next(reversed(told.states)))
    follow(store, VIEWS)
    head = told.log.head()
    assert set(contacts(page(store, head)[0])) == {secret, kle, other}
    assert set(contacts(page(store, head - 1)[0])) == {secret, kle, other, gone}
    assert set(contacts(page(store, head, seeing(Role.COUNCILLOR))[0])) == {kle, other}
    scoped = seeing(Role.CASE_OFFICER, "kle:03.10")
    assert set(contacts(page(store, head, scoped)[0])) == {kle}
    assert set(contacts(page(store, head, seeing(Role.ORGANISATION, "party:id-AKB"))[0])) == {other}
    nobody = seeing(Role.ORGANISATION, "kle:03.10")
    assert contacts(page(store, head, nobody)[0]) == {}
    small, after = page(store, head, seeing(Role.COUNCILLOR), limit=2)
    assert len(small) == 2
    assert after is not None
    blind = page(store, head, seeing(Role.COUNCILLOR))[0][0]["contact"]
    assert "assessment" not in blind


def test_every_position_answers_as_a_fresh_build_of_the_log_until_there(
    told: Story, tmp_path: Path, follow: Follow, quick_store: ViewStore
) -> None:
    for day, name in (("2010-04-01", "AKB"), ("2010-02-01", "NEW"), ("2008-02-01", "OLD")):
        contact(told, day, name)
    told.correct(next(reversed(told.states)), organisations=["KAB"], occurred="2010-05-05")
    relate(told, "represents", "KAB", "SOF")
    contact(told, "2010-09", "SOF")
    follow(quick_store, VIEWS)
    for at in range(7, told.log.head() + 1):
        fresh = open_views(f"sqlite:///{tmp_path}/{at}.db")
        Runner(told.memory.upto(at), told.codec, fresh, VIEWS).catch_up()
        assert page(fresh, at) == page(quick_store, at)
        fresh.close()


def test_paging_leaves_no_trace(told: Story, tmp_path: Path, follow: Follow) -> None:
    digests = set()
    for size in (1, 4, 1000):
        store = open_views(f"sqlite:///{tmp_path}/{size}.db")
        follow(store, VIEWS, page_facts=size)
        digests.add(digest(store, "timeline"))
        store.close()
    assert len(digests) == 1
