"""What the subcommands share: exit codes, how answers and faults are printed, opening a store.

Faults are told in Danish with the stable code beside them, never with the value that was wrong:
a terminal's scroll-back is no place for personal data.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from api.main import Services
    from api.settings import Settings


FOLLOWER_SECONDS: Final = 60.0
"""How long a command waits for the follower of a running server.

On a busy machine the follower may be this late without being stuck, and an import that gives up has
to be run again.
"""


class Exit(IntEnum):
    """What a subcommand returns to the shell."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    UNAVAILABLE = 3


Json = Annotated[bool, typer.Option("--json", help="Svar som JSON")]
"""The option every subcommand that prints data takes."""


def show(data: Any, as_json: bool, text: str | None = None) -> None:
    """Print an answer: as one JSON document, or as the text for people (by default, its fields)."""
    if as_json:
        print(json.dumps(data, ensure_ascii=False, indent=2))
    elif text is not None:
        print(text)
    else:
        print("\n".join(f"{name}: {value}" for name, value in data.items()))


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under their heads in columns; the last column is as wide as it wants."""
    cells = [list(heads), *([str("" if c is None else c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def say(line: str) -> None:
    """Tell the person at the terminal something that is not the answer itself."""
    print(line, file=sys.stderr, flush=True)


def settings_with(**given: Any) -> "Settings":
    """Return the settings, with those options of the command line that were given."""
    from api.settings import load_settings

    return load_settings(**{name: value for name, value in given.items() if value is not None})


@contextmanager
def opened(settings: "Settings | None" = None, *, writer: bool = False) -> "Iterator[Services]":
    """Open the installation for one command and close it afterwards."""
    from api.main import open_services

    services = open_services(settings or settings_with(), writer=writer)
    try:
        yield services
    finally:
        services.close()


def caught_up(services: "Services", position: int) -> None:
    """Wait until the views know of `position`; without a follower anywhere, bring them there.

    Raises Unavailable when the follower that runs does not get there in time.
    """
    from domain.errors import Unavailable
    from projections.registry import VIEWS
    from projections.runner import Runner

    lock = services.store.follower_lock()
    if lock is not None:
        with lock:
            Runner(services.log, services.codec, services.store, VIEWS).catch_up()
    elif not services.views.wait_for(position, FOLLOWER_SECONDS):
        raise Unavailable("view_behind")


def explained(error: Exception) -> tuple[Exit | None, list[str]]:
    """Return the exit code and the lines for a known failure; no code for a fault of our own."""
    from pydantic import ValidationError

    from api.settings import SettingsError
    from domain.errors import CODES, DomainError, Refused, Unavailable

    match error:
        case SettingsError():
            return Exit.USAGE, [f"kontaktlog: indstillingen kan ikke bruges: {error}"]
        case ValidationError():
            faults = error.errors(include_url=False, include_input=False, include_context=False)
            return Exit.USAGE, [
                f"kontaktlog: {_where(fault['loc'])}: {fault['msg']}" for fault in faults
            ]
        case DomainError():
            code = Exit.UNAVAILABLE if isinstance(error, Unavailable) else Exit.REFUSED
            lines = [f"kontaktlog: {CODES[error.code]} ({error})"]
            if isinstance(error, Refused):
                lines += [_fault(f.pointer, CODES[f.code], f.params) for f in error.faults]
            return code, lines
        case _:
            return None, []


def _where(place: Sequence[int | str]) -> str:
    return "/".join(str(part) for part in place) or "kommandoen"


def _fault(pointer: str, text: str, params: Mapping[str, object]) -> str:
    details = ", ".join(f"{name}={value}" for name, value in params.items())
    return f"  {pointer or '/'}: {text}" + (f" ({details})" if details else "")
