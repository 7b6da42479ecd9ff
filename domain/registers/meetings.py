"""The register of meetings (møder): its row in the table."""

from collections.abc import Iterable
from typing import Final

from domain.meetings import commands, decisions
from domain.meetings.events import HELD, Meeting, evolve
from domain.records import Reference
from domain.registers.table import Register, Rule, named, rule
from domain.values import PartyRef


def _forum_records(given: commands.CallMeeting) -> list[Reference]:
    return [("forum", record) for record in given.forum_records]


def _seats_to_be(given: commands.CallMeeting, _: None) -> list[Reference]:
    return [("forum", party) for party in given.forums]


def _seats_of(_: commands.HoldMeeting, meeting: Meeting) -> list[Reference]:
    return [("forum", party.id) for party in meeting.forums]


def _on_agenda(given: commands.SetAgenda) -> list[Reference]:
    return [("document", item.document) for item in given.items if item.document]


def _presented(given: commands.PresentProposal) -> list[Reference]:
    return [("document", given.document)]


def _approving(given: commands.ApproveMinutes) -> list[Reference]:
    return [("meeting", given.meeting)] if given.meeting else []


def _there(given: commands.HoldMeeting) -> Iterable[str]:
    yield from (*given.chaired_by, *given.administrations, *given.organisations)
    yield from (*given.others, *given.apologies)
    for one in given.attendance:
        yield from one.parties
    for person in given.participants:
        yield from ([person.party] if person.party else [])
        yield from person.spoke_for


def _forums_of(meeting: Meeting) -> list[Reference]:
    return [("forum", record) for record in meeting.forum_records]


def _parties(meeting: Meeting) -> Iterable[PartyRef]:
    yield from (*meeting.forums, *meeting.invited, *meeting.chaired_by, *meeting.present)
    yield from meeting.apologies
    for shown in meeting.presented:
        yield from (*shown.presenters, *shown.to)


def _terms(meeting: Meeting) -> Iterable[tuple[str, str]]:
    yield "status", meeting.status
    yield from (("forum", party.id) for party in meeting.forums)
    yield from (("forum_record", record) for record in meeting.forum_records)
    yield from (("chair", party.id) for party in meeting.chaired_by)
    yield from (("document", shown.document) for shown in meeting.presented)
    yield from (("document", item.document) for item in meeting.agenda if item.document)


_EXAMPLE_ITEM: Final = "0192f3a0-7c00-7abc-8def-00112233445a"
_EXAMPLE_DOCUMENT: Final = "0192f3a0-7c00-7abc-8def-00112233445b"
MEETINGS: Final = Register(
    name="meetings",
    noun="meeting",
    danish="Møder",
    record=Meeting,
    open=Rule(
        "call_meeting",
        "Call a meeting of one forum or of several jointly",
        commands.CallMeeting,
        decisions.call,
        lambda given: (*given.forums, *given.invited),
        _forum_records,
        {"title": "Fælles møde", "forums": ["BL"], "planned": "2010-02-22", "invited": ["KAB"]},
        sought=_seats_to_be,
    ),
    steps={
        "reschedulings": rule(
            "reschedule_meeting",
            "Move it",
            commands.RescheduleMeeting,
            decisions.reschedule,
            planned="2010-02-24",
        ),
        "cancellation": rule(
            "cancel_meeting",
            "Call it off",
            commands.CancelMeeting,
            decisions.cancel,
            reason="Sygdom",
        ),
        "agenda": Rule(
            "set_agenda",
            "Set the agenda, whole",
            commands.SetAgenda,
            decisions.set_agenda,
            records=_on_agenda,
            example={"items": [{"title": "Ny organisering"}]},
        ),
        "holding": Rule(
            "hold_meeting",
            "Say that it was held, who chaired and who was there",
            commands.HoldMeeting,
            decisions.hold,
            _there,
            example={
                "chaired_by": ["TMF"],
                "administrations": ["TMF"],
                "organisations": ["KAB"],
                "occurred": "2010-02-22",
            },
            of_record=_forums_of,
            sought=_seats_of,
        ),
        "proposals": Rule(
            "present_proposal",
            "Say that a proposal was laid before it",
            commands.PresentProposal,
            decisions.present,
            lambda given: (*given.presenters, *given.to),
            _presented,
            {"document": _EXAMPLE_DOCUMENT, "presenters": ["TMF"], "to": ["KAB"]},
        ),
        "minutes": rule(
            "draft_minutes",
            "Write a version of the minutes",
            commands.DraftMinutes,
            decisions.draft_minutes,
            minutes="Organisationerne udtrykte tilfredshed.",
        ),
        "objections": rule(
            "object_to_minutes",
            "Object to minutes that are not approved",
            commands.ObjectToMinutes,
            decisions.object_to_minutes,
            "by",
            minutes_version=1,
            by="KAB",
            objection="Punkt 2 mangler",
        ),
        "minutes-approvals": Rule(
            "approve_minutes",
            "Approve a version of the minutes",
            commands.ApproveMinutes,
            decisions.approve_minutes,
            named("by"),
            _approving,
            {"minutes_version": 1, "by": "BL"},
        ),
    },
    evolve=evolve,
    parties=_parties,
    terms=_terms,
    day=lambda meeting: str(
        (meeting.held if meeting.status == HELD and meeting.held else meeting.planned).first_day
    ),
    filters=("status", "forum_record", "document"),
    party_filters=("forum", "chair"),
    outside=frozenset(
        {"title", "place", "forums", "planned", "first_planned", "moved", "invited", "agenda"}
        | {"held", "chaired_by", "present", "apologies", "contact"}
    ),
    outside_parts={"agenda": frozenset({"item_id", "number", "title"})},
)
