"""D5: the disk runs full under the service, and is given room again; nothing else is done to it.

The store lies on a disk in memory. What was acknowledged is kept, what was not is told as such (507
or 503), and when there is room again the service goes on without a restart.
"""

import http.client
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.proof import needs
from tests.proof.desk import Desk, at_work, growing, kept_all
from tests.proof.ledger import Ledger
from tests.proof.service import (
    PATIENCE_SECONDS,
    Installation,
    Service,
    running,
    settled,
    until,
)

ROOM_KIB = 2_048
LARGE_KIB = 262_144

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk whose size can be changed."""
    needs.root()
    place = tmp_path / "disk"
    place.mkdir()
    mount("-t", "tmpfs", "-o", f"size={LARGE_KIB}k", "tmpfs", str(place))
    yield place
    # A follower that is just ending may still hold a file.
    until(lambda: subprocess.run(["umount", str(place)], check=False).returncode == 0, "the end")


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def resize(place: Path, kibibytes: int) -> None:
    mount("-o", f"remount,size={kibibytes}k", str(place))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk that gets its key from the test."""
    ledger = Ledger(tmp_path / "acknowledged")
    yield Desk("desk", "", ledger, needs.seed(2010))
    ledger.close()


def is_full(service: Service) -> bool:
    """Whether the service says that it is not ready, and why."""
    answer = service.get("/readyz")
    return answer.status == 503 and "store_full" in answer.json["reasons"]


def test_a_full_disk_loses_nothing_and_room_is_all_it_takes(
    tmp_path: Path, disk: Path, desk: Desk
) -> None:
    home = settled(Installation(disk / "home", operator_log=tmp_path / "stderr"))
    desk.token = home.token
    with running(home) as service:
        service.wait_ready()
        resize(disk, shutil.disk_usage(disk).used // 1_024 + ROOM_KIB)
        with at_work(desk, service):
            until(growing(desk), "a contact")
            until(lambda: is_full(service), "a full disk")
            # Some are told 503 meanwhile: a reader may hold up the recovery from the last failure.
            until(lambda: (507, "store_full") in desk.refusals, "a contact that was not taken")
        assert service.get("/livez").status == 200
        resize(disk, LARGE_KIB)
        with at_work(desk, service):
            until(growing(desk), "a contact after the disk was given room")
            service.wait_ready()
        desk.finish(service.address)
        service.wait_ready()
        assert service.end(signal.SIGTERM) == 0
    assert kept_all(home, desk) == set()


def test_contacts_are_taken_although_the_operators_log_is_full(tmp_path: Path, desk: Desk) -> None:
    """What the service says about itself may be lost; that is no reason to lose a contact."""
    home = settled(Installation(tmp_path / "home"))
    desk.token, home.operator_log = home.token, Path("/dev/full")
    with running(home) as service:
        line = http.client.HTTPConnection(
            urlsplit(service.address).netloc, timeout=PATIENCE_SECONDS
        )
        assert [desk.send_one(line) for _ in range(3)] == [201, 201, 201]
        line.close()


# ── teeth ────────────────────────────────────────────────────────────────────────────────────────


def test_the_proof_catches_a_contact_that_a_full_disk_took(tmp_path: Path, desk: Desk) -> None:
    home = settled(Installation(tmp_path / "home"))
    desk.token = home.token
    with running(home) as service:
        with at_work(desk, service):
            until(growing(desk), "a contact")
        desk.finish(service.address)
    desk.ledger.note(desk.ledger.read()[-1]._replace(contact_id="taken"))
    assert "lost" in kept_all(home, desk)
