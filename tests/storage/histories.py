"""The oracle of the storage proofs: what a history of writes and reads may never show."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple


class Write(NamedTuple):
    """One acknowledged event: who wrote it as their which, when sent and told, where it stands."""

    writer: int
    number: int
    sent: float
    told: float
    position: int


class Row(NamedTuple):
    """One row of the log, read past the product's code."""

    position: int
    writer: int
    number: int


def faults(
    writes: Sequence[Write], rows: Sequence[Row], seen: Sequence[Sequence[int]] = ()
) -> set[str]:
    """Name everything wrong; `seen` is what each poll of a follower returned, from its last on."""
    found = set()
    if [row.position for row in rows] != list(range(1, len(rows) + 1)):
        found.add("not dense")
    times_stored = Counter((row.writer, row.number) for row in rows)
    if any(count > 1 for count in times_stored.values()):
        found.add("doubled")
    place = {(row.writer, row.number): row.position for row in rows}
    if any(place.get((w.writer, w.number)) is None for w in writes):
        found.add("lost")
    elif any(place[w.writer, w.number] != w.position for w in writes):
        found.add("acknowledged elsewhere")
    numbers: dict[int, int] = {}
    for row in rows:
        if row.number < numbers.get(row.writer, 0):
            found.add("writer out of order")
        numbers[row.writer] = row.number
    polled = [position for page in seen for position in page]
    if polled != list(range(1, len(polled) + 1)):
        found.add("follower missed one")
    if not _keeps_real_time(writes):
        found.add("real time broken")
    return found


def _keeps_real_time(writes: Sequence[Write]) -> bool:
    """Whether whatever was told before another was sent also stands before it."""
    by_told = sorted(writes, key=lambda write: write.told)
    told = [write.told for write in by_told]
    highest = list(accumulate((write.position for write in by_told), max))
    for write in writes:
        earlier = bisect_left(told, write.sent)
        if earlier and highest[earlier - 1] >= write.position:
            return False
    return True
