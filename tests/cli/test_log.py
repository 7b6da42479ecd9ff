"""Contacts and parties written down from the shell, under the rules of every door."""

import json

import pytest

from tests.cli.conftest import Shell, contact


def test_a_contact_is_logged_by_options(with_parties: Shell) -> None:
    done = with_parties("log", *contact("Udlejning"), "--json")
    assert done.code == 0, done.err
    assert (done.json["version"], done.json["repeated"]) == (1, False)
    assert done.json["position"] >= 4


def test_a_contact_is_logged_from_standard_input(with_parties: Shell) -> None:
    command = {
        "channel": "entry_point",
        "direction": "outbound",
        "medium": "email",
        "occurred": "2010-02",
        "administrations": ["TMF"],
        "organisations": ["KAB", "AKB"],
        "subject": "Høring",
        "participants": [{"name": "Karen Jensen", "party": "KAB"}],
        "source": {"system": "postliste", "id": "17"},
    }
    first = with_parties("log", "-", "--json", stdin=json.dumps(command).encode())
    again = with_parties("log", "-", "--json", stdin=json.dumps(command).encode())
    assert (first.code, first.json["repeated"]) == (0, False)
    assert (again.code, again.json["repeated"]) == (0, True)
    assert again.json["id"] == first.json["id"]


def test_a_party_nobody_registered_is_refused_and_pointed_at(shell: Shell) -> None:
    done = shell("log", *contact("Udlejning"))
    assert done.code == 1
    assert "/administrations/0" in done.err
    assert "unknown_party" in done.err or "ukendt part" in done.err


def test_every_fault_of_a_command_is_told_and_none_of_its_values(shell: Shell) -> None:
    done = shell("log", "--medium", "Telefon!", "--direction", "op", "--subject", "Karen Jensen")
    assert done.code == 2
    assert [word for word in ("medium", "direction", "occurred") if word not in done.err] == []
    assert "Karen" not in done.err


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff", b'{"a": NaN}'])
def test_standard_input_that_is_no_json_object_is_wrong_use(shell: Shell, raw: bytes) -> None:
    assert shell("log", "-", stdin=raw).code == 2


def test_standard_input_has_a_limit(shell: Shell) -> None:
    done = shell("log", "-", stdin=b" " * 1_048_577)
    assert (done.code, "1048576" in done.err) == (2, True)


def test_options_and_standard_input_are_not_mixed(shell: Shell) -> None:
    assert shell("log", "-", "--medium", "phone", stdin=b"{}").code == 2


def test_a_party_whose_key_is_taken_is_refused(with_parties: Shell) -> None:
    done = with_parties(
        *("party", "new", "--kind", "housing_organisation", "--name", "En anden"),
        *("--abbreviation", "KAB"),
    )
    assert (done.code, "party_key_taken" in done.err) == (1, True)


def test_a_party_is_part_of_another_by_any_key(with_parties: Shell) -> None:
    done = with_parties(
        *("party", "new", "--kind", "unit", "--name", "Center for Byudvikling"),
        *("--part-of", "TMF", "--cvr", "64942212", "--json"),
    )
    assert done.code == 0, done.err
    assert done.json["position"] >= 4
