"""A shell in an empty folder: command lines are run as a user writes them, in this process."""

import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.cli.main import run


@dataclass(frozen=True)
class Done:
    """What one command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Shell = Callable[..., Done]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands run: a folder without an installation, an environment without settings."""
    for name in [name for name in os.environ if name.startswith("KONTAKTLOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Run `kontaktlog …`; `stdin` is what is piped into it."""

    def call(*arguments: str, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = run(list(arguments))
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return call


@pytest.fixture
def with_parties(shell: Shell) -> Shell:
    """A shell whose log knows TMF, KAB and AKB."""
    for kind, name, abbreviation in (
        ("administration", "Teknik- og Miljøforvaltningen", "TMF"),
        ("housing_organisation", "KAB", "KAB"),
        ("housing_organisation", "Almen Bolig", "AKB"),
    ):
        done = shell(
            *("party", "new", "--kind", kind, "--name", name, "--abbreviation", abbreviation)
        )
        assert done.code == 0, done.err
    return shell


def contact(subject: str) -> list[str]:
    """Options of a plain contact."""
    return [
        *("--administration", "TMF", "--organisation", "KAB", "--medium", "phone"),
        *("--direction", "inbound", "--occurred", "2010-02-22", "--subject", subject),
    ]
