"""Enquiries from the shell, under the rules of every door."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Shell

RECEIVE = [
    *("enquiry", "receive", "--sender", "KAB", "--administration", "TMF", "--medium", "email"),
    *("--received", "2010-02-22", "--subject", "Anvisning", "--json"),
]
UNKNOWN = "0192f3a0-7c00-7abc-8def-001122334455"


def received(shell: Shell) -> dict[str, Any]:
    done = shell(*RECEIVE)
    assert done.code == 0, done.err
    found: dict[str, Any] = done.json
    return found


def test_an_enquiry_is_received_routed_answered_and_closed(with_parties: Shell) -> None:
    enquiry = received(with_parties)
    assert (enquiry["phase"], enquiry["version"]) == ("received", 1)
    for words, phase in (
        (("acknowledge", "--team", "Indgangen"), "acknowledged"),
        (("route", "--to", "TMF"), "routed"),
        (("answer", "--text", "I maj", "--by", "TMF"), "answered"),
        (("close",), "closed"),
    ):
        done = with_parties("enquiry", words[0], enquiry["id"], *words[1:], "--json")
        assert (done.code, done.json["phase"]) == (0, phase), done.err
    shown = with_parties("enquiry", "show", enquiry["id"])
    assert "Anvisning: closed, version 5" in shown.out
    assert "Teknik- og Miljøforvaltningen: answered" in shown.out


def test_what_is_open_is_listed_and_what_is_closed_when_asked(with_parties: Shell) -> None:
    one, other = received(with_parties), received(with_parties)
    done = with_parties("enquiry", "close", one["id"], "--waive", "aftalt")
    assert done.code == 0, done.err
    listed = with_parties("enquiry", "list", "--json").json
    assert [each["id"] for each in listed] == [other["id"]]
    every = with_parties("enquiry", "list", "--all", "--json").json
    assert {each["id"] for each in every} == {one["id"], other["id"]}
    assert "KAB" in with_parties("enquiry", "list").out


def test_any_step_is_taken_from_a_file(with_parties: Shell, tmp_path: Path) -> None:
    enquiry = received(with_parties)
    file = tmp_path / "trin.json"
    parts = [{"subject": "Et"}, {"subject": "To"}]
    file.write_text(json.dumps({"parts": parts, "reason": "To emner"}), encoding="utf-8")
    words = ("enquiry", "step", enquiry["id"], "splits", "--json-file", str(file), "--json")
    done = with_parties(*words)
    assert (done.code, done.json["phase"], len(done.json["parts"])) == (0, "split", 2), done.err


def test_an_enquiry_is_received_from_standard_input_once(with_parties: Shell) -> None:
    command = {
        "sender": "KAB",
        "received_by": "TMF",
        "medium": "letter",
        "received": "2010-02",
        "subject": "Anvisning",
        "source": {"system": "postliste", "id": "17"},
    }
    raw = json.dumps(command).encode()
    first, again = (with_parties("enquiry", "receive", "-", "--json", stdin=raw) for _ in range(2))
    assert (first.code, again.code) == (0, 0), first.err
    assert first.json == again.json


def test_a_rule_that_says_no_is_told_with_its_code(with_parties: Shell) -> None:
    enquiry = received(with_parties)
    done = with_parties("enquiry", "close", enquiry["id"])
    assert (done.code, "answer_owed" in done.err) == (1, True)
    unknown = with_parties("enquiry", "show", UNKNOWN)
    assert (unknown.code, "enquiry_unknown" in unknown.err) == (1, True)


@pytest.mark.parametrize("content", ["{", "[]", '{"unfit": 1}', " " * 1_048_577])
def test_a_file_that_is_no_step_is_wrong_use(
    with_parties: Shell, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "trin.json"
    file.write_text(content, encoding="utf-8")
    words = ("enquiry", "step", UNKNOWN, "answers", "--json-file", str(file))
    assert with_parties(*words).code == 2


def test_a_step_nobody_knows_is_wrong_use(with_parties: Shell, tmp_path: Path) -> None:
    file = tmp_path / "trin.json"
    file.write_text("{}", encoding="utf-8")
    done = with_parties("enquiry", "step", UNKNOWN, "besvar", "--json-file", str(file))
    assert (done.code, "answers" in done.err) == (2, True)
