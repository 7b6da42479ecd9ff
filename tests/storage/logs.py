"""Logs, codecs and entries for tests of what is built on a store."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

from domain.contacts import ContactRetracted, ReasonText
from domain.log.codec import Codec
from domain.log.envelope import Envelope
from domain.log.leaf import body_hash
from domain.log.port import NewEvent
from domain.storage.journal import Entry
from domain.storage.sqlite import SqliteLog
from domain.values import ContactId, Value
from tests.domain.log.keyring import Keyring, codec_with

ENVELOPE = Envelope(actor="k1", role="case_officer", via="api", mark="01" * 16)


@contextmanager
def sqlite_log(folder: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(folder / "log.db")) as log:
        yield log


def small_event(number: int, *tags: str) -> NewEvent:
    """An event with an id of its number and no content to speak of."""
    event_id = UUID(int=number).bytes
    text = "[" + ",".join(f'"{tag}"' for tag in sorted(tags)) + "]"
    body = body_hash(event_id, "x/1", text, b"{}", b"{}", None, None, None)
    return NewEvent(event_id, "x/1", tuple(sorted(tags)), text, b"{}", b"{}", body)


def codec() -> Codec:
    return codec_with(Keyring())


def retraction(contact: str = "c1", reason: str = "dobbelt") -> Value:
    return ContactRetracted(contact_id=ContactId(contact), version=2, why=ReasonText(reason=reason))


def entry(*events: Value, mark: str = "01" * 16, **more: object) -> Entry:
    envelope = Envelope(actor="k1", role="case_officer", via="api", mark=mark)
    return Entry(events or (retraction(),), envelope, **more)  # type: ignore[arg-type]
