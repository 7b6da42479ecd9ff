"""A calendar file (.ics) as components, within limits: the parser sees only what it can bear.

Size, lines and nesting are counted before anything is parsed. Where the file as a whole cannot be
parsed (a broken time zone is enough), its events are tried one by one.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from icalendar import Component
from icalendar.timezone import tzp

from api.imports.reading import decoded, unreadable
from api.imports.recurrence import RuleRefused, expanded, rule_of

CALENDAR_BYTES_MAX: Final = 5 * 1024 * 1024
LINES_MAX: Final = 100_000
LINE_CHARS_MAX: Final = 200_000
"""Of one line, unfolded; an attachment inside a calendar is longer and no meeting needs it."""
DEPTH_MAX: Final = 8
"""Components within components; RFC 5545 needs three."""
COMPONENTS_MAX: Final = 10_000
ZONE_RULES_MAX: Final = 200
_ZONE_START: Final = datetime(1999, 1, 1)  # noqa: DTZ001 the wall clock
_ZONE_END: Final = date(2008, 12, 31)
ENCODINGS: Final = ("utf-8", "utf-16", "windows-1252")
METHODS_OF_MEETINGS: Final = ("", "PUBLISH", "REQUEST", "ADD")
METHOD_OF_CANCELLING: Final = "CANCEL"
PARSER_ERRORS: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What foreign text makes the parser raise; RecursionError cannot come, depth is counted before."""
_BREAK: Final = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Found:
    """One component, or None for one that cannot be parsed, and the METHOD of its calendar."""

    name: str
    method: str
    component: Component | None


def components_of(content: bytes) -> tuple[list[Found], bool]:
    """Return the components of a file in order, and whether it was parsed as a whole."""
    if len(content) > CALENDAR_BYTES_MAX:
        raise unreadable("file_too_large", bytes_max=CALENDAR_BYTES_MAX)
    text, _ = decoded(content, ENCODINGS)
    if not text.strip():
        raise unreadable("file_empty")
    lines = _unfolded(text)
    _check_nesting(lines)
    try:
        if not _zones_are_sound(lines):
            return list(_one_by_one(lines)), False
        found = [each for top in _read(lines) for each in _walked(top, "")]
        if sum(each.name == "VEVENT" for each in found) < _events_begun(lines):
            return list(_one_by_one(lines)), False  # something was not closed and swallowed them
        return found, True
    except PARSER_ERRORS:
        return list(_one_by_one(lines)), False


def _events_begun(lines: Sequence[str]) -> int:
    return sum(line.strip().upper() == "BEGIN:VEVENT" for line in lines)


def _read(lines: Sequence[str]) -> list[Component]:
    """Parse lines; time zones of files read before are forgotten, this one's come first."""
    tzp.use_default()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a time zone's name was guessed: it may be
        return Component.from_ical("\r\n".join(_zones_first(lines)) + "\r\n", multiple=True)


def _zones_first(lines: Sequence[str]) -> list[str]:
    """Return the lines with each calendar's time zones before the events that refer to them."""
    ordered: list[str] = []
    place, inside = 0, False
    for line in lines:
        upper = line.upper().strip()
        inside = inside or upper == "BEGIN:VTIMEZONE"
        if inside and place:
            ordered.insert(place, line)
            place += 1
        else:
            ordered.append(line)
        if upper == "END:VTIMEZONE":
            inside = False
        elif upper == "BEGIN:VCALENDAR":
            place = len(ordered)
    return ordered


def _zones_are_sound(lines: Sequence[str]) -> bool:
    """Whether every time zone's rules are yearly and fall on some day: the parser walks them."""
    inside, rules = False, set[str]()
    for line in lines:
        upper = line.upper().strip()
        if upper in ("BEGIN:VTIMEZONE", "END:VTIMEZONE"):
            inside = upper == "BEGIN:VTIMEZONE"
        elif inside and upper.startswith(("RRULE:", "RRULE;")):
            rules.add(upper.partition(":")[2])
    return len(rules) <= ZONE_RULES_MAX and all(_is_sound(text) for text in rules)


def _is_sound(text: str) -> bool:
    try:
        rule = rule_of(text)
    except RuleRefused:
        return False
    clock = any(rule.of(name) for name in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    found = expanded(replace(rule, count=None), _ZONE_START, None, _ZONE_END)
    return rule.frequency == "YEARLY" and not clock and len(found.times) > 1


def _unfolded(text: str) -> list[str]:
    lines: list[list[str]] = []
    for line in _BREAK.split(text):
        if line[:1] in (" ", "\t") and lines:
            lines[-1].append(line[1:])
        elif line.strip():
            lines.append([line])
        if len(lines) > LINES_MAX:
            raise unreadable("too_many_rows", rows_max=LINES_MAX)
    whole = ["".join(parts) for parts in lines]
    if max((len(line) for line in whole), default=0) > LINE_CHARS_MAX:
        raise unreadable("line_too_long", chars_max=LINE_CHARS_MAX)
    return whole


def _check_nesting(lines: Sequence[str]) -> None:
    depth = begun = 0
    for line in lines:
        start = line[:6].upper()
        if start == "BEGIN:":
            depth, begun = depth + 1, begun + 1
        elif start.startswith("END:"):
            depth = max(depth - 1, 0)
        if depth > DEPTH_MAX:
            raise unreadable("too_deep", depth_max=DEPTH_MAX)
        if begun > COMPONENTS_MAX:
            raise unreadable("too_many_components", components_max=COMPONENTS_MAX)
    if begun == 0:
        raise unreadable("no_calendar")


def _walked(component: Component, method: str) -> Iterator[Found]:
    name = str(component.name or "").upper()
    if name == "VCALENDAR":
        method = text_of(component, "METHOD").upper()
    else:
        yield Found(name, method, component)
    if name in ("VTIMEZONE", "VEVENT"):
        return
    for inner in component.subcomponents:
        yield from _walked(inner, method)


def _one_by_one(lines: Sequence[str]) -> Iterator[Found]:
    method, block = "", list[str]()
    for line in lines:
        upper = line.upper().strip()
        if upper == "BEGIN:VCALENDAR":
            method = ""
        elif upper.startswith("METHOD:"):
            method = upper.removeprefix("METHOD:").strip()
        if upper == "BEGIN:VEVENT":
            if block:
                yield Found("VEVENT", method, None)  # the one before has no end
            block = [line]
        elif block:
            block.append(line)
        if upper == "END:VEVENT" and block:
            yield Found("VEVENT", method, _parsed(block))
            block = []
    if block:
        yield Found("VEVENT", method, None)


def _parsed(block: Sequence[str]) -> Component | None:
    try:
        return next(iter(_read(block)), None)
    except PARSER_ERRORS:
        return None


# ── properties ───────────────────────────────────────────────────────────────────────────────────


def values_of(component: Component, name: str) -> list[Any]:
    """Return every value of a property as the parser gives it, broken ones among them."""
    found = component.get(name)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def text_of(component: Component, name: str) -> str:
    """Return the first value of a property as one line of text, empty without one."""
    found = values_of(component, name)
    return " ".join(str(found[0]).split()) if found else ""
