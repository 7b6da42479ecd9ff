"""A2 of the proof plan: history rewritten so that all hashes fit is found by what was signed."""

import pytest

from domain.log.checkpoint import SigningKey, sign_checkpoint
from domain.log.merkle import root_of
from tests.audit.conftest import EVENTS, Copy
from tests.audit.stores import KEY, ORIGIN, THIEF, Store, audited, found, saved
from tests.audit.tamper import Hand, unguarded, with_leaf


def rewrite(hand: Hand, position: int) -> None:
    """Change what one event says and make its leaf fit."""
    row = with_leaf(hand.row(position) | {"event_id": bytes([position]) * 16})
    hand.change(position, "event_id", row["event_id"])
    hand.change(position, "leaf", row["leaf"])


def sign_anew(hand: Hand, key: SigningKey) -> None:
    """Publish every checkpoint again over the leaves that are there now."""
    leaves = [leaf for (leaf,) in hand.run("SELECT leaf FROM events ORDER BY position")]
    for (size,) in hand.run("SELECT size FROM checkpoints"):
        root = root_of(leaves[:size])
        note = sign_checkpoint(ORIGIN, size, root, key)
        hand.run("UPDATE checkpoints SET root = ?, note = ? WHERE size = ?", root, note, size)


@pytest.mark.parametrize("position", [1, 13, EVENTS])
def test_a_consistent_rewrite_is_found_between_the_checkpoints_around_it(
    store: Store, position: int
) -> None:
    with unguarded(store) as hand:
        rewrite(hand, position)
    sizes = [0, *sorted(store.notes)]
    report = audited(store)
    (fault,) = report.findings.kept
    assert fault.kind == "checkpoint_differs"
    assert fault.position == max(size for size in sizes if size < position) + 1
    assert fault.last == min(size for size in sizes if size >= position)


def test_a_rewrite_signed_with_another_key_is_found_at_every_checkpoint(store: Store) -> None:
    with unguarded(store) as hand:
        rewrite(hand, 7)
        sign_anew(hand, THIEF)
    report = audited(store)
    assert found(report) == [(size, "checkpoint_signature") for size in sorted(store.notes)]


def test_a_rewrite_signed_with_the_stolen_key_fits_the_log_itself(store: Store) -> None:
    """Teeth: without a note kept elsewhere there is nothing left to see."""
    with unguarded(store) as hand:
        rewrite(hand, 7)
        sign_anew(hand, KEY)
    assert found(audited(store)) == []


def test_a_rewrite_signed_with_the_stolen_key_is_found_by_saved_notes(store: Store) -> None:
    with unguarded(store) as hand:
        rewrite(hand, 14)
        sign_anew(hand, KEY)
    first, second, third, _ = sorted(store.notes)
    report = audited(store, saved=[saved(store, size) for size in (first, second, third)])
    assert found(report) == [(second + 1, "checkpoint_differs")]
    assert report.findings.kept[0].last == third
    assert f"note-{third}" in report.findings.kept[0].detail


def test_an_older_copy_put_back_is_found_by_a_saved_note(copied: Copy) -> None:
    store = copied()
    with unguarded(store) as hand:
        for table, column in (("events", "position"), ("event_tags", "position")):
            hand.run(f"DELETE FROM {table} WHERE {column} > 12")
        hand.run("DELETE FROM checkpoints WHERE size > 12")
    assert found(audited(store)) == []
    report = audited(store, saved=[saved(store, max(store.notes))])
    assert (13, "tail_missing") in found(report)


@pytest.mark.parametrize(("column", "kind"), [("root", "checkpoint_changed")])
def test_a_changed_column_of_a_checkpoint_is_found(store: Store, column: str, kind: str) -> None:
    size = sorted(store.notes)[1]
    with unguarded(store) as hand:
        hand.run(f"UPDATE checkpoints SET {column} = ? WHERE size = ?", bytes(32), size)
    report = audited(store)
    assert [(f.position, f.kind, f.column) for f in report.findings.kept] == [(size, kind, column)]


def test_a_checkpoint_under_another_size_is_found(store: Store) -> None:
    size = sorted(store.notes)[1]
    with unguarded(store) as hand:
        hand.run("UPDATE checkpoints SET size = ? WHERE size = ?", size + 1, size)
    assert found(audited(store)) == [(size + 1, "checkpoint_changed")]


@pytest.mark.parametrize("offset", [0, 3, 30, 70, 100, -2])
def test_a_changed_byte_of_a_note_is_found(store: Store, offset: int) -> None:
    size = sorted(store.notes)[2]
    note = store.notes[size]
    at = offset % len(note)
    changed = note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1 :]
    with unguarded(store) as hand:
        hand.run("UPDATE checkpoints SET note = ? WHERE size = ?", changed, size)
    assert (size, "checkpoint_signature") in found(audited(store))


def test_a_removed_checkpoint_is_found_by_whoever_saved_it(store: Store) -> None:
    size = sorted(store.notes)[1]
    with unguarded(store) as hand:
        hand.run("DELETE FROM checkpoints WHERE size = ?", size)
    assert found(audited(store, saved=[saved(store, size)])) == [(size, "checkpoint_missing")]


def test_a_saved_note_of_another_key_or_origin_is_not_believed(store: Store) -> None:
    note = saved(store, max(store.notes))
    assert (None, "saved_note_invalid") in found(
        audited(store, saved=[note], keys=[THIEF.verifier])
    )
    assert (None, "saved_note_invalid") in found(
        audited(store, saved=[note], origin="another.example/log")
    )


def test_former_keys_still_open_the_checkpoints_they_signed(store: Store) -> None:
    with unguarded(store) as hand:
        sign_anew(hand, THIEF)
    assert found(audited(store, keys=[KEY.verifier, THIEF.verifier])) == []


def test_without_a_key_roots_are_still_compared_and_the_report_says_so(store: Store) -> None:
    assert audited(store, keys=[]).findings.warnings == {"no_key": "0"}
    with unguarded(store) as hand:
        rewrite(hand, 7)
    assert "checkpoint_differs" in audited(store, keys=[]).findings.counts


def test_rows_after_the_newest_checkpoint_are_told_as_such(store: Store) -> None:
    with unguarded(store) as hand:
        hand.run("DELETE FROM checkpoints WHERE size > 12")
    report = audited(store)
    assert found(report) == []
    assert report.findings.warnings == {"unsealed": str(report.positions - report.sealed_to)}


def test_several_changed_rows_and_leaves_between_two_checkpoints_are_told_apart(
    store: Store,
) -> None:
    with unguarded(store) as hand:
        hand.change(14, "data", hand.row(2)["data"])
        hand.change(15, "leaf", bytes(32))
        hand.change(17, "metadata", b"{}")
    assert found(audited(store)) == [
        (14, "row_changed"),
        (15, "leaf_changed"),
        (17, "row_changed"),
    ]
