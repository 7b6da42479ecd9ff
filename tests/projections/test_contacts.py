"""Contacts as rows: what lists, items and histories show, to whom, and as known when."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.access import Role
from domain.contacts import ContactRetracted
from domain.values import ContactId
from projections.contact_body import compose, render
from projections.contacts import VIEW, ContactQuery, newest, one
from projections.runner import Runner, positions
from projections.storage import ViewStore, open_views
from tests.projections.asking import KIM, V, ask, ids, item, steps
from tests.projections.memory import EVERYTHING, Story, blind_to_assessment, seeing

Follow = Callable[..., Runner]


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
    eva = {"name": "Eva Holm", "party": "KAB"}
    ida = {"name": "Ida", "party": "KAB"}
    contact = story.log_contact(participants=[KIM, bo, eva])
    story.correct(contact, participants=[KIM | {"role": "formand"}, eva, ida])
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
    assert item(store, contact, at=1, sight=seeing(Role.COUNCILLOR)) is None
    assert steps(store, contact, at=1, sight=seeing(Role.COUNCILLOR)) is None
    assert item(store, contact, at=1)["confidentiality"] == "open"


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


def test_an_item_is_not_shown_before_the_day_it_took_place(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    contact = story.log_contact(occurred="2010-02-22")
    follow(store, [VIEW])
    with store.reading() as reader:
        assert one(reader, V, 1, "2010-02-21", EVERYTHING, contact) is None
        assert one(reader, V, 1, "2010-02-22", EVERYTHING, contact) is not None


def test_a_change_to_a_contact_never_logged_parks_the_view(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    story.log_contact()
    story.tell(ContactRetracted(contact_id=ContactId("none"), version=2, why=None))
    follow(store, [VIEW])
    state = positions(store)["contacts"]
    assert (state.position, state.failed_at, state.error) == (1, 2, "log_broken")


# ── lists ────────────────────────────────────────────────────────────────────────────────────────


def test_the_newest_day_comes_first_and_pages_continue_where_they_left(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    days = ["2010-02-03", "2010-02-01", "2010-02-03", "2010-02-02", "2010-02-03"]
    made = [story.log_contact(occurred=day) for day in days]
    follow(store, [VIEW])
    expected = [made[n] for n in (4, 2, 0, 3, 1)]
    for kab in (None, frozenset({"id-KAB"})):
        found: list[str] = []
        after: tuple[str, int] | None = None
        while True:
            page = ask(store, ContactQuery(organisations=kab, limit=2, after=after))
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


def test_a_contact_filed_on_a_case_is_found_by_the_case_until_it_is_taken_off(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    contact = story.log_contact()
    link = story.link(contact, "2009-1")
    story.link(contact, "17", kind="meeting")
    story.unlink(contact, link)
    follow(store, [VIEW])
    by_case, by_meeting = ContactQuery(case_number="2009-1"), ContactQuery(link_target="meeting:17")
    assert [ids(ask(store, by_case, at=at)) for at in (1, 2, 4)] == [[], [contact], []]
    assert [ids(ask(store, by_meeting, at=at)) for at in (2, 3, 4)] == [[], [contact], [contact]]


def test_a_group_of_the_kle_with_many_numbers_and_half_a_number(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    made = [story.log_contact(kle=[f"03.{n:02}.00"]) for n in range(1, 21)]
    story.log_contact(kle=["27.03.00"])
    follow(store, [VIEW])
    assert ids(ask(store, ContactQuery(kle="03"))) == made[::-1]
    assert ids(ask(store, ContactQuery(kle="03.1"))) == []
    assert ids(ask(store, ContactQuery(kle="03.10"))) == [made[9]]


def test_a_text_search_narrows_by_the_numbers_it_found(
    store: ViewStore, story: Story, follow: Follow
) -> None:
    story.log_contact()
    wanted = story.log_contact()
    follow(store, [VIEW])
    query = ContactQuery(text="x", organisations=frozenset({"id-KAB"}))
    sql = "SELECT x.number FROM contact_contacts_2_1 x WHERE x.number = ?"
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
        "SEARCH x USING PRIMARY KEY (term=?)",
        "SCALAR SUBQUERY 1",
        "SEARCH t USING COVERING INDEX term_value_contacts_2_1 (value=? AND kind=?)",
        "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)",
        "SCAN c USING INDEX contact_newest_contacts_2_1",
    ]


@pytest.mark.postgres
def test_postgresql_reads_the_newest_of_a_party_in_order_too(
    postgres_url: str, story: Story, follow: Follow
) -> None:
    for number in range(1_200):
        story.log_contact(occurred=f"2010-0{1 + number % 9}-0{1 + number % 7}")
    store = open_views(postgres_url)
    follow(store, [VIEW], page_facts=300)
    plan: list[str] = []

    class Explaining:
        def __init__(self, reader: Any) -> None:
            self.reader = reader

        def all(self, sql: str, params: Any = ()) -> Any:
            plan.extend(row[0] for row in self.reader.all(f"EXPLAIN {sql}", params))
            return self.reader.all(sql, params)

    query = ContactQuery(organisations=frozenset({"id-KAB"}))
    with store.reading() as reader:
        newest(Explaining(reader), V, 1_200, None, EVERYTHING, query)  # type: ignore[arg-type]
    store.close()
    assert not [line for line in plan if "Sort" in line]
    assert [line for line in plan if "Index Scan Backward using link_contacts_2_1_pkey" in line]
