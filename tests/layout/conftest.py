"""What the layout tests share: the repository's root and the files that belong to it."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE_ROOMS = ("domain", "projections", "api", "bench")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def project_files() -> tuple[Path, ...]:
    """Every file that is or would be committed, relative to the root, in order."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("layout: not a git working copy, so the project's files cannot be told apart")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listing.stdout.decode().split("\0")
    return tuple(sorted(Path(name) for name in set(names) if name and (ROOT / name).is_file()))


@pytest.fixture(scope="session")
def code_files(root: Path) -> tuple[Path, ...]:
    """Every Python file of the three rooms and of the measurements."""
    return tuple(sorted(path for room in CODE_ROOMS for path in (root / room).rglob("*.py")))
