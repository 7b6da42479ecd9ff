"""The envelope (kuvert) of an event: who wrote it down, in which role, by which door, and why.

Stored as the `metadata` column. What happened and when it took place is the event's own data; when
it was recorded is the writer's clock, a column of its own. Source: domain.md 1.7.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

Via = Literal["api", "import", "cli", "ui", "system"]
SYSTEM_ACTOR: Final = "system"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What surrounds every event of one command.

    `actor` is the id of an API key or `cli`/`system`, never a person's name. `mark` is the keyed
    mark of the request's content, by which a retry is told from another request.
    """

    actor: str
    role: str
    via: Via
    mark: str | None = None
    on_behalf_of: str | None = None
    correlation: str | None = None
    causation: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what is stored; absent parts are left out."""
        parts = {
            "actor": self.actor,
            "role": self.role,
            "via": self.via,
            "mark": self.mark,
            "on_behalf_of": self.on_behalf_of,
            "correlation": self.correlation,
            "causation": self.causation,
        }
        return {name: value for name, value in parts.items() if value is not None}
