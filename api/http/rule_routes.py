"""The part of the table of operations about service targets, calendars and routing rules."""

from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

from api.http import examples, rule_shapes, rules
from api.http.log_routes import answer
from api.http.operations import Operation
from api.http.rule_reading_routes import rule_reading_operations
from domain.access import Action
from domain.routing import AdoptRoutingRule, WithdrawRoutingRule
from domain.service_targets import DefineWorkingDays, EndServiceTarget, SetServiceTarget

TAG: Final = "Regler"
_TARGETS: Final = "/v1/service-targets"
_CALENDARS: Final = "/v1/working-days"
_ROUTING: Final = "/v1/routing-rules"
_WRITTEN: Final = (400, 408, 409, 413, 415, 422, 503, 507)


def rule_operations() -> tuple[Operation, ...]:
    """Return its operations."""
    return (*rule_reading_operations(), *_targets(), _calendar(), *_routing())


def _targets() -> tuple[Operation, ...]:
    find, shape = rules.target_at, rule_shapes.ServiceTarget
    return (
        _operation(
            "set_service_target",
            _TARGETS,
            rules.making(SetServiceTarget, _TARGETS, find),
            "Set a service target from a day on; it replaces one of the same code",
            SetServiceTarget,
            examples.SET_SERVICE_TARGET,
            shape,
        ),
        _operation(
            "end_service_target",
            f"{_TARGETS}/{{rule_id}}/end",
            rules.ending(EndServiceTarget, "target_unknown", find),
            "End a service target",
            EndServiceTarget,
            examples.END_SERVICE_TARGET,
            shape,
        ),
    )


def _calendar() -> Operation:
    return _operation(
        "define_working_days",
        _CALENDARS,
        rules.making(DefineWorkingDays, _CALENDARS, rules.calendar_at),
        "Define a calendar of working days, whole; the newest definition of a code counts",
        DefineWorkingDays,
        examples.DEFINE_WORKING_DAYS,
        rule_shapes.WorkingDays,
    )


def _routing() -> tuple[Operation, ...]:
    find, shape = rules.routing_at, rule_shapes.RoutingRule
    return (
        _operation(
            "adopt_routing_rule",
            _ROUTING,
            rules.making(AdoptRoutingRule, _ROUTING, find),
            "Adopt a routing rule that suggests, or decides, who gets an enquiry",
            AdoptRoutingRule,
            examples.ADOPT_ROUTING_RULE,
            shape,
        ),
        _operation(
            "withdraw_routing_rule",
            f"{_ROUTING}/{{rule_id}}/withdrawal",
            rules.ending(WithdrawRoutingRule, "rule_unknown", find),
            "Withdraw a routing rule from a day on",
            WithdrawRoutingRule,
            examples.WITHDRAW_ROUTING_RULE,
            shape,
        ),
    )


def _operation(
    name: str,
    path: str,
    endpoint: Any,
    summary: str,
    body: type[BaseModel],
    example: Any,
    shape: type[BaseModel],
) -> Operation:
    ends = "{rule_id}" in path
    rule_id = examples.TARGET_ID if path.startswith(_TARGETS) else examples.RULE_ID
    return Operation(
        name=name,
        method="POST",
        path=path,
        endpoint=endpoint,
        summary=summary,
        action=Action.CHANGE_RULES,
        tag=TAG,
        headers=("Idempotency-Key", "Prefer"),
        body=body,
        example=example,
        path_examples=MappingProxyType({"rule_id": rule_id}) if ends else {},
        answers={200: "The rule after the change"} if ends else {201: "Recorded"},
        schema=answer(shape),
        problems=(*_WRITTEN, 404) if ends else _WRITTEN,
    )
