"""The direct door (direkte kontakt): being turned away from it is itself written down.

Direct contact needs no enquiry, no case and no permission. When an administration sends somebody on
to the entry point or refuses, either side may say so. Each side's account (fremstilling) is its
own: the other side's stands beside it and can withdraw nothing of it. Source: domain.md 1.8 E.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.contacts import Known
from domain.errors import Fault, Refused, Unknown
from domain.values import (
    CLOCK_TOLERANCE,
    LIST_ITEMS_MAX,
    Code,
    Confidentiality,
    Name,
    Number,
    Occurred,
    OccurredGiven,
    PartyRef,
    Reason,
    Source,
    Text,
    UuidText,
    Value,
    refuse_if,
)


class Side(StrEnum):
    """Whose account it is (hvis fremstilling)."""

    ADMINISTRATION = "administration"
    ORGANISATION = "organisation"


class ReportTurnedAway(Value):
    """Write down that a direct contact was redirected or refused (meld afvist direkte kontakt).

    `about` is the id of the other side's account of the same attempt, so that one attempt told
    twice counts once. `side` is given by who asks; staff may record what an organisation told them.
    """

    id: UuidText | None = None
    administration: Name = Field(examples=["TMF"])
    organisation: Name = Field(examples=["KAB"])
    by_unit: Name | None = None
    medium: Code = Field(examples=["phone"])
    occurred: OccurredGiven
    told: Text | None = Field(default=None, description="What happened, in one's own words")
    reason: Reason | None = Field(default=None, description="The reason that was given")
    still_helped: bool | None = None
    topics: Annotated[tuple[Number, ...], Field(max_length=LIST_ITEMS_MAX)] = ()
    about: UuidText | None = None
    side: Side | None = None
    confidentiality: Confidentiality = Confidentiality.INTERNAL
    source: Source | None = None


class ReportRedirected(ReportTurnedAway):
    """A direct contact was sent on to the entry point (henvist til én indgang)."""


class ReportRefused(ReportTurnedAway):
    """A direct contact was refused (direkte kontakt afvist)."""


class WithdrawAccount(Value):
    """Withdraw one's own account (træk egen fremstilling tilbage); the history stays."""

    reason: Reason


class AccountText(Value):
    """What is told of the attempt; sealed under the attempt's own key."""

    told: Text | None = None
    reason: Reason | None = None


class TurnedAway(Value):
    """What both events hold."""

    account_id: str
    side: Side
    administration: PartyRef
    organisation: PartyRef
    by_unit: PartyRef | None = None
    medium: str
    occurred: Occurred
    text: AccountText | None
    still_helped: bool | None = None
    topics: tuple[str, ...] = ()
    about: str | None = None
    confidentiality: Confidentiality
    source: Source | None = None


class DirectContactRedirected(TurnedAway):
    """A direct contact was sent on to the entry point (henvist til én indgang)."""


class DirectContactRefused(TurnedAway):
    """A direct contact was refused (direkte kontakt afvist)."""


class WithdrawalText(Value):
    """Why an account was withdrawn; sealed under the attempt's key."""

    reason: Reason


class DirectAccountWithdrawn(Value):
    """An account of being turned away was withdrawn by the side that gave it (trukket tilbage)."""

    account_id: str
    side: Side
    why: WithdrawalText | None


DirectContactEvent = DirectContactRedirected | DirectContactRefused | DirectAccountWithdrawn


def tags_of(event: DirectContactEvent) -> list[str]:
    """Return the tags: the account, the parties, and the other side's account it is about."""
    tags = [f"account:{event.account_id}"]
    if isinstance(event, DirectAccountWithdrawn):
        return tags
    parties = [event.administration, event.organisation]
    parties += [event.by_unit] if event.by_unit else []
    tags += [f"party:{party.id}" for party in parties]
    tags += [f"about_account:{event.about}"] if event.about else []
    return list(dict.fromkeys(tags))


# ── decisions ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class AccountState:
    """One side's account as its own events tell it; `version` counts them."""

    account: TurnedAway | None = None
    withdrawn: bool = False
    version: int = 0


def evolve(state: AccountState, event: DirectContactEvent) -> AccountState:
    """Fold one event into the state; total, never refuses."""
    state = replace(state, version=state.version + 1)
    if isinstance(event, DirectAccountWithdrawn):
        return replace(state, withdrawn=True)
    return replace(state, account=event)


def report(
    command: ReportRedirected | ReportRefused,
    account_id: str,
    side: Side,
    known: Known,
    other: AccountState | None = None,
) -> DirectContactRedirected | DirectContactRefused:
    """Decide an account of being turned away; nothing of the other side can stand in its way.

    `other` is the account that the command is `about`: it must be the other side's, of the same
    administration and organisation, or an attempt could be made to count for nothing.
    """
    faults: list[Fault] = []
    occurred = command.occurred.resolve(known.zone)
    if _in_future(occurred, known) and not known.lenient:
        faults.append(Fault("/occurred", "occurred_in_future"))
    if command.medium not in known.media:
        faults.append(Fault("/medium", "unknown_medium", {"medium": command.medium}))
    named = {"administration": command.administration, "organisation": command.organisation}
    named |= {"by_unit": command.by_unit} if command.by_unit else {}
    for place, key in named.items():
        if known.parties.get(key) is None:
            code = "ambiguous_party" if key in known.parties else "unknown_party"
            faults.append(Fault(f"/{place}", code))
    found = {place: known.parties.get(key) for place, key in named.items()}
    faults += _same_attempt_faults(command, side, found, other)
    refuse_if(faults)
    told = AccountText(told=command.told, reason=command.reason)
    fields = {
        "account_id": account_id,
        "side": side,
        **found,
        "medium": command.medium,
        "occurred": occurred,
        "text": told if told != AccountText() else None,
        "still_helped": command.still_helped,
        "topics": tuple(dict.fromkeys(command.topics)),
        "about": command.about,
        "confidentiality": command.confidentiality,
        "source": command.source,
    }
    if isinstance(command, ReportRedirected):
        return DirectContactRedirected.model_validate(fields)
    return DirectContactRefused.model_validate(fields)


def _same_attempt_faults(
    command: ReportTurnedAway,
    side: Side,
    found: dict[str, PartyRef | None],
    other: AccountState | None,
) -> Iterator[Fault]:
    here, there = found["administration"], found["organisation"]
    if here is not None and here == there:
        yield Fault("/organisation", "duplicate_entry")
    if command.about is None:
        return
    account = other.account if other else None
    told = account and (account.account_id, account.administration.id, account.organisation.id)
    ours = (command.about, here.id if here else "", there.id if there else "")
    if account is None or account.side is side or told != ours:
        yield Fault("/about", "not_the_same_attempt")


def _in_future(occurred: Occurred, known: Known) -> bool:
    limit = known.now + CLOCK_TOLERANCE
    if "T" in occurred.from_:
        return datetime.fromisoformat(occurred.from_) > limit
    return occurred.first_day > limit.astimezone(known.zone).date().isoformat()


def withdraw(state: AccountState, side: Side, command: WithdrawAccount) -> DirectAccountWithdrawn:
    """Decide that a side takes its own account back; the other side's can never be touched."""
    if state.account is None:
        raise Unknown("account_unknown")
    if state.account.side is not side:
        raise Refused("account_of_other_side")
    if state.withdrawn:
        raise Refused("account_withdrawn")
    return DirectAccountWithdrawn(
        account_id=state.account.account_id, side=side, why=WithdrawalText(reason=command.reason)
    )
