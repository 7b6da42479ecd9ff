"""What tests of the entry point share: an enquiry as a caller writes it, and steps on it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from api.http import examples
from domain.access import Role
from domain.storage import clock
from tests.api.builders import Api, Json

MUNICIPALITY = ZoneInfo("Europe/Copenhagen")


def enquiry(**more: Any) -> Json:
    """An enquiry as a caller writes it; anything may be another, `...` leaves it out.

    Received today in the municipality: of one of yesterday, which it still is elsewhere, the policy
    of reminders would soon write that it is at risk.
    """
    body: Json = {
        "sender": "KAB",
        "administrations": ["TMF"],
        "medium": "email",
        "received": clock.now().astimezone(MUNICIPALITY).date().isoformat(),
        "subject": "Anvisning i Sydhavnen",
    }
    return {name: value for name, value in (body | more).items() if value is not ...}


def receive(api: Api, **more: Any) -> Json:
    """Receive an enquiry that must be taken; return it."""
    answer = api.post("/v1/enquiries", enquiry(**more))
    assert answer.status_code == 201, answer.text
    received: Json = answer.json()
    return received


def step(api: Api, enquiry_id: str, name: str, body: Json, **headers: str) -> Any:
    """Take a step from any version, unless `If_Match` says from which."""
    named = {"If-Match": "*"} | {key.replace("_", "-"): value for key, value in headers.items()}
    return api.post(f"/v1/enquiries/{enquiry_id}/{name}", body, headers=named)


def example(name: str) -> Json:
    """The example of a step, as of today."""
    body = {key: value for key, value in examples.ENQUIRY_STEPS[name].items() if key != "occurred"}
    late = {key: "2099-12-31" for key in body if key.endswith("expected_by")}
    return body | late


def take(api: Api, enquiry_id: str, name: str, **body: Any) -> Json:
    """Take a step that must be taken; return the enquiry. `for_` and `from_` lose their stroke."""
    answer = step(api, enquiry_id, name, {key.rstrip("_"): value for key, value in body.items()})
    assert answer.status_code == 200, answer.text
    taken: Json = answer.json()
    return taken


def party_id(api: Api, key: str) -> str:
    """The id of the party with this key."""
    (party,) = api.get("/v1/parties", params={"key": key}).json()["items"]
    return str(party["id"])


def organisation(api: Api, key: str = "KAB") -> Api:
    """The same application with the key of an organisation."""
    return api.as_role(Role.ORGANISATION, f"party:{party_id(api, key)}")
