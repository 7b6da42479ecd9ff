"""docs/audit.md lists every kind of fault and warning, and none that does not exist."""

import re
from pathlib import Path

from api.audit.faults import KINDS, WARNINGS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit.md"
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+?) \|", re.MULTILINE)


def listed(heading: str) -> dict[str, str]:
    """The rows of the table below a heading: kind and Danish gloss."""
    text = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return dict(ROW.findall(text))


def test_every_kind_of_fault_stands_on_the_page_with_its_danish() -> None:
    assert listed("Faults") == dict(KINDS)


def test_every_kind_of_warning_stands_on_the_page_with_its_danish() -> None:
    assert listed("Warnings") == dict(WARNINGS)


def test_every_kind_that_the_code_names_is_in_the_list() -> None:
    folder = PAGE.parents[1] / "api" / "audit"
    source = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    named = set(re.findall(r'Fault\(\s*"(\w+)"', source))
    assert named
    assert named <= set(KINDS)
    assert set(re.findall(r'warn\(\s*"(\w+)"', source)) <= set(WARNINGS)
