"""D1: the whole service is killed again and again while it writes; no promise is broken.

Three desks log contacts over HTTP, each under an idempotency key and with an id of its own, and
keep a ledger of what was acknowledged. After a random moment the process group gets SIGKILL. After
the restart each desk sends its unknown contact again, under the same key.
"""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.proof import needs
from tests.proof.desk import Desk, growing
from tests.proof.ledger import Ack, Ledger, Stored, faults, read, stored
from tests.proof.service import (
    KONTAKTLOG,
    Installation,
    is_alive,
    running,
    settled,
    until,
)

DESKS = 3
LIFE_SECONDS_MAX = 0.150
PROMISES_MIN = 3
"""Of every other life, so that there is enough to lose also where all is slow."""
HASTY = "from tests.proof.hasty import serve; serve()"
HASTY_ROUNDS_MAX = 30
KILLS = int(os.environ.get("KONTAKTLOG_TEST_KILLS", "500"))
"""Deaths of a nightly proof."""
TOLD_EVERY = 50

pytestmark = pytest.mark.fault


class Story:
    """Lives and deaths of one installation, and what its desks were promised."""

    def __init__(self, home: Installation, ledger: Ledger, seed: int) -> None:
        self.home = home
        self.ledger = ledger
        self.desks = [Desk(f"desk{n}", home.token, ledger, seed) for n in range(DESKS)]
        self.orphans: list[int] = []
        self._chance = random.Random(seed)

    def one_life(self, code: str = KONTAKTLOG) -> None:
        """Start, let the desks write for a moment, and kill all of it."""
        with running(self.home, code) as service:
            stop = threading.Event()
            threads = [
                threading.Thread(target=desk.send, args=(service.address, stop))
                for desk in self.desks
            ]
            for thread in threads:
                thread.start()
            if self._chance.random() < 0.5:  # else death may come before the first answer
                until(growing(self.desks[0], PROMISES_MIN), "the first answers")
            stop.wait(self._chance.uniform(0, LIFE_SECONDS_MAX))
            self.orphans += service.children()
            service.end(signal.SIGKILL)
            stop.set()
            for thread in threads:
                thread.join()

    def last_life(self) -> None:
        """Start once more, learn every outcome, and stop in order."""
        with running(self.home) as service:
            for desk in self.desks:
                desk.finish(service.address)
            service.wait_ready()
            assert service.end(signal.SIGTERM) == 0

    @property
    def sent(self) -> list[str]:
        return [contact for desk in self.desks for contact in desk.sent]

    def faults(self) -> set[str]:
        return faults(self.ledger.read(), stored(self.home.store), self.sent)


def killed(home: Installation, ledger: Ledger, rounds: int, seed: int) -> None:
    story = Story(settled(home), ledger, seed)
    told = f"{needs.SEED}={seed}"
    begun = time.monotonic()
    for number in range(rounds):
        story.one_life()
        if number % 10 == 0:
            assert story.faults() <= set(), f"{told}, round {number}"
        if (number + 1) % TOLD_EVERY == 0:
            progress(f"{number + 1} kills, {len(ledger.read())} acknowledged, {told}", begun)
    story.last_life()
    assert story.faults() == set(), told
    acknowledged = {ack.contact_id for ack in story.ledger.read()}
    assert acknowledged == set(story.sent), told
    assert len(acknowledged) > rounds, "too few contacts to prove anything"
    until(lambda: not any(is_alive(pid) for pid in story.orphans), "the end of every follower")
    home.demand_clean()
    if rounds >= TOLD_EVERY:
        stands = len(stored(home.store))
        progress(f"{rounds} kills, {len(acknowledged)} acknowledged, 0 lost of {stands}", begun)


def progress(told: str, begun: float) -> None:
    """Write a line past pytest, which keeps what a test prints until it fails."""
    line = f"\n{told}, {time.monotonic() - begun:.0f} s\n"
    print(line, end="", file=sys.__stderr__, flush=True)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    kept = Ledger(tmp_path / "acknowledged")
    yield kept
    kept.close()


@pytest.mark.timeout(1_200)
def test_nothing_acknowledged_is_lost_or_doubled_by_thirty_kills(
    tmp_path: Path, ledger: Ledger
) -> None:
    home = Installation(tmp_path / "home")
    killed(home, ledger, 30, needs.seed(2010))


@pytest.mark.postgres
@pytest.mark.timeout(1_200)
def test_nothing_acknowledged_is_lost_or_doubled_by_ten_kills_over_postgresql(
    tmp_path: Path, ledger: Ledger, postgres_url: str
) -> None:
    home = Installation(tmp_path / "home", postgres_url)
    killed(home, ledger, 10, needs.seed(2010))


@pytest.mark.proof_nightly
@pytest.mark.timeout(7_200)
def test_nothing_acknowledged_is_lost_or_doubled_by_five_hundred_kills(
    tmp_path: Path, ledger: Ledger
) -> None:
    home = Installation(tmp_path / "home")
    killed(home, ledger, KILLS, needs.seed(random.randrange(10**9)))


@pytest.mark.proof_nightly
@pytest.mark.postgres
@pytest.mark.timeout(7_200)
def test_nothing_acknowledged_is_lost_or_doubled_by_five_hundred_kills_over_postgresql(
    tmp_path: Path, ledger: Ledger, postgres_url: str
) -> None:
    home = Installation(tmp_path / "home", postgres_url)
    killed(home, ledger, KILLS, needs.seed(random.randrange(10**9)))


def test_a_follower_does_not_outlive_its_killed_server(tmp_path: Path) -> None:
    home = settled(Installation(tmp_path / "home"))
    with running(home) as service:
        service.wait_ready()
        children = service.children()
        assert children != [] and all(is_alive(pid) for pid in children)
        service.end(signal.SIGKILL)
    until(lambda: not any(is_alive(pid) for pid in children), "the follower's end")


# ── teeth ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.timeout(1_200)
def test_the_proof_catches_a_server_that_answers_before_the_commit(
    tmp_path: Path, ledger: Ledger
) -> None:
    seed = needs.seed(2010)
    home = settled(Installation(tmp_path / "home"))
    story = Story(home, ledger, seed)
    for _ in range(HASTY_ROUNDS_MAX):
        story.one_life(HASTY)
        if story.faults():
            assert story.faults() <= {"lost", "elsewhere"}
            return
    pytest.fail(f"an early answer went unnoticed: this proof proves nothing ({seed=})")


def row(position: int, contact: str, key: str) -> Stored:
    return Stored(position, 0, "contact.logged/1", (f"contact:{contact}", "party:p"), key)


GOOD = [row(1, "a", "ka"), row(2, "b", "kb")]
PROMISED = [Ack("a", "ka", 1), Ack("b", "kb", 2)]
PLANTED: list[tuple[str, Sequence[Stored]]] = [
    ("lost", GOOD[:1]),
    ("doubled", [*GOOD, row(3, "a", "kc")]),
    ("gap", [GOOD[0], row(3, "b", "kb")]),
    ("elsewhere", [row(1, "b", "kb"), row(2, "a", "ka")]),
    ("elsewhere", [GOOD[0], row(2, "b", "another key")]),
    ("never sent", [*GOOD, row(3, "c", "kc")]),
]


def test_the_check_finds_nothing_wrong_with_a_store_that_kept_its_promises() -> None:
    assert faults(PROMISED, GOOD, ["a", "b"]) == set()
    stored_and_not_told = [*GOOD, row(3, "c", "kc")]
    assert faults(PROMISED, stored_and_not_told, ["a", "b", "c"]) == set()


@pytest.mark.parametrize(("fault", "rows"), PLANTED)
def test_the_check_catches_each_planted_fault(fault: str, rows: Sequence[Stored]) -> None:
    assert fault in faults(PROMISED, rows, ["a", "b"])


def test_a_line_of_the_ledger_that_was_cut_off_promised_nothing(ledger: Ledger) -> None:
    ledger.note(PROMISED[0])
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole + whole[:-1])
    assert read(ledger.path) == PROMISED[:1]
