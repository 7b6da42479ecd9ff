"""Reads what was signed about the log: its own list of checkpoints, and notes kept elsewhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Final

from api.audit.faults import Fault, Findings
from api.audit.seal import Point
from api.audit.source import Source, StoredCheckpoint
from domain.errors import Broken
from domain.log.checkpoint import Checkpoint, VerifierKey, open_checkpoint

_CLASSES: Final = (("size", int), ("root", bytes), ("note", str), ("recorded_at", int))


@dataclass(frozen=True, slots=True)
class SavedNote:
    """A checkpoint that somebody kept outside the log: its name for the report, and its text."""

    name: str
    text: bytes


class Points:
    """Checks each signed note on its own and gives those that hold, in order of size."""

    def __init__(self, findings: Findings, keys: Sequence[VerifierKey], origin: str | None) -> None:
        """Without `keys` no signature is checked, and the report says so."""
        self._findings = findings
        self._keys = tuple(keys)
        self._origin = origin
        self._last_time = 0
        self._listed: set[int] = set()
        self._wanted: set[int] = set()
        self.count = 0
        self.verified = 0
        """Published checkpoints, and how many of them have a signature that holds."""
        self.newest = 0
        """The size of the largest one whose signature holds."""

    def all(self, source: Source, saved: Sequence[SavedNote]) -> Iterator[Point]:
        """Yield the points of the list and of the saved notes, the saved ones first at a size."""
        kept = sorted(self._saved(saved), key=lambda point: point.size)
        self._wanted = {point.size for point in kept}
        yield from merge(
            kept, self._published(source), key=lambda point: (point.size, not point.saved)
        )

    def finish(self) -> None:
        """Name saved notes that the log's own list lacks, once the list was read to its end."""
        for size in sorted(self._wanted - self._listed - {0}):
            self._findings.add(Fault("checkpoint_missing", size, None, "checkpoints"))
        if self.count == 0:
            self._findings.warn("no_checkpoint", "0")

    def _saved(self, notes: Sequence[SavedNote]) -> Iterator[Point]:
        for note in notes:
            try:
                said = open_checkpoint(note.text, self._keys, origin=self._origin)
            except Broken as error:
                reason = f"{note.name}: {error.params.get('reason')}"
                self._findings.add(Fault("saved_note_invalid", detail=reason))
            else:
                yield Point(said.size, said.root, note.name, saved=True)

    def _published(self, source: Source) -> Iterator[Point]:
        for row in self._rows(source):
            self.count += 1
            place = row.size if isinstance(row.size, int) else None
            self._listed.add(place or 0)
            odd = [
                name for (name, kind), v in zip(_CLASSES, row, strict=True) if type(v) is not kind
            ]
            for name in odd:
                self._findings.add(Fault("storage_class", place, name, "checkpoints"))
            if odd:
                continue
            point = self._point(row)
            if point is not None:
                yield point

    def _rows(self, source: Source) -> Iterator[StoredCheckpoint]:
        try:
            yield from source.checkpoints()
        except Broken as error:
            reason = f"checkpoints: {error.params.get('reason')}"
            self._findings.add(Fault("store_damaged", detail=reason))

    def _point(self, row: StoredCheckpoint) -> Point | None:
        """Return what a row's note says; its root and size columns only repeat it."""
        if not self._keys:
            return Point(row.size, row.root, f"checkpoint {row.size}")
        try:
            said = open_checkpoint(row.note, self._keys, origin=self._origin)
        except (Broken, UnicodeError) as error:
            reason = error.params.get("reason") if isinstance(error, Broken) else "encoding"
            self._findings.add(Fault("checkpoint_signature", row.size, "note", str(reason)))
            return None
        self._compare(row, said)
        if said.size != row.size:
            return None  # out of order: it cannot be met where it stands
        self.verified += 1
        self.newest = max(self.newest, said.size)
        return Point(said.size, said.root, f"checkpoint {said.size}")

    def _compare(self, row: StoredCheckpoint, said: Checkpoint) -> None:
        if said.size != row.size:
            detail = f"note says {said.size}"
            self._findings.add(Fault("checkpoint_changed", row.size, "size", detail))
        if said.root != row.root:
            self._findings.add(Fault("checkpoint_changed", row.size, "root"))
        if row.recorded_at < self._last_time:
            self._findings.warn("checkpoint_time", f"{row.size}")
        self._last_time = row.recorded_at
