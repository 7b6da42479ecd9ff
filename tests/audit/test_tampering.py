"""A1 of the proof plan: whatever is done to the stored bytes is found, with position and kind."""

import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest

from api.audit.run import Job, Report, examine
from api.audit.source import Aside, StoredCheckpoint
from tests.audit.conftest import EVENTS, Copy
from tests.audit.stores import KEY, ORIGIN, Store, audited, found, saved, source_of
from tests.audit.tamper import COLUMNS, flipped, offsets, unguarded, with_leaf, without_strict

OFFSETS = 4
CONTENT = COLUMNS[1:10]


def kinds(store: Store, **job: object) -> set[str]:
    return set(audited(store, **job).findings.counts)


def test_an_honest_log_is_clean(store: Store) -> None:
    report = audited(store, saved=[saved(store, size) for size in store.notes])
    assert found(report) == []
    assert report.events == report.positions >= EVENTS
    assert report.checkpoints == report.checkpoints_verified == len(store.notes)
    assert report.roots_agreed == 2 * len(store.notes)
    assert report.findings.warnings == {}


# ── one row ──────────────────────────────────────────────────────────────────────────────────────


class Picture:
    """A log read into memory once, in which one value of one row may be another.

    The audit asks it as it asks a database, and does all it does: only file and SQL are left out.
    """

    def __init__(self, store: Store) -> None:
        with closing(source_of(store.url)) as source:
            self._rows = [row for page in source.pages() for row in page]
            self._checkpoints = list(source.checkpoints())
            self._tags = list(source.tags_in_order())
            self._aside = source.aside()
        self.originals = list(self._rows)

    def change(self, position: int, column: str, value: object) -> None:
        at = COLUMNS.index(column)
        row = self.originals[position - 1]
        self._rows[position - 1] = (*row[:at], value, *row[at + 1 :])

    def restore(self, position: int) -> None:
        self._rows[position - 1] = self.originals[position - 1]

    def head(self) -> int:
        return len(self._rows)

    def pages(self) -> Iterator[list[tuple[Any, ...]]]:
        yield list(self._rows)

    def rows(self, after: int, limit: int) -> list[tuple[Any, ...]]:
        return self._rows[after : after + limit]

    def checkpoints(self) -> Iterator[StoredCheckpoint]:
        return iter(self._checkpoints)

    def tags_in_order(self) -> Iterator[tuple[int, Any]]:
        return iter(self._tags)

    def tag_columns(self) -> Iterator[tuple[int, Any]]:
        return ((row[0], row[COLUMNS.index("tags")]) for row in self._rows)

    def aside(self) -> Aside:
        return self._aside

    def close(self) -> None:
        """Nothing is open."""


def flips(picture: Picture, most: int) -> Iterator[tuple[int, str, int, object]]:
    """Position, column, offset and other value: of every column of every event, so many bytes."""
    for row in picture.originals:
        for column, value in zip(COLUMNS[1:], row[1:], strict=True):
            for offset in [] if value is None else offsets(value, most):
                yield row[0], column, offset, flipped(value, offset)


def demand_found(report: Report, position: int, column: str, offset: int) -> None:
    wanted = "leaf_changed" if column == "leaf" else "row_changed"
    assert (position, wanted) in found(report), (position, column, offset)
    assert {p for p, _ in found(report)} <= {position, position + 1}


def seen_in(picture: Picture) -> Report:
    return examine(picture, Job(keys=[KEY.verifier], origin=ORIGIN, explained_max=0))


def test_a_changed_byte_of_any_column_is_found_with_its_position(
    copied: Copy, pattern: Store
) -> None:
    """In the file itself; and the picture that the nightly proof asks shows the very same."""
    picture, tried = Picture(pattern), 0
    for position, column, offset, value in flips(picture, 2):
        store = copied()
        with unguarded(store) as hand:
            hand.change(position, column, value)
        report = audited(store, explained_max=0)
        demand_found(report, position, column, offset)
        store.path.unlink()
        picture.change(position, column, value)
        wrong_in_file = {fault for fault in found(report) if fault[1] != "event_id_repeated"}
        assert set(found(seen_in(picture))) == wrong_in_file, (position, column, offset)
        picture.restore(position)
        tried += 1
    assert tried > EVENTS * 14


@pytest.mark.proof_nightly
@pytest.mark.timeout(7_200)
def test_a_change_of_every_single_byte_is_found_with_its_position(pattern: Store) -> None:
    picture, tried, begun = Picture(pattern), 0, time.monotonic()
    for position, column, offset, value in flips(picture, 100_000):
        picture.change(position, column, value)
        demand_found(seen_in(picture), position, column, offset)
        picture.restore(position)
        tried += 1
        if tried % 5_000 == 0:
            told = f"\n{tried} bytes changed and found, {time.monotonic() - begun:.0f} s\n"
            print(told, end="", file=sys.__stderr__, flush=True)
    print(f"\nall {tried} bytes of {EVENTS} events found", file=sys.__stderr__, flush=True)
    assert tried > EVENTS * 1_000


def test_the_picture_as_it_was_is_clean(pattern: Store) -> None:
    """Teeth: what the proof finds is the change, and nothing that the picture brings along."""
    picture = Picture(pattern)
    assert found(seen_in(picture)) == []
    picture.change(7, "data", picture.originals[6][COLUMNS.index("data")])
    assert found(seen_in(picture)) == []


@pytest.mark.parametrize("column", COLUMNS[1:])
def test_a_changed_byte_is_found_on_each_database_and_its_column_named(
    store: Store, column: str
) -> None:
    with unguarded(store) as hand:
        position = next(p for p in range(3, EVENTS) if hand.row(p)["key_hash"])
        value = hand.row(position)[column]
        if value is None:  # a stream: one database refuses half of it
            sql = "UPDATE events SET stream_id = 'x', stream_version = 7 WHERE position = ?"
            hand.run(sql, position)
        else:
            hand.change(position, column, flipped(value, 9))
    faults = [f for f in audited(store).findings.in_order() if f.position == position]
    kind = "leaf_changed" if column == "leaf" else "row_changed"
    named = "stream_id" if column == "stream_version" else column
    assert (kind, named) in {(f.kind, f.column) for f in faults}


@pytest.mark.parametrize("column", ["event_id", "type", "tags", "metadata", "data", "leaf"])
def test_a_column_of_another_storage_class_is_found(copied: Copy, column: str) -> None:
    store = copied()
    other = "BLOB" if column in {"type", "tags"} else "TEXT"
    with without_strict(store) as connection:
        connection.execute(
            f"UPDATE events SET {column} = CAST({column} AS {other}) WHERE position = 7"
        )
    report = audited(store)
    assert (7, "storage_class") in found(report)
    assert [f.column for f in report.findings.kept if f.kind == "storage_class"] == [column]
    assert "row_changed" not in report.findings.counts


def test_a_hash_that_ignores_the_storage_class_would_miss_it(copied: Copy) -> None:
    """Teeth: the bytes are the same, so only the class tells the change."""
    store = copied()
    with closing(sqlite3.connect(store.path)) as connection:
        before = naive_bytes(connection)
    with without_strict(store) as connection:
        connection.execute("UPDATE events SET data = CAST(data AS TEXT) WHERE position = 7")
        after = naive_bytes(connection)
    assert before == after
    assert (7, "storage_class") in found(audited(store))


def naive_bytes(connection: sqlite3.Connection) -> list[tuple[bytes, ...]]:
    """What an auditor sees who takes bytes for all there is."""
    rows = connection.execute("SELECT event_id, type, tags, metadata, data FROM events").fetchall()
    return [tuple(v.encode() if isinstance(v, str) else v for v in row) for row in rows]


@pytest.mark.parametrize("column", ["metadata", "data"])
def test_bytes_behind_the_json_are_found(store: Store, column: str) -> None:
    with unguarded(store) as hand:
        hand.change(9, column, hand.row(9)[column] + b" {}")
    assert {(9, "json_trailing"), (9, "row_changed")} <= set(found(audited(store)))


@pytest.mark.parametrize("column", ["metadata", "data"])
def test_a_doubled_key_in_json_is_found_also_when_the_leaf_was_made_to_fit(
    store: Store, column: str
) -> None:
    with unguarded(store) as hand:
        row = hand.row(EVENTS)
        name = next(iter(orjson.loads(row[column])))
        row[column] = b'{"%s":"x",' % name.encode() + row[column][1:]
        row = with_leaf(row)
        hand.change(EVENTS, column, row[column])
        hand.change(EVENTS, "leaf", row["leaf"])
    assert (EVENTS, "json_duplicate_key") in found(audited(store))
    assert (19, "checkpoint_differs") in found(audited(store))


def test_a_value_that_shall_be_sealed_and_is_not_is_found(store: Store) -> None:
    with unguarded(store) as hand:
        position = next(p for p in range(1, EVENTS) if hand.row(p)["type"] == "contact.logged/1")
        row = hand.row(position)
        data = orjson.loads(row["data"])
        data["text"] = {"subject": "i klartekst"}
        row = with_leaf(row | {"data": orjson.dumps(data)})
        hand.change(position, "data", row["data"])
        hand.change(position, "leaf", row["leaf"])
    assert (position, "sealed_form") in found(audited(store))


def test_a_time_that_goes_backwards_is_found(store: Store) -> None:
    with unguarded(store) as hand:
        hand.change(10, "recorded_at", hand.row(9)["recorded_at"] - 5_000_000)
    assert (10, "time_backwards") in found(audited(store))


# ── several rows ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("position", [1, 8, EVENTS - 1])
def test_a_deleted_row_is_found(store: Store, position: int) -> None:
    with unguarded(store) as hand:
        hand.run("DELETE FROM events WHERE position = ?", position)
    assert (position, "missing") in found(audited(store))


def test_a_deleted_row_is_found_when_the_rest_is_moved_up(store: Store) -> None:
    with unguarded(store) as hand:
        hand.run("DELETE FROM events WHERE position = 8")
        for position in range(9, hand.head() + 1):
            hand.change(position, "position", position - 1)
    report = audited(store)
    assert {(8, "row_moved"), (9, "row_moved"), (EVENTS, "tail_missing")} <= set(found(report))


def test_an_inserted_row_is_found(store: Store) -> None:
    with unguarded(store) as hand:
        forged = hand.row(8)
        for position in range(hand.head(), 7, -1):
            hand.change(position, "position", position + 1)
        forged |= {"event_id": bytes(16), "key_hash": None}
        hand.put(with_leaf(forged))
    report = audited(store)
    assert (9, "row_moved") in found(report)
    assert report.findings.counts["row_moved"] >= EVENTS - 8


def test_two_swapped_rows_are_found(store: Store) -> None:
    with unguarded(store) as hand:
        for before, after in ((6, 1_000), (15, 6), (1_000, 15)):
            hand.change(before, "position", after)
    faults = [f for f in audited(store).findings.in_order() if f.kind == "row_moved"]
    assert [(f.position, f.detail) for f in faults] == [(6, "stood at 15"), (15, "stood at 6")]


def test_a_cut_tail_is_found(store: Store) -> None:
    with unguarded(store) as hand:
        hand.run("DELETE FROM events WHERE position > 20")
        hand.run("DELETE FROM event_tags WHERE position > 20")
    report = audited(store)
    assert found(report) == [(21, "tail_missing")]
    assert report.findings.kept[0].last == max(store.notes)


def test_a_cut_tail_is_found_by_a_saved_note_when_the_checkpoints_are_cut_too(store: Store) -> None:
    newest = max(store.notes)
    with unguarded(store) as hand:
        hand.run("DELETE FROM events WHERE position > 18")
        hand.run("DELETE FROM event_tags WHERE position > 18")
        hand.run("DELETE FROM checkpoints WHERE size > 18")
    assert kinds(store) == set()
    report = audited(store, saved=[saved(store, newest)])
    assert (19, "tail_missing") in found(report)


def test_a_replaced_tail_is_found(store: Store) -> None:
    with unguarded(store) as hand:
        for position in range(20, hand.head() + 1):
            row = hand.row(position) | {"event_id": bytes([position]) * 16}
            hand.change(position, "event_id", row["event_id"])
            hand.change(position, "leaf", with_leaf(row)["leaf"])
    report = audited(store)
    assert found(report) == [(19, "checkpoint_differs")]
    assert report.findings.kept[0].last == max(store.notes)


def test_a_reused_position_is_found(store: Store) -> None:
    with unguarded(store) as hand:
        other = hand.row(3)
        hand.run("DELETE FROM events WHERE position = 14")
        hand.put(with_leaf(other | {"position": 14, "event_id": b"\x01" * 16, "key_hash": None}))
    assert (13, "checkpoint_differs") in found(audited(store))


def test_a_position_below_one_is_found(copied: Copy) -> None:
    store = copied()
    with unguarded(store) as hand:
        row = hand.row(3) | {"position": -4, "event_id": bytes(16), "key_hash": None}
        hand.put(row)
    assert (-4, "position_invalid") in found(audited(store))


def test_a_repeated_event_id_is_found_when_the_index_was_dropped(copied: Copy) -> None:
    store = copied()
    with unguarded(store) as hand:
        (sql,) = hand.run("SELECT sql FROM sqlite_master WHERE name = 'events_event_id'")[0]
        hand.run("DROP INDEX events_event_id")
        row = with_leaf(hand.row(EVENTS) | {"event_id": hand.row(4)["event_id"]})
        hand.change(EVENTS, "event_id", row["event_id"])
        hand.change(EVENTS, "leaf", row["leaf"])
        hand.run(sql.replace("UNIQUE ", ""))
    assert {(EVENTS, "event_id_repeated"), (None, "schema_changed")} <= set(found(audited(store)))


# ── what stands beside the rows ──────────────────────────────────────────────────────────────────


def test_a_missing_row_of_the_index_is_found(store: Store) -> None:
    with unguarded(store) as hand:
        (tag,) = hand.run("SELECT tag FROM event_tags WHERE position = 5 ORDER BY tag")[0]
        hand.run("DELETE FROM event_tags WHERE position = 5 AND tag = ?", tag)
    report = audited(store)
    assert [(f.position, f.kind, f.detail) for f in report.findings.kept] == [
        (5, "index_missing", tag)
    ]


@pytest.mark.parametrize("position", [5, 9_999])
def test_an_extra_row_of_the_index_is_found(store: Store, position: int) -> None:
    with unguarded(store) as hand:
        hand.run("INSERT INTO event_tags (tag, position) VALUES (?, ?)", "party:nobody", position)
    assert found(audited(store)) == [(position, "index_extra")]


def test_two_tags_that_changed_places_are_found(store: Store) -> None:
    with unguarded(store) as hand:
        one, two = (
            hand.run("SELECT tag FROM event_tags WHERE position = ? AND tag LIKE 'c%'", p)[0][0]
            for p in (5, 6)
        )
        hand.run("UPDATE event_tags SET position = 7 WHERE position = 5 AND tag = ?", one)
        hand.run("UPDATE event_tags SET position = 5 WHERE position = 6 AND tag = ?", two)
        hand.run("UPDATE event_tags SET position = 6 WHERE position = 7 AND tag = ?", one)
    assert {(5, "index_missing"), (5, "index_extra"), (6, "index_missing")} <= set(
        found(audited(store))
    )


def test_a_dropped_guard_is_named(copied: Copy) -> None:
    store = copied()
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("DROP TRIGGER events_no_update")
    faults = audited(store).findings.kept
    assert [(f.kind, f.detail) for f in faults] == [("schema_missing", "trigger events_no_update")]


def test_a_guard_that_does_nothing_is_named(copied: Copy) -> None:
    store = copied()
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("DROP TRIGGER events_no_delete")
        connection.execute(
            "CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT 1; END"
        )
    faults = audited(store).findings.kept
    assert [(f.kind, f.detail) for f in faults] == [("schema_changed", "trigger events_no_delete")]


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("CREATE TRIGGER spy AFTER INSERT ON events BEGIN SELECT 1; END", "trigger spy"),
        ("CREATE INDEX spy ON events (type)", "index spy"),
        ("CREATE TABLE spy (a)", "table spy"),
        ("CREATE VIEW spy AS SELECT 1", "view spy"),
    ],
)
def test_something_foreign_in_the_schema_is_named(copied: Copy, sql: str, name: str) -> None:
    store = copied()
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute(sql)
    faults = audited(store).findings.kept
    assert [(f.kind, f.detail) for f in faults] == [("schema_extra", name)]


def test_an_added_column_is_named(copied: Copy) -> None:
    store = copied()
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("ALTER TABLE events ADD COLUMN spy TEXT")
    faults = audited(store).findings.kept
    assert [(f.kind, f.detail) for f in faults] == [("schema_changed", "table events")]


def test_a_file_with_ruined_pages_is_no_honest_log(copied: Copy) -> None:
    store = copied()
    raw = bytearray(store.path.read_bytes())
    raw[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    store.path.write_bytes(bytes(raw))
    assert audited(store).findings.total > 0


def test_a_file_that_is_no_database_is_a_fault_and_no_outage(copied: Copy) -> None:
    store = copied()
    store.path.write_bytes(b"not a database" * 1_000)
    assert {"store_damaged"} <= kinds(store)


def test_an_empty_file_lacks_its_schema(copied: Copy) -> None:
    store = copied()
    store.path.write_bytes(b"")
    assert "schema_missing" in kinds(store)


def test_a_copy_of_the_file_alone_can_be_audited(copied: Copy) -> None:
    store = copied()
    other = store.path.with_name("elsewhere.db")
    shutil.copy(store.path, other)
    assert found(audited(Store(f"sqlite:///{other}", "", store.notes))) == []
