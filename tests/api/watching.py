"""Records whose day comes, and what processes do that look for them; spawned ones import this."""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from api.commands.registers import act_sync
from api.main import Services, open_services
from api.record_policies import Said, Watch
from api.settings import Settings
from domain.log.codec import Fact
from domain.records import Record
from domain.registers import REGISTERS, Register
from domain.storage import clock
from domain.storage.journal import Entry
from domain.values import Value
from tests.api.builders import settings_in
from tests.api.reminding import DESK, follow, installation

SPAWN = multiprocessing.get_context("spawn")
NEAR = datetime(2010, 3, 25, 12, tzinfo=UTC)
"""Within a week before the day of what is opened here."""
PASSED = datetime(2010, 6, 1, 12, tzinfo=UTC)
OPENINGS: dict[str, dict[str, Any]] = {
    "commitments": {"by": "TMF", "to": ["KAB"], "promised": "Svar"},
    "followups": {"owner": "TMF", "concerns": ["KAB"], "what": "Ring"},
}


def opened(services: Services, name: str, **more: Any) -> str:
    """Open a record that is due on the last of March 2010; return its id."""
    register = REGISTERS[name]
    body = OPENINGS[name] | {"due": "2010-03", "occurred": "2010-02-01"} | more
    command = register.open.command.model_validate(body, strict=False)
    return act_sync(services, DESK, register, command, via="cli").record_id


def stepped(services: Services, name: str, record_id: str, step: str, **body: Any) -> None:
    """Take a step of a record."""
    register = REGISTERS[name]
    command = register.steps[step].command.model_validate(body, strict=False)
    act_sync(services, DESK, register, command, via="cli", step=step, record_id=record_id)


def said(services: Services) -> list[Fact]:
    """What policies said of records, oldest first."""
    found: list[Fact] = []
    after = 0
    while rows := services.log.rows(after):
        after = rows[-1].position
        found += [f for f in services.codec.facts(rows) if f.meta["actor"] == "policy"]
    return found


def counted(services: Services) -> Counter[tuple[str, str]]:
    """How often each thing was said of each record."""
    ids = [str(f.data.get("commitment_id") or f.data["followup_id"]) for f in said(services)]
    return Counter(zip([f.type for f in said(services)], ids, strict=True))


class Interrupted(Watch):
    """A policy during whose decision something happens, once."""

    happens: Any = None

    def _entry(
        self, register: Register, record: Record, told: tuple[int, int], events: Sequence[Value]
    ) -> Entry:
        entry = super()._entry(register, record, told, events)
        happens, type(self).happens = type(self).happens, None
        if happens is not None:
            happens()
        return entry


class InterruptedHasty(Interrupted):
    """The same as one would write it first: ids of its own, no look at what others wrote."""

    def _entry(
        self, register: Register, record: Record, told: tuple[int, int], events: Sequence[Value]
    ) -> Entry:
        careful = super()._entry(register, record, told, events)
        return Entry(careful.events, careful.envelope, [clock.new_id()])


class Mortal(Watch):
    """A policy killed where it hurts: after something is in the log, before any view knows it."""

    left = 7

    def _said(self, register: Register, record_id: str, today: str) -> Sequence[Value]:
        found = super()._said(register, record_id, today)
        type(self).left -= 1
        if type(self).left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found


POLICIES: dict[str, type[Watch]] = {policy.__name__: policy for policy in (Watch, Mortal)}


def look(settings: dict[str, Any], name: str, line: "Connection[Any, Any]") -> None:
    """Look when told to, near the day and after it (a process of its own); say how much was new."""
    services = open_services(Settings(**settings), writer=False)
    try:
        line.send("ready")
        line.recv()
        policy = POLICIES[name](services)
        line.send([tuple(policy.step(now)) for now in (NEAR, PASSED)])
    finally:
        services.close()


@contextmanager
def processes(place: dict[str, Any], *names: str) -> Iterator[list["Connection[Any, Any]"]]:
    """Start a process for each policy named, all told to go at once; end them afterwards."""
    lines: list[Connection[Any, Any]] = []
    started: list[SpawnProcess] = []
    try:
        for name in names:
            ours, theirs = SPAWN.Pipe()
            process = SPAWN.Process(target=look, args=(place, name, theirs))
            process.start()
            theirs.close()
            started.append(process)
            lines.append(ours)
        for line in lines:
            assert line.recv() == "ready"
        for line in lines:
            line.send("go")
        yield lines
    finally:
        for process in started:
            process.join(60)
            process.kill()


def told_by(place: dict[str, Any], *names: str) -> Said:
    """What processes that look at once recorded, all together."""
    with processes(place, *names) as lines:
        found = [Said(*each) for line in lines for each in line.recv()]
    return Said(sum(s.reminded for s in found), sum(s.passed for s in found))


@contextmanager
def twenty(place: dict[str, Any]) -> Iterator[Services]:
    """An installation with ten commitments and ten follow-ups that are due on the same day."""
    folder = Path(place.get("data_dir", "."))
    with installation(settings_in(folder, **place)) as services:
        for name in OPENINGS:
            for _ in range(10):
                opened(services, name)
        follow(services)
        yield services
