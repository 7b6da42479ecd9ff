"""The policy of reminders (påmindelser): says once in the log that a deadline came near, or passed.

A policy reads what the log says and appends what follows from it. It may run in any number of
processes and be killed at any moment: a reminder's id is made of what it reminds of, it is decided
from the enquiry's own history, and appended on condition that this still stands.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog

from api.commands.enquiries import ENQUIRY_TYPES, history_of
from api.commands.recording import ATTEMPTS_MAX
from api.commands.rules import Rules, rules_known
from api.main import Services
from api.record_policies import Watch
from domain.calendar import WorkingCalendar
from domain.enquiries import EnquiryAtRisk, EnquiryOverdue
from domain.enquiries.clocks import GIVEN_WARN_DAYS, times_of
from domain.enquiries.decisions import watch
from domain.enquiries.state import EnquiryState
from domain.errors import Conflict, DomainError, Unavailable
from domain.log.envelope import SYSTEM_ACTOR, Envelope
from domain.log.port import Condition, QueryItem
from domain.service_targets import STANDARD, TARGETS_MAX, Clock
from domain.storage import clock
from domain.storage.journal import Entry
from projections.enquiries_due import Due, Place, Portion, due_soon

POLICY_ACTOR: Final = "policy"
"""Who stands in the envelope of a reminder; no person decided it."""
ENQUIRIES_A_STEP: Final = 50
"""Enquiries looked into before others get their turn: a sixth of a second if all are overdue."""
PORTION: Final = 500
"""Enquiries asked of the view at once; most of them were looked into before."""
PAUSE_SECONDS: Final = 1.0
"""Between two looks: a deadline is a day, and following the log comes first."""
EVERY_SECONDS: Final = 60.0
"""How often it looks when nothing happens: time passes without events."""
RETRY_SECONDS: Final = 5.0
"""Pause after a step that failed."""
QUIET_MAX: Final = 100_000
"""Enquiries remembered as told for now; with more the memory is begun anew."""
REMINDERS_MAX: Final = 2 * TARGETS_MAX
"""Reminders one enquiry can have: two for each deadline."""

Reminder = EnquiryAtRisk | EnquiryOverdue

_log = structlog.get_logger("kontaktlog.policies")
_ENVELOPE: Final = Envelope(actor=POLICY_ACTOR, role=SYSTEM_ACTOR, via="system")


def reminder_id(reminder: Reminder) -> str:
    """Return the id of a reminder's event: the same warning of the same deadline, the same id."""
    kind = type(reminder).__name__
    return clock.id_of("reminder", kind, reminder.enquiry_id, reminder.code, reminder.due)


@dataclass(slots=True)
class Reminded:
    """What a look came to: how many enquiries were looked at, how many reminders are new."""

    looked_at: int = 0
    at_risk: int = 0
    overdue: int = 0
    left: bool = False
    """Whether there was more to look at than one step takes."""

    @property
    def recorded(self) -> int:
        """How many reminders are new."""
        return self.at_risk + self.overdue

    def add(self, reminder: Reminder) -> None:
        """Count a reminder that was recorded."""
        self.at_risk += isinstance(reminder, EnquiryAtRisk)
        self.overdue += isinstance(reminder, EnquiryOverdue)


class _Quiet(NamedTuple):
    """An enquiry that was looked at: at which of its events, and until when nothing can be new."""

    position: int
    until: datetime


@dataclass(slots=True)
class Reminders:
    """Looks for enquiries whose deadlines come near and records what is due."""

    services: Services
    _quiet: dict[str, _Quiet] = field(default_factory=dict)
    _place: Place | None = None
    _since: int = 0
    _reached: int = 0
    """Up to which position of the log everything was looked at."""

    def step(self, now: datetime, *, changed_only: bool = False) -> Reminded:
        """Look at some enquiries as of `now`, going on where the last step ended.

        `changed_only` looks at those with events since the last whole look. Nothing is looked at
        twice while nothing can have changed; with nothing due it is one query of an index.
        """
        found = Reminded()
        rules = rules_known(self.services)
        if self._place is None:
            position = self.services.views.position("enquiries")
            self._since, self._reached = self._reached if changed_only else 0, position
        while True:
            portion = self._portion(now + _ahead(rules))
            for due in portion.items:
                if found.looked_at >= ENQUIRIES_A_STEP:
                    found.left = True
                    return found
                self._place = due.place
                if self._is_near(due, now):
                    for reminder in self.remind(due.enquiry_id, now, rules.calendars):
                        found.add(reminder)
                    found.looked_at += 1
                    self._hush(due, now)
            if not portion.more:
                self._place = None
                return found

    def _portion(self, until: datetime) -> Portion:
        """Return what may be due soon: the one question this asks of the views."""
        v = self.services.views.suffix("enquiries")
        with self.services.store.reading() as reader:
            return due_soon(reader, v, until, PORTION, self._place, self._since)

    def whole(self, now: datetime) -> Reminded:
        """Look at every enquiry as of `now` (command line, tests)."""
        total = Reminded()
        more = True
        while more:
            part = self.step(now)
            total.looked_at += part.looked_at
            total.at_risk += part.at_risk
            total.overdue += part.overdue
            more = part.left
        return total

    def remind(
        self, enquiry_id: str, now: datetime, calendars: Mapping[str, WorkingCalendar]
    ) -> list[Reminder]:
        """Record what is due for one enquiry; return what this process recorded itself.

        Whoever answers meanwhile makes the append fail: the enquiry is read and decided anew.
        """
        made: list[Reminder] = []
        attempts = ATTEMPTS_MAX
        while len(made) < REMINDERS_MAX and attempts:
            head = self.services.log.head()
            _, state = history_of(self.services, enquiry_id)
            reminder = self._next(state, now, calendars)
            if reminder is None:
                break
            try:
                recorded = self.services.journal.record_sync(self._entry(reminder, head))
            except Conflict as conflict:
                if conflict.code != "condition_failed":
                    raise
                attempts -= 1
                continue
            if recorded.duplicate:
                attempts -= 1
            else:
                made.append(reminder)
        return made

    def _next(
        self, state: EnquiryState, now: datetime, calendars: Mapping[str, WorkingCalendar]
    ) -> Reminder | None:
        """Return the first warning that is due and not told; each is recorded by itself.

        What was done after the day looked back at is done all the same: nobody is reminded of it.
        """
        times = times_of(state)
        done = {Clock.FIRST_RESPONSE: times.first_response, Clock.ANSWER: times.answered}
        due = watch(state, now, self.services.zone, calendars)
        return next((reminder for reminder in due if done[reminder.clock] is None), None)

    def _entry(self, reminder: Reminder, head: int) -> Entry:
        item = QueryItem(ENQUIRY_TYPES, (f"enquiry:{reminder.enquiry_id}",))
        return Entry(
            [reminder], _ENVELOPE, [reminder_id(reminder)], condition=Condition((item,), head)
        )

    def _is_near(self, due: Due, now: datetime) -> bool:
        """Whether there may be something new to say: a moment has come, and it was not hushed."""
        known = self._quiet.get(due.enquiry_id)
        if known is not None and known.position >= due.position and now < known.until:
            return False
        return any(moment <= now for moment in due.moments(self.services.zone))

    def _hush(self, due: Due, now: datetime) -> None:
        """Remember that nothing is due before the next day begins or a given moment comes.

        `due.position` is the view's: what was recorded just now makes it look once more.
        """
        if len(self._quiet) >= QUIET_MAX:
            self._quiet.clear()
        tomorrow = now.astimezone(self.services.zone).date() + timedelta(days=1)
        midnight = datetime.combine(tomorrow, datetime.min.time(), self.services.zone)
        later = [m for m in due.moments(self.services.zone) if m > now]
        self._quiet[due.enquiry_id] = _Quiet(due.position, min([midnight, *later]))


def _ahead(rules: Rules) -> timedelta:
    """Return how far ahead of a deadline it can come near: working days as days, with holidays."""
    warned = [target.terms.warn_days for target in (*STANDARD, *rules.targets)]
    return timedelta(days=2 * max([GIVEN_WARN_DAYS, *warned]) + 14)


def run(
    services: Services,
    stop: threading.Event,
    woken: threading.Event,
    now: Callable[[], datetime] = clock.now,
) -> None:
    """Remind until `stop`: soon after events came in (`woken`), and at least once a minute.

    What goes wrong is told and tried again; following the log never waits for it.
    """
    reminders, records = Reminders(services), Watch(services)
    whole_at = time.monotonic()
    while not stop.is_set():
        woken.clear()
        whole = time.monotonic() >= whole_at
        pause = RETRY_SECONDS
        try:
            found = reminders.step(now(), changed_only=not whole)
            if found.recorded:
                _log.info("reminded", at_risk=found.at_risk, overdue=found.overdue)
            if whole and any(said := records.step(now())):
                _log.info("records_watched", reminded=said.reminded, passed=said.passed)
            if whole and not found.left:
                whole_at = time.monotonic() + EVERY_SECONDS
            pause = 0.0 if found.left else whole_at - time.monotonic()
        except Unavailable:
            _log.debug("policy_waits")
        except Exception as error:  # noqa: BLE001 a fault of ours must not stop the views
            told = error.code if isinstance(error, DomainError) else type(error).__name__
            _log.warning("policy_failed", error=told)
        stop.wait(PAUSE_SECONDS)
        _sleep(pause, stop, woken)


def _sleep(seconds: float, stop: threading.Event, woken: threading.Event) -> None:
    """Wait until woken, told to stop, or the time is over."""
    end = time.monotonic() + seconds
    while not (stop.is_set() or woken.is_set()) and (left := end - time.monotonic()) > 0:
        woken.wait(min(left, PAUSE_SECONDS))
