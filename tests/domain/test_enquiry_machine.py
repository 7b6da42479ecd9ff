"""Any life of an enquiry: random steps held against a simple model, and any facts at all.

The model knows nothing of events: two dictionaries and a few words, written from the field's rules.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from typing import Any, Literal

from hypothesis import given as for_all
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain import enquiries
from domain.enquiries import (
    AcknowledgeEnquiry,
    AnswerEnquiry,
    AssignEnquiry,
    CloseEnquiry,
    EnquiryEvent,
    EnquiryReceived,
    EnquiryState,
    EnquiryStep,
    MergeEnquiry,
    Phase,
    ReopenEnquiry,
    RequestInformation,
    RerouteEnquiry,
    ReturnEnquiry,
    RouteEnquiry,
    SplitEnquiry,
    SupplyInformation,
    TriageEnquiry,
    WaiveAnswer,
    evolve,
    standing,
    times_of,
)
from domain.values import Value
from tests.domain.enquiring import CBD, ENQUIRY, OTHER, known, received
from tests.domain.samples import COPENHAGEN, SOF, TMF, enquiry_events
from tests.domain.scenario import Story

KEYS = {"TMF": TMF.id, "SOF": SOF.id, "CBD": CBD.id}
PARENT = {"CBD": "TMF"}
Standing = Literal["open", "answered", "waived"]
administrations = st.sampled_from(["TMF", "SOF"])
units = st.sampled_from(list(KEYS))
LONG_AFTER = datetime(2011, 1, 1, tzinfo=UTC)


@dataclass
class Model:
    """An enquiry as somebody would keep it on paper."""

    owes: dict[str, Standing]
    held: dict[str, str | None]
    end: str | None = None
    asked: bool = False
    sorted: bool = False
    acknowledged: bool = False
    begun: set[str] = field(default_factory=set)

    def own(self, unit: str) -> list[str]:
        return [unit, *([PARENT[unit]] if unit in PARENT else [])]

    def still(self) -> list[str]:
        return [party for party, how in self.owes.items() if how == "open"]

    def with_(self, unit: str) -> list[str]:
        return [party for party in self.still() if self.held[party] == unit]

    def owed_by(self, unit: str) -> str | None:
        """What a unit owes: open first, then in hand, then its own; itself before its whole."""
        for parties in (self.still(), list(self.owes)):
            for each in self.own(unit):
                in_hand = [party for party in parties if self.held[party] == each]
                own = [party for party in parties if party == each]
                if found := in_hand + own:
                    return found[0]
        return None

    def phase(self) -> str:
        if self.end:
            return self.end
        if "answered" in self.owes.values() and not self.still():
            return "answered"
        if self.asked:
            return "awaiting_sender"
        if self.begun:
            return "in_progress"
        if any(self.held.values()):
            return "routed"
        if self.sorted:
            return "triaged"
        return "acknowledged" if self.acknowledged else "received"


class EnquiryLife(RuleBasedStateMachine):
    """Steps in any order; the model says what each must come to."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[Value] = []
        self.state = EnquiryState()
        self.model = Model({}, {})

    @initialize(parties=st.lists(administrations, unique=True, min_size=1))
    def receive(self, parties: list[str]) -> None:
        event = received(administrations=parties)
        self.history.append(event)
        self.state = evolve(self.state, event)
        self.model = Model(dict.fromkeys(parties, "open"), dict.fromkeys(parties))

    def ask(self, command: EnquiryStep, expected: str | None = None) -> bool:
        """Take a step, or see it refused as the model says; whether it was taken."""
        model = self.model
        if model.end in {"split", "merged"}:
            expected = f"enquiry_{model.end}"
        elif isinstance(command, ReopenEnquiry):
            expected = None if model.end == "closed" else "enquiry_not_closed"
        elif model.end == "closed":
            expected = "enquiry_closed"
        other = EnquiryState(received=received().model_copy(update={"enquiry_id": OTHER}))
        before = list(self.history)
        decided = Story(self.state).when(lambda s: enquiries.step(s, command, known(), other))
        assert (decided.error.code if decided.error else None) == expected, command
        if decided.error is not None:
            return False
        assert decided.events
        for event in decided.events:
            if isinstance(event, EnquiryReceived):
                assert event.split_from == ENQUIRY
                continue
            self.history.append(event)
            self.state = evolve(self.state, event)  # type: ignore[arg-type]
        assert self.history[: len(before)] == before
        return True

    @rule(name=st.sampled_from(["A", "B"]))
    def acknowledge(self, name: str) -> None:
        last = self.state.acknowledgement
        same = last is not None and last.team == name
        if self.ask(AcknowledgeEnquiry(team=name), "nothing_changed" if same else None):
            self.model.acknowledged = True

    @rule()
    def triage(self) -> None:
        if self.ask(TriageEnquiry(note="set")):
            self.model.sorted = True

    @rule(unit=units, more=st.booleans())
    def route(self, unit: str, more: bool) -> None:
        model = self.model
        free = [p for p in model.own(unit) if p in model.still() and model.held[p] is None]
        party = free[0] if free else unit
        out = any(model.held[p] and how != "waived" for p, how in model.owes.items())
        there = model.owes.get(party) == "open" and model.held[party] is not None
        twice = party not in model.owes and bool(model.with_(unit))
        expected = "already_routed" if there or twice or (out and not more) else None
        if self.ask(RouteEnquiry(to=unit, additional=more), expected):
            model.owes[party], model.held[party] = "open", unit
            model.begun -= {party, ""}

    @rule(source=units, onward=units)
    def reroute(self, source: str, onward: str) -> None:
        theirs = self.model.with_(source)
        expected = None if theirs else "not_routed_there"
        if source == onward and theirs:
            expected = "nothing_changed"
        command = RerouteEnquiry(from_=source, to=onward, reason="r")
        if self.ask(command, expected):
            self.model.held |= dict.fromkeys(theirs, onward)
            self.model.begun -= {*theirs, ""}

    @rule(source=units)
    def give_back(self, source: str) -> None:
        theirs = self.model.with_(source)
        command = ReturnEnquiry(from_=source, reason="r")
        if self.ask(command, None if theirs else "not_routed_there"):
            self.model.held |= dict.fromkeys(theirs)
            self.model.begun -= {*theirs, ""}

    @rule(unit=units, number=st.integers(0, 10**6))
    def assign(self, unit: str, number: int) -> None:
        holders = {self.model.held[party] for party in self.model.still()}
        has_it = not holders.isdisjoint(self.model.own(unit))
        fields: dict[str, Any] = {"unit": unit, "assignee": {"role": f"rolle {number}"}}
        last = self.state.assignment
        role = last.assignees[0].role if last else None
        same = last is not None and (last.unit and last.unit.id) == KEYS[unit]
        again = has_it and same and role == f"rolle {number}"
        expected = "nothing_changed" if again else None
        command = AssignEnquiry.model_validate(fields, strict=False)
        if self.ask(command, expected if has_it else "not_routed_there"):
            self.model.begun |= set(self.model.with_(unit)) or {""}

    @rule()
    def request(self) -> None:
        if self.ask(RequestInformation(question="Hvad?")):
            self.model.asked = True
            self.model.begun |= set(self.model.still()) or {""}

    @rule()
    def supply(self) -> None:
        if self.ask(SupplyInformation(information="Det.")):
            self.model.asked = False

    @rule(unit=st.none() | units, kind=st.sampled_from(["substantive", "referral"]))
    def answer(self, unit: str | None, kind: str) -> None:
        model, still = self.model, self.model.still()
        party = model.owed_by(unit) if unit else (still or list(model.owes))[0]
        expected = None
        if unit is None:
            expected = "answerer_unclear" if len(still) > 1 else None
            party = party if still else self._first_addressed()
        elif party is None:
            expected = "nothing_owed"
        elif model.owes[party] == "answered":
            said = self.state.obligations[KEYS[party]].answer_kind
            expected = "nothing_owed" if said == kind else None
        fields = {"answer_kind": kind, "by": unit}
        if self.ask(AnswerEnquiry.model_validate(fields, strict=False), expected):
            assert party is not None
            model.owes[party] = "answered"
            model.held.setdefault(party, None)
            model.begun.add(party)

    def _first_addressed(self) -> str:
        assert self.state.received is not None
        first = self.state.received.addressed[0].id
        return next(key for key, party in KEYS.items() if party == first)

    @rule(unit=units)
    def waive(self, unit: str) -> None:
        party = self.model.owed_by(unit)
        owing = party is not None and self.model.owes[party] == "open"
        if self.ask(WaiveAnswer(by=unit, reason="r"), None if owing else "nothing_owed"):
            assert party is not None
            self.model.owes[party] = "waived"

    @rule(all_=st.booleans())
    def close(self, all_: bool) -> None:
        still = self.model.still()
        command = CloseEnquiry(waive="r" if all_ else None)
        if self.ask(command, "answer_owed" if still and not all_ else None):
            self.model.owes |= dict.fromkeys(still, "waived")
            self.model.end, self.model.asked = "closed", False

    @rule()
    def reopen(self) -> None:
        if self.ask(ReopenEnquiry(reason="r")):
            self.model.end = None
            for party, how in self.model.owes.items():
                self.model.owes[party] = "open" if how == "answered" else how

    @rule(odds=st.integers(0, 9))
    def end(self, odds: int) -> None:
        parts = [{"subject": "a"}, {"subject": "b"}]
        fields: dict[str, Any] = {"parts": parts, "reason": "r"}
        if odds == 0 and self.ask(SplitEnquiry.model_validate(fields, strict=False)):
            self.model.end = "split"
        if odds == 1 and self.ask(MergeEnquiry(into=OTHER, reason="r")):
            self.model.end = "merged"

    @rule()
    def watch(self) -> None:
        """The policy comes by: what it says is said once."""
        now = known().now
        said = enquiries.watch(self.state, LONG_AFTER, COPENHAGEN, {})
        for event in said:
            self.history.append(event)
            self.state = evolve(self.state, event)
        assert enquiries.watch(self.state, LONG_AFTER, COPENHAGEN, {}) == []
        assert len(standing(self.state.deadlines, times_of(self.state), now, COPENHAGEN)) == 2

    @invariant()
    def model_and_enquiry_agree(self) -> None:
        assert str(self.state.phase) == self.model.phase()
        names: dict[str, str] = {party: key for key, party in KEYS.items()}
        owing = self.state.obligations
        assert {names[party]: str(one.state) for party, one in owing.items()} == self.model.owes
        holders = {names[p]: one.holder and names[one.holder.id] for p, one in owing.items()}
        assert holders == self.model.held

    @invariant()
    def every_fact_is_kept_and_counted(self) -> None:
        versions = [getattr(event, "version", 1) for event in self.history]
        assert versions == list(range(1, len(versions) + 1))
        assert self.state.version == len(versions)
        again = reduce(evolve, self.history, EnquiryState())  # type: ignore[arg-type]
        assert again == self.state


TestEnquiryLife = EnquiryLife.TestCase


# ── any facts at all ─────────────────────────────────────────────────────────────────────────────


@for_all(st.lists(enquiry_events, max_size=12), st.booleans())
def test_any_facts_in_any_order_fold_into_a_state(events: list[EnquiryEvent], first: bool) -> None:
    events = [received(), *events] if first else events
    state = reduce(evolve, events, EnquiryState())
    assert state.version == len(events)
    assert state.phase in Phase
    owing = state.obligations.values()
    assert len(state.open_obligations) == sum(one.state == "open" for one in owing)
    found = standing(state.deadlines, times_of(state), LONG_AFTER, COPENHAGEN)
    assert len(found) == len(state.deadlines)
    for warning in enquiries.watch(state, LONG_AFTER, COPENHAGEN, {}):
        assert warning.version > state.version


@for_all(st.lists(enquiry_events, max_size=8))
def test_what_was_split_or_merged_stays_so(events: list[EnquiryEvent]) -> None:
    state = EnquiryState()
    gone: set[Phase] = set()
    for event in events:
        state = evolve(state, event)
        if gone:
            assert {state.phase} == gone
        elif state.phase in {Phase.SPLIT, Phase.MERGED}:
            gone = {state.phase}
