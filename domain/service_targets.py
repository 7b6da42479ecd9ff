"""Service targets (servicemål): what is due when, as dated data, and the clocks of an enquiry.

A target says within how many working days (arbejdsdage) of which calendar something is owed. The
deadlines of an enquiry are counted once, when it is received, and stand in its event: a target
changed later does not change what was promised then. Sources: domain.md 4.2 and 5.1.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field

from domain.calendar import (
    PROFILES,
    ClosedDate,
    DayRule,
    Profile,
    WorkingCalendar,
    custom_profile,
)
from domain.errors import Fault, Refused, Unknown
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
    refuse_if,
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


# ── what is owed ─────────────────────────────────────────────────────────────────────────────────

STANDARD: Final[tuple[ServiceTargetSet, ...]] = (
    ServiceTargetSet(
        target_id="standard:written_answer",
        code="written_answer",
        name="Svar på skriftlige henvendelser",
        terms=TargetTerms(clock=Clock.ANSWER, days=10, written_only=True),
        valid_from="0001-01-01",
    ),
    ServiceTargetSet(
        target_id="standard:access_request",
        code="access_request",
        name="Afgørelse om aktindsigt",
        terms=TargetTerms(
            clock=Clock.ANSWER,
            days=7,
            kinds=(EnquiryKind.ACCESS_REQUEST,),
            basis="offentlighedsloven § 36",
        ),
        valid_from="0001-01-01",
    ),
    ServiceTargetSet(
        target_id="standard:first_response",
        code="first_response",
        name="Første svar fra et menneske",
        terms=TargetTerms(clock=Clock.FIRST_RESPONSE, days=2, warn_days=1),
        valid_from="0001-01-01",
    ),
)
"""Targets that hold while nobody set one of the same code (domain.md 4.2)."""
STANDARD_CALENDARS: Final[Mapping[str, WorkingCalendar]] = MappingProxyType(
    {code: WorkingCalendar(profile) for code, profile in PROFILES.items()}
)
"""Calendars of the profiles that come with the program, by code."""


def in_force(targets: Sequence[ServiceTargetSet], day: str) -> tuple[ServiceTargetSet, ...]:
    """Return the targets that hold on a day, by code, the newest first within a code.

    A target holds from `valid_from` until the day before `valid_to`. Of those with one code and
    the same administrations only the newest holds: setting a target replaces the one before.
    Standard targets fill in for codes that have no target at all on that day.
    """
    newest: dict[tuple[str, frozenset[str]], ServiceTargetSet] = {}
    for target in sorted(targets, key=lambda one: one.valid_from):
        if target.valid_from <= day and (target.valid_to is None or day < target.valid_to):
            newest[target.code, frozenset(party.id for party in target.administrations)] = target
    taken = {code for code, _ in newest}
    standing = [*newest.values(), *(one for one in STANDARD if one.code not in taken)]
    # Twice stable: the one that names administrations is looked at first among equally new ones.
    standing.sort(key=lambda one: (one.valid_from, bool(one.administrations)), reverse=True)
    return tuple(sorted(standing, key=lambda one: one.code))


def deadlines(
    targets: Sequence[ServiceTargetSet],
    *,
    kind: EnquiryKind,
    written: bool,
    topics: Collection[str],
    kle: Collection[str],
    addressed: Collection[str],
    received_day: str,
    calendars: Mapping[str, WorkingCalendar],
) -> tuple[Deadline, ...]:
    """Return what is owed in an enquiry received on a day: one deadline per code, first due first.

    The day of receipt is day 0 and the next working day is day 1. Of the targets of one code that
    cover the enquiry the newest counts. `addressed` are ids of administrations, with those they
    belong to. Raises Refused("calendar_unknown"), and CalendarRangeError for days no calendar has.
    """
    owed: dict[str, Deadline] = {}
    for target in in_force(targets, received_day):
        if target.code not in owed and _covers(target, kind, written, topics, kle, addressed):
            owed[target.code] = _counted(target, received_day, calendars)
    found = sorted(owed.values(), key=lambda one: (one.due, one.code))
    return tuple(found[:TARGETS_MAX])


def _covers(
    target: ServiceTargetSet,
    kind: EnquiryKind,
    written: bool,  # noqa: FBT001 a fact about the enquiry, not a switch
    topics: Collection[str],
    kle: Collection[str],
    addressed: Collection[str],
) -> bool:
    terms = target.terms
    here = {party.id for party in target.administrations}
    return (
        (not terms.kinds or kind in terms.kinds)
        and (written or not terms.written_only)
        and (not terms.topics or bool(folded(terms.topics) & folded(topics)))
        and (not terms.kle or any(number.startswith(terms.kle) for number in kle))
        and (not here or not here.isdisjoint(addressed))
    )


def folded(words: Collection[str]) -> set[str]:
    """Return topics as they are compared: upper and lower case are one."""
    return {word.casefold() for word in words}


def _counted(
    target: ServiceTargetSet, received_day: str, calendars: Mapping[str, WorkingCalendar]
) -> Deadline:
    terms = target.terms
    calendar = calendars.get(terms.profile) or STANDARD_CALENDARS.get(terms.profile)
    if calendar is None:
        raise Refused("calendar_unknown", profile=terms.profile)
    start = date.fromisoformat(received_day)
    warned = max(terms.days - terms.warn_days, 0)
    return Deadline(
        code=target.code,
        clock=terms.clock,
        due=calendar.add_working_days(start, terms.days).isoformat(),
        at_risk_from=calendar.add_working_days(start, warned).isoformat(),
        days=terms.days,
        profile=terms.profile,
        pauses=terms.pauses,
        target_id=target.target_id,
        basis=terms.basis,
    )


# ── decisions ────────────────────────────────────────────────────────────────────────────────────


def set_target(
    command: SetServiceTarget,
    target_id: str,
    known_parties: Mapping[str, PartyRef | None],
    profiles: Collection[str] = PROFILES,
) -> ServiceTargetSet:
    """Decide a service target; `profiles` are the codes of all calendars there are."""
    faults: list[Fault] = list(_order_faults(command.valid_from, command.valid_to))
    if command.terms.profile not in profiles:
        faults.append(Fault("/terms/profile", "calendar_unknown"))
    found: dict[str, PartyRef] = {}
    for index, key in enumerate(command.administrations):
        if party := known_parties.get(key):
            found[party.id] = party
        else:
            code = "ambiguous_party" if key in known_parties else "unknown_party"
            faults.append(Fault(f"/administrations/{index}", code))
    refuse_if(faults)
    return ServiceTargetSet(
        target_id=target_id,
        code=command.code,
        name=command.name,
        terms=command.terms,
        administrations=tuple(found.values()),
        valid_from=command.valid_from,
        valid_to=command.valid_to,
    )


def _order_faults(first: str, end: str | None) -> Iterator[Fault]:
    if end is not None and end < first:
        yield Fault("/valid_to", "invalid_input")


def end_target(target: ServiceTargetSet | None, command: EndServiceTarget) -> ServiceTargetEnded:
    """Decide the first day on which a target no longer holds; `target` is it as it stands."""
    if target is None:
        raise Unknown("target_unknown")
    refuse_if(list(_order_faults(target.valid_from, command.valid_to)))
    if target.valid_to == command.valid_to:
        raise Refused("nothing_changed", [Fault("/valid_to", "nothing_changed")])
    return ServiceTargetEnded(
        target_id=target.target_id, valid_to=command.valid_to, reason=command.reason
    )


def evolve(
    target: ServiceTargetSet | None, event: ServiceTargetSet | ServiceTargetEnded
) -> ServiceTargetSet | None:
    """Fold one event into a target as it stands; total, never refuses."""
    if isinstance(event, ServiceTargetSet):
        return event
    return target.model_copy(update={"valid_to": event.valid_to}) if target else None


def define_days(command: DefineWorkingDays, profiles: Mapping[str, Profile]) -> WorkingDaysDefined:
    """Decide a calendar of one's own, whole; `profiles` are all those there are, by code.

    Defining a code again replaces its calendar from then on: deadlines counted before stay.
    """
    faults: list[Fault] = []
    if command.code in PROFILES:
        faults.append(Fault("/code", "calendar_taken"))
    base = profiles.get(command.base) or PROFILES.get(command.base)
    if base is None:
        faults.append(Fault("/base", "calendar_unknown"))
    refuse_if(faults)
    profile = _own(command, base or PROFILES["DK_PUBLIC"])
    if profiles.get(command.code) == profile:
        raise Refused("nothing_changed")
    return WorkingDaysDefined(profile=profile)


def _own(command: DefineWorkingDays, base: Profile) -> Profile:
    try:
        return custom_profile(
            base,
            closed_yearly=command.closed_yearly,
            closed_dates=command.closed_dates,
            code=command.code,
        )
    except ValueError as error:  # more rows than a profile holds, when one builds on another
        raise Refused("too_large", [Fault("/closed_dates", "too_large")]) from error
