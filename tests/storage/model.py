"""A log as a plain list: what the databases are held against, request by request."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.log.port import Append, Condition, NewEvent, QueryItem


@dataclass
class ModelLog:
    """Events in order; position = index + 1 + base."""

    base: int = 0
    events: list[NewEvent] = field(default_factory=list)

    def matching(
        self, items: Sequence[QueryItem], after: int = 0, limit: int | None = None
    ) -> list[int]:
        found = [
            position
            for position, event in enumerate(self.events, self.base + 1)
            if position > after and (not items or any(fits(event, item) for item in items))
        ]
        return found[:limit]

    def append(self, request: Append) -> set[object]:
        """Store a request if it may be; return every answer that is right."""
        known = self.known(request.events[0])
        if known:
            return {("duplicate", position) for position in known}
        if request.condition and self.fails(request.condition):
            return {"condition_failed"}
        conflicts: set[object] = set()
        stored = list(self.events)
        for event in request.events:
            if event.stream_id and any(
                (e.stream_id, e.stream_version) == (event.stream_id, event.stream_version)
                for e in stored
            ):
                conflicts.add("stream_version_taken")
            if any(e.event_id == event.event_id or same_key(e, event) for e in stored):
                conflicts.add("event_id_reused")
            stored.append(event)
        if conflicts:
            return conflicts
        first = self.base + len(self.events) + 1
        self.events = stored
        return {("stored", first)}

    def known(self, event: NewEvent) -> list[int]:
        return [
            position
            for position, e in enumerate(self.events, self.base + 1)
            if e.event_id == event.event_id or same_key(e, event)
        ]

    def fails(self, condition: Condition) -> bool:
        return bool(self.matching(condition.items, condition.after))


def fits(event: NewEvent, item: QueryItem) -> bool:
    kind = not item.types or event.type in item.types
    return kind and set(item.tags) <= set(event.tags)


def same_key(one: NewEvent, other: NewEvent) -> bool:
    return one.key_hash is not None and one.key_hash == other.key_hash
