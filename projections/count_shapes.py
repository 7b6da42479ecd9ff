"""What counts need to know of a contact as it stands (optællingens form): its shape, in terms.

Beside projections/count_rows.py, which keeps the rows; here is only how a content becomes a shape.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from domain.registry import Json
from projections import finality

BROADCAST: Final = 0
"""Stands for `no organisation` where a key cannot be null."""
KLE_TERM, MEDIUM_TERM = "kle:", "medium:"
"""What the words of these terms begin with; a party's word is its id, which has no colon."""


class Shape(NamedTuple):
    """What counts need to know of a contact as it stands; parties, medium and KLE as terms."""

    administrations: tuple[int, ...]
    organisations: tuple[int, ...]
    channel: str
    medium: int
    direction: str
    confidentiality: str
    """The level: a confidentiality, or that it is open and not final (`finality.level`)."""
    outcome: str
    precision: str
    first_day: str
    last_day: str
    period: str
    kle: tuple[int, ...]
    people: tuple[int, ...]
    """Parties of participants and those they spoke for: sight asks for any role."""

    def marks(self) -> list[int]:
        """Return what sight can ask for beyond the two sides of the contact."""
        sides = {*self.administrations, *self.organisations}
        return [*self.kle, *(party for party in self.people if party not in sides)]


def period_of(first: str, last: str) -> str:
    """Return the month, else the quarter, else the year that holds both days, else empty text."""
    if first[:7] == last[:7]:
        return first[:7]
    if first[:4] != last[:4]:
        return ""
    quarter = quarter_of(first)
    return quarter if quarter == quarter_of(last) else first[:4]


def quarter_of(day: str) -> str:
    """Return `YYYY-Qn` of a day or month."""
    return f"{day[:4]}-Q{(int(day[5:7]) + 2) // 3}"


def shape_of(
    data: Json, people: tuple[int, ...], terms: Mapping[str, int], *, awaited: bool = False
) -> Shape:
    """Return the shape of a content whose participants have or spoke for the parties `people`."""
    occurred = data["occurred"]
    first, last = occurred["first_day"], occurred["last_day"]
    return Shape(
        _sorted({terms[party["id"]] for party in data["administrations"]}),
        _sorted({terms[party["id"]] for party in data["organisations"]}) or (BROADCAST,),
        data["channel"],
        terms[MEDIUM_TERM + data["medium"]],
        data["direction"],
        finality.level(data, awaited=awaited),
        data["outcome"],
        occurred["precision"],
        first,
        last,
        period_of(first, last),
        _sorted({terms[KLE_TERM + number] for number in data["kle"]}),
        people,
    )


def parties_of(
    participants: Iterable[Mapping[str, Any]], terms: Mapping[str, int]
) -> tuple[int, ...]:
    """Return the parties that participants belong to or spoke for."""
    found: set[int] = set()
    for person in participants:
        if person["party"]:
            found.add(terms[person["party"]["id"]])
        found.update([terms[party["id"]] for party in person["spoke_for"]])
    return _sorted(found)


def _sorted(terms: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(terms))
