"""What the tests of the audit share: a small sealed log on each database, copied for each test."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.audit.stores import Store, grown, new_store

EVENTS = 24
SEALED_AT = (5, 12, 18, EVENTS)


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A log of some dozen events in one file, sealed four times."""
    store = grown(new_store(tmp_path_factory.mktemp("pattern")), EVENTS, 1, SEALED_AT)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return store


Copy = Callable[[], Store]


@pytest.fixture
def copied(pattern: Store, tmp_path: Path) -> Copy:
    """Make a fresh copy of the log in one file."""
    numbers = iter(range(1_000_000))

    def copy() -> Store:
        path = tmp_path / f"copy-{next(numbers)}.db"
        shutil.copy(pattern.path, path)
        return Store(f"sqlite:///{path}", pattern.keys_url, pattern.notes)

    return copy


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A sealed log of its own on each database."""
    if request.param == "sqlite":
        copy: Copy = request.getfixturevalue("copied")
        return copy()
    url = str(request.getfixturevalue("postgres_url"))
    return grown(Store(url, f"sqlite:///{tmp_path}/keys.db"), EVENTS, 1, SEALED_AT)
