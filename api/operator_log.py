"""The operator's log: one JSON line per event on standard error, machine-readable and short.

It says what happened to the service, never what a contact says: no query values, no names. An
error's own words may repeat what was sent, so of an error only its kind and its places are told.
"""

import json
import logging
import sys
import threading
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from traceback import walk_tb
from types import TracebackType
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
TEXT_MAX: Final = 500
CHAIN_MAX: Final = 5
"""Errors told of a chain of causes."""
PLACES_MAX: Final = 12
"""Places told of one error, the innermost last."""


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


class Foreign(logging.Handler):
    """Writes what libraries log as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; with what was put into its text only if the server itself wrote it.

        uvicorn's texts name addresses and errors of the system; those of others may hold anything.
        """
        is_server = record.name.startswith("uvicorn")
        raised = record.exc_info[1] if record.exc_info else None
        _write(
            {
                "event": "library",
                "library": record.name,
                "text": (record.getMessage() if is_server else str(record.msg))[:TEXT_MAX].strip(),
                "exception": None if raised is None else places_of(raised),
                "level": record.levelname.lower(),
                "timestamp": now(),
            }
        )


_LINES: Final = Lines()
_FOREIGN: Final = Foreign()
_told: set[str] = set()
"""Holds `request` while lines of level info are wanted."""


def request(members: dict[str, Any]) -> None:
    """Write the line of one request: the one line written so often that its cost shows."""
    if _told:
        members["level"] = "info"
        members["timestamp"] = now()
        _write(members)


def configure(level: str) -> None:
    """Set the form and the least severe level of every line of this process."""
    _told.clear()
    if LEVELS[level] <= logging.INFO:
        _told.add("request")
    logging.getLogger().addHandler(_FOREIGN)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_places,
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: Lines(),
        cache_logger_on_first_use=False,
    )


def keep_last_words() -> None:
    """Have errors that nobody caught told as lines, too: Python would print what they say."""

    def end(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
        structlog.get_logger("kontaktlog").error("uncaught", exc_info=error)

    def end_thread(given: threading.ExceptHookArgs) -> None:
        structlog.get_logger("kontaktlog").error("uncaught", exc_info=given.exc_value)

    sys.excepthook = end
    threading.excepthook = end_thread


def places_of(error: BaseException) -> list[str]:
    """Return kind and places of an error and of its causes, and no word of any message."""
    told: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(told) < CHAIN_MAX:
        places = [
            f"{'/'.join(frame.f_code.co_filename.split('/')[-3:])}:{line} {frame.f_code.co_name}"
            for frame, line in walk_tb(cause.__traceback__)
        ]
        kind = f"{type(cause).__module__}.{type(cause).__name__}"
        told.append(f"{kind}: {' > '.join(places[-PLACES_MAX:])}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return told


def _with_places(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        event["exception"] = places_of(error)
    return event


def _line(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    return text_of(event)


def _write(line: Mapping[str, Any]) -> None:
    _LINES.msg(text_of(line))


def text_of(line: Mapping[str, Any]) -> str:
    """Return a line's JSON in printable ASCII: nothing in it breaks a line or moves a cursor."""
    told = {name: value for name, value in line.items() if value is not None}
    try:
        raw = orjson.dumps(told, default=str)
    except orjson.JSONEncodeError:  # half a character, or a number beyond 64 bits
        raw = b"\x7f"
    if raw.isascii() and b"\x7f" not in raw:
        return raw.decode()
    return json.dumps(told, default=str).replace("\x7f", "\\u007f")
