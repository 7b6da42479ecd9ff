"""The register of forums (fora): its row in the table."""

from collections.abc import Iterable
from typing import Final

from domain.forums import commands, decisions, events
from domain.records import Reference
from domain.registers.table import Register, Rule, named
from domain.values import PartyRef


def _named_in_proposal(given: commands.ProposeForum) -> Iterable[str]:
    yield given.forum
    yield from (seat.holder for seat in given.chairs)


def _members(given: commands.EstablishForum) -> Iterable[str]:
    return [member.party for member in given.members]


def _meeting(given: commands.LeaveChair | commands.ElectParticipation) -> list[Reference]:
    return [("meeting", given.meeting)] if given.meeting else []


def _parties(forum: events.Forum) -> Iterable[PartyRef]:
    yield forum.forum
    yield from (seat.holder for seat in forum.chairs)
    yield from (member.party for member in forum.members)


def _terms(forum: events.Forum) -> Iterable[tuple[str, str]]:
    yield "status", forum.status
    yield "forum", forum.forum.id
    yield from (("chair", seat.holder.id) for seat in forum.chairs)
    yield from (("member", member.party.id) for member in forum.members)


def _effect(_: events.Forum | None, event: events.ForumEvent) -> str | None:
    """Return the day from which a seat chairs or is left, whenever it was told."""
    match event:
        case events.ChairAssigned():
            return event.seat.valid_from
        case events.ChairLeftToCoChair():
            return event.leaving.valid_from
        case _:
            return None


_SEAT: Final = "0192f3a0-7c00-7abc-8def-001122334459"
_SEAT_SHOWN: Final = frozenset({"seat_id", "holder", "option", "valid_from", "proposed"})
_LEAVING_SHOWN: Final = frozenset({"seat_id", "scope", "valid_from", "valid_to"})
FORUMS: Final = Register(
    name="forums",
    noun="forum",
    danish="Fora",
    record=events.Forum,
    open=Rule(
        "propose_forum",
        "Propose a forum, with the chairmanship proposed for it",
        commands.ProposeForum,
        decisions.propose,
        _named_in_proposal,
        example={"forum": "BL", "chairs": [{"holder": "TMF", "option": True}]},
    ),
    steps={
        "establishment": Rule(
            "establish_forum",
            "Establish it: mandate, cadence, members by role",
            commands.EstablishForum,
            decisions.establish,
            _members,
            example={"cadence": "kvartalsvis", "members": [{"party": "KAB", "role": "medlem"}]},
        ),
        "chairs": Rule(
            "assign_chair",
            "Give a role a chair seat",
            commands.AssignChair,
            decisions.assign_chair,
            named("holder"),
            example={"holder": "ØKF"},
        ),
        "chair-vacancies": Rule(
            "vacate_chair",
            "End a chair seat",
            commands.VacateChair,
            decisions.vacate_chair,
            example={"seat": _SEAT},
        ),
        "chair-leavings": Rule(
            "leave_chair",
            "Leave the chair to the other, for a meeting or until further notice",
            commands.LeaveChair,
            decisions.leave_chair,
            records=_meeting,
            example={"seat": _SEAT, "scope": "standing"},
        ),
        "chair-elections": Rule(
            "elect_participation",
            "Choose to take part in the chairmanship",
            commands.ElectParticipation,
            decisions.elect,
            records=_meeting,
            example={"seat": _SEAT, "scope": "standing"},
        ),
        "chair-resumptions": Rule(
            "resume_chair",
            "Take the chair up again",
            commands.ResumeChair,
            decisions.resume_chair,
            example={"seat": _SEAT},
        ),
        "members": Rule(
            "appoint_member",
            "Appoint a member",
            commands.AppointMember,
            decisions.appoint,
            named("party"),
            example={"party": "AAB"},
        ),
        "retirements": Rule(
            "retire_member",
            "Say that a member retires",
            commands.RetireMember,
            decisions.retire,
            named("party"),
            example={"party": "KAB"},
        ),
        "replacement": Rule(
            "replace_forum",
            "Say what comes in its place",
            commands.ReplaceForum,
            decisions.replace,
            named("by"),
            example={"by_text": "årlig redegørelse i første kvartal"},
        ),
        "discontinuation": Rule(
            "discontinue_forum",
            "End it with nothing in its place",
            commands.DiscontinueForum,
            decisions.discontinue,
            example={"reason": "Opgaven er løst"},
        ),
    },
    evolve=events.evolve,
    parties=_parties,
    terms=_terms,
    effect=_effect,
    day=lambda forum: str((forum.established or forum.proposed).last_day),
    filters=("status",),
    party_filters=("forum", "chair", "member"),
    outside=frozenset(
        {
            "forum",
            "purpose",
            "mandate",
            "cadence",
            "chairs",
            "former_chairs",
            "left",
            "elected",
            "members",
        }
        | {"replaced_by", "replaced_by_text", "proposed", "established", "ended"}
    ),
    outside_parts={
        "chairs": _SEAT_SHOWN,
        "former_chairs": _SEAT_SHOWN | {"valid_to"},
        "left": _LEAVING_SHOWN,
        "elected": _LEAVING_SHOWN,
        "members": frozenset({"party", "role"}),
    },
)
