"""The library's own conformance suites over both databases, through the faces of recorders.py."""

import threading
import uuid
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import TestCase

import pytest
from eventsourcing.dcb.api import DCBEvent
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    ProgrammingError,
    StoredEvent,
)

from domain.log.port import Append
from domain.storage.recorders import ApplicationFace, DcbFace
from tests.storage.builders import event
from tests.storage.library_suites import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    DCBRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
    PatientReader,
)
from tests.storage.places import AnyLog

# Not run: test_performance and test_concurrent_throughput, which only measure and print.
SUITES: list[tuple[type[TestCase], str]] = [
    (AggregateRecorderTestCase, "test_insert_and_select"),
    (ApplicationRecorderTestCase, "test_insert_select"),
    (ApplicationRecorderTestCase, "test_concurrent_no_conflicts"),
    (ApplicationRecorderTestCase, "optional_test_insert_subscribe"),
    (NonInterleavingNotificationIDsBaseCase, "test"),
]
MEASUREMENTS = {"test_performance", "test_concurrent_throughput"}


class WithoutIds(ApplicationFace):
    """What the suite of aggregate recorders asks for: one that tells no notification ids."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        super().insert_events(stored_events, **kwargs)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("suite", "name"), SUITES)
def test_the_librarys_suite_for_recorders_of_aggregates_passes(
    log: AnyLog, suite: type[TestCase], name: str
) -> None:
    class Case(suite):  # type: ignore[misc, valid-type]
        def create_recorder(self) -> ApplicationRecorder:
            return (WithoutIds if suite is AggregateRecorderTestCase else ApplicationFace)(log)

    before = set(threading.enumerate())
    getattr(Case(name), name)()
    for reader in set(threading.enumerate()) - before:
        reader.join()  # the suite leaves its readers to end by themselves


@pytest.mark.parametrize("name", ["_test_append_read", "_test_append_subscribe"])
def test_the_librarys_suite_for_recorders_of_tagged_events_passes(
    log: AnyLog, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = getattr(DCBRecorderTestCase(), name)
    monkeypatch.setitem(suite.__globals__, "EnsureSubscriptionBlockAndReceive", PatientReader)
    suite(DcbFace(log))


@pytest.mark.parametrize(
    "suite", [AggregateRecorderTestCase, ApplicationRecorderTestCase, DCBRecorderTestCase]
)
def test_every_test_the_librarys_suites_hold_is_run_or_is_a_measurement(
    suite: type[TestCase],
) -> None:
    run = {name for _, name in SUITES} | {"_test_append_read", "_test_append_subscribe"}
    held = {name for name in vars(suite) if "test_" in name}
    assert held <= run | MEASUREMENTS


def test_events_of_our_own_are_no_notifications_but_are_tagged_events(log: AnyLog) -> None:
    log.append([Append((event("noted/1", ("a",)),))])
    face = ApplicationFace(log, str)
    assert face.insert_events([StoredEvent("s", 1, "t", b"x")]) == [2]
    assert [n.id for n in face.select_notifications(None, 10)] == [2]
    assert [e.originator_id for e in face.select_events("s")] == ["s"]
    assert [e.position for e in DcbFace(log).read()] == [1, 2]


def test_what_the_library_writes_carries_empty_metadata_and_its_tags_as_given(log: AnyLog) -> None:
    DcbFace(log).append([DCBEvent("t", b"x", ["b", "a", "b"])])
    (row,) = log.rows(0)
    assert (row.metadata, row.tags) == (b"{}", '["b","a","b"]')
    assert uuid.UUID(bytes=row.event_id).version == 7
    assert [e.event.tags for e in DcbFace(log).read()] == [["b", "a", "b"]]


def test_a_failed_version_check_is_the_librarys_integrity_error(log: AnyLog) -> None:
    face = ApplicationFace(log, str)
    face.insert_events([StoredEvent("s", 1, "t", b"x")])
    with pytest.raises(IntegrityError, match="stream_version_taken"):
        face.insert_events([StoredEvent("s", 0, "t", b"x"), StoredEvent("s", 1, "t", b"x")])
    assert face.max_notification_id() == 1


def test_an_append_of_no_events_is_the_librarys_programming_error(log: AnyLog) -> None:
    with pytest.raises(ProgrammingError):
        DcbFace(log).append([])


def test_notifications_page_over_events_of_our_own(log: AnyLog) -> None:
    face = ApplicationFace(log, str)
    for version in range(1, 6):
        log.append([Append((event(), event(), event()))])
        face.insert_events([StoredEvent("s", version, "t", b"x")])
    assert [n.id for n in face.select_notifications(None, 2)] == [4, 8]
    assert [n.id for n in face.select_notifications(5, 10, 16)] == [8, 12, 16]


@pytest.fixture(autouse=True)
def quiet(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """The library's suites print; keep it from the terminal."""
    yield
    capsys.readouterr()
