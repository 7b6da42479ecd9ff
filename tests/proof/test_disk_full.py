"""D5: the disk runs full under the service, and is given room again; nothing else is done to it.

The store lies on a disk in memory. What was acknowledged is kept, what was not is told as such (507
or 503), and when there is room again the service goes on without a restart.
"""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.proof import needs
from tests.proof.desk import WAIT_A_LITTLE, Desk, contact
from tests.proof.ledger import Ledger, faults, stored
from tests.proof.service import Installation, Service, running, settled, until

SMALL_MIB = 3
LARGE_MIB = 256

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk that can grow."""
    needs.root()
    place = tmp_path / "disk"
    place.mkdir()
    mount("-t", "tmpfs", "-o", f"size={SMALL_MIB}m", "tmpfs", str(place))
    yield place
    subprocess.run(["umount", str(place)], check=True)


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


@contextmanager
def at_work(desk: Desk, service: Service) -> Iterator[None]:
    """Let a desk send contacts meanwhile."""
    stop = threading.Event()
    thread = threading.Thread(target=desk.send, args=(service.address, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def is_red(service: Service) -> bool:
    answer = service.get("/readyz")
    return answer.status == 503 and answer.json["code"] == "not_ready"


def growing(desk: Desk) -> Callable[[], bool]:
    """Whether the desk has been promised something since now."""
    before = len(desk.ledger.read())
    return lambda: len(desk.ledger.read()) > before


def kept_all(home: Installation, desk: Desk) -> None:
    assert faults(desk.ledger.read(), stored(home.store), desk.sent) == set()
    assert {ack.contact_id for ack in desk.ledger.read()} == set(desk.sent)
    home.demand_clean()


def test_a_full_disk_loses_nothing_and_room_is_all_it_takes(tmp_path: Path, disk: Path) -> None:
    seed = needs.seed(2010)
    home = settled(Installation(disk / "home"))
    ledger = Ledger(tmp_path / "acknowledged")
    desk = Desk("desk", home.token, ledger, seed)
    with running(home) as service:
        with at_work(desk, service):
            until(lambda: len(desk.refusals) > 0, "a full disk")
            full = len(ledger.read())
            until(lambda: is_red(service), "red")
        assert full > 0
        assert desk.refusals[0] in {(507, "store_full"), (503, "store_unavailable")}
        answer = service.ask("POST", "/v1/contacts", contact(None, desk._chance))
        assert answer.status in {*WAIT_A_LITTLE, 201}
        mount("-o", f"remount,size={LARGE_MIB}m", str(disk))
        with at_work(desk, service):
            until(growing(desk), "a contact after the disk was given room")
            service.wait_ready()
        desk.finish(service.address)
        service.wait_ready()
        assert service.end(signal.SIGTERM) == 0
    kept_all(home, desk)
    ledger.close()
