"""The root holds what the plan names and nothing else; no file ties the project to one machine."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT_FILES = frozenset({"README.md", "CHANGELOG.md", "LICENSE", "Makefile", "pyproject.toml"})
ROOT_FOLDERS = frozenset({"requirements", "domain", "projections", "api", "tests", "docs", "bench"})
ROOT_HIDDEN = frozenset({".ci", ".gitignore", ".gitattributes"})
VAGUE_NAMES = frozenset({"utils", "util", "common", "helpers", "helper", "scripts", "misc"})
HOSTS = re.compile(
    r"(?:pypi|pythonhosted|npmjs|debian|yarnpkg)\.(?:org|com)\b|\bproxy\.golang\.org|\bcrates\.io\b"
)
MACHINE_PATHS = re.compile(
    r"(?:^|[^\w.-])/(?:work|farm|root|home/[a-z]+|Users/\w+|tmp/venv\w*|tmp/bash_jobs)/"
)


def vague(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if VAGUE_NAMES & {*path.parts[:-1], path.stem}]


def told_places(text: str) -> list[str]:
    return [found.group() for form in (HOSTS, MACHINE_PATHS) for found in form.finditer(text)]


def test_the_root_holds_what_the_plan_names_and_nothing_else(
    project_files: tuple[Path, ...],
) -> None:
    assert {path.parts[0] for path in project_files} == ROOT_FILES | ROOT_FOLDERS | ROOT_HIDDEN


def test_no_folder_or_module_has_a_name_that_says_nothing(
    project_files: tuple[Path, ...],
) -> None:
    assert vague(project_files) == []


@pytest.mark.parametrize("name", ["api/utils/text.py", "domain/helpers.py", "scripts/run.sh"])
def test_the_check_of_names_sees_a_vague_one(name: str) -> None:
    assert vague([Path(name)]) == [Path(name)]


@pytest.mark.parametrize("room", ["domain", "projections", "api"])
def test_each_room_carries_its_types(root: Path, room: str) -> None:
    assert (root / room / "py.typed").is_file()


def test_no_file_names_a_registry_or_a_path_of_one_machine(
    root: Path, project_files: tuple[Path, ...]
) -> None:
    found = {
        str(path): places
        for path in project_files
        if (places := told_places((root / path).read_text(encoding="utf-8", errors="ignore")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "https://" + "pypi" + ".org/simple",
        "files." + "pythonhosted" + ".org",
        "cd " + "/root" + "/kontaktlog",
        "'" + "/home" + "/karen/log.db'",
    ],
)
def test_the_check_of_places_sees_one(text: str) -> None:
    assert told_places(text) != []


@pytest.mark.parametrize("text", ["/v1/work/items", "postgresql.org", "https://digst.dk/root"])
def test_the_check_of_places_leaves_other_addresses_alone(text: str) -> None:
    assert told_places(text) == []
