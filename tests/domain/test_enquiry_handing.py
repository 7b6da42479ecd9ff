"""Who has an enquiry (fordeling): sent, sent on, given back, and given to a person."""

from typing import Any

import pytest

from domain.enquiries import (
    AssignEnquiry,
    EnquiryAssigned,
    EnquiryReopened,
    EnquiryRerouted,
    EnquiryReturned,
    EnquiryState,
    Phase,
    RerouteEnquiry,
    ReturnEnquiry,
    RouteEnquiry,
)
from domain.persons import Participant, PersonDetails, recognised_by
from tests.domain.enquiring import (
    CBD,
    DESK,
    DESK_ONLY,
    LENIENT,
    OTHER,
    TWO,
    answered,
    closed,
    given,
    head,
    known,
    one,
    refused,
    routed,
    rule,
    that,
    waived,
)
from tests.domain.samples import SOF, TMF, pseudonym
from tests.domain.scenario import Story


def holders(story: Story[EnquiryState]) -> dict[str, str | None]:
    owing = story.state.open_obligations
    return {o.party.name: o.holder.name if o.holder else None for o in owing}


# ── who has it ───────────────────────────────────────────────────────────────────────────────────


def test_it_is_sent_to_a_unit_that_answers_for_the_administration_it_belongs_to() -> None:
    step = that(RouteEnquiry, to="CBD", reason="Deres område")
    event = routed(CBD, TMF).model_copy(update={"text": head(internal="Deres område")["text"]})
    given(**TWO).when(step).then(event)
    assert holders(given(event, **TWO)) == {TMF.name: CBD.name, SOF.name: None}
    assert given(event, **TWO).state.phase is Phase.ROUTED


def test_who_was_not_addressed_owes_an_answer_of_its_own() -> None:
    given().when(that(RouteEnquiry, to="SOF")).then(routed(SOF, SOF))
    assert holders(given(routed(SOF, SOF))) == {TMF.name: None, SOF.name: SOF.name}


def test_a_unit_may_answer_for_an_administration_it_does_not_belong_to() -> None:
    given(**TWO).when(that(RouteEnquiry, to="CBD", **{"for": "SOF"})).then(routed(CBD, SOF))
    step: dict[str, Any] = {"to": "CBD", "for": "DESK"}
    given(**TWO).when(that(RouteEnquiry, **step)).refused(one("nothing_owed", "/for"))
    given(**TWO).when(that(RouteEnquiry, LENIENT, **step)).then(routed(CBD, DESK))


@pytest.mark.parametrize("to", ["TMF", "CBD", "SOF", "DESK"])
def test_two_desks_cannot_both_send_it(to: str) -> None:
    story = given(**TWO)
    first = story.when(that(RouteEnquiry, to="TMF"))
    assert first.events == story.when(that(RouteEnquiry, to="TMF")).events
    first.then(routed())
    after = given(routed(), **TWO)
    after.when(that(RouteEnquiry, to=to)).refused(one("already_routed", "/to"))
    assert after.when(that(RouteEnquiry, LENIENT, to=to)).error is None


def test_one_more_may_be_asked_to_answer() -> None:
    after = given(routed(CBD, TMF), **TWO)
    after.when(that(RouteEnquiry, to="SOF", additional=True)).then(routed(SOF, SOF, 3))
    after.when(that(RouteEnquiry, to="DESK", additional=True)).then(routed(DESK, DESK, 3))
    for fields in ({"to": "TMF", "for": "TMF"}, {"to": "SOF", "for": "TMF"}, {"to": "CBD"}):
        step = that(RouteEnquiry, additional=True, **fields)
        after.when(step).refused(one("already_routed", "/to"))
    after.when(that(RouteEnquiry, additional=True, to="CBD", **{"for": "SOF"})).then(
        routed(CBD, SOF, 3)
    )


def test_what_was_settled_is_owed_again_when_it_is_sent_out_on_purpose() -> None:
    after = given(waived(), closed(3), EnquiryReopened(**head(4)))
    after.when(that(RouteEnquiry, to="TMF")).then(routed(version=5))
    assert holders(given(waived(), routed(version=3))) == {TMF.name: TMF.name}
    again = given(routed(), answered(version=3)).when(that(RouteEnquiry, to="TMF"))
    again.refused(one("already_routed", "/to"))
    more = given(routed(), answered(version=3)).when(that(RouteEnquiry, to="TMF", additional=True))
    more.then(routed(version=4))


def test_after_it_was_given_back_it_may_be_sent_again() -> None:
    back = EnquiryReturned(**head(3), obligation=TMF, from_unit=TMF)
    given(routed(), back).when(that(RouteEnquiry, to="SOF")).then(routed(SOF, SOF, 4))


def test_a_routing_names_a_rule_that_leads_there() -> None:
    facts = known(rules=(rule(),))
    named: dict[str, Any] = {"rule_id": rule().rule_id, "rule_name": rule().name}
    step = that(RouteEnquiry, facts, to="CBD", rule_id=rule().rule_id)
    given().when(step).then(routed(CBD, TMF, **named))
    for fields in ({"to": "SOF", "rule_id": rule().rule_id}, {"to": "CBD", "rule_id": OTHER}):
        wrong = that(RouteEnquiry, facts, **fields)
        given().when(wrong).refused(one("rule_not_followed", "/rule_id"))


def test_all_that_is_wrong_with_a_routing_is_told_at_once() -> None:
    step = that(RouteEnquiry, to="XYZ", rule_id=OTHER, occurred="2011", **{"for": "Boligen"})
    given(routed()).when(step).refused(
        refused(
            "occurred_in_future",
            ("/occurred", "occurred_in_future"),
            ("/to", "unknown_party"),
            ("/for", "ambiguous_party"),
            ("/rule_id", "rule_not_followed"),
            ("/to", "already_routed"),
        )
    )


def test_it_is_sent_on_from_one_unit_to_another() -> None:
    event = EnquiryRerouted(**head(3, internal="r"), obligation=TMF, from_unit=CBD, to=SOF)
    step = that(RerouteEnquiry, to="SOF", reason="r", **{"from": "CBD"})
    given(routed(CBD, TMF)).when(step).then(event)
    assert holders(given(routed(CBD, TMF), event)) == {TMF.name: SOF.name}


def test_it_is_given_back_to_the_desk() -> None:
    event = EnquiryReturned(**head(3, internal="r"), obligation=TMF, from_unit=CBD)
    given(routed(CBD, TMF)).when(that(ReturnEnquiry, reason="r", **{"from": "CBD"})).then(event)
    story = given(routed(CBD, TMF), event)
    assert (holders(story), story.state.phase) == ({TMF.name: None}, Phase.RECEIVED)


def test_a_unit_hands_on_all_that_lies_with_it() -> None:
    both = [routed(CBD, TMF), routed(CBD, SOF, 3)]
    step = that(ReturnEnquiry, reason="r", **{"from": "CBD"})
    decided = given(*both, **TWO).when(step)
    decided.then(
        EnquiryReturned(**head(4, internal="r"), obligation=TMF, from_unit=CBD),
        EnquiryReturned(**head(5, internal="r"), obligation=SOF, from_unit=CBD),
    )


@pytest.mark.parametrize(
    ("model", "fields"),
    [(RerouteEnquiry, {"to": "SOF"}), (ReturnEnquiry, {})],
)
def test_only_who_has_it_can_hand_it_on_except_in_a_register(
    model: type[RerouteEnquiry] | type[ReturnEnquiry], fields: dict[str, Any]
) -> None:
    step: dict[str, Any] = {"reason": "r", "from": "TMF"} | fields
    given(routed(CBD, TMF)).when(that(model, **step)).refused(one("not_routed_there", "/from"))
    given(routed(), answered(version=3)).when(that(model, **step)).refused(
        one("not_routed_there", "/from")
    )
    (event,) = given().when(that(model, LENIENT, **step)).events
    assert isinstance(event, EnquiryRerouted | EnquiryReturned)
    assert (event.obligation, event.from_unit) == (TMF, TMF)
    unknown = step | {"from": "XYZ"}
    for facts in (None, LENIENT):
        given(routed()).when(that(model, facts, **unknown)).refused(one("unknown_party", "/from"))


def test_it_is_not_sent_on_to_where_it_is() -> None:
    step = that(RerouteEnquiry, to="CBD", reason="r", **{"from": "CBD"})
    given(routed(CBD, TMF)).when(step).refused(one("nothing_changed", "/to"))
    register = that(RerouteEnquiry, LENIENT, to="CBD", reason="r", **{"from": "CBD"})
    assert given(routed(CBD, TMF)).when(register).error is None


# ── who works on it ──────────────────────────────────────────────────────────────────────────────


def test_it_is_given_to_a_person_in_the_unit_that_has_it() -> None:
    person = {"name": "Prøve", "role": "sagsbehandler", "party": "CBD", "spoke_for": ["TMF"]}
    given_to = Participant(
        person=pseudonym(recognised_by("Prøve", CBD.id)),
        details=PersonDetails(name="Prøve"),
        role="sagsbehandler",
        party=CBD,
        spoke_for=(TMF,),
    )
    step = that(AssignEnquiry, unit="CBD", assignee=person)
    event = EnquiryAssigned(**head(3), unit=CBD, assignees=(given_to,))
    for has_it in (CBD, TMF):
        story = given(routed(has_it, TMF))
        story.when(step).then(event)
    given(routed(CBD, TMF), event).when(step).refused(refused("nothing_changed"))
    register = that(AssignEnquiry, LENIENT, unit="CBD", assignee=person)
    assert given(routed(CBD, TMF), event).when(register).error is None
    assert given(routed(CBD, TMF), event).state.phase is Phase.IN_PROGRESS


def test_a_person_is_assigned_where_the_enquiry_is_except_in_a_register() -> None:
    step: dict[str, Any] = {"unit": "SOF", "assignee": {"role": "leder"}}
    given(routed()).when(that(AssignEnquiry, **step)).refused(one("not_routed_there", "/unit"))
    assert given(routed()).when(that(AssignEnquiry, LENIENT, **step)).error is None
    desk = given(**DESK_ONLY).when(that(AssignEnquiry, **step | {"unit": "DESK"}))
    assert desk.error is None
    wrong: dict[str, Any] = {"unit": "XYZ", "assignee": {"role": "leder", "party": "Boligen"}}
    given().when(that(AssignEnquiry, **wrong)).refused(
        refused("unknown_party", ("/unit", "unknown_party"), ("/assignee/party", "ambiguous_party"))
    )


def test_the_desk_may_begin_before_anybody_has_it_and_a_hand_over_begins_anew() -> None:
    nobodys = EnquiryAssigned(**head(), unit=None, assignees=(Participant(role="leder"),))
    assert given(nobodys).state.phase is Phase.IN_PROGRESS
    assert given(nobodys, routed(version=3)).state.phase is Phase.ROUTED
    elsewhere = EnquiryAssigned(**head(), unit=SOF, assignees=(Participant(role="leder"),))
    assert given(elsewhere, routed(version=3)).state.phase is Phase.ROUTED
    assert given(elsewhere, **DESK_ONLY).state.phase is Phase.IN_PROGRESS
