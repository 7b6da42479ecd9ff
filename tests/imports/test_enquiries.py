"""Records of a register become enquiries: received, with steps in order, and contacts filed."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from api.cli.main import run
from api.imports.door import EnquiryGiven, EnquiryOutcome, Outcome
from api.imports.loading import load
from api.imports.running import Run, import_file
from api.main import open_services
from api.settings import load_settings
from domain.enquiries import (
    AcknowledgeEnquiry,
    AnswerEnquiry,
    CloseEnquiry,
    ReceiveEnquiry,
    RequestInformation,
    RouteEnquiry,
)
from domain.errors import Refused
from tests.imports.door import MemoryDoor
from tests.imports.killed import killed_after
from tests.imports.registers import TODAY, Desk

# A journal as a Danish municipality might keep it, in columns of its own: days, not moments, and an
# answer that takes several rows. Its mapping is written from docs/importing.md alone.
HEADER: Final = "sag;modtaget;afsender;form;enhed;frist;hændelse;nr;dag;hvem;hold;tekst\n"
JOURNAL: Final = (
    HEADER
    + """S-1;01-03-2010;KAB;Brev;TMF;15-03-2010;kvittering;1;02-03-2010;Ea;Team Nord;
S-1;01-03-2010;KAB;Brev;TMF;15-03-2010;fordelt;2;03-03-2010;;Center for Byen;
S-1;01-03-2010;KAB;Brev;TMF;15-03-2010;telefon;3;04-03-2010;;;Vi ringede om tegningerne
S-1;01-03-2010;KAB;Brev;TMF;15-03-2010;svar;4;16-03-2010;;;Første del
S-1;01-03-2010;KAB;Brev;TMF;15-03-2010;svar;4;16-03-2010;;;Anden del
S-1;01-03-2010;KAB;Brev;TMF;15-03-2010;afsluttet;5;16-03-2010;;;
S-2;05-03-2010;AKB, København;Mail;TMF;;spørgsmål;1;08-03-2010;;;Hvilket areal?
S-2;05-03-2010;AKB, København;Mail;TMF;;notat;2;09-03-2010;;;
"""
)
MAPPING: Final = """
mapping = 1
format = "csv"
source = "journal"

[file]
delimiters = [";"]

[columns]
matter = "sag"
received = "modtaget"
sender = "afsender"
form = "form"
unit = "enhed"
due = "frist"
what = "hændelse"
number = "nr"
day = "dag"
who = "hvem"
team = "hold"
text = "tekst"

[identity]
columns = ["matter"]

[time]
start = "received"
patterns = ["%d-%m-%Y"]

[medium]
column = "form"
map = { "brev" = "letter", "mail" = "email" }

[administrations]
column = "unit"
kind = "administration"

[organisations]
column = "sender"
kind = "housing_organisation"

[subject]
template = "Journal {matter}"

[enquiry]
other_rows = "skip"
deadline = { time = "due" }

[[enquiry.steps]]
name = "kvittering"
step = "acknowledgements"
when = { column = "what", equals = ["Kvittering"] }
time = "day"
handler = "who"
team = "team"

[[enquiry.steps]]
name = "fordelt"
step = "routes"
when = { column = "what", equals = ["fordelt"] }
time = "day"
to = { column = "team", kind = "unit" }
for = { column = "unit", kind = "administration" }

[[enquiry.steps]]
name = "spørgsmål"
step = "information-requests"
when = { column = "what", matches = "^spørg" }
time = "day"
question = "text"

[[enquiry.steps]]
name = "svar"
step = "answers"
when = { column = "what", equals = ["svar"], filled = ["text"] }
identity = ["number"]
time = "day"
answer_kind = { constant = "substantive" }
answer = "text"

[[enquiry.steps]]
name = "afsluttet"
step = "closures"
when = { column = "what", equals = ["afsluttet"] }
once = true
time = "day"

[[enquiry.contacts]]
name = "telefon"
when = { column = "what", equals = ["telefon"] }
identity = ["number"]
time = "day"
channel = { constant = "direct" }
direction = { constant = "outbound" }
medium = { constant = "phone" }
subject = "text"
"""


def steps_of(desk: Desk, matter: str) -> list[Any]:
    return list(desk.door.steps["journal", matter].values())


def test_a_record_becomes_an_enquiry_with_its_steps_in_order(desk: Desk) -> None:
    report = desk.run(JOURNAL, MAPPING)
    received = desk.door.enquiries["journal", "S-1"]
    assert isinstance(received, ReceiveEnquiry)
    assert (received.sender, received.administrations, received.medium) == (
        "KAB",
        ("TMF",),
        "letter",
    )
    assert received.received.from_ == "2010-03-01"
    assert received.deadline is not None and received.deadline.due == "2010-03-15"
    assert [type(step) for step in steps_of(desk, "S-1")] == [
        AcknowledgeEnquiry,
        RouteEnquiry,
        AnswerEnquiry,
        CloseEnquiry,
    ]
    assert report.steps_by_rule == {
        "kvittering": 1,
        "fordelt": 1,
        "svar": 1,
        "afsluttet": 1,
        "spørgsmål": 1,
    }
    assert (report.enquiries_made, report.steps_made, report.contacts_made) == (2, 5, 1)
    assert (report.rows_read, report.rows_of_enquiries, report.skipped["no_step"]) == (8, 6, 1)


def test_several_rows_are_one_step_whose_texts_are_collected(desk: Desk) -> None:
    desk.run(JOURNAL, MAPPING)
    (answer,) = [step for step in steps_of(desk, "S-1") if isinstance(step, AnswerEnquiry)]
    assert answer.answer == "Første del\nAnden del"


def test_a_row_that_is_no_step_is_a_contact_filed_on_the_enquiry(desk: Desk) -> None:
    desk.run(JOURNAL, MAPPING)
    (contact,) = desk.contacts
    assert (contact.medium, contact.subject) == ("phone", "Vi ringede om tegningerne")
    assert (contact.administrations, contact.organisations) == (("TMF",), ("KAB",))
    assert contact.occurred.from_ == "2010-03-04"
    assert contact.enquiry is not None


def test_an_enquiry_without_a_deadline_of_its_own_and_a_comma_in_its_sender(desk: Desk) -> None:
    desk.run(JOURNAL, MAPPING)
    other = desk.door.enquiries["journal", "S-2"]
    assert (other.sender, other.deadline) == ("AKB, København", None)
    (question,) = steps_of(desk, "S-2")
    assert isinstance(question, RequestInformation)
    assert question.question == "Hvilket areal?"


def test_importing_twice_makes_nothing_new(desk: Desk) -> None:
    desk.run(JOURNAL, MAPPING)
    imports = list(desk.door.imports)
    again = desk.run(JOURNAL, MAPPING)
    assert (again.enquiries_present, again.steps_present, again.contacts_present) == (2, 5, 1)
    assert (again.enquiries_made, again.steps_made, again.contacts_made) == (0, 0, 0)
    assert desk.door.imports == imports


def test_a_register_that_gained_rows_gives_the_steps_it_gained(desk: Desk) -> None:
    desk.run(JOURNAL, MAPPING)
    more = "S-2;05-03-2010;AKB, København;Mail;TMF;;svar;3;12-03-2010;;;120 kvm\n"
    report = desk.run(JOURNAL + more, MAPPING)
    assert (report.enquiries_present, report.steps_made, report.steps_present) == (2, 1, 5)


def test_rows_that_repeat_exactly_are_one_step_and_counted(desk: Desk) -> None:
    line = JOURNAL.splitlines(keepends=True)[1]
    report = desk.run(JOURNAL + line, MAPPING)
    assert (report.exact_repeats, report.rows_merged, report.steps_made) == (1, 1, 5)


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ("16-03-2010;;;Første", "uge 11;;;Første", {"time_unreadable:steps/3/time": 1}),
        ("15-03-2010;kvit", "marts;kvit", {"time_unreadable:deadline": 1}),
        (";Center for Byen", ";", {"missing:steps/1/to": 1}),
        (";KAB;Brev;TMF;15-03-2010;svar", ";AKB;Brev;TMF;15-03-2010;svar", None),
        (";Ea;Team Nord", ";;", {"missing:steps/0/handler": 1}),
    ],
)
def test_a_row_that_cannot_be_read_refuses_its_whole_enquiry(
    desk: Desk, before: str, after: str, refused: dict[str, int] | None
) -> None:
    assert before in JOURNAL
    report = desk.run(JOURNAL.replace(before, after, 1), MAPPING)
    expected = refused or {"several_senders:organisations": 1}
    assert report.refused == expected | {"contact_refused:identity": 5}
    assert list(desk.door.enquiries) == [("journal", "S-2")]


def test_other_rows_are_used_skipped_or_refused_as_the_mapping_says(desk: Desk) -> None:
    used = desk.run(JOURNAL, MAPPING.replace('other_rows = "skip"\n', ""))
    assert (used.rows_of_enquiries, used.skipped) == (7, {})
    refusing = MAPPING.replace('"skip"', '"refuse"').replace('"journal"', '"other"')
    report = desk.run(JOURNAL, refusing)
    assert report.refused == {"row_of_no_step:enquiry": 1, "contact_refused:identity": 1}


def test_a_deadline_keeps_its_exactness_and_a_month_is_none(desk: Desk) -> None:
    exact = MAPPING.replace(
        'deadline = { time = "due" }',
        'deadline = { time = { start = "due", patterns = ["%Y-%m-%dT%H:%M:%S%z", "%m-%Y"] } }',
    )
    text = JOURNAL.replace(";15-03-2010;", ";2010-03-15T12:00:01+01:00;")
    desk.run(text, exact)
    received = desk.door.enquiries["journal", "S-1"]
    assert received.deadline is not None
    assert received.deadline.due == "2010-03-15T11:00:01Z"
    other = exact.replace('"journal"', '"other"')
    report = desk.run(JOURNAL.replace(";15-03-2010;", ";03-2010;"), other)
    assert report.refused == {"not_a_day:deadline": 1, "contact_refused:identity": 5}


def test_a_closure_comes_last_although_the_register_goes_on(desk: Desk) -> None:
    late = JOURNAL.replace("kvittering;1;02-03-2010", "kvittering;1;20-03-2010")
    desk.run(late, MAPPING)
    assert isinstance(steps_of(desk, "S-1")[-1], CloseEnquiry)
    assert isinstance(steps_of(desk, "S-1")[-2], AcknowledgeEnquiry)


class Refusing(MemoryDoor):
    """A door whose rules refuse every answer: of a new enquiry with the whole of it."""

    def _receive(self, given: EnquiryGiven) -> EnquiryOutcome:
        refused = Outcome("refused", "answer_owed", "by")
        there = given.command.source is not None and self.present([given.command]) == [True]
        outcomes: list[Outcome] = []
        for step in given.steps:
            answers = isinstance(step.command, AnswerEnquiry)
            if answers and not there:
                return EnquiryOutcome(refused, [*outcomes, refused])
            outcomes.append(refused if answers else Outcome("made"))
        return EnquiryOutcome(super()._receive(given).received, outcomes)


def test_a_step_the_log_refuses_is_named_by_its_row(desk: Desk) -> None:
    desk.door = Refusing()
    report = desk.run(JOURNAL, MAPPING)
    assert report.refused == {"answer_owed:svar": 1, "contact_refused:identity": 5}
    assert [r.row for r in report.refusals if r.code == "answer_owed"] == [5]
    assert (report.enquiries_made, desk.contacts) == (1, [])


def test_a_step_refused_later_is_refused_alone(desk: Desk) -> None:
    first = "\n".join(line for line in JOURNAL.splitlines() if ";svar;" not in line)
    desk.run(first, MAPPING)
    enquiries = desk.door.enquiries
    desk.door = Refusing()
    desk.door.enquiries |= enquiries
    report = desk.run(JOURNAL, MAPPING)
    assert report.refused == {"answer_owed:svar": 2}
    assert (report.enquiries_present, report.rows_of_enquiries) == (2, 4)


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ('[channel]\nconstant = "direct"', ""),
        ('[place]\nconstant = "x"', ""),
        ('[[enquiry.steps]]\nname = "x"\nstep = "answers"\ntime = "day"', "/enquiry/steps/5"),
        (
            '[[enquiry.steps]]\nname = "x"\nstep = "routes"\ntime = "day"\nhandler = "who"',
            "/enquiry/steps/5",
        ),
        (
            '[[enquiry.steps]]\nname = "x"\nstep = "closures"\ntime = "nowhere"',
            "/enquiry/steps/5/time",
        ),
        (
            '[[enquiry.steps]]\nname = "x"\nstep = "closures"\ntime = "day"\nclosing.empty = "x"',
            "/enquiry/steps/5/closing",
        ),
        (
            '[[enquiry.steps]]\nname = "x"\nstep = "triage"\ntime = "day"\nnote = "nowhere"',
            "/enquiry/steps/5/note",
        ),
        ('[[enquiry.steps]]\nname = "svar"\nstep = "closures"\ntime = "day"', "/enquiry"),
        (
            '[[enquiry.steps]]\nname = "x"\nstep = "closures"\ntime = "day"\nwhen = {}',
            "/enquiry/steps/5/when",
        ),
        (
            '[[enquiry.steps]]\nname = "x"\nstep = "splits"\ntime = "day"',
            "/enquiry/steps/5/step",
        ),
    ],
)
def test_a_fault_in_the_mapping_is_found_where_it_stands(more: str, place: str) -> None:
    with pytest.raises(Refused) as refused:
        load(MAPPING + "\n" + more)
    assert [fault.pointer for fault in refused.value.faults] == [place]


# ── a real store ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("KONTAKTLOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "journal.csv").write_text(JOURNAL, encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    return tmp_path


COMMAND: Final = ["import", "csv", "journal.csv", "--mapping", "mapping.toml", "--json"]
OF_THE_JOURNAL: Final = {
    "import.started/1": 1,
    "party.registered/1": 4,
    "contact.logged/1": 3,
    "enquiry.received/1": 2,
    "enquiry.acknowledged/1": 1,
    "enquiry.routed/1": 1,
    "enquiry.information_requested/1": 1,
    "enquiry.answered/1": 1,
    "enquiry.closed/1": 1,
    "import.finished/1": 1,
}


def stored() -> Counter[str]:
    """The events of the log by type."""
    services = open_services(load_settings(), writer=False)
    try:
        types: Counter[str] = Counter()
        after = 0
        while rows := services.log.rows(after):
            after = rows[-1].position
            types.update(row.type for row in rows)
        return types
    finally:
        services.close()


def test_a_journal_is_imported_whole_and_a_second_time_makes_nothing_new(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*COMMAND, "--dry-run"]) == 0
    rehearsed = json.loads(capsys.readouterr().out)
    assert stored() == {}
    assert run(COMMAND) == 0, capsys.readouterr()
    report = json.loads(capsys.readouterr().out)
    for figure in ("enquiries_made", "steps_made", "contacts_made", "parties_created"):
        assert report[figure] == rehearsed[figure], figure
    assert stored() == OF_THE_JOURNAL
    assert run(COMMAND) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["enquiries_present"], report["steps_present"]) == (2, 5)
    assert stored() == OF_THE_JOURNAL


@pytest.mark.postgres
def test_a_journal_is_imported_into_postgresql_too(
    folder: Path,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KONTAKTLOG_STORE", postgres_url)
    assert run(COMMAND) == 0, capsys.readouterr().err
    assert stored() == OF_THE_JOURNAL
    assert run(COMMAND) == 0
    assert stored() == OF_THE_JOURNAL


def test_a_step_the_register_gained_is_added_to_what_is_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(COMMAND) == 0
    more = "S-2;05-03-2010;AKB, København;Mail;TMF;;svar;3;12-03-2010;;;120 kvm\n"
    (folder / "journal.csv").write_text(JOURNAL + more, encoding="utf-8")
    capsys.readouterr()
    assert run(COMMAND) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["enquiries_present"], report["steps_made"]) == (2, 1)
    assert stored()["enquiry.answered/1"] == 2


def test_an_enquiry_of_more_steps_than_one_append_takes_is_told_in_several(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(
        f"S-3;01-03-2010;KAB;Brev;TMF;;spørgsmål;{n};02-03-2010;;;Spørgsmål {n}\n"
        for n in range(450)
    )
    (folder / "journal.csv").write_text(HEADER + rows, encoding="utf-8")
    assert run(COMMAND) == 0, capsys.readouterr()
    assert stored()["enquiry.information_requested/1"] == 450
    before = stored()
    assert run(COMMAND) == 0
    assert stored() == before


@pytest.mark.fault
@pytest.mark.parametrize("enquiries", [0, 100, 300])
def test_a_killed_import_is_finished_by_running_it_again(
    folder: Path, capsys: pytest.CaptureFixture[str], enquiries: int
) -> None:
    one = [line for line in JOURNAL.splitlines() if line.startswith("S-1")]
    text = HEADER + "".join(f"{n}{line[3:]}\n" for n in range(400) for line in one)
    (folder / "journal.csv").write_text(text, encoding="utf-8")
    killed_after(f": {enquiries} af 400 ", COMMAND[:-1])
    broken = stored()
    assert broken["enquiry.received/1"] == broken["enquiry.closed/1"] < 400
    assert run(COMMAND) == 0, capsys.readouterr()
    whole = stored()
    names = ("received", "acknowledged", "routed", "answered", "closed")
    assert [whole[f"enquiry.{name}/1"] for name in names] == [400] * 5
    assert (whole["contact.logged/1"], whole["import.finished/1"]) == (800, 1)


# ── a register with a row for each enquiry, and a column for each of its dates ──────────────────

WIDE: Final = """No,Came,How,Who,Kind,Due,Confirmed,By,Told,Until,Answered,R
17,2023-05-03 23:30,Web,Å,aktind.,2023-05-15,2023-05-04 09:00,,2023-05-15,2023-05-22,2023-05-22,nej
18,2023-05-04 08:15,Tlf.,Lejerne,andet,,,,,,,
19,2023-05-04 08:15,Tlf.,Lejerne,andet,,2023-05-05 10:00,,,,,
"""
WIDE_MAPPING: Final = """
mapping = 1
format = "csv"
source = "wide"

[columns]
number = "No"
came = "Came"
how = "How"
who = "Who"
kind = "Kind"
due = "Due"
confirmed = "Confirmed"
team = "By"
told = "Told"
until = "Until"
answered = "Answered"
result = "R"

[identity]
columns = ["number"]

[time]
start = "came"
patterns = ["%Y-%m-%d %H:%M", "%Y-%m-%d"]
zone = "Europe/Copenhagen"

[medium]
column = "how"
map = { "web" = "portal_form", "tlf." = "phone" }

[administrations]
constant = "ØKF"
kind = "administration"

[organisations]
column = "who"
kind = "housing_organisation"

[subject]
template = "No. {number}"

[enquiry]
kind = { column = "kind", pattern = "aktind", map = { "aktind" = "access_request" } }
written = { column = "how", map = { "Web" = "yes" }, unmapped = "use", default = "no" }
received_by = { constant = "Indgangen", kind = "unit" }
deadline = { time = "due", basis = { constant = "offentlighedsloven § 36" } }

[[enquiry.steps]]
name = "confirmed"
step = "acknowledgements"
once = true
time = "confirmed"
team = { column = "team", empty = "Indgangen" }

[[enquiry.steps]]
name = "told"
step = "interim-replies"
once = true
time = "told"
new_expected_by = "until"
reason = { constant = "Not stated" }

[[enquiry.steps]]
name = "answered"
step = "answers"
once = true
time = "answered"
answer_kind = { column = "result", map = { "nej" = "refusal" } }
by = { constant = "ØKF", kind = "administration" }

[[enquiry.steps]]
name = "closed"
step = "closures"
once = true
time = "answered"
closing = { constant = "answered" }
"""


def test_a_row_for_each_enquiry_gives_a_step_for_each_date_that_is_filled(desk: Desk) -> None:
    report = desk.run(WIDE, WIDE_MAPPING)
    assert report.steps_by_rule == {"confirmed": 2, "told": 1, "answered": 1, "closed": 1}
    assert (report.enquiries_made, report.rows_of_enquiries) == (3, 3)
    first, second = (desk.door.enquiries["wide", number] for number in ("17", "18"))
    assert (first.kind.value, first.written, second.kind.value, second.written) == (
        "access_request",
        True,
        "general",
        False,
    )
    assert first.received.from_ == "2023-05-03T21:30:00Z", "half past eleven in Copenhagen"
    assert first.received_by == "Indgangen"
    assert first.deadline is not None
    assert (first.deadline.due, first.deadline.basis) == ("2023-05-15", "offentlighedsloven § 36")
    kinds = [type(step).__name__ for step in desk.door.steps["wide", "17"].values()]
    assert kinds == ["AcknowledgeEnquiry", "SendInterimReply", "AnswerEnquiry", "CloseEnquiry"]
    assert desk.door.steps["wide", "18"] == {}


def test_a_wide_register_is_stored_too_and_its_enquiries_are_not_half_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "journal.csv").write_text(WIDE, encoding="utf-8")
    (folder / "mapping.toml").write_text(WIDE_MAPPING, encoding="utf-8")
    assert run(COMMAND) == 0, capsys.readouterr()
    found = stored()
    assert (found["enquiry.received/1"], found["enquiry.interim_reply_sent/1"]) == (3, 1)
    assert (found["enquiry.answered/1"], found["enquiry.closed/1"]) == (1, 1)
    assert run(COMMAND) == 0
    assert stored() == found


# ── the Dutch permit log, by the shipped mapping ─────────────────────────────────────────────────


@pytest.mark.data
def test_the_permit_log_is_read_whole_by_its_shipped_mapping(shared_data: Path) -> None:
    text = Path(__file__).parents[2] / "docs" / "mappings" / "nl_permit_receipt.toml"
    loaded = load(text.read_text(encoding="utf-8"))
    door = MemoryDoor()
    path = shared_data / "processes" / "receipt_part1.csv.gz"
    oracles = json.loads((shared_data / "oracles.json").read_text(encoding="utf-8"))
    truth = oracles["processes"]["processes/receipt_part1.csv.gz"]
    report = import_file(path, Run(loaded, door, TODAY))
    assert report.balanced and report.rows_refused == 0
    assert report.enquiries_made == truth["cases"]
    assert report.steps_by_rule["end"] == truth["cases"] - truth["cases_without_enddate"]
    confirmed = truth["events_by_activity"]["Confirmation of receipt"]
    assert report.steps_by_rule["confirmation of receipt"] == confirmed
    assert report.contacts_made == truth["events"] - confirmed
