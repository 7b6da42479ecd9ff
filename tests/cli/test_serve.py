"""The long-running commands as a service manager runs them: start, one line, an orderly stop."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from api.cli.terminal import Exit
from tests.cli.conftest import Shell
from tests.proof.service import PATIENCE_SECONDS, until

LISTENING = re.compile(r"Kontaktlog: (http://127\.0\.0\.1:\d+)\n")


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    code = "from api.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def stopped(process: subprocess.Popen[str], number: int) -> int:
    process.send_signal(number)
    process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_says_where_it_listens_and_stops_as_a_success(number: int) -> None:
    with running("serve", "--port", "0") as process:
        assert process.stdout is not None
        found = LISTENING.fullmatch(process.stdout.readline())
        assert found is not None
        with urllib.request.urlopen(f"{found[1]}/livez", timeout=PATIENCE_SECONDS) as answer:
            assert answer.status == 200
        assert stopped(process, number) == 0


def test_an_empty_log_is_told_how_to_get_its_first_key() -> None:
    with running("serve", "--port", "0") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=PATIENCE_SECONDS)
    assert "kontaktlog token new" in told


def test_a_key_issued_while_the_server_runs_opens_it(shell: Shell) -> None:
    with running("serve", "--port", "0") as process:
        assert process.stdout is not None
        found = LISTENING.fullmatch(process.stdout.readline())
        assert found is not None
        token = shell("token", "new", "--role", "case_officer").out.strip()
        wait_until_followed(shell, process)
        assert opens(f"{found[1]}/v1/contacts", token)
        assert stopped(process, signal.SIGTERM) == 0


def opens(address: str, token: str) -> bool:
    """Whether the server lets a key in."""
    asked = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS) as answer:
        return bool(answer.status == 200)


def wait_until_followed(shell: Shell, process: subprocess.Popen[str]) -> None:
    def came_up() -> bool:
        assert process.poll() is None, "the process ended"
        return followed(shell)

    until(came_up, "the views at the head of the log")


def followed(shell: Shell) -> bool:
    """Whether every view serves and is at the log's head; a store that is busy says nothing."""
    done = shell("views", "--json")
    if done.code == Exit.UNAVAILABLE:
        return False
    assert done.code == 0, done.err
    items = done.json["items"]
    return bool(items) and all(
        (item["status"], item["lag_events"]) == ("active", 0) for item in items
    )


def test_the_follower_brings_the_views_up_and_stops_as_a_success(shell: Shell) -> None:
    shell("token", "new", "--role", "manager")
    with running("follow") as process:
        wait_until_followed(shell, process)
        assert stopped(process, signal.SIGTERM) == 0


def test_an_address_that_is_taken_answers_three(shell: Shell) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with running("serve", "--port", str(other.getsockname()[1])) as process:
            _, told = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 3
    assert "address already in use" in told


@pytest.mark.postgres
@pytest.mark.parametrize("setting", ["synchronous_commit"])
def test_the_server_does_not_start_where_acknowledged_writes_can_be_lost(
    shell: Shell, postgres_url: str, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("KONTAKTLOG_STORE", postgres_url)
    assert shell("doctor").code == 0
    with psycopg.connect(postgres_url, autocommit=True) as db:
        name = db.info.dbname
        db.execute(f"ALTER DATABASE {name} SET {setting} = off")
    assert shell("doctor").code == 1
    done = shell("serve", "--port", "0")
    assert done.code == 2
    assert setting in done.err
    assert "Kontaktlog: http" not in done.out


@pytest.mark.postgres
def test_a_store_that_cannot_be_reached_answers_three(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KONTAKTLOG_STORE", "postgresql://nobody@127.0.0.1:1/none")
    done = shell("token", "list")
    assert (done.code, "Traceback" in done.err) == (3, False)


def test_a_folder_that_cannot_be_written_is_named(shell: Shell) -> None:
    Path("kontaktlog-data").write_text("a file where a folder should be")
    done = shell("token", "list")
    assert done.code == 2
    assert "KONTAKTLOG_DATA_DIR" in done.err
    assert list(Path().iterdir()) == [Path("kontaktlog-data")]
