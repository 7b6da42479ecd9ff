"""The PostgreSQL the suites run on is real: empty at first, and as durable as in production."""

import psycopg
import pytest

pytestmark = pytest.mark.postgres


def test_each_test_gets_an_empty_database(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE left_behind (n int)")
        count = connection.execute("SELECT count(*) FROM pg_stat_user_tables").fetchone()
    assert count == (1,)


def test_and_the_next_test_too(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE left_behind (n int)")
        count = connection.execute("SELECT count(*) FROM pg_stat_user_tables").fetchone()
    assert count == (1,)


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
def test_the_server_keeps_what_it_acknowledged(postgres_url: str, setting: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        value = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
    assert value == ("on",)
