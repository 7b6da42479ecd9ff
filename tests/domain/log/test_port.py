"""The port's own words: columns in the table's order, defaults that limit nothing, bounds."""

from domain.log.port import (
    BATCH_REQUESTS_MAX,
    PAGE_ROWS_MAX,
    Append,
    Appended,
    CheckpointRow,
    Condition,
    QueryItem,
    StoredRow,
)
from domain.storage.sqlite_schema import SCHEMA


def columns_of(table: str) -> list[str]:
    body = SCHEMA.split(f"CREATE TABLE IF NOT EXISTS {table} (", 1)[1].split(") STRICT", 1)[0]
    return [part.split()[0] for part in body.replace("\n", " ").split(",") if part.split()]


def test_a_row_has_the_table_s_columns_in_the_table_s_order() -> None:
    assert list(StoredRow._fields) == columns_of("events")
    assert list(CheckpointRow._fields) == columns_of("checkpoints")


def test_what_is_asked_for_without_limits_is_everything() -> None:
    assert QueryItem() == QueryItem(types=(), tags=())
    assert Condition((QueryItem(),)).after == 0
    assert Append(()).condition is None
    assert Appended(1, 1, 0).duplicate is False


def test_a_page_and_a_batch_are_bounded() -> None:
    assert PAGE_ROWS_MAX == 1_000
    assert BATCH_REQUESTS_MAX == 1_024
