"""The writer: many callers, few commits, and nobody is left waiting or harmed by a neighbour."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from domain.errors import Conflict, DomainError, Unavailable
from domain.log.port import (
    BATCH_REQUESTS_MAX,
    Append,
    Appended,
    Condition,
    QueryItem,
)
from domain.storage.sqlite import SqliteLog, StagedBatch
from domain.storage.writer import Writer
from tests.storage.logs import small_event, sqlite_log

OPEN_SECONDS_MAX = 60.0


class GatedLog(SqliteLog):
    """A real log whose commits wait for a gate, and can be told to fail."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[int] = []
        self.failure: BaseException | None = None

    def stage(self, batch: Sequence[Append]) -> StagedBatch:
        self.batches.append(len(batch))
        return super().stage(batch)

    def commit_staged(self) -> None:
        self.gate.wait(OPEN_SECONDS_MAX)
        if self.failure is not None:
            self._abandon()
            self._lock.release()
            raise self.failure
        super().commit_staged()


@asynccontextmanager
async def writing(log: SqliteLog, **limits: int) -> AsyncIterator[Writer]:
    writer = Writer(log, **limits)
    await writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


async def until_staged(log: GatedLog, batches: int) -> None:
    """Wait until the writer has taken its first batches out of the queue."""
    async with asyncio.timeout(OPEN_SECONDS_MAX):
        while len(log.batches) < batches:  # noqa: ASYNC110  the log knows no event loop
            await asyncio.sleep(0)


def put(number: int, *tags: str, condition: Condition | None = None) -> Append:
    return Append((small_event(number, *tags),), condition)


def test_a_request_is_answered_with_its_place_once_it_is_on_disk(tmp_path: Path) -> None:
    async def story(log: SqliteLog) -> None:
        async with writing(log) as writer:
            one = await writer.append(put(1))
            two = await writer.append(Append((small_event(2), small_event(3))))
            assert (one.first, one.size, two.first, two.size) == (1, 1, 2, 2)
            assert log.head() == 3
            again = await writer.append(put(1))
            assert (again.first, again.duplicate) == (1, True)

    with sqlite_log(tmp_path) as log:
        asyncio.run(story(log))


def test_requests_that_arrive_during_a_commit_share_the_next_one(tmp_path: Path) -> None:
    async def story(log: GatedLog) -> None:
        async with writing(log) as writer:
            log.gate.clear()
            first = asyncio.ensure_future(writer.append(put(1)))
            await until_staged(log, 1)
            rest = asyncio.ensure_future(writer.append_many([put(n) for n in range(2, 52)]))
            await asyncio.sleep(0)
            assert writer.waiting == 50
            log.gate.set()
            outcomes = [await first, *await rest]
            assert [o.first for o in outcomes if isinstance(o, Appended)] == list(range(1, 52))
        assert log.batches == [1, 50]

    log = GatedLog(tmp_path / "log.db")
    asyncio.run(story(log))
    log.close()


def test_one_transaction_takes_a_bounded_number_of_requests(tmp_path: Path) -> None:
    async def story(log: GatedLog) -> None:
        async with writing(log) as writer:
            wanted = [put(n) for n in range(1, 2 * BATCH_REQUESTS_MAX + 2)]
            outcomes = await writer.append_many(wanted)
            assert all(isinstance(outcome, Appended) for outcome in outcomes)
        assert log.batches == [BATCH_REQUESTS_MAX, BATCH_REQUESTS_MAX, 1]

    log = GatedLog(tmp_path / "log.db")
    asyncio.run(story(log))
    log.close()


def test_a_conflict_harms_no_neighbour(tmp_path: Path) -> None:
    taken = Condition((QueryItem(tags=("key:a",)),))

    async def story(log: SqliteLog) -> None:
        async with writing(log) as writer:
            outcomes = await writer.append_many(
                [put(1, "key:a"), put(2, condition=taken), put(3), put(1), put(4, condition=taken)]
            )
            good, bad, next_one, again, bad_too = outcomes
            assert isinstance(good, Appended) and good.first == 1
            assert isinstance(next_one, Appended) and next_one.first == 2
            assert isinstance(again, Appended) and again.duplicate
            for refused in (bad, bad_too):
                assert isinstance(refused, Conflict)
                assert refused.code == "condition_failed"
            with pytest.raises(Conflict):
                await writer.append(put(5, condition=taken))
        assert log.head() == 2

    with sqlite_log(tmp_path) as log:
        asyncio.run(story(log))


def test_the_queue_is_bounded_and_says_come_back(tmp_path: Path) -> None:
    async def story(log: GatedLog) -> None:
        async with writing(log, queue_max=3) as writer:
            log.gate.clear()
            first = asyncio.ensure_future(writer.append(put(1)))
            await until_staged(log, 1)
            waiting = asyncio.ensure_future(writer.append_many([put(n) for n in (2, 3, 4, 5)]))
            await asyncio.sleep(0)
            assert writer.waiting == 3
            with pytest.raises(Unavailable) as full:
                await writer.append(put(6))
            assert full.value.code == "queue_full"
            log.gate.set()
            assert (await first).first == 1
            *stored, turned_away = await waiting
            assert [o.first for o in stored if isinstance(o, Appended)] == [2, 3, 4]
            assert isinstance(turned_away, Unavailable)
            assert (await writer.append(put(6))).first == 5

    log = GatedLog(tmp_path / "log.db")
    asyncio.run(story(log))
    log.close()


def test_stopping_writes_what_waits_and_takes_nothing_more(tmp_path: Path) -> None:
    async def story(log: GatedLog) -> None:
        writer = Writer(log)
        await writer.start()
        log.gate.clear()
        first = asyncio.ensure_future(writer.append(put(1)))
        await until_staged(log, 1)
        waiting = asyncio.ensure_future(writer.append_many([put(2), put(3)]))
        await asyncio.sleep(0)
        stopping = asyncio.ensure_future(writer.stop())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await writer.append(put(4))
        log.gate.set()
        await stopping
        assert (await first).first == 1
        assert [o.first for o in await waiting if isinstance(o, Appended)] == [2, 3]
        assert log.head() == 3

    log = GatedLog(tmp_path / "log.db")
    asyncio.run(story(log))
    log.close()


def test_a_writer_that_never_started_can_be_stopped(tmp_path: Path) -> None:
    with sqlite_log(tmp_path) as log:
        asyncio.run(Writer(log).stop())


@pytest.mark.parametrize(
    ("failure", "code", "reason"),
    [
        (Unavailable("store_full"), "store_full", None),
        (OSError("disk gone"), "store_unavailable", "OSError"),
    ],
    ids=["the domain's error", "any other"],
)
def test_a_failing_commit_answers_every_caller_and_the_next_one_is_served(
    tmp_path: Path, failure: Exception, code: str, reason: str | None
) -> None:
    async def story(log: GatedLog) -> None:
        async with writing(log) as writer:
            log.failure = failure
            outcomes = await writer.append_many([put(1), put(2), put(3)])
            assert len(outcomes) == 3
            for outcome in outcomes:
                assert isinstance(outcome, DomainError)
                assert (outcome.code, outcome.params.get("reason")) == (code, reason)
            assert log.head() == 0
            log.failure = None
            assert (await writer.append(put(1))).first == 1

    log = GatedLog(tmp_path / "log.db")
    asyncio.run(story(log))
    log.close()


def test_a_caller_who_gave_up_is_written_all_the_same_and_stops_nobody(tmp_path: Path) -> None:
    async def story(log: GatedLog) -> None:
        async with writing(log) as writer:
            log.gate.clear()
            gone = asyncio.ensure_future(writer.append(put(1)))
            await until_staged(log, 1)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            log.gate.set()
            assert (await writer.append(put(2))).first == 2

    log = GatedLog(tmp_path / "log.db")
    asyncio.run(story(log))
    log.close()


def test_a_batch_whose_caller_gave_up_is_cancelled_and_not_mistaken_for_an_answer(
    tmp_path: Path,
) -> None:
    async def story(log: GatedLog) -> None:
        async with writing(log) as writer:
            log.gate.clear()
            first = asyncio.ensure_future(writer.append(put(1)))
            await until_staged(log, 1)
            batch = asyncio.ensure_future(writer.append_many([put(2), put(3)]))
            await asyncio.sleep(0)
            for _, future in list(writer._waiting)[:1]:
                future.cancel()
            log.gate.set()
            with pytest.raises(asyncio.CancelledError):
                await batch
            assert (await first).first == 1
        assert log.head() == 3

    log = GatedLog(tmp_path / "log.db")
    asyncio.run(story(log))
    log.close()
