"""Requests made inside the writer: in a row, each with its own place or its own error."""

import asyncio
from pathlib import Path

from domain.errors import Refused, Unavailable
from domain.log.port import Append, Appended
from domain.storage.writer import Writer
from tests.storage.logs import small_event, sqlite_log


def refusing() -> Append:
    raise Refused("invalid_input")


def test_requests_made_together_stand_together_and_an_error_is_its_own_callers(
    tmp_path: Path,
) -> None:
    made: list[int] = []

    def making(number: int) -> Append:
        made.append(number)
        return Append((small_event(number),))

    async def story(writer: Writer) -> list[Appended | BaseException]:
        await writer.start()
        waiting = [writer.append_made(lambda n=n: making(n)) for n in (1, 2)]  # type: ignore[misc]
        refused = writer.append_made(refusing)
        outcomes = await asyncio.gather(*waiting, refused, return_exceptions=True)
        await writer.stop()
        return list(outcomes)

    with sqlite_log(tmp_path) as log:
        one, two, refused = asyncio.run(story(Writer(log)))
        assert made == [1, 2]
        assert isinstance(one, Appended)
        assert isinstance(two, Appended)
        assert (one.first, two.first) == (1, 2)
        assert isinstance(refused, Refused)
        assert log.head() == 2


def test_what_is_not_made_yet_is_written_before_the_writer_stops(tmp_path: Path) -> None:
    async def story(writer: Writer) -> Appended:
        await writer.start()
        waiting = asyncio.ensure_future(writer.append_made(lambda: Append((small_event(1),))))
        await asyncio.sleep(0)
        await writer.stop()
        return await waiting

    with sqlite_log(tmp_path) as log:
        assert asyncio.run(story(Writer(log))).first == 1


def test_requests_not_made_yet_count_as_waiting(tmp_path: Path) -> None:
    async def story(writer: Writer) -> list[Appended | BaseException]:
        await writer.start()
        waiting = [writer.append_made(lambda: Append((small_event(1),))) for _ in range(3)]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        await writer.stop()
        return list(outcomes)

    with sqlite_log(tmp_path) as log:
        outcomes = asyncio.run(story(Writer(log, queue_max=2)))
        assert [isinstance(outcome, Unavailable) for outcome in outcomes] == [False, False, True]


def test_a_request_whose_caller_went_away_is_not_made(tmp_path: Path) -> None:
    async def story(writer: Writer) -> None:
        await writer.start()
        waiting = asyncio.ensure_future(writer.append_made(lambda: Append((small_event(1),))))
        asyncio.get_running_loop().call_soon(waiting.cancel)
        await asyncio.gather(waiting, return_exceptions=True)
        await writer.stop()

    with sqlite_log(tmp_path) as log:
        asyncio.run(story(Writer(log)))
        assert log.head() == 0
