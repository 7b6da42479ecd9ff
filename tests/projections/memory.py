"""A log and keys in memory, and stories to tell them: tests of views in milliseconds.

The log keeps the port's promises (dense positions, pages); it has no disk to lose. Keys follow from
their numbers, so another process can open what was sealed here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from threading import Condition as Bell
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.access import Role, Sight, principal_of, sight
from domain.contacts import (
    ContactEvent,
    ContactState,
    CorrectContact,
    Known,
    LinkContact,
    LogContact,
    RetractContact,
    UnlinkContact,
    decisions,
)
from domain.contacts.decisions import evolve
from domain.log.codec import Codec, Fact
from domain.log.envelope import Envelope
from domain.log.leaf import leaf_hash
from domain.log.port import (
    PAGE_ROWS_MAX,
    Append,
    Appended,
    CheckpointRow,
    Log,
    NewEvent,
    Outcome,
    QueryItem,
    Staged,
    StoredRow,
)
from domain.log.vault import Vault
from domain.storage.clock import id_of
from domain.values import ContactId, PartyId, PartyRef, Value

START = 1_266_829_200_000_000  # 2010-02-22T09:00:00Z
SECOND = 1_000_000
ENVELOPE = Envelope(actor="key-1", role="case_officer", via="api")
NAMES = ("TMF", "SOF", "KAB", "AKB")
PARTIES = {name: PartyRef(id=PartyId(f"id-{name}"), name=name) for name in NAMES}
EVERYTHING: Sight = sight(principal_of("key-1", Role.RECORDS_OFFICER, ()))


class MemoryKeys:
    """Keys that follow from their numbers; `destroy` forgets them."""

    pepper = b"pepper"

    def __init__(self) -> None:
        self._people: dict[str, int] = {}
        self._subjects: dict[int, str] = {}
        self._gone: set[int] = set()

    def for_subject(self, subject: str) -> tuple[int, AESGCM]:
        if subject in self._people:
            return self._people[subject], _key(self._people[subject])
        number = len(self._subjects) + 1
        self._subjects[number] = subject
        if subject.startswith("person:"):
            self._people[subject] = number
        return number, _key(number)

    def find(self, numbers: Iterable[int]) -> Mapping[int, AESGCM]:
        return {number: _key(number) for number in numbers if number not in self._gone}

    def destroy(self, subject: str) -> None:
        """Destroy all keys of a subject, e.g. `contact:…` or `person:…`."""
        self._gone |= {number for number, name in self._subjects.items() if name == subject}


def _key(number: int) -> AESGCM:
    return AESGCM(sha256(f"key {number}".encode()).digest())


class MemoryStaged:
    def __init__(self, outcomes: list[Outcome]) -> None:
        self._outcomes = outcomes

    def commit(self) -> list[Outcome]:
        return self._outcomes


class MemoryLog:
    """The port without a database; `upto` shows only its beginning."""

    def __init__(self, rows: Sequence[StoredRow] = ()) -> None:
        self.stored = list(rows)
        self._bell = Bell()

    def upto(self, position: int) -> "MemoryLog":
        return MemoryLog(self.stored[:position])

    def put(self, event: NewEvent, recorded_at: int) -> int:
        position = len(self.stored) + 1
        row = StoredRow(
            position,
            recorded_at,
            event.event_id,
            event.type,
            event.tags_text,
            event.metadata,
            event.data,
            event.stream_id,
            event.stream_version,
            event.key_hash,
            leaf_hash(position, recorded_at, event.body),
        )
        with self._bell:
            self.stored.append(row)
            self._bell.notify_all()
        return position

    def stage(self, batch: Sequence[Append]) -> Staged:
        outcomes: list[Outcome] = []
        for request in batch:
            now = START + len(self.stored) * SECOND
            first = min([self.put(event, now) for event in request.events])
            outcomes.append(Appended(first, len(request.events), now))
        return MemoryStaged(outcomes)

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        return self.stage(batch).commit()

    def head(self) -> int:
        return len(self.stored)

    def rows(self, after: int, limit: int = PAGE_ROWS_MAX) -> list[StoredRow]:
        return self.stored[after : after + limit]

    def row_of(self, event_id: bytes) -> StoredRow | None:
        return next((row for row in self.stored if row.event_id == event_id), None)

    def row_of_key(self, key_hash: bytes) -> StoredRow | None:
        return next((row for row in self.stored if row.key_hash == key_hash), None)

    def matching(
        self, items: Sequence[QueryItem], after: int = 0, limit: int | None = None
    ) -> list[StoredRow]:
        def fits(row: StoredRow) -> bool:
            tags = set(orjson.loads(row.tags))
            return any(
                tags.issuperset(item.tags) and (not item.types or row.type in item.types)
                for item in items
            )

        return [row for row in self.stored[after:] if fits(row)][:limit]

    def leaves(self, first: int, count: int) -> list[bytes]:
        return [row.leaf for row in self.stored[first - 1 : first - 1 + count]]

    def position_at(self, moment: int) -> int:
        return sum(row.recorded_at <= moment for row in self.stored)

    def add_checkpoint(self, row: CheckpointRow) -> None:
        raise NotImplementedError

    def checkpoint(self, at_least: int = 0) -> CheckpointRow | None:
        return None

    def wait(self, after: int, seconds: float) -> bool:
        with self._bell:
            return self._bell.wait_for(lambda: self.head() > after, seconds)

    def probe(self) -> None:
        return

    def close(self) -> None:
        return


class Story:
    """Tells a log what happened, by the product's own decisions and codec."""

    def __init__(self, log: Log | None = None, keys: MemoryKeys | None = None) -> None:
        self.memory = MemoryLog()
        self.log: Log = log or self.memory
        self.keys = keys or MemoryKeys()
        self._nonce = 0
        self.codec = Codec(Vault(self.keys, self._entropy))
        self.states: dict[str, ContactState] = {}
        self.known = Known(
            now=datetime(2020, 1, 1, tzinfo=UTC),
            zone=ZoneInfo("Europe/Copenhagen"),
            parties=PARTIES,
            media=frozenset({"phone", "mail", "meeting"}),
            pseudonym=self.codec.vault.pseudonym,
        )

    def log_contact(self, **given: Any) -> str:
        """Log a contact and return its id; what is not given is some plain contact."""
        contact_id = ContactId(id_of("contact", str(len(self.states))))
        command = LogContact.model_validate(PLAIN | given, strict=False)
        self.states[contact_id] = ContactState()
        self._tell(contact_id, [decisions.log(command, contact_id, self.known)])
        return contact_id

    def correct(self, contact_id: str, **given: Any) -> None:
        command = CorrectContact.model_validate({"reason": "fejl"} | given, strict=False)
        self._tell(contact_id, decisions.correct(self.states[contact_id], command, self.known))

    def retract(self, contact_id: str) -> None:
        command = RetractContact(reason="skulle ikke være registreret")
        self._tell(contact_id, decisions.retract(self.states[contact_id], command))

    def link(self, contact_id: str, target: str, kind: Any = "case") -> str:
        link_id = id_of("link", str(self.log.head()))
        command = LinkContact(kind=kind, target=target)
        self._tell(contact_id, decisions.link(self.states[contact_id], command, link_id))
        return link_id

    def unlink(self, contact_id: str, link_id: str) -> None:
        command = UnlinkContact(link_id=link_id, reason="forkert sag")
        self._tell(contact_id, decisions.unlink(self.states[contact_id], command))

    def tell(self, event: Value) -> None:
        """Append any event as it is."""
        new = self.codec.encode(event, id_of("event", str(self.log.head())), ENVELOPE)
        self.log.append([Append((new,))])

    def facts(self, contact_id: str | None = None, upto: int | None = None) -> list[Fact]:
        """The facts of one contact, or all."""
        tags = (f"contact:{contact_id}",) if contact_id else ()
        rows = self.log.matching([QueryItem(tags=tags)])
        return self.codec.facts([row for row in rows if upto is None or row.position <= upto])

    def _tell(self, contact_id: str, events: Sequence[ContactEvent]) -> None:
        for event in events:
            self.tell(event)
            self.states[contact_id] = evolve(self.states[contact_id], event)

    def _entropy(self, count: int) -> bytes:
        self._nonce += 1
        return self._nonce.to_bytes(count, "big")


def seeing(role: Role, *scopes: str) -> Sight:
    """What a key of this role and scope sees."""
    return sight(principal_of("key-2", role, scopes))


def blind_to_assessment() -> Sight:
    return replace(EVERYTHING, assessment=False)


PLAIN: dict[str, Any] = {
    "channel": "direct",
    "direction": "inbound",
    "medium": "phone",
    "occurred": "2010-02-22",
    "administrations": ["TMF"],
    "organisations": ["KAB"],
    "subject": "Udlejning",
}
