"""One log per test, over each database the product knows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.storage import keys, postgres, postgres_connections, sqlite
from tests.storage.places import AnyLog, Place

PATIENCE_SECONDS = 60


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the product waits for a database before it gives up: on a slow machine it is no fault.

    A test of giving up sets its own limit.
    """
    monkeypatch.setattr(sqlite, "BUSY_MILLISECONDS", PATIENCE_SECONDS * 1_000)
    monkeypatch.setattr(keys, "BUSY_MILLISECONDS", PATIENCE_SECONDS * 1_000)
    monkeypatch.setattr(postgres, "RECOVERY_SECONDS_MAX", PATIENCE_SECONDS)
    for name in ("LOCK_MILLISECONDS_MAX", "STATEMENT_MILLISECONDS_MAX"):
        monkeypatch.setattr(postgres_connections, name, PATIENCE_SECONDS * 1_000)
    monkeypatch.setattr(postgres_connections, "CONNECT_SECONDS_MAX", PATIENCE_SECONDS)


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
