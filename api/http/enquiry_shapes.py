"""What answers about enquiries, the inbox and their steps look like, for the document."""

from typing import Any, Literal

from pydantic import Field

from api.http.shapes import Contact, Listing, OccurredShown, ParticipantShown, Ref, Shape
from domain.values import Source

_INSIDE = "Only for the municipality's own people"


class ObligationShown(Shape):
    """What one party owes in an enquiry, and the unit that has it; null: the desk."""

    party: Ref
    holder: Ref | None
    state: Literal["open", "answered", "waived"]
    answer_kind: str | None
    answered_on: str | None


class DeadlineShown(Shape):
    """One thing owed, as it stands at the moment asked."""

    code: str
    clock: Literal["first_response", "answer"]
    due: str = Field(description="A day, or an instant for a deadline given as one")
    days: int | None
    profile: str | None
    basis: str | None
    done: str | None = Field(description="When the clock was stopped")
    due_if_paused: str | None = Field(default=None, description=_INSIDE)
    at_risk_from: str | None = Field(default=None, description=_INSIDE)
    state: str | None = Field(default=None, description=_INSIDE)
    working_days: int | None = Field(
        default=None, description="Left, or over when negative; " + _INSIDE.lower()
    )
    pauses: bool | None = Field(default=None, description=_INSIDE)


class Enquiry(Shape):
    """An enquiry (henvendelse) as it stands at a position."""

    id: str
    version: int = Field(ge=1, description="Counts its events; the ETag")
    phase: str
    position: int = Field(description="Log position of its newest event")
    recorded_at: str
    changed_at: str
    contact_id: str = Field(description="The contact it came with")
    sender: Ref
    spoke_for: list[Ref]
    addressed: list[Ref]
    received_by: Ref | None
    medium: str
    written: bool
    kind: str
    received: OccurredShown
    received_day: str = Field(description="The day working days are counted from")
    subject: str | None
    facts: str | None
    topics: list[str]
    kle: list[str]
    case_numbers: list[str]
    confidentiality: str
    obligations: list[ObligationShown]
    handler: str | None = Field(description="Only for roles that see persons")
    team: str | None
    expected_by: str | None
    deadlines: list[DeadlineShown]
    split_from: str | None
    parts: list[str]
    merged_into: str | None
    source: Source | None
    erased: bool = Field(default=False, description="Present when the text was erased")
    category: str | None = Field(default=None, description=_INSIDE)
    priority: str | None = Field(default=None, description=_INSIDE)
    duplicate_of: str | None = Field(default=None, description=_INSIDE)
    assignees: list[ParticipantShown] | None = Field(default=None, description=_INSIDE)


class EnquiryList(Listing):
    """A page of the inbox."""

    items: list[Enquiry]


class EnquiryStepShown(Shape):
    """One step of an enquiry; further members follow from its type."""

    version: int
    position: int
    recorded_at: str
    type: str
    occurred: OccurredShown | None
    role: str
    via: str
    told: str | None = Field(description="What was meant for the sender")
    handler: str | None
    summary_da: str
    to: Ref | None = None
    from_unit: Ref | None = None
    obligation: Ref | None = None
    by: Ref | None = None
    actor: str | None = Field(default=None, description=_INSIDE)
    internal: str | None = Field(default=None, description=_INSIDE)


class EnquiryStepList(Listing):
    """Every step of an enquiry, oldest first."""

    items: list[EnquiryStepShown]


class FilingAct(Shape):
    """Who filed or unfiled, when and why."""

    position: int
    recorded_at: str
    actor: str
    role: str
    via: str
    reason: str | None


class Filing(Shape):
    """One filing of a contact, and its end."""

    way: Literal["came_with", "logged", "linked"]
    link_id: str | None
    filed: FilingAct
    unfiled: FilingAct | None


class FiledContact(Shape):
    """A contact that is or was filed on the enquiry, with the trail."""

    filed: bool = Field(description="Whether it still is")
    filings: list[Filing]
    contact: Contact


class FiledContactList(Listing):
    """A page of the contacts filed on an enquiry, newest first."""

    items: list[FiledContact]


class LooksAlike(Shape):
    """Another enquiry in a line."""

    id: str
    subject: str | None
    phase: str
    received_day: str


class AlikeReason(Shape):
    """Why two enquiries look like one."""

    reason: Literal["same_case_number", "same_source", "similar_subject"]
    value: str


class DuplicateSuggested(Shape):
    """An enquiry that may be the same one; nothing is merged by itself."""

    enquiry: LooksAlike
    reasons: list[AlikeReason]


class RouteSuggested(Shape):
    """Where an enquiry could go, by a rule or by where such ones went."""

    unit: Ref
    rule_id: str | None
    rule_name: str | None
    automatic: bool
    reason: str


class Talking(Shape):
    """Who had direct contact with the sender in the last 90 days."""

    party: Ref
    contacts: int
    last: str


class EnquirySuggestions(Shape):
    """What the desk is told beside an enquiry."""

    duplicates: list[DuplicateSuggested]
    routes: list[RouteSuggested]
    talking: list[Talking]
    position: int


class EnquiryCounts(Shape):
    """Counts of distinct enquiries; one row per group."""

    rows: list[dict[str, Any]]
    total: int
    by: list[str]
    position: int
