"""The part of the table of operations about service targets, calendars and routing rules."""

from api.http.operations import Operation


def rule_operations() -> tuple[Operation, ...]:
    """Return its operations."""
    return ()
