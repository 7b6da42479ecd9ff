"""Keys as text (nøgler som tekst): how a file or a setting holds the master and the signing key.

Apart from api/settings.py, which checks what it is given, and api/key_files.py, which makes files.
"""

import base64
import binascii
from typing import TYPE_CHECKING, Final

from domain.errors import Broken
from domain.storage.clock import entropy

if TYPE_CHECKING:
    from domain.log.checkpoint import SigningKey

KEY_BYTES: Final = 32


def new_master_key() -> str:
    """Return a fresh master key as its file holds it."""
    return base64.b64encode(entropy(KEY_BYTES)).decode()


def new_signing_key(origin: str) -> str:
    """Return a fresh signing key under the log's name, as its file holds it."""
    from domain.log.checkpoint import SigningKey  # noqa: PLC0415  cryptography is slow to import

    return SigningKey(origin, entropy(KEY_BYTES)).secret_text()


def key_of(text: str) -> bytes:
    """Return the 32 bytes; raises ValueError with a reason that repeats nothing."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("must be 32 bytes in base64")
    return key


def signing_key_of(text: str, origin: str) -> "SigningKey":
    """Return the key in either of its two forms; raises ValueError, as `key_of`."""
    from domain.log.checkpoint import SigningKey  # noqa: PLC0415  cryptography is slow to import

    text = text.strip()
    try:
        if text.startswith("PRIVATE+KEY+"):
            return SigningKey.parse(text)
        return SigningKey(origin, key_of(text))
    except (Broken, ValueError) as error:
        raise ValueError("must be a PRIVATE+KEY line or 32 bytes in base64") from error
