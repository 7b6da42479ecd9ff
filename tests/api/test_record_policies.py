"""A day that comes and a day that passed are said once: commitments, follow-ups, agreements."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.cli.main import run
from api.main import Services
from api.record_policies import Said, Watch
from domain.access import Role
from tests.api.builders import MASTER, WAIT_SECONDS, Api, settings_in
from tests.api.reminding import follow, installation
from tests.api.watching import (
    NEAR,
    PASSED,
    Interrupted,
    InterruptedHasty,
    counted,
    opened,
    processes,
    said,
    stepped,
    told_by,
    twenty,
)

Json = dict[str, Any]
LATER = datetime(2099, 1, 2, 12, tzinfo=UTC)
"""A day that the policy of a running application, which looks at the clock, has not seen yet."""
NAMES = ("commitments", "followups")
both = pytest.mark.parametrize("name", NAMES)
SOON = {"commitments": "commitment.due_soon/1", "followups": "followup.due_soon/1"}
OVER = {"commitments": "commitment.broken/1", "followups": "followup.overdue/1"}
END = {
    "commitments": ("release", {"released_by": ["KAB"], "reason": "ikke nødvendigt"}),
    "followups": ("completion", {}),
}
MOVE: dict[str, Json] = {
    "commitments": {"agreed_by": ["TMF", "KAB"], "reason": "ferie"},
    "followups": {"reason": "ferie"},
}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with installation(settings_in(tmp_path)) as found:
        yield found


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00")


def looked(services: Services, *days: str) -> list[Said]:
    """What a look at each day brought, the views having followed in between."""
    found = []
    for day in days:
        follow(services)
        found.append(Watch(services).step(at(day)))
    return found


def types(services: Services) -> list[str]:
    return [fact.type for fact in said(services)]


# ── what is said, and when ───────────────────────────────────────────────────────────────────────


@both
def test_one_is_reminded_once_and_told_once_that_the_day_passed(
    services: Services, name: str
) -> None:
    record_id = opened(services, name)
    days = ("2010-03-23", "2010-03-24", "2010-03-24", "2010-03-31", "2010-04-01", "2010-05-01")
    nothing, reminded, passed = Said(), Said(reminded=1), Said(passed=1)
    expected = [nothing, reminded, nothing, nothing, passed, nothing]
    assert looked(services, *days) == expected
    assert types(services) == [SOON[name], OVER[name]]
    for fact in said(services):
        assert fact.data["due"] == "2010-03-31"
        assert record_id in fact.data.values()
        assert (fact.meta["role"], fact.meta["via"]) == ("system", "system")


@both
def test_who_asked_for_no_reminder_gets_none_and_another_as_early_as_asked(
    services: Services, name: str
) -> None:
    opened(services, name, remind_days=0)
    opened(services, name, remind_days=20)
    days = ("2010-03-10", "2010-03-11", "2010-03-31")
    assert looked(services, *days) == [Said(), Said(reminded=1), Said()]


@both
def test_what_is_past_when_it_is_looked_at_first_is_never_reminded_of(
    services: Services, name: str
) -> None:
    opened(services, name)
    assert looked(services, "2010-06-01", "2010-06-01") == [Said(passed=1), Said()]


@both
def test_another_day_is_reminded_of_anew(services: Services, name: str) -> None:
    record_id = opened(services, name)
    first = looked(services, "2010-03-25")
    moved = {"due": "2010-04-30", "occurred": "2010-03-25"} | MOVE[name]
    stepped(services, name, record_id, "reschedulings", **moved)
    then = looked(services, "2010-03-26", "2010-04-22", "2010-04-23", "2010-04-24")
    assert first + then == [Said(1), Said(), Said(), Said(1), Said()]
    assert [fact.data["due"] for fact in said(services)] == ["2010-03-31", "2010-04-30"]


@both
def test_nothing_is_said_of_what_has_ended(services: Services, name: str) -> None:
    record_id = opened(services, name)
    step, body = END[name]
    stepped(services, name, record_id, step, **body)
    assert looked(services, "2010-03-25", "2010-06-01") == [Said(), Said()]


def test_a_step_looks_into_so_many_records_and_the_next_one_into_the_rest(
    services: Services,
) -> None:
    for _ in range(5):
        opened(services, "followups")
    follow(services)
    found = []
    for _ in range(3):
        found.append(Watch(services).step(PASSED, 2))
        follow(services)
    assert found == [Said(passed=2), Said(passed=2), Said(passed=1)]


# ── others write meanwhile ───────────────────────────────────────────────────────────────────────


@both
def test_a_step_taken_while_it_decides_leaves_nothing_to_say(services: Services, name: str) -> None:
    record_id = opened(services, name)
    follow(services)
    step, body = END[name]
    Interrupted.happens = lambda: stepped(services, name, record_id, step, **body)
    assert Interrupted(services).step(NEAR) == Said()
    assert said(services) == []


def test_without_the_condition_the_step_would_be_overrun(services: Services) -> None:
    record_id = opened(services, "followups")
    follow(services)
    InterruptedHasty.happens = lambda: stepped(services, "followups", record_id, "completion")
    InterruptedHasty(services).step(NEAR)
    assert types(services) == [SOON["followups"]]


@pytest.mark.parametrize("now", [NEAR, PASSED], ids=["near", "passed"])
def test_another_process_that_says_it_meanwhile_is_noticed(
    services: Services, now: datetime
) -> None:
    opened(services, "followups")
    follow(services)
    Interrupted.happens = lambda: Watch(services).step(now)
    assert Interrupted(services).step(now) == Said()
    assert len(said(services)) == 1


def test_without_id_and_condition_it_would_be_doubled(services: Services) -> None:
    opened(services, "followups")
    follow(services)
    InterruptedHasty.happens = lambda: Watch(services).step(NEAR)
    InterruptedHasty(services).step(NEAR)
    assert types(services) == [SOON["followups"]] * 2


def test_what_is_said_by_another_day_meanwhile_is_not_said_as_near(services: Services) -> None:
    """A process whose clock is behind: the day has passed for somebody else already."""
    opened(services, "commitments")
    follow(services)
    Interrupted.happens = lambda: Watch(services).step(PASSED)
    assert Interrupted(services).step(NEAR) == Said()
    assert types(services) == [OVER["commitments"]]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Json:
    """Settings of an installation on each database, as other processes can be given them."""
    if request.param == "sqlite":
        return {"master_key": MASTER, "store": f"sqlite:///{tmp_path}/log.db"}
    url = request.getfixturevalue("postgres_url")
    return {"master_key": MASTER, "store": url, "data_dir": str(tmp_path)}


ONCE = Counter({**dict.fromkeys(SOON.values(), 10), **dict.fromkeys(OVER.values(), 10)})


@pytest.mark.fault
@pytest.mark.timeout(600)  # processes that load, and as many commits as they make
def test_processes_that_look_at_once_say_everything_once(place: Json) -> None:
    with twenty(place) as services:
        assert told_by(place, "Watch", "Watch") == Said(20, 20)
        assert set(counted(services).values()) == {1}
        assert Counter(types(services)) == ONCE
        follow(services)
        assert Watch(services).step(PASSED) == Said()


@pytest.mark.fault
@pytest.mark.timeout(600)  # processes that load, and as many commits as they make
def test_a_process_killed_before_any_view_knows_leaves_nothing_to_double(place: Json) -> None:
    with twenty(place) as services:
        with processes(place, "Mortal") as (line,), pytest.raises(EOFError):
            line.recv()
        assert len(said(services)) == 7
        assert told_by(place, "Watch") == Said(13, 20)
        assert Counter(types(services)) == ONCE
        assert set(counted(services).values()) == {1}


# ── the doors ────────────────────────────────────────────────────────────────────────────────────


def made(api: Api, name: str, due: str, **more: Any) -> Json:
    bodies: Json = {
        "commitments": {"by": "TMF", "to": ["KAB"], "promised": "Svar"},
        "followups": {"owner": "TMF", "concerns": ["KAB"], "what": "Ring"},
    }
    record: Json = api.post(f"/v1/{name}", bodies[name] | {"due": due} | more).json()
    assert api.services.views.wait_for(record["position"], WAIT_SECONDS, name)
    return record


def steps(api: Api, name: str, record: Json) -> list[str]:
    head = api.services.log.head()
    return [s["type"] for s in api.items(f"/v1/{name}/{record['id']}/history", head)]


def by_reminder(api: Api, name: str, **terms: str) -> list[str]:
    found = api.items(f"/v1/{name}", api.services.log.head(), sort="day", **terms)
    return [record["due"]["last_day"] for record in found]


@both
def test_what_was_reminded_of_and_is_still_open_is_listed_by_its_day(api: Api, name: str) -> None:
    for due in ("2098-12", "2099-01-03", "2099-01-08", "2099-02"):
        made(api, name, due)
    assert Watch(api.services).step(LATER) == Said(2, 1)
    over = {"commitments": "broken", "followups": "overdue"}[name]
    assert by_reminder(api, name, reminded="yes") == ["2099-01-03", "2099-01-08"]
    assert by_reminder(api, name, reminded="no", status="open") == ["2099-02-28"]
    assert by_reminder(api, name, status=over) == ["2098-12-31"]


@both
def test_a_reminder_is_a_step_for_those_inside_and_says_nothing_outside(
    api: Api, name: str
) -> None:
    record = made(api, name, "2099-01-03")
    assert Watch(api.services).step(LATER) == Said(reminded=1)
    head = api.services.log.head()
    path = f"/v1/{name}/{record['id']}"
    shown = api.seen(path, head).json()
    assert (shown["reminded"], shown["remind_days"]) == ("2099-01-03", 7)
    assert (shown["status"], shown["version"]) == ("open", 2)
    assert steps(api, name, record)[1] == SOON[name]
    before = api.seen(path, head, as_of_recorded=head - 1).json()
    assert (before["reminded"], before["version"]) == (None, 1)
    (kab,) = api.items("/v1/parties", head, key="KAB")
    own = api.as_role(Role.ORGANISATION, f"party:{kab['id']}")
    outside = own.seen(path, head).json()
    assert {"reminded", "remind_days"}.isdisjoint(outside)
    _, soon = own.items(f"{path}/history", head)
    assert soon["changes"] == []


def test_a_commitment_kept_in_time_is_not_broken(api: Api) -> None:
    record = made(api, "commitments", "2098-12")
    contact = api.log()
    body = {"evidence_kind": "contact", "evidence": contact["id"]}
    path = f"/v1/commitments/{record['id']}/fulfilment"
    assert api.ask("POST", path, json=body, headers={"If-Match": "*"}).status_code == 200
    assert Watch(api.services).step(LATER) == Said()


def test_an_agreement_expires_when_its_time_is_up(api: Api) -> None:
    body = {"title": "Hovedaftale", "parties": ["TMF", "BL"], "occurred": "2010-02-25"}
    agreement = api.post("/v1/agreements", body).json()
    path = f"/v1/agreements/{agreement['id']}"
    done: Any = None
    for step, given in (
        ("drafts", {}),
        ("approvals", {"party": "TMF", "agreement_version": 1}),
        ("approvals", {"party": "BL", "agreement_version": 1}),
        (
            "conclusion",
            {"agreement_version": 1, "valid_from": "2011-01-01", "valid_to": "2098-12-31"},
        ),
    ):
        done = api.ask("POST", f"{path}/{step}", json=given, headers={"If-Match": "*"})
        assert done.status_code == 200, done.text
    assert api.services.views.wait_for(done.json()["position"], WAIT_SECONDS, "agreements")
    assert Watch(api.services).step(at("2098-12-31")) == Said()
    assert Watch(api.services).step(at("2099-01-01")) == Said(passed=1)
    head = api.services.log.head()
    assert api.seen(path, head).json()["status"] == "expired"


def test_the_command_line_looks_at_the_end_of_the_day_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("KONTAKTLOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    settings = settings_in(tmp_path)
    monkeypatch.setenv("KONTAKTLOG_STORE", str(settings.store))
    monkeypatch.setenv("KONTAKTLOG_MASTER_KEY", MASTER)
    with installation(settings) as services:
        for name in NAMES:
            opened(services, name)
    found = []
    for day in ("2010-03-23", "2010-03-24", "2010-03-24", "2010-03-31", "2010-04-01", "2010-04-01"):
        assert run(["policy", "run", "--as-of", day, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        found.append((told["records_reminded"], told["records_passed"]))
    assert found == [(0, 0), (2, 0), (0, 0), (0, 0), (0, 2), (0, 0)]
    assert run(["policy", "run"]) == 0
    assert "Påmindelser om tilsagn og opfølgninger: 0" in capsys.readouterr().out
