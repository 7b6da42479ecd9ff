"""Routes that write about the direct door: report being turned away, withdraw one's own account."""

import re
from typing import Any, Final

from api import commands
from api.commands import AccountDone
from api.http.answers import Answer, Headers, at_position, document, etag
from api.http.enquiries import recorded_under
from api.http.operations import Ask, Endpoint
from api.http.preconditions import version_expected
from domain.direct_contact import ReportRedirected, ReportRefused, WithdrawAccount
from domain.errors import Unknown
from projections.direct_rows import account_body

_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def account_id_of(ask: Ask) -> str:
    """Return the account's id of the path; 404 for what no id is."""
    account_id = ask.path("account_id")
    if not _ID.fullmatch(account_id):
        raise Unknown("account_unknown")
    return account_id


def reporting(model: type[ReportRedirected] | type[ReportRefused]) -> Endpoint:
    """Return the endpoint that takes down one way of being turned away."""

    async def report(ask: Ask) -> Answer:
        command: Any = await ask.command(model)
        key = ask.idempotency_key
        done = await commands.report_turned_away(
            ask.services, ask.principal, command, via="api", key=key
        )
        status = 200 if done.repeated and not await recorded_under(ask, key) else 201
        location = f"/v1/direct-contact/accounts/{done.account_id}".encode()
        return _written(ask, done, status, [(b"location", location)])

    return report


async def withdraw_account(ask: Ask) -> Answer:
    """Withdraw one's own account; the history of it stays."""
    account_id, expected = account_id_of(ask), version_expected(ask.request)
    command = await ask.command(WithdrawAccount)
    done = await commands.withdraw_account(
        ask.services,
        ask.principal,
        account_id,
        command,
        via="api",
        key=ask.idempotency_key,
        if_version=expected,
    )
    return _written(ask, done, 200, [])


def _written(ask: Ask, done: AccountDone, status: int, headers: Headers) -> Answer:
    """Answer with the account as it was recorded; the same bytes when asked again."""
    headers = [(b"etag", etag(done.version)), *at_position(done.position), *headers]
    if ask.prefers_minimal:
        return Answer(204, b"", [*headers, (b"preference-applied", b"return=minimal")], None)
    body = account_body(done.facts)
    return document(body, status=status, headers=headers)
