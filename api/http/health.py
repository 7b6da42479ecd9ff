"""Routes for operators: alive, ready, figures.

Ready means that a contact can be logged and will be seen: the store takes a write now, views and
checkpoints keep up, the disk has room. A probe that never touches the store hides outages.
"""

import asyncio
import shutil
from dataclasses import dataclass
from typing import Final

from api.http.answers import Answer, document
from api.http.measures import MEDIA_TYPE
from api.http.operations import NOBODY, Ask, Door
from api.http.problems import RETRY_AFTER_SECONDS, HttpProblem
from api.settings import is_sqlite, sqlite_path
from domain.access import Action, may
from domain.errors import DomainError
from domain.log.port import Log
from domain.storage.clock import MICROSECONDS, now_microseconds
from projections.registry import VIEWS
from projections.runner import positions

LAG_SECONDS_MAX: Final = 10
"""An event older than this that a view or checkpoint lacks makes the service not ready."""
FREE_BYTES_MIN: Final = 64 * 1024 * 1024
"""Room for some hundred thousand contacts: time for somebody to come."""
_VIEWS: Final = frozenset(view.name for view in VIEWS)
LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


@dataclass(slots=True)
class Condition:
    """What readiness found; `reasons` are codes, and empty when all is well."""

    reasons: list[str]
    head: int = 0
    views: int = 0
    sealed: int = 0


async def livez(ask: Ask) -> Answer:  # noqa: ARG001 the shape of every endpoint
    """Answer while the process runs, whatever the store does."""
    return document({"status": "alive"})


async def readyz(ask: Ask) -> Answer:
    """Answer 200 when contacts can be logged and seen; details only to whoever has a key."""
    found = await asyncio.to_thread(condition_of, ask.door)
    if found.reasons:
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        raise HttpProblem("not_ready", headers=headers, reasons=found.reasons)
    body: dict[str, object] = {"status": "ready"}
    if ask.principal is not NOBODY:
        body |= {"head": found.head, "views": found.views, "sealed": found.sealed}
    return document(body)


async def metrics(ask: Ask) -> Answer:
    """Answer the figures, to this machine itself or to a key that may read them."""
    if ask.principal is NOBODY and not _from_here(ask):
        raise HttpProblem("unauthenticated", headers={"WWW-Authenticate": "Bearer"})
    if ask.principal is not NOBODY and not may(ask.principal, Action.READ_METRICS):
        raise HttpProblem("not_allowed")
    found = await asyncio.to_thread(condition_of, ask.door)
    measures = ask.door.measures
    measures.reached("head", found.head)
    measures.reached("views", found.views)
    measures.reached("sealed", found.sealed)
    return Answer(200, measures.text(), [], MEDIA_TYPE)


def _from_here(ask: Ask) -> bool:
    """Whether a program on this machine asks, and not a proxy on somebody's behalf."""
    client, headers = ask.request.client, ask.request.headers
    forwarded = "forwarded" in headers or "x-forwarded-for" in headers
    return client is not None and client.host in LOOPBACK and not forwarded


def condition_of(door: Door) -> Condition:
    """Look at everything readiness depends on; nothing outside this installation is called."""
    found = Condition([])
    services = door.services
    try:
        services.log.probe()
        _look_at_followers(door, found)
    except DomainError as error:
        found.reasons.append(error.code)
    if not door.followers.alive:
        found.reasons.append("follower_down")
    if door.followers.progress.error is not None:
        found.reasons.append(door.followers.progress.error)
    store = services.settings.store
    folder = sqlite_path(store).parent if is_sqlite(store) else services.settings.data_path
    if folder.exists() and shutil.disk_usage(folder).free < FREE_BYTES_MIN:
        found.reasons.append("disk_low")
    found.reasons = list(dict.fromkeys(found.reasons))
    return found


def _look_at_followers(door: Door, found: Condition) -> None:
    log = door.services.log
    found.head = log.head()
    states = positions(door.services.store)
    if any(state.error is not None for state in states.values()):
        found.reasons.append("view_failed")
    found.views = min((s.position for s in states.values() if s.error is None), default=0)
    serving = {name for name, state in states.items() if state.state == "active"}
    if not serving.issuperset(_VIEWS) or _is_late(log, found.views, found.head):
        found.reasons.append("view_behind")
    newest = log.checkpoint()
    found.sealed = newest.size if newest is not None else 0
    if _is_late(log, found.sealed, found.head):
        found.reasons.append("seal_behind")


def _is_late(log: Log, reached: int, head: int) -> bool:
    """Whether the first event that is missing has been there for too long."""
    if reached >= head:
        return False
    (row,) = log.rows(reached, 1)
    return now_microseconds() - row.recorded_at > LAG_SECONDS_MAX * MICROSECONDS
