"""The contacts filed on an enquiry, and the trail of their filing (journaliseringsspor).

A contact can be filed at any time, on several things, and be taken off again; nothing of that is
forgotten. Read from the contacts' own histories, so nothing shows that those would not show.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import orjson

from domain.access import Sight
from domain.registry import Json
from projections import contacts
from projections.contact_rows import TARGET
from projections.storage import OPEN, Reader

_WHO: Final = ("position", "recorded_at", "actor", "role", "via", "reason")


class Filed(NamedTuple):
    """One page of contacts with their trails as ready JSON, and where to go on."""

    items: list[bytes]
    next: int | None


def filed_on(
    reader: Reader,
    v: str,
    at: int,
    day: str | None,
    sight: Sight,
    enquiry_id: str,
    came_with: str,
    limit: int,
    after: int | None = None,
) -> Filed:
    """Return the contacts that are or were filed on an enquiry, the newest first.

    `v` is the suffix of the view `contacts`; `came_with` the contact the enquiry came with. A
    contact the asker may not see is left out, so a page may hold fewer than `limit`.
    """
    rows = _numbers(reader, v, at, enquiry_id, came_with, limit + 1, after)
    items: list[bytes] = []
    for _, contact_id in rows[:limit]:
        item = contacts.one(reader, v, at, day, sight, contact_id)
        steps = contacts.history(reader, v, at, sight, contact_id)
        if item is None or steps is None:
            continue
        way = "came_with" if contact_id == came_with else "logged"
        filings = list(_trail(map(orjson.loads, steps), enquiry_id, way))
        head = {"filed": any(each["unfiled"] is None for each in filings), "filings": filings}
        items.append(b'%b,"contact":%b}' % (orjson.dumps(head)[:-1], item.body))
    return Filed(items, rows[limit - 1][0] if len(rows) > limit else None)


def _numbers(
    reader: Reader,
    v: str,
    at: int,
    enquiry_id: str,
    came_with: str,
    limit: int,
    after: int | None,
) -> list[tuple[int, str]]:
    """Return number and id of the contacts that any version of bears a link to the enquiry."""
    beyond = OPEN if after is None else after
    # The first version of a contact stands at its number.
    linked: Sequence[tuple[int, str]] = reader.all(
        f"SELECT DISTINCT x.number, c.contact_id FROM link_{v} x CROSS JOIN contact_{v} c"
        f" WHERE x.term = (SELECT t.term FROM term_{v} t WHERE t.value = ? AND t.kind = {TARGET})"
        " AND x.from_position <= ? AND x.number < ? AND c.from_position = x.number"
        " ORDER BY x.number DESC LIMIT ?",
        (f"enquiry:{enquiry_id}", at, beyond, limit),
    )
    came: Sequence[tuple[int, str]] = reader.all(
        f"SELECT DISTINCT number, contact_id FROM contact_{v} WHERE contact_id = ? AND number < ?",
        (came_with, beyond),
    )
    found = {(number, contact_id) for number, contact_id in (*linked, *came)}
    return sorted(found, reverse=True)[:limit]


def _trail(steps: Iterable[Json], enquiry_id: str, way: str) -> Iterator[Json]:
    """Return each filing with who did it when and why, and the same of its removal."""
    open_filings: dict[str, Json] = {}
    made: list[Json] = []
    for step in steps:
        contact = step["contact"]
        who = {name: step[name] for name in _WHO}
        here = {
            link["link_id"]
            for link in contact["links"]
            if link["kind"] == "enquiry" and link["target"] == enquiry_id
        }
        if contact["enquiry"] == enquiry_id:
            here.add("")
        for link_id in sorted(here - set(open_filings)):
            filing: Json = {
                "way": "linked" if link_id else way,
                "link_id": link_id or None,
                "filed": who,
                "unfiled": None,
            }
            open_filings[link_id] = filing
            made.append(filing)
        for link_id in sorted(set(open_filings) - here):
            open_filings.pop(link_id)["unfiled"] = who
    yield from made
