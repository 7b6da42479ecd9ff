"""Starts the follower's process: apart from followers.py, so that it costs a server no loading.

The follower loads as much as the server does. `serve` starts it first, both load at the same time,
and the follower waits with everything else until it is told its settings.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.settings import Settings


def spawned() -> "subprocess.Popen[bytes]":
    """Return a follower that is loading; a line of settings lets it work, a closed pipe ends it."""
    return subprocess.Popen(
        [sys.executable, "-m", "api.followers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,  # what is told is told at once, and nothing is left to write when it is closed
        start_new_session=True,
    )


@contextmanager
def spawned_early(settings: "Settings") -> "Iterator[subprocess.Popen[bytes] | None]":
    """Have a follower load meanwhile, where the settings want a process; none is left behind.

    One that nobody told anything has done nothing, so it is simply killed.
    """
    if settings.followers != "process":
        yield None
        return
    with spawned() as process:
        try:
            yield process
        finally:
            process.kill()
