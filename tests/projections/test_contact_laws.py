"""Laws of the view of contacts: any page size, any position, and a plain reading, agree."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import Role, Sight
from domain.enquiries import Closing, EnquiryClosed, EnquiryReceived, EnquiryReopened
from domain.log.codec import Codec
from domain.service_targets import EnquiryKind
from domain.values import Confidentiality, ContactId, Occurred
from projections.contact_body import compose, render
from projections.contacts import VIEW, ContactQuery, history, newest, one
from projections.runner import Runner, digest, positions
from projections.storage import OPEN, ViewStore, open_views
from tests.projections.asking import KIM, ask, ids
from tests.projections.memory import EVERYTHING, PARTIES, MemoryLog, Story, seeing

Follow = Callable[..., Runner]

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
        "negotiation": st.booleans(),
        "kle": st.sampled_from([[], ["03.10.24"]]),
        "topics": st.sampled_from([[], ["tag"]]),
        "participants": st.sampled_from([[], [KIM], [{"role": "formand", "party": "AKB"}]]),
    },
)
MOVES = st.lists(
    st.tuples(
        st.sampled_from(
            ["log", "log", "correct", "retract", "link", "unlink", "receive", "close", "reopen"]
        ),
        st.integers(0, 5),
        FIELDS,
    ),
    max_size=14,
)


def tell(story: Story, moves: Iterable[tuple[str, int, dict[str, Any]]]) -> list[str]:
    """Play the moves that the rules allow, and return the contacts."""
    made: list[str] = []
    links: dict[str, list[str]] = {}
    enquiries: list[str] = []
    for move, which, fields in moves:
        if move == "log" or not made:
            made.append(story.log_contact(**fields))
            continue
        contact = made[which % len(made)]
        state = story.states[contact]
        if move == "receive":
            enquiries.append(f"e{len(enquiries)}")
            story.tell(received(enquiries[-1], contact))
        elif move in ENDS and enquiries:
            told = {"enquiry_id": enquiries[which % len(enquiries)], "version": 2}
            story.tell(ENDS[move](**told, occurred=MOMENT, **CLOSING[move]))
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


MOMENT = Occurred.model_validate(
    {
        "from": "2010-02-22",
        "to": "2010-02-22",
        "precision": "day",
        "text": None,
        "first_day": "2010-02-22",
        "last_day": "2010-02-22",
    },
    strict=False,
)
ENDS: dict[str, Any] = {"close": EnquiryClosed, "reopen": EnquiryReopened}
CLOSING: dict[str, Any] = {"close": {"closing": next(iter(Closing))}, "reopen": {}}


def received(enquiry_id: str, contact: str) -> EnquiryReceived:
    return EnquiryReceived(
        enquiry_id=enquiry_id,
        contact_id=ContactId(contact),
        sender=PARTIES["KAB"],
        medium="email",
        written=True,
        kind=next(iter(EnquiryKind)),
        received=MOMENT,
        received_day="2010-02-22",
        text=None,
        confidentiality=Confidentiality.OPEN,
    )


def followed(folder: Path, name: str, log: MemoryLog, codec: Codec, page: int) -> ViewStore:
    store = open_views(f"sqlite:///{folder}/{name}.db")
    Runner(log, codec, store, [VIEW], page_facts=page).catch_up()
    return store


@pytest.mark.timeout(1_800)
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


def everything(
    store: ViewStore, at: int, contacts: Iterable[str], sights: Iterable[Sight] = SIGHTS
) -> list[object]:
    """All answers that a reader could be given at a position."""
    v = positions(store)["contacts"].suffix
    told: list[object] = []
    with store.reading() as reader:
        for sight in sights:
            told += [newest(reader, v, at, None, sight, query) for query in QUERIES]
            told += [one(reader, v, at, None, sight, contact) for contact in contacts]
            told += [history(reader, v, at, sight, contact) for contact in contacts]
    return told


@pytest.mark.timeout(1_800)
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
        all_seeing = [EVERYTHING]
        told = everything(whole, position, made, all_seeing)
        assert told == everything(short, position, made, all_seeing)
        for sight in SIGHTS[1:]:
            assert_nothing_hidden_by_now_is_told(whole, short, position, made, sight)
        short.close()
    whole.close()


def assert_nothing_hidden_by_now_is_told(
    whole: ViewStore, short: ViewStore, position: int, made: Iterable[str], sight: Sight
) -> None:
    """Whoever may not see a contact by now is not told how it was; the rest is as it was."""
    v = positions(whole)["contacts"].suffix
    with whole.reading() as now, short.reading() as then:
        for contact in made:
            by_now = one(now, v, OPEN - 1, None, sight, contact)
            told = [
                (one(reader, v, position, None, sight, contact),
                 history(reader, v, position, sight, contact))
                for reader in (now, then)
            ]  # fmt: skip
            assert told[0] == (told[1] if by_now else (None, None))
        every = ContactQuery(include_retracted=True, limit=500)
        hidden = {c for c in made if one(now, v, OPEN - 1, None, sight, c) is None}
        want = [
            item
            for item in newest(then, v, position, None, sight, every).items
            if orjson.loads(item)["id"] not in hidden
        ]
        assert newest(now, v, position, None, sight, every).items == want


@pytest.mark.timeout(1_800)
@given(moves=MOVES)
def test_lists_agree_with_a_plain_reading_of_the_facts(
    tmp_path_factory: pytest.TempPathFactory, moves: Any
) -> None:
    story = Story()
    made = tell(story, [move for move in moves if move[0] != "receive"])
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
        c["id"] for c in standing if c["confidentiality"] == "open" and not c["negotiation"]
    }
    store.close()
