"""What tests of signing in share: an application that knows a provider, and a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from api import oidc
from api.commands.access import holder_of
from api.http.auth.people import People
from api.settings import Settings
from domain.access import GrantGiven, Role
from domain.storage import clock
from tests.api.builders import WAIT_SECONDS, Api, record, running, settings_in
from tests.api.provider import AUDIENCE, CLIENT, SECRET, Provider

PUBLIC = "http://localhost:8010"
ROLES = {"KL-sagsbehandler": "case_officer", "KL-leder": "manager", "KL-org": "organisation"}
COOKIE = "kontaktlog-local"


def sign_in_settings(folder: Path, issuer: str, **more: Any) -> Settings:
    given: dict[str, Any] = {
        "oidc_issuer": issuer,
        "oidc_audience": AUDIENCE,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_roles": json.dumps(ROLES),
        "oidc_scopes_claim": "",
        "public_url": PUBLIC,
        "sign_in_failures_per_minute": 0,
        "rate_per_second": 0,
    }
    given |= more
    return settings_in(folder, **{k: v for k, v in given.items() if v != ""})


@contextmanager
def signing_in(folder: Path, issuer: str, **more: Any) -> Iterator[Api]:
    """An application whose people sign in at `issuer`, however slowly that answers."""
    with (
        pytest.MonkeyPatch.context() as patch,
        running(sign_in_settings(folder, issuer, **more)) as api,
    ):
        patch.setattr(oidc, "FETCH_SECONDS", WAIT_SECONDS)
        api.client.base_url = httpx2.URL(PUBLIC)
        yield api


def people_of(api: Api) -> People:
    found: People = api.client.app.state.door.gatekeeper.people  # type: ignore[attr-defined]
    return found


def pseudonym(api: Api, provider: Provider) -> str:
    return holder_of(api.services, provider.issuer, provider.subject)


def grant(api: Api, holder: str, role: Role, *scopes: str) -> str:
    """Give a right past the door; return its id."""
    grant_id = clock.new_id()
    event = GrantGiven(
        grant_id=grant_id,
        holder=holder,
        role=role,
        scopes=scopes,
        valid_from="2000-01-01",
        reason="prøve",
    )
    reached = record(api.services, event)
    assert api.services.views.wait_for(reached, WAIT_SECONDS, "grants")
    return grant_id


def bearer(api: Api, token: str, **headers: str) -> Any:
    """Ask who one is with this token."""
    told = {"Authorization": f"Bearer {token}"} | headers
    return api.client.get("/v1/me", headers=told)


class Browser:
    """A browser with cookies of its own, that follows where a test lets it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.cookies: dict[str, str] = {}
        self.set: list[str] = []

    def ask(self, method: str, path: str, *, own: bool = True, **more: Any) -> Any:
        headers: dict[str, Any] = {}
        if own and method != "GET":
            headers["Sec-Fetch-Site"] = "same-origin"
        headers |= more.pop("headers", {})
        if self.cookies:
            told = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
            headers["Cookie"] = told.encode("latin-1")
        self.api.client.cookies.clear()
        answer = self.api.client.request(
            method, path, headers=headers, follow_redirects=False, **more
        )
        self.set = answer.headers.get_list("set-cookie")
        for each in self.set:
            pair, _, rest = each.partition(";")
            name, _, value = pair.partition("=")
            if "max-age=0" in rest.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value.strip('"')
        return answer

    def get(self, path: str, **more: Any) -> Any:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.ask("POST", path, json=body, **more)

    def begin(self, return_to: str | None = None) -> str:
        """Begin to sign in; return where the provider is asked."""
        params = {} if return_to is None else {"return_to": return_to}
        answer = self.get("/sign-in", params=params)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def back(self, asked: str) -> str:
        """Sign in at the provider of our own; return path and query to come back by."""
        answer = httpx2.get(asked, follow_redirects=False, timeout=WAIT_SECONDS)
        assert answer.status_code == 302, answer.text
        return own(answer.headers["location"])

    def sign_in(self, return_to: str | None = None) -> Any:
        """The whole way; the answer to coming back."""
        return self.get(self.back(self.begin(return_to)))


def own(location: str) -> str:
    """Path and query of an address of ours."""
    assert location.startswith(PUBLIC + "/"), location
    return location.removeprefix(PUBLIC)


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
