"""What a start makes and loads, and what waits until somebody asks; nothing that waits is wrong."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from threading import Barrier

import pytest
from pydantic import BaseModel
from pydantic.errors import PydanticUndefinedAnnotation

from api.follower_process import spawned, spawned_early
from api.http import app
from domain.values import Value
from tests.api.builders import settings_in

ROOMS = ("domain", "projections", "api")
SECONDS = 60
ASKERS = 4


def models_of(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for below in model.__subclasses__():
        yield below
        yield from models_of(below)


def test_every_model_can_be_made_ready() -> None:
    """Models are made ready at their first use; a wrong one is found here and not by a user."""
    for room in ROOMS:
        for module in walk_packages(import_module(room).__path__, f"{room}."):
            import_module(module.name)
    ours = {model for model in models_of(BaseModel) if model.__module__.split(".")[0] in ROOMS}
    for model in ours:
        model.model_rebuild()
        assert model.__pydantic_complete__, model
    assert {model.__module__.split(".")[0] for model in ours} >= {"domain", "api"}


def test_a_model_that_cannot_be_made_ready_is_found() -> None:
    wrong = type("Wrong", (Value,), {"__annotations__": {"field": "NoSuchType"}})
    assert issubclass(wrong, Value)
    with pytest.raises(PydanticUndefinedAnnotation):
        wrong.model_rebuild()


def test_the_document_is_made_once_however_many_ask_first() -> None:
    app._document.cache_clear()
    together = Barrier(ASKERS)

    def ask(_: int) -> int:
        together.wait(SECONDS)
        return id(app.described())

    with ThreadPoolExecutor(ASKERS) as askers:
        assert len(set(askers.map(ask, range(ASKERS)))) == 1
    assert app._document.cache_info().misses == 1


def test_a_server_on_sqlite_loads_neither_the_postgresql_driver_nor_what_few_ask_for() -> None:
    code = "import sys, api.http.app; print({'psycopg', 'icalendar'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_follower_started_early_is_not_left_behind_when_the_server_does_not_come(
    tmp_path: Path,
) -> None:
    with spawned_early(settings_in(tmp_path, followers="process")) as process:
        assert process is not None and process.poll() is None
    assert process.returncode is not None


def test_no_follower_is_started_early_where_none_is_wanted(tmp_path: Path) -> None:
    with spawned_early(settings_in(tmp_path, followers="inline")) as process:
        assert process is None


def test_a_follower_that_is_told_nothing_ends_in_peace() -> None:
    with spawned() as process:
        _, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
