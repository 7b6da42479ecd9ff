"""From a command to its recorded answer: the one way every door writes to the log.

Each command has an async form (HTTP) and a sync form ending in `_sync` (CLI, imports); both share
one preparation that resolves party keys, reads the history the decision needs, and decides.
"""

from api.commands.contacts import (
    ContactDone,
    change_contact,
    change_contact_sync,
    correct_contact,
    correct_contact_sync,
    log_contact,
    log_contact_sync,
    log_contacts_sync,
    log_contacts_whole_sync,
)
from api.commands.direct_contact import (
    AccountDone,
    report_turned_away,
    report_turned_away_sync,
    withdraw_account,
    withdraw_account_sync,
)
from api.commands.enquiries import (
    STEPS,
    EnquiryDone,
    receive_enquiry,
    receive_enquiry_sync,
    shown_as_recorded,
    take_step,
    take_step_sync,
)
from api.commands.filing import FileContact, file_contact, file_contact_sync
from api.commands.parties import (
    PartyDone,
    change_party,
    change_party_sync,
    register_party,
    register_party_sync,
)
from api.commands.recording import BATCH_ITEMS_MAX, Caller, key_hash_of
from api.commands.rules import RuleDone, change_rules, change_rules_sync

__all__ = [
    "BATCH_ITEMS_MAX",
    "STEPS",
    "AccountDone",
    "Caller",
    "ContactDone",
    "EnquiryDone",
    "FileContact",
    "PartyDone",
    "RuleDone",
    "change_contact",
    "change_contact_sync",
    "change_party",
    "change_party_sync",
    "change_rules",
    "change_rules_sync",
    "correct_contact",
    "correct_contact_sync",
    "file_contact",
    "file_contact_sync",
    "key_hash_of",
    "log_contact",
    "log_contact_sync",
    "log_contacts_sync",
    "log_contacts_whole_sync",
    "receive_enquiry",
    "receive_enquiry_sync",
    "register_party",
    "register_party_sync",
    "report_turned_away",
    "report_turned_away_sync",
    "shown_as_recorded",
    "take_step",
    "take_step_sync",
    "withdraw_account",
    "withdraw_account_sync",
]
