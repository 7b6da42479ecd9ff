"""The checkpoint a person carries away: signed, of the whole log, checked with the printed key."""

from pathlib import Path

from domain.log.checkpoint import VerifierKey, open_checkpoint
from tests.cli.conftest import Shell


def printed_key(shell: Shell) -> VerifierKey:
    return VerifierKey.parse(shell("checkpoint", "key").out.strip())


def test_an_empty_log_has_no_checkpoint(shell: Shell) -> None:
    done = shell("checkpoint")
    assert (done.code, done.out) == (1, "")


def test_the_printed_checkpoint_covers_the_whole_log_and_opens_with_the_printed_key(
    shell: Shell,
) -> None:
    for _ in range(3):
        shell("token", "new", "--role", "manager")
    done = shell("checkpoint")
    assert open_checkpoint(done.out, [printed_key(shell)]).size == 3


def test_a_checkpoint_is_made_once_for_each_size(shell: Shell) -> None:
    shell("token", "new", "--role", "manager")
    first = shell("checkpoint", "--json").json
    assert shell("checkpoint", "--json").json == first
    shell("token", "new", "--role", "manager")
    assert shell("checkpoint", "--json").json["size"] == 2


def test_a_new_key_signs_from_now_on_and_the_old_one_still_opens_the_old(shell: Shell) -> None:
    shell("token", "new", "--role", "manager")
    old_key, old_note = printed_key(shell), shell("checkpoint").out
    assert shell("checkpoint", "new-key").code == 2
    done = shell("checkpoint", "new-key", "--yes", "--json")
    assert done.code == 0
    assert Path(done.json["previous"]).exists()
    shell("token", "new", "--role", "manager")
    new_key = printed_key(shell)
    assert new_key != old_key
    assert open_checkpoint(shell("checkpoint").out, [new_key]).size == 2
    assert open_checkpoint(old_note, [old_key]).size == 1
