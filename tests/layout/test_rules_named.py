"""Every rule of the memo (R1 to R11) has a test that bears its number: none is forgotten."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

RULES = range(1, 12)
BEARS = re.compile(r"_r(\d+)(?=_)")


def rules_named(source: str) -> set[int]:
    """The rules that tests of `source` bear in their names: `test_r5_r6_…` bears two."""
    if BEARS.search(source) is None:
        return set()  # most files, and parsing is slow
    return {
        int(number)
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and function.name.startswith("test_")
        for number in BEARS.findall(function.name)
    }


def untested(sources: Iterable[str]) -> list[int]:
    """Which rules no test of these sources names."""
    found = set().union(*map(rules_named, sources))
    return [rule for rule in RULES if rule not in found]


def sources_of(root: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in (root / "tests").rglob("test_*.py")]


def test_every_rule_of_the_memo_has_a_test_that_names_it(root: Path) -> None:
    assert untested(sources_of(root)) == []


def test_no_test_names_a_rule_that_the_memo_does_not_have(root: Path) -> None:
    assert set().union(*map(rules_named, sources_of(root))) - set(RULES) == set()


def test_a_rule_without_a_test_is_found_out(root: Path) -> None:
    without = [re.sub(r"_r8(?=_)", "", source) for source in sources_of(root)]
    assert untested(without) == [8]
    assert untested([]) == list(RULES)


def test_only_a_whole_number_in_the_name_of_a_test_counts() -> None:
    named = "def test_r5_r6_two_seats(): ...\nclass T:\n    async def test_what_r10_asks(self): ..."
    assert rules_named(named) == {5, 6, 10}
    others = (
        '"""test_r1_x"""\n# test_r2_y\ndef r3_z(): ...\ndef test_for4_w(): ...\ndef test_r7(): ...'
    )
    assert rules_named(others) == set()
