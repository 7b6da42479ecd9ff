"""The small shared words of the field: texts with limits, fuzzy time, channel, direction, medium.

Everything here is immutable, strict and free of I/O. Limits are named constants because each is a
promise to callers and is tested at its edge. Source of the lists: domain.md 1.7, 2.5, 4.2.
"""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated, Final, NewType, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from domain.errors import Fault, Refused

NAME_CHARS_MAX: Final = 300
SUBJECT_CHARS_MAX: Final = 500
TEXT_CHARS_MAX: Final = 20_000
REASON_CHARS_MAX: Final = 2_000
CODE_CHARS_MAX: Final = 64
NUMBER_CHARS_MAX: Final = 64
SOURCE_ID_CHARS_MAX: Final = 300
LIST_ITEMS_MAX: Final = 50
PARTIES_MAX: Final = 500
PARTICIPANTS_MAX: Final = 500
YEAR_MIN: Final = 1800
YEAR_MAX: Final = 2199
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far in the future a contact may lie: other people's clocks are not ours."""

PartyId = NewType("PartyId", str)
ContactId = NewType("ContactId", str)


def _storable(text: str) -> str:
    """Refuse what PostgreSQL cannot hold (NUL) and what UTF-8 cannot write (lone surrogates)."""
    if "\x00" in text:
        msg = "must not contain NUL"
        raise ValueError(msg)
    try:
        text.encode()
    except UnicodeEncodeError:
        msg = "must not contain lone surrogates"
        raise ValueError(msg) from None
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_CHARS_MAX),
    AfterValidator(_storable),
]
Subject = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=SUBJECT_CHARS_MAX),
    AfterValidator(_storable),
]
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_CHARS_MAX),
    AfterValidator(_storable),
]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=REASON_CHARS_MAX),
    AfterValidator(_storable),
]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=CODE_CHARS_MAX)]
Number = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=NUMBER_CHARS_MAX),
    AfterValidator(_storable),
]
SourceId = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=SOURCE_ID_CHARS_MAX),
    AfterValidator(_storable),
]
Kle = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{2}(\.[0-9]{2}(\.[0-9]{2})?)?([ +]?[A-ZÆØÅ][0-9]{2})?$")
]
"""KLE number (emne) with an optional facet (facet), e.g. `03.10.24` or `00.22.04 P35`."""


def _calendar_date(text: str) -> str:
    date.fromisoformat(text)
    return text


Day = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_calendar_date)
]
"""A calendar date as `YYYY-MM-DD`."""


UuidText = Annotated[
    str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
]
"""A UUID in its canonical lower-case form."""


class Value(BaseModel):
    """Base of every value, command and event: frozen, strict, no unknown fields."""

    # Validators are made when first asked for: a process meets few of the hundreds of models.
    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        populate_by_name=True,
        defer_build=True,
    )


class Channel(StrEnum):
    """Which door (kanal): the one entry point (én indgang) or the direct one (direkte kontakt)."""

    DIRECT = "direct"
    ENTRY_POINT = "entry_point"


class Direction(StrEnum):
    """Who took the initiative, seen from the administration (retning)."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    MUTUAL = "mutual"


class Confidentiality(StrEnum):
    """Who may see it (fortrolighed): open is an explicit act, internal the default."""

    OPEN = "open"
    INTERNAL = "internal"
    RESTRICTED = "restricted"


class Occasion(StrEnum):
    """Planned or spontaneous (planlagt, spontan)."""

    PLANNED = "planned"
    SPONTANEOUS = "spontaneous"


class Outcome(StrEnum):
    """Whether the contact came about (afholdt) or nobody was reached (ikke truffet)."""

    HELD = "held"
    NOT_REACHED = "not_reached"


class PersonalData(StrEnum):
    """What personal data the text holds (personoplysninger), for retention."""

    NONE = "none"
    ORDINARY = "ordinary"
    SENSITIVE = "sensitive"


STANDARD_MEDIA: Final = (
    "meeting_physical",
    "meeting_online",
    "phone",
    "email",
    "letter",
    "digital_post",
    "site_visit",
    "joint_inspection",
    "sms_chat",
    "hearing_response",
    "workshop",
    "portal_form",
    "hand_over_document",
    "informal_encounter",
    "event",
    "other",
)
"""Media every installation knows (domain.md 4.2); a municipality adds its own by configuration."""


class Precision(StrEnum):
    """How exactly the time is known (præcision); a month is never turned into a day."""

    INSTANT = "instant"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    RANGE = "range"


class Occurred(Value):
    """When it took place (virkning), as exactly as it is known and no more.

    `from`/`to` are ISO dates (inclusive) or, for precision `instant` and ranges given with clock
    times, UTC instants ending in `Z`. `first_day`/`last_day` are the same as calendar dates in the
    municipality's time zone: they sort and count, so that no view needs to know the zone.
    """

    from_: str = Field(alias="from")
    to: str
    precision: Precision
    text: str | None = None
    first_day: str
    last_day: str


_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_INSTANT = re.compile(
    rf"^{_DATE}[Tt ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,6}})?)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
_SHAPES: Final = (
    (Precision.DAY, re.compile(rf"^{_DATE}$")),
    (Precision.MONTH, re.compile(r"^([0-9]{4})-([0-9]{2})$")),
    (Precision.YEAR, re.compile(r"^([0-9]{4})$")),
    (Precision.QUARTER, re.compile(r"^([0-9]{4})-?[QqKk]([1-4])$")),
    (Precision.WEEK, re.compile(r"^([0-9]{4})-?W([0-9]{2})$")),
)


def _month(year: int, month: int, months: int) -> tuple[date, date]:
    first = date(year, month, 1)
    after = month - 1 + months
    return first, date(year + after // 12, after % 12 + 1, 1) - timedelta(days=1)


def _days_of(precision: Precision, found: re.Match[str]) -> tuple[date, date]:
    match precision:
        case Precision.DAY:
            day = date.fromisoformat(found[0])
            return day, day
        case Precision.MONTH:
            return _month(int(found[1]), int(found[2]), 1)
        case Precision.QUARTER:
            return _month(int(found[1]), int(found[2]) * 3 - 2, 3)
        case Precision.YEAR:
            return _month(int(found[1]), 1, 12)
        case _:
            first = date.fromisocalendar(int(found[1]), int(found[2]), 1)
            return first, first + timedelta(days=6)


def instant_text(moment: datetime) -> str:
    """Write an aware moment as RFC 3339 in UTC with `Z`, microseconds only when there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class OccurredGiven(Value):
    """Time as a caller writes it: one of the short strings, or from, to, precision and words.

    Short forms: `2010`, `2010-Q1`, `2010-02`, `2010-W08`, `2010-02-22`, and an instant with an
    offset such as `2010-02-22T10:00:00+01:00`. A time of day without an offset is refused: guessing
    a zone would invent a fact.
    """

    from_: Annotated[str, Field(alias="from", max_length=40)]
    to: Annotated[str, Field(max_length=40)] | None = None
    precision: Precision | None = None
    text: Annotated[str, Field(max_length=200), AfterValidator(_storable)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: object) -> object:
        return {"from": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _readable(self) -> Self:
        start, end = _read(self.from_), _read(self.to if self.to is not None else self.from_)
        if (start[2] is None) != (end[2] is None):
            msg = "from and to must both be dates or both be instants"
            raise ValueError(msg)
        backwards = end[2] < start[2] if start[2] and end[2] else end[1] < start[0]
        if backwards:
            msg = "to must not be before from"
            raise ValueError(msg)
        natural = start[3] if self.to is None or self.to == self.from_ else Precision.RANGE
        if self.precision is not None and not _may_be(self.precision, natural, start, end):
            msg = f"precision {self.precision} does not fit from and to"
            raise ValueError(msg)
        return self

    def resolve(self, zone: tzinfo) -> Occurred:
        """Return the event's value; `zone` is the municipality's and decides the calendar date."""
        start, end = _read(self.from_), _read(self.to if self.to is not None else self.from_)
        natural = start[3] if self.to is None or self.to == self.from_ else Precision.RANGE
        first, last = start[0], end[1]
        from_text, to_text = first.isoformat(), last.isoformat()
        if start[2] is not None and end[2] is not None:
            from_text, to_text = instant_text(start[2]), instant_text(end[2])
            first, last = start[2].astimezone(zone).date(), end[2].astimezone(zone).date()
        return Occurred(
            **{"from": from_text},
            to=to_text,
            precision=self.precision or natural,
            text=self.text,
            first_day=first.isoformat(),
            last_day=last.isoformat(),
        )


_Reading = tuple[date, date, datetime | None, Precision]


def _read(text: str) -> _Reading:
    """Read one end: first day, last day, the instant if it is one, and its natural precision."""
    text = text.strip()
    if _INSTANT.match(text):
        moment = datetime.fromisoformat(text.upper())
        _within_years(moment.year)
        return moment.date(), moment.date(), moment, Precision.INSTANT
    for precision, shape in _SHAPES:
        if found := shape.match(text):
            _within_years(int(text[:4]))
            first, last = _days_of(precision, found)
            return first, last, None, precision
    msg = "must be YYYY, YYYY-Qn, YYYY-MM, YYYY-Www, YYYY-MM-DD or a date and time with an offset"
    raise ValueError(msg)


def _within_years(year: int) -> None:
    if not YEAR_MIN <= year <= YEAR_MAX:
        msg = f"year must be from {YEAR_MIN} to {YEAR_MAX}"
        raise ValueError(msg)


def _may_be(asked: Precision, natural: Precision, start: _Reading, end: _Reading) -> bool:
    """Whether the caller's own word for the precision fits; days may be coarser, not finer."""
    if asked in (natural, Precision.RANGE):
        return True
    if start[2] is not None:
        return asked is Precision.INSTANT
    spans = {Precision.WEEK: 7, Precision.MONTH: 31, Precision.QUARTER: 92, Precision.YEAR: 366}
    days = (end[1] - start[0]).days + 1
    return asked in spans and natural in (Precision.RANGE, Precision.DAY) and days <= spans[asked]


class PartyRef(Value):
    """A party as an event names it: its id, and its name when the event was recorded."""

    id: PartyId
    name: str


class Source(Value):
    """Where an imported record comes from (kildesystem, kilde-id); the pair is unique."""

    system: SourceId
    id: SourceId


def refuse_if(faults: list[Fault]) -> None:
    """Raise one `Refused` that carries all faults; its code is the first one's."""
    if faults:
        raise Refused(faults[0].code, faults)
