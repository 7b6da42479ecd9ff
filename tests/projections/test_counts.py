"""Counts: two ways, one answer, whatever happened and in whatever pages it was applied."""

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.access import Role, Sight
from domain.errors import Refused
from domain.log.codec import Fact
from domain.values import Confidentiality
from projections import counts
from projections.count_rows import VIEW
from projections.count_shapes import period_of
from projections.counts import KEPT_REPORTS_MAX, RecentReports, ReportQuery, report
from projections.storage import ViewStore, open_views
from tests.projections.memory import EVERYTHING, seeing

V = "counts_2_1"
OURS = ("A1", "A2")
THEIRS = ("O1", "O2", "O3")
TIMES = (None, "month", "quarter", "year", "day", "weekday")
SPLITS = ("administration", "organisation", "channel", "medium", "direction", "confidentiality")
SPANS = (0, 0, 0, 6, 20, 45, 200, 500)
DAYS = [(date(2010, 1, 1) + timedelta(days=n * 9)).isoformat() for n in range(60)]
contents = st.fixed_dictionaries(
    {
        "channel": st.sampled_from(["direct", "entry_point"]),
        "medium": st.sampled_from(["phone", "mail"]),
        "direction": st.sampled_from(["inbound", "outbound"]),
        "confidentiality": st.sampled_from(["open", "internal", "restricted"]),
        "negotiation": st.booleans(),
        "outcome": st.sampled_from(["held", "held", "not_reached"]),
        "administrations": st.sets(st.sampled_from(OURS), min_size=1),
        "organisations": st.sets(st.sampled_from(THEIRS)),
        "people": st.sets(st.sampled_from(THEIRS), max_size=2),
        "kle": st.sets(st.sampled_from(["03.10.24", "03.1", "00.22"]), max_size=2),
        "first": st.sampled_from(DAYS),
        "span": st.sampled_from(SPANS),
    }
)
steps = st.one_of(
    st.tuples(st.just("log"), contents),
    st.tuples(st.just("log"), contents),
    st.tuples(st.just("correct"), contents, st.integers(0, 20), st.booleans()),
    st.tuples(st.just("retract"), st.integers(0, 20)),
    st.tuples(st.just("merge"), st.permutations(THEIRS)),
    st.tuples(st.just("unmerge"), st.sampled_from(THEIRS)),
    st.tuples(st.just("receive"), st.integers(0, 20)),
    st.tuples(st.sampled_from(["closed", "reopened", "split"]), st.integers(0, 20)),
)


def content(given: dict[str, Any]) -> dict[str, Any]:
    last = date.fromisoformat(given["first"]) + timedelta(days=given["span"])
    occurred = {"first_day": given["first"], "last_day": last.isoformat(), "precision": "range"}
    parties = {
        side: [{"id": party, "name": party} for party in sorted(given[side])]
        for side in ("administrations", "organisations")
    }
    plain = ("channel", "medium", "direction", "confidentiality", "outcome")
    more: dict[str, Any] = {"kle": sorted(given["kle"]), "occurred": occurred}
    if given.get("negotiation"):  # events of before the field do not have it
        more["negotiation"] = True
    return {**{key: given[key] for key in plain}, **parties, **more}


def people(given: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"party": {"id": p, "name": p}, "spoke_for": []} for p in sorted(given["people"])]


def told(script: Sequence[tuple[Any, ...]]) -> list[Fact]:
    """Facts of a script, after the registration of all parties."""
    facts: list[Fact] = []
    live: list[str] = []
    merged: set[str] = set()
    enquiries: list[str] = []

    def tell(kind: str, data: dict[str, Any]) -> None:
        facts.append(Fact(len(facts) + 1, len(facts) * 1_000_000, "", kind, {}, data))

    for party in (*OURS, *THEIRS):
        data = {"party_id": party, "name": f"navn {party}", "abbreviation": None}
        tell("party.registered/1", data | {"valid_from": None})
    for kind, *rest in script:
        if kind == "log":
            live.append(f"c{len(facts)}")
            logged = {"contact_id": live[-1], "content": content(rest[0])}
            tell("contact.logged/1", logged | {"participants": people(rest[0])})
        elif kind == "correct" and live:
            who = people(rest[0]) if rest[2] else None
            logged = {"contact_id": live[rest[1] % len(live)], "content": content(rest[0])}
            tell("contact.corrected/1", logged | {"participants": who})
        elif kind == "retract" and live:
            tell("contact.retracted/1", {"contact_id": live.pop(rest[0] % len(live))})
        elif kind == "merge" and not merged & {*rest[0][:2]}:
            merged.add(rest[0][0])
            tell("party.merged/1", {"party_id": rest[0][0], "into_party_id": rest[0][1]})
        elif kind == "unmerge" and rest[0] in merged:
            merged.discard(rest[0])
            tell("party.unmerged/1", {"party_id": rest[0]})
        elif kind == "receive" and live:
            enquiries.append(f"e{len(facts)}")
            came_with = {"contact_id": live[rest[0] % len(live)]}
            tell("enquiry.received/1", {"enquiry_id": enquiries[-1]} | came_with)
        elif kind in {"closed", "reopened", "split"} and enquiries:
            tell(f"enquiry.{kind}/1", {"enquiry_id": enquiries[rest[0] % len(enquiries)]})
    return facts


def apply(store: ViewStore, facts: Sequence[Fact], page: int) -> None:
    with store.writing() as tx:
        for ddl in VIEW.tables():
            tx.run(store.ddl(ddl, V))
    for start in range(0, len(facts), page):
        with store.writing() as tx:
            VIEW.apply(tx, V, facts[start : start + page])


def recount(
    facts: Sequence[Fact], at: int, day: str | None, sight: Sight, query: ReportQuery
) -> dict[tuple[Any, ...], int]:
    """Count by reading the facts from the start: slow, and with no table to be wrong in."""
    standing, into = standing_at(facts[:at])
    by_now = standing_at(facts, keep_retracted=sight.unfinished)[0]

    def stands(party: str) -> str:
        while party in into:
            party = into[party]
        return party

    groups: dict[tuple[Any, ...], set[str]] = {}
    for contact, (held, who) in standing.items():
        if not counts_in(held, who, day, sight, query):
            continue
        if contact not in by_now or not is_seen(*by_now[contact], sight):
            continue
        for ours, theirs in itertools.product(
            [p["id"] for p in held["administrations"]],
            [p["id"] for p in held["organisations"]] or [None],
        ):
            sides = {"administration": stands(ours), "organisation": theirs and stands(theirs)}
            wanted = {"administration": query.administrations, "organisation": query.organisations}
            if any(
                of is not None and sides[side] not in {stands(party) for party in of}
                for side, of in wanted.items()
            ):
                continue
            key = tuple(value_of(name, held, sides) for name in query.by)
            groups.setdefault(key, set()).add(contact)
    return {key: len(found) for key, found in groups.items()}


Standing = dict[str, tuple[dict[str, Any], set[str]]]


def standing_at(
    facts: Sequence[Fact], *, keep_retracted: bool = False
) -> tuple[Standing, dict[str, str]]:
    """Contacts with their parties of participants, and which party is merged into which."""
    standing: Standing = {}
    into: dict[str, str] = {}
    came_with: dict[str, str] = {}
    under_way: dict[str, bool] = {}
    for fact in facts:
        data = fact.data
        match fact.type:
            case "contact.logged/1" | "contact.corrected/1":
                known = standing.get(data["contact_id"])
                told_of = data["participants"]
                who = (
                    known[1]
                    if told_of is None and known
                    else {p["party"]["id"] for p in told_of or ()}
                )
                standing[data["contact_id"]] = (data["content"], who)
            case "contact.retracted/1" if not keep_retracted:
                del standing[data["contact_id"]]
            case "party.merged/1":
                into[data["party_id"]] = data["into_party_id"]
            case "party.unmerged/1":
                del into[data["party_id"]]
            case "enquiry.received/1":
                came_with[data["enquiry_id"]] = data["contact_id"]
                under_way[data["enquiry_id"]] = True
            case "enquiry.closed/1" | "enquiry.reopened/1" | "enquiry.split/1":
                under_way[data["enquiry_id"]] = fact.type == "enquiry.reopened/1"
    awaited = {came_with[enquiry] for enquiry, still in under_way.items() if still}
    return {
        contact: (
            held | {"final": contact not in awaited and not held.get("negotiation", False)},
            who,
        )
        for contact, (held, who) in standing.items()
    }, into


def is_seen(held: dict[str, Any], who: set[str], sight: Sight) -> bool:
    all_parties = {p["id"] for p in held["administrations"] + held["organisations"]} | who
    under = [
        k == s or (k.startswith(s) and k[len(s)] == ".")
        for k in held["kle"]
        for s in sight.kle or ()
    ]
    return (
        held["confidentiality"] in sight.confidentialities
        and (held["confidentiality"] != "open" or held["final"] or sight.unfinished)
        and (sight.parties is None or not sight.parties.isdisjoint(all_parties))
        and (sight.kle is None or any(under))
    )


def counts_in(
    held: dict[str, Any], who: set[str], day: str | None, sight: Sight, query: ReportQuery
) -> bool:
    first, last = held["occurred"]["first_day"], held["occurred"]["last_day"]
    return (
        (day is None or first <= day)
        and (query.date_from is None or last >= query.date_from)
        and (query.date_to is None or first <= query.date_to)
        and all(
            asked is None or asked == held[name]
            for name, asked in (
                ("channel", query.channel),
                ("medium", query.medium),
                ("direction", query.direction),
                ("outcome", query.outcome),
            )
        )
        and is_seen(held, who, sight)
    )


def value_of(name: str, held: dict[str, Any], sides: dict[str, Any]) -> Any:
    first, last = held["occurred"]["first_day"], held["occurred"]["last_day"]
    quarters = {f"{d[:4]}-Q{(int(d[5:7]) - 1) // 3 + 1}" for d in (first, last)}
    match name:
        case "day":
            return first if first == last else None
        case "weekday":
            return date.fromisoformat(first).isoweekday() if first == last else None
        case "month":
            return first[:7] if first[:7] == last[:7] else None
        case "quarter":
            return quarters.pop() if len(quarters) == 1 else None
        case "year":
            return first[:4] if first[:4] == last[:4] else None
        case "administration" | "organisation":
            return sides[name]
        case _:
            return held[name]


def answered(
    store: ViewStore, at: int, day: str | None, sight: Sight, query: ReportQuery
) -> tuple[dict[tuple[Any, ...], int], int]:
    with store.reading() as reader:
        found = report(reader, V, at, day, sight, query)
    rows = [orjson.loads(row) for row in found.rows]
    assert found.groups == len(rows)

    def plain(value: Any) -> Any:
        return value["id"] if isinstance(value, dict) else value

    keyed = {tuple(plain(row[name]) for name in query.by): row["contacts"] for row in rows}
    assert len(keyed) == len(rows)
    return keyed, found.total


queries = st.builds(
    lambda time, split, **given: ReportQuery(by=(*split, time) if time else tuple(split), **given),
    st.sampled_from(TIMES),
    st.lists(st.sampled_from(SPLITS), unique=True, max_size=3),
    date_from=st.none() | st.sampled_from(["2010-02-01", "2010-03-15", "2011-01-01"]),
    date_to=st.none() | st.sampled_from(["2010-06-30", "2010-08-07", "2010-12-31"]),
    administrations=st.none() | st.frozensets(st.sampled_from(OURS)),
    organisations=st.none() | st.frozensets(st.sampled_from(THEIRS)),
    channel=st.none() | st.sampled_from(["direct", "entry_point"]),
    medium=st.none() | st.sampled_from(["phone", "mail"]),
    direction=st.none() | st.just("inbound"),
    outcome=st.sampled_from(["held", None, "not_reached"]),
)
sights = st.builds(
    Sight,
    confidentialities=st.frozensets(st.sampled_from(Confidentiality)),
    parties=st.none() | st.none() | st.frozensets(st.sampled_from([*OURS, *THEIRS])),
    kle=st.none() | st.none() | st.sampled_from([("03.10",), ("03.1",), ("00", "03")]),
    persons=st.just(True),
    assessment=st.just(True),
    unfinished=st.booleans(),
)


@pytest.mark.timeout(1_800)
@settings(max_examples=60)
@given(
    script=st.lists(steps, max_size=25),
    page=st.integers(1, 30),
    asked=st.lists(st.tuples(queries, sights, st.none() | st.sampled_from(DAYS)), min_size=8),
    back=st.integers(0, 12),
)
def test_every_report_equals_a_recount_from_the_facts(
    script: list[tuple[Any, ...]],
    page: int,
    asked: list[tuple[ReportQuery, Sight, str | None]],
    back: int,
) -> None:
    facts = told(script)
    with tempfile.TemporaryDirectory() as folder:
        store = open_views(f"sqlite:///{folder}/views.db")
        apply(store, facts, page)
        for query, sight, day in asked:
            for at in {len(facts), max(0, len(facts) - back)}:
                rows, total = answered(store, at, day, sight, query)
                assert rows == recount(facts, at, day, sight, query) or not query.by
                alone = recount(facts, at, day, sight, replace(query, by=()))
                assert total == alone.get((), 0)
        store.close()


def some_facts() -> list[Fact]:
    """A fixed tale with everything in it, the same on both databases."""
    base = {
        "channel": "direct", "medium": "phone", "direction": "inbound",
        "confidentiality": "internal", "outcome": "held", "administrations": {"A1"},
        "organisations": {"O1"}, "people": set(), "kle": {"03.10.24"}, "first": "2010-02-22",
        "span": 0,
    }  # fmt: skip
    script: list[tuple[Any, ...]] = [("log", base)]
    for n in range(30):
        varied = base | {
            "first": DAYS[n],
            "span": SPANS[n % 8],
            "organisations": set(THEIRS[: n % 4]),
            "administrations": set(OURS[: 1 + n % 2]),
            "people": {THEIRS[n % 3]} if n % 5 == 0 else set(),
            "confidentiality": ["open", "internal", "restricted"][n % 3],
            "channel": ["direct", "entry_point"][n % 2],
            "medium": ["phone", "mail"][n // 2 % 2],
        }
        script.append(("log", varied))
        if n == 12:
            script.append(("merge", ["O2", "O1", "O3"]))
        if n == 20:
            script += [("correct", varied, 3, False), ("retract", 5), ("merge", ["O3", "O1", "O2"])]
            script += [("receive", 0), ("receive", 3), ("log", varied | {"negotiation": True})]
    closing = [("closed", 0), ("reopened", 0), ("closed", 1)]
    return told([*script, ("unmerge", "O2"), ("correct", base, 4, True), *closing])


@pytest.mark.parametrize("page", [1, 7, 1000])
def test_both_databases_count_alike_at_every_position(store: ViewStore, page: int) -> None:
    facts = some_facts()
    apply(store, facts, page)
    sight_of_one = seeing(Role.ORGANISATION, "party:O2")
    for at in range(0, len(facts) + 1, 3 if page != 1000 else 9):
        for by in ((), ("organisation", "month"), ("administration", "organisation", "channel"),
                   ("confidentiality", "year"), ("weekday",), ("medium", "channel")):  # fmt: skip
            for sight in (EVERYTHING, sight_of_one, seeing(Role.COUNCILLOR, "kle:03")):
                query = ReportQuery(by=by, date_from="2010-01-20", outcome=None)
                rows, total = answered(store, at, "2011-01-15", sight, query)
                want = recount(facts, at, "2011-01-15", sight, query)
                assert rows == (want or {(): 0} if by == () else want)
                assert total == recount(facts, at, "2011-01-15", sight, replace(query, by=())).get(
                    (), 0
                )


@pytest.mark.parametrize("time", TIMES)
def test_every_two_dimensions_beside_a_time_are_told_apart(
    quick_store: ViewStore, time: str | None
) -> None:
    """A weekday is a number, and so is the term of a party: neither is written as the other."""
    facts = some_facts()
    apply(quick_store, facts, 1000)
    for split in [(), *((one,) for one in SPLITS), *itertools.permutations(SPLITS, 2)]:
        by = (*split, time) if time else split
        query = ReportQuery(by=by, outcome=None)
        rows, _ = answered(quick_store, len(facts), None, EVERYTHING, query)
        assert rows == recount(facts, len(facts), None, EVERYTHING, query)


def test_tallies_are_the_same_however_the_facts_were_paged(tmp_path: Path) -> None:
    facts = some_facts()

    def tables(page: int) -> Iterator[list[Any]]:
        store = open_views(f"sqlite:///{tmp_path}/{page}.db")
        apply(store, facts, page)
        with store.reading() as reader:
            for name in ("facts", "marks", "tallies", "contacts", "terms", "head"):
                yield sorted(reader.all(f"SELECT * FROM count_{name}_{V}"))
        store.close()

    assert [*tables(1)] == [*tables(5)] == [*tables(1000)]


def test_the_recount_would_notice_a_tally_off_by_one(quick_store: ViewStore) -> None:
    facts = some_facts()
    apply(quick_store, facts, 10)
    query = ReportQuery(by=("organisation",))
    at = len(facts)
    want = recount(facts, at, None, EVERYTHING, query)
    assert answered(quick_store, at, None, EVERYTHING, query)[0] == want
    with quick_store.writing() as tx:
        tx.run(
            f"UPDATE count_tallies_{V} SET held_internal_direct=held_internal_direct+1 WHERE kind=2"
        )
    assert answered(quick_store, at, None, EVERYTHING, query)[0] != want


def test_rows_name_parties_and_sort_by_name_or_by_count(quick_store: ViewStore) -> None:
    facts = some_facts()
    apply(quick_store, facts, 10)
    with quick_store.reading() as reader:
        by = ("organisation",)
        named = report(reader, V, len(facts), None, EVERYTHING, ReportQuery(by=by)).rows
        most = report(
            reader, V, len(facts), None, EVERYTHING, ReportQuery(by=by, sort="-count", limit=1)
        )
    shown = [orjson.loads(row) for row in named]
    assert [row["organisation"] and row["organisation"]["name"] for row in shown] == [
        "navn O1",
        "navn O2",
        None,
    ]
    assert orjson.loads(most.rows[0])["contacts"] == max(row["contacts"] for row in shown)
    assert most.groups == len(shown)


def test_a_kept_report_is_given_only_to_the_same_question_with_the_same_sight(
    quick_store: ViewStore,
) -> None:
    facts = some_facts()
    apply(quick_store, facts, 10)
    kept = RecentReports()
    few = replace(EVERYTHING, confidentialities=frozenset({Confidentiality.OPEN}))
    by = ReportQuery(by=("organisation", "month"))
    questions = [
        (at, day, sight, query)
        for at in (len(facts), len(facts) - 5)
        for day in (None, "2010-05-01")
        for sight in (EVERYTHING, few, seeing(Role.ORGANISATION, "party:O2"))
        for query in (by, replace(by, medium="phone"))
    ]
    assert len(questions) > KEPT_REPORTS_MAX
    with quick_store.reading() as reader:
        for at, day, sight, query in (*questions, *reversed(questions)):
            given = kept.report(reader, V, at, day, sight, query)
            assert given == report(reader, V, at, day, sight, query)
            assert kept.report(reader, V, at, day, sight, query) is given


def test_a_long_report_is_not_kept(quick_store: ViewStore) -> None:
    facts = some_facts()
    apply(quick_store, facts, 10)
    query = ReportQuery(by=("organisation",))
    with quick_store.reading() as reader:
        for rows_max, same in ((3, True), (2, False)):
            kept = RecentReports(rows_max)
            first = kept.report(reader, V, len(facts), None, EVERYTHING, query)
            assert len(first.rows) == 3
            again = kept.report(reader, V, len(facts), None, EVERYTHING, query)
            assert again == first
            assert (again is first) is same


def test_an_unknown_or_doubled_dimension_is_refused(quick_store: ViewStore) -> None:
    apply(quick_store, [], 1)
    for by in (("colour",), ("month", "year"), ("channel", "channel")):
        with quick_store.reading() as reader, pytest.raises(Refused):
            report(reader, V, 0, None, EVERYTHING, ReportQuery(by=by))


def test_a_period_is_the_smallest_of_month_quarter_and_year_that_holds_both_days() -> None:
    assert period_of("2010-02-01", "2010-02-28") == "2010-02"
    assert period_of("2010-02-28", "2010-03-01") == "2010-Q1"
    assert period_of("2010-03-31", "2010-04-01") == "2010"
    assert period_of("2010-12-31", "2011-01-01") == ""


def test_the_dimensions_are_those_promised() -> None:
    assert set(SPLITS) < set(counts.DIMENSIONS)
