"""Meetings: called, moved, held, minuted; who may chair them, and when one is a contact."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.contacts import ContactLogged
from domain.documents import commands as dc
from domain.documents import decisions as dd
from domain.documents.evolution import evolve as evolve_document
from domain.errors import Broken, Unknown
from domain.forums import commands as fc
from domain.forums import decisions as fd
from domain.forums.events import evolve as evolve_forum
from domain.meetings import commands as c
from domain.meetings import decisions as d
from domain.meetings.events import (
    AgendaItem,
    AgendaSet,
    Attendance,
    Meeting,
    MeetingCalled,
    MeetingCancelled,
    MeetingHeld,
    MeetingRescheduled,
    MeetingText,
    MeetingWords,
    MinutesApproved,
    MinutesDrafted,
    MinutesObjected,
    ProposalPresented,
    evolve,
    tags_of,
)
from domain.records import Known
from domain.registers.meetings import MEETINGS
from domain.values import Channel, Confidentiality, Direction, OccurredGiven
from tests.domain.recording import (
    BODY,
    DAY,
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
from tests.domain.samples import COPENHAGEN, KAB, TMF

ITEM, DOCUMENT, FORUM_RECORD, MEETING_RECORD = an_id(50), an_id(51), an_id(52), an_id(53)
PLANNED = OccurredGiven.model_validate("2010-02-22").resolve(COPENHAGEN)


def document() -> Any:
    drafted = asking(dc.DraftDocument, kind="note", title="Notat", authors=["Social"])
    return after(evolve_document, opening(dd.draft, drafted))


def forum(*steps: Any, option: bool = True) -> Any:
    chairs = [{"holder": "Overborgmester", "option": option}, {"holder": "Borgmester"}]
    proposing = opening(fd.propose, asking(fc.ProposeForum, forum="Forum", chairs=chairs))
    return after(evolve_forum, proposing, *steps)


ESTABLISHING = step(fd.establish, asking(fc.EstablishForum))


def told(*steps: Any, **more: Any) -> Known:
    """What is known when the forum has been through these steps."""
    records = {
        ("forum", FORUM_RECORD): forum(*(steps or (ESTABLISHING,))),
        ("document", DOCUMENT): document(),
        ("meeting", MEETING_RECORD): after(evolve, calling()),
    }
    return told_to(records | more)


def calling(known: Known | None = None, **more: Any) -> Any:
    fields = {"title": "Møde", "forums": ["Forum"], "planned": "2010-02-22"} | more
    return opening(d.call, asking(c.CallMeeting, **fields), known)


def called(*steps: Any, **more: Any) -> Any:
    return after(evolve, calling(told(), **more), *steps)


def of_forum(*steps: Any, **more: Any) -> Any:
    return called(*steps, forum_records=[FORUM_RECORD], **more)


def holding(*chairs: str, known: Known | None = None, **more: Any) -> Any:
    return step(d.hold, asking(c.HoldMeeting, chaired_by=chairs, **more), known)


HOLDING = holding("Overborgmester", administrations=["Teknik og Miljø"])
AGENDA = step(d.set_agenda, asking(c.SetAgenda, items=[{"id": ITEM, "title": "Model"}]))
DRAFTING = step(d.draft_minutes, asking(c.DraftMinutes, minutes="referat"))


def objecting(version: int = 1, **more: Any) -> Any:
    fields = {"minutes_version": version, "by": "KAB", "objection": "nej"} | more
    return step(d.object_to_minutes, asking(c.ObjectToMinutes, **fields))


def approving(version: int = 1, known: Known | None = None, **more: Any) -> Any:
    fields = {"minutes_version": version, "by": "Forum"} | more
    return step(d.approve_minutes, asking(c.ApproveMinutes, **fields), known)


def moving(planned: str = "2010-03-04", **more: Any) -> Any:
    return step(d.reschedule, asking(c.RescheduleMeeting, planned=planned, **more))


def presenting(known: Known | None = None, **more: Any) -> Any:
    fields = {"document": DOCUMENT} | more
    return step(d.present, asking(c.PresentProposal, **fields), known or told())


CANCELLING = step(d.cancel, asking(c.CancelMeeting))


def base(version: int) -> dict[str, Any]:
    return {"meeting_id": RECORD, "version": version, "occurred": TODAY}


# ── called, moved, called off ────────────────────────────────────────────────────────────────────


def test_a_joint_meeting_is_called_of_several_forums() -> None:
    asked = calling(
        told(),
        forums=["Forum", "Udvalg", "Forum"],
        forum_records=[FORUM_RECORD] * 2,
        invited=["KAB"],
        place="Rådhuset",
    )
    about(None).when(asked).then(
        MeetingCalled(
            meeting_id=RECORD,
            text=MeetingText(title="Møde", place="Rådhuset"),
            forums=(FORUM, BODY),
            forum_records=(FORUM_RECORD,),
            planned=PLANNED,
            invited=(KAB,),
            occurred=TODAY,
            confidentiality=Confidentiality.INTERNAL,
        )
    )


def test_calling_tells_every_fault_at_once() -> None:
    wrong = calling(
        forums=["ukendt", "several"], forum_records=[MISSING], invited=["x"], occurred="2010-03-01"
    )
    about(None).when(wrong).refused(
        faults(
            ("/forums/0", "unknown_party"),
            ("/forums/1", "ambiguous_party"),
            ("/forum_records/0", "record_unknown"),
            ("/invited/0", "unknown_party"),
            ("/occurred", "occurred_in_future"),
        )
    )


def test_r11_a_planned_day_may_lie_in_the_future_and_keeps_its_words() -> None:
    meeting = called(planned={"from": "2010-04-01", "to": "2010-06-30", "text": "april - juni"})
    assert (meeting.planned.text, meeting.status, meeting.held) == ("april - juni", "called", None)


def test_it_is_moved_and_its_first_day_is_remembered() -> None:
    later = OccurredGiven.model_validate("2010-03-04").resolve(COPENHAGEN)
    about(called()).when(moving(reason="sygdom", place="Salen")).then(
        MeetingRescheduled(
            **base(2), planned=later, text=MeetingWords(reason="sygdom", place="Salen")
        )
    )
    meeting = called(moving(place="Salen"), moving("2010-03-05"))
    assert (meeting.moved, meeting.first_planned, meeting.place) == (2, PLANNED, "Salen")


def test_moving_it_to_where_it_is_says_nothing_new() -> None:
    about(called()).when(moving("2010-02-22")).refused(refused("nothing_changed"))


def test_a_meeting_called_off_may_be_called_anew_for_the_same_day() -> None:
    about(called()).when(CANCELLING).then(MeetingCancelled(**base(2), text=None))
    reason = step(d.cancel, asking(c.CancelMeeting, reason="sygdom"))
    about(called()).when(reason).then(
        MeetingCancelled(**base(2), text=MeetingWords(reason="sygdom"))
    )
    meeting = called(CANCELLING, moving("2010-02-22"))
    assert (meeting.status, meeting.moved) == ("called", 1)


STEPS = {
    "reschedule": moving(),
    "cancel": CANCELLING,
    "set_agenda": AGENDA,
    "hold": HOLDING,
    "present": presenting(),
    "draft_minutes": DRAFTING,
    "object": objecting(),
    "approve": approving(),
}
NOT_ALLOWED = {
    "called": ("draft_minutes", "object", "approve"),
    "cancelled": ("cancel", "set_agenda", "hold", "present", "draft_minutes", "object", "approve"),
    "held": ("reschedule", "cancel", "hold"),
}
REACHED = {"called": (), "cancelled": (CANCELLING,), "held": (HOLDING,)}


@pytest.mark.parametrize(
    ("status", "name"), [(status, name) for status, names in NOT_ALLOWED.items() for name in names]
)
def test_a_step_out_of_turn_is_refused(status: str, name: str) -> None:
    about(called(*REACHED[status])).when(STEPS[name]).refused(refused("wrong_status"))


@pytest.mark.parametrize("name", STEPS)
def test_no_step_is_taken_of_a_meeting_that_is_not_there(name: str) -> None:
    with pytest.raises(Unknown, match="record_not_found"):
        STEPS[name](None)


@pytest.mark.parametrize(
    ("decide", "command"),
    [
        (d.reschedule, asking(c.RescheduleMeeting, planned=DAY, occurred="2010-03-01")),
        (d.cancel, asking(c.CancelMeeting, occurred="2010-03-01")),
        (d.set_agenda, asking(c.SetAgenda, items=[], occurred="2010-03-01")),
    ],
    ids=["reschedule", "cancel", "set_agenda"],
)
def test_no_step_happens_in_the_future(decide: Any, command: Any) -> None:
    about(called()).when(step(decide, command)).refused(refused("occurred_in_future", "/occurred"))


# ── agenda and proposals ─────────────────────────────────────────────────────────────────────────


def test_the_agenda_numbers_its_items() -> None:
    items = [{"id": ITEM, "title": "Model", "document": DOCUMENT, "version": 1}, {"title": "Evt."}]
    asked = step(d.set_agenda, asking(c.SetAgenda, items=items), told())
    first = AgendaItem(item_id=ITEM, number=1, document=DOCUMENT, version=1)
    second = AgendaItem(item_id=an_id(1), number=2)
    titles = {ITEM: "Model", an_id(1): "Evt."}
    about(called()).when(asked).then(
        AgendaSet(**base(2), items=(first, second), text=MeetingWords(titles=titles))
    )


def test_an_agenda_tells_every_fault_at_once() -> None:
    items = [
        {"id": ITEM, "title": "a", "document": MISSING},
        {"id": ITEM, "title": "b", "document": DOCUMENT, "version": 2},
    ]
    asked = step(d.set_agenda, asking(c.SetAgenda, items=items), told())
    about(called()).when(asked).refused(
        faults(
            ("/items/0/document", "record_unknown"),
            ("/items/1/version", "version_unknown"),
            ("/items/1/id", "duplicate_entry"),
        )
    )


def test_an_item_that_was_attended_stays_on_the_agenda() -> None:
    attended = holding("Overborgmester", attendance=[{"item": ITEM, "parties": ["KAB"]}])
    other = step(d.set_agenda, asking(c.SetAgenda, items=[{"title": "ny"}]))
    about(called(AGENDA, attended)).when(other).refused(refused("agenda_item_unknown", "/items"))
    assert about(called(AGENDA, HOLDING)).when(other).error is None


def test_a_proposal_is_presented_with_its_version_or_none() -> None:
    shown = presenting(version=1, presenters=["Teknik og Miljø"], to=["KAB"], item=ITEM)
    meeting = called(AGENDA)
    about(meeting).when(shown).then(
        ProposalPresented(
            **base(3),
            document=DOCUMENT,
            document_version=1,
            presenters=(TMF,),
            to=(KAB,),
            item=ITEM,
        )
    )
    (event,) = presenting()(meeting)
    assert event.document_version is None


def test_a_proposal_tells_every_fault_at_once() -> None:
    wrong = presenting(
        version=2, presenters=["x"], to=["several"], item=MISSING, occurred="2010-03-01"
    )
    about(called()).when(wrong).refused(
        faults(
            ("/version", "version_unknown"),
            ("/presenters/0", "unknown_party"),
            ("/to/0", "ambiguous_party"),
            ("/item", "agenda_item_unknown"),
            ("/occurred", "occurred_in_future"),
        )
    )
    about(called()).when(presenting(document=MISSING)).refused(
        refused("record_unknown", "/document")
    )


def test_nothing_is_presented_before_the_meeting() -> None:
    """R11: a meeting that is planned has not taken place."""
    early = presenting()
    about(called(planned="2010-02-24")).when(early).refused(refused("invalid_input", "/occurred"))
    held = called(HOLDING)
    about(held).when(presenting(occurred="2010-02-22")).refused(
        refused("invalid_input", "/occurred")
    )


def test_what_was_presented_was_presented_when_the_meeting_was_held() -> None:
    held = called(holding("Overborgmester", occurred="2010-02-22"))
    (event,) = presenting(occurred=None)(held)
    assert event.occurred == PLANNED


# ── held: chairs, those there, the contact ───────────────────────────────────────────────────────


def test_an_internal_meeting_is_no_contact() -> None:
    asked = holding(
        "Overborgmester",
        administrations=["Teknik og Miljø"],
        others=["Udvalg"],
        apologies=["Borgmester"],
        attendance=[{"item": ITEM, "parties": ["Udvalg"]}],
        participants=[{"name": "Anne", "party": "Udvalg"}],
        facts="drøftet",
    )
    meeting = called(AGENDA)
    (held,) = asked(meeting)
    assert isinstance(held, MeetingHeld)
    assert held.attendance == (Attendance(item=ITEM, parties=(BODY,)),)
    assert (held.contact_id, held.apologies, held.text) == (
        None,
        (OTHER,),
        MeetingWords(facts="drøftet"),
    )
    after_it = evolve(meeting, held)
    assert (after_it.status, after_it.present, after_it.chaired_by) == (
        "held",
        (TMF, BODY),
        (MAYOR,),
    )


def test_a_meeting_with_organisations_is_a_contact_of_each() -> None:
    asked = holding("Overborgmester", administrations=["Teknik og Miljø"], organisations=["KAB"])
    held, contact = asked(called())
    assert isinstance(held, MeetingHeld) and isinstance(contact, ContactLogged)
    assert held.contact_id == contact.contact_id
    content = contact.content
    assert (contact.meeting, content.channel, content.direction) == (
        RECORD,
        Channel.DIRECT,
        Direction.MUTUAL,
    )
    assert content.organisations == (KAB,)


def test_the_contact_of_a_meeting_without_a_time_was_now() -> None:
    asked = holding(
        "Overborgmester", administrations=["Social"], organisations=["KAB"], occurred=None
    )
    held, contact = asked(called())
    assert isinstance(held, MeetingHeld) and isinstance(contact, ContactLogged)
    assert contact.content.occurred.from_ == held.occurred.from_


def test_a_meeting_held_tells_every_fault_at_once() -> None:
    wrong = holding(
        administrations=["ukendt", "Social"],
        organisations=["KAB", "several"],
        others=["x"],
        apologies=["y"],
        attendance=[{"item": MISSING, "parties": ["z"]}],
        participants=[{"name": "Anne", "party": "w"}],
        medium="telepathy",
        occurred="2010-03-01",
    )
    about(called()).when(wrong).refused(
        faults(
            ("/occurred", "occurred_in_future"),
            ("/chaired_by", "no_chair"),
            ("/administrations/0", "unknown_party"),
            ("/organisations/1", "ambiguous_party"),
            ("/others/0", "unknown_party"),
            ("/apologies/0", "unknown_party"),
            ("/attendance/0/item", "agenda_item_unknown"),
            ("/attendance/0/parties/0", "unknown_party"),
            ("/participants/0/party", "unknown_party"),
            ("/medium", "unknown_medium"),
        )
    )


def test_organisations_meet_somebody() -> None:
    about(called()).when(holding("Overborgmester", organisations=["KAB"])).refused(
        refused("invalid_input", "/administrations")
    )


def test_who_chairs_sends_no_apologies() -> None:
    about(called()).when(holding("Overborgmester", apologies=["Overborgmester"])).refused(
        refused("duplicate_entry", "/apologies/0")
    )


def test_r6_at_least_one_chairs_unless_the_source_does_not_say_who() -> None:
    about(called()).when(holding()).refused(refused("no_chair", "/chaired_by"))
    assert about(called()).when(holding(chair_unknown=True)).error is None
    about(called()).when(holding("Overborgmester", chair_unknown=True)).refused(
        refused("invalid_input", "/chair_unknown")
    )


def by(*chairs: str, steps: tuple[Any, ...] = (ESTABLISHING,)) -> Any:
    return holding(*chairs, known=told(*steps))


def test_r5_either_holder_or_both_chair() -> None:
    for chairs in (("Overborgmester",), ("Borgmester",), ("Overborgmester", "Borgmester")):
        assert about(of_forum()).when(by(*chairs)).error is None


def test_r5_a_stranger_does_not_chair_a_forum_with_seats() -> None:
    about(of_forum()).when(by("Overborgmester", "KAB")).refused(
        refused("not_chairing", "/chaired_by/1")
    )


def test_r5_a_stranger_may_chair_the_forum_whose_seats_are_not_told() -> None:
    joint = of_forum(forums=["Forum", "Udvalg"])
    assert about(joint).when(by("Overborgmester", "Direktør")).error is None
    about(joint).when(by("Direktør")).refused(refused("not_chairing", "/chaired_by"))


def test_a_chair_nobody_knows_is_told_once() -> None:
    about(of_forum()).when(by("ukendt")).refused(refused("unknown_party", "/chaired_by/0"))


def test_r5_proposed_seats_do_not_chair() -> None:
    nothing = step(fd.appoint, asking(fc.AppointMember, party="KAB"))
    about(of_forum()).when(by("Overborgmester", steps=(nothing,))).refused(
        refused("not_chairing", "/chaired_by/0")
    )


def test_r6_whoever_left_the_chair_does_not_chair_beside_the_other() -> None:
    left = step(fd.leave_chair, asking(fc.LeaveChair, seat=an_id(1), scope="standing"))
    asked = by("Borgmester", "Overborgmester", steps=(ESTABLISHING, left))
    for meeting in (of_forum(), of_forum(forums=["Forum", "Udvalg"])):
        about(meeting).when(asked).refused(refused("not_chairing", "/chaired_by/1"))


def test_r5_a_late_record_asks_who_held_the_seat_then() -> None:
    ended = step(fd.vacate_chair, asking(fc.VacateChair, seat=an_id(2), occurred="2010-02-01"))
    known = told(ESTABLISHING, ended)
    then = holding("Borgmester", known=known, occurred="2010-01-31")
    assert about(of_forum()).when(then).error is None
    now = holding("Borgmester", known=known, occurred="2010-02-01")
    about(of_forum()).when(now).refused(refused("not_chairing", "/chaired_by/0"))


def test_a_forum_without_seats_asks_for_no_holder() -> None:
    empty = after(evolve_forum, opening(fd.propose, asking(fc.ProposeForum, forum="Forum")))
    known = told_to({("forum", FORUM_RECORD): empty})
    assert about(of_forum()).when(holding("KAB", known=known)).error is None


# ── minutes ──────────────────────────────────────────────────────────────────────────────────────


def test_minutes_are_versions_with_objections_and_one_approval() -> None:
    meeting = called(HOLDING)
    about(meeting).when(DRAFTING).then(
        MinutesDrafted(**base(3), minutes_version=1, text=MeetingWords(minutes="referat"))
    )
    drafted = called(HOLDING, DRAFTING)
    about(drafted).when(objecting()).then(
        MinutesObjected(**base(4), minutes_version=1, by=KAB, text=MeetingWords(objection="nej"))
    )
    at = approving(known=told(), meeting=MEETING_RECORD)
    about(drafted).when(at).then(
        MinutesApproved(**base(4), minutes_version=1, by=FORUM, meeting=MEETING_RECORD)
    )
    whole = called(HOLDING, DRAFTING, objecting(), DRAFTING, at)
    first, second = whole.minutes
    assert [o.objection for o in first.objections] == ["nej"]
    assert (first.approved_by, first.approved_at) == (FORUM, MEETING_RECORD)
    assert second.approved_by is None


def test_approved_minutes_are_settled() -> None:
    settled = called(HOLDING, DRAFTING, DRAFTING, approving(2))
    about(settled).when(DRAFTING).refused(refused("minutes_approved", "/minutes"))
    about(settled).when(objecting(2)).refused(refused("minutes_approved", "/minutes_version"))
    about(settled).when(approving(1)).refused(refused("minutes_approved", "/minutes_version"))


@pytest.mark.parametrize("ask", [objecting, approving])
def test_minutes_that_are_not_there_are_refused_with_every_fault(ask: Any) -> None:
    about(called(HOLDING, DRAFTING)).when(ask(2, by="ukendt", occurred="2010-03-01")).refused(
        faults(
            ("/minutes_version", "version_unknown"),
            ("/by", "unknown_party"),
            ("/occurred", "occurred_in_future"),
        )
    )


def test_minutes_are_approved_at_a_meeting_that_is_there() -> None:
    drafted = called(HOLDING, DRAFTING)
    about(drafted).when(approving(meeting=MISSING)).refused(refused("record_unknown", "/meeting"))


def test_the_table_says_which_records_each_command_names() -> None:
    named = asking(c.ApproveMinutes, minutes_version=1, by="Forum", meeting=MEETING_RECORD)
    rule = MEETINGS.steps["minutes-approvals"]
    assert list(rule.records(named)) == [("meeting", MEETING_RECORD)]
    assert list(rule.records(asking(c.ApproveMinutes, minutes_version=1, by="Forum"))) == []


# ── the log ──────────────────────────────────────────────────────────────────────────────────────


def test_a_step_before_the_opening_is_a_broken_log() -> None:
    with pytest.raises(Broken):
        evolve(None, MeetingCancelled(**base(1)))


def test_erased_words_leave_the_facts() -> None:
    (event,) = calling()(None)
    meeting: Any = evolve(None, event.model_copy(update={"text": None}))
    assert (meeting.title, meeting.place) == (None, None)
    for ask in (moving(), AGENDA, HOLDING, DRAFTING, objecting()):
        (made,) = ask(meeting)
        meeting = evolve(meeting, made.model_copy(update={"text": None}))
    assert [item.title for item in meeting.agenda] == [None]
    assert [(m.minutes, m.objections[0].objection) for m in meeting.minutes] == [(None, None)]


def test_the_contact_of_a_meeting_whose_title_is_erased_is_called_a_meeting() -> None:
    (event,) = calling()(None)
    nameless = evolve(None, event.model_copy(update={"text": None}))
    asked = holding("Overborgmester", administrations=["Social"], organisations=["KAB"])
    _, contact = asked(nameless)
    assert contact.text is not None and contact.text.subject == "Møde"


def test_events_are_found_by_all_they_name() -> None:
    meeting = of_forum(AGENDA)
    (called_event,) = calling(told(), forum_records=[FORUM_RECORD])(None)
    assert f"meeting_of:{FORUM_RECORD}" in tags_of(called_event)
    held, contact = holding(
        "Overborgmester",
        known=told(),
        administrations=["Social"],
        organisations=["KAB"],
        participants=[{"name": "Anne"}],
    )(meeting)
    assert isinstance(contact, ContactLogged)
    tags = tags_of(held)
    assert {f"held_as:{contact.contact_id}", f"party:{MAYOR.id}", f"party:{KAB.id}"} <= set(tags)
    assert any(tag.startswith("person:") for tag in tags)
    assert f"presented:{DOCUMENT}" in tags_of(presenting()(meeting)[0])
    minuted = called(HOLDING, DRAFTING)
    assert f"party:{KAB.id}" in tags_of(objecting()(minuted)[0])
    assert tags_of(CANCELLING(meeting)[0]) == [f"meeting:{RECORD}"]
    internal = HOLDING(called())[0]
    assert not any(tag.startswith("held_as") for tag in tags_of(internal))


def test_what_is_no_event_of_a_meeting_changes_nothing_but_the_version() -> None:
    assert evolve(called(), NOTHING).version == 2


def test_minutes_that_were_never_drafted_are_not_made_up() -> None:
    """Old facts are not judged by new rules."""
    approved = MinutesApproved(**base(3), minutes_version=1, by=FORUM)
    assert evolve(called(HOLDING), approved).minutes == ()


def test_the_table_says_what_a_meeting_is_found_by() -> None:
    agenda = step(
        d.set_agenda, asking(c.SetAgenda, items=[{"title": "a", "document": DOCUMENT}]), told()
    )
    held = holding("Overborgmester", known=told(), apologies=["Udvalg"], others=["Direktør"])
    shown = presenting(presenters=["Teknik og Miljø"], to=["KAB"])
    meeting = of_forum(agenda, held, shown)
    assert {p.id for p in MEETINGS.parties(meeting)} == {
        p.id for p in (FORUM, MAYOR, BODY, THIRD, TMF, KAB)
    }
    assert set(MEETINGS.terms(meeting)) == {
        ("status", "held"),
        ("forum", FORUM.id),
        ("forum_record", FORUM_RECORD),
        ("chair", MAYOR.id),
        ("document", DOCUMENT),
    }
    assert MEETINGS.day(meeting) == DAY
    assert MEETINGS.day(called()) == "2010-02-22"


def test_the_table_says_what_the_commands_of_a_meeting_name() -> None:
    opened = asking(
        c.CallMeeting,
        title="Møde",
        forums=["Forum"],
        invited=["KAB"],
        forum_records=[FORUM_RECORD],
        planned=DAY,
    )
    assert list(MEETINGS.open.parties(opened)) == ["Forum", "KAB"]
    assert list(MEETINGS.open.records(opened)) == [("forum", FORUM_RECORD)]
    asked = asking(
        c.HoldMeeting,
        chaired_by=["a"],
        administrations=["b"],
        organisations=["c"],
        others=["d"],
        apologies=["e"],
        attendance=[{"item": ITEM, "parties": ["f"]}],
        participants=[{"name": "Anne", "party": "g", "spoke_for": ["h"]}, {"name": "Bo"}],
    )
    rule = MEETINGS.steps["holding"]
    assert list(rule.parties(asked)) == list("abcdefgh")
    assert list(rule.of_record(of_forum())) == [("forum", FORUM_RECORD)]
    items = [{"title": "a", "document": DOCUMENT}, {"title": "b"}]
    agenda = asking(c.SetAgenda, items=items)
    assert list(MEETINGS.steps["agenda"].records(agenda)) == [("document", DOCUMENT)]
    proposal = asking(c.PresentProposal, document=DOCUMENT)
    assert list(MEETINGS.steps["proposals"].records(proposal)) == [("document", DOCUMENT)]


# ── against a model ──────────────────────────────────────────────────────────────────────────────


class Told:
    """What a secretary would remember of a meeting: told in words, not folded from events."""

    def __init__(self) -> None:
        self.status = "called"
        self.day = "2010-02-22"
        self.minutes: list[dict[str, Any]] = []

    def do(self, move: str, number: int) -> str | None:
        allowed = {"held": ("draft", "object", "approve"), "called": ("move", "cancel", "hold")}
        if move not in (*allowed.get(self.status, ()), *(["move"] * (self.status == "cancelled"))):
            return "wrong_status"
        code: str | None = getattr(self, f"_{move}")(number)
        return code

    def _move(self, number: int) -> str | None:
        day = f"2010-02-2{number}"
        if self.status == "called" and day == self.day:
            return "nothing_changed"
        self.status, self.day = "called", day
        return None

    def _cancel(self, _: int) -> None:
        self.status = "cancelled"

    def _hold(self, _: int) -> None:
        self.status = "held"

    def _settled(self) -> bool:
        return any(each["approved"] for each in self.minutes)

    def _draft(self, _: int) -> str | None:
        if self._settled():
            return "minutes_approved"
        self.minutes.append({"objections": 0, "approved": False})
        return None

    def _object(self, number: int) -> str | None:
        if number > len(self.minutes):
            return "version_unknown"
        if self.minutes[number - 1]["approved"]:
            return "minutes_approved"
        self.minutes[number - 1]["objections"] += 1
        return None

    def _approve(self, number: int) -> str | None:
        if number > len(self.minutes):
            return "version_unknown"
        if self._settled():
            return "minutes_approved"
        self.minutes[number - 1]["approved"] = True
        return None


MOVES: dict[str, Any] = {
    "move": lambda number: moving(f"2010-02-2{number}"),
    "cancel": lambda _: CANCELLING,
    "hold": lambda _: HOLDING,
    "draft": lambda _: DRAFTING,
    "object": objecting,
    "approve": approving,
}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(1, 3)), max_size=14))
def test_model_and_code_agree_on_the_life_of_a_meeting(moves: list[tuple[str, int]]) -> None:
    meeting: Meeting = called()
    model = Told()
    for move, number in moves:
        decided = about(meeting).when(MOVES[move](number))
        expected = model.do(move, number)
        assert (decided.error.code if decided.error else None) == expected
        for event in events_of(decided):
            assert event.version == meeting.version + 1
            meeting = evolve(meeting, event)
        assert (meeting.status, meeting.planned.first_day) == (model.status, model.day)
        assert [
            {"objections": len(m.objections), "approved": m.approved_by is not None}
            for m in meeting.minutes
        ] == model.minutes
