"""The sealer: follows the log, grows the hash tree and publishes signed checkpoints.

Sequence, integrate, publish are separate steps, so the write path stays short. The tree's inner
nodes can always be made again from the leaves; a published checkpoint is a promise and is kept.
"""

import threading
from collections.abc import Callable
from typing import Final

from domain.errors import Broken, DomainError
from domain.log.checkpoint import SigningKey, sign_checkpoint
from domain.log.merkle import TILE_HEIGHT, TILE_WIDTH, Frontier, TiledTree, tile_root
from domain.log.port import CheckpointRow, Log
from domain.storage.clock import now_microseconds

LEAVES_AT_ONCE: Final = TILE_WIDTH * 16
PUBLISH_SECONDS: Final = 0.5
"""Pause between looks: a checkpoint covers every event within a second."""
RETRY_SECONDS: Final = 1.0


class Tree:
    """The log's tree with its inner nodes in memory: 32 bytes per 256 events and level.

    Ten million events need 1.3 MB and are read back from the leaves at start, a page at a time.
    """

    def __init__(self, log: Log) -> None:
        """Nothing is read before `grow`."""
        self._log = log
        self._levels: list[list[bytes]] = []
        self._tail: list[bytes] = []
        self._frontier = Frontier()
        self.tiled = TiledTree(self._read_leaves, self._read_nodes)

    @property
    def size(self) -> int:
        """How many leaves are in."""
        return self._frontier.size

    def root(self) -> bytes:
        """Return the root over all leaves that are in."""
        return self._frontier.root()

    def grow(self, until: int | None = None) -> int:
        """Take in new leaves (up to `until`); return the size."""
        target = self._log.head() if until is None else until
        while self.size < target:
            wanted = min(LEAVES_AT_ONCE, target - self.size)
            leaves = self._log.leaves(self.size + 1, wanted)
            if not leaves:
                raise Broken("log_broken", reason="missing position", position=self.size + 1)
            self._frontier.extend(leaves)
            self._tail += leaves
            while len(self._tail) >= TILE_WIDTH:
                self._add(0, tile_root(self._tail[:TILE_WIDTH]))
                del self._tail[:TILE_WIDTH]
        return self.size

    def _add(self, level: int, node: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
        nodes = self._levels[level]
        nodes.append(node)
        if len(nodes) % TILE_WIDTH == 0:
            self._add(level + 1, tile_root(nodes[-TILE_WIDTH:]))

    def _read_leaves(self, first: int, count: int) -> list[bytes]:
        return self._log.leaves(first + 1, count)

    def _read_nodes(self, level: int, first: int, count: int) -> list[bytes]:
        return self._levels[level // TILE_HEIGHT - 1][first : first + count]


class Sealer:
    """Publishes a checkpoint whenever the log has grown."""

    def __init__(self, log: Log, key: SigningKey, origin: str) -> None:
        """`origin` is the log's name in every checkpoint; it never changes."""
        self._log = log
        self._key = key
        self._origin = origin
        self.tree = Tree(log)
        self._compared = 0

    def step(self) -> int:
        """Grow the tree and publish if there is anything new; return the size sealed."""
        newest = self._log.checkpoint()
        if newest is not None and newest.size != self._compared:
            self._compare(newest)
        size = self.tree.grow()
        if size and (newest is None or newest.size < size):
            root = self.tree.root()
            note = sign_checkpoint(self._origin, size, root, self._key)
            self._log.add_checkpoint(CheckpointRow(size, root, note, now_microseconds()))
            self._compared = size
        return size

    def _compare(self, published: CheckpointRow) -> None:
        """Raise Broken unless the log is still the one that was published, also by another sealer.

        Until it agrees the checkpoint counts as not compared, so nothing is sealed over a break.
        """
        if self._log.head() < published.size:
            raise Broken("log_broken", reason="shorter than checkpoint", size=published.size)
        if self.tree.size < published.size:
            self.tree.grow(published.size)
        if self.tree.tiled.root(published.size) != published.root:
            raise Broken("log_broken", reason="differs from checkpoint", size=published.size)
        self._compared = published.size

    def run(self, stop: threading.Event, report: Callable[[int, str | None], None]) -> None:
        """Seal until told to stop; `report` gets the size sealed, and the error code if any.

        A tree that differs from a published checkpoint is never sealed over: it stays reported.
        """
        while not stop.is_set():
            try:
                report(self.step(), None)
            except DomainError as error:
                report(self.tree.size, error.code)
                stop.wait(RETRY_SECONDS)
                continue
            if not self._log.wait(self.tree.size, PUBLISH_SECONDS):
                continue
            stop.wait(PUBLISH_SECONDS / 2)
