"""The shared words: every limit at its edge, and time never made more exact than it was given."""

from datetime import UTC, datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain import values
from domain.contacts import LogContact
from domain.contacts.commands import LinkKind
from domain.errors import Fault, Refused
from domain.values import OccurredGiven, Precision, instant_text, refuse_if
from tests.domain.samples import COPENHAGEN, asked

LIMITED = [
    pytest.param(values.Name, values.NAME_CHARS_MAX, id="name"),
    pytest.param(values.Subject, values.SUBJECT_CHARS_MAX, id="subject"),
    pytest.param(values.Text, values.TEXT_CHARS_MAX, id="text"),
    pytest.param(values.Reason, values.REASON_CHARS_MAX, id="reason"),
    pytest.param(values.Code, values.CODE_CHARS_MAX, id="code"),
    pytest.param(values.Number, values.NUMBER_CHARS_MAX, id="number"),
    pytest.param(values.SourceId, values.SOURCE_ID_CHARS_MAX, id="source id"),
]
FREE = [param for param in LIMITED if param.id != "code"]


def read(kind: Any, text: Any) -> Any:
    return TypeAdapter(kind).validate_python(text)


def refused(kind: Any, text: Any) -> bool:
    try:
        read(kind, text)
    except ValidationError:
        return True
    return False


def when(sent: Any) -> values.Occurred:
    return OccurredGiven.model_validate(sent, strict=False).resolve(COPENHAGEN)


def span(sent: Any) -> tuple[str, str, str]:
    time = when(sent)
    return time.from_, time.to, time.precision.value


# ── texts ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "chars"), LIMITED)
def test_a_text_may_be_as_long_as_its_limit_and_not_one_character_longer(
    kind: Any, chars: int
) -> None:
    assert read(kind, "a" * chars) == "a" * chars
    assert refused(kind, "a" * (chars + 1))


@pytest.mark.parametrize(("kind", "chars"), FREE)
def test_space_around_a_text_does_not_count(kind: Any, chars: int) -> None:
    assert read(kind, "  \n" + "ø" * chars + "\t ") == "ø" * chars


@pytest.mark.parametrize(("kind", "chars"), LIMITED)
@pytest.mark.parametrize("text", ["", " ", "\n\t"], ids=repr)
def test_an_empty_text_says_nothing_and_is_refused(kind: Any, chars: int, text: str) -> None:
    assert refused(kind, text)


@pytest.mark.parametrize(("kind", "chars"), LIMITED)
@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "a\udfffb"], ids=ascii)
def test_what_a_database_cannot_keep_is_refused(kind: Any, chars: int, text: str) -> None:
    assert refused(kind, text)


def test_a_lone_surrogate_is_named_as_such_where_the_model_lets_it_through() -> None:
    with pytest.raises(ValueError, match="lone surrogates"):
        values._storable("a\ud800")


@pytest.mark.parametrize("code", ["a", "phone", "area_office2", "a" * 64])
def test_a_code_is_lower_case_ascii(code: str) -> None:
    assert read(values.Code, code) == code


@pytest.mark.parametrize("code", ["A", "_a", "2a", "a-b", "a b", "å", "a\n", "a\nb"], ids=repr)
def test_another_code_is_refused(code: str) -> None:
    assert refused(values.Code, code)


@pytest.mark.parametrize(
    "kle", ["03", "03.10", "03.10.24", "00.22.04 P35", "00.22.04+P35", "00.01.10P35", "03 Ø01"]
)
def test_a_kle_number_may_stop_at_any_level_and_bear_a_facet(kle: str) -> None:
    assert read(values.Kle, kle) == kle


@pytest.mark.parametrize(
    "kle", ["", "3", "03.1", "03.10.2", "03.10.24.1", "03.10.24 p35", "03.10.24 P3", "03\n"]
)
def test_another_kle_number_is_refused(kle: str) -> None:
    assert refused(values.Kle, kle)


def test_a_kle_number_has_plain_digits() -> None:
    assert refused(values.Kle, "٠٣.10")


@pytest.mark.parametrize("day", ["2010-02-29", "2010-13-01", "2010-2-1", "20100201", "2010-02", ""])
def test_a_day_that_no_calendar_has_is_refused(day: str) -> None:
    assert read(values.Day, "2012-02-29") == "2012-02-29"
    assert refused(values.Day, day)


@pytest.mark.parametrize(
    "text",
    [
        "018F0000-0000-7000-8000-000000000001",
        "018f00000000700080000000000000001",
        "018f0000-0000-0000-8000-000000000001",
        "018f0000-0000-7000-c000-000000000001",
        "{018f0000-0000-7000-8000-000000000001}",
    ],
)
def test_an_id_has_one_spelling(text: str) -> None:
    assert read(values.UuidText, "018f0000-0000-7000-8000-000000000001")
    assert refused(values.UuidText, text)


def test_a_value_is_frozen_and_knows_all_its_fields() -> None:
    source = values.Source(system="esdh", id="1")
    with pytest.raises(ValidationError, match="frozen"):
        source.id = "2"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="extra"):
        values.Source.model_validate({"system": "esdh", "id": "1", "note": "x"})
    with pytest.raises(ValidationError, match="string"):
        values.Source.model_validate({"system": "esdh", "id": 1})


def test_the_standard_media_are_codes_and_each_is_named_once() -> None:
    assert len(set(values.STANDARD_MEDIA)) == len(values.STANDARD_MEDIA) == 16
    assert all(read(values.Code, medium) for medium in values.STANDARD_MEDIA)


# ── time as it is known ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sent", "start", "end", "precision"),
    [
        ("2010", "2010-01-01", "2010-12-31", "year"),
        ("1800", "1800-01-01", "1800-12-31", "year"),
        ("2199", "2199-01-01", "2199-12-31", "year"),
        ("2010-Q1", "2010-01-01", "2010-03-31", "quarter"),
        ("2010Q4", "2010-10-01", "2010-12-31", "quarter"),
        ("2010-k2", "2010-04-01", "2010-06-30", "quarter"),
        ("2010-02", "2010-02-01", "2010-02-28", "month"),
        ("2012-02", "2012-02-01", "2012-02-29", "month"),
        ("2010-12", "2010-12-01", "2010-12-31", "month"),
        ("2010-W08", "2010-02-22", "2010-02-28", "week"),
        ("2009W53", "2009-12-28", "2010-01-03", "week"),
        (" 2010-02-22 ", "2010-02-22", "2010-02-22", "day"),
    ],
)
def test_a_short_form_means_all_its_days_and_keeps_its_precision(
    sent: str, start: str, end: str, precision: str
) -> None:
    time = when(sent)
    assert (time.from_, time.to, time.precision) == (start, end, precision)
    assert (time.first_day, time.last_day) == (start, end)


@given(year=st.integers(1800, 2199), month=st.integers(1, 12))
def test_a_month_is_never_turned_into_a_day(year: int, month: int) -> None:
    text = f"{year}-{month:02}"
    time = when(text)
    assert time.precision is Precision.MONTH
    assert (time.from_[:7], time.to[:7]) == (text, text)
    assert time.from_.endswith("-01") and int(time.to[8:]) >= 28
    for finer in ("day", "instant", "week"):
        assert refused(OccurredGiven, {"from": text, "precision": Precision(finer)})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "22-02-2010",
        "2010-2",
        "2010-00",
        "2010-13",
        "2010-02-30",
        "2010-Q0",
        "2010-Q5",
        "2010-W00",
        "2010-W54",
        "2010-W53",
        "1799",
        "2200",
        "0000",
        "9999",
        "9999-12",
        "1799-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "2010-02-22T24:00:00Z",
        "2010-02-22T10:00:61Z",
        "2010-02-22T10:00:00+25:00",
        "foråret 2010",
    ],
)
def test_a_time_that_cannot_be_read_is_refused(text: str) -> None:
    assert refused(OccurredGiven, text)


def test_the_last_week_of_the_calendar_is_refused_and_breaks_nothing() -> None:
    assert refused(OccurredGiven, "9999-W52")


@pytest.mark.parametrize(
    "text", ["2010-02-22T10:00:00", "2010-02-22 10:00", "2010-02-22T10", "10:00", "T10:00Z"]
)
def test_a_time_of_day_without_an_offset_is_refused(text: str) -> None:
    assert refused(OccurredGiven, text)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2010-02-22T10:00:00+01:00", "2010-02-22T09:00:00Z"),
        ("2010-02-22t10:00:00z", "2010-02-22T10:00:00Z"),
        ("2010-02-22 10:00Z", "2010-02-22T10:00:00Z"),
        ("2010-02-22T10:00:00.5-08:00", "2010-02-22T18:00:00.500000Z"),
    ],
)
def test_an_instant_is_kept_in_utc(text: str, utc: str) -> None:
    assert span(text) == (utc, utc, "instant")


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2010-02-22T22:59:59Z", "2010-02-22"),
        ("2010-02-22T23:00:00Z", "2010-02-23"),
        ("2010-07-22T21:59:59Z", "2010-07-22"),
        ("2010-07-22T22:00:00Z", "2010-07-23"),
        ("2010-03-27T22:59:59Z", "2010-03-27"),
        ("2010-03-27T23:00:00Z", "2010-03-28"),
        ("2010-03-28T21:59:59Z", "2010-03-28"),
        ("2010-03-28T22:00:00Z", "2010-03-29"),
        ("2010-10-30T22:00:00Z", "2010-10-31"),
        ("2010-10-31T22:59:59Z", "2010-10-31"),
        ("2010-10-31T23:00:00Z", "2010-11-01"),
        ("2010-02-23T03:00:00+09:00", "2010-02-22"),
    ],
)
def test_the_municipality_s_zone_decides_the_day_around_midnight_and_the_clock_changes(
    instant: str, day: str
) -> None:
    time = when(instant)
    assert (time.first_day, time.last_day) == (day, day)


def test_another_zone_gives_another_day_for_the_same_instant() -> None:
    sent = OccurredGiven.model_validate("2010-02-22T23:30:00Z")
    assert sent.resolve(ZoneInfo("Europe/Copenhagen")).first_day == "2010-02-23"
    assert sent.resolve(ZoneInfo("America/Nuuk")).first_day == "2010-02-22"


def test_a_range_runs_from_the_first_day_of_its_start_to_the_last_of_its_end() -> None:
    assert span({"from": "2010-01", "to": "2010-02"}) == ("2010-01-01", "2010-02-28", "range")
    assert span({"from": "2009", "to": "2010-Q2"}) == ("2009-01-01", "2010-06-30", "range")
    assert span({"from": "2010-02", "to": "2010-02"}) == ("2010-02-01", "2010-02-28", "month")


def test_a_range_of_instants_keeps_both_and_counts_by_their_days() -> None:
    time = when({"from": "2010-02-22T22:30:00Z", "to": "2010-02-22T23:30:00Z"})
    assert (time.from_, time.to) == ("2010-02-22T22:30:00Z", "2010-02-22T23:30:00Z")
    assert (time.first_day, time.last_day) == ("2010-02-22", "2010-02-23")
    assert time.precision is Precision.RANGE


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2010-02-22", "2010-02-21"),
        ("2010-03", "2010-02-28"),
        ("2010-02-22T10:00:00Z", "2010-02-22T09:59:59Z"),
        ("2010-02-22", "2010-02-23T10:00:00Z"),
        ("2010-02-22T10:00:00Z", "2010-02-23"),
    ],
)
def test_a_range_that_ends_before_it_begins_or_mixes_days_and_instants_is_refused(
    start: str, end: str
) -> None:
    assert refused(OccurredGiven, {"from": start, "to": end})


def test_instants_with_different_offsets_are_compared_as_instants() -> None:
    time = when({"from": "2010-02-23T00:30:00+02:00", "to": "2010-02-22T23:30:00+00:00"})
    assert (time.from_, time.to) == ("2010-02-22T22:30:00Z", "2010-02-22T23:30:00Z")


@pytest.mark.parametrize(
    ("sent", "fits"),
    [
        ({"from": "2010-02-22", "precision": "day"}, True),
        ({"from": "2010-02-22", "precision": "month"}, True),
        ({"from": "2010-02-22", "precision": "range"}, True),
        ({"from": "2010-02-22", "precision": "instant"}, False),
        ({"from": "2010-02-22T10:00:00Z", "precision": "instant"}, True),
        ({"from": "2010-02-22T10:00:00Z", "precision": "range"}, True),
        ({"from": "2010-02-22T10:00:00Z", "precision": "day"}, False),
        (
            {"from": "2010-02-22T10:00:00Z", "to": "2010-02-22T11:00:00Z", "precision": "instant"},
            True,
        ),
        ({"from": "2010-02-01", "to": "2010-02-07", "precision": "week"}, True),
        ({"from": "2010-02-01", "to": "2010-02-08", "precision": "week"}, False),
        ({"from": "2010-01-01", "to": "2010-01-31", "precision": "month"}, True),
        ({"from": "2010-01-01", "to": "2010-02-01", "precision": "month"}, False),
        ({"from": "2010-07-01", "to": "2010-09-30", "precision": "quarter"}, True),
        ({"from": "2010-07-01", "to": "2010-10-01", "precision": "quarter"}, False),
        ({"from": "2012-01-01", "to": "2012-12-31", "precision": "year"}, True),
        ({"from": "2012-01-01", "to": "2013-01-01", "precision": "year"}, False),
        ({"from": "2010-02-01", "to": "2010-02-02", "precision": "day"}, False),
        ({"from": "2010-02", "precision": "year"}, False),
        ({"from": "2010", "precision": "month"}, False),
    ],
)
def test_a_caller_may_call_days_coarser_and_nothing_finer(sent: dict[str, Any], fits: bool) -> None:
    if not fits:
        with pytest.raises(ValidationError):
            when(sent)
        return
    assert when(sent).precision == sent["precision"]


def test_the_words_of_a_time_are_kept_and_limited() -> None:
    assert when({"from": "2010-02", "text": "ultimo februar"}).text == "ultimo februar"
    assert not refused(OccurredGiven, {"from": "2010", "text": "x" * 200})
    for text in ("x" * 201, "a\x00b", "a\ud800"):
        assert refused(OccurredGiven, {"from": "2010", "text": text})
    assert refused(OccurredGiven, " " * 37 + "2010")
    assert not refused(OccurredGiven, " " * 36 + "2010")


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_in_writing_reads_back_as_itself(moment: datetime) -> None:
    assert instant_text(moment).endswith("Z")
    assert datetime.fromisoformat(instant_text(moment)) == moment


@given(st.datetimes(datetime(1801, 1, 1), datetime(2198, 1, 1), timezones=st.just(COPENHAGEN)))  # noqa: DTZ001
def test_what_is_resolved_may_be_sent_again_and_stays_the_same(moment: datetime) -> None:
    time = when(instant_text(moment))
    assert when({"from": time.from_, "to": time.to, "precision": time.precision.value}) == time
    day = when(moment.date().isoformat())
    assert when(day.from_) == day


# ── lists ────────────────────────────────────────────────────────────────────────────────────────


def notes(count: int) -> list[dict[str, str]]:
    return [{"text": "x"}] * count


@pytest.mark.parametrize(
    ("name", "most", "made"),
    [
        ("topics", values.LIST_ITEMS_MAX, lambda n: ["x"] * n),
        ("kle", values.LIST_ITEMS_MAX, lambda n: ["03"] * n),
        ("case_numbers", values.LIST_ITEMS_MAX, lambda n: ["x"] * n),
        ("document_numbers", values.LIST_ITEMS_MAX, lambda n: ["x"] * n),
        ("flags", values.LIST_ITEMS_MAX, lambda n: ["x"] * n),
        ("commitments", values.LIST_ITEMS_MAX, notes),
        ("follow_ups", values.LIST_ITEMS_MAX, notes),
        ("administrations", values.PARTIES_MAX, lambda n: ["TMF"] * n),
        ("organisations", values.PARTIES_MAX, lambda n: ["KAB"] * n),
        ("participants", values.PARTICIPANTS_MAX, lambda n: [{"role": "x"}] * n),
    ],
)
def test_a_list_may_hold_as_many_as_its_limit_and_not_one_more(
    name: str, most: int, made: Any
) -> None:
    assert len(getattr(asked(**{name: made(most)}), name)) == most
    with pytest.raises(ValidationError, match="too_long"):
        asked(**{name: made(most + 1)})


def test_a_filing_can_be_of_six_kinds() -> None:
    assert set(get_args(LinkKind)) == {
        "enquiry",
        "case",
        "commitment",
        "meeting",
        "contact",
        "document",
    }
    assert "link" not in LogContact.model_fields


# ── several faults at once ───────────────────────────────────────────────────────────────────────


def test_no_fault_is_no_refusal() -> None:
    refuse_if([])


def test_a_refusal_carries_every_fault_and_the_first_one_s_code() -> None:
    faults = [Fault("/a", "unknown_party"), Fault("/b", "unknown_medium")]
    with pytest.raises(Refused) as refusal:
        refuse_if(faults)
    assert refusal.value.code == "unknown_party"
    assert refusal.value.faults == tuple(faults)
