"""A function fits on a screen and a module in one sitting."""

import ast
from pathlib import Path

FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 500


def long_functions(source: str) -> list[str]:
    """Functions of `source` longer than the limit, decorators not counted."""
    return [
        f"{node.name}: {length} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and (length := node.end_lineno - node.lineno + 1) > FUNCTION_LINES_MAX
    ]


def test_every_function_fits_on_a_screen(root: Path, code_files: tuple[Path, ...]) -> None:
    found = {
        str(path.relative_to(root)): functions
        for path in code_files
        if (functions := long_functions(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_every_module_can_be_read_in_one_sitting(root: Path, code_files: tuple[Path, ...]) -> None:
    lengths = {
        str(path.relative_to(root)): len(path.read_text(encoding="utf-8").splitlines())
        for path in code_files
    }
    assert {name: n for name, n in lengths.items() if n > MODULE_LINES_MAX} == {}


def test_the_limit_of_a_function_is_sixty_lines_and_not_one_more() -> None:
    def source(lines: int) -> str:
        return "def f():\n" + "    1\n" * (lines - 1)

    assert long_functions(source(60)) == []
    assert long_functions(source(61)) == ["f: 61 lines"]
