"""How much one caller may ask for (hastighedsgrænser): an allowance each, refused before any work.

A key has an allowance, and so has an address for what comes without a key and for failed sign-ins.
All of it is this process's memory: two servers on one log each give the whole allowance.
"""

import math
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Any, Final

from api.http.problems import HttpProblem

BYTES_PER_UNIT: Final = 4_096
"""A request costs one, and one more for each 4 KiB of its body: a batch costs as it works."""
CALLERS_MAX: Final = 100_000
"""Callers remembered at once, some 15 MB; beyond them strangers share one allowance."""
SWEEP_SECONDS: Final = 1.0
"""How often, at most, a full memory is gone through for callers whose allowance is whole."""
MINUTE: Final = 60.0
PROBES: Final = frozenset({"/livez", "/readyz"})
"""What a supervisor asks without a key, and must always be told."""
TINY: Final = 1e-9
"""Seconds that float arithmetic leaves over; nobody waits for them."""
_CROWD: Final = "*"
_UNAUTHENTICATED: Final = 401
_NETWORK_BITS: Final = 64
"""One holder of IPv6 has a whole network of this size, so the network is the caller."""

Headers = list[tuple[bytes, bytes]]


class Allowance:
    """A bucket for each caller, kept as one number: the moment at which it is full again."""

    def __init__(self, per_second: float, burst: float, callers_max: int = CALLERS_MAX) -> None:
        """A full bucket holds `burst` units and gains `per_second` of them."""
        self.burst = burst
        self._unit = 1.0 / per_second
        self._window = burst / per_second
        self._full_at: dict[str, float] = {}
        self._callers_max = callers_max
        self._swept = -math.inf

    def __len__(self) -> int:
        return len(self._full_at)

    @property
    def window_seconds(self) -> int:
        """Seconds in which an empty bucket fills, rounded up."""
        return math.ceil(self._window)

    def spend(self, caller: str, now: float) -> float:
        """Take one unit and return 0; or take nothing, and return the seconds until there is one.

        What stands is often more than full: then only this unit is missing from it.
        """
        full_at = self._full_at.get(caller)
        if full_at is None:
            if len(self._full_at) >= self._callers_max and not self._made_room(now):
                caller = _CROWD
                full_at = self._full_at.get(_CROWD, now)
            else:
                full_at = now
        after = max(full_at, now) + self._unit
        wait = after - now - self._window
        if wait > TINY:
            return wait
        self._full_at[caller] = after
        return 0.0

    def charge(self, caller: str, now: float, units: float) -> None:
        """Take more units than there may be; who is in debt waits, at most two whole windows."""
        full_at = self._full_at.get(caller)
        if full_at is None and len(self._full_at) >= self._callers_max:
            caller, full_at = _CROWD, self._full_at.get(_CROWD)
        after = max(full_at or now, now) + units * self._unit
        self._full_at[caller] = min(after, now + 2 * self._window)

    def wait(self, caller: str, now: float) -> float:
        """Return the seconds until there is a unit to take; 0 when there is one."""
        return max(self._full_at.get(caller, now) - now + self._unit - self._window, 0.0)

    def left(self, caller: str, now: float) -> tuple[int, int]:
        """Return the whole units that are left, and the seconds until all are back."""
        missing = self._full_at.get(caller, now) - now
        if missing <= 0.0:
            return int(self.burst), 0
        return max(int(self.burst - missing / self._unit), 0), math.ceil(missing)

    def _made_room(self, now: float) -> bool:
        """Forget callers whose bucket is full: that is what a stranger's is, too."""
        if now - self._swept < SWEEP_SECONDS:
            return False
        self._swept = now
        self._full_at = {who: full_at for who, full_at in self._full_at.items() if full_at > now}
        return len(self._full_at) < self._callers_max


class Limits:
    """Decides at the gate who is let in now; learns from each answer whose the credential was."""

    def __init__(
        self,
        per_second: float,
        burst: float,
        failures_per_minute: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """A rate of zero switches that limit off."""
        self._clock = clock
        self._keys = Allowance(per_second, burst) if per_second else None
        self._addresses = Allowance(per_second, burst) if per_second else None
        per_minute = failures_per_minute
        self._failures = Allowance(per_minute / MINUTE, per_minute) if per_minute else None
        self._opened: dict[int, str] = {}
        """Hash of each credential that opened (never the credential) to the key's id."""
        self._policy = b""
        if self._keys is not None:
            told = f'"request";q={int(burst)};w={self._keys.window_seconds}'
            self._policy = told.encode()

    @property
    def are_on(self) -> bool:
        """Whether anything is limited at all."""
        return self._keys is not None or self._failures is not None

    def enter(self, scope: Any, credential: bytes | None) -> str | None:
        """Let a request in, before anything of it is read; 429 when its caller must wait.

        Returns the id of the key that pays, when this very credential opened before. All else
        pays from its address's allowance; a sign-in that fails from a second, smaller one, and
        once that is used up no unknown key is looked at. So nobody can try keys quickly, and who
        shares an address with such a one keeps using the keys that work.
        """
        now = self._clock()
        known = None if credential is None else self._opened.get(hash(credential))
        if known is not None:
            if self._keys is not None and (wait := self._keys.spend(known, now)):
                raise self._refusal(wait, self._keys, known, now)
            return known
        if credential is None and scope["path"] in PROBES:
            return None
        address = address_of(scope)
        if self._failures is not None and is_attempt(scope, credential):
            wait = self._failures.wait(address, now)
            if wait > TINY:
                raise _refusal(wait)
        if self._addresses is not None and (wait := self._addresses.spend(address, now)):
            raise self._refusal(wait, self._addresses, address, now)
        return None

    def leave(
        self, payer: str | None, scope: Any, credential: bytes | None, status: int
    ) -> tuple[bytes, bytes] | None:
        """Settle what a request came to; return its RateLimit header, if it has a key."""
        if status == _UNAUTHENTICATED:
            self._failed(scope, credential)
            return None
        state = scope["state"]
        key_id: str | None = state.get("key_id")
        if key_id != payer and key_id is not None and credential is not None:
            self._learn(credential, key_id)
        allowance = self._addresses if key_id is None else self._keys
        if allowance is None:
            return None
        now = self._clock()
        size = state.get("body_bytes", 0)
        if size >= BYTES_PER_UNIT:
            caller = address_of(scope) if key_id is None else key_id
            allowance.charge(caller, now, size // BYTES_PER_UNIT)
        return None if key_id is None else _told(allowance, key_id, now)

    @property
    def policy(self) -> tuple[bytes, bytes]:
        """The RateLimit-Policy header: units in all, and the seconds in which they come back."""
        return (b"ratelimit-policy", self._policy)

    def _failed(self, scope: Any, credential: bytes | None) -> None:
        if credential is not None:  # it may have opened once: revoked or expired meanwhile
            self._opened.pop(hash(credential), None)
        if self._failures is not None and is_attempt(scope, credential):
            self._failures.charge(address_of(scope), self._clock(), 1)

    def _learn(self, credential: bytes, key_id: str) -> None:
        if len(self._opened) >= CALLERS_MAX:
            self._opened.clear()
        self._opened[hash(credential)] = key_id

    def _refusal(self, wait: float, allowance: Allowance, caller: str, now: float) -> HttpProblem:
        problem = _refusal(wait)
        problem.headers["RateLimit-Policy"] = self._policy.decode()
        problem.headers["RateLimit"] = _told(allowance, caller, now)[1].decode()
        return problem


def is_attempt(scope: Any, credential: bytes | None) -> bool:
    """Whether a 401 would mean a failed sign-in: something was presented, or sent."""
    return credential is not None or scope["method"] == "POST"


def _told(allowance: Allowance, caller: str, now: float) -> tuple[bytes, bytes]:
    return (b"ratelimit", b'"request";r=%d;t=%d' % allowance.left(caller, now))


def _refusal(wait: float) -> HttpProblem:
    return HttpProblem("rate_limited", headers={"Retry-After": str(max(math.ceil(wait), 1))})


def address_of(scope: Any) -> str:
    """Return the address that asks, as the socket has it; of IPv6 its network.

    Headers of proxies are not believed: who writes them writes what they like.
    """
    client = scope.get("client")
    if client is None:
        return ""
    host: str = client[0]
    if ":" not in host:
        return host
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{int(address) >> (128 - _NETWORK_BITS):x}/{_NETWORK_BITS}"
    return host
