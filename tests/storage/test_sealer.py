"""The sealer: every event under a checkpoint, proofs that verify, and never over a changed log."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from domain.errors import Broken, Unavailable
from domain.log.checkpoint import SigningKey, open_checkpoint
from domain.log.merkle import (
    TILE_WIDTH,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from domain.log.port import Append, CheckpointRow
from domain.storage import sealer as sealer_module
from domain.storage.sealer import LEAVES_AT_ONCE, Sealer, Tree
from domain.storage.sqlite import SqliteLog
from tests.storage.logs import small_event, sqlite_log

KEY = SigningKey("kontaktlog.example/log", bytes(range(32)))
ORIGIN = "kontaktlog.example/log"
WAIT_SECONDS_MAX = 60.0


def fill(log: SqliteLog, count: int) -> None:
    start = log.head() + 1
    events = tuple(small_event(n) for n in range(start, start + count))
    log.append([Append(events)])


def sealer(log: SqliteLog) -> Sealer:
    return Sealer(log, KEY, ORIGIN)


def newest(log: SqliteLog) -> CheckpointRow:
    row = log.checkpoint()
    assert row is not None
    return row


def sqlite_writable(log: SqliteLog, *statements: str) -> None:
    """Change the file as somebody with access to it could: triggers away, then the rows."""
    with closing(sqlite3.connect(log.path, isolation_level=None)) as thief:
        names = thief.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            thief.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            thief.execute(statement)


# ── publishing ───────────────────────────────────────────────────────────────────────────────────


def test_an_empty_log_has_nothing_to_seal(tmp_path: Path) -> None:
    with sqlite_log(tmp_path) as log:
        assert sealer(log).step() == 0
        assert log.checkpoint() is None


def test_a_checkpoint_covers_every_event_and_is_signed(tmp_path: Path) -> None:
    with sqlite_log(tmp_path) as log:
        fill(log, 5)
        assert sealer(log).step() == 5
        row = newest(log)
        assert (row.size, row.root) == (5, root_of(log.leaves(1, 5)))
        opened = open_checkpoint(row.note, [KEY.verifier], origin=ORIGIN)
        assert (opened.size, opened.root) == (5, row.root)


def test_nothing_new_is_sealed_once(tmp_path: Path) -> None:
    with sqlite_log(tmp_path) as log:
        one = sealer(log)
        fill(log, 3)
        one.step()
        first = newest(log)
        assert one.step() == 3
        assert newest(log) == first
        fill(log, 1)
        assert one.step() == 4
        assert newest(log).size == 4


def test_a_sealer_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    with sqlite_log(tmp_path) as log:
        fill(log, TILE_WIDTH + 3)
        sealer(log).step()
        before = newest(log)
    with sqlite_log(tmp_path) as log:
        second = sealer(log)
        assert second.step() == TILE_WIDTH + 3
        assert newest(log) == before, "nothing new, nothing published"
        fill(log, 10)
        assert second.step() == TILE_WIDTH + 13
        after = newest(log)
        path = second.tree.tiled.consistency(before.size, after.size)
        verify_consistency(before.size, before.root, after.size, after.root, path)


# ── proofs ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [1, 2, TILE_WIDTH - 1, TILE_WIDTH, TILE_WIDTH + 1, 1_000])
def test_every_event_is_proved_under_the_root(tmp_path: Path, size: int) -> None:
    with sqlite_log(tmp_path) as log:
        fill(log, size)
        tree = Tree(log)
        assert tree.grow() == size
        leaves = log.leaves(1, size)
        assert tree.root() == root_of(leaves) == tree.tiled.root(size)
        for index in {0, size // 2, size - 1}:
            path = tree.tiled.inclusion(index, size)
            verify_inclusion(leaves[index], index, size, path, tree.root())


def test_a_tree_of_three_levels_proves_its_events_and_its_growth(tmp_path: Path) -> None:
    size = TILE_WIDTH * TILE_WIDTH + TILE_WIDTH + 7
    assert size > LEAVES_AT_ONCE
    with sqlite_log(tmp_path) as log:
        fill(log, size)
        tree = Tree(log)
        tree.grow()
        for index in (0, TILE_WIDTH, TILE_WIDTH**2 - 1, TILE_WIDTH**2, size - 1):
            path = tree.tiled.inclusion(index, size)
            (leaf,) = log.leaves(index + 1, 1)
            verify_inclusion(leaf, index, size, path, tree.root())
        for old in (1, TILE_WIDTH, TILE_WIDTH**2, size - 1):
            path = tree.tiled.consistency(old, size)
            verify_consistency(old, tree.tiled.root(old), size, tree.root(), path)


def test_a_tree_grown_in_steps_is_the_tree_grown_at_once(tmp_path: Path) -> None:
    with sqlite_log(tmp_path) as log:
        fill(log, 700)
        steps, once = Tree(log), Tree(log)
        for until in (0, 1, TILE_WIDTH, TILE_WIDTH + 1, 700):
            assert steps.grow(until) == until
        once.grow()
        assert steps.root() == once.root()
        assert steps.tiled.inclusion(300, 700) == once.tiled.inclusion(300, 700)


# ── a log that was changed ───────────────────────────────────────────────────────────────────────

CHANGES = [
    pytest.param("UPDATE events SET leaf = zeroblob(32) WHERE position = 2", id="a leaf changed"),
    pytest.param("DELETE FROM events WHERE position = 5", id="the end cut off"),
    pytest.param("DELETE FROM events", id="emptied"),
    pytest.param("DELETE FROM events WHERE position = 2", id="a gap"),
]


def published(tmp_path: Path) -> None:
    with sqlite_log(tmp_path) as log:
        fill(log, 5)
        sealer(log).step()


@pytest.mark.parametrize("change", CHANGES)
def test_a_log_that_differs_from_a_published_checkpoint_is_not_sealed_over(
    tmp_path: Path, change: str
) -> None:
    published(tmp_path)
    with sqlite_log(tmp_path) as log:
        before = newest(log)
        sqlite_writable(log, change)
        with pytest.raises(Broken) as broken:
            sealer(log).step()
        assert broken.value.code == "log_broken"
        assert newest(log) == before


def test_a_sealer_that_found_a_changed_log_never_seals_it_later(tmp_path: Path) -> None:
    """`run` retries after an error: what was refused once must be refused every time."""
    published(tmp_path)
    with sqlite_log(tmp_path) as log:
        before = newest(log)
        sqlite_writable(log, "UPDATE events SET leaf = zeroblob(32) WHERE position = 2")
        fill(log, 3)
        one = sealer(log)
        for _ in range(3):
            with pytest.raises(Broken):
                one.step()
        assert newest(log) == before


def test_a_checkpoint_another_sealer_published_is_compared_too(tmp_path: Path) -> None:
    with sqlite_log(tmp_path) as log:
        fill(log, 3)
        one = sealer(log)
        one.step()
        fill(log, 1)
        log.add_checkpoint(CheckpointRow(4, bytes(32), "another root", 0))
        fill(log, 1)
        with pytest.raises(Broken):
            one.step()


# ── following ────────────────────────────────────────────────────────────────────────────────────


class Reports:
    """What `run` reported, and a way to wait for it without sleeping."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str | None]] = []
        self._arrived = threading.Condition()

    def __call__(self, size: int, error: str | None) -> None:
        with self._arrived:
            self.seen.append((size, error))
            self._arrived.notify_all()

    def wait_for(self, wanted: Callable[[tuple[int, str | None]], bool]) -> None:
        with self._arrived:
            assert self._arrived.wait_for(lambda: any(map(wanted, self.seen)), WAIT_SECONDS_MAX), (
                self.seen
            )


def running(one: Sealer, reports: Reports) -> tuple[threading.Thread, threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=one.run, args=(stop, reports))
    thread.start()
    return thread, stop


def test_a_running_sealer_seals_what_arrives_and_stops_when_told(tmp_path: Path) -> None:
    with sqlite_log(tmp_path) as log:
        reports = Reports()
        thread, stop = running(sealer(log), reports)
        try:
            reports.wait_for(lambda seen: seen == (0, None))
            fill(log, 2)
            reports.wait_for(lambda seen: seen == (2, None))
            assert newest(log).size == 2
        finally:
            stop.set()
            thread.join()


class FlakyLog(SqliteLog):
    """A real log that cannot keep checkpoints for a while."""

    failures_left = 2

    def add_checkpoint(self, row: CheckpointRow) -> None:
        if self.failures_left:
            self.failures_left -= 1
            raise Unavailable("store_unavailable")
        super().add_checkpoint(row)


def test_a_running_sealer_reports_a_failure_and_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealer_module, "RETRY_SECONDS", 0.001)
    with closing(FlakyLog(tmp_path / "log.db")) as log:
        fill(log, 2)
        reports = Reports()
        thread, stop = running(sealer(log), reports)
        try:
            reports.wait_for(lambda seen: seen == (2, "store_unavailable"))
            reports.wait_for(lambda seen: seen == (2, None))
            assert newest(log).size == 2
        finally:
            stop.set()
            thread.join()


def test_a_running_sealer_reports_a_changed_log_until_it_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealer_module, "RETRY_SECONDS", 0.001)
    published(tmp_path)
    with sqlite_log(tmp_path) as log:
        sqlite_writable(log, "UPDATE events SET leaf = zeroblob(32) WHERE position = 2")
        reports = Reports()
        thread, stop = running(sealer(log), reports)
        try:
            reports.wait_for(lambda _: len(reports.seen) >= 3)
        finally:
            stop.set()
            thread.join()
    assert {code for _, code in reports.seen} == {"log_broken"}
