"""The OpenID Connect provider that says who somebody is: asked for its addresses, keys and tokens.

Asked little and never trusted with our time: each fetch is bounded in seconds and bytes, follows no
redirect and goes over TLS; a flood of tokens with unknown keys costs one fetch in ten seconds.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import quote

import httpx2
import structlog
from joserfc.jwk import Key

from api.addresses import is_safe
from api.oidc_tokens import Claims, Invalid, TokenCheck, keys_of

FETCH_SECONDS: Final = 5.0
FETCH_BYTES_MAX: Final = 262_144
KEYS_SECONDS: Final = 600.0
"""Age at which keys are fetched anew, beside the requests: a key taken back must stop opening."""
KEYS_SECONDS_MAX: Final = 86_400.0
"""How long known keys open while the provider cannot be reached."""
REFETCH_SECONDS: Final = 10.0
"""The least time between two fetches, however many unknown keys are named."""
ABOUT_SECONDS: Final = 3_600.0
_OK: Final = 200
_PLAIN: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}
_log = structlog.get_logger("kontaktlog.oidc")


class ProviderDown(Exception):
    """The provider did not answer, or not in a way we can use."""


@dataclass(frozen=True, slots=True)
class About:
    """A provider's addresses, as its own document tells them."""

    jwks: str
    authorization: str
    token: str
    takes_post: bool
    """The secret goes into the form: the provider does not take it as HTTP Basic."""


class Provider:
    """One issuer: where it is found and which keys it signs with, remembered."""

    def __init__(self, issuer: str, check: TokenCheck) -> None:
        """Nothing is fetched yet; `issuer` is as its tokens write it."""
        self.issuer = issuer
        self.check = check
        self._about: About | None = None
        self._about_at = 0.0
        self._keys: dict[str | None, list[Key]] = {}
        self._keys_at = 0.0
        self._tried_at = -REFETCH_SECONDS
        self._lock = asyncio.Lock()
        self._refresh: asyncio.Task[None] | None = None

    async def access(self, token: str, audience: str) -> Claims:
        """Return the claims of an access token; Invalid, or ProviderDown with no keys at all."""
        return self.check.access(token, await self._keys_for(token), audience)

    async def identity(self, token: str, client_id: str, nonce: str) -> Claims:
        """Return the claims of an ID token; Invalid, or ProviderDown with no keys at all."""
        return self.check.identity(token, await self._keys_for(token), client_id, nonce)

    async def about(self) -> About:
        """Return the provider's addresses; raises ProviderDown."""
        if self._about is None or time.monotonic() - self._about_at > ABOUT_SECONDS:
            try:
                self._about = await self._discovered()
                self._about_at = time.monotonic()
            except ProviderDown:
                if self._about is None:
                    raise
        return self._about

    async def exchange(self, form: Mapping[str, str], client: tuple[str, str | None]) -> str:
        """Trade an authorization code for its ID token; raises Invalid or ProviderDown."""
        about = await self.about()
        client_id, secret = client
        sent, basic = dict(form), None
        if secret is None or about.takes_post:
            sent |= {"client_id": client_id} | ({"client_secret": secret} if secret else {})
        else:
            basic = httpx2.BasicAuth(quote(client_id, safe=""), quote(secret, safe=""))
        try:
            answer = await _fetch(about.token, form=sent, auth=basic)
        except Invalid:
            _log.warning("oidc_code_not_taken")
            raise
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise Invalid
        return token

    async def close(self) -> None:
        """Give up what is being fetched beside the requests."""
        if self._refresh is not None:
            self._refresh.cancel()
            await asyncio.gather(self._refresh, return_exceptions=True)

    async def _keys_for(self, token: str) -> list[Key]:
        """Return the keys that may have signed; an unknown key id has them fetched anew.

        Known keys go on opening while the provider is down, for a day.
        """
        kid = self.check.head(token).kid
        age = time.monotonic() - self._keys_at
        if not self._keys or age > KEYS_SECONDS_MAX:
            self._keys = {}
            await self._fetch_keys()
        elif kid not in self._keys:
            await self._fetch_keys()
        elif age > KEYS_SECONDS and (self._refresh is None or self._refresh.done()):
            self._refresh = asyncio.create_task(self._fetch_keys())
        if not self._keys:
            raise ProviderDown
        return self._keys.get(kid, [])

    async def _fetch_keys(self) -> None:
        """Fetch the keys, unless somebody did a moment ago; what fails changes nothing."""
        async with self._lock:
            now = time.monotonic()
            if now - self._tried_at < REFETCH_SECONDS:
                return
            self._tried_at = now
            try:
                about = await self.about()
                found = keys_of(await _fetch(about.jwks))
            except ProviderDown as error:
                _log.warning("oidc_keys_not_fetched", error=str(error))
                return
            self._keys, self._keys_at = found, time.monotonic()

    async def _discovered(self) -> About:
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        told = await _fetch(url)
        names = ("jwks_uri", "authorization_endpoint", "token_endpoint")
        addresses = [str(told.get(name, "")) for name in names]
        if told.get("issuer") != self.issuer:
            raise ProviderDown("its document names another issuer")
        if not all(is_safe(address) for address in addresses):
            raise ProviderDown("its document names an address we do not use")
        ways = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        post = isinstance(ways, list) and "client_secret_basic" not in ways
        return About(addresses[0], addresses[1], addresses[2], takes_post=post)


async def _fetch(
    url: str, form: Mapping[str, str] | None = None, auth: httpx2.Auth | None = None
) -> dict[str, Any]:
    """Return the JSON object at an address; raises ProviderDown, Invalid where it says no.

    The machine's own certificates count, and no proxy setting of the environment.
    """
    method = "GET" if form is None else "POST"
    try:
        async with (
            asyncio.timeout(FETCH_SECONDS),
            httpx2.AsyncClient(
                verify=_certificates(),
                trust_env=False,
                follow_redirects=False,
                timeout=FETCH_SECONDS,
            ) as client,
            client.stream(method, url, data=form, auth=auth, headers=_PLAIN) as answer,
        ):
            body = b""
            async for part in answer.aiter_raw():
                body += part
                if len(body) > FETCH_BYTES_MAX:
                    raise ProviderDown("its answer is too long")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
        raise ProviderDown(type(error).__name__) from None
    return _object(answer.status_code, body, asked_with_form=form is not None)


@cache
def _certificates() -> ssl.SSLContext:
    """Return the machine's own certificates; reading them takes as long as a fetch."""
    return ssl.create_default_context()


def _object(status: int, body: bytes, *, asked_with_form: bool) -> dict[str, Any]:
    if asked_with_form and 400 <= status < 500:  # noqa: PLR2004
        raise Invalid
    if status != _OK:
        raise ProviderDown(f"it answered {status}")
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise ProviderDown("its answer is no JSON object")
    return told
