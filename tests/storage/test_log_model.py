"""Both databases do, request by request, what a plain list would do (C3)."""

import hashlib

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from domain.errors import DomainError
from domain.log.leaf import leaf_hash
from domain.log.port import Append, Condition, NewEvent, Outcome, QueryItem
from tests.storage.builders import event
from tests.storage.model import ModelLog
from tests.storage.places import AnyLog

# Few of everything, so that requests collide all the time. Each run of the machine goes on in the
# same log (nothing can be deleted from it), under names of its own. 170 x 12 are 2,000 steps.
SETTINGS = settings(
    max_examples=170, stateful_step_count=12, suppress_health_check=[HealthCheck.too_slow]
)
TAGS = st.lists(st.sampled_from("abc"), max_size=3, unique=True)
TYPES = st.sampled_from(["x/1", "y/1"])
SMALL = st.integers(0, 5)
EVENTS = st.tuples(
    TYPES,
    TAGS,
    st.none() | SMALL,  # id
    st.none() | st.none() | SMALL,  # key
    st.none() | st.tuples(st.sampled_from("st"), SMALL),
)
ITEMS = st.lists(st.tuples(st.lists(TYPES, max_size=2, unique=True), TAGS), max_size=2)
CONDITIONS = st.none() | st.tuples(ITEMS, st.integers(0, 8))
REQUESTS = st.tuples(st.lists(EVENTS, min_size=1, max_size=3), CONDITIONS)


class LogMachine(RuleBasedStateMachine):
    """Drives a log and a list side by side."""

    log: AnyLog
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.name = f"{id(self.log)}-{self.runs}"
        self.model = ModelLog(self.log.head())

    def bytes_for(self, word: str, number: int) -> bytes:
        return hashlib.sha256(f"{self.name}{word}{number}".encode()).digest()

    def event(
        self, drawn: "tuple[str, list[str], int | None, int | None, tuple[str, int] | None]"
    ) -> NewEvent:
        kind, tags, number, key, stream = drawn
        return event(
            kind,
            tags,
            event_id=None if number is None else self.bytes_for("id", number)[:16],
            key=None if key is None else self.bytes_for("key", key),
            stream=None if stream is None else (f"{self.name}{stream[0]}", stream[1]),
        )

    def items(self, drawn: list[tuple[list[str], list[str]]]) -> tuple[QueryItem, ...]:
        return tuple(QueryItem(tuple(types), tuple(tags)) for types, tags in drawn)

    @rule(batch=st.lists(REQUESTS, min_size=1, max_size=4), staged=st.booleans())
    def append(
        self, batch: list[tuple[list[object], tuple[list[object], int] | None]], staged: bool
    ) -> None:
        requests = [
            Append(
                tuple(map(self.event, events)),  # type: ignore[arg-type]
                condition and Condition(self.items(condition[0]), self.model.base + condition[1]),  # type: ignore[arg-type]
            )
            for events, condition in batch
        ]
        outcomes = self.log.stage(requests).commit() if staged else self.log.append(requests)
        for request, outcome in zip(requests, outcomes, strict=True):
            assert told(outcome) in self.model.append(request)

    @rule(drawn=ITEMS, after=st.integers(0, 8), limit=st.none() | st.integers(1, 4))
    def read(self, drawn: list[tuple[list[str], list[str]]], after: int, limit: int | None) -> None:
        items, start = self.items(drawn), self.model.base + after
        rows = self.log.matching(items, start, limit)
        assert [row.position for row in rows] == self.model.matching(items, start, limit)

    @invariant()
    def the_rows_are_the_models_events_in_order_and_sealed(self) -> None:
        rows = self.log.rows(self.model.base)
        assert self.log.head() == self.model.base + len(self.model.events)
        assert [row.event_id for row in rows] == [e.event_id for e in self.model.events]
        for row, new in zip(rows, self.model.events, strict=True):
            assert row.leaf == leaf_hash(row.position, row.recorded_at, new.body)


def told(outcome: Outcome) -> object:
    if isinstance(outcome, DomainError):
        return outcome.code
    return ("duplicate" if outcome.duplicate else "stored", outcome.first)


@pytest.mark.timeout(900)
def test_a_log_does_what_a_plain_list_would_do(log: AnyLog) -> None:
    machine = type("Machine", (LogMachine,), {"log": log})
    run_state_machine_as_test(machine, settings=SETTINGS)


@pytest.mark.timeout(900)
def test_a_log_that_forgets_its_conditions_is_caught(log: AnyLog) -> None:
    class Forgetful:
        def __getattr__(self, name: str) -> object:
            return getattr(log, name)

        def append(self, batch: list[Append]) -> list[Outcome]:
            return log.append([Append(request.events) for request in batch])

        def stage(self, batch: list[Append]) -> object:
            return log.stage([Append(request.events) for request in batch])

    machine = type("Machine", (LogMachine,), {"log": Forgetful()})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=settings(SETTINGS, phases=[Phase.generate]))
