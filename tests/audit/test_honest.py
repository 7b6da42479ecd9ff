"""No false alarm: whatever the product writes, its own audit finds nothing in it."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.log.envelope import Envelope
from domain.log.port import Append
from domain.registry import EVENTS
from domain.storage.journal import Entry
from domain.storage.sealer import Sealer
from domain.values import Value
from tests.audit.stores import KEY, ORIGIN, Store, audited, entries, found, new_store, opened
from tests.domain.record_samples import OF_TYPE

ANY_EVENT = st.one_of(*OF_TYPE.values())
SMALL_STORES = 25


@settings(max_examples=SMALL_STORES)
@given(st.lists(st.lists(ANY_EVENT, min_size=1, max_size=4), max_size=12), st.randoms())
def test_any_mix_of_events_gives_a_clean_log(
    requests: list[list[Value]], dice: random.Random
) -> None:
    with TemporaryDirectory() as folder:
        store = new_store(Path(folder))
        with opened(store) as (log, journal):
            sealer = Sealer(log, KEY, ORIGIN)
            for events in requests:
                journal.record_sync(Entry(events, Envelope("key-1", "case_officer", "api")))
                if dice.random() < 0.3:
                    sealer.step()
        report = audited(store)
        assert found(report) == []
        assert report.events == sum(map(len, requests))
        assert "not_checked" not in report.findings.warnings


@pytest.mark.parametrize("count", [255, 256, 257, 511, 512, 513, 1_025])
def test_sizes_around_a_tile_and_a_page_give_a_clean_log(tmp_path: Path, count: int) -> None:
    store = new_store(tmp_path)
    with opened(store) as (log, journal):
        sealer = Sealer(log, KEY, ORIGIN)
        requests = list(entries(random.Random(count), count))
        for start in range(0, len(requests), 100):
            journal.record_batch_sync(requests[start : start + 100])
            sealer.step()
    report = audited(store)
    assert found(report) == []
    assert (report.events, report.sealed_to, report.findings.warnings) == (count, count, {})


def test_an_empty_log_is_clean(store_of_nothing: Store) -> None:
    report = audited(store_of_nothing)
    assert (report.events, found(report)) == (0, [])
    assert report.findings.warnings == {"no_checkpoint": "0"}


@pytest.fixture
def store_of_nothing(tmp_path: Path) -> Store:
    store = new_store(tmp_path)
    with opened(store):
        return store


def test_a_clock_gone_back_is_no_fault_when_the_log_says_so(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    with opened(store) as (log, journal):
        times = iter([10**15, 10**15 - 10**9, 10**15 - 10**9 + 5])
        log.clock = lambda: next(times)  # type: ignore[union-attr]
        for entry in entries(random.Random(1), 3):
            journal.record_sync(Entry(entry.events[:1], entry.envelope))
            if log.head() >= 4:
                break
    report = audited(store)
    assert found(report) == []
    assert report.types["log.clock_stepped_back/1"] == 1


def test_a_type_of_a_newer_version_is_a_warning_and_no_fault(tmp_path: Path) -> None:
    from tests.storage.builders import event

    store = new_store(tmp_path)
    with opened(store) as (log, _):
        log.append([Append((event("noted/1", ("a", "b"), b"no json"),))])
    report = audited(store)
    assert found(report) == []
    assert report.findings.warnings["type_unknown"] == "noted/1 (1)"


def test_writers_may_go_on_while_the_audit_runs(tmp_path: Path) -> None:
    from contextlib import closing

    from api.audit.run import Job, examine
    from tests.audit.stores import source_of

    store = new_store(tmp_path)
    with opened(store) as (log, journal):
        sealer = Sealer(log, KEY, ORIGIN)
        requests = iter(list(entries(random.Random(3), 60)))
        for _ in range(20):
            journal.record_sync(next(requests))
        sealer.step()
        with closing(source_of(store.url)) as source:
            for request in requests:
                journal.record_sync(request)
                sealer.step()
            report = examine(source, Job([KEY.verifier], ORIGIN))
        assert found(report) == []
        assert report.positions < log.head()


def test_every_type_of_the_registry_is_known_to_the_tests() -> None:
    assert {kind.model for kind in EVENTS.values()} == set(OF_TYPE)
