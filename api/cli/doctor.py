"""`kontaktlog doctor`: looks for what would lose acknowledged writes or lock people out, and more.

`serve` asks `dangers` before it starts: a server that says "recorded" and may have lost it at the
next power cut is worse than one that does not start (proof.md D10).
"""

from __future__ import annotations

import platform
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import typer

from api.cli.terminal import Exit, Json, opened, settings_with, show, table

if TYPE_CHECKING:
    from api.main import Services
    from api.settings import Settings

NETWORK_FILE_SYSTEMS: Final = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.s3fs"),
        *("fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "orangefs"),
        *("smb2", "smb3", "smbfs", "vboxsf", "virtiofs"),
    }
)
"""Where SQLite's WAL, which needs memory shared between processes, is unsafe (sqlite.org/wal)."""
MEMORY_FILE_SYSTEMS: Final = frozenset({"tmpfs", "ramfs"})
UNSAFE_MOUNT_OPTIONS: Final = frozenset({"nobarrier", "barrier=0"})
DISK_BYTES_FAIL: Final = 64 * 1024 * 1024
DISK_BYTES_WARN: Final = 1024 * 1024 * 1024
CLOCK_SECONDS_WARN: Final = 5
LAG_EVENTS_WARN: Final = 10_000
LOSES_WRITES: Final = frozenset({"unsafe_setting", "network_file_system", "write_barriers_off"})
"""Codes with which `serve` does not start."""

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: a stable code, how it stands, and a line for people."""

    code: str
    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Mounted:
    """One line of the kernel's table of mounts."""

    point: Path
    kind: str
    options: frozenset[str]


def doctor(as_json: Json = False) -> None:
    """Undersøg installationen: sikre indstillinger, nøgler, ur, disk og visninger.

    Svarer 1, når noget er galt. Eksempel: kontaktlog doctor --json
    """
    from domain.errors import DomainError

    settings = settings_with()
    found = list(of_files(settings))
    try:
        with opened(settings) as services:
            found += of_store(services)
    except DomainError as error:
        found.append(Finding("store", "fail", f"lageret kan ikke åbnes: {error}"))
    found += of_versions()
    failed = any(finding.level == "fail" for finding in found)
    rows = [[finding.level, finding.code, finding.text] for finding in found]
    answer = {"ok": not failed, "findings": [asdict(finding) for finding in found]}
    show(answer, as_json, table(("", "kode", ""), rows))
    if failed:
        raise typer.Exit(Exit.REFUSED)


def dangers(services: Services) -> list[Finding]:
    """Return what would lose acknowledged writes; `serve` refuses to start with any of it."""
    found = [*of_file_system(services.settings), *of_durability(services)]
    return [each for each in found if each.level == "fail" and each.code in LOSES_WRITES]


def of_files(settings: Settings) -> Iterator[Finding]:
    """Look at the file system, the free space and who may read the keys."""
    from api.settings import is_sqlite, sqlite_path

    yield from of_file_system(settings)
    secrets = [settings.master_key_file, settings.signing_key_file]
    secrets += [sqlite_path(settings.keys_url)] if is_sqlite(settings.keys_url) else []
    for file in filter(Path.exists, secrets):
        yield of_mode(file)
    urls = {settings.store, settings.views_url, settings.keys_url}
    folders = {_existing(sqlite_path(url).parent) for url in urls if is_sqlite(url)}
    for folder in sorted(folders):
        yield of_space(folder, shutil.disk_usage(folder).free)


def of_file_system(settings: Settings, table_of_mounts: str | None = None) -> Iterator[Finding]:
    """Look at what the log and the keys lie on."""
    from api.settings import is_sqlite, sqlite_path

    text = _mount_table() if table_of_mounts is None else table_of_mounts
    mounts = list(mounts_of(text))
    for name, url in (("loggen", settings.store), ("nøglerne", settings.keys_url)):
        if is_sqlite(url):
            yield of_mount(name, mount_of(sqlite_path(url), mounts))


def of_mount(name: str, mount: Mounted | None) -> Finding:
    """Judge one mount: SQLite on a network loses or tears writes, memory forgets them."""
    if mount is None:
        return Finding("file_system", "ok", f"{name}: filsystemet er ukendt")
    if mount.kind in NETWORK_FILE_SYSTEMS:
        text = f"{name} ligger på et netværksdrev ({mount.kind}); brug en lokal disk"
        return Finding("network_file_system", "fail", text)
    if mount.options & UNSAFE_MOUNT_OPTIONS:
        return Finding("write_barriers_off", "fail", f"{name}: disken er monteret uden barrierer")
    if mount.kind in MEMORY_FILE_SYSTEMS:
        return Finding("memory_file_system", "warn", f"{name} ligger i hukommelsen ({mount.kind})")
    return Finding("file_system", "ok", f"{name} ligger på {mount.kind}")


def of_mode(file: Path) -> Finding:
    """Judge who may read a file of secrets; in a folder that only its owner enters, nobody else."""
    mode = stat.S_IMODE(file.stat().st_mode)
    closed = not file.absolute().parent.stat().st_mode & (stat.S_IXGRP | stat.S_IXOTH)
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and not closed:
        text = f"{file} kan læses af andre ({mode:04o}); kør: chmod 600 {file}"
        return Finding("key_file_mode", "fail", text)
    return Finding("key_file_mode", "ok", f"{file} kan kun læses af ejeren")


def of_space(folder: Path, free: int) -> Finding:
    """Judge the room left on a disk."""
    text = f"{free // 1_000_000} MB fri i {folder}"
    if free < DISK_BYTES_FAIL:
        return Finding("disk_space", "fail", text)
    return Finding("disk_space", "warn" if free < DISK_BYTES_WARN else "ok", text)


def of_store(services: Services) -> Iterator[Finding]:
    """Look at the open installation: durability, clock, views."""
    from domain.storage.clock import now_microseconds

    yield from of_durability(services)
    services.log.probe()
    yield Finding("store", "ok", "lageret kan tage imod nu")
    head = services.log.head()
    last = services.log.rows(head - 1, 1)
    if last:
        yield of_clock(now_microseconds(), last[0].recorded_at)
    yield from of_views(services, head)


def of_durability(services: Services) -> Iterator[Finding]:
    """Look at the database's own settings that decide whether a commit survives a power cut."""
    ask: Callable[[], Iterable[str]] = getattr(services.log, "unsafe_settings", list)
    unsafe = list(ask())
    for name in unsafe:
        text = f"{name} står, så kvitterede skrivninger kan gå tabt"
        yield Finding("unsafe_setting", "fail", text)
    if not unsafe:
        yield Finding("durability", "ok", "kvitterede skrivninger overlever strømsvigt")


def of_clock(now: int, last: int) -> Finding:
    """Judge the clock against the newest event; both in microseconds since 1970."""
    behind = (last - now) / 1_000_000
    if behind > CLOCK_SECONDS_WARN:
        text = f"uret er {behind:.0f} s bagud for loggens nyeste hændelse"
        return Finding("clock_behind", "warn", text)
    return Finding("clock", "ok", "uret er ikke bagud for loggen")


def of_views(services: Services, head: int) -> Iterator[Finding]:
    """Look at each view: behind, parked at a position it cannot apply, or at the head."""
    from projections.runner import positions

    states = positions(services.store)
    if not states and head:
        yield Finding("views_missing", "warn", "ingen visninger endnu; start tjenesten")
    for name, state in states.items():
        lag = head - state.position
        if state.status == "parked":
            text = f"visningen {name} gik i stå efter position {state.position}: {state.error}"
            yield Finding("view_parked", "fail", text)
        elif lag > LAG_EVENTS_WARN:
            yield Finding("view_lag", "warn", f"visningen {name} er {lag} hændelser bagud")
        else:
            yield Finding("view", "ok", f"visningen {name} er {max(lag, 0)} hændelser bagud")


def of_versions() -> Iterator[Finding]:
    """Name the versions, for whoever is asked for help."""
    from importlib.metadata import version

    text = (
        f"kontaktlog {version('kontaktlog')}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {sys.platform}"
    )
    yield Finding("versions", "ok", text)


def mounts_of(text: str) -> Iterator[Mounted]:
    """Read the kernel's table (proc_pid_mountinfo(5)): point, kind, options of mount and disk."""
    for line in text.splitlines():
        left, dash, right = line.partition(" - ")
        fields, rest = left.split(), right.split()
        if not dash or len(fields) < 6 or len(rest) < 3:  # noqa: PLR2004 the fixed columns
            continue
        point = fields[4].encode().decode("unicode_escape")
        yield Mounted(Path(point), rest[0], frozenset((fields[5] + "," + rest[2]).split(",")))


def mount_of(file: Path, mounts: Iterable[Mounted]) -> Mounted | None:
    """Return the mount a file lies on, or will: the longest, of equals the last."""
    place = _existing(file.absolute()).resolve()
    best: Mounted | None = None
    for mount in mounts:
        deeper = best is None or len(mount.point.parts) >= len(best.point.parts)
        if deeper and place.is_relative_to(mount.point):
            best = mount
    return best


def _mount_table() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux: nothing is known, and nothing is claimed
        return ""


def _existing(path: Path) -> Path:
    return next((each for each in (path, *path.absolute().parents) if each.exists()), Path("/"))
