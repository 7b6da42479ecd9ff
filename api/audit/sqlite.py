"""Reads an SQLite log for the audit, with connections and SQL of its own.

SQLite gives each value in the class it is stored in, so a text where a blob should be is seen.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from api.audit.faults import Fault
from api.audit.source import PAGE_ROWS, Aside, StoredCheckpoint, schema_faults
from domain.errors import Broken, Unavailable
from domain.storage.sqlite_schema import SCHEMA

BUSY_MILLISECONDS: Final = 10_000
INTEGRITY_LINES_MAX: Final = 100
_AWAY: Final = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}
)
_ROWS: Final = (
    "SELECT position, recorded_at, event_id, type, tags, metadata, data, stream_id,"
    " stream_version, key_hash, leaf FROM events WHERE position > ? ORDER BY position"
)
_REPEATED: Final = (
    ("event_id_repeated", "event_id", "event_id", "true"),
    ("key_hash_repeated", "key_hash", "key_hash", "key_hash IS NOT NULL"),
    (
        "stream_version_repeated",
        "stream_version",
        "stream_id, stream_version",
        "stream_id IS NOT NULL",
    ),
)
_OBJECTS: Final = (
    "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master"
    " WHERE name NOT LIKE 'sqlite_stat%'"
)
_WRONG_TAGS: Final = (
    "SELECT position, typeof(tag), typeof(position) FROM event_tags"
    " WHERE typeof(tag) <> 'text' OR typeof(position) <> 'integer' LIMIT 100"
)


_TAGS_MATCHED: Final = (
    "SELECT count(*) FROM events e, json_each(e.tags) j CROSS JOIN event_tags t"
    " ON t.tag = j.value AND t.position = e.position WHERE e.position BETWEEN 1 AND ?"
)
# Rows of positions that no event has count too; those of events written meanwhile do not.
_TAGS_LISTED: Final = (
    "SELECT count(*) FROM event_tags"
    " WHERE NOT (position > ? AND position <= (SELECT max(position) FROM events))"
)


class SqliteSource:
    """One consistent picture of one file; needs no right to write it."""

    def __init__(self, path: Path) -> None:
        """Raises Unavailable when the file is not there or cannot be opened."""
        self._path = path
        if not path.is_file():
            raise Unavailable("store_unavailable", reason="no such file")
        self._connection = _opened(path)
        self._head = 0
        try:
            # The picture is taken by the first read; a file without a log in it is a finding.
            with suppress(Broken), _translated():
                self._connection.execute("BEGIN")
                found = self._connection.execute("SELECT max(position) FROM events").fetchone()
                self._head = int(found[0] or 0)
        except Unavailable:
            self.close()
            raise

    def head(self) -> int:
        """Return the highest position, 0 when there is none."""
        return self._head

    def pages(self) -> Iterator[list[tuple[Any, ...]]]:
        """Yield all rows in order of position; text that is not UTF-8 keeps its bytes."""
        last = -(2**63)
        with _translated():
            cursor = self._connection.execute(_ROWS, (last,))
        while True:
            with _translated():
                try:
                    page = cursor.fetchmany(PAGE_ROWS)
                except sqlite3.OperationalError:
                    # Text that is not UTF-8. Decoding it here costs: it is done from here on only.
                    if self._connection.text_factory is not str:
                        raise
                    self._connection.text_factory = _decoded
                    cursor = self._connection.execute(_ROWS, (last,))
                    continue
            if not page:
                return
            last = page[-1][0]
            yield page

    def rows(self, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Return rows with position > after, in order, at most `limit`."""
        self._connection.text_factory = _decoded
        with _translated():
            return self._connection.execute(f"{_ROWS} LIMIT ?", (after, limit)).fetchall()

    def checkpoints(self) -> Iterator[StoredCheckpoint]:
        """Yield the published checkpoints in order of size."""
        # In the same picture as the rows; a note's bytes are taken as they are.
        sql = (
            "SELECT size, root, CAST(note AS BLOB), typeof(note), recorded_at FROM checkpoints"
            " ORDER BY size"
        )
        for size, root, note, kind, recorded_at in self._all(sql):
            text = _decoded(note) if kind == "text" else note
            yield StoredCheckpoint(size, root, text, recorded_at)

    def tags_in_order(self) -> Iterator[tuple[int, Any]]:
        """Yield position and tag of every row of `event_tags`, by position."""
        self._connection.text_factory = _decoded
        yield from self._all("SELECT position, tag FROM event_tags ORDER BY position, tag")

    def tag_columns(self) -> Iterator[tuple[int, Any]]:
        """Yield position and column `tags` of every event, by position."""
        self._connection.text_factory = _decoded
        yield from self._all(
            "SELECT position, tags FROM events WHERE position > 0 ORDER BY position"
        )

    def aside(self) -> Aside:
        """Return what SQLite finds on a connection of its own, so that it may run beside."""
        head = self._head
        with closing(_opened(self._path)) as connection:
            connection.text_factory = _decoded
            connection.execute("BEGIN")
            faults: list[Fault] = []
            for look in (_schema, _integrity, _wrong_tags):
                try:
                    faults += look(connection)
                except sqlite3.DatabaseError as error:
                    faults.append(Fault("store_damaged", detail=str(error)))
            try:
                (matched,) = connection.execute(_TAGS_MATCHED, (head,)).fetchone()
                (listed,) = connection.execute(_TAGS_LISTED, (head,)).fetchone()
            except sqlite3.DatabaseError:  # a column `tags` that is no JSON
                return Aside(faults)
            return Aside(faults, matched, listed)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _all(self, sql: str) -> Iterator[tuple[Any, ...]]:
        with _translated():
            yield from self._connection.execute(sql)


def _opened(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise Unavailable("store_unavailable", reason=type(error).__name__) from error
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    connection.execute("PRAGMA query_only=ON")
    # A schema made by somebody else may call functions as soon as it is read.
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


@contextmanager
def _translated() -> Iterator[None]:
    """Tell a file that cannot be read now (Unavailable) from one that is not as it should be."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _AWAY:
            raise Unavailable("store_unavailable", reason=type(error).__name__) from error
        raise Broken("log_broken", reason=str(error)) from error


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def released_schema() -> list[str]:
    """Return every object that our own schema makes, as `type name: SQL`."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(SCHEMA)
        return _objects(connection)


def _objects(connection: sqlite3.Connection) -> list[str]:
    return [f"{name}: {' '.join(sql.split())}" for name, sql in connection.execute(_OBJECTS)]


def _schema(connection: sqlite3.Connection) -> Iterator[Fault]:
    yield from schema_faults(_objects(connection), released_schema())


def _integrity(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Ask SQLite to hold its indexes against the rows; then they can be believed."""
    lines = connection.execute(f"PRAGMA integrity_check({INTEGRITY_LINES_MAX})").fetchall()
    is_sound = lines == [("ok",)]
    if not is_sound:
        yield from (Fault("index_damaged", detail=str(line)) for (line,) in lines)
    how = "" if is_sound else "NOT INDEXED"
    for kind, column, group, where in _REPEATED:
        query = (
            f"SELECT min(position), max(position) FROM events {how} WHERE {where}"  # noqa: S608
            f" GROUP BY {group} HAVING count(*) > 1"
        )
        for first, last in connection.execute(query):
            yield Fault(kind, last, column, f"also at {first}")


def _wrong_tags(connection: sqlite3.Connection) -> Iterator[Fault]:
    for position, tag_class, position_class in connection.execute(_WRONG_TAGS):
        column = "tag" if tag_class != "text" else "position"
        found = tag_class if tag_class != "text" else position_class
        place = position if isinstance(position, int) else None
        yield Fault("storage_class", place, column, f"event_tags: {found}")
