"""The part of the table of operations that is about the direct door."""

from types import MappingProxyType
from typing import Final

from api.http import direct_contact, direct_shapes, examples
from api.http.log_routes import answer
from api.http.matrix_routes import matrix_operations
from api.http.operations import Operation
from domain.access import Action
from domain.direct_contact import ReportRedirected, ReportRefused, WithdrawAccount

TAG: Final = "Direkte kontakt"
_WRITTEN: Final = (400, 408, 409, 413, 415, 422, 503, 507)


def direct_operations() -> tuple[Operation, ...]:
    """Return its operations."""
    return (
        *matrix_operations(),
        _report(
            "redirections", "report_redirected", ReportRedirected, "sent on to the entry point"
        ),
        _report("refusals", "report_refused", ReportRefused, "refused"),
        _withdrawal(),
    )


def _report(
    path: str, name: str, model: type[ReportRedirected] | type[ReportRefused], done: str
) -> Operation:
    redirected = model is ReportRedirected
    return Operation(
        name,
        "POST",
        f"/v1/direct-contact/{path}",
        direct_contact.reporting(model),
        f"Write down that a direct contact was {done}",
        Action.REPORT_TURNED_AWAY,
        TAG,
        description="An organisation tells its own side, staff the administration's; what staff"
        " were told by an organisation they record with `side`. Each account stands beside the"
        " other side's, which `about` names.",
        headers=("Idempotency-Key", "Prefer"),
        body=model,
        example=examples.REPORT_REDIRECTED if redirected else examples.REPORT_REFUSED,
        answers={201: "Recorded", 200: "The same account was recorded before"},
        schema=answer(direct_shapes.TurnedAwayAccount),
        problems=_WRITTEN,
    )


def _withdrawal() -> Operation:
    return Operation(
        "withdraw_account",
        "POST",
        "/v1/direct-contact/accounts/{account_id}/withdrawal",
        direct_contact.withdraw_account,
        "Withdraw an account of one's own side; its history stays",
        Action.REPORT_TURNED_AWAY,
        TAG,
        headers=("If-Match", "Idempotency-Key", "Prefer"),
        body=WithdrawAccount,
        example=examples.WITHDRAW_ACCOUNT,
        path_examples=MappingProxyType({"account_id": examples.ACCOUNT_ID}),
        answers={200: "The account, withdrawn"},
        schema=answer(direct_shapes.TurnedAwayAccount),
        problems=(*_WRITTEN, 404, 412, 428),
    )
