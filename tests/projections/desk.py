"""The entry point's desk, as tests of views tell its day: by the product's own decisions."""

from datetime import UTC, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from domain.access import Sight
from domain.enquiries import EnquiryEvent, EnquiryReceived, ReceiveEnquiry
from domain.enquiries import commands as given
from domain.enquiries.decisions import EnquiryState, Known, evolve, receive, step
from domain.storage.clock import id_of
from domain.values import ContactId, PartyId, PartyRef
from projections import enquiries
from projections.enquiries import EnquiryQuery
from projections.enquiry_clocks import Judged
from projections.runner import positions
from projections.storage import ViewStore
from tests.projections.memory import EVERYTHING, PARTIES, Story

ZONE = ZoneInfo("Europe/Copenhagen")
MORE = {name: PartyRef(id=PartyId(f"id-{name}"), name=name) for name in ("CBD", "AAB")}
"""CBD is a unit of TMF."""


V = "enquiries_1_1"
SOON = datetime(2010, 2, 23, 12, tzinfo=UTC)


class Desk:
    """Tells a story what the desk and the administrations do with enquiries."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.states: dict[str, EnquiryState] = {}
        numbers = count()
        self.known = Known(
            now=datetime(2020, 1, 1, tzinfo=UTC),
            zone=ZONE,
            parties={**PARTIES, **MORE},
            media=frozenset({"phone", "email", "letter"}),
            pseudonym=story.codec.vault.pseudonym,
            new_id=lambda: id_of("new", str(next(numbers))),
            ancestors={"id-CBD": ("id-TMF",)},
        )

    def receive(self, **fields: Any) -> str:
        """Receive an enquiry and return its id; what is not given is some plain enquiry."""
        enquiry_id = id_of("enquiry", str(self.story.log.head()))
        contact_id = ContactId(id_of("contact-of", enquiry_id))
        command = ReceiveEnquiry.model_validate(PLAIN | fields, strict=False)
        self._tell(receive(command, enquiry_id, contact_id, self.known))
        return enquiry_id

    def take(self, enquiry_id: str, command: str, **fields: Any) -> None:
        """Take a step; `command` is the name of its class."""
        model = getattr(given, command)
        into = self.states.get(fields.get("into", ""))
        fields.setdefault("occurred", "2010-02-23")
        asked = model.model_validate(fields, strict=False)
        self._tell(step(self.states[enquiry_id], asked, self.known, into))

    def tell(self, event: EnquiryEvent) -> None:
        """Record an event as it is."""
        self._tell([event])

    def _tell(self, events: Any) -> None:
        for event in events:
            self.story.tell(event)
            if (enquiry_id := getattr(event, "enquiry_id", None)) is not None:
                state = EnquiryState() if isinstance(event, EnquiryReceived) else None
                before = state or self.states[enquiry_id]
                self.states[enquiry_id] = evolve(before, event)


PLAIN: dict[str, Any] = {
    "sender": "KAB",
    "administrations": ["TMF"],
    "medium": "email",
    "received": "2010-02-22",
    "subject": "Anvisning i Sydhavnen",
}


# ── questions to the view, answers parsed ────────────────────────────────────────────────────────


def judged(day: str | datetime = SOON) -> Judged:
    now = day if isinstance(day, datetime) else datetime.fromisoformat(f"{day}T12:00:00+00:00")
    return Judged(now, ZONE)


def listed(
    store: ViewStore,
    query: EnquiryQuery | None = None,
    *,
    at: int | None = None,
    day: str | None = None,
    sight: Sight = EVERYTHING,
    by: str | datetime = SOON,
) -> list[dict[str, Any]]:
    with store.reading() as reader:
        position = positions(store)["enquiries"].position if at is None else at
        page = enquiries.inbox(reader, V, position, day, sight, judged(by), query or EnquiryQuery())
    return [orjson.loads(item) for item in page.items]


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [each["id"] for each in found]


def item(
    store: ViewStore,
    enquiry: str,
    *,
    at: int | None = None,
    sight: Sight = EVERYTHING,
    by: str | datetime = SOON,
    day: str | None = None,
) -> Any:
    with store.reading() as reader:
        position = positions(store)["enquiries"].position if at is None else at
        found = enquiries.one(reader, V, position, day, sight, judged(by), enquiry)
    return None if found is None else orjson.loads(found.body)


def steps(store: ViewStore, enquiry: str, *, sight: Sight = EVERYTHING, **more: Any) -> Any:
    with store.reading() as reader:
        position = more.pop("at", None) or positions(store)["enquiries"].position
        found = enquiries.steps(reader, V, position, None, sight, enquiry, **more)
    return None if found is None else [orjson.loads(step) for step in found]
