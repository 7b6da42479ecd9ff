"""Records at any two times: a row for each position and day equals the steps that had happened."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.access import Role, Sight
from domain.commitments import CommitmentFulfilled, CommitmentMade, CommitmentRescheduled
from domain.log.codec import Fact
from domain.records import Record
from domain.registers import REGISTERS, Register
from domain.registry import EVENTS
from domain.values import Confidentiality, OccurredGiven, Value
from projections import record_bodies, register_days, registers
from projections.record_bodies import day_of, told
from projections.register_rows import RegisterView
from projections.registers import RecordQuery
from projections.runner import Runner, positions
from projections.storage import ViewStore, open_views
from tests.domain.record_samples import OF_RECORD
from tests.domain.samples import COPENHAGEN, KAB, TMF
from tests.projections.memory import EVERYTHING, Story, seeing

DAYS: Final = [f"2010-0{month}-15" for month in range(1, 7)]
ASKED: Final = ("2009-12-31", *DAYS, "2010-02-01", "2010-06-16", None)
COUNCILLOR: Final = seeing(Role.COUNCILLOR)
HEAD: Final = ("position", "recorded_at", "changed_at")
RECORDS: Final = ("0192f3a0-7c00-7abc-8def-00112233440a", "0192f3a0-7c00-7abc-8def-00112233440b")
ALL: Final = list(REGISTERS.values())
ids = pytest.mark.parametrize("register", ALL, ids=[register.name for register in ALL])


def of_day(day: str) -> Any:
    return OccurredGiven.model_validate(day).resolve(COPENHAGEN)


@st.composite
def histories(draw: st.DrawFn, register: Register) -> list[Value]:
    """Events of two records, told in any order, each of some day; every opening comes first."""
    openings = [n for n in register.events if "version" not in EVENTS[n].model.model_fields]
    steps = sorted(register.events - set(openings))
    told_of = [(record, openings[0]) for record in RECORDS]
    names = st.tuples(st.sampled_from(RECORDS), st.sampled_from(steps))
    told_of += draw(st.lists(names, max_size=7))
    return [_event(draw, register, record, name) for record, name in told_of]


def _event(draw: st.DrawFn, register: Register, record: str, name: str) -> Value:
    model = EVENTS[name].model
    changed: dict[str, Any] = {register.id_field: record}
    if "occurred" in model.model_fields:
        changed["occurred"] = of_day(draw(st.sampled_from(DAYS)))
    if "confidentiality" in model.model_fields:
        changed["confidentiality"] = draw(st.sampled_from(Confidentiality))
    event: Value = draw(OF_RECORD[model])
    return event.model_copy(update=changed)


def expected(
    register: Register, facts: Sequence[Fact], day: str | None, sight: Sight
) -> Record | None:
    """What a plain reading of the facts says: those that had happened, in the order they were told.

    Who sees final records only is told the last state that was final; a level too high, nothing.
    """
    counted = list(_counted(register, facts))
    taken = [each for each in counted if day is None or each[0] <= day]
    if not taken:
        return None
    if counted[0] not in taken:
        taken.insert(0, counted[0])
    record: Record | None = None
    seen: Record | None = None
    for _, event in taken:
        record = register.evolve(record, event)
        assert record is not None
        if sight.unfinished or register.final(record) or _closed(record):
            seen = record
    if seen is None or seen.confidentiality not in sight.confidentialities:
        return None
    return seen


def _closed(record: Record) -> bool:
    return record.confidentiality is not Confidentiality.OPEN


def _counted(register: Register, facts: Sequence[Fact]) -> Any:
    record: Record | None = None
    for fact in facts:
        event = EVENTS[fact.type].model.model_validate(fact.data, strict=False)
        day = min(day_of(fact), register.effect(record, event) or "9999")
        record = register.evolve(record, event)
        yield day, event


def shown(store: ViewStore, register: Register, at: int, day: str | None, sight: Sight) -> Any:
    """Both records as the view tells them: read one by one, and by the list."""
    v = positions(store)[register.name].suffix
    with store.reading() as reader:
        items = [registers.one(reader, v, at, day, sight, record) for record in RECORDS]
        page = registers.listing(reader, v, at, day, sight, RecordQuery())
    each = {record: body(item.body) for record, item in zip(RECORDS, items, strict=True) if item}
    listed = {found["id"]: found for found in map(body, page.items)}
    assert listed == each
    return each


def body(told_as: bytes) -> Any:
    return {k: v for k, v in orjson.loads(told_as).items() if k not in HEAD}


def followed(story: Story, register: Register, folder: str, page_facts: int) -> ViewStore:
    store = open_views(f"sqlite:///{Path(folder)}/views.db")
    Runner(
        story.log, story.codec, store, [RegisterView(register)], page_facts=page_facts
    ).catch_up()
    return store


def compared(story: Story, register: Register, store: ViewStore) -> int:
    """Compare every answer with the plain reading; return how many records were told."""
    found = 0
    head = story.log.head()
    for at in range(1, head + 1):
        for day in ASKED:
            for sight in (EVERYTHING, COUNCILLOR):
                answer = shown(store, register, at, day, sight)
                for record in RECORDS:
                    facts = [
                        fact
                        for fact in story.facts(upto=at)
                        if fact.data[register.id_field] == record
                    ]
                    wanted = expected(register, facts, day, sight) if facts else None
                    if wanted is None:
                        assert record not in answer
                        continue
                    found += 1
                    whole = told(wanted)
                    seen = whole if sight.assessment else record_bodies.shown(register, whole)
                    assert answer[record] == seen
    return found


@pytest.mark.timeout(1_800)
@ids
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_any_two_times_choose_what_a_plain_reading_of_the_facts_tells(
    register: Register, data: st.DataObject
) -> None:
    story = Story()
    for event in data.draw(histories(register)):
        story.tell(event)
    with TemporaryDirectory() as folder:
        store = followed(story, register, folder, data.draw(st.sampled_from((1, 2, 100))))
        assert compared(story, register, store)
        store.close()


def late_story() -> tuple[Story, Register]:
    """A commitment whose new day was agreed in February and told after it was kept in May."""
    story, first = Story(), RECORDS[0]
    for record in RECORDS:
        made = CommitmentMade(
            commitment_id=record,
            by=TMF,
            to=(KAB,),
            text=None,
            occurred=of_day(DAYS[0]),
            confidentiality=Confidentiality.OPEN,
        )
        story.tell(made)
    story.tell(
        CommitmentFulfilled(
            commitment_id=first,
            version=2,
            occurred=of_day(DAYS[4]),
            evidence_kind="contact",
            evidence=first,
            late=False,
        )
    )
    story.tell(
        CommitmentRescheduled(
            commitment_id=first,
            version=3,
            occurred=of_day(DAYS[1]),
            due=of_day("2010-06-30"),
            agreed_by=(TMF, KAB),
            text=None,
        )
    )
    return story, REGISTERS["commitments"]


def test_what_is_told_late_counts_from_its_own_day_on(quick_store: ViewStore) -> None:
    story, register = late_story()
    Runner(story.log, story.codec, quick_store, [RegisterView(register)]).catch_up()
    told_on = {
        day: shown(quick_store, register, 4, day, EVERYTHING)[RECORDS[0]]["rescheduled"]
        for day in DAYS
    }
    assert list(told_on.values()) == [0, 1, 1, 1, 1, 1]
    before = shown(quick_store, register, 3, DAYS[2], EVERYTHING)[RECORDS[0]]
    assert before["rescheduled"] == 0
    assert compared(story, register, quick_store)


def test_the_comparison_finds_a_view_that_takes_every_step_as_told_in_time(
    quick_store: ViewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, register = late_story()
    monkeypatch.setattr(register_days.Spans, "last_day", lambda _self, _record: None)
    Runner(story.log, story.codec, quick_store, [RegisterView(register)]).catch_up()
    with pytest.raises(AssertionError):
        compared(story, register, quick_store)


def test_a_list_by_a_word_finds_what_the_record_was_on_the_day(quick_store: ViewStore) -> None:
    story, register = late_story()
    Runner(story.log, story.codec, quick_store, [RegisterView(register)]).catch_up()
    v = positions(quick_store)[register.name].suffix
    kept = RecordQuery({"status": ["fulfilled"]})
    with quick_store.reading() as reader:
        found = {
            day: len(registers.listing(reader, v, 3, day, EVERYTHING, kept).items) for day in DAYS
        }
    assert list(found.values()) == [0, 0, 0, 0, 1, 1]


def test_as_of_a_day_a_history_is_the_steps_that_had_happened(quick_store: ViewStore) -> None:
    story, register = late_story()
    Runner(story.log, story.codec, quick_store, [RegisterView(register)]).catch_up()
    v = positions(quick_store)[register.name].suffix
    with quick_store.reading() as reader:
        steps = {
            day: registers.history(reader, v, 4, day, EVERYTHING, RECORDS[0])
            for day in ("2010-01-01", *DAYS)
        }
    assert steps.pop("2010-01-01") is None
    assert [len(found or ()) for found in steps.values()] == [1, 2, 2, 2, 3, 3]
