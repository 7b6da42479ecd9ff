"""The jobs of the table: each measures the product and its limit in turn, round by round."""

import gc
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from api.audit.postgres import PostgresSource
from api.audit.run import Job, examine
from api.audit.sqlite import SqliteSource
from api.commands.contacts import log_contacts_sync
from api.commands.parties import register_party_sync
from api.main import Services, calm_collector, open_services
from api.settings import Settings, is_sqlite, load_settings, sqlite_path
from bench import contacts
from bench.limits import RawStore, raw_replay
from bench.servers import Server
from domain.access import Principal, Role
from domain.contacts import LogContact
from domain.log.port import PAGE_ROWS_MAX
from domain.parties import RegisterParty
from projections.registry import VIEWS
from projections.runner import Runner

BULK = 1_000
HISTORY_STEPS = 4
WHOLE_FROM = 10
"""Figures from here on are printed without decimals."""
PRINCIPAL = Principal("bench", Role.CASE_OFFICER)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: what was measured, in which unit, and the limit beside it.

    `share` is product over limit, the median of the rounds' ratios; None where there is no limit.
    """

    job: str
    product: float
    unit: str
    limit: float | None
    share: float | None
    aim: str


def rates(
    job: str, product: Callable[[], float], limit: Callable[[], float], rounds: int, aim: str
) -> Line:
    """Measure two rates in turn and return their medians and the median ratio."""
    pairs = [(limit(), product()) for _ in range(rounds)]
    return Line(
        job,
        median(p for _, p in pairs),
        "/s",
        median(x for x, _ in pairs),
        median(p / x for x, p in pairs),
        aim,
    )


@contextmanager
def opened(settings: dict[str, str]) -> Iterator[Services]:
    """Open the installation in this process, as the CLI does."""
    services = open_services(load_settings(**settings), writer=False)
    try:
        yield services
    finally:
        services.close()


def fill(services: Services, count: int, seed: int) -> float:
    """Register the parties if need be, load `count` contacts, return contacts per second."""
    commands = [LogContact.model_validate_json(b) for b in contacts.bodies(count, seed)]
    calm_collector()
    gc.collect()
    started = time.perf_counter()
    for start in range(0, count, BULK):
        part = commands[start : start + BULK]
        outcomes = log_contacts_sync(services, PRINCIPAL, part, via="import")
        if failed := [o for o in outcomes if isinstance(o, Exception)]:
            raise failed[0]
    return count / (time.perf_counter() - started)


def register_parties(services: Services) -> None:
    """Enter the administrations and organisations."""
    for kind, names in (
        ("administration", contacts.administrations()),
        ("housing_organisation", contacts.organisations()),
    ):
        for name in names:
            command = RegisterParty(kind=kind, name=name)
            register_party_sync(services, PRINCIPAL, command, via="cli")
    Runner(services.log, services.codec, services.store, VIEWS).catch_up()


def raw_bulk(services: Services, url: str, count: int) -> float:
    """Insert the bytes of the last `count` events into a bare table; return rows per second."""
    rows = [
        (row.position, row.recorded_at, row.type, row.tags, row.metadata, row.data)
        for start in range(services.log.head() - count, services.log.head(), PAGE_ROWS_MAX)
        for row in services.log.rows(start, min(PAGE_ROWS_MAX, services.log.head() - start))
    ]
    raw = RawStore(url)
    seconds = raw.insert(rows, BULK)
    raw.close()
    return len(rows) / seconds


def raw_single(url: str, count: int) -> float:
    """Insert rows of 1 kB one a commit into a bare table; return rows per second."""
    raw = RawStore(url)
    seconds = raw.insert([(n, n, "t", "[]", b"{}", b"x" * 1_000) for n in range(count)], 1)
    raw.close()
    return count / seconds


def replay(services: Services) -> int:
    """Read and decode the whole log, personal parts left sealed; return the events read."""
    after = count = 0
    while rows := services.log.rows(after):
        for row in rows:
            services.codec.sealed_fact(row)
        count += len(rows)
        after = rows[-1].position
    return count


def replay_opened(services: Services) -> int:
    """Read and decode the whole log with personal parts opened; return the events read."""
    after = count = 0
    while rows := services.log.rows(after):
        count += len(services.codec.facts(rows))
        after = rows[-1].position
    return count


def rate_of(job: Callable[[], int]) -> float:
    """Return the events per second of a job over the whole log."""
    gc.collect()
    started = time.perf_counter()
    count = job()
    return count / (time.perf_counter() - started)


def audited(settings: Settings) -> int:
    """Audit the whole log; return the events read, raise when a fault was found."""
    url = settings.store
    source = SqliteSource(sqlite_path(url)) if is_sqlite(url) else PostgresSource(url)
    with closing(source):
        report = examine(source, Job([settings.checkpoint_key().verifier], settings.origin, []))
    if report.findings.total:
        raise RuntimeError(f"the audit found {report.findings.total} faults")
    return report.events


def whole_log(services: Services, url: str, rounds: int) -> list[Line]:
    """Measure replay and audit against a bare select and parse of the same rows."""
    raw = raw_replay(url)
    return [
        rates(name, lambda job=job: rate_of(job), lambda: rate_of(raw), rounds, aim)  # type: ignore[misc]
        for name, job, aim in (
            ("replay, decoded", lambda: replay(services), ">= 80 %"),
            ("replay, personal parts opened", lambda: replay_opened(services), ""),
            ("audit of the whole log", lambda: audited(services.settings), ">= 50 %"),
        )
    ]


def rebuild(services: Services, replayed: float, *, each: bool) -> list[Line]:
    """Rebuild all views beside the serving ones; return the line, and one per view if `each`."""
    lines = []
    events = services.log.head()
    for name in (None, *(view.name for view in VIEWS if each)):
        runner = Runner(services.log, services.codec, services.store, VIEWS, grace_seconds=0)
        runner.catch_up()
        started = time.perf_counter()
        runner.rebuild(name)
        runner.catch_up()
        rate = events / (time.perf_counter() - started)
        title = "rebuild of all views" if name is None else f"  view {name} alone"
        aim = ">= 15 %" if name is None else ""
        lines.append(Line(title, rate, "/s", replayed, rate / replayed, aim))
    return lines


def log_one(server: Server, limit: Server, raw_url: Callable[[], str], rounds: int) -> list[Line]:
    """Measure POST /v1/contacts with 1 and 16 clients."""
    made = list(contacts.bodies(2_000, seed=7))
    ours = [server.request("POST", "/v1/contacts", body) for body in made]
    theirs = [limit.request("POST", "/v1/contacts", body) for body in made]

    def product(clients: int) -> float:
        measured = server.load(ours, clients, 2.0)
        if measured["errors"]:
            raise RuntimeError(f"{measured['errors']} writes failed")
        return measured["answers"] / measured["seconds"]

    def empty(clients: int) -> float:
        measured = limit.load(theirs, clients, 2.0)
        return measured["answers"] / measured["seconds"]

    def after_each_other() -> float:
        return 1 / (1 / empty(1) + 1 / raw_single(raw_url(), 500))

    return [
        rates("log one contact, 1 client", lambda: product(1), after_each_other, rounds, ">= 60 %"),
        rates(
            "log one contact, 16 clients",
            lambda: product(16),
            lambda: empty(16),
            rounds,
            ">= 50 %",
        ),
    ]


def read(
    job: str,
    server: Server,
    path: str,
    limit: Callable[[Path], Any],
    folder: Path,
    rounds: int,
    aim: str,
) -> Line:
    """Measure a GET with 4 clients against an empty server that returns the same bytes."""
    answer, _ = server.answer("GET", path)
    file = folder / "answer.json"
    file.write_bytes(answer)
    with limit(file) as bare:

        def rate(of: Server, at: str) -> float:
            measured = of.load([of.request("GET", at)], 4, 2.0)
            if measured["errors"]:
                raise RuntimeError(f"{path}: {measured['errors']} errors")
            return measured["answers"] / measured["seconds"]

        name = f"{job} ({len(answer) // 1024 or 1} kB)"
        return rates(name, lambda: rate(server, path), lambda: rate(bare, "/answer"), rounds, aim)


def write_to_visible(server: Server, samples: int) -> Line:
    """Measure from the write's answer until a query sees it, while 8 others write."""
    made = list(contacts.bodies(200, seed=11))
    noise = [server.request("POST", "/v1/contacts", body) for body in made]
    background = threading.Thread(target=server.load, args=(noise, 8, samples * 0.03 + 1))
    background.start()
    waits = []
    for n in range(samples):
        _, headers = server.answer("POST", "/v1/contacts", made[n % len(made)])
        position, location = headers["Kontaktlog-Position"], headers["Location"]
        started = time.perf_counter()
        server.answer("GET", f"{location}?min_position={position}")
        waits.append(time.perf_counter() - started)
    background.join()
    p99 = sorted(waits)[int(len(waits) * 0.99) - 1] * 1e3
    return Line("write to visible, p99 under load", p99, "ms", None, None, "<= 50 ms")


def with_history(server: Server) -> str:
    """Log a contact, correct it four times, return its id."""
    body = next(contacts.bodies(1, seed=13))
    contact = orjson.loads(server.answer("POST", "/v1/contacts", body)[0])["id"]
    for version in range(1, HISTORY_STEPS + 1):
        change = orjson.dumps({"reason": "berigtiget", "facts": f"udgave {version}"})
        path = f"/v1/contacts/{contact}/corrections"
        server.answer("POST", path, change, if_match=f'"{version}"')
    return str(contact)


def fresh(folder: Path) -> Path:
    """Return an emptied folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def table(lines: Sequence[Line]) -> str:
    """Return the lines as a Markdown table."""
    rows = [
        "| job | product | limit, same run | share | aim |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for line in lines:
        digits = 0 if line.product >= WHOLE_FROM else 2
        product = f"{line.product:,.{digits}f} {line.unit}"
        limit = f"{line.limit:,.0f} {line.unit}" if line.limit is not None else ""
        share = f"{line.share:.0%}" if line.share is not None else ""
        rows.append(f"| {line.job} | {product} | {limit} | {share} | {line.aim} |")
    return "\n".join(rows)
