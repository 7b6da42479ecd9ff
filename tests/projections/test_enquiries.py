"""The view of enquiries: events in, rows out; time travel, deadlines, and what one may not see."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import Role
from domain.enquiries import EnquiryOverdue
from domain.errors import Broken, Refused
from domain.service_targets import Clock
from projections import enquiries, enquiry_body
from projections.enquiries import EnquiryQuery
from projections.enquiries_counted import counted
from projections.enquiries_rows import VIEW
from projections.runner import Runner, digest
from projections.storage import ViewStore, open_views
from tests.projections.desk import SOON, ZONE, Desk, V, ids, item, judged, listed, steps
from tests.projections.memory import EVERYTHING, Story, seeing

Follow = Callable[..., Runner]
KAB = seeing(Role.ORGANISATION, "party:id-KAB")
AAB = seeing(Role.ORGANISATION, "party:id-AAB")


def whole_life(desk: Desk) -> str:
    """An enquiry that goes through every hand."""
    enquiry = desk.receive(
        facts="Hvornår fornyes aftalen?", spoke_for=["AKB"], topics=["anvisning"], kle=["03.10.24"]
    )
    desk.take(enquiry, "AcknowledgeEnquiry", handler="Bo Hansen", team="Boligteam")
    desk.take(
        enquiry,
        "TriageEnquiry",
        category="letting",
        priority="high",
        note="Haster, sagt i fortrolighed",
    )
    desk.take(enquiry, "RouteEnquiry", to="TMF", reason="Hører til her")
    desk.take(enquiry, "RerouteEnquiry", **{"from": "TMF", "to": "CBD", "reason": "Egen enhed"})
    desk.take(enquiry, "AssignEnquiry", assignee={"name": "Ida Lund", "role": "sagsbehandler"})
    desk.take(enquiry, "RequestInformation", question="Hvilke afdelinger?")
    desk.take(enquiry, "SupplyInformation", information="Begge")
    desk.take(enquiry, "SendInterimReply", new_expected_by="2010-03-20", reason="Vi regner")
    desk.take(enquiry, "AnswerEnquiry", answer_kind="substantive", answer="I maj")
    return enquiry


def test_an_enquiry_is_shown_as_its_steps_made_it(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    enquiry = whole_life(desk)
    follow(store, [VIEW])
    found = item(store, enquiry)
    state = desk.states[enquiry]
    assert (found["phase"], found["version"]) == (state.phase, state.version) == ("answered", 10)
    assert (found["sender"]["name"], found["team"]) == ("KAB", "Boligteam")
    assert (found["handler"], found["priority"]) == ("Bo Hansen", "high")
    assert found["expected_by"] == "2010-03-20"
    (owed,) = found["obligations"]
    assert (owed["party"]["name"], owed["holder"]["name"]) == ("TMF", "CBD")
    assert (owed["state"], owed["answer_kind"]) == ("answered", "substantive")
    assert owed["answered_on"] == "2010-02-23"
    assert [(d["code"], d["state"]) for d in found["deadlines"]] == [
        ("first_response", "met"),
        ("written_answer", "met"),
    ]


def test_the_answer_to_a_command_is_what_the_view_shows(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    enquiry = whole_life(desk)
    follow(store, [VIEW])
    facts = [f for f in desk.story.facts() if f.data.get("enquiry_id") == enquiry]
    for sight in (EVERYTHING, KAB, seeing(Role.CASE_OFFICER)):
        body = enquiry_body.shown(facts, sight, SOON, ZONE)
        assert orjson.loads(body) == item(store, enquiry, sight=sight)


def test_every_step_is_told_with_who_did_it_and_a_summary(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    enquiry = whole_life(desk)
    desk.tell(
        EnquiryOverdue(
            enquiry_id=enquiry, version=11, code="written_answer", clock=Clock.ANSWER,
            due="2010-03-08",
        )
    )  # fmt: skip
    follow(store, [VIEW])
    told = steps(store, enquiry)
    assert [step["version"] for step in told] == list(range(1, 12))
    assert [step["summary_da"] for step in told] == [
        "Henvendelse modtaget fra KAB",
        "Kvitteret; Boligteam har sagen",
        "Visiteret",
        "Fordelt til TMF",
        "Omfordelt fra TMF til CBD",
        "Sagsbehandler tildelt i CBD" if told[5]["unit"] else "Sagsbehandler tildelt",
        "Oplysninger udbedt",
        "Oplysninger modtaget",
        "Foreløbigt svar sendt; svar ventes senest 2010-03-20",
        told[9]["summary_da"],
        "Frist overskredet: 2010-03-08",
    ]
    assert told[2]["internal"] == "Haster, sagt i fortrolighed"
    assert told[5]["assignees"][0]["name"] == "Ida Lund"
    assert {step["actor"] for step in told} == {"key-1"}
    chain = steps(store, enquiry, chain=True)
    assert [(s["type"], s.get("to", {}).get("name")) for s in chain] == [
        ("enquiry.routed/1", "TMF"),
        ("enquiry.rerouted/1", "CBD"),
    ]


INTERNAL = ("fortrolighed", "Ida Lund", "high", "letting", "Hører til her", "Egen enhed", "key-1")


def test_the_sender_sees_the_chain_and_what_was_meant_for_it_and_nothing_else(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    enquiry = whole_life(desk)
    follow(store, [VIEW])
    for sight in (KAB, seeing(Role.ORGANISATION, "party:id-AKB")):
        shown = orjson.dumps(
            [item(store, enquiry, sight=sight), steps(store, enquiry, sight=sight)]
        )
        assert [word for word in INTERNAL if word.encode() in shown] == []
        told = steps(store, enquiry, sight=sight)
        types = {step["type"] for step in told}
        assert types.isdisjoint({"enquiry.triaged/1", "enquiry.assigned/1"})
        assert "Hvilke afdelinger?" in [step["told"] for step in told]
        assert "Bo Hansen" in [step["handler"] for step in told]
        assert [s["summary_da"] for s in steps(store, enquiry, sight=sight, chain=True)] == [
            "Fordelt til TMF",
            "Omfordelt fra TMF til CBD",
        ]
        mine = item(store, enquiry, sight=sight)
        assert {"priority", "category", "assignees"}.isdisjoint(mine)
        assert {"state", "at_risk_from", "working_days"}.isdisjoint(mine["deadlines"][0])
        assert mine["deadlines"][0]["due"] == "2010-02-24"


def test_what_one_may_not_see_is_nowhere(desk: Desk, store: ViewStore, follow: Follow) -> None:
    theirs = desk.receive(sender="AAB", administrations=["SOF"], subject="Skjult", kle=["85.02"])
    secret = desk.receive(confidentiality="restricted", subject="Skjult")
    mine = desk.receive(administrations=["TMF"], kle=["03.10.24"])
    open_one = desk.receive(confidentiality="open", subject="Åben")
    follow(store, [VIEW])
    assert ids(listed(store)) == [open_one, mine, secret, theirs]
    for sight, seen in (
        (KAB, {mine, open_one}),
        (AAB, {theirs}),
        (seeing(Role.CASE_OFFICER, "unit:id-SOF"), {theirs}),
        (seeing(Role.CASE_OFFICER, "unit:id-TMF"), {secret, mine, open_one}),
        (seeing(Role.CASE_OFFICER, "kle:03.10"), {mine}),
        (seeing(Role.INTEGRATION), {theirs, mine, open_one}),
        (seeing(Role.COUNCILLOR), set()),
        (seeing(Role.ORGANISATION, "party:id-SOF"), {theirs}),
    ):
        for query in (EnquiryQuery(), EnquiryQuery(sort="deadline")):
            assert set(ids(listed(store, query, sight=sight))) == seen
        for enquiry in (theirs, secret, mine, open_one):
            assert (item(store, enquiry, sight=sight) is not None) == (enquiry in seen)
            assert (steps(store, enquiry, sight=sight) is not None) == (enquiry in seen)
        with store.reading() as reader:
            found = enquiries.matching(
                reader, V, desk.story.log.head(), None, sight, judged(), EnquiryQuery()
            )
            assert counted(found, ("unit", "phase"), judged()).total == len(seen)


def test_a_councillor_sees_an_open_enquiry_once_it_is_closed_and_not_before(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    enquiry = desk.receive(confidentiality="open")
    desk.take(enquiry, "AcknowledgeEnquiry", handler="Bo Hansen")
    before = desk.story.log.head()
    desk.take(enquiry, "CloseEnquiry", closing="withdrawn", waive="Trukket tilbage")
    runner = follow(store, [VIEW])
    sight = seeing(Role.COUNCILLOR)
    assert item(store, enquiry, sight=sight, at=before) is None
    shown = item(store, enquiry, sight=sight)
    assert (shown["phase"], shown["handler"]) == ("closed", None)
    assert ids(listed(store, sight=sight)) == [enquiry]
    closed_at = desk.story.log.head()
    desk.take(enquiry, "ReopenEnquiry", reason="Nye oplysninger")
    runner.catch_up()
    assert item(store, enquiry, sight=sight) is None
    assert item(store, enquiry, sight=sight, at=closed_at) is None  # seen then is seen no more
    assert item(store, enquiry, at=closed_at)["phase"] == "closed"


def test_who_once_had_it_may_go_on_reading(desk: Desk, store: ViewStore, follow: Follow) -> None:
    enquiry = desk.receive(administrations=["TMF"])
    desk.take(enquiry, "RouteEnquiry", to="SOF")
    desk.take(enquiry, "RerouteEnquiry", **{"from": "SOF", "to": "TMF", "reason": "Forkert"})
    follow(store, [VIEW])
    assert item(store, enquiry, sight=seeing(Role.CASE_OFFICER, "unit:id-SOF")) is not None


def test_what_one_is_not_told_one_cannot_ask_for(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    enquiry = whole_life(desk)
    follow(store, [VIEW])
    for query in (
        EnquiryQuery(priority="high"),
        EnquiryQuery(assigned="sagsbehandler"),
        EnquiryQuery(deadline="met"),
    ):
        assert ids(listed(store, query)) == [enquiry]
        assert listed(store, query, sight=KAB) == []


def test_an_erased_text_is_empty_and_the_rest_stands(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    enquiry = whole_life(desk)
    contact = desk.states[enquiry].received
    assert contact is not None
    desk.story.keys.destroy(f"contact:{contact.contact_id}")
    desk.story.keys.destroy(f"enquiry:{enquiry}")
    follow(store, [VIEW])
    found = item(store, enquiry)
    assert (found["subject"], found["facts"], found["erased"]) == (None, None, True)
    assert (found["handler"], found["phase"]) == (None, "answered")
    assert {step["told"] for step in steps(store, enquiry)} == {None}


def test_a_log_that_lacks_the_beginning_is_broken(desk: Desk, store: ViewStore) -> None:
    enquiry = desk.receive()
    desk.take(enquiry, "RouteEnquiry", to="TMF")
    routed = desk.story.facts()[-1]
    contact = desk.story.facts()[0]
    for facts in ([routed], [contact], []):
        with pytest.raises(Broken):
            enquiry_body.shown(facts, EVERYTHING, SOON)
    unreadable = replace(routed, data={"enquiry_id": enquiry})
    with pytest.raises(Broken):
        enquiry_body.fold(None, unreadable)
    with store.writing() as tx:
        for table in VIEW.tables():
            tx.run(store.ddl(table, V))
        with pytest.raises(Broken):
            VIEW.apply(tx, V, [routed])


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────

MOVES = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(
            [
                ("receive", {}),
                (
                    "receive",
                    {"sender": "AAB", "administrations": ["SOF", "TMF"], "kle": ["03.10.24"]},
                ),
                ("AcknowledgeEnquiry", {"team": "Byg"}),
                ("TriageEnquiry", {"priority": "high", "topics": ["støj"]}),
                ("RouteEnquiry", {"to": "CBD"}),
                ("ReturnEnquiry", {"from": "CBD", "reason": "nej"}),
                ("AssignEnquiry", {"assignee": {"name": "Ida", "role": "jurist"}}),
                ("RequestInformation", {"question": "hvad"}),
                ("SupplyInformation", {"information": "det"}),
                ("AnswerEnquiry", {"answer_kind": "substantive", "by": "TMF"}),
                ("CloseEnquiry", {"closing": "nothing_owed", "waive": "intet"}),
                ("ReopenEnquiry", {"reason": "igen"}),
                (
                    "SplitEnquiry",
                    {"parts": [{"subject": "a"}, {"subject": "b"}], "reason": "to ting"},
                ),
            ]
        ),
    ),
    max_size=14,
)


def play(story: Story, moves: Any) -> Desk:
    desk = Desk(story)
    for which, (move, fields) in moves:
        made = list(desk.states)
        try:
            if move == "receive" or not made:
                desk.receive(**(fields if move == "receive" else {}))
            else:
                desk.take(made[which % len(made)], move, **fields)
        except Refused:
            continue  # what the rules do not allow did not happen
    return desk


@pytest.mark.timeout(1_800)
@given(moves=MOVES, page=st.integers(1, 12))
def test_the_same_log_gives_the_same_rows_in_any_page_size(
    tmp_path_factory: pytest.TempPathFactory, moves: Any, page: int
) -> None:
    story = Story()
    desk = play(story, moves)
    folder = tmp_path_factory.mktemp("enquiries")
    stores = [open_views(f"sqlite:///{folder}/{n}.db") for n in range(2)]
    for store, size in zip(stores, (page, 1_000), strict=True):
        Runner(story.log, story.codec, store, [VIEW], page_facts=size).catch_up()
    kept = digest(stores[0], "enquiries")
    assert digest(stores[1], "enquiries") == kept
    again = Runner(story.log, story.codec, stores[1], [VIEW], page_facts=page)
    again.rebuild("enquiries")
    again.catch_up()
    assert digest(stores[1], "enquiries") == kept
    for enquiry, state in desk.states.items():
        found = item(stores[0], enquiry)
        assert (found["phase"], found["version"]) == (state.phase, state.version)
    for store in stores:
        store.close()


@pytest.mark.timeout(1_800)
@given(moves=MOVES)
def test_as_known_at_a_position_is_what_a_log_that_ended_there_tells(
    tmp_path_factory: pytest.TempPathFactory, moves: Any
) -> None:
    story = Story()
    play(story, moves)
    folder = tmp_path_factory.mktemp("as-of")
    whole = open_views(f"sqlite:///{folder}/whole.db")
    Runner(story.log, story.codec, whole, [VIEW]).catch_up()
    for position in range(0, story.log.head() + 1, 3):
        short = open_views(f"sqlite:///{folder}/{position}.db")
        Runner(story.memory.upto(position), story.codec, short, [VIEW]).catch_up()
        for sight in (EVERYTHING, KAB):
            for query in (EnquiryQuery(), EnquiryQuery(sort="deadline"), EnquiryQuery(open=True)):
                asked: Any = {"at": position, "sight": sight}
                assert listed(whole, query, **asked) == listed(short, query, **asked)
        short.close()
    whole.close()
