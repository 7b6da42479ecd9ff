"""The view `direct`: pairs and accounts, whatever happened and in whatever pages it was applied."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.log.codec import Fact
from projections.direct_rows import VIEW, account_body
from projections.storage import ViewStore, open_views

V = "direct_1_1"
OURS, THEIRS = ("A1", "A2"), ("O1", "O2", "O3")
DAYS = ("2010-02-22", "2010-02-23", "2010-03-01")
contents = st.fixed_dictionaries(
    {
        "channel": st.sampled_from(["direct", "entry_point"]),
        "direction": st.sampled_from(["inbound", "outbound"]),
        "outcome": st.sampled_from(["held", "not_reached"]),
        "administrations": st.sets(st.sampled_from(OURS), min_size=1),
        "organisations": st.sets(st.sampled_from(THEIRS)),
        "spoken": st.sets(st.sampled_from(THEIRS), max_size=2),
        "day": st.sampled_from(DAYS),
    }
)
steps = st.one_of(
    st.tuples(st.just("log"), contents),
    st.tuples(st.just("log"), contents),
    st.tuples(st.just("correct"), contents, st.integers(0, 20), st.booleans()),
    st.tuples(st.just("retract"), st.integers(0, 20)),
    st.tuples(st.just("tell"), st.booleans()),
    st.tuples(st.just("withdraw"), st.integers(0, 20)),
)


def refs(parties: Any) -> list[dict[str, str]]:
    return [{"id": party, "name": party} for party in sorted(parties)]


def content(given: dict[str, Any]) -> dict[str, Any]:
    occurred = {"first_day": given["day"], "last_day": given["day"]}
    sides = {side: refs(given[side]) for side in ("administrations", "organisations")}
    plain = {name: given[name] for name in ("channel", "direction", "outcome")}
    return {**plain, **sides, "occurred": occurred}


def account(account_id: str) -> dict[str, Any]:
    occurred = {"from": DAYS[0], "to": DAYS[0], "precision": "day", "text": None}
    return {
        "account_id": account_id,
        "side": "organisation",
        "administration": {"id": "A1", "name": "A1"},
        "organisation": {"id": "O1", "name": "O1"},
        "by_unit": None,
        "medium": "phone",
        "occurred": {**occurred, "first_day": DAYS[0], "last_day": DAYS[0]},
        "text": {"told": "Bedt om at skrive", "reason": None},
        "still_helped": None,
        "topics": [],
        "about": None,
        "confidentiality": "internal",
        "source": None,
    }


def told(script: Sequence[tuple[Any, ...]]) -> list[Fact]:
    facts: list[Fact] = []
    live: list[str] = []
    accounts: list[str] = []

    def tell(kind: str, data: dict[str, Any]) -> None:
        facts.append(Fact(len(facts) + 1, len(facts) * 1_000_000, "", kind, {}, data))

    for kind, *rest in script:
        if kind == "log":
            live.append(f"c{len(facts)}")
            who = [{"spoke_for": refs(rest[0]["spoken"])}]
            data = {"contact_id": live[-1], "content": content(rest[0]), "participants": who}
            tell("contact.logged/1", data)
        elif kind == "correct" and live:
            people = [{"spoke_for": refs(rest[0]["spoken"])}] if rest[2] else None
            data = {"contact_id": live[rest[1] % len(live)], "content": content(rest[0])}
            tell("contact.corrected/1", data | {"participants": people})
        elif kind == "retract" and live:
            tell("contact.retracted/1", {"contact_id": live.pop(rest[0] % len(live))})
        elif kind == "tell":
            accounts.append(f"a{len(facts)}")
            way = "redirected" if rest[0] else "refused"
            tell(f"direct_contact.{way}/1", account(accounts[-1]))
        elif kind == "withdraw" and accounts:
            gone = accounts.pop(rest[0] % len(accounts))
            why = {"reason": "fejl"}
            tell("direct_contact.account_withdrawn/1", {"account_id": gone, "why": why})
    return facts


def apply(store: ViewStore, facts: Sequence[Fact], page: int) -> None:
    with store.writing() as tx:
        for ddl in (*VIEW.tables(), *VIEW.indexes()):
            tx.run(store.ddl(ddl, V))
    for start in range(0, len(facts), page):
        with store.writing() as tx:
            VIEW.apply(tx, V, facts[start : start + page])


def rows(store: ViewStore) -> dict[str, list[tuple[Any, ...]]]:
    with store.reading() as reader:
        return {
            table: sorted(reader.all(f"SELECT * FROM direct_{table}_{V}"))
            for table in ("pair", "account")
        }


def valid(store: ViewStore, at: int) -> set[tuple[Any, ...]]:
    with store.reading() as reader:
        return set(
            reader.all(
                "SELECT contact_id, administration, organisation, first_day, channel, direction,"
                f" held, roles FROM direct_pair_{V} WHERE from_position<=? AND to_position>?",
                (at, at),
            )
        )


def recounted(facts: Sequence[Fact], at: int) -> set[tuple[Any, ...]]:
    """Pairs by reading the facts from the start: no table to be wrong in."""
    standing: dict[str, tuple[dict[str, Any], set[str]]] = {}
    for fact in facts[:at]:
        data = fact.data
        if fact.type == "contact.retracted/1":
            del standing[data["contact_id"]]
        elif "content" in data:
            known = standing.get(data["contact_id"], ({}, set[str]()))[1]
            people = data["participants"]
            spoken = known if people is None else {p["id"] for x in people for p in x["spoke_for"]}
            standing[data["contact_id"]] = (data["content"], spoken)
    found = set()
    for contact, (held, spoken) in standing.items():
        named = {party["id"] for party in held["organisations"]}
        for ours in held["administrations"]:
            for theirs in named | spoken or {""}:
                roles = int(theirs in named or not theirs) + 2 * (theirs in spoken)
                plain = (held["occurred"]["first_day"], held["channel"], held["direction"])
                outcome = int(held["outcome"] == "held")
                found.add((contact, ours["id"], theirs, *plain, outcome, roles))
    return found


@pytest.mark.timeout(1_800)
@given(st.lists(steps, max_size=25), st.integers(1, 8))
@settings(max_examples=40)
def test_rows_are_the_same_in_any_pages_and_true_at_any_position(
    script: list[tuple[Any, ...]], page: int
) -> None:
    facts = told(script)
    with TemporaryDirectory() as folder:
        stores = [open_views(f"sqlite:///{Path(folder)}/{name}.db") for name in ("one", "all")]
        try:
            apply(stores[0], facts, page)
            apply(stores[1], facts, 1_000)
            assert rows(stores[0]) == rows(stores[1])
            for at in range(len(facts) + 1):
                assert valid(stores[0], at) == recounted(facts, at)
        finally:
            for store in stores:
                store.close()


def test_pairs_and_accounts_lie_in_both_databases(store: ViewStore) -> None:
    given = {
        "channel": "direct",
        "direction": "inbound",
        "outcome": "held",
        "administrations": {"A1"},
        "organisations": {"O1"},
        "spoken": {"O2"},
        "day": DAYS[0],
    }
    other = given | {"organisations": {"O3"}}
    script = [("log", given), ("correct", other, 0, False), ("tell", True), ("withdraw", 0)]
    facts = told(script)
    apply(store, facts, 1)
    assert valid(store, 4) == recounted(facts, 4) != valid(store, 1)
    bodies = [orjson.loads(row[14]) for row in rows(store)["account"]]
    assert sorted(body["status"] for body in bodies) == ["told", "withdrawn"]
    assert account_body(facts[2:]) in bodies


@pytest.mark.parametrize(
    "kind", ["contact.corrected/1", "contact.retracted/1", "direct_contact.account_withdrawn/1"]
)
def test_what_follows_on_nothing_known_changes_nothing(quick_store: ViewStore, kind: str) -> None:
    data = {"contact_id": "c", "account_id": "a", "content": None, "participants": None}
    apply(quick_store, [Fact(1, 0, "", kind, {}, data)], 1)
    assert rows(quick_store) == {"pair": [], "account": []}
