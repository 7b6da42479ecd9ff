"""The journal: events in, recorded facts out; the only way anything is written to the log.

It encodes (which seals), appends, and settles what a repeated request means: the same content again
is answered with what is stored, other content under the same id or key is refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from domain.custody import ClockSteppedBack
from domain.errors import Broken, Conflict, DomainError, Refused
from domain.log.codec import Codec, Fact, uuid_text
from domain.log.envelope import SYSTEM_ACTOR, Envelope
from domain.log.port import Append, Appended, Condition, Log, NewEvent, Outcome, QueryItem
from domain.registry import Json
from domain.storage.clock import moment, new_id
from domain.storage.writer import Writer
from domain.values import Value, instant_text


@dataclass(frozen=True, slots=True)
class Entry:
    """One request to the journal: its events, who records them, and under what condition.

    `event_ids` are made when left out. `key_hash` is the caller's idempotency key, hashed.
    """

    events: Sequence[Value]
    envelope: Envelope
    event_ids: Sequence[str] = ()
    condition: Condition | None = None
    key_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded: positions first … last, the clock, and the facts as a reader sees them."""

    position_first: int
    position_last: int
    recorded_at: int
    duplicate: bool
    facts: list[Fact] = field(repr=False)


class Journal:
    """Records events in one log; async through the writer, sync for CLI and imports."""

    def __init__(self, log: Log, codec: Codec, writer: Writer | None = None) -> None:
        """Without a writer only the sync face works."""
        self.log = log
        self.codec = codec
        self.writer = writer

    async def record(self, entry: Entry) -> Recorded:
        """Record one entry; raises what the log or the settling of a repeat raises."""
        if self.writer is None:
            raise Broken("log_broken", reason="no writer")
        request = self._request(entry)
        return self._settle(entry, request, await self.writer.append(request.append))

    async def record_decided(self, decide: Callable[[], Entry]) -> Recorded:
        """Record what `decide` returns; it is called soon, together with other requests' own.

        Raises what `decide` raises, and what `record` does.
        """
        if self.writer is None:
            raise Broken("log_broken", reason="no writer")
        made: list[tuple[Entry, _Request]] = []

        def make() -> Append:
            entry = decide()
            made.append((entry, self._request(entry)))
            return made[0][1].append

        outcome = await self.writer.append_made(make)
        return self._settle(*made[0], outcome)

    async def record_batch(self, entries: Sequence[Entry]) -> list[Recorded | DomainError]:
        """Record each entry on its own; one outcome per entry, in order."""
        if self.writer is None:
            raise Broken("log_broken", reason="no writer")
        requests = [self._request(entry) for entry in entries]
        outcomes = await self.writer.append_many([request.append for request in requests])
        return self._settle_all(entries, requests, outcomes)

    def record_sync(self, entry: Entry) -> Recorded:
        """Record one entry and wait for the disk."""
        (outcome,) = self.record_batch_sync([entry])
        if isinstance(outcome, DomainError):
            raise outcome
        return outcome

    def record_batch_sync(self, entries: Sequence[Entry]) -> list[Recorded | DomainError]:
        """Record each entry on its own in one transaction; one outcome per entry, in order."""
        requests = [self._request(entry) for entry in entries]
        outcomes = self.log.append([request.append for request in requests])
        return self._settle_all(entries, requests, outcomes)

    def history(
        self,
        tags: Sequence[str],
        types: Sequence[str] = (),
        seen: Callable[[Sequence[Fact]], bool] | None = None,
    ) -> tuple[list[Fact], list[Value], int]:
        """Return facts and events that bear all tags, and the last one's position (0 if none).

        `seen` is asked about the facts while they are sealed; when it says no, the answer is that
        there are none, and costs no look at a key more than if there were.
        """
        rows = self.log.matching([QueryItem(tuple(types), tuple(tags))])
        if seen is not None and not seen([self.codec.sealed_fact(row) for row in rows]):
            return [], [], 0
        facts = self.codec.facts(rows)
        return facts, [self.codec.event(f) for f in facts], rows[-1].position if rows else 0

    def fact_of_key(self, key_hash: bytes) -> Fact | None:
        """Return what was recorded under an idempotency key."""
        row = self.log.row_of_key(key_hash)
        return self.codec.facts([row])[0] if row else None

    def clock_step(self, previous: int, observed: int) -> NewEvent:
        """Return the event that records a clock gone back (given to the log at start)."""
        event = ClockSteppedBack(
            previous=instant_text(moment(previous)),
            observed=instant_text(moment(observed)),
            seconds=(previous - observed) // 1_000_000,
        )
        envelope = Envelope(actor=SYSTEM_ACTOR, role=SYSTEM_ACTOR, via="system")
        return self.codec.encode(event, new_id(), envelope)

    def _request(self, entry: Entry) -> "_Request":
        ids = entry.event_ids or [new_id() for _ in entry.events]
        keys = [entry.key_hash] + [None] * (len(entry.events) - 1)
        encoded = [
            self.codec.encode_clear(event, event_id, entry.envelope, key)
            for event, event_id, key in zip(entry.events, ids, keys, strict=True)
        ]
        append = Append(tuple(new for new, _ in encoded), entry.condition)
        return _Request(append, [clear for _, clear in encoded])

    def _settle_all(
        self, entries: Sequence[Entry], requests: "Sequence[_Request]", outcomes: Sequence[Outcome]
    ) -> list[Recorded | DomainError]:
        settled: list[Recorded | DomainError] = []
        for entry, request, outcome in zip(entries, requests, outcomes, strict=True):
            if isinstance(outcome, DomainError):
                settled.append(outcome)
                continue
            try:
                settled.append(self._settle(entry, request, outcome))
            except DomainError as error:
                settled.append(error)
        return settled

    def _settle(self, entry: Entry, request: "_Request", outcome: Appended) -> Recorded:
        if not outcome.duplicate:
            facts = self._facts_of(entry, request, outcome)
            last = outcome.first + outcome.size - 1
            return Recorded(outcome.first, last, outcome.recorded_at, duplicate=False, facts=facts)
        rows = self.log.rows(outcome.first - 1, outcome.size)
        facts = self.codec.facts(rows)
        if facts[0].meta.get("mark") != entry.envelope.mark:
            if entry.key_hash is not None and rows[0].key_hash == entry.key_hash:
                raise Refused("idempotency_key_reused")
            raise Conflict("event_id_reused")
        last = facts[-1].position
        return Recorded(outcome.first, last, outcome.recorded_at, duplicate=True, facts=facts)

    def _facts_of(self, entry: Entry, request: "_Request", outcome: Appended) -> list[Fact]:
        """Return the facts just stored without reading or unsealing them again."""
        meta = entry.envelope.as_json()
        return [
            Fact(
                outcome.first + index,
                outcome.recorded_at,
                uuid_text(stored.event_id),
                stored.type,
                meta,
                clear,
            )
            for index, (stored, clear) in enumerate(
                zip(request.append.events, request.clear, strict=True)
            )
        ]


@dataclass(frozen=True, slots=True)
class _Request:
    """An encoded entry: what is stored, and the data in clear as a reader will see it."""

    append: Append
    clear: list[Json]
