"""The directory: which party a key means, at once after it was registered, and cheaply."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from domain.errors import Unavailable
from domain.log.codec import Fact
from domain.parties import PartyAliasAdded, PartyMerged, PartyRenamed, PartyUnmerged
from domain.values import PartyId
from projections.directory import HIT_SECONDS_MAX, Directory, family, resolve
from projections.parties import VIEW
from projections.runner import Runner
from projections.storage import ViewStore
from projections.views import Views
from tests.projections.memory import Story
from tests.projections.test_parties import V, register
from tests.proof.service import PATIENCE_SECONDS

Follow = Callable[..., Runner]


@contextmanager
def following(runner: Runner, views: Views) -> Iterator[None]:
    stop = Event()
    thread = Thread(target=runner.run, args=(stop, views.notify))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def named(story: Story) -> Story:
    register(story, "aab", "Boligforeningen AAB", abbreviation="AAB", aliases=("Foreningen",))
    register(story, "kab", "KAB", aliases=("Foreningen", "KAB Bolig"))
    register(story, "bo", "KAB Bolig", abbreviation="kab")
    return story


def meant(store: ViewStore, at: int, *keys: str) -> dict[str, str | None]:
    with store.reading() as reader:
        found = resolve(reader, V, at, None, keys)
    return {key: ref.id if ref else None for key, ref in found.items()}


def test_keys_count_exactly_first_then_as_aliases_then_but_for_case(
    named: Story, store: ViewStore, follow: Follow
) -> None:
    follow(store, [VIEW])
    assert meant(store, 3, "aab", "AAB", "boligforeningen aab", "Nogen") == {
        "aab": "aab",
        "AAB": "aab",
        "boligforeningen aab": "aab",
    }
    assert meant(store, 3, "KAB", "kab", "Kab") == {"KAB": "kab", "kab": None, "Kab": None}
    assert meant(store, 3, "KAB Bolig") == {"KAB Bolig": "bo"}
    assert meant(store, 3, "Foreningen", " AAB ") == {"Foreningen": None, " AAB ": "aab"}
    assert meant(store, 2, "kab bolig", "KAB Bolig") == {"kab bolig": "kab", "KAB Bolig": "kab"}


def test_an_old_name_and_a_merged_party_mean_who_stands_for_them_now(
    named: Story, store: ViewStore, follow: Follow
) -> None:
    named.tell(PartyRenamed(party_id=PartyId("aab"), name="AAB Bolig", valid_from="2012-01-01"))
    named.tell(PartyMerged(party_id=PartyId("kab"), into_party_id=PartyId("aab"), reason="x"))
    named.tell(PartyMerged(party_id=PartyId("aab"), into_party_id=PartyId("bo"), reason="x"))
    named.tell(PartyUnmerged(party_id=PartyId("aab"), from_party_id=PartyId("bo"), reason="x"))
    follow(store, [VIEW])
    assert meant(store, 4, "Boligforeningen AAB", "AAB Bolig") == {
        "Boligforeningen AAB": "aab",
        "AAB Bolig": "aab",
    }
    assert meant(store, 5, "KAB", "Foreningen") == {"KAB": "aab", "Foreningen": "aab"}
    assert meant(store, 6, "KAB") == {"KAB": "bo"}
    assert meant(store, 7, "KAB") == {"KAB": "aab"}
    with store.reading() as reader:
        assert family(reader, V, 6, "bo") == {"bo", "aab", "kab"}
        assert family(reader, V, 7, "bo") == {"bo"}
        ref = resolve(reader, V, 7, "2011-12-31", ["KAB"])["KAB"]
        assert ref is not None
        assert ref.name == "Boligforeningen AAB"


def test_a_party_registered_a_moment_ago_is_found(
    named: Story, store: ViewStore, follow: Follow
) -> None:
    runner = follow(store, [VIEW])
    views = Views(store, named.log)
    directory = Directory(views, named.log, wait_seconds=PATIENCE_SECONDS)
    assert "NYT" not in directory.resolve(["NYT"])
    register(named, "nyt", "NYT")  # not applied yet when it is asked for
    with following(runner, views):
        assert directory.resolve(["NYT"])["NYT"] is not None


def test_a_view_that_is_behind_does_not_call_a_party_unknown(
    named: Story, store: ViewStore, follow: Follow
) -> None:
    runner = follow(store, [VIEW])
    views = Views(store, named.log)
    patient = Directory(views, named.log, wait_seconds=PATIENCE_SECONDS)
    assert patient.resolve(["NYT"]) == {}
    register(named, "nyt", "NYT")
    hasty = Directory(views, named.log, wait_seconds=0)
    assert hasty.resolve(["AAB"]).keys() == {"AAB"}, "what is known needs no newer view"
    with pytest.raises(Unavailable, match="view_behind"):
        hasty.resolve(["AAB", "NYT"])
    runner.catch_up()
    assert patient.resolve(["AAB", "NYT", "UKENDT"]).keys() == {"AAB", "NYT"}


def test_a_hit_is_believed_for_two_seconds_and_a_miss_never(
    named: Story, quick_store: ViewStore, follow: Follow
) -> None:
    runner = follow(quick_store, [VIEW])
    now = [100.0]
    directory = Directory(
        Views(quick_store, named.log), named.log, clock=lambda: now[0], wait_seconds=0
    )
    assert directory.resolve(["aab", "ALIAS"]) == {"aab": directory.remembered(["aab"])["aab"]}
    named.tell(PartyAliasAdded(party_id=PartyId("aab"), alias="ALIAS"))
    named.tell(PartyMerged(party_id=PartyId("aab"), into_party_id=PartyId("kab"), reason="x"))
    runner.catch_up()
    found = directory.resolve(["aab", "ALIAS"])
    assert {key: ref.id for key, ref in found.items() if ref} == {"aab": "aab", "ALIAS": "kab"}
    now[0] += HIT_SECONDS_MAX
    assert directory.remembered(["aab"]) == {}
    after = directory.resolve(["aab"])["aab"]
    assert after is not None
    assert after.id == "kab"
    directory.forget()
    assert directory.remembered(["aab"]) == {}
    assert directory.family("kab") == {"kab", "aab"}
    whole = frozenset({"kab", "aab"})
    assert directory.whole(["kab", "aab"]) == {"kab": whole, "aab": whole}


def test_in_a_register_of_ten_thousand_a_remembered_key_costs_no_question(
    quick_store: ViewStore, story: Story
) -> None:
    with quick_store.writing() as tx:
        for ddl in VIEW.tables():
            tx.run(quick_store.ddl(ddl, V))
        VIEW.apply(tx, V, [_registered(n) for n in range(1, 10_001)])

    class Standing:
        store = quick_store
        asked = 0

        def suffix(self, name: str) -> str:
            self.asked += 1
            return f"{name}_1_1"

        def wait_for(self, position: int, seconds: float, *names: str) -> bool:
            raise AssertionError

    views = Standing()
    directory = Directory(views, story.log)
    keys = [f"Forening {n}" for n in range(1, 10_001)]
    assert len(directory.resolve(keys)) == len(keys)
    asked = views.asked
    assert len(directory.resolve(keys)) == len(keys)
    assert views.asked == asked


def _registered(n: int) -> Fact:
    data: dict[str, Any] = {
        "party_id": f"p{n}", "kind": "housing_organisation", "name": f"Forening {n}",
        "abbreviation": None, "aliases": [], "external_ids": [], "valid_from": None,
        "warnings": [], "source": None,
    }  # fmt: skip
    return Fact(n, n, "", "party.registered/1", {}, data)
