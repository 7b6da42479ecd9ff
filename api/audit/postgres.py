"""Reads a PostgreSQL log for the audit, with connections and SQL of its own.

All questions are asked in one repeatable-read, read-only transaction. Column types fix the class of
each value, so the schema is held against the released one, functions included.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from api.audit.faults import Fault
from api.audit.postgres_released import RELEASED, released_functions
from api.audit.source import PAGE_ROWS, Aside, StoredCheckpoint, schema_faults
from domain.errors import Broken, Unavailable

CONNECT_SECONDS: Final = 10
_ROWS: Final = (
    "SELECT position, recorded_at, event_id, type, tags, metadata, data, stream_id,"
    " stream_version, key_hash, leaf FROM kontaktlog.events WHERE position > %s ORDER BY position"
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
_TAGS_MATCHED: Final = (
    "SELECT count(*) FROM kontaktlog.events e"
    " CROSS JOIN LATERAL jsonb_array_elements_text(e.tags::jsonb) j(tag)"
    " JOIN kontaktlog.event_tags t ON t.tag = j.tag AND t.position = e.position"
    " WHERE e.position BETWEEN 1 AND %s"
)
_TAGS_LISTED: Final = "SELECT count(*) FROM kontaktlog.event_tags WHERE position <= %s"
# One line for each thing of the schema: what it is and its name, a colon, its definition.
_CATALOGUE: Final = """
SELECT 'table ' || c.relname || ': ' || c.relkind::text || c.relpersistence::text
    || CASE WHEN c.relrowsecurity THEN ' row security' ELSE '' END
    || CASE WHEN c.relhassubclass THEN ' children' ELSE '' END
  FROM pg_class c WHERE c.relnamespace = 'kontaktlog'::regnamespace AND c.relkind <> 'i'
UNION ALL
SELECT 'column ' || c.relname || '.' || a.attname || ': ' || a.attnum || ' '
    || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
    || coalesce(' collate ' || nullif(l.collname, 'default'), '')
    || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  LEFT JOIN pg_collation l ON l.oid = a.attcollation
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE c.relnamespace = 'kontaktlog'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'constraint ' || coalesce(c.relname || '.', '') || o.conname || ': '
    || pg_get_constraintdef(o.oid) || CASE WHEN o.convalidated THEN '' ELSE ' not valid' END
  FROM pg_constraint o LEFT JOIN pg_class c ON c.oid = o.conrelid
  WHERE o.connamespace = 'kontaktlog'::regnamespace AND o.contype NOT IN ('n', 't')
UNION ALL
SELECT 'index ' || c.relname || ': ' || pg_get_indexdef(c.oid)
    || CASE WHEN i.indisvalid AND i.indisready AND i.indislive THEN '' ELSE ' not valid' END
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE c.relnamespace = 'kontaktlog'::regnamespace
UNION ALL
SELECT 'trigger ' || c.relname || '.' || t.tgname || ': ' || t.tgenabled::text || ' '
    || pg_get_triggerdef(t.oid)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  WHERE c.relnamespace = 'kontaktlog'::regnamespace AND NOT t.tgisinternal
UNION ALL
SELECT 'rule ' || r.tablename || '.' || r.rulename || ': ' || r.definition
  FROM pg_rules r WHERE r.schemaname = 'kontaktlog' AND r.rulename <> '_RETURN'
UNION ALL
SELECT 'policy ' || p.tablename || '.' || p.policyname || ': ' || coalesce(p.qual, '')
  FROM pg_policies p WHERE p.schemaname = 'kontaktlog'
UNION ALL
SELECT 'right ' || lower(g.privilege_type) || ' on ' || g.table_name || ' for ' || g.grantee || ': '
  FROM information_schema.role_table_grants g
  JOIN pg_class c ON c.relnamespace = 'kontaktlog'::regnamespace AND c.relname = g.table_name
  WHERE g.table_schema = 'kontaktlog' AND g.privilege_type <> 'SELECT'
    AND g.grantee <> pg_get_userbyid(c.relowner)
"""
# Numbered, so that a second function of the same name and arity has a line of its own.
_FUNCTIONS: Final = """
SELECT 'function ' || p.proname || '/' || p.pronargs || '#'
    || row_number() OVER (PARTITION BY p.proname, p.pronargs ORDER BY p.oid) || ': '
    || l.lanname || CASE WHEN p.prosecdef THEN ' definer ' ELSE ' invoker ' END
    || coalesce(array_to_string(p.proconfig, ','), '') || ' '
    || encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex')
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
  WHERE p.pronamespace = 'kontaktlog'::regnamespace
"""


class PostgresSource:
    """One consistent picture of one database; needs no right but to read."""

    def __init__(self, conninfo: str) -> None:
        """Raises Unavailable when the database cannot be reached or holds no log."""
        self._conninfo = conninfo
        self._connection = _opened(conninfo)
        try:
            found = self._one("SELECT coalesce(max(position), 0) FROM kontaktlog.events")
        except psycopg.errors.UndefinedTable as error:
            self.close()
            raise Unavailable("store_unavailable", reason="no log here") from error
        self._head = int(found[0])
        self._snapshot = str(self._one("SELECT pg_export_snapshot()")[0])

    def head(self) -> int:
        """Return the highest position, 0 when there is none."""
        return self._head

    def pages(self) -> Iterator[list[tuple[Any, ...]]]:
        """Yield all rows in order of position, a page at a time from a cursor of the server."""
        with _translated(), self._connection.cursor("audit_rows", row_factory=tuple_row) as cursor:
            cursor.itersize = PAGE_ROWS
            cursor.execute(_ROWS, (-(2**63),), binary=True)
            while page := cursor.fetchmany(PAGE_ROWS):
                yield page

    def rows(self, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Return rows with position > after, in order, at most `limit`."""
        with _translated():
            sql = f"{_ROWS} LIMIT %s".encode()
            return self._connection.execute(sql, (after, limit), binary=True).fetchall()

    def checkpoints(self) -> Iterator[StoredCheckpoint]:
        """Yield the published checkpoints in order of size."""
        sql = "SELECT size, root, note, recorded_at FROM kontaktlog.checkpoints ORDER BY size"
        yield from map(StoredCheckpoint._make, self._stream("audit_checkpoints", sql))

    def tags_in_order(self) -> Iterator[tuple[int, Any]]:
        """Yield position and tag of every row of `event_tags`, by position."""
        sql = 'SELECT position, tag FROM kontaktlog.event_tags ORDER BY position, tag COLLATE "C"'
        yield from self._stream("audit_tags", sql)

    def tag_columns(self) -> Iterator[tuple[int, Any]]:
        """Yield position and column `tags` of every event, by position."""
        sql = "SELECT position, tags FROM kontaktlog.events WHERE position > 0 ORDER BY position"
        yield from self._stream("audit_columns", sql)

    def aside(self) -> Aside:
        """Return what the database finds, in the same picture on a second connection."""
        with _opened(self._conninfo) as connection:
            connection.execute(f"SET TRANSACTION SNAPSHOT '{self._snapshot}'".encode())
            faults = [*_schema(connection), *_repeated(connection), *_indexes(connection)]
            try:
                with connection.transaction():
                    matched = _number(connection, _TAGS_MATCHED, (self._head,))
            except psycopg.DataError:  # a column `tags` that is no JSON
                return Aside(faults)
            listed = _number(connection, _TAGS_LISTED, (2**63 - 1,))
            return Aside(faults, matched, listed)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _stream(self, name: str, sql: str) -> Iterator[tuple[Any, ...]]:
        with _translated(), self._connection.cursor(name, row_factory=tuple_row) as cursor:
            cursor.itersize = PAGE_ROWS
            yield from cursor.execute(sql.encode(), binary=True)

    def _one(self, sql: str) -> tuple[Any, ...]:
        found = self._connection.execute(sql.encode()).fetchone()
        if found is None:
            raise Unavailable("store_unavailable", reason="no answer")
        return found


def catalogue(connection: "psycopg.Connection[tuple[Any, ...]]") -> list[str]:
    """Return what the schema `kontaktlog` consists of, without its functions."""
    # Names are written with their schema only where the search path does not lead there.
    connection.execute("SET LOCAL search_path = pg_catalog")
    return sorted(str(row[0]) for row in connection.execute(_CATALOGUE.encode()))


def functions(connection: "psycopg.Connection[tuple[Any, ...]]") -> list[str]:
    """Return the functions of the schema with the SHA-256 of their text."""
    return sorted(str(row[0]) for row in connection.execute(_FUNCTIONS.encode()))


def _opened(conninfo: str) -> "psycopg.Connection[tuple[Any, ...]]":
    try:
        connection = psycopg.connect(conninfo, connect_timeout=CONNECT_SECONDS)
    except psycopg.Error as error:
        raise Unavailable("store_unavailable", reason=type(error).__name__) from error
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


@contextmanager
def _translated() -> Iterator[None]:
    """Tell a database that is away (Unavailable) from one that is not as it should be."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable("store_unavailable", reason=type(error).__name__) from error
    except psycopg.Error as error:
        raise Broken("log_broken", reason=type(error).__name__) from error


def _schema(connection: "psycopg.Connection[tuple[Any, ...]]") -> Iterator[Fault]:
    found = [*catalogue(connection), *functions(connection)]
    yield from schema_faults(found, [*RELEASED, *released_functions()])


def _repeated(connection: "psycopg.Connection[tuple[Any, ...]]") -> Iterator[Fault]:
    """Look for values that repeat by sorting the rows: the unique index is not believed."""
    _prefer(connection, index=False)
    for kind, column, group, where in _REPEATED:
        sql = (
            f"SELECT min(position), max(position) FROM kontaktlog.events WHERE {where}"  # noqa: S608
            f" GROUP BY {group} HAVING count(*) > 1"
        )
        for first, last in connection.execute(sql.encode()):
            yield Fault(kind, last, column, f"also at {first}")


def _indexes(connection: "psycopg.Connection[tuple[Any, ...]]") -> Iterator[Fault]:
    """Count each index's entries through the index and through the table."""
    for name, column, table, where in (
        ("events_pkey", "position", "events", "position IS NOT NULL"),
        ("events_event_id", "event_id", "events", "event_id IS NOT NULL"),
        ("events_key", "key_hash", "events", "key_hash IS NOT NULL"),
        ("events_stream", "stream_id", "events", "stream_id IS NOT NULL"),
        ("event_tags_pkey", "tag", "event_tags", "tag IS NOT NULL"),
    ):
        counts = []
        for index in (False, True):
            _prefer(connection, index=index)
            inner = f"SELECT {column} FROM kontaktlog.{table} WHERE {where} ORDER BY {column}"  # noqa: S608
            counts.append(_number(connection, f"SELECT count(*) FROM ({inner} OFFSET 0) x"))  # noqa: S608
        if counts[0] != counts[1]:
            detail = f"{name}: {counts[1]} entries, {counts[0]} rows"
            yield Fault("index_damaged", detail=detail)
    _prefer(connection, index=True, table=True)


def _prefer(
    connection: "psycopg.Connection[tuple[Any, ...]]", *, index: bool, table: bool | None = None
) -> None:
    is_table = (not index) if table is None else table
    for name, is_on in (
        ("enable_indexscan", index),
        ("enable_indexonlyscan", index),
        ("enable_bitmapscan", index),
        ("enable_seqscan", is_table),
        ("enable_sort", is_table),
    ):
        connection.execute(f"SET LOCAL {name} = {'on' if is_on else 'off'}".encode())


def _number(
    connection: "psycopg.Connection[tuple[Any, ...]]", sql: str, parameters: Sequence[object] = ()
) -> int:
    found = connection.execute(sql.encode(), parameters).fetchone()
    return int(found[0]) if found else 0
