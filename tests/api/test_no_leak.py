"""Crossed ids everywhere: nothing of somebody else's comes out, however it is asked for (S3)."""

import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from api.http.operations import Operation
from api.http.routes import operations
from domain import access
from domain.access import Role
from tests.api.access_table import ROLES, TABLE
from tests.api.builders import WAIT_SECONDS, Json, contact
from tests.api.crossing import (
    CANARY,
    HIDDEN_FROM,
    SCOPED,
    UNKNOWN,
    Stage,
    Stages,
    numbered,
    secret_contact,
    told,
)
from tests.api.entry_point import enquiry

OPERATIONS = {operation.name: operation for operation in operations()}
FIRST_DAY, LAST_DAY = "1999-01-01", "2999-01-01"
ROLE_OF = {
    "organisation": Role.ORGANISATION,
    "officer of an organisation": Role.CASE_OFFICER,
    "officer of a unit": Role.ENTRY_DESK,
    "officer of a topic": Role.MANAGER,
    "councillor": Role.COUNCILLOR,
    "integration": Role.INTEGRATION,
}


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    with ExitStack() as doors:
        yield Stages(tmp_path_factory.mktemp("crossed"), doors)


@pytest.fixture
def stage(stages: Stages, request: pytest.FixtureRequest) -> Stage:
    """What is hidden, at the level a test names, else restricted; the views know of it."""
    there = stages.of(getattr(request, "param", "restricted"))
    assert there.api.services.views.wait_for(there.position, WAIT_SECONDS)
    return there


@pytest.fixture(scope="module")
def worn_stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    with ExitStack() as doors:
        yield Stages(tmp_path_factory.mktemp("worn"), doors)


@pytest.fixture
def worn(worn_stages: Stages, request: pytest.FixtureRequest) -> Stage:
    """The same for tests that write: what they leave behind would be found by those that read."""
    return worn_stages.of(getattr(request, "param", "restricted"))


# ── questions ────────────────────────────────────────────────────────────────────────────────────


def values_of(stage: Stage) -> dict[str, list[str]]:
    """Values that cross over to what is hidden, by parameter."""
    hidden, at = stage.hidden, str(stage.position)
    return {
        "party": ["AAB", stage.aab],
        "administration": ["ØKF", stage.okf],
        "organisation": ["AAB", stage.aab],
        "sender": ["AAB"],
        "unit": ["ØKF"],
        "topic": [CANARY],
        "kle": ["85.02", "85"],
        "case_number": [f"{CANARY}-1", f"{CANARY}-3"],
        "text": [CANARY, "vurdering", f"kim {CANARY}"],
        "q": [CANARY],
        "confidentiality": ["restricted", "internal", "open"],
        "flag": [CANARY],
        "include_retracted": ["true"],
        "as_of_recorded": ["1", at],
        "as_of_effective": [FIRST_DAY, LAST_DAY],
        "min_position": [at],
        "version": ["1", "2", "3"],
        "by": ["organisation", "administration,month", "confidentiality,medium"],
        "occurred_from": [FIRST_DAY],
        "occurred_to": [LAST_DAY],
        "from": [FIRST_DAY],
        "to": [LAST_DAY],
        "contact": [hidden["contact_id"]],
        "enquiry": [hidden["enquiry_id"]],
    }


def ids_of(stage: Stage, operation: Operation) -> Iterator[dict[str, str]]:
    """Ways to fill a path: with what is hidden, and with parties of both sides."""
    parts = re.findall(r"\{(\w+)\}", operation.path)
    pools = {
        **{name: [value] for name, value in stage.hidden.items()},
        "party_id": [stage.aab, stage.okf, stage.kab, stage.tmf],
        "administration": [stage.okf, "ØKF", stage.tmf],
        "organisation": [stage.aab, "AAB", stage.kab],
    }
    for values in itertools.product(*(pools.get(part, [UNKNOWN]) for part in parts)):
        yield dict(zip(parts, values, strict=True))


def questions(stage: Stage, operation: Operation) -> Iterator[tuple[str, Json]]:
    """Every question with one crossed parameter, beside those it cannot do without."""
    crossed, known = values_of(stage), operation.parameters.by_name
    wanted = {"position": "1", "from": "1"} if "proofs" in operation.path else {}
    needed = {name: value for name, value in wanted.items() if name in known}
    for ids in ids_of(stage, operation):
        path = operation.path.format(**ids)
        yield path, needed
        for name in known:
            for value in crossed.get(name, ()):
                yield path, needed | {name: value}


def leaks_in(stage: Stage, answer: Any, sent: str) -> list[str]:
    """What an answer tells of the hidden that was not sent along."""
    whole = answer.text + str(dict(answer.headers))
    found = [CANARY] if CANARY in whole and CANARY not in sent else []
    return found + [n for n, value in stage.hidden.items() if value in whole and value not in sent]


def leaks_by_reading(stage: Stage, who: str) -> list[Any]:
    api, column = stage.viewers()[who], ROLES.index(ROLE_OF[who])
    found: list[Any] = []
    asked = 0
    for operation in OPERATIONS.values():
        if operation.method != "GET" or TABLE[operation.name][column] != "y":
            continue
        for path, params in questions(stage, operation):
            answer = api.get(path, params=params)
            asked += 1
            assert answer.status_code < 500, (path, params, answer.text)
            sent = path + str(params)
            found += [(path, params, leak) for leak in leaks_in(stage, answer, sent)]
            if CANARY in sent and answer.is_success and CANARY in answer.text:
                found.append((path, params, "found by it"))
    assert asked > 100, "asked next to nothing"
    return found


@pytest.mark.parametrize(("stage", "who"), HIDDEN_FROM, indirect=["stage"])
def test_no_question_brings_out_what_is_hidden(stage: Stage, who: str) -> None:
    assert leaks_by_reading(stage, who) == []


def test_without_the_filter_of_sight_the_questions_bring_it_out(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = access.sight(access.principal_of("k", Role.RECORDS_OFFICER, ()))
    monkeypatch.setattr("api.http.operations.sight_of", lambda _: everything)
    found = leaks_by_reading(stage, "organisation")
    places = {re.sub(r"[0-9a-f-]{36}", "ID", path) for path, _, _ in found}
    assert {"/v1/contacts", "/v1/contacts/ID", "/v1/contacts/ID/history"} <= places


@pytest.mark.parametrize(("stage", "who"), HIDDEN_FROM, indirect=["stage"])
def test_what_is_counted_and_paired_is_one_s_own(stage: Stage, who: str) -> None:
    api, at = stage.viewers()[who], stage.position
    for path, params in (
        ("/v1/reports/contacts", {"by": "organisation"}),
        ("/v1/reports/contacts", {"by": "administration", "outcome": "any"}),
        ("/v1/reports/contacts", {"by": "organisation", "as_of_recorded": str(at)}),
        ("/v1/direct-contact", {}),
        ("/v1/direct-contact/contacts", {}),
        ("/v1/direct-contact/accounts", {}),
        ("/v1/enquiries/counts", {}),
    ):
        answer = api.get(path, params=params)
        if answer.is_success:
            assert living(answer.json(), stage.aab) == [], (path, params)
    report = api.seen("/v1/reports/contacts", at, by="channel").json()
    assert (report["total"], report["groups"]) == (1, 1)


def living(value: Any, party: str) -> list[Any]:
    """The rows about a party that count anything; that it exists is no secret."""
    if isinstance(value, list):
        return [row for each in value for row in living(each, party)]
    if not isinstance(value, dict):
        return []
    inner = [row for each in value.values() for row in living(each, party)]
    own = any(isinstance(v, dict) and v.get("id") == party for v in value.values())
    return [value, *inner] if own and value.get("contacts", 1) else inner


@pytest.mark.parametrize("stage", ["open", "restricted"], indirect=True)
def test_a_cursor_of_somebody_else_shows_nothing_more(stage: Stage) -> None:
    viewers = stage.viewers()
    for path in ("/v1/contacts", "/v1/enquiries", f"/v1/parties/{stage.aab}/timeline"):
        page = stage.api.seen(path, stage.position, limit=1).json()
        if page["next"] is None:
            continue
        for who in SCOPED:
            answer = viewers[who].get(path, params={"limit": 1, "cursor": page["next"]})
            assert leaks_in(stage, answer, "") == [], path
            other = viewers[who].get("/v1/parties", params={"limit": 1, "cursor": page["next"]})
            assert other.json()["code"] == "cursor_invalid"


# ── commands ─────────────────────────────────────────────────────────────────────────────────────


def bodies(stage: Stage) -> Iterator[tuple[str, Json]]:
    """Commands that reach over to what is hidden."""
    hidden = stage.hidden
    yield "/v1/contacts", contact(enquiry=hidden["enquiry_id"], meeting=CANARY)
    yield "/v1/contacts", contact(case_numbers=[f"{CANARY}-1"])
    yield "/v1/contacts/batch", {"items": [contact(enquiry=hidden["enquiry_id"])]}
    yield "/v1/enquiries", enquiry(sender="AAB")
    yield "/v1/enquiries", enquiry(case_numbers=[f"{CANARY}-1"])
    account = {
        "administration": "TMF",
        "organisation": "KAB",
        "medium": "phone",
        "occurred": "2010-03-04",
        "told": "egne ord",
        "about": hidden["account_id"],
    }
    for name in ("refusals", "redirections"):
        yield f"/v1/direct-contact/{name}", account


@pytest.mark.parametrize("worn", ["open", "restricted"], indirect=True)
@pytest.mark.parametrize("who", SCOPED[:3])
def test_no_command_brings_out_what_is_hidden(worn: Stage, who: str) -> None:
    api, everything_sent = worn.viewers()[who], str(worn.hidden)
    for headers in ({}, {"Idempotency-Key": "of-the-owner"}):
        for path, body in bodies(worn):
            answer = api.post(path, body, headers=headers)
            assert answer.status_code < 500, answer.text
            assert leaks_in(worn, answer, str(body)) == [], (path, answer.text)
    own = api.post("/v1/contacts", contact())
    assert own.status_code == 201
    path = f"/v1/contacts/{own.json()['id']}"
    for kind, target in (("contact", "contact_id"), ("enquiry", "enquiry_id")):
        link = {"kind": kind, "target": worn.hidden[target]}
        answer = api.post(f"{path}/links", link, headers={"If-Match": "*"})
        assert leaks_in(worn, answer, everything_sent) == []
    at = api.post("/v1/contacts", contact()).json()["position"]
    for part in ("", "/history", "/filings", "/receipt"):
        answer = api.get(path + part, params={} if part == "/receipt" else {"min_position": at})
        assert leaks_in(worn, answer, everything_sent) == [], part


@pytest.mark.parametrize("worn", ["open", "restricted"], indirect=True)
@pytest.mark.parametrize("who", SCOPED[:3])
def test_naming_what_is_hidden_is_answered_like_naming_what_does_not_exist(
    worn: Stage, who: str
) -> None:
    api, hidden = worn.viewers()[who], worn.hidden
    for (path, theirs), name in itertools.product(bodies(worn), hidden):
        if hidden[name] in str(theirs):
            nothing = replaced(theirs, hidden[name], UNKNOWN)
            assert numbered(api.post(path, theirs)) == numbered(api.post(path, nothing)), path
    own = api.post("/v1/contacts", contact()).json()
    for kind, target in (("contact", "contact_id"), ("enquiry", "enquiry_id")):
        answers = [
            api.post(
                f"/v1/contacts/{own['id']}/filings",
                {"filings": [{"kind": kind, "target": each}], "reason": "x"},
                headers={"If-Match": "*"},
            )
            for each in (hidden[target], UNKNOWN)
        ]
        assert answers[0].status_code == answers[1].status_code, kind
        codes = [answer.json().get("code") for answer in answers]
        assert codes[0] == codes[1]


def replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {key: replaced(each, old, new) for key, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, old, new) for each in value]
    return new if value == old else value


@pytest.mark.parametrize("worn", ["open", "restricted"], indirect=True)
def test_an_enquiry_cannot_be_merged_into_one_that_is_hidden(worn: Stage) -> None:
    desk = worn.viewers()["officer of a unit"]
    own = desk.post("/v1/enquiries", enquiry()).json()["id"]
    answers = [
        desk.post(
            f"/v1/enquiries/{own}/merges",
            {"into": into, "reason": "Samme"},
            headers={"If-Match": "*"},
        )
        for into in (worn.hidden["enquiry_id"], UNKNOWN)
    ]
    assert told(answers[0]) == told(answers[1])
    assert answers[0].status_code in {404, 422}


def test_the_id_of_somebody_else_s_is_no_way_in(worn: Stage) -> None:
    """Ids are unique, so it is told that one is taken, and nothing else."""
    kab = worn.viewers()["organisation"]
    body = contact(id=worn.hidden["contact_id"])
    answer = kab.post("/v1/contacts", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "event_id_reused")
    assert leaks_in(worn, answer, str(body)) == []
    refused = kab.post("/v1/contacts", secret_contact())
    assert refused.status_code == 403, "not its own, also word for word"
