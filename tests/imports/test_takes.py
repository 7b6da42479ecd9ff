"""A cell is split, searched and looked up in one order, and its parts become texts and people."""

import re
from pathlib import Path

import pytest

from api.imports.takes import SEARCHED_CHARS_MAX
from tests.imports.registers import COLUMNS, HEADER, SIDES, TIME, Desk, mapping

ROW = "1,2010-02-03,TMF,KAB,Udlejning\n"


@pytest.mark.parametrize(
    ("rule", "cell", "topics"),
    [
        ('split = ";"\nmap = { "leje" = "udlejning" }', "Leje; leje ;", ("udlejning",)),
        ('split = ";"\nmap = { "a" = "x" }\nunmapped = "keep"', "a; b", ("x", "b")),
        ("split = ' '\npattern = '^[0-9-]+$'", "se 1-2 og 3-4", ("1-2", "3-4")),
        ("split = ';'\npattern = '[A-Z]+'\nmap = { ab = 'x' }", "1 AB; 2 AB", ("x",)),
        ('split_json = true\nmap = { "a" = "x" }', '[""A"", "" ""]', ("x",)),
        (
            "pattern = '[0-9]{4}-[0-9]+'\nall = true",
            "2009-1 og 2010-2, 2009-1",
            ("2009-1", "2010-2"),
        ),
        ("pattern = '[0-9]{4}-[0-9]+'", "2009-1 og 2010-2", ("2009-1",)),
        ("split = ';'\npattern = 'nr. ([0-9])'\nall = true", "nr. 1 nr. 2; nr. 3", ("1", "2", "3")),
        ('split = ";"\nempty = "a;b"', " ; ", ("a;b",)),
        ('split = ";"\nmap = { a = " " }\nempty = "none"', "a", ("none",)),
    ],
)
def test_a_cell_is_split_first_and_then_each_part_searched_and_mapped(
    desk: Desk, rule: str, cell: str, topics: tuple[str, ...]
) -> None:
    text = mapping('[[topics]]\ncolumn = "note"\n' + rule, columns=COLUMNS + 'note = "note"\n')
    report = desk.run(f'{HEADER.strip()},note\n{ROW.strip()},"{cell}"\n', text)
    assert report.refused == {}
    assert desk.contacts[0].topics == topics


def test_a_part_that_is_not_in_the_map_refuses_the_row(desk: Desk) -> None:
    text = mapping('[[topics]]\ncolumn = "about"\nsplit = ";"\nmap = { "leje" = "udlejning" }')
    report = desk.run(HEADER + ROW.replace("Udlejning", "leje; byggeri"), text)
    assert report.refused == {"not_in_map:topics": 1}


def test_names_of_parties_are_searched_mapped_and_aliased_part_by_part(desk: Desk) -> None:
    more = 'split = ";"\npattern = "^[^(]+"\nmap = { "k" = "kab" }\nunmapped = "keep"\n'
    text = mapping(sides=SIDES + more + 'aliases = { "kab" = "KAB", "bo" = "BO-VEST" }')
    desk.run(HEADER + ROW.replace("KAB", "K (formand); bo (x); AKB"), text)
    assert desk.contacts[0].organisations == ("KAB", "BO-VEST", "AKB")


PEOPLE = r"""
[[participants]]
role = { constant = "deltager" }
[participants.name]
column = "about"
split = ","
pattern = '''(?x) ^ (?P<name>[^(<]*?) \s* (?:\((?P<role>[^)]*)\))? \s* (?:<(?P<email>[^>]*)>)? $'''
"""


def test_a_name_may_stand_with_its_role_in_one_cell(desk: Desk) -> None:
    cell = '"Kim (driftschef), Bo, (formand), Ea (sekretær) <ea@example.dk>"'
    desk.run(HEADER + ROW.replace("Udlejning", cell), mapping(PEOPLE))
    assert [(p.name, p.role, p.email) for p in desk.contacts[0].participants] == [
        ("Kim", "driftschef", None),
        ("Bo", "deltager", None),
        (None, "formand", None),
        ("Ea", "sekretær", "ea@example.dk"),
    ]


def test_what_a_names_group_holds_must_fit_its_field(desk: Desk) -> None:
    for cell, refused in (
        ("Ea <ea>", "invalid:email"),
        (f"Ea ({'x' * 301})", "too_long:participants"),
    ):
        report = desk.run(HEADER + ROW.replace("Udlejning", cell), mapping(PEOPLE))
        assert report.refused == {refused: 1}


def test_a_part_of_the_cell_may_be_the_time(desk: Desk) -> None:
    time = TIME + "pattern = '^Møde d\\. ([0-9-]+)'\n"
    rows = ROW.replace("2010-02-03", "Møde d. 2010-02 (aflyst?)")
    report = desk.run(HEADER + rows + ROW.replace("1,", "2,", 1), mapping(time=time))
    assert report.refused == {"time_unreadable:time": 1}
    (contact,) = desk.contacts
    assert (contact.occurred.from_, contact.occurred.text) == ("2010-02", "2010-02")


def test_a_weekday_that_contradicts_the_date_flags_the_contact(desk: Desk) -> None:
    time = TIME.replace('"%Y-%m-%d"', '"%a %Y-%m-%d"') + 'languages = ["da"]'
    report = desk.run(HEADER + ROW.replace("2010", "man 2010"), mapping(time=time))
    assert report.flagged == {"weekday_differs": 1}


def test_the_example_of_people_in_the_docs_reads_what_it_says(desk: Desk) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")
    (example,) = (b for b in re.findall(r"```toml\n(.*?)```", docs, re.DOTALL) if "driftschef" in b)
    cell = '"Kim (driftschef), Bo (formand), Ea"'
    desk.run(HEADER + ROW.replace("Udlejning", cell), mapping(example.replace("people", "about")))
    assert [(p.name, p.role, p.party) for p in desk.contacts[0].participants] == [
        ("Kim", "driftschef", "KAB"),
        ("Bo", "formand", "KAB"),
        ("Ea", "deltager", "KAB"),
    ]


@pytest.mark.parametrize(
    "rule",
    ["pattern = '[0-9]+'", "split_pattern = '[0-9]+'", "pattern = '[0-9]+'\nall = true"],
)
def test_a_pattern_is_tried_on_so_many_characters_and_not_one_more(desk: Desk, rule: str) -> None:
    text = mapping('[[topics]]\ncolumn = "note"\n' + rule, columns=COLUMNS + 'note = "note"\n')
    head, row = f"{HEADER.strip()},note\n", ROW.strip()
    fits = " " * (SEARCHED_CHARS_MAX - 2) + "17"
    assert desk.run(f'{head}{row},".{fits[1:]}"\n', text).refused == {}
    longer = desk.run(f'{head}{row.replace("1,", "2,", 1)},".{fits}"\n', text)
    assert longer.refused == {"too_long_to_search:topics": 1}
