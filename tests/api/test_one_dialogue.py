"""One governance dialogue for each organisation and year, whoever opens it, under any id."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.commands.registers import act_sync
from domain.access import Principal, Role
from domain.dialogues import OpenDialogue
from domain.errors import Refused
from domain.registers import REGISTERS
from domain.storage.journal import Entry, Journal, Recorded
from tests.api.builders import WAIT_SECONDS, Api, running, settings_in, with_parties
from tests.api.test_enquiry_races import at_once

BODY = {"organisation": "KAB", "administration": "TMF", "year": 2010, "received": False}
ID = "0192f3a0-7c00-7abc-8def-0011223344d1"
TAKERS = 8


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    """An application over either store."""
    more: dict[str, Any] = {}
    if request.param == "postgresql":
        more = {"store": request.getfixturevalue("postgres_url"), "data_dir": tmp_path}
    with running(settings_in(tmp_path, **more)) as api:
        yield with_parties(api)


def refused(answer: Any) -> tuple[int, str, str]:
    (fault,) = answer.json()["errors"]
    return answer.status_code, answer.json()["code"], fault["pointer"]


def test_a_second_one_is_refused_and_names_the_first(api: Api) -> None:
    first = api.post("/v1/dialogues", BODY)
    assert first.status_code == 201
    for again in (BODY, {**BODY, "id": ID}, {**BODY, "administration": "ØKF"}):
        answer = api.post("/v1/dialogues", again)
        assert refused(answer) == (409, "record_exists", "/year")
        assert first.json()["id"] in answer.json()["errors"][0]["detail"]
    assert api.post("/v1/dialogues", {**BODY, "year": 2011}).status_code == 201
    assert api.post("/v1/dialogues", {**BODY, "organisation": "AAB"}).status_code == 201


def test_who_may_not_know_of_the_first_is_not_told_which_it_is(api: Api) -> None:
    first = api.post("/v1/dialogues", {**BODY, "confidentiality": "restricted"})
    answer = api.as_role(Role.INTEGRATION).post("/v1/dialogues", BODY)
    assert refused(answer) == (409, "record_exists", "/year")
    assert first.json()["id"] not in answer.text


@pytest.mark.parametrize("organisation", ["KAB", "Gamle Bo"])
def test_organisations_that_were_merged_have_one_together(api: Api, organisation: str) -> None:
    old = api.party("Gamle Bo")["id"]
    assert api.post("/v1/dialogues", {**BODY, "organisation": organisation}).status_code == 201
    done = api.post(f"/v1/parties/{old}/merge", {"into": "KAB", "reason": "Fusion"})
    assert api.services.views.wait_for(done.json()["position"], WAIT_SECONDS)
    for key in ("KAB", "Gamle Bo", old):
        answer = api.post("/v1/dialogues", {**BODY, "organisation": key})
        assert refused(answer) == (409, "record_exists", "/year"), key


def test_the_same_request_again_gives_the_same_bytes(api: Api) -> None:
    key = {"Idempotency-Key": "to gange"}
    first, again = (api.post("/v1/dialogues", BODY, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    source = {**BODY, "year": 2012, "source": {"system": "esdh", "id": "7"}}
    first, again = (api.post("/v1/dialogues", source) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content


def test_of_many_at_once_exactly_one_opens_it(store: Api) -> None:
    for year in range(2001, 2005):
        body = {**BODY, "year": year}
        answers = at_once([lambda: store.post("/v1/dialogues", body)] * TAKERS)  # noqa: B023
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [201] + [409] * (TAKERS - 1)
        told = {answer.json()["code"] for answer in answers if answer.status_code == 409}
        assert told <= {"record_exists", "condition_failed"}
        listed = store.items("/v1/dialogues", store.services.log.head(), year=year)
        assert len(listed) == 1


def opened_sync(api: Api) -> Any:
    command = OpenDialogue.model_validate(BODY, strict=False)
    principal = Principal("cli", Role.CASE_OFFICER)
    return act_sync(api.services, principal, REGISTERS["dialogues"], command, via="cli")


def test_of_command_lines_at_once_one_opens_it_too(store: Api) -> None:
    def attempt() -> str:
        try:
            return str(opened_sync(store).version)
        except Refused as error:
            return error.code

    assert sorted(at_once([attempt] * 4)) == ["1", *["record_exists"] * 3]


def test_without_the_condition_several_open_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The teeth: openings recorded on no condition are seen by the tests above."""
    monkeypatch.setattr("api.commands.registers._Asked._condition", lambda *_: None)
    decided, record = asyncio.Barrier(2), Journal.record

    async def recorded(journal: Journal, entry: Entry) -> Recorded:
        await decided.wait()  # both have decided before either records
        return await record(journal, entry)

    monkeypatch.setattr(Journal, "record", recorded)
    answers = at_once([lambda: api.post("/v1/dialogues", BODY)] * 2)
    assert [answer.status_code for answer in answers] == [201, 201]
