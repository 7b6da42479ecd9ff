"""A register's file as rows of text: opened, unpacked, decoded and cut, within limits.

Nothing is ever replaced or guessed: a byte that does not fit the encoding, a NUL or an open quote
is a refusal, because a silently changed register would be false evidence.
"""

import codecs
import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.imports.tables import COLUMNS_MAX, Column, Dialect
from domain.errors import Refused

FILE_BYTES_MAX: Final = 256 * 1024 * 1024
"""Of the file and of what it unpacks to; a register is read whole, as rows may belong together."""
ROWS_MAX: Final = 1_000_000
CELL_CHARS_MAX: Final = 100_000
"""Below the csv module's own limit of 131,072, which is the process's and not ours to change."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_UTF_16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CHUNK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class File:
    """A file as it lies on the disk (`sha256`, `size`), and unpacked."""

    name: str
    sha256: str
    size: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file cut into rows. `places` maps a mapping's column to its place in a row.

    `first_row` is the number of `rows[0]` as a spreadsheet would show it.
    """

    rows: list[list[str]]
    header: list[str]
    first_row: int
    places: dict[str, int]
    encoding: str
    delimiter: str


def unreadable(why: str, **details: str | int) -> Refused:
    """Return the refusal of a whole file; `why` is one of `FILE_REASONS`."""
    return Refused("import_file_unreadable", (), why=why, **details)


FILE_REASONS: Final = (
    "file_missing",
    "file_too_large",
    "file_empty",
    "gzip_broken",
    "encoding_unknown",
    "nul_character",
    "csv_broken",
    "too_many_rows",
    "too_many_columns",
    "header_missing",
    "column_missing",
    "column_ambiguous",
    "column_unnamed",
    "file_name_unmatched",
)


def open_file(path: Path) -> File:
    """Read a file, unpacking gzip by its first bytes; raises Refused."""
    try:
        with path.open("rb") as source:
            raw = source.read(FILE_BYTES_MAX + 1)
    except OSError:
        raise unreadable("file_missing", file=path.name) from None
    if len(raw) > FILE_BYTES_MAX:
        raise unreadable("file_too_large", file=path.name, bytes_max=FILE_BYTES_MAX)
    content = _unpacked(raw, path.name) if raw.startswith(_GZIP_MAGIC) else raw
    return File(path.name, hashlib.sha256(raw).hexdigest(), len(raw), content)


def _unpacked(raw: bytes, name: str) -> bytes:
    chunks, size = [], 0
    try:
        with gzip.open(io.BytesIO(raw)) as packed:
            while chunk := packed.read(_CHUNK_BYTES):
                chunks.append(chunk)
                size += len(chunk)
                if size > FILE_BYTES_MAX:
                    raise unreadable("file_too_large", file=name, bytes_max=FILE_BYTES_MAX)
    except (OSError, EOFError, zlib.error):
        raise unreadable("gzip_broken", file=name) from None
    return b"".join(chunks)


def decoded(content: bytes, encodings: Sequence[str]) -> tuple[str, str]:
    """Return the text and the first encoding that fits all of it; a leading BOM is left out.

    UTF-16 read as UTF-8 gives NULs, so a NUL also means "not this encoding".
    """
    why = "encoding_unknown"
    for encoding in encodings:
        if encoding == "utf-16" and not content.startswith(_UTF_16_MARKS):
            continue  # without its mark it would take any even number of bytes
        try:
            text = content.decode(encoding)
        except UnicodeError:
            continue
        if "\x00" in text:
            why = "nul_character"
            continue
        return text.removeprefix("\ufeff"), encoding
    raise unreadable(why, tried=", ".join(encodings))


def sheet_of(file: File, dialect: Dialect, columns: dict[str, Column]) -> Sheet:
    """Cut the file into rows under the first delimiter that gives every needed column."""
    text, encoding = decoded(file.content, dialect.encodings)
    if not text.strip():
        raise unreadable("file_empty")
    text = _without_lines(text, dialect.skip_lines)
    refusal: Refused | None = None
    for delimiter in dialect.delimiters:
        try:
            rows = _cut(text, delimiter, dialect)
            header, body = _headed(rows, dialect)
            places = _places(header, body, columns, dialect)
        except Refused as error:
            refusal = refusal or error
            continue
        first = dialect.skip_lines + len(rows) - len(body) + 1
        return Sheet(body, header, first, places, encoding, delimiter)
    raise refusal or unreadable("csv_broken")


def _without_lines(text: str, count: int) -> str:
    source = io.StringIO(text, newline="")
    for _ in range(count):
        source.readline()
    return source.read()


def _cut(text: str, delimiter: str, dialect: Dialect) -> list[list[str]]:
    strict = dialect.quotes == "strict"
    rows: list[list[str]] = []
    cutter = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        strict=strict,
    )
    try:
        for row in cutter:
            rows.append(row)
            if len(rows) > ROWS_MAX:
                raise unreadable("too_many_rows", rows_max=ROWS_MAX)
            if len(row) > COLUMNS_MAX:
                raise unreadable("too_many_columns", row=len(rows), columns_max=COLUMNS_MAX)
    except csv.Error:
        raise unreadable("csv_broken", row=dialect.skip_lines + len(rows) + 1) from None
    return rows


def _headed(rows: list[list[str]], dialect: Dialect) -> tuple[list[str], list[list[str]]]:
    if dialect.header == 0:
        return dialect.names, rows
    if len(rows) < dialect.header:
        raise unreadable("header_missing", row=dialect.header)
    return rows[dialect.header - 1], rows[dialect.header :]


def _places(
    header: list[str], body: list[list[str]], columns: dict[str, Column], dialect: Dialect
) -> dict[str, int]:
    """Return where each column of the mapping stands; raises Refused when one cannot be told."""
    folded = dialect.match == "casefold"
    titles = [_title(cell, folded) for cell in header]
    width = len(header) if dialect.header or header else max(map(len, body), default=0)
    places: dict[str, int] = {}
    for name, column in columns.items():
        if column.header is not None:
            wanted = {_title(title, folded) for title in column.header}
            found = [place for place, title in enumerate(titles) if title in wanted]
        elif column.position is not None:
            found = [column.position - 1] if column.position <= width else []
        else:
            continue
        if len(found) > 1:
            raise unreadable("column_ambiguous", column=name)
        if not found and not column.optional:
            raise unreadable("column_missing", column=name)
        if found:
            places[name] = found[0]
    if dialect.unnamed_columns == "refuse":
        spare = [p for p, title in enumerate(titles) if title and p not in places.values()]
        if spare:
            raise unreadable("column_unnamed", position=spare[0] + 1)
    return places


def _title(cell: str, folded: bool) -> str:  # noqa: FBT001 a private helper of two callers
    text = " ".join(cell.split())
    return text.casefold() if folded else text
