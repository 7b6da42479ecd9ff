"""An enquiry as JSON bytes, the same wherever it is shown: answer, item, inbox, suggestions.

Pure: the domain folds an enquiry's facts, and this writes what came of them as fragments. What its
deadlines come to depends on the moment asked, so they alone are written when the question comes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple, cast

import orjson
from pydantic import TypeAdapter, ValidationError

from domain.access import Sight
from domain.calendar import WorkingCalendar
from domain.enquiries import EnquiryEvent, EnquiryReceived
from domain.enquiries.state import EnquiryState, Obligation, evolve
from domain.errors import Broken
from domain.log.codec import Fact
from domain.registry import EVENTS, Json
from domain.service_targets import STANDARD_CALENDARS
from projections.contact_body import blind, participant, time_text
from projections.enquiry_clocks import Judged, clocks_of, clocks_shown, written

PREFIX: Final = "enquiry."
TYPES: Final = frozenset(name for name in EVENTS if name.startswith(PREFIX))
RECEIVED: Final = "enquiry.received/1"
_PLAIN: Final = {"sender", "spoke_for", "addressed", "received_by", "medium", "written"}
_PLAIN_TOO: Final = {"received_day", "case_numbers", "confidentiality", "split_from", "source"}
_PARTIES: Final = ("sender", "received_by", "obligation", "to", "from_unit", "unit", "by")
_PARTY_LISTS: Final = ("spoke_for", "addressed")


class Fragments(NamedTuple):
    """An enquiry as bytes in parts.

    `body` lacks its closing brace; `handler` is a name as a JSON string or null; `inside` (and the
    same without who anybody is) are the members of an object, without its braces, that only the
    municipality's own people see; `clocks` is what deadlines are judged by.
    """

    body: bytes
    handler: bytes
    inside: bytes
    inside_blind: bytes
    clocks: bytes


@dataclass(frozen=True, slots=True)
class Enquiry:
    """An enquiry after some of its events; `number` and `recorded_at` are the first one's.

    `said` is its text, None when it was erased; `concerned` are the parties it concerned at any
    time: who once had it may go on reading it.
    """

    number: int
    recorded_at: int
    position: int
    changed_at: int
    state: EnquiryState
    said: Json | None
    concerned: tuple[str, ...]

    @property
    def received(self) -> EnquiryReceived:
        """Return its first event; raises Broken when that is missing."""
        if self.state.received is None:
            raise Broken("log_broken", position=self.position)
        return self.state.received


_KEPT: Final = TypeAdapter(Enquiry)


def fold(enquiry: Enquiry | None, fact: Fact) -> Enquiry:
    """Return the enquiry after one more fact.

    Raises Broken when the enquiry's first fact is missing, or the fact cannot be read.
    """
    event = _event(fact)
    if fact.type == RECEIVED:
        said = fact.data["text"]
        enquiry = Enquiry(fact.position, fact.recorded_at, 0, 0, EnquiryState(), said, ())
        event = event.model_copy(update={"text": None})
    if enquiry is None:
        raise Broken("log_broken", position=fact.position, type=fact.type)
    return replace(
        enquiry,
        position=fact.position,
        changed_at=fact.recorded_at,
        state=evolve(enquiry.state, event),
        concerned=tuple(dict.fromkeys([*enquiry.concerned, *parties_of(fact)])),
    )


def _event(fact: Fact) -> EnquiryEvent:
    try:
        found = EVENTS[fact.type].model.model_validate(fact.data, strict=False)
    except ValidationError as error:
        raise Broken("event_undecodable", position=fact.position, type=fact.type) from error
    return cast("EnquiryEvent", found)


def parties_of(fact: Fact) -> list[str]:
    """Return the ids of the parties a fact of an enquiry names."""
    data = fact.data
    named = [data.get(name) for name in _PARTIES]
    named += [party for name in _PARTY_LISTS for party in data.get(name) or ()]
    return [party["id"] for party in named if party is not None]


def kept(enquiry: Enquiry) -> bytes:
    """Return all that is needed to go on folding, as bytes."""
    return _KEPT.dump_json(enquiry, by_alias=True)


def restored(raw: bytes) -> Enquiry:
    """Return the enquiry that was kept."""
    return _KEPT.validate_json(raw)


# ── bytes ────────────────────────────────────────────────────────────────────────────────────────


def fragments(enquiry: Enquiry) -> Fragments:
    """Return the enquiry's bytes."""
    state = enquiry.state
    assigned = state.assignment.assignees if state.assignment is not None else ()
    people = [participant(each.model_dump(mode="json")) for each in assigned]
    inside = {
        "category": state.category,
        "priority": state.priority,
        "duplicate_of": state.duplicate_of,
    }
    acknowledged = state.acknowledgement
    text = acknowledged.text if acknowledged is not None else None
    return Fragments(
        orjson.dumps(_body(enquiry))[:-1],
        orjson.dumps(text.handler if text is not None else None),
        orjson.dumps({**inside, "assignees": people})[1:-1],
        orjson.dumps({**inside, "assignees": [blind(person) for person in people]})[1:-1],
        written(clocks_of(state)),
    )


def _body(enquiry: Enquiry) -> Json:
    """Return what everybody who sees the enquiry is shown of it."""
    state, received = enquiry.state, enquiry.received
    said = enquiry.said or {"subject": None, "facts": None}
    acknowledged = state.acknowledgement
    body: Json = {
        "id": received.enquiry_id,
        "version": state.version,
        "phase": state.phase,
        "position": enquiry.position,
        "recorded_at": time_text(enquiry.recorded_at),
        "changed_at": time_text(enquiry.changed_at),
        "contact_id": received.contact_id,
        **received.model_dump(mode="json", include=_PLAIN),
        "kind": state.kind,
        "received": occurred_shown(received.received.model_dump(mode="json", by_alias=True)),
        "subject": said["subject"],
        "facts": said["facts"],
        "topics": state.topics,
        "kle": state.kle,
        **received.model_dump(mode="json", include=_PLAIN_TOO),
        "obligations": [_obligation(each) for each in state.obligations.values()],
        "team": acknowledged.team if acknowledged is not None else None,
        "expected_by": state.expected_by,
        "parts": state.parts,
        "merged_into": state.merged_into,
    }
    if enquiry.said is None:
        body["erased"] = True
    return body


def _obligation(owed: Obligation) -> Json:
    settled = owed.settled.last_day if owed.settled is not None else None
    return {
        "party": owed.party.model_dump(),
        "holder": owed.holder.model_dump() if owed.holder is not None else None,
        "state": owed.state,
        "answer_kind": owed.answer_kind,
        "answered_on": settled if owed.answer_kind is not None else None,
    }


def occurred_shown(occurred: Json) -> Json:
    """Return a time as it is shown everywhere."""
    return {name: occurred[name] for name in ("from", "to", "precision", "text")}


def shown(
    facts: Iterable[Fact],
    sight: Sight,
    now: datetime,
    zone: tzinfo = UTC,
    calendars: Mapping[str, WorkingCalendar] = STANDARD_CALENDARS,
) -> bytes:
    """Return the JSON one with this sight is given of an enquiry, from its own facts alone.

    Facts of other things among them are passed over. Deadlines are judged by `now` in the
    municipality's zone. Raises Broken when the first fact is missing.
    """
    enquiry: Enquiry | None = None
    for fact in facts:
        if fact.type in TYPES:
            enquiry = fold(enquiry, fact)
    if enquiry is None:
        raise Broken("log_broken")
    return compose(fragments(enquiry), sight, Judged(now, zone, calendars))


def compose(parts: Fragments, sight: Sight, judged: Judged) -> bytes:
    """Return the JSON one with this sight is given, its deadlines as at the moment judged by."""
    handler = parts.handler if sight.persons else b"null"
    inside = b""
    if sight.assessment:
        inside = b"," + (parts.inside if sight.persons else parts.inside_blind)
    deadlines = orjson.dumps(clocks_shown(parts.clocks, judged, marks=sight.assessment))
    return b'%b,"handler":%b%b,"deadlines":%b}' % (parts.body, handler, inside, deadlines)
