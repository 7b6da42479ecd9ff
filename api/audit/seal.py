"""Holds the log's leaves against what was signed about them, and judges the leaves in doubt.

A row and its stored leaf that disagree leave open which of them was changed. The next signed root
decides: only one choice of leaves leads to it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from api.audit.faults import Fault, Findings
from domain.log.merkle import Frontier

DOUBTS_TRIED_MAX: Final = 6
"""Rows in doubt between two checkpoints whose choices are all tried: 2^6 small trees."""
TAIL_LEAVES_MAX: Final = 1_000_000
"""Leaves kept while a doubt waits for the next checkpoint: 32 MB; beyond them it is not decided."""


@dataclass(frozen=True, slots=True)
class Point:
    """What somebody signed about the log: its root at a size. `saved`: kept outside the log."""

    size: int
    root: bytes
    where: str
    saved: bool = False


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A leaf with two possible values: as stored, and as computed from the row."""

    position: int
    index: int
    stored: bytes
    computed: bytes


class Seal:
    """Takes leaves in order of position and meets every point on the way."""

    def __init__(self, findings: Findings, points: Iterable[Point]) -> None:
        """`points` in order of size; faults go to `findings`."""
        self._findings = findings
        self._points = iter(points)
        self._next = next(self._points, None)
        self._frontier = Frontier()
        self._tail: list[bytes] | None = None
        self._doubts: list[_Doubt] = []
        self._confirmed = {True: 0, False: 0}
        self._differs = {True: False, False: False}
        self._lost: int | None = None
        self._unchecked = 0
        self.agreed = 0
        """Points whose root is the log's."""

    def grow(self, leaves: Sequence[bytes]) -> None:
        """Add leaves that are not in doubt."""
        if self._lost is not None:
            return
        start = 0
        while self._next is not None and self._next.size <= self._size + len(leaves) - start:
            stop = start + max(0, self._next.size - self._size)
            self._add(leaves[start:stop])
            start = stop
            self._meet(self._next)
            self._next = next(self._points, None)
        self._add(leaves[start:])

    def doubt(self, position: int, stored: bytes, computed: bytes) -> None:
        """Add a leaf that is either as stored or as computed; the next point decides."""
        if self._lost is not None or self._next is None:
            self._undecided(position)
            self.grow([computed])
            return
        if self._tail is None:
            self._tail = []
        self._doubts.append(_Doubt(position, len(self._tail), stored, computed))
        self.grow([stored])

    def lose(self, position: int) -> None:
        """Say that the leaf of a position is unknown: nothing after it can be checked."""
        if self._lost is None:
            self._lost = position
            self._give_up()

    def finish(self, head: int) -> bytes | None:
        """Meet the points beyond the log's end; return the root, None when a leaf is unknown."""
        self._give_up()
        last: Point | None = None
        for point in self._rest():
            if point.size > head:
                last = point
            else:
                self._unchecked += 1
        if last is not None:
            detail = f"{last.where} covers {last.size} events"
            self._findings.add(Fault("tail_missing", head + 1, None, detail, last.size))
        if self._unchecked:
            self._findings.warn("not_checked", f"{self._unchecked}")
        return None if self._lost is not None else self._frontier.root()

    @property
    def _size(self) -> int:
        return self._frontier.size + len(self._tail or ())

    def _rest(self) -> Iterator[Point]:
        if self._next is not None:
            yield self._next
            yield from self._points
            self._next = None

    def _add(self, leaves: Sequence[bytes]) -> None:
        if self._tail is None:
            self._frontier.extend(leaves)
            return
        self._tail += leaves
        if len(self._tail) > TAIL_LEAVES_MAX:
            self._give_up()

    def _meet(self, point: Point) -> None:
        if self._doubts:
            self._decide(point)
        if self._differs[point.saved]:
            self._unchecked += 1
        elif self._frontier.root() == point.root:
            self._confirmed[point.saved] = point.size
            self.agreed += 1
        else:
            self._differs[point.saved] = True
            # Whoever stole the key can sign the log's own checkpoints anew, but not a saved one.
            known = self._confirmed[True] if point.saved else max(self._confirmed.values())
            detail = f"{point.where} says another root at {point.size}"
            self._findings.add(Fault("checkpoint_differs", known + 1, None, detail, point.size))

    def _decide(self, point: Point) -> None:
        """Try the choices; the one that gives the signed root tells row from leaf."""
        for choice in self._choices():
            tail = list(self._tail or ())
            for doubt, is_row in zip(self._doubts, choice, strict=True):
                tail[doubt.index] = doubt.stored if is_row else doubt.computed
            frontier = Frontier(self._frontier.size, [h for _, h in self._frontier.nodes])
            frontier.extend(tail)
            if frontier.root() == point.root:
                for doubt, is_row in zip(self._doubts, choice, strict=True):
                    self._name(doubt.position, "row_changed" if is_row else "leaf_changed")
                self._frontier, self._tail, self._doubts = frontier, None, []
                return
        self._give_up()

    def _choices(self) -> Iterator[tuple[bool, ...]]:
        count = len(self._doubts)
        if count <= DOUBTS_TRIED_MAX:
            yield from product((True, False), repeat=count)
        else:
            yield (True,) * count
            yield (False,) * count

    def _give_up(self) -> None:
        """Leave the doubts open and go on with what the rows say."""
        for doubt in self._doubts:
            self._undecided(doubt.position)
            if self._tail is not None:
                self._tail[doubt.index] = doubt.computed
        self._doubts = []
        if self._tail is not None:
            self._frontier.extend(self._tail)
            self._tail = None

    def _undecided(self, position: int) -> None:
        self._name(position, "row_or_leaf_changed")

    def _name(self, position: int, kind: str) -> None:
        self._findings.add(Fault(kind, position, "leaf" if kind == "leaf_changed" else None))
