"""Signing in by browser (log ind): to the provider, back with a code, and out again.

Authorization code with PKCE, state and nonce. What must be remembered until somebody comes back is
sealed into a cookie of ten minutes, so that a flood of beginnings fills nothing here; that it came
back is noted, so that nobody can come back twice.
"""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

import orjson
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.http.auth.origins import demand_own_site
from api.http.auth.people import People, cookie_of
from api.http.signin_pages import account_page, failed_page, signed_out_page
from api.main import Services
from api.oidc import ProviderDown
from api.oidc_tokens import Claims, Invalid
from api.rights import read, written
from api.sessions import Session, Sessions
from domain.storage.clock import MICROSECONDS, entropy, now_microseconds, secret_text

ATTEMPT_SECONDS: Final = 600
"""How long somebody may take to sign in at the provider."""
PATH_CHARS_MAX: Final = 500
CODE_CHARS_MAX: Final = 2_000
HOME: Final = "/account"
CALLBACK: Final = "/sign-in/callback"
_NONCE_BYTES: Final = 12
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none';"
    " base-uri 'none'; form-action 'self'",
}
_SEE_OTHER: Final = 303
_BAD: Final = 400
_UNAVAILABLE: Final = 503
_log = structlog.get_logger("kontaktlog.sign_in")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in under way: what we asked the provider, and where to go afterwards."""

    state: str
    nonce: str
    verifier: str
    return_to: str
    ends_at: int


class SignIn:
    """The pages of signing in and out."""

    def __init__(self, services: Services, people: People, sessions: Sessions) -> None:
        """`people` admit by the sessions that start here."""
        settings = services.settings
        self._people = people
        self._sessions = sessions
        self._client_id = settings.oidc_client_id or ""
        secret = settings.oidc_client_secret
        self._secret = None if secret is None else secret.get_secret_value()
        self._scope = settings.oidc_request_scope
        key = hmac.new(settings.master_key_bytes(), b"sign-in\n", sha256).digest()
        self._box = AESGCM(key)
        self._attempt_cookie = f"{people.cookie}-sign-in"
        self._callback = f"{people.origin}{CALLBACK}"
        self._zone = services.zone

    def routes(self) -> list[Route]:
        """Return the routes of the pages."""
        return [
            Route("/sign-in", self.begin, methods=["GET"], name="sign_in"),
            Route(CALLBACK, self.come_back, methods=["GET"], name="sign_in_callback"),
            Route("/sign-out", self.sign_out, methods=["POST"], name="sign_out"),
            Route("/sign-out/everywhere", self.everywhere, methods=["POST"], name="everywhere"),
            Route(HOME, self.account, methods=["GET"], name="account"),
        ]

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider."""
        now = now_microseconds()
        attempt = Attempt(
            state=secret_text(),
            nonce=secret_text(),
            verifier=secret_text(),
            return_to=own_path(request.query_params.get("return_to")),
            ends_at=now + ATTEMPT_SECONDS * MICROSECONDS,
        )
        try:
            about = await self._people.provider.about()
        except ProviderDown as error:
            _log.warning("sign_in_not_begun", error=str(error))
            return _page(failed_page("unavailable"), _UNAVAILABLE)
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._callback,
            "scope": self._scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge_of(attempt.verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in about.authorization else "?"
        answer = _to(f"{about.authorization}{joint}{urlencode(asked)}")
        self._set(answer, self._attempt_cookie, self._sealed(attempt), ATTEMPT_SECONDS)
        return answer

    async def come_back(self, request: Request) -> Response:
        """Take somebody who comes back from the provider: a new session, or nothing at all."""
        headers, given = _headers_of(request), request.query_params
        attempt = self._opened(cookie_of(headers, self._attempt_cookie))
        state = given.get("state", "")
        if attempt is None or not hmac.compare_digest(state.encode(), attempt.state.encode()):
            return self._failed("state")
        if not await asyncio.to_thread(self._sessions.use_state, attempt.state):
            return self._failed("state")
        issuer = self._people.provider.issuer
        if given.get("iss", issuer) != issuer:
            return self._failed("provider")
        code = given.get("code", "")
        if "error" in given or not 0 < len(code) <= CODE_CHARS_MAX:
            return self._failed("refused")
        try:
            claims = await self._identity(code, attempt)
        except Invalid:
            return self._failed("provider")
        except ProviderDown as error:
            _log.warning("sign_in_not_finished", error=str(error))
            return self._failed("unavailable")
        former = cookie_of(headers, self._people.cookie)
        secret = await asyncio.to_thread(self._start, claims, former)
        answer = _to(attempt.return_to)
        self._forget(answer, self._attempt_cookie)
        self._set(answer, self._people.cookie, secret)
        return answer

    async def account(self, request: Request) -> Response:
        """Show who is signed in here, and as what; to anybody else the way in."""
        session = await self._people.session(_headers_of(request))
        if session is None:
            return _page(signed_out_page())
        grants = await self._people.grants(session.holder, read(session.rights))
        all_of_them = await asyncio.to_thread(self._sessions.of_holder, session.holder)
        return _page(account_page(session, grants, all_of_them, self._zone))

    async def sign_out(self, request: Request) -> Response:
        """End this session."""
        session = await self._own(request)
        if session is not None:
            secret = cookie_of(_headers_of(request), self._people.cookie) or ""
            await asyncio.to_thread(self._sessions.end, secret)
        return self._out()

    async def everywhere(self, request: Request) -> Response:
        """End every session of whoever asks."""
        session = await self._own(request)
        if session is not None:
            await asyncio.to_thread(self._sessions.end_all, session.holder)
        return self._out()

    async def _own(self, request: Request) -> Session | None:
        headers = _headers_of(request)
        demand_own_site(headers, self._people.origin.encode())
        return await self._people.session(headers)

    async def _identity(self, code: str, attempt: Attempt) -> Claims:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": attempt.verifier,
        }
        provider = self._people.provider
        token = await provider.exchange(form, (self._client_id, self._secret))
        return await provider.identity(token, self._client_id, attempt.nonce)

    def _start(self, claims: Claims, former: str | None) -> str:
        """Start a session under a new secret; the one this browser had is over."""
        if former is not None:
            self._sessions.end(former)
        people = self._people
        holder = people.lookups.holder(people.provider.issuer, claims["sub"])
        return self._sessions.start(holder, written(people.mapped.rights(claims)))

    def _out(self) -> Response:
        answer = _to(HOME)
        self._forget(answer, self._people.cookie)
        return answer

    def _failed(self, why: str) -> Response:
        _log.info("sign_in_failed", reason=why)
        answer = _page(failed_page(why), _UNAVAILABLE if why == "unavailable" else _BAD)
        self._forget(answer, self._attempt_cookie)
        return answer

    def _set(self, answer: Response, name: str, value: str, seconds: int | None = None) -> None:
        answer.set_cookie(
            name,
            value,
            max_age=seconds,
            path="/",
            secure=not self._people.is_local,
            httponly=True,
            samesite="lax",
        )

    def _forget(self, answer: Response, name: str) -> None:
        self._set(answer, name, "", 0)

    def _sealed(self, attempt: Attempt) -> str:
        told = [attempt.state, attempt.nonce, attempt.verifier, attempt.return_to, attempt.ends_at]
        nonce = entropy(_NONCE_BYTES)
        box = nonce + self._box.encrypt(nonce, orjson.dumps(told), None)
        return base64.urlsafe_b64encode(box).decode()

    def _opened(self, sealed: str | None) -> Attempt | None:
        """Return the attempt in a cookie of ours, unless it took too long."""
        try:
            box = base64.urlsafe_b64decode(sealed or "")
            told = self._box.decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], None)
        except (InvalidTag, binascii.Error, ValueError):
            return None
        attempt = Attempt(*orjson.loads(told))
        return attempt if now_microseconds() < attempt.ends_at else None


def own_path(given: str | None) -> str:
    """Return the path to go to if it is one of ours, else the account page.

    Browsers read a backslash as a slash and pass over tabs, so neither may stand in it.
    """
    odd = not given or len(given) > PATH_CHARS_MAX or not given.isascii() or not given.isprintable()
    if given is None or odd or not given.startswith("/") or given.startswith("//"):
        return HOME
    return HOME if "\\" in given or " " in given else given


def challenge_of(verifier: str) -> str:
    """Return what is shown of a verifier before it is (PKCE, S256)."""
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def sign_in_routes(services: Services, people: People | None) -> list[Route]:
    """Return the pages of signing in, none where nobody signs in by browser."""
    if people is None or people.sessions is None:
        return []
    return SignIn(services, people, people.sessions).routes()


def _headers_of(request: Request) -> Mapping[bytes, bytes]:
    return dict(reversed(request.scope["headers"]))


def _page(text: str, status: int = 200) -> Response:
    return Response(text, status, _HEADERS, "text/html; charset=utf-8")


def _to(address: str) -> Response:
    return RedirectResponse(address, _SEE_OTHER, {"Cache-Control": "no-store"})
