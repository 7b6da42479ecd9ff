"""Events and commands for tests: a few that are written out, and hypothesis-made ones of any type.

Every personal value that is made here bears the mark SECRET, so that a test can look for it where
it must not be.
"""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

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
from domain.calendar import DK_OFFICE, Profile, YearlyDay, custom_profile
from domain.contacts import Known, LogContact
from domain.contacts.commands import AudienceGiven, CommitmentNote, FollowUpNote
from domain.contacts.events import ContactContent, ContactText, ReasonText
from domain.parties.commands import ExternalId
from domain.persons import Participant, PersonDetails
from domain.values import (
    STANDARD_MEDIA,
    Channel,
    Confidentiality,
    ContactId,
    Direction,
    Occasion,
    Occurred,
    Outcome,
    PartyId,
    PartyRef,
    PersonalData,
    Precision,
    Source,
    Value,
)

SECRET: Final = "hemmelig"
COPENHAGEN: Final = ZoneInfo("Europe/Copenhagen")
NOW: Final = datetime(2010, 2, 23, 9, 0, tzinfo=UTC)
CONTACT: Final = ContactId("018f0000-0000-7000-8000-000000000001")
TMF: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000a1"), name="Teknik og Miljø")
SOF: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000a2"), name="Social")
KAB: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000b1"), name="KAB")
AAB: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000b2"), name="AAB")
PARTIES: Final[dict[str, PartyRef | None]] = {
    "TMF": TMF,
    "SOF": SOF,
    "KAB": KAB,
    "kab@almen": KAB,
    "AAB": AAB,
    "Boligen": None,
}


def pseudonym(recognised: str) -> str:
    """A stand-in for the vault's keyed hash: the same for the same person, tells nothing."""
    return f"p-{sha256(recognised.encode()).hexdigest()[:32]}"


def known(**changed: Any) -> Known:
    told: dict[str, Any] = {
        "now": NOW,
        "zone": COPENHAGEN,
        "parties": PARTIES,
        "media": frozenset(STANDARD_MEDIA),
        "pseudonym": pseudonym,
    }
    return Known(**told | changed)


def asked(**changed: Any) -> LogContact:
    """The command to log a phone call of the day before, as a caller sends it."""
    sent: dict[str, Any] = {
        "channel": "direct",
        "direction": "inbound",
        "medium": "phone",
        "occurred": "2010-02-22",
        "administrations": ["TMF"],
        "organisations": ["KAB"],
        "subject": "Udlejning",
    }
    return LogContact.model_validate(sent | changed, strict=False)


# ── events of any type ───────────────────────────────────────────────────────────────────────────

_characters = st.characters(codec="utf-8", exclude_characters="\x00")
words = st.text(_characters, max_size=20).map(lambda text: f"ord {text}".strip())
secrets = st.text(_characters, max_size=20).map(lambda text: f"{SECRET} {text}".strip())
uuids = st.uuids(version=4).map(str)
days = st.dates().map(lambda day: day.isoformat())
codes = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
refs = st.builds(PartyRef, id=uuids.map(PartyId), name=words)
some_refs = st.lists(refs, max_size=3).map(tuple)
sources = st.builds(Source, system=words, id=words)
some_words = st.lists(words, max_size=3).map(tuple)
occurred = st.builds(
    lambda first, last, precision, text: Occurred(
        **{"from": first}, to=last, precision=precision, text=text, first_day=first, last_day=last
    ),
    days,
    days,
    st.sampled_from(Precision),
    st.none() | words,
)
details = st.builds(
    PersonDetails,
    name=secrets,
    email=st.none() | st.just(f"{SECRET}@example.org"),
    phone=st.none() | st.just("+45 33 66 33 66"),
)
_pseudonyms = st.integers(0, 2**128 - 1).map(lambda number: f"p-{number:032x}")
_people = st.builds(
    Participant,
    person=_pseudonyms,
    details=st.none() | details,
    role=st.none() | words,
    party=st.none() | refs,
    spoke_for=some_refs,
)
_roles_only = st.builds(Participant, role=words)
participants = st.lists(_people | _roles_only, max_size=4).map(tuple)
texts = st.builds(
    ContactText,
    subject=secrets,
    facts=st.none() | secrets,
    assessment=st.none() | secrets,
    place=st.none() | secrets,
    commitments=st.lists(
        st.builds(CommitmentNote, text=secrets, by=st.none() | secrets, due=st.none() | days),
        max_size=2,
    ).map(tuple),
    follow_ups=st.lists(
        st.builds(FollowUpNote, text=secrets, due=st.none() | days), max_size=2
    ).map(tuple),
)
audiences = st.builds(AudienceGiven, text=words, kinds=st.just(("forum",)), size=st.none())
contents = st.builds(
    ContactContent,
    channel=st.sampled_from(Channel),
    direction=st.sampled_from(Direction),
    medium=codes,
    occurred=occurred,
    administrations=some_refs,
    organisations=some_refs,
    audience=st.none() | audiences,
    topics=some_words,
    kle=st.just(("03.10.24",)),
    case_numbers=some_words,
    document_numbers=some_words,
    confidentiality=st.sampled_from(Confidentiality),
    negotiation=st.booleans(),
    personal_data=st.sampled_from(PersonalData),
    occasion=st.none() | st.sampled_from(Occasion),
    outcome=st.sampled_from(Outcome),
)
reasons = st.builds(ReasonText, reason=secrets)
_contact = uuids.map(ContactId)
_version = st.integers(1, 1_000)
_kind = st.sampled_from(["enquiry", "case", "commitment", "meeting", "contact", "document"])
_party = uuids.map(PartyId)
_filing: dict[str, Any] = {
    "contact_id": _contact,
    "version": _version,
    "link_id": uuids,
    "kind": _kind,
    "target": words,
}
_outside = st.builds(ExternalId, scheme=codes, value=words)
_enquiry = uuids
deadlines = st.builds(
    service_targets.Deadline,
    code=codes,
    clock=st.sampled_from(service_targets.Clock),
    due=days | st.just("2010-03-01T11:00:00Z"),
    at_risk_from=days,
    days=st.none() | st.integers(0, 500),
    profile=st.none() | st.just("DK_PUBLIC"),
    pauses=st.booleans(),
    target_id=st.none() | uuids,
    basis=st.none() | words,
)
some_deadlines = st.lists(deadlines, max_size=2).map(tuple)
step_texts = st.builds(
    enquiries.StepText,
    told=st.none() | secrets,
    internal=st.none() | secrets,
    handler=st.none() | secrets,
)
_step: dict[str, Any] = {
    "enquiry_id": _enquiry,
    "version": _version,
    "occurred": occurred,
    "text": st.none() | step_texts,
}
_kinds_of_enquiry = st.sampled_from(service_targets.EnquiryKind)
_warning: dict[str, Any] = {
    "enquiry_id": _enquiry,
    "version": _version,
    "code": codes,
    "clock": st.sampled_from(service_targets.Clock),
    "due": days,
}
_turned_away: dict[str, Any] = {
    "account_id": uuids,
    "side": st.sampled_from(direct_contact.Side),
    "administration": refs,
    "organisation": refs,
    "by_unit": st.none() | refs,
    "medium": codes,
    "occurred": occurred,
    "text": st.none()
    | st.builds(direct_contact.AccountText, told=st.none() | secrets, reason=st.none() | secrets),
    "still_helped": st.none() | st.booleans(),
    "topics": some_words,
    "about": st.none() | uuids,
    "confidentiality": st.sampled_from(Confidentiality),
    "source": st.none() | sources,
}
_some_kle = st.lists(st.sampled_from(["03", "03.10", "03.10.24"]), max_size=2).map(tuple)
terms = st.builds(
    service_targets.TargetTerms,
    clock=st.sampled_from(service_targets.Clock),
    days=st.integers(0, 500),
    warn_days=st.integers(0, 500),
    kinds=st.lists(_kinds_of_enquiry, max_size=2).map(tuple),
    written_only=st.booleans(),
    topics=some_words,
    kle=_some_kle,
    pauses=st.booleans(),
    basis=st.none() | words,
)
profiles: st.SearchStrategy[Profile] = st.builds(
    lambda month, day: custom_profile(
        DK_OFFICE, code="OWN", closed_yearly=(YearlyDay(month=month, day=day, name="Lukkedag"),)
    ),
    st.integers(1, 12),
    st.integers(1, 28),
)
_figures = st.dictionaries(
    codes, st.integers(0, 10**9) | words | st.dictionaries(codes, st.integers(0, 9), max_size=2)
)
OF_TYPE: Final[dict[type[Value], st.SearchStrategy[Any]]] = {
    contacts.ContactLogged: st.builds(
        contacts.ContactLogged,
        contact_id=_contact,
        content=contents,
        text=st.none() | texts,
        participants=participants,
        enquiry=st.none() | words,
        meeting=st.none() | words,
        documented_at=st.none() | days,
        source=st.none() | sources,
        flags=st.lists(codes, max_size=2).map(tuple),
    ),
    contacts.ContactCorrected: st.builds(
        contacts.ContactCorrected,
        contact_id=_contact,
        version=_version,
        fields=st.lists(codes, max_size=3).map(tuple),
        content=contents,
        text=st.none() | texts,
        participants=st.none() | participants,
        why=st.none() | reasons,
    ),
    contacts.ContactRetracted: st.builds(
        contacts.ContactRetracted,
        contact_id=_contact,
        version=_version,
        why=st.none() | reasons,
    ),
    contacts.ContactLinked: st.builds(contacts.ContactLinked, **_filing, why=st.none() | reasons),
    contacts.ContactUnlinked: st.builds(
        contacts.ContactUnlinked, **_filing, why=st.none() | reasons
    ),
    parties.PartyRegistered: st.builds(
        parties.PartyRegistered,
        party_id=_party,
        kind=codes,
        name=words,
        abbreviation=st.none() | words,
        aliases=some_words,
        external_ids=st.lists(_outside, max_size=3).map(tuple),
        valid_from=st.none() | days,
        warnings=some_words,
        source=st.none() | sources,
    ),
    parties.PartyRenamed: st.builds(
        parties.PartyRenamed,
        party_id=_party,
        name=words,
        abbreviation=st.none() | words,
        valid_from=days,
        reason=st.none() | words,
    ),
    parties.PartyAliasAdded: st.builds(parties.PartyAliasAdded, party_id=_party, alias=words),
    parties.PartyExternalIdAdded: st.builds(
        parties.PartyExternalIdAdded, party_id=_party, external_id=_outside, warnings=some_words
    ),
    parties.PartyRelated: st.builds(
        parties.PartyRelated,
        relation_id=uuids,
        party_id=_party,
        relation=st.sampled_from(["administers", "part_of", "other"]),
        to_party_id=_party,
        valid_from=st.none() | days,
        valid_to=st.none() | days,
    ),
    parties.PartyRelationEnded: st.builds(
        parties.PartyRelationEnded,
        relation_id=uuids,
        party_id=_party,
        to_party_id=_party,
        valid_to=days,
        reason=st.none() | words,
    ),
    parties.PartyMerged: st.builds(
        parties.PartyMerged, party_id=_party, into_party_id=_party, reason=words
    ),
    parties.PartyUnmerged: st.builds(
        parties.PartyUnmerged, party_id=_party, from_party_id=_party, reason=words
    ),
    parties.PartyClosed: st.builds(
        parties.PartyClosed, party_id=_party, valid_to=days, reason=words
    ),
    enquiries.EnquiryReceived: st.builds(
        enquiries.EnquiryReceived,
        enquiry_id=_enquiry,
        contact_id=_contact,
        sender=refs,
        spoke_for=some_refs,
        addressed=some_refs,
        received_by=st.none() | refs,
        medium=codes,
        written=st.booleans(),
        kind=_kinds_of_enquiry,
        received=occurred,
        received_day=days,
        text=st.none()
        | st.builds(enquiries.EnquiryText, subject=secrets, facts=st.none() | secrets),
        topics=some_words,
        kle=_some_kle,
        case_numbers=some_words,
        confidentiality=st.sampled_from(Confidentiality),
        deadlines=some_deadlines,
        split_from=st.none() | _enquiry,
        source=st.none() | sources,
    ),
    enquiries.EnquiryAcknowledged: st.builds(
        enquiries.EnquiryAcknowledged,
        **_step,
        team=st.none() | words,
        expected_by=st.none() | days,
    ),
    enquiries.EnquiryTriaged: st.builds(
        enquiries.EnquiryTriaged,
        **_step,
        category=st.none() | codes,
        priority=st.none() | st.sampled_from(enquiries.Priority),
        kind=st.none() | _kinds_of_enquiry,
        topics=st.none() | some_words,
        kle=st.none() | _some_kle,
        duplicate_of=st.none() | _enquiry,
        deadlines=st.none() | some_deadlines,
    ),
    enquiries.EnquiryRouted: st.builds(
        enquiries.EnquiryRouted,
        **_step,
        obligation=refs,
        to=refs,
        rule_id=st.none() | uuids,
        rule_name=st.none() | words,
        automatic=st.booleans(),
    ),
    enquiries.EnquiryRerouted: st.builds(
        enquiries.EnquiryRerouted, **_step, obligation=refs, from_unit=refs, to=refs
    ),
    enquiries.EnquiryReturned: st.builds(
        enquiries.EnquiryReturned, **_step, obligation=refs, from_unit=refs
    ),
    enquiries.EnquiryAssigned: st.builds(
        enquiries.EnquiryAssigned, **_step, unit=st.none() | refs, assignees=participants
    ),
    enquiries.InformationRequested: st.builds(
        enquiries.InformationRequested, **_step, due=st.none() | days
    ),
    enquiries.InformationSupplied: st.builds(enquiries.InformationSupplied, **_step),
    enquiries.InterimReplySent: st.builds(
        enquiries.InterimReplySent, **_step, new_expected_by=days
    ),
    enquiries.EnquiryAnswered: st.builds(
        enquiries.EnquiryAnswered,
        **_step,
        obligation=refs,
        by=refs,
        answer_kind=st.sampled_from(enquiries.AnswerKind),
        document=st.none() | words,
    ),
    enquiries.EnquiryAnswerWaived: st.builds(
        enquiries.EnquiryAnswerWaived, **_step, obligation=refs
    ),
    enquiries.EnquiryClosed: st.builds(
        enquiries.EnquiryClosed,
        **_step,
        closing=st.sampled_from(enquiries.Closing),
        satisfaction=st.none() | st.integers(1, 5),
    ),
    enquiries.EnquiryReopened: st.builds(enquiries.EnquiryReopened, **_step),
    enquiries.EnquirySplit: st.builds(
        enquiries.EnquirySplit, **_step, parts=st.lists(_enquiry, max_size=3).map(tuple)
    ),
    enquiries.EnquiryMerged: st.builds(enquiries.EnquiryMerged, **_step, into=_enquiry),
    enquiries.EnquiryAtRisk: st.builds(enquiries.EnquiryAtRisk, **_warning),
    enquiries.EnquiryOverdue: st.builds(enquiries.EnquiryOverdue, **_warning),
    direct_contact.DirectContactRedirected: st.builds(
        direct_contact.DirectContactRedirected, **_turned_away
    ),
    direct_contact.DirectContactRefused: st.builds(
        direct_contact.DirectContactRefused, **_turned_away
    ),
    direct_contact.DirectAccountWithdrawn: st.builds(
        direct_contact.DirectAccountWithdrawn,
        account_id=uuids,
        side=st.sampled_from(direct_contact.Side),
        why=st.none() | st.builds(direct_contact.WithdrawalText, reason=secrets),
    ),
    service_targets.ServiceTargetSet: st.builds(
        service_targets.ServiceTargetSet,
        target_id=uuids,
        code=codes,
        name=words,
        terms=terms,
        administrations=some_refs,
        valid_from=days,
        valid_to=st.none() | days,
    ),
    service_targets.ServiceTargetEnded: st.builds(
        service_targets.ServiceTargetEnded, target_id=uuids, valid_to=days, reason=words
    ),
    service_targets.WorkingDaysDefined: st.builds(
        service_targets.WorkingDaysDefined, profile=profiles
    ),
    routing.RoutingRuleAdopted: st.builds(
        routing.RoutingRuleAdopted,
        rule_id=uuids,
        name=words,
        match=st.builds(routing.RuleMatch, topics=some_words, kle=_some_kle),
        organisations=some_refs,
        to=refs,
        automatic=st.booleans(),
        priority=st.integers(0, 1_000),
        valid_from=days,
        valid_to=st.none() | days,
    ),
    routing.RoutingRuleWithdrawn: st.builds(
        routing.RoutingRuleWithdrawn, rule_id=uuids, valid_to=days, reason=words
    ),
    access.KeyIssued: st.builds(
        access.KeyIssued,
        key_id=uuids,
        secret_sha256=st.just("ab" * 32),
        role=st.sampled_from(access.Role),
        scopes=st.just(("kle:03",)),
        label=st.none() | words,
        expires_at=st.none() | days,
    ),
    access.KeyRevoked: st.builds(access.KeyRevoked, key_id=uuids, reason=words),
    access.KeyExpirySet: st.builds(
        access.KeyExpirySet, key_id=uuids, expires_at=days, replaced_by=st.none() | uuids
    ),
    access.GrantGiven: st.builds(
        access.GrantGiven,
        grant_id=uuids,
        holder=st.integers(0, 2**128 - 1).map(lambda number: f"u-{number:032x}"),
        role=st.sampled_from(access.Role),
        scopes=st.just(("kle:03",)),
        valid_from=days,
        valid_to=st.none() | days,
        reason=words,
    ),
    access.GrantWithdrawn: st.builds(access.GrantWithdrawn, grant_id=uuids, reason=words),
    imports.ImportStarted: st.builds(
        imports.ImportStarted,
        import_id=uuids,
        source=words,
        file_name=words,
        file_sha256=st.just("cd" * 32),
        file_bytes=st.integers(0, 2**40),
        mapping_sha256=st.just("ef" * 32),
        mapping=words,
    ),
    imports.ImportFinished: st.builds(
        imports.ImportFinished, import_id=uuids, file_sha256=st.just("cd" * 32), report=_figures
    ),
    custody.ClockSteppedBack: st.builds(
        custody.ClockSteppedBack, previous=days, observed=days, seconds=st.integers(0, 10**9)
    ),
}
contact_events = st.one_of(
    *(made for model, made in OF_TYPE.items() if model.__module__ == "domain.contacts.events")
)
party_events = st.one_of(
    *(made for model, made in OF_TYPE.items() if model.__module__ == "domain.parties.events")
)
enquiry_events = st.one_of(
    *(made for model, made in OF_TYPE.items() if model.__module__ == "domain.enquiries.events")
)
