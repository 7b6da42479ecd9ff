"""The door an import knocks on: what it needs of the rest, small enough for a test to stand in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from domain.contacts import LogContact
from domain.enquiries import EnquiryStep, ReceiveEnquiry
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


@dataclass(frozen=True, slots=True)
class StepGiven:
    """A step of an enquiry; `key` tells it from the enquiry's other steps, now and next time."""

    key: str
    command: EnquiryStep


@dataclass(frozen=True, slots=True)
class EnquiryGiven:
    """An enquiry in the register's own words with its steps in order, and its parties' keys."""

    command: ReceiveEnquiry
    steps: Sequence[StepGiven]
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EnquiryOutcome:
    """What became of an enquiry, and of each of its steps.

    When the enquiry is refused for the sake of a step, that step's outcome is refused as well, and
    nothing of the enquiry is in the log. An enquiry that was there before keeps what it has, and a
    step refused then is refused alone.
    """

    received: Outcome
    steps: Sequence[Outcome] = ()


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

    def receive_enquiries(self, given: Sequence[EnquiryGiven]) -> list[EnquiryOutcome]:
        """Receive enquiries with their steps, each whole or not at all; one outcome for each."""
        ...

    def present(self, commands: Iterable[LogContact | ReceiveEnquiry]) -> list[bool]:
        """Return for each command whether its source id is logged already (for a dry run)."""
        ...

    def started(self, event: ImportStarted) -> bool:
        """Record that the import began; True when the same import has been finished before."""
        ...

    def finished(self, event: ImportFinished) -> None:
        """Record what came of the import."""
        ...
