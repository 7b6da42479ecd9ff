"""API keys: found while they hold, revoked from the position of their withdrawal on."""

from collections.abc import Callable
from pathlib import Path

import orjson

from domain.access import KeyExpirySet, KeyIssued, KeyRevoked, Role
from projections.keys import VIEW, KeyRow, find, listing
from projections.runner import Runner, digest
from projections.storage import Reader, ViewStore, open_views
from tests.projections.memory import Story

V = "keys_2_1"
Follow = Callable[..., Runner]


def issue(story: Story, key_id: str, *scopes: str, expires_at: str | None = None) -> None:
    story.tell(
        KeyIssued(
            key_id=key_id,
            secret_sha256="ab" * 32,
            role=Role.CASE_OFFICER,
            scopes=scopes,
            label="Sagsbehandler",
            expires_at=expires_at,
        )
    )


def test_a_key_is_found_and_from_its_withdrawal_on_is_revoked(
    story: Story, store: ViewStore, follow: Follow
) -> None:
    issue(story, "k1", "party:KAB", "kle:03.10", expires_at="2030-01-01T00:00:00Z")
    issue(story, "k2")
    story.tell(KeyRevoked(key_id="k1", reason="tabt"))
    follow(store, [VIEW])
    row = KeyRow(
        "ab" * 32, "case_officer", ("party:KAB", "kle:03.10"), "2030-01-01T00:00:00Z", False,
        "Sagsbehandler",
    )  # fmt: skip
    with store.reading() as reader:
        assert find(reader, V, "k1", at=2) == row
        assert find(reader, V, "k1") == row._replace(revoked=True)
        assert find(reader, V, "k2", at=1) is None
        assert find(reader, V, "k3") is None
        assert told(reader, 3) == [("k1", True), ("k2", False)]
        assert told(reader, 2) == [("k2", False), ("k1", False)]
        page = listing(reader, V, 3, 1)
        assert orjson.loads(page.items[0])["key_id"] == "k1"
        assert [orjson.loads(i)["key_id"] for i in listing(reader, V, 3, 9, page.next).items] == [
            "k2"
        ]
        assert b"abab" not in b"".join(page.items), "no hash of a secret"


def told(reader: Reader, at: int) -> list[tuple[str, bool]]:
    found = [orjson.loads(item) for item in listing(reader, V, at, 100).items]
    return [(key["key_id"], key["revoked"]) for key in found]


def test_a_key_that_another_replaced_has_its_end_from_then_on(
    story: Story, store: ViewStore, follow: Follow
) -> None:
    issue(story, "k1")
    story.tell(KeyExpirySet(key_id="k1", expires_at="2011-01-01T00:00:00Z", replaced_by="k2"))
    follow(store, [VIEW])
    with store.reading() as reader:
        before, after = find(reader, V, "k1", at=1), find(reader, V, "k1")
    assert before is not None and after is not None
    assert before.expires_at is None
    assert after == before._replace(expires_at="2011-01-01T00:00:00Z")


def test_paging_leaves_no_trace(story: Story, tmp_path: Path, follow: Follow) -> None:
    for n in range(5):
        issue(story, f"k{n}")
        story.tell(KeyRevoked(key_id=f"k{n // 2}", reason="x"))
    digests = set()
    for page in (1, 3, 1000):
        store = open_views(f"sqlite:///{tmp_path}/{page}.db")
        follow(store, [VIEW], page_facts=page)
        digests.add(digest(store, "keys"))
        store.close()
    assert len(digests) == 1
