"""Views are built anew and compared; sealed values whose key is gone are counted."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from api.audit.faults import Findings
from api.audit.keys import KeyCount
from api.audit.views import compare, opened
from domain.errors import Unavailable
from domain.log.codec import Codec
from domain.log.vault import Vault
from domain.storage import clock
from domain.storage.stores import open_keys, open_log
from projections.registry import VIEWS
from projections.runner import Runner
from projections.storage import open_views
from tests.audit.conftest import Copy
from tests.audit.stores import MASTER, Store, audited, source_of


@pytest.fixture
def codec(pattern: Store) -> Iterator[Codec]:
    with closing(open_keys(pattern.keys_url, MASTER)) as keys:
        yield Codec(Vault(keys, clock.entropy))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def views_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/views.db"
    return str(request.getfixturevalue("postgres_url"))


def follow(store: Store, codec: Codec, views_url: str) -> None:
    with closing(open_log(store.url)) as log, closing(open_views(views_url)) as views:
        Runner(log, codec, views, VIEWS).catch_up()


def compared(store: Store, codec: Codec, views_url: str) -> Findings:
    findings = Findings()
    with closing(source_of(store.url)) as source, closing(opened(views_url)) as live:
        assert compare(source, codec, live, VIEWS, findings) == len(VIEWS)
    return findings


def test_views_that_follow_the_log_are_found_equal(
    copied: Copy, codec: Codec, views_url: str
) -> None:
    store = copied()
    follow(store, codec, views_url)
    findings = compared(store, codec, views_url)
    assert findings.kept == []
    assert "view_behind" not in findings.warnings


def change(views_url: str, sql: str) -> None:
    """Run SQL on the contacts' table of the views."""
    if views_url.startswith("sqlite"):
        with closing(sqlite3.connect(views_url.removeprefix("sqlite:///"))) as connection:
            connection.execute(sql)
            connection.commit()
        return
    import psycopg

    with psycopg.connect(views_url) as postgres:
        postgres.execute(b"SET search_path = kontaktlog_views")
        postgres.execute(sql.encode())


def test_a_changed_row_of_a_view_is_found(copied: Copy, codec: Codec, views_url: str) -> None:
    store = copied()
    follow(store, codec, views_url)
    table, position = first_contact(views_url)
    change(views_url, f"UPDATE {table} SET body = body || body WHERE from_position = {position}")
    findings = compared(store, codec, views_url)
    assert {(f.kind, f.position) for f in findings.kept} == {
        ("view_row_missing", position),
        ("view_row_extra", position),
    }


def test_a_row_that_a_view_lacks_is_found(copied: Copy, codec: Codec, views_url: str) -> None:
    store = copied()
    follow(store, codec, views_url)
    table, position = first_contact(views_url)
    change(views_url, f"DELETE FROM {table} WHERE from_position = {position}")
    findings = compared(store, codec, views_url)
    assert {(f.kind, f.position) for f in findings.kept} == {("view_row_missing", position)}


def first_contact(views_url: str) -> tuple[str, int]:
    """The table of contacts, and the position its first row came from."""
    with closing(opened(views_url)) as live:
        suffix = next(s.suffix for s in live.serving() if s.name == "contacts")
        table = f"contact_{suffix}"
        (position, *_) = min(live.rows(table, ["from_position"]))
    return table, int(position)


def test_a_view_nobody_built_is_missing(copied: Copy, codec: Codec, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/views.db"
    open_views(url).close()
    findings = Findings()
    with closing(source_of(copied().url)) as source, closing(opened(url)) as live:
        compare(source, codec, live, VIEWS, findings)
    assert findings.counts == {"view_missing": len(VIEWS)}


def test_views_that_are_not_there_are_an_outage(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        opened(f"sqlite:///{tmp_path}/none.db")


def test_values_whose_key_was_destroyed_are_counted(
    copied: Copy, pattern: Store, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.db"
    with closing(sqlite3.connect(pattern.keys_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("VACUUM INTO ?", (str(keys),))
    with closing(KeyCount(f"sqlite:///{keys}")) as all_there:
        audited(copied(), on_keys=all_there.add)
    assert all_there.values > 20
    assert (all_there.destroyed, all_there.unknown) == (0, 0)
    with closing(sqlite3.connect(keys)) as connection:
        connection.execute("DELETE FROM keys WHERE number > 0")
        connection.commit()
    with closing(KeyCount(f"sqlite:///{keys}")) as none_there:
        audited(copied(), on_keys=none_there.add)
    assert none_there.destroyed == none_there.values == all_there.values


def test_keys_that_are_not_there_are_an_outage(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        KeyCount(f"sqlite:///{tmp_path}/none.db")
