"""Enquiries: how they are received, and what each step needs, does and refuses."""

from datetime import timedelta
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from domain.contacts import ContactLogged
from domain.enquiries import (
    AcknowledgeEnquiry,
    AnswerEnquiry,
    AssignEnquiry,
    CloseEnquiry,
    Closing,
    EnquiryAcknowledged,
    EnquiryClosed,
    EnquiryMerged,
    EnquiryReceived,
    EnquiryReopened,
    EnquirySplit,
    EnquiryState,
    EnquiryStep,
    EnquiryText,
    EnquiryTriaged,
    InformationRequested,
    InformationSupplied,
    InterimReplySent,
    MergeEnquiry,
    Phase,
    Priority,
    ReopenEnquiry,
    RequestInformation,
    RerouteEnquiry,
    ReturnEnquiry,
    RouteEnquiry,
    SendInterimReply,
    SplitEnquiry,
    SupplyInformation,
    TriageEnquiry,
    WaiveAnswer,
    evolve,
)
from domain.errors import Refused, Unknown
from domain.persons import recognised_by
from domain.service_targets import Clock, EnquiryKind, ServiceTargetSet, TargetTerms
from domain.values import (
    Channel,
    Confidentiality,
    Direction,
    Source,
)
from tests.domain.enquiring import (
    CBD,
    DESK,
    ENQUIRY,
    LENIENT,
    OTHER,
    at,
    decided,
    given,
    head,
    known,
    one,
    received,
    receiving,
    refused,
    routed,
    rule,
    that,
    unheard,
)
from tests.domain.samples import AAB, CONTACT, KAB, NOW, SOF, TMF, pseudonym
from tests.domain.scenario import Refusal, Story

# ── received ─────────────────────────────────────────────────────────────────────────────────────


def test_an_enquiry_is_a_contact_through_the_entry_point_and_an_enquiry() -> None:
    command = receiving(
        spoke_for=["AAB"],
        received_by="DESK",
        facts="Hvornår?",
        assessment="Haster",
        participants=[{"name": "Prøve Prøvesen", "party": "KAB"}],
        topics=["anvisning", "anvisning"],
        case_numbers=["2009-1"],
        source={"system": "post", "id": "7"},
        flags=["scanned"],
    )
    logged, event = decided(command)
    assert isinstance(logged, ContactLogged)
    content = logged.content
    assert (content.channel, content.direction) == (Channel.ENTRY_POINT, Direction.INBOUND)
    assert (content.administrations, content.organisations) == ((TMF, DESK), (KAB,))
    assert (logged.enquiry, logged.contact_id, logged.flags) == (ENQUIRY, CONTACT, ("scanned",))
    assert logged.text is not None and logged.text.assessment == "Haster"
    assert logged.participants[0].person == pseudonym(recognised_by("Prøve Prøvesen", KAB.id))
    assert isinstance(event, EnquiryReceived)
    assert event == EnquiryReceived(
        enquiry_id=ENQUIRY,
        contact_id=CONTACT,
        sender=KAB,
        spoke_for=(AAB,),
        addressed=(TMF,),
        received_by=DESK,
        medium="email",
        written=True,
        kind=EnquiryKind.GENERAL,
        received=at("2010-02-22"),
        received_day="2010-02-22",
        text=EnquiryText(subject="Anvisning", facts="Hvornår?"),
        topics=("anvisning",),
        case_numbers=("2009-1",),
        confidentiality=Confidentiality.INTERNAL,
        deadlines=event.deadlines,
        source=Source(system="post", id="7"),
    )
    assert [d.code for d in event.deadlines] == ["first_response", "written_answer"]


def test_each_addressed_administration_owes_an_answer_that_nobody_has_yet() -> None:
    state = given(administrations=["TMF", "SOF", "TMF"]).state
    assert [o.party for o in state.open_obligations] == [TMF, SOF]
    assert all(o.holder is None for o in state.open_obligations)
    assert (state.phase, state.version) == (Phase.RECEIVED, 1)


def test_the_desk_alone_may_receive_what_names_no_administration() -> None:
    state = given(administrations=[], received_by="DESK").state
    assert state.open_obligations == ()


@pytest.mark.parametrize(
    ("changed", "written"),
    [
        ({"medium": "letter"}, True),
        ({"medium": "phone"}, False),
        ({"medium": "phone", "written": True}, True),
        ({"medium": "email", "written": False}, False),
    ],
)
def test_the_medium_says_whether_it_is_written_unless_the_caller_does(
    changed: dict[str, Any], written: bool
) -> None:
    event = received(**changed)
    assert event.written is written
    assert ("written_answer" in {d.code for d in event.deadlines}) is written


def test_working_days_count_from_the_municipalitys_day() -> None:
    assert received(received="2010-02-21T23:30:00Z").received_day == "2010-02-22"


def test_of_a_receipt_known_to_a_period_working_days_count_from_its_last_day() -> None:
    event = received(received="2010-W05")
    assert event.received_day == "2010-02-07"
    assert {d.code: d.due for d in event.deadlines}["written_answer"] == "2010-02-19"


def test_a_deadline_that_came_with_it_stands_beside_the_others() -> None:
    event = received(deadline={"due": "2010-03-01T12:00:00+01:00", "basis": "brevet"})
    assert event.deadlines[-1].code == "given"
    assert (event.deadlines[-1].due, event.deadlines[-1].basis) == (
        "2010-03-01T11:00:00Z",
        "brevet",
    )


def test_a_target_for_an_administration_holds_for_its_units() -> None:
    own = ServiceTargetSet(
        target_id="t",
        code="own",
        name="Eget",
        terms=TargetTerms(clock=Clock.ANSWER, days=3),
        administrations=(TMF,),
        valid_from="2010-01-01",
    )
    for key, holds in (("TMF", True), ("CBD", True), ("SOF", False)):
        event = decided(receiving(administrations=[key]), known(targets=(own,)))[1]
        assert isinstance(event, EnquiryReceived)
        assert ("own" in {d.code for d in event.deadlines}) is holds


def test_all_that_is_wrong_with_a_receipt_is_told_at_once() -> None:
    command = receiving(
        sender="Ingen",
        administrations=["XYZ", "TMF"],
        received_by="Boligen",
        spoke_for=["Ukendt"],
        medium="smoke",
        received="2010-03-01",
        deadline={"due": "2010-03-01T99:00:00Z"},
        participants=[{"role": "chef", "party": "Nix"}],
    )
    Story(None).when(lambda _: decided(command)).refused(
        refused(
            "occurred_in_future",
            ("/received", "occurred_in_future"),
            ("/medium", "unknown_medium"),
            ("/administrations/0", "unknown_party"),
            ("/received_by", "ambiguous_party"),
            ("/sender", "unknown_party"),
            ("/participants/0/party", "unknown_party"),
            ("/spoke_for/0", "unknown_party"),
            ("/deadline/due", "invalid_input"),
        )
    )


def test_what_only_the_enquiry_knows_is_refused_too() -> None:
    wrong = refused("unknown_party", ("/spoke_for/0", "unknown_party"))
    Story(None).when(lambda _: decided(receiving(spoke_for=["Ukendt"]))).refused(wrong)


def test_a_day_no_calendar_reaches_is_refused_and_flagged_in_a_register() -> None:
    old = receiving(received="1849-06-05", deadline={"due": "1849-07-01"})
    wrong = one("occurred_out_of_bounds", "/received")
    Story(None).when(lambda _: decided(old)).refused(wrong)
    logged, event = decided(old, LENIENT)
    assert isinstance(logged, ContactLogged) and logged.flags == ("occurred_out_of_bounds",)
    assert isinstance(event, EnquiryReceived)
    assert [d.code for d in event.deadlines] == ["given"]


def test_a_register_keeps_and_flags_a_receipt_ahead() -> None:
    logged, event = decided(receiving(received="2010-03-01"), LENIENT)
    assert isinstance(logged, ContactLogged) and logged.flags == ("occurred_in_future",)
    assert isinstance(event, EnquiryReceived) and event.received_day == "2010-03-01"


# ── routed by rule ───────────────────────────────────────────────────────────────────────────────


def test_an_automatic_rule_that_matches_routes_at_once_and_is_named() -> None:
    command = receiving(topics=["Anvisning"])
    event = decided(command, known(rules=(rule(),)))[2]
    assert event == routed(
        CBD, TMF, rule_id=rule().rule_id, rule_name="Anvisning til Bydesign", automatic=True
    )


@pytest.mark.parametrize(
    ("changed", "matches"),
    [
        ({"automatic": False}, False),
        ({"match": {"topics": ["tryghed"]}}, False),
        ({"valid_from": "2010-02-24"}, False),
        ({"organisations": (KAB,)}, True),
        ({"organisations": (AAB,)}, False),
    ],
)
def test_a_rule_routes_only_what_it_matches_today(changed: dict[str, Any], matches: bool) -> None:
    own = rule().model_copy(update=changed)
    if "match" in changed:
        own = rule(match=type(rule().match)(topics=("tryghed",)))
    command = receiving(topics=["anvisning"])
    assert len(decided(command, known(rules=(own,)))) == 2 + matches


def test_a_rule_about_an_organisation_covers_what_is_part_of_it() -> None:
    own = rule(organisations=(KAB,))
    command = receiving(sender="AAB", topics=["anvisning"])
    assert len(decided(command, known(rules=(own,)))) == 3


def test_a_register_is_not_routed_by_todays_rules() -> None:
    command = receiving(topics=["anvisning"])
    assert len(decided(command, known(rules=(rule(),), lenient=True))) == 2


# ── any step ─────────────────────────────────────────────────────────────────────────────────────

ANY: dict[type[EnquiryStep], dict[str, Any]] = {
    AcknowledgeEnquiry: {"team": "Almene"},
    TriageEnquiry: {"category": "tenancy"},
    RouteEnquiry: {"to": "TMF"},
    RerouteEnquiry: {"from": "TMF", "to": "SOF", "reason": "r"},
    ReturnEnquiry: {"from": "TMF", "reason": "r"},
    AssignEnquiry: {"assignee": {"role": "sagsbehandler"}},
    RequestInformation: {"question": "Hvilken?"},
    SupplyInformation: {"information": "Den."},
    SendInterimReply: {"new_expected_by": "2010-03-20", "reason": "r"},
    AnswerEnquiry: {"answer_kind": "substantive"},
    WaiveAnswer: {"by": "TMF", "reason": "r"},
    CloseEnquiry: {"waive": "r"},
    ReopenEnquiry: {"reason": "r"},
    SplitEnquiry: {"parts": [{"subject": "a"}, {"subject": "b"}], "reason": "r"},
    MergeEnquiry: {"into": OTHER, "reason": "r"},
}
CLOSED = EnquiryClosed(**head(3), closing=Closing.WITHDRAWN)
SPLIT = EnquirySplit(**head(3), parts=(OTHER,))
MERGED = EnquiryMerged(**head(3), into=OTHER)


def test_every_step_is_tried() -> None:
    assert set(ANY) == set(get_args(EnquiryStep))


@pytest.mark.parametrize("model", ANY, ids=lambda model: model.__name__)
def test_no_step_is_taken_in_what_was_never_received_or_lives_on_elsewhere(
    model: type[EnquiryStep],
) -> None:
    step = that(model, **ANY[model])
    unheard().when(step).refused(Refusal(Unknown, "enquiry_unknown"))
    for facts in (None, LENIENT):
        step = that(model, facts, **ANY[model])
        given(routed(), SPLIT).when(step).refused(refused("enquiry_split"))
        gone = given(routed(), MERGED).when(step)
        gone.refused(refused("enquiry_merged"))
        assert gone.error is not None and gone.error.params == {"into": OTHER}


@pytest.mark.parametrize("model", ANY, ids=lambda model: model.__name__)
def test_a_closed_enquiry_takes_no_step_but_its_reopening(model: type[EnquiryStep]) -> None:
    decided_ = given(routed(), CLOSED).when(that(model, **ANY[model]))
    if model is ReopenEnquiry:
        decided_.then(EnquiryReopened(**head(4, internal="r")))
    else:
        decided_.refused(refused("enquiry_closed"))


@pytest.mark.parametrize("model", ANY, ids=lambda model: model.__name__)
def test_a_register_may_go_on_after_the_closing(model: type[EnquiryStep]) -> None:
    other = given().state
    into = EnquiryState(received=received().model_copy(update={"enquiry_id": OTHER}))
    decided_ = given(routed(), CLOSED).when(that(model, LENIENT, into, **ANY[model]))
    assert decided_.error is None
    state = given(routed(), CLOSED).state
    for event in decided_.events:
        if getattr(event, "enquiry_id", None) == ENQUIRY:
            state = evolve(state, event)  # type: ignore[arg-type]
    assert other.phase is Phase.RECEIVED
    ends: dict[type[EnquiryStep], Phase] = {SplitEnquiry: Phase.SPLIT, MergeEnquiry: Phase.MERGED}
    if model is not ReopenEnquiry:
        assert state.phase is ends.get(model, Phase.CLOSED)


@pytest.mark.parametrize("model", ANY, ids=lambda model: model.__name__)
@pytest.mark.parametrize(
    ("occurred", "code"),
    [
        ("2010-02-24", "occurred_in_future"),
        ("2010-02-23T10:05:01+01:00", "occurred_in_future"),
        ("2010-02-21", "occurred_before_receipt"),
        ("2010-01", "occurred_before_receipt"),
    ],
)
def test_a_step_lies_neither_ahead_nor_before_the_receipt(
    model: type[EnquiryStep], occurred: str, code: str
) -> None:
    start = [routed(), CLOSED] if model is ReopenEnquiry else [routed()]
    decided_ = given(*start).when(that(model, occurred=occurred, **ANY[model]))
    assert isinstance(decided_.error, Refused)
    assert decided_.error.faults[0].code == code
    assert decided_.error.faults[0].pointer == "/occurred"


def test_moments_are_held_against_the_moment_of_the_receipt() -> None:
    story = given(received="2010-02-22T10:00:00+01:00")
    step: dict[str, Any] = {"team": "Almene"}
    early = that(AcknowledgeEnquiry, occurred="2010-02-22T09:59:59+01:00", **step)
    story.when(early).refused(one("occurred_before_receipt", "/occurred"))
    for occurred in ("2010-02-22T10:00:00+01:00", "2010-02-22", "2010-02"):
        assert story.when(that(AcknowledgeEnquiry, occurred=occurred, **step)).error is None
    assert story.when(that(AcknowledgeEnquiry, LENIENT, occurred="2009", **step)).error is None


def test_a_step_without_a_time_takes_place_now_even_if_the_receipts_clock_was_ahead() -> None:
    ahead = (NOW + timedelta(minutes=4)).isoformat()
    story = given(received=ahead)
    story.when(that(AcknowledgeEnquiry, team="Almene")).then(
        EnquiryAcknowledged(**head(), team="Almene")
    )


# ── acknowledged, sorted ─────────────────────────────────────────────────────────────────────────


def test_receipt_is_acknowledged_with_a_name_to_turn_to() -> None:
    step = that(AcknowledgeEnquiry, handler="Prøve", team="Almene", expected_by="2010-03-05")
    event = EnquiryAcknowledged(**head(handler="Prøve"), team="Almene", expected_by="2010-03-05")
    given().when(step).then(event)
    given(event).when(step).refused(refused("nothing_changed"))
    assert given(event).when(that(AcknowledgeEnquiry, handler="En anden")).error is None
    state = given(event).state
    assert (state.phase, state.expected_by) == (Phase.ACKNOWLEDGED, "2010-03-05")
    assert state.first_response == at("2010-02-23T09:00:00Z")


def test_a_register_may_acknowledge_the_same_twice_and_promise_a_day_gone() -> None:
    event = EnquiryAcknowledged(**head(), team="Almene")
    assert given(event).when(that(AcknowledgeEnquiry, LENIENT, team="Almene")).error is None
    late = that(AcknowledgeEnquiry, LENIENT, team="Almene", expected_by="2010-01-01")
    assert given().when(late).error is None


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (AcknowledgeEnquiry, "expected_by"),
        (RequestInformation, "due"),
        (SendInterimReply, "new_expected_by"),
    ],
)
def test_no_day_is_promised_that_is_gone(model: type[EnquiryStep], name: str) -> None:
    step = that(model, **ANY[model] | {name: "2010-02-22"})
    given().when(step).refused(one("day_passed", f"/{name}"))
    assert given().when(that(model, **ANY[model] | {name: "2010-02-23"})).error is None


def test_an_enquiry_is_sorted_and_what_is_left_out_stays() -> None:
    step = that(TriageEnquiry, category="tenancy", priority="high", note="haster")
    event = EnquiryTriaged(**head(internal="haster"), category="tenancy", priority=Priority.HIGH)
    given().when(step).then(event)
    later = EnquiryTriaged(**head(3), topics=("tryghed",), kle=(), duplicate_of=OTHER)
    state = given(event, later).state
    assert (state.category, state.priority, state.phase) == ("tenancy", "high", Phase.TRIAGED)
    assert (state.topics, state.duplicate_of) == (("tryghed",), OTHER)


def test_sorting_that_says_nothing_new_is_refused_but_a_note_may_be_added() -> None:
    event = EnquiryTriaged(**head(), category="tenancy")
    nothing: list[dict[str, Any]] = [
        {},
        {"category": "tenancy"},
        {"kind": "general"},
        {"topics": []},
    ]
    for fields in nothing:
        given(event).when(that(TriageEnquiry, **fields)).refused(refused("nothing_changed"))
    given(event).when(that(TriageEnquiry, LENIENT)).then(EnquiryTriaged(**head(3)))
    given(event).when(that(TriageEnquiry, note="set")).then(
        EnquiryTriaged(**head(3, internal="set"))
    )


def test_an_enquiry_is_no_duplicate_of_itself() -> None:
    step = that(TriageEnquiry, duplicate_of=ENQUIRY)
    given().when(step).refused(one("invalid_input", "/duplicate_of"))


def test_another_kind_counts_the_deadlines_anew_from_the_same_day() -> None:
    story = given(received="2010-02-15", deadline={"due": "2010-04-01"})
    (event,) = story.when(that(TriageEnquiry, kind="access_request")).events
    assert isinstance(event, EnquiryTriaged) and event.deadlines is not None
    found = {d.code: d.due for d in event.deadlines}
    assert found["access_request"] == "2010-02-24"
    assert list(found)[-1] == "given"
    back = Story(evolve(story.state, event)).when(that(TriageEnquiry, kind="general"))
    assert isinstance(back.events[0], EnquiryTriaged)
    assert back.events[0].deadlines == story.state.deadlines


def test_a_target_changed_since_the_receipt_changes_no_promise_when_it_is_sorted() -> None:
    tight = ServiceTargetSet(
        target_id="t",
        code="written_answer",
        name="Strammere",
        terms=TargetTerms(clock=Clock.ANSWER, days=1),
        valid_from="2010-01-01",
    )
    step = that(TriageEnquiry, known(targets=(tight,)), kind="access_request", topics=["x", "x"])
    (event,) = given().when(step).events
    assert isinstance(event, EnquiryTriaged) and event.deadlines is not None
    assert event.topics == ("x",)
    assert {d.code: d.due for d in event.deadlines}["written_answer"] == "2010-03-08"


def test_sorting_what_no_calendar_reaches_keeps_its_deadlines() -> None:
    old = decided(receiving(received="1849-06-05"), LENIENT)[1]
    assert isinstance(old, EnquiryReceived)
    story = Story(evolve(EnquiryState(), old))
    (event,) = story.when(that(TriageEnquiry, kind="access_request")).events
    assert isinstance(event, EnquiryTriaged) and event.deadlines is None


# ── questions and interim replies ────────────────────────────────────────────────────────────────


def test_the_sender_is_asked_and_answers() -> None:
    asked = InformationRequested(**head(told="Hvilken?"), due="2010-03-01")
    given().when(that(RequestInformation, question="Hvilken?", due="2010-03-01")).then(asked)
    assert given(asked).state.phase is Phase.AWAITING_SENDER
    gave = InformationSupplied(**head(3, told="Den."))
    given(asked).when(that(SupplyInformation, information="Den.")).then(gave)
    state = given(asked, gave).state
    assert (state.phase, state.awaiting) == (Phase.IN_PROGRESS, False)
    assert state.pauses == ((asked.occurred, gave.occurred),)


def test_an_interim_reply_tells_another_expectation_and_moves_no_deadline() -> None:
    step = that(SendInterimReply, new_expected_by="2010-03-20", reason="Ferie")
    event = InterimReplySent(**head(told="Ferie"), new_expected_by="2010-03-20")
    given().when(step).then(event)
    assert given(event).state.expected_by == "2010-03-20"
    assert given(event).state.deadlines == given().state.deadlines


def test_a_receipt_needs_somebody_here_and_a_receipts_answer_a_name() -> None:
    with pytest.raises(ValidationError, match="administrations addressed"):
        receiving(administrations=[])
    with pytest.raises(ValidationError, match="handler or the team"):
        AcknowledgeEnquiry()
