"""An operation: one method on one path, what it needs, and the way from a request to its answer.

Every route of the API is declared as an `Operation`. The document (openapi.py), the table of rights
(tests/api) and the dispatch here read the same declaration, so they cannot drift apart.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.followers import Followers
from api.http import bodies
from api.http.answers import Answer, of_problem
from api.http.auth import Gatekeeper
from api.http.cursors import Cursors
from api.http.measures import Measures
from api.http.problems import HttpProblem, of_error
from api.http.query import Parameters, Values
from api.http.recent import Recent
from api.main import Services
from domain.access import Action, Principal, Sight, may, sight
from domain.errors import DomainError
from projections.counts import RecentReports

if TYPE_CHECKING:
    from api.http.auth.people import Person
    from api.http.log import Proofs
    from api.http.vantage import Families

IDEMPOTENCY_KEY_CHARS_MAX: Final = 255
sight_of = lru_cache(maxsize=1_024)(sight)
"""A key's sight follows from its role and scope alone."""

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")


@dataclass(slots=True)
class Door:
    """What every operation shares: the services, who may enter, sealed cursors, measures."""

    services: Services
    gatekeeper: Gatekeeper
    cursors: Cursors
    measures: Measures
    followers: Followers
    proofs: "Proofs"
    families: "Families"
    recent: Recent
    reports: RecentReports
    on_loop: bool
    """Short index reads run on the event loop (SQLite); elsewhere every read takes a thread."""

    async def read(self, call: Callable[[], Result], *, long: bool = False) -> Result:
        """Run a read where it hinders nobody: short ones here, the rest in a thread."""
        if self.on_loop and not long:
            return call()
        return await asyncio.to_thread(call)


@dataclass(slots=True)
class Ask:
    """One request on its way through an operation."""

    door: Door
    request: Request
    principal: Principal
    query: Values
    given: dict[str, str | list[str]]
    operation: "Operation"
    sight: Sight
    """What the asker sees of contacts."""
    headers: dict[bytes, bytes]
    """The first of each name."""

    @property
    def services(self) -> Services:
        """The application's services."""
        return self.door.services

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    async def body(self, *, batch: bool = False) -> bytes:
        """Return the body within its limits."""
        settings = self.services.settings
        limit = settings.max_batch_bytes if batch else settings.max_body_bytes
        return await bodies.read(self.request, self.headers, limit, settings.receive_seconds)

    async def command(self, model: type[Model]) -> Model:
        """Return the body as a command."""
        return bodies.command(model, await self.body())

    @property
    def person(self) -> "Person | None":
        """The person who asks, with every grant there is; None when a key asks."""
        person: Person | None = self.request.scope["state"].get("person")
        return person

    @property
    def idempotency_key(self) -> str | None:
        """The Idempotency-Key header; 400 unless it is 1-255 printable ASCII characters."""
        if b"idempotency-key" not in self.headers:
            return None
        values = self.request.headers.getlist("idempotency-key")
        key = values[0].strip()
        if len(values) > 1 or not 0 < len(key) <= IDEMPOTENCY_KEY_CHARS_MAX or not key.isascii():
            raise _bad_key()
        if not key.isprintable():
            raise _bad_key()
        return key

    @property
    def prefers_minimal(self) -> bool:
        """Whether the caller wants no representation back (RFC 7240)."""
        prefer = self.headers.get(b"prefer")
        return prefer is not None and b"return=minimal" in prefer.replace(b" ", b"").lower()


def _bad_key() -> HttpProblem:
    detail = f"1-{IDEMPOTENCY_KEY_CHARS_MAX} skrivbare ASCII-tegn, én gang"
    return HttpProblem("invalid_input", [("/header/Idempotency-Key", "invalid_input", detail)])


Endpoint = Callable[[Ask], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path, declared once.

    `action` is None for what anyone may ask. `answers` maps a good status to what it means;
    `problems` are the statuses of errors beside those every operation has. `example` is a body
    that works against the example data of tests/api.
    """

    name: str
    method: str
    path: str
    endpoint: Endpoint
    summary: str
    action: Action | None
    tag: str
    description: str = ""
    parameters: Parameters = field(default_factory=Parameters)
    headers: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    example: Any = None
    path_examples: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[int, str] = field(default_factory=lambda: {200: "The answer"})
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    media_type: str = "application/json"
    problems: tuple[int, ...] = ()
    optional_key: bool = False
    """The operation is open to anyone, and tells more to whoever has a key."""


class Resource:
    """The operations of one path, as the ASGI application of its route."""

    def __init__(self, path: str, operations: Mapping[str, Operation], door: Door | None) -> None:
        """`door` is None only where the document is wanted and no request will come."""
        self.path = path
        self.operations = dict(operations)
        methods = set(operations) | ({"HEAD"} if "GET" in operations else set())
        self.allow = ", ".join(sorted(methods))
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request that came through FastAPI's layers."""
        answer = await self.answer(scope, receive, scope.setdefault("state", {}))
        await answer(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive, state: dict[str, Any]) -> Answer:
        """Return the answer to one request; every error of ours is a problem."""
        started = time.perf_counter()
        try:
            answer = await self._answer(scope, receive, state)
        except HttpProblem as problem:
            answer = of_problem(problem, state.get("request_id"))
        except DomainError as error:
            state["error"] = str(error)
            answer = of_problem(_problem_of(error, scope["method"]), state.get("request_id"))
        if self._door is not None:
            name = state.get("operation", self.path)
            self._door.measures.asked(name, answer.status, time.perf_counter() - started)
        return answer

    async def _answer(self, scope: Scope, receive: Receive, state: dict[str, Any]) -> Answer:
        method = scope["method"]
        operation = self.operations.get("GET" if method == "HEAD" else method)
        if operation is None or self._door is None:
            raise HttpProblem("method_not_allowed", headers={"Allow": self.allow})
        state["operation"] = operation.name
        request = Request(scope, receive)
        headers = dict(reversed(scope["headers"]))
        principal = await self._enter(operation, method, headers, state)
        if principal is None:
            principal = NOBODY
        else:
            state["key_id"] = principal.key_id
        values, given = operation.parameters.read(scope["query_string"])
        shown = sight_of(principal)
        return await operation.endpoint(
            Ask(self._door, request, principal, values, given, operation, shown, headers)
        )

    async def _enter(
        self,
        operation: Operation,
        method: str,
        headers: Mapping[bytes, bytes],
        state: dict[str, Any],
    ) -> Principal | None:
        door = self._door
        if door is None or (operation.action is None and not operation.optional_key):
            return None
        if operation.optional_key and not door.gatekeeper.presented(headers):
            return None
        principal = await door.gatekeeper.principal(method, headers, state)
        if operation.action is not None and not may(principal, operation.action):
            person: Person | None = state.get("person")
            must_choose = person is not None and person.must_choose
            raise HttpProblem("choose_grant" if must_choose else "not_allowed")
        return principal


def _problem_of(error: DomainError, method: str) -> HttpProblem:
    """Translate an error; what a query function points at is a parameter, there being no body."""
    problem = of_error(error)
    if method != "POST":
        problem.faults = tuple((f"/query{at}", code, told) for at, code, told in problem.faults)
    return problem


NOBODY: Final = Principal(key_id="", role=None)  # type: ignore[arg-type]
"""Whoever asks for what is open to anyone; no rule of access is ever asked about it."""
