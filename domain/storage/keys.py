"""Where the keys of sealed values are kept: a small database of its own, with its own backups.

Keys are wrapped by the master key and handed out from a pool that was made durable beforehand, so
that sealing never waits for a disk. A key that is handed out and never used costs one row. A
contact gets a fresh key; a person keeps one, and may in rare cases (a crash, two processes) get a
second: erasing a subject destroys every key its values name.
"""

import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import Broken, Unavailable
from domain.log.vault import KEY_BYTES, NONCE_BYTES
from domain.storage.clock import entropy

POOL_KEYS: Final = 512
"""Keys made in one durable step; bounds what a crash leaves unused."""
PERSONS_CACHED_MAX: Final = 50_000
"""Persons whose key is remembered, about 300 bytes each."""
PERSONS_NAMED_AT_ONCE: Final = 256
"""Persons noted in one step; must be fewer than are remembered."""
NOTICE_SECONDS: Final = 0.1
"""How long a key that another process destroyed may still be used to seal."""
KEYS_CACHED_MAX: Final = 4_096
FIND_AT_ONCE_MAX: Final = 500
PEPPER_NUMBER: Final = 0
"""The row that holds the pepper; never handed out."""


Wrapped = tuple[int, bytes]
"""A key's number and the key itself, wrapped by the master key."""


class KeyTable(Protocol):
    """The rows of the keys database; numbers are never given twice, also after a key is gone."""

    def add(self, count: int, wrap: Callable[[int], list[Wrapped]]) -> None:
        """Reserve `count` numbers, give the first to `wrap`, and store what it returns, durably."""
        ...

    def add_pepper(self, row: Wrapped) -> None:
        """Store the pepper unless there is one."""
        ...

    def find(self, numbers: Sequence[int]) -> list[Wrapped]:
        """Return the rows that still exist."""
        ...

    def person(self, subject: str) -> Wrapped | None:
        """Return the key a person was given, if it still exists."""
        ...

    def name_persons(self, named: Sequence[tuple[str, int]]) -> None:
        """Note which keys persons were given; may be lost in a crash."""
        ...

    def delete(self, numbers: Sequence[int]) -> int:
        """Delete rows for good, overwriting them; return how many there were."""
        ...

    @property
    def notice_seconds(self) -> float:
        """How long another process's destruction may go unnoticed: a question costs this much."""
        ...

    def destroyed(self) -> int:
        """Return how often keys were destroyed, ever."""
        ...

    def close(self) -> None:
        """Release the database."""
        ...


class StoredKeys:
    """Implements `vault.Keys` over a table of wrapped keys."""

    def __init__(
        self, table: KeyTable, master: bytes, entropy: Callable[[int], bytes] = entropy
    ) -> None:
        """`master` is 32 bytes; raises Broken when the database was made with another."""
        self._table = table
        self._master = AESGCM(master)
        self._entropy = entropy
        self._lock = threading.Lock()
        self._pool: list[tuple[int, AESGCM]] = []
        self._persons: OrderedDict[str, tuple[int, AESGCM]] = OrderedDict()
        self._known: OrderedDict[int, AESGCM] = OrderedDict()
        self._unnamed: list[tuple[str, int]] = []
        self._notice_at = 0.0
        self._destroyed = table.destroyed()
        self._pepper = self._load_pepper()

    @property
    def pepper(self) -> bytes:
        """The secret behind pseudonyms and marks."""
        return self._pepper

    def for_subject(self, subject: str) -> tuple[int, AESGCM]:
        """Return the key to seal this subject's value with; persons keep theirs."""
        with self._lock:
            if not subject.startswith("person:"):
                return self._take()
            self._notice_destroyed()
            known = self._persons.get(subject)
            if known is None:
                known = self._known_person(subject) or self._new_person(subject)
                self._persons[subject] = known
                if len(self._persons) > PERSONS_CACHED_MAX:
                    self._persons.popitem(last=False)
            else:
                self._persons.move_to_end(subject)
            return known

    def find(self, numbers: Iterable[int]) -> Mapping[int, AESGCM]:
        """Return the keys that still exist, by number."""
        wanted = set(numbers)
        with self._lock:
            self._notice_destroyed()
            found = {n: self._known[n] for n in wanted if n in self._known}
            missing = sorted(wanted - found.keys())
            for start in range(0, len(missing), FIND_AT_ONCE_MAX):
                part = missing[start : start + FIND_AT_ONCE_MAX]
                for number, wrapped in self._table.find(part):
                    found[number] = self._remember(number, self._unwrap(number, wrapped))
        return found

    def destroy(self, numbers: Iterable[int]) -> int:
        """Destroy keys for good; return how many there were."""
        with self._lock:
            doomed = sorted(set(numbers) - {PEPPER_NUMBER})
            self._notice_at = 0.0
            return self._table.delete(doomed)

    def close(self) -> None:
        """Note what is not noted yet, and release the database."""
        with self._lock:
            self._name_persons()
        self._table.close()

    def _notice_destroyed(self) -> None:
        """Forget what is remembered when keys were destroyed, here or by another process."""
        now = time.monotonic()
        if now < self._notice_at:
            return
        self._notice_at = now + self._table.notice_seconds
        destroyed = self._table.destroyed()
        if destroyed != self._destroyed:
            self._destroyed = destroyed
            self._known.clear()
            self._persons.clear()

    def _take(self) -> tuple[int, AESGCM]:
        if not self._pool:
            self._pool = self._make(POOL_KEYS)
            self._pool.reverse()
        return self._pool.pop()

    def _make(self, count: int) -> list[tuple[int, AESGCM]]:
        made: list[tuple[int, AESGCM]] = []

        def wrap(first: int) -> list[Wrapped]:
            raw = [self._entropy(KEY_BYTES) for _ in range(count)]
            made[:] = [(first + index, AESGCM(key)) for index, key in enumerate(raw)]
            return [
                (first + index, self._wrap(first + index, key)) for index, key in enumerate(raw)
            ]

        self._table.add(count, wrap)
        for number, key in made:
            self._remember(number, key)
        return made

    def _known_person(self, subject: str) -> tuple[int, AESGCM] | None:
        found = self._table.person(subject)
        if found is None:
            return None
        number, wrapped = found
        return number, self._remember(number, self._unwrap(number, wrapped))

    def _new_person(self, subject: str) -> tuple[int, AESGCM]:
        number, key = self._take()
        self._unnamed.append((subject, number))
        if len(self._unnamed) >= PERSONS_NAMED_AT_ONCE:
            self._name_persons()
        return number, key

    def _name_persons(self) -> None:
        """Note who was given which key; a note that cannot be written costs one more key."""
        named, self._unnamed = self._unnamed, []
        if named:
            with suppress(Unavailable):
                self._table.name_persons(named)

    def _remember(self, number: int, key: AESGCM) -> AESGCM:
        self._known[number] = key
        if len(self._known) > KEYS_CACHED_MAX:
            self._known.popitem(last=False)
        return key

    def _wrap(self, number: int, key: bytes) -> bytes:
        nonce = self._entropy(NONCE_BYTES)
        return bytes(nonce + self._master.encrypt(nonce, key, str(number).encode()))

    def _unwrap(self, number: int, wrapped: bytes) -> AESGCM:
        return AESGCM(self._unwrap_raw(number, wrapped))

    def _unwrap_raw(self, number: int, wrapped: bytes) -> bytes:
        nonce, box = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            return self._master.decrypt(nonce, box, str(number).encode())
        except InvalidTag as error:
            raise Broken("sealed_value_invalid", reason="another master key") from error

    def _load_pepper(self) -> bytes:
        found = self._table.find([PEPPER_NUMBER])
        if not found:
            made = self._wrap(PEPPER_NUMBER, self._entropy(KEY_BYTES))
            self._table.add_pepper((PEPPER_NUMBER, made))
            found = self._table.find([PEPPER_NUMBER])
        return self._unwrap_raw(PEPPER_NUMBER, found[0][1])


_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS keys (number INTEGER PRIMARY KEY, wrapped BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS numbers (id INTEGER PRIMARY KEY, next INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS persons (
  subject TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO numbers VALUES (1, 1), (2, 0) ON CONFLICT DO NOTHING;
COMMIT;
"""
BUSY_MILLISECONDS: Final = 5_000


class SqliteKeyTable:
    """The keys database in one SQLite file; deleted rows are overwritten (secure_delete)."""

    def __init__(self, path: Path | str) -> None:
        """Open or create the file; raises Unavailable when that fails."""
        with _translated():
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for pragma in (
                f"busy_timeout={BUSY_MILLISECONDS}",
                "journal_mode=WAL",
                "synchronous=FULL",
                "secure_delete=ON",
            ):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.executescript(_SCHEMA)

    def add(self, count: int, wrap: Callable[[int], list[Wrapped]]) -> None:
        """Reserve numbers and store the wrapped keys in one durable transaction."""
        with _translated(), self._transaction() as connection:
            (first,) = connection.execute("SELECT next FROM numbers WHERE id = 1").fetchone()
            connection.execute("UPDATE numbers SET next = ? WHERE id = 1", (first + count,))
            connection.executemany("INSERT INTO keys VALUES (?, ?)", wrap(first))

    def add_pepper(self, row: Wrapped) -> None:
        """Store the pepper unless there is one."""
        with _translated():
            self._connection.execute("INSERT INTO keys VALUES (?, ?) ON CONFLICT DO NOTHING", row)

    def find(self, numbers: Sequence[int]) -> list[Wrapped]:
        """Return the rows that still exist."""
        marks = ",".join("?" * len(numbers))
        sql = f"SELECT number, wrapped FROM keys WHERE number IN ({marks})"
        with _translated():
            return self._connection.execute(sql, numbers).fetchall()

    def person(self, subject: str) -> Wrapped | None:
        """Return the key a person was given, if it still exists."""
        sql = (
            "SELECT k.number, k.wrapped FROM persons p JOIN keys k USING (number) WHERE subject = ?"
        )
        with _translated():
            found: Wrapped | None = self._connection.execute(sql, (subject,)).fetchone()
            return found

    def name_persons(self, named: Sequence[tuple[str, int]]) -> None:
        """Note which keys persons were given, without waiting for the disk."""
        sql = "INSERT INTO persons VALUES (?, ?) ON CONFLICT DO UPDATE SET number = excluded.number"
        with _translated():
            self._connection.execute("PRAGMA synchronous=NORMAL")
            try:
                with self._transaction() as connection:
                    connection.executemany(sql, named)
            finally:
                self._connection.execute("PRAGMA synchronous=FULL")

    def delete(self, numbers: Sequence[int]) -> int:
        """Delete rows, overwrite them, and empty the WAL that still held them.

        Raises Unavailable when a reader keeps the WAL: the keys are deleted but not yet gone.
        """
        with _translated():
            with self._transaction() as connection:
                before = connection.total_changes
                connection.executemany("DELETE FROM keys WHERE number = ?", [(n,) for n in numbers])
                gone = connection.total_changes - before
                connection.execute("UPDATE numbers SET next = next + 1 WHERE id = 2")
            busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise Unavailable("store_unavailable", reason="a reader holds the deleted keys")
        return gone

    @property
    def notice_seconds(self) -> float:
        """Ask ten times a second: a question costs as much as sealing."""
        return NOTICE_SECONDS

    def destroyed(self) -> int:
        """Return how often keys were destroyed, ever."""
        with _translated():
            sql = "SELECT next FROM numbers WHERE id = 2"
            found: tuple[int] = self._connection.execute(sql).fetchone()
            return found[0]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        raise Unavailable("store_full" if full else "store_unavailable") from error
