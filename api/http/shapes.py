"""What answers look like, for the document only: answers are joined from bytes, not from these.

A test holds real answers against them, so the document cannot promise what is not sent.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.http.problems import Problem
from domain.contacts import AudienceGiven, CommitmentNote, FollowUpNote
from domain.parties import ExternalId
from domain.values import Precision, Source


class Shape(BaseModel):
    """Base of every answer's shape; clients must take members they do not know."""

    model_config = ConfigDict(extra="allow", populate_by_name=True, defer_build=True)


class Ref(Shape):
    """A party by id and name."""

    id: str
    name: str


class OccurredShown(Shape):
    """When it took place, as exactly as it is known."""

    from_: str = Field(alias="from", examples=["2010-02-22"])
    to: str
    precision: Precision
    text: str | None


class ParticipantShown(Shape):
    """Someone who took part; who it is only for those who may see it."""

    person: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    role: str | None
    party: Ref | None
    spoke_for: list[Ref]


class LinkShown(Shape):
    """What the contact is filed on."""

    link_id: str
    kind: str
    target: str


class Recorder(Shape):
    """Who wrote it down: a key, its role, and the door."""

    actor: str
    role: str
    via: str


class Contact(Shape):
    """A contact (kontakt) as it stands at a position."""

    id: str
    version: int = Field(ge=1, description="Counts its events; the ETag")
    status: Literal["logged", "corrected", "retracted"]
    position: int = Field(description="Log position of its newest event")
    recorded_at: str = Field(description="When it was first recorded")
    changed_at: str
    channel: str
    direction: str
    medium: str
    occurred: OccurredShown
    documented_at: str | None
    administrations: list[Ref]
    organisations: list[Ref]
    audience: AudienceGiven | None
    subject: str | None
    facts: str | None
    place: str | None
    topics: list[str]
    kle: list[str]
    case_numbers: list[str]
    document_numbers: list[str]
    confidentiality: str
    negotiation: bool = Field(description="Negotiations are under way: not final yet")
    personal_data: str
    occasion: str | None
    outcome: str
    enquiry: str | None
    meeting: str | None
    commitments: list[CommitmentNote]
    follow_ups: list[FollowUpNote]
    links: list[LinkShown]
    source: Source | None
    flags: list[str]
    recorded_by: Recorder
    erased: bool = Field(default=False, description="Present when the text was erased")
    participants: list[ParticipantShown]
    assessment: str | None = Field(default=None, description="Only for roles that may see it")


class Change(Shape):
    """One field before and after."""

    field: str
    before: Any
    after: Any


class HistoryStep(Shape):
    """One step of a contact's history, and the contact after it."""

    version: int
    position: int
    recorded_at: str
    type: str
    actor: str
    role: str
    via: str
    reason: str | None
    changes: list[Change]
    summary_da: str
    contact: Contact


class NameShown(Shape):
    """A name and the days it is valid."""

    name: str
    abbreviation: str | None
    valid_from: str | None
    valid_to: str | None


class RelationShown(Shape):
    """How the party stands to another."""

    relation_id: str
    relation: str
    direction: Literal["from", "to"]
    party: Ref
    valid_from: str | None
    valid_to: str | None


class Party(Shape):
    """A party (part) as it stands at a position."""

    id: str
    version: int
    kind: str
    name: str
    abbreviation: str | None
    names: list[NameShown]
    aliases: list[str]
    external_ids: list[ExternalId]
    relations: list[RelationShown]
    merged_into: Ref | None
    merged_here: list[Ref]
    valid_from: str | None
    valid_to: str | None
    warnings: list[str]
    source: Source | None
    position: int
    recorded_at: str


class Why(Shape):
    """Why an entry stands in a party's timeline."""

    reason: str
    party: Ref | None = None


class TimelineEntry(Shape):
    """One entry of a timeline: a contact, a step of an enquiry or of a record, an account of being
    turned away, or something that happened to the party.
    """

    position: int
    day: str | None
    kind: Literal["contact", "party", "enquiry", "account", "record"]
    lens: Literal["direct", "entry_point"] | None
    why: list[Why]
    contact: Contact | None = None
    event: dict[str, Any] | None = None
    enquiry: dict[str, Any] | None = None
    step: dict[str, Any] | None = None
    account: dict[str, Any] | None = None
    record: dict[str, Any] | None = None


class Listing(Shape):
    """What every list has beside its items."""

    next: str | None = Field(description="Cursor of the next page, null at the end")
    position: int = Field(description="Log position the answer is true for")


class ContactList(Listing):
    """A page of contacts, newest first."""

    items: list[Contact]


class HistoryList(Listing):
    """Every step of a contact, oldest first."""

    items: list[HistoryStep]


class ContactFiledBy(Recorder):
    """Who filed or unfiled a contact, when and why."""

    position: int
    recorded_at: str
    reason: str | None


class ContactFiling(Shape):
    """One thing a contact is or was filed on."""

    kind: str
    target: str
    way: Literal["logged", "linked"] = Field(description="By its logging, or by a link later")
    link_id: str | None
    filed: ContactFiledBy
    unfiled: ContactFiledBy | None


class ContactFilingList(Listing):
    """What a contact is and was filed on, in the order it was."""

    items: list[ContactFiling]


class PartyList(Listing):
    """A page of parties by name."""

    items: list[Party]


class TimelineList(Listing):
    """A page of a timeline, newest first."""

    items: list[TimelineEntry]


class ImportShown(Shape):
    """An import of a file."""

    id: str
    status: Literal["started", "finished"]
    source: str
    file_name: str
    file_sha256: str
    file_bytes: int
    mapping_sha256: str
    started_at: str
    finished_at: str | None
    report: dict[str, Any] | None
    position: int


class ImportList(Listing):
    """A page of imports, newest first."""

    items: list[ImportShown]


class BatchItem(Shape):
    """What came of one item."""

    status: int
    id: str | None = None
    version: int | None = None
    position: int | None = None
    problem: Problem | None = None


class BatchResult(Shape):
    """One result per item, in the order given."""

    items: list[BatchItem]
    recorded: int
    failed: int
    position: int


class ReportShown(Shape):
    """Counts of distinct contacts; one row per group."""

    rows: list[dict[str, Any]]
    total: int = Field(description="Distinct contacts in all")
    groups: int = Field(description="Groups found, also those beyond the limit")
    by: list[str]
    position: int


class LogEntry(Shape):
    """A row as it is stored (docs/log-format.md); texts are the very bytes that were hashed."""

    position: int
    recorded_at: int = Field(description="Microseconds since 1970-01-01 UTC")
    event_id: str
    type: str
    tags: str
    metadata: str
    data: str
    stream_id: str | None
    stream_version: int | None
    key_hash: str | None
    leaf: str = Field(description="Hexadecimal; compute it, never believe it")


class LogEntryList(Listing):
    """A page of the log; `next` is the value of `after` for the next page."""

    items: list[LogEntry]


class InclusionProof(Shape):
    """That a position is in the tree of a size (RFC 6962); hashes in base64."""

    position: int
    index: int
    size: int
    leaf: str
    path: list[str]
    root: str


class ConsistencyProof(Shape):
    """That the tree of one size begins with the tree of another."""

    from_: int = Field(alias="from")
    to: int
    path: list[str]


class Status(Shape):
    """Alive or ready."""

    status: str
