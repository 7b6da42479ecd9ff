"""Reminders come once: by any number of processes, after any death, and never for what is done."""

import json
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import pytest

from api import policies
from api.cli.main import run
from api.main import Services
from api.policies import Reminder, Reminders, reminder_id
from domain.calendar import WorkingCalendar
from domain.enquiries import EnquiryOverdue
from domain.enquiries.state import EnquiryState
from domain.service_targets import Clock
from domain.storage import clock
from domain.storage.journal import Entry
from tests.api.builders import Api, running, settings_in, with_parties
from tests.api.reminding import (
    NOW,
    Hasty,
    answered,
    follow,
    installation,
    received,
    remind,
    told,
    warnings,
)
from tests.proof.service import until

PROCESSES = 4
ENQUIRIES = 50
SPAWN = multiprocessing.get_context("spawn")
ONCE = {
    ("enquiry.overdue/1", "written_answer"),
    ("enquiry.overdue/1", "first_response"),
}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with installation(settings_in(tmp_path)) as found:
        yield found


def kinds(services: Services) -> list[tuple[str, str]]:
    return [(fact.type, fact.data["code"]) for fact in warnings(services)]


def at(day: str, moment: str = "12:00:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{moment}+00:00")


# ── what is told, and when ───────────────────────────────────────────────────────────────────────


def test_a_deadline_is_told_as_near_once_and_as_passed_once(services: Services) -> None:
    # Monday 1 March 2010: an answer within ten working days is due on the 15th, near from the 11th.
    received(services)
    follow(services)
    reminders = Reminders(services)
    days = ("2010-03-02", "2010-03-10", "2010-03-11", "2010-03-15", "2010-03-16", "2010-05-01")
    seen = []
    for day in days:
        reminders.whole(at(day))
        reminders.whole(at(day, "13:00:00"))
        follow(services)
        seen.append([kind for kind in kinds(services) if kind[1] == "written_answer"])
    near, passed = (f"enquiry.{word}/1" for word in ("at_risk", "overdue"))
    assert seen[:2] == [[], []]
    assert seen[2] == seen[3] == [(near, "written_answer")]
    assert seen[4] == seen[5] == [(near, "written_answer"), (passed, "written_answer")]


def test_a_reminder_is_the_systems_own_and_its_id_follows_from_what_it_says(
    services: Services,
) -> None:
    enquiry_id = received(services)
    follow(services)
    Reminders(services).whole(NOW)
    fact = next(f for f in warnings(services) if f.data["code"] == "written_answer")
    assert (fact.meta["actor"], fact.meta["role"], fact.meta["via"]) == (
        "policy",
        "system",
        "system",
    )
    event = EnquiryOverdue(
        enquiry_id=enquiry_id,
        version=9,
        code="written_answer",
        clock=Clock.ANSWER,
        due=fact.data["due"],
    )
    assert fact.event_id == reminder_id(event)


def test_a_given_moment_passes_within_the_day(services: Services) -> None:
    due = "2010-03-04T10:00:00+00:00"
    received(services, deadline={"due": due})
    follow(services)
    reminders = Reminders(services)
    reminders.whole(at("2010-03-04", "09:59:59"))
    assert ("enquiry.overdue/1", "given") not in kinds(services)
    follow(services)
    reminders.whole(at("2010-03-04", "10:00:01"))
    assert ("enquiry.overdue/1", "given") in kinds(services)


def test_what_is_answered_in_time_is_never_reminded_of(services: Services) -> None:
    answered(services, received(services))
    follow(services)
    found = Reminders(services).whole(NOW)
    assert (found.recorded, found.looked_at, warnings(services)) == (0, 0, [])


def test_a_second_look_finds_nothing_new(services: Services) -> None:
    for _ in range(3):
        received(services)
    follow(services)
    reminders = Reminders(services)
    assert reminders.whole(NOW).overdue == 6
    first = told(services)
    follow(services)
    assert reminders.whole(NOW).recorded == Reminders(services).whole(NOW).recorded == 0
    assert reminders.whole(NOW).looked_at == 0, "what was looked at is not looked at again"
    assert told(services) == first and set(first.values()) == {1}


def test_a_new_event_is_looked_at_without_looking_at_everything(services: Services) -> None:
    for _ in range(3):
        received(services)
    follow(services)
    reminders = Reminders(services)
    reminders.whole(NOW)
    follow(services)
    reminders.whole(NOW)
    received(services)
    follow(services)
    found = reminders.step(NOW, changed_only=True)
    assert (found.looked_at, found.overdue) == (1, 2)


def test_a_step_takes_only_so_many_enquiries(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "ENQUIRIES_A_STEP", 4)
    for _ in range(10):
        received(services)
    follow(services)
    reminders = Reminders(services)
    steps = [reminders.step(NOW) for _ in range(3)]
    assert [(step.looked_at, step.left) for step in steps] == [(4, True), (4, True), (2, False)]
    assert sum(step.overdue for step in steps) == 20


# ── others write meanwhile ───────────────────────────────────────────────────────────────────────


class Interrupted(Reminders):
    """A policy during whose decision something happens, once."""

    happens: Any = None

    def _entry(self, reminder: Reminder, head: int) -> Entry:
        entry = super()._entry(reminder, head)
        happens, type(self).happens = type(self).happens, None
        if happens is not None:
            happens()
        return entry


class InterruptedHasty(Interrupted):
    """The same without condition and id."""

    def _entry(self, reminder: Reminder, head: int) -> Entry:
        careful = super()._entry(reminder, head)
        return Entry(careful.events, careful.envelope, [clock.new_id()])


def test_an_answer_that_comes_while_it_decides_leaves_nothing_to_remind_of(
    services: Services,
) -> None:
    enquiry_id = received(services)
    follow(services)
    Interrupted.happens = lambda: answered(services, enquiry_id)
    assert Interrupted(services).whole(NOW).recorded == 0
    assert warnings(services) == []


def test_without_the_condition_the_answer_would_be_overrun(services: Services) -> None:
    enquiry_id = received(services)
    follow(services)
    InterruptedHasty.happens = lambda: answered(services, enquiry_id)
    InterruptedHasty(services).whole(NOW)
    assert warnings(services) != []


def test_another_process_that_reminds_meanwhile_is_noticed(services: Services) -> None:
    received(services)
    follow(services)
    Interrupted.happens = lambda: Reminders(services).whole(NOW)
    assert Interrupted(services).whole(NOW).recorded == 0
    assert set(told(services).values()) == {1}


def test_without_id_and_condition_it_would_be_doubled(services: Services) -> None:
    received(services)
    follow(services)
    InterruptedHasty.happens = lambda: Reminders(services).whole(NOW)
    InterruptedHasty(services).whole(NOW)
    assert max(told(services).values()) == 2


class Forgetful(Reminders):
    """A policy that does not know what was told: as if it decided from a view that is behind."""

    def _next(
        self, state: EnquiryState, now: datetime, calendars: Mapping[str, WorkingCalendar]
    ) -> Reminder | None:
        return super()._next(replace(state, told=frozenset()), now, calendars)


class ForgetfulHasty(Forgetful, Hasty):
    """The same without an id that follows from what it says."""


@pytest.mark.parametrize(("policy", "most"), [(Forgetful, 1), (ForgetfulHasty, 2)])
def test_the_id_alone_keeps_a_reminder_from_coming_twice(
    services: Services, policy: type[Reminders], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "REMINDERS_MAX", 1)
    received(services)
    follow(services)
    policy(services).whole(NOW)
    policy(services).whole(NOW)
    assert max(told(services).values()) == most


# ── several processes, and killed ones ───────────────────────────────────────────────────────────


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Settings of an installation on each database, as other processes can be given them."""
    given: dict[str, Any] = {"master_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
    if request.param == "sqlite":
        return given | {"store": f"sqlite:///{tmp_path}/log.db"}
    url = request.getfixturevalue("postgres_url")
    return given | {"store": url, "data_dir": str(tmp_path)}


@contextmanager
def processes(place: dict[str, Any], *names: str) -> Iterator[list["Connection[Any, Any]"]]:
    """Start a process for each policy named, ready to run; end all afterwards."""
    lines: list[Connection[Any, Any]] = []
    started: list[SpawnProcess] = []
    try:
        for name in names:
            ours, theirs = SPAWN.Pipe()
            process = SPAWN.Process(target=remind, args=(place, name, theirs))
            process.start()
            theirs.close()
            started.append(process)
            lines.append(ours)
        for line in lines:
            assert line.recv() == "ready"
        yield lines
    finally:
        for process in started:
            process.join(60)
            process.kill()


def run_at_once(place: dict[str, Any], *names: str) -> list[int]:
    with processes(place, *names) as lines:
        for line in lines:
            line.send("go")
        return [line.recv() for line in lines]


@contextmanager
def fifty(place: dict[str, Any]) -> Iterator[Services]:
    """An installation with enquiries whose two deadlines are over."""
    given = {name: value for name, value in place.items() if name != "data_dir"}
    folder = Path(place.get("data_dir", "."))
    with installation(settings_in(folder, **given | place)) as services:
        for _ in range(ENQUIRIES):
            received(services)
        follow(services)
        yield services


@pytest.mark.fault
@pytest.mark.timeout(600)  # processes that load, and as many commits as they make
def test_processes_that_remind_at_once_say_everything_once(place: dict[str, Any]) -> None:
    with fifty(place) as services:
        made = run_at_once(place, *["Reminders"] * PROCESSES)
        found = told(services)
        assert {(kind, code) for kind, _, code in found} == ONCE
        assert (len(found), set(found.values())) == (2 * ENQUIRIES, {1})
        assert sum(made) == 2 * ENQUIRIES
        follow(services)
        assert Reminders(services).whole(NOW).recorded == 0


@pytest.mark.fault
@pytest.mark.timeout(600)  # processes that load, and as many commits as they make
def test_hasty_processes_would_say_it_several_times(place: dict[str, Any]) -> None:
    with fifty(place) as services:
        with processes(place, *["Hasty"] * PROCESSES) as lines:
            for line in lines:
                line.send("go")
            for line in lines:  # all have decided on the same before the first records it
                assert line.recv() == "decided"
            for line in lines:
                line.send("record it")
            for line in lines:
                line.recv()
        assert max(told(services).values()) == PROCESSES


@pytest.mark.fault
@pytest.mark.timeout(600)  # processes that load, and as many commits as they make
def test_a_process_killed_before_any_view_knows_leaves_nothing_to_double(
    place: dict[str, Any],
) -> None:
    with fifty(place) as services:
        with processes(place, "Mortal") as (line,):
            line.send("go")
            with pytest.raises(EOFError):
                line.recv()
        broken = told(services)
        assert (len(broken), set(broken.values())) == (2 * 7, {1})
        assert sum(run_at_once(place, "Reminders")) == 2 * ENQUIRIES - len(broken)
        assert set(told(services).values()) == {1}


# ── where it runs ────────────────────────────────────────────────────────────────────────────────


def enquiry(**more: Any) -> dict[str, Any]:
    return {
        "sender": "KAB",
        "administrations": ["TMF"],
        "medium": "letter",
        "received": "2010-03-01",
        "subject": "Udlejning",
    } | more


@pytest.mark.timeout(300)  # waits for views, then for reminders
@pytest.mark.parametrize("followers", ["inline", "process"])
def test_the_follower_reminds_by_itself(tmp_path: Path, followers: str) -> None:
    with running(settings_in(tmp_path, followers=followers)) as api:
        with_parties(api)
        answer = api.post("/v1/enquiries", enquiry())
        assert answer.status_code == 201, answer.text
        until(lambda: len(warnings(api.services)) == 2, "the reminders")
        assert {fact.data["enquiry_id"] for fact in warnings(api.services)} == {answer.json()["id"]}


def test_a_policy_that_fails_leaves_the_views_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[None] = []

    def broken(*_: object, **__: object) -> None:
        failed.append(None)
        raise KeyError("a fault of ours")

    monkeypatch.setattr(Reminders, "step", broken)
    with running(settings_in(tmp_path)) as api:
        with_parties(api)
        until(lambda: failed != [], "the policy's look")
        assert seen(api, api.log())


def seen(api: Api, contact: dict[str, Any]) -> bool:
    path = f"/v1/contacts/{contact['id']}"
    return bool(api.seen(path, contact["position"]).status_code == 200)


def test_the_end_of_the_day_asked_is_what_the_command_line_judges_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("KONTAKTLOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    settings = settings_in(tmp_path)
    monkeypatch.setenv("KONTAKTLOG_STORE", str(settings.store))
    monkeypatch.setenv("KONTAKTLOG_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    with installation(settings) as services:
        received(services, deadline={"due": "2010-03-01T20:00:00+01:00"})
    found = []
    for day in ("2010-02-28", "2010-03-01", "2010-03-01"):
        assert run(["policy", "run", "--as-of", day, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out)["overdue"])
    assert found == [0, 1, 0]
    assert run(["policy", "run", "--as-of", "i går"]) == 2
