"""Every word the system answers with stands in the glossary; auditors have their own heading."""

import ast
import importlib
import re
from collections.abc import Iterable
from pathlib import Path


def glossary_words(root: Path) -> set[str]:
    """Everything the glossary writes as code."""
    text = (root / "docs" / "glossary.md").read_text(encoding="utf-8")
    return set(re.findall(r"`([^`\n]+)`", text))


def missing(root: Path, words: Iterable[str]) -> list[str]:
    """Which of `words`, of which there must be some, the glossary lacks."""
    asked = set(words)
    assert asked, "found no words to look up"
    return sorted(asked - glossary_words(root))


def commands_of(source: str) -> set[str]:
    """The types that functions of `source` take as their argument `command`."""
    return {
        name.id
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for argument in (*function.args.args, *function.args.kwonlyargs)
        if argument.arg == "command" and argument.annotation is not None
        for name in ast.walk(argument.annotation)
        if isinstance(name, ast.Name)
    }


def test_every_event_stands_in_the_glossary_by_class_and_by_stored_name(root: Path) -> None:
    events = importlib.import_module("domain.registry").EVENTS
    words = {word for name, kind in events.items() for word in (name, kind.model.__name__)}
    assert missing(root, words) == []


def test_every_command_stands_in_the_glossary(root: Path) -> None:
    sources = (path.read_text(encoding="utf-8") for path in (root / "domain").rglob("*.py"))
    assert missing(root, set().union(*map(commands_of, sources))) == []


def test_every_error_code_stands_in_the_glossary(root: Path) -> None:
    assert missing(root, importlib.import_module("domain.errors").CODES) == []


def test_the_search_for_commands_finds_each_one_a_function_takes() -> None:
    source = "def log(command: LogContact | CorrectContact, known: Known) -> Fact: ..."
    assert commands_of(source) == {"LogContact", "CorrectContact"}


def test_the_changelog_speaks_to_auditors(root: Path) -> None:
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^#{2,4} For auditors$", text, re.MULTILINE)
