"""Governance dialogues: a year of one organisation, whose meetings are contacts too."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from domain import dialogues
from domain.contacts import ContactLogged
from domain.dialogues import (
    AgreeInDialogue,
    Dialogue,
    DialogueAccountPublished,
    DialogueAgreementMade,
    DialogueMeetingHeld,
    DialogueOpened,
    DialogueWords,
    DocumentationPackageReceived,
    HoldDialogue,
    OpenDialogue,
    PublishAccount,
    ReceivePackage,
    evolve,
    tags_of,
)
from domain.errors import Refused, Unknown
from domain.registers import REGISTERS
from domain.values import Confidentiality
from tests.domain.recording import (
    FUTURE,
    RECORD,
    TODAY,
    about,
    an_id,
    asking,
    faults,
    opening,
    refused,
    step,
    told_to,
)
from tests.domain.samples import KAB, SOF, TMF
from tests.domain.scenario import Refusal

Decided = Callable[[Any], Any]
REGISTER = REGISTERS["dialogues"]
LATE = ("/occurred", "occurred_in_future")


def opened(**more: Any) -> Decided:
    body = {"organisation": KAB.name, "administration": TMF.name, "year": 2009}
    return opening(dialogues.open_, asking(OpenDialogue, **body | more))


def receiving(**more: Any) -> Decided:
    return step(dialogues.receive, asking(ReceivePackage, **more))


def holding(**more: Any) -> Decided:
    return step(dialogues.hold, asking(HoldDialogue, **more))


def agreeing(**more: Any) -> Decided:
    return step(dialogues.agree, asking(AgreeInDialogue, agreed="Plan", **more))


def publishing(**more: Any) -> Decided:
    return step(dialogues.publish, asking(PublishAccount, where="hjemmesiden", **more))


def a_dialogue(*steps: Decided, **more: Any) -> Dialogue:
    """The dialogue; the contact that a meeting is belongs to another concept."""
    dialogue: Any = None
    for decide in (opened(**more), *steps):
        for event in decide(dialogue):
            dialogue = dialogue if isinstance(event, ContactLogged) else evolve(dialogue, event)
    found: Dialogue = dialogue
    return found


def test_a_year_begins_with_the_documentation() -> None:
    about(None).when(opened(package="Regnskab")).then(
        DialogueOpened(
            dialogue_id=RECORD,
            organisation=KAB,
            administration=TMF,
            year=2009,
            received=True,
            text=DialogueWords(package="Regnskab"),
            occurred=TODAY,
            confidentiality=Confidentiality.INTERNAL,
        )
    )
    dialogue = a_dialogue(package="Regnskab")
    assert (dialogue.received, dialogue.package, dialogue.status) == (TODAY, "Regnskab", "opened")


def test_every_fault_of_an_opening_is_told_at_once() -> None:
    wrong = {"organisation": "Ingen", "administration": "several", "occurred": FUTURE}
    about(None).when(opened(**wrong, package="Regnskab", received=False)).refused(
        faults(
            ("/organisation", "unknown_party"),
            ("/administration", "ambiguous_party"),
            ("/package", "invalid_input"),
            LATE,
        )
    )


@pytest.mark.parametrize("hidden", [False, True])
def test_an_organisation_has_one_dialogue_of_a_year(hidden: bool) -> None:
    first = a_dialogue(year=2009).model_copy(update={"id": an_id(9)})
    reference = ("dialogue", first.id)
    known = told_to(sought={reference: first}, hidden=frozenset({reference} if hidden else ()))

    def again(**more: Any) -> Any:
        body = {"organisation": KAB.name, "administration": SOF.name, "year": 2009} | more
        return about(None).when(opening(dialogues.open_, asking(OpenDialogue, **body), known))

    found = again()
    found.refused(refused("record_exists", "/year"))
    assert isinstance(found.error, Refused)
    (fault,) = found.error.faults
    assert fault.params == ({} if hidden else {"dialogue": first.id})
    assert again(year=2010).error is None
    assert again(organisation=TMF.name).error is None


def test_the_same_opening_again_is_not_a_second_dialogue() -> None:
    first = a_dialogue(year=2009)
    known = told_to(sought={("dialogue", first.id): first})
    body = {"organisation": KAB.name, "administration": TMF.name, "year": 2009}
    decided = opening(dialogues.open_, asking(OpenDialogue, **body), known)
    assert about(None).when(decided).error is None


def test_documentation_may_come_later_and_comes_once() -> None:
    waiting = a_dialogue(received=False)
    assert waiting.received is None
    about(waiting).when(receiving(package="Regnskab")).then(
        DocumentationPackageReceived(
            dialogue_id=RECORD,
            version=2,
            occurred=TODAY,
            text=DialogueWords(package="Regnskab"),
        )
    )
    for dialogue in (a_dialogue(), a_dialogue(receiving(), received=False)):
        about(dialogue).when(receiving(occurred=FUTURE)).refused(
            faults(("", "nothing_changed"), LATE)
        )


def test_a_dialogue_meeting_is_a_contact_with_its_kle_number() -> None:
    held, contact = holding(administrations=[SOF.name], facts="Vedligehold")(a_dialogue())
    assert held == DialogueMeetingHeld(
        dialogue_id=RECORD,
        version=2,
        occurred=TODAY,
        contact_id=an_id(1),
        administrations=(TMF, SOF),
        text=DialogueWords(facts="Vedligehold"),
    )
    content = contact.content
    assert (contact.contact_id, contact.text.facts) == (an_id(1), "Vedligehold")
    assert (content.administrations, content.organisations) == ((TMF, SOF), (KAB,))
    assert (content.channel, content.direction, content.kle) == ("direct", "mutual", ("03.10.24",))


def test_a_meeting_of_now_is_one_moment_in_dialogue_and_contact() -> None:
    held, contact = step(dialogues.hold, HoldDialogue())(a_dialogue())
    assert held.occurred == contact.content.occurred


def test_every_fault_of_a_meeting_and_of_its_contact_is_told_at_once() -> None:
    wrong = holding(
        administrations=["Ingen"],
        participants=[{"role": "formand", "party": "Ingen"}],
        medium="telepathy",
        occurred=FUTURE,
    )
    about(a_dialogue()).when(wrong).refused(
        faults(
            ("/administrations/0", "unknown_party"),
            LATE,
            ("/medium", "unknown_medium"),
            ("/participants/0/party", "unknown_party"),
        )
    )
    about(a_dialogue()).when(holding(administrations=["several"])).refused(
        refused("ambiguous_party", "/administrations/0")
    )


def test_who_spoke_for_whom_at_a_meeting_is_looked_up() -> None:
    person = {"role": "formand", "party": KAB.name, "spoke_for": ["AAB"]}
    given = asking(HoldDialogue, administrations=["SOF"], participants=[person, {"role": "x"}])
    assert list(REGISTER.steps["meetings"].parties(given)) == ["SOF", KAB.name, "AAB"]


def test_agreements_and_the_account_follow_a_meeting() -> None:
    met = a_dialogue(holding())
    about(met).when(agreeing()).then(
        DialogueAgreementMade(
            dialogue_id=RECORD, version=3, occurred=TODAY, text=DialogueWords(agreed="Plan")
        )
    )
    about(met).when(publishing()).then(
        DialogueAccountPublished(dialogue_id=RECORD, version=3, occurred=TODAY, where="hjemmesiden")
    )
    done = a_dialogue(holding(), agreeing(), publishing(), holding(), agreeing())
    assert (done.status, len(done.meetings), done.agreed) == ("published", 2, ("Plan", "Plan"))


@pytest.mark.parametrize("then", [agreeing(), publishing()], ids=["agree", "publish"])
def test_nothing_is_agreed_or_published_before_a_meeting(then: Decided) -> None:
    about(a_dialogue()).when(then).refused(refused("wrong_status"))


def test_an_account_is_published_once() -> None:
    about(a_dialogue(holding(), publishing())).when(publishing()).refused(refused("wrong_status"))


@pytest.mark.parametrize("what", [agreeing, publishing, holding])
def test_what_is_yet_to_come_has_not_happened(what: Callable[..., Decided]) -> None:
    about(a_dialogue(holding())).when(what(occurred=FUTURE)).refused(faults(LATE))


STEPS = [receiving(), holding(), agreeing(), publishing()]


@pytest.mark.parametrize("then", STEPS, ids=["receive", "hold", "agree", "publish"])
def test_without_a_dialogue_there_is_no_step(then: Decided) -> None:
    about(None).when(then).refused(Refusal(Unknown, "record_not_found"))


def test_the_contact_of_a_meeting_tells_nothing_of_the_dialogue_itself() -> None:
    dialogue = a_dialogue()
    _, contact = holding()(dialogue)
    seen = evolve(dialogue, contact)
    assert seen.model_dump(exclude={"version"}) == dialogue.model_dump(exclude={"version"})


def test_it_is_found_by_its_year_its_parties_and_whether_they_met() -> None:
    dialogue = a_dialogue(holding(administrations=[SOF.name]))
    assert dict(REGISTER.terms(dialogue)) == {
        "status": "met",
        "organisation": KAB.id,
        "administration": TMF.id,
        "year": "2009",
        "kle": "03.10.24",
        "met": "yes",
    }
    assert dict(REGISTER.terms(a_dialogue()))["met"] == "no"
    assert list(REGISTER.parties(dialogue)) == [KAB, TMF, TMF, SOF]
    assert REGISTER.day(dialogue) == "2009-12-31"


def test_the_events_bear_tags_of_what_they_are_about() -> None:
    assert tags_of(opened()(None)[0]) == [
        f"dialogue:{RECORD}",
        f"dialogue_of:{KAB.id}",
        f"party:{KAB.id}",
        f"party:{TMF.id}",
    ]
    held, _ = holding()(a_dialogue())
    assert tags_of(held) == [f"dialogue:{RECORD}", f"held_as:{an_id(1)}", f"party:{TMF.id}"]
    assert tags_of(agreeing()(a_dialogue(holding()))[0]) == [f"dialogue:{RECORD}"]


def test_words_that_were_erased_leave_the_dialogue_standing() -> None:
    (event,) = opened(received=False)(None)
    dialogue = evolve(None, event.model_copy(update={"text": None}))
    for decide in (receiving(package="x"), holding(facts="x"), agreeing()):
        own = decide(dialogue)[0]
        dialogue = evolve(dialogue, own.model_copy(update={"text": None}))
    assert (dialogue.package, dialogue.agreed, dialogue.status) == (None, (None,), "agreed")


def model_of(names: list[str], what: str) -> str | None:
    """The code a step is refused with after these, None when it is taken."""
    if what == "receive":
        return "nothing_changed" if "receive" in names else None
    if what in {"agree", "publish"} and "hold" not in names:
        return "wrong_status"
    return "wrong_status" if what == "publish" and "publish" in names else None


def status_of(names: list[str]) -> str:
    for what, status in (("publish", "published"), ("agree", "agreed"), ("hold", "met")):
        if what in names:
            return status
    return "opened"


BY_NAME = dict(zip(["receive", "hold", "agree", "publish"], STEPS, strict=True))


@settings(max_examples=100, deadline=None)
@for_all(received=st.booleans(), steps=st.lists(st.sampled_from(sorted(BY_NAME)), max_size=10))
def test_the_machine_does_what_the_model_says(received: bool, steps: list[str]) -> None:
    names = ["receive"] if received else []
    dialogue, taken = a_dialogue(received=received), 0
    for what in steps:
        code, decided = model_of(names, what), about(dialogue).when(BY_NAME[what])
        assert (decided.error.code if decided.error else None) == code
        if code is None:
            names.append(what)
            taken += 1
            dialogue = evolve(dialogue, decided.events[0])  # type: ignore[arg-type]
        assert (dialogue.version, dialogue.status) == (1 + taken, status_of(names))
        assert len(dialogue.meetings) == names.count("hold")
        assert len(dialogue.agreed) == names.count("agree")
        assert (dialogue.received is not None) == ("receive" in names)
        assert (dialogue.published is not None) == ("publish" in names)
