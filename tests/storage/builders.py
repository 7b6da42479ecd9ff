"""Events and requests for tests of the stores, without meaning in the domain."""

from collections.abc import Sequence
from uuid import UUID

import orjson

from domain.log.leaf import body_hash
from domain.log.port import Append, Condition, NewEvent
from domain.storage.clock import new_id

METADATA = b'{"actor":"a1"}'


def event(
    kind: str = "noted/1",
    tags: Sequence[str] = (),
    data: bytes = b"{}",
    *,
    event_id: bytes | None = None,
    key: bytes | None = None,
    stream: tuple[str, int] | None = None,
) -> NewEvent:
    """One event ready to be stored, with an id of its own unless one is given."""
    raw = event_id or UUID(new_id()).bytes
    kept = tuple(sorted(set(tags)))
    text = orjson.dumps(kept).decode()
    stream_id, version = stream or (None, None)
    body = body_hash(raw, kind, text, METADATA, data, stream_id, version, key)
    return NewEvent(raw, kind, kept, text, METADATA, data, body, stream_id, version, key)


def request(*events: NewEvent, condition: Condition | None = None) -> Append:
    """One request of one or more events."""
    return Append(events or (event(),), condition)


def clock_step(previous: int, observed: int) -> NewEvent:
    """What records a clock gone back, as the product's own callback would make it."""
    data = orjson.dumps({"previous": previous, "observed": observed})
    return event("log.clock_stepped_back/1", ("log:clock",), data)
