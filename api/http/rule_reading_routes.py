"""The operations that read service targets, calendars of working days and routing rules."""

from types import MappingProxyType
from typing import Final

from pydantic import BaseModel

from api.http import query, rule_reading
from api.http.log_routes import answer
from api.http.operations import Endpoint, Operation
from api.http.query import MOMENTS, PAGING, Parameter, Parameters
from api.http.rule_shapes import (
    ClosedDays,
    RoutingRule,
    RoutingRuleList,
    ServiceTarget,
    ServiceTargetList,
    WorkingDaysList,
)
from domain.access import Action

TAG: Final = "Regler"
EXAMPLE_TARGET: Final = "standard:first_response"
_TARGET: Final = MappingProxyType({"target_id": EXAMPLE_TARGET})
_RULE: Final = MappingProxyType({"rule_id": "0192f3a0-7c00-7abc-8def-00112233445d"})
_CODE: Final = MappingProxyType({"code": "DK_PUBLIC"})
_IN_FORCE: Final = query.choice(
    "in_force", "Only those that count on the day asked, or only others", ("true", "false")
)


def _reading(
    name: str,
    path: str,
    endpoint: Endpoint,
    summary: str,
    shape: type[BaseModel],
    parameters: tuple[Parameter, ...],
    path_examples: MappingProxyType[str, str] | None = None,
) -> Operation:
    return Operation(
        name,
        "GET",
        path,
        endpoint,
        summary,
        Action.READ_RULES,
        TAG,
        parameters=Parameters((*parameters, *MOMENTS)),
        path_examples=path_examples or {},
        schema=answer(shape),
        problems=(400, 404, 503) if path_examples else (400, 503),
    )


def rule_reading_operations() -> tuple[Operation, ...]:
    """Return the operations."""
    return (
        _reading(
            "list_service_targets",
            "/v1/service-targets",
            rule_reading.list_targets,
            "List service targets, the standard ones as such",
            ServiceTargetList,
            (_IN_FORCE, *PAGING),
        ),
        _reading(
            "get_service_target",
            "/v1/service-targets/{target_id}",
            rule_reading.get_target,
            "Read one service target",
            ServiceTarget,
            (),
            _TARGET,
        ),
        _reading(
            "list_working_days",
            "/v1/working-days",
            rule_reading.list_working_days,
            "List calendars of working days",
            WorkingDaysList,
            PAGING,
        ),
        _reading(
            "get_closed_days",
            "/v1/working-days/{code}",
            rule_reading.get_closed_days,
            "Read the closed days of a calendar",
            ClosedDays,
            (
                query.day("from", "First day", "2010-01-01"),
                query.day("to", "Last day", "2010-12-31"),
            ),
            _CODE,
        ),
        _reading(
            "list_routing_rules",
            "/v1/routing-rules",
            rule_reading.list_rules,
            "List routing rules in the order they are looked at",
            RoutingRuleList,
            (_IN_FORCE, *PAGING),
        ),
        _reading(
            "get_routing_rule",
            "/v1/routing-rules/{rule_id}",
            rule_reading.get_rule,
            "Read one routing rule",
            RoutingRule,
            (),
            _RULE,
        ),
    )
