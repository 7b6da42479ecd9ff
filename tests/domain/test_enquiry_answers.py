"""Who owes an answer in an enquiry, who gives it, and how the enquiry ends."""

from typing import Any

import pytest

from domain import enquiries
from domain.enquiries import (
    AnswerEnquiry,
    AnswerKind,
    AssignEnquiry,
    CloseEnquiry,
    Closing,
    EnquiryAcknowledged,
    EnquiryAnswered,
    EnquiryAssigned,
    EnquiryClosed,
    EnquiryEvent,
    EnquiryMerged,
    EnquiryReceived,
    EnquiryReopened,
    EnquiryRerouted,
    EnquiryReturned,
    EnquirySplit,
    EnquiryState,
    EnquiryText,
    EnquiryTriaged,
    MergeEnquiry,
    Owed,
    Phase,
    ReopenEnquiry,
    RerouteEnquiry,
    ReturnEnquiry,
    RouteEnquiry,
    SplitEnquiry,
    WaiveAnswer,
    evolve,
    keys_named,
)
from domain.persons import Participant
from domain.values import PartyRef
from tests.domain.enquiring import (
    CBD,
    DESK,
    DESK_ONLY,
    ENQUIRY,
    LENIENT,
    OTHER,
    PART,
    TWO,
    answered,
    closed,
    given,
    head,
    one,
    received,
    receiving,
    refused,
    routed,
    that,
    waived,
)
from tests.domain.samples import CONTACT, KAB, SOF, TMF

# ── answers ──────────────────────────────────────────────────────────────────────────────────────


def test_who_has_it_answers_for_whom_it_was_sent() -> None:
    fields = {"answer_kind": "substantive", "answer": "Ja", "document": "2010-140582"}
    event = answered(CBD, version=3, told="Ja").model_copy(update={"document": "2010-140582"})
    for by in ({}, {"by": "CBD"}):
        given(routed(CBD, TMF)).when(that(AnswerEnquiry, **fields | by)).then(event)
    assert given(routed(CBD, TMF), event).state.phase is Phase.ANSWERED


@pytest.mark.parametrize(
    ("changed", "by", "expected"),
    [
        ({}, None, (TMF, TMF)),
        ({"received_by": "DESK"}, None, (DESK, TMF)),
        ({"received_by": "DESK"}, "DESK", (DESK, TMF)),
        ({}, "TMF", (TMF, TMF)),
        ({}, "CBD", (CBD, TMF)),
        (DESK_ONLY, None, (DESK, DESK)),
        (DESK_ONLY, "DESK", (DESK, DESK)),
        (TWO, "SOF", (SOF, SOF)),
    ],
)
def test_an_answer_may_come_before_any_routing(
    changed: dict[str, Any], by: str | None, expected: tuple[PartyRef, PartyRef]
) -> None:
    fields = {"by": by} if by else {}
    step = that(AnswerEnquiry, answer_kind="substantive", **fields)
    given(**changed).when(step).then(answered(*expected))


def test_each_of_several_answers_for_itself() -> None:
    story = given(answered(), **TWO)
    assert story.state.phase is Phase.IN_PROGRESS
    story.when(that(AnswerEnquiry, answer_kind="referral")).then(
        answered(SOF, SOF, 3, AnswerKind.REFERRAL)
    )
    done = given(answered(), answered(SOF, SOF, 3), **TWO).state
    assert (done.phase, done.open_obligations) == (Phase.ANSWERED, ())


def test_it_must_be_clear_who_answers_when_several_owe_it() -> None:
    unclear = one("answerer_unclear", "/by")
    given(**TWO).when(that(AnswerEnquiry, answer_kind="refusal")).refused(unclear)
    desk = that(AnswerEnquiry, answer_kind="refusal", by="DESK")
    given(received_by="DESK", **TWO).when(desk).refused(unclear)
    given(routed(), received_by="DESK").when(desk).refused(unclear)


def test_who_owes_nothing_does_not_answer_except_in_a_register() -> None:
    step: dict[str, Any] = {"answer_kind": "substantive", "by": "SOF"}
    given().when(that(AnswerEnquiry, **step)).refused(one("nothing_owed", "/by"))
    given().when(that(AnswerEnquiry, LENIENT, **step)).then(answered(SOF, TMF))
    story = given(answered(), administrations=["TMF"])
    story.when(that(AnswerEnquiry, LENIENT, **step)).then(answered(SOF, SOF, 3))
    unknown = that(AnswerEnquiry, answer_kind="refusal", by="XYZ")
    given().when(unknown).refused(one("unknown_party", "/by"))


def test_a_further_answer_must_be_of_another_kind_except_in_a_register() -> None:
    story = given(answered(kind=AnswerKind.REFERRAL))
    again = {"answer_kind": "referral", "by": "TMF"}
    story.when(that(AnswerEnquiry, **again)).refused(one("nothing_owed", "/by"))
    assert story.when(that(AnswerEnquiry, LENIENT, **again)).error is None
    story.when(that(AnswerEnquiry, answer_kind="substantive", by="TMF")).then(answered(version=3))
    story.when(that(AnswerEnquiry, answer_kind="substantive")).then(answered(version=3))
    late = given(answered(kind=AnswerKind.REFERRAL), received_by="DESK")
    late.when(that(AnswerEnquiry, answer_kind="substantive", by="DESK")).then(
        answered(DESK, DESK, 3)
    )


def test_the_first_substantive_answer_is_remembered_by_its_time() -> None:
    early = EnquiryAnswered(
        **head(3, "2010-02-22"), obligation=SOF, by=SOF, answer_kind=AnswerKind.SUBSTANTIVE
    )
    state = given(answered(), early, **TWO).state
    assert state.first_substantive == early.occurred == state.first_response
    referred = given(answered(kind=AnswerKind.REFERRAL)).state
    assert referred.first_substantive is None


def test_an_answer_may_be_waived_with_a_reason() -> None:
    given().when(that(WaiveAnswer, by="TMF", reason="r")).then(waived())
    given(routed(CBD, TMF)).when(that(WaiveAnswer, by="CBD", reason="r")).then(waived(version=3))
    nothing = one("nothing_owed", "/by")
    given().when(that(WaiveAnswer, by="SOF", reason="r")).refused(nothing)
    given(waived()).when(that(WaiveAnswer, by="TMF", reason="r")).refused(nothing)
    given().when(that(WaiveAnswer, LENIENT, by="SOF", reason="r")).then(waived(SOF))
    unknown = one("unknown_party", "/by")
    given().when(that(WaiveAnswer, by="XYZ", reason="r")).refused(unknown)


# ── closing and reopening ────────────────────────────────────────────────────────────────────────


def test_nothing_is_closed_while_an_answer_is_owed() -> None:
    owed = refused("answer_owed", ("/waive", "answer_owed"), ("/waive", "answer_owed"))
    decided = given(**TWO).when(that(CloseEnquiry))
    decided.refused(owed)
    told = [fault.params["by"] for fault in getattr(decided.error, "faults", ())]
    assert told == [TMF.name, SOF.name]
    given(answered(), **TWO).when(that(CloseEnquiry)).refused(one("answer_owed", "/waive"))


def test_it_is_closed_when_all_have_answered_or_were_let_off() -> None:
    story = given(answered(), waived(SOF, 3), **TWO)
    step = that(CloseEnquiry, reason="færdig", satisfaction=4)
    event = EnquiryClosed(**head(4, internal="færdig"), closing=Closing.ANSWERED, satisfaction=4)
    story.when(step).then(event)
    assert given(answered(), waived(SOF, 3), event, **TWO).state.phase is Phase.CLOSED


def test_closing_may_waive_all_that_is_owed_and_records_each_waiver() -> None:
    step = that(CloseEnquiry, closing="withdrawn", waive="trukket")
    given(answered(), administrations=["TMF", "SOF", "CBD"]).when(step).then(
        waived(SOF, 3, "trukket"),
        waived(CBD, 4, "trukket"),
        closed(5, closing=Closing.WITHDRAWN),
    )
    given(answered()).when(step).then(closed(3, closing=Closing.WITHDRAWN))


def test_a_register_closes_without_answers_and_nothing_is_invented() -> None:
    given().when(that(CloseEnquiry, LENIENT)).then(closed())
    assert [o.state for o in given(closed()).state.obligations.values()] == [Owed.OPEN]


def test_reopening_makes_every_answer_owed_again_but_not_what_was_waived() -> None:
    before: list[EnquiryEvent] = [routed(), answered(version=3), waived(SOF, 4), closed(5)]
    step = that(ReopenEnquiry, reason="r")
    event = EnquiryReopened(**head(6, internal="r"))
    given(*before, **TWO).when(step).then(event)
    state = given(*before, event, **TWO).state
    assert {o.party.name: o.state for o in state.obligations.values()} == {
        TMF.name: Owed.OPEN,
        SOF.name: Owed.WAIVED,
    }
    assert (state.reopened, state.deadlines) == (True, given(**TWO).state.deadlines)
    assert state.phase is Phase.IN_PROGRESS
    given().when(step).refused(refused("enquiry_not_closed"))


def test_a_register_may_reopen_what_it_never_closed() -> None:
    event = EnquiryReopened(**head(3, internal="r"))
    given(answered()).when(that(ReopenEnquiry, LENIENT, reason="r")).then(event)
    state = given(answered(), event).state
    assert (state.reopened, len(state.open_obligations)) == (True, 1)


# ── split and merged ─────────────────────────────────────────────────────────────────────────────


def test_the_parts_of_an_enquiry_begin_where_it_was_received() -> None:
    parts = [
        {"subject": "Et", "facts": "Første", "administrations": ["SOF"], "topics": ["tryghed"]},
        {"id": OTHER, "subject": "To", "kle": ["09"]},
    ]
    sorted_ = EnquiryTriaged(**head(), topics=("anvisning",))
    decided = given(sorted_, kle=["03"]).when(that(SplitEnquiry, parts=parts, reason="r"))
    first = PART.format(5)
    whole = received(kle=["03"])
    common = {"split_from": ENQUIRY, "source": None}
    decided.then(
        EnquirySplit(**head(3, internal="r"), parts=(first, OTHER)),
        whole.model_copy(
            update=common
            | {
                "enquiry_id": first,
                "addressed": (SOF,),
                "text": EnquiryText(subject="Et", facts="Første"),
                "topics": ("tryghed",),
            }
        ),
        whole.model_copy(
            update=common
            | {
                "enquiry_id": OTHER,
                "text": EnquiryText(subject="To"),
                "topics": ("anvisning",),
                "kle": ("09",),
            }
        ),
    )


def test_a_first_response_to_the_whole_is_not_owed_again_in_its_parts() -> None:
    done = EnquiryAcknowledged(**head(), team="Almene")
    step = that(SplitEnquiry, parts=[{"subject": "a"}, {"subject": "b"}], reason="r")
    for part in given(done).when(step).events[1:]:
        assert isinstance(part, EnquiryReceived)
        assert [d.code for d in part.deadlines] == ["written_answer"]


def test_all_that_is_wrong_with_a_split_is_told_at_once() -> None:
    parts = [
        {"id": ENQUIRY, "subject": "a", "administrations": ["TMF", "XYZ"]},
        {"id": OTHER, "subject": "b"},
        {"id": OTHER, "subject": "c", "administrations": ["Boligen"]},
    ]
    given().when(that(SplitEnquiry, parts=parts, reason="r")).refused(
        refused(
            "duplicate_entry",
            ("/parts/0/id", "duplicate_entry"),
            ("/parts/2/id", "duplicate_entry"),
            ("/parts/0/administrations/1", "unknown_party"),
            ("/parts/2/administrations/0", "ambiguous_party"),
        )
    )


def other_enquiry(*events: EnquiryEvent) -> EnquiryState:
    state = evolve(EnquiryState(), received().model_copy(update={"enquiry_id": OTHER}))
    for event in events:
        state = evolve(state, event)
    return state


def test_an_enquiry_is_merged_into_another_that_is_open() -> None:
    event = EnquiryMerged(**head(internal="r"), into=OTHER)
    step = that(MergeEnquiry, None, other_enquiry(), into=OTHER, reason="r")
    given().when(step).then(event)
    state = given(event).state
    assert (state.phase, state.merged_into) == (Phase.MERGED, OTHER)


@pytest.mark.parametrize(
    ("other", "code"),
    [
        (None, "merge_target_unknown"),
        (EnquiryState(), "merge_target_unknown"),
        (other_enquiry(closed()), "enquiry_closed"),
        (other_enquiry(EnquirySplit(**head(), parts=(ENQUIRY,))), "enquiry_split"),
        (other_enquiry(EnquiryMerged(**head(), into=ENQUIRY)), "enquiry_merged"),
    ],
)
def test_what_it_is_merged_into_must_be_there_and_open(
    other: EnquiryState | None, code: str
) -> None:
    step = that(MergeEnquiry, None, other, into=OTHER, reason="r")
    given().when(step).refused(one(code, "/into"))
    register = given().when(that(MergeEnquiry, LENIENT, other, into=OTHER, reason="r"))
    assert (register.error is None) is (code == "enquiry_closed")


def test_an_enquiry_is_not_merged_with_itself_nor_with_another_than_was_named() -> None:
    itself = that(MergeEnquiry, None, given().state, into=ENQUIRY, reason="r")
    given().when(itself).refused(one("merge_with_itself", "/into"))
    mistaken = that(MergeEnquiry, None, other_enquiry(), into=PART.format("f"), reason="r")
    given().when(mistaken).refused(one("merge_target_unknown", "/into"))


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_every_key_a_command_names_is_looked_up_once() -> None:
    people = [{"name": "P", "party": "a", "spoke_for": ["b"]}, {"role": "r"}]
    command = receiving(
        spoke_for=["AAB", "KAB"], received_by="DESK", participants=people, administrations=["TMF"]
    )
    assert keys_named(command) == ["KAB", "AAB", "TMF", "DESK", "a", "b"]
    assert keys_named(receiving()) == ["KAB", "TMF"]
    kinds: list[tuple[Any, dict[str, Any], list[str]]] = [
        (RouteEnquiry, {"to": "a", "for": "b"}, ["a", "b"]),
        (RouteEnquiry, {"to": "a"}, ["a"]),
        (RerouteEnquiry, {"from": "a", "to": "b", "reason": "r"}, ["a", "b"]),
        (ReturnEnquiry, {"from": "a", "reason": "r"}, ["a"]),
        (AssignEnquiry, {"unit": "a", "assignee": people[0]}, ["a", "b"]),
        (AssignEnquiry, {"assignee": people[1]}, []),
        (AnswerEnquiry, {"answer_kind": "refusal", "by": "a"}, ["a"]),
        (AnswerEnquiry, {"answer_kind": "refusal"}, []),
        (WaiveAnswer, {"by": "a", "reason": "r"}, ["a"]),
        (CloseEnquiry, {}, []),
        (
            SplitEnquiry,
            {
                "parts": [
                    {"subject": "x", "administrations": ["a", "b"]},
                    {"subject": "y", "administrations": ["a"]},
                ],
                "reason": "r",
            },
            ["a", "b"],
        ),
    ]
    for model, fields, expected in kinds:
        assert keys_named(model.model_validate(fields, strict=False)) == expected


P = f"p-{'01' * 16}"


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────


def test_every_step_is_found_by_the_enquiry_and_by_whom_it_names() -> None:
    person = Participant(person=P)
    own, tmf, cbd = f"enquiry:{ENQUIRY}", f"party:{TMF.id}", f"party:{CBD.id}"
    steps: list[tuple[EnquiryEvent, list[str]]] = [
        (routed(CBD, TMF), [tmf, cbd]),
        (EnquiryRerouted(**head(), obligation=TMF, from_unit=CBD, to=TMF), [tmf, cbd]),
        (EnquiryReturned(**head(), obligation=TMF, from_unit=CBD), [tmf, cbd]),
        (
            EnquiryAssigned(**head(), unit=CBD, assignees=(person,)),
            [cbd, f"person:{person.person}"],
        ),
        (EnquiryAssigned(**head(), assignees=()), []),
        (answered(CBD), [tmf, cbd]),
        (waived(), [tmf]),
        (closed(), []),
        (EnquirySplit(**head(), parts=(OTHER,)), [f"split_into:{OTHER}"]),
        (EnquiryMerged(**head(), into=OTHER), [f"merged_into:{OTHER}"]),
    ]
    for event, tags in steps:
        assert enquiries.tags_of(event) == [own, *tags]
    here = [own, f"party:{KAB.id}", tmf, f"party:{DESK.id}", f"came_with:{CONTACT}", "case:1"]
    assert enquiries.tags_of(received(received_by="DESK", case_numbers=["1"])) == here
    assert f"party:{DESK.id}" not in enquiries.tags_of(received())
