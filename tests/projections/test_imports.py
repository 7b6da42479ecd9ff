"""Imports: which file came in, with which mapping, and what came of it, newest first."""

from collections.abc import Callable
from pathlib import Path

import orjson

from domain.imports import ImportFinished, ImportStarted
from projections.imports import VIEW, finished_with, listing, one
from projections.runner import Runner, digest
from projections.storage import ViewStore, open_views
from tests.projections.memory import Story

V = "imports_1_1"
Follow = Callable[..., Runner]


def start(story: Story, import_id: str, file: str) -> None:
    story.tell(
        ImportStarted(
            import_id=import_id, source="regneark", file_name="kontakter.csv", file_sha256=file,
            file_bytes=12, mapping_sha256="cd" * 32, mapping="[felter]",
        )
    )  # fmt: skip


def finish(story: Story, import_id: str, file: str) -> None:
    report: dict[str, int | str | dict[str, int]] = {"rows": 3, "refused": {"unknown_party": 1}}
    story.tell(ImportFinished(import_id=import_id, file_sha256=file, report=report))


def test_imports_are_listed_newest_first_with_what_was_known_then(
    story: Story, store: ViewStore, follow: Follow
) -> None:
    start(story, "i1", "aa")
    start(story, "i2", "bb")
    finish(story, "i1", "aa")
    start(story, "i3", "aa")
    follow(store, [VIEW])
    with store.reading() as reader:
        first = listing(reader, V, 4, 2)
        items = [orjson.loads(item) for item in first.items]
        assert [item["id"] for item in items] == ["i3", "i2"]
        rest = listing(reader, V, 4, 2, first.next)
        (item,) = [orjson.loads(item) for item in rest.items]
        assert rest.next is None
        assert item == {
            "id": "i1",
            "status": "finished",
            "source": "regneark",
            "file_name": "kontakter.csv",
            "file_sha256": "aa",
            "file_bytes": 12,
            "mapping_sha256": "cd" * 32,
            "actor": "key-1",
            "started_at": "2010-02-22T09:00:00Z",
            "finished_at": "2010-02-22T09:00:02Z",
            "report": {"rows": 3, "refused": {"unknown_party": 1}},
            "position": 3,
        }
        whole = one(reader, V, 2, "i1")
        assert whole is not None
        before = orjson.loads(whole)
        assert (before["status"], before["report"], before["mapping"]) == (
            "started",
            None,
            "[felter]",
        )
        assert one(reader, V, 3, "i3") is None
        assert finished_with(reader, V, 4, "aa") == ["i1"]
        assert finished_with(reader, V, 2, "aa") == []


def test_an_end_without_a_beginning_is_passed_over_and_paging_leaves_no_trace(
    story: Story, tmp_path: Path, follow: Follow
) -> None:
    finish(story, "i0", "aa")
    start(story, "i1", "aa")
    finish(story, "i1", "aa")
    digests = set()
    for page in (1, 1000):
        store = open_views(f"sqlite:///{tmp_path}/{page}.db")
        follow(store, [VIEW], page_facts=page)
        digests.add(digest(store, "imports"))
        store.close()
    assert len(digests) == 1
