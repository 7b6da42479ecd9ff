"""Keys are durable before they are used, numbered once for ever, and gone when destroyed."""

import base64
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.errors import Broken, Unavailable
from domain.log.codec import Codec
from domain.log.vault import KEY_BYTES, Vault
from domain.storage import keys as keys_module
from domain.storage import postgres_keys
from domain.storage.keys import (
    FIND_AT_ONCE_MAX,
    KEYS_CACHED_MAX,
    PEPPER_NUMBER,
    POOL_KEYS,
    SqliteKeyTable,
    StoredKeys,
    Wrapped,
)
from domain.storage.postgres_keys import PostgresKeyTable
from domain.storage.stores import open_keys

MASTER = bytes(range(32))
KIM = "person:p-" + "01" * 16
BO = "person:p-" + "02" * 16
Open = Callable[[], StoredKeys]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.db"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def reopen(request: pytest.FixtureRequest, path: Path) -> Iterator[Open]:
    """Opens the same keys database anew with every call, in either kind of store."""
    url = f"sqlite:///{path}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    opened: list[StoredKeys] = []

    def opening() -> StoredKeys:
        opened.append(open_keys(url, MASTER))
        return opened[-1]

    yield opening
    for keys in opened:
        keys.close()


class RecordedTable:
    """A real table that notes what was asked of it."""

    def __init__(self, path: Path) -> None:
        self._table = SqliteKeyTable(path)
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self._table, name)


def numbers_of(keys: StoredKeys, count: int) -> list[int]:
    return [keys.for_subject(f"contact:{n}")[0] for n in range(count)]


def raw_bytes(path: Path) -> bytes:
    """Everything the file, its WAL and its index hold."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


def wrapped_keys(path: Path) -> dict[int, bytes]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT number, wrapped FROM keys").fetchall())


# ── handed out once, durable before ──────────────────────────────────────────────────────────────


def test_every_contact_gets_a_fresh_key_and_a_person_keeps_one(reopen: Open) -> None:
    keys = reopen()
    first, _ = keys.for_subject("contact:1")
    again, _ = keys.for_subject("contact:1")
    kim, bo = keys.for_subject(KIM)[0], keys.for_subject(BO)[0]
    assert len({first, again, kim, bo}) == 4
    assert keys.for_subject(KIM)[0] == kim
    keys.close()
    assert reopen().for_subject(KIM)[0] == kim, "also after a restart"
    assert PEPPER_NUMBER not in {first, again, kim, bo}


def test_a_key_is_durable_before_it_is_handed_out(reopen: Open) -> None:
    keys, other = reopen(), reopen()
    for number in numbers_of(keys, 3):
        assert number in other.find([number])


def test_the_pool_is_made_in_one_step_and_then_sealing_waits_for_nothing(path: Path) -> None:
    table = RecordedTable(path)
    with closing(StoredKeys(table, MASTER)) as keys:
        table.calls.clear()
        numbers_of(keys, POOL_KEYS)
        assert table.calls == ["add"]
        numbers_of(keys, 1)
        assert table.calls == ["add", "add"]
        keys.for_subject(KIM)
        keys.for_subject(KIM)
        asked = [call for call in table.calls if call not in {"notice_seconds", "destroyed"}]
        assert asked == ["add", "add", "person"]
    assert table.calls[-2:] == ["name_persons", "close"], (
        "what was not noted yet is noted at the end"
    )


def test_no_number_is_ever_used_twice_also_after_a_restart_or_a_deletion(reopen: Open) -> None:
    seen: set[int] = set()
    for _ in range(3):
        keys = reopen()
        numbers = numbers_of(keys, 5)
        assert seen.isdisjoint(numbers)
        assert len(set(numbers)) == 5
        seen |= set(numbers)
        assert keys.destroy(numbers) == 5
        assert keys.destroy(numbers) == 0
    assert reopen().find(seen) == {}


def test_two_processes_never_hand_out_the_same_number(reopen: Open) -> None:
    stores = [reopen(), reopen()]
    taken: list[list[int]] = [[], []]

    def take(which: int) -> None:
        taken[which] = numbers_of(stores[which], POOL_KEYS + 10)

    threads = [threading.Thread(target=take, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken[0] + taken[1])) == 2 * (POOL_KEYS + 10)


def test_threads_of_one_process_share_the_pool_safely(path: Path) -> None:
    with closing(open_keys(f"sqlite:///{path}", MASTER)) as keys:
        taken: list[int] = []

        def take() -> None:
            taken.extend(numbers_of(keys, 200))

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(taken)) == 800


def test_a_key_found_again_opens_what_it_sealed(reopen: Open) -> None:
    number, key = reopen().for_subject("contact:1")
    box = key.encrypt(bytes(12), b"klart", b"sted")
    assert reopen().find([number])[number].decrypt(bytes(12), box, b"sted") == b"klart"


def test_as_many_keys_as_a_page_needs_are_found(reopen: Open) -> None:
    keys = reopen()
    numbers = numbers_of(keys, 2 * FIND_AT_ONCE_MAX + 1)
    missing = max(numbers) + 10 * POOL_KEYS
    assert reopen().find([*numbers, missing]).keys() == set(numbers)
    assert reopen().find([]) == {}


def test_what_is_remembered_is_bounded_and_still_found(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "KEYS_CACHED_MAX", 3)
    monkeypatch.setattr(keys_module, "PERSONS_CACHED_MAX", 2)
    monkeypatch.setattr(keys_module, "PERSONS_NAMED_AT_ONCE", 1)
    with closing(open_keys(f"sqlite:///{path}", MASTER)) as keys:
        people = {f"person:{n}": keys.for_subject(f"person:{n}")[0] for n in range(5)}
        assert len(keys._persons) == 2
        assert len(keys._known) == 3
        assert {who: keys.for_subject(who)[0] for who in people} == people
        assert keys.find(people.values()).keys() == set(people.values())
    assert KEYS_CACHED_MAX > POOL_KEYS


# ── the master key and the pepper ────────────────────────────────────────────────────────────────


def test_the_pepper_is_made_once_and_stays(reopen: Open) -> None:
    pepper = reopen().pepper
    assert len(pepper) == KEY_BYTES
    assert reopen().pepper == pepper


def test_another_master_key_is_refused(reopen: Open) -> None:
    keys = reopen()
    keys.for_subject("contact:1")
    with pytest.raises(Broken) as broken:
        StoredKeys(keys._table, bytes(32))
    assert broken.value.code == "sealed_value_invalid"


def test_neither_pepper_nor_keys_stand_clear_in_the_file(path: Path) -> None:
    made: list[bytes] = []

    def entropy(size: int) -> bytes:
        made.append(os.urandom(size))
        return made[-1]

    with closing(StoredKeys(SqliteKeyTable(path), MASTER, entropy)) as keys:
        keys.for_subject("contact:1")
        stored = raw_bytes(path)
        assert all(secret not in stored for secret in made if len(secret) == KEY_BYTES)
        assert any(nonce in stored for nonce in made if len(nonce) != KEY_BYTES)
        assert MASTER not in stored


def test_a_key_moved_to_another_number_does_not_unwrap(path: Path) -> None:
    with closing(open_keys(f"sqlite:///{path}", MASTER)) as keys:
        one, two = numbers_of(keys, 2)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE number = ?)"
            " WHERE number = ?",
            (one, two),
        )
    with closing(open_keys(f"sqlite:///{path}", MASTER)) as keys, pytest.raises(Broken):
        keys.find([two])


# ── destroying ───────────────────────────────────────────────────────────────────────────────────


def test_a_destroyed_key_is_found_nowhere_and_a_person_gets_another(reopen: Open) -> None:
    keys = reopen()
    kim, contact = keys.for_subject(KIM)[0], keys.for_subject("contact:1")[0]
    assert keys.destroy([kim]) == 1
    for one in (keys, reopen()):
        assert one.find([kim, contact]).keys() == {contact}
        assert one.for_subject(KIM)[0] != kim


def test_destroyed_bytes_are_neither_in_the_file_nor_in_its_wal(path: Path) -> None:
    with closing(open_keys(f"sqlite:///{path}", MASTER)) as keys:
        doomed, kept = numbers_of(keys, 2)
        rows = wrapped_keys(path)
        assert rows[doomed] in raw_bytes(path), "the search finds a key that is there"
        assert keys.destroy([doomed]) == 1
        assert rows[doomed] not in raw_bytes(path)
        assert rows[kept] in raw_bytes(path)


@pytest.mark.postgres
def test_destroyed_bytes_are_not_in_the_table_s_pages(postgres_url: str) -> None:
    def pages(connection: Any) -> bytes:
        connection.execute("CHECKPOINT")
        file = connection.execute("SELECT pg_relation_filepath('kontaktlog_keys.keys')").fetchone()
        read = connection.execute("SELECT pg_read_binary_file(%s)", (file[0],)).fetchone()
        return bytes(read[0])

    with (
        closing(open_keys(postgres_url, MASTER)) as keys,
        psycopg.connect(postgres_url, autocommit=True) as admin,
    ):
        doomed, kept = numbers_of(keys, 2)
        sql = "SELECT number, wrapped FROM kontaktlog_keys.keys WHERE number = ANY(%s)"
        rows: dict[int, bytes] = dict(admin.execute(sql, ([doomed, kept],)).fetchall())
        assert rows[doomed] in pages(admin), "the search finds a key that is there"
        assert keys.destroy([doomed]) == 1
        assert rows[doomed] not in pages(admin)
        assert rows[kept] in pages(admin)


def test_a_key_that_a_reader_keeps_in_the_wal_is_not_reported_destroyed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "BUSY_MILLISECONDS", 10)
    with closing(open_keys(f"sqlite:///{path}", MASTER)) as keys:
        (doomed,) = numbers_of(keys, 1)
        secret = wrapped_keys(path)[doomed]
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM keys").fetchone()
            try:
                keys.destroy([doomed])
            except Unavailable:
                return
            assert secret not in raw_bytes(path)


def test_a_key_destroyed_by_one_process_is_gone_in_the_other(
    reopen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CLI erases while the server runs: what the server seals next would be lost at once."""
    monkeypatch.setattr(postgres_keys, "NOTICE_SECONDS", 0.0)
    monkeypatch.setattr(keys_module, "NOTICE_SECONDS", 0.0)
    server, terminal = reopen(), reopen()
    kim = server.for_subject(KIM)[0]
    terminal.destroy([kim])
    assert server.find([kim]) == {}
    assert server.for_subject(KIM)[0] != kim


def test_the_pepper_cannot_be_destroyed(reopen: Open) -> None:
    keys = reopen()
    assert keys.destroy([PEPPER_NUMBER]) == 0
    assert reopen().pepper == keys.pepper


def test_an_erased_person_is_empty_in_what_was_sealed_before(reopen: Open) -> None:
    keys = reopen()
    vault = Vault(keys, os.urandom)
    sealed = vault.seal(KIM, b"Kim", "e/participants/0")
    assert vault.open(sealed, "e/participants/0", keys.find([sealed["key"]])) == b"Kim"
    keys.destroy([sealed["key"]])
    assert vault.open(sealed, "e/participants/0", keys.find([sealed["key"]])) is None
    assert base64.b64decode(sealed["sealed"])
    assert isinstance(Codec(vault), Codec)


# ── when the disk says no ────────────────────────────────────────────────────────────────────────


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as error:
        SqliteKeyTable(tmp_path / "nowhere" / "keys.db")
    assert error.value.code == "store_unavailable"


def test_a_full_disk_hands_out_no_key_and_loses_none(path: Path) -> None:
    table = SqliteKeyTable(path)
    with closing(StoredKeys(table, MASTER)) as keys:
        pages = table._connection.execute("PRAGMA page_count").fetchone()[0]
        table._connection.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(Unavailable) as error:
            keys.for_subject("contact:1")
        assert error.value.code == "store_full"
        assert not table._connection.in_transaction
        table._connection.execute("PRAGMA max_page_count=1000000")
        assert keys.for_subject("contact:1")[0] == 1


def test_a_failure_while_wrapping_leaves_no_half_made_pool(reopen: Open) -> None:
    table = reopen()._table

    def fails(first: int) -> list[Wrapped]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        table.add(3, fails)
    assert reopen().for_subject("contact:1")[0] == 1


@pytest.mark.postgres
def test_a_server_that_is_not_there_is_unavailable(postgres_url: str) -> None:
    with pytest.raises(Unavailable) as error:
        PostgresKeyTable("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")
    assert error.value.code == "store_unavailable"
    assert error.value.params["reason"] == "OperationalError"


@pytest.mark.postgres
def test_keys_come_back_after_the_connection_was_cut(postgres_url: str) -> None:
    with closing(open_keys(postgres_url, MASTER)) as keys:
        numbers = numbers_of(keys, 2)
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        with pytest.raises(Unavailable):
            keys.destroy(numbers)
        assert keys.destroy(numbers) == 2


@pytest.mark.postgres
def test_damaged_tables_hand_out_no_key(postgres_url: str) -> None:
    with closing(open_keys(postgres_url, MASTER)) as keys:
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute("DELETE FROM kontaktlog_keys.numbers")
        with pytest.raises(Unavailable):
            keys.for_subject("contact:1")


@pytest.mark.postgres
def test_a_table_never_opened_closes_without_complaint(postgres_url: str) -> None:
    table = PostgresKeyTable(postgres_url)
    table.close()
    table.close()
    assert table.find([0]) == []
    table.close()


def test_a_note_about_a_person_that_cannot_be_written_hinders_nobody(path: Path) -> None:
    table = RecordedTable(path)
    keys = StoredKeys(table, MASTER)
    kim = keys.for_subject(KIM)[0]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("DROP TABLE persons")
    keys.close()
    assert "name_persons" in table.calls
    with closing(open_keys(f"sqlite:///{path}", MASTER)) as again:
        assert again.for_subject(KIM)[0] != kim, "a second key: erasing finds both by the log"
