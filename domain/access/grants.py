"""Grants (tildelte rettigheder): who acts in which role, within which scope, from when to when.

A right is a job-function role with a data restriction (KOMBIT, domain.md 3.1). One acts under one
grant at a time, so that the role in the log is never ambiguous (docs/decisions/0007). The holder
stands in the log as a pseudonym only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from domain.access.roles import Role
from domain.access.sight import Principal, Scopes, demand_scope, principal_of
from domain.errors import Fault, Refused, Unknown
from domain.values import Day, Name, Value

Holder = Annotated[str, StringConstraints(pattern=r"^u-[0-9a-f]{32}$")]
"""Pseudonym of a person who signs in: a keyed mark of who said so and whom they named."""


class GrantGiven(Value):
    """A right was given to somebody, in a role and within a scope (rettighed tildelt)."""

    grant_id: str
    holder: str
    role: Role
    scopes: tuple[str, ...] = ()
    valid_from: str
    valid_to: str | None = None
    reason: Name


class GrantWithdrawn(Value):
    """A right was taken back, with a reason (rettighed frataget)."""

    grant_id: str
    reason: Name


GrantEvent = GrantGiven | GrantWithdrawn


class GiveGrant(Value):
    """Give somebody a right (tildel rettighed).

    The holder is named by pseudonym, or by issuer and subject as the sign-in service tells them;
    the log keeps the pseudonym only. The reason must not hold personal data.
    """

    holder: Holder | None = None
    issuer: Name | None = None
    subject: Name | None = None
    role: Role
    scopes: Scopes = ()
    valid_from: Day
    valid_to: Day | None = None
    reason: Name

    @model_validator(mode="after")
    def _names_one_holder(self) -> Self:
        named = self.issuer is not None and self.subject is not None
        part = self.issuer is not None or self.subject is not None
        if part is not named or named is (self.holder is not None):
            msg = "name the holder, or issuer and subject"
            raise ValueError(msg)
        if self.valid_to is not None and self.valid_to < self.valid_from:
            msg = "valid_to must not come before valid_from"
            raise ValueError(msg)
        return self


class WithdrawGrant(Value):
    """Take a right back from this moment on (fratag rettighed)."""

    reason: Name


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant as known at a position; days are of the municipality, both included."""

    grant_id: str
    holder: str
    role: Role
    scopes: tuple[str, ...]
    valid_from: str
    valid_to: str | None
    withdrawn: bool = False


def give(command: GiveGrant, grant_id: str, holder: str, giver: str) -> GrantGiven:
    """Decide a grant; nobody gives a right to himself or herself."""
    if holder == giver:
        raise Refused("own_grant", [Fault("/holder", "own_grant")])
    demand_scope(command.role, command.scopes)
    return GrantGiven(
        grant_id=grant_id,
        holder=holder,
        role=command.role,
        scopes=command.scopes,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
        reason=command.reason,
    )


def withdraw(events: Sequence[GrantEvent], command: WithdrawGrant) -> GrantWithdrawn:
    """Decide a withdrawal from the grant's own events; a grant is withdrawn once."""
    if not events or not isinstance(events[0], GrantGiven):
        raise Unknown("grant_unknown")
    if any(isinstance(event, GrantWithdrawn) for event in events):
        raise Refused("grant_withdrawn")
    return GrantWithdrawn(grant_id=events[0].grant_id, reason=command.reason)


def grants_in_force(rows: Sequence[GrantRow], day: str) -> list[GrantRow]:
    """Return the grants that hold on a day of the municipality's calendar, in the order given."""
    return [
        row
        for row in rows
        if not row.withdrawn
        and row.valid_from <= day
        and (row.valid_to is None or day <= row.valid_to)
    ]


def chosen(in_force: Sequence[GrantRow], wanted: str | None) -> GrantRow:
    """Return the one grant to act under: the wanted one, else the only one.

    Raises Refused(choose_grant) otherwise, also for a grant that exists and is another's: the
    refusal tells nothing of anybody's grants, `GET /v1/me` lists one's own.
    """
    found = [row for row in in_force if wanted is None or row.grant_id == wanted]
    if len(found) != 1:
        raise Refused("choose_grant")
    return found[0]


def principal_of_grant(row: GrantRow) -> Principal:
    """Return whom somebody acting under this grant is to every rule and to the log."""
    return principal_of(row.holder, row.role, row.scopes)
