"""What tests of enquiries share: commands, a story of events, and what decisions are told."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

from domain import enquiries
from domain.enquiries import (
    AnswerKind,
    Closing,
    EnquiryAnswered,
    EnquiryAnswerWaived,
    EnquiryClosed,
    EnquiryEvent,
    EnquiryReceived,
    EnquiryRouted,
    EnquiryState,
    EnquiryStep,
    Known,
    ReceiveEnquiry,
    evolve,
)
from domain.enquiries.known import step_text
from domain.errors import Refused
from domain.routing import RoutingRuleAdopted, RuleMatch
from domain.values import (
    STANDARD_MEDIA,
    Occurred,
    OccurredGiven,
    PartyId,
    PartyRef,
    Value,
    instant_text,
)
from tests.domain.samples import AAB, CONTACT, COPENHAGEN, KAB, NOW, SOF, TMF, pseudonym
from tests.domain.scenario import Refusal, Story, told

ENQUIRY: Final = "018f0000-0000-7000-8000-00000000e001"
OTHER: Final = "018f0000-0000-7000-8000-00000000e002"
PART: Final = "018f0000-0000-7000-8000-00000000e00{}"
CBD: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000a3"), name="Bydesign")
DESK: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000a9"), name="Én indgang")
PARTIES: Final[dict[str, PartyRef | None]] = {
    "TMF": TMF,
    "SOF": SOF,
    "CBD": CBD,
    "DESK": DESK,
    "KAB": KAB,
    "AAB": AAB,
    "Boligen": None,
}
NOW_TEXT: Final = instant_text(NOW)


def at(text: str) -> Occurred:
    return OccurredGiven.model_validate(text).resolve(COPENHAGEN)


def known(**changed: Any) -> Known:
    numbers = itertools.count(5)
    facts: dict[str, Any] = {
        "now": NOW,
        "zone": COPENHAGEN,
        "parties": PARTIES,
        "media": frozenset(STANDARD_MEDIA),
        "pseudonym": pseudonym,
        "new_id": lambda: PART.format(next(numbers)),
        "ancestors": {CBD.id: (TMF.id,), AAB.id: (KAB.id,)},
    }
    return Known(**facts | changed)


LENIENT: Final = known(lenient=True)


def receiving(**changed: Any) -> ReceiveEnquiry:
    sent: dict[str, Any] = {
        "sender": "KAB",
        "administrations": ["TMF"],
        "medium": "email",
        "received": "2010-02-22",
        "subject": "Anvisning",
    }
    return ReceiveEnquiry.model_validate(sent | changed, strict=False)


def decided(command: ReceiveEnquiry, facts: Known | None = None) -> list[Value]:
    return enquiries.receive(command, ENQUIRY, CONTACT, facts or known())


def received(**changed: Any) -> EnquiryReceived:
    event = decided(receiving(**changed))[1]
    assert isinstance(event, EnquiryReceived)
    return event


def given(*events: EnquiryEvent, **changed: Any) -> Story[EnquiryState]:
    """An enquiry that was received (by e-mail from KAB to TMF unless changed), and then this."""
    return told(evolve, EnquiryState(), [received(**changed), *events])


def unheard() -> Story[EnquiryState]:
    return told(evolve, EnquiryState(), [])


def that(
    model: type[EnquiryStep],
    facts: Known | None = None,
    other: EnquiryState | None = None,
    /,
    **fields: Any,
) -> Callable[[EnquiryState], Sequence[Value]]:
    """The decision a step asks for, as a function of the enquiry's state."""
    command = model.model_validate(fields, strict=False)
    return lambda state: enquiries.step(state, command, facts or known(), other)


def head(version: int = 2, occurred: str = NOW_TEXT, **text: str) -> dict[str, Any]:
    """What every step holds, with its words."""
    words = step_text(**text)
    return {"enquiry_id": ENQUIRY, "version": version, "occurred": at(occurred), "text": words}


def routed(
    to: PartyRef = TMF, obligation: PartyRef = TMF, version: int = 2, **more: Any
) -> EnquiryRouted:
    return EnquiryRouted(**head(version), obligation=obligation, to=to, **more)


def refused(code: str, *faults: tuple[str, str]) -> Refusal:
    return Refusal(Refused, code, faults)


def one(code: str, pointer: str) -> Refusal:
    return refused(code, (pointer, code))


def rule(**changed: Any) -> RoutingRuleAdopted:
    fields: dict[str, Any] = {
        "rule_id": PART.format("f"),
        "name": "Anvisning til Bydesign",
        "match": RuleMatch(topics=("anvisning",)),
        "to": CBD,
        "automatic": True,
        "priority": 100,
        "valid_from": "2010-01-01",
    }
    return RoutingRuleAdopted(**fields | changed)


def answered(
    by: PartyRef = TMF,
    obligation: PartyRef = TMF,
    version: int = 2,
    kind: AnswerKind = AnswerKind.SUBSTANTIVE,
    **text: str,
) -> EnquiryAnswered:
    return EnquiryAnswered(**head(version, **text), obligation=obligation, by=by, answer_kind=kind)


def waived(party: PartyRef = TMF, version: int = 2, reason: str = "r") -> EnquiryAnswerWaived:
    return EnquiryAnswerWaived(**head(version, internal=reason), obligation=party)


def closed(version: int = 2, **more: Any) -> EnquiryClosed:
    return EnquiryClosed(**head(version), **{"closing": Closing.ANSWERED} | more)


TWO: Final[dict[str, Any]] = {"administrations": ["TMF", "SOF"]}
DESK_ONLY: Final[dict[str, Any]] = {"administrations": [], "received_by": "DESK"}
