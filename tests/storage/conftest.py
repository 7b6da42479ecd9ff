"""One log per test, over each database the product knows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.places import AnyLog, Place


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty log's place; the PostgreSQL server starts only when asked for."""
    if request.param == "postgres":
        place = Place("postgres", request.getfixturevalue("postgres_url"))
    else:
        place = Place("sqlite", str(tmp_path / "log.db"))
    place.create()
    return place


@pytest.fixture
def log(place: Place) -> Iterator[AnyLog]:
    """An empty log, with the callback that records a clock gone back."""
    log = place.open()
    yield log
    log.close()
