"""The policy of records (overskredne datoer): says once that a day passed with nothing done.

A commitment whose day has passed is broken, an agreement whose time is up has expired. What follows
is the register's own `watch`; here it is looked for and appended: under an id made of the record
and the day, and only while the record's history still stands, so it is said once by any number of
processes.
"""

from datetime import datetime
from typing import Final

from api.commands.recording import ATTEMPTS_MAX
from api.commands.registers import record_of
from api.main import Services
from domain.errors import Conflict
from domain.log.envelope import SYSTEM_ACTOR, Envelope
from domain.log.port import Condition, QueryItem
from domain.registers import REGISTERS, Register
from domain.storage import clock
from domain.storage.journal import Entry
from projections.registers import fallen_due

POLICY_ACTOR: Final = "policy"
RECORDS_A_STEP: Final = 100
"""Records of one register looked into before others get their turn."""
_ENVELOPE: Final = Envelope(actor=POLICY_ACTOR, role=SYSTEM_ACTOR, via="system")


def step(services: Services, now: datetime) -> int:
    """Record what follows from the days that have passed by `now`; return how much was new."""
    today = now.astimezone(services.zone).date().isoformat()
    return sum(_of_register(services, register, today) for register in REGISTERS.values())


def _of_register(services: Services, register: Register, today: str) -> int:
    v = services.views.suffix(register.name)
    with services.store.reading() as reader:
        due = fallen_due(reader, v, today, RECORDS_A_STEP)
    return sum(_watch(services, register, record_id, today) for record_id in due)


def _watch(services: Services, register: Register, record_id: str, today: str) -> int:
    """Decide from the record's own history; whoever steps it meanwhile has it decided anew."""
    types = tuple(sorted(register.events))
    item = QueryItem(types, (register.tag(record_id),))
    for _ in range(ATTEMPTS_MAX):
        facts, record, last = record_of(services, register, record_id)
        events = [] if record is None else list(register.watch(record, today))
        if not events or record is None:
            return 0
        said = str(len(facts))
        event_id = clock.id_of(
            "watched", register.noun, record_id, register.due(record) or "", said
        )
        entry = Entry(events, _ENVELOPE, [event_id], condition=Condition((item,), last))
        try:
            recorded = services.journal.record_sync(entry)
        except Conflict as conflict:
            if conflict.code != "condition_failed":
                raise
            continue
        return 0 if recorded.duplicate else len(events)
    return 0
