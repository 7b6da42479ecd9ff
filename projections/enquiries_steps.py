"""One step of an enquiry (skridt): what happened, when, by whom, between which units, which words.

Written as bytes in parts when the event arrives, so that the sender is given the chain of hands the
enquiry went through and what was meant for the sender, and nothing that was not.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import orjson

from domain.access import Sight
from domain.log.codec import Fact
from domain.registry import Json
from projections.contact_body import blind, participant, time_text
from projections.enquiry_body import PREFIX, RECEIVED, occurred_shown

HANDOVERS: Final = frozenset({"routed", "rerouted", "returned"})
"""Steps by which it goes from hand to hand."""
HIDDEN: Final = frozenset({"triaged", "assigned", "at_risk", "overdue"})
"""Steps that only the municipality's own people see."""
_TOLD: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "received": ("sender", "addressed", "received_by"),
        "acknowledged": ("team", "expected_by"),
        "routed": ("obligation", "to"),
        "rerouted": ("obligation", "from_unit", "to"),
        "returned": ("obligation", "from_unit"),
        "assigned": ("unit",),
        "information_requested": ("due",),
        "interim_reply_sent": ("new_expected_by",),
        "answered": ("obligation", "by", "answer_kind", "document"),
        "answer_waived": ("obligation",),
        "closed": ("closing", "satisfaction"),
        "split": ("parts",),
        "merged": ("into",),
        "triaged": ("category", "priority", "kind", "topics", "kle", "duplicate_of"),
        "at_risk": ("code", "clock", "due"),
        "overdue": ("code", "clock", "due"),
    }
)
"""Members of each event that whoever sees the step is told."""
_INSIDE: Final = ("rule_id", "rule_name", "automatic")


class Step(NamedTuple):
    """A step as bytes in parts, each without its closing or any brace.

    `head` begins the object; `handler` is a name as a JSON string or null; `inside` (and the same
    without who anybody is) are the members only the municipality's own people see.
    """

    head: bytes
    handler: bytes
    inside: bytes
    inside_blind: bytes


def name_of(fact: Fact) -> str:
    """Return what kind of step a fact is, without prefix and version of its stored name."""
    return fact.type.removeprefix(PREFIX).partition("/")[0]


def occurred_of(fact: Fact) -> Json | None:
    """Return when the step took place; None for the marks a policy makes."""
    data = fact.data
    found: Json | None = data["received"] if fact.type == RECEIVED else data.get("occurred")
    return found


def step(fact: Fact, version: int) -> Step:
    """Return a fact of an enquiry as a step; `version` is the enquiry's after it."""
    name, data, meta = name_of(fact), fact.data, fact.meta
    occurred = occurred_of(fact)
    text = {} if fact.type == RECEIVED else data.get("text") or {}
    head = {
        "version": version,
        "position": fact.position,
        "recorded_at": time_text(fact.recorded_at),
        "type": fact.type,
        "occurred": None if occurred is None else occurred_shown(occurred),
        "role": meta["role"],
        "via": meta["via"],
        **{member: data[member] for member in _TOLD.get(name, ())},
        "told": text.get("told"),
        "summary_da": summary_da(fact),
    }
    inside = {"actor": meta["actor"], "internal": text.get("internal")}
    inside |= {member: data[member] for member in _INSIDE if member in data}
    people = [participant(person) for person in data.get("assignees", ())]
    without = [blind(person) for person in people]
    return Step(
        orjson.dumps(head)[:-1],
        orjson.dumps(text.get("handler")),
        orjson.dumps(inside | ({"assignees": people} if people else {}))[1:-1],
        orjson.dumps(inside | ({"assignees": without} if people else {}))[1:-1],
    )


def joined(parts: Step, sight: Sight) -> bytes:
    """Return the JSON one with this sight is given."""
    handler = parts.handler if sight.persons else b"null"
    inside = b""
    if sight.assessment:
        inside = b"," + (parts.inside if sight.persons else parts.inside_blind)
    return b'%b,"handler":%b%b}' % (parts.head, handler, inside)


def summary_da(fact: Fact) -> str:
    """Say in Danish what a step did, naming units and no persons."""
    return _SUMMARIES[name_of(fact)](fact.data)


_ANSWERS: Final = {
    "substantive": "Besvaret af {}",
    "referral": "Henvist videre af {}",
    "refusal": "Afslået af {}",
}
_CLOSINGS: Final = {
    "answered": "Afsluttet: besvaret",
    "withdrawn": "Afsluttet: trukket tilbage af afsender",
    "nothing_owed": "Afsluttet: intet svar skyldes",
}
_SUMMARIES: Final[Mapping[str, Callable[[Json], str]]] = MappingProxyType(
    {
        "received": lambda data: f"Henvendelse modtaget fra {data['sender']['name']}",
        "acknowledged": lambda data: (
            f"Kvitteret; {data['team']} har sagen" if data["team"] else "Kvitteret"
        ),
        "triaged": lambda _: "Visiteret",
        "routed": lambda data: f"Fordelt til {data['to']['name']}",
        "rerouted": lambda data: (
            f"Omfordelt fra {data['from_unit']['name']} til {data['to']['name']}"
        ),
        "returned": lambda data: f"Returneret fra {data['from_unit']['name']}",
        "assigned": lambda data: (
            f"Sagsbehandler tildelt i {data['unit']['name']}"
            if data["unit"]
            else "Sagsbehandler tildelt"
        ),
        "information_requested": lambda data: (
            f"Oplysninger udbedt senest {data['due']}" if data["due"] else "Oplysninger udbedt"
        ),
        "information_supplied": lambda _: "Oplysninger modtaget",
        "interim_reply_sent": lambda data: (
            f"Foreløbigt svar sendt; svar ventes senest {data['new_expected_by']}"
        ),
        "answered": lambda data: _ANSWERS[data["answer_kind"]].format(data["by"]["name"]),
        "answer_waived": lambda data: f"Svar fra {data['obligation']['name']} frafaldet",
        "closed": lambda data: _CLOSINGS[data["closing"]],
        "reopened": lambda _: "Genåbnet",
        "split": lambda data: f"Opdelt i {len(data['parts'])} henvendelser",
        "merged": lambda _: "Sammenlagt med en anden henvendelse",
        "at_risk": lambda data: f"Frist nærmer sig: {data['due']}",
        "overdue": lambda data: f"Frist overskredet: {data['due']}",
    }
)
