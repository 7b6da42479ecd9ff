"""One step of a contact's history (historik): what changed, from what to what, by whom and why.

Written as bytes in parts when the event arrives, so that each reader is given only those changes
whose values he or she may see.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import orjson

from domain.log.codec import Fact
from domain.registry import Json
from projections.contact_body import (
    CORRECTED,
    LINKED,
    LOGGED,
    RETRACTED,
    UNLINKED,
    Contact,
    blind,
    time_text,
)

FIELDS_DA: Final = {
    "channel": "kanal",
    "direction": "retning",
    "medium": "medie",
    "occurred": "tidspunkt",
    "administrations": "forvaltninger",
    "organisations": "organisationer",
    "audience": "målgruppe",
    "topics": "emneord",
    "kle": "KLE-emner",
    "case_numbers": "sagsnumre",
    "document_numbers": "dokumentnumre",
    "confidentiality": "fortrolighed",
    "negotiation": "forhandling i gang",
    "personal_data": "oplysningstype",
    "occasion": "anledning",
    "outcome": "udfald",
    "subject": "emne",
    "facts": "faktiske oplysninger",
    "assessment": "intern vurdering",
    "place": "sted",
    "commitments": "tilsagn",
    "follow_ups": "opfølgning",
    "participants": "deltagere",
}
LINKS_DA: Final = {
    "enquiry": "henvendelse",
    "case": "sag",
    "commitment": "tilsagn",
    "meeting": "møde",
    "contact": "kontakt",
    "document": "dokument",
}
_PERSON_FIELD: Final = "participants"
_INTERNAL_FIELD: Final = "assessment"
_CORRECTED_DA: Final = b'"Kontakt berigtiget"'


class Step(NamedTuple):
    """A step as bytes in parts.

    `head` lacks its closing brace; the changes are elements of a JSON array without its brackets:
    those anyone may see, those of persons (and the same without who they are), and those of the
    internal assessment. `summary_internal` is the summary for those who see the assessment.
    """

    head: bytes
    changes: bytes
    people: bytes
    people_blind: bytes
    internal: bytes
    summary: bytes
    summary_internal: bytes


LOGGING: Final = Step(b"", b"", b"", b"", b"", b'"Kontakt registreret"', b'"Kontakt registreret"')
"""The first step of every contact; its head is told by the contact itself (`head_of_logging`)."""


def step(before: Contact | None, after: Contact, fact: Fact) -> Step:
    """Return the step that took a contact from `before` (None for its logging) to `after`."""
    if before is None:
        return LOGGING
    why = fact.data["why"]
    meta = fact.meta
    head = {
        "version": after.version,
        "position": fact.position,
        "recorded_at": time_text(fact.recorded_at),
        "type": fact.type,
        "actor": meta["actor"],
        "role": meta["role"],
        "via": meta["via"],
        "reason": why["reason"] if why else None,
    }
    fields = fact.data["fields"] if fact.type == CORRECTED else ()
    plain, internal = _changes(before, after, fact)
    pairs = _people_changes(before, after) if _PERSON_FIELD in fields else []
    return Step(
        orjson.dumps(head)[:-1],
        _elements(plain),
        _elements(_change(_PERSON_FIELD, *pair) for pair in pairs),
        _elements(_change(_PERSON_FIELD, *map(_blind, pair)) for pair in pairs),
        _elements(internal),
        orjson.dumps(summary_da(fact, [f for f in fields if f != _INTERNAL_FIELD])),
        orjson.dumps(summary_da(fact, fields)),
    )


def head_of_logging(contact: bytes) -> bytes:
    """Return the head of a first step from the contact it made (a body fragment)."""
    made = orjson.loads(contact + b"}")
    head = {
        "version": 1,
        "position": made["position"],
        "recorded_at": made["recorded_at"],
        "type": LOGGED,
        **made["recorded_by"],
        "reason": None,
    }
    return orjson.dumps(head)[:-1]


def joined(
    parts: Step, contact: bytes, *, persons: bool, assessment: bool, changes: bool = True
) -> bytes:
    """Join a step and the contact after it; without `changes` the version before stays hidden.

    A reason is told to whoever sees all of what it explains: it may speak of the rest.
    """
    whole = changes and (persons or not parts.people) and (assessment or not parts.internal)
    shown = [parts.changes, parts.people if persons else parts.people_blind]
    if assessment:
        shown.append(parts.internal)
    listed = b",".join(filter(None, shown)) if changes else b""
    summary = parts.summary_internal if assessment else parts.summary
    return b'%b,"changes":[%b],"summary_da":%b,"contact":%b}' % (
        parts.head if whole else _without_reason(parts.head),
        listed,
        summary if changes else _CORRECTED_DA,
        contact,
    )


def _without_reason(head: bytes) -> bytes:
    return orjson.dumps(orjson.loads(head + b"}") | {"reason": None})[:-1]


def summary_da(fact: Fact, fields: Iterable[str]) -> str:
    """Say in Danish what a step did; `fields` are the corrected ones that may be named."""
    if fact.type == RETRACTED:
        return "Kontakt trukket tilbage"
    if fact.type in (LINKED, UNLINKED):
        target = f"{LINKS_DA[fact.data['kind']]} {fact.data['target']}"
        return (
            f"Tilknyttet {target}" if fact.type == LINKED else f"Tilknytning til {target} fjernet"
        )
    names = [FIELDS_DA[field] for field in fields]
    if not names:
        return "Kontakt berigtiget"
    listed = " og ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    return f"{listed[0].upper()}{listed[1:]} berigtiget"


def _changes(before: Contact, after: Contact, fact: Fact) -> tuple[list[Json], list[Json]]:
    """Return the changes anyone may see, and those of the assessment."""
    if fact.type in (LINKED, UNLINKED):
        return [_change("links", before.body["links"], after.body["links"])], []
    if fact.type == RETRACTED:
        return [_change("status", before.body["status"], after.body["status"])], []
    plain, internal = [], []
    for field in fact.data["fields"]:
        if field == _INTERNAL_FIELD:
            internal.append(_change(field, before.internal, after.internal))
        elif field != _PERSON_FIELD:
            plain.append(_change(field, before.body[field], after.body[field]))
    return plain, internal


def _people_changes(before: Contact, after: Contact) -> list[tuple[Json | None, Json | None]]:
    """Pair participants before and after by who they are; an unpaired one left or joined."""
    left = [(_who(person), person) for person in before.people]
    pairs: list[tuple[Json | None, Json | None]] = []
    for person in after.people:
        same = next((item for item in left if item[0] == _who(person)), None)
        if same is not None:
            left.remove(same)
        if same is None or same[1] != person:
            pairs.append((same[1] if same else None, person))
    return [*((person, None) for _, person in left), *pairs]


def _who(person: Json) -> str:
    """Return what tells participants apart: the pseudonym, or the role of an unnamed one."""
    return str(person["person"] or f"role:{person['role']}")


def _blind(person: Json | None) -> Json | None:
    return None if person is None else blind(person)


def _change(field: str, before: object, after: object) -> Json:
    return {"field": field, "before": before, "after": after}


def _elements(changes: Iterable[Json]) -> bytes:
    return b",".join(orjson.dumps(change) for change in changes)
