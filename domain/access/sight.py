"""What one sees: a scope (dataafgrænsning) and a role, turned into the filter every answer applies.

What one may not see must not show by number, order or error either, so item, list, count, search,
timeline and the decisions of commands all apply the same `Sight`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from domain.access.roles import Action, Role
from domain.errors import Fault, Refused
from domain.values import Confidentiality

SCOPES_MAX: Final = 50
SCOPE_SHAPE: Final = re.compile(r"(party|unit|kle):([^\x00-\x1f]+)")

_SEES_PERSONS: Final = frozenset(Role) - {Role.COUNCILLOR, Role.ADMINISTRATOR}
_SEES_ASSESSMENT: Final = frozenset(Role) - {
    Role.COUNCILLOR,
    Role.ADMINISTRATOR,
    Role.ORGANISATION,
}
_SEES_RESTRICTED: Final = frozenset(
    {Role.CASE_OFFICER, Role.ENTRY_DESK, Role.MANAGER, Role.AUDITOR, Role.RECORDS_OFFICER}
)
_SEES_UNFINISHED: Final = frozenset(Role) - {Role.COUNCILLOR, Role.ADMINISTRATOR}

Scope = Annotated[
    str,
    StringConstraints(pattern=r"^(party|unit|kle):[^\s\x00-\x1f][^\x00-\x1f]*$", max_length=310),
]
"""One part of a scope: `party:ID`, `unit:ID` (party ids) or `kle:03.10` (a KLE prefix)."""
Scopes = Annotated[tuple[Scope, ...], Field(max_length=SCOPES_MAX)]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a key, or a person under one grant, with its role and scope.

    `key_id` is what the log names as the actor: the id of an API key, or the pseudonym of a person
    (`u-` and 32 hexadecimal digits). `parties` and `kle` are the parsed scope.
    """

    key_id: str
    role: Role
    parties: frozenset[str] = frozenset()
    kle: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sight:
    """What a principal sees of contacts: the filter every answer applies.

    `parties` and `kle` limit when they are not None: a contact is seen when it concerns one of the
    parties, and bears a KLE number under one of the prefixes. `unfinished` tells whether also what
    is not final is seen: withdrawn, or under negotiation.
    """

    confidentialities: frozenset[Confidentiality]
    parties: frozenset[str] | None
    kle: tuple[str, ...] | None
    persons: bool
    assessment: bool
    unfinished: bool = True

    @property
    def limited(self) -> bool:
        """Return whether there are contacts this sight does not see."""
        every = len(self.confidentialities) == len(Confidentiality)
        return not (every and self.unfinished and self.parties is None and self.kle is None)


def sight(principal: Principal) -> Sight:
    """Return what the principal sees of contacts.

    A councillor sees final and open records only and no persons (kommunestyrelsesloven § 9,
    domain.md 3); an organisation only its own matters, and never internal assessments.
    """
    levels = {Confidentiality.OPEN}
    if principal.role is not Role.COUNCILLOR:
        levels.add(Confidentiality.INTERNAL)
    if principal.role in _SEES_RESTRICTED:
        levels.add(Confidentiality.RESTRICTED)
    limited = bool(principal.parties) or principal.role is Role.ORGANISATION
    return Sight(
        confidentialities=frozenset(levels),
        parties=principal.parties if limited else None,
        kle=principal.kle or None,
        persons=principal.role in _SEES_PERSONS,
        assessment=principal.role in _SEES_ASSESSMENT,
        unfinished=principal.role in _SEES_UNFINISHED,
    )


def sees(
    limits: Sight,
    confidentiality: Confidentiality,
    parties: Iterable[str],
    kle: Iterable[str],
    *,
    final: bool,
) -> bool:
    """Return whether someone with this sight may know of a record: the views' rule, by hand.

    `parties` are all the record concerns, in any role.
    """
    if confidentiality not in limits.confidentialities or not (final or limits.unfinished):
        return False
    if limits.parties is not None and limits.parties.isdisjoint(parties):
        return False
    return limits.kle is None or any(under(number, limits.kle) for number in kle)


def under(number: str, prefixes: Iterable[str]) -> bool:
    """Return whether a KLE number stands at or under one of the prefixes.

    `03.1` is no group of the KLE: nothing stands under it, `03.10` is beside it.
    """
    return any(
        number.startswith(prefix) and not number[len(prefix) :][:1].isdigit() for prefix in prefixes
    )


def demand_logging(principal: Principal, parties: Iterable[str]) -> None:
    """Refuse to log for others: an organisation, or a scoped key, must itself take part."""
    limits = sight(principal).parties
    if limits is not None and limits.isdisjoint(parties):
        fault = Fault("/organisations", "not_allowed")
        raise Refused("not_allowed", [fault], role=principal.role, action=Action.LOG_CONTACT)


def demand_receiving(principal: Principal, senders: Iterable[str], parties: Iterable[str]) -> None:
    """Refuse an enquiry for others: an organisation must itself send it, or be spoken for.

    Another scoped key must take part in it in some role.
    """
    limits = sight(principal).parties
    own = senders if principal.role is Role.ORGANISATION else parties
    if limits is not None and limits.isdisjoint(own):
        fault = Fault("/sender", "not_allowed")
        action = Action.RECEIVE_ENQUIRY
        raise Refused("not_allowed", [fault], role=principal.role, action=action)


def demand_scope(role: Role, scopes: Iterable[str]) -> None:
    """Refuse a scope that does not fit its role: an organisation must say which one it is."""
    if role is Role.ORGANISATION and not any(scope.startswith("party:") for scope in scopes):
        raise Refused("scope_unknown", [Fault("/scopes", "scope_unknown")])


def principal_of(key_id: str, role: Role, scopes: Iterable[str]) -> Principal:
    """Return the principal a key stands for; scopes are as `KeyIssued` keeps them.

    A scope that cannot be read limits to nothing: dropping it would open everything.
    """
    parts = [SCOPE_SHAPE.fullmatch(scope) or ("", "party", scope) for scope in scopes]
    return Principal(
        key_id=key_id,
        role=role,
        parties=frozenset(p[2] for p in parts if p[1] in ("party", "unit")),
        kle=tuple(p[2] for p in parts if p[1] == "kle"),
    )
