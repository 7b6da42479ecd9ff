"""Grants: a role within a scope, from a day to a day, given and withdrawn; keys put in place."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain import access
from domain.access import (
    GRACE_MAX,
    GiveGrant,
    GrantGiven,
    GrantRow,
    GrantWithdrawn,
    IssueKey,
    KeyExpirySet,
    KeyIssued,
    KeyRevoked,
    Role,
    RotateKey,
    WithdrawGrant,
    chosen,
    give,
    grants_in_force,
    issue,
    key_state,
    principal_of_grant,
    rotate,
    withdraw,
)
from domain.errors import Refused, Unknown

HOLDER = "u-" + "ab" * 16
OTHER = "u-" + "cd" * 16
NOW = datetime(2010, 2, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def asked(**changed: Any) -> GiveGrant:
    sent: dict[str, Any] = {
        "holder": HOLDER,
        "role": Role.CASE_OFFICER,
        "valid_from": "2010-01-01",
        "reason": "Ansat",
    }
    sent |= changed
    return GiveGrant(**{name: value for name, value in sent.items() if value is not ...})


def row(**changed: Any) -> GrantRow:
    told: dict[str, Any] = {
        "grant_id": "g1",
        "holder": HOLDER,
        "role": Role.MANAGER,
        "scopes": (),
        "valid_from": "2010-01-01",
        "valid_to": None,
    }
    return GrantRow(**told | changed)


def test_a_grant_says_who_what_where_and_from_when() -> None:
    command = asked(scopes=("party:a", "kle:03"), valid_to="2010-12-31")
    assert give(command, "g1", HOLDER, "k1") == GrantGiven(
        grant_id="g1",
        holder=HOLDER,
        role=Role.CASE_OFFICER,
        scopes=("party:a", "kle:03"),
        valid_from="2010-01-01",
        valid_to="2010-12-31",
        reason="Ansat",
    )


def test_nobody_gives_a_right_to_himself() -> None:
    with pytest.raises(Refused) as refusal:
        give(asked(), "g1", HOLDER, HOLDER)
    assert refusal.value.code == "own_grant"


def test_an_organisation_s_grant_says_which_organisation_it_is() -> None:
    for scopes in ((), ("kle:03",), ("unit:a",)):
        with pytest.raises(Refused) as refusal:
            give(asked(role=Role.ORGANISATION, scopes=scopes), "g1", HOLDER, "k1")
        assert refusal.value.code == "scope_unknown"


@pytest.mark.parametrize(
    "changed",
    [
        {"holder": ...},
        {"issuer": "https://login.example"},
        {"holder": ..., "issuer": "https://login.example"},
        {"issuer": "https://login.example", "subject": "7f"},
        {"holder": "p-" + "ab" * 16},
        {"holder": "Kim Eksempel"},
        {"valid_to": "2009-12-31"},
        {"valid_from": "2010-02-30"},
        {"reason": "x" * 301},
        {"scopes": ("role:x",)},
        {"scopes": ("kle:03",) * 51},
    ],
)
def test_a_grant_that_cannot_be_meant_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        asked(**changed)


def test_a_holder_may_be_named_as_the_sign_in_service_does() -> None:
    command = asked(holder=..., issuer="https://login.example", subject="7f")
    assert (command.issuer, command.subject) == ("https://login.example", "7f")


def test_a_grant_is_withdrawn_once_with_a_reason() -> None:
    given_ = give(asked(), "g1", HOLDER, "k1")
    command = WithdrawGrant(reason="Fratrådt")
    gone = withdraw([given_], command)
    assert gone == GrantWithdrawn(grant_id="g1", reason="Fratrådt")
    with pytest.raises(Refused, match="grant_withdrawn"):
        withdraw([given_, gone], command)
    with pytest.raises(Unknown, match="grant_unknown"):
        withdraw([], command)


def test_the_events_are_found_by_grant_and_by_holder() -> None:
    assert access.tags_of(give(asked(), "g1", HOLDER, "k1")) == ["access:g1", f"holder:{HOLDER}"]
    assert access.tags_of(GrantWithdrawn(grant_id="g1", reason="x")) == ["access:g1"]


@pytest.mark.parametrize(
    ("changed", "day", "holds"),
    [
        ({}, "2009-12-31", False),
        ({}, "2010-01-01", True),
        ({"valid_to": "2010-12-31"}, "2010-12-31", True),
        ({"valid_to": "2010-12-31"}, "2011-01-01", False),
        ({"withdrawn": True}, "2010-06-01", False),
    ],
)
def test_a_grant_holds_from_its_first_day_to_its_last(
    changed: dict[str, Any], day: str, holds: bool
) -> None:
    assert bool(grants_in_force([row(**changed)], day)) is holds


def test_one_acts_under_one_grant_at_a_time() -> None:
    one, two = row(), row(grant_id="g2", role=Role.COUNCILLOR)
    assert chosen([one], None) == one
    assert chosen([one, two], "g2") == two
    for rows, wanted in (([], None), ([one, two], None), ([one], "g2"), ([], "g1")):
        with pytest.raises(Refused) as refusal:
            chosen(rows, wanted)
        assert (refusal.value.code, refusal.value.params) == ("choose_grant", {})


@given(st.sampled_from(Role), st.lists(st.sampled_from(["party:a", "unit:b", "kle:03"])))
def test_a_grant_carries_exactly_what_a_key_of_that_role_and_scope_would(
    role: Role, scopes: list[str]
) -> None:
    under_grant = principal_of_grant(row(role=role, scopes=tuple(scopes)))
    assert under_grant == access.principal_of(HOLDER, role, scopes)


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def key(**changed: Any) -> KeyIssued:
    told: dict[str, Any] = {"role": Role.ORGANISATION, "scopes": ("party:a",), "label": "KAB"}
    return issue(IssueKey(**told | changed), "k1", "ab" * 32)


def rotated(*events: Any, grace: timedelta = HOUR, **more: Any) -> tuple[KeyIssued, KeyExpirySet]:
    command = RotateKey(key_id="k1", grace=grace, **more)
    new, old = rotate(key_state(events), command, "k2", "cd" * 32, NOW)
    assert isinstance(new, KeyIssued) and isinstance(old, KeyExpirySet)
    return new, old


def test_a_rotated_key_hands_on_its_role_scope_and_label_and_lives_out_its_grace() -> None:
    new, old = rotated(key())
    assert (new.key_id, new.role, new.scopes, new.label) == (
        "k2",
        Role.ORGANISATION,
        ("party:a",),
        "KAB",
    )
    assert (new.secret_sha256, new.expires_at) == ("cd" * 32, None)
    assert old == KeyExpirySet(key_id="k1", expires_at="2010-02-22T13:00:00Z", replaced_by="k2")


def test_a_grace_neither_outlasts_the_key_nor_the_limit_nor_runs_backwards() -> None:
    soon = key(expires_at="2010-02-22T12:10:00Z")
    assert rotated(soon)[1].expires_at == "2010-02-22T12:10:00Z"
    assert rotated(key(), grace=-HOUR)[1].expires_at == "2010-02-22T12:00:00Z"
    longest = rotated(key(), grace=GRACE_MAX * 2)[1].expires_at
    assert datetime.fromisoformat(longest) == NOW + GRACE_MAX


def test_a_key_that_no_longer_opens_is_not_rotated() -> None:
    for events, code in (
        ((), "key_unknown"),
        ((key(), KeyRevoked(key_id="k1", reason="mistet")), "key_revoked"),
        ((key(expires_at="2010-02-22T12:00:00Z"),), "key_expired"),
        ((key(), rotated(key(), grace=timedelta())[1]), "key_expired"),
    ):
        with pytest.raises((Refused, Unknown)) as refusal:
            rotated(*events)
        assert refusal.value.code == code


def test_a_new_key_has_the_end_it_is_given() -> None:
    assert rotated(key(), expires_at="2011-01-01T00:00:00Z")[0].expires_at == "2011-01-01T00:00:00Z"
