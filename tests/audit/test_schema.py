"""The schema the audit demands is the one the product makes."""

import psycopg
import pytest

from api.audit.postgres import catalogue, functions
from api.audit.postgres_released import RELEASED, released_functions
from domain.storage.postgres_schema import create_schema


@pytest.mark.postgres
def test_the_released_schema_is_what_the_product_makes(postgres_url: str) -> None:
    create_schema(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        assert catalogue(connection) == sorted(RELEASED)
        assert functions(connection) == sorted(released_functions())
