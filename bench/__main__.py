"""`python -m bench`: fills stores of several sizes and prints the table of speed claims."""

import argparse
import itertools
import os
import pwd
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench import jobs, record_jobs, servers
from bench.jobs import Line
from tests.conftest import PostgresServer, postgres_binaries, start_cluster

SIZES = (10_000, 100_000)
MILLION = 1_000_000
NUMBERS = itertools.count(1)


class Place:
    """Where one kind of store is measured: addresses of fresh databases."""

    def __init__(self, kind: str, folder: Path, cluster: PostgresServer | None) -> None:
        self.kind = kind
        self.folder = folder
        self._cluster = cluster

    def url(self) -> str:
        """Return the address of a new, empty database."""
        number = next(NUMBERS)
        if self._cluster is None:
            return f"sqlite:///{self.folder / f'store{number}' / 'log.db'}"
        with psycopg.connect(self._cluster.url(), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE bench{number}")
        return self._cluster.url(f"bench{number}")

    def raw_url(self) -> str:
        """Return the address of a new database for a bare table."""
        if self._cluster is None:
            return f"sqlite:///{self.folder / f'raw{next(NUMBERS)}.db'}"
        return self.url()


@contextmanager
def cluster() -> Iterator[PostgresServer | None]:
    """Start a PostgreSQL of our own, or None where there is none."""
    binaries = postgres_binaries()
    if binaries is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="klog-bench-pg-"))
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        server = start_cluster(binaries, folder)
        try:
            yield server
        finally:
            server.stop("fast")
    finally:
        shutil.rmtree(folder)


def measure(place: Place, size: int, rounds: int, *, each_view: bool) -> list[Line]:
    """Return every line of the table for one kind of store and one size."""
    store = place.url()
    data = place.folder / f"data{next(NUMBERS)}"
    settings = {"store": store, "data_dir": str(data)}
    lines = _offline(place, settings, size, rounds, each_view=each_view)
    environment = {f"KONTAKTLOG_{name.upper()}": value for name, value in settings.items()}
    environment["KONTAKTLOG_TEST_TOKEN"] = servers.token_of(environment)
    with servers.product(environment):
        pass  # the first start learns the new key; the second is measured
    with servers.product(environment) as server:
        lines += [
            Line("start to first answer", server.start_seconds, "s", None, None, "< 1 s"),
            Line("idle memory", server.memory_mib(), "MiB", None, None, "< 120 MiB"),
        ]
        lines += _served(place, server, rounds)
    return lines


def _offline(
    place: Place, settings: dict[str, str], size: int, rounds: int, *, each_view: bool
) -> list[Line]:
    with jobs.opened(settings) as services:
        jobs.register_parties(services)
        loaded = jobs.fill(services, size, seed=size)
        raw = jobs.raw_bulk(services, place.raw_url(), min(size, 20_000))
        lines = [Line("bulk load", loaded, "/s", raw, loaded / raw, ">= 20 %")]
        lines += jobs.whole_log(services, settings["store"], rounds)
        lines += jobs.rebuild(services, lines[1].product, each=each_view)
        record_jobs.fill(services, size)  # last: the lines above are about contacts alone
    return lines


def _served(place: Place, server: servers.Server, rounds: int) -> list[Line]:
    party = "Boligorganisation%207"
    contact = jobs.with_history(server)
    reads: tuple[tuple[str, str, str], ...] = (
        ("newest 50 of a party", f"/v1/contacts?party={party}&limit=50", ">= 50 %"),
        ("history of a contact", f"/v1/contacts/{contact}/history", ">= 50 %"),
        ("report 60 x 24", "/v1/reports/contacts?by=month,organisation", ">= 30 %"),
    )
    time.sleep(1)  # the follower sees the last corrections
    lines = [
        jobs.read(job, server, path, servers.empty, place.folder, rounds, aim)
        for job, path, aim in reads
    ]
    lines += record_jobs.reads(server, servers.empty, place.folder, rounds)
    nothing = place.folder / "nothing"
    nothing.write_bytes(b"{}")
    with servers.empty(nothing) as limit:
        lines += jobs.log_one(server, limit, place.raw_url, rounds)
        lines += record_jobs.commands(server, limit, place.raw_url, rounds)
    lines.append(jobs.write_to_visible(server, samples=200))
    return lines


def main(arguments: list[str]) -> int:
    """Run what was asked for and print a table per store and size."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="contacts, by comma")
    parser.add_argument("--million", action="store_true", help="also one million contacts")
    parser.add_argument("--stores", default="sqlite,postgresql")
    parser.add_argument("--each-view", action="store_true", help="also rebuild each view alone")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(arguments)
    sizes = [int(size) for size in asked.sizes.split(",")] + [MILLION] * asked.million
    with cluster() as postgres, tempfile.TemporaryDirectory(prefix="klog-bench-") as folder:
        for kind in asked.stores.split(","):
            if kind == "postgresql" and postgres is None:
                print("postgresql: not on this machine, not measured")
                continue
            for size in sizes:
                place = Place(kind, Path(folder), postgres if kind == "postgresql" else None)
                print(f"\n## {kind}, {size:,} contacts\n", flush=True)
                lines = measure(place, size, asked.rounds, each_view=asked.each_view)
                print(jobs.table(lines), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
