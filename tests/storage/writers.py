"""What the processes of the storage proofs do; kept importable, because they start afresh."""

import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from domain.errors import Unavailable
from domain.log.port import Append, Appended, Outcome
from tests.storage.builders import event, request
from tests.storage.histories import Write
from tests.storage.places import AnyLog, Place

Line: TypeAlias = "Connection[Any, Any]"


def append_once(place: Place, line: Line) -> None:
    """Say ready, wait for the word, append one event and tell that it was acknowledged."""
    log = place.open()
    log.head()
    line.send("ready")
    line.recv()
    log.append([request(event())])
    line.send("done")
    log.close()


def append_many(place: Place, writer: int, batches: Sequence[int], line: Line) -> None:
    """Append batches of the given sizes as fast as possible; send what was acknowledged."""
    log = place.open()
    log.head()
    line.send("ready")
    line.recv()
    history: list[Write] = []
    for size in batches:
        history += _append(log, writer, len(history), size)
    line.send(history)
    log.close()


def append_until_told(place: Place, writer: int, line: Line) -> None:
    """Append through every outage, the same events again when unavailable, until told to stop."""
    log = place.open()
    history: list[Write] = []
    line.send("ready")
    while not line.poll():
        history += _append(log, writer, len(history), 1 + len(history) % 3)
    line.send(history)
    log.close()


def _append(log: AnyLog, writer: int, done: int, size: int) -> list[Write]:
    numbers = range(done, done + size)
    batch = [request(event(data=b"[%d,%d]" % (writer, number))) for number in numbers]
    sent = time.monotonic()
    outcomes = _until_stored(log, batch)
    told = time.monotonic()
    positions = [o.first for o in outcomes if isinstance(o, Appended)]
    return [Write(writer, n, sent, told, p) for n, p in zip(numbers, positions, strict=True)]


def _until_stored(log: AnyLog, batch: Sequence[Append]) -> list[Outcome]:
    while True:
        try:
            return log.append(batch)
        except Unavailable as error:
            if error.code != "store_unavailable":
                raise
