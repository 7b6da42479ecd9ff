"""D2: a writer is killed, refused and starved at every single call that changes the disk.

Each point opens a new log, records contacts, seals and closes while one call fails; then a second
life sends everything again under the same keys, and the whole is audited. The trace of both lives
must show that the disk had every promise before it was given.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from api.audit.run import Job, examine
from api.audit.sqlite import SqliteSource
from domain.storage.sqlite import Connection, SqliteLog
from tests.audit.stores import KEY, ORIGIN
from tests.proof import needs
from tests.proof.ledger import Ack, faults, read, stored
from tests.proof.lone import CALLS, FORK, Call, Fault, Work, unsynced_promises, watch, work_in

CONTACTS = 3
UNAVAILABLE = {"store_unavailable", "store_full"}
KILL = "signal=SIGKILL"
AT_ONCE = 2

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1_800)]


def points(folder: Path, effect: str) -> Iterator[Fault]:
    """Every call of a run in which nothing fails."""
    calls = watch(work_in(folder / "counted", CONTACTS, needs.seed(2010))).calls
    counted = Counter(call.name for call in calls)
    for call in CALLS:
        for number in range(1, counted[call] + 1):
            yield Fault(call, number, effect)


def work_of(folder: Path, fault: Fault, **more: object) -> Work:
    name = f"{fault.call}-{fault.number}"
    return work_in(folder / name, CONTACTS, needs.seed(2010), **more)


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


def prove(folder: Path, fault: Fault) -> str:
    """Put one fault before a writer, let a second life follow, and hold both to account."""
    work = work_of(folder, fault)
    first = watch(work, fault)
    if fault.effect == KILL:
        assert first.exit_code != 0, f"{fault} did not happen"
    else:
        told = work.refused.read_text().split()
        assert set(told) <= UNAVAILABLE, (fault, told)
        assert told or not lost_a_commit(first.calls), f"{fault} was not told"
    second = watch(work)
    assert second.exit_code == 0
    assert unsynced_promises([*first.calls, *second.calls]) == [], fault
    assert broken(work) == set(), fault
    assert {ack.contact_id for ack in promised(work)} == set(work.sent), fault
    assert len(stored(work.url)) == len(work.sent), fault
    return fault.call


def lost_a_commit(calls: list[Call]) -> bool:
    """Whether events could not be written or flushed; a flush of nothing new may fail unseen."""
    dirty = False
    for call in calls:
        match call.name, call.file:
            case (("pwrite64" | "fdatasync"), "log.db-wal") if dirty and not call.worked:
                return True
            case "pwrite64", "log.db-wal" if call.offset:
                dirty = True
            case "fdatasync", "log.db-wal":
                dirty = False
    return False


@pytest.mark.parametrize("effect", [KILL, "error=EIO", "error=ENOSPC"])
def test_a_fault_at_any_call_breaks_no_promise(effect: str, tmp_path: Path) -> None:
    with ProcessPoolExecutor(AT_ONCE, FORK) as pool:
        tried = Counter(pool.map(partial(prove, tmp_path), points(tmp_path, effect)))
    assert tried["pwrite64"] > 10 * CONTACTS and tried["fdatasync"] > 3 * CONTACTS, tried


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


class TrustingLog(SqliteLog):
    """Takes what a killed process left behind for flushed."""

    def _flush_inherited(self) -> None:
        pass


def test_the_proof_catches_a_writer_that_promises_before_it_commits(tmp_path: Path) -> None:
    for fault in points(tmp_path, KILL):
        work = work_of(tmp_path, fault, hasty=True)
        watch(work, fault)
        if found := broken(work):
            assert found <= {"lost", "elsewhere"}
            return
    pytest.fail("a promise before the commit went unnoticed: this proof proves nothing")


def test_the_proof_catches_a_log_that_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    work = work_in(tmp_path / "careless", CONTACTS, 1, make=CarelessLog)
    assert any("not flushed" in each for each in unsynced_promises(watch(work).calls))


def test_the_proof_catches_a_log_that_believes_the_flush_after_a_failed_one(tmp_path: Path) -> None:
    for fault in points(tmp_path, "error=EIO"):
        if fault.call == "fdatasync":
            calls = watch(work_of(tmp_path, fault, make=ForgetfulLog), fault).calls
            if any("believed" in each for each in unsynced_promises(calls)):
                return
    pytest.fail("a failed flush was believed and nobody noticed: this proof proves nothing")


def test_the_proof_catches_a_log_that_trusts_what_a_killed_process_left(tmp_path: Path) -> None:
    """The defect this proof found: a contact sent again was acknowledged and not yet on disk."""
    for fault in points(tmp_path, KILL):
        if fault.call == "fdatasync":
            work = work_of(tmp_path, fault, make=TrustingLog)
            calls = [*watch(work, fault).calls, *watch(work).calls]
            if any("not flushed" in each for each in unsynced_promises(calls)):
                return
    pytest.fail("an event that was never flushed was promised: this proof proves nothing")
