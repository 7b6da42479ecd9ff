"""The door an import knocks on: what it needs of the rest, small enough for a test to stand in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from domain.contacts import LogContact
from domain.imports import ImportFinished, ImportStarted
from domain.parties import ExternalId, RegisterParty
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


@dataclass(frozen=True, slots=True)
class Named:
    """A contact in the register's own words, and the key under which each party is found.

    The words make the command's mark: the same file read again is the same command, however its
    parties are found by then. A name that is not in `keys` is its own key.
    """

    command: LogContact
    keys: Mapping[str, str]


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

    def numbers(self, party_id: str) -> frozenset[ExternalId]:
        """Return the outside numbers a party has in the register of parties."""
        ...

    def log_contacts(self, given: Sequence[Named]) -> list[Outcome]:
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
