"""Checks OpenID Connect tokens (adgangsbevis): form, signature and claims, by one strict reading.

Nothing a token says of where its key may be found has any effect: keys come from the provider
alone (api/oidc.py). Whatever is wrong, the caller hears the same word, `Invalid`.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key
from joserfc.jwt import JWTClaimsRegistry

from domain.storage.clock import MICROSECONDS, now_microseconds

TOKEN_CHARS_MAX: Final = 8_192
"""Longer tokens are refused unread; a token with fifty roles has some 3,000."""
LEEWAY_SECONDS: Final = 30
"""How far two clocks may differ."""
KEYS_MAX: Final = 50
"""Keys of a provider that are looked at; it publishes two or three."""
KID_CHARS_MAX: Final = 200
SUBJECT_CHARS_MAX: Final = 255
RSA_BITS_MIN: Final = 2_048
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KINDS: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_TYPES: Final = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
_ID_TYPES: Final = frozenset({"", "jwt"})
_ONLY_IN_ID_TOKENS: Final = frozenset({"nonce", "at_hash", "c_hash"})
_NOT_BEARER: Final = frozenset({"ID", "Refresh", "Logout"})
"""What some providers write in a claim `typ` of tokens that open nothing."""

Claims = dict[str, Any]


class Invalid(Exception):
    """A token that does not open (ugyldigt adgangsbevis); why is told to nobody."""


class Head(NamedTuple):
    """What a token's header says that has an effect."""

    algorithm: str
    kid: str | None
    type: str


class TokenCheck:
    """The reading of one issuer's tokens."""

    def __init__(
        self,
        issuer: str,
        algorithms: Iterable[str],
        now: Callable[[], int] = lambda: now_microseconds() // MICROSECONDS,
    ) -> None:
        """`algorithms` may be asymmetric ones only; `now` is in seconds since 1970."""
        self._issuer = issuer
        self._algorithms = frozenset(algorithms)
        self._now = now

    def head(self, token: str) -> Head:
        """Return what the header says; raises Invalid unless its form is one we take."""
        if len(token) > TOKEN_CHARS_MAX or not _COMPACT.fullmatch(token):
            raise Invalid
        told = _object(token.partition(".")[0])
        if "crit" in told or "b64" in told:
            raise Invalid
        algorithm, kid, kind = _text(told, "alg"), _text(told, "kid"), _text(told, "typ")
        if algorithm not in self._algorithms or len(kid or "") > KID_CHARS_MAX:
            raise Invalid
        return Head(algorithm, kid, (kind or "").lower())

    def signed(self, token: str, head: Head, keys: Iterable[Key]) -> Claims:
        """Return the claims if one of the keys signed them; raises Invalid."""
        kind = _KINDS[head.algorithm[:2]]
        for key in keys:
            if key.key_type == kind and key.get("alg") in {None, head.algorithm}:
                try:
                    return jwt.decode(token, key, algorithms=[head.algorithm]).claims
                except (JoseError, ValueError, TypeError, RecursionError):
                    continue
        raise Invalid

    def hold(self, claims: Claims, audience: str) -> None:
        """Raise Invalid unless issuer, audience and times are right, and somebody is named.

        Decoding alone looks at none of this, not even at the expiry.
        """
        registry = JWTClaimsRegistry(
            now=self._now,
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(claims)
        except (JoseError, TypeError, ValueError, OverflowError):
            raise Invalid from None
        subject = claims["sub"]
        if not 0 < len(subject) <= SUBJECT_CHARS_MAX or not subject.isprintable():
            raise Invalid

    def access(self, token: str, keys: Iterable[Key], audience: str) -> Claims:
        """Return the claims of an access token; raises Invalid, also for an ID token.

        An ID token tells a client who signed in; it was never meant to open anything.
        """
        head = self.head(token)
        claims = self.signed(token, head, keys)
        self.hold(claims, audience)
        if head.type not in _TYPES or claims.get("typ") in _NOT_BEARER:
            raise Invalid
        if not _ONLY_IN_ID_TOKENS.isdisjoint(claims):
            raise Invalid
        return claims

    def identity(self, token: str, keys: Iterable[Key], client_id: str, nonce: str) -> Claims:
        """Return the claims of an ID token made for us and for this very sign-in."""
        head = self.head(token)
        claims = self.signed(token, head, keys)
        self.hold(claims, client_id)
        if head.type not in _ID_TYPES or claims.get("nonce") != nonce:
            raise Invalid
        if claims.get("azp", client_id) != client_id:
            raise Invalid
        return claims


def keys_of(document: Mapping[str, Any]) -> dict[str | None, list[Key]]:
    """Return a provider's public signing keys by their id; None holds all of them.

    A symmetric key is passed over: with it, whoever may check could sign.
    """
    found: dict[str | None, list[Key]] = {None: []}
    given = document.get("keys")
    for each in given[:KEYS_MAX] if isinstance(given, list) else []:
        key = _public_key(each)
        if key is None:
            continue
        found[None].append(key)
        kid = each.get("kid")
        if isinstance(kid, str) and len(kid) <= KID_CHARS_MAX:
            found.setdefault(kid, []).append(key)
    return found


def _public_key(given: Any) -> Key | None:
    if not isinstance(given, dict) or given.get("kty") not in {"RSA", "EC", "OKP"}:
        return None
    if given.get("use", "sig") != "sig" or "verify" not in given.get("key_ops", ["verify"]):
        return None
    if given["kty"] == "RSA" and len(str(given.get("n"))) * 6 < RSA_BITS_MIN:
        return None
    public = {name: given[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in given}
    if isinstance(given.get("alg"), str):
        public["alg"] = given["alg"]
    try:
        return import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _text(told: Mapping[str, Any], name: str) -> str | None:
    value = told.get(name)
    if value is None or isinstance(value, str):
        return value
    raise Invalid


def _object(part: str) -> dict[str, Any]:
    try:
        told = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise Invalid from None
    if not isinstance(told, dict):
        raise Invalid
    return told
