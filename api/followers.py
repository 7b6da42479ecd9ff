"""Keeps views and checkpoints up to date: beside the server as a process, or as threads within it.

A follower needs the processor as much as the server does, so in production it is a process of its
own, started here, told its settings through a pipe, and started again when it dies. It ends when
the pipe does, so a killed server leaves none behind.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, Final

import orjson
import structlog
from pydantic import SecretStr

from api import operator_log, policies
from api.follower_process import spawned
from api.main import Services, calm_collector, open_services
from api.settings import Settings, load_settings
from domain.errors import DomainError
from domain.storage.sealer import Sealer
from projections.registry import VIEWS
from projections.runner import Runner

STANDBY_SECONDS: Final = 0.5
"""How often a second follower looks whether the first is gone."""
BACKOFF_SECONDS_MIN: Final = 0.2
BACKOFF_SECONDS_MAX: Final = 5.0
STEADY_SECONDS: Final = 30.0
"""A follower that lived this long is started again at once."""
STOP_SECONDS: Final = 10.0
"""How long a follower may take to finish its page."""
POLL_SECONDS: Final = 0.05
"""Waiters look for themselves this often: the follower may run elsewhere and report nothing."""

_log = structlog.get_logger("kontaktlog.followers")


@dataclass(slots=True)
class Progress:
    """How far a follower has come; `error` is the code of what holds the sealer up."""

    views: int = 0
    sealed: int = 0
    error: str | None = None


Report = Callable[[Progress], None]


def follow(services: Services, stop: threading.Event, report: Report) -> None:
    """Follow the log until `stop`: views, checkpoints and the policy of reminders, a thread each.

    Only one follower works on a store; a second waits here until the first is gone. Raises what
    ended the work early, so that whoever supervises can start it again.
    """
    while not stop.is_set():
        lock = services.store.follower_lock()
        if lock is None:
            stop.wait(STANDBY_SECONDS)
            continue
        with lock:
            _work(services, stop, report)


def _work(services: Services, stop: threading.Event, report: Report) -> None:
    settings = services.settings
    sealer = Sealer(services.log, settings.checkpoint_key(), settings.origin)
    runner = Runner(services.log, services.codec, services.store, VIEWS)
    progress = Progress()
    failures: list[BaseException] = []
    halt = threading.Event()

    woken = threading.Event()

    def seen(position: int) -> None:
        progress.views = position
        report(progress)
        woken.set()

    def sealed(size: int, error: str | None) -> None:
        if (size, error) != (progress.sealed, progress.error):
            progress.sealed, progress.error = size, error
            report(progress)

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 told to the supervisor below
            failures.append(error)
        finally:
            halt.set()

    threads = [
        threading.Thread(target=guarded, args=(lambda: runner.run(halt, seen),), name="views"),
        threading.Thread(target=guarded, args=(lambda: sealer.run(halt, sealed),), name="sealer"),
        threading.Thread(
            target=guarded, args=(lambda: policies.run(services, halt, woken),), name="policy"
        ),
    ]
    for thread in threads:
        thread.start()
    while not (stop.wait(POLL_SECONDS) or halt.is_set()):
        pass
    halt.set()
    woken.set()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


# ── the server's side ────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Followers:
    """Supervises the follower of one server and wakes those who wait for it."""

    services: Services
    progress: Progress = field(default_factory=Progress)
    alive: bool = False
    early: "subprocess.Popen[bytes] | None" = None
    """A process that has been loading since before the server did, to be told its settings."""
    process_id: int | None = None
    """Of the follower's own process, while there is one."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _task: "asyncio.Task[None] | None" = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        """Begin to follow in the way the settings say."""
        match self.services.settings.followers:
            case "process":
                self._task = asyncio.create_task(self._supervise(self._run_process))
            case "inline":
                self._task = asyncio.create_task(self._supervise(self._run_inline))
            case "off":
                self.alive = True

    async def stop(self) -> None:
        """End the follower after its page."""
        self._stop.set()
        self._wake()
        if self._task is not None:
            await self._task

    async def wait(self, reached: Callable[[], bool], seconds: float) -> bool:
        """Wait until `reached`, at most `seconds`; woken by progress, looking by itself besides."""
        deadline = time.monotonic() + seconds
        while not reached():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            woken = self._woken
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, POLL_SECONDS)):
                    await woken.wait()
        return True

    def heard(self, progress: Progress) -> None:
        """Take a report in and wake every waiter (on the event loop)."""
        self.alive = True
        self.progress = progress
        self.services.views.notify(progress.views)
        self._wake()

    def _wake(self) -> None:
        woken, self._woken = self._woken, asyncio.Event()
        woken.set()

    async def _supervise(self, run: Callable[[], Any]) -> None:
        backoff = BACKOFF_SECONDS_MIN
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                await run()
            except (OSError, DomainError) as error:
                _log.warning("follower_failed", error=type(error).__name__)
            self.alive = False
            if self._stop.is_set():
                return
            steady = time.monotonic() - started > STEADY_SECONDS
            backoff = BACKOFF_SECONDS_MIN if steady else min(backoff * 2, BACKOFF_SECONDS_MAX)
            _log.warning("follower_down", again_in_seconds=backoff)
            with suppress(TimeoutError):
                async with asyncio.timeout(backoff):
                    await self._stopped()

    async def _stopped(self) -> None:
        while not self._stop.is_set():
            await self._woken.wait()

    async def _run_inline(self) -> None:
        loop = asyncio.get_running_loop()

        def report(progress: Progress) -> None:
            told = Progress(progress.views, progress.sealed, progress.error)
            with suppress(RuntimeError):  # the loop is closing: nobody waits any more
                loop.call_soon_threadsafe(self.heard, told)

        self.alive = True
        thread = asyncio.to_thread(follow, self.services, self._stop, report)
        try:
            await thread
        except Exception as error:  # noqa: BLE001  whatever ended it is told
            _log.exception("follower_failed", error=type(error).__name__)

    async def _run_process(self) -> None:
        process, self.early = self.early or spawned(), None
        if process.stdin is None or process.stdout is None:
            raise OSError("a follower without pipes")
        self.process_id = process.pid
        stopping = asyncio.create_task(self._stopped())
        try:
            process.stdin.write(orjson.dumps(_told(self.services.settings)) + b"\n")
            watcher = asyncio.create_task(self._watch(process.stdout))
            await asyncio.wait({watcher, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            process.stdin.close()
            await asyncio.to_thread(_ended, process)
            self.process_id = None
        await watcher

    async def _watch(self, pipe: IO[bytes]) -> None:
        """Hear every report until the process ends, whose end closes the pipe."""
        lines = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), pipe
        )
        try:
            async for line in lines:
                self.heard(Progress(**orjson.loads(line)))
        finally:
            transport.close()


def _ended(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a process that was asked to end; kill it when it takes too long."""
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _told(settings: Settings) -> dict[str, Any]:
    """Return the settings for the child, secrets and all: they go through a pipe, no command."""
    given = settings.model_dump(mode="python", exclude_unset=True)
    return {
        name: value.get_secret_value()
        if isinstance(value, SecretStr)
        else list(value)
        if isinstance(value, tuple)
        else value
        if isinstance(value, (int, float)) or value is None
        else str(value)
        for name, value in given.items()
    }


# ── the child's side ─────────────────────────────────────────────────────────────────────────────


def run_child() -> None:
    """Follow as told on standard input until it ends; report on standard output, a line each."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told = sys.stdin.buffer.readline()
    if not told:  # the server did not come to start
        return
    settings = load_settings(**orjson.loads(told))
    operator_log.configure(settings.log_level)
    services = open_services(settings, writer=False)
    calm_collector()
    lock = threading.Lock()

    def report(progress: Progress) -> None:
        line = {"views": progress.views, "sealed": progress.sealed, "error": progress.error}
        with lock, suppress(BrokenPipeError):
            sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
            sys.stdout.buffer.flush()

    def until_closed() -> None:
        # Unbuffered: a daemon thread inside Python's own reader breaks the interpreter's end.
        while os.read(sys.stdin.fileno(), 1):
            pass
        stop.set()

    threading.Thread(target=until_closed, daemon=True, name="lifeline").start()
    try:
        follow(services, stop, report)
    finally:
        services.close()


if __name__ == "__main__":
    run_child()
