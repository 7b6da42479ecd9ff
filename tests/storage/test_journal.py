"""The journal: recorded is what a reader sees, and a repeat is told from another request."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from domain import contacts
from domain.contacts import ContactRetracted
from domain.custody import ClockSteppedBack
from domain.errors import Broken, Conflict, DomainError, Refused
from domain.log.port import Condition, QueryItem
from domain.storage.journal import Entry, Journal, Recorded
from domain.storage.sqlite import SqliteLog
from domain.storage.writer import Writer
from tests.domain.samples import CONTACT, SECRET, asked, known
from tests.storage.logs import codec, entry, retraction, sqlite_log

ONE = "018f0000-0000-7000-8000-0000000000e1"
TWO = "018f0000-0000-7000-8000-0000000000e2"
KEY = bytes([7]) * 32
OTHER_MARK = "02" * 16
Record = Callable[[Journal, Entry], Recorded]


def sync(journal: Journal, given: Entry) -> Recorded:
    return journal.record_sync(given)


def through_the_writer(journal: Journal, given: Entry) -> Recorded:
    async def story() -> Recorded:
        writer = Writer(journal.log)
        await writer.start()
        try:
            return await Journal(journal.log, journal.codec, writer).record(given)
        finally:
            await writer.stop()

    return asyncio.run(story())


BOTH = pytest.mark.parametrize("record", [sync, through_the_writer], ids=["sync", "async"])


@BOTH
def test_what_is_recorded_is_answered_as_a_reader_sees_it(tmp_path: Path, record: Record) -> None:
    people = [{"name": f"{SECRET} Kim", "party": "KAB"}]
    event = contacts.log(asked(participants=people), CONTACT, known())
    with sqlite_log(tmp_path) as log:
        journal = Journal(log, codec())
        done = record(journal, entry(event, retraction(CONTACT)))
        assert (done.position_first, done.position_last, done.duplicate) == (1, 2, False)
        assert done.facts == journal.codec.facts(log.rows(0))
        assert [journal.codec.event(fact) for fact in done.facts] == [event, retraction(CONTACT)]
        assert done.recorded_at == log.rows(0)[0].recorded_at
        assert SECRET not in repr(done), "facts are not for logs"


@BOTH
def test_ids_are_made_when_none_are_given_and_kept_when_they_are(
    tmp_path: Path, record: Record
) -> None:
    with sqlite_log(tmp_path) as log:
        journal = Journal(log, codec())
        made = [record(journal, entry()).facts[0].event_id for _ in range(2)]
        assert len(set(made)) == 2
        assert record(journal, entry(event_ids=[ONE])).facts[0].event_id == ONE


@BOTH
def test_the_same_request_again_is_answered_with_what_is_stored(
    tmp_path: Path, record: Record
) -> None:
    with sqlite_log(tmp_path) as log:
        journal = Journal(log, codec())
        given = entry(retraction(), retraction("c2"), event_ids=[ONE, TWO])
        first, again = record(journal, given), record(journal, given)
        assert again.duplicate and not first.duplicate
        assert again.facts == first.facts
        assert (again.position_first, again.position_last) == (1, 2)
        assert again.recorded_at == first.recorded_at
        assert log.head() == 2


@BOTH
def test_the_same_key_again_is_answered_though_the_ids_are_new(
    tmp_path: Path, record: Record
) -> None:
    with sqlite_log(tmp_path) as log:
        journal = Journal(log, codec())
        first = record(journal, entry(key_hash=KEY))
        again = record(journal, entry(key_hash=KEY))
        assert again.duplicate
        assert again.facts == first.facts


@BOTH
def test_other_content_under_the_same_id_or_key_is_refused(tmp_path: Path, record: Record) -> None:
    with sqlite_log(tmp_path) as log:
        journal = Journal(log, codec())
        record(journal, entry(event_ids=[ONE], key_hash=KEY))
        with pytest.raises(Conflict) as reused_id:
            record(journal, entry(event_ids=[ONE], mark=OTHER_MARK))
        with pytest.raises(Refused) as reused_key:
            record(journal, entry(mark=OTHER_MARK, key_hash=KEY))
        with pytest.raises(Conflict) as both:
            record(journal, entry(mark=OTHER_MARK, event_ids=[ONE], key_hash=bytes(32)))
        codes = [error.value.code for error in (reused_id, reused_key, both)]
        assert codes == ["event_id_reused", "idempotency_key_reused", "event_id_reused"]
        assert log.head() == 1


def test_only_the_first_event_of_a_request_bears_its_key(tmp_path: Path) -> None:
    with sqlite_log(tmp_path) as log:
        journal = Journal(log, codec())
        done = journal.record_sync(entry(retraction(), retraction("c2"), key_hash=KEY))
        assert [row.key_hash for row in log.rows(0)] == [KEY, None]
        assert journal.fact_of_key(KEY) == done.facts[0]
        assert journal.fact_of_key(bytes(32)) is None


@BOTH
def test_a_condition_that_fails_is_told(tmp_path: Path, record: Record) -> None:
    taken = Condition((QueryItem(tags=("contact:c1",)),))
    with sqlite_log(tmp_path) as log:
        journal = Journal(log, codec())
        record(journal, entry(condition=taken))
        with pytest.raises(Conflict) as conflict:
            record(journal, entry(condition=taken))
        assert conflict.value.code == "condition_failed"


def batch_of(
    journal: Journal, entries: list[Entry], record: Record
) -> list[Recorded | DomainError]:
    if record is sync:
        return journal.record_batch_sync(entries)

    async def story() -> list[Recorded | DomainError]:
        writer = Writer(journal.log)
        await writer.start()
        try:
            return await Journal(journal.log, journal.codec, writer).record_batch(entries)
        finally:
            await writer.stop()

    return asyncio.run(story())


@BOTH
def test_each_entry_of_a_batch_has_an_outcome_of_its_own(tmp_path: Path, record: Record) -> None:
    taken = Condition((QueryItem(tags=("contact:c1",)),))
    with sqlite_log(tmp_path) as log:
        outcomes = batch_of(
            Journal(log, codec()),
            [
                entry(event_ids=[ONE]),
                entry(condition=taken),
                entry(event_ids=[ONE]),
                entry(event_ids=[ONE], mark=OTHER_MARK),
                entry(retraction("c2")),
            ],
            record,
        )
        stored, conflict, again, reused, last = outcomes
        assert isinstance(stored, Recorded) and stored.position_first == 1
        assert isinstance(conflict, Conflict) and conflict.code == "condition_failed"
        assert isinstance(again, Recorded) and again.duplicate and again.facts == stored.facts
        assert isinstance(reused, Conflict) and reused.code == "event_id_reused"
        assert isinstance(last, Recorded) and last.position_first == 2
        assert log.head() == 2


def test_a_journal_without_a_writer_has_only_its_sync_face(tmp_path: Path) -> None:
    with sqlite_log(tmp_path) as log:
        journal = Journal(log, codec())
        for waiting in (journal.record(entry()), journal.record_batch([entry()])):
            with pytest.raises(Broken):
                asyncio.run(waiting)


def test_a_history_is_what_bears_all_tags_and_has_one_of_the_types(tmp_path: Path) -> None:
    with sqlite_log(tmp_path) as log:
        journal = Journal(log, codec())
        journal.record_sync(entry(retraction("c1"), retraction("c2"), retraction("c1", "igen")))
        facts, events, last = journal.history(["contact:c1"], ["contact.retracted/1"])
        assert [fact.position for fact in facts] == [1, 3]
        assert events == [retraction("c1"), retraction("c1", "igen")]
        assert all(isinstance(event, ContactRetracted) for event in events)
        assert last == 3
        assert journal.history(["contact:c1", "contact:c2"]) == ([], [], 0)
        assert journal.history(["contact:c1"], ["contact.logged/1"]) == ([], [], 0)
        assert journal.history(["contact:c3"]) == ([], [], 0)


def test_a_clock_that_steps_back_is_itself_recorded(tmp_path: Path) -> None:
    times = iter([1_266_915_600_000_000, 1_266_915_596_500_000])
    log = SqliteLog(tmp_path / "log.db", clock=lambda: next(times))
    journal = Journal(log, codec())
    log.clock_step = journal.clock_step
    journal.record_sync(entry())
    done = journal.record_sync(entry())
    assert done.position_first == 3
    (fact,) = journal.codec.facts(log.rows(1, 1))
    assert journal.codec.event(fact) == ClockSteppedBack(
        previous="2010-02-23T09:00:00Z", observed="2010-02-23T08:59:56.500000Z", seconds=3
    )
    assert fact.meta == {"actor": "system", "role": "system", "via": "system"}
    assert journal.history(["log:clock"])[2] == 2
    log.close()
