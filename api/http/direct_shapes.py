"""What answers about the direct door look like, for the document."""

from typing import Any, Literal

from pydantic import Field

from api.http.shapes import Contact, OccurredShown, Ref, Shape

Scope = Literal["all", "limited", "own"]


class Days(Shape):
    """Calendar days, both included."""

    from_: str = Field(alias="from")
    to: str


class DirectAnswer(Shape):
    """What every answer about the direct door tells of itself."""

    position: int
    scope: Scope = Field(
        description="Whose contacts: all, those within the key's scope, or the organisation's own"
    )


class DirectList(DirectAnswer):
    """A page; `next` goes on, null at the end."""

    next: str | None


# ── living pairs ─────────────────────────────────────────────────────────────────────────────────


class LastContact(Shape):
    """The newest direct contact in each direction."""

    inbound: Days | None
    outbound: Days | None
    mutual: Days | None
    any: Days | None


class PairStanding(Shape):
    """How one administration and one organisation stand to each other."""

    administration: Ref | None = Field(description="Null: nobody was ever in contact with it")
    organisation: Ref
    last: LastContact
    contacts: int = Field(description="Direct contacts wholly inside the window")
    straddling: int = Field(description="Those known only to a time that crosses its edge")
    living: bool
    silence_days: int | None = Field(description="Since the newest; null when there is none")
    silence_working_days: int | None
    contacts_url: str
    straddling_url: str
    pair_url: str | None


class PairTotal(Shape):
    """Pairs, living pairs and distinct contacts of one side."""

    administration: Ref | None = None
    organisation: Ref | None = None
    pairs: int
    living: int
    contacts: int


class MatrixTotals(PairTotal):
    """The same of all, and per side."""

    administrations: list[PairTotal]
    organisations: list[PairTotal]


class DirectMatrix(DirectList):
    """Administrations × organisations on a day (levende par)."""

    items: list[PairStanding]
    window: Days
    profile: str
    rows: int
    totals: MatrixTotals


class DirectContacts(DirectList):
    """The contacts behind a figure, newest first."""

    items: list[Contact]
    contacts: int = Field(description="Distinct contacts of the whole selection")
    pair_days: int = Field(description="Distinct pairs and days among them")


# ── turned away ──────────────────────────────────────────────────────────────────────────────────


class Withdrawal(Shape):
    """Why and when an account was withdrawn."""

    reason: str | None
    recorded_at: str


class TurnedAwayAccount(Shape):
    """One side's account (fremstilling) of being turned away."""

    id: str
    version: int
    status: Literal["told", "withdrawn"]
    position: int
    recorded_at: str
    changed_at: str
    kind: Literal["redirected", "refused"]
    side: Literal["organisation", "administration"]
    administration: Ref
    organisation: Ref
    by_unit: Ref | None
    medium: str
    occurred: OccurredShown
    told: str | None
    reason: str | None
    still_helped: bool | None
    topics: list[str]
    about: str | None
    confidentiality: str
    source: dict[str, str] | None
    withdrawal: Withdrawal | None
    recorded_by: dict[str, Any]


class AccountsBySide(Shape):
    """Both sides' accounts beside each other."""

    organisation: list[TurnedAwayAccount]
    administration: list[TurnedAwayAccount]


class TurnedAwayAttempt(Shape):
    """One attempt, told by one side or both; it counts once."""

    attempt: str
    administration: Ref
    organisation: Ref
    occurred: Days
    kinds: list[str]
    told_by: list[str]
    accounts: AccountsBySide


class TurnedAwayList(DirectList):
    """A page of attempts, newest first."""

    items: list[TurnedAwayAttempt]
    attempts: int = Field(description="Attempts in all; withdrawn accounts count nothing")
    accounts: int


class LensedContact(Shape):
    """A contact and the lens it is seen through: the door it came by."""

    lens: Literal["direct", "entry_point"]
    contact: Contact


class ChannelStanding(Shape):
    """How one channel of a pair stands."""

    contacts: int
    last: Days | None
    contacts_url: str


class PairChannels(Shape):
    """Both channels."""

    direct: ChannelStanding
    entry_point: ChannelStanding


class DirectPair(DirectList):
    """One pair: its contacts through both doors, and who turned whom away."""

    items: list[LensedContact]
    administration: Ref
    organisation: Ref
    standing: PairStanding | None = Field(description="Null: never any direct contact")
    channels: PairChannels
    turned_away: list[TurnedAwayAttempt]
    attempts: int
    contacts_url: str


# ── the indicator ────────────────────────────────────────────────────────────────────────────────


class Share(Shape):
    """A share with its n and Wilson 95 % interval; below n = 10 the counts only."""

    count: int
    n: int
    share: float | None
    low: float | None
    high: float | None


class LeftOut(Shape):
    """Direct contacts that are in no pair-day, and why."""

    straddling: int
    straddling_url: str
    without_organisation: int
    without_organisation_url: str


class WindowCounts(Shape):
    """Distinct pairs and days in one window."""

    pair_days: int
    spoken_for_only: int = Field(description="Of them, only because somebody spoke for the party")
    contacts_url: str
    left_out: LeftOut


class NotFalling(Shape):
    """K5: direct contact has not fallen. See docs/direct-contact.md."""

    formula: str
    baseline: WindowCounts
    follow_up: WindowCounts
    rho: float | None
    p: float | None
    p_holm: float | None
    verdict: Literal["alarm", "weak_evidence", "ok", "no_baseline", "too_few"]


class DirectShare(Shape):
    """K5b: share of all direct contact, and of what comes in."""

    formula: str
    of_direct: Share
    inbound: Share
    inbound_direct: int
    inbound_direct_url: str
    inbound_entry_point: int
    inbound_entry_point_url: str


class AttemptBrief(Shape):
    """One attempt that was turned away."""

    attempt: str
    occurred: Days
    kinds: list[str]
    accounts: list[str]


class DoorOpen(Shape):
    """K6: how open the direct door was."""

    formula: str
    turned_away: int
    redirected: int
    refused: int
    accounts: int
    straddling: int
    inbound_direct: int
    attempts: int
    open: Share
    inbound_direct_url: str
    turned_away_url: str
    listed: list[AttemptBrief]


class LivingPairs(Shape):
    """Pairs with direct contact in the 90 days up to a day."""

    from_: str = Field(alias="from")
    to: str
    pairs: int


class LostPair(Shape):
    """A pair that lived in the baseline and does not in the follow-up."""

    administration: Ref | None = None
    organisation: Ref | None = None
    contacts_url: str


class PairsKept(Shape):
    """K7: living pairs retained."""

    formula: str
    kept: Share
    baseline: LivingPairs
    follow_up: LivingPairs
    baseline_url: str
    follow_up_url: str
    lost: list[LostPair]


class IndicatorRow(Shape):
    """The figures of one administration, or of one organisation."""

    administration: Ref | None = None
    organisation: Ref | None = None
    K5: NotFalling
    K5b: DirectShare
    K6: DoorOpen
    K7: PairsKept


class IndicatorWindow(Days):
    """A window and its working days."""

    working_days: int


class Indicated(DirectAnswer):
    """What was compared, by which formulas."""

    day: str
    by: Literal["administration", "organisation"]
    formulas: dict[str, str]
    profile: str
    baseline: IndicatorWindow
    follow_up: IndicatorWindow
    tested: int
    alarms: int


class Break(Shape):
    """A party that is counted as another: merged, or succeeded."""

    party: Ref
    counted_as: Ref


class DirectIndicator(Indicated):
    """The indicator that direct contact is not hindered."""

    rules: dict[str, float]
    rows: list[IndicatorRow]
    breaks: list[Break]


class DirectAlarms(Indicated):
    """Who is an alarm or weak evidence in the default windows."""

    items: list[IndicatorRow]
