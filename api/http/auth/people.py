"""People at the door: by a token of the sign-in service, or by the cookie of a session.

Either says who somebody is and which roles the service tells of; the log has further grants. One
acts under one grant at a time, chosen by `Kontaktlog-Grant` where there are several, and stands in
the log as a pseudonym, never as the service's own name for that person.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from api.commands.access import holder_of, principals_for
from api.http.auth.keys import CACHE_KEYS_MAX, CACHE_SECONDS, refusal
from api.http.auth.origins import SAFE, demand_json, demand_own_site
from api.http.problems import RETRY_AFTER_SECONDS, HttpProblem
from api.main import Services
from api.oidc import Provider, ProviderDown
from api.oidc_tokens import LEEWAY_SECONDS, Invalid, TokenCheck
from api.rights import Mapped, Right, grants_of, read
from api.sessions import Session, Sessions, open_sessions
from api.settings import is_sqlite
from domain.access import GrantRow, Principal, chosen, principal_of_grant
from domain.storage.clock import MICROSECONDS, now_microseconds

TOKEN_SECONDS: Final = 300.0
"""How long a token that was checked is believed: so long may a key taken back still open."""
TOKENS_MAX: Final = 10_000
GRANT: Final = b"kontaktlog-grant"
GRANT_CHARS_MAX: Final = 100
SESSION_COOKIE: Final = "__Host-kontaktlog"
LOCAL_COOKIE: Final = "kontaktlog-local"
"""The cookie's name at an http address of this machine, where `__Host-` is not to be had."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in: every grant there is, and whom he or she acts as now."""

    principal: Principal
    """Its role is None while nothing is chosen of several grants, or when there is none."""
    grants: tuple[GrantRow, ...]
    acts: GrantRow | None
    """The grant he or she acts under."""
    session: Session | None

    @property
    def must_choose(self) -> bool:
        """Whether there are several grants and none is chosen."""
        return self.acts is None and bool(self.grants)


@dataclass(frozen=True, slots=True)
class _Known:
    holder: str
    rights: tuple[Right, ...]
    expires_at: float
    until: float


@dataclass(frozen=True, slots=True)
class Lookups:
    """What is asked of the rest of the service; both may wait for a database."""

    holder: Callable[[str, str], str]
    """Pseudonym of whom an issuer calls so."""
    grants: Callable[[str, Sequence[Right]], Sequence[GrantRow]]
    """A holder's grants today, those of the log and those the sign-in service told of."""


class People:
    """Admits whom the provider or a session vouches for."""

    def __init__(
        self,
        provider: Provider,
        sessions: Sessions | None,
        mapped: Mapped,
        lookups: Lookups,
        *,
        audience: str | None,
        origin: str,
        sessions_on_loop: bool,
    ) -> None:
        """Without `sessions` nobody signs in by browser; without `audience` no token opens."""
        self.provider = provider
        self.sessions = sessions
        self.mapped = mapped
        self.lookups = lookups
        self.origin = origin
        self.is_local = origin.startswith("http:")
        self.cookie = LOCAL_COOKIE if self.is_local else SESSION_COOKIE
        self._audience = audience
        self._on_loop = sessions_on_loop
        self._tokens: dict[bytes, _Known] = {}
        self._held: dict[tuple[str, tuple[Right, ...]], tuple[float, tuple[GrantRow, ...]]] = {}

    def has_cookie(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether the browser shows a session, living or not."""
        return self.sessions is not None and cookie_of(headers, self.cookie) is not None

    async def admit(self, method: str, headers: Mapping[bytes, bytes]) -> Person:
        """Return who asks; 401 when nobody vouches, 403 when another site may have asked."""
        authorization = headers.get(b"authorization")
        if authorization is not None:
            known = await self._by_token(_bearer(authorization))
            return await self._person(known.holder, known.rights, headers, None)
        if not self.has_cookie(headers):
            raise refusal()
        if method not in SAFE:
            demand_own_site(headers, self.origin.encode())
            demand_json(headers)
        session = await self.session(headers)
        if session is None:
            raise refusal()
        return await self._person(session.holder, read(session.rights), headers, session)

    async def session(self, headers: Mapping[bytes, bytes]) -> Session | None:
        """Return the living session the browser shows, from the table itself."""
        secret = cookie_of(headers, self.cookie)
        if self.sessions is None or secret is None:
            return None
        if self._on_loop:
            return self.sessions.find(secret)
        return await asyncio.to_thread(self.sessions.find, secret)

    async def grants(self, holder: str, rights: tuple[Right, ...]) -> tuple[GrantRow, ...]:
        """Return a holder's grants, believed for as long as a key is."""
        now = time.monotonic()
        held = self._held.get((holder, rights))
        if held is not None and held[0] > now:
            return held[1]
        found = tuple(await asyncio.to_thread(self.lookups.grants, holder, rights))
        if len(self._held) >= CACHE_KEYS_MAX:
            self._held.clear()
        self._held[holder, rights] = (now + CACHE_SECONDS, found)
        return found

    async def close(self) -> None:
        """Give up what is under way and release the table."""
        await self.provider.close()
        if self.sessions is not None:
            self.sessions.close()

    async def _person(
        self,
        holder: str,
        rights: tuple[Right, ...],
        headers: Mapping[bytes, bytes],
        session: Session | None,
    ) -> Person:
        held = await self.grants(holder, rights)
        wanted = headers.get(GRANT)
        if wanted is None and len(held) != 1:
            nobody_yet = Principal(holder, None)  # type: ignore[arg-type]  # may only ask who it is
            return Person(nobody_yet, held, None, session)
        grant = chosen(held, None if wanted is None else wanted[:GRANT_CHARS_MAX].decode("latin-1"))
        return Person(principal_of_grant(grant), held, grant, session)

    async def _by_token(self, token: str) -> _Known:
        now = time.monotonic()
        digest = sha256(token.encode("latin-1")).digest()
        known = self._tokens.get(digest)
        if known is None or known.until < now:
            known = self._remember(digest, await self._checked(token))
        if known.expires_at <= now_microseconds():
            self._tokens.pop(digest, None)
            raise invalid_token()
        return known

    async def _checked(self, token: str) -> _Known:
        if self._audience is None:
            raise invalid_token()
        try:
            claims = await self.provider.access(token, self._audience)
        except Invalid:
            raise invalid_token() from None
        except ProviderDown:
            raise unavailable() from None
        return _Known(
            holder=self.lookups.holder(self.provider.issuer, claims["sub"]),
            rights=self.mapped.rights(claims),
            expires_at=(claims["exp"] + LEEWAY_SECONDS) * MICROSECONDS,
            until=time.monotonic() + TOKEN_SECONDS,
        )

    def _remember(self, digest: bytes, known: _Known) -> _Known:
        if len(self._tokens) >= TOKENS_MAX:
            self._tokens.clear()
        self._tokens[digest] = known
        return known


def open_people(services: Services) -> People:
    """Return the people an installation admits; opens the table of sessions where it needs one."""
    told = services.settings
    issuer = told.oidc_issuer or ""
    sessions = None
    if told.oidc_client_id is not None:
        sessions = open_sessions(
            told.sessions_url, hours=told.session_hours, idle_minutes=told.session_idle_minutes
        )
    return People(
        Provider(issuer, TokenCheck(issuer, told.algorithms)),
        sessions,
        Mapped(told.oidc_roles_claim, told.roles_by_claim, told.oidc_scopes_claim),
        _lookups(services),
        audience=told.oidc_audience,
        origin=told.public_url or "https:",
        sessions_on_loop=is_sqlite(told.sessions_url),
    )


def _lookups(services: Services) -> Lookups:
    def resolve(keys: Sequence[str]) -> dict[str, str]:
        found = services.directory.resolve(keys) if keys else {}
        return {key: party.id for key, party in found.items() if party is not None}

    def grants(holder: str, rights: Sequence[Right]) -> list[GrantRow]:
        return [*principals_for(services, holder), *grants_of(rights, holder, resolve)]

    return Lookups(lambda issuer, subject: holder_of(services, issuer, subject), grants)


def cookie_of(headers: Mapping[bytes, bytes], name: str) -> str | None:
    """Return the value of the first cookie of this very name."""
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        found, _, value = part.strip().partition("=")
        if found == name:
            return value
    return None


def invalid_token() -> HttpProblem:
    """Return the one answer to every token that does not open (RFC 6750)."""
    told = 'Bearer realm="kontaktlog", error="invalid_token"'
    return HttpProblem("unauthenticated", headers={"WWW-Authenticate": told})


def unavailable() -> HttpProblem:
    """Return the answer while nobody can tell who somebody is."""
    return HttpProblem("sign_in_unavailable", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _bearer(authorization: bytes) -> str:
    scheme, _, token = authorization.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token.isascii():
        raise refusal()
    return token.strip()
