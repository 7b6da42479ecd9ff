"""Forums: proposed, established, chaired; who chairs which meeting on which day (R5, R6)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Broken, Refused, Unknown
from domain.forums import commands as c
from domain.forums import decisions as d
from domain.forums.events import (
    ChairAssigned,
    ChairLeftToCoChair,
    ChairParticipationElected,
    ChairParticipationResumed,
    ChairVacated,
    Forum,
    ForumDiscontinued,
    ForumEstablished,
    ForumProposed,
    ForumReplaced,
    Leaving,
    MandateText,
    Member,
    MemberAppointed,
    MemberRetired,
    Seat,
    Words,
    evolve,
    tags_of,
)
from domain.meetings import decisions as m
from domain.meetings.commands import CallMeeting
from domain.meetings.events import evolve as evolve_meeting
from domain.records import Known
from domain.registers.forums import FORUMS
from domain.values import Confidentiality
from tests.domain.recording import (
    BODY,
    FORUM,
    MAYOR,
    MISSING,
    NOTHING,
    OTHER,
    RECORD,
    THIRD,
    TODAY,
    about,
    after,
    an_id,
    asking,
    events_of,
    faults,
    opening,
    refused,
    step,
    told_to,
)
from tests.domain.samples import KAB

FIRST, SECOND, NEXT = an_id(1), an_id(2), an_id(3)
PROPOSING = opening(
    d.propose,
    asking(
        c.ProposeForum,
        forum="Forum",
        purpose="samarbejde",
        chairs=[{"holder": "Overborgmester", "option": True}, {"holder": "Borgmester"}],
    ),
)
ESTABLISHING = step(d.establish, asking(c.EstablishForum, cadence="årligt"))


def proposed() -> Any:
    return after(evolve, PROPOSING)


def established(*steps: Any) -> Any:
    return after(evolve, PROPOSING, ESTABLISHING, *steps)


def base(version: int) -> dict[str, Any]:
    return {"forum_id": RECORD, "version": version, "occurred": TODAY}


def meeting_on(day: str = "2010-03-04") -> tuple[str, Known]:
    """A called meeting's id, and what a decision that names it is told."""
    call = asking(CallMeeting, title="Møde", forums=["Forum"], planned=day)
    meeting = after(evolve_meeting, opening(m.call, call))
    return RECORD, told_to({("meeting", RECORD): meeting})


def leaving(seat: str = FIRST, known: Known | None = None, **more: Any) -> Any:
    return step(
        d.leave_chair, asking(c.LeaveChair, seat=seat, **({"scope": "standing"} | more)), known
    )


def electing(seat: str = FIRST, known: Known | None = None, **more: Any) -> Any:
    command = asking(c.ElectParticipation, seat=seat, **({"scope": "standing"} | more))
    return step(d.elect, command, known)


def resuming(seat: str = FIRST, **more: Any) -> Any:
    return step(d.resume_chair, asking(c.ResumeChair, seat=seat, **more))


def vacating(seat: str = FIRST, **more: Any) -> Any:
    return step(d.vacate_chair, asking(c.VacateChair, seat=seat, **more))


def assigning(holder: str = "Direktør", **more: Any) -> Any:
    known = told_to(new_id=lambda: NEXT)
    return step(d.assign_chair, asking(c.AssignChair, holder=holder, **more), known)


def chairs(forum: Forum, day: str, meeting: str | None = None) -> list[str]:
    return [seat.holder.name for seat in d.chairing(forum, meeting, day)]


# ── proposed and established ─────────────────────────────────────────────────────────────────────


def test_r5_a_proposal_tells_each_chair_seat_as_an_event_of_its_own() -> None:
    seats = [
        Seat(seat_id=FIRST, holder=MAYOR, option=True, proposed=True),
        Seat(seat_id=SECOND, holder=OTHER, option=False, proposed=True),
    ]
    about(None).when(PROPOSING).then(
        ForumProposed(
            forum_id=RECORD,
            forum=FORUM,
            text=MandateText(purpose="samarbejde"),
            occurred=TODAY,
            confidentiality=Confidentiality.INTERNAL,
        ),
        ChairAssigned(**base(2), seat=seats[0]),
        ChairAssigned(**base(3), seat=seats[1]),
    )


def test_a_proposal_tells_every_fault_at_once() -> None:
    command = asking(
        c.ProposeForum,
        forum="ukendt",
        chairs=[{"holder": "several"}, {"holder": "ukendt"}],
        occurred="2010-03-01",
    )
    about(None).when(opening(d.propose, command)).refused(
        faults(
            ("/forum", "unknown_party"),
            ("/occurred", "occurred_in_future"),
            ("/chairs/0/holder", "ambiguous_party"),
            ("/chairs/1/holder", "unknown_party"),
        )
    )


def test_it_is_established_with_members_each_once() -> None:
    command = asking(
        c.EstablishForum,
        mandate="mandat",
        cadence="årligt",
        members=[{"party": "KAB"}, {"party": "KAB", "role": "medlem"}],
    )
    about(proposed()).when(step(d.establish, command)).then(
        ForumEstablished(
            **base(4),
            text=MandateText(purpose="samarbejde", mandate="mandat"),
            cadence="årligt",
            members=(Member(party=KAB, role="medlem"),),
        )
    )


def test_establishing_needs_no_words() -> None:
    bare = after(evolve, opening(d.propose, asking(c.ProposeForum, forum="Forum")))
    forum = evolve(bare, ESTABLISHING(bare)[0])
    assert (forum.status, forum.purpose, forum.mandate) == ("established", None, None)


def test_establishing_an_unknown_member_is_refused() -> None:
    command = asking(c.EstablishForum, members=[{"party": "KAB"}, {"party": "ukendt"}])
    about(proposed()).when(step(d.establish, command)).refused(
        refused("unknown_party", "/members/1/party")
    )


EVERY_STEP = {
    "establish": ESTABLISHING,
    "assign": assigning(),
    "vacate": vacating(),
    "leave": leaving(),
    "elect": electing(),
    "resume": resuming(),
    "appoint": step(d.appoint, asking(c.AppointMember, party="KAB")),
    "retire": step(d.retire, asking(c.RetireMember, party="KAB")),
    "replace": step(d.replace, asking(c.ReplaceForum, by="Udvalg")),
    "discontinue": step(d.discontinue, asking(c.DiscontinueForum, reason="løst")),
}


@pytest.mark.parametrize("name", EVERY_STEP)
def test_no_step_is_taken_of_a_forum_that_is_not_there(name: str) -> None:
    with pytest.raises(Unknown, match="record_not_found"):
        EVERY_STEP[name](None)


@pytest.mark.parametrize("name", EVERY_STEP)
@pytest.mark.parametrize("end", ["replace", "discontinue"])
def test_a_forum_that_ended_takes_no_step(name: str, end: str) -> None:
    about(established(EVERY_STEP[end])).when(EVERY_STEP[name]).refused(refused("wrong_status"))


@pytest.mark.parametrize("name", ["leave", "resume"])
def test_nobody_leaves_or_resumes_a_chair_that_is_only_proposed(name: str) -> None:
    about(proposed()).when(EVERY_STEP[name]).refused(refused("wrong_status"))


def test_it_is_established_once() -> None:
    about(established()).when(ESTABLISHING).refused(refused("wrong_status"))


@pytest.mark.parametrize(
    ("decide", "kind", "fields"),
    [
        (d.establish, c.EstablishForum, {}),
        (d.assign_chair, c.AssignChair, {"holder": "Direktør"}),
        (d.vacate_chair, c.VacateChair, {"seat": FIRST}),
        (d.elect, c.ElectParticipation, {"seat": FIRST, "scope": "standing"}),
        (d.appoint, c.AppointMember, {"party": "KAB"}),
        (d.retire, c.RetireMember, {"party": "KAB"}),
        (d.replace, c.ReplaceForum, {"by": "Udvalg"}),
        (d.discontinue, c.DiscontinueForum, {"reason": "løst"}),
    ],
)
def test_no_step_happens_in_the_future(decide: Any, kind: Any, fields: Any) -> None:
    with pytest.raises(Refused) as refusal:
        step(decide, asking(kind, **fields, occurred="2010-03-01"))(proposed())
    assert ("/occurred", "occurred_in_future") in {
        (fault.pointer, fault.code) for fault in refusal.value.faults
    }


# ── chair seats ──────────────────────────────────────────────────────────────────────────────────


def test_r5_a_further_seat_is_given_to_a_role_from_a_day_on() -> None:
    seat = Seat(seat_id=NEXT, holder=THIRD, option=True, valid_from="2010-06-01")
    about(established()).when(assigning(option=True, valid_from="2010-06-01")).then(
        ChairAssigned(**base(5), seat=seat)
    )


def test_a_seat_given_before_the_forum_is_established_is_proposed() -> None:
    (event,) = assigning()(proposed())
    assert event.seat.proposed


def test_r5_a_role_holds_one_seat_at_a_time() -> None:
    about(established()).when(assigning("Borgmester")).refused(refused("seat_held", "/holder"))
    again = established(vacating(SECOND))
    assert about(again).when(assigning("Borgmester")).error is None


def test_a_forum_has_so_many_seats_and_no_more() -> None:
    seats = [{"holder": "Borgmester"}] * c.SEATS_MAX
    full = after(evolve, opening(d.propose, asking(c.ProposeForum, forum="Forum", chairs=seats)))
    about(full).when(assigning()).refused(refused("too_large", "/holder"))
    about(full).when(assigning("ukendt")).refused(
        faults(("/holder", "unknown_party"), ("/holder", "too_large"))
    )


def test_a_seat_ends_with_or_without_a_reason() -> None:
    about(established()).when(vacating(reason="valg")).then(
        ChairVacated(**base(5), seat_id=FIRST, text=Words(reason="valg"))
    )
    about(established()).when(vacating()).then(ChairVacated(**base(5), seat_id=FIRST, text=None))


@pytest.mark.parametrize("ask", [vacating, leaving, electing, resuming])
def test_a_seat_that_is_not_there_is_refused(ask: Any) -> None:
    about(established()).when(ask(MISSING)).refused(refused("seat_unknown", "/seat"))


def test_r5_a_vacated_seat_still_chaired_what_was_before() -> None:
    forum = established(vacating(SECOND, occurred="2010-02-01"))
    assert chairs(forum, "2010-01-31") == ["Overborgmester", "Borgmester"]
    assert chairs(forum, "2010-02-01") == ["Overborgmester"]
    assert [seat.seat_id for seat in forum.former_chairs] == [SECOND]


def test_r5_a_seat_chairs_from_its_day_on() -> None:
    forum = established(assigning(valid_from="2010-06-01"))
    assert "Direktør" not in chairs(forum, "2010-05-31")
    assert "Direktør" in chairs(forum, "2010-06-01")


def test_r6_a_seat_that_is_only_proposed_chairs_nothing() -> None:
    assert chairs(proposed(), "2010-02-23") == []


def test_r6_nobody_chairs_a_forum_after_its_end() -> None:
    forum = established(EVERY_STEP["discontinue"])
    assert chairs(forum, "2010-02-23") != []
    assert chairs(forum, "2010-02-24") == []


# ── leaving the chair to the other ───────────────────────────────────────────────────────────────


def test_r6_the_holder_of_the_option_leaves_the_chair_until_further_notice() -> None:
    left = Leaving(seat_id=FIRST, scope="standing", valid_from="2010-02-23")
    about(established()).when(leaving(reason="tid")).then(
        ChairLeftToCoChair(**base(5), leaving=left, text=Words(reason="tid"))
    )
    forum = established(leaving())
    assert chairs(forum, "2010-02-22") == ["Overborgmester", "Borgmester"]
    assert chairs(forum, "2010-02-23") == ["Borgmester"]


def test_r6_only_the_option_lets_a_holder_leave_or_choose() -> None:
    about(established()).when(leaving(SECOND)).refused(refused("no_option", "/seat"))
    about(established()).when(electing(SECOND)).refused(refused("no_option", "/seat"))


def test_r6_somebody_is_left_to_chair() -> None:
    about(established(vacating(SECOND))).when(leaving()).refused(refused("no_chair_left", "/seat"))


def test_r6_two_options_do_not_leave_the_chair_empty_on_a_later_day() -> None:
    """One leaves for June; the other may leave until May, not until further notice."""
    third = established(
        assigning(option=True),
        vacating(SECOND),
        leaving(valid_from="2010-06-01", valid_to="2010-06-30"),
    )
    seat = third.chairs[-1].seat_id
    about(third).when(leaving(seat)).refused(refused("no_chair_left", "/seat"))
    assert about(third).when(leaving(seat, valid_to="2010-05-31")).error is None
    assert about(third).when(leaving(seat, valid_from="2010-07-01")).error is None


def test_r6_a_past_period_is_left_and_over() -> None:
    forum = established(leaving(valid_from="2010-01-01", valid_to="2010-01-31"))
    assert chairs(forum, "2010-01-31") == ["Borgmester"]
    assert chairs(forum, "2010-02-01") == ["Overborgmester", "Borgmester"]
    about(forum).when(resuming()).refused(refused("chair_not_left", "/seat"))


def test_a_period_does_not_end_before_it_begins() -> None:
    wrong = leaving(valid_from="2010-02-02", valid_to="2010-02-01")
    about(established()).when(wrong).refused(refused("invalid_input", "/valid_to"))


def test_r6_the_chair_is_left_for_one_meeting() -> None:
    meeting, known = meeting_on()
    forum = established(leaving(scope="meeting", meeting=meeting, known=known))
    assert chairs(forum, "2010-03-04", meeting) == ["Borgmester"]
    assert chairs(forum, "2010-03-04", MISSING) == ["Overborgmester", "Borgmester"]


def test_r6_the_day_of_the_meeting_says_who_is_left_to_chair_it() -> None:
    """The other seat chairs from April on: a meeting of March would have nobody."""
    forum = established(vacating(SECOND), assigning(valid_from="2010-04-01"))
    for day, code in (("2010-03-04", "no_chair_left"), ("2010-04-08", None)):
        meeting, known = meeting_on(day)
        decided = about(forum).when(leaving(scope="meeting", meeting=meeting, known=known))
        assert (decided.error.code if decided.error else None) == code


@pytest.mark.parametrize("ask", [leaving, electing])
def test_a_meeting_is_named_when_it_is_about_one_and_only_then(ask: Any) -> None:
    about(established()).when(ask(scope="meeting")).refused(refused("invalid_input", "/meeting"))
    _, known = meeting_on()
    about(established()).when(ask(meeting=RECORD, known=known)).refused(
        refused("invalid_input", "/meeting")
    )


@pytest.mark.parametrize("ask", [leaving, electing])
def test_a_meeting_that_is_not_there_is_refused(ask: Any) -> None:
    about(established()).when(ask(scope="meeting", meeting=MISSING)).refused(
        refused("record_unknown", "/meeting")
    )


def test_every_fault_of_a_leaving_is_told_at_once() -> None:
    wrong = leaving(SECOND, scope="meeting", meeting=MISSING, occurred="2010-03-01")
    about(established(vacating(FIRST))).when(wrong).refused(
        faults(
            ("/seat", "no_option"),
            ("/meeting", "record_unknown"),
            ("/occurred", "occurred_in_future"),
            ("/seat", "no_chair_left"),
        )
    )


def test_leaving_the_same_twice_says_nothing_new() -> None:
    about(established(leaving())).when(leaving()).refused(refused("nothing_changed"))


def test_r6_the_holder_may_resume() -> None:
    forum = established(leaving(occurred="2010-02-01"))
    about(forum).when(resuming()).then(ChairParticipationResumed(**base(6), seat_id=FIRST))
    after_it = evolve(forum, resuming()(forum)[0])
    assert chairs(after_it, "2010-02-22") == ["Borgmester"]
    assert chairs(after_it, "2010-02-23") == ["Overborgmester", "Borgmester"]


def test_r6_resuming_leaves_earlier_periods_as_they_were() -> None:
    january = leaving(valid_from="2010-01-01", valid_to="2010-01-15")
    forum = established(january, leaving(occurred="2010-02-01"), resuming())
    assert [left.valid_to for left in forum.left] == ["2010-01-15", "2010-02-22"]


def test_r6_nobody_resumes_what_was_not_left() -> None:
    about(established()).when(resuming()).refused(refused("chair_not_left", "/seat"))
    meeting, known = meeting_on()
    for_one = established(leaving(scope="meeting", meeting=meeting, known=known))
    about(for_one).when(resuming()).refused(refused("chair_not_left", "/seat"))


def test_r6_a_leaving_that_is_yet_to_come_is_undone() -> None:
    forum = established(leaving(valid_from="2010-06-01"), resuming())
    assert forum.left == ()


def test_r6_taking_part_in_one_meeting_while_the_chair_is_left() -> None:
    meeting, known = meeting_on()
    one = electing(scope="meeting", meeting=meeting, known=known)
    forum = established(leaving(), one)
    assert chairs(forum, "2010-03-04", meeting) == ["Overborgmester", "Borgmester"]
    assert chairs(forum, "2010-03-04", MISSING) == ["Borgmester"]
    about(forum).when(one).refused(refused("nothing_changed"))


def test_r6_the_last_choice_about_a_meeting_counts() -> None:
    meeting, known = meeting_on()
    one: dict[str, Any] = {"scope": "meeting", "meeting": meeting, "known": known}
    forum = established(leaving(**one), electing(**one))
    assert chairs(forum, "2010-03-04", meeting) == ["Overborgmester", "Borgmester"]
    forum = evolve(forum, leaving(**one)(forum)[0])
    assert chairs(forum, "2010-03-04", meeting) == ["Borgmester"]
    assert forum.elected == ()


def test_r6_taking_part_until_further_notice_ends_what_was_left() -> None:
    chosen = ChairParticipationElected(**base(6), seat_id=FIRST, scope="standing", meeting=None)
    forum = established(leaving(occurred="2010-02-01"))
    about(forum).when(electing()).then(chosen)
    later = evolve(forum, chosen)
    assert chairs(later, "2010-02-22") == ["Borgmester"]
    assert chairs(later, "2010-02-23") == ["Overborgmester", "Borgmester"]
    about(later).when(electing()).refused(refused("nothing_changed"))


def test_r6_an_election_before_the_forum_is_established_is_kept() -> None:
    assert [e.seat_id for e in after(evolve, PROPOSING, electing()).elected] == [FIRST]


# ── members, and the end ─────────────────────────────────────────────────────────────────────────


def test_members_come_and_go() -> None:
    member = Member(party=KAB, role="medlem")
    appointing = step(d.appoint, asking(c.AppointMember, party="KAB", role="medlem"))
    about(established()).when(appointing).then(MemberAppointed(**base(5), member=member))
    forum = established(appointing)
    about(forum).when(appointing).refused(refused("nothing_changed"))
    retiring = step(d.retire, asking(c.RetireMember, party="KAB", reason="fusion"))
    about(forum).when(retiring).then(
        MemberRetired(**base(6), party=KAB, text=Words(reason="fusion"))
    )
    assert evolve(forum, retiring(forum)[0]).members == ()


def test_a_member_may_take_part_as_something_else() -> None:
    first = step(d.appoint, asking(c.AppointMember, party="KAB"))
    other = step(d.appoint, asking(c.AppointMember, party="KAB", role="observatør"))
    assert [x.role for x in established(first, other).members] == ["observatør"]


def test_only_members_retire_and_only_parties_are_appointed() -> None:
    retire = step(d.retire, asking(c.RetireMember, party="KAB"))
    about(established()).when(retire).refused(refused("not_a_member", "/party"))
    for decide, kind in ((d.appoint, c.AppointMember), (d.retire, c.RetireMember)):
        unknown = step(decide, asking(kind, party="ukendt"))
        about(established()).when(unknown).refused(refused("unknown_party", "/party"))


def test_something_else_comes_in_its_place() -> None:
    by = step(d.replace, asking(c.ReplaceForum, by="Udvalg", by_text="redegørelse"))
    about(established()).when(by).then(
        ForumReplaced(**base(5), by=BODY, by_text="redegørelse", text=None)
    )
    assert established(by).replaced_by == BODY


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "invalid_input"),
        ({"by": "Forum"}, "replaced_by_itself"),
        ({"by": "x"}, "unknown_party"),
    ],
)
def test_what_cannot_replace_a_forum_is_refused(fields: dict[str, str], code: str) -> None:
    wrong = step(d.replace, asking(c.ReplaceForum, **fields))
    about(established()).when(wrong).refused(refused(code, "/by"))


def test_it_ends_with_nothing_in_its_place() -> None:
    about(proposed()).when(EVERY_STEP["discontinue"]).then(
        ForumDiscontinued(**base(4), text=Words(reason="løst"))
    )


def test_a_step_before_the_opening_is_a_broken_log() -> None:
    with pytest.raises(Broken):
        evolve(None, ForumDiscontinued(**base(1), text=None))


def test_what_is_no_longer_a_forum_event_changes_nothing_but_the_version() -> None:
    assert evolve(proposed(), NOTHING).version == 4


def test_every_party_an_event_names_is_a_tag() -> None:
    forum = established()
    member = MemberAppointed(**base(5), member=Member(party=KAB))
    proposed = tags_of(PROPOSING(None)[0])
    assert proposed == [f"forum:{RECORD}", f"forum_of:{FORUM.id}", f"party:{FORUM.id}"]
    for event, party in (
        (PROPOSING(None)[1], MAYOR),
        (member, KAB),
        (MemberRetired(**base(6), party=KAB, text=None), KAB),
        (ForumReplaced(**base(5), by=BODY, by_text=None, text=None), BODY),
    ):
        assert tags_of(event) == [f"forum:{RECORD}", f"party:{party.id}"]
    assert tags_of(vacating()(forum)[0]) == [f"forum:{RECORD}"]
    assert tags_of(ForumReplaced(**base(5), by=None, by_text="x", text=None)) == [f"forum:{RECORD}"]


def test_an_establishment_is_found_by_its_members() -> None:
    asked = step(d.establish, asking(c.EstablishForum, members=[{"party": "KAB"}]))
    assert tags_of(asked(proposed())[0]) == [f"forum:{RECORD}", f"party:{KAB.id}"]


def test_the_table_says_what_a_forum_is_found_by_and_what_its_commands_name() -> None:
    forum = established(EVERY_STEP["appoint"])
    assert [p.id for p in FORUMS.parties(forum)] == [FORUM.id, MAYOR.id, OTHER.id, KAB.id]
    assert set(FORUMS.terms(forum)) == {
        ("status", "established"),
        ("forum", FORUM.id),
        ("chair", MAYOR.id),
        ("chair", OTHER.id),
        ("member", KAB.id),
    }
    opened = asking(c.ProposeForum, forum="Forum", chairs=[{"holder": "Borgmester"}])
    assert list(FORUMS.open.parties(opened)) == ["Forum", "Borgmester"]
    founding = asking(c.EstablishForum, members=[{"party": "KAB"}])
    assert list(FORUMS.steps["establishment"].parties(founding)) == ["KAB"]
    rule = FORUMS.steps["chair-leavings"]
    one = asking(c.LeaveChair, seat=FIRST, scope="meeting", meeting=MISSING)
    assert list(rule.records(one)) == [("meeting", MISSING)]
    assert list(rule.records(asking(c.LeaveChair, seat=FIRST, scope="standing"))) == []


# ── against a model ──────────────────────────────────────────────────────────────────────────────

DAYS = [f"2010-{month:02}-01" for month in range(1, 13)]
MEETINGS = [an_id(number) for number in (901, 902)]
"""Meetings of the model: called, without a record of their own day."""


class Chairmanship:
    """Who chairs, day by day and meeting by meeting: a grid that every choice paints over."""

    def __init__(self) -> None:
        self.grid = {(seat, day): True for seat in (0, 1) for day in range(len(DAYS))}
        self.one: dict[tuple[int, str], bool] = {}
        self.left: set[tuple[int, int, float]] = set()

    def chairs(self, day: int, meeting: str | None = None) -> list[int]:
        return [
            seat for seat in (0, 1) if self.one.get((seat, meeting or ""), self.grid[seat, day])
        ]

    def leave(self, seat: int, first: int, last: int) -> str | None:
        if any(set(self.chairs(day)) <= {seat} for day in range(first, last + 1)):
            return "no_chair_left"
        if (seat, first, last) in self.left:
            return "nothing_changed"
        self.left.add((seat, first, last))
        self.grid |= {(seat, day): False for day in range(first, last + 1)}
        return None

    def resume(self, seat: int, today: int) -> str | None:
        if all(self.grid[seat, day] for day in range(today, len(DAYS))):
            return "chair_not_left"
        self.left = {
            (each, first, min(last, today - 0.5) if each == seat else last)
            for each, first, last in self.left
            if each != seat or first < today
        }
        self.grid |= {(seat, day): True for day in range(today, len(DAYS))}
        return None


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["leave", "resume", "attend"]),
            st.integers(0, 1),
            st.integers(0, 11),
            st.integers(0, 11),
            st.sampled_from(MEETINGS),
        ),
        max_size=12,
    )
)
def test_r6_model_and_code_agree_on_who_chairs(moves: list[tuple[Any, ...]]) -> None:
    both = [{"holder": name, "option": True} for name in ("Overborgmester", "Borgmester")]
    opened = opening(d.propose, asking(c.ProposeForum, forum="Forum", chairs=both))
    forum = after(evolve, opened, ESTABLISHING)
    model, seats = Chairmanship(), [FIRST, SECOND]
    known = told_to({("meeting", meeting): forum for meeting in MEETINGS}, lenient=True)
    for kind, seat, one, other, meeting in moves:
        first, last = sorted((one, other))
        if kind == "leave":
            days = {"valid_from": DAYS[first], "valid_to": DAYS[last]}
            ask, expected = leaving(seats[seat], known, **days), model.leave(seat, first, last)
        elif kind == "resume":
            ask = step(
                d.resume_chair, asking(c.ResumeChair, seat=seats[seat], occurred=DAYS[one]), known
            )
            expected = model.resume(seat, one)
        else:
            ask = electing(seats[seat], known, scope="meeting", meeting=meeting)
            expected = "nothing_changed" if model.one.get((seat, meeting)) else None
            model.one[seat, meeting] = True
        decided = about(forum).when(ask)
        assert (decided.error.code if decided.error else None) == expected
        for event in events_of(decided):
            assert event.version == forum.version + 1
            forum = evolve(forum, event)
        for index, day in enumerate(DAYS):
            for named in (None, *MEETINGS):
                found = [seats.index(s.seat_id) for s in d.chairing(forum, named, day)]
                assert found == model.chairs(index, named)
