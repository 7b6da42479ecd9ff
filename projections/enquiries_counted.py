"""How many enquiries there are (antal henvendelser), by phase, unit, medium, deadline, month.

Counted from the same rows in the same sight as the inbox, so a figure and the list behind it agree.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from domain.registry import Json
from projections.enquiries import Found
from projections.enquiry_clocks import Judged, states_of

DIMENSIONS_MAX: Final = 2
STATES: Final = ("overdue", "at_risk", "running", "missed", "met", "ended")
"""States of a clock, the most pressing first: an enquiry counts under the first of its own."""
_MONTH_CHARS: Final = 7


class Counts(NamedTuple):
    """Rows by key, and how many enquiries there are in all."""

    rows: list[Json]
    total: int


def counted(
    found: Iterable[Found], by: Sequence[str], judged: Judged, *, marks: bool = True
) -> Counts:
    """Return how many enquiries fall under each value of the dimensions `by`.

    One that two units have counts under both and once in the total; one that nobody has is not lost
    but stands under null, and so do deadlines for those who are not shown how they stand (`marks`).
    """
    groups: Counter[tuple[Any, ...]] = Counter()
    units: dict[str, str] = {}
    total = 0
    for each in found:
        total += 1
        body: Json = orjson.loads(each.parts.body + b"}")
        units |= {
            o["holder"]["id"]: o["holder"]["name"] for o in body["obligations"] if o["holder"]
        }
        keys: list[tuple[Any, ...]] = [()]
        for name in by:
            if name == "deadline":
                values: Sequence[Any] = [_pressing(each, judged) if marks else None]
            else:
                values = DIMENSIONS[name](body)
            keys = [(*key, value) for key in keys for value in values]
        groups.update(keys)
    rows = [
        {**_shown(by, key, units), "count": n}
        for key, n in sorted(groups.items(), key=lambda item: [str(part) for part in item[0]])
    ]
    return Counts(rows, total)


def _shown(by: Sequence[str], key: Sequence[Any], units: Mapping[str, str]) -> Json:
    return {
        name: {"id": value, "name": units[value]} if name == "unit" and value is not None else value
        for name, value in zip(by, key, strict=True)
    }


def _pressing(found: Found, judged: Judged) -> str | None:
    states = {state for _, state in states_of(found.parts.clocks, judged)}
    return next((state for state in STATES if state in states), None)


def _units(body: Json) -> Sequence[str | None]:
    holders = [each["holder"]["id"] for each in body["obligations"] if each["holder"]]
    return list(dict.fromkeys(holders)) or [None]


DIMENSIONS: Final[Mapping[str, Callable[[Json], Sequence[Any]]]] = MappingProxyType(
    {
        "phase": lambda body: [body["phase"]],
        "unit": _units,
        "medium": lambda body: [body["medium"]],
        "deadline": lambda _: [None],
        "month": lambda body: [body["received_day"][:_MONTH_CHARS]],
    }
)
