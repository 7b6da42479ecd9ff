"""Enquiries for the tests of the policy, and what its processes run; spawned ones import this."""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

from api.cli.terminal import caught_up
from api.commands.enquiries import receive_enquiry_sync, take_step_sync
from api.commands.parties import register_party_sync
from api.main import Services, open_services
from api.policies import Reminder, Reminders
from api.settings import Settings
from domain.access import Role, principal_of
from domain.enquiries import AnswerEnquiry, AnswerKind, ReceiveEnquiry
from domain.log.codec import Fact
from domain.parties import RegisterParty
from domain.storage import clock
from domain.storage.journal import Entry

DESK = principal_of("desk", Role.ENTRY_DESK, ())
NOW = datetime(2010, 6, 1, 12, tzinfo=UTC)
"""Long after the deadlines of what was received in the spring."""


@contextmanager
def installation(settings: Settings) -> Iterator[Services]:
    """An installation whose parties are known."""
    services = open_services(settings, writer=False)
    try:
        for kind, name in (("administration", "TMF"), ("housing_organisation", "KAB")):
            command = RegisterParty(kind=kind, name=name)
            register_party_sync(services, DESK, command, via="cli")
        follow(services)
        yield services
    finally:
        services.close()


def follow(services: Services) -> None:
    """Bring the views to the end of the log."""
    services.directory.forget()
    caught_up(services, services.log.head())


def received(services: Services, day: str = "2010-03-01", **more: Any) -> str:
    """Receive an enquiry by phone or letter; return its id."""
    given = {"sender": "KAB", "administrations": ["TMF"], "medium": "letter", "received": day}
    command = ReceiveEnquiry.model_validate_json(
        json.dumps(given | {"subject": "Udlejning"} | more)
    )
    return receive_enquiry_sync(services, DESK, command, via="cli").enquiry_id


def answered(services: Services, enquiry_id: str) -> None:
    command = AnswerEnquiry(answer_kind=AnswerKind.SUBSTANTIVE)
    take_step_sync(services, DESK, enquiry_id, command, via="cli", lenient=True)


def warnings(services: Services) -> list[Fact]:
    """Every reminder in the log, oldest first."""
    found: list[Fact] = []
    after = 0
    while rows := services.log.rows(after):
        after = rows[-1].position
        found += [
            fact
            for fact in services.codec.facts(rows)
            if fact.type in ("enquiry.at_risk/1", "enquiry.overdue/1")
        ]
    return found


def told(services: Services) -> Counter[tuple[str, str, str]]:
    """How often each warning of each deadline stands in the log."""
    return Counter((f.type, f.data["enquiry_id"], f.data["code"]) for f in warnings(services))


class Hasty(Reminders):
    """A policy as one would write it first: ids of its own, and no look at what others wrote.

    It may have a line on which it tells when it has decided first, and waits before it records.
    """

    line: "Connection[Any, Any] | None" = None

    def _entry(self, reminder: Reminder, head: int) -> Entry:
        careful = super()._entry(reminder, head)
        line, type(self).line = type(self).line, None
        if line is not None:
            line.send("decided")
            line.recv()
        return Entry(careful.events, careful.envelope, [clock.new_id()])


class Mortal(Reminders):
    """A policy killed where it hurts: after a reminder is in the log, before any view knows it."""

    left = 7

    def _hush(self, due: Any, now: datetime) -> None:
        type(self).left -= 1
        if type(self).left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        super()._hush(due, now)


POLICIES = {policy.__name__: policy for policy in (Reminders, Hasty, Mortal)}


def remind(settings: dict[str, Any], policy: str, line: "Connection[Any, Any]") -> None:
    """Run a policy once when told to (a process of its own); answer how many reminders it made."""
    services = open_services(Settings(**settings), writer=False)
    try:
        line.send("ready")
        line.recv()
        Hasty.line = line
        line.send(POLICIES[policy](services).whole(NOW).recorded)
    finally:
        services.close()
