"""The door an import knocks on: what it needs of the rest, small enough for a test to stand in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from domain.contacts import LogContact
from domain.imports import ImportFinished, ImportStarted
from domain.parties import RegisterParty
from domain.values import PartyRef


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command.

    `present`: the same was recorded before. `changed`: something else was recorded before under the
    same source id; it stands, and a correction is a person's decision.
    """

    status: Literal["made", "present", "changed", "refused"]
    code: str = ""
    field: str = ""


class Door(Protocol):
    """Where an import's commands go."""

    @property
    def media(self) -> frozenset[str]:
        """Media this installation knows."""
        ...

    def resolve(self, keys: Sequence[str]) -> dict[str, PartyRef | None]:
        """Return the party each key means: absent when unknown, None when it means several."""
        ...

    def register_parties(self, commands: Sequence[RegisterParty]) -> list[Outcome]:
        """Register parties; one outcome per command, in order."""
        ...

    def log_contacts(self, commands: Sequence[LogContact]) -> list[Outcome]:
        """Log contacts; one outcome per command, in order."""
        ...

    def present(self, commands: Iterable[LogContact]) -> list[bool]:
        """Return for each command whether its source id is logged already (for a dry run)."""
        ...

    def started(self, event: ImportStarted) -> bool:
        """Record that the import began; True when the same import has been finished before."""
        ...

    def finished(self, event: ImportFinished) -> None:
        """Record what came of the import."""
        ...
