"""given(events).when(command).then(events), or refused(code), or nothing: decisions as stories."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Generic, TypeVar

from domain.errors import DomainError
from domain.values import Value

State = TypeVar("State")
Event = TypeVar("Event")


@dataclass(frozen=True)
class Refusal:
    """What a refusal is expected to say: its code, and each fault as (pointer, code)."""

    kind: type[DomainError]
    code: str
    faults: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True)
class Decided:
    """What came of a command: events, or the error it was met with."""

    events: Sequence[Value]
    error: DomainError | None

    def then(self, *expected: Value) -> None:
        assert self.error is None, f"refused: {self.error}"
        assert list(self.events) == list(expected)

    def nothing(self) -> None:
        self.then()

    def refused(self, expected: Refusal) -> None:
        assert self.error is not None, f"not refused, but decided {self.events}"
        assert (type(self.error), self.error.code) == (expected.kind, expected.code)
        if expected.faults is not None:
            found = [(fault.pointer, fault.code) for fault in getattr(self.error, "faults", ())]
            assert found == list(expected.faults)


@dataclass(frozen=True)
class Story(Generic[State]):
    """What has happened so far, folded into a state by the concept's own `evolve`."""

    state: State

    def when(self, decide: Callable[[State], Sequence[Value]]) -> Decided:
        try:
            return Decided(decide(self.state), None)
        except DomainError as error:
            return Decided((), error)


def told(
    evolve: Callable[[State, Event], State], start: State, events: Sequence[Event]
) -> Story[State]:
    return Story(reduce(evolve, events, start))
