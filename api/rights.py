"""Rights that a sign-in service tells of (rettigheder fra login): claims turned into grants.

A claim names job-function roles, another limits them (KOMBIT's jobfunktionsrolle with
dataafgrænsning). Each value that stands in the map of OIDC_ROLES is like a grant of its role; all
else in a token counts for nothing. They stand beside the grants of the log, and one acts under one
grant at a time.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from domain.access import SCOPE_SHAPE, SCOPES_MAX, GrantRow, Role

ROLES_MAX: Final = 50
"""Values of the roles claim that are looked at."""
SCOPE_CHARS_MAX: Final = 310
FROM_CLAIMS: Final = "claim-"
"""How the id of a grant from a token begins, so that nobody takes it for one of the log."""
_NOTHING: Final = "party:-"
"""A scope that no party has: whoever is limited to it sees nothing."""
_FIRST_DAY: Final = "0001-01-01"
"""A token is in force or it is not; its days are its own affair."""

Claims = Mapping[str, Any]
Resolve = Callable[[Sequence[str]], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Right:
    """A role within a scope, as a token or a session tells it; `scopes` as the token has them."""

    role: Role
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapped:
    """Where rights stand in a token, and which role of ours each value means."""

    roles_claim: str
    roles: Mapping[str, str]
    scopes_claim: str | None

    def rights(self, claims: Claims) -> tuple[Right, ...]:
        """Return the rights these claims tell of, in the order of the claim, each once.

        A scope that cannot be read limits to nothing: passing it over would open everything. So
        does a scopes claim that is configured and missing.
        """
        values = _list(_at(claims, self.roles_claim))[:ROLES_MAX]
        roles = [Role(self.roles[v]) for v in values if isinstance(v, str) and v in self.roles]
        scopes: tuple[str, ...] = ()
        if self.scopes_claim is not None:
            scopes = _scopes(_list(_at(claims, self.scopes_claim)))
        return tuple(dict.fromkeys(Right(role, scopes) for role in roles))


def role_map(text: str) -> dict[str, str]:
    """Return a JSON object from claim values to roles of ours; raises ValueError for any other."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not set(map(str, found.values())) <= set(Role):
        raise ValueError(f'must be a JSON object like {{"claim value": "{Role.CASE_OFFICER}"}}')
    return found


def grants_of(rights: Iterable[Right], holder: str, resolve: Resolve) -> list[GrantRow]:
    """Return rights as grants of a holder; `resolve` turns parties' keys into their ids.

    The grant's id follows from role and scope as the token has them, so it is the same tomorrow.
    """
    return [
        GrantRow(
            grant_id=_grant_id(right),
            holder=holder,
            role=right.role,
            scopes=_resolved(right.scopes, resolve),
            valid_from=_FIRST_DAY,
            valid_to=None,
        )
        for right in rights
    ]


def written(rights: Iterable[Right]) -> str:
    """Return rights as JSON, as a session keeps them."""
    return json.dumps([[right.role, list(right.scopes)] for right in rights])


def read(text: str) -> tuple[Right, ...]:
    """Return the rights that `written` wrote."""
    return tuple(Right(Role(role), tuple(scopes)) for role, scopes in json.loads(text))


def _grant_id(right: Right) -> str:
    scope = "\n".join(right.scopes)
    told = f"-{sha256(scope.encode()).hexdigest()[:12]}" if scope else ""
    return f"{FROM_CLAIMS}{right.role}{told}"


def _resolved(scopes: Sequence[str], resolve: Resolve) -> tuple[str, ...]:
    parts = {scope: found for scope in scopes if (found := SCOPE_SHAPE.fullmatch(scope))}
    meant = resolve([part[2] for part in parts.values() if part[1] != "kle"])
    return tuple(
        scope if part[1] == "kle" else f"{part[1]}:{meant.get(part[2], part[2])}"
        for scope, part in parts.items()
    )


def _scopes(values: Sequence[Any]) -> tuple[str, ...]:
    if not values or len(values) > SCOPES_MAX:
        return (_NOTHING,)
    return tuple(value if _is_scope(value) else _NOTHING for value in values)


def _is_scope(value: Any) -> bool:
    told = isinstance(value, str) and len(value) <= SCOPE_CHARS_MAX
    return told and SCOPE_SHAPE.fullmatch(value) is not None


def _at(claims: Claims, path: str) -> Any:
    """Return the claim of this very name, else what its dotted path leads to."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
