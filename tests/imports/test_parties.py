"""Parties of a register with outside numbers: found, registered once, never mistaken for others."""

import pytest

from api.imports.report import Report
from tests.imports.registers import COLUMNS, HEADER, SIDES, Desk, mapping

ROW = "1,2010-02-03,TMF,KAB,Udlejning\n"


def test_a_party_is_found_by_its_outside_number_first(desk: Desk) -> None:
    text = mapping(
        "[[participants]]\nname = 'about'\nparty = 'organisations'\nspoke_for = 'organisations'",
        sides=SIDES + 'external = { scheme = "cvr", column = "cvr" }',
        columns=COLUMNS + 'cvr = "cvr"\n',
    )
    head = HEADER.strip() + ",cvr\n"
    first = head + ROW.strip() + ",13748136\n"
    renamed = head + "2,2010-02-03,TMF,KAB a.m.b.a.,Tag,13748136\n"
    assert desk.run(first, text).parties_created == 2
    assert desk.run(renamed, text).parties_created == 0
    contact = desk.contacts[1]
    assert contact.organisations == ("KAB a.m.b.a.",)
    (person,) = contact.participants
    assert (person.party, person.spoke_for) == ("KAB a.m.b.a.", ("KAB a.m.b.a.",))
    assert desk.door.found["sheet", "2"]["KAB a.m.b.a."] == "KAB"
    assert desk.run(first, text).contacts_present == 1


NUMBERED = mapping(
    sides=SIDES + 'external = { scheme = "cvr", column = "cvr" }',
    columns=COLUMNS + 'cvr = "cvr"\n',
)


def numbered(desk: Desk, *parties: str, text: str = NUMBERED) -> Report:
    """Import one contact per `name,number`."""
    rows = [
        f"{n},2010-02-03,TMF,{p.split(',')[0]},Tag,{p.split(',')[1]}" for n, p in enumerate(parties)
    ]
    return desk.run("\n".join([HEADER.strip() + ",cvr", *rows, ""]), text)


def met(desk: Desk) -> list[str | None]:
    """The organisation of each contact as the door found it."""
    return [
        found[c.organisations[0]]
        for c, found in zip(desk.contacts, desk.door.found.values(), strict=True)
    ]


@pytest.mark.parametrize(
    ("rows", "found", "refused"),
    [
        (("AAB,10000001", "AAB,"), ["AAB", "AAB"], {}),
        (("AAB,", "AAB,10000001"), ["AAB", "AAB"], {}),
        (("AAB,10000001", "A.A.B.,10000001", "A.A.B.,"), ["AAB"] * 3, {}),
        (("AAB,10000001", "AAB,10000002"), ["AAB"], {"party_number_differs:organisations": 1}),
        (
            ("AAB,10000001", "AAB,10000002", "AAB,"),
            ["AAB"],
            {"party_number_differs:organisations": 1, "ambiguous_party:organisations": 1},
        ),
        (("KAB,10000003", "K.A.B.,10000003"), ["KAB", "KAB"], {}),
        (("K.A.B.,10000003", "KAB,10000003"), ["KAB", "KAB"], {}),
        (("BO,10000005",), [], {"party_number_differs:organisations": 1}),
        (("BO,10000004", "BO,"), ["BO", "BO"], {}),
    ],
)
def test_a_party_with_an_outside_number_is_one_party_however_it_is_written(
    desk: Desk, rows: tuple[str, ...], found: list[str], refused: dict[str, int]
) -> None:
    numbered(desk, "KAB,", "BO,10000004")
    before = len(desk.contacts)
    other = NUMBERED.replace('"sheet"', '"other"')
    report = numbered(desk, *rows, text=other)
    assert report.refused == refused
    assert met(desk)[before:] == found
    again = numbered(desk, *rows, text=other)
    assert again.refused == refused
    assert (again.contacts_present, again.parties_created) == (len(found), 0)


def test_a_spelling_met_with_a_number_becomes_an_alias(desk: Desk) -> None:
    numbered(desk, "AAB,10000001", "A.A.B.,10000001", "AAB,10000002")
    assert desk.door.parties["AAB"].aliases == ("A.A.B.",)
    assert [e.value for e in desk.door.parties["AAB"].external_ids] == ["10000001"]


def test_one_contact_with_one_name_and_two_numbers_is_refused(desk: Desk) -> None:
    head = HEADER.strip() + ",cvr\n"
    rows = f"{ROW.strip()},10000001\n{ROW.strip()},10000002\n"
    report = desk.run(head + rows, NUMBERED)
    assert report.refused == {
        "party_number_differs:organisations": 1,
        "contact_refused:identity": 1,
    }


def test_a_number_makes_no_party_where_the_mapping_creates_none(desk: Desk) -> None:
    text = NUMBERED.replace("external", "create = false\nexternal")
    report = numbered(desk, "AAB,10000001", "AAB,", text=text)
    assert report.refused == {"unknown_party:organisations": 2}


def test_an_outside_number_that_cannot_be_right_is_refused(desk: Desk) -> None:
    text = mapping(
        sides=SIDES + 'external = { scheme = "cvr", column = "cvr" }',
        columns=COLUMNS + 'cvr = "cvr"\n',
    )
    head = HEADER.strip() + ",cvr\n"
    report = desk.run(head + ROW.strip() + ",1374\n" + "2,2010-02-03,TMF,AKB,Tag,\n", text)
    assert report.refused == {"check_digit:organisations": 1}
    assert report.contacts_made == 1
