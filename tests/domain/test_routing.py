"""Routing rules: who a rule suggests, which one decides, and what past routing says."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import routing
from domain.errors import Refused, Unknown
from domain.routing import (
    AdoptRoutingRule,
    RoutingRuleAdopted,
    RoutingRuleWithdrawn,
    RuleMatch,
    Suggestion,
    WithdrawRoutingRule,
    tags_of,
)
from domain.values import PartyRef
from tests.domain.samples import AAB, KAB, OF_TYPE, PARTIES, SOF, TMF, days, refs, words
from tests.domain.scenario import Refusal, Story

RULE = "018f0000-0000-7000-8000-0000000000d1"


def rule(name: str = "Regel", **changed: Any) -> RoutingRuleAdopted:
    match = RuleMatch(topics=changed.pop("topics", ()), kle=changed.pop("kle", ()))
    fields: dict[str, Any] = {
        "rule_id": f"id-{name}",
        "name": name,
        "match": match,
        "to": TMF,
        "automatic": False,
        "priority": 100,
        "valid_from": "2010-01-01",
    }
    return RoutingRuleAdopted(**fields | changed)


def suggested(
    rules: Sequence[RoutingRuleAdopted], past: Sequence[tuple[PartyRef, int]] = (), **changed: Any
) -> tuple[Suggestion, ...]:
    asked: dict[str, Any] = {
        "day": "2010-02-22",
        "topics": ("anvisning",),
        "kle": ("03.10.24",),
        "senders": {KAB.id},
    }
    return routing.suggest(rules, past=past, **asked | changed)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, "every_enquiry"),
        ({"topics": ("ANVISNING", "tryghed")}, "topics: ANVISNING"),
        ({"topics": ("tryghed",)}, None),
        ({"kle": ("03", "03.10", "09")}, "kle: 03, 03.10"),
        ({"kle": ("03.10.25",)}, None),
        ({"organisations": (AAB, KAB)}, "organisations: KAB"),
        ({"organisations": (AAB,)}, None),
        ({"topics": ("anvisning",), "organisations": (AAB,)}, None),
        (
            {"topics": ("anvisning",), "kle": ("03",), "organisations": (KAB,)},
            "topics: anvisning; kle: 03; organisations: KAB",
        ),
        ({"valid_from": "2010-02-23"}, None),
        ({"valid_from": "2010-02-22"}, "every_enquiry"),
        ({"valid_to": "2010-02-22"}, None),
        ({"valid_to": "2010-02-23"}, "every_enquiry"),
    ],
)
def test_a_rule_finds_what_all_its_lists_have_in_common_with_the_enquiry(
    changed: dict[str, Any], reason: str | None
) -> None:
    found = suggested([rule(**changed)])
    assert [one.reason for one in found] == ([reason] if reason else [])
    for one in found:
        assert (one.unit, one.rule_id, one.rule_name) == (TMF, "id-Regel", "Regel")


def test_a_higher_priority_is_looked_at_first_then_the_name() -> None:
    rules = [
        rule("b", to=KAB),
        rule("a", to=SOF),
        rule("z", to=AAB, priority=900),
        rule("c", to=SOF, priority=1),
    ]
    for order in (rules, rules[::-1]):
        assert [one.rule_name for one in suggested(order)] == ["z", "a", "b"]


def test_past_routing_stands_after_the_rules_and_names_none() -> None:
    past = [(KAB, 3), (TMF, 90), (AAB, 7), (SOF, 7)]
    found = suggested([rule()], past)
    assert [one.unit for one in found] == [TMF, AAB, SOF, KAB]
    assert found[1] == Suggestion(AAB, None, None, automatic=False, reason="past_routing: 7")


def test_the_first_automatic_rule_decides_even_where_a_manual_one_says_the_same() -> None:
    rules = [
        rule("hånd", to=TMF, priority=900),
        rule("selv", to=TMF, automatic=True),
        rule("senere", to=SOF, automatic=True, priority=1),
    ]
    asked: dict[str, Any] = {"day": "2010-02-22", "topics": (), "kle": (), "senders": ()}
    decided = routing.automatic(rules, **asked)
    assert decided is not None
    assert (decided.rule_name, decided.unit) == ("selv", TMF)
    assert routing.automatic(rules[:1], **asked) is None


_rules = st.lists(OF_TYPE[RoutingRuleAdopted], max_size=6)


@given(_rules, st.lists(st.tuples(refs, st.integers(1, 99)), max_size=4), days, st.data())
def test_no_unit_is_suggested_twice_and_each_has_a_reason(
    rules: list[RoutingRuleAdopted], past: list[tuple[PartyRef, int]], day: str, data: st.DataObject
) -> None:
    topics = data.draw(st.lists(words, max_size=2))
    found = suggested(rules, past, day=day, topics=topics)
    units = [one.unit.id for one in found]
    assert len(units) == len(set(units))
    assert all(one.reason for one in found)
    assert {unit.id for unit, _ in past} <= set(units)
    assert all((one.rule_id is None) is one.reason.startswith("past") for one in found)


# ── adopting and withdrawing ─────────────────────────────────────────────────────────────────────


def adopting(**changed: Any) -> AdoptRoutingRule:
    sent: dict[str, Any] = {
        "name": "Anvisning",
        "match": {"topics": ["anvisning"]},
        "organisations": ["KAB", "kab@almen"],
        "to": "TMF",
        "automatic": True,
        "priority": 200,
        "valid_from": "2010-01-01",
        "valid_to": "2011-01-01",
    }
    return AdoptRoutingRule.model_validate(sent | changed, strict=False)


def test_a_rule_is_adopted_from_a_day_on() -> None:
    event = routing.adopt(adopting(), RULE, PARTIES)
    assert event == RoutingRuleAdopted(
        rule_id=RULE,
        name="Anvisning",
        match=RuleMatch(topics=("anvisning",)),
        organisations=(KAB,),
        to=TMF,
        automatic=True,
        priority=200,
        valid_from="2010-01-01",
        valid_to="2011-01-01",
    )
    assert tags_of(event) == [f"routing_rule:{RULE}", "routing_rules"]


def test_all_that_is_wrong_with_a_rule_is_told_at_once() -> None:
    wrong = adopting(valid_to="2009-12-31", organisations=["KAB", "XYZ"], to="Boligen")
    expected = Refusal(
        Refused,
        "invalid_input",
        (
            ("/valid_to", "invalid_input"),
            ("/organisations/1", "unknown_party"),
            ("/to", "ambiguous_party"),
        ),
    )
    Story(None).when(lambda _: [routing.adopt(wrong, RULE, PARTIES)]).refused(expected)


def withdrawing(day: str = "2010-07-01") -> WithdrawRoutingRule:
    return WithdrawRoutingRule(valid_to=day, reason="ny organisation")


def test_a_rule_is_withdrawn_from_a_day_on() -> None:
    event = routing.withdraw(rule(), withdrawing())
    assert event == RoutingRuleWithdrawn(
        rule_id="id-Regel", valid_to="2010-07-01", reason="ny organisation"
    )
    withdrawn = routing.evolve(routing.evolve(None, rule()), event)
    assert withdrawn == rule(valid_to="2010-07-01")
    assert suggested([withdrawn], day="2010-07-01") == ()
    assert routing.evolve(None, event) is None


@pytest.mark.parametrize(
    ("standing", "day", "expected"),
    [
        (None, "2010-07-01", Refusal(Unknown, "rule_unknown")),
        (
            rule(),
            "2009-12-31",
            Refusal(Refused, "invalid_input", (("/valid_to", "invalid_input"),)),
        ),
        (rule(valid_to="2010-07-01"), "2010-07-01", Refusal(Refused, "nothing_changed")),
    ],
)
def test_a_rule_cannot_end_before_it_began_or_twice_on_one_day(
    standing: RoutingRuleAdopted | None, day: str, expected: Refusal
) -> None:
    Story(standing).when(lambda s: [routing.withdraw(s, withdrawing(day))]).refused(expected)
