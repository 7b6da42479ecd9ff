"""Service targets: which hold on a day, what they make due, and calendars of one's own."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import service_targets
from domain.calendar import DK_OFFICE, DK_PUBLIC, PROFILES, WorkingCalendar, custom_profile
from domain.errors import Refused, Unknown
from domain.service_targets import (
    STANDARD,
    STANDARD_CALENDARS,
    Clock,
    Deadline,
    DefineWorkingDays,
    EndServiceTarget,
    EnquiryKind,
    ServiceTargetEnded,
    ServiceTargetSet,
    SetServiceTarget,
    TargetTerms,
    WorkingDaysDefined,
    in_force,
    tags_of,
)
from tests.domain.samples import PARTIES, SOF, TMF, days, words
from tests.domain.scenario import Refusal, Story

ROOT = Path(__file__).resolve().parents[2]
TARGET = "018f0000-0000-7000-8000-0000000000d1"


def target(code: str = "written_answer", **changed: Any) -> ServiceTargetSet:
    terms: dict[str, Any] = {"clock": Clock.ANSWER, "days": 10} | changed.pop("terms", {})
    fields: dict[str, Any] = {
        "target_id": f"{code}-{changed.get('valid_from', 'x')}",
        "code": code,
        "name": "Mål",
        "terms": TargetTerms(**terms),
        "valid_from": "2009-01-01",
    }
    return ServiceTargetSet(**fields | changed)


def counted(targets: Sequence[ServiceTargetSet] = (), **changed: Any) -> tuple[Deadline, ...]:
    asked: dict[str, Any] = {
        "kind": EnquiryKind.GENERAL,
        "written": True,
        "topics": (),
        "kle": (),
        "addressed": {TMF.id},
        "received_day": "2010-02-22",
        "calendars": STANDARD_CALENDARS,
    }
    return service_targets.deadlines(targets, **asked | changed)


def due(found: Sequence[Deadline]) -> dict[str, str]:
    return {one.code: one.due for one in found}


def table(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading of the page."""
    text = (ROOT / "docs" / "service-targets.md").read_text(encoding="utf-8")
    lines = text.split(f"## {heading}\n", 1)[1].split("\n## ")[0].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in row.split("|")[1:-1]] for row in rows[2:]]


# ── days: the vectors of the field, the calendar cases, the page ─────────────────────────────────

VECTORS = [
    ("2010-02-22", 10, "2010-03-08", "2010-03-08"),
    ("2010-03-31", 7, "2010-04-14", "2010-04-14"),
    ("2010-03-31", 10, "2010-04-19", "2010-04-19"),
    ("2023-05-03", 7, "2023-05-15", "2023-05-15"),
    ("2024-04-24", 7, "2024-05-03", "2024-05-03"),
    ("2024-06-03", 7, "2024-06-12", "2024-06-13"),
    ("2024-12-19", 7, "2025-01-02", "2025-01-06"),
    ("2025-12-19", 10, "2026-01-07", "2026-01-09"),
    ("2026-05-13", 7, "2026-05-26", "2026-05-26"),
]


def due_after(received: str, count: int, profile: str) -> str:
    own = target(terms={"days": count, "profile": profile})
    return due(counted([own], received_day=received))["written_answer"]


@pytest.mark.parametrize(("received", "count", "public", "office"), VECTORS)
def test_a_deadline_falls_where_the_nine_vectors_say(
    received: str, count: int, public: str, office: str
) -> None:
    assert due_after(received, count, "DK_PUBLIC") == public
    assert due_after(received, count, "DK_OFFICE") == office


def test_the_page_shows_the_same_vectors() -> None:
    shown = [(r[0], int(r[1]), r[2], r[3]) for r in table("How days are counted")]
    assert shown == VECTORS


@pytest.mark.data
def test_a_deadline_falls_where_every_calendar_case_says(shared_data: Path) -> None:
    file = shared_data / "calendar" / "dk_working_day_cases_20.json"
    cases = json.loads(file.read_text(encoding="utf-8"))["cases"]
    assert len(cases) == 20
    for case in cases:
        found = due_after(case["start"], case["add_working_days"], "DK_PUBLIC")
        assert found == case["result"], case


@pytest.mark.data
def test_no_deadline_falls_on_a_listed_public_holiday(shared_data: Path) -> None:
    rows = (shared_data / "calendar" / "dk_public_holidays_2005_2025.csv").read_text("utf-8")
    holidays = {row.split(",")[0] for row in rows.splitlines() if row.endswith(",public")}
    assert len(holidays) > 200
    for start in sorted(holidays):
        found = {due_after(start, count, "DK_PUBLIC") for count in range(1, 11)}
        assert not found & holidays


def test_a_day_no_calendar_reaches_is_told() -> None:
    with pytest.raises(ValueError, match="calendar covers"):
        counted(received_day="1849-06-05")


# ── standard targets ─────────────────────────────────────────────────────────────────────────────


def test_the_page_shows_the_standard_targets() -> None:
    shown = {r[0]: (r[1], int(r[2]), int(r[3])) for r in table("Which targets hold")}
    terms = {one.code: one.terms for one in STANDARD}
    assert shown == {c: (str(t.clock), t.days, t.warn_days) for c, t in terms.items()}


def test_a_written_enquiry_is_owed_an_answer_and_a_first_response() -> None:
    assert due(counted()) == {"first_response": "2010-02-24", "written_answer": "2010-03-08"}
    assert [one.at_risk_from for one in counted()] == ["2010-02-23", "2010-03-04"]


def test_the_ten_day_promise_covers_written_enquiries_only() -> None:
    assert due(counted(written=False)) == {"first_response": "2010-02-24"}


def test_an_access_request_is_due_in_seven_working_days() -> None:
    found = counted(kind=EnquiryKind.ACCESS_REQUEST)
    assert [one.code for one in found] == ["first_response", "access_request", "written_answer"]
    assert (found[1].due, found[1].basis) == ("2010-03-03", "offentlighedsloven § 36")


def test_what_was_counted_says_how() -> None:
    own = target(terms={"days": 3, "warn_days": 9, "pauses": True, "basis": "byrådet"})
    (deadline,) = [one for one in counted([own]) if one.code == "written_answer"]
    assert deadline == Deadline(
        code="written_answer",
        clock=Clock.ANSWER,
        due="2010-02-25",
        at_risk_from="2010-02-22",
        days=3,
        profile="DK_PUBLIC",
        pauses=True,
        target_id=own.target_id,
        basis="byrådet",
    )


# ── which hold ───────────────────────────────────────────────────────────────────────────────────


def test_a_target_holds_from_its_first_day_until_the_day_before_its_end() -> None:
    own = target(valid_from="2010-02-22", valid_to="2010-02-24", terms={"days": 5})
    for day, holds in (("2010-02-21", False), ("2010-02-22", True), ("2010-02-24", False)):
        found = {one.target_id for one in in_force([own], day)}
        assert (own.target_id in found) is holds
        assert ("standard:written_answer" in found) is not holds


def test_a_newer_target_replaces_the_one_before() -> None:
    old, new = target(), target(valid_from="2010-01-01", terms={"days": 5})
    for targets in ([old, new], [new, old]):
        assert in_force(targets, "2010-02-22")[2] == new
        assert due(counted(targets))["written_answer"] == "2010-03-01"
    assert due(counted([old, new], received_day="2009-12-31"))["written_answer"] == "2010-01-15"


def test_a_target_for_one_administration_stands_beside_the_one_for_all() -> None:
    all_, tmf = target(), target(valid_from="2010-01-01", administrations=(TMF,), terms={"days": 5})
    assert due(counted([all_, tmf]))["written_answer"] == "2010-03-01"
    assert due(counted([all_, tmf], addressed={SOF.id}))["written_answer"] == "2010-03-08"
    newer = target(valid_from="2010-02-01", terms={"days": 7})
    assert due(counted([tmf, newer]))["written_answer"] == "2010-03-03"


def test_of_equally_new_targets_the_one_that_names_administrations_counts() -> None:
    all_, tmf = target(), target(administrations=(TMF,), terms={"days": 5})
    for targets in ([all_, tmf], [tmf, all_]):
        assert due(counted(targets))["written_answer"] == "2010-03-01"


def test_a_target_of_ones_own_takes_the_standard_ones_place_even_where_it_does_not_reach() -> None:
    own = target(administrations=(SOF,))
    assert set(due(counted([own]))) == {"first_response"}


@pytest.mark.parametrize(
    ("terms", "asked", "covered"),
    [
        ({"kinds": (EnquiryKind.GENERAL,)}, {}, True),
        ({"kinds": (EnquiryKind.ACCESS_REQUEST,)}, {}, False),
        ({"written_only": True}, {"written": False}, False),
        ({"topics": ("Anvisning", "tryghed")}, {"topics": ("ANVISNING",)}, True),
        ({"topics": ("anvisning",)}, {"topics": ("udlejning",)}, False),
        ({"topics": ("anvisning",)}, {}, False),
        ({"kle": ("03.10",)}, {"kle": ("00.01", "03.10.24")}, True),
        ({"kle": ("03.10.24",)}, {"kle": ("03.10",)}, False),
    ],
)
def test_a_target_covers_what_its_lists_have_in_common_with_the_enquiry(
    terms: dict[str, Any], asked: dict[str, Any], covered: bool
) -> None:
    assert ("own" in due(counted([target("own", terms=terms)], **asked))) is covered


@given(st.lists(st.builds(target, valid_from=days, valid_to=st.none() | days), max_size=6), days)
def test_what_is_in_force_stays_so_when_asked_again(
    targets: list[ServiceTargetSet], day: str
) -> None:
    found = in_force(targets, day)
    assert in_force(found, day) == found
    assert {one.code for one in STANDARD} <= {one.code for one in found}


# ── setting and ending ───────────────────────────────────────────────────────────────────────────


def setting(**changed: Any) -> SetServiceTarget:
    sent: dict[str, Any] = {
        "code": "written_answer",
        "name": "Svar",
        "terms": {"clock": "answer", "days": 5},
        "administrations": ["TMF"],
        "valid_from": "2010-03-01",
    }
    return SetServiceTarget.model_validate(sent | changed, strict=False)


def test_a_target_is_set_from_a_day_on() -> None:
    event = service_targets.set_target(setting(administrations=["TMF", "TMF"]), TARGET, PARTIES)
    assert event == ServiceTargetSet(
        target_id=TARGET,
        code="written_answer",
        name="Svar",
        terms=TargetTerms(clock=Clock.ANSWER, days=5),
        administrations=(TMF,),
        valid_from="2010-03-01",
    )
    assert tags_of(event) == [f"service_target:{TARGET}", "service_targets"]


def test_all_that_is_wrong_with_a_target_is_told_at_once() -> None:
    wrong = setting(
        terms={"clock": "answer", "days": 5, "profile": "MARS"},
        administrations=["XYZ", "Boligen"],
        valid_to="2010-02-01",
    )
    expected = Refusal(
        Refused,
        "invalid_input",
        (
            ("/valid_to", "invalid_input"),
            ("/terms/profile", "calendar_unknown"),
            ("/administrations/0", "unknown_party"),
            ("/administrations/1", "ambiguous_party"),
        ),
    )
    Story(None).when(lambda _: [service_targets.set_target(wrong, TARGET, PARTIES)]).refused(
        expected
    )


def test_a_target_may_count_by_a_calendar_of_ones_own() -> None:
    asked = setting(terms={"clock": "answer", "days": 5, "profile": "KOMMUNEN"})
    assert service_targets.set_target(asked, TARGET, PARTIES, {"KOMMUNEN"}).terms.days == 5


def ending(day: str = "2010-07-01") -> EndServiceTarget:
    return EndServiceTarget(valid_to=day, reason="nyt")


def test_a_target_is_ended_and_may_be_ended_on_another_day() -> None:
    standing = target()
    event = service_targets.end_target(standing, ending())
    assert event == ServiceTargetEnded(
        target_id=standing.target_id, valid_to="2010-07-01", reason="nyt"
    )
    ended = service_targets.evolve(service_targets.evolve(None, standing), event)
    assert ended == standing.model_copy(update={"valid_to": "2010-07-01"})
    assert service_targets.end_target(ended, ending("2010-08-01")).valid_to == "2010-08-01"
    assert service_targets.evolve(None, event) is None


@pytest.mark.parametrize(
    ("standing", "day", "expected"),
    [
        (None, "2010-07-01", Refusal(Unknown, "target_unknown")),
        (target(), "2008-12-31", Refusal(Refused, "invalid_input")),
        (target(valid_to="2010-07-01"), "2010-07-01", Refusal(Refused, "nothing_changed")),
    ],
)
def test_a_target_cannot_end_before_it_began_or_twice_on_one_day(
    standing: ServiceTargetSet | None, day: str, expected: Refusal
) -> None:
    Story(standing).when(lambda s: [service_targets.end_target(s, ending(day))]).refused(expected)


# ── calendars ────────────────────────────────────────────────────────────────────────────────────


def defining(**changed: Any) -> DefineWorkingDays:
    sent: dict[str, Any] = {
        "code": "KOMMUNEN",
        "closed_yearly": [{"kind": "yearly", "month": 5, "day": 1, "name": "1. maj"}],
        "closed_dates": [{"day": date(2010, 2, 23), "name": "Flytning"}],
    }
    return DefineWorkingDays.model_validate(sent | changed, strict=False)


def test_a_calendar_of_ones_own_counts() -> None:
    event = service_targets.define_days(defining(), PROFILES)
    assert tags_of(event) == ["working_days:KOMMUNEN", "service_targets"]
    calendars = {"KOMMUNEN": WorkingCalendar(event.profile)}
    own = target(valid_from="2000-01-01", terms={"days": 1, "profile": "KOMMUNEN"})
    assert due(counted([own], calendars=calendars))["written_answer"] == "2010-02-24"
    may = counted([own], calendars=calendars, received_day="2007-04-30")
    assert due(may) == {"first_response": "2007-05-02", "written_answer": "2007-05-02"}
    with pytest.raises(Refused) as refused:
        counted([own])
    assert (refused.value.code, refused.value.params) == (
        "calendar_unknown",
        {"profile": "KOMMUNEN"},
    )


def test_a_calendar_may_build_on_another_and_be_defined_anew() -> None:
    office = service_targets.define_days(defining(base="DK_OFFICE"), {})
    assert office.profile.closed_yearly[:3] == DK_OFFICE.closed_yearly
    known = {**PROFILES, "KOMMUNEN": office.profile}
    anew = service_targets.define_days(defining(), known)
    assert anew == WorkingDaysDefined(
        profile=custom_profile(
            DK_PUBLIC,
            closed_yearly=defining().closed_yearly,
            closed_dates=defining().closed_dates,
            code="KOMMUNEN",
        )
    )


def test_a_calendar_of_the_program_keeps_its_code_and_a_base_must_be_there() -> None:
    expected = Refusal(
        Refused, "calendar_taken", (("/code", "calendar_taken"), ("/base", "calendar_unknown"))
    )
    wrong = defining(code="DK_PUBLIC", base="MARS")
    Story(None).when(lambda _: [service_targets.define_days(wrong, PROFILES)]).refused(expected)


def test_the_same_calendar_again_is_nothing_new() -> None:
    known = {"KOMMUNEN": service_targets.define_days(defining(), {}).profile}
    expected = Refusal(Refused, "nothing_changed")
    Story(None).when(lambda _: [service_targets.define_days(defining(), known)]).refused(expected)


def test_a_calendar_built_on_itself_again_and_again_grows_too_large() -> None:
    rows = [{"day": date(2010, 1, 1), "name": "Lukket"}] * 500
    known = dict(PROFILES)
    more = defining(base="KOMMUNEN", closed_dates=rows)
    known["KOMMUNEN"] = service_targets.define_days(defining(closed_dates=rows), known).profile
    for _ in range(9):
        known["KOMMUNEN"] = service_targets.define_days(more, known).profile
    expected = Refusal(Refused, "too_large", (("/closed_dates", "too_large"),))
    Story(None).when(lambda _: [service_targets.define_days(more, known)]).refused(expected)


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────

_days = st.dates(date(1950, 1, 1), date(2190, 12, 31))


@given(_days, st.integers(0, 500), st.integers(0, 500), st.sampled_from(["DK_PUBLIC", "DK_OFFICE"]))
def test_a_deadline_has_as_many_working_days_as_it_says(
    start: date, count: int, warn: int, profile: str
) -> None:
    terms = {"days": count, "warn_days": warn, "profile": profile}
    own = target("own", valid_from="1900-01-01", terms=terms)
    owed = counted([own], received_day=start.isoformat())
    found = next(one for one in owed if one.code == "own")
    calendar = STANDARD_CALENDARS[profile]
    last, warned = date.fromisoformat(found.due), date.fromisoformat(found.at_risk_from)
    assert calendar.working_days_between(start, last) == count
    assert start <= warned <= last
    assert calendar.working_days_between(warned, last) == min(warn, count)
    assert count == 0 or calendar.is_working_day(last)


@given(words, st.lists(words, max_size=3))
def test_topics_are_compared_without_regard_to_case(word: str, others: list[str]) -> None:
    own = target("own", terms={"topics": (word,)})
    assert "own" in due(counted([own], topics=(*others, word.upper().lower().casefold(), word)))
