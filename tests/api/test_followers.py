"""The follower beside the server: its own process, started again when it dies, ended with it."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from api.followers import Followers
from api.main import Services, open_services
from domain.access import IssueKey, Role, issue
from projections.storage import FollowerLock, ViewStore
from tests.api.builders import record, settings_in

pytestmark = pytest.mark.fault

SECONDS = 60.0
"""A bound that says "never"."""


def something(services: Services) -> int:
    """Record an event; return its position."""
    event = issue(IssueKey(role=Role.AUDITOR), os.urandom(8).hex(), "0" * 64)
    return record(services, event)


def following(folder: Path, story: Callable[[Services, Followers], Awaitable[None]]) -> None:
    """Let a server's follower run while the story is told."""

    async def tell() -> None:
        services = open_services(settings_in(folder, followers="process"), writer=True)
        followers = Followers(services)
        await followers.start()
        try:
            await story(services, followers)
        finally:
            await followers.stop()
            services.close()

    asyncio.run(tell())


async def reached(followers: Followers, position: int) -> bool:
    views = followers.services.views
    return await followers.wait(
        lambda: views.position("keys") >= position and followers.progress.sealed >= position,
        SECONDS,
    )


def test_a_follower_in_a_process_of_its_own_brings_views_and_checkpoints(tmp_path: Path) -> None:
    async def story(services: Services, followers: Followers) -> None:
        assert await reached(followers, something(services))
        assert followers.alive and followers.progress.error is None
        checkpoint = services.log.checkpoint()
        assert checkpoint is not None and checkpoint.size == services.log.head()

    following(tmp_path, story)


def test_a_killed_follower_is_started_again_and_misses_nothing(tmp_path: Path) -> None:
    async def story(services: Services, followers: Followers) -> None:
        assert await reached(followers, something(services))
        first = followers.process_id
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert await followers.wait(lambda: followers.process_id not in {first, None}, SECONDS)
        assert await reached(followers, something(services))

    following(tmp_path, story)


def test_a_second_follower_waits_for_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(services: Services, followers: Followers) -> None:
        assert await reached(followers, something(services))
        place = services.settings.data_path
        other = open_services(settings_in(place), writer=False)
        turned_away = counted_refusals(other, monkeypatch)
        second = Followers(other)
        await second.start()
        try:
            assert await second.wait(lambda: len(turned_away) > 0, SECONDS)
            position = something(services)
            assert await reached(followers, position)
            looks = len(turned_away)
            assert await second.wait(lambda: len(turned_away) > looks, SECONDS)
            assert second.progress.views == 0
            await followers.stop()
            assert await second.wait(lambda: second.progress.views >= position, SECONDS)
        finally:
            await second.stop()
            other.close()

    following(tmp_path, story)


def counted_refusals(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows by one each time another follower has the lock."""
    store, refused = services.store, list[None]()
    lock = type(store).follower_lock

    def looked(asked: ViewStore) -> FollowerLock | None:
        found = lock(asked)
        if asked is store and found is None:
            refused.append(None)
        return found

    monkeypatch.setattr(type(store), "follower_lock", looked)
    return refused


def test_the_follower_ends_with_the_server(tmp_path: Path) -> None:
    ended: list[int] = []

    async def story(services: Services, followers: Followers) -> None:
        assert await reached(followers, something(services))
        assert followers.process_id is not None
        ended.append(followers.process_id)

    following(tmp_path, story)
    with pytest.raises(ProcessLookupError):
        os.kill(ended[0], 0)
