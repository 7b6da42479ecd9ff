"""Grants as rows: as known at a position, by holder, the same however the log is paged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from domain.access import GrantGiven, GrantRow, GrantWithdrawn, Role
from projections.grants import VIEW, bodies_of, listing, of_holder, one
from projections.runner import Runner, digest
from projections.storage import ViewStore, open_views
from tests.projections.memory import Story

V = "grants_1_1"
HOLDER, OTHER = "u-" + "ab" * 16, "u-" + "cd" * 16
DAY = "2010-06-01"
Follow = Callable[..., Runner]


def give(story: Story, grant_id: str, holder: str = HOLDER, **more: Any) -> None:
    told: dict[str, Any] = {"role": Role.MANAGER, "valid_from": "2010-01-01", "reason": "x"}
    story.tell(GrantGiven(grant_id=grant_id, holder=holder, **told | more))


def test_a_grant_is_found_by_its_holder_and_from_its_withdrawal_on_is_withdrawn(
    story: Story, store: ViewStore, follow: Follow
) -> None:
    give(story, "g1", scopes=("party:a", "kle:03"), valid_to="2010-12-31")
    give(story, "g2", OTHER)
    story.tell(GrantWithdrawn(grant_id="g1", reason="fratrådt"))
    give(story, "g3")
    follow(store, [VIEW])
    row = GrantRow(
        "g1", HOLDER, Role.MANAGER, ("party:a", "kle:03"), "2010-01-01", "2010-12-31", False
    )
    with store.reading() as reader:
        assert of_holder(reader, V, 2, HOLDER) == [row]
        newest, oldest = of_holder(reader, V, 4, HOLDER)
        assert (newest.grant_id, oldest.grant_id, oldest.withdrawn) == ("g3", "g1", True)
        assert of_holder(reader, V, 4, "u-" + "00" * 16) == []
        shown = orjson.loads(one(reader, V, 4, DAY, "g1") or b"null")
        assert (shown["in_force"], shown["withdrawn"]["reason"]) == (False, "fratrådt")
        assert orjson.loads(one(reader, V, 2, DAY, "g1") or b"null")["in_force"] is True
        assert orjson.loads(one(reader, V, 2, "2011-01-01", "g1") or b"null")["in_force"] is False
        assert one(reader, V, 0, DAY, "g1") is None
        assert len(bodies_of(reader, V, 4, HOLDER, DAY)) == 2


def test_pages_of_grants_neither_skip_nor_repeat(
    story: Story, store: ViewStore, follow: Follow
) -> None:
    for n in range(7):
        give(story, f"g{n}", (HOLDER, OTHER)[n % 2])
    story.tell(GrantWithdrawn(grant_id="g3", reason="x"))
    follow(store, [VIEW])
    found: list[str] = []
    after = None
    with store.reading() as reader:
        while True:
            page = listing(reader, V, 8, DAY, 2, after=after)
            found += [orjson.loads(item)["id"] for item in page.items]
            after = page.next
            if after is None:
                break
        own = listing(reader, V, 8, DAY, 50, holder=OTHER)
    assert found == [f"g{n}" for n in reversed(range(7))]
    assert [orjson.loads(item)["id"] for item in own.items] == ["g5", "g3", "g1"]


def test_paging_leaves_no_trace(story: Story, tmp_path: Path, follow: Follow) -> None:
    for n in range(5):
        give(story, f"g{n}")
        story.tell(GrantWithdrawn(grant_id=f"g{n // 2}", reason="x"))
    digests = set()
    for page in (1, 3, 1000):
        store = open_views(f"sqlite:///{tmp_path}/{page}.db")
        follow(store, [VIEW], page_facts=page)
        digests.add(digest(store, "grants"))
        store.close()
    assert len(digests) == 1
