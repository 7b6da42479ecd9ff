"""The document promises nothing that is not so: every example works, every answer has its shape."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.http import examples, shapes
from api.http.openapi import shape_models
from api.http.operations import Operation
from api.http.routes import operations
from domain.access import Action, Role
from tests.api.builders import Api, caught_up, contact, settings_in, with_parties
from tests.api.record_stage import a_record, fitting, register_of
from tests.api.register_play import following

OPERATIONS = {operation.name: operation for operation in operations()}
SHAPES: dict[str, type[shapes.Shape]] = {model.__name__: model for model in shape_models()}


def document(api: Api) -> dict[str, Any]:
    answer = api.as_nobody().get("/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(references(each) for each in value))
    return set()


def test_no_reference_of_the_document_leads_nowhere(shared_api: Api) -> None:
    described = document(shared_api)
    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert references(described) <= known


def test_every_operation_is_described_with_its_errors(shared_api: Api) -> None:
    described = document(shared_api)
    for operation in OPERATIONS.values():
        written = described["paths"][operation.path][operation.method.lower()]
        assert written["operationId"] == operation.name and written["summary"]
        statuses = set(written["responses"])
        assert {"405", "500"} <= statuses
        assert operation.action is None or {"401", "403"} <= statuses
        assert operation.body is None or {"400", "413", "415", "422"} <= statuses
        assert operation.body is None or operation.example is not None


class Stage:
    """An application with something for every example to be about."""

    def __init__(self, api: Api) -> None:
        self.api = api
        (self.party,) = api.get("/v1/parties", params={"key": "AAB", "min_position": 5}).json()[
            "items"
        ]
        logged = api.log(subject="Før")
        self.contact = f"/v1/contacts/{logged['id']}"
        link = {"kind": "case", "target": "1"}
        linked = api.post(f"{self.contact}/links", link, headers={"If-Match": "*"}).json()
        self.link = linked["links"][0]["link_id"]
        relation = {"relation": "member_of", "to": "ØKF"}
        related = api.post(f"/v1/parties/{self.party['id']}/relations", relation).json()
        self.relation = related["relations"][0]["relation_id"]
        gift = OPERATIONS["give_grant"].example
        self.grant = api.as_role(Role.ADMINISTRATOR).post("/v1/grants", gift).json()["id"]
        if not related["merged_into"]:
            self.position = related["position"]

    def path(self, operation: Operation) -> str:
        path = operation.path.replace("/v1/contacts/{contact_id}", self.contact)
        path = path.replace("{link_id}", self.link)
        path = path.replace("{grant_id}", self.grant)
        path = path.replace("{administration}", "TMF").replace("{organisation}", "KAB")
        path = path.replace("{code}", "DK_PUBLIC")
        if (register := register_of(path)) and f"{{{register.id_field}}}" in path:
            self.record = a_record(self.api, register, operation.name)
            path = path.replace(f"{{{register.id_field}}}", self.record["id"])
        for part, made in _MADE.items():
            if part in path:
                path = path.replace(part, made(self.api, operation.name))
        return path.replace("{party_id}", self.party["id"])

    def body(self, operation: Operation) -> Any:
        if operation.name == "party_relation_ends":
            return {**operation.example, "relation_id": self.relation}
        if operation.name == "party_unmerge":
            merge = {"into": "KAB", "reason": "for at kunne ophæves"}
            self.api.post(f"/v1/parties/{self.party['id']}/merge", merge)
        if register_of(operation.path) and "{" in operation.path:
            return fitting(self.api, self.record, operation.name, operation.example)
        if operation.name == "merge_enquiry":
            return {**operation.example, "into": an_enquiry(self.api)}
        return operation.example


BEFORE = {
    "reroute_enquiry": "routes",
    "return_enquiry": "routes",
    "supply_information": "information-requests",
    "reopen_enquiry": "closures",
}
"""What must have happened to an enquiry before the example of a step fits."""


def an_enquiry(api: Api, name: str = "") -> str:
    """An enquiry that is ready for the step of this name."""
    desk = api.as_role(Role.ENTRY_DESK)
    enquiry_id = str(desk.post("/v1/enquiries", examples.RECEIVE_ENQUIRY).json()["id"])
    if name in BEFORE:
        path = f"/v1/enquiries/{enquiry_id}/{BEFORE[name]}"
        body = examples.ENQUIRY_STEPS[BEFORE[name]]
        assert desk.post(path, body, headers={"If-Match": "*"}).status_code == 200
    return enquiry_id


def an_account(api: Api, _: str) -> str:
    report = "/v1/direct-contact/refusals"
    return str(api.post(report, examples.REPORT_REFUSED).json()["id"])


def a_rule(api: Api, name: str) -> str:
    desk = api.as_role(Role.ENTRY_DESK)
    if "target" in name:
        return str(desk.post("/v1/service-targets", examples.SET_SERVICE_TARGET).json()["id"])
    return str(desk.post("/v1/routing-rules", examples.ADOPT_ROUTING_RULE).json()["id"])


_MADE: dict[str, Callable[[Api, str], str]] = {
    "{enquiry_id}": an_enquiry,
    "{account_id}": an_account,
    "{rule_id}": a_rule,
    "{target_id}": a_rule,
}
"""What stands in a path, and how a test makes one."""


@pytest.fixture
def unwatched(tmp_path: Path) -> Iterator[Api]:
    """An application without policies: the examples' days have passed, and one would say so."""
    with following(settings_in(tmp_path, followers="off")) as made:
        yield with_parties(made)


@pytest.mark.parametrize("name", [o.name for o in OPERATIONS.values() if o.body is not None])
def test_every_example_of_a_body_works(unwatched: Api, name: str) -> None:
    api, operation = unwatched, OPERATIONS[name]
    stage = Stage(api)
    rights = operation.action == Action.CHANGE_GRANTS
    rules = operation.action == Action.CHANGE_RULES
    who = api.as_role(Role.ADMINISTRATOR) if rights or rules else api
    answer = who.post(stage.path(operation), stage.body(operation), headers={"If-Match": "*"})
    assert answer.status_code in operation.answers, answer.text
    shape_of(operation).model_validate_json(answer.content)


def shape_of(operation: Operation) -> type[shapes.Shape]:
    return SHAPES[operation.schema["$ref"].rpartition("/")[2]]


@pytest.mark.parametrize("name", [o.name for o in OPERATIONS.values() if o.method == "GET"])
def test_every_example_of_a_question_works(api: Api, name: str) -> None:
    operation = OPERATIONS[name]
    path = Stage(api).path(operation)
    at = api.log(case_numbers=["2009-116302"])["position"]
    who = api.as_role(Role.AUDITOR)
    params = {
        p.name: p.example
        for p in operation.parameters.declared
        if p.example is not None and not p.name.startswith("as_of")
    }
    if "min_position" in operation.parameters.by_name:
        params["min_position"] = at
    caught_up(api.services)  # what is sealed a moment later is proved and signed then
    answer = who.get(path, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == operation.media_type
    if "$ref" in operation.schema:
        shape_of(operation).model_validate_json(answer.content)
    as_of = {p.name: p.example for p in operation.parameters.declared if p.name.startswith("as_of")}
    for parameter, value in as_of.items():
        assert who.get(path, params={parameter: value}).status_code in {200, 404}


def test_the_shapes_take_a_contact_with_everything(api: Api) -> None:
    everything = contact(
        audience={"text": "alle", "kinds": ["housing_organisation"], "size": 60},
        participants=[{"name": "Kim", "email": "kim@example.dk", "spoke_for": ["AAB"]}],
        commitments=[{"text": "Svar", "by": "TMF", "to": "KAB", "due": "2010-03-01"}],
        follow_ups=[{"text": "Ring", "owner": "TMF", "due": "2010-03-01"}],
        occurred={"from": "2010-02-01", "to": "2010-02-14", "text": "først i februar"},
        source={"system": "esdh", "id": "1"},
        occasion="planned",
        enquiry="E-1",
        meeting="M-1",
        place="Rådhuset",
        documented_at="2010-02-23",
        flags=["checked"],
    )
    answer = api.post("/v1/contacts", everything)
    shown = shapes.Contact.model_validate_json(answer.content)
    assert set(answer.json()) - {"assessment"} <= set(shapes.Contact.model_fields)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", shown.recorded_at)
