"""Who chairs when nobody named the forum's record: the seats of its own day decide (R5, R6)."""

from typing import Any, Final

import pytest

from domain.forums import commands as fc
from domain.forums import decisions as fd
from domain.forums.events import Forum
from domain.forums.events import evolve as evolve_forum
from domain.meetings import commands as c
from domain.meetings import decisions as d
from domain.meetings.events import evolve
from domain.records import Known
from domain.values import Confidentiality
from tests.domain.recording import (
    about,
    after,
    an_id,
    asking,
    opening,
    refused,
    step,
    told_to,
)

FIRST, SECOND = an_id(61), an_id(62)
RESTRICTED: Final = {"confidentiality": Confidentiality.RESTRICTED}
BOTH: Final = ("Overborgmester", "Borgmester")


def forum(record_id: str, party: str, *chairs: str, established: str | None = "2010-01-01") -> Any:
    """The record of a forum whose seats these roles hold, from its first day on."""
    proposing = asking(
        fc.ProposeForum,
        forum=party,
        chairs=[{"holder": chair} for chair in chairs],
        occurred="2009-12-01",
    )
    steps = [] if established is None else [established_on(established)]
    made = after(evolve_forum, opening(fd.propose, proposing), *steps)
    return made.model_copy(update={"id": record_id})


def established_on(day: str) -> Any:
    return step(fd.establish, asking(fc.EstablishForum, occurred=day))


def ended(record: Forum, day: str) -> Any:
    ending = step(fd.discontinue, asking(fc.DiscontinueForum, reason="x", occurred=day))
    return evolve_forum(record, *ending(record))


def known(*forums: Forum, hidden: bool = False, **more: Any) -> Known:
    """What a decision is told when the log has these records, which the caller may not know of."""
    there = {("forum", each.id): each for each in forums}
    return told_to(sought=there, hidden=frozenset(there if hidden else ()), **more)


def called(told: Known, *forums: str, **more: Any) -> Any:
    fields = {"title": "Møde", "forums": forums or ["Forum"], "planned": "2010-02-22"} | more
    return after(evolve, opening(d.call, asking(c.CallMeeting, **fields), told))


def held(told: Known, meeting: Any, *chairs: str, day: str = "2010-02-22", **more: Any) -> Any:
    holding = asking(c.HoldMeeting, chaired_by=chairs, occurred=day, **more)
    return about(meeting).when(step(d.hold, holding, told))


def test_a_meeting_is_of_the_records_of_its_forums_that_are_in_force() -> None:
    seated = forum(FIRST, "Forum", *BOTH)
    assert called(known(seated)).forum_records == (FIRST,)
    assert called(known(seated), "Udvalg").forum_records == ()
    assert called(known(forum(FIRST, "Forum", established=None))).forum_records == ()
    assert called(known(ended(seated, "2010-02-21"))).forum_records == ()
    assert called(known(ended(seated, "2010-02-22"))).forum_records == (FIRST,)
    assert called(known(seated), planned="2009-12-24").forum_records == ()


def test_records_that_are_named_are_the_meeting_s_and_no_others() -> None:
    seated, other = forum(FIRST, "Forum", *BOTH), forum(SECOND, "Forum", *BOTH)
    told = known(seated, other, records={("forum", SECOND): other})
    assert called(told, forum_records=[SECOND]).forum_records == (SECOND,)


def test_a_meeting_names_no_record_that_its_caller_may_not_know_of() -> None:
    assert called(known(forum(FIRST, "Forum", *BOTH), hidden=True)).forum_records == ()


def test_a_restricted_record_is_entered_in_a_restricted_meeting_only() -> None:
    restricted = {"confidentiality": "restricted"}
    told = known(forum(FIRST, "Forum", *BOTH).model_copy(update=RESTRICTED))
    assert called(told).forum_records == ()
    assert called(told, **restricted).forum_records == (FIRST,)
    held(told, called(told), "Direktør").refused(refused("not_chairing", "/chaired_by/0"))


def test_a_stranger_chairs_no_forum_with_seats_though_nobody_named_its_record() -> None:
    told = known(forum(FIRST, "Forum", *BOTH))
    meeting = called(told_to())
    assert meeting.forum_records == ()
    held(told, meeting, "Direktør").refused(refused("not_chairing", "/chaired_by/0"))
    assert held(told, meeting, "Borgmester").error is None
    assert held(told_to(), meeting, "Direktør").error is None, "a forum without a record is free"


def test_another_forum_s_record_is_no_way_past_the_seats() -> None:
    seated, other = forum(FIRST, "Forum", *BOTH), forum(SECOND, "Udvalg", "Direktør")
    told = known(seated, records={("forum", SECOND): other})
    meeting = called(told, forum_records=[SECOND])
    held(told, meeting, "Direktør").refused(refused("not_chairing", "/chaired_by"))


def test_seats_of_the_day_count_also_when_the_forum_came_after_the_call() -> None:
    meeting = called(told_to())
    told = known(forum(FIRST, "Forum", *BOTH, established="2010-02-10"))
    held(told, meeting, "Direktør", day="2010-02-10").refused(
        refused("not_chairing", "/chaired_by/0")
    )
    assert held(told, meeting, "Direktør", day="2010-02-09").error is None


def test_a_forum_that_has_ended_or_has_no_seats_that_day_is_free() -> None:
    meeting = called(told_to())
    seated = forum(FIRST, "Forum", *BOTH)
    assert held(known(ended(seated, "2010-02-21")), meeting, "Direktør").error is None
    assert held(known(forum(FIRST, "Forum")), meeting, "Direktør").error is None
    later = seated.chairs[0].model_copy(update={"valid_from": "2010-02-23"})
    to_come = seated.model_copy(update={"chairs": (later,)})
    assert held(known(to_come), meeting, "Direktør").error is None


def test_each_forum_of_a_joint_meeting_has_a_chair_and_one_without_seats_is_free() -> None:
    first, second = forum(FIRST, "Forum", "Overborgmester"), forum(SECOND, "Udvalg", "Borgmester")
    meeting = called(told_to(), "Forum", "Udvalg")
    held(known(first, second), meeting, "Overborgmester").refused(
        refused("not_chairing", "/chaired_by")
    )
    assert held(known(first, second), meeting, *BOTH).error is None
    assert held(known(first), meeting, "Overborgmester", "Direktør").error is None
    held(known(first), meeting, "Direktør").refused(refused("not_chairing", "/chaired_by"))


@pytest.mark.parametrize("chair", [*BOTH, "Direktør"])
def test_who_may_not_know_of_the_seats_learns_nothing_of_who_holds_them(chair: str) -> None:
    told = known(forum(FIRST, "Forum", *BOTH), hidden=True)
    meeting = called(told)
    found = held(told, meeting, chair)
    found.refused(refused("not_chairing", "/chaired_by"))
    assert [fault.params for fault in getattr(found.error, "faults", ())] == [{}]
    assert held(told, meeting, chair_unknown=True).error is None


def test_a_named_record_that_is_hidden_by_now_still_binds() -> None:
    seated = forum(FIRST, "Udvalg", *BOTH)
    meeting = called(told_to(records={("forum", FIRST): seated}), forum_records=[FIRST])
    told = known(seated, hidden=True, records={("forum", FIRST): None})
    held(told, meeting, "Overborgmester").refused(refused("not_chairing", "/chaired_by"))
