"""The briefing pack (mødeforberedelse): what one must know before meeting a party, in one call.

Recent contacts, open conditions, commitments that are not kept, follow-ups that are not done, open
enquiries, papers under way, meetings to come, agreements: each as its own list gives it, within the
same sight.
"""

from itertools import islice
from typing import Final

import orjson

from api.http.answers import Answer, at_position
from api.http.inbox import judged_by, moment_asked
from api.http.operations import Ask
from api.http.parties import party_id_of
from api.http.vantage import Vantage, read, vantage, widened
from domain.access import Sight
from domain.errors import Unknown
from domain.registers import REGISTERS
from domain.registry import Json
from domain.storage import clock
from projections import contacts, enquiries, parties, record_questions
from projections.contacts import ContactQuery
from projections.enquiries import EnquiryQuery
from projections.naming import families, merges
from projections.storage import Reader

ITEMS_MAX: Final = 20
"""Entries of each part; the lists themselves go on."""
_VIEWS: Final = ("contacts", "parties", "enquiries", "rules", *REGISTERS)
_UNDER_WAY: Final = {
    "drafted",
    "submitted",
    "approved",
    "postponed",
    "dispatched",
    "recommended",
    "sent_back",
}
_RECORDS: Final = (
    ("commitments", "commitments", {"open", "broken"}),
    ("followups", "followups", {"open", "overdue"}),
    ("papers", "documents", _UNDER_WAY),
    ("meetings", "meetings", {"called"}),
    ("agreements", "agreements", {"explored", "negotiating", "drafted", "concluded"}),
)
"""Part of the pack, the register it comes from, and the statuses that belong in it."""


async def brief(ask: Ask) -> Answer:
    """Return the pack for one party, a forum being a party too."""
    party_id = party_id_of(ask)
    seen = await vantage(ask, *_VIEWS)
    now = moment_asked(ask, seen)

    def question(reader: Reader) -> Json:
        v_parties = seen.suffixes["parties"]
        sight = widened(reader, v_parties, seen.at, ask.sight)
        if parties.one(reader, v_parties, seen.at, seen.day, party_id) is None:
            raise Unknown("party_not_found")
        family = families(merges(reader, v_parties, seen.at), [party_id])
        judged = judged_by(ask, reader, seen, now)
        query = EnquiryQuery(sender=family, open=True, sort="deadline", limit=ITEMS_MAX)
        inbox = enquiries.inbox(
            reader, seen.suffixes["enquiries"], seen.at, seen.day, sight, judged, query
        )
        recent = contacts.newest(
            reader,
            seen.suffixes["contacts"],
            seen.at,
            seen.day,
            sight,
            ContactQuery(parties=family, limit=ITEMS_MAX),
        )
        return {
            "party": sorted(family),
            "contacts": [orjson.loads(item) for item in recent.items],
            "enquiries": [orjson.loads(item) for item in inbox.items],
            **_records(ask, reader, seen, sight, family),
        }

    found = await read(ask, question, long=True)
    body = orjson.dumps({**found, "position": seen.at})
    return Answer(200, body, list(at_position(seen.at)))


def _records(ask: Ask, reader: Reader, seen: Vantage, sight: Sight, family: frozenset[str]) -> Json:
    """Return the parts that come from registers, judged by the day that is asked about."""
    day = seen.day or clock.now().astimezone(ask.services.zone).date().isoformat()
    conditions = record_questions.open_conditions(
        reader, seen.suffixes["positions"], seen.at, seen.day, sight, set(family)
    )
    pack: Json = {"open_conditions": conditions[:ITEMS_MAX]}
    for part, name, statuses in _RECORDS:
        register, v = REGISTERS[name], seen.suffixes[name]
        found = record_questions.every(
            reader,
            v,
            seen.at,
            seen.day,
            sight,
            page_rows=ITEMS_MAX,
            party=set(family),
            status=statuses,
        )
        items = list(islice(found, ITEMS_MAX))
        pack[part] = [register.judge(item, day) if register.judge else item for item in items]
    return pack
