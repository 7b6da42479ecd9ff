"""Every word the system answers with stands in the glossary; auditors have their own heading."""

import importlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest


def glossary_words(root: Path) -> set[str]:
    """Everything the glossary writes as code."""
    text = (root / "docs" / "glossary.md").read_text(encoding="utf-8")
    return set(re.findall(r"`([^`\n]+)`", text))


def registered(name: str) -> list[type]:
    """The classes of one closed list of `domain.registry`, in its order."""
    table: Mapping[object, type] | Iterable[type] = getattr(
        importlib.import_module("domain.registry"), name
    )
    classes = list(table.values() if isinstance(table, Mapping) else table)
    assert classes, f"domain.registry.{name} is empty"
    return classes


@pytest.mark.parametrize("table", ["EVENTS", "COMMANDS"])
def test_every_event_and_command_stands_in_the_glossary(root: Path, table: str) -> None:
    words = glossary_words(root)
    assert [c.__name__ for c in registered(table) if c.__name__ not in words] == []


def test_every_stored_event_name_stands_in_the_glossary(root: Path) -> None:
    table = importlib.import_module("domain.registry").EVENTS
    words = glossary_words(root)
    names = [name for name in table if isinstance(name, str)]
    assert [name for name in names if name not in words] == []


def test_every_error_code_stands_in_the_glossary(root: Path) -> None:
    codes = importlib.import_module("domain.errors").CODES
    assert sorted(set(codes) - glossary_words(root)) == []


def test_the_changelog_speaks_to_auditors(root: Path) -> None:
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^#{2,4} For auditors$", text, re.MULTILINE)
