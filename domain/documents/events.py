"""What happened to a document (hændelser), and the document as its events tell it."""

from typing import Final

from domain.documents.commands import Outcome, PathKind
from domain.records import Record, StepTaken
from domain.values import (
    Confidentiality,
    Occurred,
    PartyRef,
    Reason,
    Source,
    Subject,
    Text,
    Value,
)

DRAFTED: Final = "drafted"
SUBMITTED: Final = "submitted"
APPROVED: Final = "approved"
REJECTED: Final = "rejected"
POSTPONED: Final = "postponed"
DISPATCHED: Final = "dispatched"
RECOMMENDED: Final = "recommended"
ADOPTED: Final = "adopted"
SENT_BACK: Final = "sent_back"
WITHDRAWN: Final = "withdrawn"
LIVING: Final = (
    DRAFTED,
    SUBMITTED,
    APPROVED,
    REJECTED,
    POSTPONED,
    DISPATCHED,
    RECOMMENDED,
    SENT_BACK,
)


class TitleText(Value):
    """What the document is called; sealed under its own key."""

    title: Subject


class DocumentWords(Value):
    """The words of a step; sealed under the document's key. Dissent is protokolbemærkning."""

    reason: Reason | None = None
    changes: Text | None = None
    conditions: Reason | None = None
    dissent: Reason | None = None
    decision: Text | None = None


class PathStep(Value):
    """One planned step of the path: which body does what, and when it is expected."""

    body: PartyRef
    step: PathKind
    planned: Occurred


class DocumentDrafted(Value):
    """A draft was made (udkast udarbejdet); joint when it has several authors."""

    document_id: str
    kind: str
    text: TitleText | None
    authors: tuple[PartyRef, ...]
    required: tuple[PartyRef, ...] = ()
    adopting: PartyRef | None = None
    content_hash: str | None = None
    case_numbers: tuple[str, ...] = ()
    document_numbers: tuple[str, ...] = ()
    kle: tuple[str, ...] = ()
    occurred: Occurred
    confidentiality: Confidentiality
    source: Source | None = None


class _Step(StepTaken):
    document_id: str
    text: DocumentWords | None = None


class DocumentVersionCreated(_Step):
    """A new version was made (ny version), based on an older one and on what was heard (R10)."""

    document_version: int
    based_on_version: int
    based_on_contacts: tuple[str, ...] = ()
    based_on_consultations: tuple[str, ...] = ()
    content_hash: str | None = None


class InternalConsultationHeld(_Step):
    """Administrations discussed it among themselves (drøftelse med anden forvaltning).

    Never counted as contact with stakeholders.
    """

    consultation_id: str
    units: tuple[PartyRef, ...]
    document_version: int | None = None


class ApprovalRequested(_Step):
    """A version was submitted to a body (forelagt til godkendelse)."""

    body: PartyRef
    document_version: int
    meeting: str | None = None
    planned: Occurred | None = None


class DocumentApproved(_Step):
    """A body approved a version (godkendt)."""

    body: PartyRef
    document_version: int
    with_changes: bool = False
    meeting: str | None = None


class DocumentRejected(_Step):
    """A body rejected a version (afvist)."""

    body: PartyRef
    document_version: int


class DecisionPostponed(_Step):
    """A body put off its decision (udsat)."""

    body: PartyRef
    document_version: int
    until: Occurred | None = None


class ApprovalInvalidated(_Step):
    """An approval no longer counts (godkendelse bortfaldet): a newer version took its place."""

    body: PartyRef
    document_version: int
    by_version: int


class DocumentDispatched(_Step):
    """An approved version was sent out (sendt til)."""

    recipients: tuple[PartyRef, ...]
    document_version: int
    medium: str


class RecommendationSubmitted(_Step):
    """It was submitted as a recommendation (indstilling fremsendt); joint by several units."""

    submitting: tuple[PartyRef, ...]
    to: tuple[PartyRef, ...]
    document_version: int
    deadline: Occurred | None = None


class RecommendationDeliberated(_Step):
    """A body treated it (behandlet i udvalg)."""

    body: PartyRef
    document_version: int
    outcome: Outcome
    reading: int
    vote: str | None = None


class DeliberationWaived(_Step):
    """A required body need not treat it (behandling frafaldet)."""

    body: PartyRef


class RecommendationAdopted(_Step):
    """It was adopted (vedtaget)."""

    body: PartyRef
    document_version: int


class RecommendationSentBack(_Step):
    """It was sent back (hjemvist)."""

    body: PartyRef
    document_version: int


class RecommendationWithdrawn(_Step):
    """It was withdrawn (trukket)."""


class PathPlanned(_Step):
    """Its path was planned (sagens gang planlagt), whole."""

    path: tuple[PathStep, ...]


DocumentEvent = (
    DocumentDrafted
    | DocumentVersionCreated
    | InternalConsultationHeld
    | ApprovalRequested
    | DocumentApproved
    | DocumentRejected
    | DecisionPostponed
    | ApprovalInvalidated
    | DocumentDispatched
    | RecommendationSubmitted
    | RecommendationDeliberated
    | DeliberationWaived
    | RecommendationAdopted
    | RecommendationSentBack
    | RecommendationWithdrawn
    | PathPlanned
)


class Version(Value):
    """One version and what it is based on (R10)."""

    number: int
    made: Occurred
    based_on_version: int | None = None
    based_on_contacts: tuple[str, ...] = ()
    based_on_consultations: tuple[str, ...] = ()
    content_hash: str | None = None


class Decision(Value):
    """What a body did with a version, and when; `standing` is false once it no longer counts."""

    body: PartyRef
    step: PathKind
    outcome: str
    document_version: int
    on: Occurred
    standing: bool = True
    reading: int | None = None
    vote: str | None = None
    meeting: str | None = None
    medium: str | None = None

    @property
    def settles(self) -> bool:
        """Whether it is an approval or the adoption: what lets a version be sent."""
        return self.outcome in ("approved", "approved_with_changes", "adopted")


class Consultation(Value):
    """A discussion between administrations about a version."""

    consultation_id: str
    units: tuple[PartyRef, ...]
    document_version: int | None
    on: Occurred


class Pending(Value):
    """A decision that was asked for and has not come; `postponed` when it was put off."""

    body: PartyRef
    document_version: int
    meeting: str | None = None
    planned: Occurred | None = None
    postponed: bool = False


class Document(Record):
    """A document by now: versions, decisions of bodies, what is pending, and the plan."""

    kind: str
    title: str | None
    authors: tuple[PartyRef, ...]
    joint: bool
    required: tuple[PartyRef, ...] = ()
    waived: tuple[PartyRef, ...] = ()
    adopting: PartyRef | None = None
    case_numbers: tuple[str, ...] = ()
    document_numbers: tuple[str, ...] = ()
    kle: tuple[str, ...] = ()
    drafted: Occurred
    versions: tuple[Version, ...]
    consultations: tuple[Consultation, ...] = ()
    pending: tuple[Pending, ...] = ()
    decisions: tuple[Decision, ...] = ()
    submitting: tuple[PartyRef, ...] = ()
    deadline: Occurred | None = None
    path: tuple[PathStep, ...] = ()
    source: Source | None = None

    @property
    def newest(self) -> int:
        """The number of the newest version."""
        return self.versions[-1].number

    def approved(self, version: int) -> bool:
        """Return whether a body's approval of this very version stands, or its adoption (R3)."""
        return any(
            d.document_version == version and d.standing and d.settles for d in self.decisions
        )

    def decided(self, body: str, version: int) -> str | None:
        """Return what a body has decided on the approval of a version, as far as it stands."""
        found = [
            d.outcome
            for d in self.decisions
            if (d.body.id, d.document_version, d.step) == (body, version, PathKind.APPROVE)
            and d.standing
        ]
        return found[-1] if found else None

    def untreated(self, version: int) -> tuple[PartyRef, ...]:
        """Return the required bodies that have neither treated this version nor been waived."""
        settled = {party.id for party in self.waived}
        settled |= {
            d.body.id
            for d in self.decisions
            if d.step is PathKind.TREAT and d.document_version == version and d.standing
        }
        return tuple(party for party in self.required if party.id not in settled)


def tags_of(event: DocumentEvent) -> list[str]:
    """Return the tags: the document, the parties named, and the contacts it is based on."""
    tags = [f"document:{event.document_id}"]
    tags += [f"party:{party.id}" for party in _parties_of(event)]
    match event:
        case DocumentDrafted():
            tags += [f"case:{number}" for number in event.case_numbers]
        case DocumentVersionCreated():
            tags += [f"based_on_contact:{contact}" for contact in event.based_on_contacts]
        case _:
            pass
    return list(dict.fromkeys(tags))


def _parties_of(event: DocumentEvent) -> list[PartyRef]:
    match event:
        case DocumentDrafted():
            return [*event.authors, *event.required, *([event.adopting] if event.adopting else [])]
        case InternalConsultationHeld():
            return list(event.units)
        case DocumentDispatched():
            return list(event.recipients)
        case RecommendationSubmitted():
            return [*event.submitting, *event.to]
        case PathPlanned():
            return [step.body for step in event.path]
        case DocumentVersionCreated() | RecommendationWithdrawn():
            return []
        case _:
            return [event.body]
