"""Which position was known at a moment, also when the clock was set back."""

from hypothesis import given
from hypothesis import strategies as st

from domain.storage.positions import position_at

SEGMENTS = st.lists(
    st.lists(st.integers(0, 30), min_size=1, max_size=6).map(sorted), min_size=0, max_size=4
)


def answer(moment: int, segments: list[list[int]]) -> int:
    times = [time for segment in segments for time in segment]
    steps, position = [], 1
    for segment in segments[:-1]:
        position += len(segment)
        steps.append(position)
    return position_at(moment, len(times), lambda p: times[p - 1], steps)


def test_an_empty_log_knew_nothing_at_any_time() -> None:
    assert position_at(10**18, 0, lambda p: p, []) == 0
    assert position_at(10**18, 0, lambda p: p, [1]) == 0


def test_before_the_first_event_nothing_was_known() -> None:
    assert answer(4, [[5, 6]]) == 0


def test_events_of_the_same_microsecond_are_known_together() -> None:
    assert answer(5, [[5, 5, 5, 6]]) == 3


def test_a_moment_between_two_events_knows_the_first() -> None:
    assert answer(7, [[5, 9]]) == 1
    assert answer(9, [[5, 9]]) == 2
    assert answer(99, [[5, 9]]) == 2


def test_a_moment_the_clock_showed_twice_means_the_last_time() -> None:
    assert answer(7, [[5, 6, 9], [6, 8]]) == 4


def test_a_moment_only_the_first_segment_reached_belongs_to_the_last_that_started_before_it() -> (
    None
):
    assert answer(9, [[5, 9], [6, 8]]) == 4
    assert answer(5, [[5, 9], [6, 8]]) == 1
    assert answer(4, [[5, 9], [6, 8]]) == 0


def test_a_log_may_open_with_a_step_and_steps_past_the_head_are_not_there_yet() -> None:
    assert position_at(9, 2, lambda p: (5, 9)[p - 1], [1, 3, 4]) == 2


@given(SEGMENTS, st.integers(-1, 31))
def test_it_equals_a_look_at_every_row(segments: list[list[int]], moment: int) -> None:
    expected, before = 0, 0
    for segment in segments:
        if segment[0] <= moment:
            expected = before + sum(time <= moment for time in segment)
        before += len(segment)
    assert answer(moment, segments) == expected


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=300).map(sorted), st.integers(0, 1_000))
def test_it_looks_at_few_rows(times: list[int], moment: int) -> None:
    looks: list[int] = []

    def recorded_at(position: int) -> int:
        looks.append(position)
        return times[position - 1]

    position_at(moment, len(times), recorded_at, [])
    assert len(looks) <= len(times).bit_length() + 1
