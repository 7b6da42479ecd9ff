import hashlib
import random
from collections.abc import Callable

import pytest

from domain.errors import Broken
from domain.log.checkpoint import (
    EXTRA_BYTES_MAX,
    RECEIPT_BYTES_MAX,
    Checkpoint,
    Receipt,
    open_checkpoint,
    parse_tlog_proof,
    render_tlog_proof,
    sign_checkpoint,
    verify_tlog_proof,
)
from domain.log.merkle import PATH_HASHES_MAX, SIZE_MAX, inclusion_path, root_of
from tests.domain.log.test_checkpoint import (
    HASH,
    KEY,
    NOTE,
    ORIGIN,
    OTHER,
    ROOT,
    base64,
    reason_of,
    signed,
)

LEAVES = [hashlib.sha256(bytes([i])).digest() for i in range(11)]
TREE_NOTE = sign_checkpoint(ORIGIN, 11, root_of(LEAVES), KEY)
PATH = inclusion_path(6, 11, lambda level, i: root_of(LEAVES[i << level : (i + 1) << level]))
RECEIPT = render_tlog_proof(6, PATH, TREE_NOTE, b"row 7")


def check(text: str | bytes, position: int = 7, leaf: bytes = LEAVES[6]) -> Checkpoint:
    return verify_tlog_proof(text, position, leaf, [KEY.verifier], origin=ORIGIN)


def test_a_receipt_reads_as_the_standard_writes_it() -> None:
    lines = ["c2sp.org/tlog-proof@v1", f"extra {base64(b'row 7')}", "index 6"]
    lines += [base64(each) for each in PATH]
    assert "\n".join(lines) + "\n\n" + TREE_NOTE == RECEIPT
    assert parse_tlog_proof(RECEIPT) == Receipt(6, tuple(PATH), TREE_NOTE, b"row 7")
    assert parse_tlog_proof(RECEIPT.encode()) == parse_tlog_proof(RECEIPT)
    bare = render_tlog_proof(6, PATH, TREE_NOTE)
    assert parse_tlog_proof(bare).extra is None
    assert check(RECEIPT) == check(bare) == Checkpoint(ORIGIN, 11, root_of(LEAVES))


@pytest.mark.parametrize("count", [0, 1, PATH_HASHES_MAX])
def test_a_receipt_comes_back_with_its_path(count: int) -> None:
    path = (ROOT,) * count
    assert parse_tlog_proof(render_tlog_proof(SIZE_MAX, path, NOTE)).path == path


def test_a_receipt_is_for_one_row_at_one_place_in_one_log() -> None:
    assert reason_of(check, RECEIPT, 6) == "index"
    assert reason_of(check, RECEIPT, 8) == "index"
    assert reason_of(check, RECEIPT, 7, LEAVES[5]) == "root_differs"
    own = [KEY.verifier], ORIGIN
    assert reason_of(verify_tlog_proof, RECEIPT, 7, LEAVES[6], own[0], origin="x") == "origin"
    stolen = render_tlog_proof(6, PATH, NOTE)
    assert reason_of(check, stolen) == "path_length"
    foreign = sign_checkpoint(ORIGIN, 11, root_of(LEAVES), OTHER)
    assert reason_of(check, render_tlog_proof(6, PATH, foreign)) == "signature_unknown"


HEAD, TAIL = RECEIPT.split("\n\n", 1)
FIRST = base64(PATH[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "checkpoint"),
        (HEAD, "checkpoint"),
        (HEAD + "\n\n", "checkpoint"),
        (RECEIPT.replace("@v1", "@v2"), "header"),
        ("\n" + RECEIPT, "header"),
        (" " + RECEIPT, "header"),
        (RECEIPT.replace("\n", "\r\n"), "encoding"),
        (RECEIPT + "\ud800", "encoding"),
        (RECEIPT.encode() + b"\xff", "encoding"),
        (RECEIPT.replace("extra ", "extra  "), "extra"),
        (RECEIPT.replace("extra ", "extra "[:-1]), "index"),
        (RECEIPT.replace(base64(b"row 7"), ""), "extra"),
        (RECEIPT.replace(base64(b"row 7"), "cm93IDd="), "extra"),
        (RECEIPT.replace("index 6\n", ""), "index"),
        (RECEIPT.replace("index 6", "index 06"), "index"),
        (RECEIPT.replace("index 6", "index -6"), "index"),
        (RECEIPT.replace("index 6", "index  6"), "index"),
        (RECEIPT.replace("index 6", "index"), "index"),
        (RECEIPT.replace("index 6", f"index {SIZE_MAX + 1}"), "index"),
        (RECEIPT.replace("index 6", f"index 6\nextra {FIRST}"), "path"),
        ("c2sp.org/tlog-proof@v1\n\n" + TREE_NOTE, "index"),
        (RECEIPT.replace(FIRST, FIRST[:-1]), "path"),
        (RECEIPT.replace(FIRST, base64(PATH[0][:-1])), "path"),
        (RECEIPT.replace(FIRST, base64(PATH[0] + b"x")), "path"),
        (RECEIPT.replace(FIRST, FIRST + " "), "path"),
        (HEAD + f"\n{HASH}" * PATH_HASHES_MAX + "\n\n" + TAIL, "path_length"),
        ("x" * (RECEIPT_BYTES_MAX + 1), "too_long"),
        ("æ" * (RECEIPT_BYTES_MAX // 2 + 1), "too_long"),
    ],
)
def test_a_receipt_in_any_other_shape_is_refused(text: str | bytes, expected: str) -> None:
    assert reason_of(parse_tlog_proof, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RECEIPT.replace(FIRST, HASH), "root_differs"),
        (RECEIPT.replace(f"{FIRST}\n", ""), "path_length"),
        (RECEIPT.replace(FIRST, f"{FIRST}\n{FIRST}"), "path_length"),
        (HEAD + "\n\n\n" + TAIL, "signature_invalid"),
        (RECEIPT + "\n", "shape"),
        (RECEIPT.replace("\n11\n", "\n12\n"), "signature_invalid"),
    ],
)
def test_a_receipt_that_parses_but_does_not_hold_is_refused(text: str, expected: str) -> None:
    assert reason_of(check, text) == expected


@pytest.mark.parametrize(
    ("index", "path", "note", "extra"),
    [
        (-1, PATH, NOTE, None),
        (SIZE_MAX + 1, PATH, NOTE, None),
        (6, [b"short"], NOTE, None),
        (6, [ROOT] * (PATH_HASHES_MAX + 1), NOTE, None),
        (6, PATH, "", None),
        (6, PATH, NOTE, b""),
        (6, PATH, NOTE, bytes(EXTRA_BYTES_MAX + 1)),
    ],
)
def test_no_receipt_is_written_that_could_not_be_read(
    index: int, path: list[bytes], note: str, extra: bytes | None
) -> None:
    with pytest.raises(ValueError, match="read back"):
        render_tlog_proof(index, path, note, extra)
    whole = render_tlog_proof(6, PATH, NOTE, bytes(EXTRA_BYTES_MAX))
    assert len(parse_tlog_proof(whole).extra or b"") == EXTRA_BYTES_MAX


# ── soundness: nothing forged is accepted ────────────────────────────────────────────────────────


def mangled(raw: bytes, dice: random.Random) -> bytes:
    """Change a text in one of the ways a forger or a bad line would."""
    lines = raw.split(b"\n")
    at, other = dice.randrange(len(raw)), dice.randrange(len(raw))
    line, another = dice.randrange(len(lines)), dice.randrange(len(lines))
    match dice.randrange(8):
        case 0:
            return raw[:at] + bytes([raw[at] ^ 1 << dice.randrange(8)]) + raw[at + 1 :]
        case 1:
            return raw[: min(at, other)] + raw[max(at, other) :]
        case 2:
            return raw[:at] + dice.randbytes(dice.randint(1, 4)) + raw[at:]
        case 3:
            lines[line], lines[another] = lines[another], lines[line]
        case 4:
            lines.insert(line, lines[another])
        case 5:
            lines.pop(line)
        case 6:
            lines[line] = base64(dice.randbytes(32)).encode()
        case _:
            lines[line] = str(dice.randrange(2 ** dice.randrange(1, 70))).encode()
    return b"\n".join(lines)


def accepted(check_text: Callable[[bytes], Checkpoint], raw: bytes) -> Checkpoint | None:
    try:
        return check_text(raw)
    except Broken:
        return None


@pytest.mark.parametrize("seed", range(8))
def test_no_mangled_note_or_receipt_says_anything_else(seed: int) -> None:
    dice = random.Random(seed)
    honest = {check(RECEIPT), None}
    note, receipt = TREE_NOTE.encode(), RECEIPT.encode()
    survived = 0
    for _ in range(1000):
        forged = mangled(note, dice)
        found = accepted(lambda raw: open_checkpoint(raw, [KEY.verifier]), forged)
        assert found in honest
        assert found is None or forged == note or forged.count(b"\n") > note.count(b"\n")
        forged = mangled(receipt, dice)
        found = accepted(check, forged)
        assert found in honest
        survived += found is not None and forged != receipt
        if found is not None:
            # Only the extra line is not bound: everything else must be what was written.
            read, written = parse_tlog_proof(forged), parse_tlog_proof(receipt)
            assert (read.index, read.path) == (written.index, written.path)
    assert survived < 100


def test_the_soundness_test_has_teeth() -> None:
    """A verifier that forgets the signature is caught by the same mangling."""
    dice = random.Random(0)

    def careless(raw: bytes) -> Checkpoint:
        text = raw.decode(errors="replace").split("\n\n")[0] + "\n"
        return open_checkpoint(signed(text, KEY), [KEY.verifier])

    found = [accepted(careless, mangled(TREE_NOTE.encode(), dice)) for _ in range(1000)]
    assert len(set(found)) > 10
