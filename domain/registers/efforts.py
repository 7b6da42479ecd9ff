"""The register of information efforts: its row, and how coverage and order are judged by a day."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from domain.efforts import commands, decisions
from domain.efforts.events import Effort, evolve
from domain.records import Reference
from domain.registers.table import Register, Rule, named, rule, shows
from domain.registry import Json
from domain.values import PartyRef


def judge(effort: Json, day: str) -> Json:
    """Add where each audience stands on `day`, the coverage per kind, and the order kept (K9, K10).

    What happened after `day` is left out. An audience is informed when it has the current version;
    `version_unknown` when nobody knows which it has, and stale when it has an older one only.
    """
    if not _judgeable(effort):
        return effort
    issued = [each for each in effort["versions"] if _by(each["on"], day)]
    current = max((each["current_version"] for each in issued), default=None)
    deadline = effort["deadline"]
    audiences = [
        _standing(each, current, deadline, day)
        for each in effort["audiences"]
        if _by(each["added"], day)
    ]
    counted = [each for each in audiences if each["state"] != "removed"]
    return {
        **effort,
        "current_version": current,
        "audiences": audiences,
        "coverage": _coverage(counted, deadline),
        "order": {"inversions": _inversions(counted), "external_first": _external_first(counted)},
    }


def _judgeable(effort: Json) -> bool:
    who = ("audience_id", "kind", "external", "after", "added", "removed", "said", "informed")
    return (
        shows(effort, "audiences", *who)
        and shows(effort, "versions", "current_version", "on")
        and "deadline" in effort
    )


def _by(occurred: Json | None, day: str) -> bool:
    return occurred is not None and bool(occurred["first_day"] <= day)


def _standing(audience: Json, current: int | None, deadline: str | None, day: str) -> Json:
    informed = [each for each in audience["informed"] if _by(each["on"], day)]
    fresh = [each["on"]["first_day"] for each in informed if _has(each, current)]
    if _by(audience["removed"], day):
        state = "removed"
    elif fresh:
        state = "informed"
    elif informed:
        unknown = any(each["informed_version"] is None for each in informed)
        state = "version_unknown" if unknown else "stale"
    else:
        state = _said(audience["said"], day)
    since = min(fresh, default=None)
    return {
        **audience,
        "informed": informed,
        "state": state,
        "first_informed": min((each["on"]["first_day"] for each in informed), default=None),
        "informed_since": since,
        "in_time": None if deadline is None else since is not None and since <= deadline,
    }


def _has(informing: Json, current: int | None) -> bool:
    """Return whether it was about the current version; an unknown one is not taken for it."""
    version = informing["informed_version"]
    return current is None or (version is not None and version >= current)


def _said(said: Iterable[Json], day: str) -> str:
    """Return how far a briefing came: each a fact of its own (R4), and the latest one tells.

    A plan stands until it is declined, or its last day has passed with nothing held (R11).
    """
    state, planned = "none", None
    for each in said:
        if _by(each["on"], day):
            state = each["kind"]
            planned = each["planned"] or (None if state == "declined" else planned)
    if planned is None:
        return state
    return "overdue" if planned["last_day"] < day else "scheduled"


def _coverage(audiences: Iterable[Json], deadline: str | None) -> Json:
    coverage: Json = {}
    for each in audiences:
        kind = coverage.setdefault(each["kind"], {"of": 0, "informed": 0})
        kind["of"] += 1
        kind["informed"] += each["state"] == "informed"
        if deadline is not None:
            kind["in_time"] = kind.get("in_time", 0) + each["in_time"]
        if each["state"] != "informed":
            kind[each["state"]] = kind.get(each["state"], 0) + 1
    return coverage


def _inversions(audiences: Iterable[Json]) -> list[Json]:
    """Return who was told of a version before one it should come after had it (R1): per version.

    Only what is sure: overlapping times are no inversion, nor is a version that nobody knows.
    """
    told = {each["audience_id"]: each["informed"] for each in audiences}
    return [
        {"audience": each["audience_id"], "before": earlier, "informed_version": version}
        for each in audiences
        for earlier in each["after"]
        if earlier in told
        for version in _too_early(each["informed"], told[earlier])
    ]


def _too_early(informed: Iterable[Json], earlier: Iterable[Json]) -> list[int | None]:
    alone = [one for one in informed if not any(_precedes(other, one) for other in earlier)]
    return sorted({one["informed_version"] for one in alone}, key=lambda version: version or 0)


def _precedes(before: Json, informing: Json) -> bool:
    """Return whether one may have been told at or before the other, of the same or a newer one."""
    had, has = before["informed_version"], informing["informed_version"]
    same = had is None or has is None or had >= has
    return same and bool(before["on"]["first_day"] <= informing["on"]["last_day"])


def _external_first(audiences: Iterable[Json]) -> list[str]:
    """Return the audiences outside that were told before every committee was: shown, no breach."""
    every = list(audiences)
    political = [each for each in every if each["kind"].endswith("committee")]
    told = [each["first_informed"] for each in political]
    if not political:
        return []
    last = max(told) if all(told) else "9999"
    return [
        each["audience_id"]
        for each in every
        if each["external"] and each["first_informed"] and each["first_informed"] < last
    ]


def _document(given: commands.StartEffort) -> list[Reference]:
    return [("document", given.document)] if given.document else []


def _meeting(
    given: commands.ScheduleBriefing | commands.HoldBriefing | commands.InformAudience,
) -> list[Reference]:
    return [("meeting", given.meeting)] if given.meeting else []


def _started(given: commands.StartEffort) -> Iterable[str]:
    for each in given.audiences:
        yield from ([each.party] if each.party else [])
        yield from each.after


def _added(given: commands.AddAudience) -> Iterable[str]:
    yield from ([given.audience.party] if given.audience.party else [])
    yield from given.audience.after


def _parties(effort: Effort) -> Iterable[PartyRef]:
    return [each.party for each in effort.audiences if each.party and each.removed is None]


def _terms(effort: Effort) -> Iterable[tuple[str, str]]:
    yield "status", effort.status
    yield from (("audience", party.id) for party in _parties(effort))
    if effort.document:
        yield "document", effort.document


def _step(
    operation: str, summary: str, given: type[Any], decide: Callable[..., Any], **more: object
) -> Rule:
    return rule(operation, summary, given, decide, "audience", audience="KAB", **more)


_QUESTION: Final = "0192f3a0-7c00-7abc-8def-00112233445d"
EFFORTS: Final = Register(
    name="efforts",
    noun="effort",
    danish="Oplysningsindsatser",
    record=Effort,
    open=Rule(
        "start_effort",
        "Start an information effort",
        commands.StartEffort,
        decisions.start,
        _started,
        _document,
        {
            "topic": "Ny organisering",
            "current_version": 1,
            "audiences": [
                {"party": "TMF", "kind": "directors"},
                {"party": "KAB", "kind": "organisation", "external": True, "after": ["TMF"]},
            ],
        },
    ),
    steps={
        "audiences": Rule(
            "add_audience",
            "Add an audience",
            commands.AddAudience,
            decisions.add,
            _added,
            example={"audience": {"party": "AAB", "kind": "organisation", "external": True}},
        ),
        "audience-removals": _step(
            "remove_audience",
            "Remove an audience",
            commands.RemoveAudience,
            decisions.remove,
            reason="Er sammenlagt",
        ),
        "offers": _step(
            "offer_briefing",
            "Say that a briefing was offered",
            commands.OfferBriefing,
            decisions.offer,
        ),
        "acceptances": _step(
            "accept_briefing",
            "Say that the offer was accepted",
            commands.AcceptBriefing,
            decisions.accept,
        ),
        "declinings": _step(
            "decline_briefing",
            "Say that the offer was declined",
            commands.DeclineBriefing,
            decisions.decline,
        ),
        "schedulings": Rule(
            "schedule_briefing",
            "Plan a briefing",
            commands.ScheduleBriefing,
            decisions.schedule,
            lambda given: [given.audience],
            _meeting,
            {"audience": "KAB", "planned": "2010-03-25"},
        ),
        "briefings": Rule(
            "hold_briefing",
            "Say that a briefing was held",
            commands.HoldBriefing,
            decisions.hold,
            named("audience", "speakers", "attendees", "absent"),
            _meeting,
            {
                "audience": "KAB",
                "occurred": "2010-02-22",
                "speakers": ["TMF"],
                "informed_version": 1,
            },
        ),
        "informings": Rule(
            "inform_audience",
            "Say that an audience was informed",
            commands.InformAudience,
            decisions.inform,
            named("audience"),
            _meeting,
            {"audience": "KAB", "via": "note", "informed_version": 1},
        ),
        "versions": rule(
            "issue_version",
            "Say that a newer version is current",
            commands.IssueVersion,
            decisions.issue,
            current_version=2,
        ),
        "questions": _step(
            "raise_question",
            "Write down a question",
            commands.RaiseQuestion,
            decisions.ask,
            question="Hvem bemander indgangen?",
        ),
        "question-answers": rule(
            "answer_question",
            "Answer a question",
            commands.AnswerQuestion,
            decisions.answer,
            question=_QUESTION,
            answer="Center for Bydesign",
        ),
        "acknowledgements": _step(
            "acknowledge_information",
            "Say that the audience acknowledged",
            commands.AcknowledgeInformation,
            decisions.acknowledge,
        ),
    },
    evolve=evolve,
    parties=_parties,
    terms=_terms,
    day=lambda effort: str(effort.started.last_day),
    filters=("status", "document"),
    party_filters=("audience",),
    outside=frozenset({"topic", "current_version", "deadline", "started"}),
    judge=judge,
    judged=frozenset({"audiences"}),
)
