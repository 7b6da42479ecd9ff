"""The part of the table of operations that is about enquiries, the inbox and their steps."""

from api.http.operations import Operation


def enquiry_operations() -> tuple[Operation, ...]:
    """Return its operations."""
    return ()
