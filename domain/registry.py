"""The closed registry of events: stored name, model, tags, and what of it is sealed.

A stored name never changes; the class may move. A changed shape is a new version with one upcaster
from the old one. Nothing in the database can make us load a class that does not stand here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from domain import (
    access,
    contacts,
    custody,
    direct_contact,
    enquiries,
    imports,
    parties,
    routing,
    service_targets,
)
from domain.values import Value

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event.

    `sealed` names top-level fields sealed as a whole under the subject's key; `sealed_people` names
    the field holding a list of participants, whose `details` are sealed under each person's key.
    """

    name: str
    model: type[Value]
    tags_of: Callable[[Any], list[str]]
    sealed: tuple[str, ...] = ()
    sealed_people: str | None = None
    subject: str = ""
    """Field holding the id of the subject whose key seals `sealed`, e.g. `contact_id`.

    Its name without `_id` is the kind of subject: `contact`, `enquiry`, `account`.
    """


_CONTACT: Final = "contact_id"
_ENQUIRY: Final = "enquiry_id"
_ACCOUNT: Final = "account_id"


def _step(name: str, model: type[Value], people: str | None = None) -> EventType:
    return EventType(name, model, enquiries.tags_of, ("text",), people, _ENQUIRY)


def _account(name: str, model: type[Value], sealed: str) -> EventType:
    return EventType(name, model, direct_contact.tags_of, (sealed,), None, _ACCOUNT)


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
            EventType(
                "enquiry.received/1",
                enquiries.EnquiryReceived,
                enquiries.tags_of,
                ("text",),
                None,
                _CONTACT,
            ),
            _step("enquiry.acknowledged/1", enquiries.EnquiryAcknowledged),
            _step("enquiry.triaged/1", enquiries.EnquiryTriaged),
            _step("enquiry.routed/1", enquiries.EnquiryRouted),
            _step("enquiry.rerouted/1", enquiries.EnquiryRerouted),
            _step("enquiry.returned/1", enquiries.EnquiryReturned),
            _step("enquiry.assigned/1", enquiries.EnquiryAssigned, "assignees"),
            _step("enquiry.information_requested/1", enquiries.InformationRequested),
            _step("enquiry.information_supplied/1", enquiries.InformationSupplied),
            _step("enquiry.interim_reply_sent/1", enquiries.InterimReplySent),
            _step("enquiry.answered/1", enquiries.EnquiryAnswered),
            _step("enquiry.answer_waived/1", enquiries.EnquiryAnswerWaived),
            _step("enquiry.closed/1", enquiries.EnquiryClosed),
            _step("enquiry.reopened/1", enquiries.EnquiryReopened),
            _step("enquiry.split/1", enquiries.EnquirySplit),
            _step("enquiry.merged/1", enquiries.EnquiryMerged),
            EventType("enquiry.at_risk/1", enquiries.EnquiryAtRisk, enquiries.tags_of),
            EventType("enquiry.overdue/1", enquiries.EnquiryOverdue, enquiries.tags_of),
            _account("direct_contact.redirected/1", direct_contact.DirectContactRedirected, "text"),
            _account("direct_contact.refused/1", direct_contact.DirectContactRefused, "text"),
            _account(
                "direct_contact.account_withdrawn/1", direct_contact.DirectAccountWithdrawn, "why"
            ),
            EventType(
                "service_target.set/1", service_targets.ServiceTargetSet, service_targets.tags_of
            ),
            EventType(
                "service_target.ended/1",
                service_targets.ServiceTargetEnded,
                service_targets.tags_of,
            ),
            EventType(
                "working_days.defined/1",
                service_targets.WorkingDaysDefined,
                service_targets.tags_of,
            ),
            EventType("routing_rule.adopted/1", routing.RoutingRuleAdopted, routing.tags_of),
            EventType("routing_rule.withdrawn/1", routing.RoutingRuleWithdrawn, routing.tags_of),
            EventType("access.key_issued/1", access.KeyIssued, access.tags_of),
            EventType("access.key_revoked/1", access.KeyRevoked, access.tags_of),
            EventType("access.key_expiry_set/1", access.KeyExpirySet, access.tags_of),
            EventType("access.grant_given/1", access.GrantGiven, access.tags_of),
            EventType("access.grant_withdrawn/1", access.GrantWithdrawn, access.tags_of),
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
