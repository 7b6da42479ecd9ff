"""The owner of time, ids and randomness."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.storage import clock


def test_no_random_byte_is_given_twice_also_to_many_threads() -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(clock.entropy, [16] * 5_000))
    assert len(set(taken)) == len(taken)
    assert {len(each) for each in taken} == {16}


def test_more_than_a_portion_can_be_taken_at_once() -> None:
    assert len(clock.entropy(clock.PORTION_BYTES * 2 + 1)) == clock.PORTION_BYTES * 2 + 1


def test_a_forked_child_does_not_give_its_parents_bytes() -> None:
    """A nonce used twice under one key would give the sealed values away."""
    clock.entropy(1)
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, clock.entropy(32))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 32) != clock.entropy(32)
    os.close(reader)
    os.close(writer)


def test_the_proof_catches_a_child_that_keeps_its_parents_portion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeping = clock._Entropy()
    keeping.take(1)
    monkeypatch.setattr(keeping, "forget", lambda: None)
    copy = clock._Entropy()
    copy._portion, copy._used = keeping._portion, keeping._used
    assert copy.take(32) == keeping.take(32), "without forgetting, both give the same bytes"


def test_ids_sort_by_the_time_they_were_made() -> None:
    earlier = clock.new_id()
    while clock.new_id()[:13] == earlier[:13]:
        pass
    assert clock.new_id() > earlier
    assert earlier[14] == "7"


def test_the_same_parts_give_the_same_id_and_other_parts_another() -> None:
    assert clock.id_of("source", "1") == clock.id_of("source", "1")
    assert clock.id_of("source", "1") != clock.id_of("source1")
    assert clock.id_of("source", "1")[14] == "8"
