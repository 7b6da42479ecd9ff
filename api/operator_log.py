"""The operator's log: one JSON line per event on standard error, machine-readable and short.

It says what happened to the service, never what a contact says: no query values, no names.
"""

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Final

import orjson
import structlog

from domain.storage.clock import now

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Lines:
    """Writes finished lines to whatever standard error is at that moment."""

    def msg(self, line: str) -> None:
        """Write one line at once, so that a crash loses none before it.

        A line that cannot be written is lost: no request may fail for it.
        """
        with suppress(OSError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    debug = info = warning = error = exception = critical = log = msg


_LINES: Final = Lines()
_told: set[str] = set()
"""Holds `request` while lines of level info are wanted."""


def request(members: dict[str, Any]) -> None:
    """Write the line of one request: the one line written so often that its cost shows."""
    if _told:
        line = {name: value for name, value in members.items() if value is not None}
        line["level"] = "info"
        line["timestamp"] = now()
        _LINES.msg(orjson.dumps(line, option=orjson.OPT_UTC_Z).decode())


def _line(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    told = {name: value for name, value in event.items() if value is not None}
    return orjson.dumps(told, default=str).decode()


def configure(level: str) -> None:
    """Set the form and the least severe level of every line of this process."""
    _told.clear()
    if LEVELS[level] <= logging.INFO:
        _told.add("request")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: Lines(),
        cache_logger_on_first_use=False,
    )
