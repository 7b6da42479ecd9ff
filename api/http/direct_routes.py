"""The part of the table of operations that is about the direct door."""

from api.http.operations import Operation


def direct_operations() -> tuple[Operation, ...]:
    """Return its operations."""
    return ()
