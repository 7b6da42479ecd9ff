"""`kontaktlog init`: makes the log's tables as the role that shall own them, once, on PostgreSQL.

The serving role then reads and appends and can do nothing else, not even by mistake: what may
change a table is not what serves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from api.cli.terminal import Json, settings_with, show

_VIEWS: Final = (
    "CREATE SCHEMA IF NOT EXISTS {schema}",
    "GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}",
)
"""Views are made and dropped by the serving role itself."""
_KEYS: Final = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
)
"""Keys are added, and destroyed when somebody's data is erased."""


def init(
    owner: Annotated[str, typer.Option(help="postgresql://… som den rolle, der skal eje loggen")],
    role: Annotated[str, typer.Option(help="Rollen, som tjenesten bruger; den skal findes")],
    as_json: Json = False,
) -> None:
    """Opret loggens tabeller i PostgreSQL, og giv tjenestens rolle lov til at læse og tilføje.

    Kan gentages, og skal gentages efter en opgradering. Et SQLite-lager oprettes af sig selv.
    Eksempel: kontaktlog init --owner postgresql://kontaktlog_owner@db/kontaktlog --role kontaktlog
    """
    import psycopg

    from api.settings import is_sqlite
    from domain.errors import Refused, Unavailable
    from domain.storage.postgres import create_schema
    from domain.storage.postgres_keys import PostgresKeyTable

    settings = settings_with()
    if is_sqlite(settings.store):
        raise Refused("setting_unsafe", reason="KONTAKTLOG_STORE is an SQLite file")
    schemas = ["kontaktlog"]
    try:
        create_schema(owner, role)
        if settings.views_url == settings.store:
            _grant(owner, role, "kontaktlog_views", _VIEWS)
            schemas.append("kontaktlog_views")
        if settings.keys_url == settings.store:
            PostgresKeyTable(owner).close()
            _grant(owner, role, "kontaktlog_keys", _KEYS)
            schemas.append("kontaktlog_keys")
    except psycopg.Error as error:
        raise Unavailable("store_unavailable", reason=type(error).__name__) from error
    answer = {"role": role, "schemas": schemas}
    show(answer, as_json, f"Loggen er klar for {role}: {', '.join(schemas)}")


def _grant(owner: str, role: str, schema: str, statements: Sequence[str]) -> None:
    import psycopg
    from psycopg import sql

    names = {"schema": sql.Identifier(schema), "role": sql.Identifier(role)}
    with psycopg.connect(owner) as db:
        db.execute("SET LOCAL client_min_messages = warning")
        for statement in statements:
            db.execute(sql.SQL(statement).format(**names))
