"""The part of the table of operations that is about grants, sessions and who one is."""

from api.http.operations import Operation


def access_operations() -> tuple[Operation, ...]:
    """Return its operations."""
    return ()
