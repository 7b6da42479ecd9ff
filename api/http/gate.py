"""The outermost layer: request id, security headers, one log line, and no error that leaks.

Pure ASGI, so that context variables and streaming pass through it unharmed.
"""

import re
import time
from collections.abc import Mapping
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import operator_log
from api.http.answers import Answer, of_problem
from api.http.limits import Headers, Limits
from api.http.measures import Measures
from api.http.operations import Resource
from api.http.problems import HttpProblem
from domain.storage.clock import new_id

API_VERSION: Final = "1.0.0"
"""Version of the interface; the first number stands in every path."""
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_CSP: Final = (
    b"content-security-policy",
    b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
)
_NO_STORE: Final = (b"cache-control", b"no-store")
_ALWAYS: Final = (
    (b"api-version", API_VERSION.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
)
_PLACES: Final = ((3,), (3, 5))
"""Where a path may have named parts: `/v1/contacts/{id}/links/{link_id}`."""
_OUR_FAULT: Final = 500
_OFTEN: Final = (*_ALWAYS, _CSP, _NO_STORE)
_log = structlog.get_logger("kontaktlog.http")


class Gate:
    """Wraps the whole application, and shows each request the way to what answers it."""

    def __init__(
        self, app: ASGIApp, resources: Mapping[str, Resource], limits: Limits, measures: Measures
    ) -> None:
        """`resources` answer the declared paths, `{name}` standing for a part; `app` the rest."""
        self._app = app
        self._limits = limits if limits.are_on else None
        self._measures = measures
        self._exact = {path: way for path, way in resources.items() if "{" not in path}
        self._shaped = {_shape(path): (path, way) for path, way in resources.items()}

    def _way(self, scope: Scope) -> Resource | None:
        """Return what answers this path, its named parts noted in the scope; None: the layers."""
        path: str = scope["path"]
        found = self._exact.get(path)
        if found is not None:
            scope["path_params"] = {}
            return found
        parts = path.split("/")
        for places in _PLACES:
            shape = tuple(None if at in places else part for at, part in enumerate(parts))
            if (known := self._shaped.get(shape)) is not None and all(parts[at] for at in places):
                names = known[0].split("/")
                scope["path_params"] = {names[at][1:-1]: parts[at] for at in places}
                return known[1]
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through and see it off."""
        request_id, credential = _presented(scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        started = time.perf_counter()
        limits, payer = self._limits, None
        if limits is not None:
            try:
                payer = limits.enter(scope, credential)
            except HttpProblem as problem:
                await self._refuse(problem, scope, send, started)
                return
        way = self._way(scope)
        if way is None:
            status = await self._through_layers(scope, receive, send, started)
            if limits is not None:
                limits.leave(payer, scope, credential, status)
            return
        try:
            answer = await way.answer(scope, receive, state)
        except Exception as error:  # noqa: BLE001  the last place that can turn it into an answer
            answer = _failed(error, request_id)
        more: Headers = []
        if limits is not None and (told := limits.leave(payer, scope, credential, answer.status)):
            more = [limits.policy, told]
        try:
            await _send(answer, scope, send, request_id, more)
        finally:
            _tell(scope, state, answer.status, time.perf_counter() - started)

    async def _refuse(self, problem: HttpProblem, scope: Scope, send: Send, started: float) -> None:
        """Answer who must wait; nothing of the request is read."""
        state = scope["state"]
        state["error"] = problem.code
        answer = of_problem(problem, state["request_id"])
        seconds = time.perf_counter() - started
        self._measures.asked(problem.code, answer.status, seconds)
        try:
            await _send(answer, scope, send, state["request_id"], [])
        finally:
            _tell(scope, state, answer.status, seconds)

    async def _through_layers(
        self, scope: Scope, receive: Receive, send: Send, started: float
    ) -> int:
        """Let FastAPI answer, and put our headers on what it sends; return its status."""
        state = scope["state"]
        request_id = state["request_id"]
        answered = 0

        async def see_off(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
                message["headers"] = _headers(message.get("headers", ()), request_id)
            await send(message)

        try:
            await self._app(scope, receive, see_off)
        except Exception as error:  # noqa: BLE001  the last place that can turn it into an answer
            problem = _failed(error, request_id)
            if not answered:
                await problem(scope, receive, see_off)
        finally:
            _tell(scope, state, answered, time.perf_counter() - started)
        return answered


def _failed(error: Exception, request_id: str) -> Answer:
    _log.error("request_failed", request_id=request_id, error=type(error).__name__, exc_info=error)
    return of_problem(HttpProblem("internal_error"), request_id)


async def _send(answer: Answer, scope: Scope, send: Send, request_id: str, more: Headers) -> None:
    """Send an answer with the headers every answer has, and `more`."""
    headers = answer.all_headers()
    headers += more
    if answer.own_caching:
        headers = _headers(headers, request_id)
    else:
        headers += _OFTEN
        headers.append((b"x-request-id", request_id.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})


def _shape(path: str) -> tuple[str | None, ...]:
    return tuple(None if part.startswith("{") else part for part in path.split("/"))


def _presented(scope: Scope) -> tuple[str, bytes | None]:
    """Return the request's id and what it would sign in with, a key or a session's cookie.

    The caller's own id is taken over when it is harmless, so that two logs can be joined.
    """
    request_id = cookie = credential = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            credential = value
        elif name == b"cookie":
            cookie = value
        elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
    return request_id or new_id(), credential if credential is not None else cookie


def _headers(given: Any, request_id: str) -> list[tuple[bytes, bytes]]:
    headers = [*given, *_ALWAYS, (b"x-request-id", request_id.encode())]
    names = {name for name, _ in given}
    if b"content-security-policy" not in names:
        headers.append(_CSP)
    if b"cache-control" not in names:
        headers.append(_NO_STORE)
    return headers


def _tell(scope: Scope, state: dict[str, Any], status: int, seconds: float) -> None:
    """Write the one line: the route's pattern and no value of the request."""
    operator_log.request(
        {
            "event": "request",
            "request_id": state["request_id"],
            "method": scope["method"],
            "operation": state.get("operation"),
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
            "key_id": state.get("key_id"),
            "error": _without_values(state.get("error"), status),
        }
    )


def _without_values(error: str | None, status: int) -> str | None:
    """Return the code alone of what a caller did wrong: its parameters may be what was sent."""
    if error is None or status >= _OUR_FAULT:
        return error
    return error.partition("(")[0]
