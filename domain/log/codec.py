"""Between events and stored bytes: names, upcasting, sealing of personal parts, tags.

Only names of the closed registry are known; nothing stored can make us load other code. Readers of
the log get `Fact`s, plain dicts without validation (views), or events (decisions).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import Broken
from domain.log.envelope import Envelope
from domain.log.leaf import body_hash
from domain.log.port import NewEvent, StoredRow
from domain.log.vault import Vault
from domain.registry import EVENTS, NAMES, UPCASTERS, EventType, Json
from domain.values import Value

DETAILS: Final = "details"


@dataclass(slots=True)
class Fact:
    """A decoded row: personal parts are opened, and None where their key was destroyed."""

    position: int
    recorded_at: int
    """Microseconds since 1970-01-01 UTC."""
    event_id: str
    """Canonical UUID text."""
    type: str
    meta: Json
    data: Json


def uuid_text(raw: bytes) -> str:
    """Return 16 bytes as canonical UUID text."""
    h = raw.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


class Codec:
    """Encodes events and decodes rows with one vault and one registry."""

    def __init__(
        self,
        vault: Vault,
        events: Mapping[str, EventType] = EVENTS,
        upcasters: Mapping[str, tuple[str, Callable[[Json], Json]]] = UPCASTERS,
    ) -> None:
        """`events` and `upcasters` are the closed registry; tests may pass their own."""
        self.vault = vault
        self._events = events
        self._upcasters = upcasters
        self._names = NAMES if events is EVENTS else {k.model: n for n, k in events.items()}

    def encode(
        self, event: Value, event_id: str, envelope: Envelope, key_hash: bytes | None = None
    ) -> NewEvent:
        """Return the event ready to be stored; `event_id` is canonical UUID text."""
        return self.encode_clear(event, event_id, envelope, key_hash)[0]

    def encode_clear(
        self, event: Value, event_id: str, envelope: Envelope, key_hash: bytes | None = None
    ) -> tuple[NewEvent, Json]:
        """Return the event ready to be stored, and its data in clear as a reader will see it."""
        kind = self._events[self._names[type(event)]]
        tags = tuple(sorted(set(kind.tags_of(event))))
        clear = event.model_dump(mode="json", by_alias=True)
        data = self._sealed(kind, clear, event_id) if kind.subject else clear
        metadata = orjson.dumps(envelope.as_json())
        payload = orjson.dumps(data)
        tags_text = orjson.dumps(tags).decode()
        raw = bytes.fromhex(event_id.replace("-", ""))
        body = body_hash(raw, kind.name, tags_text, metadata, payload, None, None, key_hash)
        new = NewEvent(raw, kind.name, tags, tags_text, metadata, payload, body, key_hash=key_hash)
        return new, clear

    def facts(self, rows: Sequence[StoredRow]) -> list[Fact]:
        """Return a page of rows decoded, newest shape, personal parts opened."""
        facts = [self._fact(row) for row in rows]
        keys = self.vault.keys.find(_key_numbers(facts, self._events))
        for fact in facts:
            with _undecodable(fact):
                self._open(self._events[fact.type], fact, keys)
        return facts

    def event(self, fact: Fact) -> Value:
        """Return the fact as its event model, for decisions."""
        try:
            return self._events[fact.type].model.model_validate(fact.data, strict=False)
        except ValueError as error:
            raise Broken("event_undecodable", position=fact.position, type=fact.type) from error

    def sealed_fact(self, row: StoredRow) -> Fact:
        """Return a row decoded without opening anything (audit and proof need no keys)."""
        return self._fact(row)

    def _fact(self, row: StoredRow) -> Fact:
        try:
            data, meta = orjson.loads(row.data), orjson.loads(row.metadata)
        except orjson.JSONDecodeError as error:
            raise Broken("event_undecodable", position=row.position, type=row.type) from error
        name = row.type
        while name not in self._events:
            if name not in self._upcasters:
                raise Broken("event_undecodable", position=row.position, type=row.type)
            name, upcast = self._upcasters[name]
            data = upcast(data)
        return Fact(row.position, row.recorded_at, uuid_text(row.event_id), name, meta, data)

    def _sealed(self, kind: EventType, clear: Json, event_id: str) -> Json:
        """Return a copy of the data with its personal parts sealed."""
        data = dict(clear)
        subject = f"{kind.subject.removesuffix('_id')}:{clear[kind.subject]}"
        for name in kind.sealed:
            if clear[name] is not None:
                place = f"{event_id}/{name}"
                data[name] = self.vault.seal(subject, orjson.dumps(clear[name]), place)
        if kind.sealed_people and clear[kind.sealed_people]:
            data[kind.sealed_people] = [
                self._sealed_person(person, f"{event_id}/{kind.sealed_people}/{index}")
                for index, person in enumerate(clear[kind.sealed_people])
            ]
        return data

    def _sealed_person(self, person: Json, place: str) -> Json:
        if person[DETAILS] is None:
            return person
        owner = f"person:{person['person']}"
        sealed = self.vault.seal(owner, orjson.dumps(person[DETAILS]), place)
        return {**person, DETAILS: sealed}

    def _open(self, kind: EventType, fact: Fact, keys: Mapping[int, AESGCM]) -> None:
        for name in kind.sealed:
            if fact.data[name] is not None:
                place = f"{fact.event_id}/{name}"
                clear = self.vault.open(fact.data[name], place, keys)
                fact.data[name] = None if clear is None else orjson.loads(clear)
        for index, person in enumerate(fact.data.get(kind.sealed_people or "") or ()):
            if person[DETAILS] is not None:
                place = f"{fact.event_id}/{kind.sealed_people}/{index}"
                clear = self.vault.open(person[DETAILS], place, keys)
                person[DETAILS] = None if clear is None else orjson.loads(clear)


def _key_numbers(facts: Iterable[Fact], events: Mapping[str, EventType]) -> set[int]:
    """Collect every key a page needs, so that the vault is asked once."""
    numbers: set[int] = set()
    for fact in facts:
        kind = events[fact.type]
        with _undecodable(fact):
            for name in kind.sealed:
                if fact.data[name] is not None:
                    numbers.add(fact.data[name]["key"])
            for person in fact.data.get(kind.sealed_people or "") or ():
                if person[DETAILS] is not None:
                    numbers.add(person[DETAILS]["key"])
    return numbers


class _undecodable:  # noqa: N801 a context manager; as a generator it costs ten times as much
    """Turn what a malformed row provokes into Broken that names its position."""

    __slots__ = ("_fact",)

    def __init__(self, fact: Fact) -> None:
        self._fact = fact

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, LookupError | TypeError | AttributeError):
            fact = self._fact
            raise Broken("event_undecodable", position=fact.position, type=fact.type)


def json_bytes(value: Any) -> bytes:
    """Return compact JSON bytes; the one way stored and served JSON is written."""
    return orjson.dumps(value)
