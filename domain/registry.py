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
    commitments,
    contacts,
    criteria,
    custody,
    dialogues,
    direct_contact,
    enquiries,
    followups,
    imports,
    parties,
    positions,
    routing,
    samples,
    service_targets,
)
from domain.agreements import events as agreements
from domain.documents import events as documents
from domain.efforts import events as efforts
from domain.forums import events as forums
from domain.meetings import events as meetings
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


def _of_record(
    name: str, model: type[Value], tags_of: Callable[[Any], list[str]], people: str | None = None
) -> EventType:
    """One event of a record; its words, if it has any, are sealed under the record's key."""
    noun = name.partition(".")[0]
    sealed = ("text",) if "text" in model.model_fields else ()
    subject = f"{noun}_id" if sealed or people else ""
    return EventType(name, model, tags_of, sealed, people, subject)


def _commitment(name: str, model: type[Value]) -> EventType:
    return _of_record(f"commitment.{name}/1", model, commitments.tags_of)


def _followup(name: str, model: type[Value]) -> EventType:
    return _of_record(f"followup.{name}/1", model, followups.tags_of)


def _document(name: str, model: type[Value]) -> EventType:
    return _of_record(f"document.{name}/1", model, documents.tags_of)


def _meeting(name: str, model: type[Value], people: str | None = None) -> EventType:
    return _of_record(f"meeting.{name}/1", model, meetings.tags_of, people)


def _forum(name: str, model: type[Value]) -> EventType:
    return _of_record(f"forum.{name}/1", model, forums.tags_of)


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
            _commitment("made", commitments.CommitmentMade),
            _commitment("rescheduled", commitments.CommitmentRescheduled),
            _commitment("fulfilled", commitments.CommitmentFulfilled),
            _commitment("released", commitments.CommitmentReleased),
            _commitment("due_soon", commitments.CommitmentDueSoon),
            _commitment("broken", commitments.CommitmentBroken),
            _followup("agreed", followups.FollowUpAgreed),
            _followup("rescheduled", followups.FollowUpRescheduled),
            _followup("handed", followups.FollowUpHanded),
            _followup("done", followups.FollowUpDone),
            _followup("dropped", followups.FollowUpDropped),
            _followup("due_soon", followups.FollowUpDueSoon),
            _followup("overdue", followups.FollowUpOverdue),
            _document("drafted", documents.DocumentDrafted),
            _document("version_created", documents.DocumentVersionCreated),
            _document("consultation_held", documents.InternalConsultationHeld),
            _document("approval_requested", documents.ApprovalRequested),
            _document("approved", documents.DocumentApproved),
            _document("rejected", documents.DocumentRejected),
            _document("decision_postponed", documents.DecisionPostponed),
            _document("approval_invalidated", documents.ApprovalInvalidated),
            _document("dispatched", documents.DocumentDispatched),
            _document("recommendation_submitted", documents.RecommendationSubmitted),
            _document("deliberated", documents.RecommendationDeliberated),
            _document("deliberation_waived", documents.DeliberationWaived),
            _document("adopted", documents.RecommendationAdopted),
            _document("sent_back", documents.RecommendationSentBack),
            _document("withdrawn", documents.RecommendationWithdrawn),
            _document("path_planned", documents.PathPlanned),
            _forum("proposed", forums.ForumProposed),
            _forum("established", forums.ForumEstablished),
            _forum("chair_assigned", forums.ChairAssigned),
            _forum("chair_vacated", forums.ChairVacated),
            _forum("chair_left", forums.ChairLeftToCoChair),
            _forum("participation_elected", forums.ChairParticipationElected),
            _forum("participation_resumed", forums.ChairParticipationResumed),
            _forum("member_appointed", forums.MemberAppointed),
            _forum("member_retired", forums.MemberRetired),
            _forum("replaced", forums.ForumReplaced),
            _forum("discontinued", forums.ForumDiscontinued),
            _meeting("called", meetings.MeetingCalled),
            _meeting("rescheduled", meetings.MeetingRescheduled),
            _meeting("cancelled", meetings.MeetingCancelled),
            _meeting("agenda_set", meetings.AgendaSet),
            _meeting("held", meetings.MeetingHeld, "participants"),
            _meeting("proposal_presented", meetings.ProposalPresented),
            _meeting("minutes_drafted", meetings.MinutesDrafted),
            _meeting("minutes_objected", meetings.MinutesObjected),
            _meeting("minutes_approved", meetings.MinutesApproved),
            _of_record("position.expressed/1", positions.PositionExpressed, positions.tags_of),
            _of_record("position.revised/1", positions.PositionRevised, positions.tags_of),
            _of_record(
                "position.concern_addressed/1", positions.ConcernAddressed, positions.tags_of
            ),
            _of_record("criterion.proposed/1", criteria.SuccessCriterionProposed, criteria.tags_of),
            _of_record("criterion.defined/1", criteria.SuccessCriterionDefined, criteria.tags_of),
            _of_record("criterion.revised/1", criteria.SuccessCriterionRevised, criteria.tags_of),
            _of_record("criterion.retired/1", criteria.SuccessCriterionRetired, criteria.tags_of),
            _of_record("criterion.baseline_frozen/1", criteria.BaselineFrozen, criteria.tags_of),
            _of_record(
                "criterion.evaluation_started/1", criteria.EvaluationStarted, criteria.tags_of
            ),
            _of_record("effort.started/1", efforts.InformationEffortStarted, efforts.tags_of),
            _of_record("effort.audience_added/1", efforts.AudienceAdded, efforts.tags_of),
            _of_record("effort.audience_removed/1", efforts.AudienceRemoved, efforts.tags_of),
            _of_record("effort.briefing_offered/1", efforts.BriefingOffered, efforts.tags_of),
            _of_record("effort.briefing_accepted/1", efforts.BriefingAccepted, efforts.tags_of),
            _of_record("effort.briefing_declined/1", efforts.BriefingDeclined, efforts.tags_of),
            _of_record("effort.briefing_scheduled/1", efforts.BriefingScheduled, efforts.tags_of),
            _of_record("effort.briefing_held/1", efforts.BriefingHeld, efforts.tags_of),
            _of_record("effort.audience_informed/1", efforts.AudienceInformed, efforts.tags_of),
            _of_record("effort.version_issued/1", efforts.VersionIssued, efforts.tags_of),
            _of_record("effort.question_raised/1", efforts.QuestionRaised, efforts.tags_of),
            _of_record("effort.question_answered/1", efforts.QuestionAnswered, efforts.tags_of),
            _of_record("effort.acknowledged/1", efforts.InformationAcknowledged, efforts.tags_of),
            _of_record("agreement.explored/1", agreements.AgreementExplored, agreements.tags_of),
            _of_record(
                "agreement.negotiation_opened/1", agreements.NegotiationOpened, agreements.tags_of
            ),
            _of_record("agreement.drafted/1", agreements.AgreementDrafted, agreements.tags_of),
            _of_record("agreement.amended/1", agreements.AgreementAmended, agreements.tags_of),
            _of_record(
                "agreement.approved/1", agreements.AgreementApprovedByParty, agreements.tags_of
            ),
            _of_record("agreement.concluded/1", agreements.AgreementConcluded, agreements.tags_of),
            _of_record(
                "agreement.implemented/1", agreements.AgreementImplementedWith, agreements.tags_of
            ),
            _of_record(
                "agreement.status_reported/1",
                agreements.AgreementStatusReported,
                agreements.tags_of,
            ),
            _of_record("agreement.extended/1", agreements.AgreementExtended, agreements.tags_of),
            _of_record(
                "agreement.terminated/1", agreements.AgreementTerminated, agreements.tags_of
            ),
            _of_record(
                "agreement.renegotiated/1", agreements.AgreementRenegotiated, agreements.tags_of
            ),
            _of_record(
                "agreement.negotiation_abandoned/1",
                agreements.NegotiationAbandoned,
                agreements.tags_of,
            ),
            _of_record("agreement.expired/1", agreements.AgreementExpired, agreements.tags_of),
            _of_record(
                "agreement.milestones_planned/1", agreements.MilestonesPlanned, agreements.tags_of
            ),
            _of_record(
                "agreement.milestone_reached/1", agreements.MilestoneReached, agreements.tags_of
            ),
            _of_record("dialogue.opened/1", dialogues.DialogueOpened, dialogues.tags_of),
            _of_record(
                "dialogue.package_received/1",
                dialogues.DocumentationPackageReceived,
                dialogues.tags_of,
            ),
            _of_record("dialogue.meeting_held/1", dialogues.DialogueMeetingHeld, dialogues.tags_of),
            _of_record(
                "dialogue.agreement_made/1", dialogues.DialogueAgreementMade, dialogues.tags_of
            ),
            _of_record(
                "dialogue.account_published/1",
                dialogues.DialogueAccountPublished,
                dialogues.tags_of,
            ),
            EventType("access.key_issued/1", access.KeyIssued, access.tags_of),
            EventType("access.key_revoked/1", access.KeyRevoked, access.tags_of),
            EventType("access.key_expiry_set/1", access.KeyExpirySet, access.tags_of),
            EventType("access.grant_given/1", access.GrantGiven, access.tags_of),
            EventType("access.grant_withdrawn/1", access.GrantWithdrawn, access.tags_of),
            EventType("import.started/1", imports.ImportStarted, imports.tags_of),
            EventType("import.finished/1", imports.ImportFinished, imports.tags_of),
            EventType("sample.declared/1", samples.SampleDeclared, samples.tags_of),
            EventType("log.clock_stepped_back/1", custody.ClockSteppedBack, custody.tags_of),
        )
    }
)
NAMES: Final[Mapping[type[Value], str]] = MappingProxyType(
    {kind.model: name for name, kind in EVENTS.items()}
)
UPCASTERS: Final[Mapping[str, tuple[str, Callable[[Json], Json]]]] = MappingProxyType({})
"""Old stored name -> the next name and the pure function that turns its data into that shape."""
