import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Broken
from domain.log.checkpoint import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Checkpoint,
    SigningKey,
    VerifierKey,
    open_checkpoint,
    sign_checkpoint,
)
from domain.log.merkle import EMPTY_ROOT, SIZE_MAX

ORIGIN = "example.test/kontaktlog"
KEY = SigningKey(ORIGIN, bytes(range(32)))
OTHER = SigningKey("other.test/log", bytes(32))
ROOT = hashlib.sha256(b"root").digest()
NOTE = sign_checkpoint(ORIGIN, 42, ROOT, KEY)
TEXT = NOTE[: NOTE.rindex("\n\n") + 1]
# RFC 8032 7.1, TEST 1.
RFC_SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
RFC_PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
RFC_SIGNATURE = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
    "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)


def signed(text: str, *keys: SigningKey) -> str:
    """Sign any text, also one that is no checkpoint."""
    return text + "\n" + "".join(signature_line(text, key) for key in keys)


def signature_line(text: str, key: SigningKey) -> str:
    raw = key.verifier.key_id + key.sign(text.encode())
    return f"— {key.verifier.name} {b64encode(raw).decode()}\n"


def base64(raw: bytes) -> str:
    return b64encode(raw).decode()


def reason_of(check: Callable[..., object], *args: Any, **named: Any) -> str:
    with pytest.raises(Broken) as caught:
        check(*args, **named)
    assert caught.value.code in {"note_invalid", "proof_invalid"}
    return str(caught.value.params["reason"])


def reason(note: str | bytes, *keys: VerifierKey) -> str:
    return reason_of(open_checkpoint, note, keys or (KEY.verifier,))


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_signatures_are_those_of_rfc_8032() -> None:
    key = SigningKey("x", RFC_SEED)
    assert key.verifier.public.hex() == RFC_PUBLIC
    assert key.sign(b"").hex() == RFC_SIGNATURE
    assert key.verifier.accepts(bytes.fromhex(RFC_SIGNATURE), b"")
    assert not key.verifier.accepts(bytes.fromhex(RFC_SIGNATURE), b"x")
    assert not key.verifier.accepts(b"", b"")
    no_point = VerifierKey("x", b"\xff" * 32)
    assert not no_point.accepts(bytes.fromhex(RFC_SIGNATURE), b"")


def test_a_known_key_of_the_go_checksum_database_is_read() -> None:
    published = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert str(VerifierKey.parse(published)) == published


@given(st.binary(min_size=32, max_size=32), st.text("abcæ./-_#", min_size=1))
def test_keys_come_back_from_their_text(seed: bytes, name: str) -> None:
    key = SigningKey(name, seed)
    assert VerifierKey.parse(str(key.verifier)) == key.verifier
    again = SigningKey.parse(key.secret_text())
    assert again.verifier == key.verifier
    assert again.secret_text() == key.secret_text()
    assert VerifierKey.parse(str(key.verifier)).accepts(again.sign(b"m"), b"m")


def test_a_signing_key_never_shows_its_secret() -> None:
    assert repr(KEY) == f"<SigningKey {ORIGIN}+{KEY.verifier.key_id.hex()}>"


VKEY = str(KEY.verifier)
NAME, KEY_ID, ENCODED = VKEY.split("+", 2)
BAD_KEYS = [
    "",
    NAME,
    f"{NAME}+{KEY_ID}",
    f"+{KEY_ID}+{ENCODED}",
    f" {VKEY}",
    f"{VKEY}\n",
    f"{VKEY}=",
    f"{NAME}+{KEY_ID.upper()}+{ENCODED}",
    f"{NAME}+00000000+{ENCODED}",
    f"{NAME}+0{KEY_ID}+{ENCODED}",
    f"{NAME}x+{KEY_ID}+{ENCODED}",
    f"{NAME}+{KEY_ID}+{ENCODED[:-1]}",
    f"{NAME}+{KEY_ID}+{base64(chr(2).encode() + KEY.verifier.public)}",
    f"{NAME}+{KEY_ID}+{base64(chr(1).encode() + KEY.verifier.public[:-1])}",
    f"{NAME}+{KEY_ID}+{base64(chr(1).encode() + KEY.verifier.public + b'x')}",
]


@pytest.mark.parametrize("text", BAD_KEYS)
def test_a_key_text_in_any_other_spelling_is_refused(text: str) -> None:
    assert reason_of(VerifierKey.parse, text) == "key"
    assert reason_of(SigningKey.parse, text) == "key"
    assert reason_of(SigningKey.parse, f"PRIVATE+KEY+{text}") == "key"


def test_a_secret_text_is_not_a_public_one_and_the_reverse() -> None:
    assert reason_of(SigningKey.parse, VKEY) == "key"
    assert reason_of(VerifierKey.parse, KEY.secret_text()) == "key"
    bare = KEY.secret_text().removeprefix("PRIVATE+KEY+")
    assert reason_of(SigningKey.parse, bare) == "key"
    assert reason_of(SigningKey.parse, KEY.secret_text().replace(KEY_ID, "00000000")) == "key"


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\u2003", "a\x01b"])
def test_a_key_name_no_note_can_carry_is_refused(name: str) -> None:
    assert reason_of(SigningKey, name, bytes(32)) == "key"


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    assert reason_of(SigningKey, "x", bytes(length)) == "key"
    assert reason_of(VerifierKey, "x", bytes(length)) == "key"


# ── notes ────────────────────────────────────────────────────────────────────────────────────────


def test_a_checkpoint_is_three_lines_a_blank_one_and_a_signature() -> None:
    assert f"{ORIGIN}\n42\n{base64(ROOT)}\n\n{signature_line(TEXT, KEY)}" == NOTE
    opened = Checkpoint(ORIGIN, 42, ROOT)
    assert open_checkpoint(NOTE, [KEY.verifier]) == opened
    assert open_checkpoint(NOTE.encode(), [KEY.verifier], origin=ORIGIN) == opened


@given(st.integers(1, SIZE_MAX), st.binary(min_size=32, max_size=32))
def test_what_was_signed_is_what_is_opened(size: int, root: bytes) -> None:
    note = sign_checkpoint(ORIGIN, size, root, KEY)
    assert open_checkpoint(note, [OTHER.verifier, KEY.verifier]) == Checkpoint(ORIGIN, size, root)


def test_an_empty_log_has_a_checkpoint_too() -> None:
    note = sign_checkpoint(ORIGIN, 0, EMPTY_ROOT, KEY)
    assert open_checkpoint(note, [KEY.verifier]) == Checkpoint(ORIGIN, 0, EMPTY_ROOT)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 1, ROOT),
        ("a\nb", 1, ROOT),
        ("a\n7", 1, ROOT),
        (f"a\n7\n{base64(ROOT)}", 1, ROOT),
        ("a\rb", 1, ROOT),
        ("a\x00", 1, ROOT),
        (ORIGIN, -1, ROOT),
        (ORIGIN, SIZE_MAX + 1, ROOT),
        (ORIGIN, 1, ROOT[:-1]),
        (ORIGIN, 0, ROOT),
        ("x" * NOTE_BYTES_MAX, 1, ROOT),
    ],
)
def test_nothing_is_signed_that_would_be_read_otherwise(
    origin: str, size: int, root: bytes
) -> None:
    with pytest.raises(ValueError, match=r"read back|one line"):
        sign_checkpoint(origin, size, root, KEY)


def test_witnesses_and_new_keys_may_sign_beside_the_known_one() -> None:
    note = signed(TEXT, OTHER, KEY)
    assert open_checkpoint(note, [KEY.verifier]) == open_checkpoint(note, [OTHER.verifier])
    assert open_checkpoint(note, [OTHER.verifier, KEY.verifier]).size == 42
    same_name = SigningKey(ORIGIN, bytes(32))
    assert open_checkpoint(signed(TEXT, same_name, KEY), [KEY.verifier]).size == 42


def test_an_unknown_signature_may_be_of_any_algorithm_and_length() -> None:
    lines = "".join(f"— w{i}.test {base64(bytes(5 + i * 300))}\n" for i in range(15))
    assert open_checkpoint(NOTE + lines, [KEY.verifier]).size == 42


def test_a_note_needs_one_known_signature() -> None:
    assert reason(NOTE, OTHER.verifier) == "signature_unknown"
    assert reason_of(open_checkpoint, NOTE, []) == "signature_unknown"
    assert reason(signed(TEXT, SigningKey(ORIGIN, bytes(32)))) == "signature_unknown"


def test_a_known_key_that_fails_spoils_the_note() -> None:
    good, bad = signature_line(TEXT, KEY), signature_line(TEXT + "x", OTHER)
    keys = KEY.verifier, OTHER.verifier
    for lines in (good + bad, bad + good, bad):
        assert reason(f"{TEXT}\n{lines}", *keys) == "signature_invalid"
    assert reason(f"{TEXT}\n{good}{good}") == "signature_repeated"


def test_two_keys_under_one_name_and_id_cannot_be_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(VerifierKey, "key_id", property(lambda _key: b"\x00" * 4))
    twins = VerifierKey("x", bytes(32)), VerifierKey("x", bytes([1]) * 32)
    assert reason(NOTE, *twins) == "keys_ambiguous"
    assert reason(NOTE, twins[0], twins[0]) == "signature_unknown"


def test_a_note_carries_sixteen_signatures_and_no_more() -> None:
    lines = [f"— w{i}.test {base64(bytes(5))}\n" for i in range(SIGNATURES_MAX)]
    assert open_checkpoint(NOTE + "".join(lines[1:]), [KEY.verifier]).size == 42
    assert reason(NOTE + "".join(lines)) == "signature_count"


def test_a_note_has_a_longest_length() -> None:
    filler = "— w.test "
    room = (NOTE_BYTES_MAX - len((NOTE + filler).encode()) - 1) // 4 * 4
    note = f"{NOTE}{filler}{'A' * room}\n"
    assert open_checkpoint(note, [KEY.verifier]).size == 42
    assert reason(f"{NOTE}{filler}{'A' * (room + 4)}\n") == "too_long"
    assert reason("x" * (NOTE_BYTES_MAX + 1)) == "too_long"
    assert reason(b"\xff" * (NOTE_BYTES_MAX + 1)) == "too_long"
    exact = "a" * (NOTE_BYTES_MAX - len(NOTE.encode()) + len(ORIGIN))
    assert open_checkpoint(sign_checkpoint(exact, 42, ROOT, KEY), [KEY.verifier]).origin == exact


def test_another_log_is_refused_even_under_a_known_key() -> None:
    note = sign_checkpoint("other.test/log", 42, ROOT, KEY)
    assert open_checkpoint(note, [KEY.verifier]).origin == "other.test/log"
    assert reason_of(open_checkpoint, note, [KEY.verifier], origin=ORIGIN) == "origin"


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("", "shape"),
        ("\n\n", "shape"),
        (TEXT, "shape"),
        (TEXT + "\n", "shape"),
        (NOTE[:-1], "shape"),
        (NOTE.replace("\n\n", "\n"), "shape"),
        (NOTE.replace("\n", "\r\n"), "encoding"),
        (NOTE.replace("42", "42\t"), "encoding"),
        (NOTE + "\x00\n", "encoding"),
        (NOTE.encode() + b"\xff", "encoding"),
        (NOTE + "\ud800", "encoding"),
        (NOTE + "\n", "shape"),
        ("\ufeff" + NOTE, "signature_invalid"),
        (NOTE.replace("\n\n", "\n\n\n"), "signature_invalid"),
        (NOTE.replace("— ", "- "), "signature_line"),
        (NOTE.replace("— ", "—"), "signature_line"),
        (NOTE.replace("— ", "—  "), "signature_line"),
        (NOTE.replace("— ", "— — "), "signature_line"),
        (NOTE.replace(f"{ORIGIN} ", f"{ORIGIN}  "), "signature_line"),
        (NOTE.replace(f"{ORIGIN} ", f"{ORIGIN}\u00a0"), "signature_line"),
        (NOTE.replace(f"{ORIGIN} ", "a+b "), "signature_line"),
        (NOTE.replace(f"{ORIGIN} ", "a\u2003b "), "signature_line"),
        (NOTE[:-2] + "\n", "signature_line"),
        (NOTE[:-1] + " \n", "signature_line"),
        (NOTE[:-1] + "æ\n", "signature_line"),
        (NOTE + "— w.test\n", "signature_line"),
        (NOTE + "— w.test \n", "signature_line"),
        (NOTE + f"— w.test {base64(bytes(4))}\n", "signature_line"),
        (NOTE + "— w.test AAAAAAB=\n", "signature_line"),
        (NOTE + "— w.test AAAAAAA\n", "signature_line"),
        (NOTE + "— w.test AAAA_AA=\n", "signature_line"),
        (NOTE + "junk\n", "signature_line"),
    ],
)
def test_a_note_in_any_other_shape_is_refused(note: str | bytes, expected: str) -> None:
    assert reason(note) == expected


HASH = base64(ROOT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{ORIGIN}\n42\n", "shape"),
        (f"{ORIGIN}\n", "shape"),
        (f"\n42\n{HASH}\n", "origin"),
        (f"{ORIGIN}\n\n{HASH}\n", "size"),
        (f"{ORIGIN}\n042\n{HASH}\n", "size"),
        (f"{ORIGIN}\n00\n{HASH}\n", "size"),
        (f"{ORIGIN}\n+42\n{HASH}\n", "size"),
        (f"{ORIGIN}\n-1\n{HASH}\n", "size"),
        (f"{ORIGIN}\n42 \n{HASH}\n", "size"),
        (f"{ORIGIN}\n4_2\n{HASH}\n", "size"),
        (f"{ORIGIN}\n٤٢\n{HASH}\n", "size"),
        (f"{ORIGIN}\n4٢\n{HASH}\n", "size"),
        (f"{ORIGIN}\n4e1\n{HASH}\n", "size"),
        (f"{ORIGIN}\n{SIZE_MAX + 1}\n{HASH}\n", "size"),
        (f"{ORIGIN}\n{10**30}\n{HASH}\n", "size"),
        (f"{ORIGIN}\n0\n{HASH}\n", "root"),
        (f"{ORIGIN}\n42\n\n", "root"),
        (f"{ORIGIN}\n42\n{HASH[:-1]}\n", "root"),
        (f"{ORIGIN}\n42\n {HASH}\n", "root"),
        (f"{ORIGIN}\n42\n{base64(ROOT[:-1])}\n", "root"),
        (f"{ORIGIN}\n42\n{base64(ROOT + b'x')}\n", "root"),
        (f"{ORIGIN}\n42\n{ROOT.hex()}\n", "root"),
        (f"{ORIGIN}\n42\n{HASH}\nmore\n\nlines\n", "extension"),
        (f"{ORIGIN}\n42\n{HASH}\n\n", "extension"),
    ],
)
def test_a_signed_text_that_is_no_checkpoint_is_refused(text: str, expected: str) -> None:
    assert reason(signed(text, KEY)) == expected


def test_a_root_with_stray_bits_is_refused_although_it_decodes_alike() -> None:
    stray = HASH[:-2] + chr(ord(HASH[-2]) + 1) + "="
    assert b64decode(stray) == ROOT
    assert reason(signed(f"{ORIGIN}\n42\n{stray}\n", KEY)) == "root"


def test_extension_lines_are_tolerated_and_dropped() -> None:
    note = signed(f"{TEXT}timestamp 1\nmore\n", KEY)
    assert open_checkpoint(note, [KEY.verifier]) == Checkpoint(ORIGIN, 42, ROOT)


def test_no_flipped_bit_of_a_note_is_accepted() -> None:
    raw = NOTE.encode()
    for at in range(len(raw)):
        for bit in range(8):
            reason(raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :])
