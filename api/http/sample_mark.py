"""Marks what a sample store answers (eksempel): a header on every answer, a banner on every page.

It stands outside of everything else, so no answer and no page can forget it. A real log is served
without it and pays nothing for it.
"""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = b"kontaktlog-sample"
BANNER: Final = (
    b'<p role="note"><strong>Eksempel:</strong> dette lager er et eksempel og ikke en log over, '
    b"hvad der er sket.</p>"
)
_BODY: Final = b"<body>"
_HTML: Final = b"text/html"


class SampleMark:
    """Wraps the application of a sample store."""

    def __init__(self, app: ASGIApp, sample: str) -> None:
        """`sample` is the name in the log's first event."""
        self._app = app
        self._mark = (HEADER, sample.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through and mark its answer."""
        held: list[Message] = []

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), self._mark]
                if _is_page(message):
                    held.append(message)
                    return
            elif held:
                message = _with_banner(held.pop(), message)
                await send(message.pop("start"))
            await send(message)

        await self._app(scope, receive, marked)


def _is_page(start: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(_HTML) for name, value in start["headers"]
    )


def _with_banner(start: Message, message: Message) -> Message:
    """Return the page's body with the banner, and under `start` its start with the new length."""
    body = message.get("body", b"").replace(_BODY, _BODY + BANNER, 1)
    length = (b"content-length", str(len(body)).encode())
    others = [each for each in start["headers"] if each[0] != b"content-length"]
    return {**message, "body": body, "start": {**start, "headers": [*others, length]}}
