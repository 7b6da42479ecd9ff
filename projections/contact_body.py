"""A contact as JSON bytes, the same wherever it is shown: answer, item, list, history, timeline.

Pure: folds a contact's facts into its present form and writes that as fragments, so that a list
only joins bytes and each reader is given the parts he or she may see.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson

from domain.access import Sight
from domain.errors import Broken
from domain.log.codec import Fact
from domain.registry import Json

LOGGED: Final = "contact.logged/1"
CORRECTED: Final = "contact.corrected/1"
RETRACTED: Final = "contact.retracted/1"
LINKED: Final = "contact.linked/1"
UNLINKED: Final = "contact.unlinked/1"
TYPES: Final = frozenset({LOGGED, CORRECTED, RETRACTED, LINKED, UNLINKED})

CONTENT_FIELDS: Final = (
    "channel",
    "direction",
    "medium",
    "administrations",
    "organisations",
    "audience",
    "topics",
    "kle",
    "case_numbers",
    "document_numbers",
    "confidentiality",
    "personal_data",
    "occasion",
    "outcome",
)
"""Fields of the content shown as they are stored; `occurred` is shown without its days."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Fragments(NamedTuple):
    """A contact as bytes in parts.

    `body` lacks its closing brace; `people` and `people_blind` are arrays, the latter without who
    they are; `internal` is the assessment as a JSON string or null.
    """

    body: bytes
    people: bytes
    people_blind: bytes
    internal: bytes


@dataclass(slots=True)
class Contact:
    """A contact after some of its events; `number` and `recorded_at` are the first one's."""

    number: int
    recorded_at: int
    first_day: str
    last_day: str
    body: Json
    people: list[Json]
    internal: str | None

    @property
    def version(self) -> int:
        """Return how many events made it."""
        version: int = self.body["version"]
        return version

    @property
    def retracted(self) -> bool:
        """Return whether it was withdrawn."""
        return bool(self.body["status"] == "retracted")


def time_text(microseconds: int) -> str:
    """Return microseconds since 1970 as RFC 3339 in UTC, as `values.instant_text` writes it."""
    return f"{(_EPOCH + timedelta(microseconds=microseconds)).isoformat()[:-6]}Z"


def fold(contact: Contact | None, fact: Fact) -> Contact:
    """Return the contact after one more fact; neither argument is changed.

    Raises Broken when the contact's first fact is missing.
    """
    if fact.type == LOGGED:
        return _logged(fact)
    if contact is None:
        raise Broken("log_broken", position=fact.position, type=fact.type)
    data, body = fact.data, dict(contact.body)
    body["version"] += 1
    body["position"] = fact.position
    body["changed_at"] = time_text(fact.recorded_at)
    after = replace(contact, body=body)
    match fact.type:
        case "contact.corrected/1":
            _correct(after, data)
        case "contact.retracted/1":
            body["status"] = "retracted"
        case "contact.linked/1":
            link = {"link_id": data["link_id"], "kind": data["kind"], "target": data["target"]}
            body["links"] = [*body["links"], link]
        case _:
            body["links"] = [x for x in body["links"] if x["link_id"] != data["link_id"]]
    return after


def fragments(contact: Contact) -> Fragments:
    """Return the contact's bytes."""
    return Fragments(
        orjson.dumps(contact.body)[:-1],
        orjson.dumps(contact.people),
        orjson.dumps([blind(person) for person in contact.people]),
        orjson.dumps(contact.internal),
    )


def render(facts: Iterable[Fact]) -> Fragments:
    """Return the bytes of one contact from all its facts, oldest first; the first is its logging.

    Raises Broken when the first fact is missing.
    """
    return fragments(_folded(facts))


def shown(facts: Iterable[Fact], sight: Sight) -> bytes:
    """Return what `compose(render(facts), sight)` does, without making what nobody is shown."""
    contact = _folded(facts)
    people = contact.people if sight.persons else [blind(person) for person in contact.people]
    whole = {**contact.body, "participants": people}
    if sight.assessment:
        whole["assessment"] = contact.internal
    return orjson.dumps(whole)


def _folded(facts: Iterable[Fact]) -> Contact:
    contact: Contact | None = None
    for fact in facts:
        if fact.type in TYPES:
            contact = fold(contact, fact)
    if contact is None:
        raise Broken("log_broken")
    return contact


def restore(
    number: int, recorded_at: int, first_day: str, last_day: str, parts: Fragments
) -> Contact:
    """Return the contact whose fragments these are."""
    body = orjson.loads(parts.body + b"}")
    people, internal = orjson.loads(parts.people), orjson.loads(parts.internal)
    return Contact(number, recorded_at, first_day, last_day, body, people, internal)


def compose(parts: Fragments, sight: Sight) -> bytes:
    """Return the JSON one with this sight is given."""
    return joined(*parts, persons=sight.persons, assessment=sight.assessment)


def joined(
    body: bytes,
    people: bytes,
    people_blind: bytes,
    internal: bytes,
    *,
    persons: bool,
    assessment: bool,
) -> bytes:
    """Join fragments into the JSON object, with persons and assessment or without."""
    shown = people if persons else people_blind
    if assessment:
        return b'%b,"participants":%b,"assessment":%b}' % (body, shown, internal)
    return b'%b,"participants":%b}' % (body, shown)


def blind(person: Json) -> Json:
    """Return a participant without who it is."""
    return {
        "role": person["role"],
        "party": person["party"],
        "spoke_for": person["spoke_for"],
    }


def participant(person: Json) -> Json:
    """Return a participant of an event as it is shown; details are null when erased or unknown."""
    details = person["details"]
    return {
        "person": person["person"],
        "name": details["name"] if details else None,
        "email": details["email"] if details else None,
        "phone": details["phone"] if details else None,
        "role": person["role"],
        "party": person["party"],
        "spoke_for": person["spoke_for"],
    }


_NO_TEXT: Final[Json] = {
    "subject": None,
    "facts": None,
    "assessment": None,
    "place": None,
    "commitments": [],
    "follow_ups": [],
}


def _logged(fact: Fact) -> Contact:
    data, meta = fact.data, fact.meta
    content, text = data["content"], data["text"] or _NO_TEXT
    occurred = content["occurred"]
    when = time_text(fact.recorded_at)
    links: list[Any] = []
    body: Json = {
        "id": data["contact_id"],
        "version": 1,
        "status": "logged",
        "position": fact.position,
        "recorded_at": when,
        "changed_at": when,
        "channel": content["channel"],
        "direction": content["direction"],
        "medium": content["medium"],
        "occurred": _shown(occurred),
        "documented_at": data["documented_at"],
        "administrations": content["administrations"],
        "organisations": content["organisations"],
        "audience": content["audience"],
        "subject": text["subject"],
        "facts": text["facts"],
        "place": text["place"],
        "topics": content["topics"],
        "kle": content["kle"],
        "case_numbers": content["case_numbers"],
        "document_numbers": content["document_numbers"],
        "confidentiality": content["confidentiality"],
        "negotiation": content.get("negotiation", False),
        "personal_data": content["personal_data"],
        "occasion": content["occasion"],
        "outcome": content["outcome"],
        "enquiry": data["enquiry"],
        "meeting": data["meeting"],
        "commitments": text["commitments"],
        "follow_ups": text["follow_ups"],
        "links": links,
        "source": data["source"],
        "flags": data["flags"],
        "recorded_by": {"actor": meta["actor"], "role": meta["role"], "via": meta["via"]},
    }
    if data["text"] is None:
        body["erased"] = True
    people = [participant(person) for person in data["participants"]]
    first, last = occurred["first_day"], occurred["last_day"]
    return Contact(fact.position, fact.recorded_at, first, last, body, people, text["assessment"])


def _correct(after: Contact, data: Json) -> None:
    """Put a correction into a copy of the contact; what it left alone stays."""
    body, content, text = after.body, data["content"], data["text"]
    body["status"] = "corrected"
    for name in CONTENT_FIELDS:
        body[name] = content[name]
    body["negotiation"] = content.get("negotiation", False)
    body["occurred"] = _shown(content["occurred"])
    after.first_day = content["occurred"]["first_day"]
    after.last_day = content["occurred"]["last_day"]
    if text is not None:
        for name in ("subject", "facts", "place", "commitments", "follow_ups"):
            body[name] = text[name]
        after.internal = text["assessment"]
        body.pop("erased", None)
    if data["participants"] is not None:
        after.people = [participant(person) for person in data["participants"]]


def _shown(occurred: Json) -> Json:
    return {
        "from": occurred["from"],
        "to": occurred["to"],
        "precision": occurred["precision"],
        "text": occurred["text"],
    }
