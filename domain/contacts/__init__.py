"""The contact (kontakt) between administrations and organisations, the log's main fact.

A contact is logged by an unconditional append: no state of the entry point, of a case or of
anybody's inbox can block it. That is the memo's demand of 2010 (the new structure must not hinder
the direct, ongoing contact; Dokumentnr. 2010-140582) made into architecture. Correcting, retracting
and linking are further events with a reason; nothing is ever removed. Fields: domain.md 4.2.
"""

from domain.contacts.commands import (
    AudienceGiven,
    CommitmentNote,
    CorrectContact,
    FollowUpNote,
    LinkContact,
    LinkKind,
    LogContact,
    RetractContact,
    UnlinkContact,
    keys_named,
)
from domain.contacts.decisions import (
    ContactState,
    Known,
    correct,
    evolve,
    link,
    log,
    retract,
    unlink,
)
from domain.contacts.events import (
    ContactContent,
    ContactCorrected,
    ContactEvent,
    ContactLinked,
    ContactLogged,
    ContactRetracted,
    ContactText,
    ContactUnlinked,
    ReasonText,
    tags_of,
)

__all__ = [
    "AudienceGiven",
    "CommitmentNote",
    "ContactContent",
    "ContactCorrected",
    "ContactEvent",
    "ContactLinked",
    "ContactLogged",
    "ContactRetracted",
    "ContactState",
    "ContactText",
    "ContactUnlinked",
    "CorrectContact",
    "FollowUpNote",
    "Known",
    "LinkContact",
    "LinkKind",
    "LogContact",
    "ReasonText",
    "RetractContact",
    "UnlinkContact",
    "correct",
    "evolve",
    "keys_named",
    "link",
    "log",
    "retract",
    "tags_of",
    "unlink",
]
