"""The views' database: snapshots, undoing, one follower, and errors that may be retried."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from domain.errors import Unavailable
from projections.connections import FollowerLock, SqliteDatabase
from projections.storage import IDLE_CONNECTIONS_MAX, ViewStore, open_views
from tests.proof.service import until

TABLE = "CREATE TABLE kept_{v} (n {bigint} PRIMARY KEY, t {text}, b {blob}) {clustered}"


@pytest.fixture
def kept(store: ViewStore) -> ViewStore:
    """A store with one table of one row."""
    with store.writing() as tx:
        tx.run(store.ddl(TABLE, "x_1_1"))
        tx.run("INSERT INTO kept_x_1_1 VALUES (?, ?, ?)", (1, "é%?", b"\x00"))
    return store


def numbers(store: ViewStore) -> list[int]:
    with store.reading() as reader:
        return [row[0] for row in reader.all("SELECT n FROM kept_x_1_1 ORDER BY n")]


def test_values_come_back_as_they_went_in(kept: ViewStore) -> None:
    with kept.reading() as reader:
        row = reader.one("SELECT n, t, b FROM kept_x_1_1 WHERE t LIKE 'é%' AND n = ?", (1,))
        assert row == (1, "é%?", b"\x00")
        assert reader.one("SELECT n FROM kept_x_1_1 WHERE n = ?", (2,)) is None
        assert list(reader.each("SELECT n, b FROM kept_x_1_1")) == [(1, b"\x00")]


def test_a_number_beyond_32_bits_is_kept(kept: ViewStore) -> None:
    with kept.writing() as tx:
        tx.many("INSERT INTO kept_x_1_1 VALUES (?, NULL, NULL)", [(2**63 - 1,)])
    assert numbers(kept) == [1, 2**63 - 1]


def test_texts_sort_by_their_bytes_on_every_database(kept: ViewStore) -> None:
    with kept.writing() as tx:
        tx.many("INSERT INTO kept_x_1_1 (n, t) VALUES (?, ?)", [(2, "a"), (3, "B"), (4, "å")])
    with kept.reading() as reader:
        rows = reader.all("SELECT t FROM kept_x_1_1 WHERE n > 1 ORDER BY t")
    assert rows == [("B",), ("a",), ("å",)]


def test_a_reader_sees_one_snapshot_whatever_is_written_meanwhile(kept: ViewStore) -> None:
    with kept.reading() as reader:
        before = reader.all("SELECT n FROM kept_x_1_1")
        with kept.writing() as tx:
            tx.run("DELETE FROM kept_x_1_1")
        assert reader.all("SELECT n FROM kept_x_1_1") == before
    assert numbers(kept) == []


def test_a_reader_cannot_write(kept: ViewStore) -> None:
    with kept.reading() as reader, pytest.raises((sqlite3.Error, psycopg.Error)):
        reader.all("DELETE FROM kept_x_1_1 RETURNING n")


def test_a_transaction_that_raises_leaves_nothing(kept: ViewStore) -> None:
    with pytest.raises(KeyError), kept.writing() as tx:  # noqa: PT012 the write must precede
        tx.run("DELETE FROM kept_x_1_1")
        raise KeyError
    assert numbers(kept) == [1]


def test_a_savepoint_undoes_itself_and_nothing_else(kept: ViewStore) -> None:
    with kept.writing() as tx:
        tx.run("INSERT INTO kept_x_1_1 (n) VALUES (2)")
        with pytest.raises(KeyError), tx.savepoint():  # noqa: PT012 the write must precede
            tx.run("INSERT INTO kept_x_1_1 (n) VALUES (3)")
            with tx.savepoint():
                tx.run("INSERT INTO kept_x_1_1 (n) VALUES (4)")
            raise KeyError
        with tx.savepoint():
            tx.run("INSERT INTO kept_x_1_1 (n) VALUES (5)")
    assert numbers(kept) == [1, 2, 5]


def test_undoing_when_nothing_was_begun_is_no_error(store: ViewStore) -> None:
    connection = store._database.writer()
    connection.rollback()
    connection.close()


def test_a_mistake_in_a_question_leaves_the_store_usable(kept: ViewStore) -> None:
    with pytest.raises((sqlite3.Error, psycopg.Error)), kept.reading() as reader:
        reader.all("SELECT nothing FROM nowhere")
    assert numbers(kept) == [1]


def test_many_readers_at_once_are_served_and_few_connections_kept(kept: ViewStore) -> None:
    count = IDLE_CONNECTIONS_MAX + 3
    together = threading.Barrier(count)
    found: list[int] = []

    def read() -> None:
        with kept.reading() as reader:
            together.wait()
            found.extend(row[0] for row in reader.all("SELECT n FROM kept_x_1_1"))
            together.wait()

    threads = [threading.Thread(target=read) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * count
    assert len(kept._idle) == IDLE_CONNECTIONS_MAX


def test_only_one_follower_holds_the_lock(store: ViewStore, views_url: str) -> None:
    other = open_views(views_url)
    first = store.follower_lock()
    assert first is not None
    with first:
        assert other.follower_lock() is None
    second: list[FollowerLock] = []

    def is_let_in() -> bool:
        if (lock := other.follower_lock()) is not None:
            second.append(lock)
        return bool(second)

    until(is_let_in, "the lock")  # PostgreSQL lets go of it once it gets to the session's end
    second[0].release()
    second[0].release()
    other.close()


def test_the_lock_goes_with_a_killed_process(quick_store: ViewStore, tmp_path: Path) -> None:
    code = (
        "import sys; from projections.storage import open_views\n"
        f"lock = open_views('sqlite:///{tmp_path}/quick.db').follower_lock()\n"
        "print(lock is not None, flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdin is not None
    assert child.stdout.readline() == "True\n"
    assert quick_store.follower_lock() is None
    child.kill()
    child.wait()
    child.stdout.close()
    child.stdin.close()
    lock = quick_store.follower_lock()
    assert lock is not None
    lock.release()


def test_the_mark_changes_when_another_connection_wrote(quick_store: ViewStore) -> None:
    before = quick_store.mark()
    assert quick_store.mark() == before
    with quick_store.writing() as tx:
        tx.run("DELETE FROM tracking")
        tx.run("INSERT INTO tracking (suffix, position) VALUES ('x', 1)")
    assert quick_store.mark() != before


def test_a_folder_that_cannot_be_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "views.db").mkdir()
    with pytest.raises(Unavailable, match="store_unavailable"):
        open_views(f"sqlite:///{tmp_path}/views.db")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="store_unavailable"):
        open_views("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")


def test_a_locked_file_is_unavailable_and_usable_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.connections.BUSY_SECONDS", 0)
    store = open_views(f"sqlite:///{tmp_path}/views.db")
    rival = SqliteDatabase(tmp_path / "views.db").writer()
    rival.begin()
    with pytest.raises(Unavailable), store.writing() as tx:
        tx.run("DELETE FROM tracking")
    rival.rollback()
    rival.close()
    with store.writing() as tx:
        tx.run("DELETE FROM tracking")
    store.close()


@pytest.mark.postgres
def test_a_server_that_cut_us_off_is_asked_again(postgres_url: str) -> None:
    store = open_views(postgres_url)
    with store.reading() as reader:
        reader.one("SELECT 1")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(Unavailable), store.reading() as reader:
        reader.one("SELECT 1")
    with pytest.raises(Unavailable), store.writing() as tx:
        tx.run("SELECT 1")
    store.close()
    with store.reading() as reader:
        assert reader.one("SELECT 1") == (1,)
    with store.writing() as tx:
        tx.run("DELETE FROM tracking")
    store.close()


def test_a_file_that_is_no_database_is_not_taken_for_a_passing_fault(tmp_path: Path) -> None:
    (tmp_path / "views.db").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        open_views(f"sqlite:///{tmp_path}/views.db")
