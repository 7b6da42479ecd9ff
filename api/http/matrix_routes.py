"""The operations that read the direct door."""

from types import MappingProxyType
from typing import Final

from pydantic import BaseModel

from api.http import direct_shapes, examples, matrix, query
from api.http.log_routes import answer
from api.http.operations import Endpoint, Operation
from api.http.query import MOMENTS, PAGING, Parameter, Parameters
from domain.access import Action
from domain.values import Channel, Direction
from projections.direct import SELECTS
from projections.direct_accounts import SIDES

TAG: Final = "Direkte kontakt"
WINDOW_DAYS_MAX: Final = 3_660
"""Ten years: a longer window is a list of all contacts."""
_SIDES: Final = (
    query.text("administration", "An administration: id or key", "TMF", repeated=True),
    query.text("organisation", "An organisation: id or key", "KAB", repeated=True),
)
_DAYS: Final = (
    query.day("from", "First day; what lies wholly between counts", "2010-01-01"),
    query.day("to", "Last day", "2010-12-31"),
)
_BY: Final = query.choice(
    "by", "Whose figures; administration when left out", ("administration", "organisation")
)
_PROFILE: Final = query.text("profile", "Calendar of working days", matrix.PROFILE)
_WINDOWS: Final = (
    _BY,
    query.day("baseline_from", "First day of the baseline", "2009-01-01"),
    query.day("baseline_to", "Last day of the baseline", "2009-12-31"),
    query.day("from", "First day of the follow-up", "2010-01-01"),
    query.day("to", "Last day of the follow-up", "2010-12-31"),
    _PROFILE,
)
_ACCOUNT: Final = MappingProxyType({"account_id": examples.ACCOUNT_ID})
_PAIR: Final = MappingProxyType({"administration": "TMF", "organisation": "KAB"})


def _reading(
    name: str,
    path: str,
    endpoint: Endpoint,
    summary: str,
    shape: type[BaseModel],
    parameters: tuple[Parameter, ...],
    *,
    description: str = "",
    path_examples: MappingProxyType[str, str] | None = None,
) -> Operation:
    return Operation(
        name,
        "GET",
        f"/v1/direct-contact{path}",
        endpoint,
        summary,
        Action.READ_DIRECT_CONTACT,
        TAG,
        description=description,
        parameters=Parameters((*parameters, *MOMENTS)),
        path_examples=path_examples or {},
        schema=answer(shape),
        problems=(400, 404, 503) if path_examples else (400, 503),
    )


def matrix_operations() -> tuple[Operation, ...]:
    """Return the operations: pairs first, then accounts, then the indicator."""
    return (*_pairs(), *_figures())


def _pairs() -> tuple[Operation, ...]:
    return (
        _reading(
            "get_direct_matrix",
            "",
            matrix.get_matrix,
            "Read which administrations and organisations are in contact, and who is silent",
            direct_shapes.DirectMatrix,
            (
                *_SIDES,
                query.number("window", "Days that make a pair living", 1, WINDOW_DAYS_MAX),
                query.number("silent_for", "Only pairs silent for so many days", 0, 1_000_000),
                query.choice("living", "Only living pairs, or only others", ("true", "false")),
                query.truth("include_never", "Also organisations that nobody was in contact with"),
                *PAGING,
            ),
            description="On the day asked about (`as_of_effective`), else today.",
        ),
        _reading(
            "list_direct_contacts",
            "/contacts",
            matrix.list_direct_contacts,
            "List the contacts behind a figure",
            direct_shapes.DirectContacts,
            (
                *_SIDES,
                *_DAYS,
                query.choice("channel", "Direct or through the one entry point", list(Channel)),
                query.choice("direction", "Who took the initiative", list(Direction)),
                query.choice("select", "Which of them; pairs when left out", SELECTS),
                *PAGING,
            ),
            description="Held contacts whose time lies wholly between the days. `select=straddling`"
            " lists those that cross an edge, `unnamed` those that name no organisation.",
        ),
        _reading(
            "get_direct_pair",
            "/pairs/{administration}/{organisation}",
            matrix.get_pair,
            "Read one pair: contacts through both doors, and who turned whom away",
            direct_shapes.DirectPair,
            PAGING,
            path_examples=_PAIR,
        ),
    )


def _figures() -> tuple[Operation, ...]:
    return (
        _reading(
            "list_turned_away",
            "/turned-away",
            matrix.list_turned_away,
            "List who says to have been turned away, both sides' accounts beside each other",
            direct_shapes.TurnedAwayList,
            (
                *_SIDES,
                *_DAYS,
                query.choice(
                    "kind", "Sent on to the entry point, or refused", ("redirected", "refused")
                ),
                query.choice("side", "Told by", SIDES),
                query.truth("include_withdrawn", "Also accounts that were withdrawn"),
                *PAGING,
            ),
        ),
        _reading(
            "get_direct_account",
            "/accounts/{account_id}",
            matrix.get_account,
            "Read one account of being turned away",
            direct_shapes.TurnedAwayAccount,
            (),
            path_examples=_ACCOUNT,
        ),
        _reading(
            "get_direct_indicator",
            "/indicator",
            matrix.get_indicator,
            "Read whether direct contact has fallen (K5, K5b, K6, K7)",
            direct_shapes.DirectIndicator,
            (*_WINDOWS, *_SIDES),
            description="Left out, the windows are the last three whole months and the same months"
            " a year before. Formulas and guards: docs/direct-contact.md.",
        ),
        _reading(
            "list_direct_alarms",
            "/alarms",
            matrix.list_alarms,
            "List where direct contact has fallen in the default windows",
            direct_shapes.DirectAlarms,
            (_BY, _PROFILE),
        ),
    )
