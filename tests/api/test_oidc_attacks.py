"""Tokens that must not open (S4): each is refused with 401, and nothing is said of why.

The provider is real and signs what it is told to; a reading that is weaker in one point is shown
to fail the same table.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, OctKey, RSAKey

from api import oidc
from api.oidc_tokens import LEEWAY_SECONDS, TOKEN_CHARS_MAX, Claims, Invalid, TokenCheck, keys_of
from tests.api.builders import Api
from tests.api.provider import AUDIENCE, CLIENT, Provider, ec_key, provider_running, rsa_key
from tests.api.signing_in import bearer, people_of, signing_in

ROLE: dict[str, Any] = {"roles": ["KL-leder"]}
FLOOD = 200
FAR_SECONDS = 600
"""More than any request takes, on a machine that others use too."""


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with provider_running() as made:
        yield made


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Api]:
    with signing_in(tmp_path_factory.mktemp("attacks"), provider.issuer) as made:
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Api, Provider]]:
    """An application and a provider that the test may spoil."""
    with provider_running() as provider, signing_in(tmp_path, provider.issuer) as api:
        yield api, provider


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unsigned(provider: Provider, alg: str, signature: str = "") -> str:
    return f"{part({'alg': alg, 'kid': 'one'})}.{part(provider.claims_of(**ROLE))}.{signature}"


def by_public_key(provider: Provider) -> str:
    """HS256 with the published key as its secret: what takes any algorithm takes this."""
    assert isinstance(provider.key, RSAKey)
    pem = provider.key.public_key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    secret = OctKey.import_key(part(pem))
    return jws.serialize_compact(
        {"alg": "HS256", "kid": "one"}, provider_bytes(provider), secret, algorithms=["HS256"]
    )


def provider_bytes(provider: Provider) -> bytes:
    return json.dumps(provider.claims_of(**ROLE)).encode()


def odd_head(provider: Provider, **head: Any) -> str:
    """A token whose header says what no library would write, signed all the same."""
    assert isinstance(provider.key, RSAKey) and provider.key.private_key is not None
    signing = f"{part({'alg': 'RS256', 'kid': 'one', **head})}.{part(provider_bytes(provider))}"
    signature = provider.key.private_key.sign(signing.encode(), PKCS1v15(), SHA256())
    return f"{signing}.{part(signature)}"


def tampered(provider: Provider) -> str:
    head, _, signature = provider.token(**ROLE).split(".")
    claims = provider.claims_of(roles=["KL-leder"], sub="somebody else")
    return f"{head}.{part(claims)}.{signature}"


def stranger() -> Key:
    return rsa_key(2, "one")


Attack = Callable[[Provider], str]
NOW = time.time
ATTACKS: dict[str, Attack] = {
    "alg none": lambda p: unsigned(p, "none"),
    "alg None": lambda p: unsigned(p, "None", "x"),
    "alg none with a signature": lambda p: unsigned(p, "none", p.token(**ROLE).split(".")[2]),
    "HS256 by the public key": by_public_key,
    "an algorithm that is not allowed": lambda p: p.token(alg="RS512", **ROLE),
    "a stranger's key under a known id": lambda p: p.token(stranger(), **ROLE),
    "a stranger's key without an id": lambda p: p.token(stranger(), {"kid": ...}, **ROLE),
    "another kind of key under a known id": lambda p: p.token(ec_key("one"), alg="ES256", **ROLE),
    "kid is a path": lambda p: p.token(stranger(), {"kid": "../../../../dev/null"}, **ROLE),
    "kid is SQL": lambda p: p.token(stranger(), {"kid": "' UNION SELECT 'one' --"}, **ROLE),
    "kid is an address": lambda p: p.token(stranger(), {"kid": p.issuer + "/jwks"}, **ROLE),
    "kid is long": lambda p: p.token(stranger(), {"kid": "k" * 201}, **ROLE),
    "jku leads to the stranger": lambda p: p.token(
        stranger(), {"jku": f"{p.issuer}/stranger"}, **ROLE
    ),
    "x5u leads to the stranger": lambda p: p.token(
        stranger(), {"x5u": f"{p.issuer}/stranger"}, **ROLE
    ),
    "jwk is the stranger": lambda p: p.token(
        stranger(), {"jwk": stranger().as_dict(private=False)}, **ROLE
    ),
    "tampered claims": tampered,
    "crit": lambda p: odd_head(p, crit=["exp"], exp=1),
    "b64": lambda p: odd_head(p, b64=True),
    "typ of another kind": lambda p: p.token(head={"typ": "dpop+jwt"}, **ROLE),
    "typ of a logout token": lambda p: p.token(head={"typ": "logout+jwt"}, **ROLE),
    "typ is no text": lambda p: odd_head(p, typ=["JWT"]),
    "expired": lambda p: p.token(exp=int(NOW()) - LEEWAY_SECONDS - 5, **ROLE),
    "expired long ago": lambda p: p.token(exp=1, **ROLE),
    "without an expiry": lambda p: p.token(exp=..., **ROLE),
    "expiry is text": lambda p: p.token(exp="9999999999", **ROLE),
    "expiry is true": lambda p: p.token(exp=True, **ROLE),
    "expiry is NaN": lambda p: p.token(exp=float("nan"), **ROLE),
    "expiry is infinite": lambda p: p.token(exp=float("inf"), **ROLE),
    "not yet valid": lambda p: p.token(nbf=int(NOW()) + LEEWAY_SECONDS + FAR_SECONDS, **ROLE),
    "issued in the future": lambda p: p.token(
        iat=int(NOW()) + LEEWAY_SECONDS + FAR_SECONDS, **ROLE
    ),
    "another issuer": lambda p: p.token(iss="https://login.example", **ROLE),
    "issuer with a slash": lambda p: p.token(iss=p.issuer + "/", **ROLE),
    "issuer in a list": lambda p: p.token(iss=[p.issuer], **ROLE),
    "without an issuer": lambda p: p.token(iss=..., **ROLE),
    "another audience": lambda p: p.token(aud="another", **ROLE),
    "audience of the client": lambda p: p.token(aud=CLIENT, **ROLE),
    "audiences of others": lambda p: p.token(aud=["another", AUDIENCE + "x"], **ROLE),
    "audience within a list": lambda p: p.token(aud=[[AUDIENCE]], **ROLE),
    "audience is an object": lambda p: p.token(aud={AUDIENCE: 1}, **ROLE),
    "no audience": lambda p: p.token(aud=..., **ROLE),
    "no subject": lambda p: p.token(sub=..., **ROLE),
    "an empty subject": lambda p: p.token(sub="", **ROLE),
    "subject is a number": lambda p: p.token(sub=7, **ROLE),
    "a subject with line feeds": lambda p: p.token(sub="a\nb", **ROLE),
    "an ID token with its nonce": lambda p: p.token(nonce="n", **ROLE),
    "an ID token with its hash": lambda p: p.token(at_hash="h", **ROLE),
    "an ID token by its own word": lambda p: p.token(typ="ID", **ROLE),
    "a huge token": lambda p: p.token(more="x" * TOKEN_CHARS_MAX, **ROLE),
    "claims are a list": lambda p: jws.serialize_compact(
        {"alg": "RS256", "kid": "one"}, b"[1]", p.key, algorithms=["RS256"]
    ),
    "claims are nested deep": lambda p: jws.serialize_compact(
        {"alg": "RS256", "kid": "one"}, b"[" * 3_000, p.key, algorithms=["RS256"]
    ),
    "header is nested deep": lambda _: f"{part(b'[' * 3_000)}.{part({})}.{part(b'x')}",
    "header is no JSON": lambda _: f"{part(b'x')}.{part({})}.{part(b'x')}",
    "two parts": lambda p: p.token(**ROLE).rpartition(".")[0],
    "five parts": lambda p: p.token(**ROLE) + ".a.b",
    "only dots": lambda _: "..",
    "with a blank inside": lambda p: p.token(**ROLE).replace(".", ". ", 1),
}


def accepted(check: TokenCheck, provider: Provider) -> set[str]:
    """Which of the attacks a reading takes."""
    published = keys_of({"keys": [key.as_dict(private=False) for key in provider.keys]})
    taken = set()
    for name, attack in ATTACKS.items():
        token = attack(provider)
        try:
            head = check.head(token)
            check.access(token, published.get(head.kid, []), AUDIENCE)
        except Invalid:
            continue
        taken.add(name)
    return taken


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused_and_nothing_is_said_of_why(api: Api, provider: Provider, name: str) -> None:
    answer = bearer(api, ATTACKS[name](provider))
    assert answer.status_code == 401, name
    told = answer.headers["www-authenticate"]
    assert told == 'Bearer realm="kontaktlog", error="invalid_token"'
    body = answer.json()
    assert body.pop("request_id")
    assert body == reference(api)


def reference(api: Api) -> Any:
    body = bearer(api, "a.b.c").json()
    body.pop("request_id")
    return body


def test_an_honest_token_opens(api: Api, provider: Provider) -> None:
    for more in (
        {},
        {"aud": ["another", AUDIENCE]},
        {"nbf": int(NOW()) + LEEWAY_SECONDS - 15},
    ):
        assert bearer(api, provider.token(**ROLE, **more)).status_code == 200, more
    for kind in ("at+jwt", "application/at+jwt", "JWT"):
        assert bearer(api, provider.token(head={"typ": kind}, **ROLE)).status_code == 200, kind
    for alg in ("RS256", "PS256"):
        assert bearer(api, provider.token(alg=alg, **ROLE)).status_code == 200, alg


def test_clocks_may_differ_so_much_and_no_more(provider: Provider) -> None:
    now = 1_900_000_000
    check = TokenCheck(provider.issuer, ["RS256"], lambda: now)
    edge = LEEWAY_SECONDS - 1
    for name, within, beyond in (
        ("exp", now - edge, now - LEEWAY_SECONDS - 1),
        ("nbf", now + edge, now + LEEWAY_SECONDS + 1),
        ("iat", now + edge, now + LEEWAY_SECONDS + 1),
    ):
        times = {"iat": now, "exp": now + FAR_SECONDS}
        token = provider.token(**ROLE | times | {name: within})
        assert check.access(token, provider.keys, AUDIENCE)[name] == within
        with pytest.raises(Invalid):
            check.access(provider.token(**ROLE | times | {name: beyond}), provider.keys, AUDIENCE)


def test_a_honest_token_of_a_provider_with_elliptic_keys_opens(own: tuple[Api, Provider]) -> None:
    api, provider = own
    provider.keys = [ec_key("elliptic")]
    assert bearer(api, provider.token(alg="ES256", **ROLE)).status_code == 200


def test_the_reading_takes_none_of_them(provider: Provider) -> None:
    assert accepted(TokenCheck(provider.issuer, ["RS256", "PS256", "ES256"]), provider) == set()


# ── teeth: a weaker reading fails the same table ─────────────────────────────────────────────────


class Careless(TokenCheck):
    """Decodes and believes: what a library does when nobody asks it for more."""

    def hold(self, claims: Claims, audience: str) -> None: ...


class Bare(Careless):
    """Believes header and claims, as long as a known key signed."""

    def access(self, token: str, keys: Any, audience: str) -> Claims:
        try:
            return jwt.decode(token, next(iter(keys)), algorithms=["RS256"]).claims
        except (JoseError, StopIteration, RecursionError):
            raise Invalid from None


def test_a_reading_that_does_not_look_at_times_fails_the_table(provider: Provider) -> None:
    taken = accepted(Careless(provider.issuer, ["RS256"]), provider)
    assert {"expired", "without an expiry", "not yet valid", "another issuer"} <= taken
    assert "alg none" not in taken


def test_a_reading_that_only_decodes_takes_id_tokens_too(provider: Provider) -> None:
    taken = accepted(Bare(provider.issuer, ["RS256"]), provider)
    assert {"an ID token with its nonce", "typ of another kind"} <= taken


# ── the provider's keys ──────────────────────────────────────────────────────────────────────────


def test_a_symmetric_or_short_key_of_the_provider_counts_for_nothing() -> None:
    given = [
        OctKey.generate_key(256, {"kid": "oct"}).as_dict(private=True),
        {"kty": "RSA", "kid": "short", "n": part(b"\xff" * 128), "e": "AQAB"},
        rsa_key(0, "enc").as_dict(private=False) | {"use": "enc"},
        {"kty": "RSA", "kid": "broken", "n": "!!", "e": "AQAB"},
        {"kty": "EC", "kid": "off the curve", "crv": "P-256", "x": part(b"1"), "y": part(b"2")},
        "no key",
        rsa_key(0, "good").as_dict(private=True),
    ]
    found = keys_of({"keys": given})
    assert set(found) == {None, "good"} and len(found[None]) == 1
    assert not found["good"][0].is_private
    assert keys_of({}) == keys_of({"keys": {"a": 1}}) == {None: []}


def test_a_new_key_of_the_provider_opens_and_the_old_one_no_more(
    own: tuple[Api, Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, provider = own
    old = provider.key
    assert bearer(api, provider.token(**ROLE)).status_code == 200
    monkeypatch.setattr(oidc, "REFETCH_SECONDS", 0.0)
    provider.rotate("two")
    assert bearer(api, provider.token(**ROLE)).status_code == 200
    assert provider.asked["/jwks"] == 2
    assert bearer(api, provider.token(old, jti="later", **ROLE)).status_code == 401


def test_a_flood_of_unknown_keys_asks_the_provider_once(
    own: tuple[Api, Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, provider = own
    assert bearer(api, provider.token(**ROLE)).status_code == 200
    monkeypatch.setattr(oidc, "REFETCH_SECONDS", 3_600.0)
    people_of(api).provider._tried_at = float("-inf")  # the last fetch is long ago
    for number in range(FLOOD):
        token = provider.token(stranger(), {"kid": f"unknown-{number}"}, **ROLE)
        assert bearer(api, token).status_code == 401
    assert provider.asked["/jwks"] == 2
    assert bearer(api, provider.token(jti="after", **ROLE)).status_code == 200


def test_known_keys_open_while_a_fetch_hangs(
    own: tuple[Api, Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that never finishes its answer costs bounded time, and others nothing."""
    api, provider = own
    assert bearer(api, provider.token(**ROLE)).status_code == 200
    monkeypatch.setattr(oidc, "FETCH_SECONDS", 0.5)
    release = threading.Event()

    def hanging() -> Any:
        release.wait()
        return 200, {}, b"{}"

    provider.answers["/jwks"] = hanging
    try:
        while provider.asked["/jwks"] < 2:  # a fetch may be given up before it is sent
            people_of(api).provider._tried_at = float("-inf")
            answer = bearer(api, provider.token(rsa_key(2, "unknown"), **ROLE))
            assert answer.status_code == 401
        assert bearer(api, provider.token(jti="meanwhile", **ROLE)).status_code == 200
    finally:
        release.set()


def down(provider: Provider) -> None:
    """The provider is of no use now, and says so."""
    check = TokenCheck(provider.issuer, ["RS256"])
    with pytest.raises(oidc.ProviderDown):
        asyncio.run(oidc.Provider(provider.issuer, check).access(provider.token(**ROLE), AUDIENCE))


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/jwks", (200, {}, b'{"keys":[' + b" " * oidc.FETCH_BYTES_MAX + b"]}")),
        ("/jwks", (302, {"Location": "/elsewhere"}, b"")),
        ("/jwks", (200, {}, b"[" * 100_000)),
        ("/jwks", (200, {}, b"no json")),
        ("/jwks", (200, {}, b"[]")),
        ("/jwks", (500, {}, b"")),
        ("/.well-known/openid-configuration", (404, {}, b"")),
    ],
)
def test_an_odd_answer_of_the_provider_opens_nothing(path: str, answer: Any) -> None:
    with provider_running() as provider:
        provider.answers[path] = lambda: answer
        provider.answers["/elsewhere"] = lambda: provider.get("/jwks", {})
        down(provider)
        assert provider.asked["/elsewhere"] == 0


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://login.example"},
        {"jwks_uri": "http://login.example/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://u:p@login.example/jwks"},
        {"token_endpoint": "http://192.0.2.1/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": ["a"]},
    ],
)
def test_a_document_that_leads_astray_is_not_followed(said: dict[str, Any]) -> None:
    with provider_running() as provider:
        provider.said = said
        down(provider)
        assert provider.asked["/jwks"] == 0


def test_nobody_is_sent_to_a_provider_whose_document_leads_astray(
    own: tuple[Api, Provider],
) -> None:
    api, provider = own
    provider.said = {"authorization_endpoint": "http://login.example/authorize"}
    answer = api.client.get("/sign-in", follow_redirects=False)
    assert answer.status_code == 503 and "location" not in answer.headers
