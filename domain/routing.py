"""Routing rules (fordelingsregler): dated data that suggest, or decide, who gets an enquiry.

A rule names what it looks at (topic, KLE, sender) and where it sends. The desk stays free to choose
otherwise; what was suggested and what was done are both told with the rule's name.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from domain.errors import Fault, Refused, Unknown
from domain.service_targets import folded
from domain.values import (
    LIST_ITEMS_MAX,
    Day,
    Kle,
    Name,
    Number,
    PartyRef,
    Reason,
    Value,
    refuse_if,
)


class RuleMatch(Value):
    """What a rule looks at: every list that is not empty must have something in common."""

    topics: Annotated[tuple[Number, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    kle: Annotated[tuple[Kle, ...], Field(max_length=LIST_ITEMS_MAX)] = ()


class AdoptRoutingRule(Value):
    """Adopt a routing rule (indfør fordelingsregel); a higher priority is looked at first."""

    name: Name = Field(examples=["Anvisning til Center for Bydesign"])
    match: RuleMatch = RuleMatch()
    organisations: Annotated[tuple[Name, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    to: Name = Field(examples=["TMF"])
    automatic: bool = Field(default=False, description="Route on receipt, naming the rule")
    priority: Annotated[int, Field(ge=0, le=1_000)] = 100
    valid_from: Day
    valid_to: Day | None = None


class WithdrawRoutingRule(Value):
    """Withdraw a routing rule (ophæv fordelingsregel) from a day on."""

    valid_to: Day
    reason: Reason


class RoutingRuleAdopted(Value):
    """A routing rule holds from a day on (fordelingsregel indført)."""

    rule_id: str
    name: str
    match: RuleMatch
    organisations: tuple[PartyRef, ...] = ()
    to: PartyRef
    automatic: bool
    priority: int
    valid_from: str
    valid_to: str | None = None


class RoutingRuleWithdrawn(Value):
    """A routing rule no longer holds (fordelingsregel ophævet)."""

    rule_id: str
    valid_to: str
    reason: str


RoutingEvent = RoutingRuleAdopted | RoutingRuleWithdrawn


def tags_of(event: RoutingEvent) -> list[str]:
    """Return the tags of an event about routing rules."""
    return [f"routing_rule:{event.rule_id}", "routing_rules"]


# ── suggestions ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Who could get an enquiry (forslag), and why.

    `reason` says what a rule found, such as `topics: anvisning`, or `past_routing: 12`, the number
    of like enquiries that went there; a suggestion from the past names no rule.
    """

    unit: PartyRef
    rule_id: str | None
    rule_name: str | None
    automatic: bool
    reason: str


def suggest(
    rules: Sequence[RoutingRuleAdopted],
    *,
    day: str,
    topics: Collection[str],
    kle: Collection[str],
    senders: Collection[str],
    past: Sequence[tuple[PartyRef, int]],
) -> tuple[Suggestion, ...]:
    """Return who could get an enquiry, each unit once: by rules first, then by past routing.

    Rules are looked at by priority, highest first, then by name. `senders` are the ids of whoever
    sent the enquiry, with all that they are the same as or belong to.
    """
    found: dict[str, Suggestion] = {}
    for one in _by_rules(rules, day, topics, kle, senders):
        found.setdefault(one.unit.id, one)
    for unit, count in sorted(past, key=lambda each: (-each[1], each[0].name)):
        by_past = Suggestion(unit, None, None, automatic=False, reason=f"past_routing: {count}")
        found.setdefault(unit.id, by_past)
    return tuple(found.values())


def automatic(
    rules: Sequence[RoutingRuleAdopted],
    *,
    day: str,
    topics: Collection[str],
    kle: Collection[str],
    senders: Collection[str],
) -> Suggestion | None:
    """Return where the first automatic rule that matches sends an enquiry, if any does."""
    matching = _by_rules(rules, day, topics, kle, senders)
    return next((one for one in matching if one.automatic), None)


def _by_rules(
    rules: Sequence[RoutingRuleAdopted],
    day: str,
    topics: Collection[str],
    kle: Collection[str],
    senders: Collection[str],
) -> list[Suggestion]:
    standing = [
        rule
        for rule in rules
        if rule.valid_from <= day and (rule.valid_to is None or day < rule.valid_to)
    ]
    standing.sort(key=lambda rule: (-rule.priority, rule.name, rule.rule_id))
    return [
        Suggestion(rule.to, rule.rule_id, rule.name, rule.automatic, reason)
        for rule in standing
        if (reason := _found(rule, topics, kle, senders)) is not None
    ]


def _found(
    rule: RoutingRuleAdopted,
    topics: Collection[str],
    kle: Collection[str],
    senders: Collection[str],
) -> str | None:
    """Return what the rule found in the enquiry, or None when one of its lists found nothing."""
    asked = folded(topics)
    looked = {
        "topics": (rule.match.topics, [t for t in rule.match.topics if t.casefold() in asked]),
        "kle": (rule.match.kle, [k for k in rule.match.kle if any(n.startswith(k) for n in kle)]),
        "organisations": (
            rule.organisations,
            [party.name for party in rule.organisations if party.id in senders],
        ),
    }
    if any(wanted and not there for wanted, there in looked.values()):
        return None
    said = [f"{name}: {', '.join(there)}" for name, (_, there) in looked.items() if there]
    return "; ".join(said) or "every_enquiry"


# ── decisions ────────────────────────────────────────────────────────────────────────────────────


def adopt(
    command: AdoptRoutingRule, rule_id: str, known_parties: Mapping[str, PartyRef | None]
) -> RoutingRuleAdopted:
    """Decide a routing rule from a day on."""
    faults: list[Fault] = []
    if command.valid_to is not None and command.valid_to < command.valid_from:
        faults.append(Fault("/valid_to", "invalid_input"))
    places = {f"/organisations/{n}": key for n, key in enumerate(command.organisations)}
    places["/to"] = command.to
    for pointer, key in places.items():
        if known_parties.get(key) is None:
            code = "ambiguous_party" if key in known_parties else "unknown_party"
            faults.append(Fault(pointer, code))
    refuse_if(faults)
    found = {key: party for key, party in known_parties.items() if party is not None}
    senders = {found[key].id: found[key] for key in command.organisations}
    return RoutingRuleAdopted(
        rule_id=rule_id,
        name=command.name,
        match=command.match,
        organisations=tuple(senders.values()),
        to=found[command.to],
        automatic=command.automatic,
        priority=command.priority,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
    )


def withdraw(rule: RoutingRuleAdopted | None, command: WithdrawRoutingRule) -> RoutingRuleWithdrawn:
    """Decide the first day on which a rule no longer holds; `rule` is it as it stands."""
    if rule is None:
        raise Unknown("rule_unknown")
    if command.valid_to < rule.valid_from:
        raise Refused("invalid_input", [Fault("/valid_to", "invalid_input")])
    if rule.valid_to == command.valid_to:
        raise Refused("nothing_changed", [Fault("/valid_to", "nothing_changed")])
    return RoutingRuleWithdrawn(
        rule_id=rule.rule_id, valid_to=command.valid_to, reason=command.reason
    )


def evolve(rule: RoutingRuleAdopted | None, event: RoutingEvent) -> RoutingRuleAdopted | None:
    """Fold one event into a rule as it stands; total, never refuses."""
    if isinstance(event, RoutingRuleAdopted):
        return event
    return rule.model_copy(update={"valid_to": event.valid_to}) if rule else None
