"""`kontaktlog audit`: recomputes the whole log from its stored bytes and names every fault.

It can be run by somebody who does not trust us: on a copy of the database, with a verifier key and
a checkpoint that they kept themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.terminal import Exit, Json, settings_with, show

if TYPE_CHECKING:
    from api.audit.keys import KeyCount
    from api.audit.run import Report
    from api.audit.source import Source
    from api.settings import Settings

PRINTED_MAX: Final = 50
"""Faults printed; the count is always that of all."""


def audit(
    store: Annotated[
        str | None, typer.Option(help="Loggens adresse (ellers indstillingen)")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="Et kontrolpunkt, du selv har gemt; kan gentages"),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="Offentlig nøgle (navn+id+base64) eller en fil med den; kan gentages"),
    ] = None,
    origin: Annotated[str | None, typer.Option(help="Loggens navn i kontrolpunkterne")] = None,
    views: Annotated[
        bool, typer.Option("--views", help="Byg visningerne om og sammenlign")
    ] = False,
    keys: Annotated[bool, typer.Option("--keys", help="Tæl værdier, hvis nøgle er væk")] = False,
    limit: Annotated[int, typer.Option(min=0, help="Så mange fejl vises højst")] = PRINTED_MAX,
    as_json: Json = False,
) -> None:
    """Efterprøv hele loggen fra dens gemte bytes: rækker, blade, træ, kontrolpunkter, skema.

    Svarer 0, når alt passer, 1 ved fejl, 3 når lageret ikke kan nås. Eksempel:
    kontaktlog audit --checkpoint kontrolpunkt-2026-11-30.txt
    """
    from api.audit.run import Job, examine

    settings = settings_with(store=store, origin=origin)
    job = Job(_verifiers(key, settings), settings.origin, _saved(checkpoint or ()))
    with closing(_source(settings.store)) as source, _counted(settings, keys) as counted:
        if counted is not None:
            job = replace(job, on_keys=counted.add)
        with _progress() as progress:
            report = examine(source, job, progress)
        compared = _views(source, settings, report) if views else None
    if counted is not None and counted.unknown:
        report.findings.warn("key_unknown", str(counted.unknown))
    answer = _answer(report, limit, compared, counted)
    show(answer, as_json, _text(answer))
    if report.findings.total:
        raise typer.Exit(Exit.REFUSED)


def _source(url: str) -> Source:
    from api.settings import is_sqlite, sqlite_path

    if is_sqlite(url):
        from api.audit.sqlite import SqliteSource

        return SqliteSource(sqlite_path(url))
    from api.audit.postgres import PostgresSource

    return PostgresSource(url)


def _verifiers(given: list[str] | None, settings: Settings) -> list[Any]:
    """Return the keys that were given, else the log's own with those it had before."""
    from api.settings import SettingsError
    from domain.log.checkpoint import SigningKey, VerifierKey

    if given:
        texts = [_text_of(Path(each)) if Path(each).is_file() else each for each in given]
        return [VerifierKey.parse(text.strip()) for text in texts]
    try:
        found = [settings.checkpoint_key().verifier]
    except SettingsError:
        return []
    file = settings.signing_key_file
    for former in sorted(file.parent.glob(f"{file.name}.????????")):
        verifier = SigningKey.parse(_text_of(former).strip()).verifier
        if verifier not in found:
            found.append(verifier)
    return found


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _saved(files: list[Path] | tuple[()]) -> list[Any]:
    from api.audit.points import SavedNote

    for file in files:
        if not file.is_file():
            raise typer.BadParameter(f"{file.name} findes ikke", param_hint="--checkpoint")
    return [SavedNote(file.name, _whole_note(file.read_bytes())) for file in files]


def _whole_note(raw: bytes) -> bytes:
    """A note that was copied from a screen may lack its last line feed or have two."""
    return raw.rstrip(b"\n") + b"\n"


@contextmanager
def _counted(settings: Settings, wanted: bool) -> Iterator[KeyCount | None]:
    if not wanted:
        yield None
        return
    from api.audit.keys import KeyCount

    with closing(KeyCount(settings.keys_url)) as counted:
        yield counted


def _views(source: Source, settings: Settings, report: Report) -> int:
    """Compare the views; opens the keys, because views hold what was sealed."""
    from api.audit.views import compare, opened
    from domain.log.codec import Codec
    from domain.log.vault import Vault
    from domain.storage import clock
    from domain.storage.stores import open_keys
    from projections.registry import VIEWS

    with closing(open_keys(settings.keys_url, settings.master_key_bytes())) as keys:
        codec = Codec(Vault(keys, clock.entropy))
        with closing(opened(settings.views_url)) as live:
            return compare(source, codec, live, VIEWS, report.findings)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on standard error when a person looks at it."""
    import sys

    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Efterprøver", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _answer(
    report: Report, limit: int, compared: int | None, counted: KeyCount | None
) -> dict[str, Any]:
    findings = report.findings
    answer: dict[str, Any] = {
        "result": "faults" if findings.total else "clean",
        "events": report.events,
        "positions": report.positions,
        "root": report.root.hex() if report.root else None,
        "checkpoints": report.checkpoints,
        "checkpoints_verified": report.checkpoints_verified,
        "roots_agreed": report.roots_agreed,
        "sealed_to": report.sealed_to,
        "types": report.types,
    }
    if compared is not None:
        answer["views_compared"] = compared
    if counted is not None:
        answer["keys"] = {
            "values": counted.values,
            "destroyed": counted.destroyed,
            "unknown": counted.unknown,
        }
    answer["faults_total"] = findings.total
    answer["faults_by_kind"] = dict(sorted(findings.counts.items()))
    answer["faults"] = [fault.as_json() for fault in list(findings.in_order())[:limit]]
    answer["warnings"] = [
        {"kind": kind, "detail": text} for kind, text in findings.warnings.items()
    ]
    return answer


def _text(answer: dict[str, Any]) -> str:
    """Say in Danish what came of it, the verdict last."""
    from api.audit.faults import KINDS, WARNINGS

    lines = [
        f"Hændelser: {answer['events']} (position 1-{answer['positions']})",
        f"Rod: {answer['root'] or 'kan ikke beregnes'}",
    ]
    signed = f"{answer['checkpoints']}, underskrift i orden: {answer['checkpoints_verified']}"
    lines.append(f"Kontrolpunkter: {signed}, rod i orden: {answer['roots_agreed']}")
    if "views_compared" in answer:
        lines.append(f"Visninger sammenlignet: {answer['views_compared']}")
    if "keys" in answer:
        lines.append(
            "Forseglede værdier: {values}, nøgle slettet: {destroyed}".format_map(answer["keys"])
        )
    lines += [f"Bemærk: {WARNINGS[w['kind']]} ({w['detail']})" for w in answer["warnings"]]
    for fault in answer["faults"]:
        where = "-".join(str(fault[name]) for name in ("position", "last") if name in fault)
        parts = [
            f"position {where}" if where else "",
            fault.get("column", ""),
            fault.get("detail", ""),
        ]
        told = ", ".join(part for part in parts if part)
        lines.append(
            f"FEJL {fault['kind']}: {KINDS[fault['kind']]}" + (f" ({told})" if told else "")
        )
    hidden = answer["faults_total"] - len(answer["faults"])
    if hidden > 0:
        lines.append(f"… og {hidden} fejl mere")
    total = answer["faults_total"]
    lines.append(f"Loggen er IKKE hel: {total} fejl fundet." if total else "Loggen er hel.")
    return "\n".join(lines)
