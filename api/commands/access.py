"""Commands about rights: give and withdraw a grant, and put a new API key in another's place.

A person stands in the log as a pseudonym only: issuer and subject, as a sign-in service tells them,
become one keyed mark here and go no further.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple, cast

import orjson

from api.commands.recording import (
    Caller,
    Prepared,
    Settled,
    envelope_of,
    mark_of,
    parties_named,
    parties_named_sync,
    replayed,
    settle,
    settle_sync,
)
from api.main import Services
from domain import access
from domain.access import (
    GiveGrant,
    GrantEvent,
    GrantRow,
    KeyEvent,
    Principal,
    RotateKey,
    WithdrawGrant,
    grants_in_force,
    key_state,
)
from domain.errors import Conflict, Fault, Refused
from domain.log.codec import Fact
from domain.log.envelope import Envelope, Via
from domain.log.port import Condition, QueryItem
from domain.storage import clock
from domain.storage.journal import Entry
from domain.values import PartyRef
from projections import grants

GRANT_TYPES: Final = ("access.grant_given/1", "access.grant_withdrawn/1")
KEY_TYPES: Final = ("access.key_issued/1", "access.key_revoked/1", "access.key_expiry_set/1")
KEY_ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class GrantDone:
    """A grant after a command: its facts up to and with the command's own."""

    facts: Sequence[Fact]
    repeated: bool

    @property
    def position(self) -> int:
        """Position of the newest fact."""
        return self.facts[-1].position

    @property
    def grant_id(self) -> str:
        """The grant's id."""
        return str(self.facts[0].data["grant_id"])

    def body(self, day: str) -> bytes:
        """Return the grant as JSON, as its view shows it on a day."""
        body = grants.body_of(self.facts[0])
        for fact in self.facts[1:]:
            body = grants.withdrawn(body, fact)
        return grants.shown(body, day)


def holder_of(services: Services, issuer: str, subject: str) -> str:
    """Return the pseudonym of whom an issuer calls `subject`; the same for the life of the log."""
    named = orjson.dumps([issuer, subject])
    return f"u-{services.codec.vault.mark(b'holder of grants' + bytes(1) + named)}"


def principals_for(services: Services, holder: str) -> list[GrantRow]:
    """Return the grants a person may act under today, newest first (`access.chosen` picks one).

    Raises Unavailable while the view is first built.
    """
    at, suffixes = services.views.standing("grants")
    with services.store.reading() as reader:
        rows = grants.of_holder(reader, suffixes["grants"], at, holder)
    return grants_in_force(rows, services.today())


# ── scopes ───────────────────────────────────────────────────────────────────────────────────────


def keys_of_scopes(scopes: Iterable[str]) -> list[str]:
    """Return the party keys that scopes name, each once."""
    parts = (scope.partition(":") for scope in scopes)
    return list(dict.fromkeys(key for kind, _, key in parts if kind in {"party", "unit"}))


def resolved(scopes: Sequence[str], found: Mapping[str, PartyRef | None]) -> tuple[str, ...]:
    """Return the scopes with every party named by its id; refused with each that names none."""
    made: list[str] = []
    faults: list[Fault] = []
    for index, scope in enumerate(scopes):
        kind, _, key = scope.partition(":")
        party = found.get(key)
        if kind == "kle":
            made.append(scope)
        elif party is not None:
            made.append(f"{kind}:{party.id}")
        else:
            code = "ambiguous_party" if key in found else "unknown_party"
            faults.append(Fault(f"/scopes/{index}", code))
    if faults:
        raise Refused("scope_unknown", faults)
    return tuple(dict.fromkeys(made))


# ── grants ───────────────────────────────────────────────────────────────────────────────────────


async def give_grant(
    services: Services,
    principal: Principal,
    command: GiveGrant,
    *,
    via: Via,
    key: str | None = None,
) -> GrantDone:
    """Give a right; the same request again under the same key answers what is recorded."""
    found = await parties_named(services, keys_of_scopes(command.scopes))
    entry = _gift(services, Caller(principal, via, key), command, found)
    recorded = await services.journal.record(entry)
    return GrantDone(recorded.facts, recorded.duplicate)


def give_grant_sync(
    services: Services,
    principal: Principal,
    command: GiveGrant,
    *,
    via: Via,
    key: str | None = None,
) -> GrantDone:
    """Give a right (CLI)."""
    found = parties_named_sync(services, keys_of_scopes(command.scopes))
    entry = _gift(services, Caller(principal, via, key), command, found)
    recorded = services.journal.record_sync(entry)
    return GrantDone(recorded.facts, recorded.duplicate)


def _gift(
    services: Services, caller: Caller, command: GiveGrant, found: Mapping[str, PartyRef | None]
) -> Entry:
    holder = command.holder or holder_of(services, command.issuer or "", command.subject or "")
    scopes = resolved(command.scopes, found)
    meant = command.model_copy(update={"scopes": scopes})
    event = access.give(meant, clock.new_id(), holder, caller.principal.key_id)
    mark = mark_of(services, "give_grant", command)
    return Entry([event], envelope_of(caller, mark), key_hash=caller.key_hash)


@dataclass(frozen=True, slots=True)
class _Withdrawal:
    """A withdrawal of one grant: who, which, why."""

    services: Services
    caller: Caller
    grant_id: str
    command: WithdrawGrant

    def attempt(self) -> Prepared | Settled:
        """Read the grant's history and decide; or find the answer given before."""
        mark = mark_of(self.services, "withdraw_grant", self.command, self.grant_id)
        tags = [f"access:{self.grant_id}"]
        facts, events, last = self.services.journal.history(tags, GRANT_TYPES)
        before = replayed(self.services, self.caller, mark) if facts else None
        if before is not None:
            return Settled([fact for fact in facts if fact.position <= before.position], None)
        event = access.withdraw([cast("GrantEvent", each) for each in events], self.command)
        condition = Condition((QueryItem(GRANT_TYPES, tuple(tags)),), last)
        envelope = envelope_of(self.caller, mark)
        key_hash = self.caller.key_hash
        return Prepared(Entry([event], envelope, condition=condition, key_hash=key_hash), facts)


def _done(settled: Settled) -> GrantDone:
    recorded = settled.recorded
    if recorded is None:
        return GrantDone(settled.history, repeated=True)
    return GrantDone([*settled.history, *recorded.facts], recorded.duplicate)


async def withdraw_grant(
    services: Services,
    principal: Principal,
    grant_id: str,
    command: WithdrawGrant,
    *,
    via: Via,
    key: str | None = None,
) -> GrantDone:
    """Take a right back; Unknown, or Refused when it was taken back before."""
    way = _Withdrawal(services, Caller(principal, via, key), grant_id, command)
    return _done(await settle(services, way.attempt))


def withdraw_grant_sync(
    services: Services,
    principal: Principal,
    grant_id: str,
    command: WithdrawGrant,
    *,
    via: Via,
    key: str | None = None,
) -> GrantDone:
    """Take a right back (CLI)."""
    way = _Withdrawal(services, Caller(principal, via, key), grant_id, command)
    return _done(settle_sync(services, way.attempt))


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


class NewKey(NamedTuple):
    """A key just made: its token, shown this once, its id, and what the log keeps of its secret."""

    token: str
    key_id: str
    secret_sha256: str


def new_key() -> NewKey:
    """Return a fresh id and secret."""
    key_id, secret = clock.entropy(KEY_ID_BYTES).hex(), clock.secret_text()
    return NewKey(f"kl_{key_id}_{secret}", key_id, sha256(secret.encode()).hexdigest())


class Rotated(NamedTuple):
    """What a rotation came to: the new key, its event, and the old key's end."""

    made: NewKey
    facts: Sequence[Fact]


def rotate_key_sync(
    services: Services, principal: Principal, command: RotateKey, *, via: Via
) -> Rotated:
    """Put a new key in another's place (CLI); two at once: one wins, the other is told."""
    tags = (f"access:{command.key_id}",)
    _, events, last = services.journal.history(list(tags), KEY_TYPES)
    state = key_state(cast("KeyEvent", event) for event in events)
    made = new_key()
    decided: Any = access.rotate(state, command, made.key_id, made.secret_sha256, clock.now())
    envelope = Envelope(actor=principal.key_id, role=principal.role, via=via)
    condition = Condition((QueryItem(KEY_TYPES, tags),), last)
    try:
        recorded = services.journal.record_sync(Entry(decided, envelope, condition=condition))
    except Conflict as conflict:
        raise Conflict("condition_failed") from conflict
    return Rotated(made, recorded.facts)
