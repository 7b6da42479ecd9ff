import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Broken
from domain.log.merkle import (
    EMPTY_ROOT,
    PATH_HASHES_MAX,
    SIZE_MAX,
    TILE_WIDTH,
    Frontier,
    TiledTree,
    consistency_path,
    inclusion_path,
    node_hash,
    root_of,
    tile_root,
    verify_consistency,
    verify_inclusion,
)

# The reference leaves, roots and proofs that Certificate Transparency implementations share.
CT_ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
CT_ENTRIES.append("606162636465666768696a6b6c6d6e6f")
CT_LEAVES = [hashlib.sha256(b"\x00" + bytes.fromhex(each)).digest() for each in CT_ENTRIES]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
N01 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
N47 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
N67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
LEAF1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
LEAF4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
N45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"

LEAVES = [hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(70_000)]
ROOTS: list[bytes] = []


def reference_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 2.1 as it is written, recursively."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = reference_root(leaves[:split]), reference_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def reference_inclusion(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 2.1.1 as it is written."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*reference_inclusion(index, leaves[:split]), reference_root(leaves[split:])]
    return [*reference_inclusion(index - split, leaves[split:]), reference_root(leaves[:split])]


def reference_consistency(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """RFC 6962 2.1.2 (SUBPROOF) as it is written."""
    if old == len(leaves):
        return [] if whole else [reference_root(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = leaves[:split], leaves[split:]
    if old <= split:
        return [*reference_consistency(old, left, whole=whole), reference_root(right)]
    return [*reference_consistency(old - split, right, whole=False), reference_root(left)]


def roots() -> list[bytes]:
    """Return the root at every size to 300, from the frontier, once."""
    if not ROOTS:
        frontier = Frontier()
        ROOTS.append(frontier.root())
        for leaf in LEAVES[:300]:
            frontier.append(leaf)
            ROOTS.append(frontier.root())
    return ROOTS


CACHE: dict[tuple[int, int], bytes] = {}


def node(level: int, index: int) -> bytes:
    if level == 0:
        return LEAVES[index]
    if (level, index) not in CACHE:
        left, right = node(level - 1, 2 * index), node(level - 1, 2 * index + 1)
        CACHE[level, index] = node_hash(left, right)
    return CACHE[level, index]


class Store:
    """Leaves and stored nodes as a database keeps them, counting what is read."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.levels = {0: leaves}
        level = 0
        while len(self.levels[level]) >= TILE_WIDTH:
            below = self.levels[level]
            full = len(below) // TILE_WIDTH
            tiles = [below[i * TILE_WIDTH : (i + 1) * TILE_WIDTH] for i in range(full)]
            level += 8
            self.levels[level] = [tile_root(tile) for tile in tiles]
        self.reads: list[int] = []

    def read_leaves(self, first: int, count: int) -> list[bytes]:
        return self.read_nodes(0, first, count)

    def read_nodes(self, level: int, first: int, count: int) -> list[bytes]:
        assert count > 0
        self.reads.append(count)
        return self.levels[level][first : first + count]

    def tree(self) -> TiledTree:
        return TiledTree(self.read_leaves, self.read_nodes)


STORES: list[Store] = []


def big_store() -> Store:
    if not STORES:
        STORES.append(Store(LEAVES))
    STORES[0].reads.clear()
    return STORES[0]


def flips(raw: bytes) -> list[bytes]:
    return [raw[:i] + bytes([raw[i] ^ 1 << (i % 8)]) + raw[i + 1 :] for i in range(len(raw))]


def refused(check: Callable[..., None], *args: Any, reason: str = "") -> bool:
    try:
        check(*args)
    except Broken as error:
        return error.code == "proof_invalid" and reason in {"", error.params["reason"]}
    return False


# ── roots ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert root_of(CT_LEAVES[:size]).hex() == CT_ROOTS[size]
    frontier = Frontier()
    frontier.extend(CT_LEAVES[:size])
    assert frontier.root().hex() == CT_ROOTS[size]
    assert EMPTY_ROOT.hex() == CT_ROOTS[0]


def test_proofs_are_those_of_certificate_transparency() -> None:
    tree = Store(CT_LEAVES).tree()
    inclusion = {(0, 8): [LEAF1, N01, N47], (5, 8): [LEAF4, N67, CT_ROOTS[4]], (0, 1): []}
    for (index, size), path in inclusion.items():
        assert [each.hex() for each in tree.inclusion(index, size)] == path
    consistency = {(2, 8): [N01, N47], (6, 8): [N45, N67, CT_ROOTS[4]], (2, 5): [N01, LEAF4]}
    for (old, new), path in consistency.items():
        assert [each.hex() for each in tree.consistency(old, new)] == path
        sizes = old, bytes.fromhex(CT_ROOTS[old]), new, bytes.fromhex(CT_ROOTS[new])
        verify_consistency(*sizes, [bytes.fromhex(each) for each in path])


def test_frontier_and_whole_tree_and_the_rfc_agree_at_every_size() -> None:
    for size in range(301):
        assert roots()[size] == root_of(LEAVES[:size]) == reference_root(LEAVES[:size])


@given(st.lists(st.integers(0, 400), max_size=5))
def test_a_frontier_grown_in_any_steps_and_resumed_anywhere_is_the_same(steps: list[int]) -> None:
    frontier = Frontier()
    for step in steps:
        frontier.extend(LEAVES[frontier.size : frontier.size + step])
        frontier = Frontier(frontier.size, [each for _, each in frontier.nodes])
    size = sum(steps)
    assert frontier.size == size
    assert frontier.root() == root_of(LEAVES[:size])
    assert sum(1 << level for level, _ in frontier.nodes) == size
    assert [level for level, _ in frontier.nodes] == sorted(
        (level for level, _ in frontier.nodes), reverse=True
    )


def test_frontier_nodes_are_full_subtrees() -> None:
    frontier = Frontier()
    frontier.extend(LEAVES[:11])
    assert frontier.nodes == [(3, node(3, 0)), (1, node(1, 4)), (0, LEAVES[10])]


@pytest.mark.parametrize(
    ("size", "hashes", "reason"),
    [
        (-1, [bytes(32)], "frontier_shape"),
        (SIZE_MAX + 1, [bytes(32)], "frontier_shape"),
        (3, [bytes(32)], "frontier_shape"),
        (1, [bytes(32)] * 2, "frontier_shape"),
        (1, [bytes(31)], "hash_length"),
        (2, [bytes(33)], "hash_length"),
    ],
)
def test_a_frontier_that_cannot_be_is_refused(size: int, hashes: list[bytes], reason: str) -> None:
    with pytest.raises(Broken, match=reason):
        Frontier(size, hashes)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_leaf_of_another_length_is_not_added(length: int) -> None:
    frontier = Frontier()
    with pytest.raises(Broken, match="hash_length"):
        frontier.extend([LEAVES[0], bytes(length)])
    assert frontier.size == 1
    assert frontier.root() == LEAVES[0]


@pytest.mark.parametrize("count", [0, 1, 128, 255, 257, 512])
def test_only_a_full_tile_has_a_stored_root(count: int) -> None:
    with pytest.raises(Broken, match="tile_not_full"):
        tile_root(LEAVES[:count])


def test_a_tile_root_is_the_root_of_its_256_nodes() -> None:
    assert tile_root(LEAVES[256:512]) == node(8, 1) == reference_root(LEAVES[256:512])


# ── paths ────────────────────────────────────────────────────────────────────────────────────────


def test_every_inclusion_path_to_300_leaves_verifies() -> None:
    for size in range(1, 301):
        for index in range(size):
            path = inclusion_path(index, size, node)
            verify_inclusion(LEAVES[index], index, size, path, roots()[size])


def test_every_consistency_path_to_130_leaves_verifies() -> None:
    for new in range(131):
        for old in range(new + 1):
            path = consistency_path(old, new, node)
            verify_consistency(old, roots()[old], new, roots()[new], path)


def test_paths_are_those_the_rfc_defines() -> None:
    for size in range(1, 70):
        leaves = LEAVES[:size]
        for at in range(size):
            assert inclusion_path(at, size, node) == reference_inclusion(at, leaves)
            expected = reference_consistency(at + 1, leaves)
            assert consistency_path(at + 1, size, node) == expected


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (5, 3), (0, SIZE_MAX + 1)])
def test_an_inclusion_path_outside_the_tree_is_a_mistake_of_the_caller(
    index: int, size: int
) -> None:
    with pytest.raises(ValueError, match="index < size"):
        inclusion_path(index, size, node)


@pytest.mark.parametrize(("old", "new"), [(-1, 1), (2, 1), (0, SIZE_MAX + 1)])
def test_a_consistency_path_backwards_is_a_mistake_of_the_caller(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="old <= new"):
        consistency_path(old, new, node)


def test_the_longest_path_fits_its_limit() -> None:
    path = inclusion_path(0, SIZE_MAX, lambda _level, _index: bytes(32))
    assert len(path) == PATH_HASHES_MAX
    assert len(inclusion_path(SIZE_MAX - 1, SIZE_MAX, lambda _level, _index: bytes(32))) == 62


# ── tiles ────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_proofs_from_tiles_verify_at_any_size(data: st.DataObject) -> None:
    sizes = st.integers(1, len(LEAVES)) | st.sampled_from([255, 256, 257, 65535, 65536, 65537])
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    tree = big_store().tree()
    root = tree.root(size)
    assert root == Frontier(size, [each for _, each in tree.frontier(size).nodes]).root()
    path = tree.inclusion(index, size)
    assert path == inclusion_path(index, size, node)
    verify_inclusion(LEAVES[index], index, size, path, root)
    verify_consistency(old, tree.root(old), size, root, tree.consistency(old, size))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 65535, 65536, 65537, 70000])
def test_a_root_from_tiles_is_the_root_of_all_leaves(size: int) -> None:
    assert big_store().tree().root(size) == root_of(LEAVES[:size])


@pytest.mark.parametrize("size", [70_000, 65_537, 65_535])
def test_a_proof_reads_at_most_two_tiles_a_stored_level(size: int) -> None:
    for index in (0, 1, 255, 256, 32_768, 65_279, size - 1):
        for ask in (TiledTree.inclusion, TiledTree.consistency):
            store = big_store()
            ask(store.tree(), index, size)
            assert len(store.reads) <= 2 * 3
            assert max(store.reads, default=0) <= TILE_WIDTH


@pytest.mark.parametrize("answer", [[], LEAVES[:4], LEAVES[:6], [*LEAVES[:4], bytes(31)]])
def test_a_reader_that_returns_too_little_breaks_the_proof(answer: list[bytes]) -> None:
    tree = TiledTree(lambda _first, _count: answer, lambda _level, _first, _count: [])
    with pytest.raises(Broken, match="tree_nodes_missing"):
        tree.root(5)


def test_a_wrong_stored_node_gives_a_proof_nobody_accepts() -> None:
    store = Store(LEAVES[:600])
    honest = store.tree().root(600)
    store.levels[8][0] = bytes(32)
    path = store.tree().inclusion(599, 600)
    assert refused(verify_inclusion, LEAVES[599], 599, 600, path, honest, reason="root_differs")


# ── verifiers ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (2, 3), (4, 7), (7, 8), (130, 300)])
def test_no_flipped_bit_of_an_inclusion_proof_is_accepted(index: int, size: int) -> None:
    leaf, root, path = LEAVES[index], roots()[size], inclusion_path(index, size, node)
    verify_inclusion(leaf, index, size, path, root)
    for bad in flips(leaf):
        assert refused(verify_inclusion, bad, index, size, path, root, reason="root_differs")
    for bad in flips(root):
        assert refused(verify_inclusion, leaf, index, size, path, bad, reason="root_differs")
    for at, good in enumerate(path):
        for bad in flips(good):
            forged = [*path[:at], bad, *path[at + 1 :]]
            assert refused(verify_inclusion, leaf, index, size, forged, root)


def test_no_inclusion_proof_holds_for_another_place_or_size_or_leaf() -> None:
    for size in range(1, 40):
        for index in range(size):
            path, root = inclusion_path(index, size, node), roots()[size]
            for other in range(-2, size + 3):
                wrong = other != index
                assert refused(verify_inclusion, LEAVES[index], other, size, path, root) == wrong
                if 0 <= other < size:
                    leaf = LEAVES[other]
                    assert refused(verify_inclusion, leaf, index, size, path, root) == wrong
            for other in (*range(size), size + 1, 2 * size + 1, 2**63 - 1):
                forged = LEAVES[index], index, other, path, roots()[min(other, 300)]
                assert refused(verify_inclusion, *forged)


def test_an_inclusion_path_has_exactly_its_length_and_order() -> None:
    for size in range(2, 40):
        for index in range(size):
            path, root = inclusion_path(index, size, node), roots()[size]
            proof = LEAVES[index], index, size
            for forged in (path[1:], path[:-1], [*path, root], [root, *path], [*path, *path]):
                assert refused(verify_inclusion, *proof, forged, root, reason="path_length")
            if len(path) > 1:
                assert refused(verify_inclusion, *proof, path[::-1], root, reason="root_differs")


def test_an_inner_node_is_never_taken_for_a_leaf() -> None:
    root = roots()[4]
    forged = node(1, 0), 0, 4, [node(1, 1)], root
    assert refused(verify_inclusion, *forged, reason="path_length")
    # Size 2 with the same root would need another root than the one that was signed for 4.
    verify_inclusion(node(1, 0), 0, 2, [node(1, 1)], root)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_hashes_of_another_length_are_refused_everywhere(length: int) -> None:
    bad, root, path = bytes(length), roots()[7], inclusion_path(3, 7, node)
    for forged in (
        (bad, 3, 7, path, root),
        (LEAVES[3], 3, 7, path, bad),
        (LEAVES[3], 3, 7, [*path[:-1], bad], root),
    ):
        assert refused(verify_inclusion, *forged, reason="hash_length")
    proof = consistency_path(3, 7, node)
    for changed in (
        (3, bad, 7, root, proof),
        (3, roots()[3], 7, bad, proof),
        (3, roots()[3], 7, root, [bad, *proof[1:]]),
        (7, bad, 7, bad, []),
    ):
        assert refused(verify_consistency, *changed, reason="hash_length")


def test_bytes_moved_between_neighbours_of_a_path_are_refused() -> None:
    path = inclusion_path(3, 8, node)
    joined = b"".join(path)
    forged = [joined[:31], joined[31:64], joined[64:]]
    assert refused(verify_inclusion, LEAVES[3], 3, 8, forged, roots()[8], reason="hash_length")


@pytest.mark.parametrize(
    ("index", "size"), [(0, 0), (-1, 1), (1, 1), (3, 2), (0, SIZE_MAX + 1), (2**70, 2**70 + 1)]
)
def test_an_index_outside_the_tree_is_refused(index: int, size: int) -> None:
    leaf = LEAVES[0]
    assert refused(verify_inclusion, leaf, index, size, [], leaf, reason="index_out_of_range")


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 4), (4, 8), (6, 8), (5, 9), (128, 300)])
def test_no_flipped_bit_of_a_consistency_proof_is_accepted(old: int, new: int) -> None:
    first, last, path = roots()[old], roots()[new], consistency_path(old, new, node)
    verify_consistency(old, first, new, last, path)
    for bad in flips(first):
        assert refused(verify_consistency, old, bad, new, last, path)
    for bad in flips(last):
        assert refused(verify_consistency, old, first, new, bad, path, reason="root_differs")
    for at, good in enumerate(path):
        for bad in flips(good):
            forged = [*path[:at], bad, *path[at + 1 :]]
            assert refused(verify_consistency, old, first, new, last, forged)


def test_no_consistency_proof_holds_between_other_sizes() -> None:
    for new in range(1, 24):
        for old in range(1, new):
            path = consistency_path(old, new, node)
            for o in range(-1, 26):
                for n in range(-1, 26):
                    forged = o, roots()[max(o, 0)], n, roots()[max(n, 0)], path
                    assert refused(verify_consistency, *forged) == ((o, n) != (old, new))


def test_a_consistency_path_has_exactly_its_length_and_order() -> None:
    for new in range(2, 40):
        for old in range(1, new):
            path, sizes = consistency_path(old, new, node), (old, roots()[old], new, roots()[new])
            extra = roots()[old]
            for forged in (path[1:], path[:-1], [*path, extra], [extra, *path], []):
                assert refused(verify_consistency, *sizes, forged, reason="path_length")
            if len(path) > 1:
                assert refused(verify_consistency, *sizes, path[::-1])


def test_a_rewritten_history_is_never_consistent() -> None:
    for size in range(2, 30):
        for at in range(size - 1):
            forged = Store([*LEAVES[:at], bytes(32), *LEAVES[at + 1 : size]]).tree()
            old = size - 1
            proof = old, roots()[old], size, forged.root(size), forged.consistency(old, size)
            assert refused(verify_consistency, *proof)


def test_the_empty_tree_has_one_root_and_needs_no_proof() -> None:
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    verify_consistency(0, EMPTY_ROOT, 5, roots()[5], [])
    other = roots()[1]
    assert refused(verify_consistency, 0, other, 5, roots()[5], [], reason="empty_root")
    assert refused(verify_consistency, 0, other, 0, other, [], reason="empty_root")
    assert refused(verify_consistency, 0, EMPTY_ROOT, 0, other, [], reason="root_differs")
    path = [roots()[5]]
    assert refused(verify_consistency, 0, EMPTY_ROOT, 5, roots()[5], path, reason="path_length")


def test_one_size_has_one_root() -> None:
    verify_consistency(5, roots()[5], 5, roots()[5], [])
    sizes = 5, roots()[5], 5
    assert refused(verify_consistency, *sizes, roots()[6], [], reason="root_differs")
    assert refused(verify_consistency, *sizes, roots()[5], [roots()[5]], reason="path_length")


@pytest.mark.parametrize(("old", "new"), [(-1, 5), (6, 5), (0, SIZE_MAX + 1), (2**70, 2**70)])
def test_sizes_out_of_order_are_refused(old: int, new: int) -> None:
    sizes = old, EMPTY_ROOT, new, EMPTY_ROOT
    assert refused(verify_consistency, *sizes, [], reason="sizes_out_of_order")


def test_the_largest_sizes_are_still_checked() -> None:
    path = [bytes(32)] * PATH_HASHES_MAX
    assert refused(
        verify_inclusion, LEAVES[0], 0, SIZE_MAX, path, EMPTY_ROOT, reason="root_differs"
    )
    sizes = 2**62, EMPTY_ROOT, SIZE_MAX, EMPTY_ROOT
    assert refused(verify_consistency, *sizes, path[:1], reason="root_differs")
