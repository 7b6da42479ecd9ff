"""Times as registers write them, read with exactly the precision they have and no more.

A pattern is written like strptime's. What tokens it has says how exact it is: `%d-%m-%Y` a day,
`%B` a month. A token that comes twice makes a span: `%B/%B` is "Apr/Jun". Nothing invents a day.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

from domain.values import OccurredGiven, Precision, instant_text

TWO_DIGIT_YEARS_FROM: Final = 1969
"""Two-digit years are 1969-2068, as POSIX has them."""
_TOKENS: Final = {
    "Y": "([0-9]{4})",
    "y": "([0-9]{2})",
    "m": "([0-9]{1,2})",
    "d": "([0-9]{1,2})",
    "H": "([0-9]{1,2})",
    "M": "([0-9]{2})",
    "S": "([0-9]{2})",
    "f": "([0-9]{1,6})",
    "z": "([Zz]|[+-][0-9]{2}:?[0-9]{2})",
    "q": "([1-4])",
    "V": "([0-9]{1,2})",
}
_LADDER: Final = (
    ("H", Precision.INSTANT),
    ("d", Precision.DAY),
    ("V", Precision.WEEK),
    ("m", Precision.MONTH),
    ("q", Precision.QUARTER),
    ("y", Precision.YEAR),
)
EXACT: Final = frozenset({Precision.INSTANT, Precision.DAY})


class Read(NamedTuple):
    """A cell as read: both ends in the short forms of `OccurredGiven`, and how exact they are.

    `day` is the calendar day on which it starts, as the register writes it: an instant's own text
    is in UTC, where it may be the day before.
    """

    start: str
    end: str
    precision: Precision
    flags: tuple[str, ...] = ()
    day: str = ""


class Unreadable(ValueError):
    """No pattern fits, or the date does not exist."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern ready to match; `tokens` are in the order of the groups."""

    shape: re.Pattern[str]
    tokens: tuple[str, ...]
    precision: Precision
    has_year: bool


def compiled_pattern(
    text: str, months: Mapping[str, int], weekdays: Mapping[str, frozenset[int]]
) -> Pattern:
    """Compile one pattern; raises ValueError when it means no time."""
    shape, tokens = "", []
    for piece in re.findall(r"%.|\s+|[^%\s]+|%", text, re.DOTALL):
        if piece.isspace():
            shape += r"\s+"
        elif not piece.startswith("%"):
            shape += re.escape(piece)
        elif piece == "%%":
            shape += "%"
        elif piece[1:] in ("B", "b"):
            shape += _one_of(months)
            tokens.append("m")
        elif piece[1:] in ("A", "a"):
            shape += _one_of(weekdays)
            tokens.append("a")
        elif piece[1:] in _TOKENS:
            if shape.endswith("})"):  # nothing between two numbers: both have all their digits
                shape = shape.removesuffix("{1,2})") + "{2})" if shape.endswith("{1,2})") else shape
                shape += _TOKENS[piece[1:]].replace("{1,2}", "{2}")
            else:
                shape += _TOKENS[piece[1:]]
            tokens.append("y" if piece == "%Y" else piece[1:])
        else:
            msg = f"{piece} is not a token of a time pattern"
            raise ValueError(msg)
    precision = next((found for token, found in _LADDER if token in tokens), None)
    if precision is None:
        msg = "has neither year, month nor day"
        raise ValueError(msg)
    _coherent(tokens)
    return Pattern(
        re.compile(shape, re.IGNORECASE | re.DOTALL), tuple(tokens), precision, "y" in tokens
    )


def _one_of(words: Iterable[str]) -> str:
    """Return the group of a word, whole or abbreviated with a dot."""
    return "(" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + r")\.?"


def _coherent(tokens: Sequence[str]) -> None:
    needs = {"H": "d", "M": "H", "S": "M", "f": "S", "z": "H", "d": "m", "a": "d"}
    if missing := sorted(t for t, n in needs.items() if t in tokens and n not in tokens):
        msg = f"%{missing[0]} needs %{needs[missing[0]]}"
        raise ValueError(msg)


def read_iso(text: str) -> Read:
    """Read `2010-03`, `2010-Q1` … or two of them with a slash between; raises ValueError."""
    start, _, end = text.partition("/")
    given = OccurredGiven.model_validate({"from": start} | ({"to": end} if end else {}))
    resolved = given.resolve(UTC)
    return Read(start, end or start, resolved.precision, (), resolved.first_day)


class TimeReader:
    """Reads cells by the patterns of one mapping; remembers what it read, as registers repeat."""

    def __init__(
        self,
        patterns: Sequence[str],
        months: Mapping[str, int],
        weekdays: Mapping[str, frozenset[int]],
        words: Mapping[str, str],
        zone: tzinfo | None,
    ) -> None:
        """`words` are whole cells with the time they stand for; they come before the patterns."""
        self._patterns = [compiled_pattern(text, months, weekdays) for text in patterns]
        self._months = months
        self._weekdays = weekdays
        self._words = {_fold(word): read_iso(iso) for word, iso in words.items()}
        self._zone = zone
        self.read: Callable[[str, str], Read] = lru_cache(maxsize=65_536)(self._read)

    def _read(self, cell: str, year: str) -> Read:
        """Read one cell; `year` serves patterns that have none. Raises Unreadable."""
        if found := self._words.get(_fold(cell)):
            return found
        for pattern in self._patterns:
            if (match := pattern.shape.fullmatch(cell)) and (pattern.has_year or year):
                try:
                    return self._ends(pattern, match, year)
                except ValueError:
                    continue
        raise Unreadable

    def _ends(self, pattern: Pattern, match: re.Match[str], year: str) -> Read:
        first: dict[str, str] = {"y": year}
        last: dict[str, str] = {"y": year}
        met: set[str] = set()
        for token, text in zip(pattern.tokens, match.groups(), strict=True):
            if token not in met:
                first[token] = text
                met.add(token)
            last[token] = text
        start, flags = self._text(pattern.precision, first)
        end, more = self._text(pattern.precision, last)
        precision = pattern.precision if start == end else Precision.RANGE
        OccurredGiven.model_validate({"from": start, "to": end})
        exact = pattern.precision in EXACT
        day = date(full_year(first["y"]), self._month(first["m"]), int(first["d"])) if exact else ""
        return Read(start, end, precision, tuple(dict.fromkeys(flags + more)), str(day))

    def _text(self, precision: Precision, parts: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
        year = full_year(parts["y"])
        match precision:
            case Precision.YEAR:
                return f"{year:04}", ()
            case Precision.QUARTER:
                return f"{year:04}-Q{parts['q']}", ()
            case Precision.WEEK:
                week = int(parts["V"])
                date.fromisocalendar(year, week, 1)
                return f"{year:04}-W{week:02}", ()
        month = self._month(parts["m"])
        if precision is Precision.MONTH:
            date(year, month, 1)
            return f"{year:04}-{month:02}", ()
        day = date(year, month, int(parts["d"]))
        flags = self._weekday_flags(day, parts)
        if precision is Precision.DAY:
            return day.isoformat(), flags
        text, more = self._instant(day, parts)
        return text, flags + more

    def _weekday_flags(self, day: date, parts: Mapping[str, str]) -> tuple[str, ...]:
        """The date counts; that the register's own weekday contradicts it must be seen."""
        word = parts.get("a")
        fits = word is None or day.isoweekday() in self._weekdays.get(word.casefold(), ())
        return () if fits else ("weekday_differs",)

    def _instant(self, day: date, parts: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
        moment = datetime(  # noqa: DTZ001 the zone follows in the next lines
            day.year,
            day.month,
            day.day,
            int(parts["H"]),
            int(parts.get("M", "0")),
            int(parts.get("S", "0")),
            int(parts.get("f", "0").ljust(6, "0")),
        )
        if offset := parts.get("z"):
            return instant_text(moment.replace(tzinfo=_offset(offset))), ()
        local = moment.replace(tzinfo=self._zone)
        later = local.replace(fold=1)
        if local.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != moment:
            raise Unreadable  # the hour the clock leaps over
        twice = local.utcoffset() != later.utcoffset()
        return instant_text(local), ("time_ambiguous",) if twice else ()

    def _month(self, text: str) -> int:
        if text.isdigit():
            return int(text)
        if (month := self._months.get(text.casefold())) is None:
            raise Unreadable  # letters that match but for case, and are others: ı and i
        return month


def full_year(text: str) -> int:
    """Return a year of two or four digits as four; raises ValueError for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) in (2, 4)):
        raise Unreadable
    year = int(text)
    if len(text) == 4:  # noqa: PLR2004 the digits of a year
        return year
    century = TWO_DIGIT_YEARS_FROM // 100 * 100
    return century + year if century + year >= TWO_DIGIT_YEARS_FROM else century + 100 + year


def joined(start: Read, end: Read) -> Read:
    """Return the time from one cell to another; an end that only repeats the start adds nothing."""
    if end[:3] == start[:3]:
        return start
    instants = (start.precision is Precision.INSTANT, end.precision is Precision.INSTANT)
    if instants == (True, False) and start.day >= end.start[:10]:
        return start  # the end names the day only, which the start already does
    if instants[0] != instants[1]:
        raise Unreadable
    try:
        OccurredGiven.model_validate({"from": start.start, "to": end.end})
    except ValueError:
        raise Unreadable from None
    return Read(start.start, end.end, Precision.RANGE, start.flags + end.flags, start.day)


def occurred(read: Read, words: str) -> OccurredGiven:
    """Return the command's value; the register's own words stay when they are not an exact time."""
    given: dict[str, str] = {"from": read.start}
    if read.end != read.start:
        given["to"] = read.end
    if read.precision not in EXACT and words:
        given["text"] = words[:200]
    return OccurredGiven.model_validate(given)


def _offset(text: str) -> timezone:
    if text in ("Z", "z"):
        return UTC
    sign = -1 if text.startswith("-") else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
