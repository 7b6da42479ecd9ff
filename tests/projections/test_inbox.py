"""The inbox of the one entry point: filters, order, deadlines on the day asked, figures."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from projections import enquiries
from projections.enquiries import EnquiryQuery
from projections.enquiries_counted import counted
from projections.enquiries_rows import VIEW
from projections.runner import Runner
from projections.storage import OPEN, ViewStore
from tests.projections.desk import Desk, V, ids, item, judged, listed, steps
from tests.projections.memory import EVERYTHING

Follow = Callable[..., Runner]


def test_the_inbox_is_narrowed_by_every_filter(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    letter = desk.receive(
        medium="letter",
        topics=["støj"],
        kle=["85.02"],
        case_numbers=["2010-1"],
        received="2010-02-01",
    )
    call = desk.receive(
        sender="AAB", medium="phone", administrations=["SOF"], kind="access_request"
    )
    desk.take(call, "RouteEnquiry", to="SOF")
    desk.take(letter, "TriageEnquiry", priority="urgent")
    desk.take(letter, "RouteEnquiry", to="CBD")
    desk.take(letter, "AssignEnquiry", assignee={"role": "Jurist"})
    desk.take(call, "CloseEnquiry", closing="withdrawn", waive="Trukket", occurred="2010-02-25")
    follow(store, [VIEW])
    filters: tuple[tuple[dict[str, Any], str], ...] = (
        ({"unit": frozenset({"id-CBD"})}, letter),
        ({"administration": frozenset({"id-SOF"})}, call),
        ({"sender": frozenset({"id-AAB"})}, call),
        ({"assigned": "jurist"}, letter),
        ({"phases": ("closed", "split")}, call),
        ({"open": True}, letter),
        ({"open": False}, call),
        ({"kind": "access_request"}, call),
        ({"medium": "letter"}, letter),
        ({"written": False}, call),
        ({"priority": "urgent"}, letter),
        ({"topic": "støj"}, letter),
        ({"kle": "85"}, letter),
        ({"case_number": "2010-1"}, letter),
        ({"received_to": "2010-02-10"}, letter),
        ({"received_from": "2010-02-10"}, call),
        ({"closed_from": "2010-02-25"}, call),
        ({"closed_to": "2010-02-25"}, call),
        ({"clock": "first_response", "deadline": "overdue"}, letter),
    )
    for fields, found in filters:
        for sort in ("received", "deadline"):
            query = EnquiryQuery(**{**fields, "sort": sort})
            assert ids(listed(store, query)) == [found], fields
    assert listed(store, EnquiryQuery(kle="8")) == []
    assert listed(store, EnquiryQuery(unit=frozenset())) == []


def test_what_is_due_first_comes_first_and_what_has_no_date_last(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    second = desk.receive(received="2010-02-10")
    first = desk.receive(received="2010-02-08")
    given_time = desk.receive(received="2010-02-10", deadline={"due": "2010-02-12T10:00:00+01:00"})
    undated = desk.receive(medium="phone", received="2010-01-04")
    desk.take(undated, "AcknowledgeEnquiry", team="Byg")
    ended = desk.receive(received="2010-01-04")
    desk.take(ended, "CloseEnquiry", closing="withdrawn", waive="Trukket")
    follow(store, [VIEW])
    found = ids(listed(store, EnquiryQuery(sort="deadline")))
    assert found == [first, given_time, second, undated, ended]
    open_ones = ids(listed(store, EnquiryQuery(sort="deadline", open=True)))
    assert open_ones == found[:-1]
    pages: list[str] = []
    after = None
    for _ in range(5):
        with store.reading() as reader:
            page = enquiries.inbox(
                reader, V, OPEN - 1, None, EVERYTHING, judged(),
                EnquiryQuery(sort="deadline", limit=2, after=after),
            )  # fmt: skip
        pages += [orjson.loads(each)["id"] for each in page.items]
        after = page.next
        if after is None:
            break
    assert pages == found


@pytest.mark.parametrize(
    ("by", "state"),
    [
        ("2010-03-03", "running"),
        ("2010-03-04", "at_risk"),
        ("2010-03-08", "at_risk"),
        (datetime(2010, 3, 8, 22, 59, tzinfo=UTC), "at_risk"),
        (datetime(2010, 3, 8, 23, 0, tzinfo=UTC), "overdue"),
        ("2010-03-09", "overdue"),
    ],
)
def test_a_deadline_is_in_time_until_its_day_is_over(
    desk: Desk, quick_store: ViewStore, follow: Follow, by: str | datetime, state: str
) -> None:
    enquiry = desk.receive(received="2010-02-22")
    follow(quick_store, [VIEW])
    for asked in ("running", "at_risk", "overdue", "met", "missed"):
        query = EnquiryQuery(deadline=asked, clock="answer")
        assert ids(listed(quick_store, query, by=by)) == ([enquiry] if asked == state else [])
    found = {d["code"]: d["state"] for d in item(quick_store, enquiry, by=by)["deadlines"]}
    assert found["written_answer"] == state


def test_a_moment_given_as_deadline_is_judged_by_the_moment(
    desk: Desk, quick_store: ViewStore, follow: Follow
) -> None:
    enquiry = desk.receive(deadline={"due": "2010-02-26T12:00:00+01:00"})
    follow(quick_store, [VIEW])
    due = datetime(2010, 2, 26, 11, tzinfo=UTC)
    for by, state in ((due, "at_risk"), (due + timedelta(seconds=1), "overdue")):
        shown = item(quick_store, enquiry, by=by)["deadlines"]
        assert {d["code"]: d["state"] for d in shown}["given"] == state


def test_before_the_routing_was_known_it_is_not_routed(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    enquiry = desk.receive()
    before = desk.story.log.head()
    desk.take(enquiry, "RouteEnquiry", to="TMF")
    desk.take(enquiry, "AnswerEnquiry", answer_kind="substantive")
    follow(store, [VIEW])
    for sort in ("deadline", "received"):
        query = EnquiryQuery(unit=frozenset({"id-TMF"}), sort=sort)
        assert listed(store, query, at=before) == []
        assert ids(listed(store, query)) == [enquiry]
        assert ids(listed(store, EnquiryQuery(sort=sort), at=before)) == [enquiry]
    assert item(store, enquiry, at=before)["phase"] == "received"
    assert len(steps(store, enquiry, at=before)) == 1
    assert item(store, enquiry, at=before - 2) is None
    assert item(store, enquiry, day="2010-02-21") is None
    assert listed(store, day="2010-02-21") == []


def test_a_figure_counts_each_enquiry_under_every_unit_and_once_in_all(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    both = desk.receive(administrations=["TMF", "SOF"])
    desk.take(both, "RouteEnquiry", to="TMF")
    desk.take(both, "RouteEnquiry", to="SOF", additional=True)
    desk.receive(received="2010-01-04")
    follow(store, [VIEW])
    with store.reading() as reader:
        found = list(
            enquiries.matching(reader, V, OPEN - 1, None, EVERYTHING, judged(), EnquiryQuery())
        )
    counts = counted(found, ("unit",), judged())
    assert counts.total == 2
    assert {(r["unit"]["name"] if r["unit"] else None): r["count"] for r in counts.rows} == {
        "TMF": 1,
        "SOF": 1,
        None: 1,
    }
    by_deadline = counted(found, ("month", "deadline"), judged())
    assert by_deadline.rows == [
        {"month": "2010-01", "deadline": "overdue", "count": 1},
        {"month": "2010-02", "deadline": "at_risk", "count": 1},
    ]
    hidden = counted(found, ("deadline",), judged(), marks=False)
    assert hidden.rows == [{"deadline": None, "count": 2}]


def test_a_page_that_looked_at_much_ends_and_goes_on(
    desk: Desk, quick_store: ViewStore, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [desk.receive(received=f"2010-02-{day:02}") for day in range(1, 8)]
    for enquiry in (made[0], made[6]):
        desk.take(enquiry, "AcknowledgeEnquiry", team="Byg", occurred="2010-02-08")
    follow(quick_store, [VIEW])
    monkeypatch.setattr(enquiries, "LIMIT_MAX", 2)
    monkeypatch.setattr(enquiries, "ASKED_OF_MAX", 4)
    query = EnquiryQuery(clock="first_response", deadline="met", sort="deadline", limit=1)

    def page(after: tuple[str, int] | None) -> enquiries.Page:
        with quick_store.reading() as reader:
            return enquiries.inbox(
                reader,
                V,
                OPEN - 1,
                None,
                EVERYTHING,
                judged(),
                EnquiryQuery(**{**asdict(query), "after": after}),
                keep=lambda found: found.version > 1,
            )

    found: list[str] = []
    asked, after = 0, None
    while True:
        some = page(after)
        asked += 1
        found += [orjson.loads(each)["id"] for each in some.items]
        after = some.next
        if after is None:
            break
    assert found == [made[6]], "the other one answered too late"
    assert asked > 1


def test_one_found_by_two_of_the_same_family_is_listed_once(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    both = desk.receive(administrations=["TMF", "SOF"])
    follow(store, [VIEW])
    family = frozenset({"id-TMF", "id-SOF"})
    for sort in ("received", "deadline"):
        query = EnquiryQuery(administration=family, sort=sort)
        assert ids(listed(store, query)) == [both]
    many = frozenset(f"id-{n}" for n in range(20)) | family
    assert ids(listed(store, EnquiryQuery(administration=many))) == [both]


# ── by index ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query",
    [
        EnquiryQuery(sort="deadline", open=True),
        EnquiryQuery(),
        EnquiryQuery(sort="deadline", unit=frozenset({"id-TMF"})),
        EnquiryQuery(sender=frozenset({"id-KAB"})),
    ],
)
def test_a_list_reads_one_range_of_one_index(
    desk: Desk, quick_store: ViewStore, follow: Follow, query: EnquiryQuery
) -> None:
    for _ in range(3):
        desk.take(desk.receive(), "RouteEnquiry", to="TMF")
    follow(quick_store, [VIEW])
    plans: list[str] = []
    with quick_store.reading() as reader:

        class Spy:
            dialect = reader.dialect

            def all(self, sql: str, params: Any = ()) -> Any:
                plans.append(
                    "\n".join(
                        str(row[3]) for row in reader.all(f"EXPLAIN QUERY PLAN {sql}", params)
                    )
                )
                return reader.all(sql, params)

        enquiries.inbox(Spy(), V, OPEN - 1, None, EVERYTHING, judged(), query)  # type: ignore[arg-type]
    assert plans
    lines = [line for plan in plans for line in plan.splitlines()]
    assert all("INDEX" in line or "PRIMARY KEY" in line for line in lines if "TEMP" not in line)
    # What holds by now is read in order; only what was replaced meanwhile is sorted.
    assert "TEMP B-TREE" not in plans[0]
