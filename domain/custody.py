"""Custody of the log itself (varetægt): what the log records about its own keeping."""

from domain.values import Value


class ClockSteppedBack(Value):
    """The server's clock went back (uret gik baglæns); order is by position, not by clock."""

    previous: str
    observed: str
    seconds: int


CustodyEvent = ClockSteppedBack


def tags_of(event: CustodyEvent) -> list[str]:  # noqa: ARG001 one shape for every concept
    """Return the tag under which steps of the clock are found."""
    return ["log:clock"]
