"""One writer in a process of its own, watched by strace, which makes its system calls fail.

It uses the journal and the log as the server does, without HTTP, so that each of a hundred faults
costs a tenth of a second. `Watched` names what the trace showed.
"""

import hashlib
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from domain.errors import Unavailable
from domain.log.codec import Codec
from domain.log.envelope import Envelope
from domain.log.vault import Vault
from domain.storage import clock
from domain.storage.journal import Entry, Journal
from domain.storage.sealer import Sealer
from domain.storage.sqlite import SqliteLog
from domain.storage.stores import open_keys
from tests.audit.stores import KEY, MASTER, ORIGIN, contact
from tests.proof import needs
from tests.proof.ledger import Ack, Ledger
from tests.proof.service import is_alive, until

CALLS = ("pwrite64", "fdatasync", "ftruncate", "unlink", "rename", "renameat", "fsync", "unlinkat")
"""Every system call by which SQLite changes what a disk holds."""
ATTEMPTS = 3
ASK_SECONDS = 0.005
FORK = multiprocessing.get_context("fork")
ODD_EXIT = 9

Make = Callable[[Path], SqliteLog]


@dataclass(frozen=True)
class Work:
    """What the writer shall record, and where; the same when it is done again."""

    folder: Path
    entries: Sequence[Entry]
    make: Make = SqliteLog
    hasty: bool = False

    @property
    def log_path(self) -> Path:
        return self.folder / "log.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.log_path}"

    @property
    def acknowledged(self) -> Path:
        return self.folder / "acknowledged"

    @property
    def refused(self) -> Path:
        return self.folder / "refused"

    @property
    def sent(self) -> list[str]:
        return [contact_id_of(entry) for entry in self.entries]


def work_in(folder: Path, count: int, seed: int, **more: Any) -> Work:
    """Contacts with ids, keys and marks of their own, so that each may be sent again."""
    folder.mkdir(parents=True)
    chance = random.Random(seed)
    entries = [
        Entry(
            [contact(chance)],
            Envelope("key-1", "case_officer", "api", mark=f"{number:032x}"),
            event_ids=[clock.new_id()],
            key_hash=hashlib.sha256(f"key {number}".encode()).digest(),
        )
        for number in range(count)
    ]
    return Work(folder, entries, **more)


def contact_id_of(entry: Entry) -> str:
    return str(entry.events[0].contact_id)  # type: ignore[attr-defined]


def write(work: Work) -> None:
    """Record every entry, seal, and close; what is unavailable is tried again a few times."""
    ledger, refused = Ledger(work.acknowledged), Ledger(work.refused)
    with opened(work, refused) as (log, journal):
        for entry in work.entries:
            _attempt(partial(_record, work, journal, entry, ledger), refused)
        _attempt(lambda: Sealer(log, KEY, ORIGIN).step(), refused)


def _record(work: Work, journal: Journal, entry: Entry, ledger: Ledger) -> None:
    assert entry.key_hash is not None
    if work.hasty:
        ahead = journal.log.head() + 1
        ledger.note(Ack(contact_id_of(entry), entry.key_hash.hex(), ahead))
        journal.record_sync(entry)
        return
    recorded = journal.record_sync(entry)
    ledger.note(Ack(contact_id_of(entry), entry.key_hash.hex(), recorded.position_first))


@contextmanager
def opened(work: Work, refused: Ledger) -> Iterator[tuple[SqliteLog, Journal]]:
    keys = _attempt(lambda: open_keys(f"sqlite:///{work.folder}/keys.db", MASTER), refused)
    log = _attempt(lambda: work.make(work.log_path), refused)
    journal = Journal(log, Codec(Vault(keys, clock.entropy)))
    log.clock_step = journal.clock_step
    yield log, journal
    log.close()
    keys.close()


def _attempt(call: Callable[[], Any], refused: Ledger) -> Any:
    """Call until it is not unavailable; give up when it stays so."""
    for left in reversed(range(ATTEMPTS)):
        try:
            return call()
        except Unavailable as error:
            os.write(refused.number, f"{error.code}\n".encode())
            if left == 0:
                sys.exit(0)
    return None


# ── under strace ─────────────────────────────────────────────────────────────────────────────────


class Fault(NamedTuple):
    """What happens at the n-th call of a kind: `signal=SIGKILL`, `error=EIO`, `error=ENOSPC`."""

    call: str
    number: int
    effect: str

    def __str__(self) -> str:
        return f"{self.call}:{self.effect}:when={self.number}"


class Call(NamedTuple):
    """One system call of the trace: its name, the file it was about, whether it worked, where."""

    name: str
    file: str
    worked: bool = True
    offset: int = 0


class Watched(NamedTuple):
    """How the writer ended, and all that it asked of the disk."""

    exit_code: int
    calls: list[Call]


def watch(work: Work, fault: Fault | None = None) -> Watched:
    """Let a writer work in a process of its own under strace, which makes one call fail."""
    trace = work.folder / "trace"
    trace.unlink(missing_ok=True)
    begin, told = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_live, args=(work, begin))
    child.start()
    assert child.pid is not None
    calls = f"trace=write,{','.join(CALLS)}"
    harm = ["-e", f"inject={fault}"] if fault else []
    options = ["-q", "-q", "-y", "-s", "0", "-o", str(trace), "-e", "signal=none"]
    strace = subprocess.Popen(
        [needs.program("strace"), *options, "-e", calls, *harm, "-p", str(child.pid)],
        stdin=subprocess.DEVNULL,
    )
    until(lambda: _has_lines(trace) or strace.poll() is not None, "strace")
    told.send_bytes(b".")
    child.join()
    strace.wait()
    assert not is_alive(child.pid)
    code, found = child.exitcode, list(_calls(trace))
    child.close()
    begin.close()
    told.close()
    assert code is not None
    assert code in {0, -signal.SIGKILL}, f"{fault}: {(work.folder / 'odd').read_text()}"
    return Watched(code, found)


def _live(work: Work, begin: Any) -> None:
    with (work.folder / "asked").open("wb", buffering=0) as asked:
        while not begin.poll(ASK_SECONDS):
            asked.write(b".")  # until strace shows it: from then on it shows, and breaks, all
    try:
        write(work)
    except Exception as error:  # noqa: BLE001 whatever it is, the proof shall name it
        import traceback

        (work.folder / "odd").write_text("".join(traceback.format_exception(error)))
        os._exit(ODD_EXIT)


def _has_lines(trace: Path) -> bool:
    return trace.exists() and trace.stat().st_size > 0


_CALL = re.compile(r"^(\w+)\((?:\d+<([^>]*)>|\"?([^\",)]*))?(?:.*, (\d+))?.*\)\s+= (-?\d+|\?)")


def _calls(trace: Path) -> Iterator[Call]:
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        if found := _CALL.match(line):
            name, opened_file, named, offset, result = found.groups()
            file = Path((opened_file or named or "").removesuffix(" (deleted)")).name
            yield Call(name, file, not result.startswith("-") and result != "?", int(offset or 0))


def unsynced_promises(calls: Sequence[Call]) -> list[str]:
    """Acknowledgements that were given before the disk had what they promise.

    Events in `log.db-wal` must have been flushed since they were written. Once such a flush has
    failed, the next promise must wait until all was copied into `log.db` and that was flushed, or
    `log.db-wal` was emptied. (Its first 32 bytes are a head, which is written again by itself.)
    """
    found: list[str] = []
    dirty = suspect = False
    for number, call in enumerate(calls):
        match call.name, call.file:
            case "pwrite64", "log.db-wal" if call.offset:
                dirty = True
            case "fdatasync", "log.db-wal":
                suspect = suspect or (dirty and not call.worked)
                dirty = dirty and not call.worked
            case ("fdatasync", "log.db") if call.worked:
                suspect = False
            case (("ftruncate" | "unlink"), "log.db-wal") if call.worked:
                dirty = suspect = False
            case "write", "acknowledged" if dirty:
                found.append(f"call {number}: not flushed")
            case "write", "acknowledged" if suspect:
                found.append(f"call {number}: a failed flush was believed")
    return found
