"""API keys from the terminal: issued once, listed without secret, withdrawn for good."""

import re
from hashlib import sha256

import pytest

from api.main import open_services
from api.settings import load_settings
from projections import keys
from projections.registry import VIEWS
from projections.runner import Runner
from tests.cli.conftest import Shell


def row_of(key_id: str) -> keys.KeyRow | None:
    """The key as the HTTP door will see it."""
    services = open_services(load_settings(), writer=False)
    try:
        Runner(services.log, services.codec, services.store, VIEWS).catch_up()
        with services.store.reading() as reader:
            return keys.find(reader, services.views.suffix("keys"), key_id)
    finally:
        services.close()


def test_a_key_is_issued_before_anything_else_has_run(shell: Shell) -> None:
    done = shell("token", "new", "--role", "case_officer", "--label", "Skranken", "--json")
    assert done.code == 0
    assert re.fullmatch(r"kl_[0-9a-f]{16}_[\w-]{43}", done.json["token"])
    assert done.json["key_id"] == done.json["token"].split("_")[1]
    assert (done.json["role"], done.json["scopes"]) == ("case_officer", [])


def test_the_door_finds_the_key_by_its_id_and_its_secret(shell: Shell) -> None:
    done = shell("token", "new", "--role", "auditor", "--json").json
    row = row_of(done["key_id"])
    secret = done["token"].split("_", 2)[2]
    assert row is not None
    assert row.secret_sha256 == sha256(secret.encode()).hexdigest()
    assert (row.role, row.revoked) == ("auditor", False)


def test_without_json_the_only_output_is_the_token(shell: Shell) -> None:
    done = shell("token", "new", "--role", "manager")
    assert len(done.out.splitlines()) == 1
    assert done.out.startswith("kl_")


def test_an_organisation_is_named_by_any_of_its_keys(with_parties: Shell) -> None:
    arguments = ("token", "new", "--role", "organisation", "--json", "--scope")
    by_name = with_parties(*arguments, "party:Almen Bolig").json
    by_abbreviation = with_parties(*arguments, "party:AKB").json
    assert by_name["scopes"] == by_abbreviation["scopes"]
    (scope,) = by_name["scopes"]
    assert scope.startswith("party:")
    assert scope != "party:AKB"


def test_an_organisations_key_must_say_which_organisation(shell: Shell) -> None:
    done = shell("token", "new", "--role", "organisation")
    assert done.code == 1
    assert "scope_unknown" in done.err


def test_a_scope_that_names_nobody_is_refused_and_pointed_at(with_parties: Shell) -> None:
    done = with_parties(
        *("token", "new", "--role", "organisation", "--scope", "kle:03.10"),
        *("--scope", "party:Ukendt"),
    )
    assert done.code == 1
    assert "/scopes/1" in done.err
    assert done.out == ""


@pytest.mark.parametrize("scope", ["KAB", "organisation:KAB", "fag:03", "kle:"])
def test_a_scope_of_no_known_kind_is_taken_for_a_party_and_refused_if_there_is_none(
    shell: Shell, scope: str
) -> None:
    assert shell("token", "new", "--role", "manager", "--scope", scope).code == 1


def test_a_party_may_be_named_without_saying_that_it_is_one(shell: Shell) -> None:
    party = shell("party", "new", "--kind", "housing_organisation", "--name", "KAB", "--json").json
    for scope in ("KAB", "party:KAB", "organisation:KAB"):
        done = shell("token", "new", "--role", "organisation", "--scope", scope, "--json")
        assert done.json["scopes"] == [f"party:{party['id']}"]


def test_a_day_of_expiry_counts_to_its_end_in_copenhagen(shell: Shell) -> None:
    done = shell("token", "new", "--role", "manager", "--expires", "2999-06-30", "--json")
    assert done.json["expires_at"] == "2999-06-30T22:00:00Z"


@pytest.mark.parametrize("moment", ["2001-01-01", "i morgen", "2999-01-01T12:00", "9999-12-31"])
def test_an_expiry_that_cannot_be_meant_is_wrong_use(shell: Shell, moment: str) -> None:
    assert shell("token", "new", "--role", "manager", "--expires", moment).code == 2


def test_the_list_tells_everything_but_the_secret(shell: Shell) -> None:
    issued = shell("token", "new", "--role", "manager", "--label", "Kontoret", "--json").json
    done = shell("token", "list", "--json")
    (item,) = done.json["items"]
    assert (item["key_id"], item["label"], item["status"]) == (
        issued["key_id"],
        "Kontoret",
        "active",
    )
    assert issued["token"].split("_", 2)[2] not in done.out
    assert "secret" not in done.out


def test_a_withdrawn_key_is_shown_with_the_reason_and_opens_nothing(shell: Shell) -> None:
    key_id = shell("token", "new", "--role", "manager", "--json").json["key_id"]
    assert shell("token", "revoke", key_id, "--reason", "Fratrådt").code == 0
    (item,) = shell("token", "list", "--json").json["items"]
    assert (item["status"], item["reason"]) == ("revoked", "Fratrådt")
    row = row_of(key_id)
    assert row is not None
    assert row.revoked


def test_a_key_is_withdrawn_once(shell: Shell) -> None:
    key_id = shell("token", "new", "--role", "manager", "--json").json["key_id"]
    shell("token", "revoke", key_id, "--reason", "Fratrådt")
    again = shell("token", "revoke", key_id, "--reason", "Igen")
    assert (again.code, "key_revoked" in again.err) == (1, True)


def test_an_unknown_key_cannot_be_withdrawn(shell: Shell) -> None:
    done = shell("token", "revoke", "0123456789abcdef", "--reason", "Fratrådt")
    assert (done.code, "key_unknown" in done.err) == (1, True)


# ── rotation ─────────────────────────────────────────────────────────────────────────────────────


def test_a_rotated_key_hands_on_its_rights_and_gets_an_end(with_parties: Shell) -> None:
    arguments = ("--role", "organisation", "--scope", "AKB", "--label", "Foreningen", "--json")
    old = with_parties("token", "new", *arguments).json
    new = with_parties("token", "rotate", old["key_id"], "--grace", "2h", "--json").json
    assert {name: new[name] for name in ("role", "scopes", "label")} == {
        name: old[name] for name in ("role", "scopes", "label")
    }
    assert (new["replaces"], new["expires_at"]) == (old["key_id"], None)
    row, before = row_of(new["key_id"]), row_of(old["key_id"])
    assert row is not None and before is not None
    assert row.secret_sha256 == sha256(new["token"].split("_", 2)[2].encode()).hexdigest()
    assert (before.expires_at, before.revoked) == (new["old_expires_at"], False)
    listed = {
        item["key_id"]: item for item in with_parties("token", "list", "--json").json["items"]
    }
    assert listed[old["key_id"]]["expires_at"] == new["old_expires_at"]
    assert listed[old["key_id"]]["status"] == "active"


def test_without_grace_the_old_key_ends_at_once_and_is_not_rotated_again(shell: Shell) -> None:
    key_id = shell("token", "new", "--role", "manager", "--json").json["key_id"]
    done = shell("token", "rotate", key_id, "--grace", "0m")
    assert done.code == 0 and len(done.out.splitlines()) == 1
    (_, old) = shell("token", "list", "--json").json["items"]
    assert (old["key_id"], old["status"]) == (key_id, "expired")
    again = shell("token", "rotate", key_id)
    assert (again.code, "key_expired" in again.err) == (1, True)


@pytest.mark.parametrize("grace", ["1", "24", "h", "-1h", "91d", "1w", "24 h"])
def test_a_grace_that_cannot_be_meant_is_wrong_use(shell: Shell, grace: str) -> None:
    key_id = shell("token", "new", "--role", "manager", "--json").json["key_id"]
    assert shell("token", "rotate", key_id, f"--grace={grace}").code == 2


def test_a_revoked_or_unknown_key_is_not_rotated(shell: Shell) -> None:
    key_id = shell("token", "new", "--role", "manager", "--json").json["key_id"]
    shell("token", "revoke", key_id, "--reason", "Mistet")
    for which, code in ((key_id, "key_revoked"), ("0123456789abcdef", "key_unknown")):
        done = shell("token", "rotate", which)
        assert (done.code, code in done.err) == (1, True)
