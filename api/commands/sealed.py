"""Who may know of a contact, decided while its texts are still sealed (commands and receipts).

Opening a text asks for its key. Whoever may not see the contact shall not learn by that look, or by
the time it takes, that there is something to open.
"""

from collections.abc import Sequence

from domain.access import Sight, sees
from domain.log.codec import Fact
from domain.registry import Json
from domain.values import Confidentiality


def seen_sealed(limits: Sight, contact_id: str, facts: Sequence[Fact]) -> bool:
    """Return what `contacts.seen` does, from facts whose texts and people are sealed."""
    content: Json | None = None
    concerned: set[str] = set()
    people: list[Json] = []
    retracted = False
    for fact in facts:
        data = fact.data
        if data["contact_id"] != contact_id:
            continue
        retracted = retracted or fact.type == "contact.retracted/1"
        content = data.get("content", content)
        people = data["participants"] if data.get("participants") is not None else people
    if content is None:
        return False
    concerned |= {party["id"] for party in (*content["administrations"], *content["organisations"])}
    for person in people:
        concerned |= {person["party"]["id"]} if person["party"] else set()
        concerned |= {party["id"] for party in person["spoke_for"]}
    final = not (content.get("negotiation", False) or retracted)
    level = Confidentiality(content["confidentiality"])
    return sees(limits, level, concerned, content["kle"], final=final)
