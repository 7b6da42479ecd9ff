"""What tests of views share: a store on each database, a story, and a runner that follows it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from projections.registry import View
from projections.runner import Runner
from projections.storage import ViewStore, open_views
from tests.projections.desk import Desk
from tests.projections.memory import Story


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def views_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database for views, once for each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/views.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(views_url: str) -> Iterator[ViewStore]:
    """The views' database, on SQLite and on PostgreSQL."""
    store = open_views(views_url)
    yield store
    store.close()


@pytest.fixture
def quick_store(tmp_path: Path) -> Iterator[ViewStore]:
    """The views' database on SQLite, for tests whose reason is not the database."""
    store = open_views(f"sqlite:///{tmp_path}/quick.db")
    yield store
    store.close()


@pytest.fixture
def story() -> Story:
    """A log in memory, and hands to write it."""
    return Story()


@pytest.fixture
def follow(story: Story) -> Callable[..., Runner]:
    """Make a runner that has caught up: `follow(store, [VIEW])`; options go to the runner."""

    def made(store: ViewStore, views: Sequence[View], **options: int) -> Runner:
        runner = Runner(story.log, story.codec, store, views, **options)
        runner.catch_up()
        return runner

    return made


@pytest.fixture
def desk(story: Story) -> Desk:
    """The entry point's desk, in the same story."""
    return Desk(story)
