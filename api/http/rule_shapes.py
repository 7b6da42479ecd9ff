"""What answers about service targets, calendars and routing rules look like, for the document."""

from pydantic import Field

from api.http.shapes import Listing, Ref, Shape
from domain.calendar import ClosedDate, DayRule
from domain.routing import RuleMatch
from domain.service_targets import TargetTerms

_UNRECORDED = "Null for what comes with the program"


class _Rule(Shape):
    """What every recorded rule has."""

    id: str
    version: int
    position: int | None = Field(description=_UNRECORDED)
    recorded_at: str | None = Field(description=_UNRECORDED)
    changed_at: str | None = Field(description=_UNRECORDED)


class ServiceTarget(_Rule):
    """A service target (servicemål)."""

    code: str
    name: str
    terms: TargetTerms
    administrations: list[Ref]
    valid_from: str
    valid_to: str | None = Field(description="The first day it no longer holds")
    reason: str | None = Field(description="Why it was ended")
    standard: bool = Field(description="Comes with the program; holds while no other has its code")
    in_force: bool = Field(description="Whether it counts on the day asked")


class ServiceTargetList(Listing):
    """Service targets by code, the newest first."""

    items: list[ServiceTarget]


class RoutingRule(_Rule):
    """A routing rule (fordelingsregel)."""

    name: str
    match: RuleMatch
    organisations: list[Ref]
    to: Ref
    automatic: bool
    priority: int
    valid_from: str
    valid_to: str | None = Field(description="The first day it no longer holds")
    reason: str | None = Field(description="Why it was withdrawn")
    in_force: bool = Field(description="Whether it counts on the day asked")


class RoutingRuleList(Listing):
    """Routing rules in the order they are looked at."""

    items: list[RoutingRule]


class WorkingDays(_Rule):
    """A calendar of working days (arbejdsdagskalender)."""

    code: str
    public_holidays: list[DayRule]
    closed_yearly: list[DayRule]
    closed_dates: list[ClosedDate]
    standard: bool


class WorkingDaysList(Listing):
    """Calendars of working days, the program's own first."""

    items: list[WorkingDays]


class ClosedDayShown(Shape):
    """A day that is no working day, besides Saturdays and Sundays."""

    day: str
    name: str


class ClosedDays(Shape):
    """The closed days of a calendar between two days, both included."""

    code: str
    from_: str = Field(alias="from")
    to: str
    closed: list[ClosedDayShown]
    working_days: int = Field(description="Working days in the period")
    position: int
