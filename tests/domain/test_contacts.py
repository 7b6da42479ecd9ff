"""Contacts: what may be written down, corrected, retracted and filed, and what never can be."""

import inspect
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import assume
from hypothesis import given as for_all
from hypothesis import strategies as st
from pydantic import ValidationError

from domain import contacts
from domain.contacts import (
    ContactContent,
    ContactCorrected,
    ContactEvent,
    ContactLinked,
    ContactLogged,
    ContactRetracted,
    ContactState,
    ContactText,
    ContactUnlinked,
    CorrectContact,
    Known,
    LinkContact,
    LogContact,
    ReasonText,
    RetractContact,
    UnlinkContact,
    evolve,
    keys_named,
)
from domain.contacts.commands import AudienceGiven
from domain.errors import DomainError, Refused, Unknown
from domain.persons import Participant, PersonDetails, recognised_by
from domain.values import (
    CLOCK_TOLERANCE,
    Channel,
    Confidentiality,
    ContactId,
    Direction,
    Outcome,
    PersonalData,
)
from tests.domain.samples import (
    AAB,
    CONTACT,
    COPENHAGEN,
    KAB,
    NOW,
    SECRET,
    SOF,
    TMF,
    asked,
    contact_events,
    known,
    pseudonym,
)
from tests.domain.scenario import Refusal, Story, told

Command = LogContact | CorrectContact | RetractContact | LinkContact | UnlinkContact
LINK = "link-1"


def given(*events: ContactEvent) -> Story[ContactState]:
    return told(evolve, ContactState(), events)


def that(command: Command, facts: Known | None = None) -> Callable[[ContactState], Any]:
    """The decision a command asks for, as a function of the contact's state."""

    def decide(state: ContactState) -> Sequence[ContactEvent]:
        match command:
            case LogContact():
                return [contacts.log(command, CONTACT, facts or known())]
            case CorrectContact():
                return contacts.correct(state, command, facts or known())
            case RetractContact():
                return contacts.retract(state, command)
            case LinkContact():
                return contacts.link(state, command, LINK)
            case UnlinkContact():
                return contacts.unlink(state, command)

    return decide


def refused(code: str, *faults: tuple[str, str]) -> Refusal:
    return Refusal(Refused, code, faults)


def logged(**changed: Any) -> ContactLogged:
    return contacts.log(asked(**changed), CONTACT, known())


def correcting(**changed: Any) -> CorrectContact:
    return CorrectContact.model_validate({"reason": "tastefejl"} | changed, strict=False)


def after(*events: ContactEvent) -> ContactState:
    return reduce(evolve, events, ContactState())


RETRACTING = RetractContact(reason="dobbelt")
RETRACTED = ContactRetracted(contact_id=CONTACT, version=2, why=ReasonText(reason="dobbelt"))
FILING = LinkContact(kind="case", target="2009-116302")
LINKED = ContactLinked(
    contact_id=CONTACT, version=2, link_id=LINK, kind="case", target="2009-116302"
)
UNFILING = UnlinkContact(link_id=LINK, reason="forkert sag")
UNLINKED = ContactUnlinked(
    contact_id=CONTACT,
    version=3,
    link_id=LINK,
    kind="case",
    target="2009-116302",
    why=ReasonText(reason="forkert sag"),
)

# ── log ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_contact_is_written_down_as_it_was_told() -> None:
    occurred = asked().occurred.resolve(COPENHAGEN)
    expected = ContactLogged(
        contact_id=CONTACT,
        content=ContactContent(
            channel=Channel.DIRECT,
            direction=Direction.INBOUND,
            medium="phone",
            occurred=occurred,
            administrations=(TMF,),
            organisations=(KAB,),
            confidentiality=Confidentiality.INTERNAL,
            personal_data=PersonalData.ORDINARY,
            outcome=Outcome.HELD,
        ),
        text=ContactText(subject="Udlejning"),
    )
    given().when(that(asked())).then(expected)


def test_everything_told_is_kept() -> None:
    command = asked(
        audience={"text": "alle almene boligorganisationer", "kinds": ["federation"], "size": 60},
        facts="fakta",
        assessment="vurdering",
        place="Rådhuset",
        topics=["udlejning"],
        kle=["03.10.24"],
        case_numbers=["2009-116302"],
        document_numbers=["2010-140582"],
        confidentiality="open",
        personal_data="none",
        occasion="planned",
        outcome="not_reached",
        enquiry="E1",
        meeting="M1",
        commitments=[{"text": "svar", "by": "TMF", "to": "KAB", "due": "2010-03-01"}],
        follow_ups=[{"text": "ring", "owner": "TMF", "due": "2010-03-02"}],
        documented_at="2010-02-23",
        source={"system": "esdh", "id": "7"},
        flags=["checked"],
    )
    event = contacts.log(command, CONTACT, known())
    assert event.text is not None
    told_again = event.model_dump() | event.content.model_dump() | event.text.model_dump()
    left_out = {"id", "occurred", "administrations", "organisations", "on_behalf_of"}
    for name in LogContact.model_fields.keys() - left_out:
        assert told_again[name] == command.model_dump()[name], name


def test_a_direct_contact_never_waits_for_the_entry_point() -> None:
    """The memo of 2010: the new structure must not hinder the direct, ongoing contact."""
    assert "state" not in inspect.signature(contacts.log).parameters
    fields = {"channel", "direction", "medium", "occurred", "administrations", "subject"}
    required = {name for name, of in LogContact.model_fields.items() if of.is_required()}
    assert required == fields, "nothing of the entry point may be demanded"
    direct = contacts.log(asked(), CONTACT, known())
    assert direct.content.channel is Channel.DIRECT
    assert direct.enquiry is None
    for other in (RETRACTED, LINKED):
        given(logged(), other).when(that(asked())).then(direct)


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("direction", list(Direction))
def test_either_door_takes_a_contact_in_either_direction(
    channel: Channel, direction: Direction
) -> None:
    event = logged(channel=channel.value, direction=direction.value)
    assert (event.content.channel, event.content.direction) == (channel, direction)


def test_the_same_party_named_by_two_keys_counts_once() -> None:
    event = logged(organisations=["kab@almen", "AAB", "KAB"])
    assert event.content.organisations == (KAB, AAB)


def test_a_value_named_twice_is_kept_once() -> None:
    event = logged(
        topics=["a", "b", "a"],
        kle=["03", "03"],
        case_numbers=["1", "1"],
        document_numbers=["2", "2"],
        flags=["x", "x"],
    )
    content = event.content
    assert (content.topics, content.kle) == (("a", "b"), ("03",))
    assert (content.case_numbers, content.document_numbers, event.flags) == (("1",), ("2",), ("x",))


def test_a_broadcast_reaches_an_audience_without_naming_an_organisation() -> None:
    event = logged(organisations=[], audience={"text": "alle"})
    assert event.content.audience == AudienceGiven(text="alle")
    with pytest.raises(ValidationError, match="name at least one organisation"):
        asked(organisations=[])
    with pytest.raises(ValidationError, match="too_short"):
        asked(administrations=[])


@pytest.mark.parametrize(
    ("size", "fits"), [(0, False), (1, True), (10**7, True), (10**7 + 1, False)]
)
def test_the_size_of_an_audience_has_bounds(size: int, fits: bool) -> None:
    if fits:
        assert AudienceGiven(text="alle", size=size).size == size
    else:
        with pytest.raises(ValidationError):
            AudienceGiven(text="alle", size=size)


def test_an_audience_has_at_most_twenty_kinds() -> None:
    assert len(AudienceGiven(text="alle", kinds=("x",) * 20).kinds) == 20
    with pytest.raises(ValidationError):
        AudienceGiven(text="alle", kinds=("x",) * 21)


def test_every_fault_is_told_at_once() -> None:
    command = asked(
        occurred="2011",
        medium="pigeon",
        administrations=["TMF", "Ukendt"],
        organisations=["Boligen"],
        participants=[{"role": "x"}, {"role": "y", "party": "Ukendt", "spoke_for": ["KAB", "?"]}],
    )
    given().when(that(command)).refused(
        refused(
            "occurred_in_future",
            ("/occurred", "occurred_in_future"),
            ("/medium", "unknown_medium"),
            ("/administrations/1", "unknown_party"),
            ("/organisations/0", "ambiguous_party"),
            ("/participants/1/party", "unknown_party"),
            ("/participants/1/spoke_for/1", "unknown_party"),
        )
    )


def test_a_municipality_s_own_medium_is_known_when_it_says_so() -> None:
    facts = known(media=frozenset({"pigeon"}))
    event = contacts.log(asked(medium="pigeon"), CONTACT, facts)
    assert event.content.medium == "pigeon"
    given().when(that(asked(), facts)).refused(
        refused("unknown_medium", ("/medium", "unknown_medium"))
    )


def test_other_people_s_clocks_may_be_five_minutes_fast_and_not_more() -> None:
    limit = NOW + CLOCK_TOLERANCE
    given().when(that(asked(occurred=limit.isoformat()))).then(logged(occurred=limit.isoformat()))
    late = (limit + timedelta(microseconds=1)).isoformat()
    given().when(that(asked(occurred=late))).refused(
        refused("occurred_in_future", ("/occurred", "occurred_in_future"))
    )


def test_a_day_has_begun_when_it_has_in_the_municipality() -> None:
    """23:00 UTC is past midnight in Copenhagen; the tolerance reaches five minutes over it."""
    evening = known(now=NOW.replace(hour=22, minute=55))
    day = asked(occurred="2010-02-24")
    assert contacts.log(day, CONTACT, evening).content.occurred.first_day == "2010-02-24"
    before = known(now=NOW.replace(hour=22, minute=54, second=59))
    given().when(that(day, before)).refused(
        refused("occurred_in_future", ("/occurred", "occurred_in_future"))
    )


@pytest.mark.parametrize("occurred", ["2010-02", "2010", "2010-Q1", "2010-W08"])
def test_a_time_that_has_begun_is_not_in_the_future(occurred: str) -> None:
    assert logged(occurred=occurred).flags == ()


@pytest.mark.parametrize("occurred", ["2010-03", "2011", "2010-02-23T09:05:01Z"])
def test_a_register_s_time_in_the_future_is_kept_and_flagged(occurred: str) -> None:
    event = contacts.log(asked(occurred=occurred, flags=["old"]), CONTACT, known(lenient=True))
    assert event.flags == ("old", "occurred_in_future")
    assert contacts.log(asked(), CONTACT, known(lenient=True)).flags == ()


# ── participants ─────────────────────────────────────────────────────────────────────────────────


def test_a_participant_is_kept_under_a_pseudonym_with_sealed_details() -> None:
    person = {
        "name": f"{SECRET} Kim",
        "role": "direktør",
        "email": "kim@example.org",
        "phone": "+45 33 66 33 66",
        "party": "KAB",
        "spoke_for": ["AAB", "KAB", "kab@almen"],
    }
    (kept,) = logged(participants=[person]).participants
    assert kept == Participant(
        person=pseudonym(recognised_by(f"{SECRET} Kim", KAB.id)),
        details=PersonDetails(
            name=f"{SECRET} Kim", email="kim@example.org", phone="+45 33 66 33 66"
        ),
        role="direktør",
        party=KAB,
        spoke_for=(AAB, KAB),
    )


def test_a_pseudonym_given_by_the_caller_is_kept() -> None:
    given_one = "p-" + "0" * 32
    people = logged(participants=[{"person": given_one}, {"person": given_one, "name": "Kim"}])
    assert [p.person for p in people.participants] == [given_one, given_one]
    assert [p.details is None for p in people.participants] == [True, False]


def test_a_role_alone_has_no_pseudonym() -> None:
    (kept,) = logged(participants=[{"role": "mødeleder"}]).participants
    assert kept == Participant(role="mødeleder")


def test_the_same_name_in_another_party_is_another_person() -> None:
    people = logged(
        participants=[
            {"name": "Kim", "party": "KAB"},
            {"name": "KIM ", "party": "kab@almen"},
            {"name": "Kim", "party": "AAB"},
            {"name": "Kim"},
        ]
    ).participants
    same, again, other, nowhere = (p.person for p in people)
    assert same == again
    assert len({same, other, nowhere}) == 3


def test_every_key_a_command_names_is_looked_up_once() -> None:
    people = [{"role": "x", "party": "SOF", "spoke_for": ["AAB", "TMF"]}, {"role": "y"}]
    assert keys_named(asked(participants=people)) == ["TMF", "KAB", "SOF", "AAB"]
    assert keys_named(correcting(subject="x")) == []
    assert keys_named(correcting(organisations=["AAB"])) == ["AAB"]


# ── correct ──────────────────────────────────────────────────────────────────────────────────────


def test_a_correction_names_what_changed_and_why() -> None:
    before = logged()
    given(before).when(that(correcting(medium="email", organisations=["AAB"]))).then(
        ContactCorrected(
            contact_id=CONTACT,
            version=2,
            fields=("medium", "organisations"),
            content=before.content.model_copy(update={"medium": "email", "organisations": (AAB,)}),
            why=ReasonText(reason="tastefejl"),
        )
    )


def test_a_corrected_text_is_whole_and_an_untouched_one_is_left_alone() -> None:
    story = given(logged(facts="a", assessment="b"))
    (event,) = story.when(that(correcting(facts=None, subject="Nyt"))).events
    assert isinstance(event, ContactCorrected)
    assert event.text == ContactText(subject="Nyt", assessment="b")
    assert event.participants is None
    assert event.fields == ("subject", "facts")


def test_corrected_participants_stand_beside_those_first_written_down() -> None:
    before = logged(participants=[{"name": "Kim", "party": "KAB"}, {"role": "mødeleder"}])
    story = given(before)
    (event,) = story.when(that(correcting(participants=[{"role": "mødeleder"}]))).events
    assert isinstance(event, ContactCorrected)
    assert event.participants == (Participant(role="mødeleder"),)
    assert event.fields == ("participants",)
    assert event.text is None
    state = after(before, event)
    assert (state.participants, state.text) == (event.participants, before.text)
    assert len(before.participants) == 2


def test_a_corrected_time_is_resolved_and_may_not_lie_ahead() -> None:
    story = given(logged())
    (event,) = story.when(that(correcting(occurred="2010-01"))).events
    assert isinstance(event, ContactCorrected)
    assert event.content.occurred.last_day == "2010-01-31"
    story.when(that(correcting(occurred="2011"))).refused(
        refused("occurred_in_future", ("/occurred", "occurred_in_future"))
    )
    (kept,) = story.when(that(correcting(occurred="2011"), known(lenient=True))).events
    assert isinstance(kept, ContactCorrected)


def test_every_fault_of_a_correction_is_told_at_once() -> None:
    command = correcting(
        occurred="2011",
        medium="pigeon",
        administrations=["Ukendt"],
        organisations=["Boligen"],
        participants=[{"role": "x", "party": "?"}],
    )
    given(logged()).when(that(command)).refused(
        refused(
            "occurred_in_future",
            ("/occurred", "occurred_in_future"),
            ("/medium", "unknown_medium"),
            ("/administrations/0", "unknown_party"),
            ("/organisations/0", "ambiguous_party"),
            ("/organisations", "invalid_input"),
            ("/participants/0/party", "unknown_party"),
        )
    )


def test_a_correction_may_not_leave_the_other_side_empty() -> None:
    given(logged()).when(that(correcting(organisations=[]))).refused(
        refused("invalid_input", ("/organisations", "invalid_input"))
    )
    broadcast = correcting(organisations=[], audience={"text": "alle"})
    (event,) = given(logged()).when(that(broadcast)).events
    given(logged(), event).when(that(correcting(audience=None))).refused(  # type: ignore[arg-type]
        refused("invalid_input", ("/organisations", "invalid_input"))
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "Udlejning"},
        {"medium": "phone", "organisations": ["kab@almen"]},
        {"facts": None},
        {"occurred": {"from": "2010-02-22", "to": "2010-02-22"}},
        {"participants": []},
    ],
)
def test_a_correction_that_changes_nothing_is_refused(changed: dict[str, Any]) -> None:
    given(logged()).when(that(correcting(**changed))).refused(Refusal(Refused, "nothing_changed"))


def test_a_correction_says_why_and_names_a_field() -> None:
    with pytest.raises(ValidationError, match="name at least one field"):
        correcting()
    with pytest.raises(ValidationError, match="reason"):
        CorrectContact.model_validate({"subject": "x"})
    with pytest.raises(ValidationError, match="reason"):
        correcting(reason=" ", subject="x")


@pytest.mark.parametrize(
    "name",
    [
        "channel",
        "direction",
        "medium",
        "occurred",
        "administrations",
        "organisations",
        "subject",
        "participants",
        "topics",
        "kle",
        "case_numbers",
        "document_numbers",
        "confidentiality",
        "personal_data",
        "outcome",
    ],
)
def test_a_field_every_contact_has_cannot_be_emptied(name: str) -> None:
    with pytest.raises(ValidationError, match=f"must not be emptied: {name}"):
        correcting(**{name: None})


@pytest.mark.parametrize("name", ["audience", "facts", "assessment", "place", "occasion"])
def test_a_field_a_contact_may_lack_can_be_emptied(name: str) -> None:
    full = {
        "audience": {"text": "alle"},
        "facts": "a",
        "assessment": "b",
        "place": "c",
        "occasion": "planned",
    }
    (event,) = given(logged(**full)).when(that(correcting(**{name: None}))).events
    assert isinstance(event, ContactCorrected)
    assert event.fields == (name,)


def test_an_erased_text_returns_only_with_a_new_subject() -> None:
    erased = logged().model_copy(update={"text": None})
    (event,) = given(erased).when(that(correcting(subject="Nyt", facts="a"))).events
    assert isinstance(event, ContactCorrected)
    assert event.text == ContactText(subject="Nyt", facts="a")
    refusal = Refusal(Refused, "invalid_input", (("/subject", "invalid_input"),))
    given(erased).when(that(correcting(facts="a"))).refused(refusal)
    (event,) = given(erased).when(that(correcting(medium="email"))).events
    assert isinstance(event, ContactCorrected)
    assert event.text is None


def test_no_part_of_a_correction_is_dropped_in_silence() -> None:
    erased = logged().model_copy(update={"text": None})
    decided = given(erased).when(that(correcting(medium="email", facts="a")))
    assert decided.error is not None


def test_a_value_named_twice_in_a_correction_is_kept_once() -> None:
    (event,) = given(logged()).when(that(correcting(topics=["a", "a"]))).events
    assert isinstance(event, ContactCorrected)
    assert event.content.topics == ("a",)


# What can be sent back in a correction to undo one, by field, as a caller writes it.
SENDABLE: dict[str, list[Any]] = {
    "channel": ["direct", "entry_point"],
    "direction": ["inbound", "outbound", "mutual"],
    "medium": ["phone", "email"],
    "occurred": ["2010-02", "2010-02-22", "2010-02-22T23:30:00Z"],
    "administrations": [["TMF"], ["TMF", "SOF"]],
    "organisations": [["KAB"], ["AAB", "KAB"]],
    "audience": [None, {"text": "alle"}],
    "participants": [[], [{"name": "Kim", "party": "KAB"}], [{"role": "mødeleder"}]],
    "subject": ["Udlejning", "Tilsyn"],
    "facts": [None, "fakta"],
    "assessment": [None, "vurdering"],
    "place": [None, "Rådhuset"],
    "topics": [[], ["udlejning"]],
    "kle": [[], ["03.10"]],
    "case_numbers": [[], ["2009-116302"]],
    "document_numbers": [[], ["2010-140582"]],
    "confidentiality": ["open", "internal", "restricted"],
    "negotiation": [False, True],
    "personal_data": ["none", "ordinary", "sensitive"],
    "occasion": [None, "planned"],
    "outcome": ["held", "not_reached"],
}
_sent = st.fixed_dictionaries({name: st.sampled_from(of) for name, of in SENDABLE.items()})
_changes = st.sets(st.sampled_from(sorted(SENDABLE)), min_size=1)


def test_everything_that_can_be_corrected_can_be_corrected_back() -> None:
    assert SENDABLE.keys() == CorrectContact.model_fields.keys() - {"reason"}


@for_all(first=_sent, second=_sent, names=_changes)
def test_a_correction_and_its_inverse_give_the_content_back(
    first: dict[str, Any], second: dict[str, Any], names: set[str]
) -> None:
    assume(any(first[name] != second[name] for name in names))
    start = after(logged(**first))
    there = contacts.correct(start, correcting(**{n: second[n] for n in names}), known())
    between = reduce(evolve, there, start)
    back = contacts.correct(between, correcting(**{n: first[n] for n in names}), known())
    end = reduce(evolve, back, between)
    assert (end.content, end.text, end.participants) == (
        start.content,
        start.text,
        start.participants,
    )
    assert end.version == start.version + 2


# ── retract, link, unlink ────────────────────────────────────────────────────────────────────────


def test_a_contact_is_withdrawn_with_a_reason() -> None:
    given(logged()).when(that(RETRACTING)).then(RETRACTED)


def test_a_contact_is_filed_once_and_taken_off_again() -> None:
    given(logged()).when(that(FILING)).then(LINKED)
    given(logged(), LINKED).when(that(FILING)).refused(
        refused("link_exists", ("/target", "link_exists"))
    )
    given(logged(), LINKED).when(that(UNFILING)).then(UNLINKED)
    given(logged(), LINKED, UNLINKED).when(that(FILING)).then(
        LINKED.model_copy(update={"version": 4})
    )
    given(logged(), LINKED, UNLINKED).when(that(UNFILING)).refused(
        refused("link_unknown", ("/link_id", "link_unknown"))
    )


def test_a_filing_may_say_why() -> None:
    command = LinkContact(kind="enquiry", target="E1", reason="opfølgning")
    (event,) = given(logged()).when(that(command)).events
    assert isinstance(event, ContactLinked)
    assert event.why == ReasonText(reason="opfølgning")


def test_the_same_number_of_another_kind_is_another_filing() -> None:
    other = LinkContact(kind="document", target="2009-116302")
    assert given(logged(), LINKED).when(that(other)).error is None


@pytest.mark.parametrize("command", [RETRACTING, FILING, UNFILING, correcting(subject="Nyt")])
def test_a_withdrawn_contact_stays_as_it_was(command: Command) -> None:
    given(logged(), RETRACTED).when(that(command)).refused(Refusal(Refused, "contact_retracted"))


@pytest.mark.parametrize("command", [RETRACTING, FILING, UNFILING, correcting(subject="Nyt")])
def test_a_contact_nobody_logged_is_unknown(command: Command) -> None:
    given().when(that(command)).refused(Refusal(Unknown, "contact_unknown"))


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────


@for_all(st.lists(contact_events, max_size=6))
def test_evolve_takes_any_events_in_any_order_and_counts_them(events: list[ContactEvent]) -> None:
    assert after(*events).version == len(events)


def test_a_link_to_a_contact_is_no_part_of_that_contact_s_history() -> None:
    """`history(["contact:ID"])` reads by tag: the target gains a version and a foreign link."""
    elsewhere = ContactId("018f0000-0000-7000-8000-000000000002")
    pointing = LINKED.model_copy(
        update={"contact_id": elsewhere, "kind": "contact", "target": CONTACT}
    )
    own = [
        event for event in (logged(), pointing) if f"contact:{CONTACT}" in contacts.tags_of(event)
    ]
    assert after(*own).version == 1
    assert after(*own).links == {}


@for_all(contact_events)
def test_no_tag_holds_a_personal_value(event: ContactEvent) -> None:
    tags = contacts.tags_of(event)
    assert tags[0] == f"contact:{event.contact_id}"
    assert len(set(tags)) == len(tags)
    assert SECRET not in "".join(tags)
    people = getattr(event, "participants", None) or ()
    assert {f"person:{p.person}" for p in people if p.person} <= set(tags)


def test_an_event_is_tagged_with_everybody_and_everything_it_concerns() -> None:
    event = logged(
        administrations=["TMF", "SOF"],
        organisations=["KAB"],
        participants=[{"name": "Kim", "party": "KAB", "spoke_for": ["AAB"]}, {"role": "x"}],
        case_numbers=["2009-116302"],
    )
    assert contacts.tags_of(event) == [
        f"contact:{CONTACT}",
        f"party:{TMF.id}",
        f"party:{SOF.id}",
        f"party:{KAB.id}",
        f"party:{AAB.id}",
        f"person:{event.participants[0].person}",
        "case:2009-116302",
    ]
    assert contacts.tags_of(RETRACTED) == [f"contact:{CONTACT}"]
    assert contacts.tags_of(LINKED) == [f"contact:{CONTACT}", "case:2009-116302"]
    assert contacts.tags_of(UNLINKED) == contacts.tags_of(LINKED)


_commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        lambda sent, names: correcting(**{name: sent[name] for name in names}), _sent, _changes
    ),
    st.just(RETRACTING),
    st.builds(LinkContact, kind=st.just("case"), target=st.sampled_from(["1", "2"])),
    st.just(UNFILING),
)


@for_all(st.lists(_commands, max_size=8))
def test_no_commands_shorten_the_history_or_take_a_participant_out_of_it(
    commands: list[Command],
) -> None:
    first = logged(participants=[{"name": "Kim", "party": "KAB"}])
    history: list[ContactEvent] = [first]
    for command in commands:
        before = list(history)
        try:
            history += that(command)(after(*history))
        except DomainError:
            assert history == before
        assert history[: len(before)] == before
    assert history[0] == first
    assert first.participants[0].details is not None
    assert [after(*history[:n]).version for n in range(len(history) + 1)] == list(
        range(len(history) + 1)
    )


def test_the_other_side_s_names_are_as_they_were_when_it_was_written_down() -> None:
    renamed = known(parties={"TMF": SOF, "KAB": KAB.model_copy(update={"name": "Nyt navn"})})
    (event,) = given(logged()).when(that(correcting(organisations=["KAB"]), renamed)).events
    assert isinstance(event, ContactCorrected)
    assert event.content.organisations[0].name == "Nyt navn"
    assert event.content.administrations == (TMF,)
