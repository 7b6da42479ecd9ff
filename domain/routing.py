"""Routing rules (fordelingsregler): dated data that suggest, or decide, who gets an enquiry.

A rule names what it looks at (topic, KLE, sender) and where it sends. The desk stays free to choose
otherwise; what was suggested and what was done are both told with the rule's name.
"""

from typing import Annotated

from pydantic import Field

from domain.values import LIST_ITEMS_MAX, Day, Kle, Name, Number, PartyRef, Reason, Value


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
