"""What only a PostgreSQL log must do: roles, settings, lost connections, text it cannot hold."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from domain.errors import Broken, Refused, Unavailable
from domain.log.leaf import body_hash
from domain.log.port import Appended, CheckpointRow, Condition, NewEvent, QueryItem
from domain.storage.postgres import PostgresLog
from domain.storage.postgres_schema import APPEND_LOCK, create_schema
from tests.conftest import PostgresServer
from tests.storage.builders import event, request
from tests.storage.lines import lossy_line

pytestmark = pytest.mark.postgres
SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture
def log(postgres_url: str) -> Iterator[PostgresLog]:
    create_schema(postgres_url)
    log = PostgresLog(postgres_url)
    yield log
    log.close()


def first(log: PostgresLog, *requests: object) -> Appended:
    outcome = log.append(list(requests))[0]  # type: ignore[arg-type]
    assert isinstance(outcome, Appended), outcome
    return outcome


# ── who may do what ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def clerk_url(postgres_url: str, postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a role that may read and append, and nothing else."""
    name = f"clerk_{postgres_url.rsplit('/', 1)[1]}"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        create_schema(postgres_url, name)
        yield postgres_url.replace("//kontaktlog@", f"//{name}@")
        owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


FORBIDDEN = [
    "INSERT INTO kontaktlog.events SELECT * FROM kontaktlog.events",
    "INSERT INTO kontaktlog.event_tags VALUES ('a', 1)",
    "INSERT INTO kontaktlog.checkpoints VALUES (1, ''::bytea, '', 1)",
    "UPDATE kontaktlog.events SET data = ''::bytea",
    "DELETE FROM kontaktlog.event_tags",
    "TRUNCATE kontaktlog.events",
    "ALTER TABLE kontaktlog.events DISABLE TRIGGER ALL",
    "DROP TABLE kontaktlog.checkpoints",
    "CREATE TABLE kontaktlog.mine (n int)",
    "SELECT kontaktlog.any_match('[]', 0)",
    "SET session_replication_role = 'replica'",
]


def test_a_role_that_may_only_read_and_append_can_do_all_a_log_does(clerk_url: str) -> None:
    log = PostgresLog(clerk_url)
    try:
        needed = Condition((QueryItem(tags=("z",)),))
        assert first(log, request(event(tags=("a",))), request(condition=needed)).first == 1
        log.add_checkpoint(CheckpointRow(1, bytes(32), "note", 1))
        assert log.checkpoint() == CheckpointRow(1, bytes(32), "note", 1)
        assert [row.position for row in log.matching([QueryItem(tags=("a",))])] == [1]
        assert log.wait(0, 5)
        log.probe()
        create_schema(clerk_url)  # a start-up of the application may try, and changes nothing
    finally:
        log.close()


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_a_role_that_may_only_read_and_append_can_do_nothing_else(
    clerk_url: str, statement: str
) -> None:
    with (
        psycopg.connect(clerk_url) as clerk,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        clerk.execute(statement.encode())


@pytest.mark.parametrize("table", ["events", "event_tags", "checkpoints"])
@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize("change", ["TRUNCATE", "DELETE FROM"])
def test_the_owner_cannot_empty_a_table_even_as_a_replica(
    log: PostgresLog, postgres_url: str, table: str, role: str, change: str
) -> None:
    log.append([request(event(tags=("a",)))])
    log.add_checkpoint(CheckpointRow(1, bytes(32), "note", 1))
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"SET session_replication_role = {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            owner.execute(f"{change} kontaktlog.{table}".encode())
        found = owner.execute(f"SELECT count(*) FROM kontaktlog.{table}".encode()).fetchone()
    assert found == (1,)


def test_the_owner_cannot_replace_an_event_with_on_conflict(
    log: PostgresLog, postgres_url: str
) -> None:
    log.append([request(event(data=b"true"))])
    with (
        psycopg.connect(postgres_url) as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        owner.execute(
            "INSERT INTO kontaktlog.events SELECT * FROM kontaktlog.events"
            " ON CONFLICT (position) DO UPDATE SET data = 'forged'"
        )
    assert log.rows(0)[0].data == b"true"


def test_creating_the_schema_again_keeps_the_log_and_restores_nothing_else(
    log: PostgresLog, postgres_url: str
) -> None:
    log.append([request()])
    create_schema(postgres_url)
    assert first(log, request()).first == 2


def test_a_checkpoint_of_another_root_for_the_same_size_is_broken_evidence(
    log: PostgresLog,
) -> None:
    log.add_checkpoint(CheckpointRow(1, bytes(32), "note", 1))
    with pytest.raises(Broken, match="checkpoint_forked"):
        log.add_checkpoint(CheckpointRow(1, bytes([1] * 32), "note", 1))


# ── settings ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("setting", ["synchronous_commit"])
def test_a_setting_that_loses_acknowledged_writes_is_named(
    log: PostgresLog, postgres_url: str, setting: str
) -> None:
    name = postgres_url.rsplit("/", 1)[1]
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE {name} SET {setting} = off".encode())
    assert log.unsafe_settings() == [f"{setting}=off"]


def test_a_session_with_another_isolation_level_is_refused_by_the_function(
    log: PostgresLog, postgres_url: str
) -> None:
    call = "SELECT kontaktlog.append_batch('{}','{}','{}','{}','{}','{}','{}','{}','{}','{}'"
    with psycopg.connect(postgres_url) as owner:
        owner.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.InvalidTransactionState):
            owner.execute(f"{call},'{{}}','{{}}','{{}}','{{}}','{{}}','hold')".encode())


def test_a_database_whose_default_is_serializable_still_appends_in_order(
    log: PostgresLog, postgres_url: str
) -> None:
    name = postgres_url.rsplit("/", 1)[1]
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(
            f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'".encode()
        )
    assert [first(log, request()).first for _ in range(3)] == [1, 2, 3]


def test_a_server_that_only_reads_is_unavailable_and_serves_reads(
    log: PostgresLog, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.storage.postgres.RECOVERY_SECONDS_MAX", 0.2)
    log.append([request()])
    name = postgres_url.rsplit("/", 1)[1]
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
        owner.execute(SESSIONS)
        with pytest.raises(Unavailable):
            log.append([request()])
        with pytest.raises(Unavailable):
            log.probe()
        assert log.head() == 1
        owner.execute("SET default_transaction_read_only = off")
        owner.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
        owner.execute(SESSIONS)
    log.probe()
    assert first(log, request()).first == 2


def test_a_database_without_the_schema_is_unavailable(postgres_url: str) -> None:
    log = PostgresLog(postgres_url)
    for attempt in (log.probe, log.head, lambda: log.append([request()])):
        with pytest.raises(Unavailable):
            attempt()
    log.close()


def test_a_server_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.storage.postgres.RECOVERY_SECONDS_MAX", 0.1)
    log = PostgresLog("postgresql://kontaktlog@127.0.0.1:1/none")
    for attempt in (log.probe, log.head, lambda: log.append([request()]), lambda: log.wait(0, 0.1)):
        with pytest.raises(Unavailable, match="store_unavailable"):
            attempt()
    with pytest.raises(Unavailable):
        create_schema("postgresql://kontaktlog@127.0.0.1:1/none")
    log.close()


# ── text that PostgreSQL cannot hold ─────────────────────────────────────────────────────────────


def odd(kind: str, tag: str) -> NewEvent:
    raw = event()
    body = body_hash(raw.event_id, "noted/1", "[]", b"", b"", None, None, None)
    return NewEvent(raw.event_id, kind, (tag,), "[]", b"", b"", body)


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_text_it_cannot_hold_is_refused_and_harms_no_neighbour(log: PostgresLog, text: str) -> None:
    batch = [request(), request(odd(text, "t")), request(odd("noted/1", text)), request()]
    outcomes = log.append(batch)
    assert [getattr(outcome, "first", None) for outcome in outcomes] == [1, None, None, 2]
    assert all(isinstance(outcome, Refused) for outcome in outcomes[1:3])


# ── lost connections ─────────────────────────────────────────────────────────────────────────────


def test_sessions_ended_by_the_administrator_are_opened_again(
    log: PostgresLog, postgres_url: str
) -> None:
    log.append([request()])
    assert not log.wait(1, 0)
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(SESSIONS)
        assert log.head() == 1
        assert not log.wait(1, 0.1)
        assert first(log, request()).first == 2
        owner.execute(SESSIONS)
    assert log.wait(1, 5)


def append_while_locked(
    log: PostgresLog, owner: "psycopg.Connection[tuple[object, ...]]", *requests: object
) -> tuple[threading.Thread, list[object]]:
    """Start an append that queues for the lock `owner` holds; return once it queues."""
    outcomes: list[object] = []
    thread = threading.Thread(target=lambda: outcomes.extend(log.append(list(requests))))  # type: ignore[arg-type]
    thread.start()
    while owner.execute(WAITING).fetchone() != (1,):
        assert thread.is_alive()
    return thread, outcomes


def test_an_append_whose_session_dies_before_storing_is_stored_once(
    log: PostgresLog, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("SELECT pg_advisory_lock(%s)", (APPEND_LOCK,))
        thread, outcomes = append_while_locked(log, owner, request(), request())
        owner.execute(SESSIONS)
        owner.execute("SELECT pg_advisory_unlock(%s)", (APPEND_LOCK,))
        thread.join()
    assert [outcome[:2] for outcome in outcomes] == [(1, 1), (2, 1)]  # type: ignore[index]
    assert log.head() == 2


def test_an_append_stored_although_its_answer_was_lost_is_found_and_not_stored_again(
    log: PostgresLog, postgres_url: str, postgres_server: PostgresServer
) -> None:
    known = event()
    log.append([request(known)])
    with lossy_line(postgres_server.port) as line:
        far = PostgresLog(postgres_url.replace(str(postgres_server.port), str(line.port)))
        far.append([request()])
        line.lose_next_answer()
        changed = request(event(data=b"changed", event_id=known.event_id))
        taken = request(event(), known)
        outcomes = far.append([request(event(), event()), changed, request(), taken])
        assert line.lost == 1
        far.close()
    # New, there before with other content, new, refused: as if the answer had come.
    assert [getattr(o, "first", None) for o in outcomes] == [3, 1, 5, None]
    assert [getattr(o, "duplicate", None) for o in outcomes] == [False, True, False, None]
    assert log.head() == 5


def test_a_condition_that_held_is_not_judged_again_by_its_own_lost_answer(
    log: PostgresLog, postgres_url: str, postgres_server: PostgresServer
) -> None:
    with lossy_line(postgres_server.port) as line:
        far = PostgresLog(postgres_url.replace(str(postgres_server.port), str(line.port)))
        far.append([request()])
        line.lose_next_answer()
        needed = Condition((QueryItem(tags=("a",)),))
        (outcome,) = far.append([request(event(tags=("a",)), condition=needed)])
        far.close()
    assert outcome == Appended(2, 1, log.rows(1)[0].recorded_at)
    assert log.head() == 2


def test_a_lock_held_too_long_is_unavailable_and_nothing_is_stored(
    log: PostgresLog, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.storage.postgres_connections.LOCK_MILLISECONDS_MAX", 50)
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("SELECT pg_advisory_lock(%s)", (APPEND_LOCK,))
        with pytest.raises(Unavailable, match="55P03"):
            log.append([request()])
        # Told to, not left to the end of the session, which comes when the server gets to it.
        owner.execute("SELECT pg_advisory_unlock(%s)", (APPEND_LOCK,))
    assert log.head() == 0
    assert first(log, request()).first == 1
