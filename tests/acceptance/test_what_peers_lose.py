"""What other registers of contacts were seen to lose, tried on the running service.

Each test is a fault that was met in a comparable system; the last ones are what none of them has: a
proof that an outsider checks alone.
"""

import asyncio
import base64
from datetime import datetime
from typing import Any, Final

import httpx2
import pytest

from domain.errors import Broken
from domain.log.checkpoint import VerifierKey, parse_tlog_proof, verify_tlog_proof
from tests.acceptance.conftest import Start
from tests.acceptance.service import NEVER_SECONDS, Desk, Json, Service, leaf_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PARTIES: Final = (
    ("administration", "Teknik- og Miljøforvaltningen", "TMF"),
    ("administration", "Økonomiforvaltningen", "ØKF"),
    ("housing_organisation", "KAB", None),
    ("housing_organisation", "Almen Bolig", "AKB"),
    ("housing_organisation", "Almen Bolig, København", None),
)


@pytest.fixture(scope="module")
def service(start: Start) -> Service:
    found = start()
    for kind, name, abbreviation in PARTIES:
        found.officer.made(
            "/v1/parties", {"kind": kind, "name": name, "abbreviation": abbreviation}
        )
    found.auditor.catch_up()
    return found


@pytest.fixture
def officer(service: Service) -> Desk:
    return service.officer


def contact(**more: Any) -> Json:
    body: Json = {
        "channel": "direct",
        "direction": "inbound",
        "medium": "phone",
        "occurred": "2010-02-22",
        "administrations": ["TMF"],
        "organisations": ["KAB"],
        "subject": "Udlejning",
    }
    return body | more


def logged(officer: Desk, **more: Any) -> Json:
    return officer.made("/v1/contacts", contact(**more))


# ── a change that missed another's ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tag", "status", "code"),
    [('"7"', 412, "version_mismatch"), (None, 428, "precondition_required")],
)
def test_a_correction_from_an_old_copy_is_refused(
    officer: Desk, tag: str | None, status: int, code: str
) -> None:
    made = logged(officer)
    path, head = f"/v1/contacts/{made['id']}", officer.log_head()
    for change, body in (
        ("corrections", {"reason": "Fejl", "facts": "Overskrevet"}),
        ("retraction", {"reason": "Fejl"}),
        ("links", {"kind": "case", "target": "2010-1", "reason": "Fejl"}),
    ):
        answer = officer.post(f"{path}/{change}", body, **({"If_Match": tag} if tag else {}))
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert officer.log_head() == head
    assert officer.get(path) == made


def test_of_two_who_correct_the_same_copy_one_is_told(officer: Desk) -> None:
    path = f"/v1/contacts/{logged(officer)['id']}"
    answers = [
        officer.post(f"{path}/corrections", {"reason": "Ret", "facts": text}, If_Match='"1"')
        for text in ("Den ene", "Den anden")
    ]
    assert [answer.status_code for answer in answers] == [200, 412]
    assert answers[1].json()["current"] == 2
    assert officer.get(path)["facts"] == "Den ene"


def test_every_reading_carries_the_version_that_a_change_must_name(officer: Desk) -> None:
    made = logged(officer)
    path = f"/v1/contacts/{made['id']}"
    answer = officer.ask(path, min_position=made["position"])
    assert answer.headers["ETag"] == '"1"'
    assert officer.http.get(path, headers={"If-None-Match": '"1"'}).status_code == 304
    changed = officer.post(
        f"{path}/corrections", {"reason": "Tal", "facts": "Ti"}, If_Match=answer.headers["ETag"]
    )
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')


def test_a_correction_is_told_with_who_when_why_and_what_it_was_before(officer: Desk) -> None:
    made = logged(officer, facts="Elleve boliger")
    path = f"/v1/contacts/{made['id']}"
    reason = "Der stod elleve, det var ti"
    officer.post(f"{path}/corrections", {"reason": reason, "facts": "Ti boliger"}, If_Match='"1"')
    first, second = officer.get(f"{path}/history")["items"]
    assert second["changes"] == [
        {"field": "facts", "before": "Elleve boliger", "after": "Ti boliger"}
    ]
    assert (second["reason"], second["role"]) == (reason, "case_officer")
    before, after = (datetime.fromisoformat(each["recorded_at"]) for each in (first, second))
    assert second["actor"] and after > before
    assert (first["contact"]["facts"], second["contact"]["facts"]) == (
        "Elleve boliger",
        "Ti boliger",
    )
    assert officer.get(path, as_of_recorded=str(made["position"]))["facts"] == "Elleve boliger"


def test_nothing_can_be_deleted_or_written_over(officer: Desk) -> None:
    path = f"/v1/contacts/{logged(officer)['id']}"
    for method in ("DELETE", "PUT", "PATCH"):
        for target in (path, "/v1/contacts", f"{path}/history", "/v1/log/entries"):
            assert officer.http.request(method, target).status_code == 405
    assert officer.get(path)["version"] == 1


def test_a_withdrawn_contact_can_still_be_read_with_its_history(officer: Desk) -> None:
    made = logged(officer, subject="Registreret to gange", topics=["trukket"])
    path = f"/v1/contacts/{made['id']}"
    answer = officer.post(f"{path}/retraction", {"reason": "Dobbelt"}, If_Match='"1"')
    assert answer.status_code == 200
    assert officer.get(path)["status"] == "retracted"
    assert officer.contacts(topic="trukket") == []
    assert len(officer.contacts(topic="trukket", include_retracted="true")) == 1
    steps = officer.get(f"{path}/history")["items"]
    assert [step["version"] for step in steps] == [1, 2]
    assert steps[0]["contact"]["subject"] == made["subject"]


# ── who took part ────────────────────────────────────────────────────────────────────────────────


def test_a_party_that_closes_or_merges_takes_no_participant_along(officer: Desk) -> None:
    double = officer.every("/v1/parties", key="Almen Bolig, København")[0]
    made = logged(
        officer,
        organisations=["Almen Bolig, København"],
        participants=[
            {"name": "Kim Eksempel", "role": "driftschef", "party": double["id"]},
            {"name": "Bo Prøve", "role": "formand", "spoke_for": [double["id"]]},
        ],
    )
    path = f"/v1/contacts/{made['id']}"
    kept = [(p["name"], p["role"]) for p in made["participants"]]
    assert len(kept) == 2
    for change, body in (
        ("merge", {"into": "AKB", "reason": "Samme forening"}),
        ("unmerge", {"reason": "Dog ikke"}),
        ("closure", {"valid_to": "2018-12-31", "reason": "Ophørt"}),
    ):
        officer.made(f"/v1/parties/{double['id']}/{change}", body)
        now = officer.get(path)
        assert [(p["name"], p["role"]) for p in now["participants"]] == kept, change
        assert len(now["organisations"]) == 1, change
        whose = "AKB" if change == "merge" else double["id"]
        ids = [each["id"] for each in officer.contacts(organisation=whose)]
        assert made["id"] in ids, change
    history = officer.get(f"{path}/history")["items"]
    assert [(p["name"], p["role"]) for p in history[0]["contact"]["participants"]] == kept


def test_whoever_is_taken_out_by_a_correction_stays_in_the_history(officer: Desk) -> None:
    people = [{"name": "Kim Eksempel", "role": "driftschef", "party": "KAB"}]
    made = logged(officer, participants=people)
    path = f"/v1/contacts/{made['id']}"
    changes: tuple[Json, ...] = ({"participants": []}, {"organisations": ["AKB"]})
    for body in changes:
        answer = officer.post(f"{path}/corrections", {"reason": "Forkert", **body}, If_Match="*")
        assert answer.status_code == 200
    assert officer.get(path)["participants"] == []
    steps = officer.get(f"{path}/history")["items"]
    assert [p["name"] for p in steps[0]["contact"]["participants"]] == ["Kim Eksempel"]
    assert steps[1]["changes"][0]["before"]["name"] == "Kim Eksempel"
    assert [each["name"] for each in steps[1]["contact"]["organisations"]] == ["KAB"]


# ── the same request again ───────────────────────────────────────────────────────────────────────


def test_the_same_key_makes_one_contact_also_when_ten_come_at_once(officer: Desk) -> None:
    body = contact(subject="Én gang", topics=["idempotens"])
    key = {"Idempotency-Key": "acceptance-1"}

    async def ten() -> list[httpx2.Response]:
        http = officer.http
        async with httpx2.AsyncClient(base_url=http.base_url, headers=http.headers) as many:
            return await asyncio.gather(
                *(
                    many.post("/v1/contacts", json=body, headers=key, timeout=NEVER_SECONDS)
                    for _ in range(10)
                )
            )

    answers = asyncio.run(ten())
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    officer.catch_up()
    assert len(officer.contacts(topic="idempotens")) == 1
    other = officer.post(
        "/v1/contacts", body | {"subject": "Andet"}, Idempotency_Key="acceptance-1"
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


# ── what is taken and what is not ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("when", ["2199-01-01", "2199", "2199-W08", "2199-01-01T10:00:00Z"])
def test_a_contact_in_the_future_is_refused(officer: Desk, when: str) -> None:
    head = officer.log_head()
    answer = officer.post("/v1/contacts", contact(occurred=when))
    assert (answer.status_code, answer.json()["code"]) == (422, "occurred_in_future")
    assert officer.log_head() == head


@pytest.mark.parametrize("characters", [1_001, 20_000])
def test_a_long_text_is_kept_to_the_letter(officer: Desk, characters: int) -> None:
    text = ("Æblegrød 😀 linje\n" * characters)[: characters - 1] + "."
    made = logged(officer, facts=text)
    assert officer.get(f"/v1/contacts/{made['id']}")["facts"] == text


def test_a_text_beyond_the_limit_is_refused_and_not_cut(officer: Desk) -> None:
    answer = officer.post("/v1/contacts", contact(facts="x" * 20_001))
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["code"], fault["pointer"]) == (400, "too_large", "/facts")


def test_lists_are_limited_by_days_and_come_newest_first(officer: Desk) -> None:
    for when in ("2009-12-31", "2010-01-01", "2010-02", "2010-03-31", "2010-04-01"):
        logged(officer, occurred=when, topics=["datoer"], medium="letter")
    quarter = {"occurred_from": "2010-01-01", "occurred_to": "2010-03-31", "topic": "datoer"}
    found = [(when["from"], when["precision"]) for when in occurred(officer, **quarter)]
    assert found == [("2010-03-31", "day"), ("2010-02-01", "month"), ("2010-01-01", "day")]
    answer = officer.http.get("/v1/contacts", params={"ordering": "occurred"})
    assert answer.status_code == 400, "an unknown parameter is told, not passed over"
    in_quarter = {"from": "2010-01-01", "to": "2010-03-31", "medium": "letter"}
    assert officer.counts("month", **in_quarter) == {"2010-01": 1, "2010-02": 1, "2010-03": 1}
    assert officer.total(**in_quarter) == 3


def occurred(officer: Desk, **filters: str) -> list[Json]:
    return [each["occurred"] for each in officer.contacts(**filters)]


# ── a proof for outsiders ────────────────────────────────────────────────────────────────────────


def test_receipts_are_verified_without_the_service(officer: Desk, service: Service) -> None:
    key = VerifierKey.parse(officer.ask("/v1/log/key").text.strip())
    others = VerifierKey(key.name, bytes(32))
    for number in range(3):
        made = logged(officer, subject=f"Kvittering {number}")
        position = made["position"]
        receipt = officer.ask(f"/v1/contacts/{made['id']}/receipt").text
        entry = service.auditor.entry_of(made)
        leaf = leaf_of(entry)
        checkpoint = verify_tlog_proof(receipt, position, leaf, [key])
        assert checkpoint.size >= position
        for text, leaf_, keys in (
            (receipt, leaf_of(entry | {"recorded_at": entry["recorded_at"] + 1}), [key]),
            (receipt, leaf, [others]),
            (tampered(receipt), leaf, [key]),
        ):
            with pytest.raises(Broken):
                verify_tlog_proof(text, position, leaf_, keys)


def tampered(receipt: str) -> str:
    """The receipt with one bit of its audit path turned."""
    first = base64.b64encode(parse_tlog_proof(receipt).path[0]).decode()
    raw = bytearray(base64.b64decode(first))
    raw[0] ^= 1
    return receipt.replace(first, base64.b64encode(raw).decode(), 1)


def test_the_log_with_all_this_in_it_is_clean(service: Service) -> None:
    done = service.run("audit", "--json", "--views")
    assert (done.code, done.json["result"], done.json["faults"]) == (0, "clean", [])
