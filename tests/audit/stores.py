"""Logs to audit, made the way the product makes them: through the journal, sealed now and then."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.audit.points import SavedNote
from api.audit.postgres import PostgresSource
from api.audit.run import Job, Report, examine
from api.audit.source import Source
from api.audit.sqlite import SqliteSource
from domain import contacts, parties
from domain.contacts.events import ReasonText
from domain.log.checkpoint import SigningKey
from domain.log.codec import Codec
from domain.log.envelope import Envelope
from domain.log.vault import Vault
from domain.storage import clock
from domain.storage.journal import Entry, Journal
from domain.storage.sealer import Sealer
from domain.storage.stores import AnyLog, open_keys, open_log
from domain.values import ContactId, PartyId, Value
from tests.domain import samples

ORIGIN = "audit.example/log"
KEY = SigningKey(ORIGIN, bytes(range(32)))
THIEF = SigningKey(ORIGIN, bytes(range(1, 33)))
MASTER = b"m" * 32
NAMES = ("Ann Østergård", "Bo Bang", "Cid Ce", "Dea Dahl", "Eva Ek")
TEXTS = ("Udlejning", "Gårdanlæg og affald", "Renovering af blok 7", "Ventelister", "Nøgletal")


@dataclass
class Store:
    """One log with its address, and the notes that were handed out on the way."""

    url: str
    keys_url: str
    notes: dict[int, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite:")


def source_of(url: str) -> Source:
    if url.startswith("sqlite:"):
        return SqliteSource(Path(url.removeprefix("sqlite:///")))
    return PostgresSource(url)


def audited(store: Store, **job: Any) -> Report:
    """Audit a store with the log's own key."""
    job = {"keys": [KEY.verifier], "origin": ORIGIN, **job}
    with closing(source_of(store.url)) as source:
        return examine(source, Job(**job))


def saved(store: Store, size: int) -> SavedNote:
    return SavedNote(f"note-{size}", store.notes[size].encode())


def found(report: Report) -> list[tuple[int | None, str]]:
    """Every fault as (position, kind), in order."""
    return [(fault.position, fault.kind) for fault in report.findings.in_order()]


def contact(dice: random.Random) -> Value:
    """A contact logged with one to three people."""
    people = [
        {"name": name, "role": "sagsbehandler", "party": "KAB", "spoke_for": ["AAB"]}
        for name in dice.sample(NAMES, dice.randint(1, 3))
    ]
    command = samples.asked(
        subject=dice.choice(TEXTS),
        facts="Aftalt. " * dice.randint(1, 60),
        participants=people,
        case_numbers=[f"2009-{dice.randint(1, 999_999):06d}"],
    )
    return contacts.log(command, ContactId(clock.new_id()), samples.known())


def party(dice: random.Random) -> Value:
    name = f"Afdeling {dice.randint(1, 10**9)}"
    return parties.PartyRegistered(
        party_id=PartyId(clock.new_id()), kind="housing_organisation", name=name
    )


def retraction(event: Value) -> Value:
    reason = ReasonText(reason="Registreret to gange")
    assert isinstance(event, contacts.ContactLogged)
    return contacts.ContactRetracted(contact_id=event.contact_id, version=2, why=reason)


def entries(dice: random.Random, count: int) -> Iterator[Entry]:
    """Requests with `count` events in all: contacts, some retracted at once, and parties."""
    left = count
    while left:
        events: list[Value] = [party(dice) if dice.random() < 0.1 else contact(dice)]
        if left > 1 and isinstance(events[0], contacts.ContactLogged) and dice.random() < 0.2:
            events.append(retraction(events[0]))
        left -= len(events)
        key = dice.randbytes(32) if dice.random() < 0.5 else None
        envelope = Envelope("key-1", "case_officer", "api", mark=dice.randbytes(16).hex())
        yield Entry(events, envelope, key_hash=key)


@contextmanager
def opened(store: Store) -> Iterator[tuple[AnyLog, Journal]]:
    keys = open_keys(store.keys_url, MASTER)
    log = open_log(store.url)
    journal = Journal(log, Codec(Vault(keys, clock.entropy)))
    log.clock_step = journal.clock_step
    try:
        yield log, journal
    finally:
        log.close()
        keys.close()


def grown(store: Store, count: int, seed: int, sealed_at: Sequence[int] = ()) -> Store:
    """Record `count` events and publish a checkpoint where the log has just reached a size."""
    dice = random.Random(seed)
    with opened(store) as (log, journal):
        sealer = Sealer(log, KEY, ORIGIN)
        wanted = sorted(sealed_at)
        for entry in entries(dice, count):
            journal.record_sync(entry)
            if wanted and log.head() >= wanted[0]:
                while wanted and log.head() >= wanted[0]:
                    wanted.pop(0)
                sealer.step()
                row = log.checkpoint()
                assert row is not None
                store.notes[row.size] = row.note
    return store


def new_store(folder: Path, name: str = "log") -> Store:
    return Store(f"sqlite:///{folder}/{name}.db", f"sqlite:///{folder}/{name}-keys.db")
