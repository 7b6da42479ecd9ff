"""Routes of sessions (sessioner): one's own, and an administrator ends all of somebody's."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import structlog

from api.http.access_shapes import SessionList, SessionsEnded
from api.http.answers import Answer, document
from api.http.log_routes import answer
from api.http.operations import Ask, Operation
from api.sessions import Session
from domain.access import Action, Holder
from domain.storage.clock import moment
from domain.values import Value, instant_text

SESSION_ID_CHARS: Final = 16
"""Enough of its hash to tell one's own sessions apart."""
_TAG: Final = "Rettigheder"
_HOLDER: Final = "u-" + "0" * 32
_log = structlog.get_logger("kontaktlog.sessions")
Result = TypeVar("Result")


class EndSessions(Value):
    """End every session of a person (luk sessioner)."""

    holder: Holder


def session_operations() -> tuple[Operation, ...]:
    """Return the part of the table of operations that is about sessions."""
    return (
        Operation(
            "list_sessions",
            "GET",
            "/v1/sessions",
            list_sessions,
            "List one's own sessions, newest first",
            Action.READ_OWN_RIGHTS,
            _TAG,
            schema=answer(SessionList),
            problems=(503,),
        ),
        Operation(
            "end_sessions",
            "POST",
            "/v1/sessions/revocation",
            end_sessions,
            "End every session of a person, in every process at once",
            Action.CHANGE_GRANTS,
            _TAG,
            description="Withdraw the grants as well: ending sessions alone bars nobody from"
            " signing in again.",
            body=EndSessions,
            example={"holder": _HOLDER},
            answers={200: "Ended, or there was none"},
            schema=answer(SessionsEnded),
            problems=(400, 408, 413, 415, 422, 503),
        ),
    )


async def list_sessions(ask: Ask) -> Answer:
    """List the sessions of whoever asks."""
    people, person = ask.door.gatekeeper.people, ask.person
    if people is None or people.sessions is None or person is None:
        return document({"items": []})
    sessions = people.sessions
    found = await _run(ask, lambda: sessions.of_holder(person.principal.key_id))
    current = person.session.id_sha256 if person.session is not None else None
    return document({"items": [_shown(each, current) for each in found]})


async def end_sessions(ask: Ask) -> Answer:
    """End somebody's sessions; the operator's log tells who did."""
    command = await ask.command(EndSessions)
    people, ended = ask.door.gatekeeper.people, 0
    if people is not None and people.sessions is not None:
        sessions = people.sessions
        ended = await _run(ask, lambda: sessions.end_all(command.holder))
    _log.info("sessions_ended", holder=command.holder, ended=ended, actor=ask.principal.key_id)
    return document({"ended": ended})


async def _run(ask: Ask, call: Callable[[], Result]) -> Result:
    return call() if ask.door.on_loop else await asyncio.to_thread(call)


def _shown(session: Session, current: str | None) -> dict[str, Any]:
    return {
        "id": session.id_sha256[:SESSION_ID_CHARS],
        "signed_in_at": instant_text(moment(session.made_at)),
        "seen_at": instant_text(moment(session.seen_at)),
        "ends_at": instant_text(moment(session.ends_at)),
        "current": session.id_sha256 == current,
    }
