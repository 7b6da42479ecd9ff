"""PostgreSQL stops under the service and comes back; the service says so, waits, and goes on.

tests/storage/test_concurrent_writers.py proves the same of the log alone, restarted again and again
(D7); here it is the whole service over HTTP, which is not restarted.
"""

import random
import signal
from pathlib import Path

import pytest

from tests.conftest import PostgresServer
from tests.proof import needs
from tests.proof.desk import Desk, contact
from tests.proof.ledger import Ledger
from tests.proof.service import Installation, running, settled, until
from tests.proof.test_disk_full import at_work, growing, is_red, kept_all

pytestmark = [pytest.mark.fault, pytest.mark.postgres, pytest.mark.timeout(300)]


def test_a_database_that_stops_is_told_as_such_and_comes_back_without_a_restart(
    tmp_path: Path, postgres_url: str, postgres_server: PostgresServer
) -> None:
    seed = needs.seed(2010)
    home = settled(Installation(tmp_path / "home", postgres_url))
    ledger = Ledger(tmp_path / "acknowledged")
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
    kept_all(home, desk)
    ledger.close()
