"""Finds the position known at a moment in a log whose clock may have stepped back.

Positions are dense and times never fall inside a segment, so a binary search needs no index on
time. Both stores share this; each hands in how it looks one row up.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence


class _Times(Sequence[int]):
    """The times of positions first … first + count - 1, each looked up when it is asked for."""

    def __init__(self, first: int, count: int, recorded_at_of: Callable[[int], int]) -> None:
        self._first = first
        self._count = count
        self._recorded_at_of = recorded_at_of

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> int:  # type: ignore[override]  # no slices are taken
        return self._recorded_at_of(self._first + index)


def position_at(
    moment: int,
    head: int,
    recorded_at_of: Callable[[int], int],
    step_positions: Sequence[int],
) -> int:
    """Return the last position recorded at or before `moment` (µs since 1970), 0 if none.

    `step_positions` are the positions of `log.clock_stepped_back` events, ascending; each opens a
    segment. A moment that lies in several segments (the clock showed it more than once) belongs to
    the last of them: all that was known the last time the clock showed it.
    """
    starts = [1, *(step for step in step_positions if 1 < step <= head)] if head else []
    for number in range(len(starts) - 1, -1, -1):
        start = starts[number]
        if recorded_at_of(start) <= moment:
            end = starts[number + 1] - 1 if number + 1 < len(starts) else head
            times = _Times(start, end - start + 1, recorded_at_of)
            return start - 1 + bisect_right(times, moment)
    return 0
