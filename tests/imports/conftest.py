"""A desk at which a test imports small registers."""

from pathlib import Path

import pytest

from tests.imports.registers import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
