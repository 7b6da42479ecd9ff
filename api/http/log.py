"""Routes of the log itself: checkpoints, entries as stored, proofs, receipts, the public key.

Whoever keeps a checkpoint can see from these, without trusting us, that nothing was changed.
"""

import asyncio
import base64
import threading
from itertools import accumulate
from typing import Any, Final

import orjson

from api.commands.contacts import history_of, seen
from api.commands.recording import whole_scope
from api.http.answers import TEXT, Answer, at_position, listing
from api.http.contacts import contact_id_of
from api.http.operations import Ask
from api.http.problems import RETRY_AFTER_SECONDS, HttpProblem
from api.http.vantage import read
from domain import contacts
from domain.access import sight
from domain.contacts import ContactState
from domain.errors import Unavailable, Unknown
from domain.log.checkpoint import render_tlog_proof
from domain.log.codec import uuid_text
from domain.log.leaf import body_hash
from domain.log.port import CheckpointRow, Log, StoredRow
from domain.storage.sealer import Tree
from projections.contacts import history
from projections.storage import Reader

PROOF_TEXT: Final = b"text/plain; charset=utf-8"


class Proofs:
    """The tree of the log in this process, grown when a proof asks for it."""

    def __init__(self, log: Log) -> None:
        """Nothing is read until the first proof."""
        self._tree = Tree(log)
        self._lock = threading.Lock()

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """Return the audit path of a position in the tree of `size` events."""
        with self._lock:
            self._grow(size)
            return self._tree.tiled.inclusion(position - 1, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of `new` events begins with that of `old`."""
        with self._lock:
            self._grow(new)
            return self._tree.tiled.consistency(old, new)

    def root(self, size: int) -> bytes:
        """Return the root over the first `size` events."""
        with self._lock:
            self._grow(size)
            return self._tree.tiled.root(size)

    def _grow(self, size: int) -> None:
        if self._tree.size < size:
            self._tree.grow()


def base64_text(raw: bytes) -> str:
    """Return bytes as proofs and checkpoints write them."""
    return base64.b64encode(raw).decode()


async def get_checkpoint(ask: Ask) -> Answer:
    """Return the newest signed checkpoint, or the smallest of at least `size`."""
    size = ask.query.get("size", 0)
    row = await ask.door.read(lambda: ask.services.log.checkpoint(size))
    if row is None:
        raise Unknown("not_found")
    return Answer(200, row.note.encode(), at_position(row.size), TEXT)


async def get_key(ask: Ask) -> Answer:
    """Return the public key that checkpoints are verified with."""
    key = await asyncio.to_thread(ask.services.settings.checkpoint_key)
    return Answer(200, f"{key.verifier}\n".encode(), [], TEXT)


async def list_entries(ask: Ask) -> Answer:
    """Return rows as they are stored, so that an outsider can compute every leaf."""
    after, limit = ask.query.get("after", 0), ask.query.get("limit", 100)
    rows = await asyncio.to_thread(ask.services.log.rows, after, limit + 1)
    page = rows[:limit]
    items = [orjson.dumps(entry_of(row)) for row in page]
    head = page[-1].position if page else after
    following = str(head) if len(rows) > limit else None
    return listing(items, following, head)


def entry_of(row: StoredRow) -> dict[str, Any]:
    """Return a row as JSON; texts are the stored bytes, because bytes are what was hashed."""
    return {
        "position": row.position,
        "recorded_at": row.recorded_at,
        "event_id": uuid_text(row.event_id),
        "type": row.type,
        "tags": row.tags,
        "metadata": row.metadata.decode(),
        "data": row.data.decode(),
        "stream_id": row.stream_id,
        "stream_version": row.stream_version,
        "key_hash": None if row.key_hash is None else row.key_hash.hex(),
        "leaf": row.leaf.hex(),
    }


async def _size_asked(ask: Ask, name: str) -> int:
    """Return a tree size that exists: the one asked for, else that of the newest checkpoint."""
    log, size = ask.services.log, ask.query.get(name)
    head = await ask.door.read(log.head)
    if size is None:
        newest = await ask.door.read(log.checkpoint)
        size = newest.size if newest is not None else head
    if size > head:
        raise _no_such_position(name)
    return int(size)


def _no_such_position(name: str) -> HttpProblem:
    fault = (f"/query/{name}", "position_unknown", "efter loggens sidste hændelse")
    return HttpProblem("position_unknown", [fault])


async def prove_inclusion(ask: Ask) -> Answer:
    """Prove that a position is in the tree of a size."""
    position, size = ask.query.get("position"), await _size_asked(ask, "size")
    if position is None:
        raise HttpProblem("invalid_input", [("/query/position", "invalid_input", "mangler")])
    if position > size:
        raise _no_such_position("position")
    proofs = ask.door.proofs
    path = await asyncio.to_thread(proofs.inclusion, position, size)
    root = await asyncio.to_thread(proofs.root, size)
    leaves = await ask.door.read(lambda: ask.services.log.leaves(position, 1))
    body = {
        "position": position,
        "index": position - 1,
        "size": size,
        "leaf": base64_text(leaves[0]),
        "path": [base64_text(each) for each in path],
        "root": base64_text(root),
    }
    return Answer(200, orjson.dumps(body), at_position(size))


async def prove_consistency(ask: Ask) -> Answer:
    """Prove that the tree of one size begins with the tree of another."""
    new, old = await _size_asked(ask, "to"), ask.query.get("from")
    if old is None:
        raise HttpProblem("invalid_input", [("/query/from", "invalid_input", "mangler")])
    if old > new:
        fault = ("/query/from", "invalid_input", "må ikke være større end to")
        raise HttpProblem("invalid_input", [fault])
    path = await asyncio.to_thread(ask.door.proofs.consistency, old, new)
    body = {"from": old, "to": new, "path": [base64_text(each) for each in path]}
    return Answer(200, orjson.dumps(body), at_position(new))


async def get_receipt(ask: Ask) -> Answer:
    """Return the receipt of a contact's version: a proof to keep, and to check without us."""
    contact_id = contact_id_of(ask)
    whole = sight(await whole_scope(ask.services, ask.principal))
    facts, events, _ = await ask.door.read(lambda: history_of(ask.services, contact_id, whole))
    states = [*accumulate(events, contacts.evolve, initial=ContactState())]
    version = ask.query.get("version", len(facts))
    if not 0 < version <= len(facts) or not seen(whole, states[version]):
        raise Unknown("contact_unknown")
    if not whole.unfinished:
        await _demand_final(ask, contact_id, version)
    position = facts[version - 1].position
    checkpoint = await _covering(ask, position)
    path = await asyncio.to_thread(ask.door.proofs.inclusion, position, checkpoint.size)
    (row,) = await ask.door.read(lambda: ask.services.log.rows(position - 1, 1))
    text = render_tlog_proof(position - 1, path, checkpoint.note, _extra(row))
    name = f'inline; filename="{contact_id}-{version}.tlog-proof"'.encode()
    headers = [*at_position(position), (b"content-disposition", name)]
    return Answer(200, text.encode(), headers, PROOF_TEXT)


async def _demand_final(ask: Ask, contact_id: str, version: int) -> None:
    """Demand that the view shows the version: only it knows whether the enquiry is closed."""
    at, suffixes = ask.services.views.standing("contacts")

    def question(reader: Reader) -> list[bytes] | None:
        return history(reader, suffixes["contacts"], at, ask.sight, contact_id)

    steps = await read(ask, question)
    if version not in [orjson.loads(step)["version"] for step in steps or ()]:
        raise Unknown("contact_unknown")


async def _covering(ask: Ask, position: int) -> CheckpointRow:
    """Return the smallest checkpoint that covers a position; the sealer is waited for."""
    log, found = ask.services.log, None

    def covered() -> bool:
        nonlocal found
        found = log.checkpoint(position)
        return found is not None

    if not await ask.door.followers.wait(covered, ask.services.settings.wait_seconds) or not found:
        raise Unavailable("view_behind", retry=RETRY_AFTER_SECONDS)
    return found


def _extra(row: StoredRow) -> bytes:
    """Return what a reader needs beside the path to find the leaf; nobody is to trust it."""
    body = body_hash(
        row.event_id,
        row.type,
        row.tags,
        row.metadata,
        row.data,
        row.stream_id,
        row.stream_version,
        row.key_hash,
    )
    return orjson.dumps(
        {
            "position": row.position,
            "recorded_at": row.recorded_at,
            "event_id": uuid_text(row.event_id),
            "type": row.type,
            "body": body.hex(),
        }
    )
