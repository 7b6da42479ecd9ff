"""The register of parties: names, outside numbers, relations, merges; nothing is ever lost."""

import hashlib
import itertools
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from pydantic import ValidationError
from stdnum import ean
from stdnum.dk import cvr

from domain import parties
from domain.errors import Conflict, Fault, Refused
from domain.parties import (
    ADMINISTRATION_KINDS,
    KINDS,
    AddAlias,
    AddExternalId,
    CloseParty,
    EndRelation,
    ExternalId,
    MergeParty,
    PartyAliasAdded,
    PartyClosed,
    PartyEvent,
    PartyExternalIdAdded,
    PartyMerged,
    PartyRegistered,
    PartyRelated,
    PartyRelationEnded,
    PartyRenamed,
    PartyState,
    PartyUnmerged,
    RegisterParty,
    RelateParty,
    RenameParty,
    UnmergeParty,
    evolve,
    key_tag,
)
from domain.parties.commands import ALIASES_MAX, EXTERNAL_IDS_MAX
from domain.parties.identifiers import check_external_ids, cvr_fault, gln_fault, p_number_fault
from tests.domain.samples import AAB, KAB, TMF, party_events
from tests.domain.scenario import Refusal, Story, told

Decide = Callable[[PartyState], Sequence[PartyEvent]]
CVR_OFFICIAL = "13748136"  # the example of the register itself
GLN_SOF = "5798009683052"  # a unit of the Social Services Administration
WHY = "fusion"


def given(*events: PartyEvent) -> Story[PartyState]:
    return told(evolve, PartyState(), events)


def after(*events: PartyEvent) -> PartyState:
    return reduce(evolve, events, PartyState())


def asked(**changed: Any) -> RegisterParty:
    sent = {"kind": "housing_organisation", "name": "KAB"}
    return RegisterParty.model_validate(sent | changed, strict=False)


def refused(code: str, *faults: tuple[str, str]) -> Refusal:
    return Refusal(Refused, code, faults)


def registering(command: RegisterParty, **related: Any) -> Decide:
    numbers = itertools.count(1)
    return lambda _: parties.register(command, KAB.id, related, lambda: f"r{next(numbers)}")


REGISTERED = PartyRegistered(party_id=KAB.id, kind="housing_organisation", name="KAB")
RELATED = PartyRelated(relation_id="r1", party_id=KAB.id, relation="member_of", to_party_id=AAB.id)
ENDED = PartyRelationEnded(
    relation_id="r1", party_id=KAB.id, to_party_id=AAB.id, valid_to="2010-12-31"
)
MERGED = PartyMerged(party_id=KAB.id, into_party_id=AAB.id, reason=WHY)
UNMERGED = PartyUnmerged(party_id=KAB.id, from_party_id=AAB.id, reason=WHY)
CLOSED = PartyClosed(party_id=KAB.id, valid_to="2010-12-31", reason=WHY)
MEMBER = RelateParty(relation="member_of", to="AAB")
ENDING = EndRelation(relation_id="r1", valid_to="2010-12-31")
RENAMING = RenameParty(name="KAB Fællesskabet", valid_from="2010-07-01")


def relating(command: RelateParty, to: Any = AAB) -> Decide:
    return lambda state: parties.relate(state, KAB.id, to, command, "r1")


def ending(command: EndRelation) -> Decide:
    return lambda state: parties.end_relation(state, command)


def merging(into: Any = AAB) -> Decide:
    return lambda state: parties.merge(state, KAB.id, into, MergeParty(into="AAB", reason=WHY))


def unmerging() -> Decide:
    return lambda state: parties.unmerge(state, KAB.id, UnmergeParty(reason=WHY))


def closing() -> Decide:
    command = CloseParty(valid_to="2010-12-31", reason=WHY)
    return lambda state: parties.close(state, KAB.id, command)


def renaming() -> Decide:
    return lambda state: parties.rename(state, KAB.id, RENAMING)


# ── register ─────────────────────────────────────────────────────────────────────────────────────


def test_a_party_is_entered_with_all_that_is_known_of_it() -> None:
    command = asked(
        abbreviation="KAB",
        aliases=["Københavns Almindelige", "KAB s.m.b.a.", "KAB s.m.b.a."],
        external_ids=[{"scheme": "cvr", "value": CVR_OFFICIAL}],
        valid_from="1920-01-01",
        source={"system": "lbf", "id": "1"},
    )
    given().when(registering(command)).then(
        PartyRegistered(
            party_id=KAB.id,
            kind="housing_organisation",
            name="KAB",
            abbreviation="KAB",
            aliases=("Københavns Almindelige", "KAB s.m.b.a."),
            external_ids=(ExternalId(scheme="cvr", value=CVR_OFFICIAL),),
            valid_from="1920-01-01",
            source=command.source,
        )
    )


def test_a_party_may_be_entered_with_its_parent_and_its_administrator() -> None:
    command = asked(part_of="AAB", administered_by="TMF", valid_from="2010-01-01")
    given().when(registering(command, part_of=AAB, administered_by=TMF)).then(
        REGISTERED.model_copy(update={"valid_from": "2010-01-01"}),
        PartyRelated(
            relation_id="r1",
            party_id=KAB.id,
            relation="part_of",
            to_party_id=AAB.id,
            valid_from="2010-01-01",
        ),
        PartyRelated(
            relation_id="r2",
            party_id=TMF.id,
            relation="administers",
            to_party_id=KAB.id,
            valid_from="2010-01-01",
        ),
    )


def test_every_wrong_number_is_told_at_once_and_a_doubtful_cvr_number_only_warned_of() -> None:
    numbers = [
        {"scheme": "cvr", "value": "1374813"},
        {"scheme": "gln", "value": "5798009495045"},
        {"scheme": "cvr", "value": "13748137"},
        {"scheme": "p", "value": "123"},
        {"scheme": "lbf", "value": "anything"},
    ]
    given().when(registering(asked(external_ids=numbers))).refused(
        refused(
            "check_digit",
            ("/external_ids/0/value", "check_digit"),
            ("/external_ids/1/value", "check_digit"),
            ("/external_ids/3/value", "check_digit"),
        )
    )
    (event,) = given().when(registering(asked(external_ids=numbers[2:3]))).events
    assert isinstance(event, PartyRegistered)
    assert event.warnings == ("cvr_check_digit:0",)


@pytest.mark.parametrize(
    ("name", "most", "one"),
    [
        ("aliases", ALIASES_MAX, "x"),
        ("external_ids", EXTERNAL_IDS_MAX, {"scheme": "lbf", "value": "x"}),
    ],
)
def test_a_party_has_a_bounded_number_of_further_names_and_numbers(
    name: str, most: int, one: Any
) -> None:
    assert len(getattr(asked(**{name: [one] * most}), name)) == most
    with pytest.raises(ValidationError, match="too_long"):
        asked(**{name: [one] * (most + 1)})


def test_kinds_are_codes_and_a_municipality_may_use_its_own() -> None:
    assert set(KINDS) > ADMINISTRATION_KINDS
    assert len(set(KINDS)) == len(KINDS)
    assert asked(kind="our_own_kind").kind == "our_own_kind"


# ── names and numbers ────────────────────────────────────────────────────────────────────────────


def test_a_party_gets_another_name_from_a_day_on() -> None:
    given(REGISTERED).when(renaming()).then(
        PartyRenamed(party_id=KAB.id, name="KAB Fællesskabet", valid_from="2010-07-01")
    )


def test_a_further_name_is_added_once() -> None:
    def adding(alias: str) -> Decide:
        return lambda state: parties.add_alias(state, KAB.id, AddAlias(alias=alias))

    added = PartyAliasAdded(party_id=KAB.id, alias="Kab")
    given(REGISTERED).when(adding("Kab")).then(added)
    given(REGISTERED, added).when(adding("Kab")).nothing()
    known = REGISTERED.model_copy(update={"aliases": ("Kab",)})
    given(known).when(adding("Kab")).nothing()


def test_a_further_number_is_added_once_and_checked() -> None:
    def adding(scheme: str, value: str) -> Decide:
        command = AddExternalId(external_id=ExternalId(scheme=scheme, value=value))
        return lambda state: parties.add_external_id(state, KAB.id, command)

    added = PartyExternalIdAdded(
        party_id=KAB.id, external_id=ExternalId(scheme="gln", value=GLN_SOF)
    )
    given(REGISTERED).when(adding("gln", GLN_SOF)).then(added)
    given(REGISTERED, added).when(adding("gln", GLN_SOF)).nothing()
    given(REGISTERED).when(adding("gln", "5798009683053")).refused(
        refused("check_digit", ("/external_id/value", "check_digit"))
    )
    (warned,) = given(REGISTERED).when(adding("cvr", "13748137")).events
    assert isinstance(warned, PartyExternalIdAdded)
    assert warned.warnings == ("cvr_check_digit:0",)


def test_names_and_numbers_are_claimed_and_nicknames_are_not() -> None:
    event = REGISTERED.model_copy(
        update={
            "name": "KAB",
            "abbreviation": "K",
            "aliases": ("Kab",),
            "external_ids": (ExternalId(scheme="cvr", value=CVR_OFFICIAL),),
        }
    )
    claimed = [("name", "KAB"), ("name", "K"), ("cvr", CVR_OFFICIAL)]
    assert parties.keys_of(event) == claimed
    assert parties.free_keys([event], PartyState()) == [key_tag(*key) for key in claimed]
    assert parties.keys_of(PartyAliasAdded(party_id=KAB.id, alias="Kab")) == []


def test_a_name_that_is_its_own_abbreviation_is_claimed_once() -> None:
    event = REGISTERED.model_copy(update={"abbreviation": "KAB"})
    assert parties.keys_of(event) == [("name", "KAB")]
    renamed = PartyRenamed(party_id=KAB.id, name="Ny", abbreviation="N", valid_from="2010-01-01")
    assert parties.keys_of(renamed) == [("name", "Ny"), ("name", "N")]


def test_a_party_may_take_its_old_name_up_again() -> None:
    renamed = PartyRenamed(party_id=KAB.id, name="Ny", valid_from="2010-01-01")
    back = PartyRenamed(party_id=KAB.id, name="KAB", valid_from="2011-01-01")
    assert parties.free_keys([renamed], after(REGISTERED)) == [key_tag("name", "Ny")]
    assert parties.free_keys([back], after(REGISTERED, renamed)) == []


# ── relations ────────────────────────────────────────────────────────────────────────────────────


def test_a_relation_is_made_and_ended_on_its_last_day() -> None:
    given(REGISTERED).when(relating(MEMBER)).then(RELATED)
    given(REGISTERED, RELATED).when(ending(ENDING)).then(ENDED)


def test_a_party_stands_in_no_relation_to_itself() -> None:
    given(REGISTERED).when(relating(MEMBER, KAB)).refused(
        refused("relation_to_itself", ("/to", "relation_to_itself"))
    )


def test_the_same_relation_is_open_once_at_a_time() -> None:
    exists = refused("relation_exists", ("/to", "relation_exists"))
    given(REGISTERED, RELATED).when(relating(MEMBER)).refused(exists)
    given(REGISTERED, RELATED, ENDED).when(relating(MEMBER)).then(RELATED)
    bounded = RELATED.model_copy(update={"valid_to": "2009-12-31"})
    given(REGISTERED, bounded).when(relating(MEMBER)).then(RELATED)
    other = RelateParty(
        relation="part_of", to="AAB", valid_from="2010-01-01", valid_to="2010-02-01"
    )
    assert given(REGISTERED, RELATED).when(relating(other)).error is None
    assert given(REGISTERED, RELATED).when(relating(MEMBER, TMF)).error is None


def test_a_relation_ends_once_and_only_if_there_is_one() -> None:
    given(REGISTERED).when(ending(ENDING)).refused(
        refused("relation_unknown", ("/relation_id", "relation_unknown"))
    )
    given(REGISTERED, RELATED, ENDED).when(ending(ENDING)).refused(
        refused("relation_ended", ("/relation_id", "relation_ended"))
    )


def test_a_relation_does_not_end_before_it_begins() -> None:
    with pytest.raises((ValidationError, Refused)):
        relating(
            RelateParty(relation="other", to="AAB", valid_from="2010-02-01", valid_to="2010-01-01")
        )(after(REGISTERED))


# ── merge, unmerge, close ────────────────────────────────────────────────────────────────────────


def test_two_entries_of_one_party_are_merged_and_parted_again() -> None:
    given(REGISTERED).when(merging()).then(MERGED)
    given(REGISTERED, MERGED).when(unmerging()).then(UNMERGED)
    given(REGISTERED, MERGED, UNMERGED).when(merging()).then(MERGED)


def test_a_party_is_not_merged_with_itself() -> None:
    given(REGISTERED).when(merging(KAB)).refused(
        refused("relation_to_itself", ("/into", "relation_to_itself"))
    )


def test_only_what_was_merged_is_parted() -> None:
    given(REGISTERED).when(unmerging()).refused(Refusal(Refused, "party_not_merged"))
    given(REGISTERED, MERGED, UNMERGED).when(unmerging()).refused(
        Refusal(Refused, "party_not_merged")
    )


def test_a_party_ceases_to_exist_once() -> None:
    given(REGISTERED).when(closing()).then(CLOSED)
    given(REGISTERED, CLOSED).when(closing()).refused(Refusal(Refused, "party_closed"))


@pytest.mark.parametrize("decide", [renaming, merging, closing])
def test_a_merged_party_lives_on_in_the_other_and_names_it(decide: Callable[[], Decide]) -> None:
    decided = given(REGISTERED, MERGED).when(decide())
    decided.refused(Refusal(Conflict, "party_merged"))
    assert decided.error is not None
    assert decided.error.params == {"into": AAB.id}


@pytest.mark.parametrize("decide", [renaming, merging, closing])
def test_a_closed_party_does_nothing_more(decide: Callable[[], Decide]) -> None:
    given(REGISTERED, CLOSED).when(decide()).refused(Refusal(Refused, "party_closed"))


def test_the_other_end_of_a_merge_is_not_merged_by_it() -> None:
    """Both ends are tagged, so the survivor reads the merge in its own history too."""
    survivor = REGISTERED.model_copy(update={"party_id": AAB.id, "name": "AAB"})
    assert after(survivor, MERGED).merged_into is None
    assert after(survivor, MERGED, UNMERGED) == after(survivor)


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────


@for_all(st.lists(party_events, max_size=8))
def test_evolve_takes_any_events_in_any_order_and_forgets_no_key(events: list[PartyEvent]) -> None:
    state = PartyState()
    for event in events:
        before = state
        state = evolve(state, event)
        assert before.keys <= state.keys
        assert before.aliases <= state.aliases
        assert before.relations.keys() <= state.relations.keys()
        assert before.ended <= state.ended
        assert before.closed <= state.closed


@for_all(party_events)
def test_a_tag_names_every_party_and_hashes_every_key(event: PartyEvent) -> None:
    tags = parties.tags_of(event)
    named = {value for name, value in event.model_dump().items() if name.endswith("party_id")}
    assert {f"party:{party}" for party in named} == {t for t in tags if t.startswith("party:")}
    assert {key_tag(*key) for key in parties.keys_of(event)} == {
        tag for tag in tags if tag.startswith("key:")
    }


def test_a_key_s_tag_tells_nothing_of_the_name() -> None:
    tag = key_tag("name", "Jens Hansen")
    assert tag == "key:" + hashlib.sha256(b"name\nJens Hansen").hexdigest()[:32]


# ── check digits (domain.md 2.5) ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (CVR_OFFICIAL, None),
        ("13748137", "check_digit"),
        ("1374813", "form"),
        ("137481360", "form"),
        ("1374813x", "form"),
        ("١٣٧٤٨١٣٦", "form"),
        ("", "form"),
    ],
)
def test_a_cvr_number_is_eight_digits_of_modulus_11(number: str, fault: str | None) -> None:
    assert cvr_fault(number) == fault


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("5798009495044", None),
        ("5798009495045", "check_digit"),
        (GLN_SOF, None),
        ("579800968305", "form"),
        ("57980096830522", "form"),
        ("579800968305x", "form"),
        ("５７９８００９６８３０５２", "form"),
    ],
)
def test_a_gln_number_is_thirteen_digits_of_modulus_10(number: str, fault: str | None) -> None:
    assert gln_fault(number) == fault


@pytest.mark.parametrize(
    ("number", "fault"),
    [("1003388394", None), ("0000000000", None), ("123456789", "form"), ("12345678901", "form")],
)
def test_a_production_unit_s_number_is_only_counted(number: str, fault: str | None) -> None:
    assert p_number_fault(number) == fault


@for_all(st.from_regex(r"[1-9][0-9]{7}", fullmatch=True))
def test_our_cvr_rule_agrees_with_stdnum(number: str) -> None:
    assert (cvr_fault(number) is None) == cvr.is_valid(number)


@for_all(st.from_regex(r"[0-9]{13}", fullmatch=True))
def test_our_gln_rule_agrees_with_stdnum(number: str) -> None:
    assert (gln_fault(number) is None) == ean.is_valid(number)


@for_all(st.from_regex(r"[1-9][0-9]{6}", fullmatch=True))
def test_one_wrong_digit_is_found_in_every_valid_cvr_number(start: str) -> None:
    digit = next((d for d in "0123456789" if cvr_fault(start + d) is None), None)
    if digit is None:  # remainder 1: no such number is issued
        return
    for index, other in itertools.product(range(8), "0123456789"):
        changed = (start + digit)[:index] + other + (start + digit)[index + 1 :]
        assert (cvr_fault(changed) is None) == (changed == start + digit)


def test_an_ean_number_is_checked_as_a_gln_number() -> None:
    faults, warnings = check_external_ids([ExternalId(scheme="ean", value="1")], "/x")
    assert faults == [Fault("/x/0/value", "check_digit", {"scheme": "ean", "why": "form"})]
    assert warnings == ()
