"""Contacts as rows: what lists, items and histories show, to whom, and as known when."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import Role, Sight
from domain.log.codec import Codec
from projections.contact_body import compose, render
from projections.contacts import VIEW, ContactQuery, Page, history, newest, one
from projections.runner import Runner, digest, positions
from projections.storage import ViewStore, open_views
from tests.projections.memory import EVERYTHING, MemoryLog, Story, blind_to_assessment, seeing

Follow = Callable[..., Runner]
KIM = {"name": "Kim Larsen", "role": "direktør", "party": "KAB"}
V = "contacts_1_1"


def ask(
    store: ViewStore,
    query: ContactQuery | None = None,
    *,
    at: int | None = None,
    day: str | None = None,
    sight: Sight = EVERYTHING,
    matches: tuple[str, Any] | None = None,
) -> Page:
    state = positions(store)["contacts"]
    with store.reading() as reader:
        position = state.position if at is None else at
        return newest(reader, state.suffix, position, day, sight, query or ContactQuery(), matches)


def ids(page: Page) -> list[str]:
    return [orjson.loads(item)["id"] for item in page.items]


def item(
    store: ViewStore, contact: str, *, at: int | None = None, sight: Sight = EVERYTHING
) -> Any:
    with store.reading() as reader:
        position = positions(store)["contacts"].position if at is None else at
        found = one(reader, V, position, None, sight, contact)
    return None if found is None else orjson.loads(found.body)


def steps(
    store: ViewStore, contact: str, *, at: int | None = None, sight: Sight = EVERYTHING
) -> Any:
    with store.reading() as reader:
        position = positions(store)["contacts"].position if at is None else at
        found = history(reader, V, position, sight, contact)
    return None if found is None else [orjson.loads(step) for step in found]


# ── items and histories ──────────────────────────────────────────────────────────────────────────


def test_an_item_is_the_same_bytes_as_the_answer_to_its_writing(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    contact = story.log_contact(participants=[KIM], assessment="skeptisk")
    story.correct(contact, subject="Genhusning")
    follow(store, [VIEW])
    with store.reading() as reader:
        found = one(reader, V, 2, None, EVERYTHING, contact)
    assert found is not None
    assert found.body == compose(render(story.facts(contact)), EVERYTHING)
    assert (found.version, found.position) == (2, 2)


def test_history_tells_each_step_from_what_to_what_and_why(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    contact = story.log_contact()
    story.correct(contact, subject="Genhusning", medium="mail", reason="hørt forkert")
    link = story.link(contact, "2009-116302")
    story.unlink(contact, link)
    story.retract(contact)
    follow(store, [VIEW])
    told = steps(store, contact)
    assert [(s["version"], s["type"], s["summary_da"], s["reason"]) for s in told] == [
        (1, "contact.logged/1", "Kontakt registreret", None),
        (2, "contact.corrected/1", "Medie og emne berigtiget", "hørt forkert"),
        (3, "contact.linked/1", "Tilknyttet sag 2009-116302", None),
        (4, "contact.unlinked/1", "Tilknytning til sag 2009-116302 fjernet", "forkert sag"),
        (5, "contact.retracted/1", "Kontakt trukket tilbage", "skulle ikke være registreret"),
    ]
    assert told[1]["changes"] == [
        {"field": "medium", "before": "phone", "after": "mail"},
        {"field": "subject", "before": "Udlejning", "after": "Genhusning"},
    ]
    assert told[4]["changes"] == [{"field": "status", "before": "corrected", "after": "retracted"}]
    assert [s["contact"]["subject"] for s in told[:2]] == ["Udlejning", "Genhusning"]
    assert told[1]["contact"] == item(store, contact, at=2)
    assert len(steps(store, contact, at=3)) == 3
    assert steps(store, contact, at=0) is None


def test_a_change_of_who_took_part_is_told_person_by_person(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    bo = {"name": "Bo Hansen", "party": "KAB"}
    contact = story.log_contact(participants=[KIM, bo])
    story.correct(
        contact, participants=[KIM | {"role": "formand"}, {"name": "Ida", "party": "KAB"}]
    )
    follow(store, [VIEW])
    changes = steps(store, contact)[1]["changes"]
    named = [[x and (x["name"], x["role"]) for x in (c["before"], c["after"])] for c in changes]
    assert named == [
        [("Bo Hansen", None), None],
        [("Kim Larsen", "direktør"), ("Kim Larsen", "formand")],
        [None, ("Ida", None)],
    ]
    assert steps(store, contact)[1]["summary_da"] == "Deltagere berigtiget"
    blind = repr(steps(store, contact, sight=seeing(Role.COUNCILLOR)))
    assert blind == "None"


def test_history_hides_persons_and_assessment_from_those_who_may_not_see_them(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    contact = story.log_contact(
        participants=[KIM], assessment="skeptisk", confidentiality="open", subject="s"
    )
    story.correct(contact, participants=[KIM | {"role": "formand"}], assessment="positiv")
    story.correct(contact, assessment="neutral")
    follow(store, [VIEW])
    open_text = repr(steps(store, contact, sight=seeing(Role.COUNCILLOR)))
    assert "Kim" not in open_text and "positiv" not in open_text and "p-" not in open_text
    told = steps(store, contact, sight=blind_to_assessment())
    assert [s["summary_da"] for s in told[1:]] == ["Deltagere berigtiget", "Kontakt berigtiget"]
    assert told[2]["changes"] == []
    assert steps(store, contact)[2]["summary_da"] == "Intern vurdering berigtiget"


def test_what_was_written_while_confidential_stays_hidden_after_the_opening(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    contact = story.log_contact(confidentiality="restricted", subject="hemmeligt")
    story.correct(contact, confidentiality="open", subject="åbent")
    follow(store, [VIEW])
    (step,) = steps(store, contact, sight=seeing(Role.COUNCILLOR))
    assert (step["version"], step["changes"]) == (2, [])
    assert "hemmeligt" not in repr(step)
    assert len(steps(store, contact)) == 2


def test_a_contact_made_confidential_shows_no_history(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    contact = story.log_contact(confidentiality="open")
    story.correct(contact, confidentiality="restricted")
    follow(store, [VIEW])
    assert steps(store, contact, sight=seeing(Role.COUNCILLOR)) is None
    assert item(store, contact, sight=seeing(Role.COUNCILLOR)) is None
    assert item(store, contact, at=1, sight=seeing(Role.COUNCILLOR)) is not None


def test_an_erased_text_can_be_corrected_and_its_history_told(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    contact = story.log_contact(facts="aftalt")
    story.correct(contact, facts="aftalt igen")
    story.keys.destroy(f"contact:{contact}")
    follow(store, [VIEW])
    assert positions(store)["contacts"].error is None
    assert steps(store, contact)[1]["changes"] == [
        {"field": "facts", "before": None, "after": None}
    ]
    assert item(store, contact)["erased"] is True


# ── lists ────────────────────────────────────────────────────────────────────────────────────────


def test_the_newest_day_comes_first_and_pages_continue_where_they_left(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    days = ["2010-02-03", "2010-02-01", "2010-02-03", "2010-02-02", "2010-02-03"]
    made = [story.log_contact(occurred=day) for day in days]
    follow(store, [VIEW])
    expected = [made[n] for n in (4, 2, 0, 3, 1)]
    for query in ({}, {"organisations": frozenset({"id-KAB"})}):
        found: list[str] = []
        after: tuple[str, int] | None = None
        while True:
            page = ask(store, ContactQuery(limit=2, after=after, **query))
            found += ids(page)
            if page.next is None:
                break
            after = page.next
        assert found == expected


def test_a_family_of_parties_is_merged_and_each_contact_shown_once(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    both = story.log_contact(organisations=["KAB", "AKB"])
    kab = story.log_contact(organisations=["KAB"], occurred="2010-02-23")
    akb = story.log_contact(organisations=["AKB"], occurred="2010-02-21")
    follow(store, [VIEW])
    family = frozenset({"id-KAB", "id-AKB"})
    assert ids(ask(store, ContactQuery(organisations=family))) == [kab, both, akb]
    assert ids(ask(store, ContactQuery(organisations=family, limit=2))) == [kab, both]
    assert ids(ask(store, ContactQuery(organisations=frozenset()))) == []


FILTERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"channel": "entry_point"}, {"channel": "entry_point"}),
    ({"medium": "mail"}, {"medium": "mail"}),
    ({"direction": "outbound"}, {"direction": "outbound"}),
    ({"outcome": "not_reached"}, {"outcome": "not_reached"}),
    ({"confidentiality": "open"}, {"confidentiality": "open"}),
    ({"topics": ["tag"]}, {"topic": "tag"}),
    ({"kle": ["03.10.24"]}, {"kle": "03.10"}),
    ({"case_numbers": ["2009-1"]}, {"case_number": "2009-1"}),
    ({"flags": ["imported"]}, {"flag": "imported"}),
    ({"source": {"system": "esdh", "id": "1"}}, {"source_system": "esdh"}),
    ({"enquiry": "17"}, {"link_target": "enquiry:17"}),
    ({"organisations": ["AKB"]}, {"organisations": frozenset({"id-AKB"})}),
    ({"organisations": ["AKB"]}, {"parties": frozenset({"id-AKB"})}),
    ({"administrations": ["SOF"]}, {"administrations": frozenset({"id-SOF"})}),
    ({"participants": [{"name": "Bo", "party": "AKB"}]}, {"parties": frozenset({"id-AKB"})}),
    (
        {"participants": [{"name": "Bo", "spoke_for": ["AKB"]}]},
        {"parties": frozenset({"id-AKB"})},
    ),
    ({"occurred": "2010-03"}, {"occurred_from": "2010-03-31"}),
    ({"occurred": "2010-01"}, {"occurred_to": "2010-01-01"}),
]


@pytest.mark.parametrize("other", [{}, {"organisations": frozenset({"id-KAB", "id-AKB"})}])
@pytest.mark.parametrize(("given_fields", "asked"), FILTERS, ids=lambda x: str(x)[:60])
def test_each_filter_finds_what_bears_it_and_nothing_else(
    quick_store: ViewStore,
    story: Story,
    follow: Follow,
    given_fields: dict[str, Any],
    asked: dict[str, Any],
    other: dict[str, Any],
) -> None:
    story.log_contact()
    wanted = story.log_contact(**given_fields)
    story.log_contact()
    follow(quick_store, [VIEW])
    assert ids(ask(quick_store, ContactQuery(**(other | asked)))) == [wanted]


def test_a_party_in_another_role_is_not_found_as_organisation(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    story.log_contact(participants=[{"name": "Bo", "party": "AKB"}])
    follow(store, [VIEW])
    akb = frozenset({"id-AKB"})
    assert ids(ask(store, ContactQuery(organisations=akb))) == []
    assert ids(ask(store, ContactQuery(administrations=akb))) == []
    assert len(ids(ask(store, ContactQuery(parties=akb)))) == 1


def test_recording_time_narrows_to_the_microsecond(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    made = [story.log_contact() for _ in range(3)]
    story.correct(made[1], subject="senere berigtiget")
    follow(store, [VIEW])
    second = story.facts(made[1])[0].recorded_at
    query = ContactQuery(recorded_from=second, recorded_to=second)
    assert ids(ask(store, query)) == [made[1]]


def test_retracted_contacts_are_listed_only_when_asked_for(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    contact = story.log_contact()
    story.retract(contact)
    follow(store, [VIEW])
    assert ids(ask(store)) == []
    assert ids(ask(store, at=1)) == [contact]
    assert ids(ask(store, ContactQuery(include_retracted=True))) == [contact]


def test_what_took_place_after_the_day_asked_for_is_left_out(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    early = story.log_contact(occurred="2010-02-01")
    story.log_contact(occurred="2010-02-02")
    follow(store, [VIEW])
    assert ids(ask(store, day="2010-02-01")) == [early]


def test_a_text_search_narrows_by_the_numbers_it_found(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    story.log_contact()
    wanted = story.log_contact()
    follow(store, [VIEW])
    query = ContactQuery(text="x", organisations=frozenset({"id-KAB"}))
    sql = "SELECT x.number FROM contact_contacts_1_1 x WHERE x.number = ?"
    assert ids(ask(store, query, matches=(sql, [2]))) == [wanted]


@pytest.mark.parametrize(
    ("role", "scopes", "seen"),
    [
        (Role.RECORDS_OFFICER, (), "open internal restricted akb social"),
        (Role.INTEGRATION, (), "open internal akb social"),
        (Role.COUNCILLOR, (), "open"),
        (Role.ORGANISATION, ("party:id-AKB",), "akb"),
        (Role.ORGANISATION, (), ""),
        (Role.MANAGER, ("kle:27",), "social"),
        (Role.MANAGER, ("kle:03", "party:id-AKB"), ""),
    ],
)
def test_lists_items_and_histories_show_only_what_one_may_see(
    store: ViewStore, story: Story, follow: Follow, role: Role, scopes: tuple[str, ...], seen: str
) -> None:
    made = {
        "open": story.log_contact(confidentiality="open"),
        "internal": story.log_contact(),
        "restricted": story.log_contact(confidentiality="restricted"),
        "akb": story.log_contact(organisations=["AKB"]),
        "social": story.log_contact(kle=["27.03.00"]),
    }
    follow(store, [VIEW])
    sight = seeing(role, *scopes)
    expected = {made[name] for name in seen.split()}
    assert set(ids(ask(store, sight=sight))) == expected
    for contact in made.values():
        assert (item(store, contact, sight=sight) is not None) == (contact in expected)
        assert (steps(store, contact, sight=sight) is not None) == (contact in expected)


def test_the_newest_of_a_party_are_read_from_one_index_without_sorting(
    quick_store: ViewStore, story: Story, follow: Follow
) -> None:
    story.log_contact()
    follow(quick_store, [VIEW])
    plans: list[str] = []

    class Explaining:
        def __init__(self, reader: Any) -> None:
            self.reader = reader

        def all(self, sql: str, params: Any = ()) -> Any:
            plans.extend(row[3] for row in self.reader.all(f"EXPLAIN QUERY PLAN {sql}", params))
            return self.reader.all(sql, params)

    queries = (ContactQuery(organisations=frozenset({"id-KAB"})), ContactQuery())
    with quick_store.reading() as reader:
        for query in queries:
            newest(Explaining(reader), V, 1, None, EVERYTHING, query)  # type: ignore[arg-type]
    assert plans == [
        "SEARCH x USING PRIMARY KEY (kind=? AND value=?)",
        "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)",
        "SCAN c USING INDEX contact_newest_contacts_1_1",
    ]


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────

PARTY_SETS = st.lists(st.sampled_from(["KAB", "AKB"]), min_size=1, max_size=2, unique=True)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["direct", "entry_point"]),
        "medium": st.sampled_from(["phone", "mail"]),
        "occurred": st.sampled_from(["2010-02-22", "2010-02", "2010-02-23T10:00:00Z"]),
        "organisations": PARTY_SETS,
        "subject": st.sampled_from(["a", "b"]),
        "facts": st.sampled_from(["aftalt", "ikke aftalt"]),
        "assessment": st.sampled_from(["god", "skidt"]),
        "confidentiality": st.sampled_from(["open", "internal", "restricted"]),
        "kle": st.sampled_from([[], ["03.10.24"]]),
        "topics": st.sampled_from([[], ["tag"]]),
        "participants": st.sampled_from([[], [KIM], [{"role": "formand", "party": "AKB"}]]),
    },
)
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["log", "log", "correct", "retract", "link", "unlink"]),
        st.integers(0, 5),
        FIELDS,
    ),
    max_size=14,
)


def tell(story: Story, moves: Iterable[tuple[str, int, dict[str, Any]]]) -> list[str]:
    """Play the moves that the rules allow, and return the contacts."""
    made: list[str] = []
    links: dict[str, list[str]] = {}
    for move, which, fields in moves:
        if move == "log" or not made:
            made.append(story.log_contact(**fields))
            continue
        contact = made[which % len(made)]
        state = story.states[contact]
        if state.retracted:
            continue
        if move == "correct":
            number = str(state.version)
            story.correct(contact, **(fields | {"place": f"lokale {number}"}))
        elif move == "retract":
            story.retract(contact)
        elif move == "link":
            links.setdefault(contact, []).append(story.link(contact, f"sag {state.version}"))
        elif links.get(contact):
            story.unlink(contact, links[contact].pop())
    return made


def followed(folder: Path, name: str, log: MemoryLog, codec: Codec, page: int) -> ViewStore:
    store = open_views(f"sqlite:///{folder}/{name}.db")
    Runner(log, codec, store, [VIEW], page_facts=page).catch_up()
    return store


@given(moves=MOVES, page=st.integers(1, 15), other=st.integers(1, 15))
def test_the_same_log_gives_the_same_rows_in_any_page_size(
    tmp_path_factory: pytest.TempPathFactory, moves: Any, page: int, other: int
) -> None:
    story = Story()
    tell(story, moves)
    folder = tmp_path_factory.mktemp("digest")
    one_store = followed(folder, "one", story.memory, story.codec, page)
    two_store = followed(folder, "two", story.memory, story.codec, other)
    kept = digest(one_store, "contacts")
    assert digest(two_store, "contacts") == kept
    runner = Runner(story.log, story.codec, two_store, [VIEW])
    runner.rebuild("contacts")
    runner.catch_up()
    assert positions(two_store)["contacts"].generation == 2
    assert digest(two_store, "contacts") == kept
    one_store.close()
    two_store.close()


QUERIES = (
    ContactQuery(),
    ContactQuery(include_retracted=True, limit=2),
    ContactQuery(parties=frozenset({"id-KAB"})),
    ContactQuery(organisations=frozenset({"id-AKB", "id-KAB"}), channel="direct"),
    ContactQuery(kle="03", topic="tag", include_retracted=True),
    ContactQuery(occurred_from="2010-02-23", medium="mail"),
    ContactQuery(case_number="sag 1"),
)
SIGHTS = (EVERYTHING, seeing(Role.COUNCILLOR), seeing(Role.ORGANISATION, "party:id-AKB"))


def everything(store: ViewStore, at: int, contacts: Iterable[str]) -> list[object]:
    """All answers that a reader could be given at a position."""
    v = positions(store)["contacts"].suffix
    told: list[object] = []
    with store.reading() as reader:
        for sight in SIGHTS:
            told += [newest(reader, v, at, None, sight, query) for query in QUERIES]
            told += [one(reader, v, at, None, sight, contact) for contact in contacts]
            told += [history(reader, v, at, sight, contact) for contact in contacts]
    return told


@given(moves=MOVES)
def test_as_known_at_a_position_is_what_a_log_that_ended_there_tells(
    tmp_path_factory: pytest.TempPathFactory, moves: Any
) -> None:
    story = Story()
    made = tell(story, moves)
    folder = tmp_path_factory.mktemp("as-of")
    whole = followed(folder, "whole", story.memory, story.codec, 5)
    for position in range(story.log.head() + 1):
        short = followed(
            folder, f"short{position}", story.memory.upto(position), story.codec, 1_000
        )
        assert everything(whole, position, made) == everything(short, position, made)
        short.close()
    whole.close()


@given(moves=MOVES)
def test_lists_agree_with_a_plain_reading_of_the_facts(
    tmp_path_factory: pytest.TempPathFactory, moves: Any
) -> None:
    story = Story()
    made = tell(story, moves)
    store = followed(tmp_path_factory.mktemp("model"), "views", story.memory, story.codec, 4)
    plain = [orjson.loads(compose(render(story.facts(contact)), EVERYTHING)) for contact in made]
    standing = [c for c in plain if c["status"] != "retracted"]

    def parties(contact: Any) -> set[str]:
        people = [p["party"] for p in contact["participants"] if p["party"]]
        return {p["id"] for p in contact["administrations"] + contact["organisations"] + people}

    def found(**asked: Any) -> set[str]:
        return set(ids(ask(store, ContactQuery(**asked))))

    assert found() == {c["id"] for c in standing}
    assert found(include_retracted=True) == {c["id"] for c in plain}
    assert found(parties=frozenset({"id-AKB"})) == {
        c["id"] for c in standing if "id-AKB" in parties(c)
    }
    assert found(kle="03.10", medium="mail") == {
        c["id"] for c in standing if c["kle"] and c["medium"] == "mail"
    }
    assert set(ids(ask(store, sight=SIGHTS[1]))) == {
        c["id"] for c in standing if c["confidentiality"] == "open"
    }
    store.close()
