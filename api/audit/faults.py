"""What the audit can find: the closed list of kinds, and where findings are gathered."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

KEPT_MAX: Final = 1_000
"""Faults kept in full; beyond them only the count grows: a ruined log shall not fill memory."""

KINDS: Final = MappingProxyType(
    {
        # positions
        "missing": "rækker mangler",
        "tail_missing": "loggens slutning mangler",
        "position_invalid": "positionen er under 1",
        "unreadable": "rækken kan ikke læses fra lageret",
        # one row
        "row_changed": "rækkens indhold er ændret",
        "leaf_changed": "rækkens blad er ændret, indholdet er helt",
        "row_or_leaf_changed": "rækkens indhold eller blad er ændret",
        "row_moved": "rækken stod på en anden position",
        "storage_class": "værdien har fået en anden lagringsklasse",
        "column_form": "værdien har en umulig længde",
        "json_invalid": "indholdet er ikke JSON",
        "json_trailing": "der står mere efter indholdets JSON",
        "json_duplicate_key": "samme nøgle to gange i indholdets JSON",
        "tags_form": "mærkerne er ikke en sorteret JSON-liste af tekster",
        "sealed_form": "en forseglet værdi har en forkert form",
        "time_backwards": "tiden går baglæns uden en hændelse om uret",
        # between rows
        "event_id_repeated": "samme hændelses-id to gange",
        "key_hash_repeated": "samme idempotensnøgle to gange",
        "stream_version_repeated": "samme version af en strøm to gange",
        "index_missing": "et mærke mangler i søgeregistret",
        "index_extra": "et mærke for meget i søgeregistret",
        "index_damaged": "databasens eget indeks passer ikke med rækkerne",
        "store_damaged": "databasen er beskadiget",
        # the tree and what was published about it
        "checkpoint_differs": "loggen passer ikke med et underskrevet kontrolpunkt",
        "checkpoint_signature": "kontrolpunktets underskrift holder ikke",
        "checkpoint_changed": "kontrolpunktets række passer ikke med dets underskrevne tekst",
        "checkpoint_missing": "et gemt kontrolpunkt er fjernet fra loggen",
        "saved_note_invalid": "det gemte kontrolpunkt kan ikke bruges",
        # schema
        "schema_missing": "noget mangler i databasens skema",
        "schema_extra": "noget fremmed i databasens skema",
        "schema_changed": "databasens skema er ændret",
        # views
        "view_row_missing": "visningen mangler en række",
        "view_row_extra": "visningen har en række for meget",
        "view_missing": "visningen eller en af dens tabeller mangler",
    }
)
"""Every kind of fault with its Danish gloss; docs/audit.md explains each."""

WARNINGS: Final = MappingProxyType(
    {
        "type_unknown": "hændelsestype, som denne udgave ikke kender",
        "no_checkpoint": "loggen har intet kontrolpunkt",
        "no_key": "ingen nøgle at efterprøve kontrolpunkter med",
        "unsealed": "hændelser efter det nyeste kontrolpunkt",
        "not_checked": "kontrolpunkter kunne ikke sammenholdes, fordi loggen er brudt før dem",
        "checkpoint_time": "kontrolpunktets tid passer ikke med dets naboer",
        "view_behind": "visningen er bagud og er sammenlignet ved sin egen position",
        "view_parked": "visningen er gået i stå",
        "view_not_compared": "visningen kan ikke sammenlignes",
        "key_unknown": "værdi forseglet med en nøgle, der aldrig er udstedt",
    }
)
"""Every kind of warning: what deserves a look and is no proof of tampering."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong. `last` closes a range of positions that begins at `position`."""

    kind: str
    position: int | None = None
    column: str | None = None
    detail: str = ""
    last: int | None = None

    def as_json(self) -> dict[str, str | int]:
        """Return what there is to say; absent parts are left out."""
        parts = {
            "kind": self.kind,
            "position": self.position,
            "last": self.last,
            "column": self.column,
            "detail": self.detail or None,
        }
        return {name: value for name, value in parts.items() if value is not None}


@dataclass(slots=True)
class Findings:
    """Faults as they are found, counted by kind; the first `KEPT_MAX` are kept whole."""

    kept: list[Fault] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    warnings: dict[str, str] = field(default_factory=dict)

    def add(self, fault: Fault) -> None:
        """Note a fault; raises LookupError for a kind that is not in the closed list."""
        if fault.kind not in KINDS:
            raise LookupError(f"{fault.kind!r} is not a kind of fault")
        self.counts[fault.kind] += 1
        if len(self.kept) < KEPT_MAX:
            self.kept.append(fault)

    def warn(self, kind: str, detail: str) -> None:
        """Note a warning; a second of the same kind is joined to the first."""
        if kind not in WARNINGS:
            raise LookupError(f"{kind!r} is not a kind of warning")
        before = self.warnings.get(kind)
        self.warnings[kind] = f"{before}; {detail}" if before else detail

    @property
    def total(self) -> int:
        """How many faults there are, kept or not."""
        return self.counts.total()

    def in_order(self) -> Iterator[Fault]:
        """Yield the kept faults by position; those without one come last."""
        yield from sorted(
            self.kept, key=lambda f: (f.position is None, f.position or 0, f.kind, f.column or "")
        )
