"""Files as they come: packed, in old encodings, with odd delimiters, or broken; never guessed."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.imports import reading
from api.imports.reading import File, decoded, open_file, sheet_of
from api.imports.tables import Column, Dialect
from domain.errors import Refused
from tests.imports.registers import COLUMNS, HEADER, Desk, mapping

ROW = "1,2010-02-03,TMF,KAB,Udlejning\n"


def sheet(content: bytes, dialect: Dialect | None = None, **columns: Column) -> reading.Sheet:
    return sheet_of(File("x.csv", "", 0, content), dialect or Dialect(), columns)


def why(content: bytes, dialect: Dialect | None = None, **columns: Column) -> object:
    with pytest.raises(Refused) as refused:
        sheet(content, dialect, **columns)
    assert refused.value.code == "import_file_unreadable"
    assert refused.value.params["why"] in reading.FILE_REASONS
    return refused.value.params["why"]


def test_a_packed_file_is_the_same_file(desk: Desk) -> None:
    plain = desk.run(HEADER + ROW)
    packed = desk.run(gzip.compress((HEADER + ROW).encode()), name="sheet.csv.gz")
    assert (plain.contacts_made, packed.contacts_present) == (1, 1)
    assert plain.file_sha256 != packed.file_sha256


def test_a_broken_package_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n" * 1000)
    for broken in (whole[:-9], whole[:20] + b"\xff" * 9 + whole[29:], b"\x1f\x8b"):
        (tmp_path / "x.gz").write_bytes(broken)
        with pytest.raises(Refused, match="gzip_broken"):
            open_file(tmp_path / "x.gz")


def test_a_file_at_the_limit_is_read_and_one_byte_more_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FILE_BYTES_MAX", 100)
    for content in (b"x" * 100, gzip.compress(b"x" * 100)):
        (tmp_path / "x").write_bytes(content)
        assert len(open_file(tmp_path / "x").content) == 100
    for content in (b"x" * 101, gzip.compress(b"x" * 101)):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(Refused, match="file_too_large"):
            open_file(tmp_path / "x")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(Refused, match="file_missing"):
            open_file(path)


@pytest.mark.parametrize(
    ("written", "tried", "used"),
    [
        ("utf-8", ["utf-8-sig", "windows-1252"], "utf-8-sig"),
        ("utf-8-sig", ["utf-8"], "utf-8"),
        ("windows-1252", ["utf-8-sig", "windows-1252"], "windows-1252"),
        ("iso-8859-1", ["utf-8-sig", "iso-8859-1"], "iso-8859-1"),
        ("utf-16", ["utf-8-sig", "utf-16"], "utf-16"),
        ("utf-16", ["iso-8859-1", "utf-16"], "utf-16"),
        ("utf-8", ["utf-16", "utf-8"], "utf-8"),
        ("utf-16-le", ["utf-8", "utf-16", "utf-16-le"], "utf-16-le"),
        ("utf-16-be", ["utf-16", "utf-16-be"], "utf-16-be"),
    ],
)
def test_encodings_are_tried_in_order_and_never_replace(
    written: str, tried: list[str], used: str
) -> None:
    text = "navn,by\nSøren Ærø,Ålborg\n"
    assert decoded(text.encode(written), tried) == (text, used)


def test_bytes_that_fit_no_encoding_are_refused() -> None:
    assert why(b"a\n\xe6\n") == "encoding_unknown"
    assert why(b"a\n\x81\n", Dialect(encodings=["utf-8", "windows-1252"])) == "encoding_unknown"


def test_utf_16_without_its_mark_is_not_guessed() -> None:
    even = "navn,by\n".encode("utf-16-le")
    assert why(even, Dialect(encodings=["utf-16"])) == "encoding_unknown"
    assert why(even, Dialect(encodings=["utf-16", "utf-8"])) == "nul_character"
    marked = b"\xff\xfe" + even
    assert decoded(marked, ["utf-16-le"]) == ("navn,by\n", "utf-16-le")


def test_a_nul_is_refused() -> None:
    assert why(b"a,b\n1,\x002\n") == "nul_character"


def test_an_empty_file_is_refused() -> None:
    assert {why(b""), why(b"\n \r\n"), why(b"\xef\xbb\xbf")} == {"file_empty"}


def test_a_quote_never_closed_is_refused_and_does_not_swallow_the_file() -> None:
    assert why(b'a,b\n1,"2\n3,4\n') == "csv_broken"
    assert why(b'a,b\n1,"2"x\n') == "csv_broken"
    assert sheet(b'a,b\n1,"2"x\n', Dialect(quotes="lax")).rows == [["1", "2x"]]


def test_the_first_delimiter_that_gives_the_columns_is_used() -> None:
    dialect = Dialect(delimiters=[",", ";", "\t", "|"])
    column = Column(header=["b"])
    for mark in ",;\t|":
        content = f"a{mark}b\n1{mark}2\n".encode()
        found = sheet(content, dialect, b=column)
        assert (found.delimiter, found.rows, found.places) == (mark, [["1", "2"]], {"b": 1})
    assert why(b"a:b\n", dialect, b=column) == "column_missing"


def test_a_column_is_found_by_any_of_its_names() -> None:
    column = Column(header=["Name of Organisation", "Name of External Organisation"])
    found = sheet(b"x, name  of external ORGANISATION \n1,2\n", name=column)
    assert found.places == {"name": 1}
    exact = Dialect(match="exact")
    assert why(b"x,name of organisation\n", exact, name=column) == "column_missing"
    both = b"Name of Organisation,Name of External Organisation\n"
    assert why(both, name=column) == "column_ambiguous"


def test_a_column_is_found_by_its_position_and_may_be_optional() -> None:
    assert sheet(b"a,b\n", second=Column(position=2)).places == {"second": 1}
    assert why(b"a,b\n", third=Column(position=3)) == "column_missing"
    assert sheet(b"a,b\n", third=Column(position=3, optional=True)).places == {}


def test_columns_the_mapping_does_not_name_may_be_refused() -> None:
    strict = Dialect(unnamed_columns="refuse")
    assert why(b"a,b\n", strict, a=Column(header=["a"])) == "column_unnamed"
    assert sheet(b"a,,\n", strict, a=Column(header=["a"])).places == {"a": 0}


def test_lines_above_the_table_are_skipped_and_rows_keep_their_numbers() -> None:
    found = sheet(b'A title, "odd\n\na,b\n1,2\n', Dialect(skip_lines=2), a=Column(header=["a"]))
    assert (found.first_row, found.rows) == (4, [["1", "2"]])
    found = sheet(b"title\n\na,b\n1,2\n", Dialect(header=3), a=Column(header=["a"]))
    assert (found.first_row, found.rows) == (4, [["1", "2"]])


def test_a_file_without_header_is_read_by_given_names_or_positions() -> None:
    named = Dialect(header=0, names=["a", "b"])
    assert sheet(b"1,2\n", named, b=Column(header=["b"])).places == {"b": 1}
    assert sheet(b"1,2\n", Dialect(header=0), b=Column(position=2)).rows == [["1", "2"]]
    assert why(b"x\n", Dialect(header=3)) == "header_missing"


def test_rows_and_columns_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ROWS_MAX", 3)
    monkeypatch.setattr(reading, "COLUMNS_MAX", 3)
    assert len(sheet(b"a,b,c\n" * 3).rows) == 2
    assert why(b"a\n" * 4) == "too_many_rows"
    assert why(b"a,b,c,d\n") == "too_many_columns"


def test_a_cell_longer_than_the_limit_refuses_its_row(desk: Desk) -> None:
    facts = mapping('[facts]\ncolumn = "more"\nlong = "cut"', columns=COLUMNS + 'more = "more"\n')
    head = HEADER.strip() + ",more\n"
    at = ROW.strip() + "," + "x" * reading.CELL_CHARS_MAX + "\n"
    assert desk.run(head + at, facts).flagged == {"cut_facts": 1}
    over = ROW.strip().replace("1,", "2,", 1) + "," + "x" * (reading.CELL_CHARS_MAX + 1) + "\n"
    assert desk.run(head + over, facts).refused == {"cell_too_long:row": 1}


def test_short_and_long_rows_are_padded_or_refused(desk: Desk) -> None:
    columns = COLUMNS + 'more = "more"\n'
    content = HEADER.strip() + ",more\n" + ROW + ROW.strip().replace("1,", "2,", 1) + ",a,b\n"
    assert desk.run(content, mapping(columns=columns)).contacts_made == 2
    strict = mapping('[file]\nshort_rows = "refuse"\nextra_cells = "refuse"', columns=columns)
    assert desk.run(content, strict).refused == {"row_short:row": 1, "row_long:row": 1}
    again = content.replace("\n1,", "\n3,").replace("\n2,", "\n4,")
    flagged = desk.run(again, mapping('[file]\nextra_cells = "flag"', columns=columns))
    assert flagged.flagged == {"extra_cells": 1}


@pytest.mark.data
def test_quoting_and_line_breaks_are_read_as_csv_spectrum_expects(shared_data: Path) -> None:
    folder = shared_data / "nasty" / "csv-spectrum"
    for path in sorted(folder.glob("*.csv")):
        expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        found = sheet_of(open_file(path), Dialect(), {})
        rows = [dict(zip(found.header, row, strict=False)) for row in found.rows]
        if path.name != "location_coordinates.csv":  # its expected names are trimmed
            assert rows == expected, path.name


@pytest.mark.data
def test_no_horror_of_csv_is_more_than_a_refusal(shared_data: Path, desk: Desk) -> None:
    made = 0
    text = mapping(
        "[file]\nencodings = ['utf-8-sig', 'utf-16', 'windows-1252']\n"
        "delimiters = [',', ';', '|', '\\t']\nheader = 0".replace("'\\t'", '"\\t"'),
        columns="[columns]\n"
        + "".join(f"{n} = 1\n" for n in ("id", "date", "who", "with", "about")),
    )
    for path in sorted((shared_data / "nasty" / "csv-horror").iterdir()):
        try:
            report = desk.run(path.read_bytes(), text, name=path.name)
        except Refused as refused:
            assert refused.params["why"] in reading.FILE_REASONS  # noqa: PT017 both ways are right
        else:
            made += report.rows_refused
    assert made > 100


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_a_refusal(content: bytes) -> None:
    dialect = Dialect(encodings=["utf-8-sig", "utf-16", "iso-8859-1"], delimiters=[",", ";"])
    try:
        sheet(content, dialect, a=Column(position=1))
    except Refused as refused:
        assert refused.params["why"] in reading.FILE_REASONS  # noqa: PT017 both ways are right


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_characters="\x00", codec="utf-8")), min_size=2, max_size=4
        ),
        min_size=1,
    )
)
def test_what_is_written_as_csv_is_read_back(rows: list[list[str]]) -> None:
    target = io.StringIO(newline="")
    csv.writer(target).writerows([["a", "b"], *rows])
    assert sheet(target.getvalue().encode()).rows == rows
