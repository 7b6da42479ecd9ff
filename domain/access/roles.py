"""Job-function roles (jobfunktionsroller) and what each may ask for: one table for every door.

What of the answer one then sees is another question (sight.py).
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from domain.errors import Refused

if TYPE_CHECKING:
    from domain.access.sight import Principal


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
    READ_OWN_RIGHTS = "read_own_rights"
    READ_RECORDS = "read_records"
    CHANGE_RECORDS = "change_records"


_ANYBODY: Final = frozenset({Action.READ_OWN_RIGHTS})
"""What anybody may who is known, also before one of several grants is chosen."""
_STAFF: Final = _ANYBODY | {
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
    Action.READ_RECORDS,
    Action.CHANGE_RECORDS,
}
_MAY: Final[dict[Role, frozenset[Action]]] = {
    Role.CASE_OFFICER: _STAFF,
    Role.ENTRY_DESK: _STAFF | {Action.CHANGE_RULES},
    Role.MANAGER: _STAFF | {Action.CHANGE_RULES},
    Role.RECORDS_OFFICER: _STAFF | {Action.READ_LOG},
    Role.INTEGRATION: _STAFF,
    Role.COUNCILLOR: _ANYBODY
    | {
        Action.READ_CONTACTS,
        Action.READ_PARTIES,
        Action.READ_REPORTS,
        Action.READ_CHECKPOINT,
        Action.READ_ENQUIRIES,
        Action.READ_DIRECT_CONTACT,
        Action.READ_RULES,
        Action.READ_RECORDS,
    },
    Role.AUDITOR: _ANYBODY
    | {
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
        Action.READ_RECORDS,
    },
    Role.ORGANISATION: _ANYBODY
    | {
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
        Action.READ_RECORDS,
    },
    Role.ADMINISTRATOR: _ANYBODY
    | {
        Action.READ_PARTIES,
        Action.CHANGE_PARTIES,
        Action.READ_CHECKPOINT,
        Action.READ_METRICS,
        Action.READ_RULES,
        Action.CHANGE_RULES,
        Action.READ_GRANTS,
        Action.CHANGE_GRANTS,
    },
}


def may(principal: "Principal", action: Action) -> bool:
    """Return whether the principal's role allows the action at all.

    Whoever is known but acts under no grant yet (role None) may only ask who he or she is.
    """
    return action in _MAY.get(principal.role, _ANYBODY)


def demand(principal: "Principal", action: Action) -> None:
    """Refuse unless the principal may; the refusal names role and action, nothing else."""
    if not may(principal, action):
        raise Refused("not_allowed", role=principal.role, action=action)
