"""The SQL of the SQLite log: tables, guard triggers, and how a query by tags is put.

The guards refuse every change to what is written, also REPLACE (which fires no delete trigger) and
any insert out of order, so that a mistake in our own code cannot alter the log (`event_tags` needs
no such guard: its key is its whole row). Whoever drops the triggers is found by the audit, which
names a changed schema.
"""

from collections.abc import Sequence
from typing import Final

from domain.log.port import QueryItem

BUSY_MILLISECONDS: Final = 5_000
"""How long a write waits for another process that writes."""
CHECKPOINT_PAGES: Final = 10_000
"""WAL pages (4 KiB) between checkpoints: fewer stalls, bounded WAL of about 40 MB."""
CLOCK_TOLERANCE_MICROSECONDS: Final = 1_000_000
"""A clock that steps back further than this is itself recorded."""
CLOCK_TAG: Final = "log:clock"
POLL_SECONDS_MIN: Final = 0.002
POLL_SECONDS_MAX: Final = 0.05

_REFUSE: Final = """
CREATE TRIGGER IF NOT EXISTS {table}_no_update BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS {table}_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""
SCHEMA: Final = (
    """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS events (
  position INTEGER PRIMARY KEY,
  recorded_at INTEGER NOT NULL,
  event_id BLOB NOT NULL CHECK (length(event_id) = 16),
  type TEXT NOT NULL,
  tags TEXT NOT NULL,
  metadata BLOB NOT NULL,
  data BLOB NOT NULL,
  stream_id TEXT,
  stream_version INTEGER,
  key_hash BLOB,
  leaf BLOB NOT NULL CHECK (length(leaf) = 32)
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS events_event_id ON events (event_id);
CREATE UNIQUE INDEX IF NOT EXISTS events_key ON events (key_hash) WHERE key_hash IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS events_stream ON events (stream_id, stream_version)
  WHERE stream_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS event_tags (
  tag TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (tag, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoints (
  size INTEGER PRIMARY KEY, root BLOB NOT NULL, note TEXT NOT NULL, recorded_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS probe (id INTEGER PRIMARY KEY, tried INTEGER NOT NULL) STRICT;
CREATE TRIGGER IF NOT EXISTS events_in_order BEFORE INSERT ON events
WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM events)
BEGIN SELECT RAISE(ABORT, 'out of order'); END;
CREATE TRIGGER IF NOT EXISTS events_no_replace BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE event_id = NEW.event_id)
  OR (NEW.key_hash IS NOT NULL AND EXISTS (SELECT 1 FROM events WHERE key_hash = NEW.key_hash))
  OR (NEW.stream_id IS NOT NULL AND EXISTS (SELECT 1 FROM events
      WHERE stream_id = NEW.stream_id AND stream_version = NEW.stream_version))
BEGIN SELECT RAISE(ABORT, 'exists'); END;
CREATE TRIGGER IF NOT EXISTS checkpoints_no_replace BEFORE INSERT ON checkpoints
WHEN EXISTS (SELECT 1 FROM checkpoints WHERE size = NEW.size)
BEGIN SELECT RAISE(ABORT, 'exists'); END;
"""
    + "".join(_REFUSE.format(table=t) for t in ("events", "event_tags", "checkpoints"))
    + "COMMIT;"
)

COLUMNS: Final = (
    "position, recorded_at, event_id, type, tags, metadata, data,"
    " stream_id, stream_version, key_hash, leaf"
)
SELECT_ROWS: Final = f"SELECT {COLUMNS} FROM events e"
INSERT_EVENT: Final = f"INSERT INTO events ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
INSERT_TAG: Final = "INSERT INTO event_tags (tag, position) VALUES (?, ?)"


def matching_sql(
    columns: str, items: Sequence[QueryItem], after: int, limit: int | None
) -> tuple[str, list[object]]:
    """Return SQL and parameters for rows that match any item, in order of position."""
    parts, parameters = [], []
    for item in items:
        sql, values = _item_sql(item, after)
        parts.append(sql)
        parameters += values
    chosen = " UNION ".join(parts)
    sql = f"SELECT {columns} FROM events e WHERE e.position IN ({chosen}) ORDER BY e.position"
    if limit is not None:
        sql += " LIMIT ?"
        parameters.append(limit)
    return sql, parameters


def _item_sql(item: QueryItem, after: int) -> tuple[str, list[object]]:
    types = ",".join("?" * len(item.types))
    if not item.tags:
        kinds = f" AND type IN ({types})" if item.types else ""
        return f"SELECT position FROM events WHERE position > ?{kinds}", [after, *item.types]
    joins = "".join(
        f" JOIN event_tags t{n} ON t{n}.position = t0.position AND t{n}.tag = ?"
        for n in range(1, len(item.tags))
    )
    kinds = f" JOIN events k ON k.position = t0.position AND k.type IN ({types})" if types else ""
    sql = (
        f"SELECT t0.position FROM event_tags t0{joins}{kinds} WHERE t0.tag = ? AND t0.position > ?"
    )
    values: list[object] = [*item.tags[1:], *item.types, item.tags[0], after]
    return sql, values
