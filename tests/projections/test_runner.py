"""The runner: exactly once in any page size, parking, building beside while readers read."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from domain.custody import ClockSteppedBack
from domain.errors import Broken, Conflict, Unavailable, Unknown
from domain.log.codec import Codec, Fact
from domain.log.port import StoredRow
from domain.log.vault import Vault
from projections.registry import VIEWS
from projections.runner import Runner, digest, positions, states
from projections.storage import Tx, ViewStore, open_views, tables_of
from projections.views import Views
from tests.projections.memory import START, MemoryLog, Story
from tests.projections.tally import Tally
from tests.proof.desk import growing
from tests.proof.service import PATIENCE_SECONDS, until

Follow = Callable[..., Runner]


def tallied(store: ViewStore, v: str) -> int:
    with store.reading() as reader:
        row = reader.one(f"SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM tally_{v}")
    assert row is not None
    return int(row[0])


def tell(story: Story, count: int) -> None:
    for seconds in range(count):
        story.tell(ClockSteppedBack(previous="a", observed="b", seconds=seconds))


def test_every_fact_is_applied_once_and_the_position_stands_with_the_rows(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 25)
    runner = follow(store, [Tally()], page_facts=10)
    assert tallied(store, "tally_1_1") == 25
    assert positions(store)["tally"].position == 25
    assert runner.step() == 0
    assert tallied(store, "tally_1_1") == 25


def test_a_view_is_given_only_the_events_it_wants(store: ViewStore, follow: Follow) -> None:
    view = Tally()
    view.types = frozenset({"contact.logged/1"})
    story = Story()
    tell(story, 3)
    Runner(story.log, story.codec, store, [view]).catch_up()
    assert view.pages == []
    assert positions(store)["tally"].position == 3


def test_a_view_that_fails_is_parked_before_the_event_and_the_others_go_on(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 30)
    runner = follow(store, [Tally("good"), Tally("sick", bad=frozenset({18}))])
    state = positions(store)["sick"]
    assert (state.position, state.failed_at, state.error) == (17, 18, "ValueError")
    assert state.status == "parked"
    assert tallied(store, "sick_1_1") == 17
    assert positions(store)["good"].position == 30
    assert runner.position() == 30


def test_no_word_of_a_failed_event_is_kept(store: ViewStore, story: Story, follow: Follow) -> None:
    tell(story, 1)
    follow(store, [Tally("sick", bad=frozenset({1}))])
    assert "Kim" not in repr(positions(store))


def test_a_parked_view_is_tried_again_when_the_follower_starts(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 9)
    follow(store, [Tally(bad=frozenset({4}))])
    follow(store, [Tally()])
    assert tallied(store, "tally_1_1") == 9
    assert positions(store)["tally"].status == "active"


def test_a_row_that_cannot_be_decoded_parks_every_view_before_it(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 5)
    story.memory.stored[3] = story.memory.stored[3]._replace(data=b"{")
    follow(store, [Tally("one"), Tally("two")])
    assert {(s.position, s.failed_at, s.error) for s in positions(store).values()} == {
        (3, 4, "event_undecodable")
    }


def test_a_missing_position_parks_every_view_before_the_gap(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 5)
    del story.memory.stored[2]
    follow(store, [Tally()])
    state = positions(store)["tally"]
    assert (state.position, state.failed_at, state.error) == (2, 3, "log_broken")


def test_a_rebuild_is_built_beside_and_the_old_one_serves_until_the_flip(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 30)
    runner = follow(store, [Tally()], page_facts=10, grace_seconds=0)
    runner.rebuild("tally")
    seen = []
    while positions(store)["tally"].generation == 1:
        seen.append(tallied(store, positions(store)["tally"].suffix))
        runner.step()
    assert set(seen) == {30}
    assert tallied(store, "tally_1_2") == 30


def test_a_replaced_generation_is_dropped_after_its_grace(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 3)
    runner = follow(store, [Tally()], grace_seconds=0)
    runner.rebuild()
    runner.catch_up()
    runner.step()
    with store.reading() as reader:
        assert tables_of(store, reader, "tally_1_1") == []
        assert [state.suffix for state in states(reader)] == ["tally_1_2"]


def test_a_new_rebuild_takes_the_place_of_an_unfinished_one(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 30)
    runner = follow(store, [Tally()], page_facts=10)
    runner.rebuild("tally")
    runner.step()
    runner.rebuild("tally")
    runner.catch_up()
    assert tallied(store, positions(store)["tally"].suffix) == 30


def test_a_new_version_is_built_beside_the_old_one_which_serves_on(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 30)
    follow(store, [Tally()])
    newer = Tally()
    newer.version = 2
    runner = Runner(story.log, story.codec, store, [newer], page_facts=10)
    assert positions(store)["tally"].suffix == "tally_1_1"
    runner.catch_up()
    assert positions(store)["tally"].suffix == "tally_2_1"
    assert tallied(store, "tally_2_1") == 30


def test_nobody_is_sent_to_a_view_that_was_never_complete(
    quick_store: ViewStore, story: Story
) -> None:
    tell(story, 30)
    runner = Runner(story.log, story.codec, quick_store, [Tally()], page_facts=10)
    views = Views(quick_store, story.log)
    runner.step()
    with pytest.raises(Unavailable, match="view_behind"):
        views.suffix("tally")
    runner.catch_up()
    assert views.suffix("tally") == "tally_1_1"


def test_a_second_runner_cannot_apply_the_same_page(store: ViewStore, story: Story) -> None:
    tell(story, 3)

    class Rival(Tally):
        def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
            super().apply(tx, v, facts)
            tx.run("UPDATE tracking SET position = 2 WHERE suffix = ?", (v,))

    runner = Runner(story.log, story.codec, store, [Rival()])
    with pytest.raises(Conflict):
        runner.step()
    assert tallied(store, "tally_1_1") == 0


def test_rebuilding_what_is_not_a_view_is_refused(quick_store: ViewStore, story: Story) -> None:
    runner = Runner(story.log, story.codec, quick_store, [Tally()])
    with pytest.raises(Unknown):
        runner.rebuild("weather")
    with pytest.raises(Unknown):
        digest(quick_store, "weather")


def test_a_view_has_a_name_its_tables_can_be_found_by(quick_store: ViewStore, story: Story) -> None:
    with pytest.raises(ValueError, match="lower-case"):
        Runner(story.log, story.codec, quick_store, [Tally("x_tally")])


def test_a_slow_page_is_followed_by_a_smaller_one(
    quick_store: ViewStore, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(story, 600)
    ticks = iter(range(10_000))
    monkeypatch.setattr("projections.runner.monotonic", lambda: float(next(ticks)))
    view = Tally()
    Runner(story.log, story.codec, quick_store, [view], page_facts=200).catch_up()
    assert view.pages[:4] == [200, 100, 50, 50]


def test_the_database_being_away_parks_no_view(story: Story, tmp_path: Path) -> None:
    tell(story, 3)
    store = open_views(f"sqlite:///{tmp_path}/views.db")

    class Cut(Tally):
        def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
            raise Unavailable("store_unavailable")

    runner = Runner(story.log, story.codec, store, [Cut()])
    with pytest.raises(Unavailable):
        runner.step()
    assert positions(store)["tally"].error is None
    store.close()


def test_an_unfinished_build_of_a_version_nobody_runs_any_more_is_dropped(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 30)
    for version in (2, 3):
        view = Tally()
        view.version = version
        runner = Runner(story.log, story.codec, store, [view], page_facts=10)
        runner.step()
    with store.reading() as reader:
        assert [state.suffix for state in states(reader)] == ["tally_3_1"]
        assert tables_of(store, reader, "tally_2_1") == []


def test_a_row_that_could_not_be_read_once_is_no_reason_to_park(
    quick_store: ViewStore, story: Story
) -> None:
    tell(story, 3)
    faults = iter([Broken("sealed_value_invalid")])

    class Unsteady(Codec):
        def facts(self, rows: Sequence[StoredRow]) -> list[Fact]:
            for fault in faults:
                raise fault
            return super().facts(rows)

    Runner(story.log, Unsteady(story.codec.vault), quick_store, [Tally()]).catch_up()
    assert tallied(quick_store, "tally_1_1") == 3


def test_a_follower_waits_for_a_log_that_is_away(
    quick_store: ViewStore, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.runner.RETRY_SECONDS", 0)
    tell(story, 3)
    faults = iter([Unavailable("store_unavailable")])
    stop = threading.Event()
    rows = story.memory.rows

    def unsteady(after: int, limit: int = 1_000) -> list[StoredRow]:
        for fault in faults:
            raise fault
        return rows(after, limit)

    monkeypatch.setattr(story.memory, "rows", unsteady)

    def told(position: int) -> None:
        if position == 3:
            stop.set()

    Runner(story.log, story.codec, quick_store, [Tally()]).run(stop, told)
    assert tallied(quick_store, "tally_1_1") == 3


# ── following and waiting ────────────────────────────────────────────────────────────────────────


@pytest.fixture
def following(store: ViewStore, story: Story) -> Iterator[Views]:
    """Views that a runner on another thread keeps up to date."""
    views = Views(store, story.log, wait_seconds=PATIENCE_SECONDS)
    stop = threading.Event()
    runner = Runner(story.log, story.codec, store, [Tally()])
    thread = threading.Thread(target=runner.run, args=(stop, views.notify))
    thread.start()
    yield views
    stop.set()
    thread.join()


def test_a_question_waits_until_the_view_has_what_was_just_written(
    following: Views, story: Story
) -> None:
    for written in range(1, 21):
        tell(story, 1)
        assert following.at(min_position=written, names=["tally"]) == written
    assert tallied(following.store, following.suffix("tally")) == 20


def test_readers_read_on_while_generations_flip(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 50)
    runner = follow(store, [Tally()], page_facts=10, grace_seconds=3_600)
    views, stop = Views(store, story.log), threading.Event()
    answers: list[int] = []

    def read() -> None:
        while not stop.is_set():
            answers.append(tallied(store, views.suffix("tally")))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(5):
            until(growing(answers), "an answer of this generation")
            runner.rebuild("tally")
            runner.catch_up()
        until(growing(answers), "an answer of the last one")
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert set(answers) == {50}
    assert positions(store)["tally"].generation == 6


def test_a_question_for_a_position_beyond_the_log_is_refused(
    quick_store: ViewStore, story: Story, follow: Follow
) -> None:
    follow(quick_store, [Tally()])
    with pytest.raises(Unknown, match="position_unknown"):
        Views(quick_store, story.log).at("1")


def test_a_question_does_not_wait_for_ever(
    quick_store: ViewStore, story: Story, follow: Follow
) -> None:
    follow(quick_store, [Tally()])
    tell(story, 1)
    with pytest.raises(Unavailable, match="view_behind"):
        Views(quick_store, story.log, wait_seconds=0.01).at(min_position=1)


def test_a_question_to_a_parked_view_does_not_wait_at_all(
    quick_store: ViewStore, story: Story, follow: Follow
) -> None:
    runner = follow(quick_store, [Tally(bad=frozenset({2})), Tally("good")])
    tell(story, 3)
    runner.catch_up()
    views = Views(quick_store, story.log, wait_seconds=60)
    assert views.at(names=["tally"]) == 1
    assert views.at() == 3
    with pytest.raises(Unavailable, match="view_failed"):
        views.at("3", names=["tally"])


def test_a_view_parked_before_it_ever_served_says_that_it_failed(
    quick_store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 3)
    follow(quick_store, [Tally(bad=frozenset({2}))])
    with pytest.raises(Unavailable, match="view_failed"):
        Views(quick_store, story.log).suffix("tally")


def test_a_time_means_the_last_position_recorded_by_then(
    quick_store: ViewStore, story: Story, follow: Follow
) -> None:
    tell(story, 3)
    follow(quick_store, [Tally()])
    views = Views(quick_store, story.log)
    assert START == 1_266_829_200_000_000
    assert views.at("2010-02-22T10:00:01+01:00") == 2
    assert views.at("2010-02-22T08:59:59Z") == 0


@pytest.mark.parametrize("text", ["", "-1", "yesterday", "2010-02-22T10:00:00", "9" * 19])
def test_a_time_that_cannot_be_read_is_refused(
    quick_store: ViewStore, story: Story, text: str
) -> None:
    with pytest.raises(Exception, match="invalid_input"):
        Views(quick_store, story.log).at(text)


# ── every view of the product ────────────────────────────────────────────────────────────────────


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", [1, 3])
def test_every_view_rebuilt_is_the_view_that_followed(
    store: ViewStore, story: Story, page: int
) -> None:
    for number in range(6):
        contact = story.log_contact(subject=f"emne {number}", kle=["03.10.24"])
        story.correct(contact, medium="mail", facts="aftalt")
        if number % 2:
            story.retract(contact)
    runner = Runner(story.log, story.codec, store, VIEWS, page_facts=page)
    runner.catch_up()
    assert {s.name for s in positions(store).values() if s.error} == set()
    before = {view.name: digest(store, view.name) for view in VIEWS}
    again = Runner(story.log, story.codec, store, VIEWS)
    again.rebuild()
    again.catch_up()
    assert {state.generation for state in positions(store).values()} == {2}
    assert {view.name: digest(store, view.name) for view in VIEWS} == before


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: str(view.name))
def test_every_views_tables_and_indexes_end_in_the_suffix(store: ViewStore, view: Tally) -> None:
    log = MemoryLog()
    Runner(log, Codec(Vault(Story().keys, bytes)), store, [view])
    kind = {"sqlite": "SELECT name FROM sqlite_master WHERE sql IS NOT NULL"}.get(
        store.dialect,
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        " UNION SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()",
    )
    with store.reading() as reader:
        names = {str(row[0]) for row in reader.all(kind)} - {"tracking", "tracking_pkey"}
    marked = [n for n in names if f"_{view.name}_{view.version}_1" in n]
    assert sorted(names) == sorted(marked)
