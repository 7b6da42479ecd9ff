"""What a proof needs of the machine: it skips loudly without, and is red where CI runs it."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

SEED = "KONTAKTLOG_TEST_SEED"


def lacking(what: str) -> NoReturn:
    """Skip and say what is not there; in CI no proof may be left out."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"a required proof cannot run: {what}", pytrace=False)
    pytest.skip(f"PROOF NOT RUN: {what}")


def program(name: str) -> str:
    found = shutil.which(name)
    return found or lacking(f"{name} is not installed")


def root() -> None:
    if os.geteuid() != 0:
        lacking("only root may mount a disk")


def fake_clock() -> Path:
    """The library that shows a process another time."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else lacking("libfaketime is not installed")


def seed(default: int) -> int:
    """What a proof's chances grow from; printed with every finding, set to see it again."""
    return int(os.environ.get(SEED, default))
