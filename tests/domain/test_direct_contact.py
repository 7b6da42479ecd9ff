"""The direct door: each side tells of being turned away, and takes back its own account only."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain import direct_contact
from domain.contacts import Known
from domain.direct_contact import (
    AccountState,
    AccountText,
    DirectAccountWithdrawn,
    DirectContactEvent,
    DirectContactRedirected,
    DirectContactRefused,
    ReportRedirected,
    ReportRefused,
    Side,
    WithdrawAccount,
    WithdrawalText,
    evolve,
    tags_of,
)
from domain.errors import Refused, Unknown
from domain.values import CLOCK_TOLERANCE, Confidentiality
from tests.domain.samples import COPENHAGEN, KAB, NOW, OF_TYPE, SOF, TMF, known
from tests.domain.scenario import Refusal, Story, told

ACCOUNT = "018f0000-0000-7000-8000-0000000000c1"
OTHER = "018f0000-0000-7000-8000-0000000000c2"


def given(*events: DirectContactEvent) -> Story[AccountState]:
    return told(evolve, AccountState(), events)


def sent(**changed: Any) -> dict[str, Any]:
    return {
        "administration": "TMF",
        "organisation": "KAB",
        "medium": "phone",
        "occurred": "2010-02-22",
    } | changed


def redirected(**changed: Any) -> ReportRedirected:
    return ReportRedirected.model_validate(sent(**changed), strict=False)


def turned_away(
    side: Side = Side.ORGANISATION, account_id: str = ACCOUNT, **changed: Any
) -> DirectContactRedirected | DirectContactRefused:
    return direct_contact.report(redirected(**changed), account_id, side, known())


def that(
    command: ReportRedirected | ReportRefused,
    facts: Known | None = None,
    side: Side = Side.ORGANISATION,
    other: AccountState | None = None,
) -> Callable[[AccountState], Sequence[Any]]:
    return lambda _: [direct_contact.report(command, ACCOUNT, side, facts or known(), other)]


def taking_back(side: Side) -> Callable[[AccountState], Sequence[Any]]:
    command = WithdrawAccount(reason="misforståelse")
    return lambda state: [direct_contact.withdraw(state, side, command)]


# ── an account ───────────────────────────────────────────────────────────────────────────────────


def test_an_organisation_tells_that_it_was_sent_on() -> None:
    command = redirected(by_unit="SOF", told="Skal skrive ind", topics=["udlejning", "udlejning"])
    expected = DirectContactRedirected(
        account_id=ACCOUNT,
        side=Side.ORGANISATION,
        administration=TMF,
        organisation=KAB,
        by_unit=SOF,
        medium="phone",
        occurred=command.occurred.resolve(COPENHAGEN),
        text=AccountText(told="Skal skrive ind"),
        topics=("udlejning",),
        confidentiality=Confidentiality.INTERNAL,
    )
    given().when(that(command)).then(expected)
    assert tags_of(expected) == [
        f"account:{ACCOUNT}",
        f"party:{TMF.id}",
        f"party:{KAB.id}",
        f"party:{SOF.id}",
    ]


def test_an_administration_tells_that_it_refused() -> None:
    command = ReportRefused.model_validate(sent(still_helped=True, reason="Travlt"), strict=False)
    (event,) = given().when(that(command, side=Side.ADMINISTRATION)).events
    assert isinstance(event, DirectContactRefused)
    assert (event.side, event.still_helped) == (Side.ADMINISTRATION, True)
    assert event.text == AccountText(reason="Travlt")


def test_an_account_without_words_has_nothing_to_seal() -> None:
    assert turned_away().text is None


def test_all_that_is_wrong_is_told_at_once() -> None:
    command = redirected(
        occurred="2010-03-01",
        medium="smoke",
        administration="XYZ",
        organisation="Boligen",
        by_unit="Ukendt",
        about=OTHER,
    )
    given().when(that(command)).refused(
        Refusal(
            Refused,
            "occurred_in_future",
            (
                ("/occurred", "occurred_in_future"),
                ("/medium", "unknown_medium"),
                ("/administration", "unknown_party"),
                ("/organisation", "ambiguous_party"),
                ("/by_unit", "unknown_party"),
                ("/about", "not_the_same_attempt"),
            ),
        )
    )


def test_nobody_turns_itself_away() -> None:
    expected = Refusal(Refused, "duplicate_entry", (("/organisation", "duplicate_entry"),))
    given().when(that(redirected(organisation="TMF"))).refused(expected)


@pytest.mark.parametrize(
    ("beyond", "refused"), [(timedelta(), False), (timedelta(seconds=1), True)]
)
def test_a_moment_may_lie_ahead_as_far_as_clocks_differ(beyond: timedelta, refused: bool) -> None:
    moment = (NOW + CLOCK_TOLERANCE + beyond).isoformat()
    decided = given().when(that(redirected(occurred=moment)))
    assert (decided.error is not None) is refused


def test_a_register_keeps_a_day_ahead() -> None:
    ahead = redirected(occurred="2011-01-01")
    (event,) = given().when(that(ahead, known(lenient=True))).events
    assert isinstance(event, DirectContactRedirected)
    assert event.occurred.first_day == "2011-01-01"


# ── two accounts of one attempt ──────────────────────────────────────────────────────────────────


def about(other: DirectContactEvent | None, side: Side, **changed: Any) -> Any:
    state = evolve(AccountState(), other) if other is not None else None
    return given().when(that(redirected(about=OTHER, **changed), side=side, other=state))


THEIRS = turned_away(Side.ADMINISTRATION, OTHER)
WRONG = Refusal(Refused, "not_the_same_attempt", (("/about", "not_the_same_attempt"),))


def test_an_account_may_be_about_the_same_attempt_as_the_other_sides() -> None:
    (event,) = about(THEIRS, Side.ORGANISATION).events
    assert event.about == OTHER
    assert f"about_account:{OTHER}" in tags_of(event)


@pytest.mark.parametrize(
    ("other", "side", "changed"),
    [
        (None, Side.ORGANISATION, {}),
        (THEIRS, Side.ADMINISTRATION, {}),
        (turned_away(Side.ADMINISTRATION, ACCOUNT), Side.ORGANISATION, {}),
        (THEIRS, Side.ORGANISATION, {"administration": "SOF"}),
        (THEIRS, Side.ORGANISATION, {"organisation": "AAB"}),
        (
            DirectAccountWithdrawn(account_id=OTHER, side=Side.ADMINISTRATION, why=None),
            Side.ORGANISATION,
            {},
        ),
    ],
)
def test_an_attempt_cannot_be_counted_away_by_pointing_elsewhere(
    other: DirectContactEvent | None, side: Side, changed: dict[str, Any]
) -> None:
    about(other, side, **changed).refused(WRONG)


# ── taking it back ───────────────────────────────────────────────────────────────────────────────


def test_a_side_takes_its_own_account_back() -> None:
    given(turned_away()).when(taking_back(Side.ORGANISATION)).then(
        DirectAccountWithdrawn(
            account_id=ACCOUNT,
            side=Side.ORGANISATION,
            why=WithdrawalText(reason="misforståelse"),
        )
    )


@pytest.mark.parametrize("side", Side)
def test_no_side_takes_the_others_account_back(side: Side) -> None:
    (theirs,) = set(Side) - {side}
    decided = given(turned_away(theirs)).when(taking_back(side))
    decided.refused(Refusal(Refused, "account_of_other_side"))


def test_an_account_is_taken_back_once() -> None:
    back = DirectAccountWithdrawn(account_id=ACCOUNT, side=Side.ORGANISATION, why=None)
    decided = given(turned_away(), back).when(taking_back(Side.ORGANISATION))
    decided.refused(Refusal(Refused, "account_withdrawn"))
    assert tags_of(back) == [f"account:{ACCOUNT}"]


def test_an_account_nobody_gave_cannot_be_taken_back() -> None:
    given().when(taking_back(Side.ORGANISATION)).refused(Refusal(Unknown, "account_unknown"))


_events = st.one_of(
    *(made for model, made in OF_TYPE.items() if model.__module__ == "domain.direct_contact")
)


@for_all(st.lists(_events, max_size=6))
def test_any_facts_fold_into_a_state_and_each_counts(events: list[DirectContactEvent]) -> None:
    state = reduce(evolve, events, AccountState())
    assert state.version == len(events)
    assert state.withdrawn is any(isinstance(e, DirectAccountWithdrawn) for e in events)
