"""What every database must do with a log, whatever it is called."""

import itertools
import multiprocessing
import threading
from uuid import UUID

import pytest

from domain.errors import Conflict
from domain.log.leaf import leaf_hash
from domain.log.port import Append, Appended, CheckpointRow, Condition, Outcome, QueryItem
from domain.storage import postgres_connections, sqlite_schema
from domain.storage.clock import new_id, now_microseconds
from tests.proof.service import until
from tests.storage.builders import event, request
from tests.storage.places import REFUSALS, AnyLog, Place
from tests.storage.writers import append_once

KEY = bytes(range(32))
HOUR = 3_600_000_000
AN_HOUR_SECONDS = 3_600
"""A wait that is not cut short lasts longer than any test may."""


def stored(outcome: Outcome) -> Appended:
    assert isinstance(outcome, Appended), outcome
    return outcome


def code(outcome: Outcome) -> str:
    assert isinstance(outcome, Conflict), outcome
    return outcome.code


def nothing_new(*tags: str, after: int = 0) -> Condition:
    return Condition((QueryItem(tags=tags),), after)


def positions(
    log: AnyLog, *items: QueryItem, after: int = 0, limit: int | None = None
) -> list[int]:
    return [row.position for row in log.matching(items, after, limit)]


# ── appending ────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_log_has_head_zero_and_no_rows(log: AnyLog) -> None:
    assert log.head() == 0
    assert log.rows(0) == []
    assert log.leaves(1, 10) == []
    assert log.checkpoint() is None
    assert log.row_of(bytes(16)) is None
    assert log.row_of_key(KEY) is None


def test_positions_are_dense_from_one_across_batches_and_requests(log: AnyLog) -> None:
    first = log.append([request(event(), event()), request()])
    second = log.append([request()])
    assert [stored(o)[:2] for o in first + second] == [(1, 2), (3, 1), (4, 1)]
    assert [row.position for row in log.rows(0)] == [1, 2, 3, 4]
    assert log.head() == 4


def test_an_empty_batch_stores_nothing_and_answers_nothing(log: AnyLog) -> None:
    assert log.append([]) == []
    assert log.head() == 0


def test_a_staged_batch_is_stored_when_it_is_committed(log: AnyLog) -> None:
    staged = log.stage([request(), request()])
    assert [stored(o).first for o in staged.commit()] == [1, 2]
    assert log.head() == 2


def test_a_row_gives_back_every_column_as_it_was_handed_in(log: AnyLog) -> None:
    new = event("noted/1", ("æ:ø", "b"), b"\x00\xff", key=KEY, stream=("s", 3))
    (outcome,) = log.append([request(new)])
    (row,) = log.rows(0)
    assert row[2:10] == (
        new.event_id,
        new.type,
        new.tags_text,
        new.metadata,
        new.data,
        "s",
        3,
        KEY,
    )
    assert row.recorded_at == stored(outcome).recorded_at
    assert log.row_of(new.event_id) == row
    assert log.row_of_key(KEY) == row


def test_the_stored_leaf_is_the_leaf_of_the_row(log: AnyLog) -> None:
    events = [event(data=b"1"), event(data=b"2", key=KEY), event(tags=("a",), stream=("s", 1))]
    log.append([request(*events[:2]), request(events[2])])
    log.append([request(condition=nothing_new("b"))])
    rows = log.rows(0)
    expected = [
        leaf_hash(r.position, r.recorded_at, e.body) for r, e in zip(rows, events, strict=False)
    ]
    assert [row.leaf for row in rows[:3]] == expected
    assert log.leaves(1, 100) == [row.leaf for row in rows]
    assert log.leaves(2, 2) == expected[1:]


def test_recorded_times_are_the_clock_of_now_and_never_fall(log: AnyLog) -> None:
    before = now_microseconds()
    for _ in range(5):
        log.append([request()])
    times = [row.recorded_at for row in log.rows(0)]
    assert times == sorted(times)
    assert before - 1_000_000 <= times[0] <= times[-1] <= now_microseconds() + 1_000_000


# ── the same again ───────────────────────────────────────────────────────────────────────────────


def test_an_event_id_again_is_answered_with_the_stored_position(log: AnyLog) -> None:
    again = request(event(), event())
    (first,) = log.append([again])
    (second,) = log.append([again])
    assert second == stored(first)._replace(duplicate=True)
    assert log.head() == 2


def test_a_key_again_is_answered_with_the_stored_position(log: AnyLog) -> None:
    (first,) = log.append([request(event(key=KEY))])
    (second,) = log.append([request(event(key=KEY))])
    assert second == stored(first)._replace(duplicate=True)


def test_the_same_id_and_the_same_key_twice_in_one_batch_are_stored_once(log: AnyLog) -> None:
    one, two = event(), event(key=KEY)
    outcomes = log.append([request(one), request(one), request(two), request(event(key=KEY))])
    assert [(stored(o).first, stored(o).duplicate) for o in outcomes] == [
        (1, False),
        (1, True),
        (2, False),
        (2, True),
    ]
    assert log.head() == 2


def test_a_retried_conditional_append_finds_itself_and_not_its_own_condition(log: AnyLog) -> None:
    once = request(event(tags=("a",)), condition=nothing_new("a"))
    log.append([once])
    (again,) = log.append([once])
    assert stored(again).duplicate


def test_the_id_of_a_later_event_of_a_request_may_not_be_taken_either(log: AnyLog) -> None:
    known = event()
    log.append([request(known)])
    outcomes = log.append([request(), request(event(), known), request()])
    assert code(outcomes[1]) == "event_id_reused"
    assert [stored(outcomes[n]).first for n in (0, 2)] == [2, 3]


# ── conditions ───────────────────────────────────────────────────────────────────────────────────

HITS = [
    (QueryItem(tags=("a",)),),
    (QueryItem(tags=("a", "b")),),
    (QueryItem(tags=("b", "a")),),
    (QueryItem(types=("noted/1",)),),
    (QueryItem(types=("other/1", "noted/1"), tags=("b",)),),
    (QueryItem(tags=("zz",)), QueryItem(tags=("a",))),
    (QueryItem(),),
    (),
]
MISSES = [
    (QueryItem(tags=("c",)),),
    (QueryItem(tags=("a", "c")),),
    (QueryItem(types=("other/1",)),),
    (QueryItem(types=("other/1",), tags=("a",)),),
    (QueryItem(types=("noted/1",), tags=("a", "c")),),
    (QueryItem(tags=("A",)), QueryItem(tags=("a ",))),
]


@pytest.mark.parametrize("items", HITS)
def test_a_condition_fails_when_something_newer_matches(
    log: AnyLog, items: tuple[QueryItem, ...]
) -> None:
    log.append([request(event(tags=("a", "b")))])
    (failed,) = log.append([request(condition=Condition(items))])
    (passed,) = log.append([request(condition=Condition(items, after=1))])
    assert code(failed) == "condition_failed"
    assert stored(passed).first == 2


@pytest.mark.parametrize("items", MISSES)
def test_a_condition_holds_when_nothing_matches(log: AnyLog, items: tuple[QueryItem, ...]) -> None:
    log.append([request(event(tags=("a", "b")))])
    (outcome,) = log.append([request(condition=Condition(items))])
    assert stored(outcome).first == 2


def test_a_condition_over_common_tags_finds_the_one_event_with_all_of_them(log: AnyLog) -> None:
    log.append([request(event(tags=("a", f"n:{n}"))) for n in range(150)])
    log.append([request(event(tags=("b", f"m:{n}"))) for n in range(150)])
    (passed,) = log.append([request(condition=nothing_new("a", "b"))])
    log.append([request(event(tags=("a", "b")))])
    (failed,) = log.append([request(condition=nothing_new("a", "b"))])
    assert stored(passed).first == 301
    assert code(failed) == "condition_failed"


def test_a_condition_sees_earlier_requests_of_the_same_batch(log: AnyLog) -> None:
    contenders = [request(event(tags=("a",)), condition=nothing_new("a")) for _ in range(3)]
    outcomes = log.append([*contenders, request(condition=nothing_new("b"))])
    assert stored(outcomes[0]).first == 1
    assert [code(o) for o in outcomes[1:3]] == ["condition_failed"] * 2
    assert stored(outcomes[3]).first == 2


def test_a_condition_does_not_see_later_requests_nor_its_own_events(log: AnyLog) -> None:
    batch = [request(event(tags=("a",)), condition=nothing_new("a")), request(event(tags=("a",)))]
    assert [stored(o).first for o in log.append(batch)] == [1, 2]


# ── streams, neighbours, all or nothing ──────────────────────────────────────────────────────────


def test_a_stream_version_is_taken_once(log: AnyLog) -> None:
    log.append([request(event(stream=("s", 1)))])
    taken, free, other = log.append(
        [
            request(event(stream=("s", 1))),
            request(event(stream=("s", 2))),
            request(event(stream=("t", 1))),
        ]
    )
    assert code(taken) == "stream_version_taken"
    assert [stored(free).first, stored(other).first] == [2, 3]


def test_a_refused_request_leaves_no_event_and_no_tag_behind(log: AnyLog) -> None:
    log.append([request(event(stream=("s", 2)))])
    half = request(event(tags=("h",), stream=("s", 1)), event(tags=("h",), stream=("s", 2)))
    outcomes = log.append([request(event(tags=("x",))), half, request(event(tags=("y",)))])
    assert code(outcomes[1]) == "stream_version_taken"
    assert [stored(outcomes[n]).first for n in (0, 2)] == [2, 3]
    assert positions(log, QueryItem(tags=("h",))) == []
    assert positions(log, QueryItem(tags=("x",)), QueryItem(tags=("y",))) == [2, 3]


def test_a_request_that_repeats_an_id_within_itself_harms_no_neighbour(log: AnyLog) -> None:
    twice = event(tags=("t",))
    outcomes = log.append([request(), request(twice, twice), request()])
    assert code(outcomes[1]) == "event_id_reused"
    assert [stored(outcomes[n]).first for n in (0, 2)] == [1, 2]
    assert log.head() == 2


def test_every_mixture_of_conflicts_in_a_batch_leaves_a_dense_log(log: AnyLog) -> None:
    known = event(stream=("s", 1))
    log.append([request(known)])
    makers = {
        "plain": lambda: request(event(), event()),
        "duplicate": lambda: request(known),
        "condition": lambda: request(condition=Condition((QueryItem(),))),
        "stream": lambda: request(event(), event(stream=("s", 1))),
    }
    for names in itertools.permutations(makers):
        head = log.head()
        outcomes = dict(zip(names, log.append([makers[name]() for name in names]), strict=True))
        assert outcomes["plain"] == stored(outcomes["plain"])._replace(first=head + 1, size=2)
        assert stored(outcomes["duplicate"]).first == 1
        assert code(outcomes["condition"]) == "condition_failed"
        assert code(outcomes["stream"]) == "stream_version_taken"
    assert [row.position for row in log.rows(0)] == list(range(1, log.head() + 1))


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def test_rows_are_read_in_pages(log: AnyLog) -> None:
    log.append([request() for _ in range(7)])
    assert [row.position for row in log.rows(0, 3)] == [1, 2, 3]
    assert [row.position for row in log.rows(3, 3)] == [4, 5, 6]
    assert [row.position for row in log.rows(6, 3)] == [7]


def test_matching_reads_by_tags_and_types_in_order_without_doubles(log: AnyLog) -> None:
    log.append(
        [
            request(event("x/1", ("a", "b"))),
            request(event("y/1", ("a",))),
            request(event("x/1", ("b", "c"))),
            request(event("z/1")),
        ]
    )
    assert positions(log, QueryItem(tags=("a",))) == [1, 2]
    assert positions(log, QueryItem(tags=("a", "b"))) == [1]
    assert positions(log, QueryItem(types=("x/1",))) == [1, 3]
    assert positions(log, QueryItem(types=("x/1", "z/1"), tags=("c",))) == [3]
    both = (QueryItem(tags=("b",)), QueryItem(tags=("a",)))
    assert positions(log, *both) == [1, 2, 3]
    assert positions(log, *both, after=1) == [2, 3]
    assert positions(log, *both, after=1, limit=1) == [2]
    assert positions(log, *both, QueryItem(types=("z/1",)), limit=3) == [1, 2, 3]
    assert positions(log, QueryItem(), after=2) == [3, 4]
    assert positions(log, after=1) == [2, 3, 4]


def test_text_outside_ascii_and_like_wildcards_match_only_themselves(log: AnyLog) -> None:
    tags = ("forum:ældre%", "forum:ÆLDRE%", "forum:ældre_", "😀")
    log.append([request(event(tags=(tag,))) for tag in tags])
    assert [positions(log, QueryItem(tags=(tag,))) for tag in tags] == [[1], [2], [3], [4]]


# ── the clock ────────────────────────────────────────────────────────────────────────────────────


def test_a_clock_set_back_is_recorded_once_before_the_next_event(log: AnyLog, place: Place) -> None:
    ahead = now_microseconds() + HOUR
    place.insert(1, ahead, event())
    (outcome,) = log.append([request(event(tags=("mine",)))])
    (later,) = log.append([request()])
    rows = log.rows(0)
    assert [row.type for row in rows] == [
        "noted/1",
        "log.clock_stepped_back/1",
        "noted/1",
        "noted/1",
    ]
    assert (stored(outcome).first, stored(later).first) == (3, 4)
    assert rows[1].recorded_at == rows[2].recorded_at < ahead
    assert positions(log, QueryItem(tags=("log:clock",))) == [2]
    assert positions(log, QueryItem(tags=("mine",))) == [3]


def test_a_clock_a_little_behind_is_held_level(log: AnyLog, place: Place) -> None:
    def is_held() -> bool:
        head, ahead = log.head(), now_microseconds() + 900_000
        place.insert(head + 1, ahead, event())
        (outcome,) = log.append([request()])
        recorded_at = stored(outcome).recorded_at
        assert outcome == Appended(head + 2, 1, max(ahead, recorded_at))
        return recorded_at == ahead

    until(is_held, "an append before the clock has caught up")


def test_the_position_at_a_moment_counts_what_was_known_then(log: AnyLog) -> None:
    for _ in range(4):
        log.append([request(), request()])
    times = [row.recorded_at for row in log.rows(0)]
    assert log.position_at(times[0] - 1) == 0
    assert log.position_at(times[-1]) == 8
    for moment in times:
        assert log.position_at(moment) == sum(time <= moment for time in times)


def test_the_position_at_a_moment_holds_across_a_clock_set_back(log: AnyLog, place: Place) -> None:
    now = now_microseconds()
    place.insert(1, now - HOUR, event())
    place.insert(2, now + HOUR, event())
    log.append([request()])
    assert log.position_at(now - HOUR) == 1
    assert log.position_at(now - 2 * HOUR) == 0
    assert log.position_at(now + HOUR // 2) == 4


# ── guards ───────────────────────────────────────────────────────────────────────────────────────

CHANGES = [
    "UPDATE {s}events SET data = metadata",
    "UPDATE {s}event_tags SET tag = 'z'",
    "UPDATE {s}checkpoints SET note = 'z'",
    "DELETE FROM {s}events",
    "DELETE FROM {s}event_tags",
    "DELETE FROM {s}checkpoints",
]


@pytest.mark.parametrize("change", CHANGES)
def test_nobody_changes_what_is_written(log: AnyLog, place: Place, change: str) -> None:
    log.append([request(event(tags=("a",)))])
    log.add_checkpoint(CheckpointRow(1, bytes(32), "note", 5))
    before = log.rows(0), log.checkpoint()
    with pytest.raises(REFUSALS):
        place.run(change)
    assert (log.rows(0), log.checkpoint()) == before
    assert positions(log, QueryItem(tags=("a",))) == [1]


@pytest.mark.parametrize("position", [1, 2, 4, 9])
def test_nobody_inserts_anywhere_but_right_after_the_head(
    log: AnyLog, place: Place, position: int
) -> None:
    log.append([request(), request()])
    with pytest.raises((*REFUSALS, Exception), match=r"order|gap|unique"):
        place.insert(position, 5, event())
    assert log.head() == 2


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────


def test_checkpoints_are_found_newest_or_smallest_that_covers(log: AnyLog) -> None:
    rows = [CheckpointRow(size, bytes([size] * 32), f"note {size}", size) for size in (3, 5, 9)]
    for row in rows:
        log.add_checkpoint(row)
    log.add_checkpoint(rows[1])
    assert log.checkpoint() == rows[2]
    assert log.checkpoint(4) == rows[1]
    assert log.checkpoint(5) == rows[1]
    assert log.checkpoint(10) is None


# ── following ────────────────────────────────────────────────────────────────────────────────────


def test_waiting_for_what_is_there_returns_at_once_and_for_nothing_returns_false(
    log: AnyLog,
) -> None:
    log.append([request()])
    assert log.wait(0, AN_HOUR_SECONDS)
    assert not log.wait(1, 0)
    assert not log.wait(1, 0.05)


def test_a_waiter_looks_at_least_once_a_second_also_when_nobody_tells_it() -> None:
    assert sqlite_schema.POLL_SECONDS_MAX <= 1
    assert postgres_connections.LISTEN_SECONDS_MAX <= 1


def test_a_waiter_wakes_of_another_processs_append(
    log: AnyLog, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Over PostgreSQL it is the notice that wakes it, as it does not look by itself here.
    monkeypatch.setattr(postgres_connections, "LISTEN_SECONDS_MAX", AN_HOUR_SECONDS)
    spawn = multiprocessing.get_context("spawn")
    told, answer = spawn.Pipe()
    child = spawn.Process(target=append_once, args=(place, answer))
    child.start()
    assert told.recv() == "ready"
    waits: list[bool] = []

    def follow() -> None:
        waits.append(log.wait(0, AN_HOUR_SECONDS))

    followers = [threading.Thread(target=follow) for _ in range(3)]
    for follower in followers:
        follower.start()
    told.send("go")
    assert told.recv() == "done"
    for follower in followers:
        follower.join()
    child.join()
    assert waits == [True] * 3


def test_a_log_tells_that_it_can_take_writes_and_keeps_them(log: AnyLog) -> None:
    log.probe()
    assert log.unsafe_settings() == []
    assert log.head() == 0


def test_a_log_opened_again_goes_on_where_it_was(log: AnyLog, place: Place) -> None:
    new = request(event(event_id=UUID(new_id()).bytes, tags=("a",)))
    log.append([new])
    again = place.open()
    try:
        assert again.rows(0) == log.rows(0)
        assert [stored(o).first for o in again.append([new, request()])] == [1, 2]
    finally:
        again.close()


def test_many_threads_append_through_one_log_without_gap_or_loss(log: AnyLog) -> None:
    outcomes: list[Outcome] = []

    def work() -> None:
        for _ in range(10):
            outcomes.extend(log.append([request(event(), event())]))

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stored(o).first for o in outcomes) == list(range(1, 101, 2))
    assert log.head() == 100


def test_a_large_batch_is_stored_whole(log: AnyLog) -> None:
    batch = [Append((event(tags=(f"n:{n}", "all")),)) for n in range(1_000)]
    outcomes = log.append(batch)
    assert [stored(o).first for o in outcomes] == list(range(1, 1_001))
    assert positions(log, QueryItem(tags=("all",))) == list(range(1, 1_001))
    assert positions(log, QueryItem(tags=("n:999", "all"))) == [1_000]
