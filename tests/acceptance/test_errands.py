"""Commitments and follow-ups beside the memo: the examples of their pages work in the sample log."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_memo import played
from tests.api.builders import Api, running, settings_in

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The sample, to which something may be added."""
    folder = tmp_path_factory.mktemp("sample")
    played(folder)
    with running(settings_in(folder)) as api:
        yield api


def example(name: str) -> dict[str, Any]:
    """The body that a page's curl sends."""
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    (sent,) = re.findall(rf'/v1/{name}" .*?-d \'(.*?)\'', text, flags=re.DOTALL)
    body: dict[str, Any] = json.loads(sent)
    return body


@pytest.mark.parametrize("name", ["commitments", "followups"])
def test_the_example_of_the_page_is_taken(sample: Api, name: str) -> None:
    answer = sample.post(f"/v1/{name}", example(name))
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "open"


def test_a_page_that_names_nobody_of_the_sample_would_be_found(sample: Api) -> None:
    answer = sample.post("/v1/followups", example("followups") | {"owner": "Ingen"})
    assert answer.status_code == 422
