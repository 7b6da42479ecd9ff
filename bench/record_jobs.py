"""The jobs of the table that ask the registers: what a user waits for most.

The limits are those of contacts: for commands an empty FastAPI server with the same body models and
a bare row after each other, for reads an empty server that returns the same bytes.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from api.commands.registers import act_sync
from api.main import Services
from bench import records
from bench.jobs import PRINCIPAL, Line, rates, raw_single, read
from bench.servers import Server
from domain.registers import REGISTERS
from projections.registry import VIEWS
from projections.runner import Runner

RECORDS_MAX = 5_000
"""Of each of two registers; opened one by one, a larger store would take longer than all else."""
PAIRS = 1_500
"""Records opened and stepped in one sample: more than there is time for, as an id is given once."""
SAMPLE_SECONDS = 2.0
PARTY = "Boligorganisation 7"


def fill(services: Services, size: int) -> None:
    """Open commitments and positions, half as many of each as there are contacts."""
    count = min(size // 2, RECORDS_MAX)
    for name, bodies in (
        ("commitments", records.commitments(count)),
        ("positions", records.positions(count)),
    ):
        register = REGISTERS[name]
        for body in bodies:
            command = register.open.command.model_validate_json(body)
            act_sync(services, PRINCIPAL, register, command, via="import")
    Runner(services.log, services.codec, services.store, VIEWS).catch_up()


def commands(server: Server, limit: Server, raw_url: Callable[[], str], rounds: int) -> list[Line]:
    """Measure commands that open a record and step it, in turn, by one client."""
    seeds = iter(range(1, 10 * rounds))

    def sample(of: Server) -> float:
        measured = of.load(_pairs(of, next(seeds)), 1, SAMPLE_SECONDS)
        if measured["errors"]:
            raise RuntimeError(f"{measured['errors']} commands failed")
        return measured["answers"] / measured["seconds"]

    def after_each_other() -> float:
        return 1 / (1 / sample(limit) + 1 / raw_single(raw_url(), 500))

    name = "open a record, step it: each, 1 client"
    return [rates(name, lambda: sample(server), after_each_other, rounds, "")]


def _pairs(server: Server, seed: int) -> list[bytes]:
    """Return requests that open a record and step it, and so on; a load begins at the second."""
    made: list[bytes] = []
    for body in records.commitments(PAIRS, seed):
        path = f"/v1/commitments/{orjson.loads(body)['id']}/reschedulings"
        made.append(server.request("POST", "/v1/commitments", body))
        made.append(server.request("POST", path, records.reschedulings(body), if_match='"1"'))
    return [made[-1], *made[:-1]]


def reads(
    server: Server, limit: Callable[[Path], Any], folder: Path, rounds: int
) -> Iterator[Line]:
    """Measure lists, one record, and what is asked about a party."""
    party = _first(server, f"/v1/parties?key={quote(PARTY)}")["id"]
    record = _first(server, "/v1/commitments?limit=1")["id"]
    for job, path in (
        ("newest 50 commitments", "/v1/commitments?limit=50"),
        ("newest 50 positions of a party", f"/v1/positions?party={quote(PARTY)}&limit=50"),
        ("one commitment", f"/v1/commitments/{record}"),
        ("timeline of a party, with records", f"/v1/parties/{party}/timeline?limit=50"),
        ("briefing about a party", f"/v1/parties/{party}/briefing"),
    ):
        yield read(job, server, path, limit, folder, rounds, "")


def _first(server: Server, path: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(server.answer("GET", path)[0])["items"][0]
    return found
