"""PostgreSQL stops under the service and comes back; the service says so, waits, and goes on.

tests/storage/test_concurrent_writers.py proves the same of the log alone, restarted again and again
(D7); here it is the whole service over HTTP, which is not restarted.
"""

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PostgresServer
from tests.proof import needs
from tests.proof.desk import Desk, at_work, contact, growing, kept_all
from tests.proof.ledger import Ledger
from tests.proof.service import Installation, Service, running, settled, until

pytestmark = [pytest.mark.fault, pytest.mark.postgres, pytest.mark.timeout(900)]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    kept = Ledger(tmp_path / "acknowledged")
    yield kept
    kept.close()


def is_red(service: Service) -> bool:
    answer = service.get("/readyz")
    return answer.status == 503 and "store_unavailable" in answer.json["reasons"]


def test_a_database_that_stops_is_told_as_such_and_comes_back_without_a_restart(
    tmp_path: Path, ledger: Ledger, postgres_url: str, postgres_server: PostgresServer
) -> None:
    seed = needs.seed(2010)
    home = settled(Installation(tmp_path / "home", postgres_url))
    desk = Desk("desk", home.token, ledger, seed)
    with running(home) as service:
        with at_work(desk, service):
            until(growing(desk), "a contact")
            postgres_server.stop("immediate")
            try:
                until(lambda: is_red(service), "red")
                answer = service.ask("POST", "/v1/contacts", contact(None, random.Random(seed)))
                assert answer.status == 503
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert int(answer.headers["Retry-After"]) > 0
                assert service.get("/livez").status == 200
            finally:
                postgres_server.start()
            until(growing(desk), "a contact after the database came back")
            service.wait_ready()
        desk.finish(service.address)
        service.wait_ready()
        assert service.end(signal.SIGTERM) == 0
    assert kept_all(home, desk) == set()
