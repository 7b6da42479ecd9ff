"""Both doors in one timeline: steps of enquiries, accounts of being turned away, within sight."""

from collections.abc import Callable
from typing import Any

import orjson

from domain.access import Role, Sight
from domain.direct_contact import (
    AccountText,
    DirectAccountWithdrawn,
    DirectContactRefused,
    Side,
    WithdrawalText,
)
from domain.parties import PartyMerged
from domain.values import Confidentiality, OccurredGiven, PartyId
from projections import (
    contact_rows,
    direct_rows,
    enquiries,
    parties,
    register_rows,
    timeline,
)
from projections.registry import View
from projections.runner import Runner, positions
from projections.storage import ViewStore
from projections.timeline_doors import Lens
from tests.projections.desk import ZONE, Desk
from tests.projections.memory import EVERYTHING, PARTIES, seeing
from tests.projections.test_parties import register

VIEWS: list[View] = [
    contact_rows.VIEW,
    parties.VIEW,
    timeline.VIEW,
    enquiries.VIEW,
    direct_rows.VIEW,
    *register_rows.VIEWS,
]
Follow = Callable[..., Runner]


def account(desk: Desk, day: str, **more: Any) -> str:
    account_id = f"account-{desk.story.log.head()}"
    said = {
        "account_id": account_id,
        "side": Side.ORGANISATION,
        "administration": PARTIES["TMF"],
        "organisation": PARTIES["KAB"],
        "medium": "phone",
        "occurred": OccurredGiven.model_validate(day).resolve(ZONE),
        "text": AccountText(told="Blev afvist", reason=None),
        "confidentiality": Confidentiality.INTERNAL,
    }
    desk.story.tell(DirectContactRefused.model_validate(said | more))
    return account_id


def entries(
    store: ViewStore,
    party: str = "id-KAB",
    *,
    at: int | None = None,
    sight: Sight = EVERYTHING,
    lens: Lens | None = None,
    limit: int = 100,
    after: timeline.Key | None = None,
    day: str | None = None,
) -> tuple[list[dict[str, Any]], timeline.Key | None]:
    known = positions(store)
    vs = {name: known[name].suffix for name in timeline.VIEWS_ASKED}
    with store.reading() as reader:
        position = known["enquiries"].position if at is None else at
        found = timeline.timeline(reader, vs, position, day, sight, party, limit, after, lens)
    shown = [orjson.loads(each) for each in found.items]
    return [each for each in shown if each["kind"] != "party"], found.next


def told(desk: Desk) -> str:
    for name in ("TMF", "SOF", "KAB", "AKB"):
        register(desk.story, f"id-{name}", name)
    enquiry = desk.receive(received="2010-02-22")
    desk.take(enquiry, "TriageEnquiry", priority="high", occurred="2010-02-23")
    desk.take(enquiry, "RouteEnquiry", to="TMF", occurred="2010-02-24")
    desk.story.log_contact(occurred="2010-02-23")
    account(desk, "2010-02-25")
    return enquiry


def test_each_entry_names_its_lens_and_why(desk: Desk, store: ViewStore, follow: Follow) -> None:
    told(desk)
    follow(store, VIEWS)
    found, more = entries(store)
    assert more is None
    assert [(each["day"], each["kind"], each["lens"]) for each in found] == [
        ("2010-02-25", "account", "direct"),
        ("2010-02-24", "enquiry", "entry_point"),
        ("2010-02-23", "contact", "direct"),
        ("2010-02-23", "enquiry", "entry_point"),
        ("2010-02-22", "enquiry", "entry_point"),
        ("2010-02-22", "contact", "entry_point"),
    ]
    assert {each["why"][0]["reason"] for each in found} == {"own"}
    assert found[1]["step"]["summary_da"] == "Fordelt til TMF"
    assert found[1]["enquiry"]["phase"] == "routed"
    ours, _ = entries(store, "id-TMF")
    assert [each["position"] for each in ours] == [each["position"] for each in found]
    wanted: tuple[tuple[Lens, list[str]], ...] = (
        ("direct", ["account", "contact"]),
        ("entry_point", ["enquiry", "enquiry", "enquiry", "contact"]),
    )
    for lens, kinds in wanted:
        assert [each["kind"] for each in entries(store, lens=lens)[0]] == kinds
    assert [each["kind"] for each in entries(store, day="2010-02-22")[0]] == ["enquiry", "contact"]


def test_pages_join_to_the_whole(desk: Desk, store: ViewStore, follow: Follow) -> None:
    told(desk)
    follow(store, VIEWS)
    whole, _ = entries(store)
    joined: list[dict[str, Any]] = []
    after = None
    while True:
        some, after = entries(store, limit=2, after=after)
        joined += some
        if after is None:
            break
    assert joined == whole


def test_nobody_is_shown_what_is_not_theirs(desk: Desk, store: ViewStore, follow: Follow) -> None:
    told(desk)
    account(desk, "2010-02-26", confidentiality=Confidentiality.RESTRICTED)
    follow(store, VIEWS)

    def kinds(sight: Sight) -> list[str]:
        return [each["kind"] for each in entries(store, sight=sight)[0]]

    everything = ["account", "account", "enquiry", "contact", "enquiry", "enquiry", "contact"]
    assert kinds(EVERYTHING) == everything
    kab = seeing(Role.ORGANISATION, "party:id-KAB")
    assert kinds(kab) == ["account", "enquiry", "contact", "enquiry", "contact"]  # not the sorting
    assert "high" not in str(entries(store, sight=kab))
    for scope in ("party:id-AKB", "party:id-SOF"):
        assert kinds(seeing(Role.ORGANISATION, scope)) == []
    assert kinds(seeing(Role.CASE_OFFICER, "unit:id-SOF")) == []
    assert kinds(seeing(Role.CASE_OFFICER, "unit:id-TMF")) == everything
    assert kinds(seeing(Role.COUNCILLOR)) == []
    assert kinds(seeing(Role.CASE_OFFICER, "kle:03.10")) == []


def test_a_withdrawn_account_stays_and_says_so(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    told(desk)
    before = desk.story.log.head()
    gone = account(desk, "2010-03-01")
    desk.story.tell(
        DirectAccountWithdrawn(
            account_id=gone, side=Side.ORGANISATION, why=WithdrawalText(reason="Misforstået")
        )
    )
    follow(store, VIEWS)
    assert entries(store)[0][0]["account"]["status"] == "withdrawn"
    assert entries(store, at=before + 1)[0][0]["account"]["status"] == "told"
    assert entries(store, at=before)[0][0]["day"] == "2010-02-25"


def test_what_was_merged_brings_its_enquiries_along(
    desk: Desk, store: ViewStore, follow: Follow
) -> None:
    told(desk)
    desk.story.tell(
        PartyMerged(party_id=PartyId("id-KAB"), into_party_id=PartyId("id-AKB"), reason="samme")
    )
    follow(store, VIEWS)
    found, _ = entries(store, "id-AKB")
    assert {each["kind"] for each in found} == {"account", "contact", "enquiry"}
    assert {each["why"][0]["reason"] for each in found} == {"merged"}
