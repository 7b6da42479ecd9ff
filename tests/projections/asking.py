"""Questions to the view of contacts, as tests put them: answers parsed, position found."""

from typing import Any

import orjson

from domain.access import Sight
from projections.contacts import ContactQuery, Page, history, newest, one
from projections.runner import positions
from projections.storage import ViewStore
from tests.projections.memory import EVERYTHING

KIM = {"name": "Kim Larsen", "role": "direktør", "party": "KAB"}
V = "contacts_2_1"


def ask(
    store: ViewStore,
    query: ContactQuery | None = None,
    *,
    at: int | None = None,
    day: str | None = None,
    sight: Sight = EVERYTHING,
    matches: tuple[str, Any] | None = None,
) -> Page:
    state = positions(store)["contacts"]
    with store.reading() as reader:
        position = state.position if at is None else at
        return newest(reader, state.suffix, position, day, sight, query or ContactQuery(), matches)


def ids(page: Page) -> list[str]:
    return [orjson.loads(item)["id"] for item in page.items]


def item(
    store: ViewStore, contact: str, *, at: int | None = None, sight: Sight = EVERYTHING
) -> Any:
    with store.reading() as reader:
        position = positions(store)["contacts"].position if at is None else at
        found = one(reader, V, position, None, sight, contact)
    return None if found is None else orjson.loads(found.body)


def steps(
    store: ViewStore, contact: str, *, at: int | None = None, sight: Sight = EVERYTHING
) -> Any:
    with store.reading() as reader:
        position = positions(store)["contacts"].position if at is None else at
        found = history(reader, V, position, sight, contact)
    return None if found is None else [orjson.loads(step) for step in found]
