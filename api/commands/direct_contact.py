"""Commands about being turned away from the direct door: report it, or withdraw one's own account.

Whose account it is follows from who asks. An organisation tells its own side only; staff tell the
administration's, or write down what an organisation told them, and then the envelope says on whose
behalf. Nobody withdraws the other side's account, whatever role or scope they have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from api.commands.contacts import known_of
from api.commands.recording import (
    ByFacts,
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
    whole_scope,
    whole_scope_sync,
)
from api.main import Services
from domain import direct_contact
from domain.access import Action, Principal, Role, sees, sight
from domain.direct_contact import (
    AccountState,
    DirectContactEvent,
    ReportRedirected,
    ReportRefused,
    Side,
    TurnedAway,
    WithdrawAccount,
    evolve,
    report,
    withdraw,
)
from domain.errors import Conflict, Fault, Refused, Unknown
from domain.log.codec import Fact
from domain.log.envelope import Via
from domain.log.port import Condition, QueryItem
from domain.registry import EVENTS, Json
from domain.storage import clock
from domain.storage.journal import Entry
from domain.values import Confidentiality, PartyRef

ACCOUNT_TYPES: Final = tuple(
    name for name, kind in EVENTS.items() if kind.tags_of is direct_contact.tags_of
)
Report = ReportRedirected | ReportRefused
Parties = Mapping[str, PartyRef | None]


@dataclass(frozen=True, slots=True)
class AccountDone(ByFacts):
    """An account of being turned away after a command: its facts up to and with the command's."""

    account_id: str
    facts: Sequence[Fact]
    repeated: bool


# ── report ───────────────────────────────────────────────────────────────────────────────────────


async def report_turned_away(
    services: Services,
    principal: Principal,
    command: Report,
    *,
    via: Via,
    key: str | None = None,
    lenient: bool = False,
) -> AccountDone:
    """Write down that somebody was turned away; the same request again answers what is recorded."""
    caller = Caller(await whole_scope(services, principal), via, key, lenient)
    found = await parties_named(services, _keys(command))
    attempt = _Report(services, caller, command, found).attempt
    return _reported(await settle(services, attempt))


def report_turned_away_sync(
    services: Services,
    principal: Principal,
    command: Report,
    *,
    via: Via,
    key: str | None = None,
    lenient: bool = False,
) -> AccountDone:
    """Write down that somebody was turned away (CLI, imports)."""
    caller = Caller(whole_scope_sync(services, principal), via, key, lenient)
    found = parties_named_sync(services, _keys(command))
    attempt = _Report(services, caller, command, found).attempt
    return _reported(settle_sync(services, attempt))


@dataclass(frozen=True, slots=True)
class _Report:
    services: Services
    caller: Caller
    command: Report
    parties: Parties

    def attempt(self) -> Prepared | Settled:
        """Decide the account; or find the answer given before."""
        services, command, caller = self.services, self.command, self.caller
        mark = mark_of(services, type(command).__name__, command)
        before = replayed(services, caller, mark)
        if before is not None:
            return Settled([before], None)
        side = side_of(caller.principal, command.side)
        account_id = _account_id(command)
        known = known_of(services, self.parties, lenient=caller.lenient)
        event = report(command, account_id, side, known, self._other())
        _demand_taking_part(caller.principal, event)
        told = event.organisation.id if side is Side.ORGANISATION else None
        behalf = None if caller.principal.role is Role.ORGANISATION else told
        entry = Entry(
            [event],
            envelope_of(caller, mark, behalf),
            [account_id],
            key_hash=caller.key_hash,
        )
        return Prepared(entry)

    def _other(self) -> AccountState | None:
        """Return the other side's account that this one is about, if the caller may know of it."""
        if self.command.about is None:
            return None
        facts, state = history_of(self.services, self.command.about, self.caller.principal)
        return state if facts else None


def side_of(principal: Principal, given: Side | None) -> Side:
    """Return whose account it is: an organisation tells its own only."""
    if principal.role is not Role.ORGANISATION:
        return given or Side.ADMINISTRATION
    if given is Side.ADMINISTRATION:
        raise _not_allowed(principal, "/side")
    return Side.ORGANISATION


def _demand_taking_part(principal: Principal, event: TurnedAway) -> None:
    """Refuse to tell for others: an organisation must be the one turned away."""
    limits = sight(principal).parties
    if limits is None:
        return
    units = [event.by_unit] if event.by_unit else []
    own = [event.organisation]
    if principal.role is not Role.ORGANISATION:
        own += [event.administration, *units]
    if limits.isdisjoint(party.id for party in own):
        raise _not_allowed(principal, "/organisation")


def _not_allowed(principal: Principal, pointer: str) -> Refused:
    fault = Fault(pointer, "not_allowed")
    action = Action.REPORT_TURNED_AWAY
    return Refused("not_allowed", [fault], role=principal.role, action=action)


def _account_id(command: Report) -> str:
    """The caller's id; else one the source record always gives; else a fresh one."""
    if command.id is not None:
        return command.id
    if command.source is not None:
        return clock.id_of("account_source", command.source.system, command.source.id)
    return clock.new_id()


def _keys(command: Report) -> list[str]:
    units = [command.by_unit] if command.by_unit else []
    return list(dict.fromkeys([command.administration, command.organisation, *units]))


def _reported(settled: Settled) -> AccountDone:
    recorded = settled.recorded
    facts = settled.history if recorded is None else recorded.facts
    repeated = recorded is None or recorded.duplicate
    return AccountDone(facts[0].data["account_id"], facts, repeated)


# ── withdraw ─────────────────────────────────────────────────────────────────────────────────────


async def withdraw_account(
    services: Services,
    principal: Principal,
    account_id: str,
    command: WithdrawAccount,
    *,
    via: Via,
    key: str | None = None,
    if_version: int | None = None,
) -> AccountDone:
    """Withdraw one's own account; Refused for the other side's, Unknown for an unseen one."""
    caller = Caller(await whole_scope(services, principal), via, key)
    withdrawal = _Withdrawal(services, caller, account_id, command, if_version)
    return withdrawal.done(await settle(services, withdrawal.attempt))


def withdraw_account_sync(
    services: Services,
    principal: Principal,
    account_id: str,
    command: WithdrawAccount,
    *,
    via: Via,
    key: str | None = None,
    if_version: int | None = None,
) -> AccountDone:
    """Withdraw one's own side's account (CLI, imports)."""
    caller = Caller(whole_scope_sync(services, principal), via, key)
    withdrawal = _Withdrawal(services, caller, account_id, command, if_version)
    return withdrawal.done(settle_sync(services, withdrawal.attempt))


@dataclass(frozen=True, slots=True)
class _Withdrawal:
    services: Services
    caller: Caller
    account_id: str
    command: WithdrawAccount
    if_version: int | None

    def attempt(self) -> Prepared | Settled:
        """Read the account's history and decide; or find the answer given before."""
        facts, state = history_of(self.services, self.account_id, self.caller.principal)
        told = state.account
        if told is None:
            raise Unknown("account_unknown")
        mark = mark_of(self.services, "withdraw_account", self.command, self.account_id)
        before = replayed(self.services, self.caller, mark)
        if before is not None:
            return Settled([fact for fact in facts if fact.position <= before.position], None)
        if self.if_version is not None and self.if_version != state.version:
            raise Conflict("version_mismatch", current=state.version)
        side = _own_side(self.caller.principal, told)
        entry = Entry(
            [withdraw(state, side, self.command)],
            envelope_of(self.caller, mark),
            condition=Condition((_item(self.account_id),), facts[-1].position),
            key_hash=self.caller.key_hash,
        )
        return Prepared(entry, facts)

    def done(self, settled: Settled) -> AccountDone:
        """Return what the withdrawal came to."""
        recorded = settled.recorded
        if recorded is None:
            return AccountDone(self.account_id, settled.history, repeated=True)
        before = [fact for fact in settled.history if fact.position < recorded.position_first]
        return AccountDone(self.account_id, [*before, *recorded.facts], recorded.duplicate)


def history_of(
    services: Services, account_id: str, principal: Principal
) -> tuple[list[Fact], AccountState]:
    """Return an account's own facts, oldest first, and what they make it.

    One that the principal may not know of is as one that does not exist.
    """
    facts, events, _ = services.journal.history(
        [f"account:{account_id}"],
        ACCOUNT_TYPES,
        lambda facts: bool(facts) and seen(principal, facts[0].data),
    )
    state = AccountState()
    for event in events:
        state = evolve(state, cast("DirectContactEvent", event))
    return facts, state


def _item(account_id: str) -> QueryItem:
    return QueryItem(ACCOUNT_TYPES, (f"account:{account_id}",))


def _own_side(principal: Principal, told: TurnedAway) -> Side:
    """Return the side that the principal speaks for; an organisation for itself alone."""
    if principal.role is not Role.ORGANISATION:
        return Side.ADMINISTRATION
    if told.organisation.id not in principal.parties:
        raise _not_allowed(principal, "")
    return Side.ORGANISATION


def seen(principal: Principal, told: Json) -> bool:
    """Return whether the principal may know of an account, told as its first event stores it."""
    parties = {told["administration"]["id"], told["organisation"]["id"]}
    parties |= {told["by_unit"]["id"]} if told["by_unit"] else set()
    level = Confidentiality(told["confidentiality"])
    return sees(sight(principal), level, parties, (), final=True)
