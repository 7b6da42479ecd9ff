"""The eventsourcing library's two recorder interfaces as faces over one of our logs.

`DcbFace(log)` is a `DCBRecorder`, `ApplicationFace(log)` an `ApplicationRecorder`; both write and
read the very rows our own code does. They are adapters and not base classes: the library's `append`
means something else than the log's, and its two `subscribe` differ from each other. What a log must
offer beyond `Log` is the one method of `StreamLog`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBReadResponse,
    DCBRecorder,
    DCBSequencedEvent,
    DCBSubscription,
)
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Notification,
    ProgrammingError,
    StoredEvent,
    Subscription,
)

from domain.errors import DomainError
from domain.log.leaf import body_hash
from domain.log.port import (
    PAGE_ROWS_MAX,
    Append,
    Appended,
    Condition,
    Log,
    NewEvent,
    QueryItem,
    StoredRow,
)
from domain.storage.clock import new_id

STREAM_ROWS_MAX: Final = 1_000_000
"""Events of one stream read at once: the library folds a whole aggregate in memory."""
VERSION_MAX: Final = 2**63 - 1
WAIT_SECONDS: Final = 0.5
"""How long a subscription waits before it looks whether it was stopped."""
_NO_METADATA: Final = b"{}"


class StreamLog(Log, Protocol):
    """A log that can also read one stream of the library's aggregates."""

    def stream(
        self, stream_id: str, first: int, last: int, limit: int, *, newest_first: bool
    ) -> list[StoredRow]:
        """Return rows of one stream with version in first … last, in order of version."""
        ...


class DcbFace(DCBRecorder):
    """A log as the library's recorder of tagged events."""

    def __init__(self, log: Log) -> None:
        """`log` stays open: whoever opened it closes it."""
        self._log = log

    def read(
        self, query: DCBQuery | None = None, *, after: int | None = None, limit: int | None = None
    ) -> DCBReadResponse:
        """Return matching events; the head is the log's when all were asked for, else the last."""
        head = self._log.head()
        if limit == 0:
            return _Response([], None)
        rows = self._log.matching(_items(query), after or 0, limit)
        # What came in between the two questions is left for the next read: head covers the rest.
        events = [_sequenced(row) for row in rows if row.position <= head]
        if limit is not None:
            return _Response(events, events[-1].position if events else None)
        return _Response(events, head or None)

    def append(
        self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None
    ) -> int:
        """Append events unless the condition fails (IntegrityError); return the last position."""
        if not events:
            message = "there must be at least one event"
            raise ProgrammingError(message)
        needed = None
        if condition is not None:
            needed = Condition(_items(condition.fail_if_events_match), condition.after or 0)
        new = tuple(_tagged_event(event) for event in events)
        appended = _appended(self._log, Append(new, needed))
        return appended.first + appended.size - 1

    def subscribe(
        self, query: DCBQuery | None = None, *, after: int | None = None
    ) -> "DcbFollower":
        """Return matching events as they come, also those of other processes."""
        return DcbFollower(self, query, after)

    def follow(
        self, query: DCBQuery | None, after: int, stopped: Callable[[], bool]
    ) -> Iterator[DCBSequencedEvent]:
        """Yield matching events for ever, until `stopped()`."""
        for page in _pages(self._log, _items(query), after, stopped):
            yield from map(_sequenced, page)


class DcbFollower(DCBSubscription[DcbFace]):
    """An endless iterator over matching events; `stop` ends it within half a second."""

    def __init__(self, face: DcbFace, query: DCBQuery | None, after: int | None) -> None:
        """Start after a position, from the beginning when it is None."""
        super().__init__(face, query, after)
        self._events = face.follow(query, after or 0, lambda: self._has_been_stopped)

    def __next__(self) -> DCBSequencedEvent:
        """Return the next event, waiting for it."""
        if self._has_been_stopped:
            raise StopIteration
        return next(self._events)


class ApplicationFace(ApplicationRecorder):
    """A log as the library's recorder of aggregates; it shows only events that have a stream."""

    def __init__(self, log: StreamLog, originator_id: Callable[[str], UUID | str] = UUID) -> None:
        """`originator_id` makes the library's id of our text: `UUID`, or `str` for text ids."""
        self._log = log
        self._originator_id = originator_id

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        **kwargs: Any,  # noqa: ANN401, ARG002  the library's signature
    ) -> Sequence[int] | None:
        """Store events together; IntegrityError when a version of a stream is taken."""
        if not stored_events:
            return None
        appended = _appended(self._log, Append(tuple(map(_stream_event, stored_events))))
        return list(range(appended.first, appended.first + appended.size))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return events of one stream with gt < version <= lte."""
        first = -VERSION_MAX if gt is None else gt + 1
        last = VERSION_MAX if lte is None else lte
        count = STREAM_ROWS_MAX if limit is None else limit
        rows = self._log.stream(str(originator_id), first, last, count, newest_first=desc)
        return [
            StoredEvent(originator_id, row.stream_version or 0, row.type, row.data) for row in rows
        ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return events of all streams in order of position, `stop` included."""
        after = (start or 0) - (1 if inclusive_of_start and start is not None else 0)
        items = (QueryItem(types=tuple(topics)),)
        found: list[Notification] = []
        while len(found) < limit:
            rows = self._log.matching(items, after, min(limit, PAGE_ROWS_MAX))
            for row in rows:
                if stop is not None and row.position > stop:
                    return found
                if row.stream_id is not None and len(found) < limit:
                    found.append(self.notification(row))
            if not rows:
                break
            after = rows[-1].position
        return found

    def max_notification_id(self) -> int | None:
        """Return the last position of the log, None when it is empty."""
        return self._log.head() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> "ApplicationFollower":
        """Return notifications as they come, also those of other processes."""
        return ApplicationFollower(self, gt, topics)

    def follow(
        self, topics: Sequence[str], after: int, stopped: Callable[[], bool]
    ) -> Iterator[Notification]:
        """Yield notifications for ever, until `stopped()`."""
        for page in _pages(self._log, (QueryItem(types=tuple(topics)),), after, stopped):
            yield from (self.notification(row) for row in page if row.stream_id is not None)

    def notification(self, row: StoredRow) -> Notification:
        """Return a row of a stream as the library knows it."""
        return Notification(
            originator_id=self._originator_id(row.stream_id or ""),
            originator_version=row.stream_version or 0,
            topic=row.type,
            state=row.data,
            id=row.position,
        )


class ApplicationFollower(Subscription[ApplicationFace]):
    """An endless iterator over notifications; `stop` ends it within half a second."""

    def __init__(self, face: ApplicationFace, gt: int | None, topics: Sequence[str]) -> None:
        """Start after a position, from the beginning when it is None."""
        super().__init__(face, gt, topics)
        self._notifications = face.follow(topics, gt or 0, lambda: self._has_been_stopped)

    def __next__(self) -> Notification:
        """Return the next notification, waiting for it."""
        if self._has_been_stopped:
            raise StopIteration
        return next(self._notifications)


class _Response(DCBReadResponse):
    def __init__(self, events: Sequence[DCBSequencedEvent], head: int | None) -> None:
        self._events = iter(events)
        self._head = head

    @property
    def head(self) -> int | None:
        return self._head

    def __next__(self) -> DCBSequencedEvent:
        return next(self._events)


def _pages(
    log: Log, items: Sequence[QueryItem], after: int, stopped: Callable[[], bool]
) -> Iterator[list[StoredRow]]:
    while not stopped():
        head = log.head()
        page = log.matching(items, after, PAGE_ROWS_MAX)
        if page:
            yield page
        if len(page) < PAGE_ROWS_MAX:
            after = max(after, head, page[-1].position if page else 0)
            log.wait(after, WAIT_SECONDS)
        else:
            after = page[-1].position


def _appended(log: Log, request: Append) -> Appended:
    (outcome,) = log.append([request])
    if isinstance(outcome, DomainError):
        raise IntegrityError(outcome.code) from outcome
    return outcome


def _items(query: DCBQuery | None) -> tuple[QueryItem, ...]:
    if query is None or not query.items:
        return (QueryItem(),)  # every event
    return tuple(QueryItem(tuple(item.types), tuple(item.tags)) for item in query.items)


def _sequenced(row: StoredRow) -> DCBSequencedEvent:
    return DCBSequencedEvent(DCBEvent(row.type, row.data, orjson.loads(row.tags)), row.position)


def _tagged_event(event: DCBEvent) -> NewEvent:
    tags_text = orjson.dumps(event.tags).decode()
    raw = UUID(new_id()).bytes
    body = body_hash(raw, event.type, tags_text, _NO_METADATA, event.data, None, None, None)
    tags = tuple(dict.fromkeys(event.tags))
    return NewEvent(raw, event.type, tags, tags_text, _NO_METADATA, event.data, body)


def _stream_event(event: StoredEvent) -> NewEvent:
    raw, stream_id, version = (
        UUID(new_id()).bytes,
        str(event.originator_id),
        event.originator_version,
    )
    state = bytes(event.state)
    body = body_hash(raw, event.topic, "[]", _NO_METADATA, state, stream_id, version, None)
    return NewEvent(raw, event.topic, (), "[]", _NO_METADATA, state, body, stream_id, version)
