"""Sample stores (eksempellagre): a log that says of itself, first of all, that it is an example.

The declaration is the first event of such a log. A real log has no such event and cannot get one:
nothing that was played can later pass for what happened.
"""

from domain.values import Name, Value


class SampleDeclared(Value):
    """The log is an example from its first event on (eksempel erklæret)."""

    sample: Name
    title: Name


def tags_of(event: SampleDeclared) -> list[str]:
    """Return the tags of the declaration."""
    return ["sample", f"sample:{event.sample}"]
