"""Installations for the acceptance tests, and what was counted of the registers elsewhere."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.service import Service, serving

Start = Callable[..., Service]


@pytest.fixture(scope="session")
def oracles(shared_data: Path) -> dict[str, Any]:
    """What was counted outside the product, by the file's place under `contacts/`."""
    found = json.loads((shared_data / "oracles.json").read_text(encoding="utf-8"))["contacts"]
    return {key.removeprefix("contacts/"): value for key, value in found.items()}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start installations of their own; all stop when the module's tests are done."""
    with ExitStack() as stack:

        def begin(store: str | None = None) -> Service:
            folder = tmp_path_factory.mktemp("installation")
            return stack.enter_context(serving(folder, store))

        yield begin
