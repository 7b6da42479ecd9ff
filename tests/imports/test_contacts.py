"""Rows become contacts as the mapping says: grouped, split, mapped, flagged, skipped, refused."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.imports import rows as rows_module
from api.imports.loading import load
from api.imports.reading import File
from api.imports.running import Run, drafted
from domain.values import Channel
from tests.imports.door import MemoryDoor
from tests.imports.registers import (
    COLUMNS,
    FIELDS,
    HEADER,
    SIDES,
    TIME,
    TODAY,
    TOP,
    Desk,
    mapping,
)

ROW = "1,2010-02-03,TMF,KAB,Udlejning\n"


def test_a_row_becomes_a_contact(desk: Desk) -> None:
    report = desk.run(HEADER + ROW)
    (contact,) = desk.contacts
    assert contact.channel is Channel.DIRECT
    assert (contact.administrations, contact.organisations) == (("TMF",), ("KAB",))
    assert contact.occurred.from_ == "2010-02-03"
    assert contact.source is not None
    assert (contact.source.system, contact.source.id) == ("sheet", "1")
    assert {p.name: p.kind for p in desk.door.parties.values()} == {
        "TMF": "administration",
        "KAB": "organisation",
    }
    assert (report.rows_read, report.contacts_made, report.parties_created) == (1, 1, 2)
    assert report.rows_by_precision == {"day": 1}


def test_rows_of_one_contact_need_not_stand_together(desk: Desk) -> None:
    rows = ROW + ROW.replace("1,", "2,", 1) + ROW.replace("KAB", "AKB") + ROW
    report = desk.run(HEADER + rows)
    first, _ = desk.contacts
    assert first.organisations == ("KAB", "AKB")
    assert (report.contacts_made, report.rows_merged, report.exact_repeats) == (2, 2, 1)
    assert report.rows_by_precision == {"day": 4}


def test_without_grouping_a_second_row_is_refused_and_an_exact_repeat_is_not(desk: Desk) -> None:
    text = mapping(identity='[identity]\ncolumns = ["id"]\ngroup = false')
    report = desk.run(HEADER + ROW + ROW + ROW.replace("KAB", "AKB"), text)
    assert report.refused == {"identity_repeated:identity": 1}
    assert (report.contacts_made, report.exact_repeats) == (1, 1)


def test_a_register_without_ids_is_told_apart_by_a_hash(desk: Desk) -> None:
    rows = ROW + ROW + ROW.replace("Udlejning", "Renovering")
    named = mapping(identity='[identity]\nhash_of = ["date", "who"]')
    assert desk.run(HEADER + rows, named).contacts_made == 1
    whole = mapping(identity="[identity]\nhash_row = true")
    assert desk.run(HEADER + rows, whole).contacts_made == 2


def test_ids_of_two_columns_do_not_run_together(desk: Desk) -> None:
    text = mapping(identity='[identity]\ncolumns = ["id", "who"]')
    rows = ROW.replace("1,", "1|2,", 1) + ROW.replace("TMF", "2|TMF")
    rows += ROW.replace("TMF", "TMF")
    assert desk.run(HEADER + rows, text).contacts_made == 3
    blank = ROW.replace("1,", ",", 1)
    assert desk.run(HEADER + blank, text).refused == {"identity_missing:identity": 1}


def test_an_id_of_any_length_is_taken(desk: Desk) -> None:
    long = "x" * 5000
    assert desk.run(HEADER + ROW.replace("1,", f"{long},", 1)).contacts_made == 1


@pytest.mark.parametrize(
    ("several", "subject", "flags", "refused"),
    [
        ('several = "first"', "Udlejning", (), {}),
        ('several = "last"', "Tag", (), {}),
        ('several = "collect"', "Udlejning; Tag", (), {}),
        ("", "Udlejning", ("rows_differ_subject",), {}),
        (
            'several = "refuse"',
            None,
            (),
            {"rows_differ:subject": 1, "contact_refused:identity": 1},
        ),
    ],
)
def test_rows_that_differ_are_settled_as_the_mapping_says(
    desk: Desk, several: str, subject: str | None, flags: tuple[str, ...], refused: dict[str, int]
) -> None:
    text = mapping(fields=FIELDS + several)
    report = desk.run(HEADER + ROW + ROW.replace("Udlejning", "Tag"), text)
    assert report.refused == refused
    assert [c.subject for c in desk.contacts] == ([subject] if subject else [])
    assert [f for c in desk.contacts for f in c.flags] == list(flags)


@pytest.mark.parametrize(
    ("several", "start", "end"),
    [
        ("first", "2010-02-03", None),
        ("last", "2010-02-01", None),
        ("span", "2010-02-01", "2010-02-03"),
    ],
)
def test_times_that_differ_are_settled_too(
    desk: Desk, several: str, start: str, end: str | None
) -> None:
    text = mapping(time=TIME + f'several = "{several}"')
    desk.run(HEADER + ROW + ROW.replace("02-03", "02-01"), text)
    (contact,) = desk.contacts
    assert (contact.occurred.from_, contact.occurred.to) == (start, end)


def test_one_contact_may_have_two_administrations(desk: Desk) -> None:
    report = desk.run(HEADER + ROW + ROW.replace("TMF", "ØKF"))
    assert desk.contacts[0].administrations == ("TMF", "ØKF")
    assert report.flagged == {}


def test_one_bad_row_refuses_its_whole_contact_and_no_other(desk: Desk) -> None:
    rows = ROW + ROW.replace("2010-02-03", "spring") + ROW + ROW.replace("1,", "2,", 1)
    report = desk.run(HEADER + rows)
    assert report.contacts_made == 1
    assert [(r.row, r.code) for r in report.refusals] == [
        (2, "contact_refused"),
        (4, "contact_refused"),
        (3, "time_unreadable"),
    ]


def test_a_refusal_never_tells_what_stood_in_the_row(desk: Desk) -> None:
    secret = "Inger-Lise 0101801234"
    people = '[[participants]]\nname = "about"\nemail = "with"'
    report = desk.run(HEADER + ROW.replace("KAB", secret).replace("2010-02-03", secret))
    other = desk.run(HEADER + ROW.replace("KAB", secret), mapping(people))
    assert other.refused == {"invalid:email": 1}
    for told in (report, other):
        assert secret not in str(told.as_json()) + str(told.as_event())


@pytest.mark.parametrize(
    ("cell", "organisations"),
    [("", ()), ("ACT, the App Association", ("ACT, the App Association",))],
)
def test_a_comma_is_no_separator_unless_the_mapping_says_so(
    desk: Desk, cell: str, organisations: tuple[str, ...]
) -> None:
    report = desk.run(HEADER + ROW.replace("KAB", f'"{cell}"'))
    assert [c.organisations for c in desk.contacts] == ([organisations] if organisations else [])
    assert report.refused == ({} if organisations else {"missing:organisations": 1})


@pytest.mark.parametrize(
    ("split", "cell"),
    [
        ('split = ";"', "KAB; AKB ;;KAB"),
        ("split_pattern = '\\s*(?:/| and )\\s*'", "KAB / AKB and KAB"),
        ("split_json = true", '[""KAB"", "" AKB""]'),
    ],
)
def test_a_cell_is_split_as_the_mapping_says(desk: Desk, split: str, cell: str) -> None:
    desk.run(HEADER + ROW.replace("KAB", f'"{cell}"'), mapping(sides=SIDES + split))
    assert desk.contacts[0].organisations == ("KAB", "AKB")


@pytest.mark.parametrize("cell", ["KAB", "[1]", '{""a"": 1}', "[" * 5000])
def test_what_is_not_a_json_list_is_refused(desk: Desk, cell: str) -> None:
    report = desk.run(
        HEADER + ROW.replace("KAB", f'"{cell}"'), mapping(sides=SIDES + "split_json = true")
    )
    assert report.refused == {"not_a_list:organisations": 1}


def test_aliases_are_applied_before_the_look_up(desk: Desk) -> None:
    text = mapping(sides=SIDES + 'aliases = { "kjøbenhavns  boligforening" = "KAB" }')
    desk.run(
        HEADER + ROW + ROW.replace("1,", "2,", 1).replace("KAB", "Kjøbenhavns Boligforening"), text
    )
    assert set(desk.door.parties) == {"TMF", "KAB"}


def test_two_spellings_are_two_parties_unless_the_mapping_folds_them(desk: Desk) -> None:
    rows = ROW + ROW.replace("1,", "2,", 1).replace("KAB", "Kab")
    folding = mapping(sides=SIDES + 'match = "casefold"')
    assert desk.run(HEADER + rows, folding).parties_created == 2
    assert [c.organisations for c in desk.contacts] == [("KAB",), ("Kab",)]
    assert {found for each in desk.door.found.values() for found in each.values()} == {"TMF", "KAB"}
    assert desk.run(HEADER + rows, folding).contacts_present == 2
    exact = mapping(top=TOP.replace("sheet", "other"))
    assert desk.run(HEADER + rows, exact).parties_created == 1
    assert [c.organisations for c in desk.contacts[2:]] == [("KAB",), ("Kab",)]


def test_an_unknown_party_is_refused_when_the_mapping_creates_none(desk: Desk) -> None:
    text = mapping(sides=SIDES + "create = false")
    assert desk.run(HEADER + ROW, text).refused == {"unknown_party:organisations": 1}
    assert desk.door.parties == {}
    desk.run(HEADER + ROW.replace("1,", "2,", 1))
    assert desk.run(HEADER + ROW, text).contacts_made == 1


def test_a_row_that_names_nobody_is_refused_skipped_or_left_to_others(desk: Desk) -> None:
    rows = ROW.replace("KAB", "") + ROW.replace("TMF", "ØKF")
    skip = mapping(sides=SIDES + 'when_empty = "skip"')
    report = desk.run(HEADER + rows, skip)
    assert report.skipped == {"empty_organisations": 1}
    assert desk.contacts[0].administrations == ("ØKF",)
    ignore = mapping(sides=SIDES + 'when_empty = "ignore"')
    desk.run(HEADER + rows.replace("1,", "3,"), ignore)
    assert desk.contacts[1].organisations == ("KAB",)
    alone = ROW.replace("KAB", "").replace("1,", "4,", 1)
    assert desk.run(HEADER + alone, ignore).refused == {"missing:organisations": 1}
    desk.run(HEADER + alone, ignore + '\n[audience]\ntext = "alle"')
    audience = desk.contacts[2].audience
    assert audience is not None
    assert audience.text == "alle"


def test_blank_cells_are_filled_from_above_but_not_from_skipped_rows(desk: Desk) -> None:
    columns = COLUMNS.replace('who = "who"', 'who = { header = "who", fill_down = true }')
    skip = '[[skip]]\nname = "note"\ncolumn = "who"\nmatches = "^Note"'
    rows = ROW + "x,x,Note: see below,,\n" + ROW.replace("1,", "2,", 1).replace("TMF", "")
    report = desk.run(HEADER + rows, mapping(skip, columns=columns))
    assert [c.administrations for c in desk.contacts] == [("TMF",), ("TMF",)]
    assert report.skipped == {"note": 1}


def test_rows_are_skipped_by_pattern_by_blanks_or_as_repeated_header(desk: Desk) -> None:
    skip = """
[[skip]]
name = "nil return"
matches = '(?i)^nil return$'

[[skip]]
name = "no date, a remark"
blank = ["date"]
column = "about"
matches = "remark"

[[skip]]
name = "repeated header"
repeated_header = true
"""
    skip = skip.replace("no date, a remark", "remark")
    rows = ROW + ",,,\n" + ",,Nil Return,,\n" + HEADER + ",,,,a remark\n" + "\n"
    report = desk.run(HEADER + rows, mapping(skip))
    assert report.skipped == {"nil return": 1, "repeated header": 1, "remark": 1}
    assert (report.rows_blank, report.rows_read, report.contacts_made) == (2, 6, 1)


def test_a_year_is_taken_from_the_name_of_the_file(desk: Desk) -> None:
    columns = (
        COLUMNS + 'year = { file_name = \'(\\d\\d)\\.csv$\', files = { "old.csv" = "2009" } }\n'
    )
    text = mapping(columns=columns, time='[time]\nstart = "date"\npatterns = ["%B"]\nyear = "year"')
    rows = HEADER + ROW.replace("2010-02-03", "March")
    desk.run(rows, text, name="meetings_12.csv")
    desk.run(rows.replace("\n1,", "\n2,"), text, name="old.csv")
    assert [c.occurred.from_ for c in desk.contacts] == ["2012-03", "2009-03"]
    assert [c.occurred.text for c in desk.contacts] == ["March", "March"]
    with pytest.raises(Exception, match="file_name_unmatched"):
        desk.run(rows, text, name="meetings.csv")


@pytest.mark.parametrize(
    ("unmapped", "medium", "flags", "refused"),
    [
        ('unmapped = "use"\ndefault = "other"', "other", (), {}),
        ('unmapped = "flag"\ndefault = "other"', "other", ("unmapped_medium",), {}),
        ("", None, (), {"not_in_map:medium": 1}),
        ('unmapped = "keep"', None, (), {"unknown_medium:medium": 1}),
    ],
)
def test_a_word_outside_the_map_is_settled_as_the_mapping_says(
    desk: Desk, unmapped: str, medium: str | None, flags: tuple[str, ...], refused: dict[str, int]
) -> None:
    take = f'[medium]\ncolumn = "about"\nmap = {{ "po  POŠTI" = "letter" }}\n{unmapped}'
    text = mapping(fields=FIELDS.replace('[medium]\nconstant = "phone"', take))
    report = desk.run(
        HEADER + ROW + ROW.replace("1,", "2,", 1).replace("Udlejning", "Po pošti"), text
    )
    found = {c.source.id: (c.medium, c.flags) for c in desk.contacts if c.source}
    assert found.pop("2") == ("letter", ())
    assert found == ({"1": (medium, flags)} if medium else {})
    assert report.refused == refused


def test_texts_are_joined_filled_in_searched_and_cut(desk: Desk) -> None:
    more = """
[facts]
columns = ["about", "with"]
join = " / "

[place]
template = "{who} ({with})"

[[case_numbers]]
column = "about"
pattern = '\\b\\d{4}-\\d{6}\\b'

[[topics]]
constant = "udlejning"

[[topics]]
column = "with"
split = ";"
"""
    subject = "Sagsnr. 2009-116302 " + "x" * 500
    text = mapping(more, fields=FIELDS + 'long = "cut"')
    report = desk.run(HEADER + ROW.replace("Udlejning", subject), text)
    (contact,) = desk.contacts
    assert len(contact.subject) == 500
    assert contact.subject.endswith("…")
    assert report.flagged == {"cut_subject": 1}
    assert contact.facts == f"{subject} / KAB"
    assert contact.place == "TMF (KAB)"
    assert (contact.case_numbers, contact.topics) == (("2009-116302",), ("udlejning", "KAB"))
    refused = desk.run(HEADER + ROW.replace("1,", "2,", 1).replace("Udlejning", subject))
    assert refused.refused == {"too_long:subject": 1}


def test_a_blank_subject_is_refused_unless_the_mapping_has_a_text_for_it(desk: Desk) -> None:
    rows = HEADER + ROW.replace("Udlejning", "NA")
    na = '[file]\nna = ["NA"]'
    assert desk.run(rows, mapping(na)).refused == {"missing:subject": 1}
    desk.run(rows, mapping(na, fields=FIELDS + 'empty = "Not stated"'))
    assert desk.contacts[0].subject == "Not stated"


def test_several_persons_may_stand_in_one_cell(desk: Desk) -> None:
    people = """
[[participants]]
name = { column = "about", split = "," }
role = { constant = "minister" }
party = "administrations"

[[participants]]
role = "with"
spoke_for = "organisations"
"""
    desk.run(HEADER + ROW.replace("Udlejning", '"Ida Bo, Per Ib"') + ROW, mapping(people))
    told = [(p.name, p.role, p.party, p.spoke_for) for p in desk.contacts[0].participants]
    assert told == [
        ("Ida Bo", "minister", "TMF", ()),
        ("Per Ib", "minister", "TMF", ()),
        (None, "KAB", None, ("KAB",)),
        ("Udlejning", "minister", "TMF", ()),
    ]


@pytest.mark.parametrize(
    ("rule", "cell", "outcome"),
    [
        ("", "2107-04-21", "occurred_in_future:time"),
        ('future = "flag"', "2107-04-21", "occurred_in_future"),
        ('future = "flag"', "2026-11-23", ""),
        ("", "2026-11", ""),
        ("", "2026-12", "occurred_in_future:time"),
        ("", "1899-12", "occurred_out_of_bounds:time"),
        ("not_before = 2000", "2000-01", ""),
        ('not_before = 2000\nout_of_bounds = "flag"', "1999-12", "occurred_out_of_bounds"),
    ],
)
def test_a_time_out_of_bounds_is_refused_or_flagged_and_kept(
    desk: Desk, rule: str, cell: str, outcome: str
) -> None:
    report = desk.run(HEADER + ROW.replace("2010-02-03", cell), mapping(time=TIME + rule))
    assert [*report.flagged, *report.refused] == ([outcome] if outcome else [])
    assert [c.occurred.from_ for c in desk.contacts] == ([] if ":" in outcome else [cell])


def test_a_row_without_time_is_refused_or_skipped(desk: Desk) -> None:
    rows = HEADER + ROW.replace("2010-02-03", "")
    assert desk.run(rows).refused == {"missing:time": 1}
    assert desk.run(rows, mapping(time=TIME + 'when_empty = "skip"')).skipped == {"empty_time": 1}


def test_start_and_end_may_be_dates_with_times_of_day(desk: Desk) -> None:
    time = """
[time]
start = ["date", "who"]
end = ["date", "with"]
patterns = ["%Y-%m-%d %H:%M", "%Y-%m-%d"]
zone = "Europe/Copenhagen"
"""
    sides = (
        '[administrations]\nconstant = "TMF"\nkind = "administration"\n[audience]\ntext = "alle"'
    )
    text = mapping(time=time, sides=sides)
    rows = "1,2011-10-20,15:00,17:00,a\n2,2011-10-20,15:00,,b\n3,2011-10-20,,,c\n"
    report = desk.run(HEADER + rows, text)
    assert [(c.occurred.from_, c.occurred.to) for c in desk.contacts] == [
        ("2011-10-20T13:00:00Z", "2011-10-20T15:00:00Z"),
        ("2011-10-20T13:00:00Z", None),
        ("2011-10-20", None),
    ]
    assert report.rows_by_precision == {"range": 1, "instant": 1, "day": 1}


def test_more_parties_than_a_contact_takes_are_refused(desk: Desk) -> None:
    def rows(count: int) -> str:
        return "".join(ROW.replace("KAB", f"Org {n}") for n in range(count))

    assert desk.run(HEADER + rows(500)).contacts_made == 1
    report = desk.run(HEADER + rows(501).replace("1,", "2,", 1).replace("\n1,", "\n2,"))
    assert report.refused == {"too_many:organisations": 1, "contact_refused:identity": 500}


def test_a_cell_of_more_parts_than_the_limit_is_a_wrong_splitter(desk: Desk) -> None:
    people = "[[participants]]\nname = { column = 'about', split = ';' }"
    text = mapping(people, fields=FIELDS + 'long = "cut"')
    at = ROW.replace("Udlejning", ";".join(f"p{n}" for n in range(500)))
    assert desk.run(HEADER + at, text).refused == {}
    over = at.replace("1,", "2,", 1).replace("p0", "p0;q")
    assert desk.run(HEADER + over, text).refused == {"too_many_parts:participants": 1}


def test_topics_of_a_contact_have_a_limit(desk: Desk) -> None:
    text = mapping("[[topics]]\ncolumn = 'about'\nsplit = ';'")
    at = ROW.replace("Udlejning", ";".join(f"p{n}" for n in range(50)))
    assert desk.run(HEADER + at, text).refused == {}
    over = at.replace("1,", "2,", 1).replace("p0", "p0;q")
    assert desk.run(HEADER + over, text).refused == {"too_many:topics": 1}


def test_participants_of_a_contact_have_a_limit(desk: Desk) -> None:
    row = "{},2010-02-03,TMF,KAB,Person {}\n"
    subject = mapping(
        "[[participants]]\nname = 'about'", fields=FIELDS.replace("column", "constant")
    )
    at = "".join(row.format(1, n) for n in range(500))
    assert desk.run(HEADER + at, subject).contacts_made == 1
    over = "".join(row.format(2, n) for n in range(501))
    assert desk.run(HEADER + over, subject).refused["too_many:participants"] == 1


def test_rows_of_one_contact_have_a_limit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "GROUP_ROWS_MAX", 2)
    rows = "".join(ROW.replace("KAB", f"Org {n}") for n in range(3))
    report = desk.run(HEADER + rows)
    assert report.refused == {"too_many_rows_in_one_contact:identity": 1}
    assert report.contacts_made == 1


def test_times_of_a_span_must_fit_together(desk: Desk) -> None:
    time = TIME.replace('"%Y-%m"', '"%Y-%m-%d %H:%M %z"') + 'several = "span"'
    rows = ROW + ROW.replace("2010-02-03", "2010-02-04 10:00 Z")
    report = desk.run(HEADER + rows, mapping(time=time))
    assert report.refused["rows_differ:time"] == 1
    refuse = mapping(time=TIME + 'several = "refuse"')
    report = desk.run(HEADER + ROW + ROW.replace("02-03", "02-04"), refuse)
    assert report.refused["rows_differ:time"] == 1


cells = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=12)
times = st.sampled_from(["2010-02-03", "2010-02", "2107-01", "", "spring"])
ids = st.sampled_from(["", "1", "2", "3"])


@given(st.lists(st.tuples(ids, times, cells, cells, cells), max_size=12))
def test_every_row_of_any_table_is_accounted_for(rows: list[tuple[str, ...]]) -> None:
    target = io.StringIO(newline="")
    csv.writer(target).writerows([HEADER.strip().split(","), *rows])
    people = """
[[participants]]
name = { column = "about", split = "," }
email = "with"
party = "organisations"
"""
    loaded = load(mapping(people, time=TIME + 'future = "flag"'))
    door = MemoryDoor()
    file = File("sheet.csv", "0" * 64, 1, target.getvalue().encode())
    run = Run(loaded, door, TODAY)
    drafts, report = drafted(file, run)
    assert report.rows_read == len(rows)
    kept = sum(len(draft.rows) for draft in drafts)
    left = report.rows_blank + report.rows_refused + report.skipped.total()
    assert kept + left == len(rows)
    assert report.rows_refused == report.refused.total() == len(report.refusals)
