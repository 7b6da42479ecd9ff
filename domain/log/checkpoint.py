"""Signs and opens the log's checkpoints (kontrolpunkter), and writes receipts (kvitteringer).

Formats are C2SP signed-note, tlog-checkpoint and tlog-proof with Ed25519, so that witnesses and
other people's verifiers can read them. Opening is strict: what is not canonical is refused, since
two texts for one checkpoint would be two things to compare.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.errors import Broken
from domain.log.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    PATH_HASHES_MAX,
    SIZE_MAX,
    verify_inclusion,
)

__all__ = [
    "EXTRA_BYTES_MAX",
    "NOTE_BYTES_MAX",
    "RECEIPT_BYTES_MAX",
    "SIGNATURES_MAX",
    "Checkpoint",
    "Receipt",
    "SigningKey",
    "VerifierKey",
    "open_checkpoint",
    "parse_tlog_proof",
    "render_tlog_proof",
    "sign_checkpoint",
    "verify_tlog_proof",
]

SIGNATURES_MAX = 16
"""Signature lines in one note: what the standard says every verifier must take, and no more."""
NOTE_BYTES_MAX = 128 * 1024
"""Room for SIGNATURES_MAX post-quantum signatures of 5 kB in base64, with the text."""
EXTRA_BYTES_MAX = 64 * 1024
"""Opaque extra data in a receipt, before base64."""
RECEIPT_BYTES_MAX = 256 * 1024
"""A note, the extra data in base64, 63 hashes."""

_ED25519 = b"\x01"
_SEED_BYTES = 32
_PUBLIC_BYTES = 32
_KEY_ID_BYTES = 4
_DASH = "— "
_PROOF_HEADER = "c2sp.org/tlog-proof@v1"
_PRIVATE = "PRIVATE+KEY"
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The whole log in three values: whose it is, how many events, and the root of their tree."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """A parsed tlog-proof: nothing in it is verified yet, and `extra` never can be."""

    index: int
    path: tuple[bytes, ...]
    checkpoint_note: str
    extra: bytes | None


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A log's public key under its name, as handed out for others to check with."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        """Refuse what no note can carry: Broken(`note_invalid`, reason key)."""
        _require_key_name(self.name)
        if len(self.public) != _PUBLIC_BYTES:
            raise Broken("note_invalid", reason="key")

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart; an identifier, not a proof."""
        named = self.name.encode() + b"\n" + _ED25519 + self.public
        return hashlib.sha256(named).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        """Return the key as `name+hash+base64`, the form that `parse` reads."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(_ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read `name+hash+base64`. Raises Broken(`note_invalid`, reason key) for any other text."""
        name, key_id, key = _key_parts(text)
        parsed = cls(name, key)
        if key_id != parsed.key_id.hex():
            raise Broken("note_invalid", reason="key")
        return parsed

    def accepts(self, signature: bytes, message: bytes) -> bool:
        """Tell whether this key made `signature` over `message`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """The log's private key: 32 secret bytes and the name that stands in every signature."""

    __slots__ = ("_private", "_seed", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        """`seed` comes from outside; nothing here makes randomness."""
        if len(seed) != _SEED_BYTES:
            raise Broken("note_invalid", reason="key")
        self._seed = seed
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = VerifierKey(name, self._private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        """Name the key and keep the secret: a repr ends up in logs."""
        return f"<SigningKey {self.verifier.name}+{self.verifier.key_id.hex()}>"

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature; the same message always gives the same bytes."""
        return self._private.sign(message)

    def secret_text(self) -> str:
        """Return `PRIVATE+KEY+name+hash+base64`, one line for a key file."""
        key_id = self.verifier.key_id.hex()
        return f"{_PRIVATE}+{self.verifier.name}+{key_id}+{_base64(_ED25519 + self._seed)}"

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Read what `secret_text` wrote. Raises Broken(`note_invalid`, reason key) otherwise."""
        if not text.startswith(f"{_PRIVATE}+"):
            raise Broken("note_invalid", reason="key")
        name, key_id, seed = _key_parts(text.removeprefix(f"{_PRIVATE}+"))
        parsed = cls(name, seed)
        if key_id != parsed.verifier.key_id.hex():
            raise Broken("note_invalid", reason="key")
        return parsed


def sign_checkpoint(origin: str, size: int, root: bytes, key: SigningKey) -> str:
    """Write and sign the checkpoint of `size` events with this `root`, as one note.

    The caller sees to it that a log never signs two roots that do not follow from each other.
    Raises ValueError for values that could not be read back.
    """
    text = f"{origin}\n{size}\n{_base64(root)}\n"
    signature = _base64(key.verifier.key_id + key.sign(text.encode()))
    note = f"{text}\n{_DASH}{key.verifier.name} {signature}\n"
    try:
        written = open_checkpoint(note, [key.verifier])
    except Broken as error:
        message = f"this checkpoint could not be read back: {error}"
        raise ValueError(message) from error
    if written != Checkpoint(origin, size, root):
        raise ValueError("an origin is one line")
    return note


def open_checkpoint(
    note: str | bytes, verifier_keys: Iterable[VerifierKey], *, origin: str | None = None
) -> Checkpoint:
    """Return what a note says, if at least one known key signed it and no known key fails.

    Signatures of unknown keys are passed over (that is how witnesses and new keys come in);
    extension lines are tolerated and dropped. With `origin`, any other log is refused, which
    matters to whoever holds the keys of several.
    Raises Broken(`note_invalid`) with a reason: too_long, encoding, shape, signature_line,
    signature_count, keys_ambiguous, signature_repeated, signature_invalid, signature_unknown,
    origin, size, root or extension.
    """
    text, lines = _split_note(_decoded(note, NOTE_BYTES_MAX))
    _verify_signatures(text.encode(), lines, verifier_keys)
    checkpoint = _read_text(text)
    if origin not in {None, checkpoint.origin}:
        raise Broken("note_invalid", reason="origin")
    return checkpoint


def render_tlog_proof(
    index: int, path: Sequence[bytes], checkpoint_note: str, extra: bytes | None = None
) -> str:
    """Write a receipt: where the event stands, its audit path, and the checkpoint it leads to.

    `index` is the position less one. `extra` is not authenticated by anything.
    Raises ValueError for values that could not be read back.
    """
    lines = [_PROOF_HEADER]
    if extra is not None:
        lines.append(f"extra {_base64(extra)}")
    lines.append(f"index {index}")
    lines += [_base64(each) for each in path]
    text = "\n".join(lines) + "\n\n" + checkpoint_note
    try:
        parse_tlog_proof(text)
    except Broken as error:
        message = f"this receipt could not be read back: {error}"
        raise ValueError(message) from error
    return text


def parse_tlog_proof(text: str | bytes) -> Receipt:
    """Take a receipt apart without believing it; `verify_tlog_proof` does the rest.

    Raises Broken(`proof_invalid`) with a reason: too_long, encoding, header, extra, index,
    path_length, path or checkpoint.
    """
    head, blank, note = _decoded(text, RECEIPT_BYTES_MAX, "proof_invalid").partition("\n\n")
    if not blank or not note:
        raise Broken("proof_invalid", reason="checkpoint")
    header, *lines = head.split("\n")
    if header != _PROOF_HEADER:
        raise Broken("proof_invalid", reason="header")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _canonical_base64(lines.pop(0).removeprefix("extra "))
        if not extra or len(extra) > EXTRA_BYTES_MAX:
            raise Broken("proof_invalid", reason="extra")
    if not lines or not lines[0].startswith("index "):
        raise Broken("proof_invalid", reason="index")
    index = _decimal(lines[0].removeprefix("index "))
    if index is None:
        raise Broken("proof_invalid", reason="index")
    if len(lines) - 1 > PATH_HASHES_MAX:
        raise Broken("proof_invalid", reason="path_length")
    return Receipt(index, tuple(map(_hash_line, lines[1:])), note, extra)


def verify_tlog_proof(
    text: str | bytes,
    position: int,
    leaf: bytes,
    verifier_keys: Iterable[VerifierKey],
    *,
    origin: str | None = None,
) -> Checkpoint:
    """Return the signed checkpoint that has `leaf` at `position`, or raise Broken.

    This is the whole offline check of a receipt. `leaf` must be computed from the row the reader
    holds, never taken from the receipt's sender.
    """
    receipt = parse_tlog_proof(text)
    if receipt.index != position - 1:
        raise Broken("proof_invalid", reason="index", position=position)
    checkpoint = open_checkpoint(receipt.checkpoint_note, verifier_keys, origin=origin)
    verify_inclusion(leaf, receipt.index, checkpoint.size, receipt.path, checkpoint.root)
    return checkpoint


def _decoded(text: str | bytes, bytes_max: int, code: str = "note_invalid") -> str:
    """Return text that is not too long, is valid UTF-8, and has no control character but LF."""
    # A str has at most as many characters as bytes: this spares encoding a huge one.
    if len(text) > bytes_max:
        raise Broken(code, reason="too_long")
    try:
        raw = text if isinstance(text, bytes) else text.encode()
        decoded = raw.decode()
    except UnicodeError as error:
        raise Broken(code, reason="encoding") from error
    if len(raw) > bytes_max:
        raise Broken(code, reason="too_long")
    if _CONTROL.search(decoded):
        raise Broken(code, reason="encoding")
    return decoded


def _split_note(note: str) -> tuple[str, list[str]]:
    """Return the signed text with its last newline, and the signature lines without theirs."""
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise Broken("note_invalid", reason="shape")
    lines = signatures.removesuffix("\n").split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise Broken("note_invalid", reason="signature_count", count=len(lines))
    return text + "\n", lines


def _verify_signatures(
    message: bytes, lines: Sequence[str], verifier_keys: Iterable[VerifierKey]
) -> None:
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in verifier_keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise Broken("note_invalid", reason="keys_ambiguous")
    seen: set[VerifierKey] = set()
    for line in lines:
        name, key_id, signature = _signature_parts(line)
        signer = known.get((name, key_id))
        if signer is None:
            continue
        if signer in seen:
            raise Broken("note_invalid", reason="signature_repeated")
        if not signer.accepts(signature, message):
            raise Broken("note_invalid", reason="signature_invalid")
        seen.add(signer)
    if not seen:
        raise Broken("note_invalid", reason="signature_unknown")


def _signature_parts(line: str) -> tuple[str, bytes, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    raw = _canonical_base64(encoded)
    if not line.startswith(_DASH) or not space or raw is None or len(raw) <= _KEY_ID_BYTES:
        raise Broken("note_invalid", reason="signature_line")
    if not _is_key_name(name):
        raise Broken("note_invalid", reason="signature_line")
    return name, raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:]


def _read_text(text: str) -> Checkpoint:
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3:  # noqa: PLR2004  origin, size, root
        raise Broken("note_invalid", reason="shape")
    origin, size_line, root_line, *extensions = lines
    if not origin:
        raise Broken("note_invalid", reason="origin")
    size = _decimal(size_line)
    if size is None:
        raise Broken("note_invalid", reason="size")
    root = _canonical_base64(root_line)
    if root is None or len(root) != HASH_BYTES or (size == 0 and root != EMPTY_ROOT):
        raise Broken("note_invalid", reason="root")
    if not all(extensions):
        raise Broken("note_invalid", reason="extension")
    return Checkpoint(origin, size, root)


def _key_parts(text: str) -> tuple[str, str, bytes]:
    """Return name, key id in hexadecimal, and the 32 bytes behind the algorithm byte."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    raw = _canonical_base64(encoded)
    if raw is None or raw[:1] != _ED25519:
        raise Broken("note_invalid", reason="key")
    return name, key_id, raw[1:]


def _is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(each.isspace() for each in name)


def _require_key_name(name: str) -> None:
    if not _is_key_name(name) or _CONTROL.search(name):
        raise Broken("note_invalid", reason="key")


def _decimal(text: str) -> int | None:
    """Read a size or index in its only spelling, or return None."""
    if not _DECIMAL.fullmatch(text) or int(text) > SIZE_MAX:
        return None
    return int(text)


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()


def _canonical_base64(text: str) -> bytes | None:
    """Decode standard base64 in its only spelling, or return None.

    Python's decoder also takes stray bits behind the last character; comparing with what we
    would have written ourselves leaves one text for each value.
    """
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None
    return raw if _base64(raw) == text else None


def _hash_line(line: str) -> bytes:
    raw = _canonical_base64(line)
    if raw is None or len(raw) != HASH_BYTES:
        raise Broken("proof_invalid", reason="path")
    return raw
