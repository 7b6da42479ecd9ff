"""docs/guarantees.md names tests that exist, and every proof stands on it."""

import re
from pathlib import Path

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "guarantees.md"
WHOLE = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ALONE = re.compile(r"`(?:…|test)(_\w+)`")
DEFINED = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


def defined_in(file: Path) -> set[str]:
    return set(DEFINED.findall(file.read_text(encoding="utf-8")))


def unknown(row: str) -> list[str]:
    """What a row of the page names and no test is called; short names are of the row's files."""
    whole = WHOLE.findall(row)
    there = {
        file: defined_in(ROOT / file) if (ROOT / file).is_file() else set() for file, _ in whole
    }
    known = set[str]().union(*there.values())
    wrong = [name for file, name in whole if name not in there[file]]
    return wrong + [
        end for end in ALONE.findall(row) if not any(name.endswith(end) for name in known)
    ]


def rows() -> list[str]:
    """The rows of the page; one that says "the same" belongs to the row before it."""
    joined: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if "| the same |" in line:
            joined[-1] += line
        else:
            joined.append(line)
    return joined


def test_every_test_that_the_page_names_exists() -> None:
    assert [name for row in rows() for name in unknown(row)] == []


def test_every_proof_stands_on_the_page() -> None:
    named = {file for row in rows() for file, _ in WHOLE.findall(row)}
    own = set((ROOT / "tests" / "proof").glob("test_*.py")) - {Path(__file__)}
    assert {str(file.relative_to(ROOT)) for file in own} <= named


def test_a_test_that_does_not_exist_is_missed() -> None:
    assert unknown("`tests/proof/test_kill.py::test_nothing_at_all`") == ["test_nothing_at_all"]
    assert unknown("`tests/proof/test_kill.py::test_nothing_at_all`, `test_no`")[1:] == ["_no"]
