"""Imports and custody: found again by the import, by the file, and by the clock's tag."""

from domain import custody, imports
from domain.custody import ClockSteppedBack
from domain.imports import ImportFinished, ImportStarted

STARTED = ImportStarted(
    import_id="i1",
    source="esdh",
    file_name="kontakter.csv",
    file_sha256="ab" * 32,
    file_bytes=7,
    mapping_sha256="cd" * 32,
    mapping="{}",
)
FINISHED = ImportFinished(import_id="i1", file_sha256="ab" * 32, report={"rows": 1, "by": {"x": 1}})


def test_a_second_run_of_the_same_file_is_recognised_by_the_file_itself() -> None:
    again = STARTED.model_copy(update={"import_id": "i2", "file_name": "andet navn.csv"})
    file = f"file:{'ab' * 16}"
    assert imports.tags_of(STARTED) == ["import:i1", file]
    assert imports.tags_of(again) == ["import:i2", file]


def test_an_import_s_end_stands_with_its_beginning() -> None:
    assert imports.tags_of(FINISHED) == imports.tags_of(STARTED)


def test_a_tag_tells_nothing_of_the_file_s_name_or_mapping() -> None:
    assert "kontakter" not in "".join(imports.tags_of(STARTED))


def test_every_step_of_the_clock_is_found_under_one_tag() -> None:
    event = ClockSteppedBack(previous="x", observed="y", seconds=3)
    assert custody.tags_of(event) == ["log:clock"]
