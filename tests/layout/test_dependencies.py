"""Who may import whom, what we may build on, and what the lock files may say."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, metadata, packages_distributions
from pathlib import Path

import pytest

ROOMS = ("domain", "projections", "api")
LOCKS = ("run.txt", "dev.txt")
ADDRESS = re.compile(
    r"://|\b(?:index-url|find-links|trusted-host)\b|@\s*(?:file|git|http)|\blocalhost\b"
)
STRONG_COPYLEFT = re.compile(r"(?<!L)GPL|(?<!Lesser )General Public License|Affero", re.IGNORECASE)
# Concepts are pure: no database, network or process belongs in them.
IMPURE = frozenset({"sqlite3", "socket", "subprocess", "urllib", "http", "asyncio", "random"})
LOG_MAY_USE = frozenset({"pydantic", "domain", "orjson", "cryptography"})


def imported(source: str) -> set[str]:
    """The top-level names `source` imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name.partition(".")[0] for alias in aliases}
            case ast.ImportFrom(module=str(module)):
                names.add(module.partition(".")[0])
    return names


def outsiders(paths: Iterable[Path], allowed: frozenset[str]) -> dict[str, set[str]]:
    """What files import beyond the pure standard library and `allowed`, by file."""
    fine = (sys.stdlib_module_names - IMPURE) | allowed
    return {
        "/".join(path.parts[-2:]): beyond
        for path in sorted(paths)
        if (beyond := imported(path.read_text(encoding="utf-8")) - fine)
    }


def locked_names(root: Path, lock: str) -> list[str]:
    text = (root / "requirements" / lock).read_text(encoding="utf-8")
    return re.findall(r"^([A-Za-z0-9_.-]+)==", text, re.MULTILINE)


def licence_of(name: str) -> str:
    """What a distribution says of its licence: expression, classifiers, first words of the text."""
    about = metadata(name)
    fields = ("License-Expression", "License", "Classifier")
    stated = [value for field in fields for value in about.get_all(field) or []]
    return " | ".join(value[:80] for value in stated)


def test_a_concept_imports_only_the_standard_library_pydantic_and_its_own_room(root: Path) -> None:
    domain = root / "domain"
    layers = {domain / "log", domain / "storage"}
    concepts = [path for path in domain.rglob("*.py") if layers.isdisjoint(path.parents)]
    assert outsiders(concepts, frozenset({"pydantic", "domain"})) == {}


def test_the_log_takes_bytes_and_keys_and_opens_nothing(root: Path) -> None:
    files = [path for path in (root / "domain" / "log").glob("*.py") if path.name != "port.py"]
    assert outsiders(files, LOG_MAY_USE) == {}


def test_the_check_of_imports_sees_a_database_and_a_web_framework(tmp_path: Path) -> None:
    file = tmp_path / "contacts.py"
    name = f"{tmp_path.name}/contacts.py"
    file.write_text("import sqlite3\nfrom fastapi.routing import APIRoute\nimport re\n")
    assert outsiders([file], frozenset()) == {name: {"sqlite3", "fastapi"}}


def test_the_rooms_are_imported_in_one_direction_only(root: Path) -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(program), "--no-cache"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_dependency_owns_one_of_our_three_names() -> None:
    owners = packages_distributions()
    assert {room: set(owners.get(room, [])) - {"kontaktlog"} for room in ROOMS} == {
        room: set() for room in ROOMS
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_carries_hashes_and_no_addresses(root: Path, lock: str) -> None:
    text = (root / "requirements" / lock).read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if ADDRESS.search(line)] == []
    pins = re.split(r"^(?=[A-Za-z0-9_.-]+==)", text, flags=re.MULTILINE)[1:]
    assert pins, "no pins found"
    assert [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize("line", ["--index-url https://mirror/simple", "x @ file:///opt/x.whl"])
def test_the_check_of_lock_files_sees_an_address(line: str) -> None:
    assert ADDRESS.search(line)


@pytest.mark.parametrize("lock", LOCKS)
def test_we_build_on_no_gpl_or_agpl_library(root: Path, lock: str) -> None:
    found = {}
    for name in locked_names(root, lock):
        try:
            licence = licence_of(name)
        except PackageNotFoundError:  # for another operating system
            continue
        if STRONG_COPYLEFT.search(licence):
            found[name] = licence
    assert found == {}


@pytest.mark.parametrize(
    ("licence", "strong"),
    [
        ("GPL-3.0-or-later", True),
        ("License :: OSI Approved :: GNU Affero General Public License v3", True),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
        ("LGPL-3.0-only", False),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", False),
        ("MPL-2.0", False),
    ],
)
def test_the_check_of_licences_tells_strong_from_weak_copyleft(licence: str, strong: bool) -> None:
    assert bool(STRONG_COPYLEFT.search(licence)) == strong
