"""The HTTP door: routes, pages and the layers around them, over services that are already open."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api import operator_log
from api.followers import Followers
from api.http.answers import of_problem
from api.http.auth import Gatekeeper
from api.http.cursors import Cursors
from api.http.gate import API_VERSION, Gate
from api.http.limits import Limits
from api.http.log import Proofs
from api.http.measures import Measures
from api.http.openapi import document
from api.http.operations import Door, Operation, Resource
from api.http.pages import Pages
from api.http.problems import HttpProblem
from api.http.recent import Recent
from api.http.routes import operations
from api.http.sample_mark import SampleMark
from api.http.vantage import Families
from api.main import Services, calm_collector
from api.samples.player import sample_of
from domain.contacts import ContactCorrected, ContactLogged, CorrectContact, LogContact
from domain.errors import Unavailable
from projections import keys
from projections.counts import RecentReports
from projections.keys import KeyRow

if TYPE_CHECKING:
    import subprocess

    from api.http.auth.people import People

CONTACT: Final = {
    "name": "Kontaktlog",
    "url": "https://kontaktlog.example",
    "email": "drift@kontaktlog.example",
}


HOT: Final = (LogContact, CorrectContact, ContactLogged, ContactCorrected)
"""Models made ready at the start, so that no contact waits for them; others at their first use."""
_describing: Final = Lock()


def described() -> dict[str, Any]:
    """Return the OpenAPI document; made when it is first asked for, a service starts without it.

    Takes half a second that first time, so a door asks in a thread; who asks meanwhile waits.
    """
    with _describing:
        return _document()


@cache
def _document() -> dict[str, Any]:
    return document(operations(), CONTACT)


@cache
def _raw() -> bytes:
    return orjson.dumps(described())


class Application(FastAPI):
    """FastAPI behind the gate; what the API declares goes past FastAPI's own layers.

    They cost a request as much again as the answer (measured with an empty route), and do nothing
    that gate and resource do not do: find the route, turn errors into problems, bound the body.
    """

    gate: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take requests through the gate, and everything else (start, stop) to FastAPI."""
        if scope["type"] == "http":
            await self.gate(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def layers(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what the API does not declare: pages, and paths that do not exist."""
        await super().__call__(scope, receive, send)


def create_app(
    services: Services, follower: "subprocess.Popen[bytes] | None" = None
) -> Application:
    """Return the application; its lifespan starts writer and followers, and stops them again.

    `follower` is a process that was started before and waits to be told its settings.
    """
    operator_log.configure(services.settings.log_level)
    followers = Followers(services, early=follower)
    people = _people(services)
    door = Door(
        services=services,
        gatekeeper=Gatekeeper(_finder(services), people, on_loop=services.on_loop),
        cursors=Cursors(services.settings.master_key_bytes()),
        measures=Measures(),
        followers=followers,
        proofs=Proofs(services.log),
        families=Families(),
        recent=Recent(),
        reports=RecentReports(),
        on_loop=services.on_loop,
    )
    app = Application(
        title="Kontaktlog",
        version=API_VERSION,
        lifespan=_lifespan(services, followers, people),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.openapi = described  # type: ignore[method-assign]
    app.state.door = door
    resources = _add_routes(app, operations(), door)
    _add_pages(app)
    _add_sign_in(app, services, people)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_exception_handler(HttpProblem, _as_problem)
    app.add_exception_handler(Exception, _as_problem)
    app.gate = Gate(app.layers, resources, _limits(services), door.measures)
    if (sample := sample_of(services)) is not None:
        app.gate = SampleMark(app.gate, sample)
    return app


def _limits(services: Services) -> Limits:
    settings = services.settings
    return Limits(
        settings.rate_per_second, settings.rate_burst, settings.sign_in_failures_per_minute
    )


def _people(services: Services) -> "People | None":
    """Return the people who may enter beside keys; None where no provider is set."""
    if services.settings.oidc_issuer is None:
        return None
    from api.http.auth.people import open_people  # noqa: PLC0415  who needs no provider is spared

    return open_people(services)


def _add_sign_in(app: FastAPI, services: Services, people: "People | None") -> None:
    if people is not None:
        from api.http.signin import sign_in_routes  # noqa: PLC0415  as above

        app.router.routes.extend(sign_in_routes(services, people))


def _lifespan(services: Services, followers: Followers, people: "People | None") -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if services.writer is not None:
            await services.writer.start()
        await followers.start()
        for model in HOT:
            model.model_rebuild()
        before = gc.get_threshold()
        calm_collector()
        try:
            yield
        finally:
            gc.set_threshold(*before)
            gc.unfreeze()
            await followers.stop()
            if people is not None:
                await people.close()
            if services.writer is not None:
                await services.writer.stop()

    return lifespan


def _finder(services: Services) -> Any:
    """Return how a key is looked up in its view; before the view is built nobody has a key."""

    def find(key_id: str) -> KeyRow | None:
        try:
            v = services.views.suffix("keys")
        except Unavailable as error:
            if error.code == "view_behind":
                return None
            raise
        with services.store.reading() as reader:
            return keys.find(reader, v, key_id)

    return find


def _add_routes(app: FastAPI, declared: tuple[Operation, ...], door: Door) -> dict[str, Resource]:
    """Add one route per path; its resource picks the operation by method."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in declared:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    resources = {path: Resource(path, methods, door) for path, methods in by_path.items()}
    for path, resource in resources.items():
        app.router.routes.append(Route(path, resource, name=path))
    return resources


def _add_pages(app: FastAPI) -> None:
    pages = Pages(described)

    async def openapi(_: Request) -> Response:
        raw = await asyncio.to_thread(_raw)
        return Response(
            raw, media_type="application/json", headers={"Cache-Control": "max-age=300"}
        )

    for path, endpoint in (
        ("/v1/openapi.json", openapi),
        ("/docs", pages.reference),
        ("/docs/style.css", pages.style),
        ("/problems", pages.problems),
        ("/problems/{code}", pages.problem),
    ):
        app.router.routes.append(Route(path, endpoint, methods=["GET"], name=path))


async def _not_routed(request: Request, error: Exception) -> Any:
    """Answer for what the router itself refuses: no such path, or not by this method."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    code = {405: "method_not_allowed", 413: "body_too_large"}.get(status, "not_found")
    return of_problem(HttpProblem(code, headers=headers), request.scope["state"].get("request_id"))


async def _as_problem(request: Request, error: Exception) -> Any:
    problem = error if isinstance(error, HttpProblem) else HttpProblem("internal_error")
    return of_problem(problem, request.scope["state"].get("request_id"))
