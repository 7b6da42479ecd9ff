"""Records opened, stepped, listed and shown from the shell, under the rules of every door."""

import json

from tests.cli.conftest import Shell

FOLLOWUP = {"owner": "TMF", "concerns": ["KAB"], "what": "Ring tilbage", "due": "2010-03-05"}


def test_a_follow_up_goes_from_agreed_to_done(with_parties: Shell) -> None:
    body = json.dumps(FOLLOWUP).encode()
    made = with_parties("record", "open", "followups", "-", "--json", stdin=body)
    assert made.code == 0, made.err
    record_id = made.json["id"]
    reminded = with_parties("policy", "run", "--as-of", "2010-03-01", "--json")
    assert (reminded.json["records_reminded"], reminded.json["records_passed"]) == (1, 0)
    step = ("record", "step", "followups", record_id)
    moved = with_parties(*step, "reschedulings", "-", stdin=b'{"due": "2030", "reason": "ferie"}')
    done = with_parties(*step, "completion", "-", stdin='{"note": "ringet på"}'.encode())
    assert (moved.code, done.code) == (0, 0), moved.err + done.err
    listed = with_parties("record", "list", "followups", "--status", "done", "--json")
    assert [(each["id"], each["version"]) for each in listed.json] == [(record_id, 4)]
    shown = with_parties("record", "show", "followups", record_id, "--json")
    assert (shown.json["status"], shown.json["what"]) == ("done", "Ring tilbage")


def test_a_step_that_is_refused_says_why(with_parties: Shell) -> None:
    body = json.dumps(FOLLOWUP | {"owner": "Ingen"}).encode()
    refused = with_parties("record", "open", "followups", "-", stdin=body)
    assert refused.code == 1
    assert "/owner" in refused.err


def test_a_register_nobody_knows_is_wrong_use_and_all_are_named(shell: Shell) -> None:
    done = shell("record", "list", "opfølgninger")
    assert done.code == 2
    assert "followups" in done.err


def test_a_record_is_shown_as_it_was_on_a_day_and_as_it_was_known_then(with_parties: Shell) -> None:
    body = json.dumps(FOLLOWUP | {"occurred": "2010-03-01"}).encode()
    made = with_parties("record", "open", "followups", "-", "--json", stdin=body).json
    done = b'{"occurred": "2010-03-04"}'
    with_parties("record", "step", "followups", made["id"], "completion", "-", stdin=done)
    show = ("record", "show", "followups", made["id"], "--json")
    assert with_parties(*show).json["status"] == "done"
    assert with_parties(*show, "--as-of-effective", "2010-03-03").json["status"] == "open"
    known = with_parties(*show, "--as-of-recorded", str(made["position"]))
    assert known.json["status"] == "open"
    assert with_parties(*show, "--as-of-effective", "2010-02-28").code == 1
    listed = ("record", "list", "followups", "--status", "open", "--json")
    assert with_parties(*listed).json == []
    assert len(with_parties(*listed, "--as-of-effective", "2010-03-03").json) == 1


def test_a_time_that_is_none_is_told_as_such(with_parties: Shell) -> None:
    listed = ("record", "list", "followups")
    assert with_parties(*listed, "--as-of-effective", "i går").code == 2
    refused = with_parties(*listed, "--as-of-recorded", "i går")
    assert refused.code == 1
    assert "/as_of_recorded" in refused.err
