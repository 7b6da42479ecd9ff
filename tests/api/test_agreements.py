"""Agreements over the API: what comes of a negotiation that is given up, and of time meanwhile."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.record_policies import Watch
from domain.access import Role
from tests.api.builders import WAIT_SECONDS, Api, Json, settings_in, with_parties
from tests.api.register_play import following

FIRST, LAST = "2011-01-01", "2014-12-31"
AFTER = datetime(2015, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """An application without a policy of its own, which would say today that LAST has passed."""
    with following(settings_in(tmp_path, followers="off")) as made:
        yield with_parties(made)


def stepped(api: Api, path: str, name: str, **body: Any) -> Json:
    answer = api.post(f"{path}/{name}", body, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text
    record: Json = answer.json()
    return record


def explored(api: Api) -> str:
    body = {"title": "Hovedaftale", "parties": ["TMF", "BL"], "confidentiality": "open"}
    answer = api.post("/v1/agreements", body | {"occurred": "2010-02-25"})
    assert answer.status_code == 201, answer.text
    return f"/v1/agreements/{answer.json()['id']}"


def signed(api: Api, path: str, version: int) -> Json:
    for party in ("TMF", "BL"):
        approval = {"party": party, "agreement_version": version, "occurred": "2010-11-01"}
        stepped(api, path, "approvals", **approval)
    days = {"valid_from": FIRST, "valid_to": LAST, "occurred": "2010-12-01"}
    return stepped(api, path, "conclusion", agreement_version=version, **days)


def amended(api: Api) -> str:
    """An agreement in force, one party having approved its next version."""
    path = explored(api)
    stepped(api, path, "drafts", occurred="2010-06-01")
    signed(api, path, 1)
    stepped(api, path, "amendments", changes="Stk. 3", occurred="2012-01-10")
    stepped(api, path, "approvals", party="TMF", agreement_version=2, occurred="2012-02-01")
    return path


GIVEN_UP = {"reason": "Parterne kunne ikke enes", "occurred": "2012-03-01"}


def test_an_agreement_whose_amendment_is_given_up_is_what_it_was(api: Api) -> None:
    path = amended(api)
    councillor = api.as_role(Role.COUNCILLOR)
    done = stepped(api, path, "abandonment", **GIVEN_UP)
    for who in (api, councillor):
        shown = who.seen(path, done["position"], as_of_effective="2012-06-01").json()
        assert (shown["status"], shown["negotiation"]) == ("concluded", False)
        assert (shown["version_in_force"], shown["valid_to"]) == (1, LAST)
        standing = [a["agreement_version"] for a in shown["approvals"] if a["standing"]]
        assert standing == [1, 1]
    meanwhile = api.seen(path, done["position"], as_of_effective="2012-02-15").json()
    assert (meanwhile["status"], meanwhile["version_in_force"]) == ("drafted", 1)
    again = api.post(f"{path}/abandonment", GIVEN_UP, headers={"If-Match": "*"})
    assert again.json()["code"] == "wrong_status"
    assert stepped(api, path, "amendments", changes="Stk. 4")["agreement_version"] == 3
    answer = api.post(
        f"{path}/approvals", {"party": "BL", "agreement_version": 2}, headers={"If-Match": "*"}
    )
    assert answer.json()["code"] == "version_not_newest"


def test_what_was_never_concluded_ends_when_it_is_given_up_and_that_is_final(api: Api) -> None:
    path = explored(api)
    councillor = api.as_role(Role.COUNCILLOR)
    at = stepped(api, path, "negotiation")["position"]
    assert councillor.seen(path, at).json()["status"] == "explored"
    done = stepped(api, path, "abandonment", reason="Parterne kunne ikke enes")
    shown = councillor.seen(path, done["position"]).json()
    assert (shown["status"], shown["in_force"]) == ("abandoned", False)
    history = councillor.seen(f"{path}/history", done["position"])
    assert "kunne ikke enes" not in history.text
    assert "kunne ikke enes" in api.seen(f"{path}/history", done["position"]).text


def test_time_runs_out_during_a_negotiation_and_is_said_once(api: Api) -> None:
    path = amended(api)
    at = api.services.log.head()
    watch = Watch(api.services)
    assert api.services.views.wait_for(at, WAIT_SECONDS, "agreements")
    assert sum(watch.step(AFTER)) == 1
    at = api.services.log.head()
    meanwhile = api.seen(path, at).json()
    assert (meanwhile["status"], meanwhile["negotiation"]) == ("drafted", True)
    assert meanwhile["concluded_status"] == "expired"
    assert sum(watch.step(AFTER)) == 0
    done = stepped(api, path, "abandonment", reason="Parterne kunne ikke enes")
    shown = api.seen(path, done["position"]).json()
    assert (shown["status"], shown["negotiation"]) == ("expired", False)
    assert api.services.views.wait_for(done["position"], WAIT_SECONDS, "agreements")
    assert sum(watch.step(AFTER)) == 0


def test_on_its_last_day_it_is_in_force_and_the_day_after_it_has_expired(api: Api) -> None:
    path = amended(api)
    done = stepped(api, path, "abandonment", **GIVEN_UP)
    assert api.services.views.wait_for(done["position"], WAIT_SECONDS, "agreements")
    assert sum(Watch(api.services).step(AFTER)) == 1
    at = api.services.log.head()
    told = {day: api.seen(path, at, as_of_effective=day).json() for day in (LAST, "2015-01-01")}
    assert [(told[day]["status"], told[day]["in_force"]) for day in told] == [
        ("concluded", True),
        ("expired", False),
    ]
