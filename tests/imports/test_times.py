"""Times of registers: read as exactly as they are written, and no more."""

from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.imports.languages import MONTHS, WEEKDAYS, Language, months_of, weekdays_of
from api.imports.times import (
    TimeReader,
    Unreadable,
    compiled_pattern,
    full_year,
    joined,
    occurred,
)

ENGLISH = months_of(("en",), {"Marc": 3})
COPENHAGEN = ZoneInfo("Europe/Copenhagen")


def reader(*patterns: str, languages: tuple[str, ...] = ("en",)) -> TimeReader:
    months = months_of(languages, {"Marc": 3})
    days = weekdays_of(languages)
    return TimeReader(patterns, months, days, {"Foråret 2010": "2010-03/2010-05"}, COPENHAGEN)


@pytest.mark.parametrize(
    ("pattern", "cell", "start", "end", "precision"),
    [
        ("%Y-%m-%d", "2017-12-01", "2017-12-01", "2017-12-01", "day"),
        ("%d. %m. %Y", "30. 4. 2013", "2013-04-30", "2013-04-30", "day"),
        ("%d/%m/%y", "1/2/10", "2010-02-01", "2010-02-01", "day"),
        ("%m-%Y", "04-2016", "2016-04", "2016-04", "month"),
        ("%B-%y", "Apr-12", "2012-04", "2012-04", "month"),
        ("%B %Y", "April 2011", "2011-04", "2011-04", "month"),
        ("%B %Y,", "January 2012,", "2012-01", "2012-01", "month"),
        ("%B", "Sept", "2014-09", "2014-09", "month"),
        ("%B", "Marc", "2014-03", "2014-03", "month"),
        ("%B/%B", "Apr/Jun", "2014-04", "2014-06", "range"),
        ("%B/%B/%B", "Jan/Feb/Mar", "2014-01", "2014-03", "range"),
        ("%d.-%d. %B %Y", "3.-5. May 2010", "2010-05-03", "2010-05-05", "range"),
        ("Q%q %Y", "Q3 2010", "2010-Q3", "2010-Q3", "quarter"),
        ("%Y week %V", "2010 week 8", "2010-W08", "2010-W08", "week"),
        ("%Y", "2010", "2010", "2010", "year"),
        ("%d%m%Y", "01112010", "2010-11-01", "2010-11-01", "day"),
        ("%Y-%y", "2010-12", "2010", "2012", "range"),
        ("%%%Y", "%2010", "2010", "2010", "year"),
        ("%Y", " foråret  2010 ", "2010-03", "2010-05", "range"),
        (
            "%d-%m-%Y %H:%M",
            "22-02-2010 10:00",
            "2010-02-22T09:00:00Z",
            "2010-02-22T09:00:00Z",
            "instant",
        ),
        (
            "%Y-%m-%dT%H:%M:%S.%f%z",
            "2010-07-22T10:00:00.5+02:00",
            "2010-07-22T08:00:00.500000Z",
            "2010-07-22T08:00:00.500000Z",
            "instant",
        ),
        (
            "%Y-%m-%d %H:%M %z",
            "2010-07-22 10:00 Z",
            "2010-07-22T10:00:00Z",
            "2010-07-22T10:00:00Z",
            "instant",
        ),
        (
            "%Y-%m-%d %H:%M %z",
            "2010-07-22 10:00 -0230",
            "2010-07-22T12:30:00Z",
            "2010-07-22T12:30:00Z",
            "instant",
        ),
    ],
)
def test_a_cell_is_read_as_exactly_as_it_is_written(
    pattern: str, cell: str, start: str, end: str, precision: str
) -> None:
    found = reader(pattern).read(cell, "14")
    assert (found.start, found.end, found.precision) == (start, end, precision)


@pytest.mark.parametrize("language", get_args(Language))
def test_every_language_has_all_months_and_days(language: str) -> None:
    assert {len(line.split()) for line in MONTHS[language]} == {12}
    assert {len(line.split()) for line in WEEKDAYS[language]} == {7}
    words = [word for line in (*MONTHS[language], *WEEKDAYS[language]) for word in line.split()]
    assert words == [word.casefold() for word in words]
    assert all(len(days) == 1 for days in weekdays_of((language,)).values())
    for line in MONTHS[language]:
        found = months_of((language,), {})
        assert [found[word] for word in line.split()] == list(range(1, 13))


@pytest.mark.parametrize(
    ("language", "cell", "start"),
    [
        ("da", "Mandag, d. 22. februar 2010", "2010-02-22"),
        ("da", "man., d. 22. febr. 2010", "2010-02-22"),
        ("da", "ons, d. 1. sept. 2010", "2010-09-01"),
        ("de", "Mo., d. 1. Mrz. 2010", "2010-03-01"),
        ("de", "Mittwoch, d. 6. Jänner 2010", "2010-01-06"),
        ("en", "Thurs, d. 4 . Feb 2010", ""),
        ("en", "Thurs, d. 4. Feb 2010", "2010-02-04"),
        ("fr", "lundi, d. 1. févr. 2010", "2010-02-01"),
        ("nl", "woensdag, d. 3. mrt. 2010", "2010-03-03"),
        ("no", "tirs., d. 7. des. 2010", "2010-12-07"),
        ("nb", "lørdag, d. 1. mai 2010", "2010-05-01"),
        ("sl", "torek, d. 1. junija 2010", "2010-06-01"),
        ("sv", "torsdag, d. 5. augusti 2010", "2010-08-05"),
    ],
)
def test_a_day_may_stand_with_its_weekday(language: str, cell: str, start: str) -> None:
    read = reader("%A, d. %d. %B %Y", languages=(language,)).read
    if start:
        assert (read(cell, "").start, read(cell, "").flags) == (start, ())
    else:
        with pytest.raises(Unreadable):
            read(cell, "")


def test_a_weekday_that_contradicts_its_date_is_flagged() -> None:
    read = reader("%a %d. %B %Y", "%a-%a %d.-%d. %B %Y", languages=("da", "sl")).read
    assert read("tirsdag 22. februar 2010", "").flags == ("weekday_differs",)
    assert read("man-ons 22.-24. februar 2010", "").flags == ()
    assert read("man-tir 22.-24. februar 2010", "").flags == ("weekday_differs",)
    # `tor` is Thursday in Danish and Tuesday in Slovene.
    assert read("tor 25. februar 2010", "").flags == ()
    assert read("tor 23. februar 2010", "").flags == ()


def test_danish_and_slovene_months_are_read() -> None:
    assert reader("%B %Y", languages=("da",)).read("Oktober 2010", "").start == "2010-10"
    assert reader("%d. %B %Y", languages=("sl",)).read("5. maja 2010", "").start == "2010-05-05"


@pytest.mark.parametrize(
    ("pattern", "cell"),
    [
        ("%Y-%m-%d", "2011-02-29"),
        ("%Y-%m-%d", "2010-02-22 "),
        ("%m-%Y", "13-2010"),
        ("%Y-%m", "9999-01"),
        ("%B", "Smarch"),
        ("%B", "AprIl".replace("I", "ı")),
        ("%d%m%Y", "1112010"),
        ("%Y", "٢٠١٠"),
        ("%B/%B", "Dec/Jan"),
        ("%Y W%V", "2010 W53"),
        ("%d-%m-%Y %H:%M", "28-03-2010 02:30"),
        ("%d-%m-%Y %H:%M", "28-03-2010 25:00"),
    ],
)
def test_what_is_no_time_is_unreadable(pattern: str, cell: str) -> None:
    with pytest.raises(Unreadable):
        reader(pattern).read(cell, "2010")


def test_a_month_without_a_year_is_unreadable_unless_the_year_is_known() -> None:
    with pytest.raises(Unreadable):
        reader("%B").read("May", "")
    assert reader("%B").read("May", "2012").start == "2012-05"


def test_patterns_are_tried_in_order() -> None:
    assert reader("%d-%m-%Y", "%m-%d-%Y").read("02-03-2010", "").start == "2010-03-02"
    assert reader("%d-%m-%Y", "%m-%d-%Y").read("02-13-2010", "").start == "2010-02-13"


def test_the_hour_that_comes_twice_is_flagged() -> None:
    found = reader("%d-%m-%Y %H:%M").read("31-10-2010 02:30", "")
    assert found.start == "2010-10-31T00:30:00Z"
    assert found.flags == ("time_ambiguous",)


@pytest.mark.parametrize("pattern", ["%Q", "noon", "%H:%M", "%d %Y", "%", "%A %B"])
def test_a_pattern_that_means_no_time_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"token|neither|needs"):
        compiled_pattern(pattern, ENGLISH, weekdays_of(("en",)))


def test_two_digit_years_are_of_1969_to_2068() -> None:
    assert [full_year(y) for y in ("69", "99", "00", "68")] == [1969, 1999, 2000, 2068]


def test_an_end_that_repeats_the_start_adds_nothing() -> None:
    days, clock = reader("%Y-%m-%d"), reader("%Y-%m-%d %H:%M")
    start = clock.read("2010-02-22 10:00", "")
    assert joined(start, start) == start
    assert joined(start, days.read("2010-02-22", "")) == start
    with pytest.raises(Unreadable):
        joined(start, days.read("2010-02-23", ""))
    with pytest.raises(Unreadable):
        joined(days.read("2010-02-23", ""), days.read("2010-02-22", ""))


def test_an_end_on_the_day_the_register_writes_is_the_starts_own_day() -> None:
    days, clock = reader("%Y-%m-%d"), reader("%Y-%m-%d %H:%M")
    night = clock.read("2010-07-23 00:30", "")
    assert night.start == "2010-07-22T22:30:00Z", "another day where instants are written"
    assert joined(night, days.read("2010-07-23", "")) == night
    with pytest.raises(Unreadable):
        joined(night, days.read("2010-07-24", ""))


def test_words_are_kept_only_when_they_are_not_an_exact_time() -> None:
    assert occurred(reader("%B %Y").read("May 2010", ""), "May 2010").text == "May 2010"
    assert occurred(reader("%d-%m-%Y").read("01-05-2010", ""), "01-05-2010").text is None


@given(st.text(max_size=40), st.sampled_from(["", "12", "2010", "x"]))
def test_any_text_is_read_or_unreadable(cell: str, year: str) -> None:
    both = reader("%d-%m-%Y %H:%M", "%d. %m. %Y", "%B/%B", "%B", "%Y")
    try:
        both.read(cell, year)
    except Unreadable:
        return
