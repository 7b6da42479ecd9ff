"""Many processes write one log: order, gaps, real time (C1), servers that fall over (D7)."""

import json
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

import psycopg
import pytest

from tests.conftest import PostgresServer
from tests.proof.service import until
from tests.storage.histories import Row, Write, faults
from tests.storage.lines import lossy_line
from tests.storage.places import AnyLog, Place
from tests.storage.writers import append_many, append_until_told

WRITERS = 4
BATCHES = [1, 1, 3, 1, 10] * 20
RESTARTS = 5
TERMINATIONS_BETWEEN = 3
SPAWN = multiprocessing.get_context("spawn")
SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@contextmanager
def processes(
    target: Callable[..., None], *arguments: tuple[object, ...]
) -> Iterator[list["Connection[Any, Any]"]]:
    """Start a process for each tuple of arguments, with a line to each; end all afterwards."""
    lines: list[Connection[Any, Any]] = []
    started: list[SpawnProcess] = []
    try:
        for given in arguments:
            ours, theirs = SPAWN.Pipe()
            process = SPAWN.Process(target=target, args=(*given, theirs))
            process.start()
            started.append(process)
            lines.append(ours)
        for line in lines:
            assert line.recv() == "ready"
        yield lines
    finally:
        for process in started:
            process.join(30)
            process.kill()


def stored_rows(place: Place) -> list[Row]:
    rows = place.run("SELECT position, data FROM {s}events ORDER BY position")
    return [Row(position, *json.loads(bytes(data))) for position, data in rows]


def follow(log: AnyLog, stop: threading.Event) -> list[list[int]]:
    """Poll like a follower that takes what it sees for all there is so far."""
    seen: list[list[int]] = []
    after, last = 0, False
    while True:
        last = stop.is_set()
        page = [row.position for row in log.rows(after, 100)]
        if page:
            seen.append(page)
            after = page[-1]
        elif last:
            return seen


# ── C1: concurrent writers, one follower ─────────────────────────────────────────────────────────


@pytest.mark.timeout(600)
def test_processes_that_write_at_once_make_one_dense_order_in_real_time(
    log: AnyLog, place: Place
) -> None:
    stop = threading.Event()
    seen: list[list[int]] = []
    follower = threading.Thread(target=lambda: seen.extend(follow(log, stop)))
    follower.start()
    arguments = [(place, writer, BATCHES) for writer in range(WRITERS)]
    try:
        with processes(append_many, *arguments) as lines:
            for line in lines:
                line.send("go")
            writes: list[Write] = [write for line in lines for write in line.recv()]
    finally:
        stop.set()
        follower.join()
    assert len(writes) == WRITERS * sum(BATCHES)
    assert faults(writes, stored_rows(place), seen) == set()
    assert sum(map(len, seen)) == len(writes)


GOOD = [Write(1, 0, 0.0, 1.0, 1), Write(2, 0, 0.5, 1.5, 2), Write(1, 1, 2.0, 3.0, 3)]
ROWS = [Row(write.position, write.writer, write.number) for write in GOOD]
BAD: list[tuple[str, list[Write], list[Row], list[list[int]]]] = [
    ("not dense", GOOD[:2], [ROWS[0], ROWS[1], Row(4, 3, 0)], []),
    ("not dense", [], [Row(2, 1, 0)], []),
    ("doubled", GOOD, [*ROWS, Row(4, 1, 1)], []),
    ("lost", GOOD, ROWS[:2], []),
    ("acknowledged elsewhere", GOOD, [ROWS[1]._replace(position=1), *ROWS[:1], ROWS[2]], []),
    ("writer out of order", [], [Row(1, 1, 1), Row(2, 1, 0)], []),
    ("follower missed one", GOOD, ROWS, [[1], [3]]),
    ("follower missed one", GOOD, ROWS, [[1, 3], [2]]),
    ("follower missed one", GOOD, ROWS, [[2, 3]]),
    ("real time broken", [Write(1, 0, 0.0, 1.0, 2), Write(2, 0, 2.0, 3.0, 1)], [], []),
    ("real time broken", [Write(1, 0, 0.0, 9.0, 1), *GOOD[1:], Write(3, 0, 4.0, 5.0, 2)], [], []),
]


def test_the_oracle_finds_nothing_wrong_with_a_good_history() -> None:
    assert faults(GOOD, ROWS, [[1], [2, 3]]) == set()
    overlapping = [Write(1, 0, 0.0, 2.0, 2), Write(2, 0, 1.0, 3.0, 1)]
    assert faults(overlapping, [Row(1, 2, 0), Row(2, 1, 0)]) == set()


@pytest.mark.parametrize(("fault", "writes", "rows", "seen"), BAD)
def test_the_oracle_catches_each_planted_fault(
    fault: str, writes: list[Write], rows: list[Row], seen: list[list[int]]
) -> None:
    assert fault in faults(writes, rows, seen)


@pytest.mark.postgres
def test_the_oracle_catches_a_store_that_numbers_by_a_sequence(postgres_url: str) -> None:
    """What many stores do: number first, commit later. A follower in between skips for ever."""
    with (
        psycopg.connect(postgres_url) as slow,
        psycopg.connect(postgres_url, autocommit=True) as quick,
    ):
        quick.execute("CREATE TABLE wrong (position bigserial PRIMARY KEY, writer int)")
        slow.execute("INSERT INTO wrong (writer) VALUES (1)")
        quick.execute("INSERT INTO wrong (writer) VALUES (2)")
        read = "SELECT position FROM wrong WHERE position > %s ORDER BY position"
        seen = [[row[0] for row in quick.execute(read, (0,))]]
        slow.commit()
        seen.append([row[0] for row in quick.execute(read, (seen[0][-1],))])
        rows = quick.execute("SELECT position, writer, 0 FROM wrong ORDER BY 1").fetchall()
    assert faults([], [Row(*row) for row in rows], seen) == {"follower missed one"}


# ── D7: a server that falls over under load ──────────────────────────────────────────────────────


@pytest.mark.fault
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_nothing_is_lost_or_doubled_while_the_server_restarts_and_sessions_die(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    place = Place("postgres", postgres_url)
    place.create()
    with processes(append_until_told, *[(place, writer) for writer in range(3)]) as lines:
        for _ in range(RESTARTS):
            for _ in range(TERMINATIONS_BETWEEN):
                wait_for_growth(place)
                place.run(SESSIONS)
            wait_for_growth(place)
            postgres_server.stop("immediate")
            postgres_server.start()
        wait_for_growth(place)
        for line in lines:
            line.send("stop")
        writes: list[Write] = [write for line in lines for write in line.recv()]
    rows = stored_rows(place)
    assert faults(writes, rows) == set()
    assert len(rows) == len(writes)


def wait_for_growth(place: Place, events: int = 30) -> None:
    """Wait until the writers have got somewhere again, so that each blow meets work in flight."""
    head = "SELECT coalesce(max(position), 0) FROM {s}events"
    wanted = place.run(head)[0][0] + events
    until(lambda: place.run(head)[0][0] >= wanted, "more of the writers")


@pytest.mark.postgres
def test_the_oracle_catches_a_writer_that_blindly_sends_again(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    with (
        psycopg.connect(postgres_url, autocommit=True) as owner,
        lossy_line(postgres_server.port) as line,
    ):
        owner.execute("CREATE TABLE wrong (position bigserial PRIMARY KEY, writer int)")
        far = postgres_url.replace(str(postgres_server.port), str(line.port))
        told = None
        while told is None:
            with psycopg.connect(far, autocommit=True) as writer:
                if not line.lost:
                    line.lose_next_answer()
                try:
                    insert = "INSERT INTO wrong (writer) VALUES (1) RETURNING position"
                    told = writer.execute(insert).fetchone()
                except psycopg.OperationalError:
                    continue
        rows = owner.execute("SELECT position, writer, 0 FROM wrong ORDER BY 1").fetchall()
    writes = [Write(1, 0, 0.0, 1.0, int(told[0]))]
    assert faults(writes, [Row(*row) for row in rows]) == {"doubled"}
