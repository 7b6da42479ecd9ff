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
from api.commands.parties import (
    PartyDone,
    change_party,
    change_party_sync,
    register_party,
    register_party_sync,
)
from api.commands.recording import BATCH_ITEMS_MAX, Caller, key_hash_of

__all__ = [
    "BATCH_ITEMS_MAX",
    "Caller",
    "ContactDone",
    "PartyDone",
    "change_contact",
    "change_contact_sync",
    "change_party",
    "change_party_sync",
    "correct_contact",
    "correct_contact_sync",
    "key_hash_of",
    "log_contact",
    "log_contact_sync",
    "log_contacts_sync",
    "log_contacts_whole_sync",
    "register_party",
    "register_party_sync",
]
