"""No sequence of calls by any role shortens a history, loses a participant, or changes a row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.access import Role
from tests.api.access_table import ROLES
from tests.api.builders import Api, Json, contact, running, settings_in, with_parties
from tests.api.entry_point import enquiry, party_id

PEOPLE = [
    {"name": "Kim Eksempel", "role": "driftschef", "party": "KAB"},
    {"name": "Bo Prøve", "role": "formand", "spoke_for": ["AAB"]},
]
CHANGES: dict[str, list[Json]] = {
    "corrections": [
        {"reason": "x", "participants": []},
        {"reason": "x", "participants": PEOPLE[:1], "facts": None},
        {"reason": "x", "confidentiality": "restricted", "organisations": ["AAB"]},
        {"reason": "x", "negotiation": True, "subject": "Andet"},
    ],
    "retraction": [{"reason": "x"}],
    "links": [{"kind": "case", "target": "1"}, {"kind": "contact", "target": "2"}],
    "filings": [{"filings": [{"kind": "case", "target": "3"}], "reason": "x"}],
}
PARTY_CHANGES: dict[str, Json] = {
    "merge": {"into": "KAB", "reason": "x"},
    "unmerge": {"reason": "x"},
    "closure": {"valid_to": "2018-12-31", "reason": "x"},
    "names": {"name": "Nyt navn", "valid_from": "2012-01-01", "reason": "x"},
    "aliases": {"alias": "Øgenavn"},
}
ENQUIRY_STEPS: dict[str, Json] = {
    "acknowledgements": {"team": "Én indgang"},
    "routes": {"to": "TMF", "reason": "x"},
    "closures": {"closing": "withdrawn", "waive": "x"},
    "reopenings": {"reason": "x"},
    "merges": {"into": "OTHER", "reason": "x"},
}
METHODS = ("DELETE", "PUT", "PATCH")
PATHS = ("", "/history", "/corrections", "/retraction", "/links")

roles = st.sampled_from(ROLES)
which = st.integers(0, 9)
tags = st.sampled_from(["*", '"1"', '"2"', '"9"'])
keys = st.none() | st.sampled_from(["k1", "k2"])
calls = st.one_of(
    st.tuples(st.just("log"), roles, st.sampled_from(["open", "internal", "restricted"]), keys),
    st.tuples(st.just("log"), roles, st.just("open"), keys),
    st.tuples(
        st.just("change"), roles, which, st.sampled_from(sorted(CHANGES)), st.integers(0, 3), tags,
        keys,
    ),
    st.tuples(st.just("party"), roles, st.sampled_from(sorted(PARTY_CHANGES)), which),
    st.tuples(st.just("receive"), roles, keys),
    st.tuples(st.just("step"), roles, which, st.sampled_from(sorted(ENQUIRY_STEPS)), which),
    st.tuples(st.just("method"), roles, which, st.sampled_from(METHODS), st.sampled_from(PATHS)),
    st.tuples(st.just("batch"), roles, st.booleans()),
)  # fmt: skip


@dataclass
class Book:
    """An application, and what it acknowledged so far."""

    api: Api
    contacts: list[str] = field(default_factory=list)
    enquiries: list[str] = field(default_factory=list)
    parties: list[str] = field(default_factory=list)
    kab: str = ""

    def as_role(self, role: Role) -> Api:
        scope = (f"party:{self.kab}",) if role is Role.ORGANISATION else ()
        return self.api.as_role(role, *scope)

    def note(self, answer: Any, into: list[str]) -> None:
        if answer.status_code == 201:
            into.append(answer.json()["id"])


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    with running(settings_in(tmp_path_factory.mktemp("lost"))) as made:
        api = with_parties(made)
        found = Book(api, kab=party_id(api, "KAB"))
        found.parties = [api.party(f"Forening {n}")["id"] for n in range(4)]
        organisation = api.as_role(Role.ORGANISATION, f"party:{found.kab}")
        api.tokens[Role.ORGANISATION] = organisation.token
        yield found


def call(book: Book, given_: tuple[Any, ...]) -> None:
    """Make one call; whatever it answers, it is not a fault of the service."""
    kind, role, *rest = given_
    api = book.as_role(role) if role is not Role.ORGANISATION else Api(
        book.api.client, book.api.services, book.api.tokens[role]
    )  # fmt: skip
    answer: Any = None
    match kind:
        case "log":
            party = book.parties[len(book.contacts) % len(book.parties)]
            body = contact(
                participants=PEOPLE, confidentiality=rest[0], organisations=["KAB", party]
            )
            answer = api.post("/v1/contacts", body, headers=header(rest[1]))
            book.note(answer, book.contacts)
        case "batch":
            items = [contact(participants=PEOPLE), contact(medium="røgsignal")]
            params = {"atomic": "true"} if rest[0] else {}
            answer = api.post("/v1/contacts/batch", {"items": items}, params=params)
            if answer.is_success:
                made = [item["id"] for item in answer.json()["items"] if item["status"] == 201]
                book.contacts += made
        case "change" if book.contacts:
            place, way, body_at, tag, key = rest
            body = CHANGES[way][body_at % len(CHANGES[way])]
            path = f"/v1/contacts/{book.contacts[-1 - place % len(book.contacts)]}/{way}"
            answer = api.post(path, body, headers={"If-Match": tag} | header(key))
        case "party":
            way, place = rest
            party = book.parties[place % len(book.parties)]
            answer = api.post(f"/v1/parties/{party}/{way}", PARTY_CHANGES[way])
        case "receive":
            answer = api.post("/v1/enquiries", enquiry(), headers=header(rest[0]))
            book.note(answer, book.enquiries)
            if answer.status_code == 201:
                book.contacts.append(answer.json()["contact_id"])
        case "step" if book.enquiries:
            place, way, other = rest
            body = {
                name: book.enquiries[other % len(book.enquiries)] if value == "OTHER" else value
                for name, value in ENQUIRY_STEPS[way].items()
            }
            path = f"/v1/enquiries/{book.enquiries[-1 - place % len(book.enquiries)]}/{way}"
            answer = api.post(path, body, headers={"If-Match": "*"})
        case "method" if book.contacts:
            place, method, part = rest
            path = f"/v1/contacts/{book.contacts[place % len(book.contacts)]}{part}"
            answer = api.ask(method, path)
            assert answer.status_code == 405
    assert answer is None or answer.status_code < 500, answer.text


def header(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}


@dataclass(frozen=True)
class Told:
    """What the log and its histories said at a moment."""

    rows: list[tuple[Any, ...]]
    histories: dict[str, list[Json]]


def told_by(book: Book) -> Told:
    """Read everything as somebody who may see everything."""
    log = book.api.services.log
    rows: list[tuple[Any, ...]] = []
    while page := log.rows(len(rows), 1_000):
        rows += [
            (r.position, r.recorded_at, r.event_id, r.type, r.tags, r.metadata, r.data, r.leaf)
            for r in page
        ]
    records = book.api.as_role(Role.RECORDS_OFFICER)
    at = log.head()
    return Told(
        rows, {each: records.items(f"/v1/contacts/{each}/history", at) for each in book.contacts}
    )


def assert_nothing_lost(before: Told, after: Told) -> None:
    assert after.rows[: len(before.rows)] == before.rows, "a stored row changed or went"
    assert len(after.rows) >= len(before.rows)
    for each, steps in before.histories.items():
        assert after.histories[each][: len(steps)] == steps, "a history was shortened or rewritten"
    for each, steps in after.histories.items():
        logged = after_logging(steps)
        assert set(logged) <= set(ever_named(steps)), each


def after_logging(steps: Sequence[Json]) -> list[str]:
    return [person["name"] for person in steps[0]["contact"]["participants"]]


def ever_named(steps: Sequence[Json]) -> list[str]:
    return [p["name"] for step in steps for p in step["contact"]["participants"]]


@pytest.mark.timeout(600)  # each example reads the histories of all before it
@settings(max_examples=50)
@given(script=st.lists(calls, min_size=2, max_size=9))
def test_no_sequence_of_calls_loses_anything(book: Book, script: list[tuple[Any, ...]]) -> None:
    before = told_by(book)
    for each in script:
        call(book, each)
    after = told_by(book)
    assert_nothing_lost(before, after)
    records = book.api.as_role(Role.RECORDS_OFFICER)
    for contact_id in book.contacts[-12:]:
        assert records.get(f"/v1/contacts/{contact_id}").status_code == 200, "acknowledged, gone"


def test_whoever_loses_a_step_or_a_row_is_found_out(book: Book) -> None:
    call(book, ("log", Role.CASE_OFFICER, "open", None))
    call(book, ("change", Role.CASE_OFFICER, 0, "corrections", 0, "*", None))
    whole = told_by(book)
    last = book.contacts[-1]
    assert len(whole.histories[last]) == 2
    assert after_logging(whole.histories[last]) == ["Kim Eksempel", "Bo Prøve"]
    shortened = Told(whole.rows, whole.histories | {last: whole.histories[last][:1]})
    with pytest.raises(AssertionError, match="shortened"):
        assert_nothing_lost(whole, shortened)
    with pytest.raises(AssertionError, match="stored row"):
        assert_nothing_lost(whole, Told(whole.rows[:-1], whole.histories))
    rewritten = [*whole.rows[:-1], (*whole.rows[-1][:-1], b"other")]
    with pytest.raises(AssertionError, match="stored row"):
        assert_nothing_lost(whole, Told(rewritten, whole.histories))
