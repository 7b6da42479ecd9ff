"""The API against its own document (S1): whatever is sent, the answer is one the document names."""

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from api.http.app import CONTACT, create_app
from api.http.openapi import document as written
from api.http.routes import operations
from api.main import open_services
from domain.access import Role
from tests.api.builders import Api, running, settings_in, with_parties

EXAMPLES = 12
"""Bodies and questions for each operation: about a minute in all."""
IGNORED = {
    "ignored_auth",  # tests/api/test_access_matrix.py does this by role, for every route
    "missing_required_header",  # 428 is the answer without If-Match (RFC 6585)
    "positive_data_acceptance",  # a rule of the domain may refuse what fits the schema (422)
    "use_after_free",  # nothing is ever deleted
    "ensure_resource_availability",  # views are read when they are there: min_position says when
}


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address and a key of a real server: what is sent crosses a real HTTP parser."""
    folder = tmp_path_factory.mktemp("fuzz")
    with running(settings_in(folder)) as api:
        with_parties(api).log()
        token = api.as_role(Role.RECORDS_OFFICER).token
    services = open_services(settings_in(folder, wait_seconds=0.2), writer=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_app(services), log_level="error", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", token
        server.should_exit = True
        thread.join()
    services.close()


def document() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(json.dumps(written(operations(), CONTACT)))
    return described


schema = schemathesis.openapi.from_dict(document())


@pytest.mark.slow
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_every_answer_is_one_the_document_names(case: Any, fuzzed: tuple[str, str]) -> None:
    address, token = fuzzed
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
    response = case.call(base_url=address)
    ignored = set(IGNORED)
    if case.operation.path.endswith("/batch"):
        ignored.add("negative_data_rejection")  # a bad item has a bad status of its own, inside 200
    excluded = [check for check in CHECKS.get_all() if check.__name__ in ignored]
    case.validate_response(response, excluded_checks=excluded)


def test_the_document_is_the_one_that_is_served(api: Api) -> None:
    assert api.get("/v1/openapi.json").json() == document()
