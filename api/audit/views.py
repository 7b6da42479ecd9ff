"""Builds every view anew from the log, beside the live one, and compares the two row by row.

The live views are only read. The new ones are made by the product's own runner in a folder that
is thrown away, from rows that the audit reads itself.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple, Protocol, cast

import psycopg

from api.audit.faults import Fault, Findings
from api.audit.source import PAGE_ROWS, Source
from domain.errors import Unavailable
from domain.log.codec import Codec
from domain.log.port import Log, StoredRow
from projections.postgres import SCHEMA
from projections.registry import View
from projections.runner import Runner

_SQLITE: Final = "sqlite:///"
_STATES: Final = (
    "SELECT name, version, suffix, position, error FROM tracking"
    " WHERE name IS NOT NULL AND state = 'active' ORDER BY name"
)


class Serving(NamedTuple):
    """The generation of a view that answers questions."""

    name: str
    version: int
    suffix: str
    position: int
    error: str | None


class ViewRows(Protocol):
    """The rows of a views' database, read only."""

    def serving(self) -> list[Serving]:
        """Return the serving generations."""
        ...

    def tables(self, suffix: str) -> dict[str, list[str]]:
        """Return the tables of a generation without the suffix, and their columns."""
        ...

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield a table's rows ordered by all columns, NULL first."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class SqliteViews:
    """The views in an SQLite file."""

    def __init__(self, path: Path) -> None:
        """Raises Unavailable when there is no such file."""
        if not path.is_file():
            raise Unavailable("store_unavailable", reason="no such file")
        uri = f"{path.absolute().as_uri()}?mode=ro"
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        self._connection.execute("PRAGMA query_only=ON")
        self._connection.execute("BEGIN")

    def serving(self) -> list[Serving]:
        """Return the serving generations."""
        return [Serving(*row) for row in self._connection.execute(_STATES)]

    def tables(self, suffix: str) -> dict[str, list[str]]:
        """Return the tables of a generation without the suffix, and their columns."""
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        names = [str(name) for (name,) in self._connection.execute(sql)]
        columns = "SELECT name FROM pragma_table_info(?) ORDER BY cid"
        return {
            name.removesuffix(suffix): [c for (c,) in self._connection.execute(columns, (name,))]
            for name in names
            if name.endswith(f"_{suffix}")
        }

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield a table's rows ordered by all columns, NULL first."""
        yield from self._connection.execute(_ordered(f'"{table}"', columns))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class PostgresViews:
    """The views in their schema of a PostgreSQL database."""

    def __init__(self, conninfo: str) -> None:
        """Raises Unavailable when the database cannot be reached or holds no views."""
        try:
            self._connection = psycopg.connect(conninfo)
            self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self._connection.read_only = True
            self._connection.execute(f"SET LOCAL search_path = {SCHEMA}".encode())
            self._connection.execute("SELECT 1 FROM tracking LIMIT 1")
        except psycopg.Error as error:
            raise Unavailable("store_unavailable", reason=type(error).__name__) from error

    def serving(self) -> list[Serving]:
        """Return the serving generations."""
        return [Serving(*row) for row in self._connection.execute(_STATES)]

    def tables(self, suffix: str) -> dict[str, list[str]]:
        """Return the tables of a generation without the suffix, and their columns."""
        sql = (
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = %s ORDER BY table_name, ordinal_position"
        )
        found: dict[str, list[str]] = {}
        for table, column in self._connection.execute(sql, (SCHEMA,)):
            if table.endswith(f"_{suffix}"):
                found.setdefault(table.removesuffix(suffix), []).append(column)
        return found

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield a table's rows ordered by all columns, NULL first."""
        with self._connection.cursor("audit_view") as cursor:
            cursor.itersize = PAGE_ROWS
            cursor.execute(_ordered(f'{SCHEMA}."{table}"', columns).encode(), binary=True)
            yield from cursor

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def opened(url: str) -> ViewRows:
    """Open the views' database for reading; raises Unavailable when there is none."""
    if url.startswith(_SQLITE):
        return SqliteViews(Path(url.removeprefix(_SQLITE)))
    return PostgresViews(url)


class Prefix:
    """The log up to a position, as far as the runner asks for it: `rows`, `head` and `wait`."""

    def __init__(self, source: Source, position: int) -> None:
        """`source` stays the caller's to close."""
        self._source = source
        self._position = position

    def head(self) -> int:
        """Return the position where this log ends."""
        return self._position

    def rows(self, after: int, limit: int) -> list[StoredRow]:
        """Return rows after a position, none beyond the end."""
        wanted = min(limit, self._position - after)
        return [StoredRow(*row) for row in self._source.rows(after, wanted)] if wanted > 0 else []

    def wait(self, after: int, seconds: float) -> bool:  # noqa: ARG002  the port's signature
        """Return at once: this log does not grow."""
        return self._position > after


def compare(
    source: Source, codec: Codec, live: ViewRows, views: Iterable[View], findings: Findings
) -> int:
    """Compare all views with new ones built from the log; return how many were compared."""
    by_name = {view.name: view for view in views}
    serving = {state.name: state for state in live.serving()}
    for name in sorted(by_name.keys() - serving.keys()):
        findings.add(Fault("view_missing", detail=name))
    groups: dict[int, list[View]] = {}
    for name in sorted(serving.keys() & by_name.keys()):
        state = serving[name]
        if state.version != by_name[name].version:
            findings.warn("view_not_compared", f"{name}: version {state.version}")
            continue
        if state.error is not None:
            findings.warn("view_parked", f"{name}: {state.error}")
        elif state.position < source.head():
            findings.warn("view_behind", f"{name}: {state.position}")
        # A live view may know more than the picture of the log that is audited.
        groups.setdefault(state.position, []).append(by_name[name])
    for position, group in sorted(groups.items()):
        if position > source.head():
            names = ", ".join(view.name for view in group)
            findings.warn("view_not_compared", f"{names}: ahead, {position}")
        else:
            _compare_at(Prefix(source, position), codec, live, group, findings)
    return sum(len(group) for position, group in groups.items() if position <= source.head())


def _compare_at(
    log: Prefix, codec: Codec, live: ViewRows, views: Sequence[View], findings: Findings
) -> None:
    from projections.storage import open_views  # noqa: PLC0415  brings a library that is slow

    with TemporaryDirectory(prefix="kontaktlog-audit-") as folder:
        path = Path(folder) / "views.db"
        with closing(open_views(f"{_SQLITE}{path}")) as store:
            Runner(cast("Log", log), codec, store, views).catch_up()
        with closing(SqliteViews(path)) as fresh:
            made = {state.name: state for state in fresh.serving()}
            kept = {state.name: state for state in live.serving()}
            for view in views:
                if view.name not in made:
                    findings.warn("view_not_compared", f"{view.name}: cannot be built")
                    continue
                _compare_view(fresh, made[view.name], live, kept[view.name], findings)


def _compare_view(
    fresh: ViewRows, made: Serving, live: ViewRows, kept: Serving, findings: Findings
) -> None:
    wanted, found = fresh.tables(made.suffix), live.tables(kept.suffix)
    for table in sorted(wanted):
        if table not in found:
            findings.add(Fault("view_missing", detail=table.rstrip("_")))
            continue
        if wanted[table] != found[table]:
            # An index that each database keeps in its own way, such as that of the search.
            findings.warn("view_not_compared", table.rstrip("_"))
            continue
        columns = wanted[table]
        rows = (
            fresh.rows(table + made.suffix, columns),
            live.rows(table + kept.suffix, columns),
        )
        for fault in _differences(table.rstrip("_"), columns, *rows):
            findings.add(fault)


def _differences(
    table: str,
    columns: Sequence[str],
    wanted: Iterator[tuple[Any, ...]],
    found: Iterator[tuple[Any, ...]],
) -> Iterator[Fault]:
    """Merge two ordered lists of rows and yield what only one of them has."""
    want, have = next(wanted, None), next(found, None)
    while want is not None or have is not None:
        if want is not None and have is not None and _key(want) == _key(have):
            want, have = next(wanted, None), next(found, None)
        elif have is None or (want is not None and _key(want) < _key(have)):
            yield Fault("view_row_missing", _position(columns, want), None, table)
            want = next(wanted, None)
        else:
            yield Fault("view_row_extra", _position(columns, have), None, table)
            have = next(found, None)


def _key(row: tuple[Any, ...]) -> tuple[tuple[bool, Any], ...]:
    """Order rows as the databases do: NULL first, text by its bytes."""
    return tuple(
        (value is not None, value.encode() if isinstance(value, str) else value) for value in row
    )


def _position(columns: Sequence[str], row: tuple[Any, ...] | None) -> int | None:
    """Return the position a row came from, where the view keeps it."""
    if row is None:
        return None
    for name in ("from_position", "position"):
        if name in columns:
            value = row[list(columns).index(name)]
            return value if isinstance(value, int) else None
    return None


def _ordered(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    order = ", ".join(f'"{column}" IS NOT NULL, "{column}"' for column in columns)
    return f"SELECT {names} FROM {table} ORDER BY {order}"  # noqa: S608  names of the catalogue
