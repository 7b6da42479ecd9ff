"""The hash tree over the log (RFC 6962, RFC 9162): roots, proofs and their strict verifiers.

Whoever keeps one root can later see that an event is in the log and that nothing before it was
changed. Leaves here are leaf hashes (domain/log/leaf.py); position p is index p - 1.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

from domain.errors import Broken

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "PATH_HASHES_MAX",
    "SIZE_MAX",
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "Frontier",
    "TiledTree",
    "consistency_path",
    "inclusion_path",
    "node_hash",
    "root_of",
    "tile_root",
    "verify_consistency",
    "verify_inclusion",
]

HASH_BYTES = 32
TILE_HEIGHT = 8
"""Levels between two stored levels: one tile is one read, and 1/255 of the nodes are stored."""
TILE_WIDTH = 1 << TILE_HEIGHT
SIZE_MAX = 2**63 - 1
"""Positions are signed 64-bit integers in both databases."""
PATH_HASHES_MAX = 63
"""The longest inclusion path in a tree of SIZE_MAX leaves."""

_sha256 = hashlib.sha256
EMPTY_ROOT = _sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]
"""node(level, index): root of the full subtree of 2**level leaves from leaf index * 2**level."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children into their parent, in this order."""
    return _sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a whole tree of leaf hashes held in memory; EMPTY_ROOT for none."""
    level = list(leaves)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        # The last of an odd number has no sibling yet: RFC 6962 lifts it as it is. Pairing it
        # with itself would give two different trees one root.
        lone = level[-1:] if len(level) % 2 else []
        level = [
            _sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[0::2], level[1::2], strict=False)
        ]
        level += lone
    return level[0]


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root of one full tile: TILE_WIDTH nodes of a stored level, in order.

    The result is the stored node TILE_HEIGHT levels further up. Raises Broken when the tile is
    not full, because a root over fewer nodes is not a node that stays.
    """
    if len(hashes) != TILE_WIDTH:
        raise Broken("log_broken", reason="tile_not_full", count=len(hashes))
    return root_of(hashes)


class Frontier:
    """The right edge of a growing tree: one hash per set bit of its size, enough to go on.

    A sealer keeps it in memory and appends; 10 million leaves need at most 24 hashes.
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """Resume at `size` leaves with the hashes of its full subtrees, largest first."""
        self._size = size
        self._hashes = list(hashes)
        if not 0 <= size <= SIZE_MAX or len(self._hashes) != size.bit_count():
            raise Broken("log_broken", reason="frontier_shape", size=size)
        if any(len(each) != HASH_BYTES for each in self._hashes):
            raise Broken("log_broken", reason="hash_length")

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self._size

    @property
    def nodes(self) -> list[tuple[int, bytes]]:
        """The full subtrees from left to right, each as (level, hash), largest first."""
        levels = [bit for bit in range(self._size.bit_length()) if self._size >> bit & 1]
        return list(zip(reversed(levels), self._hashes, strict=True))

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the right: one more hash to compute on average."""
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in order. A leaf of a wrong length raises Broken and is not added."""
        hashes = self._hashes
        for leaf in leaves:
            if len(leaf) != HASH_BYTES:
                raise Broken("log_broken", reason="hash_length")
            node = leaf
            carry = self._size
            while carry & 1:
                node = _sha256(b"\x01" + hashes.pop() + node).digest()
                carry >>= 1
            hashes.append(node)
            self._size += 1

    def root(self) -> bytes:
        """Return the root at the present size."""
        return _fold_right(self._hashes)


def inclusion_path(index: int, size: int, node: NodeReader) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of `size` leaves, leaf's sibling first.

    `node` is asked at most 2 * log2(size) times. Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size <= SIZE_MAX:
        message = "an inclusion path needs 0 <= index < size"
        raise ValueError(message)
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _largest_power_below(end - start)
        if index < split:
            path.append(_range_root(split, end, node))
            end = split
        else:
            path.append(_range_root(start, split, node))
            start = split
    path.reverse()
    return path


def consistency_path(old: int, new: int, node: NodeReader) -> list[bytes]:
    """Return the proof that the tree of `new` leaves begins with the tree of `old` leaves.

    Empty when the sizes are equal or the old tree was empty: there is nothing to prove.
    `node` is asked at most 2 * log2(new) times. Raises ValueError unless 0 <= old <= new.
    """
    if not 0 <= old <= new <= SIZE_MAX:
        message = "a consistency path needs 0 <= old <= new"
        raise ValueError(message)
    if old in {0, new}:
        return []
    path: list[bytes] = []
    start, end = 0, new
    while end != old:
        split = start + _largest_power_below(end - start)
        if old <= split:
            path.append(_range_root(split, end, node))
            end = split
        else:
            path.append(_range_root(start, split, node))
            start = split
    if start:
        # Otherwise the old tree is one full subtree, and its root is known to whoever checks.
        path.append(_range_root(start, end, node))
    path.reverse()
    return path


class TiledTree:
    """Roots and proofs from stored leaves and stored nodes, without walking the whole log.

    `read_leaves(first, count)` returns leaf hashes from index `first`; `read_nodes(level, first,
    count)` returns stored nodes of level 8, 16, 24 ... A node of level 8k is the `tile_root` of
    TILE_WIDTH nodes of level 8(k - 1), stored as soon as they are all there. Each answer takes at
    most two reads of at most TILE_WIDTH hashes a stored level. What is read is trusted: a wrong
    node gives a proof that no verifier accepts. Raises Broken when a reader returns too little.
    """

    def __init__(
        self,
        read_leaves: Callable[[int, int], list[bytes]],
        read_nodes: Callable[[int, int, int], list[bytes]],
    ) -> None:
        """Both readers are called with ranges that lie inside the size asked for."""
        self._read_leaves = read_leaves
        self._read_nodes = read_nodes

    def frontier(self, size: int) -> Frontier:
        """Return the right edge at `size` leaves, from where a sealer can go on."""
        return Frontier(size, _full_subtrees(0, size, self._nodes_at(size)))

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves."""
        return self.frontier(size).root()

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return `inclusion_path(index, size)`."""
        return inclusion_path(index, size, self._nodes_at(size))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return `consistency_path(old, new)`."""
        return consistency_path(old, new, self._nodes_at(new))

    def _nodes_at(self, size: int) -> NodeReader:
        tiles: dict[tuple[int, int], list[bytes]] = {}

        def node(level: int, index: int) -> bytes:
            inside = level % TILE_HEIGHT
            stored = level - inside
            number, offset = divmod(index << inside, TILE_WIDTH)
            if (stored, number) not in tiles:
                tiles[stored, number] = self._read_tile(stored, number, size)
            return root_of(tiles[stored, number][offset : offset + (1 << inside)])

        return node

    def _read_tile(self, level: int, number: int, size: int) -> list[bytes]:
        first = number * TILE_WIDTH
        count = min(TILE_WIDTH, (size >> level) - first)
        hashes = self._read_nodes(level, first, count) if level else self._read_leaves(first, count)
        if len(hashes) != count or any(len(each) != HASH_BYTES for each in hashes):
            raise Broken("log_broken", reason="tree_nodes_missing", level=level, first=first)
        return hashes


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Accept only the one path that leads from `leaf` at `index` to `root` at `size` leaves.

    Raises Broken(`proof_invalid`) with the reason: index_out_of_range, hash_length, path_length
    or root_differs.
    """
    if not 0 <= index < size <= SIZE_MAX:
        raise Broken("proof_invalid", reason="index_out_of_range", index=index, size=size)
    _require_hashes(leaf, root, *path)
    inner, border = _path_shape(index, size)
    if len(path) != inner + border:
        raise Broken("proof_invalid", reason="path_length", index=index, size=size)
    found = _climb_inner(leaf, path[:inner], index)
    if _climb_border(found, path[inner:]) != root:
        raise Broken("proof_invalid", reason="root_differs", index=index, size=size)


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Accept only if the tree behind `new_root` begins with the tree behind `old_root`.

    Raises Broken(`proof_invalid`) with the reason: sizes_out_of_order, hash_length, path_length,
    empty_root (size 0 has one root only), old_root_differs or root_differs.
    """
    if not 0 <= old_size <= new_size <= SIZE_MAX:
        raise Broken("proof_invalid", reason="sizes_out_of_order", old=old_size, new=new_size)
    _require_hashes(old_root, new_root, *path)
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise Broken("proof_invalid", reason="empty_root")
    if old_size in {0, new_size}:
        if path:
            raise Broken("proof_invalid", reason="path_length", old=old_size, new=new_size)
        if old_size == new_size and old_root != new_root:
            raise Broken("proof_invalid", reason="root_differs", old=old_size, new=new_size)
        return
    _verify_growth(old_size, old_root, new_size, new_root, path)


def _verify_growth(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Check a proof between two sizes that differ, the old one not empty."""
    inner, border = _path_shape(old_size - 1, new_size)
    # The proof starts at the largest full subtree that ends the old tree; below it both agree.
    shift = (old_size & -old_size).bit_length() - 1
    inner -= shift
    old_is_full = old_size == 1 << shift
    if len(path) != inner + border + (not old_is_full):
        raise Broken("proof_invalid", reason="path_length", old=old_size, new=new_size)
    seed, rest = (old_root, path) if old_is_full else (path[0], path[1:])
    turns = (old_size - 1) >> shift
    left_only = [each for bit, each in enumerate(rest[:inner]) if turns >> bit & 1]
    if _climb_border(_climb_border(seed, left_only), rest[inner:]) != old_root:
        raise Broken("proof_invalid", reason="old_root_differs", old=old_size, new=new_size)
    if _climb_border(_climb_inner(seed, rest[:inner], turns), rest[inner:]) != new_root:
        raise Broken("proof_invalid", reason="root_differs", old=old_size, new=new_size)


def _require_hashes(*hashes: bytes) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise Broken("proof_invalid", reason="hash_length")


def _path_shape(index: int, size: int) -> tuple[int, int]:
    """Return how many siblings lie below the right edge, and how many to the left along it."""
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _climb_inner(node: bytes, siblings: Sequence[bytes], index: int) -> bytes:
    for bit, sibling in enumerate(siblings):
        node = node_hash(sibling, node) if index >> bit & 1 else node_hash(node, sibling)
    return node


def _climb_border(node: bytes, siblings: Sequence[bytes]) -> bytes:
    for sibling in siblings:
        node = node_hash(sibling, node)
    return node


def _largest_power_below(count: int) -> int:
    """Return the largest power of two that is less than `count` (at least 2): RFC 6962's k."""
    return 1 << ((count - 1).bit_length() - 1)


def _full_subtrees(start: int, end: int, node: NodeReader) -> list[bytes]:
    """Return the hashes of the full subtrees that make up [start, end), largest first.

    `start` is a multiple of a power of two that is at least end - start.
    """
    hashes = []
    for level in reversed(range((end - start).bit_length())):
        if (end - start) >> level & 1:
            hashes.append(node(level, start >> level))
            start += 1 << level
    return hashes


def _range_root(start: int, end: int, node: NodeReader) -> bytes:
    return _fold_right(_full_subtrees(start, end, node))


def _fold_right(hashes: Sequence[bytes]) -> bytes:
    """Join full subtrees, largest first, into the root of the tree they make up."""
    if not hashes:
        return EMPTY_ROOT
    return _climb_border(hashes[-1], hashes[-2::-1])
