"""Events become bytes and come back; personal parts only with their keys; old samples for ever."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import KeyRevoked
from domain.contacts import ContactLogged, ContactRetracted, ReasonText
from domain.custody import ClockSteppedBack
from domain.errors import Broken
from domain.log.codec import Codec, Fact, json_bytes, uuid_text
from domain.log.envelope import Envelope
from domain.log.leaf import body_hash
from domain.log.port import NewEvent, StoredRow
from domain.log.vault import Vault
from domain.registry import EVENTS, NAMES, UPCASTERS, EventType
from domain.values import ContactId, Value
from tests.domain.log.keyring import EveryKey, Keyring, codec_with, counted_entropy
from tests.domain.record_samples import OF_TYPE
from tests.domain.samples import SECRET, contact_events

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
EVENT_ID = "018f0000-0000-7000-8000-0000000000e1"
OTHER_ID = "018f0000-0000-7000-8000-0000000000e2"
ENVELOPE = Envelope(actor="k1", role="case_officer", via="api", mark="00" * 16)
any_event = st.one_of(*OF_TYPE.values())
RETRACTED = ContactRetracted(
    contact_id=ContactId("c1"), version=2, why=ReasonText(reason=f"{SECRET} årsag")
)


def row(new: NewEvent, position: int = 7) -> StoredRow:
    """The event as a database gives it back."""
    return StoredRow(
        position=position,
        recorded_at=1_266_915_600_000_000,
        event_id=new.event_id,
        type=new.type,
        tags=new.tags_text,
        metadata=new.metadata,
        data=new.data,
        stream_id=new.stream_id,
        stream_version=new.stream_version,
        key_hash=new.key_hash,
        leaf=bytes(32),
    )


def stored(codec: Codec, event: Value, event_id: str = EVENT_ID) -> StoredRow:
    return row(codec.encode(event, event_id, ENVELOPE))


def changed(of: StoredRow, **data: Any) -> StoredRow:
    return of._replace(data=orjson.dumps(orjson.loads(of.data) | data))


def broken(codec: Codec, rows: list[StoredRow]) -> Broken:
    with pytest.raises(Broken) as error:
        codec.facts(rows)
    return error.value


# ── there and back ───────────────────────────────────────────────────────────────────────────────


@given(any_event)
def test_what_is_encoded_decodes_to_itself(event: Value) -> None:
    codec = codec_with(Keyring())
    new = codec.encode(event, EVENT_ID, ENVELOPE)
    (fact,) = codec.facts([row(new)])
    assert codec.event(fact) == event
    assert (fact.type, fact.event_id, fact.position) == (NAMES[type(event)], EVENT_ID, 7)
    assert fact.meta == ENVELOPE.as_json()
    assert fact.data == event.model_dump(mode="json", by_alias=True)


@given(any_event)
def test_what_is_stored_is_what_was_hashed(event: Value) -> None:
    new = codec_with(Keyring()).encode(event, EVENT_ID, ENVELOPE, key_hash=bytes(32))
    assert new.body == body_hash(
        new.event_id, new.type, new.tags_text, new.metadata, new.data, None, None, bytes(32)
    )
    assert json.loads(new.tags_text) == sorted(set(new.tags)) == list(new.tags)


@given(contact_events)
def test_no_personal_word_stands_clear_in_what_is_stored(event: Value) -> None:
    new = codec_with(Keyring()).encode(event, EVENT_ID, ENVELOPE)
    written = new.data + new.metadata + new.tags_text.encode()
    assert SECRET.encode() not in written


def test_the_search_for_personal_words_sees_one_that_is_not_sealed() -> None:
    open_type = EventType("x/1", ContactRetracted, lambda _: [])
    codec = Codec(Vault(Keyring(), counted_entropy()), {"x/1": open_type}, {})
    assert SECRET.encode() in codec.encode(RETRACTED, EVENT_ID, ENVELOPE).data


@given(contact_events)
def test_every_contact_and_every_person_has_keys_of_its_own(event: Value) -> None:
    keys = Keyring()
    codec_with(keys).encode(event, EVENT_ID, ENVELOPE)
    people = [p for p in getattr(event, "participants", None) or () if p.details]
    sealed_texts = sum(
        getattr(event, name, None) is not None for name in EVENTS[NAMES[type(event)]].sealed
    )
    subjects = keys.subjects()
    assert subjects.count(f"contact:{event.contact_id}") == sealed_texts  # type: ignore[attr-defined]
    assert {s for s in subjects if s.startswith("person:")} == {
        f"person:{p.person}" for p in people
    }


@given(contact_events)
def test_destroyed_keys_empty_the_personal_parts_and_leave_the_rest(event: Value) -> None:
    keys = Keyring()
    codec = codec_with(keys)
    new = codec.encode(event, EVENT_ID, ENVELOPE)
    keys.destroy(range(1, len(keys.subjects()) + 1))
    (fact,) = codec.facts([row(new)])
    kind = EVENTS[fact.type]
    assert all(fact.data[name] is None for name in kind.sealed)
    people = fact.data.get(kind.sealed_people or "") or ()
    assert all(person["details"] is None for person in people)
    again = codec.event(fact)
    assert type(again) is type(event)
    untouched = set(type(event).model_fields) - {*kind.sealed, kind.sealed_people}
    assert all(getattr(again, name) == getattr(event, name) for name in untouched)


def test_a_whole_page_asks_for_its_keys_once() -> None:
    class Counting(Keyring):
        asked = 0

        def find(self, numbers: Iterable[int]) -> Any:
            self.asked += 1
            return super().find(numbers)

    keys = Counting()
    codec = codec_with(keys)
    rows = [stored(codec, RETRACTED, event_id) for event_id in (EVENT_ID, OTHER_ID)]
    assert len(codec.facts(rows)) == 2
    assert keys.asked == 1
    assert codec.facts([]) == []


def test_a_proof_reads_rows_without_opening_anything() -> None:
    codec = codec_with(Keyring())
    fact = codec.sealed_fact(stored(codec, RETRACTED))
    assert fact.data["why"].keys() == {"key", "sealed"}


# ── seals that were moved ────────────────────────────────────────────────────────────────────────


def test_a_sealed_part_moved_to_another_event_fails() -> None:
    codec = codec_with(Keyring())
    one = stored(codec, RETRACTED)
    error = broken(codec, [one._replace(event_id=bytes(16))])
    assert error.code == "sealed_value_invalid"


def test_a_sealed_part_moved_to_another_place_of_its_event_fails() -> None:
    event = _logged_with_two_people()
    codec = codec_with(Keyring())
    one = stored(codec, event)
    people = orjson.loads(one.data)["participants"]
    people[0]["details"], people[1]["details"] = people[1]["details"], people[0]["details"]
    assert broken(codec, [changed(one, participants=people)]).code == "sealed_value_invalid"
    assert broken(codec, [changed(one, text=people[0]["details"])]).code == "sealed_value_invalid"


def _logged_with_two_people() -> ContactLogged:
    sample = json.loads((GOLDEN / "contact.logged.1.json").read_text(encoding="utf-8"))
    event = ContactLogged.model_validate(sample["opened"], strict=False)
    assert sum(person.details is not None for person in event.participants) == 2
    return event


# ── rows that cannot be read ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("column", ["data", "metadata"])
def test_a_row_that_is_no_json_is_broken_and_names_its_position(column: str) -> None:
    codec = codec_with(Keyring())
    cut_off: dict[str, Any] = {column: b"{"}
    error = broken(codec, [stored(codec, RETRACTED)._replace(**cut_off)])
    assert error.code == "event_undecodable"
    assert error.params == {"position": 7, "type": "contact.retracted/1"}


@pytest.mark.parametrize("name", ["contact.logged/99", "os.system", ""])
def test_a_type_outside_the_registry_is_broken_and_names_its_position(name: str) -> None:
    codec = codec_with(Keyring())
    error = broken(codec, [stored(codec, RETRACTED)._replace(type=name)])
    assert error.code == "event_undecodable"
    assert error.params == {"position": 7, "type": name}


def test_data_of_another_shape_is_broken_when_it_becomes_an_event() -> None:
    codec = codec_with(Keyring())
    fact = Fact(9, 0, EVENT_ID, "log.clock_stepped_back/1", {}, {"previous": 1})
    with pytest.raises(Broken) as error:
        codec.event(fact)
    assert error.value.params == {"position": 9, "type": "log.clock_stepped_back/1"}


@pytest.mark.parametrize("data", [b"{}", b'{"why":{}}', b'{"why":"x"}', b"[]", b"null"])
def test_data_without_its_sealed_fields_is_broken_and_names_its_position(data: bytes) -> None:
    codec = codec_with(Keyring())
    error = broken(codec, [stored(codec, RETRACTED)._replace(data=data)])
    assert error.params["position"] == 7


def test_an_event_outside_the_registry_cannot_be_encoded() -> None:
    class Stranger(Value):
        x: int

    with pytest.raises(KeyError):
        codec_with(Keyring()).encode(Stranger(x=1), EVENT_ID, ENVELOPE)


# ── upcasting ────────────────────────────────────────────────────────────────────────────────────


class Moved(Value):
    """Third version of an imagined event: first `place`, then `from`/`to`, then a reason too."""

    start: str
    end: str
    why: str | None = None


def private_codec() -> Codec:
    events = {"moved/3": EventType("moved/3", Moved, lambda event: [f"at:{event.end}"])}
    upcasters = {
        "moved/1": ("moved/2", lambda data: {"start": "?", "end": data["place"]}),
        "moved/2": ("moved/3", lambda data: data | {"why": None}),
    }
    return Codec(Vault(Keyring(), counted_entropy()), events, upcasters)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("moved/1", {"place": "b"}),
        ("moved/2", {"start": "?", "end": "b"}),
        ("moved/3", {"start": "?", "end": "b", "why": None}),
    ],
)
def test_every_version_ever_stored_is_read_in_its_newest_shape(
    name: str, data: dict[str, Any]
) -> None:
    codec = private_codec()
    old = stored(codec, Moved(start="a", end="a"))._replace(type=name, data=orjson.dumps(data))
    (fact,) = codec.facts([old])
    assert fact.type == "moved/3"
    assert codec.event(fact) == Moved(start="?", end="b")
    assert codec.sealed_fact(old) == fact


def test_a_codec_knows_the_names_of_its_own_registry_only() -> None:
    codec = private_codec()
    assert codec.encode(Moved(start="a", end="b"), EVENT_ID, ENVELOPE).tags == ("at:b",)
    with pytest.raises(KeyError):
        codec.encode(RETRACTED, EVENT_ID, ENVELOPE)


# ── samples of every version ever released ───────────────────────────────────────────────────────


def golden_name(stored_name: str) -> str:
    return stored_name.replace("/", ".") + ".json"


def unsampled(names: Iterable[str], folder: Path) -> list[str]:
    return [name for name in names if not (folder / golden_name(name)).is_file()]


SAMPLES = sorted(GOLDEN.glob("*.json"))


def test_every_event_version_ever_released_has_a_sample() -> None:
    assert unsampled([*EVENTS, *UPCASTERS], GOLDEN) == []
    known = {golden_name(name) for name in (*EVENTS, *UPCASTERS)}
    first = {f"{path.stem.partition('+')[0]}.json" for path in SAMPLES}
    assert first == known, "a released name was taken out"


def test_a_version_without_a_sample_is_found() -> None:
    assert unsampled(["contact.logged/99"], GOLDEN) == ["contact.logged/99"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_still_decodes_to_what_was_written(path: Path) -> None:
    sample = json.loads(path.read_text(encoding="utf-8"))
    columns = sample["columns"]
    event_id = bytes.fromhex(columns["event_id"])
    metadata, data = columns["metadata"].encode(), columns["data"].encode()
    body = body_hash(event_id, columns["type"], columns["tags"], metadata, data, None, None, None)
    assert body.hex() == sample["body"], "the bytes of a body are a promise (docs/log-format.md)"
    old = StoredRow(
        1,
        0,
        event_id,
        columns["type"],
        columns["tags"],
        metadata,
        data,
        None,
        None,
        None,
        bytes(32),
    )
    codec = codec_with(EveryKey())
    (fact,) = codec.facts([old])
    assert fact.data == sample["opened"]
    assert fact.meta == sample["envelope"]
    event = codec.event(fact)
    if columns["type"] in EVENTS:
        assert_holds(event.model_dump(mode="json", by_alias=True), sample["opened"])


def assert_holds(again: Any, opened: Any) -> None:
    """What was written is there; a field that came later has its default (decisions/0008)."""
    if isinstance(opened, dict):
        for name, value in opened.items():
            assert_holds(again[name], value)
    elif isinstance(opened, list):
        assert len(again) == len(opened)
        for one, other in zip(again, opened, strict=True):
            assert_holds(one, other)
    else:
        assert again == opened


def test_a_field_added_later_has_its_default_in_an_old_event() -> None:
    before = json.loads((GOLDEN / "contact.logged.1.json").read_text(encoding="utf-8"))["opened"]
    since = GOLDEN / "contact.logged.1+negotiation.json"
    after = json.loads(since.read_text(encoding="utf-8"))["opened"]
    assert "negotiation" not in before["content"] and after["content"]["negotiation"] is True
    assert ContactLogged.model_validate(before, strict=False).content.negotiation is False
    with pytest.raises(KeyError):
        assert_holds({"content": {}}, {"content": {"medium": "phone"}})


# ── small things ─────────────────────────────────────────────────────────────────────────────────


@given(st.uuids())
def test_an_id_has_its_canonical_spelling(uuid: Any) -> None:
    assert uuid_text(uuid.bytes) == str(uuid)


def test_json_is_written_compactly_and_as_utf_8() -> None:
    assert json_bytes({"a": ["æ", None]}) == '{"a":["æ",null]}'.encode()


def test_an_event_without_personal_parts_asks_for_no_key() -> None:
    keys = Keyring()
    codec = codec_with(keys)
    for event in (
        KeyRevoked(key_id="k1", reason="mistet"),
        ClockSteppedBack(previous="x", observed="y", seconds=1),
    ):
        assert codec.event(codec.facts([stored(codec, event)])[0]) == event
    assert keys.subjects() == []
