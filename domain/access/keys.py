"""API keys (API-nøgler): issued with a role and a scope, revoked, or given an end by rotation.

The secret is shown once and kept nowhere; the log keeps its hash.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Final, assert_never

from pydantic import AfterValidator, StringConstraints

from domain.access.roles import Role
from domain.access.sight import Scopes, demand_scope
from domain.errors import Refused, Unknown
from domain.values import Name, Value, instant_text

GRACE_MAX: Final = timedelta(days=90)
"""How long a rotated key may go on working; longer is not rotating it."""


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        msg = "must have an offset"
        raise ValueError(msg)
    return text


Moment = Annotated[
    str, StringConstraints(pattern=r"^[0-9T:.+Z-]+$", max_length=40), AfterValidator(_moment)
]
"""A moment as RFC 3339 with an offset."""


class KeyIssued(Value):
    """An API key was issued to somebody (API-nøgle udstedt); the secret itself is not kept."""

    key_id: str
    secret_sha256: str
    role: Role
    scopes: tuple[str, ...] = ()
    label: Name | None = None
    expires_at: str | None = None


class KeyRevoked(Value):
    """An API key was withdrawn (API-nøgle spærret)."""

    key_id: str
    reason: Name


class KeyExpirySet(Value):
    """An API key got an earlier end, because another took its place (udløb fastsat)."""

    key_id: str
    expires_at: str
    replaced_by: str | None = None


KeyEvent = KeyIssued | KeyRevoked | KeyExpirySet


class IssueKey(Value):
    """Issue an API key (udsted API-nøgle)."""

    role: Role
    scopes: Scopes = ()
    label: Name | None = None
    expires_at: Moment | None = None


class RotateKey(Value):
    """Issue a key in another's place; the old one works on for `grace` (skift API-nøgle)."""

    key_id: str
    grace: timedelta
    expires_at: Moment | None = None


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key as its events tell it."""

    issued: KeyIssued | None = None
    expires_at: str | None = None
    revoked: bool = False


def evolve_key(state: KeyState, event: KeyEvent) -> KeyState:
    """Fold one event into the state; total, never refuses."""
    match event:
        case KeyIssued():
            return replace(state, issued=event, expires_at=event.expires_at)
        case KeyRevoked():
            return replace(state, revoked=True)
        case KeyExpirySet():
            return replace(state, expires_at=event.expires_at)
    assert_never(event)


def key_state(events: Iterable[KeyEvent]) -> KeyState:
    """Return the key that these events, oldest first, tell of."""
    state = KeyState()
    for event in events:
        state = evolve_key(state, event)
    return state


def issue(command: IssueKey, key_id: str, secret_sha256: str) -> KeyIssued:
    """Decide the issue of a key; an organisation's key must say which organisation it is."""
    demand_scope(command.role, command.scopes)
    return KeyIssued(
        key_id=key_id,
        secret_sha256=secret_sha256,
        role=command.role,
        scopes=command.scopes,
        label=command.label,
        expires_at=command.expires_at,
    )


def rotate(
    state: KeyState, command: RotateKey, key_id: str, secret_sha256: str, now: datetime
) -> list[KeyEvent]:
    """Decide a rotation: a new key with the same role, scope and label, and the old one's end.

    The old key's own end stands when it comes earlier. Raises Unknown, or Refused for a key that
    no longer opens: whoever lost its rights does not get them back by rotation.
    """
    old = state.issued
    if old is None:
        raise Unknown("key_unknown")
    if state.revoked:
        raise Refused("key_revoked")
    end = now + min(max(command.grace, timedelta()), GRACE_MAX)
    if state.expires_at is not None:
        known = datetime.fromisoformat(state.expires_at)
        if known <= now:
            raise Refused("key_expired")
        end = min(end, known)
    new = old.model_copy(
        update={
            "key_id": key_id,
            "secret_sha256": secret_sha256,
            "expires_at": command.expires_at,
        }
    )
    ended = KeyExpirySet(key_id=old.key_id, expires_at=instant_text(end), replaced_by=key_id)
    return [new, ended]
