"""R7, one entry point to the municipality: an intake that is always open, with routing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.http import examples
from domain.access import Role
from domain.enquiries import ReceiveEnquiry
from domain.parties import ADMINISTRATION_KINDS, KINDS
from domain.registers import REGISTERS
from domain.service_targets import EnquiryKind
from domain.storage import clock
from tests.api.builders import Api, Json, settings_in, with_parties
from tests.api.entry_point import organisation, party_id, receive, take
from tests.api.record_stage import ANY, a_record
from tests.api.register_play import following

RULE = {"name": "Alt til ØKF", "to": "ØKF", "automatic": True, "valid_from": "2010-01-01"}
STAFF = [
    Role.CASE_OFFICER,
    Role.ENTRY_DESK,
    Role.MANAGER,
    Role.RECORDS_OFFICER,
    Role.INTEGRATION,
]


def adopt(api: Api, **more: Any) -> Json:
    """Adopt a routing rule for everything, unless `more` says otherwise."""
    answer = api.as_role(Role.ENTRY_DESK).post("/v1/routing-rules", RULE | more)
    assert answer.status_code == 201, answer.text
    rule: Json = answer.json()
    return rule


def steps(api: Api, made: Json) -> list[Json]:
    """The steps up to this answer: a policy may warn soon after it, as the day goes."""
    path, at = f"/v1/enquiries/{made['id']}/steps", made["position"]
    return api.items(path, at, as_of_recorded=str(at))


def waiting(api: Api, at: int) -> list[str]:
    """What the desk finds unrouted in its inbox."""
    found = api.as_role(Role.ENTRY_DESK).items(
        "/v1/enquiries", at, phase="received", open="true", limit=500
    )
    return [each["id"] for each in found]


# ── always open ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "received",
    [
        pytest.param("2010-02-27T03:15:00+01:00", id="a Saturday night"),
        pytest.param("2009-12-24T23:59:59+01:00", id="Christmas Eve"),
        pytest.param("2010-01-01T00:00:00+01:00", id="the first moment of a year"),
        pytest.param("2010-04-04", id="Easter Sunday"),
        pytest.param("2010-03-28T03:00:00+02:00", id="the hour after the one that is skipped"),
        pytest.param("2010-W07", id="some day of a week"),
    ],
)
def test_r7_an_enquiry_is_received_on_any_day_and_at_any_hour(
    shared_api: Api, received: str
) -> None:
    made = receive(shared_api, received=received)
    assert made["phase"] == "received"
    assert {each["clock"] for each in made["deadlines"]} == {"first_response", "answer"}


@pytest.mark.parametrize("stands", ["2130-12-24T22:59:59", "2131-01-01T00:00:00"])
def test_r7_the_log_takes_an_enquiry_whatever_its_clock_shows(api: Api, stands: str) -> None:
    moment = int(datetime.fromisoformat(stands).replace(tzinfo=UTC).timestamp()) * 1_000_000
    api.services.log.clock = lambda: moment  # type: ignore[union-attr]
    assert receive(api)["recorded_at"] == f"{stands}Z"


def test_r7_a_calendar_that_is_closed_for_a_year_closes_no_intake(api: Api) -> None:
    desk, today = api.as_role(Role.ENTRY_DESK), clock.now().date()
    year = [(today + timedelta(days=n)).isoformat() for n in range(-2, 366)]
    closed = [{"day": day, "name": "Lukket"} for day in year]
    made = desk.post("/v1/working-days", {"code": "LUKKET", "closed_dates": closed})
    assert made.status_code == 201, made.text
    terms = {"clock": "answer", "days": 10, "profile": "LUKKET"}
    target = desk.post("/v1/service-targets", examples.SET_SERVICE_TARGET | {"terms": terms})
    assert target.status_code == 201, target.text
    due = {each["code"]: each["due"] for each in receive(api)["deadlines"]}
    assert due["written_answer"] > year[-1], "what is due waits, the intake does not"


# ── for everybody, about anything ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "kind", [*sorted(set(KINDS) - ADMINISTRATION_KINDS), "andelsboligforening"]
)
def test_r7_an_organisation_entered_a_moment_ago_sends_one_in(shared_api: Api, kind: str) -> None:
    name = f"Ny {kind} {clock.new_id()}"
    shared_api.party(name, kind)
    assert receive(shared_api, sender=name)["sender"]["name"] == name


def test_r7_nothing_need_be_known_of_the_matter_but_who_when_how_and_what() -> None:
    required = {name for name, info in ReceiveEnquiry.model_fields.items() if info.is_required()}
    assert required == {"sender", "medium", "received", "subject"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"topics": ["noget ingen har hørt om"]},
        {"kle": ["99.99.99"]},
        {"administrations": [], "received_by": "ØKF"},
        {"administrations": ["TMF", "ØKF"]},
        {"medium": "meeting_physical", "case_numbers": ["ukendt-1"]},
        *({"kind": kind.value} for kind in EnquiryKind),
    ],
)
def test_r7_without_a_rule_it_waits_unrouted_in_the_desks_inbox(
    shared_api: Api, more: Json
) -> None:
    made = receive(shared_api, **more)
    assert made["id"] in waiting(shared_api, made["position"])
    assert [each["holder"] for each in made["obligations"] if each["holder"]] == []
    assert [step["type"] for step in steps(shared_api, made)] == ["enquiry.received/1"]


def test_r7_the_same_matter_may_be_sent_in_again_and_again(shared_api: Api) -> None:
    first = receive(shared_api, subject="Kælderen")
    take(shared_api, first["id"], "closures", waive="aftalt")
    second, third = (receive(shared_api, subject="Kælderen") for _ in range(2))
    take(shared_api, second["id"], "merges", into=third["id"], reason="samme")
    fourth = receive(shared_api, subject="Kælderen")
    assert len({each["id"] for each in (first, second, third, fourth)}) == 4
    assert fourth["phase"] == "received"


# ── by whoever has it ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", STAFF)
def test_r7_desk_officer_and_integration_hand_it_in(shared_api: Api, role: Role) -> None:
    made = receive(shared_api.as_role(role), subject=f"Givet videre af {role}")
    assert made["id"] in waiting(shared_api, made["position"])


def test_r7_the_organisation_hands_it_in_itself_and_the_desk_has_it(shared_api: Api) -> None:
    made = receive(organisation(shared_api), administrations=["TMF"])
    assert made["id"] in waiting(shared_api, made["position"])


# ── with routing ─────────────────────────────────────────────────────────────────────────────────


def test_r7_with_a_rule_it_is_routed_and_the_rule_is_named(api: Api) -> None:
    adopt(api, name="Anvisning", match={"topics": ["anvisning"]}, to="TMF", priority=900)
    rule = adopt(api, name="Udlejning", match={"topics": ["udlejning"]}, priority=900)
    adopt(api, name="AAB til TMF", organisations=["AAB"], to="TMF", priority=1000)
    made = receive(api, topics=["udlejning"])
    assert made["phase"] == "routed" and made["id"] not in waiting(api, made["position"])
    routed = steps(api, made)[-1]
    assert (routed["rule_id"], routed["rule_name"], routed["automatic"]) == (
        rule["id"],
        "Udlejning",
        True,
    )
    assert routed["to"]["name"] == "Økonomiforvaltningen"


@pytest.mark.parametrize(
    "rule",
    [
        {"organisations": ["AAB"]},
        {"match": {"topics": ["anvisning"]}},
        {"match": {"kle": ["27.03"]}},
        {"valid_from": "2099-01-01"},
        {"valid_to": "2010-12-31"},
        {"automatic": False},
    ],
)
def test_r7_what_no_rule_routes_is_refused_by_none_and_stays_with_the_desk(
    api: Api, rule: Json
) -> None:
    adopt(api, **rule)
    made = receive(api, topics=["noget andet"])
    assert made["id"] in waiting(api, made["position"])


def test_r7_a_rule_that_is_not_automatic_is_suggested_and_named_when_followed(api: Api) -> None:
    rule = adopt(api, automatic=False)
    made = receive(api)
    path = f"/v1/enquiries/{made['id']}/suggestions"
    (suggested,) = api.seen(path, made["position"]).json()["routes"]
    assert (suggested["rule_id"], suggested["rule_name"]) == (rule["id"], "Alt til ØKF")
    routed = take(api, made["id"], "routes", to="ØKF", rule_id=rule["id"])
    assert steps(api, routed)[-1]["rule_name"] == "Alt til ØKF"


# ── closed elsewhere, open here ──────────────────────────────────────────────────────────────────

ENDINGS = {
    "forums": ("discontinue_forum", "discontinuation"),
    "documents": ("withdraw_document", "withdrawal"),
    "agreements": ("terminate_agreement", "termination"),
    "criteria": ("retire_criterion", "retirement"),
    "commitments": ("release_commitment", "release"),
    "meetings": ("cancel_meeting", "cancellation"),
}
"""By register: the operation that ends a record, and its step."""


def ended(api: Api, name: str) -> Json:
    """A record of a register that was ended."""
    operation, step = ENDINGS[name]
    made = a_record(api, REGISTERS[name], operation)
    body = dict(REGISTERS[name].steps[step].example)
    answer = api.post(f"/v1/{name}/{made['id']}/{step}", body, headers=ANY)
    assert answer.status_code == 200, answer.text
    record: Json = answer.json()
    return record


@pytest.fixture
def unwatched(tmp_path: Path) -> Iterator[Api]:
    """An application without policies: none says that an agreement expired before it is ended."""
    with following(settings_in(tmp_path, followers="off")) as made:
        yield with_parties(made)


@pytest.mark.parametrize("name", ENDINGS)
def test_r7_what_ended_elsewhere_does_not_close_the_intake(unwatched: Api, name: str) -> None:
    ended(unwatched, name)
    made = receive(unwatched, subject=f"Efter {name}")
    assert made["id"] in waiting(unwatched, made["position"])


def test_r7_rules_and_targets_that_ended_do_not_close_the_intake(api: Api) -> None:
    desk, ending = api.as_role(Role.ENTRY_DESK), {"valid_to": "2010-12-31", "reason": "Slut"}
    rule = adopt(api)
    answer = desk.post(f"/v1/routing-rules/{rule['id']}/withdrawal", ending)
    assert answer.status_code == 200, answer.text
    target = desk.post("/v1/service-targets", examples.SET_SERVICE_TARGET).json()
    answer = desk.post(f"/v1/service-targets/{target['id']}/end", ending)
    assert answer.status_code == 200, answer.text
    made = receive(api)
    assert made["id"] in waiting(api, made["position"])


@pytest.mark.parametrize("way", ["closure", "merge"])
def test_r7_a_rule_whose_unit_is_gone_refuses_no_enquiry(api: Api, way: str) -> None:
    api.party("Center for Bydesign", "unit", abbreviation="CBD")
    adopt(api, to="CBD")
    body = {"closure": {"valid_to": "2020-12-31"}, "merge": {"into": "ØKF"}}[way]
    path = f"/v1/parties/{party_id(api, 'CBD')}/{way}"
    answer = api.post(path, {"reason": "Nedlagt", **body})
    assert answer.status_code == 200, answer.text
    made = receive(api)
    if way == "merge":
        found = api.items("/v1/enquiries", made["position"], unit="ØKF")
        assert [each["id"] for each in found] == [made["id"]], "its survivor has it"


def test_r7_a_rule_whose_unit_is_closed_leaves_the_enquiry_with_the_desk(api: Api) -> None:
    api.party("Center for Bydesign", "unit", abbreviation="CBD")
    adopt(api, to="CBD")
    path = f"/v1/parties/{party_id(api, 'CBD')}/closure"
    answer = api.post(path, {"reason": "Nedlagt", "valid_to": "2020-12-31"})
    assert answer.status_code == 200, answer.text
    made = receive(api)
    assert made["id"] in waiting(api, made["position"])
    suggested = api.seen(f"/v1/enquiries/{made['id']}/suggestions", made["position"]).json()
    assert suggested["routes"] == []
