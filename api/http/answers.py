"""Answers as ready bytes: lists joined from rows, items, text; no model is rebuilt for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from starlette.types import Receive, Scope, Send

from api.http.problems import MEDIA_TYPE, HttpProblem, render

JSON: Final = b"application/json"
TEXT: Final = b"text/plain; charset=utf-8"
POSITION: Final = b"kontaktlog-position"
_CONTENT_TYPE: Final = {kind: (b"content-type", kind) for kind in (JSON, TEXT)}

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Answer:
    """One answer, itself an ASGI application: it is sent as it stands."""

    status: int
    body: bytes = b""
    headers: Headers = field(default_factory=list)
    media_type: bytes | None = JSON

    @property
    def own_caching(self) -> bool:
        """Whether it says itself how it may be kept, so that the gate must look."""
        return any(name == b"cache-control" for name, _ in self.headers)

    def all_headers(self) -> Headers:
        """Return its headers with kind and length of the body, in a list of the caller's own."""
        headers = [*self.headers]
        if self.media_type is not None:
            kind = _CONTENT_TYPE.get(self.media_type) or (b"content-type", self.media_type)
            headers.append(kind)
        if self.status not in {204, 304}:
            headers.append((b"content-length", b"%d" % len(self.body)))
        return headers

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Send status, headers and body; a HEAD request gets everything but the body."""
        headers = self.all_headers()
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body})


def etag(version: int | str) -> bytes:
    """Return the strong entity tag of a version."""
    return b'"%s"' % str(version).encode()


def at_position(position: int) -> Headers:
    """Return the header that names the log position an answer speaks for."""
    return [(POSITION, b"%d" % position)]


def listing(items: Sequence[bytes], cursor: str | None, position: int) -> Answer:
    """Return `{"items": […], "next": …, "position": N}` joined from ready items."""
    cursor_text = b'"%s"' % cursor.encode() if cursor else b"null"
    body = b'{"items":[%s],"next":%s,"position":%d}' % (b",".join(items), cursor_text, position)
    return Answer(200, body, at_position(position))


def document(value: Any, *, status: int = 200, headers: Headers | None = None) -> Answer:
    """Return a small JSON document made here and now."""
    return Answer(status, orjson.dumps(value), headers or [])


def of_problem(problem: HttpProblem, request_id: str | None) -> Answer:
    """Return the one shape every error has."""
    status, body = render(problem, request_id)
    headers = [(name.lower().encode(), text.encode()) for name, text in problem.headers.items()]
    return Answer(status, body, headers, MEDIA_TYPE.encode())
