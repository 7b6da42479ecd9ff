"""The registers over PostgreSQL: one play on two stores, and every question answered alike.

The database sorts letters as Danes do, so an order that is left to it shows.
"""

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from zoneinfo import ZoneInfo

import psycopg
import pytest

from domain.registers import REGISTERS
from domain.storage import clock
from tests.api.builders import Json, settings_in
from tests.api.register_play import (
    ABROAD,
    HOME,
    MET_IN,
    NAMES,
    Answer,
    Played,
    Question,
    answers,
    differences,
    every_question,
    following,
    moments,
    play,
    values_of,
)
from tests.conftest import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(900)]  # the first plays for all
NUMBERS = itertools.count(1)


@dataclasses.dataclass
class Both:
    """The same play on both stores, and what each answered."""

    sqlite: Played
    postgres: Played
    questions: list[Question]
    here: dict[Question, Answer]
    there: dict[Question, Answer]

    def found(self, who: str, path: str, **params: str) -> list[Json]:
        """The entries of a list that was asked for."""
        return self.there[Question(who, path, tuple(params.items()))].items


@contextmanager
def danish(postgres_server: PostgresServer) -> Iterator[str]:
    """A database of Danish letters, dropped with whoever is still connected."""
    name = f"registers_{next(NUMBERS)}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'da-DK'"
        )
        yield postgres_server.url(name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> Iterator[str]:
    with danish(postgres_server) as made:
        yield made


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Iterator[Both]:
    while True:
        with ExitStack() as doors:
            database = doors.enter_context(danish(postgres_server))
            played, begun = [], days()
            for name in ("sqlite", "postgres"):
                folder = tmp_path_factory.mktemp(name)
                more = {"store": database} if name == "postgres" else {}
                settings = settings_in(folder, followers="off", data_dir=folder, **more)
                played.append(play(doors.enter_context(following(settings))))
            here, there = played
            questions = every_question(here)
            both = Both(here, there, questions, answers(here, questions), answers(there, questions))
            if days() == begun:  # else midnight came between, and the stores differ by a day
                yield both
                return


def days() -> tuple[date, date]:
    """The day of the log's times, and the day in the municipality."""
    now = clock.now()
    return now.date(), now.astimezone(ZoneInfo("Europe/Copenhagen")).date()


def test_the_play_comes_to_the_same_on_both(both: Both) -> None:
    assert both.sqlite.head == both.postgres.head
    assert list(both.sqlite.records) == list(both.postgres.records)
    assert {register.name for register, _ in both.sqlite.records.values()} == set(REGISTERS)
    for (_, here), (_, there) in zip(
        both.sqlite.records.values(), both.postgres.records.values(), strict=True
    ):
        assert both.sqlite.told(json.dumps(here)) == both.postgres.told(json.dumps(there))


def test_every_question_is_answered_alike(both: Both) -> None:
    assert differences(both.here, both.there) == []
    assert {answer.status for answer in both.there.values()} <= {200, 404}


def test_policies_say_the_same_once(both: Both) -> None:
    assert both.sqlite.said == both.postgres.said
    assert any(any(each) for each in both.postgres.said)
    for name, status in (("commitments", "broken"), ("agreements", "expired")):
        now = both.found("officer", f"/v1/{name}", limit="500")
        assert status in {item["status"] for item in now}


# ── nothing is alike because nothing was there ───────────────────────────────────────────────────


def test_every_filter_of_every_register_finds_something(both: Both) -> None:
    """A register whose examples never meet one of its filters needs a line in `MORE`."""
    for name, register in REGISTERS.items():
        for kind, values in values_of(both.postgres, register).items():
            found = [both.found("officer", f"/v1/{name}", **{kind: value}) for value in values]
            assert any(found), (name, kind)


def test_those_who_see_less_are_told_less_and_not_nothing(both: Both) -> None:
    seen = {
        who: {n: len(both.found(who, f"/v1/{n}", limit="500")) for n in REGISTERS}
        for who in both.postgres.viewers
    }
    for name in REGISTERS:
        assert 0 < seen["councillor"][name] < seen["officer"][name], name
        assert seen["auditor"][name] == seen["officer"][name], name
    for who in ("organisation", "abroad", "unit", "topic"):
        assert 0 < sum(seen[who].values()) < sum(seen["officer"].values()), who


def test_councillors_are_told_what_was_final_before_a_negotiation(both: Both) -> None:
    path = "/v1/agreements"
    agreements = both.found("officer", path, limit="500")
    under_way = {a["id"] for a in agreements if a["negotiation"] and a["confidentiality"] == "open"}
    told = both.found("councillor", path, limit="500")
    assert under_way & {item["id"] for item in told}
    assert not any(item["negotiation"] for item in told)


def test_pages_put_together_are_the_whole_list(both: Both) -> None:
    walks = [question for question in both.questions if question.walk]
    assert walks
    for walk in walks:
        sort = dict(walk.params).get("sort")
        whole = Question(
            walk.who, walk.path, (("limit", "500"), *((("sort", sort),) if sort else ()))
        )
        if "party" not in dict(walk.params):
            assert both.there[walk].items == both.there[whole].items, walk
            assert len(both.there[walk].items) > 1, walk


def test_what_looks_across_registers_finds_something(both: Both) -> None:
    assert len(both.found("officer", "/v1/positions/conditions")) > 1
    coverage = json.loads(
        both.there[Question("officer", "/v1/dialogues/coverage", (("year", MET_IN),))].body
    )
    without = [entry["organisation"]["name"] for entry in coverage["without"]]
    assert coverage["with"] and len(set(without) & set(NAMES)) > 2
    for key in (HOME, ABROAD):
        party = f"/v1/parties/{both.postgres.parties[key]}"
        assert len(both.found("officer", f"{party}/timeline", limit="500")) > len(REGISTERS)
        pack = json.loads(both.there[Question("officer", f"{party}/briefing")].body)
        assert pack["open_conditions"] and pack["contacts"] and pack["meetings"]
    feed = both.there[Question("officer", "/v1/meetings.ics")].body
    assert feed.count("BEGIN:VEVENT") > 2 and "X-KONTAKTLOG-LEFT-OUT:3" in feed


def test_the_past_is_another_answer_than_today(both: Both) -> None:
    for name in REGISTERS:
        path = f"/v1/{name}"
        counts = [
            len(both.found("officer", path, limit="500", as_of_recorded=str(at)))
            for at in moments(both.postgres)
        ]
        assert counts == sorted(counts) and counts[0] < counts[-1], name
    earlier, later = (
        [both.found("officer", f"/v1/{n}", limit="500", as_of_effective=day) for n in REGISTERS]
        for day in ("2010-02-21", "2012-06-30")
    )
    assert sum(map(len, earlier)) < sum(map(len, later))


# ── teeth ────────────────────────────────────────────────────────────────────────────────────────


def test_the_database_would_sort_letters_otherwise(database: str) -> None:
    """Otherwise an order left to the database would pass by luck."""
    query = "SELECT name FROM unnest(%s::text[]) AS name ORDER BY name"
    with psycopg.connect(database) as connection:
        rows = connection.execute(query, ([*NAMES],)).fetchall()
    assert [row[0] for row in rows] != sorted(NAMES)


@pytest.mark.parametrize(
    "changed",
    [
        lambda items: items[1:],
        lambda items: [items[1], items[0], *items[2:]],
        lambda items: [{**items[0], "confidentiality": "restricted!"}, *items[1:]],
    ],
    ids=["one lost", "two of one day swapped", "one otherwise"],
)
def test_one_answer_changed_in_one_place_is_found(
    both: Both, changed: Callable[[list[Json]], list[Json]]
) -> None:
    question = Question("officer", "/v1/forums", (("limit", "500"),))
    answer = both.there[question]
    body = json.loads(answer.body)
    body["items"] = changed(body["items"])
    other = dataclasses.replace(answer, body=json.dumps(body, ensure_ascii=False))
    assert differences(both.here, {**both.there, question: other}) == [question]


def test_a_store_that_lacks_the_last_events_is_found(both: Both) -> None:
    """The same questions as of another position of one store alone."""

    def of_position(at: int) -> list[Question]:
        return [
            Question("officer", f"/v1/{name}", (("limit", "500"), ("as_of_recorded", str(at))))
            for name in ("commitments", "agreements")
        ]

    head = both.postgres.head
    asked, behind = of_position(head), of_position(moments(both.postgres)[-2])
    late = dict(zip(asked, answers(both.postgres, behind).values(), strict=True))
    assert differences(answers(both.sqlite, asked), late) == asked
