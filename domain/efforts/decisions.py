"""Decisions about information efforts: pure functions from an effort and a command to events."""

from collections.abc import Sequence
from typing import TypeVar

from domain.efforts.commands import (
    AcceptBriefing,
    AcknowledgeInformation,
    AddAudience,
    AnswerQuestion,
    AudienceGiven,
    AudienceStep,
    DeclineBriefing,
    HoldBriefing,
    InformAudience,
    IssueVersion,
    OfferBriefing,
    RaiseQuestion,
    RemoveAudience,
    ScheduleBriefing,
    StartEffort,
)
from domain.efforts.events import (
    Audience,
    AudienceAdded,
    AudienceInformed,
    AudienceNow,
    AudienceRemoved,
    BriefingAccepted,
    BriefingDeclined,
    BriefingHeld,
    BriefingOffered,
    BriefingScheduled,
    Effort,
    EffortWords,
    InformationAcknowledged,
    InformationEffortStarted,
    QuestionAnswered,
    QuestionRaised,
    VersionIssued,
)
from domain.errors import Refused
from domain.records import NOBODY, Check, Known, standing

_ID = "effort_id"
_Some = TypeVar("_Some", bound=Audience)


def start(command: StartEffort, effort_id: str, known: Known) -> InformationEffortStarted:
    """Decide that an effort begins, with its audiences and their order."""
    check = Check(known)
    if command.document is not None:
        check.record("document", command.document, "/document")
    audiences: list[Audience] = []
    for index, given in enumerate(command.audiences):
        audiences.append(_audience(given, audiences, check, f"/audiences/{index}"))
    occurred = check.happened(command.occurred)
    check.done()
    return InformationEffortStarted(
        effort_id=effort_id,
        text=EffortWords(topic=command.topic),
        document=command.document,
        current_version=command.current_version,
        audiences=tuple(audiences),
        deadline=command.deadline,
        occurred=occurred,
        confidentiality=command.confidentiality,
        source=command.source,
    )


def _audience(
    given: AudienceGiven, before: Sequence[Audience], check: Check, pointer: str
) -> Audience:
    """Return an audience; those it comes after must stand before it in the list."""
    party = check.party(given.party, f"{pointer}/party") if given.party else None
    name = given.name or (party.name if party else None)
    if name is None:
        check.fault(f"{pointer}/name", "invalid_input")
    after = []
    for index, key in enumerate(given.after):
        found = _find(before, key, check.known)
        if found is None:
            check.fault(f"{pointer}/after/{index}", "audience_unknown")
        else:
            after.append(found.audience_id)
    audience = Audience(
        audience_id=given.id or check.known.new_id(),
        party=party,
        name=name or "?",
        kind=given.kind,
        after=tuple(dict.fromkeys(after)),
        external=given.external,
    )
    if party is not NOBODY and name is not None:
        _check_new(audience, before, check, pointer)
    return audience


def _check_new(audience: Audience, before: Sequence[Audience], check: Check, pointer: str) -> None:
    """An id, a party and a name each mean one audience of an effort: steps name it by any."""
    party = audience.party.id if audience.party else None
    family = check.known.family(party) if party is not None else ()
    if any(each.audience_id == audience.audience_id for each in before):
        check.fault(f"{pointer}/id", "audience_exists")
    if any(each.party and each.party.id in family for each in before):
        check.fault(f"{pointer}/party", "audience_exists")
    elif any(each.name == audience.name for each in before):
        check.fault(f"{pointer}/name", "audience_exists")


def _find(audiences: Sequence[_Some], key: str, known: Known) -> _Some | None:
    """Return the audience a key means: by id, else by name, else by its party's key.

    Of several whose parties were merged, the survivor's key means its own, else the first.
    """
    meant = {each.party.id: each for each in reversed(audiences) if each.party}
    named = {each.name: each for each in reversed(audiences)}
    by_id = {each.audience_id: each for each in audiences}
    own = known.own(key, [each.party for each in audiences if each.party])
    return by_id.get(key) or named.get(key) or (meant[own[0].id] if own else None)


def _counted(now: Effort) -> list[AudienceNow]:
    return [each for each in now.audiences if each.removed is None]


def add(effort: Effort | None, command: AddAudience, known: Known) -> AudienceAdded:
    """Decide a further audience."""
    now = standing(effort)
    check = Check(known)
    audience = _audience(command.audience, _counted(now), check, "/audience")
    if any(audience.audience_id == each.audience_id for each in now.audiences if each.removed):
        check.fault("/audience/id", "audience_exists")
    base = check.step(now, _ID, command)
    check.done()
    return AudienceAdded(**base, audience=audience)


def _one(now: Effort, given: AudienceStep, check: Check) -> AudienceNow | None:
    found = _find(_counted(now), given.audience, check.known)
    if found is None:
        check.fault("/audience", "audience_unknown")
    return found


def remove(effort: Effort | None, command: RemoveAudience, known: Known) -> AudienceRemoved:
    """Decide that an audience is left out; one that was informed stays, for that is a fact."""
    now, check = standing(effort), Check(known)
    found = _one(now, command, check)
    if found is not None and found.informed:
        check.fault("/audience", "audience_informed")
    base = check.step(now, _ID, command)
    check.done()
    text = EffortWords(reason=command.reason)
    return AudienceRemoved(**base, audience_id=_id(found), text=text)


def offer(effort: Effort | None, command: OfferBriefing, known: Known) -> BriefingOffered:
    """Decide an offer (R4)."""
    now, check = standing(effort), Check(known)
    found = _one(now, command, check)
    base = check.step(now, _ID, command)
    check.done()
    return BriefingOffered(**base, audience_id=_id(found))


def accept(effort: Effort | None, command: AcceptBriefing, known: Known) -> BriefingAccepted:
    """Decide that an offer was accepted; there must have been one (R4)."""
    now, check = standing(effort), Check(known)
    found = _offered(now, command, check)
    base = check.step(now, _ID, command)
    check.done()
    return BriefingAccepted(**base, audience_id=_id(found))


def decline(effort: Effort | None, command: DeclineBriefing, known: Known) -> BriefingDeclined:
    """Decide that an offer was declined; there must have been one (R4)."""
    now, check = standing(effort), Check(known)
    found = _offered(now, command, check)
    base = check.step(now, _ID, command)
    check.done()
    text = EffortWords(reason=command.reason) if command.reason else None
    return BriefingDeclined(**base, audience_id=_id(found), text=text)


def _offered(now: Effort, given: AudienceStep, check: Check) -> AudienceNow | None:
    found = _one(now, given, check)
    if found is not None and found.offered is None:
        check.fault("/audience", "not_offered")
    return found


def schedule(effort: Effort | None, command: ScheduleBriefing, known: Known) -> BriefingScheduled:
    """Decide a planned briefing; an expectation, not a fact (R11)."""
    now, check = standing(effort), Check(known)
    found = _one(now, command, check)
    _check_meeting(command.meeting, check)
    planned = check.planned(command.planned)
    base = check.step(now, _ID, command)
    check.done()
    last = found.said[-1] if found and found.said else None
    if last and (last.kind, last.planned, last.meeting) == ("scheduled", planned, command.meeting):
        raise Refused("nothing_changed")
    return BriefingScheduled(
        **base, audience_id=_id(found), planned=planned, meeting=command.meeting
    )


def _check_meeting(meeting: str | None, check: Check) -> None:
    if meeting is not None:
        check.record("meeting", meeting, "/meeting")


def hold(effort: Effort | None, command: HoldBriefing, known: Known) -> BriefingHeld:
    """Decide that a briefing was held; an order that is not kept is reported, not refused (R1)."""
    now, check = standing(effort), Check(known)
    found = _one(now, command, check)
    speakers = check.parties(command.speakers, "/speakers")
    attendees = check.parties(command.attendees, "/attendees")
    absent = check.parties(command.absent, "/absent")
    _check_meeting(command.meeting, check)
    base = check.step(now, _ID, command)
    check.done()
    return BriefingHeld(
        **base,
        audience_id=_id(found),
        speakers=speakers,
        attendees=attendees,
        absent=absent,
        minutes=command.minutes,
        informed_version=command.informed_version,
        meeting=command.meeting,
    )


def inform(effort: Effort | None, command: InformAudience, known: Known) -> AudienceInformed:
    """Decide that an audience was informed."""
    now, check = standing(effort), Check(known)
    found = _one(now, command, check)
    _check_meeting(command.meeting, check)
    base = check.step(now, _ID, command)
    check.done()
    return AudienceInformed(
        **base,
        audience_id=_id(found),
        via=command.via,
        informed_version=command.informed_version,
        meeting=command.meeting,
    )


def issue(effort: Effort | None, command: IssueVersion, known: Known) -> VersionIssued:
    """Decide that a newer version is current; versions go forward."""
    now, check = standing(effort), Check(known)
    if command.current_version <= (now.current_version or 0):
        check.fault("/current_version", "version_not_newer", current=now.current_version or 0)
    base = check.step(now, _ID, command)
    check.done()
    return VersionIssued(**base, current_version=command.current_version)


def ask(effort: Effort | None, command: RaiseQuestion, known: Known) -> QuestionRaised:
    """Decide a question."""
    now, check = standing(effort), Check(known)
    found = _one(now, command, check)
    base = check.step(now, _ID, command)
    check.done()
    return QuestionRaised(
        **base,
        audience_id=_id(found),
        question_id=known.new_id(),
        text=EffortWords(question=command.question),
    )


def answer(effort: Effort | None, command: AnswerQuestion, known: Known) -> QuestionAnswered:
    """Decide an answer; a question is answered once."""
    now, check = standing(effort), Check(known)
    asked = next((q for q in now.questions if q.question_id == command.question), None)
    if asked is None:
        check.fault("/question", "question_unknown")
    elif asked.answered is not None:
        check.fault("/question", "question_answered")
    base = check.step(now, _ID, command)
    check.done()
    text = EffortWords(answer=command.answer)
    return QuestionAnswered(**base, question_id=command.question, text=text)


def acknowledge(
    effort: Effort | None, command: AcknowledgeInformation, known: Known
) -> InformationAcknowledged:
    """Decide an acknowledgement; only who was informed acknowledges."""
    now, check = standing(effort), Check(known)
    found = _one(now, command, check)
    if found is not None and not found.informed:
        check.fault("/audience", "not_informed")
    base = check.step(now, _ID, command)
    check.done()
    return InformationAcknowledged(**base, audience_id=_id(found))


def _id(audience: AudienceNow | None) -> str:
    return audience.audience_id if audience else ""
