"""The register of parties: named, related and merged as it was then, and as it was known then."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.parties import (
    ExternalId,
    PartyAliasAdded,
    PartyClosed,
    PartyExternalIdAdded,
    PartyMerged,
    PartyRegistered,
    PartyRelated,
    PartyRelationEnded,
    PartyRenamed,
    PartyUnmerged,
)
from domain.values import PartyId
from projections import parties
from projections.naming import survivor, survivors
from projections.parties import VIEW, in_order, listing, one, version_of
from projections.runner import Runner, digest
from projections.storage import ViewStore, open_views
from tests.projections.memory import Story

V = "parties_1_1"
Follow = Callable[..., Runner]


def register(story: Story, party: str, name: str, **given: Any) -> None:
    given = {"kind": "housing_organisation"} | given
    story.tell(PartyRegistered(party_id=PartyId(party), name=name, **given))


@pytest.fixture
def told(story: Story) -> Story:
    """A register with everything that can happen in it."""
    register(story, "aab", "Boligforeningen AAB", abbreviation="AAB", aliases=("Aab",))  # 1
    register(story, "tmf", "Teknik- og Miljøforvaltningen", kind="administration")  # 2
    register(story, "kab", "KAB", external_ids=(ExternalId(scheme="cvr", value="56815910"),))  # 3
    story.tell(  # 4
        PartyRelated(
            relation_id="r1", party_id=PartyId("kab"), relation="administers",
            to_party_id=PartyId("aab"), valid_from="2010-01-01",
        )
    )  # fmt: skip
    story.tell(  # 5
        PartyRenamed(
            party_id=PartyId("aab"), name="AAB Bolig", abbreviation="AB", valid_from="2012-01-01"
        )
    )
    story.tell(PartyAliasAdded(party_id=PartyId("aab"), alias="Ålborghus"))  # 6
    story.tell(  # 7
        PartyRelationEnded(
            relation_id="r1", party_id=PartyId("kab"), to_party_id=PartyId("aab"),
            valid_to="2011-12-31",
        )
    )  # fmt: skip
    register(story, "old", "Øbo", valid_from="2009-01-01")  # 8
    story.tell(  # 9
        PartyMerged(party_id=PartyId("old"), into_party_id=PartyId("aab"), reason="samme")
    )
    gln = ExternalId(scheme="gln", value="5798000420526")
    story.tell(PartyExternalIdAdded(party_id=PartyId("aab"), external_id=gln))  # 10
    story.tell(PartyClosed(party_id=PartyId("tmf"), valid_to="2015-12-31", reason="ny"))  # 11
    story.tell(  # 12
        PartyUnmerged(party_id=PartyId("old"), from_party_id=PartyId("aab"), reason="fejl")
    )
    return story


def shown(store: ViewStore, at: int, day: str | None, party: str) -> dict[str, Any]:
    with store.reading() as reader:
        body = one(reader, V, at, day, party)
    assert body is not None
    found: dict[str, Any] = orjson.loads(body)
    return found


def listed(store: ViewStore, at: int, day: str | None, **given: Any) -> list[str]:
    with store.reading() as reader:
        page = listing(reader, V, at, day, **given)
    return [orjson.loads(item)["id"] for item in page.items]


def test_a_party_is_shown_whole(told: Story, store: ViewStore, follow: Follow) -> None:
    follow(store, [VIEW])
    assert shown(store, 10, "2010-06-01", "aab") == {
        "id": "aab",
        "version": 7,
        "kind": "housing_organisation",
        "name": "Boligforeningen AAB",
        "abbreviation": "AAB",
        "names": [
            {
                "name": "Boligforeningen AAB",
                "abbreviation": "AAB",
                "valid_from": None,
                "valid_to": "2011-12-31",
            },
            {
                "name": "AAB Bolig",
                "abbreviation": "AB",
                "valid_from": "2012-01-01",
                "valid_to": None,
            },
        ],
        "aliases": ["Aab", "Ålborghus"],
        "external_ids": [{"scheme": "gln", "value": "5798000420526"}],
        "relations": [
            {
                "relation_id": "r1",
                "relation": "administers",
                "direction": "to",
                "party": {"id": "kab", "name": "KAB"},
                "valid_from": "2010-01-01",
                "valid_to": "2011-12-31",
            }
        ],
        "merged_into": None,
        "merged_here": [{"id": "old", "name": "Øbo"}],
        "valid_from": None,
        "valid_to": None,
        "warnings": [],
        "source": None,
        "position": 10,
        "recorded_at": "2010-02-22T09:00:00Z",
    }


def test_name_and_relations_are_those_of_the_day_as_known_at_the_position(
    told: Story, store: ViewStore, follow: Follow
) -> None:
    follow(store, [VIEW])
    assert shown(store, 12, "2011-12-31", "aab")["name"] == "Boligforeningen AAB"
    assert shown(store, 12, "2012-01-01", "aab")["name"] == "AAB Bolig"
    assert shown(store, 4, "2012-01-01", "aab")["name"] == "Boligforeningen AAB"
    assert shown(store, 12, "2009-12-31", "kab")["relations"] == []
    assert len(shown(store, 12, "2011-12-31", "kab")["relations"]) == 1
    assert shown(store, 12, "2012-01-01", "kab")["relations"] == []
    # before the end was known the relation was still open
    known = shown(store, 6, "2014-01-01", "kab")["relations"]
    assert [(r["direction"], r["party"]["name"], r["valid_to"]) for r in known] == [
        ("from", "AAB Bolig", None)
    ]
    assert shown(store, 9, None, "old")["merged_into"] == {"id": "aab", "name": "AAB Bolig"}
    assert shown(store, 12, None, "old")["merged_into"] is None
    with store.reading() as reader:
        assert one(reader, V, 7, None, "old") is None
        assert version_of(reader, V, 12, "aab") == 8
        assert version_of(reader, V, 12, "nobody") is None


def test_the_list_is_in_danish_order_paged_and_narrowed(
    told: Story, store: ViewStore, follow: Follow
) -> None:
    register(told, "zeb", "Zebra")
    register(told, "aar", "Århus Bolig")
    register(told, "aer", "Ærø Bolig")
    follow(store, [VIEW])
    head = told.log.head()
    everyone = ["aab", "kab", "tmf", "zeb", "aer", "old", "aar"]
    assert listed(store, head, None) == everyone
    paged: list[str] = []
    after = None
    while True:
        with store.reading() as reader:
            page = listing(reader, V, head, None, limit=2, after=after)
        paged += [orjson.loads(item)["id"] for item in page.items]
        after = page.next
        if after is None:
            break
    assert paged == everyone
    assert listed(store, head, None, kind="administration") == ["tmf"]
    assert listed(store, head, None, q="BOLIG") == ["aab", "aer", "aar"]
    assert listed(store, head, None, q="ålborg") == ["aab"]
    assert listed(store, head, None, q="100%_") == []
    assert listed(store, head, None, key="5798000420526") == ["aab"]
    assert listed(store, head, None, key="boligforeningen  aab") == ["aab"]
    assert listed(store, 9, None, key="5798000420526") == []
    assert "tmf" in listed(store, head, "2016-01-01")
    assert "tmf" not in listed(store, head, "2016-01-01", valid_only=True)
    assert "old" not in listed(store, head, "2008-12-31", valid_only=True)
    assert "tmf" in listed(store, 10, "2016-01-01", valid_only=True)


def test_a_party_with_thousands_of_relations_says_how_many_it_left_out(
    story: Story, quick_store: ViewStore, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parties, "RELATIONS_SHOWN_MAX", 2)
    register(story, "bl", "BL", kind="federation")
    for n in range(3):
        register(story, f"m{n}", f"Medlem {n}")
        story.tell(
            PartyRelated(
                relation_id=f"r{n}", party_id=PartyId(f"m{n}"), relation="member_of",
                to_party_id=PartyId("bl"),
            )
        )  # fmt: skip
    follow(quick_store, [VIEW])
    found = shown(quick_store, story.log.head(), None, "bl")
    assert len(found["relations"]) == 2
    assert found["relations_left_out"] == 1


def test_every_position_answers_as_a_fresh_build_of_the_log_until_there(
    told: Story, tmp_path: Path, follow: Follow, quick_store: ViewStore
) -> None:
    follow(quick_store, [VIEW])
    for at in range(1, told.log.head() + 1):
        fresh = open_views(f"sqlite:///{tmp_path}/{at}.db")
        Runner(told.memory.upto(at), told.codec, fresh, [VIEW]).catch_up()
        for day in (None, "2010-06-01", "2013-01-01"):
            with fresh.reading() as new, quick_store.reading() as old:
                assert listing(new, V, at, day) == listing(old, V, at, day)
                for party in ("aab", "kab", "old"):
                    assert one(new, V, at, day, party) == one(old, V, at, day, party)
        fresh.close()


def test_followed_in_pages_of_any_size_equals_built_at_once(
    told: Story, tmp_path: Path, follow: Follow
) -> None:
    digests = set()
    for page in (1, 5, 1000):
        store = open_views(f"sqlite:///{tmp_path}/{page}.db")
        follow(store, [VIEW], page_facts=page)
        digests.add(digest(store, "parties"))
        store.close()
    assert len(digests) == 1


def test_a_ring_of_merges_which_nobody_may_make_still_ends() -> None:
    ring = {"a": "b", "b": "a", "c": "a"}
    assert set(survivors(ring)) == {"a", "b", "c"}
    assert survivor({"a": "b", "b": "c"}, "a") == "c"


def test_danish_letters_sort_last_and_in_their_order() -> None:
    names = ["Ål", "Øl", "Æl", "Zo", "aa", "Ab"]
    assert sorted(names, key=in_order) == ["aa", "Ab", "Zo", "Æl", "Øl", "Ål"]
