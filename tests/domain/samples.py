"""Events and commands for tests: a few that are written out, and hypothesis-made ones of any type.

Every personal value that is made here bears the mark SECRET, so that a test can look for it where
it must not be.
"""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from domain import access, contacts, custody, imports, parties
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
