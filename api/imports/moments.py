"""The `[time]` rule as a function from a row to a time, with what counts as impossible; made once.

Steps of an enquiry have times of their own, read by the same rule from other columns.
"""

from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

from api.imports.languages import months_of, weekdays_of
from api.imports.tables import Time
from api.imports.takes import Cells, Flags, RowRefused, RowSkipped, searched
from api.imports.times import Read, TimeReader, Unreadable, joined, occurred


class Moments:
    """Reads the time of rows by one rule."""

    def __init__(self, rule: Time, order: Mapping[str, int], today: date, field: str) -> None:
        """`order` gives each column's place in `Cells`; `field` is what a refusal names."""
        self._rule, self._field = rule, field
        self._today = today.isoformat()
        zone = ZoneInfo(rule.zone) if rule.zone else None
        months = months_of(rule.languages, rule.months)
        self._times = TimeReader(
            rule.patterns, months, weekdays_of(rule.languages), rule.words, zone
        )
        self._part = searched(rule.pattern, field) if rule.pattern is not None else str
        self._start = [order[name] for name in rule.start]
        self._end = [order[name] for name in rule.end or ()]
        # A date that start and end share says nothing about an end by itself.
        self._end_tells = [place for place in self._end if place not in self._start] or self._end
        self._year = order[rule.year] if rule.year else None

    def blank(self, cells: Cells) -> bool:
        """Whether the row gives no time."""
        return not cells[self._start[0]]

    def read(self, cells: Cells, flags: Flags) -> tuple[Read, str]:
        """Return the time and the register's own words for it; the row may be refused, skipped."""
        start = " ".join(text for place in self._start if (text := cells[place]))
        if self.blank(cells):
            if self._rule.when_empty == "skip":
                raise RowSkipped("empty_time")
            raise RowRefused("missing", self._field)
        year, end = cells[self._year] if self._year is not None else "", ""
        try:
            start = self._part(start)
            read = self._times.read(start, year)
            if any(cells[place] for place in self._end_tells):
                end = self._part(" ".join(text for place in self._end if (text := cells[place])))
                read = joined(read, self._times.read(end, year))
        except Unreadable:
            raise RowRefused("time_unreadable", self._field) from None
        flags.update(read.flags)
        self._check_bounds(read, flags)
        return read, start if end in ("", start) else f"{start} – {end}"

    def _check_bounds(self, read: Read, flags: Flags) -> None:
        if int(read.start[:4]) < self._rule.not_before:
            if self._rule.out_of_bounds == "refuse":
                raise RowRefused("occurred_out_of_bounds", self._field)
            flags.add("occurred_out_of_bounds")
        if read.start[:10] > self._today[: len(read.start)]:
            first = occurred(read, "").resolve(ZoneInfo("UTC")).first_day
            if first <= self._today:
                return
            if self._rule.future == "refuse":
                raise RowRefused("occurred_in_future", self._field)
            flags.add("occurred_in_future")
