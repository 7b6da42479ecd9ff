"""Documents: versions, approvals of versions, what is treated and adopted, plan and outcome."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.contacts import ContactState
from domain.documents import commands as c
from domain.documents import decisions as d
from domain.documents.commands import PathKind
from domain.documents.events import (
    ApprovalInvalidated,
    ApprovalRequested,
    DecisionPostponed,
    DeliberationWaived,
    Document,
    DocumentApproved,
    DocumentDispatched,
    DocumentDrafted,
    DocumentRejected,
    DocumentVersionCreated,
    DocumentWords,
    InternalConsultationHeld,
    PathPlanned,
    PathStep,
    RecommendationAdopted,
    RecommendationDeliberated,
    RecommendationSentBack,
    RecommendationSubmitted,
    RecommendationWithdrawn,
    TitleText,
    tags_of,
)
from domain.documents.evolution import evolve
from domain.errors import Broken, Unknown
from domain.meetings import decisions as md
from domain.meetings.commands import CallMeeting
from domain.meetings.events import evolve as evolve_meeting
from domain.records import Known
from domain.registers.documents import DOCUMENTS, judge
from domain.values import Confidentiality, OccurredGiven
from tests.domain.recording import (
    BODY,
    FORUM,
    FUTURE,
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
from tests.domain.samples import COPENHAGEN, KAB, SOF, TMF

CONTACT, MEETING = an_id(60), an_id(61)


def told() -> Known:
    """What is known where a contact and a meeting are there."""
    call = opening(md.call, asking(CallMeeting, title="Møde", forums=["Forum"], planned="2010-03"))
    meeting = after(evolve_meeting, call)
    return told_to({("contact", CONTACT): ContactState(), ("meeting", MEETING): meeting})


def drafting(**more: Any) -> Any:
    fields = {"kind": "note", "title": "Notat", "authors": ["Teknik og Miljø"]} | more
    return opening(d.draft, asking(c.DraftDocument, **fields))


def paper(*steps: Any, **more: Any) -> Any:
    return after(evolve, drafting(**more), *steps)


def required(*steps: Any) -> Any:
    """A paper that two bodies must treat before the council adopts it."""
    return paper(*steps, required=["Udvalg", "Social"], adopting="Forum")


def _body(decide: Any, kind: Any, body: str, version: int, **more: Any) -> Any:
    return step(decide, asking(kind, body=body, document_version=version, **more), told())


def requesting(body: str = "Udvalg", version: int = 1, **more: Any) -> Any:
    return _body(d.request_approval, c.RequestApproval, body, version, **more)


def approving(body: str = "Udvalg", version: int = 1, **more: Any) -> Any:
    return _body(d.approve, c.ApproveDocument, body, version, **more)


def rejecting(body: str = "Udvalg", version: int = 1, **more: Any) -> Any:
    return _body(d.reject, c.RejectDocument, body, version, **more)


def postponing(body: str = "Udvalg", version: int = 1, **more: Any) -> Any:
    return _body(d.postpone, c.PostponeDecision, body, version, **more)


def treating(body: str = "Udvalg", version: int = 1, **more: Any) -> Any:
    fields = {"outcome": "recommended"} | more
    return _body(d.deliberate, c.DeliberateRecommendation, body, version, **fields)


def adopting(body: str = "Forum", version: int = 1, **more: Any) -> Any:
    return _body(d.adopt, c.AdoptRecommendation, body, version, **more)


def returning(body: str = "Forum", version: int = 1, **more: Any) -> Any:
    return _body(d.send_back, c.SendBackRecommendation, body, version, **more)


def waiving(body: str = "Social", **more: Any) -> Any:
    return step(d.waive, asking(c.WaiveDeliberation, body=body, reason="haster", **more))


def renewing(based_on: int = 1, **more: Any) -> Any:
    return step(
        d.create_version, asking(c.CreateVersion, based_on_version=based_on, **more), told()
    )


def sending(version: int = 1, **more: Any) -> Any:
    fields = {"recipients": ["KAB"], "document_version": version} | more
    return step(d.dispatch, asking(c.DispatchDocument, **fields))


def submitting(version: int = 1, **more: Any) -> Any:
    fields = {"submitting": ["Social"], "to": ["Udvalg"], "document_version": version} | more
    return step(d.submit, asking(c.SubmitRecommendation, **fields))


def consulting(**more: Any) -> Any:
    return step(d.hold_consultation, asking(c.HoldConsultation, **({"units": ["Social"]} | more)))


def planning(
    body: str = "Udvalg", kind: str = "treat", planned: Any = "2010-Q2", **more: Any
) -> Any:
    path = [{"body": body, "step": kind, "planned": planned}]
    return step(d.plan_path, asking(c.PlanPath, path=path, **more))


WITHDRAWING = step(d.withdraw, asking(c.WithdrawRecommendation, reason="erstattet"))


def base(version: int) -> dict[str, Any]:
    return {"document_id": RECORD, "version": version, "occurred": TODAY}


def when(text: str) -> Any:
    return OccurredGiven.model_validate(text).resolve(COPENHAGEN)


# ── drafted ──────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_of_several_is_joint() -> None:
    asked = drafting(
        authors=["Teknik og Miljø", "Social", "Social"],
        required=["Udvalg"],
        adopting="Forum",
        content_hash="0" * 64,
        case_numbers=["2009-116302"] * 2,
        document_numbers=["2010-140582"],
        kle=["03.02.00"],
    )
    about(None).when(asked).then(
        DocumentDrafted(
            document_id=RECORD,
            kind="note",
            text=TitleText(title="Notat"),
            authors=(TMF, SOF),
            required=(BODY,),
            adopting=FORUM,
            content_hash="0" * 64,
            case_numbers=("2009-116302",),
            document_numbers=("2010-140582",),
            kle=("03.02.00",),
            occurred=TODAY,
            confidentiality=Confidentiality.INTERNAL,
        )
    )
    assert after(evolve, asked).joint
    assert not paper().joint


def test_a_draft_tells_every_fault_at_once() -> None:
    wrong = drafting(authors=["x"], required=["several"], adopting="y", occurred=FUTURE)
    about(None).when(wrong).refused(
        faults(
            ("/authors/0", "unknown_party"),
            ("/required/0", "ambiguous_party"),
            ("/adopting", "unknown_party"),
            ("/occurred", "occurred_in_future"),
        )
    )


STEPS = {
    "versions": renewing(),
    "consultations": consulting(),
    "approval-requests": requesting(),
    "approvals": approving(),
    "rejections": rejecting(),
    "postponements": postponing(),
    "dispatches": sending(),
    "recommendations": submitting(),
    "deliberations": treating(),
    "deliberation-waivers": waiving(),
    "adoption": adopting(),
    "returns": returning(),
    "withdrawal": WITHDRAWING,
    "path": planning(),
}


def test_every_step_of_the_table_is_tested_here() -> None:
    assert set(STEPS) == set(DOCUMENTS.steps)


@pytest.mark.parametrize("name", STEPS)
def test_no_step_is_taken_of_a_document_that_is_not_there(name: str) -> None:
    with pytest.raises(Unknown, match="record_not_found"):
        STEPS[name](None)


@pytest.mark.parametrize("name", STEPS)
def test_a_paper_that_was_withdrawn_takes_no_step(name: str) -> None:
    about(paper(WITHDRAWING)).when(STEPS[name]).refused(refused("wrong_status"))


@pytest.mark.parametrize("name", sorted(STEPS.keys() - {"dispatches"}))
def test_a_paper_that_was_adopted_is_only_sent(name: str) -> None:
    about(paper(adopting())).when(STEPS[name]).refused(refused("wrong_status"))


BODIES = {
    "request": requesting,
    "approve": approving,
    "reject": rejecting,
    "postpone": postponing,
    "treat": treating,
    "adopt": adopting,
    "send back": returning,
}


@pytest.mark.parametrize("name", BODIES)
def test_each_decision_names_a_body_a_version_and_a_time_that_are_there(name: str) -> None:
    version = "version_unknown" if name == "treat" else "version_not_newest"
    about(paper()).when(BODIES[name]("ukendt", 2, occurred=FUTURE)).refused(
        faults(
            ("/body", "unknown_party"),
            ("/document_version", version),
            ("/occurred", "occurred_in_future"),
        )
    )


@pytest.mark.parametrize("name", sorted(BODIES.keys() - {"treat"}))
def test_what_lies_before_a_body_is_the_newest_version(name: str) -> None:
    about(paper(renewing())).when(BODIES[name](version=1)).refused(
        refused("version_not_newest", "/document_version")
    )


# ── versions and what they are based on ──────────────────────────────────────────────────────────


def test_r10_a_version_says_what_it_is_based_on() -> None:
    talk = an_id(1)
    model = paper(consulting(note="formandskab", document_version=1))
    asked = renewing(
        based_on_contacts=[CONTACT] * 2,
        based_on_consultations=[talk],
        changes="formandskab",
        content_hash="1" * 64,
    )
    about(model).when(asked).then(
        DocumentVersionCreated(
            **base(3),
            document_version=2,
            based_on_version=1,
            based_on_contacts=(CONTACT,),
            based_on_consultations=(talk,),
            content_hash="1" * 64,
            text=DocumentWords(changes="formandskab"),
        )
    )
    newest = evolve(model, asked(model)[0]).versions[-1]
    assert (newest.number, newest.based_on_consultations) == (2, (talk,))


def test_r10_what_a_version_is_based_on_must_be_there() -> None:
    wrong = renewing(
        2, based_on_contacts=[MISSING], based_on_consultations=[MISSING], occurred=FUTURE
    )
    about(paper()).when(wrong).refused(
        faults(
            ("/based_on_version", "version_unknown"),
            ("/based_on_contacts/0", "record_unknown"),
            ("/based_on_consultations/0", "consultation_unknown"),
            ("/occurred", "occurred_in_future"),
        )
    )


def test_r10_a_version_may_go_back_to_an_older_one() -> None:
    twice = paper(renewing(), renewing(1))
    assert [v.based_on_version for v in twice.versions] == [None, 1, 1]


def test_r10_a_discussion_between_administrations_is_written_down() -> None:
    about(paper()).when(consulting(units=["Social"], note="drøftet", document_version=1)).then(
        InternalConsultationHeld(
            **base(2),
            consultation_id=an_id(1),
            units=(SOF,),
            document_version=1,
            text=DocumentWords(reason="drøftet"),
        )
    )
    wrong = consulting(units=["x"], document_version=2, occurred=FUTURE)
    about(paper()).when(wrong).refused(
        faults(
            ("/units/0", "unknown_party"),
            ("/document_version", "version_unknown"),
            ("/occurred", "occurred_in_future"),
        )
    )


def test_a_new_version_ends_every_approval_of_the_old_one() -> None:
    approved = paper(approving(), approving("Social"), rejecting("Forum"), requesting("Direktør"))
    decided = about(approved).when(renewing())
    lapsed = [event for event in decided.events if isinstance(event, ApprovalInvalidated)]
    assert [(e.body, e.document_version, e.by_version) for e in lapsed] == [
        (BODY, 1, 2),
        (SOF, 1, 2),
    ]
    newer = approved
    for event in events_of(decided):
        newer = evolve(newer, event)
    assert newer.version == approved.version + 3
    assert (newer.status, newer.pending) == ("drafted", ())
    assert len(newer.decisions) == len(approved.decisions)
    assert not newer.approved(1) and not newer.approved(2)


# ── approvals ────────────────────────────────────────────────────────────────────────────────────


def test_an_approval_is_requested_of_a_body_at_a_meeting() -> None:
    asked = requesting(meeting=MEETING, planned="2010-03-04")
    about(paper()).when(asked).then(
        ApprovalRequested(
            **base(2), body=BODY, document_version=1, meeting=MEETING, planned=when("2010-03-04")
        )
    )
    document = paper(asked)
    assert (document.status, document.pending[0].meeting) == ("submitted", MEETING)


def test_it_is_requested_once_until_it_is_put_off() -> None:
    about(paper(requesting())).when(requesting()).refused(refused("already_requested", "/body"))
    assert about(paper(requesting())).when(requesting("Social")).error is None
    again = paper(requesting(), postponing(until="2010-04"), requesting())
    assert [p.postponed for p in again.pending] == [False]


def test_what_is_approved_is_not_requested_again() -> None:
    about(paper(approving())).when(requesting()).refused(refused("already_approved", "/body"))


@pytest.mark.parametrize("ask", [requesting, approving])
def test_the_meeting_of_a_decision_must_be_there(ask: Any) -> None:
    about(paper()).when(ask(meeting=MISSING)).refused(refused("record_unknown", "/meeting"))


def test_a_body_approves_with_changes_conditions_and_dissent() -> None:
    asked = approving(with_changes=True, conditions="hvis", dissent="nej", meeting=MEETING)
    about(paper(requesting())).when(asked).then(
        DocumentApproved(
            **base(3),
            body=BODY,
            document_version=1,
            with_changes=True,
            meeting=MEETING,
            text=DocumentWords(conditions="hvis", dissent="nej"),
        )
    )
    document = paper(requesting(), asked)
    assert (document.status, document.pending) == ("approved", ())
    assert [(x.outcome, x.meeting) for x in document.decisions][-1] == (
        "approved_with_changes",
        MEETING,
    )


def test_a_body_approves_a_version_once() -> None:
    about(paper(approving())).when(approving()).refused(refused("already_approved", "/body"))
    about(paper(approving(with_changes=True))).when(approving()).refused(
        refused("already_approved", "/body")
    )
    assert about(paper(approving(), renewing())).when(approving(version=2)).error is None


def test_a_body_may_think_again_and_only_its_last_word_counts() -> None:
    about(paper()).when(rejecting(reason="for dyrt")).then(
        DocumentRejected(
            **base(2), body=BODY, document_version=1, text=DocumentWords(reason="for dyrt")
        )
    )
    turned = paper(approving(), rejecting())
    assert (turned.approved(1), [x.standing for x in turned.decisions]) == (False, [False, True])
    about(turned).when(rejecting()).refused(refused("nothing_changed"))
    back = paper(rejecting(), approving())
    assert back.approved(1)
    about(paper(approving(), rejecting())).when(sending()).refused(
        refused("version_not_approved", "/document_version")
    )


def test_a_decision_that_is_put_off_stays_pending() -> None:
    asked = postponing(until="2010-04", reason="tid")
    about(paper(requesting())).when(asked).then(
        DecisionPostponed(
            **base(3),
            body=BODY,
            document_version=1,
            until=when("2010-04"),
            text=DocumentWords(reason="tid"),
        )
    )
    document = paper(requesting(), asked)
    assert (document.status, [p.postponed for p in document.pending]) == ("postponed", [True])
    assert not paper(asked).approved(1)
    assert paper(postponing()).pending[0].planned is None


def test_a_body_that_treats_an_old_version_still_owes_its_word_on_the_new_one() -> None:
    document = paper(renewing(), requesting(version=2), treating(version=1))
    assert [(p.body, p.document_version) for p in document.pending] == [(BODY, 2)]


# ── sent ─────────────────────────────────────────────────────────────────────────────────────────


def test_r3_a_version_is_sent_once_that_version_is_approved() -> None:
    about(paper()).when(sending()).refused(refused("version_not_approved", "/document_version"))
    approved = paper(approving())
    about(approved).when(sending()).then(
        DocumentDispatched(**base(3), recipients=(KAB,), document_version=1, medium="letter")
    )
    sent = paper(approving(), sending())
    assert (sent.status, sent.decisions[-1].medium) == ("dispatched", "letter")


def test_r3_a_rejection_or_a_request_lets_nothing_be_sent() -> None:
    for asked in (rejecting(), requesting(), postponing(), treating()):
        about(paper(asked)).when(sending()).refused(
            refused("version_not_approved", "/document_version")
        )


def test_r3_an_approval_of_an_old_version_sends_neither_it_nor_the_new_one() -> None:
    newer = paper(approving(), approving("Social"), renewing(), approving("Direktør", 2))
    assert about(newer).when(sending(2)).error is None
    about(newer).when(sending(1)).refused(refused("version_not_approved", "/document_version"))
    lapsed = paper(approving(), renewing())
    about(lapsed).when(sending(2)).refused(refused("version_not_approved", "/document_version"))


def test_r3_a_paper_that_is_adopted_may_be_sent_and_stays_adopted() -> None:
    adopted = paper(adopting())
    assert about(adopted).when(sending()).error is None
    assert paper(adopting(), sending()).status == "adopted"


def test_sending_tells_every_fault_at_once() -> None:
    wrong = sending(2, recipients=["x"], medium="pigeon", occurred=FUTURE)
    about(paper()).when(wrong).refused(
        faults(
            ("/recipients/0", "unknown_party"),
            ("/document_version", "version_unknown"),
            ("/document_version", "version_not_approved"),
            ("/medium", "unknown_medium"),
            ("/occurred", "occurred_in_future"),
        )
    )


# ── recommended, treated, adopted ────────────────────────────────────────────────────────────────


def test_several_units_submit_a_joint_recommendation() -> None:
    asked = submitting(submitting=["Social", "Teknik og Miljø"], deadline="2010-06")
    about(paper()).when(asked).then(
        RecommendationSubmitted(
            **base(2),
            submitting=(SOF, TMF),
            to=(BODY,),
            document_version=1,
            deadline=when("2010-06"),
        )
    )
    document = paper(asked)
    assert (document.joint, document.status, document.required) == (True, "recommended", (BODY,))
    assert not paper(submitting()).joint
    wrong = submitting(2, submitting=["x"], to=["y"], occurred=FUTURE)
    about(paper()).when(wrong).refused(
        faults(
            ("/submitting/0", "unknown_party"),
            ("/to/0", "unknown_party"),
            ("/document_version", "version_not_newest"),
            ("/occurred", "occurred_in_future"),
        )
    )


def test_a_body_treats_it_with_its_vote_and_reading() -> None:
    asked = treating(outcome="amended", reading=2, vote="7-4", dissent="nej")
    about(required()).when(asked).then(
        RecommendationDeliberated(
            **base(2),
            body=BODY,
            document_version=1,
            outcome="amended",
            reading=2,
            vote="7-4",
            text=DocumentWords(dissent="nej"),
        )
    )
    decision = required(asked).decisions[-1]
    assert (decision.outcome, decision.reading, decision.vote) == ("amended", 2, "7-4")
    assert required(asked).status == "drafted"


def test_bodies_treat_it_in_any_order_and_then_it_is_adopted() -> None:
    for order in (("Udvalg", "Social"), ("Social", "Udvalg")):
        treated = required(*(treating(body) for body in order))
        about(treated).when(adopting(decision="vedtaget")).then(
            RecommendationAdopted(
                **base(4), body=FORUM, document_version=1, text=DocumentWords(decision="vedtaget")
            )
        )


def test_it_is_not_adopted_while_a_required_body_has_not_treated_that_version() -> None:
    about(required()).when(adopting()).refused(
        faults(("/document_version", "not_treated"), ("/document_version", "not_treated"))
    )
    newer = required(treating(), treating("Social"), renewing(), treating(version=2))
    assert newer.untreated(2) == (SOF,)
    about(newer).when(adopting(version=2)).refused(refused("not_treated", "/document_version"))


def test_a_required_body_may_be_waived_and_only_a_required_one() -> None:
    about(required()).when(waiving()).then(
        DeliberationWaived(**base(2), body=SOF, text=DocumentWords(reason="haster"))
    )
    assert about(required(waiving(), treating())).when(adopting()).error is None
    about(required(waiving())).when(waiving()).refused(refused("nothing_changed"))
    about(required()).when(waiving("Direktør", occurred=FUTURE)).refused(
        faults(("/body", "not_required"), ("/occurred", "occurred_in_future"))
    )
    about(required()).when(waiving("x")).refused(refused("unknown_party", "/body"))


def test_nothing_is_pending_once_it_is_adopted() -> None:
    assert paper(requesting(), requesting("Social"), adopting()).pending == ()


def test_only_the_adopting_body_adopts() -> None:
    about(required(waiving("Udvalg"), waiving())).when(adopting("Direktør")).refused(
        refused("not_the_adopting_body", "/body")
    )
    assert about(paper()).when(adopting("Direktør")).error is None


def test_what_was_sent_back_is_treated_anew() -> None:
    treated = (treating(), treating("Social"))
    about(required(*treated)).when(returning(reason="mangler")).then(
        RecommendationSentBack(
            **base(4), body=FORUM, document_version=1, text=DocumentWords(reason="mangler")
        )
    )
    back = required(*treated, returning())
    assert (back.status, back.untreated(1)) == ("sent_back", (BODY, SOF))
    assert about(required(*treated, returning(), *treated)).when(adopting()).error is None
    newer = required(*treated, returning(), renewing())
    assert (newer.status, newer.untreated(2)) == ("drafted", (BODY, SOF))


def test_it_is_withdrawn() -> None:
    about(paper()).when(WITHDRAWING).then(
        RecommendationWithdrawn(**base(2), text=DocumentWords(reason="erstattet"))
    )
    assert paper(requesting(), WITHDRAWING).pending == ()
    wrong = step(d.withdraw, asking(c.WithdrawRecommendation, reason="x", occurred=FUTURE))
    about(paper()).when(wrong).refused(refused("occurred_in_future", "/occurred"))


# ── plan and outcome ─────────────────────────────────────────────────────────────────────────────


def test_r11_a_plan_keeps_the_words_and_is_no_fact() -> None:
    words = {"from": "2010-04-01", "to": "2010-06-30", "text": "april - juni"}
    expected = OccurredGiven.model_validate(words).resolve(COPENHAGEN)
    about(paper()).when(planning(planned=words)).then(
        PathPlanned(**base(2), path=(PathStep(body=BODY, step=PathKind.TREAT, planned=expected),))
    )
    assert paper(planning(planned=words)).decisions == ()


def test_r11_a_plan_is_replaced_whole_but_not_by_itself() -> None:
    about(paper(planning())).when(planning()).refused(refused("nothing_changed"))
    assert len(paper(planning(), planning("Social")).path) == 1
    about(paper()).when(planning("x", occurred=FUTURE)).refused(
        faults(("/path/0/body", "unknown_party"), ("/occurred", "occurred_in_future"))
    )


def judged(document: Document, day: str) -> tuple[str, str | None, int]:
    (found,) = judge(document.model_dump(mode="json", by_alias=True), day)["path"]
    return found["state"], found["outcome"], found["days"]


@pytest.mark.parametrize(
    ("day", "state", "days"),
    [("2010-03-31", "planned", 0), ("2010-04-01", "due", 0), ("2010-07-02", "late", 2)],
)
def test_r11_a_step_that_has_not_come_is_planned_due_or_late(
    day: str, state: str, days: int
) -> None:
    assert judged(paper(planning()), day) == (state, None, days)


def test_r11_a_step_is_done_in_time_or_late() -> None:
    in_time = paper(planning(planned="2010-02-23"), treating())
    assert judged(in_time, "2010-02-23") == ("done", "recommended", 0)
    assert judged(in_time, "2010-02-22") == ("planned", None, 0)
    late = paper(planning(planned="2010-02-20"), treating())
    assert judged(late, "2010-02-23") == ("done_late", "recommended", 3)


@pytest.mark.parametrize(
    ("kind", "asked", "outcome"),
    [
        ("request", requesting, "requested"),
        ("request", submitting, "submitted"),
        ("approve", approving, "approved"),
        ("approve", rejecting, "rejected"),
        ("treat", treating, "recommended"),
    ],
)
def test_r11_every_kind_of_step_is_done_by_its_own_decision(
    kind: str, asked: Any, outcome: str
) -> None:
    document = paper(planning(kind=kind), asked())
    assert judged(document, "2010-02-23") == ("done", outcome, 0)


def test_r11_sending_informs_and_adoption_adopts() -> None:
    for kind in ("dispatch", "inform"):
        sent = paper(planning("KAB", kind), approving(), sending())
        assert judged(sent, "2010-02-23")[0] == "done"
    plan = planning("Forum", "adopt")
    assert judged(paper(plan, adopting()), "2010-02-23")[0] == "done"
    assert judged(paper(plan, returning()), "2010-02-23")[0] == "planned"


def test_r11_what_no_longer_counts_leaves_the_step_open() -> None:
    lapsed = paper(planning(kind="approve"), approving(), renewing())
    assert judged(lapsed, "2010-07-01") == ("late", None, 1)
    postponed = paper(planning(kind="approve"), postponing())
    assert judged(postponed, "2010-04-01")[0] == "due"
    returned = paper(planning(), treating(), returning())
    assert judged(returned, "2010-04-01")[0] == "due"


def test_a_path_that_may_not_be_seen_is_not_judged() -> None:
    assert judge({"id": RECORD}, "2010-02-23") == {"id": RECORD}


# ── the log ──────────────────────────────────────────────────────────────────────────────────────


def test_a_step_before_the_opening_is_a_broken_log() -> None:
    with pytest.raises(Broken):
        evolve(None, RecommendationWithdrawn(**base(1)))


def test_what_is_no_event_of_a_document_changes_nothing_but_the_version() -> None:
    assert evolve(paper(), NOTHING).version == 2


def test_a_draft_whose_title_is_erased_has_none() -> None:
    (event,) = drafting()(None)
    assert evolve(None, event.model_copy(update={"text": None})).title is None


@pytest.mark.parametrize(
    ("asked", "tags"),
    [
        (
            drafting(required=["Udvalg"], adopting="Forum", case_numbers=["2009-1"]),
            [f"party:{p.id}" for p in (TMF, BODY, FORUM)] + ["case:2009-1"],
        ),
        (drafting(), [f"party:{TMF.id}"]),
        (renewing(based_on_contacts=[CONTACT]), [f"based_on_contact:{CONTACT}"]),
        (consulting(), [f"party:{SOF.id}"]),
        (submitting(), [f"party:{SOF.id}", f"party:{BODY.id}"]),
        (planning("Direktør"), [f"party:{THIRD.id}"]),
        (WITHDRAWING, []),
        (approving(), [f"party:{BODY.id}"]),
    ],
    ids=[
        "draft",
        "bare",
        "version",
        "consultation",
        "submission",
        "path",
        "withdrawal",
        "approval",
    ],
)
def test_events_are_found_by_all_they_name(asked: Any, tags: list[str]) -> None:
    assert tags_of(asked(paper())[0]) == [f"document:{RECORD}", *tags]
    sent = sending()(paper(approving()))[0]
    assert tags_of(sent) == [f"document:{RECORD}", f"party:{KAB.id}"]


def test_the_table_says_which_records_each_command_names() -> None:
    for name, kind in (("approvals", c.ApproveDocument), ("approval-requests", c.RequestApproval)):
        rule = DOCUMENTS.steps[name]
        named = asking(kind, body="Udvalg", document_version=1, meeting=MEETING)
        assert list(rule.records(named)) == [("meeting", MEETING)]
        assert list(rule.records(asking(kind, body="Udvalg", document_version=1))) == []


def test_the_table_says_what_a_document_is_found_by() -> None:
    document = required(
        consulting(),
        submitting(submitting=["KAB"]),
        approving("Direktør"),
        requesting("Overborgmester"),
        planning("Borgmester"),
    )
    parties = {p.id for p in DOCUMENTS.parties(document)}
    assert parties == {p.id for p in (TMF, BODY, SOF, FORUM, KAB, THIRD, MAYOR, OTHER)}
    filed = paper(requesting(), case_numbers=["2009-116302"], kle=["03.02.00"])
    assert set(DOCUMENTS.terms(filed)) == {
        ("status", "submitted"),
        ("kind", "note"),
        ("author", TMF.id),
        ("pending", BODY.id),
        ("case_number", "2009-116302"),
        ("kle", "03.02.00"),
    }
    assert [p.id for p in DOCUMENTS.parties(paper())] == [TMF.id]


def test_r10_the_table_says_what_a_version_is_based_on() -> None:
    asked = asking(c.CreateVersion, based_on_version=1, based_on_contacts=[CONTACT])
    assert list(DOCUMENTS.steps["versions"].records(asked)) == [("contact", CONTACT)]
    path = [{"body": "Udvalg", "step": "treat", "planned": "2010"}]
    assert list(DOCUMENTS.steps["path"].parties(asking(c.PlanPath, path=path))) == ["Udvalg"]


# ── against a model ──────────────────────────────────────────────────────────────────────────────

ROOM = ("Udvalg", "Social", "Forum")
"""Two bodies that must treat it, and the one that adopts."""


class Clerk:
    """A clerk with one sheet for each version: what each body said of it, and nothing else."""

    def __init__(self) -> None:
        self.sheets: list[dict[str, Any]] = [{}]
        self.treated: list[set[str]] = [set()]
        self.waived: set[str] = set()
        self.asked: set[str] = set()
        self.end: str | None = None
        self.said = 0

    @property
    def sheet(self) -> dict[str, Any]:
        return self.sheets[-1]

    def lacking(self) -> set[str]:
        return {"Udvalg", "Social"} - self.treated[-1] - self.waived

    def may_send(self, number: int) -> bool:
        if number != len(self.sheets):
            return False
        return "approved" in self.sheet.values() or self.end == "adopted"

    def do(self, move: str, body: str, number: int) -> list[str]:
        if self.end and not (move == "send" and self.end == "adopted"):
            return ["wrong_status"]
        codes: list[str] = getattr(self, f"_{move}")(body, number)
        return codes

    def _outdated(self, number: int) -> list[str]:
        return [] if number == len(self.sheets) else ["version_not_newest"]

    def _approve(self, body: str, number: int) -> list[str]:
        codes = self._outdated(number)
        if not codes and self.sheet.get(body) == "approved":
            codes.append("already_approved")
        if not codes:
            self.sheet[body], self.said = "approved", self.said + 1
            self.asked.discard(body)
        return codes

    def _reject(self, body: str, number: int) -> list[str]:
        codes = self._outdated(number)
        if not codes and self.sheet.get(body) == "rejected":
            codes.append("nothing_changed")
        if not codes:
            self.sheet[body], self.said = "rejected", self.said + 1
            self.asked.discard(body)
        return codes

    def _request(self, body: str, number: int) -> list[str]:
        codes = self._outdated(number)
        if not codes:
            codes += ["already_requested"] * (body in self.asked)
            codes += ["already_approved"] * (self.sheet.get(body) == "approved")
        if not codes:
            self.asked.add(body)
            self.said += 1
        return codes

    def _treat(self, body: str, number: int) -> list[str]:
        if number > len(self.sheets):
            return ["version_unknown"]
        self.said += 1
        if number == len(self.sheets):
            self.treated[-1].add(body)
            self.asked.discard(body)
        return []

    def _renew(self, _: str, number: int) -> list[str]:
        if number > len(self.sheets):
            return ["version_unknown"]
        self.sheets.append({})
        self.treated.append(set())
        self.asked.clear()
        return []

    def _waive(self, body: str, _: int) -> list[str]:
        if body == "Forum":
            return ["not_required"]
        if body in self.waived:
            return ["nothing_changed"]
        self.waived.add(body)
        return []

    def _send(self, _: str, number: int) -> list[str]:
        codes = ["version_unknown"] * (number > len(self.sheets))
        codes += ["version_not_approved"] * (not self.may_send(number))
        self.said += not codes
        return codes

    def _back(self, body: str, number: int) -> list[str]:
        codes = self._outdated(number)
        if not codes:
            self.treated[-1].clear()
            self.asked.discard(body)
            self.said += 1
        return codes

    def _adopt(self, body: str, number: int) -> list[str]:
        codes = self._outdated(number)
        codes += ["not_the_adopting_body"] * (body != "Forum")
        if number == len(self.sheets):
            codes += ["not_treated"] * len(self.lacking())
        if not codes:
            self.end = "adopted"
            self.asked.clear()
            self.said += 1
        return codes

    def _withdraw(self, _: str, __: int) -> list[str]:
        self.end = "withdrawn"
        self.asked.clear()
        return []


MOVES: dict[str, Any] = {
    "approve": approving,
    "reject": rejecting,
    "request": requesting,
    "treat": treating,
    "renew": lambda _, number: renewing(number),
    "waive": lambda body, _: waiving(body),
    "send": lambda _, number: sending(number),
    "back": returning,
    "adopt": adopting,
    "withdraw": lambda *_: WITHDRAWING,
}


@settings(max_examples=250, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(MOVES)), st.sampled_from(ROOM), st.sampled_from([0, 0, 0, 1, -1])
        ),
        max_size=16,
    )
)
def test_model_and_code_agree_on_the_path_of_a_paper(moves: list[tuple[str, str, int]]) -> None:
    document: Document = required()
    clerk = Clerk()
    for move, body, off in moves:
        number = max(1, len(clerk.sheets) + off)
        decided = about(document).when(MOVES[move](body, number))
        found = [f.code for f in getattr(decided.error, "faults", ())]
        if decided.error and not found:
            found = [decided.error.code]
        expected = clerk.do(move, body, number)
        if "version_not_newest" in expected:
            assert found[0] == "version_not_newest"
        else:
            assert sorted(found) == sorted(expected)
        for event in events_of(decided):
            assert event.version == document.version + 1
            document = evolve(document, event)
        assert len(document.decisions) == clerk.said
        assert len(document.versions) == len(clerk.sheets)
        assert {party.name for party in document.untreated(document.newest)} == clerk.lacking()
        assert {asked.body.name for asked in document.pending} == clerk.asked
        for each in range(1, len(clerk.sheets) + 1):
            assert document.approved(each) is clerk.may_send(each)
        assert clerk.end is None or document.status == clerk.end
