"""Fixtures of the HTTP door's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.builders import Api, running, settings_in, with_parties


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """An application of the test's own, with the parties of the memo."""
    with running(settings_in(tmp_path)) as made:
        yield with_parties(made)


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One application for all tests of a module that only add and read."""
    with running(settings_in(tmp_path_factory.mktemp("api"))) as made:
        yield with_parties(made)
