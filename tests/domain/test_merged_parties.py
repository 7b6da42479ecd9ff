"""Records and parties that were merged after they were named: every rule that compares parties.

A record goes on naming parties as they were. The survivor's key, the key of one that was merged
into it, and that one's very id all mean the party the record knows; what is written bears its id.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from domain import commitments, dialogues, followups
from domain.agreements import commands as ac
from domain.agreements import decisions as ad
from domain.agreements.events import evolve as evolve_agreement
from domain.documents import commands as dc
from domain.documents import decisions as dd
from domain.documents.evolution import evolve as evolve_document
from domain.efforts import commands as ec
from domain.efforts import decisions as ed
from domain.efforts.events import evolve as evolve_effort
from domain.forums import commands as fc
from domain.forums import decisions as fd
from domain.forums.events import evolve as evolve_forum
from domain.meetings import commands as mc
from domain.meetings import decisions as md
from domain.meetings.events import evolve as evolve_meeting
from domain.records import Known
from domain.values import PartyId, PartyRef, Value
from tests.domain.recording import (
    FUTURE,
    PARTIES,
    about,
    after,
    an_id,
    asking,
    opening,
    refused,
    step,
    told_to,
)
from tests.domain.samples import KAB

NEW: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000f1"), name="Efterfølger")
OLD: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000f2"), name="Gammel")
OLDER: Final = PartyRef(id=PartyId("018f0000-0000-7000-8000-0000000000f3"), name="Ældre")
BEFORE: Final = told_to(parties=PARTIES | {p.name: p for p in (NEW, OLD, OLDER)})
"""What keys mean while the three are parties of their own."""
FAMILY: Final = frozenset({NEW.id, OLD.id, OLDER.id})
_MEANT: Final = {key: NEW for party in (NEW, OLD, OLDER) for key in (party.name, party.id)}
KEYS: Final = (NEW.name, NEW.id, OLD.name, OLD.id)
"""How one may name what was called OLD when a record was opened."""
DOCUMENT: Final = {"kind": "note", "title": "Notat", "authors": ["Social"]}
ITEM: Final = {"document_version": 1}


def merged(**more: Any) -> Known:
    """What a decision is told once all three are one party."""
    parties = PARTIES | _MEANT
    return told_to(parties=parties, families={NEW.id: FAMILY}, **more)


def at(decide: Any, kind: type[Value], /, **fields: Any) -> Callable[[Any], Any]:
    """A step before the merge."""
    return step(decide, asking(kind, **fields), BEFORE)


def deal(*parties: str) -> Any:
    explored = asking(ac.ExploreAgreement, title="Aftale", parties=parties)
    drafting = at(ad.draft, ac.DraftAgreement)
    return after(evolve_agreement, opening(ad.explore, explored, BEFORE), drafting)


def in_force(*implemented: str) -> Any:
    agreement = deal("Gammel", "KAB")
    for party in ("Gammel", "KAB"):
        approving = at(ad.approve, ac.ApproveAgreement, party=party, agreement_version=1)
        agreement = grown(evolve_agreement, agreement, approving)
    concluding = at(ad.conclude, ac.ConcludeAgreement, agreement_version=1, valid_from="2010-02-22")
    agreement = grown(evolve_agreement, agreement, concluding)
    for party in implemented:
        implementing = at(ad.implement, ac.ImplementAgreement, organisation=party)
        agreement = grown(evolve_agreement, agreement, implementing)
    return agreement


def paper(*steps: Callable[[Any], Any], **more: Any) -> Any:
    drafted = asking(dc.DraftDocument, **(DOCUMENT | more))
    return after(evolve_document, opening(dd.draft, drafted, BEFORE), *steps)


def promise(by: str, *to: str) -> Any:
    making = asking(commitments.MakeCommitment, by=by, to=to, promised="Svar")
    return after(commitments.evolve, opening(commitments.make, making, BEFORE))


def effort(*parties: str) -> Any:
    audiences = [{"party": party, "kind": "organisation"} for party in parties]
    starting = asking(ec.StartEffort, topic="Model", audiences=audiences)
    return after(evolve_effort, opening(ed.start, starting, BEFORE))


def forum(*chairs: str, members: tuple[str, ...] = ()) -> Any:
    proposing = asking(fc.ProposeForum, forum="Gammel", chairs=[{"holder": c} for c in chairs])
    given = [{"party": party, "role": "medlem"} for party in members]
    establishing = at(fd.establish, fc.EstablishForum, members=given)
    return after(evolve_forum, opening(fd.propose, proposing, BEFORE), establishing)


def errand(*owners: str) -> Any:
    agreeing = asking(followups.AgreeFollowUp, owner=owners[0], what="Ring")
    steps = [
        at(followups.hand, followups.HandFollowUp, owner=owner, reason="ferie")
        for owner in owners[1:]
    ]
    return after(followups.evolve, opening(followups.agree, agreeing, BEFORE), *steps)


def dialogue() -> Any:
    opened = asking(dialogues.OpenDialogue, organisation="KAB", administration="Gammel", year=2010)
    return after(dialogues.evolve, opening(dialogues.open_, opened, BEFORE))


def grown(evolve: Any, record: Any, decide: Callable[[Any], Any]) -> Any:
    for event in decide(record):
        record = evolve(record, event)
    return record


@dataclass(frozen=True)
class Case:
    """A step about a party the record names as OLD, and how its first event names it then."""

    record: Callable[[], Any]
    decide: Any
    command: Callable[[str], Any]
    named: Callable[[Any], Any]


def _body(decide: Any, kind: type[Value], record: Callable[[], Any], **more: Any) -> Case:
    command = lambda key: asking(kind, body=key, **(ITEM | more))  # noqa: E731
    return Case(record, decide, command, lambda event: event.body)


ASKED = at(dd.request_approval, dc.RequestApproval, body="Gammel", **ITEM)
REJECTED = at(dd.reject, dc.RejectDocument, body="Gammel", reason="nej", **ITEM)
TREAT: Final = {"outcome": "recommended"}
PLAN: Final = at(
    dd.plan_path,
    dc.PlanPath,
    path=[{"body": "Gammel", "step": "approve", "planned": FUTURE}],
)
CASES: Final = {
    "a party approves": Case(
        lambda: deal("Gammel", "KAB"),
        ad.approve,
        lambda key: asking(ac.ApproveAgreement, party=key, agreement_version=1),
        lambda event: event.party,
    ),
    "a party terminates": Case(
        in_force,
        ad.terminate,
        lambda key: asking(ac.TerminateAgreement, by=key, valid_to=FUTURE, reason="x"),
        lambda event: event.by,
    ),
    "a body that was asked approves": _body(dd.approve, dc.ApproveDocument, lambda: paper(ASKED)),
    "a body that was asked rejects": _body(
        dd.reject, dc.RejectDocument, lambda: paper(ASKED), reason="nej"
    ),
    "a body that was asked puts off": _body(
        dd.postpone, dc.PostponeDecision, lambda: paper(ASKED), reason="ferie"
    ),
    "a body that was asked sends back": _body(
        dd.send_back, dc.SendBackRecommendation, lambda: paper(ASKED), reason="nej"
    ),
    "a body takes its rejection back": _body(
        dd.approve, dc.ApproveDocument, lambda: paper(REJECTED)
    ),
    "a planned body approves": _body(dd.approve, dc.ApproveDocument, lambda: paper(PLAN)),
    "a body is asked that is required": _body(
        dd.request_approval, dc.RequestApproval, lambda: paper(required=["Gammel"])
    ),
    "a required body deliberates": _body(
        dd.deliberate,
        dc.DeliberateRecommendation,
        lambda: paper(required=["Gammel"]),
        outcome="recommended",
    ),
    "a required body is waived": Case(
        lambda: paper(required=["Gammel"]),
        dd.waive,
        lambda key: asking(dc.WaiveDeliberation, body=key, reason="haster"),
        lambda event: event.body,
    ),
    "the adopting body adopts": _body(
        dd.adopt, dc.AdoptRecommendation, lambda: paper(adopting="Gammel")
    ),
    "a plan names a required body": Case(
        lambda: paper(required=["Gammel"]),
        dd.plan_path,
        lambda key: asking(dc.PlanPath, path=[{"body": key, "step": "approve", "planned": FUTURE}]),
        lambda event: event.path[0].body,
    ),
    "a required body is submitted to": Case(
        lambda: paper(required=["Gammel"]),
        dd.submit,
        lambda key: asking(
            dc.SubmitRecommendation, submitting=["Social"], to=[key], document_version=1
        ),
        lambda event: event.to[0],
    ),
    "who promised agrees to another day": Case(
        lambda: promise("Gammel", "KAB"),
        commitments.reschedule,
        lambda key: asking(
            commitments.RescheduleCommitment, due=FUTURE, agreed_by=[key, "KAB"], reason="x"
        ),
        lambda event: event.agreed_by[0],
    ),
    "whom it was promised to lets off": Case(
        lambda: promise("KAB", "Gammel"),
        commitments.release,
        lambda key: asking(commitments.ReleaseCommitment, released_by=[key], reason="x"),
        lambda event: event.released_by[0],
    ),
    "a member retires": Case(
        lambda: forum(members=("Gammel",)),
        fd.retire,
        lambda key: asking(fc.RetireMember, party=key),
        lambda event: event.party,
    ),
    "a member is appointed to something else": Case(
        lambda: forum(members=("Gammel",)),
        fd.appoint,
        lambda key: asking(fc.AppointMember, party=key, role="sekretær"),
        lambda event: event.member.party,
    ),
    "an earlier owner has it again": Case(
        lambda: errand("Gammel", "KAB"),
        followups.hand,
        lambda key: asking(followups.HandFollowUp, owner=key, reason="hjem"),
        lambda event: event.owner,
    ),
    "the administration of a dialogue is there": Case(
        dialogue,
        dialogues.hold,
        lambda key: asking(dialogues.HoldDialogue, administrations=[key]),
        lambda event: event.administrations[0],
    ),
}
"""Steps that are taken by whom the record names as OLD."""
ALREADY: Final = {
    "approved by the party": (
        lambda: grown(
            evolve_agreement,
            deal("Gammel", "KAB"),
            at(ad.approve, ac.ApproveAgreement, party="Gammel", agreement_version=1),
        ),
        ad.approve,
        lambda key: asking(ac.ApproveAgreement, party=key, agreement_version=1),
        ("already_approved", "/party"),
    ),
    "implemented with": (
        lambda: in_force("Gammel"),
        ad.implement,
        lambda key: asking(ac.ImplementAgreement, organisation=key),
        ("already_implemented", "/organisation"),
    ),
    "asked": (
        lambda: paper(ASKED),
        dd.request_approval,
        lambda key: asking(dc.RequestApproval, body=key, **ITEM),
        ("already_requested", "/body"),
    ),
    "approved by the body": (
        lambda: paper(at(dd.approve, dc.ApproveDocument, body="Gammel", **ITEM)),
        dd.approve,
        lambda key: asking(dc.ApproveDocument, body=key, **ITEM),
        ("already_approved", "/body"),
    ),
    "rejected": (
        lambda: paper(REJECTED),
        dd.reject,
        lambda key: asking(dc.RejectDocument, body=key, reason="nej", **ITEM),
        ("nothing_changed", None),
    ),
    "waived": (
        lambda: paper(
            at(dd.waive, dc.WaiveDeliberation, body="Gammel", reason="x"), required=["Gammel"]
        ),
        dd.waive,
        lambda key: asking(dc.WaiveDeliberation, body=key, reason="x"),
        ("nothing_changed", None),
    ),
    "planned": (
        lambda: paper(PLAN),
        dd.plan_path,
        lambda key: asking(dc.PlanPath, path=[{"body": key, "step": "approve", "planned": FUTURE}]),
        ("nothing_changed", None),
    ),
    "an audience": (
        lambda: effort("Gammel"),
        ed.add,
        lambda key: asking(
            ec.AddAudience,
            audience={"id": an_id(40), "party": key, "name": "Ny", "kind": "organisation"},
        ),
        ("audience_exists", "/audience/party"),
    ),
    "in the chair": (
        lambda: forum("Gammel"),
        fd.assign_chair,
        lambda key: asking(fc.AssignChair, holder=key),
        ("seat_held", "/holder"),
    ),
    "a member in that role": (
        lambda: forum(members=("Gammel",)),
        fd.appoint,
        lambda key: asking(fc.AppointMember, party=key, role="medlem"),
        ("nothing_changed", None),
    ),
    "the forum itself": (
        forum,
        fd.replace,
        lambda key: asking(fc.ReplaceForum, by=key),
        ("replaced_by_itself", "/by"),
    ),
    "the owner": (
        lambda: errand("Gammel"),
        followups.hand,
        lambda key: asking(followups.HandFollowUp, owner=key, reason="x"),
        ("nothing_changed", None),
    ),
}
"""What a party that the record names as OLD is already: refused for the survivor too."""


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_step_after_a_merge_is_taken_as_the_party_the_record_knows(case: Case, key: str) -> None:
    (event, *_) = step(case.decide, case.command(key), merged())(case.record())
    assert case.named(event) == OLD


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("what", ALREADY.values(), ids=ALREADY.keys())
def test_what_a_party_is_already_its_survivor_is_too(what: Any, key: str) -> None:
    record, decide, command, (code, pointer) = what
    story = about(record()).when(step(decide, command(key), merged()))
    story.refused(refused(code, pointer))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_after_an_unmerge_the_party_steps_on_as_before(case: Case) -> None:
    (event, *_) = step(case.decide, case.command("Gammel"), BEFORE)(case.record())
    assert case.named(event) == OLD


@pytest.mark.parametrize("key", KEYS)
def test_an_audience_is_found_by_any_key_of_its_merged_party(key: str) -> None:
    now = effort("KAB", "Gammel")
    informing = asking(ec.InformAudience, audience=key, via="note")
    (event,) = step(ed.inform, informing, merged())(now)
    assert event.audience_id == now.audiences[1].audience_id


def test_of_two_audiences_that_were_merged_each_is_found_by_its_name() -> None:
    now = effort("Gammel", "Ældre")
    for key, index in ((NEW.name, 0), (OLD.name, 0), (OLDER.name, 1), (OLDER.id, 1)):
        informing = asking(ec.InformAudience, audience=key, via="note")
        (event,) = step(ed.inform, informing, merged())(now)
        assert event.audience_id == now.audiences[index].audience_id


def test_the_survivor_approves_for_each_party_that_was_merged() -> None:
    now = deal("Gammel", "KAB", "Ældre")
    approving = asking(ac.ApproveAgreement, party=NEW.name, agreement_version=1)
    events = step(ad.approve, approving, merged())(now)
    assert [(event.party, event.version) for event in events] == [(OLD, 3), (OLDER, 4)]
    assert grown(evolve_agreement, now, lambda _: events).lacking() == (KAB,)


def test_what_one_approved_before_the_merge_is_not_the_other_s_approval() -> None:
    approving = at(ad.approve, ac.ApproveAgreement, party="Gammel", agreement_version=1)
    now = grown(evolve_agreement, deal("Gammel", "Ældre"), approving)
    concluding = asking(ac.ConcludeAgreement, agreement_version=1, valid_from=FUTURE)
    about(now).when(step(ad.conclude, concluding, merged())).refused(
        refused("approval_missing", "/agreement_version")
    )
    again = asking(ac.ApproveAgreement, party=NEW.name, agreement_version=1)
    (event,) = step(ad.approve, again, merged())(now)
    assert event.party == OLDER


def test_the_very_id_of_one_that_was_merged_means_that_one_alone() -> None:
    now = deal("Gammel", "Ældre")
    approving = asking(ac.ApproveAgreement, party=OLDER.id, agreement_version=1)
    (event,) = step(ad.approve, approving, merged())(now)
    assert event.party == OLDER
    one = asking(commitments.RescheduleCommitment, due=FUTURE, agreed_by=[OLD.id], reason="ferie")
    about(promise("Gammel", "Ældre")).when(step(commitments.reschedule, one, merged())).refused(
        refused("consent_missing", "/agreed_by")
    )


def test_both_sides_that_became_one_agree_through_the_survivor_and_are_both_named() -> None:
    both = asking(commitments.RescheduleCommitment, due=FUTURE, agreed_by=[NEW.name], reason="x")
    (event,) = step(commitments.reschedule, both, merged())(promise("Gammel", "Ældre"))
    assert event.agreed_by == (OLD, OLDER)


@pytest.mark.parametrize("key", KEYS)
def test_nobody_agrees_for_a_side_it_was_not_merged_with(key: str) -> None:
    one = asking(commitments.RescheduleCommitment, due=FUTURE, agreed_by=[key], reason="x")
    about(promise("Gammel", "KAB")).when(step(commitments.reschedule, one, merged())).refused(
        refused("consent_missing", "/agreed_by")
    )


def test_required_bodies_that_were_merged_are_treated_and_waived_together() -> None:
    now = paper(required=["Gammel", "Ældre", "Udvalg"])
    treating = asking(dc.DeliberateRecommendation, body=NEW.name, **(ITEM | TREAT))
    treated = step(dd.deliberate, treating, merged())
    assert [event.body for event in treated(now)] == [OLD, OLDER]
    assert [p.name for p in grown(evolve_document, now, treated).untreated(1)] == ["Udvalg"]
    one = at(dd.deliberate, dc.DeliberateRecommendation, body="Ældre", **(ITEM | TREAT))
    begun = grown(evolve_document, now, one)
    assert [event.body for event in treated(begun)] == [OLD]
    waiving = step(dd.waive, asking(dc.WaiveDeliberation, body=OLD.name, reason="x"), merged())
    assert [event.body for event in waiving(now)] == [OLD, OLDER]


def test_members_that_were_merged_retire_together_and_a_survivor_comes_first() -> None:
    now = forum(members=("Gammel", "Efterfølger"))
    retiring = step(fd.retire, asking(fc.RetireMember, party=OLD.name), merged())
    assert [event.party for event in retiring(now)] == [NEW, OLD]
    assert grown(evolve_forum, now, retiring).members == ()


@pytest.mark.parametrize("key", KEYS)
def test_whoever_became_the_holder_of_a_seat_chairs(key: str) -> None:
    seated = forum("Gammel", "Overborgmester").model_copy(update={"id": an_id(7)})
    calling = asking(mc.CallMeeting, title="Møde", forums=["Gammel"], planned="2010-02-23", id=None)
    known = merged(sought={("forum", seated.id): seated})
    now = after(evolve_meeting, opening(md.call, calling, BEFORE))
    now = now.model_copy(update={"forum_records": (seated.id,)})
    holding = step(md.hold, asking(mc.HoldMeeting, chaired_by=[key]), known)
    assert holding(now)[0].chaired_by == (NEW,)
    stranger = step(md.hold, asking(mc.HoldMeeting, chaired_by=["KAB"]), known)
    about(now).when(stranger).refused(refused("not_chairing", "/chaired_by/0"))


def test_a_dialogue_of_a_merged_organisation_is_its_survivor_s() -> None:
    opened = asking(dialogues.OpenDialogue, organisation="Gammel", administration="KAB", year=2010)
    first = after(dialogues.evolve, opening(dialogues.open_, opened, BEFORE))
    first = first.model_copy(update={"id": an_id(8)})
    known = merged(sought={("dialogue", first.id): first})
    again = asking(dialogues.OpenDialogue, organisation=NEW.name, administration="KAB", year=2010)
    about(None).when(opening(dialogues.open_, again, known)).refused(
        refused("record_exists", "/year")
    )


def test_without_the_families_the_survivor_is_a_stranger() -> None:
    """The teeth: what the tests above find comes from the families."""
    known = told_to(parties=PARTIES | _MEANT)
    approving = asking(ac.ApproveAgreement, party=OLD.name, agreement_version=1)
    about(deal("Gammel", "KAB")).when(step(ad.approve, approving, known)).refused(
        refused("not_a_party", "/party")
    )


def test_a_key_that_means_nobody_stands_for_nobody() -> None:
    assert merged().own("ukendt", [OLD, NEW]) == ()
    assert merged().own(OLD.name, [KAB]) == ()
    assert merged().own(OLD.name, [OLDER, OLD, NEW]) == (NEW, OLDER, OLD)
