"""The direct door (direkte kontakt): being turned away from it is itself written down.

Direct contact needs no enquiry, no case and no permission. When an administration sends somebody on
to the entry point or refuses, either side may say so. Each side's account (fremstilling) is its
own: the other side's stands beside it and can withdraw nothing of it. Source: domain.md 1.8 E.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.values import (
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
