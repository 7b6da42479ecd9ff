"""The policy of records (påmindelser og overskredne dage): what a day says, said once.

A commitment or a follow-up whose day comes near is reminded of. When the day has passed with
nothing done, a commitment is broken and a follow-up overdue; an agreement whose time is up has
expired. What follows is the register's own `watch`; here it is looked for and appended: under an id
made of the record, the day and how much had happened, and only while the record's history still
stands, so it is said once by any number of processes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from api.commands.recording import ATTEMPTS_MAX
from api.commands.registers import record_of
from api.main import Services
from domain.commitments import CommitmentDueSoon
from domain.errors import Conflict
from domain.followups import FollowUpDueSoon
from domain.log.envelope import SYSTEM_ACTOR, Envelope
from domain.log.port import Condition, QueryItem
from domain.records import Record
from domain.registers import REGISTERS, Register
from domain.storage import clock
from domain.storage.journal import Entry
from domain.values import Value
from projections.registers import fallen_due

POLICY_ACTOR: Final = "policy"
RECORDS_A_STEP: Final = 100
"""Records of one register looked into before others get their turn."""
RECORDS_AT_ONCE: Final = 100_000
"""Records of one register looked into when everything is asked for at once, from the shell."""
_REMINDERS: Final = (CommitmentDueSoon, FollowUpDueSoon)
_ENVELOPE: Final = Envelope(actor=POLICY_ACTOR, role=SYSTEM_ACTOR, via="system")


class Said(NamedTuple):
    """How much was new: reminders of days to come, and days that passed."""

    reminded: int = 0
    passed: int = 0


class Watch:
    """Looks at the records whose day has come; `_entry` is a part of its own for tests."""

    def __init__(self, services: Services) -> None:
        """Nothing is remembered between looks: what was said stands in the log."""
        self.services = services

    def step(self, now: datetime, limit: int = RECORDS_A_STEP) -> Said:
        """Record what follows from the days by `now`, of at most `limit` records of a register."""
        today = now.astimezone(self.services.zone).date().isoformat()
        said = [self._of_register(each, today, limit) for each in REGISTERS.values()]
        return Said(sum(each.reminded for each in said), sum(each.passed for each in said))

    def _of_register(self, register: Register, today: str, limit: int) -> Said:
        v = self.services.views.suffix(register.name)
        with self.services.store.reading() as reader:
            due = fallen_due(reader, v, today, limit)
        events = [event for record_id in due for event in self._said(register, record_id, today)]
        reminded = sum(isinstance(event, _REMINDERS) for event in events)
        return Said(reminded, len(events) - reminded)

    def _said(self, register: Register, record_id: str, today: str) -> Sequence[Value]:
        """Decide from the record's own history; whoever steps it meanwhile has it decided anew.

        Returns what was recorded, nothing when somebody else had said it.
        """
        for _ in range(ATTEMPTS_MAX):
            facts, record, last = record_of(self.services, register, record_id)
            events = [] if record is None else register.watch(record, today)
            if not events or record is None:
                return []
            try:
                entry = self._entry(register, record, (len(facts), last), events)
                recorded = self.services.journal.record_sync(entry)
            except Conflict as conflict:
                if conflict.code != "condition_failed":
                    raise
                continue
            return [] if recorded.duplicate else events
        return []

    def _entry(
        self, register: Register, record: Record, told: tuple[int, int], events: Sequence[Value]
    ) -> Entry:
        """Return what is appended: the same from every process that sees the same history.

        `told` is how many facts it was decided from, and the position of the last one looked at.
        """
        count, last = told
        day = register.due(record) or ""
        event_id = clock.id_of("watched", register.noun, record.id, day, str(count))
        item = QueryItem(tuple(sorted(register.events)), (register.tag(record.id),))
        condition = Condition((item,), last)
        return Entry(list(events), _ENVELOPE, [event_id], condition=condition)
