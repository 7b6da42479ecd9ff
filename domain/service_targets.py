"""Service targets (servicemål): what is due when, as dated data, and the clocks of an enquiry.

A target says within how many working days (arbejdsdage) of which calendar something is owed. The
deadlines of an enquiry are counted once, when it is received, and stand in its event: a target
changed later does not change what was promised then. Sources: domain.md 4.2 and 5.1.
"""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from domain.calendar import ClosedDate, DayRule, Profile
from domain.values import (
    LIST_ITEMS_MAX,
    Code,
    Day,
    Kle,
    Name,
    Number,
    PartyRef,
    Reason,
    Value,
)

DAYS_MAX: Final = 500
"""Working days of the longest target: about two years."""
TARGETS_MAX: Final = 20
"""Deadlines one enquiry can have at once."""
PROFILE_PATTERN: Final = r"^[A-Z][A-Z0-9_]{0,63}$"

ProfileCode = Annotated[str, Field(pattern=PROFILE_PATTERN)]
Instant = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(Z|[+-][0-9]{2}:[0-9]{2})$")
]


class Clock(StrEnum):
    """What stops the clock (ur): any first human response, or the substantive answer."""

    FIRST_RESPONSE = "first_response"
    ANSWER = "answer"


class EnquiryKind(StrEnum):
    """What kind of enquiry it is, as far as deadlines care (henvendelsestype)."""

    GENERAL = "general"
    ACCESS_REQUEST = "access_request"


class TargetTerms(Value):
    """What a service target promises, and for which enquiries; an empty list limits nothing."""

    clock: Clock
    days: Annotated[int, Field(ge=0, le=DAYS_MAX)]
    warn_days: Annotated[int, Field(ge=0, le=DAYS_MAX)] = Field(
        default=2, description="Working days before the due date from which it is at risk"
    )
    profile: ProfileCode = "DK_PUBLIC"
    kinds: Annotated[tuple[EnquiryKind, ...], Field(max_length=10)] = ()
    written_only: bool = False
    topics: Annotated[tuple[Number, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    kle: Annotated[tuple[Kle, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    pauses: bool = Field(
        default=False, description="Whether the clock stands still while information is awaited"
    )
    basis: Name | None = Field(default=None, examples=["offentlighedsloven § 36"])


class SetServiceTarget(Value):
    """Set a service target from a day on (fastsæt servicemål); it replaces one of the same code."""

    code: Code = Field(examples=["written_answer"])
    name: Name = Field(examples=["Svar på skriftlige henvendelser"])
    terms: TargetTerms
    administrations: Annotated[tuple[Name, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    valid_from: Day
    valid_to: Day | None = None


class EndServiceTarget(Value):
    """End a service target (ophæv servicemål); `valid_to` is the first day it no longer holds."""

    valid_to: Day
    reason: Reason


class DefineWorkingDays(Value):
    """Define a calendar of working days of one's own (definér arbejdsdagskalender)."""

    code: ProfileCode = Field(examples=["KOMMUNEN"])
    base: ProfileCode = "DK_PUBLIC"
    closed_yearly: Annotated[tuple[DayRule, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    closed_dates: Annotated[tuple[ClosedDate, ...], Field(max_length=500)] = ()


class ServiceTargetSet(Value):
    """A service target holds from a day on (servicemål fastsat)."""

    target_id: str
    code: str
    name: str
    terms: TargetTerms
    administrations: tuple[PartyRef, ...] = ()
    valid_from: str
    valid_to: str | None = None


class ServiceTargetEnded(Value):
    """A service target no longer holds (servicemål ophævet)."""

    target_id: str
    valid_to: str
    reason: str


class WorkingDaysDefined(Value):
    """A calendar of working days was defined, whole (arbejdsdagskalender defineret)."""

    profile: Profile


ServiceTargetEvent = ServiceTargetSet | ServiceTargetEnded | WorkingDaysDefined


class Deadline(Value):
    """One thing owed in an enquiry (frist): counted when it was received, or given with it.

    `due` and `at_risk_from` are calendar days, or for a given deadline an instant. `code` is the
    target's, or `given`. `days` and `profile` say how it was counted; null for a given one.
    """

    code: str
    clock: Clock
    due: str
    at_risk_from: str
    days: int | None = None
    profile: str | None = None
    pauses: bool = False
    target_id: str | None = None
    basis: str | None = None


def tags_of(event: ServiceTargetEvent) -> list[str]:
    """Return the tags of an event about service targets."""
    if isinstance(event, WorkingDaysDefined):
        return [f"working_days:{event.profile.code}", "service_targets"]
    return [f"service_target:{event.target_id}", "service_targets"]
