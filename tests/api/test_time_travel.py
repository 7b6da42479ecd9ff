"""As known then, as true then: on items, lists, search and reports; the same bytes for ever."""

from pathlib import Path
from typing import Any

import pytest

from domain.storage import clock
from domain.values import instant_text
from projections.registry import VIEWS
from tests.api.builders import WAIT_SECONDS, Api, contact, running, settings_in, with_parties


@pytest.fixture
def past(api: Api) -> tuple[Api, dict[str, Any], dict[str, Any]]:
    """A contact before and after its correction."""
    before = api.log(subject="Udljening")
    path = f"/v1/contacts/{before['id']}/corrections"
    body = {"reason": "Stavefejl", "subject": "Udlejning"}
    after = api.post(path, body, headers={"If-Match": '"1"'}).json()
    api.items("/v1/contacts", after["position"])
    return api, before, after


def test_an_item_a_list_and_a_history_are_answered_as_known_at_a_position(
    past: tuple[Api, dict[str, Any], dict[str, Any]],
) -> None:
    api, before, after = past
    path = f"/v1/contacts/{before['id']}"
    for known, position in ((before, before["position"]), (after, after["position"])):
        then = {"as_of_recorded": str(position)}
        answer = api.get(path, params=then)
        assert answer.json() == known
        assert answer.headers["kontaktlog-position"] == str(position)
        listed = api.get("/v1/contacts", params=then).json()
        assert (listed["items"], listed["position"]) == ([known], position)
        history = api.get(f"{path}/history", params=then).json()
        assert len(history["items"]) == known["version"]
    assert api.get(path, params={"as_of_recorded": str(before["position"] - 1)}).status_code == 404


def test_a_search_finds_what_the_text_said_then(
    past: tuple[Api, dict[str, Any], dict[str, Any]],
) -> None:
    api, before, after = past
    for position, word, found in (
        (before["position"], "udljening", 1),
        (after["position"], "udljening", 0),
        (after["position"], "udlejning", 1),
    ):
        params = {"as_of_recorded": str(position), "text": word}
        assert len(api.get("/v1/contacts", params=params).json()["items"]) == found


def test_a_time_means_the_last_position_known_by_then(
    past: tuple[Api, dict[str, Any], dict[str, Any]],
) -> None:
    api, before, after = past
    for known in (before, after):
        for text in (known["changed_at"], known["changed_at"].replace("Z", "+00:00")):
            answer = api.get("/v1/contacts", params={"as_of_recorded": text}).json()
            assert answer["position"] == known["position"]
    nothing = api.get("/v1/contacts", params={"as_of_recorded": "2001-01-01T00:00:00+01:00"})
    assert nothing.json() == {"items": [], "next": None, "position": 0}


def test_as_of_effective_leaves_out_what_took_place_later(api: Api) -> None:
    api.log(occurred="2010-02-22", subject="Før")
    at = api.log(occurred="2011-02-22", subject="Efter")["position"]
    for day in ("2010-12-31", "2010-12-31T22:59:59Z"):
        found = api.items("/v1/contacts", at, as_of_effective=day)
        assert [item["subject"] for item in found] == ["Før"]
    # 23:00 UTC is the next day in Copenhagen
    assert len(api.items("/v1/contacts", at, as_of_effective="2011-02-21T23:00:00Z")) == 2


def test_a_position_beyond_the_log_is_told_at_once(api: Api) -> None:
    for parameter in ("as_of_recorded", "min_position"):
        answer = api.get("/v1/contacts", params={parameter: "999999"})
        assert (answer.status_code, answer.json()["code"]) == (400, "position_unknown")


def test_the_same_question_gives_the_same_bytes_when_all_views_are_built_anew(
    tmp_path: Path,
) -> None:
    questions: list[tuple[str, dict[str, str]]] = [
        ("/v1/contacts", {"limit": "2"}),
        ("/v1/contacts", {"organisation": "KAB", "text": "udlejning"}),
        ("/v1/reports/contacts", {"by": "month,organisation"}),
        ("/v1/parties", {}),
    ]
    with running(settings_in(tmp_path)) as api:
        with_parties(api)
        days = [api.log(occurred=f"2010-02-0{day}") for day in range(1, 6)]
        at = days[-1]["position"]
        api.items("/v1/contacts", at)
        then, token = {"as_of_recorded": str(at)}, api.token
        before = [api.get(path, params=params | then).content for path, params in questions]
    for file in tmp_path.glob("views.db*"):
        file.unlink()
    with running(settings_in(tmp_path)) as again:
        again.token = token
        # A view that is first built serves none, and a command waits for parties but a moment.
        assert again.services.views.wait_for(at, WAIT_SECONDS, *(view.name for view in VIEWS))
        again.log(occurred="2010-02-03", subject="Kommet til siden")
        after = [again.get(path, params=params | then).content for path, params in questions]
    assert before == after


def test_a_write_is_seen_by_whoever_names_its_position(api: Api) -> None:
    for number in range(20):
        logged = api.log(subject=f"Emne {number}")
        (newest, *_) = api.items("/v1/contacts", logged["position"], limit=1)
        assert newest == logged


def test_the_answers_position_is_never_ahead_of_what_it_shows(api: Api) -> None:
    for _ in range(20):
        api.post("/v1/contacts", contact())
        listed = api.get("/v1/contacts").json()
        shown = [item["position"] for item in listed["items"]]
        assert max(shown, default=0) <= listed["position"]
        again = api.get("/v1/contacts", params={"as_of_recorded": str(listed["position"])})
        assert again.json()["items"] == listed["items"]


def test_recorded_times_are_of_the_servers_clock(api: Api) -> None:
    before = instant_text(clock.now())
    logged = api.log()
    assert before[:19] <= logged["recorded_at"][:19] <= instant_text(clock.now())[:19]
