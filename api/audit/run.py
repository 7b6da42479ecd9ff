"""One audit from beginning to end: reads the log once, then asks the database the rest.

What is read is believed nowhere: leaves, tree, index rows and signatures are made again from the
stored bytes and the page docs/log-format.md.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from api.audit.faults import Fault, Findings
from api.audit.points import Points, SavedNote
from api.audit.rows import TYPES, Rows, tags_text_of
from api.audit.seal import Seal
from api.audit.source import Aside, Source
from domain.errors import Broken
from domain.log.checkpoint import VerifierKey

EXPLAINED_MAX: Final = 8
"""Differing rows that are searched byte by byte; each may take half a second."""

Progress = Callable[[int, int], None]
"""Called with rows done and rows in all."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to audit with: keys and origin of the log, notes kept elsewhere, how much to explain."""

    keys: Sequence[VerifierKey] = ()
    origin: str | None = None
    saved: Sequence[SavedNote] = ()
    explained_max: int = EXPLAINED_MAX
    on_keys: Callable[[list[int]], None] | None = None


@dataclass(slots=True)
class Report:
    """What an audit came to."""

    events: int
    positions: int
    root: bytes | None
    checkpoints: int
    checkpoints_verified: int
    roots_agreed: int
    sealed_to: int
    types: dict[str, int]
    findings: Findings = field(repr=False)


def examine(source: Source, job: Job, progress: Progress | None = None) -> Report:
    """Audit one log and return all that was found; raises only when the store cannot be reached."""
    findings = Findings()
    with ThreadPoolExecutor(1) as pool:
        # SQLite works without holding Python back, so its own checks run beside ours.
        aside = pool.submit(source.aside)
        report, tag_count = _read(source, job, findings, progress or _silent)
        _conclude(source, aside.result(), tag_count, findings)
    return report


def _read(source: Source, job: Job, findings: Findings, progress: Progress) -> tuple[Report, int]:
    points = Points(findings, job.keys, job.origin)
    seal = Seal(findings, points.all(source, job.saved))
    rows = Rows(findings, seal, explained_max=job.explained_max, on_keys=job.on_keys)
    head = source.head()
    try:
        for page in source.pages():
            rows.page(page)
            progress(rows.count, head)
    except Broken as error:
        reason = str(error.params.get("reason"))
        findings.add(Fault("unreadable", rows.head + 1, None, reason))
        seal.lose(rows.head + 1)
    root = seal.finish(rows.head)
    points.finish()
    _warn(rows, points, job, findings)
    report = Report(
        events=rows.count,
        positions=rows.head,
        root=root,
        checkpoints=points.count,
        checkpoints_verified=points.verified,
        roots_agreed=seal.agreed,
        sealed_to=points.newest,
        types=dict(sorted(rows.types.items())),
        findings=findings,
    )
    return report, rows.tag_count


def _conclude(source: Source, aside: Aside, tag_count: int, findings: Findings) -> None:
    """Take in what the database found, and hold `event_tags` against the columns.

    No tag stands twice in a column, nor in the index: when as many match as either side has, both
    hold the same. Only else the rows are gone through one by one.
    """
    for fault in aside.faults:
        findings.add(fault)
    if not aside.tags_matched == aside.tags_listed == tag_count:
        try:
            for fault in _tag_faults(source):
                findings.add(fault)
        except Broken as error:
            reason = f"event_tags: {error.params.get('reason')}"
            findings.add(Fault("store_damaged", detail=reason))


def _warn(rows: Rows, points: Points, job: Job, findings: Findings) -> None:
    for name in sorted(rows.types.keys() - TYPES):
        findings.warn("type_unknown", f"{name} ({rows.types[name]})")
    if not job.keys:
        findings.warn("no_key", "0")
    elif rows.head > points.newest > 0:
        findings.warn("unsealed", str(rows.head - points.newest))


def _silent(_done: int, _total: int) -> None:
    """Tell nobody how far it is."""


# ── the index of tags ────────────────────────────────────────────────────────────────────────────


def _tag_faults(source: Source) -> Iterator[Fault]:
    wanted = ((p, tag) for p, text in source.tag_columns() for tag in tags_text_of(text))
    found = chain(source.tags_in_order(), [None])
    have: tuple[Any, Any] | None = next(found)
    for want in wanted:
        while have is not None and _key(have) < _key(want):
            yield _extra(have)
            have = next(found)
        if have is not None and _key(have) == _key(want):
            have = next(found)
        else:
            yield Fault("index_missing", want[0], "tag", want[1])
    while have is not None:
        yield _extra(have)
        have = next(found)


def _key(row: tuple[Any, Any]) -> tuple[int, bytes]:
    """Order as the database does: by the bytes of the tag."""
    tag = row[1]
    raw = tag.encode("utf-8", "surrogateescape") if isinstance(tag, str) else bytes(tag)
    return row[0], raw


def _extra(row: tuple[Any, Any]) -> Fault:
    tag = row[1]
    return Fault("index_extra", row[0], "tag", tag if isinstance(tag, str) else repr(tag))
