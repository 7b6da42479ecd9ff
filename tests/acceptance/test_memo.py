"""The memo of 2010 as a stream: every view that domain.md 1.9 expects comes out of the API."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.main import open_services
from api.samples import player
from domain.access import KeyRevoked
from domain.errors import Refused
from projections.registry import VIEWS
from projections.runner import Runner
from tests.api.builders import Api, record, running, settings_in

Json = dict[str, Any]
DAY = "2010-02-25"


def catch_up(runner: Runner) -> None:
    runner.catch_up()


def played(folder: Path) -> None:
    services = open_services(settings_in(folder, followers="off"), writer=False)
    runner = Runner(services.log, services.codec, services.store, VIEWS)
    try:
        stream = player.read(player.shipped()["memo_2010"])
        player.play(services, stream, lambda _: catch_up(runner))
    finally:
        services.close()


@pytest.fixture(scope="module")
def memo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("memo")
    played(folder)
    with running(settings_in(folder)) as api:
        yield api


def items(api: Api, path: str, **params: Any) -> list[Json]:
    answer = api.get(path, params={"as_of_effective": DAY, **params})
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["items"]
    return found


def effort(api: Api) -> Json:
    (found,) = items(api, "/v1/efforts")
    return found


def paper(api: Api, kind: str) -> Json:
    (found,) = items(api, "/v1/documents", kind=kind)
    return found


def test_there_is_one_contact_a_meeting_with_two_parties(memo: Api) -> None:
    (contact,) = items(memo, "/v1/contacts")
    assert len(contact["organisations"]) == 2
    assert (contact["channel"], contact["direction"]) == ("direct", "mutual")
    (meeting,) = items(memo, "/v1/meetings")
    assert meeting["contact"] == contact["id"]
    assert [party["name"] for party in meeting["forums"]] == [
        "Samarbejdsorganet",
        "Kontaktudvalget",
    ]


def test_internal_consultations_are_no_contact_with_stakeholders(memo: Api) -> None:
    assert len(paper(memo, "model")["consultations"]) == 2
    assert len(items(memo, "/v1/contacts")) == 1


def test_no_committee_is_informed_and_one_briefing_is_scheduled(memo: Api) -> None:
    coverage = effort(memo)["coverage"]
    assert coverage["committee"]["informed"] == 0
    assert coverage["committee"]["of"] == 6
    assert coverage["local_committee"] == {"of": 12, "informed": 0, "scheduled": 12}
    scheduled = {a["scheduled"]["from"] for a in effort(memo)["audiences"] if a["scheduled"]}
    assert scheduled == {"2010-03-25"}


def test_r1_the_order_is_kept_and_two_outside_were_told_first(memo: Api) -> None:
    order = effort(memo)["order"]
    assert order["inversions"] == []
    assert len(order["external_first"]) == 2


def test_the_note_is_pending_before_the_directors(memo: Api) -> None:
    note = paper(memo, "briefing_note")
    assert note["status"] == "submitted"
    (pending,) = note["pending"]
    assert pending["body"]["name"] == "7-direktørkredsen"
    assert pending["planned"]["from"] == "2010-03-04"
    assert note["joint"] is True


def test_r9_one_open_condition_has_two_holders(memo: Api) -> None:
    positions = items(memo, "/v1/positions", open="yes")
    conditions = {c["condition_id"] for p in positions for c in p["conditions"] if c["open"]}
    assert len(conditions) == 1
    assert {p["stance"] for p in positions} == {"support_with_condition"}
    assert len({p["holder"]["id"] for p in positions}) == 2


def test_which_version_was_presented_is_unknown_and_not_guessed(memo: Api) -> None:
    (meeting,) = items(memo, "/v1/meetings")
    assert [shown["version"] for shown in meeting["presented"]] == [None]


def test_r10_the_adjusted_model_names_what_it_is_based_on(memo: Api) -> None:
    model = paper(memo, "model")
    held = {each["consultation_id"] for each in model["consultations"]}
    assert set(model["versions"][1]["based_on_consultations"]) == held
    assert [d["standing"] for d in model["decisions"]] == [False]


def test_no_commitments_are_made(memo: Api) -> None:
    assert items(memo, "/v1/commitments") == []


def test_r5_r6_two_forums_are_proposed_with_two_seats_one_with_the_option(memo: Api) -> None:
    forums = items(memo, "/v1/forums", status="proposed")
    assert sorted(f["forum"]["name"] for f in forums) == ["Borgmesterforum", "Partnerskabsforum"]
    for forum in forums:
        assert [seat["option"] for seat in forum["chairs"]] == [True, False]
        assert all(seat["proposed"] for seat in forum["chairs"])


def test_r11_expectations_stand_in_their_own_words(memo: Api) -> None:
    words = {step["planned"]["text"] for step in paper(memo, "briefing_note")["path"]}
    assert {"ultimo marts", "april - juni", "inden sommerferien"} <= words


def test_the_timeline_of_the_federation_tells_all_in_one_order(memo: Api) -> None:
    (party,) = memo.get("/v1/parties", params={"key": "BL 1. kreds"}).json()["items"]
    entries = memo.get(f"/v1/parties/{party['id']}/timeline").json()["items"]
    days = [entry["day"] for entry in entries]
    assert days == sorted(days, reverse=True)
    assert {entry["kind"] for entry in entries} == {"contact", "record", "party"}
    told = {entry["step"]["type"] for entry in entries if entry["kind"] == "record"}
    assert {"meeting.held/1", "position.expressed/1", "effort.audience_informed/1"} <= told
    assert all(entry["why"] for entry in entries)


def test_the_briefing_tells_what_to_know_before_meeting_the_federation(memo: Api) -> None:
    (party,) = memo.get("/v1/parties", params={"key": "BL 1. kreds"}).json()["items"]
    path = f"/v1/parties/{party['id']}/briefing"
    answer = memo.get(path, params={"as_of_effective": DAY})
    assert answer.status_code == 200, answer.text
    pack = answer.json()
    assert len(pack["contacts"]) == 1
    assert [len(condition["holders"]) for condition in pack["open_conditions"]] == [1]
    assert [agreement["status"] for agreement in pack["agreements"]] == ["explored"]
    assert pack["enquiries"] == pack["commitments"] == []


def test_the_day_before_nothing_was_recorded(memo: Api) -> None:
    at = "2010-02-24T12:00:00+01:00"
    for name in ("contacts", "parties", "documents", "positions", "forums", "meetings", "efforts"):
        answer = memo.get(f"/v1/{name}", params={"as_of_recorded": at})
        assert answer.status_code == 200, answer.text
        assert answer.json()["items"] == []


def test_everything_was_recorded_on_the_day_of_the_memo(memo: Api) -> None:
    for name in ("documents", "positions", "forums", "meetings", "efforts"):
        for each in items(memo, f"/v1/{name}"):
            assert each["recorded_at"].startswith("2010-02-25T08:00:00")


@pytest.mark.parametrize(
    "path", ["/v1/contacts", "/v1/nothing", "/livez", "/docs", "/v1/parties/x"]
)
def test_every_answer_and_page_of_a_sample_says_so(memo: Api, path: str) -> None:
    answer = memo.get(path)
    assert answer.headers["kontaktlog-sample"] == "memo_2010"
    if answer.headers["content-type"].startswith("text/html"):
        assert "Eksempel:" in answer.text
        assert int(answer.headers["content-length"]) == len(answer.content)


def test_a_real_log_bears_no_such_mark(tmp_path: Path) -> None:
    with running(settings_in(tmp_path)) as api:
        assert "kontaktlog-sample" not in api.get("/v1/contacts").headers
        assert "Eksempel:" not in api.get("/docs").text


def test_a_real_store_takes_no_sample(tmp_path: Path) -> None:
    services = open_services(settings_in(tmp_path, followers="off"), writer=False)
    runner = Runner(services.log, services.codec, services.store, VIEWS)
    try:
        record(services, KeyRevoked(key_id="0" * 16, reason="noget virkeligt"))
        stream = player.read(player.shipped()["memo_2010"])
        with pytest.raises(Refused, match="store_not_empty"):
            player.play(services, stream, lambda _: catch_up(runner))
        assert services.log.head() == 1
    finally:
        services.close()


def test_playing_twice_writes_nothing_new(tmp_path: Path) -> None:
    played(tmp_path)
    services = open_services(settings_in(tmp_path, followers="off"), writer=False)
    before = services.log.head()
    services.close()
    played(tmp_path)
    services = open_services(settings_in(tmp_path, followers="off"), writer=False)
    assert services.log.head() == before
    services.close()
