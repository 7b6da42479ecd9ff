"""A follower killed at any moment loses nothing and doubles nothing (proof.md C4)."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from time import sleep

import pytest

from projections.contacts import VIEW
from projections.registry import View
from projections.runner import Runner, ViewState, digest, positions
from projections.storage import advance, open_views
from tests.projections.memory import Story
from tests.projections.tally import Tally

KILLS = 30
KILLS_MAX = 1_000  # the teeth give up here
STEPS_A_LIFE = 9
MOMENT_SECONDS = 0.002  # kills fall anywhere within a step, not only at its end
PAGE_FACTS = 3
FORK = multiprocessing.get_context("fork")


class TwoStepRunner(Runner):
    """Rows in one transaction, the position in the next: what this proof must catch."""

    def _advance(self, group: Sequence[ViewState]) -> int:
        rows = self._log.rows(group[0].position, self._page)
        facts = self._codec.facts(rows)
        for state in group if facts else ():
            view = self._views[state.name]
            with self._store.writing() as tx:
                view.apply(tx, state.suffix, [f for f in facts if f.type in view.types])
            sleep(MOMENT_SECONDS)
            with self._store.writing() as tx:
                advance(tx, state.suffix, state.position, facts[-1].position)
        return len(facts)


def a_long_story() -> Story:
    story = Story()
    for number in range(300):
        contact = story.log_contact(subject=f"emne {number}")
        story.correct(contact, medium="mail")
        if number % 3 == 0:
            story.retract(contact)
    return story


def live(
    made: type[Runner], views: Sequence[View], story: Story, url: str, told: Connection
) -> None:
    """Follow until killed, saying so after each step."""
    runner = made(story.log, story.codec, open_views(url), views, page_facts=PAGE_FACTS)
    while runner.step():
        told.send_bytes(b".")
    told.send_bytes(b"!")


def one_life(
    made: type[Runner], views: Sequence[View], story: Story, url: str, chance: random.Random
) -> bool:
    """Let a follower live for some steps and kill it; return whether it was still at work."""
    heard, told = FORK.Pipe(duplex=False)
    child = FORK.Process(target=live, args=(made, views, story, url, told))
    child.start()
    told.close()
    at_work = all(heard.recv_bytes() == b"." for _ in range(chance.randint(1, STEPS_A_LIFE)))
    sleep(chance.uniform(0, MOMENT_SECONDS))  # leaves the processor, so that the child goes on
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    child.close()
    heard.close()
    return at_work


def told_by(url: str, story: Story, views: Sequence[View]) -> list[str]:
    """Finish following and return every view's digest."""
    store = open_views(url)
    Runner(story.log, story.codec, store, views).catch_up()
    found = [
        f"{view.name} {positions(store)[view.name].error} {digest(store, view.name)}"
        for view in views
    ]
    store.close()
    return found


@pytest.mark.fault
@pytest.mark.timeout(900)
def test_a_view_whose_follower_was_killed_again_and_again_is_the_view_of_a_replay(
    tmp_path: Path,
) -> None:
    story, views, chance = a_long_story(), (VIEW, Tally()), random.Random(2010)
    url, rounds, kills = f"sqlite:///{tmp_path}/killed.db", 0, 0
    replay = told_by(f"sqlite:///{tmp_path}/replay.db", story, views)
    while kills < KILLS:
        if one_life(Runner, views, story, url, chance):
            kills += 1
        else:
            assert told_by(url, story, views) == replay
            rounds += 1
            url = f"sqlite:///{tmp_path}/killed{rounds}.db"
    assert told_by(url, story, views) == replay


@pytest.mark.fault
@pytest.mark.timeout(900)
def test_the_proof_catches_a_runner_that_writes_its_position_afterwards(tmp_path: Path) -> None:
    story, views, chance = a_long_story(), (Tally(),), random.Random(2010)
    replay = told_by(f"sqlite:///{tmp_path}/replay.db", story, views)
    url, rounds = f"sqlite:///{tmp_path}/killed.db", 0
    for _ in range(KILLS_MAX):
        if not one_life(TwoStepRunner, views, story, url, chance):
            if told_by(url, story, views) != replay:
                return
            rounds += 1
            url = f"sqlite:///{tmp_path}/killed{rounds}.db"
    pytest.fail("two steps went unnoticed: this proof proves nothing")


DIGESTS = """
import sys
from projections.registry import VIEWS
from tests.projections.test_killed import a_long_story, told_by
print(told_by(sys.argv[1], a_long_story(), VIEWS))
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_another_process_with_other_hashes_zone_and_language_makes_the_same_rows(
    tmp_path: Path,
) -> None:
    told = set()
    for seed, zone, language in (("1", "UTC", "C.UTF-8"), ("2", "Asia/Kathmandu", "da_DK.UTF-8")):
        done = subprocess.run(
            [sys.executable, "-c", DIGESTS, f"sqlite:///{tmp_path}/{seed}.db"],
            env=os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": language},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        )
        told.add(done.stdout)
    assert len(told) == 1
