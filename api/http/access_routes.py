"""The part of the table of operations that is about grants, keys and who one is."""

from types import MappingProxyType
from typing import Any, Final

from api.http import access, access_shapes, query
from api.http.log_routes import answer
from api.http.operations import Operation
from api.http.query import MOMENTS, PAGING, Parameters
from domain.access import Action, GiveGrant, WithdrawGrant

GRANT_ID: Final = "0192f3a0-7c00-7abc-8def-001122334459"
_TAG: Final = "Rettigheder"
_WRITTEN: Final = (400, 408, 409, 413, 415, 422, 503, 507)
_GIVE: Final[dict[str, Any]] = {
    "issuer": "https://login.kommune.example",
    "subject": "7f3c",
    "role": "case_officer",
    "scopes": ["party:TMF"],
    "valid_from": "2010-01-01",
    "valid_to": "2030-12-31",
    "reason": "Ansat i Teamet for almene boliger",
}


def access_operations() -> tuple[Operation, ...]:
    """Return its operations."""
    return (*_reading(), *_changes())


def _reading() -> list[Operation]:
    return [
        Operation(
            "get_me",
            "GET",
            "/v1/me",
            access.get_me,
            "Read who one is, what one may, and one's own grants",
            Action.READ_OWN_RIGHTS,
            _TAG,
            schema=answer(access_shapes.Me),
            problems=(503,),
        ),
        Operation(
            "list_grants",
            "GET",
            "/v1/grants",
            access.list_grants,
            "List grants, newest first",
            Action.READ_GRANTS,
            _TAG,
            parameters=Parameters(
                (query.text("holder", "Pseudonym of a person"), *MOMENTS, *PAGING)
            ),
            schema=answer(access_shapes.GrantList),
            problems=(400, 503),
        ),
        Operation(
            "list_keys",
            "GET",
            "/v1/keys",
            access.list_keys,
            "List API keys, without secrets",
            Action.READ_GRANTS,
            _TAG,
            parameters=Parameters((*MOMENTS, *PAGING)),
            schema=answer(access_shapes.KeyList),
            problems=(400, 503),
        ),
    ]


def _changes() -> list[Operation]:
    return [
        Operation(
            "give_grant",
            "POST",
            "/v1/grants",
            access.post_grant,
            "Give somebody a right: a role within a scope",
            Action.CHANGE_GRANTS,
            _TAG,
            description="The holder is named by pseudonym, or by issuer and subject as the sign-in"
            " service tells them; the log keeps the pseudonym only.",
            headers=("Idempotency-Key", "Prefer"),
            body=GiveGrant,
            example=_GIVE,
            answers={201: "Given"},
            schema=answer(access_shapes.Grant),
            problems=_WRITTEN,
        ),
        Operation(
            "withdraw_grant",
            "POST",
            "/v1/grants/{grant_id}/withdrawal",
            access.post_withdrawal,
            "Take a right back, from this moment on",
            Action.CHANGE_GRANTS,
            _TAG,
            headers=("Idempotency-Key", "Prefer"),
            body=WithdrawGrant,
            example={"reason": "Fratrådt"},
            path_examples=MappingProxyType({"grant_id": GRANT_ID}),
            answers={200: "The grant after it was withdrawn"},
            schema=answer(access_shapes.Grant),
            problems=(*_WRITTEN, 404),
        ),
    ]
