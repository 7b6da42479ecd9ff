"""PostgreSQL with two roles: one owns the log, the one that serves reads and appends."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.cli.conftest import Shell, contact

pytestmark = pytest.mark.postgres


@pytest.fixture
def serving_role(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A role that may log in and nothing more, and a store address that uses it."""
    with psycopg.connect(postgres_url, autocommit=True) as db:
        name = f"serving_{db.info.dbname}"
        db.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
    monkeypatch.setenv("KONTAKTLOG_STORE", postgres_url.replace("//kontaktlog@", f"//{name}@"))
    yield name
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        db.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_a_role_that_may_only_read_and_append_runs_everything(
    shell: Shell, postgres_url: str, serving_role: str
) -> None:
    assert shell("init", "--owner", postgres_url, "--role", serving_role).code == 0
    for kind, name in (("administration", "TMF"), ("housing_organisation", "KAB")):
        done = shell("party", "new", "--kind", kind, "--name", name)
        assert done.code == 0, done.err
    assert shell("log", *contact("Udlejning")).code == 0
    assert shell("checkpoint", "--json").json["size"] == 3
    assert shell("doctor").code == 0


def test_init_may_be_repeated(shell: Shell, postgres_url: str, serving_role: str) -> None:
    first = shell("init", "--owner", postgres_url, "--role", serving_role, "--json")
    again = shell("init", "--owner", postgres_url, "--role", serving_role, "--json")
    assert (first.code, again.code) == (0, 0)
    assert again.json["schemas"] == ["kontaktlog", "kontaktlog_views", "kontaktlog_keys"]


def test_a_role_that_does_not_exist_is_a_fault_not_a_crash(
    shell: Shell, postgres_url: str, serving_role: str
) -> None:
    done = shell("init", "--owner", postgres_url, "--role", "nobody_at_all")
    assert done.code in {1, 3}
    assert "Traceback" not in done.err


def test_an_sqlite_store_needs_no_init(shell: Shell, postgres_url: str) -> None:
    assert shell("init", "--owner", postgres_url, "--role", "x").code == 1
