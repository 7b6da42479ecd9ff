"""Search: what people type finds what they mean, and never what they may not see."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.access import Role, Sight
from domain.errors import Refused
from projections.runner import Runner, digest
from projections.search import VIEW, search_sql
from projections.stems import (
    GAP,
    STEM_CHARS_MAX,
    TOKENS_REMEMBERED_MAX,
    WORDS_MAX,
    Remembered,
    stems_of,
    stems_of_fields,
    terms_of,
)
from projections.storage import ViewStore, open_views
from tests.projections.memory import EVERYTHING, Story, seeing

V = "search_1_1"
Follow = Callable[..., Runner]


def found(store: ViewStore, text: str, at: int, sight: Sight = EVERYTHING) -> list[int]:
    with store.reading() as reader:
        sql, params = search_sql(reader, V, at, text, sight)
        return sorted(row[0] for row in reader.all(sql, params))


@pytest.fixture
def told(story: Story, store: ViewStore, follow: Follow) -> tuple[Story, ViewStore]:
    story.log_contact(
        subject="Udlejning i Boligorganisationerne",
        facts="Der blev talt om helhedsplanens økonomi. Ålholm, sag 2009-116302.",
        assessment="Fortroligt skøn om ledelsen",
        participants=[{"name": "Kim Larsen", "role": "direktør", "party": "KAB"}],
        topics=["tryghed"],
    )
    story.log_contact(subject="Tilsyn", facts="økonomi og helhedsplan", place="Valby")
    follow(store, [VIEW])
    return story, store


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("boligorganisation", [1]),
        ("BOLIGORGANISATIONERNE", [1]),
        ("bolig", [1]),
        ("organisation", [1]),
        ("org", []),
        ("plans", []),
        ("-bolig", [1, 2]),
        ("bolig tilsyn", []),
        ("bolig*", [1]),
        ("boligorganisatione*", [1]),
        ("alholm", []),
        ("ålholm", [1]),
        ("A\u030alholm", [1]),
        ("økonomi", [1, 2]),
        ("økonomi valby", [2]),
        ("økonomi -valby", [1]),
        ("-valby", [1]),
        ("-økonomi", []),
        ('"helhedsplanens økonomi"', [1]),
        ('"økonomi helhedsplan"', []),
        ('"økonomi og helhedsplan"', [2]),
        ('økonomi -"og helhedsplan"', [1]),
        ('"økonomi og helhedsplan', [2]),
        ("2009-116302", [1]),
        ("116302-2009", []),
        ("2009-1163*", [1]),
        ("tryghed TMF", [1]),
        ("direktør", [1]),
        ("kim larsen", [1]),
        ('"tilsyn økonomi"', []),
        ("", []),
        ("!!! ???", []),
        ("*", []),
    ],
)
def test_what_is_typed_finds_what_is_meant(
    told: tuple[Story, ViewStore], text: str, numbers: list[int]
) -> None:
    story, store = told
    assert found(store, text, story.log.head()) == numbers


def test_names_and_assessments_find_only_for_those_who_see_them(
    told: tuple[Story, ViewStore],
) -> None:
    story, store = told
    head = story.log.head()
    councillor, organisation = seeing(Role.COUNCILLOR), seeing(Role.ORGANISATION, "party:id-KAB")
    no_persons = replace(EVERYTHING, persons=False)
    assert found(store, "larsen", head) == [1]
    assert found(store, "larsen", head, councillor) == []
    assert found(store, "lar*", head, no_persons) == []
    assert found(store, '"kim larsen"', head, no_persons) == []
    assert found(store, "fortroligt", head) == [1]
    assert found(store, "fortroligt", head, organisation) == []
    assert found(store, '"fortroligt skøn"', head, organisation) == []
    # nor may leaving a word out tell that it is there
    assert found(store, "økonomi -larsen", head, no_persons) == [1, 2]
    assert found(store, "økonomi -fortroligt", head, organisation) == [1, 2]
    assert found(store, 'økonomi -"fortroligt skøn"', head, organisation) == [1, 2]
    assert found(store, "direktør", head, councillor) == [1]


def test_a_correction_is_found_from_its_position_on_and_the_old_words_until_then(
    story: Story, store: ViewStore, follow: Follow
) -> None:
    contact = story.log_contact(subject="Byggesag", participants=[{"name": "Kim Larsen"}])
    story.correct(contact, subject="Nedrivning")
    story.correct(contact, topics=["støj"])
    story.correct(contact, participants=[{"name": "Bo Hansen"}])
    follow(store, [VIEW])
    finds = [(1, "byggesag"), (2, "nedrivning"), (3, "støj nedrivning"), (4, "hansen nedrivning")]
    for at, words in finds:
        assert found(store, words, at) == [1]
    assert found(store, "byggesag", 2) == []
    assert found(store, "nedrivning", 1) == []
    assert found(store, "støj", 2) == []
    assert found(store, "larsen", 3) == [1]
    assert found(store, "larsen", 4) == []


def test_erased_text_and_names_find_nothing(story: Story, store: ViewStore, follow: Follow) -> None:
    contact = story.log_contact(
        subject="Nabostøj", facts="meget", participants=[{"name": "Kim Larsen", "role": "nabo"}]
    )
    story.correct(contact, facts="lidt")
    story.keys.destroy(f"contact:{contact}")
    person = story.states[contact].participants[0].person
    story.keys.destroy(f"person:{person}")
    follow(store, [VIEW])
    for at in (1, 2):
        assert [found(store, w, at) for w in ("nabostøj", "meget", "lidt", "larsen")] == [[]] * 4
    assert found(store, "nabo", 2) == [1]  # the role stays
    with store.reading() as reader:
        kept = str(reader.all(f"SELECT * FROM search_docs_{V}"))
        kept += str(reader.all(f"SELECT * FROM search_index_{V}"))
    assert "lars" not in kept
    assert "nabostøj" not in kept


def test_followed_in_pages_of_any_size_equals_built_at_once(
    story: Story, tmp_path: Path, follow: Follow
) -> None:
    for n in range(9):
        contact = story.log_contact(subject=f"Emne {n}", facts="fakta")
        if n % 3 == 0:
            story.correct(contact, facts="berigtiget")
    digests = set()
    for page in (1, 4, 1000):
        store = open_views(f"sqlite:///{tmp_path}/{page}.db")
        follow(store, [VIEW], page_facts=page)
        digests.add(digest(store, "search"))
        store.close()
    assert len(digests) == 1


def test_every_position_answers_as_a_fresh_build_of_the_log_until_there(
    story: Story, tmp_path: Path, follow: Follow, quick_store: ViewStore
) -> None:
    one = story.log_contact(subject="alfa beta")
    two = story.log_contact(subject="beta gamma")
    story.correct(one, subject="gamma")
    story.retract(two)
    story.correct(one, subject="alfa")
    follow(quick_store, [VIEW])
    for at in range(1, story.log.head() + 1):
        fresh = open_views(f"sqlite:///{tmp_path}/{at}.db")
        Runner(story.memory.upto(at), story.codec, fresh, [VIEW]).catch_up()
        for text in ("alfa", "beta", "gamma", "alf*", "-beta"):
            assert found(fresh, text, at) == found(quick_store, text, at)
        fresh.close()


def test_every_naughty_string_is_a_search(told: tuple[Story, ViewStore], shared_data: Path) -> None:
    story, store = told
    strings = orjson.loads((shared_data / "nasty" / "blns.json").read_bytes())
    assert len(strings) > 400
    for text in strings:
        for typed in (text, f'"{text}"', f"-{text}", f"{text}*"):
            if sum(len(term.stems) for term in terms_of(typed[:400])) <= WORDS_MAX:
                found(store, typed[:400], story.log.head())


@given(st.text(max_size=60) | st.text("\"*-():^{}'\\& |!<>ab\x00", max_size=30))
@example('"')
@example('a" OR "b')
@example("NEAR(a b)")
@example("stems : a")
def test_nothing_typed_is_an_error_of_syntax(text: str) -> None:
    for term in terms_of(text):
        assert term.stems
        for stem in term.stems:
            assert stem.isalnum() or not stem.isascii()
            assert not set(stem) & set("\"'\\*|&!:() \x00")


@given(st.text() | st.text("a bÅﬁ½ \u0301\u00b4\u00a0\u2003\u0345ßIİ.-|", max_size=40))
@example("A\u030alholm \u0301e a\u00a0b \u00b4 c")
def test_token_by_token_gives_the_stems_of_the_whole_text(text: str) -> None:
    once = [stem for stem in stems_of_fields([text]).split(" ") if stem not in ("", GAP)]
    assert once == stems_of(text)
    assert stems_of_fields([text]) == stems_of_fields([text])
    assert "  " not in stems_of_fields([text, "", text])


def test_remembered_words_are_bounded_in_number_and_length() -> None:
    asked: list[str] = []

    def made(token: str) -> str:
        asked.append(token)
        return token.upper()

    remembered = Remembered(made)
    tokens = [f"{n}" for n in range(TOKENS_REMEMBERED_MAX + 1)]
    assert [remembered[token] for token in (*tokens[:-1], tokens[0])] == [*tokens[:-1], tokens[0]]
    assert len(asked) == TOKENS_REMEMBERED_MAX  # the second time it knew
    assert remembered[tokens[-1]] == tokens[-1]
    assert len(remembered) == 1
    long = "x" * (STEM_CHARS_MAX + 1)
    assert remembered[long] == long.upper()
    assert long not in remembered


@pytest.fixture
def fuzzed(story: Story, quick_store: ViewStore, follow: Follow) -> ViewStore:
    story.log_contact(subject="ab a b", facts="aa")
    follow(quick_store, [VIEW])
    return quick_store


def test_odd_queries_run(fuzzed: ViewStore) -> None:
    for text in ('"a" "b"* -"a b"*', "- - -", '""""', "a*b*", "-a -b", "NOT a", "a AND (b", "ﬁ½²"):
        found(fuzzed, text, 1)


def test_a_search_of_a_hundred_words_runs_and_one_more_is_refused(
    told: tuple[Story, ViewStore],
) -> None:
    story, store = told
    words = [f"ord{n}" for n in range(WORDS_MAX)]
    assert found(store, " ".join(words), story.log.head()) == []
    assert found(store, f'"{" ".join(words)}"', story.log.head()) == []
    assert found(store, " ".join(f"-{word}" for word in words), story.log.head()) == [1, 2]
    with pytest.raises(Refused):
        found(store, " ".join([*words, "en"]), story.log.head())


def test_a_very_long_word_is_found(story: Story, store: ViewStore, follow: Follow) -> None:
    word = "æ" * 5 + "x" * 3000
    story.log_contact(subject="Langt", facts=word)
    follow(store, [VIEW])
    assert all(len(stem) <= STEM_CHARS_MAX for stem in stems_of(word))
    assert found(store, word[:400], 1) == []
    assert found(store, word[:400] + "*", 1) == [1]


def test_a_log_without_contacts_is_searched_without_a_fault(
    story: Story, store: ViewStore, follow: Follow
) -> None:
    follow(store, [VIEW])
    assert found(store, "boliger", story.log.head()) == []
