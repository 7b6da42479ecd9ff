"""The view of rules: what was set and ended, as known at a position, beside the standards."""

from collections.abc import Callable

from domain.calendar import DK_PUBLIC, YearlyDay, custom_profile
from domain.routing import RoutingRuleAdopted, RoutingRuleWithdrawn, RuleMatch
from domain.service_targets import (
    STANDARD,
    Clock,
    ServiceTargetEnded,
    ServiceTargetSet,
    TargetTerms,
    WorkingDaysDefined,
)
from projections import rules
from projections.rules import VIEW
from projections.runner import Runner, digest
from projections.storage import ViewStore, open_views
from tests.projections.memory import PARTIES, Story

Follow = Callable[..., Runner]
V = "rules_1_1"
OWN = custom_profile(
    DK_PUBLIC, code="KOMMUNEN", closed_yearly=(YearlyDay(month=5, day=1, name="1. maj"),)
)


def target(target_id: str = "t1", **more: object) -> ServiceTargetSet:
    said = {
        "target_id": target_id,
        "code": "written_answer",
        "name": "Svar",
        "terms": TargetTerms(clock=Clock.ANSWER, days=15),
        "valid_from": "2011-01-01",
    }
    return ServiceTargetSet.model_validate(said | more)


def rule(rule_id: str, priority: int = 100, **more: object) -> RoutingRuleAdopted:
    said = {
        "rule_id": rule_id,
        "name": f"Regel {rule_id}",
        "match": RuleMatch(topics=("anvisning",)),
        "to": PARTIES["TMF"],
        "automatic": False,
        "priority": priority,
        "valid_from": "2010-01-01",
    }
    return RoutingRuleAdopted.model_validate(said | more)


def test_decisions_are_given_the_rules_as_events_with_the_day_they_ended(
    story: Story, store: ViewStore, follow: Follow
) -> None:
    first, adopted = target(), rule("r1", organisations=(PARTIES["KAB"],))
    story.tell(first)
    story.tell(adopted)
    known = story.log.head()
    story.tell(ServiceTargetEnded(target_id="t1", valid_to="2012-01-01", reason="Nyt mål"))
    story.tell(RoutingRuleWithdrawn(rule_id="r1", valid_to="2010-06-01", reason="Ny enhed"))
    follow(store, [VIEW])
    with store.reading() as reader:
        assert rules.targets(reader, V, known) == (first,)
        assert rules.rules(reader, V, known) == (adopted,)
        assert rules.targets(reader, V, 0) == ()
        now = story.log.head()
        assert rules.targets(reader, V, now) == (target(valid_to="2012-01-01"),)
        (gone,) = rules.rules(reader, V, now)
    assert gone == adopted.model_copy(update={"valid_to": "2010-06-01"})


def test_a_standard_is_listed_as_such_and_holds_while_nobody_set_another(
    story: Story, store: ViewStore, follow: Follow
) -> None:
    story.tell(target())
    follow(store, [VIEW])
    with store.reading() as reader:
        before, after = (
            {doc["id"]: doc for doc in rules.target_list(reader, V, 1, day)}
            for day in ("2010-12-31", "2011-01-01")
        )
    assert set(before) == {"t1", *(standard.target_id for standard in STANDARD)}
    assert (before["standard:written_answer"]["in_force"], before["t1"]["in_force"]) == (
        True,
        False,
    )
    assert (after["standard:written_answer"]["in_force"], after["t1"]["in_force"]) == (False, True)
    assert after["standard:first_response"]["in_force"] and not after["t1"]["standard"]
    assert (before["t1"]["version"], before["t1"]["position"]) == (1, 1)
    assert before["standard:first_response"]["position"] is None


def test_routing_rules_stand_in_the_order_they_are_looked_at(
    story: Story, store: ViewStore, follow: Follow
) -> None:
    for each in (rule("low", 1), rule("high", 900), rule("gone", 500, valid_to="2010-02-01")):
        story.tell(each)
    follow(store, [VIEW])
    with store.reading() as reader:
        shown = rules.rule_list(reader, V, story.log.head(), "2010-02-01")
    assert [(doc["id"], doc["in_force"]) for doc in shown] == [
        ("high", True),
        ("gone", False),
        ("low", True),
    ]


def test_a_calendar_of_ones_own_stands_beside_the_programs(
    story: Story, store: ViewStore, follow: Follow
) -> None:
    story.tell(WorkingDaysDefined(profile=OWN))
    follow(store, [VIEW])
    with store.reading() as reader:
        assert set(rules.calendars(reader, V, 0)) == {"DK_PUBLIC", "DK_OFFICE"}
        assert rules.calendars(reader, V, 1)["KOMMUNEN"].profile == OWN
        shown = {doc["id"]: doc for doc in rules.profile_list(reader, V, 1)}
    assert shown["KOMMUNEN"]["closed_yearly"][0]["name"] == "1. maj"
    assert [doc["standard"] for doc in shown.values()] == [True, True, False]


def test_paging_leaves_no_trace(story: Story, tmp_path_factory: object, follow: Follow) -> None:
    folder = tmp_path_factory.mktemp("rules")  # type: ignore[attr-defined]
    story.tell(target())
    story.tell(rule("r1"))
    story.tell(WorkingDaysDefined(profile=OWN))
    story.tell(ServiceTargetEnded(target_id="t1", valid_to="2012-01-01", reason="Nyt mål"))
    story.tell(target(valid_from="2013-01-01"))
    digests = set()
    for size in (1, 2, 1_000):
        store = open_views(f"sqlite:///{folder}/{size}.db")
        follow(store, [VIEW], page_facts=size)
        digests.add(digest(store, "rules"))
        store.close()
    assert len(digests) == 1
