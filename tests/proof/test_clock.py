"""T1: the clock of a running service jumps back and forth; order is by position, and told as such.

libfaketime shows service and follower another time of day, while waiting goes on as before. The
clock jumps 30 days on, two days back, over a leap day, both nights on which summer time begins and
ends, and the second at which 32 bits are full; then back by eleven years.
"""

import random
import signal
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.audit.run import Job, examine
from api.audit.sqlite import SqliteSource
from domain.log.codec import Codec
from domain.log.vault import Vault
from domain.storage import clock
from domain.storage.journal import Journal
from domain.storage.keys import StoredKeys
from domain.storage.sqlite import SqliteLog
from domain.storage.stores import open_keys
from tests.audit.stores import MASTER
from tests.proof import needs
from tests.proof.desk import contact, version_7
from tests.proof.ledger import Stored, stored
from tests.proof.lone import work_in
from tests.proof.service import Answer, Installation, Service, running, settled, until

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
STEP = "log.clock_stepped_back/1"
EXPIRES = "2030-01-01"
SLACK = timedelta(minutes=2)
MICROSECONDS = 1_000_000


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


JUMPS = [
    at("2027-03-10T12:00:00"),
    at("2027-04-09T12:00:00"),  # 30 days on
    at("2027-04-07T12:00:00"),  # two days back
    at("2028-02-29T12:00:00"),
    at("2028-03-26T00:50:00"),  # ten minutes before summer time
    at("2028-03-26T01:10:00"),
    at("2028-10-28T22:30:00"),  # half past midnight in Copenhagen, already the next day
    at("2028-10-29T00:30:00"),  # half past two
    at("2028-10-29T01:30:00"),  # half past two again
    at("2038-01-19T03:00:00"),
    at("2038-01-19T03:14:09"),  # 32 bits are full
    at("2027-04-08T12:00:00"),  # eleven years back
]
# At each the clock goes on: steps on are longer than any stay, or they would be steps back.
BACK = [later for earlier, later in pairwise(JUMPS) if later < earlier]

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]


class Clock:
    """The time that processes see who are given `environment`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(JUMPS[0] - timedelta(hours=1))
        self.environment = {
            "LD_PRELOAD": str(needs.fake_clock()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, moment: datetime) -> None:
        """Let it be `moment` now; the clock goes on from there."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{moment.timestamp() - time.time():+.0f}\n")
        draft.replace(self._file)


class Teller:
    """Logs one contact at each moment, and keeps what it was answered."""

    def __init__(self, service: Service, shown: Clock) -> None:
        self.service = service
        self.clock = shown
        self.logged: list[dict[str, Any]] = []
        self._chance = random.Random(needs.seed(2010))

    def post(self, day: datetime) -> Answer:
        number = version_7(self._chance.getrandbits(128))
        body = contact(number, self._chance, occurred=day.date().isoformat())
        return self.service.ask("POST", "/v1/contacts", body)

    def tell(self, moment: datetime) -> None:
        """Go to a moment; today can be logged there, tomorrow cannot."""
        self.clock.set(moment)
        today = moment.astimezone(COPENHAGEN)
        refused = self.post(today + timedelta(days=1))
        assert (refused.status, refused.json["code"]) == (422, "occurred_in_future"), moment
        taken = self.post(today)
        assert taken.status == 201, (moment, taken.body)
        told = datetime.fromisoformat(taken.json["recorded_at"])
        assert moment - SLACK < told < moment + SLACK
        self.logged.append(taken.json)
        self.service.wait_ready()

    def known(self, moment: str) -> tuple[int, list[str]]:
        """The position and the contacts that were known at a moment."""
        path = f"/v1/contacts?limit=100&as_of_recorded={moment}"
        answer = self.service.get(path)
        assert answer.status == 200, answer.body
        return answer.json["position"], sorted(item["id"] for item in answer.json["items"])


@pytest.fixture
def shown(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture
def home(tmp_path: Path, shown: Clock) -> Installation:
    return settled(Installation(tmp_path / "home", more=shown.environment))


def test_a_clock_that_jumps_reorders_nothing_and_is_recorded(
    home: Installation, shown: Clock
) -> None:
    brief = home.new_token("--expires", EXPIRES)
    with running(home) as service:
        teller = Teller(service, shown)
        for moment in JUMPS:
            teller.tell(moment)
            wait_for_key(service, brief, alive=moment < at(EXPIRES))
        rows = stored(home.store)
        for each in teller.logged:
            position, contacts = teller.known(each["recorded_at"])
            assert position == known_at(rows, microseconds(each["recorded_at"]))
            told = [c["id"] for c in teller.logged if c["position"] <= position]
            assert contacts == sorted(told)
        # Before the clock first went back there is one history only, and it stays as it was.
        assert teller.known(teller.logged[0]["recorded_at"])[1] == [teller.logged[0]["id"]]
        assert service.end(signal.SIGTERM) == 0
    positions = [each["position"] for each in teller.logged]
    assert positions == sorted(positions)
    assert unexplained(rows) == []
    assert len([row for row in rows if row.type == STEP]) == len(BACK) == 2
    home.demand_clean()


def wait_for_key(service: Service, token: str, *, alive: bool) -> None:
    """A key's last day is judged by the clock in force; it may take the two seconds of a memory."""
    wanted = 200 if alive else 401
    until(lambda: service.ask("GET", "/v1/parties", token=token).status == wanted, f"{wanted}")


def microseconds(text: str) -> int:
    since = datetime.fromisoformat(text) - datetime.fromtimestamp(0, UTC)
    return since // timedelta(microseconds=1)


def unexplained(rows: Sequence[Stored]) -> list[int]:
    """Positions at which the clock went back without an event that says so."""
    pairs = pairwise(rows)
    return [b.position for a, b in pairs if b.recorded_at < a.recorded_at and b.type != STEP]


def known_at(rows: Sequence[Stored], moment: int) -> int:
    """What was known the last time the clock showed a moment, by going through every row."""
    found, showing = 0, True
    for row in rows:
        if row.type == STEP and row.recorded_at <= moment:
            showing = True
        if showing and row.recorded_at > moment:
            showing = False
        if showing:
            found = row.position
    return found


# ── teeth ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[StoredKeys]:
    made = open_keys(f"sqlite:///{tmp_path}/keys.db", MASTER)
    yield made
    made.close()


class SilentLog(SqliteLog):
    """Takes whatever its clock shows, and does not look back."""

    def _head_row(self) -> tuple[int, int]:
        return super()._head_row()[0], 0


def stepped_back(folder: Path, keys: StoredKeys, made: type[SqliteLog]) -> str:
    """A log whose clock goes back by an hour in its middle."""
    work = work_in(folder, 4, needs.seed(2010))
    noon = 1_800_000_000 * MICROSECONDS
    times = iter([noon, noon + 1, noon - 3_600 * MICROSECONDS, noon - 3_599 * MICROSECONDS])
    with closing(made(work.log_path, clock=lambda: next(times))) as log:
        journal = Journal(log, Codec(Vault(keys, clock.entropy)))
        log.clock_step = journal.clock_step
        for entry in work.entries:
            journal.record_sync(entry)
    return work.url


def audit_of(url: str) -> set[str]:
    with closing(SqliteSource(Path(url.removeprefix("sqlite:///")))) as source:
        return set(examine(source, Job()).findings.counts)


def test_the_check_finds_nothing_wrong_with_a_step_that_was_told(
    tmp_path: Path, keys: StoredKeys
) -> None:
    url = stepped_back(tmp_path / "log", keys, SqliteLog)
    assert unexplained(stored(url)) == []
    assert audit_of(url) == set()


def test_the_check_catches_a_step_that_was_not_told(tmp_path: Path, keys: StoredKeys) -> None:
    url = stepped_back(tmp_path / "log", keys, SilentLog)
    assert unexplained(stored(url)) == [3]
    assert audit_of(url) == {"time_backwards"}


def test_the_check_catches_a_step_whose_event_was_taken_away(
    tmp_path: Path, keys: StoredKeys
) -> None:
    url = stepped_back(tmp_path / "log", keys, SqliteLog)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
        file.execute("DROP TRIGGER events_no_delete")
        file.execute("DELETE FROM events WHERE type = ?", (STEP,))
    assert unexplained(stored(url)) == [4]
    assert "missing" in audit_of(url)
