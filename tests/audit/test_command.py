"""`kontaktlog audit` as a person or a script calls it: what it says and what it returns."""

import json
from pathlib import Path

import pytest

from api.cli.main import run
from tests.audit.conftest import Copy
from tests.audit.stores import KEY, ORIGIN, Store
from tests.audit.tamper import unguarded


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("KONTAKTLOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def arguments(store: Store, *more: str) -> list[str]:
    given = ["--store", store.url, "--origin", ORIGIN, "--key", str(KEY.verifier)]
    return ["audit", *given, *more]


def test_a_clean_log_returns_zero_and_says_so(
    copied: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments(copied())) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Loggen er hel."


def test_a_fault_returns_one_and_is_named(copied: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    store = copied()
    with unguarded(store) as hand:
        hand.change(7, "metadata", b'{"actor":"somebody"}')
    assert run(arguments(store, "--json")) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["result"] == "faults"
    assert answer["faults"] == [{"kind": "row_changed", "position": 7}]
    assert answer["faults_by_kind"] == {"row_changed": 1}


def test_a_log_that_is_not_there_returns_three(copied: Copy, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/none.db", "")
    assert run(arguments(store)) == 3


def test_a_saved_checkpoint_is_read_from_its_file(
    copied: Copy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = copied()
    note = tmp_path / "kontrolpunkt.txt"
    note.write_text(store.notes[max(store.notes)] + "\n", encoding="utf-8")
    assert run(arguments(store, "--checkpoint", str(note))) == 0
    with unguarded(store) as hand:
        hand.run("DELETE FROM checkpoints WHERE size > 12")
        hand.run("DELETE FROM events WHERE position > 12")
        hand.run("DELETE FROM event_tags WHERE position > 12")
    capsys.readouterr()
    assert run(arguments(store, "--checkpoint", str(note))) == 1
    told = capsys.readouterr().out
    assert "tail_missing" in told and "position 13-" in told


def test_a_key_may_be_given_as_a_file(copied: Copy, tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    file.write_text(f"{KEY.verifier}\n", encoding="ascii")
    store = copied()
    assert run(["audit", "--store", store.url, "--origin", ORIGIN, "--key", str(file)]) == 0


def test_only_so_many_faults_are_printed_and_all_are_counted(
    copied: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    store = copied()
    with unguarded(store) as hand:
        for position in range(1, 11):
            hand.change(position, "metadata", b"{}")
    assert run(arguments(store, "--limit", "3", "--json")) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (len(answer["faults"]), answer["faults_total"]) == (3, 10)


def test_the_audit_writes_nothing(copied: Copy) -> None:
    store = copied()
    before = store.path.read_bytes()
    run(arguments(store))
    assert store.path.read_bytes() == before
