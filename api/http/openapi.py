"""The OpenAPI document, written from the operations themselves.

Everything a caller can meet is in it: every status, every header, one shape of problem, an example
for every operation. It is made once, when it is first asked for.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.http import (
    access_shapes,
    direct_shapes,
    enquiry_shapes,
    register_shapes,
    rule_shapes,
    shapes,
)
from api.http.gate import API_VERSION
from api.http.operations import Operation
from api.http.problems import KINDS, MEDIA_TYPE, Problem
from api.http.query import Parameter
from api.http.register_routes import shape_of
from domain.registers import REGISTERS

OPENAPI: Final = "3.1.0"
SHAPE_MODULES: Final = (
    shapes,
    enquiry_shapes,
    direct_shapes,
    register_shapes,
    rule_shapes,
    access_shapes,
)
_REF: Final = "#/components/schemas/{model}"
_EVERYWHERE: Final = (405, 429, 500)
_WITH_KEY: Final = (401, 403)
_DESCRIPTION: Final = """A log of contacts between a municipality's administrations and its housing
organisations. What is written stays written; every answer names the log position it is true for.

Authentication: `Authorization: Bearer kl_<id>_<secret>`. Errors: `application/problem+json`
(RFC 9457), always. Times: any offset in, UTC `Z` out. See docs/api.md."""
_HEADERS: Final[Mapping[str, dict[str, Any]]] = {
    "Idempotency-Key": {
        "description": "Send the same key again to get the same answer; kept for ever",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "If-Match": {
        "description": 'The ETag of the version that is changed, e.g. "1"',
        "schema": {"type": "string", "pattern": r'^("[1-9][0-9]{0,8}"|\*)$'},
        "required": True,
        "example": '"1"',
    },
    "If-None-Match": {
        "description": "An ETag one has; 304 when it still is the newest",
        "schema": {"type": "string", "pattern": r'^"[1-9][0-9]{0,8}"$'},
    },
    "Prefer": {
        "description": "`return=minimal` answers without a body; other preferences are ignored",
        "schema": {"type": "string"},
        "example": "return=representation",
    },
}
_ANSWER_HEADERS: Final = {
    "API-Version": {"schema": {"type": "string"}},
    "X-Request-ID": {"schema": {"type": "string"}},
}
_POSITION: Final = {
    "Kontaktlog-Position": {
        "description": "Log position the answer is true for",
        "schema": {"type": "integer"},
    }
}


def document(operations: Sequence[Operation], contact: Mapping[str, str]) -> dict[str, Any]:
    """Return the whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "Kontaktlog",
            "version": API_VERSION,
            "description": _DESCRIPTION,
            "contact": dict(contact),
            "license": {"name": "MPL-2.0", "identifier": "MPL-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(o.tag for o in operations)],
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "bearerFormat": "kl_<id>_<secret>"}
            },
        },
    }


def shape_models() -> list[type[shapes.Shape]]:
    """Return the shape of every answer; each name is used once."""
    registers = [shape_of(register) for register in REGISTERS.values()]
    return registers + [
        model
        for module in SHAPE_MODULES
        for model in vars(module).values()
        if isinstance(model, type)
        and issubclass(model, shapes.Shape)
        and model.__module__ == module.__name__
    ]


def _schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return every model that is named anywhere, bodies and answers."""
    bodies = [o.body for o in operations if o.body is not None]
    models: list[type[BaseModel]] = list(dict.fromkeys([*bodies, *shape_models(), Problem]))
    inputs: list[tuple[type[BaseModel], Literal["validation"]]] = [
        (model, "validation") for model in models
    ]
    _, schema = models_json_schema(inputs, by_alias=True, ref_template=_REF)
    found: dict[str, Any] = schema["$defs"]
    return found


def _operation(operation: Operation) -> dict[str, Any]:
    written: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": _responses(operation),
        "security": _security(operation),
    }
    if operation.description:
        written["description"] = operation.description
    if parameters := _parameters(operation):
        written["parameters"] = parameters
    if operation.body is not None:
        media: dict[str, Any] = {"schema": {"$ref": _REF.format(model=operation.body.__name__)}}
        if operation.example is not None:
            media["example"] = operation.example
        written["requestBody"] = {"required": True, "content": {"application/json": media}}
    return written


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.action is None:
        return [{}, {"key": []}] if operation.optional_key else []
    return [{"key": []}]


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 64},
            "example": operation.path_examples.get(name, ""),
        }
        for name in _names_in(operation.path)
    ]
    found += [_query(each) for each in operation.parameters.declared]
    found += [{"name": name, "in": "header", **_HEADERS[name]} for name in operation.headers]
    return found


def _names_in(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _query(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = dict(parameter.schema)
    written: dict[str, Any] = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
    }
    if parameter.repeated:
        schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": 50}
        written |= {"style": "form", "explode": True}
    if "(required)" in parameter.description:
        written["required"] = True
    written["schema"] = schema
    if parameter.example is not None:
        written["example"] = [parameter.example] if parameter.repeated else parameter.example
    return written


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    good = dict(operation.answers)
    if "Prefer" in operation.headers:
        good[204] = "Recorded; nothing is sent back, as `Prefer: return=minimal` asks"
    for status, meaning in good.items():
        headers: dict[str, Any] = dict(_ANSWER_HEADERS)
        if operation.path.startswith("/v1/"):
            headers |= _POSITION
        responses[str(status)] = {"description": meaning, "headers": headers}
        if status not in {204, 304}:
            responses[str(status)]["content"] = {operation.media_type: {"schema": operation.schema}}
    statuses = {*operation.problems, *_EVERYWHERE}
    if operation.action is not None:
        statuses |= {*_WITH_KEY, 400, 503}
    if operation.optional_key:
        statuses |= {401, 503}
    for status in sorted(statuses):
        responses[str(status)] = _problem(status)
    return responses


def _problem(status: int) -> dict[str, Any]:
    codes = sorted(code for code, kind in KINDS.items() if kind.status == status)
    return {
        "description": ", ".join(f"`{code}`" for code in codes),
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
    }
