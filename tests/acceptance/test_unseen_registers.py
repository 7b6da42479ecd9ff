"""Registers nobody has seen, with mappings written from `docs/importing.md` alone.

Three small registers as municipalities, German states and lobbying offices publish them; whoever
wrote the mappings had the documentation and nothing else. What comes out is asked over HTTP.
"""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.acceptance.conftest import Start
from tests.acceptance.service import Done, Json, Service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# ── a Danish municipality's list: a title above, semicolons, windows-1252 ────────────────────────

DANISH: Final = """Liste over kontakter med almene boligorganisationer, 1. halvår 2010;;;;;;;;
;;;;;;;;
Dato;Forvaltning;Type;Organisation(er);CVR;Emne;J.nr.;Deltagere;Bemærkning
22. februar 2010;TMF;Møde;"KAB; AKB, København";;Udlejning;2010-140582;Kim Eksempel, Bo Prøve;
d. 1. marts 2010 kl. 10.30;TMF;Møde;Boligforeningen Åbo;13585628;Helhedsplan;;Ea Øst;på rådhuset
2. mar. 2010;;Tlf.;KAB;;Ventelister;jf. 2009-116302 og 2010-000017;;
;ØKF;Mail;KAB;;Budget;;;
2.-4. marts 2010;TMF;Besigtigelse;AKB, København;;Beboerhus;;Kim Eksempel;
uge 8, 2010;TMF;Brev;alle almene boligorganisationer;;Ny struktur;;;udsendt til alle
1. kvartal 2010;TMF;Mail;Boligforeningen Åbo;13585628;Løbende dialog;;;
foråret 2010;TMF;Møde;KAB;;Dialog;;;
29. februar 2010;TMF;Møde;KAB;;Findes ikke;;;
Ingen kontakter i april;;;;;;;;
22. februar 2010;TMF;Møde;"KAB; AKB, København";;Udlejning;2010-140582;Kim Eksempel, Bo Prøve;
"""
DANISH_MAPPING: Final = r"""
mapping = 1
format = "csv"
source = "kommunens-kontaktliste"

[file]
encodings = ["utf-8-sig", "windows-1252"]
delimiters = [";"]
skip_lines = 2

[columns]
date = { header = "Dato", fill_down = true }
who = { header = "Forvaltning", fill_down = true }
type = "Type"
with = "Organisation(er)"
cvr = "CVR"
about = "Emne"
number = "J.nr."
people = { header = "Deltagere", optional = true }
note = "Bemærkning"

[identity]
hash_row = true

[time]
start = "date"
patterns = ["%d. %B %Y", "d. %d. %B %Y kl. %H.%M", "%d. %b. %Y", "%d.-%d. %B %Y", "uge %V, %Y",
            "%q. kvartal %Y"]
languages = ["da"]
zone = "Europe/Copenhagen"
words = { "foråret 2010" = "2010-03/2010-05" }

[channel]
constant = "direct"

[direction]
column = "type"
map = { "Brev" = "outbound" }
unmapped = "use"
default = "mutual"

[medium]
column = "type"
map = { "møde" = "meeting_physical", "tlf." = "phone", "mail" = "email", "brev" = "letter" }
unmapped = "flag"
default = "site_visit"

[administrations]
column = "who"
kind = "administration"
aliases = { "TMF" = "Teknik- og Miljøforvaltningen", "ØKF" = "Økonomiforvaltningen" }

[organisations]
column = "with"
kind = "housing_organisation"
split = ";"
external = { scheme = "cvr", column = "cvr" }

[subject]
column = "about"

[facts]
column = "note"

[place]
column = "note"
pattern = '^på (.+)'

[[case_numbers]]
column = "number"
split_pattern = '[^\d-]+'

[[participants]]
name = { column = "people", split = "," }
party = "organisations"

[[skip]]
name = "ingen kontakter"
column = "date"
matches = '^Ingen kontakter'
"""

# ── a German ministry's list: tabs, two rows of titles, quarters and weeks ───────────────────────

GERMAN: Final = (
    "\ufeffLfd. Nr.\tZeitraum\tRessort\tVerband\tThema\tForm\n"
    "1\t1. Quartal 2010\tBauministerium\tMieterbund\tMietrecht\tGespräch\n"
    "2\tMärz 2010\tBauministerium\tVerband der Wohnungswirtschaft\tNeubau\tTelefonat\n"
    "3\t12.03.2010\tBauministerium\tMieterbund\tHeizkosten\tGespräch\n"
    "4\tKW 8/2010\tBauministerium\t-\tFehlanzeige\t\n"
    "5\tKW 8/2010\tFinanzministerium\tVerband der Wohnungswirtschaft, Berlin\tSteuer\tGespräch\n"
    "6\tDez. 2009 - Jan. 2010\tFinanzministerium\tMieterbund\tGrundsteuer\tSchreiben\n"
    "3\t12.03.2010\tBauministerium\tHaus & Grund\tHeizkosten\tGespräch\n"
    "7\t2009\tFinanzministerium\tMieterbund\tHaushalt\tUnbekannt\n"
)
GERMAN_MAPPING: Final = """
mapping = 1
format = "csv"
source = "landesliste"

[file]
encodings = ["utf-8-sig", "utf-16"]
delimiters = [",", ";", "\\t"]
na = ["-"]

[columns]
id = "Lfd. Nr."
time = "Zeitraum"
who = "Ressort"
with = "Verband"
about = "Thema"
form = "Form"

[identity]
columns = ["id"]

[time]
start = "time"
patterns = ["%d.%m.%Y", "%q. Quartal %Y", "KW %V/%Y", "%B %Y", "%b. %Y - %b. %Y", "%Y"]
languages = ["de"]

[channel]
constant = "direct"

[direction]
constant = "mutual"

[medium]
column = "form"
map = { "Gespräch" = "meeting_physical", "Telefonat" = "phone", "Schreiben" = "letter" }

[administrations]
column = "who"
kind = "administration"

[organisations]
column = "with"
kind = "federation"

[subject]
column = "about"

[confidentiality]
constant = "open"

[[skip]]
name = "fehlanzeige"
column = "about"
matches = "(?i)^fehlanzeige$"
"""

# ── a register of lobbying: lists within cells, one record over rows that do not touch ───────────

LOBBYING: Final = """Return,Lobbyist,Period,Public bodies,Officials,Matters,Method,Details
R1,Housing Alliance,"1 Jan, 2010 to 30 Apr, 2010","[""Dept of Housing"", ""City Council""]",\
"[""Ann Example""]","[""rent"", ""zoning""]",Email,"First, with ""quotes"" and
a second line"
R2,Tenants United,"1 Jan, 2010 to 30 Apr, 2010","[""City Council""]",[],"[]",Phone call,Waiting
R3,Nil return,"1 Jan, 2010 to 30 Apr, 2010",[],[],[],,
R1,,"1 Jan, 2010 to 30 Apr, 2010","[""City Council"", ""Regulator""]","[""Bob Sample""]",\
"[""rent""]",Email,And more
R4,Tenants United,"1 May, 2010 to 31 Aug, 2010",City Council,[],[],Meeting,Not a list
R5,Housing Alliance,"1 May, 2010 to 31 Aug, 2010","[""Dept of Housing""]",[],"[""rent""]",\
"Email, Meeting",Two methods
"""
LOBBYING_MAPPING: Final = r"""
mapping = 1
format = "csv"
source = "lobbying"

[columns]
id = "Return"
lobbyist = { header = ["Lobbyist", "Registrant"] }
period = "Period"
bodies = "Public bodies"
officials = "Officials"
matters = "Matters"
method = "Method"
details = "Details"

[identity]
columns = ["id"]

[time]
start = "period"
patterns = ["%d %b, %Y to %d %b, %Y"]
languages = ["en"]

[channel]
constant = "direct"

[direction]
constant = "inbound"

[medium]
column = "method"
pattern = '^[^,]+'
map = { "Email" = "email", "Phone call" = "phone", "Meeting" = "meeting_physical" }

[administrations]
column = "bodies"
kind = "body"
split_json = true

[organisations]
column = "lobbyist"
kind = "organisation"
when_empty = "ignore"

[subject]
template = "Lobbying: {details}"

[facts]
template = "{details} ({method})"

[[topics]]
column = "matters"
split_json = true

[[participants]]
name = { column = "officials", split_json = true }
role = { constant = "official" }
party = "administrations"

[[skip]]
name = "nil return"
column = "lobbyist"
matches = "^Nil return$"
"""


@pytest.fixture(scope="module")
def service(start: Start) -> Service:
    return start()


@pytest.fixture(scope="module")
def load(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Import a register under a mapping; the file's name ends as the content asks for."""
    folder = tmp_path_factory.mktemp("registers")

    def call(name: str, content: bytes, mapping: str, code: int) -> tuple[Json, dict[str, Json]]:
        file, written = folder / name, folder / f"{name}.toml"
        file.write_bytes(content)
        written.write_text(mapping, encoding="utf-8")
        done, told = service.load(written, file)
        assert done.code == code, (done.out, done.err)
        (report,) = told
        head = service.auditor.head
        again, (second,) = service.load(written, file)
        assert (again.code, second["contacts_made"], second["parties_created"]) == (code, 0, 0)
        assert service.auditor.head == head, "the same file again leaves no trace"
        found = service.auditor.contacts()
        mine = [each for each in found if each["source"]["system"] == report["source"]]
        return report, {each["subject"]: each for each in mine}

    return call


def names(contact: Json, side: str = "organisations") -> list[str]:
    return [party["name"] for party in contact[side]]


def when(contact: Json) -> tuple[str, str, str]:
    occurred = contact["occurred"]
    return occurred["from"], occurred["to"], occurred["precision"]


def test_a_danish_list(load: Callable[..., Any], service: Service) -> None:
    report, contacts = load("liste.csv", DANISH.encode("windows-1252"), DANISH_MAPPING, 1)
    assert (report["encoding"], report["rows_read"]) == ("windows-1252", 11)
    assert report["skipped"] == {"ingen kontakter": 1}
    assert report["refused"] == {"time_unreadable:time": 1}
    assert [(each["row"], each["field"]) for each in report["refusals"]] == [(12, "time")]
    assert (report["contacts_made"], report["exact_repeats"]) == (8, 1)
    assert {subject: when(contact) for subject, contact in contacts.items()} == {
        "Udlejning": ("2010-02-22", "2010-02-22", "day"),
        "Helhedsplan": ("2010-03-01T09:30:00Z", "2010-03-01T09:30:00Z", "instant"),
        "Ventelister": ("2010-03-02", "2010-03-02", "day"),
        "Budget": ("2010-03-02", "2010-03-02", "day"),
        "Beboerhus": ("2010-03-02", "2010-03-04", "range"),
        "Ny struktur": ("2010-02-22", "2010-02-28", "week"),
        "Løbende dialog": ("2010-01-01", "2010-03-31", "quarter"),
        "Dialog": ("2010-03-01", "2010-05-31", "range"),
    }
    assert names(contacts["Udlejning"]) == ["KAB", "AKB, København"]
    assert [p["name"] for p in contacts["Udlejning"]["participants"]] == [
        "Kim Eksempel",
        "Bo Prøve",
    ]
    assert names(contacts["Ventelister"], "administrations") == ["Teknik- og Miljøforvaltningen"]
    assert contacts["Ventelister"]["case_numbers"] == ["2009-116302", "2010-000017"]
    assert (contacts["Ny struktur"]["direction"], contacts["Ny struktur"]["medium"]) == (
        "outbound",
        "letter",
    )
    assert contacts["Beboerhus"]["flags"] == ["unmapped_medium"]
    assert contacts["Helhedsplan"]["place"] == "rådhuset"
    (found,) = service.auditor.every("/v1/parties", key="13585628")
    assert found["name"] == "Boligforeningen Åbo"
    assert service.auditor.counts("quarter", "organisation", organisation="13585628") == {
        ("2010-Q1", "Boligforeningen Åbo"): 2
    }


@pytest.mark.parametrize("name", ["liste.tsv", "liste-utf16.tsv.gz"])
def test_a_german_list(load: Callable[..., Any], name: str) -> None:
    text = GERMAN if name == "liste.tsv" else GERMAN.removeprefix("\ufeff")
    content = text.encode() if name == "liste.tsv" else gzip.compress(text.encode("utf-16"))
    mapping = GERMAN_MAPPING.replace("landesliste", f"landesliste-{name}")
    report, contacts = load(name, content, mapping, 1)
    assert (report["delimiter"], report["skipped"]) == ("\t", {"fehlanzeige": 1})
    assert report["refused"] == {"not_in_map:medium": 1}
    assert (report["contacts_made"], report["rows_merged"]) == (5, 1)
    assert {subject: when(contact) for subject, contact in contacts.items()} == {
        "Mietrecht": ("2010-01-01", "2010-03-31", "quarter"),
        "Neubau": ("2010-03-01", "2010-03-31", "month"),
        "Heizkosten": ("2010-03-12", "2010-03-12", "day"),
        "Steuer": ("2010-02-22", "2010-02-28", "week"),
        "Grundsteuer": ("2009-12-01", "2010-01-31", "range"),
    }
    assert names(contacts["Heizkosten"]) == ["Mieterbund", "Haus & Grund"]
    assert names(contacts["Steuer"]) == ["Verband der Wohnungswirtschaft, Berlin"]
    assert contacts["Mietrecht"]["occurred"]["text"] == "1. Quartal 2010"


def test_a_register_of_lobbying(load: Callable[..., Any], service: Service) -> None:
    report, contacts = load("returns.csv", LOBBYING.encode(), LOBBYING_MAPPING, 1)
    assert report["skipped"] == {"nil return": 1}
    assert report["refused"] == {"not_a_list:administrations": 1}
    assert (report["contacts_made"], report["rows_merged"]) == (3, 1)
    one = next(c for c in contacts.values() if c["source"]["id"] == "R1")
    assert names(one, "administrations") == ["Dept of Housing", "City Council", "Regulator"]
    assert names(one) == ["Housing Alliance"]
    assert one["topics"] == ["rent", "zoning"]
    assert [p["name"] for p in one["participants"]] == ["Ann Example", "Bob Sample"]
    assert one["facts"].startswith('First, with "quotes" and\na second line (Email)')
    assert one["facts"].endswith("And more (Email)")
    assert one["flags"] == ["rows_differ_subject"]
    assert when(one) == ("2010-01-01", "2010-04-30", "range")
    two = next(c for c in contacts.values() if c["source"]["id"] == "R5")
    assert (two["medium"], two["facts"]) == ("email", "Two methods (Email, Meeting)")
    assert service.auditor.total(administration="City Council") == 2


PLAIN: Final = """
mapping = 1
format = "csv"
source = "plain"
channel = { constant = "direct" }
direction = { constant = "mutual" }
medium = { constant = "phone" }
subject = "about"

[columns]
date = "date"
who = "who"
with = "with"
about = "about"

[identity]
hash_row = true

[administrations]
column = "who"
kind = "administration"

[organisations]
column = "with"
kind = "organisation"
"""
DAY: Final = """
[time]
start = "date"
patterns = ["%Y-%m-%d"]
"""


@pytest.mark.parametrize(
    ("row", "more"),
    [
        pytest.param(
            "2010-02-22,TMF,KAB,leje; byggeri",
            DAY + '[[topics]]\ncolumn = "about"\nsplit = ";"\n'
            'map = { "leje" = "udlejning", "byggeri" = "byg" }\n',
            id="a map for each part of a split cell",
        ),
        pytest.param(
            "mandag den 22. februar 2010,TMF,KAB,Leje",
            '[time]\nstart = "date"\npatterns = ["%A den %d. %B %Y"]\nlanguages = ["da"]\n',
            id="a day with its weekday",
        ),
        pytest.param(
            "Sept. 2010,TMF,KAB,Leje",
            '[time]\nstart = "date"\npatterns = ["%B %Y"]\nlanguages = ["de"]\n',
            id="a usual German abbreviation",
        ),
        pytest.param(
            "2010-02-22,TMF,KAB,Leje",
            DAY + '[[skip]]\nname = "Møde udsat"\ncolumn = "about"\nmatches = "udsat"\n',
            id="a rule named in Danish",
        ),
    ],
)
def test_what_a_register_may_well_hold(
    service: Service, tmp_path: Path, row: str, more: str
) -> None:
    told = tried(service, tmp_path, row, more)
    assert (told.code, told.err) == (0, "")


NUMBERED: Final = DAY + '[[case_numbers]]\ncolumn = "about"\nsplit = " "\npattern = "^[0-9-]+$"\n'


def test_a_pattern_is_searched_in_each_part_of_a_split_cell(
    service: Service, tmp_path: Path
) -> None:
    row = "2010-02-22,TMF,KAB,se 2009-116302 og 2010-000017"
    assert tried(service, tmp_path, row, NUMBERED, dry_run=False).code == 0
    mine = [c for c in service.auditor.contacts() if c["subject"].startswith("se 2009")]
    assert mine[0]["case_numbers"] == ["2009-116302", "2010-000017"]


def test_utf_16_is_told_from_utf_8_in_any_order(service: Service, tmp_path: Path) -> None:
    codings = '\n[file]\nencodings = ["utf-16", "utf-8"]\n'
    rows = ["2010-02-22,TMF,KAB,Leje", "2010-02-22,TMF,KAB,Lejer"]
    tries = [tried(service, tmp_path, row, DAY + codings) for row in rows]
    assert [done.code for done in tries] == [0, 0]


# ── outside numbers of parties ───────────────────────────────────────────────────────────────────


def numbered(
    service: Service, folder: Path, source: str, *rows: str
) -> tuple[Json, list[Json], list[Json]]:
    """The report, the parties and the contacts of rows with a name, a CVR number and a subject."""
    lines = ["date,who,with,cvr,about\n", *(f"2010-02-22,TMF,{row}\n" for row in rows)]
    (folder / "r.csv").write_text("".join(lines), encoding="utf-8")
    columns = PLAIN.replace('"plain"', f'"{source}"').replace('about = "', 'cvr = "cvr"\nabout = "')
    external = 'external = { scheme = "cvr", column = "cvr" }\n'
    (folder / "m.toml").write_text(columns + external + DAY, encoding="utf-8")
    _, (report,) = service.load(folder / "m.toml", folder / "r.csv")
    parties = service.auditor.every("/v1/parties", kind="organisation")
    return report, of(source, parties), of(source, service.auditor.contacts())


def of(source: str, items: list[Json]) -> list[Json]:
    """Those of the items that one register brought."""
    return [each for each in items if each["source"]["system"] == source]


def test_a_register_with_numbers_again_is_nothing_new(service: Service, tmp_path: Path) -> None:
    numbered(service, tmp_path, "again", "AAB,10000001,a")
    report, _, _ = numbered(service, tmp_path, "again", "AAB,10000001,a")
    assert (report["contacts_changed"], report["contacts_present"]) == (0, 1)


def test_a_number_is_kept_though_a_later_row_lacks_it(service: Service, tmp_path: Path) -> None:
    rows = ("VIBO,10000002,a", "VIBO,,b")
    _, (party,), _ = numbered(service, tmp_path, "number-once", *rows)
    assert [each["value"] for each in party["external_ids"]] == ["10000002"]


def test_a_name_with_another_number_is_refused_and_never_the_first_of_that_name(
    service: Service, tmp_path: Path
) -> None:
    rows = ("3B,10000003,a", "3B,10000004,b", "3B,,c")
    for present in (0, 1):
        report, parties, contacts = numbered(service, tmp_path, "two-numbers", *rows)
        assert report["refused"] == {
            "party_number_differs:organisations": 1,
            "ambiguous_party:organisations": 1,
        }
        assert [(r["row"], r["code"]) for r in report["refusals"]] == [
            (3, "party_number_differs"),
            (4, "ambiguous_party"),
        ]
        assert report["contacts_present"] == present
        (party,) = parties
        assert [each["value"] for each in party["external_ids"]] == ["10000003"]
        assert [c["subject"] for c in contacts] == ["a"]
    alone, _, _ = numbered(service, tmp_path, "two-numbers", rows[1])
    assert alone["refused"] == {"party_number_differs:organisations": 1}


def test_two_spellings_with_one_number_are_one(service: Service, tmp_path: Path) -> None:
    rows = ("DAB,10000005,a", "D.A.B.,10000005,b")
    report, parties, contacts = numbered(service, tmp_path, "one-number", *rows)
    assert (report["rows_refused"], len(parties)) == (0, 1)
    assert (parties[0]["name"], parties[0]["aliases"]) == ("DAB", ["D.A.B."])
    assert {c["organisations"][0]["id"] for c in contacts} == {parties[0]["id"]}


def test_after_a_merge_the_same_file_is_still_nothing_new(service: Service, tmp_path: Path) -> None:
    rows = ("Lejerbo,,a", "Lejer-Bo,,b")
    _, parties, _ = numbered(service, tmp_path, "merged", *rows)
    double, kept = sorted(parties, key=lambda party: str(party["name"]))
    body = {"into": kept["id"], "reason": "Samme forening"}
    service.officer.made(f"/v1/parties/{double['id']}/merge", body)
    report, _, contacts = numbered(service, tmp_path, "merged", *rows)
    assert (report["contacts_present"], report["parties_created"]) == (2, 0)
    assert len(contacts) == 2
    assert service.auditor.total(organisation="Lejerbo") == 2
    assert service.auditor.counts("organisation", organisation="Lejer-Bo") == {"Lejerbo": 2}


def tried(service: Service, folder: Path, row: str, more: str, *, dry_run: bool = True) -> Done:
    """Import one row under the plain mapping with more tables."""
    (folder / "r.csv").write_text(f"date,who,with,about\n{row}\n", encoding="utf-8")
    (folder / "m.toml").write_text(PLAIN + more, encoding="utf-8")
    options = ("--dry-run",) if dry_run else ()
    done, _ = service.load(folder / "m.toml", folder / "r.csv", more=options)
    return done


def test_a_mapping_with_faults_names_them_all(service: Service, tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        DANISH_MAPPING.replace('"uge %V, %Y"', '"uge %U, %Y"').replace("fill_down", "filldown"),
        encoding="utf-8",
    )
    file = tmp_path / "liste.csv"
    file.write_text(DANISH, encoding="utf-8")
    head = service.auditor.log_head()
    done = service.run("import", "csv", file, "--mapping", mapping)
    assert done.code == 2
    for place in ("/time/patterns/4", "/columns/date", "/columns/who"):
        assert place in done.err
    assert service.auditor.log_head() == head
