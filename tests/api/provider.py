"""An OpenID Connect provider of the tests' own: a real server, whose keys and answers a test bends.

It signs whatever it is told to, also what no honest provider would, and counts who asks for what.
"""

from __future__ import annotations

import base64
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

Json = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]
AUDIENCE = "https://kontaktlog.kommune.example"
CLIENT = "kontaktlog"
SECRET = "hemmelighed/+ æ"
_KEYS: list[RSAKey] = []


@cache
def rsa_key(number: int, kid: str) -> RSAKey:
    """A key made once for the whole run: making one takes longer than most tests."""
    while len(_KEYS) <= number:
        _KEYS.append(RSAKey.generate_key(2048))
    return RSAKey.import_key(_KEYS[number].as_dict(private=True) | {"kid": kid})


class Provider:
    """One provider on loopback; its fields are its mood."""

    def __init__(self) -> None:
        self.keys: list[Key] = [rsa_key(0, "one")]
        self.issuer = ""
        self.asked: Counter[str] = Counter()
        self.is_down = False
        self.said: Json = {}
        """What its own document says otherwise."""
        self.answers: dict[str, Callable[[], Answer]] = {}
        self.subject = "7f3c-sub-of-a-person"
        self.claims: Json = {}
        self.head: Json = {}
        self.codes: dict[str, Json] = {}
        self._numbers = itertools.count()

    @property
    def key(self) -> Key:
        return self.keys[0]

    def rotate(self, kid: str) -> None:
        """From now on another key signs, and only that one is published."""
        self.keys = [rsa_key(1, kid)]

    def claims_of(self, **more: Any) -> Json:
        now = int(time.time())
        claims: Json = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 600,
        }
        return {name: value for name, value in (claims | more).items() if value is not ...}

    def token(
        self, key: Key | None = None, head: Json | None = None, alg: str = "RS256", **more: Any
    ) -> str:
        """A token signed by the newest key, or by another."""
        key = key or self.key
        told = {"alg": alg, "kid": key.kid, **(head or {})}
        told = {name: value for name, value in told.items() if value is not ...}
        return jwt.encode(told, self.claims_of(**more), key, algorithms=[alg])

    # ── what it answers ──────────────────────────────────────────────────────────────────────────

    def get(self, path: str, query: Json) -> Answer:
        if path == "/.well-known/openid-configuration":
            return _json(self._document())
        if path == "/jwks":
            return _json({"keys": [key.as_dict(private=False) for key in self.keys]})
        if path == "/authorize":
            return self._authorize(query)
        return 404, {}, b""

    def _document(self) -> Json:
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
        } | self.said

    def _authorize(self, query: Json) -> Answer:
        """Everybody is let in at once: what is tested is what happens afterwards."""
        code = f"code-{next(self._numbers)}"
        self.codes[code] = query
        back = {"code": code, "state": query["state"], "iss": self.issuer}
        return 302, {"Location": f"{query['redirect_uri']}?{urlencode(back)}"}, b""

    def post(self, path: str, form: Json, authorization: str) -> Answer:
        if path != "/token":
            return 404, {}, b""
        begun = self.codes.pop(form.get("code", ""), None)
        if begun is None or not self._is_client(authorization):
            return _json({"error": "invalid_grant"}, 400)
        shown = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest())
        if shown.decode().rstrip("=") != begun["code_challenge"]:
            return _json({"error": "invalid_grant"}, 400)
        claims = {"aud": begun["client_id"], "nonce": begun["nonce"]} | self.claims
        token = self.token(head=self.head, **claims)
        return _json({"id_token": token, "access_token": "x", "token_type": "Bearer"})

    def _is_client(self, authorization: str) -> bool:
        from urllib.parse import quote

        expected = f"{CLIENT}:{quote(SECRET, safe='')}"
        return authorization == f"Basic {base64.b64encode(expected.encode()).decode()}"


def _json(value: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._send(parts.path, lambda: provider.get(parts.path, _flat(parts.query)))

        def do_POST(self) -> None:
            form = _flat(self.rfile.read(int(self.headers["Content-Length"])).decode())
            told = self.headers.get("Authorization", "")
            self._send(self.path, lambda: provider.post(self.path, form, told))

        def _send(self, path: str, answer: Callable[[], Answer]) -> None:
            provider.asked[path] += 1
            if provider.is_down:
                self.send_error(503)
                return
            status, headers, body = provider.answers.get(path, answer)()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    return Handler


def _flat(query: str) -> Json:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def provider_running() -> Iterator[Provider]:
    """A provider that answers on a free port of loopback."""
    provider = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ec_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})
