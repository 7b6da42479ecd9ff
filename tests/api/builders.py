"""What tests of the HTTP door share: an application of their own, keys of any role, contacts."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from api.http.app import create_app
from api.main import Services, open_services
from api.settings import Settings
from domain.access import IssueKey, KeyRevoked, Role, issue
from domain.log.envelope import Envelope
from domain.storage import clock
from domain.storage.journal import Entry
from domain.values import Value
from projections.registry import VIEWS
from tests.proof.service import until

Json = dict[str, Any]
CLI = Envelope(actor="cli", role=Role.ADMINISTRATOR, via="cli")
MASTER = base64.b64encode(bytes(range(32))).decode()
WAIT_SECONDS = 60.0
"""How long views are waited for: a bound that says "never", and the most that settings take."""
VIEW_NAMES = [view.name for view in VIEWS]
"""Named, also a view that is still being made for the first time is waited for."""


def settings_in(folder: Path, **more: Any) -> Settings:
    """Settings of a throw-away installation; the follower runs in threads."""
    given: Json = {"store": f"sqlite:///{folder}/log.db", "master_key": MASTER}
    given |= {"rate_per_second": 0, "sign_in_failures_per_minute": 0}  # tests ask by the thousand
    return Settings(**(given | {"followers": "inline", "wait_seconds": WAIT_SECONDS} | more))


def record(services: Services, *events: Value) -> int:
    """Record events past the door; return the last position."""
    return services.journal.record_sync(Entry(list(events), CLI)).position_last


def new_key(services: Services, role: Role, scopes: tuple[str, ...] = (), **more: Any) -> str:
    """Issue a key and return its token."""
    key_id, secret = clock.entropy(8).hex(), clock.secret_text()
    command = IssueKey(role=role, scopes=scopes, **more)
    event = issue(command, key_id, sha256(secret.encode()).hexdigest())
    reached = record(services, event)
    assert services.views.wait_for(reached, WAIT_SECONDS, "keys")
    return f"kl_{key_id}_{secret}"


def revoke(services: Services, token: str) -> None:
    reached = record(services, KeyRevoked(key_id=token.split("_")[1], reason="prøve"))
    assert services.views.wait_for(reached, WAIT_SECONDS, "keys")


def caught_up(services: Services) -> None:
    """Wait until views and checkpoints have all that is in the log, so that nothing can lag."""
    head = services.log.head()
    assert services.views.wait_for(head, WAIT_SECONDS, *VIEW_NAMES)

    def is_sealed() -> bool:
        newest = services.log.checkpoint()
        return newest is not None and newest.size >= head

    until(is_sealed, "the checkpoint")


def contact(**more: Any) -> Json:
    """A contact as a caller writes it; anything may be another."""
    body: Json = {
        "channel": "direct",
        "direction": "inbound",
        "medium": "phone",
        "occurred": "2010-02-22",
        "administrations": ["TMF"],
        "organisations": ["KAB"],
        "subject": "Udlejning",
    }
    return {name: value for name, value in (body | more).items() if value is not ...}


@dataclass
class Api:
    """A running application and a client that carries a key."""

    client: TestClient
    services: Services
    token: str = ""
    tokens: dict[Role, str] = field(default_factory=dict)

    def as_role(self, role: Role, *scopes: str) -> Api:
        """The same application with another key; one key per role is made."""
        if scopes or role not in self.tokens:
            token = new_key(self.services, role, scopes)
            if not scopes:
                self.tokens[role] = token
        else:
            token = self.tokens[role]
        return Api(self.client, self.services, token, self.tokens)

    def as_nobody(self) -> Api:
        return Api(self.client, self.services, "", self.tokens)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= more.pop("headers", {})
        return self.client.request(method, path, headers=headers, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.ask("POST", path, json=body, **more)

    def log(self, **more: Any) -> Json:
        """Log a contact that must be taken; return it."""
        answer = self.post("/v1/contacts", contact(**more))
        assert answer.status_code == 201, answer.text
        logged: Json = answer.json()
        return logged

    def party(self, name: str, kind: str = "housing_organisation", **more: Any) -> Json:
        answer = self.post("/v1/parties", {"kind": kind, "name": name, **more})
        assert answer.status_code == 201, answer.text
        registered: Json = answer.json()
        return registered

    def seen(self, path: str, position: int, **params: Any) -> Any:
        """Ask once the views have come to `position`."""
        return self.get(path, params={"min_position": position, **params})

    def items(self, path: str, position: int, **params: Any) -> list[Json]:
        answer = self.seen(path, position, **params)
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json()["items"]
        return found


def desk_of(services: Services, client: TestClient) -> Api:
    """An application asked by a case officer, once every view is there."""
    token = new_key(services, Role.CASE_OFFICER)
    assert services.views.wait_for(services.log.head(), WAIT_SECONDS, *VIEW_NAMES)
    return Api(client, services, token, {Role.CASE_OFFICER: token})


@contextmanager
def running(settings: Settings) -> Iterator[Api]:
    """Run an application; the key is a case officer's."""
    services = open_services(settings, writer=True)
    try:
        with TestClient(create_app(services), raise_server_exceptions=False) as client:
            yield desk_of(services, client)
    finally:
        services.close()


def with_parties(api: Api) -> Api:
    """The parties of the memo that examples and tests name."""
    api.party("Teknik- og Miljøforvaltningen", "administration", abbreviation="TMF")
    api.party("Økonomiforvaltningen", "administration", abbreviation="ØKF")
    api.party("KAB", "housing_organisation")
    api.party("Arbejdernes Andels Boligforening", abbreviation="AAB")
    api.party("Boligselskabernes Landsforening", "federation", abbreviation="BL")
    return api
