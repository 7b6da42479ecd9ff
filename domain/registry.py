"""The closed registry of events: stored name, model, tags, and what of it is sealed.

A stored name never changes; the class may move. A changed shape is a new version with one upcaster
from the old one. Nothing in the database can make us load a class that does not stand here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from domain import access, contacts, custody, imports, parties
from domain.values import Value

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event.

    `sealed` names top-level fields sealed as a whole under the contact's key; `sealed_people` names
    the field holding a list of participants, whose `details` are sealed under each person's key.
    """

    name: str
    model: type[Value]
    tags_of: Callable[[Any], list[str]]
    sealed: tuple[str, ...] = ()
    sealed_people: str | None = None
    subject: str = ""
    """Field holding the id of the subject whose key seals `sealed`, e.g. `contact_id`."""


_CONTACT: Final = "contact_id"
EVENTS: Final[Mapping[str, EventType]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            EventType(
                "contact.logged/1",
                contacts.ContactLogged,
                contacts.tags_of,
                ("text",),
                "participants",
                _CONTACT,
            ),
            EventType(
                "contact.corrected/1",
                contacts.ContactCorrected,
                contacts.tags_of,
                ("text", "why"),
                "participants",
                _CONTACT,
            ),
            EventType(
                "contact.retracted/1",
                contacts.ContactRetracted,
                contacts.tags_of,
                ("why",),
                None,
                _CONTACT,
            ),
            EventType(
                "contact.linked/1",
                contacts.ContactLinked,
                contacts.tags_of,
                ("why",),
                None,
                _CONTACT,
            ),
            EventType(
                "contact.unlinked/1",
                contacts.ContactUnlinked,
                contacts.tags_of,
                ("why",),
                None,
                _CONTACT,
            ),
            EventType("party.registered/1", parties.PartyRegistered, parties.tags_of),
            EventType("party.renamed/1", parties.PartyRenamed, parties.tags_of),
            EventType("party.alias_added/1", parties.PartyAliasAdded, parties.tags_of),
            EventType("party.external_id_added/1", parties.PartyExternalIdAdded, parties.tags_of),
            EventType("party.related/1", parties.PartyRelated, parties.tags_of),
            EventType("party.relation_ended/1", parties.PartyRelationEnded, parties.tags_of),
            EventType("party.merged/1", parties.PartyMerged, parties.tags_of),
            EventType("party.unmerged/1", parties.PartyUnmerged, parties.tags_of),
            EventType("party.closed/1", parties.PartyClosed, parties.tags_of),
            EventType("access.key_issued/1", access.KeyIssued, access.tags_of),
            EventType("access.key_revoked/1", access.KeyRevoked, access.tags_of),
            EventType("import.started/1", imports.ImportStarted, imports.tags_of),
            EventType("import.finished/1", imports.ImportFinished, imports.tags_of),
            EventType("log.clock_stepped_back/1", custody.ClockSteppedBack, custody.tags_of),
        )
    }
)
NAMES: Final[Mapping[type[Value], str]] = MappingProxyType(
    {kind.model: name for name, kind in EVENTS.items()}
)
UPCASTERS: Final[Mapping[str, tuple[str, Callable[[Json], Json]]]] = MappingProxyType({})
"""Old stored name -> the next name and the pure function that turns its data into that shape."""
