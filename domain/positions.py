"""Positions (tilkendegivelser): what a named party said it thinks, about what, and on what terms.

A position belongs to an organisation at a time about a version. It is written down by a person from
what was said; nothing here or elsewhere infers one. Source: domain.md 1.8 F, rule R9.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from domain.errors import Broken, Refused
from domain.records import Check, Known, Record, StepGiven, StepTaken, standing
from domain.values import (
    LIST_ITEMS_MAX,
    Confidentiality,
    Name,
    Number,
    Occurred,
    OccurredGiven,
    PartyRef,
    Reason,
    Source,
    Text,
    UuidText,
    Value,
)

EXPRESSED: Final = "expressed"
REVISED: Final = "revised"
_ID: Final = "position_id"

AddressKind = Literal["contact", "document", "meeting", "commitment", "forum", "agreement"]
Version = Annotated[int, Field(ge=1, le=10_000)]


class Stance(StrEnum):
    """What somebody thinks of it (holdning); coded by a person, never inferred."""

    SUPPORT = "support"
    SUPPORT_WITH_CONDITION = "support_with_condition"
    NEUTRAL = "neutral"
    CONCERN = "concern"
    OPPOSE = "oppose"


_ON_TERMS: Final = (Stance.SUPPORT_WITH_CONDITION, Stance.CONCERN)
"""Stances that say nothing without the words of a condition or concern, which others address."""


class ConditionGiven(Value):
    """A condition or concern (betingelse, bekymring) as a caller writes it."""

    id: UuidText | None = None
    words: Reason = Field(examples=["Den direkte og løbende kontakt må ikke hindres"])


Conditions = Annotated[tuple[ConditionGiven, ...], Field(max_length=LIST_ITEMS_MAX)]


class ExpressPosition(Value):
    """Write down what somebody said it thinks (registrér tilkendegivelse).

    `version` stays null when the source does not say which version it was about. `quoted` says that
    the statement is in the holder's own words.
    """

    id: UuidText | None = None
    holder: Name = Field(examples=["KAB"])
    stance: Stance
    statement: Text | None = None
    conditions: Conditions = ()
    document: UuidText | None = None
    version: Version | None = None
    about: Name | None = Field(default=None, examples=["Ny organisering af samarbejdet"])
    meeting: UuidText | None = None
    contact: UuidText | None = None
    quoted: bool = False
    occurred: OccurredGiven | None = None
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    source: Source | None = None


class RevisePosition(StepGiven):
    """Write down that the holder thinks otherwise now (ændr tilkendegivelse); what was stays.

    `conditions` are all that the holder has now: what is not among them is dropped, by id; what was
    addressed stays addressed. Nobody but the holder drops one, whatever the stance.
    """

    stance: Stance
    statement: Text | None = None
    conditions: Conditions | None = Field(default=None, description="Left out: as before")
    version: Version | None = None
    quoted: bool = False


class AddressConcern(StepGiven):
    """Say that a condition was met (imødekom betingelse): by whom, and by what one sees it."""

    condition: UuidText
    by: Name
    how: Reason
    evidence_kind: AddressKind | None = None
    evidence: Number | None = None


class PositionWords(Value):
    """The words of a position; sealed under its own key. `conditions` are by condition id."""

    statement: Text | None = None
    about: Name | None = None
    conditions: dict[str, str] | None = None
    how: Reason | None = None


class PositionExpressed(Value):
    """A named party said what it thinks (tilkendegivet)."""

    position_id: str
    holder: PartyRef
    stance: Stance
    conditions: tuple[str, ...] = ()
    document: str | None = None
    document_version: int | None = None
    meeting: str | None = None
    contact: str | None = None
    quoted: bool
    text: PositionWords | None
    occurred: Occurred
    confidentiality: Confidentiality
    source: Source | None = None


class PositionRevised(StepTaken):
    """The holder thinks otherwise now (tilkendegivelse ændret)."""

    position_id: str
    stance: Stance
    conditions: tuple[str, ...] | None
    document_version: int | None
    quoted: bool
    text: PositionWords | None


class ConcernAddressed(StepTaken):
    """A condition was met (betingelse imødekommet)."""

    position_id: str
    condition: str
    by: PartyRef
    evidence_kind: AddressKind | None
    evidence: str | None
    text: PositionWords | None


PositionEvent = PositionExpressed | PositionRevised | ConcernAddressed


class Condition(Value):
    """A condition by now; open until somebody addressed it, or its holder dropped it."""

    condition_id: str
    words: str | None
    open: bool = True
    addressed_by: PartyRef | None = None
    addressed: Occurred | None = None
    how: str | None = None
    evidence_kind: AddressKind | None = None
    evidence: str | None = None
    dropped: Occurred | None = None


class Position(Record):
    """A position by now."""

    holder: PartyRef
    stance: Stance
    statement: str | None
    about: str | None
    quoted: bool
    conditions: tuple[Condition, ...] = ()
    document: str | None = None
    document_version: int | None = None
    meeting: str | None = None
    contact: str | None = None
    occurred: Occurred
    revised: Occurred | None = None
    source: Source | None = None


def express(command: ExpressPosition, position_id: str, known: Known) -> PositionExpressed:
    """Decide a position; a condition with support, or a concern, needs its words (R9, K13)."""
    check = Check(known)
    holder = check.party(command.holder, "/holder")
    for noun in ("document", "meeting", "contact"):
        named = getattr(command, noun)
        if named is not None:
            check.record(noun, named, f"/{noun}")
    if command.stance in _ON_TERMS and not command.conditions:
        check.fault("/conditions", "condition_missing")
    _each_once(command.conditions, check)
    if command.document is None and command.about is None:
        check.fault("/about", "invalid_input")
    occurred = check.happened(command.occurred)
    check.done()
    words = {given.id or known.new_id(): given.words for given in command.conditions}
    return PositionExpressed(
        position_id=position_id,
        holder=holder,
        stance=command.stance,
        conditions=tuple(words),
        document=command.document,
        document_version=command.version,
        meeting=command.meeting,
        contact=command.contact,
        quoted=command.quoted,
        text=PositionWords(statement=command.statement, about=command.about, conditions=words),
        occurred=occurred,
        confidentiality=command.confidentiality,
        source=command.source,
    )


def _each_once(conditions: Conditions, check: Check) -> None:
    seen: set[str] = set()
    for index, given in enumerate(conditions):
        if given.id is not None and given.id in seen:
            check.fault(f"/conditions/{index}/id", "duplicate_entry")
        seen |= {given.id} if given.id else set()


def revise(position: Position | None, command: RevisePosition, known: Known) -> PositionRevised:
    """Decide that the holder thinks otherwise; refused when nothing is otherwise."""
    now = standing(position)
    check = Check(known)
    base = check.step(now, _ID, command)
    held = [each for each in now.conditions if each.dropped is None]
    if command.stance in _ON_TERMS and not (
        held if command.conditions is None else command.conditions
    ):
        check.fault("/conditions", "condition_missing")
    _each_once(command.conditions or (), check)
    check.done()
    if _same(now, held, command):
        raise Refused("nothing_changed")
    given = command.conditions or ()
    words = {each.id or known.new_id(): each.words for each in given}
    return PositionRevised(
        **base,
        stance=command.stance,
        conditions=None if command.conditions is None else tuple(words),
        document_version=command.version,
        quoted=command.quoted,
        text=PositionWords(statement=command.statement, conditions=words or None),
    )


def _same(now: Position, held: list[Condition], command: RevisePosition) -> bool:
    told = {each.condition_id: each.words for each in held}
    return (
        command.stance is now.stance
        and command.statement in (None, now.statement)
        and (command.statement is None or command.quoted == now.quoted)
        and command.version in (None, now.document_version)
        and (
            command.conditions is None
            or [(each.id, each.words) for each in command.conditions] == list(told.items())
        )
    )


def address(position: Position | None, command: AddressConcern, known: Known) -> ConcernAddressed:
    """Decide that a condition was met; each is met once, and one that was dropped never."""
    now = standing(position)
    check = Check(known)
    found = next((c for c in now.conditions if c.condition_id == command.condition), None)
    if found is None or found.dropped is not None:
        check.fault("/condition", "condition_unknown")
    elif not found.open:
        check.fault("/condition", "condition_addressed")
    by = check.party(command.by, "/by")
    if (command.evidence_kind is None) != (command.evidence is None):
        check.fault("/evidence", "invalid_input")
    elif command.evidence_kind is not None and command.evidence is not None:
        check.record(command.evidence_kind, command.evidence, "/evidence")
    base = check.step(now, _ID, command)
    check.done()
    return ConcernAddressed(
        **base,
        condition=command.condition,
        by=by,
        evidence_kind=command.evidence_kind,
        evidence=command.evidence,
        text=PositionWords(how=command.how),
    )


def evolve(position: Position | None, event: PositionEvent) -> Position:
    """Fold one event into the position; total, never refuses."""
    if isinstance(event, PositionExpressed):
        return _expressed(event)
    if position is None:
        raise Broken("log_broken", reason="step before opening")
    change: dict[str, Any]
    if isinstance(event, PositionRevised):
        change = _revised(position, event)
    else:
        change = {"conditions": tuple(_met(each, event) for each in position.conditions)}
    return position.model_copy(update={**change, "version": position.version + 1})


def _expressed(event: PositionExpressed) -> Position:
    text = event.text or PositionWords()
    return Position(
        id=event.position_id,
        version=1,
        status=EXPRESSED,
        confidentiality=event.confidentiality,
        holder=event.holder,
        stance=event.stance,
        statement=text.statement,
        about=text.about,
        quoted=event.quoted,
        conditions=_conditions(event.conditions, text),
        document=event.document,
        document_version=event.document_version,
        meeting=event.meeting,
        contact=event.contact,
        occurred=event.occurred,
        source=event.source,
    )


def _conditions(ids: tuple[str, ...], text: PositionWords) -> tuple[Condition, ...]:
    words = text.conditions or {}
    return tuple(Condition(condition_id=each, words=words.get(each)) for each in ids)


def _revised(position: Position, event: PositionRevised) -> dict[str, Any]:
    text = event.text or PositionWords()
    change: dict[str, Any] = {
        "status": REVISED,
        "stance": event.stance,
        "revised": event.occurred,
    }
    if text.statement:
        change |= {"statement": text.statement, "quoted": event.quoted}
    change |= {"document_version": event.document_version} if event.document_version else {}
    if event.conditions is not None:
        now = {each.condition_id: each for each in _conditions(event.conditions, text)}
        kept = [
            _kept(each, now.pop(each.condition_id, None), event) for each in position.conditions
        ]
        change["conditions"] = (*kept, *now.values())
    return change


def _kept(before: Condition, now: Condition | None, event: PositionRevised) -> Condition:
    """Return a condition after a revision: nothing that was said of it is lost."""
    if now is not None:
        change = {"words": now.words or before.words, "dropped": None}
        return before.model_copy(update={**change, "open": before.addressed is None})
    if not before.open:
        return before
    return before.model_copy(update={"open": False, "dropped": event.occurred})


def _met(condition: Condition, event: ConcernAddressed) -> Condition:
    if condition.condition_id != event.condition:
        return condition
    change = {
        "open": False,
        "addressed_by": event.by,
        "addressed": event.occurred,
        "how": event.text.how if event.text else None,
        "evidence_kind": event.evidence_kind,
        "evidence": event.evidence,
    }
    return condition.model_copy(update=change)


def tags_of(event: PositionEvent) -> list[str]:
    """Return the tags: the position, the parties, and what it is about or was said in."""
    tags = [f"position:{event.position_id}"]
    match event:
        case PositionExpressed():
            tags.append(f"party:{event.holder.id}")
            tags += [f"position_on:{event.document}"] if event.document else []
            tags += [f"said_in_meeting:{event.meeting}"] if event.meeting else []
            tags += [f"said_in_contact:{event.contact}"] if event.contact else []
        case ConcernAddressed():
            tags.append(f"party:{event.by.id}")
        case _:
            pass
    return tags
