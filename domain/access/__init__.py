"""Who may do what (rettigheder): the one rule every door asks, and what carries rights.

A key (API-nøgle) or a grant (rettighed) has a role (jobfunktionsrolle) and a scope
(dataafgrænsning), given and withdrawn as events. What one may not see must not show by number,
order or error either, so the rule answers with a `Sight` that every list, count, search and item
applies alike.
"""

from typing import assert_never

from domain.access.grants import (
    GiveGrant,
    GrantEvent,
    GrantGiven,
    GrantRow,
    GrantWithdrawn,
    Holder,
    WithdrawGrant,
    chosen,
    give,
    grants_in_force,
    principal_of_grant,
    withdraw,
)
from domain.access.keys import (
    GRACE_MAX,
    IssueKey,
    KeyEvent,
    KeyExpirySet,
    KeyIssued,
    KeyRevoked,
    KeyState,
    Moment,
    RotateKey,
    evolve_key,
    issue,
    key_state,
    rotate,
)
from domain.access.roles import Action, Role, demand, may
from domain.access.sight import (
    SCOPE_SHAPE,
    SCOPES_MAX,
    Principal,
    Scope,
    Scopes,
    Sight,
    demand_logging,
    demand_receiving,
    demand_scope,
    principal_of,
    sees,
    sight,
    under,
)

__all__ = [
    "GRACE_MAX",
    "SCOPES_MAX",
    "SCOPE_SHAPE",
    "AccessEvent",
    "Action",
    "GiveGrant",
    "GrantEvent",
    "GrantGiven",
    "GrantRow",
    "GrantWithdrawn",
    "Holder",
    "IssueKey",
    "KeyEvent",
    "KeyExpirySet",
    "KeyIssued",
    "KeyRevoked",
    "KeyState",
    "Moment",
    "Principal",
    "Role",
    "RotateKey",
    "Scope",
    "Scopes",
    "Sight",
    "WithdrawGrant",
    "chosen",
    "demand",
    "demand_logging",
    "demand_receiving",
    "demand_scope",
    "evolve_key",
    "give",
    "grants_in_force",
    "issue",
    "key_state",
    "may",
    "principal_of",
    "principal_of_grant",
    "rotate",
    "sees",
    "sight",
    "tags_of",
    "under",
    "withdraw",
]

AccessEvent = KeyIssued | KeyRevoked | KeyExpirySet | GrantGiven | GrantWithdrawn


def tags_of(event: AccessEvent) -> list[str]:
    """Return the tags of an event about keys and grants; a holder stands there as a pseudonym."""
    match event:
        case KeyIssued() | KeyRevoked() | KeyExpirySet():
            return [f"access:{event.key_id}"]
        case GrantGiven():
            return [f"access:{event.grant_id}", f"holder:{event.holder}"]
        case GrantWithdrawn():
            return [f"access:{event.grant_id}"]
    assert_never(event)
