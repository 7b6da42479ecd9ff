"""What answers about grants, sessions and who one is look like, for the document."""

from typing import Literal

from pydantic import Field

from api.http.shapes import Listing, Recorder, Shape


class WithdrawnShown(Recorder):
    """Why and when a right was taken back, and by whom."""

    reason: str
    recorded_at: str


class Grant(Shape):
    """A right (rettighed): a role within a scope, from a day to a day."""

    id: str
    holder: str = Field(description="Pseudonym of a person", examples=["u-" + "0" * 32])
    role: str
    scopes: list[str]
    valid_from: str
    valid_to: str | None
    reason: str
    given_by: Recorder
    recorded_at: str
    withdrawn: WithdrawnShown | None
    in_force: bool = Field(description="On the day asked for, or today")
    position: int


class GrantList(Listing):
    """A page of grants, newest first."""

    items: list[Grant]


class Choice(Shape):
    """A right one may choose to act under."""

    id: str
    role: str
    scopes: list[str]


class Me(Shape):
    """Who asks, in which role, within which scope."""

    actor: str = Field(description="What the log names: the key's id, or a person's pseudonym")
    kind: Literal["key", "person"]
    role: str | None = Field(description="null for a person who must choose a grant first")
    label: str | None
    expires_at: str | None
    parties: list[str] = Field(description="Party ids the scope is limited to; none when empty")
    kle: list[str]
    actions: list[str]
    confidentialities: list[str]
    grants: list[Grant] = Field(description="One's own in the log, in force")
    choices: list[Choice] = Field(
        description="What a person may act under, also what the sign-in service tells of; choose"
        " with `Kontaktlog-Grant` where there are several"
    )
    acts_under: str | None = Field(description="The one of them that is in force for this request")
    position: int


class KeyShown(Shape):
    """An API key without its secret."""

    key_id: str
    role: str
    scopes: list[str]
    label: str | None
    expires_at: str | None
    revoked: bool
    position: int


class KeyList(Listing):
    """A page of API keys, those changed last first."""

    items: list[KeyShown]


class SessionShown(Shape):
    """A session of one's own (session): signed in at one browser."""

    id: str
    signed_in_at: str
    seen_at: str = Field(description="Last request, to a minute")
    ends_at: str = Field(description="When one must sign in anew, at the latest")
    current: bool = Field(description="The one that asks")


class SessionList(Shape):
    """One's own sessions, newest first; an API key has none."""

    items: list[SessionShown]


class SessionsEnded(Shape):
    """How many sessions were ended."""

    ended: int
