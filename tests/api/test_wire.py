"""The connection's transport: what is written in one turn of the loop leaves at once, in order."""

import asyncio
from collections.abc import Iterable

from api.http.wire import Gathering


class _Line(asyncio.Transport):
    """A transport that remembers each write that would reach the system."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.writes.append(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def test_head_and_body_leave_in_one_write() -> None:
    async def story(line: _Line) -> None:
        wire = Gathering(line)
        wire.write(b"head ")
        wire.write(b"body")
        assert line.writes == []
        await asyncio.sleep(0)
        wire.write(b"next")
        await asyncio.sleep(0)

    line = _Line()
    asyncio.run(story(line))
    assert line.writes == [b"head body", b"next"]


def test_nothing_written_is_lost_when_the_connection_closes() -> None:
    async def story(line: _Line) -> None:
        wire = Gathering(line)
        wire.write(b"last words")
        wire.close()
        await asyncio.sleep(0)

    line = _Line()
    asyncio.run(story(line))
    assert line.writes == [b"last words"]
    assert line.closed


def test_nothing_is_written_to_a_connection_that_is_gone() -> None:
    async def story(line: _Line) -> None:
        wire = Gathering(line)
        wire.write(b"too late")
        line.close()
        await asyncio.sleep(0)

    line = _Line()
    asyncio.run(story(line))
    assert line.writes == []
