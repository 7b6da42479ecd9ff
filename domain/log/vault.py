"""Sealing of personal values: AES-256-GCM under keys that can be destroyed one by one.

The log keeps only `{"key": number, "sealed": base64}`. Each subject (a person; a contact for its
free text) has keys of its own, never shared with another subject; destroying them empties the value
in log, views, search and exports, while hashes, counts and proofs stay. What was sealed for one
place in one event fails to open anywhere else (the place is authenticated).
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import Broken

NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32
MARK_BYTES: Final = 16
"""Of pseudonyms and content marks: 128 bits of keyed BLAKE2b."""


class Keys(Protocol):
    """Where keys are kept (domain/storage/keys.py); durable before they are handed out."""

    @property
    def pepper(self) -> bytes:
        """The secret behind pseudonyms and content marks, the same for the life of the log."""
        ...

    def for_subject(self, subject: str) -> tuple[int, AESGCM]:
        """Return the subject's key to seal with; subjects of one use (contacts) get a fresh one."""
        ...

    def find(self, numbers: Iterable[int]) -> Mapping[int, AESGCM]:
        """Return the keys that still exist, by number."""
        ...


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens values; opens nothing itself, reads no clock, makes no randomness."""

    keys: Keys
    entropy: Callable[[int], bytes]

    def seal(self, subject: str, clear: bytes, place: str) -> dict[str, Any]:
        """Return the sealed form of `clear`; `place` says where in which event it stands."""
        number, key = self.keys.for_subject(subject)
        nonce = self.entropy(NONCE_BYTES)
        box = nonce + key.encrypt(nonce, clear, place.encode())
        return {"key": number, "sealed": base64.b64encode(box).decode()}

    def open(
        self, sealed: Mapping[str, Any], place: str, keys: Mapping[int, AESGCM]
    ) -> bytes | None:
        """Return the clear bytes, or None when the key was destroyed (slettet).

        `keys` are those `Keys.find` gave for the numbers of a whole page. Raises Broken when the
        sealed value was changed or moved.
        """
        key = keys.get(sealed["key"])
        if key is None:
            return None
        try:
            box = base64.b64decode(sealed["sealed"], validate=True)
            return key.decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], place.encode())
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise Broken("sealed_value_invalid", place=place) from error

    def pseudonym(self, recognised: str) -> str:
        """Return the PersonId of whoever is recognised by this text (persons.recognised_by)."""
        mark = blake2b(
            recognised.encode(), digest_size=MARK_BYTES, key=self.keys.pepper, person=b"person"
        )
        return f"p-{mark.hexdigest()}"

    def mark(self, content: bytes) -> str:
        """Return a keyed mark of a request's content: equal content, equal mark; tells nothing."""
        return blake2b(
            content, digest_size=MARK_BYTES, key=self.keys.pepper, person=b"content"
        ).hexdigest()
