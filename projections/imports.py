"""Imports as rows (importer): which file was read with which mapping, and what came of it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from domain.log.codec import Fact
from domain.storage.clock import moment
from domain.values import instant_text
from projections.storage import OPEN, Reader, Tx

STARTED: Final = "import.started/1"
FINISHED: Final = "import.finished/1"


class Imports(NamedTuple):
    """A page of imports as ready JSON, newest first; `next` continues after it."""

    items: list[bytes]
    next: int | None


class ImportsView:
    """One row per import from its start, and another from its end on with the report."""

    name = "imports"
    version = 1
    types = frozenset({STARTED, FINISHED})

    def tables(self) -> tuple[str, ...]:
        """Return the DDL; `started` is the position of the import's start and orders the list."""
        return (
            (
                "CREATE TABLE import_{v} (import_id {text} NOT NULL, started {bigint} NOT NULL,"
                " from_position {bigint} NOT NULL, to_position {bigint} NOT NULL,"
                " file_sha256 {text} NOT NULL, body {blob} NOT NULL, mapping {text} NOT NULL,"
                " PRIMARY KEY (import_id, from_position))"
            ),
        )

    def indexes(self) -> tuple[str, ...]:
        """Return the index of the list and of `has this file been read`."""
        return (
            "CREATE INDEX import_started_{v} ON import_{v} (started)",
            "CREATE INDEX import_file_{v} ON import_{v} (file_sha256)",
        )

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Open a row at the start of an import; replace it by one with the report at the end."""
        for fact in facts:
            if fact.type == STARTED:
                self._started(tx, v, fact)
            else:
                self._finished(tx, v, fact)

    def _started(self, tx: Tx, v: str, fact: Fact) -> None:
        data = fact.data
        body = {
            "id": data["import_id"],
            "status": "started",
            "source": data["source"],
            "file_name": data["file_name"],
            "file_sha256": data["file_sha256"],
            "file_bytes": data["file_bytes"],
            "mapping_sha256": data["mapping_sha256"],
            "actor": fact.meta.get("actor"),
            "started_at": instant_text(moment(fact.recorded_at)),
            "finished_at": None,
            "report": None,
            "position": fact.position,
        }
        self._open(tx, v, fact, (fact.position, orjson.dumps(body), data["mapping"]))

    def _finished(self, tx: Tx, v: str, fact: Fact) -> None:
        import_id = fact.data["import_id"]
        open_row = tx.one(
            f"SELECT started, body, mapping FROM import_{v} WHERE import_id=? AND to_position=?",
            (import_id, OPEN),
        )
        if open_row is None:
            return
        tx.run(
            f"UPDATE import_{v} SET to_position=? WHERE import_id=? AND to_position=?",
            (fact.position, import_id, OPEN),
        )
        body = orjson.loads(open_row[1]) | {
            "status": "finished",
            "finished_at": instant_text(moment(fact.recorded_at)),
            "report": fact.data["report"],
            "position": fact.position,
        }
        self._open(tx, v, fact, (open_row[0], orjson.dumps(body), open_row[2]))

    def _open(self, tx: Tx, v: str, fact: Fact, row: tuple[int, bytes, str]) -> None:
        started, body, mapping = row
        key = (fact.data["import_id"], started, fact.position, OPEN, fact.data["file_sha256"])
        tx.run(f"INSERT INTO import_{v} VALUES (?,?,?,?,?,?,?)", (*key, body, mapping))


VIEW: Final = ImportsView()


def listing(reader: Reader, v: str, at: int, limit: int, after: int | None = None) -> Imports:
    """Return imports newest first, without their mappings; `after` is the `next` of a page."""
    rows = reader.all(
        f"SELECT started, body FROM import_{v} WHERE from_position<=? AND to_position>?"
        " AND started<? ORDER BY started DESC LIMIT ?",
        (at, at, OPEN if after is None else after, limit + 1),
    )
    page = rows[:limit]
    return Imports([bytes(row[1]) for row in page], page[-1][0] if len(rows) > limit else None)


def one(reader: Reader, v: str, at: int, import_id: str) -> bytes | None:
    """Return one import as JSON with its whole mapping, or None."""
    row = reader.one(
        f"SELECT body, mapping FROM import_{v}"
        " WHERE import_id=? AND from_position<=? AND to_position>?",
        (import_id, at, at),
    )
    if row is None:
        return None
    return orjson.dumps(orjson.loads(row[0]) | {"mapping": row[1]})


def finished_with(reader: Reader, v: str, at: int, file_sha256: str) -> list[str]:
    """Return ids of finished imports of the same file, newest first (was it read before)."""
    rows = reader.all(
        f"SELECT import_id, body FROM import_{v} WHERE file_sha256=?"
        " AND from_position<=? AND to_position>? ORDER BY started DESC",
        (file_sha256, at, at),
    )
    return [row[0] for row in rows if orjson.loads(row[1])["status"] == "finished"]
