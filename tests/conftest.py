"""What tests of every room share: the sample data, a PostgreSQL of their own, hypothesis profiles.

A bare machine skips what it cannot run and says so. Where a suite is required (CI), the same gap is
a failure: KONTAKTLOG_REQUIRE_DATA=1 and KONTAKTLOG_REQUIRE_POSTGRES=1.
"""

import itertools
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
POSTGRES_MAJOR_MIN = 15  # the oldest version we promise to run on
POSTGRES_START_ATTEMPTS = 3  # a free port may be taken between asking and binding
POSTGRES_SECONDS_MAX = 600  # how long pg_ctl waits: a bound that says "never"
POSTGRES_USER = "kontaktlog"
NO_AUTOVACUUM = "autovacuum = off"  # it comes when it likes, changes plans, stays in databases
PORTS = (15_000, 32_000)  # below those that the system gives to outgoing connections
DATABASE_NUMBERS = itertools.count(1)

# No deadline, and no look at how long drawing takes: two cores are shared, and a slow example is no
# wrong one. `print_blob` prints what reproduces a failure; pytest-randomly prints the seed of the
# run at its head. The gate judges a change by the same examples each time; chance belongs to the
# desk and the night.
settings.register_profile(
    "dev",
    deadline=None,
    print_blob=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "ci",
    deadline=None,
    print_blob=True,
    max_examples=200,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "nightly",
    deadline=None,
    print_blob=True,
    max_examples=1_000,
    suppress_health_check=[HealthCheck.too_slow],
)


def hypothesis_profile() -> str:
    """The profile of this run: named by the environment, else `ci` in CI and `dev` elsewhere."""
    default = "ci" if os.environ.get("CI") == "true" else "dev"
    return os.environ.get("KONTAKTLOG_HYPOTHESIS_PROFILE", default)


settings.load_profile(hypothesis_profile())


def pytest_report_header() -> list[str]:
    """Name the choices that change what is tested."""
    required = [name for name in ("DATA", "POSTGRES") if is_required(name)]
    return [
        f"hypothesis profile: {hypothesis_profile()}",
        f"kontaktlog required suites: {', '.join(required).lower() or 'none'}",
    ]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(ids: list[str]) -> None:
    """Two tests of one name are a fault where tests are shared out: all but one would not run."""
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise pytest.UsageError(f"several tests bear one name, run them by themselves: {twice}")


def is_required(suite: str) -> bool:
    """Whether a missing `suite` (DATA, POSTGRES) is a failure rather than a skip."""
    return os.environ.get(f"KONTAKTLOG_REQUIRE_{suite}") == "1"


def absent(suite: str, reason: str) -> NoReturn:
    """Skip loudly, or fail where the suite is required."""
    if is_required(suite):
        pytest.fail(f"required suite {suite.lower()} cannot run: {reason}", pytrace=False)
    pytest.skip(f"{suite.lower()} suite skipped: {reason}")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of sample data beside the repository, never copied into it."""
    folder = Path(os.environ.get("KONTAKTLOG_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "MANIFEST.md").is_file():
        absent("DATA", "no sample data (set KONTAKTLOG_TEST_DATA to its folder)")
    return folder


# ── a PostgreSQL of our own ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class PostgresServer:
    """One throw-away cluster with default durability, on loopback, without passwords."""

    binaries: Path
    data: Path
    port: int

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{POSTGRES_USER}@127.0.0.1:{self.port}/{database}"

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs as the user who owns the cluster.

        Output goes to a file: a started server inherits it, and would hold a pipe open for ever.
        """
        step_down = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*step_down, str(self.binaries / program), *arguments]
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.data.parent,
                check=False,
            )
            output.seek(0)
            if done.returncode != 0:
                message = f"{program} failed: {output.read().decode(errors='replace')}"
                raise RuntimeError(message)

    def start(self) -> None:
        self.control("-l", str(self.data.parent / "server.log"), "start")

    def stop(self, mode: str = "immediate") -> None:
        self.control("-m", mode, "stop")

    def control(self, *arguments: str) -> None:
        self.run("pg_ctl", "-D", str(self.data), "-w", "-t", f"{POSTGRES_SECONDS_MAX}", *arguments)


def postgres_binaries() -> Path | None:
    """Where initdb and pg_ctl of the newest fitting PostgreSQL are, as Debian lays them."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        major = folder.parent.name
        if major.isdigit() and int(major) >= POSTGRES_MAJOR_MIN and (folder / "initdb").exists():
            return folder
    return None


def free_port() -> int:
    """A port that nobody has, and that no outgoing connection takes while its server restarts.

    A client that asks for a server that is down may even be given that server's own port.
    """
    chance = random.SystemRandom()  # pytest-randomly gives `random` the same seed in every worker
    while True:
        port = chance.randrange(*PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def configuration(port: int, sockets: Path) -> str:
    return (
        "listen_addresses = '127.0.0.1'\n"
        f"port = {port}\n"
        f"unix_socket_directories = '{sockets}'\n"
        "shared_buffers = 64MB\n"
        "max_connections = 100\n"
        "lc_messages = 'C'\n"
    )


def start_cluster(binaries: Path, folder: Path, *more: str) -> PostgresServer:
    """Make a cluster in `folder` and start it, on another port if the first was taken meanwhile.

    `more` are lines of its configuration.
    """
    data = folder / "data"
    PostgresServer(binaries, data, 0).run(
        "initdb", "-D", str(data), "-U", POSTGRES_USER, "--auth=trust", "-E", "UTF8", "--locale=C"
    )
    base = (data / "postgresql.conf").read_text(encoding="utf-8")
    attempts_left = POSTGRES_START_ATTEMPTS
    while True:
        server = PostgresServer(binaries, data, free_port())
        text = base + configuration(server.port, folder) + "".join(f"{line}\n" for line in more)
        (data / "postgresql.conf").write_text(text, encoding="utf-8")
        try:
            server.start()
        except RuntimeError:
            attempts_left -= 1
            if attempts_left == 0:
                raise
        else:
            return server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL cluster of this test process's own; each xdist worker that asks starts one."""
    binaries = postgres_binaries()
    if binaries is None:
        absent("POSTGRES", f"no PostgreSQL {POSTGRES_MAJOR_MIN} or newer on this machine")
    # Not under tmp_path: pytest closes that to other users, and the server is not root.
    folder = Path(tempfile.mkdtemp(prefix="klog-pg-"))
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        server = start_cluster(binaries, folder, NO_AUTOVACUUM)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty database, dropped afterwards with whoever is still connected."""
    name = f"t{next(DATABASE_NUMBERS)}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield postgres_server.url(name)
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        drop(admin, name)


def drop(admin: "psycopg.Connection[tuple[object, ...]]", name: str) -> None:
    """Drop a database; PostgreSQL gives up when an ended session takes five seconds to go."""
    while True:
        with suppress(psycopg.errors.ObjectInUse):
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            return
