"""Who may do what (rettigheder): the one rule every door asks, and the keys that carry it.

A key (API-nøgle) has a role (jobfunktionsrolle) and a scope (dataafgrænsning), given and withdrawn
as events. What one may not see must not show by number, order or error either, so the rule answers
with a `Sight` that every list, count, search and item applies alike.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from domain.errors import Fault, Refused
from domain.values import Confidentiality, Name, Value

SCOPES_MAX: Final = 50
SCOPE_SHAPE: Final = re.compile(r"(party|unit|kle):([^\x00-\x1f]+)")


class Role(StrEnum):
    """Job-function roles (jobfunktionsroller)."""

    CASE_OFFICER = "case_officer"
    ENTRY_DESK = "entry_desk"
    MANAGER = "manager"
    COUNCILLOR = "councillor"
    AUDITOR = "auditor"
    RECORDS_OFFICER = "records_officer"
    ORGANISATION = "organisation"
    INTEGRATION = "integration"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What can be asked for; every route names one."""

    READ_CONTACTS = "read_contacts"
    LOG_CONTACT = "log_contact"
    CHANGE_CONTACT = "change_contact"
    READ_PARTIES = "read_parties"
    CHANGE_PARTIES = "change_parties"
    READ_REPORTS = "read_reports"
    READ_LOG = "read_log"
    READ_CHECKPOINT = "read_checkpoint"
    READ_METRICS = "read_metrics"
    READ_IMPORTS = "read_imports"
    READ_ENQUIRIES = "read_enquiries"
    RECEIVE_ENQUIRY = "receive_enquiry"
    SUPPLY_INFORMATION = "supply_information"
    HANDLE_ENQUIRY = "handle_enquiry"
    READ_DIRECT_CONTACT = "read_direct_contact"
    REPORT_TURNED_AWAY = "report_turned_away"
    READ_RULES = "read_rules"
    CHANGE_RULES = "change_rules"
    READ_GRANTS = "read_grants"
    CHANGE_GRANTS = "change_grants"


_STAFF: Final = frozenset(
    {
        Action.READ_CONTACTS,
        Action.LOG_CONTACT,
        Action.CHANGE_CONTACT,
        Action.READ_PARTIES,
        Action.CHANGE_PARTIES,
        Action.READ_REPORTS,
        Action.READ_CHECKPOINT,
        Action.READ_IMPORTS,
        Action.READ_ENQUIRIES,
        Action.RECEIVE_ENQUIRY,
        Action.SUPPLY_INFORMATION,
        Action.HANDLE_ENQUIRY,
        Action.READ_DIRECT_CONTACT,
        Action.REPORT_TURNED_AWAY,
        Action.READ_RULES,
    }
)
_MAY: Final[dict[Role, frozenset[Action]]] = {
    Role.CASE_OFFICER: _STAFF,
    Role.ENTRY_DESK: _STAFF | {Action.CHANGE_RULES},
    Role.MANAGER: _STAFF | {Action.CHANGE_RULES},
    Role.RECORDS_OFFICER: _STAFF | {Action.READ_LOG},
    Role.INTEGRATION: _STAFF,
    Role.COUNCILLOR: frozenset(
        {
            Action.READ_CONTACTS,
            Action.READ_PARTIES,
            Action.READ_REPORTS,
            Action.READ_CHECKPOINT,
            Action.READ_ENQUIRIES,
            Action.READ_DIRECT_CONTACT,
            Action.READ_RULES,
        }
    ),
    Role.AUDITOR: frozenset(
        {
            Action.READ_CONTACTS,
            Action.READ_PARTIES,
            Action.READ_REPORTS,
            Action.READ_LOG,
            Action.READ_CHECKPOINT,
            Action.READ_METRICS,
            Action.READ_IMPORTS,
            Action.READ_ENQUIRIES,
            Action.READ_DIRECT_CONTACT,
            Action.READ_RULES,
            Action.READ_GRANTS,
        }
    ),
    Role.ORGANISATION: frozenset(
        {
            Action.READ_CONTACTS,
            Action.LOG_CONTACT,
            Action.READ_PARTIES,
            Action.READ_REPORTS,
            Action.READ_CHECKPOINT,
            Action.READ_ENQUIRIES,
            Action.RECEIVE_ENQUIRY,
            Action.SUPPLY_INFORMATION,
            Action.READ_DIRECT_CONTACT,
            Action.REPORT_TURNED_AWAY,
            Action.READ_RULES,
        }
    ),
    Role.ADMINISTRATOR: frozenset(
        {
            Action.READ_PARTIES,
            Action.CHANGE_PARTIES,
            Action.READ_CHECKPOINT,
            Action.READ_METRICS,
            Action.READ_RULES,
            Action.CHANGE_RULES,
            Action.READ_GRANTS,
            Action.CHANGE_GRANTS,
        }
    ),
}
_SEES_PERSONS: Final = frozenset(Role) - {Role.COUNCILLOR, Role.ADMINISTRATOR}
_SEES_ASSESSMENT: Final = frozenset(Role) - {
    Role.COUNCILLOR,
    Role.ADMINISTRATOR,
    Role.ORGANISATION,
}
_SEES_RESTRICTED: Final = frozenset(
    {Role.CASE_OFFICER, Role.ENTRY_DESK, Role.MANAGER, Role.AUDITOR, Role.RECORDS_OFFICER}
)

Scope = Annotated[
    str,
    StringConstraints(pattern=r"^(party|unit|kle):[^\s\x00-\x1f][^\x00-\x1f]*$", max_length=310),
]
"""One part of a scope: `party:ID`, `unit:ID` (party ids) or `kle:03.10` (a KLE prefix)."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a key with its role and scope. `parties` and `kle` are the parsed scope."""

    key_id: str
    role: Role
    parties: frozenset[str] = frozenset()
    kle: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sight:
    """What a principal sees of contacts: the filter every answer applies.

    `parties` and `kle` limit when they are not None: a contact is seen when it concerns one of the
    parties, and bears a KLE number under one of the prefixes.
    """

    confidentialities: frozenset[Confidentiality]
    parties: frozenset[str] | None
    kle: tuple[str, ...] | None
    persons: bool
    assessment: bool


def may(principal: Principal, action: Action) -> bool:
    """Return whether the principal's role allows the action at all."""
    return action in _MAY[principal.role]


def demand(principal: Principal, action: Action) -> None:
    """Refuse unless the principal may; the refusal names role and action, nothing else."""
    if not may(principal, action):
        raise Refused("not_allowed", role=principal.role, action=action)


def sight(principal: Principal) -> Sight:
    """Return what the principal sees of contacts.

    A councillor sees open records only and no persons (kommunestyrelsesloven § 9, domain.md 3); an
    organisation only its own matters, and never internal assessments.
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
    )


def demand_logging(principal: Principal, parties: Iterable[str]) -> None:
    """Refuse to log for others: an organisation, or a scoped key, must itself take part."""
    limits = sight(principal).parties
    if limits is not None and limits.isdisjoint(parties):
        fault = Fault("/organisations", "not_allowed")
        raise Refused("not_allowed", [fault], role=principal.role, action=Action.LOG_CONTACT)


class KeyIssued(Value):
    """An API key was issued to somebody (API-nøgle udstedt); the secret itself is not kept."""

    key_id: str
    secret_sha256: str
    role: Role
    scopes: tuple[str, ...] = ()
    label: Name | None = None
    expires_at: str | None = None


class KeyRevoked(Value):
    """An API key was withdrawn (API-nøgle spærret)."""

    key_id: str
    reason: Name


AccessEvent = KeyIssued | KeyRevoked


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        msg = "must have an offset"
        raise ValueError(msg)
    return text


Moment = Annotated[
    str, StringConstraints(pattern=r"^[0-9T:.+Z-]+$", max_length=40), AfterValidator(_moment)
]
"""A moment as RFC 3339 with an offset."""


class IssueKey(Value):
    """Issue an API key (udsted API-nøgle)."""

    role: Role
    scopes: Annotated[tuple[Scope, ...], Field(max_length=SCOPES_MAX)] = ()
    label: Name | None = None
    expires_at: Moment | None = None


def issue(command: IssueKey, key_id: str, secret_sha256: str) -> KeyIssued:
    """Decide the issue of a key; an organisation's key must say which organisation it is."""
    if command.role is Role.ORGANISATION and not any(
        scope.startswith("party:") for scope in command.scopes
    ):
        raise Refused("scope_unknown", [Fault("/scopes", "scope_unknown")])
    return KeyIssued(
        key_id=key_id,
        secret_sha256=secret_sha256,
        role=command.role,
        scopes=command.scopes,
        label=command.label,
        expires_at=command.expires_at,
    )


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


def tags_of(event: AccessEvent) -> list[str]:
    """Return the tags of a key event."""
    return [f"access:{event.key_id}"]
