"""Many at one enquiry at once: one of two desks routes it, and no step that was taken is lost."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from domain.access import Role
from domain.log.port import QueryItem
from domain.storage.journal import Entry, Journal, Recorded
from tests.api.builders import Api, Json, running, settings_in, with_parties
from tests.api.entry_point import enquiry, receive, step

ROUNDS = 8
TAKERS = 16


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    """The entry point's desk, over either store."""
    more: Json = {}
    if request.param == "postgresql":
        more = {"store": request.getfixturevalue("postgres_url"), "data_dir": tmp_path}
    with running(settings_in(tmp_path, **more)) as api:
        yield with_parties(api).as_role(Role.ENTRY_DESK)


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call all as nearly at once as threads can."""
    barrier = Barrier(len(calls))

    def call(one: Callable[[], Any]) -> Any:
        barrier.wait()
        return one()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


@pytest.mark.parametrize("match", ["*", '"1"'])
def test_of_two_desks_one_routes_the_enquiry(desk: Api, match: str) -> None:
    for _ in range(ROUNDS):
        received = receive(desk)

        def route(to: str, enquiry_id: str = received["id"]) -> Any:
            return step(desk, enquiry_id, "routes", {"to": to, "for": "TMF"}, If_Match=match)

        answers = at_once([lambda: route("TMF"), lambda: route("ØKF")])
        assert min(answer.status_code for answer in answers) == 200
        (lost,) = [answer for answer in answers if answer.status_code != 200]
        expected = {(422, "already_routed"), (412, "version_mismatch")}
        assert (lost.status_code, lost.json()["code"]) in expected
        if match == "*":
            assert lost.json()["code"] == "already_routed"


def test_no_step_that_was_taken_is_lost_and_versions_are_dense(desk: Api) -> None:
    received = receive(desk)
    desk_steps: list[tuple[str, Json]] = [
        ("acknowledgements", {"team": "Indgangen"}),
        ("information-requests", {"question": "Hvor?"}),
        ("answers", {"answer_kind": "substantive", "answer": "Her"}),
        ("assignments", {"assignee": {"role": "sagsbehandler"}}),
    ]
    desk_steps += [("triage", {"category": f"category_{n}"}) for n in range(TAKERS - 4)]
    calls = [partial(step, desk, received["id"], name, body) for name, body in desk_steps]
    answers = at_once(calls)
    taken = [answer.json()["version"] for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert taken
    assert sorted(taken) == list(range(2, len(taken) + 2)), "each has a version of its own"
    last = max(int(answer.headers.get("kontaktlog-position", 0)) for answer in answers)
    tag = f'"enquiry:{received["id"]}"'
    page = desk.as_role(Role.AUDITOR).get("/v1/log/entries", params={"after": 0, "limit": 500})
    entries = [entry for entry in page.json()["items"] if tag in str(entry["tags"])]
    assert len(entries) == len(taken) + 1
    assert max(entry["position"] for entry in entries) == last


def test_one_request_sent_many_times_at_once_is_one_enquiry(desk: Api) -> None:
    key = {"Idempotency-Key": "samme"}
    body = enquiry(subject="Kun én gang")
    calls = [lambda: desk.post("/v1/enquiries", body, headers=key)] * TAKERS
    answers = at_once(calls)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1


def test_without_the_condition_two_desks_both_route_it(
    desk: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The teeth: a step recorded on no condition is seen by the test above."""
    nothing = QueryItem(("enquiry.routed/1",), ("enquiry:none",))
    monkeypatch.setattr("api.commands.enquiries._Step._items", lambda *_: (nothing,))
    enquiry_id = receive(desk)["id"]
    decided, record = asyncio.Barrier(2), Journal.record

    async def recorded(journal: Journal, entry: Entry) -> Recorded:
        await decided.wait()  # both have decided before either records
        return await record(journal, entry)

    monkeypatch.setattr(Journal, "record", recorded)
    calls = [
        partial(step, desk, enquiry_id, "routes", {"to": to, "for": "TMF"}) for to in ("TMF", "ØKF")
    ]
    assert [answer.status_code for answer in at_once(calls)] == [200, 200]
