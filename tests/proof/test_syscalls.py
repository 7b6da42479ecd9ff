"""D2: a writer is killed, refused and starved at every single call that changes the disk.

Each point opens a new log, records contacts, seals and closes; then the store is opened again, the
unknown contacts are sent once more, and the whole is audited.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from api.audit.run import Job, examine
from api.audit.sqlite import SqliteSource
from domain.storage.sqlite import Connection, SqliteLog
from tests.audit.stores import KEY, ORIGIN
from tests.proof import needs
from tests.proof.ledger import Ack, faults, read, stored
from tests.proof.lone import CALLS, Fault, Work, unsynced_promises, watch, work_in, write

CONTACTS = 5
UNAVAILABLE = {"store_unavailable", "store_full"}
EFFECTS = ("signal=SIGKILL", "error=EIO", "error=ENOSPC")

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]


def points(folder: Path, effect: str, **more: object) -> Iterator[tuple[Work, Fault]]:
    """Every call of a run without faults, each time over a new store."""
    seed = needs.seed(2010)
    counted = Counter(call.name for call in watch(work_in(folder / "counted", CONTACTS, seed)).calls)
    for call in CALLS:
        for number in range(1, counted[call] + 1):
            work = work_in(folder / f"{call}-{number}", CONTACTS, seed, **more)
            yield work, Fault(call, number, effect)


def broken(work: Work) -> set[str]:
    """What the store does not keep, and what the audit finds; the store may not exist yet."""
    if not work.log_path.exists():
        return {"lost"} if promised(work) else set()
    SqliteLog(work.log_path).close()  # a half-made store is completed by the next start
    with closing(SqliteSource(work.log_path)) as source:
        report = examine(source, Job([KEY.verifier], ORIGIN))
    kept = faults(promised(work), stored(work.url), work.sent)
    return kept | {fault.kind for fault in report.findings.kept}


def promised(work: Work) -> list[Ack]:
    return read(work.acknowledged) if work.acknowledged.exists() else []


def demand_whole_after(work: Work, fault: Fault) -> None:
    """The promises are kept, and sending everything again completes the log."""
    assert broken(work) == set(), fault
    write(work)
    assert broken(work) == set(), fault
    assert {ack.contact_id for ack in promised(work)} == set(work.sent), fault
    assert len(stored(work.url)) == len(work.sent), fault


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_fault_at_any_call_breaks_no_promise(effect: str, tmp_path: Path) -> None:
    tried = Counter[str]()
    for work, fault in points(tmp_path, effect):
        watched = watch(work, fault)
        assert unsynced_promises(watched.calls) == [], fault
        if effect == "signal=SIGKILL":
            assert watched.exit_code != 0, f"{fault} did not happen"
        elif work.refused.exists():
            assert set(work.refused.read_text().split()) <= UNAVAILABLE, fault
        demand_whole_after(work, fault)
        tried[fault.call] += 1
    assert tried["pwrite64"] > CONTACTS and tried["fdatasync"] > CONTACTS, tried


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_flush_that_failed_is_answered_as_unavailable(error: str, tmp_path: Path) -> None:
    """Not acknowledged, told as such, and acknowledged only after the log was copied over."""
    seen = 0
    for work, fault in points(tmp_path, f"error={error}"):
        if fault.call != "fdatasync":
            continue
        calls = watch(work, fault).calls
        (failed,) = [n for n, call in enumerate(calls) if call.name == "fdatasync" and not call.worked]
        if calls[failed].file == "log.db-wal":
            seen += 1
            assert work.refused.read_text().split(), fault
    assert seen >= CONTACTS


# ── teeth ────────────────────────────────────────────────────────────────────────────────────────


class ForgetfulLog(SqliteLog):
    """Believes the next flush after one that failed."""

    def _recover(self) -> None:
        self._suspect = False


class CarelessLog(SqliteLog):
    """Leaves it to the system when the disk gets what was committed."""

    def _open_writer(self) -> Connection:
        connection = super()._open_writer()
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection


def test_the_proof_catches_a_writer_that_promises_before_it_commits(tmp_path: Path) -> None:
    for work, fault in points(tmp_path, "signal=SIGKILL", hasty=True):
        watch(work, fault)
        if broken(work):
            assert broken(work) <= {"lost", "elsewhere"}
            return
    pytest.fail("a promise before the commit went unnoticed: this proof proves nothing")


def test_the_proof_catches_a_log_that_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    work = work_in(tmp_path / "careless", CONTACTS, 1, make=CarelessLog)
    assert any("not flushed" in each for each in unsynced_promises(watch(work).calls))


def test_the_proof_catches_a_log_that_believes_the_flush_after_a_failed_one(tmp_path: Path) -> None:
    for work, fault in points(tmp_path, "error=EIO", make=ForgetfulLog):
        if fault.call != "fdatasync":
            continue
        if any("believed" in each for each in unsynced_promises(watch(work, fault).calls)):
            return
    pytest.fail("a failed flush was believed and nobody noticed: this proof proves nothing")
