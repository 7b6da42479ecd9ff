"""Routes that write about enquiries: receive one, and one table of its steps.

Every step goes the same way: its name in the path chooses the command, the body is that command,
and the answer is the enquiry as it then stands, as far as the asker may see it.
"""

import re
from typing import Any, Final

from api import commands
from api.commands import STEPS, EnquiryDone
from api.http.answers import Answer, Headers, at_position, etag
from api.http.operations import Ask, Endpoint
from api.http.preconditions import version_expected
from domain.enquiries import ReceiveEnquiry, StepName
from domain.errors import Unknown

_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def enquiry_id_of(ask: Ask) -> str:
    """Return the enquiry's id of the path; 404 for what no id is."""
    enquiry_id = ask.path("enquiry_id")
    if not _ID.fullmatch(enquiry_id):
        raise Unknown("enquiry_unknown")
    return enquiry_id


async def receive_enquiry(ask: Ask) -> Answer:
    """Receive an enquiry; answered from what was recorded, no view is waited for."""
    command = await ask.command(ReceiveEnquiry)
    key = ask.idempotency_key
    done = await commands.receive_enquiry(ask.services, ask.principal, command, via="api", key=key)
    status = 200 if done.repeated and not await recorded_under(ask, key) else 201
    receipt = f'</v1/contacts/{done.contact_id}/receipt?version=1>; rel="receipt"'
    headers = [
        (b"location", f"/v1/enquiries/{done.enquiry_id}".encode()),
        (b"link", receipt.encode()),
    ]
    return await _written(ask, done, status, headers)


async def recorded_under(ask: Ask, key: str | None) -> bool:
    """Return whether this very request was the one recorded, so that 201 was its answer."""
    if key is None:
        return False
    key_hash = commands.key_hash_of(ask.principal.key_id, key)
    return await ask.door.read(lambda: ask.services.log.row_of_key(key_hash)) is not None


def stepping(name: StepName) -> Endpoint:
    """Return the endpoint of one kind of step."""
    model = STEPS[name]

    async def take(ask: Ask) -> Answer:
        enquiry_id, expected = enquiry_id_of(ask), version_expected(ask.request)
        command: Any = await ask.command(model)
        done = await commands.take_step(
            ask.services,
            ask.principal,
            enquiry_id,
            command,
            via="api",
            key=ask.idempotency_key,
            if_version=expected,
        )
        return await _written(ask, done, 200, [])

    return take


async def _written(ask: Ask, done: EnquiryDone, status: int, headers: Headers) -> Answer:
    """Answer with the enquiry as it was recorded; the same bytes when asked again.

    Its deadlines are told as they stood when the step was recorded, so that they stay the same.
    """
    headers = [(b"etag", etag(done.version)), *at_position(done.position), *headers]
    if ask.prefers_minimal:
        return Answer(204, b"", [*headers, (b"preference-applied", b"return=minimal")], None)
    return Answer(status, await ask.door.read(lambda: _shown(ask, done)), headers)


def _shown(ask: Ask, done: EnquiryDone) -> bytes:
    return commands.shown_as_recorded(ask.services, done.facts, ask.sight)
