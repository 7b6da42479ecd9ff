"""The log in one PostgreSQL schema: one function call per batch, any number of processes.

The order is made inside the function, under one advisory lock, so position is commit order and no
reader needs gap logic. `postgres_schema.py` holds the function and says who may do what.
"""

import json
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from domain.errors import Broken, Conflict, DomainError, Refused, Unavailable
from domain.log.leaf import leaf_hash
from domain.log.port import (
    PAGE_ROWS_MAX,
    Append,
    Appended,
    CheckpointRow,
    NewEvent,
    Outcome,
    QueryItem,
    StoredRow,
)
from domain.storage.positions import position_at
from domain.storage.postgres_connections import (
    Connection,
    Listener,
    Readers,
    bigints,
    byteas,
    connect,
    ints,
    is_lost,
    know_packed_arrays,
    seconds_left,
    texts,
    unavailable,
)
from domain.storage.postgres_schema import APPEND_LOCK, CHANNEL, create_schema

__all__ = ["PostgresLog", "StagedBatch", "create_schema"]

RECOVERY_SECONDS_MAX: Final = 5.0
"""How long a batch waits for a lost server to come back before it is answered as unavailable."""
RECOVERY_PAUSE_SECONDS: Final = 0.05
CLOCK_TAG: Final = "log:clock"
COLUMNS: Final = (
    "position, recorded_at, event_id, type, tags, metadata, data, stream_id, stream_version,"
    " key_hash, leaf"
)
SELECT_ROWS: Final = f"SELECT {COLUMNS} FROM kontaktlog.events"
_APPEND: Final = (
    b"SELECT * FROM kontaktlog.append_batch(%b,%b,%b,%b,%b,%b,%b,%b,%b,%b,%b,%b,%b,%b,%b,%s)"
)
_SETTLE: Final = (
    "SELECT event_id, position, recorded_at, leaf FROM kontaktlog.events"
    " WHERE event_id = ANY(%s::bytea[])"
)
_UNSAFE: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# tuple.__new__ skips the length check of StoredRow._make, in Python, for every row of a replay.
_as_row = partial(tuple.__new__, StoredRow)
_Answer = tuple[str, int, int, int]


def _stored_rows(_cursor: object) -> Callable[[Sequence[Any]], StoredRow]:
    return _as_row


class PostgresLog:
    """One log in schema `kontaktlog` of one database; implements `domain.log.port.Log`."""

    def __init__(
        self, conninfo: str, *, clock_step: Callable[[int, int], NewEvent] | None = None
    ) -> None:
        """Connect when first needed. `create_schema` must have been run once before.

        `clock_step(previous, observed)`, both in µs, makes the event that records a server clock
        set back; without it times are held level until the clock has caught up.
        """
        self._conninfo = conninfo
        self.clock_step = clock_step
        self._readers = Readers(conninfo)
        self._listener = Listener(conninfo, CHANNEL)
        self._writing = threading.Lock()
        self._writer: Connection | None = None

    # --- writing ------------------------------------------------------------------------------

    def stage(self, batch: Sequence[Append]) -> "StagedBatch":
        """Remember the batch; a network call belongs in the writer's thread, with `commit`."""
        return StagedBatch(self, batch)

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """Store a batch in one transaction; return one outcome per request, in order.

        Raises Unavailable(`store_unavailable` or `store_full`) when nothing was stored, or when
        the server went away for good before telling; the same batch may then be sent again.
        """
        outcomes: dict[int, Outcome] = {}
        deadline = time.monotonic() + RECOVERY_SECONDS_MAX
        unsure = False
        with self._writing:
            while len(outcomes) < len(batch):
                waiting = {n: request for n, request in enumerate(batch) if n not in outcomes}
                storing = False
                try:
                    connection = self._connected()
                    if unsure:
                        outcomes |= _settled(connection, waiting)
                        unsure = False
                        continue
                    storing = True
                    stored = self._store(connection, list(waiting.values()))
                    outcomes.update(zip(waiting, stored, strict=True))
                except (UnicodeEncodeError, psycopg.DataError) as error:
                    refused = {n: _REFUSED for n in waiting if not _is_storable(waiting[n])}
                    if not refused:
                        raise Unavailable("store_unavailable", reason="data") from error
                    outcomes |= refused
                except psycopg.Error as error:
                    unsure = unsure or (storing and self._is_gone(error))
                    self._recover(error, deadline)
        return [outcomes[n] for n in range(len(batch))]

    def _connected(self) -> Connection:
        if self._writer is None or self._writer.closed:
            self._writer = connect(self._conninfo, writing=True)
            know_packed_arrays(self._writer)
        return self._writer

    def _is_gone(self, error: psycopg.Error) -> bool:
        return is_lost(self._writer, error)

    def _recover(self, error: psycopg.Error, deadline: float) -> None:
        """Give up the connection and wait a little; raise when waiting is no use, or no longer."""
        if not self._is_gone(error):
            raise unavailable(error) from error
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if not seconds_left(deadline):
            raise unavailable(error) from error
        time.sleep(min(RECOVERY_PAUSE_SECONDS, seconds_left(deadline)))

    def _store(self, connection: Connection, batch: Sequence[Append]) -> list[Outcome]:
        """Call the function, with the event of a clock step first if it asks for one."""
        while True:
            asked = _call(connection, batch, "ask" if self.clock_step else "hold")
            if asked[0][0] != "clock" or self.clock_step is None:
                return _outcomes(asked, batch)
            step = Append((self.clock_step(asked[0][1], asked[0][3]),))
            answers = _call(connection, [step, *batch], "step")
            if answers[0][0] != "clock":  # else another process recorded the step meanwhile
                return _outcomes(answers, [step, *batch])[1:]

    # --- reading ------------------------------------------------------------------------------

    def head(self) -> int:
        """Return the last position, 0 when the log is empty."""
        found = self._tuples("SELECT coalesce(max(position), 0) FROM kontaktlog.events")
        return int(found[0][0])

    def rows(self, after: int, limit: int = PAGE_ROWS_MAX) -> list[StoredRow]:
        """Return rows with position > after, in order, at most `limit`."""
        return self._rows(
            f"{SELECT_ROWS} WHERE position > %s ORDER BY position LIMIT %s", after, limit
        )

    def row_of(self, event_id: bytes) -> StoredRow | None:
        """Return the row of an event id."""
        return next(iter(self._rows(f"{SELECT_ROWS} WHERE event_id = %s", event_id)), None)

    def row_of_key(self, key_hash: bytes) -> StoredRow | None:
        """Return the row stored under an idempotency key."""
        return next(iter(self._rows(f"{SELECT_ROWS} WHERE key_hash = %s", key_hash)), None)

    def matching(
        self, items: Sequence[QueryItem], after: int = 0, limit: int | None = None
    ) -> list[StoredRow]:
        """Return rows that match any item, in order of position; no items match every event."""
        chosen, parameters = _positions_sql(items or [QueryItem()], after, limit)
        # The array is found first, then its rows by key: a plan that no statistics can spoil.
        return self._rows(
            f"{SELECT_ROWS} WHERE position = ANY(ARRAY({chosen})) ORDER BY position", *parameters
        )

    def stream(
        self, stream_id: str, first: int, last: int, limit: int, *, newest_first: bool
    ) -> list[StoredRow]:
        """Return rows of one stream with version in first … last (for the library's recorder)."""
        order = "DESC" if newest_first else "ASC"
        return self._rows(
            f"{SELECT_ROWS} WHERE stream_id = %s AND stream_version BETWEEN %s AND %s"
            f" ORDER BY stream_version {order} LIMIT %s",
            stream_id,
            first,
            last,
            limit,
        )

    def leaves(self, first: int, count: int) -> list[bytes]:
        """Return leaf hashes of positions first … first + count - 1 (fewer at the end)."""
        found = self._tuples(
            "SELECT leaf FROM kontaktlog.events WHERE position BETWEEN %s AND %s ORDER BY position",
            first,
            first + count - 1,
        )
        return [row[0] for row in found]

    def position_at(self, moment: int) -> int:
        """Return the last position known at a moment (microseconds since 1970), 0 if none."""
        steps = self._tuples(
            "SELECT position FROM kontaktlog.event_tags WHERE tag = %s ORDER BY position", CLOCK_TAG
        )
        return position_at(moment, self.head(), self._recorded_at, [row[0] for row in steps])

    def _recorded_at(self, position: int) -> int:
        found = self._tuples(
            "SELECT recorded_at FROM kontaktlog.events WHERE position = %s", position
        )
        if not found:
            raise Broken("log_broken", reason="position_missing", position=position)
        return int(found[0][0])

    def _rows(self, query: str, *parameters: object) -> list[StoredRow]:
        return self._readers.fetch(query, parameters, _stored_rows)

    def _tuples(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self._readers.fetch(query, parameters, tuple_row)

    # --- checkpoints --------------------------------------------------------------------------

    def add_checkpoint(self, row: CheckpointRow) -> None:
        """Keep a published checkpoint; the same size and root again is no error.

        Raises Broken when another root is published for that size: the tree has forked.
        """
        query = "SELECT kontaktlog.add_checkpoint(%s, %s, %s, %s)"
        if not self._tuples(query, *row)[0][0]:
            raise Broken("log_broken", reason="checkpoint_forked", size=row.size)

    def checkpoint(self, at_least: int = 0) -> CheckpointRow | None:
        """Return the newest checkpoint, or the smallest that covers `at_least` when that is > 0."""
        order = "ASC" if at_least > 0 else "DESC"
        found = self._tuples(
            "SELECT size, root, note, recorded_at FROM kontaktlog.checkpoints"
            f" WHERE size >= %s ORDER BY size {order} LIMIT 1",
            at_least,
        )
        return CheckpointRow(*found[0]) if found else None

    # --- following and keeping ----------------------------------------------------------------

    def wait(self, after: int, seconds: float) -> bool:
        """Wait until the head is past `after`; an unreachable server counts as no news yet."""
        deadline = time.monotonic() + seconds
        while True:
            mark = self._listener.ready()
            try:
                if self.head() > after:
                    return True
            except Unavailable:
                if not seconds_left(deadline):
                    raise
            if not seconds_left(deadline):
                return False
            self._listener.pause(mark, seconds_left(deadline))

    def probe(self) -> None:
        """Raise Unavailable unless this server takes writes and has our function."""
        found = self._tuples(
            "SELECT current_setting('transaction_read_only') = 'off' AND"
            " coalesce(has_function_privilege(to_regproc('kontaktlog.append_batch'), 'EXECUTE'),"
            " false)"
        )
        if found != [(True,)]:
            raise Unavailable("store_unavailable", reason="not_writable")

    def unsafe_settings(self) -> list[str]:
        """Name every setting of the server that could lose acknowledged writes."""
        found = self._tuples(
            "SELECT name, setting FROM pg_catalog.pg_settings WHERE name = ANY(%s) ORDER BY name",
            list(_UNSAFE),
        )
        return [f"{name}={setting}" for name, setting in found if _UNSAFE[name] == setting]

    def close(self) -> None:
        """Release every connection."""
        self._listener.close()
        self._readers.close()
        with self._writing:
            if self._writer is not None:
                self._writer.close()
                self._writer = None


class StagedBatch:
    """A batch on its way into a PostgresLog; `commit` is called exactly once."""

    def __init__(self, log: PostgresLog, batch: Sequence[Append]) -> None:
        """Nothing has been sent yet."""
        self._log = log
        self._batch = batch

    def commit(self) -> list[Outcome]:
        """Send the batch and wait until it is durable; return one outcome per request."""
        return self._log.append(self._batch)


_REFUSED: Final = Refused("invalid_input", reason="text_not_storable")


def _call(connection: Connection, batch: Sequence[Append], clock: str) -> list[_Answer]:
    events = list(chain.from_iterable(request.events for request in batch))
    conditions: list[str | None] = [_condition_text(request) for request in batch]
    parameters = (
        ints([len(request.events) for request in batch]),
        ints([sum(len(event.tags) for event in request.events) for request in batch]),
        texts(conditions),
        bigints([request.condition.after if request.condition else None for request in batch]),
        byteas([event.event_id for event in events]),
        texts([event.type for event in events]),
        texts([event.tags_text for event in events]),
        byteas([event.metadata for event in events]),
        byteas([event.data for event in events]),
        byteas([event.body for event in events]),
        texts([event.stream_id for event in events]),
        bigints([event.stream_version for event in events]),
        byteas([event.key_hash for event in events]),
        texts([tag for event in events for tag in event.tags]),
        ints([number for number, event in enumerate(events, 1) for _ in event.tags]),
        clock,
    )
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    return cursor.execute(_APPEND, parameters, prepare=True).fetchall()


def _condition_text(request: Append) -> str | None:
    if request.condition is None:
        return None
    items = request.condition.items or (QueryItem(),)
    return json.dumps([[item.types, item.tags] for item in items])


def _outcomes(answers: Sequence[_Answer], batch: Sequence[Append]) -> list[Outcome]:
    if answers[0][0] != "all":
        return [_outcome(*answer) for answer in answers]
    _, first, _, recorded_at = answers[0]
    outcomes: list[Outcome] = []
    for request in batch:
        outcomes.append(Appended(first, len(request.events), recorded_at))
        first += len(request.events)
    return outcomes


def _outcome(answer: str, first: int, number: int, recorded_at: int) -> Appended | DomainError:
    match answer:
        case "stored":
            return Appended(first, number, recorded_at)
        case "duplicate":
            return Appended(first, number, recorded_at, duplicate=True)
        case "condition":
            return Conflict("condition_failed")
        case "stream":
            return Conflict("stream_version_taken")
        case _:  # the id or key of an event that is not the request's first stands in the log
            return Conflict("event_id_reused")


def _settled(connection: Connection, waiting: dict[int, Append]) -> dict[int, Appended]:
    """Ask which requests of a batch with unknown outcome are in the log after all.

    The lock makes the question wait for a commit that is still under way. A row with the very
    leaf our event would have is ours; any other row under its id was there before.
    """
    ids = [request.events[0].event_id for request in waiting.values()]
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (APPEND_LOCK,))
        cursor = connection.cursor(binary=True, row_factory=tuple_row)
        rows = {row[0]: row[1:] for row in cursor.execute(_SETTLE, (ids,)).fetchall()}
    settled: dict[int, Appended] = {}
    for number, request in waiting.items():
        event = request.events[0]
        if event.event_id in rows:
            first, recorded_at, leaf = rows[event.event_id]
            ours = leaf == leaf_hash(first, recorded_at, event.body)
            settled[number] = Appended(first, len(request.events), recorded_at, duplicate=not ours)
    return settled


def _is_storable(request: Append) -> bool:
    """Whether PostgreSQL can hold the text of a request: no NUL, no lone surrogate."""
    for event in request.events:
        text = "".join((event.type, event.tags_text, event.stream_id or "", *event.tags))
        if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            return False
    return True


def _positions_sql(
    items: Sequence[QueryItem], after: int, limit: int | None
) -> tuple[str, list[object]]:
    """Return SQL for the first `limit` positions that match any item, in order."""
    parts: list[str] = []
    parameters: list[object] = []
    for item in items:
        sql, values = _item_sql(item, after)
        parts.append(f"({sql} ORDER BY 1 LIMIT %s)")
        parameters += [*values, limit]
    if len(parts) == 1:
        return parts[0], parameters
    return f"{' UNION '.join(parts)} ORDER BY 1 LIMIT %s", [*parameters, limit]


def _item_sql(item: QueryItem, after: int) -> tuple[str, list[object]]:
    types = list(item.types)
    if not item.tags:
        kinds = " AND type = ANY(%s)" if types else ""
        values: list[object] = [after, types] if types else [after]
        return f"SELECT position FROM kontaktlog.events WHERE position > %s{kinds}", values
    joins = "".join(
        f" JOIN kontaktlog.event_tags t{n} ON t{n}.position = t0.position AND t{n}.tag = %s"
        for n in range(1, len(item.tags))
    )
    kinds = (
        " JOIN kontaktlog.events e ON e.position = t0.position AND e.type = ANY(%s)"
        if types
        else ""
    )
    sql = (
        f"SELECT t0.position FROM kontaktlog.event_tags t0{joins}{kinds}"
        " WHERE t0.tag = %s AND t0.position > %s"
    )
    return sql, [*item.tags[1:], *([types] if types else []), item.tags[0], after]
