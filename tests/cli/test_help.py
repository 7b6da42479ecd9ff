"""The help: at once, every subcommand, each with an example."""

import subprocess
import sys

import pytest
from typer.main import get_command

from api.cli.main import COMMANDS, app, loaded
from tests.cli.conftest import Shell

HEAVY = {"pydantic", "fastapi", "uvicorn", "cryptography", "eventsourcing", "psycopg", "sqlite3"}
LEAVES = ["serve", "follow", "log", "audit", "doctor", "backup", "restore"]


def paths() -> list[list[str]]:
    """Every command that does something, by the words that call it."""
    found = []
    for name in COMMANDS:
        subcommands = getattr(loaded(name), "commands", {})
        if getattr(loaded(name), "invoke_without_command", True):
            found.append([name])
        found += [[name, each] for each in subcommands]
    return found


def test_the_help_imports_nothing_that_takes_time() -> None:
    code = (
        "import sys; from api.cli.main import run; code = run(['--help']);"
        f"print(sorted({HEAVY!r} & set(sys.modules)), code, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == "[] 0\n"
    assert [name for name in COMMANDS if name not in done.stdout] == []


def test_every_command_gives_an_example() -> None:
    lacking = [path for path in paths() if "Eksempel" not in (help_of(path) or "")]
    assert lacking == []


def help_of(path: list[str]) -> str | None:
    command = loaded(path[0])
    for name in path[1:]:
        command = command.commands[name]
    text: str | None = command.help
    return text


def test_every_command_that_prints_data_can_print_json() -> None:
    silent = [["serve"], ["follow"], ["config", "schema"]]
    lacking = []
    for path in paths():
        command = loaded(path[0])
        for name in path[1:]:
            command = command.commands[name]
        options = {option for parameter in command.params for option in parameter.opts}
        if "--json" not in options and path not in silent:
            lacking.append(path)
    assert lacking == []


def test_the_version_is_told(shell: Shell) -> None:
    done = shell("--version")
    assert done.code == 0
    assert done.out.strip()[0].isdigit()


@pytest.mark.parametrize("arguments", [["nothing-like-it"], ["token", "new", "--rolle", "x"]])
def test_wrong_use_answers_two(shell: Shell, arguments: list[str]) -> None:
    assert shell(*arguments).code == 2


def test_the_exit_codes_stand_in_the_help() -> None:
    assert "Svarkoder: 0" in (get_command(app).epilog or "")
