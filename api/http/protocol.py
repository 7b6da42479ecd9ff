"""The protocol with deadlines (tidsfrister): who sends or reads too slowly loses the connection.

uvicorn waits for ever for the rest of a head, for a body nobody asks for, and for a reader who does
not read. One look at all connections twice a second costs less than a timer for each request.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog

from api.http.wire import Protocol

HEAD_BYTES_MAX: Final = 65_536
"""Of a request's line and headers, should they come in more than one piece."""
PIPELINED_MAX: Final = 16
"""Requests that may wait behind the one being answered."""
SLOWEST_BYTES_PER_SECOND: Final = 16_384
"""Who reads a large answer at least so fast may take as long as it needs."""
UNREAD_BYTES_MAX: Final = 268_435_456
"""Of all answers that wait for their readers; beyond it the slowest lose theirs."""
GRACE_SECONDS: Final = 1.0
"""The application answers 408 itself; this is for what it does not read, and for closing."""
MADE_ROOM_SHARE: Final = 16
"""Of a full house this part is sent away at once, so that not each newcomer costs a search."""
_NEVER: Final = math.inf
_ORDER: Final = {"head": 0, "request": 1, "body": 2}
"""Who leaves a full house first."""
_log = structlog.get_logger("kontaktlog.connections")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a client may take, and how many connections there may be."""

    head_seconds: float
    body_seconds: float
    idle_seconds: float
    connections_max: int
    unread_bytes_max: int
    """Of one body, whether somebody reads it or it is thrown away after an early answer."""


class PatientProtocol(Protocol):
    """A connection that knows until when its client may take; `look_after` asks it."""

    def __init__(self, *given: Any, deadlines: Deadlines, **named: Any) -> None:
        """`deadlines` are the same for every connection."""
        super().__init__(*given, **named)
        self.deadlines = deadlines
        self.read_due = _NEVER
        """When the client must have sent what it began, or begun anew."""
        self.write_due = _NEVER
        """When the client must have read what we wrote."""
        self.close_due = _NEVER
        """When a connection that is being closed is cut off."""
        self.waits_for = "head"
        self._clock = self.loop.time
        self._bytes_left = HEAD_BYTES_MAX
        self._is_amid_message = False
        self._is_fresh = False
        self._is_cut = False
        self._unread = 0

    # ── what the event loop tells ────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection; in a full house another one goes, or this one."""
        super().connection_made(transport)
        self.read_due = self._clock() + self.deadlines.head_seconds
        others = cast("set[PatientProtocol]", self.connections)
        if len(others) > self.deadlines.connections_max and not make_room(others, self):
            _log.warning("connections_full", connections=len(others))
            self._cut()

    def data_received(self, data: bytes) -> None:
        """Take bytes in; too many of one head or body end the connection."""
        super().data_received(data)
        if self._is_fresh:  # the piece holds the end of something else, too
            self._is_fresh = False
        elif self._is_amid_message:
            self._bytes_left -= len(data)
            if self._bytes_left < 0:
                self._give_up()

    def pause_writing(self) -> None:
        """Note until when a full buffer must have been read."""
        super().pause_writing()
        self._unread = self.unread
        self.write_due = self._clock() + self.deadlines.body_seconds

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        super().resume_writing()
        self.write_due = _NEVER

    # ── what the parser tells ────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        """Begin a request; the first has its time since the connection was made."""
        super().on_message_begin()
        self._is_amid_message = self._is_fresh = True
        self._bytes_left = HEAD_BYTES_MAX
        self.waits_for = "head"
        if self.cycle is not None:
            self.read_due = self._clock() + self.deadlines.head_seconds

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes behind a body (trailers) is none."""
        if self.waits_for == "head":
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer; the body has a time and a size of its own."""
        if self._is_cut:
            return
        if len(self.pipeline) >= PIPELINED_MAX:
            self._cut()
            return
        super().on_headers_complete()
        self.waits_for = "body"
        self._is_fresh = True
        self._bytes_left = self.deadlines.unread_bytes_max
        self.read_due = self._clock() + self.deadlines.body_seconds + GRACE_SECONDS
        if self.expect_100_continue:
            # Who was answered before "100 Continue" may leave the body out: what follows is then
            # no body. So the connection ends with this answer.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body for whoever reads it."""
        if not self._is_cut:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request's own bytes; from here on the client waits for us, or is idle."""
        self._is_amid_message = False
        if self._is_cut:
            return
        super().on_message_complete()
        self.waits_for = "request"
        self.read_due = self._idle_until() if self.cycle.response_complete else _NEVER

    # ── what the answer tells ────────────────────────────────────────────────────────────────────

    def on_response_complete(self) -> None:
        """Turn to the next request, or wait for one; the look-around replaces uvicorn's timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        was_paused = self.flow.read_paused
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif not self._is_amid_message:
            self.read_due = self._idle_until()
        elif was_paused:  # only now can the client go on
            self.read_due = self._clock() + self.deadlines.body_seconds

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, never in the place of the answer to an earlier request."""
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete:
            super().send_400_response(msg)
        elif self.pipeline or (cycle.more_body and cycle.response_started):
            self._cut()
        elif cycle.more_body:
            super().send_400_response(msg)
        else:  # the answer to the whole request before the garbage comes first, and is the last
            cycle.keep_alive = False
            self.flow.pause_reading()

    # ── who is late ──────────────────────────────────────────────────────────────────────────────

    def late(self, now: float) -> str | None:
        """Return what the client is late with; None while it is in time."""
        if self.transport.is_closing():
            if self.close_due == _NEVER:
                self.close_due = now + self.deadlines.body_seconds
            return "close" if now > self.close_due else None
        if now > self.write_due and self._reads_too_slowly(now):
            return "answer"
        is_late = now > self.read_due and not self.flow.read_paused
        return self.waits_for if is_late else None

    @property
    def may_leave(self) -> bool:
        """Whether the client is who is waited for."""
        return self.read_due < _NEVER or self.write_due < _NEVER

    def patience(self) -> tuple[int, float]:
        """Return where the connection stands in the order of those who leave a full house."""
        if self.read_due < _NEVER:
            return _ORDER[self.waits_for], self.read_due
        return len(_ORDER), self.write_due

    @property
    def unread(self) -> int:
        """The bytes of answers that the client has not taken."""
        waiting: int = self.transport.get_write_buffer_size()
        return waiting

    def end(self, late_with: str) -> None:
        """Close politely who is merely idle; cut off whoever holds something up."""
        if late_with == "request":
            self.transport.close()
        else:
            self._cut()

    def leave(self) -> None:
        """Make room for another."""
        self._cut()

    def _cut(self) -> None:
        self._is_cut = True
        self.transport.abort()

    def _reads_too_slowly(self, now: float) -> bool:
        """Judge a reader whose time is up; one who read enough meanwhile gets as much again."""
        left, seconds = self.unread, self.deadlines.body_seconds
        enough = SLOWEST_BYTES_PER_SECOND * seconds
        if self._unread - left < enough:
            return True
        self._unread, self.write_due = left, now + seconds
        return False

    def _idle_until(self) -> float:
        return self._clock() + self.deadlines.idle_seconds

    def _give_up(self) -> None:
        if self.waits_for == "head":
            self.send_400_response("Request head too large.")
        else:
            self._cut()


def look_after(connections: Collection[Any], now: float) -> None:
    """End every connection that is late, and tell in one line how many of each kind there were."""
    ended: Counter[str] = Counter()
    for connection in list(connections):
        if (late_with := connection.late(now)) is not None:
            connection.end(late_with)
            ended[late_with] += 1
    ended["crowded_answer"] = _shed(connections)
    ended.pop("request", None)  # to be idle is no fault
    if ended.total():
        _log.info("connections_late", **ended)


def _shed(connections: Collection[PatientProtocol]) -> int:
    """Drop the answers that wait longest while all that wait are too much for the memory."""
    waiting = [one for one in connections if one.write_due < _NEVER]
    unread, dropped = sum(one.unread for one in waiting), 0
    if unread <= UNREAD_BYTES_MAX:
        return 0
    for connection in sorted(waiting, key=lambda one: one.write_due):
        if unread <= UNREAD_BYTES_MAX:
            break
        unread -= connection.unread
        connection.leave()
        dropped += 1
    return dropped


def make_room(connections: Collection[PatientProtocol], newcomer: PatientProtocol) -> bool:
    """Send away who has waited longest for nothing: half heads first, then idle, then half bodies.

    Nobody whose request is being answered goes. False when all are; then the newcomer goes.
    """
    waiting = [
        (*one.patience(), number, one) for number, one in enumerate(connections) if one.may_leave
    ]
    waiting = [entry for entry in waiting if entry[-1] is not newcomer]
    waiting.sort(key=lambda entry: entry[:3])
    leaving = waiting[: max(1, len(connections) // MADE_ROOM_SHARE)]
    for _, _, _, connection in leaving:
        connection.leave()
    if leaving:
        _log.info("connections_crowded", ended=len(leaving))
    return bool(leaving)
