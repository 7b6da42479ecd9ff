"""What decisions about enquiries are told, and what every step checks alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Final

from domain import contacts
from domain.calendar import WorkingCalendar
from domain.enquiries.commands import EnquiryStep
from domain.enquiries.events import EnquiryReceived, StepText
from domain.enquiries.state import EnquiryState
from domain.errors import Fault
from domain.persons import Participant, ParticipantGiven, recognised_by
from domain.routing import RoutingRuleAdopted
from domain.service_targets import STANDARD_CALENDARS, ServiceTargetSet
from domain.values import (
    CLOCK_TOLERANCE,
    Occurred,
    OccurredGiven,
    PartyId,
    PartyRef,
    instant_text,
)

NOBODY: Final = PartyRef(id=PartyId(""), name="")
"""Stands for a party that is unknown, so that a decision can go on looking for other faults."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a decision about an enquiry is told.

    `parties` maps every key the command names to the party it means; a key that means none is
    missing, one that means several maps to None. `ancestors` tells by party id what the party is
    part of, the nearest first. `targets` and `rules` are all there are, whenever they hold; `past`
    is who got like enquiries before, and how often. `lenient` keeps what a register holds.
    """

    now: datetime
    zone: tzinfo
    parties: Mapping[str, PartyRef | None]
    media: frozenset[str]
    pseudonym: Callable[[str], str]
    new_id: Callable[[], str]
    ancestors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    targets: Sequence[ServiceTargetSet] = ()
    calendars: Mapping[str, WorkingCalendar] = field(default_factory=lambda: STANDARD_CALENDARS)
    rules: Sequence[RoutingRuleAdopted] = ()
    past: Sequence[tuple[PartyRef, int]] = ()
    lenient: bool = False

    @property
    def of_contact(self) -> contacts.Known:
        """The same for the decision about the contact an enquiry comes with."""
        return contacts.Known(
            now=self.now,
            zone=self.zone,
            parties=self.parties,
            media=self.media,
            pseudonym=self.pseudonym,
            lenient=self.lenient,
        )

    def at_once(self) -> Occurred:
        """Return the present moment as the time of a step."""
        return OccurredGiven.model_validate(instant_text(self.now)).resolve(self.zone)

    def party(self, key: str, pointer: str, faults: list[Fault]) -> PartyRef:
        """Return the party a key means; NOBODY and a fault when it means none or several."""
        found = self.parties.get(key)
        if found is None:
            code = "ambiguous_party" if key in self.parties else "unknown_party"
            faults.append(Fault(pointer, code))
            return NOBODY
        return found

    def each(self, keys: Sequence[str], pointer: str, faults: list[Fault]) -> tuple[PartyRef, ...]:
        """Return the parties that keys mean; one named by two keys counts once."""
        found = [self.party(key, f"{pointer}/{index}", faults) for index, key in enumerate(keys)]
        return tuple({party.id: party for party in found}.values())

    def person(self, given: ParticipantGiven, pointer: str, faults: list[Fault]) -> Participant:
        """Return a person as an event keeps them, recognised by a pseudonym."""
        party = self.party(given.party, f"{pointer}/party", faults) if given.party else None
        pseudonym, details = given.person, None
        if given.name is not None:
            details = {"name": given.name, "email": given.email, "phone": given.phone}
            recognised = recognised_by(given.name, party.id if party else None)
            pseudonym = pseudonym or self.pseudonym(recognised)
        fields = {
            "person": pseudonym,
            "details": details,
            "role": given.role,
            "party": party,
            "spoke_for": self.each(given.spoke_for, f"{pointer}/spoke_for", faults),
        }
        return Participant.model_validate(fields)


@dataclass(slots=True)
class Asked:
    """A step that was asked for: of which enquiry, when it took place, and what is wrong so far."""

    state: EnquiryState
    known: Known
    received: EnquiryReceived
    occurred: Occurred
    faults: list[Fault]

    @classmethod
    def of(
        cls, state: EnquiryState, command: EnquiryStep, known: Known, received: EnquiryReceived
    ) -> "Asked":
        """Place the step in time: neither ahead nor before the receipt, unless a register says so.

        A step without a time of its own takes place now, whatever the clock of the receipt said.
        """
        if command.occurred is None:
            return cls(state, known, received, known.at_once(), [])
        occurred = command.occurred.resolve(known.zone)
        faults = [] if known.lenient else _misplaced(occurred, received.received, known)
        return cls(state, known, received, occurred, faults)

    def head(self, after: int = 0) -> dict[str, Any]:
        """Return what every step holds; `after` counts events decided before it."""
        return {
            "enquiry_id": self.received.enquiry_id,
            "version": self.state.version + 1 + after,
            "occurred": self.occurred,
        }

    def party(self, key: str, name: str) -> PartyRef:
        """Return the party that the command's field `name` means; NOBODY with a fault if none."""
        return self.known.party(key, f"/{name}", self.faults)

    def check_day(self, name: str, day: str | None) -> None:
        """Note a promised day that lies before the step itself."""
        if day is not None and day < self.occurred.first_day and not self.known.lenient:
            self.faults.append(Fault(f"/{name}", "day_passed"))


def _misplaced(occurred: Occurred, received: Occurred, known: Known) -> list[Fault]:
    limit = known.now + CLOCK_TOLERANCE
    today = limit.astimezone(known.zone).date().isoformat()
    if occurred.first_day > today or _after(occurred.from_, limit.isoformat()):
        return [Fault("/occurred", "occurred_in_future")]
    if occurred.last_day < received.first_day or _after(received.from_, occurred.to):
        return [Fault("/occurred", "occurred_before_receipt")]
    return []


def _after(one: str, other: str) -> bool:
    """Whether one instant is after another; a day is after no instant."""
    if "T" not in one or "T" not in other:
        return False
    return datetime.fromisoformat(one) > datetime.fromisoformat(other)


def step_text(
    *, told: str | None = None, internal: str | None = None, handler: str | None = None
) -> StepText | None:
    """Return the words of a step, or None when there are none to seal."""
    if told is None and internal is None and handler is None:
        return None
    return StepText(told=told, internal=internal, handler=handler)
