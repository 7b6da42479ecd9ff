"""What every command shares on its way to the journal: caller, mark, key, and trying again.

A change is decided from a history and appended on condition that the history still stands. When
somebody else wrote meanwhile, history is read and decided anew, a bounded number of times.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, TypeVar

import orjson

from api.main import Services
from domain.access import Principal
from domain.errors import Conflict, Refused
from domain.log.codec import Fact
from domain.log.envelope import Envelope, Via
from domain.storage.journal import Entry, Recorded
from domain.values import PartyRef, Value

ATTEMPTS_MAX: Final = 5
"""Times a change is decided anew; more writers than that on one contact is not this field."""
BATCH_ITEMS_MAX: Final = 1_000
"""Items of one batch: one transaction of the log takes 1,024."""

Result = TypeVar("Result")


class ByFacts:
    """What every answer to a command has that is told by the facts it came to."""

    __slots__ = ()
    facts: Sequence[Fact]

    @property
    def position(self) -> int:
        """Position of the newest fact."""
        return self.facts[-1].position

    @property
    def version(self) -> int:
        """How many facts there are."""
        return len(self.facts)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who gives a command, by which door, and under which idempotency key.

    `lenient` keeps and flags what registers get wrong (a time in the future) instead of refusing.
    """

    principal: Principal
    via: Via
    key: str | None = None
    lenient: bool = False

    @property
    def key_hash(self) -> bytes | None:
        """The caller's idempotency key as the log keeps it."""
        return None if self.key is None else key_hash_of(self.principal.key_id, self.key)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decided change: what to record, and the facts it was decided from."""

    entry: Entry
    history: Sequence[Fact] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """What a command came to; `recorded` is None when nothing was new or all was there before."""

    history: Sequence[Fact]
    recorded: Recorded | None


def key_hash_of(key_id: str, key: str, *parts: int) -> bytes:
    """Return the hash under which an idempotency key stands in the log.

    The key's owner is part of it, so two callers never meet; `parts` tell items of a batch apart.
    """
    text = "\n".join((key_id, key, *(str(part) for part in parts)))
    return sha256(text.encode()).digest()


def mark_of(services: Services, name: str, command: Value, target: str = "") -> str:
    """Return the keyed mark of a request: equal requests, equal marks.

    Only fields that were given count: in a correction one left out is not one emptied.
    """
    given = {field: getattr(command, field) for field in sorted(command.model_fields_set)}
    content = orjson.dumps(given, default=_members)
    return services.codec.vault.mark(f"{name}\n{target}\n".encode() + content)


def _members(value: Value) -> dict[str, Any]:
    return value.__dict__


def envelope_of(caller: Caller, mark: str, on_behalf_of: str | None = None) -> Envelope:
    """Return the envelope of a command's events."""
    return Envelope(
        actor=caller.principal.key_id,
        role=caller.principal.role,
        via=caller.via,
        mark=mark,
        on_behalf_of=on_behalf_of,
    )


def replayed(services: Services, caller: Caller, mark: str) -> Fact | None:
    """Return what was recorded under the caller's key; refused when it was another request."""
    key_hash = caller.key_hash
    fact = None if key_hash is None else services.journal.fact_of_key(key_hash)
    if fact is not None and fact.meta.get("mark") != mark:
        raise Refused("idempotency_key_reused")
    return fact


Attempt = Callable[[], Prepared | Settled]


async def settle(services: Services, attempt: Attempt) -> Settled:
    """Decide and record until nobody wrote in between."""
    for left in reversed(range(ATTEMPTS_MAX)):
        prepared = await in_turn(services, attempt)
        if isinstance(prepared, Settled):
            return prepared
        try:
            recorded = await services.journal.record(prepared.entry)
        except Conflict as conflict:
            _raise_unless_retry(conflict, left)
        else:
            return Settled(prepared.history, recorded)
    raise Conflict("condition_failed")


def settle_sync(services: Services, attempt: Attempt) -> Settled:
    """Decide and record until nobody wrote in between (CLI, imports)."""
    for left in reversed(range(ATTEMPTS_MAX)):
        prepared = attempt()
        if isinstance(prepared, Settled):
            return prepared
        try:
            recorded = services.journal.record_sync(prepared.entry)
        except Conflict as conflict:
            _raise_unless_retry(conflict, left)
        else:
            return Settled(prepared.history, recorded)
    raise Conflict("condition_failed")


def _raise_unless_retry(conflict: Conflict, left: int) -> None:
    if conflict.code != "condition_failed" or left == 0:
        raise conflict


async def in_turn(services: Services, call: Callable[[], Result]) -> Result:
    """Run a short read: here when the store is a file, in a thread when it is a server."""
    if services.on_loop:
        return call()
    return await asyncio.to_thread(call)


def whole_scope_sync(services: Services, principal: Principal) -> Principal:
    """Return the principal with each party of its scope as the whole family it belongs to by now.

    A party that was merged keeps its keys' rights: the contacts of its survivor are its own.
    """
    if not principal.parties:
        return principal
    found = services.directory.resolve(sorted(principal.parties))
    whole = [services.directory.family(party.id) for party in found.values() if party is not None]
    return replace(principal, parties=principal.parties.union(*whole))


async def whole_scope(services: Services, principal: Principal) -> Principal:
    """Return the principal with its whole scope; only a scoped key takes a look-up."""
    if not principal.parties:
        return principal
    return await asyncio.to_thread(whole_scope_sync, services, principal)


async def parties_named(services: Services, keys: Sequence[str]) -> dict[str, PartyRef | None]:
    """Return what each key means; a key just registered is waited for, off the event loop."""
    remembered = services.directory.remembered(keys)
    if len(remembered) == len(keys):
        return {**remembered}
    return await asyncio.to_thread(services.directory.resolve, keys)


def parties_named_sync(services: Services, keys: Sequence[str]) -> dict[str, PartyRef | None]:
    """Return what each key means (CLI, imports)."""
    return services.directory.resolve(keys)
