"""Rights of persons from the terminal: given by pseudonym or by sign-in, listed, withdrawn."""

import re

from tests.cli.conftest import Shell

HOLDER = "u-" + "ab" * 16


def test_a_right_is_given_listed_and_withdrawn(with_parties: Shell) -> None:
    arguments = (
        "--holder",
        HOLDER,
        "--role",
        "case_officer",
        "--scope",
        "AKB",
        "--to",
        "2999-12-31",
    )
    given = with_parties("grant", "give", *arguments, "--reason", "Ansat", "--json")
    assert given.code == 0, given.err
    assert (given.json["holder"], given.json["in_force"]) == (HOLDER, True)
    (scope,) = given.json["scopes"]
    assert re.fullmatch(r"party:[0-9a-f-]{36}", scope)
    (listed,) = with_parties("grant", "list", "--holder", HOLDER, "--json").json["items"]
    assert listed == given.json
    gone = with_parties("grant", "withdraw", given.json["id"], "--reason", "Fratrådt", "--json")
    assert (gone.code, gone.json["in_force"]) == (0, False)
    assert gone.json["withdrawn"]["reason"] == "Fratrådt"
    again = with_parties("grant", "withdraw", given.json["id"], "--reason", "Igen")
    assert (again.code, "grant_withdrawn" in again.err) == (1, True)
    assert with_parties("grant", "list").code == 0


def test_a_person_is_named_as_the_sign_in_service_does_and_shown_as_a_pseudonym(
    shell: Shell,
) -> None:
    arguments = ("--issuer", "https://login.example", "--subject", "kim-7f", "--role", "councillor")
    done = shell("grant", "give", *arguments, "--reason", "Valgt", "--json")
    assert done.code == 0, done.err
    assert re.fullmatch(r"u-[0-9a-f]{32}", done.json["holder"])
    assert "kim-7f" not in done.out + done.err
    assert "kim-7f" not in shell("grant", "list", "--json").out


def test_a_right_that_cannot_be_meant_is_refused(shell: Shell) -> None:
    reason = ("--reason", "x")
    for arguments, code in (
        (("--holder", HOLDER, "--role", "mayor"), 2),
        (("--role", "manager"), 2),
        (("--holder", "Kim", "--role", "manager"), 2),
        (("--holder", HOLDER, "--role", "organisation"), 1),
        (("--holder", HOLDER, "--role", "manager", "--scope", "Ukendt"), 1),
        (("--holder", HOLDER, "--role", "manager", "--to", "1999-01-01"), 2),
    ):
        done = shell("grant", "give", *arguments, *reason)
        assert done.code == code, (arguments, done.err)
    unknown = shell("grant", "withdraw", "0192f3a0-7c00-7abc-8def-001122334455", *reason)
    assert (unknown.code, "grant_unknown" in unknown.err) == (1, True)
