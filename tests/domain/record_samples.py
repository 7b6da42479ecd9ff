"""Hypothesis-made events of records: built from what their models say of their fields."""

import types
import typing
from enum import Enum
from typing import Any, Final

from hypothesis import strategies as st
from pydantic import BaseModel

from domain.persons import Participant
from domain.registers import REGISTERS
from domain.registry import EVENTS
from domain.samples import SampleDeclared
from domain.values import Occurred, PartyRef, Source, Value
from tests.domain import samples

_IDS: Final = (
    *("contact", "meeting", "commitment", "document", "into", "condition", "item", "evidence"),
)
_DAYS: Final = ("deadline", "valid_from", "valid_to", "due", "baseline_from", "baseline_to")
_KNOWN: Final[dict[Any, st.SearchStrategy[Any]]] = {
    Occurred: samples.occurred,
    PartyRef: samples.refs,
    Participant: samples.participants.filter(bool).map(lambda people: people[0]),
    Source: samples.sources,
    bool: st.booleans(),
    int: st.integers(1, 1_000),
}
SEALED: Final = frozenset(
    {
        inner
        for register in REGISTERS.values()
        for name in register.events
        if "text" in EVENTS[name].model.model_fields
        for inner in typing.get_args(EVENTS[name].model.model_fields["text"].annotation)
        if inner is not type(None)
    }
)
"""Models of words: whatever text stands in them is personal, and must be sealed."""


def made_of(model: type[Value], *, secret: bool = False) -> st.SearchStrategy[Any]:
    """Return a strategy for a model; texts bear the mark SECRET where they must be sealed."""
    secret = secret or model in SEALED
    return st.builds(
        model,
        **{
            name: _of(info.annotation, name, secret=secret)
            for name, info in model.model_fields.items()
        },
    )


def _of(annotation: Any, name: str, *, secret: bool) -> st.SearchStrategy[Any]:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _of(inner[0], name, secret=secret)
    if origin in (typing.Union, types.UnionType):
        parts = [_of(each, name, secret=secret) for each in inner if each is not type(None)]
        return st.one_of(st.none(), *parts) if type(None) in inner else st.one_of(*parts)
    if origin is tuple:
        return st.lists(_of(inner[0], name, secret=secret), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(samples.uuids, samples.secrets, max_size=2)
    if origin is typing.Literal:
        return st.sampled_from(inner)
    return _plain(annotation, name, secret=secret)


def _plain(annotation: Any, name: str, *, secret: bool) -> st.SearchStrategy[Any]:
    if annotation in _KNOWN:
        return _KNOWN[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return made_of(typing.cast("type[Value]", annotation), secret=secret)
    if name.endswith("_id") or name.removesuffix("s") in _IDS:
        return samples.uuids
    if name in _DAYS:
        return samples.days
    return samples.secrets if secret else samples.codes


OF_RECORD: Final[dict[type[Value], st.SearchStrategy[Any]]] = {
    EVENTS[name].model: made_of(EVENTS[name].model)
    for register in REGISTERS.values()
    for name in sorted(register.events)
}
OF_TYPE: Final[dict[type[Value], st.SearchStrategy[Any]]] = {
    **samples.OF_TYPE,
    **OF_RECORD,
    SampleDeclared: made_of(SampleDeclared),
}
"""Strategies for every event of the registry."""
