"""Keys in memory with fixed bytes: the same seals in every run, and a key can be destroyed."""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Mapping

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.log.codec import Codec
from domain.log.vault import Vault


def fixed(name: str, size: int = 32) -> bytes:
    """Bytes that stand for a secret of this name, the same in every run."""
    return hashlib.shake_256(name.encode()).digest(size)


def counted_entropy() -> Callable[[int], bytes]:
    """What stands in for randomness: other bytes with every call, the same in every run."""
    numbers = itertools.count()
    return lambda size: fixed(f"entropy {next(numbers)}", size)


class Keyring:
    """Implements `vault.Keys`: persons keep their key, everything else gets a fresh one."""

    def __init__(self) -> None:
        self.pepper = fixed("pepper")
        self._handed_out: dict[int, str] = {}
        self._persons: dict[str, int] = {}

    def for_subject(self, subject: str) -> tuple[int, AESGCM]:
        number = self._persons.get(subject, len(self._handed_out) + 1)
        self._handed_out[number] = subject
        if subject.startswith("person:"):
            self._persons[subject] = number
        return number, AESGCM(fixed(f"key {number}"))

    def find(self, numbers: Iterable[int]) -> Mapping[int, AESGCM]:
        return {n: AESGCM(fixed(f"key {n}")) for n in numbers if n in self._handed_out}

    def destroy(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            del self._handed_out[number]

    def subjects(self) -> list[str]:
        return list(self._handed_out.values())


class EveryKey(Keyring):
    """Has every number's key, for reading samples whose keys were handed out in another run."""

    def find(self, numbers: Iterable[int]) -> Mapping[int, AESGCM]:
        return {n: AESGCM(fixed(f"key {n}")) for n in numbers}


def codec_with(keys: Keyring) -> Codec:
    return Codec(Vault(keys, counted_entropy()))
