"""Routes of filing a contact (journalisering): on several things at once, and the trail of it."""

from typing import Any, Final

import orjson

from api import commands
from api.commands import FileContact
from api.http.answers import Answer, at_position, etag, listing
from api.http.contacts import contact_id_of
from api.http.operations import Ask
from api.http.preconditions import version_expected
from api.http.vantage import read, vantage, widened
from domain.errors import Unknown
from projections import contact_body, contacts
from projections.storage import Reader

_WHO: Final = ("position", "recorded_at", "actor", "role", "via", "reason")
_AT_LOGGING: Final = ("enquiry", "meeting")
"""What a contact may be filed on by its own logging."""

Json = dict[str, Any]


async def file_contact(ask: Ask) -> Answer:
    """File a contact on several things with one reason."""
    contact_id, expected = contact_id_of(ask), version_expected(ask.request)
    command = await ask.command(FileContact)
    done = await commands.file_contact(
        ask.services,
        ask.principal,
        contact_id,
        command,
        via="api",
        key=ask.idempotency_key,
        if_version=expected,
    )
    target = f'</v1/contacts/{contact_id}/receipt?version={done.version}>; rel="receipt"'
    headers = [
        (b"etag", etag(done.version)),
        *at_position(done.position),
        (b"link", target.encode()),
    ]
    if ask.prefers_minimal:
        return Answer(204, b"", [*headers, (b"preference-applied", b"return=minimal")], None)
    return Answer(200, contact_body.shown(done.facts, ask.sight), headers)


async def get_filings(ask: Ask) -> Answer:
    """Return what the contact is and was filed on: by whom, when, why, and until when."""
    contact_id = contact_id_of(ask)
    seen = await vantage(ask, "contacts", "parties")
    v, v_parties = seen.suffixes["contacts"], seen.suffixes["parties"]

    def question(reader: Reader) -> list[bytes] | None:
        sight = widened(reader, v_parties, seen.at, ask.sight)
        return contacts.history(reader, v, seen.at, sight, contact_id)

    steps = await read(ask, question)
    if steps is None:
        raise Unknown("contact_unknown")
    found = trail([orjson.loads(step) for step in steps])
    return listing([orjson.dumps(filing) for filing in found], None, seen.at)


def trail(steps: list[Json]) -> list[Json]:
    """Return every filing in the order it was made, from the steps of a contact's history."""
    filings: dict[str, Json] = {}
    for step in steps:
        contact, who = step["contact"], {name: step[name] for name in _WHO}
        if step is steps[0]:
            for kind in _AT_LOGGING:
                if (target := contact[kind]) is not None:
                    filings[kind] = _filing(None, kind, target, who)
        there = {link["link_id"]: link for link in contact["links"]}
        for link_id, link in there.items():
            if link_id not in filings:
                filings[link_id] = _filing(link_id, link["kind"], link["target"], who)
        for link_id, filing in filings.items():
            if link_id not in there and link_id not in _AT_LOGGING and filing["unfiled"] is None:
                filing["unfiled"] = who
    return list(filings.values())


def _filing(link_id: str | None, kind: str, target: str, who: Json) -> Json:
    return {
        "kind": kind,
        "target": target,
        "way": "linked" if link_id else "logged",
        "link_id": link_id,
        "filed": who,
        "unfiled": None,
    }
