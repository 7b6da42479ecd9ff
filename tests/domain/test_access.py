"""Who may do what: the whole table, and what each role sees of a contact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain import access
from domain.access import (
    SCOPES_MAX,
    Action,
    IssueKey,
    KeyIssued,
    KeyRevoked,
    Principal,
    Role,
    demand,
    demand_logging,
    issue,
    may,
    principal_of,
    sees,
    sight,
    under,
)
from domain.errors import Refused
from domain.values import Confidentiality

OPEN, INTERNAL, RESTRICTED = Confidentiality
ANYBODY = "read_own_rights read_parties read_checkpoint read_rules"
READER = f"{ANYBODY} read_contacts read_reports read_enquiries read_direct_contact read_records"
STAFF = f"{READER} log_contact change_contact change_parties read_imports receive_enquiry \
supply_information handle_enquiry report_turned_away change_records"
RIGHTS = {
    Role.CASE_OFFICER: STAFF,
    Role.ENTRY_DESK: f"{STAFF} change_rules",
    Role.MANAGER: f"{STAFF} change_rules",
    Role.INTEGRATION: STAFF,
    Role.RECORDS_OFFICER: f"{STAFF} read_log",
    Role.COUNCILLOR: READER,
    Role.AUDITOR: f"{READER} read_log read_metrics read_imports read_grants",
    Role.ORGANISATION: f"{READER} log_contact receive_enquiry supply_information \
report_turned_away",
    Role.ADMINISTRATOR: f"{ANYBODY} change_parties read_metrics change_rules read_grants \
change_grants",
}


def holder(role: Role, *scopes: str) -> Principal:
    return principal_of("k1", role, scopes)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_the_table_says_and_nothing_else(role: Role) -> None:
    allowed = {action for action in Action if may(holder(role), action)}
    assert {action.value for action in allowed} == set(RIGHTS[role].split())
    for action in Action:
        if action in allowed:
            demand(holder(role), action)
            continue
        with pytest.raises(Refused) as refusal:
            demand(holder(role), action)
        assert refusal.value.code == "not_allowed"
        assert refusal.value.params == {"role": role, "action": action}


@pytest.mark.parametrize(
    ("role", "levels", "persons", "assessment", "unfinished"),
    [
        (Role.CASE_OFFICER, {OPEN, INTERNAL, RESTRICTED}, True, True, True),
        (Role.ENTRY_DESK, {OPEN, INTERNAL, RESTRICTED}, True, True, True),
        (Role.MANAGER, {OPEN, INTERNAL, RESTRICTED}, True, True, True),
        (Role.AUDITOR, {OPEN, INTERNAL, RESTRICTED}, True, True, True),
        (Role.RECORDS_OFFICER, {OPEN, INTERNAL, RESTRICTED}, True, True, True),
        (Role.INTEGRATION, {OPEN, INTERNAL}, True, True, True),
        (Role.ORGANISATION, {OPEN, INTERNAL}, True, False, True),
        (Role.COUNCILLOR, {OPEN}, False, False, False),
        (Role.ADMINISTRATOR, {OPEN, INTERNAL}, False, False, False),
    ],
)
def test_a_role_sees_what_its_work_needs(
    role: Role, levels: set[Confidentiality], persons: bool, assessment: bool, unfinished: bool
) -> None:
    seen = sight(holder(role))
    assert seen.confidentialities == levels
    assert (seen.persons, seen.assessment, seen.unfinished) == (persons, assessment, unfinished)


def test_whoever_acts_under_no_grant_yet_may_only_ask_who_he_or_she_is() -> None:
    nobody_yet = Principal(key_id="u-" + "0" * 32, role=None)  # type: ignore[arg-type]
    assert {action for action in Action if may(nobody_yet, action)} == {Action.READ_OWN_RIGHTS}


@pytest.mark.parametrize(
    ("number", "is_under"),
    [("03.10", True), ("03.10.24", True), ("03.10 P35", True), ("03.11", False), ("03", False)],
)
def test_a_kle_number_stands_under_its_own_group_only(number: str, is_under: bool) -> None:
    assert under(number, ["03.10"]) is is_under
    assert not under(number, ["03.1"]), "no group: 03.10 stands beside it"


@pytest.mark.parametrize(
    ("role", "scopes", "level", "final", "seen"),
    [
        (Role.COUNCILLOR, (), OPEN, True, True),
        (Role.COUNCILLOR, (), OPEN, False, False),
        (Role.COUNCILLOR, (), INTERNAL, True, False),
        (Role.ORGANISATION, ("party:a",), INTERNAL, False, True),
        (Role.ORGANISATION, ("party:b",), OPEN, True, False),
        (Role.ORGANISATION, ("party:a",), RESTRICTED, True, False),
        (Role.CASE_OFFICER, ("kle:03.10",), RESTRICTED, False, True),
        (Role.CASE_OFFICER, ("kle:03.1",), OPEN, True, False),
    ],
)
def test_a_record_is_seen_by_level_finality_party_and_topic(
    role: Role, scopes: tuple[str, ...], level: Confidentiality, final: bool, seen: bool
) -> None:
    limits = sight(holder(role, *scopes))
    assert sees(limits, level, ["a"], ["03.10.24"], final=final) is seen


def test_only_a_sight_without_any_limit_is_unlimited() -> None:
    assert not sight(holder(Role.AUDITOR)).limited
    for role, *scopes in (
        (Role.COUNCILLOR,),
        (Role.INTEGRATION,),
        (Role.MANAGER, "kle:03"),
        (Role.MANAGER, "unit:a"),
        (Role.ORGANISATION,),
    ):
        assert sight(holder(role, *scopes)).limited


def test_the_table_of_sights_covers_every_role() -> None:
    assert RIGHTS.keys() == set(Role)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ORGANISATION])
def test_a_key_without_scope_sees_every_party_and_topic(role: Role) -> None:
    assert (sight(holder(role)).parties, sight(holder(role)).kle) == (None, None)


def test_a_scope_limits_to_its_parties_units_and_topics() -> None:
    scoped = holder(Role.CASE_OFFICER, "party:a", "unit:b", "kle:03.10", "kle:00")
    assert sight(scoped).parties == frozenset({"a", "b"})
    assert sight(scoped).kle == ("03.10", "00")


def test_an_organisation_without_a_party_sees_nothing() -> None:
    assert sight(holder(Role.ORGANISATION)).parties == frozenset()


def test_who_is_limited_logs_only_contacts_it_takes_part_in() -> None:
    demand_logging(holder(Role.CASE_OFFICER), ["x"])
    demand_logging(holder(Role.ORGANISATION, "party:a"), ["b", "a"])
    for limited in (holder(Role.ORGANISATION, "party:a"), holder(Role.CASE_OFFICER, "unit:a")):
        with pytest.raises(Refused) as refusal:
            demand_logging(limited, ["b"])
        assert refusal.value.code == "not_allowed"
        assert [fault.pointer for fault in refusal.value.faults] == ["/organisations"]
    with pytest.raises(Refused):
        demand_logging(holder(Role.ORGANISATION), ["a"])


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_issued_without_its_secret() -> None:
    command = IssueKey(role=Role.AUDITOR, scopes=("kle:03",), label="Revision", expires_at=None)
    assert issue(command, "k1", "ab" * 32) == KeyIssued(
        key_id="k1",
        secret_sha256="ab" * 32,
        role=Role.AUDITOR,
        scopes=("kle:03",),
        label="Revision",
    )


def test_an_organisation_s_key_says_which_organisation_it_is() -> None:
    for scopes in ((), ("kle:03",), ("unit:a",)):
        with pytest.raises(Refused) as refusal:
            issue(IssueKey(role=Role.ORGANISATION, scopes=scopes), "k1", "ab" * 32)
        assert refusal.value.code == "scope_unknown"
        assert [fault.pointer for fault in refusal.value.faults] == ["/scopes"]
    event = issue(IssueKey(role=Role.ORGANISATION, scopes=("party:a",)), "k1", "ab" * 32)
    assert event.scopes == ("party:a",)


def test_a_key_has_at_most_fifty_scopes_of_bounded_length() -> None:
    assert len(IssueKey(role=Role.AUDITOR, scopes=("kle:03",) * SCOPES_MAX).scopes) == SCOPES_MAX
    with pytest.raises(ValidationError, match="too_long"):
        IssueKey(role=Role.AUDITOR, scopes=("kle:03",) * (SCOPES_MAX + 1))
    longest = "party:" + "a" * 304
    assert IssueKey(role=Role.AUDITOR, scopes=(longest,)).scopes == (longest,)
    with pytest.raises(ValidationError, match="too_long"):
        IssueKey(role=Role.AUDITOR, scopes=(longest + "a",))


@pytest.mark.parametrize(
    "scope", ["", "party", "party:", "party: a", "role:x", "kle:\x00", "PARTY:a"]
)
def test_a_scope_of_no_known_form_is_refused(scope: str) -> None:
    with pytest.raises(ValidationError):
        IssueKey(role=Role.AUDITOR, scopes=(scope,))


@given(st.from_regex(r"(party|unit|kle):[^\s\x00][^\x00\s]{0,20}", fullmatch=True))
def test_every_scope_that_can_be_given_limits_what_is_seen(scope: str) -> None:
    seen = sight(holder(Role.CASE_OFFICER, scope))
    assert (seen.parties, seen.kle) != (None, None)


def test_a_scope_with_a_line_break_never_opens_everything() -> None:
    """`Scope` accepts it and `SCOPE_SHAPE` does not: the key would see every party."""
    try:
        command = IssueKey(role=Role.CASE_OFFICER, scopes=("party:a\nb",))
    except ValidationError:
        return
    assert sight(holder(command.role, *command.scopes)).parties is not None


def test_a_stored_scope_that_cannot_be_read_never_opens_everything() -> None:
    try:
        principal = holder(Role.CASE_OFFICER, "region:hovedstaden")
    except Refused:
        return
    assert sight(principal).parties is not None


@pytest.mark.parametrize("moment", ["soon", "2010-02-30T00:00:00Z", "\x00", "x" * 100_000])
def test_a_key_expires_at_a_moment(moment: str) -> None:
    with pytest.raises(ValidationError):
        IssueKey(role=Role.AUDITOR, expires_at=moment)


def test_a_key_s_events_are_found_by_the_key() -> None:
    issued = issue(IssueKey(role=Role.AUDITOR), "k1", "ab" * 32)
    assert access.tags_of(issued) == ["access:k1"]
    assert access.tags_of(KeyRevoked(key_id="k1", reason="mistet")) == ["access:k1"]
