"""A broken server for the proofs to catch: it answers first and asks the disk afterwards."""

import asyncio
from typing import Any

import api.main
from api.cli.main import main
from domain.log.port import Appended
from domain.storage.writer import Writer

HELD_SECONDS = 0.5
"""Longer than a desk needs to note an answer, so that nearly every kill falls in between."""


class HastyWriter(Writer):
    """Acknowledges what is staged, holds it for a moment, and commits then."""

    async def _write(self, loop: asyncio.AbstractEventLoop, batch: list[Any]) -> None:
        staged = self._log.stage([request for request, _ in batch])
        for (_, future), outcome in zip(
            batch, getattr(staged, "_outcomes", None) or [], strict=False
        ):
            if isinstance(outcome, Appended) and not future.done():
                future.set_result(outcome)
        await asyncio.sleep(HELD_SECONDS)
        outcomes = await loop.run_in_executor(self._disk, staged.commit)
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Appended) and not future.done():
                future.set_result(outcome)


def serve() -> None:
    """`kontaktlog serve`, broken."""
    api.main.__dict__["Writer"] = HastyWriter
    main()
