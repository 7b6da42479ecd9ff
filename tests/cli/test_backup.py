"""Backup and restore (proof B1): complete under load, provable where it lands, never over a log."""

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.cli.backup import described, measure
from api.main import open_services
from api.settings import load_settings
from domain.access import KeyRevoked
from domain.log.checkpoint import open_checkpoint
from domain.log.envelope import Envelope
from domain.storage.journal import Entry
from domain.storage.sqlite import SqliteLog
from domain.storage.stores import open_log
from tests.cli.conftest import Shell, contact

ROUNDS = 3
EVENTS_BEFORE = 100
NEVER_SECONDS = 300
ENVELOPE = Envelope(actor="cli", role="administrator", via="cli")


@dataclass
class Load:
    """A writer that never pauses, and what it was told is recorded."""

    acknowledged: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    grown: threading.Condition = field(default_factory=threading.Condition)

    def run(self) -> None:
        services = open_services(load_settings(), writer=False)
        try:
            while not self.stop.is_set():
                event = KeyRevoked(key_id="k", reason="x" * 200)
                recorded = services.journal.record_sync(Entry([event], ENVELOPE))
                with self.grown:
                    self.acknowledged.append(recorded.facts[0].event_id)
                    self.grown.notify_all()
        finally:
            services.close()

    def wait_for_more(self, count: int = EVENTS_BEFORE) -> list[str]:
        """Wait for `count` further acknowledgements; return all so far."""
        with self.grown:
            wanted = len(self.acknowledged) + count
            assert self.grown.wait_for(lambda: len(self.acknowledged) >= wanted, NEVER_SECONDS)
            return list(self.acknowledged)


@contextmanager
def under_load() -> Iterator[Load]:
    load = Load()
    thread = threading.Thread(target=load.run)
    thread.start()
    try:
        yield load
    finally:
        load.stop.set()
        thread.join()


def kontaktlog(*arguments: str) -> None:
    """Run a command line in a process of its own, beside the load."""
    code = "from api.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def missing_from(file: Path, acknowledged: list[str]) -> list[str]:
    """The drill: which acknowledged events a brought-back log does not have."""
    with closing(sqlite3.connect(file)) as db:
        there = {row[0].hex() for row in db.execute("SELECT event_id FROM events")}
    return [event_id for event_id in acknowledged if event_id.replace("-", "") not in there]


def manifest(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(folder) / "manifest.json").read_text())
    return found


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_a_backup_under_load_brings_back_everything_acknowledged_before_it_began(
    shell: Shell,
) -> None:
    told: dict[str, Any] = {}
    with under_load() as load:
        load.wait_for_more()
        kontaktlog("checkpoint")
        for number in range(ROUNDS):
            before = load.wait_for_more()
            kontaktlog("backup", f"copy{number}")
            load.wait_for_more()
            restored = shell("restore", f"copy{number}", "--to", f"back{number}", "--json")
            assert restored.code == 0, restored.err
            told = manifest(f"copy{number}")
            assert missing_from(Path(f"back{number}/log.db"), before) == []
            assert restored.json["position"] == told["position"] >= len(before)
            assert restored.json["root"] == told["root"]
            assert told["checkpoint_size"] > 0
    key = load_settings().checkpoint_key().verifier
    log = SqliteLog(Path(f"back{ROUNDS - 1}/log.db"), create=False)
    try:
        signed = open_checkpoint(told["checkpoint"], [key])
        assert measure(log).checkpoint_size == signed.size
    finally:
        log.close()


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_the_drill_fails_for_a_plain_copy_of_a_live_log() -> None:
    with under_load() as load:
        load.wait_for_more()
        # While somebody reads, what comes later stays beside the file, in the write-ahead log.
        with closing(sqlite3.connect("kontaktlog-data/log.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT max(position) FROM events").fetchall()
            before = load.wait_for_more()
            Path("copy").mkdir()
            shutil.copy("kontaktlog-data/log.db", "copy/log.db")
        load.wait_for_more()
    try:
        missing = missing_from(Path("copy/log.db"), before)
    except sqlite3.DatabaseError:  # torn: not even a database
        missing = before
    assert missing != []


def filled(shell: Shell) -> None:
    for _ in range(3):
        shell("token", "new", "--role", "manager")
    shell("checkpoint")


def test_a_backup_says_what_it_holds(shell: Shell) -> None:
    filled(shell)
    done = shell("backup", "copy", "--json")
    assert done.code == 0, done.err
    told = manifest("copy")
    assert (told["position"], told["checkpoint_size"], told["store"]) == (3, 3, "sqlite")
    assert told["files"] == [described(Path("copy/log.db"))]
    assert sorted(each.name for each in Path("copy").iterdir()) == ["log.db", "manifest.json"]
    assert Path("copy").stat().st_mode & 0o077 == 0


def test_a_backup_goes_into_a_folder_of_its_own(shell: Shell) -> None:
    filled(shell)
    Path("copy").mkdir()
    Path("copy/other.txt").write_text("x")
    assert shell("backup", "copy").code == 1
    assert [each.name for each in Path("copy").iterdir()] == ["other.txt"]


def test_a_log_that_is_not_there_is_not_backed_up(shell: Shell) -> None:
    assert shell("backup", "copy").code == 3
    assert not Path("kontaktlog-data/log.db").exists()


def test_the_keys_come_along_only_when_asked_and_in_files_of_their_own(shell: Shell) -> None:
    filled(shell)
    shell("backup", "copy", "--with-keys")
    names = sorted(each.name for each in Path("copy").iterdir())
    assert names == ["keys-manifest.json", "keys.db", "log.db", "manifest.json"]
    assert "keys.db" not in Path("copy/manifest.json").read_text()


def test_sealed_values_open_again_where_log_and_keys_and_master_key_meet(
    with_parties: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert with_parties("log", *contact("Et fortroligt emne")).code == 0
    with_parties("backup", "copy", "--with-keys")
    assert with_parties("restore", "copy", "--to", "back").code == 0
    for name in ("master.key", "signing.key"):
        shutil.copy(f"kontaktlog-data/{name}", f"back/{name}")
    monkeypatch.setenv("KONTAKTLOG_STORE", "sqlite:///back/log.db")
    services = open_services(load_settings(), writer=False)
    try:
        facts, _, _ = services.journal.history([], ["contact.logged/1"])
    finally:
        services.close()
    assert facts[0].data["text"]["subject"] == "Et fortroligt emne"


def test_a_restored_log_answers_as_before(
    with_parties: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree("back", ignore_errors=True)
    with_parties("backup", "copy", "--with-keys")
    with_parties("restore", "copy", "--to", "back")
    for name in ("master.key", "signing.key"):
        shutil.copy(f"kontaktlog-data/{name}", f"back/{name}")
    before = with_parties("checkpoint", "--json").json["root"]
    monkeypatch.setenv("KONTAKTLOG_STORE", "sqlite:///back/log.db")
    assert with_parties("checkpoint", "--json").json["root"] == before
    assert with_parties("log", *contact("Efter genskabelsen")).code == 0


def test_a_restore_never_writes_over_a_log(shell: Shell) -> None:
    filled(shell)
    shell("backup", "copy")
    before = Path("kontaktlog-data/log.db").read_bytes()
    done = shell("restore", "copy", "--to", "kontaktlog-data")
    assert (done.code, "log.db exists" in done.err) == (1, True)
    assert Path("kontaktlog-data/log.db").read_bytes() == before


def test_a_stale_write_ahead_log_and_stale_views_do_not_reach_the_restored_log(
    shell: Shell,
) -> None:
    filled(shell)
    shell("backup", "copy")
    Path("back").mkdir()
    for name in ("log.db-wal", "log.db-shm", "views.db", "views.db-wal"):
        (Path("back") / name).write_bytes(b"stale" * 1000)
    assert shell("restore", "copy", "--to", "sqlite:///back/log.db").code == 0
    assert [each.name for each in Path("back").iterdir()] == ["log.db"]


def refused(shell: Shell) -> str:
    done = shell("restore", "copy", "--to", "back")
    assert done.code == 1
    assert not Path("back/log.db").exists()
    assert not list(Path("back").glob("*")) if Path("back").exists() else True
    return done.err


def change(statement: str) -> None:
    """Change the copied log as whoever holds the file can, and make the manifest fit the file."""
    with closing(sqlite3.connect("copy/log.db")) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute(statement)
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    told = manifest("copy")
    told["files"] = [described(Path("copy/log.db"))]
    Path("copy/manifest.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM events WHERE position = 2", "row"),
        ("DELETE FROM events WHERE position = 3", "differs"),
        ("UPDATE events SET type = 'access.key_revoked/1' WHERE position = 1", "row"),
        ("DELETE FROM checkpoints", "checkpoint"),
    ],
)
def test_a_backup_that_was_changed_with_its_manifest_is_found_out(
    shell: Shell, statement: str, told: str
) -> None:
    filled(shell)
    shell("backup", "copy")
    change(statement)
    assert told in refused(shell)


def test_a_backup_with_one_flipped_bit_is_not_restored(shell: Shell) -> None:
    filled(shell)
    shell("backup", "copy")
    raw = bytearray(Path("copy/log.db").read_bytes())
    raw[5000] ^= 1
    Path("copy/log.db").write_bytes(raw)
    assert "not the file that was written" in refused(shell)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "kontaktlog-backup/2", "files": [{"name": "log.db", "sha256": ""}]}',
        '{"format": "kontaktlog-backup/1", "files": [{"name": "../log.db", "sha256": ""}]}',
        '{"format": "kontaktlog-backup/1", "files": []}',
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(shell: Shell, text: str) -> None:
    Path("copy").mkdir()
    Path("copy/manifest.json").write_text(text)
    assert "manifest.json" in refused(shell)


def test_a_backup_that_never_finished_has_no_manifest_and_is_not_restored(shell: Shell) -> None:
    filled(shell)
    shell("backup", "copy")
    Path("copy/manifest.json").unlink()
    assert "no manifest.json" in refused(shell)


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def in_postgres(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("KONTAKTLOG_STORE", postgres_url)
    return postgres_url


@pytest.mark.postgres
def test_a_postgresql_log_is_dumped_and_brought_back_whole(
    shell: Shell, in_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(shell)
    done = shell("backup", "copy", "--with-keys", "--json")
    assert done.code == 0, done.err
    assert (done.json["position"], done.json["checkpoint_size"]) == (3, 3)
    assert shell("restore", "copy", "--to", in_postgres).code == 1
    with psycopg.connect(in_postgres, autocommit=True) as db:
        db.execute("DROP SCHEMA kontaktlog CASCADE")
        db.execute("DROP SCHEMA kontaktlog_keys CASCADE")
    back = shell("restore", "copy", "--to", in_postgres, "--json")
    assert back.code == 0, back.err
    assert (back.json["position"], back.json["root"]) == (3, done.json["root"])
    log = open_log(in_postgres)
    try:
        assert log.head() == 3
    finally:
        log.close()
    assert len(shell("token", "list", "--json").json["items"]) == 3


@pytest.mark.postgres
def test_without_pg_dump_the_backup_says_what_is_missing(
    shell: Shell, in_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(shell)
    monkeypatch.setenv("PATH", "/nonexistent")
    done = shell("backup", "copy")
    assert (done.code, "pg_dump is not installed" in done.err) == (1, True)


@pytest.mark.postgres
def test_a_file_backup_is_not_restored_into_postgresql(shell: Shell, postgres_url: str) -> None:
    filled(shell)
    shell("backup", "copy")
    assert shell("restore", "copy", "--to", postgres_url).code == 1
