"""The register of governance dialogues (styringsdialoger): its row in the table."""

from collections.abc import Iterable
from typing import Final

from domain import dialogues
from domain.records import Reference
from domain.registers.table import Register, Rule, named, rule
from domain.values import PartyRef


def _of_the_organisation(given: dialogues.OpenDialogue, _: None) -> list[Reference]:
    return [("dialogue", given.organisation)]


def _there(given: dialogues.HoldDialogue) -> Iterable[str]:
    yield from given.administrations
    for person in given.participants:
        yield from ([person.party] if person.party else [])
        yield from person.spoke_for


def _parties(dialogue: dialogues.Dialogue) -> Iterable[PartyRef]:
    yield from (dialogue.organisation, dialogue.administration)
    for meeting in dialogue.meetings:
        yield from meeting.administrations


def _terms(dialogue: dialogues.Dialogue) -> Iterable[tuple[str, str]]:
    yield "status", dialogue.status
    yield "organisation", dialogue.organisation.id
    yield "administration", dialogue.administration.id
    yield "year", str(dialogue.year)
    yield "kle", dialogues.KLE
    yield "met", "yes" if dialogue.meetings else "no"


DIALOGUES: Final = Register(
    name="dialogues",
    noun="dialogue",
    danish="Styringsdialog",
    record=dialogues.Dialogue,
    open=Rule(
        "open_dialogue",
        "Receive an organisation's documentation of a year",
        dialogues.OpenDialogue,
        dialogues.open_,
        named("organisation", "administration"),
        example={"organisation": "KAB", "administration": "TMF", "year": 2010, "received": False},
        sought=_of_the_organisation,
    ),
    steps={
        "package": rule(
            "receive_package",
            "Receive the documentation later",
            dialogues.ReceivePackage,
            dialogues.receive,
            package="Regnskab og styringsrapport",
        ),
        "meetings": Rule(
            "hold_dialogue",
            "Say that a dialogue meeting was held",
            dialogues.HoldDialogue,
            dialogues.hold,
            _there,
            example={"occurred": "2010-09-14", "facts": "Vedligehold og udlejning"},
        ),
        "agreements": rule(
            "agree_in_dialogue",
            "Write down what was agreed",
            dialogues.AgreeInDialogue,
            dialogues.agree,
            agreed="Plan for vedligehold inden årets udgang",
        ),
        "account": rule(
            "publish_account",
            "Say that the account was published, and where",
            dialogues.PublishAccount,
            dialogues.publish,
            where="kommunens hjemmeside",
        ),
    },
    evolve=dialogues.evolve,
    parties=_parties,
    terms=_terms,
    day=lambda dialogue: f"{dialogue.year}-12-31",
    filters=("status", "year", "met"),
    party_filters=("organisation", "administration"),
    outside=frozenset(
        {"organisation", "administration", "year", "received", "meetings", "agreed", "published"}
        | {"where", "opened"}
    ),
    outside_parts={"meetings": frozenset({"on", "contact", "administrations"})},
)
