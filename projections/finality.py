"""Whether an open contact is final (endelig): councillors see final and open records only.

An open contact is not final while negotiations are under way, once it was withdrawn, and while the
enquiry it came with is not closed. What such a contact is to a reader is a level of its own beside
open, internal and restricted, so that a filter stays one list of levels.
"""

from collections.abc import Iterable
from typing import Final

from domain.access import Sight
from domain.log.codec import Fact
from domain.registry import Json
from domain.values import Confidentiality
from projections.naming import placeholders, portions
from projections.storage import Reader, Tx

RECEIVED: Final = "enquiry.received/1"
REOPENED: Final = "enquiry.reopened/1"
TYPES: Final = frozenset(
    {RECEIVED, REOPENED, "enquiry.closed/1", "enquiry.split/1", "enquiry.merged/1"}
)
"""Events that decide whether an enquiry is under way; split and merged, it lives on in others."""
NEGOTIATED: Final = "negotiated"
"""Level of an open contact under negotiation, or withdrawn."""
AWAITED: Final = "awaited"
"""Level of an open contact that came with an enquiry which is not closed."""
UNFINISHED: Final = (NEGOTIATED, AWAITED)

TABLES: Final = (
    (
        "CREATE TABLE awaited_{v} (enquiry_id {text} NOT NULL PRIMARY KEY,"
        " contact_id {text} NOT NULL, under_way {bigint} NOT NULL)"
    ),
    "CREATE INDEX awaited_contact_{v} ON awaited_{v} (contact_id)",
)
"""What `apply` needs to know of enquiries; no question reads it, so its rows have no positions."""


def level(content: Json, *, retracted: bool = False, awaited: bool = False) -> str:
    """Return the level of a contact from its content (or its body): a confidentiality or less."""
    confidentiality: str = content["confidentiality"]
    if confidentiality != Confidentiality.OPEN:
        return confidentiality
    if retracted or content.get("negotiation", False):
        return NEGOTIATED
    return AWAITED if awaited else confidentiality


def levels_seen(sight: Sight) -> list[str]:
    """Return the levels one with this sight may see, in alphabetical order."""
    unfinished = sight.unfinished and Confidentiality.OPEN in sight.confidentialities
    return sorted([*sight.confidentialities, *(UNFINISHED if unfinished else ())])


def confidentiality_of(of_level: str) -> str:
    """Return the confidentiality that a level is shown as."""
    return Confidentiality.OPEN if of_level in UNFINISHED else of_level


def note(tx: Tx, v: str, fact: Fact) -> str | None:
    """Note what an event says of its enquiry; return the contact it came with, if that is known."""
    enquiry_id: str = fact.data["enquiry_id"]
    under_way = int(fact.type in {RECEIVED, REOPENED})
    if fact.type == RECEIVED:
        contact_id: str = fact.data["contact_id"]
        tx.run(f"INSERT INTO awaited_{v} VALUES (?,?,1)", (enquiry_id, contact_id))
        return contact_id
    tx.run(f"UPDATE awaited_{v} SET under_way=? WHERE enquiry_id=?", (under_way, enquiry_id))
    row = tx.one(f"SELECT contact_id FROM awaited_{v} WHERE enquiry_id=?", (enquiry_id,))
    return None if row is None else str(row[0])


def is_awaited(reader: Reader, v: str, contact_id: str) -> bool:
    """Return whether an enquiry that came with the contact is under way."""
    sql = f"SELECT 1 FROM awaited_{v} WHERE contact_id=? AND under_way=1"
    return reader.one(sql, (contact_id,)) is not None


def contacts_named(reader: Reader, v: str, facts: Iterable[Fact]) -> list[str]:
    """Return the contacts that events of a page about enquiries concern."""
    facts = [fact for fact in facts if fact.type in TYPES]
    found = {str(fact.data["contact_id"]) for fact in facts if fact.type == RECEIVED}
    for some in portions(fact.data["enquiry_id"] for fact in facts if fact.type != RECEIVED):
        rows = reader.all(
            f"SELECT contact_id FROM awaited_{v} WHERE enquiry_id IN ({placeholders(len(some))})",
            some,
        )
        found |= {str(row[0]) for row in rows}
    return sorted(found)
