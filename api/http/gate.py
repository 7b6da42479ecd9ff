"""The outermost layer: request id, security headers, one log line, and no error that leaks.

Pure ASGI, so that context variables and streaming pass through it unharmed.
"""

import re
import time
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import operator_log
from api.http.answers import of_problem
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
_log = structlog.get_logger("kontaktlog.http")


class Gate:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` is everything behind the gate."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through and see it off."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        answered = 0
        started = time.perf_counter()

        async def see_off(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
                message["headers"] = _headers(message.get("headers", ()), request_id)
            await send(message)

        try:
            await self._app(scope, receive, see_off)
        except Exception as error:  # noqa: BLE001  the last place that can turn it into an answer
            _log.exception("request_failed", request_id=request_id, error=type(error).__name__)
            if not answered:
                answer = of_problem(HttpProblem("internal_error"), request_id)
                await answer(scope, receive, see_off)
        finally:
            _tell(scope, state, answered, time.perf_counter() - started)


def _request_id(scope: Scope) -> str:
    """Take the caller's own id over when it is harmless, so that two logs can be joined."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return new_id()


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
            "error": state.get("error"),
        }
    )
