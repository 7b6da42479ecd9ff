"""Errors: a closed list of codes, one shape, and nothing personal in what they say."""

import ast
import re
from pathlib import Path

import pytest

from domain import errors
from domain.errors import (
    CODES,
    Broken,
    Conflict,
    DomainError,
    Fault,
    Refused,
    Unavailable,
    Unknown,
)

KINDS = [Refused, Unknown, Conflict, Broken, Unavailable]
SOURCES = sorted((Path(errors.__file__).parent).rglob("*.py"))
RAISED = {kind.__name__ for kind in KINDS} | {"Fault"}


def codes_used(source: str) -> set[str]:
    """Every code written out where an error or a fault is made."""
    used = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            at = 1 if node.func.id == "Fault" else 0
            if node.func.id in RAISED and len(node.args) > at:
                parts = ast.walk(node.args[at])
                used |= {p.value for p in parts if isinstance(p, ast.Constant)}
    return {code for code in used if isinstance(code, str)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_code_and_its_parameters(kind: type[DomainError]) -> None:
    error = kind("queue_full", waiting=3, limit=None)
    assert isinstance(error, DomainError)
    assert (error.code, error.params) == ("queue_full", {"waiting": 3, "limit": None})
    assert str(error) == "queue_full(waiting=3, limit=None)"
    assert str(kind("queue_full")) == "queue_full"


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_outside_the_list_is_our_own_mistake(kind: type[DomainError]) -> None:
    with pytest.raises(LookupError, match="'nonsense' is not in the closed list"):
        kind("nonsense")


def test_a_refusal_carries_its_faults() -> None:
    fault = Fault("/medium", "unknown_medium", {"medium": "pigeon"})
    assert Refused("unknown_medium", [fault]).faults == (fault,)
    assert Refused("not_allowed", role="x").faults == ()


def test_the_list_of_codes_is_closed_and_each_is_glossed_in_danish() -> None:
    with pytest.raises(TypeError):
        CODES["new"] = "ny"  # type: ignore[index]
    assert all(re.fullmatch(r"[a-z][a-z_]*", code) for code in CODES)
    assert all(gloss.strip() == gloss and gloss for gloss in CODES.values())
    assert len(set(CODES.values())) == len(CODES)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(path.parts[-2:]))
def test_every_code_the_domain_uses_stands_in_the_list(path: Path) -> None:
    assert codes_used(path.read_text(encoding="utf-8")) <= CODES.keys()


def test_the_search_for_codes_finds_them_in_errors_and_in_faults() -> None:
    source = "raise Refused('a' if x else 'b', [Fault('/p', 'c')])"
    assert codes_used(source) == {"a", "b", "c"}
