"""The protocol on a connection (forbindelse): uvicorn's, but head and body leave in one write.

uvicorn hands the head of an answer to the system at once and the body after it. On a short answer
the second system call costs as much as many a query, and small packets leave in pairs.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Gathering:
    """A transport that writes once per turn of the event loop what was written in it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Everything but writing and closing is the transport's own."""
        self._transport = transport
        self._later = asyncio.get_running_loop().call_soon
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Write with what else is written before the loop turns."""
        if not self._parts:
            self._later(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Close when everything is written."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts = self._parts, []
            if not self._transport.is_closing():
                self._transport.writelines(parts)


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol over a gathering transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(cast("asyncio.Transport", Gathering(transport)))
