"""Routes of contacts: log, read, list, history, receipt, correct, retract, link."""

import asyncio
import re
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field

from api import commands
from api.commands import ContactDone
from api.commands.contacts import Plain
from api.http import bodies
from api.http.answers import Answer, Headers, at_position, etag, listing
from api.http.operations import Ask
from api.http.preconditions import is_unchanged, version_expected
from api.http.problems import HttpProblem, body_of, fault_of, of_error
from api.http.vantage import (
    Vantage,
    family_of,
    kept_as,
    next_cursor,
    read,
    vantage,
    widened,
)
from domain.contacts import (
    CorrectContact,
    LinkContact,
    LogContact,
    RetractContact,
    UnlinkContact,
)
from domain.errors import DomainError, Refused, Unknown
from domain.values import Reason, Value
from projections import contact_body, contacts, search
from projections.contacts import ContactQuery
from projections.storage import Reader

_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_PLAIN_FILTERS: Final = (
    "channel",
    "medium",
    "direction",
    "topic",
    "kle",
    "case_number",
    "occurred_from",
    "occurred_to",
    "recorded_from",
    "recorded_to",
    "confidentiality",
    "outcome",
    "flag",
)


class UnlinkBody(Value):
    """Why the contact is taken off what it was filed on; the link stands in the path."""

    reason: Reason


class BatchBody(BaseModel):
    """Up to 1,000 contacts at once."""

    model_config = ConfigDict(extra="forbid")
    items: list[LogContact] = Field(min_length=1, max_length=commands.BATCH_ITEMS_MAX)


def contact_id_of(ask: Ask) -> str:
    """Return the contact's id of the path; 404 for what no id is."""
    contact_id = ask.path("contact_id")
    if not _ID.fullmatch(contact_id):
        raise Unknown("contact_unknown")
    return contact_id


# ── write ────────────────────────────────────────────────────────────────────────────────────────


async def log_contact(ask: Ask) -> Answer:
    """Record that a contact took place; answered from what was recorded, no view is waited for."""
    command = await ask.command(LogContact)
    key = ask.idempotency_key
    done = await commands.log_contact(ask.services, ask.principal, command, via="api", key=key)
    status = 200 if done.repeated and not await _recorded_under(ask, key) else 201
    return _written(ask, done, status, [(b"location", f"/v1/contacts/{done.contact_id}".encode())])


async def _recorded_under(ask: Ask, key: str | None) -> bool:
    """Return whether the contact was first recorded by this very request, so 201 was its answer."""
    if key is None:
        return False
    key_hash = commands.key_hash_of(ask.principal.key_id, key)
    return await ask.door.read(lambda: ask.services.log.row_of_key(key_hash)) is not None


async def correct_contact(ask: Ask) -> Answer:
    """Correct a contact."""
    contact_id, expected = contact_id_of(ask), version_expected(ask.request)
    command = await ask.command(CorrectContact)
    done = await commands.correct_contact(
        ask.services,
        ask.principal,
        contact_id,
        command,
        via="api",
        key=ask.idempotency_key,
        if_version=expected,
    )
    return _written(ask, done, 200, [])


async def retract_contact(ask: Ask) -> Answer:
    """Withdraw a contact."""
    return await _change(ask, await _checked(ask, RetractContact))


async def link_contact(ask: Ask) -> Answer:
    """File a contact on something."""
    return await _change(ask, await _checked(ask, LinkContact))


async def unlink_contact(ask: Ask) -> Answer:
    """Take a contact off what it was filed on."""
    body = await _checked(ask, UnlinkBody)
    return await _change(ask, UnlinkContact(link_id=ask.path("link_id"), reason=body.reason))


async def _checked(ask: Ask, model: type[bodies.Model]) -> bodies.Model:
    contact_id_of(ask)
    version_expected(ask.request)
    return await ask.command(model)


async def _change(ask: Ask, command: Plain) -> Answer:
    done = await commands.change_contact(
        ask.services,
        ask.principal,
        contact_id_of(ask),
        command,
        via="api",
        key=ask.idempotency_key,
        if_version=version_expected(ask.request),
    )
    return _written(ask, done, 200, [])


def _written(ask: Ask, done: ContactDone, status: int, headers: Headers) -> Answer:
    """Answer a command with the contact as it was recorded; the same bytes when asked again."""
    headers += [
        (b"etag", etag(done.version)),
        *at_position(done.position),
        _receipt_link(done.contact_id, done.version),
    ]
    if ask.prefers_minimal:
        return Answer(204, b"", [*headers, (b"preference-applied", b"return=minimal")], None)
    body = contact_body.shown(done.facts, ask.sight)
    return Answer(status, body, headers)


def _receipt_link(contact_id: str, version: int) -> tuple[bytes, bytes]:
    target = f'</v1/contacts/{contact_id}/receipt?version={version}>; rel="receipt"'
    return (b"link", target.encode())


# ── many at once ─────────────────────────────────────────────────────────────────────────────────


async def log_contacts(ask: Ask) -> Answer:
    """Record up to 1,000 contacts, each on its own or all as one."""
    raw, key = await ask.body(batch=True), ask.idempotency_key
    return await asyncio.to_thread(_log_contacts, ask, raw, key)


def _log_contacts(ask: Ask, raw: bytes, key: str | None) -> Answer:
    given = _items_of(raw)
    valid: list[tuple[int, LogContact]] = []
    results: list[dict[str, Any] | None] = [None] * len(given)
    for index, item in enumerate(given):
        try:
            valid.append((index, _item(item)))
        except HttpProblem as problem:
            results[index] = _failed(problem)
    if ask.query.get("atomic", False):
        return _whole(ask, [command for _, command in valid], results, key)
    outcomes = commands.log_contacts_sync(
        ask.services,
        ask.principal,
        [command for _, command in valid],
        via="api",
        key=key,
        numbers=[index for index, _ in valid],
    )
    position = 0
    for (index, _), outcome in zip(valid, outcomes, strict=True):
        if isinstance(outcome, DomainError):
            results[index] = _failed(of_error(outcome))
        else:
            results[index] = _recorded(outcome, 200 if outcome.repeated and key is None else 201)
            position = max(position, outcome.position)
    return _batch(200, results, position)


def _whole(
    ask: Ask, valid: list[LogContact], results: list[dict[str, Any] | None], key: str | None
) -> Answer:
    faults = [
        (f"/items/{index}{fault['pointer']}", fault["code"], fault["detail"])
        for index, result in enumerate(results)
        if result is not None
        for fault in result["problem"]["errors"]
    ]
    if faults:
        raise HttpProblem("invalid_input", faults)
    try:
        done = commands.log_contacts_whole_sync(
            ask.services, ask.principal, valid, via="api", key=key
        )
    except Refused as error:
        if not error.faults:
            raise
        raise HttpProblem("batch_aborted", [fault_of(each) for each in error.faults]) from None
    return _batch(201, [_recorded(each, 201) for each in done], done[-1].position)


def _items_of(raw: bytes) -> list[Any]:
    body = bodies.parsed(raw)
    items = body.get("items") if isinstance(body, dict) and set(body) == {"items"} else None
    if not isinstance(items, list) or not 0 < len(items) <= commands.BATCH_ITEMS_MAX:
        detail = f"en liste med 1-{commands.BATCH_ITEMS_MAX} kontakter, og intet andet"
        raise HttpProblem("invalid_input", [("/items", "invalid_input", detail)])
    return items


def _item(item: Any) -> LogContact:
    try:
        raw = orjson.dumps(item)
    except TypeError:  # a number or a surrogate that no JSON writer takes
        raise HttpProblem("invalid_input", [("", "invalid_input", "ugyldig værdi")]) from None
    return bodies.command(LogContact, raw)


def _failed(problem: HttpProblem) -> dict[str, Any]:
    body = body_of(problem)
    body.setdefault("errors", [{"pointer": "", "code": body["code"], "detail": body["detail"]}])
    return {"status": body["status"], "problem": body}


def _recorded(done: ContactDone, status: int) -> dict[str, Any]:
    return {
        "status": status,
        "id": done.contact_id,
        "version": done.version,
        "position": done.position,
    }


def _batch(status: int, results: list[dict[str, Any] | None], position: int) -> Answer:
    made = [result for result in results if result is not None]
    failed = sum("problem" in result for result in made)
    body = {
        "items": made,
        "recorded": len(made) - failed,
        "failed": failed,
        "position": position,
    }
    return Answer(status, orjson.dumps(body), at_position(position))


# ── read ─────────────────────────────────────────────────────────────────────────────────────────


async def list_contacts(ask: Ask) -> Answer:
    """List contacts, newest first."""
    text = ask.query.get("text")
    seen = await vantage(ask, "contacts", "parties", *(("search",) if text else ()))
    key = kept_as(ask, seen)
    if key is not None and (kept := ask.door.recent.get(key)) is not None:
        return Answer(200, kept, at_position(seen.at))
    v, v_parties = seen.suffixes["contacts"], seen.suffixes["parties"]
    v_search = seen.suffixes.get("search", "")

    def question(reader: Reader) -> contacts.Page:
        sight = widened(reader, v_parties, seen.at, ask.sight)
        matches = search.search_sql(reader, v_search, seen.at, text, sight) if text else None
        query = _query(reader, v_parties, seen, ask.query)
        return contacts.newest(reader, v, seen.at, seen.day, sight, query, matches)

    page = await read(ask, question, long=bool(text))
    answer = listing(page.items, next_cursor(ask, seen, page.next), seen.at)
    if key is not None:
        ask.door.recent.put(key, answer.body)
    return answer


def _query(reader: Reader, v_parties: str, seen: Vantage, given: dict[str, Any]) -> ContactQuery:
    after = seen.after
    return ContactQuery(
        parties=family_of(reader, v_parties, seen, "party", given.get("party")),
        administrations=family_of(
            reader, v_parties, seen, "administration", given.get("administration")
        ),
        organisations=family_of(reader, v_parties, seen, "organisation", given.get("organisation")),
        **{name: given.get(name) for name in _PLAIN_FILTERS},
        text=given.get("text"),
        link_target=f"enquiry:{given['enquiry']}" if "enquiry" in given else None,
        include_retracted=given.get("include_retracted", False),
        limit=seen.limit,
        after=(str(after[0]), int(after[1])) if after else None,
    )


async def get_contact(ask: Ask) -> Answer:
    """Return one contact."""
    contact_id = contact_id_of(ask)
    seen = await vantage(ask, "contacts", "parties")
    v, v_parties = seen.suffixes["contacts"], seen.suffixes["parties"]

    def question(reader: Reader) -> contacts.Item | None:
        sight = widened(reader, v_parties, seen.at, ask.sight)
        return contacts.one(reader, v, seen.at, seen.day, sight, contact_id)

    item = await read(ask, question)
    if item is None:
        raise Unknown("contact_unknown")
    headers = [
        (b"etag", etag(item.version)),
        *at_position(seen.at),
        _receipt_link(contact_id, item.version),
    ]
    if is_unchanged(ask.request, item.version):
        return Answer(304, b"", headers, None)
    return Answer(200, item.body, headers)


async def get_history(ask: Ask) -> Answer:
    """Return every step of a contact."""
    contact_id = contact_id_of(ask)
    seen = await vantage(ask, "contacts", "parties")
    v, v_parties = seen.suffixes["contacts"], seen.suffixes["parties"]

    def question(reader: Reader) -> list[bytes] | None:
        sight = widened(reader, v_parties, seen.at, ask.sight)
        return contacts.history(reader, v, seen.at, sight, contact_id)

    steps = await read(ask, question)
    if steps is None:
        raise Unknown("contact_unknown")
    return listing(steps, None, seen.at)
