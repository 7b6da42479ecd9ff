"""The API's own pages work offline, without scripts, and name every operation."""

import re
from html.parser import HTMLParser

import pytest

from api.http.routes import operations
from tests.api.builders import Api


class Seen(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on") and name != "style"
            if name in {"href", "src"} and value is not None:
                self.links.append(value)
            if name == "id" and value is not None:
                assert value not in self.ids
                self.ids.add(value)


def page(api: Api, path: str) -> tuple[Seen, str]:
    answer = api.as_nobody().get(path)
    assert answer.status_code == 200
    assert "script" not in answer.headers["content-security-policy"]
    assert "'self'" in answer.headers["content-security-policy"]
    seen = Seen()
    seen.feed(answer.text)
    return seen, answer.text


@pytest.mark.parametrize("path", ["/docs", "/problems", "/problems/version_mismatch"])
def test_a_page_asks_for_nothing_from_elsewhere_and_runs_no_script(
    shared_api: Api, path: str
) -> None:
    seen, text = page(shared_api, path)
    assert not {"script", "style", "iframe", "img"} & set(seen.tags)
    assert '<html lang="da">' in text and "<title>" in text and seen.tags.count("h1") == 1
    assert all(link.startswith(("/", "#")) for link in seen.links)


@pytest.mark.parametrize("path", ["/docs", "/problems"])
def test_every_link_of_a_page_leads_somewhere(shared_api: Api, path: str) -> None:
    seen, _ = page(shared_api, path)
    for link in set(seen.links):
        if link.startswith("#"):
            assert link[1:] in seen.ids, link
        else:
            assert shared_api.as_nobody().get(link).status_code == 200, link


def test_the_reference_names_every_operation(shared_api: Api) -> None:
    seen, text = page(shared_api, "/docs")
    for operation in operations():
        assert operation.name in seen.ids
        assert re.search(re.escape(operation.path), text)
