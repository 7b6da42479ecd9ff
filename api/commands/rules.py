"""Commands about rules: service targets, calendars of working days, routing rules.

Rules are few and every enquiry is decided by them, so a decision reads them from the log itself:
one that was adopted a moment ago holds, whatever the views have got to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from api.commands.recording import (
    Caller,
    Prepared,
    Settled,
    envelope_of,
    mark_of,
    parties_named,
    parties_named_sync,
    replayed,
    settle,
    settle_sync,
)
from api.main import Services
from domain import routing, service_targets
from domain.access import Principal
from domain.calendar import PROFILES, Profile, WorkingCalendar
from domain.log.codec import Fact
from domain.log.envelope import Via
from domain.log.port import Condition, QueryItem
from domain.registry import EVENTS
from domain.routing import (
    AdoptRoutingRule,
    RoutingEvent,
    RoutingRuleAdopted,
    RoutingRuleWithdrawn,
    WithdrawRoutingRule,
    adopt,
    withdraw,
)
from domain.service_targets import (
    DefineWorkingDays,
    EndServiceTarget,
    ServiceTargetEnded,
    ServiceTargetEvent,
    ServiceTargetSet,
    SetServiceTarget,
    WorkingDaysDefined,
    define_days,
    end_target,
    set_target,
)
from domain.storage import clock
from domain.storage.journal import Entry
from domain.values import PartyRef, Value

TARGET_TYPES: Final = tuple(
    name for name, kind in EVENTS.items() if kind.tags_of is service_targets.tags_of
)
ROUTING_TYPES: Final = tuple(
    name for name, kind in EVENTS.items() if kind.tags_of is routing.tags_of
)
RULE_ITEMS: Final = (
    QueryItem(TARGET_TYPES, ("service_targets",)),
    QueryItem(ROUTING_TYPES, ("routing_rules",)),
)
"""Every event about rules."""

RuleCommand = (
    SetServiceTarget | EndServiceTarget | DefineWorkingDays | AdoptRoutingRule | WithdrawRoutingRule
)
Parties = Mapping[str, PartyRef | None]


@dataclass(frozen=True, slots=True)
class Rules:
    """Every rule there ever was, each with the day it ends; which hold on a day is asked later."""

    targets_by_id: Mapping[str, ServiceTargetSet]
    profiles: Mapping[str, Profile]
    rules_by_id: Mapping[str, RoutingRuleAdopted]

    @property
    def targets(self) -> tuple[ServiceTargetSet, ...]:
        """The service targets that were set; the standard ones are not among them."""
        return tuple(self.targets_by_id.values())

    @property
    def rules(self) -> tuple[RoutingRuleAdopted, ...]:
        """The routing rules."""
        return tuple(self.rules_by_id.values())

    @property
    def calendars(self) -> Mapping[str, WorkingCalendar]:
        """The calendars by code; the newest definition of a code counts."""
        return {code: WorkingCalendar(profile) for code, profile in self.profiles.items()}


@dataclass(frozen=True, slots=True)
class RuleDone:
    """A rule after a command: its facts up to and with the command's own."""

    rule_id: str
    facts: Sequence[Fact]
    repeated: bool

    @property
    def position(self) -> int:
        """Position of the newest fact."""
        return self.facts[-1].position


def rules_known(services: Services, at: int | None = None) -> Rules:
    """Return all rules as the log has them now, or had them at a position."""
    rows = services.log.matching(RULE_ITEMS)
    facts = services.codec.facts([row for row in rows if at is None or row.position <= at])
    return rules_of([services.codec.event(fact) for fact in facts])


def rules_of(events: Sequence[Value]) -> Rules:
    """Return the rules that these events make, oldest first."""
    targets: dict[str, ServiceTargetSet | None] = {}
    profiles = dict(PROFILES)
    rules: dict[str, RoutingRuleAdopted | None] = {}
    for event in events:
        match event:
            case ServiceTargetSet() | ServiceTargetEnded():
                before = targets.get(event.target_id)
                targets[event.target_id] = service_targets.evolve(before, event)
            case RoutingRuleAdopted() | RoutingRuleWithdrawn():
                standing = rules.get(event.rule_id)
                rules[event.rule_id] = routing.evolve(standing, event)
            case WorkingDaysDefined():
                profiles[event.profile.code] = event.profile
            case _:
                pass
    return Rules(
        {key: target for key, target in targets.items() if target},
        profiles,
        {key: rule for key, rule in rules.items() if rule},
    )


# ── change ───────────────────────────────────────────────────────────────────────────────────────


async def change_rules(
    services: Services,
    principal: Principal,
    command: RuleCommand,
    rule_id: str | None = None,
    *,
    via: Via,
    key: str | None = None,
) -> RuleDone:
    """Set up a rule, or end the one named; Unknown or Refused when that cannot be."""
    caller = Caller(principal, via, key)
    found = await parties_named(services, _keys(command))
    change = _Change(services, caller, command, found, rule_id)
    return change.done(await settle(services, change.attempt))


def change_rules_sync(
    services: Services,
    principal: Principal,
    command: RuleCommand,
    rule_id: str | None = None,
    *,
    via: Via,
    key: str | None = None,
) -> RuleDone:
    """Set up a rule, or end the one named (CLI, imports)."""
    caller = Caller(principal, via, key)
    found = parties_named_sync(services, _keys(command))
    change = _Change(services, caller, command, found, rule_id)
    return change.done(settle_sync(services, change.attempt))


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of the rules; `rule_id` is None for a rule that is new."""

    services: Services
    caller: Caller
    command: RuleCommand
    parties: Parties
    rule_id: str | None

    def attempt(self) -> Prepared | Settled:
        """Decide from all rules as they stand; or find the answer given before.

        Rules are few and changed seldom, so each change is on condition that no other rule changed.
        """
        name = type(self.command).__name__
        mark = mark_of(self.services, name, self.command, self.rule_id or "")
        before = replayed(self.services, self.caller, mark)
        if before is not None:
            return Settled([before], None)
        head = self.services.log.head()
        entry = Entry(
            [self._decide(rules_known(self.services))],
            envelope_of(self.caller, mark),
            condition=Condition(RULE_ITEMS, head),
            key_hash=self.caller.key_hash,
        )
        return Prepared(entry)

    def _decide(self, known: Rules) -> ServiceTargetEvent | RoutingEvent:
        new_id, ended = clock.new_id(), self.rule_id or ""
        match self.command:
            case SetServiceTarget() as command:
                return set_target(command, new_id, self.parties, known.profiles)
            case EndServiceTarget() as command:
                return end_target(known.targets_by_id.get(ended), command)
            case DefineWorkingDays() as command:
                return define_days(command, known.profiles)
            case AdoptRoutingRule() as command:
                return adopt(command, new_id, self.parties)
            case WithdrawRoutingRule() as command:
                return withdraw(known.rules_by_id.get(ended), command)

    def done(self, settled: Settled) -> RuleDone:
        """Return what the change came to."""
        recorded = settled.recorded
        facts = settled.history if recorded is None else recorded.facts
        repeated = recorded is None or recorded.duplicate
        return RuleDone(_id_in(facts[0]), facts, repeated)


def _id_in(fact: Fact) -> str:
    data = fact.data
    return str(data.get("target_id") or data.get("rule_id") or data["profile"]["code"])


def _keys(command: RuleCommand) -> list[str]:
    """Return every party key the command names."""
    match command:
        case SetServiceTarget():
            return list(command.administrations)
        case AdoptRoutingRule():
            return list(dict.fromkeys([*command.organisations, command.to]))
        case _:
            return []
